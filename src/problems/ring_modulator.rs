//! A circuit that mixes two signals.

use super::between::table;
use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;
use std::f64::consts::PI;

/// The ring modulator: a circuit of coils, capacitors and a ring of four diodes that mixes a low-frequency with a
/// high-frequency signal. Voltages $U_1 … U_7$ (V), currents $I_1 … I_8$ (A), time in seconds up to $10^{-3}$, all
/// from zero:
///
/// $$ \begin{aligned}
/// C \dot U_1 &= I_1 - \tfrac12 I_3 + \tfrac12 I_4 + I_7 - U_1/R, &
/// C \dot U_2 &= I_2 - \tfrac12 I_5 + \tfrac12 I_6 + I_8 - U_2/R, \\\\
/// C_s \dot U_3 &= I_3 - q(D_1) + q(D_4), & C_s \dot U_4 &= -I_4 + q(D_2) - q(D_3), \\\\
/// C_s \dot U_5 &= I_5 + q(D_1) - q(D_3), & C_s \dot U_6 &= -I_6 - q(D_2) + q(D_4), \\\\
/// C_p \dot U_7 &= -U_7/R_p + q(D_1) + q(D_2) - q(D_3) - q(D_4), \\\\
/// L_h \dot I_1 &= -U_1, & L_h \dot I_2 &= -U_2, \\\\
/// L_{s2} \dot I_3 &= \tfrac12 U_1 - U_3 - R_{g2} I_3, & L_{s3} \dot I_4 &= -\tfrac12 U_1 + U_4 - R_{g3} I_4, \\\\
/// L_{s2} \dot I_5 &= \tfrac12 U_2 - U_5 - R_{g2} I_5, & L_{s3} \dot I_6 &= -\tfrac12 U_2 + U_6 - R_{g3} I_6, \\\\
/// L_{s1} \dot I_7 &= -U_1 + e_1 - (R_i + R_{g1}) I_7, & L_{s1} \dot I_8 &= -U_2 - (R_c + R_{g1}) I_8,
/// \end{aligned} $$
///
/// with the diodes $q(D) = \gamma (e^{\delta D} - 1)$ at $D_1 = U_3 - U_5 - U_7 - e_2$,
/// $D_2 = -U_4 + U_6 - U_7 - e_2$, $D_3 = U_4 + U_5 + U_7 + e_2$, $D_4 = -U_3 - U_6 + U_7 + e_2$ and the signals
/// $e_1 = \tfrac12 \sin 2000 \pi t$, $e_2 = 2 \sin 20000 \pi t$.
///
/// Small parasitic capacitors $C_s = 2$ pF make it stiff and oscillating at once, with eigenvalues near the imaginary
/// axis: formulas that damp too little or too much, and BDF of order above two, have trouble.
///
/// Source: E.-H. Horneber, *Analyse nichtlinearer RLCÜ-Netzwerke mit Hilfe der gemischten Potentialfunktion*,
/// Dissertation, Kaiserslautern 1976; *Test Set for IVP Solvers*, release 2.4, 2008, `ringmod`. Reference: two programs
/// with collocation of order 17 in 33 digits, at tolerances of $10^{-14}$, agree to 13.5 digits. The test set's, from a
/// tolerance of $10^{-12}$, is within $8 \cdot 10^{-11}$.
#[derive(Clone, Copy, Debug, Default)]
pub struct RingModulator;

impl RingModulator {
    /// $C, C_s, C_p, R, R_p, L_h, L_{s1}, L_{s2}, L_{s3}, R_{g1}, R_{g2}, R_{g3}, R_i, R_c, \gamma, \delta$.
    pub const PARAMETERS: [f64; 16] = [
        1.6e-8,
        2e-12,
        1e-8,
        25_000.0,
        50.0,
        4.45,
        0.002,
        5e-4,
        5e-4,
        36.3,
        17.3,
        17.3,
        50.0,
        600.0,
        40.672_864_02e-9,
        17.749_333_2,
    ];
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 15] = [0.0; 15];
    /// The final time.
    pub const END: f64 = 1e-3;
}

impl Model for RingModulator {
    fn states(&self) -> Names {
        ["U1", "U2", "U3", "U4", "U5", "U6", "U7", "I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8"].into()
    }
    fn parameters(&self) -> Names {
        ["c", "cs", "cp", "r", "rp", "lh", "ls1", "ls2", "ls3", "rg1", "rg2", "rg3", "ri", "rc", "gamma", "delta"]
            .into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [c, cs, cp, r, rp, lh, ls1, ls2, ls3, rg1, rg2, rg3, ri, rc, gamma, delta] = p.parameters();
        let Some(&[u1, u2, u3, u4, u5, u6, u7, i1, i2, i3, i4, i5, i6, i7, i8]) = u.first_chunk() else { return };
        let low = (t * (2000.0 * PI)).sin() * 0.5;
        let high = (t * (20_000.0 * PI)).sin() * 2.0;
        let diode = |voltage: R| gamma * ((delta * voltage).exp() - 1.0);
        let side = u7 + high;
        let q1 = diode(u3 - u5 - side);
        let q2 = diode(u6 - u4 - side);
        let q3 = diode(u4 + u5 + side);
        let q4 = diode(side - u3 - u6);
        let (c, cs) = (c.recip(), cs.recip());
        let (lh, ls1, ls2, ls3) = (lh.recip(), ls1.recip(), ls2.recip(), ls3.recip());
        let r = r.recip();
        let (half1, half2) = (u1 * 0.5, u2 * 0.5);
        du[0] = (i1 + (i4 - i3) * 0.5 + i7 - u1 * r) * c;
        du[1] = (i2 + (i6 - i5) * 0.5 + i8 - u2 * r) * c;
        du[2] = (i3 - q1 + q4) * cs;
        du[3] = (q2 - i4 - q3) * cs;
        du[4] = (i5 + q1 - q3) * cs;
        du[5] = (q4 - i6 - q2) * cs;
        du[6] = (q1 + q2 - q3 - q4 - u7 / rp) / cp;
        du[7] = -u1 * lh;
        du[8] = -u2 * lh;
        du[9] = (half1 - u3 - rg2 * i3) * ls2;
        du[10] = (u4 - half1 - rg3 * i4) * ls3;
        du[11] = (half2 - u5 - rg2 * i5) * ls2;
        du[12] = (u6 - half2 - rg3 * i6) * ls3;
        du[13] = (low - u1 - (ri + rg1) * i7) * ls1;
        du[14] = (-u2 - (rc + rg1) * i8) * ls1;
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "ring_modulator",
        title: "Ring modulator",
        kind: Kind::Stiff,
        parameters: RingModulator::PARAMETERS.into(),
        initial: RingModulator::INITIAL.into(),
        start: 0.0,
        end: RingModulator::END,
        atol_factor: 1e-4,
        condition: 401.6,
        condition_between: vec![(9.1e-5, 11300.0), (2.73e-4, 7417.0), (5.19e-4, 497.5), (8.37e-4, 1208.0)],
        discontinuities: Vec::new(),
        reference: Reference {
            state: FINAL.into(),
            between: table(include_str!("between/ring_modulator.txt")),
            digits: 13.0,
            digits_between: 14.4,
            source: "collocation of order 17 in 33 digits, twice; Test Set for IVP Solvers",
        },
        exact: None,
        system: bind(&RingModulator),
    }
}

const FINAL: [f64; 15] = [
    -0.023390573584371833,
    -0.007367485486008416,
    0.25829567099919365,
    -0.4064465720587993,
    -0.4039455664455423,
    0.26079667661245065,
    0.11067618612732943,
    2.9399043424330057e-07,
    -2.840029933066392e-08,
    0.0007267198267291422,
    0.000792948719702319,
    -0.0007255283495765792,
    -0.000794140196854882,
    7.08849541687565e-05,
    2.3900590752771345e-05,
];

#[cfg(test)]
mod tests {
    use super::super::testing::{eval, spread};
    use super::*;

    /// The power balance (Tellegen): what the stores gain is what the signals feed less what resistors and diodes burn.
    #[test]
    fn power_is_balanced() {
        let p = RingModulator::PARAMETERS;
        let [c, cs, cp, r, rp, lh, ls1, ls2, ls3, rg1, rg2, rg3, ri, rc, gamma, delta] = p;
        let t = 1.3e-4;
        let mut y: Vec<f64> = spread(15).iter().map(|y| y - 0.5).collect();
        for current in &mut y[7..] {
            *current *= 1e-2;
        }
        let f = eval(&RingModulator, t, &y, &p);
        let stores = [c, c, cs, cs, cs, cs, cp, lh, lh, ls2, ls3, ls2, ls3, ls1, ls1];
        let gained: f64 = (0..15).map(|k| stores[k] * y[k] * f[k]).sum();
        let (v, i) = y.split_at(7);
        let resistors = (v[0] * v[0] + v[1] * v[1]) / r
            + v[6] * v[6] / rp
            + rg2 * (i[2] * i[2] + i[4] * i[4])
            + rg3 * (i[3] * i[3] + i[5] * i[5])
            + (ri + rg1) * i[6] * i[6]
            + (rc + rg1) * i[7] * i[7];
        let (e1, e2) = (0.5 * (2000.0 * PI * t).sin(), 2.0 * (20_000.0 * PI * t).sin());
        let q = |d: f64| gamma * (delta * d).exp_m1();
        let d = [v[2] - v[4] - v[6] - e2, -v[3] + v[5] - v[6] - e2, v[3] + v[4] + v[6] + e2, -v[2] - v[5] + v[6] + e2];
        let diodes: f64 = d.iter().map(|d| q(*d) * d).sum();
        let fed = e1 * i[6] - e2 * (q(d[0]) + q(d[1]) - q(d[2]) - q(d[3]));
        approx::assert_relative_eq!(gained, fed - resistors - diodes, max_relative = 1e-12);
    }

    #[test]
    fn the_test_set_agrees_to_its_tolerance() {
        let published = [
            -0.2339057358486745e-1,
            -0.7367485485540825e-2,
            0.2582956709291169,
            -0.4064465721283450,
            -0.4039455665149794,
            0.2607966765422943,
            0.1106761861269975,
            0.2939904342435596e-6,
            -0.2840029933642329e-7,
            0.7267198267264553e-3,
            0.7929487196960840e-3,
            -0.7255283495698965e-3,
            -0.7941401968526521e-3,
            0.7088495416976114e-4,
            0.2390059075236570e-4,
        ];
        // Computed by others with a tolerance of 1e-12, over 23 541 steps.
        assert!(problem().error(&published) < 5e-10);
    }
}
