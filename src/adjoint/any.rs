//! Gradients through any method: the steps of a solve are kept, with what the method says of each, and swept back one by
//! one. Those that memory does not last for are made again, from snapshots.

use super::checkpoints::{Checkpoints, Snapshot};
use super::reverse::{Bars, Made, Read, Reverse, reverse};
use super::start::{looks_between, start};
use crate::model::{Differentiable, System};
use crate::ode::{
    Action, AnyStepper, Context, Course, Implicit, Kept, Method, Observer, Options, Plain, Progress, SaveTimes, Saved,
    Span, Statistics, Step, Stepper, Stop, StopReason, Workspace,
};

/// The steps of a solve, what was read of it, and the memory to sweep back.
#[derive(Default)]
pub(super) struct AnyAdjoint {
    pub kept: Checkpoints,
    pub states: Vec<f64>,
    pub saved: Vec<SavedAt>,
    pub seeds: Vec<f64>,
    pub bars: Bars,
    /// Methods that were used, backwards.
    families: Vec<(Method, Box<dyn Reverse>)>,
    /// The methods of the last solve.
    used: Vec<Method>,
    /// What a method keeps of a step, or goes on from.
    numbers: Vec<f64>,
    work: Workspace,
}

/// Where a saved state was read from: step and $\theta$.
#[derive(Clone, Copy, Debug)]
pub(super) enum SavedAt {
    Start,
    In { step: usize, theta: f64 },
}

/// A solve with all that its steps are made with, to make them again.
pub(super) struct Underway<'s> {
    plain: Plain<&'s dyn System>,
    stepper: AnyStepper<'s>,
    method: Method,
    dense: bool,
}

/// A solve by Tsit5 that another way has begun and kept.
pub(super) struct Begun<'b> {
    pub course: Course,
    pub initial: &'b [f64],
    /// What the method goes on from.
    pub method: &'b [f64],
    /// `t`, `h` of each step, and the states at their starts.
    pub steps: Vec<(f64, f64)>,
    pub starts: Vec<f64>,
    /// Times passed.
    pub passed: usize,
    /// Whether it is to end where it looks stiff.
    pub hands_over: bool,
}

/// What a differentiated solve is asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'q> {
    pub options: &'q Options,
    pub span: Span,
    pub p: &'q [f64],
    pub times: &'q [f64],
    pub budget: usize,
}

impl AnyAdjoint {
    /// The methods that made the steps, in the order in which they were first used.
    pub fn methods(&self) -> Vec<Method> {
        self.used.clone()
    }

    /// Solves from `u` at the start of the span to its end, keeping the steps and the states at the times.
    pub fn record<'s>(
        &mut self,
        system: &'s dyn Differentiable,
        asked: Asked,
        u: &mut [f64],
        statistics: &mut Statistics,
    ) -> Result<Underway<'s>, Stop> {
        let Asked { options, span, p, times, budget } = asked;
        self.states.clear();
        self.saved.clear();
        self.used.clear();
        let course = Course::new(span, options);
        self.kept.begin(budget, first(&course, u));
        let (plain, stepper) = start(system, options, span, (u, p), times, statistics)?;
        let dense = looks_between(times, span);
        let mut solve = Underway { plain, stepper, method: options.method, dense };
        let times = SaveTimes::new(times, span.start, |_| {
            self.states.extend_from_slice(u);
            self.saved.push(SavedAt::Start);
        });
        if span.start != span.end {
            self.follow(&mut solve, asked, course, u, times, statistics, None)?;
        }
        Ok(solve)
    }

    /// Goes on with a solve to its end, `u` being where it stands. What was read before is in `states` and `saved`.
    pub fn take_over<'s>(
        &mut self,
        system: &'s dyn Differentiable,
        asked: Asked,
        begun: Begun,
        u: &mut [f64],
        statistics: &mut Statistics,
    ) -> Result<Underway<'s>, Stop> {
        let Asked { options, span, p, times, budget } = asked;
        self.kept.begin(budget, first(&Course::new(span, options), begun.initial));
        self.used.clear();
        let n = u.len();
        let mut begins = true;
        for (&(t, h), u) in begun.steps.iter().zip(begun.starts.chunks_exact(n)) {
            let begins = std::mem::take(&mut begins);
            self.kept.keep(&Made { t, h, u, stages: &[], begins }, Method::Tsit5);
        }
        drop((begun.steps, begun.starts));
        let plain = Plain::new(system as &dyn System, p, options, span);
        let mut stepper = Method::Tsit5.stepper();
        let cx = Context { options, statistics };
        stepper.restore(&plain, n, &mut Saved::new(begun.method), &cx);
        let mut solve = Underway { plain, stepper, method: Method::Tsit5, dense: false };
        let times = SaveTimes::after(times, begun.passed);
        self.follow(&mut solve, asked, begun.course, u, times, statistics, Some(begun.hands_over))?;
        Ok(solve)
    }

    /// Follows a course to its end; from its start, or from where it stands when it was begun elsewhere, with whether it is to
    /// end where it looks stiff.
    #[allow(clippy::too_many_arguments)]
    fn follow(
        &mut self,
        solve: &mut Underway,
        asked: Asked,
        mut course: Course,
        u: &mut [f64],
        times: SaveTimes,
        statistics: &mut Statistics,
        begun: Option<bool>,
    ) -> Result<(), Stop> {
        let mut cx = Context { options: asked.options, statistics };
        let mut work = std::mem::take(&mut self.work);
        work.resize(u.len());
        let Underway { plain, stepper, .. } = solve;
        let last = begun.map(|_| Method::Tsit5);
        let hands_over = begun == Some(true);
        let mut recorder = Recorder {
            plain,
            times: Some(times),
            begins: begun.is_none(),
            last,
            hands_over,
            full: false,
            record: self,
        };
        if begun.is_none() {
            course.begin(&mut **stepper, &mut recorder, u, &mut work, &mut cx)?;
        }
        while course.advance(&mut **stepper, &mut recorder, u, &mut work, &mut cx)? == Progress::Going {
            recorder.look_for_snapshot(&**stepper, &course, u);
        }
        self.work = work;
        self.kept.finish(course.t)
    }

    /// Sweeps back from the seeds of the states to the cotangents of the initial state and the parameters.
    pub fn sweep(&mut self, system: &dyn Differentiable, asked: Asked, mut solve: Underway) -> Result<(), Stop> {
        let (n, p) = (system.dimension(), asked.p);
        for (bar, len) in
            [(&mut self.bars.u, n), (&mut self.bars.slope, n), (&mut self.bars.p, system.parameter_count())]
        {
            bar.clear();
            bar.resize(len, 0.0);
        }
        self.bars.differences.clear();
        let (mut unread, mut index) = (self.saved.len(), self.kept.report.steps);
        loop {
            let AnyAdjoint { kept, saved, seeds, bars, families, .. } = self;
            let mut reads: Vec<Read> = Vec::new();
            while let Some((made, method)) = kept.steps.last(n) {
                index -= 1;
                reads.clear();
                while let Some(&SavedAt::In { step, theta }) = saved[..unread].last()
                    && step == index
                {
                    unread -= 1;
                    let bar = &seeds[unread * n..][..n];
                    if theta == 1.0 {
                        bars.u.iter_mut().zip(bar).for_each(|(u, s)| *u += s);
                    } else {
                        reads.push(Read { theta, bar });
                    }
                }
                if !families.iter().any(|(used, _)| *used == method) {
                    // What cannot be differentiated was refused before the solve.
                    families.extend(reverse(method, system).map(|family| (method, family)));
                }
                if let Some((_, family)) = families.iter_mut().find(|(used, _)| *used == method) {
                    family.step(system, p, &made, &reads, bars).map_err(|component| Stop {
                        reason: StopReason::Singular,
                        t: made.t,
                        h: made.h.abs(),
                        component,
                    })?;
                }
                kept.steps.pop();
            }
            if !self.make_again(&mut solve, asked)? {
                break;
            }
        }
        let AnyAdjoint { seeds, bars, .. } = self;
        for seed in seeds[..unread * n].chunks_exact(n) {
            bars.u.iter_mut().zip(seed).for_each(|(u, s)| *u += s);
        }
        Ok(())
    }

    /// Makes the steps again that lead to those swept last; `false` where there are none.
    fn make_again(&mut self, solve: &mut Underway, asked: Asked) -> Result<bool, Stop> {
        let Some((from, to)) = self.kept.before() else { return Ok(false) };
        let mut statistics = Statistics::default();
        let mut cx = Context { options: asked.options, statistics: &mut statistics };
        let mut course = from.course.clone();
        let mut u = from.u.clone();
        let mut work = std::mem::take(&mut self.work);
        let Underway { plain, stepper, method, dense } = solve;
        let steps = to.step - from.step;
        let (begins, last) = (from.begins, from.last);
        match &from.method {
            Some(numbers) => stepper.restore(plain, u.len(), &mut Saved::new(numbers), &cx),
            None => {
                *stepper = method.stepper();
                stepper.keep_dense(*dense);
            }
        }
        let mut recorder = Recorder { plain, times: None, begins, last, hands_over: false, full: false, record: self };
        if from.method.is_none() {
            course.begin(&mut **stepper, &mut recorder, &mut u, &mut work, &mut cx)?;
        }
        while recorder.record.kept.steps.count() < steps && !recorder.full {
            if course.advance(&mut **stepper, &mut recorder, &mut u, &mut work, &mut cx)? != Progress::Going {
                break;
            }
        }
        let full = recorder.full;
        self.work = work;
        // Bits are compared: where they differ, so may all that follows.
        let differs = u.iter().zip(&to.u).position(|(a, b)| a.to_bits() != b.to_bits());
        let there = course.t == to.course.t && self.kept.steps.count() == steps && !full;
        if differs.is_some() || !there {
            let component = differs.unwrap_or(0);
            return Err(Stop { reason: StopReason::NotRepeatable, t: to.course.t, h: 0.0, component });
        }
        self.kept.made_again(from, &to);
        Ok(true)
    }
}

/// The start of a solve.
fn first(course: &Course, u: &[f64]) -> Snapshot {
    Snapshot { course: course.again(), step: 0, begins: true, last: None, u: u.into(), method: None }
}

/// Keeps the steps.
struct Recorder<'r, 'f> {
    plain: &'r mut (dyn Implicit + 'f),
    /// Times still to be read; none where steps are made again.
    times: Option<SaveTimes<'r>>,
    /// Whether the method begins afresh with the next step.
    begins: bool,
    last: Option<Method>,
    /// Whether the solve ends where it looks stiff.
    hands_over: bool,
    /// Whether there was no room for a step that was made again.
    full: bool,
    record: &'r mut AnyAdjoint,
}

impl<'f> Recorder<'_, 'f> {
    /// Takes a snapshot, if it is time.
    fn look_for_snapshot(&mut self, method: &(dyn Stepper<dyn Implicit + 'f> + 'f), course: &Course, u: &[f64]) {
        let AnyAdjoint { kept, numbers, .. } = &mut *self.record;
        if kept.is_due(method.can_be_saved()) {
            numbers.clear();
            method.save(numbers);
            kept.snapshot(course, u, numbers, self.begins, self.last);
        }
    }
}

impl<'f, M: Stepper<dyn Implicit + 'f> + ?Sized> Observer<M> for Recorder<'_, 'f> {
    type F = dyn Implicit + 'f;

    fn rhs(&mut self) -> &mut (dyn Implicit + 'f) {
        self.plain
    }

    fn locate(&mut self, method: &mut M, step: &Step, _cx: &mut Context) -> Result<Option<(f64, f64)>, Stop> {
        if self.hands_over && method.looks_stiff() {
            return Err(Stop { reason: StopReason::LooksStiff, t: step.t, h: step.h.abs(), component: 0 });
        }
        Ok(None)
    }

    fn accepted(&mut self, method: &mut M, step: &Step, kept: &Kept, cx: &mut Context) {
        let used = method.method();
        let record = &mut *self.record;
        let begins = std::mem::take(&mut self.begins) || self.last != Some(used);
        self.last = Some(used);
        if !record.used.contains(&used) {
            record.used.push(used);
        }
        record.numbers.clear();
        method.keep_stages(&mut record.numbers);
        let made = Made { t: step.t, h: step.h, u: step.u, stages: &record.numbers, begins };
        let Some(times) = &mut self.times else {
            self.full |= !record.kept.keep_again(&made, used);
            return;
        };
        let index = record.kept.report.steps;
        record.kept.keep(&made, used);
        while let Some(t) = times.pass(step, kept.t) {
            let theta = step.theta(t);
            let at = record.states.len();
            record.states.resize(at + step.u.len(), 0.0);
            if theta != 1.0 {
                method.prepare(self.plain, step, cx);
            }
            method.interpolate(step, theta, &mut record.states[at..]);
            record.saved.push(SavedAt::In { step: index, theta });
        }
    }

    fn act(&mut self, _t: f64, _u: &mut [f64], _cx: &mut Context) -> Result<Action, Stop> {
        self.begins = true;
        Ok(Action::GoOn)
    }
}
