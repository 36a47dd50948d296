//! Times that jump, stand still or are missing, and the trajectories behind that.

use super::*;

#[test]
fn a_gap_in_time_is_an_error() {
    for cell in ["", "NA", "nan"] {
        let file = Csv::new(format!("year,x\n\n0,1\n{cell},2\n2,3\n"));
        let (error, message) = file.error();
        assert!(matches!(&error, DataError::GapInTime { place, column } if *place == file.at(4) && column == "year"));
        says(&message, &["line 4", "no time", "`year`", "delete the row"]);
    }
}

#[test]
fn a_row_of_nothing_but_separators_is_a_gap_in_time() {
    let file = Csv::new("t,x,y\n0,1,2\n1,2,3\n,,\n");
    assert!(matches!(file.error().0, DataError::GapInTime { place, .. } if place == file.at(4)));
}

#[test]
fn time_going_back_names_both_lines_and_times() {
    let file = Csv::new("t,x\n0,1.5\n# comment\n2,2.5\n\n1.5,3.5\n");
    let (error, message) = file.error();
    let DataError::TimeNotIncreasing { place, column, time, previous_row, previous_time, trajectory, splitter } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!((place, column.as_str()), (file.at(6), "t"));
    assert_eq!((time, previous_row, previous_time), (1.5, 4, 2.0));
    assert_eq!((trajectory.as_str(), splitter), ("", None));
    says(
        &message,
        &["goes backwards on line 6", "`t` is 1.5", "2.0 on line 4", ".id(\"...\").read()", "sort the rows"],
    );
}

#[test]
fn a_repeated_time_is_called_so() {
    let (error, message) = Csv::new("t,x\n0,1.5\n1,2.5\n1,3.5\n").error();
    assert!(matches!(error, DataError::TimeNotIncreasing { time: 1.0, previous_time: 1.0, previous_row: 3, .. }));
    says(&message, &["is repeated on line 4", "on line 3", "merge or delete"]);
}

#[test]
fn a_column_that_separates_the_trajectories_is_named() {
    // A word as id, which no number column may hold, must not hide the advice.
    let file = Csv::new("t,x,culture\n0,1.5,a\n1,2.5,a\n2,1,a\n0,3,b\n1,2,b\n0,1,c\n3,2,c\n");
    let (error, message) = file.error();
    let DataError::TimeNotIncreasing { place, splitter, .. } = error else { panic!("{error:?}") };
    assert_eq!(place, file.at(5));
    let expected = Splitter { column: "culture".into(), trajectories: 3, increasing: true };
    assert_eq!(splitter.as_deref(), Some(&expected));
    says(&message, &["line 5", "several trajectories", "`culture` splits them into 3", ".id(\"culture\").read()"]);
    assert_eq!(file.read().id("culture").read().unwrap().trajectories().len(), 3);
}

#[test]
fn a_column_called_like_an_id_is_preferred() {
    // `wet` would do as well, with fewer trajectories, but is not called like an id.
    let file = Csv::new("t,wet,run_id\n0,0,1\n1,0,1\n1,1,2\n2,1,2\n3,0,3\n4,0,3\n1,1.0,4\n");
    let file_with_every_run_twice = Csv::new("t,wet,run_id\n0,0,1\n1,0,1\n0,1,2\n1,1,2\n2,0,3\n3,0,3\n");
    let (error, message) = file_with_every_run_twice.error();
    assert!(
        matches!(&error, DataError::TimeNotIncreasing { splitter: Some(found), .. }
            if found.column == "run_id" && found.trajectories == 3 && found.increasing),
        "{error:?}"
    );
    says(&message, &[".id(\"run_id\")"]);
    // Here neither makes all times increase (run 4 has one row); the name still speaks for it.
    let (error, message) = file.error();
    assert!(
        matches!(&error, DataError::TimeNotIncreasing { splitter: Some(found), .. }
            if found.column == "run_id" && found.trajectories == 4 && !found.increasing),
        "{error:?}"
    );
    says(&message, &["`run_id` may be their id", "4 different values", ".id(\"run_id\")", "otherwise sort"]);
}

#[test]
fn time_going_back_within_a_named_trajectory_names_it() {
    let file = Csv::new("run,t,x\na,0,1\nb,5,1\na,1,1\nb,4,1\n");
    let (error, message) = failed(file.read().id("run").read());
    let DataError::TimeNotIncreasing { place, previous_row, trajectory, splitter, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!((place, previous_row, trajectory.as_str(), splitter), (file.at(5), 3, "b", None));
    says(&message, &["line 5", "on line 3", "trajectory `b`", "sort the rows"]);
    does_not_say(&message, ".id(");
}

#[test]
fn fewer_than_two_rows_are_refused() {
    for (text, expected, words) in [("t,x\n", 0, "no rows"), ("t,x\n0,1\n", 1, "1 row:")] {
        let (error, message) = Csv::new(text).error();
        assert!(matches!(error, DataError::TooFewRows { rows, trajectory: None, .. } if rows == expected), "{error:?}");
        says(&message, &[words, "data.csv", "at least two times"]);
    }
    let (error, message) = failed(Csv::new("t,x,run\n0,1,a\n1,2,a\n0,1,b\n").read().id("run").read());
    assert!(matches!(&error, DataError::TooFewRows { rows: 1, trajectory: Some(run), .. } if run == "b"));
    says(&message, &["trajectory `b`", "1 row:", "check that the id column"]);
}

#[test]
fn a_row_without_id_is_refused() {
    let file = Csv::new("t,x,run\n0,1,a\n1,2,\n");
    let (error, message) = failed(file.read().id("run").read());
    assert!(matches!(&error, DataError::GapInId { place, column } if *place == file.at(3) && column == "run"));
    says(&message, &["line 3", "no trajectory id", "`run`"]);
}

#[test]
fn a_column_that_leaves_times_repeated_is_not_taken_for_an_id() {
    let (error, message) = Csv::new("t,wet\n0,0\n1,0\n0,1\n0,1\n").error();
    assert!(matches!(error, DataError::TimeNotIncreasing { splitter: None, .. }), "{error:?}");
    says(&message, &[".id(\"...\")"]);
}
