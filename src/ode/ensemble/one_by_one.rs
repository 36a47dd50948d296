//! Trajectories one by one, for what lanes cannot do: systems that are not models, methods without lanes.

use super::task::Task;
use crate::model::System;
use crate::ode::{Solution, Solve};

/// Trajectory `k` of a task.
pub(super) fn solve_one(system: &dyn System, task: &Task, k: usize) -> crate::Result<Solution> {
    Solve::system(&system, task.initial.of(k), task.span.start, task.span.end)
        .parameters(task.parameters.of(k))
        .options(task.options.clone())
        .save(task.save.clone())
        .run()
}
