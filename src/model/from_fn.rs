//! Closures as systems.

use super::{Names, System};

/// A system made of a closure; see [`from_fn`].
pub struct FromFn<F> {
    states: Names,
    function: F,
}

/// A system from a plain closure `|t, u, p, du|` over `f64`, to be solved.
///
/// Its parameters are whatever slice the solve is given. A closure over `f64` has no exact derivatives: fits, gradients
/// and discovery want a [`Model`](super::Model).
///
/// ```
/// use ansatz::prelude::*;
/// let decay = from_fn(["u"], |_t, u, p, du| du[0] = -p[0] * u[0]);
/// let solution = Solve::system(&decay, [1.0], 0.0, 1.0).parameters([2.0]).run()?;
/// assert!((solution.last()[0] - (-2.0f64).exp()).abs() < 1e-6);
/// # Ok::<(), ansatz::Error>(())
/// ```
pub fn from_fn<F>(states: impl Into<Names>, function: F) -> FromFn<F>
where
    F: Fn(f64, &[f64], &[f64], &mut [f64]) + Sync,
{
    FromFn { states: states.into(), function }
}

impl<F: Fn(f64, &[f64], &[f64], &mut [f64]) + Sync> System for FromFn<F> {
    fn dimension(&self) -> usize {
        self.states.len()
    }
    fn state_name(&self, index: usize) -> String {
        self.states.get(index).cloned().unwrap_or_else(|| format!("u[{index}]"))
    }
    #[inline(always)]
    fn eval(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64]) {
        (self.function)(t, u, p, du);
    }
}
