//! Sums of a stiff and a non-stiff right-hand side.

use super::{ModelError, Sparsity, System};
use crate::number::Zeros;

/// $\dot u = f_I(t, u, p) + f_E(t, u, p)$, of which only $f_I$ is stiff: diffusion and a reaction, a fast linear force and a
/// slow one with a network in it.
///
/// [`Method::KenCarp4`](crate::ode::Method::KenCarp4) solves implicitly for $f_I$ alone and takes $f_E$ explicitly: only $f_I$
/// needs a Jacobian, and $f_E$ is evaluated once a stage. [`Method::Automatic`](crate::ode::Method::Automatic) takes that
/// method when such a system turns out to be stiff. Every other method solves the sum.
///
/// Both parts have the same states and are given the same parameters.
///
/// ```
/// use ansatz::model::Split;
/// use ansatz::prelude::*;
/// // u' = −1000 (u − cos t) − u²/2: relaxation is stiff, the rest is not.
/// let relaxation = from_fn(["u"], |t, u, _p, du| du[0] = -1000.0 * (u[0] - t.cos()));
/// let rest = from_fn(["u"], |_t, u, _p, du| du[0] = -0.5 * u[0] * u[0]);
/// let split = Split::new(&relaxation, &rest)?;
/// let solution = Solve::system(&split, [1.0], 0.0, 1.0).method(Method::KenCarp4).run()?;
/// assert!((solution.last()[0] - 1.0f64.cos()).abs() < 2e-3);
/// # Ok::<(), ansatz::Error>(())
/// ```
pub struct Split<'a> {
    stiff: &'a dyn System,
    nonstiff: &'a dyn System,
}

impl<'a> Split<'a> {
    /// Puts the parts together.
    ///
    /// # Errors
    /// [`ModelError::Length`] when they have different numbers of states, [`ModelError::SplitMass`] when one has a mass
    /// matrix.
    pub fn new(stiff: &'a dyn System, nonstiff: &'a dyn System) -> Result<Self, ModelError> {
        let n = stiff.dimension();
        if nonstiff.dimension() != n {
            return Err(ModelError::Length {
                what: "the state of the non-stiff part",
                found: nonstiff.dimension(),
                expected: n,
                names: (0..n).map(|i| stiff.state_name(i)).collect::<Vec<_>>().join(", "),
            });
        }
        let has_mass = |part: &dyn System| part.mass_matrix().is_some_and(|mass| !mass.is_identity());
        if has_mass(stiff) || has_mass(nonstiff) {
            return Err(ModelError::SplitMass);
        }
        Ok(Split { stiff, nonstiff })
    }
}

impl System for Split<'_> {
    fn dimension(&self) -> usize {
        self.stiff.dimension()
    }
    fn check_parameters(&self, length: usize) -> Result<(), ModelError> {
        self.stiff.check_parameters(length)?;
        self.nonstiff.check_parameters(length)
    }
    fn state_name(&self, index: usize) -> String {
        self.stiff.state_name(index)
    }
    fn eval(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64]) {
        self.stiff.eval(t, u, p, du);
        let mut rest = Zeros::<f64>::new(u.len());
        self.nonstiff.eval(t, u, p, &mut rest);
        du.iter_mut().zip(rest.iter()).for_each(|(du, rest)| *du += rest);
    }
    /// The sum where both parts have whole matrices; `false` otherwise.
    fn state_jacobian(&self, t: f64, u: &[f64], p: &[f64], values: &mut [f64]) -> bool {
        if self.stiff.sparsity().is_some() || self.nonstiff.sparsity().is_some() {
            return false;
        }
        let mut rest = Zeros::<f64>::new(values.len());
        let exact = self.stiff.state_jacobian(t, u, p, values) && self.nonstiff.state_jacobian(t, u, p, &mut rest);
        values.iter_mut().zip(rest.iter()).for_each(|(value, rest)| *value += rest);
        exact
    }
    fn sparsity(&self) -> Option<&Sparsity> {
        None
    }
    fn is_autonomous(&self) -> bool {
        self.stiff.is_autonomous() && self.nonstiff.is_autonomous()
    }
    fn time_derivative(&self, t: f64, u: &[f64], p: &[f64], f_t: &mut [f64]) -> bool {
        let mut rest = Zeros::<f64>::new(f_t.len());
        let exact = self.stiff.time_derivative(t, u, p, f_t) && self.nonstiff.time_derivative(t, u, p, &mut rest);
        f_t.iter_mut().zip(rest.iter()).for_each(|(f_t, rest)| *f_t += rest);
        exact
    }
    fn split(&self) -> Option<(&dyn System, &dyn System)> {
        Some((self.stiff, self.nonstiff))
    }
}
