//! Checks every tableau by its order conditions.
//!
//! $$ \sum_i b_i \Phi_i(\tau) = \frac1{\gamma(\tau)}, \qquad \sum_i b_i(\theta) \Phi_i(\tau) =
//! \frac{\theta^{\lvert\tau\rvert}}{\gamma(\tau)} $$
//!
//! for all rooted trees $\tau$ of the orders in question (J. C. Butcher; Hairer, Nørsett, Wanner I, theorem II.2.13),
//! where $\Phi_i([\tau_1, \dots, \tau_m]) = \prod_k \sum_j a_{ij} \Phi_j(\tau_k)$ and $\gamma([\tau_1, \dots, \tau_m])
//! = \lvert\tau\rvert \prod_k \gamma(\tau_k)$.
//!
//! # Tolerances
//! A sum is held to its own rounding. Each vertex of the tree adds a coefficient rounded on input, a product, and a sum
//! over at most $L$ stages, $L$ the longest row; $b_i(\theta)$ adds $2 D$ operations for its polynomial of degree $D$.
//! So each term passes through at most $n = \lvert\tau\rvert (L + 2) + 2 D$ roundings, which together perturb it by
//! about $\sqrt n u$, $u = 2^{-53}$ (N. J. Higham, T. Mary, *A new approach to probabilistic rounding error analysis*,
//! SIAM Journal on Scientific Computing 41 (2019) A2815–A2835). The residual may be $\sqrt n u \sum_i \lvert
//! b_i\rvert \lvert\Phi\rvert_i$ with $\lvert\Phi\rvert$ formed from $\lvert a_{ij}\rvert$, where $b_i(\theta)$
//! counts with $\sum_m \lvert r_{im}\rvert \theta^m$. Conditions that must fail have to do so by a hundred times that.

use super::*;

/// The constants of a tableau, and the orders of its estimates.
struct Method {
    name: &'static str,
    order: usize,
    dense_order: usize,
    stages: usize,
    extra: usize,
    first_same_as_last: bool,
    stability: f64,
    dense_stability: f64,
    c: &'static [f64],
    a: &'static [Row],
    b: Row,
    /// Estimates: weights, and the order up to which they vanish.
    estimates: Vec<(Row, usize)>,
    degree: usize,
    dense: &'static [(usize, &'static [f64])],
    dense_weights: fn(f64, &mut [f64]),
}

fn of<T: Tableau>(name: &'static str) -> Method {
    Method {
        name,
        order: T::ORDER,
        dense_order: T::DENSE_ORDER,
        stages: T::STAGES,
        extra: T::EXTRA,
        first_same_as_last: T::FIRST_SAME_AS_LAST,
        stability: T::STABILITY,
        dense_stability: T::DENSE_STABILITY,
        c: T::C,
        a: T::A,
        b: T::B,
        estimates: if T::ERROR_ORDER == 0 { Vec::new() } else { vec![(T::E, T::ERROR_ORDER - 1)] },
        degree: T::DENSE_DEGREE,
        dense: T::DENSE,
        dense_weights: T::dense_weights,
    }
}

/// The two estimates of DOP853, of orders 5 and 3, make one that goes with $h^8$.
fn of_dop853() -> Method {
    assert_eq!(2 * (5 + 1) - (3 + 1), Dop853::ERROR_ORDER);
    Method { estimates: vec![(Dop853::E, 5), (Dop853::E_LOW, 3)], ..of::<Dop853>("Dop853") }
}

fn methods() -> Vec<Method> {
    vec![
        of::<Euler>("Euler"),
        of::<Heun>("Heun"),
        of::<Rk4>("Rk4"),
        of::<Bs3>("Bs3"),
        of::<Tsit5>("Tsit5"),
        of::<Vern7>("Vern7"),
        of::<Vern9>("Vern9"),
        of_dop853(),
        of::<Ssprk33>("Ssprk33"),
        of::<Ssprk104>("Ssprk104"),
    ]
}

/// A rooted tree.
struct Tree {
    order: usize,
    gamma: f64,
    /// What hangs from the root: indices of smaller trees, the largest first.
    children: Vec<usize>,
}

/// All rooted trees up to `order`, by order.
fn trees(order: usize) -> Vec<Tree> {
    let mut all = vec![Tree { order: 1, gamma: 1.0, children: Vec::new() }];
    for n in 2..=order {
        let mut new = Vec::new();
        hang(&all, n - 1, all.len(), &mut Vec::new(), &mut new);
        for children in new {
            let gamma = n as f64 * children.iter().map(|&k| all[k].gamma).product::<f64>();
            all.push(Tree { order: n, gamma, children });
        }
    }
    all
}

/// All multisets of trees below index `below` with `vertices` vertices together.
fn hang(all: &[Tree], vertices: usize, below: usize, chosen: &mut Vec<usize>, found: &mut Vec<Vec<usize>>) {
    if vertices == 0 {
        found.push(chosen.clone());
    }
    for k in (0..below).filter(|&k| all[k].order <= vertices) {
        chosen.push(k);
        hang(all, vertices - all[k].order, k + 1, chosen, found);
        chosen.pop();
    }
}

fn sum(row: &[(usize, f64)], x: &[f64]) -> f64 {
    row.iter().map(|(j, a)| a * x[*j]).sum()
}

fn absolute_sum(row: &[(usize, f64)], x: &[f64]) -> f64 {
    row.iter().map(|(j, a)| a.abs() * x[*j]).sum()
}

type RowSum = fn(&[(usize, f64)], &[f64]) -> f64;

/// $\Phi_i(\tau)$ of each tree and stage, with `row_sum` in place of the sum over a row.
fn elementary_weights(a: &[Row], trees: &[Tree], row_sum: RowSum) -> Vec<Vec<f64>> {
    let mut phi: Vec<Vec<f64>> = Vec::new();
    for tree in trees {
        let stage = |i: usize| tree.children.iter().map(|&k| row_sum(a[i], &phi[k])).product();
        let of_tree = (0..a.len()).map(stage).collect();
        phi.push(of_tree);
    }
    phi
}

const ROUNDOFF: f64 = f64::EPSILON / 2.0;

/// A method's elementary weights up to one order above its own.
struct Conditions {
    method: Method,
    trees: Vec<Tree>,
    phi: Vec<Vec<f64>>,
    absolute: Vec<Vec<f64>>,
    /// Number of terms in the longest sum.
    longest: usize,
}

impl Conditions {
    fn of(method: Method) -> Conditions {
        let trees = trees(method.order + 1);
        let phi = elementary_weights(method.a, &trees, sum);
        let absolute = elementary_weights(method.a, &trees, absolute_sum);
        let rows = method.a.iter().map(|row| row.len());
        let longest = rows.chain([method.b.len(), method.dense.len()]).max().unwrap_or(0);
        Conditions { method, trees, phi, absolute, longest }
    }

    /// The largest $\lvert\sum_i w_i \Phi_i(\tau) - \theta^{\lvert\tau\rvert}/\gamma(\tau)\rvert$ among the trees of an
    /// order, and the largest of that over its tolerance. `size` are the weights' magnitudes, `operations` those that
    /// made the weights; without `theta` the sums have to vanish.
    fn residual(
        &self,
        order: usize,
        weights: &[(usize, f64)],
        size: &[(usize, f64)],
        operations: usize,
        theta: Option<f64>,
    ) -> (f64, f64) {
        let (mut largest, mut relative) = (0.0_f64, 0.0_f64);
        for (k, tree) in self.trees.iter().enumerate().filter(|(_, tree)| tree.order == order) {
            let target = theta.map_or(0.0, |theta| theta.powi(order as i32) / tree.gamma);
            let residual = (sum(weights, &self.phi[k]) - target).abs();
            let roundings = (order * (self.longest + 2) + operations) as f64;
            let bound = roundings.sqrt() * ROUNDOFF * (absolute_sum(size, &self.absolute[k]) + target);
            largest = largest.max(residual);
            relative = relative.max(residual / bound);
        }
        (largest, relative)
    }

    /// Asserts the conditions up to `order`, and that those of the next order fail.
    fn check(
        &self,
        what: &str,
        order: usize,
        weights: &[(usize, f64)],
        size: &[(usize, f64)],
        operations: usize,
        theta: Option<f64>,
    ) {
        for n in 1..=order {
            let (residual, relative) = self.residual(n, weights, size, operations, theta);
            assert!(relative <= 1.0, "{} {what}: {residual:e} in a condition of order {n}", self.method.name);
        }
        let (residual, relative) = self.residual(order + 1, weights, size, operations, theta);
        assert!(relative > 1e2, "{} {what}: only {residual:e} at order {}", self.method.name, order + 1);
    }
}

#[test]
fn there_are_as_many_rooted_trees_as_there_should_be() {
    // OEIS A000081.
    let all = trees(10);
    let counts: Vec<usize> = (1..=10).map(|n| all.iter().filter(|tree| tree.order == n).count()).collect();
    assert_eq!(counts, [1, 1, 2, 4, 9, 20, 48, 115, 286, 719]);
}

#[test]
fn rows_are_in_order_and_sum_to_the_stage_times() {
    for m in methods() {
        let all = m.stages + m.extra;
        assert_eq!((m.a.len(), m.c.len()), (all, all), "{}", m.name);
        let increasing = |row: &[(usize, f64)]| row.windows(2).all(|w| w[0].0 < w[1].0);
        let below = |row: &[(usize, f64)], i: usize| row.iter().all(|(j, a)| *j < i && *a != 0.0);
        for (i, (row, c)) in m.a.iter().zip(m.c).enumerate() {
            assert!(increasing(row) && below(row, i), "{}, row {i}", m.name);
            let terms = absolute_sum(row, &vec![1.0; all]);
            let bound = (row.len() + 1) as f64 * ROUNDOFF * (terms + c.abs());
            approx::assert_abs_diff_eq!(sum(row, &vec![1.0; all]), *c, epsilon = bound);
        }
        for row in m.estimates.iter().map(|e| e.0).chain([m.b]) {
            assert!(increasing(row) && below(row, m.stages), "{}", m.name);
        }
        if m.first_same_as_last {
            assert_eq!((m.a[m.stages - 1], m.c[m.stages - 1]), (m.b, 1.0), "{}", m.name);
        }
    }
}

#[test]
fn the_solution_is_of_its_order_and_of_no_higher_one() {
    for conditions in methods().into_iter().map(Conditions::of) {
        let m = &conditions.method;
        conditions.check("solution", m.order, m.b, m.b, 0, Some(1.0));
    }
}

/// The difference of two methods that are of the embedded one's order.
#[test]
fn the_estimates_are_of_their_order_and_of_no_higher_one() {
    for conditions in methods().into_iter().map(Conditions::of) {
        for (e, order) in &conditions.method.estimates {
            assert!(*order < conditions.method.order);
            conditions.check("estimate", *order, e, e, 0, None);
        }
    }
}

#[test]
fn the_dense_output_is_of_its_order_and_ends_at_the_solution() {
    for conditions in methods().into_iter().map(Conditions::of) {
        let m = &conditions.method;
        assert!(m.dense.windows(2).all(|w| w[0].0 < w[1].0), "{}", m.name);
        assert!(m.dense.iter().all(|(i, r)| *i < m.stages + m.extra && r.len() == m.degree), "{}", m.name);
        let mut weights = vec![0.0; m.stages + m.extra];
        let size = |theta: f64| -> Vec<(usize, f64)> {
            let power = |k: usize| theta.powi(k as i32 + 1);
            m.dense.iter().map(|(i, r)| (*i, r.iter().enumerate().map(|(k, r)| r.abs() * power(k)).sum())).collect()
        };
        for theta in [0.1, 0.37, 0.5, 0.83] {
            (m.dense_weights)(theta, &mut weights);
            let row: Vec<(usize, f64)> = weights.iter().copied().enumerate().collect();
            conditions.check("dense output", m.dense_order, &row, &size(theta), 2 * m.degree, Some(theta));
        }
        (m.dense_weights)(0.0, &mut weights);
        assert!(weights.iter().all(|w| *w == 0.0), "{}", m.name);
        (m.dense_weights)(1.0, &mut weights);
        for (i, magnitude) in size(1.0) {
            let b = m.b.iter().find(|b| b.0 == i).map_or(0.0, |b| b.1);
            let bound = 2.0 * m.degree as f64 * ROUNDOFF * (magnitude + b.abs());
            approx::assert_abs_diff_eq!(weights[i], b, epsilon = bound);
        }
    }
}

/// $R(z) = 1 + \sum_k z^k b^T A^{k-1} 1$ stays within $[-1, 1]$ up to `STABILITY` and leaves it in the next fourth
/// decimal.
#[test]
fn the_interval_of_stability_is_as_long_as_stated() {
    for m in methods() {
        let mut powers = vec![1.0; m.stages];
        let mut coefficients = vec![1.0];
        for _ in 0..m.stages {
            coefficients.push(sum(m.b, &powers));
            powers = m.a[..m.stages].iter().map(|row| sum(row, &powers)).collect();
        }
        let r = |z: f64| coefficients.iter().rev().fold(0.0, |sum, c| sum * z + c);
        for k in 1..=10_000 {
            let x = m.stability * k as f64 / 10_000.0;
            assert!(r(-x).abs() <= 1.0 + 1e-10, "{} at {x}: {}", m.name, r(-x));
        }
        assert!(r(-m.stability - 1.1e-4).abs() > 1.0 + 1e-6, "{}: {}", m.name, r(-m.stability - 1.1e-4));
    }
}

/// Between the steps a component with $h\lambda$ in the interval of stability is magnified by no more than a factor of three,
/// or not at all in the interval stated, which ends in the next hundredth.
#[test]
fn the_dense_output_is_stable_where_steps_are() {
    for m in methods() {
        let magnified = |x: f64| {
            let mut slopes = Vec::new();
            for row in m.a {
                slopes.push(-x * (1.0 + sum(row, &slopes)));
            }
            let mut weights = vec![0.0; m.stages + m.extra];
            let mut at = |theta: f64| {
                (m.dense_weights)(theta, &mut weights);
                (1.0 + weights.iter().zip(&slopes).map(|(b, k)| b * k).sum::<f64>()).abs()
            };
            (0..=200).map(|i| at(f64::from(i) / 200.0)).fold(0.0, f64::max)
        };
        let (length, most) = if m.dense_stability.is_finite() { (m.dense_stability, 1.0) } else { (m.stability, 3.0) };
        assert!(length <= m.stability, "{}", m.name);
        let largest = (1..=200).map(|i| magnified(length * f64::from(i) / 200.0)).fold(0.0, f64::max);
        assert!(largest <= most + 1e-10, "{}: {largest}", m.name);
        if m.dense_stability.is_finite() {
            assert!(magnified(m.stability) > 3.0 && magnified(length + 1e-2) > 1.0 + 1e-6, "{}", m.name);
        }
    }
}
