//! A solve allocates as often over a long time as over a short one, whatever the method: no step allocates.
//!
//! A test binary of its own: it counts what the global allocator is asked for, on the thread that asks.

#[path = "counting/allocator.rs"]
mod counting;

use ansatz::model::{MassMatrix, Split};
use ansatz::ode::LinearSolver;
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
struct Diffusion {
    cells: usize,
}

impl Model for Diffusion {
    fn states(&self) -> Names {
        (0..self.cells).map(|i| format!("u{i}")).collect::<Vec<_>>().into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        for i in 0..self.cells {
            let left = if i > 0 { u[i - 1] } else { t.sin() };
            let right = if i + 1 < self.cells { u[i + 1] } else { R::zero() };
            du[i] = (left - u[i] * 2.0 + right) * 20.0;
        }
    }
}

/// What the cells burn, to be taken explicitly beside their diffusion.
struct Burning;

impl Model for Burning {
    fn states(&self) -> Names {
        Diffusion { cells: 40 }.states()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        for (du, u) in du.iter_mut().zip(u) {
            *du = *u * -0.1;
        }
    }
}

/// A capacitor that is charged through a diode: the current follows from an algebraic equation.
struct Charger;

impl Model for Charger {
    fn states(&self) -> Names {
        ["charge", "current"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = u[1] - u[0] * 0.1;
        du[1] = t.sin() - u[0] - u[1] - u[1] * u[1] * u[1] * 0.1;
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::diagonal([1.0, 0.0]))
    }
}

/// Requests for memory in a solve to `end`, and its steps.
fn requests<'a, S: System + 'a>(solve: Solve<'a, S>, method: Method) -> (usize, usize) {
    let solve = solve.method(method).save(Save::End).integral("first", |_t, u, _p| u[0]);
    let solve = if method.is_adaptive() { solve } else { solve.fixed_step(2e-3) };
    let before = ASKED.get();
    let solution = solve.run().unwrap();
    let asked = ASKED.get() - before;
    (asked, solution.statistics().accepted)
}

fn compare<'a, S: System + 'a>(what: &str, methods: &[Method], end: f64, solve: impl Fn(f64) -> Solve<'a, S>) {
    for method in methods.iter().copied() {
        requests(solve(end), method);
        let (few, short) = requests(solve(end), method);
        let (many, long) = requests(solve(2.0 * end), method);
        assert!(long as f64 > 1.2 * short as f64, "{what}, {method:?}: {short} and {long} steps");
        assert_eq!(few, many, "{what}, {method:?}: {few} allocations in {short} steps, {many} in {long}");
    }
}

/// The methods that solve linear systems.
const IMPLICIT: [Method; 11] = [
    Method::Automatic,
    Method::Rosenbrock23,
    Method::Rodas4,
    Method::Rodas5P,
    Method::TrBdf2,
    Method::KenCarp4,
    Method::Kvaerno5,
    Method::Radau5,
    Method::Radau9,
    Method::Radau13,
    Method::Bdf,
];

#[test]
fn a_longer_solve_of_a_small_model_allocates_no_more() {
    compare("model", &Method::ALL, 30.0, |end| Solve::new(&VanDerPol, [2.0, 0.0], 0.0, end));
}

/// Decay with an unknown interaction.
struct Unknown {
    network: Mlp<2, 2>,
}

impl Model for Unknown {
    fn states(&self) -> Names {
        ["x", "y"].into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("network", &self.network)
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let f = p.call(&self.network, [u[0], u[1]]);
        du[0] = (t.sin() - u[0]) * 20.0 + f[0];
        du[1] = u[0] - u[1] + f[1];
    }
}

#[test]
fn a_longer_solve_with_a_network_allocates_no_more() {
    let model = Unknown { network: Mlp::new([12, 12], Activation::Tanh) };
    let bound = Bound::new(&model).unwrap();
    let p: Vec<f64> = (0..bound.parameter_count()).map(|i| 0.1 * (i as f64).sin()).collect();
    compare("network", &Method::ALL, 10.0, |end| Solve::new(&model, [0.5, 0.5], 0.0, end).parameters(p.clone()));
}

#[test]
fn a_longer_solve_of_a_closure_allocates_no_more() {
    let closure = from_fn(["x", "v"], |_t, u, _p, du| {
        du[0] = u[1];
        du[1] = 10.0 * (1.0 - u[0] * u[0]) * u[1] - u[0];
    });
    compare("closure", &Method::ALL, 30.0, |end| Solve::system(&closure, [2.0, 0.0], 0.0, end));
}

#[test]
fn a_longer_solve_of_a_sparse_model_allocates_no_more() {
    let line = Diffusion { cells: 40 };
    compare("sparse", &Method::ALL, 10.0, |end| Solve::new(&line, [0.0; 40], 0.0, end));
    let longer = Diffusion { cells: 300 };
    compare("300 cells", &Method::ALL, 8.0, |end| Solve::new(&longer, [0.0; 300], 0.0, end));
}

#[test]
fn a_longer_solve_by_krylov_methods_allocates_no_more() {
    let line = Diffusion { cells: 300 };
    let radau = [Method::Radau5, Method::Radau9, Method::Radau13];
    // Radau methods solve complex systems too.
    let methods = IMPLICIT.into_iter().filter(|method| !radau.contains(method)).collect::<Vec<_>>();
    compare("Krylov", &methods, 8.0, |end| Solve::new(&line, [0.0; 300], 0.0, end).linear_solver(LinearSolver::Krylov));
}

#[test]
fn a_longer_solve_of_algebraic_equations_allocates_no_more() {
    compare("algebraic", &IMPLICIT, 30.0, |end| Solve::new(&Charger, [0.0, 0.0], 0.0, end));
}

#[test]
fn a_longer_solve_of_a_sum_allocates_no_more() {
    let line = Diffusion { cells: 40 };
    let (stiff, nonstiff) = (Bound::new(&line).unwrap(), Bound::new(&Burning).unwrap());
    let split = Split::new(&stiff, &nonstiff).unwrap();
    compare("split", &[Method::Automatic, Method::KenCarp4, Method::Bdf], 10.0, |end| {
        Solve::system(&split, [0.0; 40], 0.0, end)
    });
}

/// Looking for an event that does not happen, at each step, and states at given times.
#[test]
fn events_are_looked_for_without_allocating() {
    let times = [1.0, 2.0, 3.0, 4.0, 5.0];
    compare("events", &Method::ALL, 30.0, |end| {
        let far = Event::new("far", |_t, u: &[f64], _p: &[f64]| u[0] - 100.0).terminal();
        Solve::new(&VanDerPol, [2.0, 0.0], 0.0, end).event(far).at_times(&times, |_t, u, _p| u[1] += 0.01)
    });
}

/// What happened is noted with its state, which takes memory; beyond that, nothing.
#[test]
fn an_event_that_happens_allocates_what_is_noted_of_it() {
    for method in Method::ALL {
        let solve = |end| {
            let zero = Event::new("zero", |_t, u: &[f64], _p: &[f64]| u[0]).then(|_t, u, _p| u[1] *= 1.01);
            let solve = Solve::new(&VanDerPol, [2.0, 0.0], 0.0, end).method(method).event(zero);
            let solve = solve.rtol(1e-4).save(Save::End);
            let solve = if method.is_adaptive() { solve } else { solve.fixed_step(2e-3) };
            let before = ASKED.get();
            let solution = solve.run().unwrap();
            (ASKED.get() - before, solution.events("zero").count())
        };
        solve(40.0);
        let ((few, once), (many, often)) = (solve(40.0), solve(120.0));
        let doublings = (often as f64 / once as f64).log2().ceil() as usize + 1;
        assert!(often >= 2 * once && once > 2, "{method:?}: {once} and {often}");
        assert!(many - few <= often - once + doublings, "{method:?}: {few} for {once}, {many} for {often}");
    }
}

/// The counter counts: otherwise the others could not fail.
#[test]
fn an_allocation_is_seen() {
    let before = ASKED.get();
    std::hint::black_box(vec![1.0; std::hint::black_box(10)]);
    assert_eq!(ASKED.get() - before, 1);
}
