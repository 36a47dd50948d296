//! Why a discovery cannot be done.

/// A discovery that cannot be done as asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoverError {
    /// The library has no candidates.
    #[error(
        "the library has no candidate terms for the unknown term `{unknown}`; \
         give some, for example `Library::polynomials(3)`, or your own with `.function(|x| …)`"
    )]
    NoCandidates {
        /// The unknown term.
        unknown: String,
    },
    /// The model has no unknown terms.
    #[error("the model has no unknown term to find a formula for; call a network in it and list it in `unknowns()`")]
    NoUnknowns,
    /// A candidate function is not one.
    #[error("candidate function {index} of the library: {reason}")]
    Candidate {
        /// Its place among the functions given.
        index: usize,
        /// What is wrong.
        reason: String,
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
    /// No candidate law could be solved over the data.
    #[error(
        "none of the {tried} candidate laws could be solved over the data, so no law is reported; \
         fit again with another seed, or give a library with tamer terms (a lower degree)"
    )]
    NoLaw {
        /// Candidate supports tried.
        tried: usize,
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
