//! Continuous adjoints: the adjoint differential equation, solved backwards.
//!
//! With the loss $L = \ell(u(t_1), \dots, u(t_K), p) + \int g(t, u, p) \mathrm{d}t$ of a solution of $M \dot u = f(t, u, p)$,
//!
//! $$ M^\top \dot\lambda = -f_u^\top \lambda - g_u^\top, \qquad
//! M^\top \bigl(\lambda(t_k^-) - \lambda(t_k^+)\bigr) = \ell_{u(t_k)}^\top, \qquad \lambda(t_K^+) = 0, $$
//!
//! $$ \frac{\mathrm{d} L}{\mathrm{d} p} = \ell_p + \int \lambda^\top f_p + g_p \mathrm{d}t, \qquad
//! \frac{\mathrm{d} L}{\mathrm{d} u_0} = M^\top \lambda(t_0^-) . $$
//!
//! This is the gradient of the exact solution, solved for with errors of its own: not quite the derivative of the loss as it
//! was computed, which the [discrete adjoint](super::DiscreteAdjoint) gives. The two come together as tolerances tighten.
//!
//! Source: Y. Cao, S. Li, L. Petzold, R. Serban, *Adjoint sensitivity analysis for differential-algebraic equations: the adjoint
//! DAE system and its numerical solution*, SIAM J. Sci. Comput. 24 (2003); A. C. Hindmarsh et al., *SUNDIALS*, ACM Trans. Math.
//! Softw. 31 (2005).

mod back;
mod drift;
mod equations;
mod error;
mod path;
mod quadrature;
mod running;
mod tolerances;

pub use drift::Drift;
pub use error::AdjointError;
pub(super) use tolerances::BackwardTolerances;

use super::derivatives::{Computed, Derivatives, End};
use super::discrete::check;
use super::loss::{Integral, Loss, Points};
use super::report::{GradientMethod, GradientReport};
use super::reverse::transposed::Transposed;
use crate::model::Differentiable;
use crate::ode::{Implicit, Method, Options, Save, Solution, Solve, SolveError, Span, Statistics};
use back::{Companions, Jump, go_back};
use drift::Watch;
use equations::Equations;
use path::Path;
use quadrature::Quadrature;
use running::{IntegrandOf, Running};

/// How a continuous adjoint knows the solution and sums up the gradient of the parameters.
///
/// ```
/// use ansatz::adjoint::{Continuous, GradientMethod, Loss};
/// use ansatz::prelude::*;
/// struct Decay;
/// impl Model for Decay {
///     fn states(&self) -> Names { ["u"].into() }
///     fn parameters(&self) -> Names { ["rate"].into() }
///     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
///         let [rate] = p.parameters();
///         du[0] = -rate * u[0];
///     }
/// }
/// /// What is left in the end, and what there was on the way.
/// struct Left;
/// impl Loss for Left {
///     fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
///         u[0][0]
///     }
///     fn integrand<R: Real>(&self, _t: R, u: &[R], _p: &[R]) -> R {
///         u[0]
///     }
/// }
/// let solve = Solve::new(&Decay, [3.0], 0.0, 1.0).parameters([0.5]).rtol(1e-10).atol(1e-10).save(Save::End);
/// let problem = solve.differentiate()?.by(GradientMethod::ContinuousAdjoint(Continuous::Gauss));
/// let gradient = problem.gradient(&Left)?;
/// // L = u₀ (e^−r + (1 − e^−r) / r)
/// let e = (-0.5f64).exp();
/// assert!((gradient.loss - 3.0 * (e + 2.0 * (1.0 - e))).abs() < 1e-8);
/// assert!((gradient.parameters[0] - 3.0 * (-e + 2.0 * e - 4.0 * (1.0 - e))).abs() < 1e-7);
/// assert!((gradient.initial[0] - (e + 2.0 * (1.0 - e))).abs() < 1e-7);
/// println!("{}", gradient.report);
/// # Ok::<(), ansatz::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Continuous {
    /// The solution from dense output, which is kept; the integral over time is solved for along with $\lambda$, so that the
    /// error control of the solve back watches both. For few parameters.
    Interpolating,
    /// The solution from dense output; only $\lambda$ is solved for, and $\int \lambda^\top f_p \mathrm{d}t$ is summed by Gauss'
    /// rules over its dense output. For many parameters, and for implicit methods, whose linear systems stay as small as those of
    /// the forward solve.
    ///
    /// Quadratures are kept out of the differential equations in CVODES and in SciMLSensitivity's `GaussAdjoint`, too. Here the
    /// steps back are divided where the forward steps end, so that what only $f_p$ sees is not passed over.
    Gauss,
    /// The solution solved back together with $\lambda$ and the integral, from each saved state to the one before: next to no
    /// memory, and wrong where the problem damps. How far the solution solved back is from the saved states is measured, and too
    /// large a [`Drift`] is an error.
    ///
    /// Source: R. T. Q. Chen et al., *Neural ordinary differential equations*, NeurIPS 2018; A. Gholami, K. Keutzer, G. Biros,
    /// *ANODE*, IJCAI 2019, for how it fails.
    Backsolve,
}

/// What a continuous adjoint did backwards.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BackwardSolve {
    /// Counts of the solve back.
    pub statistics: Statistics,
    /// Evaluations of $f_p$ for the quadrature of [`Continuous::Gauss`] beside those.
    pub quadrature: usize,
    /// The largest drift of a solution solved back; none for the other ways.
    pub drift: Option<Drift>,
}

impl std::fmt::Display for BackwardSolve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "back: {}", self.statistics)?;
        if self.quadrature > 0 {
            write!(f, ", {} points of quadrature", self.quadrature)?;
        }
        self.drift.as_ref().map_or(Ok(()), |drift| write!(f, ", {drift}"))
    }
}

impl<S: Differentiable> Derivatives<'_, S> {
    /// The gradient by a continuous adjoint.
    pub(super) fn continuous<L: Loss + ?Sized>(
        &self,
        way: Continuous,
        loss: &L,
        initial: &[f64],
        p: &[f64],
        options: &Options,
    ) -> crate::Result<Computed> {
        check(&*self.system, options, self.span.start, initial, p, &self.times)?;
        let varies = Integral::of(loss, initial.len(), p) == Integral::Varying;
        let last = self.times.last().copied().unwrap_or(self.span.end);
        let span = Span { start: self.span.start, end: if varies { self.span.end } else { last } };
        let save = if way == Continuous::Backsolve {
            let behind = Some(span.end).filter(|end| *end != last);
            Save::Times(self.times.iter().copied().chain(behind).collect())
        } else {
            Save::Steps
        };
        let solve = Solve::system(&*self.system, initial, span.start, span.end);
        let mut solve = solve.parameters(p).options(options.clone()).save(save);
        if varies {
            solve = solve.integral(INTEGRAL, |t, u, p| loss.integrand(t, u, p));
        }
        let mut mass = Mass::of(&*self.system)?;
        let forward = solve.run()?;
        let mut states = Vec::with_capacity(self.times.len() * initial.len());
        for (k, t) in self.times.iter().enumerate() {
            match way {
                Continuous::Backsolve => states.extend_from_slice(forward.state(k)),
                _ => states.extend(forward.at(*t)?),
            }
        }
        let (mut loss_value, slopes) = Points { t: &self.times, u: &states, p }.slopes(loss);
        let integrand = IntegrandOf(loss);
        let running: Option<&dyn Running> = if varies { Some(&integrand) } else { None };
        if varies {
            loss_value += forward.integral(INTEGRAL)?;
        }
        let task = Task { system: &*self.system, running, p, initial, span, forward: &forward, options };
        let jumps = jumps(&self.times, &states, slopes.states(), initial.len());
        let back = task.solve(way, jumps, &mut mass, |layout, slope| {
            self.backwards.options(options, &self.options, layout, slope, p)
        })?;
        let mut through: Vec<Method> = Vec::new();
        for (_, method) in forward.methods() {
            if !through.contains(method) {
                through.push(*method);
            }
        }
        let report = GradientReport {
            by: GradientMethod::ContinuousAdjoint(way),
            why: String::new(),
            through,
            statistics: forward.statistics(),
            checkpointing: None,
            backward: Some(back.report),
        };
        let (parameters, initial) = (back.parameters, back.initial);
        let (points, ended) = (self.times.clone(), End::Asked(forward.end().1.to_vec()));
        Ok(Computed { loss_value, parameters, initial, points, states, slopes, ended, report })
    }
}

/// What the forward solve calls the integral of the loss.
const INTEGRAL: &str = "loss";

/// $M^\top$ and its inverse.
struct Mass(Option<Transposed>);

impl Mass {
    /// Factorised; fails when it is singular.
    fn of(system: &dyn Differentiable) -> Result<Mass, AdjointError> {
        let Some(mass) = system.mass_matrix().filter(|mass| !mass.is_identity()) else { return Ok(Mass(None)) };
        if mass.is_singular() {
            return Err(AdjointError::SingularMass);
        }
        // Of the Jacobian nothing was evaluated yet: what is factorised is the mass matrix alone.
        let mut transposed = Transposed::new(system);
        transposed.factorize_for(1.0).map_err(|_| AdjointError::SingularMass)?;
        Ok(Mass(Some(transposed)))
    }

    /// `b` becomes $M^{-\top} b$.
    fn solve(&mut self, b: &mut [f64]) -> Result<(), AdjointError> {
        self.0.as_mut().map_or(Ok(()), |mass| mass.solve(b)).map_err(|_| AdjointError::SingularMass)
    }

    /// Adds $M^\top x$.
    fn add(&self, x: &[f64], out: &mut [f64]) {
        match &self.0 {
            Some(mass) => mass.add_mass(1.0, x, out),
            None => out.iter_mut().zip(x).for_each(|(out, x)| *out += x),
        }
    }
}

/// The jumps of $M^\top \lambda$ at times in the order in which they are reached going back, one for equal times.
fn jumps(times: &[f64], states: &[f64], seeds: &[f64], n: usize) -> Vec<Jump> {
    let mut jumps: Vec<Jump> = Vec::new();
    for (k, t) in times.iter().enumerate().rev() {
        let (state, seed) = (&states[k * n..][..n], &seeds[k * n..][..n]);
        match jumps.last_mut().filter(|jump| jump.t == *t) {
            Some(jump) => jump.lambda.iter_mut().zip(seed).for_each(|(sum, seed)| *sum += seed),
            None => jumps.push(Jump { t: *t, lambda: seed.to_vec(), state: state.to_vec() }),
        }
    }
    jumps
}

/// What is to be done backwards.
struct Task<'t> {
    system: &'t dyn Differentiable,
    running: Option<&'t dyn Running>,
    p: &'t [f64],
    initial: &'t [f64],
    span: Span,
    forward: &'t Solution,
    /// Those of the forward solve.
    options: &'t Options,
}

struct Solved {
    parameters: Vec<f64>,
    initial: Vec<f64>,
    report: BackwardSolve,
}

impl Task<'_> {
    fn solve(
        &self,
        way: Continuous,
        mut jumps: Vec<Jump>,
        mass: &mut Mass,
        options: impl FnOnce((equations::Layout, bool), f64) -> Result<Options, SolveError>,
    ) -> crate::Result<Solved> {
        let Task { system, running, p, initial, span, forward, .. } = *self;
        let (n, q) = (initial.len(), p.len());
        let report = BackwardSolve { statistics: Statistics::default(), quadrature: 0, drift: None };
        let slope = self.largest_slope(&jumps);
        // A state read at the start is the initial one.
        let at_start = jumps.pop_if(|jump| jump.t == span.start).map(|jump| jump.lambda);
        let mut solved = Solved { parameters: vec![0.0; q], initial: at_start.unwrap_or_else(|| vec![0.0; n]), report };
        if span.start == span.end || slope == 0.0 {
            return Ok(solved);
        }
        for jump in &mut jumps {
            mass.solve(&mut jump.lambda)?;
        }
        let carries = way == Continuous::Backsolve;
        let path = (!carries).then(|| Path::new(forward));
        let sums = way != Continuous::Gauss;
        let equations = Equations::new(system, running, p, path, sums, (span.start, initial));
        let layout = equations.layout();
        let options = options((layout, equations.sparsity().is_some()), slope)?;

        let mut y = vec![0.0; layout.len()];
        let at_end = usize::from(jumps.first().is_some_and(|jump| jump.t == span.end));
        for jump in &jumps[..at_end] {
            y[..n].copy_from_slice(&jump.lambda);
        }
        if carries {
            y[layout.carried()..].copy_from_slice(forward.end().1);
        }
        let mut quadrature = path.filter(|_| !sums).map(|path| Quadrature::new(system, running, p, path));
        let mut watch = carries.then(|| {
            let atol = (layout.carried()..layout.len()).map(|i| options.atol.of(i)).collect();
            Watch::new(options.rtol.max(self.options.rtol), atol)
        });
        let companions = Companions { quadrature: quadrature.as_mut(), watch: watch.as_mut() };
        let way_back = Span { start: span.end, end: span.start };
        let gone = go_back(equations, options, way_back, &mut y, &jumps[at_end..], companions);
        if let Some(watch) = &mut watch {
            let back = &y[layout.carried()..];
            match &gone {
                Ok(_) => _ = watch.measure(span.start, back, initial),
                Err(error) if !watch.too_large() => {
                    if let Some((t, forth)) = error.time().and_then(|t| Some((t, self.solved_again(t)?))) {
                        watch.measure(t, back, &forth);
                    }
                }
                Err(_) => {}
            }
            let drift = watch.worst(|i| system.state_name(i));
            if let Some(drift) = drift.clone().filter(|_| watch.too_large()) {
                return Err(AdjointError::Drift { drift }.into());
            }
            solved.report.drift = drift;
        }
        solved.report.statistics = gone.map_err(|source| match source {
            SolveError::Argument { .. } => crate::Error::from(source),
            source => AdjointError::Backward { source: Box::new(source) }.into(),
        })?;
        mass.add(&y[..n], &mut solved.initial);
        match quadrature {
            Some(quadrature) => {
                solved.report.quadrature = quadrature.evaluations;
                solved.parameters = quadrature.sum;
            }
            None => solved.parameters.copy_from_slice(&y[n..n + q]),
        }
        Ok(solved)
    }

    /// The solution at `t`, from the saved state before.
    fn solved_again(&self, t: f64) -> Option<Vec<f64>> {
        let direction = if self.span.end < self.span.start { -1.0 } else { 1.0 };
        let times = self.forward.times();
        let before = times.partition_point(|saved| (t - saved) * direction >= 0.0).checked_sub(1);
        let (start, u) = before.map_or((self.span.start, self.initial), |k| (times[k], self.forward.state(k)));
        let solve = Solve::system(&self.system, u, start, t).parameters(self.p).options(self.options.clone());
        Some(solve.save(Save::End).run().ok()?.last().to_vec())
    }

    /// The largest derivative of the loss by a state, that of an integrand over the whole span.
    fn largest_slope(&self, jumps: &[Jump]) -> f64 {
        let largest = |x: &[f64]| x.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
        let mut slope = jumps.iter().map(|jump| largest(&jump.lambda)).fold(0.0, f64::max);
        if let Some(running) = self.running {
            let length = (self.span.end - self.span.start).abs();
            let (mut u_bar, mut p_bar) = (self.initial.to_vec(), vec![0.0; self.p.len()]);
            for (k, t) in self.forward.times().iter().enumerate() {
                u_bar.fill(0.0);
                running.add((*t, self.forward.state(k), self.p), 1.0, &mut u_bar, &mut p_bar);
                slope = slope.max(largest(&u_bar) * length);
            }
            // An integrand of parameters and time alone has sums of its own.
            slope = slope.max(f64::MIN_POSITIVE);
        }
        slope
    }
}
