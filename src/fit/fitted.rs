//! The result of a fit.

use super::engine::{Fitting, MOST_COLUMNS, Progress, Settings};
use super::levenberg_marquardt::StopCause;
use super::observations::{Layout, Observations};
use super::{Optimizer, Prepared};
use crate::data::{TimeSeries, Trajectory};
use crate::model::{Bound, Model};
use crate::ode::{Solution, Solve};
use std::path::Path;

/// A fitted model: parameters, weights, initial states, and how well they describe the data.
pub struct Fitted<'a, M: Model> {
    pub(crate) model: &'a M,
    pub(crate) data: &'a TimeSeries,
    pub(crate) bound: Bound<'a, M>,
    pub(crate) observations: Observations,
    pub(crate) layout: Layout,
    pub(crate) settings: Settings,
    pub(crate) seed: u64,
    pub(crate) fitting: Fitting,
    /// Standard deviation of the noise of each state, corrected for the numbers that the fit determined.
    pub(crate) sigma: Vec<f64>,
}

impl<'a, M: Model> Fitted<'a, M> {
    pub(super) fn new(
        model: &'a M,
        data: &'a TimeSeries,
        prepared: Prepared<'a, M>,
        seed: u64,
        fitting: Fitting,
    ) -> Self {
        let Prepared { bound, observations, layout, settings, .. } = prepared;
        let sigma = noise(&observations, &fitting);
        Fitted { model, data, bound, observations, layout, settings, seed, fitting, sigma }
    }

    /// The value of a mechanistic parameter.
    ///
    /// # Errors
    /// [`ModelError::UnknownName`](crate::model::ModelError::UnknownName).
    pub fn parameter(&self, name: &str) -> crate::Result<f64> {
        Ok(self.fitting.point.parameters[self.bound.parameter_index(name)?])
    }

    /// All flat parameters: mechanistic ones, then weights.
    pub fn parameters(&self) -> &[f64] {
        &self.fitting.point.parameters
    }

    /// The estimated initial state of a trajectory.
    pub fn initial(&self, trajectory: usize) -> &[f64] {
        let n = self.layout.states;
        self.fitting.point.initial.get(trajectory * n..(trajectory + 1) * n).unwrap_or_default()
    }

    /// The model with the fit's layout and scaling, to evaluate or to solve with [`parameters`](Self::parameters).
    pub fn bound(&self) -> &Bound<'a, M> {
        &self.bound
    }

    /// Sum of squared residuals, each state over its standard deviation in the data.
    pub fn sum_of_squares(&self) -> f64 {
        self.fitting.squares
    }

    /// Noise estimate of each state, in its unit: $\hat\sigma_i^2 = \mathrm{RSS}_i / (n_i (1 - \gamma / N))$ with
    /// $\gamma$ the numbers that the data determined.
    pub fn noise(&self) -> &[f64] {
        &self.sigma
    }

    /// The numbers that the data determined (all estimated ones, less what weight decay tied down).
    pub fn effective_parameters(&self) -> f64 {
        self.fitting.effective
    }

    /// Accepted steps, with the horizon they saw.
    pub fn history(&self) -> &[Progress] {
        &self.fitting.history
    }

    /// Why the fit ended.
    pub fn stop_cause(&self) -> StopCause {
        self.fitting.cause
    }

    /// Solves the fitted model on, from a trajectory's first time to `end`.
    ///
    /// # Errors
    /// [`SolveError`](crate::ode::SolveError) with the partial solution.
    pub fn solve(&self, trajectory: usize, end: f64) -> crate::Result<Solution> {
        let start = crate::discover::start_of(self.data, trajectory)?;
        Solve::system(&self.bound, self.initial(trajectory), start, end)
            .parameters(self.parameters())
            .options(self.settings.options.clone())
            .run()
    }

    /// The fitted states at the observed times.
    ///
    /// # Errors
    /// [`DataError`](crate::data::DataError) when they do not make a time series.
    pub fn predictions(&self) -> crate::Result<TimeSeries> {
        let trajectories = self
            .observations
            .trajectories
            .iter()
            .zip(&self.fitting.states)
            .map(|(seen, states)| Trajectory::new(seen.id.clone(), &seen.times, states))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(TimeSeries::from_trajectories(self.bound.states().iter().cloned(), trajectories)?)
    }

    /// What was done, and why, in a few sentences.
    pub fn report(&self) -> String {
        let count = self.layout.len();
        let weights = self.layout.free.len() - self.layout.mechanistic;
        let initial = self.layout.states * self.layout.trajectories;
        let chosen = match (self.settings.optimizer, self.fitting.optimizer) {
            (Optimizer::Automatic, Optimizer::AdamLbfgs) => format!(
                "Adam, then L-BFGS, on the discrete adjoint, because {count} numbers are more than the {MOST_COLUMNS} up \
                 to which a full Jacobian is the cheaper way"
            ),
            (Optimizer::Automatic, _) => format!(
                "Levenberg–Marquardt on forward sensitivities, because {count} numbers are few enough (up to \
                 {MOST_COLUMNS}) for a full Jacobian"
            ),
            (_, Optimizer::AdamLbfgs) => "Adam, then L-BFGS, on the discrete adjoint, as asked".to_string(),
            _ => "Levenberg–Marquardt on forward sensitivities, as asked".to_string(),
        };
        let noise: Vec<String> =
            self.bound.states().iter().zip(&self.sigma).map(|(name, s)| format!("{name} ± {s:.3}")).collect();
        let mut poor = String::new();
        if self.fitting.starts > 1 {
            poor.push_str(&format!("\nthe best of {} draws of initial weights", self.fitting.starts));
        }
        let unexplained = self.fitting.squares / self.observations.count() as f64;
        if unexplained > super::TRAPPED {
            poor.push_str(&format!(
                "\nWARNING: {:.0} % of the data's variance is left unexplained; do not discover on this fit. Try another seed, \
                 other widths or activation, and see whether the mechanism is right",
                100.0 * unexplained
            ));
        }
        format!(
            "{} observations, {count} numbers to estimate ({} mechanistic, {weights} weights, {initial} initial states)\n\
             {chosen}\n\
             {} iterations, {}; sum of squares {:.3e} (residuals over each state's standard deviation)\n\
             the data determined about {:.1} of the numbers; noise: {}{poor}",
            self.observations.count(),
            self.layout.mechanistic,
            self.fitting.iterations,
            self.fitting.cause,
            self.fitting.squares,
            self.fitting.effective,
            noise.join(", ")
        )
    }

    /// Writes the fit to a safetensors file: parameters, weights by unknown term, initial states, scales. Read it with
    /// [`Fit::load`](super::Fit::load).
    ///
    /// # Errors
    /// [`FitError::File`](super::FitError::File).
    pub fn save(&self, path: impl AsRef<Path>) -> crate::Result<()> {
        super::saved::write(path.as_ref(), &self.bound, &self.fitting, self.seed)
    }
}

/// $\hat\sigma_i$ of each state from the residuals, the numbers that the fit determined shared out evenly.
pub(crate) fn noise(observations: &Observations, fitting: &Fitting) -> Vec<f64> {
    let n = observations.scale.len();
    let total = observations.count() as f64;
    let left = (1.0 - fitting.effective / total).max(0.1);
    let mut squares = vec![0.0; n];
    for (seen, states) in observations.trajectories.iter().zip(&fitting.states) {
        for (at, (u, d)) in states.iter().zip(&seen.values).enumerate() {
            if !d.is_nan() {
                squares[at % n] += (u - d).powi(2);
            }
        }
    }
    let counts = observations.counts();
    (0..n).map(|i| (squares[i] / (counts[i].max(1) as f64 * left)).sqrt()).collect()
}

impl<M: Model> std::fmt::Display for Fitted<'_, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.report())
    }
}
