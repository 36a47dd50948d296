//! The step of an explicit Runge–Kutta method.

use super::Tableau;
use crate::ode::control::{Controller, SAFETY, error_square, first_not_finite, worst_component};
use crate::ode::options::Method;
use crate::ode::saved::Saved;
use crate::ode::stepper::{Context, Rejection, Rhs, Step, Stepper};
use std::marker::PhantomData;

/// Memory and step control of an explicit Runge–Kutta method.
#[derive(Clone, Debug)]
pub(crate) struct ExplicitRk<T> {
    /// Stages, one after the other, `n` numbers each; then the extra stages of the dense output.
    pub k: Vec<f64>,
    stage: Vec<f64>,
    error: Vec<f64>,
    low: Vec<f64>,
    /// The square of the scaled error of the last attempt.
    square: f64,
    controller: Controller,
    stiffness: Stiffness,
    /// Whether the extra stages belong to the last attempt.
    prepared: bool,
    /// Whether somebody looks between the steps.
    dense: bool,
    /// How many times longer than the attempted step one could be for which the dense output is stable; infinite where that is
    /// not looked for.
    reach: f64,
    method: Method,
    tableau: PhantomData<T>,
}

/// Notes whether steps are as long as stability allows.
#[derive(Clone, Copy, Debug, Default)]
struct Stiffness {
    accepted: usize,
    stiff: usize,
    calm: usize,
}

/// Steps in a row at the border of stability before a problem looks stiff, and calm ones before it no longer does.
/// Hairer & Wanner II, IV.2.
pub(crate) const STIFF_STEPS: usize = 15;
pub(crate) const CALM_STEPS: usize = 6;
/// The part of the interval of stability from which on a step counts as being at its border.
pub(crate) const BORDER: f64 = 0.8;
/// Stiffness is looked for every so many steps, and at each step once there is a suspicion.
pub(crate) const LOOK_EVERY: usize = 16;

/// $y_i = u_i + h \sum_j a_j k_{ji}$ with the number of terms known to the compiler.
#[inline(always)]
fn combine_terms<const J: usize>(row: &[(usize, f64)], k: &[f64], h: f64, u: &[f64], y: &mut [f64]) {
    let n = u.len();
    let stages: [&[f64]; J] = std::array::from_fn(|j| &k[row[j].0 * n..][..n]);
    let scaled: [f64; J] = std::array::from_fn(|j| h * row[j].1);
    let y = &mut y[..n];
    for i in 0..n {
        let mut sum = u[i];
        for j in 0..J {
            sum += scaled[j] * stages[j][i];
        }
        y[i] = sum;
    }
}

/// The same with the number of states known, all of them in registers: for few states loops cost more than sums.
#[inline(always)]
fn combine_states<const N: usize>(row: &[(usize, f64)], k: &[f64], h: f64, u: &[f64], y: &mut [f64]) {
    let (Some(u), Some(y)) = (u.first_chunk::<N>(), y.first_chunk_mut::<N>()) else { return };
    let k = k.as_chunks::<N>().0;
    let mut sum = *u;
    for (j, a) in row {
        let (scaled, stage) = (h * a, &k[*j]);
        for i in 0..N {
            sum[i] += scaled * stage[i];
        }
    }
    *y = sum;
}

/// $y_i = u_i + h \sum_j a_j k_{ji}$.
#[inline(always)]
pub(crate) fn combine(row: &[(usize, f64)], k: &[f64], h: f64, u: &[f64], y: &mut [f64]) {
    match u.len() {
        1 => return combine_states::<1>(row, k, h, u, y),
        2 => return combine_states::<2>(row, k, h, u, y),
        3 => return combine_states::<3>(row, k, h, u, y),
        4 => return combine_states::<4>(row, k, h, u, y),
        _ => {}
    }
    match row.len() {
        0 => y.copy_from_slice(u),
        1 => combine_terms::<1>(row, k, h, u, y),
        2 => combine_terms::<2>(row, k, h, u, y),
        3 => combine_terms::<3>(row, k, h, u, y),
        4 => combine_terms::<4>(row, k, h, u, y),
        5 => combine_terms::<5>(row, k, h, u, y),
        6 => combine_terms::<6>(row, k, h, u, y),
        7 => combine_terms::<7>(row, k, h, u, y),
        8 => combine_terms::<8>(row, k, h, u, y),
        9 => combine_terms::<9>(row, k, h, u, y),
        _ => {
            combine_terms::<9>(&row[..9], k, h, u, y);
            add_weighted(&row[9..], k, h, y);
        }
    }
}

/// $y_i = h \sum_j a_j k_{ji}$.
#[inline(always)]
fn weighted(row: &[(usize, f64)], k: &[f64], h: f64, y: &mut [f64]) {
    match y.len() {
        1 => combine_states::<1>(row, k, h, &[0.0; 1], y),
        2 => combine_states::<2>(row, k, h, &[0.0; 2], y),
        3 => combine_states::<3>(row, k, h, &[0.0; 3], y),
        4 => combine_states::<4>(row, k, h, &[0.0; 4], y),
        _ => {
            y.fill(0.0);
            add_weighted(row, k, h, y);
        }
    }
}

/// $y_i \mathrel{+}= h \sum_j a_j k_{ji}$.
#[inline(always)]
fn add_weighted(row: &[(usize, f64)], k: &[f64], h: f64, y: &mut [f64]) {
    let n = y.len();
    for (j, a) in row {
        let scaled = h * a;
        for (y, k) in y.iter_mut().zip(&k[j * n..][..n]) {
            *y += scaled * k;
        }
    }
}

impl<T: Tableau> ExplicitRk<T> {
    pub fn new(method: Method) -> Self {
        ExplicitRk {
            k: Vec::new(),
            stage: Vec::new(),
            error: Vec::new(),
            low: Vec::new(),
            square: 0.0,
            controller: Controller::default(),
            stiffness: Stiffness::default(),
            prepared: false,
            dense: false,
            reach: f64::INFINITY,
            method,
            tableau: PhantomData,
        }
    }

    /// Room for `n` states, and a controller that knows no step.
    #[inline(always)]
    fn make_room(&mut self, n: usize, cx: &Context) {
        self.k.resize((Self::NEXT + 1).max(T::STAGES + T::EXTRA) * n, 0.0);
        for v in [&mut self.stage, &mut self.error, &mut self.low] {
            v.resize(n, 0.0);
        }
        self.controller = Controller::new(cx.options.controller.unwrap_or_default(), T::ERROR_ORDER);
    }

    /// The argument of stage `s` of `N` states, with the coefficients in place where a method has few stages: there the loop
    /// over a row costs more than its sum.
    #[inline(always)]
    fn argument_of<const N: usize>(s: usize, k: &[f64], h: f64, u: &[f64], y: &mut [f64]) {
        // Known to the compiler, so that no index is checked.
        let Some(stages) = k.get(..T::STAGES * N) else { return };
        match s {
            1 if T::STAGES > 1 && T::STAGES <= 7 => combine_states::<N>(T::A[1], stages, h, u, y),
            2 if T::STAGES > 2 && T::STAGES <= 7 => combine_states::<N>(T::A[2], stages, h, u, y),
            3 if T::STAGES > 3 && T::STAGES <= 7 => combine_states::<N>(T::A[3], stages, h, u, y),
            4 if T::STAGES > 4 && T::STAGES <= 7 => combine_states::<N>(T::A[4], stages, h, u, y),
            5 if T::STAGES > 5 && T::STAGES <= 7 => combine_states::<N>(T::A[5], stages, h, u, y),
            6 if T::STAGES > 6 && T::STAGES <= 7 => combine_states::<N>(T::A[6], stages, h, u, y),
            _ => combine_states::<N>(T::A[s], k, h, u, y),
        }
    }

    /// Where the derivative at the end of the step stands: the last stage, or a row after all stages.
    const NEXT: usize = if T::FIRST_SAME_AS_LAST { T::STAGES - 1 } else { T::STAGES + T::EXTRA };

    /// Stages to evaluate before the error is known.
    const TESTED: usize = {
        let (mut used, rows) = (false, [T::E, T::E_LOW]);
        let mut r = 0;
        while r < rows.len() {
            let mut i = 0;
            while i < rows[r].len() {
                used |= rows[r][i].0 == Self::NEXT;
                i += 1;
            }
            r += 1;
        }
        if T::FIRST_SAME_AS_LAST && !used { T::STAGES - 1 } else { T::STAGES }
    };

    /// The square of the scaled error of the attempt; NaN when it is not finite.
    #[inline(always)]
    fn scaled_error(&mut self, h: f64, u: &[f64], u_new: &[f64], cx: &Context) -> f64 {
        weighted(T::E, &self.k, h, &mut self.error);
        let square = error_square(cx.options, &self.error, u, u_new);
        let factor = T::ERROR_FACTOR * T::ERROR_FACTOR;
        if T::E_LOW.is_empty() {
            return factor * square;
        }
        // Hairer, Nørsett, Wanner I, eq. (II.10.17): err₅² / √(err₅² + 0.01 err₃²).
        weighted(T::E_LOW, &self.k, h, &mut self.low);
        let both = square + 0.01 * error_square(cx.options, &self.low, u, u_new);
        factor * if both > 0.0 { square * (square / both) } else { both }
    }

    /// The stage whose argument is left in `stage` after an attempt.
    const LAST_ARGUMENT: usize = if Self::NEXT < Self::TESTED { Self::TESTED - 2 } else { Self::TESTED - 1 };

    /// The last stage at the time of the new state, $t + h$; none: 0.
    const PARTNER: usize = {
        let mut s = if T::FIRST_SAME_AS_LAST { T::STAGES - 1 } else { T::STAGES };
        loop {
            s -= 1;
            if s == 0 || T::C[s] == 1.0 {
                break s;
            }
        }
    };

    /// The square of the product of step and the Jacobian's norm from a stage to the new state, which share the time
    /// $t + h$: $h \Vert f(u_+) - k_s \Vert / \Vert u_+ - U_s \Vert$. Hairer & Wanner II, IV.2. The argument $U_s$ of the
    /// stage is in `stage`, its value $k_s$ in `a`.
    ///
    /// In the scale of the error control: what is stiff may be a trace among large states. And below the rounding of the
    /// states the quotient means nothing, and is zero here.
    #[inline(always)]
    fn steepness(&self, a: &[f64], h: f64, u_new: &[f64], cx: &Context) -> f64 {
        let b = &self.k[Self::NEXT * u_new.len()..];
        let options = cx.options;
        let (mut num, mut den, mut size) = (0.0, 0.0, 0.0);
        for (i, u) in u_new.iter().enumerate() {
            let weight = 1.0 / (options.atol.of(i) + options.rtol * u.abs());
            num += ((b[i] - a[i]) * weight).powi(2);
            den += ((u - self.stage[i]) * weight).powi(2);
            size += (1e-14 * u * weight).powi(2);
        }
        if den > size { h * h * num / den } else { 0.0 }
    }

    /// The same for the stage that shares the time, of which only the last one's argument is still at hand.
    #[inline(always)]
    fn steepness_at_partner(&mut self, h: f64, u: &[f64], u_new: &[f64], cx: &Context) -> f64 {
        if Self::PARTNER != Self::LAST_ARGUMENT {
            combine(T::A[Self::PARTNER], &self.k, h, u, &mut self.stage);
        }
        let n = u.len();
        self.steepness(&self.k[Self::PARTNER * n..][..n], h, u_new, cx)
    }

    /// Notes whether the step is as long as stability allows. Where no stage has the time of the new state, the solution that
    /// the error estimate compares with takes its place, at the cost of an evaluation.
    #[inline(always)]
    fn look_for_stiffness<F: Rhs + ?Sized>(&mut self, f: &mut F, step: &Step, cx: &mut Context) {
        if T::ERROR_ORDER == 0 {
            return;
        }
        self.stiffness.accepted += 1;
        if self.stiffness.stiff == 0 && !self.stiffness.accepted.is_multiple_of(LOOK_EVERY) {
            return;
        }
        let steepness = if Self::PARTNER == 0 {
            for ((y, u), e) in self.stage.iter_mut().zip(step.u_new).zip(&self.error) {
                *y = u - e;
            }
            f.try_eval(step.t_new, &self.stage, &mut self.low);
            cx.statistics.rhs += 1;
            self.steepness(&self.low, step.h, step.u_new, cx)
        } else {
            self.steepness_at_partner(step.h, step.u, step.u_new, cx)
        };
        let interval = if self.dense { T::STABILITY.min(T::DENSE_STABILITY) } else { T::STABILITY };
        let s = &mut self.stiffness;
        if steepness > (interval * BORDER).powi(2) {
            s.stiff += 1;
            s.calm = 0;
        } else if s.stiff > 0 {
            s.calm += 1;
            if s.calm >= CALM_STEPS {
                s.stiff = 0;
                s.calm = 0;
            }
        }
    }

    /// Rejects a step for which the dense output is not stable, where it is to be used and may be less stable than the method.
    #[inline(always)]
    fn look_at_dense_stability(&mut self, h: f64, u: &[f64], u_new: &[f64], cx: &Context) -> Result<(), Rejection> {
        if T::DENSE_STABILITY == f64::INFINITY || !self.dense || cx.options.fixed_step.is_some() {
            return Ok(());
        }
        self.reach = T::DENSE_STABILITY / self.steepness_at_partner(h, u, u_new, cx).sqrt();
        if self.reach < 1.0 { Err(Rejection::Error) } else { Ok(()) }
    }

    /// A factor for the next step's size, held to what the dense output is stable for.
    #[inline(always)]
    fn within_reach(&self, factor: f64) -> f64 {
        if T::DENSE_STABILITY == f64::INFINITY { factor } else { factor.min(SAFETY * self.reach) }
    }
}

impl<T: Tableau, F: Rhs + ?Sized> Stepper<F> for ExplicitRk<T> {
    fn order(&self) -> usize {
        T::ORDER
    }

    #[inline(always)]
    fn start(&mut self, f: &mut F, t: f64, u: &[f64], cx: &mut Context) -> Result<(), usize> {
        let n = u.len();
        self.make_room(n, cx);
        self.stiffness = Stiffness::default();
        self.prepared = false;
        f.eval(0, t, u, &mut self.k[..n]);
        cx.statistics.rhs += 1;
        match first_not_finite(&self.k[..n]) {
            Some(component) => Err(component),
            None => Ok(()),
        }
    }

    #[inline(always)]
    fn slope(&self) -> &[f64] {
        &self.k[..self.stage.len()]
    }

    #[inline(always)]
    fn attempt(
        &mut self,
        f: &mut F,
        t: f64,
        h: f64,
        u: &[f64],
        u_new: &mut [f64],
        cx: &mut Context,
    ) -> Result<(), Rejection> {
        let n = u.len();
        let (k, stage) = (&mut self.k[..], &mut self.stage[..n]);
        self.prepared = false;
        if T::DENSE_STABILITY < f64::INFINITY {
            self.reach = f64::INFINITY;
        }
        for s in 1..Self::TESTED {
            let y: &mut [f64] = if s == Self::NEXT { &mut *u_new } else { &mut *stage };
            match n {
                1 => Self::argument_of::<1>(s, k, h, u, y),
                2 => Self::argument_of::<2>(s, k, h, u, y),
                3 => Self::argument_of::<3>(s, k, h, u, y),
                4 => Self::argument_of::<4>(s, k, h, u, y),
                _ => combine(T::A[s], k, h, u, y),
            }
            f.eval(s, t + T::C[s] * h, y, &mut k[s * n..(s + 1) * n]);
        }
        cx.statistics.rhs += Self::TESTED - 1;
        if Self::TESTED <= Self::NEXT {
            combine(T::B, k, h, u, u_new);
        }
        self.square = if cx.options.fixed_step.is_some() { 0.0 } else { self.scaled_error(h, u, u_new, cx) };
        if self.square > 1.0 {
            return Err(Rejection::Error);
        }
        if self.square.is_nan() {
            return Err(Rejection::NotFinite(worst_component(cx.options, &self.error, u, u_new)));
        }
        if Self::TESTED <= Self::NEXT {
            f.eval(Self::NEXT, t + h, u_new, &mut self.k[Self::NEXT * n..][..n]);
            cx.statistics.rhs += 1;
        }
        // An error estimate without the last stage in it does not see that the derivative is not finite there.
        match first_not_finite(&self.k[Self::NEXT * n..][..n]) {
            Some(component) => Err(Rejection::NotFinite(component)),
            None => self.look_at_dense_stability(h, u, u_new, cx),
        }
    }

    #[inline(always)]
    fn accept(&mut self, f: &mut F, step: &Step, cx: &mut Context) -> f64 {
        let n = step.u.len();
        self.look_for_stiffness(f, step, cx);
        self.k.copy_within(Self::NEXT * n..(Self::NEXT + 1) * n, 0);
        let factor = self.controller.accepted(self.square, step.h.abs());
        step.h.abs() * self.within_reach(factor)
    }

    fn reject(&mut self, why: Rejection, h: f64, _cx: &mut Context) -> f64 {
        h * match why {
            Rejection::Error => {
                let factor = self.controller.rejected(self.square);
                self.within_reach(factor)
            }
            _ => self.controller.not_here(),
        }
    }

    fn keep_dense(&mut self, dense: bool) {
        self.dense = dense;
    }

    fn error(&self) -> &[f64] {
        &self.error
    }

    fn looks_stiff(&self) -> bool {
        self.stiffness.stiff >= STIFF_STEPS
    }

    fn prepare(&mut self, f: &mut F, step: &Step, cx: &mut Context) {
        if T::EXTRA == 0 || self.prepared {
            return;
        }
        let n = step.u.len();
        for s in T::STAGES..T::STAGES + T::EXTRA {
            combine(T::A[s], &self.k, step.h, step.u, &mut self.low);
            f.eval(s, step.t + T::C[s] * step.h, &self.low, &mut self.k[s * n..(s + 1) * n]);
        }
        cx.statistics.rhs += T::EXTRA;
        self.prepared = true;
    }

    #[inline(always)]
    fn interpolate(&self, step: &Step, theta: f64, out: &mut [f64]) {
        if theta == 1.0 {
            out.copy_from_slice(step.u_new);
            return;
        }
        let n = step.u.len();
        out.copy_from_slice(step.u);
        for (j, r) in T::DENSE {
            let weight = step.h * power_sum(r, theta);
            for (y, k) in out.iter_mut().zip(&self.k[j * n..][..n]) {
                *y += weight * k;
            }
        }
    }

    fn polynomial(&self, step: &Step, rows: &mut Vec<f64>) {
        let n = step.u.len();
        for m in 0..T::DENSE_DEGREE {
            let weight = |r: &[f64]| step.h * r.get(m).copied().unwrap_or(0.0);
            rows.extend((0..n).map(|i| T::DENSE.iter().map(|(j, r)| weight(r) * self.k[j * n + i]).sum::<f64>()));
        }
    }

    fn save(&self, out: &mut Vec<f64>) {
        out.extend_from_slice(&self.k[..self.stage.len()]);
        self.controller.save(out);
        let Stiffness { accepted, stiff, calm } = self.stiffness;
        out.extend([accepted, stiff, calm].map(|count| count as f64));
    }

    fn restore(&mut self, _f: &F, n: usize, from: &mut Saved, cx: &Context) {
        self.make_room(n, cx);
        from.fill(&mut self.k[..n]);
        self.controller.restore(from);
        self.stiffness = Stiffness { accepted: from.count(), stiff: from.count(), calm: from.count() };
        self.prepared = false;
    }

    fn method(&self) -> Method {
        self.method
    }
}

/// The derivative of [`power_sum`].
#[inline(always)]
pub(crate) fn power_sum_derivative(r: &[f64], theta: f64) -> f64 {
    r.iter().enumerate().rev().fold(0.0, |sum, (m, r)| sum * theta + (m + 1) as f64 * r)
}

/// $\sum_m r_m \theta^m$, $m = 1, 2, \dots$
#[inline(always)]
pub(crate) fn power_sum(r: &[f64], theta: f64) -> f64 {
    r.iter().rev().fold(0.0, |sum, r| sum * theta + r) * theta
}
