//! Losses written once for every number: derivatives with respect to parameters, states and times, second derivatives, and
//! the check that users have.

use ansatz::Error;
use ansatz::adjoint::{ForwardSensitivity, GradientMethod, Loss};
use ansatz::model::MassMatrix;
use ansatz::number::{Along, AlongMut};
use ansatz::prelude::*;

/// A pendulum that is pushed and slowed down, and a parameter that does not matter.
struct Pushed;

impl Model for Pushed {
    fn states(&self) -> Names {
        ["angle", "speed"].into()
    }
    fn parameters(&self) -> Names {
        ["stiffness", "friction", "push", "idle"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [stiffness, friction, push, _] = p.parameters();
        du[0] = u[1];
        du[1] = -stiffness * u[0].sin() - friction * u[1] * u[1] * u[1] + push * push * (t * 2.0).cos();
    }
}

/// The same with an algebraic equation for the force.
struct WithForce;

impl Model for WithForce {
    fn states(&self) -> Names {
        ["angle", "speed", "force"].into()
    }
    fn parameters(&self) -> Names {
        ["stiffness", "friction", "push", "idle"].into()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::diagonal([1.0, 1.0, 0.0]))
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [stiffness, friction, push, _] = p.parameters();
        du[0] = u[1];
        du[1] = u[2];
        du[2] = -stiffness * u[0].sin() - friction * u[1] * u[1] * u[1] + push * push * (t * 2.0).cos() - u[2];
    }
}

/// Nonlinear in states, times and parameters, and different from point to point.
struct Mixed;

impl Loss for Mixed {
    fn at_times<R: Real>(&self, t: &[R], u: &[&[R]], p: &[R]) -> R {
        let mut sum = p[0].square() * 0.1;
        for (k, (t, u)) in t.iter().zip(u).enumerate() {
            sum += (u[0] - p[2] * 0.3).square() * (k as f64 + 1.0) + u[1].sin() * t.cos() + u[0] * u[1] * p[1];
        }
        sum
    }
}

const START: [f64; 2] = [0.8, -0.3];
const RATES: [f64; 4] = [2.0, 0.4, 0.9, 5.0];
const TIMES: [f64; 4] = [0.3, 0.9, 0.9, 2.0];

fn pushed(method: Method, rtol: f64) -> Solve<'static, Bound<'static, Pushed>> {
    Solve::new(&Pushed, START, 0.1, 2.0).parameters(RATES).save_at(&TIMES).method(method).rtol(rtol).atol(rtol)
}

/// The derivative by central differences, extrapolated once.
fn slope(f: impl Fn(f64) -> f64, h: f64) -> f64 {
    let central = |h: f64| (f(h) - f(-h)) / (2.0 * h);
    (4.0 * central(0.5 * h) - central(h)) / 3.0
}

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * (1.0 + expected.abs()), "{found} against {expected}");
}

#[test]
fn parameters_states_and_times() -> Result<(), Error> {
    let problem = pushed(Method::Vern9, 1e-12).differentiate()?;
    let gradient = problem.gradient(&Mixed)?;
    let loss = |start: f64, times: &[f64], u: &[f64], p: &[f64]| {
        let solve = Solve::new(&Pushed, u, start, times[times.len() - 1]).parameters(p).save_at(times);
        let problem = solve.method(Method::Vern9).rtol(1e-12).atol(1e-12).differentiate().unwrap();
        problem.gradient(&Mixed).unwrap().loss
    };
    let h = 1e-3;
    let moved = |x: &[f64], i: usize, h: f64| {
        let mut x = x.to_vec();
        x[i] += h;
        x
    };
    for i in 0..4 {
        near(gradient.parameters[i], slope(|h| loss(0.1, &TIMES, &START, &moved(&RATES, i, h)), h), 1e-9);
    }
    assert_eq!(gradient.parameters[3], 0.0, "what does not matter has a gradient of exactly zero");
    for i in 0..2 {
        near(gradient.initial[i], slope(|h| loss(0.1, &TIMES, &moved(&START, i, h), &RATES), h), 1e-9);
    }
    near(gradient.start, slope(|h| loss(0.1 + h, &TIMES, &START, &RATES), h), 1e-9);
    // Two equal times keep their order.
    for (k, partner) in [(0, 0), (1, 2), (3, 3)] {
        let times = |h: f64| {
            let mut times = TIMES;
            for j in if k == partner { vec![k] } else { vec![k, partner] } {
                times[j] += h;
            }
            times
        };
        let expected = slope(|h| loss(0.1, &times(h), &START, &RATES), h);
        let found = if k == partner { gradient.times[k] } else { gradient.times[k] + gradient.times[partner] };
        near(found, expected, 1e-8);
    }
    assert_eq!(problem.solution(&gradient).state(3), &gradient.states[6..]);
    Ok(())
}

#[test]
fn times_of_algebraic_systems() -> Result<(), Error> {
    struct Last;
    impl Loss for Last {
        fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
            u[0][0] + u[0][1] * 2.0 + u[0][2].square()
        }
    }
    let force = -RATES[0] * START[0].sin() - RATES[1] * START[1].powi(3) + RATES[2].powi(2) * 0.2f64.cos();
    let problem = |end: f64| {
        Solve::new(&WithForce, [START[0], START[1], force], 0.1, end)
            .parameters(RATES)
            .method(Method::Radau9)
            .rtol(1e-12)
            .atol(1e-12)
            .save(Save::End)
            .differentiate()
    };
    let gradient = problem(1.5)?.gradient(&Last)?;
    let loss = |h: f64| problem(1.5 + h).unwrap().gradient(&Last).unwrap().loss;
    near(gradient.times[0], slope(loss, 1e-2), 1e-7);
    Ok(())
}

#[test]
fn forward_and_reverse_are_the_same() -> Result<(), Error> {
    for method in [Method::Tsit5, Method::Rodas5P, Method::Kvaerno5] {
        let reverse = pushed(method, 1e-7).differentiate()?.gradient(&Mixed)?;
        let forward = pushed(method, 1e-7).differentiate()?.by(GradientMethod::ForwardSensitivity).gradient(&Mixed)?;
        assert_eq!(reverse.report.by, GradientMethod::DiscreteAdjoint);
        assert_eq!(forward.report.by, GradientMethod::ForwardSensitivity);
        assert_eq!((&reverse.report.through[..], reverse.loss), (&[method][..], forward.loss));
        let pairs = |a: &[f64], b: &[f64]| a.iter().zip(b).for_each(|(a, b)| near(*a, *b, 1e-10));
        pairs(&reverse.parameters, &forward.parameters);
        pairs(&reverse.initial, &forward.initial);
        pairs(&reverse.times, &forward.times);
        near(reverse.start, forward.start, 1e-10);
    }
    Ok(())
}

/// A loss that is at its least: every derivative is zero.
#[test]
fn a_gradient_of_zero() -> Result<(), Error> {
    struct AtTheData(Vec<f64>);
    impl Loss for AtTheData {
        fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
            let mut sum = R::zero();
            for (u, data) in u.iter().zip(self.0.chunks_exact(2)) {
                sum += (u[0] - R::from_f64(data[0])).square() + (u[1] - R::from_f64(data[1])).square();
            }
            sum
        }
    }
    let problem = pushed(Method::Tsit5, 1e-8).differentiate()?;
    let states = problem.gradient(&Mixed)?.states;
    let gradient = problem.gradient(&AtTheData(states))?;
    assert_eq!(gradient.loss, 0.0);
    assert!(gradient.parameters.iter().chain(&gradient.initial).chain(&gradient.times).all(|x| *x == 0.0));
    Ok(())
}

#[test]
fn what_cannot_be_solved_says_so_and_keeps_what_it_has() {
    struct BlowUp;
    impl Model for BlowUp {
        fn states(&self) -> Names {
            ["u"].into()
        }
        fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
            du[0] = u[0] * u[0];
        }
    }
    struct Sum;
    impl Loss for Sum {
        fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
            u.iter().fold(R::zero(), |sum, u| sum + u[0])
        }
    }
    for method in [Method::Tsit5, Method::Automatic, Method::Rodas5P, Method::Bdf] {
        let solve = Solve::new(&BlowUp, [1.0], 0.0, 2.0).save_at(&[0.5, 0.75, 2.0]).method(method);
        let error = solve.differentiate().unwrap().gradient(&Sum).unwrap_err();
        let partial = error.partial().expect("nothing is lost");
        assert!((partial.at(0.5).unwrap()[0] - 2.0).abs() < 1e-3, "{method:?}: {error}");
    }
}

/// A system whose derivatives can be spoilt.
struct Spoilt<'b> {
    bound: Bound<'b, Pushed>,
    factor: f64,
}

impl System for Spoilt<'_> {
    fn dimension(&self) -> usize {
        2
    }
    fn eval(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64]) {
        self.bound.eval(t, u, p, du);
    }
}

impl Differentiable for Spoilt<'_> {
    fn parameter_count(&self) -> usize {
        4
    }
    fn tape_len(&self) -> usize {
        self.bound.tape_len()
    }
    fn record(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64], tape: &mut [f64]) {
        self.bound.record(t, u, p, du, tape);
    }
    fn vjp(&self, p: &[f64], tape: &[f64], lambda: &[f64], u_bar: &mut [f64], p_bar: &mut [f64]) {
        let spoilt = [lambda[0], lambda[1] * self.factor];
        self.bound.vjp(p, tape, &spoilt, u_bar, p_bar);
    }
    fn jvp(&self, p: &[f64], tape: &[f64], u_dot: &[f64], p_dot: &[f64], du_dot: &mut [f64]) {
        self.bound.jvp(p, tape, u_dot, p_dot, du_dot);
    }
    fn jacobian(&self, p: &[f64], tape: &[f64], f_u: &mut [f64], f_p: &mut [f64], stride: usize) {
        self.bound.jacobian(p, tape, f_u, f_p, stride);
    }
    fn record_along(&self, t: (f64, f64), u: Along<'_>, p: Along<'_>, du: AlongMut<'_>, tape: AlongMut<'_>) {
        self.bound.record_along(t, u, p, du, tape);
    }
    fn vjp_along(&self, p: Along<'_>, tape: Along<'_>, lambda: Along<'_>, u_bar: AlongMut<'_>, p_bar: AlongMut<'_>) {
        self.bound.vjp_along(p, tape, lambda, u_bar, p_bar);
    }
}

#[test]
fn the_check_tells_right_from_wrong() -> Result<(), Error> {
    for method in [Method::Automatic, Method::Vern7, Method::Rodas5P, Method::Radau5, Method::Bdf] {
        let check = pushed(method, 1e-6).differentiate()?.check_gradient(&Mixed)?;
        assert!(check.agrees() && check.error() < 1e-3, "{method:?}: {check}");
        assert!(check.to_string().contains("agrees"));
    }
    let verdict = |factor: f64| {
        let system = Spoilt { bound: Bound::new(&Pushed)?, factor };
        let solve = Solve::system(&system, START, 0.1, 2.0).parameters(RATES).save_at(&TIMES);
        solve.differentiate()?.check_gradient(&Mixed)
    };
    assert!(verdict(1.0)?.agrees());
    let wrong = verdict(1.001)?;
    assert!(wrong.can_tell() && !wrong.agrees(), "{wrong}");
    assert!(wrong.to_string().contains("not that of the loss"));
    struct Jumps;
    impl Loss for Jumps {
        fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], p: &[R]) -> R {
            (p[0] - 2.0).select(R::one(), -R::one()) + u[0][0] * 1e-3
        }
    }
    let jump = pushed(Method::Tsit5, 1e-6).differentiate()?.check_gradient(&Jumps)?;
    assert!(!jump.can_tell() && !jump.agrees(), "{jump}");
    Ok(())
}

#[test]
fn products_with_the_hessian() -> Result<(), Error> {
    let direction = ([0.5, -0.2, 0.3, 1.0], [0.1, -0.4]);
    let other = ([-0.1, 0.7, 0.2, 0.3], [0.5, 0.2]);
    // By differences of the gradient, at tight tolerances.
    let gradient = |h: f64| {
        let moved = |x: &[f64], v: &[f64]| -> Vec<f64> { x.iter().zip(v).map(|(x, v)| x + h * v).collect() };
        let solve = Solve::new(&Pushed, moved(&START, &direction.1), 0.1, 2.0).parameters(moved(&RATES, &direction.0));
        let solve = solve.save_at(&TIMES).method(Method::Vern9).rtol(1e-13).atol(1e-13);
        let gradient = solve.differentiate().unwrap().gradient(&Mixed).unwrap();
        (gradient.loss, [gradient.parameters, gradient.initial].concat())
    };
    let loss_slope = slope(|h| gradient(h).0, 1e-2);
    let expected: Vec<f64> = (0..6).map(|i| slope(|h| gradient(h).1[i], 1e-2)).collect();
    for (method, rtol, tolerance) in [
        (Method::Vern9, 1e-12, 1e-7),
        (Method::Tsit5, 1e-11, 1e-7),
        (Method::Kvaerno5, 1e-11, 1e-7),
        (Method::Radau9, 1e-11, 1e-7),
        (Method::Bdf, 1e-10, 1e-5),
        (Method::Rock4, 1e-10, 1e-6),
        (Method::Automatic, 1e-11, 1e-7),
    ] {
        let problem = pushed(method, rtol).differentiate()?;
        let product = problem.hessian_product(&Mixed, &direction.0, &direction.1)?;
        near(product.slope, loss_slope, tolerance);
        for (found, expected) in product.parameters.iter().chain(&product.initial).zip(&expected) {
            assert!((found - expected).abs() < tolerance * (1.0 + expected.abs()), "{method:?}: {found} {expected}");
        }
        // The Hessian is symmetric.
        let transposed = problem.hessian_product(&Mixed, &other.0, &other.1)?;
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        near(
            dot(&product.parameters, &other.0) + dot(&product.initial, &other.1),
            dot(&transposed.parameters, &direction.0) + dot(&transposed.initial, &direction.1),
            10.0 * tolerance,
        );
        // Ten times the direction, ten times the product.
        let ten = direction.0.map(|v| 10.0 * v);
        let tenfold = problem.hessian_product(&Mixed, &ten, &direction.1.map(|v| 10.0 * v))?;
        near(tenfold.parameters[0], 10.0 * product.parameters[0], 1e-12);
    }
    let refused = pushed(Method::Rodas5P, 1e-6).differentiate()?.hessian_product(&Mixed, &direction.0, &direction.1);
    assert!(refused.unwrap_err().to_string().contains("Rodas5P"));
    let short = pushed(Method::Tsit5, 1e-6).differentiate()?.hessian_product(&Mixed, &[1.0], &direction.1);
    assert!(short.unwrap_err().to_string().contains("parameters"));
    Ok(())
}

/// With an algebraic equation the Hessian is that of the system without it.
#[test]
fn products_with_the_hessian_of_algebraic_systems() -> Result<(), Error> {
    struct First;
    impl Loss for First {
        fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], p: &[R]) -> R {
            u.iter().fold(R::zero(), |sum, u| sum + u[0].square() * u[1] * p[0])
        }
    }
    let direction = [0.5, -0.2, 0.3, 1.0];
    let plain = pushed(Method::Vern9, 1e-12).differentiate()?.hessian_product(&First, &direction, &[0.0, 0.0])?;
    let force = |p: &[f64]| -p[0] * START[0].sin() - p[1] * START[1].powi(3) + p[2].powi(2) * 0.2f64.cos();
    // Consistent tangents: the force at the start moves with the parameters.
    let force_slope = slope(|h| force(&[RATES[0] + 0.5 * h, RATES[1] - 0.2 * h, RATES[2] + 0.3 * h]), 1e-2);
    let solve = Solve::new(&WithForce, [START[0], START[1], force(&RATES)], 0.1, 2.0).parameters(RATES);
    let problem = solve.save_at(&TIMES).rtol(1e-11).atol(1e-11).differentiate()?;
    let product = problem.hessian_product(&First, &direction, &[0.0, 0.0, force_slope])?;
    for (found, expected) in product.parameters.iter().zip(&plain.parameters) {
        near(*found, *expected, 1e-6);
    }
    Ok(())
}

#[test]
fn products_with_the_gauss_newton_matrix() -> Result<(), Error> {
    /// Squares of states, so that the second derivatives of the loss are known.
    struct Squares;
    impl Loss for Squares {
        fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
            u.iter().fold(R::zero(), |sum, u| sum + u[0].square() + u[0] * u[1] * 0.5)
        }
    }
    let v = [0.5, -0.2, 0.3, 1.0, 0.1, -0.4];
    for method in [Method::Vern7, Method::Rodas5P] {
        let options = Options { method, rtol: 1e-11, atol: 1e-11.into(), ..Options::default() };
        let bound = Bound::new(&Pushed)?;
        let mut forward = ForwardSensitivity::new(&bound, options);
        forward.solve(0.1, &START, &RATES, &TIMES)?;
        let mut expected = [0.0; 6];
        for k in 0..TIMES.len() {
            let (a, b) = (forward.row(k, 0), forward.row(k, 1));
            let dot = |row: &[f64]| row.iter().zip(&v).map(|(s, v)| s * v).sum::<f64>();
            let (along_a, along_b) = (dot(a), dot(b));
            for i in 0..6 {
                expected[i] += a[i] * (2.0 * along_a + 0.5 * along_b) + b[i] * 0.5 * along_a;
            }
        }
        let method = if method == Method::Rodas5P { Method::Radau9 } else { method };
        let product = pushed(method, 1e-11).differentiate()?.gauss_newton_product(&Squares, &v[..4], &v[4..])?;
        for (found, expected) in product.parameters.iter().chain(&product.initial).zip(expected) {
            near(*found, expected, 1e-8);
        }
    }
    Ok(())
}
