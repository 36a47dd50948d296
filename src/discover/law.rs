//! A discovered right-hand side: printed, simulated, saved, and a model like any other.

use super::DiscoverError;
use crate::data::TimeSeries;
use crate::model::{Model, Names, Params};
use crate::number::{Addend, Coefficient, Formula, Notation, Real, Style, Zeros};
use crate::ode::{Solution, Solve};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A law found in data: a right-hand side in closed form, with its coefficients' errors and its odds.
///
/// `println!("{law}")` prints the equations. A `Law` is itself a [`Model`], so it can be solved, fitted again to other
/// data, or differentiated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Law {
    pub(crate) states: Vec<String>,
    /// Inputs of the formula: time, states, parameters.
    pub(crate) formula: Formula,
    pub(crate) parameters: Vec<LawParameter>,
    /// Covariance of the estimated parameters, then of all initial states, row by row.
    pub(crate) covariance: Vec<f64>,
    /// Initial state of each trajectory.
    pub(crate) initial: Vec<Vec<f64>>,
    pub(crate) initial_errors: Vec<Vec<f64>>,
    pub(crate) terms: Vec<LawTerm>,
    pub(crate) odds: Option<Odds>,
    pub(crate) noise: Vec<f64>,
    pub(crate) fit_quality: Quality,
    pub(crate) data: TimeSeries,
    /// The fitted network's states over time, for pictures: times and rows per trajectory.
    pub(crate) fitted: Vec<(Vec<f64>, Vec<f64>)>,
    pub(crate) rtol: f64,
    pub(crate) notes: Vec<String>,
}

/// A number in a law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LawParameter {
    /// Its name: a parameter of the mechanism, or the term that it multiplies.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Its standard error; `None` when it was known.
    pub standard_error: Option<f64>,
}

/// A candidate term with what the search made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LawTerm {
    /// The equation, `d prey/dt`, or the unknown term's output when it enters several equations.
    pub equation: String,
    /// The term.
    pub term: String,
    /// The coefficient, for a term of the law.
    pub coefficient: Option<LawParameter>,
    /// Share of bootstrap replicates that select it.
    pub odds: Option<f64>,
}

/// What the bootstrap says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Odds {
    /// Number of replicates.
    pub replicates: usize,
    /// Replicates in which no law could be solved; they count as selecting nothing.
    pub failed: usize,
    /// Share of replicates with exactly this law's terms.
    pub law: f64,
    /// The same for each state's equation; `None` for an equation that no unknown term enters.
    pub equations: Vec<Option<f64>>,
}

/// How well a law describes the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Root mean square residual of each state, in its unit.
    pub residual: Vec<f64>,
    /// The same for the fitted network.
    pub network_residual: Vec<f64>,
    /// The extended BIC it was chosen by.
    pub criterion: f64,
    /// Candidate laws refitted through the differential equation.
    pub tried: usize,
    /// Numbers observed.
    pub observed: usize,
}

impl Law {
    /// The numbers of the law: parameters of the mechanism, then coefficients.
    pub fn parameters(&self) -> &[LawParameter] {
        &self.parameters
    }

    /// All candidate terms, with coefficients for those in the law.
    pub fn terms(&self) -> &[LawTerm] {
        &self.terms
    }

    /// Terms of the law, without those of the known mechanism.
    pub fn selected(&self) -> impl Iterator<Item = &LawTerm> {
        self.terms.iter().filter(|t| t.coefficient.is_some())
    }

    /// The coefficient of a term in an equation: `law.coefficient("d prey/dt", "prey·predator")`.
    pub fn coefficient(&self, equation: &str, term: &str) -> Option<&LawParameter> {
        self.terms.iter().find(|t| t.equation == equation && t.term == term)?.coefficient.as_ref()
    }

    /// The odds, when the discovery was run with bootstrap replicates.
    pub fn odds(&self) -> Option<&Odds> {
        self.odds.as_ref()
    }

    /// How well the law describes the data.
    pub fn quality(&self) -> &Quality {
        &self.fit_quality
    }

    /// What there is to say besides: candidates left out, and why.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The estimated initial state of a trajectory.
    pub fn initial(&self, trajectory: usize) -> &[f64] {
        self.initial.get(trajectory).map(Vec::as_slice).unwrap_or_default()
    }

    /// Standard errors of [`initial`](Self::initial).
    pub fn initial_errors(&self, trajectory: usize) -> &[f64] {
        self.initial_errors.get(trajectory).map(Vec::as_slice).unwrap_or_default()
    }

    /// Noise of each state as the law sees it, in its unit.
    pub fn noise(&self) -> &[f64] {
        &self.noise
    }

    /// The data the law was found in.
    pub fn data(&self) -> &TimeSeries {
        &self.data
    }

    /// The 95 % interval of an estimated number, from its standard error and Student's distribution.
    pub fn interval(&self, parameter: &LawParameter) -> Option<(f64, f64)> {
        let error = parameter.standard_error?;
        let estimated = self.parameters.iter().filter(|p| p.standard_error.is_some()).count();
        let initial: usize = self.initial.iter().map(Vec::len).sum();
        let freedom = self.fit_quality.observed.saturating_sub(estimated + initial).max(1);
        let half = student_95(freedom) * error;
        Some((parameter.value - half, parameter.value + half))
    }

    /// Solves the law from a trajectory's estimated initial state to `end`, beyond the data if wanted.
    ///
    /// # Errors
    /// [`SolveError`](crate::ode::SolveError) with the partial solution: a law that blows up is no law, and this says
    /// where it does.
    pub fn solve(&self, trajectory: usize, end: f64) -> crate::Result<Solution> {
        let start = start_of(&self.data, trajectory)?;
        Solve::new(self, self.initial(trajectory), start, end)
            .parameters(self.values())
            .rtol(self.rtol)
            .atol(self.noise.iter().map(|s| (1e-3 * s).max(f64::MIN_POSITIVE)).collect::<Vec<_>>())
            .run()
    }

    /// Values of all parameters.
    pub fn values(&self) -> Vec<f64> {
        self.parameters.iter().map(|p| p.value).collect()
    }

    /// The equations as text, one a line: `d prey/dt = 1.3 prey − 0.900(4) prey·predator`.
    pub fn equations(&self) -> Vec<String> {
        let notation = self.notation(Style::Text);
        (0..self.states.len())
            .map(|i| format!("d {}/dt = {}", self.states[i], notation.formula(&self.formula, i)))
            .collect()
    }

    /// The equations as LaTeX, an `aligned` block.
    pub fn latex(&self) -> String {
        let notation = self.notation(Style::Latex);
        let name = |s: &str| format!("\\mathrm{{{}}}", s.replace('_', "\\_"));
        let lines: Vec<String> = (0..self.states.len())
            .map(|i| {
                format!(
                    "  \\frac{{\\mathrm{{d}}\\,{}}}{{\\mathrm{{d}}t}} &= {}",
                    name(&self.states[i]),
                    notation.formula(&self.formula, i)
                )
            })
            .collect();
        format!("\\begin{{aligned}}\n{}\n\\end{{aligned}}\n", lines.join(" \\\\\n"))
    }

    /// The terms of each equation with coefficients, known ones included.
    pub fn addends(&self, state: usize) -> Vec<Addend> {
        self.notation(Style::Text).addends(&self.formula, state)
    }

    fn notation(&self, style: Style) -> Notation {
        let first = 1 + self.states.len();
        let names = ["t".to_string()]
            .into_iter()
            .chain(self.states.iter().cloned())
            .chain(self.parameters.iter().map(|p| p.name.clone()));
        let mut notation = Notation::new(names, style);
        let mut estimated = Vec::new();
        for (j, p) in self.parameters.iter().enumerate() {
            match p.standard_error {
                None => notation = notation.number(first + j, p.value),
                Some(_) => estimated.push((first + j, p.value)),
            }
        }
        let k = estimated.len();
        let width = k + self.initial.iter().map(Vec::len).sum::<usize>();
        let covariance = DMatrix::from_fn(k, k, |r, c| self.covariance.get(r * width + c).copied().unwrap_or(0.0));
        notation.estimates(&estimated, &covariance)
    }

    /// Everything known about the law, in plain words; the equations are the last lines.
    pub fn report(&self) -> String {
        let mut text = String::new();
        let notation = Notation::text(std::iter::empty::<String>());
        text.push_str("estimated numbers, with standard error and 95 % interval:\n");
        for p in self.parameters.iter().filter(|p| p.standard_error.is_some()) {
            let (low, high) = self.interval(p).unwrap_or((f64::NAN, f64::NAN));
            let shown = notation.number_text(Coefficient { value: p.value, standard_error: p.standard_error });
            text.push_str(&format!("  {:<34} {shown:<14} [{low:.4}, {high:.4}]\n", p.name));
        }
        let quality = &self.fit_quality;
        for (i, state) in self.states.iter().enumerate() {
            text.push_str(&format!(
                "  {state}: residual {:.4} (network {:.4})\n",
                quality.residual[i], quality.network_residual[i]
            ));
        }
        text.push_str(&format!(
            "chosen among {} laws refitted through the differential equation, extended BIC {:.2}\n",
            quality.tried, quality.criterion
        ));
        if let Some(odds) = &self.odds {
            text.push_str(&format!(
                "odds of exactly these terms: {:.2} ({} bootstrap replicates{})\n",
                odds.law,
                odds.replicates,
                if odds.failed > 0 { format!(", {} of them without a law", odds.failed) } else { String::new() }
            ));
            for t in self.terms.iter().filter(|t| t.coefficient.is_some() || t.odds.is_some_and(|o| o > 0.0)) {
                let mark = if t.coefficient.is_some() { "in the law" } else { "not in it" };
                text.push_str(&format!(
                    "  {:<18} {:<22} odds {:.2}  {mark}\n",
                    t.equation,
                    t.term,
                    t.odds.unwrap_or(f64::NAN)
                ));
            }
        }
        for note in &self.notes {
            text.push_str(&format!("note: {note}\n"));
        }
        text
    }

    /// Writes the law to a JSON file, data and all.
    ///
    /// # Errors
    /// [`DiscoverError::File`].
    pub fn save(&self, path: impl AsRef<Path>) -> crate::Result<()> {
        let path = path.as_ref();
        let fault =
            |reason: String| DiscoverError::File { action: "writing", path: path.display().to_string(), reason };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|e| fault(e.to_string()))?;
        }
        let text = serde_json::to_string_pretty(self).map_err(|e| fault(e.to_string()))?;
        Ok(std::fs::write(path, text).map_err(|e| fault(e.to_string()))?)
    }

    /// Writes the law in all its forms to a folder: `law.txt` (equations and [`report`](Self::report)), `law.tex`,
    /// `law.json` (to [`load`](Self::load)) and `summary.json` (numbers for other programs).
    ///
    /// # Errors
    /// [`DiscoverError::File`].
    pub fn write_files(&self, folder: impl AsRef<Path>) -> crate::Result<()> {
        let folder = folder.as_ref();
        self.save(folder.join("law.json"))?;
        let summary = serde_json::json!({
            "equations": self.equations(),
            "parameters": self.parameters,
            "initial": self.initial,
            "initial_errors": self.initial_errors,
            "noise": self.noise,
            "odds": self.odds,
            "terms": self.terms.iter().filter(|t| t.coefficient.is_some() || t.odds.is_some_and(|o| o > 0.0)).collect::<Vec<_>>(),
            "quality": self.fit_quality,
            "notes": self.notes,
        });
        for (name, text) in [
            ("law.txt", format!("{self}\n\n{}", self.report())),
            ("law.tex", self.latex()),
            ("summary.json", format!("{summary:#}\n")),
        ] {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(|e| DiscoverError::File {
                action: "writing",
                path: path.display().to_string(),
                reason: e.to_string(),
            })?;
        }
        Ok(())
    }

    /// Reads a law that [`save`](Self::save) wrote. It needs nothing else: no model, no data file.
    ///
    /// # Errors
    /// [`DiscoverError::File`] when the file is not there or is not a law.
    pub fn load(path: impl AsRef<Path>) -> crate::Result<Law> {
        let path = path.as_ref();
        let fault =
            |reason: String| DiscoverError::File { action: "reading", path: path.display().to_string(), reason };
        let text = std::fs::read_to_string(path).map_err(|e| fault(e.to_string()))?;
        let law: Law =
            serde_json::from_str(&text).map_err(|e| fault(format!("{e}; is it a file that `Law::save` wrote?")))?;
        let inputs = 1 + law.states.len() + law.parameters.len();
        let n = law.states.len();
        let sound = law.formula.inputs() == inputs
            && law.formula.outputs() == n
            && law.initial.iter().chain(&law.initial_errors).all(|u| u.len() == n)
            && law.initial.len() == law.data.trajectories().len()
            && law.noise.len() == n
            && law.fit_quality.residual.len() == n
            && law.fit_quality.network_residual.len() == n
            && law.odds.as_ref().is_none_or(|o| o.equations.len() == n);
        if !sound {
            return Err(fault("its formula does not fit its states and parameters; the file is damaged".into()).into());
        }
        Ok(law)
    }
}

impl std::fmt::Display for Law {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, equation) in self.equations().iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            f.write_str(equation)?;
            // An equation without an unknown term is no guess.
            if let Some(share) = self.odds.as_ref().and_then(|o| o.equations[i]) {
                write!(f, "   [odds {share:.2}]")?;
            }
        }
        Ok(())
    }
}

impl Model for Law {
    fn states(&self) -> Names {
        self.states.as_slice().into()
    }

    fn parameters(&self) -> Names {
        let names: Vec<String> = self.parameters.iter().map(|p| p.name.clone()).collect();
        names.into()
    }

    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let p = p.all();
        let mut inputs = Zeros::new(1 + u.len() + p.len());
        inputs[0] = t;
        inputs[1..=u.len()].copy_from_slice(u);
        inputs[1 + u.len()..].copy_from_slice(p);
        self.formula.evaluate(&inputs, du);
    }
}

/// The first time of a trajectory.
pub(crate) fn start_of(data: &TimeSeries, trajectory: usize) -> Result<f64, crate::ode::SolveError> {
    let found = data.trajectories().get(trajectory).and_then(|t| t.times().first().copied());
    found.ok_or_else(|| crate::ode::SolveError::Argument {
        argument: "trajectory",
        problem: format!("is {trajectory}, and the data have {}", data.trajectories().len()),
        advice: "count them from zero".to_string(),
    })
}

/// The 97.5 % quantile of Student's distribution, by the expansion about the normal one (M. Abramowitz, I. A. Stegun,
/// *Handbook of Mathematical Functions*, 26.7.5); within 1 % from three degrees of freedom on.
fn student_95(freedom: usize) -> f64 {
    let (z, v) = (1.959_963_984_540_054_f64, freedom as f64);
    let (z3, z5, z7) = (z.powi(3), z.powi(5), z.powi(7));
    let g = [
        (z3 + z) / 4.0,
        (5.0 * z5 + 16.0 * z3 + 3.0 * z) / 96.0,
        (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / 384.0,
        (79.0 * z.powi(9) + 776.0 * z7 + 1482.0 * z5 - 1920.0 * z3 - 945.0 * z) / 92160.0,
    ];
    z + g[0] / v + g[1] / v.powi(2) + g[2] / v.powi(3) + g[3] / v.powi(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against printed tables of Student's distribution.
    #[test]
    fn students_quantiles() {
        for (freedom, table) in [(3, 3.182), (5, 2.571), (10, 2.228), (30, 2.042), (60, 2.000), (120, 1.980)] {
            approx::assert_relative_eq!(student_95(freedom), table, max_relative = 0.01);
        }
    }
}
