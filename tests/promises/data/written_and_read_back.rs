//! What is written reads back to the last bit.

use std::path::Path;

use proptest::prelude::*;

use super::*;

#[test]
fn what_is_written_is_plain() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    let write = |data: &TimeSeries| {
        data.write_csv(&path).unwrap();
        fs::read_to_string(&path).unwrap()
    };
    let data = TimeSeries::new(["x", "a,b"], &[0.0, 0.1], &[1.0, GAP, 1e-7, -2.5]).unwrap();
    assert_eq!(write(&data), "t,x,\"a,b\"\n0.0,1.0,\n0.1,1e-7,-2.5\n");
    let named = |id| Trajectory::new(id, &[0.0, 1.0], &[1.0, 2.0]).unwrap();
    let data = TimeSeries::from_trajectories(["x"], vec![named("only")]).unwrap();
    assert_eq!(write(&data), "t,trajectory,x\n0.0,only,1.0\n1.0,only,2.0\n");
    let data = TimeSeries::from_trajectories(["t", "trajectory"], vec![]).map(|_| ());
    assert!(data.is_err());
}

#[test]
fn states_may_be_called_like_time_and_id() {
    let run = |id| Trajectory::new(id, &[0.0, 1.0], &[1.0, 2.0, 3.0, 4.0]).unwrap();
    let data = TimeSeries::from_trajectories(["t", "trajectory"], vec![run("a"), run("b")]).unwrap();
    assert_eq!(data.to_data_frame().unwrap().get_column_names(), ["t_", "trajectory_", "t", "trajectory"]);
}

#[test]
fn a_header_that_begins_like_a_comment_is_read_back() {
    let data = Csv::new("\"#t\",x\n0,1\n1,2\n").read().read().unwrap();
    assert_eq!(data.time_name(), "#t");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    data.write_csv(&path).unwrap();
    assert_eq!(TimeSeries::read_csv(&path).unwrap(), data);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let data = TimeSeries::new(["x"], &[0.0, 1.0], &[1.0, 2.0]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let write = |path: &Path| failed(data.write_csv(path));
    let path = directory.path().join("none").join("out.csv");
    let (error, message) = write(&path);
    assert!(matches!(&error, DataError::Unwritable { path: named, .. } if *named == path));
    says(&message, &["cannot write", "out.csv", "create its directory first"]);
    let (error, message) = write(directory.path());
    assert!(matches!(error, DataError::Unwritable { .. }));
    says(&message, &["cannot write", "not a directory"]);
}

/// Any finite number, from any bits, and gaps.
fn number_or_gap() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => any::<u64>().prop_map(f64::from_bits).prop_map(|x| if x.is_finite() { x } else { GAP }),
        2 => -1e3..1e3,
        1 => Just(GAP),
        1 => Just(-0.0),
    ]
}

/// A trajectory of `columns`; the first row has no gaps, so that no column is all gaps.
fn trajectory(columns: usize) -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    (2usize..8).prop_flat_map(move |rows| {
        let steps = prop::collection::vec(1e-9..10.0f64, rows);
        let values = prop::collection::vec(number_or_gap(), rows * columns);
        (-1e3..1e3, steps, values).prop_map(move |(start, steps, mut values)| {
            let mut times = Vec::new();
            let mut time: f64 = start;
            for step in steps {
                time += step;
                times.push(time);
            }
            for value in &mut values[..columns] {
                if value.is_nan() {
                    *value = 0.25;
                }
            }
            (times, values)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn writing_and_reading_gives_the_same_bits(
        (names, runs) in prop::collection::btree_set("\\PC{1,8}|[a-z\",;\n\r #']{1,5}", 1..4).prop_flat_map(|names| {
            let runs = prop::collection::btree_map("\\PC{1,6}|[a-z\",;\n\r #']{1,4}", trajectory(names.len()), 1..4);
            (Just(names), runs)
        })
    ) {
        let trim = |text: &str| text.trim().to_owned();
        let names: Vec<String> = names.iter().enumerate().map(|(k, name)| trim(&format!("{name}{k}"))).collect();
        let runs: Vec<Trajectory> = runs
            .iter()
            .enumerate()
            .map(|(k, (id, (times, values)))| Trajectory::new(format!("{id}{k}"), times, values).unwrap())
            .collect();
        let data = TimeSeries::from_trajectories(&names, runs).unwrap();

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("round_trip.csv");
        data.write_csv(&path).unwrap();
        let back = TimeSeries::csv(&path).id("trajectory").read().unwrap();

        prop_assert_eq!(back.columns(), data.columns());
        prop_assert_eq!(back.trajectories().len(), data.trajectories().len());
        for (read, written) in back.trajectories().iter().zip(data.trajectories()) {
            prop_assert_eq!(read.id(), written.id());
            prop_assert_eq!(bits(read.times().to_vec()), bits(written.times().to_vec()));
            for k in 0..written.len() {
                prop_assert_eq!(bits(read.row(k).to_vec()), bits(written.row(k).to_vec()));
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_line_that_exists(text in "[0-9a-c,;\"#\n\r .-]{0,60}|\\PC{0,40}") {
        let file = Csv::new(&text);
        let last = text.split(['\n', '\r']).count();
        match file.read().read() {
            Ok(data) => prop_assert!(data.len() >= 2 && data.observed() >= data.columns().len()),
            Err(
                DataError::NotANumber { place, .. }
                | DataError::RaggedRow { place, .. }
                | DataError::GapInTime { place, .. }
                | DataError::TimeNotIncreasing { place, .. }
                | DataError::UnclosedQuote { place }
                | DataError::TextAfterQuote { place, .. }
                | DataError::NoHeader { place, .. }
                | DataError::LikelySeparator { place, .. },
            ) => prop_assert!(place.row >= 1 && place.row <= last, "line {} of {}", place.row, last),
            Err(DataError::Polars { message, .. }) => prop_assert!(false, "{}", message),
            Err(_) => {}
        }
    }
}
