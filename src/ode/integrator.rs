//! Solving step by step: look, change, go on.

use super::SolveError;
use super::consistent::AlgebraicEquations;
use super::events::Occurrence;
use super::failure::failure;
use super::integrate::{Course, Progress, Span, Stop, StopReason, Workspace};
use super::keep::{AnySaver, Keeper, LastStep};
use super::methods::AnyStepper;
use super::options::{Method, Options};
use super::problem::Plain;
use super::request::{Held, Request, check_state};
use super::solution::{Solution, Statistics};
use super::stepper::{Context, Implicit, Rhs};
use crate::model::System;

/// A solve that goes on one step at a time: made by [`Solve::start`](super::Solve::start), with any method, with events,
/// doses, bounds and everything else a [`Solve`](super::Solve) can have. Going to the end gives the same numbers as
/// [`Solve::run`](super::Solve::run), bit for bit.
///
/// Between steps the state and the parameters can be changed; the method then begins afresh. An error leaves the
/// integrator where it was: with another state or other parameters it may go on.
///
/// ```
/// use ansatz::prelude::*;
/// // A thermostat: heating is on below 18 °C, off above 22 °C, looked at every minute.
/// let room = from_fn(["temperature"], |_t, u, p, du| du[0] = 0.1 * (5.0 - u[0]) + p[0]);
/// let mut integrator = Solve::system(&room, [20.0], 0.0, 60.0).parameters([0.0]).start()?;
/// for minute in 1..=60 {
///     integrator.advance_to(f64::from(minute))?;
///     match integrator.state()[0] {
///         cold if cold < 18.0 => integrator.set_parameters(&[3.0])?,
///         warm if warm > 22.0 => integrator.set_parameters(&[0.0])?,
///         _ => {}
///     }
/// }
/// assert!((16.0..24.0).contains(&integrator.state()[0]));
/// let solution = integrator.into_solution();
/// assert!(solution.at(30.5)?[0] > 15.0);
/// # Ok::<(), ansatz::Error>(())
/// ```
pub struct Integrator<'a> {
    plain: Plain<Held<'a, dyn System + 'a>>,
    /// What a mass matrix leaves of the equations.
    equations: Option<AlgebraicEquations>,
    keeper: Keeper<'a>,
    method: AnyStepper<'a>,
    course: Course,
    options: Options,
    u: Vec<f64>,
    work: Workspace,
    statistics: Statistics,
    stand: Stand,
    /// Whether the method ever began.
    begun: bool,
    /// Whether a terminal event ended the solve.
    ended: bool,
}

/// How the method stands to the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// It has to begin, or to begin afresh.
    Stale,
    /// The same, because state or parameters were changed from outside.
    Changed,
    Ready,
}

impl<'a> Integrator<'a> {
    /// Stands at the start. The algebraic equations hold there, or are made to.
    pub(super) fn new(system: Held<'a, dyn System + 'a>, request: Request<'a>) -> Result<Self, SolveError> {
        let (options, span, mut u) = (request.options.clone(), request.span, request.u.clone());
        let mut plain = Plain::new(system, &request.parameters, &options, span);
        plain.preconditioner.clone_from(&request.preconditioner);
        let mut equations = plain.mass().map(|mass| AlgebraicEquations::of(mass, &options, request.mends));
        let mut statistics = Statistics::default();
        if let Some(equations) = &mut equations {
            let mut cx = Context { options: &options, statistics: &mut statistics };
            let held = equations.fulfil(&mut plain, span.start, &mut u, &mut cx);
            held.map_err(|stop| failure(stop, &options, span, Solution::new(request.names.clone()), &u))?;
        }
        let mut method = options.method.stepper();
        method.keep_dense(request.looks_between());
        Ok(Integrator {
            plain,
            equations,
            keeper: request.keeper(&u),
            method,
            course: Course::new(span, &options),
            options,
            u,
            work: Workspace::default(),
            statistics,
            stand: Stand::Stale,
            begun: false,
            ended: false,
        })
    }

    /// Gets ready for the first step of many, and keeps each to look back into it.
    pub(super) fn at_start(mut self) -> crate::Result<Self> {
        self.keeper.last = Some(LastStep::none());
        match self.begin_unless_done() {
            Ok(_) => Ok(self),
            Err(stop) => Err(self.failure(stop).into()),
        }
    }

    /// Goes to the end.
    pub(super) fn run(mut self) -> Result<Solution, SolveError> {
        loop {
            match self.advance() {
                Ok(Progress::Going) => {}
                Ok(_) => return Ok(self.into_solution()),
                Err(stop) => {
                    let (options, span, u) = (self.options.clone(), self.course.span, self.u.clone());
                    let begun = stop.reason != StopReason::NotFiniteAtStart;
                    return Err(failure(stop, &options, span, self.finish(begun), &u));
                }
            }
        }
    }

    /// Makes one step that passes the error test.
    ///
    /// At the end, and after a terminal event, it does nothing and says so: [`extend_to`](Self::extend_to) leads past
    /// either, and past an event a change of the state or the parameters, too.
    ///
    /// # Errors
    /// [`SolveError`], with the solution up to here.
    pub fn step(&mut self) -> crate::Result<Progress> {
        self.advance().map_err(|stop| self.failure(stop).into())
    }

    /// Makes steps up to this time, the last of which ends exactly there. A terminal event may come before it.
    ///
    /// To read states at given times [`at`](Self::at) is cheaper: it does not cut the steps.
    ///
    /// # Errors
    /// [`SolveError::Argument`] for a time that lies behind, or past the end; otherwise as [`step`](Self::step).
    pub fn advance_to(&mut self, t: f64) -> crate::Result<Progress> {
        let Span { end, .. } = self.course.span;
        let ahead = |from: f64, to: f64| (to - from) * self.course.direction >= 0.0;
        if !ahead(self.t(), t) {
            let problem = format!("= {t} is not ahead of the integrator, which is at {}", self.t());
            return Err(argument(problem, "start another solve to go back").into());
        }
        if !ahead(t, end) {
            let problem = format!("= {t} lies past the end at {end}");
            return Err(argument(problem, "move the end first with `.extend_to(t_end)`").into());
        }
        self.course.halt = Some(t);
        let mut progress = if t == end { Progress::Reached } else { Progress::Going };
        while (t - self.t()) * self.course.direction > 0.0 {
            match self.step() {
                Ok(Progress::Going) => {}
                Ok(other) => {
                    progress = other;
                    break;
                }
                Err(error) => {
                    self.course.halt = None;
                    return Err(error);
                }
            }
        }
        self.course.halt = None;
        Ok(progress)
    }

    /// Moves the end, also one that was reached already or that a terminal event had brought forward, and goes on from
    /// here. Steps and time are allowed as at the start. States are saved as asked for at the start: at every step, at the
    /// end, or at the times that were given then.
    ///
    /// # Errors
    /// [`SolveError::Argument`] when the new end is not ahead.
    pub fn extend_to(&mut self, end: f64) -> crate::Result<()> {
        let ahead = (end - self.t()) * self.course.direction;
        if !(ahead > 0.0 && end.is_finite()) {
            let problem = format!("= {end} is no end ahead of the integrator, which is at {}", self.t());
            return Err(argument(problem, "give a finite time further on in the same direction").into());
        }
        // At the old end there may be a dose still to come, or an event may have changed the state.
        if self.stand == Stand::Ready && self.course.t == self.course.span.end {
            self.stand = Stand::Stale;
        }
        self.course.extend(end, &self.options);
        self.plain.span = end - self.course.span.start;
        self.ended = false;
        Ok(())
    }

    /// The time reached.
    pub fn t(&self) -> f64 {
        self.course.reached()
    }

    /// The state there.
    pub fn state(&self) -> &[f64] {
        &self.u
    }

    /// The state, to be changed: the method begins afresh with it.
    pub fn state_mut(&mut self) -> &mut [f64] {
        self.change();
        &mut self.u
    }

    /// Changes the state: the method begins afresh with it.
    ///
    /// # Errors
    /// [`ModelError::Length`](crate::model::ModelError::Length) when it has another length.
    pub fn set_state(&mut self, u: &[f64]) -> crate::Result<()> {
        check_state("the state", u, &self.keeper.solution.names)?;
        self.state_mut().copy_from_slice(u);
        Ok(())
    }

    /// The parameters.
    pub fn parameters(&self) -> &[f64] {
        &self.plain.p
    }

    /// Changes the parameters from here on: the method begins afresh with them.
    ///
    /// # Errors
    /// [`ModelError::Length`](crate::model::ModelError::Length) when there are too many or too few.
    pub fn set_parameters(&mut self, p: &[f64]) -> crate::Result<()> {
        self.plain.system.check_parameters(p.len())?;
        self.plain.p.clear();
        self.plain.p.extend_from_slice(p);
        self.keeper.set_parameters(p);
        self.change();
        Ok(())
    }

    /// The state at any time in the last step, from its dense output; at the time reached, the state there.
    ///
    /// # Errors
    /// [`SolveError::Argument`] for any other time.
    pub fn at(&self, t: f64) -> crate::Result<Vec<f64>> {
        if t == self.t() {
            return Ok(self.u.clone());
        }
        match self.keeper.last.as_ref().filter(|last| last.t_new == self.t()) {
            Some(last) if (t - last.t) * (last.t_new - t) >= 0.0 => Ok(last.at(t)),
            Some(last) => {
                let problem = format!("= {t} lies outside the last step, which went from {} to {}", last.t, last.t_new);
                Err(argument(problem, "ask within it, or the whole solution with `.into_solution().at(t)`").into())
            }
            None => {
                let problem = format!("= {t} is asked for at {}, before the first step", self.t());
                Err(argument(problem, "make a step first").into())
            }
        }
    }

    /// $\dot u$ at the time reached: $f(t, u, p)$, or with a mass matrix what $M \dot u = f(t, u, p)$ and the derivative of
    /// the algebraic equations determine.
    ///
    /// # Errors
    /// [`SolveError::NotFiniteAtStart`] where the right-hand side is not finite, [`SolveError::SingularMatrix`] where the
    /// algebraic equations do not determine the algebraic states.
    pub fn derivative(&mut self) -> crate::Result<Vec<f64>> {
        let t = self.course.t;
        let derivative = match &mut self.equations {
            Some(equations) => {
                let mut cx = Context { options: &self.options, statistics: &mut self.statistics };
                equations.derivative(&mut self.plain, t, &self.u, &mut cx)
            }
            None => {
                let mut slope = vec![0.0; self.u.len()];
                self.plain.try_eval(t, &self.u, &mut slope);
                self.statistics.rhs += 1;
                match slope.iter().position(|x| !x.is_finite()) {
                    None => Ok(slope),
                    Some(component) => Err(Stop { reason: StopReason::NotFiniteAtStart, t, h: 0.0, component }),
                }
            }
        };
        derivative.map_err(|stop| self.failure(stop).into())
    }

    /// Counts of the solve so far.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// The method at work: the one that was asked for, or that [`Method::Automatic`] has chosen by now.
    pub fn method(&self) -> Method {
        if self.begun { self.method.method() } else { self.options.method }
    }

    /// What events happened so far.
    pub fn occurrences(&self) -> &[Occurrence] {
        &self.keeper.events.occurred
    }

    /// The solution up to here.
    pub fn into_solution(self) -> Solution {
        self.finish(true)
    }

    fn finish(mut self, whole: bool) -> Solution {
        let t = self.t();
        self.keeper.jump(t, &self.u);
        self.keeper.solution.differences = self.plain.differences;
        if self.begun {
            self.keeper.solution.linear_solver = self.method.linear_solver().map(|kind| kind.to_string());
        }
        let end = whole.then_some((t, &self.u[..]));
        self.keeper.finish(end, self.statistics)
    }

    fn change(&mut self) {
        self.ended = false;
        self.stand = Stand::Changed;
    }

    /// Gets ready for a step, or says why there is none to make.
    fn begin_unless_done(&mut self) -> Result<Progress, Stop> {
        let Course { t, span, direction, .. } = self.course;
        if self.ended {
            return Ok(Progress::Ended);
        }
        if (span.end - t) * direction <= 0.0 {
            return Ok(Progress::Reached);
        }
        if self.stand == Stand::Ready {
            return Ok(Progress::Going);
        }
        let mut cx = Context { options: &self.options, statistics: &mut self.statistics };
        if self.stand == Stand::Changed {
            if let Some(equations) = &mut self.equations {
                equations.fulfil(&mut self.plain, t, &mut self.u, &mut cx)?;
            }
            self.keeper.events.changed(t, &self.u);
            self.keeper.jump(t, &self.u);
        }
        let mut saver =
            AnySaver { plain: &mut self.plain, equations: self.equations.as_mut(), keeper: &mut self.keeper };
        self.course.begin(&mut *self.method, &mut saver, &mut self.u, &mut self.work, &mut cx)?;
        (self.stand, self.begun) = (Stand::Ready, true);
        Ok(Progress::Going)
    }

    fn advance(&mut self) -> Result<Progress, Stop> {
        let progress = self.begin_unless_done()?;
        if progress != Progress::Going {
            return Ok(progress);
        }
        let mut cx = Context { options: &self.options, statistics: &mut self.statistics };
        let mut saver =
            AnySaver { plain: &mut self.plain, equations: self.equations.as_mut(), keeper: &mut self.keeper };
        let advanced = self.course.advance(&mut *self.method, &mut saver, &mut self.u, &mut self.work, &mut cx);
        self.ended = advanced == Ok(Progress::Ended);
        if self.ended || advanced.is_err() {
            self.stand = Stand::Stale;
        }
        advanced
    }

    /// A stop in words, with the solution up to here.
    #[cold]
    fn failure(&self, stop: Stop) -> SolveError {
        let mut partial = self.keeper.solution.clone();
        partial.occurred.clone_from(&self.keeper.events.occurred);
        partial.statistics = self.statistics;
        partial.differences = self.plain.differences;
        failure(stop, &self.options, self.course.span, partial, &self.u)
    }
}

fn argument(problem: String, advice: &str) -> SolveError {
    SolveError::Argument { argument: "t", problem, advice: advice.to_string() }
}
