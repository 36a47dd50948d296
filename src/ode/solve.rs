//! `Solve`: an initial-value problem, put together and solved.

use super::explicit::Tableau;
use super::integrate::{Observer, SaveTimes, Span, Step, Stop, StopReason, Workspace, integrate};
use super::options::{Method, Options, Save, Tolerance, with_method};
use super::solution::{Solution, Statistics};
use super::{Component, SolveError};
use crate::model::{Bound, Model, ModelError, System};
use std::marker::PhantomData;

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
        Solve { system, initial, span, parameters: Vec::new(), options: Options::default(), save: Save::default() }
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

    /// The method; default [`Method::Tsit5`].
    pub fn method(mut self, method: Method) -> Self {
        self.options.method = method;
        self
    }

    /// Attempted steps before giving up; default 100 000.
    pub fn max_steps(mut self, max_steps: usize) -> Self {
        self.options.max_steps = max_steps;
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
    pub fn run(self) -> crate::Result<Solution> {
        let held = self.system?;
        let system = held.get();
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
        self.options.check(n)?;
        check_span(self.span, &self.save)?;
        let names: Vec<String> = (0..n).map(|i| system.state_name(i)).collect();
        let mut solution = Solution::new(names);
        let mut u = self.initial;
        let mut statistics = Statistics::default();
        let mut work = Workspace::default();
        let stopped = with_method!(self.options.method, |T, S_, D_| {
            let mut saver =
                Saver::<_, T, S_, D_>::new(system, &self.parameters, &self.save, self.span, &u, &mut solution);
            integrate::<T, S_, D_, _>(&mut saver, &self.options, self.span, &mut u, &mut work, &mut statistics)
        });
        solution.statistics = statistics;
        match stopped {
            Ok(()) => {
                if self.save == Save::End {
                    solution.push(self.span.end, &u);
                }
                Ok(solution)
            }
            Err(stop) => Err(failure(stop, &self.options, self.span, solution, &u).into()),
        }
    }
}

/// Times must be finite, and the times to save ordered and within the span.
fn check_span(span: Span, save: &Save) -> Result<(), SolveError> {
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
            _ => "a term has no real value beyond this point".to_string(),
        }
    };
    let (t, h, partial) = (stop.t, stop.h, Box::new(partial));
    match stop.reason {
        StopReason::NotFiniteAtStart => SolveError::NotFiniteAtStart { t, component },
        StopReason::NotFinite => SolveError::NotFinite { t, h, component, cause, partial },
        StopReason::StepTooSmall => SolveError::StepTooSmall { t, h, component, cause, partial },
        StopReason::TooManySteps => {
            SolveError::TooManySteps { t, end: span.end, h, max_steps: options.max_steps, component, cause, partial }
        }
    }
}

/// Evaluates plainly and keeps what was asked for.
struct Saver<'s, Sys, T, const S: usize, const D: usize> {
    system: &'s Sys,
    p: &'s [f64],
    every_step: bool,
    times: SaveTimes<'s>,
    solution: &'s mut Solution,
    row: Vec<f64>,
    tableau: PhantomData<T>,
}

impl<'s, Sys: System, T: Tableau<S, D>, const S: usize, const D: usize> Saver<'s, Sys, T, S, D> {
    fn new(system: &'s Sys, p: &'s [f64], save: &'s Save, span: Span, u: &[f64], solution: &'s mut Solution) -> Self {
        let every_step = *save == Save::Steps;
        if every_step {
            solution.degree = D;
            solution.push(span.start, u);
        }
        let times: &[f64] = if let Save::Times(times) = save { times } else { &[] };
        let times = SaveTimes::new(times, span.start, |_| solution.push(span.start, u));
        Saver { system, p, every_step, times, solution, row: u.to_vec(), tableau: PhantomData }
    }
}

impl<Sys: System, T: Tableau<S, D>, const S: usize, const D: usize> Observer<S> for Saver<'_, Sys, T, S, D> {
    #[inline(always)]
    fn eval(&mut self, _stage: usize, t: f64, u: &[f64], du: &mut [f64]) {
        self.system.eval(t, u, self.p, du);
    }

    fn try_eval(&mut self, t: f64, u: &[f64], du: &mut [f64]) {
        self.system.eval(t, u, self.p, du);
    }

    #[inline(always)]
    fn accepted(&mut self, step: &Step<'_, S>) {
        if self.every_step {
            self.solution.push(step.t_new, step.u_new);
            let n = step.u.len();
            for m in 0..D {
                let power = |i: usize| step.h * (0..S).map(|j| T::R[j][m] * step.k[j * n + i]).sum::<f64>();
                self.solution.dense.extend((0..n).map(power));
            }
        }
        let (solution, row) = (&mut *self.solution, &mut self.row);
        self.times.passed::<T, S, D>(step, |_, t, place| {
            step.state_at(&place, row);
            solution.push(t, row);
        });
    }
}
