//! Explicit Runge–Kutta pairs.
//!
//! $$ k_i = f\Bigl(t + c_i h, u + h \sum_{j<i} a_{ij} k_j\Bigr), \qquad
//! u_{+} = u + h \sum_i b_i k_i, \qquad e = h \sum_i \tilde b_i k_i $$
//!
//! with dense output $u(t + \theta h) = u + h \sum_i b_i(\theta) k_i$, $b_i(\theta) = \sum_m r_{im} \theta^m$.

mod tsit5;

pub use tsit5::Tsit5;

/// The coefficients of an explicit Runge–Kutta pair with `S` stages and a dense output of degree `D`.
pub trait Tableau<const S: usize, const D: usize> {
    /// Order $p$ of the solution that is carried on.
    const ORDER: usize;
    /// Order of the error estimate plus one: the power of $h$ that the error estimate goes with.
    const ERROR_ORDER: usize;
    /// Order $p^*$ of the dense output.
    const DENSE_ORDER: usize;
    /// Whether the last stage is the first of the next step: $a_{Sj} = b_j$, $c_S = 1$.
    const FIRST_SAME_AS_LAST: bool;
    /// Times $c$ of the stages.
    const C: [f64; S];
    /// Coefficients $a_{ij}$, strictly lower triangular.
    const A: [[f64; S]; S];
    /// Weights $b$.
    const B: [f64; S];
    /// Weights $\tilde b$ of the error estimate, solution minus embedded solution.
    const E: [f64; S];
    /// Coefficients $r_{im}$ of $\theta^m$, $m = 1 \dots D$, in $b_i(\theta)$.
    const R: [[f64; D]; S];

    /// $b(\theta)$.
    #[inline(always)]
    fn dense_weights(theta: f64) -> [f64; S] {
        let mut weights = [0.0; S];
        for (w, r) in weights.iter_mut().zip(&Self::R) {
            *w = r.iter().rev().fold(0.0, |sum, r| sum * theta + r) * theta;
        }
        weights
    }
}

/// The order conditions of a tableau, to check its digits.
///
/// J. C. Butcher's rooted trees up to order 5 (Hairer, Nørsett, Wanner I, table II.2.2): $\sum_i b_i \Phi_i(\tau) =
/// 1/\gamma(\tau)$.
#[cfg(test)]
pub(crate) mod order_conditions {
    /// For each rooted tree up to `order`: its order, $\Phi(\tau)$ per stage and $1/\gamma(\tau)$.
    pub fn trees<const S: usize>(a: &[[f64; S]; S], c: &[f64; S]) -> Vec<(usize, [f64; S], f64)> {
        let product = |x: &[f64; S], y: &[f64; S]| -> [f64; S] { std::array::from_fn(|i| x[i] * y[i]) };
        let apply = |x: &[f64; S]| -> [f64; S] { std::array::from_fn(|i| (0..S).map(|j| a[i][j] * x[j]).sum()) };
        let one = [1.0; S];
        let c1 = *c;
        let c2 = product(&c1, &c1);
        let c3 = product(&c2, &c1);
        let c4 = product(&c2, &c2);
        let ac = apply(&c1);
        let ac2 = apply(&c2);
        let ac3 = apply(&c3);
        let aac = apply(&ac);
        let aac2 = apply(&ac2);
        let aaac = apply(&aac);
        let acac = apply(&product(&c1, &ac));
        vec![
            (1, one, 1.0),
            (2, c1, 1.0 / 2.0),
            (3, c2, 1.0 / 3.0),
            (3, ac, 1.0 / 6.0),
            (4, c3, 1.0 / 4.0),
            (4, product(&c1, &ac), 1.0 / 8.0),
            (4, ac2, 1.0 / 12.0),
            (4, aac, 1.0 / 24.0),
            (5, c4, 1.0 / 5.0),
            (5, product(&c2, &ac), 1.0 / 10.0),
            (5, product(&ac, &ac), 1.0 / 20.0),
            (5, product(&c1, &ac2), 1.0 / 15.0),
            (5, ac3, 1.0 / 20.0),
            (5, product(&c1, &aac), 1.0 / 30.0),
            (5, acac, 1.0 / 40.0),
            (5, aac2, 1.0 / 60.0),
            (5, aaac, 1.0 / 120.0),
        ]
    }
}
