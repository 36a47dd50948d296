//! A polars data frame, of text or of numbers, as a time series, and back.

use std::collections::HashMap;

use polars::prelude::{Column, DataFrame, DataType};

use super::error::DataError;
use super::place::{Origin, Place, Splitter};
use super::time_series::{TimeSeries, check_enough, check_names, position};
use super::trajectory::{Trajectory, check_times};

/// What the columns are used for.
#[derive(Clone, Debug, Default)]
pub(super) struct Roles {
    /// The first column that is not the id, if not named.
    pub(super) time: Option<String>,
    /// All rows are one trajectory, if not named.
    pub(super) id: Option<String>,
    /// All columns besides time and id, if not named.
    pub(super) states: Option<Vec<String>>,
}

impl TimeSeries {
    /// A single trajectory from a polars data frame: the first column is time, the others are states.
    ///
    /// Columns may be numbers or text that reads as numbers; null, NaN, and in text `NA`, `NaN` and `null`, are
    /// gaps.
    ///
    /// # Errors
    /// As for a CSV file, with rows counted from one.
    ///
    /// ```
    /// use ansatz::data::TimeSeries;
    /// use polars::prelude::*;
    ///
    /// let frame = df!("t" => [0.0, 1.0], "x" => [Some(3), None], "y" => ["0.5", "1e-3"]).unwrap();
    /// let data = TimeSeries::from_data_frame(&frame)?;
    /// assert_eq!(data.columns(), ["x", "y"]);
    /// assert_eq!(data.observed(), 3);
    /// # Ok::<(), ansatz::data::DataError>(())
    /// ```
    pub fn from_data_frame(frame: &DataFrame) -> Result<Self, DataError> {
        from_frame(frame, &Origin::DataFrame, &|k| k + 1, &Roles::default())
    }

    /// Trajectories from a polars data frame, told apart by the column `id`; the first other column is time.
    ///
    /// # Errors
    /// As for a CSV file, with rows counted from one.
    ///
    /// ```
    /// use ansatz::data::TimeSeries;
    /// use polars::prelude::*;
    ///
    /// let frame = df!("run" => ["a", "b", "a", "b"], "t" => [0, 0, 1, 2], "x" => [3.0, 4.0, 5.0, 6.0]).unwrap();
    /// let data = TimeSeries::from_data_frame_with_id(&frame, "run")?;
    /// assert_eq!(data.trajectories()[1].times(), [0.0, 2.0]);
    /// # Ok::<(), ansatz::data::DataError>(())
    /// ```
    pub fn from_data_frame_with_id(frame: &DataFrame, id: &str) -> Result<Self, DataError> {
        let roles = Roles { id: Some(id.into()), ..Roles::default() };
        from_frame(frame, &Origin::DataFrame, &|k| k + 1, &roles)
    }

    /// A polars data frame: time, the id if there are several trajectories or one with a name, then the states;
    /// gaps are null.
    ///
    /// # Errors
    /// If polars refuses, which it has no reason to.
    ///
    /// ```
    /// use ansatz::data::TimeSeries;
    ///
    /// let data = TimeSeries::new(["x"], &[0.0, 1.0], &[3.0, f64::NAN])?;
    /// let frame = data.to_data_frame()?;
    /// assert_eq!(frame.shape(), (2, 2));
    /// assert_eq!(frame.column("x").unwrap().null_count(), 1);
    /// # Ok::<(), ansatz::data::DataError>(())
    /// ```
    pub fn to_data_frame(&self) -> Result<DataFrame, DataError> {
        let runs = self.trajectories();
        let times: Vec<f64> = runs.iter().flat_map(Trajectory::times).copied().collect();
        let mut columns = vec![Column::new(self.time_name().into(), times)];
        if runs.len() > 1 || runs.iter().any(|run| !run.id().is_empty()) {
            let ids: Vec<&str> = runs.iter().flat_map(|run| std::iter::repeat_n(run.id(), run.len())).collect();
            columns.push(Column::new(self.id_name().into(), ids));
        }
        for (k, name) in self.columns().iter().enumerate() {
            let measured = |value: f64| (!value.is_nan()).then_some(value);
            let values: Vec<Option<f64>> = runs.iter().flat_map(|run| run.column(k)).map(measured).collect();
            columns.push(Column::new(name.as_str().into(), values));
        }
        DataFrame::new(self.len(), columns)
            .map_err(|refusal| DataError::Polars { origin: Origin::DataFrame, message: refusal.to_string() })
    }
}

/// The one way in, for files and data frames alike. `row_number` gives the number people know row `k` by.
pub(super) fn from_frame(
    frame: &DataFrame,
    origin: &Origin,
    row_number: &dyn Fn(usize) -> usize,
    roles: &Roles,
) -> Result<TimeSeries, DataError> {
    let reader = FrameReader { frame, origin, row_number };
    let names: Vec<String> = frame.get_column_names().iter().map(|name| name.trim().to_owned()).collect();
    check_names(&names, origin)?;
    let (time, id, states) = assign(&names, roles, origin)?;
    if frame.height() == 0 {
        return Err(DataError::TooFewRows { origin: origin.clone(), trajectory: None, rows: 0 });
    }

    // Times first: a jump back in time is best explained by an id column, which as a state would be a word.
    let times = reader.numbers(time, &names[time])?;
    let groups = match id {
        Some(id) => group(&reader.ids(id, &names[id])?),
        None => vec![(String::new(), (0..frame.height()).collect())],
    };
    for (run, rows) in &groups {
        check_enough(run, rows.len(), origin)?;
        let own: Vec<f64> = rows.iter().map(|&row| times[row]).collect();
        let place = |k: usize| reader.place(rows[k]);
        check_times(run, &own, &names[time], &place).map_err(|error| match error {
            DataError::TimeNotIncreasing {
                place, column, time: at, previous_row, previous_time, trajectory, ..
            } if id.is_none() => {
                let splitter = reader.splitter(time, &names, &times).map(Box::new);
                DataError::TimeNotIncreasing {
                    place,
                    column,
                    time: at,
                    previous_row,
                    previous_time,
                    trajectory,
                    splitter,
                }
            }
            other => other,
        })?;
    }

    let measured: Vec<Vec<f64>> =
        states.iter().map(|&state| reader.numbers(state, &names[state])).collect::<Result<_, _>>()?;
    let trajectories = groups
        .into_iter()
        .map(|(run, rows)| {
            let values = rows.iter().flat_map(|&row| measured.iter().map(move |column| column[row])).collect();
            Trajectory::from_parts(run, rows.iter().map(|&row| times[row]).collect(), values)
        })
        .collect::<Result<_, _>>()?;
    let columns = states.iter().map(|&state| names[state].clone()).collect();
    TimeSeries::from_checked(columns, names[time].clone(), id.map(|id| names[id].clone()), trajectories, origin.clone())
}

/// The positions of time, id and states.
fn assign(names: &[String], roles: &Roles, origin: &Origin) -> Result<(usize, Option<usize>, Vec<usize>), DataError> {
    let find = |name: &String| position(name, names, || origin.clone());
    let id = roles.id.as_ref().map(find).transpose()?;
    let no_states = || DataError::NoStates { origin: origin.clone(), id: id.is_some() };
    let time = match &roles.time {
        Some(name) => find(name)?,
        None => (0..names.len()).find(|&column| Some(column) != id).ok_or_else(no_states)?,
    };
    let states: Vec<usize> = match &roles.states {
        Some(states) => states.iter().map(find).collect::<Result<_, _>>()?,
        None => (0..names.len()).filter(|&column| column != time && Some(column) != id).collect(),
    };
    let mut uses = vec![(time, "time")];
    uses.extend(id.map(|id| (id, "id")));
    uses.extend(states.iter().map(|&state| (state, "state")));
    for (k, &(column, second)) in uses.iter().enumerate() {
        if let Some(&(_, first)) = uses[..k].iter().find(|(earlier, _)| *earlier == column) {
            return Err(DataError::ColumnUsedTwice {
                origin: origin.clone(),
                column: names[column].clone(),
                first,
                second,
            });
        }
    }
    if states.is_empty() {
        return Err(no_states());
    }
    Ok((time, id, states))
}

/// The rows of each id, in order of first appearance.
fn group(ids: &[String]) -> Vec<(String, Vec<usize>)> {
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (row, id) in ids.iter().enumerate() {
        let next = groups.len();
        let group = *known.entry(id).or_insert(next);
        if group == next {
            groups.push((id.clone(), Vec::new()));
        }
        groups[group].1.push(row);
    }
    groups
}

/// A number, NaN for a gap, or nothing for a word.
pub(super) fn parse_number(cell: &str) -> Option<f64> {
    let cell = cell.trim();
    let is_gap = cell.is_empty() || ["NA", "NaN", "null"].iter().any(|gap| cell.eq_ignore_ascii_case(gap));
    if is_gap { Some(f64::NAN) } else { cell.parse().ok() }
}

struct FrameReader<'a> {
    frame: &'a DataFrame,
    origin: &'a Origin,
    row_number: &'a dyn Fn(usize) -> usize,
}

impl FrameReader<'_> {
    fn place(&self, row: usize) -> Place {
        Place { origin: self.origin.clone(), row: (self.row_number)(row) }
    }

    fn refused(&self, refusal: polars::error::PolarsError) -> DataError {
        DataError::Polars { origin: self.origin.clone(), message: refusal.to_string() }
    }

    /// The numbers of a column, NaN for gaps.
    fn numbers(&self, position: usize, name: &str) -> Result<Vec<f64>, DataError> {
        let column = &self.frame.columns()[position];
        let infinite =
            |row: usize, value: String| DataError::Infinite { place: self.place(row), column: name.into(), value };
        let mut numbers = Vec::with_capacity(column.len());
        match column.dtype() {
            DataType::String => {
                let cells = column.str().map_err(|refusal| self.refused(refusal))?;
                for (row, cell) in cells.iter().enumerate() {
                    let cell = cell.unwrap_or_default().trim();
                    let number = parse_number(cell).ok_or_else(|| DataError::NotANumber {
                        place: self.place(row),
                        column: name.into(),
                        value: cell.into(),
                        numbers: cells.iter().flatten().filter_map(parse_number).filter(|x| !x.is_nan()).count(),
                    })?;
                    if number.is_infinite() {
                        return Err(infinite(row, cell.into()));
                    }
                    numbers.push(number);
                }
            }
            DataType::Null => numbers.resize(column.len(), f64::NAN),
            kind if kind.is_primitive_numeric() => {
                let floats = column.cast(&DataType::Float64).map_err(|refusal| self.refused(refusal))?;
                for (row, number) in floats.f64().map_err(|refusal| self.refused(refusal))?.iter().enumerate() {
                    let number = number.unwrap_or(f64::NAN);
                    if number.is_infinite() {
                        return Err(infinite(row, number.to_string()));
                    }
                    numbers.push(number);
                }
            }
            kind => {
                return Err(DataError::NotNumeric {
                    origin: self.origin.clone(),
                    column: name.into(),
                    data_type: kind.to_string(),
                });
            }
        }
        Ok(numbers)
    }

    /// The cells of a column as text, empty where there is nothing.
    fn texts(&self, position: usize) -> Result<Vec<String>, DataError> {
        let column = self.frame.columns()[position].cast(&DataType::String).map_err(|refusal| self.refused(refusal))?;
        let cells = column.str().map_err(|refusal| self.refused(refusal))?;
        Ok(cells.iter().map(|cell| cell.unwrap_or_default().trim().to_owned()).collect())
    }

    fn ids(&self, position: usize, name: &str) -> Result<Vec<String>, DataError> {
        let ids = self.texts(position)?;
        match ids.iter().position(String::is_empty) {
            Some(row) => Err(DataError::GapInId { place: self.place(row), column: name.into() }),
            None => Ok(ids),
        }
    }

    /// A column that looks like the id of trajectories: best one that is called so and makes all times increase,
    /// then one that makes them increase, then one that is only called so.
    fn splitter(&self, time: usize, names: &[String], times: &[f64]) -> Option<Splitter> {
        let mut candidates: Vec<(bool, Splitter)> = Vec::new();
        for column in (0..names.len()).filter(|&column| column != time) {
            let Ok(ids) = self.texts(column) else {
                continue;
            };
            // A quantity is measured, so it has gaps and fractions; an id has neither.
            let is_measured = |id: &String| parse_number(id).is_some_and(|number| number.fract() != 0.0);
            if ids.iter().any(is_measured) {
                continue;
            }
            let groups = group(&ids);
            let increases = |rows: &[usize]| rows.windows(2).all(|pair| times[pair[0]] < times[pair[1]]);
            let increasing = groups.iter().all(|(_, rows)| rows.len() > 1 && increases(rows));
            let called_so = is_called_like_an_id(&names[column]);
            if groups.len() > 1 && (increasing || called_so) {
                let splitter = Splitter { column: names[column].clone(), trajectories: groups.len(), increasing };
                candidates.push((called_so, splitter));
            }
        }
        let preference = |(called_so, splitter): &(bool, Splitter)| {
            (!(*called_so && splitter.increasing), !splitter.increasing, splitter.trajectories)
        };
        candidates.into_iter().min_by_key(preference).map(|(_, splitter)| splitter)
    }
}

fn is_called_like_an_id(name: &str) -> bool {
    const NAMES: [&str; 14] = [
        "id",
        "run",
        "trajectory",
        "experiment",
        "replicate",
        "subject",
        "patient",
        "individual",
        "sample",
        "series",
        "group",
        "batch",
        "trial",
        "site",
    ];
    let name = name.to_lowercase();
    let last_word = name.rsplit([' ', '_', '-', '.']).next().unwrap_or_default();
    NAMES.contains(&name.as_str()) || ["id", "number", "no"].contains(&last_word)
}
