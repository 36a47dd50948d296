//! A solve allocates as often over a long time as over a short one, whatever the method: no step allocates.
//!
//! A test binary of its own: it counts what the global allocator is asked for, on the thread that asks.

#[path = "counting/allocator.rs"]
mod counting;

use ansatz::prelude::*;
use counting::ASKED;

/// Van der Pol's oscillator, stiff enough for the choice between the methods to change its mind.
struct VanDerPol;

impl Model for VanDerPol {
    fn states(&self) -> Names {
        ["x", "v"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = u[1];
        du[1] = (-(u[0] * u[0]) + 1.0) * u[1] * 10.0 - u[0];
    }
}

/// Diffusion along a line of cells, whose Jacobian is sparse.
struct Diffusion;

const CELLS: usize = 40;

impl Model for Diffusion {
    fn states(&self) -> Names {
        (0..CELLS).map(|i| format!("u{i}")).collect::<Vec<_>>().into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        for i in 0..CELLS {
            let left = if i > 0 { u[i - 1] } else { t.sin() };
            let right = if i + 1 < CELLS { u[i + 1] } else { R::zero() };
            du[i] = (left - u[i] * 2.0 + right) * 20.0;
        }
    }
}

/// Requests for memory in a solve, and its steps.
fn requests<S: System>(system: &S, u: &[f64], method: Method, end: f64) -> (usize, usize) {
    let solve = Solve::system(system, u, 0.0, end).method(method).save(Save::End).integral("first", |_t, u, _p| u[0]);
    let solve = if method.is_adaptive() { solve } else { solve.fixed_step(2e-3) };
    let before = ASKED.get();
    let solution = solve.run().unwrap();
    let asked = ASKED.get() - before;
    (asked, solution.statistics().accepted)
}

fn compare<S: System>(what: &str, system: &S, u: &[f64], end: f64) {
    for method in Method::ALL {
        requests(system, u, method, end);
        let (few, short) = requests(system, u, method, end);
        let (many, long) = requests(system, u, method, 2.0 * end);
        assert!(long as f64 > 1.2 * short as f64, "{what}, {method:?}: {short} and {long} steps");
        assert_eq!(few, many, "{what}, {method:?}: {few} allocations in {short} steps, {many} in {long}");
    }
}

#[test]
fn a_longer_solve_of_a_small_model_allocates_no_more() {
    compare("model", &Bound::new(&VanDerPol).unwrap(), &[2.0, 0.0], 30.0);
}

#[test]
fn a_longer_solve_of_a_closure_allocates_no_more() {
    let closure = from_fn(["x", "v"], |_t, u, _p, du| {
        du[0] = u[1];
        du[1] = 10.0 * (1.0 - u[0] * u[0]) * u[1] - u[0];
    });
    compare("closure", &closure, &[2.0, 0.0], 30.0);
}

#[test]
fn a_longer_solve_of_a_sparse_model_allocates_no_more() {
    compare("sparse", &Bound::new(&Diffusion).unwrap(), &[0.0; CELLS], 10.0);
}

/// The counter counts: otherwise the others could not fail.
#[test]
fn an_allocation_is_seen() {
    let before = ASKED.get();
    std::hint::black_box(vec![1.0; std::hint::black_box(10)]);
    assert_eq!(ASKED.get() - before, 1);
}
