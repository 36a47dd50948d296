//! The step of a Rosenbrock method.

use super::{RosenbrockTableau, Row};
use crate::number::simd::{Kernel, dispatch, multiply_add};
use crate::ode::control::{Controller, StepControl, error_norm, first_not_finite, worst_component};
use crate::ode::explicit::{power_sum, power_sum_derivative};
use crate::ode::implicit::between::{LOOK, error_between};
use crate::ode::implicit::matrix::IterationMatrix;
use crate::ode::linear::Kind;
use crate::ode::linear::small::SmallLu;
use crate::ode::options::Method;
use crate::ode::stepper::{Context, Implicit, Rejection, Step, Stepper};
use std::marker::PhantomData;

/// Memory and step control of a Rosenbrock method.
pub(crate) struct Rosenbrock<T> {
    matrix: IterationMatrix,
    /// Numbers from one stage to the next: small systems as they are, others in whole [`Chunk`]s. What lies past the states
    /// stays zero, in `stages`, `state`, `argument` and `sum`.
    stride: usize,
    /// $U_i$, one after the other.
    stages: Vec<f64>,
    /// $u$ at the start of the step.
    state: Vec<f64>,
    /// Where the right-hand side of the next stage is evaluated; at last the solution.
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
    norm: f64,
    controller: Controller,
    method: Method,
    tableau: PhantomData<T>,
}

/// Systems of no more states than this have kernels of their own.
const SMALL: usize = 8;

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
            norm: 0.0,
            controller: Controller::default(),
            method,
            tableau: PhantomData,
        }
    }

    /// Whether the argument of a stage, or in the end the solution, is that of the stage before and the stage itself: so in
    /// the last stages of stiffly accurate methods.
    const NESTED: [bool; MOST_STAGES + 1] = {
        let mut nested = [false; MOST_STAGES + 1];
        let mut s = 1;
        while s <= T::STAGES {
            let row = if s < T::STAGES { T::A[s] } else { T::M };
            nested[s] = continues(row, T::A[s - 1], s - 1);
            s += 1;
        }
        nested
    };

    /// From the right-hand side of stage `s` in `value`: $U_s$, then the sums of the next stage.
    #[inline(always)]
    fn finish_stage(&mut self, s: usize, inverse: f64, factor: f64, cx: &mut Context) -> Result<(), Rejection> {
        let row = if s + 1 < T::STAGES { T::A[s + 1] } else { T::M };
        let nested = Self::NESTED[s + 1];
        let next = Next {
            row: if nested { &row[row.len() - 1..] } else { row },
            nested,
            second: if s + 1 < T::STAGES { T::C[s + 1] } else { &[] },
        };
        let finite = match self.slope.len() {
            1 => self.finish_small::<1>(s, inverse, factor, &next),
            2 => self.finish_small::<2>(s, inverse, factor, &next),
            3 => self.finish_small::<3>(s, inverse, factor, &next),
            4 => self.finish_small::<4>(s, inverse, factor, &next),
            5 => self.finish_small::<5>(s, inverse, factor, &next),
            6 => self.finish_small::<6>(s, inverse, factor, &next),
            7 => self.finish_small::<7>(s, inverse, factor, &next),
            8 => self.finish_small::<8>(s, inverse, factor, &next),
            _ => None,
        };
        match finite {
            Some(true) => {
                cx.statistics.solves += 1;
                Ok(())
            }
            Some(false) => {
                // Stages before this one were finite.
                let component = first_not_finite(&self.value).or_else(|| first_not_finite(&self.f_t));
                Err(Rejection::NotFinite(component.unwrap_or(0)))
            }
            None => self.finish_any(s, inverse, factor, &next, cx),
        }
    }

    /// As [`finish_stage`](Self::finish_stage), for `N` states, unless the factors are of another kind; whether all was
    /// finite.
    #[inline(always)]
    fn finish_small<const N: usize>(&mut self, s: usize, inverse: f64, factor: f64, next: &Next) -> Option<bool> {
        Some(dispatch(SmallStage::<N> {
            lu: self.matrix.small()?,
            stages: self.stages.as_chunks_mut().0,
            stage: s,
            state: self.state.first_chunk()?,
            value: self.value.first_chunk()?,
            f_t: self.f_t.first_chunk()?,
            sum: self.sum.first_chunk_mut()?,
            argument: self.argument.first_chunk_mut()?,
            inverse,
            factor,
            next,
        }))
    }

    /// As [`finish_stage`](Self::finish_stage), for any number of states.
    fn finish_any(
        &mut self,
        s: usize,
        inverse: f64,
        factor: f64,
        next: &Next,
        cx: &mut Context,
    ) -> Result<(), Rejection> {
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
        let from = if next.nested { None } else { Some(state) };
        dispatch(Sums { row: next.row, from, stages, out: self.argument.as_chunks_mut().0 });
        self.sum.fill(0.0);
        dispatch(Sums { row: next.second, from: None, stages, out: self.sum.as_chunks_mut().0 });
        Ok(())
    }
}

/// What a stage leads to: coefficients of the next stage's argument, or of the solution, and of its known part.
struct Next {
    row: Row,
    /// Whether `row` goes on from the argument of this stage.
    nested: bool,
    second: Row,
}

/// Stages of the longest method.
const MOST_STAGES: usize = 8;

/// Whether a row is the one of the stage before, and that stage itself.
const fn continues(row: Row, before: Row, stage: usize) -> bool {
    if row.len() != before.len() + 1 || row.len() != stage + 1 {
        return false;
    }
    let mut k = 0;
    while k < before.len() {
        if row[k].0 != before[k].0 || row[k].1 != before[k].1 {
            return false;
        }
        k += 1;
    }
    row[stage].0 == stage && row[stage].1 == 1.0
}

/// A stage of a system of `N` states, all in registers.
struct SmallStage<'s, const N: usize> {
    lu: &'s SmallLu<f64, N>,
    stages: &'s mut [[f64; N]],
    stage: usize,
    state: &'s [f64; N],
    value: &'s [f64; N],
    f_t: &'s [f64; N],
    sum: &'s mut [f64; N],
    argument: &'s mut [f64; N],
    inverse: f64,
    factor: f64,
    next: &'s Next,
}

impl<const N: usize> Kernel for SmallStage<'_, N> {
    /// Whether the right-hand side was finite.
    type Output = bool;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> bool {
        let Next { row, nested, second } = self.next;
        let (mut b, mut check) = ([0.0; N], 0.0);
        for i in 0..N {
            b[i] = multiply_add::<FMA>(self.inverse, self.sum[i], self.value[i]);
            b[i] = multiply_add::<FMA>(self.factor, self.f_t[i], b[i]);
        }
        for b in &b {
            check += 0.0 * b;
        }
        self.lu.solve_in_kernel::<FMA>(&mut b);
        if let Some(stage) = self.stages.get_mut(self.stage) {
            *stage = b;
        }
        let sum = |row: Row, mut x: [f64; N]| {
            for (j, a) in row {
                if let Some(stage) = self.stages.get(*j) {
                    for i in 0..N {
                        x[i] = multiply_add::<FMA>(*a, stage[i], x[i]);
                    }
                }
            }
            x
        };
        *self.argument = sum(row, if *nested { *self.argument } else { *self.state });
        *self.sum = sum(second, [0.0; N]);
        check == 0.0
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
        let n = u.len();
        self.matrix.start(f, cx);
        let small = n <= SMALL && matches!(self.matrix.kind(), Some(Kind::Dense { .. }));
        self.stride = if small { n } else { n.next_multiple_of(4) };
        self.stages.resize(T::STAGES * self.stride, 0.0);
        for v in [&mut self.state, &mut self.argument, &mut self.sum] {
            v.resize(self.stride, 0.0);
        }
        for v in
            [&mut self.value, &mut self.slope, &mut self.slope_new, &mut self.f_t, &mut self.product, &mut self.error]
        {
            v.resize(n, 0.0);
        }
        self.controller = Controller::new(cx.options.controller.unwrap_or(StepControl::Predictive), T::ERROR_ORDER);
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
        self.state[..n].copy_from_slice(u);
        self.value.copy_from_slice(&self.slope);
        self.sum.fill(0.0);
        let (inverse, has_mass) = (1.0 / h, f.mass().is_some());
        for s in 0..T::STAGES {
            if s > 0 {
                f.eval(s, t + T::ALPHA[s] * h, &self.argument[..n], &mut self.value);
                cx.statistics.rhs += 1;
                if T::FIRST_SAME_AS_LAST && s == T::STAGES - 1 {
                    self.slope_new.copy_from_slice(&self.value);
                }
                if has_mass && let Some(mass) = f.mass() {
                    mass.multiply(&self.sum[..n], &mut self.product);
                    self.sum[..n].copy_from_slice(&self.product);
                }
            }
            let factor = if self.depends_on_time { T::GAMMA_SUM[s] * h } else { 0.0 };
            self.finish_stage(s, inverse, factor, cx)?;
        }
        u_new.copy_from_slice(&self.argument[..n]);
        self.norm = 0.0;
        if cx.options.fixed_step.is_none() {
            for (i, error) in self.error.iter_mut().enumerate() {
                *error = T::E.iter().map(|(j, e)| e * self.stages[j * self.stride + i]).sum();
            }
            self.norm = error_norm(cx.options, &self.error, u, u_new);
            if self.dense && self.norm <= 1.0 {
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
                self.norm = self.norm.max(between);
            }
            if self.norm > 1.0 {
                return Err(Rejection::Error);
            }
        }
        if !T::FIRST_SAME_AS_LAST {
            f.eval(0, t + h, u_new, &mut self.slope_new);
            cx.statistics.rhs += 1;
        }
        if self.norm.is_nan() {
            return Err(Rejection::NotFinite(worst_component(cx.options, &self.error, u, u_new)));
        }
        first_not_finite(&self.slope_new).map_or(Ok(()), |component| Err(Rejection::NotFinite(component)))
    }

    fn accept(&mut self, _f: &mut F, step: &Step, _cx: &mut Context) -> f64 {
        std::mem::swap(&mut self.slope, &mut self.slope_new);
        self.matrix.current = false;
        step.h.abs() * self.controller.accepted(self.norm, step.h.abs())
    }

    fn reject(&mut self, why: Rejection, h: f64, _cx: &mut Context) -> f64 {
        h * match why {
            Rejection::Error => self.controller.rejected(self.norm),
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
