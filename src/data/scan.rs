//! Splits CSV text into records and cells (RFC 4180), each with the line of the file it is on.
//!
//! polars reads the numbers, but it fills short rows with nulls, drops duplicate headers and counts bytes, not
//! lines. So the shape of the file is checked here first, and polars is handed rows that are known to be sound.

use std::borrow::Cow;
use std::path::Path;

use super::error::DataError;
use super::frame::parse_number;
use super::place::{Origin, Place};
use super::time_series::check_names;

/// How a file is written.
#[derive(Clone, Debug)]
pub(super) struct Dialect {
    pub(super) separator: u8,
    /// Lines starting so are skipped; none are if this is empty.
    pub(super) comment: String,
}

/// A file found to be a header and rows of as many cells.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) header: Vec<String>,
    /// The rows, rewritten with commas, quotes only where needed, and nothing in between.
    pub(super) rows: Vec<u8>,
    /// The line of the file that each row starts on, counted from one.
    pub(super) lines: Vec<usize>,
}

/// Checks the shape of a file.
pub(super) fn scan(text: &str, dialect: &Dialect, path: &Path) -> Result<Scan, DataError> {
    let separator = dialect.separator;
    if !separator.is_ascii() || separator.is_ascii_alphanumeric() || b"\"\n\r+-.".contains(&separator) {
        return Err(DataError::InvalidSeparator { separator });
    }
    let mut records = Records { rest: text, line: 1, dialect, path, last_comment: None };
    let Some(first) = records.next()? else {
        return Err(DataError::Empty { origin: Origin::File(path.into()) });
    };
    let mut following = records.next()?;
    check_separator(&first, following.as_ref(), separator, path)?;
    check_is_header(&first, &records)?;
    let header: Vec<String> = first.cells.iter().map(|cell| cell.to_string()).collect();
    check_names(&header, &Origin::File(path.into()))?;

    let mut rows = Vec::with_capacity(text.len());
    let mut lines = Vec::new();
    while let Some(record) = following {
        if record.cells.len() != header.len() {
            return Err(DataError::RaggedRow {
                place: records.place(record.line),
                expected: header.len(),
                found: record.cells.len(),
            });
        }
        for (k, cell) in record.cells.iter().enumerate() {
            if k > 0 {
                rows.push(b',');
            }
            push_cell(&mut rows, cell);
        }
        rows.push(b'\n');
        lines.push(record.line);
        following = records.next()?;
    }
    Ok(Scan { header, rows, lines })
}

fn push_cell(rows: &mut Vec<u8>, cell: &str) {
    if cell.contains(['"', ',', '\n', '\r']) {
        rows.push(b'"');
        rows.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
        rows.push(b'"');
    } else {
        rows.extend_from_slice(cell.as_bytes());
    }
}

/// A header of one cell most often means that the separator is another one.
fn check_separator(first: &Record, second: Option<&Record>, used: u8, path: &Path) -> Result<(), DataError> {
    if first.cells.len() > 1 {
        return Ok(());
    }
    let count = |separator: &u8| first.raw.bytes().filter(|byte| byte == separator).count();
    let words = |record: &Record| record.raw.split_whitespace().count();
    let in_columns_of_words = words(first) > 1 && second.is_none_or(|second| words(second) == words(first));
    let likely = [b',', b';', b'\t', b'|']
        .into_iter()
        .filter(|separator| *separator != used && count(separator) > 0)
        .max_by_key(count)
        .or((in_columns_of_words && used != b' ').then_some(b' '));
    let place = Place { origin: Origin::File(path.into()), row: first.line };
    match likely {
        Some(likely) => {
            Err(DataError::LikelySeparator { place, header: first.raw.trim().into(), separator: used, likely })
        }
        None => Err(DataError::NoStates { origin: place.origin, id: false }),
    }
}

/// Names are words; a first row of numbers is data that the header is missing from.
fn check_is_header(first: &Record, records: &Records) -> Result<(), DataError> {
    let numbers: Option<Vec<f64>> = first.cells.iter().map(|cell| parse_number(cell)).collect();
    // All gaps is an unnamed column, not a number.
    if numbers.is_none_or(|numbers| numbers.iter().all(|number| number.is_nan())) {
        return Ok(());
    }
    let separator = char::from(records.dialect.separator).to_string();
    let count = first.cells.len();
    let mut names: Vec<String> = vec!["t".into()];
    names.extend((1..count).map(|k| format!("x{k}")));
    if count > 6 {
        names.splice(3..count - 1, ["...".into()]);
    }
    let commented_out = records.last_comment.and_then(|(line, comment)| {
        let text = comment.trim_start_matches(&records.dialect.comment).trim();
        let cells = match separator.as_str() {
            " " => text.split_whitespace().count(),
            separator => text.split(separator).count(),
        };
        (cells == count).then_some(line)
    });
    Err(DataError::NoHeader {
        place: records.place(first.line),
        first_row: first.raw.trim().into(),
        example: names.join(&separator),
        commented_out,
    })
}

/// One row of a file; it may extend over lines inside quotes.
struct Record<'a> {
    line: usize,
    cells: Vec<Cow<'a, str>>,
    /// As it stands in the file, up to the end of its first line.
    raw: &'a str,
}

struct Records<'a> {
    rest: &'a str,
    line: usize,
    dialect: &'a Dialect,
    path: &'a Path,
    /// The last comment before the first record, and its line.
    last_comment: Option<(usize, &'a str)>,
}

impl<'a> Records<'a> {
    /// The next record, past comments and blank lines.
    fn next(&mut self) -> Result<Option<Record<'a>>, DataError> {
        while !self.rest.is_empty() {
            let raw = &self.rest[..self.rest.find(['\n', '\r']).unwrap_or(self.rest.len())];
            let bare = raw.trim_start_matches(|letter| self.is_padding(letter));
            let is_comment = !self.dialect.comment.is_empty() && bare.starts_with(&self.dialect.comment);
            if !bare.is_empty() && !is_comment {
                return self.record(raw).map(Some);
            }
            if is_comment {
                self.last_comment = Some((self.line, bare));
            }
            self.rest = &self.rest[raw.len()..];
            self.end_line();
        }
        Ok(None)
    }

    fn record(&mut self, raw: &'a str) -> Result<Record<'a>, DataError> {
        let line = self.line;
        let mut cells = Vec::new();
        loop {
            self.skip_padding();
            cells.push(if self.rest.starts_with('"') { self.quoted()? } else { self.plain() });
            let padded = self.skip_padding();
            if self.end_line() {
                return Ok(Record { line, cells, raw });
            }
            if self.rest.starts_with(char::from(self.dialect.separator)) {
                self.rest = &self.rest[1..];
            } else if !(padded && self.dialect.separator == b' ') {
                let text = self.plain().into_owned();
                return Err(DataError::TextAfterQuote { place: self.place(self.line), text });
            }
        }
    }

    /// A cell without quotes, up to the next separator or the end of the line.
    fn plain(&mut self) -> Cow<'a, str> {
        let separator = self.dialect.separator;
        let ends = |letter: char| {
            letter == char::from(separator) || matches!(letter, '\n' | '\r') || (separator == b' ' && letter == '\t')
        };
        let (cell, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        Cow::Borrowed(cell.trim())
    }

    /// A cell in quotes, which may hold separators, line ends and (doubled) quotes.
    fn quoted(&mut self) -> Result<Cow<'a, str>, DataError> {
        let opened = self.line;
        let mut cell = String::new();
        self.rest = &self.rest[1..];
        loop {
            let Some(end) = self.rest.find('"') else {
                return Err(DataError::UnclosedQuote { place: self.place(opened) });
            };
            cell.push_str(&self.rest[..end]);
            self.line += line_ends(&self.rest[..end]);
            self.rest = &self.rest[end + 1..];
            if !self.rest.starts_with('"') {
                return Ok(Cow::Owned(cell.trim().to_owned()));
            }
            cell.push('"');
            self.rest = &self.rest[1..];
        }
    }

    /// Steps over the end of a line, if there is one here (the end of the file is one).
    fn end_line(&mut self) -> bool {
        for end in ["\r\n", "\n", "\r"] {
            if let Some(rest) = self.rest.strip_prefix(end) {
                self.rest = rest;
                self.line += 1;
                return true;
            }
        }
        self.rest.is_empty()
    }

    fn skip_padding(&mut self) -> bool {
        let rest = self.rest.trim_start_matches(|letter| self.is_padding(letter));
        let skipped = rest.len() < self.rest.len();
        self.rest = rest;
        skipped
    }

    /// Space around cells. A tab is none where tabs separate cells; spaces that separate come in runs.
    fn is_padding(&self, letter: char) -> bool {
        let separates = letter == char::from(self.dialect.separator) && letter != ' ';
        letter.is_whitespace() && !matches!(letter, '\n' | '\r') && !separates
    }

    fn place(&self, line: usize) -> Place {
        Place { origin: Origin::File(self.path.into()), row: line }
    }
}

/// How many lines end in a text, however they end.
pub(super) fn line_ends(text: &str) -> usize {
    let bytes = text.as_bytes();
    let ends = |(k, byte): (usize, &u8)| *byte == b'\n' || (*byte == b'\r' && bytes.get(k + 1) != Some(&b'\n'));
    bytes.iter().enumerate().filter(|&item| ends(item)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str, separator: u8) -> Vec<(usize, Vec<String>)> {
        let dialect = Dialect { separator, comment: "#".into() };
        let mut records = Records { rest: text, line: 1, dialect: &dialect, path: Path::new("x"), last_comment: None };
        let mut all = Vec::new();
        while let Some(record) = records.next().expect("the text is well formed") {
            all.push((record.line, record.cells.iter().map(|cell| cell.to_string()).collect()));
        }
        all
    }

    #[test]
    fn lines_are_counted_through_comments_blanks_and_quotes() {
        let text = "# one\r\n\r\na, b\n\"1\n2\",\"x \"\"y\"\", z\"\r  # six\r 3 ,\n";
        let expected = [
            (3, vec!["a".to_owned(), "b".into()]),
            (4, vec!["1\n2".into(), "x \"y\", z".into()]),
            (7, vec!["3".into(), String::new()]),
        ];
        assert_eq!(cells(text, b','), expected);
    }

    #[test]
    fn a_run_of_spaces_is_one_separator() {
        let expected = [(1, vec!["t".to_owned(), "x".into()]), (2, vec!["0.5".into(), "two words".into()])];
        assert_eq!(cells("  t   x  \n0.5\t \"two words\" \n   \n", b' '), expected);
    }

    #[test]
    fn tabs_keep_empty_cells() {
        assert_eq!(cells("\tx\t\n", b'\t'), [(1, vec![String::new(), "x".into(), String::new()])]);
    }

    #[test]
    fn every_kind_of_line_end_counts_once() {
        assert_eq!(line_ends("a\nb\r\nc\rd"), 3);
        assert_eq!(line_ends("\r\r\n\n"), 3);
    }
}
