//! The step of a Rosenbrock method.

use super::small::{MOST_STAGES, SmallStep, nested};
use super::{RosenbrockTableau, Row};
use crate::number::simd::{Kernel, dispatch, multiply_add};
use crate::number::wide::dispatch_wide;
use crate::ode::control::{Controller, StepControl, error_square, first_not_finite, worst_component};
use crate::ode::explicit::{power_sum, power_sum_derivative};
use crate::ode::implicit::between::{LOOK, error_between};
use crate::ode::implicit::matrix::IterationMatrix;
use crate::ode::linear::Kind;
use crate::ode::options::Method;
use crate::ode::saved::Saved;
use crate::ode::stepper::{Context, Implicit, Rejection, Step, Stepper};
use std::marker::PhantomData;

/// Memory and step control of a Rosenbrock method.
pub(crate) struct Rosenbrock<T> {
    matrix: IterationMatrix,
    /// Numbers from one stage to the next: whole [`Chunk`]s. What lies past the states stays zero, in `stages`, `state`, `argument` and `sum`.
    stride: usize,
    /// $U_i$, one after the other.
    stages: Vec<f64>,
    /// $u$ at the start of the step.
    state: Vec<f64>,
    /// Where the right-hand side of the next stage is evaluated; at last the solution. Of small systems not used.
    argument: Vec<f64>,
    /// $\sum_j c_{ij} U_j$ of the next stage, and $M$ times it.
    sum: Vec<f64>,
    product: Vec<f64>,
    /// The right-hand side of a stage.
    value: Vec<f64>,
    /// $f(t, u)$, and the same at the end of the attempted step.
    slope: Vec<f64>,
    slope_new: Vec<f64>,
    /// $\partial f / \partial t$ at the start of the step, when $f$ depends on $t$.
    f_t: Vec<f64>,
    depends_on_time: bool,
    error: Vec<f64>,
    /// Whether the error between the steps counts.
    dense: bool,
    /// The square of the scaled error of the last attempt.
    square: f64,
    controller: Controller,
    method: Method,
    tableau: PhantomData<T>,
}

impl<T: RosenbrockTableau> Rosenbrock<T> {
    pub fn new(method: Method) -> Self {
        Rosenbrock {
            matrix: IterationMatrix::default(),
            stride: 0,
            stages: Vec::new(),
            state: Vec::new(),
            argument: Vec::new(),
            sum: Vec::new(),
            product: Vec::new(),
            value: Vec::new(),
            slope: Vec::new(),
            slope_new: Vec::new(),
            f_t: Vec::new(),
            depends_on_time: false,
            error: Vec::new(),
            dense: false,
            square: 0.0,
            controller: Controller::default(),
            method,
            tableau: PhantomData,
        }
    }

    /// Room for `n` states, and a controller that knows no step.
    fn make_room(&mut self, n: usize, cx: &Context) {
        self.stride = n.next_multiple_of(4);
        self.stages.resize(MOST_STAGES * self.stride, 0.0);
        for v in [&mut self.state, &mut self.argument, &mut self.sum] {
            v.resize(self.stride, 0.0);
        }
        for v in
            [&mut self.value, &mut self.slope, &mut self.slope_new, &mut self.f_t, &mut self.product, &mut self.error]
        {
            v.resize(n, 0.0);
        }
        self.controller = Controller::new(cx.options.controller.unwrap_or(StepControl::Predictive), T::ERROR_ORDER);
    }

    /// All stages of a step of few states with dense factors: as [`SmallStep`].
    fn small_step<F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        (t, h): (f64, f64),
        u: &[f64],
        u_new: &mut [f64],
        cx: &Context,
    ) -> Option<Result<f64, usize>> {
        match u.len() {
            1 => self.step_of::<1, 1, F>(f, (t, h), u, u_new, cx),
            2 => self.step_of::<2, 1, F>(f, (t, h), u, u_new, cx),
            3 => self.step_of::<3, 1, F>(f, (t, h), u, u_new, cx),
            4 => self.step_of::<4, 1, F>(f, (t, h), u, u_new, cx),
            5 => self.step_of::<5, 2, F>(f, (t, h), u, u_new, cx),
            6 => self.step_of::<6, 2, F>(f, (t, h), u, u_new, cx),
            7 => self.step_of::<7, 2, F>(f, (t, h), u, u_new, cx),
            8 => self.step_of::<8, 2, F>(f, (t, h), u, u_new, cx),
            _ => None,
        }
    }

    fn step_of<const N: usize, const C: usize, F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        (t, h): (f64, f64),
        u: &[f64],
        u_new: &mut [f64],
        cx: &Context,
    ) -> Option<Result<f64, usize>> {
        Some(dispatch_wide(SmallStep::<T, F, N, C> {
            has_mass: f.mass().is_some(),
            f,
            t,
            h,
            u: u.first_chunk()?,
            lu: self.matrix.small()?,
            f_t: if self.depends_on_time { Some(self.f_t.first_chunk()?) } else { None },
            stages: self.stages.as_chunks_mut().0.as_chunks_mut().0.first_chunk_mut()?,
            value: self.value.first_chunk_mut()?,
            u_new: u_new.first_chunk_mut()?,
            error: self.error.first_chunk_mut()?,
            options: cx.options,
            tableau: PhantomData,
        }))
    }

    /// All stages of a step of any number of states; the square of the scaled error.
    fn any_step<F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        (t, h): (f64, f64),
        u: &[f64],
        u_new: &mut [f64],
        cx: &mut Context,
    ) -> Result<f64, Rejection> {
        let n = u.len();
        self.state[..n].copy_from_slice(u);
        self.sum.fill(0.0);
        let (inverse, has_mass) = (1.0 / h, f.mass().is_some());
        for s in 0..T::STAGES {
            if s > 0 {
                f.eval(s, t + T::ALPHA[s] * h, &self.argument[..n], &mut self.value);
                cx.statistics.rhs += 1;
                if has_mass && let Some(mass) = f.mass() {
                    mass.multiply(&self.sum[..n], &mut self.product);
                    self.sum[..n].copy_from_slice(&self.product);
                }
            }
            let factor = if self.depends_on_time { T::GAMMA_SUM[s] * h } else { 0.0 };
            self.finish_stage(s, inverse, factor, cx)?;
        }
        u_new.copy_from_slice(&self.argument[..n]);
        for (i, error) in self.error.iter_mut().enumerate() {
            *error = T::E.iter().map(|(j, e)| e * self.stages[j * self.stride + i]).sum();
        }
        Ok(error_square(cx.options, &self.error, u, u_new))
    }

    /// From the right-hand side of stage `s` in `value`: $U_s$, then the sums of the next stage.
    fn finish_stage(&mut self, s: usize, inverse: f64, factor: f64, cx: &mut Context) -> Result<(), Rejection> {
        let row = if s + 1 < T::STAGES { T::A[s + 1] } else { T::M };
        let nested = nested::<T>()[s + 1];
        let row = if nested { &row[row.len() - 1..] } else { row };
        let second = if s + 1 < T::STAGES { T::C[s + 1] } else { &[] };
        let (n, stride) = (self.slope.len(), self.stride);
        let b = &mut self.stages[s * stride..][..n];
        for ((b, f), sum) in b.iter_mut().zip(&self.value).zip(&self.sum) {
            *b = f + inverse * sum;
        }
        if factor != 0.0 {
            for (b, d) in b.iter_mut().zip(&self.f_t) {
                *b += factor * d;
            }
        }
        if let Some(component) = first_not_finite(b) {
            return Err(Rejection::NotFinite(component));
        }
        self.matrix.solve(b, cx)?;
        let (state, stages) = (self.state.as_chunks().0, self.stages.as_chunks().0);
        let from = if nested { None } else { Some(state) };
        dispatch(Sums { row, from, stages, out: self.argument.as_chunks_mut().0 });
        self.sum.fill(0.0);
        dispatch(Sums { row: second, from: None, stages, out: self.sum.as_chunks_mut().0 });
        Ok(())
    }
}

/// As many numbers as are worked on at once.
type Chunk = [f64; 4];

/// `out = from + Σ aⱼ Uⱼ`, from what `out` is where there is no `from`.
struct Sums<'s> {
    row: Row,
    from: Option<&'s [Chunk]>,
    stages: &'s [Chunk],
    out: &'s mut [Chunk],
}

impl Kernel for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let chunks = self.out.len();
        for (c, out) in self.out.iter_mut().enumerate() {
            let mut x = self.from.map_or(*out, |from| from[c]);
            for (j, a) in self.row {
                let stage = &self.stages[j * chunks + c];
                for (x, u) in x.iter_mut().zip(stage) {
                    *x = multiply_add::<FMA>(*a, *u, *x);
                }
            }
            *out = x;
        }
    }
}

impl<T: RosenbrockTableau, F: Implicit + ?Sized> Stepper<F> for Rosenbrock<T> {
    fn order(&self) -> usize {
        T::ORDER
    }

    fn start(&mut self, f: &mut F, t: f64, u: &[f64], cx: &mut Context) -> Result<(), usize> {
        self.matrix.start(f, cx);
        self.make_room(u.len(), cx);
        f.eval(0, t, u, &mut self.slope);
        cx.statistics.rhs += 1;
        first_not_finite(&self.slope).map_or(Ok(()), Err)
    }

    fn slope(&self) -> &[f64] {
        &self.slope
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
        let n = u.len();
        if !self.matrix.current {
            self.depends_on_time = f.time_derivative(t, u, &self.slope, &mut self.f_t, cx.statistics);
        }
        self.matrix.evaluate(f, t, u, &self.slope, cx);
        self.matrix.factorize(1.0 / (h * T::GAMMA), cx)?;
        self.value.copy_from_slice(&self.slope);
        let square = match self.small_step(f, (t, h), u, u_new, cx) {
            None => self.any_step(f, (t, h), u, u_new, cx)?,
            Some(outcome) => {
                let (evaluated, solved) = outcome.map_or_else(|s| (s, s + 1), |_| (T::STAGES - 1, T::STAGES));
                cx.statistics.rhs += evaluated;
                cx.statistics.solves += solved;
                outcome.map_err(|_| {
                    // Stages before this one were finite.
                    let component = first_not_finite(&self.value).or_else(|| first_not_finite(&self.f_t));
                    Rejection::NotFinite(component.unwrap_or(0))
                })?
            }
        };
        if T::FIRST_SAME_AS_LAST {
            self.slope_new.copy_from_slice(&self.value);
        }
        self.square = 0.0;
        if cx.options.fixed_step.is_none() {
            self.square = square;
            if self.dense && self.square <= 1.0 {
                let (p, slope) = (&mut self.argument[..n], &mut self.product[..]);
                p.copy_from_slice(u);
                slope.fill(0.0);
                for (j, d) in T::DENSE {
                    let (weight, derivative) = (power_sum(d, LOOK), power_sum_derivative(d, LOOK) / h);
                    for ((p, s), k) in p.iter_mut().zip(slope.iter_mut()).zip(&self.stages[j * self.stride..]) {
                        *p += weight * k;
                        *s += derivative * k;
                    }
                }
                let (at, value) = (t + LOOK * h, &mut self.value);
                let between = error_between(f, &mut self.matrix, at, p, slope, value, (u, u_new), cx)?;
                self.square = self.square.max(between * between);
            }
            if self.square > 1.0 {
                return Err(Rejection::Error);
            }
        }
        if !T::FIRST_SAME_AS_LAST {
            f.eval(0, t + h, u_new, &mut self.slope_new);
            cx.statistics.rhs += 1;
        }
        if self.square.is_nan() {
            return Err(Rejection::NotFinite(worst_component(cx.options, &self.error, u, u_new)));
        }
        first_not_finite(&self.slope_new).map_or(Ok(()), |component| Err(Rejection::NotFinite(component)))
    }

    fn accept(&mut self, _f: &mut F, step: &Step, _cx: &mut Context) -> f64 {
        std::mem::swap(&mut self.slope, &mut self.slope_new);
        self.matrix.current = false;
        step.h.abs() * self.controller.accepted(self.square, step.h.abs())
    }

    fn reject(&mut self, why: Rejection, h: f64, _cx: &mut Context) -> f64 {
        h * match why {
            Rejection::Error => self.controller.rejected(self.square),
            _ => self.controller.not_here(),
        }
    }

    fn keep_dense(&mut self, dense: bool) {
        self.dense = dense;
    }

    fn error(&self) -> &[f64] {
        &self.error
    }

    fn interpolate(&self, step: &Step, theta: f64, out: &mut [f64]) {
        if theta == 1.0 {
            out.copy_from_slice(step.u_new);
            return;
        }
        out.copy_from_slice(step.u);
        for (j, d) in T::DENSE {
            let weight = power_sum(d, theta);
            for (y, k) in out.iter_mut().zip(&self.stages[j * self.stride..]) {
                *y += weight * k;
            }
        }
    }

    fn polynomial(&self, step: &Step, rows: &mut Vec<f64>) {
        let (n, stride, stages) = (step.u.len(), self.stride, &self.stages);
        for m in 0..T::DENSE_DEGREE {
            let weight = |d: &[f64]| d.get(m).copied().unwrap_or(0.0);
            rows.extend((0..n).map(|i| T::DENSE.iter().map(|(j, d)| weight(d) * stages[j * stride + i]).sum::<f64>()));
        }
    }

    fn keep_stages(&self, out: &mut Vec<f64>) {
        let stages = self.stages.chunks_exact(self.stride).take(T::STAGES);
        stages.for_each(|stage| out.extend_from_slice(&stage[..self.slope.len()]));
    }

    // The Jacobian is that of each step itself.
    fn save(&self, out: &mut Vec<f64>) {
        self.matrix.save(out);
        out.extend_from_slice(&self.slope);
        self.controller.save(out);
    }

    fn restore(&mut self, f: &F, n: usize, from: &mut Saved, cx: &Context) {
        self.matrix.restore(f, from, cx);
        self.make_room(n, cx);
        from.fill(&mut self.slope);
        self.controller.restore(from);
    }

    fn method(&self) -> Method {
        self.method
    }

    fn linear_solver(&self) -> Option<Kind> {
        self.matrix.kind()
    }

    /// A bound of $|h| \rho(f_u)$ with the Jacobian at the start of the last step.
    fn stiffness(&mut self, f: &F, h: f64) -> f64 {
        h.abs() * self.matrix.norm(f, &mut self.product)
    }
}
