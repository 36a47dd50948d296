//! Robertson's reactions: three species, rates over nine orders of magnitude, eleven decades of time.
//!
//! `cargo run --example stiff_robertson`
//!
//! The default method notices the stiffness by itself. The same problem as a differential-algebraic one, with the sum of
//! the species in place of the third rate, gives the same answer.
//!
//! H. H. Robertson, *The solution of a set of reaction rate equations*, in J. Walsh (ed.), *Numerical Analysis: An
//! Introduction*, 1966.

use ansatz::model::MassMatrix;
use ansatz::plot::{Figure, Panel};
use ansatz::prelude::*;

struct Robertson;

impl Model for Robertson {
    fn states(&self) -> Names {
        ["A", "B", "C"].into()
    }
    fn parameters(&self) -> Names {
        ["k1", "k2", "k3"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [k1, k2, k3] = p.parameters();
        let net = k1 * u[0] - k3 * u[1] * u[2];
        let fast = k2 * u[1] * u[1];
        du[0] = -net;
        du[1] = net - fast;
        du[2] = fast;
    }
}

/// The same with a conservation law for an equation.
struct WithBalance;

impl Model for WithBalance {
    fn states(&self) -> Names {
        Robertson.states()
    }
    fn parameters(&self) -> Names {
        Robertson.parameters()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::diagonal([1.0, 1.0, 0.0]))
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        Robertson.rhs(t, u, p, du);
        du[2] = u[0] + u[1] + u[2] - 1.0;
    }
}

const RATES: [f64; 3] = [0.04, 3e7, 1e4];
const START: [f64; 3] = [1.0, 0.0, 0.0];
/// The state at 1e11: collocation of order 17 in 33 digits; the Bari test set agrees to 13 digits.
const REFERENCE: [f64; 3] = [2.083340149701297e-8, 8.333360770334788e-14, 0.9999999791665161];

fn main() -> ansatz::Result<()> {
    let end = 1e11;
    let atol = [1e-12, 1e-16, 1e-12];
    let ask = |method| Solve::new(&Robertson, START, 0.0, end).parameters(RATES).method(method).rtol(1e-6).atol(atol);
    let solution = ask(Method::Automatic).run()?;
    println!("to t = {end:.0e}: {}", solution.statistics());
    for (t, method) in solution.methods() {
        println!("  {method:?} from t = {t:.3e} on");
    }
    println!("\n{:>10} {:>24} {:>24} {:>24}", "", "A", "B", "C");
    let row = |name: &str, u: &[f64]| println!("{name:>10} {:>24.16e} {:>24.16e} {:>24.16e}", u[0], u[1], u[2]);
    row("computed", solution.last());
    row("reference", &REFERENCE);

    // With a balance for the third equation.
    let balanced = Solve::new(&WithBalance, START, 0.0, end).parameters(RATES).rtol(1e-6).atol(atol).run()?;
    row("as a DAE", balanced.last());

    // An explicit method says what is wrong with it.
    if let Err(error) = ask(Method::Tsit5).run() {
        println!("\nTsit5: {error}");
    }

    let times: Vec<f64> = (0..=340).map(|i| 10f64.powf(-6.0 + f64::from(i) * 0.05)).collect();
    let states = times.iter().map(|t| solution.at(*t)).collect::<Result<Vec<_>, _>>()?;
    let column = |i: usize, scale: f64| -> Vec<f64> { states.iter().map(|u| scale * u[i]).collect() };
    let panel = Panel::new("Robertson's reactions")
        .x_label("time")
        .y_label("share")
        .log_x()
        .line("A", &times, &column(0, 1.0))
        .line("10⁴ B", &times, &column(1, 1e4))
        .line("C", &times, &column(2, 1.0));
    Figure::new().panel(panel).save("out/robertson.svg")?;
    println!("\nwrote out/robertson.svg");
    Ok(())
}
