//! Gradients across events: their times depend on states and parameters, and so do their effects.

use ansatz::Error;
use ansatz::adjoint::Loss;
use ansatz::ode::{Jump, SolveError};
use ansatz::prelude::*;

/// A ball that bounces: gravity, and what is left of its speed.
struct Ball;

impl Model for Ball {
    fn states(&self) -> Names {
        ["height", "speed"].into()
    }
    fn parameters(&self) -> Names {
        ["gravity", "restitution", "drag"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [gravity, _, drag] = p.parameters();
        du[0] = u[1];
        du[1] = -gravity - drag * u[1];
    }
}

struct Bounce;

impl Jump for Bounce {
    fn function<R: Real>(&self, _t: R, u: &[R], _p: &[R]) -> R {
        u[0]
    }
    fn effect<R: Real>(&self, _t: R, u: &mut [R], p: &[R]) {
        u[0] = R::zero();
        u[1] = -p[1] * u[1];
    }
}

struct Energy;

impl Loss for Energy {
    fn at_times<R: Real>(&self, t: &[R], u: &[&[R]], p: &[R]) -> R {
        let mut sum = R::zero();
        for (t, u) in t.iter().zip(u) {
            sum += u[1].square() * 0.5 + p[0] * u[0] + *t * u[0];
        }
        sum
    }
    fn integrand<R: Real>(&self, _t: R, u: &[R], p: &[R]) -> R {
        p[2] * u[1].square()
    }
}

fn slope(f: impl Fn(f64) -> f64, h: f64) -> f64 {
    let central = |h: f64| (f(h) - f(-h)) / (2.0 * h);
    (4.0 * central(0.5 * h) - central(h)) / 3.0
}

fn near(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance * (1.0 + expected.abs()), "{what}: {found} against {expected}");
}

const METHODS: [Method; 9] = [
    Method::Automatic,
    Method::Tsit5,
    Method::Vern9,
    Method::Rock4,
    Method::Rodas5P,
    Method::KenCarp4,
    Method::Kvaerno5,
    Method::Radau5,
    Method::Bdf,
];

const DROP: [f64; 2] = [1.0, 0.5];
const BALL: [f64; 3] = [9.81, 0.8, 0.1];

/// Three bounces.
#[test]
fn a_ball_that_bounces() -> Result<(), Error> {
    let problem = |u: &[f64], p: &[f64], method: Method, rtol: f64| {
        let solve = Solve::new(&Ball, u, 0.0, 1.9).parameters(p).save_at(&[0.3, 1.0, 1.9]).method(method);
        solve.rtol(rtol).atol(rtol).event(Event::of("bounce", Bounce)).differentiate().unwrap()
    };
    let loss = |u: &[f64], p: &[f64]| problem(u, p, Method::Vern9, 1e-12).gradient(&Energy).unwrap().loss;
    let moved = |x: &[f64], i: usize, h: f64| {
        let mut x = x.to_vec();
        x[i] += h;
        x
    };
    let by_p: Vec<f64> = (0..3).map(|i| slope(|h| loss(&DROP, &moved(&BALL, i, h)), 1e-3)).collect();
    let by_u: Vec<f64> = (0..2).map(|i| slope(|h| loss(&moved(&DROP, i, h), &BALL), 1e-3)).collect();
    for method in METHODS {
        let (rtol, tolerance) = if method == Method::Bdf { (1e-11, 1e-6) } else { (1e-11, 1e-7) };
        let gradient = problem(&DROP, &BALL, method, rtol).gradient(&Energy)?;
        for (found, expected) in gradient.parameters.iter().chain(&gradient.initial).zip(by_p.iter().chain(&by_u)) {
            near(*found, *expected, tolerance, &format!("{method:?}"));
        }
        assert_eq!(gradient.report.statistics.events, 3);
        let little = problem(&DROP, &BALL, method, rtol).budget(6_000).gradient(&Energy);
        match little {
            Ok(little) => assert_eq!((little.parameters, little.initial), (gradient.parameters, gradient.initial)),
            Err(error) => assert!(error.to_string().contains("budget"), "{error}"),
        }
    }
    assert!(problem(&DROP, &BALL, Method::Tsit5, 1e-7).check_gradient(&Energy)?.agrees());
    Ok(())
}

/// A dose whose delay is a parameter, and one at a fixed time that is also a saved one.
#[test]
fn doses_and_their_delays() -> Result<(), Error> {
    struct Dose {
        t: f64,
        amount: usize,
        delayed: bool,
    }
    impl Jump for Dose {
        fn function<R: Real>(&self, t: R, _u: &[R], p: &[R]) -> R {
            if self.delayed { t - self.t - p[1] } else { t - self.t }
        }
        fn effect<R: Real>(&self, _t: R, u: &mut [R], p: &[R]) {
            u[0] += p[self.amount];
        }
    }
    struct Clearance;
    impl Model for Clearance {
        fn states(&self) -> Names {
            ["drug"].into()
        }
        fn parameters(&self) -> Names {
            ["rate", "delay", "first", "second"].into()
        }
        fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
            let [rate, ..] = p.parameters::<4>();
            du[0] = -rate * u[0];
        }
    }
    /// The concentration at each saved time, with a weight of its own.
    struct Sum;
    impl Loss for Sum {
        fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
            u.iter().enumerate().fold(R::zero(), |sum, (k, u)| sum + u[0] * (k as f64 + 1.0))
        }
    }
    let (k, delay, first, second) = (0.6f64, 0.25, 2.0, 3.0);
    for method in METHODS {
        let rtol = if method == Method::Bdf { 1e-12 } else { 1e-11 };
        let solve = Solve::new(&Clearance, [1.0], 0.0, 3.0).parameters([k, delay, first, second]).method(method);
        let solve = solve.save_at(&[0.5, 2.0, 3.0]).rtol(rtol).atol(rtol);
        let solve = solve.event(Event::of("first", Dose { t: 1.0, amount: 2, delayed: true }));
        let solve = solve.event(Event::of("second", Dose { t: 2.0, amount: 3, delayed: false }));
        let gradient = solve.differentiate()?.gradient(&Sum)?;
        let left = |t: f64| (-k * t).exp();
        // The state at 2 is the one before the dose.
        let weights = 2.0 * left(2.0 - 1.0 - delay) + 3.0 * left(3.0 - 1.0 - delay);
        let tolerance = if method == Method::Bdf { 1e-6 } else { 1e-8 };
        let what = format!("{method:?}");
        near(gradient.parameters[2], weights, tolerance, &what);
        near(gradient.parameters[1], k * first * weights, tolerance, &what);
        near(gradient.parameters[3], 3.0 * left(1.0), tolerance, &what);
        near(gradient.initial[0], left(0.5) + 2.0 * left(2.0) + 3.0 * left(3.0), tolerance, &what);
        near(gradient.loss, gradient.initial[0] + first * weights + 3.0 * second * left(1.0), tolerance, &what);
    }
    Ok(())
}

/// Two events at one time act one after the other.
#[test]
fn two_events_at_once() -> Result<(), Error> {
    struct Scale(f64);
    impl Jump for Scale {
        fn function<R: Real>(&self, t: R, _u: &[R], _p: &[R]) -> R {
            t - 1.0
        }
        fn effect<R: Real>(&self, _t: R, u: &mut [R], p: &[R]) {
            u[1] = u[1] * p[1] * self.0 + u[0];
        }
    }
    struct Last;
    impl Loss for Last {
        fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
            u[0][0].sin() + u[0][1].square()
        }
    }
    let loss = |p: [f64; 3]| {
        let solve = Solve::new(&Ball, DROP, 0.0, 1.5).parameters(p).rtol(1e-12).atol(1e-12).save(Save::End);
        let solve = solve.event(Event::of("one", Scale(0.5))).event(Event::of("two", Scale(-0.7)));
        solve.method(Method::Vern7).differentiate().unwrap().gradient(&Last).unwrap()
    };
    let found = loss(BALL);
    for i in 0..3 {
        let moved = |h: f64| {
            let mut p = BALL;
            p[i] += h;
            loss(p).loss
        };
        near(found.parameters[i], slope(moved, 1e-3), 1e-8, "at once");
    }
    Ok(())
}

/// When it lands, and how fast.
#[test]
fn an_end_that_an_event_makes() -> Result<(), Error> {
    struct Ground;
    impl Jump for Ground {
        fn function<R: Real>(&self, _t: R, u: &[R], _p: &[R]) -> R {
            u[0]
        }
    }
    /// The time of the end, and the square of the speed.
    struct Landing(f64);
    impl Loss for Landing {
        fn at_times<R: Real>(&self, t: &[R], u: &[&[R]], _p: &[R]) -> R {
            t[t.len() - 1] + u[u.len() - 1][1].square() * self.0
        }
    }
    /// The same time as an integral.
    struct Duration;
    impl Loss for Duration {
        fn integrand<R: Real>(&self, _t: R, _u: &[R], _p: &[R]) -> R {
            R::one()
        }
    }
    /// The height it has fallen from, as an integral of its speed.
    struct Fallen;
    impl Loss for Fallen {
        fn integrand<R: Real>(&self, _t: R, u: &[R], _p: &[R]) -> R {
            -u[1]
        }
    }
    for method in METHODS {
        let solve = || {
            let solve = Solve::new(&Ball, [3.0, 0.0], 0.0, 10.0).parameters([9.81, 0.0, 0.0]).method(method);
            solve.rtol(1e-11).atol(1e-11).save_at(&[0.1, 5.0]).event(Event::of("ground", Ground).terminal())
        };
        let (height, gravity) = (3.0f64, 9.81f64);
        let t = (2.0 * height / gravity).sqrt();
        let gradient = solve().differentiate()?.gradient(&Landing(0.25))?;
        let what = format!("{method:?}");
        let tolerance = if method == Method::Bdf { 1e-7 } else { 1e-9 };
        assert_eq!(gradient.points.len(), 2, "the time before, and the end");
        near(gradient.points[1], t, tolerance, &what);
        near(gradient.loss, t + 0.5 * gravity * height, tolerance, &what);
        near(gradient.parameters[0], -0.5 * t / gravity + 0.5 * height, tolerance, &what);
        near(gradient.initial[0], 0.5 * t / height + 0.5 * gravity, tolerance, &what);
        let duration = solve().differentiate()?.gradient(&Duration)?;
        near(duration.loss, t, tolerance, &what);
        near(duration.parameters[0], -0.5 * t / gravity, tolerance, &what);
        near(duration.initial[0], 0.5 * t / height, tolerance, &what);
        let fallen = solve().differentiate()?.gradient(&Fallen)?;
        near(fallen.loss, height, tolerance, &what);
        near(fallen.parameters[0], 0.0, tolerance, &what);
        near(fallen.initial[0], 1.0, tolerance, &what);
    }
    Ok(())
}

#[test]
fn what_has_no_derivative_says_so() {
    let solve = || Solve::new(&Ball, DROP, 0.0, 1.0).parameters(BALL).save(Save::End);
    let closure = Event::new("bounce", |_t, u, _p| u[0]).then(|_t, u, _p| u[1] *= -0.5);
    let error = solve().event(closure).differentiate().err().map(|e| e.to_string()).unwrap_or_default();
    assert!(error.contains("Event::of"), "{error}");
    let dose = solve().at_times(&[0.5], |_t, u, _p| u[0] += 1.0).differentiate().err().map(|e| e.to_string());
    assert!(dose.unwrap_or_default().contains("Event::of"));
    // What is only watched changes nothing.
    let watched = solve().event(Event::new("top", |_t, u, _p| u[1])).differentiate().unwrap();
    let alone = solve().differentiate().unwrap();
    assert_eq!(watched.gradient(&Energy).unwrap().parameters, alone.gradient(&Energy).unwrap().parameters);
}

/// Steps of an explicit method that are as long as stability allows have no useful derivative.
#[test]
fn an_explicit_method_on_a_stiff_problem_says_so() {
    struct Stiff;
    impl Model for Stiff {
        fn states(&self) -> Names {
            ["u"].into()
        }
        fn parameters(&self) -> Names {
            ["rate"].into()
        }
        fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
            let [rate] = p.parameters();
            du[0] = -rate * (u[0] - t.cos());
        }
    }
    struct Last;
    impl Loss for Last {
        fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
            u[0][0]
        }
    }
    let problem = |method| {
        Solve::new(&Stiff, [1.0], 0.0, 3.0).parameters([2e3]).method(method).save(Save::End).differentiate().unwrap()
    };
    // u = cos t + sin t / rate + …: next to nothing depends on the rate.
    let mut refused = Vec::new();
    for method in Method::ALL.into_iter().filter(|method| method.is_adaptive()) {
        match problem(method).gradient(&Last) {
            Ok(gradient) => {
                let found = gradient.parameters[0];
                assert!((found + 3f64.sin() / 4e6).abs() < 1e-7, "{method:?}: {found}");
            }
            Err(Error::Solve(SolveError::StiffForDerivatives { .. })) => refused.push(method),
            Err(error) => panic!("{method:?}: {error}"),
        }
    }
    assert!(refused.contains(&Method::Tsit5) && refused.iter().all(|method| method.is_explicit()), "{refused:?}");
}
