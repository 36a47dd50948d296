//! The conditions on an ESDIRK method.

use super::super::order_conditions::{
    Matrix, Vertex, apply, dense_weights, dot, full, inverse_of_lower, trees, weights,
};
use super::super::stability::{Complex, magnitudes, runge_kutta};
use super::EsdirkTableau;

/// $A$ with its diagonal.
pub fn matrix<T: EsdirkTableau>() -> Matrix {
    let mut a = full(T::A);
    for i in 1..T::STAGES {
        a[i][i] = T::GAMMA;
    }
    a
}

pub fn solution<T: EsdirkTableau>() -> Vec<f64> {
    weights(T::B, T::STAGES)
}

pub fn embedded<T: EsdirkTableau>() -> Vec<f64> {
    solution::<T>().iter().zip(weights(T::E, T::STAGES)).map(|(b, e)| b - e).collect()
}

pub fn dense<T: EsdirkTableau>(theta: f64) -> Vec<f64> {
    dense_weights(T::DENSE, T::STAGES, theta)
}

/// Row sums, stage order 2, stiff accuracy, the ends of the dense output, and the degree of the first guesses.
pub fn check_structure<T: EsdirkTableau>(epsilon: f64) {
    let a = matrix::<T>();
    let squares: Vec<f64> = T::C.iter().map(|c| c * c).collect();
    for i in 0..T::STAGES {
        approx::assert_abs_diff_eq!(a[i].iter().sum::<f64>(), T::C[i], epsilon = epsilon);
        approx::assert_abs_diff_eq!(dot(&a[i], T::C), 0.5 * squares[i], epsilon = epsilon);
    }
    assert_eq!(a[T::STAGES - 1], solution::<T>());
    assert_eq!(T::C[T::STAGES - 1], 1.0);
    assert!(T::DENSE.iter().all(|(_, row)| row.len() == T::DENSE_DEGREE));
    for (end, b) in dense::<T>(1.0).iter().zip(solution::<T>()) {
        approx::assert_abs_diff_eq!(*end, b, epsilon = 5.0 * epsilon);
    }
    for i in 1..T::STAGES {
        let p = weights(T::PREDICTOR[i], T::STAGES);
        assert!(p[i..].iter().all(|p| *p == 0.0));
        let powers = [vec![1.0; T::STAGES], T::C.to_vec(), squares.clone()];
        for (q, power) in powers.iter().enumerate().take(i.min(3)) {
            approx::assert_abs_diff_eq!(dot(&p, power), T::C[i].powi(q as i32), epsilon = 5.0 * epsilon);
        }
    }
}

/// All conditions up to `order` hold, and some condition of the next order does not.
pub fn check_order<T: EsdirkTableau>(b: &[f64], theta: f64, order: usize, epsilon: f64) {
    let a = matrix::<T>();
    check(&a, &a, &[Vertex::Implicit], b, theta, order, epsilon);
}

/// The same for the additive method.
pub fn check_additive_order<T: EsdirkTableau>(b: &[f64], theta: f64, order: usize, epsilon: f64) {
    let (implicit, explicit) = (matrix::<T>(), full(T::A_EXPLICIT));
    for (row, c) in explicit.iter().zip(T::C) {
        approx::assert_abs_diff_eq!(row.iter().sum::<f64>(), *c, epsilon = epsilon);
    }
    check(&implicit, &explicit, &[Vertex::Implicit, Vertex::Explicit], b, theta, order, epsilon);
}

fn check(implicit: &Matrix, explicit: &Matrix, vertices: &[Vertex], b: &[f64], theta: f64, order: usize, epsilon: f64) {
    let mut beyond = 0.0f64;
    for tree in trees(order + 1, vertices) {
        let exact = theta.powi(tree.order() as i32) / tree.density();
        let defect = dot(b, &tree.runge_kutta(implicit, explicit)) - exact;
        if tree.order() <= order {
            assert!(defect.abs() <= epsilon, "θ = {theta}: defect {defect:e} of {tree:?}");
        } else {
            beyond = beyond.max(defect.abs());
        }
    }
    assert!(beyond > 1e-4, "order higher than stated: {beyond:e}");
}

/// $|R(iy)| \le 1$, with the poles $1/\gamma$ in the right half-plane, and $R(\infty) = x_s = 0$.
pub fn check_l_stability<T: EsdirkTableau>() {
    let (a, b) = (matrix::<T>(), solution::<T>());
    for y in magnitudes() {
        let r = runge_kutta(&a, &b, Complex::new(0.0, y)).norm();
        assert!(r <= 1.0 + 1e-15 * (1.0 + y), "|R({y}i)| = {r}");
    }
    approx::assert_abs_diff_eq!(kernel::<T>()[T::STAGES - 1], 0.0, epsilon = 2e-15);
}

/// $x$ with $A x = 0$, $x_1 = 1$: $U_i \to x_i u$ for $u' = \lambda u$, $h\lambda \to \infty$.
pub fn kernel<T: EsdirkTableau>() -> Vec<f64> {
    let a = matrix::<T>();
    let implicit: Matrix = a[1..].iter().map(|row| row[1..].to_vec()).collect();
    let first: Vec<f64> = a[1..].iter().map(|row| -row[0]).collect();
    let mut x = vec![1.0];
    x.extend(apply(&inverse_of_lower(&implicit), &first));
    x
}

/// Leading error coefficient of the dense output where the stages are exact, as in algebraic components:
/// $\frac{1}{6} (\sum_i w_i c_i^3 - \theta^3)$ with $b(\theta) = w^T A$.
pub fn algebraic_error<T: EsdirkTableau>(theta: f64) -> f64 {
    let implicit: Matrix = matrix::<T>()[1..].iter().map(|row| row[1..].to_vec()).collect();
    let cubes: Vec<f64> = T::C[1..].iter().map(|c| c.powi(3)).collect();
    let interpolated = dot(&dense::<T>(theta)[1..], &apply(&inverse_of_lower(&implicit), &cubes));
    (interpolated - theta.powi(3)) / 6.0
}

/// $\sum_i b_i(\theta) x_i = 0$, and the estimate likewise unless it is to be filtered.
pub fn check_bounded_dense_output<T: EsdirkTableau>(epsilon: f64) {
    let x = kernel::<T>();
    for theta in [0.1, 0.37, 0.5, 0.9] {
        approx::assert_abs_diff_eq!(dot(&dense::<T>(theta), &x), 0.0, epsilon = epsilon);
    }
    let estimate = dot(&weights(T::E, T::STAGES), &x);
    if T::ERROR_TO_FILTER {
        assert!(estimate.abs() > 0.1);
    } else {
        approx::assert_abs_diff_eq!(estimate, 0.0, epsilon = epsilon);
    }
}
