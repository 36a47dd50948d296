//! The sparse matrix $W = \sigma M - J$.

use super::scalar::Scalar;
use crate::model::{MassMatrix, Sparsity};

/// The pattern of $W$, with all of the diagonal, and where each entry of $J$ and $M$ goes.
#[derive(Clone, Debug)]
pub struct Assembly {
    n: usize,
    starts: Vec<usize>,
    rows: Vec<usize>,
    /// Position in $W$ of each entry of the Jacobian.
    jacobian: Vec<usize>,
    /// Position in $W$ and value of each entry of the mass matrix.
    mass: Vec<(usize, f64)>,
}

impl Assembly {
    /// For a Jacobian with this pattern and a mass matrix of its size, or the unit matrix.
    pub fn new(sparsity: &Sparsity, mass: Option<&MassMatrix>) -> Assembly {
        let n = sparsity.dimension();
        let unit: Vec<(usize, usize, f64)>;
        let entries = match mass {
            Some(mass) => mass.entries(),
            None => {
                unit = (0..n).map(|i| (i, i, 1.0)).collect();
                &unit
            }
        };
        let mut assembly = Assembly {
            n,
            starts: vec![0],
            rows: Vec::with_capacity(sparsity.entry_count() + n),
            jacobian: Vec::with_capacity(sparsity.entry_count()),
            mass: Vec::with_capacity(entries.len()),
        };
        let mut next = 0;
        for (j, rows) in sparsity.columns().enumerate() {
            let of_mass = &entries[next..];
            let of_mass = &of_mass[..of_mass.partition_point(|&(_, column, _)| column == j)];
            next += of_mass.len();
            let (mut rows, mut of_mass, mut diagonal) = (rows, of_mass, Some(j));
            loop {
                let candidates = [rows.first().copied(), of_mass.first().map(|entry| entry.0), diagonal];
                let Some(row) = candidates.into_iter().flatten().min() else { break };
                let position = assembly.rows.len();
                assembly.rows.push(row);
                if let Some((_, rest)) = rows.split_first().filter(|(first, _)| **first == row) {
                    assembly.jacobian.push(position);
                    rows = rest;
                }
                if let Some((first, rest)) = of_mass.split_first().filter(|(first, _)| first.0 == row) {
                    assembly.mass.push((position, first.2));
                    of_mass = rest;
                }
                diagonal = diagonal.filter(|&j| j != row);
            }
            assembly.starts.push(assembly.rows.len());
        }
        assembly
    }

    /// Number of rows and columns.
    pub fn dimension(&self) -> usize {
        self.n
    }

    /// Where each column starts among the entries; one more at the end.
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// The row of each entry, increasing within a column.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Writes the values of $\sigma M - J$.
    pub fn assemble<T: Scalar>(&self, sigma: T, jacobian: &[f64], values: &mut [T]) {
        values.fill(T::ZERO);
        for (&position, &j) in self.jacobian.iter().zip(jacobian) {
            values[position] = T::real(-j);
        }
        for &(position, m) in &self.mass {
            values[position] += sigma.scaled(m);
        }
    }

    /// Adds $W x$ to `out`.
    pub fn add_product<T: Scalar>(&self, values: &[T], x: &[T], out: &mut [T]) {
        for (j, &x) in x.iter().enumerate().take(self.n) {
            let entries = self.starts[j]..self.starts[j + 1];
            for (&row, &value) in self.rows[entries.clone()].iter().zip(&values[entries]) {
                out[row] += value * x;
            }
        }
    }

    /// Subtracts $W x$ from `out`.
    pub fn subtract_product<T: Scalar>(&self, values: &[T], x: &[T], out: &mut [T]) {
        for (j, &x) in x.iter().enumerate().take(self.n) {
            let entries = self.starts[j]..self.starts[j + 1];
            for (&row, &value) in self.rows[entries.clone()].iter().zip(&values[entries]) {
                out[row] -= value * x;
            }
        }
    }

    /// Adds $|W| |x|$ to `out`: the scale against which a residual is large or small.
    pub fn add_product_of_sizes<T: Scalar>(&self, values: &[T], x: &[T], out: &mut [f64]) {
        for (j, x) in x.iter().enumerate().take(self.n) {
            let entries = self.starts[j]..self.starts[j + 1];
            for (&row, value) in self.rows[entries.clone()].iter().zip(&values[entries]) {
                out[row] += value.magnitude() * x.magnitude();
            }
        }
    }
}
