//! Stops next to each other, stops that are asked for, and what is left of a solve at its end.

use crate::model::{Sparsity, System, from_fn};
use crate::ode::linear::LinearSolver;
use crate::ode::{Event, Method, Progress, Solve, SteadyState};

/// 0.3 and 0.1 + 0.2 are neighbours.
#[test]
fn doses_a_rounding_apart_are_both_given() {
    let rest = from_fn(["u"], |_t, _u, _p, du| du[0] = 0.0);
    for method in [Method::Tsit5, Method::Rodas5P, Method::Bdf] {
        let solve = Solve::system(&rest, [0.0], 0.0, 2.0).method(method);
        let solution = solve.at_times(&[0.3, 0.1 + 0.2], |_t, u, _p| u[0] += 1.0).run().unwrap();
        assert_eq!((solution.end().0, solution.last()[0]), (2.0, 2.0), "{method:?}");
    }
}

#[test]
fn a_dose_can_be_gone_to_and_looked_back_from() {
    let decay = from_fn(["u"], |_t, u, _p, du| du[0] = -u[0]);
    for method in [Method::Automatic, Method::Tsit5, Method::Radau5] {
        let solve = Solve::system(&decay, [1.0], 0.0, 2.0).method(method).rtol(1e-8).atol(1e-8);
        let mut integrator = solve.at_times(&[1.0], |_t, u, _p| u[0] += 1.0).start().unwrap();
        assert_eq!(integrator.advance_to(1.0).unwrap(), Progress::Going);
        assert_eq!(integrator.t(), 1.0);
        assert!((integrator.state()[0] - 1.0 - (-1.0f64).exp()).abs() < 1e-6, "{method:?}");
        assert!((integrator.at(1.0 - 1e-3).unwrap()[0] - (-0.999f64).exp()).abs() < 1e-6, "{method:?}");
        assert_eq!(integrator.advance_to(2.0).unwrap(), Progress::Reached);
    }
}

/// What an event does at the very end is not lost on what goes on from there, nor is a dose given twice.
#[test]
fn effects_and_doses_at_an_end_that_is_moved() {
    let rest = from_fn(["u"], |_t, _u, _p, du| du[0] = 0.0);
    for method in [Method::Bdf, Method::Rodas5P, Method::Tsit5] {
        let jump = Event::new("jump", |t, _u, _p| t - 1.0).then(|_t, u, _p| u[0] += 10.0);
        let mut integrator = Solve::system(&rest, [1.0], 0.0, 1.0).method(method).event(jump).start().unwrap();
        while integrator.step().unwrap() == Progress::Going {}
        integrator.extend_to(2.0).unwrap();
        integrator.advance_to(2.0).unwrap();
        assert!((integrator.state()[0] - 11.0).abs() < 1e-9, "{method:?}: {}", integrator.state()[0]);
        let solve = || {
            let noon = Event::new("noon", |t, _u, _p| t - 1.0).terminal();
            let solve = Solve::system(&rest, [0.0], 0.0, 2.0).method(method).event(noon);
            solve.at_times(&[1.0], |_t, u, _p| u[0] += 1.0)
        };
        let first = solve().run().unwrap();
        assert!((first.end().0 - 1.0).abs() < 1e-12, "{method:?}");
        assert_eq!(solve().continuing(&first, 2.0).run().unwrap().last(), [1.0], "{method:?}");
    }
}

/// The kernels of small systems are for dense factors; with others the same numbers come out.
#[test]
fn small_systems_with_sparse_factors_and_iterations() {
    for n in 1..=9 {
        let names = || (0..n).map(|i| format!("u{i}")).collect::<Vec<_>>();
        let diagonal = Sparsity::from_rows(n, &(0..=n).collect::<Vec<_>>(), &(0..n).collect::<Vec<_>>()).unwrap();
        let decay = move |_t: f64, u: &[f64], _p: &[f64], du: &mut [f64]| {
            du.iter_mut().zip(u).enumerate().for_each(|(i, (du, u))| *du = -((i + 1) as f64) * u);
        };
        let (sparse, dense) = (from_fn(names(), decay).sparsity(diagonal), from_fn(names(), decay));
        let run = |system: &dyn System, solver: LinearSolver| {
            let solve = Solve::system(&system, vec![1.0; n], 0.0, 1.0).method(Method::Rodas5P).linear_solver(solver);
            solve.run().unwrap().last().to_vec()
        };
        for found in
            [run(&dense, LinearSolver::Dense), run(&sparse, LinearSolver::Sparse), run(&sparse, LinearSolver::Krylov)]
        {
            for (i, u) in found.iter().enumerate() {
                assert!((u - (-((i + 1) as f64)).exp()).abs() < 1e-5, "{n} states, u{i} = {u}");
            }
        }
    }
}

#[test]
fn a_system_without_states_is_an_error() {
    let nothing = from_fn(Vec::<String>::new(), |_t, _u, _p, _du| {});
    for method in [Method::Tsit5, Method::Bdf, Method::Rodas5P] {
        assert!(Solve::system(&nothing, [], 0.0, 1.0).method(method).run().is_err());
    }
    assert!(SteadyState::system(&nothing, []).run().is_err());
}
