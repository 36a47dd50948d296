//! Files that are not there, not text, or have no proper header.

use super::*;

#[test]
fn a_missing_file_names_the_directory_and_a_similar_file() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("lotka_volterra.csv"), "t,x\n0,1\n1,2\n").unwrap();
    let wanted = directory.path().join("lotka_voltera.csv");
    let (error, message) = failed(TimeSeries::read_csv(&wanted));
    let DataError::NotFound { path, directory: looked_in, directory_exists, similar } = error else {
        panic!("{error:?}")
    };
    assert_eq!((path.as_path(), looked_in.as_path()), (wanted.as_path(), directory.path()));
    assert!(directory_exists);
    assert_eq!(similar.as_deref(), Some("lotka_volterra.csv"));
    let directory = directory.path().display().to_string();
    says(&message, &[&directory, "did you mean that one?", "`lotka_volterra.csv`"]);
}

#[test]
fn a_missing_file_with_nothing_similar_asks_for_the_spelling() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("photograph.png"), "").unwrap();
    let (error, message) = failed(TimeSeries::read_csv(directory.path().join("data.csv")));
    assert!(matches!(error, DataError::NotFound { similar: None, directory_exists: true, .. }));
    says(&message, &["nothing there has a similar name", "check the spelling"]);
    let (error, message) = failed(TimeSeries::read_csv(directory.path().join("none/data.csv")));
    assert!(matches!(error, DataError::NotFound { similar: None, directory_exists: false, .. }));
    says(&message, &["a directory that does not exist either"]);
}

#[test]
fn a_missing_file_without_a_directory_was_looked_for_in_the_current_one() {
    let (error, _) = failed(TimeSeries::read_csv("no such file of this name.csv"));
    let DataError::NotFound { directory, .. } = error else { panic!("{error:?}") };
    assert_eq!(directory, std::env::current_dir().unwrap());
}

#[test]
fn a_directory_cannot_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let (error, message) = failed(TimeSeries::read_csv(directory.path()));
    assert!(matches!(&error, DataError::Unreadable { path, .. } if path == directory.path()));
    says(&message, &["cannot read", "check that it is a file"]);
}

#[test]
fn text_in_another_encoding_names_line_and_byte() {
    let file = Csv::new(b"t,x\n0,1\n# \xB5g\n1,2\n");
    let (error, message) = file.error();
    assert!(matches!(&error, DataError::InvalidUtf8 { line: 3, byte: 0xB5, utf16: false, path } if *path == file.path));
    says(&message, &["line 3", "0xB5", "Latin-1", "CSV UTF-8"]);
}

#[test]
fn utf_16_is_recognised() {
    let (error, message) = Csv::new(b"\xFF\xFEt\0,\0x\0\n\0").error();
    assert!(matches!(error, DataError::InvalidUtf8 { line: 1, byte: 0xFF, utf16: true, .. }));
    says(&message, &["UTF-16", "CSV UTF-8"]);
}

#[test]
fn an_empty_file_is_refused() {
    for text in ["", "\u{feff}", "\n \n", "# only\n# comments\n"] {
        let file = Csv::new(text);
        let (error, message) = file.error();
        assert!(matches!(&error, DataError::Empty { origin: Origin::File(path) } if *path == file.path), "{text:?}");
        says(&message, &["data.csv is empty", "`time,x,y`"]);
    }
}

#[test]
fn a_missing_header_is_recognised_and_one_is_shown() {
    let file = Csv::new("# measured\n0,1.5,NA\n1,2,3\n");
    let (error, message) = file.error();
    let DataError::NoHeader { place, first_row, example, commented_out } = error else { panic!("{error:?}") };
    assert_eq!(place, file.at(2));
    assert_eq!((first_row.as_str(), example.as_str(), commented_out), ("0,1.5,NA", "t,x1,x2", None));
    says(&message, &["line 2", "all numbers", "`0,1.5,NA`", "such as `t,x1,x2` above it"]);
    does_not_say(&message, "comment mark");
}

#[test]
fn a_header_behind_a_comment_mark_is_pointed_out() {
    let (error, message) = Csv::new("# a file, two cells\n# t;x\n\n0;1\n1;2\n").separated(b';');
    assert!(matches!(&error, DataError::NoHeader { commented_out: Some(2), example, .. } if example == "t;x1"));
    says(&message, &["line 4", "is line 2 the header?", "remove the comment mark"]);
}

#[test]
fn the_example_of_a_wide_header_stays_short() {
    let (_, message) = Csv::new("0,1,2,3,4,5,6,7,8\n1,1,2,3,4,5,6,7,8\n").error();
    says(&message, &["`t,x1,x2,...,x8`"]);
}

#[test]
fn two_columns_of_the_same_name_are_refused() {
    let file = Csv::new("t,x,y, x \n0,1,2,3\n1,2,3,4\n");
    let (error, message) = file.error();
    let DataError::DuplicateColumn { origin, column, first, second } = error else { panic!("{error:?}") };
    assert_eq!((origin, column.as_str(), first, second), (Origin::File(file.path.clone()), "x", 2, 4));
    says(&message, &["data.csv", "`x`", "the 2nd and the 4th", "rename one"]);
}

#[test]
fn a_column_without_a_name_is_refused() {
    for (text, position, words) in [
        (",x\n0,1\n1,2\n", 1, "1st column"),
        ("t,x,\n0,1,\n1,2,\n", 3, "3rd column"),
        ("t,\"\",x\n0,1,\n1,2,\n", 2, "2nd column"),
    ] {
        let (error, message) = Csv::new(text).error();
        assert!(
            matches!(error, DataError::UnnamedColumn { position: found, .. } if found == position),
            "{text:?} gave {error:?}"
        );
        says(&message, &[words, "has no name", "delete the column"]);
    }
}

#[test]
fn a_likely_separator_is_suggested() {
    for (text, used, likely, code) in [
        ("# c\nt;x;y\n0,5;1;2\n", b',', b';', "b';'"),
        ("# c\nt\tx\n0\t1\n", b',', b'\t', "b'\\t'"),
        ("# c\nt,x\n0,1\n", b';', b',', "b','"),
        ("# c\n0;1\n", b',', b';', "b';'"),
        ("# c\nt  x  y\n0.0  1.0  2.0\n", b',', b' ', "b' '"),
    ] {
        let file = Csv::new(text);
        let (error, message) = file.separated(used);
        let DataError::LikelySeparator { place, separator, likely: found, .. } = error else {
            panic!("{text:?} gave {error:?}")
        };
        assert_eq!((place, separator, found), (file.at(2), used, likely), "{text:?}");
        says(&message, &["line 2", "single column", &format!(".separator({code}).read()")]);
    }
}

#[test]
fn a_time_column_alone_is_refused() {
    let file = Csv::new("time\n0\n1\n");
    let (error, message) = file.error();
    assert!(matches!(&error, DataError::NoStates { origin: Origin::File(path), id: false } if *path == file.path));
    says(&message, &["no column besides time:", "at least one column"]);
    let (error, message) = failed(Csv::new("run,t\na,0\na,1\n").read().id("run").read());
    assert!(matches!(error, DataError::NoStates { id: true, .. }));
    says(&message, &["besides time and id"]);
}

#[test]
fn a_separator_that_occurs_in_numbers_is_refused() {
    let file = Csv::new("t,x\n0,1\n1,2\n");
    for separator in [b'"', b'\n', b'.', b'-', b'7', b'e', 0xB5] {
        let (error, message) = file.separated(separator);
        assert!(matches!(error, DataError::InvalidSeparator { separator: found } if found == separator));
        says(&message, &["cannot separate cells", "b';'"]);
    }
}
