//! Tsitouras' pair of orders 5 and 4 with a free interpolant of order 4.

use super::Tableau;

/// Explicit Runge–Kutta 5(4): seven stages, the last of which is the first of the next step, so six evaluations a step.
///
/// - Order 5 with local extrapolation, error estimate of order 4.
/// - Dense output of order 4 from the stages alone; a solution read off it converges with order 5, since its error
///   within one step is $O(h^5)$.
/// - Stability: explicit, real stability interval about 3.5. For smooth, non-stiff problems at `rtol` from 1e-3 to 1e-9.
/// - The coefficients fulfil only the first column-simplifying assumption, which is what leaves room for small errors.
///
/// Source: Ch. Tsitouras, *Runge–Kutta pairs of order 5(4) satisfying only the first column simplifying assumption*,
/// Computers & Mathematics with Applications 62 (2011) 770–775. The sign of the paper's last error weight is corrected
/// (1/66), as all implementations have it; the order conditions are checked below.
#[derive(Clone, Copy, Debug)]
pub struct Tsit5;

const A71: f64 = 0.096_460_766_818_065_22;
const A72: f64 = 0.01;
const A73: f64 = 0.479_889_650_414_499_57;
const A74: f64 = 1.379_008_574_103_742;
const A75: f64 = -3.290_069_515_436_081;
const A76: f64 = 2.324_710_524_099_774;

impl Tableau<7, 4> for Tsit5 {
    const ORDER: usize = 5;
    const ERROR_ORDER: usize = 5;
    const DENSE_ORDER: usize = 4;
    const FIRST_SAME_AS_LAST: bool = true;
    const C: [f64; 7] = [0.0, 0.161, 0.327, 0.9, 0.980_025_540_904_509_7, 1.0, 1.0];
    const A: [[f64; 7]; 7] = [
        [0.0; 7],
        [0.161, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [-0.008_480_655_492_356_989, 0.335_480_655_492_357, 0.0, 0.0, 0.0, 0.0, 0.0],
        [2.897_153_057_105_493_4, -6.359_448_489_975_075, 4.362_295_432_869_581_5, 0.0, 0.0, 0.0, 0.0],
        [
            5.325_864_828_439_257,
            -11.748_883_564_062_828,
            7.495_539_342_889_836_5,
            -0.092_495_066_361_755_25,
            0.0,
            0.0,
            0.0,
        ],
        [
            5.861_455_442_946_42,
            -12.920_969_317_847_11,
            8.159_367_898_576_159,
            -0.071_584_973_281_401,
            -0.028_269_050_394_068_383,
            0.0,
            0.0,
        ],
        [A71, A72, A73, A74, A75, A76, 0.0],
    ];
    const B: [f64; 7] = [A71, A72, A73, A74, A75, A76, 0.0];
    const E: [f64; 7] = [
        -0.001_780_011_052_225_777,
        -0.000_816_434_459_656_746_9,
        0.007_880_878_010_261_995,
        -0.144_711_007_173_262_9,
        0.582_357_165_452_555_2,
        -0.458_082_105_929_186_97,
        1.0 / 66.0,
    ];
    const R: [[f64; 4]; 7] = [
        [1.0, -2.763_706_197_274_826, 2.913_255_461_821_912_6, -1.053_088_497_729_021_6],
        [0.0, 0.131_7, -0.223_4, 0.101_7],
        [0.0, 3.930_296_236_894_751_6, -5.941_033_872_131_505, 2.490_627_285_651_253],
        [0.0, -12.411_077_166_933_676, 30.338_188_630_282_32, -16.548_102_889_244_902],
        [0.0, 37.509_313_416_511_04, -88.178_904_894_766_4, 47.379_521_962_819_28],
        [0.0, -27.896_526_289_197_287, 65.091_894_674_793_66, -34.870_657_861_496_61],
        [0.0, 1.5, -4.0, 2.5],
    ];
}

#[cfg(test)]
mod tests {
    use super::super::order_conditions::trees;
    use super::*;

    fn weighted<const S: usize>(b: &[f64; S], phi: &[f64; S]) -> f64 {
        b.iter().zip(phi).map(|(b, p)| b * p).sum()
    }

    #[test]
    fn rows_sum_to_the_stage_times() {
        for (row, c) in Tsit5::A.iter().zip(Tsit5::C) {
            approx::assert_abs_diff_eq!(row.iter().sum::<f64>(), c, epsilon = 4e-15);
        }
    }

    #[test]
    fn all_conditions_of_order_five_and_of_the_estimate() {
        for (order, phi, value) in trees(&Tsit5::A, &Tsit5::C) {
            approx::assert_abs_diff_eq!(weighted(&Tsit5::B, &phi), value, epsilon = 3e-15);
            // The estimate is the difference of two methods of order 4, and not zero at order 5.
            if order <= 4 {
                approx::assert_abs_diff_eq!(weighted(&Tsit5::E, &phi), 0.0, epsilon = 3e-15);
            }
        }
        let fifth = trees(&Tsit5::A, &Tsit5::C).into_iter().filter(|t| t.0 == 5);
        assert!(fifth.map(|t| weighted(&Tsit5::E, &t.1).abs()).fold(0.0, f64::max) > 1e-5);
    }

    /// $\sum_i b_i(\theta) \Phi_i(\tau) = \theta^{|\tau|} / \gamma(\tau)$ up to order 4.
    #[test]
    fn the_interpolant_is_of_order_four() {
        for theta in [0.1, 0.37, 0.5, 0.9, 1.0] {
            let b = Tsit5::dense_weights(theta);
            for (order, phi, value) in trees(&Tsit5::A, &Tsit5::C).into_iter().filter(|t| t.0 <= 4) {
                approx::assert_abs_diff_eq!(weighted(&b, &phi), value * theta.powi(order as i32), epsilon = 3e-14);
            }
        }
        for (end, b) in Tsit5::dense_weights(1.0).iter().zip(Tsit5::B) {
            approx::assert_abs_diff_eq!(*end, b, epsilon = 3e-14);
        }
    }
}
