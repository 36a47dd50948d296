//! The promises of the library, one module each.

mod convergence_order;
mod gradients_agree;
mod data;
mod pictures;
mod problems;
