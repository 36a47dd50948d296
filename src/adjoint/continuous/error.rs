//! What can go wrong on the way back.

use super::drift::Drift;
use crate::ode::SolveError;

/// A gradient by a continuous adjoint that could not be had.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AdjointError {
    /// The solution solved back is not the one that was solved forth.
    #[error(
        "the solution cannot be solved back: {drift} (allowed: {:e}), and the gradient would be that of another solution; the \
         problem damps what going back would have to bring up again. Take `GradientMethod::DiscreteAdjoint`, or \
         `Continuous::Interpolating`, which keep the solution",
        Drift::ALLOWED
    )]
    Drift {
        /// By how much.
        drift: Drift,
    },
    /// The adjoint equations could not be solved.
    #[error(
        "the adjoint equations could not be solved back in time: {source}. `GradientMethod::DiscreteAdjoint` goes back over the \
         steps of the solution and solves no differential equation"
    )]
    Backward {
        /// Why; its components are those of the adjoint equations.
        source: Box<SolveError>,
    },
    /// The adjoint equations of a system with a singular mass matrix are not solved.
    #[error(
        "the mass matrix is singular, and adjoint equations with algebraic parts are not solved here; take \
         `GradientMethod::DiscreteAdjoint`, which goes back over the steps of differential-algebraic systems too"
    )]
    SingularMass,
}
