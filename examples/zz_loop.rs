#[path = "../tests/promises/problems.rs"]
#[allow(dead_code)]
mod problems;
use ansatz::adjoint::*;
use ansatz::ode::Tolerance;
use ansatz::prelude::*;
use problems::*;
fn opt(rtol: f64) -> Options {
    Options { rtol, atol: Tolerance::Scalar(rtol), ..Options::default() }
}
fn main() {
    let m = Interaction::new(Activation::Rbf);
    let r = reference("ude_lv_rbf");
    let mut b = Bound::new(&m).unwrap();
    b.hold(&[0, 1]);
    let mut a = DiscreteAdjoint::new(&b, opt(1e-6));
    let mut s = 0.0;
    for _ in 0..60000 {
        s += a
            .gradient(r.start, &r.initial, &r.parameters, &r.times, |u, ub| {
                for ((b, u), d) in ub.iter_mut().zip(u).zip(&r.data) {
                    *b = 2.0 * (u - d);
                }
                0.0
            })
            .unwrap()
            .parameters[5];
    }
    println!("{s}");
}
