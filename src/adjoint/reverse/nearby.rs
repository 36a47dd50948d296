//! Solves with the factors of a matrix nearby, instead of a factorisation.
//!
//! From stage to stage, and often from step to step, $W = (\sigma M - f_u)^\top$ changes little, and the factors of an earlier
//! one are a good preconditioner $P$. From $x = P^{-1} b$ on, [GMRES](Gmres) finds what is missing. The goal is that of a direct
//! solve, a componentwise backward error $\max_i |b - W x|_i / (|W| |x| + |b|)_i$ of some units of the last place
//! (W. Oettli, W. Prager, Numer. Math. 6 (1964) 405–409): the weights are chosen so that the residual is measured by it,
//! whatever the units of the states.

use super::transposed::Transposed;
use crate::model::Differentiable;
use crate::ode::linear::gmres::{Gmres, Stop};

/// Backward error that GMRES aims at, on average, and that a solution may have at most.
const GOAL: f64 = 1e-15;
const GOOD: f64 = 1e-13;
/// Iterations that are made at most, as a part of the predicted number of solves in the time of a factorisation. What is
/// predicted is low by a third to a half; an iteration has a product and projections beside its solve.
const ITERATIONS: f64 = 1.3;
/// Iterations that have to be affordable to begin at all, and that are ever made.
const FEWEST: usize = 6;
const MOST: usize = 24;
/// Solves for which the iteration is not tried after it was too slow, at most.
const LONGEST_WAIT: usize = 64;

/// Memory for it.
#[derive(Debug, Default)]
pub(super) struct Nearby {
    gmres: Option<Gmres>,
    right_side: Vec<f64>,
    residual: Vec<f64>,
    scale: Vec<f64>,
    /// Solves left until it is tried again, and how many it will be the next time that it is too slow.
    wait: usize,
    next_wait: usize,
}

impl Transposed {
    /// Solves with $(\sigma M - \sum_k w_k f_u(t_k, u))^\top$: by the factors in place where they are near enough, otherwise by
    /// its own. Fails with a column that has no pivot.
    pub fn solve_at(
        &mut self,
        system: &dyn Differentiable,
        times: &[(f64, f64)],
        at: (&[f64], &[f64]),
        sigma: f64,
        b: &mut [f64],
    ) -> Result<(), usize> {
        self.evaluate_sum(system, times, at);
        let most = ((ITERATIONS * self.solves_per_factorization().unwrap_or(0.0)) as usize).min(MOST);
        if most >= FEWEST {
            let mut memory = std::mem::take(&mut self.nearby);
            let solved = memory.is_worth_trying() && memory.solve(self, sigma, most, b);
            self.nearby = memory;
            if solved {
                return Ok(());
            }
        }
        self.factorize_for(sigma)?;
        self.solve(b)
    }
}

impl Nearby {
    fn is_worth_trying(&mut self) -> bool {
        let now = self.wait == 0;
        self.wait = self.wait.saturating_sub(1);
        now
    }

    /// Solves by the factors in place, if they are near enough; otherwise leaves `b` as it is.
    fn solve(&mut self, matrix: &mut Transposed, sigma: f64, most: usize, b: &mut [f64]) -> bool {
        self.right_side.clear();
        self.right_side.extend_from_slice(b);
        self.residual.resize(b.len(), 0.0);
        self.scale.resize(b.len(), 0.0);
        let mut solved = matrix.solve(b).is_ok();
        if solved && self.backward_error(matrix, sigma, b) > GOOD {
            // Where nothing is there is nothing to weigh.
            self.scale.iter_mut().for_each(|s| *s = if *s > 0.0 { 1.0 / *s } else { 1.0 });
            let gmres = self.gmres.get_or_insert_with(|| Gmres::new(b.len(), MOST));
            let stop = Stop { relative: 0.0, absolute: GOAL, iterations: most };
            matrix.correct(gmres, sigma, (&self.scale, stop), &mut self.residual);
            super::add(1.0, &self.residual, b);
            solved = self.backward_error(matrix, sigma, b) <= GOOD;
        }
        if solved {
            self.next_wait = 1;
        } else {
            b.copy_from_slice(&self.right_side);
            self.wait = self.next_wait.max(1);
            self.next_wait = LONGEST_WAIT.min(2 * self.wait);
        }
        solved
    }

    /// The backward error of a solution, infinite where it is none; leaves residual and scale.
    fn backward_error(&mut self, matrix: &Transposed, sigma: f64, x: &[f64]) -> f64 {
        self.residual.copy_from_slice(&self.right_side);
        self.scale.iter_mut().zip(&self.right_side).for_each(|(s, b)| *s = b.abs());
        matrix.subtract_product(sigma, x, &mut self.residual, &mut self.scale);
        self.residual.iter().zip(&self.scale).fold(0.0, |largest: f64, (r, s)| {
            let error = if *r == 0.0 { 0.0 } else { r.abs() / s };
            if error.is_nan() { f64::INFINITY } else { largest.max(error) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Bound;
    use crate::problems::Brusselator2d;

    /// $(\sigma - f_u)^{-\top} b$ by a factorisation.
    fn direct(system: &dyn Differentiable, u: &[f64], sigma: f64, b: &[f64]) -> Vec<f64> {
        let (mut matrix, mut x) = (Transposed::new(system), b.to_vec());
        matrix.factorize(system, (0.0, u, &Brusselator2d::PARAMETERS), sigma).unwrap();
        matrix.solve(&mut x).unwrap();
        x
    }

    fn distance(a: &[f64], b: &[f64]) -> f64 {
        let largest = b.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        a.iter().zip(b).fold(0.0f64, |m, (a, b)| m.max((a - b).abs())) / largest
    }

    #[test]
    fn factors_serve_matrices_nearby_and_are_replaced_for_others() {
        let model = Brusselator2d::default();
        let bound = Bound::new(&model).unwrap();
        let here = model.initial();
        let moved = |by: f64| here.iter().enumerate().map(|(i, u)| u + by * (0.7 * i as f64).sin()).collect::<Vec<_>>();
        let (near, far) = (moved(0.01), moved(5.0));
        let b: Vec<f64> = (0..here.len()).map(|i| (1.3 * i as f64).cos()).collect();
        let p = &Brusselator2d::PARAMETERS;
        let mut matrix = Transposed::new(&bound);
        let mut solve = |u: &[f64], sigma: f64| {
            let mut x = b.clone();
            matrix.solve_at(&bound, &[(0.0, 1.0)], (u, p), sigma, &mut x).unwrap();
            let mut with_factors = b.clone();
            matrix.solve(&mut with_factors).unwrap();
            (x, with_factors)
        };
        // The state, the shift, and those that the factors in place are then of.
        let steps = [
            (&here, 30.0, &here, 30.0),
            (&near, 30.0, &here, 30.0),
            (&near, 31.0, &here, 30.0),
            (&far, 900.0, &far, 900.0),
            // Once it is not tried.
            (&far, 901.0, &far, 901.0),
            (&far, 902.0, &far, 901.0),
        ];
        for (k, (u, sigma, of, shift)) in steps.into_iter().enumerate() {
            let (x, with_factors) = solve(u, sigma);
            assert_eq!(with_factors, direct(&bound, of, shift, &b), "step {k}: other factors");
            let error = distance(&x, &direct(&bound, u, sigma, &b));
            assert!(error < 1e-11, "step {k}: {error:e}");
        }
    }
}
