//! Once warm, gradients, sensitivities and second derivatives allocate nothing; a plain solve allocates no more for more steps;
//! a gradient of many steps stays within its budget.
//!
//! A test binary of its own: it counts what the global allocator is asked for, on the thread that asks.

#[path = "counting/allocator.rs"]
mod counting;

use ansatz::adjoint::{Checkpointing, DiscreteAdjoint, ForwardSensitivity};
use ansatz::prelude::*;
use counting::{ASKED, LIVE, PEAK};

/// Requests for memory while `work` runs.
fn allocations<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = ASKED.get();
    let result = work();
    (ASKED.get() - before, result)
}

/// Lotka–Volterra with an unknown interaction.
struct Interaction {
    network: Mlp<2, 2>,
}

impl Model for Interaction {
    fn states(&self) -> Names {
        ["prey", "predator"].into()
    }
    fn parameters(&self) -> Names {
        ["growth", "decay"].into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("interaction", &self.network)
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [growth, decay] = p.parameters();
        let f = p.call(&self.network, [u[0], u[1]]);
        du[0] = growth * u[0] + f[0];
        du[1] = -decay * u[1] + f[1];
    }
}

const START: [f64; 2] = [0.44, 4.6];

fn times() -> Vec<f64> {
    (0..31).map(|k| f64::from(k) / 10.0).collect()
}

/// The networks of the promises: as narrow as usual, as wide as the stack lends, wider.
fn networks() -> [Vec<usize>; 3] {
    [vec![5, 5, 5], vec![32, 32], vec![80, 80]]
}

fn parameters<M: Model>(bound: &Bound<'_, M>) -> Vec<f64> {
    use rand::SeedableRng;
    let mut p = vec![0.0; bound.parameter_count()];
    bound.initialize(&mut rand_chacha::ChaCha8Rng::seed_from_u64(1), &mut p);
    p[..2].copy_from_slice(&[1.3, 1.8]);
    p
}

#[test]
fn a_gradient_allocates_nothing_once_warm() {
    let times = times();
    for widths in networks() {
        let model = Interaction { network: Mlp::new(widths.clone(), Activation::Rbf) };
        let bound = Bound::new(&model).unwrap();
        let p = parameters(&bound);
        let mut adjoint = DiscreteAdjoint::new(&bound, Options::default());
        let mut gradient = || {
            let loss = |u: &[f64], u_bar: &mut [f64]| {
                u_bar.copy_from_slice(u);
                0.5 * u.iter().map(|u| u * u).sum::<f64>()
            };
            adjoint.gradient(0.0, &START, &p, &times, loss).unwrap().loss
        };
        let first = gradient();
        let (asked, second) = allocations(gradient);
        assert_eq!(first, second);
        assert_eq!(asked, 0, "layers {widths:?}: {asked} allocations in a gradient");
    }
}

/// Oscillators in a ring.
struct Ring;

const SIZE: usize = 50;

impl Model for Ring {
    fn states(&self) -> Names {
        (0..2 * SIZE).map(|i| format!("u{i}")).collect::<Vec<_>>().into()
    }
    fn parameters(&self) -> Names {
        ["spring", "coupling"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [spring, coupling] = p.parameters();
        let (x, v) = u.split_at(SIZE);
        for i in 0..SIZE {
            let (before, after) = (x[(i + SIZE - 1) % SIZE], x[(i + 1) % SIZE]);
            du[i] = v[i];
            du[SIZE + i] = coupling * (before - x[i] * 2.0 + after) - spring * x[i] * (x[i] * x[i] + 1.0);
        }
    }
}

fn ring_options(method: Method) -> Options {
    let h = Some(1.0 / 128.0);
    Options { method, h_initial: h, h_max: h, max_steps: Some(10_000_000), ..Options::default() }
}

/// Gradients through the ring, one after the other.
struct Gradients<'r> {
    adjoint: DiscreteAdjoint<'r, Bound<'r, Ring>>,
    /// Bytes in use before there was anything.
    before: isize,
}

impl<'r> Gradients<'r> {
    /// By one method, warmed up with a short one.
    fn new(bound: &'r Bound<'r, Ring>, method: Method, budget: usize) -> Self {
        let before = LIVE.get();
        let mut gradients =
            Gradients { before, adjoint: DiscreteAdjoint::new(bound, ring_options(method)).budget(budget) };
        gradients.peak(2);
        gradients
    }

    /// Bytes in use at the same time in one over so many steps, with what those before have left, and what was kept.
    fn peak(&mut self, steps: u32) -> (usize, Checkpointing) {
        let u: Vec<f64> = (0..2 * SIZE).map(|i| (i as f64 * 0.7).sin()).collect();
        PEAK.set(LIVE.get());
        let end = f64::from(steps) / 128.0;
        let gradient = self.adjoint.gradient(0.0, &u, &[1.0, 3.0], &[end], |u, u_bar| {
            u_bar.copy_from_slice(u);
            0.5 * u.iter().map(|u| u * u).sum::<f64>()
        });
        gradient.unwrap();
        ((PEAK.get() - self.before) as usize, self.adjoint.checkpointing())
    }
}

#[test]
fn a_gradient_of_many_steps_stays_within_its_budget() {
    let budget = 1 << 20;
    let bound = Bound::new(&Ring).unwrap();
    for (method, steps) in [
        (Method::Tsit5, 30_000),
        (Method::Vern7, 10_000),
        (Method::Rock4, 10_000),
        (Method::Rodas5P, 300),
        (Method::Radau5, 600),
        (Method::Bdf, 2_000),
    ] {
        let mut gradients = Gradients::new(&bound, method, budget);
        // What there is for any number of steps.
        let (few, all) = gradients.peak(2);
        assert_eq!((all.repeated, all.snapshots), (0, 0));
        let solve = few - all.bytes;
        let (peak, kept) = gradients.peak(steps);
        println!("{method:?}: {peak} bytes, {solve} of them for any number of steps; {kept:?}");
        assert!(kept.steps >= steps as usize && kept.repeated > kept.steps / 2, "{method:?}: {kept:?}");
        assert!(kept.bytes <= budget, "{method:?}: {kept:?}");
        assert!(peak <= solve + budget, "{method:?}: {peak} bytes in use, {solve} of them whatever is kept, {kept:?}");
    }
}

/// The whole of the promise; `--ignored --nocapture` tells how long it takes.
#[test]
#[ignore = "takes minutes"]
fn a_gradient_of_a_million_steps_stays_within_64_mebibytes() {
    let (budget, method) = (64 << 20, Method::Tsit5);
    let bound = Bound::new(&Ring).unwrap();
    let mut gradients = Gradients::new(&bound, method, budget);
    let began = std::time::Instant::now();
    let (peak, kept) = gradients.peak(1_000_000);
    println!("{peak} bytes in use at most, {:?}; {kept:?}", began.elapsed());
    assert!(kept.steps >= 1_000_000 && kept.bytes <= budget && peak <= budget + (1 << 20), "{peak}");
    let began = std::time::Instant::now();
    let u: Vec<f64> = (0..2 * SIZE).map(|i| (i as f64 * 0.7).sin()).collect();
    let solve = Solve::system(&bound, u, 0.0, 1e6 / 128.0).parameters([1.0, 3.0]).options(ring_options(method));
    let solution = solve.save(Save::End).run().unwrap();
    println!("the solve alone: {:?} for {} steps", began.elapsed(), solution.statistics().accepted);
}

#[test]
fn sensitivities_allocate_nothing_once_warm() {
    let times = times();
    for widths in networks() {
        let model = Interaction { network: Mlp::new(widths.clone(), Activation::Rbf) };
        let bound = Bound::new(&model).unwrap();
        let p = parameters(&bound);
        let mut forward = ForwardSensitivity::new(&bound, Options::default());
        forward.solve(0.0, &START, &p, &times).unwrap();
        let (asked, _) = allocations(|| forward.solve(0.0, &START, &p, &times).unwrap());
        assert_eq!(asked, 0, "layers {widths:?}: {asked} allocations in a solve with sensitivities");
    }
}

/// Methods behind pointers are made anew for each solve; more steps take no more memory once it is there.
#[test]
fn gradients_by_any_method_allocate_no_more_for_more_steps() {
    let model = Interaction { network: Mlp::new([5, 5, 5], Activation::Rbf) };
    let bound = Bound::new(&model).unwrap();
    let p = parameters(&bound);
    for method in Method::ALL.into_iter().filter(|method| *method != Method::Automatic) {
        let fixed_step = (!method.is_adaptive()).then_some(0.02);
        let options = Options { method, rtol: 1e-4, fixed_step, ..Options::default() };
        let mut adjoint = DiscreteAdjoint::new(&bound, options.clone());
        let mut gradient = |end: f64| {
            let before = (adjoint.gradient(0.0, &START, &p, &[end], |u, bar| {
                bar.copy_from_slice(u);
                0.5 * u.iter().map(|u| u * u).sum::<f64>()
            }))
            .unwrap()
            .loss;
            (before, adjoint.statistics().accepted)
        };
        gradient(3.0);
        let ((short, (_, few)), (long, (_, many))) = (allocations(|| gradient(1.5)), allocations(|| gradient(3.0)));
        assert!(many > few, "{method:?}: {few} and {many} steps");
        assert_eq!(short, long, "{method:?}: allocations of gradients over {few} and {many} steps");
        let carried = matches!(
            method,
            Method::Vern7 | Method::Bs3 | Method::Rosenbrock23 | Method::Rodas5P | Method::TrBdf2 | Method::Kvaerno5
        );
        if carried {
            let mut forward = ForwardSensitivity::new(&bound, options);
            let mut solve = |end: f64| forward.solve(0.0, &START, &p, &[end]).unwrap();
            solve(3.0);
            let ((short, ()), (long, ())) = (allocations(|| solve(1.5)), allocations(|| solve(3.0)));
            assert_eq!(short, long, "{method:?}: allocations of sensitivities over {few} and {many} steps");
        }
    }
}

#[test]
fn second_derivatives_allocate_nothing_once_warm() {
    for widths in networks() {
        let model = Interaction { network: Mlp::new(widths.clone(), Activation::Rbf) };
        let bound = Bound::new(&model).unwrap();
        let (n, q, l) = (bound.dimension(), bound.parameter_count(), bound.tape_len());
        let p = parameters(&bound);
        let p_dot = vec![0.5; q];
        let (mut tape, mut tape_dot) = (vec![0.0; l], vec![0.0; l]);
        let (mut du, mut du_dot, mut bar, mut bar_dot) = ([0.0; 2], [0.0; 2], vec![0.0; n + q], vec![0.0; n + q]);
        let mut product = || {
            let p = (&p[..], &p_dot[..]);
            let u: (&[f64], &[f64]) = (&START, &[1.0, -2.0]);
            bound.record_along((0.0, 1.0), u, p, (&mut du, &mut du_dot), (&mut tape, &mut tape_dot));
            let ((u_bar, p_bar), (u_bar_dot, p_bar_dot)) = (bar.split_at_mut(n), bar_dot.split_at_mut(n));
            bound.vjp_along(p, (&tape, &tape_dot), (&[3.0, 1.0], &[]), (u_bar, u_bar_dot), (p_bar, p_bar_dot));
        };
        product();
        let (asked, ()) = allocations(product);
        assert_eq!(asked, 0, "layers {widths:?}: {asked} allocations in a Hessian-vector product");
    }
}

#[test]
fn a_plain_solve_allocates_no_more_for_more_steps() {
    let model = Interaction { network: Mlp::new([5, 5, 5], Activation::Rbf) };
    let bound = Bound::new(&model).unwrap();
    let p = parameters(&bound);
    let solve = |steps: u32| {
        let h = 3.0 / f64::from(steps);
        let options = Options { h_initial: Some(h), h_max: Some(h), ..Options::default() };
        let solve = Solve::system(&bound, START, 0.0, 3.0).parameters(p.clone()).options(options).save(Save::End);
        let (asked, solution) = allocations(|| solve.run().unwrap());
        assert_eq!(solution.statistics().accepted, steps as usize);
        asked
    };
    solve(100);
    let (few, many) = (solve(100), solve(1000));
    assert_eq!(few, many, "{few} allocations for 100 steps, {many} for 1000");
}

/// The counter counts: otherwise the others could not fail.
#[test]
fn an_allocation_is_seen() {
    let (asked, _) = allocations(|| std::hint::black_box(vec![1.0; std::hint::black_box(10)]));
    assert!(asked == 1, "{asked}");
}
