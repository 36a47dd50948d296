//! Why a solve probably stopped, as far as the solve itself shows.

use super::integrate::{Stop, StopReason};

/// The likely cause of a stop.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// A state grew beyond everything that it was: the solution probably ends in finite time, a little after this one.
    BlowUp {
        /// The last time at which there is a state.
        t: f64,
        /// The largest state there.
        largest: f64,
    },
    /// The tolerance asked of a state is about the rounding of what it is computed from.
    Rounding {
        /// What the state may be off by.
        tolerance: f64,
        /// The largest state.
        largest: f64,
    },
    /// The problem is stiff, oscillates fast, or is not smooth.
    ShortSteps,
    /// The solution is not smooth, or the right-hand side jumps.
    NotSmooth,
    /// The Jacobian is wrong or changes abruptly, or an iterative linear solver needs a better preconditioner.
    Jacobian,
    /// An event or a dose changed the state to one that the right-hand side has no value for.
    Changed,
    /// A term has no real value beyond this point.
    NoValue,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Cause::BlowUp { t, largest } => {
                write!(f, "the state grew to {largest:.1e}, so it probably blows up in finite time, soon after t = {t}")
            }
            Cause::Rounding { tolerance, largest } => write!(
                f,
                "its tolerance of {tolerance:.1e} there is about what rounding does to it beside states of {largest:.1e}: a \
                 larger `atol` for it would be met"
            ),
            Cause::ShortSteps => {
                f.write_str("steps this short mean that the problem is stiff, oscillates fast, or is not smooth")
            }
            Cause::NotSmooth => f.write_str("the solution is not smooth here, or the right-hand side jumps"),
            Cause::Jacobian => f.write_str(
                "the Jacobian may be wrong or change abruptly, or an iterative linear solver may need a better \
                 preconditioner",
            ),
            Cause::Changed => f.write_str("an event or a dose changed the state there"),
            Cause::NoValue => f.write_str("a term has no real value beyond this point"),
        }
    }
}

/// Growth by more than this counts as a blow-up.
const GREW: f64 = 1e8;
/// A tolerance below so many roundings of the largest state is held up by them: what is computed from large states by way
/// of differences loses some digits.
const ROUNDINGS: f64 = 1e4;

/// The likely cause of a stop at `reached`, after a start at `first`; `tolerance` is that of the component held responsible.
pub(super) fn likely(stop: &Stop, first: &[f64], reached: &[f64], tolerance: f64) -> Cause {
    let size = |u: &[f64]| u.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let (first, largest) = (size(first), size(reached));
    if largest > GREW * first.max(1.0) {
        return Cause::BlowUp { t: stop.t, largest };
    }
    match stop.reason {
        StopReason::StepTooSmall | StopReason::Newton if tolerance < ROUNDINGS * f64::EPSILON * largest => {
            Cause::Rounding { tolerance, largest }
        }
        StopReason::TooManySteps | StopReason::TimeBudget => Cause::ShortSteps,
        StopReason::StepTooSmall => Cause::NotSmooth,
        StopReason::Newton => Cause::Jacobian,
        _ if stop.h == 0.0 => Cause::Changed,
        _ => Cause::NoValue,
    }
}
