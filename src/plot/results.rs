//! Pictures of fits and laws.

use super::{BarChart, BarGroup, Colour, Figure, Panel, PhasePortrait, PlotError, Series};
use crate::adjoint::ForwardSensitivity;
use crate::discover::Law;
use crate::fit::Fitted;
use crate::model::{Bound, Model, System};
use crate::ode::Options;
use std::path::Path;

/// Points along a drawn curve.
const POINTS: usize = 600;
/// A picture is cut off where a forecast leaves the data's range by more than this multiple of it.
const MOST_RANGES: f64 = 20.0;
/// Candidates named in each equation of the odds chart.
const MOST_BARS: usize = 6;

impl<M: Model> Fitted<'_, M> {
    /// Draws the sum of squares over the accepted steps, with lines where the horizon grew. The extension, `.svg` or
    /// `.png`, chooses the format.
    ///
    /// # Errors
    /// [`PlotError`].
    pub fn plot_loss(&self, path: impl AsRef<Path>) -> crate::Result<()> {
        let history = self.history();
        let steps: Vec<f64> = (1..=history.len()).map(|k| k as f64).collect();
        let squares: Vec<f64> = history.iter().map(|p| p.squares).collect();
        let grew: Vec<f64> = history
            .windows(2)
            .enumerate()
            .filter(|(_, pair)| pair[1].horizon > pair[0].horizon)
            .map(|(k, _)| k as f64 + 1.5)
            .collect();
        let mut panel = Panel::new("How the fit went")
            .x_label("accepted step")
            .y_label("sum of squared residuals (scaled)")
            .log_y()
            .series(Series::line("sum of squares", &steps, &squares).colour(Colour::BLUE));
        if !grew.is_empty() {
            panel = panel.vertical_lines("horizon grew", &grew);
        }
        Ok(Figure::new().panel(panel).save(path)?)
    }
}

/// A law's trajectory with its standard errors.
struct Forecast {
    times: Vec<f64>,
    states: Vec<f64>,
    errors: Vec<f64>,
}

impl Law {
    /// Draws the first trajectory: data, fitted network, and the law's trajectory going on beyond the data for as long
    /// again, with its 95 % band. The extension, `.svg` or `.png`, chooses the format.
    ///
    /// # Errors
    /// [`PlotError`].
    pub fn plot(&self, path: impl AsRef<Path>) -> crate::Result<()> {
        self.plot_until(path, None)
    }

    /// [`plot`](Self::plot) up to a time of one's own.
    ///
    /// # Errors
    /// [`PlotError`].
    pub fn plot_until(&self, path: impl AsRef<Path>, end: Option<f64>) -> crate::Result<()> {
        let n = self.states.len();
        let Some(seen) = self.data.trajectories().first() else {
            return Err(nothing("the law", "give it data with at least one trajectory").into());
        };
        let (start, last) = (seen.times()[0], seen.times()[seen.len() - 1]);
        let end = end.unwrap_or(last + (last - start));
        if !(end.is_finite() && end >= last) {
            let problem = format!("is {end}, and the data end at {last}");
            let advice = "give a time from there on".to_string();
            return Err(crate::ode::SolveError::Argument { argument: "end", problem, advice }.into());
        }
        let forecast = self.forecast(start, end);
        let mut figure = Figure::new().title("The law goes on where the data end");
        for i in 0..n {
            let Ok(column) = self.data.column(&self.states[i]) else { continue };
            let measured: Vec<f64> = seen.column(column).collect();
            let empty = (Vec::new(), Vec::new());
            let (times, states) = self.fitted.first().unwrap_or(&empty);
            let network: Vec<f64> = states.iter().skip(i).step_by(n).copied().collect();
            let law: Vec<f64> = forecast.states.iter().skip(i).step_by(n).copied().collect();
            let half: Vec<f64> = forecast.errors.iter().skip(i).step_by(n).map(|e| 1.96 * e).collect();
            let lower: Vec<f64> = law.iter().zip(&half).map(|(u, h)| u - h).collect();
            let upper: Vec<f64> = law.iter().zip(&half).map(|(u, h)| u + h).collect();
            let mut panel = Panel::new("").y_label(self.data.label(column)).points("data", seen.times(), &measured);
            if !times.is_empty() {
                panel = panel.line("fitted network", times, &network);
            }
            let band = Series::band("95 % band of the law", &forecast.times, &lower, &upper).colour(Colour::VERMILLION);
            let line = Series::dashed("discovered law", &forecast.times, &law).colour(Colour::VERMILLION);
            panel = panel.series(band).series(line);
            if i + 1 == n {
                panel = panel.x_label(self.data.time_label());
            }
            if end > last {
                panel = panel.shade(last, end, if i == 0 { "forecast" } else { "" }).x_range(start, end);
            }
            if let Some((low, high)) = sensible_range(&measured, &law) {
                panel = panel.y_range(low, high);
            }
            figure = figure.panel(panel);
        }
        Ok(figure.save(path)?)
    }

    /// Draws the phase plane of a law of two states: its field, its trajectory, the data.
    ///
    /// # Errors
    /// [`PlotError`]; [`PlotError::NotPlanar`] for a law of another number of states.
    pub fn plot_phase(&self, path: impl AsRef<Path>) -> crate::Result<()> {
        let n = self.states.len();
        if n != 2 {
            return Err(PlotError::NotPlanar { states: n }.into());
        }
        let Some(seen) = self.data.trajectories().first() else {
            return Err(nothing("the law", "give it data with at least one trajectory").into());
        };
        let values = self.values();
        let bound = Bound::new(self)?;
        let field = |x: f64, y: f64| {
            let mut du = [f64::NAN; 2];
            bound.eval(seen.times()[0], &[x, y], &values, &mut du);
            du
        };
        let columns = [self.data.column(&self.states[0])?, self.data.column(&self.states[1])?];
        let measured: Vec<Vec<f64>> = columns.iter().map(|c| seen.column(*c).collect()).collect();
        let (start, last) = (seen.times()[0], seen.times()[seen.len() - 1]);
        let forecast = self.forecast(start, last + (last - start));
        let law: Vec<Vec<f64>> = (0..2).map(|i| forecast.states.iter().skip(i).step_by(2).copied().collect()).collect();
        let mut portrait = PhasePortrait::new("The law's field", &field)
            .x_label(self.data.label(columns[0]))
            .y_label(self.data.label(columns[1]))
            .points("data", &measured[0], &measured[1])
            .series(Series::line("discovered law", &law[0], &law[1]).colour(Colour::VERMILLION));
        if let Some((low, high)) = sensible_range(&measured[0], &law[0]) {
            portrait = portrait.x_range(low, high);
        }
        if let Some((low, high)) = sensible_range(&measured[1], &law[1]) {
            portrait = portrait.y_range(low, high);
        }
        Ok(portrait.save(path)?)
    }

    /// Draws the odds of the terms, equation by equation: those of the law, and the likeliest of the others.
    ///
    /// # Errors
    /// [`PlotError`]; among them that the discovery was run without replicates.
    pub fn plot_odds(&self, path: impl AsRef<Path>) -> crate::Result<()> {
        let Some(odds) = &self.odds else {
            return Err(nothing(
                "the odds of the terms",
                "run the discovery with bootstrap replicates, `.bootstraps(40)`",
            )
            .into());
        };
        let mut chart = BarChart::new("How sure is each term?")
            .x_label(format!("odds (share of {} bootstrap replicates that select the term)", odds.replicates));
        let mut equations: Vec<&str> = Vec::new();
        for t in &self.terms {
            if !equations.contains(&t.equation.as_str()) {
                equations.push(&t.equation);
            }
        }
        for equation in equations {
            let mut group = BarGroup::new(equation);
            let mut terms: Vec<_> = self.terms.iter().filter(|t| t.equation == equation).collect();
            terms.sort_by(|a, b| {
                let key = |t: &crate::discover::LawTerm| (t.coefficient.is_none(), -t.odds.unwrap_or(0.0));
                let (a, b) = (key(a), key(b));
                a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
            });
            let selected = terms.iter().filter(|t| t.coefficient.is_some()).count();
            for (k, t) in terms.iter().enumerate().take(MOST_BARS.max(selected)) {
                let share = t.odds.unwrap_or(0.0);
                if k >= selected && share == 0.0 {
                    break;
                }
                group = group.term(t.term.clone(), share, t.coefficient.is_some());
            }
            chart = chart.group(group);
        }
        Ok(chart.save(path)?)
    }

    /// The law's trajectory with standard errors, as far as it can be solved.
    fn forecast(&self, start: f64, end: f64) -> Forecast {
        let n = self.states.len();
        let times: Vec<f64> = (0..=POINTS).map(|k| start + (end - start) * k as f64 / POINTS as f64).collect();
        let mut forecast = Forecast { times: Vec::new(), states: Vec::new(), errors: Vec::new() };
        let Ok(bound) = Bound::new(self) else { return forecast };
        let scale = self.noise.iter().map(|s| (1e-3 * s).max(f64::MIN_POSITIVE)).collect();
        let options = Options { rtol: self.rtol, atol: crate::ode::Tolerance::Each(scale), ..Options::default() };
        let mut engine = ForwardSensitivity::new(&bound, options);
        // A law that blows up beyond the data is drawn as far as it goes.
        let _ = engine.solve(start, self.initial(0), &self.values(), &times);
        forecast.states = engine.states().to_vec();
        let reached = forecast.states.len() / n;
        forecast.times = times[..reached].to_vec();
        let estimated: Vec<usize> =
            (0..self.parameters.len()).filter(|j| self.parameters[*j].standard_error.is_some()).collect();
        let width = estimated.len() + self.initial.iter().map(Vec::len).sum::<usize>();
        let first_initial = self.parameters.len();
        // Columns of the sensitivities that belong to rows of the covariance; other trajectories do not matter here.
        let columns: Vec<(usize, usize)> = estimated
            .iter()
            .enumerate()
            .map(|(row, j)| (row, *j))
            .chain((0..n).map(|i| (estimated.len() + i, first_initial + i)))
            .collect();
        for k in 0..reached {
            for i in 0..n {
                let row = engine.row(k, i);
                let mut variance = 0.0;
                for (a, ca) in &columns {
                    for (b, cb) in &columns {
                        variance += row[*ca] * self.covariance.get(a * width + b).copied().unwrap_or(0.0) * row[*cb];
                    }
                }
                forecast.errors.push(variance.max(0.0).sqrt());
            }
        }
        forecast
    }
}

/// The picture of nothing.
fn nothing(picture: &str, advice: &'static str) -> PlotError {
    PlotError::NothingToDraw { picture: picture.to_string(), advice }
}

/// The range to show when a law runs far away from the data.
fn sensible_range(measured: &[f64], law: &[f64]) -> Option<(f64, f64)> {
    let range = |x: &[f64]| {
        let finite = x.iter().filter(|x| x.is_finite());
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)))
    };
    let ((low, high), (law_low, law_high)) = (range(measured), range(law));
    let span = high - low;
    let far = law_high > high + MOST_RANGES * span || law_low < low - MOST_RANGES * span;
    (far && span > 0.0).then(|| ((low - span).max(law_low), (high + span).min(law_high)))
}
