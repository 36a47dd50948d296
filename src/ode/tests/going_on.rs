//! Past the end: doses at the seams, solutions that are extended, ends that are moved.

use super::{Logistic, Oscillator, methods};
use crate::model::from_fn;
use crate::ode::{Event, Method, Progress, Save, Solve, SolveError};

/// Doses act from the start on and up to, not at, the end: spans put one after the other act once on each.
#[test]
fn doses_at_the_start_at_seams_and_at_the_end() {
    let decay = from_fn(["amount"], |_t, u, _p, du| du[0] = -u[0]);
    let doses = [0.0, 1.0, 2.0, 3.0];
    let kept = (-1.0f64).exp();
    // One each at 0, 1 and 2, looked at just before the one at 3.
    let exact = ((1.0 * kept + 1.0) * kept + 1.0) * kept;
    for (method, fixed) in methods() {
        let solve = |end: f64| {
            let solve = Solve::system(&decay, [0.0], 0.0, end).method(method).rtol(1e-9).atol(1e-10);
            let solve = solve.at_times(&doses, |_t, u, _p| u[0] += 1.0);
            match fixed {
                Some(_) => solve.fixed_step(1e-4),
                None => solve,
            }
        };
        // Methods of low order take many steps at 1e-9, whose errors add up.
        let allowed = if method == Method::Euler { 1e-4 } else { 1e-6 };
        let whole = solve(3.0).run().unwrap();
        assert!((whole.last()[0] - exact).abs() < allowed, "{method:?}: {} {exact}", whole.last()[0]);
        assert_eq!((whole.state(0), whole.state(1)), (&[0.0][..], &[1.0][..]));
        // The end moved twice, each time from the time of a dose.
        let mut integrator = solve(1.0).start().unwrap();
        for end in [2.0, 3.0] {
            while integrator.step().unwrap() == Progress::Going {}
            integrator.extend_to(end).unwrap();
        }
        integrator.advance_to(3.0).unwrap();
        assert!((integrator.state()[0] - exact).abs() < allowed, "{method:?}: {}", integrator.state()[0]);
        let extended = integrator.into_solution();
        assert!((extended.at(1.5).unwrap()[0] - whole.at(1.5).unwrap()[0]).abs() < 3.0 * allowed);
        // Solutions put together.
        let mut joined = solve(1.0).run().unwrap();
        for end in [2.0, 3.0] {
            joined.extend(solve(1.0).continuing(&joined, end).run().unwrap()).unwrap();
        }
        assert!((joined.last()[0] - exact).abs() < allowed, "{method:?}: {}", joined.last()[0]);
        assert!((joined.at(1.5).unwrap()[0] - whole.at(1.5).unwrap()[0]).abs() < 3.0 * allowed);
        assert!((joined.derivative(2.5).unwrap()[0] + joined.at(2.5).unwrap()[0]).abs() < 1e-3);
    }
}

#[test]
fn a_dose_and_an_event_at_one_time_happen_both_and_once() {
    let rest = from_fn(["u"], |_t, _u, _p, du| du[0] = 0.0);
    for stop in [1.0, 0.1 + 0.2, 1.0 / 3.0, 2.0f64.sqrt()] {
        for (method, _) in methods().into_iter().filter(|(_, fixed)| fixed.is_none()) {
            let noon = Event::new("noon", move |t, _u, _p| t - stop).then(|_t, u, _p| u[0] += 10.0);
            let solve = Solve::system(&rest, [0.0], 0.0, 3.0).method(method).event(noon);
            let solution = solve.at_times(&[stop], |_t, u, _p| u[0] += 1.0).run().unwrap();
            assert_eq!((solution.last(), solution.times().last()), (&[11.0][..], Some(&3.0)), "{method:?} at {stop}");
            assert_eq!(solution.events("noon").count(), 1);
        }
    }
}

#[test]
fn a_moved_end_is_an_end_like_another() {
    for (method, fixed) in methods() {
        let solve = |end: f64| {
            let solve = Solve::new(&Oscillator, [2.0, 0.0], 0.0, end).parameters([1.0]).method(method);
            let solve = solve.rtol(1e-7).atol(1e-9).event(Event::new("zero", |_t, u, _p| u[0]));
            match fixed {
                Some(_) => solve.fixed_step(1e-3),
                None => solve,
            }
        };
        let whole = solve(12.0).run().unwrap();
        let mut integrator = solve(5.0).start().unwrap();
        while integrator.step().unwrap() == Progress::Going {}
        let rhs = integrator.statistics().rhs;
        integrator.extend_to(12.0).unwrap();
        while integrator.step().unwrap() == Progress::Going {}
        assert!(integrator.statistics().rhs > rhs);
        let extended = integrator.into_solution();
        assert_eq!(extended.events("zero").count(), whole.events("zero").count(), "{method:?}");
        let off = (extended.last()[0] - whole.last()[0]).hypot(extended.last()[1] - whole.last()[1]);
        let allowed = if method == Method::Euler { 1e-2 } else { 1e-4 };
        assert!(off < allowed, "{method:?}: {off:e}");
        assert_eq!((extended.times()[0], extended.times().last()), (0.0, Some(&12.0)));
    }
}

#[test]
fn steps_and_time_are_allowed_anew_past_the_end() {
    let solve = || Solve::new(&Logistic, [0.1], 0.0, 1.0).parameters([1.0]).method(Method::Tsit5).h_max(0.01);
    let steps = solve().run().unwrap().statistics().accepted;
    let mut integrator = solve().max_steps(steps + 2).start().unwrap();
    assert_eq!(integrator.advance_to(1.0).unwrap(), Progress::Reached);
    integrator.extend_to(2.0).unwrap();
    assert_eq!(integrator.advance_to(2.0).unwrap(), Progress::Reached);
    integrator.extend_to(9.0).unwrap();
    let error = integrator.advance_to(9.0).unwrap_err();
    assert!(matches!(&error, crate::Error::Solve(SolveError::TooManySteps { end: 9.0, .. })), "{error}");
    let reached = integrator.t();
    assert!(reached > 2.0 && (integrator.state()[0] - Logistic::exact(1.0, 0.1, reached)).abs() < 1e-6);
    integrator.extend_to(reached + 1.0).unwrap();
    assert_eq!(integrator.advance_to(reached + 1.0).unwrap(), Progress::Reached);
}

#[test]
fn solutions_that_do_not_fit_together_are_refused() {
    let solve = |start: f64, end: f64| Solve::new(&Logistic, [0.1], start, end).parameters([1.0]);
    let first = solve(0.0, 1.0).run().unwrap();
    let refused = |later: crate::ode::Solution, word: &str| {
        let mut whole = first.clone();
        let error = whole.extend(later).unwrap_err();
        assert!(
            matches!(&error, SolveError::Argument { argument: "later", .. }) && error.to_string().contains(word),
            "{error}"
        );
        assert_eq!(whole, first);
    };
    refused(solve(1.5, 2.0).run().unwrap(), "goes from 1.5");
    refused(solve(0.5, 2.0).run().unwrap(), "goes from 0.5");
    refused(solve(1.0, 0.5).run().unwrap(), "goes from 1");
    refused(solve(1.0, 2.0).save(Save::End).run().unwrap(), "keeps other things");
    refused(solve(1.0, 2.0).integral("n", |_t, u, _p| u[0]).run().unwrap(), "other integrals");
    let other = from_fn(["m"], |_t, _u, _p, du| du[0] = 0.0);
    refused(Solve::system(&other, [1.0], 1.0, 2.0).run().unwrap(), "the states [m]");
    // A solution that kept nothing knows where it ended all the same.
    let nothing = solve(0.0, 0.0).save_at(&[]).run().unwrap();
    assert_eq!((nothing.len(), nothing.end()), (0, (0.0, &[0.1][..])));
    assert_eq!(solve(0.0, 1.0).continuing(&nothing, 1.0).run().unwrap(), first);
}

#[test]
fn saved_times_events_and_integrals_of_two_solves_add_up() {
    let solve = |save: Save| {
        let solve = Solve::new(&Logistic, [0.1], 0.0, 2.0).parameters([1.0]).rtol(1e-9).atol(1e-11).save(save);
        let half = Event::new("half", |_t, u, _p| u[0] - 0.5);
        solve.event(half).integral("n", |_t, u, _p| u[0])
    };
    for (first, second) in
        [(Save::Times(vec![1.0, 2.0]), Save::Times(vec![3.0, 4.0])), (Save::Steps, Save::Steps), (Save::End, Save::End)]
    {
        let mut whole = solve(first).run().unwrap();
        let counts = whole.statistics();
        let later = solve(second).continuing(&whole, 4.0).run().unwrap();
        let more = later.statistics();
        whole.extend(later).unwrap();
        assert_eq!(whole.times().last(), Some(&4.0));
        assert_eq!(whole.statistics().accepted, counts.accepted + more.accepted);
        assert!((whole.last()[0] - Logistic::exact(1.0, 0.1, 4.0)).abs() < 1e-8);
        // n = 1/2 at ln 9; the integral of n is that of the logarithm's derivative.
        let times: Vec<f64> = whole.events("half").map(|e| e.t).collect();
        assert!(times.len() == 1 && (times[0] - 9.0f64.ln()).abs() < 1e-7, "{times:?}");
        assert!((whole.integral("n").unwrap() - (0.9 + 0.1 * 4.0f64.exp()).ln()).abs() < 1e-7);
    }
}

/// The end is where the solve ended, whatever was saved on the way.
#[test]
fn going_on_begins_at_the_end_and_not_at_the_last_saved_time() {
    let clock = from_fn(["t", "count"], |_t, _u, _p, du| du.copy_from_slice(&[1.0, 0.0]));
    for method in [Method::Tsit5, Method::Rodas5P] {
        let solve = || {
            let solve = Solve::system(&clock, [0.0, 0.0], 0.0, 3.0).method(method).integral("time", |_t, _u, _p| 1.0);
            solve.at_times(&[2.5, 4.0], |_t, u, _p| u[1] += 1.0)
        };
        let mut solution = solve().save_at(&[1.0, 2.0]).run().unwrap();
        let (t, u) = solution.end();
        assert_eq!((t, u[1]), (3.0, 1.0));
        assert!((u[0] - 3.0).abs() < 1e-12);
        let later = solve().continuing(&solution, 5.0).save_at(&[4.5]).run().unwrap();
        solution.extend(later).unwrap();
        assert_eq!(solution.times(), [1.0, 2.0, 4.5]);
        assert!((solution.integral("time").unwrap() - 5.0).abs() < 1e-12);
        assert_eq!((solution.end().0, solution.end().1[1]), (5.0, 2.0));
    }
}

/// Where an event's function has no value nothing can be said of crossings, and nothing is.
#[test]
fn an_event_that_is_not_a_number_is_an_error() {
    let fall = from_fn(["height"], |_t, _u, _p, du| du[0] = -1.0);
    for method in [Method::Tsit5, Method::Bdf, Method::Rock4] {
        let event = Event::new("depth", |_t, u, _p| u[0].sqrt() - 2.0).terminal();
        match Solve::system(&fall, [1.0], 0.0, 3.0).method(method).event(event).run().unwrap_err() {
            crate::Error::Solve(SolveError::EventNotFinite { event, t, h, partial }) => {
                assert_eq!(event, "depth");
                assert!(t > 1.0 && partial.end().0 <= t && t <= partial.end().0 + h, "{t}");
            }
            other => panic!("{other}"),
        }
    }
}
