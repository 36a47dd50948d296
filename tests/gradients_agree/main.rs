//! Gradients through every solve.

mod losses;
