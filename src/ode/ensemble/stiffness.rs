//! Looking for stiffness in every lane: the test of the explicit methods, without a branch.

use super::control::{Mask, mask};
use crate::number::Lanes;
use crate::ode::explicit::{CALM_STEPS, LOOK_EVERY, STIFF_STEPS};

/// Notes of each lane whether its steps are as long as stability allows. Counts are whole numbers.
pub(super) struct LaneStiffness<const N: usize> {
    /// Accepted steps since the last regular look.
    since: Lanes<N>,
    stiff: Lanes<N>,
    calm: Lanes<N>,
}

impl<const N: usize> LaneStiffness<N> {
    pub fn new() -> Self {
        LaneStiffness { since: Lanes::splat(0.0), stiff: Lanes::splat(0.0), calm: Lanes::splat(0.0) }
    }

    /// Forgets what was before in a lane.
    pub fn restart(&mut self, lane: usize) {
        for counts in [&mut self.since, &mut self.stiff, &mut self.calm] {
            counts.0[lane] = 0.0;
        }
    }

    /// Counts a step of the lanes that passed, and says which of them are due for a look.
    #[inline(always)]
    pub fn due(&mut self, passed: &Mask<N>) -> Mask<N> {
        let mut due = [0; N];
        for l in 0..N {
            let since = self.since.0[l] + if passed[l] != 0 { 1.0 } else { 0.0 };
            let regular = since >= LOOK_EVERY as f64;
            self.since.0[l] = if regular { 0.0 } else { since };
            due[l] = passed[l] & mask(regular | (self.stiff.0[l] > 0.0));
        }
        due
    }

    /// Takes note of the lanes that were due: whether each is at the border of stability.
    #[inline(always)]
    pub fn note(&mut self, due: &Mask<N>, at_border: &Mask<N>) {
        for l in 0..N {
            let (is, suspected) = (at_border[l] != 0, self.stiff.0[l] > 0.0);
            let stiff = self.stiff.0[l] + if is { 1.0 } else { 0.0 };
            let calm = if is { 0.0 } else { self.calm.0[l] + if suspected { 1.0 } else { 0.0 } };
            let over = calm >= CALM_STEPS as f64;
            let (stiff, calm) = (if over { 0.0 } else { stiff }, if over { 0.0 } else { calm });
            self.stiff.0[l] = if due[l] != 0 { stiff } else { self.stiff.0[l] };
            self.calm.0[l] = if due[l] != 0 { calm } else { self.calm.0[l] };
        }
    }

    /// The lanes that look stiff.
    #[inline(always)]
    pub fn looks_stiff(&self) -> Mask<N> {
        self.stiff.0.map(|stiff| mask(stiff >= STIFF_STEPS as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fifteen looks at the border, with fewer than six calm ones at a time in between.
    #[test]
    fn looks_are_counted_lane_by_lane() {
        let mut stiffness = LaneStiffness::<2>::new();
        let mut looks = 0;
        for step in 1..=200 {
            // The second lane never passes.
            let due = stiffness.due(&[mask(true), 0]);
            assert_eq!(due[1], 0);
            assert_eq!(due[0] != 0, step % 16 == 0 || looks > 0, "step {step}");
            looks += usize::from(due[0] != 0);
            // Every other look is calm, so that six calm ones never stand together.
            stiffness.note(&due, &[mask(looks % 2 == 1), mask(true)]);
            if looks == 12 {
                assert_eq!(stiffness.stiff.0[0], 6.0);
                assert_eq!(stiffness.looks_stiff(), [0, 0]);
            }
            if looks == 29 {
                assert_eq!(stiffness.looks_stiff(), [mask(true), 0]);
                stiffness.restart(0);
                assert_eq!(stiffness.looks_stiff(), [0, 0]);
                return;
            }
        }
        panic!("never found stiff");
    }

    #[test]
    fn six_calm_looks_end_the_suspicion() {
        let mut stiffness = LaneStiffness::<1>::new();
        stiffness.note(&[mask(true)], &[mask(true)]);
        for _ in 0..5 {
            assert_ne!(stiffness.due(&[mask(true)]), [0]);
            stiffness.note(&[mask(true)], &[0]);
        }
        assert_eq!(stiffness.stiff.0, [1.0]);
        stiffness.note(&[mask(true)], &[0]);
        assert_eq!(stiffness.stiff.0, [0.0]);
        assert_eq!(stiffness.due(&[mask(true)]), [0]);
    }
}
