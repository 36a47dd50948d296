//! The search for the support of a law: proposals, refits through the differential equation, stepwise moves.
//!
//! 1. *Proposals* come from two sides. Sequentially thresholded least squares on the network's output gives a path of
//!    supports. And the trajectory is linearised about the fitted one: trading the network for terms changes the residuals
//!    to first order by known columns, so that a beam search over subsets compares whole laws in the measurements' own
//!    terms, by microseconds each.
//! 2. *Refits*: every proposed law's coefficients, estimated parameters and initial states are fitted through the
//!    differential equation to the measurements.
//! 3. *Stepwise*: about the best law so far the trajectory is linearised again, in all candidates at once. Adding,
//!    dropping and swapping terms is compared there, the promising neighbours are refitted, and so on until none is better.

use super::criterion::Criterion;
use super::regression::{LinearModel, MOST_TERMS, stlsq_path};
use super::terms::{Blend, Terms};
use crate::fit::{Control, Layout, LevenbergMarquardt, Linearized, Observations, Point, Shooting};
use crate::model::{Bound, Differentiable, Model, System};
use crate::network::Block;
use crate::number::Formula;
use crate::ode::Options;
use nalgebra::{DMatrix, DVector};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The active candidates of each equation, in rising order.
pub(super) type Support = Vec<Vec<usize>>;

/// Coefficients of the candidates and changes of what is always in: where a refit starts.
type Start = (Vec<f64>, Vec<f64>);
/// A call of an unknown term: which, with what, giving what.
type Called = (usize, Vec<f64>, Vec<f64>);

/// One output of an unknown term.
#[derive(Clone, Debug)]
pub(super) struct Equation {
    pub unknown: usize,
    pub output: usize,
}

/// What a search works on; the same for the data and for every bootstrap replicate.
pub(super) struct Search<'c, 'a, M: Model> {
    pub model: &'a M,
    /// The fitted model's layout and scaling.
    pub fitted: &'c Bound<'a, M>,
    /// Estimated mechanistic parameters.
    pub estimated: Vec<usize>,
    pub held: Vec<usize>,
    /// Candidates of each unknown term.
    pub candidates: Vec<Formula>,
    pub equations: Vec<Equation>,
    pub criterion: Criterion,
    pub options: Options,
}

/// A law fitted through the differential equation.
#[derive(Clone, Debug)]
pub(super) struct Refit {
    pub support: Support,
    pub criterion: f64,
    /// Mechanistic parameters, then the coefficients in the order of the support; initial states.
    pub point: Point,
    /// Sum of squares of each state, in data units.
    pub squares: Vec<f64>,
}

/// What the search found.
pub(super) struct Found {
    pub best: Refit,
    /// Supports refitted.
    pub tried: usize,
    /// Candidates that cannot be told from an estimated parameter, by equation.
    pub indistinct: Vec<(usize, usize)>,
}

/// Subsets kept per size in the beam search.
const BEAM: usize = 12;
/// Proposals refitted from the first linearisation, and from each later one.
const FIRST_REFITS: usize = 12;
const LATER_REFITS: usize = 8;
/// Laws about which the neighbourhood is searched.
const MOST_ROUNDS: usize = 8;
/// A neighbour is refitted if its linearised criterion is not worse than the best by more than this.
const SLACK: f64 = 6.0;
/// A candidate with a smaller share outside the span of the estimated parameters is none of its own.
const LEAST_DISTINCT: f64 = 1e-6;

impl<'c, 'a, M: Model> Search<'c, 'a, M> {
    /// The best law for these observations, from a fitted network. `None` when no proposal can be solved.
    pub fn run(
        &self,
        observations: &Observations,
        point: &Point,
        states: &[Vec<f64>],
        sigma: &[f64],
    ) -> (Option<Found>, usize) {
        let mut seen: BTreeMap<Support, Option<f64>> = BTreeMap::new();
        let mut laws: Vec<Refit> = Vec::new();
        let mut indistinct = Vec::new();
        let mut proposals: Vec<(Support, Option<Start>)> = Vec::new();
        if let Some(linear) = self.about_network(observations, point, sigma) {
            indistinct = self.indistinct(&linear);
            for chosen in self.beam(&linear, &indistinct) {
                let start = linear.coefficients(&chosen);
                proposals.push((self.support(&chosen), start));
            }
            for support in self.paths(observations, point, states) {
                let chosen = self.columns(&support);
                if chosen.len() <= MOST_TERMS && !indistinct.iter().any(|(e, c)| support[*e].contains(c)) {
                    let start = linear.coefficients(&chosen);
                    proposals.push((support, start));
                }
            }
        }
        let mechanistic: Vec<f64> = point.parameters[..self.fitted.parameters().len()].to_vec();
        let base = Point { parameters: mechanistic, initial: point.initial.clone() };
        for (support, start) in proposals {
            let Some((xi, eta)) = start else { continue };
            if seen.contains_key(&support) {
                continue;
            }
            let refit = self.refit(observations, sigma, &support, &self.started(&base, &xi, &eta), REFINE);
            seen.insert(support, refit.as_ref().map(|r| r.criterion));
            laws.extend(refit);
        }
        let mut expanded: BTreeSet<Support> = BTreeSet::new();
        for _ in 0..MOST_ROUNDS {
            laws.sort_by(|a, b| a.criterion.total_cmp(&b.criterion));
            laws.truncate(4);
            let Some(best) = laws.first().map(|l| l.criterion) else { break };
            let next = laws.iter().find(|l| !expanded.contains(&l.support) && l.criterion < best + SLACK);
            let Some(law) = next.cloned() else { break };
            expanded.insert(law.support.clone());
            for (support, start) in self.neighbours(observations, sigma, &law, best, &indistinct, &seen) {
                let refit = self.refit(observations, sigma, &support, &start, REFINE);
                seen.insert(support, refit.as_ref().map(|r| r.criterion));
                laws.extend(refit);
            }
        }
        laws.sort_by(|a, b| a.criterion.total_cmp(&b.criterion));
        let tried = seen.len();
        (laws.into_iter().next().map(|best| Found { best, tried, indistinct }), tried)
    }

    /// Flat column of each equation's first candidate.
    fn offsets(&self) -> Vec<usize> {
        let mut at = 0;
        self.criterion
            .candidates
            .iter()
            .map(|c| {
                at += c;
                at - c
            })
            .collect()
    }

    fn columns(&self, support: &Support) -> Vec<usize> {
        self.offsets().iter().zip(support).flat_map(|(at, terms)| terms.iter().map(move |c| at + c)).collect()
    }

    fn support(&self, chosen: &[usize]) -> Support {
        let mut support = vec![Vec::new(); self.equations.len()];
        let offsets = self.offsets();
        for &column in chosen {
            let e = offsets.partition_point(|at| *at <= column) - 1;
            support[e].push(column - offsets[e]);
        }
        for terms in &mut support {
            terms.sort_unstable();
        }
        support
    }

    /// Active terms of each unknown, pairs of output and candidate.
    fn active(&self, support: &Support) -> Vec<Vec<(usize, usize)>> {
        let mut active = vec![Vec::new(); self.candidates.len()];
        for (equation, terms) in self.equations.iter().zip(support) {
            active[equation.unknown].extend(terms.iter().map(|c| (equation.output, *c)));
        }
        active
    }

    /// Everything active.
    fn full(&self) -> Support {
        self.criterion.candidates.iter().map(|c| (0..*c).collect()).collect()
    }

    /// Blocks of terms for a support.
    pub fn terms(&self, support: &Support) -> Vec<Terms> {
        self.active(support)
            .iter()
            .enumerate()
            .map(|(k, active)| Terms::new(&self.candidates[k], self.fitted.shape_of(k).1, active))
            .collect()
    }

    /// The layout of a law with `coefficients` coefficients.
    fn layout(&self, coefficients: usize, trajectories: usize) -> Layout {
        let first = self.fitted.parameters().len();
        Layout {
            free: self.estimated.iter().copied().chain(first..first + coefficients).collect(),
            mechanistic: self.estimated.len(),
            networks: false,
            states: self.fitted.dimension(),
            trajectories,
        }
    }

    /// A start of a refit: mechanistic parameters and initial states moved by $\eta$, coefficients $\xi$.
    fn started(&self, base: &Point, xi: &[f64], eta: &[f64]) -> Point {
        let mut point = base.clone();
        point.parameters.truncate(self.fitted.parameters().len());
        for (&j, d) in self.estimated.iter().zip(eta) {
            point.parameters[j] += d;
        }
        for (u, d) in point.initial.iter_mut().zip(&eta[self.estimated.len()..]) {
            *u += d;
        }
        point.parameters.extend_from_slice(xi);
        point
    }

    /// Fits a law through the differential equation.
    pub fn refit(
        &self,
        observations: &Observations,
        sigma: &[f64],
        support: &Support,
        start: &Point,
        control: Control,
    ) -> Option<Refit> {
        let terms = self.terms(support);
        let mut bound = Bound::with_blocks(self.model, |k, _| &terms[k]).ok()?;
        bound.hold(&self.held);
        let coefficients = start.parameters.len() - self.fitted.parameters().len();
        let layout = self.layout(coefficients, observations.trajectories.len());
        let mut problem = Shooting::new(&bound, observations, layout, sigma, &self.options, start.clone());
        let mut iteration = LevenbergMarquardt::new(problem.start(), 0.0);
        if iteration.minimize(&mut problem, usize::MAX, control, &mut |_| {}).is_err() {
            // Not solvable over all times from this start: go there by way of a part of them.
            let longest = observations.longest();
            for horizon in [longest.div_ceil(4), longest.div_ceil(2), longest] {
                iteration.minimize(&mut problem, horizon.max(2), control, &mut |_| {}).ok()?;
            }
        }
        let squares = self.squares(observations, sigma, &iteration.current);
        let penalty = self.criterion.penalty(support);
        let criterion = self.criterion.misfit(&squares) + penalty;
        criterion.is_finite().then(|| Refit {
            support: support.clone(),
            criterion,
            point: problem.point(&iteration.theta),
            squares,
        })
    }

    /// Residuals and Jacobian of a refitted law, columns as in its layout.
    pub fn linearize(&self, observations: &Observations, sigma: &[f64], law: &Refit) -> Option<Linearized> {
        let terms = self.terms(&law.support);
        let mut bound = Bound::with_blocks(self.model, |k, _| &terms[k]).ok()?;
        bound.hold(&self.held);
        let coefficients = law.point.parameters.len() - self.fitted.parameters().len();
        let layout = self.layout(coefficients, observations.trajectories.len());
        let mut problem = Shooting::new(&bound, observations, layout, sigma, &self.options, law.point.clone());
        let mut out = Linearized::default();
        problem.linearize(&problem.start(), usize::MAX, &mut out).ok()?;
        Some(out)
    }

    /// Sum of squares of each state in data units, from weighted residuals.
    fn squares(&self, observations: &Observations, sigma: &[f64], current: &Linearized) -> Vec<f64> {
        let n = sigma.len();
        let mut squares = vec![0.0; n];
        let observed = observations
            .trajectories
            .iter()
            .flat_map(|t| t.values.iter().enumerate().filter(|(_, d)| !d.is_nan()).map(|(at, _)| at % n));
        for (i, r) in observed.zip(&current.residuals) {
            squares[i] += (r * sigma[i]).powi(2);
        }
        squares
    }

    /// The linear model about the fitted network's trajectory, in all candidates.
    fn about_network(&self, observations: &Observations, point: &Point, sigma: &[f64]) -> Option<LinearModel> {
        let terms = self.terms(&self.full());
        let own: Vec<&dyn Block> = self.model.unknowns().iter().map(|(_, block)| block).collect();
        let blends: Vec<Blend<'_>> = own
            .iter()
            .zip(terms)
            .enumerate()
            .map(|(k, (network, terms))| Blend {
                network: *network,
                weights: &point.parameters[self.fitted.weights_of(k)],
                scaling: self.fitted.scaling_of(k),
                terms,
            })
            .collect();
        let mut bound = Bound::with_blocks(self.model, |k, _| &blends[k]).ok()?;
        bound.hold(&self.held);
        let mut parameters = point.parameters[..self.fitted.parameters().len()].to_vec();
        parameters.resize(bound.parameter_count(), 0.0);
        let networks: Vec<usize> = (0..blends.len()).map(|k| bound.weights_of(k).start).collect();
        for &at in &networks {
            parameters[at] = 1.0;
        }
        let coefficients = bound.parameter_count() - self.fitted.parameters().len();
        let layout = self.layout(coefficients, observations.trajectories.len());
        let start = Point { parameters, initial: point.initial.clone() };
        let mut problem = Shooting::new(&bound, observations, layout.clone(), sigma, &self.options, start);
        let mut out = Linearized::default();
        problem.linearize(&problem.start(), usize::MAX, &mut out).ok()?;
        // Without the networks: r − Σ ∂r/∂α.
        let first = self.fitted.parameters().len();
        let place = |parameter: usize| self.estimated.len() + parameter - first;
        let removed: Vec<(usize, f64)> = networks.iter().map(|&at| (place(at), 1.0)).collect();
        let columns: Vec<usize> =
            (first..bound.parameter_count()).filter(|at| !networks.contains(at)).map(place).collect();
        self.linear_model(&out, &layout, &removed, &columns)
    }

    /// The linear model about a law, in all candidates.
    fn about_law(&self, observations: &Observations, sigma: &[f64], law: &Refit) -> Option<LinearModel> {
        let terms = self.terms(&self.full());
        let mut bound = Bound::with_blocks(self.model, |k, _| &terms[k]).ok()?;
        bound.hold(&self.held);
        let first = self.fitted.parameters().len();
        let mut parameters = law.point.parameters[..first].to_vec();
        parameters.resize(bound.parameter_count(), 0.0);
        let columns = self.columns(&law.support);
        for (c, xi) in columns.iter().zip(&law.point.parameters[first..]) {
            parameters[first + c] = *xi;
        }
        let layout = self.layout(bound.parameter_count() - first, observations.trajectories.len());
        let start = Point { parameters: parameters.clone(), initial: law.point.initial.clone() };
        let mut problem = Shooting::new(&bound, observations, layout.clone(), sigma, &self.options, start);
        let mut out = Linearized::default();
        problem.linearize(&problem.start(), usize::MAX, &mut out).ok()?;
        let place = |c: usize| self.estimated.len() + c;
        let removed: Vec<(usize, f64)> = columns.iter().map(|&c| (place(c), parameters[first + c])).collect();
        let all: Vec<usize> = (0..bound.parameter_count() - first).map(place).collect();
        self.linear_model(&out, &layout, &removed, &all)
    }

    /// Residuals with some columns' contributions taken away, as a function of always-in and candidate columns.
    fn linear_model(
        &self,
        out: &Linearized,
        layout: &Layout,
        removed: &[(usize, f64)],
        candidates: &[usize],
    ) -> Option<LinearModel> {
        let (rows, width) = (out.residuals.len(), layout.len());
        if out.jacobian.iter().any(|x| !x.is_finite()) {
            return None;
        }
        let at = |r: usize, c: usize| out.jacobian[r * width + c];
        let offset =
            DVector::from_fn(rows, |r, _| out.residuals[r] - removed.iter().map(|(c, x)| x * at(r, *c)).sum::<f64>());
        let kept: Vec<usize> = (0..layout.mechanistic).chain(layout.free.len()..width).collect();
        let always = DMatrix::from_fn(rows, kept.len(), |r, c| at(r, kept[c]));
        let columns = DMatrix::from_fn(rows, candidates.len(), |r, c| at(r, candidates[c]));
        Some(LinearModel::new(offset, &always, columns))
    }

    fn indistinct(&self, linear: &LinearModel) -> Vec<(usize, usize)> {
        let offsets = self.offsets();
        (0..linear.distinct.len())
            .filter(|c| linear.distinct[*c] < LEAST_DISTINCT)
            .map(|c| {
                let e = offsets.partition_point(|at| *at <= c) - 1;
                (e, c - offsets[e])
            })
            .collect()
    }

    fn linear_criterion(&self, linear: &LinearModel, chosen: &[usize]) -> f64 {
        let support = self.support(chosen);
        self.criterion.misfit_of_total(linear.squares(chosen)) + self.criterion.penalty(&support)
    }

    /// The most promising subsets, grown one candidate at a time with the best of each size kept.
    fn beam(&self, linear: &LinearModel, indistinct: &[(usize, usize)]) -> Vec<Vec<usize>> {
        let offsets = self.offsets();
        let barred: BTreeSet<usize> = indistinct.iter().map(|(e, c)| offsets[*e] + c).collect();
        let all: Vec<usize> = (0..linear.distinct.len()).filter(|c| !barred.contains(c)).collect();
        let mut found: Vec<(f64, Vec<usize>)> = vec![(self.linear_criterion(linear, &[]), Vec::new())];
        let mut level: Vec<Vec<usize>> = vec![Vec::new()];
        // Beyond a few terms an equation the criterion only grows.
        for _ in 0..(3 * self.equations.len()).min(MOST_TERMS) {
            let mut next: BTreeMap<Vec<usize>, f64> = BTreeMap::new();
            for subset in &level {
                for &c in all.iter().filter(|c| !subset.contains(c)) {
                    let mut larger: Vec<usize> = subset.clone();
                    larger.push(c);
                    larger.sort_unstable();
                    if let std::collections::btree_map::Entry::Vacant(place) = next.entry(larger) {
                        let value = self.linear_criterion(linear, place.key());
                        place.insert(value);
                    }
                }
            }
            let mut ranked: Vec<(f64, Vec<usize>)> =
                next.into_iter().map(|(s, v)| (v, s)).filter(|(v, _)| v.is_finite()).collect();
            ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
            ranked.truncate(BEAM);
            level = ranked.iter().map(|(_, s)| s.clone()).collect();
            found.extend(ranked);
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        found.into_iter().take(FIRST_REFITS).map(|(_, s)| s).collect()
    }

    /// Supports along the STLSQ path on the network's outputs, the same threshold in every equation.
    fn paths(&self, observations: &Observations, point: &Point, states: &[Vec<f64>]) -> Vec<Support> {
        let n = self.fitted.dimension();
        let calls: RefCell<Vec<Called>> = RefCell::default();
        for (seen, states) in observations.trajectories.iter().zip(states) {
            for (t, row) in seen.times.iter().zip(states.chunks_exact(n)) {
                let note = |k: usize, x: &[f64], y: &[f64]| calls.borrow_mut().push((k, x.to_vec(), y.to_vec()));
                self.fitted.watch(*t, row, &point.parameters, &note);
            }
        }
        let calls = calls.into_inner();
        let mut paths: Vec<Vec<Vec<usize>>> = Vec::new();
        for equation in &self.equations {
            let formula = &self.candidates[equation.unknown];
            let of: Vec<_> = calls.iter().filter(|c| c.0 == equation.unknown).collect();
            let mut theta = DMatrix::zeros(of.len(), formula.outputs());
            let mut values = vec![0.0; formula.outputs()];
            for (r, (_, x, _)) in of.iter().enumerate() {
                formula.evaluate(x, &mut values);
                for (c, v) in values.iter().enumerate() {
                    theta[(r, c)] = *v;
                }
            }
            let y = DVector::from_fn(of.len(), |r, _| of[r].2[equation.output]);
            let small = stlsq_path(&theta, &y).into_iter().filter(|s| s.len() <= 4).collect();
            paths.push(small);
        }
        let longest = paths.iter().map(Vec::len).max().unwrap_or(0);
        // From the sparse end on, equations with a shorter path staying at their sparsest.
        (1..=longest)
            .map(|back| {
                paths.iter().map(|p| p.get(p.len().saturating_sub(back)).cloned().unwrap_or_default()).collect()
            })
            .collect()
    }

    /// Neighbours of a law that promise to be better, with starts for their refits.
    fn neighbours(
        &self,
        observations: &Observations,
        sigma: &[f64],
        law: &Refit,
        best: f64,
        indistinct: &[(usize, usize)],
        seen: &BTreeMap<Support, Option<f64>>,
    ) -> Vec<(Support, Point)> {
        let Some(linear) = self.about_law(observations, sigma, law) else { return Vec::new() };
        let offsets = self.offsets();
        let barred: BTreeSet<usize> = indistinct.iter().map(|(e, c)| offsets[*e] + c).collect();
        let current = self.columns(&law.support);
        let outside: Vec<usize> =
            (0..linear.distinct.len()).filter(|c| !barred.contains(c) && !current.contains(c)).collect();
        let mut moves: Vec<Vec<usize>> = Vec::new();
        for (k, _) in current.iter().enumerate() {
            let without: Vec<usize> = current.iter().enumerate().filter(|(i, _)| *i != k).map(|(_, c)| *c).collect();
            for &c in &outside {
                moves.push(without.iter().copied().chain([c]).collect());
            }
            moves.push(without);
        }
        for &c in &outside {
            moves.push(current.iter().copied().chain([c]).collect());
        }
        // What the linear model says of the law itself, to compare like with like.
        let here = self.linear_criterion(&linear, &current);
        let mut ranked: Vec<(f64, Vec<usize>)> = moves
            .into_iter()
            .map(|chosen| (self.linear_criterion(&linear, &chosen) - here + law.criterion, chosen))
            .filter(|(value, _)| *value < best + SLACK)
            .collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        let base = Point { parameters: law.point.parameters.clone(), initial: law.point.initial.clone() };
        ranked
            .into_iter()
            .filter_map(|(_, mut chosen)| {
                chosen.sort_unstable();
                let support = self.support(&chosen);
                if seen.contains_key(&support) {
                    return None;
                }
                let (xi, eta) = linear.coefficients(&chosen)?;
                Some((support, self.started(&base, &xi, &eta)))
            })
            .take(LATER_REFITS)
            .collect()
    }
}

/// Precision of the refits that are compared.
pub(super) const REFINE: Control = Control { max_iterations: 25, tolerance: 1e-4, patience: 1, evidence: false };
/// Precision of the law that is reported.
pub(super) const POLISH: Control = Control { max_iterations: 50, tolerance: 1e-9, patience: 2, evidence: false };
