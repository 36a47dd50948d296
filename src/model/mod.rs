//! Models: the known mechanism, its parameters, and the unknown terms in it.
//!
//! A scientist writes a [`Model`]: names, and a right-hand side generic over the number. Everything below sees only a
//! [`System`], a small object-safe trait; [`Bound`] makes one of any model, [`from_fn`] of a plain closure.
//!
//! ```
//! use ansatz::prelude::*;
//!
//! /// du/dt = growth · u − loss(u), with the loss unknown.
//! struct Growth {
//!     loss: Mlp<1, 1>,
//! }
//!
//! impl Model for Growth {
//!     fn states(&self) -> Names {
//!         ["u"].into()
//!     }
//!     fn parameters(&self) -> Names {
//!         ["growth"].into()
//!     }
//!     fn unknowns(&self) -> Unknowns<'_> {
//!         Unknowns::of("loss", &self.loss)
//!     }
//!     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
//!         let [growth] = p.parameters();
//!         let [loss] = p.call(&self.loss, [u[0]]);
//!         du[0] = growth * u[0] - loss;
//!     }
//! }
//!
//! let model = Growth { loss: Mlp::new([8], Activation::Tanh) };
//! let bound = Bound::new(&model)?;
//! assert_eq!(bound.parameter_count(), 1 + 25); // growth and the network's weights
//! # Ok::<(), ansatz::Error>(())
//! ```

mod bound;
mod colouring;
mod error;
mod from_fn;
mod mass;
mod names;
mod params;
mod sparsity;
mod split;
mod system;

pub use bound::{Bound, LaneParameters, Scaling};
pub use colouring::Colouring;
pub use error::ModelError;
pub use from_fn::{FromFn, from_fn};
pub use mass::{MassError, MassMatrix};
pub use names::{Names, nearest_name};
pub use params::{Call, Caller, Params};
pub use sparsity::{Sparsity, SparsityError};
pub use split::Split;
pub use system::{Differentiable, System};

use crate::network::Block;
use crate::number::Real;

/// A right-hand side $\dot u = f(t, u, p)$ with names, written once for every number.
///
/// See the [module](crate::model) for an example.
pub trait Model: Sync {
    /// Names of the states, in the order of `u` and `du`. A fit looks for columns of these names in the data.
    fn states(&self) -> Names;

    /// Names of the mechanistic parameters, in the order in which [`Params::parameters`] hands them out.
    fn parameters(&self) -> Names {
        Names::default()
    }

    /// The unknown terms: networks that the right-hand side calls.
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::none()
    }

    /// The constant matrix $M$ of $M \dot u = f$; the identity when absent. A singular one makes the problem a
    /// differential-algebraic one of index 1.
    fn mass_matrix(&self) -> Option<MassMatrix> {
        None
    }

    /// Writes the derivatives of the states at time `t` to `du` (with a mass matrix: $M \dot u$).
    ///
    /// A value that is not finite means "not here": the solver tries a smaller step.
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]);
}

/// The named unknown terms of a model.
#[derive(Clone, Default)]
pub struct Unknowns<'a> {
    listed: Vec<(&'a str, &'a dyn Block)>,
}

impl<'a> Unknowns<'a> {
    /// No unknown terms.
    pub fn none() -> Self {
        Unknowns::default()
    }

    /// One unknown term.
    pub fn of(name: &'a str, block: &'a dyn Block) -> Self {
        Unknowns::none().and(name, block)
    }

    /// And another one.
    pub fn and(mut self, name: &'a str, block: &'a dyn Block) -> Self {
        self.listed.push((name, block));
        self
    }

    /// Names and blocks in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a dyn Block)> + '_ {
        self.listed.iter().copied()
    }
}
