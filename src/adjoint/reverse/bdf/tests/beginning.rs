//! The slope that methods begin with, where there is a mass matrix: ESDIRK methods take it as the BDF does.

use super::models::{Coupled, P, WithForce, as_given, loss, with_force};
use super::{START, along, parameters_along, slope, start_along};
use crate::adjoint::DiscreteAdjoint;
use crate::ode::Tolerance;
use crate::prelude::*;

/// The gradient over few fixed steps, of which the first counts for much, against differences of the loss.
fn error<M: Model>(model: &M, method: Method, start: impl Fn(&[f64], &[f64]) -> Vec<f64>) -> f64 {
    let bound = Bound::new(model).unwrap();
    let atol = Tolerance::Scalar(1e-12);
    let options = Options { method, rtol: 1e-12, atol, fixed_step: Some(1.0 / 32.0), ..Options::default() };
    let times = [1.0 / 32.0, 0.125];
    let mut worst: f64 = 0.0;
    for seed in 0..2 {
        let difference = slope(0.02, |s| {
            let p = parameters_along(P, s, seed);
            let mut adjoint = DiscreteAdjoint::new(&bound, options.clone());
            adjoint.gradient(0.0, &start(&start_along(s, seed), &p), &p, &times, loss).unwrap().loss
        });
        let mut adjoint = DiscreteAdjoint::new(&bound, options.clone());
        let g = adjoint.gradient(0.0, &start(&START, &P), &P, &times, loss).unwrap();
        worst = worst.max((along(&start, (g.parameters, g.initial), P, seed) / difference - 1.0).abs());
    }
    worst
}

#[test]
fn esdirk_methods() {
    let mut errors = Vec::new();
    for method in [Method::TrBdf2, Method::KenCarp4, Method::Kvaerno5] {
        let (coupled, algebraic) = (error(&Coupled, method, as_given), error(&WithForce, method, with_force));
        println!("{method:?}: {coupled:.1e}, {algebraic:.1e}");
        errors.extend([coupled, algebraic]);
    }
    assert!(errors.iter().all(|error| *error < 1e-9), "{errors:?}");
}
