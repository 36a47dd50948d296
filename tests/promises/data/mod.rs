//! Bad data is refused with an error that says what, where and what to try; good data is read to the last bit.

#![cfg(feature = "data")]

mod bad_files;
mod bad_rows;
mod bad_times;
mod in_memory;
mod reading;
mod written_and_read_back;

use std::fs;
use std::path::PathBuf;

use ansatz::data::*;
use tempfile::TempDir;

const GAP: f64 = f64::NAN;

/// A directory with one file in it.
struct Csv {
    _directory: TempDir,
    path: PathBuf,
}

impl Csv {
    fn new(content: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.csv");
        fs::write(&path, content).unwrap();
        Self { _directory: directory, path }
    }

    fn at(&self, line: usize) -> Place {
        Place { origin: Origin::File(self.path.clone()), row: line }
    }

    fn read(&self) -> CsvReader {
        TimeSeries::csv(&self.path)
    }

    /// The error of reading with this separator, and its message.
    fn separated(&self, separator: u8) -> (DataError, String) {
        failed(self.read().separator(separator).read())
    }

    /// The error of reading with default options, and its message.
    fn error(&self) -> (DataError, String) {
        failed(self.read().read())
    }
}

fn failed<T: std::fmt::Debug>(result: Result<T, DataError>) -> (DataError, String) {
    let error = result.expect_err("this should be refused");
    let message = error.to_string();
    (error, message)
}

#[track_caller]
fn says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "expected \"{word}\" in: {message}");
    }
}

#[track_caller]
fn does_not_say(message: &str, word: &str) {
    assert!(!message.contains(word), "did not expect \"{word}\" in: {message}");
}

/// Numbers, with gaps equal to gaps and zeros told apart by sign.
fn bits(numbers: impl IntoIterator<Item = f64>) -> Vec<u64> {
    numbers.into_iter().map(|x| if x.is_nan() { GAP.to_bits() } else { x.to_bits() }).collect()
}

fn column(data: &TimeSeries, run: usize, name: &str) -> Vec<f64> {
    data.trajectories()[run].column(data.column(name).unwrap()).collect()
}
