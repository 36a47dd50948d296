//! Solvers by what they reach in what time: the tables of `docs/benchmarks.md`.
//!
//! `cargo bench --bench solvers` for all, `cargo bench --bench solvers -- stiff` for one of: `stiff`, `nonstiff`, `overhead`,
//! `large`, `growth`.
//!
//! Errors are against the references of the catalogue, times the best of many solves that keep the end state alone. The time
//! "at 1e-6" is read between the two tolerances whose errors enclose it, on logarithmic scales.

use ansatz::ode::LinearSolver;
use ansatz::ode::explicit::{Dop853, Tableau, Tsit5, Vern7, Vern9};
use ansatz::prelude::*;
use ansatz::problems::{self, Brusselator2d, Problem};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The quickest of repeated calls, in seconds.
fn quickest(budget: f64, mut work: impl FnMut()) -> f64 {
    let (mut best, began) = (f64::INFINITY, Instant::now());
    while best == f64::INFINITY || began.elapsed().as_secs_f64() < budget {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

/// Error and time of a solve; none when it fails.
fn measure(problem: &Problem, method: Method, rtol: f64, budget: f64) -> Option<(f64, f64, Solution)> {
    let solve = || problem.solve(rtol).method(method).save(Save::End).max_steps(1_000_000).run();
    let solution = solve().ok()?;
    let seconds = quickest(budget, || drop(black_box(solve())));
    Some((problem.error(solution.last()), seconds, solution))
}

/// The time at which a curve of (error, time) passes an error.
fn time_at(error: f64, curve: &[(f64, f64)]) -> Option<f64> {
    let pair = curve.windows(2).find(|w| w[0].0 >= error && w[1].0 < error)?;
    let part = (pair[0].0 / error).ln() / (pair[0].0 / pair[1].0).ln();
    Some((pair[0].1.ln() * (1.0 - part) + pair[1].1.ln() * part).exp())
}

fn compare(names: &[&str], methods: &[Method]) {
    for name in names {
        let problem = problems::find(name).unwrap();
        println!("\n{name}");
        for &method in methods {
            let mut curve = Vec::new();
            let mut cells = String::new();
            for half in 8..=20 {
                let rtol = 10f64.powf(-0.5 * f64::from(half));
                if let Some((error, seconds, _)) = measure(&problem, method, rtol, 0.05) {
                    curve.push((error, seconds));
                    if half % 2 == 0 {
                        cells += &format!("  {:.1e} {:>8.1} us", error, 1e6 * seconds);
                    }
                } else if half % 2 == 0 {
                    cells += "            failed     ";
                }
            }
            let at = |error: f64| time_at(error, &curve).map_or("—".to_string(), |t| format!("{:.1} us", 1e6 * t));
            println!(
                "  {:<12} at 1e-5 {:>9}  at 1e-6 {:>9}  at 1e-7 {:>9} |{cells}",
                format!("{method:?}"),
                at(1e-5),
                at(1e-6),
                at(1e-7)
            );
        }
    }
}

/// Terms of all sums in a step: arguments of the stages, solution, estimates.
fn terms<T: Tableau>() -> usize {
    let stages: usize = T::A[..T::STAGES].iter().map(|row| row.len()).sum();
    // The argument of a last stage that is the next step's first is the solution.
    let solution = if T::FIRST_SAME_AS_LAST { 0 } else { T::B.len() };
    stages + solution + T::E.len() + T::E_LOW.len()
}

fn overhead() {
    println!("\nsteps of a system of two states (Lotka–Volterra, Tsit5)");
    let problem = problems::find("lotka_volterra").unwrap();
    for rtol in [1e-6, 1e-8, 1e-10] {
        let (_, seconds, solution) = measure(&problem, Method::Tsit5, rtol, 0.5).unwrap();
        let s = solution.statistics();
        let steps = s.accepted + s.rejected();
        println!(
            "  rtol {rtol:.0e}: {:.1} ns a step, {:.1} ns an evaluation",
            1e9 * seconds / steps as f64,
            1e9 * seconds / s.rhs as f64
        );
    }
    struct LotkaVolterra;
    impl Model for LotkaVolterra {
        fn states(&self) -> Names {
            ["prey", "predator"].into()
        }
        fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
            let met = u[0] * u[1];
            du[0] = u[0] * 1.3 - met * 0.9;
            du[1] = met * 0.8 - u[1] * 1.8;
        }
    }
    let bound = Bound::new(&LotkaVolterra).unwrap();
    for rtol in [1e-6, 1e-8, 1e-10] {
        let solve = || {
            Solve::system(&bound, [0.44249296, 4.6280594], 0.0, 10.0)
                .method(Method::Tsit5)
                .rtol(rtol)
                .atol(rtol)
                .save(Save::End)
                .run()
        };
        let s = solve().unwrap().statistics();
        let seconds = quickest(0.5, || drop(black_box(solve())));
        let steps = s.accepted + s.rejected();
        println!(
            "  compiled together, rtol {rtol:.0e}: {:.1} us, {:.1} ns a step",
            1e6 * seconds,
            1e9 * seconds / steps as f64
        );
    }

    println!("\nPleiades (28 states): the solve over its evaluations and the sums of its stages");
    let problem = problems::find("pleiades").unwrap();
    let (u, p) = (problem.initial.clone(), problem.parameters.clone());
    let mut du = vec![0.0; u.len()];
    let evaluation = quickest(0.3, || {
        for _ in 0..1000 {
            problem.eval(0.0, black_box(&u), &p, &mut du);
            black_box(&mut du);
        }
    }) / 1000.0;
    println!("  one evaluation: {:.1} ns", 1e9 * evaluation);
    for (method, terms) in [
        (Method::Tsit5, terms::<Tsit5>()),
        (Method::Vern7, terms::<Vern7>()),
        (Method::Dop853, terms::<Dop853>()),
        (Method::Vern9, terms::<Vern9>()),
    ] {
        let (_, seconds, solution) = measure(&problem, method, 1e-8, 0.5).unwrap();
        let s = solution.statistics();
        let steps = (s.accepted + s.rejected()) as f64;
        let mut sum = vec![1.0; u.len()];
        let axpy = quickest(0.2, || {
            for _ in 0..1000 {
                for (y, x) in sum.iter_mut().zip(black_box(&u)) {
                    *y += 1e-3 * x;
                }
                black_box(&mut sum);
            }
        }) / 1000.0;
        let needed = s.rhs as f64 * evaluation + steps * terms as f64 * axpy;
        println!(
            "  {method:?}: {:.1} us, evaluations {:.1} us, with sums {:.1} us: {:.2}",
            1e6 * seconds,
            1e6 * s.rhs as f64 * evaluation,
            1e6 * needed,
            seconds / needed
        );
    }
}

/// Memory of this process that was in use at most, in MiB.
fn most_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

fn large() {
    println!("\nBrusselator in two dimensions, 32 × 32 (2048 equations)");
    let problem = problems::find("brusselator2d_32").unwrap();
    for method in
        [Method::Rodas4, Method::Rodas5P, Method::Kvaerno5, Method::Bdf, Method::Radau5, Method::Rock4, Method::Rkc2]
    {
        for rtol in [1e-3, 1e-4, 1e-5, 1e-6, 1e-7] {
            let solve =
                || problem.solve(rtol).method(method).save(Save::End).time_budget(Duration::from_secs(10)).run();
            let Ok(solution) = solve() else { continue };
            let seconds = quickest(0.5, || drop(black_box(solve())));
            let s = solution.statistics();
            println!(
                "  {:<9} rtol {rtol:.0e}: error {:.1e}, {:>7.1} ms, {} steps, {} Jacobians, {} factorisations",
                format!("{method:?}"),
                problem.error(solution.last()),
                1e3 * seconds,
                s.accepted,
                s.jacobians,
                s.factorizations
            );
        }
    }
}

fn growth() {
    println!("\nBrusselator in two dimensions, finer and finer, rtol 1e-4, to t = 1");
    let direct = LinearSolver::Automatic;
    for (method, solver) in [(Method::Rodas4, direct), (Method::Bdf, direct), (Method::Bdf, LinearSolver::Krylov)] {
        let mut before: Option<(f64, f64)> = None;
        // Iterations with ILU(0) grow with the grid.
        let grids: &[usize] = if solver == LinearSolver::Krylov { &[32, 64, 128] } else { &[32, 64, 128, 256] };
        for &points in grids {
            let model = Brusselator2d { points };
            let bound = Bound::new(&model).unwrap();
            let solve = || {
                Solve::system(&bound, model.initial(), 0.0, 1.0)
                    .parameters(Brusselator2d::PARAMETERS)
                    .method(method)
                    .linear_solver(solver)
                    .rtol(1e-4)
                    .atol(1e-4)
                    .save(Save::End)
                    .run()
            };
            let start = Instant::now();
            let solution = solve().unwrap();
            let seconds = start.elapsed().as_secs_f64();
            let n = 2.0 * (points * points) as f64;
            let exponent = before.map_or(f64::NAN, |(m, t)| (seconds / t).ln() / (n / m).ln());
            before = Some((n, seconds));
            let s = solution.statistics();
            println!(
                "  {:<7} {points:>3}²: {n:>6} equations, {seconds:>8.3} s, exponent {exponent:.2}, {} steps, {} factorisations, at most {:.0} MiB so far; {}",
                format!("{method:?}"),
                s.accepted,
                s.factorizations,
                most_memory(),
                solution.linear_solver().unwrap_or_default()
            );
        }
    }
}

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|a| a == name);
    if wanted("stiff") {
        let names = ["robertson_1e5", "hires", "orego", "e5", "pollu", "vanderpol_1e6"];
        let methods = [
            Method::Automatic,
            Method::Rodas4,
            Method::Rodas5P,
            Method::Kvaerno5,
            Method::Radau5,
            Method::Radau9,
            Method::Bdf,
        ];
        compare(&names, &methods);
    }
    if wanted("nonstiff") {
        let methods = [Method::Automatic, Method::Tsit5, Method::Vern7, Method::Dop853, Method::Vern9];
        compare(&["lotka_volterra", "lorenz", "pleiades"], &methods);
    }
    if wanted("overhead") {
        overhead();
    }
    if wanted("large") {
        large();
    }
    if wanted("growth") {
        growth();
    }
}
