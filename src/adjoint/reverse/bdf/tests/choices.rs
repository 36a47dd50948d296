//! The choices of a solve, and the same choices made again.

use super::super::Bdf;
use crate::adjoint::reverse::{Bars, Made, Read, Reverse};
use crate::model::{Differentiable, System};
use crate::ode::implicit::INITIAL_SHIFT;
use crate::ode::implicit::bdf::{ALPHA, Change, Changed, GAMMA, rescaling};
use crate::ode::{
    Action, Context, Implicit, Kept, Observer, Options, Plain, SaveTimes, Span, Statistics, Step, Stepper, Stop,
    Workspace, integrate,
};
use nalgebra::{DMatrix, DVector};

/// What was chosen in a step.
pub struct Choice {
    pub t: f64,
    pub h: f64,
    pub order: usize,
    pub changes: Vec<Change>,
    pub reads: Vec<f64>,
}

/// The choices of a solve.
struct Choices<'r, 'f> {
    plain: &'r mut (dyn Implicit + 'f),
    times: SaveTimes<'r>,
    steps: Vec<Choice>,
}

impl<'f, M: Stepper<dyn Implicit + 'f> + ?Sized> Observer<M> for Choices<'_, 'f> {
    type F = dyn Implicit + 'f;

    fn rhs(&mut self) -> &mut (dyn Implicit + 'f) {
        self.plain
    }

    fn accepted(&mut self, method: &mut M, step: &Step, kept: &Kept, _cx: &mut Context) {
        let mut numbers = Vec::new();
        method.keep_stages(&mut numbers);
        let made = Changed::of(&numbers, step.u.len());
        assert_eq!(made.u_new, step.u_new);
        let mut reads = Vec::new();
        while let Some(t) = self.times.pass(step, kept.t) {
            reads.push(step.theta(t));
        }
        let changes = made.changes().collect();
        self.steps.push(Choice { t: step.t, h: step.h, order: made.order, changes, reads });
    }

    fn act(&mut self, _t: f64, _u: &mut [f64], _cx: &mut Context) -> Result<Action, Stop> {
        Ok(Action::GoOn)
    }
}

pub fn choices(
    system: &dyn Differentiable,
    options: &Options,
    u: &[f64],
    p: &[f64],
    times: &[f64],
) -> (Vec<Choice>, Statistics) {
    let span = Span { start: 0.0, end: times[times.len() - 1] };
    let mut statistics = Statistics::default();
    let plain: &dyn System = system;
    let mut plain = Plain::new(plain, p, options, span);
    let times = SaveTimes::new(times, 0.0, |_| ());
    let mut observer = Choices { plain: &mut plain, times, steps: Vec::new() };
    let (mut method, mut work, mut u) = (options.method.stepper(), Workspace::default(), u.to_vec());
    integrate(&mut *method, &mut observer, options, span, &mut u, &mut work, &mut statistics).unwrap();
    (observer.steps, statistics)
}

/// What the same choices lead to.
pub struct Replayed {
    /// The states that are read.
    pub states: Vec<f64>,
    /// State at the start of each step, and the step as the stepper keeps it.
    pub made: Vec<(Vec<f64>, Vec<f64>)>,
}

/// What is read when the same choices are made from another start and with other parameters, with
/// equations solved to the last bits.
pub fn replay(system: &dyn Differentiable, steps: &[Choice], u: &[f64], p: &[f64], times: &[f64]) -> Replayed {
    let n = u.len();
    let mut mass = DMatrix::identity(n, n);
    if let Some(m) = system.mass_matrix() {
        mass.fill(0.0);
        m.entries().iter().for_each(|(i, j, x)| mass[(*i, *j)] += x);
    }
    let f = |t: f64, u: &DVector<f64>| {
        let mut out = DVector::zeros(n);
        system.eval(t, u.as_slice(), p, out.as_mut_slice());
        out
    };
    let jacobian = |t: f64, u: &DVector<f64>| {
        let mut values = vec![0.0; n * n];
        assert!(system.state_jacobian(
            t,
            u.as_slice(),
            p,
            &mut values[..system.sparsity().map_or(n * n, |s| s.entry_count())]
        ));
        let Some(sparsity) = system.sparsity() else { return DMatrix::from_vec(n, n, values) };
        let (mut dense, mut values) = (DMatrix::zeros(n, n), values.iter());
        for (j, rows) in sparsity.columns().enumerate() {
            rows.iter().zip(&mut values).for_each(|(i, x)| dense[(*i, j)] = *x);
        }
        dense
    };
    let mut states: Vec<f64> = times.iter().take_while(|t| **t == 0.0).flat_map(|_| u.to_vec()).collect();
    let mut made = Vec::new();
    let mut d = vec![DVector::zeros(n); 8];
    d[0].copy_from_slice(u);
    for step in steps {
        let (start, mut initial) = (d[0].as_slice().to_vec(), Vec::new());
        for change in &step.changes {
            if change.begins() {
                let mut slope = f(step.t, &d[0]);
                if system.mass_matrix().is_some() {
                    let j = jacobian(step.t, &d[0]);
                    let rows = j.row_iter().map(|r| r.abs().sum()).fold(0.0, f64::max);
                    let columns = j.column_iter().map(|c| c.abs().sum()).fold(0.0, f64::max);
                    let sigma = INITIAL_SHIFT * f64::min(rows, columns);
                    slope = (&mass * sigma - j).lu().solve(&slope).unwrap() * sigma;
                }
                initial.extend_from_slice(slope.as_slice());
                d[1] = slope * change.ratio;
            } else {
                let r = rescaling(change.degree, change.ratio);
                let moved: Vec<DVector<f64>> = (0..=change.order)
                    .map(|j| (0..=change.degree).fold(DVector::zeros(n), |sum, m| sum + &d[m] * r[j][m]))
                    .collect();
                d[..=change.order].clone_from_slice(&moved);
            }
        }
        let (k, t_new, sigma) = (step.order, step.t + step.h, ALPHA[step.order] / step.h);
        let predicted = (0..=k).rev().fold(DVector::zeros(n), |sum, m| sum + &d[m]);
        let known = (0..=k).rev().fold(DVector::zeros(n), |sum, m| sum + &d[m] * (GAMMA[m] / step.h));
        let mut correction = DVector::zeros(n);
        for _ in 0..10 {
            let u = &predicted + &correction;
            let residual = f(t_new, &u) - &mass * (&correction * sigma + &known);
            let update = (&mass * sigma - jacobian(t_new, &u)).lu().solve(&residual).unwrap();
            correction += &update;
            // The next would be the square of it.
            if update.norm() <= 1e-11 * u.norm() {
                break;
            }
        }
        d[k + 1] = correction;
        for m in (0..=k).rev() {
            d[m] = &d[m] + &d[m + 1];
        }
        let mut kept = d[0].as_slice().to_vec();
        kept.extend([k as f64, step.changes.len() as f64]);
        kept.extend(step.changes.iter().flat_map(Change::numbers));
        kept.append(&mut initial);
        made.push((start, kept));
        for theta in &step.reads {
            let (mut basis, mut u) = (1.0, DVector::zeros(n));
            for (m, d) in d.iter().enumerate().take(k + 1) {
                u += d * basis;
                basis *= (theta - 1.0 + m as f64) / (m + 1) as f64;
            }
            states.extend_from_slice(u.as_slice());
        }
    }
    Replayed { states, made }
}

/// What the choices were: steps by order, steps by number of changes before them, attempts that failed.
pub fn tally(steps: &[Choice], statistics: &Statistics) -> ([usize; 6], [usize; 6], usize) {
    let (mut orders, mut changes) = ([0; 6], [0; 6]);
    for step in steps {
        orders[step.order] += 1;
        changes[step.changes.len().min(5)] += 1;
    }
    (orders, changes, statistics.rejected_by_error + statistics.rejected_by_newton)
}

/// The gradient of a loss of what is read of given steps, of the parameters and of the start.
pub fn swept(
    system: &dyn Differentiable,
    steps: &[Choice],
    replayed: &Replayed,
    p: &[f64],
    seeds: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let n = system.dimension();
    let mut method = Bdf::of(system);
    let mut bars = Bars { u: vec![0.0; n], p: vec![0.0; p.len()], ..Bars::default() };
    let mut unread = seeds;
    for (step, (start, kept)) in steps.iter().zip(&replayed.made).rev() {
        let (before, own) = unread.split_at(unread.len() - step.reads.len() * n);
        let reads = step.reads.iter().zip(own.chunks_exact(n));
        let reads: Vec<Read> = reads.map(|(theta, bar)| Read { theta: *theta, bar }).collect();
        let begins = step.changes.iter().any(Change::begins);
        let made = Made { t: step.t, h: step.h, u: start, stages: kept, begins };
        method.step(system, p, &made, &reads, &mut bars).unwrap();
        unread = before;
    }
    for seed in unread.chunks_exact(n) {
        bars.u.iter_mut().zip(seed).for_each(|(u, s)| *u += s);
    }
    (bars.p, bars.u)
}
