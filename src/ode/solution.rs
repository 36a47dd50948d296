//! What a solve gives.

use super::error::SolveError;
use super::events::Occurrence;
use super::options::Method;
use super::stepper::Rejection;
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
    /// Attempts of an implicit method whose nonlinear equations were not solved.
    pub rejected_by_newton: usize,
    /// Attempts after which a state was out of its bounds.
    pub rejected_by_bounds: usize,
    /// Attempts of a stabilised method that were longer than it can be stable with; they cost nothing.
    pub rejected_by_stability: usize,
    /// Evaluations of the right-hand side, those for a Jacobian by differences or a spectral radius among them.
    pub rhs: usize,
    /// Evaluations of the Jacobian.
    pub jacobians: usize,
    /// Factorisations of an implicit method's matrix.
    pub factorizations: usize,
    /// Solves with such a factorisation.
    pub solves: usize,
    /// Iterations of Newton's method.
    pub newton_iterations: usize,
    /// Times at which an event happened.
    pub events: usize,
}

impl Statistics {
    /// Adds the counts of another solve.
    pub(super) fn add(&mut self, other: &Statistics) {
        let Statistics {
            accepted,
            rejected_by_error,
            rejected_not_finite,
            rejected_by_newton,
            rejected_by_bounds,
            rejected_by_stability,
            rhs,
            jacobians,
            factorizations,
            solves,
            newton_iterations,
            events,
        } = *other;
        self.accepted += accepted;
        self.rejected_by_error += rejected_by_error;
        self.rejected_not_finite += rejected_not_finite;
        self.rejected_by_newton += rejected_by_newton;
        self.rejected_by_bounds += rejected_by_bounds;
        self.rejected_by_stability += rejected_by_stability;
        self.rhs += rhs;
        self.jacobians += jacobians;
        self.factorizations += factorizations;
        self.solves += solves;
        self.newton_iterations += newton_iterations;
        self.events += events;
    }

    pub(super) fn reject(&mut self, why: Rejection) {
        match why {
            Rejection::Error => self.rejected_by_error += 1,
            Rejection::Newton | Rejection::Singular(_) => self.rejected_by_newton += 1,
            Rejection::NotFinite(_) => self.rejected_not_finite += 1,
            Rejection::Domain => self.rejected_by_bounds += 1,
            Rejection::Stability(_) => self.rejected_by_stability += 1,
        }
    }

    /// Attempts that did not count, for whatever reason.
    pub fn rejected(&self) -> usize {
        self.rejected_by_error
            + self.rejected_not_finite
            + self.rejected_by_newton
            + self.rejected_by_bounds
            + self.rejected_by_stability
    }
}

impl std::fmt::Display for Statistics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} steps, {} right-hand sides", self.accepted, self.rhs)?;
        for (count, what) in [
            (self.rejected_by_error, "rejected by error"),
            (self.rejected_not_finite, "rejected as not finite"),
            (self.rejected_by_newton, "rejected by Newton's method"),
            (self.rejected_by_bounds, "rejected by bounds"),
            (self.rejected_by_stability, "rejected by stability"),
            (self.jacobians, "Jacobians"),
            (self.factorizations, "factorisations"),
            (self.solves, "linear solves"),
            (self.events, "events"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// Where the Jacobians of an implicit method came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JacobianSource {
    /// There were none: the method was explicit.
    None,
    /// Exact ones, from the model or the system.
    Exact,
    /// Differences, because the system is an opaque closure.
    Differences,
}

/// The states at the saved times, with dense output when every step was saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    pub(super) names: Vec<String>,
    pub(super) times: Vec<f64>,
    /// Row by row, one row a time.
    pub(super) states: Vec<f64>,
    /// For each step between saved times the polynomial in $\theta$: rows of `n` numbers, lowest power first.
    pub(super) dense: Vec<f64>,
    /// Where in `dense` the polynomial of each step begins, and where the last one ends.
    pub(super) dense_starts: Vec<usize>,
    /// From when on which method was used.
    pub(super) methods: Vec<(f64, Method)>,
    pub(super) statistics: Statistics,
    pub(crate) event_names: Vec<String>,
    pub(super) occurred: Vec<Occurrence>,
    pub(super) integrals: Vec<(String, f64)>,
    /// Whether a Jacobian was formed by differences.
    pub(super) differences: bool,
    /// What solved the linear systems.
    pub(super) linear_solver: Option<String>,
    /// Where the solve ended, whether or not that was saved.
    pub(super) reached: Option<(f64, Vec<f64>)>,
}

impl Solution {
    pub(super) fn new(names: Vec<String>) -> Solution {
        Solution {
            names,
            times: Vec::new(),
            states: Vec::new(),
            dense: Vec::new(),
            dense_starts: Vec::new(),
            methods: Vec::new(),
            statistics: Statistics::default(),
            event_names: Vec::new(),
            occurred: Vec::new(),
            integrals: Vec::new(),
            differences: false,
            linear_solver: None,
            reached: None,
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

    /// Keeps the polynomial of the step that the last pushed state ended, of which the part up to `theta` counts.
    pub(super) fn push_polynomial(&mut self, theta: f64, rows: impl FnOnce(&mut Vec<f64>)) {
        let (n, start) = (self.names.len(), self.dense.len());
        rows(&mut self.dense);
        if theta != 1.0 {
            // In the variable of the shorter step.
            let mut power = 1.0;
            for row in self.dense[start..].chunks_exact_mut(n) {
                power *= theta;
                row.iter_mut().for_each(|c| *c *= power);
            }
        }
        self.dense_starts.push(self.dense.len());
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

    /// Time and state at which the solve ended: the end of the span, a terminal event, or as far as it came. Not necessarily
    /// a saved time.
    pub fn end(&self) -> (f64, &[f64]) {
        match &self.reached {
            Some((t, u)) => (*t, u),
            None => (self.times.last().copied().unwrap_or(f64::NAN), self.last()),
        }
    }

    /// One state at any time within the solution, by name.
    ///
    /// ```
    /// use ansatz::prelude::*;
    /// let circle = from_fn(["x", "y"], |_t, u, _p, du| {
    ///     du[0] = -u[1];
    ///     du[1] = u[0];
    /// });
    /// let solution = Solve::system(&circle, [1.0, 0.0], 0.0, 3.0).run()?;
    /// assert!((solution.value("y", 1.5)? - 1.5f64.sin()).abs() < 1e-5);
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`at`](Self::at) and [`index_of`](Self::index_of).
    pub fn value(&self, name: &str, t: f64) -> Result<f64, SolveError> {
        let index = self.index_of(name)?;
        Ok(self.at(t)?[index])
    }

    /// The place of a state among the states, by name.
    ///
    /// # Errors
    /// [`SolveError::Argument`] with the nearest name when there is no such state.
    pub fn index_of(&self, name: &str) -> Result<usize, SolveError> {
        self.names.iter().position(|n| n == name).ok_or_else(|| {
            let nearest = nearest_name(name, self.names.iter().map(String::as_str));
            SolveError::Argument {
                argument: "name",
                problem: format!("is `{name}`, and the solution has [{}]", self.names.join(", ")),
                advice: nearest.map_or("give one of these".to_string(), |near| format!("did you mean `{near}`?")),
            }
        })
    }

    /// One state over the saved times, by name.
    ///
    /// # Errors
    /// [`SolveError::Argument`] with the nearest name when there is no such state.
    pub fn column(&self, name: &str) -> Result<Vec<f64>, SolveError> {
        let i = self.index_of(name)?;
        Ok(self.states.chunks_exact(self.names.len()).map(|row| row[i]).collect())
    }

    /// The state at any time within the solution, from dense output.
    ///
    /// # Errors
    /// [`SolveError::Argument`] when the time lies outside, or when the solve was told to keep only certain times.
    pub fn at(&self, t: f64) -> Result<Vec<f64>, SolveError> {
        let forward = if self.times.last() >= self.times.first() { 1.0 } else { -1.0 };
        let after = self.times.partition_point(|s| (t - s) * forward >= 0.0);
        if after > 0 && self.times[after - 1] == t {
            return Ok(self.state(after - 1).to_vec());
        }
        let (step, theta) = self.place(t)?;
        let n = self.names.len();
        let rows = &self.dense[self.dense_starts[step]..self.dense_starts[step + 1]];
        let degree = rows.len() / n;
        let u0 = self.state(step);
        Ok((0..n).map(|i| u0[i] + (0..degree).rev().fold(0.0, |sum, m| (sum + rows[m * n + i]) * theta)).collect())
    }

    /// The step that a time lies in, and how far into it.
    fn place(&self, t: f64) -> Result<(usize, f64), SolveError> {
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
        if self.dense.is_empty() {
            return fault(
                format!("= {t} is not one of the saved times, and the solve kept no dense output"),
                "leave out `.save_at(…)` to keep every step with dense output, or add this time to it",
            );
        }
        let after = self.times.partition_point(|s| (t - s) * forward >= 0.0);
        let mut step = after.clamp(1, self.times.len() - 1) - 1;
        // A jump that the solution ends with is no step; the last one is before it.
        while step > 0 && self.times[step + 1] == self.times[step] {
            step -= 1;
        }
        let (t0, t1) = (self.times[step], self.times[step + 1]);
        Ok((step, if t1 == t0 { 0.0 } else { (t - t0) / (t1 - t0) }))
    }

    /// The occurrences of an event, in the order in which they happened; none for a name that no event has.
    pub fn events<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Occurrence> {
        self.occurred.iter().filter(move |o| self.event_names.get(o.event).is_some_and(|n| n == name))
    }

    /// The occurrences of all events, in the order in which they happened.
    pub fn all_events(&self) -> &[Occurrence] {
        &self.occurred
    }

    /// An integral that was summed along the way, by name.
    ///
    /// # Errors
    /// [`SolveError::Argument`] when no integral of this name was asked for.
    pub fn integral(&self, name: &str) -> Result<f64, SolveError> {
        self.integrals.iter().find(|(n, _)| n == name).map(|(_, sum)| *sum).ok_or_else(|| SolveError::Argument {
            argument: "name",
            problem: format!("is `{name}`, and no integral of this name was asked for"),
            advice: "ask for it with `.integral(name, g)` before the solve".to_string(),
        })
    }

    /// Takes in a solution that goes on where this one ends, such as one of
    /// [`Solve::continuing`](super::Solve::continuing): states, dense output, events, integrals and counts are then those
    /// of one solve.
    ///
    /// # Errors
    /// [`SolveError::Argument`] when it has other states, begins elsewhere, or does not keep the same things.
    pub fn extend(&mut self, later: Solution) -> Result<(), SolveError> {
        let fault = |problem: String, advice: &str| {
            Err(SolveError::Argument { argument: "later", problem, advice: advice.to_string() })
        };
        if later.names != self.names {
            let problem =
                format!("has the states [{}], this solution [{}]", later.names.join(", "), self.names.join(", "));
            return fault(problem, "extend a solution by one of the same system");
        }
        let integrals = |s: &Solution| s.integrals.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        if integrals(self) != integrals(&later) {
            return fault("sums other integrals".to_string(), "ask for the same `.integral(…)` in both solves");
        }
        let ends = |s: &Solution| Some((*s.times.first()?, s.end().0));
        let (Some((first, end)), Some((start, last))) = (ends(self), ends(&later)) else {
            return fault("or this solution has no times".to_string(), "save at least one time in both solves");
        };
        let dense = !self.dense_starts.is_empty();
        if dense == later.dense_starts.is_empty() {
            return fault("keeps other things".to_string(), "keep every step in both solves, or in neither");
        }
        let direction = if last >= first { 1.0 } else { -1.0 };
        let ordered = [first, end, start, last].windows(2).all(|w| (w[1] - w[0]) * direction >= 0.0);
        if !ordered || (dense && start != end) {
            return fault(
                format!("goes from {start} on, and this solution ends at {end}"),
                "begin the later solve where this one ends, with `.continuing(&solution, end)`",
            );
        }
        let n = self.names.len();
        let same = self.times.last() == Some(&start) && start == later.times[0] && later.state(0) == self.last();
        self.times.extend_from_slice(&later.times[usize::from(same)..]);
        self.states.extend_from_slice(&later.states[if same { n } else { 0 }..]);
        if dense {
            // Two states at the junction make a step without a polynomial.
            let offset = self.dense.len();
            self.dense_starts.extend(later.dense_starts[usize::from(same)..].iter().map(|at| offset + at));
            self.dense.extend_from_slice(&later.dense);
        }
        let known = self.methods.last().map(|(_, method)| *method);
        let again = later.methods.first().is_some_and(|(_, method)| Some(*method) == known);
        self.methods.extend_from_slice(&later.methods[usize::from(again)..]);
        let events = if later.event_names == self.event_names { 0 } else { self.event_names.len() };
        if events > 0 || self.event_names.is_empty() {
            self.event_names.extend(later.event_names);
        }
        self.occurred.extend(later.occurred.into_iter().map(|o| Occurrence { event: o.event + events, ..o }));
        self.integrals.iter_mut().zip(&later.integrals).for_each(|((_, sum), (_, more))| *sum += more);
        self.statistics.add(&later.statistics);
        self.differences |= later.differences;
        self.linear_solver = later.linear_solver.or(self.linear_solver.take());
        self.reached = later.reached;
        Ok(())
    }

    /// Where the Jacobians of an implicit method came from.
    pub fn jacobian(&self) -> JacobianSource {
        match (self.statistics.jacobians, self.differences) {
            (0, _) => JacobianSource::None,
            (_, false) => JacobianSource::Exact,
            (_, true) => JacobianSource::Differences,
        }
    }

    /// What solved the linear systems of an implicit method: `sparse LU, 2048 × 2048 with 61000 entries in L + U`.
    pub fn linear_solver(&self) -> Option<&str> {
        self.linear_solver.as_deref()
    }

    /// The derivative $\dot u(t)$ within the solution: that of the dense output.
    ///
    /// # Errors
    /// As [`at`](Self::at), and where the solve kept no dense output.
    pub fn derivative(&self, t: f64) -> Result<Vec<f64>, SolveError> {
        let (step, theta) = self.place(t)?;
        let (n, length) = (self.names.len(), self.times[step + 1] - self.times[step]);
        let rows = &self.dense[self.dense_starts[step]..self.dense_starts[step + 1]];
        let degree = rows.len() / n;
        let slope = |i: usize| (0..degree).rev().fold(0.0, |sum, m| sum * theta + (m + 1) as f64 * rows[m * n + i]);
        Ok((0..n).map(|i| slope(i) / length).collect())
    }

    /// Which methods made the steps: the time from which on each was used. One entry, unless the method was chosen and
    /// changed on the way.
    pub fn methods(&self) -> &[(f64, Method)] {
        &self.methods
    }

    /// Counts of the solve.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }
}
