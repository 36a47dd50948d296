//! Step size control.

use super::options::{Options, Tolerance};

/// The PI controller of K. Gustafsson (ACM TOMS 17, 1991), as Hairer, Nørsett and Wanner use it (II, IV.2):
///
/// $$ h_{+} = h \cdot 0.9 e_n^{-\alpha} e_{n-1}^{ \beta}, \qquad \alpha = 0.7/k, \beta = 0.4/k, $$
///
/// where $e$ is the scaled error and $k$ the power of $h$ it goes with. The memory of the last error keeps explicit
/// methods from alternating between steps that are too long and too short where stability limits them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Controller {
    alpha: f64,
    beta: f64,
    inverse_order: f64,
    /// Logarithm of the last accepted error.
    last: f64,
    rejected: bool,
}

const SAFETY: f64 = 0.9;
/// A step shrinks to no less than this fraction, and grows to no more than this multiple.
const SHRINK: f64 = 0.2;
const GROW: f64 = 10.0;
/// What an error counts at least: a step of error zero must not make the next comparison meaningless.
const LEAST_ERROR: f64 = 1e-4;

impl Controller {
    pub fn new(error_order: usize) -> Controller {
        let k = error_order as f64;
        Controller { alpha: 0.7 / k, beta: 0.4 / k, inverse_order: 1.0 / k, last: LEAST_ERROR.ln(), rejected: false }
    }

    /// The factor for the next step after an accepted one with this error.
    #[inline(always)]
    pub fn accepted(&mut self, error: f64) -> f64 {
        let log = error.max(1e-12).ln();
        let mut factor = SAFETY * (self.beta * self.last - self.alpha * log).exp();
        self.last = log.max(LEAST_ERROR.ln());
        factor = factor.clamp(SHRINK, GROW);
        // Straight after a rejection growth would only provoke the next one.
        if std::mem::take(&mut self.rejected) {
            factor = factor.min(1.0);
        }
        factor
    }

    /// The factor for the next attempt after a step that failed its test.
    pub fn rejected(&mut self, error: f64) -> f64 {
        self.rejected = true;
        (SAFETY * error.powf(-self.inverse_order)).clamp(SHRINK, SAFETY)
    }

    /// The factor for the next attempt after a step on which the right-hand side was not finite.
    pub fn not_here(&mut self) -> f64 {
        self.rejected = true;
        0.25
    }
}

/// The scaled error $\sqrt{\tfrac1n \sum_i (e_i / s_i)^2}$ with $s_i = \text{atol}_i + \text{rtol} \max(|u_i|, |v_i|)$.
/// Not finite when an error or a state is not.
#[inline(always)]
pub(super) fn error_norm(options: &Options, error: &[f64], u: &[f64], v: &[f64]) -> f64 {
    let rtol = options.rtol;
    let scaled = |i: usize, atol: f64| {
        let scale = atol + rtol * u[i].abs().max(v[i].abs());
        let ratio = error[i] / scale;
        // An infinite state has an infinite scale and would pass as free of error: 0 · ∞ makes it NaN.
        ratio * ratio + 0.0 * v[i]
    };
    let n = error.len();
    let sum: f64 = match &options.atol {
        Tolerance::Scalar(atol) => (0..n).map(|i| scaled(i, *atol)).sum(),
        Tolerance::Each(atol) => (0..n).map(|i| scaled(i, atol[i])).sum(),
    };
    (sum / n as f64).sqrt()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_infinite_state_does_not_pass_as_free_of_error() {
        let options = Options::default();
        assert!(error_norm(&options, &[1e-9], &[1.0], &[f64::INFINITY]).is_nan());
        assert_eq!(worst_component(&options, &[1.0, 1e-9], &[1.0, 1.0], &[1.0, f64::INFINITY]), 1);
    }

    #[test]
    fn after_a_rejection_the_step_does_not_grow() {
        let mut c = Controller::new(5);
        assert!(c.rejected(2.0) < 1.0);
        assert!(c.accepted(1e-9) <= 1.0);
        assert!(c.accepted(1e-9) > 1.0);
    }

    #[test]
    fn factors_stay_in_their_limits() {
        let mut c = Controller::new(5);
        assert_eq!(c.accepted(0.0), GROW);
        assert_eq!(c.rejected(1e30), SHRINK);
        assert!(c.rejected(1.0 + 1e-12) <= SAFETY);
    }
}
