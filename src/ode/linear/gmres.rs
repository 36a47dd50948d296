//! The generalised minimal residual method, restarted.
//!
//! Y. Saad, M. H. Schultz, *GMRES: a generalized minimal residual algorithm for solving nonsymmetric linear systems*,
//! SIAM J. Sci. Stat. Comput. 7 (1986) 856–869. Preconditioned from the right, so that what is made small is the residual
//! of the system itself: $W P^{-1} y = b$, $x = P^{-1} y$. Norms are weighted,
//! $\lVert r \rVert^2 = \frac1n \sum_i (w_i r_i)^2$, so that states of different size count alike.

use crate::number::simd::{Kernel, axpy, dispatch, dot};

/// A linear operator: writes $A x$ to the second argument.
pub trait LinearOperator {
    /// Writes $A x$ to `out`.
    fn apply(&mut self, x: &[f64], out: &mut [f64]);
}

impl<F: FnMut(&[f64], &mut [f64])> LinearOperator for F {
    fn apply(&mut self, x: &[f64], out: &mut [f64]) {
        self(x, out)
    }
}

/// When the iteration ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// Reached when the residual is below this share of the right-hand side...
    pub relative: f64,
    /// ...or below this in the weighted norm.
    pub absolute: f64,
    /// Iterations before it gives up.
    pub iterations: usize,
}

/// How far an iteration has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Products with the matrix.
    pub iterations: usize,
    /// Weighted norm of the residual.
    pub residual: f64,
    /// Whether that is small enough.
    pub converged: bool,
}

/// Memory for the iteration.
#[derive(Clone, Debug)]
pub struct Gmres {
    n: usize,
    restart: usize,
    /// Orthonormal basis of the Krylov space, each vector times the weights.
    basis: Vec<f64>,
    /// Upper triangle that Givens rotations make of the Hessenberg matrix, column by column.
    triangle: Vec<f64>,
    rotation: Vec<(f64, f64)>,
    /// Right-hand side of the small system.
    target: Vec<f64>,
    /// The right-hand side, a direction, and its image.
    right_side: Vec<f64>,
    direction: Vec<f64>,
    image: Vec<f64>,
}

impl Gmres {
    /// Memory for `n` unknowns, with a basis of `restart` vectors.
    pub fn new(n: usize, restart: usize) -> Gmres {
        let restart = restart.clamp(1, n.max(1));
        Gmres {
            n,
            restart,
            basis: vec![0.0; (restart + 1) * n],
            triangle: vec![0.0; restart * (restart + 1)],
            rotation: vec![(0.0, 0.0); restart],
            target: vec![0.0; restart + 1],
            right_side: vec![0.0; n],
            direction: vec![0.0; n],
            image: vec![0.0; n],
        }
    }

    /// Vectors kept before the method starts anew.
    pub fn restart(&self) -> usize {
        self.restart
    }

    /// Replaces `b` by an approximation of $W^{-1} b$, starting from zero. `preconditioner` replaces its argument $r$ by
    /// $P^{-1} r$. When the iteration does not converge, `b` holds the best approximation it came to.
    pub fn solve(
        &mut self,
        operator: &mut impl LinearOperator,
        preconditioner: &mut impl FnMut(&mut [f64]),
        weights: &[f64],
        stop: Stop,
        b: &mut [f64],
    ) -> Progress {
        let n = self.n;
        let size = (n.max(1) as f64).sqrt();
        self.right_side.copy_from_slice(b);
        b.fill(0.0);
        let mut progress = Progress { iterations: 0, residual: 0.0, converged: true };
        let mut goal = None;
        loop {
            // The residual of the solution so far is the first vector of the basis.
            self.image.fill(0.0);
            if progress.iterations > 0 {
                operator.apply(b, &mut self.image);
            }
            let first = &mut self.basis[..n];
            for i in 0..n {
                first[i] = (self.right_side[i] - self.image[i]) * weights[i];
            }
            let norm = length(first);
            progress.residual = norm / size;
            let goal = *goal.get_or_insert(stop.absolute.max(stop.relative * progress.residual));
            progress.converged = progress.residual <= goal;
            if progress.converged || progress.iterations >= stop.iterations || !norm.is_finite() {
                return progress;
            }
            first.iter_mut().for_each(|v| *v /= norm);
            self.target.fill(0.0);
            self.target[0] = norm;
            let mut columns = 0;
            while columns < self.restart && progress.iterations < stop.iterations {
                let ended = self.extend(columns, operator, preconditioner, weights);
                columns += 1;
                progress.iterations += 1;
                progress.residual = self.target[columns].abs() / size;
                if ended || progress.residual <= goal || !progress.residual.is_finite() {
                    break;
                }
            }
            self.add_correction(columns, preconditioner, weights, b);
            progress.converged = progress.residual <= goal;
            if progress.converged || progress.iterations >= stop.iterations || !progress.residual.is_finite() {
                return progress;
            }
        }
    }

    /// Adds a vector to the basis and a column to the triangle; whether the space holds the solution.
    fn extend(
        &mut self,
        k: usize,
        operator: &mut impl LinearOperator,
        preconditioner: &mut impl FnMut(&mut [f64]),
        weights: &[f64],
    ) -> bool {
        let n = self.n;
        let (known, rest) = self.basis.split_at_mut((k + 1) * n);
        let new = &mut rest[..n];
        for i in 0..n {
            self.direction[i] = known[k * n + i] / weights[i];
        }
        preconditioner(&mut self.direction);
        operator.apply(&self.direction, &mut self.image);
        for i in 0..n {
            new[i] = self.image[i] * weights[i];
        }
        let column = &mut self.triangle[k * (self.restart + 1)..][..k + 2];
        column.fill(0.0);
        let before = length(new);
        let mut after = orthogonalize(known, new, column);
        // J. W. Daniel, W. B. Gragg, L. Kaufman, G. W. Stewart, Math. Comp. 30 (1976) 772–795: what cancels much has lost
        // its right angles, and doing it twice is enough.
        if after < std::f64::consts::FRAC_1_SQRT_2 * before {
            after = orthogonalize(known, new, column);
        }
        column[k + 1] = after;
        let ended = after <= f64::EPSILON * before;
        if !ended {
            new.iter_mut().for_each(|v| *v /= after);
        }
        for (i, &(cosine, sine)) in self.rotation[..k].iter().enumerate() {
            let (upper, lower) = (column[i], column[i + 1]);
            column[i] = cosine * upper + sine * lower;
            column[i + 1] = cosine * lower - sine * upper;
        }
        let radius = column[k].hypot(column[k + 1]);
        let (cosine, sine) = if radius > 0.0 { (column[k] / radius, column[k + 1] / radius) } else { (1.0, 0.0) };
        self.rotation[k] = (cosine, sine);
        column[k] = radius;
        self.target[k + 1] = -sine * self.target[k];
        self.target[k] *= cosine;
        ended
    }

    /// Solves the triangle and adds what its solution stands for.
    fn add_correction(
        &mut self,
        columns: usize,
        preconditioner: &mut impl FnMut(&mut [f64]),
        weights: &[f64],
        x: &mut [f64],
    ) {
        let n = self.n;
        let y = &mut self.target[..columns];
        for k in (0..columns).rev() {
            let column = &self.triangle[k * (self.restart + 1)..];
            // A direction that the matrix maps to zero adds nothing.
            y[k] = if column[k] > 0.0 { y[k] / column[k] } else { 0.0 };
            for i in 0..k {
                y[i] -= column[i] * y[k];
            }
        }
        self.direction.fill(0.0);
        for (k, &y) in y.iter().enumerate() {
            dispatch(Axpy { a: y, x: &self.basis[k * n..][..n], y: &mut self.direction });
        }
        for i in 0..n {
            self.direction[i] /= weights[i];
        }
        preconditioner(&mut self.direction);
        x.iter_mut().zip(&self.direction).for_each(|(x, d)| *x += d);
    }
}

/// Takes from `new` its parts along the basis, one after another, adds them to `column`, and returns what length is left.
fn orthogonalize(basis: &[f64], new: &mut [f64], column: &mut [f64]) -> f64 {
    for (vector, part) in basis.chunks_exact(new.len()).zip(column) {
        let along = dispatch(Dot { x: vector, y: new });
        *part += along;
        dispatch(Axpy { a: -along, x: vector, y: new });
    }
    length(new)
}

fn length(x: &[f64]) -> f64 {
    dispatch(Dot { x, y: x }).sqrt()
}

struct Dot<'a> {
    x: &'a [f64],
    y: &'a [f64],
}

impl Kernel for Dot<'_> {
    type Output = f64;
    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        dot::<FMA>(self.x, self.y)
    }
}

struct Axpy<'a> {
    a: f64,
    x: &'a [f64],
    y: &'a mut [f64],
}

impl Kernel for Axpy<'_> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        axpy::<FMA>(self.a, self.x, self.y);
    }
}
