//! Antibodies that penetrate a tumour.

mod reference;

use super::between::table;
use super::names_interleaved;
use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;

/// The medical Akzo Nobel problem: radio-labelled antibodies $u$ diffuse into a tissue and react with the immobile
/// tumour $v$, in the half-space mapped to $0 < \zeta < 1$ by $\zeta = x / (x + c)$,
///
/// $$ u_t = \frac{(\zeta - 1)^4}{c^2} u_{\zeta\zeta} + \frac{2 (\zeta - 1)^3}{c^2} u_\zeta - k u v,
///    \qquad v_t = -k u v, $$
///
/// with $u(0, t) = 2$ until $t = 5$ and zero from then on, $u_\zeta(1, t) = 0$, $u(\zeta, 0) = 0$, $v(\zeta, 0) = 1$.
/// By central differences at $\zeta_j = j / N$, $j = 1 … N$, with $u_{N+1} = u_N$. States $u_1, v_1, u_2, v_2, …$; up
/// to $t = 20$.
///
/// A steep front of reaction travels inwards, and the boundary value drops at $t = 5$: diffusion with a stiff source
/// and a jump. Catalogued with $N = 200$, 400 equations; any $N$ may be chosen.
///
/// Source: R. van der Hout, 1994; *Test Set for IVP Solvers*, release 2.4, 2008, `medakzo`. Reference: collocation of
/// order 17 and extrapolated implicit Euler, both in 33 digits, agree to all digits of a double. The test set's was
/// computed with a tolerance of $10^{-10}$ and is within $1.6 \cdot 10^{-10}$.
#[derive(Clone, Copy, Debug)]
pub struct MedicalAkzoNobel {
    /// Grid points $N$.
    pub points: usize,
}

impl Default for MedicalAkzoNobel {
    fn default() -> Self {
        MedicalAkzoNobel { points: 200 }
    }
}

impl MedicalAkzoNobel {
    /// $k, c$.
    pub const PARAMETERS: [f64; 2] = [100.0, 4.0];
    /// The time at which the boundary value drops.
    pub const JUMP: f64 = 5.0;
    /// The final time.
    pub const END: f64 = 20.0;

    /// The state at $t = 0$.
    pub fn initial(&self) -> Vec<f64> {
        (0..2 * self.points).map(|i| (i % 2) as f64).collect()
    }
}

impl Model for MedicalAkzoNobel {
    fn states(&self) -> Names {
        names_interleaved(&["u", "v"], self.points)
    }
    fn parameters(&self) -> Names {
        ["k", "c"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [k, c] = p.parameters();
        let inverse = (c * c).recip();
        let n = self.points;
        let per_unit = n as f64;
        let spacing = 1.0 / per_unit;
        let boundary = (-t + Self::JUMP).select(R::from_f64(2.0), R::zero());
        let mut before = boundary;
        for j in 0..n {
            let (here, tumour) = (u[2 * j], u[2 * j + 1]);
            // Past the last point the gradient is zero.
            let after = if j + 1 < n { u[2 * j + 2] } else { here };
            let w = (j + 1) as f64 * spacing - 1.0;
            let drift = w * w * w * per_unit;
            let diffusion = drift * w * per_unit;
            let transport = before * (diffusion - drift) - here * (2.0 * diffusion) + after * (diffusion + drift);
            let reaction = k * here * tumour;
            du[2 * j] = transport * inverse - reaction;
            du[2 * j + 1] = -reaction;
            before = here;
        }
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "medical_akzo_nobel_200",
        title: "Medical Akzo Nobel, N = 200",
        kind: Kind::Stiff,
        parameters: MedicalAkzoNobel::PARAMETERS.into(),
        initial: MedicalAkzoNobel::default().initial(),
        start: 0.0,
        end: MedicalAkzoNobel::END,
        atol_factor: 1e-4,
        condition: 62.92,
        condition_between: Vec::new(),
        discontinuities: vec![MedicalAkzoNobel::JUMP],
        reference: Reference {
            state: reference::FINAL.into(),
            between: table(include_str!("../between/medical_akzo_nobel.txt")),
            digits: 15.5,
            digits_between: 15.5,
            source: "collocation of order 17 and extrapolated implicit Euler in 33 digits, Test Set for IVP Solvers",
        },
        exact: None,
        system: bind(&MedicalAkzoNobel { points: 200 }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::eval;
    use super::*;

    /// Central differences are exact for parabolas: for $u = \zeta^2 + 2$ and no tumour the derivative is
    /// $2 (\beta + \alpha \zeta)$, where $\beta = (\zeta - 1)^4 / c^2$ and $\alpha = 2 (\zeta - 1)^3 / c^2$.
    #[test]
    fn transport_of_a_parabola() {
        let model = MedicalAkzoNobel { points: 10 };
        let u: Vec<f64> = (1..=10).flat_map(|j| [(f64::from(j) / 10.0).powi(2) + 2.0, 0.0]).collect();
        let f = eval(&model, 1.0, &u, &MedicalAkzoNobel::PARAMETERS);
        for j in 1..10 {
            let zeta = j as f64 / 10.0;
            let w = zeta - 1.0;
            let expected = 2.0 * w.powi(4) / 16.0 + 2.0 * w.powi(3) / 16.0 * 2.0 * zeta;
            approx::assert_relative_eq!(f[2 * j - 2], expected, max_relative = 1e-11);
        }
        assert_eq!(f[18], 0.0);
    }

    #[test]
    fn the_boundary_drops_and_the_reaction_uses_both() {
        let model = MedicalAkzoNobel { points: 4 };
        let u = model.initial();
        assert!(eval(&model, 4.999, &u, &MedicalAkzoNobel::PARAMETERS)[0] > 0.0);
        assert_eq!(eval(&model, 5.001, &u, &MedicalAkzoNobel::PARAMETERS), [0.0; 8]);
        let f = eval(&model, 6.0, &[1.0, 0.5].repeat(4), &MedicalAkzoNobel::PARAMETERS);
        assert_eq!([f[3], f[5], f[7]], [-50.0; 3]);
        approx::assert_relative_eq!(f[2], -50.0, max_relative = 1e-13);
    }

    /// The table of the test set, computed with a tolerance of 1e-10.
    #[test]
    fn the_test_set_agrees_to_its_tolerance() {
        let published = [
            (79, 0.2339942217046434e-3),
            (80, 0.0),
            (149, 0.3595616017506735e-3),
            (150, 0.0),
            (199, 0.11737412926802e-3),
            (200, 0.61908071460151e-5),
            (206, 0.3234526094359604e-1),
            (210, 0.4026980529594953),
            (239, 0.68600948191191e-11),
            (240, 0.99999973258552),
        ];
        let state = problem().reference.state;
        for (component, value) in published {
            approx::assert_abs_diff_eq!(state[component - 1], value, epsilon = 2e-10);
        }
    }
}
