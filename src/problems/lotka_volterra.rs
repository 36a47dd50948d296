//! Predators and prey.

use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;

/// Lotka–Volterra: prey $x$ and predators $y$,
///
/// $$ \dot x = a x - b x y, \qquad \dot y = c x y - d y . $$
///
/// Smooth, periodic and small: what a step costs shows, and little else. $c x - d \ln x + b y - a \ln y$ is conserved.
/// Up to $t = 10$ from $(0.44249296, 4.6280594)$.
///
/// Source: A. J. Lotka, *Elements of Physical Biology*, 1925; V. Volterra, *Variazioni e fluttuazioni del numero
/// d'individui in specie animali conviventi*, 1926. Parameters and initial values: Ch. Rackauckas et al., *Universal
/// differential equations for scientific machine learning*, arXiv:2001.04385. Reference: collocation of order 17 and
/// extrapolation, both in 33 digits, agree to all digits of a double; so does a Taylor series in 30 digits.
#[derive(Clone, Copy, Debug, Default)]
pub struct LotkaVolterra;

impl LotkaVolterra {
    /// $a, b, c, d$.
    pub const PARAMETERS: [f64; 4] = [1.3, 0.9, 0.8, 1.8];
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 2] = [0.44249296, 4.6280594];
    /// The final time.
    pub const END: f64 = 10.0;
}

impl Model for LotkaVolterra {
    fn states(&self) -> Names {
        ["prey", "predator"].into()
    }
    fn parameters(&self) -> Names {
        ["growth", "predation", "conversion", "decay"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [growth, predation, conversion, decay] = p.parameters();
        let met = u[0] * u[1];
        du[0] = growth * u[0] - predation * met;
        du[1] = conversion * met - decay * u[1];
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "lotka_volterra",
        title: "Lotka–Volterra",
        kind: Kind::NonStiff,
        parameters: LotkaVolterra::PARAMETERS.into(),
        initial: LotkaVolterra::INITIAL.into(),
        start: 0.0,
        end: LotkaVolterra::END,
        atol_factor: 1.0,
        condition: 39.41,
        condition_between: Vec::new(),
        discontinuities: Vec::new(),
        reference: Reference {
            state: vec![8.851586911028468, 1.2238133862027176],
            between: vec![
                (0.73, vec![0.186374161773201, 1.439114287440136]),
                (2.41, vec![0.7808689331634958, 0.11404581987633411]),
                (4.17, vec![6.663192976106865, 0.23842620447333096]),
                (6.59, vec![0.21339594171590076, 0.7559650523885163]),
                (8.83, vec![2.517710834999138, 0.06339557035248018]),
            ],
            digits: 15.5,
            digits_between: 15.5,
            source: "collocation of order 17 and extrapolation in 33 digits",
        },
        exact: None,
        system: bind(&LotkaVolterra),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_invariant_is_that_of_the_reference() {
        let [a, b, c, d] = LotkaVolterra::PARAMETERS;
        let invariant = |u: &[f64]| c * u[0] - d * u[0].ln() + b * u[1] - a * u[1].ln();
        let problem = problem();
        approx::assert_relative_eq!(
            invariant(&problem.reference.state),
            invariant(&problem.initial),
            max_relative = 1e-14
        );
    }
}
