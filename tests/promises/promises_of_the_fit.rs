//! What a fit promises: parameters, noise and reasons that are right, in any unit, from any start that can be solved,
//! the same again from a file and on any number of threads.

use crate::problems::{Interaction, LotkaVolterra, Neural};
use crate::synthetic::{RATES, noisy, starts, times, trajectories};
use ansatz::fit::StopCause;
use ansatz::prelude::*;

/// Largest relative difference.
fn off(found: &[f64], truth: &[f64]) -> f64 {
    assert_eq!(found.len(), truth.len());
    found.iter().zip(truth).map(|(a, b)| ((a - b) / b).abs()).fold(0.0, f64::max)
}

/// Σ r² from the predictions alone, each state over its standard deviation in the data.
fn squares_of_predictions<M: Model>(fit: &Fitted<'_, M>, data: &TimeSeries) -> f64 {
    let predictions = fit.predictions().unwrap();
    (0..data.columns().len())
        .map(|i| {
            let pairs: Vec<(f64, f64)> = data
                .trajectories()
                .iter()
                .zip(predictions.trajectories())
                .flat_map(|(d, p)| d.column(i).zip(p.column(i)).collect::<Vec<_>>())
                .filter(|(d, _)| !d.is_nan())
                .collect();
            let n = pairs.len() as f64;
            let mean = pairs.iter().map(|p| p.0).sum::<f64>() / n;
            let variance = pairs.iter().map(|p| (p.0 - mean).powi(2)).sum::<f64>() / n;
            pairs.iter().map(|(d, p)| (d - p).powi(2)).sum::<f64>() / variance
        })
        .sum()
}

#[test]
fn a_fit_that_cannot_improve_ends_with_the_best_found_and_says_why() {
    let data = noisy(&LotkaVolterra, &RATES, &starts()[..1], &times(31, 3.0), 0.02, 1);
    // No gain is smaller than this tolerance: only the lack of any improvement can end it.
    let fit = |start: Vec<f64>| {
        let fit = Fit::new(&LotkaVolterra, &data).estimate(start).tolerance(f64::MIN_POSITIVE);
        fit.max_iterations(2000).run().unwrap()
    };
    let first = fit(vec![1.0; 4]);
    assert_eq!(first.stop_cause(), StopCause::NoImprovement, "{first}");
    assert!(first.report().contains("no step improves it further"), "{first}");
    let best = first.history().iter().map(|p| p.squares).fold(f64::INFINITY, f64::min);
    let at_the_end =
        first.history().iter().filter(|p| p.horizon == 31).map(|p| p.squares).fold(f64::INFINITY, f64::min);
    assert_eq!(first.sum_of_squares(), at_the_end, "the best over all times is kept; over fewer times {best} was seen");
    // Begun where the first one ended it stays there.
    let again = fit(first.parameters().to_vec());
    assert!(off(again.parameters(), first.parameters()) < 1e-4, "{first}\n{again}");
    assert!((again.sum_of_squares() / first.sum_of_squares() - 1.0).abs() < 1e-6);
    // A fit cut short says that instead.
    let short = Fit::new(&LotkaVolterra, &data).estimate([1.0; 4]).max_iterations(1).run().unwrap();
    assert_eq!(short.stop_cause(), StopCause::IterationLimit);
    assert!(short.report().contains("allowed iterations were used up"), "{short}");
    assert!(short.sum_of_squares() > first.sum_of_squares());
}

/// What is reported belongs to the point that is returned, by either optimiser.
#[test]
fn the_reported_sum_of_squares_is_that_of_the_predictions() {
    let model = Interaction::new(Activation::Rbf);
    let data = noisy(&LotkaVolterra, &RATES, &starts()[..2], &times(21, 3.0), 0.02, 2);
    for optimizer in [Optimizer::LevenbergMarquardt, Optimizer::AdamLbfgs] {
        for iterations in [2, 40] {
            let fit =
                Fit::new(&model, &data).known([RATES[0], RATES[3]]).optimizer(optimizer).max_iterations(iterations);
            let fit = fit.run().unwrap();
            let (said, seen) = (fit.sum_of_squares(), squares_of_predictions(&fit, &data));
            assert!(
                (said / seen - 1.0).abs() < 1e-9,
                "{optimizer:?}, {iterations} iterations: {said} said, {seen} seen"
            );
        }
    }
}

/// Three trajectories at irregular times of their own, every seventh number missing, the very first one too.
fn exact_with_gaps() -> TimeSeries {
    let odd: Vec<f64> = (0..25).map(|k| 0.12 * f64::from(k) + 0.05 * f64::from(k * k % 7) / 7.0).collect();
    let data = trajectories(&LotkaVolterra, &RATES, &starts(), &odd);
    crate::synthetic::with_gaps(&data, 7)
}

#[test]
fn rates_are_recovered_by_levenberg_marquardt() {
    let data = exact_with_gaps();
    assert!(data.observed() < 2 * data.len() - 15);
    let fit = Fit::new(&LotkaVolterra, &data).estimate([1.0, 1.0, 1.0, 1.0]).rtol(1e-11);
    let fit = fit.optimizer(Optimizer::LevenbergMarquardt).run().unwrap();
    let error = off(fit.parameters(), &RATES);
    assert!(error < 1e-6, "off by {error:e}: {:?}\n{fit}", fit.parameters());
    for (j, start) in starts().iter().enumerate() {
        assert!(off(fit.initial(j), start) < 1e-6, "initial state {j}: {:?}", fit.initial(j));
    }
}

#[test]
fn rates_are_recovered_by_adam_and_lbfgs() {
    let data = exact_with_gaps();
    let fit = Fit::new(&LotkaVolterra, &data).estimate([1.0, 1.0, 1.0, 1.0]).rtol(1e-8).tolerance(1e-12);
    let fit = fit.optimizer(Optimizer::AdamLbfgs).max_iterations(600).run().unwrap();
    let error = off(fit.parameters(), &RATES);
    assert!(error < 1e-3, "off by {error:e}: {:?}\n{fit}", fit.parameters());
}

#[test]
fn the_choice_of_the_optimizer_and_its_reason_are_reported() {
    let data = noisy(&LotkaVolterra, &RATES, &starts()[..1], &times(16, 1.5), 0.02, 3);
    let data = TimeSeries::new(["x", "y"], data.trajectories()[0].times(), &rows(&data)).unwrap();
    // (2 + 1)·24 + (24 + 1)·24 + (24 + 1)·2 = 722 weights and two initial states.
    let wide = Neural { network: Mlp::new([24, 24], Activation::Tanh), cubes: false };
    let narrow = Neural { network: Mlp::new([4], Activation::Tanh), cubes: false };
    let report = |model: &Neural, optimizer| {
        Fit::new(model, &data).optimizer(optimizer).max_iterations(3).run().unwrap().report()
    };
    for (text, words) in [
        (report(&wide, Optimizer::Automatic), ["Adam, then L-BFGS", "because 724 numbers are more than the 600"]),
        (
            report(&narrow, Optimizer::Automatic),
            ["Levenberg–Marquardt", "because 24 numbers are few enough (up to 600)"],
        ),
        (report(&wide, Optimizer::LevenbergMarquardt), ["Levenberg–Marquardt", "as asked"]),
        (report(&narrow, Optimizer::AdamLbfgs), ["Adam, then L-BFGS", "as asked"]),
    ] {
        for word in words {
            assert!(text.contains(word), "no `{word}` in: {text}");
        }
    }
}

fn rows(data: &TimeSeries) -> Vec<f64> {
    let t = &data.trajectories()[0];
    (0..t.len()).flat_map(|k| t.row(k).to_vec()).collect()
}

/// u' = a u²: u = u₀/(1 − a u₀ t), gone at t = 1/(a u₀).
struct Explosion;

impl Model for Explosion {
    fn states(&self) -> Names {
        ["u"].into()
    }
    fn parameters(&self) -> Names {
        ["a"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [a] = p.parameters();
        du[0] = a * u[0] * u[0];
    }
}

/// From a = 0.2 the first Gauss–Newton step goes to about 6, where the solution ends at t = 0.17: a step that cannot be
/// solved is one that is too long. From a = 3 not even the start can be solved over all times.
#[test]
fn a_step_that_cannot_be_solved_is_rejected() {
    let times: Vec<f64> = (0..10).map(|k| 0.1 * f64::from(k)).collect();
    let values: Vec<f64> = times.iter().map(|t| 1.0 / (1.0 - t)).collect();
    let data = TimeSeries::new(["u"], &times, &values).unwrap();
    for optimizer in [Optimizer::LevenbergMarquardt, Optimizer::AdamLbfgs] {
        for (start, grow) in [(0.2, false), (0.2, true), (3.0, true), (3.0, false)] {
            if optimizer == Optimizer::AdamLbfgs && start > 1.0 {
                continue; // It makes no promise to shorten the horizon further.
            }
            let fit = Fit::new(&Explosion, &data).estimate([start]).growing_horizon(grow).optimizer(optimizer);
            let fit = match fit.max_iterations(500).tolerance(1e-8).run() {
                Ok(fit) => fit,
                Err(error) => panic!("{optimizer:?} from {start}, growing {grow}: {error}"),
            };
            let a = fit.parameter("a").unwrap();
            assert!((a - 1.0).abs() < 1e-4, "{optimizer:?} from {start}, growing {grow}: a = {a}\n{fit}");
        }
    }
}

/// Counted in thousands and over twenty years, the same data have the same fit.
#[test]
fn years_and_thousands_give_the_same_fit() {
    let model = Interaction::new(Activation::Rbf);
    let plain = noisy(&LotkaVolterra, &RATES, &starts()[..1], &times(21, 3.0), 0.03, 4);
    let stretch = 20.0 / 3.0;
    let years: Vec<f64> = plain.trajectories()[0].times().iter().map(|t| 1900.0 + stretch * t).collect();
    let thousands: Vec<f64> = rows(&plain).iter().map(|u| 1e3 * u).collect();
    let large = TimeSeries::new(["prey", "predator"], &years, &thousands).unwrap();
    let unit = Fit::new(&model, &plain).known([RATES[0], RATES[3]]).seed(5).run().unwrap();
    let scaled = Fit::new(&model, &large).known([RATES[0] / stretch, RATES[3] / stretch]).seed(5).run().unwrap();
    let ratio = scaled.sum_of_squares() / unit.sum_of_squares();
    assert!((ratio - 1.0).abs() < 0.01, "sums of squares {} and {}", unit.sum_of_squares(), scaled.sum_of_squares());
    let noise: Vec<f64> = unit.noise().iter().map(|s| 1e3 * s).collect();
    assert!(off(scaled.noise(), &noise) < 0.01, "{:?} and {noise:?}", scaled.noise());
}

#[test]
fn the_noise_is_estimated() {
    let model = Interaction::new(Activation::Rbf);
    let times = times(101, 4.0);
    let clean = trajectories(&LotkaVolterra, &RATES, &starts()[..1], &times);
    let mean = |i: usize| clean.trajectories()[0].column(i).sum::<f64>() / times.len() as f64;
    let truth = [0.05 * mean(0), 0.05 * mean(1)];
    let ratios: Vec<(u64, f64, f64)> = [11, 12, 13, 14, 15]
        .into_iter()
        .map(|seed| {
            let data = noisy(&LotkaVolterra, &RATES, &starts()[..1], &times, 0.05, seed);
            let fit = Fit::new(&model, &data).known([RATES[0], RATES[3]]).seed(seed).run().unwrap();
            (seed, fit.noise()[0] / truth[0], fit.noise()[1] / truth[1])
        })
        .collect();
    let close = |ratio: f64| (ratio - 1.0).abs() < 0.3;
    assert!(
        ratios.iter().all(|(_, a, b)| close(*a) && close(*b)),
        "seed, estimated over true noise of prey and of predator: {ratios:?}"
    );
}

/// The same numbers to the bit.
fn identical<M: Model>(a: &Fitted<'_, M>, b: &Fitted<'_, M>) {
    let bits = |x: &[f64]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(a.parameters()), bits(b.parameters()));
    for j in 0..a.predictions().unwrap().trajectories().len() {
        assert_eq!(bits(a.initial(j)), bits(b.initial(j)));
    }
    assert_eq!(a.predictions().unwrap(), b.predictions().unwrap());
    assert_eq!(bits(a.noise()), bits(b.noise()));
    assert_eq!(a.sum_of_squares().to_bits(), b.sum_of_squares().to_bits());
    assert_eq!((a.history(), a.stop_cause()), (b.history(), b.stop_cause()));
    assert_eq!(a.report(), b.report());
}

#[test]
fn a_fit_comes_back_from_its_file_to_the_bit() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a/new/folder/fit.safetensors");
    let gaps = crate::synthetic::with_gaps(&noisy(&LotkaVolterra, &RATES, &starts(), &times(16, 2.0), 0.02, 6), 9);
    let model = Interaction::new(Activation::Tanh);
    for optimizer in [Optimizer::LevenbergMarquardt, Optimizer::AdamLbfgs] {
        let fit = || Fit::new(&model, &gaps).known([("decay", 1.8)]).estimate([("growth", 1.0)]).optimizer(optimizer);
        let fitted = fit().max_iterations(20).run().unwrap();
        fitted.save(&path).unwrap();
        identical(&fitted, &fit().load(&path).unwrap());
    }
    // Without unknown terms.
    let fit = || Fit::new(&LotkaVolterra, &gaps).estimate([1.0; 4]);
    let fitted = fit().run().unwrap();
    fitted.save(&path).unwrap();
    identical(&fitted, &fit().load(&path).unwrap());
    // Without mechanistic parameters.
    let neural = Neural { network: Mlp::new([4], Activation::Tanh), cubes: false };
    let data = noisy(&LotkaVolterra, &RATES, &starts()[..1], &times(16, 1.5), 0.02, 7);
    let data = TimeSeries::new(["x", "y"], data.trajectories()[0].times(), &rows(&data)).unwrap();
    let fitted = Fit::new(&neural, &data).max_iterations(5).run().unwrap();
    fitted.save(&path).unwrap();
    identical(&fitted, &Fit::new(&neural, &data).load(&path).unwrap());
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

#[test]
fn threads_do_not_change_the_bits() {
    let model = Interaction::new(Activation::Rbf);
    let data = noisy(&LotkaVolterra, &RATES, &starts(), &times(16, 2.0), 0.01, 8);
    for optimizer in [Optimizer::LevenbergMarquardt, Optimizer::AdamLbfgs] {
        let run = || Fit::new(&model, &data).known([1.3, 1.8]).seed(3).optimizer(optimizer).max_iterations(15).run();
        identical(&on_threads(1, || run().unwrap()), &on_threads(2, || run().unwrap()));
    }
    let fit = Fit::new(&model, &data).known([1.3, 1.8]).run().unwrap();
    let discover = || Discovery::new(&fit).library(Library::polynomials(2)).bootstraps(6).seed(9).run().unwrap();
    let (one, two) = (on_threads(1, discover), on_threads(2, discover));
    let text = |law: &Law| serde_json::to_string(law).unwrap();
    assert_eq!(text(&one), text(&two));
    assert!(one.odds().is_some_and(|o| o.replicates == 6));
}

#[test]
fn another_seed_is_another_start() {
    let model = Interaction::new(Activation::Rbf);
    let data = noisy(&LotkaVolterra, &RATES, &starts()[..1], &times(16, 2.0), 0.01, 10);
    let fit = |seed| Fit::new(&model, &data).known([1.3, 1.8]).seed(seed).max_iterations(5).run().unwrap();
    identical(&fit(1), &fit(1));
    assert_ne!(fit(1).parameters(), fit(2).parameters());
}
