//! A solution step by step, to be read without looking for the step.

use super::solution::Solution;

/// What a solution keeps of one step.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'s> {
    pub start: f64,
    pub end: f64,
    u: &'s [f64],
    rows: &'s [f64],
}

impl Solution {
    /// The step from saved time `step` to the next, of a solution that keeps every step.
    pub(crate) fn piece(&self, step: usize) -> Piece<'_> {
        let rows = &self.dense[self.dense_starts[step]..self.dense_starts[step + 1]];
        Piece { start: self.times[step], end: self.times[step + 1], u: self.state(step), rows }
    }
}

impl Piece<'_> {
    /// Writes $u(t)$.
    #[inline]
    pub fn read(&self, t: f64, u: &mut [f64]) {
        let theta = (t - self.start) / (self.end - self.start);
        u.fill(0.0);
        for row in self.rows.chunks_exact(u.len()).rev() {
            for (u, c) in u.iter_mut().zip(row) {
                *u = (*u + c) * theta;
            }
        }
        u.iter_mut().zip(self.u).for_each(|(u, start)| *u += start);
    }

    /// Writes $\dot u(t)$.
    pub fn read_slope(&self, t: f64, slope: &mut [f64]) {
        let length = self.end - self.start;
        let theta = (t - self.start) / length;
        slope.fill(0.0);
        for (m, row) in self.rows.chunks_exact(slope.len()).enumerate().rev() {
            for (slope, c) in slope.iter_mut().zip(row) {
                *slope = *slope * theta + (m + 1) as f64 * c / length;
            }
        }
    }
}
