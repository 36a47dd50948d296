//! What a gradient was made of, and why so.

use super::checkpoints::Checkpointing;
use super::continuous::{BackwardSolve, Continuous};
use crate::ode::{Method, Statistics};

/// How a gradient is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GradientMethod {
    /// What is cheapest for the numbers of states, parameters and residuals.
    #[default]
    Automatic,
    /// One reverse sweep over the steps, whatever the number of parameters.
    DiscreteAdjoint,
    /// The whole matrix $\partial u / \partial(p, u_0)$ carried along with the solution.
    ForwardSensitivity,
    /// The adjoint differential equation solved backwards: not the derivative of what was computed, but near it by as much as
    /// the tolerances allow.
    ContinuousAdjoint(Continuous),
}

/// Which way a gradient went, and why.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GradientReport {
    /// How it was computed; never [`GradientMethod::Automatic`].
    pub by: GradientMethod,
    /// The reason in words.
    pub why: String,
    /// The methods whose steps were differentiated, in the order in which they were first used.
    pub through: Vec<Method>,
    /// Counts of the forward solve.
    pub statistics: Statistics,
    /// What a reverse sweep kept of it.
    pub checkpointing: Option<Checkpointing>,
    /// What a continuous adjoint did backwards.
    pub backward: Option<BackwardSolve>,
}

impl std::fmt::Display for GradientReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let by = match self.by {
            GradientMethod::ForwardSensitivity => "forward sensitivities",
            GradientMethod::ContinuousAdjoint(Continuous::Interpolating) => "interpolating continuous adjoint",
            GradientMethod::ContinuousAdjoint(Continuous::Gauss) => "continuous adjoint with Gauss quadrature",
            GradientMethod::ContinuousAdjoint(Continuous::Backsolve) => {
                "continuous adjoint with the solution solved back"
            }
            _ => "discrete adjoint",
        };
        let through: Vec<String> = self.through.iter().map(|method| format!("{method:?}")).collect();
        write!(f, "{by} through {}: {} ({})", through.join(" and "), self.why, self.statistics)?;
        match self.checkpointing {
            Some(Checkpointing { bytes, repeated: 0, .. }) => write!(f, "; {} KiB kept", bytes.div_ceil(1024)),
            Some(Checkpointing { bytes, repeated, snapshots, .. }) => {
                let kept = bytes.div_ceil(1024);
                write!(f, "; {kept} KiB kept, {repeated} steps made twice from {snapshots} snapshots")
            }
            None => Ok(()),
        }?;
        self.backward.as_ref().map_or(Ok(()), |backward| write!(f, "; {backward}"))
    }
}
