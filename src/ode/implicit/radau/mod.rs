//! Radau IIA: collocation at the right Radau points, for stiff systems and differential-algebraic equations.
//!
//! With the increments $Z_i = U_i - u$ of the stages, $U_i \approx u(t + c_i h)$,
//!
//! $$ \Bigl(\frac{1}{h} A^{-1} \otimes M\Bigr) Z = F(Z), \qquad F_i = f(t + c_i h, u + Z_i), \qquad u_{+} = u + Z_s. $$
//!
//! $A^{-1}$ has one real eigenvalue $\gamma$ and pairs $\alpha_k \pm \mathrm{i} \beta_k$. In $W = T^{-1} Z$ the matrix
//! is block diagonal,
//!
//! $$ T^{-1} A^{-1} T = \mathrm{diag}\Bigl(\gamma, \begin{pmatrix} \alpha_1 & -\beta_1 \\\\ \beta_1 & \alpha_1
//! \end{pmatrix}, \dots\Bigr), $$
//!
//! and a Newton iteration solves one real system with $\frac{\gamma}{h} M - f_u$ and one complex system for each pair
//! with $\frac{\alpha_k + \mathrm{i} \beta_k}{h} M - f_u$, the unknown being $W_{2k} + \mathrm{i} W_{2k+1}$ (counted
//! from one).
//!
//! # Error estimate
//!
//! The solution is compared with an embedded one that also uses $f(t, u)$, with weight $1/\gamma$ so that the real
//! matrix at hand can filter it (Hairer & Wanner II, IV.8):
//!
//! $$ e = \Bigl(\frac{\gamma}{h} M - f_u\Bigr)^{-1} \Bigl(f(t, u) + \frac{1}{h} M \sum_i e_i Z_i\Bigr) $$
//!
//! $-\frac{1}{h} \sum_i e_i Z_i$ is the slope of the collocation polynomial at $t$: the estimate is the defect of the
//! polynomial there, which collocation leaves free. At the first step and after a rejection $f(t, u + e)$ in place of
//! $f(t, u)$ gives a second, better one.
//!
//! # Dense output
//!
//! The polynomial of degree $s$ through $u$ and the stages, $u(t + \theta h) = u + \sum_i w_i(\theta) Z_i$; beyond
//! $\theta = 1$ it gives the first guess of the next step.

mod radau13;
mod radau5;
mod radau9;
mod stepper;

pub use radau5::Radau5;
pub use radau9::Radau9;
pub use radau13::Radau13;

pub(crate) use stepper::Radau;

/// The coefficients of a Radau IIA method with an odd number of stages.
pub trait RadauTableau {
    /// Stages $s$, odd.
    const STAGES: usize;
    /// Order $p = 2s - 1$ of the solution.
    const ORDER: usize = 2 * Self::STAGES - 1;
    /// Power of $h$ that the error estimate goes with: the embedded solution is of order $s$.
    const ERROR_ORDER: usize = Self::STAGES + 1;
    /// Order $p^*$ of the dense output.
    const DENSE_ORDER: usize = Self::STAGES;
    /// Nodes $c_i$, the last of them 1.
    const C: &'static [f64];
    /// $A^{-1}$ by rows.
    const A_INVERSE: &'static [&'static [f64]];
    /// Real eigenvalue $\gamma$ of $A^{-1}$.
    const GAMMA: f64;
    /// $(\alpha_k, \beta_k)$ of the complex eigenvalues, $\alpha_k$ increasing.
    const PAIRS: &'static [(f64, f64)];
    /// $T$ by rows: first the real eigenvector, then real and negative imaginary part of one of each pair, scaled to
    /// end in 1 and 0.
    const T: &'static [&'static [f64]];
    /// $T^{-1}$ by rows.
    const T_INVERSE: &'static [&'static [f64]];
    /// Weights $e_i$ of the increments in the error estimate.
    const E: &'static [f64];
    /// $1 / \prod (c_i - c_j)$ over the other nodes and 0.
    const BARYCENTRIC: &'static [f64];

    /// Writes $w_i(\theta)$, Lagrange's polynomials to the nodes and 0. Their products stay exact where the
    /// coefficients of the powers of $\theta$, up to 15 000 for seven stages, would cancel.
    fn dense_weights(theta: f64, weights: &mut [f64]) {
        for (i, w) in weights.iter_mut().enumerate().take(Self::STAGES) {
            let product =
                (0..Self::STAGES).filter(|j| *j != i).fold(theta, |product, j| product * (theta - Self::C[j]));
            *w = product * Self::BARYCENTRIC[i];
        }
    }
}

const fn barycentric<const S: usize>(c: [f64; S]) -> [f64; S] {
    let mut weights = [0.0; S];
    let mut i = 0;
    while i < S {
        let mut product = c[i];
        let mut j = 0;
        while j < S {
            if j != i {
                product *= c[i] - c[j];
            }
            j += 1;
        }
        weights[i] = 1.0 / product;
        i += 1;
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::super::order_conditions::{Matrix, dot};
    use super::*;

    fn owned(rows: &[&[f64]]) -> Matrix {
        rows.iter().map(|row| row.to_vec()).collect()
    }

    fn column(a: &Matrix, j: usize) -> Vec<f64> {
        a.iter().map(|row| row[j]).collect()
    }

    fn powers(c: &[f64], q: usize) -> Vec<f64> {
        c.iter().map(|c| c.powi(q as i32)).collect()
    }

    /// Inverse by elimination with pivoting.
    fn inverse(a: &Matrix) -> Matrix {
        let n = a.len();
        let mut work: Matrix = a.clone();
        for (i, row) in work.iter_mut().enumerate() {
            row.extend((0..n).map(|j| if i == j { 1.0 } else { 0.0 }));
        }
        for k in 0..n {
            let pivot = (k..n).max_by(|&i, &j| work[i][k].abs().total_cmp(&work[j][k].abs())).unwrap();
            work.swap(k, pivot);
            let head = work[k].clone();
            for (i, row) in work.iter_mut().enumerate() {
                let factor = if i == k { 1.0 - 1.0 / head[k] } else { row[k] / head[k] };
                row.iter_mut().zip(&head).for_each(|(x, h)| *x -= factor * h);
            }
        }
        work.iter().map(|row| row[n..].to_vec()).collect()
    }

    /// $|x - y|$ within what rounding the factors of the product gives.
    fn assert_product(a: &[f64], b: &[f64], value: f64) {
        let bound: f64 = a.iter().zip(b).map(|(a, b)| (a * b).abs()).sum();
        let defect = dot(a, b) - value;
        assert!(defect.abs() <= 2.0 * f64::EPSILON * bound, "{defect:e} with terms of {bound:e}");
    }

    /// $B(2s-1)$: $\sum b_i c_i^{q-1} = 1/q$. $C(s)$: $\sum_j a_{ij} c_j^{q-1} = c_i^q/q$. $D(s-1)$:
    /// $\sum_i b_i c_i^{q-1} a_{ij} = b_j (1 - c_j^q)/q$. These are what makes it Radau IIA of order $2s - 1$
    /// (Hairer & Wanner II, IV.5).
    fn check_collocation<T: RadauTableau>() {
        let a = inverse(&owned(T::A_INVERSE));
        let b = &a[T::STAGES - 1];
        for q in 1..=2 * T::STAGES - 1 {
            approx::assert_abs_diff_eq!(dot(b, &powers(T::C, q - 1)), 1.0 / q as f64, epsilon = 1e-14);
        }
        for q in 1..=T::STAGES {
            for i in 0..T::STAGES {
                let exact = T::C[i].powi(q as i32) / q as f64;
                approx::assert_abs_diff_eq!(dot(&a[i], &powers(T::C, q - 1)), exact, epsilon = 1e-14);
            }
        }
        for q in 1..T::STAGES {
            let weighted: Vec<f64> = b.iter().zip(powers(T::C, q - 1)).map(|(b, c)| b * c).collect();
            for j in 0..T::STAGES {
                let exact = b[j] * (1.0 - T::C[j].powi(q as i32)) / q as f64;
                approx::assert_abs_diff_eq!(dot(&weighted, &column(&a, j)), exact, epsilon = 1e-14);
            }
        }
        assert!((dot(b, &powers(T::C, 2 * T::STAGES - 1)) - 0.5 / T::STAGES as f64).abs() > 1e-8);
        assert_eq!(T::C[T::STAGES - 1], 1.0);
    }

    fn check_transformation<T: RadauTableau>() {
        let (t, t_inverse, a_inverse) = (owned(T::T), owned(T::T_INVERSE), owned(T::A_INVERSE));
        let mut block = vec![vec![0.0; T::STAGES]; T::STAGES];
        block[0][0] = T::GAMMA;
        for (k, &(alpha, beta)) in T::PAIRS.iter().enumerate() {
            let i = 1 + 2 * k;
            (block[i][i], block[i][i + 1]) = (alpha, -beta);
            (block[i + 1][i], block[i + 1][i + 1]) = (beta, alpha);
        }
        for i in 0..T::STAGES {
            for j in 0..T::STAGES {
                let unit = if i == j { 1.0 } else { 0.0 };
                assert_product(&t_inverse[i], &column(&t, j), unit);
                // A⁻¹ T = T Λ, entry by entry, with both sides in one product.
                let mut left = a_inverse[i].clone();
                left.extend(t[i].iter().map(|x| -x));
                let mut right = column(&t, j);
                right.extend(column(&block, j));
                assert_product(&left, &right, 0.0);
            }
        }
        assert!(T::PAIRS.is_sorted_by(|a, b| a.0 < b.0) && T::PAIRS.iter().all(|p| p.1 > 0.0));
        assert_eq!(1 + 2 * T::PAIRS.len(), T::STAGES);
    }

    /// The estimate vanishes for polynomials up to degree $s$: with $u = t^q$ the increments are $c_i^q$, and $f(0)$ is
    /// 1 for $q = 1$, else 0.
    fn check_estimate<T: RadauTableau>() {
        for q in 1..=T::STAGES {
            assert_product(T::E, &powers(T::C, q), if q == 1 { -1.0 } else { 0.0 });
        }
        assert!(dot(T::E, &powers(T::C, T::STAGES + 1)).abs() > 1e-4);
    }

    fn check_dense_output<T: RadauTableau>() {
        let mut w = vec![0.0; T::STAGES];
        for theta in [0.1f64, 0.37, 0.5, 0.9, 1.0, 1.5] {
            T::dense_weights(theta, &mut w);
            for q in 1..=T::STAGES {
                let size: f64 = w.iter().map(|w| w.abs()).sum();
                let defect = dot(&w, &powers(T::C, q)) - theta.powi(q as i32);
                assert!(defect.abs() <= 10.0 * f64::EPSILON * size, "θ = {theta}, q = {q}: {defect:e}");
            }
        }
        T::dense_weights(1.0, &mut w);
        assert!(w[..T::STAGES - 1].iter().all(|w| *w == 0.0));
    }

    fn check<T: RadauTableau>(order: usize, error_order: usize, dense_order: usize) {
        assert_eq!([T::ORDER, T::ERROR_ORDER, T::DENSE_ORDER], [order, error_order, dense_order]);
        check_collocation::<T>();
        check_transformation::<T>();
        check_estimate::<T>();
        check_dense_output::<T>();
    }

    #[test]
    fn three_stages() {
        check::<Radau5>(5, 4, 3);
        // The eigenvalues in closed form, Hairer & Wanner II, IV.8.
        let (root, sqrt3) = (9f64.cbrt(), 3f64.sqrt());
        let (alpha, beta) = ((12.0 - root * root + root) / 60.0, sqrt3 * (root * root + root) / 60.0);
        let norm = alpha * alpha + beta * beta;
        approx::assert_relative_eq!(Radau5::GAMMA, 30.0 / (6.0 + root * root - root), max_relative = 1e-15);
        approx::assert_relative_eq!(Radau5::PAIRS[0].0, alpha / norm, max_relative = 1e-15);
        approx::assert_relative_eq!(Radau5::PAIRS[0].1, beta / norm, max_relative = 1e-15);
    }

    #[test]
    fn five_stages() {
        check::<Radau9>(9, 6, 5);
    }

    #[test]
    fn seven_stages() {
        check::<Radau13>(13, 8, 7);
    }
}
