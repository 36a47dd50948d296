//! The step of the variable-order BDF, in its NDF variant.

use super::control::{after_failure, next, strictness};
use super::corrector::{Corrector, Verdict, rate_to_keep};
use super::{ALPHA, Change, ERROR_CONSTANT, GAMMA, MAX_ORDER, rescaling};
use crate::ode::control::{error_norm, first_not_finite, worst_component};
use crate::ode::implicit::matrix::IterationMatrix;
use crate::ode::linear::Kind;
use crate::ode::options::Method;
use crate::ode::saved::Saved;
use crate::ode::stepper::{Context, Implicit, Rejection, Step, Stepper};

/// Memory of the BDF.
///
/// The order rises or falls by one, whichever promises the longest step, after as many steps of one size as the formula
/// has points (L. F. Shampine, M. W. Reichelt 1997, section 2).
pub(crate) struct Bdf {
    matrix: IterationMatrix,
    corrector: Corrector,
    order: usize,
    /// Steps made with this size and order.
    equal_steps: usize,
    /// Step size of the grid of the differences, signed; NaN before the first step.
    h: f64,
    /// Order up to which the differences belong to that grid: higher than the order after a failure that lowered it.
    degree: usize,
    /// $\nabla^0 u, \nabla^1 u, \dots$, `n` numbers each.
    differences: Vec<f64>,
    /// What was done to the differences since the last step, for its derivative.
    changes: Vec<Change>,
    /// The differences at the end of the attempted step.
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
    /// Errors of the attempt in units of what is allowed, had it been made with the order below, with this one and with
    /// the one above; infinite where they are not known.
    norms: [f64; 3],
    /// Attempts in a row that failed their error test.
    failures: usize,
    /// How many times smaller than the tolerance the error of a step has to be.
    strictness: f64,
    /// The same for the attempted step.
    held_to: f64,
    /// Whether the mass matrix is singular.
    algebraic: bool,
}

/// Rows of differences: up to two beyond the highest order.
const ROWS: usize = MAX_ORDER + 3;
/// So many failures in a row are no accident.
const MANY_FAILURES: usize = 3;
/// Changes of the differences before one step that there is room for from the start.
const USUAL_CHANGES: usize = 16;
/// So short is a step, relative to the time, only where it has to be.
const NO_TIME: f64 = 1e-12;

impl Bdf {
    pub fn new() -> Self {
        Bdf {
            matrix: IterationMatrix::default(),
            corrector: Corrector::new(),
            order: 1,
            equal_steps: 0,
            h: f64::NAN,
            degree: 1,
            differences: Vec::new(),
            changes: Vec::with_capacity(USUAL_CHANGES),
            ahead: Vec::new(),
            rescaled: Vec::new(),
            slope: Vec::new(),
            known: Vec::new(),
            correction: Vec::new(),
            f: Vec::new(),
            moved: Vec::new(),
            product: Vec::new(),
            error: Vec::new(),
            norms: [f64::INFINITY; 3],
            failures: 0,
            strictness: 1.0,
            held_to: 1.0,
            algebraic: false,
        }
    }

    /// Room for `n` states, all of it empty.
    fn make_room<F: Implicit + ?Sized>(&mut self, f: &F, n: usize, cx: &Context) {
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
        self.strictness = strictness(cx.options.rtol);
        self.algebraic = f.mass().is_some_and(|mass| mass.is_singular());
    }

    /// Differences that the next steps depend on: one beyond the highest in use.
    fn rows(&self) -> usize {
        (self.order.max(self.degree) + 2).min(ROWS)
    }

    /// Brings the differences to the grid of width `h`.
    fn rescale(&mut self, h: f64) {
        let n = self.slope.len();
        let begins = self.h.is_nan();
        let (degree, ratio) = if begins { (0, h) } else { (self.degree, h / self.h) };
        self.changes.push(Change { degree, order: self.order, ratio });
        if begins {
            for (d, s) in self.differences[n..2 * n].iter_mut().zip(&self.slope) {
                *d = h * s;
            }
        } else {
            let r = rescaling(degree, ratio);
            let rows = (self.order + 1) * n;
            self.rescaled[..rows].fill(0.0);
            for j in 0..=self.order {
                for m in 0..=degree {
                    let (to, from) = (j * n, m * n);
                    for c in 0..n {
                        self.rescaled[to + c] += r[j][m] * self.differences[from + c];
                    }
                }
            }
            self.differences[..rows].copy_from_slice(&self.rescaled[..rows]);
        }
        (self.h, self.degree, self.equal_steps) = (h, self.order, 0);
    }

    /// Extrapolates the differences, and sums up what they contribute to the formula.
    fn predict(&mut self, u_new: &mut [f64]) {
        let n = u_new.len();
        u_new.fill(0.0);
        self.known.fill(0.0);
        // The highest differences, which are the smallest, first.
        for (m, row) in self.differences.chunks_exact(n).enumerate().take(self.order + 1).rev() {
            for ((u, x), d) in u_new.iter_mut().zip(&mut self.known).zip(row) {
                *u += d;
                *x += GAMMA[m] * d;
            }
        }
    }

    /// A matrix that serves at `t` for this step size and order.
    fn prepare<F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        t: f64,
        u: &[f64],
        cx: &mut Context,
    ) -> Result<(), Rejection> {
        if self.matrix.is_worn() {
            self.corrector.drop_factors();
            f.eval(0, t, u, &mut self.f);
            cx.statistics.rhs += 1;
            if let Some(component) = first_not_finite(&self.f) {
                return Err(Rejection::NotFinite(component));
            }
            self.matrix.evaluate(f, t, u, &self.f, cx);
        }
        let sigma = ALPHA[self.order] / self.h;
        if !self.corrector.serves(sigma) {
            self.corrector.drop_factors();
            self.matrix.factorize(sigma, cx)?;
            self.corrector.made(sigma);
        }
        Ok(())
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
        let scale = self.corrector.begin(alpha / h);
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
            for ((u, d), x) in u_new.iter_mut().zip(&mut self.correction).zip(&mut self.f) {
                *x *= scale;
                *u += *x;
                *d += *x;
            }
            match self.corrector.judge(self.strictness * error_norm(cx.options, &self.f, u_new, u_new)) {
                Verdict::Converged => return Ok(()),
                Verdict::GoOn => {}
                Verdict::Failed => return Err(Rejection::Newton),
            }
        }
    }

    /// The error that order `order` would have made, from its difference in `moved`, is left there; its scaled size.
    fn estimate<F: Implicit + ?Sized>(
        &mut self,
        f: &F,
        order: usize,
        u: &[f64],
        u_new: &[f64],
        cx: &mut Context,
    ) -> Result<f64, Rejection> {
        self.moved.iter_mut().for_each(|x| *x *= ERROR_CONSTANT[order]);
        if let Some(mass) = f.mass().filter(|_| self.algebraic) {
            mass.multiply(&self.moved, &mut self.product);
            let sigma = self.corrector.made_for();
            self.product.iter_mut().for_each(|x| *x *= sigma);
            self.matrix.solve(&mut self.product, cx)?;
            std::mem::swap(&mut self.moved, &mut self.product);
        }
        Ok(self.held_to * error_norm(cx.options, &self.moved, u, u_new))
    }

    /// The same for the order below, whose difference is $\nabla^k u_{n+1}$.
    fn estimate_below<F: Implicit + ?Sized>(
        &mut self,
        f: &F,
        u: &[f64],
        u_new: &[f64],
        cx: &mut Context,
    ) -> Result<f64, Rejection> {
        let (n, k) = (u.len(), self.order);
        if k == 1 {
            return Ok(f64::INFINITY);
        }
        for ((x, d), correction) in self.moved.iter_mut().zip(&self.differences[k * n..]).zip(&self.correction) {
            *x = d + correction;
        }
        self.estimate(f, k - 1, u, u_new, cx)
    }

    /// The differences at the new point: $\nabla^{k+2}$ and $\nabla^{k+1}$ from the correction, the others by summing
    /// up.
    fn advance(&mut self, u_new: &[f64]) {
        let (n, k) = (u_new.len(), self.order);
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
    }
}

impl<F: Implicit + ?Sized> Stepper<F> for Bdf {
    fn order(&self) -> usize {
        self.order
    }

    fn start(&mut self, f: &mut F, t: f64, u: &[f64], cx: &mut Context) -> Result<(), usize> {
        let n = u.len();
        self.make_room(f, n, cx);
        (self.order, self.degree, self.equal_steps, self.h, self.failures) = (1, 1, 0, f64::NAN, 0);
        self.differences[..n].copy_from_slice(u);
        self.changes.clear();
        self.corrector = Corrector::new();
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
        if h != self.h {
            self.rescale(h);
        }
        let k = self.order;
        // Failing over and over, or with hardly a time between its ends, the step meets a jump of the right-hand side:
        // that is one error, not one of many that add up.
        let at_jump = self.failures >= MANY_FAILURES || h.abs() < NO_TIME * t.abs();
        self.held_to = if at_jump { 1.0 } else { self.strictness };
        loop {
            self.predict(u_new);
            self.prepare(f, t + h, u_new, cx)?;
            match self.correct(f, t + h, u_new, cx) {
                // Before the step is given up, factors for its own shift, then a fresh Jacobian.
                Err(Rejection::Newton) if self.corrector.lags(ALPHA[k] / h) => self.corrector.drop_factors(),
                Err(Rejection::Newton) if !self.matrix.current => self.matrix.wear_out(),
                Err(why) => {
                    // The place of the next attempt is another one.
                    self.matrix.wear_out();
                    return Err(why);
                }
                Ok(()) => break,
            }
        }
        self.moved.copy_from_slice(&self.correction);
        self.norms = [f64::INFINITY, self.estimate(f, k, u, u_new, cx)?, f64::INFINITY];
        std::mem::swap(&mut self.moved, &mut self.error);
        if cx.options.fixed_step.is_some() && self.norms[1].is_finite() {
            self.norms[1] = 0.0;
        }
        if self.norms[1] > 1.0 {
            self.norms[0] = self.estimate_below(f, u, u_new, cx)?;
            return Err(Rejection::Error);
        }
        if self.norms[1].is_nan() {
            return Err(Rejection::NotFinite(worst_component(cx.options, &self.error, u, u_new)));
        }
        self.advance(u_new);
        if self.equal_steps >= k {
            self.norms[0] = self.estimate_below(f, u, u_new, cx)?;
            if k < MAX_ORDER {
                let n = u.len();
                self.moved.copy_from_slice(&self.ahead[(k + 2) * n..(k + 3) * n]);
                self.norms[2] = self.estimate(f, k + 1, u, u_new, cx)?;
            }
        }
        Ok(())
    }

    fn accept(&mut self, _f: &mut F, step: &Step, cx: &mut Context) -> f64 {
        std::mem::swap(&mut self.differences, &mut self.ahead);
        self.changes.clear();
        self.failures = 0;
        let h = step.h.abs();
        self.matrix.after_step(self.corrector.worst_rate <= rate_to_keep(step.u.len()));
        self.equal_steps += 1;
        if self.equal_steps <= self.order || cx.options.fixed_step.is_some() {
            return h;
        }
        match next(self.order, self.norms) {
            None => h,
            Some((order, growth)) => {
                // A raised order begins with the difference that was found beyond the old one.
                (self.order, self.degree, self.equal_steps) = (order, order, 0);
                h * growth
            }
        }
    }

    fn reject(&mut self, why: Rejection, h: f64, _cx: &mut Context) -> f64 {
        self.equal_steps = 0;
        if why != Rejection::Error {
            return 0.25 * h;
        }
        self.failures += 1;
        let [below, norm, _] = self.norms;
        let (order, shorter) = after_failure(self.order, below, norm);
        // The past does not tell what comes: begin again from the first differences.
        self.order = if self.failures < MANY_FAILURES { order } else { 1 };
        h * shorter
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

    fn keep_stages(&self, out: &mut Vec<f64>) {
        let n = self.slope.len();
        out.extend_from_slice(&self.ahead[..n]);
        out.extend([self.order as f64, self.changes.len() as f64]);
        out.extend(self.changes.iter().flat_map(|change| change.numbers()));
        if self.changes.first().is_some_and(Change::begins) {
            out.extend_from_slice(&self.slope);
        }
    }

    fn can_be_saved(&self) -> bool {
        self.matrix.is_worn()
    }

    fn save(&self, out: &mut Vec<f64>) {
        let n = self.slope.len();
        self.matrix.save(out);
        self.corrector.save(out);
        out.extend([self.order, self.degree, self.equal_steps, self.failures].map(|count| count as f64));
        out.push(self.h);
        out.extend_from_slice(&self.differences[..self.rows() * n]);
        if self.h.is_nan() {
            out.extend_from_slice(&self.slope);
        }
    }

    fn restore(&mut self, f: &F, n: usize, from: &mut Saved, cx: &Context) {
        self.matrix.restore(f, from, cx);
        self.make_room(f, n, cx);
        self.corrector.restore(from);
        (self.order, self.degree, self.equal_steps) = (from.count(), from.count(), from.count());
        (self.failures, self.h) = (from.count(), from.number());
        let rows = self.rows();
        from.fill(&mut self.differences[..rows * n]);
        if self.h.is_nan() {
            from.fill(&mut self.slope);
        }
        self.changes.clear();
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
