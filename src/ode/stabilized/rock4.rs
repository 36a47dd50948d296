//! ROCK4: orthogonal Runge–Kutta–Chebyshev methods of order 4.

use super::StabilizedMethod;
use super::rock4_finish::{FINISH, Finish};
use super::rock4_recurrence::SHORT;
use super::rock4_recurrence_long::LONG;
use super::stepper::{Attempt, Memory, Recurrent};
use crate::ode::stepper::{Rhs, Step};

/// Orthogonal Runge–Kutta–Chebyshev method of order 4(3) with 5 to 142 stages.
///
/// The composition $W \circ P$ of a method $P$ of $s - 4$ stages with a three-term recurrence, $U_0 = u$,
///
/// $$ U_j = U_{j-1} + \Delta_j, \qquad \Delta_j = \mu_j h f(t + c_{j-1} h, U_{j-1}) + \kappa_j \Delta_{j-1}, \qquad
/// j = 1, \dots, s - 4, $$
///
/// and an explicit Runge–Kutta method $W$ of four stages that starts from $U_{s-4}$. The stability polynomial is $R = w
/// P$ with $w$ of degree 4, where $P$ belongs to the polynomials that are orthogonal with respect to $w(x)^2 / \sqrt{1 -
/// x^2}$. That makes $R$ nearly the optimal polynomial of its degree and order; the coefficients of $W$ are such that
/// the composition fulfils the eight conditions of order 4, nonlinear ones included.
///
/// - $\beta(s) > 0.353 s^2 - 3.1$; damped to $\lvert R(z) \rvert \le 0.95$ for $z < -0.06$ with up to 80 stages, to 0.953
///   with 85 and 90, and less so with more (0.998 with 142, near $z = -8.4$): that is as the published digits have it.
/// - Error estimate $\vert E \vert + 0.03 \vert X \vert$ from two formulas of order 3, for $s$ evaluations a step. $E$ is
///   the published one, the difference to an embedded method that also uses $f(t + h, u_{+})$, the next step's first
///   evaluation. Its term in $h^4$ vanishes with growing $s$, while the error of the solution tends to a limit: at $h
///   \lambda = -1$ of $u' = \lambda u$ it is too small by a factor of 1.6 with 15 stages, of 37 with 85. $X = u_{+} - u - h
///   \sum_i g_i k_i$, with the stages $k_i$ of $W$ and the only $g_i$ of order 3, keeps its term. The sum is no less than
///   the error for $h \lambda \in [-2, 0]$ with 13 stages and more ($[-1, 0]$ with 6 and more), and at the stiff end at
///   most 1.22 of a component, where $E$ is 0.95 of it. That costs a few percent of evaluations. $X$ is not published.
/// - Dense output exact up to $O(h^4)$, so that a solution read off it converges with order 4:
///
///   $$ u(t + \theta h) = u + p(\theta) (u_{+} - u) + h \sum_{i=1}^4 d_i(\theta) k_i, \qquad p(\theta) = 1 - (1 - \theta/0.3)
///   (1 - \theta/0.7) (1 - \theta), $$
///
///   from the stages $k_i$ of $W$, with $d_i$ such that the four conditions of order 3 hold for all $\theta$. It is made for
///   this implementation: $p$ is chosen so that a component $u' = \lambda u$ is nowhere in the step larger than at its start
///   for all $h \lambda \in [-\beta, 0]$. The usual cubic Hermite interpolant multiplies what is left of fast
///   components by $h \lambda$.
/// - The finishing method amplifies rounding errors by up to $\lvert w(-\beta) \rvert \approx 0.01 \beta^4$, $4 \cdot 10^6$
///   for 20 stages, $2 \cdot 10^{13}$ for 142. No arrangement of the sums helps, since $f$ takes rounded arguments.
///   [`most_stages`] is where that stays a tenth below the tolerance: 85 stages at `rtol` 1e-3, 36 at 1e-6, 15 at 1e-9. The
///   program ROCK4 has no such limit and leaves it to the error estimate, which sees the noise, to shorten the steps.
/// - The published table goes on with $s = 133$ and $s = 152$ (and $s = 142$ between them). Those two are left out: with the
///   published digits $\lvert R \rvert$ is 1.006 and 1.008 near $z = -8.4$.
///
/// Source: A. Abdulle, *Fourth order Chebyshev methods with recurrence relation*, SIAM Journal on Scientific Computing 23
/// (2002) 2041–2054; the coefficients are in his program ROCK4 only.
///
/// [`most_stages`]: StabilizedMethod::most_stages
#[derive(Clone, Copy, Debug)]
pub struct Rock4;

/// $\beta(s) > 0.353 s^2 - 3.1$: 0.1 more than in the program, for $\beta(67) = 1581.59$.
const PER_STAGE: f64 = 0.353;
const OFFSET: f64 = 3.1;

/// The recurrence of the method that stands at `index` in [`FINISH`].
fn recurrence(index: usize) -> &'static [f64] {
    if index < SHORT.len() { SHORT[index] } else { LONG[index - SHORT.len()] }
}

/// Where in [`FINISH`] the method with so many stages stands, or the next one.
fn index(stages: usize) -> usize {
    FINISH.partition_point(|method| method.stages < stages).min(FINISH.len() - 1)
}

/// Recurrence and finishing method of the method with so many stages, or the next one.
pub(super) fn composition(stages: usize) -> (&'static [f64], &'static Finish) {
    let index = index(stages);
    (recurrence(index), &FINISH[index])
}

/// What $X$ counts in the error estimate.
const SHARE: f64 = 0.03;

/// $p(\theta) = p_1 \theta + p_2 \theta^2 + p_3 \theta^3$ of the dense output.
pub(super) const P: [f64; 3] = {
    let (a, b) = (1.0 / 0.3, 1.0 / 0.7);
    [1.0 + a + b, -(a + b + a * b), a * b]
};

/// What the conditions of order 3 see of a stage $U = u + h \dot u \phi_1 + \dots$: its $\phi_1, \dots, \phi_4$, of the trees
/// of order 1 and 2 and the bushy and the tall one of order 3.
type Weights = [f64; 4];

/// The same for $h f(U)$.
fn derivative([c, second, _, _]: Weights) -> Weights {
    [1.0, c, c * c, second]
}

/// $x + \sum_j a_j y_j$.
fn sum(x: Weights, a: &[f64], y: &[Weights]) -> Weights {
    a.iter().zip(y).fold(x, |sum, (a, y)| std::array::from_fn(|i| sum[i] + a * y[i]))
}

/// $x$ of $\sum_j x_j \cdot \text{column}_j = b$ for three $b$, by Gaussian elimination with pivots.
fn solve(columns: &[Weights; 4], b: [Weights; 3]) -> [[f64; 4]; 3] {
    let mut rows: [[f64; 7]; 4] =
        std::array::from_fn(|i| std::array::from_fn(|j| if j < 4 { columns[j][i] } else { b[j - 4][i] }));
    for k in 0..4 {
        let pivot = (k..4).fold(k, |best, i| if rows[i][k].abs() > rows[best][k].abs() { i } else { best });
        rows.swap(k, pivot);
        for i in 0..4 {
            if i != k {
                let factor = rows[i][k] / rows[k][k];
                rows[i] = std::array::from_fn(|j| rows[i][j] - factor * rows[k][j]);
            }
        }
    }
    std::array::from_fn(|j| std::array::from_fn(|i| rows[i][4 + j] / rows[i][i]))
}

/// $\lvert a_{21} a_{32} a_{43} b_4 \rvert \beta^4$: what a rounding error before the finishing method can grow to.
fn amplification(method: &Finish) -> f64 {
    let [a21, _, a32, _, _, a43] = method.a;
    (a21 * a32 * a43 * method.b[3]).abs() * Rock4::stability(method.stages).powi(4)
}

impl StabilizedMethod for Rock4 {
    const ORDER: usize = 4;
    const ERROR_ORDER: usize = 4;
    const FEWEST_STAGES: usize = 5;
    const MOST_STAGES: usize = 142;

    fn stability(stages: usize) -> f64 {
        PER_STAGE * (stages * stages) as f64 - OFFSET
    }

    fn stages_for(length: f64) -> Option<usize> {
        FINISH.iter().map(|method| method.stages).find(|s| Self::stability(*s) >= length)
    }

    fn most_stages(rtol: f64) -> usize {
        let quiet = |method: &&Finish| f64::EPSILON * amplification(method) <= 0.1 * rtol;
        FINISH.iter().rev().find(quiet).map_or(Self::FEWEST_STAGES, |method| method.stages)
    }
}

impl Recurrent for Rock4 {
    const VECTORS: usize = 5;

    fn advance<F: Rhs + ?Sized>(f: &mut F, step: &Attempt, memory: &mut Memory, u_new: &mut [f64]) {
        let &Attempt { t, h, u, stages } = step;
        let n = u.len();
        let Memory { slope, slope_new, error, vectors, lower, .. } = memory;
        let [delta, k1, k2, k3, k4] = vectors;
        let (recurrence, method) = composition(stages);

        let first = recurrence[0];
        for i in 0..n {
            delta[i] = h * first * slope[i];
            u_new[i] = u[i] + delta[i];
        }
        let (mut c, mut delta_c) = (first, first);
        let mut stage = 1;
        for pair in recurrence[1..].chunks_exact(2) {
            f.eval(stage, t + c * h, u_new, k1);
            stage += 1;
            let (mu, kappa) = (h * pair[0], pair[1]);
            let (delta, k, y) = (&mut delta[..n], &k1[..n], &mut u_new[..n]);
            for i in 0..n {
                delta[i] = mu * k[i] + kappa * delta[i];
                y[i] += delta[i];
            }
            delta_c = pair[0] + kappa * delta_c;
            c += delta_c;
        }

        let Finish { a, b, b_embedded, .. } = method;
        let [a21, a31, a32, a41, a42, a43] = a.map(|a| h * a);
        let (y, argument) = (&mut u_new[..n], &mut delta[..n]);
        f.eval(stage, t + c * h, y, k1);
        for i in 0..n {
            argument[i] = y[i] + a21 * k1[i];
        }
        f.eval(stage + 1, t + (c * h + a21), argument, k2);
        for i in 0..n {
            argument[i] = y[i] + (a31 * k1[i] + a32 * k2[i]);
        }
        f.eval(stage + 2, t + (c * h + a31 + a32), argument, k3);
        for i in 0..n {
            argument[i] = y[i] + (a41 * k1[i] + a42 * k2[i] + a43 * k3[i]);
        }
        f.eval(stage + 3, t + (c * h + a41 + a42 + a43), argument, k4);
        let [b1, b2, b3, b4] = b.map(|b| h * b);
        for i in 0..n {
            y[i] += b1 * k1[i] + b2 * k2[i] + b3 * k3[i] + b4 * k4[i];
        }
        f.eval(stage + 4, t + h, y, slope_new);
        let [e1, e2, e3, e4] = std::array::from_fn(|i| h * (b[i] - b_embedded[i]));
        let e5 = -h * b_embedded[4];
        let [g1, g2, g3, g4] = lower.map(|g| h * g);
        for i in 0..n {
            let embedded = e1 * k1[i] + e2 * k2[i] + e3 * k3[i] + e4 * k4[i] + e5 * slope_new[i];
            let other = (y[i] - u[i]) - (g1 * k1[i] + g2 * k2[i] + g3 * k3[i] + g4 * k4[i]);
            error[i] = embedded.abs() + SHARE * other.abs();
        }
    }

    /// With $M$ the weights of the $k_i$ as columns and $r(\theta) = (\theta, \theta^2/2, \theta^3/3, \theta^3/6)$ the conditions
    /// of order 3 say $M d(\theta) = r(\theta) - p(\theta) r(1)$: $d$ is a combination of the $\theta^j - p(\theta)$. For the
    /// formula of order 3 without $u_{+}$ they say $M g = r(1)$.
    fn prepare(stages: usize, memory: &mut Memory) {
        let (recurrence, Finish { a, .. }) = composition(stages);
        let [a21, a31, a32, a41, a42, a43] = *a;
        let mut delta = derivative([0.0; 4]).map(|x| recurrence[0] * x);
        let mut stage = delta;
        for pair in recurrence[1..].chunks_exact(2) {
            let slope = derivative(stage);
            delta = std::array::from_fn(|i| pair[0] * slope[i] + pair[1] * delta[i]);
            stage = sum(stage, &[1.0], &[delta]);
        }
        let mut k = [derivative(stage); 4];
        for (i, row) in [&[a21][..], &[a31, a32], &[a41, a42, a43]].into_iter().enumerate() {
            k[i + 1] = derivative(sum(stage, row, &k));
        }
        let e = solve(&k, [[1.0, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0 / 3.0, 1.0 / 6.0]]);
        let lower: [f64; 4] = std::array::from_fn(|i| e[0][i] + e[1][i] + e[2][i]);
        memory.dense = std::array::from_fn(|j| std::array::from_fn(|i| e[j][i] - P[j] * lower[i]));
        memory.lower = lower;
    }

    fn cubic(step: &Step, memory: &Memory, i: usize) -> [f64; 3] {
        let [_, k1, k2, k3, k4] = &memory.vectors;
        let change = step.u_new[i] - step.u[i];
        std::array::from_fn(|j| {
            let [d1, d2, d3, d4] = memory.dense[j];
            P[j] * change + step.h * (d1 * k1[i] + d2 * k2[i] + d3 * k3[i] + d4 * k4[i])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tableau::{Tableau, errors_on_the_real_axis, on_the_real_axis};
    use super::*;
    use crate::ode::control::error_norm;
    use crate::ode::options::{Options, Tolerance};

    fn numbers_of_stages() -> impl Iterator<Item = usize> {
        FINISH.iter().map(|method| method.stages)
    }

    #[test]
    fn the_tables_fit_together() {
        assert_eq!(FINISH.len(), SHORT.len() + LONG.len());
        for (index, method) in FINISH.iter().enumerate() {
            assert_eq!(recurrence(index).len(), 2 * (method.stages - 4) - 1, "s = {}", method.stages);
        }
        assert!(FINISH.windows(2).all(|pair| pair[0].stages < pair[1].stages));
        assert_eq!((FINISH[0].stages, FINISH[47].stages), (Rock4::FEWEST_STAGES, Rock4::MOST_STAGES));
    }

    /// Residuals of the conditions of orders 1 to 4, in that order: 1, 1, 2 and 4 of them.
    fn residuals(a: &[Vec<f64>], b: &[f64]) -> [f64; 8] {
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        let times = |x: &[f64]| a.iter().map(|row| dot(row, x)).collect::<Vec<_>>();
        let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).collect::<Vec<_>>();
        let c = times(&vec![1.0; b.len()]);
        let (c2, ac) = (product(&c, &c), times(&c));
        [
            b.iter().sum::<f64>() - 1.0,
            2.0 * dot(b, &c) - 1.0,
            3.0 * dot(b, &c2) - 1.0,
            6.0 * dot(b, &ac) - 1.0,
            4.0 * dot(b, &product(&c2, &c)) - 1.0,
            8.0 * dot(b, &product(&c, &ac)) - 1.0,
            12.0 * dot(b, &times(&c2)) - 1.0,
            24.0 * dot(b, &times(&ac)) - 1.0,
        ]
    }

    /// The eight conditions of order 4 for the composed method, the four of order 3 for the two of the error estimate, which
    /// fail those of order 4. The coefficients are published to 15 digits.
    #[test]
    fn order_conditions_for_every_number_of_stages() {
        for s in numbers_of_stages() {
            let Tableau { mut a, mut b, error, times, .. } = Tableau::of::<Rock4>(s);
            for (row, t) in a.iter().zip(&times) {
                let c: f64 = row.iter().sum();
                assert!((c - t).abs() < 1e-13, "s = {s}: a stage of time {c} is evaluated at {t}");
            }
            for (k, r) in residuals(&a, &b).into_iter().enumerate() {
                assert!(r.abs() < 2e-14, "s = {s}, condition {k}: {r:e}");
            }
            b.push(0.0);
            let mut embedded = b.clone();
            let method = &FINISH[index(s)];
            embedded[s] = method.b_embedded[4];
            for i in 0..4 {
                embedded[s - 4 + i] += method.b_embedded[i] - method.b[i];
            }
            let mut memory = Memory::default();
            Rock4::prepare(s, &mut memory);
            let mut lower = vec![0.0; s + 1];
            lower[s - 4..s].copy_from_slice(&memory.lower);
            for i in 0..=s {
                let expected = (b[i] - embedded[i]).abs() + SHARE * (b[i] - lower[i]).abs();
                assert!((error[i] - expected).abs() < 1e-14, "s = {s}, stage {i}: {} for {expected}", error[i]);
            }
            a.iter_mut().for_each(|row| row.push(0.0));
            a.push(b);
            for (weights, rounding) in [(embedded, 2e-14), (lower, 1e-12)] {
                let r = residuals(&a, &weights);
                assert!(r[..4].iter().all(|r| r.abs() < rounding), "s = {s}: {r:?}");
                assert!(r[4..].iter().any(|r| r.abs() > 1e-4), "s = {s}: of order 4, {r:?}");
            }
        }
    }

    /// $\lvert R \rvert < 1$ on the whole interval, damped away from zero, and no longer stable a little beyond it. The
    /// damping is that of the published digits, which say 0.9523 for $s = 85$ at $z = -8.30$, 0.9511 for $s = 90$ there, and
    /// 0.9984 for $s = 142$ at $z = -8.39$.
    #[test]
    fn stability_for_every_number_of_stages() {
        for method in &FINISH {
            let (s, length) = (method.stages, Rock4::stability(method.stages));
            let damping = match s {
                ..=80 => 0.9505,
                81..=90 => 0.9525,
                _ => 0.9985,
            };
            for (x, r) in on_the_real_axis::<Rock4>(s, length, 20_000, 1.0) {
                assert!(r.abs() < 1.0, "s = {s}: R(-{x}) = {r}");
                if x > 0.06 && x < 0.995 * length {
                    assert!(r.abs() < damping, "s = {s}: R(-{x}) = {r}");
                }
            }
            let beyond = on_the_real_axis::<Rock4>(s, 1.01 * length + 0.5, 1, 1.0).last().map_or(0.0, |(_, r)| r.abs());
            assert!(beyond > 1.0, "s = {s}: {beyond}");
        }
    }

    /// Table 2.1 of the paper gives where $\lvert R \rvert$ reaches the damping, 0.95, for the last time.
    #[test]
    fn intervals_of_the_paper() {
        for (s, length) in [(5, 5.9983), (10, 32.4470), (20, 138.3586)] {
            let r = on_the_real_axis::<Rock4>(s, length, 1, 1.0).last().map_or(0.0, |(_, r)| r.abs());
            assert!((r - 0.95).abs() < 5e-4, "s = {s}: R(-{length}) = {r}");
        }
    }

    #[test]
    fn stages_are_the_fewest_that_are_stable() {
        assert_eq!(Rock4::stages_for(0.0), Some(5));
        assert_eq!(Rock4::stages_for(5.83), Some(6));
        assert_eq!(Rock4::stages_for(200.4), Some(26));
        assert_eq!(Rock4::stages_for(7114.0), Some(142));
        assert_eq!(Rock4::stages_for(7115.0), None);
        assert_eq!(Rock4::stages_for(f64::NAN), None);
    }

    /// The estimate is no less than the error of $u' = \lambda u$ where $h \lambda$ is moderate, and nowhere much more than the
    /// state, which is the most that a component can be off by.
    #[test]
    fn the_estimate_covers_the_error() {
        for s in numbers_of_stages() {
            let covered = match s {
                5 => 0.6,
                6..13 => 1.0,
                _ => 2.0,
            };
            for (x, error, estimate) in errors_on_the_real_axis::<Rock4>(s, 2.0, 40) {
                assert!(x > covered || estimate.abs() > error.abs(), "s = {s}, -{x}: {error:e}, estimate {estimate:e}");
            }
            for (x, _, estimate) in errors_on_the_real_axis::<Rock4>(s, Rock4::stability(s), 20_000) {
                assert!(estimate.abs() < 1.22, "s = {s}: {estimate} at -{x}");
            }
        }
    }

    /// Heat on a line of cells, zero at both ends. The rounding of smooth states excites all modes, the fast ones as well.
    struct Line;

    impl Rhs for Line {
        fn eval(&mut self, _stage: usize, _t: f64, u: &[f64], du: &mut [f64]) {
            for i in 0..u.len() {
                let before = if i > 0 { u[i - 1] } else { 0.0 };
                du[i] = before - 2.0 * u[i] + u.get(i + 1).unwrap_or(&0.0);
            }
        }
        fn try_eval(&mut self, t: f64, u: &[f64], du: &mut [f64]) {
            self.eval(0, t, u, du);
        }
    }

    /// Rounding error of a step of `s` stages as long as stability allows, in tolerances. The state is a sum of two
    /// eigenvectors, of which the exact step is known.
    fn noise(s: usize, rtol: f64) -> f64 {
        let n = 200;
        let wave = |k: usize, i: usize| (std::f64::consts::PI * (k * (i + 1)) as f64 / (n + 1) as f64).sin();
        let state = |a: f64, b: f64| (0..n).map(|i| a * wave(1, i) + b * wave(3, i)).collect::<Vec<f64>>();
        let h = Rock4::stability(s) / 4.0;
        let factor = |k: usize| {
            let half = std::f64::consts::FRAC_PI_2 * k as f64 / (n + 1) as f64;
            product_form(s, -4.0 * h * half.sin().powi(2))
        };
        let (u, exact, mut u_new) = (state(1.0, 0.3), state(factor(1), 0.3 * factor(3)), vec![0.0; n]);
        let mut memory = Memory::default();
        memory.resize::<Rock4>(n);
        Line.eval(0, 0.0, &u, &mut memory.slope);
        Rock4::advance(&mut Line, &Attempt { t: 0.0, h, u: &u, stages: s }, &mut memory, &mut u_new);
        let error: Vec<f64> = u_new.iter().zip(&exact).map(|(u, v)| u - v).collect();
        error_norm(&Options { rtol, atol: Tolerance::Scalar(rtol), ..Options::default() }, &error, &u, &u_new)
    }

    /// The rounding errors of a step with as many stages as a tolerance allows are within a tenth of it.
    #[test]
    fn rounding_errors_stay_below_the_tolerance() {
        for rtol in [1e-3, 1e-6, 1e-9] {
            let s = Rock4::most_stages(rtol);
            assert!(noise(s, rtol) < 0.1, "rtol {rtol:e}, s = {s}: {:e} of it", noise(s, rtol));
            // The limit is needed: twice the stages make 2⁸ times the noise.
            let twice = Rock4::stages_for(Rock4::stability(2 * s).min(Rock4::stability(142))).unwrap();
            assert!(noise(twice, rtol) > 0.1, "rtol {rtol:e}, s = {twice}: {:e} of it", noise(twice, rtol));
        }
    }

    /// The conditions of order 3 at times between, and stiff components that stay where they are or decay.
    #[test]
    fn dense_output_for_every_number_of_stages() {
        for method in &FINISH {
            let s = method.stages;
            let Tableau { a, b, dense, .. } = Tableau::of::<Rock4>(s);
            for theta in [0.1, 0.25, 0.4, 0.5, 0.65, 0.8, 0.95, 1.0] {
                let weights: Vec<f64> =
                    (0..s).map(|i| dense.iter().rev().fold(0.0, |sum, row| (sum + row[i]) * theta)).collect();
                let powers = [theta, theta * theta, theta.powi(3), theta.powi(3)];
                for (r, power) in residuals(&a, &weights).into_iter().zip(powers) {
                    // `residuals` takes one off each: the sums are r + 1, and should be powers of θ.
                    assert!((r + 1.0 - power).abs() < 1e-12, "s = {s}, θ = {theta}: {} for {power}", r + 1.0);
                }
                if theta == 1.0 {
                    assert!(weights.iter().zip(&b).all(|(w, b)| (w - b).abs() < 1e-12), "s = {s}");
                    continue;
                }
                let length = Rock4::stability(s);
                let noise = f64::EPSILON * amplification(method);
                for (x, r) in on_the_real_axis::<Rock4>(s, length, 2000, theta) {
                    assert!(r.abs() <= 1.0 + noise * (x / length).powi(4), "s = {s}, θ = {theta}: R(-{x}) = {r}");
                }
            }
        }
    }

    /// $R(z) = w(z) P(z)$, whose factors lose no digits.
    fn product_form(s: usize, z: f64) -> f64 {
        let index = FINISH.iter().position(|method| method.stages == s).unwrap();
        let recurrence = recurrence(index);
        let (mut p, mut delta) = (1.0 + recurrence[0] * z, recurrence[0] * z);
        for pair in recurrence[1..].chunks_exact(2) {
            delta = pair[0] * z * p + pair[1] * delta;
            p += delta;
        }
        let [a21, a31, a32, a41, a42, a43] = FINISH[index].a;
        let [b1, b2, b3, b4] = FINISH[index].b;
        let k2 = 1.0 + z * a21;
        let k3 = 1.0 + z * (a31 + a32 * k2);
        let k4 = 1.0 + z * (a41 + a42 * k2 + a43 * k3);
        p * (1.0 + z * (b1 + b2 * k2 + b3 * k3 + b4 * k4))
    }
}
