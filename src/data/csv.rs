//! Time series from CSV files and back, through polars.

use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{
    CsvReadOptions, CsvWriter, DataFrame, DataType, Field, PolarsResult, QuoteStyle, Schema, SerReader, SerWriter,
};

use super::error::DataError;
use super::frame::{Roles, from_frame};
use super::place::Origin;
use super::scan::{Dialect, Scan, line_ends, scan};
use super::time_series::TimeSeries;
use crate::model::nearest_name;

/// Reads a CSV file whose columns or separator need saying; made by [`TimeSeries::csv`].
#[derive(Clone, Debug)]
#[must_use = "nothing is read before `read`"]
pub struct CsvReader {
    path: PathBuf,
    roles: Roles,
    dialect: Dialect,
}

impl TimeSeries {
    /// Reads a CSV file whose first column is time and whose other columns are states.
    ///
    /// The file starts with a header. Lines starting with `#` and blank lines are skipped; a cell that is empty,
    /// `NA`, `NaN` or `null` is a gap, except in time. Cells may be quoted (RFC 4180). Use [`TimeSeries::csv`] to
    /// choose columns, separator and comment mark, or to read several trajectories.
    ///
    /// # Errors
    /// If the file cannot be read or is not a table of numbers at increasing times. Errors name line and column.
    ///
    /// ```
    /// use ansatz::data::TimeSeries;
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let path = directory.path().join("pelts.csv");
    /// std::fs::write(&path, "# thousands of pelts\nyear,hare,lynx\n1900,30,4\n1901,47.2,\n")?;
    /// let data = TimeSeries::read_csv(&path)?;
    /// assert_eq!(data.columns(), ["hare", "lynx"]);
    /// assert_eq!(data.trajectories()[0].times(), [1900.0, 1901.0]);
    /// assert!(data.trajectories()[0].value(1, 1).is_nan());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_csv(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::csv(path).read()
    }

    /// Starts reading a CSV file with options; [`read`](CsvReader::read) ends it.
    ///
    /// ```
    /// use ansatz::data::TimeSeries;
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let path = directory.path().join("growth.csv");
    /// std::fs::write(&path, "run;day;mass;note\na;0;1.5;\nb;0;1.4;wet\na;1;1.9;\nb;2;2.2;\n")?;
    /// let data = TimeSeries::csv(&path).separator(b';').time("day").id("run").columns(["mass"]).read()?;
    /// assert_eq!(data.trajectories()[1].id(), "b");
    /// assert_eq!(data.trajectories()[1].times(), [0.0, 2.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn csv(path: impl AsRef<Path>) -> CsvReader {
        CsvReader {
            path: path.as_ref().to_path_buf(),
            roles: Roles::default(),
            dialect: Dialect { separator: b',', comment: "#".into() },
        }
    }

    /// Writes a CSV file: time, the id if there are several trajectories or one with a name, then the states; gaps
    /// are empty cells.
    ///
    /// Numbers are written with as many digits as it takes to read the same bits back. Units are not written.
    ///
    /// # Errors
    /// If the file cannot be written.
    ///
    /// ```
    /// use ansatz::data::TimeSeries;
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let path = directory.path().join("copy.csv");
    /// let data = TimeSeries::new(["x"], &[0.0, 0.1, 0.3], &[1.0 / 3.0, f64::NAN, 1e-300])?;
    /// data.write_csv(&path)?;
    /// assert_eq!(std::fs::read_to_string(&path)?, "t,x\n0.0,0.3333333333333333\n0.1,\n0.3,1e-300\n");
    /// assert_eq!(TimeSeries::read_csv(&path)?, data);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<(), DataError> {
        let path = path.as_ref();
        // Quoted, a header that begins like a comment is not taken for one.
        let looks_like_comment = self.time_name().starts_with('#');
        let style = if looks_like_comment { QuoteStyle::NonNumeric } else { QuoteStyle::Necessary };
        let mut text = Vec::new();
        CsvWriter::new(&mut text)
            .with_quote_style(style)
            .finish(&mut self.to_data_frame()?)
            .map_err(|refusal| refused(path, &refusal.to_string()))?;
        fs::write(path, text).map_err(|cause| DataError::Unwritable { path: path.into(), cause })
    }
}

impl CsvReader {
    /// The column that is time; without this, the first one (that is not the id).
    pub fn time(mut self, column: impl Into<String>) -> Self {
        self.roles.time = Some(column.into());
        self
    }

    /// The column that tells trajectories apart, by numbers or by words. Rows of different trajectories may
    /// alternate. Without this, all rows are one trajectory.
    pub fn id(mut self, column: impl Into<String>) -> Self {
        self.roles.id = Some(column.into());
        self
    }

    /// The columns to read as states, in this order; without this, all besides time and id.
    pub fn columns(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.roles.states = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// What separates cells; without this, a comma. With `b' '`, any run of spaces and tabs.
    pub fn separator(mut self, separator: u8) -> Self {
        self.dialect.separator = separator;
        self
    }

    /// What lines to be skipped start with; without this, `#`. Empty: no line is a comment.
    pub fn comment(mut self, mark: impl Into<String>) -> Self {
        self.dialect.comment = mark.into();
        self
    }

    /// Reads the file.
    ///
    /// # Errors
    /// As for [`TimeSeries::read_csv`]; and if a column asked for is not there, or asked for twice.
    pub fn read(&self) -> Result<TimeSeries, DataError> {
        let path = &self.path;
        let bytes = fs::read(path).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => not_found(path),
            _ => DataError::Unreadable { path: path.clone(), cause },
        })?;
        let Scan { header, rows, lines } = scan(decode(&bytes, path)?, &self.dialect, path)?;
        let frame = read_text_frame(&header, rows).map_err(|refusal| refused(path, &refusal.to_string()))?;
        if frame.height() != lines.len() {
            let message = format!("it found {} rows where there are {}", frame.height(), lines.len());
            return Err(refused(path, &message));
        }
        from_frame(&frame, &Origin::File(path.clone()), &|k| lines[k], &self.roles)
    }
}

/// Every cell as text: polars would infer types from the first hundred rows and reject what comes later.
fn read_text_frame(header: &[String], rows: Vec<u8>) -> PolarsResult<DataFrame> {
    let fields = header.iter().map(|name| Field::new(name.as_str().into(), DataType::String));
    let schema = Schema::from_iter(fields);
    if rows.is_empty() {
        return Ok(DataFrame::empty_with_schema(&schema));
    }
    CsvReadOptions::default()
        .with_has_header(false)
        .with_schema(Some(Arc::new(schema)))
        .into_reader_with_file_handle(Cursor::new(rows))
        .finish()
}

fn refused(path: &Path, message: &str) -> DataError {
    DataError::Polars { origin: Origin::File(path.into()), message: message.into() }
}

/// The text of a file, without the mark that some editors start UTF-8 with.
fn decode<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a str, DataError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (valid, rest) = bytes.split_at(error.valid_up_to());
        DataError::InvalidUtf8 {
            path: path.into(),
            line: 1 + line_ends(&String::from_utf8_lossy(valid)),
            byte: rest.first().copied().unwrap_or_default(),
            utf16: bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]),
        }
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Looks around for the file that was probably meant.
fn not_found(path: &Path) -> DataError {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let directory = absolute.parent().unwrap_or(&absolute).to_path_buf();
    let names: Vec<String> = fs::read_dir(&directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let wanted = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    DataError::NotFound {
        path: path.into(),
        directory_exists: directory.is_dir(),
        directory,
        similar: nearest_name(&wanted, names.iter().map(String::as_str)).map(Into::into),
    }
}
