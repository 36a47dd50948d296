//! Numbers from memory and data frames are checked like files.

use polars::prelude::df;

use super::*;

#[test]
fn lengths_in_memory_must_match() {
    let (error, message) = failed(TimeSeries::new(["x", "y"], &[0.0, 1.0], &[1.0, 2.0, 3.0]));
    assert!(matches!(error, DataError::WrongLength { expected: 4, found: 3, .. }));
    says(&message, &["values should number 4", "there are 3", "one row of columns for each time"]);

    let (error, message) = failed(Trajectory::new("a", &[0.0, 1.0], &[1.0, 2.0, 3.0]));
    assert!(matches!(error, DataError::WrongLength { found: 3, .. }));
    says(&message, &["trajectory `a`"]);

    let narrow = Trajectory::new("a", &[0.0, 1.0], &[1.0, 2.0]).unwrap();
    let (error, message) = failed(TimeSeries::from_trajectories(["x", "y"], vec![narrow]));
    assert!(matches!(error, DataError::WrongLength { expected: 2, found: 1, .. }));
    says(&message, &["columns of trajectory `a`", "number 2", "there are 1"]);

    let data = TimeSeries::new(["x", "y"], &[0.0, 1.0], &[1.0, 2.0, 3.0, 4.0]).unwrap();
    let (error, message) = failed(data.with_units("s", ["m"]));
    assert!(matches!(error, DataError::WrongLength { expected: 2, found: 1, .. }));
    says(&message, &["units should number 2", "one unit for each column"]);
}

#[test]
fn memory_is_checked_like_a_file() {
    let (error, message) = failed(TimeSeries::new(["x"], &[0.0, 2.0, 2.0], &[1.0, 2.0, 3.0]));
    assert!(matches!(
        &error,
        DataError::TimeNotIncreasing { place: Place { origin: Origin::Memory, row: 3 }, previous_row: 2, .. }
    ));
    says(&message, &["repeated on row 3 of the data", "on row 2", "TimeSeries::from_trajectories"]);

    let (error, message) = failed(TimeSeries::new(["x"], &[0.0, GAP], &[1.0, 2.0]));
    assert!(matches!(error, DataError::GapInTime { place: Place { row: 2, .. }, .. }));
    says(&message, &["row 2"]);

    let (error, message) = failed(TimeSeries::new(["x", "y"], &[0.0, 1.0], &[1.0, 2.0, 3.0, f64::NEG_INFINITY]));
    assert!(matches!(&error, DataError::Infinite { column, value, .. } if column == "y" && value == "-inf"));
    says(&message, &["row 2 of the data", "column `y`"]);

    let (error, _) = failed(TimeSeries::new(["x"], &[0.0, f64::INFINITY], &[1.0, 2.0]));
    assert!(matches!(error, DataError::Infinite { .. }));

    let (error, message) = failed(TimeSeries::new(["x"], &[], &[]));
    assert!(matches!(error, DataError::TooFewRows { rows: 0, trajectory: None, .. }));
    says(&message, &["the data has no rows"]);

    let (error, _) = failed(TimeSeries::new(["x", " x "], &[0.0, 1.0], &[1.0; 4]));
    assert!(matches!(error, DataError::DuplicateColumn { first: 1, second: 2, .. }));

    let (error, _) = failed(TimeSeries::new(["x", " "], &[0.0, 1.0], &[1.0; 4]));
    assert!(matches!(error, DataError::UnnamedColumn { position: 2, origin: Origin::Memory }));

    let (error, _) = failed(TimeSeries::new(Vec::<String>::new(), &[0.0, 1.0], &[]));
    assert!(matches!(error, DataError::NoStates { origin: Origin::Memory, .. }));
}

#[test]
fn trajectories_in_memory_are_named_in_errors() {
    let good = || Trajectory::new("a", &[0.0, 1.0], &[1.0, 2.0]).unwrap();
    let back = Trajectory::new("b", &[1.0, 0.0], &[1.0, 2.0]).unwrap();
    let (error, message) = failed(TimeSeries::from_trajectories(["x"], vec![good(), back]));
    assert!(matches!(
        &error,
        DataError::TimeNotIncreasing { place: Place { origin: Origin::Trajectory(id), row: 2 }, .. } if id == "b"
    ));
    assert_eq!(message.matches("trajectory `b`").count(), 1, "{message}");

    let short = Trajectory::new("b", &[1.0], &[1.0]).unwrap();
    let (error, message) = failed(TimeSeries::from_trajectories(["x"], vec![good(), short]));
    assert!(matches!(&error, DataError::TooFewRows { trajectory: Some(id), rows: 1, .. } if id == "b"));
    says(&message, &["trajectory `b` of the data has 1 row"]);

    let (error, message) = failed(TimeSeries::from_trajectories(["x"], vec![good(), good()]));
    assert!(matches!(&error, DataError::DuplicateTrajectory { id } if id == "a"));
    says(&message, &["the id `a`", "an id of its own"]);

    let (error, _) = failed(TimeSeries::from_trajectories(["x"], vec![]));
    assert!(matches!(error, DataError::TooFewRows { rows: 0, .. }));
}

#[test]
fn trajectories_without_id_are_numbered() {
    let run = |start: f64| Trajectory::new("", &[start, start + 1.0], &[1.0, 2.0]).unwrap();
    let data = TimeSeries::from_trajectories(["x"], vec![run(0.0), run(5.0)]).unwrap();
    let ids: Vec<&str> = data.trajectories().iter().map(Trajectory::id).collect();
    assert_eq!(ids, ["1", "2"]);
}

#[test]
fn selecting_keeps_order_gaps_and_units() {
    let values = [1.0, 2.0, 3.0, 4.0, GAP, 6.0];
    let data = TimeSeries::new(["x", "y", "z"], &[0.0, 1.0], &values).unwrap();
    let data = data.with_units("s", ["m", "", "kg"]).unwrap();
    let selected = data.select(["z", "y"]).unwrap();
    assert_eq!(selected.columns(), ["z", "y"]);
    assert_eq!(selected.units(), ["kg", ""]);
    assert_eq!((selected.label(0).as_str(), selected.label(1).as_str()), ("z (kg)", "y"));
    assert_eq!((selected.time_unit(), selected.time_label().as_str()), ("s", "t (s)"));
    assert_eq!(bits(selected.trajectories()[0].row(0).to_vec()), bits([3.0, 2.0]));
    assert_eq!(bits(selected.trajectories()[0].row(1).to_vec()), bits([6.0, GAP]));
    assert!(matches!(failed(data.select(["q"])).0, DataError::UnknownColumn { .. }));
    assert!(matches!(failed(data.select(["x", "x"])).0, DataError::ColumnUsedTwice { .. }));
    assert!(matches!(failed(data.select(Vec::<&str>::new())).0, DataError::NoStates { .. }));
}

#[test]
fn equality_sees_every_difference_but_the_source() {
    let values = [1.0, GAP, 3.0, 4.0];
    let data = TimeSeries::new(["x", "y"], &[0.0, 1.0], &values).unwrap();
    assert_eq!(data, data.clone());
    assert_eq!(data, Csv::new("t,x,y\n0,1,\n1,3,4\n").read().read().unwrap());
    assert_ne!(data, Csv::new("s,x,y\n0,1,\n1,3,4\n").read().read().unwrap());
    assert_ne!(data, TimeSeries::new(["x", "z"], &[0.0, 1.0], &values).unwrap());
    assert_ne!(data, TimeSeries::new(["x", "y"], &[0.0, 2.0], &values).unwrap());
    assert_ne!(data, TimeSeries::new(["x", "y"], &[0.0, 1.0], &[1.0, 2.0, 3.0, 4.0]).unwrap());
    assert_ne!(data, data.clone().with_units("s", ["m", "m"]).unwrap());
}

#[test]
fn a_data_frame_is_read_like_a_file() {
    let frame = df!(
        "t" => [0i64, 1, 2],
        "x" => [Some(1.5), None, Some(f64::NAN)],
        "y" => [Some("1"), Some("NA"), None],
    );
    let data = TimeSeries::from_data_frame(&frame.unwrap()).unwrap();
    assert_eq!(data.trajectories()[0].times(), [0.0, 1.0, 2.0]);
    assert_eq!(bits(column(&data, 0, "x")), bits([1.5, GAP, GAP]));
    assert_eq!(bits(column(&data, 0, "y")), bits([1.0, GAP, GAP]));
    assert_eq!(data.source(), None);
}

#[test]
fn a_bad_data_frame_names_row_and_column() {
    let frame = df!("t" => [0, 1], "x" => ["1", "high"]).unwrap();
    let (error, message) = failed(TimeSeries::from_data_frame(&frame));
    assert!(matches!(
        &error,
        DataError::NotANumber { place: Place { origin: Origin::DataFrame, row: 2 }, column, .. } if column == "x"
    ));
    says(&message, &["row 2 of the data frame", "column `x`", "\"high\""]);

    let frame = df!("t" => [0, 1], "x" => [true, false]).unwrap();
    let (error, message) = failed(TimeSeries::from_data_frame(&frame));
    assert!(matches!(&error, DataError::NotNumeric { column, data_type, .. } if column == "x" && data_type == "bool"));
    says(&message, &["column `x`", "bool", "cast it to f64"]);

    let frame = df!("t" => [0, 1, 0, 1], "run" => [1, 1, 2, 2], "x" => [1.5, f64::INFINITY, 1.0, 1.0]).unwrap();
    let (error, message) = failed(TimeSeries::from_data_frame(&frame));
    assert!(matches!(&error, DataError::TimeNotIncreasing { splitter: Some(found), .. } if found.column == "run"));
    says(&message, &["row 3", "from_data_frame_with_id(&frame, \"run\")"]);
    let (error, _) = failed(TimeSeries::from_data_frame_with_id(&frame, "run"));
    assert!(matches!(&error, DataError::Infinite { place: Place { row: 2, .. }, .. }));
}

#[test]
fn a_data_frame_goes_there_and_back() {
    let a = Trajectory::new("a", &[0.0, 1.0], &[1.0, GAP]).unwrap();
    let b = Trajectory::new("b", &[0.0, 3.0, 4.0], &[0.1, -0.0, 1e-310]).unwrap();
    let data = TimeSeries::from_trajectories(["x"], vec![a, b]).unwrap();
    let frame = data.to_data_frame().unwrap();
    assert_eq!(frame.get_column_names(), ["t", "trajectory", "x"]);
    assert_eq!(TimeSeries::from_data_frame_with_id(&frame, "trajectory").unwrap(), data);
}

#[test]
fn stored_series_come_back_with_gaps_and_units_and_are_checked() {
    let data = Csv::new("day,x,y\n0,1,\n1,3,4.5\n").read().read().unwrap().with_units("d", ["m", ""]).unwrap();
    let stored = serde_json::to_string(&data).unwrap();
    let back: TimeSeries = serde_json::from_str(&stored).unwrap();
    assert_eq!(back, data);
    assert_eq!((back.time_name(), back.source()), ("day", data.source()));
    assert!(back.trajectories()[0].value(0, 1).is_nan());

    let reversed = stored.replace("[0.0,1.0]", "[1.0,0.0]");
    assert_ne!(reversed, stored);
    let refusal = serde_json::from_str::<TimeSeries>(&reversed).unwrap_err().to_string();
    says(&refusal, &["goes backwards"]);
}
