//! A gradient for which memory does not last makes steps twice, and is the same to the bit.

use crate::problems::Robertson;
use ansatz::adjoint::{Checkpointing, DiscreteAdjoint};
use ansatz::model::MassMatrix;
use ansatz::ode::{LinearSolver, SolveError, Tolerance};
use ansatz::prelude::*;

/// A pendulum that is pushed and slowed down, and pushed the other way after a while.
struct Pushed;

const TURN: f64 = 7.3;

impl Model for Pushed {
    fn states(&self) -> Names {
        ["angle", "speed"].into()
    }
    fn parameters(&self) -> Names {
        ["stiffness", "friction", "push"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [stiffness, friction, push] = p.parameters();
        let way = (-t + TURN).select(R::zero() + 1.0, R::zero() - 1.0);
        du[0] = u[1];
        du[1] = -stiffness * u[0].sin() - friction * u[1] * u[1] * u[1] + way * push * push * (t * 2.0).cos();
    }
}

/// The same without the turn, written with an algebraic equation for the acceleration, and an unusual mass.
struct PushedWithForce;

impl Model for PushedWithForce {
    fn states(&self) -> Names {
        ["angle", "speed", "force"].into()
    }
    fn parameters(&self) -> Names {
        ["stiffness", "friction", "push"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [stiffness, friction, push] = p.parameters();
        du[0] = u[1] * 2.0 + u[2];
        du[1] = u[2];
        du[2] = -stiffness * u[0].sin() - friction * u[1] * u[1] * u[1] + push * push * (t * 2.0).cos() - u[2];
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::from_entries(3, &[(0, 0, 2.0), (0, 1, 1.0), (1, 1, 1.0)]))
    }
}

/// Van der Pol's oscillator, stiff for most of its period and not stiff in between.
struct VanDerPol;

impl Model for VanDerPol {
    fn states(&self) -> Names {
        ["x", "v"].into()
    }
    fn parameters(&self) -> Names {
        ["mu"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [mu] = p.parameters();
        du[0] = u[1];
        du[1] = (-(u[0] * u[0]) + 1.0) * u[1] * mu - u[0];
    }
}

/// Heat with a conductivity that depends on it, on a rod heated at one end now and then.
struct Rod {
    points: usize,
}

impl Model for Rod {
    fn states(&self) -> Names {
        (0..self.points).map(|i| format!("u{i}")).collect::<Vec<_>>().into()
    }
    fn parameters(&self) -> Names {
        ["conductivity", "growth", "heat"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [conductivity, growth, heat] = p.parameters();
        let n = self.points;
        let inverse = ((n + 1) * (n + 1)) as f64;
        let flow = |a: R, b: R| (b - a) * (((a + b) * 0.5 * growth).exp() * conductivity * inverse);
        let hot = heat * heat * ((t * 3.0).sin() + 1.0);
        for i in 0..n {
            let before = if i > 0 { u[i - 1] } else { hot };
            let after = if i + 1 < n { u[i + 1] } else { R::zero() };
            du[i] = flow(u[i], after) - flow(before, u[i]) - u[i] * u[i] * u[i];
        }
    }
}

/// A loss in which every state counts.
fn loss(u: &[f64], u_bar: &mut [f64]) -> f64 {
    let mut sum = 0.0;
    for (k, (u, bar)) in u.iter().zip(u_bar).enumerate() {
        let weight = 1.0 + (k as f64 * 0.7).sin();
        sum += weight * (u * u * u / 3.0 + u);
        *bar = weight * (u * u + 1.0);
    }
    sum
}

/// What a gradient is asked for.
struct Question<'q> {
    options: Options,
    u: &'q [f64],
    p: &'q [f64],
    times: &'q [f64],
}

/// Bits of loss, gradient and states, and what was kept.
type Answer = (Vec<u64>, Checkpointing);

fn gradient<M: Model>(model: &M, question: &Question, budget: usize) -> Result<Answer, SolveError> {
    let bound = Bound::new(model).unwrap();
    let mut adjoint = DiscreteAdjoint::new(&bound, question.options.clone()).budget(budget);
    let g = adjoint.gradient(0.0, question.u, question.p, question.times, loss)?;
    let numbers = [&[g.loss], g.parameters, g.initial, g.states].concat();
    Ok((numbers.iter().map(|x| x.to_bits()).collect(), adjoint.checkpointing()))
}

/// The bytes that are said to be enough where `budget` is not.
fn needed<M: Model>(model: &M, question: &Question, budget: usize) -> usize {
    match gradient(model, question, budget) {
        Err(SolveError::GradientMemory { budget: b, needed, .. }) if b == budget => needed,
        other => panic!("{:?} in {budget} bytes: {other:?}", question.options.method),
    }
}

/// Compares gradients in as little memory as is said to be enough, and in some more, with one that keeps all steps.
fn check<M: Model>(what: &str, model: &M, question: &Question) {
    let method = question.options.method;
    let (whole, all) = gradient(model, question, 1 << 30).unwrap();
    assert_eq!((all.repeated, all.snapshots), (0, 0), "{what}, {method:?}: {all:?}");
    let least = needed(model, question, 0);
    println!("{what}, {method:?}: {least} bytes for {all:?}");
    for budget in [least, least + least / 3, 2 * least] {
        let (again, kept) = gradient(model, question, budget).unwrap();
        println!("    {kept:?}");
        assert_eq!(whole, again, "{what}, {method:?}: another gradient in {budget} bytes, {kept:?}");
        assert!(kept.bytes <= budget, "{what}, {method:?}: {kept:?} in {budget} bytes");
        assert_eq!(kept.steps, all.steps, "{what}, {method:?}");
        assert!(kept.repeated <= kept.steps, "{what}, {method:?}: {kept:?}");
        // Otherwise nothing was shown.
        let twice = kept.repeated > 0 && kept.snapshots > 1;
        assert!(twice || budget > least, "{what}, {method:?}: {kept:?} in {budget} bytes");
    }
    // It is no wild guess either.
    assert!(
        needed(model, question, least / 16) < least + least / 8,
        "{what}, {method:?}: less than {least} bytes are enough"
    );
}

fn options(method: Method, h_max: f64) -> Options {
    let fixed_step = (!method.is_adaptive()).then_some(h_max);
    let (rtol, atol) = (1e-6, Tolerance::Scalar(1e-6));
    Options { method, rtol, atol, fixed_step, h_max: Some(h_max), max_steps: Some(1_000_000), ..Options::default() }
}

/// At the start, twice within one step, at a jump and at the end.
const TIMES: [f64; 7] = [0.0, 0.7, 0.7001, TURN, 11.0, 11.001, 16.0];

#[test]
fn every_method() {
    // Tsit5 for which memory ends is another one: see below.
    for method in Method::ALL.into_iter().filter(|method| *method != Method::Automatic) {
        let options = Options { discontinuities: vec![TURN, 12.0], ..options(method, 0.004) };
        check("pushed", &Pushed, &Question { options, u: &[0.8, -0.4], p: &[1.7, 0.3, 0.9], times: &TIMES });
    }
}

#[test]
fn a_singular_mass_matrix() {
    let force = -1.7 * 0.8f64.sin() + 0.3 * 0.4f64.powi(3) + 0.9 * 0.9;
    for method in Method::ALL.into_iter().filter(|method| !method.is_explicit()) {
        let options = Options { discontinuities: vec![5.0], ..options(method, 0.004) };
        let u = [0.8, -0.4, force];
        check("with force", &PushedWithForce, &Question { options, u: &u, p: &[1.7, 0.3, 0.9], times: &TIMES });
    }
}

#[test]
fn a_method_that_changes() {
    for mu in [50.0, 1000.0] {
        let (rtol, atol) = (1e-5, Tolerance::Scalar(1e-5));
        let options = Options { rtol, atol, max_steps: Some(1_000_000), ..Options::default() };
        let times: Vec<f64> = (1..=40).map(|k| 0.1 * mu * f64::from(k)).collect();
        let solve = Solve::new(&VanDerPol, [2.0, 0.0], 0.0, 4.0 * mu).parameters([mu]).options(options.clone());
        let changes = solve.run().unwrap().methods().len() - 1;
        assert!(changes >= if mu < 100.0 { 4 } else { 1 }, "mu = {mu}: {changes} changes");
        check("van der Pol", &VanDerPol, &Question { options, u: &[2.0, 0.0], p: &[mu], times: &times });
    }
}

#[test]
fn stiff_reactions() {
    let r = crate::problems::reference("robertson3");
    for method in [Method::Automatic, Method::Radau5, Method::Bdf, Method::Kvaerno5] {
        let rtol = if method == Method::Automatic { 1e-9 } else { 1e-10 };
        let atol = Tolerance::Each(vec![rtol, rtol * 1e-6, rtol]);
        let options = Options { method, rtol, atol, max_steps: Some(1_000_000), ..Options::default() };
        check("Robertson", &Robertson, &Question { options, u: &r.initial, p: &r.parameters, times: &r.times });
    }
}

/// Factors of every kind: dense ones of more than a few columns, sparse ones, none at all.
#[test]
fn every_way_to_solve_linear_systems() {
    let methods = [Method::Rodas5P, Method::KenCarp4, Method::Radau5, Method::Radau9, Method::Bdf, Method::Rock4];
    for (points, solver) in [(12, LinearSolver::Dense), (40, LinearSolver::Sparse), (40, LinearSolver::Krylov)] {
        let u: Vec<f64> = (0..points).map(|i| 0.3 + 0.2 * (i as f64 * 0.4).sin()).collect();
        for method in methods {
            // Which solve complex systems too.
            if solver == LinearSolver::Krylov && matches!(method, Method::Radau5 | Method::Radau9) {
                continue;
            }
            let options = Options { linear_solver: solver, ..options(method, 0.01) };
            let question = Question { options, u: &u, p: &[0.02, 0.5, 0.8], times: &[1.0, 1.003, 6.0, 10.0] };
            check(&format!("{solver:?}, {points} points"), &Rod { points }, &question);
        }
    }
}

/// Compiled together with the system Tsit5 keeps more of its steps, and then hands them over: the same steps, and the gradient
/// to rounding.
#[test]
fn tsit5_when_its_records_do_not_fit() {
    let number = |bits: &[u64]| bits.iter().map(|x| f64::from_bits(*x)).collect::<Vec<_>>();
    for method in [Method::Tsit5, Method::Automatic] {
        let question =
            Question { options: options(method, 0.004), u: &[0.8, -0.4], p: &[1.7, 0.3, 0.9], times: &TIMES };
        let (whole, all) = gradient(&Pushed, &question, 1 << 30).unwrap();
        let least = needed(&Pushed, &question, 0);
        let (mut repeated, mut handed) = (0, None);
        for eighths in 8..400 {
            let budget = least * eighths / 8;
            let (again, kept) = gradient(&Pushed, &question, budget).unwrap();
            assert!(kept.bytes <= budget && kept.steps == all.steps, "{kept:?} in {budget} bytes");
            if kept == all {
                assert_eq!(whole, again);
                break;
            }
            let same = handed.get_or_insert_with(|| again.clone());
            assert_eq!(*same, again, "{kept:?} in {budget} bytes");
            assert_eq!((whole[0], &whole[6..]), (again[0], &again[6..]), "states");
            for (a, b) in number(&whole).iter().zip(number(&again)) {
                assert!((a - b).abs() < 1e-12 * b.abs(), "{a} and {b}");
            }
            repeated = repeated.max(kept.repeated);
        }
        assert!(handed.is_some() && repeated > all.steps / 2, "{method:?}: {repeated} of {all:?}");
    }
}

/// One adjoint for many gradients stays in its budget, whichever way each of them goes.
#[test]
fn one_gradient_after_another() {
    let bound = Bound::new(&VanDerPol).unwrap();
    let budget = 60_000;
    let (rtol, atol) = (1e-5, Tolerance::Scalar(1e-5));
    let options = Options { rtol, atol, max_steps: Some(1_000_000), ..Options::default() };
    let mut adjoint = DiscreteAdjoint::new(&bound, options.clone()).budget(budget);
    let mut ways = Vec::new();
    for (mu, end) in [(1.0, 2.0), (1.0, 100.0), (100.0, 300.0), (1.0, 5.0), (100.0, 1.0), (1.0, 200.0), (1.0, 2.0)] {
        let mut fresh = DiscreteAdjoint::new(&bound, options.clone()).budget(budget);
        let expected = fresh.gradient(0.0, &[2.0, 0.0], &[mu], &[end], loss).unwrap().parameters[0];
        let found = adjoint.gradient(0.0, &[2.0, 0.0], &[mu], &[end], loss).unwrap().parameters[0];
        let kept = adjoint.checkpointing();
        assert!((found - expected).abs() <= 1e-10 * expected.abs(), "mu = {mu}: {found} and {expected}");
        assert!(kept.bytes <= budget, "{kept:?}");
        ways.push(kept.repeated > 0);
    }
    assert!(ways.contains(&true) && ways.contains(&false), "{ways:?}");
}

/// A right-hand side that does not depend on its arguments alone is found out where steps are made twice.
#[test]
fn steps_that_cannot_be_repeated() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    struct Restless {
        calls: AtomicUsize,
    }
    impl Model for Restless {
        fn states(&self) -> Names {
            ["u"].into()
        }
        fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
            let calls = self.calls.fetch_add(1, Ordering::Relaxed);
            du[0] = -u[0] * (1.0 + 1e-9 * calls as f64);
        }
    }
    let model = Restless { calls: AtomicUsize::new(0) };
    let question = Question { options: options(Method::Vern7, 0.002), u: &[1.0], p: &[], times: &[3.0] };
    let least = needed(&model, &question, 0);
    assert!(gradient(&model, &question, 100 * least).is_ok());
    match gradient(&model, &question, least) {
        Err(SolveError::NotRepeatable { t, component, .. }) => {
            assert!(t > 0.0 && t < 3.0 && component.name == "u");
        }
        other => panic!("{other:?}"),
    }
}
