//! A smooth solution in a stiff field.

use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;

/// The Prothero–Robinson problem,
///
/// $$ \dot y = \lambda \bigl(y - \varphi(t)\bigr) + \dot\varphi(t), \qquad y(0) = \varphi(0), \qquad
///    \varphi(t) = 10 - (10 + t) e^{-t} , $$
///
/// whose solution is $\varphi$ whatever $\lambda$. For $\lambda \to -\infty$ Runge–Kutta methods fall from their
/// classical order to little more than their stage order: this is the test for order reduction, and for S-stability.
/// Up to $t = 15$, catalogued with $\lambda = -10^6$; the paper's example has $-200$.
///
/// Source: A. Prothero, A. Robinson, *On the stability and accuracy of one-step methods for solving stiff systems of
/// ordinary differential equations*, Math. Comp. 28 (1974) 145–162. Exact solution.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProtheroRobinson;

impl ProtheroRobinson {
    /// $\lambda$.
    pub const PARAMETERS: [f64; 1] = [-1e6];
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 1] = [0.0];
    /// The final time.
    pub const END: f64 = 15.0;

    /// $\varphi(t)$, the solution.
    pub fn exact(t: f64) -> f64 {
        10.0 - (10.0 + t) * (-t).exp()
    }
}

impl Model for ProtheroRobinson {
    fn states(&self) -> Names {
        ["y"].into()
    }
    fn parameters(&self) -> Names {
        ["lambda"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [lambda] = p.parameters();
        let decay = (-t).exp();
        let phi = -(t + 10.0) * decay + 10.0;
        du[0] = lambda * (u[0] - phi) + (t + 9.0) * decay;
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "prothero_robinson",
        title: "Prothero–Robinson, λ = -1e6",
        kind: Kind::Stiff,
        parameters: ProtheroRobinson::PARAMETERS.into(),
        initial: ProtheroRobinson::INITIAL.into(),
        start: 0.0,
        end: ProtheroRobinson::END,
        atol_factor: 1.0,
        condition: 1.0,
        condition_between: Vec::new(),
        discontinuities: Vec::new(),
        reference: Reference {
            state: vec![ProtheroRobinson::exact(ProtheroRobinson::END)],
            between: Vec::new(),
            digits: 15.5,
            digits_between: 0.0,
            source: "exact",
        },
        exact: Some(|t| vec![ProtheroRobinson::exact(t)]),
        system: bind(&ProtheroRobinson),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{derivative, eval};
    use super::*;

    #[test]
    fn the_exact_solution_solves_it_whatever_lambda() {
        for lambda in [0.0, -200.0, 3.0] {
            for t in [0.3, 1.0, 4.0] {
                let rate = derivative(|t| vec![ProtheroRobinson::exact(t)], t, 1e-2);
                let f = eval(&ProtheroRobinson, t, &[ProtheroRobinson::exact(t)], &[lambda]);
                approx::assert_relative_eq!(f[0], rate[0], max_relative = 1e-11);
            }
        }
        let off = eval(&ProtheroRobinson, 2.0, &[ProtheroRobinson::exact(2.0) + 0.5], &[-200.0]);
        let on = eval(&ProtheroRobinson, 2.0, &[ProtheroRobinson::exact(2.0)], &[-200.0]);
        approx::assert_relative_eq!(off[0] - on[0], -100.0, max_relative = 1e-13);
    }
}
