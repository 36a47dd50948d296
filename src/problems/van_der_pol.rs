//! Relaxation oscillations.

use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;

/// Van der Pol's oscillator in its own time,
///
/// $$ \dot y_1 = y_2, \qquad \dot y_2 = \mu (1 - y_1^2) y_2 - y_1 . $$
///
/// For large $\mu$ the solution creeps along $\mu (1 - y_1^2) y_2 = y_1$ for a time of about $0.8 \mu$ and jumps within
/// $1/\mu$. With $\mu = 1000$ from $(2, 0)$ to $t = 3000$ there are three jumps: a method has to notice stiffness,
/// leave it and come back. Small $\mu$ makes it non-stiff.
///
/// Source: B. van der Pol, *On relaxation oscillations*, Phil. Mag. 2 (1926) 978–992; L. F. Shampine, *Evaluation of
/// a test set for stiff ODE solvers*, ACM TOMS 7 (1981) 409–420. Reference: collocation of order 17 and extrapolated
/// implicit Euler, both in 33 digits, agree to all digits of a double. The state at $t = 2000$ is that of the *Test
/// Set for IVP Solvers*, `vdpolm`, to 14 digits.
#[derive(Clone, Copy, Debug, Default)]
pub struct VanDerPol;

impl VanDerPol {
    /// $\mu$.
    pub const PARAMETERS: [f64; 1] = [1e3];
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 2] = [2.0, 0.0];
    /// The final time.
    pub const END: f64 = 3000.0;
}

/// Van der Pol's oscillator in the time of its slow motion,
///
/// $$ \dot y_1 = y_2, \qquad \dot y_2 = \mu \bigl((1 - y_1^2) y_2 - y_1\bigr) , $$
///
/// which is the other form for $\sqrt\mu$, with time in units of $\sqrt\mu$. With $\mu = 10^6$ from
/// $(2, 0)$ to $t = 2$ it is the standard example of a stiff problem that turns non-stiff twice.
///
/// Source: E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, 2nd ed., 1996, section IV.10; *Test Set
/// for IVP Solvers*, release 2.4, 2008, `vdpol`. Reference: collocation of order 17 and extrapolated implicit Euler,
/// both in 33 digits, agree to all digits of a double; the test set's agrees to 14 digits.
#[derive(Clone, Copy, Debug, Default)]
pub struct VanDerPolScaled;

impl VanDerPolScaled {
    /// $\mu = 1/\varepsilon$.
    pub const PARAMETERS: [f64; 1] = [1e6];
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 2] = [2.0, 0.0];
    /// The final time.
    pub const END: f64 = 2.0;
}

impl Model for VanDerPol {
    fn states(&self) -> Names {
        ["y1", "y2"].into()
    }
    fn parameters(&self) -> Names {
        ["mu"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [mu] = p.parameters();
        du[0] = u[1];
        du[1] = mu * (-u[0] * u[0] + 1.0) * u[1] - u[0];
    }
}

impl Model for VanDerPolScaled {
    fn states(&self) -> Names {
        ["y1", "y2"].into()
    }
    fn parameters(&self) -> Names {
        ["mu"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [mu] = p.parameters();
        du[0] = u[1];
        du[1] = mu * ((-u[0] * u[0] + 1.0) * u[1] - u[0]);
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "vanderpol_1e3",
        title: "Van der Pol, μ = 1e3",
        kind: Kind::Stiff,
        parameters: VanDerPol::PARAMETERS.into(),
        initial: VanDerPol::INITIAL.into(),
        start: 0.0,
        end: VanDerPol::END,
        atol_factor: 1.0,
        condition: 2.113,
        condition_between: vec![(613.0, 2.316)],
        discontinuities: Vec::new(),
        reference: Reference {
            state: vec![-1.5106069367441115, 0.0011783800007309111],
            between: vec![
                (137.0, vec![1.9048715137683951, -0.0007246891053640243]),
                (613.0, vec![1.4683080542949754, -0.0012702386007271006]),
                (1123.0, vec![-1.7663274319991034, 0.0008332073079938853]),
                (1711.0, vec![1.9337647464048715, -0.000705896095027565]),
                (2000.0, vec![1.706167732170465, -0.000_892_809_701_024_816_6]),
                (2591.0, vec![-1.8811318536015316, 0.0007409946653864802]),
            ],
            digits: 15.5,
            digits_between: 15.5,
            source: "collocation of order 17 and extrapolated implicit Euler in 33 digits, Test Set for IVP Solvers",
        },
        exact: None,
        system: bind(&VanDerPol),
    }
}

pub(super) fn scaled() -> Problem {
    Problem {
        name: "vanderpol_1e6",
        title: "Van der Pol, μ = 1e6",
        kind: Kind::Stiff,
        parameters: VanDerPolScaled::PARAMETERS.into(),
        initial: VanDerPolScaled::INITIAL.into(),
        start: 0.0,
        end: VanDerPolScaled::END,
        atol_factor: 1.0,
        condition: 2.273,
        condition_between: vec![(0.613, 5.947), (1.571, 35.59)],
        discontinuities: Vec::new(),
        reference: Reference {
            state: vec![1.706167732170465, -0.8928097010248165],
            between: vec![
                (0.137, vec![1.9048715137683951, -0.7246891053640243]),
                (0.613, vec![1.4683080542949754, -1.2702386007271005]),
                (1.123, vec![-1.7663274319991034, 0.8332073079938852]),
                (1.571, vec![-1.2141991583718061, 2.560032123325161]),
                (1.873, vec![1.8128039934038824, -0.7929127380427778]),
            ],
            digits: 15.5,
            digits_between: 15.5,
            source: "collocation of order 17 and extrapolated implicit Euler in 33 digits, Test Set for IVP Solvers",
        },
        exact: None,
        system: bind(&VanDerPolScaled),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::eval;
    use super::*;

    /// With $t = \mu s$ the first form becomes the second with $\mu^2$: $y_2$ times $\mu$, the derivatives
    /// accordingly. So the references of the two at $t = 2000$ and $s = 2$ are the same.
    #[test]
    fn the_two_forms_are_one() {
        let f = eval(&VanDerPol, 0.0, &[1.3, 0.02], &[50.0]);
        let g = eval(&VanDerPolScaled, 0.0, &[1.3, 0.02 * 50.0], &[2500.0]);
        approx::assert_relative_eq!(f[0] * 50.0, g[0], max_relative = 1e-15);
        approx::assert_relative_eq!(f[1] * 2500.0, g[1], max_relative = 1e-14);
        let (slow, fast) = (problem().solution_at(2000.0).unwrap(), scaled().reference.state);
        approx::assert_relative_eq!(slow[0], fast[0], max_relative = 3e-15);
        approx::assert_relative_eq!(slow[1] * 1000.0, fast[1], max_relative = 3e-15);
    }

    #[test]
    fn the_test_set_agrees() {
        assert!(scaled().error(&[1.706167732170483, -0.8928097010247975]) < 2e-14);
        assert!(problem().error_at(2000.0, &[1.706167732170469, -8.928097010248125e-4]).unwrap() < 1e-14);
    }
}
