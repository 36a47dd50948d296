//! The error of a dense output.

use super::matrix::IterationMatrix;
use crate::ode::control::{error_norm, first_not_finite};
use crate::ode::stepper::{Context, Implicit, Rejection};

/// Where in the step it is looked at: away from the middle and from the nodes of Radau methods.
pub(crate) const LOOK: f64 = 0.43;
/// The error between the steps may be this many times the tolerance of a step: it does not add up, but one look misses the
/// largest by a factor of a few.
const ALLOWED: f64 = 1.0;

/// The scaled error of a dense output $p$ over what is allowed: its defect, seen through the matrix at hand,
///
/// $$ e \approx (\sigma M - f_u)^{-1} \bigl(f(t, p) - M \dot p\bigr) . $$
///
/// That is the error in components that follow others at once, whose dense output is of the order of the stages only and
/// which the estimate at the end of the step, where they are exact, does not see. Of the others it is an estimate of the
/// right order. `p` and `slope` hold $p$ and $\dot p$; the result is written over `slope`.
#[allow(clippy::too_many_arguments)]
pub(crate) fn error_between<F: Implicit + ?Sized>(
    f: &mut F,
    matrix: &mut IterationMatrix,
    t: f64,
    p: &[f64],
    slope: &mut [f64],
    defect: &mut [f64],
    (u, u_new): (&[f64], &[f64]),
    cx: &mut Context,
) -> Result<f64, Rejection> {
    f.eval_stiff(0, t, p, defect);
    cx.statistics.rhs += 1;
    // A look beyond the domain says nothing about the step.
    if first_not_finite(defect).is_some() {
        return Ok(0.0);
    }
    match f.mass() {
        None => defect.iter_mut().zip(slope.iter()).for_each(|(d, s)| *d -= s),
        Some(mass) => {
            let mut product = crate::number::Zeros::<f64>::new(slope.len());
            mass.multiply(slope, &mut product);
            defect.iter_mut().zip(product.iter()).for_each(|(d, s)| *d -= s);
        }
    }
    matrix.solve(defect, cx)?;
    slope.copy_from_slice(defect);
    let norm = error_norm(cx.options, slope, u, u_new);
    Ok(if norm.is_nan() { 0.0 } else { norm / ALLOWED })
}
