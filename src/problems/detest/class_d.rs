//! Class D: orbits.

use super::problem;
use crate::model::{Model, Names, Params};
use crate::number::Real;
use crate::problems::Problem;

/// D1 to D5, an orbit of eccentricity $e$ = 0.1, 0.3, 0.5, 0.7, 0.9 about a fixed centre,
///
/// $$ \ddot x = -x / r^3, \qquad \ddot y = -y / r^3, \qquad r^2 = x^2 + y^2 , $$
///
/// from the near end, $(1 - e, 0)$ with velocity $(0, \sqrt{(1 + e) / (1 - e)})$. States $x, y, \dot x, \dot y$; a
/// turn takes $2 \pi$. With the eccentric anomaly $w$ from Kepler's equation $w - e \sin w = t$ the solution is
///
/// $$ x = \cos w - e, \quad y = \sqrt{1 - e^2} \sin w, \quad \dot x = \frac{-\sin w}{1 - e \cos w}, \quad
///    \dot y = \frac{\sqrt{1 - e^2} \cos w}{1 - e \cos w} . $$
///
/// The references are for the initial velocities as doubles, whose rounding shifts the body by up to $10^{-13}$ along
/// its orbit until $t = 20$.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kepler;

impl Kepler {
    /// The state at $t = 0$ on an orbit of this eccentricity.
    pub fn initial(eccentricity: f64) -> [f64; 4] {
        let e = eccentricity;
        [1.0 - e, 0.0, 0.0, ((1.0 + e) / (1.0 - e)).sqrt()]
    }

    /// The solution on an orbit of this eccentricity.
    pub fn exact(eccentricity: f64, t: f64) -> [f64; 4] {
        let e = eccentricity;
        // Between these bounds Newton's iteration, kept within them by bisection, cannot fail.
        let (mut low, mut high) = (t - e, t + e);
        let mut w = t + e * t.sin();
        for _ in 0..60 {
            let residual = w - e * w.sin() - t;
            if residual > 0.0 {
                high = w;
            } else {
                low = w;
            }
            let newton = w - residual / (1.0 - e * w.cos());
            let next = if newton > low && newton < high { newton } else { (low + high) / 2.0 };
            if (next - w).abs() <= f64::EPSILON * w.abs() {
                break;
            }
            w = next;
        }
        let (sine, cosine) = w.sin_cos();
        let (minor, near) = ((1.0 - e * e).sqrt(), 1.0 - e * cosine);
        [cosine - e, minor * sine, -sine / near, minor * cosine / near]
    }
}

impl Model for Kepler {
    fn states(&self) -> Names {
        ["x", "y", "vx", "vy"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let r2 = u[0] * u[0] + u[1] * u[1];
        let pull = -(r2 * r2.sqrt()).recip();
        du[0] = u[2];
        du[1] = u[3];
        du[2] = pull * u[0];
        du[3] = pull * u[1];
    }
}

pub(in crate::problems) fn d1() -> Problem {
    let state = [0.21988353520084955, 0.9427076846341782, -0.9787659841058151, 0.3287977990962143];
    let exact = |t| Kepler::exact(0.1, t).to_vec();
    problem("detest_d1", "DETEST D1, orbit, e = 0.1", &Kepler, &Kepler::initial(0.1), 248.4, &state, Some(exact))
}

pub(in crate::problems) fn d2() -> Problem {
    let state = [-0.17770273571403278, 0.9467784719905884, -1.0302941631929712, 0.12110748900540413];
    let exact = |t| Kepler::exact(0.3, t).to_vec();
    problem("detest_d2", "DETEST D2, orbit, e = 0.3", &Kepler, &Kepler::initial(0.3), 412.2, &state, Some(exact))
}

pub(in crate::problems) fn d3() -> Problem {
    let state = [-0.5780432953035456, 0.8633840009194184, -0.9595083730380676, -0.06504915126712882];
    let exact = |t| Kepler::exact(0.5, t).to_vec();
    problem("detest_d3", "DETEST D3, orbit, e = 0.5", &Kepler, &Kepler::initial(0.5), 506.6, &state, Some(exact))
}

pub(in crate::problems) fn d4() -> Problem {
    let state = [-0.9538990293416171, 0.690740902421948, -0.8212674270877596, -0.15395742591257025];
    let exact = |t| Kepler::exact(0.7, t).to_vec();
    problem("detest_d4", "DETEST D4, orbit, e = 0.7", &Kepler, &Kepler::initial(0.7), 595.5, &state, Some(exact))
}

pub(in crate::problems) fn d5() -> Problem {
    let state = [-1.2952662509875885, 0.4003938963792291, -0.6775390924707452, -0.1270838154278723];
    let exact = |t| Kepler::exact(0.9, t).to_vec();
    problem("detest_d5", "DETEST D5, orbit, e = 0.9", &Kepler, &Kepler::initial(0.9), 2796.0, &state, Some(exact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_and_angular_momentum_are_kept() {
        for (e, problem) in [(0.1, d1()), (0.3, d2()), (0.5, d3()), (0.7, d4()), (0.9, d5())] {
            for t in [0.0, 1.0, 7.0, 20.0] {
                let u = Kepler::exact(e, t);
                approx::assert_relative_eq!(energy(&u), -0.5, max_relative = 1e-13);
            }
            let u = problem.reference.state;
            approx::assert_relative_eq!(energy(&u), energy(&problem.initial), max_relative = 1e-14);
            approx::assert_relative_eq!(u[0] * u[3] - u[1] * u[2], (1.0 - e * e).sqrt(), max_relative = 2e-15);
        }
    }

    fn energy(u: &[f64]) -> f64 {
        (u[2] * u[2] + u[3] * u[3]) / 2.0 - 1.0 / u[0].hypot(u[1])
    }
}
