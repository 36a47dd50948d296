//! Why a solve ended early: where, which component, the likely cause, what to try, and what had been reached.

use super::solution::Solution;

/// A state that a message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its index.
    pub index: usize,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`", self.name)
    }
}

/// A solve that could not be done. `partial` holds the solution up to where it got.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SolveError {
    /// An argument that makes no sense.
    #[error("`{argument}` {problem}; {advice}")]
    Argument {
        /// The argument.
        argument: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What to give instead.
        advice: String,
    },
    /// The right-hand side is NaN or infinite at the initial state.
    #[error(
        "the right-hand side is not finite at the start: d{component}/dt at t = {t}; \
         check the initial state and the parameters (a logarithm or root of a negative number, a division by zero?)"
    )]
    NotFiniteAtStart {
        /// The initial time.
        t: f64,
        /// The first component that is not finite.
        component: Component,
    },
    /// The right-hand side becomes NaN or infinite on the way, however small the step.
    #[error(
        "the solution leaves the domain of the right-hand side at t = {t}: {component} is not finite however small the \
         step (last tried: h = {h:e}); {cause}. Try to stop before this time, start elsewhere, or bound the term"
    )]
    NotFinite {
        /// Time reached.
        t: f64,
        /// Last step tried.
        h: f64,
        /// The component that is not finite.
        component: Component,
        /// The likely cause.
        cause: String,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
    /// The error test fails however small the step.
    #[error(
        "the step became too small at t = {t}: h = {h:e}, held up by {component}; {cause}. \
         Try a larger `atol` for that state if it is near zero, or stop before this time"
    )]
    StepTooSmall {
        /// Time reached.
        t: f64,
        /// Last step tried.
        h: f64,
        /// The component with the largest scaled error.
        component: Component,
        /// The likely cause.
        cause: String,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
    /// `max_steps` attempts did not reach the end.
    #[error(
        "{max_steps} steps reached only t = {t} of {end} (h = {h:e}, held up by {component}); {cause}. \
         Allow more with `max_steps`, or loosen `rtol`"
    )]
    TooManySteps {
        /// Time reached.
        t: f64,
        /// The end that was asked for.
        end: f64,
        /// Step size when it stopped.
        h: f64,
        /// Attempts allowed.
        max_steps: usize,
        /// The component with the largest scaled error.
        component: Component,
        /// The likely cause.
        cause: String,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
}

impl SolveError {
    /// The solution up to the point of failure.
    pub fn partial(&self) -> Option<&Solution> {
        match self {
            SolveError::NotFinite { partial, .. }
            | SolveError::StepTooSmall { partial, .. }
            | SolveError::TooManySteps { partial, .. } => Some(partial),
            _ => None,
        }
    }
}
