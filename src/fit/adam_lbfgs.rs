//! Adam, then L-BFGS, on gradients by the discrete adjoint: for models with many weights.
//!
//! Adam (D. P. Kingma, J. Ba, 2015) walks over rough ground with steps of a set size; L-BFGS (argmin's, with the
//! Moré–Thuente line search) finishes. To L-BFGS a point that cannot be solved has a large finite cost and no slope, so
//! that the line search turns back; infinite costs would end it and NaN would hang it.

use super::levenberg_marquardt::{Outcome, StopCause};
use super::observations::{Layout, Observations, Point};
use crate::adjoint::DiscreteAdjoint;
use crate::model::Differentiable;
use crate::ode::{Options, Stop};
use argmin::core::{CostFunction, Executor, Gradient, IterState, State, TerminationReason, TerminationStatus};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use rayon::prelude::*;
use std::sync::Mutex;

/// The loss $\tfrac12 \sum r^2 + \tfrac12 \lambda \sum w^2$ with its gradient.
pub(crate) struct AdjointLoss<'a, Sys: Differentiable> {
    observations: &'a Observations,
    pub layout: Layout,
    inverse_sigma: Vec<f64>,
    horizon: usize,
    decay: f64,
    point: Point,
    engines: Vec<DiscreteAdjoint<'a, Sys>>,
}

/// A loss and its gradient.
#[derive(Clone, Debug, Default)]
struct Slope {
    squares: f64,
    objective: f64,
    gradient: Vec<f64>,
}

/// What a point counts that cannot be solved.
const UNSOLVABLE: f64 = 1e30;

impl<'a, Sys: Differentiable> AdjointLoss<'a, Sys> {
    pub fn new(
        system: &'a Sys,
        observations: &'a Observations,
        layout: Layout,
        sigma: &[f64],
        options: &Options,
        decay: f64,
        point: Point,
    ) -> Self {
        let engines = observations.trajectories.iter().map(|_| DiscreteAdjoint::new(system, options.clone())).collect();
        let inverse_sigma = sigma.iter().map(|s| 1.0 / s).collect();
        AdjointLoss { observations, layout, inverse_sigma, horizon: usize::MAX, decay, point, engines }
    }

    /// Uses only the first times of each trajectory.
    pub fn set_horizon(&mut self, horizon: usize) {
        self.horizon = horizon;
    }

    fn evaluate(&mut self, theta: &[f64], out: &mut Slope) -> Result<(), (usize, Stop)> {
        self.layout.unpack(theta, &mut self.point);
        let n = self.layout.states;
        let (observations, point, inverse_sigma, horizon) =
            (self.observations, &self.point, &self.inverse_sigma, self.horizon);
        let solve = |(j, engine): (usize, &mut DiscreteAdjoint<'a, Sys>)| {
            let seen = &observations.trajectories[j];
            let times = &seen.times[..horizon.min(seen.times.len())];
            let loss = |states: &[f64], seeds: &mut [f64]| {
                let mut squares = 0.0;
                for (at, ((seed, u), d)) in seeds.iter_mut().zip(states).zip(&seen.values).enumerate() {
                    if !d.is_nan() {
                        let scale = inverse_sigma[at % n];
                        let r = (u - d) * scale;
                        squares += r * r;
                        *seed = r * scale;
                    }
                }
                squares
            };
            let initial = &point.initial[j * n..(j + 1) * n];
            engine.run(seen.times[0], initial, &point.parameters, times, loss).map_err(|stop| (j, stop))
        };
        let squares: Vec<Result<f64, (usize, Stop)>> = if self.engines.len() == 1 {
            self.engines.iter_mut().enumerate().map(solve).collect()
        } else {
            self.engines.par_iter_mut().enumerate().map(solve).collect()
        };
        out.gradient.clear();
        out.gradient.resize(self.layout.len(), 0.0);
        out.squares = 0.0;
        // Summed in the order of the trajectories, so that threads do not change the bits.
        for (j, (squares, engine)) in squares.into_iter().zip(&self.engines).enumerate() {
            out.squares += squares?;
            let g = engine.computed(0.0);
            let (of_parameters, of_initial) = out.gradient.split_at_mut(self.layout.free.len());
            for (t, &column) in of_parameters.iter_mut().zip(&self.layout.free) {
                *t += g.parameters[column];
            }
            for (t, s) in of_initial[j * n..(j + 1) * n].iter_mut().zip(g.initial) {
                *t += s;
            }
        }
        let mut weights = 0.0;
        for k in (0..theta.len()).filter(|k| self.layout.is_weight(*k)) {
            weights += theta[k] * theta[k];
            out.gradient[k] += self.decay * theta[k];
        }
        out.objective = 0.5 * (out.squares + self.decay * weights);
        Ok(())
    }
}

/// Adam with step `rate`; keeps the best point. A point that cannot be solved halves the rate and goes back to it.
///
/// # Errors
/// When the first point cannot be solved.
pub(crate) fn adam<Sys: Differentiable>(
    loss: &mut AdjointLoss<'_, Sys>,
    theta: &mut Vec<f64>,
    rate: f64,
    iterations: usize,
    watch: &mut dyn FnMut(f64),
) -> Result<f64, (usize, Stop)> {
    let n = theta.len();
    let (mut first, mut second) = (vec![0.0; n], vec![0.0; n]);
    let mut slope = Slope::default();
    loss.evaluate(theta, &mut slope)?;
    let (mut best, mut best_theta) = (slope.objective, theta.clone());
    let mut best_squares = slope.squares;
    let mut rate = rate;
    let (mut decay1, mut decay2) = (1.0, 1.0);
    for _ in 0..iterations {
        decay1 *= 0.9;
        decay2 *= 0.999;
        for k in 0..n {
            let g = slope.gradient[k];
            first[k] += 0.1 * (g - first[k]);
            second[k] += 0.001 * (g * g - second[k]);
            let size = (second[k] / (1.0 - decay2)).sqrt() + 1e-12;
            theta[k] -= rate * (first[k] / (1.0 - decay1)) / size;
        }
        match loss.evaluate(theta, &mut slope) {
            Ok(()) if slope.objective < best => {
                (best, best_squares) = (slope.objective, slope.squares);
                best_theta.copy_from_slice(theta);
                watch(slope.squares);
            }
            Ok(()) => {}
            Err(_) => {
                rate *= 0.5;
                theta.copy_from_slice(&best_theta);
                first.fill(0.0);
                loss.evaluate(theta, &mut slope)?;
            }
        }
    }
    *theta = best_theta;
    Ok(best_squares)
}

/// The loss as argmin sees it: cost and gradient at one point come from one evaluation.
struct Shared<'m, 'a, Sys: Differentiable> {
    loss: Mutex<&'m mut AdjointLoss<'a, Sys>>,
    last: Mutex<Option<(Vec<f64>, Slope)>>,
}

impl<Sys: Differentiable> Shared<'_, '_, Sys> {
    fn at(&self, theta: &[f64]) -> Slope {
        let unsolvable = || Slope { squares: UNSOLVABLE, objective: UNSOLVABLE, gradient: vec![0.0; theta.len()] };
        let (Ok(mut last), Ok(mut loss)) = (self.last.lock(), self.loss.lock()) else { return unsolvable() };
        if let Some((at, slope)) = last.as_ref()
            && at == theta
        {
            return slope.clone();
        }
        let mut slope = Slope::default();
        if loss.evaluate(theta, &mut slope).is_err() || !slope.objective.is_finite() {
            slope = unsolvable();
        }
        *last = Some((theta.to_vec(), slope.clone()));
        slope
    }
}

impl<Sys: Differentiable> CostFunction for &Shared<'_, '_, Sys> {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, theta: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        Ok(self.at(theta).objective)
    }
}

impl<Sys: Differentiable> Gradient for &Shared<'_, '_, Sys> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;
    fn gradient(&self, theta: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        Ok(self.at(theta).gradient)
    }
}

type LbfgsState = IterState<Vec<f64>, Vec<f64>, (), (), (), f64>;

/// L-BFGS from `theta`; keeps the best point found, also when the line search gives up.
pub(crate) fn lbfgs<Sys: Differentiable>(
    loss: &mut AdjointLoss<'_, Sys>,
    theta: &mut Vec<f64>,
    iterations: usize,
    tolerance: f64,
    watch: &mut dyn FnMut(f64),
) -> Outcome {
    let shared = Shared { loss: Mutex::new(loss), last: Mutex::new(None) };
    let before = shared.at(theta);
    let method = LBFGS::new(MoreThuenteLineSearch::new(), 20)
        .with_tolerance_grad(1e-12)
        .and_then(|m| m.with_tolerance_cost(tolerance * before.objective.max(1e-30)));
    let (mut best, mut used, mut cause) = (before.objective, 0, StopCause::NoImprovement);
    if let Ok(method) = method {
        // argmin's own error (a line search that finds no descent) ends the search; the start then stands.
        let run = Executor::new(&shared, method)
            .configure(|state: LbfgsState| state.param(theta.clone()).max_iters(iterations as u64))
            .timer(false)
            .run();
        if let Ok(result) = run {
            used = result.state.get_iter() as usize;
            cause = match result.state.get_termination_status() {
                TerminationStatus::Terminated(TerminationReason::MaxItersReached) => StopCause::IterationLimit,
                TerminationStatus::Terminated(TerminationReason::SolverConverged) => StopCause::Converged,
                _ => StopCause::NoImprovement,
            };
            if let Some(found) = result.state.get_best_param()
                && shared.at(found).objective < best
            {
                best = shared.at(found).objective;
                theta.clone_from(found);
            }
        }
    }
    let squares = shared.at(theta).squares;
    debug_assert!(best <= before.objective);
    watch(squares);
    Outcome { cause, iterations: used, squares }
}
