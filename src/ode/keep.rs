//! What a plain solve does with its steps: keeps states, looks for events, sums integrals.

use super::consistent::AlgebraicEquations;
use super::events::{Events, Function};
use super::integrate::{Action, Kept, Observer, SaveTimes, Stop, StopReason};
use super::options::Save;
use super::solution::{Solution, Statistics};
use super::stepper::{Context, Implicit, Rhs, Step, Stepper};

/// Keeps what was asked for.
pub(super) struct Keeper<'e> {
    every_step: bool,
    at_end: bool,
    times: SaveTimes<'static>,
    pub solution: Solution,
    pub events: Events<'e>,
    integrands: Vec<Integrand<'e>>,
    p: Vec<f64>,
    row: Vec<f64>,
    /// The last step, when somebody wants to look back into it.
    pub last: Option<LastStep>,
    /// When the solve ended.
    pub ended: Option<f64>,
}

/// A step that was made, with its polynomial.
#[derive(Default)]
pub(super) struct LastStep {
    pub t: f64,
    /// The length that the polynomial is for.
    h: f64,
    /// Where the step ended: before $t + h$ when an event cut it.
    pub t_new: f64,
    u: Vec<f64>,
    u_new: Vec<f64>,
    rows: Vec<f64>,
}

impl LastStep {
    /// No step yet.
    pub fn none() -> Self {
        LastStep { t_new: f64::NAN, ..LastStep::default() }
    }

    fn keep(&mut self, step: &Step, kept: &Kept) {
        (self.t, self.h, self.t_new) = (step.t, step.h, kept.t);
        for (to, from) in [(&mut self.u, step.u), (&mut self.u_new, kept.u)] {
            to.clear();
            to.extend_from_slice(from);
        }
        self.rows.clear();
    }

    /// The state at a time in the step.
    pub fn at(&self, t: f64) -> Vec<f64> {
        if t == self.t_new {
            return self.u_new.clone();
        }
        let (n, theta) = (self.u.len(), (t - self.t) / self.h);
        let polynomial = |i: usize| self.rows.chunks_exact(n).rev().fold(0.0, |sum, row| (sum + row[i]) * theta);
        (0..n).map(|i| self.u[i] + polynomial(i)).collect()
    }
}

/// $g(t, u, p)$, whose integral over time is wanted.
pub(crate) struct Integrand<'e> {
    pub name: String,
    pub function: Box<Function<'e>>,
}

/// Nodes and weights of Gauss' rule with five points on [0, 1]: exact to degree 9, beyond every dense output here.
pub(crate) const GAUSS: [(f64, f64); 5] = [
    (0.046_910_077_030_668_004, 0.118_463_442_528_094_54),
    (0.230_765_344_947_158_46, 0.239_314_335_249_683_24),
    (0.5, 0.284_444_444_444_444_44),
    (0.769_234_655_052_841_6, 0.239_314_335_249_683_24),
    (0.953_089_922_969_332, 0.118_463_442_528_094_54),
];

impl<'e> Keeper<'e> {
    /// Begins with the state `u` at `start`.
    pub fn new(
        names: Vec<String>,
        save: Save,
        start: f64,
        u: &[f64],
        p: &[f64],
        events: Events<'e>,
        integrands: Vec<Integrand<'e>>,
    ) -> Self {
        let (every_step, at_end) = (save == Save::Steps, save == Save::End);
        let mut solution = Solution::new(names);
        if every_step {
            solution.push(start, u);
            solution.dense_starts.push(0);
        }
        let times = if let Save::Times(times) = save { times } else { Vec::new() };
        let times = SaveTimes::new(times, start, |_| solution.push(start, u));
        solution.event_names = events.names();
        solution.integrals = integrands.iter().map(|i| (i.name.clone(), 0.0)).collect();
        let (p, row) = (p.to_vec(), u.to_vec());
        Keeper { every_step, at_end, times, solution, events, integrands, p, row, last: None, ended: None }
    }

    /// Goes on with other parameters.
    pub fn set_parameters(&mut self, p: &[f64]) {
        self.p = p.to_vec();
        self.events.set_parameters(p);
    }

    /// The solution, with the state where it ends, if it did.
    pub fn finish(mut self, end: Option<(f64, &[f64])>, statistics: Statistics) -> Solution {
        if let Some((t, u)) = end {
            if self.at_end {
                self.solution.push(t, u);
            }
            self.solution.reached = Some((t, u.to_vec()));
        }
        self.solution.occurred = self.events.occurred;
        self.solution.statistics = statistics;
        self.solution
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
        if let Some(last) = &mut self.last {
            method.prepare(f, step, cx);
            last.keep(step, kept);
            method.polynomial(step, &mut last.rows);
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
                *sum += weight * kept.theta * step.h * (integrand.function)(t, &self.row, &self.p);
            }
        }
    }

    /// Keeps the state once more where every step is kept and the state is no longer the one that was kept: the same time
    /// again, without a polynomial in between.
    pub fn jump(&mut self, t: f64, u: &[f64]) {
        if self.every_step && self.solution.last() != u {
            self.solution.push(t, u);
            self.solution.dense_starts.push(self.solution.dense.len());
        }
    }
}

/// A solve of a system that the compiler knows, with a method that it knows.
pub(super) struct Saver<'s, 'e, F> {
    pub plain: F,
    pub keeper: &'s mut Keeper<'e>,
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

    fn act(&mut self, t: f64, u: &mut [f64], _cx: &mut Context) -> Result<Action, Stop> {
        let action = self.keeper.events.act(t, u);
        self.keeper.jump(t, u);
        Ok(action)
    }

    fn finished(&mut self, t: f64) {
        self.keeper.ended = Some(t);
    }
}

/// The same for methods and systems behind pointers, with algebraic equations that must hold after what events do.
pub(super) struct AnySaver<'s, 'e, 'f> {
    pub plain: &'s mut (dyn Implicit + 'f),
    pub equations: Option<&'s mut AlgebraicEquations>,
    pub keeper: &'s mut Keeper<'e>,
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

    fn act(&mut self, t: f64, u: &mut [f64], cx: &mut Context) -> Result<Action, Stop> {
        self.keeper.row.copy_from_slice(u);
        let action = self.keeper.events.act(t, u);
        let before = &mut self.keeper.row[..];
        // Where the equations jump they are to be fulfilled afresh, if that is wanted; and they are not to be held against
        // an effect when they did not hold before it, to the accuracy of a state between steps.
        let changed = before != u;
        if let Some(equations) = self.equations.as_mut()
            && (equations.mends() || changed && equations.fulfil(self.plain, t, before, cx).is_ok())
        {
            // What an effect has led to is not what the solve was given.
            let spoilt = |stop: Stop| match stop.reason {
                StopReason::NotFiniteAtStart => Stop { reason: StopReason::NotFinite, ..stop },
                _ => stop,
            };
            equations.fulfil(self.plain, t, u, cx).map_err(spoilt)?;
        }
        self.keeper.jump(t, u);
        Ok(action)
    }
}
