//! stub
mod scalar;
use crate::model::{MassMatrix, Sparsity};
/// Choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinearSolver {
    /// a
    #[default]
    Automatic,
    /// d
    Dense,
    /// s
    Sparse,
    /// k
    Krylov,
}
pub(crate) struct Singular;
pub(crate) struct Shifted<T> {
    n: usize,
    lu: Vec<T>,
    pivots: Vec<usize>,
    mass: Option<MassMatrix>,
    sparsity: Option<Sparsity>,
}
impl<T: scalar::Scalar> Shifted<T> {
    pub fn new(n: usize, sparsity: Option<&Sparsity>, mass: Option<&MassMatrix>, _c: LinearSolver) -> Self {
        Shifted { n, lu: vec![T::ZERO; n * n], pivots: vec![0; n], mass: mass.cloned(), sparsity: sparsity.cloned() }
    }
    pub fn factorize(&mut self, sigma: T, j: &[f64]) -> Result<(), Singular> {
        let n = self.n;
        match &self.sparsity {
            None => {
                for (a, j) in self.lu.iter_mut().zip(j) {
                    *a = T::real(-*j);
                }
            }
            Some(s) => {
                self.lu.fill(T::ZERO);
                let mut at = 0;
                for c in 0..n {
                    for r in s.column(c) {
                        self.lu[c * n + r] = T::real(-j[at]);
                        at += 1;
                    }
                }
            }
        }
        match &self.mass {
            None => {
                for i in 0..n {
                    self.lu[i * n + i] += sigma;
                }
            }
            Some(m) => {
                for (r, c, v) in m.entries() {
                    self.lu[c * n + r] += sigma.scaled(*v);
                }
            }
        }
        for k in 0..n {
            let mut p = k;
            for i in k + 1..n {
                if self.lu[k * n + i].magnitude() > self.lu[k * n + p].magnitude() {
                    p = i;
                }
            }
            self.pivots[k] = p;
            if p != k {
                for c in 0..n {
                    self.lu.swap(c * n + k, c * n + p);
                }
            }
            let d = self.lu[k * n + k];
            if d == T::ZERO {
                return Err(Singular);
            }
            for i in k + 1..n {
                self.lu[k * n + i] = self.lu[k * n + i] * d.reciprocal();
            }
            for c in k + 1..n {
                let f = self.lu[c * n + k];
                if f != T::ZERO {
                    for i in k + 1..n {
                        let l = self.lu[k * n + i];
                        self.lu[c * n + i] -= l * f;
                    }
                }
            }
        }
        Ok(())
    }
    pub fn solve(&mut self, b: &mut [T]) -> Result<(), Singular> {
        let n = self.n;
        for k in 0..n {
            b.swap(k, self.pivots[k]);
        }
        for k in 0..n {
            for i in k + 1..n {
                let x = self.lu[k * n + i] * b[k];
                b[i] -= x;
            }
        }
        for k in (0..n).rev() {
            b[k] = b[k] * self.lu[k * n + k].reciprocal();
            for i in 0..k {
                let x = self.lu[k * n + i] * b[k];
                b[i] -= x;
            }
        }
        Ok(())
    }
}
