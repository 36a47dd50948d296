//! Rooted trees and the order conditions that belong to them, to check the digits of the methods.
//!
//! One recursion serves three kinds of trees: J. C. Butcher's for ordinary differential equations (Hairer, Nørsett,
//! Wanner I, II.2), those with two colours for additive Runge–Kutta methods (A. L. Araújo, A. Murua, J. M. Sanz-Serna,
//! SIAM J. Numer. Anal. 34 (1997) 1926–1947), and those with meagre and fat vertices for differential-algebraic
//! equations of index 1 (M. Roche, Numer. Math. 52 (1988) 45–63; Hairer & Wanner II, VI.4).

use super::Row;

/// A square matrix by rows.
pub type Matrix = Vec<Vec<f64>>;

/// What a vertex of a tree stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vertex {
    /// A derivative of $f$, or of its implicitly treated part: a meagre vertex.
    Implicit,
    /// A derivative of the explicitly treated part.
    Explicit,
    /// $-g_z^{-1}$ times a derivative of the constraint $0 = g(y, z)$: a fat vertex.
    Constraint,
}

/// A rooted tree.
#[derive(Clone, Debug)]
pub struct Tree {
    pub root: Vertex,
    pub branches: Vec<Tree>,
}

impl Tree {
    /// Power of $h$ that the elementary differential comes with.
    pub fn order(&self) -> usize {
        usize::from(self.root != Vertex::Constraint) + self.branches.iter().map(Tree::order).sum::<usize>()
    }

    /// $\gamma(\tau)$: the exact solution has $1/\gamma(\tau)$ where a method has $\sum_i b_i \Phi_i(\tau)$.
    pub fn density(&self) -> f64 {
        let own = if self.root == Vertex::Constraint { 1.0 } else { self.order() as f64 };
        own * self.branches.iter().map(Tree::density).product::<f64>()
    }

    /// $\Phi_i(\tau)$ of an additive Runge–Kutta method: an edge carries the matrix of the vertex above it.
    pub fn runge_kutta(&self, implicit: &Matrix, explicit: &Matrix) -> Vec<f64> {
        let mut phi = vec![1.0; implicit.len()];
        for branch in &self.branches {
            let a = if branch.root == Vertex::Explicit { explicit } else { implicit };
            multiply_into(&mut phi, &apply(a, &branch.runge_kutta(implicit, explicit)));
        }
        phi
    }

    /// $\Phi_i(\tau)$ of a Rosenbrock method: an edge carries $\beta_{ij}$ where a vertex has one branch, else
    /// $\alpha_{ij}$ (Hairer & Wanner II, IV.7); a fat vertex with several branches also carries
    /// $\omega = \beta^{-1}$, and one with a single branch cancels $\beta$ against $\omega$ (there, VI.4).
    pub fn rosenbrock(&self, alpha: &Matrix, beta: &Matrix, omega: &Matrix) -> Vec<f64> {
        let fat = self.root == Vertex::Constraint;
        if let [branch] = &self.branches[..] {
            let phi = branch.rosenbrock(alpha, beta, omega);
            return if fat { phi } else { apply(beta, &phi) };
        }
        let mut phi = vec![1.0; alpha.len()];
        for branch in &self.branches {
            multiply_into(&mut phi, &apply(alpha, &branch.rosenbrock(alpha, beta, omega)));
        }
        if fat { apply(omega, &phi) } else { phi }
    }
}

/// All trees up to `order` whose vertices are of the kinds given.
pub fn trees(order: usize, vertices: &[Vertex]) -> Vec<Tree> {
    let mut all: Vec<Tree> = Vec::new();
    for r in 1..=order {
        let mut new = Vec::new();
        for &root in vertices.iter().filter(|&&v| v != Vertex::Constraint) {
            new.extend(forests(&all, r - 1).into_iter().map(|branches| Tree { root, branches }));
        }
        if vertices.contains(&Vertex::Constraint) {
            let root = Vertex::Constraint;
            // A fat vertex adds nothing to the order, so its only branch may be of the full order; that branch is
            // meagre.
            let single = new.iter().map(|t: &Tree| Tree { root, branches: vec![t.clone()] }).collect::<Vec<_>>();
            new.extend(forests(&all, r).into_iter().map(|branches| Tree { root, branches }));
            new.extend(single);
        }
        all.extend(new);
    }
    all
}

/// All multisets of the trees given whose orders sum to `total`.
fn forests(pool: &[Tree], total: usize) -> Vec<Vec<Tree>> {
    if total == 0 {
        return vec![Vec::new()];
    }
    let mut found = Vec::new();
    for (i, first) in pool.iter().enumerate().filter(|(_, t)| t.order() <= total) {
        for mut rest in forests(&pool[i..], total - first.order()) {
            rest.push(first.clone());
            found.push(rest);
        }
    }
    found
}

/// The full matrix of sparse rows.
pub fn full(rows: &[Row]) -> Matrix {
    rows.iter().map(|row| weights(row, rows.len())).collect()
}

/// The full vector of a sparse row.
pub fn weights(row: Row, stages: usize) -> Vec<f64> {
    let mut full = vec![0.0; stages];
    for &(j, a) in row {
        full[j] = a;
    }
    full
}

/// $b_i(\theta)$ of a dense output given by polynomials without constant term.
pub fn dense_weights(dense: &[(usize, &[f64])], stages: usize, theta: f64) -> Vec<f64> {
    let mut weights = vec![0.0; stages];
    for (i, coefficients) in dense {
        weights[*i] = coefficients.iter().rev().fold(0.0, |sum, r| sum * theta + r) * theta;
    }
    weights
}

pub fn apply(a: &Matrix, x: &[f64]) -> Vec<f64> {
    a.iter().map(|row| dot(row, x)).collect()
}

pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn multiply_into(x: &mut [f64], y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x *= y);
}

/// Inverse of a lower triangular matrix.
pub fn inverse_of_lower(l: &Matrix) -> Matrix {
    let n = l.len();
    let mut inverse = vec![vec![0.0; n]; n];
    for j in 0..n {
        for i in j..n {
            let unit = if i == j { 1.0 } else { 0.0 };
            let known: f64 = (j..i).map(|k| l[i][k] * inverse[k][j]).sum();
            inverse[i][j] = (unit - known) / l[i][i];
        }
    }
    inverse
}

/// $1, 1, 2, 4, 9, 20$ rooted trees (OEIS A000081), and as many with two colours as OEIS A000151 has.
#[test]
fn the_numbers_of_trees_are_the_known_ones() {
    let count = |vertices: &[Vertex]| {
        let all = trees(5, vertices);
        (1..=5).map(|r| all.iter().filter(|t| t.order() == r).count()).collect::<Vec<_>>()
    };
    assert_eq!(count(&[Vertex::Implicit]), [1, 1, 2, 4, 9]);
    assert_eq!(count(&[Vertex::Implicit, Vertex::Explicit]), [2, 4, 14, 52, 214]);
}
