//! The SIR model, and the influenza outbreak of 1978 in a boarding school of 763 boys.
//!
//! `cargo run --example sir`
//!
//! Susceptible boys meet infected ones, who are in bed until they recover:
//!
//! dS/dt = −β S I / N,  dI/dt = β S I / N − γ I,  dR/dt = γ I
//!
//! The daily numbers in bed give β and γ; events then find when the infections peak and when fewer than one boy is left
//! in bed.
//!
//! W. O. Kermack, A. G. McKendrick, *A contribution to the mathematical theory of epidemics*, Proc. R. Soc. Lond. A 115
//! (1927); data: British Medical Journal, 4 March 1978, p. 587.

use ansatz::plot::{Figure, Panel};
use ansatz::prelude::*;

const BOYS: f64 = 763.0;

/// The states that are counted; whoever is neither is susceptible.
struct Sir;

impl Model for Sir {
    fn states(&self) -> Names {
        ["in bed", "recovered"].into()
    }
    fn parameters(&self) -> Names {
        ["β", "γ"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [beta, gamma] = p.parameters();
        let susceptible = -(u[0] + u[1]) + BOYS;
        du[0] = beta * susceptible * u[0] / BOYS - gamma * u[0];
        du[1] = gamma * u[0];
    }
}

fn main() -> ansatz::Result<()> {
    let data = TimeSeries::read_csv("datasets/boarding_school_1978.csv")?;
    let fit = Fit::new(&Sir, &data).estimate([1.0, 0.5]).run()?;
    println!("{fit}");
    let (beta, gamma) = (fit.parameter("β")?, fit.parameter("γ")?);
    println!("each infected boy infects {:.2} others at first (β/γ)", beta / gamma);

    // Infections peak where β S/N falls below γ.
    let peak = Event::new("peak", |_t, u, p| p[0] * (BOYS - u[0] - u[1]) / BOYS - p[1]).falling();
    let over = Event::new("over", |_t, u, _p| u[0] - 1.0).falling().terminal();
    let solution = Solve::new(&Sir, fit.initial(0), 1.0, 60.0)
        .parameters([beta, gamma])
        .event(peak)
        .event(over)
        .integral("days in bed", |_t, u, _p| u[0])
        .run()?;
    for e in solution.events("peak") {
        println!("infections peak on day {:.2} with {:.0} boys in bed", e.t, e.state[0]);
    }
    for e in solution.events("over") {
        println!("fewer than one boy is in bed from day {:.1} on; {:.0} have had it", e.t, e.state[1]);
    }
    println!("days spent in bed, all boys together: {:.0}", solution.integral("days in bed")?);
    println!("{} by {:?}", solution.statistics(), solution.methods().iter().map(|m| m.1).collect::<Vec<_>>());

    let end = solution.times()[solution.len() - 1];
    let days: Vec<f64> = (0..=400).map(|i| 1.0 + (end - 1.0) * f64::from(i) / 400.0).collect();
    let states = days.iter().map(|t| solution.at(*t)).collect::<Result<Vec<_>, _>>()?;
    let in_bed: Vec<f64> = states.iter().map(|u| u[0]).collect();
    let susceptible: Vec<f64> = states.iter().map(|u| BOYS - u[0] - u[1]).collect();
    let seen = &data.trajectories()[0];
    let counted: Vec<f64> = seen.column(0).collect();
    let mut panel = Panel::new("influenza in a boarding school, 1978")
        .x_label("day")
        .y_label("boys")
        .points("in bed, counted", seen.times(), &counted)
        .line("in bed, SIR", &days, &in_bed)
        .dashed("susceptible, SIR", &days, &susceptible);
    for e in solution.events("peak") {
        panel = panel.vertical_line(e.t, "peak");
    }
    Figure::new().panel(panel).save("out/sir.svg")?;
    println!("wrote out/sir.svg");
    Ok(())
}
