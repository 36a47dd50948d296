//! A list of shapes on a page, in pixels with fractions: what every picture is laid out into before it is painted.
//!
//! Keeping the layout apart from the painting lets one layout serve SVG and PNG, at coordinates finer than
//! the whole pixels of the drawing library.

use super::font::{Fonts, Weight};
use super::palette::Colour;

/// A point on the page: pixels from the left edge, pixels from the top edge.
pub(super) type Point = [f64; 2];

/// A colour with its opacity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    pub colour: Colour,
    pub opacity: f64,
}

impl From<Colour> for Ink {
    fn from(colour: Colour) -> Self {
        Self { colour, opacity: 1.0 }
    }
}

/// Which part of a text its position means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Start,
    Middle,
    End,
}

/// A line of text; `at` is on its baseline.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub text: String,
    pub at: Point,
    pub em: f64,
    pub weight: Weight,
    pub align: Align,
    pub colour: Colour,
    /// Reads from bottom to top.
    pub upright: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// A connected line.
    Stroke { points: Vec<Point>, width: f64, ink: Ink },
    /// A filled polygon.
    Fill { points: Vec<Point>, ink: Ink },
    /// A filled circle.
    Disc { centre: Point, radius: f64, ink: Ink },
    /// A line of text.
    Text(Text),
}

/// Lengths of the strokes and gaps of a broken line, in line widths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dash {
    pub stroke: f64,
    pub gap: f64,
}

/// A rectangle on the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rectangle {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Rectangle {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub(super) fn corners(&self) -> Vec<Point> {
        vec![[self.left, self.top], [self.right, self.top], [self.right, self.bottom], [self.left, self.bottom]]
    }

    pub(super) fn contains(&self, [x, y]: Point) -> bool {
        // Half a pixel of tolerance: rounding must not drop a point that lies on the edge.
        x >= self.left - 0.5 && x <= self.right + 0.5 && y >= self.top - 0.5 && y <= self.bottom + 0.5
    }

    /// The part of a segment inside the rectangle: Liang and Barsky, ACM Trans. Graph. 3 (1984), 1–22.
    fn clip(&self, from: Point, to: Point) -> Option<(Point, Point)> {
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        for (p, q) in [
            (-dx, from[0] - self.left),
            (dx, self.right - from[0]),
            (-dy, from[1] - self.top),
            (dy, self.bottom - from[1]),
        ] {
            if p == 0.0 {
                if q < 0.0 {
                    return None;
                }
            } else if p < 0.0 {
                enter = enter.max(q / p);
            } else {
                leave = leave.min(q / p);
            }
        }
        (enter <= leave).then(|| {
            let along = |s: f64| [from[0] + s * dx, from[1] + s * dy];
            (along(enter), along(leave))
        })
    }

    /// The parts of a line inside the rectangle.
    pub(super) fn clip_line(&self, points: &[Point]) -> Vec<Vec<Point>> {
        let mut parts: Vec<Vec<Point>> = Vec::new();
        for pair in points.windows(2) {
            let Some((from, to)) = self.clip(pair[0], pair[1]) else {
                continue;
            };
            match parts.last_mut() {
                Some(part) if part.last() == Some(&from) => part.push(to),
                _ => parts.push(vec![from, to]),
            }
        }
        parts
    }

    /// The part of a polygon inside the rectangle: Sutherland and Hodgman, Commun. ACM 17 (1974), 32–42.
    pub(super) fn clip_polygon(&self, mut points: Vec<Point>) -> Vec<Point> {
        for (axis, sign, limit) in
            [(0, 1.0, self.left), (0, -1.0, self.right), (1, 1.0, self.top), (1, -1.0, self.bottom)]
        {
            let depth = |point: &Point| sign * (point[axis] - limit);
            let mut kept = Vec::with_capacity(points.len() + 4);
            let mut previous = points.last().copied();
            for &point in &points {
                if let Some(before) = previous {
                    let (from, to) = (depth(&before), depth(&point));
                    if (from < 0.0) != (to < 0.0) {
                        let share = from / (from - to);
                        kept.push([
                            before[0] + share * (point[0] - before[0]),
                            before[1] + share * (point[1] - before[1]),
                        ]);
                    }
                    if to >= 0.0 {
                        kept.push(point);
                    }
                }
                previous = Some(point);
            }
            points = kept;
        }
        points
    }
}

/// The shapes of one picture, the first lowest.
pub(super) struct Page {
    pub width: u32,
    pub height: u32,
    pub fonts: &'static Fonts,
    pub shapes: Vec<Shape>,
}

impl Page {
    pub(super) fn new(width: u32, height: u32, fonts: &'static Fonts) -> Self {
        Self { width, height, fonts, shapes: Vec::new() }
    }

    pub(super) fn line(&mut self, points: Vec<Point>, width: f64, ink: impl Into<Ink>) {
        self.shapes.push(Shape::Stroke { points, width, ink: ink.into() });
    }

    pub(super) fn dashed(&mut self, points: &[Point], width: f64, dash: Dash, ink: impl Into<Ink>) {
        let ink = ink.into();
        let lengths = [dash.stroke * width, dash.gap * width];
        let (mut drawing, mut left) = (true, lengths[0]);
        let mut stroke: Vec<Point> = points.first().copied().into_iter().collect();
        for pair in points.windows(2) {
            let [mut from, to] = [pair[0], pair[1]];
            loop {
                let length = (to[0] - from[0]).hypot(to[1] - from[1]);
                if length < left {
                    left -= length;
                    if drawing {
                        stroke.push(to);
                    }
                    break;
                }
                let share = left / length;
                from = [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])];
                if drawing {
                    stroke.push(from);
                    self.line(std::mem::take(&mut stroke), width, ink);
                } else {
                    stroke = vec![from];
                }
                drawing = !drawing;
                left = lengths[usize::from(!drawing)];
            }
        }
        if drawing && stroke.len() > 1 {
            self.line(stroke, width, ink);
        }
    }

    pub(super) fn fill(&mut self, points: Vec<Point>, ink: impl Into<Ink>) {
        self.shapes.push(Shape::Fill { points, ink: ink.into() });
    }

    pub(super) fn disc(&mut self, centre: Point, radius: f64, ink: impl Into<Ink>) {
        self.shapes.push(Shape::Disc { centre, radius, ink: ink.into() });
    }

    pub(super) fn text(&mut self, text: Text) {
        if !text.text.is_empty() {
            self.shapes.push(Shape::Text(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: Rectangle = Rectangle { left: 0.0, top: 0.0, right: 10.0, bottom: 10.0 };

    #[test]
    fn a_line_that_leaves_and_returns_is_two_parts() {
        let parts = SQUARE.clip_line(&[[5.0, 5.0], [5.0, 20.0], [8.0, 20.0], [8.0, 5.0]]);
        assert_eq!(parts, vec![vec![[5.0, 5.0], [5.0, 10.0]], vec![[8.0, 10.0], [8.0, 5.0]]]);
    }

    #[test]
    fn dashes_keep_their_lengths_across_corners() {
        let fonts = Fonts::get().expect("the font is compiled in");
        let mut page = Page::new(10, 10, fonts);
        // Strokes of 4 and gaps of 2 on a line of length 10 with a corner at 3: 0–4, 6–10.
        page.dashed(&[[0.0, 0.0], [3.0, 0.0], [3.0, 7.0]], 2.0, Dash { stroke: 2.0, gap: 1.0 }, Colour::BLACK);
        let strokes: Vec<_> = page
            .shapes
            .iter()
            .map(|shape| match shape {
                Shape::Stroke { points, .. } => points.clone(),
                other => panic!("a dash is a stroke, not {other:?}"),
            })
            .collect();
        assert_eq!(strokes, vec![vec![[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]], vec![[3.0, 3.0], [3.0, 7.0]]]);
    }
}
