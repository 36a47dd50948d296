//! One series of numbers and how it is drawn.

use super::axis::Scales;
use super::marker::Marker;
use super::page::{Dash, Ink, Page, Point};
use super::palette::{self, Colour};
use super::{PlotError, frame::Frame};

const LINE_WIDTH: f64 = 4.0;
/// Width of a solid line in a drawing that has dashed ones too: a law that agrees with the fit lies on it, and
/// the fit must stay visible on both sides.
const WIDE_LINE: f64 = 6.8;
const DASH: Dash = Dash { stroke: 3.4, gap: 2.2 };
const BAND_OPACITY: f64 = 0.22;
const MARKER_RADIUS: f64 = 9.0;
/// Beyond this many points a series is drawn with smaller markers.
const MANY_POINTS: usize = 120;

/// What a series is drawn as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Points,
    Line,
    Dashed,
    Band,
}

/// A named series: points, a line, a dashed line or a band.
///
/// A line or band is interrupted where a value is NaN or infinite (and on a logarithmic axis where it is not
/// positive); such points are left out. A series without a colour or marker receives one by its name, the
/// same in every panel of a figure.
///
/// ```
/// use ansatz::plot::{Colour, Panel, Series};
///
/// let t = [0.0, 1.0, 2.0];
/// let panel = Panel::new("both species")
///     .series(Series::points("prey, data", &t, &[1.0, 2.0, 1.5]).colour(Colour::BLUE))
///     .series(Series::line("prey, fit", &t, &[1.1, 1.9, 1.6]).colour(Colour::BLUE));
/// # let _ = panel;
/// ```
#[derive(Debug, Clone)]
pub struct Series {
    pub(super) name: String,
    pub(super) form: Form,
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
    /// Upper edge of a band, whose lower edge is `y`; empty for every other form.
    pub(super) upper: Vec<f64>,
    pub(super) colour: Option<Colour>,
    pub(super) marker: Option<Marker>,
}

impl Series {
    fn new(name: impl Into<String>, form: Form, x: &[f64], y: &[f64]) -> Self {
        Self { name: name.into(), form, x: x.to_vec(), y: y.to_vec(), upper: Vec::new(), colour: None, marker: None }
    }

    /// Separate points, for measurements.
    pub fn points(name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        Self::new(name, Form::Points, x, y)
    }

    /// A solid line, for a fit; wider in pictures with dashed lines, so that a law on top of it hides it nowhere.
    pub fn line(name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        Self::new(name, Form::Line, x, y)
    }

    /// A dashed line, for a law.
    pub fn dashed(name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        Self::new(name, Form::Dashed, x, y)
    }

    /// The translucent area between two curves, for an interval.
    pub fn band(name: impl Into<String>, x: &[f64], lower: &[f64], upper: &[f64]) -> Self {
        Self { upper: upper.to_vec(), ..Self::new(name, Form::Band, x, lower) }
    }

    /// Draws the series in this colour.
    pub fn colour(self, colour: Colour) -> Self {
        Self { colour: Some(colour), ..self }
    }

    /// Marks the points in this form; lines and bands have no marks.
    pub fn marker(self, marker: Marker) -> Self {
        Self { marker: Some(marker), ..self }
    }

    /// Whether something of the series can be drawn on an axis of these scales.
    pub(super) fn check(&self, picture: &str, scales: Scales) -> Result<(), PlotError> {
        let (series, picture) = (self.name.clone(), picture.to_owned());
        let length = self.x.len();
        let bounds = if self.form == Form::Band { self.upper.len() } else { self.y.len() };
        for y in [self.y.len(), bounds] {
            if y != length {
                return Err(PlotError::LengthMismatch { series, picture, x: length, y });
            }
        }
        if length == 0 {
            return Err(PlotError::EmptySeries { series, picture });
        }
        if !(0..length).any(|index| self.shown(index, Scales::default())) {
            return Err(PlotError::NothingFinite { series, picture, length });
        }
        if !(0..length).any(|index| self.shown(index, scales)) {
            return Err(PlotError::NothingPositive { series, picture, length });
        }
        Ok(())
    }

    fn shown(&self, index: usize, scales: Scales) -> bool {
        scales.x.shows(self.x[index])
            && scales.y.shows(self.y[index])
            && self.upper.get(index).is_none_or(|&upper| scales.y.shows(upper))
    }

    /// The x values that are drawn.
    pub(super) fn x_values(&self, scales: Scales) -> impl Iterator<Item = f64> {
        (0..self.x.len()).filter(move |&index| self.shown(index, scales)).map(|index| self.x[index])
    }

    /// The y values that are drawn, both edges of a band included.
    pub(super) fn y_values(&self, scales: Scales) -> impl Iterator<Item = f64> {
        (0..self.x.len())
            .filter(move |&index| self.shown(index, scales))
            .flat_map(|index| [Some(self.y[index]), self.upper.get(index).copied()].into_iter().flatten())
    }

    /// Consecutive indices without a gap.
    fn runs(&self, scales: Scales) -> Vec<std::ops::Range<usize>> {
        let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
        for index in (0..self.x.len()).filter(|&index| self.shown(index, scales)) {
            match runs.last_mut() {
                Some(run) if run.end == index => run.end += 1,
                _ => runs.push(index..index + 1),
            }
        }
        runs
    }

    /// The first point that is drawn.
    pub(super) fn start(&self) -> Option<(f64, f64)> {
        (0..self.x.len())
            .find(|&index| self.shown(index, Scales::default()))
            .map(|index| (self.x[index], self.y[index]))
    }

    /// Draws the series inside the frame; what lies outside is cut off.
    pub(super) fn draw(&self, page: &mut Page, frame: &Frame, style: Style) {
        let Style { colour, marker, line_width } = style;
        let scales = Scales { x: frame.x.scale, y: frame.y.scale };
        let curve = |indices: std::ops::Range<usize>, values: &[f64]| -> Vec<Point> {
            indices.map(|index| frame.point(self.x[index], values[index])).collect()
        };
        match self.form {
            Form::Points => {
                let radius = if self.x.len() > MANY_POINTS { 0.6 * MARKER_RADIUS } else { MARKER_RADIUS };
                for index in (0..self.x.len()).filter(|&index| self.shown(index, scales)) {
                    let centre = frame.point(self.x[index], self.y[index]);
                    if frame.rectangle.contains(centre) {
                        marker.draw(page, centre, radius, colour);
                    }
                }
            }
            Form::Line | Form::Dashed => {
                for run in self.runs(scales) {
                    if run.len() == 1 {
                        // A value between two gaps would otherwise vanish.
                        let centre = frame.point(self.x[run.start], self.y[run.start]);
                        if frame.rectangle.contains(centre) {
                            page.disc(centre, 0.8 * line_width, colour);
                        }
                    }
                    for part in frame.rectangle.clip_line(&curve(run, &self.y)) {
                        if self.form == Form::Line {
                            page.line(part, line_width, colour);
                        } else {
                            page.dashed(&part, line_width, DASH, colour);
                        }
                    }
                }
            }
            Form::Band => {
                for run in self.runs(scales) {
                    let mut outline = curve(run.clone(), &self.y);
                    outline.extend(curve(run, &self.upper).into_iter().rev());
                    page.fill(frame.rectangle.clip_polygon(outline), Ink { colour, opacity: BAND_OPACITY });
                }
            }
        }
    }

    /// Width of a specimen in a legend.
    pub(super) fn sample_width(&self) -> f64 {
        if self.form == Form::Points { 2.4 * MARKER_RADIUS } else { 64.0 }
    }

    /// Draws a specimen of the series, from the middle of its left edge.
    pub(super) fn draw_sample(&self, page: &mut Page, [x, y]: Point, style: Style) {
        let Style { colour, marker, line_width } = style;
        let width = self.sample_width();
        match self.form {
            Form::Points => marker.draw(page, [x + 0.5 * width, y], 1.1 * MARKER_RADIUS, colour),
            Form::Line => page.line(vec![[x, y], [x + width, y]], line_width, colour),
            Form::Dashed => {
                // Three strokes, so that it begins and ends with one.
                let gap = width / (3.0 * DASH.stroke / DASH.gap + 2.0) / line_width;
                let dash = Dash { gap, stroke: gap * DASH.stroke / DASH.gap };
                page.dashed(&[[x, y], [x + width, y]], line_width, dash, colour);
            }
            Form::Band => {
                let corners = vec![[x, y - 12.0], [x + width, y - 12.0], [x + width, y + 12.0], [x, y + 12.0]];
                page.fill(corners, Ink { colour, opacity: BAND_OPACITY });
            }
        }
    }
}

/// How one series looks: its colour, its mark and the width of its line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    colour: Colour,
    marker: Marker,
    line_width: f64,
}

impl Style {
    pub(super) fn colour(self) -> Colour {
        self.colour
    }
}

/// Colours and marks by the name of a series, in order of first appearance.
#[derive(Debug, Default)]
pub(super) struct Styles {
    coloured: Vec<String>,
    marked: Vec<String>,
    wide_lines: bool,
}

impl Styles {
    /// Styles for all series of one picture.
    pub(super) fn assign<'s>(series: impl IntoIterator<Item = &'s Series>) -> Self {
        let mut styles = Self::default();
        for series in series {
            let wants = [
                (series.colour.is_none(), &mut styles.coloured),
                (series.marker.is_none() && series.form == Form::Points, &mut styles.marked),
            ];
            for (wanted, names) in wants {
                if wanted && !names.contains(&series.name) {
                    names.push(series.name.clone());
                }
            }
            styles.wide_lines |= series.form == Form::Dashed;
        }
        styles
    }

    pub(super) fn of(&self, series: &Series) -> Style {
        let place = |names: &[String]| names.iter().position(|name| *name == series.name).unwrap_or(0);
        let wide = self.wide_lines && series.form == Form::Line;
        Style {
            colour: series.colour.unwrap_or_else(|| palette::cycle(place(&self.coloured))),
            marker: series.marker.unwrap_or_else(|| Marker::CYCLE[place(&self.marked) % Marker::CYCLE.len()]),
            line_width: if wide { WIDE_LINE } else { LINE_WIDTH },
        }
    }
}
