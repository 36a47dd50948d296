//! The wording of errors: what to try, and numbers, names and separators as a person writes them.

use super::place::{Origin, Place, Splitter};

pub(super) fn time_advice(place: &Place, trajectory: &str, splitter: Option<&Splitter>) -> String {
    let repair = "sort the rows by time and merge or delete repeated ones";
    if !trajectory.is_empty() {
        return repair.into();
    }
    let column = splitter.map_or("...", |splitter| splitter.column.as_str());
    let name_the_id = match &place.origin {
        Origin::File(path) => format!(
            "name the column that tells them apart: `TimeSeries::csv({:?}).id({column:?}).read()`",
            path.display().to_string()
        ),
        Origin::DataFrame => {
            format!("name the column that tells them apart: `TimeSeries::from_data_frame_with_id(&frame, {column:?})`")
        }
        _ => "make each a `Trajectory` and join them with `TimeSeries::from_trajectories`".into(),
    };
    match splitter {
        Some(Splitter { column, trajectories, increasing: false }) => format!(
            "if the data holds several trajectories, column `{column}` may be their id (it has {trajectories} different \
             values): {name_the_id}; otherwise {repair}"
        ),
        Some(Splitter { column, trajectories, .. }) => format!(
            "the data seems to hold several trajectories (column `{column}` splits them into {trajectories} whose times \
             increase): {name_the_id}"
        ),
        None => {
            format!("if the data holds several trajectories, {name_the_id}; otherwise {repair}")
        }
    }
}

pub(super) fn word_advice(column: &str, value: &str, numbers: usize) -> String {
    if numbers == 0 {
        return format!(
            "the whole column holds none; if it names the trajectories, say `.id({column:?})`, otherwise leave it out \
             by naming the columns to use with `.columns([...])`"
        );
    }
    let parses = |text: String| text.parse::<f64>().is_ok();
    if value.matches(',').count() == 1 && parses(value.replace(',', ".")) {
        return "write it with a decimal point, not a comma, and without separators between thousands".into();
    }
    if parses(value.replace('\u{2212}', "-")) {
        return "write the minus sign as a plain hyphen (-)".into();
    }
    if parses(value.replace([',', '_', ' ', '\'', '\u{a0}', '\u{202f}'], "")) {
        return "write it without separators between thousands".into();
    }
    if value.starts_with(|first: char| first.is_ascii_digit()) && value.contains(['-', '/', ':']) {
        return "it looks like a date or a time of day; write it as one number, such as days since the start".into();
    }
    "if it stands for a missing value, leave the cell empty or write NA; otherwise correct it".into()
}

/// The start of a cell: a whole paragraph in a message would hide the message.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

pub(super) fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

pub(super) fn counted(number: usize, thing: &str) -> String {
    match number {
        0 => format!("no {thing}s"),
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

pub(super) fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (1, hundred) if hundred != 11 => "st",
        (2, hundred) if hundred != 12 => "nd",
        (3, hundred) if hundred != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

pub(super) fn separator_name(separator: u8) -> String {
    match separator {
        b',' => "commas".into(),
        b';' => "semicolons".into(),
        b'\t' => "tabs".into(),
        b' ' => "spaces".into(),
        b'|' => "vertical bars".into(),
        other => separator_code(other),
    }
}

/// The separator as one writes it in Rust.
pub(super) fn separator_code(separator: u8) -> String {
    format!("b'{}'", separator.escape_ascii())
}
