//! $f$ at one place with its first derivatives, and linear systems with its Jacobian.

use super::{add, add_product};
use crate::model::{Differentiable, MassMatrix, Sparsity};
use crate::ode::linear::{LinearSolver, Shifted};

/// A recorded evaluation, its derivatives and the factors of $\sigma M - f_u$.
pub(super) struct Linearized {
    pub mass: Option<MassMatrix>,
    factors: Option<Shifted<f64>>,
    tape: Vec<f64>,
    pub value: Vec<f64>,
    /// $f_u$, row by row.
    f_u: Vec<f64>,
    f_p: Vec<f64>,
    /// $f_u$ as the linear algebra wants it.
    values: Vec<f64>,
    one: Vec<f64>,
    /// Its pattern; none for a dense one.
    pattern: Option<Sparsity>,
    block: Vec<f64>,
}

impl Linearized {
    pub fn new(system: &dyn Differentiable) -> Self {
        let (n, sparsity) = (system.dimension(), system.sparsity());
        let mass = system.mass_matrix().filter(|mass| !mass.is_identity());
        let len = sparsity.map_or(n * n, Sparsity::entry_count);
        Linearized {
            factors: Shifted::new(n, sparsity, mass.as_ref(), LinearSolver::Automatic).ok(),
            mass,
            tape: vec![0.0; system.tape_len()],
            value: vec![0.0; n],
            f_u: vec![0.0; n * n],
            f_p: vec![0.0; n * system.parameter_count().max(1)],
            values: vec![0.0; len],
            one: vec![0.0; len],
            pattern: sparsity.cloned(),
            block: Vec::new(),
        }
    }

    /// Adds $\alpha (f_u X + f_p)$ at $(t, u)$ to `out`, without the first term where there is no `x`.
    pub fn add_derivative(
        &mut self,
        system: &dyn Differentiable,
        (t, u, p): (f64, &[f64], &[f64]),
        alpha: f64,
        x: Option<&[f64]>,
        out: &mut [f64],
        columns: usize,
    ) {
        let parameters = system.parameter_count();
        system.record(t, u, p, &mut self.value, &mut self.tape);
        system.jacobian(p, &self.tape, &mut self.f_u, &mut self.f_p, parameters.max(1));
        if parameters > 0 {
            for (row, f_p) in out.chunks_exact_mut(columns).zip(self.f_p.chunks_exact(parameters)) {
                add(alpha, f_p, &mut row[..parameters]);
            }
        }
        if let Some(x) = x {
            add_product(alpha, &self.f_u, x, out, columns);
        }
    }

    /// Evaluates $\sum_k w_k f_u(t_k, u)$.
    pub fn evaluate(&mut self, system: &dyn Differentiable, times: &[(f64, f64)], (u, p): (&[f64], &[f64])) {
        if let [(t, _)] = times {
            system.state_jacobian(*t, u, p, &mut self.values);
        } else {
            self.values.fill(0.0);
            for (t, weight) in times {
                system.state_jacobian(*t, u, p, &mut self.one);
                add(*weight, &self.one, &mut self.values);
            }
        }
    }

    /// Takes the entries of what was last evaluated, with row and column.
    pub fn entries(&self, mut take: impl FnMut(usize, usize, f64)) {
        match &self.pattern {
            Some(pattern) => {
                for ((j, rows), ends) in pattern.columns().enumerate().zip(pattern.starts().windows(2)) {
                    rows.iter().zip(&self.values[ends[0]..ends[1]]).for_each(|(i, value)| take(*i, j, *value));
                }
            }
            None => {
                for (j, column) in self.values.chunks_exact(self.value.len().max(1)).enumerate() {
                    column.iter().enumerate().for_each(|(i, value)| take(i, j, *value));
                }
            }
        }
    }

    /// Factorises $\sigma M - J$ with what was last evaluated. Fails with a column that has no pivot.
    pub fn factorize_for(&mut self, sigma: f64) -> Result<(), usize> {
        let factors = self.factors.as_mut().ok_or(0usize)?;
        factors.factorize(sigma, &self.values).map_err(|singular| singular.column)
    }

    /// Factorises $\sigma M - \sum_k w_k f_u(t_k, u)$. Fails with a column that has no pivot.
    pub fn factorize(
        &mut self,
        system: &dyn Differentiable,
        times: &[(f64, f64)],
        at: (&[f64], &[f64]),
        sigma: f64,
    ) -> Result<(), usize> {
        self.evaluate(system, times, at);
        self.factorize_for(sigma)
    }

    /// Replaces each column of a matrix by what the factors make of it.
    pub fn solve(&mut self, x: &mut [f64], columns: usize) -> Result<(), usize> {
        solve_columns(self.factors.as_mut().ok_or(0usize)?, x, columns, &mut self.block)
    }

    /// `out += a M x`, for matrices.
    pub fn add_mass(&self, a: f64, x: &[f64], out: &mut [f64], columns: usize) {
        match &self.mass {
            None => add(a, x, out),
            Some(mass) => {
                for &(row, column, value) in mass.entries() {
                    add(a * value, &x[column * columns..][..columns], &mut out[row * columns..][..columns]);
                }
            }
        }
    }
}

/// Columns that are gathered at a time: the numbers of a row that share a line of the cache.
const TOGETHER: usize = 8;

/// Replaces each column of a matrix, given row by row, by what the factors make of it.
pub(super) fn solve_columns(
    factors: &mut Shifted<f64>,
    x: &mut [f64],
    columns: usize,
    block: &mut Vec<f64>,
) -> Result<(), usize> {
    let n = x.len() / columns.max(1);
    block.resize(TOGETHER * n, 0.0);
    for first in (0..columns).step_by(TOGETHER) {
        let last = (first + TOGETHER).min(columns);
        for (i, row) in x.chunks_exact(columns).enumerate() {
            row[first..last].iter().enumerate().for_each(|(j, x)| block[j * n + i] = *x);
        }
        for column in block.chunks_exact_mut(n).take(last - first) {
            factors.solve(column).map_err(|_| 0usize)?;
        }
        for (i, row) in x.chunks_exact_mut(columns).enumerate() {
            row[first..last].iter_mut().enumerate().for_each(|(j, x)| *x = block[j * n + i]);
        }
    }
    Ok(())
}
