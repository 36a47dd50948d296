//! Step size control of many trajectories at once: the PI controller of [`ode::control`](crate::ode), lane by lane and
//! without a branch.

use crate::number::Lanes;

/// Which lanes something is true for: all bits or none.
pub(super) type Mask<const N: usize> = [u64; N];

#[inline(always)]
pub(super) fn mask(condition: bool) -> u64 {
    if condition { u64::MAX } else { 0 }
}

/// Whether it is true for any lane.
#[inline(always)]
pub(super) fn any<const N: usize>(mask: &Mask<N>) -> bool {
    mask.iter().fold(0, |all, m| all | m) != 0
}

/// The lanes of `chosen` where the mask is set, those of `otherwise` elsewhere.
#[inline(always)]
pub(super) fn choose<const N: usize>(mask: &Mask<N>, chosen: Lanes<N>, mut otherwise: Lanes<N>) -> Lanes<N> {
    for l in 0..N {
        otherwise.0[l] = if mask[l] != 0 { chosen.0[l] } else { otherwise.0[l] };
    }
    otherwise
}

/// The controllers of all lanes.
pub(super) struct LaneControl<const N: usize> {
    inverse_order: f64,
    /// Binary logarithm of each lane's last accepted error.
    last: Lanes<N>,
    /// The lanes whose last attempt failed.
    rejected: Mask<N>,
}

/// What became of an attempt.
pub(super) struct Verdict<const N: usize> {
    /// The lanes that passed.
    pub passed: Mask<N>,
    /// The lanes with an error or a state that is not finite.
    pub not_finite: Mask<N>,
    /// What the step is to be multiplied with.
    pub factor: Lanes<N>,
}

// As in the scalar controller; a test holds the two together. Logarithms are binary.
const SAFETY_LOG: f64 = -0.152_003_093_445_049_97;
const SAFETY: f64 = 0.9;
const SHRINK: f64 = 0.2;
const GROW: f64 = 10.0;
const NOT_HERE: f64 = 0.25;
const LEAST_ERROR_LOG: f64 = -13.287_712_379_549_449;

impl<const N: usize> LaneControl<N> {
    pub fn new(error_order: usize) -> Self {
        let inverse_order = 1.0 / error_order.max(1) as f64;
        LaneControl { inverse_order, last: Lanes::splat(LEAST_ERROR_LOG), rejected: [0; N] }
    }

    /// Forgets what was before in a lane.
    pub fn restart(&mut self, lane: usize) {
        self.last.0[lane] = LEAST_ERROR_LOG;
        self.rejected[lane] = 0;
    }

    /// Judges an attempt by its scaled errors.
    #[inline(always)]
    pub fn judge(&mut self, error: &Lanes<N>) -> Verdict<N> {
        let mut verdict = Verdict { passed: [0; N], not_finite: [0; N], factor: Lanes::splat(0.0) };
        for l in 0..N {
            let e = error.0[l];
            let passed = e <= 1.0;
            let finite = e < f64::INFINITY;
            // A NaN takes the smaller number here and is sorted out below.
            let log = log2(if e > 1e-12 { e } else { 1e-12 });
            let exponent = if passed { 0.4 * self.last.0[l] - 0.7 * log } else { -log };
            let exponent = SAFETY_LOG + self.inverse_order * exponent;
            let exponent = if exponent > -10.0 { exponent } else { -10.0 };
            let factor = exp2(exponent);
            let factor = if factor > SHRINK { factor } else { SHRINK };
            // Straight after a rejection growth would only provoke the next one.
            let most = if self.rejected[l] != 0 { 1.0 } else { GROW };
            let most = if passed { most } else { SAFETY };
            let factor = if factor < most { factor } else { most };
            verdict.factor.0[l] = if finite { factor } else { NOT_HERE };
            verdict.passed[l] = mask(passed);
            verdict.not_finite[l] = mask(!finite);
            let kept = if log > LEAST_ERROR_LOG { log } else { LEAST_ERROR_LOG };
            self.last.0[l] = if passed { kept } else { self.last.0[l] };
            self.rejected[l] = mask(!passed);
        }
        verdict
    }
}

/// The binary logarithm of a normal positive number, to three digits after the point: as much as step control can use.
///
/// $\log_2 m = \frac{2}{\ln 2} \operatorname{artanh}\frac{m - 1}{m + 1}$ for the mantissa $m \in [2^{-1/2}, 2^{1/2})$.
#[inline(always)]
fn log2(x: f64) -> f64 {
    // Taking away the bits of √½ borrows from the exponent exactly where the mantissa is below √2.
    const SQRT_HALF: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    const EXPONENT: u64 = 0xfff << 52;
    let shifted = x.to_bits().wrapping_sub(SQRT_HALF);
    let m = f64::from_bits(x.to_bits().wrapping_sub(shifted & EXPONENT));
    // The exponent as a number: its bits with their sign flipped, behind those of 2⁵².
    const TWO_52: u64 = 0x4330_0000_0000_0000;
    let exponent = f64::from_bits(((shifted >> 52) ^ 0x800) | TWO_52) - (4_503_599_627_370_496.0 + 2048.0);
    let z = (m - 1.0) / (m + 1.0);
    let z2 = z * z;
    exponent + z * (2.885_390_081_777_927 + z2 * (0.961_796_693_925_975_6 + z2 * 0.577_078_016_355_585_4))
}

/// $2^x$ to four digits, for $|x| < 1000$.
#[inline(always)]
fn exp2(x: f64) -> f64 {
    // Adding 1.5·2⁵² rounds to a whole number and leaves it in the low bits; shifted into place they are the exponent.
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    let whole = (x + MAGIC) - MAGIC;
    let r = (x - whole) * std::f64::consts::LN_2;
    let power = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0))));
    power * f64::from_bits((whole + (MAGIC + 1023.0)).to_bits() << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ode::StepControl;
    use crate::ode::control::Controller;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn logarithm_and_power_are_good_to_what_control_can_use() {
        for i in -5000..5000 {
            let x = f64::from(i) * 0.0173;
            assert!((exp2(x) / x.exp2() - 1.0).abs() < 1e-4, "2^{x}");
            assert!((log2(x.exp2()) - x).abs() < 1e-3, "log2 2^{x}");
        }
        assert_eq!(log2(1.0), 0.0);
        assert_eq!(log2(f64::MIN_POSITIVE), -1022.0);
        assert!((log2(f64::MAX) - 1024.0).abs() < 1e-3);
        assert_eq!(exp2(3.0), 8.0);
    }

    /// Every lane makes of its errors what the scalar controller makes of them, to the four digits of the logarithm.
    #[test]
    fn every_lane_is_a_scalar_controller() {
        for order in [1, 3, 5, 8] {
            let mut lanes = LaneControl::<4>::new(order);
            let mut scalar = [Controller::new(StepControl::PI, order); 4];
            let mut rng = ChaCha8Rng::seed_from_u64(order as u64);
            for step in 0..2000 {
                let error = Lanes(std::array::from_fn(|_| match rng.random_range(0..10) {
                    0 => f64::NAN,
                    1 => f64::INFINITY,
                    2 => 0.0,
                    3 => 1e150,
                    _ => 10f64.powf(rng.random_range(-7.0..2.0)),
                }));
                let verdict = lanes.judge(&error);
                for l in 0..4 {
                    let e = error.0[l];
                    let expected = match e {
                        e if e <= 1.0 => scalar[l].accepted(e * e, 0.1),
                        e if e < f64::INFINITY => scalar[l].rejected(e * e),
                        _ => scalar[l].not_here(),
                    };
                    approx::assert_relative_eq!(verdict.factor.0[l], expected, max_relative = 1e-3);
                    assert_eq!(verdict.passed[l] != 0, e <= 1.0);
                    assert_eq!(verdict.not_finite[l] != 0, !e.is_finite());
                }
                if step % 97 == 0 {
                    lanes.restart(step % 4);
                    scalar[step % 4] = Controller::new(StepControl::PI, order);
                }
            }
        }
    }

    #[test]
    fn masks() {
        assert!(!any(&[mask(false); 8]));
        for l in 0..8 {
            let mut one = [0; 8];
            one[l] = mask(true);
            assert!(any(&one));
        }
    }
}
