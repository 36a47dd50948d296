//! Colours that stay apart for every eye, on paper and in grey.
//!
//! The eight colours are those of Okabe and Ito. They are handed out in an order in which neighbours also
//! differ by at least 15 units of CIE lightness, so that adjacent series can be told apart in a greyscale print.
//!
//! M. Okabe and K. Ito, *Color Universal Design (CUD): How to make figures and presentations that are
//! friendly to colorblind people*, 2002, <https://jfly.uni-koeln.de/color/>.

/// A colour as red, green and blue, each from 0 to 255.
///
/// ```
/// use ansatz::plot::Colour;
///
/// let sea = Colour::new(0, 105, 148);
/// assert_eq!(sea.rgb(), (0, 105, 148));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Colour {
    /// Black, CIE lightness 0.
    pub const BLACK: Self = Self::new(0, 0, 0);
    /// Orange, CIE lightness 71.
    pub const ORANGE: Self = Self::new(230, 159, 0);
    /// Sky blue, CIE lightness 70.
    pub const SKY_BLUE: Self = Self::new(86, 180, 233);
    /// Bluish green, CIE lightness 58.
    pub const GREEN: Self = Self::new(0, 158, 115);
    /// Yellow, CIE lightness 89; too pale for thin lines.
    pub const YELLOW: Self = Self::new(240, 228, 66);
    /// Blue, CIE lightness 46.
    pub const BLUE: Self = Self::new(0, 114, 178);
    /// Vermillion, CIE lightness 54.
    pub const VERMILLION: Self = Self::new(213, 94, 0);
    /// Reddish purple, CIE lightness 61.
    pub const PURPLE: Self = Self::new(204, 121, 167);

    /// The colours in the order in which series without a colour of their own receive them.
    pub const CYCLE: [Self; 8] = [
        Self::BLACK,
        Self::SKY_BLUE,
        Self::VERMILLION,
        Self::ORANGE,
        Self::BLUE,
        Self::PURPLE,
        Self::YELLOW,
        Self::GREEN,
    ];

    /// The colour with these shares of red, green and blue.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// Red, green and blue.
    pub const fn rgb(self) -> (u8, u8, u8) {
        (self.red, self.green, self.blue)
    }

    /// The colour mixed with this share of white.
    pub(super) fn mixed_with_white(self, share: f64) -> Self {
        let mix = |channel: u8| (f64::from(channel) + share * (255.0 - f64::from(channel))).round() as u8;
        Self::new(mix(self.red), mix(self.green), mix(self.blue))
    }

    /// CIE 1976 lightness L*, from 0 (black) to 100 (white).
    ///
    /// ```
    /// use ansatz::plot::Colour;
    ///
    /// assert!(Colour::SKY_BLUE.lightness() > Colour::BLUE.lightness() + 15.0);
    /// ```
    pub fn lightness(self) -> f64 {
        // sRGB to linear light, then to relative luminance, IEC 61966-2-1; L* from CIE 15.
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = 0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue);
        if luminance > 216.0 / 24389.0 { 116.0 * luminance.cbrt() - 16.0 } else { luminance * 24389.0 / 27.0 }
    }
}

/// The colour of the series with this running number; after eight the colours repeat.
pub(super) fn cycle(index: usize) -> Colour {
    Colour::CYCLE[index % Colour::CYCLE.len()]
}

pub(super) const WHITE: Colour = Colour::new(255, 255, 255);
/// Text: nearly black, which is softer than black beside coloured lines.
pub(super) const TEXT: Colour = Colour::new(38, 38, 38);
/// Captions and other secondary text.
pub(super) const FAINT_TEXT: Colour = Colour::new(105, 105, 105);
/// Axis lines.
pub(super) const AXIS: Colour = Colour::new(120, 120, 120);
/// Grid lines.
pub(super) const GRID: Colour = Colour::new(230, 230, 230);
/// Reference lines.
pub(super) const REFERENCE: Colour = Colour::new(130, 130, 130);
/// Shaded ranges of the x axis.
pub(super) const SHADE: Colour = Colour::new(243, 243, 240);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_differ_in_lightness() {
        for pair in Colour::CYCLE.windows(2) {
            let difference = (pair[0].lightness() - pair[1].lightness()).abs();
            assert!(difference >= 14.9, "{:?} and {:?} differ by {difference}", pair[0], pair[1]);
        }
    }
}
