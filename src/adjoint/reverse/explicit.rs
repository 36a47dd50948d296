//! Explicit Runge–Kutta methods, backwards.
//!
//! $$ \bar k_i = h b_i \lambda + h \sum_{j > i} a_{ji} \bar U_j + h b_i(\theta) \bar s, \qquad
//! \bar U_i = f_u^\top \bar k_i, \qquad \bar p \mathrel{+}= f_p^\top \bar k_i, \qquad
//! \lambda \leftarrow \lambda + \bar s + \sum_i \bar U_i $$
//!
//! with the cotangent $\bar s$ of a state read at $\theta$. Source: W. W. Hager, *Runge–Kutta methods in optimal control and
//! the transformed adjoint system*, Numer. Math. 87 (2000).

use super::{Bars, Made, Read, Reverse, add};
use crate::adjoint::families::ExplicitRow;
use crate::model::Differentiable;
use crate::ode::explicit::{combine, power_sum};

/// An explicit method with its memory.
pub(super) struct Explicit {
    row: ExplicitRow,
    k: Vec<f64>,
    k_bar: Vec<f64>,
    tapes: Vec<f64>,
    stage: Vec<f64>,
    stage_bar: Vec<f64>,
    lambda: Vec<f64>,
}

impl Explicit {
    pub fn new(row: ExplicitRow) -> Self {
        Explicit {
            row,
            k: Vec::new(),
            k_bar: Vec::new(),
            tapes: Vec::new(),
            stage: Vec::new(),
            stage_bar: Vec::new(),
            lambda: Vec::new(),
        }
    }
}

impl Reverse for Explicit {
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &[Read],
        bars: &mut Bars,
    ) -> Result<(), usize> {
        let (n, length) = (step.u.len(), system.tape_len());
        // The extra stages matter where somebody looked between the steps.
        let stages = if reads.is_empty() { self.row.stages } else { self.row.stages + self.row.extra };
        let Explicit { k, k_bar, tapes, stage, stage_bar, lambda, .. } = self;
        k.resize(stages * n, 0.0);
        tapes.resize(stages * length, 0.0);
        stage.resize(n, 0.0);
        stage_bar.resize(n, 0.0);
        for s in 0..stages {
            combine(self.row.a[s], k, step.h, step.u, stage);
            let t = step.t + self.row.c[s] * step.h;
            system.record(t, stage, p, &mut k[s * n..][..n], &mut tapes[s * length..][..length]);
        }
        k_bar.clear();
        k_bar.resize(stages * n, 0.0);
        lambda.clear();
        lambda.extend_from_slice(&bars.u);
        for read in reads {
            add(1.0, read.bar, &mut bars.u);
            for (j, r) in self.row.dense {
                add(step.h * power_sum(r, read.theta), read.bar, &mut k_bar[j * n..][..n]);
            }
        }
        for (i, b) in self.row.b {
            add(step.h * b, lambda, &mut k_bar[i * n..][..n]);
        }
        for i in (0..stages).rev() {
            stage_bar.fill(0.0);
            system.vjp(p, &tapes[i * length..][..length], &k_bar[i * n..][..n], stage_bar, &mut bars.p);
            add(1.0, stage_bar, &mut bars.u);
            for (j, a) in self.row.a[i] {
                add(step.h * a, stage_bar, &mut k_bar[j * n..][..n]);
            }
        }
        Ok(())
    }
}
