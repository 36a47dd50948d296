//! How light governs the shape of plants.

use super::names_in_blocks;
use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;

/// HIRES, the high irradiance responses of photomorphogenesis: eight reactants, with $q = 280 y_6 y_8$,
///
/// $$ \begin{aligned}
/// \dot y_1 &= -1.71 y_1 + 0.43 y_2 + 8.32 y_3 + 0.0007 \\\\
/// \dot y_2 &= 1.71 y_1 - 8.75 y_2 \\\\
/// \dot y_3 &= -10.03 y_3 + 0.43 y_4 + 0.035 y_5 \\\\
/// \dot y_4 &= 8.32 y_2 + 1.71 y_3 - 1.12 y_4 \\\\
/// \dot y_5 &= -1.745 y_5 + 0.43 y_6 + 0.43 y_7 \\\\
/// \dot y_6 &= -q + 0.69 y_4 + 1.71 y_5 - 0.43 y_6 + 0.69 y_7 \\\\
/// \dot y_7 &= q - 1.81 y_7 \\\\
/// \dot y_8 &= -q + 1.81 y_7
/// \end{aligned} $$
///
/// Moderately stiff and easy: a first test for a stiff method. $y_7 + y_8 = 0.0057$ is conserved. From
/// $(1, 0, …, 0, 0.0057)$ up to $t = 321.8122$.
///
/// Source: E. Schäfer, *A new approach to explain the "high irradiance responses" of photomorphogenesis on the basis
/// of phytochrome*, J. Math. Biology 2 (1975) 41–56; *Test Set for IVP Solvers*, release 2.4, 2008, `hires`.
/// Reference: collocation of order 17 and extrapolated implicit Euler, both in 33 digits, agree to all digits of a
/// double; the test set's agrees to 12.7 digits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hires;

impl Hires {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 8] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0057];
    /// The final time.
    pub const END: f64 = 321.8122;
}

impl Model for Hires {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 8)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let Some(&[y1, y2, y3, y4, y5, y6, y7, y8]) = u.first_chunk() else { return };
        let q = y6 * y8 * 280.0;
        let bound = q - y7 * 1.81;
        du[0] = y1 * -1.71 + y2 * 0.43 + y3 * 8.32 + 0.0007;
        du[1] = y1 * 1.71 - y2 * 8.75;
        du[2] = y3 * -10.03 + y4 * 0.43 + y5 * 0.035;
        du[3] = y2 * 8.32 + y3 * 1.71 - y4 * 1.12;
        du[4] = y5 * -1.745 + (y6 + y7) * 0.43;
        du[5] = -q + y4 * 0.69 + y5 * 1.71 - y6 * 0.43 + y7 * 0.69;
        du[6] = bound;
        du[7] = -bound;
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "hires",
        title: "HIRES",
        kind: Kind::Stiff,
        parameters: Vec::new(),
        initial: Hires::INITIAL.into(),
        start: 0.0,
        end: Hires::END,
        atol_factor: 1e-4,
        condition: 91.57,
        condition_between: Vec::new(),
        discontinuities: Vec::new(),
        reference: Reference {
            state: vec![
                0.0007371312573325542,
                0.00014424857263161596,
                5.888729740967339e-05,
                0.0011756513432831254,
                0.002386356198830949,
                0.0062389682527415995,
                0.002849998395185501,
                0.0028500016048144993,
            ],
            between: vec![
                (
                    0.173,
                    vec![
                        0.7505799680093802,
                        0.12774975322275683,
                        0.0021801024456878934,
                        0.11429518698300674,
                        0.0001001086957316049,
                        0.004866907710838732,
                        0.0003401116441588133,
                        0.0053598883558411865,
                    ],
                ),
                (
                    3.37,
                    vec![
                        0.06307327768291791,
                        0.013001888507595248,
                        0.00879667142530132,
                        0.18608543956739157,
                        0.12843245421263239,
                        0.5857802490663965,
                        0.005637727883708005,
                        6.22721162919958e-05,
                    ],
                ),
                (
                    41.9,
                    vec![
                        0.005564560924513307,
                        0.0010878759925700497,
                        0.0010011565662906327,
                        0.009638028615067093,
                        0.1683923549393429,
                        0.676270276901279,
                        0.00564603214829621,
                        5.396785170379047e-05,
                    ],
                ),
                (
                    263.1,
                    vec![
                        0.0016323060654191929,
                        0.0003193825120669785,
                        0.0002327825330300399,
                        0.002754800818812407,
                        0.032768384165005174,
                        0.12618204775019334,
                        0.005422355180570587,
                        0.00027764481942941274,
                    ],
                ),
                (
                    319.7,
                    vec![
                        0.0007565475016727716,
                        0.00014807217473035048,
                        6.252269156478495e-05,
                        0.0012115532053083133,
                        0.0029795278776827217,
                        0.008159627040887626,
                        0.003222013267515067,
                        0.002477986732484933,
                    ],
                ),
            ],
            digits: 15.5,
            digits_between: 15.5,
            source: "collocation of order 17 and extrapolated implicit Euler in 33 digits, Test Set for IVP Solvers",
        },
        exact: None,
        system: bind(&Hires),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{eval, spread};
    use super::*;

    #[test]
    fn the_bound_form_is_conserved() {
        let f = eval(&Hires, 0.0, &spread(8), &[]);
        assert_eq!(f[6] + f[7], 0.0);
        let end = problem().reference.state;
        approx::assert_relative_eq!(end[6] + end[7], 0.0057, max_relative = 1e-15);
    }

    /// First-order reactions turn one molecule into another, so the columns of the linear part sum to zero; only the
    /// complex $y_7$ falls apart into two, $1.81$ of $y_8$ and $0.43 + 0.69$ of its partner.
    #[test]
    fn first_order_reactions_conserve_matter() {
        let j = super::super::testing::jacobian(&Hires, 0.0, &[0.0; 8], &[]);
        for column in 0..8 {
            let sum: f64 = (0..8).map(|row| j[row * 8 + column]).sum();
            let expected = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.12, 0.0][column];
            approx::assert_abs_diff_eq!(sum, expected, epsilon = 1e-14);
        }
    }

    #[test]
    fn the_test_set_agrees() {
        let published = [
            0.7371312573325668e-3,
            0.1442485726316185e-3,
            0.5888729740967575e-4,
            0.1175651343283149e-2,
            0.2386356198831331e-2,
            0.6238968252742796e-2,
            0.2849998395185769e-2,
            0.2850001604814231e-2,
        ];
        assert!(problem().error(&published) < 3e-13);
    }
}
