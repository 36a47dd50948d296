//! Sensitivities against differences of the states with the same steps, and against gradients.

use crate::adjoint::ForwardSensitivity;
use crate::adjoint::reverse::frozen::{
    Pushed, Rod, distance, fixed, gradient, loss, slope as extrapolated_slope, variable,
};
use crate::model::{Bound, MassMatrix, Model, Names, Params};
use crate::number::Real;
use crate::ode::stabilized::{Rkc2, Rock4, StabilizedMethod};
use crate::ode::{Method, Options};

const RADAU: [Method; 3] = [Method::Radau5, Method::Radau9, Method::Radau13];
const P: [f64; 3] = [1.7, 0.3, 0.9];
/// At the start, at ends of steps of 1/16, twice within one, and at the end.
const TIMES: [f64; 7] = [0.0, 0.5, 0.53, 0.541, 1.25, 1.9, 2.0];

/// [`Pushed`] with an algebraic equation for the force, and an unusual mass.
struct WithForce;

fn force(angle: f64, speed: f64, p: &[f64]) -> f64 {
    -p[0] * angle.sin() - p[1] * speed.powi(3) + p[2] * p[2]
}

impl Model for WithForce {
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

/// The gradient of the loss by sensitivities, parameters first, and the loss.
fn by_sensitivities<M: Model>(model: &M, options: &Options, u: &[f64], p: &[f64], times: &[f64]) -> (f64, Vec<f64>) {
    let bound = Bound::new(model).unwrap();
    let mut forward = ForwardSensitivity::new(&bound, options.clone());
    forward.solve(0.0, u, p, times).unwrap();
    let mut seeds = vec![0.0; forward.states().len()];
    let value = loss(forward.states(), &mut seeds);
    let mut sum = vec![0.0; forward.columns()];
    for (k, seed) in seeds.iter().enumerate() {
        sum.iter_mut().zip(forward.row(k / u.len(), k % u.len())).for_each(|(sum, s)| *sum += seed * s);
    }
    (value, sum)
}

/// The error in the worse of two directions, relative, as differences of the loss say that are made with the same steps and
/// moves of so much. `onto` puts a state back on the algebraic equations; the first `free` states are none of those that it
/// writes.
fn error_to_differences<M: Model>(
    model: &M,
    options: &Options,
    (u, p): (&[f64], &[f64]),
    times: &[f64],
    size: f64,
    (free, onto): (usize, impl Fn(&mut [f64], &[f64])),
) -> f64 {
    let (_, exact) = by_sensitivities(model, options, u, p, times);
    (0..2).fold(0.0, |worst: f64, seed| {
        let wave = |i: usize| (1.3 * i as f64 + 2.0 * f64::from(seed) + 0.5).cos();
        let difference = extrapolated_slope(size, |s| {
            let moved: Vec<f64> = p.iter().enumerate().map(|(i, p)| p + s * wave(i)).collect();
            let mut start: Vec<f64> = u.iter().enumerate().map(|(i, u)| u + s * wave(p.len() + i)).collect();
            onto(&mut start, &moved);
            by_sensitivities(model, options, &start, &moved, times).0
        });
        let along: f64 = exact[..p.len() + free].iter().enumerate().map(|(i, g)| g * wave(i)).sum();
        worst.max((along / difference - 1.0).abs())
    })
}

/// How far sensitivities and gradient are apart.
fn apart<M: Model>(model: &M, options: &Options, u: &[f64], p: &[f64], times: &[f64]) -> f64 {
    distance(&by_sensitivities(model, options, u, p, times).1, &gradient(model, options.clone(), u, p, times).1)
}

/// Fixed steps with so many stages of a stabilised method.
fn with_stages(method: Method, stages: usize, h: f64) -> Options {
    let length = if method == Method::Rkc2 { Rkc2::stability(stages) } else { Rock4::stability(stages) };
    Options { spectral_radius: Some(length * (1.0 - 1e-9) / h), ..fixed(method, h) }
}

/// Forwards in time, and backwards with a last step that is shorter than the others.
#[test]
fn the_steps_as_they_were_made() {
    let mut all = RADAU.map(|method| (format!("{method:?}"), fixed(method, 1.0 / 16.0))).to_vec();
    all.push(("Bdf".to_string(), fixed(Method::Bdf, 1.0 / 16.0)));
    for (method, stages) in
        [(Method::Rkc2, [2, 3, 4, 10, 50, 200].as_slice()), (Method::Rock4, [5, 6, 7, 10, 20, 51].as_slice())]
    {
        all.extend(stages.iter().map(|s| (format!("{method:?}, {s} stages"), with_stages(method, *s, 1.0 / 16.0))));
    }
    for (name, options) in all {
        for times in [&TIMES[..], &[-0.31, -0.5, -1.03]] {
            let error = error_to_differences(&Pushed, &options, (&[0.8, -0.4], &P), times, 0.02, (2, |_, _| ()));
            println!("{name}: {error:.1e}");
            assert!(error < 1e-9, "{name}: {error:e}");
        }
    }
}

#[test]
fn an_algebraic_equation_and_a_mass_matrix() {
    let start = [0.8, -0.4, force(0.8, -0.4, &P)];
    // The BDF, whose fixed steps are of order one, does not solve its equations to rounding with steps as long.
    let bdf = (Method::Bdf, 1.0 / 128.0, vec![0.125, 0.13, 0.25]);
    for (method, h, times) in RADAU.map(|method| (method, 1.0 / 16.0, TIMES[1..].to_vec())).into_iter().chain([bdf]) {
        let consistent = |u: &mut [f64], p: &[f64]| u[2] = force(u[0], u[1], p);
        let error = error_to_differences(&WithForce, &fixed(method, h), (&start, &P), &times, 0.02, (2, consistent));
        println!("{method:?}: {error:.1e}");
        assert!(error < 1e-9, "{method:?}: {error:e}");
    }
}

/// The slope that a method begins with counts for much in a few short steps. With a mass matrix it is found with a matrix
/// whose shift depends on the Jacobian.
#[test]
fn the_slope_at_the_beginning() {
    let start = [0.8, -0.4, force(0.8, -0.4, &P)];
    for method in [Method::TrBdf2, Method::KenCarp4, Method::Kvaerno5, Method::Bdf] {
        // The BDF does not solve its equations to rounding with longer steps.
        let h = if method == Method::Bdf { 1.0 / 128.0 } else { 1.0 / 32.0 };
        let (options, times) = (fixed(method, h), [h, 4.0 * h]);
        let consistent = |u: &mut [f64], p: &[f64]| u[2] = force(u[0], u[1], p);
        let error = error_to_differences(&WithForce, &options, (&start, &P), &times, 0.02, (2, consistent));
        println!("{method:?}: {error:.1e} to differences");
        assert!(error < 1e-9, "{method:?}: {error:e}");
        for elements in [false, true] {
            let rod = Rod { points: 12, elements };
            let apart = apart(&rod, &variable(method, 1e-7), &rod.initial(), &[0.6, 0.5, 0.7], &[1e-4, 3e-4]);
            println!("{method:?}, finite elements {elements}: {apart:.1e} to the gradient");
            assert!(apart < 1e-11, "{method:?}: {apart:e}");
        }
    }
}

/// A stiff system with a pattern, with the unit matrix and with that of finite elements, at variable steps and orders.
#[test]
fn a_sparse_and_stiff_system() {
    let times = [0.0066, 0.0156, 0.03];
    for (method, elements) in RADAU.into_iter().chain([Method::Bdf]).flat_map(|m| [(m, false), (m, true)]) {
        let rod = Rod { points: 60, elements };
        let apart = apart(&rod, &variable(method, 1e-6), &rod.initial(), &[0.6, 0.1, 0.7], &times);
        println!("{method:?}, finite elements {elements}: {apart:.1e}");
        assert!(apart < 1e-10, "{method:?}: {apart:e}");
    }
    for method in [Method::Rkc2, Method::Rock4] {
        let rod = Rod { points: 20, elements: false };
        let apart = apart(&rod, &variable(method, 1e-6), &rod.initial(), &[0.6, 0.5, 0.7], &times);
        println!("{method:?}: {apart:.1e}");
        assert!(apart < 1e-10, "{method:?}: {apart:e}");
    }
}
