//! How calls of unknown terms are answered, one answer per purpose.

use super::Visit;
use super::layout::{Layout, Unknown, unit_tangent};
use crate::model::params::{Call, Caller};
use crate::number::{Dual, Zeros};
use std::cell::{Cell, RefCell};

/// Answers calls with values.
pub(super) struct Plain<'b, 'a> {
    pub(super) unknowns: &'b [Unknown<'a>],
    pub(super) p: &'b [f64],
}

impl Plain<'_, '_> {
    #[inline(always)]
    fn values(&self, unknown: &Unknown<'_>, x: &[f64], y: &mut [f64]) {
        let weights = &self.p[unknown.weights..unknown.weights + unknown.block.weight_count()];
        if unknown.scaling.is_identity() {
            unknown.block.eval(weights, x, y);
            return;
        }
        let mut scaled = Zeros::<f64>::new(x.len());
        for (i, (s, x)) in scaled.iter_mut().zip(x).enumerate() {
            *s = unknown.scaling.input(i, *x);
        }
        unknown.block.eval(weights, &scaled, y);
        for (o, y) in y.iter_mut().enumerate() {
            *y = unknown.scaling.output(o, *y);
        }
    }
}

impl Caller<f64> for Plain<'_, '_> {
    #[inline(always)]
    fn call(&self, address: usize, x: &[f64], y: &mut [f64]) -> Call<'_> {
        match self.unknowns.iter().find(|u| u.address == address) {
            Some(unknown) => {
                self.values(unknown, x, y);
                Call::Done
            }
            None => Call::Unknown,
        }
    }
}

/// Answers calls with values and tells someone.
pub(super) struct Watcher<'b, 'a> {
    pub(super) plain: Plain<'b, 'a>,
    pub(super) visit: &'b Visit<'b>,
}

impl Caller<f64> for Watcher<'_, '_> {
    fn call(&self, address: usize, x: &[f64], y: &mut [f64]) -> Call<'_> {
        let answer = self.plain.call(address, x, y);
        if let Some(k) = self.plain.unknowns.iter().position(|u| u.address == address) {
            (self.visit)(k, x, y);
        }
        answer
    }
}

/// Notes what is called and what is asked for.
pub(super) struct Probe<'b, 'a> {
    pub(super) unknowns: &'b [Unknown<'a>],
    pub(super) called: RefCell<Vec<usize>>,
    pub(super) asked: Cell<Option<usize>>,
    pub(super) stray: Cell<bool>,
}

impl Caller<f64> for Probe<'_, '_> {
    fn call(&self, address: usize, _x: &[f64], y: &mut [f64]) -> Call<'_> {
        match self.unknowns.iter().position(|u| u.address == address) {
            Some(k) => {
                self.called.borrow_mut().push(k);
                y.fill(0.0);
                Call::Done
            }
            None => {
                self.stray.set(true);
                Call::Unknown
            }
        }
    }

    fn parameter_count(&self, asked: usize) {
        self.asked.set(Some(asked));
    }
}

/// Records calls: activations, input tangents, and a fresh lane for each output.
pub(super) struct Recorder<'b, 'a> {
    pub(super) layout: &'b Layout<'a>,
    pub(super) p: &'b [f64],
    /// First lane of this pass.
    pub(super) first: usize,
    pub(super) next: Cell<usize>,
    pub(super) tape: RefCell<&'b mut [f64]>,
}

impl<const N: usize> Caller<Dual<N>> for Recorder<'_, '_> {
    #[inline(always)]
    fn call(&self, address: usize, x: &[Dual<N>], y: &mut [Dual<N>]) -> Call<'_> {
        let index = self.next.replace(self.next.get() + 1);
        let Some(call) = self.layout.calls.get(index) else { return Call::Unknown };
        let unknown = &self.layout.unknowns[call.unknown];
        if unknown.address != address {
            return Call::Unknown;
        }
        let mut tape = self.tape.borrow_mut();
        let stride = self.layout.stride;
        let mut room = Zeros::<f64>::new(x.len());
        let values = &mut *room;
        for (i, x) in x.iter().enumerate() {
            let scaled = unknown.scaling.input(i, *x);
            values[i] = scaled.value;
            let at = call.tangents + i * stride + self.first;
            tape[at..at + N].copy_from_slice(&scaled.tangent);
        }
        if self.first == 0 {
            let weights = &self.p[unknown.weights..unknown.weights + unknown.block.weight_count()];
            let (before, kept) = tape.split_at_mut(call.block);
            let outputs = &mut before[call.outputs..];
            unknown.block.record(weights, values, outputs, &mut kept[..unknown.block.tape_len()]);
        }
        for (o, y) in y.iter_mut().enumerate() {
            let scale = unknown.scaling.output_scale(o);
            let lane = (call.lane + o).wrapping_sub(self.first);
            *y = Dual { value: tape[call.outputs + o], tangent: unit_tangent(lane) };
            if scale != 1.0 {
                *y = *y * scale;
            }
        }
        Call::Done
    }
}
