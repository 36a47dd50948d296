//! A gradient against differences of the loss.

use super::derivatives::{Derivatives, dot};
use super::loss::Loss;
use crate::model::Differentiable;
use crate::ode::{Options, Tolerance};

/// What [`Derivatives::check_gradient`] found. Its `Display` is the verdict in a sentence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GradientCheck {
    /// What was compared, direction by direction.
    pub directions: Vec<Direction>,
    /// The relative tolerance of the gradient that is in use.
    pub rtol: f64,
}

/// Derivatives of the loss along one direction in parameters and initial state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Direction {
    /// By the gradient as it is used.
    pub gradient: f64,
    /// By the same method with tolerances a thousand times tighter.
    pub tight: f64,
    /// By extrapolated differences of the loss, at the tight tolerances.
    pub difference: f64,
    /// What the differences may be off by, from the extrapolation; infinite where the loss could not be had.
    pub uncertainty: f64,
}

/// A check tries so many directions.
const DIRECTIONS: usize = 4;
/// How much tighter than the tolerances in use, and no tighter than this.
const TIGHTER: f64 = 1e-3;
const TIGHTEST: f64 = 1e-12;
/// The first difference moves every number by this part of itself; each further one by this much less.
const FIRST: f64 = 0.02;
const SHRINK: f64 = 0.5;
const LEVELS: usize = 6;
/// Differences that may be off by more than this part of themselves say nothing.
const USEFUL: f64 = 1e-2;

impl GradientCheck {
    /// The size of the derivatives that were compared.
    fn size(&self) -> f64 {
        self.directions.iter().map(|d| d.difference.abs().max(d.tight.abs())).fold(0.0, f64::max)
    }

    /// Whether the differences are certain enough to tell.
    pub fn can_tell(&self) -> bool {
        let size = self.size();
        self.directions.iter().all(|d| d.uncertainty <= USEFUL * size || d.uncertainty == 0.0)
    }

    /// Whether the gradient is that of the loss, as far as the differences can tell.
    pub fn agrees(&self) -> bool {
        let size = self.size();
        let near = |d: &Direction| (d.tight - d.difference).abs() <= 1e-6 * size + 10.0 * d.uncertainty;
        self.can_tell() && self.directions.iter().all(near)
    }

    /// The largest difference between the gradient in use and the one at tight tolerances, relative to the largest derivative.
    pub fn error(&self) -> f64 {
        let off = self.directions.iter().map(|d| (d.gradient - d.tight).abs()).fold(0.0, f64::max);
        if off == 0.0 { 0.0 } else { off / self.size() }
    }
}

impl std::fmt::Display for GradientCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (size, count) = (self.size(), self.directions.len());
        let apart = self.directions.iter().map(|d| (d.tight - d.difference).abs()).fold(0.0, f64::max);
        if self.agrees() {
            return write!(
                f,
                "the gradient agrees with differences of the loss along {count} directions, to {:.0e} of the largest \
                 derivative; at rtol {:e} its own error is about {:.0e}",
                if size > 0.0 { apart / size } else { 0.0 },
                self.rtol,
                self.error()
            );
        }
        if !self.can_tell() {
            return write!(
                f,
                "differences of the loss are too uncertain to tell whether the gradient is right: the loss jumps, is not smooth, \
                 varies wildly with the parameters, or cannot be had near them"
            );
        }
        let worst = self
            .directions
            .iter()
            .max_by(|a, b| (a.tight - a.difference).abs().total_cmp(&(b.tight - b.difference).abs()));
        let (tight, difference) = worst.map_or((0.0, 0.0), |d| (d.tight, d.difference));
        write!(
            f,
            "the gradient is not that of the loss: along one direction it says {tight:e}, differences say {difference:e}; look at \
             derivatives written by hand, and at terms that are not differentiable"
        )
    }
}

impl<S: Differentiable> Derivatives<'_, S> {
    /// Compares the gradient with differences of the loss along a few directions, at tolerances a thousand times tighter
    /// than those in use, and says how far the gradient at the tolerances in use is from that.
    ///
    /// Differences are central ones, extrapolated (C. J. F. Ridders, *Adv. Eng. Softw.* 4, 1982).
    ///
    /// # Errors
    /// The [`SolveError`](crate::ode::SolveError) of the gradient itself. Losses nearby that cannot be had make the check
    /// uncertain.
    pub fn check_gradient<L: Loss + ?Sized>(&self, loss: &L) -> crate::Result<GradientCheck> {
        let tight = tightened(&self.options);
        let used = self.gradient(loss)?;
        let exact = self.gradient_at(loss, &self.initial, &self.p, &tight)?;
        let (n, q) = (self.initial.len(), self.system.parameter_count());
        let mut directions = Vec::with_capacity(DIRECTIONS);
        for index in 0..DIRECTIONS {
            let direction = direction(index, &[&self.p[..], &self.initial].concat());
            let (along_p, along_u) = direction.split_at(q);
            let slope = |parameters: &[f64], initial: &[f64]| dot(parameters, along_p) + dot(initial, along_u);
            let loss_at = |step: f64| -> Option<f64> {
                let moved = |x: &[f64], d: &[f64]| -> Vec<f64> { x.iter().zip(d).map(|(x, d)| x + step * d).collect() };
                let (p, u) = (moved(&self.p, along_p), moved(&self.initial, along_u));
                let computed = self.gradient_at(loss, &u, &p, &tight).ok()?;
                computed.loss.is_finite().then_some(computed.loss)
            };
            debug_assert_eq!(direction.len(), n + q);
            let (difference, uncertainty) = ridders(loss_at).unwrap_or((f64::NAN, f64::INFINITY));
            directions.push(Direction {
                gradient: slope(&used.parameters, &used.initial),
                tight: slope(&exact.parameters, &exact.initial),
                difference,
                uncertainty,
            });
        }
        Ok(GradientCheck { directions, rtol: self.options.rtol })
    }
}

fn tightened(options: &Options) -> Options {
    let rtol = (options.rtol * TIGHTER).max(TIGHTEST.min(options.rtol));
    let part = rtol / options.rtol;
    let atol = match &options.atol {
        Tolerance::Scalar(atol) => Tolerance::Scalar(atol * part),
        Tolerance::Each(atol) => Tolerance::Each(atol.iter().map(|atol| atol * part).collect()),
    };
    Options { rtol, atol, ..options.clone() }
}

/// A direction of numbers as large as those at `x`, with signs and sizes that have nothing to do with each other; the same in
/// every check. What is zero moves with the mean size of the others.
fn direction(index: usize, x: &[f64]) -> Vec<f64> {
    let mean = x.iter().map(|x| x.abs()).sum::<f64>() / x.len().max(1) as f64;
    let fallback = if mean > 0.0 { mean } else { 1.0 };
    // The golden ratio's multiples are spread evenly over the unit interval and never repeat (Weyl).
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let spread = |i: usize| ((i * DIRECTIONS + index + 1) as f64 * GOLDEN).fract();
    x.iter()
        .enumerate()
        .map(|(i, x)| {
            let turn = 2.0 * spread(i) - 1.0;
            turn * if *x == 0.0 { fallback } else { x.abs() }
        })
        .collect()
}

/// The derivative of `f` at zero from central differences, and what it may be off by.
fn ridders(f: impl Fn(f64) -> Option<f64>) -> Option<(f64, f64)> {
    let mut best: Option<(f64, f64)> = None;
    let mut above: Vec<f64> = Vec::new();
    let mut step = FIRST;
    for _ in 0..LEVELS {
        let (Some(right), Some(left)) = (f(step), f(-step)) else {
            // Too far out: begin again nearer.
            above.clear();
            step *= SHRINK;
            continue;
        };
        let mut row = vec![(right - left) / (2.0 * step)];
        let mut factor = 1.0 / (SHRINK * SHRINK);
        for (j, before) in above.iter().enumerate() {
            let extrapolated = (factor * row[j] - before) / (factor - 1.0);
            let uncertainty = (extrapolated - row[j]).abs().max((extrapolated - before).abs());
            if best.is_none_or(|(_, least)| uncertainty < least) {
                best = Some((extrapolated, uncertainty));
            }
            row.push(extrapolated);
            factor /= SHRINK * SHRINK;
        }
        above = row;
        step *= SHRINK;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extrapolated_differences() {
        let (slope, uncertainty) = ridders(|h| Some((1.0 + h).exp())).unwrap();
        assert!((slope - 1f64.exp()).abs() < 1e-11 && uncertainty < 1e-9, "{slope} {uncertainty}");
        // Not there on one side until the step is small.
        let (slope, _) = ridders(|h| (h > -0.01).then(|| (1.0 + h).ln())).unwrap();
        assert!((slope - 1.0).abs() < 1e-9);
        assert!(ridders(|h| (h > 0.0).then_some(h)).is_none());
        let (_, uncertainty) = ridders(|h| Some(if h > 0.0 { 1.0 } else { 0.0 })).unwrap();
        assert!(uncertainty > 1.0);
    }

    #[test]
    fn directions_are_of_the_size_of_the_numbers_and_differ() {
        let x = [1e-3, 1.0, 0.0, 1e3];
        let (a, b) = (direction(0, &x), direction(1, &x));
        assert!(a.iter().zip(&x).all(|(d, x)| *x == 0.0 || d.abs() <= *x) && a != b);
        assert!(a.iter().all(|d| *d != 0.0));
    }
}
