//! Orders of the ESDIRK methods in a computation.

use super::super::convergence::*;
use super::super::order_conditions::dense_weights;
use super::{EsdirkTableau, KenCarp4, Kvaerno5, TrBdf2};

/// Full Newton iterations on the stages; the first stage is the last of the step before, at the start the slope
/// given.
fn step<T: EsdirkTableau>(problem: &Problem) -> impl FnMut(f64, Vector, f64) -> Step {
    let mass = [1.0, problem.mass];
    let mut first = problem.initial_slope;
    move |t, u, h| {
        let mut k: Vec<Vector> = vec![first];
        for i in 1..T::STAGES {
            let row: Vec<_> = T::A[i].iter().map(|&(j, a)| (j, h * a)).collect();
            let (known, time) = (combine(u, &row, &k), t + T::C[i] * h);
            let mut slope = combine([0.0; 2], T::PREDICTOR[i], &k);
            for _ in 0..8 {
                let stage = [0, 1].map(|c| known[c] + h * T::GAMMA * slope[c]);
                let f = (problem.f)(time, stage);
                let residual = [0, 1].map(|c| (f[c] - mass[c] * slope[c]) / (h * T::GAMMA));
                let change = solve(iteration_matrix(problem, time, stage, h * T::GAMMA), residual);
                slope = [0, 1].map(|c| slope[c] + change[c]);
            }
            k.push(slope);
        }
        first = k[T::STAGES - 1];
        let scaled = |row: Vec<f64>| row.into_iter().map(|b| h * b).enumerate().collect::<Vec<_>>();
        let weights = |row: &[(usize, f64)]| row.iter().map(|&(j, b)| (j, h * b)).collect::<Vec<_>>();
        Step {
            solution: combine(u, &weights(T::B), &k),
            estimate: combine([0.0; 2], &weights(T::E), &k),
            dense: THETAS.map(|theta| combine(u, &scaled(dense_weights(T::DENSE, T::STAGES, theta)), &k)),
        }
    }
}

#[test]
fn trbdf2() {
    for problem in [&ORDINARY, &INDEX_ONE] {
        let expected = Expected { solution: [2.0; 2], embedded: None, dense: [2.0; 2], estimate: [3.0; 2] };
        check(problem, 80, expected, || step::<TrBdf2>(problem));
    }
}

/// In algebraic components the dense output, and the embedded solution unless it is a stage itself, is a combination of
/// stages of order 2: its error is of order 3.
#[test]
fn kencarp4() {
    for (problem, between) in [(&ORDINARY, [4.0; 2]), (&INDEX_ONE, [4.0, 3.0])] {
        let expected = Expected { solution: [4.0; 2], embedded: None, dense: between, estimate: between };
        check(problem, 80, expected, || step::<KenCarp4>(problem));
    }
}

#[test]
fn kvaerno5() {
    for (problem, dense) in [(&ORDINARY, [5.0; 2]), (&INDEX_ONE, [5.0, 3.0])] {
        let expected = Expected { solution: [5.0; 2], embedded: None, dense, estimate: [5.0; 2] };
        check(problem, 80, expected, || step::<Kvaerno5>(problem));
    }
}
