//! Gradients: against independent references, against each other, and against the frozen-step computation.

use crate::problems::{Interaction, LotkaVolterra, Neural, Reference, reference};
use ansatz::adjoint::{DiscreteAdjoint, ForwardSensitivity};
use ansatz::ode::{SolveError, Tolerance};
use ansatz::prelude::*;

fn tight() -> Options {
    Options { rtol: 1e-13, atol: Tolerance::Scalar(1e-14), ..Options::default() }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let difference: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    (difference / b.iter().map(|b| b * b).sum::<f64>()).sqrt()
}

/// $\sum (u - d)^2$ and its derivative.
fn squares<'d>(data: &'d [f64]) -> impl FnOnce(&[f64], &mut [f64]) -> f64 + 'd {
    move |u, u_bar| {
        for ((bar, u), d) in u_bar.iter_mut().zip(u).zip(data) {
            *bar = 2.0 * (u - d);
        }
        u.iter().zip(data).map(|(u, d)| (u - d).powi(2)).sum()
    }
}

/// Loss, parameter gradient, initial-state gradient by the adjoint.
fn by_adjoint<M: Model>(model: &M, r: &Reference, options: Options, budget: usize) -> (f64, Vec<f64>, Vec<f64>) {
    let bound = Bound::new(model).unwrap();
    let mut adjoint = DiscreteAdjoint::new(&bound, options).budget(budget);
    let g = adjoint.gradient(r.start, &r.initial, &r.parameters, &r.times, squares(&r.data)).unwrap();
    let result = (g.loss, g.parameters.to_vec(), g.initial.to_vec());
    assert!(adjoint.checkpointing().bytes <= budget);
    result
}

/// As little memory as is said to be enough.
fn least<M: Model>(model: &M, r: &Reference, options: Options) -> usize {
    let bound = Bound::new(model).unwrap();
    let mut adjoint = DiscreteAdjoint::new(&bound, options).budget(0);
    match adjoint.gradient(r.start, &r.initial, &r.parameters, &r.times, squares(&r.data)) {
        Err(SolveError::GradientMemory { budget: 0, needed, .. }) => needed,
        other => panic!("{other:?}"),
    }
}

/// The same by forward sensitivities.
fn by_forward<M: Model>(model: &M, r: &Reference, options: Options) -> (f64, Vec<f64>, Vec<f64>) {
    let bound = Bound::new(model).unwrap();
    let n = r.initial.len();
    let mut forward = ForwardSensitivity::new(&bound, options);
    forward.solve(r.start, &r.initial, &r.parameters, &r.times).unwrap();
    let mut gradient = vec![0.0; forward.columns()];
    let mut loss = 0.0;
    for k in 0..r.times.len() {
        for i in 0..n {
            let residual = forward.states()[k * n + i] - r.data[k * n + i];
            loss += residual * residual;
            for (g, s) in gradient.iter_mut().zip(forward.row(k, i)) {
                *g += 2.0 * residual * s;
            }
        }
    }
    let initial = gradient.split_off(r.parameters.len());
    (loss, gradient, initial)
}

fn check_reference<M: Model>(name: &str, model: &M) {
    let r = reference(name);
    for (way, (loss, gradient, initial)) in [
        ("adjoint", by_adjoint(model, &r, tight(), 1 << 30)),
        ("adjoint, in little memory", by_adjoint(model, &r, tight(), least(model, &r, tight()))),
        ("forward", by_forward(model, &r, tight())),
    ] {
        assert!((loss - r.loss).abs() < 1e-8 * r.loss, "{name} by {way}: loss {loss} against {}", r.loss);
        let d = distance(&gradient[r.fixed..], &r.gradient);
        assert!(d < 1e-8, "{name} by {way}: gradient off by {d:e}");
        let d = distance(&initial, &r.gradient_initial);
        assert!(d < 1e-8, "{name} by {way}: gradient of the initial state off by {d:e}");
    }
}

#[test]
fn reference_lotka_volterra() {
    check_reference("lv4", &LotkaVolterra);
}

#[test]
fn reference_unknown_interaction_rbf() {
    check_reference("ude_lv_rbf", &Interaction::new(Activation::Rbf));
}

#[test]
fn reference_unknown_interaction_tanh() {
    check_reference("ude_lv_tanh", &Interaction::new(Activation::Tanh));
}

#[test]
fn reference_neural_ode() {
    check_reference("node_2_32_32_2", &Neural { network: Mlp::new([32, 32], Activation::Tanh), cubes: false });
}

#[test]
fn reference_neural_ode_on_cubes() {
    check_reference("node_cubic_2_50_2", &Neural { network: Mlp::new([50], Activation::Tanh), cubes: true });
}

/// At loose tolerances too, both ways differentiate the same computation: they differ by rounding only.
#[test]
fn adjoint_and_forward_agree_to_rounding_at_any_tolerance() {
    let model = Interaction::new(Activation::Rbf);
    let r = reference("ude_lv_rbf");
    for rtol in [1e-3, 1e-5, 1e-7] {
        let options = Options { rtol, atol: Tolerance::Scalar(rtol), ..Options::default() };
        let (loss, gradient, initial) = by_adjoint(&model, &r, options.clone(), 1 << 30);
        let (loss_forward, forward, initial_forward) = by_forward(&model, &r, options.clone());
        assert_eq!(loss, loss_forward);
        assert!(distance(&gradient, &forward) < 1e-12, "{:e}", distance(&gradient, &forward));
        assert!(distance(&initial, &initial_forward) < 1e-12);
        let least = least(&model, &r, options.clone());
        let (loss_again, again, initial_again) = by_adjoint(&model, &r, options, least);
        assert_eq!(loss, loss_again, "little memory changes the steps");
        assert!(distance(&gradient, &again) < 1e-12 && distance(&initial, &initial_again) < 1e-12);
    }
}

/// The promise behind "exact": the gradient equals the derivative of the fixed-step computation, here done with dual
/// numbers carried through the whole of a hand-written solve with the same steps.
#[test]
fn equal_to_the_derivative_of_the_frozen_steps() {
    use ansatz::ode::explicit::{Tableau, Tsit5};
    let r = reference("lv4");
    let options = Options { rtol: 1e-4, atol: Tolerance::Scalar(1e-4), ..Options::default() };
    let (_, gradient, initial) = by_adjoint(&LotkaVolterra, &r, options.clone(), 1 << 30);
    let steps = Solve::new(&LotkaVolterra, r.initial.clone(), r.start, 3.0)
        .parameters(r.parameters.clone())
        .options(options)
        .run()
        .unwrap();

    type D = Dual<6>;
    let p: [D; 4] = std::array::from_fn(|i| D::variable(r.parameters[i], i));
    let f = |u: [D; 2]| [p[0] * u[0] - p[1] * u[0] * u[1], p[2] * u[0] * u[1] - p[3] * u[1]];
    let mut u = [D::variable(r.initial[0], 4), D::variable(r.initial[1], 5)];
    let add = |loss: &mut D, u: [D; 2], k: usize| {
        for i in 0..2 {
            *loss += (u[i] - r.data[2 * k + i]).square();
        }
    };
    let mut loss = D::constant(0.0);
    add(&mut loss, u, 0);
    let mut next = 1;
    for pair in steps.times().windows(2) {
        let h = pair[1] - pair[0];
        let mut k = [[D::constant(0.0); 2]; 7];
        let moved = |weights: &[(usize, f64)], k: &[[D; 2]; 7]| -> [D; 2] {
            std::array::from_fn(|i| weights.iter().fold(u[i], |sum, (j, w)| sum + k[*j][i] * (w * h)))
        };
        for s in 0..7 {
            k[s] = f(moved(Tsit5::A[s], &k));
        }
        while next < r.times.len() && r.times[next] <= pair[1] {
            let theta = (r.times[next] - pair[0]) / h;
            let dense: Vec<(usize, f64)> =
                Tsit5::DENSE.iter().map(|(j, r)| (*j, r.iter().rev().fold(0.0, |sum, r| (sum + r) * theta))).collect();
            let weights = if r.times[next] == pair[1] { Tsit5::B } else { &dense };
            add(&mut loss, moved(weights, &k), next);
            next += 1;
        }
        u = moved(Tsit5::B, &k);
    }
    assert_eq!(next, r.times.len());
    let d = distance(&[gradient, initial].concat(), &loss.tangent);
    assert!(d < 1e-10, "off by {d:e}");
}

/// The vector–Jacobian product is the transpose of the Jacobian–vector product, through mechanism, scaling and network.
#[test]
fn vjp_is_the_transpose_of_jvp() {
    use ansatz::model::Scaling;
    let model = Interaction::new(Activation::Swish);
    let mut bound = Bound::new(&model).unwrap();
    bound.set_scaling(0, Scaling::new(&[3.0, -1.0], &[20.0, 0.5], &[7.0, 0.1]));
    let r = reference("ude_lv_rbf");
    let n = r.parameters.len();
    let wave = |i: usize| (i as f64 * 1.7).sin();
    let (u, u_dot, lambda) = ([12.0, -0.7], [0.3, -1.1], [0.8, 1.9]);
    let p_dot: Vec<f64> = (0..n).map(wave).collect();
    let (mut du, mut plain, mut du_dot) = ([0.0; 2], [0.0; 2], [0.0; 2]);
    let mut tape = vec![0.0; bound.tape_len()];
    bound.record(0.0, &u, &r.parameters, &mut du, &mut tape);
    bound.eval(0.0, &u, &r.parameters, &mut plain);
    assert_eq!(du, plain);
    bound.jvp(&r.parameters, &tape, &u_dot, &p_dot, &mut du_dot);
    let (mut u_bar, mut p_bar) = ([0.0; 2], vec![0.0; n]);
    bound.vjp(&r.parameters, &tape, &lambda, &mut u_bar, &mut p_bar);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (forward, backward) = (dot(&lambda, &du_dot), dot(&u_bar, &u_dot) + dot(&p_bar, &p_dot));
    approx::assert_relative_eq!(forward, backward, max_relative = 1e-12);

    // And the product is the derivative: a central difference over the direction.
    let eval = |s: f64| {
        let u: Vec<f64> = u.iter().zip(&u_dot).map(|(a, b)| a + s * b).collect();
        let p: Vec<f64> = r.parameters.iter().zip(&p_dot).map(|(a, b)| a + s * b).collect();
        let mut du = [0.0; 2];
        bound.eval(0.0, &u, &p, &mut du);
        du
    };
    let h = 1e-5;
    for i in 0..2 {
        let difference = (eval(h)[i] - eval(-h)[i]) / (2.0 * h);
        approx::assert_relative_eq!(du_dot[i], difference, max_relative = 1e-7);
    }
}

#[test]
fn a_failing_solve_returns_its_error_with_what_it_reached() {
    struct Explosion;
    impl Model for Explosion {
        fn states(&self) -> Names {
            ["u"].into()
        }
        fn parameters(&self) -> Names {
            ["a"].into()
        }
        fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
            let [a] = p.parameters();
            du[0] = a * u[0] * u[0];
        }
    }
    let bound = Bound::new(&Explosion).unwrap();
    let mut adjoint = DiscreteAdjoint::new(&bound, Options::default());
    // u = 1 / (1 − t): infinite at t = 1.
    let error = adjoint.gradient(0.0, &[1.0], &[1.0], &[0.5, 0.9, 1.5], |_, _| 0.0).unwrap_err();
    let partial = error.partial().unwrap();
    assert_eq!(partial.times(), [0.5, 0.9]);
    approx::assert_relative_eq!(partial.state(1)[0], 10.0, max_relative = 1e-4);
    assert!(error.to_string().contains("blows up"), "{error}");
    let error =
        ForwardSensitivity::new(&bound, Options::default()).solve(0.0, &[1.0], &[1.0], &[0.5, 1.5]).unwrap_err();
    assert_eq!(error.partial().unwrap().times(), [0.5]);
}
