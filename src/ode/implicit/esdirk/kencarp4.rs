//! ARK4(3)6L\[2\]SA of Kennedy and Carpenter, alone or with its explicit companion.

use super::super::Row;
use super::EsdirkTableau;

/// ESDIRK method of order 4 with an embedded one of order 3, five implicit stages, for stiff systems at medium
/// tolerances; with its explicit companion for sums of a stiff and a non-stiff part.
///
/// - The implicit part is L-stable and stiffly accurate with stage order 2; the embedded method is bounded for stiff
///   components.
/// - Dense output of order 3, degree 3, the same for both parts. In algebraic components $v$, and in the limit of very
///   stiff ones, it is of order 2: its error is at most $0.027 h^3 |v_{ttt}|$ to leading order.
///
/// With $\dot u = f_I(t, u) + f_E(t, u)$, of which only $f_I$ is stiff ([`Split`](crate::model::Split)):
///
/// $$ U_i = u + h \sum_{j<i} a^E_{ij} f_E(t_j, U_j) + h \sum_{j<i} a_{ij} f_I(t_j, U_j) + h \gamma f_I(t_i, U_i),
/// \qquad u_{+} = u + h \sum_i b_i (f_E + f_I)(t_i, U_i) $$
///
/// Both parts have the times $c$, the weights $b$ and $\tilde b$ and the dense output in common. The explicit weights are not
/// the last row of $a^E$: $u_{+}$ is not the last stage, and the next step evaluates both parts there.
///
/// Source: C. A. Kennedy, M. H. Carpenter, *Additive Runge–Kutta schemes for convection–diffusion–reaction equations*,
/// Applied Numerical Mathematics 44 (2003) 139–181, appendix C. The explicit coefficients and the dense output are the
/// authors' fractions, good to 25 digits.
#[derive(Clone, Copy, Debug)]
pub struct KenCarp4;

const A61: f64 = 82_889.0 / 524_892.0;
const A63: f64 = 15_625.0 / 83_664.0;
const A64: f64 = 69_875.0 / 102_672.0;
const A65: f64 = -2_260.0 / 8_211.0;

impl EsdirkTableau for KenCarp4 {
    const ORDER: usize = 4;
    const ERROR_ORDER: usize = 4;
    const ERROR_TO_FILTER: bool = false;
    const ERROR_FACTOR: f64 = 5.0;
    const DENSE_ORDER: usize = 3;
    const STAGES: usize = 6;
    const GAMMA: f64 = 0.25;
    const C: &'static [f64] = &[0.0, 0.5, 0.332, 0.62, 0.85, 1.0];
    const A: &'static [Row] = &[
        &[],
        &[(0, 0.25)],
        &[(0, 8_611.0 / 62_500.0), (1, -1_743.0 / 31_250.0)],
        &[(0, 5_012_029.0 / 34_652_500.0), (1, -654_441.0 / 2_922_500.0), (2, 174_375.0 / 388_108.0)],
        &[
            (0, 15_267_082_809.0 / 155_376_265_600.0),
            (1, -71_443_401.0 / 120_774_400.0),
            (2, 730_878_875.0 / 902_184_768.0),
            (3, 2_285_395.0 / 8_070_912.0),
        ],
        &[(0, A61), (2, A63), (3, A64), (4, A65)],
    ];
    const B: Row = &[(0, A61), (2, A63), (3, A64), (4, A65), (5, 0.25)];
    const E: Row = &[
        (0, 31_666_707.0 / 9_881_966_720.0),
        (2, -256_875.0 / 105_007_616.0),
        (3, -2_768_025.0 / 128_864_768.0),
        (4, 169_839.0 / 3_864_644.0),
        (5, -5_247.0 / 225_920.0),
    ];
    const DENSE_DEGREE: usize = 3;
    const DENSE: &'static [(usize, &'static [f64])] = &[
        (
            0,
            &[
                6_943_876_665_148.0 / 7_220_017_795_957.0,
                -54_480_133.0 / 30_881_146.0,
                6_818_779_379_841.0 / 7_100_303_317_025.0,
            ],
        ),
        (
            2,
            &[
                7_640_104_374_378.0 / 9_702_883_013_639.0,
                -11_436_875.0 / 14_766_696.0,
                2_173_542_590_792.0 / 12_501_825_683_035.0,
            ],
        ),
        (
            3,
            &[
                -20_649_996_744_609.0 / 7_521_556_579_894.0,
                174_696_575.0 / 18_121_608.0,
                -31_592_104_683_404.0 / 5_083_833_661_969.0,
            ],
        ),
        (
            4,
            &[
                8_854_892_464_581.0 / 2_390_941_311_638.0,
                -12_120_380.0 / 966_161.0,
                61_146_701_046_299.0 / 7_138_195_549_469.0,
            ],
        ),
        (
            5,
            &[
                -11_397_109_935_349.0 / 6_675_773_540_249.0,
                3_843.0 / 706.0,
                -17_219_254_887_155.0 / 4_939_391_667_607.0,
            ],
        ),
    ];
    const PREDICTOR: &'static [Row] = &[
        &[],
        &[(0, 1.0)],
        &[(0, 0.336), (1, 0.664)],
        &[(0, 0.208_192_771_084_337_34), (1, 2.125_714_285_714_286), (2, -1.333_907_056_798_623)],
        &[
            (0, 0.567_965_351_296_261_5),
            (1, -0.110_615_679_026_663_54),
            (2, -1.975_224_431_668_342),
            (3, 2.517_874_759_398_744),
        ],
        &[
            (0, 0.299_990_885_409_592_46),
            (1, -0.354_396_046_293_697_03),
            (2, -0.577_880_755_754_772_2),
            (3, 0.079_950_413_415_706_05),
            (4, 1.552_335_503_223_170_7),
        ],
    ];
    const A_EXPLICIT: &'static [Row] = &[
        &[],
        &[(0, 0.5)],
        &[(0, 13_861.0 / 62_500.0), (1, 6_889.0 / 62_500.0)],
        &[
            (0, -116_923_316_275.0 / 2_393_684_061_468.0),
            (1, -2_731_218_467_317.0 / 15_368_042_101_831.0),
            (2, 9_408_046_702_089.0 / 11_113_171_139_209.0),
        ],
        &[
            (0, -451_086_348_788.0 / 2_902_428_689_909.0),
            (1, -2_682_348_792_572.0 / 7_519_795_681_897.0),
            (2, 12_662_868_775_082.0 / 11_960_479_115_383.0),
            (3, 3_355_817_975_965.0 / 11_060_851_509_271.0),
        ],
        &[
            (0, 647_845_179_188.0 / 3_216_320_057_751.0),
            (1, 73_281_519_250.0 / 8_382_639_484_533.0),
            (2, 552_539_513_391.0 / 3_454_668_386_233.0),
            (3, 3_354_512_671_639.0 / 8_306_763_924_573.0),
            (4, 4_040.0 / 17_871.0),
        ],
    ];
}

#[cfg(test)]
mod tests {
    use super::super::conditions::*;
    use super::*;

    const EPSILON: f64 = 1e-15;

    #[test]
    fn orders_four_and_three() {
        check_structure::<KenCarp4>(EPSILON);
        check_order::<KenCarp4>(&solution::<KenCarp4>(), 1.0, 4, EPSILON);
        check_order::<KenCarp4>(&embedded::<KenCarp4>(), 1.0, 3, EPSILON);
    }

    #[test]
    fn the_dense_output_is_of_order_three() {
        for theta in [0.1, 0.37, 0.5, 0.9] {
            check_order::<KenCarp4>(&dense::<KenCarp4>(theta), theta, 3, 5.0 * EPSILON);
        }
    }

    /// All trees with vertices of two colours, the coupling conditions therefore included.
    #[test]
    fn the_additive_method_has_the_same_orders() {
        check_additive_order::<KenCarp4>(&solution::<KenCarp4>(), 1.0, 4, EPSILON);
        check_additive_order::<KenCarp4>(&embedded::<KenCarp4>(), 1.0, 3, EPSILON);
        for theta in [0.1, 0.37, 0.5, 0.9] {
            check_additive_order::<KenCarp4>(&dense::<KenCarp4>(theta), theta, 3, 5.0 * EPSILON);
        }
    }

    #[test]
    fn l_stable_with_a_bounded_dense_output() {
        check_l_stability::<KenCarp4>();
        check_bounded_dense_output::<KenCarp4>(1e-14);
        for theta in [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] {
            assert!(algebraic_error::<KenCarp4>(theta).abs() < 0.027);
        }
    }
}
