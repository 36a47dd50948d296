//! Where in the data something is.

use std::fmt;
use std::path::PathBuf;

/// Where data came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// A polars data frame.
    DataFrame,
    /// Numbers handed over in memory, as a single trajectory.
    Memory,
    /// Numbers handed over in memory, as the trajectory of this id.
    Trajectory(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::DataFrame => f.write_str("the data frame"),
            Self::Memory => f.write_str("the data"),
            Self::Trajectory(id) => write!(f, "trajectory `{id}`"),
        }
    }
}

/// One row of the data: a line of a file, or a row of a data frame or of numbers in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where the row is from.
    pub origin: Origin,
    /// Counted from one; in a file it is the line, with comments, blank lines and the header counted too.
    pub row: usize,
}

impl Place {
    /// `line 7` or `row 7`.
    pub(super) fn short(&self) -> String {
        match self.origin {
            Origin::File(_) => format!("line {}", self.row),
            _ => format!("row {}", self.row),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.short(), self.origin)
    }
}

/// A column that may tell trajectories apart, in rows whose times jump back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splitter {
    /// Its name.
    pub column: String,
    /// How many trajectories it would make.
    pub trajectories: usize,
    /// Whether times would then increase in each; if not, only its name speaks for it.
    pub increasing: bool,
}
