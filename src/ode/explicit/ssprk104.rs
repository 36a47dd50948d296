//! Ketcheson's strong stability preserving method of order 4, with an embedded one of order 3.

use super::{Row, Tableau};

/// Strong stability preserving Runge–Kutta SSPRK(10, 4): ten Euler steps of length $h/6$, mixed twice; order 4.
///
/// $$ U_{i+1} = U_i + \tfrac h6 f(U_i), \quad
/// U_6 = \tfrac35 u + \tfrac25 \bigl(U_5 + \tfrac h6 f(U_5)\bigr), \quad
/// u_+ = \tfrac1{25} u + \tfrac9{25} \bigl(U_5 + \tfrac h6 f(U_5)\bigr) + \tfrac35 \bigl(U_{10} + \tfrac h6
/// f(U_{10})\bigr) $$
///
/// Bounds that Euler's method keeps for steps up to $h_0$ are kept for $h \le 6 h_0$: per evaluation 0.6, against 0.33
/// of [`Ssprk33`](super::Ssprk33), and at a higher order.
///
/// - Eleven stages in this form, the last of which is the first of the next step, so ten evaluations a step. Error
///   estimate of order 3 from an embedded method with nonnegative weights; its real stability interval is 13.3.
/// - Dense output of order 3: the cubic with the states and derivatives of both ends (Hermite). It is not strong
///   stability preserving (no dense output of order 3 is): the bounds hold at the ends of the steps only. A solution
///   read off it converges with order 4.
/// - Stability: real interval 13.917, imaginary interval 4.9.
/// - For the method of lines on hyperbolic conservation laws, and for mildly stiff, dissipative problems: per
///   evaluation its real interval is more than twice that of [`Tsit5`](super::Tsit5).
///
/// Source: D. I. Ketcheson, *Highly efficient strong stability preserving Runge–Kutta methods with low-storage
/// implementations*, SIAM Journal on Scientific Computing 30 (2008) 2113–2136. Embedded weights: S. Conde, I. Fekete,
/// J. N. Shadid, *Embedded error estimation and adaptive step-size control for optimal explicit strong stability
/// preserving Runge–Kutta methods*, arXiv:1806.08693 (2018).
#[derive(Clone, Copy, Debug)]
pub struct Ssprk104;

const SIXTH: f64 = 1.0 / 6.0;
const FIFTEENTH: f64 = 1.0 / 15.0;

impl Tableau for Ssprk104 {
    const ORDER: usize = 4;
    const ERROR_ORDER: usize = 4;
    const DENSE_ORDER: usize = 3;
    const STAGES: usize = 11;
    const FIRST_SAME_AS_LAST: bool = true;
    const C: &'static [f64] = &[0.0, SIXTH, 2.0 / 6.0, 0.5, 4.0 / 6.0, 2.0 / 6.0, 0.5, 4.0 / 6.0, 5.0 / 6.0, 1.0, 1.0];
    #[rustfmt::skip]
    const A: &'static [Row] = &[
        &[],
        &[(0, SIXTH)],
        &[(0, SIXTH), (1, SIXTH)],
        &[(0, SIXTH), (1, SIXTH), (2, SIXTH)],
        &[(0, SIXTH), (1, SIXTH), (2, SIXTH), (3, SIXTH)],
        &[(0, FIFTEENTH), (1, FIFTEENTH), (2, FIFTEENTH), (3, FIFTEENTH), (4, FIFTEENTH)],
        &[(0, FIFTEENTH), (1, FIFTEENTH), (2, FIFTEENTH), (3, FIFTEENTH), (4, FIFTEENTH), (5, SIXTH)],
        &[(0, FIFTEENTH), (1, FIFTEENTH), (2, FIFTEENTH), (3, FIFTEENTH), (4, FIFTEENTH), (5, SIXTH), (6, SIXTH)],
        &[
            (0, FIFTEENTH), (1, FIFTEENTH), (2, FIFTEENTH), (3, FIFTEENTH), (4, FIFTEENTH),
            (5, SIXTH), (6, SIXTH), (7, SIXTH),
        ],
        &[
            (0, FIFTEENTH), (1, FIFTEENTH), (2, FIFTEENTH), (3, FIFTEENTH), (4, FIFTEENTH),
            (5, SIXTH), (6, SIXTH), (7, SIXTH), (8, SIXTH),
        ],
        Self::B,
    ];
    #[rustfmt::skip]
    const B: Row = &[
        (0, 0.1), (1, 0.1), (2, 0.1), (3, 0.1), (4, 0.1), (5, 0.1), (6, 0.1), (7, 0.1), (8, 0.1), (9, 0.1),
    ];
    // One tenth minus (0, 2/9, 0, 0, 5/18, 1/3, 0, 0, 0, 1/6).
    #[rustfmt::skip]
    const E: Row = &[
        (0, 0.1), (1, -11.0 / 90.0), (2, 0.1), (3, 0.1), (4, -8.0 / 45.0),
        (5, -7.0 / 30.0), (6, 0.1), (7, 0.1), (8, 0.1), (9, -FIFTEENTH),
    ];
    const DENSE_DEGREE: usize = 3;
    const DENSE: &'static [(usize, &'static [f64])] = &[
        (0, &[1.0, -1.7, 0.8]),
        (1, &[0.0, 0.3, -0.2]),
        (2, &[0.0, 0.3, -0.2]),
        (3, &[0.0, 0.3, -0.2]),
        (4, &[0.0, 0.3, -0.2]),
        (5, &[0.0, 0.3, -0.2]),
        (6, &[0.0, 0.3, -0.2]),
        (7, &[0.0, 0.3, -0.2]),
        (8, &[0.0, 0.3, -0.2]),
        (9, &[0.0, 0.3, -0.2]),
        (10, &[0.0, -1.0, 1.0]),
    ];
    const STABILITY: f64 = 13.917;
}
