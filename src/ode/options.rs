//! What can be chosen about a solve, and its defaults.

use super::control::StepControl;
use super::error::SolveError;
use super::linear::LinearSolver;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The integration method. `docs/solvers.md` says which for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Method {
    /// Starts with an explicit method, notices stiffness and its end, and changes between explicit and implicit ones.
    #[default]
    Automatic,
    /// [Euler](super::explicit::Euler), explicit, fixed steps.
    Euler,
    /// [Heun 2(1)](super::explicit::Heun), explicit.
    Heun,
    /// [The classical method](super::explicit::Rk4), explicit, fixed steps.
    Rk4,
    /// [Bogacki–Shampine 3(2)](super::explicit::Bs3), explicit.
    Bs3,
    /// [Tsitouras 5(4)](super::explicit::Tsit5), explicit.
    Tsit5,
    /// [Verner 7(6)](super::explicit::Vern7), explicit.
    Vern7,
    /// [Verner 9(8)](super::explicit::Vern9), explicit.
    Vern9,
    /// [Dormand–Prince 8(5,3)](super::explicit::Dop853), explicit.
    Dop853,
    /// [Shu–Osher SSPRK(3,3)](super::explicit::Ssprk33), explicit, strong stability preserving.
    Ssprk33,
    /// [Ketcheson SSPRK(10,4)](super::explicit::Ssprk104), explicit, strong stability preserving.
    Ssprk104,
    /// [Runge–Kutta–Chebyshev of order 2](super::stabilized::Rkc2), explicit, stabilised for diffusion.
    Rkc2,
    /// [Abdulle's ROCK4](super::stabilized::Rock4), explicit, stabilised for diffusion.
    Rock4,
    /// [Shampine–Reichelt](super::implicit::rosenbrock::Rosenbrock23), linearly implicit, order 2.
    Rosenbrock23,
    /// [Hairer–Wanner RODAS 4(3)](super::implicit::rosenbrock::Rodas4), linearly implicit.
    Rodas4,
    /// [Steinebach 5(4)](super::implicit::rosenbrock::Rodas5P), linearly implicit.
    Rodas5P,
    /// [TR-BDF2](super::implicit::esdirk::TrBdf2), diagonally implicit, order 2.
    TrBdf2,
    /// [Kennedy–Carpenter ARK4(3)6L\[2\]SA](super::implicit::esdirk::KenCarp4), diagonally implicit.
    KenCarp4,
    /// [Kværnø 5(4)](super::implicit::esdirk::Kvaerno5), diagonally implicit.
    Kvaerno5,
    /// [Radau IIA of order 5](super::implicit::radau::Radau5), fully implicit.
    Radau5,
    /// [Radau IIA of order 9](super::implicit::radau::Radau9), fully implicit.
    Radau9,
    /// [Radau IIA of order 13](super::implicit::radau::Radau13), fully implicit.
    Radau13,
    /// [Backward differentiation formulas](super::implicit::bdf) of orders 1 to 5, implicit multistep.
    Bdf,
}

impl Method {
    /// All of them, [`Method::Automatic`] first.
    pub const ALL: [Method; 23] = [
        Method::Automatic,
        Method::Euler,
        Method::Heun,
        Method::Rk4,
        Method::Bs3,
        Method::Tsit5,
        Method::Vern7,
        Method::Vern9,
        Method::Dop853,
        Method::Ssprk33,
        Method::Ssprk104,
        Method::Rkc2,
        Method::Rock4,
        Method::Rosenbrock23,
        Method::Rodas4,
        Method::Rodas5P,
        Method::TrBdf2,
        Method::KenCarp4,
        Method::Kvaerno5,
        Method::Radau5,
        Method::Radau9,
        Method::Radau13,
        Method::Bdf,
    ];
}

/// The absolute tolerance: one for all states, or one for each.
#[derive(Clone, Debug, PartialEq)]
pub enum Tolerance {
    /// The same for all states.
    Scalar(f64),
    /// One per state.
    Each(Vec<f64>),
}

impl Tolerance {
    /// The tolerance of state `i`.
    #[inline(always)]
    pub fn of(&self, i: usize) -> f64 {
        match self {
            Tolerance::Scalar(atol) => *atol,
            Tolerance::Each(atol) => atol[i],
        }
    }
}

impl From<f64> for Tolerance {
    fn from(atol: f64) -> Tolerance {
        Tolerance::Scalar(atol)
    }
}
impl From<Vec<f64>> for Tolerance {
    fn from(atol: Vec<f64>) -> Tolerance {
        Tolerance::Each(atol)
    }
}
impl<const N: usize> From<[f64; N]> for Tolerance {
    fn from(atol: [f64; N]) -> Tolerance {
        Tolerance::Each(atol.to_vec())
    }
}

/// Bounds that a state must not leave: a step that does is made again, smaller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Index of the state.
    pub state: usize,
    /// Smallest value; minus infinity for none.
    pub lower: f64,
    /// Largest value; infinity for none.
    pub upper: f64,
}

impl Bounds {
    /// Whether the state is within them.
    #[inline(always)]
    pub(super) fn hold(&self, u: &[f64]) -> bool {
        u[self.state] >= self.lower && u[self.state] <= self.upper
    }
}

/// What a solution keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Save {
    /// Every step, and the dense output between them.
    #[default]
    Steps,
    /// These times, from dense output.
    Times(Vec<f64>),
    /// Only the state at the end. Implicit methods then look at no error between the steps, and may take longer ones.
    End,
}

/// Choices of a solve. `Options::default()` serves most problems.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Integration method. Default: [`Method::Automatic`].
    pub method: Method,
    /// Relative tolerance of the local error. Default: 1e-6.
    pub rtol: f64,
    /// Absolute tolerance of the local error: the size below which a state is noise. Default: 1e-8.
    pub atol: Tolerance,
    /// First step; chosen from the problem when absent (Hairer, Nørsett, Wanner I, II.4).
    pub h_initial: Option<f64>,
    /// Largest step. Default: the whole interval.
    pub h_max: Option<f64>,
    /// Smallest step, relative to $|t|$, so that a time unit of 1e-12 s works like one of a year. Default: 1e-15, which is
    /// about where times can no longer be told apart.
    pub h_min_relative: f64,
    /// Attempted steps before the solve gives up. Default: 100 000, and for an explicit method no more than 10 000 once
    /// stability is what limits its steps.
    pub max_steps: Option<usize>,
    /// Time that the solve may take on the clock before it gives up. Default: no limit.
    pub time_budget: Option<Duration>,
    /// All steps of this size, without error control. Default: the error sets the size.
    pub fixed_step: Option<f64>,
    /// How the error sets the size of the next step. Default: what suits the method.
    pub controller: Option<StepControl>,
    /// Times at which the right-hand side jumps or the state is changed, in the order in which they are reached: steps end
    /// exactly there, and the method begins afresh.
    pub discontinuities: Vec<f64>,
    /// How an implicit method solves its linear systems. Default: by size and sparsity.
    pub linear_solver: LinearSolver,
    /// An upper bound of the spectral radius of $f_u$ along the solution, for the stabilised methods. Default: estimated from
    /// $f$.
    pub spectral_radius: Option<f64>,
    /// Bounds of states. They must hold at the start.
    pub bounds: Vec<Bounds>,
}

const MAX_STEPS: usize = 100_000;
const MAX_STIFF_STEPS: usize = 10_000;

impl Default for Options {
    fn default() -> Self {
        Options {
            method: Method::default(),
            rtol: 1e-6,
            atol: Tolerance::Scalar(1e-8),
            h_initial: None,
            h_max: None,
            h_min_relative: 1e-15,
            max_steps: None,
            time_budget: None,
            fixed_step: None,
            controller: None,
            discontinuities: Vec::new(),
            linear_solver: LinearSolver::default(),
            spectral_radius: None,
            bounds: Vec::new(),
        }
    }
}

impl Options {
    /// Attempted steps before the solve gives up.
    pub(crate) fn max_steps(&self) -> usize {
        self.max_steps.unwrap_or(MAX_STEPS)
    }

    /// How many more steps an explicit method may take whose steps are as long as stability allows. Who sets the number of
    /// steps has agreed to as many.
    pub(crate) fn max_stiff_steps(&self) -> usize {
        self.max_steps.unwrap_or(MAX_STIFF_STEPS)
    }

    /// Checks the values against a system of `n` states.
    ///
    /// # Errors
    /// [`SolveError::Argument`] that names the argument.
    pub fn check(&self, n: usize) -> Result<(), SolveError> {
        let fault = |argument: &'static str, problem: String, advice: &'static str| {
            Err(SolveError::Argument { argument, problem, advice: advice.to_string() })
        };
        if !(self.rtol > 0.0 && self.rtol < 1.0) {
            return fault("rtol", format!("is {}", self.rtol), "give a number between 0 and 1, such as 1e-6");
        }
        match &self.atol {
            Tolerance::Scalar(a) if !(*a > 0.0 && a.is_finite()) => {
                return fault(
                    "atol",
                    format!("is {a}"),
                    "give a positive number: the size below which a state is noise",
                );
            }
            Tolerance::Each(a) if a.len() != n => {
                return fault(
                    "atol",
                    format!("has {} values for {n} states", a.len()),
                    "give one number, or one for each state",
                );
            }
            Tolerance::Each(a) => {
                if let Some(i) = a.iter().position(|a| !(*a > 0.0 && a.is_finite())) {
                    return fault("atol", format!("is {} for state {i}", a[i]), "give positive numbers");
                }
            }
            Tolerance::Scalar(_) => {}
        }
        for (argument, h) in [("h_initial", self.h_initial), ("h_max", self.h_max), ("fixed_step", self.fixed_step)] {
            if h.is_some_and(|h| !(h > 0.0 && h.is_finite())) {
                return fault(
                    argument,
                    format!("is {}", h.unwrap_or_default()),
                    "give a positive step, also when time runs backwards",
                );
            }
        }
        if !(self.h_min_relative >= 0.0 && self.h_min_relative < 1.0) {
            return fault("h_min_relative", format!("is {}", self.h_min_relative), "give a small number such as 1e-15");
        }
        if let Some(radius) = self.spectral_radius.filter(|radius| !(0.0..f64::INFINITY).contains(radius)) {
            let advice = "give an upper bound of the Jacobian's eigenvalues, or leave it out to have it estimated";
            return fault("spectral_radius", format!("is {radius}"), advice);
        }
        if self.fixed_step.is_none() && !self.method.is_adaptive() {
            return fault(
                "fixed_step",
                format!("is not given, and {:?} estimates no error to choose its steps by", self.method),
                "give the step with `.fixed_step(h)`, or take a method that chooses it, such as `Method::Tsit5`",
            );
        }
        if self.max_steps == Some(0) {
            return fault("max_steps", "is 0".to_string(), "allow at least one step");
        }
        if let Some(t) = self.discontinuities.iter().find(|t| !t.is_finite()) {
            return fault("discontinuities", format!("has {t}"), "give finite times");
        }
        if let Some(b) =
            self.bounds.iter().find(|b| b.state >= n || b.lower.is_nan() || b.upper.is_nan() || b.lower > b.upper)
        {
            let problem = format!("go from {} to {} for state {} of {n}", b.lower, b.upper, b.state);
            return fault("bounds", problem, "give a state that exists, and a lower bound below the upper one");
        }
        Ok(())
    }
}
