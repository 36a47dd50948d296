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
    column: Vec<f64>,
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
            column: vec![0.0; n],
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

    /// Factorises $\sigma M - \sum_k w_k f_u(t_k, u)$. Fails with a column that has no pivot.
    pub fn factorize(
        &mut self,
        system: &dyn Differentiable,
        times: &[(f64, f64)],
        (u, p): (&[f64], &[f64]),
        sigma: f64,
    ) -> Result<(), usize> {
        if let [(t, _)] = times {
            system.state_jacobian(*t, u, p, &mut self.values);
        } else {
            self.values.fill(0.0);
            for (t, weight) in times {
                system.state_jacobian(*t, u, p, &mut self.one);
                add(*weight, &self.one, &mut self.values);
            }
        }
        let factors = self.factors.as_mut().ok_or(0usize)?;
        factors.factorize(sigma, &self.values).map_err(|singular| singular.column)
    }

    /// Replaces each column of a matrix by what the factors make of it.
    pub fn solve(&mut self, x: &mut [f64], columns: usize) -> Result<(), usize> {
        let factors = self.factors.as_mut().ok_or(0usize)?;
        for j in 0..columns {
            for (i, c) in self.column.iter_mut().enumerate() {
                *c = x[i * columns + j];
            }
            factors.solve(&mut self.column).map_err(|_| 0usize)?;
            for (i, c) in self.column.iter().enumerate() {
                x[i * columns + j] = *c;
            }
        }
        Ok(())
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
