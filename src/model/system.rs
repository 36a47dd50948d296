//! The one door to the solvers.

use super::{MassMatrix, ModelError, Sparsity};

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
/// evaluates nothing again.
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
}
