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

/// A pivot must have this share of the largest candidate: enough for stability at these sizes (entries grow by at most
/// $3^{N-1}$, against $2^{N-1}$ for the largest), and the order does not change back and forth between rows alike.
const ENOUGH: f64 = 0.5;

/// $P W = L U$ of an `N × N` matrix.
#[derive(Clone, Copy)]
pub struct SmallLu<T: Scalar, const N: usize> {
    /// Columns of $I - L^{-1}$.
    lower: [T::Lanes<N>; N],
    /// Columns of $I - (U D^{-1})^{-1}$, where $D$ holds the pivots.
    upper: [T::Lanes<N>; N],
    /// One over each pivot.
    reciprocal: T::Lanes<N>,
    /// Row of $W$ that is the pivot row of each step.
    row: [usize; N],
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
        SmallLu { lower: [zero; N], upper: [zero; N], reciprocal: zero, row: std::array::from_fn(|i| i) }
    }

    /// Factorises $\sigma M - J$. Fails with the column in which no pivot is left.
    #[inline(always)]
    pub fn factorize(&mut self, shift: SmallShift<'_, T, N>) -> Result<(), usize> {
        if dispatch(Factorize { lu: self, shift }) {
            return Ok(());
        }
        self.row = pivot_order(shift.matrix())?;
        // The pivots are now the largest of their columns, up to rounding.
        if dispatch(Factorize { lu: self, shift }) { Ok(()) } else { Err(N - 1) }
    }

    /// $W^{-1} b$ inside of a kernel.
    #[inline(always)]
    pub fn solve_in_kernel<const FMA: bool>(&self, b: &mut [T; N]) {
        Solve { lu: self, b }.run::<FMA>();
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
        let mut w = [[T::ZERO; N]; N];
        for i in 0..N {
            let row = lu.row[i].min(N - 1);
            for j in 0..N {
                w[j][i] = unordered[j][row];
            }
        }
        let zero = T::lanes(&[T::ZERO; N]);
        let mut work = Elimination {
            w: w.map(|column| T::lanes(&column)),
            lower: [zero; N],
            reciprocal: [T::ZERO; N],
            sound: true,
        };
        // Written out, because a loop of this size would not be unrolled.
        work.step::<0, FMA>();
        work.step::<1, FMA>();
        work.step::<2, FMA>();
        work.step::<3, FMA>();
        work.step::<4, FMA>();
        work.step::<5, FMA>();
        work.step::<6, FMA>();
        work.step::<7, FMA>();
        lu.lower = work.lower;
        lu.reciprocal = T::lanes(&work.reciprocal);
        let mut upper = [zero; N];
        for k in (0..N).rev() {
            let column = T::lanes_times(T::lanes_where(work.w[k], |i| i < k), work.reciprocal[k]);
            for j in k + 1..N {
                upper[j] = T::lanes_less::<FMA, N>(upper[j], column, T::lane(&upper[j], k));
            }
            upper[k] = column;
        }
        lu.upper = upper;
        work.sound
    }
}

struct Elimination<T: Scalar, const N: usize> {
    w: [T::Lanes<N>; N],
    lower: [T::Lanes<N>; N],
    reciprocal: [T; N],
    sound: bool,
}

impl<T: Scalar, const N: usize> Elimination<T, N> {
    #[inline(always)]
    fn step<const K: usize, const FMA: bool>(&mut self) {
        if K >= N {
            return;
        }
        let sizes = T::lanes_magnitude(self.w[K]);
        let mut largest = 0.0;
        for i in K + 1..N {
            largest = if sizes[i] > largest { sizes[i] } else { largest };
        }
        self.sound &= sizes[K] >= ENOUGH * largest && divides(sizes[K]);
        let reciprocal = T::lane(&self.w[K], K).reciprocal();
        let l = T::lanes_times(T::lanes_where(self.w[K], |i| i > K), reciprocal);
        for j in K + 1..N {
            self.w[j] = T::lanes_less::<FMA, N>(self.w[j], l, T::lane(&self.w[j], K));
        }
        for j in 0..K {
            self.lower[j] = T::lanes_less::<FMA, N>(self.lower[j], l, T::lane(&self.lower[j], K));
        }
        self.reciprocal[K] = reciprocal;
        self.lower[K] = l;
    }
}

struct Solve<'a, T: Scalar, const N: usize> {
    lu: &'a SmallLu<T, N>,
    b: &'a mut [T; N],
}

impl<T: Scalar, const N: usize> Kernel for Solve<'_, T, N> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let SmallLu { lower, upper, reciprocal, row } = self.lu;
        let mut x = [T::ZERO; N];
        for k in 0..N {
            x[k] = self.b[row[k].min(N - 1)];
        }
        let x = T::numbers(apply::<T, FMA, N>(lower, &x));
        let x = apply::<T, FMA, N>(upper, &x);
        *self.b = T::numbers(T::lanes_product(x, *reciprocal));
    }
}

/// $x - C x$ for the columns of $C$, in two strands.
#[inline(always)]
fn apply<T: Scalar, const FMA: bool, const N: usize>(columns: &[T::Lanes<N>; N], x: &[T; N]) -> T::Lanes<N> {
    let (mut even, mut odd) = (T::lanes(x), T::lanes(&[T::ZERO; N]));
    for (k, pair) in columns.chunks(2).enumerate() {
        even = T::lanes_less::<FMA, N>(even, pair[0], x[2 * k]);
        if let Some(column) = pair.get(1) {
            odd = T::lanes_less::<FMA, N>(odd, *column, x[2 * k + 1]);
        }
    }
    T::lanes_less::<FMA, N>(even, odd, T::real(-1.0))
}
