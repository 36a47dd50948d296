//! Stops put into words.

use super::cause::likely;
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
    // What is kept of the solve may be its end alone.
    let first = if partial.times.len() > 1 { partial.state(0) } else { &[] };
    let size = reached.get(stop.component).map_or(0.0, |u| u.abs());
    let tolerance = options.atol.of(stop.component) + options.rtol * size;
    let cause = likely(&stop, first, reached, tolerance);
    let (t, h, end, max_steps) = (stop.t, stop.h, span.end, options.max_steps());
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
            SolveError::EventIsZero { event, t, h, partial }
        }
        StopReason::EventNotFinite(event) => {
            let event = partial.event_names.get(event).cloned().unwrap_or_default();
            SolveError::EventNotFinite { event, t, h, partial }
        }
        StopReason::EventsAccumulate(event) => {
            let event = partial.event_names.get(event).cloned().unwrap_or_default();
            SolveError::EventsAccumulate { event, t, h, partial }
        }
        StopReason::EventGrazes(event) => {
            let event = partial.event_names.get(event).cloned().unwrap_or_default();
            SolveError::EventGrazes { event, t, partial }
        }
        StopReason::StiffForDerivatives => {
            SolveError::StiffForDerivatives { t, h, method: options.method, component, partial }
        }
        StopReason::LooksStiff => {
            let (method, max_steps) = (options.method, options.max_stiff_steps());
            SolveError::LooksStiff { t, end, h, method, max_steps, component, partial }
        }
        StopReason::Unstable(longest) => {
            SolveError::Unstable { t, h, longest, component, method: options.method, partial }
        }
        StopReason::Memory { budget, needed } => SolveError::GradientMemory { budget, needed, partial },
        StopReason::NotRepeatable => SolveError::NotRepeatable { t, component, partial },
        StopReason::TimeBudget => {
            let budget = options.time_budget.unwrap_or_default();
            SolveError::TimeBudget { t, end, h, budget, component, cause, partial }
        }
    }
}
