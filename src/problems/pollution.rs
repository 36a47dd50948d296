//! Smog.

use super::between::table;
use super::names_in_blocks;
use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;

/// The chemical part of an air pollution model: 20 species, 25 reactions with rates $r_1 … r_{25}$,
///
/// | | | | | |
/// |---|---|---|---|---|
/// | $r_1 = k_1 y_1$ | $r_2 = k_2 y_2 y_4$ | $r_3 = k_3 y_5 y_2$ | $r_4 = k_4 y_7$ | $r_5 = k_5 y_7$ |
/// | $r_6 = k_6 y_7 y_6$ | $r_7 = k_7 y_9$ | $r_8 = k_8 y_9 y_6$ | $r_9 = k_9 y_{11} y_2$ | $r_{10} = k_{10} y_{11} y_1$ |
/// | $r_{11} = k_{11} y_{13}$ | $r_{12} = k_{12} y_{10} y_2$ | $r_{13} = k_{13} y_{14}$ | $r_{14} = k_{14} y_1 y_6$ | $r_{15} = k_{15} y_3$ |
/// | $r_{16} = k_{16} y_4$ | $r_{17} = k_{17} y_4$ | $r_{18} = k_{18} y_{16}$ | $r_{19} = k_{19} y_{16}$ | $r_{20} = k_{20} y_{17} y_6$ |
/// | $r_{21} = k_{21} y_{19}$ | $r_{22} = k_{22} y_{19}$ | $r_{23} = k_{23} y_1 y_4$ | $r_{24} = k_{24} y_{19} y_1$ | $r_{25} = k_{25} y_{20}$ |
///
/// and
///
/// $$ \begin{aligned}
/// \dot y_1 &= -r_1 - r_{10} - r_{14} - r_{23} - r_{24} + r_2 + r_3 + r_9 + r_{11} + r_{12} + r_{22} + r_{25} \\\\
/// \dot y_2 &= -r_2 - r_3 - r_9 - r_{12} + r_1 + r_{21} \\\\
/// \dot y_3 &= -r_{15} + r_1 + r_{17} + r_{19} + r_{22} \\\\
/// \dot y_4 &= -r_2 - r_{16} - r_{17} - r_{23} + r_{15} \\\\
/// \dot y_5 &= -r_3 + 2 r_4 + r_6 + r_7 + r_{13} + r_{20} \\\\
/// \dot y_6 &= -r_6 - r_8 - r_{14} - r_{20} + r_3 + 2 r_{18} \\\\
/// \dot y_7 &= -r_4 - r_5 - r_6 + r_{13}, \qquad \dot y_8 = r_4 + r_5 + r_6 + r_7, \qquad \dot y_9 = -r_7 - r_8 \\\\
/// \dot y_{10} &= -r_{12} + r_7 + r_9, \qquad \dot y_{11} = -r_9 - r_{10} + r_8 + r_{11}, \qquad \dot y_{12} = r_9 \\\\
/// \dot y_{13} &= -r_{11} + r_{10}, \qquad \dot y_{14} = -r_{13} + r_{12}, \qquad \dot y_{15} = r_{14} \\\\
/// \dot y_{16} &= -r_{18} - r_{19} + r_{16}, \qquad \dot y_{17} = -r_{20}, \qquad \dot y_{18} = r_{20} \\\\
/// \dot y_{19} &= -r_{21} - r_{22} - r_{24} + r_{23} + r_{25}, \qquad \dot y_{20} = -r_{25} + r_{24} .
/// \end{aligned} $$
///
/// Rate constants over sixteen orders of magnitude, a smooth solution: the cost per step of a medium dense system.
/// The nitrogen in $y_1 + y_2 + y_{13} + y_{15} + y_{19} + 2 y_{20}$, the sulphur in $y_{17} + y_{18}$ and the carbon
/// in $y_7 + y_8 + 2 y_9 + y_{10} + 2 y_{11} + y_{12} + 2 y_{13} + y_{14}$ are conserved. Concentrations in ppm, time
/// in minutes, up to 60.
///
/// Source: J. G. Verwer, *Gauss–Seidel iteration for stiff ODEs from chemical kinetics*, SIAM J. Sci. Comput. 15
/// (1994) 1243–1259; *Test Set for IVP Solvers*, release 2.4, 2008, `pollu`. Reference: collocation of order 17 and
/// extrapolated implicit Euler, both in 33 digits, agree to all digits of a double; the test set's agrees to 15.4
/// digits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pollution;

impl Pollution {
    /// $k_1 … k_{25}$.
    pub const PARAMETERS: [f64; 25] = [
        0.35, 26.6, 1.23e4, 8.6e-4, 8.2e-4, 1.5e4, 1.3e-4, 2.4e4, 1.65e4, 9e3, 0.022, 1.2e4, 1.88, 1.63e4, 4.8e6,
        3.5e-4, 0.0175, 1e8, 4.44e11, 1240.0, 2.1, 5.78, 0.0474, 1780.0, 3.12,
    ];
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 20] =
        [0.0, 0.2, 0.0, 0.04, 0.0, 0.0, 0.1, 0.3, 0.01, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.007, 0.0, 0.0, 0.0];
    /// The final time.
    pub const END: f64 = 60.0;
}

impl Model for Pollution {
    fn states(&self) -> Names {
        [
            "NO2", "NO", "O3P", "O3", "HO2", "OH", "HCHO", "CO", "ALD", "MEO2", "C2O3", "CO2", "PAN", "CH3O", "HNO3",
            "O1D", "SO2", "SO4", "NO3", "N2O5",
        ]
        .into()
    }
    fn parameters(&self) -> Names {
        names_in_blocks(&["k"], 25)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let k: [R; 25] = p.parameters();
        let (Some(y), Some(f)) = (u.first_chunk::<20>(), du.first_chunk_mut::<20>()) else { return };
        let r1 = k[0] * y[0];
        let r2 = k[1] * y[1] * y[3];
        let r3 = k[2] * y[4] * y[1];
        let r4 = k[3] * y[6];
        let r5 = k[4] * y[6];
        let r6 = k[5] * y[6] * y[5];
        let r7 = k[6] * y[8];
        let r8 = k[7] * y[8] * y[5];
        let r9 = k[8] * y[10] * y[1];
        let r10 = k[9] * y[10] * y[0];
        let r11 = k[10] * y[12];
        let r12 = k[11] * y[9] * y[1];
        let r13 = k[12] * y[13];
        let r14 = k[13] * y[0] * y[5];
        let r15 = k[14] * y[2];
        let r16 = k[15] * y[3];
        let r17 = k[16] * y[3];
        let r18 = k[17] * y[15];
        let r19 = k[18] * y[15];
        let r20 = k[19] * y[16] * y[5];
        let r21 = k[20] * y[18];
        let r22 = k[21] * y[18];
        let r23 = k[22] * y[0] * y[3];
        let r24 = k[23] * y[18] * y[0];
        let r25 = k[24] * y[19];
        f[0] = -r1 - r10 - r14 - r23 - r24 + r2 + r3 + r9 + r11 + r12 + r22 + r25;
        f[1] = -r2 - r3 - r9 - r12 + r1 + r21;
        f[2] = -r15 + r1 + r17 + r19 + r22;
        f[3] = -r2 - r16 - r17 - r23 + r15;
        f[4] = -r3 + r4 + r4 + r6 + r7 + r13 + r20;
        f[5] = -r6 - r8 - r14 - r20 + r3 + r18 + r18;
        f[6] = -r4 - r5 - r6 + r13;
        f[7] = r4 + r5 + r6 + r7;
        f[8] = -r7 - r8;
        f[9] = -r12 + r7 + r9;
        f[10] = -r9 - r10 + r8 + r11;
        f[11] = r9;
        f[12] = -r11 + r10;
        f[13] = -r13 + r12;
        f[14] = r14;
        f[15] = -r18 - r19 + r16;
        f[16] = -r20;
        f[17] = r20;
        f[18] = -r21 - r22 - r24 + r23 + r25;
        f[19] = -r25 + r24;
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "pollu",
        title: "Air pollution, 20 species",
        kind: Kind::Stiff,
        parameters: Pollution::PARAMETERS.into(),
        initial: Pollution::INITIAL.into(),
        start: 0.0,
        end: Pollution::END,
        atol_factor: 1e-6,
        condition: 4.206,
        condition_between: Vec::new(),
        discontinuities: Vec::new(),
        reference: Reference {
            state: FINAL.into(),
            between: table(include_str!("between/pollution.txt")),
            digits: 15.5,
            digits_between: 15.5,
            source: "collocation of order 17 and extrapolated implicit Euler in 33 digits, Test Set for IVP Solvers",
        },
        exact: None,
        system: bind(&Pollution),
    }
}

const FINAL: [f64; 20] = [
    0.056462554800227695,
    0.13424841304223387,
    4.139734331099427e-09,
    0.005523140207484359,
    2.018977262302196e-07,
    1.4645418634939657e-07,
    0.07784249118997964,
    0.3245075353396018,
    0.007494013383880406,
    1.6222931573015602e-08,
    1.1358638332570748e-08,
    0.00223050597572136,
    0.00020871628827986302,
    1.3969210168401579e-05,
    0.008964884856898295,
    4.352846369330103e-18,
    0.006899219696263405,
    0.0001007803037365946,
    1.7721465139699842e-06,
    5.6829432923163926e-05,
];

#[cfg(test)]
mod tests {
    use super::super::testing::{dot, eval, spread};
    use super::*;

    /// Atoms in each species, by the reactions of the test set: ALD, C₂O₃ and PAN have two of carbon.
    const ATOMS: [(&str, [f64; 20]); 3] = [
        ("N", [1., 1., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 1., 0., 1., 0., 0., 0., 1., 2.]),
        ("C", [0., 0., 0., 0., 0., 0., 1., 1., 2., 1., 2., 1., 2., 1., 0., 0., 0., 0., 0., 0.]),
        ("S", [0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 1., 1., 0., 0.]),
    ];

    #[test]
    fn atoms_are_conserved() {
        let f = eval(&Pollution, 0.0, &spread(20), &Pollution::PARAMETERS);
        let end = problem().reference.state;
        for (element, atoms) in ATOMS {
            // The fastest reactions of these elements have rates of 1e4.
            assert!(dot(&atoms, &f).abs() < 1e-10, "{element}: {}", dot(&atoms, &f));
            approx::assert_relative_eq!(dot(&atoms, &end), dot(&atoms, &Pollution::INITIAL), max_relative = 1e-14);
        }
    }

    #[test]
    fn the_test_set_agrees() {
        let published = [
            0.5646255480022769e-1,
            0.1342484130422339,
            0.4139734331099427e-8,
            0.5523140207484359e-2,
            0.2018977262302196e-6,
            0.1464541863493966e-6,
            0.7784249118997964e-1,
            0.3245075353396018,
            0.7494013383880406e-2,
            0.1622293157301561e-7,
            0.1135863833257075e-7,
            0.2230505975721359e-2,
            0.2087162882798630e-3,
            0.1396921016840158e-4,
            0.8964884856898295e-2,
            0.4352846369330103e-17,
            0.6899219696263405e-2,
            0.1007803037365946e-3,
            0.1772146513969984e-5,
            0.5682943292316392e-4,
        ];
        assert!(problem().error(&published) < 1e-15);
    }
}
