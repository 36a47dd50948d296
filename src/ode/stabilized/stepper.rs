//! The step of a stabilised method.

use super::StabilizedMethod;
use super::spectral_radius::SpectralRadius;
use crate::ode::control::{Controller, StepControl, error_norm, first_not_finite, worst_component};
use crate::ode::options::Method;
use crate::ode::saved::Saved;
use crate::ode::stepper::{Context, Rejection, Rhs, Step, Stepper};
use std::marker::PhantomData;

/// Vectors that a step works with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// $f(t, u)$, and the same at the end of the attempted step.
    pub slope: Vec<f64>,
    pub slope_new: Vec<f64>,
    pub error: Vec<f64>,
    /// The method's own.
    pub vectors: [Vec<f64>; 5],
    /// Weights that depend on the number of stages: of the dense output by power of $\theta$, and of a formula of lower
    /// order for the error estimate.
    pub dense: [[f64; 4]; 3],
    pub lower: [f64; 4],
}

impl Memory {
    /// Room for `n` states.
    pub fn resize<T: Recurrent>(&mut self, n: usize) {
        for v in [&mut self.slope, &mut self.slope_new, &mut self.error] {
            v.resize(n, 0.0);
        }
        for v in self.vectors.iter_mut().take(T::VECTORS) {
            v.resize(n, 0.0);
        }
    }
}

/// A step to be made.
pub(crate) struct Attempt<'u> {
    pub t: f64,
    pub h: f64,
    pub u: &'u [f64],
    pub stages: usize,
}

/// A method at work.
pub(crate) trait Recurrent: StabilizedMethod {
    /// How many of [`Memory::vectors`] it needs.
    const VECTORS: usize;

    /// Makes a step of as many evaluations as it has stages, given `memory.slope` and what [`prepare`](Self::prepare)
    /// makes for their number: writes the new state, the derivative there, and the error.
    fn advance<F: Rhs + ?Sized>(f: &mut F, step: &Attempt, memory: &mut Memory, u_new: &mut [f64]);

    /// Makes the weights in `memory` for steps of so many stages.
    fn prepare(stages: usize, memory: &mut Memory) {
        let _ = (stages, memory);
    }

    /// $c_1, c_2, c_3$ of $u(t + \theta h) = u + c_1 \theta + c_2 \theta^2 + c_3 \theta^3$ for component `i`.
    fn cubic(step: &Step, memory: &Memory, i: usize) -> [f64; 3];
}

/// Memory and step control of a stabilised method.
#[derive(Clone, Debug)]
pub(crate) struct Stabilized<T> {
    memory: Memory,
    radius: SpectralRadius,
    norm: f64,
    controller: Controller,
    /// The most stages that a step may have here.
    most: usize,
    /// Stages of the last attempt, zero before the first.
    stages: usize,
    /// Accepted steps in a row that were as long as stability allows.
    limited: usize,
    method: Method,
    family: PhantomData<T>,
}

/// Steps in a row as long as stability allows before that is what holds the solve up.
const LIMITED_STEPS: usize = 15;
/// How far a step keeps off the limit, so that neither the next estimate nor a step stretched to its target exceeds it.
const MARGIN: f64 = 0.97;

impl<T: Recurrent> Stabilized<T> {
    pub fn new(method: Method) -> Self {
        Stabilized {
            memory: Memory::default(),
            radius: SpectralRadius::default(),
            norm: 0.0,
            controller: Controller::default(),
            most: T::FEWEST_STAGES,
            stages: 0,
            limited: 0,
            method,
            family: PhantomData,
        }
    }

    /// Room for `n` states, and control that knows no step.
    fn make_room(&mut self, n: usize, cx: &Context) {
        self.memory.resize::<T>(n);
        self.radius.start(n, cx.options);
        self.controller = Controller::new(cx.options.controller.unwrap_or(StepControl::Predictive), T::ERROR_ORDER);
        // Who sets the step has no tolerance that rounding errors could be held against.
        let fixed = cx.options.fixed_step.is_some();
        self.most = if fixed { T::MOST_STAGES } else { T::most_stages(cx.options.rtol) };
    }

    /// The longest step that is stable.
    fn longest(&self) -> f64 {
        MARGIN * T::stability(self.most) / self.radius.bound()
    }
}

impl<T: Recurrent, F: Rhs + ?Sized> Stepper<F> for Stabilized<T> {
    fn order(&self) -> usize {
        T::ORDER
    }

    fn start(&mut self, f: &mut F, t: f64, u: &[f64], cx: &mut Context) -> Result<(), usize> {
        self.make_room(u.len(), cx);
        self.limited = 0;
        f.eval(0, t, u, &mut self.memory.slope);
        cx.statistics.rhs += 1;
        first_not_finite(&self.memory.slope).map_or(Ok(()), Err)
    }

    fn slope(&self) -> &[f64] {
        &self.memory.slope
    }

    fn attempt(
        &mut self,
        f: &mut F,
        t: f64,
        h: f64,
        u: &[f64],
        u_new: &mut [f64],
        cx: &mut Context,
    ) -> Result<(), Rejection> {
        self.radius.update(f, t, h, u, &self.memory.slope, cx);
        let stages = T::stages_for(h.abs() * self.radius.bound()).filter(|s| *s <= self.most);
        let stages = stages.ok_or_else(|| Rejection::Stability(self.radius.fastest()))?;
        if std::mem::replace(&mut self.stages, stages) != stages {
            T::prepare(stages, &mut self.memory);
        }
        T::advance(f, &Attempt { t, h, u, stages }, &mut self.memory, u_new);
        cx.statistics.rhs += stages;
        self.norm =
            if cx.options.fixed_step.is_some() { 0.0 } else { error_norm(cx.options, &self.memory.error, u, u_new) };
        if self.norm > 1.0 {
            return Err(Rejection::Error);
        }
        if self.norm.is_nan() {
            return Err(Rejection::NotFinite(worst_component(cx.options, &self.memory.error, u, u_new)));
        }
        first_not_finite(&self.memory.slope_new).map_or(Ok(()), |component| Err(Rejection::NotFinite(component)))
    }

    fn accept(&mut self, _f: &mut F, step: &Step, _cx: &mut Context) -> f64 {
        std::mem::swap(&mut self.memory.slope, &mut self.memory.slope_new);
        self.radius.accepted();
        let wanted = step.h.abs() * self.controller.accepted(self.norm * self.norm, step.h.abs());
        let longest = self.longest();
        self.limited = if wanted > longest { self.limited + 1 } else { 0 };
        wanted.min(longest)
    }

    fn reject(&mut self, why: Rejection, h: f64, _cx: &mut Context) -> f64 {
        self.radius.rejected(why);
        match why {
            Rejection::Error => h * self.controller.rejected(self.norm * self.norm),
            Rejection::Stability(_) => self.longest().min(h),
            _ => h * self.controller.not_here(),
        }
    }

    fn error(&self) -> &[f64] {
        &self.memory.error
    }

    fn looks_stiff(&self) -> bool {
        self.limited >= LIMITED_STEPS
    }

    fn interpolate(&self, step: &Step, theta: f64, out: &mut [f64]) {
        if theta == 1.0 {
            out.copy_from_slice(step.u_new);
            return;
        }
        for (i, y) in out.iter_mut().enumerate() {
            let [c1, c2, c3] = T::cubic(step, &self.memory, i);
            *y = step.u[i] + theta * (c1 + theta * (c2 + theta * c3));
        }
    }

    fn polynomial(&self, step: &Step, rows: &mut Vec<f64>) {
        for m in 0..3 {
            rows.extend((0..step.u.len()).map(|i| T::cubic(step, &self.memory, i)[m]));
        }
    }

    fn keep_stages(&self, out: &mut Vec<f64>) {
        // Their number: they are made again from the start of the step, for one vector in place of a hundred.
        out.push(self.stages as f64);
    }

    fn save(&self, out: &mut Vec<f64>) {
        out.extend_from_slice(&self.memory.slope);
        self.controller.save(out);
        out.push(self.limited as f64);
        self.radius.save(out);
    }

    fn restore(&mut self, _f: &F, n: usize, from: &mut Saved, cx: &Context) {
        self.make_room(n, cx);
        from.fill(&mut self.memory.slope);
        self.controller.restore(from);
        self.limited = from.count();
        self.radius.restore(from);
        // The weights are those of another step.
        self.stages = 0;
    }

    fn method(&self) -> Method {
        self.method
    }

    fn stiffness(&mut self, _f: &F, h: f64) -> f64 {
        h.abs() * self.radius.bound()
    }
}
