//! Kværnø's method of order 5(4) with a dense output of order 4 of our own.

use super::super::Row;
use super::EsdirkTableau;

/// ESDIRK method of order 5 with an embedded one of order 4, six implicit stages, for stiff systems and equations of
/// index 1 at medium and sharp tolerances.
///
/// - L-stable and stiffly accurate; the embedded solution is the sixth stage, A-stable with $|R(\infty)| = 0.75$, so
///   the estimate is bounded for stiff components.
/// - Stage order 2.
/// - The third stage lies beyond the end of the step, $c_3 = 1.23$. Where that is beyond the end of the span or a declared
///   discontinuity, the right-hand side is extrapolated there in time, by a cubic through four times before it.
/// - Dense output of order 4, degree 4, continuous, with the exact slope $k_7$ at the end of the step and a slope right
///   up to $O(h^4)$ at its beginning. In algebraic components $v$, and in the limit of very stiff ones, it is of order
///   2: its error is at most $0.008 h^3 |v_{ttt}|$ to leading order.
///
/// The digits are the published ones of $\gamma = 0.26$, $a_{31} = 0.13$; these two and all conditions (stage order 2,
/// orders 5 and 4, $R(\infty) = 0$) determine the others, and a Newton iteration on them with 90 digits reproduces the
/// 17 published.
///
/// # The dense output
///
/// With stage order 2 the conditions of order 4 on $b(\theta)$ are five: $\sum_i b_i c_i^{q-1} = \theta^q / q$ for $q =
/// 1 \dots 4$ and $\sum_{ij} b_i a_{ij} c_j^2 = \theta^4 / 12$. They leave $b_2 = 0$ and two free polynomials, of which
/// one multiplies $k_6 - k_7 = O(h^4)$. Boundedness for stiff components (see [the module](super)), $\sum_i b_i(\theta)
/// x_i = 0$ with $x = (1, -1, 2.732, 1.653, 0.212, -0.748, 0)$, decides on the other. So $b(\theta) = \sum_{m=1}^4
/// (p_m + b_{7m} n) \theta^m$ with fixed $p_m$, $n$; $b(1) = b$ and $b'(1) = (0, \dots, 0, 1)$ are one condition each
/// on $b_7(\theta)$: $b_7(1) = \gamma$, $b_7'(1) = 1$. Of the polynomials of degree 4 that fulfil them, $b_7 = 0.04
/// \theta^3 + 0.22 \theta^4$ is the one without $\theta$ and $\theta^2$: it keeps the coefficients small, has
/// $|R(\infty, \theta)| \le 1$, and its error of order 5, in the mean over $[0, 1]$, is within 2.2 % of the smallest
/// possible. Continuity of the slope at the beginning would need $b'(0) = (1, 0, \dots)$, which excludes boundedness.
///
/// Source: A. Kværnø, *Singly diagonally implicit Runge–Kutta methods with an explicit first stage*, BIT Numerical
/// Mathematics 44 (2004) 489–502.
#[derive(Clone, Copy, Debug)]
pub struct Kvaerno5;

const GAMMA: f64 = 0.26;
const A61: f64 = 0.138_556_402_312_682_24;
const A63: f64 = -0.042_453_372_017_520_43;
const A64: f64 = 0.024_466_578_980_031_42;
const A65: f64 = 0.619_430_390_724_806_8;
const A71: f64 = 0.136_597_511_776_402_92;
const A73: f64 = -0.054_969_087_965_383_766;
const A74: f64 = -0.041_186_267_283_210_47;
const A75: f64 = 0.629_933_048_990_164;
const A76: f64 = 0.069_624_794_482_027_28;

impl EsdirkTableau for Kvaerno5 {
    const ORDER: usize = 5;
    const ERROR_ORDER: usize = 5;
    const ERROR_TO_FILTER: bool = false;
    const ERROR_FACTOR: f64 = 6.0;
    const DENSE_ORDER: usize = 4;
    const STAGES: usize = 7;
    const GAMMA: f64 = GAMMA;
    const C: &'static [f64] =
        &[0.0, 0.52, 1.230_333_209_967_908, 0.895_765_984_350_075_9, 0.436_393_609_858_647_56, 1.0, 1.0];
    const A: &'static [Row] = &[
        &[],
        &[(0, GAMMA)],
        &[(0, 0.13), (1, 0.840_333_209_967_908_1)],
        &[(0, 0.223_719_614_783_205_07), (1, 0.476_755_323_197_997), (2, -0.064_708_953_631_126_15)],
        &[
            (0, 0.166_485_643_232_483_22),
            (1, 0.104_500_188_415_917_2),
            (2, 0.036_314_822_720_987_15),
            (3, -0.130_907_044_510_739_98),
        ],
        &[(0, A61), (2, A63), (3, A64), (4, A65)],
        &[(0, A71), (2, A73), (3, A74), (4, A75), (5, A76)],
    ];
    const B: Row = &[(0, A71), (2, A73), (3, A74), (4, A75), (5, A76), (6, GAMMA)];
    const E: Row = &[(0, A71 - A61), (2, A73 - A63), (3, A74 - A64), (4, A75 - A65), (5, A76 - GAMMA), (6, GAMMA)];
    const DENSE_DEGREE: usize = 4;
    const DENSE: &'static [(usize, &'static [f64])] = &[
        (0, &[0.989_931_560_630_991_4, -2.080_479_242_899_512_5, 1.737_553_851_011_662_6, -0.510_408_656_966_738_4]),
        (2, &[-0.064_329_131_642_109_27, 0.788_789_021_025_896_9, -1.604_466_998_987_001, 0.825_038_021_637_829_7]),
        (3, &[-0.337_446_983_260_135_4, -0.949_510_465_598_449_4, 2.746_616_811_844_463, -1.500_845_630_269_088_7]),
        (4, &[0.053_982_280_275_352_26, 3.302_189_030_120_887, -4.246_592_705_107_174, 1.520_354_443_701_099_2]),
        (5, &[0.357_862_273_995_900_9, -1.060_988_342_648_821_8, 1.326_889_041_238_05, -0.554_138_178_103_101_8]),
        (6, &[0.0, 0.0, 0.04, 0.22]),
    ];
    // The last guess is the derivative of the embedded solution, right up to O(h⁴).
    const PREDICTOR: &'static [Row] = &[
        &[],
        &[(0, 1.0)],
        &[(0, -1.366_025_403_784_438_6), (1, 2.366_025_403_784_439)],
        &[(0, -0.196_505_526_131_221_94), (1, 0.811_357_954_649_662_4), (2, 0.385_147_571_481_559_5)],
        &[
            (0, 0.180_915_525_483_722_3),
            (1, 0.619_396_057_973_936),
            (2, -0.192_984_926_051_634_28),
            (3, 0.392_673_342_593_975_9),
        ],
        &[
            (0, -0.120_804_894_425_884_98),
            (1, 0.197_252_080_148_298_84),
            (2, 0.422_275_184_364_598),
            (3, 0.346_419_135_392_853),
            (4, 0.154_858_494_520_135_14),
        ],
        &[(5, 1.0)],
    ];
}

#[cfg(test)]
mod tests {
    use super::super::super::stability::{Complex, magnitudes, runge_kutta};
    use super::super::conditions::*;
    use super::*;

    const EPSILON: f64 = 1e-15;

    #[test]
    fn orders_five_and_four() {
        check_structure::<Kvaerno5>(EPSILON);
        check_order::<Kvaerno5>(&solution::<Kvaerno5>(), 1.0, 5, EPSILON);
        check_order::<Kvaerno5>(&embedded::<Kvaerno5>(), 1.0, 4, EPSILON);
    }

    #[test]
    fn the_dense_output_is_of_order_four() {
        for theta in [0.1, 0.37, 0.5, 0.9] {
            check_order::<Kvaerno5>(&dense::<Kvaerno5>(theta), theta, 4, EPSILON);
        }
    }

    #[test]
    fn l_stable_with_a_bounded_dense_output() {
        check_l_stability::<Kvaerno5>();
        check_bounded_dense_output::<Kvaerno5>(5.0 * EPSILON);
        let a = matrix::<Kvaerno5>();
        for theta in [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] {
            let limit = runge_kutta(&a, &dense::<Kvaerno5>(theta), Complex::new(-1e6, 0.0)).norm();
            assert!(limit <= 1.0, "|R(∞, {theta})| = {limit}");
        }
        for theta in [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] {
            assert!(algebraic_error::<Kvaerno5>(theta).abs() < 0.008);
        }
        let x = kernel::<Kvaerno5>();
        for (x, stated) in x.iter().zip([1.0, -1.0, 2.732, 1.653, 0.212, -0.748, 0.0]) {
            approx::assert_abs_diff_eq!(*x, stated, epsilon = 5e-4);
        }
    }

    #[test]
    fn the_embedded_solution_is_stable() {
        let a = matrix::<Kvaerno5>();
        for y in magnitudes() {
            let r = runge_kutta(&a, &embedded::<Kvaerno5>(), Complex::new(0.0, y)).norm();
            assert!(r <= 1.0 + 1e-15 * (1.0 + y), "|R({y}i)| = {r}");
        }
    }

    #[test]
    fn the_slope_at_the_end_is_that_of_the_last_stage() {
        for (i, row) in Kvaerno5::DENSE {
            let slope: f64 = row.iter().enumerate().map(|(m, r)| (m + 1) as f64 * r).sum();
            approx::assert_abs_diff_eq!(slope, if *i == 6 { 1.0 } else { 0.0 }, epsilon = 5.0 * EPSILON);
        }
    }
}
