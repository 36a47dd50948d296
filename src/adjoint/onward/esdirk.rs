//! ESDIRK methods, forwards. From $\sigma M (U_i - b_i) = f(U_i)$, $b_i = u + h \sum_{j<i} a_{ij} k_j$ and $k_i = \sigma (U_i -
//! b_i)$,
//!
//! $$ (\sigma M - f_u) \dot U_i = \sigma M \dot b_i + f_p, \qquad \dot k_i = \sigma (\dot U_i - \dot b_i) . $$

use super::initial_slope::InitialSlope;
use super::linearized::Linearized;
use super::{Carried, Onward, ReadOff, add};
use crate::adjoint::families::EsdirkRow;
use crate::adjoint::reverse::Made;
use crate::model::Differentiable;
use crate::ode::explicit::{combine, power_sum};
use crate::ode::implicit::esdirk::StageTimes;

/// An ESDIRK method with its memory.
pub(super) struct Esdirk {
    row: EsdirkRow,
    at: Linearized,
    initial: InitialSlope,
    stage: Vec<f64>,
    k_dot: Vec<f64>,
    base_dot: Vec<f64>,
    stage_dot: Vec<f64>,
}

impl Esdirk {
    pub fn new(row: EsdirkRow, system: &dyn Differentiable) -> Self {
        Esdirk {
            at: Linearized::new(system),
            initial: InitialSlope::new(system),
            row,
            stage: Vec::new(),
            k_dot: Vec::new(),
            base_dot: Vec::new(),
            stage_dot: Vec::new(),
        }
    }
}

impl Onward for Esdirk {
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &mut [ReadOff],
        carried: &mut Carried,
    ) -> Result<(), usize> {
        let (n, columns, len) = (step.u.len(), carried.columns, carried.s.len());
        let (h, sigma) = (step.h, 1.0 / (step.h * self.row.gamma));
        let limit = step.stages.last().copied().unwrap_or(f64::NAN);
        if step.begins {
            let Carried { s, slope, .. } = carried;
            let place = (step.t, step.u, p);
            slope.resize(len, 0.0);
            self.initial.forwards(system, &mut self.at, place, &step.stages[..n], s, (slope, columns))?;
        }
        self.stage.resize(n, 0.0);
        self.k_dot.clear();
        self.k_dot.resize(self.row.stages * len, 0.0);
        self.k_dot[..len].copy_from_slice(&carried.slope);
        for i in 1..self.row.stages {
            combine(self.row.a[i], step.stages, h, step.u, &mut self.stage);
            add(1.0 / sigma, &step.stages[i * n..][..n], &mut self.stage);
            self.base_dot.clone_from(&carried.s);
            for (j, a) in self.row.a[i] {
                add(h * a, &self.k_dot[j * len..][..len], &mut self.base_dot);
            }
            let times = StageTimes::of(self.row.c[i], step.t, h, limit);
            self.stage_dot.clear();
            self.stage_dot.resize(len, 0.0);
            self.at.add_mass(sigma, &self.base_dot, &mut self.stage_dot, columns);
            for (t, weight) in times.get() {
                self.at.add_derivative(system, (*t, &self.stage, p), *weight, None, &mut self.stage_dot, columns);
            }
            self.at.factorize(system, times.get(), (&self.stage, p), sigma)?;
            self.at.solve(&mut self.stage_dot, columns)?;
            let own = &mut self.k_dot[i * len..][..len];
            add(sigma, &self.stage_dot, own);
            add(-sigma, &self.base_dot, own);
        }
        for read in reads {
            read.out.copy_from_slice(&carried.s);
            for (j, r) in self.row.dense {
                add(h * power_sum(r, read.theta), &self.k_dot[j * len..][..len], read.out);
            }
        }
        // The solution is the last stage, and its slope the first of the next step.
        carried.s.copy_from_slice(&self.stage_dot);
        carried.slope.copy_from_slice(&self.k_dot[(self.row.stages - 1) * len..]);
        Ok(())
    }
}
