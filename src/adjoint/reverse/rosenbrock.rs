//! Rosenbrock methods, backwards.
//!
//! A stage is $W U_i = f(t_i, V_i) + M \sum_j c_{ij} U_j / h + \gamma_i h f_t$ with $V_i = u + \sum_j a_{ij} U_j$ and one matrix
//! $W = M / (h \gamma) - f_u$ for all. With the cotangent $\bar U_i$ of what was made of a stage, and $W^\top \mu_i = \bar
//! U_i$,
//!
//! $$ \bar V_i = f_u(V_i)^\top \mu_i, \qquad \bar U_j \mathrel{+}= a_{ij} \bar V_i + \frac{c_{ij}}{h} M^\top \mu_i, \qquad
//! \bar u \mathrel{+}= \bar V_i + \nabla_u \bigl(\mu_i^\top (f_u U_i + \gamma_i h f_t)\bigr), $$
//!
//! and likewise for the parameters. The last term is there because the Jacobian itself depends on state and parameters: a
//! second derivative, that of $f$ along $(\gamma_i h, U_i)$.

use super::transposed::Transposed;
use super::{Bars, Made, Read, Reverse, add};
use crate::adjoint::families::RosenbrockRow;
use crate::model::Differentiable;
use crate::ode::explicit::power_sum;

/// A Rosenbrock method with its memory.
pub(super) struct Rosenbrock {
    row: RosenbrockRow,
    matrix: Transposed,
    autonomous: bool,
    /// Cotangents of the stages.
    bar: Vec<f64>,
    tape: Vec<f64>,
    tape_dot: Vec<f64>,
    argument: Vec<f64>,
    argument_bar: Vec<f64>,
    value: Vec<f64>,
    value_dot: Vec<f64>,
    product: Vec<f64>,
    direction: Vec<f64>,
    /// First derivatives that come along with the second.
    u_first: Vec<f64>,
    p_first: Vec<f64>,
}

impl Rosenbrock {
    pub fn new(row: RosenbrockRow, system: &dyn Differentiable) -> Self {
        Rosenbrock {
            row,
            matrix: Transposed::new(system),
            autonomous: system.is_autonomous(),
            bar: Vec::new(),
            tape: Vec::new(),
            tape_dot: Vec::new(),
            argument: Vec::new(),
            argument_bar: Vec::new(),
            value: Vec::new(),
            value_dot: Vec::new(),
            product: Vec::new(),
            direction: Vec::new(),
            u_first: Vec::new(),
            p_first: Vec::new(),
        }
    }
}

impl Rosenbrock {
    /// Adds $\sum_i \nabla_{u,p} (\mu_i^\top (f_u U_i + \gamma_i h f_t))$: along the stages, or, where there are fewer, along the
    /// axes, $f_u U_i = \sum_k U_{ik} \partial f / \partial u_k$.
    fn second_derivatives(&mut self, system: &dyn Differentiable, p: &[f64], step: &Made, bars: &mut Bars) {
        let n = step.u.len();
        let timely = |i: usize| if self.autonomous { 0.0 } else { self.row.gamma_sum[i] * step.h };
        let axes = if self.autonomous { n } else { n + 1 };
        let along_axes = axes < self.row.stages;
        for k in 0..if along_axes { axes } else { self.row.stages } {
            let t_dot;
            if along_axes {
                t_dot = if k == n { 1.0 } else { 0.0 };
                self.direction.fill(0.0);
                self.argument_bar.fill(0.0);
                if let Some(along) = self.direction.get_mut(k) {
                    *along = 1.0;
                }
                for (i, mu) in self.bar.chunks_exact(n).enumerate() {
                    let part = if k == n { timely(i) } else { step.stages[i * n + k] };
                    add(part, mu, &mut self.argument_bar);
                }
            } else {
                t_dot = timely(k);
                self.direction.copy_from_slice(&step.stages[k * n..][..n]);
                self.argument_bar.copy_from_slice(&self.bar[k * n..][..n]);
            }
            let values = (&mut self.value[..], &mut self.value_dot[..]);
            let tapes = (&mut self.tape[..], &mut self.tape_dot[..]);
            system.record_along((step.t, t_dot), (step.u, &self.direction), (p, &[]), values, tapes);
            let tapes = (&self.tape[..], &self.tape_dot[..]);
            let (u_bar, p_bar) = ((&mut self.u_first[..], &mut bars.u[..]), (&mut self.p_first[..], &mut bars.p[..]));
            system.vjp_along((p, &[]), tapes, (&self.argument_bar, &[]), u_bar, p_bar);
        }
    }
}

impl Reverse for Rosenbrock {
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &[Read],
        bars: &mut Bars,
    ) -> Result<(), usize> {
        let (n, h) = (step.u.len(), step.h);
        for v in [&mut self.tape, &mut self.tape_dot] {
            v.resize(system.tape_len(), 0.0);
        }
        for v in [
            &mut self.argument,
            &mut self.argument_bar,
            &mut self.value,
            &mut self.value_dot,
            &mut self.product,
            &mut self.direction,
            &mut self.u_first,
        ] {
            v.resize(n, 0.0);
        }
        self.p_first.resize(p.len(), 0.0);
        self.bar.clear();
        self.bar.resize(self.row.stages * n, 0.0);
        for (i, m) in self.row.m {
            add(*m, &bars.u, &mut self.bar[i * n..][..n]);
        }
        for read in reads {
            add(1.0, read.bar, &mut bars.u);
            for (j, d) in self.row.dense {
                add(power_sum(d, read.theta), read.bar, &mut self.bar[j * n..][..n]);
            }
        }
        self.matrix.factorize(system, (step.t, step.u, p), 1.0 / (h * self.row.gamma))?;
        for i in (0..self.row.stages).rev() {
            let (before, own) = self.bar.split_at_mut(i * n);
            let mu = &mut own[..n];
            self.matrix.solve(mu)?;
            self.argument.copy_from_slice(step.u);
            for (j, a) in self.row.a[i] {
                add(*a, &step.stages[j * n..][..n], &mut self.argument);
            }
            let t = step.t + self.row.alpha[i] * h;
            system.record(t, &self.argument, p, &mut self.value, &mut self.tape);
            self.argument_bar.fill(0.0);
            system.vjp(p, &self.tape, mu, &mut self.argument_bar, &mut bars.p);
            add(1.0, &self.argument_bar, &mut bars.u);
            for (j, a) in self.row.a[i] {
                add(*a, &self.argument_bar, &mut before[j * n..][..n]);
            }
            self.product.fill(0.0);
            self.matrix.add_mass(1.0 / h, mu, &mut self.product);
            for (j, c) in self.row.c[i] {
                add(*c, &self.product, &mut before[j * n..][..n]);
            }
        }
        self.second_derivatives(system, p, step, bars);
        Ok(())
    }
}
