//! The step of an ESDIRK method.

use super::EsdirkTableau;
use super::stage_times::StageTimes;
use crate::ode::control::{Controller, StepControl, error_norm, first_not_finite, worst_component};
use crate::ode::explicit::{combine, power_sum, power_sum_derivative};
use crate::ode::implicit::between::{LOOK, error_between};
use crate::ode::implicit::matrix::IterationMatrix;
use crate::ode::implicit::newton::{Convergence, Verdict, rate_to_keep};
use crate::ode::linear::Kind;
use crate::ode::options::Method;
use crate::ode::saved::Saved;
use crate::ode::stepper::{Context, Implicit, Rejection, Step, Stepper};
use std::marker::PhantomData;

/// Memory and step control of an ESDIRK method.
pub(crate) struct Esdirk<T> {
    matrix: IterationMatrix,
    convergence: Convergence,
    /// $k_i$, one after the other, `n` numbers each.
    k: Vec<f64>,
    /// Whether a non-stiff part is taken explicitly. Then $k_i$ is that of the stiff part, `k_explicit` that of the other, and
    /// `k_both` their sum.
    additive: bool,
    k_explicit: Vec<f64>,
    k_both: Vec<f64>,
    /// Both parts at the end of the attempted step.
    slopes_new: Vec<f64>,
    /// $u + h \sum_{j<i} a_{ij} k_j$.
    base: Vec<f64>,
    stage: Vec<f64>,
    f: Vec<f64>,
    moved: Vec<f64>,
    product: Vec<f64>,
    error: Vec<f64>,
    /// The last time at which the right-hand side may be evaluated; NaN: any.
    limit: f64,
    /// Whether the error between the steps counts.
    dense: bool,
    norm: f64,
    controller: Controller,
    method: Method,
    tableau: PhantomData<T>,
}

/// Iterations of Newton's method for one stage.
const ITERATIONS: usize = 8;

/// Relative difference of the shifts up to which factors of a step before serve for more than [`FEW`] states, whose
/// factorisation costs as much as several iterations. ARKODE's `dgmax`.
const MOST_LAG: f64 = 0.2;
const FEW: usize = 50;

/// How much more sharply the stages are solved for than [`Convergence`] asks by itself: to a thousandth of the tolerance.
///
/// What the iteration leaves in a component that follows quickly reaches the slow ones multiplied by the step, which may be
/// long. With a hundredth, Van der Pol's equation with $\mu = 10^3$ by Kvaerno5 ends at half of all tolerances around
/// $10^{-4}$ with more than ten times the tolerance, with up to 290 times, and with this never with more than one.
const SHARPER: f64 = 10.0;

impl<T: EsdirkTableau> Esdirk<T> {
    pub fn new(method: Method) -> Self {
        Esdirk {
            matrix: IterationMatrix::default(),
            convergence: Convergence::new(ITERATIONS),
            k: Vec::new(),
            additive: false,
            k_explicit: Vec::new(),
            k_both: Vec::new(),
            slopes_new: Vec::new(),
            base: Vec::new(),
            stage: Vec::new(),
            f: Vec::new(),
            moved: Vec::new(),
            product: Vec::new(),
            error: Vec::new(),
            limit: f64::NAN,
            dense: false,
            norm: 0.0,
            controller: Controller::default(),
            method,
            tableau: PhantomData,
        }
    }

    /// Room for `n` states, and a controller that knows no step.
    fn make_room<F: Implicit + ?Sized>(&mut self, f: &F, n: usize, cx: &Context) {
        self.k.resize(T::STAGES * n, 0.0);
        for v in [&mut self.base, &mut self.stage, &mut self.f, &mut self.moved, &mut self.product, &mut self.error] {
            v.resize(n, 0.0);
        }
        self.additive = f.is_split() && !T::A_EXPLICIT.is_empty();
        let more = if self.additive { n } else { 0 };
        self.k_explicit.resize(T::STAGES * more, 0.0);
        self.k_both.resize(T::STAGES * more, 0.0);
        self.slopes_new.resize(2 * more, 0.0);
        self.controller = Controller::new(cx.options.controller.unwrap_or(StepControl::Predictive), T::ERROR_ORDER);
    }

    /// All stages of the step with the matrix at hand, whose solutions are to be multiplied with `scale`.
    #[allow(clippy::too_many_arguments)]
    fn stages<F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        t: f64,
        h: f64,
        scale: f64,
        u: &[f64],
        u_new: &mut [f64],
        cx: &mut Context,
    ) -> Result<(), Rejection> {
        let n = u.len();
        let sigma = 1.0 / (h * T::GAMMA);
        for s in 1..T::STAGES {
            combine(T::A[s], &self.k, h, u, &mut self.base);
            if self.additive {
                self.moved.copy_from_slice(&self.base);
                combine(T::A_EXPLICIT[s], &self.k_explicit, h, &self.moved, &mut self.base);
            }
            // The first guess of the stage, from the guess of its derivative.
            combine(T::PREDICTOR[s], &self.k, h * T::GAMMA, &self.base, &mut self.stage);
            self.convergence.begin();
            loop {
                self.eval_stage(f, s, t, h, cx);
                cx.statistics.newton_iterations += 1;
                if let Some(component) = first_not_finite(&self.f) {
                    return Err(Rejection::NotFinite(component));
                }
                // (σM − f_u) δ = f(U) − σM (U − base)
                for i in 0..n {
                    self.moved[i] = sigma * (self.stage[i] - self.base[i]);
                }
                match f.mass() {
                    None => self.f.iter_mut().zip(&self.moved).for_each(|(f, x)| *f -= x),
                    Some(mass) => {
                        mass.multiply(&self.moved, &mut self.product);
                        self.f.iter_mut().zip(&self.product).for_each(|(f, x)| *f -= x);
                    }
                }
                self.matrix.solve(&mut self.f, cx)?;
                for i in 0..n {
                    self.f[i] *= scale;
                    self.stage[i] += self.f[i];
                }
                let size = error_norm(cx.options, &self.f, u, &self.stage);
                match self.convergence.judge(SHARPER * size) {
                    Verdict::Converged => break,
                    Verdict::GoOn => {}
                    Verdict::Failed => return Err(Rejection::Newton),
                }
            }
            for i in 0..n {
                self.k[s * n + i] = sigma * (self.stage[i] - self.base[i]);
            }
            if self.additive {
                let explicit = &mut self.k_explicit[s * n..][..n];
                f.eval_nonstiff(t + T::C[s] * h, &self.stage, explicit);
                cx.statistics.rhs += 1;
                if let Some(component) = first_not_finite(explicit) {
                    return Err(Rejection::NotFinite(component));
                }
            }
        }
        if self.additive {
            self.finish_sum(f, t + h, h, u, u_new, cx)
        } else {
            u_new.copy_from_slice(&self.stage);
            Ok(())
        }
    }

    /// $f(t_s, U_s)$ with the stage's state as it stands.
    fn eval_stage<F: Implicit + ?Sized>(&mut self, f: &mut F, s: usize, t: f64, h: f64, cx: &mut Context) {
        let times = StageTimes::of(T::C[s], t, h, self.limit);
        if let [(time, _)] = times.get() {
            f.eval_stiff(s, *time, &self.stage, &mut self.f);
        } else {
            self.f.fill(0.0);
            for (time, weight) in times.get() {
                f.eval_stiff(s, *time, &self.stage, &mut self.product);
                self.f.iter_mut().zip(&self.product).for_each(|(f, x)| *f += weight * x);
            }
        }
        cx.statistics.rhs += times.get().len();
    }

    /// The solution of an additive step, and both parts there.
    fn finish_sum<F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        t_new: f64,
        h: f64,
        u: &[f64],
        u_new: &mut [f64],
        cx: &mut Context,
    ) -> Result<(), Rejection> {
        for (both, (k, explicit)) in self.k_both.iter_mut().zip(self.k.iter().zip(&self.k_explicit)) {
            *both = k + explicit;
        }
        combine(T::B, &self.k_both, h, u, u_new);
        let (stiff, explicit) = self.slopes_new.split_at_mut(u.len());
        f.eval_stiff(0, t_new, u_new, stiff);
        f.eval_nonstiff(t_new, u_new, explicit);
        cx.statistics.rhs += 2;
        match first_not_finite(stiff).or_else(|| first_not_finite(explicit)) {
            Some(component) => Err(Rejection::NotFinite(component)),
            None => Ok(()),
        }
    }

    /// What solution, error estimate and dense output are combined of.
    fn slopes(&self) -> &[f64] {
        if self.additive { &self.k_both } else { &self.k }
    }
}

impl<T: EsdirkTableau, F: Implicit + ?Sized> Stepper<F> for Esdirk<T> {
    fn order(&self) -> usize {
        T::ORDER
    }

    fn start(&mut self, f: &mut F, t: f64, u: &[f64], cx: &mut Context) -> Result<(), usize> {
        let n = u.len();
        self.make_room(f, n, cx);
        self.convergence.forget();
        self.matrix.start(f, cx);
        f.eval_stiff(0, t, u, &mut self.f);
        cx.statistics.rhs += 1;
        if let Some(component) = first_not_finite(&self.f) {
            return Err(component);
        }
        self.matrix.initial_slope(f, t, u, &self.f, &mut self.k[..n], cx);
        if self.additive {
            f.eval_nonstiff(t, u, &mut self.k_explicit[..n]);
            cx.statistics.rhs += 1;
            if let Some(component) = first_not_finite(&self.k_explicit[..n]) {
                return Err(component);
            }
            for i in 0..n {
                self.k_both[i] = self.k[i] + self.k_explicit[i];
            }
        }
        Ok(())
    }

    fn slope(&self) -> &[f64] {
        &self.slopes()[..self.f.len()]
    }

    fn look_no_further(&mut self, limit: f64) {
        self.limit = limit;
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
        let sigma = 1.0 / (h * T::GAMMA);
        let mut lag = MOST_LAG;
        loop {
            if self.matrix.is_worn() {
                f.eval_stiff(0, t, u, &mut self.f);
                cx.statistics.rhs += 1;
                self.matrix.evaluate(f, t, u, &self.f, cx);
                self.convergence.forget();
            }
            let scale = self.matrix.factorize_near(sigma, if n > FEW { lag } else { 0.0 }, cx)?;
            match self.stages(f, t, h, scale, u, u_new, cx) {
                // Before the step is given up, a fresh Jacobian, or at least factors of this very step.
                Err(Rejection::Newton) if !self.matrix.current => self.matrix.wear_out(),
                Err(Rejection::Newton) if scale != 1.0 => lag = 0.0,
                Err(why) => return Err(why),
                Ok(()) => break,
            }
        }
        self.norm = 0.0;
        if cx.options.fixed_step.is_some() {
            return Ok(());
        }
        self.base.fill(0.0);
        let slopes = if self.additive { &self.k_both } else { &self.k };
        combine(T::E, slopes, h, &self.base, &mut self.error);
        if T::ERROR_TO_FILTER {
            for i in 0..n {
                self.moved[i] = sigma * self.error[i];
            }
            match f.mass() {
                None => self.error.copy_from_slice(&self.moved),
                Some(mass) => mass.multiply(&self.moved, &mut self.error),
            }
            self.matrix.solve(&mut self.error, cx)?;
        }
        self.norm = T::ERROR_FACTOR * error_norm(cx.options, &self.error, u, u_new);
        if self.dense && !self.additive && self.norm <= 1.0 {
            self.stage.copy_from_slice(u);
            self.moved.fill(0.0);
            for (j, r) in T::DENSE {
                let (weight, derivative) = (h * power_sum(r, LOOK), power_sum_derivative(r, LOOK));
                let pairs = self.stage.iter_mut().zip(self.moved.iter_mut());
                for ((p, s), k) in pairs.zip(&self.k[j * n..][..n]) {
                    *p += weight * k;
                    *s += derivative * k;
                }
            }
            let (matrix, at) = (&mut self.matrix, t + LOOK * h);
            let between = error_between(f, matrix, at, &self.stage, &mut self.moved, &mut self.f, (u, u_new), cx)?;
            self.norm = self.norm.max(between);
        }
        if self.norm <= 1.0 {
            Ok(())
        } else if self.norm > 1.0 {
            Err(Rejection::Error)
        } else {
            Err(Rejection::NotFinite(worst_component(cx.options, &self.error, u, u_new)))
        }
    }

    fn accept(&mut self, _f: &mut F, step: &Step, _cx: &mut Context) -> f64 {
        let n = step.u.len();
        if self.additive {
            let (stiff, explicit) = self.slopes_new.split_at(n);
            self.k[..n].copy_from_slice(stiff);
            self.k_explicit[..n].copy_from_slice(explicit);
            for i in 0..n {
                self.k_both[i] = stiff[i] + explicit[i];
            }
        } else {
            self.k.copy_within((T::STAGES - 1) * n.., 0);
        }
        let h = step.h.abs();
        let next = h * self.controller.accepted(self.norm * self.norm, h);
        self.matrix.after_step(self.convergence.worst_rate <= rate_to_keep(n));
        // A step a little longer is not worth a factorisation.
        if !self.matrix.is_worn() && next >= h && next <= 1.2 * h { h } else { next }
    }

    fn reject(&mut self, why: Rejection, h: f64, _cx: &mut Context) -> f64 {
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
        if theta == 1.0 {
            out.copy_from_slice(step.u_new);
            return;
        }
        let n = step.u.len();
        out.copy_from_slice(step.u);
        for (j, r) in T::DENSE {
            let weight = step.h * power_sum(r, theta);
            for (y, k) in out.iter_mut().zip(&self.slopes()[j * n..][..n]) {
                *y += weight * k;
            }
        }
    }

    fn polynomial(&self, step: &Step, rows: &mut Vec<f64>) {
        let (n, slopes) = (step.u.len(), self.slopes());
        for m in 0..T::DENSE_DEGREE {
            let weight = |r: &[f64]| step.h * r.get(m).copied().unwrap_or(0.0);
            rows.extend((0..n).map(|i| T::DENSE.iter().map(|(j, r)| weight(r) * slopes[j * n + i]).sum::<f64>()));
        }
    }

    fn keep_stages(&self, out: &mut Vec<f64>) {
        out.extend_from_slice(&self.k);
        out.push(self.limit);
    }

    fn can_be_saved(&self) -> bool {
        self.matrix.is_worn()
    }

    fn save(&self, out: &mut Vec<f64>) {
        let n = self.f.len();
        self.matrix.save(out);
        out.extend_from_slice(&self.k[..n]);
        out.extend(self.k_explicit.iter().take(n));
        self.convergence.save(out);
        self.controller.save(out);
    }

    fn restore(&mut self, f: &F, n: usize, from: &mut Saved, cx: &Context) {
        self.matrix.restore(f, from, cx);
        self.make_room(f, n, cx);
        from.fill(&mut self.k[..n]);
        if self.additive {
            from.fill(&mut self.k_explicit[..n]);
            for i in 0..n {
                self.k_both[i] = self.k[i] + self.k_explicit[i];
            }
        }
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
