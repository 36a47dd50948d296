//! Which order and which step come next, and what the tolerance means.
//!
//! # What is asked of a step
//! With an error of $\tau$ allowed in a step, $h \propto \tau^{1/(k+1)}$ and the steps are $\propto \tau^{-1/(k+1)}$ in
//! number. Their errors add up, so that the error at the end is $\propto \tau^{k/(k+1)}$: over $\tau$ it grows, from a
//! few at $10^{-4}$ to hundreds at $10^{-10}$. Therefore a step is held to
//!
//! $$ \tau = \text{rtol} \cdot \min\bigl(1, (\text{rtol} / 10^{-3})^{1/6}\bigr) , $$
//!
//! so that the error at the end goes with rtol, as it would with an error allowed per unit of time (L. F. Shampine,
//! *Numerical Solution of Ordinary Differential Equations*, Chapman & Hall 1994, on tolerance proportionality), without
//! a unit to choose. For order 5, that of nearly all steps at low tolerances, 1/5 would be exact; with 1/6, which costs
//! fewer steps, the quotient grows by 7 % in a decade in place of 47 %.
//!
//! # What is aimed at
//! At the part [`AIM`] of that: an attempt that turns out worse than expected still passes, where a rejection costs a
//! factorisation besides the attempt. CVODE aims at 1/6, and at 1/10 for a higher order (S. D. Cohen, A. C. Hindmarsh,
//! *CVODE, a stiff/nonstiff ODE solver in C*, Computers in Physics 10 (1996) 138–143).

use super::MAX_ORDER;

/// Error aimed at, relative to the one allowed.
pub const AIM: f64 = 1.0 / 15.0;
/// Changes of the step by factors between these are not worth it: they disturb the formula.
const NOT_WORTH_IT: std::ops::Range<f64> = 0.9..1.2;
const GROW: f64 = 10.0;
const SHRINK: f64 = 0.2;
/// After a rejection the step is not longer than this times the one that failed.
const RETREAT: f64 = 0.9;
/// Tolerance from which on steps are held to less than it.
const LOOSE: f64 = 1e-3;
/// No step is held to less than this for the sake of the sum: it is as much as rounding allows.
const ROUNDING: f64 = 1e-14;

/// How many times smaller than the tolerance the error of a step has to be.
pub fn strictness(rtol: f64) -> f64 {
    (LOOSE / rtol).max(1.0).powf(1.0 / 6.0).min((rtol / ROUNDING).max(1.0))
}

/// The factor by which the step of a formula of this order can change, with the error that it made.
fn factor(order: usize, norm: f64) -> f64 {
    (norm.max(1e-12) / AIM).powf(-1.0 / (order as f64 + 1.0))
}

/// The order that promises the longest step, and the factor for it; `None` to stay with both. `norms` are the errors of
/// the order below, this and the one above, not finite where they are not to be had.
pub fn next(order: usize, norms: [f64; 3]) -> Option<(usize, f64)> {
    let (best, growth) = best(order, norms);
    let stays = if best == order { NOT_WORTH_IT } else { NOT_WORTH_IT.start..1.0 };
    if stays.contains(&growth) { None } else { Some((best, growth.clamp(SHRINK, GROW))) }
}

/// Order and factor for another attempt after one whose error was too large.
pub fn after_failure(order: usize, below: f64, norm: f64) -> (usize, f64) {
    let (best, growth) = best(order, [below, norm, f64::INFINITY]);
    (best, growth.clamp(SHRINK, RETREAT))
}

fn best(order: usize, norms: [f64; 3]) -> (usize, f64) {
    let mut best = (order, factor(order, norms[1]));
    for (candidate, norm) in [(order - 1, norms[0]), (order + 1, norms[2])] {
        if (1..=MAX_ORDER).contains(&candidate) && norm.is_finite() && factor(candidate, norm) > best.1 {
            best = (candidate, factor(candidate, norm));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps $h = \tau^{1/6}$ have errors that add up to $\tau / h$.
    #[test]
    fn the_sum_of_errors_goes_with_the_tolerance() {
        let sum = |allowed: f64| allowed / allowed.powf(1.0 / 6.0);
        let growth = |strictness: fn(f64) -> f64| {
            let over_rtol = |rtol: f64| sum(rtol / strictness(rtol)) / rtol;
            over_rtol(1e-12) / over_rtol(1e-3)
        };
        assert!((growth(|_| 1.0) - 10f64.powf(1.5)).abs() < 1e-9);
        assert!((growth(strictness) - 10f64.powf(0.25)).abs() < 1e-9);
    }

    #[test]
    fn strictness_has_limits() {
        for rtol in [1.0, 1e-2, 1e-3, 1e-14, 1e-16, 0.0] {
            assert_eq!(strictness(rtol), 1.0, "{rtol:e}");
        }
    }

    #[test]
    fn a_step_stays_where_it_is_good() {
        assert_eq!(next(3, [1.0, AIM, 1.0]), None);
        let (order, growth) = next(3, [1.0, 1e-4 * AIM, 1.0]).unwrap();
        assert!(order == 3 && (growth - 10.0).abs() < 1e-9, "{order}, {growth}");
        let (order, growth) = next(3, [1.0, 0.5, 1.0]).unwrap();
        assert!(order == 3 && growth < 0.9, "{order}, {growth}");
    }

    #[test]
    fn the_order_with_the_longest_step_wins() {
        assert_eq!(next(3, [1e-6, 1e-3, 1e-3]).unwrap().0, 2);
        assert_eq!(next(3, [1e-2, 1e-3, 1e-6]).unwrap().0, 4);
        // There is nothing beyond the ends.
        assert_eq!(next(5, [1.0, 1e-6, 0.0]).unwrap().0, 5);
        assert_eq!(next(1, [0.0, 1e-6, 1.0]).unwrap().0, 1);
        assert_eq!(next(2, [f64::NAN, 1e-6, f64::INFINITY]).unwrap().0, 2);
    }

    /// Noise in the differences grows with their order: where it fails the test, a lower order is what helps, as
    /// shorter steps do not.
    #[test]
    fn a_failure_can_lower_the_order() {
        let (order, growth) = after_failure(5, 0.5, 2.0);
        assert!(order == 4 && growth < 0.9, "{order}, {growth}");
        assert_eq!(after_failure(5, 4.0, 2.0).0, 5);
        assert_eq!(after_failure(1, 0.0, 2.0).0, 1);
    }
}
