//! States between start and end that are too large to stand beside the equations: the tables in `between/`.
//!
//! The first line of a table has the times, each line after it one component at these times. The numbers are the
//! doubles nearest to those of the first computation that [`Reference`](super::Reference) names.

/// The times of a table, and the states at them.
pub(super) fn table(text: &str) -> Vec<(f64, Vec<f64>)> {
    let mut lines = text.lines().map(|line| line.split_ascii_whitespace().map(number));
    let mut states: Vec<(f64, Vec<f64>)> = lines.next().into_iter().flatten().map(|t| (t, Vec::new())).collect();
    for line in lines {
        for ((_, state), value) in states.iter_mut().zip(line) {
            state.push(value);
        }
    }
    states
}

fn number(digits: &str) -> f64 {
    match digits.parse() {
        Ok(value) => value,
        // The tables are part of the program, and a test reads every one.
        Err(fault) => unreachable!("`{digits}` in a table of the catalogue: {fault}"),
    }
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_states() {
        assert_eq!(table("0.5 2.0\n1.0 -3e-2\n4.0 5.0\n"), [(0.5, vec![1.0, 4.0]), (2.0, vec![-0.03, 5.0])]);
    }
}
