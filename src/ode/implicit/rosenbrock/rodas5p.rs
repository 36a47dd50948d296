//! Rodas5P: eight stages of order 5(4) with dense output of order 4.

use super::super::Row;
use super::{RosenbrockTableau, dense_row};

/// Rosenbrock method of order 5 with an embedded one of order 4, eight stages, for stiff systems and equations of
/// index 1 at medium and sharp tolerances.
///
/// - L-stable and stiffly accurate, as is the embedded method: $u_{+} = \hat u_{+} + U_8$, $\hat u_{+} = \bar u + U_7$,
///   $\bar u$ the argument of the sixth stage. The last stage alone is the error estimate.
/// - Index 1: order 5 in the differential, local order 4 in the algebraic components, so that both converge with
///   order 5; the embedded solution likewise with order 4.
/// - Little order reduction: $u' = \lambda (u - \varphi(t)) + \varphi'(t)$ with a cubic $\varphi$ is solved exactly for
///   every $\lambda$, at the step and between (Prothero & Robinson's problem); Rodas4 and Rosenbrock23 manage that only
///   for a linear one.
/// - Dense output of order 4 in the differential and 3 in the algebraic components: a solution read off it converges
///   with orders 5 and 4.
///
/// Source: G. Steinebach, *Construction of Rosenbrock–Wanner method Rodas5P and numerical benchmarks within the Julia
/// Differential Equations package*, BIT Numerical Mathematics 63 (2023) 27; digits as in OrdinaryDiffEq.jl.
#[derive(Clone, Copy, Debug)]
pub struct Rodas5P;

const A61: f64 = -7.502_846_399_306_121;
const A62: f64 = 2.561_846_144_803_919;
const A63: f64 = -11.627_539_656_261_098;
const A64: f64 = -0.182_687_676_599_422_56;
const A65: f64 = 0.030_198_172_008_377_946;

impl RosenbrockTableau for Rodas5P {
    const ORDER: usize = 5;
    const ERROR_ORDER: usize = 5;
    const DENSE_ORDER: usize = 4;
    const STAGES: usize = 8;
    const FIRST_SAME_AS_LAST: bool = false;
    const GAMMA: f64 = 0.211_937_563_194_290_14;
    const ALPHA: &'static [f64] = &[
        0.0,
        0.635_812_689_582_870_4,
        0.409_579_839_339_753_5,
        0.976_930_672_506_071_6,
        0.428_840_360_955_866_4,
        1.0,
        1.0,
        1.0,
    ];
    const GAMMA_SUM: &'static [f64] = &[
        Self::GAMMA,
        -0.423_875_126_388_580_27,
        -0.338_462_712_623_592_4,
        1.804_645_287_288_273_4,
        2.325_825_639_765_069,
        0.0,
        0.0,
        0.0,
    ];
    const A: &'static [Row] = &[
        &[],
        &[(0, 3.0)],
        &[(0, 2.849_394_379_747_939), (1, 0.458_422_422_044_639_23)],
        &[(0, -6.954_028_509_809_101), (1, 2.489_845_061_869_568), (2, -10.358_996_098_473_584)],
        &[
            (0, 2.802_998_627_562_896_4),
            (1, 0.507_246_473_622_820_6),
            (2, -0.398_831_254_177_052_4),
            (3, -0.047_211_872_304_046_41),
        ],
        &[(0, A61), (1, A62), (2, A63), (3, A64), (4, A65)],
        &[(0, A61), (1, A62), (2, A63), (3, A64), (4, A65), (5, 1.0)],
        &[(0, A61), (1, A62), (2, A63), (3, A64), (4, A65), (5, 1.0), (6, 1.0)],
    ];
    const C: &'static [Row] = &[
        &[],
        &[(0, -14.155_112_264_123_755)],
        &[(0, -17.972_960_358_859_52), (1, -2.859_693_295_451_294)],
        &[(0, 147.121_502_757_117_16), (1, -1.412_214_027_182_13), (2, 71.689_402_513_023_58)],
        &[
            (0, 165.435_170_248_716_76),
            (1, -0.459_282_345_649_112_6),
            (2, 42.909_383_369_586_03),
            (3, -5.961_986_721_573_306),
        ],
        &[
            (0, 24.854_864_614_690_072),
            (1, -3.000_922_700_283_218_6),
            (2, 47.493_111_002_076_8),
            (3, 5.581_419_782_155_812_5),
            (4, -0.661_069_182_524_947_1),
        ],
        &[
            (0, 30.912_732_140_285_99),
            (1, -3.120_824_334_993_797_4),
            (2, 77.799_546_460_708_92),
            (3, 34.286_460_282_947_83),
            (4, -19.097_331_116_725_623),
            (5, -28.087_943_162_872_662),
        ],
        &[
            (0, 37.802_771_233_905_63),
            (1, -3.257_196_902_907_227_6),
            (2, 112.269_188_494_963_27),
            (3, 66.934_723_124_404_7),
            (4, -40.066_189_370_910_02),
            (5, -54.667_802_628_779_68),
            (6, -9.488_616_523_096_27),
        ],
    ];
    const M: Row = &[(0, A61), (1, A62), (2, A63), (3, A64), (4, A65), (5, 1.0), (6, 1.0), (7, 1.0)];
    const E: Row = &[(7, 1.0)];
    const DENSE_DEGREE: usize = 4;
    // The conditions leave the part of U₈, which is O(h⁵), free between the ends: its three numbers rest on the source
    // alone.
    const DENSE: &'static [(usize, &'static [f64])] = &[
        (0, &dense_row::<3, 4>(A61, [25.948_786_856_663_858, -9.915_688_506_951_71, 11.419_903_575_922_262])),
        (1, &dense_row::<3, 4>(A62, [-2.557_972_484_584_623_5, -0.968_994_459_411_515_4, 2.887_964_514_613_699_4])),
        (2, &dense_row::<3, 4>(A63, [10.433_815_404_888_879, 3.043_803_724_297_845_3, 72.921_379_959_960_29])),
        (3, &dense_row::<3, 4>(A64, [-2.367_925_102_268_520_4, -24.495_224_566_215_796, 80.125_118_346_226_43])),
        (4, &dense_row::<3, 4>(A65, [0.524_948_541_321_073, 20.176_138_334_709_044, -52.072_871_366_152_654])),
        (5, &dense_row::<3, 4>(1.0, [1.124_108_831_045_040_4, 15.980_663_614_246_51, -59.789_936_252_667_29])),
        (6, &dense_row::<3, 4>(1.0, [0.427_287_619_443_187_4, -6.789_040_303_419_874, -0.155_826_842_827_519_13])),
        (7, &dense_row::<3, 4>(1.0, [-0.172_022_210_701_554_93, -6.710_236_069_923_372, 4.883_087_185_713_722])),
    ];
}

#[cfg(test)]
mod tests {
    use super::super::standard_form::*;
    use super::*;

    /// The published coefficients are numbers up to 165 with 16 digits: good for residuals of some 1e-14, and as much
    /// again is lost in undoing the transformation.
    const EPSILON: f64 = 1e-13;

    #[test]
    fn sums_are_the_stage_times() {
        check_row_sums::<Rodas5P>(EPSILON);
    }

    #[test]
    fn orders_five_and_four_also_for_index_one() {
        let form = StandardForm::of::<Rodas5P>();
        form.check_order(&form.b, 1.0, Orders { differential: 5, algebraic: 4 }, EPSILON);
        form.check_order(&form.embedded, 1.0, Orders { differential: 4, algebraic: 3 }, EPSILON);
    }

    #[test]
    fn the_dense_output_is_of_order_four() {
        let form = StandardForm::of::<Rodas5P>();
        for theta in [0.1, 0.37, 0.5, 0.9] {
            let b = form.dense::<Rodas5P>(theta);
            form.check_order(&b, theta, Orders { differential: 4, algebraic: 3 }, EPSILON);
        }
        check_end_of_dense::<Rodas5P>();
    }

    #[test]
    fn stiffly_accurate_and_l_stable() {
        let form = StandardForm::of::<Rodas5P>();
        form.check_stiff_accuracy(&form.b, 7);
        form.check_stiff_accuracy(&form.embedded, 6);
        form.check_l_stability(&form.b);
        form.check_l_stability(&form.embedded);
    }

    #[test]
    fn a_cubic_forcing_is_followed_exactly_however_stiff() {
        for power in 1..=3 {
            for lambda in [-0.01, -1.0, -10.0, -1e3, -1e6] {
                for theta in [0.2, 0.3, 0.5, 0.7, 1.0] {
                    let error = prothero_robinson::<Rodas5P>(power, lambda, theta);
                    approx::assert_abs_diff_eq!(error, 0.0, epsilon = EPSILON);
                }
            }
        }
        assert!(prothero_robinson::<Rodas5P>(4, -1.0, 1.0).abs() > 1e-4);
    }
}
