//! Gradients through every solve: against independent references, against each other, against differences, and the derivative of
//! the steps as they were made.
//!
//! | | |
//! |---|---|
//! | [`references`], [`every_method`] | six problems with exact weights; every method, frozen steps, mass matrices, jumps |
//! | [`catalogue`] | methods agree on the whole catalogue of problems |
//! | [`properties`] | random models, methods, times and losses |
//! | [`losses`], [`integrals`], [`residuals`] | generic losses, times, second derivatives, checks; integrals; Jacobians, threads |
//! | [`events`] | times of events, delays of doses, two at once, at a saved time, ends |
//! | [`little_memory`], [`large`] | within a budget, the same to the bit; hundreds of states and parameters |
//! | [`steady`], [`continuous`] | steady states; continuous adjoints |

mod brusselator_fields;
mod catalogue;
mod continuous;
mod events;
mod every_method;
mod integrals;
mod large;
mod little_memory;
mod losses;
#[path = "../promises/problems.rs"]
#[allow(dead_code)]
mod problems;
mod properties;
mod references;
mod residuals;
mod steady;
