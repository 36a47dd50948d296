//! The legend: a row (or several) of specimens with names, above the drawing so that it never hides data.

use super::font::{Fonts, Weight};
use super::frame::{HALF_DIGIT, LABEL_EM};
use super::page::{Align, Page, Point, Text};
use super::palette::TEXT;
use super::series::{Form, Series, Styles};

const EM: f64 = LABEL_EM;
const ROW: f64 = 1.55 * EM;
const SAMPLE_GAP: f64 = 14.0;
const ENTRY_GAP: f64 = 46.0;

type Sample<'a> = Box<dyn Fn(&mut Page, Point) + 'a>;

struct Entry<'a> {
    name: String,
    /// Width of the widest specimen.
    width: f64,
    samples: Vec<Sample<'a>>,
    /// The forms of the series that gave specimens.
    forms: Vec<Form>,
}

/// Names with specimens; two specimens under one name are drawn over each other.
#[derive(Default)]
pub(super) struct Legend<'a> {
    entries: Vec<Entry<'a>>,
}

impl<'a> Legend<'a> {
    /// Adds a specimen of this width, drawn by `draw` from the middle of its left edge; without a name there is no entry.
    pub(super) fn add(&mut self, name: &str, width: f64, draw: impl Fn(&mut Page, Point) + 'a) {
        if name.is_empty() {
            return;
        }
        match self.entries.iter_mut().find(|entry| entry.name == name) {
            Some(entry) => {
                entry.width = entry.width.max(width);
                entry.samples.push(Box::new(draw));
            }
            None => {
                self.entries.push(Entry {
                    name: name.to_owned(),
                    width,
                    samples: vec![Box::new(draw)],
                    forms: Vec::new(),
                });
            }
        }
    }

    pub(super) fn add_series(&mut self, series: &'a Series, styles: &Styles) {
        // The same series in several panels is shown once; a translucent band would otherwise darken.
        let known = self.entries.iter().find(|entry| entry.name == series.name);
        if known.is_some_and(|entry| entry.forms.contains(&series.form)) {
            return;
        }
        let style = styles.of(series);
        self.add(&series.name, series.sample_width(), move |page, at| series.draw_sample(page, at, style));
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.name == series.name) {
            entry.forms.push(series.form);
        }
    }

    /// For every entry: row, distance from the left, and name and size as they fit.
    fn places(&self, width: f64, fonts: &Fonts) -> Vec<(usize, f64, String, f64)> {
        let (mut row, mut x) = (0, 0.0);
        self.entries
            .iter()
            .map(|entry| {
                let sample = entry.width + SAMPLE_GAP;
                let (name, em) = fonts.fit(&entry.name, EM, Weight::Regular, width - sample);
                let size = sample + fonts.width(&name, em, Weight::Regular);
                if x > 0.0 && x + size > width {
                    row += 1;
                    x = 0.0;
                }
                let at = x;
                x += size + ENTRY_GAP;
                (row, at, name, em)
            })
            .collect()
    }

    /// Height on a page where `width` is available.
    pub(super) fn height(&self, width: f64, fonts: &Fonts) -> f64 {
        self.places(width, fonts).last().map_or(0.0, |(row, ..)| (row + 1) as f64 * ROW)
    }

    pub(super) fn draw(&self, page: &mut Page, left: f64, top: f64, width: f64) {
        let places = self.places(width, page.fonts);
        for ((row, x, name, em), entry) in places.into_iter().zip(&self.entries) {
            let middle = top + (row as f64 + 0.5) * ROW;
            for draw in &entry.samples {
                draw(page, [left + x, middle]);
            }
            page.text(Text {
                text: name,
                at: [left + x + entry.width + SAMPLE_GAP, middle + HALF_DIGIT * em],
                em,
                weight: Weight::Regular,
                align: Align::Start,
                colour: TEXT,
                upright: false,
            });
        }
    }
}
