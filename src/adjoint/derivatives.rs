//! Derivatives of an initial-value problem as it was put together for a solve.

use super::continuous::BackwardTolerances;
use super::discrete::{DiscreteAdjoint, OnTheWay, ReadOut};
use super::forward::ForwardSensitivity;
use super::jumps::Running;
use super::loss::{Integral, Loss, Points, Slopes, integrand};
use super::rate::Rates;
use super::report::{GradientMethod, GradientReport};
use crate::model::{Differentiable, System};
use crate::ode::{Event, Held, Options, Save, Solution, Solve, SolveError, Span};

/// An initial-value problem that can be differentiated, made with [`Solve::differentiate`].
///
/// ```
/// use ansatz::adjoint::Loss;
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
/// /// Half the square of what is left in the end.
/// struct Left;
/// impl Loss for Left {
///     fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
///         u[0][0].square() * 0.5
///     }
/// }
/// let problem = Solve::new(&Decay, [3.0], 0.0, 1.0).parameters([0.5]).rtol(1e-10).save(Save::End).differentiate()?;
/// let gradient = problem.gradient(&Left)?;
/// let u = 3.0 * (-0.5f64).exp();
/// assert!((gradient.loss - u * u / 2.0).abs() < 1e-8);
/// assert!((gradient.parameters[0] + u * u).abs() < 1e-7); // −t u²
/// assert!((gradient.initial[0] - u * u / 3.0).abs() < 1e-7);
/// assert!((gradient.times[0] + 0.5 * u * u).abs() < 1e-7); // u u'
/// println!("{}", gradient.report);
/// assert!(problem.check_gradient(&Left)?.agrees());
/// # Ok::<(), ansatz::Error>(())
/// ```
pub struct Derivatives<'a, S: System> {
    pub(super) system: Held<'a, S>,
    pub(super) initial: Vec<f64>,
    pub(super) p: Vec<f64>,
    pub(super) span: Span,
    pub(super) times: Vec<f64>,
    pub(super) options: Options,
    pub(super) by: GradientMethod,
    pub(super) budget: usize,
    pub(super) events: Vec<Event<'a>>,
    pub(super) backwards: BackwardTolerances,
}

/// The derivatives of a loss.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LossGradient {
    /// The loss.
    pub loss: f64,
    /// $\partial L / \partial p$, all flat parameters.
    pub parameters: Vec<f64>,
    /// $\partial L / \partial u_0$.
    pub initial: Vec<f64>,
    /// $\partial L / \partial t_k$: how the loss changes when a state is read a little later, to the accuracy of the solution. Of a
    /// state at a terminal event, whose time is not free, it is what the time of the event counts for.
    pub times: Vec<f64>,
    /// $\partial L / \partial t_0$ with the initial state fixed, to the accuracy of the solution.
    pub start: f64,
    /// The derivative with respect to the end of the integral, $g(t_1, u(t_1), p)$. That of a terminal loss is the last of
    /// [`times`](Self::times).
    pub end: f64,
    /// The times at which states were read: those that were asked for, as far as the solve went, and where a terminal event
    /// ended it, that time.
    pub points: Vec<f64>,
    /// The states there, row by row.
    pub states: Vec<f64>,
    /// Which way it was computed, and why.
    pub report: GradientReport,
}

/// Bytes that a gradient may keep by default.
const BUDGET: usize = 256 << 20;

impl<'a, S: Differentiable> Solve<'a, S> {
    /// The problem ready to be differentiated. A loss is made of the states at the saved times, or where there are none
    /// ([`Save::Steps`], [`Save::End`]) of the state at the end. Where a terminal event ends the solve, the state there comes last,
    /// after those that were saved before.
    ///
    /// Events made with [`Event::of`] are differentiated with the rest: the times at which they happen, and their effects. Others
    /// may be there as long as they change nothing.
    ///
    /// # Errors
    /// What [`run`](Solve::run) finds wrong before it begins, and [`SolveError::Argument`] for what has no derivative: events
    /// and effects given as closures that change the state, events of systems with a mass matrix, integrals and preconditioners
    /// given as closures, and a start that is made consistent.
    pub fn differentiate(self) -> crate::Result<Derivatives<'a, S>> {
        let (system, asked) = self.check()?;
        let refuse = |argument, problem: &str, advice: &str| {
            Err(SolveError::Argument { argument, problem: problem.to_string(), advice: advice.to_string() }.into())
        };
        if asked.events.iter().any(|event| !event.is_smooth()) {
            return refuse(
                "event",
                "changes the state in a closure, which has no derivatives",
                "make it with `Event::of`",
            );
        }
        let events: Vec<Event> = asked.events.into_iter().filter(Event::has_slopes).collect();
        if !events.is_empty() && system.mass_matrix().is_some_and(|mass| !mass.is_identity()) {
            return refuse(
                "event",
                "is not differentiated with a mass matrix",
                "end the solve there and begin another",
            );
        }
        if !asked.presets.is_empty() {
            return refuse("at_times", "has an effect without derivatives", "make it an event, with `Event::of`");
        }
        if !asked.integrands.is_empty() {
            return refuse("integral", "is a closure without derivatives", "write it as `Loss::integrand`");
        }
        if asked.preconditioner.is_some() {
            return refuse("preconditioner", "is not used going back", "leave it away, or choose a direct solver");
        }
        if asked.mends {
            return refuse("consistent_start", "is not differentiated", "give a consistent initial state");
        }
        let times = match asked.save {
            Save::Times(times) if !times.is_empty() => times,
            _ => vec![asked.span.end],
        };
        Ok(Derivatives {
            system,
            initial: asked.u,
            p: asked.parameters,
            span: asked.span,
            times,
            options: asked.options,
            by: GradientMethod::Automatic,
            budget: BUDGET,
            events,
            backwards: BackwardTolerances::default(),
        })
    }
}

impl<S: Differentiable> Derivatives<'_, S> {
    /// How gradients are computed. Default: [`GradientMethod::Automatic`].
    pub fn by(mut self, method: GradientMethod) -> Self {
        self.by = method;
        self
    }

    /// Bytes that a gradient may keep of the solve, see [`DiscreteAdjoint::budget`]. Default 256 MiB.
    pub fn budget(mut self, bytes: usize) -> Self {
        self.budget = bytes;
        self
    }

    /// The loss and its derivatives with respect to parameters, initial state and times.
    ///
    /// # Errors
    /// The [`SolveError`] of the solve, with what it had reached; of a continuous adjoint an
    /// [`AdjointError`](super::AdjointError), where it cannot be solved back.
    pub fn gradient<L: Loss + ?Sized>(&self, loss: &L) -> crate::Result<LossGradient> {
        self.gradient_at(loss, &self.initial, &self.p, &self.options)
    }

    pub(super) fn gradient_at<L: Loss + ?Sized>(
        &self,
        loss: &L,
        initial: &[f64],
        p: &[f64],
        options: &Options,
    ) -> crate::Result<LossGradient> {
        let integral = Integral::of(loss, initial.len(), p);
        let plain = self.events.is_empty() && integral != Integral::Varying;
        let columns = initial.len() + self.system.parameter_count();
        let (computed, why) = match self.by {
            GradientMethod::ForwardSensitivity if !plain => {
                return Err(SolveError::Argument {
                    argument: "by",
                    problem: "is `ForwardSensitivity`, which goes over neither events nor integrals".to_string(),
                    advice: "take the discrete adjoint, which is also the automatic choice".to_string(),
                }
                .into());
            }
            GradientMethod::ForwardSensitivity => (self.forward(loss, initial, p, options)?, "asked for".to_string()),
            GradientMethod::DiscreteAdjoint => {
                (self.reverse(loss, integral, initial, p, options)?, "asked for".to_string())
            }
            GradientMethod::ContinuousAdjoint(_) if !self.events.is_empty() => {
                return Err(SolveError::Argument {
                    argument: "by",
                    problem: "is `ContinuousAdjoint`, which does not go over events".to_string(),
                    advice: "take the discrete adjoint, which is also the automatic choice".to_string(),
                }
                .into());
            }
            GradientMethod::ContinuousAdjoint(way) => {
                (self.continuous(way, loss, initial, p, options)?, "asked for".to_string())
            }
            GradientMethod::Automatic => {
                let why = format!("one sweep back, where sensitivities would carry {columns} columns");
                (self.reverse(loss, integral, initial, p, options)?, why)
            }
        };
        let Computed {
            mut loss_value,
            mut parameters,
            initial: initial_bar,
            points,
            states,
            slopes,
            ended,
            mut report,
        } = computed;
        report.why = why;
        parameters.iter_mut().zip(slopes.parameters()).for_each(|(bar, slope)| *bar += slope);
        let mut rates = Rates::new(&*self.system, p, options, self.span);
        let (n, mut rate) = (initial.len(), vec![0.0; initial.len()]);
        // A state read at the start goes with it.
        let mut moved = initial_bar.clone();
        let mut times = slopes.times().to_vec();
        for (k, t) in points.iter().enumerate() {
            let (u, seed) = (&states[k * n..(k + 1) * n], &slopes.states()[k * n..(k + 1) * n]);
            rates.evaluate(*t, u, &mut rate);
            times[k] += dot(seed, &rate);
            if *t == self.span.start {
                moved.iter_mut().zip(seed).for_each(|(moved, seed)| *moved -= seed);
            }
        }
        rates.evaluate(self.span.start, initial, &mut rate);
        let mut start = -dot(&moved, &rate);
        let mut end = 0.0;
        match (integral, ended) {
            (Integral::Constant(g), End::Asked(_)) => {
                loss_value += g * (self.span.end - self.span.start);
                (start, end) = (start - g, g);
            }
            (Integral::Constant(_), End::Event) => {}
            (Integral::Varying, ended) => {
                let g = |t: f64, u: &[f64]| loss.integrand(t, u, p);
                start -= g(self.span.start, initial);
                if let End::Asked(u) = ended {
                    end = g(self.span.end, &u);
                }
            }
        }
        Ok(LossGradient {
            loss: loss_value,
            parameters,
            initial: initial_bar,
            times,
            start,
            end,
            points,
            states,
            report,
        })
    }

    fn reverse<L: Loss + ?Sized>(
        &self,
        loss: &L,
        integral: Integral,
        initial: &[f64],
        p: &[f64],
        options: &Options,
    ) -> Result<Computed, SolveError> {
        let mut adjoint = DiscreteAdjoint::new(&*self.system, options.clone()).budget(self.budget);
        let (mut slopes, mut points, mut end_state) = (Slopes::default(), self.times.clone(), None);
        let running = Along { loss, p };
        // A constant along the way counts where an event may end it.
        let runs = integral == Integral::Varying || integral != Integral::Constant(0.0) && !self.events.is_empty();
        let running: Option<&dyn Running> = if runs { Some(&running) } else { None };
        let end = (runs || !self.events.is_empty()).then_some(self.span.end);
        let way = OnTheWay { events: self.events.clone(), running, end };
        let mut integral_p = Vec::new();
        let gradient = adjoint.gradient_with(self.span.start, initial, p, &self.times, way, |read: ReadOut| {
            let mut u = read.states.to_vec();
            points.truncate(u.len() / initial.len());
            if let Some(end) = &read.ended {
                points.push(end.t);
                u.extend_from_slice(end.state);
                end_state = Some(end.state.to_vec());
            }
            let (value, found) = Points { t: &points, u: &u, p }.slopes(loss);
            let (seeds, last) = found.states().split_at(read.seeds.len());
            read.seeds.copy_from_slice(seeds);
            if let Some(end) = read.ended {
                end.bar.copy_from_slice(last);
                *end.time_bar = found.times().last().copied().unwrap_or(0.0);
            }
            integral_p = read.integral_p.to_vec();
            slopes = found;
            value + read.integral
        })?;
        let (loss_value, mut parameters) = (gradient.loss, gradient.parameters.to_vec());
        parameters.iter_mut().zip(&integral_p).for_each(|(bar, g_p)| *bar += g_p);
        let (initial, mut states) = (gradient.initial.to_vec(), gradient.states.to_vec());
        let ended = match end_state {
            Some(state) => {
                states.extend(state);
                End::Event
            }
            None => End::Asked(adjoint.reached().to_vec()),
        };
        let report = GradientReport {
            by: GradientMethod::DiscreteAdjoint,
            why: String::new(),
            through: adjoint.methods(),
            statistics: adjoint.statistics(),
            checkpointing: Some(adjoint.checkpointing()),
            backward: None,
        };
        Ok(Computed { loss_value, parameters, initial, points, states, slopes, ended, report })
    }

    fn forward<L: Loss + ?Sized>(
        &self,
        loss: &L,
        initial: &[f64],
        p: &[f64],
        options: &Options,
    ) -> Result<Computed, SolveError> {
        let mut forward = ForwardSensitivity::new(&*self.system, options.clone());
        forward.solve(self.span.start, initial, p, &self.times)?;
        let states = forward.states().to_vec();
        let (loss_value, slopes) = Points { t: &self.times, u: &states, p }.slopes(loss);
        let mut columns = vec![0.0; forward.columns()];
        let n = initial.len();
        for (at, seed) in slopes.states().iter().enumerate() {
            columns.iter_mut().zip(forward.row(at / n, at % n)).for_each(|(sum, s)| *sum += seed * s);
        }
        let initial = columns.split_off(self.system.parameter_count());
        let report = GradientReport {
            by: GradientMethod::ForwardSensitivity,
            why: String::new(),
            through: forward.methods(),
            statistics: forward.statistics(),
            checkpointing: None,
            backward: None,
        };
        let (points, ended) = (self.times.clone(), End::Asked(Vec::new()));
        Ok(Computed { loss_value, parameters: columns, initial, points, states, slopes, ended, report })
    }

    /// The states at the saved times as a solution to be read by name.
    pub fn solution(&self, gradient: &LossGradient) -> Solution {
        let names = (0..self.initial.len()).map(|i| self.system.state_name(i)).collect();
        Solution::of(names, &gradient.points, &gradient.states, gradient.report.statistics)
    }
}

/// What any way gives, before what the loss itself depends on is added.
pub(super) struct Computed {
    pub loss_value: f64,
    pub parameters: Vec<f64>,
    pub initial: Vec<f64>,
    pub points: Vec<f64>,
    pub states: Vec<f64>,
    pub slopes: Slopes,
    pub ended: End,
    pub report: GradientReport,
}

/// How a solve ended.
pub(super) enum End {
    /// Where it was to end, in this state.
    Asked(Vec<f64>),
    Event,
}

/// The integrand of a loss.
struct Along<'l, L: ?Sized> {
    loss: &'l L,
    p: &'l [f64],
}

impl<L: Loss + ?Sized> Running for Along<'_, L> {
    fn slopes(&self, t: f64, u: &[f64], weight: f64, u_bar: &mut [f64], p_bar: &mut [f64]) -> f64 {
        integrand(self.loss, (t, u, self.p), weight, u_bar, p_bar)
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
