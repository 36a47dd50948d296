//! For tests: gradients against differences of the loss with the same steps, and problems for it.

use crate::adjoint::DiscreteAdjoint;
use crate::model::{Bound, MassMatrix, Model, Names, Params};
use crate::number::Real;
use crate::ode::{Method, Options, Tolerance};

/// A pendulum that is pushed and slowed down: it depends on time, and nonlinearly on parameters and states.
pub struct Pushed;

impl Model for Pushed {
    fn states(&self) -> Names {
        ["angle", "speed"].into()
    }
    fn parameters(&self) -> Names {
        ["stiffness", "friction", "push"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [stiffness, friction, push] = p.parameters();
        du[0] = u[1];
        du[1] = -stiffness * u[0].sin() - friction * u[1] * u[1] * u[1] + push * push * (t * 2.0).cos();
    }
}

/// Heat with a conductivity that depends on it, on a rod of so many inner points, with a heater at one end.
pub struct Rod {
    pub points: usize,
    /// Heat capacities that couple neighbours, as linear finite elements have them.
    pub elements: bool,
}

impl Rod {
    pub fn initial(&self) -> Vec<f64> {
        let place = |i| (i + 1) as f64 / (self.points + 1) as f64;
        (0..self.points).map(place).map(|x| 0.5 * (1.0 - x) + 0.2 * (3.0 * x).sin() * (1.0 - x)).collect()
    }
}

impl Model for Rod {
    fn states(&self) -> Names {
        (0..self.points).map(|i| format!("u{i}")).collect::<Vec<_>>().into()
    }
    fn parameters(&self) -> Names {
        ["conductivity", "growth", "heat"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [conductivity, growth, heat] = p.parameters();
        let n = self.points;
        let inverse = ((n + 1) * (n + 1)) as f64;
        let flow = |a: R, b: R| (b - a) * (((a + b) * 0.5 * growth).exp() * conductivity * inverse);
        let hot = heat * heat * ((t * 3.0).sin() + 1.0);
        for i in 0..n {
            let before = if i > 0 { u[i - 1] } else { hot };
            let after = if i + 1 < n { u[i + 1] } else { R::zero() };
            du[i] = flow(u[i], after) - flow(before, u[i]) - u[i] * u[i] * u[i];
        }
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        let n = self.points;
        let near = |i: usize| [(i, i, 2.0 / 3.0), (i, (i + 1) % n, 1.0 / 6.0), ((i + 1) % n, i, 1.0 / 6.0)];
        let entries = (0..n).flat_map(near).filter(|(i, j, _)| i.abs_diff(*j) < 2).collect::<Vec<_>>();
        self.elements.then(|| MassMatrix::from_entries(n, &entries))
    }
}

/// A loss in which every state counts.
pub fn loss(u: &[f64], u_bar: &mut [f64]) -> f64 {
    let mut sum = 0.0;
    for (k, (u, bar)) in u.iter().zip(u_bar).enumerate() {
        let weight = 1.0 + (k as f64 * 0.7).sin();
        sum += weight * (u * u * u / 3.0 + u);
        *bar = weight * (u * u + 1.0);
    }
    sum
}

/// The derivative of `f` at zero by central differences over `size` and its halves, extrapolated to step zero.
pub fn slope(size: f64, f: impl Fn(f64) -> f64) -> f64 {
    let mut table: Vec<f64> = (0..4)
        .map(|k| {
            let h = size / f64::from(1 << k);
            (f(h) - f(-h)) / (2.0 * h)
        })
        .collect();
    for level in 1..table.len() as i32 {
        let factor = 4f64.powi(level);
        for k in 0..table.len() - level as usize {
            table[k] = (factor * table[k + 1] - table[k]) / (factor - 1.0);
        }
    }
    table[0]
}

/// Fixed steps, with stages solved as sharply as they can be.
pub fn fixed(method: Method, h: f64) -> Options {
    Options { method, rtol: 1e-13, atol: Tolerance::Scalar(1e-13), fixed_step: Some(h), ..Options::default() }
}

/// Variable steps at one tolerance.
pub fn variable(method: Method, rtol: f64) -> Options {
    Options { method, rtol, atol: Tolerance::Scalar(rtol), max_steps: Some(10_000_000), ..Options::default() }
}

/// Loss and its gradient, parameters first.
pub fn gradient<M: Model>(model: &M, options: Options, u: &[f64], p: &[f64], times: &[f64]) -> (f64, Vec<f64>) {
    let bound = Bound::new(model).unwrap();
    let mut adjoint = DiscreteAdjoint::new(&bound, options);
    let g = adjoint.gradient(0.0, u, p, times, loss).unwrap();
    (g.loss, [g.parameters, g.initial].concat())
}

/// The error of the gradient in the worse of two directions, relative, as differences of the loss say that are made with the
/// same steps and moves of so much. `onto` puts a state back on the algebraic equations; the first `free` states are none of
/// those that it writes.
pub fn error_to_differences<M: Model>(
    model: &M,
    options: &Options,
    (u, p): (&[f64], &[f64]),
    times: &[f64],
    size: f64,
    (free, onto): (usize, impl Fn(&mut [f64], &[f64])),
) -> f64 {
    let (_, exact) = gradient(model, options.clone(), u, p, times);
    let mut worst: f64 = 0.0;
    for seed in 0..2 {
        let wave = |i: usize| (1.3 * i as f64 + 2.0 * f64::from(seed) + 0.5).cos();
        let difference = slope(size, |s| {
            let moved: Vec<f64> = p.iter().enumerate().map(|(i, p)| p + s * wave(i)).collect();
            let mut start: Vec<f64> = u.iter().enumerate().map(|(i, u)| u + s * wave(p.len() + i)).collect();
            onto(&mut start, &moved);
            gradient(model, options.clone(), &start, &moved, times).0
        });
        let along: f64 = exact[..p.len() + free].iter().enumerate().map(|(i, g)| g * wave(i)).sum();
        worst = worst.max((along / difference - 1.0).abs());
    }
    worst
}

/// $\Vert a - b \Vert / \Vert b \Vert$.
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    let difference: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    (difference / b.iter().map(|b| b * b).sum::<f64>()).sqrt()
}
