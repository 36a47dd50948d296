//! Gradients through every solve.

mod losses;
mod steady;
