//! $M \dot u = f$ with a singular $M$: starts that are checked and mended, against exact and published solutions.

use super::methods;
use crate::Error;
use crate::model::{MassMatrix, Model, Names, Params, System};
use crate::number::Real;
use crate::ode::{Event, Method, Progress, Solve, SolveError};
use crate::problems::{self, Robertson, TransistorAmplifier};

fn implicit_methods() -> impl Iterator<Item = Method> {
    methods().into_iter().map(|(method, _)| method).filter(|method| !method.is_explicit())
}

/// Robertson's reactions with the sum of all species in place of the third rate.
struct Closed;

impl Model for Closed {
    fn states(&self) -> Names {
        Robertson.states()
    }
    fn parameters(&self) -> Names {
        Robertson.parameters()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::diagonal([1.0, 1.0, 0.0]))
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        Robertson.rhs(t, u, p, du);
        du[2] = u[0] + u[1] + u[2] - 1.0;
    }
}

/// A source $E$, two resistors and a capacitor between the two nodes:
/// $C (\dot u_1 - \dot u_2) = (E - u_1) / R_1$, $C (\dot u_2 - \dot u_1) = -u_2 / R_2$. The voltage $v = u_1 - u_2$ over the
/// capacitor tends to $E$ with the time constant $C (R_1 + R_2)$.
struct Capacitor;

const E: f64 = 5.0;
const R1: f64 = 2e3;
const R2: f64 = 3e3;
const C: f64 = 1e-6;

impl Capacitor {
    fn exact(v: f64, t: f64) -> [f64; 2] {
        let v = E + (v - E) * (-t / (C * (R1 + R2))).exp();
        let current = (E - v) / (R1 + R2);
        [E - R1 * current, R2 * current]
    }
}

impl Model for Capacitor {
    fn states(&self) -> Names {
        ["left", "right"].into()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::from_entries(2, &[(0, 0, C), (0, 1, -C), (1, 0, -C), (1, 1, C)]))
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = (-u[0] + E) / R1;
        du[1] = -u[1] / R2;
    }
}

/// $\dot u = u^2 e^{t/2 - v} \cos t$, $0 = e^v - u e^{t/2}$: solution $u = e^{\sin t}$, $v = \sin t + t/2$. Without derivatives
/// of its own.
struct Exponential;

impl System for Exponential {
    fn dimension(&self) -> usize {
        2
    }
    fn state_name(&self, index: usize) -> String {
        ["u", "v"][index].to_string()
    }
    fn eval(&self, t: f64, u: &[f64], _p: &[f64], du: &mut [f64]) {
        du[0] = t.cos() * u[0] * u[0] * (0.5 * t - u[1]).exp();
        du[1] = u[1].exp() - u[0] * (0.5 * t).exp();
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::diagonal([1.0, 0.0]))
    }
}

#[test]
fn robertson_with_its_sum_agrees_with_robertson() {
    let reference = problems::find("robertson_1e5").unwrap();
    for method in implicit_methods() {
        let (rtol, allowed) = if method == Method::Rosenbrock23 { (1e-6, 1e-3) } else { (1e-7, 1e-4) };
        let solve = Solve::new(&Closed, Robertson::INITIAL, 0.0, 1e5).parameters(Robertson::PARAMETERS).method(method);
        let mut integrator = solve.rtol(rtol).atol(rtol * 1e-6).max_steps(1_000_000).start().unwrap();
        for (t, u) in reference.reference.between.iter().chain([&(1e5, reference.reference.state.clone())]) {
            integrator.advance_to(*t).unwrap();
            for (ours, u) in integrator.state().iter().zip(u) {
                assert!((ours - u).abs() < allowed * u, "{method:?} at {t}: {ours} {u}");
            }
            let sum: f64 = integrator.state().iter().sum();
            assert!((sum - 1.0).abs() < 1e-9, "{method:?} at {t}: {:e}", sum - 1.0);
        }
    }
}

#[test]
fn a_start_off_the_equations_is_found_and_mended() {
    let solve = |third: f64| {
        Solve::new(&Closed, [0.9, 1e-5, third], 0.0, 10.0).parameters(Robertson::PARAMETERS).rtol(1e-8).atol(1e-12)
    };
    for method in implicit_methods() {
        match solve(0.2).method(method).run().unwrap_err() {
            Error::Solve(SolveError::InconsistentStart { t, component, residual, partial }) => {
                assert_eq!((t, component.name.as_str()), (0.0, "y3"));
                assert!((residual - 0.10001).abs() < 1e-12 && partial.is_empty());
            }
            other => panic!("{other}"),
        }
    }
    let error = solve(0.2).run().unwrap_err().to_string();
    assert!(error.contains("`y3`") && error.contains(".consistent_start()"), "{error}");
    // What the tolerances cannot tell from zero passes.
    assert!(solve(0.09999 + 2e-10).run().is_ok());
    assert!(solve(0.09999 + 1e-8).run().is_err());
    let mended = solve(0.2).consistent_start().run().unwrap();
    let whole = solve(0.09999).run().unwrap();
    assert_eq!(mended.state(0)[..2], [0.9, 1e-5]);
    assert!((mended.state(0)[2] - 0.09999).abs() < 1e-16);
    for (a, b) in mended.last().iter().zip(whole.last()) {
        assert!((a - b).abs() < 1e-7 * b);
    }
}

#[test]
fn a_capacitor_between_two_nodes() {
    let end = 2.0 * C * (R1 + R2);
    for method in implicit_methods() {
        let solve =
            |u: [f64; 2]| Solve::new(&Capacitor, u, 0.0, end).method(method).rtol(1e-7).atol(1e-9).max_steps(1_000_000);
        // Both nodes too high by the same: the charge is right, the currents are not.
        let [left, right] = Capacitor::exact(1.0, 0.0);
        let off = [left + 0.3, right + 0.3];
        match solve(off).run().unwrap_err() {
            Error::Solve(SolveError::InconsistentStart { t: 0.0, residual, .. }) => {
                assert!((residual - 0.3 * (1.0 / R1 + 1.0 / R2)).abs() < 1e-15);
            }
            other => panic!("{other}"),
        }
        let solution = solve(off).consistent_start().run().unwrap();
        for (u, exact) in solution.state(0).iter().zip([left, right]) {
            assert!((u - exact).abs() < 1e-14, "{method:?}");
        }
        for (u, exact) in solution.last().iter().zip(Capacitor::exact(1.0, end)) {
            assert!((u - exact).abs() < 1e-5, "{method:?}: {u} {exact}");
        }
    }
}

#[test]
fn the_transistor_amplifier_is_started_from_the_charges_on_its_capacitors() {
    let amplifier = |u: [f64; 8]| {
        let solve = Solve::new(&TransistorAmplifier, u, 0.0, TransistorAmplifier::END);
        solve.parameters(TransistorAmplifier::PARAMETERS).method(Method::Rodas5P).rtol(1e-6).atol(1e-6)
    };
    let mut integrator = amplifier(TransistorAmplifier::INITIAL).start().unwrap();
    assert_eq!(integrator.state(), TransistorAmplifier::INITIAL);
    // Currents into the capacitors, and the sums of rows 1 + 2, 4 + 5 and 7 + 8 differentiated once.
    let [_, uf, alpha, beta, r0, r] = TransistorAmplifier::PARAMETERS;
    let (g, base, signal) = (beta / uf, 1.0 - alpha, 0.1 * 200.0 * std::f64::consts::PI);
    let (y3, y6) = (-(3.0 / r) / 2e-6, -(3.0 / r) / 4e-6);
    let y1 = (signal / r0 + base * g * y3) / (1.0 / r0 + 2.0 / r + base * g);
    let y4 = (base * g * y6 - alpha * g * (y1 - y3)) / (3.0 / r + base * g);
    let y7 = -alpha * g * (y4 - y6) / (2.0 / r);
    let exact = [y1, y1, y3, y4, y4, y6, y7, y7];
    for (ours, exact) in integrator.derivative().unwrap().iter().zip(exact) {
        assert!((ours - exact).abs() < 1e-10 * exact.abs(), "{ours} {exact}");
    }
    // Shifted where only algebraic equations hold it: the same charges on the capacitors.
    let shifts = [0.05, 0.05, 0.0, -0.1, -0.1, 0.0, 0.2, 0.2];
    let off: [f64; 8] = std::array::from_fn(|i| TransistorAmplifier::INITIAL[i] + shifts[i]);
    let error = amplifier(off).run().unwrap_err();
    assert!(matches!(error, Error::Solve(SolveError::InconsistentStart { .. })), "{error}");
    let mended = amplifier(off).consistent_start().start().unwrap();
    for (u, exact) in mended.state().iter().zip(TransistorAmplifier::INITIAL) {
        assert!((u - exact).abs() < 1e-12, "{:?}", mended.state());
    }
    let problem = problems::find("transistor_amplifier").unwrap();
    let solution = amplifier(off).consistent_start().run().unwrap();
    assert!(problem.error(solution.last()) < 1e-4, "{:e}", problem.error(solution.last()));
}

#[test]
fn derivatives_of_algebraic_states_by_differences_too() {
    let solve = Solve::system(&Exponential, [1.0, 0.0], 0.0, 2.0).method(Method::Radau5).rtol(1e-9).atol(1e-9);
    let mut integrator = solve.start().unwrap();
    for t in [0.5, 1.0, 1.7] {
        integrator.advance_to(t).unwrap();
        let exact = [t.cos() * t.sin().exp(), t.cos() + 0.5];
        for (ours, exact) in integrator.derivative().unwrap().iter().zip(exact) {
            assert!((ours - exact).abs() < 1e-6, "{ours} {exact}");
        }
    }
}

/// $M = \mathrm{diag}(2, 5)$: regular, so that $\dot u = M^{-1} f$.
struct Weighted;

impl Model for Weighted {
    fn states(&self) -> Names {
        ["a", "b"].into()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::diagonal([2.0, 5.0]))
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = u[1] * -2.0;
        du[1] = u[0] * 5.0;
    }
}

#[test]
fn explicit_methods_refuse_mass_matrices_and_say_which_methods_do_not() {
    for (method, fixed) in methods() {
        let solve = Solve::new(&Weighted, [1.0, 0.0], 0.0, 1.0).method(method).rtol(1e-7).atol(1e-9);
        let solve = match fixed {
            Some(h) => solve.fixed_step(h),
            None => solve,
        };
        match solve.run() {
            Err(Error::Solve(SolveError::Argument { argument: "method", problem, advice })) => {
                assert!(method.is_explicit());
                assert!(problem.contains(&format!("{method:?}")) && advice.contains("Rodas5P"), "{problem} {advice}");
            }
            Ok(solution) => {
                assert!(!method.is_explicit());
                let off = (solution.last()[0] - 1.0f64.cos()).hypot(solution.last()[1] - 1.0f64.sin());
                assert!(off < 1e-5, "{method:?}: {off:e}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    let mut integrator = Solve::new(&Weighted, [1.0, 0.5], 0.0, 1.0).start().unwrap();
    let slope = integrator.derivative().unwrap();
    assert!((slope[0] + 0.5).abs() < 1e-15 && (slope[1] - 1.0).abs() < 1e-15, "{slope:?}");
}

/// $\dot x = y$ and an equation that may not determine $y$: $0 = c + d x + e y + y^2$.
struct Held;

impl Model for Held {
    fn states(&self) -> Names {
        ["x", "y"].into()
    }
    fn parameters(&self) -> Names {
        ["c", "d", "e", "square"].into()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::diagonal([1.0, 0.0]))
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [c, d, e, square] = p.parameters();
        du[0] = u[1];
        du[1] = c + d * u[0] + e * u[1] + square * u[1] * u[1];
    }
}

#[test]
fn equations_that_do_not_determine_the_algebraic_states_are_named() {
    let solve = |u: [f64; 2], p: [f64; 4]| Solve::new(&Held, u, 0.0, 1.0).parameters(p).method(Method::Bdf);
    // 0 = x − 1, of index 2: off by one, and nothing that mends it.
    let index_two = [-1.0, 1.0, 0.0, 0.0];
    match solve([2.0, 0.0], index_two).run().unwrap_err() {
        Error::Solve(SolveError::InconsistentStart { component, residual: 1.0, .. }) => assert_eq!(component.name, "y"),
        other => panic!("{other}"),
    }
    match solve([2.0, 0.0], index_two).consistent_start().run().unwrap_err() {
        Error::Solve(SolveError::SingularMatrix { t: 0.0, component, .. }) => assert_eq!(component.name, "y"),
        other => panic!("{other}"),
    }
    // 0 = 1 + x + y² with x = 0.
    match solve([0.0, 1.0], [1.0, 1.0, 0.0, 1.0]).consistent_start().run().unwrap_err() {
        Error::Solve(SolveError::NoConsistentStart { t: 0.0, component, residual, .. }) => {
            assert_eq!(component.name, "y");
            assert!((1.0..2.0).contains(&residual), "{residual}");
        }
        other => panic!("{other}"),
    }
    for u in [[f64::NAN, 0.0], [0.0, f64::NAN]] {
        let error = solve(u, [1.0, 1.0, 1.0, 0.0]).consistent_start().run().unwrap_err();
        let name = if u[0].is_nan() { "x" } else { "y" };
        assert!(
            matches!(&error, Error::Solve(SolveError::NotFiniteAtStart { component, .. }) if component.name == name)
        );
    }
}

/// $0 = x + y$, so that $\dot x = -x$.
const DECAY: [f64; 4] = [0.0, 1.0, 1.0, 0.0];

#[test]
fn after_doses_and_changes_the_equations_hold_again() {
    for method in implicit_methods() {
        let solve = || {
            let solve = Solve::new(&Held, [1.0, -1.0], 0.0, 2.0).parameters(DECAY).method(method);
            solve.rtol(1e-7).atol(1e-9).max_steps(1_000_000)
        };
        let dose = |solve: Solve<'static, _>| solve.at_times(&[0.0, 1.0], |_t, u, _p| u[0] += 1.0);
        match dose(solve()).run().unwrap_err() {
            Error::Solve(SolveError::InconsistentStart { t: 0.0, component, residual, .. }) => {
                assert_eq!((component.name.as_str(), residual), ("y", 1.0));
            }
            other => panic!("{other}"),
        }
        let solution = dose(solve()).consistent_start().run().unwrap();
        let exact = (2.0 * (-1.0f64).exp() + 1.0) * (-1.0f64).exp();
        assert!((solution.last()[0] - exact).abs() < 1e-5, "{method:?}: {} {exact}", solution.last()[0]);
        // Where the state jumps both sides are consistent.
        for k in 0..solution.len() {
            let u = solution.state(k);
            assert!((u[0] + u[1]).abs() < 1e-6, "{method:?} at {}: {u:?}", solution.times()[k]);
        }
        // The same by hand.
        let mut integrator = solve().consistent_start().start().unwrap();
        integrator.state_mut()[0] += 1.0;
        integrator.advance_to(1.0).unwrap();
        integrator.state_mut()[0] += 1.0;
        assert_eq!(integrator.advance_to(2.0).unwrap(), Progress::Reached);
        assert!((integrator.state()[0] - exact).abs() < 1e-5, "{method:?}: {}", integrator.state()[0]);
        // Off them without leave to mend: an error, and on with a state that fulfils them.
        let mut integrator = solve().start().unwrap();
        integrator.advance_to(1.0).unwrap();
        integrator.state_mut()[0] = 3.0;
        let error = integrator.step().unwrap_err();
        assert!(matches!(error, Error::Solve(SolveError::InconsistentStart { t: 1.0, .. })), "{error}");
        integrator.set_state(&[3.0, -3.0]).unwrap();
        integrator.advance_to(2.0).unwrap();
        assert!((integrator.state()[0] - 3.0 * (-1.0f64).exp()).abs() < 1e-5);
        // An event that throws the state off them.
        let kick = Event::new("kick", |_t, u, _p| u[0] - 0.5).then(|_t, u, _p| u[0] = 2.0);
        match solve().event(kick).run().unwrap_err() {
            Error::Solve(SolveError::InconsistentStart { t, partial, .. }) => {
                assert!((t - 2.0f64.ln()).abs() < 1e-5 && partial.len() > 2 && partial.times().last() == Some(&t));
            }
            other => panic!("{other}"),
        }
    }
}

/// A hundred pairs, $\dot x_i = -y_i$ and $0 = y_i^3 + y_i + y_{i+1}^3 / 4 - x_i$: sparse.
struct Chain;

const PAIRS: usize = 100;

impl Model for Chain {
    fn states(&self) -> Names {
        let names = |letter: &str| (0..PAIRS).map(|i| format!("{letter}{i}")).collect::<Vec<_>>();
        [names("x"), names("y")].concat().into()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::diagonal([[1.0; PAIRS], [0.0; PAIRS]].concat()))
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        for i in 0..PAIRS {
            let (x, y) = (u[i], u[PAIRS + i]);
            let next = u[PAIRS + (i + 1) % PAIRS];
            du[i] = -y;
            du[PAIRS + i] = y.powi(3) + y + next.powi(3) * 0.25 - x;
        }
    }
}

#[test]
fn many_algebraic_states_are_found_from_afar() {
    let x: Vec<f64> = (0..PAIRS).map(|i| 10.0 * (i as f64).sin()).collect();
    let solve = Solve::new(&Chain, [x.clone(), vec![0.0; PAIRS]].concat(), 0.0, 0.1).method(Method::Bdf);
    let integrator = solve.consistent_start().start().unwrap();
    let u = integrator.state();
    assert_eq!(u[..PAIRS], x);
    for i in 0..PAIRS {
        let (y, next) = (u[PAIRS + i], u[PAIRS + (i + 1) % PAIRS]);
        let terms = [y.powi(3), y, next.powi(3) * 0.25, -x[i]];
        let size = terms.iter().fold(1e-10, |m: f64, x| m.max(x.abs()));
        // The last correction was below 1e-6, and its square remains.
        assert!(terms.iter().sum::<f64>().abs() < 1e-11 * size, "{i}: {:e}", terms.iter().sum::<f64>());
    }
}
