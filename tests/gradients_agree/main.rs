//! Gradients through every solve.

mod events;
mod integrals;
mod losses;
mod properties;
mod steady;
