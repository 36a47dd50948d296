//! Work against precision: the table and the picture by which solvers are compared.
//!
//! `cargo run --release --example work_precision -- <problem> [methods]`
//!
//! For each method and each `rtol` from 1e-3 to 1e-11 the error at the end against the problem's reference, the time, and
//! the counts. Without methods, those that suit the problem. `cargo run --example work_precision` lists the problems.

use ansatz::ode::LinearSolver;
use ansatz::plot::{Figure, Panel};
use ansatz::prelude::*;
use ansatz::problems::{self, Problem};
use std::time::{Duration, Instant};

/// Methods that choose their steps.
fn known_methods() -> impl Iterator<Item = Method> {
    Method::ALL.into_iter().filter(|method| method.is_adaptive())
}

/// The quickest of some solves, and what one of them gave.
fn measure(problem: &Problem, method: Method, rtol: f64) -> (f64, ansatz::Result<Solution>) {
    let solve = || {
        problem
            .solve(rtol)
            .method(method)
            .linear_solver(LinearSolver::Automatic)
            .time_budget(Duration::from_secs(20))
            .max_steps(2_000_000)
            .save(Save::End)
            .run()
    };
    let (mut best, mut spent, mut result) = (f64::INFINITY, 0.0, solve());
    while spent < 0.1 && result.is_ok() {
        let began = Instant::now();
        result = solve();
        let seconds = began.elapsed().as_secs_f64();
        best = best.min(seconds);
        spent += seconds;
    }
    (best, result)
}

fn main() -> ansatz::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(name) = arguments.first() else {
        println!("usage: cargo run --release --example work_precision -- <problem> [methods]\n\nproblems:");
        for problem in problems::all() {
            println!("  {:<22} {}, {} states, {}", problem.name, problem.title, problem.initial.len(), problem.kind);
        }
        println!("\nmethods: {}", known_methods().map(|m| format!("{m:?}")).collect::<Vec<_>>().join(" "));
        return Ok(());
    };
    let problem = problems::find(name)?;
    let mut methods = Vec::new();
    for asked in &arguments[1..] {
        match known_methods().find(|m| format!("{m:?}").eq_ignore_ascii_case(asked)) {
            Some(method) => methods.push(method),
            None => {
                println!("no method `{asked}`; there are {:?}", known_methods().collect::<Vec<_>>());
                return Ok(());
            }
        }
    }
    if methods.is_empty() {
        methods = problem.kind.suited_methods().to_vec();
    }

    println!(
        "{}: {} states, {}, t = {} … {}",
        problem.title,
        problem.initial.len(),
        problem.kind,
        problem.start,
        problem.end
    );
    println!("reference: {} ({} digits)\n", problem.reference.source, problem.reference.digits);
    println!(
        "{:<13} {:>7} {:>9} {:>12} {:>8} {:>8} {:>9} {:>6} {:>6}",
        "method", "rtol", "error", "time", "steps", "rejected", "rhs", "jac", "lu"
    );
    let mut panel = Panel::new(problem.title).x_label("error at the end").y_label("time (ms)").log_x().log_y();
    for (k, method) in methods.into_iter().enumerate() {
        let (mut errors, mut times) = (Vec::new(), Vec::new());
        for exponent in 3..=11 {
            let rtol = 10f64.powi(-exponent);
            match measure(&problem, method, rtol) {
                (seconds, Ok(solution)) => {
                    let (error, s) = (problem.error(solution.last()), solution.statistics());
                    println!(
                        "{:<13} {:>7.0e} {:>9.1e} {:>9.3} ms {:>8} {:>8} {:>9} {:>6} {:>6}",
                        format!("{method:?}"),
                        rtol,
                        error,
                        1e3 * seconds,
                        s.accepted,
                        s.rejected(),
                        s.rhs,
                        s.jacobians,
                        s.factorizations
                    );
                    // Where the reference ends, errors say nothing.
                    errors.push(error.max(10f64.powf(-problem.reference.digits)));
                    times.push(1e3 * seconds);
                }
                (_, Err(error)) => println!("{:<13} {rtol:>7.0e} {error}", format!("{method:?}")),
            }
        }
        if !errors.is_empty() {
            // Eight colours, then the same once more with dashes.
            let name = format!("{method:?}");
            panel = if k < 8 { panel.line(name, &errors, &times) } else { panel.dashed(name, &errors, &times) };
        }
    }
    let figure = Figure::new().panel(panel);
    for format in ["svg", "png"] {
        let path = format!("out/work_precision_{name}.{format}");
        figure.save(&path)?;
        println!("wrote {path}");
    }
    Ok(())
}
