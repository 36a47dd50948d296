//! Rosenbrock methods: linearly implicit, one factorisation a step, no Newton iteration.
//!
//! For $M u' = f(t, u)$, with $f_u$ and $f_t$ taken at the start of the step (Hairer & Wanner II, IV.7 and
//! VI.4):
//!
//! $$ \Bigl(\frac{1}{h\gamma} M - f_u\Bigr) U_i = f\Bigl(t + \alpha_i h, u + \sum_{j<i} a_{ij} U_j\Bigr) +
//! M \sum_{j<i} \frac{c_{ij}}{h} U_j + \gamma_i h f_t, \qquad
//! u_{+} = u + \sum_i m_i U_i, \qquad e = \sum_i e_i U_i $$
//!
//! with dense output $u(t + \theta h) = u + \sum_i d_i(\theta) U_i$, $d_i(\theta) = \sum_m d_{im} \theta^m$. In terms
//! of the textbook's $\alpha_{ij}$, $\Gamma = (\gamma_{ij})$ and $b_i$: $U = \Gamma k$, $a = \alpha \Gamma^{-1}$, $c =
//! \gamma^{-1} I - \Gamma^{-1}$, $m^T = b^T \Gamma^{-1}$, which saves all products with $f_u$.
//!
//! The order needs the exact $f_u$ and $f_t$. $M$ may be singular as long as the problem is of index 1.

mod rodas4;
mod rodas5p;
mod rosenbrock23;
mod small;
mod stepper;

#[cfg(test)]
mod convergence;
#[cfg(test)]
mod standard_form;

pub use rodas4::Rodas4;
pub use rodas5p::Rodas5P;
pub use rosenbrock23::Rosenbrock23;

pub(crate) use stepper::Rosenbrock;

use super::Row;

/// The coefficients of a Rosenbrock method in the form above.
pub trait RosenbrockTableau {
    /// Order $p$ of the solution that is carried on.
    const ORDER: usize;
    /// Power of $h$ that the error estimate goes with in the differential components.
    const ERROR_ORDER: usize;
    /// Order $p^*$ of the dense output in the differential components.
    const DENSE_ORDER: usize;
    /// Stages of a step, one solve each.
    const STAGES: usize;
    /// Whether the last stage evaluates $f$ at $(t + h, u_{+})$, so that the next step has its first evaluation.
    const FIRST_SAME_AS_LAST: bool;
    /// $\gamma$, the same in all stages.
    const GAMMA: f64;
    /// Times $\alpha_i$ of the stages.
    const ALPHA: &'static [f64];
    /// $\gamma_i = \sum_j \gamma_{ij}$, the factors of $h f_t$.
    const GAMMA_SUM: &'static [f64];
    /// Rows $a_{ij}$.
    const A: &'static [Row];
    /// Rows $c_{ij}$.
    const C: &'static [Row];
    /// Weights $m_i$ of the solution.
    const M: Row;
    /// Weights $e_i$ of the error estimate, solution minus embedded solution.
    const E: Row;
    /// Degree of the dense output in $\theta$.
    const DENSE_DEGREE: usize;
    /// Coefficients $d_{im}$ of $\theta^m$, $m = 1 \dots$ `DENSE_DEGREE`, by stage.
    const DENSE: &'static [(usize, &'static [f64])];
}

/// Coefficients of $\theta \dots \theta^{P}$ in $\theta (m + (1 - \theta) (h_2 + h_3 \theta + \dots))$, the form in
/// which the dense outputs of the RODAS family are published; $P$ is the number of $h$ plus one.
const fn dense_row<const H: usize, const P: usize>(m: f64, h: [f64; H]) -> [f64; P] {
    assert!(P == H + 1);
    let mut d = [0.0; P];
    d[0] = m + h[0];
    let mut k = 1;
    while k < H {
        d[k] = h[k] - h[k - 1];
        k += 1;
    }
    d[H] = -h[H - 1];
    d
}
