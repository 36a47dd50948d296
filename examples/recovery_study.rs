//! How often is the law behind noisy data recovered?
//!
//! Lotka–Volterra with an unknown interaction, 31 points on t ∈ [0, 3], Gaussian noise σ·mean per variable on every sample,
//! the first one too; the truth enters only the data and the verdict. For each seed the noise and the initial weights are
//! drawn anew. A recovery is exactly the two true terms, `prey·predator` in both equations, out of polynomials to degree
//! five and two sines (23 candidates an equation).
//!
//! `cargo run --release --example recovery_study -- --seeds 100 --noise 0.005`
//!
//! Without `--noise` all five levels of the published study are run. `--first S` begins with another seed, `--verbose` shows
//! the laws that are wrong, `--separate` takes another truth, whose two equations have different terms (`prey·predator` and
//! `prey`), and `--plain` the criterion without its lower price for an interaction that equations share.

use ansatz::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::time::Instant;

const GROWTH: f64 = 1.3;
const PREDATION: f64 = 0.9;
const CONVERSION: f64 = 0.8;
const DECAY: f64 = 1.8;

/// Growth and decay are known; the interaction is not.
struct PredatorPrey {
    interaction: Mlp<2, 2>,
}

impl Model for PredatorPrey {
    fn states(&self) -> Names {
        ["prey", "predator"].into()
    }
    fn parameters(&self) -> Names {
        ["growth", "decay"].into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("interaction", &self.interaction)
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [growth, decay] = p.parameters();
        let f = p.call(&self.interaction, [u[0], u[1]]);
        du[0] = growth * u[0] + f[0];
        du[1] = -decay * u[1] + f[1];
    }
}

/// What became of one seed.
struct Verdict {
    recovered: bool,
    /// Both coefficients within three of their stated standard errors of the truth.
    covered: bool,
    seconds: f64,
    law: String,
}

/// What is asked of the study.
#[derive(Clone, Copy)]
struct Question {
    noise: f64,
    /// Whether the two equations have different terms.
    separate: bool,
    plain: bool,
    verbose: bool,
}

fn truth(times: &[f64], separate: bool) -> ansatz::Result<Vec<f64>> {
    let system = from_fn(["prey", "predator"], move |_t, u, _p, du| {
        du[0] = GROWTH * u[0] - PREDATION * u[0] * u[1];
        du[1] = CONVERSION * u[0] * if separate { 1.0 } else { u[1] } - DECAY * u[1];
    });
    let solution =
        Solve::system(&system, [0.44249296, 4.6280594], 0.0, 3.0).rtol(1e-12).atol(1e-12).save_at(times).run()?;
    Ok(solution.states().to_vec())
}

fn one(seed: u64, question: Question, times: &[f64], clean: &[f64]) -> ansatz::Result<Verdict> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mean = |i: usize| clean.iter().skip(i).step_by(2).sum::<f64>() / times.len() as f64;
    let means = [mean(0), mean(1)];
    let values: Vec<f64> = clean
        .iter()
        .enumerate()
        .map(|(at, u)| {
            let draw: f64 = StandardNormal.sample(&mut rng);
            u + question.noise * means[at % 2] * draw
        })
        .collect();
    let data = TimeSeries::new(["prey", "predator"], times, &values)?;
    let model = PredatorPrey { interaction: Mlp::new([5, 5, 5], Activation::Rbf) };
    let begun = Instant::now();
    let fit = Fit::new(&model, &data).known([GROWTH, DECAY]).seed(seed).run()?;
    let law = Discovery::new(&fit)
        .library(Library::polynomials(5).sines())
        .shared_interaction(!question.plain)
        .bootstraps(0)
        .run()?;
    let seconds = begun.elapsed().as_secs_f64();
    let found: Vec<(&str, &str)> = law.selected().map(|t| (t.equation.as_str(), t.term.as_str())).collect();
    let second = if question.separate { "prey" } else { "prey·predator" };
    let recovered = found == [("d prey/dt", "prey·predator"), ("d predator/dt", second)];
    let truths = [("d prey/dt", "prey·predator", -PREDATION), ("d predator/dt", second, CONVERSION)];
    let covered = truths.into_iter().all(|(equation, term, truth)| {
        law.coefficient(equation, term)
            .is_some_and(|c| c.standard_error.is_some_and(|e| (c.value - truth).abs() <= 3.0 * e))
    });
    Ok(Verdict { recovered, covered: recovered && covered, seconds, law: law.equations().join("; ") })
}

fn study(question: Question, seeds: std::ops::Range<u64>) -> ansatz::Result<()> {
    let times: Vec<f64> = (0..31).map(|k| f64::from(k) / 10.0).collect();
    let clean = truth(&times, question.separate)?;
    let count = seeds.end - seeds.start;
    let verdicts: Vec<(u64, ansatz::Result<Verdict>)> =
        seeds.into_par_iter().map(|seed| (seed, one(seed, question, &times, &clean))).collect();
    let mut seconds = Vec::new();
    let (mut recovered, mut covered) = (0, 0);
    for (seed, verdict) in &verdicts {
        match verdict {
            Ok(v) => {
                recovered += usize::from(v.recovered);
                covered += usize::from(v.covered);
                seconds.push(v.seconds);
                if question.verbose && !v.recovered {
                    println!("  seed {seed}: {}", v.law);
                }
            }
            Err(e) => println!("  seed {seed}: {e}"),
        }
    }
    seconds.sort_by(f64::total_cmp);
    let median = seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN);
    println!(
        "noise {}: recovered {recovered}/{count}, coefficients within 3 stated standard errors: {covered}/{count}, \
         median {median:.2} s",
        question.noise
    );
    Ok(())
}

fn run() -> Result<(), String> {
    const USAGE: &str = "use: recovery_study [--seeds N] [--first S] [--noise σ] [--separate] [--plain] [--verbose]";
    let (mut seeds, mut first, mut levels) = (100, 0, vec![0.001, 0.005, 0.01, 0.025, 0.05]);
    let (mut separate, mut plain, mut verbose) = (false, false, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("`{name}` needs a value; {USAGE}"));
        let wrong = |text: &str| format!("`{name}` cannot be `{text}`; {USAGE}");
        match name.as_str() {
            "--separate" => separate = true,
            "--plain" => plain = true,
            "--verbose" => verbose = true,
            "--seeds" | "--first" => {
                let text = value()?;
                let number: u64 = text.parse().map_err(|_| wrong(&text))?;
                match name.as_str() {
                    "--first" => first = number,
                    _ if number == 0 => return Err(wrong(&text)),
                    _ => seeds = number,
                }
            }
            "--noise" => {
                let text = value()?;
                let noise = text.parse().ok().filter(|n: &f64| *n >= 0.0 && n.is_finite());
                levels = vec![noise.ok_or(wrong(&text))?];
            }
            _ => return Err(format!("there is no `{name}`; {USAGE}")),
        }
    }
    for noise in levels {
        study(Question { noise, separate, plain, verbose }, first..first + seeds).map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn main() -> std::process::ExitCode {
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            std::process::ExitCode::FAILURE
        }
    }
}
