//! Seven stars in a plane.

use super::between::table;
use super::names_in_blocks;
use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;

/// The Pleiades problem: seven bodies of masses $m_j = j$ in the plane under their gravity,
///
/// $$ \ddot x_i = \sum_{j \ne i} m_j \frac{x_j - x_i}{r_{ij}^3}, \qquad \ddot y_i = \sum_{j \ne i} m_j
/// \frac{y_j - y_i}{r_{ij}^3}, \qquad r_{ij}^2 = (x_i - x_j)^2 + (y_i - y_j)^2 . $$
///
/// Close encounters make the step change by orders of magnitude: it tests step control. Momentum and energy are
/// conserved. States $x_1 … x_7, y_1 … y_7, \dot x_1 … \dot x_7, \dot y_1 … \dot y_7$; up to $t = 3$.
///
/// Source: E. Hairer, S. P. Nørsett, G. Wanner, *Solving Ordinary Differential Equations I*, 2nd ed., 1993, section
/// II.10; *Test Set for IVP Solvers*, release 2.4, 2008, `plei`. Reference: collocation of order 17 and extrapolation,
/// both in 33 digits, agree to all digits of a double; the test set's own reference agrees to 15.1 digits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pleiades;

impl Pleiades {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 28] = [
        3.0, 3.0, -1.0, -3.0, 2.0, -2.0, 2.0, // x
        3.0, -3.0, 2.0, 0.0, 0.0, -4.0, 4.0, // y
        0.0, 0.0, 0.0, 0.0, 0.0, 1.75, -1.5, // velocities in x
        0.0, 0.0, 0.0, -1.25, 1.0, 0.0, 0.0, // velocities in y
    ];
    /// The final time.
    pub const END: f64 = 3.0;
}

impl Model for Pleiades {
    fn states(&self) -> Names {
        names_in_blocks(&["x", "y", "vx", "vy"], 7)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let (Some((position, velocity)), Some((rate, acceleration))) =
            (u.split_at_checked(14), du.split_at_mut_checked(14))
        else {
            return;
        };
        rate.copy_from_slice(velocity);
        acceleration.fill(R::zero());
        let (x, y) = position.split_at(7);
        let (ax, ay) = acceleration.split_at_mut(7);
        // Every pair once: what pulls i pulls j the other way.
        for i in 0..7 {
            for j in i + 1..7 {
                let (dx, dy) = (x[j] - x[i], y[j] - y[i]);
                let r2 = dx * dx + dy * dy;
                let inverse = (r2 * r2.sqrt()).recip();
                let (fx, fy) = (dx * inverse, dy * inverse);
                let (mi, mj) = ((i + 1) as f64, (j + 1) as f64);
                ax[i] += fx * mj;
                ay[i] += fy * mj;
                ax[j] -= fx * mi;
                ay[j] -= fy * mi;
            }
        }
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "pleiades",
        title: "Pleiades, 7 bodies",
        kind: Kind::NonStiff,
        parameters: Vec::new(),
        initial: Pleiades::INITIAL.into(),
        start: 0.0,
        end: Pleiades::END,
        atol_factor: 1.0,
        condition: 9206.0,
        condition_between: vec![(2.09, 9647.0)],
        discontinuities: Vec::new(),
        reference: Reference {
            state: FINAL.into(),
            between: table(include_str!("between/pleiades.txt")),
            digits: 15.5,
            digits_between: 15.5,
            source: "collocation of order 17 and extrapolation in 33 digits, Test Set for IVP Solvers",
        },
        exact: None,
        system: bind(&Pleiades),
    }
}

const FINAL: [f64; 28] = [
    0.37061391439705127,
    3.237284092057233,
    -3.2225590324183235,
    0.6597091455775308,
    0.342558170715658,
    1.5621721014006311,
    -0.7003092922212495,
    -3.943437585517392,
    -3.27138097397255,
    5.225081843456544,
    -2.5906124349774693,
    1.1982136933922747,
    -0.24296823449358235,
    1.0914492404289797,
    3.4170038063143147,
    1.3545845016255011,
    -2.5900655978107756,
    2.025053734714241,
    -1.155815100160449,
    -0.8072988170223022,
    0.5952396354208719,
    -3.7412449612340084,
    0.3773459685750629,
    0.9386858869551079,
    0.36679222272005696,
    -0.3474046353808494,
    2.344915448180937,
    -1.947020434263292,
];

#[cfg(test)]
mod tests {
    use super::super::testing::{dot, eval, spread};
    use super::*;

    fn energy(u: &[f64]) -> f64 {
        let m = |i: usize| (i + 1) as f64;
        let kinetic: f64 = (0..7).map(|i| m(i) * (u[14 + i].powi(2) + u[21 + i].powi(2)) / 2.0).sum();
        let pairs = (0..7).flat_map(|i| (0..i).map(move |j| (i, j)));
        let potential: f64 = pairs.map(|(i, j)| m(i) * m(j) / (u[i] - u[j]).hypot(u[7 + i] - u[7 + j])).sum();
        kinetic - potential
    }

    #[test]
    fn momentum_and_energy_are_conserved() {
        let u: Vec<f64> = spread(28).iter().map(|u| 4.0 * u - 2.0).collect();
        let f = eval(&Pleiades, 0.0, &u, &[]);
        let masses: Vec<f64> = (1..=7).map(f64::from).collect();
        let size = f.iter().fold(0.0f64, |m, f| m.max(f.abs()));
        assert!(dot(&masses, &f[14..21]).abs() < 1e-14 * size);
        assert!(dot(&masses, &f[21..28]).abs() < 1e-14 * size);
        let rate = super::super::testing::derivative(
            |s| vec![energy(&u.iter().zip(&f).map(|(u, f)| u + s * f).collect::<Vec<_>>())],
            0.0,
            1e-5,
        );
        assert!(rate[0].abs() < 1e-7, "{rate:?}");
    }

    #[test]
    fn the_reference_has_the_initial_energy() {
        approx::assert_relative_eq!(energy(&FINAL), energy(&Pleiades::INITIAL), max_relative = 1e-14);
    }
}
