//! ansatz
#![warn(missing_docs)]
mod error;
pub mod model;
pub mod network;
pub mod number;
pub use error::{Error, Result};

/// p
pub mod prelude {
    pub use crate::model::{Bound, Differentiable, Model, Names, Params, System, Unknowns, from_fn};
    pub use crate::network::{Activation, Initializer, Mlp};
    pub use crate::number::{Dual, Expr, Real};
}
