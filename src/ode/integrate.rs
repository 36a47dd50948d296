//! The step loop that every solve runs through: any method, plain, recorded for the adjoint, or with sensitivities.

use super::control::worst_component;
use super::options::Options;
use super::solution::Statistics;
use super::stepper::{Context, Rejection, Rhs, Step, Stepper};
use std::borrow::Cow;
use std::time::Instant;

/// Who holds the right-hand side and is told of the steps.
pub(crate) trait Observer<M: ?Sized> {
    /// The right-hand side as the method sees it.
    type F: Rhs + ?Sized;
    /// The right-hand side.
    fn rhs(&mut self) -> &mut Self::F;

    /// Looks whether the step has to end early, and where, as time and $\theta$: an event that acts.
    #[inline(always)]
    fn locate(&mut self, method: &mut M, step: &Step, cx: &mut Context) -> Result<Option<(f64, f64)>, Stop> {
        let _ = (method, step, cx);
        Ok(None)
    }

    /// A step passed its test, and was kept up to `kept`.
    fn accepted(&mut self, method: &mut M, step: &Step, kept: &Kept, cx: &mut Context);

    /// The solve is over, at this time.
    #[inline(always)]
    fn finished(&mut self, t: f64) {
        let _ = t;
    }

    /// Acts at a time that the loop stopped at: one of its stops, or what [`locate`](Self::locate) gave. May change the
    /// state.
    fn act(&mut self, t: f64, u: &mut [f64], cx: &mut Context) -> Result<Action, Stop> {
        let _ = (t, u, cx);
        Ok(Action::GoOn)
    }
}

/// What follows when the loop stopped somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    GoOn,
    End,
}

/// How much of a step counts: all of it, or what lies before an event.
pub(crate) struct Kept<'k> {
    pub t: f64,
    pub theta: f64,
    pub u: &'k [f64],
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

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum StopReason {
    /// The right-hand side is not finite at the initial state.
    NotFiniteAtStart,
    /// The right-hand side stays non-finite however small the step.
    NotFinite,
    /// The error stays too large however small the step.
    StepTooSmall,
    /// Newton's method does not converge however small the step.
    Newton,
    /// The matrix of the implicit method is singular however small the step.
    Singular,
    /// A state leaves its bounds however small the step.
    Domain,
    /// The method is not stable with the step, only with one of this length.
    Unstable(f64),
    /// `max_steps` attempts were made.
    TooManySteps,
    /// Stability limits an explicit method so much that the steps allowed cannot reach the end.
    LooksStiff,
    /// The time allowed for the solve is used up.
    TimeBudget,
    /// An event's function is not a number.
    EventNotFinite(usize),
    /// An event's function is zero all along a step.
    EventIsZero(usize),
    /// An explicit method is held to its limit of stability, where its steps have no useful derivative.
    StiffForDerivatives,
    /// An event's function touches zero without crossing it.
    EventGrazes(usize),
    /// An event acts over and over at next to the same time.
    EventsAccumulate(usize),
    /// An algebraic equation is off by this much.
    Inconsistent(f64),
    /// An algebraic equation is still off by this much after all attempts to fulfil it.
    NotMended(f64),
    /// What a gradient keeps of the solve does not fit into so many bytes, but would into so many.
    Memory { budget: usize, needed: usize },
    /// Steps that were made again are not the same.
    NotRepeatable,
}

/// States that the loop works with, made once and used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace {
    u_new: Vec<f64>,
    cut: Vec<f64>,
    trial: Vec<f64>,
}

impl Workspace {
    /// Room for `n` states.
    pub fn resize(&mut self, n: usize) {
        for v in [&mut self.u_new, &mut self.cut, &mut self.trial] {
            v.resize(n, 0.0);
        }
    }
}

/// Goes along the times to save while the steps go by.
pub(crate) struct SaveTimes<'t> {
    times: Cow<'t, [f64]>,
    next: usize,
}

impl<'t> SaveTimes<'t> {
    /// Begins at `start`, calling `visit` with the index of each time that is the start itself.
    pub fn new(times: impl Into<Cow<'t, [f64]>>, start: f64, mut visit: impl FnMut(usize)) -> Self {
        let (times, mut next) = (times.into(), 0);
        while times.get(next) == Some(&start) {
            visit(next);
            next += 1;
        }
        SaveTimes { times, next }
    }

    /// Goes on after so many of the times.
    pub fn after(times: impl Into<Cow<'t, [f64]>>, passed: usize) -> Self {
        SaveTimes { times: times.into(), next: passed }
    }

    /// How many of the times are passed.
    pub fn passed(&self) -> usize {
        self.next
    }

    /// The next time in a step kept up to `end`, if there is one.
    #[inline(always)]
    pub fn pass(&mut self, step: &Step, end: f64) -> Option<f64> {
        let t = *self.times.get(self.next)?;
        if (end - t) * step.h.signum() < 0.0 {
            return None;
        }
        self.next += 1;
        Some(t)
    }
}

/// How far a solve has come.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub t: f64,
    /// The stop that the course has just left.
    left: Option<f64>,
    /// Size of the next attempt, unsigned.
    pub h: f64,
    pub span: Span,
    /// A time on the way to land on, where nothing happens.
    pub halt: Option<f64>,
    pub direction: f64,
    h_max: f64,
    /// The next of the options' discontinuities.
    next_stop: usize,
    attempts: usize,
    began: Option<Instant>,
}

/// What a step led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to go.
    Going,
    /// The end that was asked for.
    Reached,
    /// A terminal event.
    Ended,
}

/// The smallest step, relative to the span.
pub(crate) const SMALLEST_OF_SPAN: f64 = 1e-26;

impl Course {
    /// Stands at the start of the span; the method has not begun.
    #[inline(always)]
    pub fn new(span: Span, options: &Options) -> Course {
        let direction = if span.end < span.start { -1.0 } else { 1.0 };
        let mut next_stop = 0;
        while options.discontinuities.get(next_stop).is_some_and(|s| (s - span.start) * direction < 0.0) {
            next_stop += 1;
        }
        Course {
            t: span.start,
            left: None,
            h: 0.0,
            span,
            halt: None,
            direction,
            h_max: options.h_max.unwrap_or(f64::INFINITY),
            next_stop,
            attempts: 0,
            began: options.time_budget.map(|_| Instant::now()),
        }
    }

    /// Begins where the course stands: at its start, and when the state or the right-hand side was changed from outside.
    /// A stop that is here acts first.
    #[inline(always)]
    pub fn begin<M: Stepper<O::F> + ?Sized, O: Observer<M>>(
        &mut self,
        method: &mut M,
        observer: &mut O,
        u: &mut [f64],
        work: &mut Workspace,
        cx: &mut Context,
    ) -> Result<(), Stop> {
        work.resize(u.len());
        if self.stop_is_here(cx.options) {
            self.next_stop += 1;
            observer.act(self.t, u, cx)?;
            self.leave_stop(cx.options);
        }
        self.restart(method, observer, u, work, cx, StopReason::NotFiniteAtStart)
    }

    /// Whether a stop at this very time is still to come.
    pub fn stop_is_here(&self, options: &Options) -> bool {
        options.discontinuities.get(self.next_stop) == Some(&self.t)
    }

    /// The same course, to be followed again without a clock.
    pub fn again(&self) -> Course {
        Course { began: None, ..self.clone() }
    }

    /// Sets another end and allows as many steps and as much time as at the start.
    pub fn extend(&mut self, end: f64, options: &Options) {
        self.span.end = end;
        self.attempts = 0;
        self.began = options.time_budget.map(|_| Instant::now());
    }

    /// Begins afresh where the course stands; where nothing can begin, for this reason.
    #[inline(always)]
    fn restart<M: Stepper<O::F> + ?Sized, O: Observer<M>>(
        &mut self,
        method: &mut M,
        observer: &mut O,
        u: &[f64],
        work: &mut Workspace,
        cx: &mut Context,
        reason: StopReason,
    ) -> Result<(), Stop> {
        let bad = u.iter().position(|x| !x.is_finite());
        let started = match bad {
            Some(component) => Err(component),
            None => method.start(observer.rhs(), self.t, u, cx),
        };
        if let Err(component) = started {
            return Err(Stop { reason, t: self.t, h: 0.0, component });
        }
        let left = (self.span.end - self.t).abs();
        self.h = match (cx.options.fixed_step, cx.options.h_initial) {
            (Some(h), _) => h,
            (None, Some(h)) => h.min(self.h_max),
            (None, None) => self.first_step(method, observer, left, u, work, cx),
        };
        Ok(())
    }

    /// Makes one step that counts.
    #[inline(always)]
    pub fn advance<M: Stepper<O::F> + ?Sized, O: Observer<M>>(
        &mut self,
        method: &mut M,
        observer: &mut O,
        u: &mut [f64],
        work: &mut Workspace,
        cx: &mut Context,
    ) -> Result<Progress, Stop> {
        let options = cx.options;
        let length = (self.span.end - self.span.start).abs();
        loop {
            let jump = options.discontinuities.get(self.next_stop).copied();
            // What happens at the end is left to a solve that goes on from there.
            let stop = jump.filter(|s| (self.span.end - s) * self.direction > 0.0);
            let target = stop.unwrap_or(self.span.end);
            method.look_no_further(if jump == Some(target) { self.before(target) } else { target });
            let halt = self.halt.filter(|halt| (target - halt) * self.direction > 0.0);
            let target = halt.unwrap_or(target);
            // The last step is stretched or shortened to land on the target, so that no sliver remains.
            let left = (target - self.t) * self.direction;
            if left <= 0.0 {
                return Ok(if halt.is_some() { Progress::Going } else { Progress::Reached });
            }
            if self.attempts >= options.max_steps() {
                return Err(self.stop(StopReason::TooManySteps, method.error(), u, work, options));
            }
            if self.out_of_time(options) {
                return Err(self.stop(StopReason::TimeBudget, method.error(), u, work, options));
            }
            self.attempts += 1;
            let lands = left <= self.h * 1.01;
            // The method goes on from a halt: two steps of half the length keep its step from becoming a sliver.
            let halves = halt.is_some() && options.fixed_step.is_none() && left < 2.0 * self.h;
            let h = if lands && jump == Some(target) {
                self.just_before(target)
            } else if lands {
                target - self.t
            } else if halves {
                0.5 * (target - self.t)
            } else {
                self.h * self.direction
            };
            let t_new = if lands { target } else { self.t + h };

            let mut tried = method.attempt(observer.rhs(), self.t, h, u, &mut work.u_new, cx);
            if tried.is_ok() && options.bounds.iter().any(|b| !b.hold(&work.u_new)) {
                tried = Err(Rejection::Domain);
            }
            if let Err(why) = tried {
                cx.statistics.reject(why);
                self.h = method.reject(why, h.abs(), cx);
                if self.h < self.smallest(options, length) || options.fixed_step.is_some() {
                    return Err(self.given_up(why, h.abs(), method.error(), u, work, options));
                }
                continue;
            }
            cx.statistics.accepted += 1;
            let step = Step { t: self.t, h, t_new, u, u_new: &work.u_new };
            let cut = observer.locate(method, &step, cx)?;
            let kept = match cut {
                Some((t, theta)) if t != t_new => {
                    method.interpolate(&step, theta, &mut work.cut);
                    Kept { t, theta, u: &work.cut }
                }
                _ => Kept { t: t_new, theta: 1.0, u: &work.u_new },
            };
            observer.accepted(method, &step, &kept, cx);
            self.h = method.accept(observer.rhs(), &step, cx).min(self.h_max).max(self.smallest(options, length));
            if let Some(h) = options.fixed_step {
                self.h = h;
            }
            self.t = kept.t;
            self.left = None;
            u.copy_from_slice(kept.u);

            // An event a rounding before the stop may have cut the step there.
            let at_stop = stop.is_some_and(|s| (s - self.t) * self.direction <= 0.0);
            if at_stop {
                self.next_stop += 1;
            }
            if at_stop || cut.is_some() {
                if observer.act(self.t, u, cx)? == Action::End {
                    if at_stop {
                        self.next_stop -= 1;
                    }
                    return Ok(Progress::Ended);
                }
                if self.t == self.span.end {
                    return Ok(Progress::Reached);
                }
                if at_stop {
                    self.leave_stop(options);
                }
                self.restart(method, observer, u, work, cx, StopReason::NotFinite)?;
                return Ok(Progress::Going);
            }
            if lands && halt.is_none() {
                return Ok(Progress::Reached);
            }
            if method.looks_stiff() {
                let allowed = options.max_stiff_steps().min(options.max_steps() - self.attempts) as f64;
                if (self.span.end - self.t).abs() > self.h * allowed {
                    return Err(self.stop(StopReason::LooksStiff, method.error(), u, work, options));
                }
            }
            return Ok(Progress::Going);
        }
    }

    /// The step to a stop, less a rounding where there is room for it: where the right-hand side jumps, its value at the
    /// very time may be that of the other side.
    #[inline(never)]
    fn just_before(&self, stop: f64) -> f64 {
        let mut h = (self.before(stop) - self.t) * self.direction;
        // Rounding the sum may lead back to the stop, if the step is long.
        if self.t + h * self.direction == stop {
            h = h.next_down();
        }
        if h > 0.0 { h * self.direction } else { stop - self.t }
    }

    /// The last time on this side of a stop.
    #[inline(always)]
    fn before(&self, stop: f64) -> f64 {
        if self.direction > 0.0 { stop.next_down() } else { stop.next_up() }
    }

    /// Goes on from the other side of a stop, for the same reason.
    fn leave_stop(&mut self, options: &Options) {
        let later = if self.direction > 0.0 { self.t.next_up() } else { self.t.next_down() };
        let next = options.discontinuities.get(self.next_stop).copied();
        let ahead = |t: f64| (t - later) * self.direction > 0.0;
        if ahead(self.span.end) && next.is_none_or(ahead) {
            self.left = Some(self.t);
            self.t = later;
        }
    }

    /// The time reached: at a stop the stop itself, although the course goes on from just after it.
    pub fn reached(&self) -> f64 {
        self.left.unwrap_or(self.t)
    }

    /// The smallest step that makes sense here: below it times can no longer be told apart. From zero on a transient may
    /// need steps many orders of magnitude shorter than the span.
    #[inline(always)]
    fn smallest(&self, options: &Options, length: f64) -> f64 {
        (options.h_min_relative.max(4.0 * f64::EPSILON) * self.t.abs()).max(SMALLEST_OF_SPAN * length)
    }

    #[cold]
    fn stop(&self, reason: StopReason, error: &[f64], u: &[f64], work: &Workspace, options: &Options) -> Stop {
        let component = match reason {
            StopReason::Domain => options.bounds.iter().find(|b| !b.hold(&work.u_new)).map_or(0, |b| b.state),
            _ => worst_component(options, error, u, &work.u_new),
        };
        Stop { reason, t: self.t, h: self.h, component }
    }

    /// The stop after an attempt of length `h` that did not count, when no shorter one makes sense.
    #[cold]
    fn given_up(&self, why: Rejection, h: f64, error: &[f64], u: &[f64], work: &Workspace, options: &Options) -> Stop {
        let reason = match why {
            Rejection::Error => StopReason::StepTooSmall,
            Rejection::Newton => StopReason::Newton,
            Rejection::Singular(_) => StopReason::Singular,
            Rejection::NotFinite(_) => StopReason::NotFinite,
            Rejection::Domain => StopReason::Domain,
            // The method has said which step would be stable.
            Rejection::Stability(_) => StopReason::Unstable(self.h),
        };
        let mut stop = self.stop(reason, error, u, work, options);
        stop.h = h;
        if let Rejection::NotFinite(component) | Rejection::Singular(component) | Rejection::Stability(component) = why
        {
            stop.component = component;
        }
        stop
    }

    fn out_of_time(&self, options: &Options) -> bool {
        match (self.began, options.time_budget) {
            (Some(began), Some(budget)) => began.elapsed() > budget,
            _ => false,
        }
    }

    /// The first step: small enough that an Euler step changes the solution by a hundredth of its size, and that the
    /// error term, estimated from a second derivative, meets the tolerance. Hairer, Nørsett, Wanner I, II.4.
    fn first_step<M: Stepper<O::F> + ?Sized, O: Observer<M>>(
        &self,
        method: &mut M,
        observer: &mut O,
        left: f64,
        u: &[f64],
        work: &mut Workspace,
        cx: &mut Context,
    ) -> f64 {
        let options = cx.options;
        let h_max = self.h_max.min(left);
        let (trial, f1) = (&mut work.trial, &mut work.cut);
        let f0 = method.slope();
        let n = u.len();
        let norm = |x: &dyn Fn(usize) -> f64| {
            let sum: f64 = (0..n).map(|i| (x(i) / (options.atol.of(i) + options.rtol * u[i].abs())).powi(2)).sum();
            (sum / n as f64).sqrt()
        };
        let (d0, d1) = (norm(&|i| u[i]), norm(&|i| f0[i]));
        let mut h0 = if d0 < 1e-5 || d1 * h_max < 1e-5 { 1e-6 * h_max } else { 0.01 * d0 / d1 };
        h0 = h0.min(h_max);
        // Where an Euler step leaves the domain, a shorter one may not.
        for _ in 0..20 {
            for i in 0..n {
                trial[i] = u[i] + self.direction * h0 * f0[i];
            }
            observer.rhs().try_eval(self.t + self.direction * h0, trial, f1);
            cx.statistics.rhs += 1;
            if f1.iter().all(|x| x.is_finite()) {
                break;
            }
            h0 *= 0.1;
        }
        // In units of the time in which an Euler step changes the solution by its size: then a right-hand side in
        // picoseconds begins with the same step as one in years.
        let unit = 100.0 * h0;
        let d2 = norm(&|i| f1[i] - f0[i]) / h0;
        let largest = (d1 * unit).max(d2 * unit * unit);
        let h1 = if largest <= 1e-15 || !largest.is_finite() {
            (1e-6 * h_max).max(h0 * 1e-3)
        } else {
            unit * (0.01 / largest).powf(1.0 / (method.order() as f64 + 1.0))
        };
        unit.min(h1).min(h_max)
    }
}

/// Integrates over `span`, from `u` to its end; `u` holds the farthest state reached, also on failure.
#[inline(always)]
pub(crate) fn integrate<M: Stepper<O::F> + ?Sized, O: Observer<M>>(
    method: &mut M,
    observer: &mut O,
    options: &Options,
    span: Span,
    u: &mut [f64],
    work: &mut Workspace,
    statistics: &mut Statistics,
) -> Result<(), Stop> {
    if span.start == span.end {
        return Ok(());
    }
    let mut cx = Context { options, statistics };
    let mut course = Course::new(span, options);
    course.begin(method, observer, u, work, &mut cx)?;
    while course.advance(method, observer, u, work, &mut cx)? == Progress::Going {}
    observer.finished(course.t);
    Ok(())
}
