//! The two kinds of number a linear system can have: real, and complex for the stages of Radau methods.

use crate::number::simd::multiply_add;
use faer::c64;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Mul, Neg, Range, Sub, SubAssign};

/// `f64` or [`c64`].
pub trait Scalar:
    faer::traits::ComplexField
    + Copy
    + Debug
    + Default
    + PartialEq
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + 'static
{
    /// Zero.
    const ZERO: Self;
    /// The real number `x`.
    fn real(x: f64) -> Self;
    /// Times a real number.
    fn scaled(self, x: f64) -> Self;
    /// The size that pivots are chosen by: $|x|$, or $|\mathrm{Re}| + |\mathrm{Im}|$ as in LAPACK.
    fn magnitude(self) -> f64;
    /// $1/x$, without overflow on the way.
    fn reciprocal(self) -> Self;
    /// $c - a b$; `FMA` says that a fused multiply-add is one instruction.
    fn less<const FMA: bool>(c: Self, a: Self, b: Self) -> Self;

    /// Size up to which [`eliminate`](super::lu::eliminate) is faster than faer's blocked factorisation.
    const SMALL: usize;
    /// Triangles wider than this are solved in halves, with a product between them.
    const NARROW: usize;

    /// `N` numbers as wide instructions take them.
    type Lanes<const N: usize>: Copy;
    /// The numbers side by side.
    fn lanes<const N: usize>(numbers: &[Self; N]) -> Self::Lanes<N>;
    /// The numbers one after another.
    fn numbers<const N: usize>(lanes: Self::Lanes<N>) -> [Self; N];
    /// One of the numbers.
    fn lane<const N: usize>(lanes: &Self::Lanes<N>, i: usize) -> Self;
    /// $c - a b$ in all lanes.
    fn lanes_less<const FMA: bool, const N: usize>(c: Self::Lanes<N>, a: Self::Lanes<N>, b: Self) -> Self::Lanes<N>;
    /// $c + a b$ in the lanes that `touched` names, and in others that fill up a wide instruction.
    fn lanes_more<const FMA: bool, const N: usize>(
        c: Self::Lanes<N>,
        a: Self::Lanes<N>,
        b: Self,
        touched: Range<usize>,
    ) -> Self::Lanes<N>;
    /// $a b$ in all lanes.
    fn lanes_times<const N: usize>(a: Self::Lanes<N>, b: Self) -> Self::Lanes<N>;
    /// $a b$ lane by lane.
    fn lanes_product<const N: usize>(a: Self::Lanes<N>, b: Self::Lanes<N>) -> Self::Lanes<N>;
    /// The lanes that `keep` names, zero in the others.
    fn lanes_where<const N: usize>(a: Self::Lanes<N>, keep: impl Fn(usize) -> bool) -> Self::Lanes<N>;
    /// The [magnitudes](Scalar::magnitude).
    fn lanes_magnitude<const N: usize>(a: Self::Lanes<N>) -> [f64; N];
}

/// Numbers that are worked on together.
pub const LANES: usize = 4;

/// A range of `n` lanes, filled up to whole instructions.
#[inline(always)]
fn filled_up(touched: Range<usize>, n: usize) -> Range<usize> {
    touched.start / LANES * LANES..touched.end.next_multiple_of(LANES).min(n)
}

/// Whether a number of this [magnitude](Scalar::magnitude) can be divided by: neither zero nor infinite nor NaN.
#[inline(always)]
pub fn divides(magnitude: f64) -> bool {
    magnitude > 0.0 && magnitude < f64::INFINITY
}

impl Scalar for f64 {
    const ZERO: f64 = 0.0;
    #[inline(always)]
    fn real(x: f64) -> f64 {
        x
    }
    #[inline(always)]
    fn scaled(self, x: f64) -> f64 {
        self * x
    }
    #[inline(always)]
    fn magnitude(self) -> f64 {
        self.abs()
    }
    #[inline(always)]
    fn reciprocal(self) -> f64 {
        1.0 / self
    }
    #[inline(always)]
    fn less<const FMA: bool>(c: f64, a: f64, b: f64) -> f64 {
        if FMA { (-a).mul_add(b, c) } else { c - a * b }
    }

    const SMALL: usize = 96;
    const NARROW: usize = 16;

    type Lanes<const N: usize> = [f64; N];
    #[inline(always)]
    fn lanes<const N: usize>(numbers: &[f64; N]) -> [f64; N] {
        *numbers
    }
    #[inline(always)]
    fn numbers<const N: usize>(lanes: [f64; N]) -> [f64; N] {
        lanes
    }
    #[inline(always)]
    fn lane<const N: usize>(lanes: &[f64; N], i: usize) -> f64 {
        lanes[i]
    }
    #[inline(always)]
    fn lanes_less<const FMA: bool, const N: usize>(mut c: [f64; N], a: [f64; N], b: f64) -> [f64; N] {
        for i in 0..N {
            c[i] = f64::less::<FMA>(c[i], a[i], b);
        }
        c
    }
    #[inline(always)]
    fn lanes_more<const FMA: bool, const N: usize>(
        mut c: [f64; N],
        a: [f64; N],
        b: f64,
        touched: Range<usize>,
    ) -> [f64; N] {
        for i in filled_up(touched, N) {
            c[i] = multiply_add::<FMA>(a[i], b, c[i]);
        }
        c
    }
    #[inline(always)]
    fn lanes_times<const N: usize>(mut a: [f64; N], b: f64) -> [f64; N] {
        for a in &mut a {
            *a *= b;
        }
        a
    }
    #[inline(always)]
    fn lanes_product<const N: usize>(mut a: [f64; N], b: [f64; N]) -> [f64; N] {
        for i in 0..N {
            a[i] *= b[i];
        }
        a
    }
    #[inline(always)]
    fn lanes_where<const N: usize>(mut a: [f64; N], keep: impl Fn(usize) -> bool) -> [f64; N] {
        for i in 0..N {
            a[i] = if keep(i) { a[i] } else { 0.0 };
        }
        a
    }
    #[inline(always)]
    fn lanes_magnitude<const N: usize>(mut a: [f64; N]) -> [f64; N] {
        for a in &mut a {
            *a = a.abs();
        }
        a
    }
}

impl Scalar for c64 {
    const ZERO: c64 = c64::new(0.0, 0.0);
    #[inline(always)]
    fn real(x: f64) -> c64 {
        c64::new(x, 0.0)
    }
    #[inline(always)]
    fn scaled(self, x: f64) -> c64 {
        c64::new(self.re * x, self.im * x)
    }
    #[inline(always)]
    fn magnitude(self) -> f64 {
        self.re.abs() + self.im.abs()
    }
    #[inline(always)]
    fn reciprocal(self) -> c64 {
        // Scaled to size one first; R. L. Smith, Comm. ACM 5 (1962) 435, does it for the quotient.
        let scale = 1.0 / self.magnitude();
        let (re, im) = (self.re * scale, self.im * scale);
        let factor = scale / (re * re + im * im);
        c64::new(re * factor, -im * factor)
    }
    #[inline(always)]
    fn less<const FMA: bool>(c: c64, a: c64, b: c64) -> c64 {
        if FMA {
            let re = (-a.re).mul_add(b.re, c.re);
            let im = (-a.re).mul_add(b.im, c.im);
            c64::new(a.im.mul_add(b.im, re), (-a.im).mul_add(b.re, im))
        } else {
            c64::new(c.re - a.re * b.re + a.im * b.im, c.im - a.re * b.im - a.im * b.re)
        }
    }

    const SMALL: usize = 32;
    const NARROW: usize = 8;

    /// Real and imaginary parts apart, so that products need no shuffling.
    type Lanes<const N: usize> = ([f64; N], [f64; N]);
    #[inline(always)]
    fn lanes<const N: usize>(numbers: &[c64; N]) -> Self::Lanes<N> {
        let mut lanes = ([0.0; N], [0.0; N]);
        for i in 0..N {
            (lanes.0[i], lanes.1[i]) = (numbers[i].re, numbers[i].im);
        }
        lanes
    }
    #[inline(always)]
    fn numbers<const N: usize>((re, im): Self::Lanes<N>) -> [c64; N] {
        let mut numbers = [c64::ZERO; N];
        for i in 0..N {
            numbers[i] = c64::new(re[i], im[i]);
        }
        numbers
    }
    #[inline(always)]
    fn lane<const N: usize>((re, im): &Self::Lanes<N>, i: usize) -> c64 {
        c64::new(re[i], im[i])
    }
    #[inline(always)]
    fn lanes_less<const FMA: bool, const N: usize>(
        (mut re, mut im): Self::Lanes<N>,
        a: Self::Lanes<N>,
        b: c64,
    ) -> Self::Lanes<N> {
        for i in 0..N {
            re[i] = f64::less::<FMA>(f64::less::<FMA>(re[i], a.0[i], b.re), a.1[i], -b.im);
            im[i] = f64::less::<FMA>(f64::less::<FMA>(im[i], a.0[i], b.im), a.1[i], b.re);
        }
        (re, im)
    }
    #[inline(always)]
    fn lanes_more<const FMA: bool, const N: usize>(
        (mut re, mut im): Self::Lanes<N>,
        a: Self::Lanes<N>,
        b: c64,
        touched: Range<usize>,
    ) -> Self::Lanes<N> {
        for i in filled_up(touched, N) {
            re[i] = multiply_add::<FMA>(-a.1[i], b.im, multiply_add::<FMA>(a.0[i], b.re, re[i]));
            im[i] = multiply_add::<FMA>(a.1[i], b.re, multiply_add::<FMA>(a.0[i], b.im, im[i]));
        }
        (re, im)
    }
    #[inline(always)]
    fn lanes_times<const N: usize>((mut re, mut im): Self::Lanes<N>, b: c64) -> Self::Lanes<N> {
        for i in 0..N {
            (re[i], im[i]) = (re[i] * b.re - im[i] * b.im, re[i] * b.im + im[i] * b.re);
        }
        (re, im)
    }
    #[inline(always)]
    fn lanes_product<const N: usize>((mut re, mut im): Self::Lanes<N>, b: Self::Lanes<N>) -> Self::Lanes<N> {
        for i in 0..N {
            (re[i], im[i]) = (re[i] * b.0[i] - im[i] * b.1[i], re[i] * b.1[i] + im[i] * b.0[i]);
        }
        (re, im)
    }
    #[inline(always)]
    fn lanes_where<const N: usize>((re, im): Self::Lanes<N>, keep: impl Fn(usize) -> bool) -> Self::Lanes<N> {
        (f64::lanes_where(re, &keep), f64::lanes_where(im, &keep))
    }
    #[inline(always)]
    fn lanes_magnitude<const N: usize>((mut re, im): Self::Lanes<N>) -> [f64; N] {
        for i in 0..N {
            re[i] = re[i].abs() + im[i].abs();
        }
        re
    }
}
