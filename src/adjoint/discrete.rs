//! The discrete adjoint: the exact gradient of what a solve computed.
//!
//! Tsit5 compiled together with the system is in [`compiled`](super::compiled), every other method in [`any`](super::any), which
//! also goes on where records of the first no longer fit into memory.

use super::any::{AnyAdjoint, Asked, Begun, Lane, Underway};
use super::checkpoints::Checkpointing;
use super::compiled::{Memory, Recorder, follow, sweep};
use super::jumps::Running;
use super::start::{goes_behind_pointers, put_in_order, refusal};
use crate::model::Differentiable;
use crate::ode::explicit::{ExplicitRk, Tsit5};
use crate::ode::{
    Context, Course, Event, Events, Method, Options, Solution, SolveError, Span, Statistics, Stepper, Stop, StopReason,
    Workspace, failure,
};

/// Gradients of a loss of the states at given times.
///
/// ```
/// use ansatz::adjoint::DiscreteAdjoint;
/// use ansatz::prelude::*;
/// struct Decay;
/// impl Model for Decay {
///     fn states(&self) -> Names { ["u"].into() }
///     fn parameters(&self) -> Names { ["rate"].into() }
///     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
///         let [rate] = p.parameters();
///         du[0] = -rate * u[0];
///     }
/// }
/// let bound = Bound::new(&Decay)?;
/// let mut adjoint = DiscreteAdjoint::new(&bound, Options { rtol: 1e-10, ..Options::default() });
/// // L = u(1)² / 2, so dL/drate = −t u²
/// let gradient = adjoint.gradient(0.0, &[3.0], &[0.5], &[1.0], |u, u_bar| {
///     u_bar[0] = u[0];
///     0.5 * u[0] * u[0]
/// })?;
/// let u = 3.0 * (-0.5f64).exp();
/// assert!((gradient.parameters[0] + u * u).abs() < 1e-7);
/// assert!((gradient.initial[0] - u * u / 3.0).abs() < 1e-7);
/// # Ok::<(), ansatz::Error>(())
/// ```
pub struct DiscreteAdjoint<'a, Sys: Differentiable> {
    system: &'a Sys,
    options: Options,
    method: ExplicitRk<Tsit5>,
    work: Workspace,
    memory: Memory,
    statistics: Statistics,
    /// Bytes that may be kept of a solve.
    budget: usize,
    report: Checkpointing,
    /// For all methods but the one that is compiled together with the system.
    any: AnyAdjoint,
    /// Whether it made the last gradient.
    by_any: bool,
}

/// A gradient, in the memory of the [`DiscreteAdjoint`] that computed it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradient<'g> {
    /// The loss.
    pub loss: f64,
    /// $\partial L / \partial p$, all flat parameters.
    pub parameters: &'g [f64],
    /// $\partial L / \partial u_0$.
    pub initial: &'g [f64],
    /// The states at the times, row by row.
    pub states: &'g [f64],
}

/// What happens on the way of a solve besides its steps.
#[derive(Default)]
pub(super) struct OnTheWay<'w> {
    /// Events, all of them with derivatives.
    pub events: Vec<Event<'w>>,
    /// What is integrated over the whole span.
    pub running: Option<&'w dyn Running>,
    /// Where the solve ends, if not with the last time.
    pub end: Option<f64>,
}

/// What was read of a solve, and where the loss writes its derivatives.
pub(super) struct ReadOut<'r> {
    pub states: &'r [f64],
    pub seeds: &'r mut [f64],
    /// Where a terminal event ended it.
    pub ended: Option<End<'r>>,
    /// What was integrated, and its derivatives by the parameters.
    pub integral: f64,
    pub integral_p: &'r [f64],
}

/// The end that an event has made.
pub(super) struct End<'r> {
    pub t: f64,
    pub state: &'r [f64],
    pub bar: &'r mut Vec<f64>,
    pub time_bar: &'r mut f64,
}

/// The part of the budget that one way of keeping a solve may leave allocated while the other one is at work.
const LEFT: usize = 64;
impl<'a, Sys: Differentiable> DiscreteAdjoint<'a, Sys> {
    /// Room for gradients through one system.
    pub fn new(system: &'a Sys, options: Options) -> Self {
        let method = ExplicitRk::new(Method::Tsit5);
        let (work, statistics, memory) = (Workspace::default(), Statistics::default(), Memory::default());
        let (any, report) = (AnyAdjoint::default(), Checkpointing::default());
        DiscreteAdjoint {
            system,
            options,
            method,
            work,
            memory,
            statistics,
            budget: 256 << 20,
            report,
            any,
            by_any: false,
        }
    }

    /// Bytes that may be kept of a solve for the way back; default 256 MiB.
    ///
    /// Within it all steps are kept. Of a longer solve only what it can be taken up from again at some times is, and on the way
    /// back the steps between two of them are made once more, the same to the bit: a gradient costs one more solve at most.
    /// Of steps that take $T$ bytes (for an explicit method a little more than a state each, for an implicit one a state for each
    /// stage besides) $\sqrt{6 T s}$ bytes are enough, where $s$ is a few states and a few hundred bytes: 64 MiB for more than
    /// $10^8$ steps of 100 states. Where a budget is too small, the error says how many bytes are needed.
    ///
    /// Not counted are the states at the times that are asked for, with their cotangents, and what is there for any number of
    /// steps: the memory of a solve and of one step backwards.
    ///
    /// Tsit5, when it is compiled together with the system, keeps all intermediate values of the right-hand side as long as they
    /// fit, and then does as other methods do, which gives the same gradient to rounding.
    pub fn budget(mut self, bytes: usize) -> Self {
        self.budget = bytes;
        self
    }

    /// What was kept of the last solve.
    pub fn checkpointing(&self) -> Checkpointing {
        self.report
    }

    /// The state that the last forward solve ended with.
    pub(super) fn reached(&self) -> &[f64] {
        &self.memory.reached
    }

    /// The methods that made the steps of the last forward solve, in the order in which they were first used.
    pub fn methods(&self) -> Vec<Method> {
        if self.by_any { self.any.methods() } else { vec![Method::Tsit5] }
    }

    /// Counts of the last forward solve.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Solves from `start` through `times`, then sweeps back. `loss` sees the states at the times, row by row, returns
    /// the loss and writes its derivative with respect to each of them (zero where it writes nothing).
    ///
    /// # Errors
    /// The [`SolveError`] of the forward solve, with what it had reached; [`SolveError::GradientMemory`] where the
    /// [`budget`](Self::budget) is too small, [`SolveError::NotRepeatable`] where steps that are made again are not the same.
    pub fn gradient(
        &mut self,
        start: f64,
        initial: &[f64],
        p: &[f64],
        times: &[f64],
        loss: impl FnOnce(&[f64], &mut [f64]) -> f64,
    ) -> Result<Gradient<'_>, SolveError> {
        let loss = |read: ReadOut| loss(read.states, read.seeds);
        self.gradient_with(start, initial, p, times, OnTheWay::default(), loss)
    }

    /// The same with more on the way, and a loss that sees all of it.
    pub(super) fn gradient_with(
        &mut self,
        start: f64,
        initial: &[f64],
        p: &[f64],
        times: &[f64],
        way: OnTheWay,
        loss: impl FnOnce(ReadOut) -> f64,
    ) -> Result<Gradient<'_>, SolveError> {
        check(self.system, &self.options, start, initial, p, times)?;
        let end = way.end.or(times.last().copied()).unwrap_or(start);
        let events: Vec<String> = way.events.iter().map(|event| event.name.clone()).collect();
        let plain = way.events.is_empty() && way.running.is_none();
        let result = if plain {
            self.run_to(Span { start, end }, initial, p, times, loss)
        } else {
            self.run_any(Span { start, end }, initial, p, times, way, loss)
        };
        match result {
            Ok(loss) => Ok(self.computed(loss)),
            Err(stop) => {
                let n = self.system.dimension();
                let names = (0..n).map(|i| self.system.state_name(i)).collect();
                let states = if self.by_any { &self.any.states } else { &self.memory.states };
                let mut partial = Solution::of(names, times, states, self.statistics);
                partial.event_names = events;
                Err(failure(stop, &self.options, Span { start, end }, partial, &self.memory.reached))
            }
        }
    }

    /// The derivatives of several numbers by parameters and initial state, of one solve: `seeds` gives their derivatives by the
    /// saved states.
    pub(super) fn rows(
        &mut self,
        start: f64,
        initial: &[f64],
        p: &[f64],
        times: &[f64],
        seeds: impl FnOnce(&[f64]) -> Vec<Vec<f64>>,
    ) -> Result<&[Lane], SolveError> {
        check(self.system, &self.options, start, initial, p, times)?;
        let span = Span { start, end: times.last().copied().unwrap_or(start) };
        self.by_any = true;
        put_in_order(&mut self.options, span);
        self.statistics = Statistics::default();
        let mut u = initial.to_vec();
        let asked = Asked { options: &self.options, span, p, times, budget: self.budget, running: None };
        let any = &mut self.any;
        let swept = any.record(self.system, asked, None, &mut u, &mut self.statistics).and_then(|solve| {
            let lanes = seeds(&any.states).into_iter().map(|seeds| Lane { seeds, ..Lane::default() });
            any.lanes = lanes.collect();
            any.sweep(self.system, asked, solve)
        });
        self.report = any.kept.report;
        if let Err(stop) = swept {
            let names = (0..initial.len()).map(|i| self.system.state_name(i)).collect();
            let partial = Solution::of(names, times, &self.any.states, self.statistics);
            return Err(failure(stop, &self.options, span, partial, &u));
        }
        Ok(&self.any.lanes)
    }

    /// The gradient that [`run`](Self::run) has computed.
    pub(crate) fn computed(&self, loss: f64) -> Gradient<'_> {
        if self.by_any {
            let AnyAdjoint { lanes, states, .. } = &self.any;
            let (parameters, initial) = lanes.first().map_or((&[][..], &[][..]), |lane| (&lane.bars.p, &lane.bars.u));
            return Gradient { loss, parameters, initial, states };
        }
        let Memory { p_bar, u_bar, states, .. } = &self.memory;
        Gradient { loss, parameters: p_bar, initial: u_bar, states }
    }

    /// [`gradient`](Self::gradient) without words.
    pub(crate) fn run(
        &mut self,
        start: f64,
        initial: &[f64],
        p: &[f64],
        times: &[f64],
        loss: impl FnOnce(&[f64], &mut [f64]) -> f64,
    ) -> Result<f64, Stop> {
        let span = Span { start, end: times.last().copied().unwrap_or(start) };
        self.run_to(span, initial, p, times, |read| loss(read.states, read.seeds))
    }

    fn run_to(
        &mut self,
        span: Span,
        initial: &[f64],
        p: &[f64],
        times: &[f64],
        loss: impl FnOnce(ReadOut) -> f64,
    ) -> Result<f64, Stop> {
        self.by_any = goes_behind_pointers(self.system, &self.options);
        if self.by_any {
            return self.run_any(span, initial, p, times, OnTheWay::default(), loss);
        }
        if self.any.kept.bytes() > self.budget / LEFT {
            self.any.kept.release();
        }
        let memory = &mut self.memory;
        memory.budget = self.budget.saturating_sub(self.any.kept.bytes());
        memory.keep_stages = true;
        for v in [&mut memory.starts, &mut memory.states, &mut memory.reached] {
            v.clear();
        }
        memory.steps.clear();
        memory.saved.clear();
        memory.reached.extend_from_slice(initial);
        self.statistics = Statistics::default();
        let (system, options, work, statistics) = (self.system, &self.options, &mut self.work, &mut self.statistics);
        let mut u = std::mem::take(&mut memory.reached);
        let mut recorder = Recorder::new(system, p, span.start, times, &u, memory);
        let hands_over = options.method == Method::Automatic;
        recorder.stiff = if hands_over { Some(StopReason::LooksStiff) } else { refusal(options) };
        let mut course = Course::new(span, options);
        let mut cx = Context { options, statistics };
        let result = follow(&mut self.method, &mut recorder, &mut course, &mut u, work, &mut cx);
        let passed = recorder.times.passed();
        memory.reached = u;
        match result {
            // Left to choose, what looks stiff is begun afresh with methods that change.
            Err(Stop { reason: StopReason::LooksStiff, .. }) if options.method == Method::Automatic => {
                return self.run_any(span, initial, p, times, OnTheWay::default(), loss);
            }
            result => result?,
        }
        if !memory.keep_stages {
            return self.go_on_by_any(course, span, initial, p, times, passed, loss);
        }
        memory.seeds.clear();
        memory.seeds.resize(memory.states.len(), 0.0);
        let (states, seeds) = (&memory.states[..], &mut memory.seeds[..]);
        let loss = loss(ReadOut { states, seeds, ended: None, integral: 0.0, integral_p: &[] });
        sweep::<Sys, Tsit5>(system, p, memory);
        self.report = Checkpointing { steps: memory.steps.len(), bytes: memory.bytes(), ..Checkpointing::default() };
        Ok(loss)
    }

    /// [`run`](Self::run) by any method, step by step.
    fn run_any(
        &mut self,
        span: Span,
        initial: &[f64],
        p: &[f64],
        times: &[f64],
        way: OnTheWay,
        loss: impl FnOnce(ReadOut) -> f64,
    ) -> Result<f64, Stop> {
        self.by_any = true;
        if self.memory.bytes() > self.budget / LEFT {
            self.memory.release();
        }
        let held = self.memory.bytes();
        let mut u = std::mem::take(&mut self.memory.reached);
        u.clear();
        u.extend_from_slice(initial);
        self.statistics = Statistics::default();
        put_in_order(&mut self.options, span);
        let (options, budget, running) = (&self.options, self.budget.saturating_sub(held), way.running);
        let asked = Asked { options, span, p, times, budget, running };
        let events = (!way.events.is_empty()).then(|| Events::new(way.events, Vec::new(), p));
        let solve = self.any.record(self.system, asked, events, &mut u, &mut self.statistics);
        self.memory.reached = u;
        let solve = solve.map_err(|stop| match stop.reason {
            StopReason::Memory { needed, .. } => {
                Stop { reason: StopReason::Memory { budget: self.budget, needed }, ..stop }
            }
            _ => stop,
        })?;
        let loss = way_back(&mut self.any, self.system, asked, solve, loss)?;
        self.report = self.any.kept.report;
        self.report.bytes += held;
        Ok(loss)
    }

    /// Goes on with a solve whose records do not fit.
    #[allow(clippy::too_many_arguments)]
    fn go_on_by_any(
        &mut self,
        course: Course,
        span: Span,
        initial: &[f64],
        p: &[f64],
        times: &[f64],
        passed: usize,
        loss: impl FnOnce(ReadOut) -> f64,
    ) -> Result<f64, Stop> {
        self.by_any = true;
        let DiscreteAdjoint { system, options, method, memory, statistics, any, .. } = self;
        let before = memory.bytes();
        std::mem::swap(&mut memory.states, &mut any.states);
        std::mem::swap(&mut memory.saved, &mut any.saved);
        let mut numbers = Vec::new();
        Stepper::<Recorder<Sys>>::save(method, &mut numbers);
        let (steps, starts) = (std::mem::take(&mut memory.steps), std::mem::take(&mut memory.starts));
        memory.release();
        let hands_over = options.method == Method::Automatic;
        let begun = Begun { course, initial, method: &numbers, steps, starts, passed, hands_over };
        let asked = Asked { options, span, p, times, budget: self.budget, running: None };
        let mut u = std::mem::take(&mut memory.reached);
        let solve = any.take_over(*system, asked, begun, &mut u, statistics);
        memory.reached = u;
        let solve = match solve {
            Err(Stop { reason: StopReason::LooksStiff, .. }) if hands_over => {
                return self.run_any(span, initial, p, times, OnTheWay::default(), loss);
            }
            solve => solve?,
        };
        let loss = way_back(any, *system, asked, solve, loss)?;
        self.report = any.kept.report;
        self.report.bytes = self.report.bytes.max(before);
        Ok(loss)
    }
}

/// The loss of a solve by any method, and the sweep back from it.
fn way_back(
    any: &mut AnyAdjoint,
    system: &dyn Differentiable,
    asked: Asked,
    solve: Underway,
    loss: impl FnOnce(ReadOut) -> f64,
) -> Result<f64, Stop> {
    any.lanes.resize_with(1, Lane::default);
    let length = any.states.len();
    for Lane { seeds, .. } in &mut any.lanes {
        seeds.clear();
        seeds.resize(length, 0.0);
    }
    any.end_bar.clear();
    any.end_bar.resize(system.dimension(), 0.0);
    let AnyAdjoint { states, lanes, ended, end_bar, end_time_bar, integral, integral_p, .. } = any;
    let ended = ended.as_ref().map(|(t, state)| End { t: *t, state, bar: end_bar, time_bar: end_time_bar });
    let seeds = lanes.first_mut().map_or(&mut [][..], |lane| &mut lane.seeds);
    let loss = loss(ReadOut { states, seeds, ended, integral: *integral, integral_p });
    any.sweep(system, asked, solve)?;
    Ok(loss)
}

/// Checks the arguments of a differentiated solve.
pub(super) fn check<Sys: Differentiable>(
    system: &Sys,
    options: &Options,
    start: f64,
    initial: &[f64],
    p: &[f64],
    times: &[f64],
) -> Result<(), SolveError> {
    let fault = |argument, problem: String, advice: &str| {
        Err(SolveError::Argument { argument, problem, advice: advice.to_string() })
    };
    options.check(system.dimension())?;
    if initial.len() != system.dimension() {
        let problem = format!("has {} values for {} states", initial.len(), system.dimension());
        return fault("initial", problem, "give one value for each state");
    }
    if p.len() != system.parameter_count() {
        let problem = format!("has {} values, and the system {} parameters", p.len(), system.parameter_count());
        return fault("p", problem, "give the mechanistic parameters and all weights");
    }
    if !start.is_finite() {
        return fault("start", format!("is {start}"), "give a finite time");
    }
    let Some(&end) = times.last() else {
        return fault("times", "is empty".to_string(), "give at least one time at which the solution is read");
    };
    let forward = if end >= start { 1.0 } else { -1.0 };
    let mut before = start;
    for &t in times {
        if !t.is_finite() || (t - before) * forward < 0.0 {
            return fault("times", format!("has {t} after {before}"), "give finite times, ordered from the start on");
        }
        before = t;
    }
    Ok(())
}
