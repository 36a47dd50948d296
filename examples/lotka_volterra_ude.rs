//! From a CSV file to a law: Lotka–Volterra with an unknown interaction.
//!
//! `cargo run --example lotka_volterra_ude`
//!
//! Reads 31 noisy points, trains a network in the place of the interaction, replaces it by a formula chosen on the data,
//! and says how sure it is. Pictures, the law as text and LaTeX, and a summary go to `out/lotka_volterra_ude/`.

use ansatz::prelude::*;
use std::time::Instant;

/// Growth and decay are known; the interaction is not.
struct PredatorPrey {
    interaction: Mlp<2, 2>,
}

impl Model for PredatorPrey {
    fn states(&self) -> Names {
        ["prey", "predator"].into()
    }
    fn parameters(&self) -> Names {
        ["growth", "decay"].into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("interaction", &self.interaction)
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [growth, decay] = p.parameters();
        let f = p.call(&self.interaction, [u[0], u[1]]);
        du[0] = growth * u[0] + f[0];
        du[1] = -decay * u[1] + f[1];
    }
}

fn main() -> ansatz::Result<()> {
    let out = std::path::Path::new("out/lotka_volterra_ude");
    println!("reading datasets/lotka_volterra.csv");
    let data =
        TimeSeries::read_csv("datasets/lotka_volterra.csv")?.with_units("arbitrary unit", ["arbitrary unit"; 2])?;

    println!("\nfitting: growth 1.3 and decay 1.8 are known, a 2-5-5-5-2 network stands for the interaction");
    let model = PredatorPrey { interaction: Mlp::new([5, 5, 5], Activation::Rbf) };
    let begun = Instant::now();
    let fit = Fit::new(&model, &data).known([1.3, 1.8]).progress(true).run()?;
    let fitted = begun.elapsed();
    println!("{fit}\n({:.0} ms)", 1e3 * fitted.as_secs_f64());

    println!("\nlooking for the law among polynomials to degree 5 and two sines, 23 candidates an equation");
    let begun = Instant::now();
    let law = Discovery::new(&fit).library(Library::polynomials(5).sines()).run()?;
    let discovered = begun.elapsed();
    print!("{}", law.report());
    println!("({:.2} s, 40 bootstrap replicates of the whole pipeline included)", discovered.as_secs_f64());

    law.write_files(out)?;
    law.plot_until(out.join("law.svg"), Some(10.0))?;
    law.plot_until(out.join("law.png"), Some(10.0))?;
    law.plot_phase(out.join("phase.png"))?;
    law.plot_odds(out.join("odds.png"))?;
    fit.plot_loss(out.join("loss.png"))?;
    fit.predictions()?.write_csv(out.join("predictions.csv"))?;
    println!("\nwrote {}: law.txt, law.tex, law.json, summary.json, predictions.csv and pictures\n", out.display());
    println!("{law}");
    Ok(())
}
