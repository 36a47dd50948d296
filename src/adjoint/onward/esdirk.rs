//! ESDIRK methods, forwards. From $\sigma M (U_i - b_i) = f(U_i)$, $b_i = u + h \sum_{j<i} a_{ij} k_j$ and $k_i = \sigma (U_i -
//! b_i)$,
//!
//! $$ (\sigma M - f_u) \dot U_i = \sigma M \dot b_i + f_p, \qquad \dot k_i = \sigma (\dot U_i - \dot b_i) . $$

use super::linearized::Linearized;
use super::{Carried, Onward, ReadOff, add};
use crate::adjoint::families::EsdirkRow;
use crate::adjoint::reverse::Made;
use crate::adjoint::reverse::initial_slope::InitialSlope;
use crate::adjoint::reverse::transposed::Transposed;
use crate::model::Differentiable;
use crate::ode::explicit::{combine, power_sum};
use crate::ode::implicit::esdirk::StageTimes;

/// An ESDIRK method with its memory.
pub(super) struct Esdirk {
    row: EsdirkRow,
    at: Linearized,
    /// For the first slope with a mass matrix.
    begin: Option<(Transposed, InitialSlope)>,
    stage: Vec<f64>,
    k_dot: Vec<f64>,
    base_dot: Vec<f64>,
    stage_dot: Vec<f64>,
}

impl Esdirk {
    pub fn new(row: EsdirkRow, system: &dyn Differentiable) -> Self {
        let at = Linearized::new(system);
        Esdirk {
            begin: at.mass.is_some().then(|| (Transposed::new(system), InitialSlope::default())),
            at,
            row,
            stage: Vec::new(),
            k_dot: Vec::new(),
            base_dot: Vec::new(),
            stage_dot: Vec::new(),
        }
    }

    /// The sensitivity of the first slope `slope`, $M \dot k = f_u S + f_p$.
    fn begin(
        &mut self,
        system: &dyn Differentiable,
        (t, u, p): (f64, &[f64], &[f64]),
        slope: &[f64],
        carried: &mut Carried,
    ) -> Result<(), usize> {
        let Carried { columns, s, slope: slope_dot } = carried;
        slope_dot.clear();
        slope_dot.resize(s.len(), 0.0);
        let Some((matrix, initial)) = &mut self.begin else {
            self.at.add_derivative(system, (t, u, p), 1.0, Some(s), slope_dot, *columns);
            return Ok(());
        };
        // With a mass matrix, row by row backwards.
        let (mut u_bar, mut p_bar, mut unit) = (vec![0.0; u.len()], vec![0.0; p.len()], vec![0.0; u.len()]);
        for (i, row) in slope_dot.chunks_exact_mut(*columns).enumerate() {
            for v in [&mut u_bar, &mut p_bar, &mut unit] {
                v.fill(0.0);
            }
            unit[i] = 1.0;
            initial.back(system, matrix, (t, u, p), slope, &mut unit, (&mut u_bar, &mut p_bar))?;
            add(1.0, &p_bar, &mut row[..p.len()]);
            for (bar, s) in u_bar.iter().zip(s.chunks_exact(*columns)) {
                add(*bar, s, row);
            }
        }
        Ok(())
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
            self.begin(system, (step.t, step.u, p), &step.stages[..n], carried)?;
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
