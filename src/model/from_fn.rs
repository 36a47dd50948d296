//! Closures as systems.

use super::{Names, Sparsity, System};

/// A system made of a closure; see [`from_fn`].
pub struct FromFn<F> {
    states: Names,
    function: F,
    jacobian: Option<Box<Derivative>>,
    sparsity: Option<Sparsity>,
}

/// Writes $f_u(t, u, p)$.
type Derivative = dyn Fn(f64, &[f64], &[f64], &mut [f64]) + Send + Sync;

impl<F> FromFn<F> {
    /// Gives the Jacobian $f_u$: `jacobian(t, u, p, values)` writes `n × n` numbers column by column, or the entries of the
    /// [sparsity](Self::sparsity) in its order. Without it implicit methods form differences.
    ///
    /// ```
    /// use ansatz::ode::JacobianSource;
    /// use ansatz::prelude::*;
    /// let stiff = from_fn(["x", "y"], |_t, u, _p, du| {
    ///     du[0] = -1000.0 * (u[0] - u[1]);
    ///     du[1] = -u[1];
    /// })
    /// .jacobian(|_t, _u, _p, values| values.copy_from_slice(&[-1000.0, 0.0, 1000.0, -1.0]));
    /// let solution = Solve::system(&stiff, [2.0, 1.0], 0.0, 5.0).method(Method::Rodas5P).run()?;
    /// assert_eq!(solution.jacobian(), JacobianSource::Exact);
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    pub fn jacobian(mut self, jacobian: impl Fn(f64, &[f64], &[f64], &mut [f64]) + Send + Sync + 'static) -> Self {
        self.jacobian = Some(Box::new(jacobian));
        self
    }

    /// Says which entries of $f_u$ can differ from zero: linear algebra is then sparse, and differences are formed for all
    /// columns of a colour at once.
    pub fn sparsity(mut self, sparsity: Sparsity) -> Self {
        self.sparsity = Some(sparsity);
        self
    }
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
    FromFn { states: states.into(), function, jacobian: None, sparsity: None }
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
    fn sparsity(&self) -> Option<&Sparsity> {
        self.sparsity.as_ref()
    }
    fn state_jacobian(&self, t: f64, u: &[f64], p: &[f64], values: &mut [f64]) -> bool {
        match &self.jacobian {
            Some(jacobian) => {
                jacobian(t, u, p, values);
                true
            }
            None => false,
        }
    }
}
