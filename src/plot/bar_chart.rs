//! The odds of candidate terms as bars, equation by equation.

use std::path::Path;

use super::PlotError;
use super::axis::{Axis, Scale};
use super::figure::SMALLEST_DRAWING;
use super::font::Weight;
use super::frame::{self, Frame, HALF_DIGIT, LABEL_EM, PADDING, TICK_EM, TITLE_EM, Words};
use super::legend::Legend;
use super::page::{Align, Dash, Page, Point, Rectangle, Text};
use super::paint;
use super::palette::{AXIS, Colour, REFERENCE, TEXT, WHITE};

const ROW: f64 = 50.0;
const HEADER: f64 = 62.0;
const BAR: f64 = 32.0;
const NAME_GAP: f64 = 16.0;
const SELECTED: Colour = Colour::BLUE;
const REJECTED: Colour = Colour::new(150, 150, 150);

#[derive(Debug, Clone)]
struct Term {
    name: String,
    odds: f64,
    selected: bool,
}

/// The candidate terms of one equation.
///
/// ```
/// use ansatz::plot::BarGroup;
///
/// let group = BarGroup::new("d prey/dt").selected("prey·predator", 0.98).rejected("prey²", 0.05);
/// # let _ = group;
/// ```
#[derive(Debug, Clone)]
pub struct BarGroup {
    name: String,
    terms: Vec<Term>,
}

impl BarGroup {
    /// A group without terms, named after its equation.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), terms: Vec::new() }
    }

    /// Adds a candidate term, its odds from 0 to 1, and whether the law has it. Terms keep their order.
    pub fn term(mut self, name: impl Into<String>, odds: f64, selected: bool) -> Self {
        self.terms.push(Term { name: name.into(), odds, selected });
        self
    }

    /// Adds a term that the law has.
    pub fn selected(self, name: impl Into<String>, odds: f64) -> Self {
        self.term(name, odds, true)
    }

    /// Adds a term that the law does not have.
    pub fn rejected(self, name: impl Into<String>, odds: f64) -> Self {
        self.term(name, odds, false)
    }
}

/// Horizontal bars from 0 to 1, grouped by equation: how sure each candidate term is.
///
/// Terms of the law are solid and dark, the others hollow and hatched, so that they differ in grey as well.
///
/// ```
/// use ansatz::plot::{BarChart, BarGroup};
///
/// BarChart::new("How sure is each term?")
///     .x_label("share of bootstrap fits that keep the term")
///     .group(BarGroup::new("d prey/dt").selected("prey·predator", 0.98).rejected("prey²", 0.05))
///     .group(BarGroup::new("d predator/dt").selected("prey·predator", 0.97).rejected("sin(prey)", 0.02))
///     .save(std::env::temp_dir().join("ansatz_odds.svg"))?;
/// # Ok::<(), ansatz::plot::PlotError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BarChart {
    words: Words,
    groups: Vec<BarGroup>,
    threshold: Option<f64>,
    size: Option<(u32, u32)>,
}

impl BarChart {
    /// A chart without bars.
    pub fn new(title: impl Into<String>) -> Self {
        let words = Words { title: title.into(), x: "odds".to_owned(), y: String::new() };
        Self { words, groups: Vec::new(), threshold: None, size: None }
    }

    /// The name of the axis, `odds` unless set.
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.words.x = label.into();
        self
    }

    /// Adds the terms of an equation.
    pub fn group(mut self, group: BarGroup) -> Self {
        self.groups.push(group);
        self
    }

    /// Draws a dashed line at these odds, for example where terms are taken into the law.
    pub fn threshold(mut self, odds: f64) -> Self {
        self.threshold = Some(odds);
        self
    }

    /// Size in pixels; unless set, 1600 wide and as high as the bars need.
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = Some((width, height));
        self
    }

    /// Draws the chart into a file: `.svg` or `.png`, by the extension. Missing folders are made.
    ///
    /// # Errors
    ///
    /// Another extension, a path that cannot be written, odds outside 0 to 1, or no terms.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PlotError> {
        let (width, height) = self.size.unwrap_or_else(|| {
            let height = self.bars_height() + 306.0;
            (1600, (height as u32).clamp(paint::SIDES.0, paint::SIDES.1))
        });
        paint::save(path.as_ref(), (width, height), |page| self.lay_out(page))
    }

    /// Height of all rows at their natural size.
    fn bars_height(&self) -> f64 {
        self.groups.iter().map(|group| HEADER + ROW * group.terms.len() as f64).sum()
    }

    fn check(&self) -> Result<(), PlotError> {
        let not_a_probability = |term: &str, group: &str, odds| PlotError::NotAProbability {
            term: term.to_owned(),
            group: group.to_owned(),
            odds,
        };
        for group in &self.groups {
            for term in &group.terms {
                if !(0.0..=1.0).contains(&term.odds) {
                    return Err(not_a_probability(&term.name, &group.name, term.odds));
                }
            }
        }
        if let Some(odds) = self.threshold.filter(|odds| !(0.0..=1.0).contains(odds)) {
            return Err(not_a_probability("threshold", "all", odds));
        }
        if self.groups.iter().all(|group| group.terms.is_empty()) {
            return Err(PlotError::NothingToDraw {
                picture: format!("the bar chart {:?}", self.words.title),
                advice: "add a group with at least one term",
            });
        }
        Ok(())
    }

    fn lay_out(&self, page: &mut Page) -> Result<(), PlotError> {
        self.check()?;
        let fonts = page.fonts;
        let no_room = PlotError::NoRoom {
            picture: format!("the bar chart {:?}", self.words.title),
            width: page.width,
            height: page.height,
        };
        let width = f64::from(page.width) - 2.0 * PADDING;
        let mut top = PADDING;
        if !self.words.title.is_empty() {
            top += frame::draw_title(page, &self.words.title, PADDING, top, width, 1.1 * TITLE_EM) + 14.0;
        }
        let legend = self.legend();
        legend.draw(page, PADDING, top, width);
        top += legend.height(width, fonts) + 20.0;

        // Names take the room they need, up to just over half of the picture.
        let widest = self
            .groups
            .iter()
            .flat_map(|group| &group.terms)
            .map(|term| fonts.width(&term.name, LABEL_EM, Weight::Regular))
            .chain(self.groups.iter().map(|group| fonts.width(&group.name, LABEL_EM, Weight::Bold)))
            .fold(0.0, f64::max);
        let names = widest.min(0.52 * width);
        let value_width = fonts.width("0.00", TICK_EM, Weight::Bold) + 14.0;
        let rectangle = Rectangle {
            left: PADDING + names + NAME_GAP,
            top,
            right: PADDING + width - value_width,
            bottom: f64::from(page.height) - PADDING - frame::bottom_margin(&self.words),
        };
        // A picture of a chosen height squeezes its rows, down to where the text would touch.
        let squeeze = ((rectangle.height() - 10.0) / self.bars_height()).min(1.6);
        if rectangle.width() < SMALLEST_DRAWING || squeeze * ROW < 1.1 * LABEL_EM {
            return Err(no_room);
        }
        let unit = Axis { low: 0.0, high: 1.0, scale: Scale::Linear };
        let frame = Frame::new(rectangle, unit, unit, fonts);
        frame.draw_vertical_grid(page);
        if let Some(odds) = self.threshold {
            let [x, _] = frame.point(odds, 0.0);
            let dash = Dash { stroke: 3.0, gap: 2.6 };
            page.dashed(&[[x, top], [x, rectangle.bottom]], 2.5, dash, REFERENCE);
        }
        let mut y = top;
        for group in self.groups.iter().filter(|group| !group.terms.is_empty()) {
            let (name, em) = fonts.fit(&group.name, LABEL_EM, Weight::Bold, width);
            page.text(Text {
                text: name,
                at: [PADDING, y + 0.66 * HEADER * squeeze + HALF_DIGIT * em],
                em,
                weight: Weight::Bold,
                align: Align::Start,
                colour: TEXT,
                upright: false,
            });
            y += HEADER * squeeze;
            for term in &group.terms {
                let middle = y + 0.5 * ROW * squeeze;
                draw_term(page, &frame, term, middle, BAR * squeeze.min(1.2), names);
                y += ROW * squeeze;
            }
        }
        frame.draw_horizontal_axis(page, &self.words);
        page.line(vec![[rectangle.left, top], [rectangle.left, rectangle.bottom]], 2.0, AXIS);
        Ok(())
    }

    fn legend(&self) -> Legend<'static> {
        let mut legend = Legend::default();
        for (selected, name) in [(true, "in the law"), (false, "not in the law")] {
            if self.groups.iter().flat_map(|group| &group.terms).any(|term| term.selected == selected) {
                legend.add(name, 64.0, move |page, [x, y]| {
                    let half = 0.5 * BAR - 3.0;
                    let area = Rectangle { left: x, top: y - half, right: x + 64.0, bottom: y + half };
                    draw_bar(page, area, selected);
                });
            }
        }
        legend
    }
}

fn draw_term(page: &mut Page, frame: &Frame, term: &Term, middle: f64, thickness: f64, names: f64) {
    let fonts = page.fonts;
    let Rectangle { left, .. } = frame.rectangle;
    let [end, _] = frame.point(term.odds, 0.0);
    let (name, em) = fonts.fit(&term.name, LABEL_EM, Weight::Regular, names);
    let words = |text: String, at: Point, em: f64, weight: Weight, align: Align| Text {
        text,
        at,
        em,
        weight,
        align,
        colour: TEXT,
        upright: false,
    };
    page.text(words(name, [left - NAME_GAP, middle + HALF_DIGIT * em], em, Weight::Regular, Align::End));
    let area = Rectangle { left, top: middle - 0.5 * thickness, right: end, bottom: middle + 0.5 * thickness };
    draw_bar(page, area, term.selected);
    let weight = if term.selected { Weight::Bold } else { Weight::Regular };
    page.text(words(
        format!("{:.2}", term.odds),
        [end + 12.0, middle + HALF_DIGIT * TICK_EM],
        TICK_EM,
        weight,
        Align::Start,
    ));
}

/// A solid bar, or a hollow one with hatching.
fn draw_bar(page: &mut Page, area: Rectangle, selected: bool) {
    if selected {
        page.fill(area.corners(), SELECTED);
        return;
    }
    page.fill(area.corners(), WHITE);
    // Lines at 45 degrees, their distance independent of the bar's length.
    let height = area.height();
    let mut start = area.left - height;
    while start < area.right {
        let line = [[start, area.bottom], [start + height, area.top]];
        for part in area.clip_line(&line) {
            page.line(part, 1.5, REJECTED);
        }
        start += 11.0;
    }
    let mut outline = area.corners();
    outline.push([area.left, area.top]);
    page.line(outline, 2.0, REJECTED);
}
