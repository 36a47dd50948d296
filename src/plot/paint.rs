//! Painting a page with plotters, into SVG or PNG.

use std::path::Path;

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontTransform, RGBAColor, RGBColor, ShapeStyle};

use super::PlotError;
use super::font::{FAMILY, Fonts};
use super::page::{Align, Ink, Page, Point, Shape, Text};
use super::palette::WHITE;

/// Smallest and largest side of a picture, in pixels.
pub(super) const SIDES: (u32, u32) = (200, 8000);

/// SVG coordinates per pixel: the drawing library knows whole numbers only.
const SVG_FINENESS: f64 = 8.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Svg,
    Png,
}

impl Format {
    fn of(path: &Path) -> Result<Self, PlotError> {
        let extension = path.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "svg" => Ok(Format::Svg),
            "png" => Ok(Format::Png),
            _ => Err(PlotError::UnknownExtension { path: path.to_owned(), extension }),
        }
    }
}

/// Lays a picture out, paints it and writes it; the extension of the path chooses the format.
///
/// The extension is checked first, so that a mistake in it is reported before any work is done.
pub(super) fn save(
    path: &Path,
    (width, height): (u32, u32),
    layout: impl FnOnce(&mut Page) -> Result<(), PlotError>,
) -> Result<(), PlotError> {
    let format = Format::of(path)?;
    let (minimum, maximum) = SIDES;
    if !(minimum..=maximum).contains(&width) || !(minimum..=maximum).contains(&height) {
        return Err(PlotError::BadSize { width, height, minimum, maximum });
    }
    let mut page = Page::new(width, height, Fonts::get()?);
    layout(&mut page)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| PlotError::Folder { folder: folder.to_owned(), source })?;
    }
    match format {
        Format::Svg => save_svg(&page, path),
        Format::Png => save_png(&page, path),
    }
}

fn save_svg(page: &Page, path: &Path) -> Result<(), PlotError> {
    let (width, height) = (page.width, page.height);
    let fine = |side: u32| (f64::from(side) * SVG_FINENESS) as u32;
    let (fine_width, fine_height) = (fine(width), fine(height));
    let mut document = String::new();
    {
        let area = SVGBackend::with_string(&mut document, (fine_width, fine_height)).into_drawing_area();
        let edges = [0.0, f64::from(width), f64::from(height)];
        let painter = Painter { area: &area, scale: SVG_FINENESS, vector: true };
        painter
            .fill(&[[0.0, 0.0], [edges[1], 0.0], [edges[1], edges[2]], [0.0, edges[2]]], WHITE.into())
            .and_then(|()| painter.paint(page))
            .and_then(|()| area.present().map_err(|error| error.to_string()))
            .map_err(|cause| PlotError::Drawing { path: path.to_owned(), cause })?;
    }
    // The backend's view box stays fine; the picture's own size is what was asked for.
    let document = document.replacen(
        &format!("width=\"{fine_width}\" height=\"{fine_height}\""),
        &format!("width=\"{width}\" height=\"{height}\" stroke-linejoin=\"round\""),
        1,
    );
    std::fs::write(path, document).map_err(|error| PlotError::Write { path: path.to_owned(), cause: error.to_string() })
}

fn save_png(page: &Page, path: &Path) -> Result<(), PlotError> {
    let (width, height) = (page.width, page.height);
    // Painted several times larger and averaged down: plotters smooths no edge of a thick line. Large
    // pictures get less of it, which bounds the memory.
    let fineness: u32 = match u64::from(width) * u64::from(height) {
        ..=6_000_000 => 3,
        6_000_001..=16_000_000 => 2,
        _ => 1,
    };
    let fine = (width * fineness, height * fineness);
    let mut buffer = vec![255_u8; 3 * fine.0 as usize * fine.1 as usize];
    {
        let area = BitMapBackend::with_buffer(&mut buffer, fine).into_drawing_area();
        let painter = Painter { area: &area, scale: f64::from(fineness), vector: false };
        painter
            .paint(page)
            .and_then(|()| area.present().map_err(|error| error.to_string()))
            .map_err(|cause| PlotError::Drawing { path: path.to_owned(), cause })?;
    }
    let picture = average(&buffer, fine.0 as usize, fineness as usize);
    // Blitting the finished picture leaves the encoding to the backend.
    let mut backend = BitMapBackend::new(path, (width, height));
    backend
        .blit_bitmap((0, 0), (width, height), &picture)
        .and_then(|()| backend.present())
        .map_err(|error| PlotError::Write { path: path.to_owned(), cause: error.to_string() })
}

/// Averages squares of `side` by `side` pixels of three bytes.
fn average(fine: &[u8], fine_width: usize, side: usize) -> Vec<u8> {
    let width = fine_width / side;
    let share = (side * side) as u32;
    let mut coarse = Vec::with_capacity(fine.len() / (side * side));
    let mut sums = vec![0_u32; 3 * width];
    for rows in fine.chunks_exact(3 * fine_width * side) {
        sums.fill(share / 2);
        for row in rows.chunks_exact(3 * fine_width) {
            for (sum, square) in sums.chunks_exact_mut(3).zip(row.chunks_exact(3 * side)) {
                for pixel in square.chunks_exact(3) {
                    for (channel, &value) in sum.iter_mut().zip(pixel) {
                        *channel += u32::from(value);
                    }
                }
            }
        }
        coarse.extend(sums.iter().map(|&sum| (sum / share) as u8));
    }
    coarse
}

/// Paints shapes on a plotters area whose pixels are `scale` times finer than the page's.
struct Painter<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
    scale: f64,
    vector: bool,
}

impl<DB: DrawingBackend> Painter<'_, DB> {
    fn paint(&self, page: &Page) -> Result<(), String> {
        page.shapes.iter().try_for_each(|shape| match shape {
            Shape::Stroke { points, width, ink } => self.stroke(points, *width, *ink),
            Shape::Fill { points, ink } => self.fill(points, *ink),
            Shape::Disc { centre, radius, ink } => self.disc(*centre, *radius, *ink),
            Shape::Text(text) if self.vector => self.vector_text(text),
            Shape::Text(text) => self.bitmap_text(page.fonts, text),
        })
    }

    fn fine(&self, [x, y]: Point) -> (i32, i32) {
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }

    fn colour(ink: Ink) -> RGBAColor {
        let (red, green, blue) = ink.colour.rgb();
        RGBColor(red, green, blue).mix(ink.opacity)
    }

    fn fill(&self, points: &[Point], ink: Ink) -> Result<(), String> {
        let points: Vec<_> = points.iter().map(|&p| self.fine(p)).collect();
        if points.len() < 3 {
            return Ok(());
        }
        self.area.draw(&Polygon::new(points, Self::colour(ink).filled())).map_err(|error| error.to_string())
    }

    fn disc(&self, centre: Point, radius: f64, ink: Ink) -> Result<(), String> {
        let radius = (radius * self.scale).round() as i32;
        let circle = Circle::new(self.fine(centre), radius, Self::colour(ink).filled());
        self.area.draw(&circle).map_err(|error| error.to_string())
    }

    fn stroke(&self, points: &[Point], width: f64, ink: Ink) -> Result<(), String> {
        if self.vector {
            let style = ShapeStyle {
                color: Self::colour(ink),
                filled: false,
                stroke_width: (width * self.scale).round().max(1.0) as u32,
            };
            let mut fine: Vec<_> = points.iter().map(|&p| self.fine(p)).collect();
            fine.dedup();
            if fine.len() < 2 {
                return Ok(());
            }
            return self.area.draw(&PathElement::new(fine, style)).map_err(|error| error.to_string());
        }
        // The bitmap backend's own thick lines tear where many short segments meet; here every segment is a
        // rectangle, and a disc rounds every inner corner.
        let half = 0.5 * width;
        let mut from = match points.first() {
            Some(&first) => first,
            None => return Ok(()),
        };
        let last = points.len() - 1;
        for (index, &to) in points.iter().enumerate().skip(1) {
            let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
            let length = dx.hypot(dy);
            if length * self.scale < 1.0 && index != last || length == 0.0 {
                continue;
            }
            let (nx, ny) = (-dy / length * half, dx / length * half);
            self.fill(
                &[
                    [from[0] + nx, from[1] + ny],
                    [to[0] + nx, to[1] + ny],
                    [to[0] - nx, to[1] - ny],
                    [from[0] - nx, from[1] - ny],
                ],
                ink,
            )?;
            if index != last && width * self.scale > 4.0 {
                // plotters' circles are one fine pixel wider than twice their radius.
                self.disc(to, half - 0.5 / self.scale, ink)?;
            }
            from = to;
        }
        Ok(())
    }

    fn vector_text(&self, text: &Text) -> Result<(), String> {
        let horizontal = match text.align {
            Align::Start => HPos::Left,
            Align::Middle => HPos::Center,
            Align::End => HPos::Right,
        };
        let (red, green, blue) = text.colour.rgb();
        // The SVG backend divides the size by 1.24 and puts the baseline of a top-anchored text 0.76 em below.
        let drop = 0.76 * text.em;
        let [x, y] = text.at;
        let (at, turn) =
            if text.upright { ([x - drop, y], FontTransform::Rotate270) } else { ([x, y - drop], FontTransform::None) };
        let font =
            FontDesc::new(FontFamily::Name(FAMILY), 1.24 * text.em * self.scale, text.weight.style()).transform(turn);
        let style = font.color(&RGBColor(red, green, blue)).pos(Pos::new(horizontal, VPos::Top));
        self.area.draw_text(&text.text, &style, self.fine(at)).map_err(|error| error.to_string())
    }

    fn bitmap_text(&self, fonts: &Fonts, text: &Text) -> Result<(), String> {
        let width = fonts.width(&text.text, text.em, text.weight);
        let shift = match text.align {
            Align::Start => 0.0,
            Align::Middle => -0.5 * width,
            Align::End => -width,
        };
        let [x, y] = text.at;
        let start = self.fine(if text.upright { [x, y - shift] } else { [x + shift, y] });
        let mut outcome = Ok(());
        fonts.rasterise(&text.text, text.em * self.scale, text.weight, |column, row, coverage| {
            let at = if text.upright { (start.0 + row, start.1 - column) } else { (start.0 + column, start.1 + row) };
            if outcome.is_ok() {
                let ink = Ink { colour: text.colour, opacity: coverage };
                outcome = self.area.draw_pixel(at, &Self::colour(ink)).map_err(|error| error.to_string());
            }
        });
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averaging_keeps_channels_apart() {
        // One row of two squares of side 2: the left half black and half (2, 4, 6), the right white.
        let row_a = [0, 0, 0, 2, 4, 6, 255, 255, 255, 255, 255, 255];
        let row_b = [2, 4, 6, 0, 0, 0, 255, 255, 255, 255, 255, 255];
        let fine: Vec<u8> = row_a.into_iter().chain(row_b).collect();
        assert_eq!(average(&fine, 4, 2), vec![1, 2, 3, 255, 255, 255]);
    }
}
