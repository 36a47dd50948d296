//! Linear systems with the transposed matrix of an implicit method, $(\sigma M - f_u)^\top x = b$.

use super::nearby::Nearby;
use crate::model::{Differentiable, MassMatrix, Sparsity};
use crate::ode::linear::gmres::{Gmres, Stop};
use crate::ode::linear::{LinearSolver, Shifted};

/// The transposed Jacobian.
pub(in crate::adjoint) struct Jacobian {
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
pub(in crate::adjoint) fn transposed_mass(system: &dyn Differentiable) -> Option<MassMatrix> {
    system.mass_matrix().filter(|mass| !mass.is_identity()).map(|mass| {
        let entries: Vec<_> = mass.entries().iter().map(|&(row, column, value)| (column, row, value)).collect();
        MassMatrix::from_entries(mass.dimension(), &entries)
    })
}

/// The transposed matrix.
struct Matrix<'m> {
    jacobian: &'m Jacobian,
    mass: Option<&'m MassMatrix>,
    values: &'m [f64],
}

impl Matrix<'_> {
    /// Takes all terms of the product with `x`, with their rows.
    #[inline(always)]
    fn terms(&self, sigma: f64, x: &[f64], mut take: impl FnMut(usize, f64)) {
        match self.mass {
            None => x.iter().enumerate().for_each(|(i, x)| take(i, sigma * x)),
            Some(mass) => mass.entries().iter().for_each(|&(row, column, m)| take(row, sigma * m * x[column])),
        }
        match self.jacobian.pattern() {
            Some(pattern) => {
                for ((x, rows), ends) in x.iter().zip(pattern.columns()).zip(pattern.starts().windows(2)) {
                    rows.iter().zip(&self.values[ends[0]..ends[1]]).for_each(|(row, value)| take(*row, -value * x));
                }
            }
            None => {
                for (x, column) in x.iter().zip(self.values.chunks_exact(self.jacobian.n)) {
                    column.iter().enumerate().for_each(|(row, value)| take(row, -value * x));
                }
            }
        }
    }
}

/// Jacobian and factors, transposed.
pub(in crate::adjoint) struct Transposed {
    jacobian: Jacobian,
    mass: Option<MassMatrix>,
    values: Vec<f64>,
    factors: Option<Shifted<f64>>,
    /// Whether there are factors of some matrix.
    factorized: bool,
    pub(super) nearby: Nearby,
}

impl Transposed {
    pub fn new(system: &dyn Differentiable) -> Self {
        let (jacobian, mass) = (Jacobian::new(system), transposed_mass(system));
        let (n, pattern) = (system.dimension(), jacobian.pattern());
        let factors = Shifted::new(n, pattern, mass.as_ref(), LinearSolver::Automatic).ok();
        let (values, nearby) = (vec![0.0; jacobian.entry_count()], Nearby::default());
        Transposed { values, jacobian, mass, factors, factorized: false, nearby }
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
        self.jacobian.evaluate(system, (t, u, p), &mut self.values);
        self.factorize_for(sigma)
    }

    /// Evaluates a weighted sum of the Jacobians at several times.
    pub fn evaluate_sum(&mut self, system: &dyn Differentiable, times: &[(f64, f64)], at: (&[f64], &[f64])) {
        self.jacobian.evaluate_sum(system, times, at, &mut self.values);
    }

    /// Evaluates the Jacobian at $(t, u)$.
    pub fn evaluate(&mut self, system: &dyn Differentiable, at: (f64, &[f64], &[f64])) {
        self.jacobian.evaluate(system, at, &mut self.values);
    }

    /// Factorises for another shift, with the Jacobian last evaluated.
    pub fn factorize_for(&mut self, sigma: f64) -> Result<(), usize> {
        let factors = self.factors.as_mut().ok_or(0usize)?;
        let done = factors.factorize(sigma, &self.values).map_err(|singular| singular.column);
        self.factorized = done.is_ok();
        done
    }

    /// How many solves take the time of a factorisation; none where there are no sparse factors in place. With dense ones a
    /// product takes as long as a solve, so that nothing is gained by iterating.
    pub fn solves_per_factorization(&self) -> Option<f64> {
        self.factors.as_ref().filter(|_| self.factorized)?.solves_per_factorization()
    }

    /// Takes $(\sigma M - f_u)^\top x$ with the Jacobian last evaluated from `out`, and adds the moduli of all terms to `scale`.
    pub fn subtract_product(&self, sigma: f64, x: &[f64], out: &mut [f64], scale: &mut [f64]) {
        self.matrix().terms(sigma, x, |row, term| {
            out[row] -= term;
            scale[row] += term.abs();
        });
    }

    /// Replaces `b` by what GMRES finds of $(\sigma M - f_u)^{-\top} b$, with the Jacobian last evaluated and the factors in
    /// place for a preconditioner.
    pub fn correct(&mut self, gmres: &mut Gmres, sigma: f64, (weights, stop): (&[f64], Stop), b: &mut [f64]) {
        let matrix = Matrix { jacobian: &self.jacobian, mass: self.mass.as_ref(), values: &self.values };
        let mut product = |x: &[f64], out: &mut [f64]| {
            out.fill(0.0);
            matrix.terms(sigma, x, |row, term| out[row] += term);
        };
        let factors = &mut self.factors;
        let mut preconditioner = |r: &mut [f64]| {
            if let Some(factors) = factors {
                // Direct solves do not fail; how good the solution is is looked at anyway.
                let _ = factors.solve(r);
            }
        };
        gmres.solve(&mut product, &mut preconditioner, weights, stop, b);
    }

    fn matrix(&self) -> Matrix<'_> {
        Matrix { jacobian: &self.jacobian, mass: self.mass.as_ref(), values: &self.values }
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
