//! Forward solve of Lotka–Volterra, and gradients of the reference losses, against their forward solves.
//!
//! `cargo bench --bench solve_and_gradient`

use ansatz::adjoint::{Continuous, DiscreteAdjoint, ForwardSensitivity, GradientMethod, Loss};
use ansatz::ode::Tolerance;
use ansatz::prelude::*;
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

#[path = "../tests/promises/problems.rs"]
#[allow(dead_code)]
mod problems;
use problems::{Interaction, LotkaVolterra, Neural, Reference, Robertson, reference};

fn options(rtol: f64) -> Options {
    Options { rtol, atol: Tolerance::Scalar(rtol), ..Options::default() }
}

fn forward(c: &mut Criterion) {
    let p = [1.3, 0.9, 0.8, 1.8];
    let bound = Bound::new(&LotkaVolterra).unwrap();
    for rtol in [1e-4, 1e-6, 1e-8, 1e-10] {
        c.bench_function(&format!("forward/lotka_volterra t=10 rtol={rtol:e}"), |b| {
            b.iter(|| {
                Solve::system(&bound, black_box([0.44249296, 4.6280594]), 0.0, 10.0)
                    .parameters(p)
                    .options(options(rtol))
                    .save(Save::End)
                    .run()
                    .unwrap()
            })
        });
    }
}

fn gradients<M: Model>(c: &mut Criterion, name: &str, model: &M) {
    let r: Reference = reference(name);
    let mut bound = Bound::new(model).unwrap();
    // Rates that the reference holds fixed are constants here too.
    bound.hold(&(0..r.fixed).collect::<Vec<_>>());
    for rtol in [1e-6, 1e-8] {
        c.bench_function(&format!("solve/{name} rtol={rtol:e}"), |b| {
            b.iter(|| {
                Solve::system(&bound, black_box(r.initial.clone()), r.start, r.times[r.times.len() - 1])
                    .parameters(r.parameters.clone())
                    .options(options(rtol))
                    .save_at(&r.times)
                    .run()
                    .unwrap()
            })
        });
        let mut adjoint = DiscreteAdjoint::new(&bound, options(rtol));
        c.bench_function(&format!("gradient/{name} rtol={rtol:e}"), |b| {
            b.iter(|| {
                let g = adjoint.gradient(r.start, black_box(&r.initial), &r.parameters, &r.times, |u, u_bar| {
                    let mut loss = 0.0;
                    for ((bar, u), d) in u_bar.iter_mut().zip(u).zip(&r.data) {
                        *bar = 2.0 * (u - d);
                        loss += (u - d) * (u - d);
                    }
                    loss
                });
                g.unwrap().loss
            })
        });
        let mut sensitivity = ForwardSensitivity::new(&bound, options(rtol));
        c.bench_function(&format!("sensitivity/{name} rtol={rtol:e}"), |b| {
            b.iter(|| sensitivity.solve(r.start, black_box(&r.initial), &r.parameters, &r.times).unwrap())
        });
    }
}

/// Robertson's reactions over nine decades, the loss of ten states.
fn stiff(c: &mut Criterion) {
    let r = reference("robertson3");
    let bound = Bound::new(&Robertson).unwrap();
    for method in [Method::Automatic, Method::Rodas4, Method::Rodas5P, Method::KenCarp4, Method::Kvaerno5] {
        let options = || Options { method, atol: Tolerance::Each(vec![1e-6, 1e-12, 1e-6]), ..options(1e-6) };
        c.bench_function(&format!("solve/robertson3 {method:?}"), |b| {
            b.iter(|| {
                Solve::system(&bound, black_box(r.initial.clone()), 0.0, r.times[r.times.len() - 1])
                    .parameters(r.parameters.clone())
                    .options(options())
                    .save_at(&r.times)
                    .run()
                    .unwrap()
            })
        });
        let mut adjoint = DiscreteAdjoint::new(&bound, options());
        c.bench_function(&format!("gradient/robertson3 {method:?}"), |b| {
            b.iter(|| adjoint.gradient(0.0, black_box(&r.initial), &r.parameters, &r.times, r.squares()).unwrap().loss)
        });
        let mut sensitivity = ForwardSensitivity::new(&bound, options());
        c.bench_function(&format!("sensitivity/robertson3 {method:?}"), |b| {
            b.iter(|| sensitivity.solve(0.0, black_box(&r.initial), &r.parameters, &r.times).unwrap())
        });
    }
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

/// The discrete adjoint and the continuous ones, through the same door.
fn adjoints<M: Model>(c: &mut Criterion, name: &str, model: &M, start: f64, options: Options, ways: &[GradientMethod]) {
    let r = reference(name);
    let mut bound = Bound::new(model).unwrap();
    bound.hold(&(0..r.fixed).collect::<Vec<_>>());
    for by in ways {
        let solve = Solve::system(&bound, r.initial.clone(), start, r.times[r.times.len() - 1]).save_at(&r.times);
        let problem = solve.parameters(r.parameters.clone()).options(options.clone()).differentiate().unwrap().by(*by);
        c.bench_function(&format!("adjoint/{name} {:?} {by:?}", options.method), |b| {
            b.iter(|| problem.gradient(black_box(&Squares(&r))).unwrap().loss)
        });
    }
}

fn continuous(c: &mut Criterion) {
    let by = GradientMethod::ContinuousAdjoint;
    let all = [
        GradientMethod::DiscreteAdjoint,
        by(Continuous::Interpolating),
        by(Continuous::Gauss),
        by(Continuous::Backsolve),
    ];
    let rbf = Interaction::new(Activation::Rbf);
    adjoints(c, "lv4", &LotkaVolterra, 0.0, options(1e-6), &all);
    adjoints(c, "ude_lv_rbf", &rbf, 0.0, options(1e-6), &all);
    for method in [Method::Automatic, Method::Rodas5P, Method::Radau9] {
        let options = Options { method, atol: Tolerance::Each(vec![1e-6, 1e-12, 1e-6]), ..options(1e-6) };
        // Solving back is an error here.
        adjoints(c, "robertson3", &Robertson, 0.0, options, &all[..3]);
    }
}

fn all(c: &mut Criterion) {
    forward(c);
    gradients(c, "lv4", &LotkaVolterra);
    gradients(c, "ude_lv_rbf", &Interaction::new(Activation::Rbf));
    gradients(c, "ude_lv_tanh", &Interaction::new(Activation::Tanh));
    gradients(c, "node_2_32_32_2", &Neural { network: Mlp::new([32, 32], Activation::Tanh), cubes: false });
    stiff(c);
    continuous(c);
}

criterion_group!(benches, all);
criterion_main!(benches);
