//! The one error type at the library's boundary.

/// Anything that can go wrong, with what, where, why and what to try.
///
/// Each part has its own enum that carries data; this one lets `?` take them all. Its `Debug` is its message, because that
/// is what a program prints whose `main` returns it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A gradient by a continuous adjoint that could not be had.
    #[error(transparent)]
    Adjoint(#[from] crate::adjoint::AdjointError),
    /// A model that does not fit together.
    #[error(transparent)]
    Model(#[from] crate::model::ModelError),
    /// A formula that is not one.
    #[error(transparent)]
    Formula(#[from] crate::number::FormulaError),
    /// Data that cannot be used.
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    /// A discovery that cannot be done.
    #[error(transparent)]
    Discover(#[from] crate::discover::DiscoverError),
    /// A fit that cannot be done.
    #[error(transparent)]
    Fit(#[from] crate::fit::FitError),
    /// A picture that cannot be drawn.
    #[cfg(feature = "plot")]
    #[error(transparent)]
    Plot(#[from] crate::plot::PlotError),
    /// A problem that the catalogue does not have.
    #[error(transparent)]
    Problem(#[from] crate::problems::UnknownProblem),
    /// A solve that could not be done.
    #[error(transparent)]
    Solve(#[from] crate::ode::SolveError),
    /// A steady state that could not be found.
    #[error(transparent)]
    Steady(#[from] crate::ode::SteadyError),
}

impl Error {
    /// The solution up to where a solve failed, if that is what happened.
    ///
    /// ```
    /// use ansatz::prelude::*;
    /// let blow_up = from_fn(["u"], |_t, u, _p, du| du[0] = u[0] * u[0]);
    /// let error = Solve::system(&blow_up, [1.0], 0.0, 2.0).run().unwrap_err();
    /// let partial = error.partial().expect("nothing is lost");
    /// assert!((partial.at(0.5)?[0] - 2.0).abs() < 1e-3);
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    pub fn partial(&self) -> Option<&crate::ode::Solution> {
        match self {
            Error::Solve(error) => error.partial(),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// `Result` with the library's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
