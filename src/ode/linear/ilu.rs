//! Incomplete LU factorisation without fill-in.

use super::assembly::Assembly;

/// ILU(0): factors with the pattern of $W$ itself, whose product agrees with $W$ on that pattern.
///
/// J. A. Meijerink, H. A. van der Vorst, Math. Comp. 31 (1977) 148–162; Y. Saad, *Iterative Methods for Sparse Linear
/// Systems*, 2nd ed., SIAM 2003, section 10.3. For M-matrices, such as those of diffusion, the pivots are positive; a
/// pivot that comes out too small otherwise is replaced by the largest entry of its column.
#[derive(Clone, Debug)]
pub struct IncompleteLu {
    values: Vec<f64>,
    /// Position of the diagonal entry of each column.
    diagonal: Vec<usize>,
    /// Position in the column at hand of each row, or [`NONE`].
    position: Vec<usize>,
}

const NONE: usize = usize::MAX;

/// A pivot below this share of its column's largest entry is replaced.
const TOO_SMALL: f64 = 1e-10;

impl IncompleteLu {
    /// Memory for a matrix with this pattern.
    pub fn new(matrix: &Assembly) -> IncompleteLu {
        let diagonal = matrix
            .starts()
            .windows(2)
            .enumerate()
            .map(|(j, ends)| ends[0] + matrix.rows()[ends[0]..ends[1]].partition_point(|&row| row < j))
            .collect();
        IncompleteLu { values: vec![0.0; matrix.rows().len()], diagonal, position: vec![NONE; matrix.dimension()] }
    }

    /// Factorises the matrix with these values. Fails with a column that is zero or not finite.
    pub fn factorize(&mut self, matrix: &Assembly, values: &[f64]) -> Result<(), usize> {
        let IncompleteLu { values: lu, diagonal, position } = self;
        lu.copy_from_slice(values);
        let (starts, rows) = (matrix.starts(), matrix.rows());
        for j in 0..matrix.dimension() {
            let column = starts[j]..starts[j + 1];
            let largest = lu[column.clone()].iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
            if largest == 0.0 || lu[column.clone()].iter().any(|value| !value.is_finite()) {
                return Err(j);
            }
            for k in column.clone() {
                position[rows[k]] = k;
            }
            for k in column.start..diagonal[j] {
                let (done, u) = (rows[k], lu[k]);
                for below in diagonal[done] + 1..starts[done + 1] {
                    if let Some(entry) = lu.get(below).copied().zip(lu.get_mut(position[rows[below]])) {
                        *entry.1 -= entry.0 * u;
                    }
                }
            }
            for k in column.clone() {
                position[rows[k]] = NONE;
            }
            let pivot = &mut lu[diagonal[j]];
            if !(pivot.abs() >= TOO_SMALL * largest && pivot.is_finite()) {
                *pivot = largest.copysign(*pivot);
            }
            let pivot = *pivot;
            for k in diagonal[j] + 1..column.end {
                lu[k] /= pivot;
            }
        }
        Ok(())
    }

    /// Replaces `x` by $(L U)^{-1} x$.
    pub fn solve(&self, matrix: &Assembly, x: &mut [f64]) {
        let (starts, rows) = (matrix.starts(), matrix.rows());
        for j in 0..matrix.dimension() {
            let pivot = x[j];
            for k in self.diagonal[j] + 1..starts[j + 1] {
                x[rows[k]] -= self.values[k] * pivot;
            }
        }
        for j in (0..matrix.dimension()).rev() {
            let solved = x[j] / self.values[self.diagonal[j]];
            x[j] = solved;
            for k in starts[j]..self.diagonal[j] {
                x[rows[k]] -= self.values[k] * solved;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Sparsity;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Without fill-in nothing is left out, and the factorisation is complete.
    #[test]
    fn exact_where_there_is_no_fill() {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        for n in [1usize, 2, 3, 7, 8, 9, 64, 127] {
            let pattern = Sparsity::banded(n, 1, 1);
            let matrix = Assembly::new(&pattern, None);
            let jacobian: Vec<f64> = (0..pattern.entry_count()).map(|_| rng.random_range(-1.0..1.0)).collect();
            let mut values = vec![0.0; matrix.rows().len()];
            matrix.assemble(4.0, &jacobian, &mut values);
            let mut lu = IncompleteLu::new(&matrix);
            lu.factorize(&matrix, &values).unwrap();
            let known: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
            let mut x = vec![0.0; n];
            matrix.add_product(&values, &known, &mut x);
            lu.solve(&matrix, &mut x);
            for (x, known) in x.iter().zip(&known) {
                approx::assert_abs_diff_eq!(x, known, epsilon = 1e-14);
            }
        }
    }

    /// The product of the factors agrees with the matrix on its pattern.
    #[test]
    fn agrees_with_the_matrix_on_its_pattern() {
        let mut rng = ChaCha8Rng::seed_from_u64(12);
        let n = 40;
        let entries: Vec<(usize, usize)> =
            (0..5 * n).map(|_| (rng.random_range(0..n), rng.random_range(0..n))).collect();
        let pattern = Sparsity::from_entries(n, &entries).unwrap();
        let matrix = Assembly::new(&pattern, None);
        let jacobian: Vec<f64> = (0..pattern.entry_count()).map(|_| rng.random_range(-1.0..1.0)).collect();
        let mut values = vec![0.0; matrix.rows().len()];
        matrix.assemble(10.0, &jacobian, &mut values);
        let mut lu = IncompleteLu::new(&matrix);
        lu.factorize(&matrix, &values).unwrap();
        let (mut l, mut u) = (vec![vec![0.0; n]; n], vec![vec![0.0; n]; n]);
        for j in 0..n {
            l[j][j] = 1.0;
            for k in matrix.starts()[j]..matrix.starts()[j + 1] {
                let i = matrix.rows()[k];
                if i > j { l[i][j] = lu.values[k] } else { u[i][j] = lu.values[k] }
            }
        }
        for j in 0..n {
            for k in matrix.starts()[j]..matrix.starts()[j + 1] {
                let i = matrix.rows()[k];
                let product: f64 = (0..n).map(|m| l[i][m] * u[m][j]).sum();
                approx::assert_abs_diff_eq!(product, values[k], epsilon = 1e-13);
            }
        }
    }

    #[test]
    fn a_column_of_zeros_is_named() {
        let pattern = Sparsity::banded(4, 1, 1);
        let matrix = Assembly::new(&pattern, None);
        let mut lu = IncompleteLu::new(&matrix);
        let mut values = vec![1.0; matrix.rows().len()];
        values[matrix.starts()[2]..matrix.starts()[3]].fill(0.0);
        assert_eq!(lu.factorize(&matrix, &values), Err(2));
        values.fill(f64::NAN);
        assert_eq!(lu.factorize(&matrix, &values), Err(0));
    }
}
