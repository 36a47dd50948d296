//! The BDF of variable order, forwards.
//!
//! But for $f$ all that a step does to the differences $D_m = \nabla^m u_n$ is linear, and is done to their sensitivities alike:
//! changes of the grid, the prediction $P = \sum_m D_m$, and with $d = u_{n+1} - P$ the differences that it leaves,
//! $D^+_{k+1} = d$ and $D^+_j = D_j + D^+_{j+1}$. From $\sigma M d + \frac1h M \sum_m \gamma_m D_m = f(t_{n+1}, u_{n+1})$ with
//! $\sigma = \alpha_k / h$,
//!
//! $$ (\sigma M - f_u) \dot u_{n+1} = \frac1h M \sum_{m=0}^k (\alpha_k - \gamma_m) \dot D_m + f_p . $$
//!
//! Orders and changes of the grid are held fixed as step sizes are. What is read inside the step is the interpolating polynomial
//! of the differences that it leaves.

use super::initial_slope::InitialSlope;
use super::linearized::Linearized;
use super::{Carried, Onward, ReadOff, add};
use crate::adjoint::reverse::Made;
use crate::model::Differentiable;
use crate::ode::implicit::bdf::{ALPHA, Change, Changed, GAMMA, MAX_ORDER, rescaling};

/// The BDF with its memory.
pub(super) struct Bdf {
    at: Linearized,
    initial: InitialSlope,
    rescaled: Vec<f64>,
    sum: Vec<f64>,
    state: Vec<f64>,
}

/// Differences that a step can leave: up to one beyond the highest order.
const ROWS: usize = MAX_ORDER + 2;

impl Bdf {
    pub fn new(system: &dyn Differentiable) -> Self {
        Bdf {
            at: Linearized::new(system),
            initial: InitialSlope::new(system),
            rescaled: Vec::new(),
            sum: Vec::new(),
            state: Vec::new(),
        }
    }

    /// Brings the differences to another grid.
    fn rescale(&mut self, change: Change, d: &mut [f64], len: usize) {
        let r = rescaling(change.degree, change.ratio);
        self.rescaled.clear();
        self.rescaled.resize((change.order + 1) * len, 0.0);
        for (r, row) in r.iter().zip(self.rescaled.chunks_exact_mut(len)) {
            for (r, d) in r.iter().zip(d.chunks_exact(len)).take(change.degree + 1) {
                add(*r, d, row);
            }
        }
        d[..self.rescaled.len()].copy_from_slice(&self.rescaled);
    }
}

impl Onward for Bdf {
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &mut [ReadOff],
        carried: &mut Carried,
    ) -> Result<(), usize> {
        let Carried { columns, s, differences: d, .. } = carried;
        let (columns, len, h) = (*columns, s.len(), step.h);
        let made = Changed::of(step.stages, step.u.len());
        let (order, t_new) = (made.order, step.t + h);
        d.resize(ROWS * len, 0.0);
        d[..len].copy_from_slice(s);
        for change in made.changes() {
            if change.begins() {
                let first = &mut d[len..2 * len];
                let place = (step.t, step.u, p);
                self.initial.forwards(system, &mut self.at, place, made.slope, s, (first, columns))?;
                first.iter_mut().for_each(|x| *x *= change.ratio);
            } else {
                self.rescale(change, d, len);
            }
        }
        self.sum.clear();
        self.sum.resize(len, 0.0);
        for (m, row) in d.chunks_exact(len).enumerate().take(order + 1).rev() {
            add(ALPHA[order] - GAMMA[m], row, &mut self.sum);
        }
        self.state.clear();
        self.state.resize(len, 0.0);
        self.at.add_mass(1.0 / h, &self.sum, &mut self.state, columns);
        self.at.add_derivative(system, (t_new, made.u_new, p), 1.0, None, &mut self.state, columns);
        self.at.factorize(system, &[(t_new, 1.0)], (made.u_new, p), ALPHA[order] / h)?;
        self.at.solve(&mut self.state, columns)?;
        let (below, own) = d.split_at_mut((order + 1) * len);
        let own = &mut own[..len];
        own.copy_from_slice(&self.state);
        for row in below.chunks_exact(len).rev() {
            add(-1.0, row, own);
        }
        for m in (1..=order).rev() {
            let (row, above) = d[m * len..(m + 2) * len].split_at_mut(len);
            add(1.0, above, row);
        }
        d[..len].copy_from_slice(&self.state);
        for read in reads {
            read.out.fill(0.0);
            let mut basis = 1.0;
            for (m, row) in d.chunks_exact(len).enumerate().take(order + 1) {
                add(basis, row, read.out);
                basis *= (read.theta - 1.0 + m as f64) / (m + 1) as f64;
            }
        }
        s.copy_from_slice(&self.state);
        Ok(())
    }
}
