//! Gradients through any method: the steps of a solve are kept, with what the method says of each, and swept back one by
//! one. Those that memory does not last for are made again, from snapshots.

use super::checkpoints::{Checkpoints, Snapshot};
use super::jumps::{Jump, Running};
use super::reverse::{Bars, Made, Read, Reverse, reverse};
use super::start::{looks_between, refusal, start};
use crate::model::{Differentiable, System};
use crate::ode::{
    Action, AnyStepper, Context, Course, Events, GAUSS, Implicit, Kept, Method, Observer, Options, Plain, Progress,
    SaveTimes, Saved, Span, Statistics, Step, Stepper, Stop, StopReason, Workspace,
};

/// The steps of a solve, what was read of it, and the memory to sweep back.
#[derive(Default)]
pub(super) struct AnyAdjoint {
    pub kept: Checkpoints,
    pub states: Vec<f64>,
    pub saved: Vec<SavedAt>,
    /// What is swept back, all of it at once.
    pub lanes: Vec<Lane>,
    /// What was integrated along the way, and its derivative by the parameters.
    pub integral: f64,
    pub integral_p: Vec<f64>,
    /// Where a terminal event ended the solve; the cotangent of the state there, and the derivative of the loss by the time.
    pub ended: Option<(f64, Vec<f64>)>,
    pub end_bar: Vec<f64>,
    pub end_time_bar: f64,
    /// Events that acted.
    jumps: Vec<Jump>,
    /// A state between steps, and cotangents that nobody wants.
    row: Vec<f64>,
    unwanted: Vec<f64>,
    /// Methods that were used, backwards.
    families: Vec<(Method, Box<dyn Reverse>)>,
    /// The methods of the last solve.
    used: Vec<Method>,
    /// What a method keeps of a step, or goes on from.
    numbers: Vec<f64>,
    work: Workspace,
}

/// One number of a solve on its way back.
#[derive(Default)]
pub(super) struct Lane {
    /// Its derivatives by the saved states.
    pub seeds: Vec<f64>,
    pub bars: Bars,
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
    events: Option<Events<'s>>,
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
    /// What is integrated over the whole span.
    pub running: Option<&'q dyn Running>,
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
        events: Option<Events<'s>>,
        u: &mut [f64],
        statistics: &mut Statistics,
    ) -> Result<Underway<'s>, Stop> {
        let Asked { options, span, p, times, budget, running } = asked;
        self.states.clear();
        self.saved.clear();
        self.forget();
        self.integral_p.resize(p.len(), 0.0);
        let course = Course::new(span, options);
        self.kept.begin(budget, first(&course, u));
        let (plain, mut stepper) = start(system, options, span, (u, p), times, statistics)?;
        let dense = looks_between(times, span) || events.is_some() || running.is_some();
        stepper.keep_dense(dense);
        let mut solve = Underway { plain, stepper, method: options.method, dense, events };
        let times = SaveTimes::new(times, span.start, |_| {
            self.states.extend_from_slice(u);
            self.saved.push(SavedAt::Start);
        });
        if span.start != span.end {
            self.follow(&mut solve, asked, course, u, times, statistics, None)?;
        }
        Ok(solve)
    }

    /// Forgets what another solve did on its way.
    fn forget(&mut self) {
        self.used.clear();
        self.jumps.clear();
        self.integral_p.clear();
        (self.integral, self.ended, self.end_time_bar) = (0.0, None, 0.0);
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
        let Asked { options, span, p, times, budget, .. } = asked;
        self.kept.begin(budget, first(&Course::new(span, options), begun.initial));
        self.forget();
        self.used.push(Method::Tsit5);
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
        let mut solve = Underway { plain, stepper, method: Method::Tsit5, dense: false, events: None };
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
        let Underway { plain, stepper, events, .. } = solve;
        let mut recorder = Recorder {
            plain,
            times: Some(times),
            begins: begun.is_none(),
            last: begun.map(|_| Method::Tsit5),
            stiff: if begun == Some(true) { Some(StopReason::LooksStiff) } else { refusal(asked.options) },
            full: false,
            from: 0,
            running: asked.running,
            events: events.as_mut(),
            cut: None,
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
        for Lane { bars, .. } in &mut self.lanes {
            for (bar, len) in [(&mut bars.u, n), (&mut bars.slope, n), (&mut bars.p, system.parameter_count())] {
                bar.clear();
                bar.resize(len, 0.0);
            }
            bars.differences.clear();
            if self.ended.is_some() {
                bars.u.copy_from_slice(&self.end_bar);
            }
        }
        let (mut unread, mut index, mut unturned) = (self.saved.len(), self.kept.report.steps, self.jumps.len());
        let nodes = if asked.running.is_some() { GAUSS.len() * n } else { 0 };
        let mut store: Vec<Read> = Vec::new();
        loop {
            let AnyAdjoint { kept, saved, lanes, families, jumps, end_time_bar, .. } = self;
            while let Some((mut made, method)) = kept.steps.last(n) {
                index -= 1;
                if !families.iter().any(|(used, _)| *used == method) {
                    // What cannot be differentiated was refused before the solve.
                    families.extend(reverse(method, system).map(|family| (method, family)));
                }
                let mut family = families.iter_mut().find(|(used, _)| *used == method);
                let jump = jumps[..unturned].last().filter(|jump| jump.step == index).zip(solve.events.as_ref());
                let end = jump.as_ref().map_or(1.0, |(jump, _)| jump.theta);
                unturned -= usize::from(jump.is_some());
                let (stages, along) = made.stages.split_at(made.stages.len() - nodes);
                made.stages = stages;
                let last_read = unread;
                while let Some(&SavedAt::In { step, .. }) = saved[..unread].last()
                    && step == index
                {
                    unread -= 1;
                }
                for Lane { seeds, bars } in &mut *lanes {
                    let (mut reads, mut cut_bar) = (emptied(store), Vec::new());
                    if let Some((jump, events)) = jump {
                        jump.back(system, p, events, asked.running, *end_time_bar, bars).map_err(|event| Stop {
                            reason: StopReason::EventGrazes(event),
                            t: jump.t,
                            h: made.h.abs(),
                            component: 0,
                        })?;
                        if end != 1.0 {
                            // The step led elsewhere, and was left on the way.
                            cut_bar.extend_from_slice(&bars.u);
                            bars.u.fill(0.0);
                        }
                    }
                    if end != 1.0 {
                        reads.push(Read { theta: end, bar: &cut_bar });
                    }
                    for (bar, (node, _)) in along.chunks_exact(n).zip(GAUSS) {
                        reads.push(Read { theta: node * end, bar });
                    }
                    for (saved, bar) in saved[unread..last_read].iter().zip(seeds[unread * n..].chunks_exact(n)).rev() {
                        match *saved {
                            SavedAt::In { theta, .. } if theta != 1.0 => reads.push(Read { theta, bar }),
                            _ => bars.u.iter_mut().zip(bar).for_each(|(u, s)| *u += s),
                        }
                    }
                    if let Some((_, family)) = &mut family {
                        family.step(system, p, &made, &reads, bars).map_err(|component| Stop {
                            reason: StopReason::Singular,
                            t: made.t,
                            h: made.h.abs(),
                            component,
                        })?;
                    }
                    store = emptied(reads);
                }
                kept.steps.pop();
            }
            if !self.make_again(&mut solve, asked)? {
                break;
            }
        }
        for Lane { seeds, bars } in &mut self.lanes {
            for seed in seeds[..unread * n].chunks_exact(n) {
                bars.u.iter_mut().zip(seed).for_each(|(u, s)| *u += s);
            }
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
        let Underway { plain, stepper, method, dense, events } = solve;
        let steps = to.step - from.step;
        let (begins, last) = (from.begins, from.last);
        match &from.method {
            Some(numbers) => stepper.restore(plain, u.len(), &mut Saved::new(numbers), &cx),
            None => {
                *stepper = method.stepper();
                stepper.keep_dense(*dense);
            }
        }
        let mut recorder = Recorder {
            plain,
            times: None,
            begins,
            last,
            stiff: None,
            full: false,
            from: from.step,
            running: asked.running,
            events: events.as_mut(),
            cut: None,
            record: self,
        };
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

/// The memory of reads for others.
fn emptied<'b>(reads: Vec<Read>) -> Vec<Read<'b>> {
    reads.into_iter().map_while(|_| None).collect()
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
    /// Why the solve ends where it looks stiff, if it does.
    stiff: Option<StopReason>,
    /// The first step to be made.
    from: usize,
    running: Option<&'r dyn Running>,
    events: Option<&'r mut Events<'f>>,
    /// Where the step is cut.
    cut: Option<(f64, f64)>,
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

    fn locate(&mut self, method: &mut M, step: &Step, cx: &mut Context) -> Result<Option<(f64, f64)>, Stop> {
        if let Some(reason) = self.stiff
            && method.looks_stiff()
        {
            return Err(Stop { reason, t: step.t, h: step.h.abs(), component: 0 });
        }
        let Some(events) = &mut self.events else { return Ok(None) };
        self.cut = if self.times.is_some() {
            events.locate(self.plain, method, step, cx)?
        } else {
            let index = self.from + self.record.kept.steps.count();
            self.record.jumps.iter().find(|jump| jump.step == index).map(|jump| (jump.t, jump.theta))
        };
        Ok(self.cut)
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
        if let Some(running) = self.running {
            method.prepare(self.plain, step, cx);
            let AnyAdjoint { numbers, row, integral, integral_p, unwanted, .. } = record;
            row.resize(step.u.len(), 0.0);
            unwanted.resize(integral_p.len(), 0.0);
            let first = self.times.is_some();
            for (node, weight) in GAUSS {
                let (theta, weight) = (node * kept.theta, weight * kept.theta * step.h);
                method.interpolate(step, theta, row);
                let at = numbers.len();
                numbers.resize(at + row.len(), 0.0);
                let p_bar = if first { &mut *integral_p } else { &mut *unwanted };
                let value = running.slopes(step.t + theta * step.h, row, weight, &mut numbers[at..], p_bar);
                if first {
                    *integral += weight * value;
                }
            }
        }
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

    fn act(&mut self, t: f64, u: &mut [f64], _cx: &mut Context) -> Result<Action, Stop> {
        self.begins = true;
        let Some(events) = &mut self.events else { return Ok(Action::GoOn) };
        let (cut, record) = (self.cut.take(), &mut *self.record);
        if self.times.is_none() {
            let made = (self.from + record.kept.steps.count()).checked_sub(1);
            for jump in record.jumps.iter().filter(|jump| cut.is_some() && Some(jump.step) == made) {
                jump.due.iter().for_each(|event| events.effect(*event, t, u));
            }
            return Ok(Action::GoOn);
        }
        if let Some((_, theta)) = cut
            && let Some(step) = record.kept.report.steps.checked_sub(1)
        {
            record.jumps.push(Jump { step, theta, t, u: u.to_vec(), due: events.due().to_vec() });
        }
        let action = events.act(t, u);
        if action == Action::End {
            record.ended = Some((t, u.to_vec()));
        }
        Ok(action)
    }
}
