//! Radau IIA methods, backwards.
//!
//! The stages solve $\frac1h \sum_j (A^{-1})_{ij} M (U_j - u) = f(U_i)$ all at once, and the last of them is $u_{+}$. With the
//! cotangents $\bar U_i$ of what was made of them,
//!
//! $$ \Bigl(\frac1h A^{-1} \otimes M - \mathrm{diag}(f_u(U_1), \dots, f_u(U_s))\Bigr)^\top \mu = \bar U, \qquad
//! \bar u \mathrel{+}= \frac1h M^\top \sum_i \Bigl(\sum_j (A^{-1})_{ij}\Bigr) \mu_i, \qquad
//! \bar p \mathrel{+}= \sum_i f_p^\top \mu_i . $$
//!
//! Newton's method has one Jacobian for all stages and falls apart into systems of the size of one; this is the derivative of
//! what it converges to, where each stage has its own. The system of all of them has $A^{-\top} \otimes M^\top$ for a mass
//! matrix and is solved as it stands.

use super::transposed::{Jacobian, transposed_mass};
use super::{Bars, Made, Read, Reverse, add};
use crate::adjoint::coupled::coupled;
use crate::model::{Differentiable, MassMatrix};
use crate::ode::implicit::radau::RadauTableau;
use crate::ode::linear::Shifted;

#[cfg(test)]
mod tests;

/// A Radau IIA method with its memory.
pub(super) struct Radau {
    c: &'static [f64],
    /// $\sum_j (A^{-1})_{ij}$.
    row_sums: Vec<f64>,
    dense_weights: fn(f64, &mut [f64]),
    jacobian: Jacobian,
    /// $M^\top$; none for the unit matrix.
    mass: Option<MassMatrix>,
    factors: Option<Shifted<f64>>,
    /// The transposed Jacobians, stage by stage.
    blocks: Vec<f64>,
    /// $\bar U$, then $\mu$.
    stages_bar: Vec<f64>,
    weights: Vec<f64>,
    tape: Vec<f64>,
    stage: Vec<f64>,
    value: Vec<f64>,
    start_bar: Vec<f64>,
}

impl Radau {
    pub fn of<T: RadauTableau>(system: &dyn Differentiable) -> Self {
        let (n, s) = (system.dimension(), T::STAGES);
        let jacobian = Jacobian::new(system);
        let mass = transposed_mass(system);
        let factors = coupled(T::A_INVERSE, n, mass.as_ref(), jacobian.pattern(), true);
        Radau {
            c: T::C,
            row_sums: T::A_INVERSE.iter().map(|row| row.iter().sum()).collect(),
            dense_weights: T::dense_weights,
            blocks: vec![0.0; s * jacobian.entry_count()],
            jacobian,
            mass,
            factors,
            stages_bar: Vec::new(),
            weights: vec![0.0; s],
            tape: Vec::new(),
            stage: Vec::new(),
            value: Vec::new(),
            start_bar: Vec::new(),
        }
    }
}

/// $U_i = u + Z_i$.
pub(in crate::adjoint) fn stage_state(step: &Made, i: usize, stage: &mut [f64]) {
    let n = step.u.len();
    for ((stage, u), z) in stage.iter_mut().zip(step.u).zip(&step.stages[i * n..][..n]) {
        *stage = u + z;
    }
}

impl Reverse for Radau {
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &[Read],
        bars: &mut Bars,
    ) -> Result<(), usize> {
        let (n, h, s) = (step.u.len(), step.h, self.c.len());
        self.tape.resize(system.tape_len(), 0.0);
        self.stage.resize(n, 0.0);
        self.value.resize(n, 0.0);
        self.stages_bar.clear();
        self.stages_bar.resize(s * n, 0.0);
        self.start_bar.clear();
        self.start_bar.resize(n, 0.0);
        self.stages_bar[(s - 1) * n..].copy_from_slice(&bars.u);
        for read in reads {
            (self.dense_weights)(read.theta, &mut self.weights);
            add(1.0 - self.weights.iter().sum::<f64>(), read.bar, &mut self.start_bar);
            for (w, bar) in self.weights.iter().zip(self.stages_bar.chunks_exact_mut(n)) {
                add(*w, read.bar, bar);
            }
        }
        let entries = self.jacobian.entry_count();
        for (i, c) in self.c.iter().enumerate() {
            stage_state(step, i, &mut self.stage);
            let block = &mut self.blocks[i * entries..][..entries];
            self.jacobian.evaluate(system, (step.t + c * h, &self.stage, p), block);
        }
        let factors = self.factors.as_mut().ok_or(0usize)?;
        factors.factorize(1.0 / h, &self.blocks).map_err(|singular| singular.column % n)?;
        factors.solve(&mut self.stages_bar).map_err(|_| 0usize)?;
        for (i, (c, mu)) in self.c.iter().zip(self.stages_bar.chunks_exact(n)).enumerate() {
            stage_state(step, i, &mut self.stage);
            system.record(step.t + c * h, &self.stage, p, &mut self.value, &mut self.tape);
            // What f makes of the stage is in the matrix already.
            self.value.fill(0.0);
            system.vjp(p, &self.tape, mu, &mut self.value, &mut bars.p);
        }
        self.stage.fill(0.0);
        for (sum, mu) in self.row_sums.iter().zip(self.stages_bar.chunks_exact(n)) {
            add(sum / h, mu, &mut self.stage);
        }
        match &self.mass {
            None => self.value.copy_from_slice(&self.stage),
            Some(mass) => mass.multiply(&self.stage, &mut self.value),
        }
        add(1.0, &self.value, &mut self.start_bar);
        bars.u.copy_from_slice(&self.start_bar);
        Ok(())
    }
}
