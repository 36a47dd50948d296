//! A system with its parameters, as implicit methods see it.

use super::integrate::Span;
use super::linear::krylov::Preconditioner;
use super::options::{Method, Options, Tolerance};
use super::solution::Statistics;
use super::stepper::{Implicit, Preconditioning, Rhs};
use crate::model::{Colouring, MassMatrix, Sparsity, System};
use std::ops::Deref;
use std::sync::Arc;

/// Makes a preconditioner from $t$, $u$, $p$ and $\sigma$.
pub(crate) type PreconditionerMaker = Arc<dyn Fn(f64, &[f64], &[f64], f64) -> Preconditioner + Send + Sync>;

/// Evaluates a system, held in some way, plainly; derivatives are its own, or differences where it has none.
pub(crate) struct Plain<P> {
    pub system: P,
    pub p: Vec<f64>,
    mass: Option<MassMatrix>,
    atol: Tolerance,
    /// Whether a non-stiff part is taken explicitly.
    split: bool,
    /// The time to go, with its direction.
    pub span: f64,
    /// Whether a derivative was formed by differences.
    pub differences: bool,
    /// Makes a preconditioner from $t$, $u$, $p$ and $\sigma$.
    pub preconditioner: Option<PreconditionerMaker>,
    colouring: Option<Colouring>,
    shifted: Vec<f64>,
    shifts: Vec<f64>,
    slope: Vec<f64>,
}

impl<P: Deref<Target: System>> Plain<P> {
    pub fn new(system: P, p: &[f64], options: &Options, span: Span) -> Self {
        Plain {
            span: span.end - span.start,
            split: matches!(options.method, Method::KenCarp4 | Method::Automatic) && system.split().is_some(),
            p: p.to_vec(),
            mass: system.mass_matrix().filter(|mass| !mass.is_identity()),
            atol: options.atol.clone(),
            differences: false,
            preconditioner: None,
            colouring: None,
            shifted: Vec::new(),
            shifts: Vec::new(),
            slope: Vec::new(),
            system,
        }
    }

    /// The part that is solved for implicitly, where that is not all.
    fn stiff_part(&self) -> Option<&dyn System> {
        self.system.split().filter(|_| self.split).map(|(stiff, _)| stiff)
    }

    /// $f_u$ by forward differences: all columns of a colour at once, where there is a pattern, otherwise one by one.
    fn differences(&mut self, t: f64, u: &[f64], f: &[f64], values: &mut [f64], statistics: &mut Statistics) {
        let n = u.len();
        self.differences = true;
        for v in [&mut self.shifted, &mut self.slope, &mut self.shifts] {
            v.resize(n, 0.0);
        }
        let part = self.system.split().filter(|_| self.split).map(|(stiff, _)| stiff);
        let sparsity = part.map_or_else(|| self.system.sparsity(), |stiff| stiff.sparsity());
        let colouring = self.colouring.get_or_insert_with(|| match sparsity {
            Some(sparsity) => sparsity.colouring(),
            None => Colouring { colour: (0..n).collect(), count: n },
        });
        self.shifted.copy_from_slice(u);
        for colour in 0..colouring.count {
            let in_colour = |j: &usize| colouring.colour[*j] == colour;
            // Without a pattern a colour is a column.
            let columns = if sparsity.is_some() { 0..n } else { colour..colour + 1 };
            for j in columns.clone().filter(in_colour) {
                // Half the digits of the state; near zero as much of it as is noise, since half the digits of next to
                // nothing would drown in the rounding of f.
                let size = (f64::EPSILON.sqrt() * u[j].abs()).max(self.atol.of(j));
                self.shifted[j] = u[j] + size;
                self.shifts[j] = self.shifted[j] - u[j];
            }
            match part {
                Some(stiff) => stiff.eval(t, &self.shifted, &self.p, &mut self.slope),
                None => self.system.eval(t, &self.shifted, &self.p, &mut self.slope),
            }
            statistics.rhs += 1;
            for j in columns.filter(in_colour) {
                self.shifted[j] = u[j];
                let change = |i: usize| (self.slope[i] - f[i]) / self.shifts[j];
                match sparsity {
                    None => values[j * n..(j + 1) * n].iter_mut().enumerate().for_each(|(i, x)| *x = change(i)),
                    Some(sparsity) => {
                        let entries = &mut values[sparsity.starts()[j]..];
                        entries.iter_mut().zip(sparsity.column(j)).for_each(|(x, i)| *x = change(*i));
                    }
                }
            }
        }
    }
}

impl<P: Deref<Target: System>> Rhs for Plain<P> {
    #[inline(always)]
    fn eval(&mut self, _stage: usize, t: f64, u: &[f64], du: &mut [f64]) {
        self.system.eval(t, u, &self.p, du);
    }

    fn try_eval(&mut self, t: f64, u: &[f64], du: &mut [f64]) {
        self.system.eval(t, u, &self.p, du);
    }
}

impl<P: Deref<Target: System>> Implicit for Plain<P> {
    fn dimension(&self) -> usize {
        self.system.dimension()
    }

    fn jacobian(&mut self, t: f64, u: &[f64], f: &[f64], values: &mut [f64], statistics: &mut Statistics) {
        statistics.jacobians += 1;
        let exact = match self.stiff_part() {
            Some(stiff) => stiff.state_jacobian(t, u, &self.p, values),
            None => self.system.state_jacobian(t, u, &self.p, values),
        };
        if !exact {
            self.differences(t, u, f, values, statistics);
        }
    }

    fn time_derivative(&mut self, t: f64, u: &[f64], f: &[f64], f_t: &mut [f64], statistics: &mut Statistics) -> bool {
        if self.system.is_autonomous() {
            return false;
        }
        if !self.system.time_derivative(t, u, &self.p, f_t) {
            // Ahead, where the step goes: what lies behind may be the other side of a jump.
            let later = t + (f64::EPSILON.sqrt() * t.abs().max(1e-4 * self.span.abs())).copysign(self.span);
            self.system.eval(later, u, &self.p, f_t);
            statistics.rhs += 1;
            for (d, f) in f_t.iter_mut().zip(f) {
                *d = (*d - f) / (later - t);
            }
        }
        true
    }

    fn sparsity(&self) -> Option<&Sparsity> {
        self.stiff_part().map_or_else(|| self.system.sparsity(), |stiff| stiff.sparsity())
    }

    fn mass(&self) -> Option<&MassMatrix> {
        self.mass.as_ref()
    }

    fn preconditioning(&self) -> Option<Preconditioning> {
        let (make, p) = (Arc::clone(self.preconditioner.as_ref()?), self.p.clone());
        Some(Arc::new(move |t, u, sigma| make(t, u, &p, sigma)))
    }

    fn is_split(&self) -> bool {
        self.split
    }

    fn eval_stiff(&mut self, _stage: usize, t: f64, u: &[f64], du: &mut [f64]) {
        match self.stiff_part() {
            Some(stiff) => stiff.eval(t, u, &self.p, du),
            None => self.system.eval(t, u, &self.p, du),
        }
    }

    fn eval_nonstiff(&mut self, t: f64, u: &[f64], du: &mut [f64]) {
        match self.system.split() {
            Some((_, nonstiff)) => nonstiff.eval(t, u, &self.p, du),
            None => du.fill(0.0),
        }
    }
}
