//! Ensembles against solves one by one, and what they must not depend on.

mod agreement;
mod failures;
mod independence;

use super::*;
use crate::model::{Names, Params};
use crate::number::Real;
use crate::ode::Solve;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

struct Lorenz;

impl Model for Lorenz {
    fn states(&self) -> Names {
        ["x", "y", "z"].into()
    }
    fn parameters(&self) -> Names {
        ["sigma", "rho", "beta"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [sigma, rho, beta] = p.parameters();
        du[0] = sigma * (u[1] - u[0]);
        du[1] = u[0] * (rho - u[2]) - u[1];
        du[2] = u[0] * u[1] - beta * u[2];
    }
}

fn lorenz_sets(count: usize, seed: u64) -> Vec<[f64; 3]> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut around = |x: f64| x * rng.random_range(0.9..1.1);
    (0..count).map(|_| [around(10.0), around(28.0), around(8.0 / 3.0)]).collect()
}

fn lorenz(sets: &[[f64; 3]], times: &[f64]) -> EnsembleSolution {
    let ensemble = Ensemble::new(&Lorenz, 0.0, 2.0).method(Method::Tsit5).initial([1.0, 0.0, 0.0]);
    ensemble.parameter_sets(sets).save_at(times).run().unwrap()
}

fn bits(states: &[f64]) -> Vec<u64> {
    states.iter().map(|x| x.to_bits()).collect()
}

fn assert_same(a: &EnsembleSolution, b: &EnsembleSolution) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.results().zip(b.results()) {
        match (a, b) {
            (Ok(a), Ok(b)) => {
                assert_eq!(bits(a.states()), bits(b.states()));
                assert_eq!(a.statistics(), b.statistics());
            }
            (a, b) => assert_eq!(a.err(), b.err()),
        }
    }
}

/// The distance of two states in units of the tolerance.
fn distance(a: &[f64], b: &[f64], rtol: f64, atol: f64) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs() / (atol + rtol * a.abs().max(b.abs()))).fold(0.0, f64::max)
}

/// u' = r u²: u = u₀ / (1 − r u₀ t).
struct BlowUp;

impl Model for BlowUp {
    fn states(&self) -> Names {
        ["u", "clock"].into()
    }
    fn parameters(&self) -> Names {
        ["rate"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [rate] = p.parameters();
        du[0] = rate * u[0] * u[0];
        du[1] = R::one();
    }
}
