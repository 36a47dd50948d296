//! 10,000 Lorenz trajectories with random parameters, over lanes and one by one.
//!
//! Parameters from `datasets/lorenz_ensemble_params.npy`: $(\sigma, \rho, \beta)$ up to a tenth around $(10, 28, 8/3)$, from $(1, 0, 0)$ over $t \in [0, 10]$, end states, `rtol` 1e-6,
//! `atol` 1e-8.
//!
//! `cargo bench --bench ensemble`

use ansatz::ode::Ensemble;
use ansatz::prelude::*;
use criterion::{Criterion, criterion_group, criterion_main};

struct Lorenz;

impl Model for Lorenz {
    fn states(&self) -> Names {
        ["x", "y", "z"].into()
    }
    fn parameters(&self) -> Names {
        ["sigma", "rho", "beta"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [sigma, rho, beta] = p.parameters();
        du[0] = sigma * (u[1] - u[0]);
        du[1] = u[0] * (rho - u[2]) - u[1];
        du[2] = u[0] * u[1] - beta * u[2];
    }
}

/// The first `count` sets of the file: numbers of eight bytes, little end first, after a header that says how long it is.
fn sets(count: usize) -> Vec<[f64; 3]> {
    let bytes = include_bytes!("../datasets/lorenz_ensemble_params.npy");
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let numbers: Vec<f64> = bytes[start..].as_chunks().0.iter().map(|eight| f64::from_le_bytes(*eight)).collect();
    numbers.as_chunks().0[..count].to_vec()
}

fn lorenz(c: &mut Criterion) {
    let mut group = c.benchmark_group("ensemble");
    group.sample_size(20);
    let sets = sets(10_000);
    let ensemble = || Ensemble::new(&Lorenz, 0.0, 10.0).initial([1.0, 0.0, 0.0]).rtol(1e-6).atol(1e-8);
    group.bench_function("10,000 Lorenz trajectories, all threads", |b| {
        b.iter(|| ensemble().parameter_sets(&sets).run().unwrap())
    });
    if let Ok(one) = rayon::ThreadPoolBuilder::new().num_threads(1).build() {
        group.bench_function("10,000 Lorenz trajectories, one thread", |b| {
            b.iter(|| one.install(|| ensemble().parameter_sets(&sets).run().unwrap()))
        });
    }
    let bound = Bound::new(&Lorenz).unwrap();
    group.bench_function("1,000 Lorenz trajectories, one by one, one thread", |b| {
        b.iter(|| {
            let solve = |p: &[f64; 3]| {
                let solve = Solve::system(&bound, [1.0, 0.0, 0.0], 0.0, 10.0).method(Method::Tsit5).parameters(*p);
                solve.save(Save::End).run().unwrap()
            };
            sets[..1000].iter().map(solve).collect::<Vec<Solution>>()
        })
    });
}

criterion_group!(benches, lorenz);
criterion_main!(benches);
