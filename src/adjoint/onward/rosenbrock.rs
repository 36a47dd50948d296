//! Rosenbrock methods, forwards. From $W U_i = f(V_i) + M \sum_j c_{ij} U_j / h + \gamma_i h f_t$ with $V_i = u + \sum_j
//! a_{ij} U_j$ and $W = M / (h \gamma) - f_u$,
//!
//! $$ W \dot U_i = f_u(V_i) \dot V_i + f_p(V_i) + \frac1h M \sum_j c_{ij} \dot U_j + \nabla (f_u U_i + \gamma_i h f_t) \cdot
//! (S, I) . $$
//!
//! The rows of the last matrix are second derivatives, $\nabla_{u,p} (e_r^\top f')$ along $(\gamma_i h, U_i)$.

use super::linearized::Linearized;
use super::{Carried, Onward, ReadOff, add, add_product};
use crate::adjoint::families::RosenbrockRow;
use crate::adjoint::reverse::Made;
use crate::model::Differentiable;
use crate::ode::explicit::power_sum;

/// A Rosenbrock method with its memory.
pub(super) struct Rosenbrock {
    row: RosenbrockRow,
    at: Linearized,
    argument: Vec<f64>,
    /// $\dot U_i$, one after the other.
    dot: Vec<f64>,
    argument_dot: Vec<f64>,
    sum: Vec<f64>,
    second: Second,
}

/// Second derivatives along directions: those of the stages, or, where there are fewer, the axes.
#[derive(Default)]
struct Second {
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
    /// $\nabla (\partial f / \partial u_k) \cdot (S, I)$, and at last that of $f_t$, one after the other; empty where there are
    /// fewer stages.
    along_axes: Vec<f64>,
}

impl Rosenbrock {
    pub fn new(row: RosenbrockRow, system: &dyn Differentiable) -> Self {
        let (n, parameters) = (system.dimension(), system.parameter_count());
        let pair = |len: usize| [vec![0.0; len], vec![0.0; len]];
        let autonomous = system.is_autonomous();
        let axes = if autonomous { n } else { n + 1 };
        let columns = n + parameters;
        let second = Second {
            autonomous,
            direction: vec![0.0; n],
            along_axes: vec![0.0; if axes < row.stages { axes * n * columns } else { 0 }],
            value: pair(n),
            tape: pair(system.tape_len()),
            unit: vec![0.0; n],
            u_first: vec![0.0; n],
            p_first: vec![0.0; parameters],
            by_state: vec![0.0; n * n],
            by_parameter: vec![0.0; parameters],
        };
        Rosenbrock {
            row,
            at: Linearized::new(system),
            argument: vec![0.0; n],
            dot: Vec::new(),
            argument_dot: Vec::new(),
            sum: Vec::new(),
            second,
        }
    }
}

impl Second {
    /// Gets ready for the stages of a step from $(t, u)$.
    fn begin(&mut self, system: &dyn Differentiable, place: (f64, &[f64], &[f64]), s: &[f64], columns: usize) {
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
    fn add(
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

    /// The same along `direction`, from second derivatives.
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

impl Onward for Rosenbrock {
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &mut [ReadOff],
        carried: &mut Carried,
    ) -> Result<(), usize> {
        let (n, h, columns, len) = (step.u.len(), step.h, carried.columns, carried.s.len());
        self.at.factorize(system, &[(step.t, 1.0)], (step.u, p), 1.0 / (h * self.row.gamma))?;
        self.dot.clear();
        self.dot.resize(self.row.stages * len, 0.0);
        self.second.begin(system, (step.t, step.u, p), &carried.s, columns);
        for i in 0..self.row.stages {
            let (before, own) = self.dot.split_at_mut(i * len);
            let own = &mut own[..len];
            self.argument.copy_from_slice(step.u);
            self.argument_dot.clone_from(&carried.s);
            for (j, a) in self.row.a[i] {
                add(*a, &step.stages[j * n..][..n], &mut self.argument);
                add(*a, &before[j * len..][..len], &mut self.argument_dot);
            }
            let place = (step.t + self.row.alpha[i] * h, &self.argument[..], p);
            self.at.add_derivative(system, place, 1.0, Some(&self.argument_dot), own, columns);
            if !self.row.c[i].is_empty() {
                self.sum.clear();
                self.sum.resize(len, 0.0);
                for (j, c) in self.row.c[i] {
                    add(*c, &before[j * len..][..len], &mut self.sum);
                }
                self.at.add_mass(1.0 / h, &self.sum, own, columns);
            }
            let along = (self.row.gamma_sum[i] * h, &step.stages[i * n..][..n]);
            self.second.add(system, (step.t, step.u, p), along, &carried.s, own, columns);
            self.at.solve(own, columns)?;
        }
        for read in reads {
            read.out.copy_from_slice(&carried.s);
            for (j, d) in self.row.dense {
                add(power_sum(d, read.theta), &self.dot[j * len..][..len], read.out);
            }
        }
        for (i, m) in self.row.m {
            add(*m, &self.dot[i * len..][..len], &mut carried.s);
        }
        Ok(())
    }
}
