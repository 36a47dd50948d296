//! Reaction and diffusion on a line.

mod reference;

use super::between::table;
use super::names_interleaved;
use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;
use std::f64::consts::PI;

/// The Brusselator with diffusion in one dimension,
///
/// $$ u_t = A + u^2 v - (B + 1) u + \alpha u_{xx}, \qquad v_t = B u - u^2 v + \alpha v_{xx}, $$
///
/// on $0 < x < 1$ with $u = 1$, $v = 3$ at both ends, $u(x, 0) = 1 + \sin 2 \pi x$, $v(x, 0) = 3$, by central
/// differences at $N$ interior points $x_i = i / (N + 1)$. States $u_1, v_1, u_2, v_2, …$, so that the Jacobian has
/// bandwidth 2; up to $t = 10$.
///
/// A medium-sized banded system whose stiffness grows like $4 \alpha (N + 1)^2$, about 800 for the catalogued
/// $N = 100$; any $N$ may be chosen.
///
/// Source: R. Lefever, G. Nicolis, *Chemical instabilities and sustained oscillations*, J. Theor. Biol. 30 (1971)
/// 267–284; E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, 2nd ed., 1996, section IV.1.
/// Reference: collocation of order 17 and extrapolation, both in 33 digits, agree to all digits of a double.
#[derive(Clone, Copy, Debug)]
pub struct Brusselator1d {
    /// Interior points $N$.
    pub points: usize,
}

impl Default for Brusselator1d {
    fn default() -> Self {
        Brusselator1d { points: 100 }
    }
}

impl Brusselator1d {
    /// $A, B, \alpha$.
    pub const PARAMETERS: [f64; 3] = [1.0, 3.0, 0.02];
    /// The final time.
    pub const END: f64 = 10.0;
    /// $u$ and $v$ at both ends.
    const BOUNDARY: [f64; 2] = [1.0, 3.0];

    /// The state at $t = 0$.
    pub fn initial(&self) -> Vec<f64> {
        let x = |i: usize| i as f64 / (self.points + 1) as f64;
        (1..=self.points).flat_map(|i| [1.0 + (2.0 * PI * x(i)).sin(), 3.0]).collect()
    }
}

impl Model for Brusselator1d {
    fn states(&self) -> Names {
        names_interleaved(&["u", "v"], self.points)
    }
    fn parameters(&self) -> Names {
        ["a", "b", "alpha"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [a, b, alpha] = p.parameters();
        let n = self.points;
        let c = alpha * ((n + 1) * (n + 1)) as f64;
        let [u_end, v_end] = Self::BOUNDARY.map(R::from_f64);
        let (mut u_before, mut v_before) = (u_end, v_end);
        for i in 0..n {
            let (here, other) = (u[2 * i], u[2 * i + 1]);
            let (u_after, v_after) = if i + 1 < n { (u[2 * i + 2], u[2 * i + 3]) } else { (u_end, v_end) };
            let reaction = here * here * other;
            let fed = b * here;
            du[2 * i] = a + reaction - fed - here + c * (u_before - here * 2.0 + u_after);
            du[2 * i + 1] = fed - reaction + c * (v_before - other * 2.0 + v_after);
            (u_before, v_before) = (here, other);
        }
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "brusselator1d_100",
        title: "Brusselator 1-D, N = 100",
        kind: Kind::Parabolic,
        parameters: Brusselator1d::PARAMETERS.into(),
        initial: Brusselator1d::default().initial(),
        start: 0.0,
        end: Brusselator1d::END,
        atol_factor: 1.0,
        condition: 2.962,
        condition_between: vec![(0.71, 3.658), (5.47, 7.37), (8.61, 5.824)],
        discontinuities: Vec::new(),
        reference: Reference {
            state: reference::FINAL.into(),
            between: table(include_str!("../between/brusselator_1d.txt")),
            digits: 15.5,
            digits_between: 15.5,
            source: "collocation of order 17 and extrapolation in 33 digits",
        },
        exact: None,
        system: bind(&Brusselator1d { points: 100 }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::eval;
    use super::*;

    /// $u = A$, $v = B / A$ is a steady state, and its small waves $\sin \pi k x$ grow or fade with the matrix of the
    /// theory.
    #[test]
    fn waves_on_the_steady_state() {
        let model = Brusselator1d { points: 30 };
        let [a, b, alpha] = Brusselator1d::PARAMETERS;
        let steady = [1.0, 3.0].repeat(30);
        assert!(eval(&model, 0.0, &steady, &Brusselator1d::PARAMETERS).iter().all(|f| f.abs() < 1e-12));
        let (k, h) = (3.0, 1e-6);
        let wave = |i: usize| (PI * k * (i + 1) as f64 / 31.0).sin();
        let push = |s: f64| -> Vec<f64> {
            let u: Vec<f64> = (0..60).map(|i| steady[i] + s * wave(i / 2) * [1.0, -0.5][i % 2]).collect();
            eval(&model, 0.0, &u, &Brusselator1d::PARAMETERS)
        };
        let (up, down) = (push(h), push(-h));
        let decay = alpha * (2.0 * 31.0 * (PI * k / 62.0).sin()).powi(2);
        for i in 0..30 {
            let [du, dv] = [0, 1].map(|s| (up[2 * i + s] - down[2 * i + s]) / (2.0 * h));
            approx::assert_abs_diff_eq!(du, ((b - 1.0 - decay) - 0.5 * a * a) * wave(i), epsilon = 1e-7);
            approx::assert_abs_diff_eq!(dv, (-b + 0.5 * (a * a + decay)) * wave(i), epsilon = 1e-7);
        }
    }

    /// The initial waves are mirrored at the middle, and the equations keep that.
    #[test]
    fn dimensions_fit() {
        let problem = problem();
        assert_eq!(problem.initial.len(), 200);
        assert_eq!(problem.reference.state.len(), 200);
    }
}
