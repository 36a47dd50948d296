//! Class A: single equations.

use super::problem;
use crate::model::{Model, Names, Params};
use crate::number::Real;
use crate::problems::Problem;

/// A1, the negative exponential: $\dot y = -y$, $y(0) = 1$, so $y = e^{-t}$.
#[derive(Clone, Copy, Debug, Default)]
pub struct A1;

/// A2, a special case of the Riccati equation: $\dot y = -\tfrac12 y^3$, $y(0) = 1$, so $y = (1 + t)^{-1/2}$.
#[derive(Clone, Copy, Debug, Default)]
pub struct A2;

/// A3, an oscillatory problem: $\dot y = y \cos t$, $y(0) = 1$, so $y = e^{\sin t}$.
#[derive(Clone, Copy, Debug, Default)]
pub struct A3;

/// A4, a logistic curve: $\dot y = \tfrac14 y (1 - \tfrac1{20} y)$, $y(0) = 1$, so $y = 20 / (1 + 19 e^{-t/4})$.
#[derive(Clone, Copy, Debug, Default)]
pub struct A4;

/// A5, a spiral curve: $\dot y = (y - t) / (y + t)$, $y(0) = 4$. In the plane of $t$ and $y$ it is a logarithmic
/// spiral, $\tfrac12 \ln(t^2 + y^2) + \arg(t + i y) = \ln 4 + \tfrac\pi2$.
#[derive(Clone, Copy, Debug, Default)]
pub struct A5;

impl A1 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 1] = [1.0];
}

impl A2 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 1] = [1.0];
}

impl A3 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 1] = [1.0];
}

impl A4 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 1] = [1.0];
}

impl A5 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 1] = [4.0];
}

impl Model for A1 {
    fn states(&self) -> Names {
        ["y"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = -u[0];
    }
}

impl Model for A2 {
    fn states(&self) -> Names {
        ["y"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = u[0] * u[0] * u[0] * -0.5;
    }
}

impl Model for A3 {
    fn states(&self) -> Names {
        ["y"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = u[0] * t.cos();
    }
}

impl Model for A4 {
    fn states(&self) -> Names {
        ["y"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = u[0] * (u[0] * -0.0125 + 0.25);
    }
}

impl Model for A5 {
    fn states(&self) -> Names {
        ["y"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = (u[0] - t) / (u[0] + t);
    }
}

pub(in crate::problems) fn a1() -> Problem {
    problem(
        "detest_a1",
        "DETEST A1, decay",
        &A1,
        &A1::INITIAL,
        1.0,
        &[2.061153622438558e-09],
        Some(|t| vec![(-t).exp()]),
    )
}

pub(in crate::problems) fn a2() -> Problem {
    let exact = |t: f64| vec![1.0 / (1.0 + t).sqrt()];
    problem("detest_a2", "DETEST A2, Riccati", &A2, &A2::INITIAL, 1.0, &[0.2182178902359924], Some(exact))
}

pub(in crate::problems) fn a3() -> Problem {
    let exact = |t: f64| vec![t.sin().exp()];
    problem("detest_a3", "DETEST A3, oscillation", &A3, &A3::INITIAL, 2.653, &[2.4916502718504145], Some(exact))
}

pub(in crate::problems) fn a4() -> Problem {
    let exact = |t: f64| vec![20.0 / (1.0 + 19.0 * (-t / 4.0).exp())];
    problem("detest_a4", "DETEST A4, logistic curve", &A4, &A4::INITIAL, 1.0, &[17.73016648131484], Some(exact))
}

pub(in crate::problems) fn a5() -> Problem {
    problem("detest_a5", "DETEST A5, spiral", &A5, &A5::INITIAL, 16.68, &[-0.7887826688964015], None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a5_is_a_spiral() {
        let spiral = |t: f64, y: f64| t.hypot(y).ln() + y.atan2(t);
        let problem = a5();
        approx::assert_relative_eq!(
            spiral(problem.end, problem.reference.state[0]),
            spiral(0.0, 4.0),
            max_relative = 1e-15
        );
    }
}
