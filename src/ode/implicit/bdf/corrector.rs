//! When the correction of a step is found, and how far its matrix may be off.
//!
//! A step changes its size or order every few steps, and each change makes another matrix. Factors for $\hat\sigma M -
//! f_u$ serve for $\sigma = \alpha_k / h$ as long as the two do not differ by more than [`MOST_LAG`]: the solution is
//! then scaled by $2 \hat\sigma / (\sigma + \hat\sigma)$, which leaves of every component the part $\vert \sigma -
//! \hat\sigma
//! \vert / (\sigma + \hat\sigma)$ at most, of the fast ones with one sign and of the slow ones with the other.
//!
//! Source: A. C. Hindmarsh and others, *SUNDIALS*, ACM Transactions on Mathematical Software 31 (2005) 363–396, section
//! 2.1, where the factor is $2 / (1 + \gamma / \bar\gamma)$.

use crate::ode::saved::Saved;

/// Relative difference of the shifts up to which factors serve. One factorisation of a large sparse matrix costs as
/// much as ten iterations or more, for a small one little depends on it.
const MOST_LAG: f64 = 0.4;

/// Iterations of Newton's method; more are not worth it where a new Jacobian helps.
const ITERATIONS: usize = 4;

/// The iteration's error must be below this part of the tolerance. A hundredth made no result better: what a step
/// leaves here does not add up over the steps, as the error of the formula does.
const KAPPA: f64 = 0.1;

/// A rate $\theta$ is trusted from step to step down to $\theta / (1 - \theta)$ of this size. Where the rate of one
/// iteration stands for all that follow, a right-hand side that turns steep (the exponential of a transistor) is left
/// with algebraic equations that do not hold, and no step is short enough to pass the next test.
const LEAST_ETA: f64 = 0.05;

/// What to do after an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Converged,
    GoOn,
    /// The iteration diverges, or would not converge in the iterations allowed.
    Failed,
}

/// The iteration's rate and the matrix it goes with.
#[derive(Clone, Copy, Debug)]
pub struct Corrector {
    /// $\hat\sigma$ of the factors; NaN when there are none that serve.
    made_for: f64,
    /// $\vert \sigma - \hat\sigma \vert / (\sigma + \hat\sigma)$.
    lag: f64,
    /// $\theta / (1 - \theta)$ of the iteration before, for the first update of the next.
    eta: f64,
    last: f64,
    iterations: usize,
    /// The worst rate with these factors, beyond what their lag explains.
    pub worst_rate: f64,
}

impl Corrector {
    pub fn new() -> Self {
        Corrector { made_for: f64::NAN, lag: 0.0, eta: 1.0, last: 0.0, iterations: 0, worst_rate: 0.0 }
    }

    /// Appends what the next iterations depend on, but for the factors.
    pub fn save(&self, out: &mut Vec<f64>) {
        out.extend([self.eta, self.worst_rate]);
    }

    /// Takes up what was saved; there are no factors.
    pub fn restore(&mut self, from: &mut Saved) {
        *self = Corrector { eta: from.number(), worst_rate: from.number(), ..Corrector::new() };
    }

    /// Says that the factors must not be used again.
    pub fn drop_factors(&mut self) {
        self.made_for = f64::NAN;
    }

    /// $\hat\sigma$ of the factors.
    pub fn made_for(&self) -> f64 {
        self.made_for
    }

    /// Whether there are factors near enough to this shift.
    pub fn serves(&self, sigma: f64) -> bool {
        (sigma / self.made_for - 1.0).abs() <= MOST_LAG
    }

    /// Whether factors for this very shift would be other ones.
    pub fn lags(&self, sigma: f64) -> bool {
        self.made_for != sigma
    }

    /// Notes the factors that were made.
    pub fn made(&mut self, sigma: f64) {
        (self.made_for, self.eta, self.worst_rate) = (sigma, 1.0, 0.0);
    }

    /// Begins the iteration for one system of equations and gives the factor of its updates.
    pub fn begin(&mut self, sigma: f64) -> f64 {
        let scale = 2.0 * self.made_for / (sigma + self.made_for);
        self.lag = (1.0 - scale).abs();
        // The rate seen last, trusted less as it is old, and no rate is better than the lag allows.
        let least = LEAST_ETA.max(self.lag / (1.0 - self.lag));
        self.eta = self.eta.max(f64::EPSILON).powf(0.8).max(least);
        self.iterations = 0;
        scale
    }

    /// Judges an update of this scaled size: what remains after it is about $\theta / (1 - \theta)$ times as large
    /// (Hairer & Wanner II, IV.8).
    pub fn judge(&mut self, size: f64) -> Verdict {
        if !size.is_finite() {
            return Verdict::Failed;
        }
        self.iterations += 1;
        if self.iterations > 1 && self.last > 0.0 {
            let rate = size / self.last;
            // Updates far below the tolerance are rounding and have no rate.
            if size > 1e-3 * KAPPA {
                self.worst_rate = self.worst_rate.max(rate - self.lag);
            }
            if rate >= 1.0 && size > KAPPA {
                return Verdict::Failed;
            }
            if rate < 1.0 {
                self.eta = rate / (1.0 - rate);
                let left = ITERATIONS.saturating_sub(self.iterations) as i32;
                if self.eta * size * rate.powi(left) > KAPPA {
                    return Verdict::Failed;
                }
            }
        }
        self.last = size;
        if self.eta * size <= KAPPA {
            Verdict::Converged
        } else if self.iterations >= ITERATIONS {
            Verdict::Failed
        } else {
            Verdict::GoOn
        }
    }
}

/// Rates up to this one let the Jacobian serve another step: for a small system, where a Jacobian costs little, and for
/// a large one.
pub fn rate_to_keep(dimension: usize) -> f64 {
    if dimension <= 50 { 0.1 } else { 0.3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> Corrector {
        let mut corrector = Corrector::new();
        corrector.made(1.0);
        assert_eq!(corrector.begin(1.0), 1.0);
        corrector
    }

    #[test]
    fn a_quick_iteration_converges_and_a_diverging_one_fails() {
        let mut c = fresh();
        assert_eq!(c.judge(1.0), Verdict::GoOn);
        assert_eq!(c.judge(1e-2), Verdict::Converged);
        let mut c = fresh();
        assert_eq!(c.judge(1.0), Verdict::GoOn);
        assert_eq!(c.judge(1.5), Verdict::Failed);
        assert_eq!(c.judge(f64::NAN), Verdict::Failed);
        // Three more updates at this rate would not do.
        let mut c = fresh();
        assert_eq!(c.judge(10.0), Verdict::GoOn);
        assert_eq!(c.judge(8.0), Verdict::Failed);
    }

    /// However well the iterations before went, a large first update is followed by a second.
    #[test]
    fn a_large_first_update_is_not_taken_on_trust() {
        let mut c = fresh();
        for _ in 0..50 {
            c.begin(1.0);
            c.judge(1.0);
            assert_eq!(c.judge(1e-9), Verdict::Converged);
        }
        c.begin(1.0);
        assert_eq!(c.judge(5.0), Verdict::GoOn);
        c.begin(1.0);
        assert_eq!(c.judge(1.0), Verdict::Converged);
    }

    /// The scaled iteration on $(\sigma - \lambda) x = b$ with the factors of another shift converges at the rate
    /// promised from no stiffness ($\lambda = 0$) to any.
    #[test]
    fn factors_of_a_near_shift_serve() {
        let sigma = 7.0;
        for made_for in [5.1, 6.0, 8.0, 11.0] {
            let mut corrector = Corrector::new();
            assert!(!corrector.serves(sigma));
            corrector.made(made_for);
            assert!(corrector.serves(sigma) && corrector.lags(sigma));
            let scale = corrector.begin(sigma);
            for lambda in [0.0, -0.1, -7.0, -1e3, -1e9] {
                let remains: f64 = 1.0 - scale * (sigma - lambda) / (made_for - lambda);
                assert!(remains.abs() <= corrector.lag * (1.0 + 1e-12), "{lambda}: {remains}");
            }
        }
        let mut corrector = Corrector::new();
        corrector.made(4.9);
        assert!(!corrector.serves(7.0));
    }
}
