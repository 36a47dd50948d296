//! Pseudo-transient continuation: along the transient to rest with ever longer steps.

use crate::ode::control::{error_norm, first_not_finite};
use crate::ode::damped_newton::{DampedNewton, Failure, Limits, Shift};
use crate::ode::stepper::{Context, Implicit};

/// Steps before giving up.
const STEPS: usize = 500;
/// What a step grows by besides what the residual shrinks by, so that it also grows along a slow way.
const GROWTH: f64 = 1.5;
/// A step after which the residual is this much larger is made again, shorter.
const WORSE: f64 = 10.0;
/// Newton's method takes over when a step moves the state by less than this part of it.
const NEAR: f64 = 0.01;
/// Newton's method near the solution: whole steps.
pub const NEARBY: Limits = Limits { iterations: 60, smallest_part: 1.0 };

/// Goes from the guess in `u` to where $f(u) = 0$, or as near as it gets: linearly implicit Euler steps
///
/// $$ \Bigl(\frac{1}{\tau_k} M - f_u\Bigr) (u_{k+1} - u_k) = f(u_k), \qquad
/// \tau_{k+1} = 1.5 \tau_k \frac{\Vert f(u_k) \Vert}{\Vert f(u_{k+1}) \Vert}, $$
///
/// which follow the transient while $\tau$ is short and are Newton's method when it is long: switched evolution
/// relaxation, here with a factor of 1.5 more. C. T. Kelley, D. E. Keyes, *Convergence analysis of pseudo-transient
/// continuation*, SIAM J. Numer. Anal. 35 (1998).
pub fn continuation<F: Implicit + ?Sized>(
    f: &mut F,
    newton: &mut DampedNewton,
    t: f64,
    u: &mut [f64],
    cx: &mut Context,
) -> Result<(), Failure> {
    let n = u.len();
    let scales: Vec<f64> = (0..n).map(|i| cx.options.atol.of(i) + cx.options.rtol * u[i].abs()).collect();
    let norm = |x: &[f64]| (x.iter().zip(&scales).map(|(x, s)| (x / s).powi(2)).sum::<f64>() / n as f64).sqrt();
    let (mut slope, mut trial, mut nearby) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    f.try_eval(t, u, &mut slope);
    if let Some(component) = first_not_finite(&slope) {
        return Err(Failure::NotFinite(component));
    }
    let mut size = norm(&slope);
    // A first step by a hundredth of the state.
    let mut tau = 0.01 * norm(u).max(1.0) / size;
    let (mut tried, mut failure) = (f64::INFINITY, Failure::Stuck);
    for _ in 0..STEPS {
        if size == 0.0 {
            return Ok(());
        }
        if !(tau.is_finite() && tau > 0.0) {
            break;
        }
        newton.iterations += 1;
        if newton.correct(f, Shift::By(1.0 / tau), t, u, cx).is_err() {
            tau *= 0.25;
            continue;
        }
        for (x, (u, d)) in trial.iter_mut().zip(u.iter().zip(&newton.delta)) {
            *x = u + d;
        }
        f.try_eval(t, &trial, &mut slope);
        cx.statistics.rhs += 1;
        let new_size = norm(&slope);
        if first_not_finite(&slope).is_some() || !new_size.is_finite() || new_size > WORSE * size {
            tau *= 0.25;
            continue;
        }
        let moved = error_norm(cx.options, &newton.delta, &trial, &trial);
        u.copy_from_slice(&trial);
        tau *= GROWTH * (size / new_size).clamp(0.1, 1e3);
        size = new_size;
        if moved * cx.options.rtol <= NEAR && moved <= 0.5 * tried {
            tried = moved;
            nearby.copy_from_slice(u);
            match newton.solve(f, Shift::By(0.0), t, &mut nearby, NEARBY, cx) {
                Ok(()) => {
                    u.copy_from_slice(&nearby);
                    return Ok(());
                }
                Err(why) => failure = why,
            }
        }
    }
    Err(failure)
}
