//! Stabilised explicit methods, backwards.
//!
//! Of a step its number of stages is kept; the stages are made again as they were made, with a record of each. The spectral
//! radius, like the length of the step, is a constant: it decides on the number of stages alone.

use super::{Bars, Made, Read, Reverse};
use crate::model::Differentiable;
use crate::ode::Rhs;
use crate::ode::stabilized::{Attempt, Backwards, Cotangents, Memory, Products};
use std::marker::PhantomData;

#[cfg(test)]
mod tests;

/// A stabilised method with its memory.
pub(super) struct Stabilized<T> {
    memory: Memory,
    /// Stages that the weights in `memory` are for.
    stages: usize,
    u_new: Vec<f64>,
    tapes: Vec<f64>,
    bars: Cotangents,
    family: PhantomData<T>,
}

impl<T> Stabilized<T> {
    pub fn new() -> Self {
        Stabilized {
            memory: Memory::default(),
            stages: 0,
            u_new: Vec::new(),
            tapes: Vec::new(),
            bars: Cotangents::default(),
            family: PhantomData,
        }
    }
}

/// Evaluations that are recorded.
struct Recording<'r> {
    system: &'r dyn Differentiable,
    p: &'r [f64],
    tapes: &'r mut [f64],
}

impl Rhs for Recording<'_> {
    fn eval(&mut self, stage: usize, t: f64, u: &[f64], du: &mut [f64]) {
        let length = self.system.tape_len();
        self.system.record(t, u, self.p, du, &mut self.tapes[stage * length..][..length]);
    }

    fn try_eval(&mut self, t: f64, u: &[f64], du: &mut [f64]) {
        self.system.eval(t, u, self.p, du);
    }
}

/// The same evaluations, transposed.
struct Transposed<'r> {
    system: &'r dyn Differentiable,
    p: &'r [f64],
    tapes: &'r [f64],
    p_bar: &'r mut [f64],
}

impl Products for Transposed<'_> {
    fn add(&mut self, stage: usize, slope_bar: &[f64], u_bar: &mut [f64]) {
        let length = self.system.tape_len();
        self.system.vjp(self.p, &self.tapes[stage * length..][..length], slope_bar, u_bar, self.p_bar);
    }
}

impl<T: Backwards + Send> Reverse for Stabilized<T> {
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &[Read],
        bars: &mut Bars,
    ) -> Result<(), usize> {
        let &Made { t, h, u, .. } = step;
        let stages = step.stages.first().map_or(T::FEWEST_STAGES, |stages| *stages as usize);
        self.memory.resize::<T>(u.len());
        self.u_new.resize(u.len(), 0.0);
        if std::mem::replace(&mut self.stages, stages) != stages {
            T::prepare(stages, &mut self.memory);
        }
        let length = (stages + 1) * system.tape_len();
        if self.tapes.len() < length {
            self.tapes.resize(length, 0.0);
        }
        let attempt = Attempt { t, h, u, stages };
        let mut recording = Recording { system, p, tapes: &mut self.tapes };
        recording.eval(0, t, u, &mut self.memory.slope);
        T::advance(&mut recording, &attempt, &mut self.memory, &mut self.u_new);
        self.bars.begin(&bars.u);
        for read in reads {
            T::look(h, read.theta, read.bar, &self.memory, &mut self.bars);
        }
        T::back(&mut Transposed { system, p, tapes: &self.tapes, p_bar: &mut bars.p }, &attempt, &mut self.bars);
        std::mem::swap(&mut bars.u, &mut self.bars.start);
        Ok(())
    }
}
