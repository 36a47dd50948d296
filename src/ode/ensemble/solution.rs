//! What an ensemble gives.

use crate::model::nearest_name;
use crate::ode::{SolveError, Statistics};

/// The trajectories of an [`Ensemble`](super::Ensemble), in the order in which they were given.
///
/// Each is either there, with a state at every saved time, or failed, with its [`SolveError`]; there are no placeholders.
///
/// ```
/// use ansatz::ode::Ensemble;
/// use ansatz::prelude::*;
/// struct Growth;
/// impl Model for Growth {
///     fn states(&self) -> Names { ["u"].into() }
///     fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
///         du[0] = u[0] * u[0]; // u = u₀ / (1 − u₀ t)
///     }
/// }
/// let solution = Ensemble::new(&Growth, 0.0, 1.0).initials([[0.5], [2.0]]).run()?;
/// let first = solution.get(0).unwrap().expect("nothing happens to it before t = 2");
/// assert!((first.last()[0] - 1.0).abs() < 1e-5);
/// let (which, why) = solution.failures().next().unwrap();
/// assert_eq!(which, 1);
/// assert!(why.to_string().contains("blows up"), "{why}"); // at t = 1/2
/// # Ok::<(), ansatz::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EnsembleSolution {
    pub(super) names: Vec<String>,
    pub(super) times: Vec<f64>,
    /// Numbers from one trajectory to the next.
    pub(super) stride: usize,
    /// Trajectory by trajectory, time by time. What stands where a failed trajectory would be is not shown.
    pub(super) states: Vec<f64>,
    pub(super) statistics: Vec<Statistics>,
    /// Ordered by trajectory.
    pub(super) failures: Vec<(usize, SolveError)>,
}

impl EnsembleSolution {
    /// Names of the states.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The saved times, the same for all trajectories.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// Number of trajectories, those that failed included.
    pub fn len(&self) -> usize {
        self.statistics.len()
    }

    /// Whether there are no trajectories.
    pub fn is_empty(&self) -> bool {
        self.statistics.is_empty()
    }

    /// Trajectory `k`, or why it failed; `None` when there are not so many.
    pub fn get(&self, k: usize) -> Option<Result<Member<'_>, &SolveError>> {
        if k >= self.len() {
            return None;
        }
        Some(match self.failures.binary_search_by_key(&k, |(failed, _)| *failed) {
            Ok(place) => Err(&self.failures[place].1),
            Err(_) => Ok(Member { ensemble: self, k }),
        })
    }

    /// All trajectories in order, each as it is or with why it failed.
    pub fn results(&self) -> impl DoubleEndedIterator<Item = Result<Member<'_>, &SolveError>> {
        (0..self.len()).filter_map(|k| self.get(k))
    }

    /// The trajectories that reached the end, in order.
    pub fn members(&self) -> impl DoubleEndedIterator<Item = Member<'_>> {
        self.results().filter_map(Result::ok)
    }

    /// Those that did not: which, and why. Each error carries the states saved before.
    pub fn failures(&self) -> impl ExactSizeIterator<Item = (usize, &SolveError)> {
        self.failures.iter().map(|(k, error)| (*k, error))
    }

    /// One state at one saved time across the trajectories that reached the end, in order: what a histogram or a quantile
    /// is made of.
    ///
    /// # Errors
    /// [`SolveError::Argument`] when there is no such state, with the nearest name, or no such time.
    pub fn across(&self, name: &str, time: usize) -> Result<Vec<f64>, SolveError> {
        let i = self.state_index(name)?;
        if time >= self.times.len() {
            return Err(SolveError::Argument {
                argument: "time",
                problem: format!("is {time}, and there are {} saved times", self.times.len()),
                advice: "give the index of a saved time, counted from 0".to_string(),
            });
        }
        Ok(self.members().map(|member| member.state(time)[i]).collect())
    }

    /// Counts of all trajectories together, those that failed included.
    pub fn statistics(&self) -> Statistics {
        let mut sum = Statistics::default();
        for one in &self.statistics {
            sum.add(one);
        }
        sum
    }

    fn state_index(&self, name: &str) -> Result<usize, SolveError> {
        self.names.iter().position(|n| n == name).ok_or_else(|| {
            let nearest = nearest_name(name, self.names.iter().map(String::as_str));
            SolveError::Argument {
                argument: "name",
                problem: format!("is `{name}`, and the ensemble has [{}]", self.names.join(", ")),
                advice: nearest.map_or("give one of these".to_string(), |near| format!("did you mean `{near}`?")),
            }
        })
    }
}

/// One trajectory of an ensemble.
#[derive(Clone, Copy, Debug)]
pub struct Member<'e> {
    ensemble: &'e EnsembleSolution,
    k: usize,
}

impl<'e> Member<'e> {
    /// Which trajectory of the ensemble it is.
    pub fn index(&self) -> usize {
        self.k
    }

    /// The saved times.
    pub fn times(&self) -> &'e [f64] {
        &self.ensemble.times
    }

    /// All states, row by row, one row a time.
    pub fn states(&self) -> &'e [f64] {
        let e = self.ensemble;
        &e.states[self.k * e.stride..][..e.times.len() * e.names.len()]
    }

    /// The state at saved time `time`; empty when there is none.
    pub fn state(&self, time: usize) -> &'e [f64] {
        let n = self.ensemble.names.len();
        self.states().get(time * n..(time + 1) * n).unwrap_or_default()
    }

    /// The state at the last saved time, which is the end where no times were chosen.
    pub fn last(&self) -> &'e [f64] {
        self.state(self.ensemble.times.len().saturating_sub(1))
    }

    /// One state over the saved times, by name.
    ///
    /// # Errors
    /// [`SolveError::Argument`] with the nearest name when there is no such state.
    pub fn column(&self, name: &str) -> Result<Vec<f64>, SolveError> {
        let i = self.ensemble.state_index(name)?;
        Ok(self.states().chunks_exact(self.ensemble.names.len()).map(|row| row[i]).collect())
    }

    /// Counts of the solve.
    pub fn statistics(&self) -> Statistics {
        self.ensemble.statistics[self.k]
    }
}
