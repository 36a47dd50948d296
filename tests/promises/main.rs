//! The promises of the library, one module each.

mod bad_input;
mod brusselator_fields;
mod convergence_order;
mod data;
mod efficiency;
mod elementary_functions;
mod gradients_agree;
mod gradients_every_method;
mod gradients_in_little_memory;
mod gradients_large;
mod laws_recovered;
mod pictures;
mod problems;
mod promises_of_the_fit;
mod synthetic;
