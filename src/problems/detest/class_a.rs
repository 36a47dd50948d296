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
    problem(
        "detest_a5",
        "DETEST A5, spiral",
        &A5,
        &A5::INITIAL,
        16.68,
        &[-0.7887826688964015],
        Some(|t| vec![spiral(t)]),
    )
}

/// A5's $y$ from the equation of its spiral, $\ln \tfrac14 \sqrt{t^2 + y^2} = \arg(y + i t)$. The difference of the
/// sides rises with $y$ from $-t$. The solution is above that until the spiral turns back, after $t = 29$, and below
/// $4 + t$, as $\dot y < 1$; Newton's iteration is kept between the two by bisection.
fn spiral(t: f64) -> f64 {
    let (mut low, mut high) = (-t, 4.0 + t);
    let mut y = 4.0;
    for _ in 0..60 {
        let radius = t.hypot(y);
        let residual = (radius / 4.0).ln() - t.atan2(y);
        if residual > 0.0 {
            high = y;
        } else {
            low = y;
        }
        let newton = y - residual * radius * radius / (y + t);
        let next = if newton >= low && newton <= high { newton } else { (low + high) / 2.0 };
        let converged = (next - y).abs() <= 2.0 * f64::EPSILON * radius;
        y = next;
        if converged {
            break;
        }
    }
    y
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

    /// Past its top at $y = t$, and where it falls to zero: collocation, extrapolation and a Taylor series, in 33
    /// digits and more, agree on these.
    #[test]
    fn a5_by_its_formula() {
        assert_eq!(spiral(0.0), 4.0);
        for (t, y) in [(6.37, 6.202420943447811), (18.73, 0.4985244989227158)] {
            approx::assert_abs_diff_eq!(spiral(t), y, epsilon = 3e-15 * (1.0 + y));
        }
    }
}
