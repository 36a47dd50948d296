//! Gradients through any method: the steps of a solve are kept, with what the method says of each, and swept back one by
//! one.

use super::reverse::{Bars, Made, Read, Reverse, reverse};
use super::start::start;
use crate::model::Differentiable;
use crate::ode::{
    Action, Context, Implicit, Kept, Method, Observer, Options, SaveTimes, Span, Statistics, Step, Stepper, Stop,
    StopReason, Workspace, integrate,
};

/// The steps of a solve, what was read of it, and the memory to sweep back.
#[derive(Default)]
pub(super) struct AnyAdjoint {
    steps: Vec<Kind>,
    /// States at the start of the steps, one after the other.
    starts: Vec<f64>,
    /// What the methods keep of the steps.
    stages: Vec<f64>,
    pub states: Vec<f64>,
    saved: Vec<Saved>,
    pub seeds: Vec<f64>,
    pub bars: Bars,
    /// Methods that were used, backwards.
    families: Vec<(Method, Box<dyn Reverse>)>,
    work: Workspace,
}

/// A step but for its numbers.
#[derive(Clone, Copy, Debug)]
struct Kind {
    t: f64,
    h: f64,
    method: Method,
    begins: bool,
    /// Where its stages begin.
    stages: usize,
}

/// Where a saved state was read from: step and $\theta$.
#[derive(Clone, Copy, Debug)]
enum Saved {
    Start,
    In { step: usize, theta: f64 },
}

impl AnyAdjoint {
    /// The methods that made the steps.
    pub fn methods(&self) -> Vec<Method> {
        let mut methods = Vec::new();
        for step in &self.steps {
            if !methods.contains(&step.method) {
                methods.push(step.method);
            }
        }
        methods
    }

    /// Solves from `u` at the start of the span to its end, keeping the steps and the states at the times.
    #[allow(clippy::too_many_arguments)]
    pub fn record(
        &mut self,
        system: &dyn Differentiable,
        options: &Options,
        span: Span,
        u: &mut [f64],
        p: &[f64],
        times: &[f64],
        statistics: &mut Statistics,
    ) -> Result<(), Stop> {
        for v in [&mut self.starts, &mut self.stages, &mut self.states] {
            v.clear();
        }
        self.steps.clear();
        self.saved.clear();
        let (mut plain, mut method) = start(system, options, span, (u, p), times, statistics)?;
        let mut work = std::mem::take(&mut self.work);
        let times = SaveTimes::new(times, span.start, |_| {
            self.states.extend_from_slice(u);
            self.saved.push(Saved::Start);
        });
        let mut recorder = Recorder { plain: &mut plain, times, begins: true, last: None, record: self };
        let result = integrate(&mut *method, &mut recorder, options, span, u, &mut work, statistics);
        self.work = work;
        result
    }

    /// Sweeps back from the seeds of the states to the cotangents of the initial state and the parameters.
    pub fn sweep(&mut self, system: &dyn Differentiable, p: &[f64]) -> Result<(), Stop> {
        let n = system.dimension();
        let AnyAdjoint { steps, starts, stages, saved, seeds, bars, families, .. } = self;
        for (bar, len) in [(&mut bars.u, n), (&mut bars.slope, n), (&mut bars.p, system.parameter_count())] {
            bar.clear();
            bar.resize(len, 0.0);
        }
        bars.differences.clear();
        let mut reads: Vec<Read> = Vec::new();
        let (mut unread, mut stages_end) = (saved.len(), stages.len());
        for (index, kind) in steps.iter().enumerate().rev() {
            reads.clear();
            while let Some(&Saved::In { step, theta }) = saved[..unread].last()
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
            let made = Made {
                t: kind.t,
                h: kind.h,
                u: &starts[index * n..][..n],
                stages: &stages[kind.stages..stages_end],
                begins: kind.begins,
            };
            stages_end = kind.stages;
            if !families.iter().any(|(method, _)| *method == kind.method) {
                // What cannot be differentiated was refused before the solve.
                families.extend(reverse(kind.method, system).map(|family| (kind.method, family)));
            }
            if let Some((_, family)) = families.iter_mut().find(|(method, _)| *method == kind.method) {
                family.step(system, p, &made, &reads, bars).map_err(|component| Stop {
                    reason: StopReason::Singular,
                    t: kind.t,
                    h: kind.h.abs(),
                    component,
                })?;
            }
        }
        for seed in seeds[..unread * n].chunks_exact(n) {
            bars.u.iter_mut().zip(seed).for_each(|(u, s)| *u += s);
        }
        Ok(())
    }
}

/// Keeps the steps.
struct Recorder<'r, 'f> {
    plain: &'r mut (dyn Implicit + 'f),
    times: SaveTimes<'r>,
    /// Whether the method begins afresh with the next step.
    begins: bool,
    last: Option<Method>,
    record: &'r mut AnyAdjoint,
}

impl<'f, M: Stepper<dyn Implicit + 'f> + ?Sized> Observer<M> for Recorder<'_, 'f> {
    type F = dyn Implicit + 'f;

    fn rhs(&mut self) -> &mut (dyn Implicit + 'f) {
        self.plain
    }

    fn accepted(&mut self, method: &mut M, step: &Step, kept: &Kept, cx: &mut Context) {
        let used = method.method();
        let record = &mut *self.record;
        let begins = std::mem::take(&mut self.begins) || self.last != Some(used);
        self.last = Some(used);
        let index = record.steps.len();
        record.steps.push(Kind { t: step.t, h: step.h, method: used, begins, stages: record.stages.len() });
        record.starts.extend_from_slice(step.u);
        method.keep_stages(&mut record.stages);
        while let Some(t) = self.times.pass(step, kept.t) {
            let theta = step.theta(t);
            let at = record.states.len();
            record.states.resize(at + step.u.len(), 0.0);
            if theta != 1.0 {
                method.prepare(self.plain, step, cx);
            }
            method.interpolate(step, theta, &mut record.states[at..]);
            record.saved.push(Saved::In { step: index, theta });
        }
    }

    fn act(&mut self, _t: f64, _u: &mut [f64], _cx: &mut Context) -> Result<Action, Stop> {
        self.begins = true;
        Ok(Action::GoOn)
    }
}
