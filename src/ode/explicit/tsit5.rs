//! Tsitouras' pair of orders 5 and 4 with a free interpolant of order 4.

use super::{Row, Tableau};

/// Explicit Runge–Kutta 5(4): seven stages, the last of which is the first of the next step, so six evaluations a step.
///
/// - Order 5 with local extrapolation, error estimate of order 4.
/// - Dense output of order 4 from the stages alone; a solution read off it converges with order 5, since its error
///   within one step is $O(h^5)$.
/// - Stability: real interval 3.50. For smooth, non-stiff problems at `rtol` from 1e-3 to 1e-9.
/// - The coefficients fulfil only the first column-simplifying assumption, which is what leaves room for small errors.
///
/// Source: Ch. Tsitouras, *Runge–Kutta pairs of order 5(4) satisfying only the first column simplifying assumption*,
/// Computers & Mathematics with Applications 62 (2011) 770–775. The sign of the paper's last error weight is corrected
/// (1/66), as all implementations have it.
#[derive(Clone, Copy, Debug)]
pub struct Tsit5;

// Twenty digits, so that they can be compared with the sources.
#[allow(clippy::excessive_precision)]
impl Tableau for Tsit5 {
    const ORDER: usize = 5;
    const ERROR_ORDER: usize = 5;
    const DENSE_ORDER: usize = 4;
    const STAGES: usize = 7;
    const FIRST_SAME_AS_LAST: bool = true;
    const C: &'static [f64] = &[0.0, 0.161, 0.327, 0.9, 0.980_025_540_904_509_685_73, 1.0, 1.0];
    #[rustfmt::skip]
    const A: &'static [Row] = &[
        &[],
        &[(0, 0.161)],
        &[(0, -0.008_480_655_492_356_988_544_4), (1, 0.335_480_655_492_356_988_54)],
        &[(0, 2.897_153_057_105_493_432_1), (1, -6.359_448_489_975_074_843_1), (2, 4.362_295_432_869_581_411_0)],
        &[
            (0, 5.325_864_828_439_256_604_4), (1, -11.748_883_564_062_827_878), (2, 7.495_539_342_889_836_208_3),
            (3, -0.092_495_066_361_755_249_257),
        ],
        &[
            (0, 5.861_455_442_946_420_028_7), (1, -12.920_969_317_847_109_292), (2, 8.159_367_898_576_158_643_2),
            (3, -0.071_584_973_281_400_997_225), (4, -0.028_269_050_394_068_382_909),
        ],
        Self::B,
    ];
    #[rustfmt::skip]
    const B: Row = &[
        (0, 0.096_460_766_818_065_229_518), (1, 0.01), (2, 0.479_889_650_414_499_574_78),
        (3, 1.379_008_574_103_741_893_2), (4, -3.290_069_515_436_080_679_9), (5, 2.324_710_524_099_773_982_4),
    ];
    #[rustfmt::skip]
    const E: Row = &[
        (0, -0.001_780_011_052_225_771_443_4), (1, -0.000_816_434_459_656_746_903_22),
        (2, 0.007_880_878_010_261_996_010_3), (3, -0.144_711_007_173_262_907_54), (4, 0.582_357_165_452_555_225_02),
        (5, -0.458_082_105_929_186_946_66), (6, 1.0 / 66.0),
    ];
    const DENSE_DEGREE: usize = 4;
    const DENSE: &'static [(usize, &'static [f64])] = &[
        (0, &[1.0, -2.763_706_197_274_826, 2.913_255_461_821_912_6, -1.053_088_497_729_021_6]),
        (1, &[0.0, 0.131_7, -0.223_4, 0.101_7]),
        (2, &[0.0, 3.930_296_236_894_751_6, -5.941_033_872_131_505, 2.490_627_285_651_253]),
        (3, &[0.0, -12.411_077_166_933_676, 30.338_188_630_282_32, -16.548_102_889_244_902]),
        (4, &[0.0, 37.509_313_416_511_04, -88.178_904_894_766_4, 47.379_521_962_819_28]),
        (5, &[0.0, -27.896_526_289_197_287, 65.091_894_674_793_66, -34.870_657_861_496_61]),
        (6, &[0.0, 1.5, -4.0, 2.5]),
    ];
    const STABILITY: f64 = 3.5068;
}
