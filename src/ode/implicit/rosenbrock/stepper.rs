//! The step of a Rosenbrock method.

use super::RosenbrockTableau;
use crate::ode::control::{Controller, StepControl, error_norm, first_not_finite, worst_component};
use crate::ode::explicit::power_sum;
use crate::ode::implicit::matrix::IterationMatrix;
use crate::ode::linear::Kind;
use crate::ode::options::Method;
use crate::ode::stepper::{Context, Implicit, Rejection, Step, Stepper};
use std::marker::PhantomData;

/// Memory and step control of a Rosenbrock method.
pub(crate) struct Rosenbrock<T> {
    matrix: IterationMatrix,
    /// $U_i$, one after the other, `n` numbers each.
    stages: Vec<f64>,
    /// $f(t, u)$, and the same at the end of the attempted step.
    slope: Vec<f64>,
    slope_new: Vec<f64>,
    /// $\partial f / \partial t$ at the start of the step, when $f$ depends on $t$.
    f_t: Vec<f64>,
    depends_on_time: bool,
    argument: Vec<f64>,
    /// $M \sum_j c_{ij} U_j$ before and after the product.
    sum: Vec<f64>,
    product: Vec<f64>,
    error: Vec<f64>,
    norm: f64,
    controller: Controller,
    method: Method,
    tableau: PhantomData<T>,
}

impl<T: RosenbrockTableau> Rosenbrock<T> {
    pub fn new(method: Method) -> Self {
        Rosenbrock {
            matrix: IterationMatrix::default(),
            stages: Vec::new(),
            slope: Vec::new(),
            slope_new: Vec::new(),
            f_t: Vec::new(),
            depends_on_time: false,
            argument: Vec::new(),
            sum: Vec::new(),
            product: Vec::new(),
            error: Vec::new(),
            norm: 0.0,
            controller: Controller::default(),
            method,
            tableau: PhantomData,
        }
    }

    /// One attempt; `N` is the number of states, or 0 for any.
    #[inline(always)]
    fn attempt_sized<const N: usize, F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        t: f64,
        h: f64,
        u: &[f64],
        u_new: &mut [f64],
        cx: &mut Context,
    ) -> Result<(), Rejection> {
        let n = if N == 0 { u.len() } else { N };
        let (u, u_new) = (&u[..n], &mut u_new[..n]);
        if !self.matrix.current {
            self.depends_on_time = f.time_derivative(t, u, &self.slope, &mut self.f_t, cx.statistics);
        }
        self.matrix.evaluate(f, t, u, &self.slope, cx);
        self.matrix.factorize(1.0 / (h * T::GAMMA), cx)?;
        let inverse = 1.0 / h;
        for s in 0..T::STAGES {
            let (known, rest) = self.stages.split_at_mut(s * n);
            let b = &mut rest[..n];
            if s == 0 {
                b.copy_from_slice(&self.slope[..n]);
            } else {
                self.argument[..n].copy_from_slice(u);
                add(T::A[s], known, 1.0, &mut self.argument[..n]);
                f.eval(s, t + T::ALPHA[s] * h, &self.argument[..n], b);
                cx.statistics.rhs += 1;
                if T::FIRST_SAME_AS_LAST && s == T::STAGES - 1 {
                    self.slope_new.copy_from_slice(b);
                }
                match f.mass() {
                    None => add(T::C[s], known, inverse, b),
                    Some(mass) => {
                        self.sum.fill(0.0);
                        add(T::C[s], known, inverse, &mut self.sum);
                        mass.multiply(&self.sum, &mut self.product);
                        for (b, x) in b.iter_mut().zip(&self.product) {
                            *b += x;
                        }
                    }
                }
            }
            if self.depends_on_time && T::GAMMA_SUM[s] != 0.0 {
                let factor = T::GAMMA_SUM[s] * h;
                for (b, d) in b.iter_mut().zip(&self.f_t) {
                    *b += factor * d;
                }
            }
            if let Some(component) = first_not_finite(b) {
                return Err(Rejection::NotFinite(component));
            }
            self.matrix.solve(b, cx)?;
        }
        u_new.copy_from_slice(u);
        add(T::M, &self.stages, 1.0, u_new);
        self.norm = 0.0;
        if cx.options.fixed_step.is_none() {
            let error = &mut self.error[..n];
            error.fill(0.0);
            add(T::E, &self.stages, 1.0, error);
            self.norm = error_norm(cx.options, error, u, u_new);
            if self.norm > 1.0 {
                return Err(Rejection::Error);
            }
        }
        if !T::FIRST_SAME_AS_LAST {
            f.eval(0, t + h, u_new, &mut self.slope_new[..n]);
            cx.statistics.rhs += 1;
        }
        if self.norm.is_nan() {
            return Err(Rejection::NotFinite(worst_component(cx.options, &self.error, u, u_new)));
        }
        first_not_finite(&self.slope_new[..n]).map_or(Ok(()), |component| Err(Rejection::NotFinite(component)))
    }
}

/// `y += Σ aⱼ Uⱼ`.
#[inline(always)]
fn add(row: &[(usize, f64)], stages: &[f64], scale: f64, y: &mut [f64]) {
    let n = y.len();
    for (j, a) in row {
        let a = scale * a;
        for (y, u) in y.iter_mut().zip(&stages[j * n..][..n]) {
            *y += a * u;
        }
    }
}

impl<T: RosenbrockTableau, F: Implicit + ?Sized> Stepper<F> for Rosenbrock<T> {
    fn order(&self) -> usize {
        T::ORDER
    }

    fn start(&mut self, f: &mut F, t: f64, u: &[f64], cx: &mut Context) -> Result<(), usize> {
        let n = u.len();
        self.stages.resize(T::STAGES * n, 0.0);
        for v in [
            &mut self.slope,
            &mut self.slope_new,
            &mut self.f_t,
            &mut self.argument,
            &mut self.sum,
            &mut self.product,
            &mut self.error,
        ] {
            v.resize(n, 0.0);
        }
        self.matrix.start(f, cx);
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
        // The lengths of short vectors are told to the compiler: loops over two or three numbers cost more than the sums.
        match u.len() {
            1 => self.attempt_sized::<1, F>(f, t, h, u, u_new, cx),
            2 => self.attempt_sized::<2, F>(f, t, h, u, u_new, cx),
            3 => self.attempt_sized::<3, F>(f, t, h, u, u_new, cx),
            4 => self.attempt_sized::<4, F>(f, t, h, u, u_new, cx),
            _ => self.attempt_sized::<0, F>(f, t, h, u, u_new, cx),
        }
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

    fn error(&self) -> &[f64] {
        &self.error
    }

    fn interpolate(&self, step: &Step, theta: f64, out: &mut [f64]) {
        if theta == 1.0 {
            out.copy_from_slice(step.u_new);
            return;
        }
        let n = step.u.len();
        out.copy_from_slice(step.u);
        for (j, d) in T::DENSE {
            let weight = power_sum(d, theta);
            for (y, k) in out.iter_mut().zip(&self.stages[j * n..][..n]) {
                *y += weight * k;
            }
        }
    }

    fn polynomial(&self, step: &Step, rows: &mut Vec<f64>) {
        let n = step.u.len();
        for m in 0..T::DENSE_DEGREE {
            let weight = |d: &[f64]| d.get(m).copied().unwrap_or(0.0);
            rows.extend((0..n).map(|i| T::DENSE.iter().map(|(j, d)| weight(d) * self.stages[j * n + i]).sum::<f64>()));
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
        h.abs() * self.matrix.norm(f, &mut self.sum)
    }
}
