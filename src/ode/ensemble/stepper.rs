//! The step loop over lanes: as many trajectories at once as there are lanes, each with its own time and step size.
//!
//! All lanes go through the stages of an attempt together. Then each is judged by its own error; one that is rejected
//! stays where it is and tries a shorter step while the others go on. A trajectory that has reached its end, or cannot
//! go on, makes room for the next one at once, so that lanes are idle only when there are no more to begin.

use super::coefficients::{Coefficients, Purpose};
use super::control::{LaneControl, Mask, Verdict, any, choose, mask};
use super::stiffness::LaneStiffness;
use super::sums::combine;
use super::task::{Beginning, Chunk, Task};
use crate::model::{Bound, LaneParameters, Model};
use crate::number::{LaneKernel, Lanes, dispatch_lanes};
use crate::ode::control::{SAFETY, worst_component};
use crate::ode::explicit::BORDER;
use crate::ode::integrate::{SMALLEST_OF_SPAN, StopReason};
use crate::ode::{Method, Solution, SolveError, Statistics, Stop, failure};

/// Solving a chunk of trajectories over lanes.
pub(super) trait LaneSolve: Model + Sized {
    /// Writes the results of the chunk and returns the trajectories that failed, in no particular order.
    fn solve_chunk(
        bound: &Bound<Self>,
        task: &Task,
        method: &Coefficients,
        chunk: &mut Chunk,
    ) -> Vec<(usize, SolveError)>;
}

// A method of the model and not of anything else, so that it is compiled in one unit with the model's right-hand side,
// which can then be inlined: see `LaneKernel`.
impl<M: Model> LaneSolve for M {
    fn solve_chunk(
        bound: &Bound<M>,
        task: &Task,
        method: &Coefficients,
        chunk: &mut Chunk,
    ) -> Vec<(usize, SolveError)> {
        dispatch_lanes(ChunkKernel { bound, task, method, chunk: chunk.again() })
    }
}

/// The trajectories of a chunk as a piece of work.
pub(super) struct ChunkKernel<'k, 'a, M> {
    pub bound: &'k Bound<'a, M>,
    pub task: &'k Task,
    pub method: &'k Coefficients,
    pub chunk: Chunk<'k>,
}

/// The trajectories under way, one in each lane.
struct Flight<'k, 'a, M, const N: usize> {
    work: ChunkKernel<'k, 'a, M>,
    n: usize,
    direction: f64,
    h_max: f64,
    atol: Vec<f64>,
    t: Lanes<N>,
    t_new: Lanes<N>,
    /// Size of the next attempt, unsigned.
    h: Lanes<N>,
    /// The step being attempted, signed.
    step: Lanes<N>,
    /// The lanes whose attempt leads to the end.
    last: Mask<N>,
    u: Vec<Lanes<N>>,
    u_new: Vec<Lanes<N>>,
    /// A stage's state; then the dense output's.
    stage: Vec<Lanes<N>>,
    k: Vec<Lanes<N>>,
    error: Vec<Lanes<N>>,
    error_low: Vec<Lanes<N>>,
    zero: Vec<Lanes<N>>,
    p: LaneParameters<'k, N>,
    control: LaneControl<N>,
    stiffness: LaneStiffness<N>,
    /// The lanes that a look has found stiff.
    stiff: Mask<N>,
    /// Whether a trajectory that looks stiff is given up at once, for another method to take it.
    hands_over: bool,
    /// The lanes with a trajectory in them.
    busy: Mask<N>,
    /// Which of the chunk's trajectories.
    who: [usize; N],
    /// Times saved so far.
    saved: [usize; N],
    /// The next time to save; infinitely far when there is none.
    next_save: Lanes<N>,
    accepted: Lanes<N>,
    rejected_by_error: Lanes<N>,
    rejected_not_finite: Lanes<N>,
    attempts_left: Lanes<N>,
    /// Right-hand sides besides those of the attempts.
    other_rhs: [usize; N],
    /// The chunk's next trajectory to begin.
    next: usize,
    beginning: Beginning<'k>,
    failures: Vec<(usize, SolveError)>,
}

impl<M: Model> LaneKernel for ChunkKernel<'_, '_, M> {
    type Output = Vec<(usize, SolveError)>;

    #[inline(always)]
    fn run<const N: usize, const FMA: bool>(self) -> Vec<(usize, SolveError)> {
        let mut flight = Flight::<M, N>::new(self);
        for lane in 0..N {
            flight.board(lane);
        }
        while any(&flight.busy) {
            flight.attempt::<FMA>();
        }
        flight.failures
    }
}

impl<'k, 'a, M: Model, const N: usize> Flight<'k, 'a, M, N> {
    fn new(work: ChunkKernel<'k, 'a, M>) -> Self {
        let (task, n) = (work.task, work.task.names.len());
        let length = task.span.end - task.span.start;
        let zero = Lanes::splat(0.0);
        let zeros = |len: usize| vec![zero; len];
        Flight {
            n,
            direction: length.signum(),
            h_max: task.options.h_max.unwrap_or(f64::INFINITY),
            atol: (0..n).map(|i| task.options.atol.of(i)).collect(),
            t: Lanes::splat(task.span.end),
            t_new: zero,
            h: zero,
            step: zero,
            last: [0; N],
            u: zeros(n),
            u_new: zeros(n),
            stage: zeros(n),
            k: zeros(work.method.slots * n),
            error: zeros(n),
            error_low: zeros(n),
            zero: zeros(n),
            p: work.bound.lane_parameters([task.parameters.of(work.chunk.first); N]),
            control: LaneControl::new(work.method.error_order),
            stiffness: LaneStiffness::new(),
            stiff: [0; N],
            hands_over: task.options.method == Method::Automatic,
            busy: [0; N],
            who: [0; N],
            saved: [0; N],
            next_save: Lanes::splat(f64::INFINITY * length.signum()),
            accepted: zero,
            rejected_by_error: zero,
            rejected_not_finite: zero,
            attempts_left: zero,
            other_rhs: [0; N],
            next: 0,
            beginning: Beginning::new(work.bound, task, work.method.method),
            failures: Vec::new(),
            work,
        }
    }

    /// All lanes try a step.
    #[inline(always)]
    fn attempt<const FMA: bool>(&mut self) {
        self.aim();
        let n = self.n;
        let method = self.work.method;
        let mut verdict = None;
        let mut sums = &method.attempt[..];
        // One loop for the attempt and for the dense output's stages, so that the right-hand side is called in one place.
        loop {
            for sum in sums {
                let (base, y) = match sum.purpose {
                    Purpose::Stage { new: false, .. } => (&self.u, &mut self.stage),
                    Purpose::Stage { new: true, .. } => (&self.u, &mut self.u_new),
                    Purpose::Error => (&self.zero, &mut self.error),
                    Purpose::ErrorLow => (&self.zero, &mut self.error_low),
                };
                combine::<FMA, N>(sum.row, &self.k, &self.step, base, y);
                if let Purpose::Stage { c, slot, .. } = sum.purpose {
                    let t = Lanes::splat(c).multiply_add::<FMA>(self.step, self.t);
                    self.work.bound.eval_lanes(t, y, &self.p, &mut self.k[slot * n..][..n]);
                }
            }
            if verdict.is_some() {
                break;
            }
            let judged = self.judge();
            let passing = self.passing(&judged.passed);
            self.look_for_stiffness(&judged.passed);
            verdict = Some(judged);
            if method.extra.is_empty() || !any(&passing) {
                break;
            }
            sums = &method.extra;
            for l in 0..N {
                self.other_rhs[l] += if passing[l] != 0 { sums.len() } else { 0 };
            }
        }
        if let Some(verdict) = verdict {
            self.save_passed::<FMA>(&verdict.passed);
            self.advance(&verdict);
        }
    }

    /// Sets step and new time. The last step is stretched or shortened to land on the end, so that no sliver remains.
    #[inline(always)]
    fn aim(&mut self) {
        let end = self.work.task.span.end;
        for l in 0..N {
            let left = end - self.t.0[l];
            let last = left * self.direction <= self.h.0[l] * 1.01;
            let step = if last { left } else { self.h.0[l] * self.direction };
            self.step.0[l] = step;
            self.t_new.0[l] = if last { end } else { self.t.0[l] + step };
            self.last[l] = mask(last);
        }
    }

    /// Judges every lane by its own error.
    #[inline(always)]
    fn judge(&mut self) -> Verdict<N> {
        let mut error = self.scaled(&self.error);
        if self.work.method.has_low {
            // Hairer, Nørsett, Wanner I, eq. (II.10.17): err₅² / √(err₅² + 0.01 err₃²).
            let low = self.scaled(&self.error_low);
            for l in 0..N {
                let square = error.0[l] * error.0[l];
                let both = square + 0.01 * low.0[l] * low.0[l];
                error.0[l] = if both > 0.0 { square / both.sqrt() } else { both };
            }
        }
        for l in 0..N {
            error.0[l] *= self.work.method.error_factor;
        }
        let Some(reach) = self.reach() else { return self.control.judge(&error) };
        // Too long for the dense output: as if the error were just too large.
        for l in 0..N {
            error.0[l] = if (reach.0[l] < 1.0) & (error.0[l] <= 1.0) { 1.0 + f64::EPSILON } else { error.0[l] };
        }
        let mut verdict = self.control.judge(&error);
        for l in 0..N {
            let most = SAFETY * reach.0[l];
            verdict.factor.0[l] = if verdict.factor.0[l] < most { verdict.factor.0[l] } else { most };
        }
        verdict
    }

    /// The square of the product of step and the Jacobian's norm in each lane, from the two evaluations at the step's end:
    /// $h \Vert f(u_+) - k_s \Vert / \Vert u_+ - U_s \Vert$ in the scale of the error control. Hairer & Wanner II, IV.2.
    #[inline(always)]
    fn steepness(&self, partner: usize) -> Lanes<N> {
        let (n, rtol) = (self.n, self.work.task.options.rtol);
        let (a, b) = (&self.k[partner * n..][..n], &self.k[self.work.method.next * n..][..n]);
        let (u_new, stage, atol) = (&self.u_new[..n], &self.stage[..n], &self.atol[..n]);
        let zero = Lanes::<N>::splat(0.0);
        let (mut num, mut den, mut size) = (zero, zero, zero);
        for i in 0..n {
            for l in 0..N {
                let u = u_new[i].0[l];
                let weight = 1.0 / (atol[i] + rtol * u.abs());
                let (df, du, unit) = (b[i].0[l] - a[i].0[l], u - stage[i].0[l], 1e-14 * u);
                num.0[l] += (df * weight) * (df * weight);
                den.0[l] += (du * weight) * (du * weight);
                size.0[l] += (unit * weight) * (unit * weight);
            }
        }
        for l in 0..N {
            let h = self.step.0[l];
            // Below the rounding of the states the quotient means nothing.
            num.0[l] = if den.0[l] > size.0[l] { h * h * num.0[l] / den.0[l] } else { 0.0 };
        }
        num
    }

    /// Looks in the lanes that are due whether the step is as long as stability allows.
    #[inline(always)]
    fn look_for_stiffness(&mut self, passed: &Mask<N>) {
        let Some(partner) = self.work.method.partner else { return };
        let due = self.stiffness.due(passed);
        if !any(&due) {
            return;
        }
        let steepness = self.steepness(partner);
        let Coefficients { stability, dense_stability, .. } = *self.work.method;
        let interval = if self.work.task.times().is_empty() { stability } else { stability.min(dense_stability) };
        let border = (interval * BORDER).powi(2);
        let mut at_border = [0; N];
        for l in 0..N {
            at_border[l] = mask(steepness.0[l] > border);
        }
        self.stiffness.note(&due, &at_border);
        self.stiff = self.stiffness.looks_stiff();
    }

    /// How many times longer than the attempted step one could be for which the dense output is stable, where it is to be used
    /// and may be less stable than the method.
    #[inline(always)]
    fn reach(&self) -> Option<Lanes<N>> {
        let method = self.work.method;
        let partner = method.partner?;
        if method.dense_stability == f64::INFINITY || self.work.task.times().is_empty() {
            return None;
        }
        let mut reach = self.steepness(partner);
        for l in 0..N {
            reach.0[l] = method.dense_stability / reach.0[l].sqrt();
        }
        Some(reach)
    }

    /// The norm $\sqrt{\tfrac1n \sum_i (e_i / s_i)^2}$ with $s_i = \text{atol}_i + \text{rtol} \max(|u_i|, |v_i|)$ of each lane; not
    /// finite when an error, the new state or its derivative is not.
    #[inline(always)]
    fn scaled(&self, error: &[Lanes<N>]) -> Lanes<N> {
        let n = self.n;
        let slope = &self.k[self.work.method.next * n..][..n];
        let rtol = self.work.task.options.rtol;
        let mut sum = Lanes::splat(0.0);
        let states = self.u[..n].iter().zip(&self.u_new[..n]);
        for (((e, (u, v)), k), atol) in error[..n].iter().zip(states).zip(slope).zip(&self.atol) {
            for l in 0..N {
                let (a, b) = (u.0[l].abs(), v.0[l].abs());
                let ratio = e.0[l] / (atol + rtol * if a > b { a } else { b });
                // An infinite state has an infinite scale and would pass as free of error: 0 · ∞ makes it NaN.
                sum.0[l] += ratio * ratio + (0.0 * v.0[l] + 0.0 * k.0[l]);
            }
        }
        let inverse = 1.0 / n as f64;
        for l in 0..N {
            sum.0[l] = (sum.0[l] * inverse).sqrt();
        }
        sum
    }

    /// The lanes whose accepted step passes their next time to save.
    #[inline(always)]
    fn passing(&self, passed: &Mask<N>) -> Mask<N> {
        let mut passing = [0; N];
        for l in 0..N {
            passing[l] = passed[l] & mask((self.t_new.0[l] - self.next_save.0[l]) * self.direction >= 0.0);
        }
        passing
    }

    /// Saves what accepted steps have passed, from dense output.
    #[inline(always)]
    fn save_passed<const FMA: bool>(&mut self, passed: &Mask<N>) {
        loop {
            let passing = self.passing(passed);
            if !any(&passing) {
                return;
            }
            let n = self.n;
            let mut theta = self.next_save;
            for l in 0..N {
                theta.0[l] = (theta.0[l] - self.t.0[l]) / self.step.0[l];
            }
            self.stage.copy_from_slice(&self.u);
            for (j, coefficients) in self.work.method.dense {
                let mut weight = Lanes::splat(0.0);
                for r in coefficients.iter().rev() {
                    weight = weight.multiply_add::<FMA>(theta, Lanes::splat(*r));
                }
                for l in 0..N {
                    weight.0[l] *= theta.0[l] * self.step.0[l];
                }
                for (y, k) in self.stage.iter_mut().zip(&self.k[j * n..][..n]) {
                    *y = weight.multiply_add::<FMA>(*k, *y);
                }
            }
            for l in 0..N {
                if passing[l] != 0 {
                    let state = if self.next_save.0[l] == self.t_new.0[l] { &self.u_new } else { &self.stage };
                    let at = self.who[l] * self.work.task.stride() + self.saved[l] * n;
                    for (kept, y) in self.work.chunk.states[at..at + n].iter_mut().zip(state) {
                        *kept = y.0[l];
                    }
                    self.saved[l] += 1;
                    self.next_save.0[l] = self.next_time(self.saved[l]);
                }
            }
        }
    }

    /// The time to save after so many; infinitely far when there is none.
    fn next_time(&self, saved: usize) -> f64 {
        self.work.task.times().get(saved).copied().unwrap_or(f64::INFINITY * self.direction)
    }

    /// Moves the lanes that passed, sets all step sizes, and looks after the lanes that are done.
    #[inline(always)]
    fn advance(&mut self, verdict: &Verdict<N>) {
        let n = self.n;
        let options = &self.work.task.options;
        let length = (self.work.task.span.end - self.work.task.span.start).abs();
        let (mut finished, mut too_small, mut stiff, mut done) = ([0; N], [0; N], [0; N], [0; N]);
        for l in 0..N {
            let passed = verdict.passed[l] != 0;
            let h = self.step.0[l].abs() * verdict.factor.0[l];
            let t = self.t.0[l].abs();
            // As in every solve.
            let relative =
                if options.h_min_relative > 4.0 * f64::EPSILON { options.h_min_relative } else { 4.0 * f64::EPSILON };
            let (smallest, floor) = (relative * t, SMALLEST_OF_SPAN * length);
            let smallest = if smallest > floor { smallest } else { floor };
            let capped = if h < self.h_max { h } else { self.h_max };
            let capped = if capped > smallest { capped } else { smallest };
            self.h.0[l] = if passed { capped } else { h };
            finished[l] = verdict.passed[l] & self.last[l];
            too_small[l] = !verdict.passed[l] & mask(h < smallest);
            self.t.0[l] = if passed { self.t_new.0[l] } else { self.t.0[l] };
            self.accepted.0[l] += if passed { 1.0 } else { 0.0 };
            let not_finite = verdict.not_finite[l] != 0;
            self.rejected_not_finite.0[l] += if not_finite { 1.0 } else { 0.0 };
            self.rejected_by_error.0[l] += if passed | not_finite { 0.0 } else { 1.0 };
            self.attempts_left.0[l] -= 1.0;
            stiff[l] = verdict.passed[l] & self.stiff[l];
            let spent = mask(self.attempts_left.0[l] <= 0.0);
            done[l] = (finished[l] | too_small[l] | stiff[l] | spent) & self.busy[l];
        }
        let next = self.work.method.next * n;
        for i in 0..n {
            self.u[i] = choose(&verdict.passed, self.u_new[i], self.u[i]);
            self.k[i] = choose(&verdict.passed, self.k[next + i], self.k[i]);
        }
        if any(&done) {
            self.settle(&done, &finished, &too_small, &verdict.not_finite, &stiff);
        }
    }

    /// Looks after the lanes that are done: their trajectories are at the end, or cannot go on, or look stiff.
    #[inline(never)]
    fn settle(
        &mut self,
        done: &Mask<N>,
        finished: &Mask<N>,
        too_small: &Mask<N>,
        not_finite: &Mask<N>,
        stiff: &Mask<N>,
    ) {
        for l in (0..N).filter(|l| done[*l] != 0) {
            let left = (self.work.task.span.end - self.t.0[l]).abs();
            let allowed = self.attempts_left.0[l].min(self.work.task.options.max_stiff_steps() as f64);
            let out_of_reach = self.hands_over || left > self.h.0[l] * allowed;
            if finished[l] != 0 {
                self.finish(l);
            } else if too_small[l] != 0 {
                self.fail(l, if not_finite[l] != 0 { StopReason::NotFinite } else { StopReason::StepTooSmall });
            } else if stiff[l] != 0 && out_of_reach {
                self.fail(l, StopReason::LooksStiff);
            } else if self.attempts_left.0[l] <= 0.0 {
                self.fail(l, StopReason::TooManySteps);
            } else {
                // Stiff, but there are steps enough.
                continue;
            }
            self.board(l);
        }
    }

    /// Counts of the trajectory in a lane.
    fn statistics(&self, lane: usize) -> Statistics {
        let counts = [&self.accepted, &self.rejected_by_error, &self.rejected_not_finite];
        let [accepted, rejected_by_error, rejected_not_finite] = counts.map(|x| x.0[lane] as usize);
        let attempts = accepted + rejected_by_error + rejected_not_finite;
        let rhs = self.other_rhs[lane] + attempts * self.work.method.rhs;
        Statistics { accepted, rejected_by_error, rejected_not_finite, rhs, ..Statistics::default() }
    }

    fn finish(&mut self, lane: usize) {
        let k = self.who[lane];
        self.work.chunk.statistics[k] = self.statistics(lane);
        if self.work.task.times().is_empty() {
            let at = k * self.work.task.stride();
            let places = &mut self.work.chunk.states[at..];
            for (kept, u) in places.iter_mut().zip(&self.u).take(self.work.task.saved() * self.n) {
                *kept = u.0[lane];
            }
        }
    }

    fn fail(&mut self, lane: usize, reason: StopReason) {
        let of = |x: &[Lanes<N>]| x.iter().map(|x| x.0[lane]).collect::<Vec<f64>>();
        let (u, u_new, error) = (of(&self.u), of(&self.u_new), of(&self.error));
        let component = worst_component(&self.work.task.options, &error, &u, &u_new);
        let stop = Stop { reason, t: self.t.0[lane], h: self.h.0[lane], component };
        let statistics = self.statistics(lane);
        self.report(self.who[lane], stop, self.saved[lane], &u, statistics);
    }

    /// Notes a failure with what had been saved before.
    fn report(&mut self, k: usize, stop: Stop, saved: usize, reached: &[f64], statistics: Statistics) {
        let task = self.work.task;
        let states = &self.work.chunk.states[k * task.stride()..][..saved * self.n];
        let partial = Solution::of(task.names.clone(), task.times(), states, statistics);
        self.work.chunk.statistics[k] = statistics;
        let error = failure(stop, &task.options, task.span, partial, reached);
        self.failures.push((self.work.chunk.first + k, error));
    }

    /// Begins the next trajectory in a lane, or leaves it idle when there is none.
    fn board(&mut self, lane: usize) {
        let task = self.work.task;
        self.busy[lane] = 0;
        self.next_save.0[lane] = f64::INFINITY * self.direction;
        (self.t.0[lane], self.h.0[lane]) = (task.span.end, 0.0);
        while self.next < self.work.chunk.statistics.len() {
            let k = self.next;
            self.next += 1;
            let (u, p) = (task.initial.of(self.work.chunk.first + k), task.parameters.of(self.work.chunk.first + k));
            let saved = task.times().iter().take_while(|t| **t == task.span.start).count();
            for row in self.work.chunk.states[k * task.stride()..].chunks_exact_mut(self.n).take(saved) {
                row.copy_from_slice(u);
            }
            let mut statistics = Statistics::default();
            match self.beginning.begin(task, u, p, &mut statistics) {
                Ok(h) => {
                    (self.t.0[lane], self.h.0[lane]) = (task.span.start, h);
                    for i in 0..self.n {
                        self.u[i].0[lane] = u[i];
                        self.k[i].0[lane] = self.beginning.slope()[i];
                    }
                    self.p.replace(lane, p);
                    self.control.restart(lane);
                    self.stiffness.restart(lane);
                    self.stiff[lane] = 0;
                    self.busy[lane] = mask(true);
                    self.who[lane] = k;
                    self.saved[lane] = saved;
                    self.next_save.0[lane] = self.next_time(saved);
                    for counts in [&mut self.accepted, &mut self.rejected_by_error, &mut self.rejected_not_finite] {
                        counts.0[lane] = 0.0;
                    }
                    self.attempts_left.0[lane] = task.options.max_steps() as f64;
                    self.other_rhs[lane] = statistics.rhs;
                    return;
                }
                Err(stop) => self.report(k, stop, saved, u, statistics),
            }
        }
    }
}
