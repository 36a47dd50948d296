//! Solves that cannot go on: each ends with the error that fits, at the time and with the state that is to blame, and
//! keeps what was reached.

use crate::problems::{FIXED_ONLY, Robertson, adaptive, explicit, stopped};
use ansatz::ode::Cause;
use ansatz::prelude::*;
use std::time::{Duration, Instant};

/// All methods that choose their steps, and the choice between them.
fn methods() -> impl Iterator<Item = Method> {
    adaptive().chain([Method::Automatic])
}

/// What every error on the way has: the time, and the solution up to there.
fn assert_partial(error: &SolveError, exact: impl Fn(f64) -> Vec<f64>, bound: f64, what: impl std::fmt::Debug) {
    let partial = error.partial().unwrap_or_else(|| panic!("{what:?}: nothing kept: {error:?}"));
    assert_eq!(partial.times().last().copied(), error.time(), "{what:?}");
    for (k, t) in partial.times().iter().enumerate() {
        for (found, exact) in partial.state(k).iter().zip(exact(*t)) {
            assert!((found - exact).abs() <= bound * (1.0 + exact.abs()), "{what:?} at {t}: {found}, not {exact}");
        }
    }
    // Dense output up to the end of what was kept.
    let middle = 0.5 * error.time().unwrap_or_default();
    if partial.len() > 2 {
        let (found, exact) = (partial.at(middle).unwrap(), exact(middle));
        assert!((found[0] - exact[0]).abs() <= bound * (1.0 + exact[0].abs()), "{what:?} at {middle}");
    }
}

/// $y' = -1/2$, with a root of $y$ that has no value beyond $t = 2$.
struct Cistern;

impl Model for Cistern {
    fn states(&self) -> Names {
        ["level", "flow", "calm"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = R::from_f64(-0.5);
        du[1] = u[0].sqrt();
        du[2] = -u[2];
    }
}

#[test]
fn not_a_number_at_the_start() {
    for method in methods().chain(FIXED_ONLY) {
        let solve = |u: [f64; 3]| Solve::new(&Cistern, u, 0.0, 3.0).method(method).fixed_step(0.1);
        let error = stopped(solve([-1.0, 0.0, 1.0]).run());
        assert!(
            matches!(&error, SolveError::NotFiniteAtStart { t: 0.0, component } if component.name == "flow"),
            "{method:?}: {error:?}"
        );
        let error = stopped(solve([1.0, 0.0, f64::NAN]).run());
        assert!(
            matches!(&error, SolveError::NotFiniteAtStart { component, .. } if component.name == "calm"),
            "{method:?}: {error:?}"
        );
    }
}

#[test]
fn not_a_number_later() {
    let closure = from_fn(["level", "flow", "calm"], |_t, u, _p, du| du.copy_from_slice(&[-0.5, u[0].sqrt(), -u[2]]));
    let bound = Bound::new(&Cistern).unwrap();
    let exact = |t: f64| {
        let level = (1.0 - 0.5 * t).max(0.0);
        vec![level, 4.0 / 3.0 * (1.0 - level.powf(1.5)), (-t).exp()]
    };
    let mut missed = Vec::new();
    for method in methods() {
        for (what, result) in [
            ("model", Solve::system(&bound, [1.0, 0.0, 1.0], 0.0, 3.0).method(method).run()),
            ("closure", Solve::system(&closure, [1.0, 0.0, 1.0], 0.0, 3.0).method(method).run()),
        ] {
            let error = stopped(result);
            let (SolveError::NotFinite { t, component, .. } | SolveError::StepTooSmall { t, component, .. }) = &error
            else {
                missed.push(format!("{method:?}, {what}: {error}"));
                continue;
            };
            if (t - 2.0).abs() > 1e-3 || component.name != "flow" {
                missed.push(format!("{method:?}, {what}: {component} at {t}"));
            }
            assert_partial(&error, exact, 1e-3, (method, what));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// A term too small to matter to any error, and with no value beyond $t = 1$, beside a motion that sets the steps.
struct Hidden;

impl Model for Hidden {
    fn states(&self) -> Names {
        ["x", "hidden", "y"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = -u[2];
        du[1] = (-t + 1.0).sqrt() * 1e-20;
        du[2] = u[0];
    }
}

/// The state to blame is the one that is not finite, not the one whose error was largest before.
#[test]
fn the_state_that_is_not_finite_is_named() {
    let mut missed = Vec::new();
    for method in methods() {
        let error = stopped(Solve::new(&Hidden, [1.0, 0.0, 0.0], 0.0, 3.0).method(method).run());
        let SolveError::NotFinite { t, component, .. } = &error else { panic!("{method:?}: {error:?}") };
        if (t - 1.0).abs() > 1e-6 || component.name != "hidden" {
            missed.push(format!("{method:?}: {component} at {t}"));
        }
        assert_partial(&error, |t| vec![t.cos(), 0.0, t.sin()], 1e-3, method);
    }
    for method in methods().chain(FIXED_ONLY) {
        let error = stopped(Solve::new(&Hidden, [1.0, 0.0, 0.0], 0.0, 3.0).method(method).fixed_step(0.15).run());
        let SolveError::NotFinite { t, h, component, .. } = &error else { panic!("{method:?}: {error:?}") };
        // Kværnø's method looks ahead by 1.23 steps; a multistep method may do with the end of its step, which is beyond.
        if !(0.75 - 1e-9..=0.9 + 1e-9).contains(t) || *h != 0.15 || component.name != "hidden" {
            missed.push(format!("{method:?}, fixed steps: {component} at {t}, step {h}"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// $u' = u^2$ from 1: $1 / (1 - t)$. Beside it a state that has nothing to do with it.
struct Explosion;

impl Model for Explosion {
    fn states(&self) -> Names {
        ["calm", "mass"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = -u[0];
        du[1] = u[1] * u[1];
    }
}

#[test]
fn blow_up_in_finite_time() {
    let mut missed = Vec::new();
    for method in methods() {
        let began = Instant::now();
        let error = stopped(Solve::new(&Explosion, [1.0, 1.0], 0.0, 2.0).method(method).run());
        let (SolveError::NotFinite { t, component, cause, .. }
        | SolveError::StepTooSmall { t, component, cause, .. }
        | SolveError::NewtonFailed { t, component, cause, .. }) = &error
        else {
            missed.push(format!("{method:?}: {error}"));
            continue;
        };
        let soon = matches!(cause, Cause::BlowUp { t, largest } if (t - 1.0).abs() < 1e-3 && *largest > 1e8);
        if (t - 1.0).abs() > 1e-3 || component.name != "mass" || !soon {
            missed.push(format!("{method:?}: {component} at {t}: {error}"));
        }
        let partial = error.partial().unwrap();
        let middle = partial.at(0.5).unwrap();
        assert!((middle[1] - 2.0).abs() < 1e-2 && (middle[0] - (-0.5f64).exp()).abs() < 1e-3, "{method:?}: {middle:?}");
        assert_eq!(partial.times().last(), Some(t));
        assert!(began.elapsed() < Duration::from_secs(5), "{method:?}");
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// An effect that spoils the state ends the solve there, and what came before is kept.
#[test]
fn an_effect_that_is_not_a_number() {
    for method in methods() {
        let solve = || Solve::new(&Circle, [1.0, 0.0], 0.0, 3.0).method(method);
        let event = Event::new("spoil", |t, _u, _p| t - 2.0).then(|_t, u, _p| u[1] = f64::NAN);
        for result in [solve().event(event).run(), solve().at_times(&[2.0], |_t, u, _p| u[1] = f64::NAN).run()] {
            let error = stopped(result);
            let SolveError::NotFinite { t, component, cause, .. } = &error else { panic!("{method:?}: {error:?}") };
            assert!((t - 2.0).abs() < 1e-12 && component.name == "y", "{method:?}: {component} at {t}");
            assert_eq!(*cause, Cause::Changed);
            assert!(error.to_string().contains("an event or a dose"), "{error}");
            let kept = error.partial().unwrap().at(1.0).unwrap();
            assert!((kept[0] - 1f64.cos()).abs() < 1e-4, "{method:?}: {kept:?}");
        }
    }
}

/// Round the circle.
struct Circle;

impl Model for Circle {
    fn states(&self) -> Names {
        ["x", "y"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = -u[1];
        du[1] = u[0];
    }
}

#[test]
fn too_many_steps() {
    for method in methods() {
        let solve = || Solve::new(&Circle, [1.0, 0.0], 0.0, 1000.0).method(method).max_steps(25);
        let error = stopped(solve().run());
        let SolveError::TooManySteps { t, end, max_steps, h, .. } = &error else { panic!("{method:?}: {error:?}") };
        assert_eq!((*end, *max_steps), (1000.0, 25));
        assert!(*t > 0.0 && *t < 1000.0 && *h > 0.0);
        assert_partial(&error, |t| vec![t.cos(), t.sin()], 1e-3, method);
        let steps = error.partial().unwrap().statistics();
        assert_eq!(steps.accepted + steps.rejected(), 25, "{method:?}");
        // Where only the end was to be kept, the place that was reached.
        let error = stopped(solve().save(Save::End).run());
        let partial = error.partial().unwrap();
        assert_eq!((partial.len(), partial.times().last().copied()), (1, error.time()), "{method:?}");
        // Of the times to save, those that were reached.
        let saved = stopped(solve().save_at(&[0.0, 0.5 * t, 900.0]).run());
        assert_eq!(saved.partial().unwrap().times(), [0.0, 0.5 * t], "{method:?}");
    }
    for method in FIXED_ONLY {
        let error =
            stopped(Solve::new(&Circle, [1.0, 0.0], 0.0, 1.0).method(method).fixed_step(1e-3).max_steps(25).run());
        let SolveError::TooManySteps { t, .. } = &error else { panic!("{method:?}: {error:?}") };
        assert!((t - 0.025).abs() < 1e-12, "{t}");
    }
}

#[test]
fn no_time_left() {
    for method in methods() {
        let (began, budget) = (Instant::now(), Duration::from_millis(10));
        let solve = Solve::new(&Circle, [1.0, 0.0], 0.0, 1e9).method(method).max_steps(usize::MAX).time_budget(budget);
        let error = stopped(solve.run());
        assert!(began.elapsed() < Duration::from_secs(5), "{method:?}");
        let SolveError::TimeBudget { t, end, budget: given, .. } = &error else { panic!("{method:?}: {error:?}") };
        assert_eq!((*end, *given), (1e9, budget));
        assert!(*t > 0.0 && *t < 1e9, "{method:?}: {t}");
        assert!(error.to_string().contains("10ms"), "{error}");
        assert_eq!(error.partial().unwrap().times().last(), Some(t));
        // Enough time is no error.
        let solve = Solve::new(&Circle, [1.0, 0.0], 0.0, 1.0).method(method).time_budget(Duration::from_secs(3600));
        assert!(solve.run().is_ok(), "{method:?}");
    }
}

/// A solution that comes down to zero and stays positive, where steps as long as the tolerance allows go below: fast
/// decay into a slow one, with a tolerance as coarse as the rest.
struct Decay;

impl Model for Decay {
    fn states(&self) -> Names {
        ["fuel", "ash"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let burnt = u[0] * 50.0;
        du[0] = -burnt;
        du[1] = burnt;
    }
}

#[test]
fn states_that_must_not_become_negative() {
    let lowest = |solution: &Solution| solution.states().iter().fold(f64::INFINITY, |m, x| m.min(*x));
    let mut undershot = 0;
    for method in methods() {
        let solve = || Solve::new(&Decay, [1.0, 0.0], 0.0, 3.0).method(method).rtol(1e-2).atol(1e-2);
        let plain = solve().run().unwrap();
        let kept = solve().non_negative().run().unwrap_or_else(|error| panic!("{method:?}: {error}"));
        assert!(lowest(&kept) >= 0.0, "{method:?}: {:e}", lowest(&kept));
        assert!((kept.last()[1] - 1.0).abs() < 0.05 && kept.last()[0] < 0.05, "{method:?}: {:?}", kept.last());
        if lowest(&plain) < 0.0 {
            undershot += 1;
            assert!(kept.statistics().rejected_by_bounds > 0, "{method:?}");
            let named = solve().bounds("fuel", 0.0..=1.0).run().unwrap();
            assert!(named.column("fuel").unwrap().iter().all(|x| (0.0..=1.0).contains(x)), "{method:?}");
        }
    }
    // Otherwise this test would say nothing.
    assert!(undershot >= 5, "{undershot}");
}

#[test]
fn a_solution_that_leaves_its_bounds() {
    for method in methods() {
        let solve = |u: [f64; 3]| Solve::new(&Cistern, u, 0.0, 3.0).method(method);
        // The level falls by one half, and with it nothing else leaves; it is 1/4 at t = 3/2.
        let error = stopped(solve([1.0, 0.0, 1.0]).bounds("level", 0.25..=1.0).run());
        let SolveError::OutOfBounds { t, component, .. } = &error else { panic!("{method:?}: {error:?}") };
        assert_eq!((component.index, &component.name[..]), (0, "level"));
        assert!((t - 1.5).abs() < 1e-8, "{method:?}: {t}");
        assert!(error.to_string().contains("`level` leaves its bounds"), "{error}");
        let exact = |t: f64| {
            let level = 1.0 - 0.5 * t;
            vec![level, 4.0 / 3.0 * (1.0 - level.powf(1.5)), (-t).exp()]
        };
        assert_partial(&error, exact, 1e-3, method);
        // Out of bounds from the start.
        let error = stopped(solve([2.0, 0.0, 1.0]).bounds("level", 0.25..=1.0).run());
        assert!(
            matches!(&error, SolveError::OutOfBounds { t: 0.0, component, .. } if component.name == "level"),
            "{error:?}"
        );
    }
}

/// Explicit methods see that Robertson's reactions are stiff, and say so long before the steps allowed are used up.
#[test]
fn explicit_methods_on_a_stiff_problem() {
    let mut missed = Vec::new();
    for method in explicit() {
        let error = stopped(Solve::new(&Robertson, [1.0, 0.0, 0.0], 0.0, 1e6).method(method).run());
        let SolveError::LooksStiff { t, h, method: named, partial, .. } = &error else {
            missed.push(format!("{method:?}: {error}"));
            continue;
        };
        assert_eq!(*named, method);
        // 100 000 steps of ten would reach the end.
        assert!(*t > 0.0 && *h < 10.0);
        let steps = partial.statistics();
        println!("{method:?}: stiff at {t:.1e}, after {steps}");
        assert!(steps.accepted < 5000, "{method:?} takes {steps} to see it");
        for word in ["stiff", "Method::Automatic", "implicit"] {
            assert!(error.to_string().contains(word), "{error}");
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    // Thirty thousand steps are within what is allowed, but not when they are short for stability alone and nobody asked for
    // as many.
    let solve = || Solve::new(&Robertson, [1.0, 0.0, 0.0], 0.0, 40.0).method(Method::Tsit5);
    let error = stopped(solve().run());
    let SolveError::LooksStiff { h, max_steps, component, .. } = &error else { panic!("{error:?}") };
    assert!(*h * 100_000.0 > 40.0 && *max_steps == 10_000 && error.component() == Some(component), "{error}");
    assert!(error.partial().unwrap().statistics().accepted < 5000);
    assert!(solve().max_steps(100_000).run().unwrap().statistics().accepted > 10_000);
    // And the choice between the methods solves it. Reference: the sum of the states is one.
    let solution = Solve::new(&Robertson, [1.0, 0.0, 0.0], 0.0, 1e6).run().unwrap();
    assert!(solution.methods().len() > 1 && solution.statistics().jacobians > 0);
    assert!((solution.last().iter().sum::<f64>() - 1.0).abs() < 1e-6);
}
