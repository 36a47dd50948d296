//! The frame of a drawing: two axes with grid, tick labels and names around a rectangle.

use super::axis::{Axis, Direction, Tick};
use super::font::{Fonts, Weight};
use super::page::{Align, Page, Point, Rectangle, Text};
use super::palette::{AXIS, GRID, TEXT};

// Sizes in pixels of a picture 1600 wide: legible when it is shown at half that.
pub(super) const TITLE_EM: f64 = 32.0;
pub(super) const LABEL_EM: f64 = 27.0;
pub(super) const TICK_EM: f64 = 25.0;
pub(super) const CAPTION_EM: f64 = 24.0;
/// Blank edge of every picture.
pub(super) const PADDING: f64 = 30.0;
/// Distance of tick labels from their axis.
const TICK_GAP: f64 = 14.0;
/// From the middle of a digit down to its baseline, in em: DejaVu's digits are 0.73 em high.
pub(super) const HALF_DIGIT: f64 = 0.365;

/// The words around a frame.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    pub title: String,
    pub x: String,
    pub y: String,
}

#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub rectangle: Rectangle,
    pub x: Axis,
    pub y: Axis,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
}

/// Room for tick labels and name to the left of a frame of this height.
pub(super) fn left_margin(y: &Axis, height: f64, words: &Words, fonts: &Fonts) -> f64 {
    let labels = y
        .ticks(height, Direction::Vertical, fonts, TICK_EM)
        .iter()
        .map(|tick| fonts.width(&tick.label, TICK_EM, Weight::Regular))
        .fold(0.0, f64::max);
    labels + TICK_GAP + if words.y.is_empty() { 0.0 } else { 1.75 * LABEL_EM }
}

/// Room to the right of a frame, so that the last tick label is whole.
pub(super) fn right_margin(x: &Axis, width: f64, fonts: &Fonts) -> f64 {
    let overhang = x.ticks(width, Direction::Horizontal, fonts, TICK_EM).last().map_or(0.0, |tick| {
        0.5 * fonts.width(&tick.label, TICK_EM, Weight::Regular) - (1.0 - x.place(tick.value)) * width
    });
    overhang.max(12.0)
}

/// Room for tick labels and name below a frame.
pub(super) fn bottom_margin(words: &Words) -> f64 {
    TICK_GAP + TICK_EM + if words.x.is_empty() { 0.0 } else { 1.5 * LABEL_EM }
}

impl Frame {
    /// A frame whose axes lie on the edges of `rectangle`.
    pub(super) fn new(rectangle: Rectangle, x: Axis, y: Axis, fonts: &Fonts) -> Self {
        Self {
            rectangle,
            x,
            y,
            x_ticks: x.ticks(rectangle.width(), Direction::Horizontal, fonts, TICK_EM),
            y_ticks: y.ticks(rectangle.height(), Direction::Vertical, fonts, TICK_EM),
        }
    }

    /// Where a pair of values lies on the page.
    pub(super) fn point(&self, x: f64, y: f64) -> Point {
        let Rectangle { left, bottom, .. } = self.rectangle;
        [left + self.x.place(x) * self.rectangle.width(), bottom - self.y.place(y) * self.rectangle.height()]
    }

    pub(super) fn draw_grid(&self, page: &mut Page) {
        self.draw_vertical_grid(page);
        let Rectangle { left, right, .. } = self.rectangle;
        for tick in &self.y_ticks {
            let y = self.height_of(tick);
            page.line(vec![[left, y], [right, y]], 1.5, GRID);
        }
    }

    pub(super) fn draw_vertical_grid(&self, page: &mut Page) {
        let Rectangle { top, bottom, .. } = self.rectangle;
        for tick in &self.x_ticks {
            let x = self.distance_of(tick);
            page.line(vec![[x, top], [x, bottom]], 1.5, GRID);
        }
    }

    fn distance_of(&self, x_tick: &Tick) -> f64 {
        self.rectangle.left + self.x.place(x_tick.value) * self.rectangle.width()
    }

    fn height_of(&self, y_tick: &Tick) -> f64 {
        self.rectangle.bottom - self.y.place(y_tick.value) * self.rectangle.height()
    }

    /// Draws both axes; `outer_left` is the left end of the margin, where the y axis has its name.
    pub(super) fn draw_axes(&self, page: &mut Page, words: &Words, outer_left: f64) {
        self.draw_horizontal_axis(page, words);
        let Rectangle { left, top, bottom, .. } = self.rectangle;
        page.line(vec![[left, top], [left, bottom]], 2.0, AXIS);
        for tick in &self.y_ticks {
            let y = self.height_of(tick);
            page.line(vec![[left - 7.0, y], [left, y]], 2.0, AXIS);
            let at = [left - TICK_GAP, y + HALF_DIGIT * TICK_EM];
            page.text(label(&tick.label, at, Align::End, TICK_EM));
        }
        let (name, em) = page.fonts.fit(&words.y, LABEL_EM, Weight::Regular, self.rectangle.height());
        let middle = [outer_left + 0.85 * LABEL_EM, 0.5 * (top + bottom)];
        page.text(Text { upright: true, ..label(&name, middle, Align::Middle, em) });
    }

    /// Draws the lower axis with its tick labels and name.
    pub(super) fn draw_horizontal_axis(&self, page: &mut Page, words: &Words) {
        let Rectangle { left, right, bottom, .. } = self.rectangle;
        page.line(vec![[left, bottom], [right, bottom]], 2.0, AXIS);
        let baseline = bottom + TICK_GAP + 2.0 * HALF_DIGIT * TICK_EM;
        for tick in &self.x_ticks {
            let x = self.distance_of(tick);
            page.line(vec![[x, bottom], [x, bottom + 7.0]], 2.0, AXIS);
            page.text(label(&tick.label, [x, baseline], Align::Middle, TICK_EM));
        }
        let (name, em) = page.fonts.fit(&words.x, LABEL_EM, Weight::Regular, self.rectangle.width());
        let middle = [0.5 * (left + right), baseline + 1.6 * LABEL_EM];
        page.text(label(&name, middle, Align::Middle, em));
    }
}

/// Level text of ordinary weight.
fn label(text: &str, at: Point, align: Align, em: f64) -> Text {
    Text { text: text.to_owned(), at, em, weight: Weight::Regular, align, colour: TEXT, upright: false }
}

/// Writes a title at the left and returns the height it takes; none for an empty title.
pub(super) fn draw_title(page: &mut Page, title: &str, left: f64, top: f64, width: f64, em: f64) -> f64 {
    let (title, fitted) = page.fonts.fit(title, em, Weight::Bold, width);
    page.text(Text {
        text: title,
        at: [left, top + 0.8 * em],
        em: fitted,
        weight: Weight::Bold,
        align: Align::Start,
        colour: TEXT,
        upright: false,
    });
    em
}
