//! Every problem of the catalogue, with every method that suits it, at four tolerances: how far the solution is from the
//! reference at the end, and between the steps.
//!
//! The error of a solve with the relative tolerance `rtol`, in the measure of [`Problem::error`], is at most
//!
//! - 10 `rtol` for Radau5, Radau9, Radau13, Rodas5P and Kvaerno5 on the [`STIFF_LIST`],
//! - 10 κ `rtol` elsewhere, κ the condition of the problem at that time ([`Problem::condition_at`]),
//!
//! or the solve ends with a typed error; nothing else happens. It holds at the end and, through dense output, at times
//! that are no ends of steps.
//!
//! No run breaks the promise; those that end with an error are in [`may_stop`]. `cargo test --test catalogue -- --nocapture`
//! prints all ratios of errors to promises.

mod may_stop;

use ansatz::prelude::*;
use ansatz::problems::{self, Kind, Problem};
use may_stop::MAY_STOP;

/// Stiff problems whose solutions forget: what a step gets wrong is damped or stays what it is. The others, the ring
/// modulator and the beam, oscillate without end, and errors add up whatever the method.
const STIFF_LIST: &[&str] = &[
    "robertson_1e5",
    "robertson_1e11",
    "vanderpol_1e3",
    "vanderpol_1e6",
    "hires",
    "orego",
    "e5",
    "pollu",
    "medical_akzo_nobel_200",
    "prothero_robinson",
];

/// Methods that control their errors strictly.
const STRICT: &[Method] = &[Method::Radau5, Method::Radau9, Method::Radau13, Method::Rodas5P, Method::Kvaerno5];

/// The exponents $e$ of the tolerances $10^{-e}$.
const EXPONENTS: [i32; 4] = [4, 6, 8, 10];

/// The sharpest tolerance's exponent: 10, but less where a solve takes longer than a few tenths of a second. What it
/// would show the same method shows on smaller problems.
fn sharpest(problem: &str, method: Method) -> i32 {
    match (problem, method) {
        // 2048 states: up to 20 s a solve at 1e-10. The systems of the Radau methods are largest.
        ("brusselator2d_32", Method::Radau5 | Method::Radau9) => 4,
        ("brusselator2d_32", Method::Rock4 | Method::Rodas4) => 6,
        ("brusselator2d_32", _) => 8,
        // 400 states and a front: up to 3 s at 1e-10.
        ("medical_akzo_nobel_200", Method::Radau5 | Method::Radau9 | Method::Radau13 | Method::Rodas4) => 6,
        ("medical_akzo_nobel_200", _) => 8,
        // A dense Jacobian of 80 columns. The BDF is held to 70 000 steps by stability, whatever the tolerance.
        ("beam_40", Method::Bdf) => 4,
        ("beam_40", Method::Automatic | Method::KenCarp4 | Method::Kvaerno5 | Method::Rodas5P) => 10,
        ("beam_40", _) => 8,
        // Ten thousand oscillations: beyond this all end at the limit of 100 000 steps.
        ("ring_modulator", Method::Radau13) => 10,
        ("ring_modulator", _) => 6,
        _ => 10,
    }
}

/// Times between start and end at which the solution is known.
fn times_between(problem: &Problem) -> Vec<f64> {
    if problem.has_exact_solution() {
        [0.137, 0.391, 0.618, 0.883].iter().map(|x| problem.start + x * (problem.end - problem.start)).collect()
    } else {
        problem.reference.between.iter().map(|(t, _)| *t).collect()
    }
}

/// The error that is promised at a time, and below which the reference says nothing.
fn promise(problem: &Problem, method: Method, rtol: f64, t: f64, digits: f64) -> f64 {
    let strict = STIFF_LIST.contains(&problem.name) && STRICT.contains(&method);
    10.0 * rtol * if strict { 1.0 } else { problem.condition_at(t) } + 10f64.powf(-digits)
}

/// Errors of a solve in parts of what is promised.
struct Ratios {
    end: f64,
    between: f64,
    /// Where `between` is from.
    worst: f64,
    steps: usize,
}

fn ratios(problem: &Problem, method: Method, rtol: f64) -> ansatz::Result<Ratios> {
    let solution = problem.solve(rtol).method(method).run()?;
    let reference = &problem.reference;
    let end = problem.error(solution.last()) / promise(problem, method, rtol, problem.end, reference.digits);
    // Formulas are good to all digits but those that rounding takes.
    let digits = if problem.has_exact_solution() { reference.digits - 1.0 } else { reference.digits_between };
    let (mut between, mut worst) = (0.0, problem.start);
    for t in times_between(problem) {
        assert!(!solution.times().contains(&t), "{}, {method:?}: {t} is the end of a step", problem.name);
        let error = problem.error_at(t, &solution.at(t)?).expect("the solution is known there");
        let ratio = error / promise(problem, method, rtol, t, digits);
        if ratio > between {
            (between, worst) = (ratio, t);
        }
    }
    Ok(Ratios { end, between, worst, steps: solution.statistics().accepted })
}

/// Solves all problems of a kind and says which runs broke the promise.
fn check(kind: Kind) {
    let mut broken = Vec::new();
    println!("{:<23}{:<13}{:>6}{:>8}{:>10}{:>10}", "", "", "rtol", "steps", "end", "between");
    for problem in problems::all().iter().filter(|problem| problem.kind == kind) {
        for &method in kind.suited_methods() {
            for exponent in EXPONENTS.into_iter().filter(|e| *e <= sharpest(problem.name, method)) {
                let rtol = 10f64.powi(-exponent);
                let run = format!("{:<23}{:<13}{rtol:>6.0e}", problem.name, format!("{method:?}"));
                match ratios(problem, method, rtol) {
                    Ok(Ratios { end, between, worst, steps }) => {
                        println!("{run}{steps:>8}{end:>10.1e}{between:>10.1e}");
                        // Not a number is beyond any bound.
                        let within = end <= 1.0 && between <= 1.0;
                        if !within {
                            broken
                                .push(format!("{run}: {end:.3} times the promise at the end, {between:.3} at {worst}"));
                        }
                    }
                    Err(ansatz::Error::Solve(fault)) => {
                        println!("{run}  {fault}");
                        if !MAY_STOP.contains(&(problem.name, method, exponent)) {
                            broken.push(format!("{run}: {fault}"));
                        }
                    }
                    Err(fault) => broken.push(format!("{run}: {fault}")),
                }
            }
        }
    }
    assert!(broken.is_empty(), "{} runs broke the promise:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn non_stiff_problems() {
    check(Kind::NonStiff);
}

#[test]
fn stiff_problems() {
    check(Kind::Stiff);
}

#[test]
fn parabolic_problems() {
    check(Kind::Parabolic);
}

#[test]
fn differential_algebraic_problems() {
    check(Kind::Dae);
}

/// Each stands for a run there is, once.
#[test]
fn the_list_of_runs_that_may_stop_is_in_order() {
    for (k, run) in MAY_STOP.iter().enumerate() {
        let &(name, method, exponent) = run;
        let problem = problems::find(name).unwrap();
        assert!(problem.kind.suited_methods().contains(&method), "{run:?}");
        assert!(EXPONENTS.contains(&exponent) && exponent <= sharpest(name, method), "{run:?}");
        assert!(!MAY_STOP[..k].contains(run), "{run:?}: twice");
    }
}
