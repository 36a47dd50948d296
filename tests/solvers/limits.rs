//! The corners: no time to solve over, time backwards, units of time from picoseconds to ages, singular Jacobians, and
//! arguments that make no sense.

use crate::problems::{FIXED_ONLY, Hunt, Turn, adaptive, distance, explicit, implicit, stopped};
use ansatz::model::MassMatrix;
use ansatz::ode::Bounds;
use ansatz::ode::implicit::bdf;
use ansatz::ode::implicit::esdirk::{EsdirkTableau, KenCarp4, Kvaerno5, TrBdf2};
use ansatz::ode::implicit::radau::{Radau5, Radau9, Radau13, RadauTableau};
use ansatz::ode::implicit::rosenbrock::{Rodas4, Rodas5P, Rosenbrock23, RosenbrockTableau};
use ansatz::prelude::*;

fn methods() -> impl Iterator<Item = Method> {
    adaptive().chain([Method::Automatic])
}

const MODEL: Turn = Turn { nonlinearity: 0.05 };

#[test]
fn an_interval_of_no_length() {
    for method in methods().chain(FIXED_ONLY) {
        for save in [Save::Steps, Save::End, Save::Times(vec![2.0])] {
            let solve = Solve::new(&MODEL, [1.0, 0.5], 2.0, 2.0).method(method).fixed_step(0.1).save(save.clone());
            let solution = solve.run().unwrap();
            assert_eq!((solution.times(), solution.last()), (&[2.0][..], &[1.0, 0.5][..]), "{method:?}, {save:?}");
            assert_eq!(solution.statistics().accepted, 0);
            assert_eq!(solution.at(2.0).unwrap(), [1.0, 0.5]);
            assert!(solution.at(2.1).is_err());
        }
    }
}

#[test]
fn forwards_and_back_again() {
    for method in methods().chain(FIXED_ONLY) {
        let solve = |u: Vec<f64>, from: f64, to: f64| {
            let solve = Solve::new(&MODEL, u, from, to).method(method).rtol(1e-7).atol(1e-7);
            let solve = if method.is_adaptive() { solve } else { solve.fixed_step(1e-4) };
            solve.run().unwrap()
        };
        let there = solve(Turn::exact(1.0).to_vec(), 1.0, 6.0);
        let back = solve(there.last().to_vec(), 6.0, 1.0);
        let error = distance(back.last(), &Turn::exact(1.0));
        println!("{method:?}: {error:.1e} after {} and {} steps", there.len() - 1, back.len() - 1);
        // Each step may err by the tolerance, and Euler's method by h.
        let steps = (there.len() + back.len()) as f64;
        let bound = if method == Method::Euler { 1e-2 } else { 1e-7 * steps.max(100.0) };
        assert!(error < bound, "{method:?}: {error:e}");
        assert!(back.times().windows(2).all(|w| w[1] < w[0]), "{method:?}");
        assert!(distance(&back.at(3.0).unwrap(), &Turn::exact(3.0)) < 3.0 * bound, "{method:?}");
        // As many steps on the way back, within a few.
        assert!((there.len() as f64 / back.len() as f64 - 1.0).abs() < 0.2, "{method:?}");
    }
}

/// The unit of time is a matter of taste: the same problem takes as many steps in picoseconds as in millions of years.
#[test]
fn units_of_time() {
    let mut missed = Vec::new();
    for method in methods() {
        let solve = |unit: f64| {
            let solve = Solve::new(&Hunt, [0.5, 2.0], 0.0, 20.0 / unit).parameters([unit]).method(method);
            let solution = solve.run().unwrap_or_else(|error| panic!("{method:?} in {unit:e}: {error}"));
            (solution.statistics().accepted, solution.last().to_vec())
        };
        let (steps, end) = solve(1.0);
        for unit in [1e-12, 1e-6, 1e6, 1e12] {
            let (found, state) = solve(unit);
            println!("{method:?} in units of {unit:e}: {found} steps in place of {steps}");
            if (found as f64 / steps as f64 - 1.0).abs() > 0.1 {
                missed.push(format!("{method:?} in units of {unit:e}: {found} steps in place of {steps}"));
            }
            assert!(distance(&state, &end) < 1e-3, "{method:?} in {unit:e}: {state:?}, not {end:?}");
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// $u' = \mathrm{rate} \cdot u$.
struct Growth;

impl Model for Growth {
    fn states(&self) -> Names {
        ["u"].into()
    }
    fn parameters(&self) -> Names {
        ["rate"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [rate] = p.parameters();
        du[0] = rate * u[0];
    }
}

/// A rate for which $\sigma M - f_u$ of the very first step is exactly zero: the step is made again, shorter.
#[test]
fn a_matrix_that_happens_to_be_singular() {
    let h = 0.5;
    for (method, rate) in [
        (Method::Rosenbrock23, 1.0 / (h * Rosenbrock23::GAMMA)),
        (Method::Rodas4, 1.0 / (h * Rodas4::GAMMA)),
        (Method::Rodas5P, 1.0 / (h * Rodas5P::GAMMA)),
        (Method::TrBdf2, 1.0 / (h * TrBdf2::GAMMA)),
        (Method::KenCarp4, 1.0 / (h * KenCarp4::GAMMA)),
        (Method::Kvaerno5, 1.0 / (h * Kvaerno5::GAMMA)),
        (Method::Radau5, Radau5::GAMMA / h),
        (Method::Radau9, Radau9::GAMMA / h),
        (Method::Radau13, Radau13::GAMMA / h),
        (Method::Bdf, bdf::ALPHA[1] / h),
    ] {
        let options = Options { method, h_initial: Some(h), ..Options::default() };
        let solution = Solve::new(&Growth, [1.0], 0.0, 1.0).parameters([rate]).options(options).run().unwrap();
        assert!(solution.statistics().rejected_by_newton > 0, "{method:?}: {}", solution.statistics());
        let exact = rate.exp();
        assert!((solution.last()[0] / exact - 1.0).abs() < 1e-2, "{method:?}: {} for {exact}", solution.last()[0]);
    }
}

/// A Jacobian without an inverse is nothing to a method that inverts $\sigma M - f_u$.
#[test]
fn a_singular_jacobian() {
    struct Pair;
    impl Model for Pair {
        fn states(&self) -> Names {
            ["a", "b", "idle"].into()
        }
        fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
            let flow = (u[0] - u[1]) * 100.0;
            du[0] = -flow;
            du[1] = flow;
            du[2] = R::zero();
        }
    }
    for method in implicit() {
        let solution = Solve::new(&Pair, [1.0, 0.0, 7.0], 0.0, 1.0).method(method).run().unwrap();
        assert!(distance(solution.last(), &[0.5, 0.5, 7.0]) < 1e-5, "{method:?}: {:?}", solution.last());
    }
}

/// A state that no equation determines: the matrix is singular whatever the step.
struct Undetermined;

impl Model for Undetermined {
    fn states(&self) -> Names {
        ["u", "nowhere"].into()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::diagonal([1.0, 0.0]))
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = -u[0];
        du[1] = u[0] - (-t).exp();
    }
}

#[test]
fn a_matrix_that_is_singular_however_small_the_step() {
    for method in implicit() {
        let error = stopped(Solve::new(&Undetermined, [1.0, 0.0], 0.0, 1.0).method(method).run());
        let SolveError::SingularMatrix { t, partial, .. } = &error else { panic!("{method:?}: {error:?}") };
        assert_eq!((*t, partial.len()), (0.0, 1), "{method:?}");
        assert!(error.to_string().contains("singular"), "{error}");
    }
}

/// The message names the state that is not determined.
#[test]
fn the_state_that_no_equation_determines_is_named() {
    for method in implicit() {
        let error = stopped(Solve::new(&Undetermined, [1.0, 0.0], 0.0, 1.0).method(method).run());
        let SolveError::SingularMatrix { component, .. } = &error else { panic!("{method:?}: {error:?}") };
        assert_eq!(component.name, "nowhere", "{method:?}");
    }
}

#[test]
fn a_mass_matrix_asks_for_an_implicit_method() {
    for method in explicit().chain(FIXED_ONLY) {
        let solve = Solve::new(&Undetermined, [1.0, 0.0], 0.0, 1.0).method(method).fixed_step(0.1);
        let error = stopped(solve.run());
        assert!(matches!(&error, SolveError::Argument { argument: "method", .. }), "{method:?}: {error:?}");
        for word in ["mass matrix", &format!("{method:?}"), "implicit"] {
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}

#[test]
fn methods_of_fixed_steps_ask_for_one() {
    for method in FIXED_ONLY {
        let error = stopped(Solve::new(&MODEL, [1.0, 0.0], 0.0, 1.0).method(method).run());
        assert!(matches!(&error, SolveError::Argument { argument: "fixed_step", .. }), "{method:?}: {error:?}");
        for word in [&format!("{method:?}")[..], "fixed_step"] {
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}

/// Every method takes fixed steps: all of that length, but for the last.
#[test]
fn fixed_steps() {
    for method in methods().chain(FIXED_ONLY) {
        let solution = Solve::new(&MODEL, [1.0, 0.0], 0.0, 1.03).method(method).fixed_step(0.1).run().unwrap();
        assert_eq!(solution.len(), 12, "{method:?}: {:?}", solution.times());
        for (k, t) in solution.times()[..11].iter().enumerate() {
            assert!((t - 0.1 * k as f64).abs() < 1e-14, "{method:?}: {t}");
        }
        assert_eq!(solution.times()[11], 1.03);
        assert_eq!(solution.statistics().rejected(), 0);
        assert!(distance(solution.last(), &Turn::exact(1.03)) < 0.2, "{method:?}");
    }
}

#[test]
fn arguments_that_make_no_sense() {
    type Change = fn(&mut Options);
    let table: [(Change, &str, &str); 21] = [
        (|o| o.rtol = 0.0, "rtol", "is 0"),
        (|o| o.rtol = 1.0, "rtol", "is 1"),
        (|o| o.rtol = f64::NAN, "rtol", "NaN"),
        (|o| o.atol = (-1.0).into(), "atol", "is -1"),
        (|o| o.atol = f64::INFINITY.into(), "atol", "inf"),
        (|o| o.atol = [1e-6; 3].into(), "atol", "3 values for 2 states"),
        (|o| o.atol = [1e-6, 0.0].into(), "atol", "state 1"),
        (|o| o.h_initial = Some(0.0), "h_initial", "is 0"),
        (|o| o.h_initial = Some(f64::INFINITY), "h_initial", "inf"),
        (|o| o.h_max = Some(-1.0), "h_max", "is -1"),
        (|o| o.h_min_relative = 1.0, "h_min_relative", "is 1"),
        (|o| o.max_steps = Some(0), "max_steps", "is 0"),
        (|o| o.fixed_step = Some(0.0), "fixed_step", "is 0"),
        (|o| o.fixed_step = Some(-0.1), "fixed_step", "is -0.1"),
        (|o| o.fixed_step = Some(f64::NAN), "fixed_step", "NaN"),
        (|o| o.method = Method::Euler, "fixed_step", "Euler"),
        (|o| o.discontinuities = vec![1.0, f64::NAN], "discontinuities", "NaN"),
        (|o| o.discontinuities = vec![f64::INFINITY], "discontinuities", "inf"),
        (|o| o.bounds = vec![Bounds { state: 2, lower: 0.0, upper: 1.0 }], "bounds", "state 2 of 2"),
        (|o| o.bounds = vec![Bounds { state: 0, lower: 1.0, upper: 0.0 }], "bounds", "from 1 to 0"),
        (|o| o.bounds = vec![Bounds { state: 0, lower: f64::NAN, upper: 0.0 }], "bounds", "NaN"),
    ];
    for (change, argument, word) in table {
        let mut options = Options::default();
        change(&mut options);
        let error = stopped(Solve::new(&MODEL, [1.0, 0.0], 0.0, 2.0).options(options).run());
        let SolveError::Argument { argument: named, .. } = &error else { panic!("{argument}, {word}: {error:?}") };
        assert_eq!(*named, argument, "{error}");
        assert!(error.to_string().contains(word), "{error}");
        assert_eq!((error.time(), error.partial()), (None, None));
    }
}

#[test]
fn arguments_of_the_builder_that_make_no_sense() {
    let solve = || Solve::new(&MODEL, [1.0, 0.0], 0.0, 2.0);
    let named = |error: SolveError, expected: &str, word: &str| {
        let SolveError::Argument { argument, .. } = &error else { panic!("{expected}: {error:?}") };
        assert_eq!(*argument, expected, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    };
    named(stopped(solve().bounds("z", 0.0..=1.0).run()), "bounds", "[x, y]");
    named(stopped(solve().at_times(&[f64::NAN], |_, _, _| {}).run()), "at_times", "NaN");
    named(stopped(solve().save_at(&[2.5]).run()), "save_at", "2.5");
    named(stopped(solve().save_at(&[1.0, 0.5]).run()), "save_at", "0.5 after 1");
    named(stopped(solve().save_at(&[f64::NAN]).run()), "save_at", "NaN");
    for (start, end, argument) in [(f64::NAN, 1.0, "start"), (0.0, f64::INFINITY, "end")] {
        named(stopped(Solve::new(&MODEL, [1.0, 0.0], start, end).run()), argument, "finite");
    }
}
