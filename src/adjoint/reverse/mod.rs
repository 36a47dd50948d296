//! Steps of any method, backwards.
//!
//! A step takes the state $u$, and for some methods a slope that the step before has left, to $u_+$ and the next slope.
//! Going back over it takes the cotangents of what it led to, and of what was read inside it, to those of what it began
//! with. One file a family of methods; all of them see the system through pointers and are compiled once.

mod bdf;
mod esdirk;
mod explicit;
#[cfg(test)]
pub(super) mod frozen;
mod initial_slope;
mod nearby;
pub(super) mod radau;
mod rosenbrock;
mod stabilized;
pub(super) mod transposed;

use super::families::Family;
use crate::model::Differentiable;
use crate::ode::Method;

/// A step as it was made.
#[derive(Clone, Copy)]
pub(super) struct Made<'r> {
    pub t: f64,
    pub h: f64,
    /// State at its start.
    pub u: &'r [f64],
    /// What the method keeps of a step; see `Stepper::keep_stages`.
    pub stages: &'r [f64],
    /// Whether the method began afresh with it, so that its first slope is $f(t, u)$.
    pub begins: bool,
}

/// A state that was read inside a step, at $\theta$, with its cotangent.
#[derive(Clone, Copy)]
pub(super) struct Read<'r> {
    pub theta: f64,
    pub bar: &'r [f64],
}

/// What a sweep carries from step to step.
#[derive(Debug, Default)]
pub(super) struct Bars {
    /// Cotangent of the state.
    pub u: Vec<f64>,
    /// Cotangent of the slope that the next step has taken over.
    pub slope: Vec<f64>,
    /// Cotangents of the differences that the next step has taken over from this one, from $\nabla^0 u$ on, whose place is
    /// free: it is the state. Empty where the method has none.
    pub differences: Vec<f64>,
    /// Cotangent of the parameters.
    pub p: Vec<f64>,
}

/// A family of methods, backwards.
pub(super) trait Reverse: Send {
    /// Goes back over a step. Fails with a column where a matrix of it is singular.
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &[Read],
        bars: &mut Bars,
    ) -> Result<(), usize>;
}

/// A method, backwards; none for [`Method::Automatic`], which is none by itself.
pub(super) fn reverse(method: Method, system: &dyn Differentiable) -> Option<Box<dyn Reverse>> {
    use crate::ode::implicit::radau::{Radau5, Radau9, Radau13};
    use crate::ode::stabilized::{Rkc2, Rock4};
    Some(match (Family::of(method), method) {
        (Family::Explicit(row), _) => Box::new(explicit::Explicit::new(row)),
        (Family::Rosenbrock(row), _) => Box::new(rosenbrock::Rosenbrock::new(row, system)),
        (Family::Esdirk(row), _) => Box::new(esdirk::Esdirk::new(row, system)),
        (Family::Other, Method::Radau5) => Box::new(radau::Radau::of::<Radau5>(system)),
        (Family::Other, Method::Radau9) => Box::new(radau::Radau::of::<Radau9>(system)),
        (Family::Other, Method::Radau13) => Box::new(radau::Radau::of::<Radau13>(system)),
        (Family::Other, Method::Rkc2) => Box::new(stabilized::Stabilized::<Rkc2>::new()),
        (Family::Other, Method::Rock4) => Box::new(stabilized::Stabilized::<Rock4>::new()),
        (Family::Other, Method::Bdf) => Box::new(bdf::Bdf::of(system)),
        _ => return None,
    })
}

/// `y += a x`.
pub(super) fn add(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}
