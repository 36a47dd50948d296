//! Steps of any method, backwards.
//!
//! A step takes the state $u$, and for some methods a slope that the step before has left, to $u_+$ and the next slope.
//! Going back over it takes the cotangents of what it led to, and of what was read inside it, to those of what it began
//! with. One file a family of methods; all of them see the system through pointers and are compiled once.

mod bdf;
mod esdirk;
mod explicit;
#[cfg(test)]
mod frozen;
pub(super) mod initial_slope;
mod radau;
mod rosenbrock;
mod stabilized;
pub(super) mod transposed;

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

/// A method, backwards; none for those whose steps are not differentiated yet.
pub(super) fn reverse(method: Method, system: &dyn Differentiable) -> Option<Box<dyn Reverse>> {
    use crate::ode::explicit::{Bs3, Dop853, Euler, Heun, Rk4, Ssprk33, Ssprk104, Tsit5, Vern7, Vern9};
    use crate::ode::implicit::esdirk::{KenCarp4, Kvaerno5, TrBdf2};
    use crate::ode::implicit::radau::{Radau5, Radau9, Radau13};
    use crate::ode::implicit::rosenbrock::{Rodas4, Rodas5P, Rosenbrock23};
    use crate::ode::stabilized::{Rkc2, Rock4};
    use bdf::Bdf;
    use esdirk::Esdirk;
    use explicit::Explicit;
    use radau::Radau;
    use rosenbrock::Rosenbrock;
    use stabilized::Stabilized;
    Some(match method {
        Method::Euler => Box::new(Explicit::of::<Euler>()),
        Method::Heun => Box::new(Explicit::of::<Heun>()),
        Method::Rk4 => Box::new(Explicit::of::<Rk4>()),
        Method::Bs3 => Box::new(Explicit::of::<Bs3>()),
        Method::Tsit5 => Box::new(Explicit::of::<Tsit5>()),
        Method::Vern7 => Box::new(Explicit::of::<Vern7>()),
        Method::Vern9 => Box::new(Explicit::of::<Vern9>()),
        Method::Dop853 => Box::new(Explicit::of::<Dop853>()),
        Method::Ssprk33 => Box::new(Explicit::of::<Ssprk33>()),
        Method::Ssprk104 => Box::new(Explicit::of::<Ssprk104>()),
        Method::Rosenbrock23 => Box::new(Rosenbrock::of::<Rosenbrock23>(system)),
        Method::Rodas4 => Box::new(Rosenbrock::of::<Rodas4>(system)),
        Method::Rodas5P => Box::new(Rosenbrock::of::<Rodas5P>(system)),
        Method::TrBdf2 => Box::new(Esdirk::of::<TrBdf2>(system)),
        Method::KenCarp4 => Box::new(Esdirk::of::<KenCarp4>(system)),
        Method::Kvaerno5 => Box::new(Esdirk::of::<Kvaerno5>(system)),
        Method::Radau5 => Box::new(Radau::of::<Radau5>(system)),
        Method::Radau9 => Box::new(Radau::of::<Radau9>(system)),
        Method::Radau13 => Box::new(Radau::of::<Radau13>(system)),
        Method::Rkc2 => Box::new(Stabilized::<Rkc2>::new()),
        Method::Rock4 => Box::new(Stabilized::<Rock4>::new()),
        Method::Bdf => Box::new(Bdf::of(system)),
        _ => return None,
    })
}

/// Whether the steps of a method are differentiated backwards.
pub(super) fn is_differentiated(method: Method) -> bool {
    use Method::{Bdf, KenCarp4, Kvaerno5, Radau5, Radau9, Radau13, Rodas4, Rodas5P, Rosenbrock23, TrBdf2};
    let rosenbrock = matches!(method, Rosenbrock23 | Rodas4 | Rodas5P);
    let esdirk = matches!(method, TrBdf2 | KenCarp4 | Kvaerno5);
    method.is_explicit() || rosenbrock || esdirk || matches!(method, Radau5 | Radau9 | Radau13 | Bdf)
}

/// `y += a x`.
pub(super) fn add(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}
