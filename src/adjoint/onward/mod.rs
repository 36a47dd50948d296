//! Sensitivities over steps of any method: the derivative of a step, forwards.
//!
//! $S = \partial u / \partial (p, u_0)$ is carried from the start of a step to its end and to what was read inside it,
//! by the derivatives of the very equations that the step has solved, after it has been accepted (staggered: nothing is spent
//! on rejected attempts). One file a family of methods, as in [`reverse`](super::reverse).

mod bdf;
mod esdirk;
mod explicit;
mod initial_slope;
mod linearized;
mod radau;
mod rosenbrock;
mod second;
mod stabilized;
#[cfg(test)]
mod tests;

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
    /// The same of the differences that it takes over, $\nabla^0 u$ and so on, where the method has them.
    pub differences: Vec<f64>,
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

/// A method, forwards; none for [`Method::Automatic`], which is none by itself.
pub(super) fn onward(method: Method, system: &dyn Differentiable) -> Option<Box<dyn Onward>> {
    use crate::ode::implicit::radau::{Radau5, Radau9, Radau13};
    use crate::ode::stabilized::{Rkc2, Rock4};
    Some(match (Family::of(method), method) {
        (Family::Explicit(row), _) => Box::new(explicit::Explicit::new(row)),
        (Family::Rosenbrock(row), _) => Box::new(rosenbrock::Rosenbrock::new(row, system)),
        (Family::Esdirk(row), _) => Box::new(esdirk::Esdirk::new(row, system)),
        (Family::Other, Method::Radau5) => Box::new(radau::Radau::of::<Radau5>(system)),
        (Family::Other, Method::Radau9) => Box::new(radau::Radau::of::<Radau9>(system)),
        (Family::Other, Method::Radau13) => Box::new(radau::Radau::of::<Radau13>(system)),
        (Family::Other, Method::Rkc2) => Box::new(stabilized::Stabilized::<Rkc2>::new(system)),
        (Family::Other, Method::Rock4) => Box::new(stabilized::Stabilized::<Rock4>::new(system)),
        (Family::Other, Method::Bdf) => Box::new(bdf::Bdf::new(system)),
        _ => return None,
    })
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
