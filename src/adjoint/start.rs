//! How a differentiated solve by any method begins.

use crate::model::{Differentiable, System};
use crate::ode::{
    AlgebraicEquations, AnyStepper, Context, Implicit, Method, Options, Plain, Span, Statistics, Stop, StopReason,
};

/// Whether a solve is not one for Tsit5 compiled together with its system: by another method, with a mass matrix, or across
/// jumps, where a last stage is not the first of the next step.
pub(super) fn goes_behind_pointers(system: &(impl Differentiable + ?Sized), options: &Options) -> bool {
    !matches!(options.method, Method::Tsit5 | Method::Automatic)
        || !options.discontinuities.is_empty()
        || system.mass_matrix().is_some()
}

/// The right-hand side and the method of a solve over `span` that is read at `times`, when the algebraic equations hold at `u`.
pub(super) fn start<'s>(
    system: &'s dyn Differentiable,
    options: &Options,
    span: Span,
    (u, p): (&mut [f64], &[f64]),
    times: &[f64],
    statistics: &mut Statistics,
) -> Result<(Plain<&'s dyn System>, AnyStepper<'s>), Stop> {
    let system: &dyn System = system;
    let mut plain = Plain::new(system, p, options, span);
    if let Some(mass) = plain.mass() {
        let mut equations = AlgebraicEquations::of(mass, options, false);
        equations.fulfil(&mut plain, span.start, u, &mut Context { options, statistics })?;
    }
    let mut method = options.method.stepper();
    method.keep_dense(looks_between(times, span));
    Ok((plain, method))
}

/// Whether states between the steps matter: not so where they are read at the ends alone.
pub(super) fn looks_between(times: &[f64], span: Span) -> bool {
    times.iter().any(|t| *t != span.start && *t != span.end)
}

/// Puts jumps in the order in which they are reached.
pub(super) fn put_in_order(options: &mut Options, span: Span) {
    let forward = if span.end < span.start { -1.0 } else { 1.0 };
    options.discontinuities.sort_by(|a, b| (a * forward).total_cmp(&(b * forward)));
    options.discontinuities.dedup();
}

/// Why a solve by an explicit method is not gone on with where it looks stiff: the derivative of its steps is not near that of
/// the solution.
pub(super) fn refusal(options: &Options) -> Option<StopReason> {
    let stabilized = matches!(options.method, Method::Rkc2 | Method::Rock4);
    let held = options.method.is_explicit() && !stabilized && options.fixed_step.is_none();
    held.then_some(StopReason::StiffForDerivatives)
}
