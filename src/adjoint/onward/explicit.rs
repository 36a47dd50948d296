//! Explicit Runge–Kutta methods, forwards:
//!
//! $$ K_i = f_u\Bigl(S + h \sum_j a_{ij} K_j\Bigr) + f_p, \qquad S_+ = S + h \sum_i b_i K_i . $$

use super::linearized::Linearized;
use super::{Carried, Onward, ReadOff, add};
use crate::adjoint::families::ExplicitRow;
use crate::adjoint::reverse::Made;
use crate::model::Differentiable;
use crate::ode::explicit::{combine, power_sum};

/// An explicit method with its memory.
pub(super) struct Explicit {
    row: ExplicitRow,
    at: Option<Linearized>,
    k: Vec<f64>,
    stage: Vec<f64>,
    /// $K_i$, one after the other, and the sensitivity of a stage's state.
    k_dot: Vec<f64>,
    stage_dot: Vec<f64>,
}

impl Explicit {
    pub fn new(row: ExplicitRow) -> Self {
        Explicit { row, at: None, k: Vec::new(), stage: Vec::new(), k_dot: Vec::new(), stage_dot: Vec::new() }
    }
}

impl Onward for Explicit {
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &mut [ReadOff],
        carried: &mut Carried,
    ) -> Result<(), usize> {
        let (n, columns, len) = (step.u.len(), carried.columns, carried.s.len());
        let stages = if reads.is_empty() { self.row.stages } else { self.row.stages + self.row.extra };
        let at = self.at.get_or_insert_with(|| Linearized::new(system));
        self.k.resize(stages * n, 0.0);
        self.stage.resize(n, 0.0);
        self.k_dot.clear();
        self.k_dot.resize(stages * len, 0.0);
        for s in 0..stages {
            combine(self.row.a[s], &self.k, step.h, step.u, &mut self.stage);
            self.stage_dot.clone_from(&carried.s);
            let (before, own) = self.k_dot.split_at_mut(s * len);
            for (j, a) in self.row.a[s] {
                add(step.h * a, &before[j * len..][..len], &mut self.stage_dot);
            }
            let place = (step.t + self.row.c[s] * step.h, &self.stage[..], p);
            at.add_derivative(system, place, 1.0, Some(&self.stage_dot), &mut own[..len], columns);
            self.k[s * n..][..n].copy_from_slice(&at.value);
        }
        for read in reads {
            read.out.copy_from_slice(&carried.s);
            for (j, r) in self.row.dense {
                add(step.h * power_sum(r, read.theta), &self.k_dot[j * len..][..len], read.out);
            }
        }
        for (i, b) in self.row.b {
            add(step.h * b, &self.k_dot[i * len..][..len], &mut carried.s);
        }
        Ok(())
    }
}
