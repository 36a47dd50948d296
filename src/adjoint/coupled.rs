//! The linear system of all stages of a Radau IIA method at once.

use crate::model::MassMatrix;
use crate::model::Sparsity;
use crate::ode::linear::{LinearSolver, Shifted};

/// Solves with $\sigma A^{-1} \otimes M - \mathrm{diag}(J_1, \dots, J_s)$, the $J_i$ of one pattern (none: any entry may differ
/// from zero) given one after another; where it is `transposed`, with $A^{-\top}$ for a mass matrix and a pattern that are
/// transposed already. No mass matrix stands for the unit matrix.
pub(super) fn coupled(
    a_inverse: &[&[f64]],
    n: usize,
    mass: Option<&MassMatrix>,
    pattern: Option<&Sparsity>,
    transposed: bool,
) -> Option<Shifted<f64>> {
    let s = a_inverse.len();
    let entries = match mass {
        Some(mass) => mass.entries().to_vec(),
        None => (0..n).map(|i| (i, i, 1.0)).collect(),
    };
    let mut both = Vec::with_capacity(s * s * entries.len());
    for (i, row) in a_inverse.iter().enumerate() {
        for (j, a) in row.iter().enumerate() {
            let (to, from) = if transposed { (j, i) } else { (i, j) };
            both.extend(entries.iter().map(|&(row, column, m)| (to * n + row, from * n + column, a * m)));
        }
    }
    let both = MassMatrix::from_entries(s * n, &both);
    let pattern = side_by_side(pattern.unwrap_or(&Sparsity::dense(n)), s)?;
    Shifted::new(s * n, Some(&pattern), Some(&both), LinearSolver::Automatic).ok()
}

/// So many copies of a pattern on a block diagonal.
fn side_by_side(pattern: &Sparsity, copies: usize) -> Option<Sparsity> {
    let (n, entries) = (pattern.dimension(), pattern.entry_count());
    let mut starts = vec![0];
    let mut rows = Vec::with_capacity(copies * entries);
    for copy in 0..copies {
        starts.extend(pattern.starts()[1..].iter().map(|start| copy * entries + start));
        rows.extend(pattern.rows().iter().map(|row| copy * n + row));
    }
    Sparsity::from_columns(copies * n, &starts, &rows).ok()
}
