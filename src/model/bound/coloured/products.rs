//! What is made of a record: products with the local Jacobian, through its pattern.

use super::{Coloured, Recorded};
use crate::model::bound::layout::{Layout, Unknown};
use crate::number::{Along, AlongMut, Zeros, part};

impl Coloured {
    /// Adds so many times a row to the lanes.
    #[inline(always)]
    fn add_row(&self, row: usize, factor: f64, tape: &[f64], lanes: &mut [f64]) {
        let entries = self.row(row);
        for (value, lane) in tape[entries.clone()].iter().zip(&self.lanes[entries]) {
            lanes[*lane as usize] += factor * value;
        }
    }

    /// Adds a row times a cotangent to the lanes, and the derivative of that.
    #[inline(always)]
    fn add_row_along(&self, row: usize, (bar, bar_dot): (f64, f64), tape: Along<'_>, lanes: &mut AlongMut<'_>) {
        let entries = self.row(row);
        let values = tape.0[entries.clone()].iter().zip(&tape.1[entries.clone()]);
        for ((z, z_dot), lane) in values.zip(&self.lanes[entries]) {
            lanes.0[*lane as usize] += bar * z;
            lanes.1[*lane as usize] += bar_dot * z + bar * z_dot;
        }
    }

    /// A row times a tangent of all lanes.
    #[inline(always)]
    fn row_times(&self, row: usize, tape: &[f64], lanes: &[f64]) -> f64 {
        let entries = self.row(row);
        tape[entries.clone()].iter().zip(&self.lanes[entries]).map(|(value, lane)| value * lanes[*lane as usize]).sum()
    }

    /// Takes a cotangent of all lanes back to states and parameters.
    fn pull_back(
        &self,
        layout: &Layout<'_>,
        (p, tape): (&[f64], &[f64]),
        lanes: &mut [f64],
        u_bar: &mut [f64],
        p_bar: &mut [f64],
    ) {
        for call in self.calls.iter().rev() {
            let (unknown, outputs, weights) = call.parts(layout);
            // What no row of a Jacobian depends on is not gone through for each of them.
            if lanes[outputs.clone()].iter().all(|bar| *bar == 0.0) {
                continue;
            }
            let mut x_bar = Zeros::<f64>::new(unknown.block.inputs());
            let kept = &tape[call.block..call.block + unknown.block.tape_len()];
            unknown.block.vjp(&p[weights.clone()], kept, &lanes[outputs], &mut x_bar, &mut p_bar[weights]);
            for (i, x_bar) in x_bar.iter().enumerate() {
                self.add_row(call.row + i, *x_bar, tape, lanes);
            }
        }
        add_to_bars(layout, lanes, u_bar, p_bar);
    }

    /// $\lambda^\top$ times the derivatives of a recorded evaluation, added to `u_bar` and `p_bar`.
    pub fn vjp(
        &self,
        layout: &Layout<'_>,
        (p, tape): (&[f64], &[f64]),
        lambda: &[f64],
        u_bar: &mut [f64],
        p_bar: &mut [f64],
    ) {
        let mut lanes = Zeros::<f64>::new(self.colours.len());
        for (row, l) in lambda.iter().enumerate() {
            self.add_row(row, *l, tape, &mut lanes);
        }
        self.pull_back(layout, (p, tape), &mut lanes, u_bar, p_bar);
    }

    /// The derivatives of a recorded evaluation times a tangent.
    pub fn jvp(
        &self,
        layout: &Layout<'_>,
        (p, tape): (&[f64], &[f64]),
        u_dot: &[f64],
        p_dot: &[f64],
        du_dot: &mut [f64],
    ) {
        let n = layout.states.len();
        let mut lanes = Zeros::<f64>::new(self.colours.len());
        lanes[..n].copy_from_slice(u_dot);
        for (lane, j) in lanes[n..].iter_mut().zip(&layout.free) {
            *lane = p_dot[*j];
        }
        for call in &self.calls {
            let (unknown, outputs, weights) = call.parts(layout);
            let mut x_dot = Zeros::<f64>::new(unknown.block.inputs());
            for (i, x) in x_dot.iter_mut().enumerate() {
                *x = self.row_times(call.row + i, tape, &lanes);
            }
            let kept = &tape[call.block..call.block + unknown.block.tape_len()];
            unknown.block.jvp(&p[weights.clone()], kept, &x_dot, Some(&p_dot[weights]), &mut lanes[outputs]);
        }
        for (row, d) in du_dot.iter_mut().enumerate() {
            *d = self.row_times(row, tape, &lanes);
        }
    }

    /// All derivatives of a recorded evaluation.
    pub fn jacobian(
        &self,
        layout: &Layout<'_>,
        (p, tape): (&[f64], &[f64]),
        f_u: &mut [f64],
        f_p: &mut [f64],
        stride: usize,
    ) {
        let n = layout.states.len();
        f_u.fill(0.0);
        let mut lanes = Zeros::<f64>::new(self.colours.len());
        for i in 0..n {
            lanes.fill(0.0);
            self.add_row(i, 1.0, tape, &mut lanes);
            let p_row = &mut f_p[i * stride..i * stride + layout.parameter_count];
            p_row.fill(0.0);
            self.pull_back(layout, (p, tape), &mut lanes, &mut f_u[i * n..(i + 1) * n], p_row);
        }
    }

    /// [`vjp`](Self::vjp) of an evaluation recorded along a direction, and its derivative.
    pub fn vjp_along(
        &self,
        layout: &Layout<'_>,
        (p, tape): (Along<'_>, Along<'_>),
        lambda: Along<'_>,
        u_bar: AlongMut<'_>,
        p_bar: AlongMut<'_>,
    ) {
        let mut room = Zeros::<f64>::new(2 * self.colours.len());
        let mut lanes: AlongMut<'_> = room.split_at_mut(self.colours.len());
        for (row, l) in lambda.0.iter().enumerate() {
            let l_dot = lambda.1.get(row).copied().unwrap_or(0.0);
            self.add_row_along(row, (*l, l_dot), tape, &mut lanes);
        }
        for call in self.calls.iter().rev() {
            let (unknown, outputs, weights) = call.parts(layout);
            let inputs = unknown.block.inputs();
            let mut room = Zeros::<f64>::new(2 * inputs);
            let (x_bar, x_bar_dot) = room.split_at_mut(inputs);
            unknown.block.vjp_along(
                part(p, weights.clone()),
                part(tape, call.block..call.block + unknown.block.tape_len()),
                (&lanes.0[outputs.clone()], &lanes.1[outputs]),
                (x_bar, x_bar_dot),
                (&mut p_bar.0[weights.clone()], &mut p_bar.1[weights]),
            );
            for (i, (bar, bar_dot)) in x_bar.iter().zip(x_bar_dot).enumerate() {
                self.add_row_along(call.row + i, (*bar, *bar_dot), tape, &mut lanes);
            }
        }
        add_to_bars(layout, lanes.0, u_bar.0, p_bar.0);
        add_to_bars(layout, lanes.1, u_bar.1, p_bar.1);
    }

    /// How each output of each called unknown term enters the derivatives: calls `visit(unknown, output, effect)` with one
    /// number per state, in the term's own units.
    pub fn output_effects(&self, layout: &Layout<'_>, tape: &[f64], visit: &mut dyn FnMut(usize, usize, &[f64])) {
        let n = layout.states.len();
        let mut by_lane: Vec<Vec<(usize, f64)>> = vec![Vec::new(); self.colours.len()];
        for row in 0..n {
            for entry in self.row(row) {
                by_lane[self.lanes[entry] as usize].push((row, tape[entry]));
            }
        }
        let mut effect = vec![0.0; n];
        for call in &self.calls {
            let (unknown, outputs, _) = call.parts(layout);
            for (o, entries) in by_lane[outputs].iter().enumerate() {
                let scale = unknown.scaling.output_scale(o);
                effect.fill(0.0);
                for (row, value) in entries {
                    effect[*row] = value / scale;
                }
                visit(call.unknown, o, &effect);
            }
        }
    }
}

type Indices = std::ops::Range<usize>;

impl Recorded {
    /// The unknown term, the lanes of its outputs and where its weights lie.
    #[inline(always)]
    fn parts<'l, 'a>(&self, layout: &'l Layout<'a>) -> (&'l Unknown<'a>, Indices, Indices) {
        let unknown = &layout.unknowns[self.unknown];
        let weights = unknown.weights..unknown.weights + unknown.block.weight_count();
        (unknown, self.lane..self.lane + unknown.block.outputs(), weights)
    }
}

/// Adds the cotangents of the lanes to those of states and parameters.
fn add_to_bars(layout: &Layout<'_>, lanes: &[f64], u_bar: &mut [f64], p_bar: &mut [f64]) {
    let (of_states, rest) = lanes.split_at(layout.states.len());
    for (bar, lane) in u_bar.iter_mut().zip(of_states) {
        *bar += lane;
    }
    for (j, lane) in layout.free.iter().zip(rest) {
        p_bar[*j] += lane;
    }
}
