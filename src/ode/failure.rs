//! Stops put into words.

use super::integrate::{Span, Stop, StopReason};
use super::options::Options;
use super::solution::Solution;
use super::{Component, SolveError};

/// A stop in words, with the likely cause.
pub(crate) fn failure(stop: Stop, options: &Options, span: Span, partial: Solution, reached: &[f64]) -> SolveError {
    let component = Component {
        index: stop.component,
        name: partial.names.get(stop.component).cloned().unwrap_or_else(|| format!("u[{}]", stop.component)),
    };
    let largest = reached.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    // What is kept of the solve may be its end alone.
    let first = if partial.times.len() > 1 { partial.state(0) } else { &[] };
    let first = first.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let grew = largest > 1e8 * first.max(1e-300) && largest > 1e8;
    let cause = if grew {
        format!("the state grew to {largest:.1e}, so it probably blows up in finite time near here")
    } else {
        match stop.reason {
            StopReason::TooManySteps | StopReason::TimeBudget => {
                "steps this short mean that the problem is stiff, oscillates fast, or is not smooth".to_string()
            }
            StopReason::StepTooSmall => "the solution is not smooth here, or the right-hand side jumps".to_string(),
            StopReason::Newton => {
                "the Jacobian may be wrong or change abruptly, or an iterative linear solver may need a \
                 better preconditioner"
                    .to_string()
            }
            _ if stop.h == 0.0 => "an event or a dose changed the state there".to_string(),
            _ => "a term has no real value beyond this point".to_string(),
        }
    };
    let (t, h, end, max_steps) = (stop.t, stop.h, span.end, options.max_steps);
    let partial = Box::new(partial);
    match stop.reason {
        StopReason::Inconsistent(residual) => SolveError::InconsistentStart { t, component, residual, partial },
        StopReason::NotMended(residual) => SolveError::NoConsistentStart { t, component, residual, partial },
        StopReason::NotFiniteAtStart => SolveError::NotFiniteAtStart { t, component },
        StopReason::NotFinite => SolveError::NotFinite { t, h, component, cause, partial },
        StopReason::StepTooSmall => SolveError::StepTooSmall { t, h, component, cause, partial },
        StopReason::Newton => SolveError::NewtonFailed { t, h, component, cause, partial },
        StopReason::Singular => SolveError::SingularMatrix { t, h, component, partial },
        StopReason::Domain => SolveError::OutOfBounds { t, h, component, partial },
        StopReason::TooManySteps => SolveError::TooManySteps { t, end, h, max_steps, component, cause, partial },
        StopReason::EventIsZero(event) => {
            let event = partial.event_names.get(event).cloned().unwrap_or_default();
            SolveError::EventIsZero { event, t, partial }
        }
        StopReason::EventNotFinite(event) => {
            let event = partial.event_names.get(event).cloned().unwrap_or_default();
            SolveError::EventNotFinite { event, t, partial }
        }
        StopReason::EventsAccumulate(event) => {
            let event = partial.event_names.get(event).cloned().unwrap_or_default();
            SolveError::EventsAccumulate { event, t, partial }
        }
        StopReason::LooksStiff => {
            SolveError::LooksStiff { t, end, h, method: options.method, max_steps, component, partial }
        }
        StopReason::Unstable => SolveError::Unstable { t, longest: h, method: options.method, partial },
        StopReason::TimeBudget => {
            let budget = options.time_budget.unwrap_or_default();
            SolveError::TimeBudget { t, end, h, budget, component, cause, partial }
        }
    }
}
