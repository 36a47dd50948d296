//! Why no steady state was found.

use crate::ode::Component;

/// A steady state that could not be found.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SteadyError {
    /// The guess has a value that is no number.
    #[error("the guess of {component} is {value}; give a finite number near the steady state wanted")]
    Guess {
        /// The state.
        component: Component,
        /// Its value.
        value: f64,
    },
    /// The right-hand side is NaN or infinite at the guess.
    #[error(
        "the right-hand side is not finite at the guess: d{component}/dt; check the guess and the parameters (a logarithm \
         or root of a negative number, a division by zero?)"
    )]
    NotFinite {
        /// The first component that is not finite.
        component: Component,
    },
    /// The Jacobian is singular where the search began and where it ended.
    #[error(
        "no steady state was found, and the Jacobian is singular where the search began and where it ended, so that f = 0 \
         does not determine {component}; what is left of the right-hand side is largest in d{worst}/dt = {residual:e}. \
         Does anything drive {component} back? Otherwise hold it as a parameter, or add the equation that determines it"
    )]
    Singular {
        /// The state that stays open.
        component: Component,
        /// The state that changes fastest, in the scale of the tolerances.
        worst: Component,
        /// Its derivative where the search ended.
        residual: f64,
        /// The state where the search ended.
        state: Vec<f64>,
    },
    /// A gradient of a steady state that is no function of the parameters.
    #[error(
        "the steady state found is not isolated: its Jacobian is singular, so that it has no gradient. Move the parameters away \
         from the bifurcation, or hold what nothing determines as a parameter"
    )]
    NotIsolated {
        /// The state that was found.
        state: Vec<f64>,
    },
    /// Neither Newton's method nor pseudo-transient continuation nor an integration in time came to rest.
    #[error(
        "no steady state was found in {iterations} iterations: the search ended with d{component}/dt = {residual:e}. \
         Give a guess that is nearer; is there a steady state at all (no drift, no blow-up)?"
    )]
    NotFound {
        /// The state that changes fastest, in the scale of the tolerances.
        component: Component,
        /// Its derivative where the search ended.
        residual: f64,
        /// Iterations on all routes.
        iterations: usize,
        /// The state where the search ended.
        state: Vec<f64>,
    },
}
