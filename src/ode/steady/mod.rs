//! Steady states: where $f(u, p) = 0$.

mod conserved;
mod error;
mod pseudo_transient;
#[cfg(test)]
mod tests;

pub use error::SteadyError;

use super::Component;
use super::damped_newton::{DampedNewton, Failure, Limits, Shift};
use super::integrate::{Progress, Span};
use super::integrator::Integrator;
use super::options::{Options, Save, Tolerance};
use super::problem::Plain;
use super::request::{Held, Request, check_state};
use super::solution::{JacobianSource, Statistics};
use super::stepper::{Context, Implicit};
use crate::model::{Bound, MassMatrix, Model, ModelError, Sparsity, System};
use conserved::{Pinned, Pins, totals};
use faer::Mat;
use pseudo_transient::{NEARBY, continuation};

/// A steady state of a model, looked for from a guess.
///
/// Three routes, each where the one before fails:
///
/// 1. Newton's method with damping (P. Deuflhard, *Newton Methods for Nonlinear Problems*, 2004, section 3.3), with exact
///    Jacobians for models. It finds unstable steady states, too, and not always the one nearest to the guess.
/// 2. Pseudo-transient continuation (C. T. Kelley, D. E. Keyes, SIAM J. Numer. Anal. 35, 1998): along the transient from
///    the guess, with ever longer steps.
/// 3. A plain integration in time, over longer and longer spans.
///
/// Totals that the system conserves, linear ones such as the atoms of a closed reaction network, make the Jacobian singular
/// everywhere. They are recognised (up to 400 states), and the steady state found has the totals of the guess.
///
/// With a mass matrix $M$ steady states are those of $f$, algebraic equations included.
///
/// ```
/// use ansatz::ode::{Route, SteadyState};
/// use ansatz::prelude::*;
/// struct Brusselator;
/// impl Model for Brusselator {
///     fn states(&self) -> Names { ["u", "v"].into() }
///     fn parameters(&self) -> Names { ["A", "B"].into() }
///     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
///         let [a, b] = p.parameters();
///         let reaction = u[0] * u[0] * u[1];
///         du[0] = a + reaction - (b + 1.0) * u[0];
///         du[1] = b * u[0] - reaction;
///     }
/// }
/// let steady = SteadyState::new(&Brusselator, [1.5, 2.0]).parameters([1.0, 3.0]).run()?;
/// assert!((steady.state[0] - 1.0).abs() < 1e-12 && (steady.state[1] - 3.0).abs() < 1e-12); // u = A, v = B/A
/// assert_eq!(steady.route, Route::Newton);
/// assert_eq!(steady.stable, Some(false)); // B > 1 + A²: it oscillates
/// # Ok::<(), ansatz::Error>(())
/// ```
pub struct SteadyState<'a, S: System> {
    system: Result<Held<'a, S>, ModelError>,
    guess: Vec<f64>,
    parameters: Vec<f64>,
    t: f64,
    options: Options,
}

/// How a steady state was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// Newton's method from the guess.
    Newton,
    /// Pseudo-transient continuation.
    PseudoTransient,
    /// An integration in time until Newton's method converged.
    Integration,
}

/// A steady state.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Steady {
    /// Names of the states.
    pub names: Vec<String>,
    /// The state.
    pub state: Vec<f64>,
    /// The right-hand side there: rounding.
    pub residual: Vec<f64>,
    /// Iterations on all routes that were tried, each with a factorisation.
    pub iterations: usize,
    /// How it was found.
    pub route: Route,
    /// Whether small deviations die out: `Some(true)` when all eigenvalues of $f_u$ have negative real parts, `Some(false)`
    /// when one has a positive one. `None` when rounding hides it, with a mass matrix, and for more than 200 states.
    /// Deviations that change a conserved total are left out.
    pub stable: Option<bool>,
    /// Whether no other steady state with the same conserved totals is infinitely near: the Jacobian is regular.
    pub isolated: bool,
    /// Number of conserved totals, kept from the guess.
    pub conserved: usize,
    /// Where the Jacobians came from.
    pub jacobian: JacobianSource,
}

impl std::fmt::Display for Steady {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, value) in self.names.iter().zip(&self.state) {
            write!(f, "{name} = {value}, ")?;
        }
        let stable = match self.stable {
            Some(true) => "stable",
            Some(false) => "unstable",
            None => "stability not known",
        };
        write!(f, "{stable}; {:?}, {} iterations", self.route, self.iterations)
    }
}

const GLOBAL: Limits = Limits { iterations: 100, smallest_part: 1e-6 };
/// States up to which eigenvalues are computed.
const MOST_EIGENVALUES: usize = 200;
/// Spans of the integration in time, each ten times the one before.
const DECADES: usize = 12;
/// Steps that each of them may take.
const STEPS: usize = 20_000;

impl<'a, M: Model> SteadyState<'a, Bound<'a, M>> {
    /// A steady state of a model near `guess`.
    pub fn new(model: &'a M, guess: impl Into<Vec<f64>>) -> Self {
        SteadyState::build(Bound::new(model).map(|bound| Held::Own(Box::new(bound))), guess.into())
    }
}

impl<'a, S: System> SteadyState<'a, S> {
    /// A steady state of a system (a [`Bound`] model, a closure made with [`from_fn`](crate::model::from_fn), or one's own).
    pub fn system(system: &'a S, guess: impl Into<Vec<f64>>) -> Self {
        SteadyState::build(Ok(Held::Lent(system)), guess.into())
    }

    fn build(system: Result<Held<'a, S>, ModelError>, guess: Vec<f64>) -> Self {
        let options = Options { rtol: 1e-8, atol: Tolerance::Scalar(1e-10), ..Options::default() };
        SteadyState { system, guess, parameters: Vec::new(), t: 0.0, options }
    }

    /// The flat parameters: mechanistic ones, then weights.
    pub fn parameters(mut self, p: impl Into<Vec<f64>>) -> Self {
        self.parameters = p.into();
        self
    }

    /// Relative size of the last but one correction to the state; the last one leaves much less. Default 1e-8.
    pub fn rtol(mut self, rtol: f64) -> Self {
        self.options.rtol = rtol;
        self
    }

    /// The size below which a state is noise, one or one for each state. Default 1e-10.
    pub fn atol(mut self, atol: impl Into<Tolerance>) -> Self {
        self.options.atol = atol.into();
        self
    }

    /// The time to take in a right-hand side that depends on it. Default 0.
    pub fn time(mut self, t: f64) -> Self {
        self.t = t;
        self
    }

    /// Looks for it.
    ///
    /// # Errors
    /// A [`ModelError`] when the model does not fit together, a [`SolveError`](super::SolveError) for tolerances that make
    /// no sense, a [`SteadyError`] when no steady state was found.
    pub fn run(self) -> crate::Result<Steady> {
        Ok(self.run_with_pins()?.0)
    }

    /// The time that the right-hand side is taken at.
    pub(crate) fn time_taken(&self) -> f64 {
        self.t
    }

    /// Looks for it; with what holds its conserved totals, the system and its parameters.
    pub(crate) fn run_with_pins(self) -> crate::Result<(Steady, Pins, Held<'a, S>, Vec<f64>)> {
        let system = self.system?;
        let n = system.dimension();
        if n == 0 {
            return Err(ModelError::NoStates.into());
        }
        let names: Vec<String> = (0..n).map(|i| system.state_name(i)).collect();
        system.check_parameters(self.parameters.len())?;
        check_state("the guess", &self.guess, &names)?;
        self.options.check(n)?;
        if let Some(mass) = system.mass_matrix() {
            mass.check(n).map_err(ModelError::Mass)?;
        }
        if let Some(i) = self.guess.iter().position(|u| !u.is_finite()) {
            return Err(SteadyError::Guess { component: component(&names, i), value: self.guess[i] }.into());
        }
        let frozen = Frozen { system: &*system, t: self.t };
        let mut values = vec![0.0; frozen.sparsity().map_or(n * n, Sparsity::entry_count)];
        let exact = frozen.state_jacobian(self.t, &self.guess, &self.parameters, &mut values);
        let (p, options) = (self.parameters, self.options);
        let search = Search { frozen: &frozen, guess: self.guess, p, options, names, exact };
        let found = search.run();
        let p = search.p;
        let (steady, pins) = found?;
        Ok((steady, pins, system, p))
    }
}

fn component(names: &[String], index: usize) -> Component {
    Component { index, name: names.get(index).cloned().unwrap_or_default() }
}

/// A system at one time.
struct Frozen<'s> {
    system: &'s dyn System,
    t: f64,
}

impl System for Frozen<'_> {
    fn dimension(&self) -> usize {
        self.system.dimension()
    }
    fn check_parameters(&self, length: usize) -> Result<(), ModelError> {
        self.system.check_parameters(length)
    }
    fn state_name(&self, index: usize) -> String {
        self.system.state_name(index)
    }
    fn eval(&self, _t: f64, u: &[f64], p: &[f64], du: &mut [f64]) {
        self.system.eval(self.t, u, p, du);
    }
    fn sparsity(&self) -> Option<&Sparsity> {
        self.system.sparsity()
    }
    fn state_jacobian(&self, _t: f64, u: &[f64], p: &[f64], values: &mut [f64]) -> bool {
        self.system.state_jacobian(self.t, u, p, values)
    }
    fn is_autonomous(&self) -> bool {
        true
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        self.system.mass_matrix()
    }
}

struct Search<'s> {
    frozen: &'s Frozen<'s>,
    guess: Vec<f64>,
    p: Vec<f64>,
    options: Options,
    names: Vec<String>,
    /// Whether the system has exact Jacobians.
    exact: bool,
}

/// Where a search ended.
struct Found {
    state: Vec<f64>,
    iterations: usize,
    route: Result<Route, Failure>,
}

impl Search<'_> {
    fn run(&self) -> Result<(Steady, Pins), SteadyError> {
        let span = Span { start: self.frozen.t, end: self.frozen.t };
        let mut plain = Plain::new(self.frozen, &self.p, &self.options, span);
        let totals = totals(&mut plain, self.frozen.t, &self.guess);
        if !totals.is_empty() {
            let sizes = row_sizes(&mut plain, &self.guess);
            let mut pinned = Pinned::new(&mut plain, &totals, &sizes, &self.guess);
            let found = self.search(&mut pinned);
            if let Some(steady) = self.steady(&mut pinned, &found, totals.len()) {
                return Ok((steady, pinned.pins));
            }
        }
        let found = self.search(&mut plain);
        match self.steady(&mut plain, &found, 0) {
            Some(steady) => Ok((steady, Vec::new())),
            None => Err(self.error(&mut plain, &found)),
        }
    }

    /// All routes, one after the other.
    fn search(&self, f: &mut dyn Implicit) -> Found {
        let (mut newton, mut statistics) = (DampedNewton::default(), Statistics::default());
        let cx = &mut Context { options: &self.options, statistics: &mut statistics };
        newton.start(f, cx);
        let mut u = self.guess.clone();
        let mut route = newton.solve(f, Shift::By(0.0), self.frozen.t, &mut u, GLOBAL, cx).map(|()| Route::Newton);
        if matches!(route, Err(Failure::Stuck | Failure::Singular(_))) {
            u.copy_from_slice(&self.guess);
            let continued = continuation(f, &mut newton, self.frozen.t, &mut u, cx);
            route = continued.map(|()| Route::PseudoTransient);
        }
        if matches!(route, Err(Failure::Stuck | Failure::Singular(_)))
            && let Some(state) = self.integrate(f, &mut newton, cx)
        {
            (u, route) = (state, Ok(Route::Integration));
        }
        Found { state: u, iterations: newton.iterations, route }
    }

    /// Integrates in time until Newton's method converges from there in whole steps.
    fn integrate(&self, f: &mut dyn Implicit, newton: &mut DampedNewton, cx: &mut Context) -> Option<Vec<f64>> {
        let (n, start) = (self.guess.len(), self.frozen.t);
        let mut slope = vec![0.0; n];
        f.try_eval(start, &self.guess, &mut slope);
        // The time in which the slowest state would change by as much as it is.
        let time = |i: usize| (self.options.atol.of(i) + self.guess[i].abs()) / slope[i].abs();
        let mut span = (0..n).map(time).filter(|t| t.is_finite()).fold(0.0, f64::max);
        if span == 0.0 {
            return None;
        }
        let mut request = Request::new(self.guess.clone(), Span { start, end: start + span });
        request.parameters.clone_from(&self.p);
        request.options = Options { max_steps: Some(STEPS), ..self.options.clone() };
        (request.save, request.mends) = (Save::End, true);
        request.check(self.frozen).ok()?;
        let mut integrator = Integrator::new(Held::Lent(self.frozen as &dyn System), request).ok()?;
        for _ in 0..DECADES {
            while integrator.step().ok()? == Progress::Going {}
            let mut u = integrator.state().to_vec();
            if newton.solve(f, Shift::By(0.0), start, &mut u, NEARBY, cx).is_ok() {
                return Some(u);
            }
            span *= 10.0;
            integrator.extend_to(start + span).ok()?;
        }
        None
    }

    /// What a successful search has found, looked at once more: whether it is a zero of the right-hand side itself, and
    /// what its Jacobian says.
    fn steady(&self, f: &mut dyn Implicit, found: &Found, conserved: usize) -> Option<Steady> {
        let route = found.route.ok()?;
        let (t, n, u) = (self.frozen.t, self.guess.len(), &found.state);
        let mut residual = vec![0.0; n];
        self.frozen.eval(t, u, &self.p, &mut residual);
        let (mut newton, mut statistics) = (DampedNewton::default(), Statistics::default());
        let cx = &mut Context { options: &self.options, statistics: &mut statistics };
        newton.start(f, cx);
        let regular = if self.exact { 1e12 } else { 1e6 };
        let isolated = newton.correct(f, Shift::By(0.0), t, u, cx).is_ok() && newton.condition(f, u, cx) < regular;
        // The pins must not hold anything: what they add to the right-hand side is to be rounding.
        let pulled = residual.iter().zip(&newton.residual).map(|(f, g)| (f - g).abs()).fold(0.0, f64::max);
        let jacobian = &newton.matrix.jacobian;
        let allowed = |i: usize| self.options.atol.of(i) + self.options.rtol * u[i].abs();
        let strength = jacobian.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        if pulled > strength * (0..n).map(allowed).fold(0.0, f64::max) {
            return None;
        }
        let eigenvalues = n <= MOST_EIGENVALUES && f.mass().is_none() && isolated;
        Some(Steady {
            names: self.names.clone(),
            state: u.clone(),
            residual,
            iterations: found.iterations,
            route,
            stable: if eigenvalues { self.stable(f.sparsity(), jacobian, u) } else { None },
            isolated,
            conserved,
            jacobian: if self.exact { JacobianSource::Exact } else { JacobianSource::Differences },
        })
    }

    /// The sign of the largest real part of an eigenvalue, in the units of the tolerances, where rounding leaves one.
    fn stable(&self, sparsity: Option<&Sparsity>, jacobian: &[f64], u: &[f64]) -> Option<bool> {
        let n = u.len();
        let scale = |i: usize| self.options.atol.of(i) + self.options.rtol * u[i].abs();
        let mut scaled = Mat::<f64>::zeros(n, n);
        let mut at = 0;
        for j in 0..n {
            let mut put = |i: usize| {
                scaled[(i, j)] = jacobian[at] * scale(j) / scale(i);
                at += 1;
            };
            match sparsity {
                None => (0..n).for_each(&mut put),
                Some(sparsity) => sparsity.column(j).iter().for_each(|i| put(*i)),
            }
        }
        let largest = (0..n).flat_map(|j| (0..n).map(move |i| (i, j))).fold(0.0f64, |m, at| m.max(scaled[at].abs()));
        let eigenvalues = scaled.eigenvalues().ok()?;
        let abscissa = eigenvalues.iter().map(|z| z.re).fold(f64::NEG_INFINITY, f64::max);
        let rounding = if self.exact { 1e-13 } else { 1e-6 };
        (abscissa.abs() > rounding * n as f64 * largest).then_some(abscissa < 0.0)
    }

    /// Why a search failed, with where it ended.
    fn error(&self, f: &mut dyn Implicit, found: &Found) -> SteadyError {
        let (t, u) = (self.frozen.t, &found.state);
        let mut slope = vec![0.0; u.len()];
        f.try_eval(t, u, &mut slope);
        // In the scale of the guess: a state that grew without bound is to be named, not those that it dwarfs.
        let scaled = |i: usize| (slope[i] / (self.options.atol.of(i) + self.options.rtol * self.guess[i].abs())).abs();
        let worst = (0..u.len()).fold(0, |worst, i| if scaled(i) > scaled(worst) { i } else { worst });
        let (residual, state, iterations) = (slope[worst], u.clone(), found.iterations);
        let (mut newton, mut statistics) = (DampedNewton::default(), Statistics::default());
        let cx = &mut Context { options: &self.options, statistics: &mut statistics };
        newton.start(f, cx);
        let worst = component(&self.names, worst);
        match [&self.guess, u].map(|u| newton.correct(f, Shift::By(0.0), t, u, cx)) {
            [Err(Failure::NotFinite(i)), _] => SteadyError::NotFinite { component: component(&self.names, i) },
            [Err(Failure::Singular(_)), Err(Failure::Singular(i))] => {
                SteadyError::Singular { component: component(&self.names, i), worst, residual, state }
            }
            _ => SteadyError::NotFound { component: worst, residual, iterations, state },
        }
    }
}

/// The largest entry of each row of the Jacobian.
fn row_sizes(f: &mut dyn Implicit, u: &[f64]) -> Vec<f64> {
    let n = u.len();
    let (mut slope, mut statistics) = (vec![0.0; n], Statistics::default());
    let mut values = vec![0.0; f.sparsity().map_or(n * n, |s| s.entry_count())];
    f.try_eval(0.0, u, &mut slope);
    f.jacobian(0.0, u, &slope, &mut values, &mut statistics);
    let mut sizes = vec![0.0f64; n];
    for (at, x) in values.iter().enumerate().filter(|(_, x)| x.is_finite()) {
        let row = f.sparsity().map_or(at % n, |s| s.rows()[at]);
        sizes[row] = sizes[row].max(x.abs());
    }
    sizes
}
