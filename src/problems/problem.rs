//! What the catalogue holds: problems with their reference solutions.

use crate::model::{Bound, Differentiable, MassMatrix, Model, ModelError, Sparsity, System};
use crate::number::{Along, AlongMut};
use crate::ode::{Method, Solve};

/// An initial-value problem $M \dot u = f(t, u, p)$, $u(t_0) = u_0$, with its solution at $t_1$.
///
/// It is itself a [`System`], and [`Differentiable`], so it goes wherever one is asked for; [`Problem::solve`] puts the rest
/// together.
pub struct Problem {
    /// The name by which [`find`](super::find) finds it: `robertson_1e5`.
    pub name: &'static str,
    /// One line for tables.
    pub title: &'static str,
    /// What it asks of a method.
    pub kind: Kind,
    /// The parameters $p$, in the model's order.
    pub parameters: Vec<f64>,
    /// The initial state $u_0$.
    pub initial: Vec<f64>,
    /// The initial time $t_0$.
    pub start: f64,
    /// The final time $t_1$.
    pub end: f64,
    /// The size below which a state is noise, relative to the relative tolerance: `atol = rtol * atol_factor`.
    pub atol_factor: f64,
    /// The condition $\kappa$: the largest factor by which a relative error made on the way arrives in the state at the
    /// end,
    /// $$ \kappa = \max_{t_0 \le s \le t_1} \max_i \sum_j \left| \frac{\partial u_i(t_1)}{\partial u_j(s)} \right|
    ///    \frac{|u_j(s)| + a}{|u_i(t_1)| + a} $$
    /// with `atol_factor` $a$. A method that controls the error of each step cannot promise an error below $\kappa$ times
    /// its tolerance. At least 1, which is its value at $s = t_1$.
    ///
    /// The maximum over $s$ is that on a grid, and may be some tenths of a percent too small. From step matrices, or the
    /// adjoint equation, along tight solves by programs that share nothing with this library. Where there is a mass matrix
    /// $M$, perturbations enter by $M u$: those of algebraic components have no effect. That of the two-dimensional
    /// Brusselator is the maximum over 16 components $i$.
    pub condition: f64,
    /// The condition of the states at times of [`Reference::between`], $\kappa$ with such a time in place of $t_1$, wherever it
    /// is more than one percent larger than [`condition`](Self::condition): before a jump, for instance, or where a state
    /// passes zero. Computed in the same way; not for the two-dimensional Brusselator, the beam, the decades of Robertson's
    /// problem and $t = 2000$ of Van der Pol's, where `condition` stands for those times too.
    pub condition_between: Vec<(f64, f64)>,
    /// Times at which the right-hand side, or one of its low derivatives, jumps.
    pub discontinuities: Vec<f64>,
    /// The solution to measure by.
    pub reference: Reference,
    pub(super) exact: Option<fn(f64) -> Vec<f64>>,
    pub(super) system: Box<dyn Differentiable + Send>,
}

/// What a problem asks of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Explicit methods serve it best.
    NonStiff,
    /// Stiff: the steps of an explicit method are held down by stability.
    Stiff,
    /// Stiff by diffusion, with a spectrum near the negative real axis: stabilised explicit methods compete.
    Parabolic,
    /// Differential-algebraic of index 1: the mass matrix is singular.
    Dae,
}

impl Kind {
    /// The methods that suit a problem of this kind, [`Method::Automatic`] first.
    pub fn suited_methods(self) -> &'static [Method] {
        match self {
            Kind::NonStiff => {
                &[Method::Automatic, Method::Bs3, Method::Tsit5, Method::Vern7, Method::Dop853, Method::Vern9]
            }
            Kind::Stiff => &[
                Method::Automatic,
                Method::Rodas4,
                Method::Rodas5P,
                Method::KenCarp4,
                Method::Kvaerno5,
                Method::Radau5,
                Method::Radau9,
                Method::Radau13,
                Method::Bdf,
            ],
            Kind::Parabolic => &[
                Method::Automatic,
                Method::Rock4,
                Method::Rodas4,
                Method::Rodas5P,
                Method::KenCarp4,
                Method::Kvaerno5,
                Method::Radau5,
                Method::Radau9,
                Method::Bdf,
            ],
            Kind::Dae => &[
                Method::Automatic,
                Method::Rodas4,
                Method::Rodas5P,
                Method::Kvaerno5,
                Method::Radau5,
                Method::Radau9,
                Method::Radau13,
                Method::Bdf,
            ],
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Kind::NonStiff => "non-stiff",
            Kind::Stiff => "stiff",
            Kind::Parabolic => "parabolic",
            Kind::Dae => "DAE",
        })
    }
}

/// A solution to measure by.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// The state at the end.
    pub state: Vec<f64>,
    /// States at times before the end, in the order of time. None where there is a formula for the solution, and only
    /// there.
    ///
    /// From the same two computations as `state`: the first of them is stored, rounded to doubles, and the second agrees
    /// with what is stored to `digits_between` digits. The ring modulator's are from one program at two orders.
    pub between: Vec<(f64, Vec<f64>)>,
    /// Digits of `state` that are proven: two independent computations differ by $10^{-\mathrm{digits}}$ in the
    /// measure of [`Problem::error`]. Errors below that say nothing.
    pub digits: f64,
    /// Digits of `between` that are proven, in the same measure and at the worst of the times; 0 where there are none.
    pub digits_between: f64,
    /// Where `state` is from, and what it agrees with.
    pub source: &'static str,
}

/// A name that the catalogue does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no problem `{name}`; {}", 
    nearest.map_or_else(|| "`problems::names()` lists them".to_string(), |near| format!("did you mean `{near}`?"))
)]
pub struct UnknownProblem {
    /// The name asked for.
    pub name: String,
    /// The nearest name there is.
    pub nearest: Option<&'static str>,
}

impl Problem {
    /// The problem ready to be solved with this relative tolerance, and the absolute one that belongs to it; steps end at the
    /// discontinuities.
    ///
    /// ```
    /// use ansatz::ode::Save;
    /// let problem = ansatz::problems::find("lotka_volterra")?;
    /// let solution = problem.solve(1e-8).save(Save::End).run()?;
    /// assert!(problem.error(solution.last()) < 1e-6);
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    pub fn solve(&self, rtol: f64) -> Solve<'_, Problem> {
        Solve::system(self, self.initial.clone(), self.start, self.end)
            .parameters(self.parameters.clone())
            .rtol(rtol)
            .atol(rtol * self.atol_factor)
            .discontinuities(&self.discontinuities)
    }

    /// The error of a final state,
    /// $$ \max_i \frac{|u_i - r_i|}{|r_i| + a} , $$
    /// with the reference $r$ and `atol_factor` $a$; infinite for a state that is not finite or has another length.
    pub fn error(&self, state: &[f64]) -> f64 {
        self.distance(state, &self.reference.state)
    }

    /// The error of a state at time `t` in the same measure, where the solution is known there.
    pub fn error_at(&self, t: f64, state: &[f64]) -> Option<f64> {
        self.solution_at(t).map(|reference| self.distance(state, &reference))
    }

    /// The condition of the state at time `t`: [`condition_between`](Self::condition_between) where that has it, otherwise
    /// [`condition`](Self::condition).
    pub fn condition_at(&self, t: f64) -> f64 {
        self.condition_between.iter().find(|(time, _)| *time == t).map_or(self.condition, |(_, condition)| *condition)
    }

    /// The solution at time `t`, where it is known: anywhere if there is a formula for it, otherwise at the start,
    /// the end and the times of [`Reference::between`].
    pub fn solution_at(&self, t: f64) -> Option<Vec<f64>> {
        if t == self.start {
            return Some(self.initial.clone());
        }
        if t == self.end {
            return Some(self.reference.state.clone());
        }
        match self.exact {
            Some(exact) => Some(exact(t)),
            None => self.reference.between.iter().find(|(time, _)| *time == t).map(|(_, state)| state.clone()),
        }
    }

    /// Whether there is a formula for the solution.
    pub fn has_exact_solution(&self) -> bool {
        self.exact.is_some()
    }

    fn distance(&self, state: &[f64], reference: &[f64]) -> f64 {
        if state.len() != reference.len() || state.iter().any(|u| !u.is_finite()) {
            return f64::INFINITY;
        }
        let scaled = |(u, r): (&f64, &f64)| (u - r).abs() / (r.abs() + self.atol_factor);
        state.iter().zip(reference).map(scaled).fold(0.0, f64::max)
    }
}

/// A model of the catalogue as a system.
pub(super) fn bind<M: Model>(model: &'static M) -> Box<dyn Differentiable + Send> {
    match Bound::new(model) {
        Ok(bound) => Box::new(bound),
        // The catalogue's models are constants, and a test binds every one.
        Err(fault) => unreachable!("a model of the catalogue: {fault}"),
    }
}

impl System for Problem {
    fn dimension(&self) -> usize {
        self.system.dimension()
    }
    fn check_parameters(&self, length: usize) -> Result<(), ModelError> {
        self.system.check_parameters(length)
    }
    fn state_name(&self, index: usize) -> String {
        self.system.state_name(index)
    }
    #[inline]
    fn eval(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64]) {
        self.system.eval(t, u, p, du);
    }
    fn sparsity(&self) -> Option<&Sparsity> {
        self.system.sparsity()
    }
    fn state_jacobian(&self, t: f64, u: &[f64], p: &[f64], values: &mut [f64]) -> bool {
        self.system.state_jacobian(t, u, p, values)
    }
    fn is_autonomous(&self) -> bool {
        self.system.is_autonomous()
    }
    fn time_derivative(&self, t: f64, u: &[f64], p: &[f64], f_t: &mut [f64]) -> bool {
        self.system.time_derivative(t, u, p, f_t)
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        self.system.mass_matrix()
    }
}

impl Differentiable for Problem {
    fn parameter_count(&self) -> usize {
        self.system.parameter_count()
    }
    fn tape_len(&self) -> usize {
        self.system.tape_len()
    }
    fn record(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64], tape: &mut [f64]) {
        self.system.record(t, u, p, du, tape);
    }
    fn vjp(&self, p: &[f64], tape: &[f64], lambda: &[f64], u_bar: &mut [f64], p_bar: &mut [f64]) {
        self.system.vjp(p, tape, lambda, u_bar, p_bar);
    }
    fn jvp(&self, p: &[f64], tape: &[f64], u_dot: &[f64], p_dot: &[f64], du_dot: &mut [f64]) {
        self.system.jvp(p, tape, u_dot, p_dot, du_dot);
    }
    fn jacobian(&self, p: &[f64], tape: &[f64], f_u: &mut [f64], f_p: &mut [f64], stride: usize) {
        self.system.jacobian(p, tape, f_u, f_p, stride);
    }
    fn record_along(&self, t: (f64, f64), u: Along<'_>, p: Along<'_>, du: AlongMut<'_>, tape: AlongMut<'_>) {
        self.system.record_along(t, u, p, du, tape);
    }
    fn vjp_along(&self, p: Along<'_>, tape: Along<'_>, lambda: Along<'_>, u_bar: AlongMut<'_>, p_bar: AlongMut<'_>) {
        self.system.vjp_along(p, tape, lambda, u_bar, p_bar);
    }
}
