//! The step of a Radau IIA method.

use super::RadauTableau;
use crate::ode::control::{Controller, StepControl, error_norm, first_not_finite, worst_component};
use crate::ode::explicit::{power_sum, power_sum_derivative};
use crate::ode::implicit::between::{LOOK, error_between};
use crate::ode::implicit::matrix::{ComplexMatrix, IterationMatrix};
use crate::ode::implicit::newton::{Convergence, Verdict, rate_to_keep};
use crate::ode::linear::Kind;
use crate::ode::options::Method;
use crate::ode::saved::Saved;
use crate::ode::stepper::{Context, Implicit, Rejection, Step, Stepper};
use faer::c64;
use std::marker::PhantomData;

/// Memory and step control of a Radau IIA method.
pub(crate) struct Radau<T> {
    matrix: IterationMatrix,
    /// One for each complex pair of eigenvalues.
    pairs: Vec<ComplexMatrix>,
    convergence: Convergence,
    /// Increments $Z_i$ of the stages, `n` numbers each, of the last attempt.
    z: Vec<f64>,
    /// $W = T^{-1} Z$.
    w: Vec<f64>,
    /// $F_i$, then $T^{-1} F$ less what belongs to $W$.
    f_stages: Vec<f64>,
    /// Increments of the last accepted step, and its size: they predict the next ones.
    z_before: Vec<f64>,
    h_before: f64,
    slope: Vec<f64>,
    slope_new: Vec<f64>,
    stage: Vec<f64>,
    moved: Vec<f64>,
    product: Vec<f64>,
    product_imaginary: Vec<f64>,
    complex: Vec<c64>,
    error: Vec<f64>,
    /// Whether the error between the steps counts.
    dense: bool,
    norm: f64,
    /// Whether the step before was rejected, or there is none: then the error is estimated twice.
    uncertain: bool,
    controller: Controller,
    /// Coefficients of $\theta^m$ in the weights $w_i(\theta)$, stage by stage.
    powers: Vec<f64>,
    method: Method,
    tableau: PhantomData<T>,
}

/// How much more sharply the stages are solved for than [`Convergence`] asks by itself: to a five-hundredth of the tolerance.
/// With a hundredth, Van der Pol's equation with $\mu = 10^3$ ends at one tolerance in ten around $10^{-6}$ with more than ten
/// times the tolerance, with up to 31 times, and with this never with more than one; it costs 6 % more right-hand sides. At
/// tolerances below [`ROUNDING`] times this much rounding does not allow it.
const SHARPER: f64 = 5.0;
const ROUNDING: f64 = 1e-10;

/// Iterations of Newton's method, for three stages and for each pair more.
const ITERATIONS: usize = 7;
const MORE_ITERATIONS: usize = 3;

impl<T: RadauTableau> Radau<T> {
    pub fn new(method: Method) -> Self {
        let most = ITERATIONS + MORE_ITERATIONS * (T::PAIRS.len() - 1);
        Radau {
            matrix: IterationMatrix::default(),
            pairs: T::PAIRS.iter().map(|_| ComplexMatrix::default()).collect(),
            convergence: Convergence::new(most),
            z: Vec::new(),
            w: Vec::new(),
            f_stages: Vec::new(),
            z_before: Vec::new(),
            h_before: f64::NAN,
            slope: Vec::new(),
            slope_new: Vec::new(),
            stage: Vec::new(),
            moved: Vec::new(),
            product: Vec::new(),
            product_imaginary: Vec::new(),
            complex: Vec::new(),
            error: Vec::new(),
            dense: false,
            norm: 0.0,
            uncertain: true,
            controller: Controller::default(),
            powers: powers::<T>(),
            method,
            tableau: PhantomData,
        }
    }

    /// Room for `n` states, and a controller that knows no step.
    fn make_room(&mut self, n: usize, cx: &Context) {
        for v in [&mut self.z, &mut self.w, &mut self.f_stages, &mut self.z_before] {
            v.resize(T::STAGES * n, 0.0);
        }
        for v in [
            &mut self.slope,
            &mut self.slope_new,
            &mut self.stage,
            &mut self.moved,
            &mut self.product,
            &mut self.product_imaginary,
            &mut self.error,
        ] {
            v.resize(n, 0.0);
        }
        self.complex.resize(n, c64::new(0.0, 0.0));
        self.controller = Controller::new(cx.options.controller.unwrap_or(StepControl::Predictive), T::ERROR_ORDER);
    }

    /// The stages' increments, first from the polynomial of the step before, then by Newton's method.
    fn stages<F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        t: f64,
        h: f64,
        u: &[f64],
        cx: &mut Context,
    ) -> Result<(), Rejection> {
        let (n, s) = (u.len(), T::STAGES);
        self.predict(h, n);
        transform(T::T_INVERSE, &self.z, &mut self.w, n);
        self.convergence.begin();
        let sharper = (cx.options.rtol / ROUNDING).clamp(1.0, SHARPER);
        loop {
            for i in 0..s {
                for c in 0..n {
                    self.stage[c] = u[c] + self.z[i * n + c];
                }
                let out = &mut self.product;
                f.eval(i, t + T::C[i] * h, &self.stage, out);
                if let Some(component) = first_not_finite(out) {
                    return Err(Rejection::NotFinite(component));
                }
                self.f_stages[i * n..(i + 1) * n].copy_from_slice(out);
            }
            cx.statistics.rhs += s;
            cx.statistics.newton_iterations += 1;

            // The real system: (γ/h M − f_u) δ = (T⁻¹F)₁ − γ/h M W₁.
            combine_rows(T::T_INVERSE[0], &self.f_stages, &mut self.moved, n);
            let sigma = T::GAMMA / h;
            for c in 0..n {
                self.stage[c] = sigma * self.w[c];
            }
            subtract_mass(f, &self.stage, &mut self.product, &mut self.moved);
            self.matrix.solve(&mut self.moved, cx)?;
            let mut squares = squared(cx, &self.moved, u);
            for c in 0..n {
                self.w[c] += self.moved[c];
            }
            // The complex ones: ((α + iβ)/h M − f_u)(δ₂ + iδ₃) = (T⁻¹F)₂ + i(T⁻¹F)₃ − (α + iβ)/h M (W₂ + iW₃).
            for (k, &(alpha, beta)) in T::PAIRS.iter().enumerate() {
                let (re, im) = ((1 + 2 * k) * n, (2 + 2 * k) * n);
                let (alpha, beta) = (alpha / h, beta / h);
                for c in 0..n {
                    self.stage[c] = alpha * self.w[re + c] - beta * self.w[im + c];
                }
                combine_rows(T::T_INVERSE[1 + 2 * k], &self.f_stages, &mut self.moved, n);
                subtract_mass(f, &self.stage, &mut self.product, &mut self.moved);
                for c in 0..n {
                    self.stage[c] = beta * self.w[re + c] + alpha * self.w[im + c];
                }
                combine_rows(T::T_INVERSE[2 + 2 * k], &self.f_stages, &mut self.product_imaginary, n);
                subtract_mass(f, &self.stage, &mut self.product, &mut self.product_imaginary);
                for c in 0..n {
                    self.complex[c] = c64::new(self.moved[c], self.product_imaginary[c]);
                }
                self.pairs[k].solve(&mut self.complex, cx)?;
                for c in 0..n {
                    self.moved[c] = self.complex[c].re;
                    self.product_imaginary[c] = self.complex[c].im;
                    self.w[re + c] += self.complex[c].re;
                    self.w[im + c] += self.complex[c].im;
                }
                squares += squared(cx, &self.moved, u) + squared(cx, &self.product_imaginary, u);
            }
            transform(T::T, &self.w, &mut self.z, n);
            match self.convergence.judge(sharper * (squares / s as f64).sqrt()) {
                Verdict::Converged => return Ok(()),
                Verdict::GoOn => {}
                Verdict::Failed => return Err(Rejection::Newton),
            }
        }
    }

    /// The last step's collocation polynomial, followed into this step; zeros where there is none.
    fn predict(&mut self, h: f64, n: usize) {
        if self.h_before.is_nan() {
            self.z.fill(0.0);
            return;
        }
        let mut weights = [0.0; 16];
        for i in 0..T::STAGES {
            // Z of the new step is measured from the end of the old one.
            T::dense_weights(1.0 + T::C[i] * h / self.h_before, &mut weights);
            weights[T::STAGES - 1] -= 1.0;
            let z = &mut self.z[i * n..(i + 1) * n];
            z.fill(0.0);
            for (j, w) in weights[..T::STAGES].iter().enumerate() {
                for (z, before) in z.iter_mut().zip(&self.z_before[j * n..(j + 1) * n]) {
                    *z += w * before;
                }
            }
        }
    }

    /// $e = (\gamma/h M - f_u)^{-1} (f + \frac1h M \sum e_i Z_i)$ with $f$ in `self.product_imaginary`.
    fn estimate<F: Implicit + ?Sized>(&mut self, f: &F, h: f64, n: usize, cx: &mut Context) -> Result<(), Rejection> {
        self.stage.fill(0.0);
        for (i, e) in T::E.iter().enumerate() {
            for c in 0..n {
                self.stage[c] += e / h * self.z[i * n + c];
            }
        }
        match f.mass() {
            None => self.product.copy_from_slice(&self.stage),
            Some(mass) => mass.multiply(&self.stage, &mut self.product),
        }
        for c in 0..n {
            self.error[c] = self.product_imaginary[c] + self.product[c];
        }
        self.matrix.solve(&mut self.error, cx)
    }
}

/// `out = X z` for each component: rows of a small matrix over vectors that stand one after another.
fn transform(matrix: &[&[f64]], z: &[f64], out: &mut [f64], n: usize) {
    for (row, out) in matrix.iter().zip(out.chunks_exact_mut(n)) {
        combine_rows(row, z, out, n);
    }
}

#[inline(always)]
fn combine_rows(row: &[f64], z: &[f64], out: &mut [f64], n: usize) {
    out.fill(0.0);
    for (x, z) in row.iter().zip(z.chunks_exact(n)) {
        for (out, z) in out.iter_mut().zip(z) {
            *out += x * z;
        }
    }
}

/// `y -= M x`.
fn subtract_mass<F: Implicit + ?Sized>(f: &F, x: &[f64], product: &mut [f64], y: &mut [f64]) {
    let product: &[f64] = match f.mass() {
        None => x,
        Some(mass) => {
            mass.multiply(x, product);
            product
        }
    };
    y.iter_mut().zip(product).for_each(|(y, x)| *y -= x);
}

/// The square of the scaled norm.
fn squared(cx: &Context, x: &[f64], u: &[f64]) -> f64 {
    let norm = error_norm(cx.options, x, u, u);
    norm * norm
}

/// Coefficients of $\theta \dots \theta^s$ in Lagrange's polynomials.
fn powers<T: RadauTableau>() -> Vec<f64> {
    let s = T::STAGES;
    let mut all = Vec::with_capacity(s * s);
    for i in 0..s {
        // θ Π (θ − cⱼ), multiplied out; the constant term is zero.
        let mut polynomial = vec![0.0; s + 1];
        polynomial[1] = T::BARYCENTRIC[i];
        for (degree, j) in (1..).zip((0..s).filter(|j| *j != i)) {
            for m in (1..=degree + 1).rev() {
                polynomial[m] = polynomial[m - 1] - T::C[j] * polynomial[m];
            }
        }
        all.extend_from_slice(&polynomial[1..]);
    }
    all
}

impl<T: RadauTableau, F: Implicit + ?Sized> Stepper<F> for Radau<T> {
    fn order(&self) -> usize {
        // What the error estimate sees, for the first step.
        T::ERROR_ORDER - 1
    }

    fn start(&mut self, f: &mut F, t: f64, u: &[f64], cx: &mut Context) -> Result<(), usize> {
        self.make_room(u.len(), cx);
        self.h_before = f64::NAN;
        self.uncertain = true;
        self.convergence.forget();
        self.matrix.start(f, cx);
        self.pairs.iter_mut().for_each(|pair| pair.start(f, cx));
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
        loop {
            if self.matrix.is_worn() {
                self.matrix.evaluate(f, t, u, &self.slope, cx);
                self.convergence.forget();
            }
            self.matrix.factorize(T::GAMMA / h, cx)?;
            for (pair, (alpha, beta)) in self.pairs.iter_mut().zip(T::PAIRS) {
                pair.factorize(c64::new(alpha / h, beta / h), &self.matrix, cx)?;
            }
            match self.stages(f, t, h, u, cx) {
                // Before the step is given up, a fresh Jacobian.
                Err(Rejection::Newton) if !self.matrix.current => self.matrix.wear_out(),
                Err(why) => return Err(why),
                Ok(()) => break,
            }
        }
        let last = &self.z[(T::STAGES - 1) * n..];
        for c in 0..n {
            u_new[c] = u[c] + last[c];
        }
        self.norm = 0.0;
        if cx.options.fixed_step.is_none() {
            self.product_imaginary.copy_from_slice(&self.slope);
            self.estimate(f, h, n, cx)?;
            self.norm = error_norm(cx.options, &self.error, u, u_new);
            if self.norm >= 1.0 && self.uncertain {
                for c in 0..n {
                    self.moved[c] = u[c] + self.error[c];
                }
                f.try_eval(t, &self.moved, &mut self.product_imaginary);
                cx.statistics.rhs += 1;
                self.estimate(f, h, n, cx)?;
                self.norm = error_norm(cx.options, &self.error, u, u_new);
            }
            if self.dense && self.norm <= 1.0 {
                self.stage.copy_from_slice(u);
                self.moved.fill(0.0);
                for (i, powers) in self.powers.chunks_exact(T::STAGES).enumerate() {
                    let (weight, derivative) = (power_sum(powers, LOOK), power_sum_derivative(powers, LOOK) / h);
                    let pairs = self.stage.iter_mut().zip(self.moved.iter_mut());
                    for ((p, s), z) in pairs.zip(&self.z[i * n..(i + 1) * n]) {
                        *p += weight * z;
                        *s += derivative * z;
                    }
                }
                let (matrix, at) = (&mut self.matrix, t + LOOK * h);
                let between =
                    error_between(f, matrix, at, &self.stage, &mut self.moved, &mut self.product, (u, u_new), cx)?;
                self.norm = self.norm.max(between);
            }
            if self.norm > 1.0 {
                return Err(Rejection::Error);
            }
        }
        f.eval(0, t + h, u_new, &mut self.slope_new);
        cx.statistics.rhs += 1;
        if self.norm.is_nan() {
            return Err(Rejection::NotFinite(worst_component(cx.options, &self.error, u, u_new)));
        }
        first_not_finite(&self.slope_new).map_or(Ok(()), |component| Err(Rejection::NotFinite(component)))
    }

    fn accept(&mut self, _f: &mut F, step: &Step, _cx: &mut Context) -> f64 {
        std::mem::swap(&mut self.slope, &mut self.slope_new);
        self.z_before.copy_from_slice(&self.z);
        self.h_before = step.h;
        self.uncertain = false;
        let h = step.h.abs();
        // The more iterations it took, the more careful the next step. Hairer & Wanner II, eq. (IV.8.21).
        let most = (2 * ITERATIONS + 1) as f64;
        let care = most / (2 * ITERATIONS + self.convergence.iterations()) as f64;
        let next = h * (care * self.controller.accepted(self.norm * self.norm, h)).max(0.2);
        self.matrix.after_step(self.convergence.worst_rate <= rate_to_keep(step.u.len()));
        // A step a little longer is not worth a factorisation.
        if !self.matrix.is_worn() && next >= h && next <= 1.2 * h { h } else { next }
    }

    fn reject(&mut self, why: Rejection, h: f64, _cx: &mut Context) -> f64 {
        self.uncertain = true;
        h * match why {
            Rejection::Error => self.controller.rejected(self.norm * self.norm),
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
        let n = step.u.len();
        let mut weights = [0.0; 16];
        T::dense_weights(theta, &mut weights);
        out.copy_from_slice(step.u);
        for (i, w) in weights[..T::STAGES].iter().enumerate() {
            for (y, z) in out.iter_mut().zip(&self.z[i * n..(i + 1) * n]) {
                *y += w * z;
            }
        }
    }

    fn polynomial(&self, step: &Step, rows: &mut Vec<f64>) {
        let (n, s) = (step.u.len(), T::STAGES);
        for m in 0..s {
            rows.extend((0..n).map(|c| (0..s).map(|i| self.powers[i * s + m] * self.z[i * n + c]).sum::<f64>()));
        }
    }

    fn keep_stages(&self, out: &mut Vec<f64>) {
        out.extend_from_slice(&self.z);
    }

    fn can_be_saved(&self) -> bool {
        self.matrix.is_worn()
    }

    fn save(&self, out: &mut Vec<f64>) {
        self.matrix.save(out);
        self.pairs.iter().for_each(|pair| pair.save(out));
        out.extend_from_slice(&self.slope);
        out.extend_from_slice(&self.z_before);
        out.extend([self.h_before, f64::from(self.uncertain)]);
        self.convergence.save(out);
        self.controller.save(out);
    }

    fn restore(&mut self, f: &F, n: usize, from: &mut Saved, cx: &Context) {
        self.matrix.restore(f, from, cx);
        self.pairs.iter_mut().for_each(|pair| pair.restore(f, from, cx));
        self.make_room(n, cx);
        from.fill(&mut self.slope);
        from.fill(&mut self.z_before);
        (self.h_before, self.uncertain) = (from.number(), from.flag());
        self.convergence.restore(from);
        self.controller.restore(from);
    }

    fn method(&self) -> Method {
        self.method
    }

    fn linear_solver(&self) -> Option<Kind> {
        self.matrix.kind()
    }

    fn stiffness(&mut self, f: &F, h: f64) -> f64 {
        h.abs() * self.matrix.norm(f, &mut self.moved)
    }
}
