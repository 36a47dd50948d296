//! Sparse LU: fronts where pivots from the diagonal blocks do, pivots from anywhere where they do not.

use super::assembly::Assembly;
use super::fronts::Fronts;
use super::multifrontal::Multifrontal;
use super::pivoting::PivotingLu;
use super::scalar::Scalar;
use crate::ode::saved::Saved;
use std::sync::Arc;

/// Multipliers up to this size are taken without a check, as other sparse codes take theirs.
const HARMLESS: f64 = 10.0;
/// Backward error of a solution that is good as it is.
const GOOD: f64 = 1e-12;
/// Backward error that one step of iterative refinement can be expected to repair.
const REPAIRABLE: f64 = 1e-6;
/// Factorisations after which pivots from the diagonal blocks are tried again, at most.
const LONGEST_WAIT: usize = 64;

/// The matrix, its factors and the memory to make them.
pub struct SparseLu<T> {
    matrix: Arc<Assembly>,
    fronts: Arc<Fronts>,
    values: Vec<T>,
    on_fronts: Multifrontal<T>,
    /// Made when first needed.
    anywhere: Option<PivotingLu<T>>,
    kind: Kind,
    /// Factorisations left until fronts are tried again, and how many it will be the next time that they fail.
    wait: usize,
    next_wait: usize,
    /// For refinement and for the check of the factors.
    solution: Vec<T>,
    residual: Vec<T>,
    known: Vec<T>,
    scale: Vec<f64>,
}

/// Which factors are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Fronts,
    /// Fronts, every solution improved by one step of iterative refinement.
    Refined,
    Anywhere,
}

impl<T: Scalar> SparseLu<T> {
    /// Memory for the matrix with this pattern and layout.
    pub fn new(matrix: Arc<Assembly>, fronts: Arc<Fronts>) -> SparseLu<T> {
        let n = matrix.dimension();
        SparseLu {
            values: vec![T::ZERO; matrix.rows().len()],
            on_fronts: Multifrontal::new(Arc::clone(&fronts)),
            anywhere: None,
            kind: Kind::Fronts,
            wait: 0,
            next_wait: 1,
            solution: vec![T::ZERO; n],
            residual: vec![T::ZERO; n],
            known: vec![T::ZERO; n],
            scale: vec![0.0; n],
            matrix,
            fronts,
        }
    }

    /// Entries of $L + U$ of the last factorisation.
    pub fn entry_count(&self) -> usize {
        match (&self.anywhere, self.kind) {
            (Some(lu), Kind::Anywhere) => lu.entry_count(),
            _ => self.fronts.filled,
        }
    }

    /// Whether pivots had to be taken from anywhere in their columns.
    pub fn pivots_from_anywhere(&self) -> bool {
        self.kind == Kind::Anywhere
    }

    /// About how many solves take the time of a factorisation.
    pub fn solves_per_factorization(&self) -> f64 {
        self.fronts.predicted_time() / (self.fronts.filled as f64).max(1.0)
    }

    /// Appends for how long fronts are not to be tried.
    pub fn save_pivots(&self, out: &mut Vec<f64>) {
        out.extend([self.wait as f64, self.next_wait as f64]);
    }

    /// Takes that up.
    pub fn restore_pivots(&mut self, from: &mut Saved) {
        (self.wait, self.next_wait) = (from.count(), from.count());
    }

    /// Factorises $\sigma M - J$. Fails with the column in which no pivot is left.
    pub fn factorize(&mut self, sigma: T, jacobian: &[f64]) -> Result<(), usize> {
        self.matrix.assemble(sigma, jacobian, &mut self.values);
        if self.wait == 0 {
            if self.on_fronts.factorize(&self.values).is_ok() && self.settle() {
                self.next_wait = 1;
                return Ok(());
            }
            self.wait = self.next_wait;
            self.next_wait = LONGEST_WAIT.min(2 * self.next_wait);
        } else {
            self.wait -= 1;
        }
        self.kind = Kind::Anywhere;
        let lu = self.anywhere.get_or_insert_with(|| PivotingLu::new(&self.fronts.vertex));
        lu.factorize(&self.matrix, &self.values)
    }

    /// Finds out whether the factors on fronts are accurate, if need be with refinement.
    fn settle(&mut self) -> bool {
        self.kind = Kind::Fronts;
        if self.on_fronts.growth() <= HARMLESS {
            return true;
        }
        let error = self.backward_error();
        if error <= GOOD {
            return true;
        }
        self.kind = Kind::Refined;
        error <= REPAIRABLE && self.backward_error() <= GOOD
    }

    /// The componentwise backward error of a solution with a right-hand side made for the purpose:
    /// $\max_i |W x - b|_i / (|W| |x|)_i$ (W. Oettli, W. Prager, Numer. Math. 6 (1964) 405–409).
    fn backward_error(&mut self) -> f64 {
        for (i, x) in self.known.iter_mut().enumerate() {
            // Of similar size, without any regularity that a matrix may have too.
            *x = T::real(1.0 + 0.5 * (i as f64 * 1.618).sin());
        }
        let mut x = std::mem::take(&mut self.solution);
        x.fill(T::ZERO);
        self.matrix.add_product(&self.values, &self.known, &mut x);
        self.known.copy_from_slice(&x);
        self.solve(&mut x);
        self.solution = x;
        // The residual is added up anew: refinement leaves that of the first solution behind.
        self.residual.copy_from_slice(&self.known);
        self.matrix.subtract_product(&self.values, &self.solution, &mut self.residual);
        self.scale.fill(0.0);
        self.matrix.add_product_of_sizes(&self.values, &self.solution, &mut self.scale);
        self.residual.iter().zip(&self.scale).fold(0.0, |largest, (residual, &scale)| {
            let error = if residual.magnitude() == 0.0 { 0.0 } else { residual.magnitude() / scale };
            if error > largest || error.is_nan() { error } else { largest }
        })
    }

    /// Replaces `b` by $W^{-1} b$.
    pub fn solve(&mut self, b: &mut [T]) {
        match (self.kind, &mut self.anywhere) {
            (Kind::Anywhere, Some(lu)) => lu.solve(b),
            (Kind::Refined, _) => {
                self.residual.copy_from_slice(b);
                self.on_fronts.solve(b);
                self.matrix.subtract_product(&self.values, b, &mut self.residual);
                self.on_fronts.solve(&mut self.residual);
                for (b, correction) in b.iter_mut().zip(&self.residual) {
                    *b += *correction;
                }
            }
            _ => self.on_fronts.solve(b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Sparsity;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// As the diagonal shrinks, factors on fronts do as they are, then with refinement, then not at all.
    #[test]
    fn what_is_done_about_small_pivots() {
        let mut rng = ChaCha8Rng::seed_from_u64(25);
        let n = 400;
        // The shift makes sure that there are pivots without the diagonal.
        let mut entries: Vec<(usize, usize)> = (0..n).flat_map(|i| [(i, i), ((i + 1) % n, i)]).collect();
        entries.extend((0..4 * n).map(|_| (rng.random_range(0..n), rng.random_range(0..n))));
        let pattern = Sparsity::from_entries(n, &entries).unwrap();
        let matrix = Arc::new(Assembly::new(&pattern, None));
        let fronts = Arc::new(Fronts::new(&matrix));
        let random: Vec<f64> = (0..pattern.entry_count()).map(|_| rng.random_range(-1.0..1.0)).collect();
        for (diagonal, kind) in [
            (10.0, Kind::Fronts),
            (1e-1, Kind::Refined),
            (1e-3, Kind::Anywhere),
            (1e-9, Kind::Anywhere),
            (0.0, Kind::Anywhere),
        ] {
            let mut jacobian = random.clone();
            for i in 0..n {
                if let Some(k) = pattern.position(i, i) {
                    jacobian[k] = -diagonal;
                }
            }
            let mut lu = SparseLu::new(Arc::clone(&matrix), Arc::clone(&fronts));
            lu.factorize(0.0, &jacobian).unwrap();
            assert_eq!(lu.kind, kind, "diagonal {diagonal:e}, growth {:e}", lu.on_fronts.growth());
            let error = lu.backward_error();
            assert!(error <= GOOD, "diagonal {diagonal:e}: {error:e}");
        }
    }
}
