//! A circuit whose capacitors couple the derivatives.

use super::names_in_blocks;
use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{MassMatrix, Model, Names, Params};
use crate::number::Real;
use std::f64::consts::PI;

/// The transistor amplifier: the voltages $y_1 … y_8$ (V) at the nodes of a circuit of two transistors; a
/// differential-algebraic system of index 1, $M \dot y = f(t, y)$ with
///
/// $$ M = \begin{pmatrix} -C_1 & C_1 \\\\ C_1 & -C_1 \\\\ & & -C_2 \\\\ & & & -C_3 & C_3 \\\\ & & & C_3 & -C_3 \\\\
///    & & & & & -C_4 \\\\ & & & & & & -C_5 & C_5 \\\\ & & & & & & C_5 & -C_5 \end{pmatrix}, \qquad
///    f = \begin{pmatrix} \frac{y_1 - U_e(t)}{R_0} \\\\ \frac{2 y_2 - U_b}{R} + (1 - \alpha) g(y_2 - y_3) \\\\
///    \frac{y_3}{R} - g(y_2 - y_3) \\\\ \frac{y_4 - U_b}{R} + \alpha g(y_2 - y_3) \\\\
///    \frac{2 y_5 - U_b}{R} + (1 - \alpha) g(y_5 - y_6) \\\\ \frac{y_6}{R} - g(y_5 - y_6) \\\\
///    \frac{y_7 - U_b}{R} + \alpha g(y_5 - y_6) \\\\ \frac{y_8}{R} \end{pmatrix}, $$
///
/// $g(x) = \beta (e^{x / U_F} - 1)$, the signal $U_e = 0.1 \sin 200 \pi t$ and $C_k = k$ µF; all resistors
/// $R_1 … R_9$ are one $R$. Time in seconds up to 0.2, from $(0, 3, 3, 6, 3, 3, 6, 0)$, which is consistent.
///
/// $M$ is singular without a row of zeros: the algebraic equations are sums of rows, the algebraic variables sums of
/// states. It tests whether a method treats the mass matrix as a matrix.
///
/// Source: E. Hairer, Ch. Lubich, M. Roche, *The Numerical Solution of Differential-Algebraic Systems by Runge–Kutta
/// Methods*, Springer 1989; *Test Set for IVP Solvers*, release 2.4, 2008, `transamp`. Reference: collocation of
/// order 17 in 33 digits on the equations as they are, and extrapolation on the five equations that are left when the
/// algebraic ones are solved, agree to all digits of a double; the test set's agrees to 13, which is the rounding of
/// $200 \pi t$ in doubles.
#[derive(Clone, Copy, Debug, Default)]
pub struct TransistorAmplifier;

impl TransistorAmplifier {
    /// $U_b, U_F, \alpha, \beta, R_0, R$.
    pub const PARAMETERS: [f64; 6] = [6.0, 0.026, 0.99, 1e-6, 1000.0, 9000.0];
    /// $C_1 … C_5$ in farads.
    pub const CAPACITIES: [f64; 5] = [1e-6, 2e-6, 3e-6, 4e-6, 5e-6];
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 8] = [0.0, 3.0, 3.0, 6.0, 3.0, 3.0, 6.0, 0.0];
    /// The final time.
    pub const END: f64 = 0.2;
}

impl Model for TransistorAmplifier {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 8)
    }
    fn parameters(&self) -> Names {
        ["ub", "uf", "alpha", "beta", "r0", "r"].into()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        let [c1, c2, c3, c4, c5] = Self::CAPACITIES;
        let pair = |i: usize, c: f64| [(i, i, -c), (i, i + 1, c), (i + 1, i, c), (i + 1, i + 1, -c)];
        let entries = [&pair(0, c1)[..], &[(2, 2, -c2)], &pair(3, c3), &[(5, 5, -c4)], &pair(6, c5)].concat();
        Some(MassMatrix::from_entries(8, &entries))
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [ub, uf, alpha, beta, r0, r] = p.parameters();
        let (g0, g) = (r0.recip(), r.recip());
        let signal = (t * (200.0 * PI)).sin() * 0.1;
        let transistor = |voltage: R| beta * ((voltage / uf).exp() - 1.0);
        let (first, second) = (transistor(u[1] - u[2]), transistor(u[4] - u[5]));
        let base = -alpha + 1.0;
        du[0] = (u[0] - signal) * g0;
        du[1] = (u[1] * 2.0 - ub) * g + base * first;
        du[2] = u[2] * g - first;
        du[3] = (u[3] - ub) * g + alpha * first;
        du[4] = (u[4] * 2.0 - ub) * g + base * second;
        du[5] = u[5] * g - second;
        du[6] = (u[6] - ub) * g + alpha * second;
        du[7] = u[7] * g;
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "transistor_amplifier",
        title: "Transistor amplifier",
        kind: Kind::Dae,
        parameters: TransistorAmplifier::PARAMETERS.into(),
        initial: TransistorAmplifier::INITIAL.into(),
        start: 0.0,
        end: TransistorAmplifier::END,
        atol_factor: 0.01,
        condition: 64.78,
        condition_between: vec![(0.0017, 209.4), (0.0173, 383.5), (0.0631, 9877.0), (0.1127, 19440.0), (0.1709, 496.8)],
        discontinuities: Vec::new(),
        reference: Reference {
            state: vec![
                -0.005562145012262102,
                3.006522471903043,
                2.8499587886081286,
                2.9264225362062417,
                2.7046178650105546,
                2.7618377783931436,
                4.770927631616773,
                1.2369958680915474,
            ],
            between: vec![
                (
                    0.0017,
                    vec![
                        0.07173845718526776,
                        3.0555681295589836,
                        2.902865707579565,
                        4.895920772129157,
                        1.97334952035745,
                        2.8613042059355807,
                        6.004519448253274,
                        0.004390551746726186,
                    ],
                ),
                (
                    0.0173,
                    vec![
                        -0.08205800754558334,
                        2.908843552988863,
                        2.759579479172478,
                        4.482042627558418,
                        2.3763353951305684,
                        2.3657475093775067,
                        5.890724360735747,
                        0.10479707918896873,
                    ],
                ),
                (
                    0.0631,
                    vec![
                        0.07966717794689367,
                        3.04758549683954,
                        2.9015880913644114,
                        3.67763667700046,
                        2.8990091174679526,
                        2.720368500513408,
                        1.088191845615133,
                        -3.6659597584414128,
                    ],
                ),
                (
                    0.1127,
                    vec![
                        0.08352666335061032,
                        3.057274881162918,
                        2.9092636358851682,
                        3.3253797577260897,
                        2.975101121807344,
                        2.7955655427669903,
                        0.6063274033158562,
                        -3.4848084951927487,
                    ],
                ),
                (
                    0.1709,
                    vec![
                        0.0400486381099525,
                        3.0433037626940513,
                        2.888044435702691,
                        2.9884745824017416,
                        2.762636220688756,
                        2.686897634915087,
                        4.772081141408479,
                        1.0727746733220782,
                    ],
                ),
            ],
            digits: 15.5,
            digits_between: 15.5,
            source: "collocation of order 17 and extrapolation in 33 digits, Test Set for IVP Solvers",
        },
        exact: None,
        system: bind(&TransistorAmplifier),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{eval, spread};
    use super::*;

    /// The initial derivative that the test set prints solves the equations. Its first, fourth and seventh components
    /// were "determined numerically"; they solve the constraints differentiated once to three digits.
    #[test]
    fn the_published_initial_derivative() {
        let rate =
            [51.338775, 51.338775, -500.0 / 3.0, -24.9757667, -24.9757667, -250.0 / 3.0, -10.00564453, -10.00564453];
        let mut left = [0.0; 8];
        TransistorAmplifier.mass_matrix().unwrap().multiply(&rate, &mut left);
        let right = eval(&TransistorAmplifier, 0.0, &TransistorAmplifier::INITIAL, &TransistorAmplifier::PARAMETERS);
        for (left, right) in left.iter().zip(&right) {
            approx::assert_abs_diff_eq!(left, right, epsilon = 1e-18);
        }
        // The constraints are the sums of rows 1 and 2, 4 and 5, 7 and 8.
        let h = 1e-7;
        let constraints = |s: f64| {
            let y: Vec<f64> = TransistorAmplifier::INITIAL.iter().zip(rate).map(|(y, r)| y + s * r).collect();
            let f = eval(&TransistorAmplifier, s, &y, &TransistorAmplifier::PARAMETERS);
            [f[0] + f[1], f[3] + f[4], f[6] + f[7]]
        };
        for (plus, minus) in constraints(h).iter().zip(constraints(-h)) {
            // The smallest of the terms that cancel are of 2.2 mA/s.
            approx::assert_abs_diff_eq!((plus - minus) / (2.0 * h), 0.0, epsilon = 1e-3 * 2.2e-3);
        }
    }

    /// Kirchhoff: the currents into all nodes sum to those through the resistors and sources.
    #[test]
    fn currents_sum_up() {
        let [ub, _, _, _, r0, r] = TransistorAmplifier::PARAMETERS;
        let (t, y) = (0.0031, spread(8));
        let f = eval(&TransistorAmplifier, t, &y, &TransistorAmplifier::PARAMETERS);
        let signal = 0.1 * (200.0 * PI * t).sin();
        // What a transistor takes at base and collector it gives at the emitter, so both drop out.
        let resistors = y[1..].iter().sum::<f64>() + y[1] + y[4] - 4.0 * ub;
        approx::assert_relative_eq!(f.iter().sum::<f64>(), (y[0] - signal) / r0 + resistors / r, max_relative = 1e-12);
    }

    #[test]
    fn the_test_set_agrees() {
        let published = [
            -0.5562145012262709e-2,
            3.006522471903042,
            2.849958788608128,
            2.926422536206241,
            2.704617865010554,
            2.761837778393145,
            4.770927631616772,
            1.236995868091548,
        ];
        let problem = problem();
        assert!(problem.error(&published) < 1e-13);
        let f = eval(&TransistorAmplifier, problem.end, &problem.reference.state, &problem.parameters);
        for constraint in [f[0] + f[1], f[3] + f[4], f[6] + f[7]] {
            assert!(constraint.abs() < 1e-16, "{constraint:e}");
        }
    }
}
