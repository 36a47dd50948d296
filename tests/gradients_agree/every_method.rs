//! The gradient through every method: the derivative of the steps as they were made, and the derivative of the solution.

use crate::problems::{Interaction, LotkaVolterra, Robertson, reference};
use ansatz::adjoint::{DiscreteAdjoint, ForwardSensitivity};
use ansatz::model::MassMatrix;
use ansatz::ode::Tolerance;
use ansatz::prelude::*;

/// Methods whose steps are differentiated, and what a step of 1/32 is for them.
const EXPLICIT: [Method; 10] = [
    Method::Euler,
    Method::Heun,
    Method::Rk4,
    Method::Bs3,
    Method::Tsit5,
    Method::Vern7,
    Method::Vern9,
    Method::Dop853,
    Method::Ssprk33,
    Method::Ssprk104,
];
const IMPLICIT: [Method; 6] =
    [Method::Rosenbrock23, Method::Rodas4, Method::Rodas5P, Method::TrBdf2, Method::KenCarp4, Method::Kvaerno5];

/// The implicit methods whose stages depend on each other, or on steps long gone.
const COUPLED: [Method; 4] = [Method::Radau5, Method::Radau9, Method::Radau13, Method::Bdf];

/// Explicit methods with as many stages as a step needs.
const STABILIZED: [Method; 2] = [Method::Rkc2, Method::Rock4];

/// A pendulum that is pushed and slowed down: it depends on time, and nonlinearly on parameters and states.
struct Pushed;

impl Model for Pushed {
    fn states(&self) -> Names {
        ["angle", "speed"].into()
    }
    fn parameters(&self) -> Names {
        ["stiffness", "friction", "push"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [stiffness, friction, push] = p.parameters();
        du[0] = u[1];
        du[1] = -stiffness * u[0].sin() - friction * u[1] * u[1] * u[1] + push * push * (t * 2.0).cos();
    }
}

/// The same written with an algebraic equation for the acceleration, and an unusual mass.
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

/// The derivative of `f` at zero by central differences, extrapolated to step zero: rounding over the smallest step is what is
/// left.
fn slope(f: impl Fn(f64) -> f64) -> f64 {
    let mut table: Vec<f64> = (0..4)
        .map(|k| {
            let h = 0.02 / f64::from(1 << k);
            (f(h) - f(-h)) / (2.0 * h)
        })
        .collect();
    for level in 1..table.len() as i32 {
        let factor = 4f64.powi(level);
        for k in 0..table.len() - level as usize {
            table[k] = (factor * table[k + 1] - table[k]) / (factor - 1.0);
        }
    }
    table[0]
}

/// The gradient against differences of the loss with the same steps, in two directions.
fn check_frozen<M: Model>(model: &M, method: Method, u: &[f64], times: &[f64], solve_consistent: bool) {
    let p = [1.7, 0.3, 0.9];
    // How far Newton's method goes; where algebraic equations are to be solved, rounding ends it earlier.
    let rtol = if solve_consistent { 1e-10 } else { 1e-13 };
    let bound = Bound::new(model).unwrap();
    let mut adjoint = DiscreteAdjoint::new(&bound, adjoint_options(method, rtol));
    let g = adjoint.gradient(0.0, u, &p, times, loss).unwrap();
    let (p_bar, u_bar) = (g.parameters.to_vec(), g.initial.to_vec());
    let differential = if solve_consistent { 2 } else { u.len() };
    for seed in 0..2 {
        let wave = |i: usize| (1.3 * i as f64 + 2.0 * f64::from(seed) + 0.5).cos();
        let difference = slope(|s| {
            let mut start = u.to_vec();
            (0..differential).for_each(|i| start[i] += s * wave(i));
            let moved: Vec<f64> = p.iter().enumerate().map(|(i, p)| p + s * wave(7 + i)).collect();
            if solve_consistent {
                // On the algebraic equation.
                start[2] = -moved[0] * start[0].sin() - moved[1] * start[1].powi(3) + moved[2] * moved[2];
            }
            let mut adjoint = DiscreteAdjoint::new(&bound, adjoint_options(method, rtol));
            adjoint.gradient(0.0, &start, &moved, times, loss).unwrap().loss
        });
        let mut gradient: f64 = (0..differential).map(|i| u_bar[i] * wave(i)).sum();
        gradient += (0..3).map(|i| p_bar[i] * wave(7 + i)).sum::<f64>();
        assert!(
            (gradient - difference).abs() < 1e-9 * difference.abs(),
            "{method:?}: {gradient} against {difference}, {:e}",
            gradient / difference - 1.0
        );
    }
}

fn adjoint_options(method: Method, rtol: f64) -> Options {
    let atol = Tolerance::Scalar(rtol);
    Options { method, rtol, atol, fixed_step: Some(1.0 / 16.0), ..Options::default() }
}

#[test]
fn the_derivative_of_the_steps_as_they_were_made() {
    // At the start, at ends of steps, twice within one, and at the end.
    let times = [0.0, 0.5, 0.53, 0.541, 1.25, 1.9, 2.0];
    for method in EXPLICIT.into_iter().chain(IMPLICIT).chain(COUPLED).chain(STABILIZED) {
        check_frozen(&Pushed, method, &[0.8, -0.4], &times, false);
    }
}

#[test]
fn algebraic_equations_and_a_mass_matrix() {
    let (angle, speed) = (0.8f64, -0.4f64);
    let force = -1.7 * angle.sin() - 0.3 * speed.powi(3) + 0.9 * 0.9;
    // The BDF with fixed steps stays at order one and does not solve its equations to rounding with steps as long: its own tests
    // have shorter ones.
    for method in IMPLICIT.into_iter().chain(COUPLED).filter(|method| *method != Method::Bdf) {
        check_frozen(&PushedWithForce, method, &[angle, speed, force], &[0.5, 0.53, 1.25, 2.0], true);
    }
}

/// Forwards and backwards are derivatives of the same steps, at any tolerance.
#[test]
fn forwards_and_backwards_agree() {
    let times = [0.0, 0.5, 0.53, 0.541, 1.25, 1.9, 2.0];
    let p = [1.7, 0.3, 0.9];
    let force = -1.7 * 0.8f64.sin() + 0.3 * 0.4f64.powi(3) + 0.9 * 0.9;
    let all = EXPLICIT.into_iter().chain(IMPLICIT).chain(COUPLED).chain(STABILIZED);
    for method in all.filter(|method| method.is_adaptive()).chain([Method::Automatic]) {
        for rtol in [1e-3, 1e-6] {
            let options = || Options { method, rtol, atol: Tolerance::Scalar(rtol), ..Options::default() };
            let apart = forward_from_backward(&Pushed, &[0.8, -0.4], &p, &times, &options());
            println!("{method:?}, {rtol:e}: {apart:.1e}");
            // What Newton's method leaves is in the stages of both, and in the slope that begins only in one of them.
            assert!(apart < 1e-11, "{method:?}: {apart:e}");
            if !method.is_explicit() {
                let apart = forward_from_backward(&PushedWithForce, &[0.8, -0.4, force], &p, &times, &options());
                println!("{method:?}, {rtol:e}, algebraic: {apart:.1e}");
                assert!(apart < 1e-10, "{method:?}, algebraic: {apart:e}");
            }
        }
    }
}

/// How far the gradient by sensitivities is from that by the adjoint.
fn forward_from_backward<M: Model>(model: &M, u: &[f64], p: &[f64], times: &[f64], options: &Options) -> f64 {
    let bound = Bound::new(model).unwrap();
    let mut adjoint = DiscreteAdjoint::new(&bound, options.clone());
    let g = adjoint.gradient(0.0, u, p, times, loss).unwrap();
    let mut forward = ForwardSensitivity::new(&bound, options.clone());
    forward.solve(0.0, u, p, times).unwrap();
    assert_eq!(g.states, forward.states());
    let mut seeds = vec![0.0; g.states.len()];
    loss(forward.states(), &mut seeds);
    let mut gradient = vec![0.0; forward.columns()];
    for (k, seed) in seeds.iter().enumerate() {
        for (g, s) in gradient.iter_mut().zip(forward.row(k / u.len(), k % u.len())) {
            *g += seed * s;
        }
    }
    distance(&gradient, &[g.parameters, g.initial].concat())
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let difference: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    (difference / b.iter().map(|b| b * b).sum::<f64>()).sqrt()
}

/// References computed independently, at tight tolerances.
#[test]
fn the_references_by_methods_of_order_four_and_more() {
    let methods = [
        (Method::Tsit5, 1e-13),
        (Method::Vern7, 1e-13),
        (Method::Vern9, 1e-13),
        (Method::Dop853, 1e-13),
        (Method::Ssprk104, 1e-11),
        (Method::Rodas4, 1e-11),
        (Method::Rodas5P, 1e-12),
        (Method::KenCarp4, 1e-11),
        (Method::Kvaerno5, 1e-12),
    ];
    for (method, rtol) in methods {
        let options = || Options {
            method,
            rtol,
            atol: Tolerance::Scalar(rtol),
            max_steps: Some(1_000_000),
            ..Options::default()
        };
        let check = |name: &str, gradient: &[f64], initial: &[f64]| {
            let r = reference(name);
            let (d, e) = (distance(&gradient[r.fixed..], &r.gradient), distance(initial, &r.gradient_initial));
            println!("{name} by {method:?}: {d:.1e}, {e:.1e}");
            assert!(d < 1e-8 && e < 1e-8, "{name} by {method:?}: {d:e}, {e:e}");
        };
        let r = reference("lv4");
        let bound = Bound::new(&LotkaVolterra).unwrap();
        let mut adjoint = DiscreteAdjoint::new(&bound, options());
        let g = adjoint.gradient(r.start, &r.initial, &r.parameters, &r.times, r.squares()).unwrap();
        check("lv4", g.parameters, g.initial);
        let r = reference("ude_lv_tanh");
        let model = Interaction::new(Activation::Tanh);
        let bound = Bound::new(&model).unwrap();
        let mut adjoint = DiscreteAdjoint::new(&bound, options());
        let g = adjoint.gradient(r.start, &r.initial, &r.parameters, &r.times, r.squares()).unwrap();
        check("ude_lv_tanh", g.parameters, g.initial);
    }
}

/// Left to choose, a gradient goes on with a method for stiff problems where the problem turns out to be one.
#[test]
fn left_to_choose() {
    let r = reference("robertson3");
    let bound = Bound::new(&Robertson).unwrap();
    let atol = Tolerance::Each(vec![1e-9, 1e-15, 1e-9]);
    let mut adjoint = DiscreteAdjoint::new(&bound, Options { rtol: 1e-9, atol, ..Options::default() });
    let g = adjoint.gradient(0.0, &r.initial, &r.parameters, &r.times, r.squares()).unwrap();
    let scaled = |g: &[f64]| g.iter().zip(&r.parameters).map(|(g, p)| g * p).collect::<Vec<_>>();
    let d = distance(&scaled(g.parameters), &scaled(&r.gradient));
    assert!(d < 1e-6, "{d:e}");
    assert!(adjoint.statistics().jacobians > 0, "{}", adjoint.statistics());
    // And where it does not, with Tsit5 to the bit.
    let r = reference("lv4");
    let bound = Bound::new(&LotkaVolterra).unwrap();
    let gradient = |method| {
        let mut adjoint = DiscreteAdjoint::new(&bound, Options { method, ..Options::default() });
        adjoint.gradient(r.start, &r.initial, &r.parameters, &r.times, r.squares()).unwrap().parameters.to_vec()
    };
    assert_eq!(gradient(Method::Automatic), gradient(Method::Tsit5));
}

/// Where there are too many states for sensitivities over what a solve would choose, another method is chosen, not nothing.
#[test]
fn sensitivities_of_many_states() {
    const CELLS: usize = 210;
    struct Rod;
    impl Model for Rod {
        fn states(&self) -> Names {
            (0..CELLS).map(|i| format!("u{i}")).collect::<Vec<_>>().into()
        }
        fn parameters(&self) -> Names {
            ["conduction"].into()
        }
        fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
            let [conduction] = p.parameters();
            for i in 0..CELLS {
                let left = if i > 0 { u[i - 1] } else { R::zero() };
                let right = if i + 1 < CELLS { u[i + 1] } else { R::zero() };
                du[i] = conduction * (left - u[i] * 2.0 + right) - u[i] * u[i] * u[i];
            }
        }
    }
    let bound = Bound::new(&Rod).unwrap();
    let u: Vec<f64> = (1..=CELLS).map(|i| (std::f64::consts::PI * i as f64 / (CELLS + 1) as f64).sin()).collect();
    let options = Options { rtol: 1e-3, atol: Tolerance::Scalar(1e-3), ..Options::default() };
    let p = [1e4];
    let mut forward = ForwardSensitivity::new(&bound, options.clone());
    forward.solve(0.0, &u, &p, &[0.02]).unwrap();
    let mut adjoint = DiscreteAdjoint::new(&bound, options);
    let g = adjoint.gradient(0.0, &u, &p, &[0.02], |u, u_bar| {
        u_bar[CELLS / 2] = 1.0;
        u[CELLS / 2]
    });
    let by_conduction = g.unwrap().parameters[0];
    let row = forward.row(0, CELLS / 2);
    // Different methods, each within a few tolerances of the truth.
    assert!(by_conduction.abs() * p[0] > 1e-2, "{by_conduction:e}");
    assert!((row[0] / by_conduction - 1.0).abs() < 0.05, "{:e} against {by_conduction:e}", row[0]);
}

/// Where the right-hand side jumps, steps end, and the gradient is that of the pieces.
#[test]
fn across_a_jump() {
    struct Switched;
    impl Model for Switched {
        fn states(&self) -> Names {
            ["u"].into()
        }
        fn parameters(&self) -> Names {
            ["rate", "push"].into()
        }
        fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
            let [rate, push] = p.parameters();
            // Not pushed before t = 1.
            du[0] = -rate * u[0] + (-t + 1.0).select(R::zero(), push);
        }
    }
    let bound = Bound::new(&Switched).unwrap();
    let (rate, push, u0, t) = (0.7f64, 2.0f64, 3.0f64, 1.6f64);
    let mut methods = vec![Method::Automatic];
    let all = EXPLICIT.iter().chain(&IMPLICIT).chain(&COUPLED).chain(&STABILIZED);
    methods.extend(all.filter(|method| method.is_adaptive()));
    for method in methods {
        let (rtol, atol) = (1e-9, Tolerance::Scalar(1e-9));
        let options = Options {
            method,
            rtol,
            atol,
            discontinuities: vec![1.0],
            max_steps: Some(1_000_000),
            ..Options::default()
        };
        let mut adjoint = DiscreteAdjoint::new(&bound, options.clone());
        // Read inside a step after the jump: the last time is there to go on to.
        let g = adjoint.gradient(0.0, &[u0], &[rate, push], &[0.4, t, 2.0], |u, u_bar| {
            u_bar[1] = 1.0;
            u[1]
        });
        let g = g.unwrap();
        // u = u₀ e^{−rt} + push (1 − e^{−r(t − 1)}) / r
        let (decay, late) = ((-rate * t).exp(), (-rate * (t - 1.0)).exp());
        let by_rate = -t * u0 * decay + push * ((t - 1.0) * late / rate - (1.0 - late) / rate.powi(2));
        for (found, exact) in
            [(g.initial[0], decay), (g.parameters[0], by_rate), (g.parameters[1], (1.0 - late) / rate)]
        {
            assert!((found - exact).abs() < 1e-6, "{method:?}: {found} for {exact}");
        }
        let mut forward = ForwardSensitivity::new(&bound, options);
        forward.solve(0.0, &[u0], &[rate, push], &[0.4, t, 2.0]).unwrap();
        for (found, same) in forward.row(1, 0).iter().zip([g.parameters, g.initial].concat()) {
            assert!((found - same).abs() < 1e-10, "{method:?}: {found} forwards, {same} backwards");
        }
    }
}

/// Robertson's reactions over nine decades, gradients scaled by the rates.
#[test]
fn a_stiff_reference() {
    let r = reference("robertson3");
    let bound = Bound::new(&Robertson).unwrap();
    for (method, rtol) in [
        (Method::Rodas4, 1e-10),
        (Method::Rodas5P, 1e-11),
        (Method::KenCarp4, 1e-10),
        (Method::Kvaerno5, 1e-11),
        (Method::Radau5, 1e-11),
        (Method::Radau9, 1e-11),
        (Method::Bdf, 1e-12),
    ] {
        let atol = Tolerance::Each(vec![rtol, rtol * 1e-6, rtol]);
        let options = Options { method, rtol, atol, max_steps: Some(1_000_000), ..Options::default() };
        let mut adjoint = DiscreteAdjoint::new(&bound, options);
        // The reference begins at zero, before the first of its times.
        let g = adjoint.gradient(0.0, &r.initial, &r.parameters, &r.times, r.squares()).unwrap();
        let scaled = |g: &[f64]| g.iter().zip(&r.parameters).map(|(g, p)| g * p).collect::<Vec<_>>();
        let (d, e) = (distance(&scaled(g.parameters), &scaled(&r.gradient)), distance(g.initial, &r.gradient_initial));
        println!("{method:?}: loss {:e}, {d:.1e}, {e:.1e}", g.loss / r.loss - 1.0);
        assert!(d < 1e-8 && e < 1e-8, "{method:?}: {d:e}, {e:e}");
        let atol = Tolerance::Each(vec![rtol, rtol * 1e-6, rtol]);
        let options = Options { method, rtol, atol, max_steps: Some(1_000_000), ..Options::default() };
        let mut forward = ForwardSensitivity::new(&bound, options);
        forward.solve(0.0, &r.initial, &r.parameters, &r.times).unwrap();
        let mut gradient = [0.0; 6];
        for (k, u) in forward.states().iter().enumerate() {
            let residual = r.weights[k % 3] * (u - r.data[k]);
            for (g, s) in gradient.iter_mut().zip(forward.row(k / 3, k % 3)) {
                *g += 2.0 * r.weights[k % 3] * residual * s;
            }
        }
        let apart = distance(&scaled(&gradient[..3]), &scaled(&r.gradient));
        assert!(apart < 1e-8, "{method:?}, forwards: {apart:e}");
    }
}
