//! Gradients through every solve.

mod catalogue;
mod events;
mod integrals;
mod losses;
mod properties;
mod residuals;
mod steady;
