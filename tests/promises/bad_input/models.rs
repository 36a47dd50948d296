//! Models that do not fit together.

use super::assert_refused;
use ansatz::Error;
use ansatz::model::ModelError;
use ansatz::prelude::*;

/// A decay with one network, which can be wrong in many ways.
struct Faulty {
    states: Vec<&'static str>,
    parameters: Vec<&'static str>,
    network: Mlp<1, 1>,
    /// Names under which the network is listed.
    listed: Vec<&'static str>,
    calls: bool,
    /// Derivatives that the right-hand side writes.
    sets: usize,
    takes_two: bool,
}

fn sound() -> Faulty {
    Faulty {
        states: vec!["prey", "predator"],
        parameters: vec!["rate"],
        network: Mlp::new([3], Activation::Tanh),
        listed: vec!["loss"],
        calls: true,
        sets: 2,
        takes_two: false,
    }
}

impl Model for Faulty {
    fn states(&self) -> Names {
        self.states.iter().map(ToString::to_string).collect::<Vec<_>>().into()
    }
    fn parameters(&self) -> Names {
        self.parameters.iter().map(ToString::to_string).collect::<Vec<_>>().into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        self.listed.iter().fold(Unknowns::none(), |list, name| list.and(name, &self.network))
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let rate = if self.takes_two {
            let [a, b] = p.parameters();
            a + b
        } else {
            let [rate] = p.parameters();
            rate
        };
        let loss = if self.calls { p.call(&self.network, [u[0]])[0] } else { R::zero() };
        for (d, u) in du.iter_mut().zip(u).take(self.sets) {
            *d = -rate * *u - loss;
        }
    }
}

fn bound(model: &Faulty) -> ansatz::Result<Bound<'_, Faulty>> {
    Ok(Bound::new(model)?)
}

#[test]
fn a_sound_model_is_accepted() {
    assert_eq!(bound(&sound()).unwrap().parameter_count(), 1 + 10);
}

#[test]
fn no_states() {
    let model = Faulty { states: vec![], sets: 0, calls: false, listed: vec![], ..sound() };
    assert_refused!(
        bound(&model),
        Error::Model(ModelError::NoStates),
        ["no states", "at least one name", "`states()`"]
    );
}

#[test]
fn a_name_twice_or_empty() {
    let model = Faulty { states: vec!["prey", "prey"], ..sound() };
    assert_refused!(
        bound(&model),
        Error::Model(ModelError::Name { name, list: "states" }) if name == "prey",
        ["`prey`", "`states()`", "used twice", "unique"]
    );
    let model = Faulty { parameters: vec![" "], ..sound() };
    assert_refused!(
        bound(&model),
        Error::Model(ModelError::Name { list: "parameters", .. }),
        ["`parameters()`", "empty"]
    );
    let model = Faulty { listed: vec!["loss", "loss"], ..sound() };
    assert_refused!(
        bound(&model),
        Error::Model(ModelError::Name { name, list: "unknowns" }) if name == "loss",
        ["`loss`", "`unknowns()`"]
    );
}

#[test]
fn parameters_taken_in_the_wrong_number() {
    let model = Faulty { takes_two: true, ..sound() };
    assert_refused!(
        bound(&model),
        Error::Model(ModelError::ParameterCount { asked: 2, declared: 1, names }) if names == "rate",
        ["takes 2", "names 1", "[rate]", "make the two agree"]
    );
}

#[test]
fn a_block_that_is_not_listed() {
    let model = Faulty { listed: vec![], ..sound() };
    assert_refused!(
        bound(&model),
        Error::Model(ModelError::UndeclaredBlock),
        ["`unknowns()` does not list", "add it", "Unknowns::of"]
    );
}

#[test]
fn an_unknown_that_is_never_called() {
    let model = Faulty { calls: false, ..sound() };
    assert_refused!(
        bound(&model),
        Error::Model(ModelError::UncalledBlock { name }) if name == "loss",
        ["`loss`", "never calls it", "take it off the list"]
    );
}

#[test]
fn a_derivative_that_is_not_set() {
    let model = Faulty { sets: 1, ..sound() };
    assert_refused!(
        bound(&model),
        Error::Model(ModelError::DerivativeNotSet { index: 1, state }) if state == "predator",
        ["does not set du[1]", "`predator`"]
    );
}

#[test]
fn a_hidden_layer_without_units() {
    let model = Faulty { network: Mlp::new([4, 0], Activation::Tanh), ..sound() };
    assert_refused!(
        bound(&model),
        Error::Model(ModelError::Block { name, .. }) if name == "loss",
        ["`loss`", "hidden layer 2", "width 0", "at least one unit"]
    );
}

/// The same errors reach whoever solves or fits, not only who binds.
#[test]
fn solving_and_fitting_an_unsound_model_say_the_same() {
    let model = Faulty { sets: 1, ..sound() };
    let solve = Solve::new(&model, [1.0, 1.0], 0.0, 1.0).parameters(vec![0.0; 11]).run();
    assert_refused!(solve, Error::Model(ModelError::DerivativeNotSet { index: 1, .. }), ["`predator`"]);
    let data = TimeSeries::new(["prey", "predator"], &[0.0, 1.0, 2.0], &[1.0, 2.0, 1.5, 2.5, 1.7, 2.9]).unwrap();
    let fit = Fit::new(&model, &data).known([1.0]).run();
    assert_refused!(fit, Error::Model(ModelError::DerivativeNotSet { index: 1, .. }), ["`predator`"]);
}
