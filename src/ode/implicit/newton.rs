//! When a simplified Newton iteration has converged, when it has failed, and when its Jacobian is worn out.

use crate::ode::saved::Saved;

/// The convergence test of Hairer & Wanner II, IV.8: with the rate $\theta = \Vert\delta_k\Vert / \Vert\delta_{k-1}\Vert$, what
/// remains after an update $\delta_k$ is about $\eta \Vert\delta_k\Vert$, $\eta = \theta / (1 - \theta)$.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Convergence {
    /// $\eta$ of the iteration before, for the first update of the next.
    eta: f64,
    last: f64,
    iterations: usize,
    /// The worst rate since [`forget`](Self::forget).
    pub worst_rate: f64,
    most: usize,
}

/// What to do after an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Converged,
    GoOn,
    /// The iteration diverges, or would not converge in the iterations allowed.
    Failed,
}

/// The iteration's error must be below this part of the tolerance.
const KAPPA: f64 = 0.01;

impl Convergence {
    pub fn new(most: usize) -> Self {
        Convergence { eta: 1.0, last: 0.0, iterations: 0, worst_rate: 0.0, most }
    }

    /// Begins the iteration for one system of equations.
    pub fn begin(&mut self) {
        self.iterations = 0;
        // The rate seen last, trusted less as it is old.
        self.eta = self.eta.max(f64::EPSILON).powf(0.8);
    }

    /// Forgets the rates: the matrix is a new one.
    pub fn forget(&mut self) {
        self.eta = 1.0;
        self.worst_rate = 0.0;
    }

    /// Judges an update of this scaled size.
    pub fn judge(&mut self, size: f64) -> Verdict {
        if !size.is_finite() {
            return Verdict::Failed;
        }
        self.iterations += 1;
        if self.iterations > 1 && self.last > 0.0 {
            let rate = size / self.last;
            self.worst_rate = self.worst_rate.max(rate);
            if rate >= 1.0 && size * KAPPA > f64::EPSILON {
                return Verdict::Failed;
            }
            if rate < 1.0 {
                self.eta = rate / (1.0 - rate);
                let left = self.most.saturating_sub(self.iterations) as i32;
                if self.eta * size * rate.powi(left) > KAPPA {
                    return Verdict::Failed;
                }
            }
        }
        self.last = size;
        if self.eta * size <= KAPPA {
            Verdict::Converged
        } else if self.iterations >= self.most {
            Verdict::Failed
        } else {
            Verdict::GoOn
        }
    }

    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// Appends what the next iterations depend on.
    pub fn save(&self, out: &mut Vec<f64>) {
        out.extend([self.eta, self.worst_rate]);
    }

    /// Takes up what was saved.
    pub fn restore(&mut self, from: &mut Saved) {
        (self.eta, self.worst_rate) = (from.number(), from.number());
    }
}

/// Rates up to this one let the Jacobian serve another step: for a small system, where a Jacobian costs little, and for a
/// large one.
pub(crate) fn rate_to_keep(dimension: usize) -> f64 {
    if dimension <= 50 { 1e-2 } else { 0.3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_iteration_converges_and_a_diverging_one_fails() {
        let mut c = Convergence::new(10);
        c.begin();
        assert_eq!(c.judge(1.0), Verdict::GoOn);
        assert_eq!(c.judge(1e-2), Verdict::Converged);
        c.begin();
        assert_eq!(c.judge(1.0), Verdict::GoOn);
        assert_eq!(c.judge(1.5), Verdict::Failed);
        assert_eq!(c.judge(f64::NAN), Verdict::Failed);
    }

    #[test]
    fn an_iteration_too_slow_for_its_limit_fails_early() {
        let mut c = Convergence::new(6);
        c.begin();
        assert_eq!(c.judge(1.0), Verdict::GoOn);
        assert_eq!(c.judge(0.9), Verdict::Failed);
    }
}
