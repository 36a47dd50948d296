//! The two kinds of number a linear system can have: real, and complex for the stages of Radau methods.

use faer::c64;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

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

    /// Several numbers as wide instructions take them.
    type Vector: Copy;
    /// The numbers as a vector.
    fn vector(numbers: &[Self; LANES]) -> Self::Vector;
    /// The vector as numbers.
    fn numbers(vector: Self::Vector) -> [Self; LANES];
    /// $c - a b$ in all lanes.
    fn vector_less<const FMA: bool>(c: Self::Vector, a: Self::Vector, b: Self) -> Self::Vector;
    /// $a b$ in all lanes.
    fn vector_times(a: Self::Vector, b: Self) -> Self::Vector;
    /// The larger of the [magnitudes](Scalar::magnitude) and those given, which stay where the number is NaN.
    fn vector_largest(largest: &mut [f64; LANES], a: Self::Vector);
}

/// Numbers that are worked on together.
pub const LANES: usize = 4;

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

    type Vector = [f64; LANES];
    #[inline(always)]
    fn vector(numbers: &[f64; LANES]) -> [f64; LANES] {
        *numbers
    }
    #[inline(always)]
    fn numbers(vector: [f64; LANES]) -> [f64; LANES] {
        vector
    }
    #[inline(always)]
    fn vector_less<const FMA: bool>(mut c: [f64; LANES], a: [f64; LANES], b: f64) -> [f64; LANES] {
        for i in 0..LANES {
            c[i] = f64::less::<FMA>(c[i], a[i], b);
        }
        c
    }
    #[inline(always)]
    fn vector_times(a: [f64; LANES], b: f64) -> [f64; LANES] {
        a.map(|a| a * b)
    }
    #[inline(always)]
    fn vector_largest(largest: &mut [f64; LANES], a: [f64; LANES]) {
        for i in 0..LANES {
            largest[i] = if a[i].abs() > largest[i] { a[i].abs() } else { largest[i] };
        }
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
    type Vector = ([f64; LANES], [f64; LANES]);
    #[inline(always)]
    fn vector(numbers: &[c64; LANES]) -> Self::Vector {
        (numbers.map(|z| z.re), numbers.map(|z| z.im))
    }
    #[inline(always)]
    fn numbers((re, im): Self::Vector) -> [c64; LANES] {
        std::array::from_fn(|i| c64::new(re[i], im[i]))
    }
    #[inline(always)]
    fn vector_less<const FMA: bool>((re, im): Self::Vector, a: Self::Vector, b: c64) -> Self::Vector {
        let re = f64::vector_less::<FMA>(f64::vector_less::<FMA>(re, a.0, b.re), a.1, -b.im);
        let im = f64::vector_less::<FMA>(f64::vector_less::<FMA>(im, a.0, b.im), a.1, b.re);
        (re, im)
    }
    #[inline(always)]
    fn vector_times(a: Self::Vector, b: c64) -> Self::Vector {
        let zero = [0.0; LANES];
        Self::vector_less::<false>((zero, zero), a, -b)
    }
    #[inline(always)]
    fn vector_largest(largest: &mut [f64; LANES], (re, im): Self::Vector) {
        for i in 0..LANES {
            let size = re[i].abs() + im[i].abs();
            largest[i] = if size > largest[i] { size } else { largest[i] };
        }
    }
}
