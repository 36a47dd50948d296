//! Derivatives of steady states.

use super::loss::{Loss, Points};
use super::reverse::transposed::Transposed;
use crate::model::Differentiable;
use crate::ode::{Steady, SteadyError, SteadyState};
use nalgebra::{DMatrix, DVector};

/// The derivatives of a loss of a steady state.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SteadyGradient {
    /// The loss.
    pub loss: f64,
    /// $\mathrm{d} L / \mathrm{d} p$, all flat parameters.
    pub parameters: Vec<f64>,
    /// The derivative with respect to the guess, on whose conserved totals the steady state depends; zero where nothing is
    /// conserved.
    pub guess: Vec<f64>,
    /// The steady state.
    pub steady: Steady,
}

impl<S: Differentiable> SteadyState<'_, S> {
    /// Looks for the steady state, and differentiates a loss of it: $\ell$ with one state, at the time that the right-hand side
    /// is taken at. One solve with the transposed Jacobian, whatever the number of parameters and however the state was found,
    ///
    /// $$ f_u^\top \lambda = \ell_u, \qquad \frac{\mathrm{d} L}{\mathrm{d} p} = \ell_p - f_p^\top \lambda . $$
    ///
    /// Conserved totals are equations with the others, whose right-hand sides come from the guess.
    ///
    /// ```
    /// use ansatz::adjoint::Loss;
    /// use ansatz::ode::SteadyState;
    /// use ansatz::prelude::*;
    /// struct Brusselator;
    /// impl Model for Brusselator {
    ///     fn states(&self) -> Names { ["u", "v"].into() }
    ///     fn parameters(&self) -> Names { ["A", "B"].into() }
    ///     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
    ///         let [a, b] = p.parameters();
    ///         let reaction = u[0] * u[0] * u[1];
    ///         du[0] = a + reaction - (b + 1.0) * u[0];
    ///         du[1] = b * u[0] - reaction;
    ///     }
    /// }
    /// struct Second;
    /// impl Loss for Second {
    ///     fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
    ///         u[0][1]
    ///     }
    /// }
    /// // v = B / A
    /// let gradient = SteadyState::new(&Brusselator, [1.5, 2.0]).parameters([2.0, 3.0]).gradient(&Second)?;
    /// assert!((gradient.parameters[0] + 0.75).abs() < 1e-12 && (gradient.parameters[1] - 0.5).abs() < 1e-12);
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`run`](SteadyState::run), and [`SteadyError::NotIsolated`] where the Jacobian is singular, so that the state is no
    /// function of the parameters.
    pub fn gradient<L: Loss + ?Sized>(self, loss: &L) -> crate::Result<SteadyGradient> {
        let t = self.time_taken();
        let (steady, pins, system, p) = self.run_with_pins()?;
        let (system, u) = (&*system, &steady.state);
        let (value, slopes) = Points { t: &[t], u, p: &p }.slopes(loss);
        let n = u.len();
        let mut x = slopes.states().to_vec();
        let mut transposed = Transposed::new(system);
        transposed.evaluate(system, (t, u, &p));
        let solved = if pins.is_empty() {
            transposed.factorize_for(0.0).is_ok() && transposed.solve(&mut x).is_ok()
        } else {
            let mut matrix = DMatrix::<f64>::zeros(n, n);
            transposed.entries(n).for_each(|(i, j, value)| matrix[(j, i)] = -value);
            for (pivot, weights) in &pins {
                weights.iter().for_each(|(j, w)| matrix[(*j, *pivot)] += w);
            }
            let solution = matrix.lu().solve(&DVector::from_column_slice(&x));
            solution.as_ref().inspect(|solution| x.copy_from_slice(solution.as_slice()));
            solution.is_some()
        };
        if !solved || !steady.isolated || x.iter().any(|x| !x.is_finite()) {
            return Err(SteadyError::NotIsolated { state: steady.state }.into());
        }
        let mut tape = vec![0.0; system.tape_len()];
        let (mut du, mut u_bar, mut parameters) = (vec![0.0; n], vec![0.0; n], slopes.parameters().to_vec());
        system.record(t, u, &p, &mut du, &mut tape);
        system.vjp(&p, &tape, &x, &mut u_bar, &mut parameters);
        let mut guess = vec![0.0; n];
        for (pivot, weights) in &pins {
            weights.iter().for_each(|(j, w)| guess[*j] += x[*pivot] * w);
        }
        Ok(SteadyGradient { loss: value, parameters, guess, steady })
    }
}
