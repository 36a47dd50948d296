//! A chemical oscillator.

use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;

/// The Oregonator, a model of the Belousov–Zhabotinsky reaction,
///
/// $$ \dot y_1 = s \bigl(y_2 + y_1 (1 - q y_1 - y_2)\bigr), \qquad
///    \dot y_2 = \frac{y_3 - (1 + y_1) y_2}{s}, \qquad \dot y_3 = w (y_1 - y_3) . $$
///
/// A stiff limit cycle whose components jump over five decades, several times until $t = 360$: step control has to
/// follow. From $(1, 2, 3)$; time in units of about 0.2 s, concentrations scaled.
///
/// Source: R. J. Field, R. M. Noyes, *Oscillations in chemical systems IV*, J. Chem. Phys. 60 (1974) 1877–1884; E.
/// Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, 2nd ed., 1996, section IV.10; *Test Set for IVP
/// Solvers*, release 2.4, 2008, `orego`. Reference: collocation of order 17 and extrapolated implicit Euler, both in
/// 33 digits, agree to all digits of a double; the test set's agrees to 12.8 digits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Orego;

impl Orego {
    /// $s, q, w$.
    pub const PARAMETERS: [f64; 3] = [77.27, 8.375e-6, 0.161];
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 3] = [1.0, 2.0, 3.0];
    /// The final time.
    pub const END: f64 = 360.0;
}

impl Model for Orego {
    fn states(&self) -> Names {
        ["y1", "y2", "y3"].into()
    }
    fn parameters(&self) -> Names {
        ["s", "q", "w"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [s, q, w] = p.parameters();
        let [y1, y2, y3] = [u[0], u[1], u[2]];
        du[0] = s * (y2 + y1 * (-q * y1 - y2 + 1.0));
        du[1] = (y3 - (y1 + 1.0) * y2) / s;
        du[2] = w * (y1 - y3);
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "orego",
        title: "Oregonator",
        kind: Kind::Stiff,
        parameters: Orego::PARAMETERS.into(),
        initial: Orego::INITIAL.into(),
        start: 0.0,
        end: Orego::END,
        atol_factor: 1.0,
        condition: 10.68,
        condition_between: vec![(41.7, 10.83), (331.1, 10.84)],
        discontinuities: Vec::new(),
        reference: Reference {
            state: vec![1.0008148703185227, 1228.1785215498874, 132.05549428465045],
            between: vec![
                (7.3, vec![2.4401646203062954, 1.693521501072082, 2.468222635793041]),
                (41.7, vec![1.000588729908093, 1699.5573443348762, 1575.6222000992702]),
                (111.3, vec![1.0032849894493416, 305.41207844129576, 1.0242403833309368]),
                (217.9, vec![1.054510308540189, 19.34462976987551, 1.0466519299177235]),
                (331.1, vec![1.000766968215329, 1304.8254902429571, 13747.168496986613]),
            ],
            digits: 15.5,
            digits_between: 15.5,
            source: "collocation of order 17 and extrapolated implicit Euler in 33 digits, Test Set for IVP Solvers",
        },
        exact: None,
        system: bind(&Orego),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::eval;
    use super::*;

    /// The steady state: $y_1 = y_3$ with $q y_1^2 + q y_1 = 2$, and $y_2 = y_1 / (1 + y_1)$.
    #[test]
    fn the_steady_state_stands_still() {
        let [_, q, _] = Orego::PARAMETERS;
        let y1 = ((1.0 + 8.0 / q).sqrt() - 1.0) / 2.0;
        let f = eval(&Orego, 0.0, &[y1, y1 / (1.0 + y1), y1], &Orego::PARAMETERS);
        assert!(f[0].abs() < 1e-9 && f[1].abs() < 1e-14 && f[2] == 0.0, "{f:?}");
    }

    #[test]
    fn the_test_set_agrees() {
        assert!(problem().error(&[1.000814870318523, 1228.178521549917, 132.0554942846706]) < 3e-13);
    }
}
