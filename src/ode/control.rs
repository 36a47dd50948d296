//! Step size control.

use super::options::{Options, Tolerance};
use super::saved::Saved;
use crate::number::simd::nearest;
use serde::{Deserialize, Serialize};

/// How the error of a step sets the size of the next one; $e_n$ is the scaled error of the last step, $k$ the power of
/// $h$ it goes with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StepControl {
    /// $h_+ = 0.9 h e_n^{-1/k}$: the elementary one.
    I,
    /// $h_+ = 0.9 h e_n^{-0.7/k} e_{n-1}^{0.4/k}$ (K. Gustafsson, ACM TOMS 17, 1991; Hairer & Wanner II, IV.2). The
    /// memory of the last error keeps explicit methods from alternating between steps that are too long and too short
    /// where stability limits them.
    #[default]
    PI,
    /// $h_+ = 0.9 h e_n^{-0.49/k} e_{n-1}^{0.34/k} e_{n-2}^{-0.10/k}$ (C. A. Kennedy, M. H. Carpenter, Appl. Numer. Math. 44,
    /// 2003): smoother still.
    PID,
    /// The smaller of `I` and $h_+ = 0.9 h \frac{h}{h_{n-1}} \bigl(e_{n-1} / e_n^2\bigr)^{1/k}$ (K. Gustafsson, ACM TOMS 20,
    /// 1994): follows the trend of the error. For implicit methods, whose steps change over many orders of magnitude.
    Predictive,
}

/// [`StepControl`] at work on one method.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Controller {
    kind: StepControl,
    order: f64,
    inverse_order: f64,
    /// Binary logarithms of the last accepted errors, the latest first.
    last: [f64; 2],
    /// Binary logarithm of the last accepted step; NaN when there is none.
    last_step: f64,
    rejected: bool,
}

/// Binary logarithm of the safety factor 0.9.
const SAFETY_LOG: f64 = -0.152_003_093_445_049_97;
pub(super) const SAFETY: f64 = 0.9;
/// A step shrinks to no less than this fraction, and grows to no more than this multiple.
const SHRINK: f64 = 0.2;
const GROW: f64 = 10.0;
/// What an error counts at least, as binary logarithm of 1e-4: a step of error zero must not make the next comparison
/// meaningless.
const LEAST_ERROR_LOG: f64 = -13.287_712_379_549_449;

impl Controller {
    pub fn new(kind: StepControl, error_order: usize) -> Controller {
        let order = error_order.max(1) as f64;
        let inverse_order = 1.0 / order;
        Controller { kind, order, inverse_order, last: [LEAST_ERROR_LOG; 2], last_step: f64::NAN, rejected: false }
    }

    /// Appends what the next factors depend on.
    pub fn save(&self, out: &mut Vec<f64>) {
        let [last, before] = self.last;
        out.extend([last, before, self.last_step, f64::from(self.rejected)]);
    }

    /// Takes up what was saved of a controller of the same kind.
    pub fn restore(&mut self, from: &mut Saved) {
        self.last = from.array();
        self.last_step = from.number();
        self.rejected = from.flag();
    }

    /// The factor for the next step after an accepted one of size `h`, from the square of its scaled error: the next step waits
    /// for what is done here, and need not wait for a root.
    #[inline(always)]
    pub fn accepted(&mut self, square: f64, h: f64) -> f64 {
        let log = 0.5 * log2(square.max(1e-24));
        let [last, before] = self.last;
        let exponent = match self.kind {
            StepControl::I => -log,
            StepControl::PI => 0.4 * last - 0.7 * log,
            StepControl::PID => 0.34 * last - 0.49 * log - 0.1 * before,
            StepControl::Predictive => {
                let log_step = log2(h);
                let trend = log_step - self.last_step;
                self.last_step = log_step;
                // NaN, before the first step, leaves the elementary control.
                (trend * self.order + last - 2.0 * log).min(-log)
            }
        };
        self.last = [log.max(LEAST_ERROR_LOG), last];
        let mut factor = exp2(SAFETY_LOG + self.inverse_order * exponent).clamp(SHRINK, GROW);
        // Straight after a rejection growth would only provoke the next one.
        if std::mem::take(&mut self.rejected) {
            factor = factor.min(1.0);
        }
        factor
    }

    /// The factor for the next attempt after a step that failed its test, from the square of its scaled error.
    pub fn rejected(&mut self, square: f64) -> f64 {
        self.rejected = true;
        (SAFETY * square.powf(-0.5 * self.inverse_order)).clamp(SHRINK, SAFETY)
    }

    /// The factor for the next attempt after a step on which the right-hand side was not finite.
    pub fn not_here(&mut self) -> f64 {
        self.rejected = true;
        0.25
    }
}

/// The binary logarithm to three digits after the point: as much as step control can use, at a tenth of the time. The next step
/// waits for it, so there is no division in it.
///
/// For the mantissa $m \in [2^{-1/2}, 2^{1/2})$ a polynomial with $\log_2 1 = 0$ and next to the least largest error, 1.1e-4.
#[inline(always)]
fn log2(x: f64) -> f64 {
    if !(f64::MIN_POSITIVE..f64::INFINITY).contains(&x) {
        return x.log2();
    }
    // Adding the bits of √2's mantissa carries into the exponent exactly where the mantissa is above √2.
    const SQRT_HALF: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    let shifted = x.to_bits().wrapping_sub(SQRT_HALF);
    let exponent = (shifted as i64) >> 52;
    let m = f64::from_bits(x.to_bits().wrapping_sub((exponent as u64) << 52));
    let z = m - 1.0;
    exponent as f64 + z * ((1.441_760_65 - 0.724_904_19 * z) + z * z * (0.517_509_36 - 0.329_629_44 * z))
}

/// $2^x$ to four digits.
#[inline(always)]
fn exp2(x: f64) -> f64 {
    if !(x > -1000.0 && x < 1000.0) {
        return x.exp2();
    }
    let whole = nearest(x);
    let r = (x - whole) * std::f64::consts::LN_2;
    let r2 = r * r;
    let power = (1.0 + r) + r2 * ((0.5 + r * (1.0 / 6.0)) + r2 * (1.0 / 24.0));
    f64::from_bits(power.to_bits().wrapping_add((whole as i64 as u64) << 52))
}

/// The scaled error $\sqrt{\tfrac1n \sum_i (e_i / s_i)^2}$ with $s_i = \text{atol}_i + \text{rtol} \max(|u_i|, |v_i|)$;
/// NaN when an error or a state is not finite.
#[inline(always)]
pub(super) fn error_norm(options: &Options, error: &[f64], u: &[f64], v: &[f64]) -> f64 {
    error_square(options, error, u, v).sqrt()
}

/// The square of [`error_norm`].
#[inline(always)]
pub(super) fn error_square(options: &Options, error: &[f64], u: &[f64], v: &[f64]) -> f64 {
    let sum = match &options.atol {
        Tolerance::Scalar(atol) => sum_of_squares(options.rtol, |_| *atol, error, u, v),
        Tolerance::Each(atol) => {
            let atol = &atol[..error.len()];
            sum_of_squares(options.rtol, |i| atol[i], error, u, v)
        }
    };
    // The next step waits for this; one over the length is at hand before the sum.
    let square = sum * (1.0 / error.len() as f64);
    if square < f64::INFINITY { square } else { f64::NAN }
}

/// $\sum_i (e_i / s_i)^2$ in four strands.
#[inline(always)]
fn sum_of_squares(rtol: f64, atol: impl Fn(usize) -> f64, error: &[f64], u: &[f64], v: &[f64]) -> f64 {
    let n = error.len();
    let (u, v) = (&u[..n], &v[..n]);
    let square = |i: usize| {
        let ratio = error[i] / (atol(i) + rtol * u[i].abs().max(v[i].abs()));
        // An infinite state has an infinite scale and would pass as free of error: 0 · ∞ makes it NaN.
        ratio * ratio + 0.0 * v[i]
    };
    let mut sums = [0.0; 4];
    let mut i = 0;
    while i + 4 <= n {
        for (k, sum) in sums.iter_mut().enumerate() {
            *sum += square(i + k);
        }
        i += 4;
    }
    let mut rest = 0.0;
    while i < n {
        rest += square(i);
        i += 1;
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3]) + rest
}

/// The component with the largest scaled error; one that is not finite comes first.
pub(super) fn worst_component(options: &Options, error: &[f64], u: &[f64], v: &[f64]) -> usize {
    let scaled = |i: usize| {
        let scale = options.atol.of(i) + options.rtol * u[i].abs().max(v[i].abs());
        let ratio = (error[i] / scale).abs() + 0.0 * v[i];
        if ratio.is_finite() { ratio } else { f64::INFINITY }
    };
    (0..error.len()).fold(0, |worst, i| if scaled(i) > scaled(worst) { i } else { worst })
}

/// The first component that is NaN or infinite.
#[inline(always)]
pub(super) fn first_not_finite(x: &[f64]) -> Option<usize> {
    // A sum is quick to form and not finite when a part is not; the search is for the rare case.
    let (fours, rest) = x.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for four in fours {
        for (sum, x) in sums.iter_mut().zip(four) {
            *sum += 0.0 * x;
        }
    }
    let rest: f64 = rest.iter().map(|x| 0.0 * x).sum();
    if (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest == 0.0 { None } else { x.iter().position(|x| !x.is_finite()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_infinite_state_does_not_pass_as_free_of_error() {
        let options = Options::default();
        assert!(error_norm(&options, &[1e-9], &[1.0], &[f64::INFINITY]).is_nan());
        assert_eq!(worst_component(&options, &[1.0, 1e-9], &[1.0, 1.0], &[1.0, f64::INFINITY]), 1);
        assert_eq!(first_not_finite(&[1.0, f64::NAN, 2.0]), Some(1));
        assert_eq!(first_not_finite(&[1.0, f64::MAX, -f64::MAX]), None);
    }

    #[test]
    fn logarithm_and_power_are_good_to_what_control_can_use() {
        for i in -4000..4000 {
            let x = f64::from(i) * 0.0173;
            assert!((exp2(x) / x.exp2() - 1.0).abs() < 1e-4, "2^{x}");
            assert!((log2(x.exp2()) - x).abs() < 1e-3, "log2 2^{x}");
        }
        assert_eq!(log2(1.0), 0.0);
        assert_eq!(exp2(3.0), 8.0);
        assert!(log2(0.0).is_infinite() && log2(f64::INFINITY).is_infinite() && log2(f64::NAN).is_nan());
    }

    #[test]
    fn after_a_rejection_the_step_does_not_grow() {
        let mut c = Controller::new(StepControl::PI, 5);
        assert!(c.rejected(2.0) < 1.0);
        assert!(c.accepted(1e-9, 0.1) <= 1.0);
        assert!(c.accepted(1e-9, 0.1) > 1.0);
    }

    #[test]
    fn factors_stay_in_their_limits() {
        for kind in [StepControl::I, StepControl::PI, StepControl::PID, StepControl::Predictive] {
            let mut c = Controller::new(kind, 2);
            assert_eq!(c.accepted(0.0, 0.1), GROW);
            assert_eq!(c.rejected(1e30), SHRINK);
            assert!(c.rejected(1.0 + 1e-12) <= SAFETY);
        }
    }

    /// With the error model $e = (h / h_0)^k$ every controller settles where $e$ is about $0.9^k$ or a little off it.
    #[test]
    fn every_controller_settles_at_the_tolerance() {
        for kind in [StepControl::I, StepControl::PI, StepControl::PID, StepControl::Predictive] {
            let (mut c, mut h) = (Controller::new(kind, 5), 1e-3);
            for _ in 0..200 {
                let error = f64::powi(h, 5);
                let square = error * error;
                h *= if error <= 1.0 { c.accepted(square, h) } else { c.rejected(square) };
            }
            assert!((0.6..1.0).contains(&h), "{kind:?}: {h}");
        }
    }
}
