//! Measured time series: named columns, increasing times, gaps, one trajectory or several.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::DataError;
use super::place::{Origin, Place};
use super::trajectory::{Trajectory, check_times};
use crate::model::nearest_name;

/// Measurements of one system: named columns, seen along one [`Trajectory`] or several.
///
/// Times increase strictly within a trajectory and need not be evenly spaced. Every number is finite or a gap
/// (NaN); every column holds at least one number; there are at least two times per trajectory.
///
/// Two series are equal if columns, units and trajectories are, wherever they came from; a gap equals a gap.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct TimeSeries {
    columns: Vec<String>,
    time_name: String,
    id_name: String,
    time_unit: String,
    units: Vec<String>,
    trajectories: Vec<Trajectory>,
    source: Option<PathBuf>,
}

/// What a stored series claims to be, before it is checked.
#[derive(Deserialize)]
struct Unchecked {
    columns: Vec<String>,
    time_name: String,
    id_name: String,
    time_unit: String,
    units: Vec<String>,
    trajectories: Vec<Trajectory>,
    source: Option<PathBuf>,
}

impl TryFrom<Unchecked> for TimeSeries {
    type Error = DataError;

    fn try_from(stored: Unchecked) -> Result<Self, DataError> {
        let mut names = vec![stored.time_name.clone(), stored.id_name.clone()];
        names.extend_from_slice(&stored.columns);
        check_names(&names, &Origin::Memory)?;
        let mut series =
            Self::from_trajectories(stored.columns, stored.trajectories)?.with_units(stored.time_unit, stored.units)?;
        series.time_name = stored.time_name;
        series.id_name = stored.id_name;
        series.source = stored.source;
        Ok(series)
    }
}

impl PartialEq for TimeSeries {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns
            && self.time_name == other.time_name
            && self.time_unit == other.time_unit
            && self.units == other.units
            && self.trajectories == other.trajectories
    }
}

impl TimeSeries {
    /// A single trajectory from numbers in memory.
    ///
    /// `values` is row-major, one row of `columns` per time; NaN marks a gap. The time is called `t`.
    ///
    /// # Errors
    /// If lengths do not match, names repeat or are empty, times do not increase, there are fewer than two, a
    /// number is infinite, or a column holds only gaps.
    ///
    /// ```
    /// use ansatz::data::TimeSeries;
    ///
    /// let data = TimeSeries::new(["x", "y"], &[0.0, 0.5], &[1.0, 2.0, 3.0, f64::NAN])?;
    /// assert_eq!(data.trajectories()[0].row(0), [1.0, 2.0]);
    /// # Ok::<(), ansatz::data::DataError>(())
    /// ```
    pub fn new(
        columns: impl IntoIterator<Item = impl Into<String>>,
        times: &[f64],
        values: &[f64],
    ) -> Result<Self, DataError> {
        let columns: Vec<String> = columns.into_iter().map(Into::into).collect();
        // Counted here, where the number of columns is known, for the sake of a better message.
        let expected = times.len() * columns.len();
        if values.len() != expected {
            return Err(DataError::WrongLength {
                what: "the values".into(),
                expected,
                found: values.len(),
                advice: "hand over one row of columns for each time, row after row, with NaN for a gap",
            });
        }
        Self::from_trajectories(columns, vec![Trajectory::new("", times, values)?])
    }

    /// Several trajectories of the same columns.
    ///
    /// Trajectories without an id are numbered from one, unless there is only one. The time is called `t`, the
    /// id `trajectory`.
    ///
    /// # Errors
    /// As for [`TimeSeries::new`], for each trajectory; and if two have the same id or there is none at all.
    ///
    /// ```
    /// use ansatz::data::{TimeSeries, Trajectory};
    ///
    /// let cold = Trajectory::new("cold", &[0.0, 1.0, 2.0], &[5.0, 5.5, 6.1])?;
    /// let warm = Trajectory::new("warm", &[0.0, 0.7], &[5.0, 9.3])?;
    /// let data = TimeSeries::from_trajectories(["mass"], vec![cold, warm])?;
    /// assert_eq!(data.len(), 5);
    /// assert_eq!(data.trajectories()[1].id(), "warm");
    /// # Ok::<(), ansatz::data::DataError>(())
    /// ```
    pub fn from_trajectories(
        columns: impl IntoIterator<Item = impl Into<String>>,
        mut trajectories: Vec<Trajectory>,
    ) -> Result<Self, DataError> {
        let columns: Vec<String> = columns.into_iter().map(|name| name.into().trim().to_owned()).collect();
        check_names(&columns, &Origin::Memory)?;
        if columns.is_empty() {
            return Err(DataError::NoStates { origin: Origin::Memory, id: false });
        }
        if trajectories.is_empty() {
            return Err(DataError::TooFewRows { origin: Origin::Memory, trajectory: None, rows: 0 });
        }
        if trajectories.len() > 1 {
            for (k, trajectory) in trajectories.iter_mut().enumerate() {
                trajectory.number_if_unnamed(k + 1);
            }
        }
        let mut ids = HashSet::new();
        for trajectory in &trajectories {
            if !ids.insert(trajectory.id()) {
                return Err(DataError::DuplicateTrajectory { id: trajectory.id().into() });
            }
            let origin = match trajectory.id() {
                "" => Origin::Memory,
                id => Origin::Trajectory(id.into()),
            };
            let place = |row: usize| Place { origin: origin.clone(), row: row + 1 };
            check_enough(trajectory.id(), trajectory.len(), &Origin::Memory)?;
            check_times(trajectory.id(), trajectory.times(), "t", &place)?;
            trajectory.check_values(&columns, &place)?;
        }
        let series = Self {
            time_name: free_name("t", &columns),
            id_name: free_name("trajectory", &columns),
            time_unit: String::new(),
            units: vec![String::new(); columns.len()],
            columns,
            trajectories,
            source: None,
        };
        series.check_observed(Origin::Memory)?;
        Ok(series)
    }

    /// A series whose parts have been checked row by row where they were read.
    #[cfg(feature = "data")]
    pub(super) fn from_checked(
        columns: Vec<String>,
        time_name: String,
        id_name: Option<String>,
        trajectories: Vec<Trajectory>,
        origin: Origin,
    ) -> Result<Self, DataError> {
        let source = match &origin {
            Origin::File(path) => Some(path.clone()),
            _ => None,
        };
        let series = Self {
            id_name: id_name.unwrap_or_else(|| free_name("trajectory", &columns)),
            time_name,
            time_unit: String::new(),
            units: vec![String::new(); columns.len()],
            columns,
            trajectories,
            source,
        };
        series.check_observed(origin)?;
        Ok(series)
    }

    fn check_observed(&self, origin: Origin) -> Result<(), DataError> {
        for (column, name) in self.columns.iter().enumerate() {
            if self.trajectories.iter().all(|trajectory| trajectory.column(column).all(f64::is_nan)) {
                return Err(DataError::OnlyGaps { origin, column: name.clone() });
            }
        }
        Ok(())
    }

    /// The names of the measured columns, in order; time and id are not among them.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The name of the time column.
    pub fn time_name(&self) -> &str {
        &self.time_name
    }

    /// The name of the id column, used when there are several trajectories.
    pub fn id_name(&self) -> &str {
        &self.id_name
    }

    /// The trajectories, in order of first appearance.
    pub fn trajectories(&self) -> &[Trajectory] {
        &self.trajectories
    }

    /// The number of rows, in all trajectories together.
    pub fn len(&self) -> usize {
        self.trajectories.iter().map(Trajectory::len).sum()
    }

    /// Always `false`: a series has at least two rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many numbers were measured: rows times columns, less the gaps.
    pub fn observed(&self) -> usize {
        self.trajectories.iter().map(Trajectory::observed).sum()
    }

    /// The position of the column of this name among [`columns`](Self::columns).
    ///
    /// # Errors
    /// If there is none: the error names the most similar one and lists all.
    ///
    /// ```
    /// use ansatz::data::TimeSeries;
    ///
    /// let data = TimeSeries::new(["hare", "lynx"], &[0.0, 1.0], &[30.0, 4.0, 47.2, 6.1])?;
    /// assert_eq!(data.column("lynx")?, 1);
    /// assert!(data.column("hair").unwrap_err().to_string().contains("did you mean `hare`?"));
    /// # Ok::<(), ansatz::data::DataError>(())
    /// ```
    pub fn column(&self, name: &str) -> Result<usize, DataError> {
        position(name, &self.columns, || self.origin())
    }

    /// Only these columns, in this order; all rows stay.
    ///
    /// # Errors
    /// If a column is not there or asked for twice, or none is asked for.
    ///
    /// ```
    /// use ansatz::data::TimeSeries;
    ///
    /// let data = TimeSeries::new(["hare", "lynx"], &[0.0, 1.0], &[30.0, 4.0, 47.2, 6.1])?;
    /// let lynx = data.select(["lynx"])?;
    /// assert_eq!(lynx.trajectories()[0].column(0).collect::<Vec<_>>(), [4.0, 6.1]);
    /// # Ok::<(), ansatz::data::DataError>(())
    /// ```
    pub fn select(&self, columns: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, DataError> {
        let mut kept: Vec<usize> = Vec::new();
        for name in columns {
            let column = self.column(name.as_ref())?;
            if kept.contains(&column) {
                return Err(DataError::ColumnUsedTwice {
                    origin: self.origin(),
                    column: name.as_ref().into(),
                    first: "state",
                    second: "state",
                });
            }
            kept.push(column);
        }
        if kept.is_empty() {
            return Err(DataError::NoStates { origin: self.origin(), id: false });
        }
        Ok(Self {
            columns: kept.iter().map(|&column| self.columns[column].clone()).collect(),
            units: kept.iter().map(|&column| self.units[column].clone()).collect(),
            trajectories: self.trajectories.iter().map(|trajectory| trajectory.select(&kept)).collect(),
            time_name: self.time_name.clone(),
            id_name: self.id_name.clone(),
            time_unit: self.time_unit.clone(),
            source: self.source.clone(),
        })
    }

    /// The same series with units, which label plots: `hare (thousand pelts)`. An empty unit means none.
    ///
    /// Units are for people; no number is converted, and a CSV file does not keep them.
    ///
    /// # Errors
    /// If there are more or fewer units than columns.
    ///
    /// ```
    /// use ansatz::data::TimeSeries;
    ///
    /// let data = TimeSeries::new(["hare"], &[1900.0, 1901.0], &[30.0, 47.2])?.with_units("a", ["thousand pelts"])?;
    /// assert_eq!(data.label(0), "hare (thousand pelts)");
    /// assert_eq!(data.time_label(), "t (a)");
    /// # Ok::<(), ansatz::data::DataError>(())
    /// ```
    pub fn with_units(
        mut self,
        time_unit: impl Into<String>,
        units: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, DataError> {
        let units: Vec<String> = units.into_iter().map(Into::into).collect();
        if units.len() != self.columns.len() {
            return Err(DataError::WrongLength {
                what: "the units".into(),
                expected: self.columns.len(),
                found: units.len(),
                advice: "give one unit for each column besides time, \"\" for a number without unit",
            });
        }
        self.time_unit = time_unit.into();
        self.units = units;
        Ok(self)
    }

    /// The unit of each column, empty where none is known.
    pub fn units(&self) -> &[String] {
        &self.units
    }

    /// The unit of time, empty if none is known.
    pub fn time_unit(&self) -> &str {
        &self.time_unit
    }

    /// What to write at the axis of a column: its name, with the unit in parentheses.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn label(&self, column: usize) -> String {
        label(&self.columns[column], &self.units[column])
    }

    /// What to write at the time axis: its name, with the unit in parentheses.
    pub fn time_label(&self) -> String {
        label(&self.time_name, &self.time_unit)
    }

    /// The file the series was read from.
    pub fn source(&self) -> Option<&Path> {
        self.source.as_deref()
    }

    fn origin(&self) -> Origin {
        self.source.clone().map_or(Origin::Memory, Origin::File)
    }
}

fn label(name: &str, unit: &str) -> String {
    match unit {
        "" => name.into(),
        unit => format!("{name} ({unit})"),
    }
}

/// A name that no column has: the one wished for, or that with underscores.
fn free_name(wish: &str, columns: &[String]) -> String {
    let mut name = wish.to_owned();
    while columns.contains(&name) {
        name.push('_');
    }
    name
}

/// A trajectory has at least two rows.
pub(super) fn check_enough(id: &str, rows: usize, origin: &Origin) -> Result<(), DataError> {
    if rows < 2 {
        let trajectory = (!id.is_empty()).then(|| id.to_owned());
        return Err(DataError::TooFewRows { origin: origin.clone(), trajectory, rows });
    }
    Ok(())
}

/// The position of a name among columns, or the error that suggests another.
pub(super) fn position(name: &str, columns: &[String], origin: impl Fn() -> Origin) -> Result<usize, DataError> {
    let wanted = name.trim();
    columns.iter().position(|column| column == wanted).ok_or_else(|| DataError::UnknownColumn {
        origin: origin(),
        name: name.into(),
        nearest: nearest_name(name, columns.iter().map(String::as_str)).map(Into::into),
        columns: columns.to_vec(),
    })
}

/// Every column has a name of its own.
pub(super) fn check_names(names: &[String], origin: &Origin) -> Result<(), DataError> {
    for (k, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(DataError::UnnamedColumn { origin: origin.clone(), position: k + 1 });
        }
        if let Some(first) = names[..k].iter().position(|earlier| earlier == name) {
            return Err(DataError::DuplicateColumn {
                origin: origin.clone(),
                column: name.clone(),
                first: first + 1,
                second: k + 1,
            });
        }
    }
    Ok(())
}
