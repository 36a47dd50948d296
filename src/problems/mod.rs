//! Test problems with reference solutions: what solvers are measured by, here and in the literature.
//!
//! [`all`] lists them, [`find`] finds one by name. A [`Problem`] has everything that a solve and a verdict on it
//! need:
//!
//! ```
//! use ansatz::ode::Save;
//! use ansatz::problems;
//!
//! let orbit = problems::find("arenstorf")?;
//! let solution = orbit.solve(1e-10).save(Save::End).run()?;
//! assert!(orbit.error(solution.last()) < 1e-4);
//! # Ok::<(), ansatz::Error>(())
//! ```
//!
//! Each has a model of its own with its documentation: the equations, where they are from, why the problem is here,
//! who computed the reference and how many of its digits are proven. A model can be used directly, with other
//! parameters, spans or grids:
//!
//! ```
//! use ansatz::ode::Solve;
//! use ansatz::problems::{AllenCahn, VanDerPol};
//!
//! let mild = Solve::new(&VanDerPol, VanDerPol::INITIAL, 0.0, 20.0).parameters([1.0]).run()?;
//! assert!(mild.last()[0].abs() < 2.1);
//!
//! let coarse = AllenCahn { points: 20 };
//! let phases = Solve::new(&coarse, coarse.initial(), 0.0, 10.0).parameters(AllenCahn::PARAMETERS).run()?;
//! assert_eq!(phases.last().len(), 20);
//! # Ok::<(), ansatz::Error>(())
//! ```
//!
//! The references were computed twice each, by different methods and from right-hand sides that were written
//! separately, most in 33 digits; where others have published one, it is compared. What is proven is in
//! [`Reference::digits`]. [`Reference::between`] has states on the way, by which dense output is measured, and
//! [`Problem::condition_at`] says how much of an error to expect.
//!
//! | | states | kind | |
//! |---|---|---|---|
//! | [`LotkaVolterra`] | 2 | non-stiff | predators and prey |
//! | [`Lorenz`] | 3 | non-stiff | chaos |
//! | [`Pleiades`] | 28 | non-stiff | seven bodies, close encounters |
//! | [`Arenstorf`] | 4 | non-stiff | a periodic orbit about earth and moon |
//! | [`detest`] | 1 … 51 | non-stiff | the twenty-five of Hull and others |
//! | [`Robertson`] | 3 | stiff | three time scales, to $10^5$ and to $10^{11}$ |
//! | [`VanDerPol`], [`VanDerPolScaled`] | 2 | stiff | relaxation oscillations |
//! | [`Hires`] | 8 | stiff | plant physiology |
//! | [`Orego`] | 3 | stiff | a chemical oscillator |
//! | [`E5`] | 4 | stiff | badly scaled |
//! | [`Pollution`] | 20 | stiff | air chemistry |
//! | [`RingModulator`] | 15 | stiff | an oscillating circuit |
//! | [`MedicalAkzoNobel`] | 400 | stiff | a reaction front, a jump in time |
//! | [`Beam`] | 80 | stiff | imaginary eigenvalues, a dense Jacobian |
//! | [`ProtheroRobinson`] | 1 | stiff | order reduction |
//! | [`Brusselator1d`] | 200 | parabolic | banded |
//! | [`Brusselator2d`] | 2048 | parabolic | large and sparse, a jump in time |
//! | [`AllenCahn`] | 100, 200 | parabolic | metastable |
//! | [`ChemicalAkzoNobel`] | 6 | DAE | index 1, diagonal mass matrix |
//! | [`TransistorAmplifier`] | 8 | DAE | index 1, a mass matrix that is singular and not diagonal |

// Published digits stand as printed.
#![allow(clippy::excessive_precision)]

mod allen_cahn;
mod arenstorf;
mod beam;
mod between;
mod brusselator_1d;
mod brusselator_2d;
mod chemical_akzo_nobel;
pub mod detest;
mod e5;
mod hires;
mod lorenz;
mod lotka_volterra;
mod medical_akzo_nobel;
mod orego;
mod pleiades;
mod pollution;
mod problem;
mod prothero_robinson;
mod ring_modulator;
mod robertson;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod transistor_amplifier;
mod van_der_pol;

pub use allen_cahn::AllenCahn;
pub use arenstorf::Arenstorf;
pub use beam::Beam;
pub use brusselator_1d::Brusselator1d;
pub use brusselator_2d::Brusselator2d;
pub use chemical_akzo_nobel::ChemicalAkzoNobel;
pub use e5::E5;
pub use hires::Hires;
pub use lorenz::Lorenz;
pub use lotka_volterra::LotkaVolterra;
pub use medical_akzo_nobel::MedicalAkzoNobel;
pub use orego::Orego;
pub use pleiades::Pleiades;
pub use pollution::Pollution;
pub use problem::{Kind, Problem, Reference, UnknownProblem};
pub use prothero_robinson::ProtheroRobinson;
pub use ring_modulator::RingModulator;
pub use robertson::Robertson;
pub use transistor_amplifier::TransistorAmplifier;
pub use van_der_pol::{VanDerPol, VanDerPolScaled};

use crate::model::{Names, nearest_name};

/// The catalogue: names, and what makes the problems.
#[allow(clippy::type_complexity)]
const CATALOGUE: &[(&str, fn() -> Problem)] = &[
    ("lotka_volterra", lotka_volterra::problem),
    ("lorenz", lorenz::problem),
    ("pleiades", pleiades::problem),
    ("arenstorf", arenstorf::problem),
    ("detest_a1", detest::a1),
    ("detest_a2", detest::a2),
    ("detest_a3", detest::a3),
    ("detest_a4", detest::a4),
    ("detest_a5", detest::a5),
    ("detest_b1", detest::b1),
    ("detest_b2", detest::b2),
    ("detest_b3", detest::b3),
    ("detest_b4", detest::b4),
    ("detest_b5", detest::b5),
    ("detest_c1", detest::c1),
    ("detest_c2", detest::c2),
    ("detest_c3", detest::c3),
    ("detest_c4", detest::c4),
    ("detest_c5", detest::c5),
    ("detest_d1", detest::d1),
    ("detest_d2", detest::d2),
    ("detest_d3", detest::d3),
    ("detest_d4", detest::d4),
    ("detest_d5", detest::d5),
    ("detest_e1", detest::e1),
    ("detest_e2", detest::e2),
    ("detest_e3", detest::e3),
    ("detest_e4", detest::e4),
    ("detest_e5", detest::e5),
    ("robertson_1e5", robertson::to_1e5),
    ("robertson_1e11", robertson::to_1e11),
    ("vanderpol_1e3", van_der_pol::problem),
    ("vanderpol_1e6", van_der_pol::scaled),
    ("hires", hires::problem),
    ("orego", orego::problem),
    ("e5", e5::problem),
    ("pollu", pollution::problem),
    ("ring_modulator", ring_modulator::problem),
    ("medical_akzo_nobel_200", medical_akzo_nobel::problem),
    ("beam_40", beam::problem),
    ("prothero_robinson", prothero_robinson::problem),
    ("brusselator1d_100", brusselator_1d::problem),
    ("brusselator2d_32", brusselator_2d::problem),
    ("allen_cahn_100", allen_cahn::on_100_points),
    ("allen_cahn_200", allen_cahn::on_200_points),
    ("chemical_akzo_nobel", chemical_akzo_nobel::problem),
    ("transistor_amplifier", transistor_amplifier::problem),
];

/// All problems: the non-stiff ones first, then the stiff, the parabolic and the differential-algebraic ones.
pub fn all() -> Vec<Problem> {
    CATALOGUE.iter().map(|(_, problem)| problem()).collect()
}

/// The names of all problems, in the order of [`all`].
pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
    CATALOGUE.iter().map(|(name, _)| *name)
}

/// A problem by name.
///
/// ```
/// use ansatz::problems;
/// assert_eq!(problems::find("hires")?.initial.len(), 8);
/// let fault = problems::find("robertson_1e6").err().unwrap();
/// assert_eq!(fault.to_string(), "there is no problem `robertson_1e6`; did you mean `robertson_1e5`?");
/// # Ok::<(), ansatz::Error>(())
/// ```
///
/// # Errors
/// [`UnknownProblem`] with the nearest name there is.
pub fn find(name: &str) -> Result<Problem, UnknownProblem> {
    match CATALOGUE.iter().find(|(known, _)| *known == name) {
        Some((_, problem)) => Ok(problem()),
        None => Err(UnknownProblem { name: name.to_string(), nearest: nearest_name(name, names()) }),
    }
}

/// `x1 … xn`, then the next letter's: states that are stored one species after another.
fn names_in_blocks(letters: &[&str], n: usize) -> Names {
    letters.iter().flat_map(|letter| (1..=n).map(move |i| format!("{letter}{i}"))).collect::<Vec<_>>().into()
}

/// `u1, v1, u2, v2, …`: states that are stored point by point.
fn names_interleaved(letters: &[&str], n: usize) -> Names {
    (1..=n).flat_map(|i| letters.iter().map(move |letter| format!("{letter}{i}"))).collect::<Vec<_>>().into()
}
