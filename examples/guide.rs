use ansatz::prelude::*;

/// Growth and decay are known in form; what happens when the two meet is not.
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
        let met = p.call(&self.interaction, [u[0], u[1]]);
        du[0] = growth * u[0] + met[0];
        du[1] = -decay * u[1] + met[1];
    }
}

fn main() -> ansatz::Result<()> {
    // 1. Data.
    let data = TimeSeries::read_csv("datasets/lotka_volterra.csv")?.with_units("years", ["thousands"; 2])?;
    println!("{} times, {} measured numbers\n", data.len(), data.observed());

    // 2. Fit. The growth rate is known from elsewhere, the decay rate is estimated from 1.5 on.
    let model = PredatorPrey { interaction: Mlp::new([5, 5, 5], Activation::Rbf) };
    let setup = || Fit::new(&model, &data).known([("growth", 1.3)]).estimate([("decay", 1.5)]);
    let fit = setup().run()?;
    println!("{fit}\n");
    fit.save("out/guide/fit.safetensors")?;

    // 3. Candidates: polynomials to degree 3, and predation that saturates.
    let library = Library::polynomials(3).function(|x| x[0] * x[1] / (x[0] + 1.0));
    println!("candidates: {}\n", library.names(&["prey", "predator"])?.join(", "));

    // 4. Discovery.
    let law = Discovery::new(&fit).library(library).bootstraps(40).run()?;
    println!("{law}\n\n{}", law.report());

    // 5. Use it, if it deserves it.
    if law.odds().is_none_or(|odds| odds.law < 0.8) {
        println!("the terms are not settled: see the likely others above before using this law");
    }
    let ahead = law.solve(0, 6.0)?;
    println!("at t = 6: prey {:.2}, predator {:.2}", ahead.last()[0], ahead.last()[1]);

    // 6. Keep it.
    law.write_files("out/guide")?;
    #[cfg(feature = "plot")]
    law.plot("out/guide/law.svg")?;
    assert_eq!(Law::load("out/guide/law.json")?, law);
    let again = setup().load("out/guide/fit.safetensors")?;
    assert_eq!(again.parameters(), fit.parameters());
    Ok(())
}
