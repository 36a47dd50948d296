//! Ordinary differential equations: one step loop, one method per file.
//!
//! ```
//! use ansatz::prelude::*;
//! let circle = from_fn(["x", "y"], |_t, u, _p, du| {
//!     du[0] = -u[1];
//!     du[1] = u[0];
//! });
//! let solution = Solve::system(&circle, [1.0, 0.0], 0.0, 6.0).rtol(1e-8).atol(1e-8).run()?;
//! let u = solution.at(2.5)?; // dense output: any time in between
//! assert!((u[0] - 2.5f64.cos()).abs() < 1e-6);
//! println!("{}", solution.statistics());
//! # Ok::<(), ansatz::Error>(())
//! ```
//!
//! # How a method comes in
//! An explicit Runge–Kutta pair is a [`Tableau`](explicit::Tableau): constants in `explicit/<name>.rs`, one line in
//! [`Method`], and its row in the table of `tests/promises/convergence_order.rs`. The step loop, step control, dense output,
//! save times, failures, sensitivities and adjoints are shared.

mod automatic;
mod cause;
mod consistent;
mod control;
mod damped_newton;
pub mod ensemble;
mod error;
mod events;
pub mod explicit;
mod failure;
pub mod implicit;
mod integrate;
mod integrator;
mod jump;
mod keep;
pub(crate) mod linear;
mod methods;
mod null_space;
mod options;
mod piece;
mod problem;
mod request;
mod saved;
mod solution;
mod solve;
pub mod stabilized;
mod steady;
mod stepper;
#[cfg(test)]
mod tests;

pub use cause::Cause;
pub use control::StepControl;
pub use ensemble::{Ensemble, EnsembleSolution};
pub use error::{Component, SolveError};
pub use events::{Event, Occurrence};
pub use integrate::Progress;
pub use integrator::Integrator;
pub use jump::Jump;
pub use linear::LinearSolver;
pub use options::{Bounds, Method, Options, Save, Tolerance};
pub use solution::{JacobianSource, Solution, Statistics};
pub use solve::Solve;
pub use steady::{Route, Steady, SteadyError, SteadyState};

pub(crate) use consistent::AlgebraicEquations;
pub(crate) use events::Events;
pub(crate) use failure::failure;
pub(crate) use integrate::{Action, Course, Kept, Observer, SaveTimes, Span, Stop, StopReason, Workspace, integrate};
pub(crate) use keep::GAUSS;
pub(crate) use methods::AnyStepper;
pub(crate) use problem::Plain;
pub(crate) use request::Held;
pub(crate) use saved::Saved;
pub(crate) use stepper::{Context, Implicit, Rhs, Step, Stepper};
