//! What can go wrong between a list of numbers and a picture on disk.

use std::path::PathBuf;

/// Why a picture was not drawn or not saved.
///
/// Every message is a sentence that names the path or the series concerned and what to try.
///
/// ```
/// use ansatz::plot::{Figure, Panel, PlotError};
///
/// let figure = Figure::new().panel(Panel::new("prey").line("fit", &[0.0, 1.0], &[1.0, 2.0]));
/// let error = figure.save(std::env::temp_dir().join("fit.pdf")).unwrap_err();
/// assert!(matches!(error, PlotError::UnknownExtension { .. }));
/// assert!(error.to_string().contains("`.svg` or `.png`"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// A phase plane of a law that has another number of states than two.
    #[error(
        "A phase portrait shows two states, and this law has {states}; draw `law.plot(…)`, or a law of two of its states."
    )]
    NotPlanar {
        /// States of the law.
        states: usize,
    },
    /// The file name does not end in `.svg` or `.png`.
    #[error(
        "The picture cannot be saved as {path:?}, because its extension {extension:?} names no known format; \
         let the file name end in `.svg` or `.png`."
    )]
    UnknownExtension {
        /// Where the picture was to go.
        path: PathBuf,
        /// What the file name ends in, empty when it has no extension.
        extension: String,
    },
    /// A folder on the way to the file could not be made.
    #[error(
        "The folder {folder:?} for the picture could not be made ({source}); \
         check its name and your right to write there, or choose another folder."
    )]
    Folder {
        /// The folder that was to be made.
        folder: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file could not be written.
    #[error(
        "The picture could not be written to {path:?} ({cause}); check that this is not a folder, that you \
         may write there and that the disk is not full, or choose another path."
    )]
    Write {
        /// Where the picture was to go.
        path: PathBuf,
        /// What the operating system or the encoder said.
        cause: String,
    },
    /// A series has no points at all.
    #[error("The series {series:?} of {picture} is empty; give it at least one point or leave it out.")]
    EmptySeries {
        /// The name of the series.
        series: String,
        /// The panel or picture it belongs to.
        picture: String,
    },
    /// The columns of a series differ in length.
    #[error(
        "The series {series:?} of {picture} has {x} values on the x axis but {y} on the y axis; \
         give one y value (or one lower and one upper bound) for every x value."
    )]
    LengthMismatch {
        /// The name of the series.
        series: String,
        /// The panel or picture it belongs to.
        picture: String,
        /// Number of x values.
        x: usize,
        /// Number of y values.
        y: usize,
    },
    /// A series has points, but none that is finite.
    #[error(
        "None of the {length} points of the series {series:?} of {picture} is finite, so nothing of it can be \
         drawn; this usually means that a solve diverged: shorten its time span, or leave the series out."
    )]
    NothingFinite {
        /// The name of the series.
        series: String,
        /// The panel or picture it belongs to.
        picture: String,
        /// Number of points, all of them NaN or infinite.
        length: usize,
    },
    /// A series on a logarithmic axis has no positive value.
    #[error(
        "None of the {length} points of the series {series:?} of {picture} is positive, so nothing of it can be \
         drawn on a logarithmic axis; use a linear axis, or plot the absolute values."
    )]
    NothingPositive {
        /// The name of the series.
        series: String,
        /// The panel or picture it belongs to.
        picture: String,
        /// Number of points, none of them both finite and positive.
        length: usize,
    },
    /// The picture has no content.
    #[error("There is nothing to draw in {picture}: {advice}.")]
    NothingToDraw {
        /// The panel or picture concerned.
        picture: String,
        /// What to add.
        advice: &'static str,
    },
    /// The limits given for an axis do not span a range.
    #[error(
        "The limits {low} and {high} given for the {axis} axis of {picture} do not span a range; both must be \
         finite, the first below the second, and positive on a logarithmic axis."
    )]
    BadRange {
        /// The panel or picture concerned.
        picture: String,
        /// `x` or `y`.
        axis: char,
        /// The lower limit given.
        low: f64,
        /// The upper limit given.
        high: f64,
    },
    /// A bar's odds are not a probability.
    #[error(
        "The odds {odds} of the term {term:?} in the group {group:?} are not a probability; \
         give a number from 0 to 1, for example the share of bootstrap fits that kept the term."
    )]
    NotAProbability {
        /// The candidate term.
        term: String,
        /// The equation it belongs to.
        group: String,
        /// The value given.
        odds: f64,
    },
    /// The picture's size is outside what can be drawn.
    #[error(
        "A picture of {width} by {height} pixels cannot be drawn; each side must lie between \
         {minimum} and {maximum} pixels."
    )]
    BadSize {
        /// Width asked for, in pixels.
        width: u32,
        /// Height asked for, in pixels.
        height: u32,
        /// Smallest side that can be drawn.
        minimum: u32,
        /// Largest side that can be drawn.
        maximum: u32,
    },
    /// The labels leave no room for the drawing.
    #[error(
        "The labels of {picture} leave no room for the drawing on {width} by {height} pixels; make the picture \
         larger with `size`, use fewer panels, or shorten the labels."
    )]
    NoRoom {
        /// The panel or picture concerned.
        picture: String,
        /// Width of the picture in pixels.
        width: u32,
        /// Height of the picture in pixels.
        height: u32,
    },
    /// The built-in font could not be used.
    #[error(
        "The built-in DejaVu Sans font could not be used ({cause}); the program was built with a damaged copy of \
         the `dejavu` package: clean the build and build again."
    )]
    Font {
        /// What the font reader said.
        cause: String,
    },
    /// The drawing library refused a shape.
    #[error("The picture {path:?} could not be drawn ({cause}); try the other format, `.svg` or `.png`.")]
    Drawing {
        /// Where the picture was to go.
        path: PathBuf,
        /// What the drawing library said.
        cause: String,
    },
}
