//! Derivatives of the adjoint equations against differences.

use super::super::running::IntegrandOf;
use super::*;
use crate::adjoint::Loss;
use crate::model::{Bound, Model, Names, Params};
use crate::number::Real;
use crate::ode::Solve;

/// Neighbours on a line push each other, with masses that are coupled where there are some.
struct Chain {
    cells: usize,
    masses: bool,
}

impl Model for Chain {
    fn states(&self) -> Names {
        (0..self.cells).map(|i| format!("c{i}")).collect::<Vec<_>>().into()
    }
    fn parameters(&self) -> Names {
        ["push", "damping", "drive"].into()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        let entries = |i: usize| [(i, i, 2.0 + i as f64), (i, (i + 1) % self.cells, 0.5)];
        let all: Vec<_> = (0..self.cells).flat_map(entries).collect();
        self.masses.then(|| MassMatrix::from_entries(self.cells, &all))
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [push, damping, drive] = p.parameters();
        for i in 0..self.cells {
            let right = u[(i + 1).min(self.cells - 1)];
            du[i] = push * (right - u[i]).sin() - damping * u[i] * u[i] * u[i] + drive * t.cos() * u[i];
        }
    }
}

struct Price;

impl Loss for Price {
    fn integrand<R: Real>(&self, t: R, u: &[R], p: &[R]) -> R {
        u.iter().fold(R::zero(), |sum, u| sum + u.powi(3) * t * p[0]) + p[2].square() * t
    }
}

#[test]
fn derivatives_are_those_of_the_equations() {
    let p = [0.7, 0.3, 1.1];
    for (cells, masses) in [(3, false), (3, true), (40, false), (40, true)] {
        let chain = Chain { cells, masses };
        let bound = Bound::new(&chain).unwrap();
        let start: Vec<f64> = (0..cells).map(|i| (i as f64 * 0.9).sin()).collect();
        let solve = Solve::system(&bound, start.clone(), 0.0, 1.0).parameters(p).rtol(1e-11).atol(1e-11);
        let solution = solve.run().unwrap();
        let price = IntegrandOf(&Price);
        for (sums, carries) in [(false, false), (true, false), (true, true)] {
            let path = (!carries).then(|| Path::new(&solution));
            let mut equations = Equations::new(&bound, Some(&price), &p, path, sums, (0.0, &start));
            let len = equations.dimension();
            let t = 0.437;
            let mut y: Vec<f64> = (0..len).map(|i| (i as f64 * 1.3).cos()).collect();
            if carries {
                y[cells + 3..].copy_from_slice(&solution.at(t).unwrap());
            }
            let entries = equations.sparsity().map_or(len * len, Sparsity::entry_count);
            let (mut values, mut f) = (vec![0.0; entries], vec![0.0; len]);
            assert_eq!(equations.sparsity().is_some(), cells == 40);
            equations.eval(0, t, &y, &mut f);
            equations.jacobian(t, &y, &f, &mut values, &mut Statistics::default());
            let mut dense = values.clone();
            if let Some(pattern) = equations.sparsity() {
                dense = vec![0.0; len * len];
                let mut values = values.iter();
                for (j, rows) in pattern.columns().enumerate() {
                    rows.iter().for_each(|i| dense[j * len + i] = *values.next().unwrap());
                }
            }
            let slope = |f: &mut dyn FnMut(f64, &mut [f64])| -> Vec<f64> {
                let (h, mut above, mut below) = (1e-5, vec![0.0; len], vec![0.0; len]);
                f(h, &mut above);
                f(-h, &mut below);
                above.iter().zip(&below).map(|(a, b)| (a - b) / (2.0 * h)).collect()
            };
            let near = |found: &[f64], expected: &[f64]| {
                for (i, (a, b)) in found.iter().zip(expected).enumerate() {
                    assert!((a - b).abs() < 1e-7 * (1.0 + b.abs()), "{cells} {masses} {sums} {carries} {i}: {a} {b}");
                }
            };
            for j in 0..len {
                let column = slope(&mut |h, out| {
                    let mut moved = y.clone();
                    moved[j] += h;
                    equations.eval(0, t, &moved, out);
                });
                near(&dense[j * len..][..len], &column);
            }
            let mut f_t = vec![0.0; len];
            assert!(equations.time_derivative(t, &y, &f, &mut f_t, &mut Statistics::default()));
            near(&f_t, &slope(&mut |h, out| equations.eval(0, t + h, &y, out)));
            // The mass matrix of λ is the transposed one, that of sums the unit matrix, that of u its own.
            let (mut out, mut expected) = (y.clone(), y.clone());
            match (equations.mass(), chain.mass_matrix()) {
                (Some(mass), Some(of_f)) => {
                    mass.multiply(&y, &mut out);
                    expected[..cells].fill(0.0);
                    of_f.entries().iter().for_each(|(i, j, m)| expected[*j] += m * y[*i]);
                    if carries {
                        of_f.multiply(&y[cells + 3..], &mut expected[cells + 3..]);
                    }
                }
                (mass, of_f) => assert!(mass.is_none() && of_f.is_none()),
            }
            near(&out, &expected);
        }
    }
}
