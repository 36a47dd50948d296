//! Events with derivatives.

use super::events::Event;
use crate::number::{Real, Taped, Zeros};
use std::rc::Rc;

/// An event that is written once for every number, so that solves with it can be differentiated: when it happens depends on
/// states and parameters, and so does what it leads to.
///
/// ```
/// use ansatz::ode::Jump;
/// use ansatz::prelude::*;
/// /// A dose of 2 into the first state, this long after the time 1.
/// struct Late;
/// impl Jump for Late {
///     fn function<R: Real>(&self, t: R, _u: &[R], p: &[R]) -> R {
///         t - 1.0 - p[1]
///     }
///     fn effect<R: Real>(&self, _t: R, u: &mut [R], _p: &[R]) {
///         u[0] = u[0] + 2.0;
///     }
/// }
/// let decay = from_fn(["u"], |_t, u, p, du| du[0] = -p[0] * u[0]);
/// let solve = Solve::system(&decay, [1.0], 0.0, 2.0).parameters([1.0, 0.25]).rtol(1e-9).atol(1e-9);
/// let solution = solve.event(Event::of("dose", Late)).run()?;
/// assert!((solution.last()[0] - ((-2.0f64).exp() + 2.0 * (-0.75f64).exp())).abs() < 1e-8);
/// # Ok::<(), ansatz::Error>(())
/// ```
pub trait Jump {
    /// The function whose zero crossing it is.
    fn function<R: Real>(&self, t: R, u: &[R], p: &[R]) -> R;
    /// What it does to the state: nothing, if left out.
    fn effect<R: Real>(&self, t: R, u: &mut [R], p: &[R]) {
        let _ = (t, u, p);
    }
}

impl<'e> Event<'e> {
    /// The zero crossings of a [`Jump`], in both directions, with its effect on the state; solves with it can be
    /// differentiated.
    pub fn of(name: impl Into<String>, jump: impl Jump + 'e) -> Self {
        let jump = Rc::new(jump);
        let (function, effect) = (Rc::clone(&jump), Rc::clone(&jump));
        let event = Event::new(name, move |t, u, p| function.function(t, u, p));
        event.then(move |t, u, p| effect.effect(t, u, p)).with_slopes(jump)
    }
}

/// Derivatives of a [`Jump`], whatever it is.
pub(crate) trait JumpSlopes {
    /// $g_t$; writes $g_u$ and $g_p$.
    fn function_slopes(&self, at: (f64, &[f64], &[f64]), u_bar: &mut [f64], p_bar: &mut [f64]) -> f64;
    /// With the effect $r(t, u, p)$: $r_t^\top \lambda$; writes $r_u^\top \lambda$ and $r_p^\top \lambda$.
    fn effect_back(&self, at: (f64, &[f64], &[f64]), lambda: &[f64], u_bar: &mut [f64], p_bar: &mut [f64]) -> f64;
}

/// Evaluates a number of $t$, $u$ and $p$; its derivative by $t$, those by $u$ and $p$ written.
fn slopes(
    (t, u, p): (f64, &[f64], &[f64]),
    (u_bar, p_bar): (&mut [f64], &mut [f64]),
    f: impl FnOnce(Taped, &[Taped], &[Taped]) -> Taped,
) -> f64 {
    let n = u.len();
    let mut room = Zeros::<f64>::new(2 * (1 + n + p.len()));
    let (x, bars) = room.split_at_mut(1 + n + p.len());
    x[0] = t;
    x[1..=n].copy_from_slice(u);
    x[n + 1..].copy_from_slice(p);
    Taped::gradient(x, bars, |x| f(x[0], &x[1..=n], &x[n + 1..]));
    u_bar.copy_from_slice(&bars[1..=n]);
    p_bar.copy_from_slice(&bars[n + 1..]);
    bars[0]
}

impl<J: Jump> JumpSlopes for J {
    fn function_slopes(&self, at: (f64, &[f64], &[f64]), u_bar: &mut [f64], p_bar: &mut [f64]) -> f64 {
        slopes(at, (u_bar, p_bar), |t, u, p| self.function(t, u, p))
    }

    fn effect_back(&self, at: (f64, &[f64], &[f64]), lambda: &[f64], u_bar: &mut [f64], p_bar: &mut [f64]) -> f64 {
        slopes(at, (u_bar, p_bar), |t, u, p| {
            let mut changed = Zeros::<Taped>::new(u.len());
            changed.copy_from_slice(u);
            self.effect(t, &mut changed, p);
            changed.iter().zip(lambda).fold(Taped::zero(), |sum, (u, lambda)| sum + *u * *lambda)
        })
    }
}
