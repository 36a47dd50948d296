//! Integrals summed along the way, and derivatives read off the dense output.

use crate::problems::{FIXED_ONLY, Turn, adaptive};
use ansatz::ode::JacobianSource;
use ansatz::prelude::*;

fn turn() -> Turn {
    Turn { nonlinearity: 0.05 }
}

/// $x = \cos t$, $y = \sin t$ from anywhere.
struct Circle;

impl Model for Circle {
    fn states(&self) -> Names {
        ["x", "y"].into()
    }
    fn parameters(&self) -> Names {
        ["speed"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [speed] = p.parameters();
        du[0] = -speed * u[1];
        du[1] = speed * u[0];
    }
}

fn circle<'a>(method: Method, start: f64, end: f64) -> Solve<'a, Bound<'a, Circle>> {
    let solve = Solve::new(&Circle, [start.cos(), start.sin()], start, end).parameters([1.0]).method(method);
    let solve = solve.rtol(1e-8).atol(1e-8).integral("x", |_t, u, _p| u[0]);
    solve.integral("t y²", |t, u, p| p[0] * t * u[1] * u[1])
}

/// All but RKC2, whose error on an imaginary axis that it is not made for grows as the power 2/3 of the tolerance.
fn tried() -> impl Iterator<Item = Method> {
    adaptive().filter(|method| *method != Method::Rkc2)
}

/// $\int \cos t\, dt$ and $\int t \sin^2 t\, dt$.
fn exact(from: f64, to: f64) -> [f64; 2] {
    let second = |t: f64| 0.25 * t * t - 0.25 * t * (2.0 * t).sin() - 0.125 * (2.0 * t).cos();
    [to.sin() - from.sin(), second(to) - second(from)]
}

fn assert_integrals(solution: &Solution, exact: [f64; 2], what: impl std::fmt::Debug) {
    for (name, exact) in ["x", "t y²"].into_iter().zip(exact) {
        let found = solution.integral(name).unwrap();
        assert!((found - exact).abs() < 2e-5, "{what:?}, {name}: {found} in place of {exact}");
    }
}

/// Whatever is kept, forwards and backwards.
#[test]
fn integrals_along_the_way() {
    for method in tried().chain([Method::Automatic]) {
        for (start, end) in [(0.0, 5.0), (5.0, 0.0)] {
            for save in [Save::Steps, Save::End, Save::Times(vec![2.0])] {
                let solution = circle(method, start, end).save(save.clone()).run().unwrap();
                assert_integrals(&solution, exact(start, end), (method, start, save));
            }
        }
    }
    for method in FIXED_ONLY {
        let solution = circle(method, 0.0, 5.0).fixed_step(1e-4).save(Save::End).run().unwrap();
        let found = solution.integral("x").unwrap();
        assert!((found - exact(0.0, 5.0)[0]).abs() < 1e-3, "{method:?}: {found}");
    }
}

/// An event that ends the solve ends the integral; one that is only seen does not count the step twice.
#[test]
fn integrals_cut_by_events() {
    for method in tried().chain([Method::Automatic]) {
        let seen = Event::new("seen", |_t, u, _p| u[0]);
        let ends = Event::new("ends", |_t, u, _p| u[1]).falling().terminal();
        let solution = circle(method, 0.0, 5.0).event(seen).event(ends).run().unwrap();
        assert_integrals(&solution, exact(0.0, std::f64::consts::PI), method);
        // A jump by half a turn at t = 2: from there on x = −cos t, and y² as before.
        let solution = circle(method, 0.0, 5.0).at_times(&[2.0], |_t, u, _p| u.iter_mut().for_each(|u| *u = -*u));
        let solution = solution.run().unwrap();
        let [first, second] = exact(0.0, 5.0);
        let after = exact(2.0, 5.0)[0];
        assert_integrals(&solution, [first - 2.0 * after, second], (method, "jump"));
    }
}

#[test]
fn an_integral_of_nothing_and_one_that_was_not_asked_for() {
    let solution = circle(Method::Tsit5, 1.0, 1.0).run().unwrap();
    assert_eq!(solution.integral("x").unwrap(), 0.0);
    let error = solution.integral("y").unwrap_err();
    assert!(matches!(error, SolveError::Argument { argument: "name", .. }), "{error:?}");
    assert!(error.to_string().contains("`y`"), "{error}");
}

/// The derivative of the dense output is the right-hand side, to one order less than the dense output itself.
#[test]
fn derivatives_of_the_dense_output() {
    let model = turn();
    let bound = Bound::new(&model).unwrap();
    for method in tried().chain([Method::Automatic]) {
        let solve = Solve::system(&bound, Turn::exact(0.0), 0.0, 6.0).method(method).rtol(1e-7).atol(1e-7);
        let solution = solve.run().unwrap();
        let mut worst: f64 = 0.0;
        for t in (0..=50).map(|k| 0.12 * f64::from(k)) {
            let (u, slope) = (solution.at(t).unwrap(), solution.derivative(t).unwrap());
            let mut du = [0.0; 2];
            bound.eval(t, &u, &[], &mut du);
            worst = worst.max((slope[0] - du[0]).abs().max((slope[1] - du[1]).abs()));
        }
        println!("{method:?}: slopes off by {worst:.1e}");
        assert!(worst < 2e-3, "{method:?}: {worst:e}");
        let sparse = solve_at(&bound, method);
        for t in [1.0, -1.0, 7.0, f64::NAN] {
            let error = sparse.derivative(t).unwrap_err();
            assert!(matches!(error, SolveError::Argument { argument: "t", .. }), "{error:?}");
        }
    }
}

fn solve_at<S: System>(system: &S, method: Method) -> Solution {
    Solve::system(system, Turn::exact(0.0), 0.0, 6.0).method(method).save_at(&[1.0, 5.0]).run().unwrap()
}

/// A solution says where its Jacobians came from.
#[test]
fn where_jacobians_came_from() {
    let model = turn();
    let closure = from_fn(["x", "y"], |_t, u, _p, du| du.copy_from_slice(&[-u[1], u[0]]));
    for method in adaptive() {
        let exact = Solve::new(&model, Turn::exact(0.0), 0.0, 1.0).method(method).run().unwrap();
        let differences = Solve::system(&closure, [1.0, 0.0], 0.0, 1.0).method(method).run().unwrap();
        if method.is_explicit() {
            assert_eq!((exact.jacobian(), differences.jacobian()), (JacobianSource::None, JacobianSource::None));
            assert_eq!(exact.statistics().factorizations, 0);
        } else {
            assert_eq!(exact.jacobian(), JacobianSource::Exact, "{method:?}");
            assert_eq!(differences.jacobian(), JacobianSource::Differences, "{method:?}");
            assert!(exact.statistics().jacobians > 0 && exact.statistics().factorizations > 0);
            assert_eq!(exact.methods(), [(0.0, method)]);
        }
    }
}
