//! Why a solve ended early: where, which component, the likely cause, what to try, and what had been reached.

use super::cause::Cause;
use super::options::Method;
use super::solution::Solution;
use std::time::Duration;

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
        cause: Cause,
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
        cause: Cause,
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
        cause: Cause,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
    /// An explicit method whose steps are limited by stability cannot reach the end in the steps allowed.
    #[error(
        "this looks stiff: at t = {t} steps of {h:e} are as long as the stability of {method:?} allows, though {component} \
         would be accurate enough with longer ones, and {max_steps} more of them do not reach {end}. Take an implicit method, \
         leave the choice to `Method::Automatic`, or allow as many steps as it takes with `max_steps`"
    )]
    LooksStiff {
        /// Time reached.
        t: f64,
        /// The end that was asked for.
        end: f64,
        /// Step size that stability allows.
        h: f64,
        /// The method.
        method: Method,
        /// Further attempts allowed.
        max_steps: usize,
        /// The component with the largest scaled error.
        component: Component,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
    /// A derivative is wanted through an explicit method whose steps are limited by stability.
    #[error(
        "this looks stiff: at t = {t} steps of {h:e} are as long as the stability of {method:?} allows. The error control keeps the \
         solution right there, not its derivative, which grows by as much as the tolerance is above rounding. Leave the choice to \
         `Method::Automatic`, or take an implicit method"
    )]
    StiffForDerivatives {
        /// Time reached.
        t: f64,
        /// Step size that stability allows.
        h: f64,
        /// The method.
        method: Method,
        /// The component with the largest scaled error.
        component: Component,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
    /// The function of an event touches zero without crossing it, so that its time has no derivative.
    #[error(
        "the function of event `{event}` touches zero at t = {t} without crossing it: a little to one side it would not have \
         happened, and its time has no derivative. Move the parameters away from there, or watch a function that crosses"
    )]
    EventGrazes {
        /// The event.
        event: String,
        /// When.
        t: f64,
        /// The solution at the times that were asked for.
        partial: Box<Solution>,
    },
    /// Newton's method does not solve an implicit method's equations, however small the step.
    #[error(
        "Newton's method does not converge at t = {t} however small the step (last tried: h = {h:e}), held up by \
         {component}; {cause}. Check the Jacobian if it is your own, or take a Rosenbrock method, which solves no \
         nonlinear equations"
    )]
    NewtonFailed {
        /// Time reached.
        t: f64,
        /// Last step tried.
        h: f64,
        /// The component with the largest scaled error.
        component: Component,
        /// The likely cause.
        cause: Cause,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
    /// The matrix $M / (h \gamma) - f_u$ of an implicit method is singular, however small the step.
    #[error(
        "the matrix of the implicit method is singular at t = {t} however small the step (last tried: h = {h:e}): the \
         equation of {component} may not determine it. With a mass matrix, the algebraic equations must determine the \
         algebraic states (index 1); differentiate them where they do not"
    )]
    SingularMatrix {
        /// Time reached.
        t: f64,
        /// Last step tried.
        h: f64,
        /// The component held responsible.
        component: Component,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
    /// A state leaves its bounds, however small the step.
    #[error(
        "{component} leaves its bounds at t = {t} however small the step (last tried: h = {h:e}): the solution itself \
         goes there. Widen the bounds by what counts as noise, or stop before this time"
    )]
    OutOfBounds {
        /// Time reached.
        t: f64,
        /// Last step tried.
        h: f64,
        /// The state that leaves its bounds.
        component: Component,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
    /// A stabilised method has not enough stages for the step.
    #[error(
        "{method:?} is not stable with a step of {h:e} at t = {t}, only up to {longest:e}, because of the spectral radius of \
         the Jacobian there; {component} moves most in its fastest mode. Take a shorter `fixed_step`, or an implicit method"
    )]
    Unstable {
        /// Time reached.
        t: f64,
        /// The longest step that would be stable.
        longest: f64,
        /// The step that was tried.
        h: f64,
        /// The component in which the fastest mode is largest.
        component: Component,
        /// The method.
        method: Method,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
    /// The time allowed on the clock is used up.
    #[error(
        "the time budget of {budget:?} was used up at t = {t} of {end} (h = {h:e}, held up by {component}); {cause}. \
         Allow more, or loosen `rtol`"
    )]
    TimeBudget {
        /// Time reached.
        t: f64,
        /// The end that was asked for.
        end: f64,
        /// Step size when it stopped.
        h: f64,
        /// The budget.
        budget: Duration,
        /// The component with the largest scaled error.
        component: Component,
        /// The likely cause.
        cause: Cause,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
    /// What a gradient has to keep of the solve does not fit into the memory allowed.
    #[error(
        "the gradient of a solve this long does not fit into {budget} bytes, even if its steps are made twice: give \
         {needed} with `.budget({needed})`, or loosen `rtol`"
    )]
    GradientMemory {
        /// Bytes allowed.
        budget: usize,
        /// Bytes that are enough.
        needed: usize,
        /// The solution at the times that were asked for.
        partial: Box<Solution>,
    },
    /// Steps that a gradient makes a second time do not lead where they led the first time.
    #[error(
        "the steps up to t = {t} lead elsewhere when they are made again, {component} first: the right-hand side must give the \
         same values for the same arguments, and the same from `eval` and `record`. Give the gradient enough memory with \
         `.budget(...)` to make no step twice"
    )]
    NotRepeatable {
        /// The time up to which steps were made again.
        t: f64,
        /// The first state that is another one.
        component: Component,
        /// The solution at the times that were asked for.
        partial: Box<Solution>,
    },
    /// The function of an event is zero over a whole step, and not because the state rests: it has no crossings.
    #[error(
        "the function of event `{event}` is zero at t = {t} and all along the step of {h:e} after it, so that nothing crosses zero; \
         give a function that changes its sign where the event happens"
    )]
    EventIsZero {
        /// The event.
        event: String,
        /// Time reached.
        t: f64,
        /// The step in which it was looked for.
        h: f64,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
    /// An event acts over and over within what times can be told apart: the last of infinitely many bounces, or an effect
    /// that brings about its own event.
    #[error(
        "event `{event}` happens over and over at t = {t}, closer together than times can be told apart (h = {h:e}). Let its \
         effect leave the state clear of the event, or end the solve there with `.terminal()`"
    )]
    EventsAccumulate {
        /// The event.
        event: String,
        /// Time reached.
        t: f64,
        /// The step in which it was looked for.
        h: f64,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
    /// The function of an event is not a number.
    #[error(
        "the function of event `{event}` is not a number near t = {t}, in a step of {h:e}: whether anything crosses zero cannot be \
         said. Let it have a value wherever the solution goes"
    )]
    EventNotFinite {
        /// The event.
        event: String,
        /// A time at which it is so.
        t: f64,
        /// The step in which it was looked for.
        h: f64,
        /// The solution up to before `t`.
        partial: Box<Solution>,
    },
    /// The algebraic equations of a problem with a singular mass matrix do not hold at the start.
    #[error(
        "the state does not fulfil the algebraic equations at t = {t}: the equation of {component} is off by \
         {residual:e}. Give consistent values, or let `.consistent_start()` compute the algebraic states"
    )]
    InconsistentStart {
        /// The initial time, or that of an event which changed the state.
        t: f64,
        /// The state whose equation is off most.
        component: Component,
        /// By how much.
        residual: f64,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
    /// No state that fulfils the algebraic equations was found.
    #[error(
        "no algebraic states were found that fulfil the algebraic equations at t = {t}: Newton's method gives up with the \
         equation of {component} off by {residual:e}. Give a guess that is nearer, and check that the equations have a \
         solution for the differential states given"
    )]
    NoConsistentStart {
        /// The initial time, or that of an event which changed the state.
        t: f64,
        /// The state whose equation is off most.
        component: Component,
        /// By how much.
        residual: f64,
        /// The solution up to `t`.
        partial: Box<Solution>,
    },
}

impl SolveError {
    /// When the solve stopped, if it had begun.
    pub fn time(&self) -> Option<f64> {
        match self {
            SolveError::NotFiniteAtStart { t, .. }
            | SolveError::NotFinite { t, .. }
            | SolveError::StepTooSmall { t, .. }
            | SolveError::NewtonFailed { t, .. }
            | SolveError::SingularMatrix { t, .. }
            | SolveError::OutOfBounds { t, .. }
            | SolveError::TooManySteps { t, .. }
            | SolveError::LooksStiff { t, .. }
            | SolveError::Unstable { t, .. }
            | SolveError::TimeBudget { t, .. }
            | SolveError::EventIsZero { t, .. }
            | SolveError::EventsAccumulate { t, .. }
            | SolveError::EventNotFinite { t, .. }
            | SolveError::InconsistentStart { t, .. }
            | SolveError::NoConsistentStart { t, .. }
            | SolveError::StiffForDerivatives { t, .. }
            | SolveError::EventGrazes { t, .. }
            | SolveError::NotRepeatable { t, .. } => Some(*t),
            SolveError::Argument { .. } | SolveError::GradientMemory { .. } => None,
        }
    }

    /// The step it stopped with, if any was tried.
    pub fn step(&self) -> Option<f64> {
        match self {
            SolveError::NotFinite { h, .. }
            | SolveError::StepTooSmall { h, .. }
            | SolveError::NewtonFailed { h, .. }
            | SolveError::SingularMatrix { h, .. }
            | SolveError::OutOfBounds { h, .. }
            | SolveError::TooManySteps { h, .. }
            | SolveError::LooksStiff { h, .. }
            | SolveError::StiffForDerivatives { h, .. }
            | SolveError::Unstable { h, .. }
            | SolveError::TimeBudget { h, .. }
            | SolveError::EventIsZero { h, .. }
            | SolveError::EventsAccumulate { h, .. }
            | SolveError::EventNotFinite { h, .. } => Some(*h),
            _ => None,
        }
    }

    /// The state held responsible, if one is.
    pub fn component(&self) -> Option<&Component> {
        match self {
            SolveError::NotFiniteAtStart { component, .. }
            | SolveError::NotFinite { component, .. }
            | SolveError::StepTooSmall { component, .. }
            | SolveError::NewtonFailed { component, .. }
            | SolveError::SingularMatrix { component, .. }
            | SolveError::OutOfBounds { component, .. }
            | SolveError::TooManySteps { component, .. }
            | SolveError::LooksStiff { component, .. }
            | SolveError::Unstable { component, .. }
            | SolveError::TimeBudget { component, .. }
            | SolveError::InconsistentStart { component, .. }
            | SolveError::NoConsistentStart { component, .. }
            | SolveError::StiffForDerivatives { component, .. }
            | SolveError::NotRepeatable { component, .. } => Some(component),
            _ => None,
        }
    }

    /// The likely cause, where the kind of error does not say it all.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            SolveError::NotFinite { cause, .. }
            | SolveError::StepTooSmall { cause, .. }
            | SolveError::NewtonFailed { cause, .. }
            | SolveError::TooManySteps { cause, .. }
            | SolveError::TimeBudget { cause, .. } => Some(*cause),
            _ => None,
        }
    }

    /// The solution up to the point of failure.
    pub fn partial(&self) -> Option<&Solution> {
        match self {
            SolveError::NotFinite { partial, .. }
            | SolveError::StepTooSmall { partial, .. }
            | SolveError::TooManySteps { partial, .. }
            | SolveError::NewtonFailed { partial, .. }
            | SolveError::SingularMatrix { partial, .. }
            | SolveError::OutOfBounds { partial, .. }
            | SolveError::LooksStiff { partial, .. }
            | SolveError::Unstable { partial, .. }
            | SolveError::TimeBudget { partial, .. }
            | SolveError::EventIsZero { partial, .. }
            | SolveError::EventsAccumulate { partial, .. }
            | SolveError::EventNotFinite { partial, .. }
            | SolveError::InconsistentStart { partial, .. }
            | SolveError::NoConsistentStart { partial, .. }
            | SolveError::GradientMemory { partial, .. }
            | SolveError::StiffForDerivatives { partial, .. }
            | SolveError::EventGrazes { partial, .. }
            | SolveError::NotRepeatable { partial, .. } => Some(partial),
            _ => None,
        }
    }
}
