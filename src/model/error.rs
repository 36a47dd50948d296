//! What can be wrong with a model.

/// A model that cannot be used as it is written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// `states()` is empty.
    #[error("the model names no states; return at least one name from `states()`")]
    NoStates,
    /// The mass matrix makes no sense.
    #[error(transparent)]
    Mass(super::MassError),
    /// A part of a [`Split`](super::Split) has a mass matrix.
    #[error(
        "a system split into a stiff and a non-stiff part cannot have a mass matrix; multiply the equations by its inverse, \
         or solve the sum with an implicit method"
    )]
    SplitMass,
    /// A name is empty or there twice.
    #[error("the name `{name}` in `{list}()` is empty or used twice; every name must be there and be unique")]
    Name {
        /// The name.
        name: String,
        /// `states`, `parameters` or `unknowns`.
        list: &'static str,
    },
    /// `Params::parameters` was asked for another number of parameters than the model declares.
    #[error(
        "the right-hand side takes {asked} parameters out of `p.parameters()`, but `parameters()` names {declared}: \
         [{names}]; make the two agree"
    )]
    ParameterCount {
        /// Number taken.
        asked: usize,
        /// Number named.
        declared: usize,
        /// The names.
        names: String,
    },
    /// The right-hand side calls a block that `unknowns()` does not list.
    #[error(
        "the right-hand side calls a block that `unknowns()` does not list, so it has no weights; add it: \
         `Unknowns::of(\"name\", &self.block)`, and pass the same field to `p.call`"
    )]
    UndeclaredBlock,
    /// An unknown term is listed and never called.
    #[error(
        "the unknown term `{name}` is listed in `unknowns()`, but the right-hand side never calls it; call it or take it off the list"
    )]
    UncalledBlock {
        /// The unknown's name.
        name: String,
    },
    /// The right-hand side left a derivative unset.
    #[error("the right-hand side does not set du[{index}], the derivative of `{state}`")]
    DerivativeNotSet {
        /// Index of the state.
        index: usize,
        /// Name of the state.
        state: String,
    },
    /// A block is not sound.
    #[error("the unknown term `{name}`: {fault}")]
    Block {
        /// The unknown's name.
        name: String,
        /// What is wrong.
        fault: String,
    },
    /// A vector has the wrong length.
    #[error("{what} has {found} values, but the model has {expected}: [{names}]")]
    Length {
        /// What was given.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it should have.
        expected: usize,
        /// The names that belong to it.
        names: String,
    },
    /// A name that the model does not have.
    #[error("the model has no {kind} `{name}`; it has [{names}]{}", nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    UnknownName {
        /// `parameter`, `state` or `unknown term`.
        kind: &'static str,
        /// The name asked for.
        name: String,
        /// The names there are.
        names: String,
        /// The nearest of them.
        nearest: Option<String>,
    },
}
