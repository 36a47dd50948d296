//! The options of the solve back.

use super::equations::Layout;
use crate::adjoint::Derivatives;
use crate::model::Differentiable;
use crate::ode::{LinearSolver, Options, SolveError, Tolerance};

/// Tolerances of continuous adjoints, where they are not those of the forward solve.
#[derive(Clone, Debug, Default)]
pub(in crate::adjoint) struct BackwardTolerances {
    rtol: Option<f64>,
    atol: Option<Tolerance>,
}

/// Derivatives of a loss below this are as good as zero.
const TINY: f64 = 1e-150;

impl<S: Differentiable> Derivatives<'_, S> {
    /// Relative tolerance of the solve back of a [continuous adjoint](super::Continuous); default: that of the forward solve.
    pub fn backward_rtol(mut self, rtol: f64) -> Self {
        self.backwards.rtol = Some(rtol);
        self
    }

    /// Absolute tolerance of the solve back of a [continuous adjoint](super::Continuous), one or one for each state's adjoint
    /// $\lambda_i$, which is in units of the loss over those of the state.
    ///
    /// Default: that of the forward solve, the smallest of them for $\mathrm{d} L / \mathrm{d} p$, and these over the size of a
    /// parameter above one. Where the derivatives of the loss by the states are all below one, it shrinks with the largest of
    /// them: half the loss then has half the gradient, however small it is.
    pub fn backward_atol(mut self, atol: impl Into<Tolerance>) -> Self {
        self.backwards.atol = Some(atol.into());
        self
    }
}

impl BackwardTolerances {
    /// The options of the solve back of adjoint equations with this layout, where the forward solve had `forward` in place of
    /// the options `asked`. The derivatives of the loss are up to `slope`.
    pub(super) fn options(
        &self,
        forward: &Options,
        asked: &Options,
        (layout, sparse): (Layout, bool),
        slope: f64,
        p: &[f64],
    ) -> Result<Options, SolveError> {
        let Layout { n, sums, carries } = layout;
        // A check of the gradient tightens both.
        let part = forward.rtol / asked.rtol;
        let rtol = self.rtol.map_or(forward.rtol, |rtol| rtol * part);
        let given = self.atol.as_ref();
        if let Some(Tolerance::Each(atol)) = given
            && atol.len() != n
        {
            return Err(SolveError::Argument {
                argument: "backward_atol",
                problem: format!("has {} values for {n} states", atol.len()),
                advice: "give one number, or one for the adjoint of each state".to_string(),
            });
        }
        let lambda: Vec<f64> = match given {
            Some(atol) => (0..n).map(|i| atol.of(i) * part).collect(),
            None => (0..n).map(|i| forward.atol.of(i) * slope.clamp(TINY, 1.0)).collect(),
        };
        let least = lambda.iter().copied().fold(f64::INFINITY, f64::min);
        let mu = p[..sums].iter().map(|p| if given.is_some() { least } else { least / p.abs().max(1.0) });
        let u = (0..if carries { n } else { 0 }).map(|i| forward.atol.of(i));
        let atol = lambda.iter().copied().chain(mu).chain(u).collect();
        let needs_pattern = matches!(forward.linear_solver, LinearSolver::Sparse | LinearSolver::Krylov);
        let options = Options {
            rtol,
            atol: Tolerance::Each(atol),
            h_initial: None,
            bounds: Vec::new(),
            linear_solver: if needs_pattern && !sparse { LinearSolver::Automatic } else { forward.linear_solver },
            ..forward.clone()
        };
        options.check(layout.len()).map_err(|error| match error {
            SolveError::Argument { argument: "rtol", problem, advice } => {
                SolveError::Argument { argument: "backward_rtol", problem, advice }
            }
            SolveError::Argument { argument: "atol", problem, advice } => {
                SolveError::Argument { argument: "backward_atol", problem, advice }
            }
            other => other,
        })?;
        Ok(options)
    }
}
