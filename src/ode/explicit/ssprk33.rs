//! Shu and Osher's strong stability preserving method of order 3, with an embedded one of order 2.

use super::{Row, Tableau};

/// Strong stability preserving Runge–Kutta SSPRK(3, 3): three stages, order 3.
///
/// In Shu and Osher's form, with $h_0$ the longest step for which Euler's method keeps a bound (positivity, total
/// variation, an entropy):
///
/// $$ u_1 = u + h f(u), \quad u_2 = \tfrac34 u + \tfrac14 (u_1 + h f(u_1)), \quad
/// u_+ = \tfrac13 u + \tfrac23 (u_2 + h f(u_2)), $$
///
/// convex combinations of Euler steps, so the bound holds for $h \le C h_0$ with coefficient $C = 1$.
///
/// - Three evaluations a step. Error estimate of order 2 from an embedded method with nonnegative weights; its real
///   stability interval is 3.61.
/// - Dense output of order 2 from the stages alone, $u(t + \theta h) = (1 - \theta^2) \bigl(u + \tfrac{\theta}{1 +
///   \theta} h f(u)\bigr) + \theta^2 u_+$: again a convex combination, so it keeps the bounds that the steps keep. No
///   dense output of order 3 can. A solution read off it converges with order 3.
/// - Stability: real interval 2.51, imaginary interval 1.73.
/// - For the method of lines on hyperbolic conservation laws with limiters, and wherever bounds of the state matter
///   more than the last digit.
///
/// Source: C.-W. Shu, S. Osher, *Efficient implementation of essentially non-oscillatory shock-capturing schemes*,
/// Journal of Computational Physics 77 (1988) 439–471. Embedded weights: S. Conde, I. Fekete, J. N. Shadid, *Embedded
/// error estimation and adaptive step-size control for optimal explicit strong stability preserving Runge–Kutta
/// methods*, arXiv:1806.08693 (2018); Journal of Computational and Applied Mathematics 412 (2022) 114325. Dense output:
/// D. I. Ketcheson, L. Lóczi, A. Jangabylova, A. Kusmanov, *Dense output for strong stability preserving Runge–Kutta
/// methods*, Journal of Scientific Computing 71 (2017) 944–958.
#[derive(Clone, Copy, Debug)]
pub struct Ssprk33;

/// The one free parameter of an embedded method of order 2, weights $(\hat b, \hat b, 1 - 2 \hat b)$, as published.
const B_HAT: f64 = 0.291_485_418_878_409;
const E: f64 = 1.0 / 6.0 - B_HAT;

impl Tableau for Ssprk33 {
    const ORDER: usize = 3;
    const ERROR_ORDER: usize = 3;
    const DENSE_ORDER: usize = 2;
    const STAGES: usize = 3;
    const FIRST_SAME_AS_LAST: bool = false;
    const C: &'static [f64] = &[0.0, 1.0, 0.5];
    const A: &'static [Row] = &[&[], &[(0, 1.0)], &[(0, 0.25), (1, 0.25)]];
    const B: Row = &[(0, 1.0 / 6.0), (1, 1.0 / 6.0), (2, 2.0 / 3.0)];
    const E: Row = &[(0, E), (1, E), (2, -2.0 * E)];
    const DENSE_DEGREE: usize = 2;
    const DENSE: &'static [(usize, &'static [f64])] =
        &[(0, &[1.0, -5.0 / 6.0]), (1, &[0.0, 1.0 / 6.0]), (2, &[0.0, 2.0 / 3.0])];
    const STABILITY: f64 = 2.5127;
}
