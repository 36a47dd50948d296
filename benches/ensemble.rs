//! 10,000 Lorenz trajectories with random parameters, over lanes and one by one.
//!
//! $(\sigma, \rho, \beta)$ up to a tenth around $(10, 28, 8/3)$, from $(1, 0, 0)$ over $t \in [0, 10]$, end states, `rtol` 1e-6,
//! `atol` 1e-8.
//!
//! `cargo bench --bench ensemble`

use ansatz::ode::Ensemble;
use ansatz::prelude::*;
use criterion::{Criterion, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

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

fn sets(count: usize) -> Vec<[f64; 3]> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    (0..count).map(|_| [10.0, 28.0, 8.0 / 3.0].map(|p| p * rng.random_range(0.9..1.1))).collect()
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
