//! Which entries of a Jacobian can differ from zero.

/// The pattern of an $n \times n$ Jacobian: its entries that can differ from zero, column by column.
///
/// A large system is solved by an implicit method in reasonable time only when its Jacobian is known to be sparse: an
/// evaluation of the Jacobian then costs as many directional derivatives as the [colouring](Sparsity::colouring) has
/// colours instead of $n$, and the linear systems are factorised sparsely. Entries may be listed that happen to be
/// zero; an entry that is *not* listed is taken as zero, which makes Newton's iteration slow or divergent if it is not.
///
/// ```
/// use ansatz::model::Sparsity;
/// // Diffusion on a line of five cells: every cell sees itself and its neighbours.
/// let pattern = Sparsity::banded(5, 1, 1);
/// assert_eq!(pattern.entry_count(), 13);
/// assert_eq!(pattern.column(2), [1, 2, 3]);
/// // Three evaluations give the whole Jacobian, however many cells there are.
/// assert_eq!(pattern.colouring().count, 3);
/// ```
///
/// The entries are ordered as in compressed-column storage: column after column, rows increasing within each. Values of
/// a Jacobian with this pattern are stored in that order, without the zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sparsity {
    n: usize,
    /// Where each column starts in `rows`; one more at the end.
    starts: Vec<usize>,
    /// Row of each entry, increasing within a column.
    rows: Vec<usize>,
}

/// A pattern that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SparsityError {
    /// An entry lies outside the matrix.
    #[error(
        "the entry in row {row}, column {column} lies outside the {n} × {n} Jacobian; rows and columns count from 0 to n − 1"
    )]
    Outside {
        /// Row of the entry.
        row: usize,
        /// Its column.
        column: usize,
        /// Number of states.
        n: usize,
    },
    /// The starts of the columns (or rows) do not fit the indices.
    #[error(
        "`starts` must have n + 1 = {} values that increase from 0 to the number of indices, {entries}; {problem}",
        n + 1
    )]
    Starts {
        /// Number of states.
        n: usize,
        /// Number of indices given.
        entries: usize,
        /// What is wrong.
        problem: String,
    },
}

impl Sparsity {
    /// The pattern with these entries, given as (row, column) in any order; an entry may be given more than once.
    ///
    /// # Errors
    /// [`SparsityError::Outside`] when a row or column is not below `n`.
    pub fn from_entries(n: usize, entries: &[(usize, usize)]) -> Result<Sparsity, SparsityError> {
        if let Some(&(row, column)) = entries.iter().find(|&&(row, column)| row >= n || column >= n) {
            return Err(SparsityError::Outside { row, column, n });
        }
        // Columns within each row first; turning that over gives sorted columns in linear time.
        let (starts, columns) = bucket(n, entries.iter().map(|&(row, column)| (row, column)));
        let (starts, rows) = turn(n, &starts, &columns);
        Ok(without_repeats(n, starts, rows))
    }

    /// The pattern with these columns: rows of column $j$ in `rows[starts[j]..starts[j + 1]]`, in any order.
    ///
    /// # Errors
    /// [`SparsityError`] when `starts` does not fit or a row is not below `n`.
    pub fn from_columns(n: usize, starts: &[usize], rows: &[usize]) -> Result<Sparsity, SparsityError> {
        check_compressed(n, starts, rows, |row, column| SparsityError::Outside { row, column, n })?;
        let (row_starts, columns) = turn(n, starts, rows);
        let (starts, rows) = turn(n, &row_starts, &columns);
        Ok(without_repeats(n, starts, rows))
    }

    /// The pattern with these rows: columns of row $i$ in `columns[starts[i]..starts[i + 1]]`, in any order.
    ///
    /// # Errors
    /// [`SparsityError`] when `starts` does not fit or a column is not below `n`.
    pub fn from_rows(n: usize, starts: &[usize], columns: &[usize]) -> Result<Sparsity, SparsityError> {
        check_compressed(n, starts, columns, |column, row| SparsityError::Outside { row, column, n })?;
        let (starts, rows) = turn(n, starts, columns);
        Ok(without_repeats(n, starts, rows))
    }

    /// All entries.
    pub fn dense(n: usize) -> Sparsity {
        Sparsity { n, starts: (0..=n).map(|j| j * n).collect(), rows: (0..n).flat_map(|_| 0..n).collect() }
    }

    /// The diagonal alone: every state has its own equation.
    pub fn diagonal(n: usize) -> Sparsity {
        Sparsity { n, starts: (0..=n).collect(), rows: (0..n).collect() }
    }

    /// The diagonal, `lower` diagonals below it and `upper` above.
    pub fn banded(n: usize, lower: usize, upper: usize) -> Sparsity {
        let mut starts = Vec::with_capacity(n + 1);
        starts.push(0);
        let mut rows = Vec::new();
        for j in 0..n {
            rows.extend(j.saturating_sub(upper)..j.saturating_add(lower).saturating_add(1).min(n));
            starts.push(rows.len());
        }
        Sparsity { n, starts, rows }
    }

    /// Number of states $n$.
    pub fn dimension(&self) -> usize {
        self.n
    }

    /// Number of entries that can differ from zero.
    pub fn entry_count(&self) -> usize {
        self.rows.len()
    }

    /// The share of the $n^2$ entries that is in the pattern; 1 when there are none at all.
    pub fn density(&self) -> f64 {
        if self.n == 0 { 1.0 } else { self.rows.len() as f64 / (self.n as f64 * self.n as f64) }
    }

    /// Where each column starts among the entries, and the number of entries at the end: $n + 1$ values.
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// The row of each entry, increasing within a column.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// The rows of column `j`, increasing; empty past the last column.
    pub fn column(&self, j: usize) -> &[usize] {
        match (self.starts.get(j), self.starts.get(j + 1)) {
            (Some(&start), Some(&end)) => &self.rows[start..end],
            _ => &[],
        }
    }

    /// The rows of each column in turn.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &[usize]> {
        self.starts.windows(2).map(|ends| &self.rows[ends[0]..ends[1]])
    }

    /// The position of an entry in this pattern's order, or `None` if it is not in the pattern.
    pub fn position(&self, row: usize, column: usize) -> Option<usize> {
        let start = *self.starts.get(column)?;
        self.column(column).binary_search(&row).ok().map(|k| start + k)
    }

    /// The pattern of the transposed matrix.
    pub fn transpose(&self) -> Sparsity {
        let (starts, rows) = turn(self.n, &self.starts, &self.rows);
        Sparsity { n: self.n, starts, rows }
    }
}

fn check_compressed(
    n: usize,
    starts: &[usize],
    indices: &[usize],
    outside: impl Fn(usize, usize) -> SparsityError,
) -> Result<(), SparsityError> {
    let fault = |problem: String| Err(SparsityError::Starts { n, entries: indices.len(), problem });
    if starts.len() != n + 1 {
        return fault(format!("it has {}", starts.len()));
    }
    if starts[0] != 0 {
        return fault(format!("the first is {}", starts[0]));
    }
    if let Some(j) = starts.windows(2).position(|ends| ends[0] > ends[1]) {
        return fault(format!("value {} is {} after {}", j + 1, starts[j + 1], starts[j]));
    }
    if starts[n] != indices.len() {
        return fault(format!("the last is {}", starts[n]));
    }
    for (j, ends) in starts.windows(2).enumerate() {
        if let Some(&index) = indices[ends[0]..ends[1]].iter().find(|&&index| index >= n) {
            return Err(outside(index, j));
        }
    }
    Ok(())
}

/// Values sorted by key, in the given order within a key: where each key starts, and the values.
fn bucket(n: usize, pairs: impl Iterator<Item = (usize, usize)> + Clone) -> (Vec<usize>, Vec<usize>) {
    let mut starts = vec![0; n + 1];
    for (key, _) in pairs.clone() {
        starts[key + 1] += 1;
    }
    for key in 0..n {
        starts[key + 1] += starts[key];
    }
    let mut next = starts.clone();
    let mut values = vec![0; starts[n]];
    for (key, value) in pairs {
        values[next[key]] = value;
        next[key] += 1;
    }
    (starts, values)
}

/// Compressed rows from compressed columns, or the other way round; sorted whatever the order before.
fn turn(n: usize, starts: &[usize], indices: &[usize]) -> (Vec<usize>, Vec<usize>) {
    bucket(n, (0..n).flat_map(|j| indices[starts[j]..starts[j + 1]].iter().map(move |&i| (i, j))))
}

/// The pattern from sorted columns in which an entry may stand more than once.
fn without_repeats(n: usize, mut starts: Vec<usize>, mut rows: Vec<usize>) -> Sparsity {
    let mut kept = 0;
    let mut start = 0;
    for j in 0..n {
        let end = starts[j + 1];
        let first = kept;
        for k in start..end {
            if kept == first || rows[kept - 1] != rows[k] {
                rows[kept] = rows[k];
                kept += 1;
            }
        }
        start = end;
        starts[j + 1] = kept;
    }
    rows.truncate(kept);
    Sparsity { n, starts, rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn entries_in_any_order_and_repeated() {
        let pattern = Sparsity::from_entries(3, &[(2, 1), (0, 0), (2, 0), (2, 1), (1, 2), (0, 0)]).unwrap();
        assert_eq!(pattern.starts(), [0, 2, 3, 4]);
        assert_eq!(pattern.rows(), [0, 2, 2, 1]);
        assert_eq!(pattern.position(2, 0), Some(1));
        assert_eq!(pattern.position(1, 0), None);
        assert_eq!(pattern.position(0, 7), None);
        assert_eq!(pattern.column(7), [0usize; 0]);
        assert_eq!(pattern, Sparsity::from_columns(3, &[0, 3, 4, 5], &[2, 0, 2, 2, 1]).unwrap());
        assert_eq!(pattern, Sparsity::from_rows(3, &[0, 1, 2, 5], &[0, 2, 1, 0, 1]).unwrap());
    }

    #[test]
    fn faults_are_named() {
        let outside = SparsityError::Outside { row: 3, column: 1, n: 3 };
        assert_eq!(Sparsity::from_entries(3, &[(0, 0), (3, 1)]), Err(outside.clone()));
        assert_eq!(Sparsity::from_columns(3, &[0, 0, 1, 1], &[3]), Err(outside.clone()));
        assert_eq!(
            Sparsity::from_rows(3, &[0, 0, 1, 1], &[3]),
            Err(SparsityError::Outside { row: 1, column: 3, n: 3 })
        );
        for starts in [&[0, 1][..], &[1, 1, 1, 1], &[0, 1, 0, 1], &[0, 0, 0, 2], &[]] {
            assert!(matches!(Sparsity::from_columns(3, starts, &[0]), Err(SparsityError::Starts { .. })), "{starts:?}");
        }
    }

    #[test]
    fn transposing_twice_changes_nothing() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for n in [0, 1, 2, 7, 64, 127] {
            let entries: Vec<(usize, usize)> =
                (0..3 * n).map(|_| (rng.random_range(0..n), rng.random_range(0..n))).collect();
            let pattern = Sparsity::from_entries(n, &entries).unwrap();
            let turned = pattern.transpose();
            assert_eq!(turned.transpose(), pattern);
            for (row, column) in entries {
                assert!(pattern.position(row, column).is_some() && turned.position(column, row).is_some());
            }
        }
    }

    #[test]
    fn named_patterns() {
        assert_eq!(Sparsity::dense(3), Sparsity::banded(3, 9, 9));
        assert_eq!(Sparsity::diagonal(4), Sparsity::banded(4, 0, 0));
        assert_eq!(Sparsity::banded(4, 1, 0).rows(), [0, 1, 1, 2, 2, 3, 3]);
        assert_eq!(Sparsity::dense(3).density(), 1.0);
        assert_eq!(Sparsity::diagonal(4).density(), 0.25);
        assert_eq!(Sparsity::dense(0).density(), 1.0);
        assert_eq!(Sparsity::banded(5, 2, 1).columns().map(<[usize]>::len).sum::<usize>(), 16);
    }
}
