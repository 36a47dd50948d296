//! The promises of the library, one module each.

mod bad_input;
mod convergence_order;
mod data;
mod efficiency;
mod elementary_functions;
mod laws_recovered;
mod pictures;
#[allow(dead_code)]
mod problems;
mod promises_of_the_fit;
mod synthetic;
