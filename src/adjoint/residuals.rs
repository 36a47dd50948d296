//! Jacobians of many numbers of a solve, for least squares.

use super::derivatives::{Derivatives, dot};
use super::discrete::DiscreteAdjoint;
use super::forward::ForwardSensitivity;
use super::report::{GradientMethod, GradientReport};
use crate::model::Differentiable;
use crate::number::{Real, Taped};
use crate::ode::SolveError;

/// Numbers made of a solution, $r_i(t_1, u(t_1), \dots, p)$, written once for every number: the residuals of a fit.
pub trait Residuals {
    /// How many there are.
    fn count(&self) -> usize;
    /// Writes them, of the states `u[k]` at the saved times `t[k]` and of all flat parameters.
    fn at_times<R: Real>(&self, t: &[R], u: &[&[R]], p: &[R], r: &mut [R]);
}

/// Residuals with their derivatives.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ResidualJacobian {
    /// The residuals.
    pub residuals: Vec<f64>,
    /// $\partial r / \partial(p, u_0)$, row by row.
    pub jacobian: Vec<f64>,
    /// Numbers in a row: parameters, then initial states.
    pub columns: usize,
    /// Which way it was computed, and why.
    pub report: GradientReport,
}

impl ResidualJacobian {
    /// The derivatives of a residual.
    pub fn row(&self, residual: usize) -> &[f64] {
        self.jacobian.get(residual * self.columns..(residual + 1) * self.columns).unwrap_or_default()
    }
}

/// Told of a residual's derivatives by all saved states, and by the parameters.
type Visit<'v> = dyn FnMut(usize, &[f64], &[f64]) + 'v;

/// Sweeps back are cheaper where there are so many times more columns than residuals: a sweep takes about as long as twenty
/// columns of sensitivities of a small system with a network, as long as three of a stiff one.
const COLUMNS_OF_A_SWEEP: usize = 8;

impl<S: Differentiable> Derivatives<'_, S> {
    /// Residuals and their Jacobian, by forward sensitivities or by as many sweeps back over one solve as there are residuals,
    /// whichever is cheaper: sweeps where parameters and states are many and residuals few.
    ///
    /// ```
    /// use ansatz::adjoint::Residuals;
    /// use ansatz::prelude::*;
    /// # struct Decay;
    /// # impl Model for Decay {
    /// #     fn states(&self) -> Names { ["u"].into() }
    /// #     fn parameters(&self) -> Names { ["rate"].into() }
    /// #     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
    /// #         let [rate] = p.parameters();
    /// #         du[0] = -rate * u[0];
    /// #     }
    /// # }
    /// struct Distances([f64; 2]);
    /// impl Residuals for Distances {
    ///     fn count(&self) -> usize { 2 }
    ///     fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R], r: &mut [R]) {
    ///         for k in 0..2 {
    ///             r[k] = u[k][0] - R::from_f64(self.0[k]);
    ///         }
    ///     }
    /// }
    /// let solve = Solve::new(&Decay, [1.0], 0.0, 2.0).parameters([0.5]).rtol(1e-10).save_at(&[1.0, 2.0]);
    /// let found = solve.differentiate()?.jacobian(&Distances([0.6, 0.4]))?;
    /// let u = (-0.5f64).exp();
    /// assert!((found.residuals[0] - (u - 0.6)).abs() < 1e-8);
    /// assert!((found.row(0)[0] + u).abs() < 1e-7 && (found.row(1)[1] - u * u).abs() < 1e-7);
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`SolveError::Argument`] with events, for which `gradient` is; the [`SolveError`] of the solve.
    pub fn jacobian<Q: Residuals + ?Sized>(&self, residuals: &Q) -> crate::Result<ResidualJacobian> {
        if let GradientMethod::ContinuousAdjoint(_) = self.by {
            return Err(SolveError::Argument {
                argument: "by",
                problem: "is `ContinuousAdjoint`, which is for one number".to_string(),
                advice: "leave the choice to `GradientMethod::Automatic`".to_string(),
            }
            .into());
        }
        if !self.events.is_empty() {
            return Err(SolveError::Argument {
                argument: "event",
                problem: "is not for Jacobians".to_string(),
                advice: "call `gradient` for each number".to_string(),
            }
            .into());
        }
        let (n, q) = (self.initial.len(), self.system.parameter_count());
        let (columns, count) = (n + q, residuals.count());
        let forward = match self.by {
            GradientMethod::ForwardSensitivity => true,
            GradientMethod::DiscreteAdjoint | GradientMethod::ContinuousAdjoint(_) => false,
            GradientMethod::Automatic => columns <= COLUMNS_OF_A_SWEEP * count,
        };
        let why = match self.by {
            GradientMethod::Automatic => format!("{columns} columns for {count} residuals"),
            _ => "asked for".to_string(),
        };
        let mut found = if forward { self.jacobian_forwards(residuals) } else { self.jacobian_backwards(residuals) }?;
        found.report.why = why;
        Ok(found)
    }

    /// Rows of derivatives with respect to all states and then the parameters, and the residuals.
    fn of_states<Q: Residuals + ?Sized>(&self, residuals: &Q, u: &[f64], visit: &mut Visit<'_>) -> Vec<f64> {
        let (times, n) = (self.times.len(), self.initial.len());
        let x = [&self.times[..], u, &self.p].concat();
        let count = residuals.count();
        let mut values = vec![0.0; count];
        Taped::rows(
            &x,
            count,
            |x, r| {
                let (t, rest) = x.split_at(times);
                let (u, p) = rest.split_at(times * n);
                let rows: Vec<&[Taped]> = u.chunks_exact(n).collect();
                residuals.at_times(t, &rows, p, r);
            },
            |i, value, row| {
                values[i] = value;
                let (of_u, of_p) = row[times..].split_at(times * n);
                visit(i, of_u, of_p);
            },
        );
        values
    }

    fn jacobian_forwards<Q: Residuals + ?Sized>(&self, residuals: &Q) -> Result<ResidualJacobian, SolveError> {
        let (n, q) = (self.initial.len(), self.system.parameter_count());
        let mut forward = ForwardSensitivity::new(&*self.system, self.options.clone());
        forward.solve(self.span.start, &self.initial, &self.p, &self.times)?;
        let columns = forward.columns();
        let mut jacobian = vec![0.0; residuals.count() * columns];
        let values = self.of_states(residuals, forward.states(), &mut |i, of_u, of_p| {
            let row = &mut jacobian[i * columns..(i + 1) * columns];
            row[..q].copy_from_slice(of_p);
            // Most residuals are of one time.
            for (at, slope) in of_u.iter().enumerate().filter(|(_, slope)| **slope != 0.0) {
                row.iter_mut().zip(forward.row(at / n, at % n)).for_each(|(x, s)| *x += slope * s);
            }
        });
        let report = GradientReport {
            by: GradientMethod::ForwardSensitivity,
            why: String::new(),
            through: forward.methods(),
            statistics: forward.statistics(),
            checkpointing: None,
            backward: None,
        };
        Ok(ResidualJacobian { residuals: values, jacobian, columns, report })
    }

    fn jacobian_backwards<Q: Residuals + ?Sized>(&self, residuals: &Q) -> Result<ResidualJacobian, SolveError> {
        let (n, q) = (self.initial.len(), self.system.parameter_count());
        let columns = n + q;
        let mut adjoint = DiscreteAdjoint::new(&*self.system, self.options.clone()).budget(self.budget);
        let mut jacobian = vec![0.0; residuals.count() * columns];
        let mut values = Vec::new();
        let lanes = adjoint.rows(self.span.start, &self.initial, &self.p, &self.times, |states| {
            let mut seeds = Vec::with_capacity(residuals.count());
            values = self.of_states(residuals, states, &mut |i, of_u, of_p| {
                jacobian[i * columns..][..q].copy_from_slice(of_p);
                seeds.push(of_u.to_vec());
            });
            seeds
        })?;
        for (row, lane) in jacobian.chunks_exact_mut(columns).zip(lanes) {
            row[..q].iter_mut().zip(&lane.bars.p).for_each(|(x, g)| *x += g);
            row[q..].copy_from_slice(&lane.bars.u);
        }
        let report = GradientReport {
            by: GradientMethod::DiscreteAdjoint,
            why: String::new(),
            through: adjoint.methods(),
            statistics: adjoint.statistics(),
            checkpointing: Some(adjoint.checkpointing()),
            backward: None,
        };
        Ok(ResidualJacobian { residuals: values, jacobian, columns, report })
    }
}

impl ResidualJacobian {
    /// $J^\top r$: half the gradient of the sum of squares.
    pub fn gradient(&self) -> Vec<f64> {
        let column =
            |j: usize| -> Vec<f64> { self.jacobian.iter().skip(j).step_by(self.columns.max(1)).copied().collect() };
        (0..self.columns).map(|j| dot(&column(j), &self.residuals)).collect()
    }
}
