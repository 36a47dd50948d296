//! Pictures show what they are given, whole and legible, or say why they cannot.

use std::path::Path;

use ansatz::plot::{BarChart, BarGroup, Colour, Figure, Panel, PhasePortrait, PlotError, Series};

/// A decoded PNG.
struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    fn read(path: &Path) -> Self {
        let decoder = png::Decoder::new(std::fs::File::open(path).expect("the file exists"));
        let mut reader = decoder.read_info().expect("a PNG header");
        let mut bytes = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut bytes).expect("PNG pixels");
        assert_eq!(info.color_type, png::ColorType::Rgb);
        let (pixels, _) = bytes.as_chunks::<3>();
        Self { width: info.width as usize, height: info.height as usize, pixels: pixels.to_vec() }
    }

    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        self.pixels[y * self.width + x]
    }

    /// Pixels close to a colour between two shares of the width.
    fn count(&self, colour: Colour, from: f64, to: f64) -> usize {
        let (red, green, blue) = colour.rgb();
        let near = |pixel: [u8; 3]| pixel.iter().zip([red, green, blue]).all(|(&a, b)| a.abs_diff(b) <= 12);
        let columns = (from * self.width as f64) as usize..(to * self.width as f64) as usize;
        (0..self.height)
            .flat_map(|y| columns.clone().map(move |x| (x, y)))
            .filter(|&(x, y)| near(self.at(x, y)))
            .count()
    }

    /// Whether a margin of some pixels around the picture is white: nothing is cut off at its edges.
    fn has_white_margin(&self, margin: usize) -> bool {
        (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y))).all(|(x, y)| {
            let inside = (margin..self.width - margin).contains(&x) && (margin..self.height - margin).contains(&y);
            inside || self.at(x, y) == [255; 3]
        })
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn png(save: impl FnOnce(&Path) -> Result<(), PlotError>) -> Picture {
    let folder = folder();
    let path = folder.path().join("picture.png");
    save(&path).expect("the picture is saved");
    Picture::read(&path)
}

fn svg(save: impl FnOnce(&Path) -> Result<(), PlotError>) -> String {
    let folder = folder();
    let path = folder.path().join("picture.svg");
    save(&path).expect("the picture is saved");
    std::fs::read_to_string(path).expect("the picture is text")
}

/// The lines of text of an SVG picture.
fn texts(document: &str) -> Vec<&str> {
    document
        .split("<text ")
        .skip(1)
        .filter_map(|element| element.split_once('>')?.1.split_once("</text>"))
        .map(|(text, _)| text.trim())
        .collect()
}

fn grid(from: f64, to: f64, count: usize) -> Vec<f64> {
    (0..count).map(|i| from + (to - from) * i as f64 / (count - 1) as f64).collect()
}

/// Data up to 3, fit up to 3, law up to 10.
fn forecast() -> Figure {
    let (short, long) = (grid(0.0, 3.0, 31), grid(0.0, 10.0, 400));
    let wave = |t: &[f64]| t.iter().map(|t| 3.0 + 2.0 * t.sin()).collect::<Vec<_>>();
    Figure::new().panel(
        Panel::new("Lotka–Volterra")
            .x_label("time (years)")
            .y_label("prey (thousand)")
            .series(Series::points("data", &short, &wave(&short)).colour(Colour::BLACK))
            .series(Series::line("fitted network", &short, &wave(&short)).colour(Colour::SKY_BLUE))
            .series(Series::dashed("discovered law", &long, &wave(&long)).colour(Colour::VERMILLION))
            .shade(3.0, f64::INFINITY, "forecast")
            .vertical_line(3.0, "last datum"),
    )
}

#[test]
fn a_forecast_is_drawn_where_it_belongs() {
    let picture = png(|path| forecast().save(path));
    assert_eq!((picture.width, picture.height), (1600, 1000));
    assert!(picture.has_white_margin(12));
    // The fit is wide, but the dashes of the law on it leave only its edges.
    assert!(picture.count(Colour::SKY_BLUE, 0.05, 0.35) > 500);
    assert_eq!(picture.count(Colour::SKY_BLUE, 0.45, 1.0), 0);
    assert!(picture.count(Colour::VERMILLION, 0.45, 1.0) > 1000);
    let shade = picture.at(1200, 850);
    assert!(shade[0] < 250 && shade[0] > 220, "the forecast is not shaded: {shade:?}");
    // Between two grid lines, below the curve, left of the forecast.
    assert!((880..900).any(|y| picture.at(400, y) == [255; 3]));
}

#[test]
fn every_word_of_a_figure_is_in_the_svg() {
    let document = svg(|path| forecast().save(path));
    assert!(document.starts_with("<svg width=\"1600\" height=\"1000\""));
    assert!(document.trim_end().ends_with("</svg>"));
    // A polyline of fewer than two points is refused by some viewers.
    for polyline in document.split("<polyline ").skip(1) {
        let points = polyline.split("points=\"").nth(1).and_then(|rest| rest.split('"').next());
        assert!(points.is_some_and(|points| points.split_whitespace().count() >= 2), "{polyline:.200}");
    }
    let texts = texts(&document);
    for text in [
        "Lotka–Volterra",
        "time (years)",
        "prey (thousand)",
        "data",
        "fitted network",
        "discovered law",
        "forecast",
        "last datum",
    ] {
        assert_eq!(texts.iter().filter(|&&t| t == text).count(), 1, "{text:?} in {texts:?}");
    }
}

#[test]
fn panels_share_one_legend_and_one_style() {
    let t = grid(0.0, 1.0, 20);
    let panel = |title: &str| Panel::new(title).points("data", &t, &t).line("fit", &t, &t);
    let figure = Figure::new().title("Both").panel(panel("prey")).panel(panel("predator"));
    let document = svg(|path| figure.save(path));
    let texts = texts(&document);
    for text in ["Both", "prey", "predator", "data", "fit"] {
        assert_eq!(texts.iter().filter(|&&t| t == text).count(), 1, "{text:?} in {texts:?}");
    }
    let side_by_side = png(|path| figure.clone().columns(2).save(path));
    assert!(side_by_side.width > side_by_side.height && side_by_side.has_white_margin(12));
    let second_colour = Colour::SKY_BLUE;
    assert!(side_by_side.count(second_colour, 0.05, 0.5) > 500);
    assert!(side_by_side.count(second_colour, 0.5, 1.0) > 500);
}

#[test]
fn tick_labels_are_short_and_typographic() {
    let years = grid(1900.0, 1920.0, 21);
    let document = svg(|path| {
        let values: Vec<f64> = years.iter().map(|year| 0.1 * (year - 1910.0)).collect();
        Figure::new().panel(Panel::new("").line("hare", &years, &values)).save(path)
    });
    let texts = texts(&document);
    assert!(texts.contains(&"1910"), "{texts:?}");
    assert!(texts.contains(&"−0.5"), "{texts:?}");
    assert!(texts.iter().all(|text| text.chars().count() <= 5 && !text.contains(['-', ','])), "{texts:?}");
}

#[test]
fn a_loss_curve_has_decades_and_marks() {
    let iterations = grid(0.0, 400.0, 401);
    let loss: Vec<f64> = iterations.iter().map(|i| 10_f64.powf(3.0 - 0.02 * i)).collect();
    let figure = Figure::new().panel(
        Panel::new("loss").log_y().line("training", &iterations, &loss).vertical_lines("horizon grew", &[100.0, 200.0]),
    );
    let document = svg(|path| figure.save(path));
    let texts = texts(&document);
    for text in ["10³", "10⁰", "10⁻⁵", "horizon grew"] {
        assert_eq!(texts.iter().filter(|&&t| t == text).count(), 1, "{text:?} in {texts:?}");
    }
    // A straight line on this axis: half-way down half-way through.
    let picture = png(|path| figure.save(path));
    let heights = |share: f64| -> f64 {
        let x = (share * picture.width as f64) as usize;
        let dark: Vec<_> = (150..900).filter(|&y| picture.at(x, y)[0] < 60).collect();
        assert!(!dark.is_empty(), "no curve at {share}");
        dark.iter().sum::<usize>() as f64 / dark.len() as f64
    };
    let (a, b, c) = (heights(0.31), heights(0.51), heights(0.71));
    assert!((a + c - 2.0 * b).abs() < 6.0, "{a}, {b}, {c} are not on a line");
}

#[test]
fn a_line_is_broken_where_it_is_not_finite() {
    let t = grid(0.0, 1.0, 101);
    for hole in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut y = vec![1.0; t.len()];
        y[40..=60].fill(hole);
        let picture = png(|path| {
            Figure::new().panel(Panel::new("").series(Series::line("", &t, &y).colour(Colour::BLUE))).save(path)
        });
        assert!(picture.count(Colour::BLUE, 0.1, 0.4) > 1000);
        assert_eq!(picture.count(Colour::BLUE, 0.46, 0.58), 0, "drawn across {hole}");
        assert!(picture.count(Colour::BLUE, 0.64, 0.95) > 1000);
    }
}

#[test]
fn a_band_is_translucent_and_keeps_to_its_edges() {
    let t = grid(0.0, 1.0, 50);
    let (low, high) = (vec![1.0; 50], vec![2.0; 50]);
    let picture = png(|path| {
        Figure::new()
            .panel(Panel::new("").y_range(0.0, 3.0).series(Series::band("", &t, &low, &high).colour(Colour::BLUE)))
            .save(path)
    });
    let bluish = |y: usize| {
        let [red, _, blue] = picture.at(800, y);
        red < 230 && blue > 225
    };
    let rows = (0..picture.height).filter(|&y| bluish(y)).count() as f64;
    // A third of the frame's height, which is most of the picture's.
    let share = rows / picture.height as f64;
    assert!((0.26..0.34).contains(&share), "the band takes {share} of the height");
}

#[test]
fn what_lies_outside_the_limits_is_cut_off() {
    let t = grid(0.0, 1.0, 200);
    let blow_up: Vec<f64> = t.iter().map(|t| (700.0 * t).exp()).collect();
    let picture = png(|path| {
        Figure::new()
            .panel(Panel::new("title").y_range(0.0, 10.0).series(Series::line("", &t, &blow_up).colour(Colour::BLUE)))
            .save(path)
    });
    assert!(picture.count(Colour::BLUE, 0.0, 0.3) > 1000);
    assert_eq!(picture.count(Colour::BLUE, 0.3, 1.0), 0);
    assert!(picture.has_white_margin(12));
}

#[test]
fn degenerate_data_get_an_axis() {
    for (x, y) in [(vec![2.0], vec![5.0]), (vec![0.0, 1.0], vec![0.0, 0.0]), (vec![1.0, 1.0], vec![-3e8, 3e8])] {
        let picture = png(|path| {
            Figure::new().panel(Panel::new("").series(Series::points("p", &x, &y).colour(Colour::BLUE))).save(path)
        });
        // The rim of at least one mark, beside the one in the legend.
        assert!(picture.count(Colour::BLUE, 0.06, 1.0) > 60, "{x:?}, {y:?}");
        assert!(picture.has_white_margin(12));
    }
}

#[test]
fn a_portrait_shows_field_and_trajectories() {
    // Defined on the right only.
    let field = |x: f64, y: f64| if x < 0.0 { [f64::NAN, 0.0] } else { [-y, x] };
    let angle = grid(-1.2, 1.2, 100);
    let (x, y): (Vec<f64>, Vec<f64>) = angle.iter().map(|a| (a.cos(), a.sin())).unzip();
    let portrait = PhasePortrait::new("half a rotation", &field)
        .x_label("x²")
        .y_label("d x/dt")
        .x_range(-1.5, 1.5)
        .y_range(-1.5, 1.5)
        .series(Series::line("orbit", &x, &y).colour(Colour::VERMILLION));
    let picture = png(|path| portrait.save(path));
    let arrow = Colour::new(188, 188, 188);
    assert!(picture.count(arrow, 0.55, 1.0) > 3000);
    // The rims of letters in the title have that grey too.
    assert!(picture.count(arrow, 0.1, 0.5) < 300);
    assert!(picture.count(Colour::VERMILLION, 0.55, 1.0) > 1000);
    assert!(picture.has_white_margin(12));
    let document = svg(|path| portrait.save(path));
    for text in ["half a rotation", "x²", "d x/dt", "orbit", "start", "−1.0"] {
        assert!(texts(&document).contains(&text), "{text:?}");
    }
}

#[test]
fn a_second_lap_leaves_the_dashes_alone() {
    let rest = |_: f64, _: f64| [0.0, 0.0];
    let inked = |laps: f64| {
        let angle = grid(0.0, laps * std::f64::consts::TAU, (1000.0 * laps) as usize);
        let (x, y): (Vec<f64>, Vec<f64>) = angle.iter().map(|a| (a.cos(), a.sin())).unzip();
        let picture = png(|path| {
            PhasePortrait::new("", &rest).series(Series::dashed("", &x, &y).colour(Colour::BLUE)).save(path)
        });
        picture.count(Colour::BLUE, 0.0, 1.0) as f64
    };
    let (one, three) = (inked(1.0), inked(3.3));
    assert!(one > 2000.0 && (three / one - 1.0).abs() < 0.03, "{one} pixels grow to {three}");
}

fn odds() -> BarChart {
    BarChart::new("How sure is each term?")
        .group(BarGroup::new("d prey/dt").selected("prey·predator", 0.98).rejected("prey²", 0.05))
        .group(
            BarGroup::new("d predator/dt")
                .selected("a very long candidate term: prey²·predator³·sin(0.5 prey)", 0.49)
                .rejected("predator²", 0.0),
        )
}

#[test]
fn bars_are_as_long_as_their_odds() {
    let picture = png(|path| odds().save(path));
    assert!(picture.has_white_margin(12));
    // Runs of the strong colour, the legend's specimen left out.
    let mut lengths: Vec<usize> = (0..picture.height)
        .map(|y| (0..picture.width).filter(|&x| picture.at(x, y) == [0, 114, 178]).count())
        .filter(|&length| length > 80)
        .collect();
    lengths.dedup();
    let (longest, shortest) = (lengths.iter().max(), lengths.iter().min());
    let (Some(&longest), Some(&shortest)) = (longest, shortest) else { panic!("no bars") };
    assert!((shortest as f64 / longest as f64 - 0.5).abs() < 0.01, "{lengths:?}");
}

#[test]
fn bars_carry_whole_names_and_values() {
    let document = svg(|path| odds().save(path));
    let texts = texts(&document);
    for text in [
        "d prey/dt",
        "d predator/dt",
        "prey·predator",
        "a very long candidate term: prey²·predator³·sin(0.5 prey)",
        "0.98",
        "0.05",
        "0.49",
        "0.00",
        "in the law",
        "not in the law",
    ] {
        assert!(texts.contains(&text), "{text:?} in {texts:?}");
    }
}

#[test]
fn missing_folders_are_made_and_case_does_not_matter() {
    let folder = folder();
    for name in ["a/b/fit.SVG", "c/d/fit.PNG"] {
        let path = folder.path().join(name);
        forecast().save(&path).expect("the picture is saved");
        assert!(std::fs::metadata(&path).expect("the file exists").len() > 1000);
    }
}

#[test]
fn pictures_are_the_same_on_every_thread() {
    let folder = folder();
    let path = |i: usize, extension: &str| folder.path().join(format!("{i}.{extension}"));
    std::thread::scope(|scope| {
        for i in 0..3 {
            let path = &path;
            scope.spawn(move || {
                forecast().save(path(i, "png")).expect("saved");
                forecast().save(path(i, "svg")).expect("saved");
            });
        }
    });
    for extension in ["png", "svg"] {
        let first = std::fs::read(path(0, extension)).expect("readable");
        for i in 1..3 {
            assert!(std::fs::read(path(i, extension)).expect("readable") == first, "{i}.{extension} differs");
        }
    }
}

fn failure(panel: Panel) -> PlotError {
    let folder = folder();
    let path = folder.path().join("never.svg");
    let error = Figure::new().panel(panel).save(&path).expect_err("this cannot be drawn");
    assert!(!path.exists(), "a file was written in spite of: {error}");
    error
}

#[test]
fn a_bad_path_is_named() {
    for name in ["fit.pdf", "fit"] {
        let error = forecast().save(name).expect_err("no such format");
        assert!(matches!(&error, PlotError::UnknownExtension { path, .. } if path == Path::new(name)));
        let message = error.to_string();
        assert!(message.contains(name) && message.contains("`.svg` or `.png`"), "{message}");
    }
    let folder = folder();
    for name in ["taken.svg", "taken.png"] {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).expect("a folder");
        let error = forecast().save(&path).expect_err("a folder is in the way");
        assert!(matches!(&error, PlotError::Write { path: p, .. } if *p == path), "{error}");
    }
    std::fs::write(folder.path().join("file"), "").expect("a file");
    let error = forecast().save(folder.path().join("file/fit.svg")).expect_err("a file is in the way");
    assert!(matches!(&error, PlotError::Folder { folder, .. } if folder.ends_with("file")), "{error}");
}

#[test]
fn a_bad_series_is_named() {
    let named = |error: &PlotError| {
        let message = error.to_string();
        assert!(message.contains("\"law\"") && message.contains("prey"), "{message}");
    };
    let error = failure(Panel::new("prey").line("law", &[], &[]));
    assert!(matches!(error, PlotError::EmptySeries { .. }));
    named(&error);
    let error = failure(Panel::new("prey").line("law", &[0.0, 1.0], &[1.0]));
    assert!(matches!(error, PlotError::LengthMismatch { x: 2, y: 1, .. }));
    named(&error);
    let error = failure(Panel::new("prey").band("law", &[0.0, 1.0], &[0.0, 1.0], &[0.0, 1.0, 2.0]));
    assert!(matches!(error, PlotError::LengthMismatch { x: 2, y: 3, .. }));
    named(&error);
    let error = failure(Panel::new("prey").points("law", &[0.0, f64::NAN], &[f64::NAN, 1.0]));
    assert!(matches!(error, PlotError::NothingFinite { length: 2, .. }));
    named(&error);
    let error = failure(Panel::new("prey").log_y().points("law", &[0.0, 1.0], &[0.0, -1.0]));
    assert!(matches!(error, PlotError::NothingPositive { length: 2, .. }));
    named(&error);
}

#[test]
fn a_picture_without_content_or_room_says_so() {
    assert!(matches!(failure(Panel::new("empty")), PlotError::NothingToDraw { .. }));
    let panel = || Panel::new("").line("l", &[0.0, 1.0], &[0.0, 1.0]);
    let range = failure(panel().y_range(3.0, 3.0));
    assert!(matches!(range, PlotError::BadRange { axis: 'y', low: 3.0, high: 3.0, .. }));
    let range = failure(panel().x_range(f64::NAN, 1.0));
    assert!(matches!(range, PlotError::BadRange { axis: 'x', .. }));
    let path = folder().path().join("picture.svg");
    let none = Figure::new().save(&path).expect_err("no panels");
    assert!(matches!(none, PlotError::NothingToDraw { .. }));
    let tiny = Figure::new().panel(panel()).size(10, 500).save(&path).expect_err("too small");
    assert!(matches!(tiny, PlotError::BadSize { width: 10, height: 500, .. }));
    let narrow = (0..9).fold(Figure::new(), |figure, _| figure.panel(panel())).size(400, 400);
    assert!(matches!(narrow.save(&path), Err(PlotError::NoRoom { .. })));
    let chart = BarChart::new("none").save(&path).expect_err("no terms");
    assert!(matches!(chart, PlotError::NothingToDraw { .. }));
    let field = |_: f64, _: f64| [1.0, 0.0];
    let portrait = PhasePortrait::new("none", &field).save(&path).expect_err("no limits");
    assert!(portrait.to_string().contains("x_range"), "{portrait}");
}

#[test]
fn odds_are_probabilities() {
    for odds in [1.2, -0.1, f64::NAN] {
        let chart = BarChart::new("odds").group(BarGroup::new("d prey/dt").selected("prey²", odds));
        let error = chart.save(folder().path().join("odds.svg")).expect_err("not a probability");
        let PlotError::NotAProbability { term, group, odds: told } = &error else { panic!("{error}") };
        assert_eq!((term.as_str(), group.as_str()), ("prey²", "d prey/dt"));
        assert!(told.to_bits() == odds.to_bits());
    }
}
