//! Discoveries that cannot be done as asked.

use super::assert_refused;
use crate::problems::{Interaction, LotkaVolterra};
use ansatz::Error;
use ansatz::discover::DiscoverError;
use ansatz::model::ModelError;
use ansatz::prelude::*;

const TIMES: [f64; 8] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
const VALUES: [f64; 16] = [0.44, 4.6, 0.34, 4.0, 0.28, 3.4, 0.24, 2.9, 0.21, 2.5, 0.20, 2.1, 0.18, 1.78, 0.18, 1.5];

fn data() -> TimeSeries {
    TimeSeries::new(["prey", "predator"], &TIMES, &VALUES).unwrap()
}

/// A quick fit: what is refused does not depend on how good it is.
fn fitted<'a>(model: &'a Interaction, data: &'a TimeSeries) -> Fitted<'a, Interaction> {
    Fit::new(model, data).known([1.3, 1.8]).max_iterations(3).run().unwrap()
}

#[test]
fn libraries_and_options_that_make_no_sense() {
    let (model, data) = (Interaction::new(Activation::Rbf), data());
    let fit = fitted(&model, &data);
    let discovery = || Discovery::new(&fit).bootstraps(0);
    assert_refused!(
        discovery().library(Library::new()).run(),
        Error::Discover(DiscoverError::NoCandidates { unknown }) if unknown == "interaction",
        ["no candidate terms", "`interaction`", "Library::polynomials(3)", ".function("]
    );
    let not_a_number = Library::polynomials(2).function(|x| x[0] + x[1]).function(|_| Expr::from_f64(f64::NAN));
    assert_refused!(
        discovery().library(not_a_number).run(),
        Error::Discover(DiscoverError::Candidate { index: 2, .. }),
        ["candidate function 2", "library"]
    );
    assert_refused!(
        discovery().library_for("interacton", Library::polynomials(2)).run(),
        Error::Model(ModelError::UnknownName { kind: "unknown term", name, nearest: Some(near), .. })
            if name == "interacton" && near == "interaction",
        ["no unknown term `interacton`", "[interaction]", "did you mean `interaction`?"]
    );
    for gamma in [-1.0, f64::NAN, f64::INFINITY] {
        assert_refused!(
            discovery().gamma(gamma).run(),
            Error::Discover(DiscoverError::Argument { argument: "gamma", .. }),
            ["`gamma`", &format!("is {gamma}"), "zero or a positive number"]
        );
    }
}

/// A logarithm of something negative is NaN at the data, not in the formula: the candidate cannot be used, and the
/// search must get along without it.
#[test]
fn a_candidate_without_a_value_at_the_data_is_not_selected() {
    let (model, data) = (Interaction::new(Activation::Rbf), data());
    let fit = fitted(&model, &data);
    let library = Library::polynomials(2).function(|x| (x[0] * -1.0 - 1.0).ln());
    let law = Discovery::new(&fit).library(library).bootstraps(0).run().unwrap();
    assert!(law.selected().all(|t| !t.term.contains("ln")), "{law}");
    assert!(law.values().iter().all(|v| v.is_finite()), "{law}");
    assert!(law.selected().count() > 0, "one bad candidate spoils the others: {law}");
}

#[test]
fn a_library_of_such_candidates_only_is_refused_with_words() {
    let (model, data) = (Interaction::new(Activation::Rbf), data());
    let fit = fitted(&model, &data);
    let library = Library::new().function(|x| (x[0] * -1.0 - 1.0).ln());
    match Discovery::new(&fit).library(library).bootstraps(0).run() {
        // The law without any term is a law, too; then it must be that.
        Ok(law) => assert_eq!(law.selected().count(), 0, "{law}"),
        Err(Error::Discover(error @ DiscoverError::NoCandidates { .. })) => {
            super::says(&error, &["no candidate terms", "`interaction`"]);
        }
        Err(error) => {
            assert!(matches!(error, Error::Discover(DiscoverError::NoLaw { .. })), "{error:?}");
            super::says(&error, &["none of the", "candidate laws could be solved", "lower degree"]);
        }
    }
}

#[test]
fn a_model_without_unknown_terms() {
    let data = data();
    let fit = Fit::new(&LotkaVolterra, &data).estimate([1.3, 0.9, 0.8, 1.8]).run().unwrap();
    assert_refused!(
        Discovery::new(&fit).run(),
        Error::Discover(DiscoverError::NoUnknowns),
        ["no unknown term", "call a network", "`unknowns()`"]
    );
}

#[test]
fn names_of_a_library_with_a_function_that_is_no_number() {
    let error = Library::new().function(|x| x[0] * f64::NAN).names(&["x"]).unwrap_err();
    assert!(matches!(error, DiscoverError::Candidate { index: 1, .. }), "{error:?}");
    super::says(&error, &["candidate function 1"]);
}
