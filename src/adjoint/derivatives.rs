//! Derivatives of an initial-value problem as it was put together for a solve.

use super::discrete::DiscreteAdjoint;
use super::forward::ForwardSensitivity;
use super::loss::{Integral, Loss, Points, Slopes};
use super::rate::Rates;
use super::report::{GradientMethod, GradientReport};
use crate::model::{Differentiable, System};
use crate::ode::{Held, Options, Save, Solution, Solve, SolveError, Span};

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
    /// $\partial L / \partial t_k$: how the loss changes when a state is read a little later, to the accuracy of the solution.
    pub times: Vec<f64>,
    /// $\partial L / \partial t_0$ with the initial state fixed, to the accuracy of the solution.
    pub start: f64,
    /// The derivative with respect to the end of the integral, $g(t_1, u(t_1), p)$. That of a terminal loss is the last of
    /// [`times`](Self::times).
    pub end: f64,
    /// The saved states, row by row.
    pub states: Vec<f64>,
    /// Which way it was computed, and why.
    pub report: GradientReport,
}

/// Bytes that a gradient may keep by default.
const BUDGET: usize = 256 << 20;

impl<'a, S: Differentiable> Solve<'a, S> {
    /// The problem ready to be differentiated. A loss is made of the states at the saved times, or where there are none
    /// ([`Save::Steps`], [`Save::End`]) of the state at the end.
    ///
    /// # Errors
    /// What [`run`](Solve::run) finds wrong before it begins, and [`SolveError::Argument`] for what has no derivative: events
    /// and effects that change the state, integrals and preconditioners given as closures, and a start that is made
    /// consistent.
    pub fn differentiate(self) -> crate::Result<Derivatives<'a, S>> {
        let (system, asked) = self.check()?;
        let refuse = |argument, problem: &str, advice: &str| {
            Err(SolveError::Argument { argument, problem: problem.to_string(), advice: advice.to_string() }.into())
        };
        if !asked.events.is_empty() {
            return refuse("event", "has no derivatives", "leave events away");
        }
        if !asked.presets.is_empty() {
            return refuse("at_times", "has no derivatives", "leave effects away");
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
    /// The [`SolveError`] of the solve, with what it had reached.
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
        let (computed, why) = match self.by {
            GradientMethod::ForwardSensitivity => (self.forward(loss, initial, p, options)?, "asked for".to_string()),
            GradientMethod::DiscreteAdjoint => (self.reverse(loss, initial, p, options)?, "asked for".to_string()),
            GradientMethod::Automatic => {
                let columns = initial.len() + self.system.parameter_count();
                let why = format!("one sweep back, where sensitivities would carry {columns} columns");
                (self.reverse(loss, initial, p, options)?, why)
            }
        };
        let Computed { mut loss_value, mut parameters, initial: initial_bar, states, slopes, mut report } = computed;
        report.why = why;
        parameters.iter_mut().zip(slopes.parameters()).for_each(|(bar, slope)| *bar += slope);
        let mut rates = Rates::new(&*self.system, p, options, self.span);
        let (n, mut rate) = (initial.len(), vec![0.0; initial.len()]);
        // A state read at the start goes with it.
        let mut moved = initial_bar.clone();
        let mut times = slopes.times().to_vec();
        for (k, t) in self.times.iter().enumerate() {
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
        if let Integral::Constant(g) = integral {
            loss_value += g * (self.span.end - self.span.start);
            (start, end) = (start - g, g);
        }
        Ok(LossGradient { loss: loss_value, parameters, initial: initial_bar, times, start, end, states, report })
    }

    fn reverse<L: Loss + ?Sized>(
        &self,
        loss: &L,
        initial: &[f64],
        p: &[f64],
        options: &Options,
    ) -> Result<Computed, SolveError> {
        let mut adjoint = DiscreteAdjoint::new(&*self.system, options.clone()).budget(self.budget);
        let mut slopes = Slopes::default();
        let gradient = adjoint.gradient(self.span.start, initial, p, &self.times, |u, seeds| {
            let (value, found) = Points { t: &self.times, u, p }.slopes(loss);
            seeds.copy_from_slice(found.states());
            slopes = found;
            value
        })?;
        let (loss_value, parameters) = (gradient.loss, gradient.parameters.to_vec());
        let (initial, states) = (gradient.initial.to_vec(), gradient.states.to_vec());
        let report = GradientReport {
            by: GradientMethod::DiscreteAdjoint,
            why: String::new(),
            through: adjoint.methods(),
            statistics: adjoint.statistics(),
        };
        Ok(Computed { loss_value, parameters, initial, states, slopes, report })
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
        };
        Ok(Computed { loss_value, parameters: columns, initial, states, slopes, report })
    }

    /// The states at the saved times as a solution to be read by name.
    pub fn solution(&self, gradient: &LossGradient) -> Solution {
        let names = (0..self.initial.len()).map(|i| self.system.state_name(i)).collect();
        Solution::of(names, &self.times, &gradient.states, gradient.report.statistics)
    }
}

/// What either way gives, before what the loss itself depends on is added.
struct Computed {
    loss_value: f64,
    parameters: Vec<f64>,
    initial: Vec<f64>,
    states: Vec<f64>,
    slopes: Slopes,
    report: GradientReport,
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
