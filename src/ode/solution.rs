//! What a solve gives.

use super::error::SolveError;
use crate::model::nearest_name;

/// Counts of a solve, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Steps that passed the error test.
    pub accepted: usize,
    /// Attempts whose error was too large.
    pub rejected_by_error: usize,
    /// Attempts on which the right-hand side or the state was not finite.
    pub rejected_not_finite: usize,
    /// Evaluations of the right-hand side.
    pub rhs: usize,
}

impl std::fmt::Display for Statistics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} steps, {} rejected by error, {} rejected as not finite, {} right-hand sides",
            self.accepted, self.rejected_by_error, self.rejected_not_finite, self.rhs
        )
    }
}

/// The states at the saved times, with dense output when every step was saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    pub(super) names: Vec<String>,
    pub(super) times: Vec<f64>,
    /// Row by row, one row a time.
    pub(super) states: Vec<f64>,
    /// For each step between saved times the polynomial in $\theta$: `degree` rows of `n` numbers, lowest power first.
    pub(super) dense: Vec<f64>,
    pub(super) degree: usize,
    pub(super) statistics: Statistics,
}

impl Solution {
    pub(super) fn new(names: Vec<String>) -> Solution {
        Solution {
            names,
            times: Vec::new(),
            states: Vec::new(),
            dense: Vec::new(),
            degree: 0,
            statistics: Statistics::default(),
        }
    }

    /// States at the first of `times`, as many as `states` has.
    pub(crate) fn of(names: Vec<String>, times: &[f64], states: &[f64], statistics: Statistics) -> Solution {
        let reached = states.len() / names.len().max(1);
        let times = times[..reached.min(times.len())].to_vec();
        Solution { times, states: states.to_vec(), statistics, ..Solution::new(names) }
    }

    pub(super) fn push(&mut self, t: f64, u: &[f64]) {
        self.times.push(t);
        self.states.extend_from_slice(u);
    }

    /// Names of the states.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The saved times.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// Number of saved times.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether nothing was saved.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The state at saved time `k`; empty when there is none.
    pub fn state(&self, k: usize) -> &[f64] {
        let n = self.names.len();
        self.states.get(k * n..(k + 1) * n).unwrap_or_default()
    }

    /// All states, row by row.
    pub fn states(&self) -> &[f64] {
        &self.states
    }

    /// The state at the last saved time.
    pub fn last(&self) -> &[f64] {
        self.state(self.len().saturating_sub(1))
    }

    /// One state over the saved times, by name.
    ///
    /// # Errors
    /// [`SolveError::Argument`] with the nearest name when there is no such state.
    pub fn column(&self, name: &str) -> Result<Vec<f64>, SolveError> {
        let Some(i) = self.names.iter().position(|n| n == name) else {
            let nearest = nearest_name(name, self.names.iter().map(String::as_str));
            return Err(SolveError::Argument {
                argument: "name",
                problem: format!("is `{name}`, and the solution has [{}]", self.names.join(", ")),
                advice: nearest.map_or("give one of these".to_string(), |near| format!("did you mean `{near}`?")),
            });
        };
        Ok(self.states.chunks_exact(self.names.len()).map(|row| row[i]).collect())
    }

    /// The state at any time within the solution, from dense output.
    ///
    /// # Errors
    /// [`SolveError::Argument`] when the time lies outside, or when the solve was told to keep only certain times.
    pub fn at(&self, t: f64) -> Result<Vec<f64>, SolveError> {
        let fault = |problem: String, advice: &str| {
            Err(SolveError::Argument { argument: "t", problem, advice: advice.to_string() })
        };
        let (Some(&first), Some(&last)) = (self.times.first(), self.times.last()) else {
            return fault("is asked of a solution without times".to_string(), "solve over an interval first");
        };
        let forward = if last >= first { 1.0 } else { -1.0 };
        if !((t - first) * forward >= 0.0 && (last - t) * forward >= 0.0) {
            return fault(
                format!("= {t} lies outside the solution, which goes from {first} to {last}"),
                "solve further, or ask within",
            );
        }
        if let Some(k) = self.times.iter().position(|s| *s == t) {
            return Ok(self.state(k).to_vec());
        }
        if self.dense.is_empty() {
            return fault(
                format!("= {t} is not one of the saved times, and the solve kept no dense output"),
                "leave out `.save_at(…)` to keep every step with dense output, or add this time to it",
            );
        }
        let n = self.names.len();
        let step = self.times.partition_point(|s| (t - s) * forward >= 0.0) - 1;
        let (t0, t1) = (self.times[step], self.times[step + 1]);
        let theta = (t - t0) / (t1 - t0);
        let rows = &self.dense[step * self.degree * n..(step + 1) * self.degree * n];
        let u0 = self.state(step);
        Ok((0..n).map(|i| u0[i] + (0..self.degree).rev().fold(0.0, |sum, m| (sum + rows[m * n + i]) * theta)).collect())
    }

    /// Counts of the solve.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }
}
