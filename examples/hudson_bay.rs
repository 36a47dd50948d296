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

fn main() -> ansatz::Result<()> {
    let out = std::path::Path::new("out/hudson_bay");
    println!("reading datasets/lynx_hare_1900_1920.csv");
    let data = TimeSeries::read_csv("datasets/lynx_hare_1900_1920.csv")?.with_units("", ["thousand pelts"; 2])?;

    println!("\nfitting: growth and decay start at 0.5 and 0.9 a year, a 2-5-5-2 network stands for the interaction");
    let model = HareAndLynx { interaction: Mlp::new([5, 5], Activation::Tanh) };
    let fit = Fit::new(&model, &data).estimate([0.5, 0.9]).progress(true).run()?;
    println!("{fit}");

    println!("\nlooking for the law among polynomials to degree 3");
    let law = Discovery::new(&fit).library(Library::polynomials(3)).bootstraps(100).run()?;
    print!("{}", law.report());

    let maxima: Vec<f64> = (0..2).map(|c| data.trajectories()[0].column(c).fold(0.0, f64::max)).collect();
    let rows = data.trajectories()[0].len() as f64;
    let mean_square: f64 = law.quality().residual.iter().zip(&maxima).map(|(r, m)| (r / m).powi(2)).sum::<f64>() / 2.0;
    println!("\nwith each column over its own maximum, as published:");
    println!(
        "  mean square over {rows} years: {mean_square:.3e} (published 3.76e-3 from the first row, optimum 2.92e-3)"
    );
    let number = |name: &str| law.parameters().iter().find(|p| p.name.ends_with(name)).map_or(f64::NAN, |p| p.value);
    let term = |equation: &str, scale: f64| {
        law.coefficient(equation, "hare·lynx")
            .map_or("not in the law".to_string(), |c| format!("{:.3}", c.value * scale))
    };
    println!(
        "  growth {:.3}, decay {:.3}, interaction {} and {} (published 0.557, 0.826, −1.696, 2.041; optimum 0.482, 0.917, \
         −1.474, 2.112)",
        number("growth"),
        number("decay"),
        term("d hare/dt", maxima[1]),
        term("d lynx/dt", maxima[0])
    );

    law.write_files(out)?;
    #[cfg(feature = "plot")]
    {
        law.plot_until(out.join("law.svg"), Some(1930.0))?;
        law.plot_until(out.join("law.png"), Some(1930.0))?;
        law.plot_phase(out.join("phase.png"))?;
        law.plot_odds(out.join("odds.png"))?;
        fit.plot_loss(out.join("loss.png"))?;
    }
    println!("\nwrote {}: law.txt, law.tex, law.json, summary.json and pictures\n", out.display());
    println!("{law}");
    Ok(())
}
