//! Step by step: the same numbers as in one go, and what can be done between the steps.

use super::{Logistic, Oscillator, methods};
use crate::Error;
use crate::model::{Bound, ModelError, from_fn};
use crate::ode::{Event, Method, Progress, Save, Solution, Solve, SolveError};

type Problem<'a> = Solve<'a, Bound<'a, Oscillator>>;

fn oscillator<'a>(method: Method, fixed: Option<f64>) -> Problem<'a> {
    let solve = Solve::new(&Oscillator, [2.0, 0.0], 0.0, 6.0).parameters([1.5]).rtol(1e-5).atol(1e-7).method(method);
    match fixed {
        Some(h) => solve.fixed_step(h),
        None => solve,
    }
}

fn step_by_step(solve: Problem) -> Solution {
    let mut integrator = solve.start().unwrap();
    while integrator.step().unwrap() == Progress::Going {}
    assert_eq!(integrator.step().unwrap(), Progress::Reached);
    integrator.into_solution()
}

/// With events that act, that only look and doses; states, times, dense output, counts and occurrences are compared.
#[test]
fn steps_one_at_a_time_are_those_of_a_run_to_the_bit() {
    for (method, fixed) in methods() {
        let plain = || oscillator(method, fixed);
        assert_eq!(plain().run().unwrap(), step_by_step(plain()), "{method:?}");
        let eventful = || {
            oscillator(method, fixed)
                .event(Event::new("zero", |_t, u, _p| u[0]).falling())
                .event(Event::new("turn", |_t, u, _p| u[1]).rising().then(|_t, u, _p| u[1] += 0.1))
                .at_times(&[1.0, 2.5], |_t, u, p| u[0] += 0.1 * p[0])
                .integral("energy", |_t, u, _p| u[1] * u[1])
        };
        let (whole, steps) = (eventful().run().unwrap(), step_by_step(eventful()));
        assert_eq!(whole, steps, "{method:?}");
        assert!(whole.events("zero").count() > 0 && whole.events("turn").count() > 0);
        for save in [Save::End, Save::Times(vec![0.0, 0.7, 2.5, 6.0])] {
            let (whole, steps) = (eventful().save(save.clone()).run().unwrap(), step_by_step(eventful().save(save)));
            assert_eq!((whole.times(), whole.states()), (steps.times(), steps.states()), "{method:?}");
        }
    }
}

#[test]
fn a_run_backwards_too() {
    for (method, fixed) in methods() {
        let solve = || {
            let solve = Solve::new(&Logistic, [0.9], 3.0, 0.0).parameters([1.0]).method(method).rtol(1e-7).atol(1e-9);
            match fixed {
                Some(h) => solve.fixed_step(h / 10.0),
                None => solve,
            }
        };
        let mut integrator = solve().start().unwrap();
        assert_eq!(integrator.advance_to(1.0).unwrap(), Progress::Going);
        assert_eq!(integrator.t(), 1.0);
        let error = (integrator.state()[0] - Logistic::exact(1.0, 0.9, -2.0)).abs();
        // Euler's method is of order one: 1e-3 times half of the second derivative's size.
        assert!(error < if method == Method::Euler { 1e-3 } else { 2e-5 }, "{method:?}: {error:e}");
        while integrator.step().unwrap() == Progress::Going {}
        assert_eq!(integrator.t(), 0.0);
        let whole = solve().run().unwrap();
        assert!((whole.last()[0] - integrator.state()[0]).abs() < if fixed.is_some() { 1e-5 } else { 3e-6 });
    }
}

/// Every tenth of a revolution exactly, and anywhere in the last step.
#[test]
fn a_circle_is_met_at_times_asked_for_and_in_between() {
    let circle = from_fn(["x", "y"], |_t, u, _p, du| {
        du[0] = -u[1];
        du[1] = u[0];
    });
    for (method, _) in methods().into_iter().filter(|(_, fixed)| fixed.is_none()) {
        let mut integrator = Solve::system(&circle, [1.0, 0.0], 0.0, 6.2)
            .method(method)
            .rtol(1e-9)
            .atol(1e-9)
            .max_steps(1_000_000)
            .start()
            .unwrap();
        // Methods of low order take many steps, whose errors add up.
        let allowed = 2e-6;
        for k in 1..=5 {
            let t = 0.62 * f64::from(k);
            assert_eq!(integrator.advance_to(t).unwrap(), Progress::Going);
            assert_eq!(integrator.t(), t);
            let u = integrator.state();
            assert!((u[0] - t.cos()).hypot(u[1] - t.sin()) < allowed, "{method:?} at {t}");
            let slope = integrator.derivative().unwrap();
            assert_eq!(slope, [-integrator.state()[1], integrator.state()[0]]);
        }
        let before = integrator.t();
        assert_eq!(integrator.step().unwrap(), Progress::Going);
        let after = integrator.t();
        assert!(after > before);
        for theta in [0.0, 0.1, 0.5, 0.77, 1.0] {
            let t = before + theta * (after - before);
            let u = integrator.at(t.min(after)).unwrap();
            assert!((u[0] - t.cos()).hypot(u[1] - t.sin()) < allowed, "{method:?} in the step, at {t}");
        }
        assert_eq!(integrator.at(after).unwrap(), integrator.state());
        for outside in [before - 1e-3, after + 1e-3, f64::NAN] {
            let error = integrator.at(outside).unwrap_err();
            assert!(matches!(error, Error::Solve(SolveError::Argument { argument: "t", .. })), "{error}");
        }
        assert_eq!(integrator.advance_to(6.2).unwrap(), Progress::Reached);
    }
}

/// The end of the first solve is the start of the second one, and nothing else goes over.
#[test]
fn another_state_and_other_parameters_are_another_solve() {
    for (method, fixed) in methods() {
        let solve = |u: [f64; 2], start: f64, end: f64, mu: f64| {
            let solve = Solve::new(&Oscillator, u, start, end).parameters([mu]).method(method).rtol(1e-5).atol(1e-7);
            match fixed {
                Some(h) => solve.fixed_step(h),
                None => solve,
            }
        };
        let mut integrator = solve([2.0, 0.0], 0.0, 2.0, 1.5).start().unwrap();
        while integrator.step().unwrap() == Progress::Going {}
        let first = solve([2.0, 0.0], 0.0, 2.0, 1.5).run().unwrap();
        assert_eq!(integrator.state(), first.last());
        integrator.set_parameters(&[0.5]).unwrap();
        integrator.state_mut()[1] -= 1.0;
        assert_eq!(integrator.parameters(), [0.5]);
        integrator.extend_to(5.0).unwrap();
        while integrator.step().unwrap() == Progress::Going {}
        let second = solve([first.last()[0], first.last()[1] - 1.0], 2.0, 5.0, 0.5).run().unwrap();
        if method == Method::Automatic {
            // What it learned about stiffness goes over.
            assert!((integrator.state()[0] - second.last()[0]).abs() < 1e-4);
        } else {
            assert_eq!(integrator.state(), second.last(), "{method:?}");
        }
        let joined = integrator.into_solution();
        assert_eq!(joined.times()[first.len() - 1..=first.len()], [2.0, 2.0]);
        assert_eq!(joined.state(first.len() - 1), first.last());
        assert_eq!(joined.state(first.len())[1], first.last()[1] - 1.0);
        if method != Method::Automatic {
            assert_eq!(joined.at(1.3).unwrap(), first.at(1.3).unwrap());
            assert_eq!(joined.at(3.3).unwrap(), second.at(3.3).unwrap());
        }
    }
}

#[test]
fn logistic_growth_with_rates_that_change_follows_the_exact_solution() {
    let mut integrator =
        Solve::new(&Logistic, [0.1], 0.0, 4.0).parameters([1.0]).rtol(1e-10).atol(1e-12).start().unwrap();
    let mut n = 0.1;
    for (until, rate) in [(1.0, 1.0), (2.0, -2.0), (4.0, 0.5)] {
        integrator.set_parameters(&[rate]).unwrap();
        n = Logistic::exact(rate, n, until - integrator.t());
        integrator.advance_to(until).unwrap();
        assert!((integrator.state()[0] - n).abs() < 1e-9, "at {until}");
    }
    let error = integrator.set_parameters(&[1.0, 2.0]).unwrap_err();
    assert!(matches!(error, Error::Model(ModelError::Length { found: 2, expected: 1, .. })), "{error}");
    let error = integrator.set_state(&[]).unwrap_err();
    assert!(matches!(error, Error::Model(ModelError::Length { what: "the state", found: 0, .. })), "{error}");
}

/// A ball that stops at the ground, is picked up there by hand, and stops again.
#[test]
fn a_terminal_event_stops_until_somebody_goes_on() {
    for (method, _) in methods().into_iter().filter(|(_, fixed)| fixed.is_none()) {
        let ball = from_fn(["height", "speed"], |_t, u, _p, du| {
            du[0] = u[1];
            du[1] = -10.0;
        });
        let ground = Event::new("ground", |_t, u, _p| u[0]).falling().terminal();
        let mut integrator =
            Solve::system(&ball, [0.0, 10.0], 0.0, 9.0).event(ground).method(method).rtol(1e-6).start().unwrap();
        assert_eq!(integrator.advance_to(3.0).unwrap(), Progress::Ended);
        assert!((integrator.t() - 2.0).abs() < 1e-6, "{method:?}: {}", integrator.t());
        let t = integrator.t();
        assert_eq!(integrator.step().unwrap(), Progress::Ended);
        assert_eq!((integrator.t(), integrator.occurrences().len()), (t, 1));
        // Up again with half the speed: one second in the air.
        integrator.set_state(&[0.0, 5.0]).unwrap();
        while integrator.step().unwrap() == Progress::Going {}
        assert!((integrator.t() - t - 1.0).abs() < 1e-6, "{method:?}: {}", integrator.t());
        assert_eq!(integrator.occurrences().len(), 2);
        // Through the ground without a change.
        integrator.extend_to(t + 2.0).unwrap();
        assert_eq!(integrator.advance_to(t + 2.0).unwrap(), Progress::Reached);
        assert!((integrator.state()[0] - (5.0 * 2.0 - 5.0 * 4.0)).abs() < 1e-5);
        let solution = integrator.into_solution();
        assert_eq!(solution.events("ground").count(), 2);
        assert_eq!(solution.times().last(), Some(&(t + 2.0)));
    }
}

#[test]
fn an_error_leaves_the_integrator_usable_and_names_the_state() {
    let root = from_fn(["level", "rest"], |_t, u, p, du| {
        du[0] = -p[0] * u[0].sqrt();
        du[1] = -u[1];
    });
    for method in [Method::Automatic, Method::Tsit5, Method::Rodas5P, Method::Bdf] {
        let solve = Solve::system(&root, [1.0, 1.0], 0.0, 9.0).method(method).parameters([2.0]);
        let mut integrator = solve.start().unwrap();
        integrator.advance_to(0.5).unwrap();
        integrator.set_state(&[f64::NAN, 1.0]).unwrap();
        match integrator.step().unwrap_err() {
            Error::Solve(SolveError::NotFiniteAtStart { t: 0.5, component }) => assert_eq!(component.name, "level"),
            other => panic!("{other}"),
        }
        assert!(integrator.derivative().unwrap_err().to_string().contains("`level`"));
        assert_eq!(integrator.t(), 0.5);
        // (1 − t)² from 0.5 on, then held by another parameter.
        integrator.set_state(&[0.25, 1.0]).unwrap();
        integrator.advance_to(0.75).unwrap();
        assert!((integrator.state()[0] - 0.0625).abs() < 1e-5, "{method:?}: {:?}", integrator.state());
        integrator.set_parameters(&[0.0]).unwrap();
        integrator.advance_to(9.0).unwrap();
        assert!((integrator.state()[0] - 0.0625).abs() < 1e-5);
    }
}

#[test]
fn times_that_do_not_lie_ahead_are_refused() {
    let mut integrator = Solve::new(&Logistic, [0.1], 0.0, 1.0).parameters([1.0]).start().unwrap();
    assert_eq!(integrator.method(), Method::Tsit5);
    let asked = |integrator: &mut crate::ode::Integrator, t: f64| integrator.advance_to(t).unwrap_err().to_string();
    assert!(integrator.at(0.1).unwrap_err().to_string().contains("before the first step"));
    integrator.advance_to(0.5).unwrap();
    assert!(asked(&mut integrator, 0.4).contains("not ahead"));
    assert!(asked(&mut integrator, f64::NAN).contains("not ahead"));
    assert!(asked(&mut integrator, 1.1).contains("`.extend_to(t_end)`"));
    assert_eq!(integrator.advance_to(0.5).unwrap(), Progress::Going);
    for end in [0.5, 0.1, f64::NAN, f64::INFINITY] {
        assert!(integrator.extend_to(end).unwrap_err().to_string().contains("no end ahead"));
    }
    assert_eq!(integrator.t(), 0.5);
    integrator.extend_to(0.7).unwrap();
    assert_eq!(integrator.advance_to(0.7).unwrap(), Progress::Reached);
}

#[test]
fn nothing_is_asked_of_a_span_of_no_length_until_it_is_extended() {
    let mut integrator = Solve::new(&Logistic, [0.1], 2.0, 2.0).parameters([1.0]).start().unwrap();
    assert_eq!(integrator.step().unwrap(), Progress::Reached);
    assert_eq!((integrator.method(), integrator.statistics().rhs), (Method::Automatic, 0));
    integrator.set_state(&[0.2]).unwrap();
    integrator.extend_to(3.0).unwrap();
    integrator.advance_to(3.0).unwrap();
    assert!((integrator.state()[0] - Logistic::exact(1.0, 0.2, 1.0)).abs() < 1e-5);
    let solution = integrator.into_solution();
    assert_eq!((solution.state(0), solution.state(1)), (&[0.1][..], &[0.2][..]));
}

/// A closure with a pattern: three columns in one evaluation each, and sparse factors.
#[test]
fn differences_are_formed_for_all_columns_of_a_colour() {
    use crate::model::Sparsity;
    const CELLS: usize = 90;
    let rod = |_t: f64, u: &[f64], _p: &[f64], du: &mut [f64]| {
        for i in 0..CELLS {
            let (left, right) = (if i > 0 { u[i - 1] } else { 0.0 }, if i + 1 < CELLS { u[i + 1] } else { 0.0 });
            du[i] = 8281.0 * (left - 2.0 * u[i] + right) - u[i].powi(3);
        }
    };
    let names = || (0..CELLS).map(|i| format!("u{i}")).collect::<Vec<_>>();
    let (mut starts, mut columns) = (vec![0], Vec::new());
    for i in 0..CELLS {
        columns.extend(i.saturating_sub(1)..(i + 2).min(CELLS));
        starts.push(columns.len());
    }
    let pattern = Sparsity::from_rows(CELLS, &starts, &columns).unwrap();
    let (banded, full) = (from_fn(names(), rod).sparsity(pattern), from_fn(names(), rod));
    let run = |system: &dyn crate::model::System| {
        let integrator = {
            let start: Vec<f64> = (0..CELLS).map(|i| (i as f64 / 9.0).sin()).collect();
            Solve::system(&system, start, 0.0, 0.1).method(Method::Rodas5P).rtol(1e-7).atol(1e-7).run().unwrap()
        };
        (integrator.last().to_vec(), integrator.statistics(), integrator.linear_solver().unwrap().to_string())
    };
    let ((u, counts, solver), (v, all, dense)) = (run(&banded), run(&full));
    assert!(u.iter().zip(&v).all(|(a, b)| (a - b).abs() < 1e-6));
    assert!(solver.starts_with("sparse") && dense.starts_with("dense"), "{solver} {dense}");
    let extra = |s: crate::ode::Statistics, columns: usize| s.rhs - s.jacobians * columns;
    // What is left are the stages, about as many for both.
    let (stages, more) = (extra(counts, 3), extra(all, CELLS));
    assert!(stages.abs_diff(more) < stages / 5, "{counts:?} {all:?}");
}
