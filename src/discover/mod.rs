//! From a fitted network to a law: a formula in its place, chosen on the data, with its odds.
//!
//! A network's output carries the network's wiggles, so regression on it only proposes. Every proposed law is put where
//! the network was, fitted through the differential equation to the measurements with the initial state free, and
//! compared by the extended BIC. The whole is repeated on bootstrap replicates of the data: the share of replicates that
//! select a term are its odds.

mod criterion;
mod error;
mod law;
mod library;
mod odds;
mod regression;
mod search;
mod terms;

pub use error::DiscoverError;
pub(crate) use law::start_of;
pub use law::{Law, LawParameter, LawTerm, Odds, Quality};
pub use library::Library;

use crate::fit::{Fitted, NormalEquations, Observations};
use crate::model::{Call, Caller, Differentiable, Model, System};
use crate::network::Block;
use crate::number::{Expr, Formula, Notation, Real};
use crate::ode::{Options, Tolerance};
use criterion::Criterion;
use nalgebra::DMatrix;
use search::{Equation, POLISH, Refit, Search};
use std::cell::RefCell;

/// A search for the formulas behind a fit's unknown terms; see the [module](crate::discover).
pub struct Discovery<'f, 'a, M: Model> {
    fit: &'f Fitted<'a, M>,
    library: Library,
    own_libraries: Vec<(String, Library)>,
    gamma: f64,
    shared: bool,
    bootstraps: usize,
    seed: u64,
}

impl<'f, 'a, M: Model> Discovery<'f, 'a, M> {
    /// A search with polynomials to degree 3, γ = 1.5 and 40 bootstrap replicates.
    pub fn new(fit: &'f Fitted<'a, M>) -> Self {
        let library = Library::polynomials(3);
        Discovery { fit, library, own_libraries: Vec::new(), gamma: 1.5, shared: true, bootstraps: 40, seed: 0 }
    }

    /// The candidate terms, for every unknown term.
    pub fn library(mut self, library: Library) -> Self {
        self.library = library;
        self
    }

    /// Other candidate terms for one unknown term.
    pub fn library_for(mut self, unknown: impl Into<String>, library: Library) -> Self {
        self.own_libraries.push((unknown.into(), library));
        self
    }

    /// Weight γ of the price for having looked through a library; 0 is the plain BIC. Default 1.5: with some tens of
    /// observations and of candidates, 1 lets superfluous terms in more often (`docs/benchmarks.md`).
    pub fn gamma(mut self, gamma: f64) -> Self {
        self.gamma = gamma;
        self
    }

    /// Whether outputs of one unknown term that have the same terms cost less than unrelated ones; default yes. One
    /// interaction entering several equations is the likeliest reason to write one unknown term with several outputs.
    pub fn shared_interaction(mut self, shared: bool) -> Self {
        self.shared = shared;
        self
    }

    /// Number of bootstrap replicates for the odds; 0 gives a law without odds. Default 40.
    pub fn bootstraps(mut self, replicates: usize) -> Self {
        self.bootstraps = replicates;
        self
    }

    /// Seed of the bootstrap; default 0. The result does not depend on the number of threads.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Searches.
    ///
    /// # Errors
    /// [`DiscoverError`] when there is nothing to search among or for, or no candidate law can be solved.
    pub fn run(self) -> crate::Result<Law> {
        if !(self.gamma >= 0.0 && self.gamma.is_finite()) {
            let problem = format!("is {}", self.gamma);
            return Err(DiscoverError::Argument {
                argument: "gamma",
                problem,
                advice: "give zero or a positive number",
            }
            .into());
        }
        let (search, mut notes) = self.search()?;
        let fit = self.fit;
        let point = &fit.fitting.point;
        let (found, tried) = search.run(&fit.observations, point, &fit.fitting.states, &fit.sigma);
        let Some(found) = found else { return Err(DiscoverError::NoLaw { tried }.into()) };
        let polished = search
            .refit(&fit.observations, &self.law_sigma(&found.best), &found.best.support, &found.best.point, POLISH)
            .unwrap_or_else(|| found.best.clone());
        let votes = odds::replicate(&search, fit, self.bootstraps, self.seed);
        notes.extend(self.indistinct(&search, &found.indistinct)?);
        self.law(&search, &polished, found.tried, notes, &votes)
    }

    fn search(&self) -> crate::Result<(Search<'f, 'a, M>, Vec<String>)> {
        let bound = &self.fit.bound;
        let names: Vec<String> = bound.unknowns().map(str::to_string).collect();
        if names.is_empty() {
            return Err(DiscoverError::NoUnknowns.into());
        }
        for (name, _) in &self.own_libraries {
            if !names.contains(name) {
                return Err(crate::model::ModelError::UnknownName {
                    kind: "unknown term",
                    name: name.clone(),
                    names: names.join(", "),
                    nearest: crate::model::nearest_name(name, names.iter().map(String::as_str)).map(str::to_string),
                }
                .into());
            }
        }
        let (mut candidates, mut equations, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
        let mut notes = Vec::new();
        for (unknown, name) in names.iter().enumerate() {
            let own = self.own_libraries.iter().rev().find(|(n, _)| n == name).map(|(_, l)| l);
            let (inputs, outputs) = bound.shape_of(unknown);
            let formula = own.unwrap_or(&self.library).build(inputs)?;
            let formula = formula.ok_or_else(|| DiscoverError::NoCandidates { unknown: name.clone() })?;
            let kept = self.with_values(unknown, &formula);
            let dropped = formula.outputs() - kept.len();
            if dropped > 0 {
                notes.push(format!(
                    "{dropped} candidates for `{name}` have no value at some of the data (a division by zero, a logarithm \
                     of a negative number); they were left out"
                ));
            }
            let formula = formula.select(&kept).map_err(|_| DiscoverError::NoCandidates { unknown: name.clone() })?;
            for output in 0..outputs {
                equations.push(Equation { unknown, output });
                sizes.push(formula.outputs());
            }
            candidates.push(formula);
        }
        let mechanistic = bound.parameters().len();
        let estimated: Vec<usize> = self.fit.layout.free.iter().copied().filter(|j| *j < mechanistic).collect();
        let held = (0..mechanistic).filter(|j| !estimated.contains(j)).collect();
        // Refits must be more precise than the noise, not than the machine.
        let rtol = self.fit.settings.options.rtol;
        let atol = Tolerance::Each(self.fit.observations.scale.iter().map(|s| rtol * s).collect());
        // A candidate law that needs this many steps is on its way to a blow-up.
        let options = Options {
            atol,
            max_steps: Some(2000 + 20 * self.fit.observations.longest()),
            ..self.fit.settings.options.clone()
        };
        let search = Search {
            model: self.fit.model,
            fitted: bound,
            estimated,
            held,
            candidates,
            criterion: Criterion {
                counts: self.fit.observations.counts(),
                trajectories: self.fit.observations.trajectories.len(),
                mechanistic: self.fit.layout.mechanistic,
                candidates: sizes,
                unknowns: equations.iter().map(|e| e.unknown).collect(),
                gamma: self.gamma,
                shared: self.shared,
            },
            equations,
            options,
        };
        Ok((search, notes))
    }

    /// The candidates that have a value wherever the fitted trajectories hand the unknown term something: one that has
    /// none there can be in no law, and its NaN would spoil every linearisation.
    fn with_values(&self, unknown: usize, formula: &Formula) -> Vec<usize> {
        let (bound, n) = (&self.fit.bound, self.fit.bound.dimension());
        let sound = RefCell::new(vec![true; formula.outputs()]);
        for (seen, states) in self.fit.observations.trajectories.iter().zip(&self.fit.fitting.states) {
            for (t, row) in seen.times.iter().zip(states.chunks_exact(n)) {
                bound.watch(*t, row, &self.fit.fitting.point.parameters, &|k, x, _| {
                    if k == unknown {
                        let mut values = vec![0.0; formula.outputs()];
                        formula.evaluate(x, &mut values);
                        sound.borrow_mut().iter_mut().zip(&values).for_each(|(s, v)| *s &= v.is_finite());
                    }
                });
            }
        }
        let sound = sound.into_inner();
        (0..sound.len()).filter(|c| sound[*c]).collect()
    }

    /// Noise of each state as a law sees it.
    fn law_sigma(&self, law: &Refit) -> Vec<f64> {
        let counts = self.fit.observations.counts();
        let total: usize = counts.iter().sum();
        let estimated = law.point.parameters.len() + law.point.initial.len() - self.fit.bound.parameters().len()
            + self.fit.layout.mechanistic;
        let left = (1.0 - estimated as f64 / total as f64).max(0.1);
        law.squares.iter().zip(&counts).map(|(s, n)| (s / (*n as f64 * left)).sqrt().max(f64::MIN_POSITIVE)).collect()
    }

    /// Puts everything about the chosen law together.
    fn law(
        &self,
        search: &Search<'_, 'a, M>,
        chosen: &Refit,
        tried: usize,
        mut notes: Vec<String>,
        votes: &odds::Votes,
    ) -> crate::Result<Law> {
        let fit = self.fit;
        let bound = &fit.bound;
        let n = bound.dimension();
        let sigma = self.law_sigma(chosen);
        let mechanistic = bound.parameters().len();
        let coefficients = chosen.point.parameters.len() - mechanistic;

        // Covariance (JᵀJ)⁻¹ of parameters, coefficients and initial states, residuals in units of their noise.
        let width = search.estimated.len() + coefficients + chosen.point.initial.len();
        let mut errors = vec![f64::NAN; width];
        let mut covariance = DMatrix::from_element(width, width, f64::NAN);
        if let Some(linear) = search.linearize(&fit.observations, &sigma, chosen) {
            // Columns to length one first: coefficients of high powers are tiny numbers.
            let norms: Vec<f64> = (0..width)
                .map(|c| linear.jacobian.iter().skip(c).step_by(width).map(|x| x * x).sum::<f64>().sqrt().max(1e-300))
                .collect();
            let scaled: Vec<f64> = linear.jacobian.iter().enumerate().map(|(at, x)| x / norms[at % width]).collect();
            let mut equations = NormalEquations::new(width);
            equations.assemble(&scaled);
            if equations.factorize(|_| 0.0) {
                let inverse = equations.invert();
                covariance =
                    DMatrix::from_fn(width, width, |r, c| inverse[(r.max(c), r.min(c))] / (norms[r] * norms[c]));
                errors = (0..width).map(|k| covariance[(k, k)].max(0.0).sqrt()).collect();
            }
        }
        let estimated = search.estimated.len() + coefficients;

        let state_names: Vec<String> = bound.states().to_vec();
        let (labels, states_of) = self.labels(search);
        let term_names = self.term_names(search)?;
        let mut parameters: Vec<LawParameter> = bound
            .parameters()
            .iter()
            .enumerate()
            .map(|(j, name)| LawParameter {
                name: name.clone(),
                value: chosen.point.parameters[j],
                standard_error: search.estimated.iter().position(|e| *e == j).map(|k| errors[k]),
            })
            .collect();
        let mut terms = Vec::new();
        let mut next = 0;
        for (e, names) in term_names.iter().enumerate() {
            for (c, name) in names.iter().enumerate() {
                let coefficient = chosen.support[e].contains(&c).then(|| {
                    let k = next;
                    next += 1;
                    LawParameter {
                        name: format!("{}: {name}", labels[e]),
                        value: chosen.point.parameters[mechanistic + k],
                        standard_error: Some(errors[search.estimated.len() + k]),
                    }
                });
                parameters.extend(coefficient.clone());
                let odds = (votes.replicates > 0).then(|| votes.share(e, c));
                terms.push(LawTerm { equation: labels[e].clone(), term: name.clone(), coefficient, odds });
            }
        }
        let odds = (votes.replicates > 0).then(|| Odds {
            replicates: votes.replicates,
            failed: votes.failed,
            law: votes.exact(&chosen.support),
            equations: (0..n)
                .map(|i| {
                    let entering: Vec<usize> = (0..labels.len()).filter(|e| states_of[*e].contains(&i)).collect();
                    (!entering.is_empty()).then(|| votes.exact_in(&chosen.support, &entering))
                })
                .collect(),
        });
        if errors.iter().any(|e| !e.is_finite()) {
            notes.push(
                "the data do not tell all coefficients of this law apart, so it has no standard errors; hold parameters \
                 with `.known(…)`, or take a smaller library"
                    .to_string(),
            );
        }
        let counts = fit.observations.counts();
        let root_mean = |squares: &[f64]| -> Vec<f64> {
            squares.iter().zip(&counts).map(|(s, n)| (s / (*n).max(1) as f64).sqrt()).collect()
        };
        let trajectories = fit.observations.trajectories.len();
        let fitted = (0..trajectories)
            .map(|j| {
                let times = &fit.observations.trajectories[j].times;
                match fit.solve(j, times[times.len() - 1]) {
                    Ok(solution) => {
                        let (first, last) = (times[0], times[times.len() - 1]);
                        let drawn = (0..=400).map(|k| first + (last - first) * f64::from(k) / 400.0);
                        drawn.filter_map(|t| Some((t, solution.at(t).ok()?))).fold(
                            Default::default(),
                            |mut curve: (Vec<f64>, Vec<f64>), (t, u)| {
                                curve.0.push(t);
                                curve.1.extend(u);
                                curve
                            },
                        )
                    }
                    Err(_) => (Vec::new(), Vec::new()),
                }
            })
            .collect();
        Ok(Law {
            formula: self.trace(search, chosen)?,
            states: state_names,
            parameters,
            covariance: (0..width).flat_map(|r| (0..width).map(move |c| (r, c))).map(|at| covariance[at]).collect(),
            initial: chosen.point.initial.chunks_exact(n).map(<[f64]>::to_vec).collect(),
            initial_errors: errors[estimated..].chunks_exact(n).map(<[f64]>::to_vec).collect(),
            terms,
            odds,
            noise: sigma,
            fit_quality: Quality {
                residual: root_mean(&chosen.squares),
                network_residual: root_mean(&network_squares(&fit.observations, &fit.fitting.states)),
                criterion: chosen.criterion,
                tried,
                observed: counts.iter().sum(),
            },
            data: fit.data.clone(),
            fitted,
            rtol: fit.settings.options.rtol,
            notes,
        })
    }

    /// The candidates of each equation, as they are printed.
    fn term_names(&self, search: &Search<'_, 'a, M>) -> crate::Result<Vec<Vec<String>>> {
        let inputs = self.input_names(search)?;
        Ok(search
            .equations
            .iter()
            .map(|e| {
                let notation = Notation::text(inputs[e.unknown].clone());
                let formula = &search.candidates[e.unknown];
                (0..formula.outputs()).map(|c| notation.formula(formula, c)).collect()
            })
            .collect())
    }

    /// A note for each candidate that is a parameter of the mechanism in another guise.
    fn indistinct(&self, search: &Search<'_, 'a, M>, candidates: &[(usize, usize)]) -> crate::Result<Vec<String>> {
        let (terms, (labels, _)) = (self.term_names(search)?, self.labels(search));
        Ok(candidates
            .iter()
            .map(|(e, c)| {
                let (term, label) = (&terms[*e][*c], &labels[*e]);
                format!("the candidate `{term}` in {label} cannot be told from an estimated parameter of the mechanism; it was left out")
            })
            .collect())
    }

    /// The right-hand side as a formula of time, states and parameters, the chosen terms in the networks' places.
    fn trace(&self, search: &Search<'_, 'a, M>, chosen: &Refit) -> crate::Result<Formula> {
        let bound = &self.fit.bound;
        let (n, mechanistic) = (bound.dimension(), bound.parameters().len());
        let total = chosen.point.parameters.len();
        let formula = Formula::trace(1 + n + total, |inputs| {
            let (u, p) = (&inputs[1..=n], &inputs[1 + n..]);
            let tracer = Tracer { search, support: &chosen.support, coefficients: &p[mechanistic..] };
            let mut du = vec![Expr::zero(); n];
            bound.rhs_over(inputs[0], u, &p[..mechanistic], &tracer, &mut du);
            du
        })?;
        Ok(formula)
    }

    /// A label for each equation, and the states that it enters directly.
    fn labels(&self, search: &Search<'_, 'a, M>) -> (Vec<String>, Vec<Vec<usize>>) {
        let bound = &self.fit.bound;
        let n = bound.dimension();
        let mut tape = vec![0.0; bound.tape_len()];
        let mut du = vec![0.0; n];
        let mut states_of: Vec<Vec<usize>> = vec![Vec::new(); search.equations.len()];
        for (seen, states) in self.fit.observations.trajectories.iter().zip(&self.fit.fitting.states) {
            for (t, row) in seen.times.iter().zip(states.chunks_exact(n)) {
                bound.record(*t, row, &self.fit.fitting.point.parameters, &mut du, &mut tape);
                bound.output_effects(&tape, &mut |unknown, output, effect| {
                    let e = search.equations.iter().position(|e| e.unknown == unknown && e.output == output);
                    for i in (0..n).filter(|i| effect[*i] != 0.0) {
                        if let Some(entered) = e.map(|e| &mut states_of[e])
                            && !entered.contains(&i)
                        {
                            entered.push(i);
                        }
                    }
                });
            }
        }
        let names: Vec<&str> = bound.unknowns().collect();
        let labels = search
            .equations
            .iter()
            .zip(&states_of)
            .map(|(e, states)| match states.as_slice() {
                // Its own equation, unless another output enters the same one.
                [i] if states_of.iter().filter(|s| s.contains(i)).count() == 1 => {
                    format!("d {}/dt", bound.states()[*i])
                }
                _ => format!("{}[{}]", names[e.unknown], e.output),
            })
            .collect();
        (labels, states_of)
    }

    /// What the inputs of each unknown term are called: the formulas that the mechanism hands them.
    fn input_names(&self, search: &Search<'_, 'a, M>) -> crate::Result<Vec<Vec<String>>> {
        let bound = &self.fit.bound;
        let n = bound.dimension();
        let mechanistic = bound.parameters().len();
        let seen: RefCell<Vec<(usize, Vec<Expr>)>> = RefCell::default();
        let mut owners = Vec::new();
        let formula = Formula::trace(1 + n + mechanistic, |inputs| {
            let listener = Listener { search, seen: &seen };
            let mut du = vec![Expr::zero(); n];
            bound.rhs_over(inputs[0], &inputs[1..=n], &inputs[1 + n..], &listener, &mut du);
            let calls = seen.borrow();
            owners = calls.iter().map(|(k, x)| (*k, x.len())).collect();
            calls.iter().flat_map(|(_, x)| x.iter().copied()).collect()
        })?;
        let names = ["t".to_string()]
            .into_iter()
            .chain(bound.states().iter().cloned())
            .chain(bound.parameters().iter().cloned());
        let notation = Notation::text(names);
        let mut found: Vec<Vec<String>> = vec![Vec::new(); search.candidates.len()];
        let mut at = 0;
        for (k, width) in owners {
            // A term called several times is named after its first call.
            if found[k].is_empty() {
                found[k] = (at..at + width).map(|o| notation.formula(&formula, o)).map(in_one_piece).collect();
            }
            at += width;
        }
        Ok(found)
    }
}

/// A name that can stand in a product: sums get parentheses.
fn in_one_piece(name: String) -> String {
    if name.contains(' ') { format!("({name})") } else { name }
}

/// Sum of squares of each state of the fitted network's trajectory.
fn network_squares(observations: &Observations, states: &[Vec<f64>]) -> Vec<f64> {
    let n = observations.scale.len();
    let mut squares = vec![0.0; n];
    for (seen, states) in observations.trajectories.iter().zip(states) {
        for (at, (u, d)) in states.iter().zip(&seen.values).enumerate().filter(|(_, (_, d))| !d.is_nan()) {
            squares[at % n] += (u - d).powi(2);
        }
    }
    squares
}

/// Answers calls of unknown terms with the chosen terms, coefficients symbolic.
struct Tracer<'s, 'c, 'a, M: Model> {
    search: &'s Search<'c, 'a, M>,
    support: &'s search::Support,
    coefficients: &'s [Expr],
}

impl<M: Model> Caller<Expr> for Tracer<'_, '_, '_, M> {
    fn call(&self, address: usize, x: &[Expr], y: &mut [Expr]) -> Call<'_> {
        let Some(k) = self.search.fitted.unknown_at(address) else { return Call::Unknown };
        let terms = self.search.terms(self.support);
        let before: usize = terms[..k].iter().map(Block::weight_count).sum();
        let own = terms[k].weight_count();
        terms[k].combine(&self.coefficients[before..before + own], x, y);
        Call::Done
    }
}

/// Notes what the unknown terms are given.
struct Listener<'s, 'c, 'a, M: Model> {
    search: &'s Search<'c, 'a, M>,
    seen: &'s RefCell<Vec<(usize, Vec<Expr>)>>,
}

impl<M: Model> Caller<Expr> for Listener<'_, '_, '_, M> {
    fn call(&self, address: usize, x: &[Expr], y: &mut [Expr]) -> Call<'_> {
        let Some(k) = self.search.fitted.unknown_at(address) else { return Call::Unknown };
        self.seen.borrow_mut().push((k, x.to_vec()));
        y.fill(Expr::zero());
        Call::Done
    }
}
