//! `Solve`: an initial-value problem, put together and solved.

use super::control::StepControl;
use super::events::{Event, Events, Preset};
use super::explicit::{ExplicitRk, Tsit5};
use super::integrate::{Span, Stop, StopReason, Workspace, integrate};
use super::keep::{Integrand, Keeper, Saver, integrate_any};
use super::linear::{LinearSolver, Plan, Shifted};
use super::options::{Bounds, Method, Options, Save, Tolerance};
use super::problem::Plain;
use super::solution::{Solution, Statistics};
use super::{Component, SolveError};
use crate::model::{Bound, Model, ModelError, System};

/// The initial-value problem $\dot u = f(t, u, p)$, $u(t_0) = u_0$ up to $t_1$; time may run backwards.
///
/// ```
/// use ansatz::prelude::*;
/// struct Logistic;
/// impl Model for Logistic {
///     fn states(&self) -> Names { ["n"].into() }
///     fn parameters(&self) -> Names { ["rate"].into() }
///     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
///         let [rate] = p.parameters();
///         du[0] = rate * u[0] * (-u[0] + 1.0);
///     }
/// }
/// let solution = Solve::new(&Logistic, [0.1], 0.0, 5.0).parameters([1.0]).rtol(1e-9).save_at(&[2.5, 5.0]).run()?;
/// let exact = |t: f64| 1.0 / (1.0 + 9.0 * (-t).exp());
/// assert!((solution.state(1)[0] - exact(5.0)).abs() < 1e-8);
/// # Ok::<(), ansatz::Error>(())
/// ```
pub struct Solve<'a, S: System> {
    system: Result<Held<'a, S>, ModelError>,
    initial: Vec<f64>,
    span: Span,
    parameters: Vec<f64>,
    options: Options,
    save: Save,
    events: Vec<Event<'a>>,
    presets: Vec<Preset<'a>>,
    integrands: Vec<Integrand<'a>>,
    /// Bounds of states by name; an empty name stands for all.
    bounds: Vec<(String, f64, f64)>,
}

/// A system that was made here, or lent.
enum Held<'a, S> {
    Own(S),
    Lent(&'a S),
}

impl<S> Held<'_, S> {
    fn get(&self) -> &S {
        match self {
            Held::Own(s) => s,
            Held::Lent(s) => s,
        }
    }
}

impl<'a, M: Model> Solve<'a, Bound<'a, M>> {
    /// A model from `initial` at `start` to `end`.
    pub fn new(model: &'a M, initial: impl Into<Vec<f64>>, start: f64, end: f64) -> Self {
        Solve::build(Bound::new(model).map(Held::Own), initial.into(), start, end)
    }
}

impl<'a, S: System> Solve<'a, S> {
    /// A system (a [`Bound`] model, a closure made with [`from_fn`](crate::model::from_fn), or one's own).
    pub fn system(system: &'a S, initial: impl Into<Vec<f64>>, start: f64, end: f64) -> Self {
        Solve::build(Ok(Held::Lent(system)), initial.into(), start, end)
    }

    fn build(system: Result<Held<'a, S>, ModelError>, initial: Vec<f64>, start: f64, end: f64) -> Self {
        let span = Span { start, end };
        Solve {
            system,
            initial,
            span,
            parameters: Vec::new(),
            options: Options::default(),
            save: Save::default(),
            events: Vec::new(),
            presets: Vec::new(),
            integrands: Vec::new(),
            bounds: Vec::new(),
        }
    }

    /// The flat parameters: mechanistic ones, then weights.
    pub fn parameters(mut self, p: impl Into<Vec<f64>>) -> Self {
        self.parameters = p.into();
        self
    }

    /// Relative tolerance; default 1e-6.
    pub fn rtol(mut self, rtol: f64) -> Self {
        self.options.rtol = rtol;
        self
    }

    /// Absolute tolerance, one or one for each state; default 1e-8.
    pub fn atol(mut self, atol: impl Into<Tolerance>) -> Self {
        self.options.atol = atol.into();
        self
    }

    /// The method; default [`Method::Automatic`].
    pub fn method(mut self, method: Method) -> Self {
        self.options.method = method;
        self
    }

    /// Attempted steps before giving up; default 100 000.
    pub fn max_steps(mut self, max_steps: usize) -> Self {
        self.options.max_steps = max_steps;
        self
    }

    /// The largest step; default: the whole interval.
    pub fn h_max(mut self, h_max: f64) -> Self {
        self.options.h_max = Some(h_max);
        self
    }

    /// All steps of this size, without error control.
    pub fn fixed_step(mut self, h: f64) -> Self {
        self.options.fixed_step = Some(h);
        self
    }

    /// Time on the clock that the solve may take; default: no limit.
    pub fn time_budget(mut self, budget: std::time::Duration) -> Self {
        self.options.time_budget = Some(budget);
        self
    }

    /// Times at which the right-hand side jumps: steps end exactly there.
    pub fn discontinuities(mut self, times: &[f64]) -> Self {
        self.options.discontinuities = times.to_vec();
        self
    }

    /// Bounds of a state, by name: a step that leaves them is made again, smaller.
    pub fn bounds(mut self, state: impl Into<String>, bounds: std::ops::RangeInclusive<f64>) -> Self {
        self.bounds.push((state.into(), *bounds.start(), *bounds.end()));
        self
    }

    /// No state may become negative: a step that makes one so is made again, smaller.
    pub fn non_negative(mut self) -> Self {
        self.bounds.push((String::new(), 0.0, f64::INFINITY));
        self
    }

    /// How the error sets the size of the next step; default: what suits the method.
    pub fn controller(mut self, controller: StepControl) -> Self {
        self.options.controller = Some(controller);
        self
    }

    /// How an implicit method solves its linear systems; default: by size and sparsity.
    pub fn linear_solver(mut self, linear_solver: LinearSolver) -> Self {
        self.options.linear_solver = linear_solver;
        self
    }

    /// An upper bound of the spectral radius of $f_u$, for the stabilised methods; default: estimated.
    ///
    /// ```
    /// use ansatz::prelude::*;
    /// // Heat on a rod of 50 points: Gershgorin's circles reach from 0 to −4/Δx².
    /// let inverse = 51.0f64.powi(2);
    /// let rod = from_fn((0..50).map(|i| format!("u{i}")).collect::<Vec<_>>(), move |_t, u, _p, du| {
    ///     for i in 0..50 {
    ///         let (left, right) = (if i > 0 { u[i - 1] } else { 0.0 }, if i < 49 { u[i + 1] } else { 0.0 });
    ///         du[i] = inverse * (left - 2.0 * u[i] + right);
    ///     }
    /// });
    /// let start: Vec<f64> = (1..=50).map(|i| (std::f64::consts::PI * i as f64 / 51.0).sin()).collect();
    /// let solve = || Solve::system(&rod, start.clone(), 0.0, 0.1).method(Method::Rock4);
    /// let known = solve().spectral_radius(4.0 * inverse).run()?;
    /// assert!(known.statistics().rhs < solve().run()?.statistics().rhs);
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    pub fn spectral_radius(mut self, bound: f64) -> Self {
        self.options.spectral_radius = Some(bound);
        self
    }

    /// Looks for an event.
    pub fn event(mut self, event: Event<'a>) -> Self {
        self.events.push(event);
        self
    }

    /// Changes the state at given times: `effect(t, u, p)`. Doses, for instance. Steps end exactly there.
    ///
    /// ```
    /// use ansatz::prelude::*;
    /// let drug = from_fn(["amount"], |_t, u, _p, du| du[0] = -u[0]);
    /// let solution = Solve::system(&drug, [1.0], 0.0, 2.0).at_times(&[1.0], |_t, u, _p| u[0] += 1.0).run()?;
    /// assert!((solution.last()[0] - (-1.0f64).exp() * (1.0 + (-1.0f64).exp())).abs() < 1e-6);
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    pub fn at_times(mut self, times: &[f64], effect: impl Fn(f64, &mut [f64], &[f64]) + 'a) -> Self {
        self.presets.push(Preset { times: times.to_vec(), effect: Box::new(effect) });
        self
    }

    /// Sums $\int g(t, u, p) dt$ along the way, from the dense output; read it with
    /// [`Solution::integral`].
    pub fn integral(mut self, name: impl Into<String>, g: impl Fn(f64, &[f64], &[f64]) -> f64 + 'a) -> Self {
        self.integrands.push(Integrand { name: name.into(), function: Box::new(g) });
        self
    }

    /// All options at once.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Keeps the states at these times only, from dense output.
    pub fn save_at(mut self, times: &[f64]) -> Self {
        self.save = Save::Times(times.to_vec());
        self
    }

    /// Chooses what to keep; default: every step with dense output.
    pub fn save(mut self, save: Save) -> Self {
        self.save = save;
        self
    }

    /// Solves.
    ///
    /// # Errors
    /// A [`ModelError`] when the model does not fit together, a [`SolveError`] when an argument makes no sense or the
    /// solve could not reach the end; the latter carries the solution up to there.
    pub fn run(mut self) -> crate::Result<Solution> {
        let held = std::mem::replace(&mut self.system, Err(ModelError::NoStates))?;
        let system = held.get();
        for preset in &self.presets {
            if let Some(t) = preset.times.iter().find(|t| !t.is_finite()) {
                return Err(SolveError::Argument {
                    argument: "at_times",
                    problem: format!("has {t}"),
                    advice: "give finite times".to_string(),
                }
                .into());
            }
            self.options.discontinuities.extend_from_slice(&preset.times);
        }
        let request = Request {
            initial: &self.initial,
            span: self.span,
            parameters: &self.parameters,
            save: &self.save,
            bounds: &self.bounds,
        };
        request.check(system, &mut self.options)?;
        let n = system.dimension();
        let names: Vec<String> = (0..n).map(|i| system.state_name(i)).collect();
        let mut solution = Solution::new(names);
        let mut u = self.initial;
        let mut statistics = Statistics::default();
        let (options, span, p) = (&self.options, self.span, &self.parameters[..]);
        let events = Events::new(self.events, self.presets, p);
        let keeper = Keeper::new(&self.save, span, &u, p, events, &self.integrands, &mut solution);
        let (stopped, events, differences) = if options.method == Method::Tsit5 {
            // The one that is compiled into one piece with the system.
            let mut saver = Saver { plain: Plain::new(system, p, options, span), keeper };
            let mut method = ExplicitRk::<Tsit5>::new(Method::Tsit5);
            let mut work = Workspace::default();
            let stopped = integrate(&mut method, &mut saver, options, span, &mut u, &mut work, &mut statistics);
            (stopped, saver.keeper.events, false)
        } else {
            let mut plain = Plain::new(system as &dyn System, p, options, span);
            let (stopped, events) = integrate_any(&mut plain, keeper, options, span, &mut u, &mut statistics);
            (stopped, events, plain.differences)
        };
        (solution.event_names, solution.occurred) = events.into_names();
        solution.differences = differences;
        solution.statistics = statistics;
        match stopped {
            Ok(()) => {
                if self.save == Save::End {
                    // A terminal event may have come before the end.
                    let ended = solution.ended.unwrap_or(span.end);
                    solution.push(ended, &u);
                }
                Ok(solution)
            }
            Err(stop) => {
                if self.save == Save::End && stop.reason != StopReason::NotFiniteAtStart {
                    solution.push(stop.t, &u);
                }
                Err(failure(stop, &self.options, self.span, solution, &u).into())
            }
        }
    }
}

/// What a solve is asked for, without the type of the system: its checks are compiled once.
struct Request<'r> {
    initial: &'r [f64],
    span: Span,
    parameters: &'r [f64],
    save: &'r Save,
    bounds: &'r [(String, f64, f64)],
}

impl Request<'_> {
    /// Checks everything against the system, and completes the options.
    fn check(&self, system: &dyn System, options: &mut Options) -> crate::Result<()> {
        let n = system.dimension();
        system.check_parameters(self.parameters.len())?;
        if self.initial.len() != n {
            return Err(ModelError::Length {
                what: "the initial state",
                found: self.initial.len(),
                expected: n,
                names: (0..n).map(|i| system.state_name(i)).collect::<Vec<_>>().join(", "),
            }
            .into());
        }
        for (name, lower, upper) in self.bounds {
            let all = name.is_empty();
            let states: Vec<usize> = (0..n).filter(|i| all || system.state_name(*i) == *name).collect();
            if states.is_empty() {
                return Err(SolveError::Argument {
                    argument: "bounds",
                    problem: format!("are given for `{name}`, which is not a state"),
                    advice: format!(
                        "the states are [{}]",
                        (0..n).map(|i| system.state_name(i)).collect::<Vec<_>>().join(", ")
                    ),
                }
                .into());
            }
            options.bounds.extend(states.iter().map(|s| Bounds { state: *s, lower: *lower, upper: *upper }));
        }
        let forward = if self.span.end >= self.span.start { 1.0 } else { -1.0 };
        options.discontinuities.sort_by(|a, b| (a * forward).total_cmp(&(b * forward)));
        options.discontinuities.dedup();
        options.check(n)?;
        let method = options.method;
        if method.is_explicit() && system.mass_matrix().is_some_and(|mass| !mass.is_identity()) {
            return Err(SolveError::Argument {
                argument: "method",
                problem: format!("is {method:?}, and explicit methods do not know what to do with a mass matrix"),
                advice: "take an implicit method, or leave the choice to `Method::Automatic`".to_string(),
            }
            .into());
        }
        check_span(self.span, self.save)?;
        check_linear_solver(system, options)?;
        Ok(())
    }
}

/// An implicit method must be able to have the linear solver that was asked for.
fn check_linear_solver(system: &dyn System, options: &Options) -> Result<(), SolveError> {
    if options.linear_solver == LinearSolver::Automatic || options.method.is_explicit() {
        return Ok(());
    }
    let (n, mass) = (system.dimension(), system.mass_matrix());
    let plan = Plan::new(n, system.sparsity(), mass.as_ref(), options.linear_solver);
    let complex = matches!(options.method, Method::Radau5 | Method::Radau9 | Method::Radau13);
    let fault = match plan {
        Ok(plan) if complex => Shifted::<faer::c64>::from_plan(&plan).err(),
        Ok(_) => None,
        Err(fault) => Some(fault),
    };
    fault.map_or(Ok(()), |fault| {
        let advice = "leave it at `LinearSolver::Automatic`, or give what it needs".to_string();
        Err(SolveError::Argument { argument: "linear_solver", problem: format!("cannot be had: {fault}"), advice })
    })
}

/// Times must be finite, and the times to save ordered and within the span.
pub(super) fn check_span(span: Span, save: &Save) -> Result<(), SolveError> {
    let fault = |argument, problem: String, advice: &str| {
        Err(SolveError::Argument { argument, problem, advice: advice.to_string() })
    };
    for (argument, t) in [("start", span.start), ("end", span.end)] {
        if !t.is_finite() {
            return fault(argument, format!("is {t}"), "give a finite time");
        }
    }
    if let Save::Times(times) = save {
        let forward = if span.end >= span.start { 1.0 } else { -1.0 };
        let outside = |t: f64| !((t - span.start) * forward >= 0.0 && (span.end - t) * forward >= 0.0);
        if let Some(t) = times.iter().find(|t| outside(**t)) {
            return fault(
                "save_at",
                format!("has the time {t} outside of {} … {}", span.start, span.end),
                "save only within the span",
            );
        }
        if let Some(pair) = times.windows(2).find(|w| (w[1] - w[0]) * forward < 0.0) {
            return fault(
                "save_at",
                format!("has {} after {}", pair[1], pair[0]),
                "order the times as they are reached",
            );
        }
    }
    Ok(())
}

/// A stop in words, with the likely cause.
pub(crate) fn failure(stop: Stop, options: &Options, span: Span, partial: Solution, reached: &[f64]) -> SolveError {
    let component = Component {
        index: stop.component,
        name: partial.names.get(stop.component).cloned().unwrap_or_else(|| format!("u[{}]", stop.component)),
    };
    let largest = reached.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let first = partial.states.get(..reached.len()).unwrap_or_default().iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let grew = largest > 1e8 * first.max(1e-300) && largest > 1e8;
    let cause = if grew {
        format!("the state grew to {largest:.1e}, so it probably blows up in finite time near here")
    } else {
        match stop.reason {
            StopReason::TooManySteps => {
                "steps this short mean that the problem is stiff, oscillates fast, or is not smooth".to_string()
            }
            StopReason::StepTooSmall => "the solution is not smooth here, or the right-hand side jumps".to_string(),
            _ if stop.h == 0.0 => "an event or a dose changed the state there".to_string(),
            _ => "a term has no real value beyond this point".to_string(),
        }
    };
    let (t, h, end, max_steps) = (stop.t, stop.h, span.end, options.max_steps);
    let partial = Box::new(partial);
    match stop.reason {
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
