//! Class B: small systems.

use super::{known_between, problem};
use crate::model::{Model, Names, Params};
use crate::number::Real;
use crate::problems::{Problem, names_in_blocks};

/// B1, the growth of two conflicting populations: $\dot y_1 = 2 (y_1 - y_1 y_2)$, $\dot y_2 = -(y_2 - y_1 y_2)$ from
/// $(1, 3)$. $y_1 - \ln y_1 + 2 (y_2 - \ln y_2)$ is conserved.
#[derive(Clone, Copy, Debug, Default)]
pub struct B1;

/// B2, a linear chemical reaction: $\dot y_1 = -y_1 + y_2$, $\dot y_2 = y_1 - 2 y_2 + y_3$, $\dot y_3 = y_2 - y_3$
/// from $(2, 0, 1)$, so $y = (1, 1, 1) + \tfrac12 e^{-t} (1, 0, -1) + \tfrac12 e^{-3t} (1, -2, 1)$.
#[derive(Clone, Copy, Debug, Default)]
pub struct B2;

/// B3, a nonlinear chemical reaction: $\dot y_1 = -y_1$, $\dot y_2 = y_1 - y_2^2$, $\dot y_3 = y_2^2$ from
/// $(1, 0, 0)$. The sum is conserved.
#[derive(Clone, Copy, Debug, Default)]
pub struct B3;

/// B4, the integral surface of a torus, with $r^2 = y_1^2 + y_2^2$: $\dot y_1 = -y_2 - y_1 y_3 / r$,
/// $\dot y_2 = y_1 - y_2 y_3 / r$, $\dot y_3 = y_1 / r$ from $(3, 0, 0)$, so
/// $y = \bigl((2 + \cos t) \cos t, (2 + \cos t) \sin t, \sin t\bigr)$.
#[derive(Clone, Copy, Debug, Default)]
pub struct B4;

/// B5, Euler's equations of a rigid body without external forces: $\dot y_1 = y_2 y_3$, $\dot y_2 = -y_1 y_3$,
/// $\dot y_3 = -0.51 y_1 y_2$ from $(0, 1, 1)$, so
/// $y = (\operatorname{sn}, \operatorname{cn}, \operatorname{dn})(t \mid 0.51)$, Jacobi's elliptic functions.
#[derive(Clone, Copy, Debug, Default)]
pub struct B5;

impl B1 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 2] = [1.0, 3.0];
}

impl B2 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 3] = [2.0, 0.0, 1.0];
}

impl B3 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 3] = [1.0, 0.0, 0.0];
}

impl B4 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 3] = [3.0, 0.0, 0.0];
}

impl B5 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 3] = [0.0, 1.0, 1.0];
}

impl Model for B1 {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 2)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let met = u[0] * u[1];
        du[0] = (u[0] - met) * 2.0;
        du[1] = met - u[1];
    }
}

impl Model for B2 {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 3)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let (first, last) = (u[1] - u[0], u[1] - u[2]);
        du[0] = first;
        du[1] = -first - last;
        du[2] = last;
    }
}

impl Model for B3 {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 3)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let second = u[1] * u[1];
        du[0] = -u[0];
        du[1] = u[0] - second;
        du[2] = second;
    }
}

impl Model for B4 {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 3)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let radius = (u[0] * u[0] + u[1] * u[1]).sqrt();
        let (cosine, sine) = (u[0] / radius, u[1] / radius);
        du[0] = -u[1] - cosine * u[2];
        du[1] = u[0] - sine * u[2];
        du[2] = cosine;
    }
}

impl Model for B5 {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 3)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = u[1] * u[2];
        du[1] = -u[0] * u[2];
        du[2] = u[0] * u[1] * -0.51;
    }
}

pub(in crate::problems) fn b1() -> Problem {
    let state = [0.6761876008576606, 0.18608160996400297];
    let between = vec![
        (5.17, vec![3.0472441671337664, 2.2424562468504416]),
        (16.43, vec![1.147393661509787, 2.9925698874223086]),
    ];
    known_between(
        problem("detest_b1", "DETEST B1, two populations", &B1, &B1::INITIAL, 25.37, &state, None),
        between,
        vec![(16.43, 59.82)],
    )
}

pub(in crate::problems) fn b2() -> Problem {
    let exact = |t: f64| {
        let (slow, fast) = ((-t).exp() / 2.0, (-3.0 * t).exp() / 2.0);
        vec![1.0 + slow + fast, 1.0 - 2.0 * fast, 1.0 - slow + fast]
    };
    let state = [1.0000000010305767, 1.0, 0.9999999989694232];
    problem("detest_b2", "DETEST B2, linear reaction", &B2, &B2::INITIAL, 1.0, &state, Some(exact))
}

pub(in crate::problems) fn b3() -> Problem {
    let state = [2.061153622438558e-09, 0.05257228022048512, 0.9474277177183612];
    let between = vec![
        (1.27, vec![0.2808316217783798, 0.519173430404165, 0.1999949478174553]),
        (7.13, vec![0.0008007193874922814, 0.16146112642630306, 0.8377381541862047]),
    ];
    known_between(
        problem("detest_b3", "DETEST B3, nonlinear reaction", &B3, &B3::INITIAL, 2.049, &state, None),
        between,
        vec![(7.13, 2.131)],
    )
}

pub(in crate::problems) fn b4() -> Problem {
    let exact = |t: f64| {
        let (sine, cosine) = t.sin_cos();
        vec![(2.0 + cosine) * cosine, (2.0 + cosine) * sine, sine]
    };
    let state = [0.982695092800653, 2.1984470816949298, 0.9129452507276277];
    problem("detest_b4", "DETEST B4, torus", &B4, &B4::INITIAL, 15.88, &state, Some(exact))
}

pub(in crate::problems) fn b5() -> Problem {
    let state = [-0.9396570798729204, -0.342117775400075, 0.7414126596199954];
    problem("detest_b5", "DETEST B5, rigid body", &B5, &B5::INITIAL, 41.14, &state, Some(|t| jacobi(t, 0.51).to_vec()))
}

/// Jacobi's $\operatorname{sn}$, $\operatorname{cn}$ and $\operatorname{dn}$ of parameter $m$ by the
/// arithmetic–geometric mean (M. Abramowitz, I. A. Stegun, *Handbook of Mathematical Functions*, 16.4).
fn jacobi(t: f64, m: f64) -> [f64; 3] {
    let (mut a, mut b) = (1.0, (1.0 - m).sqrt());
    let mut ratios = Vec::new();
    // Converges quadratically; six turns are plenty for m = 0.51.
    for _ in 0..6 {
        let c = (a - b) / 2.0;
        (a, b) = ((a + b) / 2.0, (a * b).sqrt());
        ratios.push(c / a);
    }
    let mut phi = a * t * f64::powi(2.0, ratios.len() as i32);
    for ratio in ratios.iter().rev() {
        phi = (phi + (ratio * phi.sin()).asin()) / 2.0;
    }
    let (sn, cn) = phi.sin_cos();
    [sn, cn, (1.0 - m * sn * sn).sqrt()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariants() {
        let populations = |u: &[f64]| u[0] - u[0].ln() + 2.0 * (u[1] - u[1].ln());
        let known = |problem: Problem| {
            let mut states = problem.reference.between;
            states.push((problem.end, problem.reference.state));
            states
        };
        for (_, b1) in known(b1()) {
            approx::assert_relative_eq!(populations(&b1), populations(&B1::INITIAL), max_relative = 1e-15);
        }
        for (t, b3) in known(b3()) {
            approx::assert_relative_eq!(b3.iter().sum::<f64>(), 1.0, max_relative = 3e-16);
            approx::assert_relative_eq!(b3[0], (-t).exp(), max_relative = 1e-15);
        }
        let b5 = b5().reference.state;
        approx::assert_relative_eq!(b5[0].hypot(b5[1]), 1.0, max_relative = 3e-16);
        approx::assert_relative_eq!(0.51 * b5[0].powi(2) + b5[2].powi(2), 1.0, max_relative = 1e-15);
    }

    /// From M. Abramowitz, I. A. Stegun: $K(m)$ for $m = 0.51$ is 1.86264 08…; there sn is one.
    #[test]
    fn the_quarter_period() {
        let [sn, cn, dn] = jacobi(1.862640802332739, 0.51);
        approx::assert_relative_eq!(sn, 1.0, max_relative = 1e-15);
        approx::assert_abs_diff_eq!(cn, 0.0, epsilon = 1e-15);
        approx::assert_relative_eq!(dn, 0.49f64.sqrt(), max_relative = 1e-15);
    }
}
