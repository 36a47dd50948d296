//! Fits that cannot be done as asked.

use super::assert_refused;
use crate::problems::{Interaction, LotkaVolterra};
use ansatz::Error;
use ansatz::fit::FitError;
use ansatz::model::ModelError;
use ansatz::prelude::*;

const TIMES: [f64; 6] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5];
const VALUES: [f64; 12] = [0.44, 4.6, 0.34, 4.0, 0.28, 3.4, 0.24, 2.9, 0.21, 2.5, 0.20, 2.1];

fn data() -> TimeSeries {
    TimeSeries::new(["prey", "predator"], &TIMES, &VALUES).unwrap()
}

fn fit(data: &TimeSeries) -> Fit<'_, LotkaVolterra> {
    Fit::new(&LotkaVolterra, data).estimate([1.0, 1.0, 1.0, 1.0])
}

#[test]
fn a_state_that_is_no_column() {
    let data = TimeSeries::new(["pray", "predator"], &TIMES, &VALUES).unwrap();
    assert_refused!(
        fit(&data).run(),
        Error::Fit(FitError::MissingColumn { state, nearest: Some(near), .. }) if state == "prey" && near == "pray",
        ["`prey` is no column", "[pray, predator]", "did you mean `pray`?", "`states()`"]
    );
    let data = TimeSeries::new(["temperature", "predator"], &TIMES, &VALUES).unwrap();
    assert_refused!(
        fit(&data).run(),
        Error::Fit(FitError::MissingColumn { nearest: None, .. }),
        ["`prey` is no column", "[temperature, predator]"]
    );
}

#[test]
fn a_column_that_is_no_state() {
    let values: Vec<f64> = VALUES.chunks(2).flat_map(|row| [row[0], row[1], row[0] + row[1]]).collect();
    let data = TimeSeries::new(["prey", "predator", "sum"], &TIMES, &values).unwrap();
    assert_refused!(
        fit(&data).run(),
        Error::Fit(FitError::SurplusColumn { column, found: 3, expected: 2, .. }) if column == "sum",
        ["3 columns", "2 states", "`sum`", "[prey, predator]", "data.select"]
    );
    // And the advice works.
    assert!(fit(&data.select(["prey", "predator"]).unwrap()).run().is_ok());
}

#[test]
fn a_state_that_never_changes() {
    let values: Vec<f64> = VALUES.chunks(2).flat_map(|row| [row[0], 0.1 + 0.2]).collect();
    let data = TimeSeries::new(["prey", "predator"], &TIMES, &values).unwrap();
    assert_refused!(
        fit(&data).run(),
        Error::Fit(FitError::NeverChanges { state, value }) if state == "predator" && (value - 0.3).abs() < 1e-15,
        ["`predator` is 0.3", "every time", "no information", "make it a parameter"]
    );
}

#[test]
fn parameters_without_a_value_or_too_many_of_them() {
    let data = data();
    assert_refused!(
        Fit::new(&LotkaVolterra, &data).known([("growth", 1.3)]).estimate([("decay", 1.0), ("conversion", 1.0)]).run(),
        Error::Fit(FitError::NoValue { parameter }) if parameter == "predation",
        ["`predation` has no value", ".known([(\"predation\", value)])", ".estimate([(\"predation\", start)])"]
    );
    assert_refused!(
        Fit::new(&LotkaVolterra, &data).known([1.3, 0.9]).run(),
        Error::Fit(FitError::ParameterCount { argument: "known", found: 2, expected: 4, .. }),
        ["`known` has 2", "4 parameters", "[growth, predation, conversion, decay]", "pairs of name and value"]
    );
    assert_refused!(
        Fit::new(&LotkaVolterra, &data).estimate(vec![1.0; 5]).run(),
        Error::Fit(FitError::ParameterCount { argument: "estimate", found: 5, expected: 4, .. }),
        ["`estimate` has 5", "4 parameters"]
    );
}

#[test]
fn a_parameter_that_the_model_does_not_have() {
    let data = data();
    assert_refused!(
        fit(&data).known([("grwoth", 1.3)]).run(),
        Error::Model(ModelError::UnknownName { kind: "parameter", name, nearest: Some(near), .. })
            if name == "grwoth" && near == "growth",
        ["no parameter `grwoth`", "[growth, predation, conversion, decay]", "did you mean `growth`?"]
    );
    let fitted = fit(&data).run().unwrap();
    assert_refused!(
        fitted.parameter("decoy"),
        Error::Model(ModelError::UnknownName { nearest: Some(near), .. }) if near == "decay",
        ["`decoy`", "did you mean `decay`?"]
    );
}

#[test]
fn values_that_are_no_numbers() {
    let data = data();
    assert_refused!(
        fit(&data).known([("decay", f64::NAN)]).run(),
        Error::Fit(FitError::Argument { argument: "known", .. }),
        ["`known`", "`decay`", "NaN", "finite number"]
    );
    assert_refused!(
        Fit::new(&LotkaVolterra, &data).estimate([1.0, f64::INFINITY, 1.0, 1.0]).run(),
        Error::Fit(FitError::Argument { argument: "estimate", .. }),
        ["`estimate`", "`predation`", "inf", "finite number"]
    );
}

#[test]
fn nothing_to_fit() {
    let data = data();
    assert_refused!(
        Fit::new(&LotkaVolterra, &data).known([1.3, 0.9, 0.8, 1.8]).run(),
        Error::Fit(FitError::NothingToFit),
        ["nothing to fit", "every parameter is known", "estimate a parameter or add an unknown term"]
    );
}

#[test]
fn too_few_observations() {
    // Four numbers seen, two initial states and four rates wanted.
    let data = TimeSeries::new(["prey", "predator"], &TIMES[..2], &VALUES[..4]).unwrap();
    assert_refused!(
        fit(&data).run(),
        Error::Fit(FitError::TooFewObservations { observed: 4, needed: 6 }),
        ["4 observed numbers", "6 unknowns", "measure more", ".known("]
    );
    // Gaps are no observations: eight numbers with two gaps are six, as many as the unknowns.
    let mut values = VALUES[..8].to_vec();
    (values[3], values[4]) = (f64::NAN, f64::NAN);
    let data = TimeSeries::new(["prey", "predator"], &TIMES[..4], &values).unwrap();
    assert_refused!(
        fit(&data).run(),
        Error::Fit(FitError::TooFewObservations { observed: 6, needed: 6 }),
        ["6 observed numbers"]
    );
}

#[test]
fn options_that_make_no_sense() {
    let data = data();
    for decay in [-1.0, f64::NAN, f64::INFINITY] {
        assert_refused!(
            fit(&data).weight_decay(WeightDecay::Fixed(decay)).run(),
            Error::Fit(FitError::Argument { argument: "weight_decay", .. }),
            ["`weight_decay`", &format!("is {decay}"), "zero or a positive number"]
        );
    }
    for tolerance in [0.0, -1e-3, 1.0, f64::NAN] {
        assert_refused!(
            fit(&data).tolerance(tolerance).run(),
            Error::Fit(FitError::Argument { argument: "tolerance", .. }),
            ["`tolerance`", &format!("is {tolerance}"), "fraction such as 1e-3"]
        );
    }
    assert_refused!(
        fit(&data).max_iterations(0).run(),
        Error::Fit(FitError::Argument { argument: "max_iterations", .. }),
        ["`max_iterations` is 0", "at least one"]
    );
    for rtol in [0.0, -1.0, f64::NAN] {
        // The absolute tolerance is derived from it: the message must blame what was given.
        assert_refused!(
            fit(&data).rtol(rtol).run(),
            Error::Solve(SolveError::Argument { argument: "rtol", .. }),
            ["`rtol`", &format!("is {rtol}"), "between 0 and 1"]
        );
    }
}

/// u' = rate · √(u − 2): no value at all below two, where the data are.
struct Hopeless {
    network: Mlp<1, 1>,
}

impl Model for Hopeless {
    fn states(&self) -> Names {
        ["prey"].into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("rest", &self.network)
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        du[0] = (u[0] - 2.0).sqrt() + p.call(&self.network, [u[0]])[0];
    }
}

#[test]
fn a_model_that_cannot_be_solved_from_the_start() {
    let data = data().select(["prey"]).unwrap();
    let model = Hopeless { network: Mlp::new([3], Activation::Tanh) };
    for optimizer in [Optimizer::LevenbergMarquardt, Optimizer::AdamLbfgs] {
        assert_refused!(
            Fit::new(&model, &data).optimizer(optimizer).run(),
            Error::Fit(FitError::NoStart { source, starts, .. })
                if *starts > 1
                    && matches!(&**source, SolveError::NotFiniteAtStart { component, .. } if component.name == "prey"),
            ["could not be solved", "initial weights", "not finite at the start", "d`prey`/dt"]
        );
    }
}

/// The cause is at hand to programs, too.
#[test]
fn the_error_of_the_solve_is_the_source_of_the_fits() {
    let data = data().select(["prey"]).unwrap();
    let model = Hopeless { network: Mlp::new([3], Activation::Tanh) };
    let error = super::refused(Fit::new(&model, &data).run());
    let source = std::error::Error::source(&error).expect("a fit that fails by a solve has a source");
    assert!(source.downcast_ref::<SolveError>().is_some() || source.downcast_ref::<Box<SolveError>>().is_some());
}

#[test]
fn names_of_trajectories_are_in_the_message() {
    use ansatz::data::Trajectory;
    // The first trajectory is in the domain, the second is not.
    let far = Trajectory::new("far", &[0.0, 0.1, 0.2], &[5.0, 5.2, 5.4]).unwrap();
    let near = Trajectory::new("near", &[0.0, 0.1, 0.2], &[1.0, 1.1, 1.2]).unwrap();
    let data = TimeSeries::from_trajectories(["prey"], vec![far, near]).unwrap();
    let model = Hopeless { network: Mlp::new([3], Activation::Tanh) };
    assert_refused!(
        Fit::new(&model, &data).run(),
        Error::Fit(FitError::NoStart { trajectory, .. }) if trajectory == "near",
        ["trajectory `near`"]
    );
}

#[test]
fn an_unknown_term_with_data_of_another_shape() {
    let data = TimeSeries::new(["prey"], &TIMES, &VALUES[..6]).unwrap();
    let model = Interaction::new(Activation::Rbf);
    assert_refused!(
        Fit::new(&model, &data).known([1.3, 1.8]).run(),
        Error::Fit(FitError::MissingColumn { state, .. }) if state == "predator",
        ["`predator` is no column", "[prey]"]
    );
}
