//! Dense $W = \sigma M - J$ of any size.

use super::block::stride;
use super::lu::DenseLu;
use super::scalar::Scalar;
use super::small::{SmallLu, SmallShift};
use crate::model::{MassMatrix, Sparsity};
use crate::ode::saved::Saved;
use std::any::Any;

/// What a dense system knows before it sees a number.
#[derive(Clone, Debug)]
pub struct DensePlan {
    /// Number of states.
    pub n: usize,
    /// (row, column) of the Jacobian's values; `None`: all of them, column by column.
    pub pattern: Option<Vec<(usize, usize)>>,
    /// (row, column, value) of the mass matrix; `None`: the unit matrix.
    pub mass: Option<Vec<(usize, usize, f64)>>,
}

impl DensePlan {
    /// For a Jacobian given by the entries of a pattern, or whole, and a mass matrix or the unit matrix.
    pub fn new(n: usize, sparsity: Option<&Sparsity>, mass: Option<&MassMatrix>) -> DensePlan {
        let entries = |pattern: &Sparsity| {
            pattern.columns().enumerate().flat_map(|(j, rows)| rows.iter().map(move |&i| (i, j))).collect()
        };
        DensePlan {
            n,
            pattern: sparsity.filter(|pattern| pattern.entry_count() < n * n).map(entries),
            mass: mass.filter(|mass| !mass.is_identity()).map(|mass| mass.entries().to_vec()),
        }
    }
}

/// The factors and the memory to make them.
pub struct Dense<T: Scalar> {
    plan: DensePlan,
    /// The whole Jacobian, where only a part of it is given.
    jacobian: Vec<f64>,
    /// (position, value) of the mass matrix in a small matrix.
    mass: Option<Vec<(usize, f64)>>,
    factors: Factors<T>,
}

enum Factors<T: Scalar> {
    N1(SmallLu<T, 1>),
    N2(SmallLu<T, 2>),
    N3(SmallLu<T, 3>),
    N4(SmallLu<T, 4>),
    N5(Box<SmallLu<T, 5>>),
    N6(Box<SmallLu<T, 6>>),
    N7(Box<SmallLu<T, 7>>),
    N8(Box<SmallLu<T, 8>>),
    Any(DenseLu<T>),
    /// No states.
    None,
}

impl<T: Scalar> Dense<T> {
    /// Memory for the matrices of a plan.
    pub fn new(plan: &DensePlan) -> Dense<T> {
        let n = plan.n;
        let factors = match n {
            0 => Factors::None,
            1 => Factors::N1(SmallLu::new()),
            2 => Factors::N2(SmallLu::new()),
            3 => Factors::N3(SmallLu::new()),
            4 => Factors::N4(SmallLu::new()),
            5 => Factors::N5(Box::new(SmallLu::new())),
            6 => Factors::N6(Box::new(SmallLu::new())),
            7 => Factors::N7(Box::new(SmallLu::new())),
            8 => Factors::N8(Box::new(SmallLu::new())),
            _ => Factors::Any(DenseLu::new(n)),
        };
        Dense {
            jacobian: vec![0.0; if plan.pattern.is_some() { n * n } else { 0 }],
            mass: plan.mass.as_ref().map(|mass| mass.iter().map(|&(i, j, m)| (j * n + i, m)).collect()),
            factors,
            plan: plan.clone(),
        }
    }

    /// Factorises $\sigma M - J$. Fails with the column in which no pivot is left.
    #[inline]
    pub fn factorize(&mut self, sigma: T, jacobian: &[f64]) -> Result<(), usize> {
        let jacobian = match &self.plan.pattern {
            None => jacobian,
            Some(pattern) => {
                for (&(row, column), &value) in pattern.iter().zip(jacobian) {
                    self.jacobian[column * self.plan.n + row] = value;
                }
                &self.jacobian
            }
        };
        let mass = self.mass.as_deref();
        match &mut self.factors {
            Factors::None => Ok(()),
            Factors::N1(lu) => factorize_small(lu, sigma, mass, jacobian),
            Factors::N2(lu) => factorize_small(lu, sigma, mass, jacobian),
            Factors::N3(lu) => factorize_small(lu, sigma, mass, jacobian),
            Factors::N4(lu) => factorize_small(lu, sigma, mass, jacobian),
            Factors::N5(lu) => factorize_small(lu, sigma, mass, jacobian),
            Factors::N6(lu) => factorize_small(lu, sigma, mass, jacobian),
            Factors::N7(lu) => factorize_small(lu, sigma, mass, jacobian),
            Factors::N8(lu) => factorize_small(lu, sigma, mass, jacobian),
            Factors::Any(lu) => {
                let (n, distance) = (self.plan.n, stride(self.plan.n));
                lu.factorize(|w| {
                    for (w, j) in w.chunks_exact_mut(distance).zip(jacobian.chunks_exact(n)) {
                        w.iter_mut().zip(j).for_each(|(w, &j)| *w = T::real(-j));
                    }
                    match &self.plan.mass {
                        None => (0..n).for_each(|i| w[i * distance + i] += sigma),
                        Some(mass) => mass.iter().for_each(|&(i, j, m)| w[j * distance + i] += sigma.scaled(m)),
                    }
                })
            }
        }
    }

    /// Appends the order of the pivots.
    pub fn save_pivots(&self, out: &mut Vec<f64>) {
        match &self.factors {
            Factors::N1(lu) => lu.save_pivots(out),
            Factors::N2(lu) => lu.save_pivots(out),
            Factors::N3(lu) => lu.save_pivots(out),
            Factors::N4(lu) => lu.save_pivots(out),
            Factors::N5(lu) => lu.save_pivots(out),
            Factors::N6(lu) => lu.save_pivots(out),
            Factors::N7(lu) => lu.save_pivots(out),
            Factors::N8(lu) => lu.save_pivots(out),
            Factors::Any(lu) => lu.save_pivots(out),
            Factors::None => {}
        }
    }

    /// Takes that order up.
    pub fn restore_pivots(&mut self, from: &mut Saved) {
        match &mut self.factors {
            Factors::N1(lu) => lu.restore_pivots(from),
            Factors::N2(lu) => lu.restore_pivots(from),
            Factors::N3(lu) => lu.restore_pivots(from),
            Factors::N4(lu) => lu.restore_pivots(from),
            Factors::N5(lu) => lu.restore_pivots(from),
            Factors::N6(lu) => lu.restore_pivots(from),
            Factors::N7(lu) => lu.restore_pivots(from),
            Factors::N8(lu) => lu.restore_pivots(from),
            Factors::Any(lu) => lu.restore_pivots(from),
            Factors::None => {}
        }
    }

    /// The factors of an `N × N` matrix.
    #[inline(always)]
    pub fn small<const N: usize>(&self) -> Option<&SmallLu<T, N>> {
        let lu: &dyn Any = match &self.factors {
            Factors::N1(lu) => lu,
            Factors::N2(lu) => lu,
            Factors::N3(lu) => lu,
            Factors::N4(lu) => lu,
            Factors::N5(lu) => &**lu,
            Factors::N6(lu) => &**lu,
            Factors::N7(lu) => &**lu,
            Factors::N8(lu) => &**lu,
            Factors::Any(_) | Factors::None => return None,
        };
        lu.downcast_ref()
    }

    /// Replaces `b` by $W^{-1} b$.
    #[inline]
    pub fn solve(&mut self, b: &mut [T]) {
        match &mut self.factors {
            Factors::N1(lu) => solve_small(lu, b),
            Factors::N2(lu) => solve_small(lu, b),
            Factors::N3(lu) => solve_small(lu, b),
            Factors::N4(lu) => solve_small(lu, b),
            Factors::N5(lu) => solve_small(lu, b),
            Factors::N6(lu) => solve_small(lu, b),
            Factors::N7(lu) => solve_small(lu, b),
            Factors::N8(lu) => solve_small(lu, b),
            Factors::Any(lu) => lu.solve(b),
            Factors::None => {}
        }
    }
}

#[inline(always)]
fn factorize_small<T: Scalar, const N: usize>(
    lu: &mut SmallLu<T, N>,
    sigma: T,
    mass: Option<&[(usize, f64)]>,
    jacobian: &[f64],
) -> Result<(), usize> {
    match jacobian.as_chunks().0.first_chunk() {
        Some(jacobian) => lu.factorize(SmallShift { sigma, mass, jacobian }),
        // Not possible: the length has been checked.
        None => Err(0),
    }
}

#[inline(always)]
fn solve_small<T: Scalar, const N: usize>(lu: &SmallLu<T, N>, b: &mut [T]) {
    if let Some(b) = b.first_chunk_mut() {
        lu.solve(b);
    }
}
