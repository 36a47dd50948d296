//! Events: where they are found, what they do, and what remains of the solution around them.

use crate::problems::{adaptive, stopped};
use ansatz::prelude::*;
use std::f64::consts::{PI, TAU};

const GRAVITY: f64 = 9.81;

/// How far off an event on the circle may be at a tolerance of 1e-8: errors add up over thousands of steps of a method of
/// low order.
const ON_THE_CIRCLE: f64 = 1e-4;

/// A ball in free fall.
struct Ball;

impl Model for Ball {
    fn states(&self) -> Names {
        ["height", "speed"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = u[1];
        du[1] = R::from_f64(-GRAVITY);
    }
}

/// A ball thrown up at 10 m/s. The motion is a parabola, which every method follows exactly, so that the tolerance is of
/// no matter but to what Newton's method leaves; the estimate of Heun's method, which compares with a line, would make
/// steps of 1e-5 of a sharp one.
fn throw<'a>(method: Method, end: f64) -> Solve<'a, Bound<'a, Ball>> {
    let tolerance = if method == Method::Heun { 1e-6 } else { 1e-10 };
    Solve::new(&Ball, [0.0, 10.0], 0.0, end).method(method).rtol(tolerance).atol(tolerance)
}

/// Bounces off the ground with this part of its speed.
fn bounce(restitution: f64) -> Event<'static> {
    Event::new("bounce", |_t, u, _p| u[0]).falling().then(move |_t, u, _p| {
        u[0] = 0.0;
        u[1] = restitution * u[1].abs();
    })
}

/// Times of the bounces of a ball thrown up at 10 m/s that keeps four fifths of its speed: flights of $2 v / g$.
fn bounces(end: f64) -> Vec<f64> {
    let mut times = Vec::new();
    let (mut t, mut speed) = (0.0, 10.0);
    loop {
        t += 2.0 * speed / GRAVITY;
        if t > end {
            return times;
        }
        times.push(t);
        speed *= 0.8;
    }
}

fn flight(t: f64, start: f64, speed: f64) -> [f64; 2] {
    let s = t - start;
    [speed * s - 0.5 * GRAVITY * s * s, speed - GRAVITY * s]
}

/// Round the circle: $(\cos t, \sin t)$.
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

/// $x' = 1$, with a second state that does nothing but remember.
struct Clock;

impl Model for Clock {
    fn states(&self) -> Names {
        ["x", "memory"].into()
    }
    fn rhs<R: Real>(&self, _t: R, _u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = R::one();
        du[1] = R::zero();
    }
}

fn times<'s>(solution: &'s Solution, name: &'s str) -> Vec<f64> {
    solution.events(name).map(|e| e.t).collect()
}

fn assert_near(found: &[f64], expected: &[f64], bound: f64, what: impl std::fmt::Debug) {
    assert_eq!(found.len(), expected.len(), "{what:?}: {found:?} in place of {expected:?}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= bound, "{what:?}: {found:?} in place of {expected:?}");
    }
}

#[test]
fn a_bouncing_ball_bounces_in_time() {
    let expected = bounces(8.0);
    for method in adaptive().chain([Method::Automatic]) {
        let solve = || throw(method, 8.0).event(bounce(0.8));
        let solution = solve().run().unwrap();
        assert_near(&times(&solution, "bounce"), &expected, 1e-8, method);
        // Thrown from the ground, which is no bounce, the ball stays above it.
        let lowest = solution.states().chunks_exact(2).map(|u| u[0]).fold(0.0, f64::min);
        assert!(lowest > -1e-9, "{method:?}: {lowest:e}");
        for (k, event) in solution.events("bounce").enumerate() {
            assert!((event.state[1] + 10.0 * 0.8f64.powi(k as i32)).abs() < 1e-7, "{method:?}: {event:?}");
        }
        assert_eq!(solution.statistics().events, expected.len());
        // What is kept does not change what is found.
        let end = solve().save(Save::End).run().unwrap();
        assert_eq!(end.last(), solution.last());
        assert_eq!(times(&end, "bounce"), times(&solution, "bounce"));
    }
}

#[test]
fn dense_output_before_and_after_a_jump() {
    let expected = bounces(8.0);
    for method in adaptive() {
        let solution = throw(method, 8.0).event(bounce(0.8)).run().unwrap();
        let (before, after) = (expected[0], expected[1]);
        for t in [0.1 * before, 0.999 * before] {
            assert_near(&solution.at(t).unwrap(), &flight(t, 0.0, 10.0), 1e-8, method);
            assert_near(&solution.derivative(t).unwrap(), &[flight(t, 0.0, 10.0)[1], -GRAVITY], 1e-6, method);
        }
        for t in [before + 1e-3, 0.5 * (before + after), after - 1e-3] {
            assert_near(&solution.at(t).unwrap(), &flight(t, before, 8.0), 1e-7, method);
            assert_near(&solution.derivative(t).unwrap(), &[flight(t, before, 8.0)[1], -GRAVITY], 1e-6, method);
        }
        // At the jump itself: the state after it.
        let t = times(&solution, "bounce")[0];
        assert_near(&solution.at(t).unwrap(), &[0.0, 8.0], 1e-7, method);
        // The solution lists the time twice, with both states.
        let k = solution.times().iter().position(|s| *s == t).unwrap();
        assert_eq!(solution.times()[k + 1], t);
        assert_near(solution.state(k), &[0.0, -10.0], 1e-7, method);
        assert_near(solution.state(k + 1), &[0.0, 8.0], 1e-7, method);
    }
}

#[test]
fn rising_falling_or_both() {
    for method in adaptive() {
        let solution = Solve::new(&Circle, [1.0, 0.0], 0.0, 10.0)
            .method(method)
            .rtol(1e-8)
            .atol(1e-8)
            .event(Event::new("any", |_t, u, _p| u[0]))
            .event(Event::new("rising", |_t, u, _p| u[0]).rising())
            .event(Event::new("falling", |_t, u, _p| u[0]).falling())
            .run()
            .unwrap();
        assert_near(&times(&solution, "any"), &[0.5 * PI, 1.5 * PI, 2.5 * PI], ON_THE_CIRCLE, method);
        assert_near(&times(&solution, "rising"), &[1.5 * PI], ON_THE_CIRCLE, method);
        assert_near(&times(&solution, "falling"), &[0.5 * PI, 2.5 * PI], ON_THE_CIRCLE, method);
        assert_eq!(solution.all_events().len(), 6);
        assert!(solution.all_events().windows(2).all(|w| w[0].t <= w[1].t));
        assert_eq!(solution.events("nothing").count(), 0);
    }
}

/// Backwards, a function falls that grows with time.
#[test]
fn events_backwards_in_time() {
    for method in adaptive() {
        let solution = Solve::new(&Circle, [10f64.cos(), 10f64.sin()], 10.0, 0.0)
            .method(method)
            .rtol(1e-8)
            .atol(1e-8)
            .event(Event::new("rising", |_t, u, _p| u[0]).rising())
            .event(Event::new("falling", |_t, u, _p| u[0]).falling())
            .event(Event::new("kick", |t, _u, _p| t - 0.25).then(|_t, u, _p| u[0] += 5.0))
            .run()
            .unwrap();
        assert_near(&times(&solution, "falling"), &[1.5 * PI], ON_THE_CIRCLE, method);
        assert_near(&times(&solution, "rising"), &[2.5 * PI, 0.5 * PI], ON_THE_CIRCLE, method);
        assert_near(&times(&solution, "kick"), &[0.25], 0.0, method);
        // Kicked at 0.25 and turned back by a quarter: (cos 0.25 + 5, sin 0.25) turned by −0.25.
        assert_near(solution.last(), &[1.0 + 5.0 * 0.25f64.cos(), -5.0 * 0.25f64.sin()], ON_THE_CIRCLE, method);
        assert_near(&solution.at(1.0).unwrap(), &[1f64.cos(), 1f64.sin()], ON_THE_CIRCLE, method);
    }
}

#[test]
fn a_terminal_event_ends_the_solve() {
    for method in adaptive().chain([Method::Automatic]) {
        let solve = || {
            let ground = Event::new("ground", |_t, u, _p| u[0]).falling().terminal();
            throw(method, 5.0).event(ground)
        };
        let landing = 20.0 / GRAVITY;
        let solution = solve().run().unwrap();
        assert_eq!(solution.times().last().copied(), times(&solution, "ground").last().copied());
        assert_near(&times(&solution, "ground"), &[landing], 1e-8, method);
        assert_near(solution.last(), &[0.0, -10.0], 1e-7, method);
        assert!(solution.at(landing + 1e-3).is_err());
        let end = solve().save(Save::End).run().unwrap();
        assert_eq!((end.times(), end.last()), (&times(&solution, "ground")[..], solution.last()));
        let some = solve().save_at(&[1.0, 2.0, 3.0]).run().unwrap();
        assert_eq!(some.times(), [1.0, 2.0]);
        assert_near(some.last(), &flight(2.0, 0.0, 10.0), 1e-8, method);
    }
}

/// Ending may come with a last change of the state, which the solution then ends with.
#[test]
fn a_terminal_event_with_an_effect() {
    let land = Event::new("ground", |_t, u, _p| u[0]).falling().terminal().then(|_t, u, _p| u.fill(0.0));
    let solution = Solve::new(&Ball, [0.0, 10.0], 0.0, 5.0).event(land).run().unwrap();
    assert_eq!(solution.last(), [0.0, 0.0]);
    let t = times(&solution, "ground")[0];
    assert_eq!(solution.at(t).unwrap(), [0.0, 0.0]);
    assert_near(&solution.at(0.99 * t).unwrap(), &flight(0.99 * t, 0.0, 10.0), 1e-6, "before");
    // The slope there is that of the way that led there.
    assert_near(&solution.derivative(t).unwrap(), &[-10.0, -GRAVITY], 1e-5, "slope at the end");
}

/// Events that happen at one time act in the order in which they were given, whatever their functions.
#[test]
fn several_events_at_one_time() {
    type Function = fn(f64) -> f64;
    let functions: [(&str, Function); 5] = [
        ("the same", |x| x - 1.0),
        ("scaled", |x| 3.0 * (x - 1.0)),
        ("backwards", |x| 0.7 * (1.0 - x)),
        ("curved", |x| x.exp() - 1f64.exp()),
        ("by roots", |x| x.sqrt() - 1.0),
    ];
    for method in adaptive().chain([Method::Automatic]) {
        for (what, g) in functions {
            // Both at x = 1; the first sets x back, so that the second would not happen in the next step.
            let first = Event::new("first", |_t, u, _p| u[0] - 1.0).then(|_t, u, _p| {
                u[0] = 0.0;
                u[1] += 1.0;
            });
            let second = Event::new("second", move |_t, u, _p| g(u[0])).then(|_t, u, _p| u[1] *= 2.0);
            let solve = Solve::new(&Clock, [0.3, 0.0], 0.0, 2.0).method(method).event(first).event(second);
            let solution = solve.run().unwrap();
            assert_near(&times(&solution, "first"), &[0.7, 1.7], 1e-12, (method, what));
            assert_near(&times(&solution, "second"), &[0.7, 1.7], 1e-12, (method, what));
            // ((0 + 1) · 2 + 1) · 2
            assert_near(solution.last(), &[0.3, 6.0], 1e-10, (method, what));
        }
    }
}

/// What is only recorded is recorded at the time of a terminal event too.
#[test]
fn an_event_that_does_nothing_at_the_time_of_one_that_ends() {
    for (what, scale) in [("the same", 1.0), ("scaled", 0.3), ("opposite", -0.7)] {
        let ends = Event::new("ends", |_t, u, _p| u[0]).falling().terminal();
        let seen = Event::new("seen", move |_t, u, _p| scale * u[0] * (2.0 + u[1].sin()));
        let solution = Solve::new(&Ball, [1.0, 0.0], 0.0, 5.0).event(seen).event(ends).run().unwrap();
        let landing = (2.0 / GRAVITY).sqrt();
        assert_near(&times(&solution, "ends"), &[landing], 1e-8, what);
        assert_near(&times(&solution, "seen"), &[landing], 1e-8, what);
    }
}

/// A saved time at which the state jumps has one state or the other, and those around it are on their sides.
#[test]
fn an_event_at_a_time_to_save() {
    for method in adaptive() {
        let back = Event::new("back", |_t, u, _p| u[0] - 1.0).then(|_t, u, _p| u[0] = -5.0);
        let solution = Solve::new(&Clock, [0.0, 0.0], 0.0, 2.0)
            .method(method)
            .event(back)
            .save_at(&[0.5, 1.0, 1.5])
            .run()
            .unwrap();
        assert_eq!(solution.times(), [0.5, 1.0, 1.5]);
        assert_near(&times(&solution, "back"), &[1.0], 1e-12, method);
        let x: Vec<f64> = (0..3).map(|k| solution.state(k)[0]).collect();
        assert!((x[0] - 0.5).abs() < 1e-10 && (x[2] + 4.5).abs() < 1e-10, "{method:?}: {x:?}");
        assert!((x[1] - 1.0).abs() < 1e-10 || (x[1] + 5.0).abs() < 1e-10, "{method:?}: {x:?}");
    }
}

/// Doses at a saved time: the state saved is that before the dose, as `save_at` reads the step that led there.
#[test]
fn a_dose_at_a_time_to_save_and_at_an_event() {
    for method in adaptive().chain([Method::Automatic]) {
        let event = Event::new("one", |_t, u, _p| u[0] - 1.0).rising().then(|_t, u, _p| u[1] = 10.0);
        let solve = || Solve::new(&Clock, [0.0, 0.0], 0.0, 3.0).method(method);
        let doses = |_t: f64, u: &mut [f64], _p: &[f64]| u[1] += 1.0;
        let saved = solve().at_times(&[1.0, 2.0], doses).save_at(&[0.5, 1.0, 2.0, 2.5]).run().unwrap();
        let memory: Vec<f64> = (0..4).map(|k| saved.state(k)[1]).collect();
        assert_eq!(memory, [0.0, 0.0, 1.0, 2.0], "{method:?}");
        // At the time of an event each acts once; which of them first is up to rounding.
        let solution = solve().at_times(&[1.0, 2.0], doses).event(event).run().unwrap();
        assert_near(&times(&solution, "one"), &[1.0], 1e-12, method);
        assert!([11.0, 12.0].contains(&solution.last()[1]), "{method:?}: {:?}", solution.last());
    }
}

/// A dose at the start is given; one at the end is left to a solve that goes on from there.
#[test]
fn doses_at_both_ends() {
    for (start, end) in [(0.0, 2.0), (2.0, 0.0)] {
        let dose = |_t: f64, u: &mut [f64], _p: &[f64]| u[1] += 1.0;
        let solve = || Solve::new(&Clock, [0.0, 0.0], start, end).at_times(&[0.0, 1.0, 2.0], dose);
        assert_eq!(solve().run().unwrap().last()[1], 2.0, "from {start} to {end}");
        assert_eq!(solve().save(Save::End).run().unwrap().last()[1], 2.0, "from {start} to {end}, the end saved");
    }
}

/// A function that is zero at the start has not crossed zero.
#[test]
fn an_event_at_the_start() {
    for method in adaptive() {
        let solve = |u: [f64; 2], end: f64| {
            let zero = Event::new("zero", |_t, u, _p| u[0]);
            Solve::new(&Circle, u, 0.0, end).method(method).rtol(1e-8).atol(1e-8).event(zero).run().unwrap()
        };
        // x = −sin t, zero at the start and falling; x = sin t, rising.
        assert_near(&times(&solve([0.0, 1.0], 4.0), "zero"), &[PI], ON_THE_CIRCLE, method);
        assert_near(&times(&solve([0.0, -1.0], 7.0), "zero"), &[PI, TAU], ON_THE_CIRCLE, method);
    }
}

/// A right-hand side that jumps is integrated exactly where the step ends at the jump, whichever value it has there.
#[test]
fn a_discontinuity_that_steps_end_at() {
    let right = from_fn(["x"], |t, _u, _p, du| du[0] = if t < 1.0 { 1.0 } else { -2.0 });
    let left = from_fn(["x"], |t, _u, _p, du| du[0] = if t <= 1.0 { 1.0 } else { -2.0 });
    let mut missed = Vec::new();
    for method in adaptive().chain([Method::Automatic, Method::Rk4, Method::Euler]) {
        for (what, system) in [("right", &right as &dyn System), ("left", &left)] {
            for (start, end, value) in [(0.0, 2.0, -1.0), (2.0, 0.0, 1.0)] {
                let system = Dynamic(system);
                let solve = Solve::system(&system, [0.0], start, end).method(method).discontinuities(&[1.0]);
                let solve = if method.is_adaptive() { solve } else { solve.fixed_step(0.3) };
                let solution = solve.run().unwrap();
                assert!(solution.times().contains(&1.0), "{method:?}");
                let error = (solution.last()[0] - value).abs();
                let steps = solution.statistics();
                // A stage of Kværnø's method lies beyond the end of the step, at c = 1.23, and sees the jump from there.
                if method == Method::Kvaerno5 {
                    assert!(error < 1e-4, "{error:e}");
                } else if error > 1e-9 || steps.rejected() > 0 {
                    missed
                        .push(format!("{method:?}, {what}-continuous, from {start}: off by {error:.1e} with {steps}"));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// A system behind a pointer.
struct Dynamic<'s>(&'s dyn System);

impl System for Dynamic<'_> {
    fn dimension(&self) -> usize {
        self.0.dimension()
    }
    fn eval(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64]) {
        self.0.eval(t, u, p, du);
    }
}

/// Infinitely many bounces before a finite time (Zeno): with half the speed left after each, a ball dropped from 1 m lies
/// still at $3 \sqrt{2/g}$. The solve must not hang, and the ball must not fall through the floor.
#[test]
fn bounces_without_end() {
    let rest = 3.0 * (2.0 / GRAVITY).sqrt();
    let mut missed = Vec::new();
    for method in adaptive().chain([Method::Automatic]) {
        for end in [0.999_999 * rest, 2.0 * rest] {
            let solve = Solve::new(&Ball, [1.0, 0.0], 0.0, end).method(method).event(bounce(0.5)).max_steps(20_000);
            // The first step of a multistep method is of order 1 and does not see flights below the tolerance.
            let result = solve.atol(if method == Method::Bdf { 1e-15 } else { 1e-8 }).run();
            let (solution, how) = match &result {
                Ok(solution) => (solution, "in order".to_string()),
                Err(ansatz::Error::Solve(error)) => {
                    assert!(
                        matches!(error, SolveError::EventsAccumulate { event, .. } if event == "bounce"),
                        "{error:?}"
                    );
                    (error.partial().unwrap(), error.to_string())
                }
                Err(error) => panic!("{method:?}: {error}"),
            };
            let lowest = solution.states().chunks_exact(2).map(|u| u[0]).fold(0.0, f64::min);
            let reached = solution.times().last().unwrap();
            if lowest < -1e-6 {
                missed.push(format!("{method:?} to {end}: the ball gets to {lowest:e} (at {reached}, {how})"));
            }
            if end < rest && result.is_err() {
                missed.push(format!("{method:?} stops at {reached} short of {end} ({how})"));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn an_event_whose_function_is_zero_throughout() {
    for method in adaptive() {
        let never = Event::new("never", |_t, _u, _p| 0.0);
        let error = stopped(Solve::new(&Circle, [1.0, 0.0], 0.0, 10.0).method(method).event(never).run());
        assert!(matches!(&error, SolveError::EventIsZero { event, .. } if event == "never"), "{error:?}");
        assert_eq!(error.time(), Some(0.0));
        assert!(error.to_string().contains("`never`"), "{error}");
    }
    // So it is where the state rests, unless it is the rest that makes it zero.
    let rest = |event| Solve::new(&Circle, [0.0, 0.0], 0.0, 10.0).event(event).run();
    let error = stopped(rest(Event::new("never", |_t, _u, _p| 0.0)));
    assert!(matches!(&error, SolveError::EventIsZero { h, .. } if *h > 0.0), "{error:?}");
    assert_eq!((error.time(), error.step().is_some(), error.component()), (Some(0.0), true, None));
    let speed = rest(Event::new("speed", |_t, u, _p| u[0].hypot(u[1]))).unwrap();
    let difference = rest(Event::new("difference", |_t, u, _p| u[0] - u[1])).unwrap();
    assert_eq!(speed.events("speed").count() + difference.events("difference").count(), 0);
    // Zero until somebody comes: the time until then crosses nothing.
    let late = Event::new("late", |t, _u, _p| (t - 5.0f64).max(0.0));
    let error = stopped(Solve::new(&Circle, [1.0, 0.0], 0.0, 10.0).event(late).run());
    assert!(matches!(error, SolveError::EventIsZero { .. }), "{error:?}");
}
