//! Ranges, scales and tick labels of an axis.

use super::font::{Fonts, Weight};

/// Values beyond this are drawn at the edge and take no part in the range, so that no difference overflows.
const LARGEST: f64 = 1e150;
/// Ranges below this count as none; on a logarithmic axis smaller values are drawn at the edge. Nothing underflows.
const SMALLEST: f64 = 1e-150;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Scale {
    #[default]
    Linear,
    Logarithmic,
}

impl Scale {
    /// Whether a value has a place on such an axis.
    pub(super) fn shows(self, value: f64) -> bool {
        value.is_finite() && (self == Scale::Linear || value > 0.0)
    }
}

/// The scales of both axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Scales {
    pub x: Scale,
    pub y: Scale,
}

/// An axis from `low` to `high`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub low: f64,
    pub high: f64,
    pub scale: Scale,
}

/// A place on an axis with its label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub value: f64,
    pub label: String,
}

/// How the labels of an axis are laid out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Direction {
    Horizontal,
    Vertical,
}

impl Axis {
    /// The axis that shows all of `values` with `margin` (a share of their range) around them; `None` if none can be shown.
    pub(super) fn around(values: impl IntoIterator<Item = f64>, scale: Scale, margin: f64) -> Option<Self> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.into_iter().filter(|&value| scale.shows(value)) {
            let value = match scale {
                Scale::Linear => value.clamp(-LARGEST, LARGEST),
                Scale::Logarithmic => value.clamp(SMALLEST, LARGEST),
            };
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            return None;
        }
        Some(match scale {
            Scale::Linear => {
                let size = low.abs().max(high.abs());
                let padding = if high - low > (1e-9 * size).max(SMALLEST) {
                    margin * (high - low)
                } else if size > SMALLEST {
                    // A constant: a tenth of its value on either side.
                    0.1 * size
                } else {
                    1.0
                };
                // Amounts that are never negative get no negative piece of axis.
                let bottom = if low >= 0.0 { (low - padding).max(0.0) } else { low - padding };
                let top = if high <= 0.0 && low < 0.0 { (high + padding).min(0.0) } else { high + padding };
                Self { low: bottom, high: top, scale }
            }
            Scale::Logarithmic => {
                let (low, high) = (low.log10(), high.log10());
                let padding = if high - low > 1e-9 { margin * (high - low) } else { 0.5 };
                Self { low: 10_f64.powf(low - padding), high: 10_f64.powf(high + padding), scale }
            }
        })
    }

    /// An axis with limits chosen by the user; `None` if they span no range that can be drawn.
    pub(super) fn between(low: f64, high: f64, scale: Scale) -> Option<Self> {
        let resolvable = high - low > (1e-12 * low.abs().max(high.abs())).max(SMALLEST);
        let drawable = scale.shows(low)
            && scale.shows(high)
            && low.abs() <= LARGEST
            && high.abs() <= LARGEST
            && (scale == Scale::Linear || low >= SMALLEST);
        (drawable && resolvable).then_some(Self { low, high, scale })
    }

    /// Place of a value along the axis: 0 at `low`, 1 at `high`; far values stay finite.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = match self.scale {
            Scale::Linear => (value.clamp(-LARGEST, LARGEST) - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).log10() / (self.high / self.low).log10(),
        };
        place.clamp(-1e4, 1e4)
    }

    /// As many round values as their labels have room for on `length` pixels.
    pub(super) fn ticks(&self, length: f64, direction: Direction, fonts: &Fonts, em: f64) -> Vec<Tick> {
        let fits = |ticks: &[Tick]| {
            ticks.windows(2).all(|pair| {
                let distance = (self.place(pair[1].value) - self.place(pair[0].value)) * length;
                let width = |tick: &Tick| fonts.width(&tick.label, em, Weight::Regular);
                match direction {
                    Direction::Horizontal => {
                        let labels = 0.5 * (width(&pair[0]) + width(&pair[1]));
                        distance >= (labels + 1.2 * em).max(4.5 * em)
                    }
                    Direction::Vertical if self.scale == Scale::Logarithmic => distance >= 2.1 * em,
                    Direction::Vertical => distance >= (2.4 * em).max(length / 9.0),
                }
            })
        };
        let candidates = match self.scale {
            Scale::Linear => self.linear_candidates(),
            Scale::Logarithmic => {
                let mut candidates = self.logarithmic_candidates();
                candidates.extend(self.linear_candidates());
                candidates
            }
        };
        let usable = |ticks: &&Vec<Tick>| ticks.len() >= 2 && fits(ticks);
        // With room for one label only, one label is better than none.
        candidates
            .iter()
            .find(usable)
            .or_else(|| candidates.iter().find(|ticks| ticks.len() == 1))
            .cloned()
            .unwrap_or_default()
    }

    /// Multiples of 1, 2, 5 times a power of ten, the densest first.
    fn linear_candidates(&self) -> Vec<Vec<Tick>> {
        let span = self.high - self.low;
        let size = self.low.abs().max(self.high.abs());
        let mut exponent = (span / 25.0).log10().floor() as i32;
        let mut candidates = Vec::new();
        while candidates.len() < 9 {
            for digit in [1, 2, 5] {
                let step = f64::from(digit) * 10_f64.powi(exponent);
                let first = (self.low / step - 1e-9).ceil();
                let count = (self.high / step + 1e-9).floor() - first;
                if !(0.0..=60.0).contains(&count) {
                    candidates.push(Vec::new());
                    continue;
                }
                let ticks = (0..=count as u32).map(|index| {
                    let value = (first + f64::from(index)) * step;
                    Tick { value, label: number_label(value, exponent, size) }
                });
                candidates.push(ticks.collect());
            }
            exponent += 1;
        }
        candidates
    }

    /// Powers of ten with their doubles and fivefolds, then every decade, then every second decade, and so on.
    fn logarithmic_candidates(&self) -> Vec<Vec<Tick>> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let inside = |value: f64| (-1e-9..=1.0 + 1e-9).contains(&self.place(value));
        let plain = first >= -2 && last <= 4;
        let label = |digit: i32, exponent: i32| {
            if plain {
                number_label(f64::from(digit) * 10_f64.powi(exponent), exponent.min(0), 1.0)
            } else if digit == 1 {
                format!("10{}", superscript(exponent))
            } else {
                format!("{digit}×10{}", superscript(exponent))
            }
        };
        let ticks = |digits: &[i32], stride: i32| -> Vec<Tick> {
            (first..=last)
                .filter(|exponent| exponent.rem_euclid(stride) == 0)
                .flat_map(|exponent| digits.iter().map(move |&digit| (digit, exponent)))
                .map(|(digit, exponent)| Tick {
                    value: f64::from(digit) * 10_f64.powi(exponent),
                    label: label(digit, exponent),
                })
                .filter(|tick| inside(tick.value))
                .collect()
        };
        let mut candidates = Vec::new();
        // Doubles and fivefolds only where a decade alone would leave the axis nearly bare.
        if self.high / self.low < 2e2 {
            candidates.push(ticks(&[1, 2, 5], 1));
        }
        candidates.extend([1, 2, 5, 10, 20, 50, 100].map(|stride| ticks(&[1], stride)));
        candidates
    }
}

/// A multiple of a power of ten, written with the digits it needs and no others; `size` is the largest value on the axis.
fn number_label(value: f64, exponent: i32, size: f64) -> String {
    let power = size.log10().floor() as i32;
    let written = if value == 0.0 {
        "0".to_owned()
    } else if power >= 6 || power <= -4 {
        let decimals = (power - exponent).clamp(0, 15) as usize;
        // 10^power may underflow where its square root does not.
        let half = 10_f64.powi(power / 2);
        let digits = value / half / 10_f64.powi(power - power / 2);
        format!("{digits:.decimals$}×10{}", superscript(power))
    } else {
        let decimals = (-exponent).clamp(0, 15) as usize;
        format!("{value:.decimals$}")
    };
    written.replace('-', "−")
}

/// A whole number in raised digits.
fn superscript(number: i32) -> String {
    number
        .to_string()
        .chars()
        .map(|character| match character {
            '-' => '⁻',
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4' => '⁴',
            '5' => '⁵',
            '6' => '⁶',
            '7' => '⁷',
            '8' => '⁸',
            '9' => '⁹',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis, length: f64, direction: Direction) -> Vec<String> {
        let fonts = Fonts::get().expect("the font is compiled in");
        axis.ticks(length, direction, fonts, 26.0).into_iter().map(|tick| tick.label).collect()
    }

    fn linear(low: f64, high: f64) -> Axis {
        Axis::between(low, high, Scale::Linear).expect("a range")
    }

    #[test]
    fn labels_are_round_and_plain() {
        let tenths = labels(linear(0.0, 0.7), 1400.0, Direction::Horizontal);
        assert!(tenths.contains(&"0.3".to_owned()) || tenths.contains(&"0.30".to_owned()), "{tenths:?}");
        assert!(tenths.iter().all(|label| label.len() <= 4), "{tenths:?}");
        let years = labels(linear(1899.0, 1921.0), 1400.0, Direction::Horizontal);
        assert!(years.contains(&"1910".to_owned()), "{years:?}");
        let negative = labels(linear(-1.0, 1.0), 600.0, Direction::Vertical);
        assert!(negative.contains(&"−0.5".to_owned()) && negative.iter().all(|l| !l.contains('-')), "{negative:?}");
    }

    #[test]
    fn extreme_values_are_written_with_powers() {
        let large = labels(linear(0.0, 3e7), 900.0, Direction::Horizontal);
        assert!(large.contains(&"2×10⁷".to_owned()) || large.contains(&"2.0×10⁷".to_owned()), "{large:?}");
        let small = labels(linear(0.0, 4e-6), 900.0, Direction::Horizontal);
        assert!(small.iter().any(|label| label.ends_with("×10⁻⁶")), "{small:?}");
        for (low, high) in [(0.0, 5e-324), (-1e150, 1e150), (1e9, 1e9 + 1.0), (1e-300, 2e-300)] {
            if let Some(axis) = Axis::between(low, high, Scale::Linear) {
                assert!(!labels(axis, 1400.0, Direction::Horizontal).is_empty(), "{low} to {high}");
            }
        }
    }

    #[test]
    fn labels_never_overlap() {
        let fonts = Fonts::get().expect("the font is compiled in");
        for (low, high) in [(0.0, 1.0), (-1234.5, 98765.0), (1.0e-9, 1.7e-9), (1e9, 1e9 + 1.0), (0.013, 0.0131)] {
            for length in [120.0, 300.0, 700.0, 1500.0] {
                let axis = linear(low, high);
                for pair in axis.ticks(length, Direction::Horizontal, fonts, 26.0).windows(2) {
                    let distance = (axis.place(pair[1].value) - axis.place(pair[0].value)) * length;
                    let widths = pair.iter().map(|tick| fonts.width(&tick.label, 26.0, Weight::Regular)).sum::<f64>();
                    assert!(distance > 0.5 * widths, "{low} to {high} on {length}: {pair:?}");
                }
            }
        }
    }

    #[test]
    fn decades_on_a_logarithmic_axis() {
        let axis = Axis::around([1e3, 1e-5], Scale::Logarithmic, 0.05).expect("a range");
        let decades = labels(axis, 700.0, Direction::Vertical);
        assert!(decades.contains(&"10⁻⁴".to_owned()) && decades.contains(&"10²".to_owned()), "{decades:?}");
        let narrow = Axis::between(3.0, 3.5, Scale::Logarithmic).expect("a range");
        assert!(labels(narrow, 700.0, Direction::Vertical).len() >= 2);
    }

    #[test]
    fn degenerate_ranges_get_a_margin() {
        let constant = Axis::around([5.0, 5.0, f64::NAN], Scale::Linear, 0.05).expect("a range");
        assert!(constant.low < 5.0 && constant.high > 5.0);
        let zero = Axis::around([0.0], Scale::Linear, 0.05).expect("a range");
        assert_eq!((zero.low, zero.high), (0.0, 1.0));
        assert!(Axis::around([f64::NAN, f64::INFINITY], Scale::Linear, 0.05).is_none());
        assert!(Axis::around([0.0, -1.0], Scale::Logarithmic, 0.05).is_none());
        let huge = Axis::around([-f64::MAX, f64::MAX], Scale::Linear, 0.05).expect("a range");
        assert!((huge.place(0.0) - 0.5).abs() < 1e-12);
    }
}
