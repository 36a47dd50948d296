//! From observations to a fitted point, whatever the optimiser: shared by fits, bootstrap replicates and laws.

use super::adam_lbfgs::{AdjointLoss, adam, lbfgs};
use super::levenberg_marquardt::{Control, LevenbergMarquardt, StopCause};
use super::observations::{Layout, Observations, Point};
use super::shooting::Shooting;
use super::{Optimizer, WeightDecay};
use crate::model::Differentiable;
use crate::ode::{Options, Stop};

/// How to fit.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub options: Options,
    pub optimizer: Optimizer,
    pub decay: WeightDecay,
    pub max_iterations: usize,
    pub tolerance: f64,
    /// Whether the horizon grows from the first times to all of them.
    pub grow: bool,
}

/// One accepted step of a fit.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Progress {
    /// Number of times per trajectory that the loss saw.
    pub horizon: usize,
    /// $\sum r^2$ over them, residuals scaled by each state's standard deviation over the data.
    pub squares: f64,
}

/// A fitted point.
#[derive(Clone, Debug)]
pub(crate) struct Fitting {
    pub point: Point,
    pub decay: f64,
    pub cause: StopCause,
    pub iterations: usize,
    pub squares: f64,
    /// Well-determined numbers, for the noise estimate.
    pub effective: f64,
    pub states: Vec<Vec<f64>>,
    pub history: Vec<Progress>,
    pub optimizer: Optimizer,
    /// Draws of initial weights that it took.
    pub starts: usize,
}

/// Estimated numbers up to which least squares on forward sensitivities is chosen: the cost of a Jacobian grows with
/// them, but Gauss–Newton steps need far fewer solves than first-order steps.
pub(crate) const MOST_COLUMNS: usize = 600;

/// Fits from `point`. `watch` sees every accepted step.
///
/// # Errors
/// When the start cannot be solved over the shortest horizon: trajectory and stop.
pub(crate) fn fit<Sys: Differentiable>(
    system: &Sys,
    observations: &Observations,
    layout: Layout,
    sigma: &[f64],
    settings: &Settings,
    point: Point,
    watch: &mut dyn FnMut(Progress),
) -> Result<Fitting, (usize, Stop)> {
    let optimizer = match settings.optimizer {
        Optimizer::Automatic if layout.len() <= MOST_COLUMNS => Optimizer::LevenbergMarquardt,
        Optimizer::Automatic => Optimizer::AdamLbfgs,
        chosen => chosen,
    };
    let horizons = horizons(observations.longest(), settings.grow);
    match optimizer {
        Optimizer::AdamLbfgs => by_gradient(system, observations, layout, sigma, settings, point, &horizons, watch),
        _ => by_least_squares(system, observations, layout, sigma, settings, point, &horizons, watch),
    }
}

/// A quarter of the times, half of them, all: a long trajectory from a poor start has a loss full of traps.
fn horizons(longest: usize, grow: bool) -> Vec<usize> {
    if !grow || longest < 8 {
        return vec![longest];
    }
    vec![longest.div_ceil(4).max(4), longest.div_ceil(2), longest]
}

#[allow(clippy::too_many_arguments)]
fn by_least_squares<Sys: Differentiable>(
    system: &Sys,
    observations: &Observations,
    layout: Layout,
    sigma: &[f64],
    settings: &Settings,
    point: Point,
    horizons: &[usize],
    watch: &mut dyn FnMut(Progress),
) -> Result<Fitting, (usize, Stop)> {
    let (decay, evidence) = match settings.decay {
        WeightDecay::Evidence => (FIRST_DECAY, layout.free.len() > layout.mechanistic),
        WeightDecay::Fixed(decay) => (decay, false),
    };
    let mut problem = Shooting::new(system, observations, layout, sigma, &settings.options, point);
    let mut iteration = LevenbergMarquardt::new(problem.start(), decay);
    let mut history = Vec::new();
    let (mut used, mut splits) = (0, 0);
    let mut outcome = None;
    let mut stages: Vec<usize> = horizons.to_vec();
    while let Some(horizon) = (!stages.is_empty()).then(|| stages.remove(0)) {
        let full = stages.is_empty();
        let control = Control {
            max_iterations: if full { settings.max_iterations } else { EARLY_ITERATIONS },
            tolerance: if full { settings.tolerance } else { 1e-2 },
            patience: 3,
            evidence: evidence && full,
        };
        let mut seen = |squares| {
            history.push(Progress { horizon, squares });
            watch(Progress { horizon, squares });
        };
        match iteration.minimize(&mut problem, horizon, control, &mut seen) {
            Ok(done) => {
                used += done.iterations;
                outcome = Some(done);
            }
            // Not solvable this far yet: go half as far first. Halving the way to a stage that keeps failing must end.
            Err(_) if horizon > 2 && splits < MOST_SPLITS => {
                splits += 1;
                stages.insert(0, horizon);
                stages.insert(0, horizon.div_ceil(2));
            }
            Err(failure) => return Err(failure),
        }
    }
    let effective = iteration.final_numbers(&problem);
    let (cause, squares) = outcome.map_or((StopCause::NoImprovement, f64::INFINITY), |o| (o.cause, o.squares));
    // The last evaluation may have been a rejected trial; the states belong to the point arrived at.
    let mut last = std::mem::take(&mut iteration.current);
    problem.linearize(&iteration.theta, usize::MAX, &mut last)?;
    Ok(Fitting {
        point: problem.point(&iteration.theta),
        decay: iteration.decay,
        cause,
        iterations: used,
        squares,
        effective,
        states: (0..observations.trajectories.len()).map(|j| problem.states(j).to_vec()).collect(),
        history,
        optimizer: Optimizer::LevenbergMarquardt,
        starts: 1,
    })
}

/// Weight decay before anything is known about the noise.
const FIRST_DECAY: f64 = 1e-4;
/// Horizons put in between because a longer one could not be solved yet.
const MOST_SPLITS: usize = 20;
/// Iterations on a horizon that will grow.
const EARLY_ITERATIONS: usize = 15;

#[allow(clippy::too_many_arguments)]
fn by_gradient<Sys: Differentiable>(
    system: &Sys,
    observations: &Observations,
    layout: Layout,
    sigma: &[f64],
    settings: &Settings,
    point: Point,
    horizons: &[usize],
    watch: &mut dyn FnMut(Progress),
) -> Result<Fitting, (usize, Stop)> {
    let decay = match settings.decay {
        WeightDecay::Evidence => FIRST_DECAY,
        WeightDecay::Fixed(decay) => decay,
    };
    let mut theta = layout.pack(&point);
    let mut loss =
        AdjointLoss::new(system, observations, layout.clone(), sigma, &settings.options, decay, point.clone());
    let mut history = Vec::new();
    let mut used = 0;
    for &horizon in horizons {
        loss.set_horizon(horizon);
        let mut seen = |squares| {
            history.push(Progress { horizon, squares });
            watch(Progress { horizon, squares });
        };
        let iterations = settings.max_iterations / horizons.len().max(1);
        match adam(&mut loss, &mut theta, 1e-2, iterations, &mut seen) {
            Ok(_) => {}
            // A horizon that cannot be solved yet is left to L-BFGS's line search, unless it is the first.
            Err(failure) if horizon == horizons[0] => return Err(failure),
            Err(_) => {}
        }
        used += iterations;
    }
    let horizon = observations.longest();
    loss.set_horizon(horizon);
    let mut seen = |squares| {
        history.push(Progress { horizon, squares });
        watch(Progress { horizon, squares });
    };
    let done = lbfgs(&mut loss, &mut theta, settings.max_iterations, settings.tolerance, &mut seen);
    let mut last = super::shooting::Linearized::default();
    let mut problem = Shooting::new(system, observations, layout.clone(), sigma, &settings.options, point);
    problem.linearize(&theta, usize::MAX, &mut last)?;
    Ok(Fitting {
        point: problem.point(&theta),
        decay,
        cause: done.cause,
        iterations: used + done.iterations,
        squares: last.squares(),
        // Without a Jacobian of all weights only the mechanistic numbers are counted.
        effective: (layout.mechanistic + layout.states * layout.trajectories) as f64,
        states: (0..observations.trajectories.len()).map(|j| problem.states(j).to_vec()).collect(),
        history,
        optimizer: Optimizer::AdamLbfgs,
        starts: 1,
    })
}
