//! The gradient through Tsit5, compiled together with the system.
//!
//! The forward solve keeps, for each stage, what the reverse sweep needs of it. Going back over a step from $u_+$ to $u$,
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

use super::any::SavedAt;
use super::steps::Steps;
use crate::model::Differentiable;
use crate::ode::explicit::{ExplicitRk, Tableau, Tsit5, power_sum};
use crate::ode::{
    Context, Course, Kept, Observer, Progress, Rhs, SaveTimes, Step, Stepper, Stop, StopReason, Workspace,
};

/// What the forward solve keeps and the reverse sweep works with, kept from one gradient to the next.
#[derive(Default)]
pub(super) struct Memory {
    /// Bytes that records, steps and states may take.
    pub budget: usize,
    /// Whether they fit.
    pub keep_stages: bool,
    /// Records of stages, and how many there is room for.
    tapes: Vec<f64>,
    rows: usize,
    /// `t`, `h` of each step.
    pub steps: Vec<(f64, f64)>,
    /// The state at the start of each step.
    pub starts: Vec<f64>,
    pub states: Vec<f64>,
    pub saved: Vec<SavedAt>,
    pub seeds: Vec<f64>,
    k_bar: Vec<f64>,
    stage_bar: Vec<f64>,
    argument_bar: Vec<f64>,
    lambda: Vec<f64>,
    pub u_bar: Vec<f64>,
    pub p_bar: Vec<f64>,
    /// The state that the solve has reached.
    pub reached: Vec<f64>,
}

/// The part of the budget that the steps may take as [`any`](super::any) keeps them, so that where it goes on they can be made again
/// in one go.
const FIRST: usize = 4;

impl Memory {
    /// Bytes allocated that count towards the budget.
    pub fn bytes(&self) -> usize {
        (self.tapes.capacity() + self.starts.capacity()) * size_of::<f64>()
            + self.steps.capacity() * size_of::<(f64, f64)>()
    }

    /// Gives those back.
    pub fn release(&mut self) {
        (self.tapes, self.rows) = (Vec::new(), 0);
        (self.starts, self.steps) = (Vec::new(), Vec::new());
    }

    /// Makes room for more steps of `n` states, each with as many records of this length as it adds, if they fit.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, n: usize, rows: usize, length: usize) -> bool {
        let bytes = (rows * length + n) * size_of::<f64>() + size_of::<(f64, f64)>();
        let most = (self.budget / bytes).min(self.budget / FIRST / Steps::size(n, 0));
        let steps = self.rows / rows;
        // A growing record is seldom moved.
        let more = (steps + steps / 2).max(steps + 16).min(most);
        if more <= steps {
            return false;
        }
        self.rows = more * rows;
        self.tapes.reserve_exact(self.rows * length - self.tapes.len());
        self.tapes.resize(self.rows * length, 0.0);
        // A step that is not recorded to its end is kept for the solve to go on from.
        self.starts.reserve_exact(more * n - self.starts.len());
        self.steps.reserve_exact(more - self.steps.len());
        true
    }
}

/// Follows a course to its end, or as far as records fit.
#[inline(always)]
pub(super) fn follow<Sys: Differentiable>(
    method: &mut ExplicitRk<Tsit5>,
    recorder: &mut Recorder<'_, Sys>,
    course: &mut Course,
    u: &mut [f64],
    work: &mut Workspace,
    cx: &mut Context,
) -> Result<(), Stop> {
    if course.span.start == course.span.end {
        return Ok(());
    }
    course.begin(method, recorder, u, work, cx)?;
    while course.advance(method, recorder, u, work, cx)? == Progress::Going && recorder.memory.keep_stages {}
    Ok(())
}

/// Records each stage of each accepted step.
pub(super) struct Recorder<'s, Sys> {
    system: &'s Sys,
    p: &'s [f64],
    pub times: SaveTimes<'s>,
    memory: &'s mut Memory,
    /// Record of the first stage of the step being attempted.
    row: usize,
    /// Why the solve ends where it looks stiff, if it does.
    pub stiff: Option<StopReason>,
}

/// Records that a step adds.
const fn rows<T: Tableau>() -> usize {
    if T::FIRST_SAME_AS_LAST { T::STAGES - 1 } else { T::STAGES }
}

impl<'s, Sys: Differentiable> Recorder<'s, Sys> {
    pub fn new(system: &'s Sys, p: &'s [f64], start: f64, times: &'s [f64], u: &[f64], memory: &'s mut Memory) -> Self {
        let times = SaveTimes::new(times, start, |_| {
            memory.states.extend_from_slice(u);
            memory.saved.push(SavedAt::Start);
        });
        Recorder { system, p, times, memory, row: 0, stiff: None }
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
        if self.row + stage >= memory.rows && !memory.grow(u.len(), rows::<Tsit5>(), length) {
            memory.keep_stages = false;
            return self.system.eval(t, u, self.p, du);
        }
        let at = (self.row + stage) * length;
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
        if let Some(reason) = self.stiff
            && Stepper::<Self>::looks_stiff(method)
        {
            return Err(Stop { reason, t: step.t, h: step.h.abs(), component: 0 });
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
            let theta = step.theta(t);
            Stepper::<Self>::interpolate(method, step, theta, &mut states[at..]);
            saved.push(SavedAt::In { step: index, theta });
        }
        self.row += rows::<T>();
    }
}

/// The reverse sweep: from the seeds of the saved states to `p_bar` and `u_bar`.
#[inline(always)]
pub(super) fn sweep<Sys: Differentiable, T: Tableau>(system: &Sys, p: &[f64], memory: &mut Memory) {
    let n = system.dimension();
    let length = system.tape_len();
    let (stages, rows) = (T::STAGES, rows::<T>());
    let Memory { tapes, steps, saved, seeds, k_bar, stage_bar, argument_bar, lambda, u_bar, p_bar, .. } = memory;
    p_bar.clear();
    p_bar.resize(system.parameter_count(), 0.0);
    for v in [&mut *u_bar, &mut *stage_bar] {
        v.clear();
        v.resize(n, 0.0);
    }
    lambda.resize(n, 0.0);
    argument_bar.resize(stages * n, 0.0);
    k_bar.clear();
    k_bar.resize(stages * n, 0.0);

    let mut unread = saved.len();
    for (index, &(_, h)) in steps.iter().enumerate().rev() {
        let tape = &tapes[index * rows * length..(index * rows + stages) * length];
        // What the next step's first stage owes this step's last one stands at its end already; the rest begins at zero.
        k_bar[..(stages - 1) * n].fill(0.0);
        stage_bar.fill(0.0);
        while unread > 0 {
            let seed = &seeds[(unread - 1) * n..unread * n];
            match saved[unread - 1] {
                SavedAt::In { step, theta: 1.0 } if step == index => {
                    for (u, s) in u_bar.iter_mut().zip(seed) {
                        *u += s;
                    }
                }
                SavedAt::In { step, theta } if step == index => {
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
