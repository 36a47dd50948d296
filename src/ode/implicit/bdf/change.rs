//! What a step has done to the differences, for its derivative.

/// A change of the grid of the differences before an attempt, whether or not that attempt came to count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Change {
    /// Degree of the polynomial that the differences stood for; zero where there was none yet, and the first difference
    /// became $h$ times the slope.
    pub degree: usize,
    /// Order from then on: higher differences are left behind.
    pub order: usize,
    /// New width of the grid over the old one, of either sign; at a beginning the width itself.
    pub ratio: f64,
}

impl Change {
    /// Whether there were no differences before.
    pub fn begins(&self) -> bool {
        self.degree == 0
    }

    /// As it is kept.
    pub fn numbers(&self) -> [f64; 3] {
        [self.degree as f64, self.order as f64, self.ratio]
    }
}

/// A step as the stepper keeps it: where it led to, its order, the changes before it, and the slope it began from, if it
/// began from one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changed<'k> {
    pub u_new: &'k [f64],
    pub order: usize,
    changes: &'k [f64],
    pub slope: &'k [f64],
}

impl<'k> Changed<'k> {
    /// Of a step with `n` states.
    pub fn of(kept: &'k [f64], n: usize) -> Self {
        let (u_new, kept) = kept.split_at(n);
        let (order, count) = (kept[0] as usize, kept[1] as usize);
        let (changes, slope) = kept[2..].split_at(3 * count);
        Changed { u_new, order, changes, slope }
    }

    /// The changes, first to last.
    pub fn changes(&self) -> impl DoubleEndedIterator<Item = Change> + 'k {
        let changes = self.changes.chunks_exact(3);
        changes.map(|c| Change { degree: c[0] as usize, order: c[1] as usize, ratio: c[2] })
    }
}
