//! The marks of points.

use super::page::{Page, Point};
use super::palette::Colour;

/// Share of white in the body of a mark.
const PALENESS: f64 = 0.75;

/// The form of a point's mark; each series of points has its own, so that they differ in grey too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square.
    Square,
    /// A triangle that points up.
    Triangle,
    /// A square on its corner.
    Diamond,
    /// A triangle that points down.
    DownTriangle,
    /// An upright cross.
    Plus,
}

impl Marker {
    /// The marks in the order in which series of points receive them.
    pub const CYCLE: [Self; 6] =
        [Self::Circle, Self::Square, Self::Triangle, Self::Diamond, Self::DownTriangle, Self::Plus];

    fn corners(self, [x, y]: Point, radius: f64) -> Vec<Point> {
        let at = |corners: &[Point]| corners.iter().map(|[a, b]| [x + a * radius, y + b * radius]).collect();
        match self {
            Self::Circle => Vec::new(),
            Self::Square => at(&[[-0.88, -0.88], [0.88, -0.88], [0.88, 0.88], [-0.88, 0.88]]),
            Self::Triangle => at(&[[0.0, -1.32], [1.15, 0.66], [-1.15, 0.66]]),
            Self::Diamond => at(&[[0.0, -1.25], [1.25, 0.0], [0.0, 1.25], [-1.25, 0.0]]),
            Self::DownTriangle => at(&[[0.0, 1.32], [-1.15, -0.66], [1.15, -0.66]]),
            Self::Plus => {
                let (a, b) = (0.38, 1.15);
                at(&[
                    [-a, -b],
                    [a, -b],
                    [a, -a],
                    [b, -a],
                    [b, a],
                    [a, a],
                    [a, b],
                    [-a, b],
                    [-a, a],
                    [-b, a],
                    [-b, -a],
                    [-a, -a],
                ])
            }
        }
    }

    /// Draws the mark: a pale body in a rim of the full colour, so that crowded marks stay apart and a curve
    /// over them stays visible.
    pub(super) fn draw(self, page: &mut Page, centre: Point, radius: f64, colour: Colour) {
        let body = colour.mixed_with_white(PALENESS);
        let rim = 0.2 * radius + 0.9;
        match self {
            Self::Circle => {
                page.disc(centre, radius, colour);
                page.disc(centre, radius - rim, body);
            }
            // Too slender to have a body.
            Self::Plus => page.fill(self.corners(centre, radius), colour),
            Self::Square | Self::Diamond | Self::Triangle | Self::DownTriangle => {
                // Moving every edge inwards by `rim` shrinks the shape by its inscribed circle's radius.
                let inscribed = match self {
                    Self::Square | Self::Diamond => 0.88,
                    _ => 0.66,
                };
                page.fill(self.corners(centre, radius), colour);
                page.fill(self.corners(centre, radius - rim / inscribed), body);
            }
        }
    }
}
