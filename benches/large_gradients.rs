//! The gradient of a loss by 1156 parameters through 578 stiff equations, against its forward solve, method by method.
//!
//! `cargo bench --bench large_gradients` for all, `cargo bench --bench large_gradients -- Rodas5P Bdf` for some.
//!
//! The task of SciMLBenchmarks.jl's `AdjointDifferentiation/BrussScaling.jmd` at $N = 17$: the Brusselator with fields of
//! parameters, $t \in [0, 1]$, states saved at $0, 0.1, …, 1$, loss $\sum \frac12 (1 - u)^2$ over them, relative tolerance
//! 1e-7, absolute 1e-5. Gradients are compared with one by Rodas5P at 1e-10.

use ansatz::adjoint::DiscreteAdjoint;
use ansatz::prelude::*;
use std::hint::black_box;
use std::time::Instant;

#[path = "../tests/gradients_agree/brusselator_fields.rs"]
#[allow(dead_code)]
mod brusselator_fields;
use brusselator_fields::BrusselatorFields;

/// Explicit methods are refused: stability limits their steps here.
const METHODS: [Method; 12] = [
    Method::Automatic,
    Method::Rkc2,
    Method::Rock4,
    Method::Rodas4,
    Method::Rodas5P,
    Method::TrBdf2,
    Method::KenCarp4,
    Method::Kvaerno5,
    Method::Radau5,
    Method::Radau9,
    Method::Radau13,
    Method::Bdf,
];

/// The quickest of repeated calls, in seconds.
fn quickest(mut work: impl FnMut()) -> f64 {
    let (mut best, began) = (f64::INFINITY, Instant::now());
    while best == f64::INFINITY || began.elapsed().as_secs_f64() < 1.0 {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let model = BrusselatorFields { points: 17 };
    let bound = Bound::new(&model).unwrap();
    let (initial, p, times) = (model.initial(), model.values(), BrusselatorFields::times());
    let reference = {
        let mut adjoint = DiscreteAdjoint::new(&bound, BrusselatorFields::options(Method::Rodas5P, 1e-10, 1e-10));
        let gradient = adjoint.gradient(0.0, &initial, &p, &times, BrusselatorFields::loss).unwrap();
        println!("loss {:.12}", gradient.loss);
        gradient.parameters.to_vec()
    };
    println!("numbers on a tape: {}", bound.tape_len());
    println!("{:<10} {:>8} {:>10} {:>10} {:>6} {:>9}", "method", "steps", "solve", "gradient", "ratio", "error");
    for method in METHODS.into_iter().filter(|m| asked.is_empty() || asked.contains(&format!("{m:?}"))) {
        let options = || BrusselatorFields::options(method, 1e-7, 1e-5);
        let solve = quickest(|| {
            let solution = Solve::system(&bound, black_box(initial.clone()), 0.0, 1.0)
                .parameters(p.clone())
                .options(options())
                .save_at(&times)
                .run();
            drop(black_box(solution.unwrap()));
        });
        let mut adjoint = DiscreteAdjoint::new(&bound, options());
        let mut error = 0.0;
        let gradient = quickest(|| {
            let gradient = adjoint.gradient(0.0, black_box(&initial), &p, &times, BrusselatorFields::loss).unwrap();
            let size = reference.iter().map(|g| g * g).sum::<f64>().sqrt();
            let off = gradient.parameters.iter().zip(&reference).map(|(g, r)| (g - r).powi(2)).sum::<f64>().sqrt();
            error = off / size;
        });
        println!(
            "{:<10} {:>8} {:>7.1} ms {:>7.1} ms {:>6.2} {:>9.1e}",
            format!("{method:?}"),
            adjoint.statistics().accepted,
            1e3 * solve,
            1e3 * gradient,
            gradient / solve,
            error
        );
    }
}
