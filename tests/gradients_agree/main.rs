//! Gradients through every solve.

mod catalogue;
mod continuous;
mod events;
mod integrals;
mod losses;
#[path = "../promises/problems.rs"]
#[allow(dead_code)]
mod problems;
mod properties;
mod residuals;
mod steady;
