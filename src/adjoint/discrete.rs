//! The discrete adjoint: the exact gradient of what a solve computed.
//!
//! What follows is Tsit5, compiled together with the system; other methods are in [`any`](super::any). The forward solve
//! keeps, for each stage, what the reverse sweep needs of it. Going back over a step from $u_+$ to $u$,
//! with $\lambda$ the cotangent of $u_+$:
//!
//! $$ \bar k_i = h b_i \lambda + h \sum_{j > i} a_{ji} \bar U_j + h b_i(\theta) \bar s, \qquad
//! \bar U_i = f_u^\top \bar k_i, \qquad \bar p \mathrel{+}= f_p^\top \bar k_i, \qquad
//! \lambda \leftarrow \lambda + \bar s + \sum_i \bar U_i, $$
//!
//! where $\bar s$ is the cotangent of a value read from the dense output at $\theta$. A last stage that is the next
//! step's first is evaluated and swept once.
//!
//! Source: Hairer, Nørsett, Wanner I, II.6; W. W. Hager, *Runge–Kutta methods in optimal control and the transformed
//! adjoint system*, Numer. Math. 87 (2000).

use super::any::AnyAdjoint;
use super::start::{goes_behind_pointers, put_in_order};
use crate::model::Differentiable;
use crate::ode::explicit::{ExplicitRk, Tableau, Tsit5, combine, power_sum};
use crate::ode::{
    Context, Kept, Method, Observer, Options, Rhs, SaveTimes, Solution, SolveError, Span, Statistics, Step, Stepper,
    Stop, StopReason, Workspace, failure, integrate,
};

/// Gradients of a loss of the states at given times.
///
/// ```
/// use ansatz::adjoint::DiscreteAdjoint;
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
/// let mut adjoint = DiscreteAdjoint::new(&bound, Options { rtol: 1e-10, ..Options::default() });
/// // L = u(1)² / 2, so dL/drate = −t u²
/// let gradient = adjoint.gradient(0.0, &[3.0], &[0.5], &[1.0], |u, u_bar| {
///     u_bar[0] = u[0];
///     0.5 * u[0] * u[0]
/// })?;
/// let u = 3.0 * (-0.5f64).exp();
/// assert!((gradient.parameters[0] + u * u).abs() < 1e-7);
/// assert!((gradient.initial[0] - u * u / 3.0).abs() < 1e-7);
/// # Ok::<(), ansatz::Error>(())
/// ```
pub struct DiscreteAdjoint<'a, Sys: Differentiable> {
    system: &'a Sys,
    options: Options,
    method: ExplicitRk<Tsit5>,
    work: Workspace,
    memory: Memory,
    statistics: Statistics,
    recomputed: bool,
    /// For all methods but the one that is compiled together with the system.
    any: AnyAdjoint,
    /// Whether it made the last gradient.
    by_any: bool,
}

/// A gradient, in the memory of the [`DiscreteAdjoint`] that computed it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradient<'g> {
    /// The loss.
    pub loss: f64,
    /// $\partial L / \partial p$, all flat parameters.
    pub parameters: &'g [f64],
    /// $\partial L / \partial u_0$.
    pub initial: &'g [f64],
    /// The states at the times, row by row.
    pub states: &'g [f64],
}

/// What the forward solve keeps and the reverse sweep works with, kept from one gradient to the next.
struct Memory {
    /// Bytes that the stages' records may take before steps are recomputed instead.
    budget: usize,
    keep_stages: bool,
    tapes: Vec<f64>,
    /// `t`, `h` of each step.
    steps: Vec<(f64, f64)>,
    /// The state at the start of each step.
    starts: Vec<f64>,
    states: Vec<f64>,
    /// Step, and weights of the stages, of each saved time; none at all for the initial time.
    saved: Vec<Saved>,
    seeds: Vec<f64>,
    k: Vec<f64>,
    k_bar: Vec<f64>,
    stage: Vec<f64>,
    stage_bar: Vec<f64>,
    argument_bar: Vec<f64>,
    lambda: Vec<f64>,
    u_bar: Vec<f64>,
    p_bar: Vec<f64>,
    reached: Vec<f64>,
    replay: Vec<f64>,
}

/// Where a saved state was read from.
#[derive(Clone, Copy, Debug)]
enum Saved {
    Start,
    End { step: usize },
    Inside { step: usize, theta: f64 },
}

impl<'a, Sys: Differentiable> DiscreteAdjoint<'a, Sys> {
    /// Room for gradients through one system.
    pub fn new(system: &'a Sys, options: Options) -> Self {
        let memory = Memory {
            budget: 256 << 20,
            keep_stages: true,
            tapes: Vec::new(),
            steps: Vec::new(),
            starts: Vec::new(),
            states: Vec::new(),
            saved: Vec::new(),
            seeds: Vec::new(),
            k: Vec::new(),
            k_bar: Vec::new(),
            stage: Vec::new(),
            stage_bar: Vec::new(),
            argument_bar: Vec::new(),
            lambda: Vec::new(),
            u_bar: Vec::new(),
            p_bar: Vec::new(),
            reached: Vec::new(),
            replay: Vec::new(),
        };
        let method = ExplicitRk::new(Method::Tsit5);
        let (work, statistics) = (Workspace::default(), Statistics::default());
        let any = AnyAdjoint::default();
        DiscreteAdjoint { system, options, method, work, memory, statistics, recomputed: false, any, by_any: false }
    }

    /// Bytes that the records of stages may take, to within a half; default 256 MiB. A longer solve keeps only the state at
    /// each step and computes its stages again on the way back: the same gradient to the bit, for one more forward evaluation.
    ///
    /// That is for Tsit5. Of other explicit methods nothing but the states is kept anyway, of implicit ones the stages always.
    pub fn budget(mut self, bytes: usize) -> Self {
        self.memory.budget = bytes;
        self
    }

    /// Whether the last gradient computed its stages again.
    pub fn recomputed(&self) -> bool {
        self.recomputed
    }

    /// The methods that made the steps of the last forward solve, in the order in which they were first used.
    pub fn methods(&self) -> Vec<Method> {
        if self.by_any { self.any.methods() } else { vec![Method::Tsit5] }
    }

    /// Counts of the last forward solve.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Solves from `start` through `times`, then sweeps back. `loss` sees the states at the times, row by row, returns
    /// the loss and writes its derivative with respect to each of them (zero where it writes nothing).
    ///
    /// # Errors
    /// The [`SolveError`] of the forward solve, with what it had reached.
    pub fn gradient(
        &mut self,
        start: f64,
        initial: &[f64],
        p: &[f64],
        times: &[f64],
        loss: impl FnOnce(&[f64], &mut [f64]) -> f64,
    ) -> Result<Gradient<'_>, SolveError> {
        check(self.system, &self.options, start, initial, p, times)?;
        match self.run(start, initial, p, times, loss) {
            Ok(loss) => Ok(self.computed(loss)),
            Err(stop) => {
                let n = self.system.dimension();
                let names = (0..n).map(|i| self.system.state_name(i)).collect();
                let states = if self.by_any { &self.any.states } else { &self.memory.states };
                let partial = Solution::of(names, times, states, self.statistics);
                let span = Span { start, end: times.last().copied().unwrap_or(start) };
                Err(failure(stop, &self.options, span, partial, &self.memory.reached))
            }
        }
    }

    /// The gradient that [`run`](Self::run) has computed.
    pub(crate) fn computed(&self, loss: f64) -> Gradient<'_> {
        if self.by_any {
            let AnyAdjoint { bars, states, .. } = &self.any;
            return Gradient { loss, parameters: &bars.p, initial: &bars.u, states };
        }
        let Memory { p_bar, u_bar, states, .. } = &self.memory;
        Gradient { loss, parameters: p_bar, initial: u_bar, states }
    }

    /// [`gradient`](Self::gradient) without words.
    pub(crate) fn run(
        &mut self,
        start: f64,
        initial: &[f64],
        p: &[f64],
        times: &[f64],
        loss: impl FnOnce(&[f64], &mut [f64]) -> f64,
    ) -> Result<f64, Stop> {
        let span = Span { start, end: times.last().copied().unwrap_or(start) };
        self.by_any = goes_behind_pointers(self.system, &self.options);
        if self.by_any {
            return self.run_any(span, initial, p, times, loss);
        }
        let memory = &mut self.memory;
        memory.keep_stages = true;
        for v in [&mut memory.starts, &mut memory.states, &mut memory.reached] {
            v.clear();
        }
        memory.steps.clear();
        memory.saved.clear();
        memory.reached.extend_from_slice(initial);
        self.statistics = Statistics::default();
        let (system, options, work, statistics) = (self.system, &self.options, &mut self.work, &mut self.statistics);
        let mut u = std::mem::take(&mut memory.reached);
        let mut recorder = Recorder::new(system, p, start, times, &u, memory);
        recorder.hands_over = options.method == Method::Automatic;
        let result = integrate(&mut self.method, &mut recorder, options, span, &mut u, work, statistics);
        memory.reached = u;
        match result {
            // Left to choose, what looks stiff is begun afresh with methods that change.
            Err(Stop { reason: StopReason::LooksStiff, .. }) if options.method == Method::Automatic => {
                self.by_any = true;
                return self.run_any(span, initial, p, times, loss);
            }
            result => result?,
        }
        memory.seeds.clear();
        memory.seeds.resize(memory.states.len(), 0.0);
        let loss = loss(&memory.states, &mut memory.seeds);
        self.recomputed = !memory.keep_stages;
        sweep::<Sys, Tsit5>(system, p, memory);
        Ok(loss)
    }

    /// [`run`](Self::run) by any method, step by step.
    fn run_any(
        &mut self,
        span: Span,
        initial: &[f64],
        p: &[f64],
        times: &[f64],
        loss: impl FnOnce(&[f64], &mut [f64]) -> f64,
    ) -> Result<f64, Stop> {
        let mut u = std::mem::take(&mut self.memory.reached);
        u.clear();
        u.extend_from_slice(initial);
        self.statistics = Statistics::default();
        self.recomputed = false;
        put_in_order(&mut self.options, span);
        let (any, statistics) = (&mut self.any, &mut self.statistics);
        let result = any.record(self.system, &self.options, span, &mut u, p, times, statistics);
        self.memory.reached = u;
        result?;
        any.seeds.clear();
        any.seeds.resize(any.states.len(), 0.0);
        let loss = loss(&any.states, &mut any.seeds);
        any.sweep(self.system, p)?;
        Ok(loss)
    }
}

/// Checks the arguments of a differentiated solve.
pub(super) fn check<Sys: Differentiable>(
    system: &Sys,
    options: &Options,
    start: f64,
    initial: &[f64],
    p: &[f64],
    times: &[f64],
) -> Result<(), SolveError> {
    let fault = |argument, problem: String, advice: &str| {
        Err(SolveError::Argument { argument, problem, advice: advice.to_string() })
    };
    options.check(system.dimension())?;
    if initial.len() != system.dimension() {
        let problem = format!("has {} values for {} states", initial.len(), system.dimension());
        return fault("initial", problem, "give one value for each state");
    }
    if p.len() != system.parameter_count() {
        let problem = format!("has {} values, and the system {} parameters", p.len(), system.parameter_count());
        return fault("p", problem, "give the mechanistic parameters and all weights");
    }
    if !start.is_finite() {
        return fault("start", format!("is {start}"), "give a finite time");
    }
    let Some(&end) = times.last() else {
        return fault("times", "is empty".to_string(), "give at least one time at which the solution is read");
    };
    let forward = if end >= start { 1.0 } else { -1.0 };
    let mut before = start;
    for &t in times {
        if !t.is_finite() || (t - before) * forward < 0.0 {
            return fault("times", format!("has {t} after {before}"), "give finite times, ordered from the start on");
        }
        before = t;
    }
    Ok(())
}

/// Records each stage of each accepted step.
struct Recorder<'s, Sys> {
    system: &'s Sys,
    p: &'s [f64],
    times: SaveTimes<'s>,
    memory: &'s mut Memory,
    /// Record of the first stage of the step being attempted.
    row: usize,
    /// Whether the solve ends where it looks stiff.
    hands_over: bool,
}

/// Records that a step adds.
const fn rows<T: Tableau>() -> usize {
    if T::FIRST_SAME_AS_LAST { T::STAGES - 1 } else { T::STAGES }
}

impl<'s, Sys: Differentiable> Recorder<'s, Sys> {
    fn new(system: &'s Sys, p: &'s [f64], start: f64, times: &'s [f64], u: &[f64], memory: &'s mut Memory) -> Self {
        let times = SaveTimes::new(times, start, |_| {
            memory.states.extend_from_slice(u);
            memory.saved.push(Saved::Start);
        });
        Recorder { system, p, times, memory, row: 0, hands_over: false }
    }
}

impl<Sys: Differentiable> Rhs for Recorder<'_, Sys> {
    #[inline(always)]
    fn eval(&mut self, stage: usize, t: f64, u: &[f64], du: &mut [f64]) {
        let memory = &mut *self.memory;
        if !memory.keep_stages {
            return self.system.eval(t, u, self.p, du);
        }
        let length = self.system.tape_len();
        let at = (self.row + stage) * length;
        if memory.tapes.len() < at + length {
            if (at + length) * size_of::<f64>() > memory.budget {
                memory.keep_stages = false;
                return self.system.eval(t, u, self.p, du);
            }
            // Room for some steps and as much again, so that a growing record is seldom moved.
            memory.tapes.resize((self.row + 16) * length + at / 2, 0.0);
        }
        self.system.record(t, u, self.p, du, &mut memory.tapes[at..at + length]);
    }

    fn try_eval(&mut self, t: f64, u: &[f64], du: &mut [f64]) {
        self.system.eval(t, u, self.p, du);
    }
}

impl<Sys: Differentiable, T: Tableau> Observer<ExplicitRk<T>> for Recorder<'_, Sys> {
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
        if self.hands_over && Stepper::<Self>::looks_stiff(method) {
            return Err(Stop { reason: StopReason::LooksStiff, t: step.t, h: step.h.abs(), component: 0 });
        }
        Ok(None)
    }

    #[inline(always)]
    fn accepted(&mut self, method: &mut ExplicitRk<T>, step: &Step, kept: &Kept, _cx: &mut Context) {
        let Memory { steps, starts, states, saved, .. } = &mut *self.memory;
        let index = steps.len();
        steps.push((step.t, step.h));
        starts.extend_from_slice(step.u);
        while let Some(t) = self.times.pass(step, kept.t) {
            let at = states.len();
            states.resize(at + step.u.len(), 0.0);
            if t == step.t_new {
                states[at..].copy_from_slice(step.u_new);
                saved.push(Saved::End { step: index });
            } else {
                let theta = step.theta(t);
                Stepper::<Self>::interpolate(method, step, theta, &mut states[at..]);
                saved.push(Saved::Inside { step: index, theta });
            }
        }
        self.row += rows::<T>();
    }
}

/// The reverse sweep: from the seeds of the saved states to `p_bar` and `u_bar`.
#[inline(always)]
fn sweep<Sys: Differentiable, T: Tableau>(system: &Sys, p: &[f64], memory: &mut Memory) {
    let n = system.dimension();
    let length = system.tape_len();
    let (stages, rows) = (T::STAGES, rows::<T>());
    let Memory {
        keep_stages,
        tapes,
        steps,
        starts,
        saved,
        seeds,
        k,
        k_bar,
        stage,
        stage_bar,
        argument_bar,
        lambda,
        u_bar,
        p_bar,
        replay,
        ..
    } = memory;
    p_bar.clear();
    p_bar.resize(system.parameter_count(), 0.0);
    for v in [&mut *u_bar, &mut *stage_bar, &mut *stage] {
        v.clear();
        v.resize(n, 0.0);
    }
    lambda.resize(n, 0.0);
    argument_bar.resize(stages * n, 0.0);
    k_bar.clear();
    k_bar.resize(stages * n, 0.0);
    k.resize(stages * n, 0.0);
    replay.resize(stages * length, 0.0);

    let mut unread = saved.len();
    for (index, &(t, h)) in steps.iter().enumerate().rev() {
        let tape: &[f64] = if *keep_stages {
            &tapes[index * rows * length..(index * rows + stages) * length]
        } else {
            let u = &starts[index * n..(index + 1) * n];
            system.record(t, u, p, &mut k[..n], &mut replay[..length]);
            for s in 1..stages {
                combine(T::A[s], k, h, u, stage);
                let k_row = &mut k[s * n..(s + 1) * n];
                system.record(t + T::C[s] * h, stage, p, k_row, &mut replay[s * length..(s + 1) * length]);
            }
            replay
        };
        // What the next step's first stage owes this step's last one stands at its end already; the rest begins at zero.
        k_bar[..(stages - 1) * n].fill(0.0);
        stage_bar.fill(0.0);
        while unread > 0 {
            let seed = &seeds[(unread - 1) * n..unread * n];
            match saved[unread - 1] {
                Saved::End { step } if step == index => {
                    for (u, s) in u_bar.iter_mut().zip(seed) {
                        *u += s;
                    }
                }
                Saved::Inside { step, theta } if step == index => {
                    for (j, r) in T::DENSE {
                        let weight = h * power_sum(r, theta);
                        for (k, s) in k_bar[j * n..(j + 1) * n].iter_mut().zip(seed) {
                            *k += weight * s;
                        }
                    }
                    // Not yet part of u_bar, which still is the cotangent of the step's end.
                    for (u, s) in stage_bar.iter_mut().zip(seed) {
                        *u += s;
                    }
                }
                _ => break,
            }
            unread -= 1;
        }
        let last = &tape[(stages - 1) * length..stages * length];
        if T::FIRST_SAME_AS_LAST {
            let owed = &k_bar[(stages - 1) * n..];
            if owed.iter().any(|x| *x != 0.0) {
                system.vjp(p, last, owed, u_bar, p_bar);
            }
        }
        let swept = rows;
        // λ, before what is read inside the step joins it.
        lambda.copy_from_slice(u_bar);
        for (u, s) in u_bar.iter_mut().zip(stage_bar.iter()) {
            *u += s;
        }
        // k̄ᵢ += h bᵢ λ
        for (i, b) in T::B {
            for (k, l) in k_bar[i * n..(i + 1) * n].iter_mut().zip(lambda.iter()) {
                *k += h * b * l;
            }
        }
        for i in (0..swept).rev() {
            if i > 0 {
                let bar = &mut argument_bar[i * n..(i + 1) * n];
                bar.fill(0.0);
                system.vjp(p, &tape[i * length..(i + 1) * length], &k_bar[i * n..(i + 1) * n], bar, p_bar);
                for (u, s) in u_bar.iter_mut().zip(bar.iter()) {
                    *u += s;
                }
                // k̄ⱼ += h aᵢⱼ Ūᵢ
                for (j, a) in T::A[i] {
                    for (k, s) in k_bar[j * n..(j + 1) * n].iter_mut().zip(bar.iter()) {
                        *k += h * a * s;
                    }
                }
            }
        }
        if T::FIRST_SAME_AS_LAST && index > 0 {
            // The first stage is the last of the step before: it is swept there.
            k_bar.copy_within(..n, (stages - 1) * n);
        } else {
            system.vjp(p, &tape[..length], &k_bar[..n], u_bar, p_bar);
        }
    }
    while unread > 0 {
        for (u, s) in u_bar.iter_mut().zip(&seeds[(unread - 1) * n..unread * n]) {
            *u += s;
        }
        unread -= 1;
    }
}
