//! The stabilised methods in computations.

use super::{Rkc2, Rock4, StabilizedMethod};
use crate::model::{Bound, MassMatrix, Model, Names, Params, System, from_fn};
use crate::number::Real;
use crate::ode::{Event, Method, Options, Save, Solution, Solve, SolveError, Tolerance};
use std::f64::consts::PI;

const METHODS: [Method; 2] = [Method::Rkc2, Method::Rock4];

/// $u' = \cos t \cdot u^2 v$, $v' = -\cos t \cdot v^2 u$; solution $(e^{\sin t}, e^{-\sin t})$.
fn ordinary() -> impl System {
    from_fn(["u", "v"], |t, u, _p, du| {
        du[0] = t.cos() * u[0] * u[0] * u[1];
        du[1] = -t.cos() * u[1] * u[1] * u[0];
    })
}

fn exact(t: f64) -> [f64; 2] {
    [t.sin().exp(), (-t.sin()).exp()]
}

fn distance(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(u, v)| (u - v).abs()).fold(0.0, f64::max)
}

/// Least-squares slope of $\log e$ over $\log h$.
fn slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(h, e)| (h.ln(), e.ln())).collect();
    let n = logs.len() as f64;
    let (x, y) = (logs.iter().map(|l| l.0).sum::<f64>() / n, logs.iter().map(|l| l.1).sum::<f64>() / n);
    logs.iter().map(|l| (l.0 - x) * (l.1 - y)).sum::<f64>() / logs.iter().map(|l| (l.0 - x).powi(2)).sum::<f64>()
}

/// Errors at the end and between the steps, with steps of size `h` of so many stages.
fn errors(method: Method, stages: usize, length: f64, h: f64) -> (f64, f64) {
    let options = Options {
        method,
        fixed_step: Some(h),
        // A bound that takes exactly this many stages, also in a last step that is longer by the rounding errors of the
        // times before.
        spectral_radius: Some(length * (1.0 - 1e-9) / h),
        ..Options::default()
    };
    let system = ordinary();
    let solution = Solve::system(&system, exact(0.0), 0.0, 4.0).options(options).run().unwrap();
    let steps = solution.len() - 1;
    assert_eq!(solution.statistics().rhs, 1 + steps * stages, "{method:?}");
    let times = (1..400).map(|i| 4.0 * f64::from(i) / 400.0 + 1e-3 * h);
    let between = times.map(|t| distance(&solution.at(t).unwrap(), &exact(t))).fold(0.0, f64::max);
    (distance(solution.last(), &exact(4.0)), between)
}

fn orders(method: Method, stages: usize, length: f64, steps: [f64; 3]) -> [f64; 2] {
    let all: Vec<(f64, (f64, f64))> =
        steps.iter().map(|n| (1.0 / n, errors(method, stages, length, 1.0 / n))).collect();
    let at_end: Vec<_> = all.iter().map(|(h, e)| (*h, e.0)).collect();
    let between: Vec<_> = all.iter().map(|(h, e)| (*h, e.1)).collect();
    [slope(&at_end), slope(&between)]
}

#[test]
fn orders_at_fixed_steps() {
    for s in [2, 3, 10, 50, 200] {
        for p in orders(Method::Rkc2, s, Rkc2::stability(s), [160.0, 320.0, 640.0]) {
            assert!((p - 2.0).abs() < 0.15, "RKC with {s} stages: order {p}");
        }
    }
    for s in [5, 6, 10, 20, 51, 90, 142] {
        for p in orders(Method::Rock4, s, Rock4::stability(s), [40.0, 80.0, 160.0]) {
            assert!((p - 4.0).abs() < 0.15, "ROCK4 with {s} stages: order {p}");
        }
    }
}

#[test]
fn backwards_in_time() {
    let system = ordinary();
    for method in METHODS {
        let solve = |from: f64, to: f64| {
            let solution = Solve::system(&system, exact(from), from, to).method(method).rtol(1e-6).atol(1e-6).run();
            let solution = solution.unwrap();
            [to, 1.3].map(|t| distance(&solution.at(t).unwrap(), &exact(t)))
        };
        let (there, back) = (solve(0.0, 3.0), solve(3.0, 0.0));
        for (there, back) in there.into_iter().zip(back) {
            assert!(back < 10.0 * there && there < 1e-3, "{method:?}: {there:e} forwards, {back:e} backwards");
        }
    }
}

/// Heat on a rod of `n` inner points with both ends at zero, in units in which it has length one, with a source that
/// depends on time; the solution of the differences is known mode by mode.
fn rod(n: usize) -> (impl System, Vec<f64>, impl Fn(f64) -> Vec<f64>) {
    let inverse = ((n + 1) * (n + 1)) as f64;
    let wave = move |k: usize, i: usize| (PI * (k * (i + 1)) as f64 / (n + 1) as f64).sin();
    let decay = move |k: usize| 4.0 * inverse * (0.5 * PI * k as f64 / (n + 1) as f64).sin().powi(2);
    let system = from_fn((0..n).map(|i| format!("u{i}")).collect::<Vec<_>>(), move |t, u, _p, du| {
        for i in 0..n {
            let before = if i > 0 { u[i - 1] } else { 0.0 };
            let after = if i + 1 < n { u[i + 1] } else { 0.0 };
            du[i] = inverse * (before - 2.0 * u[i] + after) + 100.0 * (10.0 * t).cos() * wave(1, i);
        }
    });
    // The first mode is driven: a' = -λ a + 100 cos 10 t. The others only decay.
    let solution = move |t: f64| {
        let l = decay(1);
        let driven = |t: f64| 100.0 * (l * (10.0 * t).cos() + 10.0 * (10.0 * t).sin()) / (l * l + 100.0);
        let first = driven(t) + (1.0 - driven(0.0)) * (-l * t).exp();
        let modes = [(1, first), (3, 0.5 * (-decay(3) * t).exp()), (n, 0.1 * (-decay(n) * t).exp())];
        (0..n).map(|i| modes.iter().map(|(k, a)| a * wave(*k, i)).sum()).collect::<Vec<f64>>()
    };
    let start = solution(0.0);
    (system, start, solution)
}

fn solve_rod(n: usize, method: Method, rtol: f64) -> (Solution, f64) {
    let (system, start, solution) = rod(n);
    let solve = Solve::system(&system, start, 0.0, 1.0).method(method).max_steps(100_000);
    let solved = solve.rtol(rtol).atol(rtol).run().unwrap();
    let largest = solved.states().iter().fold(0.0f64, |m, u| m.max(u.abs()));
    let error = (1..=100).map(|k| 0.01 * f64::from(k)).map(|t| distance(&solved.at(t).unwrap(), &solution(t)));
    let error = error.fold(0.0, f64::max) / (1.0 + largest);
    (solved, error)
}

/// What each method is for, and the error in tolerances that it must stay below there. That of a method of order 2 whose
/// estimate goes with $h^3$ grows like $\text{rtol}^{-1/3}$.
const TOLERANCES: [(Method, &[f64], f64); 2] =
    [(Method::Rkc2, &[1e-2, 1e-3, 1e-4], 10.0), (Method::Rock4, &[1e-3, 1e-4, 1e-5, 1e-6, 1e-7], 2.0)];

/// Errors of a few tolerances all along (the tolerance is that of the largest value, about 7), and a cost that grows with
/// the square root of the stiffness, which is 16 times that for four times the points.
#[test]
fn heat_with_a_source() {
    for (method, tolerances, most) in TOLERANCES {
        for &rtol in tolerances {
            let (coarse, error) = solve_rod(25, method, rtol);
            assert!(error < most * rtol, "{method:?} at {rtol:e}: {error:e}, {}", coarse.statistics());
            let (fine, error) = solve_rod(100, method, rtol);
            assert!(error < most * rtol, "{method:?} at {rtol:e}: {error:e}, {}", fine.statistics());
            let ratio = fine.statistics().rhs as f64 / coarse.statistics().rhs as f64;
            assert!(ratio < 5.0, "{method:?} at {rtol:e}: {} and {}", coarse.statistics(), fine.statistics());
        }
    }
}

/// An explicit method of order 5 needs steps of 3.5 / ρ, whatever the tolerance.
#[test]
fn many_times_cheaper_than_an_explicit_method() {
    let cost = |method| solve_rod(100, method, 1e-4).0.statistics().rhs;
    let explicit = cost(Method::Tsit5);
    assert!(explicit > 50_000);
    for method in METHODS {
        assert!(cost(method) < explicit / 10, "{method:?}: {} against {explicit}", cost(method));
    }
}

/// The catalogue's problems, whose references have at least 11 proven digits: ten times the tolerance at the end.
#[test]
fn catalogue_against_its_references() {
    for problem in ["brusselator1d_100", "allen_cahn_200"].map(|name| crate::problems::find(name).unwrap()) {
        for (method, tolerances, _) in TOLERANCES {
            for &rtol in tolerances {
                let solution = problem.solve(rtol).method(method).save(Save::End).run().unwrap();
                let (name, error) = (problem.name, problem.error(solution.last()));
                assert!(error < 10.0 * rtol, "{name}, {method:?} at {rtol:e}: {error:e}, {}", solution.statistics());
            }
        }
    }
}

/// Solves with a known spectral radius.
fn solve_to<S: System>(system: &S, start: &[f64], end: f64, method: Method, radius: f64) -> Solution {
    Solve::system(system, start, 0.0, end).method(method).spectral_radius(radius).run().unwrap()
}

/// Diffusion run backwards in the mirror of time is the same, step for step.
#[test]
fn stiff_backwards_in_time() {
    let (forwards, start, solution) = rod(50);
    let backwards = from_fn((0..50).map(|i| format!("u{i}")).collect::<Vec<_>>(), |t, u, p, du| {
        forwards.eval(-t, u, p, du);
        du.iter_mut().for_each(|du| *du = -*du);
    });
    let radius = 4.0 * 51.0 * 51.0;
    for method in METHODS {
        let there = solve_to(&forwards, &start, 1.0, method, radius);
        let mirror = solve_to(&backwards, &start, -1.0, method, radius);
        assert_eq!(there.statistics().to_string(), mirror.statistics().to_string(), "{method:?}");
        assert_eq!(there.last(), mirror.last(), "{method:?}");
        assert_eq!(there.at(0.456).unwrap(), mirror.at(-0.456).unwrap(), "{method:?}");
        // With the radius estimated along the way, ten tolerances.
        let mirror = Solve::system(&backwards, start.clone(), 0.0, -1.0).method(method).rtol(1e-4).atol(1e-4).run();
        let error = distance(mirror.unwrap().last(), &solution(1.0));
        assert!(error < 10.0 * 8.0 * 1e-4, "{method:?}: {error:e}");
    }
}

/// Crossings are found on the dense output, and a terminal one ends the solve.
#[test]
fn events_in_a_stiff_problem() {
    let (system, start, solution) = rod(50);
    let middle = |t: f64| solution(t)[25];
    let mut crossings = Vec::new();
    for i in 0..1000 {
        let (mut low, mut high) = (1e-3 * f64::from(i), 1e-3 * f64::from(i + 1));
        if middle(low) * middle(high) < 0.0 {
            for _ in 0..60 {
                let between = 0.5 * (low + high);
                if middle(low) * middle(between) < 0.0 { high = between } else { low = between }
            }
            crossings.push(low);
        }
    }
    assert!(crossings.len() >= 3);
    for (method, rtol) in [(Method::Rkc2, 1e-4), (Method::Rock4, 1e-5)] {
        let solve = || Solve::system(&system, start.clone(), 0.0, 1.0).method(method).rtol(rtol).atol(rtol);
        let seen = solve().event(Event::new("zero", |_t, u, _p| u[25])).run().unwrap();
        let found: Vec<f64> = seen.events("zero").map(|event| event.t).collect();
        assert_eq!(found.len(), crossings.len(), "{method:?}: {found:?}");
        // Ten tolerances over the speed at which zero is crossed, about 70.
        let off = distance(&found, &crossings);
        assert!(off < 10.0 * rtol * 8.0 / 70.0, "{method:?}: {off:e}");
        let ended = solve().event(Event::new("zero", |_t, u, _p| u[25]).rising().terminal()).run().unwrap();
        let end = *ended.times().last().unwrap();
        assert!(found.iter().any(|t| (t - end).abs() < 1e-12) && end < 1.0, "{method:?}: {end}");
        assert!(ended.last()[25].abs() < 1e-10, "{method:?}: {:e}", ended.last()[25]);
    }
}

/// The spectral radius grows a thousandfold while one estimate serves: the steps that fail bring about a new one. Without
/// that they shrink instead, with more than three times the failures of a solve that knows the largest radius all along.
#[test]
fn a_spectral_radius_that_rises() {
    let n = 20;
    let system = from_fn((0..n).map(|i| format!("u{i}")).collect::<Vec<_>>(), move |t: f64, u, _p, du| {
        let speed = 1e2 + 1e5 / (1.0 + (400.0 * (0.5 - t)).exp());
        for i in 0..n {
            let before = if i > 0 { u[i - 1] } else { 0.0 };
            let after = if i + 1 < n { u[i + 1] } else { 0.0 };
            du[i] = speed * (before - 2.0 * u[i] + after) + 50.0 * (20.0 * t).cos();
        }
    });
    let solve =
        |method| Solve::system(&system, [1.0; 20], 0.0, 1.0).method(method).rtol(1e-3).atol(1e-3).save(Save::End);
    let exact = solve(Method::Radau5).rtol(1e-9).atol(1e-9).run().unwrap();
    for method in METHODS {
        let solution = solve(method).run().unwrap();
        let (error, count) = (distance(solution.last(), exact.last()), solution.statistics());
        assert!(error < 1e-2, "{method:?}: {error:e}, {count}");
        let known = solve(method).spectral_radius(4e5).run().unwrap().statistics();
        assert!(count.rhs < known.rhs && count.rejected() < 2 * known.rejected() + 10, "{method:?}: {count}; {known}");
    }
}

/// $u' = -u$, $0 = u - v$.
struct Algebraic;

impl Model for Algebraic {
    fn states(&self) -> Names {
        ["u", "v"].into()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::diagonal([1.0, 0.0]))
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = -u[0];
        du[1] = u[0] - u[1];
    }
}

#[test]
fn mass_matrices_are_refused() {
    let system = Bound::new(&Algebraic).unwrap();
    for method in METHODS {
        let refused = Solve::system(&system, [1.0, 1.0], 0.0, 1.0).method(method).run();
        let Err(crate::Error::Solve(SolveError::Argument { argument: "method", .. })) = refused else {
            panic!("{method:?}: {refused:?}");
        };
    }
}

/// Where the stages do not suffice, steps are as long as stability allows, and next to none is tried in vain.
#[test]
fn too_stiff_for_all_stages() {
    // A rod of 2000 points, ρ = 1.6e7: 200 stages reach 1.3e-3.
    let n = 2000;
    let (system, start, solution) = rod(n);
    let solve =
        |steps| Solve::system(&system, start.clone(), 0.0, 0.1).method(Method::Rkc2).max_steps(steps).rtol(1e-3);
    let solved = solve(100_000).atol(1e-3).save(Save::End).run().unwrap();
    let count = solved.statistics();
    assert!(distance(solved.last(), &solution(0.1)) < 1e-2, "{count}");
    let longest = Rkc2::stability(Rkc2::MOST_STAGES) / (4.0 * (2001.0f64).powi(2));
    assert!(count.accepted as f64 > 0.1 / longest, "{count}");
    assert!(count.rejected_by_stability <= 2 && count.rejected() <= 6, "{count}");
    let few = solve(60).atol(1e-3).save(Save::End).run();
    assert!(matches!(few, Err(crate::Error::Solve(SolveError::LooksStiff { method: Method::Rkc2, .. }))), "{few:?}");
}

#[test]
fn a_fixed_step_beyond_all_stages_is_refused() {
    let (system, start, _) = rod(100);
    for (method, length) in [(Method::Rkc2, Rkc2::stability(200)), (Method::Rock4, Rock4::stability(142))] {
        let solve =
            |h| Solve::system(&system, start.clone(), 0.0, 2.0).method(method).fixed_step(h).save(Save::End).run();
        let Err(crate::Error::Solve(SolveError::Unstable { h, longest, .. })) = solve(1.0) else {
            panic!("{method:?} took a step it is not stable with");
        };
        assert_eq!(h, 1.0);
        let exact = length / (4.0 * 101.0f64.powi(2));
        assert!((0.8 * exact..exact).contains(&longest), "{method:?}: {longest}, with the true radius {exact}");
        assert!(solve(longest).is_ok(), "{method:?} refuses {longest}");
    }
}

/// The state of the fastest mode is named.
#[test]
fn the_state_that_is_too_fast_is_named() {
    let system = crate::model::from_fn(["slow", "fast", "slower"], |_t, u, _p, du| {
        (du[0], du[1], du[2]) = (-u[0], -1e7 * (u[1] - u[0]), -0.1 * u[2]);
    });
    for method in [Method::Rkc2, Method::Rock4] {
        let solve = Solve::system(&system, [1.0, 1.0, 1.0], 0.0, 2.0).method(method).fixed_step(1.0);
        let Err(crate::Error::Solve(error)) = solve.run() else {
            panic!("{method:?} took a step it is not stable with")
        };
        assert!(matches!(error, SolveError::Unstable { .. }), "{error}");
        assert_eq!((error.component().unwrap().name.as_str(), error.step()), ("fast", Some(1.0)));
    }
}

#[test]
fn a_known_bound_is_checked_and_saves_evaluations() {
    let (system, start, _) = rod(100);
    let solve = || Solve::system(&system, start.clone(), 0.0, 1.0).method(Method::Rock4).save(Save::End);
    let known = solve().spectral_radius(4.0 * 101.0 * 101.0).run().unwrap();
    assert!(known.statistics().rhs < solve().run().unwrap().statistics().rhs);
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let fault = solve().spectral_radius(bad).run().unwrap_err();
        assert!(fault.to_string().starts_with("`spectral_radius` is"), "{fault}");
    }
}

/// A problem that is not stiff at all, and one whose $f$ does not depend on the state.
#[test]
fn no_stiffness_costs_the_fewest_stages() {
    for (method, stages) in [(Method::Rkc2, Rkc2::FEWEST_STAGES), (Method::Rock4, Rock4::FEWEST_STAGES)] {
        let system = from_fn(["u"], |t: f64, _u, _p, du| du[0] = t.cos());
        let atol = Tolerance::Scalar(1e-5);
        let solution = Solve::system(&system, [0.0], 0.0, 10.0).method(method).rtol(1e-5).atol(atol).run().unwrap();
        let count = solution.statistics();
        assert!((solution.last()[0] - 10.0f64.sin()).abs() < 1e-3, "{method:?}: {count}");
        assert!(count.rhs < (stages + 1) * (count.accepted + count.rejected()) + 20, "{method:?}: {count}");
    }
}
