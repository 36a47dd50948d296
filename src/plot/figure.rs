//! Panels stacked or side by side, with one legend.

use std::path::Path;

use super::PlotError;
use super::font::Fonts;
use super::frame::{self, PADDING, TITLE_EM};
use super::legend::Legend;
use super::page::{Page, Rectangle};
use super::paint;
use super::panel::{Panel, Prepared};
use super::series::Styles;

/// Smallest side of a drawing that still shows something.
pub(super) const SMALLEST_DRAWING: f64 = 80.0;

/// One or more panels in one picture, with a common legend above them.
///
/// Series of the same name have the same colour and mark in every panel, and one entry in the legend.
///
/// ```
/// use ansatz::plot::{Figure, Panel};
///
/// let iterations: Vec<f64> = (0..200).map(f64::from).collect();
/// let loss: Vec<f64> = iterations.iter().map(|i| 1e3 * (-0.05 * i).exp()).collect();
/// Figure::new()
///     .panel(
///         Panel::new("Training")
///             .x_label("iteration")
///             .y_label("loss")
///             .log_y()
///             .line("loss", &iterations, &loss)
///             .vertical_lines("horizon grew", &[40.0, 90.0]),
///     )
///     .save(std::env::temp_dir().join("ansatz_loss.svg"))?;
/// # Ok::<(), ansatz::plot::PlotError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Figure {
    title: String,
    panels: Vec<Panel>,
    columns: usize,
    size: Option<(u32, u32)>,
}

impl Default for Figure {
    fn default() -> Self {
        Self::new()
    }
}

impl Figure {
    /// A figure without panels.
    pub fn new() -> Self {
        Self { title: String::new(), panels: Vec::new(), columns: 1, size: None }
    }

    /// A title over all panels; without one, the title of a single panel takes its place.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Adds a panel.
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// Panels per row, 1 unless set: panels are stacked. Zero counts as 1.
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// Size in pixels; unless set, 1600 × 1000 for one panel and more for several.
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = Some((width, height));
        self
    }

    fn grid(&self) -> (usize, usize) {
        let columns = self.columns.min(self.panels.len()).max(1);
        (columns, self.panels.len().div_ceil(columns))
    }

    fn pixels(&self) -> (u32, u32) {
        let (columns, rows) = self.grid();
        self.size.unwrap_or_else(|| {
            // Large numbers of panels end at the largest side that can be painted.
            let side = |length: usize| length.min(paint::SIDES.1 as usize) as u32;
            let width = if columns == 1 { 1600 } else { side(950 * columns) };
            let height = match (columns, rows) {
                (1, 0 | 1) => 1000,
                (_, 1) => 800,
                _ => side(160 + 560 * rows),
            };
            (width, height)
        })
    }

    /// Draws the figure into a file: `.svg` or `.png`, by the extension. Missing folders are made.
    ///
    /// # Errors
    ///
    /// Another extension, a path that cannot be written, a series without a finite point or with columns of
    /// different lengths, a figure without panels or too small for its labels.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PlotError> {
        paint::save(path.as_ref(), self.pixels(), |page| self.lay_out(page))
    }

    fn lay_out(&self, page: &mut Page) -> Result<(), PlotError> {
        if self.panels.is_empty() {
            return Err(PlotError::NothingToDraw {
                picture: "the figure".to_owned(),
                advice: "add a panel with `panel`",
            });
        }
        let lent_title = self.title.is_empty() && self.panels.len() == 1;
        let title = if lent_title { self.panels[0].title() } else { &self.title };
        let panels: Vec<Prepared> = self
            .panels
            .iter()
            .enumerate()
            .map(|(index, panel)| panel.prepare(index + 1, !lent_title))
            .collect::<Result<_, _>>()?;
        let styles = Styles::assign(self.panels.iter().flat_map(|panel| &panel.series));
        let mut legend = Legend::default();
        for panel in &self.panels {
            panel.add_to_legend(&mut legend, &styles);
        }

        let width = f64::from(page.width) - 2.0 * PADDING;
        let mut top = PADDING;
        if !title.is_empty() {
            top += frame::draw_title(page, title, PADDING, top, width, 1.1 * TITLE_EM) + 14.0;
        }
        legend.draw(page, PADDING, top, width);
        top += legend.height(width, page.fonts) + 14.0;

        let (columns, rows) = self.grid();
        let grid = PanelGrid {
            panels: &panels,
            columns,
            rows,
            area: Rectangle {
                left: PADDING,
                top,
                right: f64::from(page.width) - PADDING,
                bottom: f64::from(page.height) - PADDING,
            },
        };
        let places = grid.places(page.fonts).ok_or_else(|| PlotError::NoRoom {
            picture: "the figure".to_owned(),
            width: page.width,
            height: page.height,
        })?;
        for (panel, (rectangle, outer_left)) in panels.iter().zip(places) {
            panel.draw(page, &styles, rectangle, outer_left);
        }
        Ok(())
    }
}

/// Panels in rows and columns, with frames of equal height and, in a column, aligned axes.
struct PanelGrid<'a> {
    panels: &'a [Prepared<'a>],
    columns: usize,
    rows: usize,
    area: Rectangle,
}

impl PanelGrid<'_> {
    const COLUMN_GAP: f64 = 40.0;
    const ROW_GAP: f64 = 32.0;

    /// The frame of every panel and the left edge of its cell; `None` when the labels leave no room.
    fn places(&self, fonts: &Fonts) -> Option<Vec<(Rectangle, f64)>> {
        let columns = self.columns as f64;
        let cell_width = (self.area.width() - (columns - 1.0) * Self::COLUMN_GAP) / columns;
        let cell_left = |index: usize| self.area.left + (index % self.columns) as f64 * (cell_width + Self::COLUMN_GAP);
        let rights: Vec<f64> = self
            .panels
            .iter()
            .enumerate()
            .map(|(index, panel)| {
                // The tick labels of the wider cell are at least as dense as those of the frame.
                let margin = frame::right_margin(&panel.x, 0.85 * cell_width, fonts);
                cell_left(index) + cell_width - margin
            })
            .collect();
        // Room above depends on the width of a frame, its width on the labels at its left, those on its
        // height, and that on the room above: a second round settles it.
        let mut height = self.area.height() / self.rows as f64;
        let mut lefts = self.lefts(height, &cell_left, fonts);
        let mut tops = Vec::new();
        for _ in 0..2 {
            tops = self.row_maxima(|index| self.panels[index].top_margin(lefts[index], rights[index], fonts));
            let around: f64 = tops.iter().sum::<f64>()
                + self.bottoms().iter().sum::<f64>()
                + (self.rows as f64 - 1.0) * Self::ROW_GAP;
            height = (self.area.height() - around) / self.rows as f64;
            lefts = self.lefts(height, &cell_left, fonts);
        }
        let bottoms = self.bottoms();
        let mut row_top = self.area.top;
        let mut places = Vec::with_capacity(self.panels.len());
        for index in 0..self.panels.len() {
            let row = index / self.columns;
            if index > 0 && index % self.columns == 0 {
                row_top += tops[row - 1] + height + bottoms[row - 1] + Self::ROW_GAP;
            }
            let top = row_top + tops[row];
            let rectangle = Rectangle { left: lefts[index], top, right: rights[index], bottom: top + height };
            if rectangle.width() < SMALLEST_DRAWING || rectangle.height() < SMALLEST_DRAWING {
                return None;
            }
            places.push((rectangle, cell_left(index)));
        }
        Some(places)
    }

    /// Left edges of the frames; those of one column agree.
    fn lefts(&self, height: f64, cell_left: &dyn Fn(usize) -> f64, fonts: &Fonts) -> Vec<f64> {
        let mut margins = vec![0.0_f64; self.columns];
        for (index, panel) in self.panels.iter().enumerate() {
            let margin = &mut margins[index % self.columns];
            *margin = margin.max(panel.left_margin(height, fonts));
        }
        (0..self.panels.len()).map(|index| cell_left(index) + margins[index % self.columns]).collect()
    }

    fn bottoms(&self) -> Vec<f64> {
        self.row_maxima(|index| frame::bottom_margin(&self.panels[index].words))
    }

    fn row_maxima(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut maxima = vec![0.0_f64; self.rows];
        for index in 0..self.panels.len() {
            let row = index / self.columns;
            maxima[row] = maxima[row].max(value(index));
        }
        maxima
    }
}
