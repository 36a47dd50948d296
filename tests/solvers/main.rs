//! What every method of integration promises: its order, smooth or stiff; events; and what happens when a solve cannot
//! go on.

mod convergence;
mod discontinuities;
mod events;
mod failures;
mod integrals;
mod limits;
mod order_reduction;
mod problems;
