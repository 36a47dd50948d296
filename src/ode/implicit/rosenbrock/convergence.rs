//! Orders of the Rosenbrock methods in a computation.

use super::super::convergence::*;
use super::super::order_conditions::dense_weights;
use super::{Rodas4, Rodas5P, Rosenbrock23, RosenbrockTableau};

fn step<T: RosenbrockTableau>(problem: &Problem) -> impl FnMut(f64, Vector, f64) -> Step {
    |t, u, h| {
        let mass = [1.0, problem.mass];
        let matrix = iteration_matrix(problem, t, u, h * T::GAMMA);
        let f_t = (problem.f_t)(t, u);
        let mut stages: Vec<Vector> = Vec::with_capacity(T::STAGES);
        for i in 0..T::STAGES {
            let f = (problem.f)(t + T::ALPHA[i] * h, combine(u, T::A[i], &stages));
            let c = combine([0.0; 2], T::C[i], &stages);
            let rhs = [0, 1].map(|k| f[k] + mass[k] * c[k] / h + T::GAMMA_SUM[i] * h * f_t[k]);
            stages.push(solve(matrix, rhs));
        }
        Step {
            solution: combine(u, T::M, &stages),
            estimate: combine([0.0; 2], T::E, &stages),
            dense: THETAS.map(|theta| {
                let d: Vec<_> = dense_weights(T::DENSE, T::STAGES, theta).into_iter().enumerate().collect();
                combine(u, &d, &stages)
            }),
        }
    }
}

#[test]
fn rodas5p_on_an_ordinary_system() {
    let expected = Expected { solution: [5.0; 2], embedded: Some([4.0; 2]), dense: [5.0; 2], estimate: [5.0; 2] };
    check(&ORDINARY, 80, expected, || step::<Rodas5P>(&ORDINARY));
}

#[test]
fn rodas4_on_an_ordinary_system() {
    let expected = Expected { solution: [4.0; 2], embedded: Some([3.0; 2]), dense: [4.0; 2], estimate: [4.0; 2] };
    check(&ORDINARY, 160, expected, || step::<Rodas4>(&ORDINARY));
}

#[test]
fn rosenbrock23_on_an_ordinary_system() {
    let expected = Expected { solution: [2.0; 2], embedded: Some([3.0; 2]), dense: [2.0; 2], estimate: [3.0; 2] };
    check(&ORDINARY, 80, expected, || step::<Rosenbrock23>(&ORDINARY));
}

/// Dense output and estimate lose one order in the algebraic component.
#[test]
fn rodas5p_at_index_one() {
    let expected = Expected { solution: [5.0; 2], embedded: Some([4.0; 2]), dense: [5.0, 4.0], estimate: [5.0, 4.0] };
    check(&INDEX_ONE, 140, expected, || step::<Rodas5P>(&INDEX_ONE));
}

#[test]
fn rodas4_at_index_one() {
    let expected = Expected { solution: [4.0; 2], embedded: Some([3.0; 2]), dense: [4.0, 3.0], estimate: [4.0; 2] };
    check(&INDEX_ONE, 160, expected, || step::<Rodas4>(&INDEX_ONE));
}

#[test]
fn rosenbrock23_at_index_one() {
    let expected = Expected { solution: [2.0; 2], embedded: None, dense: [2.0; 2], estimate: [3.0, 2.0] };
    check(&INDEX_ONE, 80, expected, || step::<Rosenbrock23>(&INDEX_ONE));
}
