//! ESDIRK methods, backwards.
//!
//! A stage solves $\sigma M (U_i - b_i) = f(U_i)$ with $b_i = u + h \sum_{j<i} a_{ij} k_j$ and $\sigma = 1 / (h \gamma)$, and
//! leaves $k_i = \sigma (U_i - b_i)$. With the cotangents $\bar U_i$ and $\bar k_i$ of what was made of both,
//!
//! $$ (\sigma M - f_u(U_i))^\top \mu_i = \bar U_i + \sigma \bar k_i, \qquad
//! \bar b_i = \sigma (M^\top \mu_i - \bar k_i), \qquad \bar p \mathrel{+}= f_p^\top \mu_i, $$
//! $$ \bar k_j \mathrel{+}= h a_{ij} \bar b_i, \qquad \bar u \mathrel{+}= \bar b_i . $$
//!
//! The first slope is the last of the step before, whose cotangent is carried on. Each stage has its own Jacobian, at what
//! it converged to: that is the derivative of the exact stages, off by what Newton's method has left. It is factorised where
//! the factors of a stage gone over before do not lead to its solution more quickly.

use super::initial_slope::InitialSlope;
use super::transposed::Transposed;
use super::{Bars, Made, Read, Reverse, add};
use crate::adjoint::families::EsdirkRow;
use crate::model::Differentiable;
use crate::ode::explicit::{combine, power_sum};
use crate::ode::implicit::esdirk::StageTimes;

/// An ESDIRK method with its memory.
pub(super) struct Esdirk {
    row: EsdirkRow,
    matrix: Transposed,
    initial: InitialSlope,
    k_bar: Vec<f64>,
    tape: Vec<f64>,
    stage: Vec<f64>,
    value: Vec<f64>,
    mu: Vec<f64>,
    part: Vec<f64>,
    base_bar: Vec<f64>,
    start_bar: Vec<f64>,
}

impl Esdirk {
    pub fn new(row: EsdirkRow, system: &dyn Differentiable) -> Self {
        Esdirk {
            row,
            matrix: Transposed::new(system),
            initial: InitialSlope::default(),
            k_bar: Vec::new(),
            tape: Vec::new(),
            stage: Vec::new(),
            value: Vec::new(),
            mu: Vec::new(),
            part: Vec::new(),
            base_bar: Vec::new(),
            start_bar: Vec::new(),
        }
    }
}

impl Reverse for Esdirk {
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &[Read],
        bars: &mut Bars,
    ) -> Result<(), usize> {
        let n = step.u.len();
        let (h, sigma) = (step.h, 1.0 / (step.h * self.row.gamma));
        let limit = step.stages.last().copied().unwrap_or(f64::NAN);
        self.tape.resize(system.tape_len(), 0.0);
        for v in [&mut self.stage, &mut self.value, &mut self.mu, &mut self.base_bar] {
            v.resize(n, 0.0);
        }
        self.k_bar.clear();
        self.k_bar.resize(self.row.stages * n, 0.0);
        self.start_bar.clear();
        self.start_bar.resize(n, 0.0);
        let last = self.row.stages - 1;
        self.k_bar[last * n..].copy_from_slice(&bars.slope);
        for read in reads {
            add(1.0, read.bar, &mut self.start_bar);
            for (j, r) in self.row.dense {
                add(h * power_sum(r, read.theta), read.bar, &mut self.k_bar[j * n..][..n]);
            }
        }
        for i in (1..self.row.stages).rev() {
            let (before, own) = self.k_bar.split_at_mut(i * n);
            let own = &own[..n];
            combine(self.row.a[i], step.stages, h, step.u, &mut self.stage);
            add(1.0 / sigma, &step.stages[i * n..][..n], &mut self.stage);
            self.mu.fill(0.0);
            if i == last {
                self.mu.copy_from_slice(&bars.u);
            }
            add(sigma, own, &mut self.mu);
            let times = StageTimes::of(self.row.c[i], step.t, h, limit);
            self.matrix.solve_at(system, times.get(), (&self.stage, p), sigma, &mut self.mu)?;
            self.base_bar.fill(0.0);
            self.matrix.add_mass(sigma, &self.mu, &mut self.base_bar);
            add(-sigma, own, &mut self.base_bar);
            for (t, weight) in times.get() {
                system.record(*t, &self.stage, p, &mut self.value, &mut self.tape);
                self.part.clear();
                self.part.extend(self.mu.iter().map(|mu| weight * mu));
                // What f makes of the stage is in the matrix already.
                system.vjp(p, &self.tape, &self.part, &mut self.value, &mut bars.p);
            }
            add(1.0, &self.base_bar, &mut self.start_bar);
            for (j, a) in self.row.a[i] {
                add(h * a, &self.base_bar, &mut before[j * n..][..n]);
            }
        }
        bars.u.copy_from_slice(&self.start_bar);
        bars.slope.copy_from_slice(&self.k_bar[..n]);
        if step.begins {
            let Bars { u, slope, p: p_bar, .. } = bars;
            self.initial.back(system, &mut self.matrix, (step.t, step.u, p), &step.stages[..n], slope, (u, p_bar))?;
            slope.fill(0.0);
        }
        Ok(())
    }
}
