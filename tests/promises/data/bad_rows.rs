//! Rows of the wrong length, cells that are no numbers, and columns that are not there.

use super::*;

#[test]
fn a_row_of_another_length_is_an_error_and_never_a_gap() {
    let file = Csv::new("# comment\nt,x,y\n0,1,2\n\n1,2\n2,3,4\n");
    let (error, message) = file.error();
    let DataError::RaggedRow { place, expected, found } = error else { panic!("{error:?}") };
    assert_eq!((place, expected, found), (file.at(5), 3, 2));
    says(&message, &["line 5", "2 cells", "the header has 3", "empty cell"]);

    let file = Csv::new("t,x,y\n0,1,2\n1,2,3,5\n");
    let (error, message) = file.error();
    assert!(matches!(error, DataError::RaggedRow { place, expected: 3, found: 4 } if place == file.at(3)));
    says(&message, &["line 3", "4 cells", "decimal point"]);
}

#[test]
fn a_word_among_numbers_names_file_line_column_and_word() {
    let file = Csv::new("t,x,y\n# comment\n0,1,2\n\n\"1\",\"2\",high\n2,3,4\n");
    let (error, message) = file.error();
    let DataError::NotANumber { place, column, value, numbers } = error else { panic!("{error:?}") };
    assert_eq!((place, column.as_str(), value.as_str(), numbers), (file.at(5), "y", "high", 2));
    says(&message, &["\"high\"", "line 5", "data.csv", "column `y`", "leave the cell empty or write NA"]);
}

#[test]
fn lines_are_counted_through_quoted_line_ends() {
    let file = Csv::new("t,x,note\n0,1,\"two\nlines\"\r\n1,?,\"\"\n2,3,\n");
    let (error, _) = failed(file.read().columns(["x"]).read());
    assert!(matches!(error, DataError::NotANumber { place, .. } if place == file.at(4)));
}

#[test]
fn advice_fits_the_word() {
    for (cell, advice) in [
        ("\"1,5\"", "decimal point, not a comma"),
        ("\"1,234,567\"", "without separators between thousands"),
        ("1_000", "without separators between thousands"),
        ("\u{2212}3", "plain hyphen"),
        ("2024-01-31", "looks like a date"),
        ("12:30", "looks like a date or a time of day"),
        ("n.d.", "leave the cell empty"),
    ] {
        let (error, message) = Csv::new(format!("t,x\n0,1\n1,{cell}\n2,3\n")).error();
        assert!(matches!(error, DataError::NotANumber { numbers: 2, .. }), "{cell}");
        says(&message, &["line 3", "column `x`", advice]);
    }
}

#[test]
fn a_column_of_words_is_to_be_left_out_or_made_the_id() {
    let file = Csv::new("t,x,station\n0,1,north\n1,2,north\n");
    let (error, message) = file.error();
    assert!(matches!(&error, DataError::NotANumber { numbers: 0, value, .. } if value == "north"));
    says(&message, &["line 2", "whole column", ".id(\"station\")", ".columns([...])"]);
}

#[test]
fn a_long_word_does_not_flood_the_message() {
    let (error, message) = Csv::new(format!("t,x\n0,1\n1,{}\n", "ä".repeat(1000))).error();
    assert!(matches!(&error, DataError::NotANumber { value, .. } if value.chars().count() == 1000));
    assert!(!message.contains(&"ä".repeat(41)) && message.contains(&format!("\"{}…\"", "ä".repeat(40))), "{message}");
}

#[test]
fn an_open_quote_names_the_line_it_opens_on() {
    let file = Csv::new("t,x\n0,1\n1,\"2\n2,3\n3,4\n");
    let (error, message) = file.error();
    assert!(matches!(error, DataError::UnclosedQuote { place } if place == file.at(3)));
    says(&message, &["quote opened on line 3", "never closed", "closing `\"`"]);
}

#[test]
fn text_after_a_closing_quote_is_refused() {
    let file = Csv::new("t,x\n0,1\n1,\"2\" m,\n");
    let (error, message) = file.error();
    assert!(matches!(&error, DataError::TextAfterQuote { place, text } if *place == file.at(3) && text == "m"));
    says(&message, &["line 3", "`m` after a closing quote"]);
}

#[test]
fn infinite_numbers_are_refused() {
    for (cell, advice) in [("inf", "overflow"), ("-Infinity", "leave the cell empty"), ("1e999", "64-bit float")] {
        let file = Csv::new(format!("t,x\n0,1\n1,{cell}\n"));
        let (error, message) = file.error();
        let DataError::Infinite { place, column, value } = error else { panic!("{error:?}") };
        assert_eq!((place, column.as_str(), value.as_str()), (file.at(3), "x", cell));
        says(&message, &["line 3", "column `x`", cell, "infinite", advice]);
    }
    let (error, _) = Csv::new("t,x\n0,1\ninf,1\n").error();
    assert!(matches!(error, DataError::Infinite { column, .. } if column == "t"));
}

#[test]
fn a_column_of_gaps_is_refused() {
    let file = Csv::new("t,x,y\n0,NA,1\n1,,2\n");
    let (error, message) = file.error();
    assert!(matches!(&error, DataError::OnlyGaps { origin, column } if *origin == file.at(1).origin && column == "x"));
    says(&message, &["column `x`", "data.csv", "no number, only gaps", ".columns([...])"]);
    let (error, message) = failed(TimeSeries::new(["x"], &[0.0, 1.0], &[GAP, GAP]));
    assert!(matches!(error, DataError::OnlyGaps { origin: Origin::Memory, .. }));
    says(&message, &["column `x`"]);
}

#[test]
fn a_column_that_is_not_there_suggests_the_nearest() {
    let file = Csv::new("year,hare,lynx\n0,1,2\n1,2,3\n");
    for (reader, wanted, expected) in [
        (file.read().columns(["hare", "lnyx"]), "lnyx", Some("lynx")),
        (file.read().time("Year"), "Year", Some("year")),
        (file.read().id("run"), "run", None),
    ] {
        let (error, message) = failed(reader.read());
        let DataError::UnknownColumn { name, nearest, columns, .. } = error else { panic!("{error:?}") };
        assert_eq!((name.as_str(), nearest.as_deref()), (wanted, expected));
        assert_eq!(columns, ["year", "hare", "lynx"]);
        says(&message, &[&format!("no column `{wanted}`"), "data.csv", "`year`, `hare`, `lynx`"]);
        match expected {
            Some(near) => says(&message, &[&format!("did you mean `{near}`?")]),
            None => does_not_say(&message, "did you mean"),
        }
    }
}

#[test]
fn a_column_asked_for_twice_is_refused() {
    let file = Csv::new("t,x,y\n0,1,2\n1,2,3\n");
    for (reader, name, uses) in [
        (file.read().columns(["x", "x"]), "x", ("state", "state")),
        (file.read().columns(["t", "x"]), "t", ("time", "state")),
        (file.read().time("x").id("x"), "x", ("time", "id")),
        (file.read().id("y").columns(["y"]), "y", ("id", "state")),
    ] {
        let (error, message) = failed(reader.read());
        let DataError::ColumnUsedTwice { column, first, second, .. } = error else { panic!("{error:?}") };
        assert_eq!((column.as_str(), (first, second)), (name, uses));
        says(&message, &[&format!("`{name}`"), &format!("as {first} and as {second}")]);
    }
    let (error, message) = failed(file.read().columns(Vec::<String>::new()).read());
    assert!(matches!(error, DataError::NoStates { .. }));
    says(&message, &["at least one column of measurements"]);
}
