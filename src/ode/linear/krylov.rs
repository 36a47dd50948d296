//! GMRES on the assembled matrix, with ILU(0) or a preconditioner of the user's.

use super::LinearError;
use super::assembly::Assembly;
use super::gmres::{Gmres, Progress, Stop};
use super::ilu::IncompleteLu;
use super::scalar::Scalar;
use faer::c64;
use std::sync::Arc;

/// Solves $P x = r$ for a $P$ near $\sigma M - J$: called with $r$, which it replaces by $x$.
pub type Preconditioner = Box<dyn FnMut(&mut [f64]) + Send>;

/// What an iterative solver for one kind of number does.
pub trait Iterative<T>: Sized {
    /// Memory for a matrix with this pattern.
    ///
    /// # Errors
    /// [`LinearError::Complex`] where there is none.
    fn new(matrix: Arc<Assembly>) -> Result<Self, LinearError>;
    /// Assembles $\sigma M - J$ and makes the preconditioner. Fails with a column that is zero or not finite.
    fn factorize(&mut self, sigma: T, jacobian: &[f64]) -> Result<(), usize>;
    /// Replaces `b` by $W^{-1} b$.
    fn solve(&mut self, b: &mut [T]) -> Progress;
    /// Sets the weights of the norm.
    fn set_weights(&mut self, weights: &[f64]);
    /// Sets when an iteration ends.
    #[cfg(test)]
    fn set_stop(&mut self, stop: Stop);
    /// Takes another preconditioner in place of ILU(0).
    fn set_preconditioner(&mut self, preconditioner: Preconditioner);
    /// Vectors kept before the iteration starts anew, and whether the preconditioner is the user's.
    fn description(&self) -> (usize, bool);
}

/// GMRES for real systems.
pub struct Krylov {
    matrix: Arc<Assembly>,
    values: Vec<f64>,
    incomplete: IncompleteLu,
    preconditioner: Option<Preconditioner>,
    gmres: Gmres,
    weights: Vec<f64>,
    stop: Stop,
}

/// Vectors kept before GMRES starts anew.
const RESTART: usize = 30;

impl Iterative<f64> for Krylov {
    fn new(matrix: Arc<Assembly>) -> Result<Krylov, LinearError> {
        let n = matrix.dimension();
        Ok(Krylov {
            values: vec![0.0; matrix.rows().len()],
            incomplete: IncompleteLu::new(&matrix),
            preconditioner: None,
            gmres: Gmres::new(n, RESTART),
            weights: vec![1.0; n],
            stop: Stop { relative: 1e-8, absolute: 0.0, iterations: 300 },
            matrix,
        })
    }

    fn factorize(&mut self, sigma: f64, jacobian: &[f64]) -> Result<(), usize> {
        self.matrix.assemble(sigma, jacobian, &mut self.values);
        match self.preconditioner {
            Some(_) => Ok(()),
            None => self.incomplete.factorize(&self.matrix, &self.values),
        }
    }

    fn solve(&mut self, b: &mut [f64]) -> Progress {
        let Krylov { matrix, values, incomplete, preconditioner, gmres, weights, stop } = self;
        let mut product = |x: &[f64], out: &mut [f64]| {
            out.fill(0.0);
            matrix.add_product(values, x, out);
        };
        let mut precondition = |x: &mut [f64]| match preconditioner {
            Some(solve) => solve(x),
            None => incomplete.solve(matrix, x),
        };
        gmres.solve(&mut product, &mut precondition, weights, *stop, b)
    }

    fn set_weights(&mut self, weights: &[f64]) {
        self.weights.copy_from_slice(weights);
    }

    #[cfg(test)]
    fn set_stop(&mut self, stop: Stop) {
        self.stop = stop;
    }

    fn set_preconditioner(&mut self, preconditioner: Preconditioner) {
        self.preconditioner = Some(preconditioner);
    }

    fn description(&self) -> (usize, bool) {
        (self.gmres.restart(), self.preconditioner.is_some())
    }
}

/// No iteration for complex systems.
pub enum NoKrylov {}

impl<T: Scalar> Iterative<T> for NoKrylov {
    fn new(_: Arc<Assembly>) -> Result<NoKrylov, LinearError> {
        Err(LinearError::Complex)
    }
    fn factorize(&mut self, _: T, _: &[f64]) -> Result<(), usize> {
        match *self {}
    }
    fn solve(&mut self, _: &mut [T]) -> Progress {
        match *self {}
    }
    fn set_weights(&mut self, _: &[f64]) {
        match *self {}
    }
    #[cfg(test)]
    fn set_stop(&mut self, _: Stop) {
        match *self {}
    }
    fn set_preconditioner(&mut self, _: Preconditioner) {
        match *self {}
    }
    fn description(&self) -> (usize, bool) {
        match *self {}
    }
}

/// Which iterative solver a kind of number has.
pub trait HasIterative: Scalar {
    /// The solver.
    type Iterative: Iterative<Self>;
}

impl HasIterative for f64 {
    type Iterative = Krylov;
}

impl HasIterative for c64 {
    type Iterative = NoKrylov;
}
