//! A reaction with an equilibrium that is instantaneous.

use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{MassMatrix, Model, Names, Params};
use crate::number::Real;

/// The chemical Akzo Nobel problem: two species are mixed while carbon dioxide is added; a differential-algebraic
/// system of index 1, $M \dot y = f(y)$ with $M = \operatorname{diag}(1, 1, 1, 1, 1, 0)$ and
///
/// $$ f = \begin{pmatrix} -2 r_1 + r_2 - r_3 - r_4 \\\\ -\tfrac12 r_1 - r_4 - \tfrac12 r_5 + F \\\\
///    r_1 - r_2 + r_3 \\\\ -r_2 + r_3 - 2 r_4 \\\\ r_2 - r_3 + r_5 \\\\ K_s y_1 y_4 - y_6 \end{pmatrix}, \qquad
///    \begin{aligned} r_1 &= k_1 y_1^4 y_2^{1/2}, & r_2 &= k_2 y_3 y_4, \\\\
///    r_3 &= \tfrac{k_2}{K} y_1 y_5, & r_4 &= k_3 y_1 y_4^2, \\\\
///    r_5 &= k_4 y_6^2 y_2^{1/2}, & F &= k_{lA} \bigl(\tfrac{p}{H} - y_2\bigr) . \end{aligned} $$
///
/// Concentrations of FLB, CO₂, FLBT, ZHU, ZLA and FLB·ZHU in mol/l, time in minutes up to 180, from
/// $(0.444, 0.00123, 0, 0.007, 0, K_s y_1 y_4)$, which is consistent. The smallest DAE that somebody needed: it tests
/// the algebraic part and, by $\sqrt{y_2}$, that a step which leaves the domain is taken back.
///
/// Source: W. J. H. Stortelder, *Parameter Estimation in Nonlinear Dynamical Systems*, thesis, Amsterdam 1998; *Test
/// Set for IVP Solvers*, release 2.4, 2008, `chemakzo`. Reference: collocation of order 17 and extrapolated implicit
/// Euler, both in 33 digits, agree to all digits of a double; the test set's agrees to 15.7 digits.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChemicalAkzoNobel;

impl ChemicalAkzoNobel {
    /// $k_1, k_2, k_3, k_4, K, k_{lA}, K_s, p(\mathrm{CO_2}), H$.
    pub const PARAMETERS: [f64; 9] = [18.7, 0.58, 0.09, 0.42, 34.4, 3.3, 115.83, 0.9, 737.0];
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 6] = [0.444, 0.00123, 0.0, 0.007, 0.0, 115.83 * 0.444 * 0.007];
    /// The final time.
    pub const END: f64 = 180.0;
}

impl Model for ChemicalAkzoNobel {
    fn states(&self) -> Names {
        ["FLB", "CO2", "FLBT", "ZHU", "ZLA", "FLB.ZHU"].into()
    }
    fn parameters(&self) -> Names {
        ["k1", "k2", "k3", "k4", "kbig", "kla", "ks", "p", "h"].into()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::diagonal([1.0, 1.0, 1.0, 1.0, 1.0, 0.0]))
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [k1, k2, k3, k4, kbig, kla, ks, pressure, henry] = p.parameters();
        let Some(&[y1, y2, y3, y4, y5, y6]) = u.first_chunk() else { return };
        let root = y2.sqrt();
        let y1_2 = y1 * y1;
        let r1 = k1 * (y1_2 * y1_2) * root;
        let r2 = k2 * y3 * y4;
        let r3 = k2 / kbig * y1 * y5;
        let r4 = k3 * y1 * (y4 * y4);
        let r5 = k4 * (y6 * y6) * root;
        let inflow = kla * (pressure / henry - y2);
        let back = r2 - r3;
        du[0] = r1 * -2.0 + back - r4;
        du[1] = inflow - (r1 + r5) * 0.5 - r4;
        du[2] = r1 - back;
        du[3] = -back - r4 * 2.0;
        du[4] = back + r5;
        du[5] = ks * y1 * y4 - y6;
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "chemical_akzo_nobel",
        title: "Chemical Akzo Nobel",
        kind: Kind::Dae,
        parameters: ChemicalAkzoNobel::PARAMETERS.into(),
        initial: ChemicalAkzoNobel::INITIAL.into(),
        start: 0.0,
        end: ChemicalAkzoNobel::END,
        atol_factor: 1e-4,
        condition: 3.47,
        condition_between: vec![(0.41, 3.537), (113.0, 3.603)],
        discontinuities: Vec::new(),
        reference: Reference {
            state: vec![
                0.11507949206617021,
                0.001203831471567715,
                0.16115628874079743,
                0.00036561564212492833,
                0.017080108852644042,
                0.0048735313103074555,
            ],
            between: vec![
                (
                    0.0037,
                    vec![
                        0.44381348157692674,
                        0.0011800696641679868,
                        9.325528695645084e-05,
                        0.0069999849076344605,
                        6.988362735613432e-06,
                        0.35984763314542695,
                    ],
                ),
                (
                    0.41,
                    vec![
                        0.43513369324653306,
                        0.0001035246427519415,
                        0.004430786742302746,
                        0.006994474404799275,
                        0.0003427083182725621,
                        0.3525322513375106,
                    ],
                ),
                (
                    7.3,
                    vec![
                        0.35180175198001656,
                        0.00033469953480142595,
                        0.045796991043742914,
                        0.006383797242306515,
                        0.004701785510848671,
                        0.2601346109997193,
                    ],
                ),
                (
                    37.9,
                    vec![
                        0.20478298316090318,
                        0.0010530624110988635,
                        0.11709436370644385,
                        0.0019463845751732935,
                        0.01509014837338642,
                        0.0461682673084071,
                    ],
                ),
                (
                    113.0,
                    vec![
                        0.13601851996987846,
                        0.001187492690618835,
                        0.1507417554081112,
                        0.0004757057657743071,
                        0.016935223087356042,
                        0.007494756312389736,
                    ],
                ),
            ],
            digits: 15.5,
            digits_between: 15.5,
            source: "collocation of order 17 and extrapolated implicit Euler in 33 digits, Test Set for IVP Solvers",
        },
        exact: None,
        system: bind(&ChemicalAkzoNobel),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::eval;
    use super::*;

    /// What the reactions keep: FLB in all its forms but the lost $r_4$ and the gain from the complex, $r_5$.
    #[test]
    fn reactions_keep_their_parts() {
        let p = ChemicalAkzoNobel::PARAMETERS;
        let y = [0.3, 0.0011, 0.12, 0.004, 0.02, 0.15];
        let f = eval(&ChemicalAkzoNobel, 0.0, &y, &p);
        let r4 = p[2] * y[0] * y[3] * y[3];
        let r5 = p[3] * y[5] * y[5] * y[1].sqrt();
        approx::assert_relative_eq!(f[0] + 2.0 * f[2] + f[4], r5 - r4, max_relative = 1e-12);
        approx::assert_relative_eq!(f[3] + f[4], r5 - 2.0 * r4, max_relative = 1e-12);
        let r1 = p[0] * y[0].powi(4) * y[1].sqrt();
        approx::assert_relative_eq!(f[1], p[5] * (p[7] / p[8] - y[1]) - r4 - (r1 + r5) / 2.0, max_relative = 1e-14);
    }

    /// The initial and the final state lie on the constraint.
    #[test]
    fn states_are_consistent() {
        let problem = problem();
        for u in [&problem.initial, &problem.reference.state] {
            assert!(eval(&ChemicalAkzoNobel, 0.0, u, &problem.parameters)[5].abs() < 1e-16);
        }
        let mass = ChemicalAkzoNobel.mass_matrix().unwrap();
        assert_eq!((mass.dimension(), mass.entries().len()), (6, 5));
    }
}
