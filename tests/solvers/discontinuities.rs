//! Right-hand sides that jump at known times, and that are not defined beyond the span.

use crate::problems::{adaptive, distance};
use ansatz::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// When the forcing is switched.
const SWITCHED: [f64; 2] = [1.0, 2.0];
const END: f64 = 3.0;

/// The forcing: it jumps, and so does its derivative.
fn forcing(t: f64) -> f64 {
    if t < SWITCHED[0] {
        t.cos()
    } else if t < SWITCHED[1] {
        t - 3.0
    } else {
        0.5
    }
}

/// A relaxation at the rate $a$ and its integral, $\dot u = a (s(t) - u)$, $\dot v = u$, from rest. The parameter is added to the
/// forcing once it was switched; `outside` counts evaluations outside the span, which have no value.
fn relaxation(a: f64, outside: &AtomicUsize) -> impl System {
    from_fn(["u", "v"], move |t, u, p, du| {
        if !(0.0..=END).contains(&t) {
            outside.fetch_add(1, Ordering::Relaxed);
            du.fill(f64::NAN);
            return;
        }
        let more = if t < SWITCHED[0] { 0.0 } else { p[0] };
        du[0] = a * (forcing(t) + more - u[0]);
        du[1] = u[0];
    })
}

/// The solution: on each piece a smooth one, of which the integral is known, and what decays of the difference to it.
fn exact(a: f64, t: f64) -> [f64; 2] {
    // A solution of u' = a (s − u) that is smooth, and its integral.
    let smooth = |piece: usize, t: f64| match piece {
        0 => {
            let square = a * a + 1.0;
            (a * (a * t.cos() + t.sin()) / square, a * (a * t.sin() - t.cos()) / square)
        }
        1 => (t - 3.0 - 1.0 / a, t * t / 2.0 - (3.0 + 1.0 / a) * t),
        _ => (0.5, 0.5 * t),
    };
    let borders = [0.0, SWITCHED[0], SWITCHED[1], END];
    let [mut u, mut v] = [0.0, 0.0];
    for piece in 0..3 {
        let (from, to) = (borders[piece], borders[piece + 1].min(t));
        if to <= from {
            break;
        }
        let (before, after) = (smooth(piece, from), smooth(piece, to));
        let (rest, decay) = (u - before.0, -(-a * (to - from)).exp_m1());
        u = after.0 + rest * (1.0 - decay);
        v += after.1 - before.1 + rest * decay / a;
    }
    [u, v]
}

fn solved(method: Method, a: f64, rtol: f64) -> (Solution, usize) {
    let outside = AtomicUsize::new(0);
    let solution = {
        let relaxation = relaxation(a, &outside);
        let solve = Solve::system(&relaxation, [0.0, 0.0], 0.0, END).parameters([0.0]).discontinuities(&SWITCHED);
        solve.method(method).rtol(rtol).atol(rtol).run().unwrap()
    };
    (solution, outside.into_inner())
}

/// Errors go with the tolerance, as if nothing jumped. Kvaerno5, a stage of which lies beyond the end of its step, takes fewer
/// steps than KenCarp4, which is of a lower order and has no such stage, and no jump makes it try again and again.
#[test]
fn switched_forcing() {
    for a in [1.0, 1e5] {
        for rtol in [1e-4, 1e-6, 1e-8, 1e-10] {
            let [steps, more] = [Method::Kvaerno5, Method::KenCarp4].map(|method| {
                let (solution, _) = solved(method, a, rtol);
                let error = [0.5, 0.97, 1.0, 1.3, 1.99, 2.0, 2.5, END]
                    .map(|t| distance(&solution.at(t).unwrap(), &exact(a, t)))
                    .into_iter()
                    .fold(0.0, f64::max);
                let statistics = solution.statistics();
                println!("a = {a:e}, {method:?}, rtol {rtol:e}: error {:.2} rtol, {statistics}", error / rtol);
                assert!(error < 10.0 * rtol, "a = {a:e}, {method:?}, rtol {rtol:e}: error {:.2} rtol", error / rtol);
                assert!(statistics.rejected() <= 3, "a = {a:e}, {method:?}, rtol {rtol:e}: {statistics}");
                statistics.accepted
            });
            assert!(steps <= more, "a = {a:e}, rtol {rtol:e}: {steps} steps, {more} of KenCarp4");
        }
    }
}

/// Whether a method suits a problem.
fn methods(stiff: bool) -> impl Iterator<Item = Method> {
    adaptive().chain([Method::Automatic]).filter(move |method| !(stiff && method.is_explicit()))
}

/// No method evaluates the right-hand side where it is not defined: data end where the span does.
#[test]
fn nothing_is_asked_outside_the_span() {
    for (a, stiff) in [(1.0, false), (1e5, true)] {
        for method in methods(stiff) {
            for rtol in [1e-3, 1e-6] {
                let (solution, outside) = solved(method, a, rtol);
                assert_eq!(outside, 0, "a = {a:e}, {method:?}, rtol {rtol:e}: {}", solution.statistics());
            }
        }
    }
}

/// What comes after a jump has no influence on what was before, bit by bit.
#[test]
fn nothing_is_seen_beyond_a_jump() {
    for (a, stiff) in [(1.0, false), (1e5, true)] {
        for method in methods(stiff) {
            let outside = AtomicUsize::new(0);
            let relaxation = relaxation(a, &outside);
            let [one, other] = [0.0, 1e3].map(|p| {
                let solve = Solve::system(&relaxation, [0.0, 0.0], 0.0, END).parameters([p]).discontinuities(&SWITCHED);
                solve.method(method).rtol(1e-5).atol(1e-5).run().unwrap()
            });
            let before = one.times().iter().take_while(|t| **t <= SWITCHED[0]).count();
            assert!(before > 1 && one.times()[before - 1] == SWITCHED[0], "{method:?}");
            assert_eq!(one.times()[..before], other.times()[..before], "a = {a:e}, {method:?}");
            for k in 0..before {
                assert_eq!(one.state(k), other.state(k), "a = {a:e}, {method:?} at {}", one.times()[k]);
            }
            assert!(distance(one.last(), other.last()) > 1.0, "{method:?}");
        }
    }
}
