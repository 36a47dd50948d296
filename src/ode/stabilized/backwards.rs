//! The steps of the stabilised methods, backwards.
//!
//! Within a step everything is a sum of states and slopes that were there before, with coefficients that depend on the
//! number of stages alone, and slopes $F_j = f(U_j)$. The cotangents go the other way through the same coefficients, and from
//! $\bar F_j$ to $\bar U_j \mathrel{+}= f_u^\top \bar F_j$.

use super::rkc2::{HERMITE, Recurrence, Stage};
use super::rock4::{P, composition};
use super::stepper::{Attempt, Memory, Recurrent};
use super::{Rkc2, Rock4};
use crate::ode::explicit::power_sum;

/// Products with the transposed Jacobians of a step's evaluations.
pub(crate) trait Products {
    /// Adds $f_u^\top \bar F$ to `u_bar`, with the Jacobian where this stage was evaluated.
    fn add(&mut self, stage: usize, slope_bar: &[f64], u_bar: &mut [f64]);
}

/// Cotangents of what a step begins with, leads to, and works with.
#[derive(Default)]
pub(crate) struct Cotangents {
    /// Of $u$.
    pub start: Vec<f64>,
    /// Of $u_{+}$; on the way back, of the states before it.
    pub end: Vec<f64>,
    /// Of $f(t, u)$ and $f(t + h, u_{+})$.
    slope: Vec<f64>,
    slope_new: Vec<f64>,
    /// Whether anything was read between the ends, so that the latter has a cotangent.
    looked: bool,
    /// The method's own.
    vectors: [Vec<f64>; 6],
    recurrence: Vec<Stage>,
}

impl Cotangents {
    /// Those of a step of which only `end` is known yet.
    pub fn begin(&mut self, end: &[f64]) {
        self.end.clear();
        self.end.extend_from_slice(end);
        for v in [&mut self.start, &mut self.slope, &mut self.slope_new].into_iter().chain(&mut self.vectors) {
            v.clear();
            v.resize(end.len(), 0.0);
        }
        self.looked = false;
    }
}

/// A method that is gone back through.
pub(crate) trait Backwards: Recurrent {
    /// Takes in the cotangent of a state read at $\theta$, with the weights that [`prepare`](Recurrent::prepare) made.
    fn look(h: f64, theta: f64, bar: &[f64], memory: &Memory, bars: &mut Cotangents);

    /// The transposed of [`advance`](Recurrent::advance) up to the slopes at both ends.
    fn retreat<B: Products>(f: &mut B, step: &Attempt, bars: &mut Cotangents);

    /// Goes back through a step.
    fn back<B: Products>(f: &mut B, step: &Attempt, bars: &mut Cotangents) {
        if bars.looked {
            f.add(step.stages, &bars.slope_new, &mut bars.end);
        }
        Self::retreat(f, step, bars);
        f.add(0, &bars.slope, &mut bars.start);
    }
}

impl Backwards for Rkc2 {
    fn look(h: f64, theta: f64, bar: &[f64], _memory: &Memory, bars: &mut Cotangents) {
        let [change, start, end] = HERMITE.map(|powers| power_sum(&powers, theta));
        add(change, bar, &mut bars.end);
        add(1.0 - change, bar, &mut bars.start);
        add(h * start, bar, &mut bars.slope);
        add(h * end, bar, &mut bars.slope_new);
        bars.looked = true;
    }

    fn retreat<B: Products>(f: &mut B, step: &Attempt, bars: &mut Cotangents) {
        let h = step.h;
        let Cotangents { start, end, slope, vectors, recurrence, .. } = bars;
        let [last, before, k, stage_bar, ..] = vectors;
        let stages = Recurrence::new(step.stages);
        let first = h * stages.first();
        recurrence.clear();
        recurrence.extend(stages);
        // `last` belongs to D_j, `before` to D_{j-1}; U_j = u + D_j.
        last.copy_from_slice(end);
        before.fill(0.0);
        add(1.0, end, start);
        for (j, stage) in recurrence.iter().enumerate().rev() {
            k.fill(0.0);
            add(h * stage.mu_tilde, last, k);
            add(h * stage.gamma_tilde, last, slope);
            stage_bar.fill(0.0);
            f.add(j + 1, k, stage_bar);
            add(1.0, stage_bar, start);
            add(1.0, stage_bar, before);
            add(stage.mu, last, before);
            last.iter_mut().for_each(|x| *x *= stage.nu);
            std::mem::swap(before, last);
        }
        add(first, last, slope);
    }
}

impl Backwards for Rock4 {
    fn look(h: f64, theta: f64, bar: &[f64], memory: &Memory, bars: &mut Cotangents) {
        let change = power_sum(&P, theta);
        add(change, bar, &mut bars.end);
        add(1.0 - change, bar, &mut bars.start);
        for (i, k) in bars.vectors[..4].iter_mut().enumerate() {
            add(h * power_sum(&memory.dense.map(|d| d[i]), theta), bar, k);
        }
    }

    fn retreat<B: Products>(f: &mut B, step: &Attempt, bars: &mut Cotangents) {
        let h = step.h;
        let Cotangents { start, end, slope, vectors, .. } = bars;
        let [k1, k2, k3, k4, delta, stage_bar] = vectors;
        let (recurrence, finish) = composition(step.stages);
        let mut k = [k1, k2, k3, k4];
        for (k, b) in k.iter_mut().zip(finish.b) {
            add(h * b, end, k);
        }
        let [a21, a31, a32, a41, a42, a43] = finish.a;
        for (i, row) in [&[][..], &[a21], &[a31, a32], &[a41, a42, a43]].into_iter().enumerate().rev() {
            let (before, own) = k.split_at_mut(i);
            stage_bar.fill(0.0);
            f.add(step.stages - 4 + i, own[0], stage_bar);
            add(1.0, stage_bar, end);
            for (k, a) in before.iter_mut().zip(row) {
                add(h * a, stage_bar, k);
            }
        }
        let [k, ..] = k;
        delta.fill(0.0);
        for (j, pair) in recurrence[1..].chunks_exact(2).enumerate().rev() {
            add(1.0, end, delta);
            k.fill(0.0);
            add(h * pair[0], delta, k);
            f.add(j + 1, k, end);
            delta.iter_mut().for_each(|x| *x *= pair[1]);
        }
        add(1.0, end, delta);
        add(h * recurrence[0], delta, slope);
        add(1.0, end, start);
    }
}

/// `y += a x`.
fn add(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}
