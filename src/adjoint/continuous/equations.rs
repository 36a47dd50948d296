//! The adjoint equations, as the solvers see them.

use super::path::Path;
use super::running::Running;
use crate::adjoint::reverse::transposed::{Jacobian, transposed_mass};
use crate::model::{Differentiable, MassMatrix, Sparsity};
use crate::ode::{Implicit, Rhs, Statistics};

/// Systems of no more states than this have dense Jacobians, whatever their patterns.
const ALWAYS_DENSE: usize = 32;

/// $$ M^\top \dot\lambda = -f_u^\top \lambda - g_u^\top, \qquad \dot\mu = -f_p^\top \lambda - g_p^\top, \qquad M \dot u = f, $$
///
/// linearised at $(t, u, p)$. States are $\lambda$, then $\mu$ where the sums over time are carried along, then $u$ where it is
/// solved for again.
pub(super) struct Equations<'s> {
    system: &'s dyn Differentiable,
    running: Option<&'s dyn Running>,
    p: &'s [f64],
    /// Where $u$ is from; none: it is carried along.
    path: Option<Path<'s>>,
    layout: Layout,
    /// With $\lambda$ alone: the matrix in $f_u^\top \lambda$, where the system has it.
    transposed: Option<Jacobian>,
    pattern: Option<Sparsity>,
    mass: Option<MassMatrix>,
    u: Vec<f64>,
    u_dot: Vec<f64>,
    du: Vec<f64>,
    du_dot: Vec<f64>,
    tape: Vec<f64>,
    tape_dot: Vec<f64>,
    /// $f_u^\top$ by columns, when it is alone.
    values: Vec<f64>,
    /// $f_u$ and $f_p$ row by row, and the derivatives of $f_u^\top \lambda + g_u$ and $f_p^\top \lambda + g_p$ by each of $u$.
    f_u: Vec<f64>,
    f_p: Vec<f64>,
    h_u: Vec<f64>,
    h_p: Vec<f64>,
    u_bar: Vec<f64>,
    p_bar: Vec<f64>,
    u_bar_dot: Vec<f64>,
    p_bar_dot: Vec<f64>,
}

/// Where the parts of the state are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// States of the system.
    pub n: usize,
    /// How many $\mu$ there are: all parameters or none.
    pub sums: usize,
    /// Whether $u$ follows.
    pub carries: bool,
}

impl Layout {
    pub fn len(&self) -> usize {
        self.carried() + if self.carries { self.n } else { 0 }
    }

    /// Where $u$ is.
    pub fn carried(&self) -> usize {
        self.n + self.sums
    }

    /// The entries of the Jacobian that can differ from zero, given those of $f_u$.
    fn pattern(&self, of_f: Option<&Sparsity>) -> Option<Sparsity> {
        if self.sums == 0 && !self.carries {
            return of_f.map(Sparsity::transpose);
        }
        if self.len() <= ALWAYS_DENSE {
            return None;
        }
        let (n, carried) = (self.n, self.carried());
        let mut entries = Vec::new();
        for j in 0..n {
            let column: Vec<usize> = of_f.map_or_else(|| (0..n).collect(), |f_u| f_u.column(j).to_vec());
            for i in column {
                entries.push((j, i));
                if self.carries {
                    entries.push((carried + i, carried + j));
                }
            }
            entries.extend((n..carried).map(|row| (row, j)));
            if self.carries {
                entries.extend((0..carried).map(|row| (row, carried + j)));
            }
        }
        Sparsity::from_entries(self.len(), &entries).ok()
    }

    fn mass(&self, system: &dyn Differentiable) -> Option<MassMatrix> {
        let transposed = transposed_mass(system)?;
        let mut entries = transposed.entries().to_vec();
        entries.extend((self.n..self.carried()).map(|i| (i, i, 1.0)));
        if self.carries {
            let at = self.carried();
            entries.extend(transposed.entries().iter().map(|(row, column, value)| (at + column, at + row, *value)));
        }
        Some(MassMatrix::from_entries(self.len(), &entries))
    }
}

impl<'s> Equations<'s> {
    /// Linearised along `path`, or where there is none with $u$ as part of the state, whose `start` at time `t` says whether the
    /// system has its Jacobian.
    pub fn new(
        system: &'s dyn Differentiable,
        running: Option<&'s dyn Running>,
        p: &'s [f64],
        path: Option<Path<'s>>,
        sums: bool,
        (t, start): (f64, &[f64]),
    ) -> Self {
        let (n, q, tape) = (system.dimension(), system.parameter_count(), system.tape_len());
        let layout = Layout { n, sums: if sums { q } else { 0 }, carries: path.is_none() };
        let alone = layout.len() == n;
        let mut transposed = alone.then(|| Jacobian::new(system));
        let mut values = vec![0.0; transposed.as_ref().map_or(0, Jacobian::entry_count)];
        if alone && !system.state_jacobian(t, start, p, &mut values) {
            transposed = None;
        }
        let (square, wide) = if transposed.is_some() { (0, 0) } else { (n * n, n * q) };
        let second = if layout.carries { (square, wide) } else { (0, 0) };
        let zeros = |len: usize| vec![0.0; len];
        Equations {
            pattern: layout.pattern(system.sparsity()),
            mass: layout.mass(system),
            u: zeros(n),
            u_dot: zeros(n),
            du: zeros(n),
            du_dot: zeros(n),
            tape: zeros(tape),
            tape_dot: zeros(tape),
            values,
            f_u: zeros(square),
            f_p: zeros(wide),
            h_u: zeros(second.0),
            h_p: zeros(second.1),
            u_bar: zeros(n),
            p_bar: zeros(q),
            u_bar_dot: zeros(n),
            p_bar_dot: zeros(q),
            system,
            running,
            p,
            path,
            layout,
            transposed,
        }
    }

    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// What the components are called in messages.
    pub fn names(&self) -> Vec<String> {
        let Layout { n, sums, carries } = self.layout;
        let state = |i: usize| self.system.state_name(i);
        let adjoint = (0..n).map(|i| format!("adjoint of {}", state(i)));
        let gradient = (0..sums).map(|j| format!("derivative by parameter {j}"));
        adjoint.chain(gradient).chain((0..if carries { n } else { 0 }).map(state)).collect()
    }

    #[inline]
    fn find(&mut self, t: f64, y: &[f64]) {
        match &mut self.path {
            Some(path) => path.read(t, &mut self.u),
            None => self.u.copy_from_slice(&y[self.layout.carried()..]),
        }
    }

    fn evaluate(&mut self, t: f64, y: &[f64], dy: &mut [f64]) {
        self.find(t, y);
        let Layout { n, sums, carries } = self.layout;
        let (lambda, at) = (&y[..n], (t, &self.u[..], self.p));
        let (bars, rest) = dy.split_at_mut(n + sums);
        bars.fill(0.0);
        let (u_bar, p_bar) = bars.split_at_mut(n);
        // Sums that are not wanted go where nobody looks.
        let p_bar = if sums > 0 { p_bar } else { &mut self.p_bar[..] };
        match &mut self.transposed {
            Some(jacobian) => {
                jacobian.evaluate(self.system, at, &mut self.values);
                multiply(jacobian.pattern(), &self.values, lambda, u_bar);
            }
            None => {
                self.system.record(t, &self.u, self.p, &mut self.du, &mut self.tape);
                self.system.vjp(self.p, &self.tape, lambda, u_bar, p_bar);
            }
        }
        if let Some(running) = self.running {
            running.add(at, 1.0, u_bar, p_bar);
        }
        bars.iter_mut().for_each(|bar| *bar = -*bar);
        if carries {
            rest.copy_from_slice(&self.du);
        }
    }

    /// Derivatives of $f$, $f_u^\top \lambda + g_u$ and $f_p^\top \lambda + g_p$ along $(\dot t, \dot u)$, with $\dot u$ in place,
    /// left in `du_dot`, `u_bar_dot` and `p_bar_dot`.
    fn go_along(&mut self, t: (f64, f64), lambda: &[f64]) {
        for v in [&mut self.u_bar, &mut self.p_bar, &mut self.u_bar_dot, &mut self.p_bar_dot] {
            v.fill(0.0);
        }
        let (system, u, p) = (self.system, (&self.u[..], &self.u_dot[..]), (self.p, &[][..]));
        system.record_along(t, u, p, (&mut self.du, &mut self.du_dot), (&mut self.tape, &mut self.tape_dot));
        system.vjp_along(
            p,
            (&self.tape, &self.tape_dot),
            (lambda, &[]),
            (&mut self.u_bar, &mut self.u_bar_dot),
            (&mut self.p_bar, &mut self.p_bar_dot),
        );
        if let Some(running) = self.running {
            running.add_along(t, u, self.p, (&mut self.u_bar_dot, &mut self.p_bar_dot));
        }
    }
}

/// Adds $A x$, $A$ by columns.
fn multiply(pattern: Option<&Sparsity>, values: &[f64], x: &[f64], out: &mut [f64]) {
    match pattern {
        None => {
            for (column, x) in values.chunks_exact(out.len()).zip(x) {
                out.iter_mut().zip(column).for_each(|(out, a)| *out += a * x);
            }
        }
        Some(pattern) => {
            let mut values = values.iter();
            for (rows, x) in pattern.columns().zip(x) {
                rows.iter().zip(&mut values).for_each(|(i, a)| out[*i] += a * x);
            }
        }
    }
}

impl Rhs for Equations<'_> {
    fn eval(&mut self, _stage: usize, t: f64, y: &[f64], dy: &mut [f64]) {
        self.evaluate(t, y, dy);
    }

    fn try_eval(&mut self, t: f64, y: &[f64], dy: &mut [f64]) {
        self.evaluate(t, y, dy);
    }
}

impl Implicit for Equations<'_> {
    fn dimension(&self) -> usize {
        self.layout.len()
    }

    fn jacobian(&mut self, t: f64, y: &[f64], _dy: &[f64], values: &mut [f64], statistics: &mut Statistics) {
        statistics.jacobians += 1;
        self.find(t, y);
        if let Some(jacobian) = &mut self.transposed {
            jacobian.evaluate(self.system, (t, &self.u, self.p), values);
            return values.iter_mut().for_each(|value| *value = -*value);
        }
        let Layout { n, sums, carries } = self.layout;
        let (q, carried, len) = (self.p_bar.len(), self.layout.carried(), self.layout.len());
        if carries {
            for j in 0..n {
                self.u_dot.fill(0.0);
                self.u_dot[j] = 1.0;
                self.go_along((t, 0.0), &y[..n]);
                self.h_u[j * n..][..n].copy_from_slice(&self.u_bar_dot);
                self.h_p[j * q..][..q].copy_from_slice(&self.p_bar_dot);
            }
        }
        self.system.record(t, &self.u, self.p, &mut self.du, &mut self.tape);
        self.system.jacobian(self.p, &self.tape, &mut self.f_u, &mut self.f_p, q);
        let entry = |row: usize, column: usize| match (row, column) {
            (i, k) if i < n && k < n => -self.f_u[k * n + i],
            (j, k) if j < carried && k < n => -self.f_p[k * q + j - n],
            (i, k) if i < n && k >= carried => -self.h_u[(k - carried) * n + i],
            (j, k) if j < carried && k >= carried => -self.h_p[(k - carried) * q + j - n],
            (i, k) if i >= carried && k >= carried => self.f_u[(i - carried) * n + k - carried],
            _ => 0.0,
        };
        debug_assert!(sums == 0 || sums == q);
        match &self.pattern {
            None => {
                for (k, column) in values.chunks_exact_mut(len).enumerate() {
                    column.iter_mut().enumerate().for_each(|(i, value)| *value = entry(i, k));
                }
            }
            Some(pattern) => {
                let mut values = values.iter_mut();
                for (k, rows) in pattern.columns().enumerate() {
                    rows.iter().zip(&mut values).for_each(|(i, value)| *value = entry(*i, k));
                }
            }
        }
    }

    /// Exact: along the solution, or where it is carried along with the state fixed.
    fn time_derivative(
        &mut self,
        t: f64,
        y: &[f64],
        _dy: &[f64],
        dy_dt: &mut [f64],
        _statistics: &mut Statistics,
    ) -> bool {
        let Layout { n, sums, carries } = self.layout;
        if carries && self.running.is_none() && self.system.is_autonomous() {
            return false;
        }
        match &mut self.path {
            Some(path) => path.read_along(t, &mut self.u, &mut self.u_dot),
            None => {
                self.u.copy_from_slice(&y[n + sums..]);
                self.u_dot.fill(0.0);
            }
        }
        self.go_along((t, 1.0), &y[..n]);
        let (lambda, rest) = dy_dt.split_at_mut(n);
        let (mu, u) = rest.split_at_mut(sums);
        lambda.iter_mut().zip(&self.u_bar_dot).for_each(|(out, bar)| *out = -bar);
        mu.iter_mut().zip(&self.p_bar_dot).for_each(|(out, bar)| *out = -bar);
        if carries {
            u.copy_from_slice(&self.du_dot);
        }
        true
    }

    fn sparsity(&self) -> Option<&Sparsity> {
        self.pattern.as_ref()
    }

    fn mass(&self) -> Option<&MassMatrix> {
        self.mass.as_ref()
    }
}

#[cfg(test)]
mod tests;
