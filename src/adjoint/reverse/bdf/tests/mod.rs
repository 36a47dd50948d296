//! The derivative of the steps as they were made, with their orders and changes of the grid, and of the solution.

mod beginning;
mod choices;
mod models;

use crate::adjoint::DiscreteAdjoint;
use crate::adjoint::reverse::frozen::slope;
use crate::ode::implicit::bdf::Change;
use crate::ode::{Statistics, Tolerance};
use crate::prelude::*;
use choices::{Choice, choices, replay, swept, tally};
use models::{Cells, Coupled, Knocked, P, Pushed, Relaxing, Robertson, WithForce, as_given, loss, with_force};

fn wave(i: usize, seed: u32) -> f64 {
    (1.3 * i as f64 + 2.0 * f64::from(seed) + 0.5).cos()
}

fn options(rtol: f64) -> Options {
    Options { method: Method::Bdf, rtol, atol: Tolerance::Scalar(rtol), ..Options::default() }
}

/// A gradient along a direction, in which states that follow from the others move with them.
fn along(start: &impl Fn(&[f64], &[f64]) -> Vec<f64>, (p_bar, u_bar): (&[f64], &[f64]), p: [f64; 3], seed: u32) -> f64 {
    let mut sum: f64 = (0..3).map(|i| p_bar[i] * wave(7 + i, seed)).sum();
    for (i, bar) in u_bar.iter().enumerate() {
        sum += bar * slope(0.02, |s| start(&start_along(s, seed), &parameters_along(p, s, seed))[i]);
    }
    sum
}

fn parameters_along(p: [f64; 3], s: f64, seed: u32) -> Vec<f64> {
    p.iter().enumerate().map(|(i, p)| p + s * wave(7 + i, seed)).collect()
}

fn start_along(s: f64, seed: u32) -> Vec<f64> {
    START.iter().enumerate().map(|(i, u)| u + s * wave(i, seed)).collect()
}

const START: [f64; 2] = [0.8, -0.4];

/// The largest error of the gradient in two directions against differences of the loss with the same choices, from `h` on.
/// `start` gives the state at time zero, from so many first ones and the parameters.
fn frozen_error<M: Model>(
    model: &M,
    options: &Options,
    start: impl Fn(&[f64], &[f64]) -> Vec<f64>,
    times: &[f64],
    (p, h): ([f64; 3], f64),
) -> (f64, Vec<Choice>, Statistics) {
    let bound = Bound::new(model).unwrap();
    let mut adjoint = DiscreteAdjoint::new(&bound, options.clone());
    let (steps, statistics) = choices(&bound, options, &start(&START, &p), &p, times);
    let states = replay(&bound, &steps, &start(&START, &p), &p, times).states;
    let g = adjoint.gradient(0.0, &start(&START, &p), &p, times, loss).unwrap();
    for (a, b) in states.iter().zip(g.states) {
        assert!((a - b).abs() < 1e-10 * a.abs().max(1.0), "{a} {b}");
    }
    assert_eq!(states.len(), g.states.len());
    let mut worst: f64 = 0.0;
    for seed in 0..2 {
        let difference = slope(h, |s| {
            let moved = parameters_along(p, s, seed);
            let states = replay(&bound, &steps, &start(&start_along(s, seed), &moved), &moved, times).states;
            loss(&states, &mut vec![0.0; states.len()])
        });
        let gradient = along(&start, (g.parameters, g.initial), p, seed);
        worst = worst.max((gradient / difference - 1.0).abs());
    }
    (worst, steps, statistics)
}

#[test]
fn fixed_steps() {
    let options = |rtol: f64, h: f64| Options { fixed_step: Some(h), ..options(rtol) };
    // At the start, at ends of steps, twice within one, and at the end.
    let times = [0.0, 0.5, 0.53, 0.541, 1.25, 1.9, 2.0];
    for (name, (error, steps, _)) in [
        ("pushed", frozen_error(&Pushed, &options(1e-13, 1.0 / 16.0), as_given, &times, (P, 0.02))),
        ("coupled", frozen_error(&Coupled, &options(1e-13, 1.0 / 16.0), as_given, &times, (P, 0.02))),
        ("algebraic", frozen_error(&WithForce, &options(1e-11, 1.0 / 1024.0), with_force, &times, (P, 0.02))),
    ] {
        println!("{name}: {error:.1e}");
        assert!(steps.iter().all(|step| step.order == 1));
        assert!(error < 1e-9, "{name}: {error:e}");
    }
}

/// All orders, and beginnings in the middle, at the very time of a read state too.
#[test]
fn variable_steps_and_orders() {
    let times = [0.0, 0.01, 0.5, 0.5001, 0.54, 1.25, 1.2501, 1.9, 3.0];
    for rtol in [1e-12, 1e-11] {
        let options = Options { discontinuities: vec![0.7, 1.25], ..options(rtol) };
        for (name, (error, steps, statistics)) in [
            ("pushed", frozen_error(&Pushed, &options, as_given, &times, (P, 0.02))),
            ("coupled", frozen_error(&Coupled, &options, as_given, &times, (P, 0.02))),
            ("algebraic", frozen_error(&WithForce, &options, with_force, &times, (P, 0.02))),
            ("relaxing", frozen_error(&Relaxing, &options, as_given, &times, (P, 0.002))),
            ("cells", frozen_error(&Cells, &options, Cells::at, &times, (P, 0.02))),
        ] {
            let tally = tally(&steps, &statistics);
            println!("{name}, {rtol:e}: {error:.1e}, {tally:?}");
            assert!(tally.0[1..].iter().all(|k| *k > 0), "{name}: {tally:?}");
            assert_eq!(steps.iter().filter(|step| step.changes.iter().any(Change::begins)).count(), 3);
            assert!(error < 1e-9, "{name}: {error:e}");
        }
    }
}

/// Failed attempts change the grid as others do: several times before a step, and at a beginning.
#[test]
fn failed_attempts() {
    let times = [0.3490, 0.3491, 0.7, 1.04, 2.0];
    for h_initial in [None, Some(0.2)] {
        let options = Options { h_initial, ..options(1e-12) };
        let (error, steps, statistics) = frozen_error(&Knocked, &options, as_given, &times, (P, 0.02));
        let tally = tally(&steps, &statistics);
        println!("{h_initial:?}: {error:.1e}, {tally:?}");
        assert!(tally.1[2] > 0, "{tally:?}");
        assert!(steps[0].changes.len() > 1 || h_initial.is_none());
        assert!(error < 1e-9, "{error:e}");
    }
}

/// Choices made at tolerances at which Newton's method leaves much, with all equations solved to the last bits: lower
/// orders after failures too.
#[test]
fn choices_at_low_accuracy() {
    let times = [0.0, 0.01, 0.3490, 0.3491, 0.7, 1.04, 2.0, 5.0, 5.5, 6.0];
    let bound = Bound::new(&Knocked).unwrap();
    let (mut lowered, mut many) = (0, 0);
    for rtol in [1e-3, 1e-4, 1e-5, 1e-6, 1e-7] {
        let options = Options { discontinuities: vec![0.7, 3.3], h_initial: Some(0.3), ..options(rtol) };
        let (steps, statistics) = choices(&bound, &options, &START, &P, &times);
        lowered += steps.iter().filter(|s| s.changes.iter().any(|change| change.order < change.degree)).count();
        many += steps.iter().filter(|s| s.changes.len() > 3).count();
        let replayed = replay(&bound, &steps, &START, &P, &times);
        let mut seeds = vec![0.0; replayed.states.len()];
        loss(&replayed.states, &mut seeds);
        let (p_bar, u_bar) = swept(&bound, &steps, &replayed, &P, &seeds);
        for seed in 0..2 {
            let difference = slope(0.01, |s| {
                let p = parameters_along(P, s, seed);
                let states = replay(&bound, &steps, &start_along(s, seed), &p, &times).states;
                loss(&states, &mut vec![0.0; states.len()])
            });
            let error = (along(&as_given, (&p_bar, &u_bar), P, seed) / difference - 1.0).abs();
            println!("{rtol:e}: {error:.1e}, {:?}", tally(&steps, &statistics));
            assert!(error < 1e-9, "{rtol:e}: {error:e}");
        }
    }
    println!("lowered {lowered}, many {many}");
    assert!(lowered > 0 && many > 0, "{lowered}, {many}");
}

/// Back in time, and again with the same memory.
#[test]
fn backwards_and_again() {
    let times = [-0.2, -0.77, -1.0];
    let (error, ..) = frozen_error(&Coupled, &options(1e-12), as_given, &times, (P, 0.02));
    println!("{error:.1e}");
    assert!(error < 1e-9, "{error:e}");
    let bound = Bound::new(&Pushed).unwrap();
    let mut adjoint = DiscreteAdjoint::new(&bound, options(1e-8));
    let mut gradient = |times: &[f64]| {
        let g = adjoint.gradient(0.0, &START, &P, times, loss).unwrap();
        (g.parameters.to_vec(), g.initial.to_vec())
    };
    let first = gradient(&[0.3, 1.0]);
    gradient(&[0.5]);
    assert_eq!(gradient(&[0.3, 1.0]), first);
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let difference: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    (difference / b.iter().map(|b| b * b).sum::<f64>()).sqrt()
}

/// The derivative of the solution, by another method.
#[test]
fn another_method_agrees() {
    fn check<M: Model>(name: &str, model: &M, other: Method, start: impl Fn(&[f64], &[f64]) -> Vec<f64>, rtol: f64) {
        let bound = Bound::new(model).unwrap();
        let times = [0.0, 0.3, 0.301, 1.0, 2.0];
        let gradient = |method: Method, rtol: f64| -> Vec<f64> {
            let options = Options { method, max_steps: Some(1_000_000), ..options(rtol) };
            let mut adjoint = DiscreteAdjoint::new(&bound, options);
            let g = adjoint.gradient(0.0, &start(&START, &P), &P, &times, loss).unwrap();
            // Off the algebraic equations every method has its own way.
            (0..5).map(|seed| along(&start, (g.parameters, g.initial), P, seed)).collect()
        };
        let error = distance(&gradient(Method::Bdf, rtol), &gradient(other, 1e-13));
        println!("{name}, {rtol:e}: {error:.1e}");
        assert!(error < 1e-8, "{name}, {rtol:e}: {error:e}");
    }
    for rtol in [1e-12, 1e-11] {
        check("pushed", &Pushed, Method::Vern9, as_given, rtol);
        check("relaxing", &Relaxing, Method::Vern9, as_given, rtol);
        check("coupled", &Coupled, Method::Rodas5P, as_given, rtol);
        check("algebraic", &WithForce, Method::Rodas5P, with_force, rtol);
        check("cells", &Cells, Method::Rodas5P, Cells::at, rtol);
    }
}

/// Robertson's reactions over nine decades, gradients scaled by the rates. The reference is by forward sensitivities with
/// DOP853 at 2.3e-14.
#[test]
fn a_stiff_reference() {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../../../../tests/reference/gradients.json")).unwrap();
    let r = &all["robertson3"];
    let list = |v: &serde_json::Value| v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<f64>>();
    let (rates, initial, times) = (list(&r["theta"]), list(&r["u0"]), list(&r["ts"]));
    let data: Vec<f64> = r["data"].as_array().unwrap().iter().flat_map(list).collect();
    let weights = list(&r["weights"]);
    let bound = Bound::new(&Robertson).unwrap();
    for rtol in [1e-12, 1e-11, 1e-10, 1e-9] {
        let atol = Tolerance::Each(vec![rtol, rtol * 1e-6, rtol]);
        let options = Options { atol, max_steps: Some(1_000_000), ..options(rtol) };
        let mut adjoint = DiscreteAdjoint::new(&bound, options);
        let squares = |u: &[f64], u_bar: &mut [f64]| {
            let mut sum = 0.0;
            for (k, (bar, (u, d))) in u_bar.iter_mut().zip(u.iter().zip(&data)).enumerate() {
                let w = weights[k % 3];
                *bar = 2.0 * w * w * (u - d);
                sum += (w * (u - d)).powi(2);
            }
            sum
        };
        let g = adjoint.gradient(0.0, &initial, &rates, &times, squares).unwrap();
        let scaled = |g: &[f64]| g.iter().zip(&rates).map(|(g, p)| g * p).collect::<Vec<_>>();
        let d = distance(&scaled(g.parameters), &scaled(&list(&r["grad_theta"])));
        let e = distance(g.initial, &list(&r["grad_u0"]));
        let loss = g.loss / r["loss"].as_f64().unwrap() - 1.0;
        println!("{rtol:e}: loss {loss:.1e}, {d:.1e}, {e:.1e}, {}", adjoint.statistics().accepted);
        assert!(d.max(e) < (100.0 * rtol).max(1e-10), "{rtol:e}: {d:e}, {e:e}");
    }
}
