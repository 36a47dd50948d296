//! Ensembles: many trajectories of one model.
//!
//! ```
//! use ansatz::ode::Ensemble;
//! use ansatz::prelude::*;
//!
//! struct Lorenz;
//! impl Model for Lorenz {
//!     fn states(&self) -> Names {
//!         ["x", "y", "z"].into()
//!     }
//!     fn parameters(&self) -> Names {
//!         ["sigma", "rho", "beta"].into()
//!     }
//!     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
//!         let [sigma, rho, beta] = p.parameters();
//!         du[0] = sigma * (u[1] - u[0]);
//!         du[1] = u[0] * (rho - u[2]) - u[1];
//!         du[2] = u[0] * u[1] - beta * u[2];
//!     }
//! }
//!
//! let rows = (0..100).map(|k| [10.0, 20.0 + 0.1 * k as f64, 8.0 / 3.0]);
//! let solution = Ensemble::new(&Lorenz, 0.0, 1.0).initial([1.0, 0.0, 0.0]).parameter_sets(rows).run()?;
//! assert_eq!(solution.len(), 100);
//! let z = solution.across("z", 0)?; // at the end, as no other times were asked for
//! println!("z from {:.1} to {:.1}", z[0], z[99]);
//! # Ok::<(), ansatz::Error>(())
//! ```
//!
//! # How it works, and what differs from solving one by one
//! The model is evaluated over [`Lanes`](crate::number::Lanes): 16 trajectories at once where the processor has AVX-512, 8
//! with AVX2 and FMA, 4 otherwise, chosen at run time. Each lane has its own time, step size, error test and failure; a
//! trajectory that ends makes room for the next. The threads of the current rayon pool share the ensemble.
//!
//! - The method, its error norm, its controller, its look for stiffness and its first step are those of
//!   [`Solve`](super::Solve), but sums are fused (FMA), and `exp` and `tanh` come from
//!   [`number::simd`](crate::number::simd). So steps agree to rounding, and a trajectory agrees with a solve of its own
//!   within the tolerance, not bit for bit.
//! - The bits of a trajectory depend on its own initial state and parameters, the options, and whether the processor has
//!   FMA: not on the number of threads or lanes, the other trajectories, or their order.
//! - [`Method::Automatic`], the default, begins over lanes with the explicit method that a solve begins with. A trajectory
//!   that looks stiff, or fails, is solved anew by [`Solve`](super::Solve) with a free choice of method.
//! - All explicit methods with an error estimate go over lanes. Implicit methods, fixed steps, bounds, discontinuities, time
//!   budgets, other controllers than PI, mass matrices, and systems that are not models are solved one by one, on all
//!   threads.
//! - Kept are the states at chosen times, or the end states; not every step with its dense output.
//! - A trajectory that fails takes no other down: [`EnsembleSolution`] has a result for each.
//! - An unknown term is evaluated for all lanes at once where the trajectories under way have the same weights.
//! - A right-hand side is compiled into the loop over lanes where it is short or the loop is its only user over lanes. One
//!   that calls long functions of other crates may need `#[inline(always)]` on them to be as fast.

mod coefficients;
mod control;
mod one_by_one;
mod rows;
mod solution;
mod stepper;
mod stiffness;
mod sums;
mod task;
#[cfg(test)]
mod tests;

pub use solution::{EnsembleSolution, Member};

use super::automatic::calm_method;
use super::control::StepControl;
use super::request::{check_linear_solver, check_mass, check_span};
use super::{Method, Options, Save, Solution, SolveError, Span, Statistics, Tolerance};
use crate::model::{Bound, Model, ModelError, System};
use coefficients::Coefficients;
use one_by_one::solve_one;
use rayon::prelude::*;
use rows::Rows;
use stepper::LaneSolve;
use task::{Chunk, Task};

/// Many trajectories of one model over initial states, parameters, or both; time may run backwards.
///
/// See the [module](self) for an example and for what differs from [`Solve`](super::Solve).
pub struct Ensemble<'a> {
    system: Result<Source<'a>, ModelError>,
    span: Span,
    initial: Rows,
    parameters: Rows,
    options: Options,
    save: Save,
}

/// Who evaluates.
enum Source<'a> {
    /// A model: over lanes where the method allows it.
    Own(Box<dyn LaneSystem + Send + 'a>),
    Lent(&'a dyn LaneSystem),
    /// Any other system: one by one.
    System(&'a dyn System),
}

/// A system that solves many trajectories at once.
trait LaneSystem: System {
    fn solve_lanes(&self, task: &Task, method: &Coefficients, chunk: &mut Chunk) -> Vec<(usize, SolveError)>;
}

impl<M: Model> LaneSystem for Bound<'_, M> {
    fn solve_lanes(&self, task: &Task, method: &Coefficients, chunk: &mut Chunk) -> Vec<(usize, SolveError)> {
        M::solve_chunk(self, task, method, chunk)
    }
}

impl Source<'_> {
    fn system(&self) -> &dyn System {
        match self {
            Source::Own(bound) => bound.as_ref(),
            Source::Lent(bound) => *bound,
            Source::System(system) => *system,
        }
    }

    fn lanes(&self) -> Option<&dyn LaneSystem> {
        match self {
            Source::Own(bound) => Some(bound.as_ref()),
            Source::Lent(bound) => Some(*bound),
            Source::System(_) => None,
        }
    }
}

impl<'a> Ensemble<'a> {
    /// Trajectories of a model from `start` to `end`.
    pub fn new<M: Model>(model: &'a M, start: f64, end: f64) -> Self {
        Ensemble::build(Bound::new(model).map(|bound| Source::Own(Box::new(bound))), start, end)
    }

    /// Trajectories of a model that is bound already, with the scaling of its unknown terms.
    pub fn bound<M: Model>(bound: &'a Bound<'a, M>, start: f64, end: f64) -> Self {
        Ensemble::build(Ok(Source::Lent(bound)), start, end)
    }

    /// Trajectories of any system, such as a closure made with [`from_fn`](crate::model::from_fn): solved one by one, on all
    /// threads.
    pub fn system(system: &'a dyn System, start: f64, end: f64) -> Self {
        Ensemble::build(Ok(Source::System(system)), start, end)
    }

    fn build(system: Result<Source<'a>, ModelError>, start: f64, end: f64) -> Self {
        let none = || Rows::Shared(Vec::new());
        let span = Span { start, end };
        Ensemble { system, span, initial: none(), parameters: none(), options: Options::default(), save: Save::End }
    }

    /// One initial state for all trajectories.
    pub fn initial(mut self, u: impl Into<Vec<f64>>) -> Self {
        self.initial = Rows::Shared(u.into());
        self
    }

    /// An initial state for each trajectory.
    pub fn initials<R: AsRef<[f64]>>(mut self, rows: impl IntoIterator<Item = R>) -> Self {
        self.initial = Rows::each(rows);
        self
    }

    /// The same flat parameters for all trajectories: mechanistic ones, then weights.
    pub fn parameters(mut self, p: impl Into<Vec<f64>>) -> Self {
        self.parameters = Rows::Shared(p.into());
        self
    }

    /// Flat parameters for each trajectory.
    pub fn parameter_sets<R: AsRef<[f64]>>(mut self, rows: impl IntoIterator<Item = R>) -> Self {
        self.parameters = Rows::each(rows);
        self
    }

    /// Relative tolerance; default 1e-6.
    pub fn rtol(mut self, rtol: f64) -> Self {
        self.options.rtol = rtol;
        self
    }

    /// Absolute tolerance, one or one for each state; default 1e-8.
    pub fn atol(mut self, atol: impl Into<Tolerance>) -> Self {
        self.options.atol = atol.into();
        self
    }

    /// The method; default [`Method::Automatic`]. The explicit ones with an error estimate go over lanes, others one by one.
    pub fn method(mut self, method: Method) -> Self {
        self.options.method = method;
        self
    }

    /// Attempted steps before a trajectory gives up; default 100 000, and for an explicit method no more than 10 000
    /// once stability is what limits its steps.
    pub fn max_steps(mut self, max_steps: usize) -> Self {
        self.options.max_steps = Some(max_steps);
        self
    }

    /// All options at once.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Keeps the states at these times, from dense output. Without it only the end states are kept.
    pub fn save_at(mut self, times: &[f64]) -> Self {
        self.save = Save::Times(times.to_vec());
        self
    }

    /// Solves all trajectories on the threads of the current rayon pool.
    ///
    /// As many trajectories as there are rows; one when neither initial states nor parameters are given as rows.
    ///
    /// # Errors
    /// A [`ModelError`] or [`SolveError::Argument`] when what is asked for makes no sense as a whole. A trajectory that fails
    /// is no error here: its own error stands in its place in the solution.
    pub fn run(self) -> crate::Result<EnsembleSolution> {
        let source = self.system?;
        let system = source.system();
        let n = system.dimension();
        if n == 0 {
            return Err(ModelError::NoStates.into());
        }
        let names: Vec<String> = (0..n).map(|i| system.state_name(i)).collect();
        check_rows(system, &self.initial, &self.parameters, &names)?;
        self.options.check(n)?;
        check_span(self.span, &self.save)?;
        check_mass(system, self.options.method)?;
        check_linear_solver(system, &self.options)?;
        let count = count(&self.initial, &self.parameters)?;
        let (initial, parameters) = (self.initial, self.parameters);
        let task = Task { span: self.span, options: self.options, save: self.save, initial, parameters, count, names };
        match (source.lanes(), task.lane_method(system)) {
            (Some(lanes), Some(method)) => task.solve_chunks(|mut chunk| {
                let failures = lanes.solve_lanes(&task, &method, &mut chunk);
                if task.options.method == Method::Automatic {
                    hand_over(system, &task, chunk, failures)
                } else {
                    Ok(failures)
                }
            }),
            _ => task.solve_chunks(|chunk| solve_each(system, &task, chunk)),
        }
    }
}

/// Trajectories of a chunk, at most and, where there are as many for each thread, at least: enough that the few that end
/// last, with idle lanes beside them, do not count; few enough that all threads are busy to the end.
const LARGEST_CHUNK: usize = 512;
const SMALLEST_CHUNK: usize = 256;
/// The largest number of lanes.
const MOST_LANES: usize = 16;

impl Task {
    /// The method for the lanes, if there is nothing that only a solve of its own can do.
    fn lane_method(&self, system: &dyn System) -> Option<Coefficients> {
        let Options { method, controller, fixed_step, time_budget, discontinuities, bounds, rtol, .. } = &self.options;
        let plain = matches!(controller, None | Some(StepControl::PI))
            && (fixed_step, time_budget) == (&None, &None)
            && discontinuities.is_empty()
            && bounds.is_empty();
        // Without a span there is no step to take, and only implicit methods know what to do with a mass matrix.
        if !plain || self.span.start == self.span.end || system.mass_matrix().is_some() {
            return None;
        }
        Coefficients::of(if *method == Method::Automatic { calm_method(*rtol) } else { *method })
    }

    /// Shares the trajectories out to the threads and puts the results together.
    fn solve_chunks<F>(&self, solve: F) -> crate::Result<EnsembleSolution>
    where
        F: Fn(Chunk) -> crate::Result<Vec<(usize, SolveError)>> + Sync,
    {
        let stride = self.stride();
        let mut states = vec![0.0; self.count * stride];
        let mut statistics = vec![Statistics::default(); self.count];
        let threads = rayon::current_num_threads().max(1);
        let share = self.count.div_ceil(threads).next_multiple_of(MOST_LANES).min(SMALLEST_CHUNK);
        let size = (self.count / (8 * threads)).clamp(share.max(1), LARGEST_CHUNK);
        let failures: Vec<Vec<(usize, SolveError)>> = statistics
            .par_chunks_mut(size)
            .zip(states.par_chunks_mut(size * stride))
            .enumerate()
            .with_max_len(1)
            .map(|(c, (statistics, states))| solve(Chunk { first: c * size, statistics, states }))
            .collect::<crate::Result<_>>()?;
        let mut failures: Vec<(usize, SolveError)> = failures.into_iter().flatten().collect();
        failures.sort_by_key(|(k, _)| *k);
        let times = match &self.save {
            Save::Times(times) => times.clone(),
            _ => vec![self.span.end],
        };
        Ok(EnsembleSolution { names: self.names.clone(), times, stride, states, statistics, failures })
    }
}

/// The trajectories of a chunk one by one.
fn solve_each(system: &dyn System, task: &Task, chunk: Chunk) -> crate::Result<Vec<(usize, SolveError)>> {
    let mut chunk = chunk;
    let mut failures = Vec::new();
    for k in 0..chunk.statistics.len() {
        if let Some(error) = solve_into(system, task, &mut chunk, k)? {
            failures.push((chunk.first + k, error));
        }
    }
    Ok(failures)
}

/// Solves anew, with a free choice of method, what an explicit one over lanes did not bring to its end.
fn hand_over(
    system: &dyn System,
    task: &Task,
    chunk: Chunk,
    failures: Vec<(usize, SolveError)>,
) -> crate::Result<Vec<(usize, SolveError)>> {
    let mut chunk = chunk;
    let mut left = Vec::new();
    for (k, error) in failures {
        let error = match error {
            SolveError::NotFiniteAtStart { .. } => Some(error),
            _ => {
                let place = k - chunk.first;
                solve_into(system, task, &mut chunk, place)?
            }
        };
        left.extend(error.map(|error| (k, error)));
    }
    Ok(left)
}

/// Trajectory `k` of a chunk by a solve of its own.
fn solve_into(system: &dyn System, task: &Task, chunk: &mut Chunk, k: usize) -> crate::Result<Option<SolveError>> {
    match solve_one(system, task, chunk.first + k) {
        Ok(solution) => {
            chunk.statistics[k] = solution.statistics();
            chunk.states[k * task.stride()..][..solution.states().len()].copy_from_slice(solution.states());
            Ok(None)
        }
        Err(crate::Error::Solve(error)) => {
            chunk.statistics[k] = error.partial().map(Solution::statistics).unwrap_or_default();
            Ok(Some(error))
        }
        Err(other) => Err(other),
    }
}

/// Rows must have the lengths that the system has states and parameters.
fn check_rows(system: &dyn System, initial: &Rows, parameters: &Rows, names: &[String]) -> crate::Result<()> {
    let (width, expected) = (initial.width("initials")?, names.len());
    if width != expected && initial.count() != Some(0) {
        let what = if initial.count().is_some() { "each row of `initials`" } else { "the initial state" };
        return Err(ModelError::Length { what, found: width, expected, names: names.join(", ") }.into());
    }
    let width = parameters.width("parameter_sets")?;
    if parameters.count() != Some(0) {
        system.check_parameters(width)?;
    }
    Ok(())
}

/// Number of trajectories.
fn count(initial: &Rows, parameters: &Rows) -> Result<usize, SolveError> {
    match (initial.count(), parameters.count()) {
        (Some(states), Some(sets)) if states != sets => Err(SolveError::Argument {
            argument: "initials",
            problem: format!("has {states} rows, and `parameter_sets` has {sets}"),
            advice: "give a row of each for every trajectory, or one for all with `initial` or `parameters`"
                .to_string(),
        }),
        (Some(rows), _) | (_, Some(rows)) => Ok(rows),
        (None, None) => Ok(1),
    }
}
