//! Promises of the solver layer that are about more than one of its files.

mod additive;
mod algebraic;
mod going_on;
mod seams;
mod stepping;

use super::Method;
use crate::model::{Model, Names, Params};
use crate::number::Real;

/// All methods, and the fixed step that one without an error estimate takes in these tests.
fn methods() -> Vec<(Method, Option<f64>)> {
    Method::ALL.map(|method| (method, (!method.is_adaptive()).then_some(0.01))).to_vec()
}

/// Van der Pol's oscillator with a force, so that the right-hand side depends on time.
struct Oscillator;

impl Model for Oscillator {
    fn states(&self) -> Names {
        ["x", "v"].into()
    }
    fn parameters(&self) -> Names {
        ["mu"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [mu] = p.parameters();
        du[0] = u[1];
        du[1] = mu * (-u[0] * u[0] + 1.0) * u[1] - u[0] + t.sin() * 0.5;
    }
}

/// $\dot n = r n (1 - n)$.
struct Logistic;

impl Logistic {
    fn exact(rate: f64, n: f64, t: f64) -> f64 {
        n / (n + (1.0 - n) * (-rate * t).exp())
    }
}

impl Model for Logistic {
    fn states(&self) -> Names {
        ["n"].into()
    }
    fn parameters(&self) -> Names {
        ["rate"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [rate] = p.parameters();
        du[0] = rate * u[0] * (-u[0] + 1.0);
    }
}
