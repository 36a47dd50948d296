//! Sparse linear regression: sequentially thresholded least squares, and best subsets of a linearised trajectory.

use nalgebra::{DMatrix, DVector};

/// Supports along the path of sequentially thresholded least squares (STLSQ).
///
/// Least squares on all candidates; those whose share $|\xi_c| \Vert \theta_c\Vert / \Vert y\Vert $ lies below the threshold are
/// dropped and the rest solved again, for thresholds from small to large. Shares, not coefficients, so that units do not
/// matter. S. L. Brunton, J. L. Proctor, J. N. Kutz, *Discovering governing equations from data by sparse identification*,
/// PNAS 113 (2016).
pub(super) fn stlsq_path(theta: &DMatrix<f64>, y: &DVector<f64>) -> Vec<Vec<usize>> {
    /// Ridge on normalised columns: candidates of high degree are nearly collinear along one trajectory.
    const RIDGE: f64 = 1e-9;
    let norms: Vec<f64> = theta.column_iter().map(|c| c.norm().max(f64::MIN_POSITIVE)).collect();
    let size = y.norm();
    if size == 0.0 || !size.is_finite() || norms.iter().any(|n| !n.is_finite()) {
        return Vec::new();
    }
    let mut active: Vec<usize> = (0..theta.ncols()).collect();
    let mut path: Vec<Vec<usize>> = Vec::new();
    for step in 0..=30 {
        let threshold = 10f64.powf(-3.0 + step as f64 / 10.0);
        loop {
            let scaled = DMatrix::from_fn(theta.nrows(), active.len(), |r, c| theta[(r, active[c])] / norms[active[c]]);
            let mut gram = scaled.tr_mul(&scaled);
            for k in 0..active.len() {
                gram[(k, k)] += RIDGE;
            }
            let Some(factor) = gram.cholesky() else { return path };
            let shares = factor.solve(&scaled.tr_mul(y)) / size;
            let kept: Vec<usize> =
                active.iter().zip(shares.iter()).filter(|(_, s)| s.abs() >= threshold).map(|(c, _)| *c).collect();
            let settled = kept.len() == active.len();
            active = kept;
            if settled || active.is_empty() {
                break;
            }
        }
        if active.is_empty() {
            break;
        }
        if path.last() != Some(&active) {
            path.push(active.clone());
        }
    }
    path
}

/// Trajectory residuals as a linear function of the coefficients: $r \approx r_0 + B \eta + A \xi$, with the initial
/// states and estimated mechanistic parameters $\eta$ always in, and candidates $\xi$ of which few are.
pub(super) struct LinearModel {
    /// $A^\top A$ and $A^\top r_0$, columns normalised, with the space of $B$ projected out.
    gram: DMatrix<f64>,
    moment: DVector<f64>,
    squares: f64,
    norms: Vec<f64>,
    /// Share of each candidate's column that is not in the space of $B$.
    pub distinct: Vec<f64>,
    /// To recover $\eta$.
    basis: DMatrix<f64>,
    triangle: DMatrix<f64>,
    columns: DMatrix<f64>,
    offset: DVector<f64>,
}

/// Most terms a subset may have.
pub(super) const MOST_TERMS: usize = 12;

impl LinearModel {
    /// From $r_0$, $B$ and $A$.
    pub fn new(offset: DVector<f64>, always: &DMatrix<f64>, columns: DMatrix<f64>) -> LinearModel {
        let (basis, triangle) = if always.ncols() == 0 {
            (DMatrix::zeros(always.nrows(), 0), DMatrix::zeros(0, 0))
        } else {
            let qr = always.clone().qr();
            (qr.q(), qr.r())
        };
        let project = |m: &DMatrix<f64>| m - &basis * basis.tr_mul(m);
        let mut a = project(&columns);
        let r = project(&DMatrix::from_column_slice(offset.len(), 1, offset.as_slice()));
        let mut norms = Vec::with_capacity(a.ncols());
        let mut distinct = Vec::with_capacity(a.ncols());
        for c in 0..a.ncols() {
            let (before, after) = (columns.column(c).norm(), a.column(c).norm());
            distinct.push(if before > 0.0 { after / before } else { 0.0 });
            let norm = if after > 0.0 && after.is_finite() { after } else { 1.0 };
            a.column_mut(c).scale_mut(1.0 / norm);
            norms.push(norm);
        }
        LinearModel {
            gram: a.tr_mul(&a),
            moment: DVector::from_column_slice((a.tr_mul(&r)).as_slice()),
            squares: r.norm_squared(),
            norms,
            distinct,
            basis,
            triangle,
            columns,
            offset,
        }
    }

    /// The least sum of squares with these candidates; infinite when they cannot be told apart.
    pub fn squares(&self, chosen: &[usize]) -> f64 {
        let mut z = [0.0; MOST_TERMS];
        match self.solve(chosen, &mut z) {
            Some(explained) => (self.squares - explained).max(0.0),
            None => f64::INFINITY,
        }
    }

    /// The best coefficients of these candidates, and the best $\eta$.
    pub fn coefficients(&self, chosen: &[usize]) -> Option<(Vec<f64>, Vec<f64>)> {
        let mut z = [0.0; MOST_TERMS];
        self.solve(chosen, &mut z)?;
        let xi: Vec<f64> = chosen.iter().zip(z).map(|(&c, z)| -z / self.norms[c]).collect();
        let mut rest = -&self.offset;
        for (&c, x) in chosen.iter().zip(&xi) {
            rest.axpy(-x, &self.columns.column(c), 1.0);
        }
        let eta = if self.basis.ncols() == 0 {
            Vec::new()
        } else {
            self.triangle.solve_upper_triangular(&self.basis.tr_mul(&rest))?.iter().copied().collect()
        };
        Some((xi, eta))
    }

    /// Solves $G_{SS} z = m_S$ by Cholesky on the stack; gives $m_S^\top z$, the squares explained.
    fn solve(&self, chosen: &[usize], z: &mut [f64; MOST_TERMS]) -> Option<f64> {
        let k = chosen.len();
        if k > MOST_TERMS {
            return None;
        }
        let mut l = [[0.0; MOST_TERMS]; MOST_TERMS];
        for i in 0..k {
            for j in 0..=i {
                let mut sum = self.gram[(chosen[i], chosen[j])];
                for (a, b) in l[i][..j].iter().zip(&l[j][..j]) {
                    sum -= a * b;
                }
                if i == j {
                    // Columns have length one, so this is the share of the column that the others do not span.
                    if sum < 1e-10 {
                        return None;
                    }
                    l[i][i] = sum.sqrt();
                } else {
                    l[i][j] = sum / l[j][j];
                }
            }
        }
        let mut explained = 0.0;
        for i in 0..k {
            let mut sum = self.moment[chosen[i]];
            for j in 0..i {
                sum -= l[i][j] * z[j];
            }
            z[i] = sum / l[i][i];
            explained += z[i] * z[i];
        }
        for i in (0..k).rev() {
            let mut sum = z[i];
            for j in i + 1..k {
                sum -= l[j][i] * z[j];
            }
            z[i] = sum / l[i][i];
        }
        Some(explained)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(rows: usize, columns: usize) -> DMatrix<f64> {
        DMatrix::from_fn(rows, columns, |r, c| ((r * (c + 2)) as f64 * 0.37 + c as f64).sin() + 0.1 * c as f64)
    }

    #[test]
    fn the_path_passes_through_the_truth_whatever_the_units() {
        let mut theta = wave(40, 8);
        theta.column_mut(2).scale_mut(1e6);
        theta.column_mut(5).scale_mut(1e-4);
        let noise = DVector::from_fn(40, |r, _| 1e-4 * (r as f64 * 12.9).sin());
        let y = theta.column(2) * 3e-6 + theta.column(5) * -2e4 + noise;
        let path = stlsq_path(&theta, &y);
        assert!(path.contains(&vec![2, 5]), "{path:?}");
    }

    #[test]
    fn subsets_equal_plain_least_squares() {
        let (always, columns) = (wave(30, 2), wave(30, 7).columns(2, 5).into_owned());
        let offset = DVector::from_fn(30, |r, _| (r as f64).cos());
        let model = LinearModel::new(offset.clone(), &always, columns.clone());
        for chosen in [vec![], vec![1], vec![0, 3], vec![4, 2, 1]] {
            let width = 2 + chosen.len();
            let all =
                DMatrix::from_fn(30, width, |r, c| if c < 2 { always[(r, c)] } else { columns[(r, chosen[c - 2])] });
            let solution = all.clone().svd(true, true).solve(&-&offset, 1e-12).unwrap();
            let squares = (&offset + &all * &solution).norm_squared();
            approx::assert_relative_eq!(model.squares(&chosen), squares, max_relative = 1e-9);
            let (xi, eta) = model.coefficients(&chosen).unwrap();
            for (found, expected) in eta.iter().chain(&xi).zip(solution.iter()) {
                approx::assert_relative_eq!(found, expected, max_relative = 1e-7, epsilon = 1e-9);
            }
        }
    }

    #[test]
    fn a_candidate_in_the_span_of_the_rest_is_seen() {
        let always = wave(30, 2);
        let columns = DMatrix::from_fn(30, 2, |r, c| if c == 0 { 2.0 * always[(r, 1)] } else { (r as f64).sqrt() });
        let model = LinearModel::new(DVector::from_element(30, 1.0), &always, columns);
        assert!(model.distinct[0] < 1e-12 && model.distinct[1] > 1e-3, "{:?}", model.distinct);
        // Twice the same candidate cannot be told apart.
        assert_eq!(model.squares(&[1, 1]), f64::INFINITY);
    }
}
