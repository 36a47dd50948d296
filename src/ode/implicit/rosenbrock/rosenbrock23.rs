//! The second-order method of ode23s in the form of the others.

use super::super::Row;
use super::RosenbrockTableau;
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

/// Rosenbrock method of order 2 with an embedded one of order 3, for very loose tolerances and rough right-hand sides.
///
/// - L-stable; two stages make the step, and a third, evaluated at the new state and therefore the first evaluation of
///   the next step, makes the error estimate. The embedded method of order 3 must not be carried on: $R(\infty) =
///   1.61$.
/// - Dense output of order 2, the quadratic of ode23s.
/// - Index 1: order 2 in all components, but in the algebraic ones already the error of a single step is of size $h^2$,
///   and so is its estimate, some five times as large. The steps come out too short rather than too long;
///   [`Rodas4`](super::Rodas4) is made for such problems.
///
/// Shampine & Reichelt write, with $W = M - h d f_u$, $F_i$ the evaluations and $e_{32} = 6 + \sqrt 2$, $W k_1 = F_0 +
/// h d f_t$, $W (k_2 - k_1) = F_1 - M k_1$, $W k_3 = F_2 - e_{32} (M k_2 - F_1) - 2 (M k_1 - F_0) + h d f_t$. With
/// $F_0$ and $F_1$ replaced by what the first two equations say they are, the third becomes $W V = F_2 - M (e_{32}
/// (k_2 - k_1) + 2 k_1) - h d f_t$ for $V = k_3 - e_{32} (k_2 - k_1) - 2 k_1$: a stage like the others, with $U_1 = h d
/// k_1$, $U_2 = h d (k_2 - k_1)$, $U_3 = h d V$.
///
/// Source: L. F. Shampine, M. W. Reichelt, *The MATLAB ODE Suite*, SIAM Journal on Scientific Computing 18 (1997) 1–22,
/// section 4; also Rosenbrock23 of OrdinaryDiffEq.jl.
#[derive(Clone, Copy, Debug)]
pub struct Rosenbrock23;

/// $d = 1/(2 + \sqrt 2)$.
const D: f64 = 1.0 - FRAC_1_SQRT_2;
/// $1/d$.
const INVERSE: f64 = 2.0 + SQRT_2;
/// $e_{32}$.
const E32: f64 = 6.0 + SQRT_2;

impl RosenbrockTableau for Rosenbrock23 {
    const ORDER: usize = 2;
    const ERROR_ORDER: usize = 3;
    const DENSE_ORDER: usize = 2;
    const STAGES: usize = 3;
    const FIRST_SAME_AS_LAST: bool = true;
    const GAMMA: f64 = D;
    const ALPHA: &'static [f64] = &[0.0, 0.5, 1.0];
    const GAMMA_SUM: &'static [f64] = &[D, 0.0, -D];
    const A: &'static [Row] = &[&[], &[(0, 0.5 * INVERSE)], &[(0, INVERSE), (1, INVERSE)]];
    const C: &'static [Row] = &[&[], &[(0, -INVERSE)], &[(0, -2.0 * INVERSE), (1, -E32 * INVERSE)]];
    const M: Row = &[(0, INVERSE), (1, INVERSE)];
    // h (k₁ − 2 k₂ + k₃) / 6 is the embedded solution minus the solution.
    const E: Row = &[(0, -INVERSE / 6.0), (1, -(E32 - 2.0) * INVERSE / 6.0), (2, -INVERSE / 6.0)];
    const DENSE_DEGREE: usize = 2;
    // h k₁ θ(1 − θ)/(1 − 2d) + h k₂ θ(θ − 2d)/(1 − 2d), and 1 − 2d = √2 − 1 = 1/(√2 + 1).
    const DENSE: &'static [(usize, &'static [f64])] =
        &[(0, &[INVERSE, 0.0]), (1, &[-2.0 * (SQRT_2 + 1.0), (SQRT_2 + 1.0) * INVERSE])];
}

#[cfg(test)]
mod tests {
    use super::super::standard_form::*;
    use super::*;

    const EPSILON: f64 = 1e-14;

    #[test]
    fn sums_are_the_stage_times() {
        check_row_sums::<Rosenbrock23>(EPSILON);
    }

    #[test]
    fn orders_two_and_three() {
        let form = StandardForm::of::<Rosenbrock23>();
        form.check_order(&form.b, 1.0, Orders { differential: 2, algebraic: 1 }, EPSILON);
        form.check_order(&form.embedded, 1.0, Orders { differential: 3, algebraic: 1 }, EPSILON);
    }

    #[test]
    fn the_dense_output_is_of_order_two() {
        let form = StandardForm::of::<Rosenbrock23>();
        for theta in [0.1, 0.37, 0.5, 0.9] {
            let b = form.dense::<Rosenbrock23>(theta);
            form.check_order(&b, theta, Orders { differential: 2, algebraic: 1 }, EPSILON);
        }
        check_end_of_dense::<Rosenbrock23>();
    }

    #[test]
    fn l_stable_and_the_last_stage_at_the_new_state() {
        let form = StandardForm::of::<Rosenbrock23>();
        form.check_l_stability(&form.b);
        assert_eq!(Rosenbrock23::A[2], Rosenbrock23::M);
        assert_eq!(Rosenbrock23::ALPHA[2], 1.0);
    }
}
