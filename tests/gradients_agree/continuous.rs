//! Continuous adjoints: against references, against the discrete adjoint, and where they must refuse.

use crate::problems::{Interaction, LotkaVolterra, Neural, Reference, Robertson, reference};
use ansatz::Error;
use ansatz::adjoint::{AdjointError, Continuous, Drift, GradientMethod, Loss, LossGradient};
use ansatz::model::MassMatrix;
use ansatz::number::{Along, AlongMut};
use ansatz::prelude::*;

const WAYS: [Continuous; 3] = [Continuous::Interpolating, Continuous::Gauss, Continuous::Backsolve];
/// Those that keep the solution.
const KEEPING: [Continuous; 2] = [Continuous::Interpolating, Continuous::Gauss];

fn by(way: Continuous) -> GradientMethod {
    GradientMethod::ContinuousAdjoint(way)
}

/// Weighted squares of the distances to data.
struct Squares<'r>(&'r Reference);

impl Loss for Squares<'_> {
    fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
        let n = self.0.weights.len();
        let mut sum = R::zero();
        for (u, d) in u.iter().zip(self.0.data.chunks_exact(n)) {
            for i in 0..n {
                sum += ((u[i] - R::from_f64(d[i])) * self.0.weights[i]).square();
            }
        }
        sum
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let difference: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    (difference / b.iter().map(|b| b * b).sum::<f64>()).sqrt()
}

/// How far two gradients are apart, in all that they say.
fn apart(a: &LossGradient, b: &LossGradient) -> f64 {
    let all = |g: &LossGradient| [&g.parameters[..], &g.initial, &g.times, &[g.start, g.end, g.loss]].concat();
    distance(&all(a), &all(b))
}

fn words(off: &[f64]) -> String {
    off.iter().map(|off| format!("{off:.1e} ")).collect()
}

fn check_reference<M: Model>(name: &str, model: &M, runs: &[(Method, f64, &[f64])], ways: &[Continuous]) {
    let r = reference(name);
    // The first time of Robertson's data is not the start.
    let start = if name == "robertson3" { 0.0 } else { r.start };
    for (method, rtol, atol) in runs {
        for way in ways {
            let solve = Solve::new(model, r.initial.clone(), start, r.times[r.times.len() - 1]).save_at(&r.times);
            let solve = solve.parameters(r.parameters.clone()).method(*method).rtol(*rtol).atol(atol.to_vec());
            let found = solve.differentiate().unwrap().by(by(*way)).gradient(&Squares(&r)).unwrap();
            let off = [
                (found.loss / r.loss - 1.0).abs(),
                distance(&found.parameters[r.fixed..], &r.gradient),
                distance(&found.initial, &r.gradient_initial),
            ];
            println!("{name}, {method:?}, {way:?}: loss, parameters, initial state off by {}", words(&off));
            assert!(off.iter().all(|off| *off < 1e-8), "{name}, {method:?}, {way:?}: off by {off:?}");
        }
    }
}

const TIGHT: [(Method, f64, &[f64]); 2] =
    [(Method::Vern7, 1e-12, &[1e-12, 1e-12]), (Method::Vern9, 1e-12, &[1e-12, 1e-12])];

#[test]
fn reference_lotka_volterra() {
    check_reference("lv4", &LotkaVolterra, &TIGHT, &WAYS);
}

#[test]
fn reference_unknown_interactions() {
    check_reference("ude_lv_rbf", &Interaction::new(Activation::Rbf), &TIGHT, &WAYS);
    check_reference("ude_lv_tanh", &Interaction::new(Activation::Tanh), &TIGHT, &WAYS);
}

#[test]
fn reference_neural_odes() {
    let network = |layers: &[usize]| Mlp::new(layers.to_vec(), Activation::Tanh);
    check_reference("node_2_32_32_2", &Neural { network: network(&[32, 32]), cubes: false }, &TIGHT, &WAYS);
    check_reference("node_cubic_2_50_2", &Neural { network: network(&[50]), cubes: true }, &TIGHT, &WAYS);
}

#[test]
fn reference_robertson() {
    let runs: [(Method, f64, &[f64]); 3] = [
        (Method::Rodas5P, 1e-10, &[1e-10, 1e-16, 1e-10]),
        (Method::Radau9, 1e-10, &[1e-10, 1e-16, 1e-10]),
        (Method::Radau13, 1e-11, &[1e-11, 1e-17, 1e-11]),
    ];
    check_reference("robertson3", &Robertson, &runs, &KEEPING);
}

#[test]
fn a_stiff_problem_with_what_is_chosen_by_itself() -> Result<(), Error> {
    let r = reference("robertson3");
    for way in KEEPING {
        let solve = Solve::new(&Robertson, r.initial.clone(), 0.0, r.times[r.times.len() - 1]).save_at(&r.times);
        let solve = solve.parameters(r.parameters.clone()).atol([1e-6, 1e-12, 1e-6]);
        let found = solve.differentiate()?.by(by(way)).gradient(&Squares(&r))?;
        let back = found.report.backward.clone().expect("there was a solve back");
        assert_eq!(found.report.through, [Method::Tsit5, Method::Rodas5P]);
        assert!(back.statistics.jacobians > 0 && back.statistics.accepted < 2000, "{}", found.report);
        let off = [distance(&found.parameters, &r.gradient), distance(&found.initial, &r.gradient_initial)];
        assert!(off.iter().all(|off| *off < 1e-4), "{way:?}: off by {off:?}");
    }
    Ok(())
}

/// A pendulum that is pushed and slowed down, and a parameter that does not matter.
struct Pushed;

impl Model for Pushed {
    fn states(&self) -> Names {
        ["angle", "speed"].into()
    }
    fn parameters(&self) -> Names {
        ["stiffness", "friction", "push", "idle"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [stiffness, friction, push, _] = p.parameters();
        du[0] = u[1];
        du[1] = -stiffness * u[0].sin() - friction * u[1] * u[1] * u[1] + push * push * (t * 2.0).cos();
    }
}

/// Nonlinear in states, times and parameters, and different from point to point.
struct Mixed;

impl Loss for Mixed {
    fn at_times<R: Real>(&self, t: &[R], u: &[&[R]], p: &[R]) -> R {
        let mut sum = p[0].square() * 0.1;
        for (k, (t, u)) in t.iter().zip(u).enumerate() {
            sum += (u[0] - p[2] * 0.3).square() * (k as f64 + 1.0) + u[1].sin() * t.cos() + u[0] * u[1] * p[1];
        }
        sum
    }
}

const START: [f64; 2] = [0.8, -0.3];
const RATES: [f64; 4] = [2.0, 0.4, 0.9, 5.0];
/// One at the start, one twice.
const TIMES: [f64; 5] = [0.1, 0.3, 0.9, 0.9, 2.0];

fn pushed(method: Method, rtol: f64) -> Solve<'static, Bound<'static, Pushed>> {
    Solve::new(&Pushed, START, 0.1, 2.0).parameters(RATES).save_at(&TIMES).method(method).rtol(rtol).atol(rtol)
}

/// The same in the other direction of time.
fn pulled(method: Method, rtol: f64) -> Solve<'static, Bound<'static, Pushed>> {
    let times = [2.0, 1.8, 1.5, 1.5, 1.3];
    Solve::new(&Pushed, START, 2.0, 1.3).parameters(RATES).save_at(&times).method(method).rtol(rtol).atol(rtol)
}

#[test]
fn all_derivatives_are_those_of_the_other_methods() -> Result<(), Error> {
    for problem in [pushed, pulled] {
        for method in [Method::Vern9, Method::Radau9] {
            let discrete = problem(Method::Vern9, 1e-13).differentiate()?.gradient(&Mixed)?;
            for way in WAYS {
                let found = problem(method, 1e-12).differentiate()?.by(by(way)).gradient(&Mixed)?;
                let off = apart(&found, &discrete);
                assert!(off < 1e-9, "{method:?}, {way:?}: {off:e} apart");
                assert_eq!(found.parameters[3], 0.0, "what does not matter has a gradient of exactly zero");
                assert_eq!((found.report.by, &found.report.through[..]), (by(way), &[method][..]));
            }
        }
    }
    Ok(())
}

/// Both are derivatives of the same solution, and what separates them goes with the tolerance.
#[test]
fn what_separates_it_from_the_discrete_adjoint_goes_to_zero() -> Result<(), Error> {
    for way in WAYS {
        for method in [Method::Tsit5, Method::Vern7, Method::Rodas5P, Method::Automatic] {
            let mut before = f64::INFINITY;
            for rtol in [1e-3, 1e-5, 1e-7, 1e-9] {
                let problem = || pushed(method, rtol).differentiate();
                let off = apart(&problem()?.by(by(way)).gradient(&Mixed)?, &problem()?.gradient(&Mixed)?);
                println!("{way:?}, {method:?}, {rtol:e}: {off:.1e} apart");
                assert!(off < 100.0 * rtol && off < 0.3 * before, "{way:?}, {method:?}, {rtol:e}: {off:e} apart");
                before = off;
            }
        }
    }
    Ok(())
}

#[test]
fn through_every_method() -> Result<(), Error> {
    let exact = pushed(Method::Vern9, 1e-13).differentiate()?.gradient(&Mixed)?;
    for method in Method::ALL {
        for way in WAYS {
            let fixed = matches!(method, Method::Euler | Method::Rk4);
            // With fixed steps the tolerances are but what a drift is measured by.
            let solve = if fixed { pushed(method, 1e-3).fixed_step(1e-3) } else { pushed(method, 1e-8) };
            let off = apart(&solve.differentiate()?.by(by(way)).gradient(&Mixed)?, &exact);
            let allowed = if method == Method::Euler { 1e-2 } else { 1e-5 };
            assert!(off < allowed, "{method:?}, {way:?}: {off:e} apart");
        }
    }
    Ok(())
}

/// The states as they go along, priced by a parameter and by time, and what there is at two points.
struct Running;

impl Loss for Running {
    fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], p: &[R]) -> R {
        u.iter().fold(R::zero(), |sum, u| sum + u[0] * u[1] * p[1])
    }
    fn integrand<R: Real>(&self, t: R, u: &[R], p: &[R]) -> R {
        u[0].square() * p[2] * (t * 0.5).exp() + u[1].powi(4) + p[0] * t
    }
}

/// [`Pushed`] with the integral of [`Running`] as a third state.
struct Summed;

impl Model for Summed {
    fn states(&self) -> Names {
        ["angle", "speed", "sum"].into()
    }
    fn parameters(&self) -> Names {
        Pushed.parameters()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        Pushed.rhs(t, &u[..2], p, &mut du[..2]);
        let p: [R; 4] = p.parameters();
        du[2] = Running.integrand(t, &u[..2], &p);
    }
}

/// What [`Running`] is of [`Summed`], whose last time is the end.
struct OfSummed;

impl Loss for OfSummed {
    fn at_times<R: Real>(&self, t: &[R], u: &[&[R]], p: &[R]) -> R {
        let (last, before) = u.split_last().expect("there is an end");
        Running.at_times(t, before, p) + last[2]
    }
}

#[test]
fn integrals_are_those_of_a_state_that_sums_up() -> Result<(), Error> {
    for (start, end, times) in [(0.1, 2.0, [0.3, 0.9]), (2.0, 1.3, [1.6, 1.3])] {
        let with_end = [&times[..], &[end]].concat();
        let sum = Solve::new(&Summed, [START[0], START[1], 0.0], start, end).parameters(RATES).save_at(&with_end);
        let expected = sum.method(Method::Vern9).rtol(1e-13).atol(1e-13).differentiate()?.gradient(&OfSummed)?;
        for (method, allowed) in [(Method::Vern9, 1e-10), (Method::Rodas5P, 1e-8)] {
            for way in WAYS {
                let solve = Solve::new(&Pushed, START, start, end).parameters(RATES).save_at(&times).method(method);
                let solve = solve.rtol(1e-11).atol(1e-11).differentiate()?;
                let found = solve.by(by(way)).gradient(&Running)?;
                // The last time of the sum is the end of the integral.
                let near = |a: f64, b: f64| assert!((a - b).abs() < allowed * (1.0 + b.abs()), "{way:?}: {a} {b}");
                near(found.loss, expected.loss);
                found.parameters.iter().zip(&expected.parameters).for_each(|(a, b)| near(*a, *b));
                found.initial.iter().zip(&expected.initial).for_each(|(a, b)| near(*a, *b));
                found.times.iter().zip(&expected.times).for_each(|(a, b)| near(*a, *b));
                near(found.start, expected.start);
                near(found.end, expected.times[2]);
            }
        }
    }
    Ok(())
}

/// Nothing of the adjoint varies here but the sum over time, which only the forward steps have seen.
#[test]
fn sums_that_vary_while_the_adjoint_rests() -> Result<(), Error> {
    struct Waves;
    impl Model for Waves {
        fn states(&self) -> Names {
            ["u"].into()
        }
        fn parameters(&self) -> Names {
            ["height"].into()
        }
        fn rhs<R: Real>(&self, t: R, _u: &[R], p: &Params<R>, du: &mut [R]) {
            let [height] = p.parameters();
            du[0] = height * (t * 40.0).cos().square();
        }
    }
    struct Last;
    impl Loss for Last {
        fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
            u[0][0]
        }
    }
    let exact = 5.0 + (800.0f64).sin() / 160.0;
    for way in WAYS {
        let problem = Solve::new(&Waves, [0.0], 0.0, 10.0).parameters([2.0]).rtol(1e-8).save(Save::End);
        let found = problem.differentiate()?.by(by(way)).gradient(&Last)?;
        let off = (found.parameters[0] - exact).abs();
        assert!(off < 1e-5 && (found.initial[0] - 1.0).abs() < 1e-12, "{way:?}: off by {off:e}");
    }
    Ok(())
}

#[test]
fn right_hand_sides_that_jump() -> Result<(), Error> {
    struct Switched;
    impl Model for Switched {
        fn states(&self) -> Names {
            ["u", "v"].into()
        }
        fn parameters(&self) -> Names {
            ["before", "after"].into()
        }
        fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
            let [before, after] = p.parameters();
            du[0] = (t - 0.7).select(after, before) - u[0] * u[1];
            du[1] = u[0] - u[1];
        }
    }
    struct Sum;
    impl Loss for Sum {
        fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
            u.iter().fold(R::zero(), |sum, u| sum + u[0].square() + u[1])
        }
    }
    // A saved time at the jump, too.
    for times in [[0.4, 1.5], [0.7, 1.5]] {
        for method in [Method::Vern9, Method::Rodas5P] {
            let problem = || {
                let solve = Solve::new(&Switched, [1.0, 0.5], 0.0, 1.5).parameters([0.3, 2.0]).save_at(&times);
                solve.method(method).discontinuities(&[0.7]).rtol(1e-10).atol(1e-10).differentiate()
            };
            let discrete = problem()?.gradient(&Sum)?;
            for way in WAYS {
                let off = apart(&problem()?.by(by(way)).gradient(&Sum)?, &discrete);
                assert!(off < 1e-8, "{method:?}, {way:?}: {off:e} apart");
            }
        }
    }
    Ok(())
}

/// Two coupled masses, or with a zero on the diagonal one that is none.
struct Coupled(f64);

impl Model for Coupled {
    fn states(&self) -> Names {
        ["u", "v"].into()
    }
    fn parameters(&self) -> Names {
        ["a", "b"].into()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::from_entries(2, &[(0, 0, 2.0), (0, 1, self.0), (1, 1, 3.0 * self.0)]))
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [a, b] = p.parameters();
        du[0] = -a * u[0] * u[0] + u[1] * t.cos();
        du[1] = b * u[0] - u[1];
    }
}

/// [`Coupled`] with a regular matrix, multiplied by its inverse.
struct Solved;

impl Model for Solved {
    fn states(&self) -> Names {
        ["u", "v"].into()
    }
    fn parameters(&self) -> Names {
        ["a", "b"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        Coupled(1.0).rhs(t, u, p, du);
        du[1] = du[1] / 3.0;
        du[0] = (du[0] - du[1]) * 0.5;
    }
}

#[test]
fn mass_matrices() -> Result<(), Error> {
    let times = [0.0, 0.5, 2.0];
    let plain = Solve::new(&Solved, [1.0, 0.3], 0.0, 2.0).parameters([0.7, 1.1]).save_at(&times).method(Method::Vern9);
    let expected = plain.rtol(1e-13).atol(1e-13).differentiate()?.gradient(&Running2)?;
    let problem = |model: &'static Coupled, method: Method| {
        let solve = Solve::new(model, [1.0, 0.3], 0.0, 2.0).parameters([0.7, 1.1]).save_at(&times).method(method);
        solve.rtol(1e-11).atol(1e-11).differentiate()
    };
    for method in [Method::Automatic, Method::Rodas5P, Method::Radau9, Method::Kvaerno5] {
        for way in WAYS {
            let off = apart(&problem(&Coupled(1.0), method)?.by(by(way)).gradient(&Running2)?, &expected);
            assert!(off < 1e-7, "{method:?}, {way:?}: {off:e} apart");
        }
    }
    for way in WAYS {
        let refused = problem(&Coupled(0.0), Method::Rodas5P)?.by(by(way)).gradient(&Running2).unwrap_err();
        assert!(matches!(refused, Error::Adjoint(AdjointError::SingularMass)));
        assert!(refused.to_string().contains("`GradientMethod::DiscreteAdjoint`"), "{refused}");
    }
    Ok(())
}

/// At points only, of two states.
struct Running2;

impl Loss for Running2 {
    fn at_times<R: Real>(&self, t: &[R], u: &[&[R]], p: &[R]) -> R {
        let terms = t.iter().zip(u).map(|(t, u)| u[0].square() * *t + u[1] * p[0]);
        terms.fold(R::zero(), |sum, term| sum + term)
    }
}

/// $u' = -100 (u - \cos t)$: going back, a distance of $\epsilon$ becomes $\epsilon e^{100 t}$.
struct Damped;

impl Model for Damped {
    fn states(&self) -> Names {
        ["u"].into()
    }
    fn parameters(&self) -> Names {
        ["rate"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [rate] = p.parameters();
        du[0] = -rate * (u[0] - t.cos());
    }
}

struct Square;

impl Loss for Square {
    fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
        u.iter().fold(R::zero(), |sum, u| sum + u[0].square())
    }
}

#[test]
fn solving_back_what_was_damped_is_an_error() -> Result<(), Error> {
    let drift_of = |error: Error| match error {
        Error::Adjoint(AdjointError::Drift { drift }) => drift,
        other => panic!("{other}"),
    };
    for method in [Method::Automatic, Method::Tsit5, Method::Rodas5P, Method::Radau5, Method::Bdf] {
        let problem = || {
            let solve = Solve::new(&Damped, [0.0], 0.0, 1.0).parameters([100.0]).save_at(&[0.5, 1.0]);
            solve.method(method).differentiate()
        };
        let error = problem()?.by(by(Continuous::Backsolve)).gradient(&Square).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("`u` solved back to") && text.contains("`Continuous::Interpolating`"), "{text}");
        let drift = drift_of(error);
        assert!(drift.tolerances > Drift::ALLOWED && drift.component.name == "u", "{drift}");
        // What keeps the solution is right.
        let discrete = problem()?.gradient(&Square)?;
        for way in KEEPING {
            let found = problem()?.by(by(way)).gradient(&Square)?;
            let off = (found.parameters[0] - discrete.parameters[0]).abs();
            assert!(off < 1e-4 * discrete.parameters[0].abs() + 1e-8, "{method:?}, {way:?}: off by {off:e}");
        }
        // Over a short time it can be done, and the drift is told.
        let short = Solve::new(&Damped, [0.0], 0.0, 0.02).parameters([100.0]).method(method).save(Save::End);
        let found = short.differentiate()?.by(by(Continuous::Backsolve)).gradient(&Square)?;
        let drift = found.report.backward.and_then(|back| back.drift).expect("it was measured");
        assert!(drift.t == 0.0 && drift.tolerances < 100.0, "{method:?}: {drift}");
    }
    let r = reference("robertson3");
    for method in [Method::Automatic, Method::Rodas5P, Method::Radau9, Method::Kvaerno5] {
        let solve = Solve::new(&Robertson, r.initial.clone(), 0.0, r.times[r.times.len() - 1]).save_at(&r.times);
        let solve = solve.parameters(r.parameters.clone()).method(method).atol([1e-6, 1e-12, 1e-6]);
        let error = solve.differentiate()?.by(by(Continuous::Backsolve)).gradient(&Squares(&r)).unwrap_err();
        assert!(drift_of(error).tolerances > 1e5);
    }
    Ok(())
}

/// Reaction and diffusion on a line, large enough to be treated as sparse.
struct Line;

const CELLS: usize = 60;

impl Model for Line {
    fn states(&self) -> Names {
        (0..CELLS).map(|i| format!("c{i}")).collect::<Vec<_>>().into()
    }
    fn parameters(&self) -> Names {
        ["diffusion", "growth"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [diffusion, growth] = p.parameters();
        for i in 0..CELLS {
            let (left, right) = (u[i.saturating_sub(1)], u[(i + 1).min(CELLS - 1)]);
            du[i] = diffusion * (left - u[i] * 2.0 + right) + growth * u[i] * (-u[i] + 1.0);
        }
    }
}

#[test]
fn sparse_systems() -> Result<(), Error> {
    let start: Vec<f64> = (0..CELLS).map(|i| (-(i as f64 / 8.0).powi(2)).exp()).collect();
    for method in [Method::Rodas5P, Method::Bdf, Method::Radau5, Method::Rock4, Method::Automatic] {
        let problem = || {
            let solve = Solve::new(&Line, start.clone(), 0.0, 2.0).parameters([40.0, 1.5]).save_at(&[1.0, 2.0]);
            solve.method(method).rtol(1e-8).atol(1e-8).differentiate()
        };
        let discrete = problem()?.gradient(&Square)?;
        for way in KEEPING {
            let found = problem()?.by(by(way)).gradient(&Square)?;
            let off = [distance(&found.parameters, &discrete.parameters), distance(&found.initial, &discrete.initial)];
            assert!(off.iter().all(|off| *off < 1e-5), "{method:?}, {way:?}: off by {off:?}");
        }
        let back = problem()?.by(by(Continuous::Backsolve)).gradient(&Square);
        assert!(matches!(back, Err(Error::Adjoint(AdjointError::Drift { .. }))), "{method:?}");
    }
    Ok(())
}

/// A system that has no Jacobian of its own to give, only products.
struct Opaque<'b>(Bound<'b, Pushed>);

impl System for Opaque<'_> {
    fn dimension(&self) -> usize {
        2
    }
    fn eval(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64]) {
        self.0.eval(t, u, p, du);
    }
}

impl Differentiable for Opaque<'_> {
    fn parameter_count(&self) -> usize {
        self.0.parameter_count()
    }
    fn tape_len(&self) -> usize {
        self.0.tape_len()
    }
    fn record(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64], tape: &mut [f64]) {
        self.0.record(t, u, p, du, tape);
    }
    fn vjp(&self, p: &[f64], tape: &[f64], lambda: &[f64], u_bar: &mut [f64], p_bar: &mut [f64]) {
        self.0.vjp(p, tape, lambda, u_bar, p_bar);
    }
    fn jvp(&self, p: &[f64], tape: &[f64], u_dot: &[f64], p_dot: &[f64], du_dot: &mut [f64]) {
        self.0.jvp(p, tape, u_dot, p_dot, du_dot);
    }
    fn jacobian(&self, p: &[f64], tape: &[f64], f_u: &mut [f64], f_p: &mut [f64], stride: usize) {
        self.0.jacobian(p, tape, f_u, f_p, stride);
    }
    fn record_along(&self, t: (f64, f64), u: Along<'_>, p: Along<'_>, du: AlongMut<'_>, tape: AlongMut<'_>) {
        self.0.record_along(t, u, p, du, tape);
    }
    fn vjp_along(&self, p: Along<'_>, tape: Along<'_>, lambda: Along<'_>, u_bar: AlongMut<'_>, p_bar: AlongMut<'_>) {
        self.0.vjp_along(p, tape, lambda, u_bar, p_bar);
    }
}

#[test]
fn systems_without_a_jacobian_of_their_own() -> Result<(), Error> {
    let exact = pushed(Method::Vern9, 1e-13).differentiate()?.gradient(&Mixed)?;
    let system = Opaque(Bound::new(&Pushed)?);
    for method in [Method::Vern7, Method::Rodas5P, Method::Bdf] {
        for way in WAYS {
            let solve = Solve::system(&system, START, 0.1, 2.0).parameters(RATES).save_at(&TIMES).method(method);
            let found = solve.rtol(1e-9).atol(1e-9).differentiate()?.by(by(way)).gradient(&Mixed)?;
            let off = apart(&found, &exact);
            assert!(off < 1e-6, "{method:?}, {way:?}: {off:e} apart");
        }
    }
    let short = Solve::system(&system, START, 0.1, 2.0).parameters(&RATES[..2]).differentiate()?;
    assert!(short.by(by(Continuous::Gauss)).gradient(&Mixed).unwrap_err().to_string().contains("4 parameters"));
    Ok(())
}

#[test]
fn tolerances_of_the_way_back() -> Result<(), Error> {
    let exact = pushed(Method::Vern9, 1e-13).differentiate()?.gradient(&Mixed)?;
    for way in WAYS {
        let problem = || pushed(Method::Vern7, 1e-11).differentiate();
        let same = problem()?.by(by(way)).gradient(&Mixed)?;
        let loose = problem()?.by(by(way)).backward_rtol(1e-3).backward_atol([1e-3, 1e-4]).gradient(&Mixed)?;
        let off = [apart(&same, &exact), apart(&loose, &exact)];
        assert!(off[0] < 1e-9 && off[1] > 10.0 * off[0] && off[1] < 1e-2, "{way:?}: {off:?}");
        let steps = |g: &LossGradient| g.report.backward.as_ref().map_or(0, |back| back.statistics.accepted);
        assert!(steps(&loose) < steps(&same) && loose.loss == same.loss);
        for (wrong, name) in [
            (problem()?.backward_rtol(0.0), "backward_rtol"),
            (problem()?.backward_atol(f64::NAN), "backward_atol"),
            (problem()?.backward_atol([1e-6]), "backward_atol"),
        ] {
            let error = wrong.by(by(way)).gradient(&Mixed).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
    Ok(())
}

/// A millionth of a millionth of a loss has that part of the gradient, and a loss at its least has none.
#[test]
fn small_losses() -> Result<(), Error> {
    struct Small(f64);
    impl Loss for Small {
        fn at_times<R: Real>(&self, t: &[R], u: &[&[R]], p: &[R]) -> R {
            Mixed.at_times(t, u, p) * self.0
        }
    }
    for way in WAYS {
        let gradient = |factor| pushed(Method::Tsit5, 1e-7).differentiate()?.by(by(way)).gradient(&Small(factor));
        let (whole, part, none) = (gradient(1.0)?, gradient(1e-12)?, gradient(0.0)?);
        let enlarged: Vec<f64> = part.parameters.iter().map(|x| x * 1e12).collect();
        let off = distance(&enlarged, &whole.parameters);
        assert!(off < 1e-6, "{way:?}: off by {off:e}");
        assert!(none.parameters.iter().chain(&none.initial).chain(&none.times).all(|x| *x == 0.0));
    }
    // Everything read at the start: there is nothing to solve.
    let problem = Solve::new(&Pushed, START, 0.1, 2.0).parameters(RATES).save_at(&[0.1, 0.1]);
    let found = problem.differentiate()?.by(by(Continuous::Gauss)).gradient(&Square)?;
    assert_eq!((found.loss, &found.initial[..]), (2.0 * START[0] * START[0], &[4.0 * START[0], 0.0][..]));
    Ok(())
}

#[test]
fn the_report_says_what_was_done() -> Result<(), Error> {
    for way in WAYS {
        let problem = pushed(Method::Tsit5, 1e-6).differentiate()?.by(by(way));
        assert!(problem.check_gradient(&Mixed)?.agrees());
        let report = problem.gradient(&Mixed)?.report;
        let back = report.backward.clone().expect("there was a solve back");
        assert!(back.statistics.accepted > 0 && back.statistics.rhs > 0);
        assert_eq!(back.quadrature > 0, way == Continuous::Gauss);
        assert_eq!(back.drift.is_some(), way == Continuous::Backsolve);
        let text = report.to_string();
        assert!(text.contains("continuous adjoint") && text.contains("; back: "), "{text}");
    }
    let discrete = pushed(Method::Tsit5, 1e-6).differentiate()?.gradient(&Mixed)?;
    assert_eq!(discrete.report.backward, None);
    Ok(())
}

#[test]
fn what_fails_says_which_way_it_was_going() -> Result<(), Error> {
    struct Growing;
    impl Model for Growing {
        fn states(&self) -> Names {
            ["u"].into()
        }
        fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
            du[0] = u[0] * u[0];
        }
    }
    for way in WAYS {
        // Forth: the solution blows up at t = 1, and what there is of it is kept.
        let solve = Solve::new(&Growing, [1.0], 0.0, 2.0).save_at(&[0.5, 2.0]);
        let error = solve.differentiate()?.by(by(way)).gradient(&Square).unwrap_err();
        let partial = error.partial().expect("nothing is lost");
        assert!((partial.at(0.5)?[0] - 2.0).abs() < 1e-3, "{way:?}: {error}");
        // Back: at tolerances that need more steps than are allowed.
        let steps =
            |rtol: f64| pushed(Method::Tsit5, 1e-4).max_steps(40).differentiate().map(|p| p.backward_rtol(rtol));
        let error = steps(1e-13)?.backward_atol(1e-13).by(by(way)).gradient(&Mixed).unwrap_err();
        let Error::Adjoint(AdjointError::Backward { source }) = &error else { panic!("{error}") };
        assert!(matches!(**source, SolveError::TooManySteps { .. }));
        let component = source.component().expect("one is held responsible").name.clone();
        assert!(component.starts_with("adjoint of") || component.starts_with("derivative by"), "{component}");
        assert!(error.to_string().contains("back in time"), "{error}");
    }
    Ok(())
}
