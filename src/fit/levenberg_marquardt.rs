//! Levenberg–Marquardt for trajectory residuals.
//!
//! $$ \min_\theta \tfrac12 \sum r(\theta)^2 + \tfrac12 \sum_k \lambda_k \theta_k^2, \qquad
//! (J^\top J + \Lambda + \mu D) \delta = -(J^\top r + \Lambda\theta). $$
//!
//! The damping $\mu$ follows H. B. Nielsen (K. Madsen, H. B. Nielsen, O. Tingleff, *Methods for non-linear least squares
//! problems*, 2004): a step that does not improve, and a step on which the model cannot be solved, both raise it and are
//! tried again shorter. A failed solve never ends a fit.
//!
//! The weight decay $\lambda$ can follow the evidence approximation (D. J. C. MacKay, *Bayesian interpolation*, Neural
//! Computation 4, 1992): with $\gamma = \sum_k (1 - \lambda_k (A^{-1})_{kk})$ well-determined numbers,
//! $\sigma^2 = \sum r^2 / (N - \gamma)$ and $\lambda = \sigma^2 \gamma_w / \sum w^2$.

use super::normal_equations::NormalEquations;
use super::shooting::{Linearized, Shooting};
use crate::model::Differentiable;
use crate::ode::Stop;

/// How long and how precisely to go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Control {
    pub max_iterations: usize,
    /// An improvement by less than this fraction, `patience` times running, ends it.
    pub tolerance: f64,
    pub patience: usize,
    /// Whether the weight decay follows the evidence.
    pub evidence: bool,
}

/// Damping beyond which a step no longer moves anything.
const MOST_DAMPING: f64 = 1e14;
/// Initial damping, relative to the scale of the normal equations.
const FIRST_DAMPING: f64 = 1e-2;

/// Why an iteration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum StopCause {
    /// Further steps improve the fit by no more than the tolerance.
    Converged,
    /// No step improves the fit, however short.
    NoImprovement,
    /// The allowed number of iterations was used up.
    IterationLimit,
}

impl std::fmt::Display for StopCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            StopCause::Converged => "converged",
            StopCause::NoImprovement => "no step improves it further",
            StopCause::IterationLimit => "the allowed iterations were used up",
        })
    }
}

/// What an iteration arrived at.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub cause: StopCause,
    pub iterations: usize,
    /// $\sum r^2$ at the end.
    pub squares: f64,
}

/// The state of an iteration: estimated numbers, damping, weight decay.
pub(crate) struct LevenbergMarquardt {
    pub theta: Vec<f64>,
    /// Weight decay $\lambda$, the same for all weights.
    pub decay: f64,
    pub current: Linearized,
    trial: Linearized,
    equations: NormalEquations,
    gradient: Vec<f64>,
    step: Vec<f64>,
    moved: Vec<f64>,
    damping_scale: Vec<f64>,
}

impl LevenbergMarquardt {
    pub fn new(theta: Vec<f64>, decay: f64) -> Self {
        let n = theta.len();
        LevenbergMarquardt {
            decay,
            current: Linearized::default(),
            trial: Linearized::default(),
            equations: NormalEquations::new(n),
            gradient: vec![0.0; n],
            step: vec![0.0; n],
            moved: vec![0.0; n],
            damping_scale: vec![0.0; n],
            theta,
        }
    }

    /// Iterates over the first `horizon` times. `watch` sees $\sum r^2$ after each accepted step.
    ///
    /// # Errors
    /// When the very first point cannot be solved.
    pub fn minimize<Sys: Differentiable>(
        &mut self,
        problem: &mut Shooting<'_, Sys>,
        horizon: usize,
        control: Control,
        watch: &mut dyn FnMut(f64),
    ) -> Result<Outcome, (usize, Stop)> {
        let n = self.theta.len();
        problem.linearize(&self.theta, horizon, &mut self.current)?;
        self.damping_scale.fill(0.0);
        let (mut growth, mut small, mut iterations) = (2.0, 0, 0);
        let mut damping = FIRST_DAMPING;
        let cause = loop {
            if iterations == control.max_iterations {
                break StopCause::IterationLimit;
            }
            iterations += 1;
            self.equations.assemble(&self.current.jacobian);
            if control.evidence && iterations > 2 {
                self.follow_evidence(problem);
            }
            self.scale(problem);
            self.gradient.fill(0.0);
            for (r, row) in self.current.residuals.iter().zip(self.current.jacobian.chunks_exact(n)) {
                for (g, j) in self.gradient.iter_mut().zip(row) {
                    *g += r * j;
                }
            }
            for k in (0..n).filter(|k| problem.layout.is_weight(*k)) {
                self.gradient[k] += self.decay * self.theta[k];
            }
            let before = self.objective(problem, &self.theta, self.current.squares());

            let improved = loop {
                if damping > MOST_DAMPING {
                    break None;
                }
                let (decay, scale, layout) = (self.decay, &self.damping_scale, &problem.layout);
                let diagonal = |k: usize| damping * scale[k] + if layout.is_weight(k) { decay } else { 0.0 };
                if !self.equations.factorize(diagonal) {
                    damping *= growth;
                    growth *= 2.0;
                    continue;
                }
                for (s, g) in self.step.iter_mut().zip(&self.gradient) {
                    *s = -g;
                }
                self.equations.solve(&mut self.step);
                for ((m, t), s) in self.moved.iter_mut().zip(&self.theta).zip(&self.step) {
                    *m = t + s;
                }
                // The decrease that the quadratic model promises: ½ δᵀ (μ D δ − g).
                let promised: f64 = (0..n)
                    .map(|k| 0.5 * self.step[k] * (damping * self.damping_scale[k] * self.step[k] - self.gradient[k]))
                    .sum();
                let after = match problem.linearize(&self.moved, horizon, &mut self.trial) {
                    Ok(()) => self.objective(problem, &self.moved, self.trial.squares()),
                    Err(_) => f64::INFINITY,
                };
                let ratio = (before - after) / promised;
                if after.is_finite() && after < before && ratio > 1e-4 {
                    damping = (damping * (1.0 - (2.0 * ratio - 1.0).powi(3)).max(1.0 / 3.0)).max(1e-15);
                    growth = 2.0;
                    break Some((before - after) / before);
                }
                damping *= growth;
                growth *= 2.0;
            };
            let Some(gain) = improved else { break StopCause::NoImprovement };
            std::mem::swap(&mut self.theta, &mut self.moved);
            std::mem::swap(&mut self.current, &mut self.trial);
            watch(self.current.squares());
            small = if gain < control.tolerance { small + 1 } else { 0 };
            if small == control.patience {
                break StopCause::Converged;
            }
        };
        Ok(Outcome { cause, iterations, squares: self.current.squares() })
    }

    fn objective<Sys: Differentiable>(&self, problem: &Shooting<'_, Sys>, theta: &[f64], squares: f64) -> f64 {
        let weights: f64 =
            theta.iter().enumerate().filter(|(k, _)| problem.layout.is_weight(*k)).map(|(_, w)| w * w).sum();
        0.5 * (squares + self.decay * weights)
    }

    /// $D$: weights share one scale, everything else has its own column's largest so far, so that units do not matter.
    fn scale<Sys: Differentiable>(&mut self, problem: &Shooting<'_, Sys>) {
        let weights = problem.layout.free.len() - problem.layout.mechanistic;
        let of_weights = (0..self.theta.len())
            .filter(|k| problem.layout.is_weight(*k))
            .map(|k| self.equations.diagonal(k))
            .sum::<f64>()
            / weights.max(1) as f64;
        for k in 0..self.theta.len() {
            let now = if problem.layout.is_weight(k) { of_weights } else { self.equations.diagonal(k) };
            self.damping_scale[k] = if problem.layout.is_weight(k) { now } else { self.damping_scale[k].max(now) };
            if self.damping_scale[k] == 0.0 {
                self.damping_scale[k] = 1e-12;
            }
        }
    }

    /// Well-determined numbers, of weights and of the rest: $\gamma = \sum (1 - \lambda (A^{-1})_{kk})$.
    pub fn effective_numbers<Sys: Differentiable>(&mut self, problem: &Shooting<'_, Sys>) -> Option<(f64, f64)> {
        let layout = &problem.layout;
        let decay = self.decay;
        let ridge = |k: usize| if layout.is_weight(k) { decay } else { 0.0 };
        if !self.equations.factorize(ridge) {
            return None;
        }
        let inverse = self.equations.invert();
        let weights = layout.free.len() - layout.mechanistic;
        let tied: f64 = (0..layout.len()).filter(|k| layout.is_weight(*k)).map(|k| decay * inverse[(k, k)]).sum();
        Some(((weights as f64 - tied).max(0.0), (layout.len() - weights) as f64))
    }

    /// [`effective_numbers`](Self::effective_numbers) at the point arrived at.
    pub fn final_numbers<Sys: Differentiable>(&mut self, problem: &Shooting<'_, Sys>) -> f64 {
        self.equations.assemble(&self.current.jacobian);
        let (of_weights, of_rest) = self.effective_numbers(problem).unwrap_or((0.0, problem.layout.len() as f64));
        of_weights + of_rest
    }

    fn follow_evidence<Sys: Differentiable>(&mut self, problem: &Shooting<'_, Sys>) {
        let Some((of_weights, of_rest)) = self.effective_numbers(problem) else { return };
        let observed = self.current.residuals.len() as f64;
        let weights: f64 =
            (0..self.theta.len()).filter(|k| problem.layout.is_weight(*k)).map(|k| self.theta[k] * self.theta[k]).sum();
        let left = (observed - of_weights - of_rest).max(0.1 * observed);
        let variance = self.current.squares() / left;
        let wanted = variance * of_weights.max(1.0) / weights.max(1e-12);
        // In bounded steps: far from the optimum the estimate is poor.
        self.decay = wanted.clamp(self.decay / 5.0, self.decay * 5.0).clamp(1e-12, 1e3);
    }
}
