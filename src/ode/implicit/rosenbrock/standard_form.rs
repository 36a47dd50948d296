//! The textbook's coefficients of a method, and the conditions on them.

use super::super::order_conditions::{
    Matrix, Vertex, apply, dense_weights, dot, full, inverse_of_lower, trees, weights,
};
use super::super::stability::{Complex, magnitudes};
use super::RosenbrockTableau;

/// $\alpha_{ij}$, $\beta_{ij} = \alpha_{ij} + \gamma_{ij}$, $\omega = \beta^{-1}$ and the weights $b$.
pub struct StandardForm {
    pub gamma: Matrix,
    pub alpha: Matrix,
    pub beta: Matrix,
    pub omega: Matrix,
    pub b: Vec<f64>,
    pub embedded: Vec<f64>,
}

/// Up to which order conditions hold in the differential and in the algebraic components.
#[derive(Clone, Copy)]
pub struct Orders {
    pub differential: usize,
    pub algebraic: usize,
}

impl StandardForm {
    pub fn of<T: RosenbrockTableau>() -> Self {
        let s = T::STAGES;
        let mut gamma_inverse = full(T::C);
        for i in 0..s {
            for j in 0..s {
                gamma_inverse[i][j] = if i == j { 1.0 / T::GAMMA } else { -gamma_inverse[i][j] };
            }
        }
        let gamma = inverse_of_lower(&gamma_inverse);
        let alpha: Matrix = full(T::A).iter().map(|row| times(row, &gamma)).collect();
        let beta: Matrix = (0..s).map(|i| (0..s).map(|j| alpha[i][j] + gamma[i][j]).collect()).collect();
        let omega = inverse_of_lower(&beta);
        let b = times(&weights(T::M, s), &gamma);
        let estimate = times(&weights(T::E, s), &gamma);
        let embedded = b.iter().zip(&estimate).map(|(b, e)| b - e).collect();
        StandardForm { gamma, alpha, beta, omega, b, embedded }
    }

    /// Weights $b(\theta)$ of the dense output.
    pub fn dense<T: RosenbrockTableau>(&self, theta: f64) -> Vec<f64> {
        times(&dense_weights(T::DENSE, T::STAGES, theta), &self.gamma)
    }

    /// All conditions up to the orders given hold, and some condition of the next order does not.
    pub fn check_order(&self, b: &[f64], theta: f64, orders: Orders, epsilon: f64) {
        let last = orders.differential.max(orders.algebraic) + 1;
        let mut beyond = [0.0f64; 2];
        for tree in trees(last, &[Vertex::Implicit, Vertex::Constraint]) {
            let (r, algebraic) = (tree.order(), tree.root == Vertex::Constraint);
            let order = if algebraic { orders.algebraic } else { orders.differential };
            let exact = theta.powi(r as i32) / tree.density();
            let defect = dot(b, &tree.rosenbrock(&self.alpha, &self.beta, &self.omega)) - exact;
            if r <= order {
                assert!(defect.abs() <= epsilon, "θ = {theta}: defect {defect:e} of {tree:?}");
            } else if r == order + 1 {
                beyond[usize::from(algebraic)] = beyond[usize::from(algebraic)].max(defect.abs());
            }
        }
        assert!(beyond.iter().all(|d| *d > 1e-4), "order higher than stated: {beyond:?}");
    }

    /// $b_i = \beta_{si}$, and the argument of stage $s$ is the solution without its own part: $\alpha_s = 1$.
    pub fn check_stiff_accuracy(&self, b: &[f64], last: usize) {
        for (b, beta) in b.iter().zip(&self.beta[last]) {
            approx::assert_abs_diff_eq!(*b, *beta, epsilon = 1e-14);
        }
        approx::assert_abs_diff_eq!(self.alpha[last].iter().sum::<f64>(), 1.0, epsilon = 3e-14);
    }

    /// $|R(iy)| \le 1$ and $R(\infty) = 1 - b^T \beta^{-1} 1 = 0$.
    pub fn check_l_stability(&self, b: &[f64]) {
        let at_infinity = 1.0 - dot(b, &apply(&self.omega, &vec![1.0; b.len()]));
        approx::assert_abs_diff_eq!(at_infinity, 0.0, epsilon = 1e-13);
        for y in magnitudes() {
            let r = super::super::stability::runge_kutta(&self.beta, b, Complex::new(0.0, y)).norm();
            assert!(r <= 1.0 + 1e-14 * (1.0 + y), "|R({y}i)| = {r}");
        }
    }
}

/// $x^T A$.
fn times(x: &[f64], a: &Matrix) -> Vec<f64> {
    (0..a.len()).map(|j| x.iter().zip(a).map(|(x, row)| x * row[j]).sum()).collect()
}

/// $\sum_j \alpha_{ij} = \alpha_i$ and $\sum_j \gamma_{ij} = \gamma_i$.
pub fn check_row_sums<T: RosenbrockTableau>(epsilon: f64) {
    let form = StandardForm::of::<T>();
    for i in 0..T::STAGES {
        approx::assert_abs_diff_eq!(form.alpha[i].iter().sum::<f64>(), T::ALPHA[i], epsilon = epsilon);
        approx::assert_abs_diff_eq!(form.gamma[i].iter().sum::<f64>(), T::GAMMA_SUM[i], epsilon = epsilon);
    }
}

/// $d_i(1) = m_i$.
pub fn check_end_of_dense<T: RosenbrockTableau>() {
    let m = weights(T::M, T::STAGES);
    for (d, m) in dense_weights(T::DENSE, T::STAGES, 1.0).iter().zip(m) {
        approx::assert_abs_diff_eq!(*d, m, epsilon = 3e-14);
    }
    assert!(T::DENSE.iter().all(|(_, row)| row.len() == T::DENSE_DEGREE));
}

/// Error at $\theta$ of one step from 0 to 1 for $u' = \lambda (u - t^k) + k t^{k-1}$, $u(0) = 0$.
pub fn prothero_robinson<T: RosenbrockTableau>(power: i32, lambda: f64, theta: f64) -> f64 {
    let phi = |t: f64| t.powi(power);
    let phi_t = |t: f64| f64::from(power) * t.powi(power - 1);
    let phi_tt = if power == 2 { 2.0 } else { 0.0 };
    let f_t = -lambda * phi_t(0.0) + phi_tt;
    let mut u: Vec<f64> = Vec::new();
    for i in 0..T::STAGES {
        let t = T::ALPHA[i];
        let argument: f64 = T::A[i].iter().map(|&(j, a)| a * u[j]).sum();
        let past: f64 = T::C[i].iter().map(|&(j, c)| c * u[j]).sum();
        let rhs = lambda * (argument - phi(t)) + phi_t(t) + past + T::GAMMA_SUM[i] * f_t;
        u.push(rhs / (1.0 / T::GAMMA - lambda));
    }
    let weights = if theta == 1.0 { weights(T::M, T::STAGES) } else { dense_weights(T::DENSE, T::STAGES, theta) };
    dot(&weights, &u) - phi(theta)
}
