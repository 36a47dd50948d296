//! Initial states or parameters of an ensemble: the same for all trajectories, or a row for each.

use crate::ode::SolveError;

/// The same numbers for every trajectory, or a row for each.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rows {
    Shared(Vec<f64>),
    Each {
        values: Vec<f64>,
        /// Length of the first row.
        width: usize,
        count: usize,
        /// The first row of another length: which, and its length.
        ragged: Option<(usize, usize)>,
    },
}

impl Rows {
    pub fn each<R: AsRef<[f64]>>(rows: impl IntoIterator<Item = R>) -> Rows {
        let (mut values, mut width, mut count, mut ragged) = (Vec::new(), 0, 0, None);
        for row in rows {
            let row = row.as_ref();
            if count == 0 {
                width = row.len();
            } else if row.len() != width && ragged.is_none() {
                ragged = Some((count, row.len()));
            }
            values.extend_from_slice(row);
            count += 1;
        }
        Rows::Each { values, width, count, ragged }
    }

    /// The numbers of trajectory `k`.
    pub fn of(&self, k: usize) -> &[f64] {
        match self {
            Rows::Shared(values) => values,
            Rows::Each { values, width, .. } => &values[k * width..(k + 1) * width],
        }
    }

    /// Number of rows, where there is one for each trajectory.
    pub fn count(&self) -> Option<usize> {
        match self {
            Rows::Shared(_) => None,
            Rows::Each { count, .. } => Some(*count),
        }
    }

    /// Length of each row.
    ///
    /// # Errors
    /// [`SolveError::Argument`] for rows of different lengths.
    pub fn width(&self, argument: &'static str) -> Result<usize, SolveError> {
        match self {
            Rows::Shared(values) => Ok(values.len()),
            Rows::Each { width, ragged: None, .. } => Ok(*width),
            Rows::Each { width, ragged: Some((row, found)), .. } => Err(SolveError::Argument {
                argument,
                problem: format!("has {found} values in row {row} and {width} in row 0"),
                advice: "give rows of one length, counted from row 0".to_string(),
            }),
        }
    }
}
