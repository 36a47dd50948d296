//! The algebraic equations of $M \dot u = f(t, u)$ with a singular $M$: whether they hold, and states for which they do.

use super::control::first_not_finite;
use super::damped_newton::{DampedNewton, Failure, Limits, Shift};
use super::integrate::{Stop, StopReason};
use super::linear::LinearSolver;
use super::null_space::{Entries, left_null_space};
use super::options::Options;
use super::solution::Statistics;
use super::stepper::{Context, Implicit, Rhs};
use crate::model::{MassMatrix, Sparsity};
use nalgebra::DMatrix;

/// $N^\top f(t, u) = 0$ with $N$ a basis of the left null space of $M$: rows of zeros, or sums of rows that cancel.
///
/// They are solved by Newton's method for the $u$ with the $M u$ that is given. A correction $\delta$ has
///
/// $$ N^\top f_u \delta = -N^\top f, \qquad M \delta = 0, $$
///
/// and because nothing but zero is in the range both of $M$ and of $N$, this is one system with as many zeros as $M$ and
/// $f_u$ have, whatever $\sigma \ne 0$: $(\sigma M - N N^\top f_u) \delta = N N^\top f$. Its matrix is regular if the index
/// is 1.
pub(crate) struct AlgebraicEquations {
    left: Vec<Entries>,
    /// States that have a derivative of their own, where $M$ is diagonal.
    differential: Vec<usize>,
    /// Whether states are computed where the equations do not hold.
    mends: bool,
    /// The tolerances.
    options: Options,
    newton: DampedNewton,
}

const LIMITS: Limits = Limits { iterations: 100, smallest_part: 1e-8 };

impl AlgebraicEquations {
    /// Those that a mass matrix leaves.
    pub fn of(mass: &MassMatrix, options: &Options, mends: bool) -> Self {
        let mut left = Vec::new();
        for block in mass.blocks() {
            let k = block.states.len();
            if block.entries.is_empty() {
                // Too large to be factorised: rows of zeros only.
                continue;
            }
            let tolerance = k as f64 * f64::EPSILON;
            let basis = left_null_space(DMatrix::from_vec(k, k, block.entries), tolerance);
            left.extend(
                basis.into_iter().map(|y| y.into_iter().map(|(i, x)| (block.states[i], x)).collect::<Entries>()),
            );
        }
        for row in mass.algebraic_equations() {
            if !left.iter().any(|y| y[..] == [(row, 1.0)]) {
                left.push(vec![(row, 1.0)]);
            }
        }
        let entries = mass.entries().iter().filter(|_| mass.is_diagonal());
        AlgebraicEquations {
            left,
            differential: entries.map(|(i, _, _)| *i).collect(),
            mends,
            // The equations have a pattern of their own.
            options: Options { linear_solver: LinearSolver::Automatic, ..options.clone() },
            newton: DampedNewton::default(),
        }
    }

    /// Whether states are computed to make them hold.
    pub fn mends(&self) -> bool {
        self.mends
    }

    /// Sees to it that the equations hold at $(t, u)$, as far as the tolerances can tell: computes the algebraic states if
    /// that was asked for.
    pub fn fulfil(&mut self, f: &mut dyn Implicit, t: f64, u: &mut [f64], cx: &mut Context) -> Result<(), Stop> {
        if self.left.is_empty() {
            return Ok(());
        }
        if let Some(component) = first_not_finite(u) {
            return Err(Stop { reason: StopReason::NotFiniteAtStart, t, h: 0.0, component });
        }
        let mut equations = Projected::new(f, &self.left, &self.options);
        let cx = &mut Context { options: &self.options, statistics: &mut *cx.statistics };
        self.newton.start(&equations, cx);
        let given = u.to_vec();
        let failed = if self.mends {
            let found = self.newton.solve(&mut equations, Shift::Balanced, t, u, LIMITS, cx);
            self.differential.iter().for_each(|i| u[*i] = given[*i]);
            found.err()
        } else {
            let holds = match self.newton.correct(&mut equations, Shift::Balanced, t, u, cx) {
                Ok(()) => {
                    let scale = |i: usize| self.options.atol.of(i) + self.options.rtol * u[i].abs();
                    self.newton.delta.iter().enumerate().all(|(i, d)| d.abs() <= scale(i))
                }
                // Of a higher index: by the residual alone.
                Err(Failure::Singular(_)) => equations.worst().is_none_or(|(_, _, scaled)| scaled <= 1.0),
                Err(Failure::NotFinite(component)) => {
                    return Err(Stop { reason: StopReason::NotFiniteAtStart, t, h: 0.0, component });
                }
                Err(Failure::Stuck) => false,
            };
            (!holds).then_some(Failure::Stuck)
        };
        let Some(failure) = failed else { return Ok(()) };
        let (component, residual, _) = equations.worst().unwrap_or_default();
        u.copy_from_slice(&given);
        let (reason, component) = match failure {
            Failure::NotFinite(component) => (StopReason::NotFiniteAtStart, component),
            Failure::Singular(component) => (StopReason::Singular, component),
            Failure::Stuck if self.mends => (StopReason::NotMended(residual), component),
            Failure::Stuck => (StopReason::Inconsistent(residual), component),
        };
        Err(Stop { reason, t, h: 0.0, component })
    }

    /// $\dot u$ where the equations hold: with their derivative along the solution,
    /// $N^\top (f_u \dot u + \partial f / \partial t) = 0$, the equations $M \dot u = f$ determine it.
    pub fn derivative(&mut self, f: &mut dyn Implicit, t: f64, u: &[f64], cx: &mut Context) -> Result<Vec<f64>, Stop> {
        let n = u.len();
        let (mut slope, mut f_t, mut right) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        f.try_eval(t, u, &mut slope);
        cx.statistics.rhs += 1;
        let stop = |reason, component| Err(Stop { reason, t, h: 0.0, component });
        if let Some(component) = first_not_finite(&slope) {
            return stop(StopReason::NotFiniteAtStart, component);
        }
        if !self.left.is_empty() && f.time_derivative(t, u, &slope, &mut f_t, cx.statistics) {
            project(&self.left, &f_t, &mut right, |_, _| {});
        }
        let mut equations = Projected::new(f, &self.left, &self.options);
        let cx = &mut Context { options: &self.options, statistics: &mut *cx.statistics };
        self.newton.start(&equations, cx);
        match self.newton.solve_with(&mut equations, Shift::Balanced, t, u, cx, |sigma| {
            right.iter().zip(&slope).map(|(r, f)| r + sigma * f).collect()
        }) {
            Ok(derivative) => Ok(derivative),
            Err(Failure::Singular(component)) => stop(StopReason::Singular, component),
            Err(_) => stop(StopReason::NotFiniteAtStart, 0),
        }
    }
}

/// Writes $N N^\top x$, and says what $N^\top x$ is.
fn project(left: &[Entries], x: &[f64], out: &mut [f64], mut visit: impl FnMut(usize, f64)) {
    out.fill(0.0);
    for (k, y) in left.iter().enumerate() {
        let product: f64 = y.iter().map(|(i, y)| y * x[*i]).sum();
        visit(k, product);
        y.iter().for_each(|(i, y)| out[*i] += y * product);
    }
}

/// $N N^\top f$ in place of $f$.
struct Projected<'p, 'f> {
    f: &'p mut (dyn Implicit + 'f),
    left: &'p [Entries],
    options: &'p Options,
    /// The equation that each row is, where each equation is a row.
    rows: Option<Vec<Option<usize>>>,
    /// $f$.
    full: Vec<f64>,
    /// Values of $f_u$ and a column of it, where they are not those of the projection.
    values: Vec<f64>,
    column: Vec<f64>,
    /// $N^\top f$, and as much of it as changes of the states within their tolerances make.
    off: Vec<f64>,
    scales: Vec<f64>,
}

impl<'p, 'f> Projected<'p, 'f> {
    fn new(f: &'p mut (dyn Implicit + 'f), left: &'p [Entries], options: &'p Options) -> Self {
        let n = f.dimension();
        let rows = left.iter().all(|y| y.len() == 1).then(|| {
            let mut rows = vec![None; n];
            left.iter().enumerate().for_each(|(k, y)| rows[y[0].0] = Some(k));
            rows
        });
        let (full, column, off, scales) = (vec![0.0; n], vec![0.0; n], vec![0.0; left.len()], vec![0.0; left.len()]);
        Projected { f, left, options, rows, full, values: Vec::new(), column, off, scales }
    }

    /// The state whose equation is off most in its scale, by how much, and the same in its scale.
    fn worst(&self) -> Option<(usize, f64, f64)> {
        let all = self.left.iter().zip(&self.off).zip(&self.scales).map(|((y, off), scale)| {
            let component = y.iter().find(|(_, y)| y.abs() == 1.0).map_or(0, |(i, _)| *i);
            (component, off.abs(), off.abs() / scale.max(f64::MIN_POSITIVE))
        });
        all.reduce(|worst, next| if next.2 > worst.2 || next.2.is_nan() { next } else { worst })
    }
}

impl Rhs for Projected<'_, '_> {
    fn eval(&mut self, _stage: usize, t: f64, u: &[f64], du: &mut [f64]) {
        self.try_eval(t, u, du);
    }

    fn try_eval(&mut self, t: f64, u: &[f64], du: &mut [f64]) {
        self.f.try_eval(t, u, &mut self.full);
        project(self.left, &self.full, du, |k, product| self.off[k] = product);
    }
}

impl Implicit for Projected<'_, '_> {
    fn dimension(&self) -> usize {
        self.f.dimension()
    }

    fn jacobian(&mut self, t: f64, u: &[f64], _f: &[f64], values: &mut [f64], statistics: &mut Statistics) {
        let n = u.len();
        if self.left.is_empty() {
            values.fill(0.0);
            return;
        }
        self.f.try_eval(t, u, &mut self.full);
        statistics.rhs += 1;
        self.scales.fill(0.0);
        let scale = |j: usize| self.options.atol.of(j) + self.options.rtol * u[j].abs();
        if let Some(rows) = &self.rows {
            self.f.jacobian(t, u, &self.full, values, statistics);
            let mut at = 0;
            for j in 0..n {
                let mut take = |i: usize| {
                    match rows[i] {
                        Some(k) => self.scales[k] += values[at].abs() * scale(j),
                        None => values[at] = 0.0,
                    }
                    at += 1;
                };
                match self.f.sparsity() {
                    None => (0..n).for_each(&mut take),
                    Some(sparsity) => sparsity.column(j).iter().for_each(|i| take(*i)),
                }
            }
            return;
        }
        self.values.resize(self.f.sparsity().map_or(n * n, |s| s.entry_count()), 0.0);
        self.f.jacobian(t, u, &self.full, &mut self.values, statistics);
        for j in 0..n {
            match self.f.sparsity() {
                None => self.column.copy_from_slice(&self.values[j * n..(j + 1) * n]),
                Some(sparsity) => {
                    self.column.fill(0.0);
                    let entries = &self.values[sparsity.starts()[j]..sparsity.starts()[j + 1]];
                    sparsity.column(j).iter().zip(entries).for_each(|(i, x)| self.column[*i] = *x);
                }
            }
            let out = &mut values[j * n..(j + 1) * n];
            project(self.left, &self.column, out, |k, product| self.scales[k] += product.abs() * scale(j));
        }
    }

    fn time_derivative(&mut self, t: f64, u: &[f64], f: &[f64], f_t: &mut [f64], statistics: &mut Statistics) -> bool {
        self.f.time_derivative(t, u, f, f_t, statistics)
    }

    fn sparsity(&self) -> Option<&Sparsity> {
        self.f.sparsity().filter(|_| self.rows.is_some())
    }

    fn mass(&self) -> Option<&MassMatrix> {
        self.f.mass()
    }
}
