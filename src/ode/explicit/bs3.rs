//! Bogacki and Shampine's pair of orders 3 and 2.

use super::{Row, Tableau};

/// Explicit Runge–Kutta 3(2): four stages, the last of which is the first of the next step, so three evaluations a
/// step.
///
/// - Order 3 with local extrapolation, error estimate of order 2.
/// - Dense output of order 3 from the stages alone: the cubic with the states and derivatives of both ends (Hermite),
///   so the derivative is continuous too.
/// - Stability: real interval 2.51, that of the embedded solution 3.15.
/// - For loose tolerances (`rtol` down to about 1e-4), for mildly stiff problems at such tolerances, and where the
///   right-hand side is not smooth enough for more.
///
/// Source: P. Bogacki, L. F. Shampine, *A 3(2) pair of Runge–Kutta formulas*, Applied Mathematics Letters 2 (1989)
/// 321–325.
#[derive(Clone, Copy, Debug)]
pub struct Bs3;

impl Tableau for Bs3 {
    const ORDER: usize = 3;
    const ERROR_ORDER: usize = 3;
    const DENSE_ORDER: usize = 3;
    const STAGES: usize = 4;
    const FIRST_SAME_AS_LAST: bool = true;
    const C: &'static [f64] = &[0.0, 0.5, 0.75, 1.0];
    const A: &'static [Row] = &[&[], &[(0, 0.5)], &[(1, 0.75)], Self::B];
    const B: Row = &[(0, 2.0 / 9.0), (1, 1.0 / 3.0), (2, 4.0 / 9.0)];
    // The quotient of the error at the end and the tolerance, which for a third order is the same at all tolerances, is forty
    // times that of Tsit5 on Lorenz' equations.
    const ERROR_FACTOR: f64 = 2.0;
    const E: Row = &[(0, -5.0 / 72.0), (1, 1.0 / 12.0), (2, 1.0 / 9.0), (3, -1.0 / 8.0)];
    const DENSE_DEGREE: usize = 3;
    const DENSE: &'static [(usize, &'static [f64])] = &[
        (0, &[1.0, -4.0 / 3.0, 5.0 / 9.0]),
        (1, &[0.0, 1.0, -2.0 / 3.0]),
        (2, &[0.0, 4.0 / 3.0, -8.0 / 9.0]),
        (3, &[0.0, -1.0, 1.0]),
    ];
    const STABILITY: f64 = 2.5127;
}
