//! Second derivatives of the right-hand side along directions, forwards: the derivative of $f_u v$ with respect to everything
//! that $v$ does not depend on.

use super::{add, add_product};
use crate::model::Differentiable;

/// Second derivatives along directions: those that are asked for, or, where there are fewer, the axes.
#[derive(Default)]
pub(super) struct Second {
    autonomous: bool,
    value: [Vec<f64>; 2],
    tape: [Vec<f64>; 2],
    direction: Vec<f64>,
    unit: Vec<f64>,
    u_first: Vec<f64>,
    p_first: Vec<f64>,
    /// Rows of the second derivatives with respect to the states, and a row of those with respect to the parameters.
    by_state: Vec<f64>,
    by_parameter: Vec<f64>,
    /// $\nabla (\partial f / \partial u_k) \cdot (S, I)$, and at last that of $f_t$, one after the other; empty where fewer
    /// directions are asked for.
    along_axes: Vec<f64>,
}

impl Second {
    /// For so many directions at each place.
    pub fn new(system: &dyn Differentiable, directions: usize) -> Self {
        let (n, parameters) = (system.dimension(), system.parameter_count());
        let pair = |len: usize| [vec![0.0; len], vec![0.0; len]];
        let autonomous = system.is_autonomous();
        let axes = if autonomous { n } else { n + 1 };
        let columns = n + parameters;
        Second {
            autonomous,
            value: pair(n),
            tape: pair(system.tape_len()),
            direction: vec![0.0; n],
            unit: vec![0.0; n],
            u_first: vec![0.0; n],
            p_first: vec![0.0; parameters],
            by_state: vec![0.0; n * n],
            by_parameter: vec![0.0; parameters],
            along_axes: vec![0.0; if axes < directions { axes * n * columns } else { 0 }],
        }
    }

    /// Gets ready for the directions at $(t, u)$.
    pub fn begin(&mut self, system: &dyn Differentiable, place: (f64, &[f64], &[f64]), s: &[f64], columns: usize) {
        let n = place.1.len();
        let mut along_axes = std::mem::take(&mut self.along_axes);
        along_axes.fill(0.0);
        for (k, out) in along_axes.chunks_exact_mut(n * columns).enumerate() {
            self.direction.fill(0.0);
            if let Some(along) = self.direction.get_mut(k) {
                *along = 1.0;
            }
            self.add_along(system, place, if k == n { 1.0 } else { 0.0 }, s, out, columns);
        }
        self.along_axes = along_axes;
    }

    /// Adds $\nabla (f_u v + f_t \dot t) \cdot (S, I)$ to `out`.
    pub fn add(
        &mut self,
        system: &dyn Differentiable,
        place: (f64, &[f64], &[f64]),
        (t_dot, v): (f64, &[f64]),
        s: &[f64],
        out: &mut [f64],
        columns: usize,
    ) {
        let t_dot = if self.autonomous { 0.0 } else { t_dot };
        if self.along_axes.is_empty() {
            self.direction.copy_from_slice(v);
            self.add_along(system, place, t_dot, s, out, columns);
            return;
        }
        for (part, axis) in v.iter().chain([&t_dot]).zip(self.along_axes.chunks_exact(out.len())) {
            add(*part, axis, out);
        }
    }

    /// Writes $\nabla (a^\top f_u v) \cdot (S, I)$ to `out`, a row.
    pub fn weighted(
        &mut self,
        system: &dyn Differentiable,
        (t, u, p): (f64, &[f64], &[f64]),
        (a, v): (&[f64], &[f64]),
        s: &[f64],
        out: &mut [f64],
    ) {
        let ([value, value_dot], [tape, tape_dot]) = (&mut self.value, &mut self.tape);
        system.record_along((t, 0.0), (u, v), (p, &[]), (value, value_dot), (tape, tape_dot));
        let row = &mut self.by_state[..u.len()];
        row.fill(0.0);
        self.by_parameter.fill(0.0);
        let (u_bar, p_bar) = ((&mut self.u_first[..], &mut *row), (&mut self.p_first[..], &mut self.by_parameter[..]));
        system.vjp_along((p, &[]), (&tape[..], &tape_dot[..]), (a, &[]), u_bar, p_bar);
        out.fill(0.0);
        add(1.0, &self.by_parameter, &mut out[..p.len()]);
        for (bar, s) in row.iter().zip(s.chunks_exact(out.len())) {
            add(*bar, s, out);
        }
    }

    /// $f_u v$ of the direction that was last asked for, where that was none in time.
    pub fn product(&self) -> &[f64] {
        &self.value[1]
    }

    /// The same as [`add`](Self::add) along `direction`, from second derivatives.
    fn add_along(
        &mut self,
        system: &dyn Differentiable,
        (t, u, p): (f64, &[f64], &[f64]),
        t_dot: f64,
        s: &[f64],
        out: &mut [f64],
        columns: usize,
    ) {
        let n = u.len();
        let ([value, value_dot], [tape, tape_dot]) = (&mut self.value, &mut self.tape);
        system.record_along((t, t_dot), (u, &self.direction), (p, &[]), (value, value_dot), (tape, tape_dot));
        self.by_state.fill(0.0);
        for r in 0..n {
            self.unit.fill(0.0);
            self.unit[r] = 1.0;
            self.by_parameter.fill(0.0);
            let u_bar = (&mut self.u_first[..], &mut self.by_state[r * n..][..n]);
            let p_bar = (&mut self.p_first[..], &mut self.by_parameter[..]);
            system.vjp_along((p, &[]), (&tape[..], &tape_dot[..]), (&self.unit, &[]), u_bar, p_bar);
            add(1.0, &self.by_parameter, &mut out[r * columns..][..self.by_parameter.len()]);
        }
        add_product(1.0, &self.by_state, s, out, columns);
    }
}
