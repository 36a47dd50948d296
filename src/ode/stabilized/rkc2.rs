//! The Runge–Kutta–Chebyshev method of order 2.

use super::StabilizedMethod;
use super::stepper::{Attempt, Memory, Recurrent};
use crate::ode::stepper::{Rhs, Step};

/// Runge–Kutta–Chebyshev method of order 2 with 2 to 200 stages.
///
/// With Chebyshev's polynomials $T_j$, $\varepsilon = 2/13$, $w_0 = 1 + \varepsilon / s^2$, $w_1 = T_s'(w_0) /
/// T_s''(w_0)$, $b_j = T_j''(w_0) / T_j'(w_0)^2$ and $b_0 = b_1 = b_2$, the stages are $U_0 = u$, $U_1 = u + b_1 w_1 h
/// F_0$,
///
/// $$ U_j = (1 - \mu_j - \nu_j) u + \mu_j U_{j-1} + \nu_j U_{j-2} + \tilde\mu_j h F_{j-1} + \tilde\gamma_j h F_0,
/// \qquad u_{+} = U_s, $$
///
/// $$ \mu_j = \frac{2 w_0 b_j}{b_{j-1}}, \quad \nu_j = -\frac{b_j}{b_{j-2}}, \quad \tilde\mu_j = \frac{2 w_1 b_j}{b_{j-1}},
/// \quad \tilde\gamma_j = -(1 - b_{j-1} T_{j-1}(w_0)) \tilde\mu_j . $$
///
/// - The stability polynomial is $1 + \frac{T_s''(w_0)}{T_s'(w_0)^2} (T_s(w_0 + w_1 z) - T_s(w_0))$: within the interval of
///   stability $\beta(s) = (w_0 + 1) / w_1 \approx \frac23 (s^2 - 1) (1 - \frac{2}{15} \varepsilon)$ it oscillates, away from
///   zero, between about $1/3$ and $1 - b_s (T_s(w_0) - 1)$. The latter, the damping, is about $1 - \varepsilon/3$: 0.957
///   for $s = 3$ and 0.951 for many stages. Each stage is consistent of order 2 at its time (the first of order 1), which
///   is why no order is lost at time-dependent boundaries.
/// - Error estimate $\frac{1}{15} \left[12 (u - u_{+}) + 6 h (F_0 + f(t + h, u_{+}))\right]$, which goes with $h^3$.
///   The error of a solve goes with $h^2$, so that it is the more tolerances the smaller these are: for the Brusselator
///   with diffusion 5 at `rtol` 1e-4, 26 at 1e-6.
/// - Dense output: the cubic Hermite interpolant. What it makes of stiff components is bounded by the error estimate, which has
///   the same $h F$ in it.
/// - Rounding errors grow like $s^2$ at most, which limits $s$ to $\sqrt{\text{rtol} / (10 u)}$: no limit at all for the
///   tolerances that a method of order 2 is for.
///
/// Source: B. P. Sommeijer, L. F. Shampine, J. G. Verwer, *RKC: an explicit solver for parabolic PDEs*, Journal of
/// Computational and Applied Mathematics 88 (1998) 315–326; P. J. van der Houwen, B. P. Sommeijer, *On the internal stability
/// of explicit, m-stage Runge–Kutta methods for large m-values*, Z. Angew. Math. Mech. 60 (1980) 479–485.
#[derive(Clone, Copy, Debug)]
pub struct Rkc2;

/// $\varepsilon$, the damping.
const EPSILON: f64 = 2.0 / 13.0;
/// $\beta(s) > (s^2 - 1) / 1.54$ for $\varepsilon = 2/13$.
const PER_LENGTH: f64 = 1.54;

impl StabilizedMethod for Rkc2 {
    const ORDER: usize = 2;
    const ERROR_ORDER: usize = 3;
    const FEWEST_STAGES: usize = 2;
    const MOST_STAGES: usize = 200;

    fn stability(stages: usize) -> f64 {
        ((stages * stages) as f64 - 1.0) / PER_LENGTH
    }

    fn stages_for(length: f64) -> Option<usize> {
        let stages = (PER_LENGTH * length + 1.0).sqrt().ceil();
        (stages <= Self::MOST_STAGES as f64).then_some((stages as usize).max(Self::FEWEST_STAGES))
    }

    fn most_stages(rtol: f64) -> usize {
        ((rtol / (10.0 * f64::EPSILON)).sqrt() as usize).clamp(Self::FEWEST_STAGES, Self::MOST_STAGES)
    }
}

/// What stage $j$ is made with.
pub(super) struct Stage {
    pub mu: f64,
    pub nu: f64,
    pub mu_tilde: f64,
    pub gamma_tilde: f64,
    /// Time $c_{j-1}$ of the stage before, whose derivative it takes.
    c: f64,
}

/// Goes through the stages $j = 2, \dots, s$; of each pair the first belongs to $j - 1$, the second to $j - 2$.
pub(super) struct Recurrence {
    /// Stages still to come.
    left: usize,
    w0: f64,
    w1: f64,
    /// $T$, $T'$, $T''$ at $w_0$.
    t: [f64; 2],
    dt: [f64; 2],
    ddt: [f64; 2],
    b: [f64; 2],
    c: [f64; 2],
}

impl Recurrence {
    pub fn new(stages: usize) -> Recurrence {
        let s = stages as f64;
        let beyond_one = EPSILON / (s * s);
        let w0 = 1.0 + beyond_one;
        // With w₀ = cosh θ: T_s = cosh sθ, T_s' = s sinh sθ / sinh θ, and w₁ = T_s' / T_s''.
        let sinh = (beyond_one * (beyond_one + 2.0)).sqrt();
        let angle = s * sinh.asinh();
        let w1 = angle.sinh() * sinh * sinh / (s * angle.cosh() * sinh - w0 * angle.sinh());
        let b1 = 0.25 / (w0 * w0);
        Recurrence {
            left: stages - 1,
            w0,
            w1,
            t: [w0, 1.0],
            dt: [1.0, 0.0],
            ddt: [0.0, 0.0],
            b: [b1; 2],
            c: [b1 * w1, 0.0],
        }
    }

    /// $\tilde\mu_1 = b_1 w_1$.
    pub fn first(&self) -> f64 {
        self.b[0] * self.w1
    }
}

impl Iterator for Recurrence {
    type Item = Stage;

    fn next(&mut self) -> Option<Stage> {
        self.left = self.left.checked_sub(1)?;
        let (w0, [t1, t2], [dt1, dt2], [ddt1, ddt2]) = (self.w0, self.t, self.dt, self.ddt);
        let t = 2.0 * w0 * t1 - t2;
        let dt = 2.0 * (w0 * dt1 + t1) - dt2;
        let ddt = 2.0 * w0 * ddt1 + 4.0 * dt1 - ddt2;
        let b = ddt / (dt * dt);
        let mu = 2.0 * w0 * b / self.b[0];
        let nu = -b / self.b[1];
        let mu_tilde = 2.0 * self.w1 * b / self.b[0];
        let gamma_tilde = -(1.0 - self.b[0] * t1) * mu_tilde;
        let stage = Stage { mu, nu, mu_tilde, gamma_tilde, c: self.c[0] };
        let c = mu * self.c[0] + nu * self.c[1] + mu_tilde + gamma_tilde;
        (self.t, self.dt, self.ddt) = ([t, t1], [dt, dt1], [ddt, ddt1]);
        (self.b, self.c) = ([b, self.b[0]], [c, self.c[0]]);
        Some(stage)
    }
}

/// Hermite's cubic interpolant: the powers of $\theta$ that go with $u_{+} - u$, and with $h f$ at the start and at the end.
/// Hairer, Nørsett, Wanner I, II.6.
pub(super) const HERMITE: [[f64; 3]; 3] = [[0.0, 3.0, -2.0], [1.0, -2.0, 1.0], [0.0, -1.0, 1.0]];

impl Recurrent for Rkc2 {
    const VECTORS: usize = 3;

    /// In terms of $D_j = U_j - u$, which rounds less.
    fn advance<F: Rhs + ?Sized>(f: &mut F, step: &Attempt, memory: &mut Memory, u_new: &mut [f64]) {
        let &Attempt { t, h, u, stages } = step;
        let n = u.len();
        let Memory { slope, slope_new, error, vectors, .. } = memory;
        let [before, last, k, _, _] = vectors;
        let recurrence = Recurrence::new(stages);
        let first = h * recurrence.first();
        before.fill(0.0);
        for i in 0..n {
            last[i] = first * slope[i];
            u_new[i] = u[i] + last[i];
        }
        for (j, stage) in recurrence.enumerate() {
            f.eval(j + 1, t + stage.c * h, u_new, k);
            let Stage { mu, nu, .. } = stage;
            let (mu_tilde, gamma_tilde) = (h * stage.mu_tilde, h * stage.gamma_tilde);
            let (d, d1, k, slope) = (&mut before[..n], &last[..n], &k[..n], &slope[..n]);
            let (u, u_new) = (&u[..n], &mut u_new[..n]);
            for i in 0..n {
                d[i] = mu * d1[i] + nu * d[i] + mu_tilde * k[i] + gamma_tilde * slope[i];
                u_new[i] = u[i] + d[i];
            }
            std::mem::swap(before, last);
        }
        f.eval(stages, t + h, u_new, slope_new);
        for i in 0..n {
            error[i] = 0.4 * h * (slope[i] + slope_new[i]) - 0.8 * last[i];
        }
    }

    fn cubic(step: &Step, memory: &Memory, i: usize) -> [f64; 3] {
        let change = step.u_new[i] - step.u[i];
        let (start, end) = (step.h * memory.slope[i], step.h * memory.slope_new[i]);
        std::array::from_fn(|m| HERMITE[0][m] * change + HERMITE[1][m] * start + HERMITE[2][m] * end)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tableau::{Tableau, on_the_real_axis};
    use super::*;

    /// Second order, each stage at the time it is evaluated at, the last one at the end.
    #[test]
    fn order_two_for_every_number_of_stages() {
        for s in Rkc2::FEWEST_STAGES..=Rkc2::MOST_STAGES {
            let Tableau { a, b, times, .. } = Tableau::of::<Rkc2>(s);
            let c: Vec<f64> = a.iter().map(|row| row.iter().sum()).collect();
            let sum: f64 = b.iter().sum();
            let first_moment: f64 = b.iter().zip(&c).map(|(b, c)| b * c).sum();
            assert!((sum - 1.0).abs() < 1e-12, "s = {s}: Σ b = {sum}");
            assert!((first_moment - 0.5).abs() < 1e-12, "s = {s}: Σ b c = {first_moment}");
            for (c, t) in c.iter().zip(&times) {
                assert!((c - t).abs() < 1e-12, "s = {s}: a stage of time {c} is evaluated at {t}");
            }
            // Stages beyond the first are of order 2, too: Σ a c = c² / 2.
            for i in 2..s {
                let moment: f64 = a[i].iter().zip(&c).map(|(a, c)| a * c).sum();
                assert!((moment - 0.5 * c[i] * c[i]).abs() < 1e-12, "s = {s}, stage {i}");
            }
        }
    }

    /// The error estimate vanishes for order 2, and is the leading error for $u' = f(t)$: $-h^3 / 15 \cdot f'' \dots$
    #[test]
    fn the_estimate_is_of_order_three() {
        for s in [2, 3, 10, 50, 200] {
            let Tableau { a, error, .. } = Tableau::of::<Rkc2>(s);
            let c: Vec<f64> = a.iter().map(|row| row.iter().sum::<f64>()).chain([1.0]).collect();
            let moment = |k: i32| error.iter().zip(&c).map(|(e, c)| e * c.powi(k)).sum::<f64>();
            assert!(moment(0).abs() < 1e-12 && moment(1).abs() < 1e-12, "s = {s}: {} {}", moment(0), moment(1));
            assert!(moment(2).abs() > 1e-3, "s = {s}: {}", moment(2));
        }
    }

    /// $w_0$, $w_1$, $T_s(w_0)$ and $b_s$, with $T_s''$ from Chebyshev's differential equation.
    fn polynomial(s: usize) -> [f64; 4] {
        let s = s as f64;
        let w0 = 1.0 + EPSILON / (s * s);
        let sinh = ((w0 - 1.0) * (w0 + 1.0)).sqrt();
        let (t, dt) = ((s * sinh.asinh()).cosh(), s * (s * sinh.asinh()).sinh() / sinh);
        let ddt = (s * s * t - w0 * dt) / (sinh * sinh);
        [w0, dt / ddt, t, ddt / (dt * dt)]
    }

    /// $\lvert R \rvert \le 1$ on the whole interval, and within the bounds of $1 + b_s (T_s - T_s(w_0))$ for $\lvert T_s
    /// \rvert \le 1$ where the argument of $T_s$ is below one. The interval is as long as published, $\frac23 (s^2 - 1)(1 -
    /// \frac2{15} \varepsilon)$, to a hundredth.
    #[test]
    fn stability_for_every_number_of_stages() {
        for s in Rkc2::FEWEST_STAGES..=Rkc2::MOST_STAGES {
            let length = Rkc2::stability(s);
            let [w0, w1, t, b] = polynomial(s);
            let (lowest, highest) = (1.0 - b * (t + 1.0), 1.0 - b * (t - 1.0));
            assert!(lowest > 0.25 && highest < if s == 2 { 0.965 } else { 0.957 }, "s = {s}: {lowest} to {highest}");
            let published = 2.0 / 3.0 * ((s * s) as f64 - 1.0) * (1.0 - 2.0 / 15.0 * EPSILON);
            assert!(length < published && length > 0.99 * published, "s = {s}: {length}, published {published}");
            for (x, r) in on_the_real_axis::<Rkc2>(s, length, 4000, 1.0) {
                assert!(r.abs() <= 1.0, "s = {s}: R(-{x}) = {r}");
                if x > (w0 - 1.0) / w1 {
                    assert!((lowest - 1e-10..highest + 1e-10).contains(&r), "s = {s}: R(-{x}) = {r}");
                }
            }
        }
    }

    /// Where $\lvert R \rvert$ passes one: with $s$ even at $T_s = T_s(w_0)$, where the argument is $-w_0$; with $s$ odd at
    /// $R = -1$, which is later by 0.9, a sixth of the published interval for $s = 3$.
    #[test]
    fn the_true_end_of_the_interval() {
        for s in Rkc2::FEWEST_STAGES..=Rkc2::MOST_STAGES {
            let [w0, w1, t, b] = polynomial(s);
            let argument = if s % 2 == 0 { w0 } else { ((2.0 / b - t).acosh() / s as f64).cosh() };
            let end = (w0 + argument) / w1;
            for (factor, stable) in [(0.999, true), (1.001, false)] {
                let (_, r) = on_the_real_axis::<Rkc2>(s, factor * end, 1, 1.0).last().unwrap();
                assert_eq!(r.abs() <= 1.0, stable, "s = {s}: R(-{}) = {r}", factor * end);
            }
        }
    }

    #[test]
    fn stages_are_the_fewest_that_are_stable() {
        for length in [0.0, 0.1, 1.9, 1.95, 10.0, 333.3, 25_000.0, Rkc2::stability(200)] {
            let s = Rkc2::stages_for(length).unwrap();
            assert!(Rkc2::stability(s) >= length * (1.0 - 1e-15), "{length}: {s}");
            assert!(s == 2 || Rkc2::stability(s - 1) < length, "{length}: {s}");
        }
        assert_eq!(Rkc2::stages_for(26_000.0), None);
        assert_eq!(Rkc2::stages_for(f64::INFINITY), None);
        assert_eq!(Rkc2::stages_for(f64::NAN), None);
        assert_eq!(Rkc2::most_stages(1e-4), 200);
        assert!(Rkc2::most_stages(1e-12) < 30);
    }
}
