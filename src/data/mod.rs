//! Measurements: time series in memory, in CSV files and in polars data frames.
//!
//! Everything downstream works on a [`TimeSeries`]: named columns observed at increasing times, in one
//! [`Trajectory`] or several. A number that was not measured is a *gap*, held as NaN and skipped by every fit.
//! Whatever is wrong with the data is a [`DataError`] that says where it is and what to do about it; nothing is
//! guessed, filled in or dropped.
//!
//! ```
//! use ansatz::data::TimeSeries;
//!
//! let times = [0.0, 1.0, 2.5];
//! let values = [
//!     30.0, 4.0, //
//!     47.2, f64::NAN, // the lynx were not counted that year
//!     70.2, 9.8,
//! ];
//! let data = TimeSeries::new(["hare", "lynx"], &times, &values)?;
//! assert_eq!(data.len(), 3);
//! assert_eq!(data.observed(), 5);
//! assert_eq!(data.trajectories()[0].value(2, data.column("lynx")?), 9.8);
//! # Ok::<(), ansatz::data::DataError>(())
//! ```
//!
//! With the feature `data` (on by default), CSV files come in through `TimeSeries::read_csv` and
//! `TimeSeries::csv`, data frames through `TimeSeries::from_data_frame`.

mod advice;
#[cfg(feature = "data")]
mod csv;
mod error;
#[cfg(feature = "data")]
mod frame;
mod place;
#[cfg(feature = "data")]
mod scan;
mod time_series;
mod trajectory;

#[cfg(feature = "data")]
pub use csv::CsvReader;
pub use error::DataError;
pub use place::{Origin, Place, Splitter};
pub use time_series::TimeSeries;
pub use trajectory::Trajectory;
