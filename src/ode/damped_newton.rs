//! Newton's method for equations without a good guess: consistent initial values, steady states.

use super::control::{error_norm, first_not_finite};
use super::implicit::matrix::IterationMatrix;
use super::null_space::left_null_space;
use super::stepper::{Context, Implicit, Rejection};
use nalgebra::DMatrix;

/// Solves $f(t, u) = 0$ for $u$ by steps along $\delta = (\sigma M - f_u)^{-1} f$, as much of each as brings the solution
/// nearer.
///
/// A part $\lambda$ of a step is good enough when the simplified correction after it,
/// $\bar\delta = (\sigma M - f_u)^{-1} f(t, u + \lambda \delta)$, has $\Vert\bar\delta\Vert \le (1 - \lambda / 4) \Vert\delta\Vert$
/// in the scale of the tolerances. The test is about distances from the solution, not about residuals, so that the units
/// of the equations do not matter.
///
/// P. Deuflhard, *Newton Methods for Nonlinear Problems* (2004), section 3.3.
#[derive(Default)]
pub(super) struct DampedNewton {
    pub matrix: IterationMatrix,
    /// $f(t, u)$ at the last $u$.
    pub residual: Vec<f64>,
    pub delta: Vec<f64>,
    simplified: Vec<f64>,
    difference: Vec<f64>,
    amplified: Vec<f64>,
    trial: Vec<f64>,
    trial_residual: Vec<f64>,
    pub iterations: usize,
}

/// The multiple $\sigma$ of the mass matrix that is added to $-f_u$.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shift {
    By(f64),
    /// As much as makes $\sigma M$ and $f_u$ equally large.
    Balanced,
}

/// Why no solution was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Failure {
    /// $f$ is not finite at the guess.
    NotFinite(usize),
    /// The matrix is singular or as good as that, and leaves this component open.
    Singular(usize),
    /// No part of a step brings the solution nearer, or there were too many steps.
    Stuck,
}

/// How far to go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub iterations: usize,
    /// The smallest part of a step; 1 leaves nothing but whole ones.
    pub smallest_part: f64,
}

/// A correction of which this part may be rounding tells nothing, unless the rounding is within the tolerances.
const DROWNED: f64 = 0.1;
/// Up to this many states a matrix without pivots is searched for what it leaves open.
const MOST_STATES: usize = 400;

impl DampedNewton {
    /// Room for a problem.
    pub fn start<F: Implicit + ?Sized>(&mut self, f: &F, cx: &Context) {
        for v in [
            &mut self.residual,
            &mut self.delta,
            &mut self.simplified,
            &mut self.difference,
            &mut self.amplified,
            &mut self.trial,
            &mut self.trial_residual,
        ] {
            v.resize(f.dimension(), 0.0);
        }
        self.matrix.start(f, cx);
    }

    /// The correction at $u$, in `delta`.
    pub fn correct<F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        shift: Shift,
        t: f64,
        u: &[f64],
        cx: &mut Context,
    ) -> Result<(), Failure> {
        self.evaluate(f, t, u, cx)?;
        self.correct_from_residual(f, shift, t, u, cx)
    }

    fn correct_from_residual<F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        shift: Shift,
        t: f64,
        u: &[f64],
        cx: &mut Context,
    ) -> Result<(), Failure> {
        let sigma = self.factorize(f, shift, t, u, cx)?;
        self.delta.copy_from_slice(&self.residual);
        self.matrix.solve(&mut self.delta, cx).map_err(|_| Failure::Stuck)?;
        // Rounding of the terms of f, and of the products of matrix and correction.
        let (delta, options) = (self.delta.clone(), cx.options);
        self.amplify(f, sigma, |j| f64::EPSILON * (u[j].abs() + delta[j].abs()), cx);
        let size = error_norm(options, &self.delta, u, u);
        let rounding = error_norm(options, &self.amplified, u, u);
        if size.is_nan() || rounding.is_nan() || rounding > (DROWNED * size).max(1.0) {
            return Err(Failure::Singular(self.most_amplified(u, cx)));
        }
        Ok(())
    }

    /// $(\sigma M - f_u)^{-1}$ of what `right` makes of $\sigma$.
    pub fn solve_with<F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        shift: Shift,
        t: f64,
        u: &[f64],
        cx: &mut Context,
        right: impl FnOnce(f64) -> Vec<f64>,
    ) -> Result<Vec<f64>, Failure> {
        self.evaluate(f, t, u, cx)?;
        let sigma = self.factorize(f, shift, t, u, cx)?;
        let mut x = right(sigma);
        self.matrix.solve(&mut x, cx).map_err(|_| Failure::Stuck)?;
        self.amplify(f, sigma, |j| f64::EPSILON * x[j].abs(), cx);
        let (size, rounding) = (error_norm(cx.options, &x, u, u), error_norm(cx.options, &self.amplified, u, u));
        if size.is_nan() || rounding.is_nan() || rounding > DROWNED * size {
            return Err(Failure::Singular(self.most_amplified(u, cx)));
        }
        Ok(x)
    }

    fn evaluate<F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        t: f64,
        u: &[f64],
        cx: &mut Context,
    ) -> Result<(), Failure> {
        f.try_eval(t, u, &mut self.residual);
        cx.statistics.rhs += 1;
        first_not_finite(&self.residual).map_or(Ok(()), |component| Err(Failure::NotFinite(component)))
    }

    /// Factorises the matrix at $u$, where the residual is in place, and gives $\sigma$.
    fn factorize<F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        shift: Shift,
        t: f64,
        u: &[f64],
        cx: &mut Context,
    ) -> Result<f64, Failure> {
        self.matrix.current = false;
        self.matrix.evaluate(f, t, u, &self.residual, cx);
        let sigma = match shift {
            Shift::By(sigma) => sigma,
            Shift::Balanced => {
                let largest = |m: f64, x: f64| m.max(x.abs());
                let mass = f.mass().map_or(1.0, |mass| mass.entries().iter().fold(0.0, |m, e| largest(m, e.2)));
                let jacobian = self.matrix.jacobian.iter().fold(0.0, |m, x| largest(m, *x));
                if jacobian > 0.0 && mass > 0.0 { jacobian / mass } else { 1.0 }
            }
        };
        match self.matrix.factorize(sigma, cx) {
            Ok(()) => Ok(sigma),
            Err(Rejection::NotFinite(_)) => Err(Failure::Stuck),
            Err(_) => Err(Failure::Singular(self.open_component(f, sigma, u.len()))),
        }
    }

    /// How much the solution changes when the terms $W_{ij} x_j$ do by as much as they are for the $x$ given:
    /// $W^{-1} r$ with $r_i \approx \sum_j |W_{ij}| x_j$, in `amplified`.
    fn amplify<F: Implicit + ?Sized>(&mut self, f: &F, sigma: f64, x: impl Fn(usize) -> f64, cx: &mut Context) {
        let (n, rows) = (self.amplified.len(), &mut self.amplified);
        rows.fill(0.0);
        match f.mass() {
            None => (0..n).for_each(|i| rows[i] = sigma.abs() * x(i)),
            Some(mass) => mass.entries().iter().for_each(|(i, j, m)| rows[*i] += (sigma * m).abs() * x(*j)),
        }
        let mut at = 0;
        for j in 0..n {
            let mut add = |i: usize| {
                rows[i] += self.matrix.jacobian[at].abs() * x(j);
                at += 1;
            };
            match f.sparsity() {
                None => (0..n).for_each(&mut add),
                Some(sparsity) => sparsity.column(j).iter().for_each(|i| add(*i)),
            }
        }
        // Factors without a pattern, so that no vector that W maps to zero from the left is orthogonal to r by chance.
        for (i, row) in rows.iter_mut().enumerate() {
            *row *= 0.5 + ((i + 1) as f64 * 0.618_033_988_749_894_9).fract();
        }
        if self.matrix.solve(&mut self.amplified, cx).is_err() {
            self.amplified.fill(f64::INFINITY);
        }
    }

    fn most_amplified(&self, u: &[f64], cx: &Context) -> usize {
        let scaled = |i: usize| (self.amplified[i] / (cx.options.atol.of(i) + cx.options.rtol * u[i].abs())).abs();
        (0..u.len()).fold(0, |most, i| if scaled(i) > scaled(most) || scaled(i).is_nan() { i } else { most })
    }

    /// By how much relative errors of the entries of $f_u$ are amplified, in the scale of the tolerances, where the last
    /// correction was with $\sigma = 0$.
    pub fn condition<F: Implicit + ?Sized>(&mut self, f: &F, u: &[f64], cx: &mut Context) -> f64 {
        let options = cx.options;
        let scale = |i: usize| options.atol.of(i) + options.rtol * u[i].abs();
        self.amplify(f, 0.0, scale, cx);
        self.amplified.iter().enumerate().fold(0.0, |m: f64, (i, x)| m.max((x / scale(i)).abs()))
    }

    /// What a matrix without pivots leaves open: the largest component of a vector that it maps to zero.
    fn open_component<F: Implicit + ?Sized>(&self, f: &F, sigma: f64, n: usize) -> usize {
        if n > MOST_STATES {
            return 0;
        }
        let mut transposed = DMatrix::<f64>::zeros(n, n);
        match f.mass() {
            None => transposed.fill_diagonal(sigma),
            Some(mass) => mass.entries().iter().for_each(|(i, j, m)| transposed[(*j, *i)] = sigma * m),
        }
        let mut at = 0;
        for j in 0..n {
            let mut put = |i: usize| {
                transposed[(j, i)] -= self.matrix.jacobian[at];
                at += 1;
            };
            match f.sparsity() {
                None => (0..n).for_each(&mut put),
                Some(sparsity) => sparsity.column(j).iter().for_each(|i| put(*i)),
            }
        }
        let basis = left_null_space(transposed, n as f64 * f64::EPSILON);
        basis.first().and_then(|y| y.iter().find(|(_, y)| *y == 1.0)).map_or(0, |(i, _)| *i)
    }

    /// Goes from the guess in `u` to the solution, or as near as it gets. The corrections end where they are smaller than
    /// the tolerances; the last one is made all the same.
    pub fn solve<F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        shift: Shift,
        t: f64,
        u: &mut [f64],
        limits: Limits,
        cx: &mut Context,
    ) -> Result<(), Failure> {
        self.evaluate(f, t, u, cx)?;
        let (mut part, mut size_before, mut contracted) = (1.0f64, 0.0, 0.0);
        for iteration in 0..limits.iterations {
            match self.correct_from_residual(f, shift, t, u, cx) {
                // The way led there, not the equations.
                Err(Failure::Singular(_)) if iteration > 0 => return Err(Failure::Stuck),
                corrected => corrected?,
            }
            self.iterations += 1;
            cx.statistics.newton_iterations += 1;
            let size = error_norm(cx.options, &self.delta, u, u);
            if iteration == 0 || size <= 1.0 {
                part = 1.0;
            } else {
                // The prediction of NLEQ-ERR: from how far the last simplified correction was from the true one.
                let both = self.simplified.iter().zip(&self.delta).zip(&mut self.difference);
                both.for_each(|((s, d), x)| *x = s - d);
                let off = error_norm(cx.options, &self.difference, u, u);
                let predicted = part * size_before * contracted / (off * size);
                part = if predicted.is_nan() { 1.0 } else { predicted.clamp(limits.smallest_part, 1.0) };
            }
            loop {
                for (x, (u, d)) in self.trial.iter_mut().zip(u.iter().zip(&self.delta)) {
                    *x = u + part * d;
                }
                f.try_eval(t, &self.trial, &mut self.trial_residual);
                cx.statistics.rhs += 1;
                let mut next = 0.25 * part;
                if first_not_finite(&self.trial_residual).is_none() && first_not_finite(&self.trial).is_none() {
                    if size <= 1.0 {
                        u.copy_from_slice(&self.trial);
                        self.residual.copy_from_slice(&self.trial_residual);
                        return Ok(());
                    }
                    self.simplified.copy_from_slice(&self.trial_residual);
                    if self.matrix.solve(&mut self.simplified, cx).is_err() {
                        return Err(Failure::Stuck);
                    }
                    contracted = error_norm(cx.options, &self.simplified, u, u);
                    if contracted <= (1.0 - 0.25 * part) * size {
                        break;
                    }
                    // The correction of NLEQ-ERR.
                    let both = self.simplified.iter().zip(&self.delta).zip(&mut self.difference);
                    both.for_each(|((s, d), x)| *x = s - (1.0 - part) * d);
                    let off = error_norm(cx.options, &self.difference, u, u);
                    next = (0.5 * size * part * part / off).max(0.1 * part).min(0.5 * part);
                }
                // NaN would come of an infinite difference.
                part = if next.is_nan() { 0.1 * part } else { next };
                if part < limits.smallest_part {
                    return Err(Failure::Stuck);
                }
            }
            size_before = size;
            u.copy_from_slice(&self.trial);
            self.residual.copy_from_slice(&self.trial_residual);
        }
        Err(Failure::Stuck)
    }
}
