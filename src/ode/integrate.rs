//! The step loop that every explicit solve runs through: plain, recorded for the adjoint, or with sensitivities.

use super::control::{Controller, error_norm, worst_component};
use super::explicit::Tableau;
use super::options::Options;
use super::solution::Statistics;

/// Who evaluates the right-hand side and what is done with accepted steps.
pub(crate) trait Observer<const S: usize> {
    /// $f(t, u)$ for stage `stage` of the step being attempted.
    fn eval(&mut self, stage: usize, t: f64, u: &[f64], du: &mut [f64]);
    /// $f(t, u)$ for no stage: a trial of the initial step.
    fn try_eval(&mut self, t: f64, u: &[f64], du: &mut [f64]);
    /// A step passed its test.
    fn accepted(&mut self, step: &Step<'_, S>);
}

/// An accepted step.
pub(crate) struct Step<'s, const S: usize> {
    pub t: f64,
    pub h: f64,
    pub t_new: f64,
    pub u: &'s [f64],
    pub u_new: &'s [f64],
    /// Stages, one after the other, `n` numbers each.
    pub k: &'s [f64],
}

impl<const S: usize> Step<'_, S> {
    /// The state at a place in the step.
    #[inline(always)]
    pub fn state_at(&self, place: &Place<S>, out: &mut [f64]) {
        let Place::Inside(weights) = place else {
            out.copy_from_slice(self.u_new);
            return;
        };
        let n = self.u.len();
        for i in 0..n {
            let mut sum = 0.0;
            for (j, w) in weights.iter().enumerate() {
                sum += w * self.k[j * n + i];
            }
            out[i] = self.u[i] + self.h * sum;
        }
    }
}

/// Goes along the times to save while the steps go by.
pub(crate) struct SaveTimes<'t> {
    times: &'t [f64],
    next: usize,
}

/// Where in a step a saved time lies.
pub(crate) enum Place<const S: usize> {
    /// At the end of the step.
    End,
    /// Inside, at these weights of the stages.
    Inside([f64; S]),
}

impl<'t> SaveTimes<'t> {
    /// Begins at `start`, calling `visit` with the index of each time that is the start itself.
    pub fn new(times: &'t [f64], start: f64, mut visit: impl FnMut(usize)) -> Self {
        let mut next = 0;
        while times.get(next) == Some(&start) {
            visit(next);
            next += 1;
        }
        SaveTimes { times, next }
    }

    /// Calls `visit` with index, time and place of each time that the step passes.
    #[inline(always)]
    pub fn passed<T: Tableau<S, D>, const S: usize, const D: usize>(
        &mut self,
        step: &Step<'_, S>,
        mut visit: impl FnMut(usize, f64, Place<S>),
    ) {
        let forward = step.h.signum();
        while let Some(&t) = self.times.get(self.next).filter(|t| (step.t_new - **t) * forward >= 0.0) {
            let place =
                if t == step.t_new { Place::End } else { Place::Inside(T::dense_weights((t - step.t) / step.h)) };
            visit(self.next, t, place);
            self.next += 1;
        }
    }
}

/// From when to when; time may run backwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub start: f64,
    pub end: f64,
}

/// Why a solve stopped early, where and on which component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stop {
    pub reason: StopReason,
    pub t: f64,
    pub h: f64,
    pub component: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// The right-hand side is not finite at the initial state.
    NotFiniteAtStart,
    /// The right-hand side stays non-finite however small the step.
    NotFinite,
    /// The error stays too large however small the step.
    StepTooSmall,
    /// `max_steps` attempts were made.
    TooManySteps,
}

/// Memory of a solve, made once and used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace {
    k: Vec<f64>,
    stage: Vec<f64>,
    u_new: Vec<f64>,
    error: Vec<f64>,
}

impl Workspace {
    fn fit(&mut self, n: usize, stages: usize) {
        for (v, len) in [(&mut self.k, stages * n), (&mut self.stage, n), (&mut self.u_new, n), (&mut self.error, n)] {
            v.resize(len, 0.0);
        }
    }
}

/// $y_i = u_i + h \sum_{j<J} a_j k_{ji}$.
#[inline(always)]
fn combine<const J: usize>(a: &[f64], k: &[f64], h: f64, u: &[f64], y: &mut [f64]) {
    let n = u.len();
    let mut scaled = [0.0; J];
    for j in 0..J {
        scaled[j] = h * a[j];
    }
    let k = &k[..J * n];
    let y = &mut y[..n];
    for i in 0..n {
        let mut sum = u[i];
        for j in 0..J {
            sum += scaled[j] * k[j * n + i];
        }
        y[i] = sum;
    }
}

/// Calls [`combine`] with the number of terms known to the compiler.
#[inline(always)]
pub(crate) fn combine_first(terms: usize, a: &[f64], k: &[f64], h: f64, u: &[f64], y: &mut [f64]) {
    match terms {
        1 => combine::<1>(a, k, h, u, y),
        2 => combine::<2>(a, k, h, u, y),
        3 => combine::<3>(a, k, h, u, y),
        4 => combine::<4>(a, k, h, u, y),
        5 => combine::<5>(a, k, h, u, y),
        6 => combine::<6>(a, k, h, u, y),
        _ => {
            let n = u.len();
            for i in 0..n {
                y[i] = u[i] + h * (0..terms).map(|j| a[j] * k[j * n + i]).sum::<f64>();
            }
        }
    }
}

/// Integrates over `span`, from `u` to its end; `u` holds the farthest state reached, also on failure.
#[inline(always)]
pub(crate) fn integrate<T: Tableau<S, D>, const S: usize, const D: usize, O: Observer<S>>(
    observer: &mut O,
    options: &Options,
    span: Span,
    u: &mut [f64],
    work: &mut Workspace,
    statistics: &mut Statistics,
) -> Result<(), Stop> {
    let n = u.len();
    work.fit(n, S);
    let Workspace { k, stage, u_new, error } = work;
    let length = span.end - span.start;
    if length == 0.0 {
        return Ok(());
    }
    let direction = length.signum();
    let h_max = options.h_max.unwrap_or(length.abs()).min(length.abs());
    let mut t = span.start;

    observer.eval(0, t, u, &mut k[..n]);
    statistics.rhs += 1;
    if let Some(component) = k[..n].iter().chain(u.iter()).position(|x| !x.is_finite()) {
        return Err(Stop { reason: StopReason::NotFiniteAtStart, t, h: 0.0, component: component % n });
    }
    let mut h = match options.h_initial {
        Some(h) => h.min(h_max),
        None => initial_step(observer, options, T::ORDER, t, direction, h_max, u, &k[..n], stage, error, statistics),
    };
    let mut controller = Controller::new(T::ERROR_ORDER);
    // Where the right-hand side was last not finite while shrinking, to tell "not here" from "too hard".
    let mut not_here;

    for _ in 0..options.max_steps {
        // The last step is stretched or shortened to land on the end, so that no sliver remains.
        let left = (span.end - t) * direction;
        let last = left <= h * 1.01;
        let step = if last { span.end - t } else { h * direction };
        let t_new = if last { span.end } else { t + step };

        for s in 1..S {
            let y: &mut [f64] = if T::FIRST_SAME_AS_LAST && s == S - 1 { u_new } else { stage };
            combine_first(s, &T::A[s], k, step, u, y);
            observer.eval(s, t + T::C[s] * step, y, &mut k[s * n..(s + 1) * n]);
        }
        statistics.rhs += S - 1;
        if !T::FIRST_SAME_AS_LAST {
            combine_first(S, &T::B, k, step, u, u_new);
        }
        for i in 0..n {
            let mut sum = 0.0;
            for j in 0..S {
                sum += T::E[j] * k[j * n + i];
            }
            error[i] = step * sum;
        }
        let norm = error_norm(options, error, u, u_new);

        if norm <= 1.0 {
            statistics.accepted += 1;
            observer.accepted(&Step { t, h: step, t_new, u, u_new, k });
            u.copy_from_slice(u_new);
            t = t_new;
            if last {
                return Ok(());
            }
            if T::FIRST_SAME_AS_LAST {
                let (first, rest) = k.split_at_mut(n);
                first.copy_from_slice(&rest[(S - 2) * n..]);
            } else {
                observer.eval(0, t, u, &mut k[..n]);
                statistics.rhs += 1;
            }
            h = (step.abs() * controller.accepted(norm)).min(h_max);
            continue;
        }

        if norm.is_finite() {
            statistics.rejected_by_error += 1;
            h = step.abs() * controller.rejected(norm);
            not_here = false;
        } else {
            statistics.rejected_not_finite += 1;
            h = step.abs() * controller.not_here();
            not_here = true;
        }
        let smallest = (options.h_min_relative * t.abs().max(length.abs())).max(4.0 * f64::EPSILON * t.abs());
        if h < smallest {
            let reason = if not_here { StopReason::NotFinite } else { StopReason::StepTooSmall };
            return Err(Stop { reason, t, h, component: worst_component(options, error, u, u_new) });
        }
    }
    let reason = StopReason::TooManySteps;
    Err(Stop { reason, t, h, component: worst_component(options, error, u, u_new) })
}

/// The first step: small enough that an Euler step changes the solution by a hundredth of its size, and that the error
/// term, estimated from a second derivative, meets the tolerance. Hairer, Nørsett, Wanner I, II.4.
#[allow(clippy::too_many_arguments)]
fn initial_step<const S: usize, O: Observer<S>>(
    observer: &mut O,
    options: &Options,
    order: usize,
    t: f64,
    direction: f64,
    h_max: f64,
    u: &[f64],
    f0: &[f64],
    trial: &mut [f64],
    f1: &mut [f64],
    statistics: &mut Statistics,
) -> f64 {
    let n = u.len();
    let norm = |x: &dyn Fn(usize) -> f64| {
        let sum: f64 = (0..n).map(|i| (x(i) / (options.atol.of(i) + options.rtol * u[i].abs())).powi(2)).sum();
        (sum / n as f64).sqrt()
    };
    let (d0, d1) = (norm(&|i| u[i]), norm(&|i| f0[i]));
    let mut h0 = if d0 < 1e-5 || d1 < 1e-5 { 1e-6 * h_max } else { 0.01 * d0 / d1 };
    h0 = h0.min(h_max);
    // Where an Euler step leaves the domain, a shorter one may not.
    for _ in 0..20 {
        for i in 0..n {
            trial[i] = u[i] + direction * h0 * f0[i];
        }
        observer.try_eval(t + direction * h0, trial, f1);
        statistics.rhs += 1;
        if f1.iter().all(|x| x.is_finite()) {
            break;
        }
        h0 *= 0.1;
    }
    let d2 = norm(&|i| f1[i] - f0[i]) / h0;
    let largest = d1.max(d2);
    let h1 = if largest <= 1e-15 || !largest.is_finite() {
        (1e-6 * h_max).max(h0 * 1e-3)
    } else {
        (0.01 / largest).powf(1.0 / (order as f64 + 1.0))
    };
    (100.0 * h0).min(h1).min(h_max)
}
