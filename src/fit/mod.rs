//! Fitting a model with unknown terms to trajectories.
//!
//! Fitting trajectories is nonlinear least squares: residuals between the data and a solve from an estimated initial
//! state. With up to a few hundred numbers to estimate, Levenberg–Marquardt on forward sensitivities needs far
//! fewer solves than first-order training; with more, Adam and L-BFGS on the discrete adjoint take over. The
//! choice is automatic, and [`Fitted::report`] says which was made and why.
//!
//! ```
//! use ansatz::prelude::*;
//! struct Decay;
//! impl Model for Decay {
//!     fn states(&self) -> Names { ["u"].into() }
//!     fn parameters(&self) -> Names { ["rate"].into() }
//!     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
//!         let [rate] = p.parameters();
//!         du[0] = -rate * u[0];
//!     }
//! }
//! let times = [0.0, 0.5, 1.0, 1.5, 2.0];
//! let values: Vec<f64> = times.iter().map(|t: &f64| 3.0 * (-0.7 * t).exp()).collect();
//! let data = TimeSeries::new(["u"], &times, &values)?;
//! let fit = Fit::new(&Decay, &data).estimate([1.0]).run()?;
//! assert!((fit.parameter("rate")? - 0.7).abs() < 1e-5);
//! # Ok::<(), ansatz::Error>(())
//! ```

mod adam_lbfgs;
mod engine;
mod error;
mod fitted;
mod levenberg_marquardt;
mod normal_equations;
mod observations;
mod saved;
mod scaling;
mod shooting;

pub use engine::Progress;
pub use error::FitError;
pub use fitted::Fitted;
pub(crate) use fitted::noise;
pub use levenberg_marquardt::StopCause;

pub(crate) use engine::fit;
pub(crate) use levenberg_marquardt::{Control, LevenbergMarquardt};
pub(crate) use normal_equations::NormalEquations;
pub(crate) use observations::{Layout, Observations, Point};
pub(crate) use shooting::{Linearized, Shooting};

use crate::data::TimeSeries;
use crate::model::{Bound, Differentiable, Model, System};
use crate::ode::{Options, SolveError, Tolerance};
use engine::{Fitting, Settings};
use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::Path;

/// How the estimated numbers are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Optimizer {
    /// By the number of numbers to estimate.
    #[default]
    Automatic,
    /// Levenberg–Marquardt on forward sensitivities.
    LevenbergMarquardt,
    /// Adam, then L-BFGS, on the discrete adjoint.
    AdamLbfgs,
}

/// The penalty $\tfrac12 \lambda \sum w^2$ on network weights, residuals scaled by each state's standard deviation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum WeightDecay {
    /// $\lambda$ follows the evidence approximation: as much as the noise in the data asks for (MacKay 1992). It needs
    /// the Jacobian that Levenberg–Marquardt has; Adam and L-BFGS take $\lambda = 10^{-4}$.
    #[default]
    Evidence,
    /// This $\lambda$.
    Fixed(f64),
}

/// Values of mechanistic parameters: all of them in order, or some by name.
#[derive(Clone, Debug)]
pub enum Values {
    /// All, in the order of `parameters()`.
    All(Vec<f64>),
    /// Some, by name.
    Named(Vec<(String, f64)>),
}

impl<const N: usize> From<[f64; N]> for Values {
    fn from(values: [f64; N]) -> Values {
        Values::All(values.to_vec())
    }
}
impl From<Vec<f64>> for Values {
    fn from(values: Vec<f64>) -> Values {
        Values::All(values)
    }
}
impl<S: Into<String>, const N: usize> From<[(S, f64); N]> for Values {
    fn from(values: [(S, f64); N]) -> Values {
        Values::Named(values.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

/// A fit of a model to data; see the [module](crate::fit).
pub struct Fit<'a, M: Model> {
    model: &'a M,
    data: &'a TimeSeries,
    known: Option<Values>,
    estimate: Option<Values>,
    settings: Settings,
    rtol: f64,
    seed: u64,
    progress: bool,
}

/// Model, data and options brought together, before anything is fitted.
pub(crate) struct Prepared<'a, M: Model> {
    pub bound: Bound<'a, M>,
    pub observations: Observations,
    pub layout: Layout,
    pub settings: Settings,
    pub point: Point,
}

/// Draws of initial weights before a fit gives up, or makes do with a poor one.
const MOST_STARTS: usize = 8;
/// A fit that leaves more than this share of the data's variance unexplained is taken as trapped, and tried from other
/// weights.
const TRAPPED: f64 = 0.2;

impl<'a, M: Model> Fit<'a, M> {
    /// A fit of `model` to `data`: states by the names of columns, initial states estimated with the rest.
    pub fn new(model: &'a M, data: &'a TimeSeries) -> Self {
        let settings = Settings {
            options: Options::default(),
            optimizer: Optimizer::Automatic,
            decay: WeightDecay::Evidence,
            max_iterations: 200,
            tolerance: 1e-3,
            grow: true,
        };
        Fit { model, data, known: None, estimate: None, settings, rtol: 1e-6, seed: 0, progress: false }
    }

    /// Holds mechanistic parameters at these values: all in order, `[1.3, 1.8]`, or some by name, `[("growth", 1.3)]`.
    pub fn known(mut self, values: impl Into<Values>) -> Self {
        self.known = Some(values.into());
        self
    }

    /// Estimates mechanistic parameters from these starting values: all in order, or some by name.
    pub fn estimate(mut self, start: impl Into<Values>) -> Self {
        self.estimate = Some(start.into());
        self
    }

    /// Seed of the initial weights; default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Relative tolerance of the solves; default 1e-6. The absolute one is this times each state's standard deviation.
    pub fn rtol(mut self, rtol: f64) -> Self {
        self.rtol = rtol;
        self
    }

    /// The optimiser; chosen by size unless set.
    pub fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.settings.optimizer = optimizer;
        self
    }

    /// Weight decay; default [`WeightDecay::Evidence`].
    pub fn weight_decay(mut self, decay: WeightDecay) -> Self {
        self.settings.decay = decay;
        self
    }

    /// Iterations allowed on the full horizon; default 200. Shorter horizons take up to 15 each beside these. Adam shares
    /// the number out over the horizons, L-BFGS has it again.
    pub fn max_iterations(mut self, iterations: usize) -> Self {
        self.settings.max_iterations = iterations;
        self
    }

    /// The fit ends when three steps in a row each improve it by less than this fraction; default 1e-3.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.settings.tolerance = tolerance;
        self
    }

    /// Whether the horizon grows from a quarter of the times over half of them to all; default yes.
    pub fn growing_horizon(mut self, grow: bool) -> Self {
        self.settings.grow = grow;
        self
    }

    /// Shows a progress bar on a terminal; default no.
    pub fn progress(mut self, show: bool) -> Self {
        self.progress = show;
        self
    }

    /// Fits.
    ///
    /// # Errors
    /// [`FitError`] when model, data and options do not fit together, or no start can be solved;
    /// [`ModelError`](crate::model::ModelError) when the model itself is not sound.
    pub fn run(self) -> crate::Result<Fitted<'a, M>> {
        let Prepared { bound, observations, layout, settings, mut point } = self.prepare()?;
        let bar = self.bar();
        let mut watch = |p: Progress| {
            bar.inc(1);
            bar.set_message(format!("{} times, sum of squares {:.3e}", p.horizon, p.squares));
        };
        let (mut last, mut best): (_, Option<Fitting>) = (None, None);
        let trapped = TRAPPED * observations.count() as f64;
        let mut starts = 0;
        while starts < MOST_STARTS && best.as_ref().is_none_or(|b| b.squares > trapped) {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(starts as u64);
            starts += 1;
            bound.initialize(&mut rng, &mut point.parameters);
            let scale = &observations.scale;
            match fit(&bound, &observations, layout.clone(), scale, &settings, point.clone(), &mut watch) {
                Ok(fitting) => {
                    if best.as_ref().is_none_or(|b| fitting.squares < b.squares) {
                        best = Some(fitting);
                    }
                    // Without networks every start is the same.
                    if layout.free.len() == layout.mechanistic {
                        break;
                    }
                }
                Err(failure) => {
                    last = Some(failure);
                    if layout.free.len() == layout.mechanistic {
                        break;
                    }
                }
            }
        }
        if let Some(mut fitting) = best {
            bar.finish_and_clear();
            fitting.starts = starts;
            let prepared = Prepared { bound, observations, layout, settings, point };
            return Ok(Fitted::new(self.model, self.data, prepared, self.seed, fitting));
        }
        bar.finish_and_clear();
        let Some((j, stop)) = last else { return Err(FitError::NothingToFit.into()) };
        let source = Box::new(self.stopped(&bound, &observations, j, stop));
        let trajectory = observations.trajectories[j].id.clone();
        Err(FitError::NoStart { trajectory, starts, source }.into())
    }

    /// Reads a fit that [`Fitted::save`] wrote, for the same model, data and known parameters, without fitting again.
    ///
    /// # Errors
    /// [`FitError::File`] when the file is not there, damaged or of another model; and as [`run`](Self::run).
    pub fn load(self, path: impl AsRef<Path>) -> crate::Result<Fitted<'a, M>> {
        let mut prepared = self.prepare()?;
        let (fitting, seed) = saved::read(path.as_ref(), &mut prepared)?;
        Ok(Fitted::new(self.model, self.data, prepared, seed, fitting))
    }

    /// Brings model, data and options together.
    fn prepare(&self) -> crate::Result<Prepared<'a, M>> {
        let mut bound = Bound::new(self.model)?;
        self.check()?;
        let observations = Observations::new(self.data, bound.states())?;
        let (mut parameters, known) = self.parameters(&bound)?;
        let held: Vec<usize> = (0..known.len()).filter(|&j| known[j]).collect();
        bound.hold(&held);
        let n = bound.dimension();
        let mechanistic = known.len() - held.len();
        let free: Vec<usize> = (0..bound.parameter_count()).filter(|j| !held.contains(j)).collect();
        let trajectories = observations.trajectories.len();
        let layout = Layout { mechanistic, networks: true, states: n, trajectories, free };
        if layout.free.is_empty() {
            return Err(FitError::NothingToFit.into());
        }
        let needed = mechanistic + n * trajectories;
        if observations.count() <= needed {
            return Err(FitError::TooFewObservations { observed: observations.count(), needed }.into());
        }
        let mut settings = self.settings.clone();
        settings.options.rtol = self.rtol;
        settings.options.atol = Tolerance::Each(observations.scale.iter().map(|s| self.rtol * s).collect());
        settings.options.check(n)?;
        let initial: Vec<f64> = (0..trajectories).flat_map(|j| observations.first_states(j)).collect();
        parameters.resize(bound.parameter_count(), 0.0);
        let point = Point { parameters, initial };
        scaling::scale_unknowns(&mut bound, &observations, &point);
        Ok(Prepared { bound, observations, layout, settings, point })
    }

    fn stopped(
        &self,
        bound: &Bound<'_, M>,
        observations: &Observations,
        j: usize,
        stop: crate::ode::Stop,
    ) -> SolveError {
        let names: Vec<String> = (0..bound.dimension()).map(|i| bound.state_name(i)).collect();
        let times = &observations.trajectories[j].times;
        let partial = crate::ode::Solution::of(names, &[], &[], Default::default());
        let span = crate::ode::Span { start: times[0], end: times[times.len() - 1] };
        crate::ode::failure(stop, &self.settings.options, span, partial, &observations.first_states(j))
    }

    fn check(&self) -> Result<(), FitError> {
        let fault = |argument, problem: String, advice| Err(FitError::Argument { argument, problem, advice });
        if self.settings.max_iterations == 0 {
            return fault("max_iterations", "is 0".to_string(), "allow at least one");
        }
        if !(self.settings.tolerance > 0.0 && self.settings.tolerance < 1.0) {
            return fault("tolerance", format!("is {}", self.settings.tolerance), "give a fraction such as 1e-3");
        }
        if let WeightDecay::Fixed(decay) = self.settings.decay
            && !(decay >= 0.0 && decay.is_finite())
        {
            return fault("weight_decay", format!("is {decay}"), "give zero or a positive number");
        }
        Ok(())
    }

    /// All mechanistic parameters, and which of them are held.
    fn parameters(&self, bound: &Bound<'_, M>) -> crate::Result<(Vec<f64>, Vec<bool>)> {
        let names = bound.parameters();
        let mut values: Vec<Option<(f64, bool)>> = vec![None; names.len()];
        for (argument, given, held) in [("estimate", &self.estimate, false), ("known", &self.known, true)] {
            match given {
                None => {}
                Some(Values::All(all)) if all.len() != names.len() => {
                    return Err(FitError::ParameterCount {
                        argument,
                        found: all.len(),
                        expected: names.len(),
                        names: names.join(", "),
                    }
                    .into());
                }
                Some(Values::All(all)) => {
                    for (slot, v) in values.iter_mut().zip(all) {
                        *slot = Some((*v, held));
                    }
                }
                Some(Values::Named(named)) => {
                    for (name, v) in named {
                        let slot = &mut values[bound.parameter_index(name)?];
                        if matches!(slot, Some((_, false))) && held && matches!(self.estimate, Some(Values::Named(_))) {
                            let problem = format!("names `{name}`, and so does `estimate`");
                            let advice = "name each parameter in one of them";
                            return Err(FitError::Argument { argument, problem, advice }.into());
                        }
                        *slot = Some((*v, held));
                    }
                }
            }
        }
        let mut found = (Vec::new(), Vec::new());
        for (value, name) in values.iter().zip(names.iter()) {
            let Some((v, held)) = value else { return Err(FitError::NoValue { parameter: name.clone() }.into()) };
            if !v.is_finite() {
                let problem = format!("gives `{name}` the value {v}");
                let argument = if *held { "known" } else { "estimate" };
                return Err(FitError::Argument { argument, problem, advice: "give a finite number" }.into());
            }
            found.0.push(*v);
            found.1.push(*held);
        }
        Ok(found)
    }

    fn bar(&self) -> ProgressBar {
        if !self.progress {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} fitting: step {pos}, {msg}") {
            bar.set_style(style);
        }
        bar
    }
}
