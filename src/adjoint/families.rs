//! The methods by family: the coefficients that their steps are differentiated with, forwards and backwards.

use crate::ode::Method;
use crate::ode::explicit::{self, Row, Tableau};
use crate::ode::implicit::esdirk::{self, EsdirkTableau};
use crate::ode::implicit::rosenbrock::{self, RosenbrockTableau};

/// What a method is of.
#[derive(Clone, Copy)]
pub(super) enum Family {
    Explicit(ExplicitRow),
    Rosenbrock(RosenbrockRow),
    Esdirk(EsdirkRow),
    /// Those whose coefficients stay where they are.
    Other,
}

/// Polynomials in $\theta$ by stage.
type Dense = &'static [(usize, &'static [f64])];

/// [`Tableau`] as data.
#[derive(Clone, Copy)]
pub(super) struct ExplicitRow {
    pub stages: usize,
    pub extra: usize,
    pub c: &'static [f64],
    pub a: &'static [Row],
    pub b: Row,
    pub dense: Dense,
}

/// [`RosenbrockTableau`] as data.
#[derive(Clone, Copy)]
pub(super) struct RosenbrockRow {
    pub stages: usize,
    pub gamma: f64,
    pub alpha: &'static [f64],
    pub gamma_sum: &'static [f64],
    pub a: &'static [Row],
    pub c: &'static [Row],
    pub m: Row,
    pub dense: Dense,
}

/// [`EsdirkTableau`] as data.
#[derive(Clone, Copy)]
pub(super) struct EsdirkRow {
    pub stages: usize,
    pub gamma: f64,
    pub c: &'static [f64],
    pub a: &'static [Row],
    pub dense: Dense,
}

impl Family {
    pub fn of(method: Method) -> Family {
        match method {
            Method::Euler => explicit_row::<explicit::Euler>(),
            Method::Heun => explicit_row::<explicit::Heun>(),
            Method::Rk4 => explicit_row::<explicit::Rk4>(),
            Method::Bs3 => explicit_row::<explicit::Bs3>(),
            Method::Tsit5 => explicit_row::<explicit::Tsit5>(),
            Method::Vern7 => explicit_row::<explicit::Vern7>(),
            Method::Vern9 => explicit_row::<explicit::Vern9>(),
            Method::Dop853 => explicit_row::<explicit::Dop853>(),
            Method::Ssprk33 => explicit_row::<explicit::Ssprk33>(),
            Method::Ssprk104 => explicit_row::<explicit::Ssprk104>(),
            Method::Rosenbrock23 => rosenbrock_row::<rosenbrock::Rosenbrock23>(),
            Method::Rodas4 => rosenbrock_row::<rosenbrock::Rodas4>(),
            Method::Rodas5P => rosenbrock_row::<rosenbrock::Rodas5P>(),
            Method::TrBdf2 => esdirk_row::<esdirk::TrBdf2>(),
            Method::KenCarp4 => esdirk_row::<esdirk::KenCarp4>(),
            Method::Kvaerno5 => esdirk_row::<esdirk::Kvaerno5>(),
            _ => Family::Other,
        }
    }
}

fn explicit_row<T: Tableau>() -> Family {
    let (c, a, b, dense) = (T::C, T::A, T::B, T::DENSE);
    Family::Explicit(ExplicitRow { stages: T::STAGES, extra: T::EXTRA, c, a, b, dense })
}

fn rosenbrock_row<T: RosenbrockTableau>() -> Family {
    let (stages, gamma, alpha, gamma_sum) = (T::STAGES, T::GAMMA, T::ALPHA, T::GAMMA_SUM);
    Family::Rosenbrock(RosenbrockRow { stages, gamma, alpha, gamma_sum, a: T::A, c: T::C, m: T::M, dense: T::DENSE })
}

fn esdirk_row<T: EsdirkTableau>() -> Family {
    Family::Esdirk(EsdirkRow { stages: T::STAGES, gamma: T::GAMMA, c: T::C, a: T::A, dense: T::DENSE })
}
