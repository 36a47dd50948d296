//! Radau IIA methods, forwards. The stages solve $\frac1h \sum_j (A^{-1})_{ij} M (U_j - u) = f(U_i)$ all at once, so that
//!
//! $$ \Bigl(\frac1h A^{-1} \otimes M - \mathrm{diag}(f_u(U_1), \dots, f_u(U_s))\Bigr) \dot U = \frac1h \Bigl(\sum_j
//! (A^{-1})_{ij} M S\Bigr)_i + (f_p(U_i))_i . $$
//!
//! The Jacobian is another one in each stage, and the system of all of them is solved as it stands: one factorisation a step.

use super::linearized::{Linearized, solve_columns};
use super::{Carried, Onward, ReadOff, add};
use crate::adjoint::coupled::coupled;
use crate::adjoint::reverse::Made;
use crate::adjoint::reverse::radau::stage_state;
use crate::model::{Differentiable, Sparsity};
use crate::ode::implicit::radau::RadauTableau;
use crate::ode::linear::Shifted;

/// A Radau IIA method with its memory.
pub(super) struct Radau {
    c: &'static [f64],
    /// $\sum_j (A^{-1})_{ij}$.
    row_sums: Vec<f64>,
    dense_weights: fn(f64, &mut [f64]),
    at: Linearized,
    factors: Option<Shifted<f64>>,
    /// The Jacobians, stage by stage.
    blocks: Vec<f64>,
    stage: Vec<f64>,
    /// $\dot U_i$, one after the other.
    stages_dot: Vec<f64>,
    /// $M S$.
    start: Vec<f64>,
    weights: Vec<f64>,
    /// Columns that are solved for.
    block: Vec<f64>,
}

impl Radau {
    pub fn of<T: RadauTableau>(system: &dyn Differentiable) -> Self {
        let (n, s, sparsity) = (system.dimension(), T::STAGES, system.sparsity());
        let at = Linearized::new(system);
        let entries = sparsity.map_or(n * n, Sparsity::entry_count);
        Radau {
            c: T::C,
            row_sums: T::A_INVERSE.iter().map(|row| row.iter().sum()).collect(),
            dense_weights: T::dense_weights,
            factors: coupled(T::A_INVERSE, n, at.mass.as_ref(), sparsity, false),
            at,
            blocks: vec![0.0; s * entries],
            stage: vec![0.0; n],
            stages_dot: Vec::new(),
            start: Vec::new(),
            weights: vec![0.0; s],
            block: Vec::new(),
        }
    }
}

impl Onward for Radau {
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &mut [ReadOff],
        carried: &mut Carried,
    ) -> Result<(), usize> {
        let (h, columns, len) = (step.h, carried.columns, carried.s.len());
        self.start.clear();
        self.start.resize(len, 0.0);
        self.at.add_mass(1.0 / h, &carried.s, &mut self.start, columns);
        self.stages_dot.clear();
        self.stages_dot.resize(self.c.len() * len, 0.0);
        let entries = self.blocks.len() / self.c.len();
        let blocks = self.blocks.chunks_exact_mut(entries);
        for (i, (own, block)) in self.stages_dot.chunks_exact_mut(len).zip(blocks).enumerate() {
            stage_state(step, i, &mut self.stage);
            let t = step.t + self.c[i] * h;
            system.state_jacobian(t, &self.stage, p, block);
            add(self.row_sums[i], &self.start, own);
            self.at.add_derivative(system, (t, &self.stage, p), 1.0, None, own, columns);
        }
        let factors = self.factors.as_mut().ok_or(0usize)?;
        factors.factorize(1.0 / h, &self.blocks).map_err(|singular| singular.column % step.u.len())?;
        solve_columns(factors, &mut self.stages_dot, columns, &mut self.block)?;
        for read in reads {
            (self.dense_weights)(read.theta, &mut self.weights);
            read.out.fill(0.0);
            add(1.0 - self.weights.iter().sum::<f64>(), &carried.s, read.out);
            for (w, dot) in self.weights.iter().zip(self.stages_dot.chunks_exact(len)) {
                add(*w, dot, read.out);
            }
        }
        // The solution is the last stage.
        carried.s.copy_from_slice(&self.stages_dot[(self.c.len() - 1) * len..]);
        Ok(())
    }
}
