//! Gradients by fields of parameters: systems whose records are coloured, and whose stages share factors.

use crate::brusselator_fields::BrusselatorFields;
use ansatz::adjoint::DiscreteAdjoint;
use ansatz::prelude::*;

const POINTS: usize = 5;

/// Loss and gradient, parameters first.
fn gradient(method: Method, rtol: f64, initial: &[f64], p: &[f64]) -> (f64, Vec<f64>) {
    let model = BrusselatorFields { points: POINTS };
    let bound = Bound::new(&model).unwrap();
    let mut adjoint = DiscreteAdjoint::new(&bound, BrusselatorFields::options(method, rtol, rtol));
    let times = BrusselatorFields::times();
    let g = adjoint.gradient(0.0, initial, p, &times, BrusselatorFields::loss).unwrap();
    (g.loss, [g.parameters, g.initial].concat())
}

fn start() -> (Vec<f64>, Vec<f64>) {
    let model = BrusselatorFields { points: POINTS };
    let p = model.values().iter().enumerate().map(|(k, p)| p * (1.0 + 0.1 * (1.7 * k as f64).sin())).collect();
    (model.initial(), p)
}

/// The derivative at zero by central differences over `size` and its halves, extrapolated to step zero.
fn slope(size: f64, f: impl Fn(f64) -> f64) -> f64 {
    let mut table: Vec<f64> = (0..4)
        .map(|k| {
            let h = size / f64::from(1 << k);
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

#[test]
fn a_gradient_by_fields_is_what_differences_say() {
    let (initial, p) = start();
    let (_, exact) = gradient(Method::Rodas5P, 1e-10, &initial, &p);
    for seed in 0..3 {
        let wave = |i: usize| (1.3 * i as f64 + 2.0 * f64::from(seed) + 0.5).cos();
        let difference = slope(0.04, |s| {
            let moved: Vec<f64> = p.iter().enumerate().map(|(i, p)| p + s * wave(i)).collect();
            let first: Vec<f64> = initial.iter().enumerate().map(|(i, u)| u + s * wave(p.len() + i)).collect();
            let solution = Solve::new(&BrusselatorFields { points: POINTS }, first, 0.0, 1.0)
                .parameters(moved)
                .options(BrusselatorFields::options(Method::Vern9, 1e-13, 1e-13))
                .save_at(&BrusselatorFields::times())
                .run()
                .unwrap();
            BrusselatorFields::loss(solution.states(), &mut vec![0.0; solution.states().len()])
        });
        let along: f64 = exact.iter().enumerate().map(|(i, g)| g * wave(i)).sum();
        let error = (along / difference - 1.0).abs();
        println!("direction {seed}: {along} against {difference}, {error:.1e}");
        assert!(error < 1e-8, "direction {seed}: {along} against {difference}");
    }
}

#[test]
fn all_methods_have_the_same_gradient_by_fields() {
    let (initial, p) = start();
    let (loss, exact) = gradient(Method::Vern9, 1e-13, &initial, &p);
    let size = exact.iter().map(|g| g * g).sum::<f64>().sqrt();
    for method in [
        Method::Automatic,
        Method::Tsit5,
        Method::Radau13,
        Method::Rock4,
        Method::Rodas4,
        Method::Rodas5P,
        Method::KenCarp4,
        Method::Kvaerno5,
        Method::Radau5,
        Method::Radau9,
        Method::Bdf,
    ] {
        let (own_loss, own) = gradient(method, 1e-11, &initial, &p);
        let off = own.iter().zip(&exact).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt() / size;
        println!("{method:?}: {off:.1e}");
        assert!(off < 1e-8 && (own_loss / loss - 1.0).abs() < 1e-8, "{method:?}: {own_loss} {loss}, {off:e}");
    }
}
