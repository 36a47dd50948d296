//! What a method goes on from, written down as numbers.

/// Reads numbers back in the order in which [`Stepper::save`](super::stepper::Stepper::save) has written them.
pub(crate) struct Saved<'s>(&'s [f64]);

impl<'s> Saved<'s> {
    /// From the first number on.
    pub fn new(numbers: &'s [f64]) -> Self {
        Saved(numbers)
    }

    fn take(&mut self, count: usize) -> &'s [f64] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    pub fn number(&mut self) -> f64 {
        self.take(1)[0]
    }

    /// A count: whole numbers up to $2^{53}$ are numbers.
    pub fn count(&mut self) -> usize {
        self.number() as usize
    }

    pub fn flag(&mut self) -> bool {
        self.number() != 0.0
    }

    pub fn array<const N: usize>(&mut self) -> [f64; N] {
        let taken = self.take(N);
        std::array::from_fn(|i| taken[i])
    }

    /// As many numbers as there is room for.
    pub fn fill(&mut self, out: &mut [f64]) {
        out.copy_from_slice(self.take(out.len()));
    }
}
