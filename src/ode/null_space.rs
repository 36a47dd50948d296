//! Rows of a matrix that cancel: algebraic equations among those of a mass matrix, and conserved totals among rates.

use nalgebra::DMatrix;

/// A vector by its entries that are not zero.
pub(super) type Entries = Vec<(usize, f64)>;

/// A basis of the row vectors $y$ with $y^\top A = 0$, each with a largest entry of one.
///
/// From $P A Q = L U$ with complete pivoting, a pivot no larger than `tolerance` times the largest counting as zero: with
/// $r$ pivots, $y = P^\top (-L_{11}^{-\top} l, e)$ for each row $(l^\top, e^\top)$ of $L$ below them.
pub(super) fn left_null_space(a: DMatrix<f64>, tolerance: f64) -> Vec<Entries> {
    let n = a.nrows();
    let factors = a.full_piv_lu();
    let (l, u) = (factors.l(), factors.u());
    let pivots = l.ncols().min(u.nrows());
    let largest = if pivots > 0 { u[(0, 0)].abs() } else { 0.0 };
    let rank = (0..pivots).find(|k| u[(*k, *k)].abs() <= tolerance * largest).unwrap_or(pivots);
    let mut y = DMatrix::<f64>::zeros(n, n - rank);
    for (column, row) in (rank..n).enumerate() {
        y[(row, column)] = 1.0;
        for k in (0..rank).rev() {
            let above: f64 = (k + 1..rank).map(|i| l[(i, k)] * y[(i, column)]).sum();
            y[(k, column)] = -l[(row, k)] - above;
        }
    }
    factors.p().inv_permute_rows(&mut y);
    y.column_iter()
        .map(|y| {
            let largest = y.iter().fold(0.0, |m: f64, x| if x.abs() > m.abs() { *x } else { m });
            let scaled = y.iter().map(|x| x / largest).enumerate();
            scaled.filter(|(_, x)| x.abs() > n as f64 * f64::EPSILON).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn rows_that_cancel_are_found_whatever_their_order() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for (n, rank) in [(1, 0), (1, 1), (2, 1), (5, 3), (30, 12), (30, 30)] {
            let (left, right) = (
                DMatrix::<f64>::from_fn(n, rank, |_, _| rng.random_range(-1.0..1.0)),
                DMatrix::<f64>::from_fn(rank, n + 2, |_, _| rng.random_range(-1.0..1.0)),
            );
            let a = left * right;
            let basis = left_null_space(a.clone(), 1e-12);
            assert_eq!(basis.len(), n - rank, "{n} {rank}");
            let mut rows = DMatrix::zeros(basis.len(), n);
            for (k, y) in basis.iter().enumerate() {
                y.iter().for_each(|(i, x)| rows[(k, *i)] = *x);
                assert!(y.iter().any(|(_, x)| *x == 1.0) && y.iter().all(|(_, x)| x.abs() <= 1.0));
            }
            assert!((&rows * &a).iter().all(|x| x.abs() < 1e-12 * n as f64), "{n} {rank}");
            assert!(rank == n || rows.rank(1e-9) == n - rank);
        }
    }

    #[test]
    fn two_plates_of_a_capacitor_carry_opposite_currents() {
        let plates = DMatrix::from_row_slice(3, 3, &[-1e-6, 1e-6, 0.0, 1e-6, -1e-6, 0.0, 0.0, 0.0, 2.0]);
        assert_eq!(left_null_space(plates, 1e-14), [vec![(0, 1.0), (1, 1.0)]]);
        assert_eq!(left_null_space(DMatrix::zeros(2, 2), 1e-14), [vec![(0, 1.0)], vec![(1, 1.0)]]);
    }
}
