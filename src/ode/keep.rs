//! What a plain solve does with its steps: keeps states, looks for events, sums integrals.

use super::events::{Events, Function};
use super::integrate::{Action, Kept, Observer, SaveTimes, Span, Stop, Workspace, integrate};
use super::options::{Options, Save};
use super::problem::Plain;
use super::solution::{Solution, Statistics};
use super::stepper::{Context, Implicit, Rhs, Step, Stepper};
use crate::model::System;

/// Keeps what was asked for.
pub(super) struct Keeper<'s, 'e> {
    every_step: bool,
    times: SaveTimes<'s>,
    pub solution: &'s mut Solution,
    pub events: Events<'e>,
    integrands: &'s [Integrand<'e>],
    p: &'s [f64],
    row: Vec<f64>,
}

/// $g(t, u, p)$, whose integral over time is wanted.
pub(super) struct Integrand<'e> {
    pub name: String,
    pub function: Box<Function<'e>>,
}

/// Nodes and weights of Gauss' rule with five points on [0, 1]: exact to degree 9, beyond every dense output here.
const GAUSS: [(f64, f64); 5] = [
    (0.046_910_077_030_668_004, 0.118_463_442_528_094_54),
    (0.230_765_344_947_158_46, 0.239_314_335_249_683_24),
    (0.5, 0.284_444_444_444_444_44),
    (0.769_234_655_052_841_6, 0.239_314_335_249_683_24),
    (0.953_089_922_969_332, 0.118_463_442_528_094_54),
];

impl<'s, 'e> Keeper<'s, 'e> {
    pub fn new(
        save: &'s Save,
        span: Span,
        u: &[f64],
        p: &'s [f64],
        events: Events<'e>,
        integrands: &'s [Integrand<'e>],
        solution: &'s mut Solution,
    ) -> Self {
        let every_step = *save == Save::Steps;
        if every_step {
            solution.push(span.start, u);
            solution.dense_starts.push(0);
        }
        let times: &[f64] = if let Save::Times(times) = save { times } else { &[] };
        let times = SaveTimes::new(times, span.start, |_| solution.push(span.start, u));
        solution.integrals = integrands.iter().map(|i| (i.name.clone(), 0.0)).collect();
        Keeper { every_step, times, solution, events, integrands, p, row: u.to_vec() }
    }

    #[inline(always)]
    fn keep<F: ?Sized, M: Stepper<F> + ?Sized>(
        &mut self,
        f: &mut F,
        method: &mut M,
        step: &Step,
        kept: &Kept,
        cx: &mut Context,
    ) {
        let used = method.method();
        if self.solution.methods.last().is_none_or(|(_, last)| *last != used) {
            self.solution.methods.push((step.t, used));
        }
        if self.every_step {
            self.solution.push(kept.t, kept.u);
            method.prepare(f, step, cx);
            self.solution.push_polynomial(kept.theta, |rows| method.polynomial(step, rows));
        }
        while let Some(t) = self.times.pass(step, kept.t) {
            if t == kept.t {
                self.solution.push(t, kept.u);
            } else {
                method.prepare(f, step, cx);
                method.interpolate(step, step.theta(t), &mut self.row);
                self.solution.push(t, &self.row);
            }
        }
        if !self.integrands.is_empty() {
            method.prepare(f, step, cx);
            self.integrate(&|theta, out| method.interpolate(step, theta, out), step, kept);
        }
    }

    fn integrate(&mut self, look: &dyn Fn(f64, &mut [f64]), step: &Step, kept: &Kept) {
        for (node, weight) in GAUSS {
            let theta = node * kept.theta;
            look(theta, &mut self.row);
            let t = step.t + theta * step.h;
            for (integrand, (_, sum)) in self.integrands.iter().zip(&mut self.solution.integrals) {
                *sum += weight * kept.theta * step.h * (integrand.function)(t, &self.row, self.p);
            }
        }
    }

    /// Does what is due at `t`, and keeps the state that follows where every step is kept.
    fn act(&mut self, t: f64, u: &mut [f64]) -> Action {
        self.row.copy_from_slice(u);
        let action = self.events.act(t, u);
        if self.every_step && self.row != *u {
            // A jump: the same time once more, without a polynomial in between.
            self.solution.push(t, u);
            self.solution.dense_starts.push(self.solution.dense.len());
        }
        action
    }
}

/// A solve of a system that the compiler knows, with a method that it knows.
pub(super) struct Saver<'s, 'e, F> {
    pub plain: F,
    pub keeper: Keeper<'s, 'e>,
}

impl<F: Rhs, M: Stepper<F>> Observer<M> for Saver<'_, '_, F> {
    type F = F;
    #[inline(always)]
    fn rhs(&mut self) -> &mut F {
        &mut self.plain
    }

    #[inline(always)]
    fn locate(&mut self, method: &mut M, step: &Step, cx: &mut Context) -> Result<Option<(f64, f64)>, Stop> {
        self.keeper.events.locate(&mut self.plain, method, step, cx)
    }

    #[inline(always)]
    fn accepted(&mut self, method: &mut M, step: &Step, kept: &Kept, cx: &mut Context) {
        self.keeper.keep(&mut self.plain, method, step, kept, cx);
    }

    fn act(&mut self, t: f64, u: &mut [f64], _cx: &mut Context) -> Action {
        self.keeper.act(t, u)
    }

    fn finished(&mut self, t: f64) {
        self.keeper.solution.ended = Some(t);
    }
}

/// The same for methods and systems behind pointers.
struct AnySaver<'s, 'e, 'f> {
    plain: &'s mut (dyn Implicit + 'f),
    keeper: Keeper<'s, 'e>,
}

impl<'f, M: Stepper<dyn Implicit + 'f> + ?Sized> Observer<M> for AnySaver<'_, '_, 'f> {
    type F = dyn Implicit + 'f;
    fn rhs(&mut self) -> &mut (dyn Implicit + 'f) {
        self.plain
    }

    fn locate(&mut self, method: &mut M, step: &Step, cx: &mut Context) -> Result<Option<(f64, f64)>, Stop> {
        self.keeper.events.locate(self.plain, method, step, cx)
    }

    fn accepted(&mut self, method: &mut M, step: &Step, kept: &Kept, cx: &mut Context) {
        self.keeper.keep(self.plain, method, step, kept, cx);
    }

    fn act(&mut self, t: f64, u: &mut [f64], _cx: &mut Context) -> Action {
        self.keeper.act(t, u)
    }

    fn finished(&mut self, t: f64) {
        self.keeper.solution.ended = Some(t);
    }
}

/// Integrates with any method, compiled once for all systems.
pub(super) fn integrate_any<'e>(
    plain: &mut Plain<'_, dyn System + '_>,
    keeper: Keeper<'_, 'e>,
    options: &Options,
    span: Span,
    u: &mut [f64],
    statistics: &mut Statistics,
) -> (Result<(), Stop>, Events<'e>) {
    let mut method = options.method.stepper();
    let mut saver = AnySaver { plain, keeper };
    let stopped = integrate(&mut *method, &mut saver, options, span, u, &mut Workspace::default(), statistics);
    saver.keeper.solution.linear_solver = method.linear_solver().map(|kind| kind.to_string());
    (stopped, saver.keeper.events)
}
