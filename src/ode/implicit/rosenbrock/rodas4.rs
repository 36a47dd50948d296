//! RODAS of order 4(3) with dense output of order 3.

use super::super::Row;
use super::{RosenbrockTableau, dense_row};

/// Rosenbrock method of order 4 with an embedded one of order 3, six stages, for stiff systems and equations of index 1
/// at loose and medium tolerances.
///
/// - L-stable and stiffly accurate, as is the embedded method; the last stage alone is the error estimate.
/// - Index 1: order 4 in the differential and in the algebraic components.
/// - Dense output of order 3 in the differential and 2 in the algebraic components: a solution read off it converges
///   with orders 4 and 3.
///
/// Source: E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, 2nd edition, VI.4; digits as in their
/// RODAS, first set.
#[derive(Clone, Copy, Debug)]
pub struct Rodas4;

const A51: f64 = 1.221_224_509_226_641;
const A52: f64 = 6.019_134_481_288_629;
const A53: f64 = 12.537_083_329_320_87;
const A54: f64 = -0.687_886_036_105_895;

impl RosenbrockTableau for Rodas4 {
    const ORDER: usize = 4;
    const ERROR_ORDER: usize = 4;
    const DENSE_ORDER: usize = 3;
    const STAGES: usize = 6;
    const FIRST_SAME_AS_LAST: bool = false;
    const GAMMA: f64 = 0.25;
    const ALPHA: &'static [f64] = &[0.0, 0.386, 0.21, 0.63, 1.0, 1.0];
    const GAMMA_SUM: &'static [f64] = &[0.25, -0.104_3, 0.103_5, -0.036_2, 0.0, 0.0];
    const A: &'static [Row] = &[
        &[],
        &[(0, 1.544)],
        &[(0, 0.946_678_528_081_582_6), (1, 0.255_701_169_898_328_4)],
        &[(0, 3.314_825_187_068_521), (1, 2.896_124_015_972_201), (2, 0.998_641_913_997_781_7)],
        &[(0, A51), (1, A52), (2, A53), (3, A54)],
        &[(0, A51), (1, A52), (2, A53), (3, A54), (4, 1.0)],
    ];
    const C: &'static [Row] = &[
        &[],
        &[(0, -5.668_8)],
        &[(0, -2.430_093_356_833_875), (1, -0.206_359_915_709_191_5)],
        &[(0, -0.107_352_905_815_137_5), (1, -9.594_562_251_023_355), (2, -20.470_286_148_096_16)],
        &[
            (0, 7.496_443_313_967_647),
            (1, -10.246_804_314_643_52),
            (2, -33.999_903_528_199_05),
            (3, 11.708_908_932_061_6),
        ],
        &[
            (0, 8.083_246_795_921_522),
            (1, -7.981_132_988_064_893),
            (2, -31.521_594_328_743_71),
            (3, 16.319_305_431_231_36),
            (4, -6.058_818_238_834_054),
        ],
    ];
    const M: Row = &[(0, A51), (1, A52), (2, A53), (3, A54), (4, 1.0), (5, 1.0)];
    const E: Row = &[(5, 1.0)];
    const DENSE_DEGREE: usize = 3;
    const DENSE: &'static [(usize, &'static [f64])] = &[
        (0, &dense_row::<2, 3>(A51, [10.126_235_083_445_86, -0.676_280_339_280_125_3])),
        (1, &dense_row::<2, 3>(A52, [-7.487_995_877_610_167, 6.087_714_651_680_015])),
        (2, &dense_row::<2, 3>(A53, [-34.800_918_615_557_47, 16.430_843_208_924_78])),
        (3, &dense_row::<2, 3>(A54, [-7.992_771_707_568_823, 24.767_225_114_183_86])),
        (4, &dense_row::<2, 3>(1.0, [1.025_137_723_295_662, -6.594_389_125_716_872])),
        (5, &dense_row::<2, 3>(1.0, [0.0, 0.0])),
    ];
}

#[cfg(test)]
mod tests {
    use super::super::standard_form::*;
    use super::*;

    const EPSILON: f64 = 1e-14;

    #[test]
    fn sums_are_the_stage_times() {
        check_row_sums::<Rodas4>(EPSILON);
    }

    #[test]
    fn orders_four_and_three_also_for_index_one() {
        let form = StandardForm::of::<Rodas4>();
        form.check_order(&form.b, 1.0, Orders { differential: 4, algebraic: 4 }, EPSILON);
        form.check_order(&form.embedded, 1.0, Orders { differential: 3, algebraic: 3 }, EPSILON);
    }

    #[test]
    fn the_dense_output_is_of_order_three() {
        let form = StandardForm::of::<Rodas4>();
        for theta in [0.1, 0.37, 0.6, 0.9] {
            let b = form.dense::<Rodas4>(theta);
            form.check_order(&b, theta, Orders { differential: 3, algebraic: 2 }, EPSILON);
        }
        check_end_of_dense::<Rodas4>();
    }

    #[test]
    fn stiffly_accurate_and_l_stable() {
        let form = StandardForm::of::<Rodas4>();
        form.check_stiff_accuracy(&form.b, 5);
        form.check_stiff_accuracy(&form.embedded, 4);
        form.check_l_stability(&form.b);
        form.check_l_stability(&form.embedded);
    }
}
