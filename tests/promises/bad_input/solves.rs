//! Solves that make no sense, and solves that cannot go on.

use super::{assert_refused, says};
use crate::problems::LotkaVolterra;
use ansatz::Error;
use ansatz::adjoint::{DiscreteAdjoint, ForwardSensitivity};
use ansatz::model::ModelError;
use ansatz::ode::Tolerance;
use ansatz::prelude::*;

const RATES: [f64; 4] = [1.3, 0.9, 0.8, 1.8];
const START: [f64; 2] = [0.5, 4.0];

fn solve() -> Solve<'static, Bound<'static, LotkaVolterra>> {
    Solve::new(&LotkaVolterra, START, 0.0, 3.0).parameters(RATES)
}

/// Runs a solve that must fail in the loop, and gives its error.
fn stopped(result: ansatz::Result<Solution>) -> SolveError {
    match result {
        Err(Error::Solve(error)) => error,
        other => panic!("no failed solve: {other:?}"),
    }
}

#[test]
fn an_initial_state_or_parameters_of_the_wrong_length() {
    assert_refused!(
        Solve::new(&LotkaVolterra, [0.5], 0.0, 3.0).parameters(RATES).run(),
        Error::Model(ModelError::Length { what: "the initial state", found: 1, expected: 2, names })
            if names == "prey, predator",
        ["the initial state has 1", "2", "[prey, predator]"]
    );
    assert_refused!(
        Solve::new(&LotkaVolterra, START, 0.0, 3.0).parameters([1.3, 0.9]).run(),
        Error::Model(ModelError::Length { what: "the parameter vector", found: 2, expected: 4, .. }),
        ["the parameter vector has 2", "4", "[growth, predation, conversion, decay]"]
    );
}

#[test]
fn tolerances_steps_and_limits_that_make_no_sense() {
    type Change = fn(&mut Options);
    let table: [(Change, &str, &[&str]); 14] = [
        (|o| o.rtol = 0.0, "rtol", &["is 0", "between 0 and 1", "1e-6"]),
        (|o| o.rtol = -1e-6, "rtol", &["-0.000001", "between 0 and 1"]),
        (|o| o.rtol = f64::NAN, "rtol", &["NaN", "between 0 and 1"]),
        (|o| o.atol = 0.0.into(), "atol", &["is 0", "positive", "noise"]),
        (|o| o.atol = (-1.0).into(), "atol", &["is -1", "positive"]),
        (|o| o.atol = f64::NAN.into(), "atol", &["NaN", "positive"]),
        (|o| o.atol = Tolerance::Each(vec![1e-6; 3]), "atol", &["3 values for 2 states", "one for each state"]),
        (|o| o.atol = [1e-6, 0.0].into(), "atol", &["is 0 for state 1", "positive"]),
        (|o| o.max_steps = Some(0), "max_steps", &["is 0", "at least one"]),
        (|o| o.h_max = Some(-0.1), "h_max", &["is -0.1", "positive step"]),
        (|o| o.h_max = Some(f64::NAN), "h_max", &["NaN", "positive step"]),
        (|o| o.h_initial = Some(0.0), "h_initial", &["is 0", "positive step"]),
        (|o| o.h_min_relative = -1.0, "h_min_relative", &["is -1", "1e-15"]),
        (|o| o.h_min_relative = f64::NAN, "h_min_relative", &["NaN", "1e-15"]),
    ];
    for (change, expected, words) in table {
        let mut options = Options::default();
        change(&mut options);
        let check = |error: SolveError, way: &str| {
            let SolveError::Argument { argument, .. } = &error else { panic!("{expected} by {way}: {error:?}") };
            assert_eq!(*argument, expected, "by {way}");
            says(&error, &[&[&format!("`{expected}`")[..]], words].concat());
        };
        check(stopped(solve().options(options.clone()).run()), "a plain solve");
        let bound = Bound::new(&LotkaVolterra).unwrap();
        let forward = ForwardSensitivity::new(&bound, options.clone()).solve(0.0, &START, &RATES, &[1.0]);
        check(forward.unwrap_err(), "forward sensitivities");
        let mut adjoint = DiscreteAdjoint::new(&bound, options);
        check(adjoint.gradient(0.0, &START, &RATES, &[1.0], |_, _| 0.0).unwrap_err(), "the adjoint");
    }
}

#[test]
fn times_that_make_no_sense() {
    let save = |times: &[f64]| stopped(solve().save_at(times).run());
    for (times, words) in [
        (&[1.0, 3.5][..], ["`save_at`", "3.5", "outside of 0 … 3", "within the span"]),
        (&[-0.5, 1.0], ["`save_at`", "-0.5", "outside", "within the span"]),
        (&[1.0, f64::NAN], ["`save_at`", "NaN", "outside", "within the span"]),
        (&[2.0, 1.0], ["`save_at`", "1 after 2", "order", "reached"]),
    ] {
        let error = save(times);
        assert!(matches!(error, SolveError::Argument { argument: "save_at", .. }), "{times:?}: {error:?}");
        says(&error, &words);
    }
    for (start, end, name) in [(f64::NAN, 1.0, "start"), (0.0, f64::NAN, "end"), (0.0, f64::INFINITY, "end")] {
        let error = stopped(Solve::new(&LotkaVolterra, START, start, end).parameters(RATES).run());
        assert!(matches!(error, SolveError::Argument { argument, .. } if argument == name), "{error:?}");
        says(&error, &[name, "finite time"]);
    }
}

#[test]
fn differentiated_solves_refuse_wrong_lengths_and_times() {
    let bound = Bound::new(&LotkaVolterra).unwrap();
    let mut forward = ForwardSensitivity::new(&bound, Options::default());
    let mut try_it = |start: f64, u: &[f64], p: &[f64], times: &[f64], expected: &str, words: &[&str]| {
        let error = forward.solve(start, u, p, times).unwrap_err();
        assert!(matches!(&error, SolveError::Argument { argument, .. } if *argument == expected), "{error:?}");
        says(&error, words);
    };
    try_it(0.0, &[1.0], &RATES, &[1.0], "initial", &["1 values for 2 states", "each state"]);
    try_it(0.0, &START, &RATES[..3], &[1.0], "p", &["3 values", "4 parameters"]);
    try_it(0.0, &START, &RATES, &[], "times", &["empty", "at least one"]);
    try_it(0.0, &START, &RATES, &[1.0, 0.5], "times", &["0.5 after 1", "ordered"]);
    try_it(0.0, &START, &RATES, &[f64::NAN], "times", &["NaN", "finite"]);
    // A start that is no number must not pass for a solve that failed.
    try_it(f64::NAN, &START, &RATES, &[1.0], "start", &["NaN", "finite"]);
}

#[test]
fn a_right_hand_side_that_is_not_finite_at_the_start() {
    let system = from_fn(["height", "speed"], |_t, u, _p, du| {
        du[0] = u[1];
        du[1] = (-u[0]).sqrt();
    });
    let error = stopped(Solve::system(&system, [2.0, 1.0], 0.5, 3.0).run());
    let SolveError::NotFiniteAtStart { t, component } = &error else { panic!("{error:?}") };
    assert_eq!((*t, component.index, component.name.as_str()), (0.5, 1, "speed"));
    says(&error, &["at the start", "d`speed`/dt", "t = 0.5", "initial state and the parameters", "logarithm or root"]);
}

#[test]
fn an_initial_state_that_is_not_finite() {
    let error = stopped(Solve::new(&LotkaVolterra, [1.0, f64::NAN], 0.0, 3.0).parameters(RATES).run());
    assert!(matches!(&error, SolveError::NotFiniteAtStart { .. }), "{error:?}");
    says(&error, &["at the start", "initial state"]);
}

/// dy/dt = −1/2 with a root of y beside it: the root has no value beyond t = 2.
#[test]
fn a_right_hand_side_that_is_not_finite_later() {
    let system = from_fn(["level", "flow"], |_t, u, _p, du| {
        du[0] = -0.5;
        du[1] = u[0].sqrt();
    });
    let error = stopped(Solve::system(&system, [1.0, 0.0], 0.0, 3.0).run());
    let SolveError::NotFinite { t, component, partial, h, .. } = &error else { panic!("{error:?}") };
    assert!((t - 2.0).abs() < 1e-3, "the domain ends at t = 2, reported: {t}");
    assert_eq!(component.name, "flow");
    assert!(*h < 1e-8);
    says(&error, &["leaves the domain", "`flow`", "no real value", "stop before this time"]);
    assert_eq!(partial.times().last(), Some(t));
    for (k, time) in partial.times().iter().enumerate() {
        assert!((partial.state(k)[0] - (1.0 - 0.5 * time)).abs() < 1e-5);
    }
    assert_eq!(error.partial(), Some(&**partial));
}

/// u' = u², u(0) = 1: u = 1/(1 − t).
fn explosion() -> impl System {
    from_fn(["calm", "mass"], |_t, u, _p, du| {
        du[0] = -u[0];
        du[1] = u[1] * u[1];
    })
}

#[test]
fn a_blow_up_in_finite_time() {
    let error = stopped(Solve::system(&explosion(), [1.0, 1.0], 0.0, 2.0).run());
    let (SolveError::NotFinite { t, component, .. } | SolveError::StepTooSmall { t, component, .. }) = &error else {
        panic!("{error:?}")
    };
    assert!((t - 1.0).abs() < 1e-3, "it blows up at t = 1, reported: {t}");
    assert_eq!(component.name, "mass");
    says(&error, &["blows up in finite time", "`mass`", "stop before this time"]);
    let partial = error.partial().unwrap();
    assert!(partial.len() > 10);
    // What was reached is a solution, with its dense output.
    let u = partial.at(0.5).unwrap();
    assert!((u[1] - 2.0).abs() < 1e-4 && (u[0] - (-0.5f64).exp()).abs() < 1e-5, "{u:?}");
}

#[test]
fn a_blow_up_keeps_the_saved_times_before_it() {
    let error = stopped(Solve::system(&explosion(), [1.0, 1.0], 0.0, 2.0).save_at(&[0.25, 0.75, 1.5]).run());
    let partial = error.partial().unwrap();
    assert_eq!(partial.times(), [0.25, 0.75]);
    assert!((partial.state(1)[1] - 4.0).abs() < 1e-3, "{:?}", partial.state(1));
}

#[test]
fn an_explicit_method_on_a_stiff_problem() {
    // Relaxation to cos t at rate 1e5: stability allows an explicit method about 3e-5 a step.
    let system = from_fn(["slow", "fast"], |t, u, _p, du| {
        du[0] = -u[0];
        du[1] = -1e5 * (u[1] - t.cos());
    });
    let solve = || Solve::system(&system, [1.0, 0.0], 0.0, 10.0).max_steps(500);
    let error = stopped(solve().method(Method::Tsit5).run());
    let SolveError::LooksStiff { t, end, h, max_steps, partial, .. } = &error else { panic!("{error:?}") };
    assert_eq!((*end, *max_steps), (10.0, 500));
    assert!(*t > 0.0 && *t < 0.1 && *h < 1e-4, "{t}, {h}");
    says(&error, &["stiff", "Tsit5", "500", "reach 10", "`Method::Automatic`"]);
    assert_eq!(partial.times().last(), Some(t));
    assert!((partial.last()[0] - (-t).exp()).abs() < 1e-5);
    // Left to choose, the same steps are enough.
    let solution = solve().run().unwrap();
    assert_eq!(solution.methods().len(), 2);
    let lagging = (10.0f64.cos() + 1e-5 * -10.0f64.sin()) - solution.last()[1];
    assert!(lagging.abs() < 1e-4, "{lagging:e}");
}

#[test]
fn a_time_that_the_solution_does_not_have() {
    let solution = solve().run().unwrap();
    for t in [3.5, -0.1, f64::NAN] {
        let error = solution.at(t).unwrap_err();
        assert!(matches!(error, SolveError::Argument { argument: "t", .. }), "{error:?}");
        says(&error, &[&format!("{t}"), "outside", "from 0 to 3", "solve further"]);
    }
    let sparse = solve().save_at(&[1.0, 2.0]).run().unwrap();
    assert_eq!(sparse.at(2.0).unwrap(), sparse.state(1));
    let error = sparse.at(1.5).unwrap_err();
    assert!(matches!(error, SolveError::Argument { argument: "t", .. }), "{error:?}");
    says(&error, &["1.5", "not one of the saved times", "no dense output", "save_at"]);
}

#[test]
fn a_column_that_the_solution_does_not_have() {
    let solution = solve().run().unwrap();
    assert_eq!(solution.column("prey").unwrap().len(), solution.len());
    let error = solution.column("pray").unwrap_err();
    assert!(matches!(error, SolveError::Argument { argument: "name", .. }), "{error:?}");
    says(&error, &["`pray`", "[prey, predator]", "did you mean `prey`?"]);
    // Where no name is near, none is offered.
    let error = solution.column("temperature").unwrap_err();
    says(&error, &["`temperature`", "[prey, predator]"]);
    assert!(!error.to_string().contains("``"), "it offers an empty name: {error}");
}
