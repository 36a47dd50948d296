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
        self.0.iter().enumerate().find(|(i, n)| n.trim().is_empty() || self.0[..*i].contains(n)).map(|(_, n)| n.as_str())
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
    fn deref(&self) -> &[String] {
        &self.0
    }
}

/// The name that differs least from `wanted`, by the number of edits; `None` when there are no names.
pub fn nearest_name<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names.into_iter().min_by_key(|name| edits(&wanted.to_lowercase(), &name.to_lowercase()))
}

/// Levenshtein's distance: insertions, deletions and replacements that turn one string into the other.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distance() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("prey", "prey"), 0);
        assert_eq!(nearest_name("Prey_", ["time", "prey", "predator"]), Some("prey"));
        assert_eq!(nearest_name("x", []), None);
    }

    #[test]
    fn repeated_and_empty_names_are_found() {
        assert_eq!(Names::from(["a", "b", "a"]).repeated_or_empty(), Some("a"));
        assert_eq!(Names::from(["a", " "]).repeated_or_empty(), Some(" "));
        assert_eq!(Names::from(["a", "b"]).repeated_or_empty(), None);
    }
}
