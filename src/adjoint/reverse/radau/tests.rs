//! Gradients through Radau IIA methods.

use super::Radau;
use crate::adjoint::DiscreteAdjoint;
use crate::adjoint::reverse::frozen::{Pushed, Rod, distance, error_to_differences, fixed, gradient, variable};
use crate::model::{Bound, MassMatrix, Model, Names, Params};
use crate::number::Real;
use crate::ode::implicit::radau::Radau5;
use crate::ode::linear::Kind;
use crate::ode::{Method, Options, Tolerance};

const METHODS: [Method; 3] = [Method::Radau5, Method::Radau9, Method::Radau13];
const P: [f64; 3] = [1.7, 0.3, 0.9];
/// At the start, at ends of steps of 1/16, twice within one, and at the end.
const TIMES: [f64; 7] = [0.0, 0.5, 0.53, 0.541, 1.25, 1.9, 2.0];

/// [`Pushed`] with an algebraic equation for the force, and an unusual mass.
struct PushedWithForce;

fn force(angle: f64, speed: f64, p: &[f64]) -> f64 {
    -p[0] * angle.sin() - p[1] * speed.powi(3) + p[2] * p[2]
}

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

#[test]
fn the_steps_as_they_were_made() {
    for method in METHODS {
        let error =
            error_to_differences(&Pushed, &fixed(method, 1.0 / 16.0), (&[0.8, -0.4], &P), &TIMES, 0.02, (2, |_, _| ()));
        println!("{method:?}: {error:.1e}");
        assert!(error < 1e-9, "{method:?}: {error:e}");
    }
}

/// Backwards in time, with a last step that is shorter than the others.
#[test]
fn steps_backwards_in_time() {
    let times = [-0.31, -0.5, -1.03];
    for method in METHODS {
        let error =
            error_to_differences(&Pushed, &fixed(method, 1.0 / 16.0), (&[0.8, -0.4], &P), &times, 0.02, (2, |_, _| ()));
        println!("{method:?}: {error:.1e}");
        assert!(error < 1e-9, "{method:?}: {error:e}");
    }
}

#[test]
fn an_algebraic_equation_and_a_mass_matrix() {
    let start = [0.8, -0.4, force(0.8, -0.4, &P)];
    for method in METHODS {
        let options = fixed(method, 1.0 / 16.0);
        let consistent = |u: &mut [f64], p: &[f64]| u[2] = force(u[0], u[1], p);
        let error = error_to_differences(&PushedWithForce, &options, (&start, &P), &TIMES[1..], 0.02, (2, consistent));
        println!("{method:?}: {error:.1e}");
        assert!(error < 1e-9, "{method:?}: {error:e}");
        // The algebraic variable's initial value has no say in what follows.
        let (_, g) = gradient(&PushedWithForce, options, &start, &P, &TIMES[1..]);
        assert_eq!(g[5], 0.0, "{method:?}");
    }
}

/// A stiff system with a pattern, with the unit matrix and with that of finite elements. Sharper than this, rounding errors of
/// $f$ and the Jacobian's age do not let fixed steps be solved for.
#[test]
fn a_sparse_and_stiff_system() {
    for elements in [false, true] {
        let rod = Rod { points: 60, elements };
        let (u, p) = (rod.initial(), [0.6, 0.1, 0.7]);
        let bound = Bound::new(&rod).unwrap();
        let kind = Radau::of::<Radau5>(&bound).factors.map(|factors| factors.kind());
        assert!(matches!(kind, Some(Kind::Sparse { n: 180, .. })), "{kind:?}");
        for method in METHODS {
            let options = Options { rtol: 1e-11, atol: Tolerance::Scalar(1e-11), ..fixed(method, 1.0 / 512.0) };
            let error = error_to_differences(&rod, &options, (&u, &p), &[0.0066, 0.0156, 0.03], 0.004, (60, |_, _| ()));
            println!("{method:?}, finite elements {elements}: {error:.1e}");
            assert!(error < 1e-9, "{method:?}: {error:e}");
        }
    }
}

#[test]
fn variable_steps_against_another_method() {
    let u = [0.8, -0.4];
    let (_, reference) = gradient(&Pushed, variable(Method::Vern9, 1e-13), &u, &P, &TIMES);
    for (method, rtol) in [(Method::Radau5, 1e-12), (Method::Radau9, 1e-12), (Method::Radau13, 1e-12)] {
        let (_, g) = gradient(&Pushed, variable(method, rtol), &u, &P, &TIMES);
        println!("{method:?}: {:.1e}", distance(&g, &reference));
        assert!(distance(&g, &reference) < 1e-8, "{method:?}: {:e}", distance(&g, &reference));
    }
}

/// The equation with the force against that without.
#[test]
fn variable_steps_with_an_algebraic_equation() {
    let start = [0.8, -0.4, force(0.8, -0.4, &P)];
    let reference = gradient(&PushedWithForce, variable(Method::Rodas5P, 1e-12), &start, &P, &TIMES[1..]).1;
    for method in METHODS {
        let (_, g) = gradient(&PushedWithForce, variable(method, 1e-12), &start, &P, &TIMES[1..]);
        println!("{method:?}: {:.1e}", distance(&g, &reference));
        assert!(distance(&g, &reference) < 1e-8, "{method:?}: {:e}", distance(&g, &reference));
    }
}

/// Robertson's reactions with their rates.
struct Robertson;

impl Model for Robertson {
    fn states(&self) -> Names {
        ["a", "b", "c"].into()
    }
    fn parameters(&self) -> Names {
        ["k1", "k2", "k3"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [k1, k2, k3] = p.parameters();
        let (turned, fast) = (k1 * u[0] - k3 * u[1] * u[2], k2 * u[1] * u[1]);
        du[0] = -turned;
        du[1] = turned - fast;
        du[2] = fast;
    }
}

/// Over nine decades, against a reference computed independently; gradients scaled by the rates.
#[test]
fn a_stiff_reference() {
    let text = include_str!("../../../../tests/reference/gradients.json");
    let all: serde_json::Value = serde_json::from_str(text).unwrap();
    let problem = &all["robertson3"];
    let list =
        |v: &serde_json::Value| -> Vec<f64> { v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
    let data: Vec<f64> = problem["data"].as_array().unwrap().iter().flat_map(list).collect();
    let of = |name: &str| list(&problem[name]);
    let (u, p, times, weights) = (of("u0"), of("theta"), of("ts"), of("weights"));
    let squares = |u: &[f64], u_bar: &mut [f64]| {
        let mut sum = 0.0;
        for (k, (bar, (u, d))) in u_bar.iter_mut().zip(u.iter().zip(&data)).enumerate() {
            let w = weights[k % 3];
            *bar = 2.0 * w * w * (u - d);
            sum += (w * (u - d)).powi(2);
        }
        sum
    };
    let scaled = |g: &[f64]| g.iter().zip(&p).map(|(g, p)| g * p).collect::<Vec<_>>();
    let bound = Bound::new(&Robertson).unwrap();
    for (method, rtol) in [(Method::Radau5, 1e-11), (Method::Radau9, 1e-11), (Method::Radau13, 1e-11)] {
        let atol = Tolerance::Each(vec![rtol, rtol * 1e-6, rtol]);
        let options = Options { atol, ..variable(method, rtol) };
        let mut adjoint = DiscreteAdjoint::new(&bound, options);
        // The reference begins at zero, before the first of its times.
        let g = adjoint.gradient(0.0, &u, &p, &times, squares).unwrap();
        let to_rates = distance(&scaled(g.parameters), &scaled(&of("grad_theta")));
        let to_initial = distance(g.initial, &of("grad_u0"));
        println!("{method:?}: {to_rates:.1e}, {to_initial:.1e}, {}", adjoint.statistics());
        assert!(to_rates < 1e-8 && to_initial < 1e-8, "{method:?}: {to_rates:e}, {to_initial:e}");
    }
}
