//! Gradients through stabilised methods.

use crate::adjoint::DiscreteAdjoint;
use crate::adjoint::reverse::frozen::{Pushed, Rod, distance, error_to_differences, fixed, gradient, loss, variable};
use crate::model::Bound;
use crate::ode::stabilized::{Rkc2, Rock4, StabilizedMethod};
use crate::ode::{Method, Options};

const METHODS: [Method; 2] = [Method::Rkc2, Method::Rock4];
const P: [f64; 3] = [1.7, 0.3, 0.9];
/// At the start, at ends of steps of 1/16, twice within one, and at the end.
const TIMES: [f64; 7] = [0.0, 0.5, 0.53, 0.541, 1.25, 1.9, 2.03];
/// Conductivity, its growth, and heat of a rod.
const HEAT: [f64; 3] = [0.6, 0.5, 0.7];

fn stability(method: Method, stages: usize) -> f64 {
    if method == Method::Rkc2 { Rkc2::stability(stages) } else { Rock4::stability(stages) }
}

/// Fixed steps with so many stages.
fn with_stages(method: Method, stages: usize, h: f64) -> Options {
    Options { spectral_radius: Some(stability(method, stages) * (1.0 - 1e-9) / h), ..fixed(method, h) }
}

/// The last step is shorter, and has fewer stages.
#[test]
fn the_steps_as_they_were_made() {
    for (method, stages) in
        [(Method::Rkc2, [2, 3, 4, 10, 50, 200].as_slice()), (Method::Rock4, [5, 6, 7, 10, 20, 51].as_slice())]
    {
        for s in stages {
            let options = with_stages(method, *s, 1.0 / 16.0);
            let error = error_to_differences(&Pushed, &options, (&[0.8, -0.4], &P), &TIMES, 0.02, (2, |_, _| ()));
            println!("{method:?} with {s} stages: {error:.1e}");
            assert!(error < 1e-9, "{method:?} with {s} stages: {error:e}");
        }
    }
}

#[test]
fn steps_backwards_in_time() {
    let times = [-0.31, -0.5, -1.03];
    for method in METHODS {
        let options = with_stages(method, 7, 1.0 / 16.0);
        let error = error_to_differences(&Pushed, &options, (&[0.8, -0.4], &P), &times, 0.02, (2, |_, _| ()));
        println!("{method:?}: {error:.1e}");
        assert!(error < 1e-9, "{method:?}: {error:e}");
    }
}

/// Diffusion as stiff as these methods are for: $h \rho \approx 60$.
#[test]
fn a_stiff_system() {
    let rod = Rod { points: 20, elements: false };
    for method in METHODS {
        let options = Options { spectral_radius: Some(2000.0), ..fixed(method, 1.0 / 32.0) };
        let times = [0.11, 0.25, 0.3];
        let error = error_to_differences(&rod, &options, (&rod.initial(), &HEAT), &times, 0.004, (20, |_, _| ()));
        println!("{method:?}: {error:.1e}");
        assert!(error < 1e-9, "{method:?}: {error:e}");
    }
}

#[test]
fn variable_steps_against_another_method() {
    let u = [0.8, -0.4];
    let (_, reference) = gradient(&Pushed, variable(Method::Vern9, 1e-13), &u, &P, &TIMES);
    for (method, rtol) in [(Method::Rkc2, 1e-13), (Method::Rock4, 1e-11)] {
        let (_, g) = gradient(&Pushed, variable(method, rtol), &u, &P, &TIMES);
        println!("{method:?}: {:.1e}", distance(&g, &reference));
        assert!(distance(&g, &reference) < 1e-8, "{method:?}: {:e}", distance(&g, &reference));
    }
}

/// The radius is estimated along the way, and the number of stages changes as the steps grow: more than the fewest on average.
#[test]
fn variable_steps_of_a_stiff_system() {
    let rod = Rod { points: 40, elements: false };
    let (u, p, times) = (rod.initial(), [6.0, 0.5, 0.7], [0.11, 0.25, 0.3]);
    let (_, reference) = gradient(&rod, variable(Method::Rodas5P, 1e-12), &u, &p, &times);
    let bound = Bound::new(&rod).unwrap();
    for (method, rtol, stages) in [(Method::Rkc2, 1e-10, 3), (Method::Rock4, 1e-8, 8)] {
        let mut adjoint = DiscreteAdjoint::new(&bound, variable(method, rtol));
        let g = adjoint.gradient(0.0, &u, &p, &times, loss).unwrap();
        let error = distance(&[g.parameters, g.initial].concat(), &reference);
        let count = adjoint.statistics();
        println!("{method:?}: {error:.1e}, {count}");
        assert!(error < 1e-8 && count.rhs > stages * count.accepted, "{method:?}: {error:e}, {count}");
    }
}
