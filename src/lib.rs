//! ansatz
#![warn(missing_docs)]
pub mod adjoint;
pub mod data;
pub mod discover;
mod error;
pub mod fit;
pub mod model;
pub mod network;
pub mod number;
pub mod ode;
#[cfg(feature = "plot")]
pub mod plot;
pub use error::{Error, Result};

/// p
pub mod prelude {
    pub use crate::data::TimeSeries;
    pub use crate::discover::{Discovery, Law, Library};
    pub use crate::fit::{Fit, Fitted, Optimizer, WeightDecay};
    pub use crate::model::{Bound, Differentiable, Model, Names, Params, System, Unknowns, from_fn};
    pub use crate::network::{Activation, Initializer, Mlp};
    pub use crate::number::{Dual, Expr, Real};
    pub use crate::ode::{Method, Options, Save, Solution, Solve, SolveError};
}
