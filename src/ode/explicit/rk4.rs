//! The classical Runge–Kutta method.

use super::{Row, Tableau};

/// Kutta's method of order 4, *the* Runge–Kutta method, with fixed steps only.
///
/// - Order 4 with four evaluations a step. No error estimate.
/// - Dense output of order 3 from the stages alone (Zennaro's natural continuous extension): continuous, with a small
///   jump of the derivative from step to step. A solution read off it converges with order 4.
/// - Stability: real interval 2.785, imaginary interval 2.82.
/// - For comparisons with other programs and for data sampled at fixed steps; where steps may vary,
///   [`Tsit5`](super::Tsit5) is more accurate at the same cost.
///
/// Source: W. Kutta, *Beitrag zur näherungsweisen Integration totaler Differentialgleichungen*, Zeitschrift für
/// Mathematik und Physik 46 (1901) 435–453; Hairer, Nørsett, Wanner, *Solving Ordinary Differential Equations I*, 2nd
/// ed., Springer 1993, table II.1.2. Dense output: M. Zennaro, *Natural continuous extensions of Runge–Kutta methods*,
/// Mathematics of Computation 46 (1986) 119–133.
#[derive(Clone, Copy, Debug)]
pub struct Rk4;

impl Tableau for Rk4 {
    const ORDER: usize = 4;
    const ERROR_ORDER: usize = 0;
    const DENSE_ORDER: usize = 3;
    const STAGES: usize = 4;
    const FIRST_SAME_AS_LAST: bool = false;
    const C: &'static [f64] = &[0.0, 0.5, 0.5, 1.0];
    const A: &'static [Row] = &[&[], &[(0, 0.5)], &[(1, 0.5)], &[(2, 1.0)]];
    const B: Row = &[(0, 1.0 / 6.0), (1, 1.0 / 3.0), (2, 1.0 / 3.0), (3, 1.0 / 6.0)];
    const E: Row = &[];
    const DENSE_DEGREE: usize = 3;
    const DENSE: &'static [(usize, &'static [f64])] = &[
        (0, &[1.0, -1.5, 2.0 / 3.0]),
        (1, &[0.0, 1.0, -2.0 / 3.0]),
        (2, &[0.0, 1.0, -2.0 / 3.0]),
        (3, &[0.0, -0.5, 2.0 / 3.0]),
    ];
    const STABILITY: f64 = 2.7852;
}
