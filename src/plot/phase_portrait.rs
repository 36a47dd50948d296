//! A vector field with trajectories through it.

use std::collections::HashMap;
use std::path::Path;

use super::PlotError;
use super::axis::{Axis, Scale, Scales};
use super::figure::SMALLEST_DRAWING;
use super::frame::{self, Frame, PADDING, TITLE_EM, Words};
use super::legend::Legend;
use super::page::{Page, Point, Rectangle};
use super::paint;
use super::palette::{Colour, TEXT, WHITE};
use super::panel::draw_series;
use super::series::{Form, Series, Styles};

/// Distance of neighbouring arrows in pixels.
const SPACING: f64 = 66.0;
const ARROW_LENGTH: f64 = 0.62 * SPACING;
const ARROW_WIDTH: f64 = 2.2;
const ARROW: Colour = Colour::new(188, 188, 188);

/// The directions of a planar system `d(x, y)/dt = field(x, y)`, with trajectories and data over them.
///
/// The arrows have one length, so that slow regions are legible too; where the field is not finite, or
/// vanishes, there is none. The first point of every trajectory is marked with a ring.
///
/// ```
/// use ansatz::plot::PhasePortrait;
///
/// let rotation = |x: f64, y: f64| [-y, x];
/// let angle: Vec<f64> = (0..100).map(|i| 0.05 * f64::from(i)).collect();
/// let (x, y): (Vec<f64>, Vec<f64>) = angle.iter().map(|a| (a.cos(), a.sin())).unzip();
/// PhasePortrait::new("Rotation", &rotation)
///     .x_label("x")
///     .y_label("y")
///     .line("trajectory", &x, &y)
///     .save(std::env::temp_dir().join("ansatz_portrait.svg"))?;
/// # Ok::<(), ansatz::plot::PlotError>(())
/// ```
pub struct PhasePortrait<'a> {
    field: &'a dyn Fn(f64, f64) -> [f64; 2],
    words: Words,
    series: Vec<Series>,
    x_range: Option<(f64, f64)>,
    y_range: Option<(f64, f64)>,
    size: (u32, u32),
}

impl<'a> PhasePortrait<'a> {
    /// A portrait of `field`, the pair of rates at a pair of states.
    pub fn new(title: impl Into<String>, field: &'a dyn Fn(f64, f64) -> [f64; 2]) -> Self {
        Self {
            field,
            words: Words { title: title.into(), ..Words::default() },
            series: Vec::new(),
            x_range: None,
            y_range: None,
            size: (1400, 1200),
        }
    }

    /// The name of the first state with its unit.
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.words.x = label.into();
        self
    }

    /// The name of the second state with its unit.
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.words.y = label.into();
        self
    }

    /// Limits of the x axis, in place of those that show every trajectory and point.
    pub fn x_range(mut self, low: f64, high: f64) -> Self {
        self.x_range = Some((low, high));
        self
    }

    /// Limits of the y axis, in place of those that show every trajectory and point.
    pub fn y_range(mut self, low: f64, high: f64) -> Self {
        self.y_range = Some((low, high));
        self
    }

    /// Adds a series; its x values are the first state, its y values the second.
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Adds a trajectory as a solid line.
    pub fn line(self, name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        self.series(Series::line(name, x, y))
    }

    /// Adds a trajectory as a dashed line; where it runs over its own earlier course it is drawn once.
    pub fn dashed(self, name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        self.series(Series::dashed(name, x, y))
    }

    /// Adds measured pairs of states.
    pub fn points(self, name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        self.series(Series::points(name, x, y))
    }

    /// Size in pixels, 1400 × 1200 unless set.
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws the portrait into a file: `.svg` or `.png`, by the extension. Missing folders are made.
    ///
    /// # Errors
    ///
    /// Another extension, a path that cannot be written, a series without a finite point or with columns of
    /// different lengths, or neither series nor both ranges given.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PlotError> {
        paint::save(path.as_ref(), self.size, |page| self.lay_out(page))
    }

    fn name(&self) -> String {
        format!("the phase portrait {:?}", self.words.title)
    }

    fn axis(
        &self,
        axis: char,
        range: Option<(f64, f64)>,
        values: impl Iterator<Item = f64>,
    ) -> Result<Axis, PlotError> {
        match range {
            Some((low, high)) => Axis::between(low, high, Scale::Linear).ok_or_else(|| PlotError::BadRange {
                picture: self.name(),
                axis,
                low,
                high,
            }),
            None => Axis::around(values, Scale::Linear, 0.08).ok_or_else(|| PlotError::NothingToDraw {
                picture: self.name(),
                advice: "add a trajectory or points, or say with `x_range` and `y_range` where to draw the field",
            }),
        }
    }

    fn lay_out(&self, page: &mut Page) -> Result<(), PlotError> {
        for series in &self.series {
            series.check(&self.name(), Scales::default())?;
        }
        let x_values = self.series.iter().flat_map(|series| series.x_values(Scales::default()));
        let x = self.axis('x', self.x_range, x_values)?;
        let y_values = self.series.iter().flat_map(|series| series.y_values(Scales::default()));
        let y = self.axis('y', self.y_range, y_values)?;
        let styles = Styles::assign(&self.series);
        let mut legend = Legend::default();
        for series in &self.series {
            legend.add_series(series, &styles);
        }
        if self.trajectories().next().is_some() {
            legend.add("start", 24.0, |page, [x, y]| draw_start(page, [x + 12.0, y], TEXT));
        }

        let width = f64::from(page.width) - 2.0 * PADDING;
        let mut top = PADDING;
        if !self.words.title.is_empty() {
            top += frame::draw_title(page, &self.words.title, PADDING, top, width, 1.1 * TITLE_EM) + 14.0;
        }
        legend.draw(page, PADDING, top, width);
        top += legend.height(width, page.fonts) + 16.0;
        let bottom = f64::from(page.height) - PADDING - frame::bottom_margin(&self.words);
        let left = PADDING + frame::left_margin(&y, bottom - top, &self.words, page.fonts);
        let right = PADDING + width - frame::right_margin(&x, 0.85 * width, page.fonts);
        let rectangle = Rectangle { left, top, right, bottom };
        if rectangle.width() < SMALLEST_DRAWING || rectangle.height() < SMALLEST_DRAWING {
            return Err(PlotError::NoRoom { picture: self.name(), width: page.width, height: page.height });
        }
        let frame = Frame::new(rectangle, x, y, page.fonts);
        self.draw_field(page, &frame);
        let series: Vec<Series> = self
            .series
            .iter()
            .map(|series| match series.form {
                Form::Dashed => without_retraced(series, &frame),
                _ => series.clone(),
            })
            .collect();
        draw_series(page, &frame, &series, &styles);
        for series in self.trajectories() {
            if let Some((x, y)) = series.start() {
                let at = frame.point(x, y);
                if rectangle.contains(at) {
                    draw_start(page, at, styles.of(series).colour());
                }
            }
        }
        frame.draw_axes(page, &self.words, PADDING);
        Ok(())
    }

    fn trajectories(&self) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(|series| matches!(series.form, Form::Line | Form::Dashed))
    }

    /// Arrows at the middles of the cells of a grid, which keeps them off the axes.
    fn draw_field(&self, page: &mut Page, frame: &Frame) {
        let Rectangle { left, bottom, .. } = frame.rectangle;
        let (width, height) = (frame.rectangle.width(), frame.rectangle.height());
        let (columns, rows) = ((width / SPACING).round().max(1.0), (height / SPACING).round().max(1.0));
        for row in 0..rows as u32 {
            for column in 0..columns as u32 {
                let place = [(f64::from(column) + 0.5) / columns, (f64::from(row) + 0.5) / rows];
                let state = [
                    frame.x.low + place[0] * (frame.x.high - frame.x.low),
                    frame.y.low + place[1] * (frame.y.high - frame.y.low),
                ];
                let rates = (self.field)(state[0], state[1]);
                if !rates.iter().all(|rate| rate.is_finite()) {
                    continue;
                }
                // On the page, where y points down; scaled by the larger rate first, lest the length overflow.
                let largest = (rates[0] / (frame.x.high - frame.x.low))
                    .abs()
                    .max((rates[1] / (frame.y.high - frame.y.low)).abs());
                if largest == 0.0 || !largest.is_finite() {
                    continue;
                }
                let across = rates[0] / (frame.x.high - frame.x.low) / largest * width;
                let down = -rates[1] / (frame.y.high - frame.y.low) / largest * height;
                let length = across.hypot(down);
                draw_arrow(
                    page,
                    [left + place[0] * width, bottom - place[1] * height],
                    [across / length, down / length],
                );
            }
        }
    }
}

/// The trajectory without the parts that run over its own earlier course.
///
/// The second lap of a closed orbit would put its dashes into the gaps of the first and make the line solid.
fn without_retraced(series: &Series, frame: &Frame) -> Series {
    /// Side of the cells that remember the course, in pixels.
    const CELL: f64 = 3.0;
    /// A course closer than this along the line is the present one, not an earlier one.
    const PRESENT: f64 = 60.0;
    let mut result = series.clone();
    let mut reached: HashMap<(i64, i64), f64> = HashMap::new();
    let mut travelled = 0.0;
    let mut previous: Option<Point> = None;
    for (x, y) in series.x.iter().zip(&mut result.y) {
        if !x.is_finite() || !y.is_finite() {
            previous = None;
            continue;
        }
        let at = frame.point(*x, *y);
        if !frame.rectangle.contains(at) {
            previous = None;
            continue;
        }
        let cell = |[x, y]: Point| ((x / CELL).floor() as i64, (y / CELL).floor() as i64);
        let from = previous.unwrap_or(at);
        let length = (at[0] - from[0]).hypot(at[1] - from[1]);
        travelled += length;
        let (column, row) = cell(at);
        let retraced = (-1..=1).any(|right| {
            (-1..=1)
                .any(|down| reached.get(&(column + right, row + down)).is_some_and(|&then| travelled - then > PRESENT))
        });
        let steps = (length / CELL).ceil().max(1.0);
        for step in 1..=steps as u32 {
            let share = f64::from(step) / steps;
            let passed = [from[0] + share * (at[0] - from[0]), from[1] + share * (at[1] - from[1])];
            // The first visit counts: a later one must not pass for the present course.
            reached.entry(cell(passed)).or_insert(travelled);
        }
        previous = Some(at);
        if retraced {
            *y = f64::NAN;
        }
    }
    result
}

/// An arrow of the one length, its middle at `middle`.
fn draw_arrow(page: &mut Page, middle: Point, direction: Point) {
    const HEAD: f64 = 15.0;
    const HALF_HEAD: f64 = 5.5;
    let along = |s: f64| [middle[0] + s * direction[0], middle[1] + s * direction[1]];
    let (tail, neck, tip) = (along(-0.5 * ARROW_LENGTH), along(0.5 * ARROW_LENGTH - HEAD), along(0.5 * ARROW_LENGTH));
    let (nx, ny) = (-HALF_HEAD * direction[1], HALF_HEAD * direction[0]);
    page.line(vec![tail, neck], ARROW_WIDTH, ARROW);
    page.fill(vec![tip, [neck[0] + nx, neck[1] + ny], [neck[0] - nx, neck[1] - ny]], ARROW);
}

fn draw_start(page: &mut Page, at: Point, colour: Colour) {
    page.disc(at, 13.5, WHITE);
    page.disc(at, 12.0, colour);
    page.disc(at, 6.5, WHITE);
}
