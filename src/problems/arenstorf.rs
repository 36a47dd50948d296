//! A periodic orbit about earth and moon.

use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;

/// The Arenstorf orbit: a satellite at $(x, y)$ in the frame that turns with earth and moon, of masses
/// $\mu' = 1 - \mu$ and $\mu$,
///
/// $$ \ddot x = x + 2 \dot y - \mu' \frac{x + \mu}{D_1} - \mu \frac{x - \mu'}{D_2}, \qquad
///    \ddot y = y - 2 \dot x - \mu' \frac{y}{D_1} - \mu \frac{y}{D_2}, $$
/// $$ D_1 = \bigl((x + \mu)^2 + y^2\bigr)^{3/2}, \qquad D_2 = \bigl((x - \mu')^2 + y^2\bigr)^{3/2} . $$
///
/// Distances are in units of that between earth and moon, a month is $2\pi$. The orbit closes after one turn and
/// passes the moon so closely that the step changes by orders of magnitude: it tests step control and the sensitivity
/// to errors early on, which grow by $10^6$.
///
/// Source: R. F. Arenstorf, *Periodic solutions of the restricted three body problem representing analytic
/// continuations of Keplerian elliptic motions*, Amer. J. Math. 85 (1963) 27–35; E. Hairer, S. P. Nørsett, G. Wanner,
/// *Solving Ordinary Differential Equations I*, 2nd ed., 1993, section II.0. Reference: collocation of order 17 and
/// extrapolation, both in 33 digits, from the initial values as doubles, agree to all digits of a double. They differ
/// from the initial state by 1.4e-11, which is what rounding the initial velocity and the period does to the orbit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arenstorf;

impl Arenstorf {
    /// $\mu$, the moon's share of the mass.
    pub const PARAMETERS: [f64; 1] = [0.012_277_471];
    /// $x, y, \dot x, \dot y$ at $t = 0$.
    pub const INITIAL: [f64; 4] = [0.994, 0.0, 0.0, -2.001_585_106_379_082_5];
    /// The period.
    pub const END: f64 = 17.065_216_560_157_964;
}

impl Model for Arenstorf {
    fn states(&self) -> Names {
        ["x", "y", "vx", "vy"].into()
    }
    fn parameters(&self) -> Names {
        ["mu"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [mu] = p.parameters();
        let [x, y, vx, vy] = [u[0], u[1], u[2], u[3]];
        let earth = -mu + 1.0;
        let (from_earth, from_moon) = (x + mu, x - earth);
        let y2 = y * y;
        let r1 = from_earth * from_earth + y2;
        let r2 = from_moon * from_moon + y2;
        let pull_earth = earth / (r1 * r1.sqrt());
        let pull_moon = mu / (r2 * r2.sqrt());
        du[0] = vx;
        du[1] = vy;
        du[2] = x + vy * 2.0 - pull_earth * from_earth - pull_moon * from_moon;
        du[3] = y - vx * 2.0 - (pull_earth + pull_moon) * y;
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "arenstorf",
        title: "Arenstorf orbit",
        kind: Kind::NonStiff,
        parameters: Arenstorf::PARAMETERS.into(),
        initial: Arenstorf::INITIAL.into(),
        start: 0.0,
        end: Arenstorf::END,
        atol_factor: 1.0,
        condition: 5134000.0,
        condition_between: Vec::new(),
        discontinuities: Vec::new(),
        reference: Reference {
            state: vec![0.993999999999974, -8.855134620081139e-14, -1.4388667357252829e-11, -2.001585106383129],
            between: vec![
                (1.37, vec![-0.11119003160157893, 0.510129993679992, -1.0949147819720453, 0.19809945487899364]),
                (5.23, vec![-0.028141734217409568, 0.7636058047016536, -0.3270078757512415, -0.47570835442407333]),
                (8.71, vec![-1.236742580271488, 0.09755769617367056, 0.09068645051698312, 0.5419017204292218]),
                (12.19, vec![0.030770854939831248, -0.9174730858095518, 0.013068937266827568, -0.3942246308809433]),
                (15.83, vec![0.043624920953405984, -0.4732872657337434, 1.1860732882906628, 0.3619944841168237]),
            ],
            digits: 15.5,
            digits_between: 15.5,
            source: "collocation of order 17 and extrapolation in 33 digits; the published period",
        },
        exact: None,
        system: bind(&Arenstorf),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{dot, eval, jacobian};
    use super::*;

    /// Twice the effective potential.
    fn potential(x: f64, y: f64) -> f64 {
        let [mu] = Arenstorf::PARAMETERS;
        x * x + y * y + 2.0 * (1.0 - mu) / (x + mu).hypot(y) + 2.0 * mu / (x - 1.0 + mu).hypot(y)
    }

    /// Jacobi's constant.
    fn jacobi(u: &[f64]) -> f64 {
        potential(u[0], u[1]) - u[2] * u[2] - u[3] * u[3]
    }

    #[test]
    fn the_jacobi_constant_is_conserved() {
        let u = [0.3, -0.8, 0.4, 0.7];
        let f = eval(&Arenstorf, 0.0, &u, &Arenstorf::PARAMETERS);
        let h = 1e-5;
        let along = |s: f64| jacobi(&[u[0] + s * f[0], u[1] + s * f[1], u[2] + s * f[2], u[3] + s * f[3]]);
        assert!(((along(h) - along(-h)) / (2.0 * h)).abs() < 1e-8);
        approx::assert_relative_eq!(
            jacobi(&problem().reference.state),
            jacobi(&Arenstorf::INITIAL),
            max_relative = 1e-11
        );
    }

    #[test]
    fn the_orbit_closes() {
        let closed = problem().error(&Arenstorf::INITIAL);
        assert!(closed < 2e-11, "{closed:e}");
    }

    /// $L_4$ stands still: at the corner of an equilateral triangle with earth and moon.
    #[test]
    fn the_fourth_lagrange_point_stands_still() {
        let u = [0.5 - Arenstorf::PARAMETERS[0], 0.75f64.sqrt(), 0.0, 0.0];
        let f = eval(&Arenstorf, 0.0, &u, &Arenstorf::PARAMETERS);
        assert!(dot(&f, &f).sqrt() < 1e-15);
        // Its frequencies: the characteristic polynomial's middle coefficient is one.
        let j = jacobian(&Arenstorf, 0.0, &u, &Arenstorf::PARAMETERS);
        let (xx, xy, yy) = (j[8], j[9], j[13]);
        approx::assert_relative_eq!(4.0 - xx - yy, 1.0, max_relative = 1e-13);
        approx::assert_relative_eq!(xy, j[12], max_relative = 1e-13);
    }
}
