//! The step of the variable-order BDF, in its NDF variant.

use super::{ALPHA, ERROR_CONSTANT, GAMMA, MAX_ORDER, rescaling};
use crate::ode::control::{error_norm, first_not_finite, worst_component};
use crate::ode::implicit::matrix::IterationMatrix;
use crate::ode::implicit::newton::{Convergence, Verdict, rate_to_keep};
use crate::ode::linear::Kind;
use crate::ode::options::Method;
use crate::ode::stepper::{Context, Implicit, Rejection, Step, Stepper};

/// Memory, order and step control of the BDF.
///
/// The order rises or falls by one, whichever promises the longest step, after as many steps of one size as the formula
/// has points (L. F. Shampine, M. W. Reichelt 1997, section 2).
pub(crate) struct Bdf {
    matrix: IterationMatrix,
    convergence: Convergence,
    order: usize,
    /// Steps made with this size and order.
    equal_steps: usize,
    /// Step size of the grid of the differences, signed; NaN before the first step.
    h: f64,
    /// $\nabla^0 u, \nabla^1 u, \dots$, `n` numbers each.
    differences: Vec<f64>,
    /// The same at the end of the attempted step.
    ahead: Vec<f64>,
    rescaled: Vec<f64>,
    slope: Vec<f64>,
    /// $\sum_m \gamma_m \nabla^m u$.
    known: Vec<f64>,
    correction: Vec<f64>,
    f: Vec<f64>,
    moved: Vec<f64>,
    product: Vec<f64>,
    error: Vec<f64>,
    norm: f64,
    norm_below: f64,
    norm_above: f64,
    /// Attempts in a row that failed their error test.
    failures: usize,
}

/// Iterations of Newton's method; more are not worth it where a new Jacobian helps.
const ITERATIONS: usize = 4;
const SAFETY: f64 = 0.9;
/// A step is made longer only by this factor or more, so that the factors serve longer.
const WORTH_GROWING: f64 = 1.2;
const GROW: f64 = 10.0;
const SHRINK: f64 = 0.2;
/// Rows of differences: up to two beyond the highest order.
const ROWS: usize = MAX_ORDER + 3;

impl Bdf {
    pub fn new() -> Self {
        Bdf {
            matrix: IterationMatrix::default(),
            convergence: Convergence::new(ITERATIONS),
            order: 1,
            equal_steps: 0,
            h: f64::NAN,
            differences: Vec::new(),
            ahead: Vec::new(),
            rescaled: Vec::new(),
            slope: Vec::new(),
            known: Vec::new(),
            correction: Vec::new(),
            f: Vec::new(),
            moved: Vec::new(),
            product: Vec::new(),
            error: Vec::new(),
            norm: 0.0,
            norm_below: 0.0,
            norm_above: 0.0,
            failures: 0,
        }
    }

    /// Brings the differences to the grid of width `h`.
    fn rescale(&mut self, h: f64) {
        let n = self.slope.len();
        if self.h.is_nan() {
            for (d, s) in self.differences[n..2 * n].iter_mut().zip(&self.slope) {
                *d = h * s;
            }
        } else {
            let r = rescaling(self.order, h / self.h);
            self.rescaled[..(self.order + 1) * n].fill(0.0);
            for j in 0..=self.order {
                for m in 0..=self.order {
                    let (to, from) = (j * n, m * n);
                    for c in 0..n {
                        self.rescaled[to + c] += r[j][m] * self.differences[from + c];
                    }
                }
            }
            let rows = (self.order + 1) * n;
            self.differences[..rows].copy_from_slice(&self.rescaled[..rows]);
        }
        self.h = h;
        self.equal_steps = 0;
    }

    /// Newton's method for the correction, from zero; `u_new` begins as the prediction.
    fn correct<F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        t_new: f64,
        u_new: &mut [f64],
        cx: &mut Context,
    ) -> Result<(), Rejection> {
        let (alpha, h) = (ALPHA[self.order], self.h);
        self.correction.fill(0.0);
        self.convergence.begin();
        loop {
            f.eval(0, t_new, u_new, &mut self.f);
            cx.statistics.rhs += 1;
            cx.statistics.newton_iterations += 1;
            if let Some(component) = first_not_finite(&self.f) {
                return Err(Rejection::NotFinite(component));
            }
            // (α/h M − f_u) δ = f − M (α d + Σ γₘ ∇ᵐ) / h
            for ((x, d), k) in self.moved.iter_mut().zip(&self.correction).zip(&self.known) {
                *x = (alpha * d + k) / h;
            }
            match f.mass() {
                None => self.f.iter_mut().zip(&self.moved).for_each(|(f, x)| *f -= x),
                Some(mass) => {
                    mass.multiply(&self.moved, &mut self.product);
                    self.f.iter_mut().zip(&self.product).for_each(|(f, x)| *f -= x);
                }
            }
            self.matrix.solve(&mut self.f, cx)?;
            for ((u, d), x) in u_new.iter_mut().zip(&mut self.correction).zip(&self.f) {
                *u += x;
                *d += x;
            }
            match self.convergence.judge(error_norm(cx.options, &self.f, u_new, u_new)) {
                Verdict::Converged => return Ok(()),
                Verdict::GoOn => {}
                Verdict::Failed => return Err(Rejection::Newton),
            }
        }
    }

    /// The scaled size of the error that order `order` would have made, from its difference.
    fn norm_of(&mut self, order: usize, row: usize, u: &[f64], u_new: &[f64], cx: &Context) -> f64 {
        let n = u.len();
        for (e, d) in self.moved.iter_mut().zip(&self.ahead[row * n..(row + 1) * n]) {
            *e = ERROR_CONSTANT[order] * d;
        }
        error_norm(cx.options, &self.moved, u, u_new)
    }
}

impl<F: Implicit + ?Sized> Stepper<F> for Bdf {
    fn order(&self) -> usize {
        self.order
    }

    fn start(&mut self, f: &mut F, t: f64, u: &[f64], cx: &mut Context) -> Result<(), usize> {
        let n = u.len();
        for v in [&mut self.differences, &mut self.ahead, &mut self.rescaled] {
            v.clear();
            v.resize(ROWS * n, 0.0);
        }
        for v in [
            &mut self.slope,
            &mut self.known,
            &mut self.correction,
            &mut self.f,
            &mut self.moved,
            &mut self.product,
            &mut self.error,
        ] {
            v.resize(n, 0.0);
        }
        (self.order, self.equal_steps, self.h, self.failures) = (1, 0, f64::NAN, 0);
        self.differences[..n].copy_from_slice(u);
        self.convergence.forget();
        self.matrix.start(f, cx);
        f.eval(0, t, u, &mut self.f);
        cx.statistics.rhs += 1;
        if let Some(component) = first_not_finite(&self.f) {
            return Err(component);
        }
        self.matrix.initial_slope(f, t, u, &self.f, &mut self.slope, cx);
        Ok(())
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
        if h != self.h {
            self.rescale(h);
        }
        let k = self.order;
        self.known.fill(0.0);
        for (m, row) in self.differences.chunks_exact(n).enumerate().take(k + 1).skip(1) {
            for (x, d) in self.known.iter_mut().zip(row) {
                *x += GAMMA[m] * d;
            }
        }
        loop {
            u_new.fill(0.0);
            // The highest differences, which are the smallest, first.
            for row in self.differences.chunks_exact(n).take(k + 1).rev() {
                for (u, d) in u_new.iter_mut().zip(row) {
                    *u += d;
                }
            }
            if self.matrix.is_worn() {
                f.eval(0, t + h, u_new, &mut self.f);
                cx.statistics.rhs += 1;
                if let Some(component) = first_not_finite(&self.f) {
                    return Err(Rejection::NotFinite(component));
                }
                self.matrix.evaluate(f, t + h, u_new, &self.f, cx);
                self.convergence.forget();
            }
            self.matrix.factorize(ALPHA[k] / h, cx)?;
            match self.correct(f, t + h, u_new, cx) {
                // Before the step is given up, a fresh Jacobian.
                Err(Rejection::Newton) if !self.matrix.current => self.matrix.wear_out(),
                Err(why) => {
                    // The place of the next attempt is another one.
                    self.matrix.wear_out();
                    return Err(why);
                }
                Ok(()) => break,
            }
        }
        for (e, d) in self.error.iter_mut().zip(&self.correction) {
            *e = ERROR_CONSTANT[k] * d;
        }
        self.norm = if cx.options.fixed_step.is_some() { 0.0 } else { error_norm(cx.options, &self.error, u, u_new) };
        if self.norm > 1.0 {
            return Err(Rejection::Error);
        }
        if self.norm.is_nan() {
            return Err(Rejection::NotFinite(worst_component(cx.options, &self.error, u, u_new)));
        }
        // The differences at the new point: ∇ᵏ⁺² and ∇ᵏ⁺¹ from the correction, the others by summing up.
        for c in 0..n {
            let (d, before) = (self.correction[c], self.differences[(k + 1) * n + c]);
            self.ahead[(k + 2) * n + c] = d - before;
            self.ahead[(k + 1) * n + c] = d;
        }
        for m in (0..=k).rev() {
            for c in 0..n {
                self.ahead[m * n + c] = self.differences[m * n + c] + self.ahead[(m + 1) * n + c];
            }
        }
        self.ahead[..n].copy_from_slice(u_new);
        if self.equal_steps >= k {
            self.norm_below = if k > 1 { self.norm_of(k - 1, k, u, u_new, cx) } else { f64::INFINITY };
            self.norm_above = if k < MAX_ORDER { self.norm_of(k + 1, k + 2, u, u_new, cx) } else { f64::INFINITY };
        }
        Ok(())
    }

    fn accept(&mut self, _f: &mut F, step: &Step, cx: &mut Context) -> f64 {
        std::mem::swap(&mut self.differences, &mut self.ahead);
        self.failures = 0;
        let (h, k) = (step.h.abs(), self.order);
        self.matrix.after_step(self.convergence.worst_rate <= rate_to_keep(step.u.len()));
        self.equal_steps += 1;
        if self.equal_steps <= k || cx.options.fixed_step.is_some() {
            return h;
        }
        let factor = |norm: f64, order: usize| norm.max(1e-12).powf(-1.0 / (order as f64 + 1.0));
        let mut best = (factor(self.norm, k), k);
        for (norm, order) in [(self.norm_below, k.wrapping_sub(1)), (self.norm_above, k + 1)] {
            if norm.is_finite() && factor(norm, order) > best.0 {
                best = (factor(norm, order), order);
            }
        }
        let growth = (SAFETY * best.0).min(GROW);
        if best.1 == k && growth < WORTH_GROWING {
            return h;
        }
        if growth < 1.0 && best.1 >= k {
            return h;
        }
        // A raised order begins with the difference that was found beyond the old one.
        self.order = best.1;
        self.equal_steps = 0;
        h * growth.max(SHRINK)
    }

    fn reject(&mut self, why: Rejection, h: f64, _cx: &mut Context) -> f64 {
        self.equal_steps = 0;
        if why != Rejection::Error {
            return 0.25 * h;
        }
        self.failures += 1;
        if self.failures >= 3 && self.order > 1 {
            // The past does not tell what comes: begin again from the first differences.
            self.order = 1;
        }
        h * (SAFETY * self.norm.powf(-1.0 / (self.order as f64 + 1.0))).clamp(SHRINK, SAFETY)
    }

    fn error(&self) -> &[f64] {
        &self.error
    }

    fn interpolate(&self, step: &Step, theta: f64, out: &mut [f64]) {
        let n = step.u.len();
        let s = theta - 1.0;
        out.fill(0.0);
        let mut basis = 1.0;
        for (m, row) in self.ahead.chunks_exact(n).enumerate().take(self.order + 1) {
            for (y, d) in out.iter_mut().zip(row) {
                *y += basis * d;
            }
            basis *= (s + m as f64) / (m + 1) as f64;
        }
    }

    fn polynomial(&self, step: &Step, rows: &mut Vec<f64>) {
        let n = step.u.len();
        // Coefficients of θ⁰ … θᵏ in the product over l < m of (θ − 1 + l)/(l + 1).
        let mut basis = [[0.0; MAX_ORDER + 1]; MAX_ORDER + 1];
        basis[0][0] = 1.0;
        for m in 0..self.order {
            for power in 0..=m {
                let c = basis[m][power] / (m + 1) as f64;
                basis[m + 1][power] += c * (m as f64 - 1.0);
                basis[m + 1][power + 1] += c;
            }
        }
        for power in 1..=self.order {
            rows.extend((0..n).map(|c| (1..=self.order).map(|m| basis[m][power] * self.ahead[m * n + c]).sum::<f64>()));
        }
    }

    fn method(&self) -> Method {
        Method::Bdf
    }

    fn linear_solver(&self) -> Option<Kind> {
        self.matrix.kind()
    }

    fn stiffness(&mut self, f: &F, h: f64) -> f64 {
        h.abs() * self.matrix.norm(f, &mut self.moved)
    }
}
