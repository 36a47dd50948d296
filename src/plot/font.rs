//! The one font of all pictures: DejaVu Sans, compiled into the program.
//!
//! No font of the operating system is looked up, so a picture looks the same on every machine. DejaVu Sans
//! has the signs that laws are written with: `·`, `²`, `−`, `∂`, Greek letters.

use std::sync::OnceLock;

use ab_glyph::{Font as _, FontRef, PxScale, ScaleFont as _};
use plotters::style::{FontStyle, register_font};

use super::PlotError;

/// The name under which the font is registered. It is also what an SVG file names as its font, so it lists
/// stand-ins of nearly the same widths for viewers that do not have DejaVu Sans.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, Bitstream Vera Sans, sans-serif";

/// Smallest share of its size to which a text is shrunk before it is cut.
const SMALLEST_SHRINK: f64 = 0.75;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

impl Weight {
    pub(super) fn style(self) -> FontStyle {
        match self {
            Weight::Regular => FontStyle::Normal,
            Weight::Bold => FontStyle::Bold,
        }
    }
}

/// Both weights, read and registered with plotters once for the whole program.
pub(super) struct Fonts {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

impl Fonts {
    /// Reads and registers the fonts on the first call; any thread may be first.
    pub(super) fn get() -> Result<&'static Self, PlotError> {
        static FONTS: OnceLock<Result<Fonts, String>> = OnceLock::new();
        FONTS.get_or_init(Self::load).as_ref().map_err(|cause| PlotError::Font { cause: cause.clone() })
    }

    fn load() -> Result<Self, String> {
        let load = |weight: Weight, bytes: &'static [u8]| {
            // plotters refuses to draw any text, in SVG too, for which no font is registered.
            register_font(FAMILY, weight.style(), bytes)
                .map_err(|_| format!("plotters did not accept the {weight:?} weight"))?;
            FontRef::try_from_slice(bytes).map_err(|error| error.to_string())
        };
        Ok(Self {
            regular: load(Weight::Regular, dejavu::sans::regular())?,
            bold: load(Weight::Bold, dejavu::sans::bold())?,
        })
    }

    fn font(&self, weight: Weight) -> &FontRef<'static> {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// Size in the sense of `ab_glyph` (ascent to descent) for a size in the sense of typography (the em).
    fn scale(font: &FontRef<'static>, em: f64) -> PxScale {
        let units = f64::from(font.units_per_em().unwrap_or(2048.0));
        PxScale::from((em * f64::from(font.height_unscaled()) / units) as f32)
    }

    /// Width of a line of text.
    pub(super) fn width(&self, text: &str, em: f64, weight: Weight) -> f64 {
        let font = self.font(weight);
        let scaled = font.as_scaled(Self::scale(font, em));
        let mut width = 0.0;
        let mut previous = None;
        for character in text.chars() {
            let glyph = font.glyph_id(character);
            if let Some(previous) = previous {
                width += f64::from(scaled.kern(previous, glyph));
            }
            width += f64::from(scaled.h_advance(glyph));
            previous = Some(glyph);
        }
        width
    }

    /// Calls `draw` with the offset from the start of the baseline, and the coverage, of every pixel touched.
    ///
    /// plotters has such a function too, but it drops each glyph's left bearing, which makes the spacing of
    /// letters visibly uneven.
    pub(super) fn rasterise(&self, text: &str, em: f64, weight: Weight, mut draw: impl FnMut(i32, i32, f64)) {
        let font = self.font(weight);
        let scale = Self::scale(font, em);
        let scaled = font.as_scaled(scale);
        let mut x = 0.0_f32;
        let mut previous = None;
        for character in text.chars() {
            let id = font.glyph_id(character);
            if let Some(previous) = previous {
                x += scaled.kern(previous, id);
            }
            let glyph = id.with_scale_and_position(scale, ab_glyph::point(x, 0.0));
            if let Some(outline) = font.outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                outline.draw(|column, row, coverage| {
                    if coverage > 0.0 {
                        draw(
                            corner.x as i32 + column as i32,
                            corner.y as i32 + row as i32,
                            f64::from(coverage.min(1.0)),
                        );
                    }
                });
            }
            x += scaled.h_advance(id);
            previous = Some(id);
        }
    }

    /// The text and the size at which it fits into `available`: shrunk a little, and cut with `…` if that is not enough.
    pub(super) fn fit(&self, text: &str, em: f64, weight: Weight, available: f64) -> (String, f64) {
        let width = self.width(text, em, weight);
        if width <= available {
            return (text.to_owned(), em);
        }
        let shrunk = em * (available / width).max(SMALLEST_SHRINK);
        let mut kept: Vec<char> = text.chars().collect();
        let mut shown = text.to_owned();
        while self.width(&shown, shrunk, weight) > available * 1.001 && !kept.is_empty() {
            kept.pop();
            shown = kept.iter().collect::<String>().trim_end().to_owned() + "…";
        }
        (shown, shrunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_of_a_law_has_a_glyph() {
        let fonts = Fonts::get().expect("the font is compiled in");
        for sign in "d x/dt prey·predator x² y³ ⁻⁵ × −0.9 ∂ λ α ± … √ ∞ ≤ ₀₁₂".chars() {
            for weight in [Weight::Regular, Weight::Bold] {
                assert_ne!(fonts.font(weight).glyph_id(sign).0, 0, "{sign:?} is missing in {weight:?}");
            }
        }
    }

    #[test]
    fn long_text_is_shrunk_then_cut() {
        let fonts = Fonts::get().expect("the font is compiled in");
        let text = "a long name of a candidate term";
        let width = fonts.width(text, 20.0, Weight::Regular);
        let (whole, em) = fonts.fit(text, 20.0, Weight::Regular, 0.8 * width);
        assert_eq!(whole, text);
        assert!((em - 16.0).abs() < 0.1);
        let (cut, em) = fonts.fit(text, 20.0, Weight::Regular, 0.3 * width);
        assert!(cut.ends_with('…') && cut.len() < text.len());
        assert!(fonts.width(&cut, em, Weight::Regular) <= 0.301 * width);
    }
}
