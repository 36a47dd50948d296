//! Pyrolysis over thirty orders of magnitude.

use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;

/// E5 of the stiff DETEST, a chemical pyrolysis,
///
/// $$ \dot y_1 = -A y_1 - B y_1 y_3, \quad \dot y_2 = A y_1 - M C y_2 y_3, \quad \dot y_3 = \dot y_2 - \dot y_4, \quad
///    \dot y_4 = B y_1 y_3 - C y_4 . $$
///
/// Badly scaled: all of $y_2, y_3, y_4$ are below $2 \cdot 10^{-10}$ and need an absolute tolerance far below the
/// usual ones. $y_2 = y_3 + y_4$ is conserved. From $(1.76 \cdot 10^{-3}, 0, 0, 0)$ up to $t = 10^7$, before
/// components fall under what four equations in doubles can resolve (about $10^{-21}$).
///
/// Source: W. H. Enright, T. E. Hull, B. Lindberg, *Comparing numerical methods for stiff systems of O.D.E.s*, BIT 15
/// (1975) 10–48; E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, 2nd ed., 1996, section IV.10;
/// *Test Set for IVP Solvers*, release 2.4, 2008, `e5`. Reference: collocation of order 17 and extrapolated implicit
/// Euler, both in 33 digits, agree to all digits of a double. The test set has a reference at $10^{13}$ only.
#[derive(Clone, Copy, Debug, Default)]
pub struct E5;

impl E5 {
    /// $A, B, C, M$.
    pub const PARAMETERS: [f64; 4] = [7.89e-10, 1.1e7, 1.13e3, 1e6];
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 4] = [1.76e-3, 0.0, 0.0, 0.0];
    /// The final time.
    pub const END: f64 = 1e7;
}

impl Model for E5 {
    fn states(&self) -> Names {
        ["y1", "y2", "y3", "y4"].into()
    }
    fn parameters(&self) -> Names {
        ["a", "b", "c", "m"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [a, b, c, m] = p.parameters();
        let [y1, y2, y3, y4] = [u[0], u[1], u[2], u[3]];
        let first = a * y1;
        let second = b * y1 * y3;
        du[0] = -first - second;
        du[1] = first - m * c * y2 * y3;
        du[3] = second - c * y4;
        du[2] = du[1] - du[3];
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "e5",
        title: "E5, pyrolysis",
        kind: Kind::Stiff,
        parameters: E5::PARAMETERS.into(),
        initial: E5::INITIAL.into(),
        start: 0.0,
        end: E5::END,
        atol_factor: 1e-14,
        condition: 8036.0,
        condition_between: Vec::new(),
        discontinuities: Vec::new(),
        reference: Reference {
            state: vec![4.715033363040164e-10, 1.8188895860807023e-14, 1.8188812376786725e-14, 8.34840202963217e-20],
            between: vec![
                (
                    3.3e-06,
                    vec![0.0017599999999999953, 4.582511999999969e-18, 4.439372553205016e-18, 1.4313944679495253e-19],
                ),
                (
                    0.57,
                    vec![0.0017599997576505154, 7.915173291341929e-13, 4.371531085451448e-14, 7.478020182796784e-13],
                ),
                (
                    71.3,
                    vec![0.0017564804606599442, 8.65892215774448e-11, 4.7843784313450344e-12, 8.180484314609976e-11],
                ),
                (
                    19000.0,
                    vec![0.00033698348569284646, 3.187279839037313e-11, 7.44627095634103e-12, 2.4426527434032102e-11],
                ),
                (
                    2700000.0,
                    vec![6.569550107870157e-09, 6.789560468677127e-14, 6.789126294730501e-14, 4.34173946626254e-18],
                ),
            ],
            digits: 15.5,
            digits_between: 15.5,
            source: "collocation of order 17 and extrapolated implicit Euler in 33 digits",
        },
        exact: None,
        system: bind(&E5),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::eval;
    use super::*;

    #[test]
    fn the_invariant_is_conserved() {
        let f = eval(&E5, 0.0, &[1e-3, 1.5e-10, 1e-11, 8e-12], &E5::PARAMETERS);
        approx::assert_relative_eq!(f[1], f[2] + f[3], max_relative = 1e-15);
        let u = problem().reference.state;
        approx::assert_relative_eq!(u[1], u[2] + u[3], max_relative = 1e-15);
    }

    /// Late, $y_4$ is fed and drained in balance: $B y_1 y_3 = C y_4$.
    #[test]
    fn the_reference_is_in_balance() {
        let u = problem().reference.state;
        let [_, b, c, _] = E5::PARAMETERS;
        approx::assert_relative_eq!(b * u[0] * u[2], c * u[3], max_relative = 1e-6);
    }
}
