//! Stabilised explicit methods, forwards.
//!
//! Within a step everything is a sum of states and slopes with coefficients that depend on the number of stages alone. The
//! derivative of the step is therefore the same step, with the same number of stages, of states and sensitivities together,
//!
//! $$ \dot u = f(t, u), \qquad \dot S = f_u S + f_p . $$
//!
//! The spectral radius, like the length of the step, is a constant: it decides on the number of stages alone.

use super::linearized::Linearized;
use super::{Carried, Onward, ReadOff};
use crate::adjoint::reverse::Made;
use crate::model::Differentiable;
use crate::ode::stabilized::{Attempt, Memory, Recurrent};
use crate::ode::{Rhs, Step};
use std::marker::PhantomData;

/// A stabilised method with its memory.
pub(super) struct Stabilized<T> {
    at: Linearized,
    memory: Memory,
    /// Stages that the weights in `memory` are for.
    stages: usize,
    /// States and sensitivities at both ends of a step.
    both: Vec<f64>,
    both_new: Vec<f64>,
    family: PhantomData<T>,
}

impl<T> Stabilized<T> {
    pub fn new(system: &dyn Differentiable) -> Self {
        Stabilized {
            at: Linearized::new(system),
            memory: Memory::default(),
            stages: 0,
            both: Vec::new(),
            both_new: Vec::new(),
            family: PhantomData,
        }
    }
}

/// States and sensitivities together.
struct Variational<'r> {
    system: &'r dyn Differentiable,
    p: &'r [f64],
    at: &'r mut Linearized,
    columns: usize,
}

impl Rhs for Variational<'_> {
    fn eval(&mut self, _stage: usize, t: f64, both: &[f64], slope: &mut [f64]) {
        let n = self.system.dimension();
        let ((u, s), (du, ds)) = (both.split_at(n), slope.split_at_mut(n));
        ds.fill(0.0);
        self.at.add_derivative(self.system, (t, u, self.p), 1.0, Some(s), ds, self.columns);
        du.copy_from_slice(&self.at.value);
    }

    fn try_eval(&mut self, t: f64, both: &[f64], slope: &mut [f64]) {
        self.eval(0, t, both, slope);
    }
}

impl<T: Recurrent + Send> Onward for Stabilized<T> {
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &mut [ReadOff],
        carried: &mut Carried,
    ) -> Result<(), usize> {
        let (n, &Made { t, h, u, .. }) = (step.u.len(), step);
        let stages = step.stages.first().map_or(T::FEWEST_STAGES, |stages| *stages as usize);
        self.both.clear();
        self.both.extend_from_slice(u);
        self.both.extend_from_slice(&carried.s);
        self.both_new.resize(self.both.len(), 0.0);
        self.memory.resize::<T>(self.both.len());
        if std::mem::replace(&mut self.stages, stages) != stages {
            T::prepare(stages, &mut self.memory);
        }
        let mut variational = Variational { system, p, at: &mut self.at, columns: carried.columns };
        if step.begins {
            variational.eval(0, t, &self.both, &mut self.memory.slope);
        } else {
            self.memory.slope.copy_from_slice(&carried.slope);
        }
        let attempt = Attempt { t, h, u: &self.both, stages };
        T::advance(&mut variational, &attempt, &mut self.memory, &mut self.both_new);
        let whole = Step { t, h, t_new: t + h, u: &self.both, u_new: &self.both_new };
        for read in reads {
            for (i, (out, s)) in read.out.iter_mut().zip(&carried.s).enumerate() {
                let [c1, c2, c3] = T::cubic(&whole, &self.memory, n + i);
                *out = s + read.theta * (c1 + read.theta * (c2 + read.theta * c3));
            }
        }
        carried.s.copy_from_slice(&self.both_new[n..]);
        // The slope at the end is the first of the next step.
        carried.slope.clone_from(&self.memory.slope_new);
        Ok(())
    }
}
