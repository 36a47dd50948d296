//! Each method converges with its order, and its dense output with min(p, p* + 1).

use ansatz::ode::Tolerance;
use ansatz::prelude::*;

/// Twelve halvings are too many (rounding), two too few: least-squares slope of log error over log step.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let logs: Vec<(f64, f64)> = points.iter().map(|(h, e)| (h.ln(), e.ln())).collect();
    let mean = |f: fn(&(f64, f64)) -> f64| logs.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let covariance: f64 = logs.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    covariance / logs.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>()
}

/// A nonlinear, non-autonomous problem with a known solution: u = exp(sin t), v = 1/(1 + t).
fn problem() -> impl System {
    from_fn(["u", "v"], |t, u, _p, du| {
        du[0] = u[0] * t.cos() * (u[1] * (1.0 + t)).powi(3);
        du[1] = -u[1] * u[1] * (u[0] / t.sin().exp());
    })
}

fn exact(t: f64) -> [f64; 2] {
    [t.sin().exp(), 1.0 / (1.0 + t)]
}

/// A solve in steps of exactly `h`.
fn fixed_steps<S: System>(system: &S, p: &[f64], u: &[f64], end: f64, method: Method, h: f64) -> Solution {
    let options = Options {
        method,
        rtol: 0.99,
        // Every error passes, so that each step is `h_max`.
        atol: Tolerance::Scalar(1e30),
        h_initial: Some(h),
        h_max: Some(h),
        ..Options::default()
    };
    let solution = Solve::system(system, u, 0.0, end).parameters(p).options(options).run().unwrap();
    assert_eq!(solution.statistics().accepted, (end / h).round() as usize);
    solution
}

fn distance(u: &[f64], exact: &[f64]) -> f64 {
    u.iter().zip(exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Error at the end of sixteen turns of a circle. Long, because the principal error of a good pair is so small that on a
/// short way the next order still shows where rounding already does.
fn error_at_the_end(method: Method, h: f64) -> f64 {
    let circle = from_fn(["x", "y"], |_t, u, _p, du| {
        du[0] = -u[1];
        du[1] = u[0];
    });
    let end = 100.0f64;
    distance(fixed_steps(&circle, &[], &[1.0, 0.0], end, method, h).last(), &[end.cos(), end.sin()])
}

/// Largest error between the steps, against the known solution.
fn error_between_steps(method: Method, h: f64) -> f64 {
    let solution = fixed_steps(&problem(), &[], &exact(0.0), 4.0, method, h);
    let times = (1..400).map(|i| 4.0 * f64::from(i) / 400.0 + 1e-3 * h);
    times.map(|t| distance(&solution.at(t).unwrap(), &exact(t))).fold(0.0, f64::max)
}

/// Lotka–Volterra at t = 10: Taylor series to 30 digits, agreed by a collocation method of order 17 and by DOP853 to 13.5
/// digits.
const REFERENCE: [f64; 2] = [8.851586911028468, 1.2238133862027176];
const RATES: [f64; 4] = [1.3, 0.9, 0.8, 1.8];
const INITIAL: [f64; 2] = [0.44249296, 4.6280594];

#[test]
fn orders_of_the_methods_and_their_dense_outputs() {
    // method, order, order of the dense output's convergence
    let table = [(Method::Tsit5, 5.0, 5.0)];
    for (method, order, dense_order) in table {
        let at_end: Vec<(f64, f64)> = [16.0, 32.0, 64.0].map(|n| (1.0 / n, error_at_the_end(method, 1.0 / n))).to_vec();
        let between: Vec<(f64, f64)> =
            [16.0, 32.0, 64.0].map(|n| (1.0 / n, error_between_steps(method, 1.0 / n))).to_vec();
        let (p, d) = (slope(&at_end), slope(&between));
        assert!((p - order).abs() < 0.15, "{method:?} converges with order {p}: {at_end:?}");
        assert!((d - dense_order).abs() < 0.15, "dense output of {method:?} converges with order {d}: {between:?}");
    }
}

#[test]
fn backwards_in_time_arrives_where_it_started() {
    let forward = Solve::system(&problem(), exact(0.0), 0.0, 3.0).rtol(1e-10).atol(1e-10).run().unwrap();
    let back = Solve::system(&problem(), forward.last(), 3.0, 0.0)
        .rtol(1e-10)
        .atol(1e-10)
        .save_at(&[2.0, 1.0, 0.0])
        .run()
        .unwrap();
    assert_eq!(back.times(), [2.0, 1.0, 0.0]);
    for (k, t) in [2.0, 1.0, 0.0].into_iter().enumerate() {
        for i in 0..2 {
            approx::assert_relative_eq!(back.state(k)[i], exact(t)[i], max_relative = 1e-7);
        }
    }
}

/// The first integral of Lotka–Volterra, conversion·x − decay·ln x + predation·y − growth·ln y, stays put to within the
/// tolerance's reach; and the end state equals the reference.
#[test]
fn lotka_volterra_against_its_reference_and_its_invariant() {
    let p = RATES;
    let invariant = |u: &[f64]| p[2] * u[0] - p[3] * u[0].ln() + p[1] * u[1] - p[0] * u[1].ln();
    for (rtol, bound) in [(1e-4, 2e-2), (1e-6, 2e-4), (1e-8, 2e-6), (1e-10, 2e-8)] {
        let solution = Solve::new(&crate::problems::LotkaVolterra, INITIAL, 0.0, 10.0)
            .parameters(p)
            .rtol(rtol)
            .atol(rtol)
            .run()
            .unwrap();
        for (u, r) in solution.last().iter().zip(REFERENCE) {
            let error = (u - r).abs() / (r.abs() + 1.0);
            assert!(error < bound, "rtol {rtol:e}: error {error:e}");
        }
        let drift = (invariant(solution.last()) - invariant(solution.state(0))).abs();
        assert!(drift < 10.0 * bound, "rtol {rtol:e}: the invariant drifts by {drift:e}");
    }
}
