//! What can be chosen about a solve, and its defaults.

use super::error::SolveError;
use serde::{Deserialize, Serialize};

/// The integration method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Method {
    /// [Tsitouras 5(4)](super::explicit::Tsit5), explicit.
    #[default]
    Tsit5,
}

/// Runs `$body` with `$tableau` standing for the method's tableau type and `S`, `D` for its sizes.
macro_rules! with_method {
    ($method:expr, |$tableau:ident, $s:ident, $d:ident| $body:expr) => {
        match $method {
            $crate::ode::Method::Tsit5 => {
                type $tableau = $crate::ode::explicit::Tsit5;
                const $s: usize = 7;
                const $d: usize = 4;
                $body
            }
        }
    };
}
pub(crate) use with_method;

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

/// What a solution keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Save {
    /// Every step, and the dense output between them.
    #[default]
    Steps,
    /// These times, from dense output.
    Times(Vec<f64>),
    /// Only the state at the end.
    End,
}

/// Choices of a solve. `Options::default()` serves most problems.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Integration method. Default: [`Method::Tsit5`].
    pub method: Method,
    /// Relative tolerance of the local error. Default: 1e-6.
    pub rtol: f64,
    /// Absolute tolerance of the local error: the size below which a state is noise. Default: 1e-8.
    pub atol: Tolerance,
    /// First step; chosen from the problem when absent (Hairer, Nørsett, Wanner I, II.4).
    pub h_initial: Option<f64>,
    /// Largest step. Default: the whole interval.
    pub h_max: Option<f64>,
    /// Smallest step, relative to $\max(|t|, |t_1 - t_0|)$, so that a time unit of 1e-12 s works like one of a year.
    /// Default: 1e-14.
    pub h_min_relative: f64,
    /// Attempted steps before the solve gives up. Default: 100 000.
    pub max_steps: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            method: Method::default(),
            rtol: 1e-6,
            atol: Tolerance::Scalar(1e-8),
            h_initial: None,
            h_max: None,
            h_min_relative: 1e-14,
            max_steps: 100_000,
        }
    }
}

impl Options {
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
        for (argument, h) in [("h_initial", self.h_initial), ("h_max", self.h_max)] {
            if h.is_some_and(|h| !(h > 0.0 && h.is_finite())) {
                return fault(
                    argument,
                    format!("is {}", h.unwrap_or_default()),
                    "give a positive step, also when time runs backwards",
                );
            }
        }
        if !(self.h_min_relative >= 0.0 && self.h_min_relative < 1.0) {
            return fault("h_min_relative", format!("is {}", self.h_min_relative), "give a small number such as 1e-14");
        }
        if self.max_steps == 0 {
            return fault("max_steps", "is 0".to_string(), "allow at least one step");
        }
        Ok(())
    }
}
