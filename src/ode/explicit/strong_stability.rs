//! Checks strong stability: the coefficient $C$ up to which a method is a convex combination of Euler steps.
//!
//! With $K$ the tableau and its weights as a last row, steps up to $C h_0$ keep what Euler steps up to $h_0$ keep if
//! $K (I + C K)^{-1} \ge 0$ and $C K (I + C K)^{-1} 1 \le 1$ (S. Gottlieb, D. Ketcheson, C.-W. Shu, *Strong Stability
//! Preserving Runge–Kutta and Multistep Time Discretizations*, World Scientific 2011, section 3.2).

use super::*;

/// Whether steps up to `c` times Euler's are convex combinations of Euler steps, for the weights `b`.
fn preserves<T: Tableau>(b: &[f64], c: f64) -> bool {
    let n = T::STAGES + 1;
    let mut k = vec![vec![0.0; n]; n];
    for (i, row) in T::A[..T::STAGES].iter().enumerate() {
        row.iter().for_each(|(j, a)| k[i][*j] = *a);
    }
    k[n - 1][..T::STAGES].copy_from_slice(&b[..T::STAGES]);
    // X (I + cK) = K, column by column from the right; K is strictly lower triangular.
    let mut x = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in (0..n).rev() {
            x[i][j] = k[i][j] - c * (j + 1..n).map(|l| x[i][l] * k[l][j]).sum::<f64>();
        }
    }
    let rounding = 1e-14;
    x.iter().all(|row| row.iter().all(|x| *x >= -rounding) && c * row.iter().sum::<f64>() <= 1.0 + rounding)
}

fn weights<T: Tableau>() -> Vec<f64> {
    let mut b = vec![0.0; T::STAGES];
    T::B.iter().for_each(|(i, w)| b[*i] = *w);
    b
}

/// Weights of the embedded solution.
fn embedded<T: Tableau>() -> Vec<f64> {
    let mut b = weights::<T>();
    T::E.iter().for_each(|(i, e)| b[*i] -= e);
    b
}

#[test]
fn coefficients_are_those_of_the_literature() {
    for (preserved, lost) in [
        (preserves::<Euler>(&weights::<Euler>(), 1.0), preserves::<Euler>(&weights::<Euler>(), 1.001)),
        (preserves::<Heun>(&weights::<Heun>(), 1.0), preserves::<Heun>(&weights::<Heun>(), 1.001)),
        (preserves::<Ssprk33>(&weights::<Ssprk33>(), 1.0), preserves::<Ssprk33>(&weights::<Ssprk33>(), 1.001)),
        (preserves::<Ssprk104>(&weights::<Ssprk104>(), 6.0), preserves::<Ssprk104>(&weights::<Ssprk104>(), 6.001)),
    ] {
        assert!(preserved && !lost);
    }
    // The classical method is of order 4 in four stages, which no strong stability preserving method can be.
    assert!(!preserves::<Rk4>(&weights::<Rk4>(), 1e-3));
}

#[test]
fn embedded_weights_are_not_negative() {
    assert!(embedded::<Ssprk33>().iter().chain(&embedded::<Ssprk104>()).all(|b| *b >= -1e-16));
}

#[test]
fn dense_output_of_order_two_preserves_what_the_steps_preserve() {
    let mut b = [0.0; 3];
    for k in 1..=100 {
        let theta = k as f64 / 100.0;
        Ssprk33::dense_weights(theta, &mut b);
        assert!(preserves::<Ssprk33>(&b, 1.0), "Ssprk33 at {theta}");
        Heun::dense_weights(theta, &mut b);
        assert!(preserves::<Heun>(&b, 1.0), "Heun at {theta}");
    }
}
