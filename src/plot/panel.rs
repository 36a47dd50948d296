//! One panel of a figure: series over a common x axis.

use super::PlotError;
use super::axis::{Axis, Scale, Scales};
use super::font::{Fonts, Weight};
use super::frame::{self, CAPTION_EM, Frame, TITLE_EM, Words};
use super::legend::Legend;
use super::page::{Align, Dash, Page, Rectangle, Text};
use super::palette::{FAINT_TEXT, REFERENCE, SHADE};
use super::series::{Form, Series, Styles};

const REFERENCE_WIDTH: f64 = 2.5;
const REFERENCE_DASH: Dash = Dash { stroke: 3.0, gap: 2.6 };
const CAPTION_ROW: f64 = 1.35 * CAPTION_EM;

#[derive(Debug, Clone)]
struct ShadedRange {
    from: f64,
    to: f64,
    caption: String,
}

/// Vertical lines under one name, shown either above each line or in the legend.
#[derive(Debug, Clone)]
struct References {
    name: String,
    at: Vec<f64>,
    in_legend: bool,
}

/// One drawing of a [`Figure`](super::Figure): series, shaded ranges and reference lines on a pair of axes.
///
/// Areas and bands lie lowest, then points, then lines, so that dense data never hide a curve.
///
/// ```
/// use ansatz::plot::{Figure, Panel};
///
/// let t = [0.0, 1.0, 2.0, 3.0];
/// let panel = Panel::new("prey")
///     .x_label("time (years)")
///     .y_label("prey (thousand)")
///     .points("data", &t[..3], &[1.0, 2.1, 1.4])
///     .dashed("law", &t, &[1.1, 2.0, 1.5, 0.9])
///     .shade(2.0, 3.0, "forecast")
///     .vertical_line(2.0, "");
/// Figure::new().panel(panel).save(std::env::temp_dir().join("ansatz_panel.svg"))?;
/// # Ok::<(), ansatz::plot::PlotError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Panel {
    words: Words,
    scales: Scales,
    pub(super) series: Vec<Series>,
    shaded: Vec<ShadedRange>,
    references: Vec<References>,
    x_range: Option<(f64, f64)>,
    y_range: Option<(f64, f64)>,
}

impl Panel {
    /// An empty panel; an empty title takes no room.
    pub fn new(title: impl Into<String>) -> Self {
        Self { words: Words { title: title.into(), ..Words::default() }, ..Self::default() }
    }

    /// The name of the x axis with its unit, such as `time (years)`.
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.words.x = label.into();
        self
    }

    /// The name of the y axis with its unit, such as `prey (thousand)`.
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.words.y = label.into();
        self
    }

    /// Makes the y axis logarithmic.
    ///
    /// Values that are not positive have no place on it: points are left out and lines interrupted there, as
    /// they are for NaN. A series with no positive value at all is a [`PlotError::NothingPositive`].
    pub fn log_y(mut self) -> Self {
        self.scales.y = Scale::Logarithmic;
        self
    }

    /// Makes the x axis logarithmic; values that are not positive have no place on it.
    pub fn log_x(mut self) -> Self {
        self.scales.x = Scale::Logarithmic;
        self
    }

    /// Limits of the x axis, in place of those that show every point.
    pub fn x_range(mut self, low: f64, high: f64) -> Self {
        self.x_range = Some((low, high));
        self
    }

    /// Limits of the y axis, in place of those that show every point; what lies outside is cut off.
    ///
    /// Useful when a law blows up beyond the data and would flatten everything else.
    pub fn y_range(mut self, low: f64, high: f64) -> Self {
        self.y_range = Some((low, high));
        self
    }

    /// Adds a series.
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Adds points: [`Series::points`].
    pub fn points(self, name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        self.series(Series::points(name, x, y))
    }

    /// Adds a solid line: [`Series::line`].
    pub fn line(self, name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        self.series(Series::line(name, x, y))
    }

    /// Adds a dashed line: [`Series::dashed`].
    pub fn dashed(self, name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        self.series(Series::dashed(name, x, y))
    }

    /// Adds a translucent band: [`Series::band`].
    pub fn band(self, name: impl Into<String>, x: &[f64], lower: &[f64], upper: &[f64]) -> Self {
        self.series(Series::band(name, x, lower, upper))
    }

    /// Shades a range of the x axis and writes the caption above it.
    ///
    /// A range that reaches the last point (or beyond it, also `f64::INFINITY`) is shaded to the end of the axis,
    /// likewise at the beginning.
    pub fn shade(mut self, from: f64, to: f64, caption: impl Into<String>) -> Self {
        self.shaded.push(ShadedRange { from, to, caption: caption.into() });
        self
    }

    /// Draws a dashed vertical line with a caption above it, which may be empty.
    pub fn vertical_line(mut self, x: f64, caption: impl Into<String>) -> Self {
        self.references.push(References { name: caption.into(), at: vec![x], in_legend: false });
        self
    }

    /// Draws several dashed vertical lines that share one entry in the legend.
    pub fn vertical_lines(mut self, name: impl Into<String>, at: &[f64]) -> Self {
        self.references.push(References { name: name.into(), at: at.to_vec(), in_legend: true });
        self
    }

    pub(super) fn title(&self) -> &str {
        &self.words.title
    }

    /// How an error message calls the panel.
    fn name(&self, number: usize) -> String {
        if self.words.title.is_empty() {
            format!("panel {number}")
        } else {
            format!("the panel {:?}", self.words.title)
        }
    }

    /// Checks the panel and finds its axes. A title that the figure shows is left out.
    pub(super) fn prepare(&self, number: usize, with_title: bool) -> Result<Prepared<'_>, PlotError> {
        let picture = self.name(number);
        for series in &self.series {
            series.check(&picture, self.scales)?;
        }
        let bad_range = |axis, (low, high)| PlotError::BadRange { picture: picture.clone(), axis, low, high };
        let nothing = || PlotError::NothingToDraw {
            picture: picture.clone(),
            advice: "add at least one series of points, a line, a dashed line or a band",
        };
        if self.series.is_empty() {
            return Err(nothing());
        }
        let data: Vec<f64> = self.series.iter().flat_map(|series| series.x_values(self.scales)).collect();
        let x = match self.x_range {
            Some((low, high)) => Axis::between(low, high, self.scales.x).ok_or_else(|| bad_range('x', (low, high)))?,
            None => {
                let marks = self.shaded.iter().flat_map(|range| [range.from, range.to]);
                let lines = self.references.iter().flat_map(|lines| lines.at.iter().copied());
                let values = data.iter().copied().chain(marks).chain(lines);
                Axis::around(values, self.scales.x, 0.02).ok_or_else(nothing)?
            }
        };
        let y = match self.y_range {
            Some((low, high)) => Axis::between(low, high, self.scales.y).ok_or_else(|| bad_range('y', (low, high)))?,
            None => {
                let values = self.series.iter().flat_map(|series| series.y_values(self.scales));
                Axis::around(values, self.scales.y, 0.06).ok_or_else(nothing)?
            }
        };
        let mut words = self.words.clone();
        if !with_title {
            words.title.clear();
        }
        let first = data.iter().copied().fold(f64::INFINITY, f64::min);
        let last = data.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let shaded = self
            .shaded
            .iter()
            .map(|range| {
                let from = if range.from <= first { x.low } else { range.from.max(x.low) };
                let to = if range.to >= last { x.high } else { range.to.min(x.high) };
                (from, to)
            })
            .collect();
        Ok(Prepared { panel: self, words, x, y, shaded })
    }

    pub(super) fn add_to_legend<'a>(&'a self, legend: &mut Legend<'a>, styles: &Styles) {
        for series in &self.series {
            legend.add_series(series, styles);
        }
        for lines in self.references.iter().filter(|lines| lines.in_legend) {
            legend.add(&lines.name, 12.0, |page, [x, y]| {
                page.dashed(&[[x + 6.0, y - 17.0], [x + 6.0, y + 17.0]], REFERENCE_WIDTH, REFERENCE_DASH, REFERENCE);
            });
        }
    }
}

/// A panel whose numbers are checked and whose axes are known.
pub(super) struct Prepared<'a> {
    panel: &'a Panel,
    pub words: Words,
    pub x: Axis,
    pub y: Axis,
    /// The shaded ranges as far as they are visible.
    shaded: Vec<(f64, f64)>,
}

/// A caption placed above the frame: row (0 is lowest), middle, text, size.
type Caption = (usize, f64, String, f64);

impl Prepared<'_> {
    pub(super) fn left_margin(&self, height: f64, fonts: &Fonts) -> f64 {
        frame::left_margin(&self.y, height, &self.words, fonts)
    }

    /// Room for title and captions above a frame between `left` and `right`.
    pub(super) fn top_margin(&self, left: f64, right: f64, fonts: &Fonts) -> f64 {
        let rows = self.captions(left, right, fonts).iter().map(|(row, ..)| row + 1).max().unwrap_or(0);
        let title = if self.words.title.is_empty() { 0.0 } else { 1.5 * TITLE_EM };
        title + rows as f64 * CAPTION_ROW + 10.0
    }

    /// Captions in as many rows as it takes for none to touch another.
    fn captions(&self, left: f64, right: f64, fonts: &Fonts) -> Vec<Caption> {
        let place = |value: f64| left + self.x.place(value) * (right - left);
        let ranges = self
            .panel
            .shaded
            .iter()
            .zip(&self.shaded)
            .filter(|(_, (from, to))| from < to)
            .map(|(range, (from, to))| (0.5 * (place(*from) + place(*to)), &range.caption));
        let lines = self
            .panel
            .references
            .iter()
            .filter(|lines| !lines.in_legend)
            .flat_map(|lines| lines.at.iter().map(|&x| (x, &lines.name)))
            .filter(|(x, _)| (self.x.low..=self.x.high).contains(x))
            .map(|(x, name)| (place(x), name));
        let mut wanted: Vec<_> = ranges.chain(lines).filter(|(_, text)| !text.is_empty()).collect();
        wanted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut ends: Vec<f64> = Vec::new();
        let mut captions = Vec::new();
        for (middle, text) in wanted {
            let (text, em) = fonts.fit(text, CAPTION_EM, Weight::Regular, right - left);
            let half = 0.5 * fonts.width(&text, em, Weight::Regular);
            let middle = middle.min(right - half).max(left + half);
            let start = middle - half - 0.7 * CAPTION_EM;
            let row = ends.iter().position(|&end| end <= start).unwrap_or(ends.len());
            if row == ends.len() {
                ends.push(0.0);
            }
            ends[row] = middle + half;
            captions.push((row, middle, text, em));
        }
        captions
    }

    /// Draws the panel with its frame on `rectangle`, title and captions above it and labels from `outer_left` on.
    pub(super) fn draw(&self, page: &mut Page, styles: &Styles, rectangle: Rectangle, outer_left: f64) {
        let Rectangle { left, top, right, bottom } = rectangle;
        let frame = Frame::new(rectangle, self.x, self.y, page.fonts);
        let title_top = top - self.top_margin(left, right, page.fonts);
        frame::draw_title(page, &self.words.title, left, title_top, right - left, TITLE_EM);
        let place = |value: f64| left + self.x.place(value) * rectangle.width();
        for &(from, to) in self.shaded.iter().filter(|(from, to)| from < to) {
            let area = Rectangle { left: place(from), right: place(to), ..rectangle };
            page.fill(area.corners(), SHADE);
        }
        frame.draw_grid(page);
        for (row, middle, text, em) in self.captions(left, right, page.fonts) {
            page.text(Text {
                text,
                at: [middle, top - 12.0 - row as f64 * CAPTION_ROW],
                em,
                weight: Weight::Regular,
                align: Align::Middle,
                colour: FAINT_TEXT,
                upright: false,
            });
        }
        let lines = self.panel.references.iter().flat_map(|lines| &lines.at);
        for &x in lines.filter(|x| (self.x.low..=self.x.high).contains(*x)) {
            let x = place(x);
            page.dashed(&[[x, top], [x, bottom]], REFERENCE_WIDTH, REFERENCE_DASH, REFERENCE);
        }
        draw_series(page, &frame, &self.panel.series, styles);
        frame.draw_axes(page, &self.words, outer_left);
    }
}

/// Draws bands, then points, then lines.
pub(super) fn draw_series(page: &mut Page, frame: &Frame, series: &[Series], styles: &Styles) {
    let layers: [&[Form]; 3] = [&[Form::Band], &[Form::Points], &[Form::Line, Form::Dashed]];
    for layer in layers {
        for series in series.iter().filter(|series| layer.contains(&series.form)) {
            series.draw(page, frame, styles.of(series));
        }
    }
}
