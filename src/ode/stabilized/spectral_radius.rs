//! An upper bound of the spectral radius of $f_u$, from evaluations of $f$.

use crate::ode::options::Options;
use crate::ode::saved::Saved;
use crate::ode::stepper::{Context, Rejection, Rhs};

/// The spectral radius by the power method without the matrix: with a vector $v$ of small length $\delta$,
///
/// $$ w = f(t, u + v) - f(t, u) \approx f_u v, \qquad \rho \approx \Vert w \Vert / \delta, \qquad v \leftarrow \delta w /
/// \Vert w \Vert, $$
///
/// until the quotient changes by less than 1 %. It comes from below, hence a safety factor. The last $v$, nearly
/// the eigenvector, is where the next estimate starts, which then takes two or three evaluations. The first $v$ has
/// signs at random, so that no mode is missing: a smooth start may need rounding errors to find the rough modes, which are the
/// fast ones of a diffusion. Lengths are measured in the scale of the error control, which changes nothing about
/// eigenvalues and lets states of any size be seen.
///
/// Sommeijer, Shampine, Verwer, J. Comput. Appl. Math. 88 (1998), section 3.3; A. Abdulle's ROCK4.
#[derive(Clone, Debug, Default)]
pub(super) struct SpectralRadius {
    bound: f64,
    /// The last estimate's $v$, of any length; all zeros before the first.
    vector: Vec<f64>,
    shifted: Vec<f64>,
    image: Vec<f64>,
    /// $1 / (\text{atol}_i + \text{rtol} |u_i|)$.
    weights: Vec<f64>,
    /// Whether the next attempt needs a new estimate.
    due: bool,
    /// Whether the estimate was made where the next attempt starts.
    current: bool,
    /// Whether random signs are to be mixed in.
    shake: bool,
    /// Steps accepted since the estimate.
    age: usize,
    /// Whether the user knows a bound.
    given: bool,
}

/// What the estimate is multiplied with.
const SAFETY: f64 = 1.2;
/// Steps that an estimate serves.
const MOST_STEPS: usize = 25;
/// Change from one quotient to the next, relative, at which the iteration ends.
const CHANGE: f64 = 0.01;
const MOST_ITERATIONS: usize = 50;
/// Iterations before random signs have turned into something of which a quotient can be believed.
const ITERATIONS_AFTER_SHAKING: usize = 5;

impl SpectralRadius {
    /// The bound; zero before the first estimate.
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// The component in which the fastest mode is largest, in the scale of the error control; 0 where no mode was looked for.
    pub fn fastest(&self) -> usize {
        let sizes = self.vector.iter().zip(&self.weights).map(|(v, weight)| (v * weight).abs());
        let largest = sizes.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        largest.map_or(0, |(i, _)| i)
    }

    /// Begins afresh; the vector is kept as a start for the next estimate.
    pub fn start(&mut self, n: usize, options: &Options) {
        for v in [&mut self.vector, &mut self.shifted, &mut self.image, &mut self.weights] {
            v.resize(n, 0.0);
        }
        self.given = options.spectral_radius.is_some();
        self.bound = options.spectral_radius.unwrap_or(0.0);
        (self.due, self.current, self.shake, self.age) = (!self.given, false, true, 0);
    }

    /// Appends what the next estimates depend on.
    pub fn save(&self, out: &mut Vec<f64>) {
        out.extend([self.bound, self.age as f64]);
        out.extend([self.due, self.current, self.shake].map(f64::from));
        out.extend_from_slice(&self.vector);
    }

    /// Takes up what was saved, once [started](Self::start).
    pub fn restore(&mut self, from: &mut Saved) {
        (self.bound, self.age) = (from.number(), from.count());
        (self.due, self.current, self.shake) = (from.flag(), from.flag(), from.flag());
        from.fill(&mut self.vector);
    }

    /// A step was accepted.
    pub fn accepted(&mut self) {
        self.age += 1;
        self.current = false;
        self.due |= self.age >= MOST_STEPS && !self.given;
    }

    /// An attempt failed, perhaps because the bound is none any more.
    pub fn rejected(&mut self, why: Rejection) {
        if !matches!(why, Rejection::Stability(_)) && !self.current && !self.given {
            (self.due, self.shake) = (true, true);
        }
    }

    /// Makes a new estimate at $(t, u)$, where `slope` is $f$, if one is due.
    pub fn update<F: Rhs + ?Sized>(&mut self, f: &mut F, t: f64, h: f64, u: &[f64], slope: &[f64], cx: &mut Context) {
        if !self.due {
            return;
        }
        let iterations = if self.shake { ITERATIONS_AFTER_SHAKING } else { 2 };
        for i in 0..u.len() {
            self.weights[i] = 1.0 / (cx.options.atol.of(i) + cx.options.rtol * u[i].abs());
        }
        if std::mem::take(&mut self.shake) {
            self.mix_in_signs();
        }
        // Half of the digits of the state, or of what it becomes in a step where it is zero; or of its noise.
        let noise = (0..u.len()).map(|i| (cx.options.atol.of(i) * self.weights[i]).powi(2)).sum::<f64>().sqrt();
        let (state, change) = (length(u, &self.weights), h.abs() * length(slope, &self.weights));
        let size = f64::EPSILON.sqrt() * state.max(change).max(noise);
        match self.iterate(f, t, u, slope, size, iterations, cx) {
            Some(radius) => {
                self.bound = SAFETY * radius;
                (self.due, self.current, self.age) = (false, true, 0);
            }
            // f is not finite all around: what is known has to do, and is asked for again at the next attempt.
            None => self.shake = true,
        }
    }

    /// The power method from `vector`; `None` where $f$ is not finite to either side of the state.
    #[allow(clippy::too_many_arguments)]
    fn iterate<F: Rhs + ?Sized>(
        &mut self,
        f: &mut F,
        t: f64,
        u: &[f64],
        slope: &[f64],
        size: f64,
        iterations: usize,
        cx: &mut Context,
    ) -> Option<f64> {
        let n = u.len();
        let (vector, shifted, image) = (&mut self.vector[..n], &mut self.shifted[..n], &mut self.image[..n]);
        let weights = &self.weights[..n];
        let mut scale = size / length(vector, weights);
        let (mut last, mut largest, mut turned) = (f64::INFINITY, 0.0f64, false);
        let mut done = 0;
        while done < MOST_ITERATIONS {
            for i in 0..n {
                shifted[i] = u[i] + scale * vector[i];
            }
            f.try_eval(t, shifted, image);
            cx.statistics.rhs += 1;
            for i in 0..n {
                image[i] -= slope[i];
            }
            let norm = length(image, weights);
            if !norm.is_finite() {
                // At the border of where f is defined the other side may do.
                if std::mem::replace(&mut turned, true) {
                    return None;
                }
                scale = -scale;
                continue;
            }
            let quotient = norm / size;
            done += 1;
            if norm == 0.0 || (done >= iterations && (quotient - last).abs() <= CHANGE * quotient) {
                return Some(quotient);
            }
            last = quotient;
            if done > 1 {
                largest = largest.max(quotient);
            }
            vector.copy_from_slice(image);
            scale = scale.signum() * size / norm;
        }
        Some(largest)
    }

    /// Adds a vector of random signs, as long as the one there.
    fn mix_in_signs(&mut self) {
        let known = length(&self.vector, &self.weights);
        // The signs alone have the length √n.
        let each = if known > 0.0 { known / (self.vector.len() as f64).sqrt() } else { 1.0 };
        for (i, (v, weight)) in self.vector.iter_mut().zip(&self.weights).enumerate() {
            *v += if is_positive(i as u64) { each / weight } else { -each / weight };
        }
    }
}

/// In the scale of the error control.
fn length(x: &[f64], weights: &[f64]) -> f64 {
    x.iter().zip(weights).map(|(x, w)| (x * w) * (x * w)).sum::<f64>().sqrt()
}

/// A sign that looks like chance and is the same in every run: SplitMix64's mixing (G. L. Steele, D. Lea, C. H. Flood,
/// OOPSLA 2014).
fn is_positive(i: u64) -> bool {
    let mut z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) & 1 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ode::options::Tolerance;
    use crate::ode::solution::Statistics;

    /// A right-hand side from a closure, which counts its calls.
    struct Counted<G>(G, usize);

    impl<G: Fn(f64, &[f64], &mut [f64])> Rhs for Counted<G> {
        fn eval(&mut self, _stage: usize, t: f64, u: &[f64], du: &mut [f64]) {
            (self.0)(t, u, du);
        }
        fn try_eval(&mut self, t: f64, u: &[f64], du: &mut [f64]) {
            self.1 += 1;
            (self.0)(t, u, du);
        }
    }

    /// The bound at a state, and the evaluations it took.
    fn estimate(
        radius: &mut SpectralRadius,
        g: impl Fn(f64, &[f64], &mut [f64]),
        t: f64,
        u: &[f64],
        options: &Options,
    ) -> (f64, usize) {
        let (mut f, mut statistics) = (Counted(g, 0), Statistics::default());
        let mut slope = vec![0.0; u.len()];
        f.eval(0, t, u, &mut slope);
        radius.due = true;
        radius.update(&mut f, t, 1e-3, u, &slope, &mut Context { options, statistics: &mut statistics });
        assert_eq!(f.1, statistics.rhs);
        (radius.bound(), f.1)
    }

    fn fresh(n: usize) -> SpectralRadius {
        let mut radius = SpectralRadius::default();
        radius.start(n, &Options::default());
        radius
    }

    /// Heat in one, two and three dimensions, zero at the boundary, `m` points a side.
    fn heat(m: usize, dimensions: u32) -> impl Fn(f64, &[f64], &mut [f64]) {
        move |_t, u, du| {
            for i in 0..u.len() {
                du[i] = 0.0;
                for d in 0..dimensions {
                    let stride = m.pow(d);
                    let place = i / stride % m;
                    let before = if place > 0 { u[i - stride] } else { 0.0 };
                    let after = if place + 1 < m { u[i + stride] } else { 0.0 };
                    du[i] += before - 2.0 * u[i] + after;
                }
            }
        }
    }

    /// With the spectrum known: no less than the radius, no more than the safety factor above it. The first state is an
    /// eigenvector of the slowest mode, from which the power method by itself would never get away.
    #[test]
    fn diffusion_in_one_two_and_three_dimensions() {
        for (m, dimensions) in [(10_usize, 1), (100, 1), (1000, 1), (10, 2), (60, 2), (8, 3), (20, 3)] {
            let (n, g) = (m.pow(dimensions), heat(m, dimensions));
            let half = std::f64::consts::FRAC_PI_2 * m as f64 / (m + 1) as f64;
            let exact = f64::from(dimensions) * 4.0 * half.sin().powi(2);
            let wave = |i: usize| (std::f64::consts::PI * (i + 1) as f64 / (m + 1) as f64).sin();
            let smooth: Vec<f64> = (0..n).map(|i| (0..dimensions).map(|d| wave(i / m.pow(d) % m)).product()).collect();
            for u in [smooth, vec![0.0; n], vec![1e6; n]] {
                let mut radius = fresh(n);
                let (first, calls) = estimate(&mut radius, &g, 0.0, &u, &Options::default());
                let name = format!("{m} points a side in {dimensions} dimensions");
                assert!((1.0..=SAFETY * 1.0001).contains(&(first / exact)), "{name}: {} of it", first / exact);
                assert!(calls < MOST_ITERATIONS, "{name}: {calls} evaluations");
                // The kept vector makes the next one cheap, and better.
                let (second, again) = estimate(&mut radius, &g, 0.0, &u, &Options::default());
                assert!((1.0..=SAFETY * 1.0001).contains(&(second / exact)), "{name}: {} of it", second / exact);
                assert!(again <= 3, "{name}: {again} evaluations for the second");
            }
        }
    }

    /// $u_i' = d_i u_i^3 / 3$ has the Jacobian $d_i u_i^2$, which moves with the state.
    #[test]
    fn a_nonlinear_problem_along_its_way() {
        let n = 50;
        let d = |i: usize| -1.0 - (i as f64 * 0.7).sin().powi(2) * 30.0;
        let g = move |_t: f64, u: &[f64], du: &mut [f64]| {
            for i in 0..u.len() {
                du[i] = d(i) * u[i].powi(3) / 3.0;
            }
        };
        let mut radius = fresh(n);
        for k in 0..20 {
            let u: Vec<f64> = (0..n).map(|i| 1.0 + 0.5 * (0.05 * f64::from(k) + i as f64).cos()).collect();
            let exact = (0..n).map(|i| (d(i) * u[i] * u[i]).abs()).fold(0.0, f64::max);
            radius.shake = k == 0;
            let (bound, _) = estimate(&mut radius, g, 0.0, &u, &Options::default());
            assert!((0.97..=SAFETY * 1.0001).contains(&(bound / exact)), "state {k}: {} of it", bound / exact);
        }
    }

    /// A damped oscillator of eigenvalues $-1 \pm 100 \mathrm{i}$ and a matrix that is far from normal: no less than the
    /// radius there, either.
    #[test]
    fn complex_eigenvalues_and_a_matrix_that_is_not_normal() {
        let oscillator = |_t: f64, u: &[f64], du: &mut [f64]| {
            du[0] = -u[0] + 100.0 * u[1];
            du[1] = -100.0 * u[0] - u[1];
        };
        let (bound, _) = estimate(&mut fresh(2), oscillator, 0.0, &[1.0, 0.5], &Options::default());
        let exact = 1.0f64.hypot(100.0);
        assert!((1.0..=SAFETY * 1.0001).contains(&(bound / exact)), "{}", bound / exact);
        let skew = |_t: f64, u: &[f64], du: &mut [f64]| {
            du[0] = -u[0] + 50.0 * u[1];
            du[1] = -2.0 * u[1];
        };
        let (bound, _) = estimate(&mut fresh(2), skew, 0.0, &[1.0, 1.0], &Options::default());
        assert!((2.0..=52.0 * SAFETY).contains(&bound), "{bound}");
    }

    /// States of very different size keep their own scale: $v = 10^{-9}$ beside $u = 10^6$ stays positive.
    #[test]
    fn states_of_different_size() {
        let g = |_t: f64, u: &[f64], du: &mut [f64]| {
            du[0] = -3.0 * u[0];
            du[1] = -40.0 * u[1] * (u[1] * 1e9).sqrt();
        };
        let options = Options { atol: Tolerance::Each(vec![1.0, 1e-15]), ..Options::default() };
        let (bound, _) = estimate(&mut fresh(2), g, 0.0, &[1e6, 1e-9], &options);
        assert!((60.0..=60.0 * SAFETY * 1.001).contains(&bound), "{bound}");
    }

    /// Where $f$ has no value on one side, the other serves; where it has none on both, what was known stays, and the next
    /// attempt asks again.
    #[test]
    fn at_the_border_of_the_domain() {
        let half = |_t: f64, u: &[f64], du: &mut [f64]| du[0] = if u[0] >= 1.0 { -7.0 * u[0] } else { f64::NAN };
        let (bound, _) = estimate(&mut fresh(1), half, 0.0, &[1.0], &Options::default());
        assert!((bound - 7.0 * SAFETY).abs() < 1e-6, "{bound}");
        let island = |_t: f64, u: &[f64], du: &mut [f64]| du[0] = if u[0] == 1.0 { -7.0 } else { f64::INFINITY };
        let mut radius = fresh(1);
        radius.bound = 3.0;
        let (bound, calls) = estimate(&mut radius, island, 0.0, &[1.0], &Options::default());
        assert_eq!((bound, calls), (3.0, 2));
        assert!(radius.due);
    }

    /// Every 25 accepted steps and after a failed attempt elsewhere, but never when the user knows better.
    #[test]
    fn when_an_estimate_is_due() {
        let g = |_t: f64, u: &[f64], du: &mut [f64]| du[0] = -5.0 * u[0];
        let mut radius = fresh(1);
        assert!(radius.due);
        estimate(&mut radius, g, 0.0, &[1.0], &Options::default());
        radius.rejected(Rejection::Error);
        assert!(!radius.due, "it was made right here");
        for _ in 0..MOST_STEPS - 1 {
            radius.accepted();
        }
        assert!(!radius.due);
        radius.rejected(Rejection::Stability(0));
        assert!(!radius.due, "the bound itself said no");
        radius.accepted();
        assert!(radius.due);
        estimate(&mut radius, g, 0.0, &[1.0], &Options::default());
        radius.accepted();
        radius.rejected(Rejection::NotFinite(0));
        assert!(radius.due);
        radius.start(1, &Options { spectral_radius: Some(9.0), ..Options::default() });
        radius.accepted();
        radius.rejected(Rejection::Error);
        assert!(!radius.due && radius.bound() == 9.0);
    }
}
