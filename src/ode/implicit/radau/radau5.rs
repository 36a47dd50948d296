//! Radau IIA of order 5, three stages.

use super::{RadauTableau, barycentric};

/// The method of RADAU5, for stiff systems and equations of index 1 at medium tolerances.
///
/// - Order 5, stage order 3, L-stable, stiffly accurate; estimate of order 3.
/// - Dense output of order 3 between the steps: error $O(h^4)$.
///
/// Closed forms: $c = (4 \mp \sqrt 6)/10, 1$; $1/\gamma = (6 + 81^{1/3} - 9^{1/3})/30$.
///
/// Source: E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, 2nd edition, IV.8; computed with 60
/// digits from the definition, and in agreement with the 22 digits of their code.
#[derive(Clone, Copy, Debug)]
pub struct Radau5;

const C: [f64; 3] = [0.155_051_025_721_682_2, 0.644_948_974_278_317_8, 1.0];

impl RadauTableau for Radau5 {
    const STAGES: usize = 3;
    const C: &'static [f64] = &C;
    const A_INVERSE: &'static [&'static [f64]] = &[
        &[3.224_744_871_391_589, 1.167_840_084_690_405_6, -0.253_197_264_742_180_85],
        &[-3.567_840_084_690_405_7, 0.775_255_128_608_411, 1.053_197_264_742_180_8],
        &[5.531_972_647_421_808, -7.531_972_647_421_808, 5.0],
    ];
    const GAMMA: f64 = 3.637_834_252_744_496;
    const PAIRS: &'static [(f64, f64)] = &[(2.681_082_873_627_752_3, 3.050_430_199_247_410_5)];
    const T: &'static [&'static [f64]] = &[
        &[0.091_232_394_870_892_95, -0.141_255_295_020_954_2, -0.030_029_194_105_147_424],
        &[0.241_717_932_707_107, 0.204_129_352_293_799_94, 0.382_942_112_757_261_9],
        &[0.966_048_182_615_093, 1.0, 0.0],
    ];
    const T_INVERSE: &'static [&'static [f64]] = &[
        &[4.325_579_890_063_155, 0.339_199_251_815_809_84, 0.541_770_539_935_874_9],
        &[-4.178_718_591_551_905, -0.327_682_820_761_062_37, 0.476_623_554_500_550_44],
        &[-0.502_872_634_945_786_8, 2.571_926_949_855_605, -0.596_039_204_828_224_9],
    ];
    const E: &'static [f64] = &[-10.048_809_399_827_416, 1.382_142_733_160_749, -0.333_333_333_333_333_3];
    const BARYCENTRIC: &'static [f64] = &barycentric(C);
}
