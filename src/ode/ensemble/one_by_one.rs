//! Trajectories one by one, for what lanes cannot do: systems that are not models, methods without lanes.

use super::task::Task;
use crate::model::{MassMatrix, ModelError, Sparsity, System};
use crate::ode::{Solution, Solve};

/// A system behind a reference, to be solved like one of a known type.
struct Lent<'a>(&'a dyn System);

impl System for Lent<'_> {
    fn dimension(&self) -> usize {
        self.0.dimension()
    }
    fn check_parameters(&self, length: usize) -> Result<(), ModelError> {
        self.0.check_parameters(length)
    }
    fn state_name(&self, index: usize) -> String {
        self.0.state_name(index)
    }
    fn eval(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64]) {
        self.0.eval(t, u, p, du);
    }
    fn sparsity(&self) -> Option<&Sparsity> {
        self.0.sparsity()
    }
    fn state_jacobian(&self, t: f64, u: &[f64], p: &[f64], values: &mut [f64]) -> bool {
        self.0.state_jacobian(t, u, p, values)
    }
    fn is_autonomous(&self) -> bool {
        self.0.is_autonomous()
    }
    fn time_derivative(&self, t: f64, u: &[f64], p: &[f64], f_t: &mut [f64]) -> bool {
        self.0.time_derivative(t, u, p, f_t)
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        self.0.mass_matrix()
    }
}

/// Trajectory `k` of a task.
pub(super) fn solve_one(system: &dyn System, task: &Task, k: usize) -> crate::Result<Solution> {
    Solve::system(&Lent(system), task.initial.of(k), task.span.start, task.span.end)
        .parameters(task.parameters.of(k))
        .options(task.options.clone())
        .save(task.save.clone())
        .run()
}
