//! Derivatives of solves with respect to parameters, initial state and times.
//!
//! A problem put together with [`Solve`](crate::ode::Solve) is differentiated with
//! [`differentiate`](crate::ode::Solve::differentiate): [`Derivatives`] gives the gradient of a [`Loss`] that is written once for
//! every number, checks it against differences, and forms products with the Hessian, [Jacobians of residuals](Residuals) and
//! gradients over many trajectories. Steady states have [`gradient`](crate::ode::SteadyState::gradient). `docs/gradients.md` says
//! which way when, and where not to believe a gradient. Below it are the two that do the work, to be called over and over:
//!
//! The first two differentiate what was computed: the steps that were taken, with their sizes held fixed, and the dense
//! output that was read. They give the same numbers to rounding.
//!
//! | | gives | cost beside the solve | when |
//! |---|---|---|---|
//! | [`ForwardSensitivity`] | $\partial u(t_k) / \partial(p, u_0)$, the whole matrix | grows with the number of columns | least squares, up to a few hundred parameters |
//! | [`DiscreteAdjoint`] | the gradient of one number | one reverse sweep, whatever the number of parameters | many parameters |
//! | [`Continuous`] adjoints | the same, to the accuracy of a second solve | a differential equation solved backwards | comparison |
//!
//! Step sizes are constants to these: the size sequence is a choice of the controller and no part of the model (the same
//! choice diffrax and diffsol make).
//!
//! # Through which methods
//! Gradients and sensitivities go through every method, with
//! mass matrices (also singular ones) and across [`discontinuities`](crate::ode::Options::discontinuities). Stages that Newton's
//! method has solved for are differentiated as if they were exact: what it leaves of them, a small part of the tolerance, is
//! what a gradient may be off by from that of the steps. Rosenbrock methods have the Jacobian in their formulas, so that their
//! derivative has second derivatives of the right-hand side in it, exact ones. Of the BDF the cotangents of all differences are
//! carried from step to step; its orders are constants as its steps are.
//!
//! With [`Method::Automatic`](crate::ode::Method::Automatic) both go through Tsit5 until the problem looks stiff, and then begin
//! afresh with the methods that a solve would choose.
//!
//! # Large systems
//! Of a model with many states or fields of parameters, of which each equation sees few, the sparsity of all derivatives is
//! found once, so that a gradient by a thousand parameters of a partial differential equation costs some five to ten
//! solves; nothing has to be said for it. For stiff ones leave the method to be chosen, or take a Rosenbrock method, an ESDIRK
//! method or the BDF. Where stability limits the steps of an explicit method its gradient is refused, since what grows in one step and
//! is damped in another grows in the derivative. A [sensitivity](ForwardSensitivity) has a column for every parameter and is
//! for small systems.
//!
//! # Memory
//! A gradient keeps the steps of its solve for the way back, within a [budget](DiscreteAdjoint::budget) of 256 MiB if nothing
//! else is said. The steps of a longer solve are made twice, piece by piece from snapshots, the same to the bit;
//! [`Checkpointing`] says how many.

mod any;
mod any_forward;
mod check;
mod checkpoints;
mod compiled;
mod continuous;
mod coupled;
mod derivatives;
mod discrete;
mod ensemble;
mod families;
mod forward;
mod jumps;
mod loss;
mod onward;
mod rate;
mod report;
mod residuals;
mod reverse;
mod start;
mod steady;
mod steps;
mod tangent;

pub use check::{Direction, GradientCheck};
pub use checkpoints::Checkpointing;
pub use continuous::{AdjointError, BackwardSolve, Continuous, Drift};
pub use derivatives::{Derivatives, LossGradient};
pub use discrete::{DiscreteAdjoint, Gradient};
pub use ensemble::EnsembleGradient;
pub use forward::ForwardSensitivity;
pub use loss::Loss;
pub use report::{GradientMethod, GradientReport};
pub use residuals::{ResidualJacobian, Residuals};
pub use steady::SteadyGradient;
pub use tangent::HessianProduct;
