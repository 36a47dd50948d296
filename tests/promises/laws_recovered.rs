//! Laws behind data, found, printed, simulated, saved and fitted again.

use crate::problems::Interaction;
use crate::synthetic::{RATES, noisy, starts, times, with_gaps};
use ansatz::prelude::*;

fn dataset(name: &str) -> TimeSeries {
    TimeSeries::read_csv(format!("{}/datasets/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn terms(law: &Law) -> Vec<(&str, &str)> {
    law.selected().map(|t| (t.equation.as_str(), t.term.as_str())).collect()
}

/// Asserts that a coefficient is the true one to three of its standard errors, and that those are not absurd.
fn close(law: &Law, equation: &str, term: &str, truth: f64) {
    let c = law.coefficient(equation, term).unwrap_or_else(|| panic!("no {term} in {equation}:\n{law}"));
    let error = c.standard_error.unwrap();
    assert!((c.value - truth).abs() <= 3.0 * error, "{equation}, {term}: {} ± {error}, not {truth}", c.value);
    assert!(error > 0.0 && error < 0.2 * truth.abs(), "{equation}, {term}: {} ± {error} says nothing", c.value);
}

/// The root mean square distance of a law's own solve from the data, per state.
fn distance(law: &Law, trajectory: usize) -> Vec<f64> {
    let seen = &law.data().trajectories()[trajectory];
    let solution = law.solve(trajectory, seen.times()[seen.len() - 1]).unwrap();
    (0..law.data().columns().len())
        .map(|i| {
            let squares: Vec<f64> = (0..seen.len())
                .filter(|k| !seen.value(*k, i).is_nan())
                .map(|k| (solution.at(seen.times()[k]).unwrap()[i] - seen.value(k, i)).powi(2))
                .collect();
            (squares.iter().sum::<f64>() / squares.len() as f64).sqrt()
        })
        .collect()
}

#[test]
fn the_interaction_of_lotka_volterra() {
    let data = dataset("lotka_volterra.csv");
    let model = Interaction::new(Activation::Rbf);
    let fit = Fit::new(&model, &data).known([1.3, 1.8]).run().unwrap();
    let law = Discovery::new(&fit).library(Library::polynomials(5).sines()).bootstraps(20).run().unwrap();
    assert_eq!(terms(&law), [("d prey/dt", "prey·predator"), ("d predator/dt", "prey·predator")], "{law}");
    close(&law, "d prey/dt", "prey·predator", -0.9);
    close(&law, "d predator/dt", "prey·predator", 0.8);
    for term in law.selected() {
        assert!(term.odds.unwrap() >= 0.9, "{term:?}");
    }
    assert_eq!(law.odds().unwrap().replicates, 20);

    // Printed
    let text = law.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("d prey/dt = 1.3 prey − 0."), "{text}");
    assert!(lines[1].starts_with("d predator/dt = −1.8 predator + 0."), "{text}");
    assert!(lines.iter().all(|l| l.contains("prey·predator") && l.contains("[odds ")), "{text}");
    let latex = law.latex();
    assert!(latex.contains("\\frac{") && !latex.contains('−') && !latex.contains('·'), "{latex}");
    assert!(latex.contains("\\begin{aligned}") && latex.contains("\\mathrm{predator}"), "{latex}");

    // Simulated: the noise of the data is 0.005 of each state's mean.
    let solution = law.solve(0, 3.0).unwrap();
    let seen = &data.trajectories()[0];
    for i in 0..2 {
        let noise = 0.005 * seen.column(i).sum::<f64>() / seen.len() as f64;
        for (k, t) in seen.times().iter().enumerate() {
            let residual = solution.at(*t).unwrap()[i] - seen.value(k, i);
            assert!(residual.abs() < 5.0 * noise, "column {i} at t = {t}: {residual} at noise {noise}");
        }
        assert!((law.noise()[i] / noise - 1.0).abs() < 0.4, "noise {} of column {i}, truly {noise}", law.noise()[i]);
    }

    // Saved
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("law.json");
    law.save(&path).unwrap();
    let loaded = Law::load(&path).unwrap();
    assert_eq!(loaded, law);
    assert_eq!((loaded.to_string(), loaded.report()), (text, law.report()));

    // A law is a model: fitted again, from coefficients a tenth off. A fit weighs the states by their spread, a law by
    // their noise: on the same noisy data they agree within the standard error …
    let again = |data: &TimeSeries| -> Vec<f64> {
        let from: Vec<f64> = law.values().iter().map(|v| 1.1 * v).collect();
        let fit = Fit::new(&law, data).estimate(from).known([("growth", 1.3), ("decay", 1.8)]).tolerance(1e-9);
        let fit = fit.run().unwrap();
        law.parameters().iter().map(|p| fit.parameter(&p.name).unwrap()).collect()
    };
    for (p, found) in law.parameters().iter().zip(again(&data)) {
        let tolerated = p.standard_error.unwrap_or(0.0);
        assert!((found - p.value).abs() <= tolerated, "{}: {found}, in the law {}", p.name, p.value);
    }
    // … and on the law's own solution to the digit.
    let own: Vec<f64> = seen.times().iter().flat_map(|t| solution.at(*t).unwrap()).collect();
    let own = TimeSeries::new(["prey", "predator"], seen.times(), &own).unwrap();
    for (p, found) in law.parameters().iter().zip(again(&own)) {
        assert!((found / p.value - 1.0).abs() < 1e-3, "{}: {found}, in the law {}", p.name, p.value);
    }
}

/// One state `u`, known growth, an unknown rest.
struct Growth {
    rest: Mlp<1, 1>,
    /// Whether the unknown multiplies the state.
    per_head: bool,
}

impl Model for Growth {
    fn states(&self) -> Names {
        ["u"].into()
    }
    fn parameters(&self) -> Names {
        ["growth"].into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("rest", &self.rest)
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [growth] = p.parameters();
        let [rest] = p.call(&self.rest, [u[0]]);
        du[0] = growth * u[0] + if self.per_head { u[0] * rest } else { rest };
    }
}

/// The truth behind [`Growth`]: `growth · u + a u + b u² + c u/(1 + u)`.
struct Truth;

impl Model for Truth {
    fn states(&self) -> Names {
        ["u"].into()
    }
    fn parameters(&self) -> Names {
        ["growth", "b", "c"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [growth, b, c] = p.parameters();
        du[0] = growth * u[0] + b * u[0] * u[0] + c * u[0] / (u[0] + 1.0);
    }
}

#[test]
fn a_function_of_ones_own_in_one_state() {
    let starts = [vec![0.9], vec![3.0]];
    let data = noisy(&Truth, &[1.0, 0.0, -1.5], &starts, &times(31, 3.0), 0.003, 21);
    let model = Growth { rest: Mlp::new([6, 6], Activation::Tanh), per_head: false };
    let fit = Fit::new(&model, &data).known([1.0]).run().unwrap();
    let library = Library::polynomials(3).function(|x| x[0] / (x[0] + 1.0));
    let law = Discovery::new(&fit).library(library).bootstraps(0).run().unwrap();
    assert_eq!(terms(&law), [("d u/dt", "u/(u + 1)")], "{law}");
    close(&law, "d u/dt", "u/(u + 1)", -1.5);
    assert!(law.odds().is_none() && law.selected().all(|t| t.odds.is_none()));
    assert!(law.equations()[0].starts_with("d u/dt = u − 1."), "{law}");
    for j in 0..2 {
        assert!(distance(&law, j)[0] < 2.0 * law.noise()[0], "{:?} from trajectory {j}", distance(&law, j));
    }
}

/// u' = u f(u) with f = 1.2 − 0.4 u: the terms are those of f, the printed law is multiplied out.
#[test]
fn an_unknown_that_enters_a_product() {
    let data = noisy(&Truth, &[1.2, -0.4, 0.0], &[vec![0.1], vec![5.0]], &times(31, 5.0), 0.005, 22);
    let model = Growth { rest: Mlp::new([5, 5], Activation::Tanh), per_head: true };
    let fit = Fit::new(&model, &data).known([0.0]).run().unwrap();
    let law = Discovery::new(&fit).library(Library::polynomials(3)).bootstraps(0).run().unwrap();
    assert_eq!(terms(&law), [("d u/dt", "1"), ("d u/dt", "u")], "{law}");
    close(&law, "d u/dt", "1", 1.2);
    close(&law, "d u/dt", "u", -0.4);
    let addends = law.addends(0);
    // Estimated numbers are never printed without their error, so the product is multiplied out.
    let square = addends.iter().find(|a| a.product == "u²").unwrap_or_else(|| panic!("no u² in {law}"));
    assert!((square.coefficient.value + 0.4).abs() < 0.05 && square.coefficient.standard_error.is_some(), "{law}");
}

/// Lotka–Volterra with a network of its own for each equation.
struct Apart {
    loss: Mlp<2, 1>,
    gain: Mlp<1, 1>,
}

impl Model for Apart {
    fn states(&self) -> Names {
        ["prey", "predator"].into()
    }
    fn parameters(&self) -> Names {
        ["growth", "decay"].into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("loss", &self.loss).and("gain", &self.gain)
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [growth, decay] = p.parameters();
        du[0] = growth * u[0] + p.call(&self.loss, [u[0], u[1]])[0];
        // The gain per predator, a function of the prey alone.
        du[1] = -decay * u[1] + p.call(&self.gain, [u[0]])[0] * u[1];
    }
}

#[test]
fn two_unknowns_with_libraries_of_their_own() {
    let model = Apart { loss: Mlp::new([5, 5], Activation::Rbf), gain: Mlp::new([5], Activation::Tanh) };
    let data = noisy(&crate::problems::LotkaVolterra, &RATES, &starts()[..2], &times(31, 3.0), 0.005, 23);
    let fit = Fit::new(&model, &data).known([1.3, 1.8]).run().unwrap();
    let discovery = Discovery::new(&fit).library(Library::polynomials(2)).bootstraps(0);
    let law = discovery.library_for("gain", Library::polynomials(2).cosines()).run().unwrap();
    assert_eq!(terms(&law), [("d prey/dt", "prey·predator"), ("d predator/dt", "prey")], "{law}");
    close(&law, "d prey/dt", "prey·predator", -0.9);
    close(&law, "d predator/dt", "prey", 0.8);
    // 6 candidates in two inputs; 1, x, x² and cos x in one.
    let candidates = |equation: &str| law.terms().iter().filter(|t| t.equation == equation).count();
    assert_eq!((candidates("d prey/dt"), candidates("d predator/dt")), (6, 4));
}

#[test]
fn data_with_gaps() {
    let model = Interaction::new(Activation::Rbf);
    let data = with_gaps(&dataset("lotka_volterra.csv"), 6);
    assert!(data.observed() < 2 * data.len());
    let fit = Fit::new(&model, &data).known([1.3, 1.8]).run().unwrap();
    let law = Discovery::new(&fit).library(Library::polynomials(3)).bootstraps(3).run().unwrap();
    assert_eq!(terms(&law), [("d prey/dt", "prey·predator"), ("d predator/dt", "prey·predator")], "{law}");
    close(&law, "d prey/dt", "prey·predator", -0.9);
    close(&law, "d predator/dt", "prey·predator", 0.8);
    assert_eq!(law.quality().observed, data.observed());
    // The gaps come back as gaps.
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("law.json");
    law.save(&path).unwrap();
    let loaded = Law::load(&path).unwrap();
    assert_eq!(loaded, law);
    assert!(loaded.data().trajectories()[0].value(0, 0).is_nan());
}

/// Pelts of the Hudson's Bay Company.
struct LynxHare {
    interaction: Mlp<2, 2>,
}

impl Model for LynxHare {
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

/// The optimum was computed by another program: least squares of Lotka–Volterra on the columns over their maxima. Among
/// all polynomials to degree three these 21 years prefer hare·lynx² in the hares' equation, so here the product alone is
/// offered; and what is chosen among all of them must then really be the better law by its own criterion.
#[test]
fn the_interaction_of_lynx_and_hare() {
    let data = dataset("lynx_hare_1900_1920.csv");
    let model = LynxHare { interaction: Mlp::new([5, 5], Activation::Rbf) };
    let fit = Fit::new(&model, &data).estimate([0.5, 0.9]).run().unwrap();
    let discover = |library| Discovery::new(&fit).library(library).gamma(1.5).bootstraps(0).run().unwrap();
    let law = discover(Library::new().function(|x| x[0] * x[1]));
    assert_eq!(terms(&law), [("d hare/dt", "hare·lynx"), ("d lynx/dt", "hare·lynx")], "{law}\n{}", law.report());
    // One term out of ten in each of two equations costs at most 2 γ · 2 ln 10 more than one out of one.
    let free = discover(Library::polynomials(3));
    let price = 2.0 * 1.5 * 2.0 * 10f64.ln();
    assert!(free.quality().criterion <= law.quality().criterion + price + 1e-6, "{free}\n{}", free.report());
    let value = |e: &str| law.coefficient(e, "hare·lynx").unwrap().value;
    let [growth, decay] = [law.values()[0], law.values()[1]];
    let normalised = [growth, decay, 59.4 * value("d hare/dt"), 77.4 * value("d lynx/dt")];
    for (found, optimum) in normalised.iter().zip([0.482, 0.917, -1.474, 2.112]) {
        assert!((found / optimum - 1.0).abs() < 0.01, "{normalised:?}\n{law}");
    }
}
