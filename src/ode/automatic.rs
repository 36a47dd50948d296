//! The choice of a method while the solve goes on.

use super::linear::Kind;
use super::methods::AnyStepper;
use super::options::Method;
use super::saved::Saved;
use super::stepper::{Context, Implicit, Rejection, Step, Stepper};

/// Begins with an explicit method, notices stiffness and its end, and changes the method.
///
/// - Not stiff: Tsit5, or Vern7 where `rtol` is below 1e-6.
/// - Stiff: a Rosenbrock method (Rosenbrock23 where `rtol` is 1e-2 or more, otherwise Rodas5P) for up to 200 states, or
///   10 000 with a sparse Jacobian; the BDF for more, which factorises seldom.
/// - To stiff after [`STIFF_STEPS`](super::explicit) accepted steps at the border of stability, and when a step fails
///   over and over; back after [`CALM_STEPS`] steps that are well within the explicit method's stability.
///
/// L. Petzold, *Automatic selection of methods for solving stiff and nonstiff systems of ordinary differential equations*,
/// SIAM J. Sci. Stat. Comput. 4 (1983); the test of explicit methods is that of Hairer & Wanner II, IV.2.
pub(crate) struct Automatic<'f> {
    calm_method: Method,
    stiff_method: Method,
    calm: Option<AnyStepper<'f>>,
    stiff: Option<AnyStepper<'f>>,
    is_stiff: bool,
    /// Steps in a row that an explicit method could have made.
    calm_steps: usize,
    /// Attempts in a row that failed.
    failures: usize,
    /// Whether the error between the steps counts.
    dense: bool,
}

/// Up to this many states, with a dense and with a sparse Jacobian, a factorisation at every step is worth its price.
const DENSE: usize = 200;
const SPARSE: usize = 10_000;
/// Steps of the stiff method in a row that are short enough for the explicit one before that is taken again.
const CALM_STEPS: usize = 8;
/// The stiff method's steps must be this much shorter than the explicit one's stability allows.
const MARGIN: f64 = 0.5;
/// Failed attempts in a row, at the hands of an explicit method, that count as stiffness.
const FAILURES: usize = 8;

/// The explicit method for a tolerance.
pub(super) fn calm_method(rtol: f64) -> Method {
    if rtol < 1e-6 { Method::Vern7 } else { Method::Tsit5 }
}

impl<'f> Automatic<'f> {
    pub fn new() -> Self {
        Automatic {
            calm_method: Method::Tsit5,
            stiff_method: Method::Rodas5P,
            calm: None,
            stiff: None,
            is_stiff: false,
            calm_steps: 0,
            failures: 0,
            dense: false,
        }
    }

    #[inline(always)]
    fn now(&self) -> &AnyStepper<'f> {
        let stepper = if self.is_stiff { &self.stiff } else { &self.calm };
        // `start` made it, and nothing takes it away.
        stepper.as_ref().unwrap_or_else(|| unreachable!("a method is asked before it starts"))
    }

    #[inline(always)]
    fn now_mut(&mut self) -> &mut AnyStepper<'f> {
        let (stepper, method) =
            if self.is_stiff { (&mut self.stiff, self.stiff_method) } else { (&mut self.calm, self.calm_method) };
        let dense = self.dense;
        stepper.get_or_insert_with(|| {
            let mut stepper = method.stepper();
            stepper.keep_dense(dense);
            stepper
        })
    }

    /// The two methods for a problem.
    fn choose(&mut self, f: &(dyn Implicit + 'f), cx: &Context) {
        let rtol = cx.options.rtol;
        self.calm_method = calm_method(rtol);
        let affordable = if f.sparsity().is_some() { SPARSE } else { DENSE };
        self.stiff_method = match f.dimension() {
            _ if f.is_split() => Method::KenCarp4,
            n if n > affordable => Method::Bdf,
            _ if rtol >= 1e-2 => Method::Rosenbrock23,
            _ => Method::Rodas5P,
        };
    }

    /// Goes on with the other method from $(t, u)$, where the right-hand side is known to be finite.
    fn change(&mut self, f: &mut (dyn Implicit + 'f), t: f64, u: &[f64], cx: &mut Context) {
        self.is_stiff = !self.is_stiff;
        (self.calm_steps, self.failures) = (0, 0);
        if self.now_mut().start(f, t, u, cx).is_err() {
            self.is_stiff = !self.is_stiff;
        }
    }
}

impl<'f> Stepper<dyn Implicit + 'f> for Automatic<'f> {
    fn order(&self) -> usize {
        self.now().order()
    }

    fn start(&mut self, f: &mut (dyn Implicit + 'f), t: f64, u: &[f64], cx: &mut Context) -> Result<(), usize> {
        self.choose(f, cx);
        // Only implicit methods know what to do with a mass matrix.
        if f.mass().is_some() {
            self.is_stiff = true;
        }
        (self.calm_steps, self.failures) = (0, 0);
        self.now_mut().start(f, t, u, cx)
    }

    fn slope(&self) -> &[f64] {
        self.now().slope()
    }

    fn look_no_further(&mut self, limit: f64) {
        self.now_mut().look_no_further(limit);
    }

    fn attempt(
        &mut self,
        f: &mut (dyn Implicit + 'f),
        t: f64,
        h: f64,
        u: &[f64],
        u_new: &mut [f64],
        cx: &mut Context,
    ) -> Result<(), Rejection> {
        if self.failures >= FAILURES && !self.is_stiff {
            self.change(f, t, u, cx);
        }
        self.now_mut().attempt(f, t, h, u, u_new, cx)
    }

    fn accept(&mut self, f: &mut (dyn Implicit + 'f), step: &Step, cx: &mut Context) -> f64 {
        self.failures = 0;
        let h = self.now_mut().accept(f, step, cx);
        if !self.is_stiff {
            if self.now().looks_stiff() {
                self.change(f, step.t_new, step.u_new, cx);
            }
            return h;
        }
        if f.mass().is_some() {
            return h;
        }
        let allowed = MARGIN * self.calm_method.stability().unwrap_or(0.0);
        self.calm_steps = if self.now_mut().stiffness(f, h) < allowed { self.calm_steps + 1 } else { 0 };
        if self.calm_steps >= CALM_STEPS {
            self.change(f, step.t_new, step.u_new, cx);
        }
        h
    }

    fn reject(&mut self, why: Rejection, h: f64, cx: &mut Context) -> f64 {
        self.failures += 1;
        self.now_mut().reject(why, h, cx)
    }

    fn keep_dense(&mut self, dense: bool) {
        self.dense = dense;
        for method in self.calm.iter_mut().chain(&mut self.stiff) {
            method.keep_dense(dense);
        }
    }

    fn error(&self) -> &[f64] {
        self.now().error()
    }

    fn prepare(&mut self, f: &mut (dyn Implicit + 'f), step: &Step, cx: &mut Context) {
        self.now_mut().prepare(f, step, cx);
    }

    fn interpolate(&self, step: &Step, theta: f64, out: &mut [f64]) {
        self.now().interpolate(step, theta, out);
    }

    fn polynomial(&self, step: &Step, rows: &mut Vec<f64>) {
        self.now().polynomial(step, rows);
    }

    fn keep_stages(&self, out: &mut Vec<f64>) {
        self.now().keep_stages(out);
    }

    fn can_be_saved(&self) -> bool {
        self.now().can_be_saved()
    }

    // Of the method that rests, what it begins with when it is taken again.
    fn save(&self, out: &mut Vec<f64>) {
        out.extend([f64::from(self.is_stiff), self.calm_steps as f64, self.failures as f64]);
        for method in [&self.calm, &self.stiff] {
            out.push(f64::from(method.is_some()));
            if let Some(method) = method {
                method.save(out);
            }
        }
    }

    fn restore(&mut self, f: &(dyn Implicit + 'f), n: usize, from: &mut Saved, cx: &Context) {
        self.choose(f, cx);
        let is_stiff = from.flag();
        (self.calm_steps, self.failures) = (from.count(), from.count());
        for stiff in [false, true] {
            self.is_stiff = stiff;
            if from.flag() {
                self.now_mut().restore(f, n, from, cx);
            } else {
                *(if stiff { &mut self.stiff } else { &mut self.calm }) = None;
            }
        }
        self.is_stiff = is_stiff;
    }

    fn method(&self) -> Method {
        self.now().method()
    }

    fn linear_solver(&self) -> Option<Kind> {
        self.stiff.as_ref().and_then(|stiff| stiff.linear_solver())
    }
}
