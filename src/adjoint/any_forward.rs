//! Sensitivities through any method, carried on from step to step.

use super::onward::{Carried, Onward, ReadOff, onward};
use super::reverse::Made;
use super::start::{refusal, start};
use crate::model::Differentiable;
use crate::ode::{
    Action, Context, Implicit, Kept, Method, Observer, Options, SaveTimes, Span, Statistics, Step, Stepper, Stop,
    StopReason, Workspace, integrate,
};

/// States and sensitivities at the times, and the memory to compute them.
#[derive(Default)]
pub(super) struct AnyForward {
    pub states: Vec<f64>,
    pub saved: Vec<f64>,
    carried: Carried,
    /// Methods that were used, forwards.
    families: Vec<(Method, Box<dyn Onward>)>,
    /// The methods of the last solve.
    used: Vec<Method>,
    stages: Vec<f64>,
    /// Where states were read in the step at hand, and their sensitivities.
    thetas: Vec<f64>,
    work: Workspace,
}

impl AnyForward {
    /// The methods that made the steps.
    pub fn methods(&self) -> Vec<Method> {
        self.used.clone()
    }

    /// Solves from `u` at the start of the span to its end.
    #[allow(clippy::too_many_arguments)]
    pub fn run(
        &mut self,
        system: &dyn Differentiable,
        options: &Options,
        span: Span,
        u: &mut [f64],
        p: &[f64],
        times: &[f64],
        statistics: &mut Statistics,
    ) -> Result<(), Stop> {
        let (n, parameters) = (system.dimension(), system.parameter_count());
        let columns = parameters + n;
        self.states.clear();
        self.saved.clear();
        self.used.clear();
        self.carried.columns = columns;
        for v in [&mut self.carried.s, &mut self.carried.slope] {
            v.clear();
            v.resize(n * columns, 0.0);
        }
        for i in 0..n {
            self.carried.s[i * columns + parameters + i] = 1.0;
        }
        let (mut plain, mut method) = start(system, options, span, (u, p), times, statistics)?;
        let mut work = std::mem::take(&mut self.work);
        let times = SaveTimes::new(times, span.start, |_| {
            self.states.extend_from_slice(u);
            self.saved.extend_from_slice(&self.carried.s);
        });
        let mut carrier =
            Carrier { plain: &mut plain, system, p, times, begins: true, last: None, fault: None, memory: self };
        let result = integrate(&mut *method, &mut carrier, options, span, u, &mut work, statistics);
        let fault = carrier.fault;
        self.work = work;
        fault.map_or(result, Err)
    }
}

/// Carries the sensitivities over the steps.
struct Carrier<'r, 'f> {
    plain: &'r mut (dyn Implicit + 'f),
    system: &'r dyn Differentiable,
    p: &'r [f64],
    times: SaveTimes<'r>,
    /// Whether the method begins afresh with the next step.
    begins: bool,
    last: Option<Method>,
    fault: Option<Stop>,
    memory: &'r mut AnyForward,
}

impl<'f, M: Stepper<dyn Implicit + 'f> + ?Sized> Observer<M> for Carrier<'_, 'f> {
    type F = dyn Implicit + 'f;

    fn rhs(&mut self) -> &mut (dyn Implicit + 'f) {
        self.plain
    }

    fn locate(&mut self, method: &mut M, step: &Step, cx: &mut Context) -> Result<Option<(f64, f64)>, Stop> {
        if let Some(reason) = refusal(cx.options)
            && method.looks_stiff()
        {
            return Err(Stop { reason, t: step.t, h: step.h.abs(), component: 0 });
        }
        self.fault.map_or(Ok(None), Err)
    }

    fn accepted(&mut self, method: &mut M, step: &Step, kept: &Kept, cx: &mut Context) {
        let used = method.method();
        let begins = std::mem::take(&mut self.begins) || self.last != Some(used);
        self.last = Some(used);
        if !self.memory.used.contains(&used) {
            self.memory.used.push(used);
        }
        let AnyForward { states, saved, carried, families, stages, thetas, .. } = &mut *self.memory;
        stages.clear();
        method.keep_stages(stages);
        thetas.clear();
        while let Some(t) = self.times.pass(step, kept.t) {
            let theta = step.theta(t);
            let at = states.len();
            states.resize(at + step.u.len(), 0.0);
            if theta != 1.0 {
                method.prepare(self.plain, step, cx);
            }
            method.interpolate(step, theta, &mut states[at..]);
            thetas.push(theta);
        }
        let (first, len) = (saved.len(), carried.s.len());
        saved.resize(first + thetas.len() * len, 0.0);
        // Those at the end come last.
        let inside = thetas.iter().filter(|theta| **theta != 1.0).count();
        let rows = saved[first..].chunks_exact_mut(len).take(inside);
        let mut reads: Vec<ReadOff> =
            thetas.iter().zip(rows).map(|(theta, out)| ReadOff { theta: *theta, out }).collect();
        if !families.iter().any(|(method, _)| *method == used) {
            families.extend(onward(used, self.system).map(|family| (used, family)));
        }
        let made = Made { t: step.t, h: step.h, u: step.u, stages, begins };
        if let Some((_, family)) = families.iter_mut().find(|(method, _)| *method == used)
            && let Err(component) = family.step(self.system, self.p, &made, &mut reads, carried)
        {
            self.fault = Some(Stop { reason: StopReason::Singular, t: step.t, h: step.h.abs(), component });
        }
        for row in saved[first..].chunks_exact_mut(len).skip(inside) {
            row.copy_from_slice(&carried.s);
        }
    }

    fn act(&mut self, _t: f64, _u: &mut [f64], _cx: &mut Context) -> Result<Action, Stop> {
        self.begins = true;
        Ok(Action::GoOn)
    }
}
