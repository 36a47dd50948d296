//! Problems with known solutions, and the methods they are solved with.

use ansatz::prelude::*;

/// Methods that choose their steps, all but [`Method::Automatic`].
pub fn adaptive() -> impl Iterator<Item = Method> {
    Method::ALL.into_iter().filter(|method| *method != Method::Automatic && method.is_adaptive())
}

/// Methods that take every step as long as they are told.
pub const FIXED_ONLY: [Method; 2] = [Method::Euler, Method::Rk4];

/// Those of [`adaptive`] that need Jacobians.
pub fn implicit() -> impl Iterator<Item = Method> {
    adaptive().filter(|m| !m.is_explicit())
}

/// Those of [`adaptive`] that need none.
pub fn explicit() -> impl Iterator<Item = Method> {
    adaptive().filter(|m| m.is_explicit())
}

/// The error that a solve must end with.
pub fn stopped(result: ansatz::Result<Solution>) -> SolveError {
    match result {
        Err(ansatz::Error::Solve(error)) => error,
        other => panic!("no failed solve: {other:?}"),
    }
}

/// The largest difference of two states.
pub fn distance(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Least-squares slope of log error over log step.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let logs: Vec<(f64, f64)> = points.iter().map(|(h, e)| (h.ln(), e.ln())).collect();
    let mean = |f: fn(&(f64, f64)) -> f64| logs.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let covariance: f64 = logs.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    covariance / logs.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>()
}

/// `count` numbers of steps from the first to the last, in equal ratios.
pub fn step_counts(first: usize, last: usize, count: usize) -> Vec<usize> {
    let ratio = (last as f64 / first as f64).powf(1.0 / (count - 1) as f64);
    (0..count).map(|k| (first as f64 * ratio.powi(k as i32)).round() as usize).collect()
}

/// Going round the unit circle at a speed that depends on time and, nonlinearly, on the distance from the centre:
///
/// $$ x' = -s y, \quad y' = s x, \quad s = (1 + 0.3 \cos\tfrac t4)(1 + \epsilon (x^2 + y^2 - 1)); \qquad
/// x + \mathrm{i} y = \mathrm{e}^{\mathrm{i} \varphi}, \quad \varphi = t + 1.2 \sin\tfrac t4. $$
///
/// Errors of the radius become errors of the angle, so that the leading error outgrows what comes after it and the
/// asymptotic regime begins at long steps, far above rounding.
pub struct Turn {
    /// $\epsilon$.
    pub nonlinearity: f64,
}

impl Turn {
    pub fn exact(t: f64) -> [f64; 2] {
        let angle = t + 1.2 * (0.25 * t).sin();
        [angle.cos(), angle.sin()]
    }
}

impl Model for Turn {
    fn states(&self) -> Names {
        ["x", "y"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let distance = u[0] * u[0] + u[1] * u[1];
        let speed = ((t * 0.25).cos() * 0.3 + 1.0) * ((distance - 1.0) * self.nonlinearity + 1.0);
        du[0] = -speed * u[1];
        du[1] = speed * u[0];
    }
}

/// Lotka–Volterra in any unit of time.
pub struct Hunt;

impl Model for Hunt {
    fn states(&self) -> Names {
        ["prey", "predator"].into()
    }
    fn parameters(&self) -> Names {
        ["rate"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [rate] = p.parameters();
        du[0] = rate * u[0] * (-u[1] + 1.3);
        du[1] = rate * u[1] * (u[0] - 1.8);
    }
}

/// Robertson's reactions: rates from 0.04 to 3e7.
pub struct Robertson;

impl Model for Robertson {
    fn states(&self) -> Names {
        ["a", "b", "c"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let (slow, fast, middle) = (u[0] * 0.04, u[1] * u[1] * 3e7, u[1] * u[2] * 1e4);
        du[0] = middle - slow;
        du[1] = slow - middle - fast;
        du[2] = fast;
    }
}
