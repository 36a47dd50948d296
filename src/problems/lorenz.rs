//! Convection that became the first strange attractor.

use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;

/// Lorenz: a convection roll's strength $x$, and the temperature differences $y$ across and $z$ up it,
///
/// $$ \dot x = \sigma (y - x), \qquad \dot y = x (\rho - z) - y, \qquad \dot z = x y - \beta z . $$
///
/// The orbit turns about both wings of the attractor. Up to $t = 10$ from $(1, 0, 0)$ errors grow by no more than
/// about 30, so that the solution is still determined by the data; later it is chaos.
///
/// Source: E. N. Lorenz, *Deterministic nonperiodic flow*, J. Atmos. Sci. 20 (1963) 130–141. Reference: collocation
/// of order 17 and extrapolation, both in 33 digits, agree to all digits of a double; so does a Taylor series in 30
/// digits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lorenz;

impl Lorenz {
    /// $\sigma, \rho, \beta$.
    pub const PARAMETERS: [f64; 3] = [10.0, 28.0, 8.0 / 3.0];
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 3] = [1.0, 0.0, 0.0];
    /// The final time.
    pub const END: f64 = 10.0;
}

impl Model for Lorenz {
    fn states(&self) -> Names {
        ["x", "y", "z"].into()
    }
    fn parameters(&self) -> Names {
        ["sigma", "rho", "beta"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [sigma, rho, beta] = p.parameters();
        let [x, y, z] = [u[0], u[1], u[2]];
        du[0] = sigma * (y - x);
        du[1] = x * (rho - z) - y;
        du[2] = x * y - beta * z;
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "lorenz",
        title: "Lorenz, chaotic",
        kind: Kind::NonStiff,
        parameters: Lorenz::PARAMETERS.into(),
        initial: Lorenz::INITIAL.into(),
        start: 0.0,
        end: Lorenz::END,
        atol_factor: 1.0,
        condition: 31.06,
        condition_between: Vec::new(),
        discontinuities: Vec::new(),
        reference: Reference {
            state: vec![-5.857685382424091, -5.831082486426098, 23.93213298702757],
            between: vec![
                (0.37, vec![19.13398742553936, 25.39784121972234, 36.49226959183389]),
                (1.91, vec![-7.390763394611086, -7.529759116046491, 25.481076288547033]),
                (4.13, vec![-9.530934639858447, -8.608206773700356, 29.405247297155743]),
                (6.47, vec![-9.449416366231116, -10.944636775808737, 26.216845444885536]),
                (8.71, vec![-6.3035959408666296, -5.765946459777699, 25.2114481192542]),
            ],
            digits: 15.5,
            digits_between: 15.5,
            source: "collocation of order 17 and extrapolation in 33 digits",
        },
        exact: None,
        system: bind(&Lorenz),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{eval, jacobian};
    use super::*;

    /// The rolls at rest, $x = y = \pm\sqrt{\beta (\rho - 1)}$, $z = \rho - 1$, and the rate at which volumes shrink.
    #[test]
    fn fixed_points_and_divergence() {
        let [sigma, rho, beta] = Lorenz::PARAMETERS;
        let x = (beta * (rho - 1.0)).sqrt();
        for x in [x, -x] {
            let f = eval(&Lorenz, 0.0, &[x, x, rho - 1.0], &Lorenz::PARAMETERS);
            assert!(f.iter().all(|f| f.abs() < 1e-13), "{f:?}");
        }
        let j = jacobian(&Lorenz, 0.0, &[1.0, -3.0, 20.0], &Lorenz::PARAMETERS);
        approx::assert_relative_eq!(j[0] + j[4] + j[8], -(sigma + 1.0 + beta), max_relative = 1e-15);
    }
}
