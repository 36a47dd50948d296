//! Steady states with known values, on each of the routes, and searches that must fail.

use super::*;
use crate::Error;
use crate::model::{Names, Params, from_fn};
use crate::number::Real;
use crate::ode::SolveError;
use crate::problems::Robertson;

fn failure(error: Error) -> SteadyError {
    match error {
        Error::Steady(error) => error,
        other => panic!("{other}"),
    }
}

fn close(a: &[f64], b: &[f64], allowed: f64) {
    assert!(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= allowed), "{a:?} {b:?}");
}

/// Prigogine and Lefever's Brusselator.
struct Brusselator;

impl Model for Brusselator {
    fn states(&self) -> Names {
        ["u", "v"].into()
    }
    fn parameters(&self) -> Names {
        ["A", "B"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [a, b] = p.parameters();
        let reaction = u[0] * u[0] * u[1];
        du[0] = a + reaction - (b + 1.0) * u[0];
        du[1] = b * u[0] - reaction;
    }
}

#[test]
fn the_brusselator_rests_at_a_and_b_over_a_and_oscillates_beyond_one_plus_a_squared() {
    for (a, b) in [(1.0, 3.0), (1.0, 1.5), (2.0, 4.9), (2.0, 5.1), (0.3, 0.2)] {
        for guess in [[1.0, 1.0], [0.1, 0.1], [3.0, 5.0], [20.0, 0.01]] {
            let steady = SteadyState::new(&Brusselator, guess).parameters([a, b]).run().unwrap();
            close(&steady.state, &[a, b / a], 1e-12);
            close(&steady.residual, &[0.0, 0.0], 1e-13);
            assert_eq!(steady.stable, Some(b < 1.0 + a * a), "{steady}");
            assert!(steady.isolated && steady.conserved == 0);
            assert_eq!(steady.jacobian, JacobianSource::Exact);
        }
    }
}

/// The same as a closure: differences, from zero, too.
#[test]
fn without_exact_jacobians_the_state_is_the_same() {
    let closure = from_fn(["u", "v"], |_t, u, p, du| {
        let reaction = u[0] * u[0] * u[1];
        du[0] = p[0] + reaction - (p[1] + 1.0) * u[0];
        du[1] = p[1] * u[0] - reaction;
    });
    for guess in [[1.0, 1.0], [0.0, 0.0], [0.0, 3.0]] {
        let steady = SteadyState::system(&closure, guess).parameters([1.0, 3.0]).run().unwrap();
        close(&steady.state, &[1.0, 3.0], 1e-10);
        assert_eq!((steady.jacobian, steady.stable), (JacobianSource::Differences, Some(false)));
    }
}

#[test]
fn damping_finds_what_whole_steps_overshoot() {
    let saturated = from_fn(["u"], |_t, u, _p, du| du[0] = -(10.0 * (u[0] - 1.0)).atan());
    for guess in [1.1, 3.0, -20.0, 1e3] {
        let steady = SteadyState::system(&saturated, [guess]).run().unwrap();
        close(&steady.state, &[1.0], 1e-12);
        assert_eq!((steady.route, steady.stable), (Route::Newton, Some(true)));
    }
}

/// Newton's method is caught at a minimum of $|f|$; the way of the solution in time leads past it.
#[test]
fn continuation_follows_the_transient_to_the_stable_state() {
    let cubic = from_fn(["u"], |_t, u, _p, du| du[0] = -(u[0].powi(3) - 2.0 * u[0] + 2.0));
    let steady = SteadyState::system(&cubic, [1.0]).run().unwrap();
    // The real root of u³ = 2u − 2.
    close(&steady.state, &[-1.769_292_354_238_631], 1e-11);
    assert_eq!((steady.route, steady.stable), (Route::PseudoTransient, Some(true)));
}

/// The search in time on its own, for a problem that the other routes would have solved.
#[test]
fn integration_comes_to_rest_too() {
    let bound = Bound::new(&Brusselator).unwrap();
    let (frozen, options) = (Frozen { system: &bound, t: 0.0 }, Options::default());
    let (p, guess) = (vec![1.0, 1.5], vec![4.0, 0.1]);
    let names = ["u".to_string(), "v".to_string()].to_vec();
    let search = Search { frozen: &frozen, guess, p: p.clone(), options: options.clone(), names, exact: true };
    let span = Span { start: 0.0, end: 0.0 };
    let (mut plain, mut statistics) = (Plain::new(&frozen, &p, &options, span), Statistics::default());
    let cx = &mut Context { options: &options, statistics: &mut statistics };
    let mut newton = DampedNewton::default();
    newton.start(&plain, cx);
    close(&search.integrate(&mut plain, &mut newton, cx).unwrap(), &[1.0, 1.5], 1e-9);
}

/// $A \rightleftharpoons B$, $2B \rightleftharpoons C$: mass $A + B + 2C$.
struct Dimer;

impl Model for Dimer {
    fn states(&self) -> Names {
        ["a", "b", "c"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let (first, second) = (u[0] * 3.0 - u[1], u[1] * u[1] * 1e6 - u[2] * 2e6);
        du[0] = -first;
        du[1] = first - second * 2.0;
        du[2] = second;
    }
}

#[test]
fn a_closed_network_keeps_the_total_of_the_guess() {
    // b = 3a, c = b²/2 and a + b + 2c = m: 9a² + 4a = m.
    for (guess, mass) in [([1.0, 0.0, 0.0], 1.0), ([0.0, 0.0, 50.0], 100.0), ([0.2, 0.3, 0.1], 0.7)] {
        let steady = SteadyState::new(&Dimer, guess).run().unwrap();
        let a = ((4.0f64 + 9.0 * mass).sqrt() - 2.0) / 9.0;
        close(&steady.state, &[a, 3.0 * a, 4.5 * a * a], 1e-11 * mass.max(1.0));
        assert_eq!((steady.conserved, steady.isolated, steady.stable), (1, true, Some(true)), "{steady}");
    }
}

/// All ends as the third species. The Jacobian is singular everywhere, and there twice.
#[test]
fn robertson_ends_where_nothing_reacts() {
    let steady = SteadyState::new(&Robertson, Robertson::INITIAL).parameters(Robertson::PARAMETERS).run().unwrap();
    close(&steady.state, &[0.0, 0.0, 1.0], 1e-9);
    assert_eq!(steady.conserved, 1);
    assert!(steady.stable != Some(false));
}

/// $u_t = u_{xx} + \pi^2 \sin \pi x$ on 100 points, which its matrix has as an eigenvector.
struct Heat;

const POINTS: usize = 100;

impl Model for Heat {
    fn states(&self) -> Names {
        (0..POINTS).map(|i| format!("u{i}")).collect::<Vec<_>>().into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let (pi, h) = (std::f64::consts::PI, 1.0 / (POINTS + 1) as f64);
        for i in 0..POINTS {
            let mut sum = u[i] * -2.0;
            if i > 0 {
                sum += u[i - 1];
            }
            if i + 1 < POINTS {
                sum += u[i + 1];
            }
            du[i] = sum / (h * h) + pi * pi * (pi * h * (i + 1) as f64).sin();
        }
    }
}

#[test]
fn a_sparse_linear_system_takes_one_correction_and_one_to_see_it() {
    let steady = SteadyState::new(&Heat, vec![0.0; POINTS]).run().unwrap();
    let (pi, h) = (std::f64::consts::PI, 1.0 / (POINTS + 1) as f64);
    let eigenvalue = (2.0 / h * (0.5 * pi * h).sin()).powi(2);
    let exact: Vec<f64> = (1..=POINTS).map(|i| pi * pi / eigenvalue * (pi * h * i as f64).sin()).collect();
    close(&steady.state, &exact, 1e-12);
    assert_eq!((steady.route, steady.iterations, steady.stable), (Route::Newton, 2, Some(true)));
}

/// $\dot x = y - x$, $0 = x + y - 2$.
struct Algebraic;

impl Model for Algebraic {
    fn states(&self) -> Names {
        ["x", "y"].into()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::diagonal([1.0, 0.0]))
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = u[1] - u[0];
        du[1] = u[0] + u[1] - 2.0;
    }
}

#[test]
fn algebraic_equations_hold_in_a_steady_state() {
    let steady = SteadyState::new(&Algebraic, [7.0, -3.0]).run().unwrap();
    close(&steady.state, &[1.0, 1.0], 1e-14);
    assert_eq!(steady.stable, None);
}

/// Every point of the unit circle rests.
#[test]
fn a_steady_state_among_others_is_not_isolated() {
    let ring = from_fn(["x", "y"], |_t, u, _p, du| {
        let rest = 1.0 - u[0] * u[0] - u[1] * u[1];
        du[0] = rest * u[0];
        du[1] = rest * u[1];
    });
    let steady = SteadyState::system(&ring, [0.3, 0.4]).run().unwrap();
    assert!((steady.state[0].hypot(steady.state[1]) - 1.0).abs() < 1e-9, "{steady}");
    assert_eq!((steady.isolated, steady.conserved), (false, 0));
}

#[test]
fn what_does_not_come_to_rest_is_said_with_the_state_that_does_not() {
    let drift = from_fn(["rest", "drift"], |_t, u, _p, du| {
        du[0] = -u[0];
        du[1] = 1.0;
    });
    match failure(SteadyState::system(&drift, [1.0, 0.0]).run().unwrap_err()) {
        SteadyError::Singular { component, worst, residual, .. } => {
            assert_eq!((component.name.as_str(), worst.name.as_str()), ("drift", "drift"));
            assert_eq!(residual, 1.0);
        }
        other => panic!("{other}"),
    }
    let explosion = from_fn(["bomb"], |_t, u, _p, du| du[0] = 1.0 + u[0] * u[0]);
    match failure(SteadyState::system(&explosion, [0.5]).run().unwrap_err()) {
        SteadyError::NotFound { component, residual, iterations, .. } => {
            assert_eq!(component.name, "bomb");
            assert!(residual >= 1.0 && iterations > 10);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn guesses_and_tolerances_that_make_no_sense() {
    let run = |guess: [f64; 2]| SteadyState::new(&Brusselator, guess).parameters([1.0, 3.0]);
    for (guess, name) in [([f64::NAN, 1.0], "u"), ([1.0, f64::INFINITY], "v")] {
        match failure(run(guess).run().unwrap_err()) {
            SteadyError::Guess { component, value } => assert!(component.name == name && !value.is_finite()),
            other => panic!("{other}"),
        }
    }
    let root = from_fn(["x", "y"], |_t, u, _p, du| {
        du[0] = 1.0 - u[0];
        du[1] = u[1].sqrt() - 1.0;
    });
    match failure(SteadyState::system(&root, [1.0, -1.0]).run().unwrap_err()) {
        SteadyError::NotFinite { component } => assert_eq!(component.name, "y"),
        other => panic!("{other}"),
    }
    close(&SteadyState::system(&root, [5.0, 9.0]).run().unwrap().state, &[1.0, 1.0], 1e-12);
    let error = run([1.0, 1.0]).rtol(-1.0).run().unwrap_err();
    assert!(matches!(error, Error::Solve(SolveError::Argument { argument: "rtol", .. })), "{error}");
    for error in [
        SteadyState::new(&Brusselator, [1.0]).parameters([1.0, 3.0]).run().unwrap_err(),
        SteadyState::new(&Brusselator, [1.0, 2.0]).run().unwrap_err(),
    ] {
        assert!(matches!(error, Error::Model(ModelError::Length { .. })), "{error}");
    }
}
