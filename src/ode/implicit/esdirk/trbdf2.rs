//! TR-BDF2: the trapezoidal rule followed by the second backward differentiation formula, as one step.

use super::super::Row;
use super::EsdirkTableau;
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

/// ESDIRK method of order 2 with a third-order embedded one, two implicit stages, for loose tolerances.
///
/// - L-stable and stiffly accurate. $\gamma = 1 - \sqrt 2 / 2$ gives both implicit stages the same matrix and has the
///   smallest error constant among such methods.
/// - The estimate compares with a third-order formula that is not stable for stiff components: it is to be filtered, as
///   Hosea and Shampine do.
/// - Dense output of order 2: the quadratic through $u$, $U_2$ and $u_{+}$. A higher order is not to be had from a step
///   that ends in a solution of order 2, whatever the interpolant.
///
/// Source: R. E. Bank et al., *Transient simulation of silicon devices and circuits*, IEEE Trans. Electron Devices 32
/// (1985) 1992–2007; as a Runge–Kutta method with its estimate: M. E. Hosea, L. F. Shampine, *Analysis and
/// implementation of TR-BDF2*, Applied Numerical Mathematics 20 (1996) 21–37.
#[derive(Clone, Copy, Debug)]
pub struct TrBdf2;

/// $d = \gamma$; the trapezoidal rule goes to $2d$.
const D: f64 = 1.0 - FRAC_1_SQRT_2;
const W: f64 = 0.25 * SQRT_2;

impl EsdirkTableau for TrBdf2 {
    const ORDER: usize = 2;
    const ERROR_ORDER: usize = 3;
    const ERROR_TO_FILTER: bool = true;
    const ERROR_FACTOR: f64 = 1.0;
    const DENSE_ORDER: usize = 2;
    const STAGES: usize = 3;
    const GAMMA: f64 = D;
    const C: &'static [f64] = &[0.0, 2.0 * D, 1.0];
    const A: &'static [Row] = &[&[], &[(0, D)], &[(0, W), (1, W)]];
    const B: Row = &[(0, W), (1, W), (2, D)];
    // The embedded weights are (1 − w)/3, (1 + 3w)/3, d/3.
    const E: Row = &[(0, (SQRT_2 - 1.0) / 3.0), (1, -1.0 / 3.0), (2, 2.0 * D / 3.0)];
    const DENSE_DEGREE: usize = 2;
    // Lagrange's w₂(θ) = θ(θ − 1)/(c₂(c₂ − 1)) and w₃(θ) = θ(θ − c₂)/(1 − c₂) times the rows of A.
    const DENSE: &'static [(usize, &'static [f64])] =
        &[(0, &[FRAC_1_SQRT_2, -W]), (1, &[FRAC_1_SQRT_2, -W]), (2, &[1.0 - SQRT_2, FRAC_1_SQRT_2])];
    const PREDICTOR: &'static [Row] = &[&[], &[(0, 1.0)], &[(0, -FRAC_1_SQRT_2), (1, 1.0 + FRAC_1_SQRT_2)]];
}

#[cfg(test)]
mod tests {
    use super::super::conditions::*;
    use super::*;

    const EPSILON: f64 = 1e-15;

    #[test]
    fn orders_two_and_three() {
        check_structure::<TrBdf2>(EPSILON);
        check_order::<TrBdf2>(&solution::<TrBdf2>(), 1.0, 2, EPSILON);
        check_order::<TrBdf2>(&embedded::<TrBdf2>(), 1.0, 3, EPSILON);
        for theta in [0.1, 0.37, 0.5, 0.9] {
            check_order::<TrBdf2>(&dense::<TrBdf2>(theta), theta, 2, EPSILON);
        }
    }

    #[test]
    fn l_stable_with_a_bounded_dense_output() {
        check_l_stability::<TrBdf2>();
        check_bounded_dense_output::<TrBdf2>(EPSILON);
    }

    #[test]
    fn the_dense_output_passes_through_the_middle_stage() {
        let b = dense::<TrBdf2>(2.0 * D);
        for (b, a) in b.iter().zip([D, D, 0.0]) {
            approx::assert_abs_diff_eq!(*b, a, epsilon = EPSILON);
        }
    }
}
