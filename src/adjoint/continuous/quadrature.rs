//! $\int \lambda^\top f_p + g_p \mathrm{d}t$ by Gauss' rules, while $\lambda$ is solved for.

use super::path::Path;
use super::running::Running;
use crate::model::Differentiable;
use crate::ode::Step;

/// Sums the integral step by step.
///
/// A backward step is divided where the forward steps end: between these points both $\lambda$ and $u$ are polynomials, and
/// what varies with time alone has been seen by the step control of the forward solve.
pub(super) struct Quadrature<'s> {
    system: &'s dyn Differentiable,
    running: Option<&'s dyn Running>,
    p: &'s [f64],
    path: Path<'s>,
    /// Rules that were used, by their number of points.
    rules: Vec<Vec<(f64, f64)>>,
    pub sum: Vec<f64>,
    /// How often $f_p$ was evaluated.
    pub evaluations: usize,
    lambda: Vec<f64>,
    u: Vec<f64>,
    du: Vec<f64>,
    u_bar: Vec<f64>,
    tape: Vec<f64>,
}

impl<'s> Quadrature<'s> {
    pub fn new(
        system: &'s dyn Differentiable,
        running: Option<&'s dyn Running>,
        p: &'s [f64],
        path: Path<'s>,
    ) -> Quadrature<'s> {
        let zeros = || vec![0.0; system.dimension()];
        Quadrature {
            system,
            running,
            p,
            path,
            rules: Vec::new(),
            sum: vec![0.0; system.parameter_count()],
            evaluations: 0,
            lambda: zeros(),
            u: zeros(),
            du: zeros(),
            u_bar: zeros(),
            tape: vec![0.0; system.tape_len()],
        }
    }

    /// Adds what a step of this order back over `step` contributes; `look` gives $\lambda$ at $\theta$.
    ///
    /// The rule is exact to two degrees more than the order, so that what it leaves is small against the error of $\lambda$.
    pub fn add(&mut self, step: &Step, order: usize, look: &dyn Fn(f64, &mut [f64])) {
        let points = order / 2 + 2;
        if self.rules.len() <= points {
            self.rules.resize(points + 1, Vec::new());
        }
        if self.rules[points].is_empty() {
            self.rules[points] = gauss(points);
        }
        let mut from = step.t;
        while from != step.t_new {
            let to = self.path.knot(from, step.t_new);
            for (node, weight) in &self.rules[points] {
                let t = from + node * (to - from);
                // From the end of the span to its start the integral is gone through backwards.
                let weight = weight * (from - to);
                look(step.theta(t), &mut self.lambda);
                self.lambda.iter_mut().for_each(|lambda| *lambda *= weight);
                self.path.read(t, &mut self.u);
                self.system.record(t, &self.u, self.p, &mut self.du, &mut self.tape);
                self.u_bar.fill(0.0);
                self.system.vjp(self.p, &self.tape, &self.lambda, &mut self.u_bar, &mut self.sum);
                if let Some(running) = self.running {
                    running.add((t, &self.u, self.p), weight, &mut self.u_bar, &mut self.sum);
                }
                self.evaluations += 1;
            }
            from = to;
        }
    }
}

/// Nodes and weights on [0, 1]: the roots of the Legendre polynomial by Newton's method.
///
/// Source: P. J. Davis, P. Rabinowitz, *Methods of Numerical Integration*, 2nd ed., Academic Press 1984, section 2.7.
fn gauss(points: usize) -> Vec<(f64, f64)> {
    let n = points as f64;
    let rule = (0..points).map(|i| {
        let mut x = -(std::f64::consts::PI * (i as f64 + 0.75) / (n + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..8 {
            // (k + 1) P_{k+1} = (2k + 1) x P_k − k P_{k−1}
            let (mut before, mut now) = (1.0, x);
            for k in 1..points {
                let k = k as f64;
                (before, now) = (now, ((2.0 * k + 1.0) * x * now - k * before) / (k + 1.0));
            }
            slope = n * (x * now - before) / (x * x - 1.0);
            x -= now / slope;
        }
        (0.5 * (1.0 + x), 1.0 / ((1.0 - x * x) * slope * slope))
    });
    rule.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_exact_to_their_degree() {
        for points in 2..=12 {
            let rule = gauss(points);
            for degree in 0..2 * points {
                let sum: f64 = rule.iter().map(|(x, w)| w * x.powi(degree as i32)).sum();
                let exact = 1.0 / (degree as f64 + 1.0);
                assert!((sum - exact).abs() < 1e-14, "{points} points, degree {degree}: off by {:e}", sum - exact);
            }
            let degree = 2 * points as i32;
            let sum: f64 = rule.iter().map(|(x, w)| w * x.powi(degree)).sum();
            assert!(points > 8 || (sum - 1.0 / (f64::from(degree) + 1.0)).abs() > 1e-13);
        }
    }
}
