//! Mass matrices: $M \dot u = f(t, u, p)$.

/// A constant mass matrix $M$, given by its entries that are not zero.
///
/// With a regular $M$ the system is an ordinary differential equation. A singular $M$ makes it differential-algebraic:
/// a row of zeros is an algebraic equation $0 = f_i(t, u, p)$. The solvers that take mass matrices need index 1, which
/// for rows of zeros means that the algebraic equations can be solved for the algebraic variables.
///
/// ```
/// use ansatz::model::MassMatrix;
/// // Robertson's reactions with the sum of all three species in place of the third rate.
/// let m = MassMatrix::diagonal([1.0, 1.0, 0.0]);
/// assert!(m.is_diagonal());
/// assert_eq!(m.algebraic_equations(), [2]);
/// let mut out = [0.0; 3];
/// m.multiply(&[0.5, 0.25, 7.0], &mut out);
/// assert_eq!(out, [0.5, 0.25, 0.0]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MassMatrix {
    n: usize,
    /// (row, column, value) by column, rows increasing; no zeros.
    entries: Vec<(usize, usize, f64)>,
}

/// A mass matrix that makes no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MassError {
    /// It does not have the size of the system.
    #[error("the mass matrix is {found} × {found}, but the model has {n} states")]
    Size {
        /// Its size.
        found: usize,
        /// Number of states.
        n: usize,
    },
    /// An entry lies outside the matrix.
    #[error(
        "the entry in row {row}, column {column} lies outside the {n} × {n} mass matrix; rows and columns count from 0 to n − 1"
    )]
    Outside {
        /// Row of the entry.
        row: usize,
        /// Its column.
        column: usize,
        /// Number of states.
        n: usize,
    },
    /// An entry is NaN or infinite.
    #[error("the entry of the mass matrix in row {row}, column {column} is {value}; give a finite number")]
    NotFinite {
        /// Row of the entry.
        row: usize,
        /// Its column.
        column: usize,
        /// Its value.
        value: f64,
    },
}

impl MassMatrix {
    /// The matrix with this diagonal and zeros elsewhere.
    pub fn diagonal(d: impl Into<Vec<f64>>) -> MassMatrix {
        let d = d.into();
        let entries = d.iter().enumerate().filter(|(_, d)| **d != 0.0).map(|(i, &d)| (i, i, d)).collect();
        MassMatrix { n: d.len(), entries }
    }

    /// The $n \times n$ matrix with these entries (row, column, value), in any order, and zeros elsewhere. Values given
    /// for the same place add up, as the contributions of finite elements do.
    ///
    /// Entries outside the matrix and values that are not finite are kept for [`MassMatrix::check`] to name.
    pub fn from_entries(n: usize, entries: &[(usize, usize, f64)]) -> MassMatrix {
        let mut sorted = entries.to_vec();
        sorted.sort_by_key(|&(row, column, _)| (column, row));
        sorted.dedup_by(|next, first| {
            let same = (next.0, next.1) == (first.0, first.1);
            if same {
                first.2 += next.2;
            }
            same
        });
        sorted.retain(|&(row, column, value)| value != 0.0 || row >= n || column >= n);
        MassMatrix { n, entries: sorted }
    }

    /// Says what is wrong with this matrix in a system of `n` states, if anything.
    ///
    /// # Errors
    /// [`MassError`]: another size, an entry outside the matrix, or one that is not finite.
    pub fn check(&self, n: usize) -> Result<(), MassError> {
        if self.n != n {
            return Err(MassError::Size { found: self.n, n });
        }
        for &(row, column, value) in &self.entries {
            if row >= n || column >= n {
                return Err(MassError::Outside { row, column, n });
            }
            if !value.is_finite() {
                return Err(MassError::NotFinite { row, column, value });
            }
        }
        Ok(())
    }

    /// The entries that are not zero, (row, column, value), column by column with rows increasing.
    pub fn entries(&self) -> &[(usize, usize, f64)] {
        &self.entries
    }

    /// Number of states $n$.
    pub fn dimension(&self) -> usize {
        self.n
    }

    /// Writes $M x$. Entries outside the matrix take no part.
    pub fn multiply(&self, x: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for &(row, column, value) in &self.entries {
            if let (Some(out), Some(x)) = (out.get_mut(row), x.get(column)) {
                *out += value * x;
            }
        }
    }

    /// Whether every entry off the diagonal is zero.
    pub fn is_diagonal(&self) -> bool {
        self.entries.iter().all(|&(row, column, _)| row == column)
    }

    /// Whether this is the unit matrix, so that the system is the ordinary $\dot u = f$.
    pub fn is_identity(&self) -> bool {
        self.entries.len() == self.n && self.entries.iter().all(|&(row, column, value)| row == column && value == 1.0)
    }

    /// Rows of zeros, increasing: the algebraic equations $0 = f_i(t, u, p)$.
    pub fn algebraic_equations(&self) -> Vec<usize> {
        self.without(|&(row, _, _)| row)
    }

    /// Columns of zeros, increasing: the states whose derivatives stand in no equation. Where there are as many as
    /// [algebraic equations](MassMatrix::algebraic_equations), those are solved for these to have consistent initial
    /// values.
    pub fn algebraic_variables(&self) -> Vec<usize> {
        self.without(|&(_, column, _)| column)
    }

    fn without(&self, index: impl Fn(&(usize, usize, f64)) -> usize) -> Vec<usize> {
        let mut zero = vec![true; self.n];
        for entry in &self.entries {
            if let Some(zero) = zero.get_mut(index(entry)) {
                *zero = false;
            }
        }
        (0..self.n).filter(|&i| zero[i]).collect()
    }

    /// Whether $M$ is singular, so that the system is differential-algebraic.
    ///
    /// $M$ falls into blocks of states that it connects; each block is eliminated with complete pivoting, a pivot below
    /// $k \epsilon$ of the block's largest entry counting as zero. Two capacitor plates, $\begin{pmatrix} -C & C \\ C &
    /// -C \end{pmatrix}$, are singular without a row of zeros. The work is $k^3$ for a block of $k$ states; a block of
    /// more than 400 (finite elements) is looked through for zero rows and columns only and is otherwise taken as
    /// regular.
    pub fn is_singular(&self) -> bool {
        if !self.algebraic_equations().is_empty() || !self.algebraic_variables().is_empty() {
            return true;
        }
        if self.is_diagonal() {
            return false;
        }
        let blocks = self.blocks();
        blocks
            .into_iter()
            .any(|Block { states, mut entries }| !entries.is_empty() && loses_rank(&mut entries, states.len()))
    }

    /// The blocks of states that the matrix connects.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        // Union–find over rows and columns alike.
        let mut parent: Vec<usize> = (0..self.n).collect();
        let inside = || self.entries.iter().filter(|&&(row, column, _)| row < self.n && column < self.n);
        for &(row, column, _) in inside() {
            let (a, b) = (root(&mut parent, row), root(&mut parent, column));
            parent[a.max(b)] = a.min(b);
        }
        let mut blocks: Vec<Block> = Vec::new();
        // A block is numbered by its first state, which is its root.
        let (mut number, mut place) = (vec![0; self.n], vec![0; self.n]);
        for i in 0..self.n {
            let first = root(&mut parent, i);
            if first == i {
                number[i] = blocks.len();
                blocks.push(Block::default());
            }
            number[i] = number[first];
            place[i] = blocks[number[i]].states.len();
            blocks[number[i]].states.push(i);
        }
        for block in &mut blocks {
            let k = block.states.len();
            block.entries = vec![0.0; if k > LARGEST_BLOCK { 0 } else { k * k }];
        }
        for &(row, column, value) in inside() {
            let Block { states, entries } = &mut blocks[number[row]];
            if let Some(entry) = entries.get_mut(place[column] * states.len() + place[row]) {
                *entry = value;
            }
        }
        blocks
    }
}

/// Blocks of more states than this are not factorised.
const LARGEST_BLOCK: usize = 400;

/// States that a mass matrix connects.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Block {
    pub states: Vec<usize>,
    /// The entries among them, column by column; none when there are too many.
    pub entries: Vec<f64>,
}

fn root(parent: &mut [usize], mut i: usize) -> usize {
    while parent[i] != i {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    i
}

/// Gaussian elimination with complete pivoting on a dense `k × k` block.
fn loses_rank(a: &mut [f64], k: usize) -> bool {
    let largest = a.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    for step in 0..k {
        let rest = (step..k).flat_map(|j| (step..k).map(move |i| (i, j)));
        let Some((p, q)) = rest.max_by(|&(i, j), &(r, s)| a[j * k + i].abs().total_cmp(&a[s * k + r].abs())) else {
            return false;
        };
        if a[q * k + p].abs() <= k as f64 * f64::EPSILON * largest {
            return true;
        }
        for j in 0..k {
            a.swap(j * k + step, j * k + p);
        }
        for i in 0..k {
            a.swap(step * k + i, q * k + i);
        }
        for j in step + 1..k {
            let factor = a[j * k + step] / a[step * k + step];
            for i in step + 1..k {
                a[j * k + i] -= factor * a[step * k + i];
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_sorted_and_added_up() {
        let m = MassMatrix::from_entries(3, &[(2, 1, 4.0), (0, 0, 1.0), (1, 1, 2.0), (0, 0, 1.5), (2, 2, 0.0)]);
        assert_eq!(m.entries(), [(0, 0, 2.5), (1, 1, 2.0), (2, 1, 4.0)]);
        let mut out = [9.0; 3];
        m.multiply(&[1.0, 10.0, 100.0], &mut out);
        assert_eq!(out, [2.5, 20.0, 40.0]);
        assert_eq!(m.algebraic_variables(), [2]);
        assert_eq!(m.algebraic_equations(), [0usize; 0]);
        assert!(!m.is_diagonal() && m.is_singular());
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(MassMatrix::diagonal([1.0, 2.0]).check(3), Err(MassError::Size { found: 2, n: 3 }));
        let outside = MassMatrix::from_entries(2, &[(0, 0, 1.0), (1, 1, 1.0), (0, 2, 0.0)]);
        assert_eq!(outside.check(2), Err(MassError::Outside { row: 0, column: 2, n: 2 }));
        outside.multiply(&[1.0, 1.0], &mut [0.0; 2]);
        assert!(!outside.is_singular());
        assert!(matches!(
            MassMatrix::diagonal([1.0, f64::NAN]).check(2),
            Err(MassError::NotFinite { row: 1, column: 1, .. })
        ));
        assert_eq!(MassMatrix::diagonal([1.0, 0.0]).check(2), Ok(()));
    }

    #[test]
    fn identity_and_singular_matrices() {
        assert!(MassMatrix::diagonal([1.0; 4]).is_identity());
        assert!(!MassMatrix::diagonal([1.0, 2.0]).is_identity());
        assert!(!MassMatrix::diagonal([1.0, 0.0]).is_identity());
        assert!(!MassMatrix::diagonal([1.0, 1e-30]).is_singular());
        assert!(MassMatrix::diagonal([1.0, 0.0]).is_singular());
        // The transistor amplifier's capacitors, as in Hairer & Wanner II, chapter VI.1.
        let c = 1e-6;
        let plates = [(0, 0, -c), (0, 1, c), (1, 0, c), (1, 1, -c), (2, 2, -2.0 * c), (3, 4, c), (4, 3, c), (3, 3, -c)];
        let amplifier = MassMatrix::from_entries(5, &plates);
        assert!(amplifier.is_singular() && amplifier.algebraic_equations().is_empty());
        assert!(!MassMatrix::from_entries(5, &[&plates[2..], &[(0, 0, c)]].concat()).is_singular());
        // A consistent mass matrix of linear finite elements.
        let n = 50;
        let elements: Vec<(usize, usize, f64)> = (0..n - 1)
            .flat_map(|e| [(e, e, 2.0), (e, e + 1, 1.0), (e + 1, e, 1.0), (e + 1, e + 1, 2.0)])
            .map(|(i, j, m)| (i, j, m / 6.0))
            .collect();
        assert!(!MassMatrix::from_entries(n, &elements).is_singular());
    }
}
