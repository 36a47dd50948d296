//! `Solve`: an initial-value problem, put together and solved.

use super::control::StepControl;
use super::events::{Event, Preset};
use super::explicit::{ExplicitRk, Tsit5};
use super::failure::failure;
use super::integrate::{Span, StopReason, Workspace, integrate};
use super::integrator::Integrator;
use super::keep::{Integrand, Saver};
use super::linear::LinearSolver;
use super::options::{Method, Options, Save, Tolerance};
use super::problem::Plain;
use super::request::{Held, Request};
use super::solution::{Solution, Statistics};
use crate::model::{Bound, Model, ModelError, System};
use std::sync::Arc;

/// The initial-value problem $\dot u = f(t, u, p)$, $u(t_0) = u_0$ up to $t_1$; time may run backwards.
///
/// ```
/// use ansatz::prelude::*;
/// struct Logistic;
/// impl Model for Logistic {
///     fn states(&self) -> Names { ["n"].into() }
///     fn parameters(&self) -> Names { ["rate"].into() }
///     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
///         let [rate] = p.parameters();
///         du[0] = rate * u[0] * (-u[0] + 1.0);
///     }
/// }
/// let solution = Solve::new(&Logistic, [0.1], 0.0, 5.0).parameters([1.0]).rtol(1e-9).save_at(&[2.5, 5.0]).run()?;
/// let exact = |t: f64| 1.0 / (1.0 + 9.0 * (-t).exp());
/// assert!((solution.state(1)[0] - exact(5.0)).abs() < 1e-8);
/// # Ok::<(), ansatz::Error>(())
/// ```
pub struct Solve<'a, S: System> {
    system: Result<Held<'a, S>, ModelError>,
    asked: Request<'a>,
}

impl<'a, M: Model> Solve<'a, Bound<'a, M>> {
    /// A model from `initial` at `start` to `end`.
    pub fn new(model: &'a M, initial: impl Into<Vec<f64>>, start: f64, end: f64) -> Self {
        Solve::build(Bound::new(model).map(|bound| Held::Own(Box::new(bound))), initial.into(), start, end)
    }
}

impl<'a, S: System> Solve<'a, S> {
    /// A system (a [`Bound`] model, a closure made with [`from_fn`](crate::model::from_fn), or one's own).
    pub fn system(system: &'a S, initial: impl Into<Vec<f64>>, start: f64, end: f64) -> Self {
        Solve::build(Ok(Held::Lent(system)), initial.into(), start, end)
    }

    fn build(system: Result<Held<'a, S>, ModelError>, initial: Vec<f64>, start: f64, end: f64) -> Self {
        Solve { system, asked: Request::new(initial, Span { start, end }) }
    }

    /// The flat parameters: mechanistic ones, then weights.
    pub fn parameters(mut self, p: impl Into<Vec<f64>>) -> Self {
        self.asked.parameters = p.into();
        self
    }

    /// Relative tolerance; default 1e-6.
    pub fn rtol(mut self, rtol: f64) -> Self {
        self.asked.options.rtol = rtol;
        self
    }

    /// Absolute tolerance, one or one for each state; default 1e-8.
    pub fn atol(mut self, atol: impl Into<Tolerance>) -> Self {
        self.asked.options.atol = atol.into();
        self
    }

    /// The method; default [`Method::Automatic`].
    pub fn method(mut self, method: Method) -> Self {
        self.asked.options.method = method;
        self
    }

    /// Attempted steps before giving up; default 100 000, and for an explicit method no more than 10 000 once stability is
    /// what limits its steps.
    pub fn max_steps(mut self, max_steps: usize) -> Self {
        self.asked.options.max_steps = Some(max_steps);
        self
    }

    /// The largest step; default: the whole interval.
    pub fn h_max(mut self, h_max: f64) -> Self {
        self.asked.options.h_max = Some(h_max);
        self
    }

    /// All steps of this size, without error control.
    pub fn fixed_step(mut self, h: f64) -> Self {
        self.asked.options.fixed_step = Some(h);
        self
    }

    /// Time on the clock that the solve may take; default: no limit.
    pub fn time_budget(mut self, budget: std::time::Duration) -> Self {
        self.asked.options.time_budget = Some(budget);
        self
    }

    /// Times at which the right-hand side jumps: steps end exactly there.
    pub fn discontinuities(mut self, times: &[f64]) -> Self {
        self.asked.options.discontinuities = times.to_vec();
        self
    }

    /// Bounds of a state, by name: a step that leaves them is made again, smaller.
    pub fn bounds(mut self, state: impl Into<String>, bounds: std::ops::RangeInclusive<f64>) -> Self {
        self.asked.bounds.push((state.into(), *bounds.start(), *bounds.end()));
        self
    }

    /// No state may become negative: a step that makes one so is made again, smaller.
    pub fn non_negative(mut self) -> Self {
        self.asked.bounds.push((String::new(), 0.0, f64::INFINITY));
        self
    }

    /// The size of the first step; default: from the derivatives at the start.
    pub fn h_initial(mut self, h: f64) -> Self {
        self.asked.options.h_initial = Some(h);
        self
    }

    /// The smallest step, relative to the time reached; default 1e-15. A solve whose steps have to be shorter fails.
    pub fn h_min_relative(mut self, part: f64) -> Self {
        self.asked.options.h_min_relative = part;
        self
    }

    /// How the error sets the size of the next step; default: what suits the method.
    pub fn controller(mut self, controller: StepControl) -> Self {
        self.asked.options.controller = Some(controller);
        self
    }

    /// How an implicit method solves its linear systems; default: by size and sparsity.
    pub fn linear_solver(mut self, linear_solver: LinearSolver) -> Self {
        self.asked.options.linear_solver = linear_solver;
        self
    }

    /// A preconditioner for [`LinearSolver::Krylov`] in place of ILU(0): `prepare(t, u, p, σ)` gives what replaces a vector $r$
    /// by $P^{-1} r$, where $P$ is near $\sigma M - f_u(t, u, p)$. It is called for every matrix that would be factorised.
    ///
    /// ```
    /// use ansatz::ode::LinearSolver;
    /// use ansatz::prelude::*;
    /// # struct Rod;
    /// # impl Model for Rod {
    /// #     fn states(&self) -> Names { (0..60).map(|i| format!("u{i}")).collect::<Vec<_>>().into() }
    /// #     fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
    /// #         for i in 0..60 {
    /// #             let left = if i > 0 { u[i - 1] } else { R::zero() };
    /// #             let right = if i < 59 { u[i + 1] } else { R::zero() };
    /// #             du[i] = (left - u[i] * 2.0 + right) * 3721.0;
    /// #         }
    /// #     }
    /// # }
    /// // Heat on a rod, with the diagonal of σ − f_u: Jacobi's.
    /// let rod = Bound::new(&Rod)?;
    /// let solution = Solve::system(&rod, [1.0; 60], 0.0, 0.05)
    ///     .method(Method::Bdf)
    ///     .linear_solver(LinearSolver::Krylov)
    ///     .preconditioner(|_t, _u, _p, sigma| {
    ///         let diagonal = sigma + 2.0 * 3721.0;
    ///         Box::new(move |r| r.iter_mut().for_each(|r| *r /= diagonal))
    ///     })
    ///     .run()?;
    /// assert!(solution.linear_solver().unwrap().contains("the preconditioner given"));
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    pub fn preconditioner(
        mut self,
        prepare: impl Fn(f64, &[f64], &[f64], f64) -> Box<dyn FnMut(&mut [f64]) + Send> + Send + Sync + 'static,
    ) -> Self {
        self.asked.preconditioner = Some(Arc::new(prepare));
        self
    }

    /// An upper bound of the spectral radius of $f_u$, for the stabilised methods; default: estimated.
    ///
    /// ```
    /// use ansatz::prelude::*;
    /// // Heat on a rod of 50 points: Gershgorin's circles reach from 0 to −4/Δx².
    /// let inverse = 51.0f64.powi(2);
    /// let rod = from_fn((0..50).map(|i| format!("u{i}")).collect::<Vec<_>>(), move |_t, u, _p, du| {
    ///     for i in 0..50 {
    ///         let (left, right) = (if i > 0 { u[i - 1] } else { 0.0 }, if i < 49 { u[i + 1] } else { 0.0 });
    ///         du[i] = inverse * (left - 2.0 * u[i] + right);
    ///     }
    /// });
    /// let start: Vec<f64> = (1..=50).map(|i| (std::f64::consts::PI * i as f64 / 51.0).sin()).collect();
    /// let solve = || Solve::system(&rod, start.clone(), 0.0, 0.1).method(Method::Rock4);
    /// let known = solve().spectral_radius(4.0 * inverse).run()?;
    /// assert!(known.statistics().rhs < solve().run()?.statistics().rhs);
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    pub fn spectral_radius(mut self, bound: f64) -> Self {
        self.asked.options.spectral_radius = Some(bound);
        self
    }

    /// Looks for an event.
    pub fn event(mut self, event: Event<'a>) -> Self {
        self.asked.events.push(event);
        self
    }

    /// Changes the state at given times: `effect(t, u, p)`. Doses, for instance. Steps end exactly there.
    ///
    /// One at the start acts, one at the end does not: it is the first of a solve that [goes on](Self::continuing) from there,
    /// so that each acts once however a span is divided.
    ///
    /// ```
    /// use ansatz::prelude::*;
    /// let drug = from_fn(["amount"], |_t, u, _p, du| du[0] = -u[0]);
    /// let solution = Solve::system(&drug, [1.0], 0.0, 2.0).at_times(&[1.0], |_t, u, _p| u[0] += 1.0).run()?;
    /// assert!((solution.last()[0] - (-1.0f64).exp() * (1.0 + (-1.0f64).exp())).abs() < 1e-6);
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    pub fn at_times(mut self, times: &[f64], effect: impl Fn(f64, &mut [f64], &[f64]) + 'a) -> Self {
        self.asked.presets.push(Preset { times: times.to_vec(), effect: Box::new(effect) });
        self
    }

    /// Sums $\int g(t, u, p) dt$ along the way, from the dense output; read it with
    /// [`Solution::integral`].
    pub fn integral(mut self, name: impl Into<String>, g: impl Fn(f64, &[f64], &[f64]) -> f64 + 'a) -> Self {
        self.asked.integrands.push(Integrand { name: name.into(), function: Box::new(g) });
        self
    }

    /// All options at once, in place of those given before.
    pub fn options(mut self, options: Options) -> Self {
        self.asked.options = options;
        self
    }

    /// Keeps the states at these times only, from dense output.
    pub fn save_at(mut self, times: &[f64]) -> Self {
        self.asked.save = Save::Times(times.to_vec());
        self
    }

    /// Chooses what to keep; default: every step with dense output.
    pub fn save(mut self, save: Save) -> Self {
        self.asked.save = save;
        self
    }

    /// Where the mass matrix is singular, computes the states that only algebraic equations determine, at the start and
    /// after events, from the others. Without it a start that does not fulfil them is an error.
    ///
    /// With $N$ a basis of the left null space of $M$, Newton's method solves $N^\top f(t, u, p) = 0$ for the $u$ with the
    /// $M u$ that was given.
    ///
    /// ```
    /// use ansatz::model::MassMatrix;
    /// use ansatz::prelude::*;
    /// struct Draining; // x' = −y, 0 = y³ − x
    /// impl Model for Draining {
    ///     fn states(&self) -> Names { ["x", "y"].into() }
    ///     fn mass_matrix(&self) -> Option<MassMatrix> { Some(MassMatrix::diagonal([1.0, 0.0])) }
    ///     fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
    ///         du[0] = -u[1];
    ///         du[1] = u[1].powi(3) - u[0];
    ///     }
    /// }
    /// let solution = Solve::new(&Draining, [8.0, 1.0], 0.0, 1.0).consistent_start().run()?;
    /// assert!((solution.state(0)[1] - 2.0).abs() < 1e-12);
    /// assert!(Solve::new(&Draining, [8.0, 1.0], 0.0, 1.0).run().is_err());
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    pub fn consistent_start(mut self) -> Self {
        self.asked.mends = true;
        self
    }

    /// Goes on where a solution ended ([`Solution::end`], whatever times were saved), to `end`, in place of the initial state and the span given before. Join the two with
    /// [`Solution::extend`].
    ///
    /// ```
    /// use ansatz::prelude::*;
    /// let circle = from_fn(["x", "y"], |_t, u, _p, du| {
    ///     du[0] = -u[1];
    ///     du[1] = u[0];
    /// });
    /// let solve = || Solve::system(&circle, [1.0, 0.0], 0.0, 3.0).rtol(1e-9).atol(1e-9);
    /// let mut solution = solve().run()?;
    /// solution.extend(solve().continuing(&solution, 6.0).run()?)?;
    /// let u = solution.at(5.5)?;
    /// assert!((u[0] - 5.5f64.cos()).abs() < 1e-7);
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    pub fn continuing(mut self, solution: &Solution, end: f64) -> Self {
        let (start, u) = solution.end();
        self.asked.u = u.to_vec();
        self.asked.span = Span { start, end };
        self
    }

    /// Stands at the start, to be solved step by step.
    ///
    /// # Errors
    /// As [`run`](Self::run), for what can be seen at the start.
    pub fn start(self) -> crate::Result<Integrator<'a>> {
        let (system, request) = self.check()?;
        Integrator::new(system.erase(), request)?.at_start()
    }

    /// Solves.
    ///
    /// # Errors
    /// A [`ModelError`] when the model does not fit together, a [`SolveError`](super::SolveError) when an argument makes
    /// no sense or the solve could not reach the end; the latter carries the solution up to there.
    pub fn run(self) -> crate::Result<Solution> {
        let (system, request) = self.check()?;
        if request.options.method != Method::Tsit5 {
            return Ok(Integrator::new(system.erase(), request)?.run()?);
        }
        // The one that is compiled into one piece with the system.
        let (mut u, options, span) = (request.u.clone(), request.options.clone(), request.span);
        let plain = Plain::new(&*system, &request.parameters, &options, span);
        let mut keeper = request.keeper(&u);
        let mut saver = Saver { plain, keeper: &mut keeper };
        let mut method = ExplicitRk::<Tsit5>::new(Method::Tsit5);
        let (mut work, mut statistics) = (Workspace::default(), Statistics::default());
        match integrate(&mut method, &mut saver, &options, span, &mut u, &mut work, &mut statistics) {
            Ok(()) => {
                // A terminal event may have come before the end.
                let ended = keeper.ended.unwrap_or(span.end);
                Ok(keeper.finish(Some((ended, &u)), statistics))
            }
            Err(stop) => {
                let reached = (stop.reason != StopReason::NotFiniteAtStart).then_some((stop.t, &u[..]));
                Err(failure(stop, &options, span, keeper.finish(reached, statistics), &u).into())
            }
        }
    }

    pub(crate) fn check(self) -> crate::Result<(Held<'a, S>, Request<'a>)> {
        let (system, mut request) = (self.system?, self.asked);
        request.check(&*system)?;
        Ok((system, request))
    }
}
