//! Kernels on dense blocks: $C - A B$ and $X T^{-1}$.
//!
//! Matrices are stored column by column. The distance between columns is a multiple of [`LANES`] and the rows that fill
//! it up are zero, so that every loop over rows runs in whole vectors. Work on blocks that are large enough goes to
//! faer.

use super::scalar::{LANES, Scalar};
use crate::number::simd::{Kernel, dispatch};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Columns that are worked on together.
pub const WIDTH: usize = 4;
/// Rows of $B$ that are laid out at a time.
const DEPTH: usize = 16;
/// Multiplications above which a product is left to faer.
const LARGE: usize = 512;

/// The distance between columns of `n` rows.
#[inline(always)]
pub fn stride(n: usize) -> usize {
    n.next_multiple_of(LANES)
}

/// A right-hand operand $B$.
#[derive(Clone, Copy)]
pub enum Operand<'a, T> {
    /// $B_{kj}$ at `values[k + j * stride]`.
    Plain {
        /// The values, from $B_{00}$ on.
        values: &'a [T],
        /// Distance between columns.
        stride: usize,
    },
    /// $B_{kj}$ at `values[k * stride + j]`.
    Transposed {
        /// The values, from $B_{00}$ on.
        values: &'a [T],
        /// Distance between rows.
        stride: usize,
    },
}

impl<'a, T: Scalar> Operand<'a, T> {
    /// From row `k` and column `j` on.
    #[inline(always)]
    fn from(self, k: usize, j: usize) -> Self {
        match self {
            Operand::Plain { values, stride } => Operand::Plain { values: &values[k + j * stride..], stride },
            Operand::Transposed { values, stride } => Operand::Transposed { values: &values[k * stride + j..], stride },
        }
    }

    #[inline(always)]
    fn at(self, k: usize, j: usize) -> T {
        match self {
            Operand::Plain { values, stride } => values[k + j * stride],
            Operand::Transposed { values, stride } => values[k * stride + j],
        }
    }

    /// Lays out columns `j..j + W` of the rows `k..k + packed.len()`, row by row.
    #[inline(always)]
    fn pack<const W: usize>(self, k: usize, j: usize, packed: &mut [[T; WIDTH]]) {
        match self {
            Operand::Plain { values, stride } => {
                for w in 0..W {
                    let column = &values[k + (j + w) * stride..][..packed.len()];
                    for (packed, value) in packed.iter_mut().zip(column) {
                        packed[w] = *value;
                    }
                }
            }
            Operand::Transposed { values, stride } => {
                for (row, packed) in packed.iter_mut().enumerate() {
                    let row = &values[(k + row) * stride + j..][..W];
                    packed[..W].copy_from_slice(row);
                }
            }
        }
    }

    fn matrix(self, rows: usize, columns: usize) -> MatRef<'a, T> {
        match self {
            Operand::Plain { values, stride } => {
                MatRef::from_column_major_slice_with_stride(values, rows, columns, stride)
            }
            Operand::Transposed { values, stride } => {
                MatRef::from_column_major_slice_with_stride(values, columns, rows, stride).transpose()
            }
        }
    }
}

/// $C \leftarrow C - A B$ with `rows × depth` $A$ and `rows × columns` $C$, both with columns `rows` apart.
pub fn subtract_product<T: Scalar>(
    c: &mut [T],
    a: &[T],
    b: Operand<'_, T>,
    (rows, columns, depth): (usize, usize, usize),
) {
    if rows * columns * depth == 0 {
        return;
    }
    if rows * columns * depth >= LARGE {
        matmul(
            MatMut::from_column_major_slice_with_stride_mut(c, rows, columns, rows),
            Accum::Add,
            MatRef::from_column_major_slice_with_stride(a, rows, depth, rows),
            b.matrix(depth, columns),
            T::real(-1.0),
            Par::Seq,
        );
    } else {
        dispatch(Product { c, a, b, rows, columns, depth });
    }
}

struct Product<'a, T> {
    c: &'a mut [T],
    a: &'a [T],
    b: Operand<'a, T>,
    rows: usize,
    columns: usize,
    depth: usize,
}

impl<T: Scalar> Kernel for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Product { c, a, b, rows, columns, depth } = self;
        let mut packed = [[T::ZERO; WIDTH]; DEPTH];
        for (group, c) in c[..columns * rows].chunks_mut(WIDTH * rows).enumerate() {
            for k in (0..depth).step_by(DEPTH) {
                let packed = &mut packed[..DEPTH.min(depth - k)];
                let a = &a[k * rows..];
                let j = group * WIDTH;
                match c.len() / rows {
                    4 => product_group::<T, 4, FMA>(c, rows, a, b, (k, j), packed),
                    3 => product_group::<T, 3, FMA>(c, rows, a, b, (k, j), packed),
                    2 => product_group::<T, 2, FMA>(c, rows, a, b, (k, j), packed),
                    _ => product_group::<T, 1, FMA>(c, rows, a, b, (k, j), packed),
                }
            }
        }
    }
}

#[inline(always)]
fn product_group<T: Scalar, const W: usize, const FMA: bool>(
    c: &mut [T],
    rows: usize,
    a: &[T],
    b: Operand<'_, T>,
    (k, j): (usize, usize),
    packed: &mut [[T; WIDTH]],
) {
    b.pack::<W>(k, j, packed);
    let rest = [[T::ZERO; WIDTH]; WIDTH];
    tile::<T, W, FMA, false>(c, rows, 0, a, packed, (&rest, &[T::ZERO; WIDTH]));
}

/// Subtracts $A$ times the packed rows from `W` columns of $C$, from row `start` on; with `TRIANGLE`, the columns are then solved against
/// the triangle: column after column, less its multiples of those before it, times its scale.
#[inline(always)]
fn tile<T: Scalar, const W: usize, const FMA: bool, const TRIANGLE: bool>(
    c: &mut [T],
    rows: usize,
    start: usize,
    a: &[T],
    packed: &[[T; WIDTH]],
    triangle: (&[[T; WIDTH]; WIDTH], &[T; WIDTH]),
) {
    let vectors = rows / LANES;
    let mut row = start / LANES;
    let c = &mut c.as_chunks_mut::<LANES>().0[..W * vectors];
    let a = &a.as_chunks::<LANES>().0[..packed.len() * vectors];
    while row + 2 <= vectors {
        let (mut upper, mut lower) = (load::<T, W>(c, vectors, row), load::<T, W>(c, vectors, row + 1));
        let mut a = a.get(row..).unwrap_or_default();
        for b in packed {
            let (near, far) = (T::lanes(&a[0]), T::lanes(&a[1]));
            for w in 0..W {
                upper[w] = T::lanes_less::<FMA, LANES>(upper[w], near, b[w]);
                lower[w] = T::lanes_less::<FMA, LANES>(lower[w], far, b[w]);
            }
            a = a.get(vectors..).unwrap_or_default();
        }
        finish::<T, W, FMA, TRIANGLE>(c, vectors, row, upper, triangle);
        finish::<T, W, FMA, TRIANGLE>(c, vectors, row + 1, lower, triangle);
        row += 2;
    }
    if row < vectors {
        let mut sum = load::<T, W>(c, vectors, row);
        let mut a = a.get(row..).unwrap_or_default();
        for b in packed {
            let factor = T::lanes(&a[0]);
            for w in 0..W {
                sum[w] = T::lanes_less::<FMA, LANES>(sum[w], factor, b[w]);
            }
            a = a.get(vectors..).unwrap_or_default();
        }
        finish::<T, W, FMA, TRIANGLE>(c, vectors, row, sum, triangle);
    }
}

#[inline(always)]
fn load<T: Scalar, const W: usize>(c: &[[T; LANES]], vectors: usize, row: usize) -> [T::Lanes<LANES>; W] {
    std::array::from_fn(|w| T::lanes(&c[w * vectors + row]))
}

#[inline(always)]
fn finish<T: Scalar, const W: usize, const FMA: bool, const TRIANGLE: bool>(
    c: &mut [[T; LANES]],
    vectors: usize,
    row: usize,
    mut sum: [T::Lanes<LANES>; W],
    (triangle, scale): (&[[T; WIDTH]; WIDTH], &[T; WIDTH]),
) {
    for w in 0..W {
        if TRIANGLE {
            for k in 0..w {
                sum[w] = T::lanes_less::<FMA, LANES>(sum[w], sum[k], triangle[k][w]);
            }
            sum[w] = T::lanes_times(sum[w], scale[w]);
        }
        c[w * vectors + row] = T::numbers(sum[w]);
    }
}

/// $X \leftarrow X T^{-1}$ with an upper triangle $T$ of `n` columns and `rows × n` $X$, columns `rows` apart; the
/// reciprocals of its diagonal, or `None` for ones.
pub fn solve_right<T: Scalar>(
    x: &mut [T],
    triangle: Operand<'_, T>,
    reciprocal: Option<&[T]>,
    (rows, n): (usize, usize),
) {
    if rows * n == 0 {
        return;
    }
    if n > T::NARROW {
        let half = (n / 2).next_multiple_of(WIDTH);
        let (left, right) = x.split_at_mut(half * rows);
        solve_right(left, triangle, reciprocal, (rows, half));
        subtract_product(right, left, triangle.from(0, half), (rows, n - half, half));
        solve_right(right, triangle.from(half, half), reciprocal.map(|r| &r[half..]), (rows, n - half));
    } else {
        dispatch(SolveRight { x, triangle, reciprocal, rows, n });
    }
}

struct SolveRight<'a, T> {
    x: &'a mut [T],
    triangle: Operand<'a, T>,
    reciprocal: Option<&'a [T]>,
    rows: usize,
    n: usize,
}

impl<T: Scalar> Kernel for SolveRight<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let SolveRight { x, triangle, reciprocal, rows, n } = self;
        let mut packed = [[T::ZERO; WIDTH]; DEPTH];
        for j in (0..n).step_by(WIDTH) {
            let (done, x) = x.split_at_mut(j * rows);
            match (n - j).min(WIDTH) {
                4 => solve_group::<T, 4, FMA>(done, x, triangle, reciprocal, rows, j, &mut packed[..j]),
                3 => solve_group::<T, 3, FMA>(done, x, triangle, reciprocal, rows, j, &mut packed[..j]),
                2 => solve_group::<T, 2, FMA>(done, x, triangle, reciprocal, rows, j, &mut packed[..j]),
                _ => solve_group::<T, 1, FMA>(done, x, triangle, reciprocal, rows, j, &mut packed[..j]),
            }
        }
    }
}

#[inline(always)]
fn solve_group<T: Scalar, const W: usize, const FMA: bool>(
    done: &[T],
    x: &mut [T],
    triangle: Operand<'_, T>,
    reciprocal: Option<&[T]>,
    rows: usize,
    j: usize,
    packed: &mut [[T; WIDTH]],
) {
    triangle.pack::<W>(0, j, packed);
    let mut corner = [[T::ZERO; WIDTH]; WIDTH];
    let mut scale = [T::real(1.0); WIDTH];
    for w in 0..W {
        for k in 0..w {
            corner[k][w] = triangle.at(j + k, j + w);
        }
        if let Some(reciprocal) = reciprocal {
            scale[w] = reciprocal[j + w];
        }
    }
    tile::<T, W, FMA, true>(x, rows, 0, done, packed, (&corner, &scale));
}
