//! Forward sensitivities: the derivative matrix carried along with the solution.

use super::any_forward::AnyForward;
use super::start::{goes_behind_pointers, put_in_order, refusal};
use crate::model::Differentiable;
use crate::number::simd::{Kernel, axpy, dispatch, multiply_add};
use crate::ode::explicit::{ExplicitRk, Tableau, Tsit5, power_sum};
use crate::ode::{
    Context, Kept, Method, Observer, Options, Rhs, SaveTimes, Solution, SolveError, Span, Statistics, Step, Stepper,
    Stop, StopReason, Workspace, failure, integrate,
};

/// The solution at given times together with $S(t_k) = \partial u(t_k) / \partial (p, u_0)$.
///
/// For each accepted step and stage (staggered: nothing is spent on rejected steps)
///
/// $$ K_i = f_u\Bigl(S + h \sum_j a_{ij} K_j\Bigr) + f_p, \qquad S_+ = S + h \sum_i b_i K_i, $$
///
/// which is the exact derivative of the computed step. The error control watches the states.
///
/// ```
/// use ansatz::adjoint::ForwardSensitivity;
/// use ansatz::prelude::*;
/// struct Decay;
/// impl Model for Decay {
///     fn states(&self) -> Names { ["u"].into() }
///     fn parameters(&self) -> Names { ["rate"].into() }
///     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
///         let [rate] = p.parameters();
///         du[0] = -rate * u[0];
///     }
/// }
/// let bound = Bound::new(&Decay)?;
/// let options = Options { rtol: 1e-10, ..Options::default() };
/// let mut forward = ForwardSensitivity::new(&bound, options);
/// forward.solve(0.0, &[3.0], &[0.5], &[2.0])?;
/// // u = 3 exp(−rate t):  ∂u/∂rate = −t u,  ∂u/∂u₀ = exp(−rate t)
/// let u = 3.0 * (-1.0f64).exp();
/// let row = forward.row(0, 0);
/// assert!((row[0] + 2.0 * u).abs() < 1e-8 && (row[1] - u / 3.0).abs() < 1e-8);
/// # Ok::<(), ansatz::Error>(())
/// ```
pub struct ForwardSensitivity<'a, Sys: Differentiable> {
    system: &'a Sys,
    options: Options,
    method: ExplicitRk<Tsit5>,
    work: Workspace,
    memory: Memory,
    statistics: Statistics,
    /// For all methods but the one that is compiled together with the system.
    any: AnyForward,
    /// Whether it made the last solve.
    by_any: bool,
}

/// States up to which any choice is one that sensitivities are carried over.
const MANY: usize = 100;

/// Everything a solve with sensitivities writes to, kept from one to the next.
#[derive(Default)]
struct Memory {
    /// Columns: parameters, then initial states.
    columns: usize,
    states: Vec<f64>,
    saved: Vec<f64>,
    tapes: Vec<f64>,
    current: Vec<f64>,
    stage: Vec<f64>,
    k: Vec<f64>,
    f_u: Vec<f64>,
    /// Weights of the stages at a saved time.
    weights: Vec<(usize, f64)>,
    reached: Vec<f64>,
}

impl<'a, Sys: Differentiable> ForwardSensitivity<'a, Sys> {
    /// Room for solves of one system.
    pub fn new(system: &'a Sys, options: Options) -> Self {
        let columns = system.parameter_count() + system.dimension();
        let memory = Memory { columns, ..Memory::default() };
        let (method, work) = (ExplicitRk::new(Method::Tsit5), Workspace::default());
        let (statistics, any) = (Statistics::default(), AnyForward::default());
        ForwardSensitivity { system, options, method, work, memory, statistics, any, by_any: false }
    }

    /// Solves from `start` through `times` (ordered, none before the start).
    ///
    /// # Errors
    /// [`SolveError`], with the states at the times that were reached.
    pub fn solve(&mut self, start: f64, initial: &[f64], p: &[f64], times: &[f64]) -> Result<(), SolveError> {
        super::discrete::check(self.system, &self.options, start, initial, p, times)?;
        self.run(start, initial, p, times).map_err(|stop| {
            let n = self.system.dimension();
            let partial = Solution::of(
                (0..n).map(|i| self.system.state_name(i)).collect(),
                times,
                self.states(),
                self.statistics,
            );
            let end = times.last().copied().unwrap_or(start);
            failure(stop, &self.options, Span { start, end }, partial, &self.memory.reached)
        })
    }

    /// [`solve`](Self::solve) without words; `states` then holds what was reached.
    pub(crate) fn run(&mut self, start: f64, initial: &[f64], p: &[f64], times: &[f64]) -> Result<(), Stop> {
        let (n, columns) = (self.system.dimension(), self.memory.columns);
        let span = Span { start, end: times.last().copied().unwrap_or(start) };
        self.by_any = goes_behind_pointers(self.system, &self.options);
        if self.by_any {
            return self.run_any(span, initial, p, times);
        }
        let memory = &mut self.memory;
        memory.states.clear();
        memory.saved.clear();
        memory.current.clear();
        memory.current.resize(n * columns, 0.0);
        for i in 0..n {
            memory.current[i * columns + self.system.parameter_count() + i] = 1.0;
        }
        memory.stage.resize(n * columns, 0.0);
        memory.f_u.resize(n * n, 0.0);
        memory.reached.clear();
        memory.reached.extend_from_slice(initial);
        self.statistics = Statistics::default();
        let (system, options, work, statistics) = (self.system, &self.options, &mut self.work, &mut self.statistics);
        memory.tapes.resize(Tsit5::STAGES * system.tape_len(), 0.0);
        memory.k.resize(Tsit5::STAGES * n * columns, 0.0);
        let mut u = std::mem::take(&mut memory.reached);
        let mut carrier = Carrier::new(system, p, start, times, &u, memory);
        let hands_over = options.method == Method::Automatic;
        carrier.stiff = if hands_over { Some(StopReason::LooksStiff) } else { refusal(options) };
        let result = integrate(&mut self.method, &mut carrier, options, span, &mut u, work, statistics);
        memory.reached = u;
        match result {
            // Left to choose, what looks stiff is begun afresh with methods that change.
            Err(Stop { reason: StopReason::LooksStiff, .. }) if options.method == Method::Automatic => {
                self.by_any = true;
                self.run_any(span, initial, p, times)
            }
            result => result,
        }
    }

    /// [`run`](Self::run) by any method, step by step.
    fn run_any(&mut self, span: Span, initial: &[f64], p: &[f64], times: &[f64]) -> Result<(), Stop> {
        let mut u = std::mem::take(&mut self.memory.reached);
        u.clear();
        u.extend_from_slice(initial);
        self.statistics = Statistics::default();
        put_in_order(&mut self.options, span);
        // Left to choose, sensitivities of many states go through Rodas5P, where a solve may take the BDF.
        let many = self.options.method == Method::Automatic && self.system.dimension() > MANY;
        let chosen = many.then(|| Options { method: Method::Rodas5P, ..self.options.clone() });
        let options = chosen.as_ref().unwrap_or(&self.options);
        let result = self.any.run(self.system, options, span, &mut u, p, times, &mut self.statistics);
        self.memory.reached = u;
        result
    }

    /// States at the times, row by row.
    pub fn states(&self) -> &[f64] {
        if self.by_any { &self.any.states } else { &self.memory.states }
    }

    /// Number of columns: parameters, then initial states.
    pub fn columns(&self) -> usize {
        self.memory.columns
    }

    /// The derivatives of state `i` at time `k` with respect to all parameters and initial states.
    pub fn row(&self, k: usize, i: usize) -> &[f64] {
        let (n, columns) = (self.system.dimension(), self.memory.columns);
        let saved = if self.by_any { &self.any.saved } else { &self.memory.saved };
        saved.get((k * n + i) * columns..(k * n + i + 1) * columns).unwrap_or_default()
    }

    /// The methods that made the steps of the last solve, in the order in which they were first used.
    pub fn methods(&self) -> Vec<Method> {
        if self.by_any { self.any.methods() } else { vec![Method::Tsit5] }
    }

    /// Counts of the last solve.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }
}

/// Records each stage, and on acceptance carries the sensitivities over the step.
struct Carrier<'s, Sys> {
    system: &'s Sys,
    p: &'s [f64],
    times: SaveTimes<'s>,
    memory: &'s mut Memory,
    /// Whether the first stage's sensitivity is already known from the step before.
    warm: bool,
    /// Why the solve ends where it looks stiff, if it does.
    stiff: Option<StopReason>,
}

impl<'s, Sys: Differentiable> Carrier<'s, Sys> {
    fn new(system: &'s Sys, p: &'s [f64], start: f64, times: &'s [f64], u: &[f64], memory: &'s mut Memory) -> Self {
        let times = SaveTimes::new(times, start, |_| {
            memory.states.extend_from_slice(u);
            memory.saved.extend_from_slice(&memory.current);
        });
        Carrier { system, p, times, memory, warm: false, stiff: None }
    }

    /// $K_s = f_u X + f_p$ with the sensitivity $X$ of the stage's argument in `memory.stage`.
    #[inline(always)]
    fn stage(&mut self, s: usize) {
        let (n, columns) = (self.system.dimension(), self.memory.columns);
        let Memory { tapes, stage, k, f_u, .. } = &mut *self.memory;
        let length = self.system.tape_len();
        let k = &mut k[s * n * columns..(s + 1) * n * columns];
        self.system.jacobian(self.p, &tapes[s * length..(s + 1) * length], f_u, k, columns);
        let parameters = self.system.parameter_count();
        for row in k.chunks_exact_mut(columns) {
            row[parameters..].fill(0.0);
        }
        dispatch(Product { f_u, x: stage, y: k, n, columns });
    }
}

impl<Sys: Differentiable> Rhs for Carrier<'_, Sys> {
    #[inline(always)]
    fn eval(&mut self, stage: usize, t: f64, u: &[f64], du: &mut [f64]) {
        let length = self.system.tape_len();
        let tape = &mut self.memory.tapes[stage * length..(stage + 1) * length];
        self.system.record(t, u, self.p, du, tape);
    }

    fn try_eval(&mut self, t: f64, u: &[f64], du: &mut [f64]) {
        self.system.eval(t, u, self.p, du);
    }
}

impl<Sys: Differentiable, T: Tableau> Observer<ExplicitRk<T>> for Carrier<'_, Sys> {
    type F = Self;
    #[inline(always)]
    fn rhs(&mut self) -> &mut Self {
        self
    }

    #[inline(always)]
    fn locate(
        &mut self,
        method: &mut ExplicitRk<T>,
        step: &Step,
        _cx: &mut Context,
    ) -> Result<Option<(f64, f64)>, Stop> {
        if let Some(reason) = self.stiff
            && Stepper::<Self>::looks_stiff(method)
        {
            return Err(Stop { reason, t: step.t, h: step.h.abs(), component: 0 });
        }
        Ok(None)
    }

    #[inline(always)]
    fn accepted(&mut self, method: &mut ExplicitRk<T>, step: &Step, kept: &Kept, _cx: &mut Context) {
        if !(self.warm && T::FIRST_SAME_AS_LAST) {
            self.memory.stage.copy_from_slice(&self.memory.current);
            self.stage(0);
        }
        for s in 1..T::STAGES {
            let Memory { stage, k, current, .. } = &mut *self.memory;
            dispatch(Combine { row: T::A[s], k, h: step.h, base: current, out: stage });
            self.stage(s);
        }
        let Memory { states, saved, k, current, stage, weights, .. } = &mut *self.memory;
        while let Some(t) = self.times.pass(step, kept.t) {
            let theta = step.theta(t);
            let at = states.len();
            states.resize(at + step.u.len(), 0.0);
            Stepper::<Self>::interpolate(method, step, theta, &mut states[at..]);
            let at = saved.len();
            saved.resize(at + current.len(), 0.0);
            weights.clear();
            if t == step.t_new {
                weights.extend_from_slice(T::B);
            } else {
                weights.extend(T::DENSE.iter().map(|(j, r)| (*j, power_sum(r, theta))));
            }
            dispatch(Combine { row: weights, k, h: step.h, base: current, out: &mut saved[at..] });
        }
        if T::FIRST_SAME_AS_LAST {
            // The last stage was evaluated at the new state, so its argument's sensitivity is that of the new state;
            // and its derivative is the first of the next step.
            std::mem::swap(current, stage);
            let row = current.len();
            let (first, rest) = k.split_at_mut(row);
            first.copy_from_slice(&rest[(T::STAGES - 2) * row..][..row]);
            let length = self.system.tape_len();
            self.memory.tapes.copy_within((T::STAGES - 1) * length..T::STAGES * length, 0);
            self.warm = true;
        } else {
            dispatch(Combine { row: T::B, k, h: step.h, base: current, out: stage });
            std::mem::swap(current, stage);
        }
    }
}

/// `out = base + h Σ aⱼ kⱼ` over long rows.
struct Combine<'a> {
    row: &'a [(usize, f64)],
    k: &'a [f64],
    h: f64,
    base: &'a [f64],
    out: &'a mut [f64],
}

impl Kernel for Combine<'_> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Combine { row, k, h, base, out } = self;
        let n = base.len();
        out.copy_from_slice(base);
        // Two stages at a time halve the traffic of `out`.
        for pair in row.chunks(2) {
            let (j, a0) = pair[0];
            let k0 = &k[j * n..(j + 1) * n];
            match pair.get(1) {
                Some((j, a1)) => {
                    let k1 = &k[j * n..(j + 1) * n];
                    let (c0, c1) = (h * a0, h * a1);
                    for ((y, x0), x1) in out.iter_mut().zip(k0).zip(k1) {
                        *y = multiply_add::<FMA>(c1, *x1, multiply_add::<FMA>(c0, *x0, *y));
                    }
                }
                None => axpy::<FMA>(h * a0, k0, out),
            }
        }
    }
}

/// `Y += F X` with a small square `F` and long rows.
struct Product<'a> {
    f_u: &'a [f64],
    x: &'a [f64],
    y: &'a mut [f64],
    n: usize,
    columns: usize,
}

impl Kernel for Product<'_> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Product { f_u, x, y, n, columns } = self;
        for (row, f_row) in y.chunks_exact_mut(columns).zip(f_u.chunks_exact(n)) {
            for (f, x) in f_row.iter().zip(x.chunks_exact(columns)) {
                axpy::<FMA>(*f, x, row);
            }
        }
    }
}
