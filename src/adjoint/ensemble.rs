//! Gradients over many trajectories.

use super::derivatives::{Derivatives, LossGradient};
use super::loss::Loss;
use crate::model::{Differentiable, ModelError};
use crate::ode::{Held, SolveError};
use rayon::prelude::*;

/// Gradients of the losses of many trajectories.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EnsembleGradient {
    /// The sum of the losses.
    pub loss: f64,
    /// Its derivative with respect to parameters that all trajectories have: the sum over the trajectories, in their order.
    pub parameters: Vec<f64>,
    /// The gradients one by one.
    pub members: Vec<LossGradient>,
}

impl<S: Differentiable> Derivatives<'_, S> {
    /// The gradient of a sum of losses over many trajectories, each with its own initial state and parameters, in parallel on
    /// the threads of the current rayon pool. `loss(k)` is the loss of trajectory `k`. Each is computed by itself and the sums
    /// are formed in the order of the trajectories: threads do not change the bits.
    ///
    /// ```
    /// use ansatz::adjoint::Loss;
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
    /// /// The square of the distance to what was measured.
    /// struct Distance(f64);
    /// impl Loss for Distance {
    ///     fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
    ///         (u[0][0] - R::from_f64(self.0)).square()
    ///     }
    /// }
    /// let measured = [0.7, 1.3];
    /// let problem = Solve::new(&Decay, [1.0], 0.0, 1.0).parameters([0.5]).save(Save::End).differentiate()?;
    /// let gradient = problem.ensemble_gradient(&[[1.0], [2.0]], &[[0.5], [0.5]], |k| Distance(measured[k]))?;
    /// let one = problem.gradient(&Distance(0.7))?;
    /// assert_eq!(gradient.members[0].parameters, one.parameters);
    /// assert_eq!(gradient.parameters[0], one.parameters[0] + gradient.members[1].parameters[0]);
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ModelError::Length`] for a row of another length, [`SolveError::Argument`] for other numbers of rows and for events;
    /// the error of the first trajectory, in their order, that cannot be solved.
    pub fn ensemble_gradient<L: Loss>(
        &self,
        initials: &[impl AsRef<[f64]> + Sync],
        parameters: &[impl AsRef<[f64]> + Sync],
        loss: impl Fn(usize) -> L + Sync,
    ) -> crate::Result<EnsembleGradient> {
        let refuse = |argument, problem: String, advice: &str| {
            Err(SolveError::Argument { argument, problem, advice: advice.to_string() }.into())
        };
        if initials.len() != parameters.len() || initials.is_empty() {
            let problem = format!("has {} rows beside {} of `parameters`", initials.len(), parameters.len());
            return refuse("initials", problem, "give one row of each for every trajectory");
        }
        if !self.events.is_empty() {
            return refuse("event", "is not for many trajectories at once".to_string(), "call `gradient` for each");
        }
        for (what, rows, expected) in [
            ("each row of `initials`", lengths(initials), self.initial.len()),
            ("each row of `parameters`", lengths(parameters), self.p.len()),
        ] {
            if let Some(found) = rows.into_iter().find(|found| *found != expected) {
                return Err(ModelError::Length { what, found, expected, names: String::new() }.into());
            }
        }
        let (system, by, budget) = (&*self.system, self.by, self.budget / rayon::current_num_threads().max(1));
        let (span, times, options, backwards) = (self.span, &self.times, &self.options, &self.backwards);
        let gradients: Vec<crate::Result<LossGradient>> = (0..initials.len())
            .into_par_iter()
            .map(|k| {
                let member = Derivatives {
                    system: Held::Lent(system),
                    initial: initials[k].as_ref().to_vec(),
                    p: parameters[k].as_ref().to_vec(),
                    span,
                    times: times.clone(),
                    options: options.clone(),
                    by,
                    budget,
                    events: Vec::new(),
                    backwards: backwards.clone(),
                };
                member.gradient(&loss(k))
            })
            .collect();
        let members = gradients.into_iter().collect::<crate::Result<Vec<LossGradient>>>()?;
        let mut sums = vec![0.0; self.system.parameter_count()];
        for member in &members {
            sums.iter_mut().zip(&member.parameters).for_each(|(sum, g)| *sum += g);
        }
        Ok(EnsembleGradient { loss: members.iter().map(|member| member.loss).sum(), parameters: sums, members })
    }
}

fn lengths(rows: &[impl AsRef<[f64]>]) -> Vec<usize> {
    rows.iter().map(|row| row.as_ref().len()).collect()
}
