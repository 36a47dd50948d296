//! Gradients of steady states.

use ansatz::Error;
use ansatz::adjoint::Loss;
use ansatz::model::MassMatrix;
use ansatz::ode::{SteadyError, SteadyState};
use ansatz::prelude::*;

/// Two species that turn into each other, a complex of both, and a supply: nothing is conserved when it is open.
struct Network;

impl Model for Network {
    fn states(&self) -> Names {
        ["a", "b", "ab"].into()
    }
    fn parameters(&self) -> Names {
        ["on", "off", "supply", "loss"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [on, off, supply, loss] = p.parameters();
        let bound = on * u[0] * u[1] - off * u[2];
        du[0] = supply - bound - loss * u[0];
        du[1] = supply * 0.5 - bound - loss * u[1] * u[1];
        du[2] = bound - loss * u[2];
    }
}

struct Product;

impl Loss for Product {
    fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], p: &[R]) -> R {
        u[0][2] * u[0][0] + p[1] * u[0][1]
    }
}

fn slope(f: impl Fn(f64) -> f64, h: f64) -> f64 {
    let central = |h: f64| (f(h) - f(-h)) / (2.0 * h);
    (4.0 * central(0.5 * h) - central(h)) / 3.0
}

#[test]
fn of_open_and_closed_networks() -> Result<(), Error> {
    for (p, conserved) in [([2.0, 0.7, 1.3, 0.4], 0), ([2.0, 0.7, 0.0, 0.0], 2)] {
        let guess = [1.0, 0.8, 0.3];
        let gradient = |p: [f64; 4], guess: [f64; 3]| {
            SteadyState::new(&Network, guess).parameters(p).rtol(1e-12).gradient(&Product)
        };
        let found = gradient(p, guess)?;
        assert_eq!(found.steady.conserved, conserved);
        // With neither supply nor loss a change of either leaves no steady state with these totals.
        for i in 0..if conserved == 0 { 4 } else { 2 } {
            let expected = slope(
                |h| {
                    let mut p = p;
                    p[i] += h;
                    gradient(p, guess).unwrap().loss
                },
                1e-3,
            );
            assert!(
                (found.parameters[i] - expected).abs() < 1e-9,
                "{conserved} {i}: {} {expected}",
                found.parameters[i]
            );
        }
        for i in 0..3 {
            let expected = slope(
                |h| {
                    let mut guess = guess;
                    guess[i] += h;
                    gradient(p, guess).unwrap().loss
                },
                1e-3,
            );
            assert!((found.guess[i] - expected).abs() < 1e-9, "{conserved} {i}: {} {expected}", found.guess[i]);
        }
        assert_eq!(found.guess == [0.0; 3], conserved == 0);
    }
    Ok(())
}

/// A line of cells, so many that the matrix is sparse.
struct Line;

impl Model for Line {
    fn states(&self) -> Names {
        Names::from((0..500).map(|i| format!("u{i}")).collect::<Vec<_>>())
    }
    fn parameters(&self) -> Names {
        ["diffusion", "decay"].into()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::diagonal(vec![2.0; 500]))
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [diffusion, decay] = p.parameters();
        for i in 0..u.len() {
            let left = if i > 0 { u[i - 1] } else { R::one() };
            let right = if i + 1 < u.len() { u[i + 1] } else { R::zero() };
            du[i] = diffusion * (left - u[i] * 2.0 + right) - decay * u[i].powi(3);
        }
    }
}

#[test]
fn of_many_states() -> Result<(), Error> {
    struct Sum;
    impl Loss for Sum {
        fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
            u[0].iter().fold(R::zero(), |sum, u| sum + *u)
        }
    }
    let gradient = |diffusion: f64, decay: f64| {
        SteadyState::new(&Line, vec![0.5; 500]).parameters([diffusion, decay]).rtol(1e-12).gradient(&Sum).unwrap()
    };
    let found = gradient(1.0, 0.3);
    let expected = [slope(|h| gradient(1.0 + h, 0.3).loss, 1e-3), slope(|h| gradient(1.0, 0.3 + h).loss, 1e-3)];
    for (found, expected) in found.parameters.iter().zip(expected) {
        assert!((found / expected - 1.0).abs() < 1e-8, "{found} {expected}");
    }
    Ok(())
}

/// At a fold the steady state is no function of the parameter.
#[test]
fn there_is_none_at_a_fold() {
    struct Fold;
    impl Model for Fold {
        fn states(&self) -> Names {
            ["u"].into()
        }
        fn parameters(&self) -> Names {
            ["a"].into()
        }
        fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
            let [a] = p.parameters();
            du[0] = a - u[0] * u[0];
        }
    }
    struct State;
    impl Loss for State {
        fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
            u[0][0]
        }
    }
    let error = SteadyState::new(&Fold, [0.0]).parameters([0.0]).gradient(&State).unwrap_err();
    assert!(matches!(error, Error::Steady(SteadyError::NotIsolated { .. })), "{error}");
}
