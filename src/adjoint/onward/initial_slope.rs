//! The slope that a method begins with, forwards.
//!
//! Without a mass matrix it is $x = f(t, u)$. With one it is that of an implicit Euler step of next to no length, $W x = \sigma f$
//! with $W = \sigma M - f_u$ and $\sigma = c \Vert f_u \Vert$, so that
//!
//! $$ W \dot x = \sigma (f_u S + f_p) + \nabla (f_u x) \cdot (S, I) - \frac{\dot \sigma}{\sigma} f_u x . $$
//!
//! The norm is $a^\top f_u b$ with signs in the one and a unit vector in the other, see the same
//! [backwards](crate::adjoint::reverse), and $\dot \sigma = c \nabla (a^\top f_u b) \cdot (S, I)$.

use super::add;
use super::linearized::Linearized;
use super::second::Second;
use crate::model::Differentiable;
use crate::ode::implicit::INITIAL_SHIFT;

/// Memory for it.
pub(super) struct InitialSlope {
    /// Needed with a mass matrix alone.
    second: Option<Second>,
    rows: Vec<f64>,
    columns: Vec<f64>,
    unit: Vec<f64>,
    signs: Vec<f64>,
    sigma_dot: Vec<f64>,
}

impl InitialSlope {
    pub fn new(system: &dyn Differentiable) -> Self {
        let n = system.dimension();
        let second = system.mass_matrix().filter(|mass| !mass.is_identity()).map(|_| Second::new(system, 1));
        let zeros = || vec![0.0; n];
        let (rows, columns, unit, signs) = (zeros(), zeros(), zeros(), zeros());
        InitialSlope { second, rows, columns, unit, signs, sigma_dot: Vec::new() }
    }

    /// Writes the sensitivity of the slope `slope` at $(t, u)$, where that of the state is `s`. Fails with a column where the
    /// matrix is singular.
    pub fn forwards(
        &mut self,
        system: &dyn Differentiable,
        at: &mut Linearized,
        place: (f64, &[f64], &[f64]),
        slope: &[f64],
        s: &[f64],
        (out, columns): (&mut [f64], usize),
    ) -> Result<(), usize> {
        out.fill(0.0);
        at.evaluate(system, &[(place.0, 1.0)], (place.1, place.2));
        let Some(second) = &mut self.second else {
            at.add_derivative(system, place, 1.0, Some(s), out, columns);
            return Ok(());
        };
        for sums in [&mut self.rows, &mut self.columns] {
            sums.fill(0.0);
        }
        at.entries(|i, j, value| {
            self.rows[i] += value.abs();
            self.columns[j] += value.abs();
        });
        let ((by_rows, row), (by_columns, column)) = (largest(&self.rows), largest(&self.columns));
        let norm = by_rows.min(by_columns);
        let sigma = INITIAL_SHIFT * norm.max(f64::MIN_POSITIVE);
        if let Err(component) = at.factorize_for(sigma) {
            // There was none to begin with either: the method began with zero.
            return if slope.iter().all(|x| *x == 0.0) { Ok(()) } else { Err(component) };
        }
        at.add_derivative(system, place, sigma, Some(s), out, columns);
        if norm > 0.0 {
            let of_column = by_columns <= by_rows;
            self.unit.fill(0.0);
            self.signs.fill(0.0);
            self.unit[if of_column { column } else { row }] = 1.0;
            at.entries(|i, j, value| match of_column {
                true if j == column => self.signs[i] = value.signum(),
                false if i == row => self.signs[j] = value.signum(),
                _ => {}
            });
            let pair = if of_column { (&self.signs[..], &self.unit[..]) } else { (&self.unit[..], &self.signs[..]) };
            self.sigma_dot.resize(columns, 0.0);
            second.weighted(system, place, pair, s, &mut self.sigma_dot);
        }
        second.add(system, place, (0.0, slope), s, out, columns);
        if norm > 0.0 {
            for (x, row) in second.product().iter().zip(out.chunks_exact_mut(columns)) {
                add(-INITIAL_SHIFT / sigma * x, &self.sigma_dot, row);
            }
        }
        at.solve(out, columns)
    }
}

/// The largest sum, and which.
fn largest(sums: &[f64]) -> (f64, usize) {
    sums.iter().enumerate().fold((0.0, 0), |m, (i, x)| if *x > m.0 { (*x, i) } else { m })
}
