//! What the tests of all problems use: values, exact Jacobians, and states to try them at.

use crate::model::{Bound, Differentiable, Model, System};

/// $f(t, u, p)$.
pub fn eval<M: Model>(model: &M, t: f64, u: &[f64], p: &[f64]) -> Vec<f64> {
    let bound = Bound::new(model).unwrap();
    let mut du = vec![0.0; u.len()];
    bound.eval(t, u, p, &mut du);
    du
}

/// $f_u(t, u, p)$ row by row, by dual numbers.
pub fn jacobian<M: Model>(model: &M, t: f64, u: &[f64], p: &[f64]) -> Vec<f64> {
    let bound = Bound::new(model).unwrap();
    let n = u.len();
    let stride = p.len().max(1);
    let (mut du, mut tape) = (vec![0.0; n], vec![0.0; bound.tape_len()]);
    bound.record(t, u, p, &mut du, &mut tape);
    let (mut f_u, mut f_p) = (vec![0.0; n * n], vec![0.0; n * stride]);
    bound.jacobian(p, &tape, &mut f_u, &mut f_p, stride);
    f_u
}

/// Numbers between 0 and 1 that are the same every time (the fractional parts of multiples of the golden ratio).
pub fn spread(n: usize) -> Vec<f64> {
    (1..=n).map(|k| (k as f64 * 0.618_033_988_749_894_8).fract()).collect()
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The derivative of a function of time, by differences of order 6.
pub fn derivative(function: impl Fn(f64) -> Vec<f64>, t: f64, h: f64) -> Vec<f64> {
    let weights = [(1.0, 0.75), (2.0, -0.15), (3.0, 1.0 / 60.0)];
    let mut sum = vec![0.0; function(t).len()];
    for (k, w) in weights {
        let (after, before) = (function(t + k * h), function(t - k * h));
        for (s, (a, b)) in sum.iter_mut().zip(after.iter().zip(&before)) {
            *s += w * (a - b) / h;
        }
    }
    sum
}
