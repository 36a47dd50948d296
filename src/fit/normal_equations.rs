//! The damped normal equations $(J^\top J + \Lambda + \mu D) \delta = -g$, factorised by faer in memory made once.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, Auto, Mat, MatMut, MatRef, Par, Spec};

/// $A = J^\top J$ with its factorisations.
pub(crate) struct NormalEquations {
    a: Mat<f64>,
    factor: Mat<f64>,
    inverse: Mat<f64>,
    memory: MemBuffer,
}

impl NormalEquations {
    /// Room for `n` unknowns.
    pub fn new(n: usize) -> Self {
        let params = <llt::factor::LltParams as Auto<f64>>::auto().into();
        let need = llt::factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, params)
            .or(llt::solve::solve_in_place_scratch::<f64>(n, 1, Par::Seq))
            .or(llt::inverse::inverse_scratch::<f64>(n, Par::Seq));
        NormalEquations {
            a: Mat::zeros(n, n),
            factor: Mat::zeros(n, n),
            inverse: Mat::zeros(n, n),
            memory: MemBuffer::new(need),
        }
    }

    /// $A = J^\top J$ (lower triangle) of a matrix given row by row.
    pub fn assemble(&mut self, jacobian: &[f64]) {
        let n = self.a.nrows();
        let rows = jacobian.len().checked_div(n).unwrap_or(0);
        let j = MatRef::from_row_major_slice(jacobian, rows, n);
        matmul(
            self.a.as_mut(),
            BlockStructure::TriangularLower,
            Accum::Replace,
            j.transpose(),
            BlockStructure::Rectangular,
            j,
            BlockStructure::Rectangular,
            1.0,
            Par::Seq,
        );
    }

    /// A diagonal entry of $A$.
    pub fn diagonal(&self, k: usize) -> f64 {
        self.a[(k, k)]
    }

    /// Factorises $A + \text{diag}$; false when that is not positive definite.
    pub fn factorize(&mut self, diagonal: impl Fn(usize) -> f64) -> bool {
        let n = self.a.nrows();
        self.factor.copy_from_triangular_lower(&self.a);
        for k in 0..n {
            self.factor[(k, k)] += diagonal(k);
        }
        let params: Spec<_, f64> = <llt::factor::LltParams as Auto<f64>>::auto().into();
        let stack = MemStack::new(&mut self.memory);
        llt::factor::cholesky_in_place(self.factor.as_mut(), Default::default(), Par::Seq, stack, params).is_ok()
    }

    /// Solves with the last factorisation, in place.
    pub fn solve(&mut self, b: &mut [f64]) {
        let n = b.len();
        let stack = MemStack::new(&mut self.memory);
        llt::solve::solve_in_place(self.factor.as_ref(), MatMut::from_column_major_slice_mut(b, n, 1), Par::Seq, stack);
    }

    /// The lower triangle of the inverse of what was last factorised.
    pub fn invert(&mut self) -> &Mat<f64> {
        let stack = MemStack::new(&mut self.memory);
        llt::inverse::inverse(self.inverse.as_mut(), self.factor.as_ref(), Par::Seq, stack);
        &self.inverse
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_and_inverts_at_awkward_sizes() {
        for n in [1, 2, 3, 17, 64, 127] {
            let rows = n + 3;
            let j: Vec<f64> = (0..rows * n).map(|k| ((k * k) as f64 * 0.37).sin()).collect();
            let mut equations = NormalEquations::new(n);
            equations.assemble(&j);
            assert!(equations.factorize(|_| 0.5));
            let entry = |a: usize, b: usize| {
                (0..rows).map(|r| j[r * n + a] * j[r * n + b]).sum::<f64>() + if a == b { 0.5 } else { 0.0 }
            };
            let x: Vec<f64> = (0..n).map(|k| k as f64 - 1.5).collect();
            let mut b: Vec<f64> = (0..n).map(|a| (0..n).map(|c| entry(a, c) * x[c]).sum()).collect();
            equations.solve(&mut b);
            for (found, expected) in b.iter().zip(&x) {
                approx::assert_relative_eq!(found, expected, max_relative = 1e-9, epsilon = 1e-9);
            }
            let inverse = equations.invert().clone();
            let full = |a: usize, b: usize| if a >= b { inverse[(a, b)] } else { inverse[(b, a)] };
            for a in 0..n {
                let one: f64 = (0..n).map(|c| entry(a, c) * full(c, a)).sum();
                approx::assert_relative_eq!(one, 1.0, max_relative = 1e-9);
            }
        }
    }

    #[test]
    fn an_indefinite_matrix_is_refused() {
        let mut equations = NormalEquations::new(2);
        equations.assemble(&[1.0, 1.0]);
        assert!(!equations.factorize(|_| -0.5));
    }
}
