//! Singly diagonally implicit Runge–Kutta methods whose first stage is explicit (ESDIRK).
//!
//! $$ M k_i = f(t + c_i h, U_i), \qquad U_i = u + h \sum_{j<i} a_{ij} k_j + h \gamma k_i, \qquad
//! u_{+} = u + h \sum_i b_i k_i, \qquad e = h \sum_i \tilde b_i k_i $$
//!
//! with dense output $u(t + \theta h) = u + h \sum_i b_i(\theta) k_i$, $b_i(\theta) = \sum_m r_{im} \theta^m$. One
//! matrix, $M - h \gamma f_u$, serves all stages. All methods here are stiffly accurate, $b_j = a_{sj}$: $u_{+} = U_s$,
//! and the first stage of the next step is $k_s$. Take it from there and do not evaluate $f(t, u)$ for it: an error of
//! $u$, the one left by an iteration for instance, comes out of $f$ multiplied by $f_u$, but out of $U_s$ only by
//! $1/(h\gamma)$.
//!
//! If $M$ is singular, the part of $k_1$ in its kernel is not determined by $M k_1 = f$, and need not be: it has no
//! influence on solution and dense output, nor on an estimate that is bounded or filtered, by the same condition on the
//! weights as below. Zero will do.
//!
//! # Dense output of stiff components
//!
//! For $u' = \lambda u$ and $z = h\lambda \to \infty$ the stages remain bounded, but $h k_i \approx z x_i u$ does not,
//! where $x = (1, -\hat A^{-1} a_1)$ spans the kernel of $A$ ($a_1$ and $\hat A$ the first column and the rest of the
//! implicit rows). What is read off between the steps is bounded if and only if $\sum_i b_i(\theta) x_i = 0$, that is,
//! if it is $u + \sum_i w_i(\theta) (U_i - u)$, a combination of stages. All dense outputs here have this property, so
//! that they also serve algebraic components. A Hermite interpolant, which has $b'(0) = (1, 0, \dots)$, does not.

mod kencarp4;
mod kvaerno5;
mod stage_times;
mod stepper;
mod trbdf2;

#[cfg(test)]
mod conditions;
#[cfg(test)]
mod convergence;

pub use kencarp4::KenCarp4;
pub use kvaerno5::Kvaerno5;
pub use trbdf2::TrBdf2;

pub(crate) use stage_times::StageTimes;
pub(crate) use stepper::Esdirk;

use super::Row;

/// The coefficients of a stiffly accurate ESDIRK method.
pub trait EsdirkTableau {
    /// Order $p$ of the solution that is carried on.
    const ORDER: usize;
    /// Power of $h$ that the error estimate goes with.
    const ERROR_ORDER: usize;
    /// Whether the estimate grows without bound for $h f_u \to \infty$ and must be replaced by
    /// $(M - h \gamma f_u)^{-1} M e$ for stiff problems; one solve with the factors at hand.
    ///
    /// With a singular $M$ the filter is of use for all methods whose embedded solution is not a stage: it replaces the
    /// estimate in the algebraic components, of order $h^3$ only, by what the constraint makes of the differential
    /// ones.
    const ERROR_TO_FILTER: bool;
    /// What the estimate is multiplied by before it is compared with the tolerance.
    ///
    /// The estimate bounds the error of a step, but where the fast components follow slow ones that remember, these
    /// errors add up over thousands of steps: to 40 times the tolerance with Kvaerno5 on Orego, to 100 times with
    /// KenCarp4, where methods of Rosenbrock and Radau type stay below three. With this factor the problems of
    /// [`problems`](crate::problems) end within the promised multiple of the tolerance.
    const ERROR_FACTOR: f64;
    /// Order $p^*$ of the dense output in the differential components; it is 2, the order of the stages, in algebraic
    /// ones.
    const DENSE_ORDER: usize;
    /// Stages of a step, the explicit one included.
    const STAGES: usize;
    /// $\gamma = a_{ii}$ in all stages but the first.
    const GAMMA: f64;
    /// Times $c_i$ of the stages. One beyond 1 is evaluated by extrapolation where it is beyond what the right-hand side may be
    /// evaluated at.
    const C: &'static [f64];
    /// Rows $a_{ij}$, $j < i$, without the diagonal.
    const A: &'static [Row];
    /// Weights $b_i$ of the solution: the last row of $A$ with its diagonal.
    const B: Row;
    /// Weights $\tilde b_i$ of the error estimate, solution minus embedded solution.
    const E: Row;
    /// Degree of the dense output in $\theta$.
    const DENSE_DEGREE: usize;
    /// Coefficients $r_{im}$ of $\theta^m$, $m = 1 \dots$ `DENSE_DEGREE`, by stage; stages absent have $b_i(\theta) =
    /// 0$.
    const DENSE: &'static [(usize, &'static [f64])];
    /// Rows $a^E_{ij}$, $j < i$, of an explicit companion for the non-stiff part of a sum, where there is one: see
    /// [`KenCarp4`].
    const A_EXPLICIT: &'static [Row] = &[];
    /// Rows $p_{ij}$ of first guesses for the iterations, $k_i \approx \sum_{j<i} p_{ij} k_j$.
    ///
    /// The stages' derivatives lie on $u'(t)$ up to $O(h^3)$, so the guess is the quadratic through them at $c_i$ (the
    /// line or the constant where fewer are known). Where there are more than three, the smallest $\sum_j p_{ij}^2$
    /// decides.
    const PREDICTOR: &'static [Row];
}
