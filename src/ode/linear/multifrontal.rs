//! Sparse $W = L U$ on fronts, with pivots from the diagonal blocks.
//!
//! Pivots are chosen within the block of each front only, so that the layout holds for every matrix of the pattern. That
//! is enough for most $\sigma M - J$, whose diagonal is large when the step is small; [`growth`](Multifrontal::growth)
//! tells when it may not have been.

use super::block::{Operand, WIDTH, solve_right, stride, subtract_product};
use super::fronts::{Front, Fronts};
use super::lu::{PivotSearch, eliminate, note_largest, solve_lower, solve_upper, subtract_columns};
use super::scalar::{LANES, Scalar};
use crate::number::simd::{Kernel, dispatch};
use std::sync::Arc;

/// The factors and the memory to make them.
pub struct Multifrontal<T> {
    fronts: Arc<Fronts>,
    values: Vec<T>,
    /// One over the diagonal of $U$.
    reciprocal: Vec<T>,
    /// Row, counted from the front's first, that stands at each step.
    order: Vec<u32>,
    /// Contributions on their way up.
    stacks: [Vec<T>; 2],
    search: PivotSearch,
    /// Columns of one front while they change places.
    exchange: Vec<T>,
    /// The solution by steps, and the part of it that a front sees.
    x: Vec<T>,
    seen: Vec<T>,
    growth: f64,
}

impl<T: Scalar> Multifrontal<T> {
    /// Memory for a matrix with this layout.
    pub fn new(fronts: Arc<Fronts>) -> Multifrontal<T> {
        let widest = |of: fn(&Front) -> usize| fronts.fronts.iter().map(of).max().unwrap_or(0);
        let seen = widest(|front| front.pivot_stride() + front.row_stride());
        Multifrontal {
            values: vec![T::ZERO; fronts.values],
            reciprocal: vec![T::ZERO; fronts.n],
            order: vec![0; fronts.n],
            stacks: fronts.stacks.map(|len| vec![T::ZERO; len]),
            search: PivotSearch::new::<T>(widest(|front| front.pivots)),
            exchange: Vec::new(),
            x: vec![T::ZERO; fronts.n],
            seen: vec![T::ZERO; seen],
            growth: 0.0,
            fronts,
        }
    }

    /// The largest multiplier of the last factorisation: with partial pivoting it would be 1.
    pub fn growth(&self) -> f64 {
        self.growth
    }

    /// Factorises the matrix with these values. Fails with the column in which a front has no pivot left.
    pub fn factorize(&mut self, matrix: &[T]) -> Result<(), usize> {
        self.growth = 0.0;
        let layout = Arc::clone(&self.fronts);
        for front in &layout.fronts {
            self.eliminate(&layout, front, matrix).map_err(|k| layout.vertex[front.first + k])?;
        }
        Ok(())
    }

    fn eliminate(&mut self, layout: &Fronts, front: &Front, matrix: &[T]) -> Result<(), usize> {
        let (pivots, rows) = (front.pivots, front.rows.len());
        let (ld, rd) = (front.pivot_stride(), front.row_stride());
        let [even, odd] = &mut self.stacks;
        let (contributions, below) = if front.stack == 0 { (even, &*odd) } else { (odd, &*even) };
        let values = &mut self.values[front.values..][..front.values_len()];
        let rest = &mut contributions[front.place..][..front.contribution_len()];
        let reciprocal = &mut self.reciprocal[front.first..][..pivots];
        let order = &mut self.order[front.first..][..pivots];
        let mut assemble = |values: &mut [T]| {
            values.fill(T::ZERO);
            rest.fill(T::ZERO);
            for &(source, place) in &layout.entries[front.entries.clone()] {
                values[place as usize] += matrix[source as usize];
            }
            for &child in &layout.children[front.children.clone()] {
                let child = &layout.fronts[child as usize];
                let contribution = &below[child.place..][..child.contribution_len()];
                add_contribution(values, rest, front, contribution, &layout.place_in_parent[child.rows.clone()]);
            }
        };
        assemble(values);
        for (k, order) in order.iter_mut().enumerate() {
            *order = k as u32;
        }
        if pivots > T::SMALL || !eliminate(&mut values[..pivots * ld], pivots, reciprocal) {
            if pivots <= T::SMALL {
                assemble(values);
            }
            let (block, others) = values.split_at_mut(pivots * ld);
            let found = self.search.factorize(block, pivots, reciprocal)?;
            // The columns right of the block change places as its rows do.
            let right = &mut others[pivots * rd..];
            self.exchange.clear();
            self.exchange.extend_from_slice(right);
            for (k, &row) in found.iter().enumerate() {
                order[k] = row as u32;
                right[k * rd..][..rd].copy_from_slice(&self.exchange[row * rd..][..rd]);
            }
        }
        if rows > 0 {
            let (block, others) = values.split_at_mut(pivots * ld);
            let (left, right) = others.split_at_mut(pivots * rd);
            solve_right(left, Operand::Plain { values: block, stride: ld }, Some(reciprocal), (rd, pivots));
            solve_right(right, Operand::Transposed { values: block, stride: ld }, None, (rd, pivots));
            self.growth = self.growth.max(dispatch(Largest { values: left }));
            subtract_product(rest, left, Operand::Transposed { values: right, stride: rd }, (rd, rows, pivots));
        }
        Ok(())
    }

    /// Replaces `b` by $W^{-1} b$.
    pub fn solve(&mut self, b: &mut [T]) {
        let layout = &*self.fronts;
        for (x, &vertex) in self.x.iter_mut().zip(&layout.vertex) {
            *x = b[vertex];
        }
        dispatch(Sweep {
            layout,
            values: &self.values,
            reciprocal: &self.reciprocal,
            order: &self.order,
            x: &mut self.x,
            seen: &mut self.seen,
        });
        for (x, &vertex) in self.x.iter().zip(&layout.vertex) {
            b[vertex] = *x;
        }
    }
}

/// Adds a child's contribution to the blocks of its parent.
fn add_contribution<T: Scalar>(values: &mut [T], rest: &mut [T], front: &Front, contribution: &[T], place: &[u32]) {
    let (ld, rd) = (front.pivot_stride(), front.row_stride());
    let (block, others) = values.split_at_mut(front.pivots * ld);
    let (left, right) = others.split_at_mut(front.pivots * rd);
    let (pivots, rows) = place.split_at(place.partition_point(|&place| (place as usize) < front.pivots));
    let row = |place: u32| place as usize - front.pivots;
    // Where the rows stand together in the parent too, columns are added as a whole.
    let together = match (rows.first(), rows.last()) {
        (Some(&first), Some(&last)) => ((last - first) as usize == rows.len() - 1).then(|| row(first)),
        _ => Some(0),
    };
    let add_rows = |to: &mut [T], from: &[T]| match together {
        Some(first) => to[first..][..from.len()].iter_mut().zip(from).for_each(|(to, from)| *to += *from),
        None => rows.iter().zip(from).for_each(|(&place, from)| to[row(place)] += *from),
    };
    for (&place, column) in place.iter().zip(contribution.chunks_exact(stride(place.len()))) {
        let (head, tail) = column[..pivots.len() + rows.len()].split_at(pivots.len());
        if (place as usize) < front.pivots {
            let column = place as usize;
            let to = &mut block[column * ld..][..ld];
            pivots.iter().zip(head).for_each(|(&place, from)| to[place as usize] += *from);
            add_rows(&mut left[column * rd..][..rd], tail);
        } else {
            let column = row(place);
            pivots.iter().zip(head).for_each(|(&place, from)| right[place as usize * rd + column] += *from);
            add_rows(&mut rest[column * rd..][..rd], tail);
        }
    }
}

struct Largest<'a, T> {
    values: &'a [T],
}

impl<T: Scalar> Kernel for Largest<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        let mut largest = [0.0; LANES];
        for values in self.values.as_chunks::<LANES>().0 {
            note_largest::<T>(&mut largest, T::lanes(values));
        }
        largest.into_iter().fold(0.0, f64::max)
    }
}

/// Forward and backward substitution through all fronts.
struct Sweep<'a, T> {
    layout: &'a Fronts,
    values: &'a [T],
    reciprocal: &'a [T],
    order: &'a [u32],
    x: &'a mut [T],
    seen: &'a mut [T],
}

impl<T: Scalar> Kernel for Sweep<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Sweep { layout, values, reciprocal, order, x, seen } = self;
        for front in &layout.fronts {
            let (ld, rd) = (front.pivot_stride(), front.row_stride());
            let (block, others) = values[front.values..][..front.values_len()].split_at(front.pivots * ld);
            let (own, rest) = seen[..ld + rd].split_at_mut(ld);
            let mine = &mut x[front.first..][..front.pivots];
            for (own, &row) in own.iter_mut().zip(&order[front.first..][..front.pivots]) {
                *own = mine[row as usize];
            }
            own[front.pivots..].fill(T::ZERO);
            solve_lower::<T, FMA>(block, front.pivots, own);
            mine.copy_from_slice(&own[..front.pivots]);
            rest.fill(T::ZERO);
            for (columns, x) in others[..front.pivots * rd].chunks(WIDTH * rd.max(1)).zip(own.chunks(WIDTH)) {
                subtract_columns::<T, FMA>(rest, columns, rd, 0, x);
            }
            for (&row, change) in layout.rows[front.rows.clone()].iter().zip(&*rest) {
                x[row as usize] += *change;
            }
        }
        for front in layout.fronts.iter().rev() {
            let (ld, rd) = (front.pivot_stride(), front.row_stride());
            let (block, others) = values[front.values..][..front.values_len()].split_at(front.pivots * ld);
            let (own, rest) = seen[..ld + rd].split_at_mut(ld);
            for (seen, &row) in rest.iter_mut().zip(&layout.rows[front.rows.clone()]) {
                *seen = x[row as usize];
            }
            rest[front.rows.len()..].fill(T::ZERO);
            let mine = &mut x[front.first..][..front.pivots];
            own[..front.pivots].copy_from_slice(mine);
            own[front.pivots..].fill(T::ZERO);
            for (own, column) in own.iter_mut().zip(others[front.pivots * rd..].chunks_exact(rd.max(1))) {
                *own = less_product::<T, FMA>(*own, column, rest);
            }
            solve_upper::<T, FMA>(block, front.pivots, &reciprocal[front.first..], own);
            mine.copy_from_slice(&own[..front.pivots]);
        }
    }
}

/// $c - \sum_i a_i x_i$.
#[inline(always)]
fn less_product<T: Scalar, const FMA: bool>(c: T, a: &[T], x: &[T]) -> T {
    let mut sum = [T::ZERO; LANES];
    for (a, x) in a.as_chunks::<LANES>().0.iter().zip(x.as_chunks::<LANES>().0) {
        for i in 0..LANES {
            sum[i] = T::less::<FMA>(sum[i], a[i], x[i]);
        }
    }
    c + ((sum[0] + sum[2]) + (sum[1] + sum[3]))
}
