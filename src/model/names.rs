//! Lists of names, and the name that was probably meant.

use std::ops::Deref;

/// An ordered list of names; made of an array or a vector of strings.
///
/// ```
/// use ansatz::model::Names;
/// let names: Names = ["prey", "predator"].into();
/// assert_eq!(names.position("predator"), Some(1));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// Where a name stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|n| n == name)
    }

    /// The first name that is there twice, or empty.
    pub(crate) fn repeated_or_empty(&self) -> Option<&str> {
        self.0
            .iter()
            .enumerate()
            .find(|(i, n)| n.trim().is_empty() || self.0[..*i].contains(n))
            .map(|(_, n)| n.as_str())
    }
}

impl<S: Into<String>, const N: usize> From<[S; N]> for Names {
    fn from(names: [S; N]) -> Names {
        Names(names.into_iter().map(Into::into).collect())
    }
}
impl From<Vec<String>> for Names {
    fn from(names: Vec<String>) -> Names {
        Names(names)
    }
}
impl From<&[String]> for Names {
    fn from(names: &[String]) -> Names {
        Names(names.to_vec())
    }
}
impl Deref for Names {
    type Target = [String];
    #[inline]
    fn deref(&self) -> &[String] {
        &self.0
    }
}

/// The candidate nearest to `name`, if one is near enough to be a likely slip of the pen.
pub fn nearest_name<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.trim().to_lowercase();
    // Two slips, or a third of the letters of a long name; never every letter of a short one.
    let letters = name.chars().count();
    let tolerated = (letters / 3).max(2).min(letters.saturating_sub(1));
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|&(distance, _)| distance <= tolerated)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// The least number of letters to insert, delete, replace or swap with their neighbour (optimal string
/// alignment distance).
fn edit_distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let width = to.len() + 1;
    let mut distance = vec![0; (from.len() + 1) * width];
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            let at = i * width + j;
            if i == 0 || j == 0 {
                distance[at] = i + j;
                continue;
            }
            let replaced = distance[at - width - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = replaced.min(distance[at - width] + 1).min(distance[at - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(distance[at - 2 * width - 2] + 1);
            }
            distance[at] = least;
        }
    }
    distance[distance.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_slips() {
        for (from, to, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("lynx", "lynx", 0),
            ("lynx", "lnyx", 1),
            ("kitten", "sitting", 3),
            ("höhe", "hohe", 1),
        ] {
            assert_eq!(edit_distance(from, to), expected, "{from} to {to}");
            assert_eq!(edit_distance(to, from), expected, "{to} to {from}");
        }
    }

    #[test]
    fn a_slip_is_found_and_a_different_word_is_not() {
        assert_eq!(nearest_name("lnyx", ["hare", "lynx"]), Some("lynx"));
        assert_eq!(nearest_name("Hare ", ["hare", "lynx"]), Some("hare"));
        assert_eq!(nearest_name("temperature", ["hare", "lynx"]), None);
        assert_eq!(nearest_name("x", ["y", "z"]), None);
        assert_eq!(nearest_name("", ["y"]), None);
    }

    #[test]
    fn repeated_and_empty_names_are_found() {
        assert_eq!(Names::from(["a", "b", "a"]).repeated_or_empty(), Some("a"));
        assert_eq!(Names::from(["a", " "]).repeated_or_empty(), Some(" "));
        assert_eq!(Names::from(["a", "b"]).repeated_or_empty(), None);
    }
}
