//! Pictures: fits against data, loss curves, phase portraits, odds of terms.
//!
//! | picture | shows |
//! |---|---|
//! | [`Figure`] of [`Panel`]s | series over a common axis: data, fit, law and forecast, loss curves |
//! | [`PhasePortrait`] | the directions of a planar system with trajectories and data |
//! | [`BarChart`] | the odds of candidate terms, equation by equation |
//!
//! Every picture is saved with `save(path)`; the extension of the path, `.svg` or `.png`, chooses the format.
//! The font (DejaVu Sans) is part of the program, colours are those of Okabe and Ito ([`Colour`]), and series differ
//! by lightness, line style or mark as well as by hue. Numbers go in as plain slices.
//!
//! Fits and laws draw themselves with these: `fit.plot_loss(path)`, `law.plot(path)`, `law.plot_phase(path)`,
//! `law.plot_odds(path)`.
//!
//! ```
//! use ansatz::plot::{Figure, Panel};
//!
//! let measured = ([0.0, 1.0, 2.0, 3.0], [0.9, 2.1, 2.9, 4.2]);
//! let law = ([0.0, 6.0], [1.0, 7.0]);
//! Figure::new()
//!     .panel(
//!         Panel::new("Growth")
//!             .x_label("time (days)")
//!             .y_label("height (cm)")
//!             .points("data", &measured.0, &measured.1)
//!             .dashed("law", &law.0, &law.1)
//!             .shade(3.0, 6.0, "forecast"),
//!     )
//!     .save(std::env::temp_dir().join("ansatz_growth.svg"))?;
//! # Ok::<(), ansatz::plot::PlotError>(())
//! ```

mod axis;
mod bar_chart;
mod error;
mod figure;
mod font;
mod frame;
mod legend;
mod marker;
mod page;
mod paint;
mod palette;
mod panel;
mod phase_portrait;
mod results;
mod series;

pub use bar_chart::{BarChart, BarGroup};
pub use error::PlotError;
pub use figure::Figure;
pub use marker::Marker;
pub use palette::Colour;
pub use panel::Panel;
pub use phase_portrait::PhasePortrait;
pub use series::Series;
