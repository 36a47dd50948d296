//! Second derivatives of a bound model: recording and its products, differentiated along a direction.
//!
//! Everything is as in [`Bound`]'s first derivatives over numbers that carry, outermost, one more tangent: that along the
//! direction $(\dot t, \dot u, \dot p)$. The lanes within are those of a plain record, so the value of each number is what a
//! plain record computes. An output of a block moves along the direction and begins a lane of its own all the same.
//!
//! Source: A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, section 5.1.

use super::Bound;
use super::layout::{FEW_LANES, LANES, Layout, unit_tangent};
use super::state_jacobian::Over;
use crate::model::Model;
use crate::model::params::{Call, Caller, Params};
use crate::number::{Along, AlongMut, Dual, Zeros, part};
use std::cell::{Cell, RefCell};

#[cfg(test)]
pub(super) mod tests;

/// A number with `N` lanes, and its derivative along the direction.
// With the direction outermost, lanes lie side by side and are stored as they are.
pub(super) type Moving<const N: usize> = Dual<1, Dual<N>>;

/// A number that moves with `dot` and is the variable of a lane. A lane past the last is none.
#[inline(always)]
pub(super) fn moving<const N: usize>(value: f64, lane: usize, dot: f64) -> Moving<N> {
    Dual { value: Dual { value, tangent: unit_tangent(lane) }, tangent: [Dual::constant(dot)] }
}

const NO_LANE: usize = usize::MAX;

impl<M: Model> Bound<'_, M> {
    pub(super) fn evaluate_record_along(
        &self,
        t: (f64, f64),
        u: Along<'_>,
        p: Along<'_>,
        du: AlongMut<'_>,
        tape: AlongMut<'_>,
    ) {
        if self.layout.stride == FEW_LANES {
            let rhs: &Over<'_, Moving<FEW_LANES>> = &|t, u, p, du| self.model.rhs(t, u, p, du);
            record(&self.layout, rhs, t, u, p, du, tape);
        } else if let Some(coloured) = self.coloured() {
            let wide: &Over<'_, Moving<LANES>> = &|t, u, p, du| self.model.rhs(t, u, p, du);
            let narrow: &Over<'_, Moving<FEW_LANES>> = &|t, u, p, du| self.model.rhs(t, u, p, du);
            coloured.record_along(&self.layout, wide, narrow, (t, u, p), du, tape);
        } else {
            let rhs: &Over<'_, Moving<LANES>> = &|t, u, p, du| self.model.rhs(t, u, p, du);
            record(&self.layout, rhs, t, u, p, du, tape);
        }
    }
}

/// One recorded evaluation in passes of `N` lanes.
pub(super) fn record<const N: usize>(
    layout: &Layout<'_>,
    rhs: &Over<'_, Moving<N>>,
    t: (f64, f64),
    u: Along<'_>,
    p: Along<'_>,
    du: AlongMut<'_>,
    tape: AlongMut<'_>,
) {
    let (n, q, stride) = (layout.states.len(), layout.parameters.len(), layout.stride);
    let mut room = Zeros::<Moving<N>>::new(2 * n + q);
    let (u_moving, room) = room.split_at_mut(n);
    let (p_moving, du_moving) = room.split_at_mut(q);
    // A parameter that is held does not move either.
    for (moves, p) in p_moving.iter_mut().zip(p.0) {
        *moves = moving(*p, NO_LANE, 0.0);
    }
    let mut first = 0;
    while first < stride {
        // A lane before this pass wraps around and is no lane of it.
        for (i, (moves, value)) in u_moving.iter_mut().zip(u.0).enumerate() {
            *moves = moving(*value, i.wrapping_sub(first), u.1.get(i).copied().unwrap_or(0.0));
        }
        for (k, j) in layout.free.iter().enumerate() {
            p_moving[*j] = moving(p.0[*j], (n + k).wrapping_sub(first), p.1.get(*j).copied().unwrap_or(0.0));
        }
        {
            let tape = RefCell::new((&mut *tape.0, &mut *tape.1));
            let recorder = Recorder { layout, p, first, next: Cell::new(0), tape };
            rhs(moving(t.0, NO_LANE, t.1), u_moving, &Params::new(p_moving, &recorder), du_moving);
        }
        for (i, Dual { value: d, tangent: [dot] }) in du_moving.iter().enumerate() {
            (du.0[i], du.1[i]) = (d.value, dot.value);
            let lanes = i * stride + first..i * stride + first + N;
            tape.0[lanes.clone()].copy_from_slice(&d.tangent);
            tape.1[lanes].copy_from_slice(&dot.tangent);
        }
        first += N;
    }
}

/// Records calls as they move: activations, input tangents, and a fresh lane for each output.
struct Recorder<'b, 'a> {
    layout: &'b Layout<'a>,
    p: Along<'b>,
    /// First lane of this pass.
    first: usize,
    next: Cell<usize>,
    tape: RefCell<AlongMut<'b>>,
}

impl<const N: usize> Caller<Moving<N>> for Recorder<'_, '_> {
    fn call(&self, address: usize, x: &[Moving<N>], y: &mut [Moving<N>]) -> Call<'_> {
        let index = self.next.replace(self.next.get() + 1);
        let Some(call) = self.layout.calls.get(index) else { return Call::Unknown };
        let unknown = &self.layout.unknowns[call.unknown];
        if unknown.address != address {
            return Call::Unknown;
        }
        let mut tapes = self.tape.borrow_mut();
        let (tape, tape_dot) = &mut *tapes;
        let mut room = Zeros::<f64>::new(2 * x.len());
        let (values, values_dot) = room.split_at_mut(x.len());
        for (i, x) in x.iter().enumerate() {
            let Dual { value: scaled, tangent: [dot] } = unknown.scaling.input(i, *x);
            (values[i], values_dot[i]) = (scaled.value, dot.value);
            let at = call.tangents + i * self.layout.stride + self.first;
            tape[at..at + N].copy_from_slice(&scaled.tangent);
            tape_dot[at..at + N].copy_from_slice(&dot.tangent);
        }
        if self.first == 0 {
            let weights = part(self.p, unknown.weights..unknown.weights + unknown.block.weight_count());
            let (before, kept) = tape.split_at_mut(call.block);
            let (before_dot, kept_dot) = tape_dot.split_at_mut(call.block);
            let len = unknown.block.tape_len();
            unknown.block.record_along(
                weights,
                (values, values_dot),
                (&mut before[call.outputs..], &mut before_dot[call.outputs..]),
                (&mut kept[..len], &mut kept_dot[..len]),
            );
        }
        for (o, y) in y.iter_mut().enumerate() {
            let lane = (call.lane + o).wrapping_sub(self.first);
            *y = unknown.scaling.output(o, moving(tape[call.outputs + o], lane, tape_dot[call.outputs + o]));
        }
        Call::Done
    }
}

impl Layout<'_> {
    /// [`vjp`](Self::vjp) of an evaluation recorded along a direction, and its derivative.
    pub fn vjp_along(
        &self,
        p: Along<'_>,
        tape: Along<'_>,
        lambda: Along<'_>,
        u_bar: AlongMut<'_>,
        p_bar: AlongMut<'_>,
    ) {
        let mut room = Zeros::<f64>::new(2 * self.stride);
        let (lanes, lanes_dot) = room.split_at_mut(self.stride);
        let rows = tape.0.chunks_exact(self.stride).zip(tape.1.chunks_exact(self.stride));
        for (i, (l, (row, row_dot))) in lambda.0.iter().zip(rows).enumerate() {
            let l_dot = lambda.1.get(i).copied().unwrap_or(0.0);
            add_row((lanes, lanes_dot), (*l, l_dot), (row, row_dot));
        }
        for call in self.calls.iter().rev() {
            let unknown = &self.unknowns[call.unknown];
            let (inputs, outputs) = (unknown.block.inputs(), unknown.block.outputs());
            let mut room = Zeros::<f64>::new(2 * inputs);
            let (x_bar, x_bar_dot) = room.split_at_mut(inputs);
            let weights = unknown.weights..unknown.weights + unknown.block.weight_count();
            unknown.block.vjp_along(
                part(p, weights.clone()),
                part(tape, call.block..call.block + unknown.block.tape_len()),
                part((lanes, lanes_dot), call.lane..call.lane + outputs),
                (x_bar, x_bar_dot),
                (&mut p_bar.0[weights.clone()], &mut p_bar.1[weights]),
            );
            let (tangents, tangents_dot) = part(tape, call.tangents..call.outputs);
            let rows = tangents.chunks_exact(self.stride).zip(tangents_dot.chunks_exact(self.stride));
            for ((bar, bar_dot), row) in x_bar.iter().zip(x_bar_dot).zip(rows) {
                add_row((lanes, lanes_dot), (*bar, *bar_dot), row);
            }
        }
        let n = self.states.len();
        for (bars, lanes) in [(u_bar.0, &lanes[..n]), (u_bar.1, &lanes_dot[..n])] {
            for (bar, lane) in bars.iter_mut().zip(lanes) {
                *bar += lane;
            }
        }
        for (bars, lanes) in [(p_bar.0, &lanes[n..]), (p_bar.1, &lanes_dot[n..])] {
            for (j, lane) in self.free.iter().zip(lanes) {
                bars[*j] += lane;
            }
        }
    }
}

/// Adds a row of tangents times a cotangent to the lanes, and the derivative of that.
#[inline(always)]
fn add_row(lanes: AlongMut<'_>, (bar, bar_dot): (f64, f64), (row, row_dot): Along<'_>) {
    for ((lane, lane_dot), (z, z_dot)) in lanes.0.iter_mut().zip(lanes.1).zip(row.iter().zip(row_dot)) {
        *lane += bar * z;
        *lane_dot += bar_dot * z + bar * z_dot;
    }
}
