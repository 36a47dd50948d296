//! Which inputs a number depends on: evaluating a mechanism with [`Pattern`] gives the sparsity of its Jacobian.
//!
//! A [`Pattern`] is a handle to a set of inputs in the arena of the [`Pattern::trace`] it was made in, so it is `Copy`
//! like every other [`Real`]. The sets are unions of intervals, stored one after another and never changed. A constant
//! is the empty set; every operation unites what it is given, and a union that is one of its operands stores nothing.

use super::Real;
use std::cell::RefCell;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// A number that knows only which inputs it depends on.
///
/// It lives inside [`Pattern::trace`]; the number of another trace counts as a constant.
///
/// ```
/// use ansatz::number::{Pattern, Real};
/// // One cell of a reaction between two species, with diffusion from the left.
/// let dependence = Pattern::trace(3, 2, |u, du| {
///     du[0] = u[0].square() * u[1] * 2.0 + (u[2] - u[0]) * 0.1;
///     du[1] = -u[0] * u[1];
/// });
/// let dependence = dependence.expect("few enough to keep");
/// assert_eq!(dependence.of(0), [0, 1, 2]);
/// assert_eq!(dependence.of(1), [0, 1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    arena: u32,
    /// 0 is the empty set in every arena.
    set: u32,
}

/// The inputs that each output depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependence {
    starts: Vec<usize>,
    indices: Vec<usize>,
}

impl Dependence {
    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.starts.len() - 1
    }
    /// The inputs that an output depends on, increasing; none for an output there is not.
    pub fn of(&self, output: usize) -> &[usize] {
        match (self.starts.get(output), self.starts.get(output + 1)) {
            (Some(&start), Some(&end)) => &self.indices[start..end],
            _ => &[],
        }
    }
    /// Where each output's inputs start in [`indices`](Dependence::indices); one more at the end.
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }
    /// The inputs of all outputs, one output after another.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }
}

/// Inputs `first..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interval {
    first: u32,
    end: u32,
}

/// Where a set stands among the intervals.
#[derive(Clone, Copy)]
struct Set {
    start: usize,
    end: usize,
}

struct Arena {
    id: u32,
    sets: Vec<Set>,
    intervals: Vec<Interval>,
    /// The last unions, found by their operands.
    memory: Vec<(u32, u32, u32)>,
    /// More intervals than [`Arena::MOST_INTERVALS`] would have been needed.
    overflow: bool,
}

impl Arena {
    /// Half a gigabyte. Reached only by patterns that are far from sparse.
    const MOST_INTERVALS: usize = if cfg!(test) { 1 << 22 } else { 1 << 26 };
    /// From this many intervals on, a term that touches the sum is not worth a copy to melt the two intervals together.
    const LONG: usize = 8;
    const MEMORY: usize = 1 << 12;

    fn union(&mut self, a: u32, b: u32) -> u32 {
        let (a, b) = (a.min(b), a.max(b));
        let slot = (a.wrapping_mul(0x9e37_79b1) ^ b.wrapping_mul(0x85eb_ca6b)) as usize >> 7 & (Self::MEMORY - 1);
        let (known_a, known_b, known) = self.memory[slot];
        if (known_a, known_b) == (a, b) {
            return known;
        }
        let union = self.unite(a, b);
        self.memory[slot] = (a, b, union);
        union
    }

    fn unite(&mut self, a: u32, b: u32) -> u32 {
        let (x, y) = (self.sets[a as usize], self.sets[b as usize]);
        let end = self.intervals.len();
        // A sum over many inputs in turn would copy all that it has seen at every term, unless the new term is written
        // (or already stands) right behind it.
        for (front, back) in [(x, y), (y, x)] {
            let (last, first) = (self.intervals[front.end - 1].end, self.intervals[back.start].first);
            if last < first || last == first && front.end - front.start >= Self::LONG {
                if front.end == back.start {
                    return self.add(Set { start: front.start, end: back.end });
                }
                if front.end == end {
                    self.intervals.extend_from_within(back.start..back.end);
                    return self.add(Set { start: front.start, end: self.intervals.len() });
                }
            }
        }
        if self.overflow || end + (x.end - x.start) + (y.end - y.start) > Self::MOST_INTERVALS {
            self.overflow = true;
            return a;
        }
        self.merge(x, y);
        let united = &self.intervals[end..];
        let same = |set: Set| united == &self.intervals[set.start..set.end];
        let known = if same(x) {
            Some(a)
        } else if same(y) {
            Some(b)
        } else {
            None
        };
        match known {
            Some(known) => {
                self.intervals.truncate(end);
                known
            }
            None => self.add(Set { start: end, end: self.intervals.len() }),
        }
    }

    /// Writes the union of two sets behind the last interval.
    fn merge(&mut self, x: Set, y: Set) {
        let (mut i, mut j) = (x.start, y.start);
        let next = |i: &mut usize, intervals: &[Interval]| {
            *i += 1;
            intervals[*i - 1]
        };
        let mut take = |intervals: &[Interval]| match (i < x.end, j < y.end) {
            (true, true) if intervals[i].first <= intervals[j].first => Some(next(&mut i, intervals)),
            (_, true) => Some(next(&mut j, intervals)),
            (true, false) => Some(next(&mut i, intervals)),
            (false, false) => None,
        };
        let Some(mut last) = take(&self.intervals) else { return };
        while let Some(interval) = take(&self.intervals) {
            if interval.first <= last.end {
                last.end = last.end.max(interval.end);
            } else {
                self.intervals.push(last);
                last = interval;
            }
        }
        self.intervals.push(last);
    }

    fn add(&mut self, set: Set) -> u32 {
        self.sets.push(set);
        (self.sets.len() - 1) as u32
    }
}

thread_local! {
    static ARENAS: RefCell<(u32, Vec<Arena>)> = const { RefCell::new((0, Vec::new())) };
}

/// Removes its arena when the trace ends, by a panic in the user's function too.
struct Scope;

impl Drop for Scope {
    fn drop(&mut self) {
        ARENAS.with_borrow_mut(|(_, open)| {
            open.pop();
        });
    }
}

impl Pattern {
    /// Finds which of `inputs` numbers each of `outputs` numbers depends on.
    ///
    /// What the function leaves unset depends on nothing. A branch taken with [`Real::select`], [`Real::min`] or
    /// [`Real::max`] counts with all its sides; an ordinary `if` on anything else counts as it was taken. `None` when
    /// the dependences are so many (2²⁶ intervals of inputs on the way) that it is not worth keeping them: take the
    /// Jacobian as dense.
    pub fn trace(
        inputs: usize,
        outputs: usize,
        function: impl FnOnce(&[Pattern], &mut [Pattern]),
    ) -> Option<Dependence> {
        let most = u32::try_from(inputs).ok()?;
        let id = ARENAS.with_borrow_mut(|(counter, open)| {
            // 0 is for constants.
            *counter = counter.checked_add(1).unwrap_or(1);
            let nothing = Set { start: 0, end: 0 };
            open.push(Arena {
                id: *counter,
                sets: std::iter::once(nothing).chain((0..inputs).map(|i| Set { start: i, end: i + 1 })).collect(),
                intervals: (0..most).map(|i| Interval { first: i, end: i + 1 }).collect(),
                memory: vec![(0, 0, 0); Arena::MEMORY],
                overflow: false,
            });
            *counter
        });
        let scope = Scope;
        let arguments: Vec<Pattern> = (1..=most).map(|set| Pattern { arena: id, set }).collect();
        let mut results = vec![Pattern::zero(); outputs];
        function(&arguments, &mut results);
        let arena = ARENAS.with_borrow_mut(|(_, open)| open.pop());
        // The arena is out already.
        std::mem::forget(scope);
        let arena = arena.filter(|arena| !arena.overflow)?;
        let mut dependence = Dependence { starts: Vec::with_capacity(outputs + 1), indices: Vec::new() };
        dependence.starts.push(0);
        for result in results {
            let set = if result.arena == id { arena.sets[result.set as usize] } else { arena.sets[0] };
            for interval in &arena.intervals[set.start..set.end] {
                dependence.indices.extend(interval.first as usize..interval.end as usize);
            }
            dependence.starts.push(dependence.indices.len());
        }
        Some(dependence)
    }

    #[inline]
    fn union(self, other: Pattern) -> Pattern {
        if self == other || other.set == 0 {
            self
        } else if self.set == 0 {
            other
        } else {
            self.union_of_different(other)
        }
    }

    fn union_of_different(self, other: Pattern) -> Pattern {
        ARENAS.with_borrow_mut(|(_, open)| {
            // Of two traces, the inner one counts: to it, the other's number is a constant.
            match open.iter_mut().rev().find(|arena| arena.id == self.arena || arena.id == other.arena) {
                Some(arena) if self.arena != other.arena => {
                    if arena.id == self.arena {
                        self
                    } else {
                        other
                    }
                }
                Some(arena) => Pattern { arena: arena.id, set: arena.union(self.set, other.set) },
                None => Pattern::zero(),
            }
        })
    }
}

impl Neg for Pattern {
    type Output = Pattern;
    #[inline]
    fn neg(self) -> Pattern {
        self
    }
}

macro_rules! unite {
    ($($trait:ident $method:ident, $assign:ident $assign_method:ident);*) => {$(
        impl $trait for Pattern {
            type Output = Pattern;
            #[inline]
            fn $method(self, other: Pattern) -> Pattern {
                self.union(other)
            }
        }
        impl $trait<f64> for Pattern {
            type Output = Pattern;
            #[inline]
            fn $method(self, _: f64) -> Pattern {
                self
            }
        }
        impl $assign for Pattern {
            #[inline]
            fn $assign_method(&mut self, other: Pattern) {
                *self = self.union(other);
            }
        }
    )*};
}
unite!(Add add, AddAssign add_assign; Sub sub, SubAssign sub_assign; Mul mul, MulAssign mul_assign; Div div, DivAssign div_assign);

macro_rules! unchanged {
    ($($function:ident)*) => {$(
        #[inline]
        fn $function(self) -> Pattern {
            self
        }
    )*};
}

impl Real for Pattern {
    #[inline]
    fn from_f64(_: f64) -> Pattern {
        Pattern { arena: 0, set: 0 }
    }
    unchanged!(exp exp_m1 ln ln_1p sqrt sin cos tanh atan abs square recip sigmoid softplus);
    #[inline]
    fn powi(self, k: i32) -> Pattern {
        if k == 0 { Pattern::zero() } else { self }
    }
    #[inline]
    fn powf(self, a: f64) -> Pattern {
        if a == 0.0 { Pattern::zero() } else { self }
    }
    #[inline]
    fn min(self, other: Pattern) -> Pattern {
        self.union(other)
    }
    #[inline]
    fn max(self, other: Pattern) -> Pattern {
        self.union(other)
    }
    /// Unites the condition with both sides. Where the derivative exists it does not depend on the condition, but a
    /// Jacobian by differences does: the input that is varied may turn the condition, and with an entry left out the
    /// jump would be taken for the derivative by another input of the same colour.
    #[inline]
    fn select(self, if_positive: Pattern, otherwise: Pattern) -> Pattern {
        if_positive.union(otherwise).union(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use std::collections::BTreeSet;

    /// Two species on an m × m periodic grid, the Brusselator's reaction in every cell.
    fn brusselator<R: Real>(m: usize, u: &[R], du: &mut [R]) {
        let cells = m * m;
        let (x, y) = u.split_at(cells);
        for j in 0..m {
            for i in 0..m {
                let at = |i: usize, j: usize| (j % m) * m + i % m;
                let laplace = |z: &[R]| {
                    z[at(i + 1, j)] + z[at(i + m - 1, j)] + z[at(i, j + 1)] + z[at(i, j + m - 1)] - z[at(i, j)] * 4.0
                };
                let c = at(i, j);
                let reaction = x[c].square() * y[c];
                du[c] = reaction - x[c] * 4.4 + laplace(x) * 0.1 + 1.0;
                du[cells + c] = x[c] * 3.4 - reaction + laplace(y) * 0.1;
            }
        }
    }

    #[test]
    fn the_brusselator_has_its_stencil() {
        for m in [1, 2, 3, 5, 8] {
            let cells = m * m;
            let found = Pattern::trace(2 * cells, 2 * cells, |u, du| brusselator(m, u, du)).unwrap();
            for (row, j, i) in (0..2 * cells).map(|row| (row, row % cells / m, row % m)) {
                let field = row / cells * cells;
                let grid = |i: usize, j: usize| field + (j % m) * m + i % m;
                let expected = BTreeSet::from([
                    row,
                    (row + cells) % (2 * cells),
                    grid(i + 1, j),
                    grid(i + m - 1, j),
                    grid(i, j + 1),
                    grid(i, j + m - 1),
                ]);
                assert_eq!(found.of(row), expected.into_iter().collect::<Vec<_>>());
            }
            assert_eq!(found.outputs(), 2 * cells);
            assert_eq!(found.of(2 * cells), [0usize; 0]);
        }
    }

    #[test]
    fn random_expressions_agree_with_plain_sets() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for n in [1, 2, 3, 7, 8, 17, 64, 127] {
            let mut plain: Vec<BTreeSet<usize>> = (0..n).map(|i| BTreeSet::from([i])).collect();
            let count = 40 * n;
            let found = Pattern::trace(n, count, |x, out| {
                let mut all = x.to_vec();
                for out in out {
                    // Mostly recent ones, so that runs of unions at the end of the arena occur too.
                    let pick = |rng: &mut ChaCha8Rng, len: usize| {
                        if rng.random_bool(0.5) {
                            len - 1 - rng.random_range(0..len.min(3))
                        } else {
                            rng.random_range(0..len)
                        }
                    };
                    let (a, b, c) = (pick(&mut rng, all.len()), pick(&mut rng, all.len()), pick(&mut rng, n));
                    let (value, sets) = match rng.random_range(0..5) {
                        0 => (all[a] * all[b], vec![a, b]),
                        1 => (all[a] + x[c], vec![a, c]),
                        2 => (x[c] / x[n - 1 - c], vec![c, n - 1 - c]),
                        3 => (x[c].select(x[n - 1], x[c / 2] * 2.0 + 1.0), vec![c, n - 1, c / 2]),
                        _ => (x[c].powi(0) + x[c / 3].sin() - 4.0, vec![c / 3]),
                    };
                    all.push(value);
                    plain.push(sets.iter().flat_map(|&s| plain[s].iter().copied()).collect());
                    *out = value;
                }
            })
            .unwrap();
            for k in 0..count {
                assert_eq!(found.of(k), plain[n + k].iter().copied().collect::<Vec<_>>());
            }
        }
    }

    /// Each of these would store about n² numbers if every partial sum were kept by itself.
    #[test]
    fn sums_over_all_inputs_stay_cheap() {
        let n = 200_000;
        for stride in [1, 2, 7] {
            let found = Pattern::trace(n, 3, |x, out| {
                let (mut plain, mut products, mut neighbours) = (Pattern::zero(), Pattern::zero(), Pattern::zero());
                for i in (0..n).step_by(stride) {
                    plain += x[i];
                }
                for i in (0..n - 3).step_by(4 * stride) {
                    products += x[i] * x[i + 3];
                }
                for i in 0..n - 1 {
                    neighbours += (x[i + 1] - x[i]).square();
                }
                out.copy_from_slice(&[plain, products, neighbours]);
            })
            .unwrap();
            assert_eq!(found.of(0).len(), n.div_ceil(stride));
            assert_eq!(found.of(1).len(), 2 * (n - 3).div_ceil(4 * stride));
            assert_eq!(found.of(2).len(), n);
        }
    }

    #[test]
    fn a_pattern_too_large_to_keep_is_given_up() {
        let n = 4_000;
        let found = Pattern::trace(n, n, |x, out| {
            // Every second input up to i, from the far end, in each output by itself.
            for i in 0..n {
                for j in (0..=i).rev().step_by(2) {
                    out[i] += x[j];
                }
            }
        });
        assert_eq!(found, None);
    }

    #[test]
    fn numbers_of_another_trace_are_constants() {
        let mut stale = Pattern::zero();
        let outer = Pattern::trace(3, 1, |x, out| {
            let inner = Pattern::trace(2, 2, |y, out| {
                out[0] = y[1] * x[2];
                out[1] = x[2] + x[1];
            })
            .unwrap();
            assert_eq!((inner.of(0), inner.of(1)), (&[1][..], &[][..]));
            stale = x[1] * x[2];
            out[0] = x[0] + x[1];
        });
        assert_eq!(outer.unwrap().of(0), [0, 1]);
        let later = Pattern::trace(1, 2, |x, out| {
            out[0] = x[0] * stale;
            out[1] = stale;
        });
        let later = later.unwrap();
        assert_eq!((later.of(0), later.of(1)), (&[0][..], &[][..]));
        assert_eq!(stale * Pattern::zero() + stale.square(), stale);
    }

    #[test]
    fn a_panic_in_the_function_leaves_no_arena_behind() {
        let panicked = std::panic::catch_unwind(|| Pattern::trace(2, 1, |_, _| panic!("on purpose")));
        assert!(panicked.is_err());
        assert_eq!(ARENAS.with_borrow(|(_, open)| open.len()), 0);
        assert_eq!(Pattern::trace(2, 1, |x, out| out[0] = x[1]).unwrap().of(0), [1]);
    }
}
