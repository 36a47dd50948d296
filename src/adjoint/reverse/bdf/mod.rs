//! The BDF of variable order, backwards.
//!
//! What a step of order $k$ takes over is $D_m = \nabla^m u_n$, $m \le k$, on a grid of its width, what it leaves is $D^+_m$,
//! $m \le k + 1$. With $u_{n+1} = \sum_m D_m + d$ and $\sigma = \alpha_k / h$,
//!
//! $$ \sigma M d + \frac{1}{h} M \sum_{m=1}^k \gamma_m D_m = f(t_{n+1}, u_{n+1}), \qquad
//! D^+_{k+1} = d, \qquad D^+_j = \sum_{m=j}^k D_m + d . $$
//!
//! But for $f$ all of this is linear. With the cotangents $\bar D^+_m$, which a state read inside the step adds to by the
//! interpolating polynomial,
//!
//! $$ (\sigma M - f_u)^\top \mu = \bar d = \sum_{m=0}^{k+1} \bar D^+_m, \qquad \bar p \mathrel{+}= f_p^\top \mu, \qquad
//! \bar D_j = \sum_{m \le j} \bar D^+_m + f_u^\top \mu - \frac{\gamma_j}{h} M^\top \mu
//! = \frac{\alpha_k - \gamma_j}{h} M^\top \mu - \sum_{m=j+1}^{k+1} \bar D^+_m , $$
//!
//! the last because $f_u^\top \mu = \sigma M^\top \mu - \bar d$; nothing large cancels there, as it does in the middle where
//! the system is stiff. A change of the grid, $D' = R D$, goes back as $\bar D = R^\top \bar D'$. The cotangents of all
//! differences go from step to step. At a beginning there are but $D_0 = u$ and $D_1 = h u'$, whose cotangent goes to state
//! and parameters.
//!
//! Orders and changes of the grid are held fixed as step sizes are; nothing else in a step is a choice. The matrix is that
//! of what Newton's method converged to, not the one it converged with.

use super::initial_slope::InitialSlope;
use super::transposed::Transposed;
use super::{Bars, Made, Read, Reverse, add};
use crate::model::Differentiable;
use crate::ode::implicit::bdf::{ALPHA, Change, Changed, GAMMA, MAX_ORDER, rescaling};

#[cfg(test)]
mod tests;

/// The BDF with its memory.
pub(super) struct Bdf {
    matrix: Transposed,
    initial: InitialSlope,
    tape: Vec<f64>,
    value: Vec<f64>,
    mu: Vec<f64>,
    product: Vec<f64>,
}

/// Rows of differences that a step can leave: up to one beyond the highest order.
const ROWS: usize = MAX_ORDER + 2;

impl Bdf {
    pub fn of(system: &dyn Differentiable) -> Self {
        Bdf {
            matrix: Transposed::new(system),
            initial: InitialSlope::default(),
            tape: Vec::new(),
            value: Vec::new(),
            mu: Vec::new(),
            product: Vec::new(),
        }
    }
}

impl Reverse for Bdf {
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &[Read],
        bars: &mut Bars,
    ) -> Result<(), usize> {
        let n = step.u.len();
        let made = Changed::of(step.stages, n);
        let (order, t_new) = (made.order, step.t + step.h);
        self.tape.resize(system.tape_len(), 0.0);
        for v in [&mut self.value, &mut self.mu, &mut self.product] {
            v.resize(n, 0.0);
        }
        bars.differences.resize(ROWS * n, 0.0);
        let d = &mut bars.differences;
        d[..n].copy_from_slice(&bars.u);
        for read in reads {
            let mut basis = 1.0;
            for (m, row) in d.chunks_exact_mut(n).enumerate().take(order + 1) {
                add(basis, read.bar, row);
                basis *= (read.theta - 1.0 + m as f64) / (m + 1) as f64;
            }
        }
        self.mu.fill(0.0);
        for row in d.chunks_exact(n).take(order + 2) {
            add(1.0, row, &mut self.mu);
        }
        let (at, sigma) = ((made.u_new, p), ALPHA[order] / step.h);
        self.matrix.solve_at(system, &[(t_new, 1.0)], at, sigma, &mut self.mu)?;
        system.record(t_new, made.u_new, p, &mut self.value, &mut self.tape);
        // What f makes of the state is in the matrix already.
        self.value.fill(0.0);
        system.vjp(p, &self.tape, &self.mu, &mut self.value, &mut bars.p);
        self.product.fill(0.0);
        self.matrix.add_mass(1.0 / step.h, &self.mu, &mut self.product);
        for c in 0..n {
            let mut beyond = std::mem::take(&mut d[(order + 1) * n + c]);
            for j in (0..=order).rev() {
                let own = d[j * n + c];
                d[j * n + c] = (ALPHA[order] - GAMMA[j]) * self.product[c] - beyond;
                beyond += own;
            }
        }
        for change in made.changes().rev() {
            if change.begins() {
                let slope_bar = &mut d[n..2 * n];
                slope_bar.iter_mut().for_each(|x| *x *= change.ratio);
                let (state, above) = d.split_at_mut(n);
                let to = (&mut *state, &mut bars.p[..]);
                let at = (step.t, step.u, p);
                self.initial.back(system, &mut self.matrix, at, made.slope, &mut above[..n], to)?;
                above.fill(0.0);
            } else {
                change_back(change, d, n);
            }
        }
        bars.u.copy_from_slice(&d[..n]);
        Ok(())
    }
}

/// $R^\top$ of a change of the grid.
fn change_back(change: Change, d: &mut [f64], n: usize) {
    let r = rescaling(change.degree, change.ratio);
    for c in 0..n {
        let mut before = [0.0; ROWS];
        for (m, x) in before.iter_mut().enumerate().take(change.degree + 1) {
            *x = (0..=change.order).map(|j| r[j][m] * d[j * n + c]).sum();
        }
        for (m, x) in before.iter().enumerate() {
            d[m * n + c] = *x;
        }
    }
}
