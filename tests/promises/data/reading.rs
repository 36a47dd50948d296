//! What is read, and how it may be written.

use super::*;

#[test]
fn first_column_is_time_and_the_rest_are_states() {
    let file = Csv::new("t,x,y\n0,1,2\n0.5,3,4\n2,5,6\n");
    let data = file.read().read().unwrap();
    assert_eq!(data.time_name(), "t");
    assert_eq!(data.columns(), ["x", "y"]);
    assert_eq!((data.len(), data.observed()), (3, 6));
    let run = &data.trajectories()[0];
    assert_eq!((run.id(), run.len()), ("", 3));
    assert_eq!(run.times(), [0.0, 0.5, 2.0]);
    assert_eq!(run.row(1), [3.0, 4.0]);
    assert_eq!(run.value(2, 1), 6.0);
    assert_eq!(data.source(), Some(file.path.as_path()));
}

#[test]
fn numbers_may_be_written_in_any_usual_way() {
    let file = Csv::new("t,x\n+0,+1.5\n1.,.5\n2e0,-1E-3\n3,1e300\n4, 7 \n5,-0\n");
    let data = file.read().read().unwrap();
    assert_eq!(data.trajectories()[0].times(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(bits(column(&data, 0, "x")), bits([1.5, 0.5, -1e-3, 1e300, 7.0, -0.0]));
}

#[test]
fn a_float_may_follow_hundreds_of_integers() {
    let mut text = String::from("t,x\n");
    for k in 0..500 {
        text += &format!("{k},{k}\n");
    }
    text += "500.5,0.25\n";
    let data = Csv::new(text).read().read().unwrap();
    assert_eq!(data.len(), 501);
    assert_eq!(data.trajectories()[0].times()[500], 500.5);
    assert_eq!(data.trajectories()[0].value(500, 0), 0.25);
}

#[test]
fn every_spelling_of_a_gap_is_a_gap() {
    let file = Csv::new("t,x,y\n0,,1\n1,NA,1\n2,NaN,1\n3,nan,1\n4,null,1\n5,\"\",1\n6,  ,1\n7,8,\n");
    let data = file.read().read().unwrap();
    assert_eq!(bits(column(&data, 0, "x")), bits([GAP, GAP, GAP, GAP, GAP, GAP, GAP, 8.0]));
    assert_eq!(bits(column(&data, 0, "y")), bits([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, GAP]));
    assert_eq!(data.observed(), 8);
}

#[test]
fn comments_blank_lines_line_ends_and_byte_order_mark_do_not_matter() {
    let plain = Csv::new("t,x\n0,1\n1,2\n").read().read().unwrap();
    for text in [
        "\u{feff}t,x\r\n0,1\r\n1,2\r\n",
        "# made by hand\n\nt,x\n  # indented\n0,1\n   \n\n1,2",
        "t,x\r0,1\r1,2\r",
        "\u{feff}# first\nt , x\n 0 ,\t1\n1,2 \n# last",
        "\"t\",\"x\"\n\"0\",\"1\"\n 1, \" 2 \" \n",
    ] {
        assert_eq!(Csv::new(text).read().read().unwrap(), plain, "{text:?}");
    }
}

#[test]
fn quoted_names_may_hold_separators_quotes_and_line_ends() {
    let file = Csv::new("t,\"mass, wet\",\"the \"\"other\"\" one\",\"two\nlines\"\n0,1,2,3\n1,4,5,6\n");
    let data = file.read().read().unwrap();
    assert_eq!(data.columns(), ["mass, wet", "the \"other\" one", "two\nlines"]);
    assert_eq!(data.trajectories()[0].row(1), [4.0, 5.0, 6.0]);
}

#[test]
fn rows_of_several_trajectories_may_alternate() {
    let file = Csv::new("run,t,x\nb,0,1\n\"a, 2\",5,10\nb,1,2\n\"a, 2\",7,20\nb,3,3\n");
    let data = file.read().id("run").read().unwrap();
    assert_eq!((data.time_name(), data.id_name()), ("t", "run"));
    let [b, a] = data.trajectories() else { panic!("{data:?}") };
    assert_eq!((b.id(), a.id()), ("b", "a, 2"));
    assert_eq!((b.times(), a.times()), (&[0.0, 1.0, 3.0][..], &[5.0, 7.0][..]));
    assert_eq!(b.column(0).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
    assert_eq!(a.column(0).collect::<Vec<_>>(), [10.0, 20.0]);
}

#[test]
fn ids_may_be_numbers_and_stay_as_written() {
    let data = Csv::new("t,x,run\n0,1,01\n0,2,1\n1,3,01\n1,4,1\n").read().id("run").read().unwrap();
    let ids: Vec<&str> = data.trajectories().iter().map(Trajectory::id).collect();
    assert_eq!(ids, ["01", "1"]);
    assert_eq!(data.columns(), ["x"]);
}

#[test]
fn columns_separator_and_comment_mark_can_be_chosen() {
    let file = Csv::new("% note\nname|lynx|year|hare|\"#\"\nx|4|1900|30|1\ny|6.1|1901|47.2|2\n");
    let reader = file.read().separator(b'|').comment("%").time("year").columns(["hare", "lynx"]);
    let data = reader.read().unwrap();
    assert_eq!(data.columns(), ["hare", "lynx"]);
    assert_eq!(data.time_name(), "year");
    assert_eq!(data.trajectories()[0].row(1), [47.2, 6.1]);
    assert_eq!(column(&reader.columns(["#"]).read().unwrap(), 0, "#"), [1.0, 2.0]);
}

#[test]
fn an_empty_comment_mark_means_no_comments() {
    let file = Csv::new("#t,x\n0,1\n1,2\n");
    assert_eq!(file.read().comment("").read().unwrap().time_name(), "#t");
}

#[test]
fn columns_aligned_with_spaces_can_be_read() {
    let file = Csv::new("  t     x    y\n 0.0   1.0  2.0\n10.0  -1.0  NA\n");
    let data = file.read().separator(b' ').read().unwrap();
    assert_eq!(data.columns(), ["x", "y"]);
    assert_eq!(bits(data.trajectories()[0].row(1).to_vec()), bits([-1.0, GAP]));
}

#[test]
fn a_state_that_never_changes_is_no_error() {
    let data = Csv::new("t,x\n0,3\n1,3\n").read().read().unwrap();
    assert_eq!(column(&data, 0, "x"), [3.0, 3.0]);
}

#[test]
fn words_in_columns_that_are_not_asked_for_are_no_error() {
    let file = Csv::new("t,x,note\n0,1,dry\n1,2,wet\n");
    assert_eq!(file.read().columns(["x"]).read().unwrap().columns(), ["x"]);
}
