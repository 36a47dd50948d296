//! Real data: lynx and hare pelts of the Hudson's Bay Company, 1900–1920.
//!
//! `cargo run --example hudson_bay`
//!
//! Twenty-one yearly counts. Hares grow, lynx die off, at rates not known; what happens between them is a network. The
//! published law (C. Rackauckas et al., *Universal differential equations for scientific machine learning*, 2020, each
//! column over its own maximum) has growth 0.557, decay 0.826, interaction −1.696 and 2.041, with a mean square of 3.76e-3
//! from the first row; the least-squares optimum of that form with the initial state free is 0.482, 0.917, −1.474, 2.112
//! with 2.92e-3.

use ansatz::prelude::*;

/// Growth and decay rates are unknown, and so is the interaction.
struct HareAndLynx {
    interaction: Mlp<2, 2>,
}

impl Model for HareAndLynx {
    fn states(&self) -> Names {
        ["hare", "lynx"].into()
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

/// The published form.
struct Classical;

impl Model for Classical {
    fn states(&self) -> Names {
        ["hare", "lynx"].into()
    }
    fn parameters(&self) -> Names {
        ["growth", "decay", "predation", "conversion"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [growth, decay, predation, conversion] = p.parameters();
        du[0] = growth * u[0] - predation * u[0] * u[1];
        du[1] = -decay * u[1] + conversion * u[0] * u[1];
    }
}

fn main() -> ansatz::Result<()> {
    let out = std::path::Path::new("out/hudson_bay");
    println!("reading datasets/lynx_hare_1900_1920.csv");
    let data = TimeSeries::read_csv("datasets/lynx_hare_1900_1920.csv")?.with_units("", ["thousand pelts"; 2])?;

    println!("\nfitting: growth and decay start at 0.5 and 0.9 a year, a 2-5-5-2 network stands for the interaction");
    let model = HareAndLynx { interaction: Mlp::new([5, 5], Activation::Tanh) };
    let fit = Fit::new(&model, &data).estimate([0.5, 0.9]).progress(true).run()?;
    println!("{fit}");

    println!("\nlooking for the law among polynomials to degree 2");
    let law = Discovery::new(&fit).library(Library::polynomials(2)).bootstraps(100).run()?;
    print!("{}", law.report());

    // The published form, fitted by the same machinery: four rates and the initial state.
    let classical = Fit::new(&Classical, &data).estimate([0.5, 0.9, 0.02, 0.02]).rtol(1e-9).tolerance(1e-9).run()?;
    let maxima: Vec<f64> = (0..2).map(|c| data.trajectories()[0].column(c).fold(0.0, f64::max)).collect();
    let predicted = classical.predictions()?;
    let mean_square =
        |residual: &dyn Fn(usize) -> f64| (0..2).map(|i| (residual(i) / maxima[i]).powi(2)).sum::<f64>() / 2.0;
    let classical_residual = |i: usize| {
        let (seen, fitted) = (&data.trajectories()[0], &predicted.trajectories()[0]);
        let squares: f64 = seen.column(i).zip(fitted.column(i)).map(|(d, u)| (d - u).powi(2)).sum();
        (squares / seen.len() as f64).sqrt()
    };
    println!("\nwith each column over its own maximum, as published:");
    println!(
        "  growth {:.3}, decay {:.3}, interaction −{:.3} and {:.3}: mean square {:.2e}, the published form fitted here",
        classical.parameter("growth")?,
        classical.parameter("decay")?,
        classical.parameter("predation")? * maxima[1],
        classical.parameter("conversion")? * maxima[0],
        mean_square(&classical_residual)
    );
    println!(
        "  growth 0.482, decay 0.917, interaction −1.474 and 2.112: mean square 2.92e-3, the least-squares optimum of it"
    );
    println!("  growth 0.557, decay 0.826, interaction −1.696 and 2.041: mean square 3.76e-3, as published");
    println!("  the law found here: mean square {:.2e}", mean_square(&|i| law.quality().residual[i]));
    let odds = |equation: &str| {
        law.terms().iter().find(|t| t.equation == equation && t.term == "hare·lynx").and_then(|t| t.odds)
    };
    let (first, second) = (odds("d hare/dt").unwrap_or(0.0), odds("d lynx/dt").unwrap_or(0.0));
    let whole = law.odds().map_or(0.0, |o| o.law);
    println!(
        "\nWhat 21 points say: `hare·lynx` enters the hares' equation with odds {first:.2} and the lynx's with odds \
         {second:.2}; exactly the terms below have odds {whole:.2}."
    );
    if first.min(second) > 0.95 && whole < 0.8 {
        println!("The interaction is sure, the rest of the law is not.");
    }

    law.write_files(out)?;
    law.plot_until(out.join("law.svg"), Some(1930.0))?;
    law.plot_until(out.join("law.png"), Some(1930.0))?;
    law.plot_phase(out.join("phase.png"))?;
    law.plot_odds(out.join("odds.png"))?;
    fit.plot_loss(out.join("loss.png"))?;
    println!("\nwrote {}: law.txt, law.tex, law.json, summary.json and pictures\n", out.display());
    println!("{law}");
    Ok(())
}
