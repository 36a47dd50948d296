//! LU factorisation of dense blocks of any size.
//!
//! The matrices of one solve resemble each other, and so do their pivots. [`DenseLu`] expects the rows
//! in the pivot order of the last time and eliminates without looking for pivots, which leaves nothing but wide
//! arithmetic; that no multiplier is large is checked on the side. If one is, faer's factorisation with partial pivoting
//! gives the factors and the order for the next time.

use super::block::{WIDTH, stride};
use super::scalar::{LANES, Scalar, divides};
use crate::number::simd::{Kernel, dispatch};
use crate::ode::saved::Saved;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::{MatMut, Par};

/// The largest size of [`eliminate`] for any [`Scalar`].
const LARGE: usize = 96;

/// A multiplier may be this large before the pivots are looked for afresh.
const LARGEST_MULTIPLIER: f64 = 4.0;

/// $A = L U$ in place, without exchanges; `reciprocal` holds one over the diagonal of $U$. Columns are [`stride`]`(n)`
/// apart and zero past row `n`, with `n` at most [`Scalar::SMALL`]. `false` when a pivot is too small.
pub fn eliminate<T: Scalar>(a: &mut [T], n: usize, reciprocal: &mut [T]) -> bool {
    dispatch(Eliminate { a, n, reciprocal })
}

struct Eliminate<'a, T> {
    a: &'a mut [T],
    n: usize,
    reciprocal: &'a mut [T],
}

impl<T: Scalar> Kernel for Eliminate<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> bool {
        let Eliminate { a, n, reciprocal } = self;
        let ld = stride(n);
        let a = &mut a[..n * ld];
        let mut packed = [[T::ZERO; WIDTH]; LARGE];
        for first in (0..n).step_by(WIDTH) {
            let (done, group) = a.split_at_mut(first * ld);
            let reciprocal = &mut reciprocal[first..];
            let sound = match (n - first).min(WIDTH) {
                4 => columns::<T, 4, FMA>(done, group, ld, first, reciprocal, &mut packed),
                3 => columns::<T, 3, FMA>(done, group, ld, first, reciprocal, &mut packed),
                2 => columns::<T, 2, FMA>(done, group, ld, first, reciprocal, &mut packed),
                _ => columns::<T, 1, FMA>(done, group, ld, first, reciprocal, &mut packed),
            };
            if !sound {
                return false;
            }
        }
        true
    }
}

/// Finishes `W` columns from column `first` on, given all columns before them.
#[inline(always)]
fn columns<T: Scalar, const W: usize, const FMA: bool>(
    done: &[T],
    group: &mut [T],
    ld: usize,
    first: usize,
    reciprocal: &mut [T],
    packed: &mut [[T; WIDTH]; LARGE],
) -> bool {
    let vectors = ld / LANES;
    let done = &done.as_chunks::<LANES>().0[..first * vectors];
    let group = &mut group.as_chunks_mut::<LANES>().0[..W * vectors];
    // Rows of U, four at a time.
    for v in 0..first / LANES {
        let mut rows = less_done::<T, W, FMA>(group, done, vectors, v, &packed[..v * LANES]).map(T::numbers);
        for k in 0..LANES {
            let l = done[(v * LANES + k) * vectors + v];
            for w in 0..W {
                let u = rows[w][k];
                packed[v * LANES + k][w] = u;
                for i in k + 1..LANES {
                    rows[w][i] = T::less::<FMA>(rows[w][i], l[i], u);
                }
            }
        }
        for w in 0..W {
            group[w * vectors + v] = rows[w];
        }
    }
    let packed = &packed[..first];
    // The rows of the diagonal.
    let v = first / LANES;
    let mut head = less_done::<T, W, FMA>(group, done, vectors, v, packed).map(T::numbers);
    let mut scale = [T::ZERO; W];
    let mut largest = [0.0; LANES];
    let mut sound = true;
    for k in 0..W {
        sound &= divides(head[k][k].magnitude());
        scale[k] = head[k][k].reciprocal();
        for i in k + 1..LANES {
            head[k][i] = scale[k] * head[k][i];
            // A multiplier that is NaN shows in the pivots to come.
            largest[i] = if head[k][i].magnitude() > largest[i] { head[k][i].magnitude() } else { largest[i] };
        }
        for w in k + 1..W {
            let u = head[w][k];
            for i in k + 1..LANES {
                head[w][i] = T::less::<FMA>(head[w][i], head[k][i], u);
            }
        }
    }
    for w in 0..W {
        group[w * vectors + v] = head[w];
    }
    reciprocal[..W].copy_from_slice(&scale);
    // The rows below.
    for v in v + 1..vectors {
        let mut rows = less_done::<T, W, FMA>(group, done, vectors, v, packed);
        for w in 0..W {
            for k in 0..w {
                rows[w] = T::lanes_less::<FMA, LANES>(rows[w], rows[k], head[w][k]);
            }
            rows[w] = T::lanes_times(rows[w], scale[w]);
            note_largest::<T>(&mut largest, rows[w]);
            group[w * vectors + v] = T::numbers(rows[w]);
        }
    }
    sound && largest.iter().all(|&l| l <= LARGEST_MULTIPLIER)
}

/// The larger of the magnitudes and those given, which stay where a number is NaN.
#[inline(always)]
pub fn note_largest<T: Scalar>(largest: &mut [f64; LANES], a: T::Lanes<LANES>) {
    let sizes = T::lanes_magnitude(a);
    for i in 0..LANES {
        largest[i] = if sizes[i] > largest[i] { sizes[i] } else { largest[i] };
    }
}

/// Four rows of `W` columns less what the columns already done contribute.
#[inline(always)]
fn less_done<T: Scalar, const W: usize, const FMA: bool>(
    group: &[[T; LANES]],
    done: &[[T; LANES]],
    vectors: usize,
    v: usize,
    packed: &[[T; WIDTH]],
) -> [T::Lanes<LANES>; W] {
    let mut sum: [T::Lanes<LANES>; W] = std::array::from_fn(|w| T::lanes(&group[w * vectors + v]));
    let mut done = done.get(v..).unwrap_or_default();
    for u in packed {
        let l = T::lanes(&done[0]);
        for w in 0..W {
            sum[w] = T::lanes_less::<FMA, LANES>(sum[w], l, u[w]);
        }
        done = done.get(vectors..).unwrap_or_default();
    }
    sum
}

/// The factors of a dense matrix, and the memory to make them.
pub struct DenseLu<T> {
    n: usize,
    /// $L$ below the diagonal and $U$ on and above it, of the matrix with its rows in `order`.
    values: Vec<T>,
    /// One over the diagonal of $U$.
    reciprocal: Vec<T>,
    /// Row of the matrix that stands in each row of the factors.
    order: Vec<usize>,
    /// Whether the rows stand as they are.
    unchanged: bool,
    search: PivotSearch,
    column: Vec<T>,
}

impl<T: Scalar> DenseLu<T> {
    /// Memory for `n × n` matrices.
    pub fn new(n: usize) -> DenseLu<T> {
        DenseLu {
            n,
            values: vec![T::ZERO; n * stride(n)],
            reciprocal: vec![T::ZERO; n],
            order: (0..n).collect(),
            unchanged: true,
            search: PivotSearch::new::<T>(n),
            column: vec![T::ZERO; stride(n)],
        }
    }

    /// Appends the order of the pivots.
    pub fn save_pivots(&self, out: &mut Vec<f64>) {
        out.extend(self.order.iter().map(|&row| row as f64));
    }

    /// Takes that order up.
    pub fn restore_pivots(&mut self, from: &mut Saved) {
        self.order.iter_mut().for_each(|row| *row = from.count());
        self.unchanged = self.order.iter().enumerate().all(|(i, &row)| i == row);
    }

    /// Factorises the matrix that `assemble` writes, the entry in row $i$ and column $j$ to `i + j * stride(n)`; all
    /// values are zero before. Fails with the column in which no pivot is left.
    pub fn factorize(&mut self, assemble: impl Fn(&mut [T])) -> Result<(), usize> {
        let n = self.n;
        if n <= T::SMALL {
            self.values.fill(T::ZERO);
            assemble(&mut self.values);
            if !self.unchanged {
                for values in self.values.chunks_exact_mut(stride(n)) {
                    self.column.copy_from_slice(values);
                    for (value, &row) in values.iter_mut().zip(&self.order) {
                        *value = self.column[row];
                    }
                }
            }
            if eliminate(&mut self.values, n, &mut self.reciprocal) {
                return Ok(());
            }
        }
        self.values.fill(T::ZERO);
        assemble(&mut self.values);
        let order = self.search.factorize(&mut self.values, n, &mut self.reciprocal)?;
        self.order.copy_from_slice(order);
        self.unchanged = order.iter().enumerate().all(|(i, &row)| i == row);
        Ok(())
    }

    /// Replaces `b` by $A^{-1} b$.
    pub fn solve(&mut self, b: &mut [T]) {
        let b = &mut b[..self.n];
        for (x, &row) in self.column.iter_mut().zip(&self.order) {
            *x = b[row];
        }
        self.column[self.n..].fill(T::ZERO);
        solve(&self.values, self.n, &self.reciprocal, &mut self.column);
        b.copy_from_slice(&self.column[..self.n]);
    }
}

/// Factorisation with partial pivoting, and the order of the rows that it gives.
pub struct PivotSearch {
    order: Vec<usize>,
    place: Vec<usize>,
    memory: MemBuffer,
}

impl PivotSearch {
    /// Memory for blocks of up to `n` columns.
    pub fn new<T: Scalar>(n: usize) -> PivotSearch {
        let memory = MemBuffer::new(lu_in_place_scratch::<usize, T>(n, n, Par::Seq, Default::default()));
        PivotSearch { order: vec![0; n], place: vec![0; n], memory }
    }

    /// $P A = L U$ in place. Returns the row of $A$ that stands in each row of the factors. Fails with the column in
    /// which no pivot is left.
    pub fn factorize<T: Scalar>(&mut self, a: &mut [T], n: usize, reciprocal: &mut [T]) -> Result<&[usize], usize> {
        let ld = stride(n);
        let (order, place) = (&mut self.order[..n], &mut self.place[..n]);
        lu_in_place(
            MatMut::from_column_major_slice_with_stride_mut(a, n, n, ld),
            order,
            place,
            Par::Seq,
            MemStack::new(&mut self.memory),
            Default::default(),
        );
        for k in 0..n {
            let pivot = a[k * ld + k];
            if !divides(pivot.magnitude()) {
                return Err(k);
            }
            reciprocal[k] = pivot.reciprocal();
        }
        Ok(order)
    }
}

/// $b \leftarrow U^{-1} L^{-1} b$ with factors in one block. `b` is [`stride`]`(n)` long and stays zero past row `n`.
pub fn solve<T: Scalar>(a: &[T], n: usize, reciprocal: &[T], b: &mut [T]) {
    dispatch(Solve { a, n, reciprocal, b });
}

struct Solve<'a, T> {
    a: &'a [T],
    n: usize,
    reciprocal: &'a [T],
    b: &'a mut [T],
}

impl<T: Scalar> Kernel for Solve<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Solve { a, n, reciprocal, b } = self;
        solve_lower::<T, FMA>(a, n, b);
        solve_upper::<T, FMA>(a, n, reciprocal, b);
    }
}

/// $b \leftarrow L^{-1} b$ with ones on the diagonal of $L$.
#[inline(always)]
pub fn solve_lower<T: Scalar, const FMA: bool>(a: &[T], n: usize, b: &mut [T]) {
    let ld = stride(n);
    let (a, b) = (&a[..n * ld], &mut b[..ld]);
    // Four columns at a time; within their own rows one after another.
    for (block, columns) in a.chunks(WIDTH * ld).enumerate() {
        let first = block * WIDTH;
        let (head, below) = b[first..].split_at_mut(WIDTH);
        for (k, column) in columns.chunks_exact(ld).enumerate() {
            for i in k + 1..WIDTH {
                head[i] = T::less::<FMA>(head[i], column[first + i], head[k]);
            }
        }
        if columns.len() == WIDTH * ld {
            subtract_columns::<T, FMA>(below, columns, ld, first + WIDTH, head);
        }
    }
}

/// $b \leftarrow U^{-1} b$, given one over the diagonal of $U$.
#[inline(always)]
pub fn solve_upper<T: Scalar, const FMA: bool>(a: &[T], n: usize, reciprocal: &[T], b: &mut [T]) {
    let ld = stride(n);
    let (a, b) = (&a[..n * ld], &mut b[..ld]);
    for (block, columns) in a.chunks(WIDTH * ld).enumerate().rev() {
        let first = block * WIDTH;
        let (above, head) = b.split_at_mut(first);
        let mut solved = [T::ZERO; WIDTH];
        for (k, column) in columns.chunks_exact(ld).enumerate().rev() {
            solved[k] = head[k] * reciprocal[first + k];
            head[k] = solved[k];
            for i in 0..k {
                head[i] = T::less::<FMA>(head[i], column[first + i], solved[k]);
            }
        }
        subtract_columns::<T, FMA>(above, columns, ld, 0, &solved);
    }
}

/// $y \leftarrow y - A x$ with the rows of $A$ from `start` on, of up to [`WIDTH`] columns.
#[inline(always)]
pub fn subtract_columns<T: Scalar, const FMA: bool>(y: &mut [T], columns: &[T], ld: usize, start: usize, x: &[T]) {
    let rows = y.len();
    let y = y.as_chunks_mut::<LANES>().0;
    let column = |k: usize| columns[k * ld + start..][..rows].as_chunks::<LANES>().0;
    if columns.len() == WIDTH * ld {
        let (c0, c1, c2, c3) = (column(0), column(1), column(2), column(3));
        for ((((y, c0), c1), c2), c3) in y.iter_mut().zip(c0).zip(c1).zip(c2).zip(c3) {
            let near = T::lanes_less::<FMA, LANES>(T::lanes(y), T::lanes(c0), x[0]);
            let near = T::lanes_less::<FMA, LANES>(near, T::lanes(c1), x[1]);
            let near = T::lanes_less::<FMA, LANES>(near, T::lanes(c2), x[2]);
            *y = T::numbers(T::lanes_less::<FMA, LANES>(near, T::lanes(c3), x[3]));
        }
    } else {
        for k in 0..columns.len() / ld {
            for (y, a) in y.iter_mut().zip(column(k)) {
                *y = T::numbers(T::lanes_less::<FMA, LANES>(T::lanes(y), T::lanes(a), x[k]));
            }
        }
    }
}
