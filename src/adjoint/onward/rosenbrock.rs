//! Rosenbrock methods, forwards. From $W U_i = f(V_i) + M \sum_j c_{ij} U_j / h + \gamma_i h f_t$ with $V_i = u + \sum_j
//! a_{ij} U_j$ and $W = M / (h \gamma) - f_u$,
//!
//! $$ W \dot U_i = f_u(V_i) \dot V_i + f_p(V_i) + \frac1h M \sum_j c_{ij} \dot U_j + \nabla (f_u U_i + \gamma_i h f_t) \cdot
//! (S, I) . $$
//!
//! The rows of the last matrix are second derivatives, $\nabla_{u,p} (e_r^\top f')$ along $(\gamma_i h, U_i)$.

use super::linearized::Linearized;
use super::second::Second;
use super::{Carried, Onward, ReadOff, add};
use crate::adjoint::families::RosenbrockRow;
use crate::adjoint::reverse::Made;
use crate::model::Differentiable;
use crate::ode::explicit::power_sum;

/// A Rosenbrock method with its memory.
pub(super) struct Rosenbrock {
    row: RosenbrockRow,
    at: Linearized,
    argument: Vec<f64>,
    /// $\dot U_i$, one after the other.
    dot: Vec<f64>,
    argument_dot: Vec<f64>,
    sum: Vec<f64>,
    second: Second,
}

impl Rosenbrock {
    pub fn new(row: RosenbrockRow, system: &dyn Differentiable) -> Self {
        let n = system.dimension();
        let second = Second::new(system, row.stages);
        Rosenbrock {
            row,
            at: Linearized::new(system),
            argument: vec![0.0; n],
            dot: Vec::new(),
            argument_dot: Vec::new(),
            sum: Vec::new(),
            second,
        }
    }
}

impl Onward for Rosenbrock {
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &mut [ReadOff],
        carried: &mut Carried,
    ) -> Result<(), usize> {
        let (n, h, columns, len) = (step.u.len(), step.h, carried.columns, carried.s.len());
        self.at.factorize(system, &[(step.t, 1.0)], (step.u, p), 1.0 / (h * self.row.gamma))?;
        self.dot.clear();
        self.dot.resize(self.row.stages * len, 0.0);
        self.second.begin(system, (step.t, step.u, p), &carried.s, columns);
        for i in 0..self.row.stages {
            let (before, own) = self.dot.split_at_mut(i * len);
            let own = &mut own[..len];
            self.argument.copy_from_slice(step.u);
            self.argument_dot.clone_from(&carried.s);
            for (j, a) in self.row.a[i] {
                add(*a, &step.stages[j * n..][..n], &mut self.argument);
                add(*a, &before[j * len..][..len], &mut self.argument_dot);
            }
            let place = (step.t + self.row.alpha[i] * h, &self.argument[..], p);
            self.at.add_derivative(system, place, 1.0, Some(&self.argument_dot), own, columns);
            if !self.row.c[i].is_empty() {
                self.sum.clear();
                self.sum.resize(len, 0.0);
                for (j, c) in self.row.c[i] {
                    add(*c, &before[j * len..][..len], &mut self.sum);
                }
                self.at.add_mass(1.0 / h, &self.sum, own, columns);
            }
            let along = (self.row.gamma_sum[i] * h, &step.stages[i * n..][..n]);
            self.second.add(system, (step.t, step.u, p), along, &carried.s, own, columns);
            self.at.solve(own, columns)?;
        }
        for read in reads {
            read.out.copy_from_slice(&carried.s);
            for (j, d) in self.row.dense {
                add(power_sum(d, read.theta), &self.dot[j * len..][..len], read.out);
            }
        }
        for (i, m) in self.row.m {
            add(*m, &self.dot[i * len..][..len], &mut carried.s);
        }
        Ok(())
    }
}
