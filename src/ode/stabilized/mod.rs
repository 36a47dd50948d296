//! Stabilised explicit Runge–Kutta methods: many stages spent on stability instead of order.
//!
//! The stages follow a three-term recurrence, so that a step has as many as its length asks for and still needs only a
//! handful of vectors. The interval $[-\beta, 0]$ on which $\lvert R \rvert \le 1$ grows with the square of their
//! number $s$: one step of $s$ stages reaches as far as about $s^2 / 3$ steps of Euler's method, for the price of $s$.
//!
//! | method | order | dense output | $\beta(s) \ge$ | $s$ | for |
//! |---|---|---|---|---|---|
//! | [`Rkc2`] | 2 | 3 | $(s^2 - 1) / 1.54$ | 2 … 200 | `rtol` of 1e-2 to 1e-4, rough data |
//! | [`Rock4`] | 4(3) | 3 | $0.353 s^2 - 3.1$ | 5 … 142 | `rtol` of 1e-3 to 1e-8 |
//!
//! # When
//! For large systems whose Jacobian has its eigenvalues near the negative real axis: diffusion in two and three dimensions,
//! with mild reactions, where an implicit method would have to factorise. No Jacobian is formed, no linear system solved; the
//! cost grows with the square root of the stiffness. Away from the real axis the domain of stability is a strip as narrow
//! as $\lvert \mathrm{Im} z \rvert \lesssim 1$ at the ends of small bulges: waves and strong advection are not for these
//! methods, nor are fast reactions, whose spectral radius of 1e6 and more costs hundreds of stages a step.
//!
//! # The spectral radius
//! The number of stages follows from the step and a bound of the spectral radius of $f_u$. It is estimated along the way by a
//! nonlinear power method on $f$ itself; who knows a bound (Gershgorin's theorem often gives one) saves that by
//! [`Options::spectral_radius`](crate::ode::Options::spectral_radius). A step that would need more stages than there are is
//! shortened.

mod backwards;
mod rkc2;
mod rock4;
mod rock4_finish;
mod rock4_recurrence;
mod rock4_recurrence_long;
mod spectral_radius;
mod stepper;

#[cfg(test)]
mod convergence;
#[cfg(test)]
mod tableau;

pub use rkc2::Rkc2;
pub use rock4::Rock4;

pub(crate) use backwards::{Backwards, Cotangents, Products};
pub(crate) use stepper::{Attempt, Memory, Recurrent, Stabilized};

/// A family of methods of one order, of which each step takes the member with as many stages as it needs.
pub trait StabilizedMethod {
    /// Order $p$ of the solution that is carried on.
    const ORDER: usize;
    /// Power of $h$ that the error estimate goes with.
    const ERROR_ORDER: usize;
    /// The fewest stages of a step.
    const FEWEST_STAGES: usize;
    /// The most stages of a step.
    const MOST_STAGES: usize;

    /// Length $\beta(s)$ of the interval of stability on the negative real axis, rounded down.
    fn stability(stages: usize) -> f64;

    /// The fewest stages whose interval of stability is at least this long; `None`: there are none.
    fn stages_for(length: f64) -> Option<usize>;

    /// The most stages that keep the rounding errors, which the stages amplify, below a tenth of the relative tolerance.
    fn most_stages(rtol: f64) -> usize;
}
