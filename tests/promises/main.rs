//! The promises of the library, one module each.

mod convergence_order;
mod data;
mod gradients_agree;
mod pictures;
mod problems;
