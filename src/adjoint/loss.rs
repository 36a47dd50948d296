//! What a gradient is wanted of.

use crate::number::{Dual, Pattern, Real, Taped};

/// A number made of a solution,
///
/// $$ L = \ell\bigl(t_1, u(t_1), \dots, t_K, u(t_K), p\bigr) + \int_{t_0}^{t_1} g(t, u, p) \mathrm{d}t , $$
///
/// written once for every number, from which its derivatives follow. Either part may be left out. A terminal loss is one
/// of the last state.
///
/// ```
/// use ansatz::adjoint::Loss;
/// use ansatz::prelude::*;
/// /// Squares of the distances to data, and a price for large rates.
/// struct Misfit<'d> {
///     data: &'d [f64],
/// }
/// impl Loss for Misfit<'_> {
///     fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], p: &[R]) -> R {
///         let mut sum = p[0].square() * 1e-3;
///         for (u, data) in u.iter().zip(self.data) {
///             sum += (u[0] - R::from_f64(*data)).square();
///         }
///         sum
///     }
/// }
/// ```
pub trait Loss {
    /// $\ell$: of the states `u[k]` at the saved times `t[k]`, and of all flat parameters. Zero if left out.
    fn at_times<R: Real>(&self, t: &[R], u: &[&[R]], p: &[R]) -> R {
        let _ = (t, u, p);
        R::zero()
    }
    /// $g$, integrated over the whole span. Zero if left out.
    fn integrand<R: Real>(&self, t: R, u: &[R], p: &[R]) -> R {
        let _ = (t, u, p);
        R::zero()
    }
}

impl<L: Loss + ?Sized> Loss for &L {
    fn at_times<R: Real>(&self, t: &[R], u: &[&[R]], p: &[R]) -> R {
        (**self).at_times(t, u, p)
    }
    fn integrand<R: Real>(&self, t: R, u: &[R], p: &[R]) -> R {
        (**self).integrand(t, u, p)
    }
}

/// Derivatives of a loss: one number for each time, for each state at each time, for each parameter, in this order.
#[derive(Clone, Debug, Default)]
pub(super) struct Slopes {
    numbers: Vec<f64>,
    times: usize,
    states: usize,
}

impl Slopes {
    pub fn times(&self) -> &[f64] {
        &self.numbers[..self.times]
    }
    pub fn states(&self) -> &[f64] {
        &self.numbers[self.times..self.times + self.states]
    }
    pub fn parameters(&self) -> &[f64] {
        &self.numbers[self.times + self.states..]
    }
}

/// Times, states at them row by row, parameters.
#[derive(Clone, Copy)]
pub(super) struct Points<'a> {
    pub t: &'a [f64],
    pub u: &'a [f64],
    pub p: &'a [f64],
}

impl Points<'_> {
    fn together(&self) -> Vec<f64> {
        [self.t, self.u, self.p].concat()
    }

    fn apply<L: Loss + ?Sized, R: Real>(&self, loss: &L, x: &[R]) -> R {
        let (t, rest) = x.split_at(self.t.len());
        let (u, p) = rest.split_at(self.u.len());
        let rows: Vec<&[R]> = u.chunks_exact(self.u.len() / self.t.len().max(1)).collect();
        loss.at_times(t, &rows, p)
    }

    /// $\ell$ and its derivatives.
    pub fn slopes<L: Loss + ?Sized>(&self, loss: &L) -> (f64, Slopes) {
        let x = self.together();
        let mut numbers = vec![0.0; x.len()];
        let value = Taped::gradient(&x, &mut numbers, |x| self.apply(loss, x));
        (value, Slopes { numbers, times: self.t.len(), states: self.u.len() })
    }

    /// The derivative of [`slopes`](Self::slopes) along a direction in states and parameters: the product with the
    /// Hessian of $\ell$.
    pub fn slopes_along<L: Loss + ?Sized>(&self, loss: &L, u_dot: &[f64], p_dot: &[f64]) -> Slopes {
        let x = self.together();
        let mut numbers = vec![0.0; x.len()];
        let dots = self.t.iter().map(|_| 0.0).chain(u_dot.iter().copied()).chain(p_dot.iter().copied());
        Taped::gradient(&x, &mut numbers, |x| {
            let along: Vec<Dual<1, Taped>> =
                x.iter().zip(dots).map(|(x, dot)| Dual { value: *x, tangent: [Taped::from_f64(dot)] }).collect();
            self.apply(loss, &along).tangent[0]
        });
        Slopes { numbers, times: self.t.len(), states: self.u.len() }
    }
}

/// What is known of an integrand before the solve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Integral {
    /// It is this constant.
    Constant(f64),
    /// It depends on time, states or parameters.
    Varying,
}

impl Integral {
    /// Looks at what an integrand of `n` states depends on.
    pub fn of<L: Loss + ?Sized>(loss: &L, n: usize, p: &[f64]) -> Integral {
        let dependence = Pattern::trace(1 + n + p.len(), 1, |x, g| {
            g[0] = loss.integrand(x[0], &x[1..=n], &x[n + 1..]);
        });
        match dependence {
            Some(dependence) if dependence.of(0).is_empty() => {
                Integral::Constant(loss.integrand(0.0, &vec![0.0; n], p))
            }
            _ => Integral::Varying,
        }
    }
}

/// $g$ at a point, with its derivatives added to `u_bar` and `p_bar` times `weight`.
pub(super) fn integrand<L: Loss + ?Sized>(
    loss: &L,
    (t, u, p): (f64, &[f64], &[f64]),
    weight: f64,
    u_bar: &mut [f64],
    p_bar: &mut [f64],
) -> f64 {
    let n = u.len();
    let mut x = crate::number::Zeros::<f64>::new(n + p.len());
    let mut slopes = crate::number::Zeros::<f64>::new(n + p.len());
    x[..n].copy_from_slice(u);
    x[n..].copy_from_slice(p);
    let value = Taped::gradient(&x, &mut slopes, |x| loss.integrand(Taped::from_f64(t), &x[..n], &x[n..]));
    u_bar.iter_mut().zip(&slopes[..n]).for_each(|(bar, slope)| *bar += weight * slope);
    p_bar.iter_mut().zip(&slopes[n..]).for_each(|(bar, slope)| *bar += weight * slope);
    value
}
