//! An explicit tableau as data, so that one compiled kernel serves every method.

use crate::ode::Method;
use crate::ode::explicit::{Bs3, Dop853, Heun, Row, Ssprk33, Ssprk104, Tableau, Tsit5, Vern7, Vern9};

/// A weighted sum of stages, and what it is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    pub row: Row,
    pub purpose: Purpose,
}

/// What a weighted sum of stages is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Purpose {
    /// $k = f\bigl(t + c h, u + h \sum_j a_j k_j\bigr)$, to go to a slot; `new`: its state is the new one.
    Stage { c: f64, slot: usize, new: bool },
    /// The error estimate.
    Error,
    /// The second estimate, as in DOP853.
    ErrorLow,
}

/// What the lane stepper needs to know of a method.
#[derive(Clone, Debug)]
pub(super) struct Coefficients {
    pub method: Method,
    pub error_order: usize,
    /// What the estimate is multiplied by.
    pub error_factor: f64,
    /// The sums of an attempt, after the first stage and in order.
    pub attempt: Vec<Sum>,
    /// The stages that the dense output needs besides.
    pub extra: Vec<Sum>,
    /// Stages of an attempt.
    pub rhs: usize,
    /// Where the derivative at the end of an attempt stands.
    pub next: usize,
    /// Room for so many stages.
    pub slots: usize,
    pub has_low: bool,
    /// The last stage before the new state, where it has the time of that: it shows stiffness.
    pub partner: Option<usize>,
    /// The product of step and Jacobian up to which the method is stable, and up to which its dense output is.
    pub stability: f64,
    pub dense_stability: f64,
    /// Polynomials of the dense output.
    pub dense: &'static [(usize, &'static [f64])],
}

impl Coefficients {
    /// The method's coefficients, if it is one that lanes can do: an explicit pair with an error estimate.
    pub fn of(method: Method) -> Option<Coefficients> {
        Some(match method {
            Method::Heun => Coefficients::from_tableau::<Heun>(method),
            Method::Bs3 => Coefficients::from_tableau::<Bs3>(method),
            Method::Tsit5 => Coefficients::from_tableau::<Tsit5>(method),
            Method::Vern7 => Coefficients::from_tableau::<Vern7>(method),
            Method::Vern9 => Coefficients::from_tableau::<Vern9>(method),
            Method::Dop853 => Coefficients::from_tableau::<Dop853>(method),
            Method::Ssprk33 => Coefficients::from_tableau::<Ssprk33>(method),
            Method::Ssprk104 => Coefficients::from_tableau::<Ssprk104>(method),
            _ => return None,
        })
    }

    pub fn from_tableau<T: Tableau>(method: Method) -> Coefficients {
        let last = T::STAGES - 1;
        let next = if T::FIRST_SAME_AS_LAST { last } else { T::STAGES + T::EXTRA };
        let stage = |s: usize| Sum { row: T::A[s], purpose: Purpose::Stage { c: T::C[s], slot: s, new: s == next } };
        let mut attempt: Vec<Sum> = (1..T::STAGES).map(stage).collect();
        if !T::FIRST_SAME_AS_LAST {
            attempt.push(Sum { row: T::B, purpose: Purpose::Stage { c: 1.0, slot: next, new: true } });
        }
        let partner = if T::FIRST_SAME_AS_LAST { T::STAGES - 2 } else { last };
        let rhs = attempt.len();
        attempt.push(Sum { row: T::E, purpose: Purpose::Error });
        if !T::E_LOW.is_empty() {
            attempt.push(Sum { row: T::E_LOW, purpose: Purpose::ErrorLow });
        }
        Coefficients {
            method,
            error_order: T::ERROR_ORDER,
            error_factor: T::ERROR_FACTOR,
            attempt,
            extra: (T::STAGES..T::STAGES + T::EXTRA).map(stage).collect(),
            rhs,
            next,
            slots: next.max(T::STAGES + T::EXTRA - 1) + 1,
            has_low: !T::E_LOW.is_empty(),
            partner: (T::STAGES >= 3 && T::C[partner] == 1.0).then_some(partner),
            stability: T::STABILITY,
            dense_stability: T::DENSE_STABILITY,
            dense: T::DENSE,
        }
    }
}
