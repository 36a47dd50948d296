//! $\dot u$ at a point: what a state read a little later differs by.

use crate::model::System;
use crate::ode::implicit::IterationMatrix;
use crate::ode::{Context, Implicit, Options, Plain, Rhs, Span, Statistics};

/// $\sigma$ over the norm of $f_u$: the relative error is one over it.
const SHIFT: f64 = 1e10;

/// Rates of change along solutions of $M \dot u = f(t, u, p)$.
pub(super) struct Rates<'s> {
    plain: Plain<&'s dyn System>,
    matrix: IterationMatrix,
    options: &'s Options,
    algebraic: Vec<usize>,
    slope: Vec<f64>,
    f_t: Vec<f64>,
}

impl<'s> Rates<'s> {
    pub fn new(system: &'s dyn System, p: &[f64], options: &'s Options, span: Span) -> Self {
        let n = system.dimension();
        let plain = Plain::new(system, p, options, span);
        let algebraic = plain.mass().map(|mass| mass.algebraic_equations()).unwrap_or_default();
        let (matrix, slope, f_t) = (IterationMatrix::default(), vec![0.0; n], vec![0.0; n]);
        Rates { plain, matrix, options, algebraic, slope, f_t }
    }

    /// $\dot u$ where $f$ and the algebraic equations hold. With a mass matrix it is what a step of next to no length by the
    /// implicit Euler method gives, $(\sigma M - f_u) x = f + f_t / \sigma$ and $\dot u = \sigma x$: where $M$ is zero it says
    /// $f_u \dot u + f_t = 0$. What the algebraic equations are off by is left out, which the large $\sigma$ would make much of.
    /// Zero where that cannot be solved.
    pub fn evaluate(&mut self, t: f64, u: &[f64], rate: &mut [f64]) {
        let mut statistics = Statistics::default();
        let mut cx = Context { options: self.options, statistics: &mut statistics };
        self.plain.eval(0, t, u, &mut self.slope);
        rate.copy_from_slice(&self.slope);
        if self.plain.mass().is_none() {
            return;
        }
        self.matrix.start(&self.plain, &cx);
        let depends = self.plain.time_derivative(t, u, &self.slope, &mut self.f_t, cx.statistics);
        self.matrix.evaluate(&mut self.plain, t, u, &self.slope, &mut cx);
        let sigma = SHIFT * self.matrix.norm(&self.plain, rate).max(f64::MIN_POSITIVE);
        rate.copy_from_slice(&self.slope);
        self.algebraic.iter().for_each(|i| rate[*i] = 0.0);
        if depends {
            rate.iter_mut().zip(&self.f_t).for_each(|(rate, f_t)| *rate += f_t / sigma);
        }
        let solved = self.matrix.factorize(sigma, &mut cx).is_ok() && self.matrix.solve(rate, &mut cx).is_ok();
        let scale = if solved { sigma } else { 0.0 };
        rate.iter_mut().for_each(|rate| *rate *= scale);
    }
}
