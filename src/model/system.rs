//! The one door to the solvers.

use super::{MassMatrix, ModelError, Sparsity};
use crate::number::{Along, AlongMut};

/// What a solver sees: $\dot u = f(t, u, p)$ with $n$ states and a flat parameter vector.
///
/// Every [`Model`](super::Model) becomes one through [`Bound`](super::Bound), a closure through
/// [`from_fn`](super::from_fn); hand-written systems implement it directly.
pub trait System: Sync {
    /// Number of states $n$.
    fn dimension(&self) -> usize;
    /// Says what is wrong with a parameter vector of this length, if anything.
    fn check_parameters(&self, length: usize) -> Result<(), ModelError> {
        let _ = length;
        Ok(())
    }
    /// The name of a state, for messages.
    fn state_name(&self, index: usize) -> String {
        format!("u[{index}]")
    }
    /// Writes $f(t, u, p)$ to `du`.
    fn eval(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64]);
    /// Which entries of $f_u$ can differ from zero; `None`: any.
    fn sparsity(&self) -> Option<&Sparsity> {
        None
    }
    /// Writes $f_u(t, u, p)$: `n × n` column by column, or the entries of [`sparsity`](Self::sparsity) in its order.
    /// `false` when the system has no exact one: an implicit method then forms differences, and the solution says so.
    fn state_jacobian(&self, t: f64, u: &[f64], p: &[f64], values: &mut [f64]) -> bool {
        let _ = (t, u, p, values);
        false
    }
    /// Whether $f$ is known not to depend on $t$.
    fn is_autonomous(&self) -> bool {
        false
    }
    /// Writes $\partial f / \partial t$; `false` when the system has no exact one.
    fn time_derivative(&self, t: f64, u: &[f64], p: &[f64], f_t: &mut [f64]) -> bool {
        let _ = (t, u, p, f_t);
        false
    }
    /// The constant matrix $M$ of $M \dot u = f$; the identity when absent.
    fn mass_matrix(&self) -> Option<MassMatrix> {
        None
    }
    /// A stiff and a non-stiff system whose sum this one is; see [`Split`](super::Split).
    fn split(&self) -> Option<(&dyn System, &dyn System)> {
        None
    }
}

/// A system lent is a system.
impl<S: System + ?Sized> System for &S {
    fn dimension(&self) -> usize {
        (**self).dimension()
    }
    fn check_parameters(&self, length: usize) -> Result<(), ModelError> {
        (**self).check_parameters(length)
    }
    fn state_name(&self, index: usize) -> String {
        (**self).state_name(index)
    }
    fn eval(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64]) {
        (**self).eval(t, u, p, du);
    }
    fn sparsity(&self) -> Option<&Sparsity> {
        (**self).sparsity()
    }
    fn state_jacobian(&self, t: f64, u: &[f64], p: &[f64], values: &mut [f64]) -> bool {
        (**self).state_jacobian(t, u, p, values)
    }
    fn is_autonomous(&self) -> bool {
        (**self).is_autonomous()
    }
    fn time_derivative(&self, t: f64, u: &[f64], p: &[f64], f_t: &mut [f64]) -> bool {
        (**self).time_derivative(t, u, p, f_t)
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        (**self).mass_matrix()
    }
    fn split(&self) -> Option<(&dyn System, &dyn System)> {
        (**self).split()
    }
}

/// A system with exact derivatives: one recorded evaluation serves any number of products.
///
/// `record` evaluates and keeps on `tape` what `vjp`, `jvp` and `jacobian` need, so that the reverse sweep of a solve
/// evaluates nothing again. `record_along` and `vjp_along` are the same two with everything beside its derivative along a
/// direction $(\dot t, \dot u, \dot p)$: second derivatives, forward over reverse.
///
/// ```
/// use ansatz::prelude::*;
/// struct Logistic;
/// impl Model for Logistic {
///     fn states(&self) -> Names { ["u"].into() }
///     fn parameters(&self) -> Names { ["rate"].into() }
///     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
///         let [rate] = p.parameters();
///         du[0] = rate * u[0] * (-u[0] + 1.0);
///     }
/// }
/// let bound = Bound::new(&Logistic)?;
/// let (u, rate) = ([0.2], [3.0]);
/// let (mut tape, mut tape_dot) = (vec![0.0; bound.tape_len()], vec![0.0; bound.tape_len()]);
/// let (mut du, mut du_dot) = ([0.0], [0.0]);
/// // Along the state: an empty slice says that `p` does not move.
/// bound.record_along((0.0, 0.0), (&u, &[1.0]), (&rate, &[]), (&mut du, &mut du_dot), (&mut tape, &mut tape_dot));
/// let (mut u_bar, mut u_bar_dot, mut p_bar, mut p_bar_dot) = ([0.0], [0.0], [0.0], [0.0]);
/// bound.vjp_along(
///     (&rate, &[]), (&tape, &tape_dot), (&[1.0], &[]), (&mut u_bar, &mut u_bar_dot), (&mut p_bar, &mut p_bar_dot),
/// );
/// assert!((u_bar[0] - 3.0 * (1.0 - 0.4)).abs() < 1e-14); // f_u = rate (1 − 2u)
/// assert!((u_bar_dot[0] + 2.0 * 3.0).abs() < 1e-14); // f_uu = −2 rate
/// assert!((p_bar_dot[0] - (1.0 - 0.4)).abs() < 1e-14); // f_up = 1 − 2u
/// # Ok::<(), ansatz::Error>(())
/// ```
pub trait Differentiable: System {
    /// Length of the flat parameter vector.
    fn parameter_count(&self) -> usize;
    /// Numbers kept per recorded evaluation.
    fn tape_len(&self) -> usize;
    /// [`eval`](System::eval), keeping what the derivatives need.
    fn record(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64], tape: &mut [f64]);
    /// Adds $f_u^\top \lambda$ to `u_bar` and $f_p^\top \lambda$ to `p_bar`.
    fn vjp(&self, p: &[f64], tape: &[f64], lambda: &[f64], u_bar: &mut [f64], p_bar: &mut [f64]);
    /// $f_u \dot u + f_p \dot p$.
    fn jvp(&self, p: &[f64], tape: &[f64], u_dot: &[f64], p_dot: &[f64], du_dot: &mut [f64]);
    /// Writes $f_u$ (`n × n`, row by row) and $f_p$ (`n` rows of `stride` numbers, of which the first
    /// `parameter_count` are written).
    fn jacobian(&self, p: &[f64], tape: &[f64], f_u: &mut [f64], f_p: &mut [f64], stride: usize);
    /// [`record`](Self::record) and its derivative along a direction: evaluates $f$ and
    /// $\dot f = f_t \dot t + f_u \dot u + f_p \dot p$, and keeps on the two tapes, each of [`tape_len`](Self::tape_len)
    /// numbers, what [`vjp_along`](Self::vjp_along) needs. The first tape is the one that `record` writes.
    ///
    /// Pairs are a value and its derivative along the direction; an empty derivative of `u` or `p` stands for zero.
    fn record_along(&self, t: (f64, f64), u: Along<'_>, p: Along<'_>, du: AlongMut<'_>, tape: AlongMut<'_>);
    /// [`vjp`](Self::vjp) and its derivative along the direction that the tapes were recorded along, $\lambda$ moving with
    /// $\dot\lambda$: adds $f_u^\top \lambda$ and
    /// $\frac{d}{d\epsilon} f_u^\top (\lambda + \epsilon \dot\lambda)$ to the parts of `u_bar`, and the same with $f_p$ to
    /// `p_bar`.
    ///
    /// With $\dot\lambda = 0$ and a direction $(0, v, 0)$ the derivatives are $\nabla_{u,p} (\lambda^\top f_u v)$, with
    /// $(1, 0, 0)$ they are $\nabla_{u,p} (\lambda^\top f_t)$. An empty derivative of `p` or `lambda` stands for zero; `p` is
    /// as it was recorded.
    fn vjp_along(&self, p: Along<'_>, tape: Along<'_>, lambda: Along<'_>, u_bar: AlongMut<'_>, p_bar: AlongMut<'_>);
}
