//! Explicit Runge–Kutta methods.
//!
//! $$ k_i = f\Bigl(t + c_i h, u + h \sum_{j<i} a_{ij} k_j\Bigr), \qquad
//! u_{+} = u + h \sum_i b_i k_i, \qquad e = h \sum_i \tilde b_i k_i $$
//!
//! with dense output $u(t + \theta h) = u + h \sum_i b_i(\theta) k_i$, $b_i(\theta) = \sum_m r_{im} \theta^m$.
//!
//! | method | order | evaluations a step | dense output | $\lvert R(-x)\rvert \le 1$ up to $x =$ | for |
//! |---|---|---|---|---|---|
//! | [`Euler`] | 1 | 1 | 1 | 2 | comparisons; fixed steps |
//! | [`Heun`] | 2(1) | 2 | 2 | 2 | rough right-hand sides |
//! | [`Rk4`] | 4 | 4 | 3 | 2.78 | fixed steps |
//! | [`Bs3`] | 3(2) | 3 | 3 | 2.51 | `rtol` down to about 1e-4 |
//! | [`Tsit5`] | 5(4) | 6 | 4 | 3.50 | `rtol` from 1e-3 to 1e-9 |
//! | [`Vern7`] | 7(6) | 10 | 7, 5 more evaluations | 4.64 | `rtol` from 1e-7 to 1e-12 |
//! | [`Dop853`] | 8(5, 3) | 12 | 7, 3 more evaluations | 6.39 | `rtol` from 1e-7 to 1e-13 |
//! | [`Vern9`] | 9(8) | 16 | 9, 9 more evaluations | 4.47 | `rtol` below 1e-10 |
//! | [`Ssprk33`] | 3(2) | 3 | 2 | 2.51 | hyperbolic conservation laws |
//! | [`Ssprk104`] | 4(3) | 10 | 3 | 13.9 | hyperbolic conservation laws, long steps |

mod bs3;
mod dop853;
mod euler;
mod heun;
mod rk4;
mod ssprk104;
mod ssprk33;
mod stepper;
mod tsit5;
mod vern7;
mod vern9;

#[cfg(test)]
mod order_conditions;
#[cfg(test)]
mod strong_stability;

pub use bs3::Bs3;
pub use dop853::Dop853;
pub use euler::Euler;
pub use heun::Heun;
pub use rk4::Rk4;
pub use ssprk33::Ssprk33;
pub use ssprk104::Ssprk104;
pub use tsit5::Tsit5;
pub use vern7::Vern7;
pub use vern9::Vern9;

pub(crate) use stepper::{
    BORDER, CALM_STEPS, ExplicitRk, LOOK_EVERY, STIFF_STEPS, combine, power_sum, power_sum_derivative,
};

/// Coefficients by stage, in increasing order; stages that are absent have coefficient zero.
pub type Row = &'static [(usize, f64)];

/// The coefficients of an explicit Runge–Kutta method.
///
/// The rows of the extra stages, which only the dense output needs, stand after those of the step; they are computed
/// when somebody looks between steps.
///
/// A method whose dense output needs $f$ at the new state has that as its last stage, so that it serves as the first of
/// the next step too ([`FIRST_SAME_AS_LAST`](Self::FIRST_SAME_AS_LAST)).
pub trait Tableau {
    /// Order $p$ of the solution that is carried on.
    const ORDER: usize;
    /// Power of $h$ that the error estimate goes with: order of the embedded solution plus one. Zero: there is no
    /// estimate, and steps are fixed.
    const ERROR_ORDER: usize;
    /// Order $p^*$ of the dense output: $u(t + \theta h)$ is exact up to $O(h^{p^* + 1})$ within a step.
    const DENSE_ORDER: usize;
    /// Stages of a step.
    const STAGES: usize;
    /// Whether the last stage is the first of the next step: $a_{sj} = b_j$, $c_s = 1$.
    const FIRST_SAME_AS_LAST: bool;
    /// Times $c$ of the stages and extra stages.
    const C: &'static [f64];
    /// Rows $a_{ij}$ of the stages and extra stages; the first is empty.
    const A: &'static [Row];
    /// Weights $b$.
    const B: Row;
    /// Weights $\tilde b$ of the error estimate: solution minus embedded solution.
    const E: Row;
    /// Weights of a second estimate of lower order, combined with the first as in [`Dop853`]; empty for all others.
    const E_LOW: Row = &[];
    /// What the estimate is multiplied by before it is compared with the tolerance.
    ///
    /// The estimate is the error of the embedded solution. How much smaller that of the solution carried on is, at the same
    /// tolerance, is a property of the pair: the difference is the part of the tolerance that the errors of all steps
    /// together may use up.
    const ERROR_FACTOR: f64 = 1.0;
    /// Extra stages that the dense output needs. Each may use all stages before it.
    const EXTRA: usize = 0;
    /// The highest power in $b_i(\theta)$.
    const DENSE_DEGREE: usize;
    /// $b_i(\theta) = \sum_m r_{im} \theta^m$, $m = 1, 2, \dots$: stage and coefficients. Stages that are absent have
    /// $b_i(\theta) = 0$.
    const DENSE: &'static [(usize, &'static [f64])];
    /// Length of the interval of absolute stability on the negative real axis, rounded down.
    const STABILITY: f64;
    /// The same for the dense output, $\vert u(t + \theta h)\vert \le \vert u(t)\vert$ for all $\theta$, where that is so much
    /// shorter that steps have to be held to it when somebody looks between them; elsewhere infinite.
    ///
    /// Between the steps a component with $h\lambda$ in the rest of the interval of stability is magnified, but it is not
    /// carried on, so that no error of a step shows it. Up to a factor of three that is let pass.
    const DENSE_STABILITY: f64 = f64::INFINITY;

    /// Writes $b_i(\theta)$ of all stages and extra stages.
    ///
    /// `out` holds [`STAGES`](Self::STAGES) + [`EXTRA`](Self::EXTRA) numbers.
    #[inline(always)]
    fn dense_weights(theta: f64, out: &mut [f64]) {
        out.fill(0.0);
        for (i, r) in Self::DENSE {
            out[*i] = r.iter().rev().fold(0.0, |sum, r| sum * theta + r) * theta;
        }
    }
}
