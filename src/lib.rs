//! ansatz
#![warn(missing_docs)]
pub mod adjoint;
mod error;
pub mod model;
pub mod network;
pub mod number;
pub mod ode;
pub use error::{Error, Result};

/// p
pub mod prelude {
    pub use crate::model::{Bound, Differentiable, Model, Names, Params, System, Unknowns, from_fn};
    pub use crate::network::{Activation, Initializer, Mlp};
    pub use crate::number::{Dual, Expr, Real};
    pub use crate::ode::{Method, Options, Save, Solution, Solve, SolveError};
}
