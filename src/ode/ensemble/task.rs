//! What an ensemble is asked for, and how one of its trajectories begins.

use super::rows::Rows;
use crate::model::System;
use crate::ode::integrate::{Course, Kept, Observer};
use crate::ode::methods::AnyStepper;
use crate::ode::problem::Plain;
use crate::ode::stepper::{Implicit, Stepper};
use crate::ode::{Context, Method, Options, Save, Span, Statistics, Step, Stop, Workspace};

/// All trajectories of an ensemble.
pub(super) struct Task {
    pub span: Span,
    pub options: Options,
    /// [`Save::End`] or [`Save::Times`].
    pub save: Save,
    pub initial: Rows,
    pub parameters: Rows,
    /// Number of trajectories.
    pub count: usize,
    /// Names of the states.
    pub names: Vec<String>,
}

impl Task {
    /// The times to save on the way; empty when only the end is kept.
    pub fn times(&self) -> &[f64] {
        match &self.save {
            Save::Times(times) => times,
            _ => &[],
        }
    }

    /// States kept of each trajectory.
    pub fn saved(&self) -> usize {
        match &self.save {
            Save::Times(times) => times.len(),
            _ => 1,
        }
    }

    /// Numbers kept of each trajectory. Room for one where nothing is kept, so that there are pieces to share out.
    pub fn stride(&self) -> usize {
        (self.saved() * self.names.len()).max(1)
    }
}

/// Consecutive trajectories, with the places their results go to.
pub(super) struct Chunk<'c> {
    /// The first of them.
    pub first: usize,
    /// One for each.
    pub statistics: &'c mut [Statistics],
    /// [`Task::stride`] numbers for each.
    pub states: &'c mut [f64],
}

impl Chunk<'_> {
    /// The same chunk, lent on.
    pub fn again(&mut self) -> Chunk<'_> {
        Chunk { first: self.first, statistics: self.statistics, states: self.states }
    }
}

/// The beginning of trajectories, over `f64` and as in every solve.
pub(super) struct Beginning<'k> {
    plain: Plain<&'k (dyn System + 'k)>,
    method: AnyStepper<'k>,
    work: Workspace,
    start: Vec<f64>,
}

impl<'k> Beginning<'k> {
    pub fn new(system: &'k dyn System, task: &Task, method: Method) -> Self {
        let plain = Plain::new(system, &[], &task.options, task.span);
        Beginning { plain, method: method.stepper(), work: Workspace::default(), start: Vec::new() }
    }

    /// Evaluates the derivative at the start and chooses the first step's size.
    pub fn begin(&mut self, task: &Task, u: &[f64], p: &[f64], statistics: &mut Statistics) -> Result<f64, Stop> {
        self.plain.p.clear();
        self.plain.p.extend_from_slice(p);
        self.start.clear();
        self.start.extend_from_slice(u);
        let mut observer = Nobody(&mut self.plain);
        let mut cx = Context { options: &task.options, statistics };
        let mut course = Course::new(task.span, &task.options);
        course.begin(&mut *self.method, &mut observer, &mut self.start, &mut self.work, &mut cx)?;
        Ok(course.h)
    }

    /// The derivative at the start.
    pub fn slope(&self) -> &[f64] {
        self.method.slope()
    }
}

/// Holds the right-hand side and looks at no step.
struct Nobody<'s, 'k>(&'s mut Plain<&'k (dyn System + 'k)>);

impl<'k> Observer<dyn Stepper<dyn Implicit + 'k> + 'k> for Nobody<'_, 'k> {
    type F = dyn Implicit + 'k;
    fn rhs(&mut self) -> &mut (dyn Implicit + 'k) {
        self.0
    }
    fn accepted(
        &mut self,
        _method: &mut (dyn Stepper<dyn Implicit + 'k> + 'k),
        _step: &Step,
        _kept: &Kept,
        _cx: &mut Context,
    ) {
    }
}
