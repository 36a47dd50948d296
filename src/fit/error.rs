//! Why a fit cannot be done.

use crate::ode::SolveError;

/// A fit that cannot be done as asked. A fit that merely cannot improve is no error: it ends with the best found and
/// says so.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// A state of the model is no column of the data.
    #[error(
        "the model's state `{state}` is no column of the data, which has [{columns}]{}; \
         name the states in `states()` as the columns are named",
        nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default()
    )]
    MissingColumn {
        /// The state.
        state: String,
        /// Columns of the data.
        columns: String,
        /// The column with the most similar name.
        nearest: Option<String>,
    },
    /// The data has columns that are no states.
    #[error(
        "the data has {found} columns and the model {expected} states: `{column}` is no state of [{states}]. \
         Add it to the model, or take only some columns: `data.select([…])` or `TimeSeries::csv(path).columns([…])`"
    )]
    SurplusColumn {
        /// The first surplus column.
        column: String,
        /// Number of columns.
        found: usize,
        /// Number of states.
        expected: usize,
        /// The states.
        states: String,
    },
    /// A column never changes, so nothing can be learnt from it.
    #[error(
        "the column `{state}` is {value} at every time; a state that never changes carries no information: \
         check the file, or make it a parameter of the model"
    )]
    NeverChanges {
        /// The state.
        state: String,
        /// Its value.
        value: f64,
    },
    /// A mechanistic parameter was given no value.
    #[error(
        "the parameter `{parameter}` has no value: give `.known([(\"{parameter}\", value)])` to hold it, or \
         `.estimate([(\"{parameter}\", start)])` to fit it"
    )]
    NoValue {
        /// The parameter.
        parameter: String,
    },
    /// A list of values does not match the model's parameters.
    #[error(
        "`{argument}` has {found} values, but the model has {expected} parameters: [{names}]; give one for each, or pairs of name and value"
    )]
    ParameterCount {
        /// `known` or `estimate`.
        argument: &'static str,
        /// Values given.
        found: usize,
        /// Parameters there are.
        expected: usize,
        /// Their names.
        names: String,
    },
    /// An option that makes no sense.
    #[error("`{argument}` {problem}; {advice}")]
    Argument {
        /// The option.
        argument: &'static str,
        /// What is wrong.
        problem: String,
        /// What to give.
        advice: &'static str,
    },
    /// Nothing is left to fit.
    #[error(
        "there is nothing to fit: the model has no unknown term and every parameter is known; estimate a parameter or add an unknown term"
    )]
    NothingToFit,
    /// Fewer observations than could determine anything.
    #[error(
        "{observed} observed numbers cannot determine {needed} unknowns (initial states and mechanistic parameters); measure more, or hold parameters with `.known(…)`"
    )]
    TooFewObservations {
        /// Numbers observed.
        observed: usize,
        /// Initial states and mechanistic parameters to estimate.
        needed: usize,
    },
    /// The model could not be solved from any of the starts tried.
    #[error(
        "the model could not be solved{} from {}; start nearer with `.estimate(…)`{}. The \
         last attempt: {source}",
        if trajectory.is_empty() { String::new() } else { format!(" along trajectory `{trajectory}`") },
        if *starts > 1 { format!("any of {starts} draws of initial weights") } else { "the values given".to_string() },
        if *starts > 1 { ", or give the networks a smaller gain with `.initializer(…)`" } else { "" }
    )]
    NoStart {
        /// The trajectory.
        trajectory: String,
        /// Starts tried.
        starts: usize,
        /// The error of the last one.
        source: Box<SolveError>,
    },
    /// A file could not be written or read.
    #[error("{action} `{path}` failed: {reason}")]
    File {
        /// `writing` or `reading`.
        action: &'static str,
        /// The path.
        path: String,
        /// What the system says, and what to try.
        reason: String,
    },
}
