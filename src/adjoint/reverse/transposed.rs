//! Linear systems with the transposed matrix of an implicit method, $(\sigma M - f_u)^\top x = b$.

use crate::model::{Differentiable, MassMatrix, Sparsity};
use crate::ode::linear::{LinearSolver, Shifted};

/// The transposed Jacobian.
pub(super) struct Jacobian {
    n: usize,
    /// Its pattern, and where each of its entries stands among those of $f_u$; none for a dense one.
    pattern: Option<(Sparsity, Vec<usize>)>,
    plain: Vec<f64>,
    /// One of several that are added up.
    one: Vec<f64>,
}

impl Jacobian {
    pub fn new(system: &dyn Differentiable) -> Self {
        let n = system.dimension();
        let pattern = system.sparsity().map(|sparsity| {
            let transposed = sparsity.transpose();
            let mut order = Vec::with_capacity(transposed.entry_count());
            for (i, columns) in transposed.columns().enumerate() {
                // Entry (j, i) of the transposed is entry (i, j) of the matrix, and both have the same entries.
                order.extend(columns.iter().map(|j| sparsity.position(i, *j).unwrap_or(0)));
            }
            (transposed, order)
        });
        let len = pattern.as_ref().map_or(n * n, |(pattern, _)| pattern.entry_count());
        Jacobian { n, pattern, plain: vec![0.0; len], one: Vec::new() }
    }

    /// Its pattern; none for a dense one.
    pub fn pattern(&self) -> Option<&Sparsity> {
        self.pattern.as_ref().map(|(pattern, _)| pattern)
    }

    /// How many entries it has.
    pub fn entry_count(&self) -> usize {
        self.plain.len()
    }

    /// Writes its entries at $(t, u)$.
    pub fn evaluate(&mut self, system: &dyn Differentiable, (t, u, p): (f64, &[f64], &[f64]), values: &mut [f64]) {
        self.evaluate_sum(system, &[(t, 1.0)], (u, p), values);
    }

    /// Writes the entries of a weighted sum over several times.
    pub fn evaluate_sum(
        &mut self,
        system: &dyn Differentiable,
        times: &[(f64, f64)],
        (u, p): (&[f64], &[f64]),
        values: &mut [f64],
    ) {
        if let [(t, _)] = times {
            system.state_jacobian(*t, u, p, &mut self.plain);
        } else {
            self.plain.fill(0.0);
            self.one.resize(self.plain.len(), 0.0);
            for (t, weight) in times {
                system.state_jacobian(*t, u, p, &mut self.one);
                super::add(*weight, &self.one, &mut self.plain);
            }
        }
        match &self.pattern {
            Some((_, order)) => {
                for (value, k) in values.iter_mut().zip(order) {
                    *value = self.plain[*k];
                }
            }
            None => {
                for j in 0..self.n {
                    for i in 0..self.n {
                        values[i * self.n + j] = self.plain[j * self.n + i];
                    }
                }
            }
        }
    }
}

/// $M^\top$; none for the unit matrix.
pub(super) fn transposed_mass(system: &dyn Differentiable) -> Option<MassMatrix> {
    system.mass_matrix().filter(|mass| !mass.is_identity()).map(|mass| {
        let entries: Vec<_> = mass.entries().iter().map(|&(row, column, value)| (column, row, value)).collect();
        MassMatrix::from_entries(mass.dimension(), &entries)
    })
}

/// Jacobian and factors, transposed.
pub(in crate::adjoint) struct Transposed {
    jacobian: Jacobian,
    mass: Option<MassMatrix>,
    values: Vec<f64>,
    factors: Option<Shifted<f64>>,
}

impl Transposed {
    pub fn new(system: &dyn Differentiable) -> Self {
        let (jacobian, mass) = (Jacobian::new(system), transposed_mass(system));
        let (n, pattern) = (system.dimension(), jacobian.pattern());
        let factors = Shifted::new(n, pattern, mass.as_ref(), LinearSolver::Automatic).ok();
        Transposed { values: vec![0.0; jacobian.entry_count()], jacobian, mass, factors }
    }

    /// Whether $M$ is another than the unit matrix.
    pub fn has_mass(&self) -> bool {
        self.mass.is_some()
    }

    /// Factorises $(\sigma M - f_u)^\top$ with the Jacobian at $(t, u)$. Fails with a column that has no pivot.
    pub fn factorize(
        &mut self,
        system: &dyn Differentiable,
        (t, u, p): (f64, &[f64], &[f64]),
        sigma: f64,
    ) -> Result<(), usize> {
        self.factorize_sum(system, &[(t, 1.0)], (u, p), sigma)
    }

    /// The same with a weighted sum of the Jacobians at several times.
    pub fn factorize_sum(
        &mut self,
        system: &dyn Differentiable,
        times: &[(f64, f64)],
        at: (&[f64], &[f64]),
        sigma: f64,
    ) -> Result<(), usize> {
        self.jacobian.evaluate_sum(system, times, at, &mut self.values);
        self.factorize_for(sigma)
    }

    /// Evaluates the Jacobian at $(t, u)$.
    pub fn evaluate(&mut self, system: &dyn Differentiable, at: (f64, &[f64], &[f64])) {
        self.jacobian.evaluate(system, at, &mut self.values);
    }

    /// Factorises for another shift, with the Jacobian last evaluated.
    pub fn factorize_for(&mut self, sigma: f64) -> Result<(), usize> {
        let factors = self.factors.as_mut().ok_or(0usize)?;
        factors.factorize(sigma, &self.values).map_err(|singular| singular.column)
    }

    /// The entries of $f_u$ last evaluated, with row and column.
    pub fn entries(&self, n: usize) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        let pattern = self.jacobian.pattern();
        let sparse = pattern.into_iter().flat_map(|pattern| {
            // A column of the transposed is a row.
            pattern.columns().enumerate().flat_map(|(i, columns)| columns.iter().map(move |j| (i, *j)))
        });
        let dense = (0..if pattern.is_none() { n * n } else { 0 }).map(move |k| (k / n, k % n));
        sparse.chain(dense).zip(&self.values).map(|((i, j), value)| (i, j, *value))
    }

    /// Solves with the factors in place.
    pub fn solve(&mut self, b: &mut [f64]) -> Result<(), usize> {
        self.factors.as_mut().ok_or(0usize)?.solve(b).map_err(|_| 0usize)
    }

    /// `out += a Mᵀ x`.
    pub fn add_mass(&self, a: f64, x: &[f64], out: &mut [f64]) {
        match &self.mass {
            None => super::add(a, x, out),
            Some(mass) => mass.entries().iter().for_each(|&(row, column, value)| out[row] += a * value * x[column]),
        }
    }
}
