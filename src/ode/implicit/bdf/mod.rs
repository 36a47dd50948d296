//! Backward differentiation formulas (BDF) and their modification, the numerical differentiation formulas (NDF), of
//! orders 1 to 5 in backward differences with quasi-constant steps.
//!
//! With $\nabla^0 u_n = u_n$, $\nabla^{m+1} u_n = \nabla^m u_n - \nabla^m u_{n-1}$ on a grid of width $h$, the
//! prediction is $u^{(0)} = \sum_{m=0}^k \nabla^m u_n$, and the formula of order $k$
//!
//! $$ \sum_{m=1}^k \frac{1}{m} \nabla^m u_{n+1} - \kappa_k \gamma_k (u_{n+1} - u^{(0)}) = h u'_{n+1}, \qquad
//! \gamma_k = \sum_{j=1}^k \frac{1}{j}. $$
//!
//! In terms of the correction $d = u_{n+1} - u^{(0)} = \nabla^{k+1} u_{n+1}$ and of known differences this is
//!
//! $$ (1 - \kappa_k) \gamma_k M d + M \sum_{m=1}^k \gamma_m \nabla^m u_n = h f(t_{n+1}, u^{(0)} + d), $$
//!
//! with the iteration matrix $(1 - \kappa_k) \gamma_k M - h f_u$. Its defect is $C_k h^{k+1} u^{(k+1)}$ with $C_k$ from
//! [`ERROR_CONSTANT`], so the error of order $k$ is estimated by $C_k \nabla^{k+1} u_{n+1}$, and those of orders $k \mp
//! 1$ by $C_{k-1} \nabla^k u_{n+1}$ and $C_{k+1} \nabla^{k+2} u_{n+1}$.
//!
//! $\kappa_k = 0$ is BDF. NDF trades stability for accuracy: its error constants of orders 1 to 4 are 63, 50, 40 and 57
//! % of those of BDF, which makes steps 26, 26, 26 and 12 % longer, and the angles of A(α)-stability of orders 3 and 4
//! are 80° and 66° in place of 86° and 73°. Order 5 has no angle to spare: $\kappa_5 = 0$.
//!
//! # Differential-algebraic equations
//! With $\alpha_k = (1 - \kappa_k) \gamma_k$, an error $e$ of the formula is one of
//! $(\alpha_k M - h f_u)^{-1} \alpha_k M e$ in the state. That is estimated where $M$ is singular, for all orders.
//! $\nabla^{k+1} u_{n+1}$ itself holds whatever the algebraic equations of the last points are off by, which no step is
//! short enough to make pass.
//!
//! # Dense output
//! The polynomial $\sum_{m=0}^k \nabla^m u_{n+1} \prod_{l<m} (s + l)/(l + 1)$ at $t_{n+1} + s h$, of
//! order $k$.
//!
//! Source: L. F. Shampine, M. W. Reichelt, *The MATLAB ODE Suite*, SIAM Journal on Scientific Computing 18 (1997) 1–22,
//! section 2; G. D. Byrne, A. C. Hindmarsh, ACM Transactions on Mathematical Software 1 (1975) 71–96, for steps held
//! constant.

mod change;
mod control;
mod corrector;
#[cfg(test)]
mod reliability;
mod stepper;

pub(crate) use change::{Change, Changed};
pub(crate) use stepper::Bdf;

/// Highest order.
pub const MAX_ORDER: usize = 5;

/// $\kappa_k$ of the NDF by order, the first entry unused; zeros in its place make BDF.
pub const KAPPA: [f64; MAX_ORDER + 1] = [0.0, -0.185, -1.0 / 9.0, -0.082_3, -0.041_5, 0.0];

/// $\gamma_k = \sum_{j=1}^k 1/j$ by order.
pub const GAMMA: [f64; MAX_ORDER + 1] = [0.0, 1.0, 3.0 / 2.0, 11.0 / 6.0, 25.0 / 12.0, 137.0 / 60.0];

/// $(1 - \kappa_k) \gamma_k$ of the NDF by order, the factor of the correction.
pub const ALPHA: [f64; MAX_ORDER + 1] = {
    let mut alpha = [0.0; MAX_ORDER + 1];
    let mut k = 1;
    while k <= MAX_ORDER {
        alpha[k] = (1.0 - KAPPA[k]) * GAMMA[k];
        k += 1;
    }
    alpha
};

/// $C_k = \kappa_k \gamma_k + 1/(k+1)$ of the NDF by order.
pub const ERROR_CONSTANT: [f64; MAX_ORDER + 1] = {
    let mut constant = [0.0; MAX_ORDER + 1];
    let mut k = 1;
    while k <= MAX_ORDER {
        constant[k] = KAPPA[k] * GAMMA[k] + 1.0 / (k + 1) as f64;
        k += 1;
    }
    constant
};

/// $R$ with $\nabla'^j u_n = \sum_{m=0}^k R_{jm} \nabla^m u_n$: the differences on the grid of width $\rho h$ of the
/// polynomial of degree $k$ that has the given ones on the grid of width $h$.
///
/// From $\nabla'^j u_n = \sum_{i=0}^j (-1)^i \binom{j}{i} p(t_n - i \rho h)$ and Newton's form of $p$. Rows and columns
/// beyond $k$ are zero.
pub fn rescaling(order: usize, ratio: f64) -> [[f64; MAX_ORDER + 1]; MAX_ORDER + 1] {
    let mut rescaled = [[0.0; MAX_ORDER + 1]; MAX_ORDER + 1];
    for j in 0..=order.min(MAX_ORDER) {
        let mut binomial = 1.0;
        for i in 0..=j {
            let s = -(i as f64) * ratio;
            let mut basis = 1.0;
            for m in 0..=order.min(MAX_ORDER) {
                rescaled[j][m] += binomial * basis;
                basis *= (s + m as f64) / (m + 1) as f64;
            }
            binomial *= -((j - i) as f64) / (i + 1) as f64;
        }
    }
    rescaled
}

#[cfg(test)]
mod tests {
    use super::super::stability::Complex;
    use super::*;

    /// $\nabla^m u_n$ from values at $t_n, t_{n-1}, \dots$.
    fn differences(values: &[f64]) -> Vec<f64> {
        let mut row = values.to_vec();
        let mut all = Vec::new();
        while !row.is_empty() {
            all.push(row[0]);
            row = row.windows(2).map(|w| w[0] - w[1]).collect();
        }
        all
    }

    /// Left-hand side with the correction minus $h u'$ at $t_{n+1} = 0$, for $u = t^q$ and $h = 1$.
    fn defect(k: usize, kappa: f64, q: i32) -> f64 {
        let u: Vec<f64> = (0..=k + 1).map(|i| (-(i as f64)).powi(q)).collect();
        let past = differences(&u[1..]);
        let correction = u[0] - past[..=k].iter().sum::<f64>();
        let known: f64 = (1..=k).map(|m| GAMMA[m] * past[m]).sum();
        let slope = if q == 1 { 1.0 } else { 0.0 };
        (1.0 - kappa) * GAMMA[k] * correction + known - slope
    }

    #[test]
    fn exact_up_to_degree_k_with_the_error_constant_after_that() {
        for k in 1..=MAX_ORDER {
            for (kappa, constant) in [(KAPPA[k], ERROR_CONSTANT[k]), (0.0, 1.0 / (k + 1) as f64)] {
                for q in 0..=k as i32 {
                    approx::assert_abs_diff_eq!(defect(k, kappa, q), 0.0, epsilon = 1e-11);
                }
                let factorial: f64 = (1..=k + 1).map(|j| j as f64).product();
                // Formula minus h u' is −C h^{k+1} u^{(k+1)}.
                let found = -defect(k, kappa, k as i32 + 1) / factorial;
                approx::assert_abs_diff_eq!(found, constant, epsilon = 1e-12);
            }
            approx::assert_abs_diff_eq!(GAMMA[k], (1..=k).map(|j| 1.0 / j as f64).sum::<f64>(), epsilon = 1e-15);
            approx::assert_abs_diff_eq!(ALPHA[k], (1.0 - KAPPA[k]) * GAMMA[k], epsilon = 0.0);
        }
    }

    /// $\delta(x) = \sum_{m=1}^k (1-x)^m/m - \kappa \gamma_k (1-x)^{k+1}$ with $x = 1/\zeta$: $h\lambda = \delta(x)$ on
    /// the root locus.
    fn symbol(k: usize, kappa: f64, x: Complex) -> Complex {
        let y = Complex::new(1.0, 0.0) - x;
        let mut power = Complex::new(1.0, 0.0);
        let mut sum = Complex::new(0.0, 0.0);
        for m in 1..=k {
            power = power * y;
            sum = sum + power * (1.0 / m as f64);
        }
        sum - power * y * (kappa * GAMMA[k])
    }

    /// The number of zeros of a polynomial in the unit disc is the number of turns of its values around it.
    fn turns(radius: f64, f: impl Fn(Complex) -> Complex) -> i32 {
        let n = 20_000;
        let at = |i: usize| {
            let angle = std::f64::consts::TAU * i as f64 / n as f64;
            f(Complex::new(radius * angle.cos(), radius * angle.sin()))
        };
        let turned: f64 = (0..n)
            .map(|i| {
                let step = at(i + 1) / at(i);
                step.im.atan2(step.re)
            })
            .sum();
        (turned / std::f64::consts::TAU).round() as i32
    }

    /// All zeros $x = 1/\zeta$ of $\delta$ lie outside the unit disc but for $x = 1$, which is simple: within a radius
    /// of 1.02 there is just one, within 0.99 none.
    #[test]
    fn zero_stable() {
        for k in 1..=MAX_ORDER {
            for kappa in [KAPPA[k], 0.0] {
                assert_eq!(turns(1.02, |x| symbol(k, kappa, x)), 1, "order {k}, κ = {kappa}");
                assert_eq!(turns(0.99, |x| symbol(k, kappa, x)), 0, "order {k}, κ = {kappa}");
            }
        }
        // BDF 7, for which it is known to fail, to see that the count can tell: two zeros come inside.
        let seven = |x: Complex| {
            let y = Complex::new(1.0, 0.0) - x;
            (1..=7).rev().fold(Complex::new(0.0, 0.0), |sum, m| (sum + Complex::new(1.0 / f64::from(m), 0.0)) * y)
        };
        assert_eq!(turns(0.99, seven), 2);
    }

    /// Angles of A(α)-stability: for BDF from Hairer & Wanner II, table V.2.1, for NDF from Shampine & Reichelt,
    /// table 1.
    #[test]
    fn the_angles_of_stability_are_the_published_ones() {
        let angle = |k: usize, kappa: f64| {
            let locus = (1..20_000).map(|i| {
                let phi = std::f64::consts::PI * f64::from(i) / 20_000.0;
                let z = symbol(k, kappa, Complex::new(phi.cos(), -phi.sin()));
                z.im.abs().atan2(-z.re).to_degrees()
            });
            locus.fold(90.0, f64::min)
        };
        for (k, bdf, ndf) in [(1, 90.0, 90.0), (2, 90.0, 90.0), (3, 86.03, 80.0), (4, 73.35, 66.0), (5, 51.84, 51.0)] {
            let (found_bdf, found_ndf) = (angle(k, 0.0), angle(k, KAPPA[k]));
            assert!((found_bdf - bdf).abs() < 0.006, "BDF {k}: {found_bdf}");
            assert!((found_ndf - ndf).abs() < 1.0, "NDF {k}: {found_ndf}");
        }
    }

    /// The gains in step size of Shampine & Reichelt, table 1: $(C^{BDF}_k / C_k)^{1/(k+1)}$.
    #[test]
    fn steps_are_longer_by_the_published_percentages() {
        for (k, percent) in [(1, 26.0), (2, 26.0), (3, 26.0), (4, 12.0), (5, 0.0)] {
            let gain = (1.0 / ((k + 1) as f64 * ERROR_CONSTANT[k])).powf(1.0 / (k + 1) as f64);
            assert!((100.0 * (gain - 1.0) - percent).abs() < 0.5, "order {k}: {gain}");
        }
    }

    /// A polynomial of degree $k$ has on the new grid the differences that it has there.
    #[test]
    fn differences_move_to_another_grid() {
        for order in 1..=MAX_ORDER {
            let p = |t: f64| (0..=order).map(|q| (q as f64 - 1.7) * t.powi(q as i32)).sum::<f64>();
            let on_grid = |h: f64| differences(&(0..=order).map(|i| p(0.3 - h * i as f64)).collect::<Vec<_>>());
            for ratio in [0.2, 0.5, 1.0, 1.7] {
                let (old, new, matrix) = (on_grid(0.4), on_grid(0.4 * ratio), rescaling(order, ratio));
                for j in 0..=order {
                    let moved: f64 = (0..=order).map(|m| matrix[j][m] * old[m]).sum();
                    approx::assert_abs_diff_eq!(moved, new[j], epsilon = 1e-12);
                }
            }
        }
    }
}
