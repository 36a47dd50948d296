//! LU factorisation of matrices so small that their size is best known to the compiler.
//!
//! The Jacobians of one solve resemble each other, and so do their pivots. The rows are put in the pivot order of the
//! last time and eliminated without exchanges, in loops of fixed length that become a few wide instructions; that each
//! pivot is still large enough is checked on the side. Only when one is not, the order is found afresh.
//!
//! A solve by substitution is a chain of $2 N$ dependent operations, most of whose time is waiting. The triangles are
//! therefore inverted, each by itself: two products, whose terms do not wait for each other. With pivots that keep the entries
//! of $L$ small that is as good as substitution: N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed.,
//! sections 8.3 and 14.2.

use super::scalar::{Scalar, divides};
use crate::number::simd::{Kernel, dispatch};
use crate::ode::saved::Saved;

/// Dense matrices of no more rows than this are small.
pub const SMALL: usize = 8;

/// No entry of $L$ may be larger: enough for stability at these sizes (entries grow by at most $3.5^{N-1}$, against
/// $2^{N-1}$ with the largest pivots), and the order does not change back and forth between rows alike. Complex entries, whose
/// pivots are the largest in another norm, are up to 2 even so.
const LARGEST: f64 = 2.5;

/// $P W = L U$ of an `N × N` matrix.
#[derive(Clone, Copy)]
pub struct SmallLu<T: Scalar, const N: usize> {
    /// Columns of $L^{-1} P$.
    lower: [T::Lanes<N>; N],
    /// Columns of $U^{-1}$.
    upper: [T::Lanes<N>; N],
    /// Row of $W$ that is the pivot row of each step.
    row: [usize; N],
    /// Whether the pivot rows are the rows of $W$ in their order.
    in_order: bool,
}

/// The matrix $\sigma M - J$.
#[derive(Clone, Copy)]
pub struct SmallShift<'a, T, const N: usize> {
    /// $\sigma$.
    pub sigma: T,
    /// (position, value) of the entries of $M$, positions counted column by column; `None`: the unit matrix.
    pub mass: Option<&'a [(usize, f64)]>,
    /// $J$, column by column.
    pub jacobian: &'a [[f64; N]; N],
}

impl<T: Scalar, const N: usize> SmallShift<'_, T, N> {
    #[inline(always)]
    fn matrix(&self) -> [[T; N]; N] {
        let mut w = [[T::ZERO; N]; N];
        for j in 0..N {
            for i in 0..N {
                w[j][i] = T::real(-self.jacobian[j][i]);
            }
        }
        match self.mass {
            None => {
                for j in 0..N {
                    w[j][j] += self.sigma;
                }
            }
            Some(entries) => {
                for &(position, value) in entries {
                    if let Some(w) = w.as_flattened_mut().get_mut(position) {
                        *w += self.sigma.scaled(value);
                    }
                }
            }
        }
        w
    }
}

impl<T: Scalar, const N: usize> SmallLu<T, N> {
    /// Nothing factorised yet.
    pub fn new() -> Self {
        let zero = T::lanes(&[T::ZERO; N]);
        SmallLu { lower: [zero; N], upper: [zero; N], row: std::array::from_fn(|i| i), in_order: true }
    }

    /// Factorises $\sigma M - J$. Fails with the column in which no pivot is left.
    #[inline(always)]
    pub fn factorize(&mut self, shift: SmallShift<'_, T, N>) -> Result<(), usize> {
        if dispatch(Factorize { lu: self, shift }) {
            return Ok(());
        }
        self.row = pivot_order(shift.matrix())?;
        self.in_order = self.row.is_sorted();
        // The pivots are now the largest of their columns, up to rounding.
        if dispatch(Factorize { lu: self, shift }) { Ok(()) } else { Err(N - 1) }
    }

    /// Appends the order of the pivots.
    pub fn save_pivots(&self, out: &mut Vec<f64>) {
        out.extend(self.row.map(|row| row as f64));
    }

    /// Takes that order up.
    pub fn restore_pivots(&mut self, from: &mut Saved) {
        self.row = from.array::<N>().map(|row| row as usize);
        self.in_order = self.row.is_sorted();
    }

    /// Columns of $L^{-1} P$ and of $U^{-1}$, to solve with inside of other work.
    #[inline(always)]
    pub fn inverses(&self) -> (&[T::Lanes<N>; N], &[T::Lanes<N>; N]) {
        (&self.lower, &self.upper)
    }

    /// Replaces `b` by $W^{-1} b$.
    #[inline(always)]
    pub fn solve(&self, b: &mut [T; N]) {
        dispatch(Solve { lu: self, b });
    }
}

/// The order of the rows in Gaussian elimination with partial pivoting.
#[cold]
#[inline(never)]
fn pivot_order<T: Scalar, const N: usize>(mut w: [[T; N]; N]) -> Result<[usize; N], usize> {
    let mut row = std::array::from_fn(|i| i);
    for k in 0..N {
        let mut p = k;
        for i in k + 1..N {
            if w[k][i].magnitude() > w[k][p].magnitude() {
                p = i;
            }
        }
        if !divides(w[k][p].magnitude()) {
            return Err(k);
        }
        row.swap(k, p);
        for column in &mut w {
            column.swap(k, p);
        }
        let reciprocal = w[k][k].reciprocal();
        for i in k + 1..N {
            let l = w[k][i] * reciprocal;
            for j in k + 1..N {
                w[j][i] = T::less::<false>(w[j][i], l, w[j][k]);
            }
        }
    }
    Ok(row)
}

struct Factorize<'a, 'b, T: Scalar, const N: usize> {
    lu: &'a mut SmallLu<T, N>,
    shift: SmallShift<'b, T, N>,
}

impl<T: Scalar, const N: usize> Kernel for Factorize<'_, '_, T, N> {
    /// Whether all pivots are large enough.
    type Output = bool;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> bool {
        let Factorize { lu, shift } = self;
        let unordered = shift.matrix();
        let SmallLu { lower, upper, row, in_order } = lu;
        let mut work = Elimination {
            w: [T::lanes(&[T::ZERO; N]); N],
            lower,
            upper,
            pivots: [T::ZERO; N],
            reciprocal: [T::ZERO; N],
            largest: [0.0; N],
        };
        if *in_order {
            for j in 0..N {
                work.w[j] = T::lanes(&unordered[j]);
            }
        } else {
            for j in 0..N {
                let mut column = [T::ZERO; N];
                for i in 0..N {
                    column[i] = unordered[j][row[i].min(N - 1)];
                }
                work.w[j] = T::lanes(&column);
            }
        }
        // Written out, because a loop of this size would not be unrolled.
        work.eliminate::<0, FMA>();
        work.eliminate::<1, FMA>();
        work.eliminate::<2, FMA>();
        work.eliminate::<3, FMA>();
        work.eliminate::<4, FMA>();
        work.eliminate::<5, FMA>();
        work.eliminate::<6, FMA>();
        work.eliminate::<7, FMA>();
        work.invert::<7, FMA>();
        work.invert::<6, FMA>();
        work.invert::<5, FMA>();
        work.invert::<4, FMA>();
        work.invert::<3, FMA>();
        work.invert::<2, FMA>();
        work.invert::<1, FMA>();
        work.invert::<0, FMA>();
        let reciprocal = T::lanes(&work.reciprocal);
        for k in 0..N {
            work.upper[k] = T::lanes_product(work.upper[k], reciprocal);
        }
        if !*in_order {
            let by_step = *work.lower;
            for k in 0..N {
                work.lower[row[k].min(N - 1)] = by_step[k];
            }
        }
        // What is not a number anywhere has made a pivot not a number.
        let mut sound = true;
        for k in 0..N {
            sound &= work.largest[k] <= LARGEST && divides(work.pivots[k].magnitude());
        }
        sound
    }
}

/// Elimination at work: what is left of $W$, and columns of $L^{-1}$ and $V^{-1}$, where $V$ is $U$ with each row divided by its
/// pivot.
struct Elimination<'a, T: Scalar, const N: usize> {
    w: [T::Lanes<N>; N],
    lower: &'a mut [T::Lanes<N>; N],
    upper: &'a mut [T::Lanes<N>; N],
    pivots: [T; N],
    reciprocal: [T; N],
    /// Largest entry of $L$ in each row.
    largest: [f64; N],
}

impl<T: Scalar, const N: usize> Elimination<'_, T, N> {
    /// Takes pivot `K` times what is needed from the rows below it, in $W$ and in $L^{-1}$.
    #[inline(always)]
    fn eliminate<const K: usize, const FMA: bool>(&mut self) {
        if K >= N {
            return;
        }
        let pivot = T::lane(&self.w[K], K);
        let reciprocal = pivot.reciprocal();
        let minus_l = T::lanes_times(T::lanes_where(self.w[K], |i| i > K), -reciprocal);
        let sizes = T::lanes_magnitude(minus_l);
        for i in 0..N {
            self.largest[i] = if sizes[i] > self.largest[i] { sizes[i] } else { self.largest[i] };
        }
        for j in K + 1..N {
            self.w[j] = T::lanes_more::<FMA, N>(self.w[j], minus_l, T::lane(&self.w[j], K), K + 1..N);
        }
        for j in 0..K {
            self.lower[j] = T::lanes_more::<FMA, N>(self.lower[j], minus_l, T::lane(&self.lower[j], K), K + 1..N);
        }
        self.lower[K] = T::lanes_more::<FMA, N>(unit::<T, K, N>(), minus_l, T::real(1.0), K + 1..N);
        self.pivots[K] = pivot;
        self.reciprocal[K] = reciprocal;
    }

    /// Takes row `K` of $V$ from the rows above it, in $V^{-1}$.
    #[inline(always)]
    fn invert<const K: usize, const FMA: bool>(&mut self) {
        if K >= N {
            return;
        }
        let minus_v = T::lanes_times(T::lanes_where(self.w[K], |i| i < K), -self.reciprocal[K]);
        for j in K + 1..N {
            self.upper[j] = T::lanes_more::<FMA, N>(self.upper[j], minus_v, T::lane(&self.upper[j], K), 0..K);
        }
        self.upper[K] = T::lanes_more::<FMA, N>(unit::<T, K, N>(), minus_v, T::real(1.0), 0..K);
    }
}

/// Column `K` of the unit matrix.
#[inline(always)]
fn unit<T: Scalar, const K: usize, const N: usize>() -> T::Lanes<N> {
    let mut column = [T::ZERO; N];
    column[K] = T::real(1.0);
    T::lanes(&column)
}

struct Solve<'a, T: Scalar, const N: usize> {
    lu: &'a SmallLu<T, N>,
    b: &'a mut [T; N],
}

impl<T: Scalar, const N: usize> Kernel for Solve<'_, T, N> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let y = T::numbers(product::<T, FMA, N>(&self.lu.lower, self.b, |_| N));
        *self.b = T::numbers(product::<T, FMA, N>(&self.lu.upper, &y, |column| column + 1));
    }
}

/// The product of a matrix, given by columns, and a vector, in two strands. Of column $k$ the first `height(k)` entries can differ
/// from zero.
#[inline(always)]
fn product<T: Scalar, const FMA: bool, const N: usize>(
    columns: &[T::Lanes<N>; N],
    x: &[T; N],
    height: impl Fn(usize) -> usize,
) -> T::Lanes<N> {
    let zero = T::lanes(&[T::ZERO; N]);
    let (mut even, mut odd) = (zero, zero);
    for k in 0..N {
        let strand = if k % 2 == 0 { &mut even } else { &mut odd };
        *strand = T::lanes_more::<FMA, N>(*strand, columns[k], x[k], 0..height(k));
    }
    T::lanes_more::<FMA, N>(even, odd, T::real(1.0), 0..N)
}
