//! Implicit methods for stiff systems and for differential-algebraic equations of index 1, $M u' = f(t, u)$ with a
//! constant matrix $M$ that may be singular.
//!
//! Here are the constants; a method is a type without data, and one stepper serves each family:
//!
//! - [`rosenbrock`]: one linear system per stage, one factorisation. [`rosenbrock::Rosenbrock23`],
//!   [`rosenbrock::Rodas4`], [`rosenbrock::Rodas5P`].
//! - [`esdirk`]: one nonlinear system per stage, one factorisation. [`esdirk::TrBdf2`], [`esdirk::KenCarp4`],
//!   [`esdirk::Kvaerno5`].
//! - [`radau`]: one nonlinear system for all stages, one real and some complex factorisations. [`radau::Radau5`],
//!   [`radau::Radau9`], [`radau::Radau13`].
//! - [`bdf`]: one nonlinear system, the past in backward differences; orders 1 to 5.

pub mod bdf;
mod between;
pub mod esdirk;
pub(super) mod matrix;
mod newton;
pub mod radau;
pub mod rosenbrock;

pub use super::explicit::Row;
pub(crate) use matrix::{INITIAL_SHIFT, IterationMatrix};

#[cfg(test)]
mod convergence;
#[cfg(test)]
mod order_conditions;
#[cfg(test)]
mod stability;
