//! DETEST: the twenty-five non-stiff problems by which T. E. Hull and his colleagues compared methods.
//!
//! | class | | problems |
//! |---|---|---|
//! | A | single equations | [`A1`] decay, [`A2`] Riccati, [`A3`] oscillation, [`A4`] logistic curve, [`A5`] spiral |
//! | B | small systems | [`B1`] two populations, [`B2`] linear reaction, [`B3`] nonlinear reaction, [`B4`] torus, [`B5`] rigid body |
//! | C | moderate systems | [`C1`], [`C2`] radioactive decay, [`C3`], [`C4`] heat conduction, [`C5`] five planets |
//! | D | orbits | [`Kepler`] with eccentricities 0.1, 0.3, 0.5, 0.7, 0.9 |
//! | E | equations of second order | [`E1`] Bessel, [`E2`] Van der Pol, [`E3`] Duffing, [`E4`] falling body, [`E5`] pursuit |
//!
//! All go from $t = 0$ to $t = 20$, without parameters. Twenty have exact solutions, which they carry. The
//! references are from collocation of order 17 and from extrapolation, both in 33 digits, which agree to all digits
//! of a double; so does a Taylor series in 40 digits for A5, B1, B3, C5, E2 and E3. Those published with NSDTST agree
//! to 13.5 digits or more.
//!
//! Source: T. E. Hull, W. H. Enright, B. M. Fellen, A. E. Sedgwick, *Comparing numerical methods for ordinary
//! differential equations*, SIAM J. Numer. Anal. 9 (1972) 603–637; W. H. Enright, J. D. Pryce, *Two FORTRAN packages
//! for assessing initial value methods*, ACM TOMS 13 (1987) 1–27 (algorithm 648, NSDTST).

mod class_a;
mod class_b;
mod class_c;
mod class_d;
mod class_e;

pub use class_a::{A1, A2, A3, A4, A5};
pub use class_b::{B1, B2, B3, B4, B5};
pub use class_c::{C1, C2, C3, C4, C5};
pub use class_d::Kepler;
pub use class_e::{E1, E2, E3, E4, E5};

use super::problem::{Kind, Problem, Reference, bind};
use crate::model::Model;

/// The final time of all of them.
pub const END: f64 = 20.0;

pub(super) use class_a::{a1, a2, a3, a4, a5};
pub(super) use class_b::{b1, b2, b3, b4, b5};
pub(super) use class_c::{c1, c2, c3, c4, c5};
pub(super) use class_d::{d1, d2, d3, d4, d5};
pub(super) use class_e::{e1, e2, e3, e4, e5};

/// A problem of DETEST.
fn problem<M: Model>(
    name: &'static str,
    title: &'static str,
    model: &'static M,
    initial: &[f64],
    condition: f64,
    state: &[f64],
    exact: Option<fn(f64) -> Vec<f64>>,
) -> Problem {
    Problem {
        name,
        title,
        kind: Kind::NonStiff,
        parameters: Vec::new(),
        initial: initial.into(),
        start: 0.0,
        end: END,
        atol_factor: 1.0,
        condition,
        condition_between: Vec::new(),
        discontinuities: Vec::new(),
        reference: Reference {
            state: state.into(),
            between: Vec::new(),
            digits: 15.5,
            digits_between: 0.0,
            source: "collocation of order 17 and extrapolation in 33 digits, NSDTST",
        },
        exact,
        system: bind(model),
    }
}

/// A problem without a formula, with its states at times before the end, and their conditions where these are larger.
fn known_between(mut problem: Problem, between: Vec<(f64, Vec<f64>)>, condition_between: Vec<(f64, f64)>) -> Problem {
    problem.reference.between = between;
    problem.reference.digits_between = 15.5;
    problem.condition_between = condition_between;
    problem
}
