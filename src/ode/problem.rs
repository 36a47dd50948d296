//! A system with its parameters, as implicit methods see it.

use super::integrate::Span;
use super::linear::krylov::Preconditioner;
use super::options::{Method, Options, Tolerance};
use super::solution::Statistics;
use super::stepper::{Implicit, Preconditioning, Rhs};
use crate::model::{MassMatrix, Sparsity, System};
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
    span: f64,
    /// Whether a derivative was formed by differences.
    pub differences: bool,
    /// Makes a preconditioner from $t$, $u$, $p$ and $\sigma$.
    pub preconditioner: Option<PreconditionerMaker>,
    shifted: Vec<f64>,
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
            shifted: Vec::new(),
            slope: Vec::new(),
            system,
        }
    }

    /// The part that is solved for implicitly, where that is not all.
    fn stiff_part(&self) -> Option<&dyn System> {
        self.system.split().filter(|_| self.split).map(|(stiff, _)| stiff)
    }

    /// Columns of $f_u$ by forward differences; columns that never meet in a row could share one, which a system that
    /// knows its sparsity does itself.
    fn differences(&mut self, t: f64, u: &[f64], f: &[f64], values: &mut [f64], statistics: &mut Statistics) {
        let n = u.len();
        self.differences = true;
        self.shifted.resize(n, 0.0);
        self.slope.resize(n, 0.0);
        self.shifted.copy_from_slice(u);
        let mut at = 0;
        for j in 0..n {
            // Half the digits of the state; near zero as much of it as is noise, since half the digits of next to
            // nothing would drown in the rounding of f.
            let size = (f64::EPSILON.sqrt() * u[j].abs()).max(self.atol.of(j));
            self.shifted[j] = u[j] + size;
            let delta = self.shifted[j] - u[j];
            match self.system.split().filter(|_| self.split) {
                Some((stiff, _)) => stiff.eval(t, &self.shifted, &self.p, &mut self.slope),
                None => self.system.eval(t, &self.shifted, &self.p, &mut self.slope),
            }
            statistics.rhs += 1;
            self.shifted[j] = u[j];
            let split = self.system.split().filter(|_| self.split);
            match split.map_or_else(|| self.system.sparsity(), |(stiff, _)| stiff.sparsity()) {
                None => {
                    for i in 0..n {
                        values[j * n + i] = (self.slope[i] - f[i]) / delta;
                    }
                }
                Some(sparsity) => {
                    for i in sparsity.column(j) {
                        values[at] = (self.slope[*i] - f[*i]) / delta;
                        at += 1;
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
            self.differences = true;
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
