//! The solution that the adjoint equations are linearised at, from the dense output of the forward solve.

use crate::ode::Solution;

/// $u(t)$, looked up near where it was last looked up.
#[derive(Clone, Copy)]
pub(super) struct Path<'s> {
    solution: &'s Solution,
    /// The step last read.
    step: usize,
    /// 1, or −1 where times decrease.
    direction: f64,
}

impl<'s> Path<'s> {
    /// Of a solution that keeps every step and has at least one; begins at its end.
    pub fn new(solution: &'s Solution) -> Self {
        let times = solution.times();
        let direction = if times.last() < times.first() { -1.0 } else { 1.0 };
        Path { solution, step: times.len() - 2, direction }
    }

    /// Goes to the last step that begins before `t`, or where there is none to the first.
    #[inline]
    fn seek(&mut self, t: f64) {
        let times = self.solution.times();
        while self.step > 0 && (t - times[self.step]) * self.direction <= 0.0 {
            self.step -= 1;
        }
        while self.step + 2 < times.len() && (t - times[self.step + 1]) * self.direction > 0.0 {
            self.step += 1;
        }
    }

    /// Writes $u(t)$.
    #[inline]
    pub fn read(&mut self, t: f64, u: &mut [f64]) {
        self.seek(t);
        self.solution.piece(self.step).read(t, u);
    }

    /// Writes $u(t)$ and $\dot u(t)$.
    pub fn read_along(&mut self, t: f64, u: &mut [f64], slope: &mut [f64]) {
        self.seek(t);
        let piece = self.solution.piece(self.step);
        piece.read(t, u);
        piece.read_slope(t, slope);
    }

    /// Going back from `t` to `end`: the first end of a forward step on the way, or `end`.
    pub fn knot(&mut self, t: f64, end: f64) -> f64 {
        self.seek(t);
        let knot = self.solution.piece(self.step).start;
        if (knot - end) * self.direction > 0.0 && (t - knot) * self.direction > 0.0 { knot } else { end }
    }
}
