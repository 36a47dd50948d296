//! The slope that a method begins with, backwards.
//!
//! Without a mass matrix it is $x = f(t, u)$. With one it is what an implicit Euler step of next to no length gives, $x =
//! \sigma W^{-1} f$ with $W = \sigma M - f_u$ and $\sigma = c \Vert f_u \Vert$. From $W x = \sigma f$, with $\nu = \sigma
//! W^{-\top} \bar x$,
//!
//! $$ \bar x^\top \delta x = \nu^\top \delta f + \frac{1}{\sigma} \nu^\top (\delta f_u) x
//! - \frac{\delta \sigma}{\sigma^2} \nu^\top f_u x . $$
//!
//! The second term matters for algebraic components; in the others it is, like the third, as small as $1 / c$. The norm is
//! a sum of moduli in one row or column, $\Vert f_u \Vert = a^\top f_u b$ with signs in $a$ or $b$ and a unit vector in the
//! other, so that $\delta \sigma = c a^\top (\delta f_u) b$ is a second derivative of $f$ as the second term is.

use super::add;
use super::transposed::Transposed;
use crate::model::Differentiable;
use crate::ode::implicit::INITIAL_SHIFT;

/// Memory for it.
#[derive(Default)]
pub(in crate::adjoint) struct InitialSlope {
    tapes: [Vec<f64>; 2],
    values: [Vec<f64>; 2],
    direction: Vec<f64>,
    lambda: Vec<f64>,
    u_bars: [Vec<f64>; 2],
    p_bars: [Vec<f64>; 2],
    rows: Vec<f64>,
    columns: Vec<f64>,
}

impl InitialSlope {
    /// Takes the cotangent `bar` of the slope `slope` at $(t, u)$ to state and parameters. Fails with a column where the
    /// matrix is singular.
    pub fn back(
        &mut self,
        system: &dyn Differentiable,
        matrix: &mut Transposed,
        at @ (t, u, p): (f64, &[f64], &[f64]),
        slope: &[f64],
        bar: &mut [f64],
        (u_bar, p_bar): (&mut [f64], &mut [f64]),
    ) -> Result<(), usize> {
        let n = u.len();
        self.tapes.iter_mut().for_each(|tape| tape.resize(system.tape_len(), 0.0));
        self.values.iter_mut().for_each(|value| value.resize(n, 0.0));
        if !matrix.has_mass() {
            system.record(t, u, p, &mut self.values[0], &mut self.tapes[0]);
            system.vjp(p, &self.tapes[0], bar, u_bar, p_bar);
            return Ok(());
        }
        for v in [&mut self.direction, &mut self.lambda] {
            v.resize(n, 0.0);
        }
        matrix.evaluate(system, at);
        let (norm, column, index) = self.norm(matrix, n);
        let sigma = INITIAL_SHIFT * norm.max(f64::MIN_POSITIVE);
        let solved = matrix.factorize_for(sigma).and_then(|()| matrix.solve(bar));
        if let Err(component) = solved {
            // There was none to begin with either: the method began with zero.
            return if slope.iter().all(|x| *x == 0.0) { Ok(()) } else { Err(component) };
        }
        bar.iter_mut().for_each(|x| *x *= sigma);
        self.direction.iter_mut().zip(slope).for_each(|(d, x)| *d = x / sigma);
        self.lambda.copy_from_slice(bar);
        self.second(system, at);
        for (own, sum) in [(&self.u_bars, &mut *u_bar), (&self.p_bars, &mut *p_bar)] {
            add(1.0, &own[0], sum);
            add(1.0, &own[1], sum);
        }
        if norm == 0.0 {
            return Ok(());
        }
        let along: f64 = bar.iter().zip(&self.values[1]).map(|(x, y)| x * y).sum();
        let factor = -INITIAL_SHIFT * along / sigma;
        let (unit, signs) =
            if column { (&mut self.direction, &mut self.lambda) } else { (&mut self.lambda, &mut self.direction) };
        unit.fill(0.0);
        signs.fill(0.0);
        unit[index] = 1.0;
        for (i, j, value) in matrix.entries(n) {
            match column {
                true if j == index => signs[i] = value.signum(),
                false if i == index => signs[j] = value.signum(),
                _ => {}
            }
        }
        self.second(system, at);
        add(factor, &self.u_bars[1], u_bar);
        add(factor, &self.p_bars[1], p_bar);
        Ok(())
    }

    /// $f_u^\top \lambda$ and the derivative of $\lambda^\top f_u v$, with respect to state and parameters.
    fn second(&mut self, system: &dyn Differentiable, (t, u, p): (f64, &[f64], &[f64])) {
        for (bars, len) in [(&mut self.u_bars, u.len()), (&mut self.p_bars, p.len())] {
            for bar in bars {
                bar.clear();
                bar.resize(len, 0.0);
            }
        }
        let ([value, value_dot], [tape, tape_dot]) = (&mut self.values, &mut self.tapes);
        system.record_along((t, 0.0), (u, &self.direction), (p, &[]), (value, value_dot), (tape, tape_dot));
        let ([u_bar, u_bar_dot], [p_bar, p_bar_dot]) = (&mut self.u_bars, &mut self.p_bars);
        system.vjp_along((p, &[]), (tape, tape_dot), (&self.lambda, &[]), (u_bar, u_bar_dot), (p_bar, p_bar_dot));
    }

    /// The smaller of the column and row sum norms of $f_u$, whether it is that of a column, and which.
    fn norm(&mut self, matrix: &Transposed, n: usize) -> (f64, bool, usize) {
        for sums in [&mut self.rows, &mut self.columns] {
            sums.clear();
            sums.resize(n, 0.0);
        }
        for (i, j, value) in matrix.entries(n) {
            self.rows[i] += value.abs();
            self.columns[j] += value.abs();
        }
        let largest =
            |sums: &[f64]| sums.iter().enumerate().fold((0.0, 0), |m, (i, x)| if *x > m.0 { (*x, i) } else { m });
        let ((by_rows, row), (by_columns, column)) = (largest(&self.rows), largest(&self.columns));
        if by_columns <= by_rows { (by_columns, true, column) } else { (by_rows, false, row) }
    }
}
