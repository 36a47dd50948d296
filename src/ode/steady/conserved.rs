//! Totals that a system conserves, and equations that hold them.
//!
//! In a closed reaction network the atoms of each kind keep their number: rows of $f$ cancel, the Jacobian is singular
//! everywhere, and steady states form a family. The guess chooses among them by its totals.

use crate::model::{MassMatrix, Sparsity};
use crate::ode::control::first_not_finite;
use crate::ode::null_space::{Entries, left_null_space};
use crate::ode::solution::Statistics;
use crate::ode::stepper::{Implicit, Rhs};
use nalgebra::DMatrix;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Systems of more states than this are not looked through.
const MOST_STATES: usize = 400;
/// Samples beyond the number of states.
const MORE_SAMPLES: usize = 8;
/// Rates that cancel to this part of the largest are taken to cancel.
const CANCELS: f64 = 1e-12;

/// Vectors $y$ with $y^\top f(u) = 0$ for whatever $u$: those for which it is so at more random states than there are
/// components. States that are not negative in the guess are not negative there.
pub fn totals(f: &mut dyn Implicit, t: f64, guess: &[f64]) -> Vec<Entries> {
    let n = guess.len();
    if n > MOST_STATES {
        return Vec::new();
    }
    let mut rng = ChaCha8Rng::seed_from_u64(1998);
    let typical = guess.iter().fold(0.0f64, |m, u| m.max(u.abs()));
    let typical = if typical > 0.0 { typical } else { 1.0 };
    let (mut u, mut slope, mut columns, mut samples) = (vec![0.0; n], vec![0.0; n], Vec::new(), 0);
    for _ in 0..4 * (n + MORE_SAMPLES) {
        for (u, guess) in u.iter_mut().zip(guess) {
            let mut part: f64 = rng.random_range(0.0..1.0);
            // Over many orders of magnitude every second time, so that each of the rates is the largest now and then.
            if samples % 2 == 1 {
                part = 10.0f64.powf(-8.0 * part);
            }
            *u = match *guess {
                0.0 => typical * part,
                _ if samples % 2 == 1 => guess * part,
                _ => guess * (0.5 + part),
            };
        }
        f.try_eval(t, &u, &mut slope);
        if first_not_finite(&slope).is_some() {
            continue;
        }
        samples += 1;
        let largest = slope.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        if largest > 0.0 {
            columns.extend(slope.iter().map(|x| x / largest));
        }
        if samples == n + MORE_SAMPLES {
            let a = DMatrix::from_vec(n, columns.len() / n, columns);
            return left_null_space(a, CANCELS);
        }
    }
    Vec::new()
}

/// Equations $i_k$ that hold a total, and what they hold it with.
pub type Pins = Vec<(usize, Entries)>;

/// $g(u) = f(u) - \nu \sum_k e_{i_k} \frac{y_k^\top M (u - u_0)}{\Vert M^\top y_k \Vert}$: where $y_k^\top f = 0$, $g = 0$ means
/// that $f = 0$ and that $y_k^\top M u$ is what it was in $u_0$.
///
/// Each total takes one equation $i_k$, the one with the largest terms among those of its largest entries, so that its
/// rounding stays out of the slow equations.
pub struct Pinned<'p, 'f> {
    f: &'p mut (dyn Implicit + 'f),
    /// $i_k$ and $\nu M^\top y_k / \Vert M^\top y_k \Vert$, with the sign of $y_k$ there.
    pub pins: Pins,
    origin: Vec<f64>,
    values: Vec<f64>,
}

impl<'p, 'f> Pinned<'p, 'f> {
    /// `sizes` holds the largest entry of $f_u$ in each row; $\nu$ is the largest of them.
    pub fn new(f: &'p mut (dyn Implicit + 'f), totals: &[Entries], sizes: &[f64], origin: &[f64]) -> Self {
        let norm = |y: &Entries| y.iter().map(|(_, y)| y * y).sum::<f64>().sqrt();
        let largest = sizes.iter().fold(0.0f64, |m, x| m.max(*x));
        let strength = if largest > 0.0 { largest } else { 1.0 };
        let mut taken = vec![false; origin.len()];
        let pins = totals.iter().map(|y| {
            let free = y.iter().filter(|(i, y)| y.abs() >= 0.1 && !taken[*i]);
            let chosen = free.max_by(|(i, _), (j, _)| sizes[*i].total_cmp(&sizes[*j])).or(y.first());
            let (pivot, sign) = chosen.map_or((0, 1.0), |(i, y)| (*i, y.signum()));
            taken[pivot] = true;
            let mut weights = y.clone();
            if let Some(mass) = f.mass() {
                let mut product = vec![0.0; origin.len()];
                for &(row, column, m) in mass.entries() {
                    product[column] += y.iter().find(|(i, _)| *i == row).map_or(0.0, |(_, y)| m * y);
                }
                weights = product.into_iter().enumerate().filter(|(_, x)| *x != 0.0).collect();
            }
            let scale = sign * strength / norm(&weights).max(f64::MIN_POSITIVE);
            weights.iter_mut().for_each(|(_, w)| *w *= scale);
            (pivot, weights)
        });
        let pins = pins.collect::<Pins>();
        Pinned { f, pins, origin: origin.to_vec(), values: Vec::new() }
    }
}

impl Rhs for Pinned<'_, '_> {
    fn eval(&mut self, _stage: usize, t: f64, u: &[f64], du: &mut [f64]) {
        self.try_eval(t, u, du);
    }

    fn try_eval(&mut self, t: f64, u: &[f64], du: &mut [f64]) {
        self.f.try_eval(t, u, du);
        for (pivot, weights) in &self.pins {
            du[*pivot] -= weights.iter().map(|(j, w)| w * (u[*j] - self.origin[*j])).sum::<f64>();
        }
    }
}

impl Implicit for Pinned<'_, '_> {
    fn dimension(&self) -> usize {
        self.f.dimension()
    }

    fn jacobian(&mut self, t: f64, u: &[f64], f: &[f64], values: &mut [f64], statistics: &mut Statistics) {
        let n = u.len();
        // For differences: the right-hand side without the pins.
        let mut slope = f.to_vec();
        self.f.try_eval(t, u, &mut slope);
        self.values.resize(self.f.sparsity().map_or(n * n, |s| s.entry_count()), 0.0);
        self.f.jacobian(t, u, &slope, &mut self.values, statistics);
        match self.f.sparsity() {
            None => values.copy_from_slice(&self.values),
            Some(sparsity) => {
                values.fill(0.0);
                for j in 0..n {
                    let entries = &self.values[sparsity.starts()[j]..sparsity.starts()[j + 1]];
                    sparsity.column(j).iter().zip(entries).for_each(|(i, x)| values[j * n + i] = *x);
                }
            }
        }
        for (pivot, weights) in &self.pins {
            weights.iter().for_each(|(j, w)| values[j * n + pivot] -= w);
        }
    }

    fn time_derivative(&mut self, _t: f64, _u: &[f64], _f: &[f64], _f_t: &mut [f64], _s: &mut Statistics) -> bool {
        false
    }

    fn sparsity(&self) -> Option<&Sparsity> {
        None
    }

    fn mass(&self) -> Option<&MassMatrix> {
        self.f.mass()
    }
}
