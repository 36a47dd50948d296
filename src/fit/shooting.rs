//! Single shooting: solve from an estimated initial state, compare with the data.

use super::observations::{Layout, Observations, Point};
use crate::adjoint::ForwardSensitivity;
use crate::model::Differentiable;
use crate::ode::{Options, Stop};
use rayon::prelude::*;

/// The residuals $r = (\text{model} - \text{data}) / \sigma$ of all observed numbers, with their Jacobian.
pub(crate) struct Shooting<'a, Sys: Differentiable> {
    observations: &'a Observations,
    pub layout: Layout,
    /// $1/\sigma$ per state.
    inverse_sigma: Vec<f64>,
    engines: Vec<ForwardSensitivity<'a, Sys>>,
    point: Point,
}

/// Residuals and their Jacobian, row by row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Linearized {
    pub residuals: Vec<f64>,
    pub jacobian: Vec<f64>,
}

impl Linearized {
    /// $\sum r^2$.
    pub fn squares(&self) -> f64 {
        self.residuals.iter().map(|r| r * r).sum()
    }
}

impl<'a, Sys: Differentiable> Shooting<'a, Sys> {
    pub fn new(
        system: &'a Sys,
        observations: &'a Observations,
        layout: Layout,
        sigma: &[f64],
        options: &Options,
        point: Point,
    ) -> Self {
        let engines =
            observations.trajectories.iter().map(|_| ForwardSensitivity::new(system, options.clone())).collect();
        let inverse_sigma = sigma.iter().map(|s| 1.0 / s).collect();
        Shooting { observations, layout, inverse_sigma, engines, point }
    }

    /// The estimated numbers at the current point.
    pub fn start(&self) -> Vec<f64> {
        self.layout.pack(&self.point)
    }

    /// The point that belongs to the estimated numbers.
    pub fn point(&self, theta: &[f64]) -> Point {
        let mut point = self.point.clone();
        self.layout.unpack(theta, &mut point);
        point
    }

    /// Residuals and Jacobian over the first `horizon` times of each trajectory.
    ///
    /// # Errors
    /// Index of the first trajectory that cannot be solved, and where it stopped.
    pub fn linearize(&mut self, theta: &[f64], horizon: usize, out: &mut Linearized) -> Result<(), (usize, Stop)> {
        self.layout.unpack(theta, &mut self.point);
        let n = self.layout.states;
        let (observations, point) = (self.observations, &self.point);
        let solve = |(j, engine): (usize, &mut ForwardSensitivity<'a, Sys>)| {
            let seen = &observations.trajectories[j];
            let times = &seen.times[..horizon.min(seen.times.len())];
            let initial = &point.initial[j * n..(j + 1) * n];
            engine.run(seen.times[0], initial, &point.parameters, times).map_err(|stop| (j, stop))
        };
        if self.engines.len() == 1 {
            self.engines.iter_mut().enumerate().try_for_each(solve)?;
        } else {
            let results: Vec<_> = self.engines.par_iter_mut().enumerate().map(solve).collect();
            results.into_iter().collect::<Result<(), _>>()?;
        }
        self.gather(horizon, out);
        Ok(())
    }

    /// Takes the rows of observed numbers out of the engines.
    fn gather(&self, horizon: usize, out: &mut Linearized) {
        let (n, width) = (self.layout.states, self.layout.len());
        let weights_from = self.layout.free.get(self.layout.mechanistic).copied().unwrap_or(0);
        // The weights are the tail of the parameters: one run of columns.
        let run = self.layout.free.len() - self.layout.mechanistic;
        out.residuals.clear();
        out.jacobian.clear();
        for (j, (engine, seen)) in self.engines.iter().zip(&self.observations.trajectories).enumerate() {
            let parameters = engine.columns() - n;
            for k in 0..horizon.min(seen.times.len()) {
                for i in 0..n {
                    let data = seen.values[k * n + i];
                    if data.is_nan() {
                        continue;
                    }
                    let scale = self.inverse_sigma[i];
                    out.residuals.push((engine.states()[k * n + i] - data) * scale);
                    let row = engine.row(k, i);
                    let at = out.jacobian.len();
                    out.jacobian.resize(at + width, 0.0);
                    let (target, initial) = out.jacobian[at..].split_at_mut(self.layout.free.len());
                    let (mechanistic, weights) = target.split_at_mut(self.layout.mechanistic);
                    for (t, &column) in mechanistic.iter_mut().zip(&self.layout.free) {
                        *t = row[column] * scale;
                    }
                    for (t, s) in weights.iter_mut().zip(&row[weights_from..weights_from + run]) {
                        *t = s * scale;
                    }
                    for (t, s) in initial[j * n..(j + 1) * n].iter_mut().zip(&row[parameters..]) {
                        *t = s * scale;
                    }
                }
            }
        }
    }

    /// The states at the observed times, trajectory by trajectory, of the last evaluation.
    pub fn states(&self, trajectory: usize) -> &[f64] {
        self.engines[trajectory].states()
    }
}
