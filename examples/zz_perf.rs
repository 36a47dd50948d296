#[path = "../tests/promises/problems.rs"]
#[allow(dead_code)]
mod problems;
use ansatz::adjoint::*;
use ansatz::ode::Tolerance;
use ansatz::prelude::*;
use problems::*;
use std::time::Instant;
fn time(mut f: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..30 {
        let t = Instant::now();
        for _ in 0..100 {
            f();
        }
        best = best.min(t.elapsed().as_secs_f64() / 100.0);
    }
    best * 1e6
}
fn opt(rtol: f64) -> Options {
    Options { rtol, atol: Tolerance::Scalar(rtol), ..Options::default() }
}
fn main() {
    let b = Bound::new(&LotkaVolterra).unwrap();
    for rtol in [1e-6, 1e-8] {
        let s = Solve::system(&b, [0.44249296, 4.6280594], 0.0, 10.0)
            .parameters([1.3, 0.9, 0.8, 1.8])
            .options(opt(rtol))
            .save(Save::End)
            .run()
            .unwrap();
        let e = s
            .last()
            .iter()
            .zip([8.851586911028468, 1.2238133862027176])
            .map(|(u, r)| (u - r).abs() / (r.abs() + 1.0))
            .fold(0.0, f64::max);
        println!(
            "lv t10 {rtol:e}: {:.2} us, err {e:.2e} {}",
            time(|| {
                Solve::system(&b, [0.44249296, 4.6280594], 0.0, 10.0)
                    .parameters([1.3, 0.9, 0.8, 1.8])
                    .options(opt(rtol))
                    .save(Save::End)
                    .run()
                    .unwrap();
            }),
            s.statistics()
        );
    }
    fn go<M: Model>(name: &str, m: &M) {
        let r = reference(name);
        let mut b = Bound::new(m).unwrap();
        if r.fixed > 0 {
            b.hold(&[0, 1]);
        }
        for rtol in [1e-6] {
            let end = *r.times.last().unwrap();
            let s = Solve::system(&b, r.initial.clone(), r.start, end)
                .parameters(r.parameters.clone())
                .options(opt(rtol))
                .save_at(&r.times)
                .run()
                .unwrap();
            let f = time(|| {
                Solve::system(&b, r.initial.clone(), r.start, end)
                    .parameters(r.parameters.clone())
                    .options(opt(rtol))
                    .save_at(&r.times)
                    .run()
                    .unwrap();
            });
            let mut a = DiscreteAdjoint::new(&b, opt(rtol));
            let g = time(|| {
                a.gradient(r.start, &r.initial, &r.parameters, &r.times, |u, ub| {
                    for ((b, u), d) in ub.iter_mut().zip(u).zip(&r.data) {
                        *b = 2.0 * (u - d);
                    }
                    0.0
                })
                .unwrap();
            });
            let mut fs = ForwardSensitivity::new(&b, opt(rtol));
            let s2 = time(|| fs.solve(r.start, &r.initial, &r.parameters, &r.times).unwrap());
            println!(
                "{name} {rtol:e}: forward {f:.2} gradient {g:.2} ratio {:.2} sens {s2:.2}  {}",
                g / f,
                s.statistics()
            );
        }
    }
    go("lv4", &LotkaVolterra);
    go("ude_lv_rbf", &Interaction::new(Activation::Rbf));
    go("ude_lv_tanh", &Interaction::new(Activation::Tanh));
    go("node_2_32_32_2", &Neural { network: Mlp::new([32, 32], Activation::Tanh), cubes: false });
}
