//! Recorded evaluations, pass by pass, and along a direction.

use super::{Coloured, Pass};
use crate::model::bound::along::{Moving, moving};
use crate::model::bound::layout::{FEW_LANES, LANES, Layout, unit_tangent};
use crate::model::bound::state_jacobian::Over;
use crate::model::params::{Call, Caller, Params};
use crate::number::{Along, AlongMut, Dual, Zeros, part};
use std::cell::{Cell, RefCell};

impl Coloured {
    /// One recorded evaluation.
    #[allow(clippy::too_many_arguments)]
    pub fn record(
        &self,
        layout: &Layout<'_>,
        wide: &Over<'_, Dual<LANES>>,
        narrow: &Over<'_, Dual<FEW_LANES>>,
        at: (f64, &[f64], &[f64]),
        du: &mut [f64],
        tape: &mut [f64],
    ) {
        for (index, pass) in self.passes.iter().enumerate() {
            if pass.narrow {
                self.record_pass(layout, narrow, (index, *pass), at, du, tape);
            } else {
                self.record_pass(layout, wide, (index, *pass), at, du, tape);
            }
        }
    }

    fn record_pass<const N: usize>(
        &self,
        layout: &Layout<'_>,
        rhs: &Over<'_, Dual<N>>,
        (index, pass): (usize, Pass),
        (t, u, p): (f64, &[f64], &[f64]),
        du: &mut [f64],
        tape: &mut [f64],
    ) {
        let (n, q) = (layout.states.len(), layout.parameters.len());
        let mut room = Zeros::<Dual<N>>::new(2 * n + q);
        let (u_dual, room) = room.split_at_mut(n);
        let (p_dual, du_dual) = room.split_at_mut(q);
        // A colour before this pass wraps around and is none of it.
        let tangent = |lane: usize| unit_tangent::<N>(self.colours[lane].wrapping_sub(pass.first));
        for (lane, (dual, u)) in u_dual.iter_mut().zip(u).enumerate() {
            *dual = Dual { value: *u, tangent: tangent(lane) };
        }
        for (dual, p) in p_dual.iter_mut().zip(p) {
            *dual = Dual::constant(*p);
        }
        for (k, j) in layout.free.iter().enumerate() {
            p_dual[*j].tangent = tangent(n + k);
        }
        {
            let tape = RefCell::new(&mut *tape);
            let recorder = Recorder { layout, coloured: self, p, index, pass, next: Cell::new(0), tape };
            rhs(Dual::constant(t), u_dual, &Params::new(p_dual, &recorder), du_dual);
        }
        for (i, d) in du_dual.iter().enumerate() {
            du[i] = d.value;
            self.keep(i, index, &d.tangent, tape);
        }
    }

    /// Puts what a pass says of a row on the tape.
    #[inline(always)]
    fn keep<const N: usize>(&self, row: usize, pass: usize, tangent: &[f64; N], tape: &mut [f64]) {
        let at = row * self.passes.len() + pass;
        let entries = self.bounds[at]..self.bounds[at + 1];
        for (entry, place) in tape[entries.clone()].iter_mut().zip(&self.places[entries]) {
            // Whole powers of two: this changes nothing but what the compiler knows.
            *entry = tangent[*place as usize & (N - 1)];
        }
    }

    /// [`record`](Self::record) along a direction.
    #[allow(clippy::too_many_arguments)]
    pub fn record_along(
        &self,
        layout: &Layout<'_>,
        wide: &Over<'_, Moving<LANES>>,
        narrow: &Over<'_, Moving<FEW_LANES>>,
        at: ((f64, f64), Along<'_>, Along<'_>),
        du: AlongMut<'_>,
        tape: AlongMut<'_>,
    ) {
        for (index, pass) in self.passes.iter().enumerate() {
            let (du, tape) = ((&mut *du.0, &mut *du.1), (&mut *tape.0, &mut *tape.1));
            if pass.narrow {
                self.record_pass_along(layout, narrow, (index, *pass), at, du, tape);
            } else {
                self.record_pass_along(layout, wide, (index, *pass), at, du, tape);
            }
        }
    }

    fn record_pass_along<const N: usize>(
        &self,
        layout: &Layout<'_>,
        rhs: &Over<'_, Moving<N>>,
        (index, pass): (usize, Pass),
        (t, u, p): ((f64, f64), Along<'_>, Along<'_>),
        du: AlongMut<'_>,
        tape: AlongMut<'_>,
    ) {
        let (n, q) = (layout.states.len(), layout.parameters.len());
        let mut room = Zeros::<Moving<N>>::new(2 * n + q);
        let (u_moving, room) = room.split_at_mut(n);
        let (p_moving, du_moving) = room.split_at_mut(q);
        let place = |lane: usize| self.colours[lane].wrapping_sub(pass.first);
        for (lane, (moves, value)) in u_moving.iter_mut().zip(u.0).enumerate() {
            *moves = moving(*value, place(lane), u.1.get(lane).copied().unwrap_or(0.0));
        }
        // A parameter that is held does not move either.
        for (moves, p) in p_moving.iter_mut().zip(p.0) {
            *moves = moving(*p, usize::MAX, 0.0);
        }
        for (k, j) in layout.free.iter().enumerate() {
            p_moving[*j] = moving(p.0[*j], place(n + k), p.1.get(*j).copied().unwrap_or(0.0));
        }
        {
            let tape = RefCell::new((&mut *tape.0, &mut *tape.1));
            let recorder = RecorderAlong { layout, coloured: self, p, index, pass, next: Cell::new(0), tape };
            rhs(moving(t.0, usize::MAX, t.1), u_moving, &Params::new(p_moving, &recorder), du_moving);
        }
        for (i, Dual { value: d, tangent: [dot] }) in du_moving.iter().enumerate() {
            (du.0[i], du.1[i]) = (d.value, dot.value);
            self.keep(i, index, &d.tangent, tape.0);
            self.keep(i, index, &dot.tangent, tape.1);
        }
    }
}

/// Records calls: activations, input tangents, and the lane of each output.
struct Recorder<'b, 'a> {
    layout: &'b Layout<'a>,
    coloured: &'b Coloured,
    p: &'b [f64],
    index: usize,
    pass: Pass,
    next: Cell<usize>,
    tape: RefCell<&'b mut [f64]>,
}

impl<const N: usize> Caller<Dual<N>> for Recorder<'_, '_> {
    fn call(&self, address: usize, x: &[Dual<N>], y: &mut [Dual<N>]) -> Call<'_> {
        let next = self.next.replace(self.next.get() + 1);
        let Some(call) = self.coloured.calls.get(next) else { return Call::Unknown };
        let unknown = &self.layout.unknowns[call.unknown];
        if unknown.address != address {
            return Call::Unknown;
        }
        let mut tape = self.tape.borrow_mut();
        let mut values = Zeros::<f64>::new(x.len());
        for (i, x) in x.iter().enumerate() {
            let scaled = unknown.scaling.input(i, *x);
            values[i] = scaled.value;
            self.coloured.keep(call.row + i, self.index, &scaled.tangent, &mut tape);
        }
        if self.index == 0 {
            let weights = &self.p[unknown.weights..unknown.weights + unknown.block.weight_count()];
            let (before, kept) = tape.split_at_mut(call.block);
            let outputs = &mut before[call.outputs..];
            unknown.block.record(weights, &values, outputs, &mut kept[..unknown.block.tape_len()]);
        }
        for (o, y) in y.iter_mut().enumerate() {
            let scale = unknown.scaling.output_scale(o);
            let place = self.coloured.colours[call.lane + o].wrapping_sub(self.pass.first);
            *y = Dual { value: tape[call.outputs + o], tangent: unit_tangent(place) };
            if scale != 1.0 {
                *y = *y * scale;
            }
        }
        Call::Done
    }
}

/// Records calls as they move.
struct RecorderAlong<'b, 'a> {
    layout: &'b Layout<'a>,
    coloured: &'b Coloured,
    p: Along<'b>,
    index: usize,
    pass: Pass,
    next: Cell<usize>,
    tape: RefCell<AlongMut<'b>>,
}

impl<const N: usize> Caller<Moving<N>> for RecorderAlong<'_, '_> {
    fn call(&self, address: usize, x: &[Moving<N>], y: &mut [Moving<N>]) -> Call<'_> {
        let next = self.next.replace(self.next.get() + 1);
        let Some(call) = self.coloured.calls.get(next) else { return Call::Unknown };
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
            self.coloured.keep(call.row + i, self.index, &scaled.tangent, tape);
            self.coloured.keep(call.row + i, self.index, &dot.tangent, tape_dot);
        }
        if self.index == 0 {
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
            let place = self.coloured.colours[call.lane + o].wrapping_sub(self.pass.first);
            let value = moving(tape[call.outputs + o], place, tape_dot[call.outputs + o]);
            *y = unknown.scaling.output(o, value);
        }
        Call::Done
    }
}
