//! One run of a system: times and what was measured at each.

use serde::{Deserialize, Serialize};

use super::error::DataError;
use super::place::Place;

/// One run of a system: increasing times, and one row of numbers for each; NaN is a gap.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Trajectory {
    id: String,
    times: Vec<f64>,
    /// Row-major.
    values: Vec<f64>,
    width: usize,
}

/// The stored form: a gap is an absent number, since JSON has no NaN.
#[derive(Serialize, Deserialize)]
struct Stored {
    id: String,
    times: Vec<f64>,
    values: Vec<Option<f64>>,
}

impl From<Trajectory> for Stored {
    fn from(trajectory: Trajectory) -> Self {
        let measured = |value: f64| (!value.is_nan()).then_some(value);
        Self {
            id: trajectory.id,
            times: trajectory.times,
            values: trajectory.values.into_iter().map(measured).collect(),
        }
    }
}

impl TryFrom<Stored> for Trajectory {
    type Error = DataError;

    fn try_from(stored: Stored) -> Result<Self, DataError> {
        let values = stored.values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        Self::from_parts(stored.id, stored.times, values)
    }
}

impl PartialEq for Trajectory {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
        self.id == other.id
            && self.times == other.times
            && self.values.len() == other.values.len()
            && self.values.iter().zip(&other.values).all(same)
    }
}

impl Trajectory {
    /// A trajectory from numbers in memory; `values` is row-major, one row per time, NaN marks a gap.
    ///
    /// An empty id is none; spaces around it are removed. Times and numbers are checked when the trajectory
    /// becomes part of a [`TimeSeries`](super::TimeSeries), where columns have names.
    ///
    /// # Errors
    /// If the number of values is not a multiple of the number of times.
    ///
    /// ```
    /// use ansatz::data::Trajectory;
    ///
    /// let run = Trajectory::new("run 1", &[0.0, 0.1], &[1.0, 2.0, 3.0, f64::NAN])?;
    /// assert_eq!(run.row(0), [1.0, 2.0]);
    /// assert!(run.value(1, 1).is_nan());
    /// # Ok::<(), ansatz::data::DataError>(())
    /// ```
    pub fn new(id: impl Into<String>, times: &[f64], values: &[f64]) -> Result<Self, DataError> {
        Self::from_parts(id.into(), times.to_vec(), values.to_vec())
    }

    pub(super) fn from_parts(id: String, times: Vec<f64>, values: Vec<f64>) -> Result<Self, DataError> {
        let width = values.len().checked_div(times.len()).unwrap_or(0);
        if width * times.len() != values.len() {
            return Err(DataError::WrongLength {
                what: format!("the values of trajectory `{id}`"),
                expected: width * times.len(),
                found: values.len(),
                advice: "hand over one row of columns for each time, row after row, with NaN for a gap",
            });
        }
        Ok(Self { id: id.trim().to_owned(), times, values, width })
    }

    /// What tells this trajectory from the others; empty if it is the only one and has no name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it was measured, increasing.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// The number in row `k` of a column; NaN is a gap.
    ///
    /// # Panics
    /// If there is no such row or column.
    pub fn value(&self, k: usize, column: usize) -> f64 {
        self.row(k)[column]
    }

    /// All numbers measured at time `k`, in the order of the columns; NaN is a gap.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, k: usize) -> &[f64] {
        &self.values[k * self.width..(k + 1) * self.width]
    }

    /// The numbers of one column over time; NaN is a gap.
    pub fn column(&self, column: usize) -> impl Iterator<Item = f64> {
        self.values.iter().skip(column).step_by(self.width.max(1)).copied()
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no row, which in a [`TimeSeries`](super::TimeSeries) never happens.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// How many numbers were measured.
    pub(super) fn observed(&self) -> usize {
        self.values.iter().filter(|value| !value.is_nan()).count()
    }

    pub(super) fn number_if_unnamed(&mut self, number: usize) {
        if self.id.is_empty() {
            self.id = number.to_string();
        }
    }

    /// Only the columns at these positions.
    pub(super) fn select(&self, columns: &[usize]) -> Self {
        let values = (0..self.len()).flat_map(|k| columns.iter().map(move |&column| self.value(k, column)));
        Self { id: self.id.clone(), times: self.times.clone(), values: values.collect(), width: columns.len() }
    }

    /// There is one number for each column, and none is infinite.
    pub(super) fn check_values(&self, columns: &[String], place: &dyn Fn(usize) -> Place) -> Result<(), DataError> {
        if self.width != columns.len() {
            return Err(DataError::WrongLength {
                what: format!("the columns of {}", place(0).origin),
                expected: columns.len(),
                found: self.width,
                advice: "every trajectory needs one number, or NaN, for each named column at each time",
            });
        }
        for k in 0..self.len() {
            for (column, value) in columns.iter().zip(self.row(k)) {
                if value.is_infinite() {
                    return Err(DataError::Infinite {
                        place: place(k),
                        column: column.clone(),
                        value: value.to_string(),
                    });
                }
            }
        }
        Ok(())
    }
}

/// Times are finite, increase, and number at least two. `place` tells where row `k` is.
pub(super) fn check_times(
    id: &str,
    times: &[f64],
    column: &str,
    place: &dyn Fn(usize) -> Place,
) -> Result<(), DataError> {
    for (k, &time) in times.iter().enumerate() {
        if time.is_nan() {
            return Err(DataError::GapInTime { place: place(k), column: column.into() });
        }
        if time.is_infinite() {
            return Err(DataError::Infinite { place: place(k), column: column.into(), value: time.to_string() });
        }
        if k > 0 && time <= times[k - 1] {
            return Err(DataError::TimeNotIncreasing {
                place: place(k),
                column: column.into(),
                time,
                previous_row: place(k - 1).row,
                previous_time: times[k - 1],
                trajectory: id.into(),
                splitter: None,
            });
        }
    }
    Ok(())
}
