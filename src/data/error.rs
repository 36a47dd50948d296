//! What can be wrong with data: each error says what and where it is, the likely cause, and what to try.

use std::io;
use std::path::PathBuf;

use super::advice::{counted, list, ordinal, separator_code, separator_name, shortened, time_advice, word_advice};
use super::place::{Origin, Place, Splitter};

/// Why data could not be read, checked, selected or written.
///
/// The variants carry where and what, for programs; the message is a sentence with advice, for people.
///
/// ```
/// use ansatz::data::{DataError, TimeSeries};
///
/// let data = TimeSeries::new(["hare", "lynx"], &[0.0, 1.0], &[30.0, 4.0, 47.2, 6.1])?;
/// let error = data.column("lnyx").unwrap_err();
/// assert!(matches!(&error, DataError::UnknownColumn { nearest: Some(near), .. } if near == "lynx"));
/// assert!(error.to_string().contains("did you mean `lynx`?"));
/// # Ok::<(), DataError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// There is no such file.
    #[error("there is no file {}: looked in {}{}", path.display(), directory.display(), if let Some(name) = similar {
        format!(", where there is a `{name}`; did you mean that one?")
    } else if *directory_exists {
        ", and nothing there has a similar name; check the spelling, and that the program runs in the directory you \
         think it does".into()
    } else {
        ", a directory that does not exist either; check the path, and that the program runs in the directory you \
         think it does".into()
    })]
    NotFound {
        /// The path asked for.
        path: PathBuf,
        /// The directory it was looked for in.
        directory: PathBuf,
        /// Whether that directory exists.
        directory_exists: bool,
        /// A file of that directory with a similar name.
        similar: Option<String>,
    },

    /// The file is there but cannot be read.
    #[error("cannot read {}: {cause}; check that it is a file and that you may read it", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        cause: io::Error,
    },

    /// The file cannot be written.
    #[error("cannot write {}: {cause}; {}", path.display(), match cause.kind() {
        io::ErrorKind::NotFound => "create its directory first",
        io::ErrorKind::PermissionDenied => "choose a place where you may write",
        _ => "check that it is not a directory, that the disk has room and that you may write there",
    })]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        cause: io::Error,
    },

    /// The file is not text in UTF-8.
    #[error("line {line} of {} is not UTF-8 text (byte 0x{byte:02X}): {}", path.display(), if *utf16 {
        "the file seems to be UTF-16, as spreadsheets write \"Unicode text\"; save it as \"CSV UTF-8\""
    } else {
        "it was probably saved in an older encoding such as Latin-1 or Windows-1252, or is no text file at all; \
         save it again as \"CSV UTF-8\""
    })]
    InvalidUtf8 {
        /// The file.
        path: PathBuf,
        /// The line of the first offending byte, counted from one.
        line: usize,
        /// That byte.
        byte: u8,
        /// Whether the file starts like UTF-16.
        utf16: bool,
    },

    /// Nothing but comments and blank lines.
    #[error(
        "{origin} is empty: it has no line besides comments and blank lines; expected a header such as \
             `time,x,y`, then one row of numbers per time"
    )]
    Empty {
        /// What is empty.
        origin: Origin,
    },

    /// The first row is numbers, not names.
    #[error("{place} should be the header but is all numbers (`{}`): name the columns, time first, by \
             inserting a line such as `{example}` above it{}", shortened(first_row), match commented_out {
        Some(line) => format!(" (or is line {line} the header? then remove the comment mark in front of it)"),
        None => String::new(),
    })]
    NoHeader {
        /// The first row.
        place: Place,
        /// That row as it stands.
        first_row: String,
        /// A header with as many columns.
        example: String,
        /// The line of a comment with as many cells, which may be the header.
        commented_out: Option<usize>,
    },

    /// Two columns have the same name.
    #[error("two columns of {origin} are called `{column}`, the {} and the {}: rename one of them, each column needs a \
             name of its own", ordinal(*first), ordinal(*second))]
    DuplicateColumn {
        /// Where the names are from.
        origin: Origin,
        /// The name.
        column: String,
        /// Position of the first, counted from one.
        first: usize,
        /// Position of the second, counted from one.
        second: usize,
    },

    /// A column has no name.
    #[error("the {} column of {origin} has no name: give it one, or delete the column if it is empty (a separator at \
             the end of the header makes one)", ordinal(*position))]
    UnnamedColumn {
        /// Where the names are from.
        origin: Origin,
        /// Its position, counted from one.
        position: usize,
    },

    /// The header is one cell, but would be several with another separator.
    #[error("{place} is a single column (`{}`) when split at {}, but it contains {}: the file seems to be \
             separated by those; read it with `TimeSeries::csv(path).separator({}).read()`",
            shortened(header), separator_name(*separator), separator_name(*likely), separator_code(*likely))]
    LikelySeparator {
        /// The header.
        place: Place,
        /// The header as it stands.
        header: String,
        /// The separator that was used.
        separator: u8,
        /// The separator that the file seems to have.
        likely: u8,
    },

    /// A separator that cannot separate cells.
    #[error("{} cannot separate cells: choose a character that occurs in no number, such as b',', b';' or b'\\t'",
            separator_code(*separator))]
    InvalidSeparator {
        /// The separator asked for.
        separator: u8,
    },

    /// A quoted cell never ends.
    #[error(
        "the quote opened on {place} is never closed: add the closing `\"`, and write a quote inside a quoted \
             cell twice (`\"\"`)"
    )]
    UnclosedQuote {
        /// The line of the opening quote.
        place: Place,
    },

    /// A quoted cell goes on after its closing quote.
    #[error(
        "{place} has `{text}` after a closing quote: put the whole cell in quotes, and write a quote inside a \
             quoted cell twice (`\"\"`)"
    )]
    TextAfterQuote {
        /// The line.
        place: Place,
        /// What follows the closing quote.
        text: String,
    },

    /// A row has more or fewer cells than the header.
    #[error("{place} has {} but the header has {expected}: {}", counted(*found, "cell"), if found < expected {
        "a value is missing; leave a missing value as an empty cell between its separators"
    } else {
        "a comma inside a number or a name, or a separator at the end of the line, makes one more; write numbers with \
         a decimal point and put names with commas in quotes"
    })]
    RaggedRow {
        /// The row.
        place: Place,
        /// How many cells the header has.
        expected: usize,
        /// How many cells the row has.
        found: usize,
    },

    /// Something that is not a number where numbers are needed.
    #[error("\"{}\" on {place}, column `{column}`, is not a number: {}", shortened(value),
            word_advice(column, value, *numbers))]
    NotANumber {
        /// The row.
        place: Place,
        /// The column.
        column: String,
        /// The cell as it stands.
        value: String,
        /// How many cells of the column are numbers.
        numbers: usize,
    },

    /// A data-frame column of a type that is neither numbers nor text.
    #[error("column `{column}` of {origin} holds {data_type}, not numbers: cast it to f64, or leave it out")]
    NotNumeric {
        /// Where the column is from.
        origin: Origin,
        /// The column.
        column: String,
        /// The polars data type.
        data_type: String,
    },

    /// A number too large to be one.
    #[error("{} on {place}, column `{column}`, is infinite: {}", shortened(value), if value.contains(['e', 'E']) {
        "it is beyond what a 64-bit float holds; check its exponent or change the unit"
    } else {
        "an overflow or a division by zero on the way here; if there is no measurement, leave the cell empty"
    })]
    Infinite {
        /// The row.
        place: Place,
        /// The column.
        column: String,
        /// The number as it stands.
        value: String,
    },

    /// A row without a time.
    #[error(
        "{place} has no time (column `{column}` is a gap there): states may have gaps, times may not; fill the \
             time in or delete the row"
    )]
    GapInTime {
        /// The row.
        place: Place,
        /// The time column.
        column: String,
    },

    /// A row without a trajectory id.
    #[error("{place} has no trajectory id (column `{column}` is empty there): fill it in or delete the row")]
    GapInId {
        /// The row.
        place: Place,
        /// The id column.
        column: String,
    },

    /// Times that go back or stand still within one trajectory.
    #[error("time {} on {place}: `{column}` is {time:?} there but {previous_time:?} on {previous_row} before it{}, and within \
             a trajectory each time must be later than the one before; {}",
            if time == previous_time { "is repeated" } else { "goes backwards" },
            if trajectory.is_empty() || matches!(place.origin, Origin::Trajectory(_)) { String::new() } else { format!(" (trajectory `{trajectory}`)") },
            time_advice(place, trajectory, splitter.as_deref()),
            previous_row = Place { origin: place.origin.clone(), row: *previous_row }.short())]
    TimeNotIncreasing {
        /// The row.
        place: Place,
        /// The time column.
        column: String,
        /// The time on that row.
        time: f64,
        /// The row of the same trajectory before it (in a file: the line).
        previous_row: usize,
        /// The time on the row before it.
        previous_time: f64,
        /// The trajectory, empty if it has no id.
        trajectory: String,
        /// A column that may be the id of the trajectories, if one makes sense of the times.
        splitter: Option<Box<Splitter>>,
    },

    /// Fewer than two rows.
    #[error("{}{origin} has {}: a trajectory needs at least two times, a change cannot be seen in less{}",
            match trajectory { Some(id) => format!("trajectory `{id}` of "), None => String::new() },
            counted(*rows, "row"),
            if trajectory.is_some() {
                "; delete it, or check that the id column is the one that names trajectories"
            } else { "" })]
    TooFewRows {
        /// Where the rows are from.
        origin: Origin,
        /// The trajectory, if there are several.
        trajectory: Option<String>,
        /// How many rows it has.
        rows: usize,
    },

    /// A column without a single number.
    #[error(
        "column `{column}` of {origin} holds no number, only gaps: leave it out, by naming the columns to use (in \
             a CSV file with `.columns([...])`)"
    )]
    OnlyGaps {
        /// Where the column is from.
        origin: Origin,
        /// The column.
        column: String,
    },

    /// Time, but nothing measured.
    #[error("{origin} has no column besides time{}: at least one column of measurements is needed",
            if *id { " and id" } else { "" })]
    NoStates {
        /// Where the columns are from.
        origin: Origin,
        /// Whether there is an id column.
        id: bool,
    },

    /// A column that is not there.
    #[error("there is no column `{name}` in {origin}; {}the columns are {}",
            match nearest { Some(near) => format!("did you mean `{near}`? "), None => String::new() }, list(columns))]
    UnknownColumn {
        /// Where the columns are from.
        origin: Origin,
        /// The name asked for.
        name: String,
        /// The most similar name there is.
        nearest: Option<String>,
        /// All names there are.
        columns: Vec<String>,
    },

    /// A column asked for twice, as time, id or state.
    #[error(
        "column `{column}` of {origin} is asked for twice, as {first} and as {second}: a column can only be one of \
             time, id and state, once"
    )]
    ColumnUsedTwice {
        /// Where the column is from.
        origin: Origin,
        /// The column.
        column: String,
        /// What it is used for: `time`, `id` or `state`.
        first: &'static str,
        /// What else it is used for.
        second: &'static str,
    },

    /// Lengths that do not fit together.
    #[error("{what} should number {expected} but there are {found}: {advice}")]
    WrongLength {
        /// What was counted.
        what: String,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
        /// How the number comes about.
        advice: &'static str,
    },

    /// Two trajectories have the same id.
    #[error("two trajectories have the id `{id}`: give each an id of its own, or join them if they are one")]
    DuplicateTrajectory {
        /// The id.
        id: String,
    },

    /// polars refused.
    #[error("polars could not convert {origin}: {message}; please report this, the data had passed all checks")]
    Polars {
        /// What was converted.
        origin: Origin,
        /// What polars says.
        message: String,
    },
}
