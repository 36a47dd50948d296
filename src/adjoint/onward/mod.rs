//! Sensitivities over steps of any method: the derivative of a step, forwards.
//!
//! $S = \partial u / \partial (p, u_0)$ is carried from the start of a step to its end and to what was read inside it,
//! by the derivatives of the very equations that the step has solved, after it has been accepted (staggered: nothing is spent
//! on rejected attempts). One file a family of methods, as in [`reverse`](super::reverse).

mod esdirk;
mod explicit;
mod linearized;
mod rosenbrock;

use super::families::Family;
use super::reverse::Made;
use crate::model::Differentiable;
use crate::number::simd::{Kernel, axpy, dispatch};
use crate::ode::Method;

/// Matrices of `n` rows and a column for each parameter and initial state.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried {
    pub columns: usize,
    /// $\partial u / \partial (p, u_0)$, row by row.
    pub s: Vec<f64>,
    /// The same of the slope that the next step takes over.
    pub slope: Vec<f64>,
}

/// A state that is read inside a step, at $\theta$, and where its sensitivity goes.
pub(super) struct ReadOff<'r> {
    pub theta: f64,
    pub out: &'r mut [f64],
}

/// A family of methods, forwards.
pub(super) trait Onward: Send {
    /// Carries the sensitivities over a step. Fails with a column where a matrix of it is singular.
    fn step(
        &mut self,
        system: &dyn Differentiable,
        p: &[f64],
        step: &Made,
        reads: &mut [ReadOff],
        carried: &mut Carried,
    ) -> Result<(), usize>;
}

/// A method, forwards; none for those over whose steps sensitivities are not carried yet.
pub(super) fn onward(method: Method, system: &dyn Differentiable) -> Option<Box<dyn Onward>> {
    Some(match Family::of(method) {
        Family::Explicit(row) => Box::new(explicit::Explicit::new(row)),
        Family::Rosenbrock(row) => Box::new(rosenbrock::Rosenbrock::new(row, system)),
        Family::Esdirk(row) => Box::new(esdirk::Esdirk::new(row, system)),
        Family::Other => return None,
    })
}

/// Whether sensitivities are carried over the steps of a method.
pub(super) fn is_carried(method: Method) -> bool {
    !matches!(Family::of(method), Family::Other)
}

/// `y += a x` over long rows.
fn add(a: f64, x: &[f64], y: &mut [f64]) {
    struct Add<'a>(f64, &'a [f64], &'a mut [f64]);
    impl Kernel for Add<'_> {
        type Output = ();
        #[inline(always)]
        fn run<const FMA: bool>(self) {
            axpy::<FMA>(self.0, self.1, self.2);
        }
    }
    if a != 0.0 {
        dispatch(Add(a, x, y));
    }
}

/// $Y \mathrel{+}= \alpha F X$ with a square $F$, row by row, and long rows of $X$ and $Y$.
fn add_product(alpha: f64, f: &[f64], x: &[f64], y: &mut [f64], columns: usize) {
    let n = y.len() / columns.max(1);
    for (row, f_row) in y.chunks_exact_mut(columns).zip(f.chunks_exact(n.max(1))) {
        for (f, x) in f_row.iter().zip(x.chunks_exact(columns)) {
            add(alpha * f, x, row);
        }
    }
}
