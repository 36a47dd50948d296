//! Data in the order of a model's states, and the layout of what is estimated.

use super::FitError;
use crate::data::TimeSeries;
use crate::model::{Names, nearest_name};

/// What was measured, trajectory by trajectory, in the order of the states.
#[derive(Clone, Debug)]
pub(crate) struct Observations {
    pub trajectories: Vec<Observed>,
    /// Standard deviation of each state over all its observations: the scale of residuals.
    pub scale: Vec<f64>,
}

/// One trajectory: times and states, NaN where there is a gap.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    pub id: String,
    pub times: Vec<f64>,
    pub values: Vec<f64>,
}

impl Observations {
    /// The columns of `data` that the states name.
    pub fn new(data: &TimeSeries, states: &Names) -> Result<Observations, FitError> {
        let mut columns = Vec::with_capacity(states.len());
        for state in states.iter() {
            let Some(column) = data.columns().iter().position(|c| c == state) else {
                return Err(FitError::MissingColumn {
                    state: state.clone(),
                    columns: data.columns().join(", "),
                    nearest: nearest_name(state, data.columns().iter().map(String::as_str)).map(str::to_string),
                });
            };
            columns.push(column);
        }
        if let Some(column) = data.columns().iter().find(|c| states.position(c).is_none()) {
            return Err(FitError::SurplusColumn {
                column: column.clone(),
                found: data.columns().len(),
                expected: states.len(),
                states: states.join(", "),
            });
        }
        let trajectories: Vec<Observed> = data
            .trajectories()
            .iter()
            .map(|t| Observed {
                id: t.id().to_string(),
                times: t.times().to_vec(),
                values: (0..t.len()).flat_map(|k| columns.iter().map(move |&c| t.value(k, c))).collect(),
            })
            .collect();
        let n = states.len();
        let mut scale = Vec::with_capacity(n);
        for (i, state) in states.iter().enumerate() {
            let seen = || trajectories.iter().flat_map(|t| t.values.iter().skip(i).step_by(n)).filter(|x| !x.is_nan());
            let count = seen().count().max(1) as f64;
            let mean = seen().sum::<f64>() / count;
            let deviation = (seen().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
            if count == 1.0 {
                // Seen once, a state fixes where it starts; its own size is the only scale there is.
                scale.push(if mean == 0.0 { 1.0 } else { mean.abs() });
                continue;
            }
            // Rounding of the mean alone is no change.
            if deviation <= 1e-12 * mean.abs() {
                return Err(FitError::NeverChanges { state: state.clone(), value: mean });
            }
            scale.push(deviation);
        }
        Ok(Observations { trajectories, scale })
    }

    /// Numbers observed, gaps left out.
    pub fn count(&self) -> usize {
        self.trajectories.iter().map(|t| t.values.iter().filter(|x| !x.is_nan()).count()).sum()
    }

    /// Numbers observed of each state.
    pub fn counts(&self) -> Vec<usize> {
        let n = self.scale.len();
        let seen = |i| move |t: &Observed| t.values.iter().skip(i).step_by(n).filter(|x| !x.is_nan()).count();
        (0..n).map(|i| self.trajectories.iter().map(seen(i)).sum()).collect()
    }

    /// The first observation of each state of a trajectory; its scale where there is none.
    pub fn first_states(&self, trajectory: usize) -> Vec<f64> {
        let n = self.scale.len();
        let t = &self.trajectories[trajectory];
        (0..n)
            .map(|i| t.values.iter().skip(i).step_by(n).copied().find(|x| !x.is_nan()).unwrap_or(self.scale[i]))
            .collect()
    }

    /// Largest number of times of a trajectory.
    pub fn longest(&self) -> usize {
        self.trajectories.iter().map(|t| t.times.len()).max().unwrap_or(0)
    }
}

/// What is estimated: some of the flat parameters, and the initial state of every trajectory.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Indices of the estimated parameters.
    pub free: Vec<usize>,
    /// How many of them, from the first on, are mechanistic; the rest are weights or coefficients of unknown terms.
    pub mechanistic: usize,
    /// Whether the unknown terms are networks, whose weights have no units and decay.
    pub networks: bool,
    pub states: usize,
    pub trajectories: usize,
}

/// A point: all flat parameters, and the initial states one trajectory after the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    pub parameters: Vec<f64>,
    pub initial: Vec<f64>,
}

impl Layout {
    /// Number of estimated numbers.
    pub fn len(&self) -> usize {
        self.free.len() + self.states * self.trajectories
    }

    pub fn pack(&self, point: &Point) -> Vec<f64> {
        self.free.iter().map(|&j| point.parameters[j]).chain(point.initial.iter().copied()).collect()
    }

    pub fn unpack(&self, theta: &[f64], point: &mut Point) {
        for (&j, x) in self.free.iter().zip(theta) {
            point.parameters[j] = *x;
        }
        point.initial.copy_from_slice(&theta[self.free.len()..]);
    }

    /// Whether entry `k` of the estimated numbers is a network weight.
    pub fn is_weight(&self, k: usize) -> bool {
        self.networks && k >= self.mechanistic && k < self.free.len()
    }
}
