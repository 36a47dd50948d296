//! Lanes: the same formula for several trajectories at once, one number for each.
//!
//! Every operation is done lane by lane and nothing flows from one lane to another, so the bits of a lane depend neither
//! on its neighbours nor on how many there are. Rust's floating-point arithmetic is never contracted or reordered, so a
//! lane has the bits that `f64` would have, but for [`exp`](Real::exp) and [`tanh`](Real::tanh) (and what is made of
//! them), which are those of [`number::simd`](super::simd) and may differ from the standard library's in the last places.

use super::Real;
use super::simd;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// `N` numbers, one for each trajectory that is computed at the same time. See the [module](crate::number).
///
/// `N` is best 4, 8 or 16. Compiled into a function that may use wide instructions ([`dispatch_lanes`]), an operation on
/// eight lanes is two AVX2 instructions or one of AVX-512.
///
/// ```
/// use ansatz::number::{Lanes, Real};
/// fn logistic<R: Real>(u: R, rate: R) -> R {
///     rate * u * (-u + 1.0)
/// }
/// let slopes = logistic(Lanes([0.1, 0.5, 0.5, 1.0]), Lanes([1.0, 1.0, 2.0, 3.0]));
/// assert_eq!(slopes, Lanes([0.09000000000000001, 0.25, 0.5, 0.0]));
/// ```
// A whole cache line, so that no load or store of eight lanes crosses into the next one.
#[repr(align(64))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lanes<const N: usize>(
    /// The lanes.
    pub [f64; N],
);

impl<const N: usize> Lanes<N> {
    /// The same number in every lane.
    #[inline(always)]
    pub fn splat(x: f64) -> Self {
        Lanes([x; N])
    }

    #[inline(always)]
    fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        for x in &mut self.0 {
            *x = f(*x);
        }
        self
    }

    #[inline(always)]
    fn zip(mut self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        for l in 0..N {
            self.0[l] = f(self.0[l], other.0[l]);
        }
        self
    }

    /// $a b + c$, fused where `FMA` says that this is one instruction.
    #[inline(always)]
    pub(crate) fn multiply_add<const FMA: bool>(self, b: Self, mut c: Self) -> Self {
        for l in 0..N {
            c.0[l] = simd::multiply_add::<FMA>(self.0[l], b.0[l], c.0[l]);
        }
        c
    }
}

impl<const N: usize> Neg for Lanes<N> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|x| -x)
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $assign:ident $assign_method:ident $op:tt),*) => {$(
        impl<const N: usize> $trait for Lanes<N> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.zip(other, |a, b| a $op b)
            }
        }
        impl<const N: usize> $trait<f64> for Lanes<N> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: f64) -> Self {
                self.map(|a| a $op other)
            }
        }
        impl<const N: usize> $assign for Lanes<N> {
            #[inline(always)]
            fn $assign_method(&mut self, other: Self) {
                *self = *self $op other;
            }
        }
    )*};
}
operators!(
    Add add AddAssign add_assign +,
    Sub sub SubAssign sub_assign -,
    Mul mul MulAssign mul_assign *,
    Div div DivAssign div_assign /
);

/// Whether the whole program may use fused multiply–add; a lane's bits must not depend on where it is inlined.
const FMA: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

impl<const N: usize> Real for Lanes<N> {
    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        Lanes([x; N])
    }
    #[inline(always)]
    fn exp(self) -> Self {
        self.map(simd::exp::<FMA>)
    }
    #[inline(always)]
    fn exp_m1(self) -> Self {
        self.map(f64::exp_m1)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        self.map(f64::ln)
    }
    #[inline(always)]
    fn ln_1p(self) -> Self {
        self.map(f64::ln_1p)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(f64::sqrt)
    }
    #[inline(always)]
    fn sin(self) -> Self {
        self.map(f64::sin)
    }
    #[inline(always)]
    fn cos(self) -> Self {
        self.map(f64::cos)
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        self.map(simd::tanh::<FMA>)
    }
    #[inline(always)]
    fn atan(self) -> Self {
        self.map(f64::atan)
    }
    #[inline(always)]
    fn powi(self, k: i32) -> Self {
        self.map(|x| Real::powi(x, k))
    }
    #[inline(always)]
    fn powf(self, a: f64) -> Self {
        self.map(|x| f64::powf(x, a))
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.map(f64::abs)
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, <f64 as Real>::min)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, <f64 as Real>::max)
    }
    #[inline(always)]
    fn select(mut self, if_positive: Self, otherwise: Self) -> Self {
        for l in 0..N {
            self.0[l] = self.0[l].select(if_positive.0[l], otherwise.0[l]);
        }
        self
    }
}

/// A piece of work over lanes that is worth wide instructions.
///
/// `run` must be `#[inline(always)]`, and everything hot that it calls too. A function that it calls without such a mark,
/// like a user's right-hand side, is inlined all the same when this is its only call with these lanes and both are
/// compiled in one unit. So every set of instructions has a number of lanes of its own, `run` should call the function
/// in one place, and the function around [`dispatch_lanes`] should be a method of the type that the user's function is a
/// method of: compilation units follow types.
pub trait LaneKernel {
    /// What the work gives.
    type Output;
    /// Does the work on `N` lanes; `FMA` says that [`f64::mul_add`] is one instruction.
    fn run<const N: usize, const FMA: bool>(self) -> Self::Output;
}

/// Runs a kernel with the best instructions that the processor has, on two registers' worth of lanes: 16 with AVX-512, 8
/// with AVX2 and FMA (and elsewhere), 4 with plain SSE2. Two, because one operation's latency covers another's.
#[inline(always)]
pub fn dispatch_lanes<K: LaneKernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        struct Wide<K, const N: usize>(K);
        impl<K: LaneKernel, const N: usize> pulp::NullaryFnOnce for Wide<K, N> {
            type Output = K::Output;
            #[inline(always)]
            fn call(self) -> K::Output {
                self.0.run::<N, true>()
            }
        }
        if let Some(avx512) = pulp::x86::V4::try_new() {
            return avx512.vectorize(Wide::<K, 16>(kernel));
        }
        if let Some(avx2) = pulp::x86::V3::try_new() {
            return avx2.vectorize(Wide::<K, 8>(kernel));
        }
        kernel.run::<4, false>()
    }
    #[cfg(not(target_arch = "x86_64"))]
    kernel.run::<8, { cfg!(target_arch = "aarch64") }>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Everything a mechanism can do, in one expression for each operation.
    fn all_operations<R: Real>(x: R, y: R) -> Vec<(&'static str, R)> {
        vec![
            ("neg", -x),
            ("add", x + y),
            ("sub", x - y),
            ("mul", x * y),
            ("div", x / y),
            ("add f64", x + 0.3),
            ("sub f64", x - 0.3),
            ("mul f64", x * 0.3),
            ("div f64", x / 0.3),
            ("exp_m1", x.exp_m1()),
            ("ln", x.ln()),
            ("ln_1p", x.ln_1p()),
            ("sqrt", x.sqrt()),
            ("sin", x.sin()),
            ("cos", x.cos()),
            ("atan", x.atan()),
            ("powi", x.powi(5)),
            ("inverse powi", x.powi(-3)),
            ("powf", x.powf(1.7)),
            ("abs", x.abs()),
            ("min", x.min(y)),
            ("max", x.max(y)),
            ("select", x.select(y, x * 2.0)),
            ("square", x.square()),
            ("recip", x.recip()),
        ]
    }

    fn assert_same_bits(name: &str, lanes: f64, plain: f64) {
        assert!(lanes.to_bits() == plain.to_bits() || lanes.is_nan() && plain.is_nan(), "{name}: {lanes} {plain}");
    }

    const SPECIAL: [f64; 8] = [0.0, -0.0, 1.0, -1.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e-310];

    #[test]
    fn special_values_are_those_of_plain_numbers() {
        for shift in 0..8 {
            let (x, y) = (Lanes(SPECIAL), Lanes::<8>(std::array::from_fn(|l| SPECIAL[(l + shift) % 8])));
            for (k, (name, z)) in all_operations(x, y).into_iter().enumerate() {
                for l in 0..8 {
                    assert_same_bits(name, z.0[l], all_operations(x.0[l], y.0[l])[k].1);
                }
            }
        }
        for l in 0..8 {
            assert_same_bits("exp", Lanes(SPECIAL).exp().0[l], simd::exp::<FMA>(SPECIAL[l]));
            assert_same_bits("tanh", Lanes(SPECIAL).tanh().0[l], simd::tanh::<FMA>(SPECIAL[l]));
        }
    }

    proptest! {
        #[test]
        fn every_lane_is_the_plain_number(x in proptest::array::uniform4(-30.0f64..30.0), y in proptest::array::uniform4(-3.0f64..3.0)) {
            for (k, (name, z)) in all_operations(Lanes(x), Lanes(y)).into_iter().enumerate() {
                for l in 0..4 {
                    assert_same_bits(name, z.0[l], all_operations(x[l], y[l])[k].1);
                }
            }
            let close = |a: f64, b: f64, ulps: f64| (a - b).abs() <= ulps * f64::EPSILON * b.abs();
            for l in 0..4 {
                // One place of ours and one of the standard library's; a place is up to an epsilon.
                prop_assert!(close(Lanes(x).exp().0[l], x[l].exp(), 2.0));
                prop_assert!(close(Lanes(y).tanh().0[l], y[l].tanh(), 4.0));
                prop_assert!(close(Lanes(x).sigmoid().0[l], x[l].sigmoid(), 4.0));
                prop_assert!(close(Lanes(x).softplus().0[l], x[l].softplus(), 8.0));
            }
        }
    }

    #[test]
    fn assignment_operators() {
        let mut x = Lanes([1.0, 2.0]);
        x += Lanes([0.5, 0.25]);
        x -= Lanes([1.0, 1.0]);
        x *= Lanes([4.0, 2.0]);
        x /= Lanes([2.0, 5.0]);
        assert_eq!(x, Lanes([1.0, 0.5]));
        assert_eq!(x.multiply_add::<true>(Lanes([2.0, 2.0]), Lanes::splat(1.0)), Lanes([3.0, 2.0]));
    }

    #[test]
    fn whatever_the_processor_the_lanes_are_the_same() {
        struct Sum(f64);
        impl LaneKernel for Sum {
            type Output = (usize, f64);
            #[inline(always)]
            fn run<const N: usize, const FMA: bool>(self) -> (usize, f64) {
                let mut x = Lanes::<N>::splat(self.0);
                for _ in 0..10 {
                    x = (x.sin() + x.exp()).tanh() / (x * x + 1.0);
                }
                assert!(x.0.iter().all(|y| y.to_bits() == x.0[0].to_bits()));
                (N, x.0[0])
            }
        }
        let (lanes, best) = dispatch_lanes(Sum(0.3));
        assert!([4, 8, 16].contains(&lanes));
        assert_eq!(best.to_bits(), Sum(0.3).run::<1, false>().1.to_bits());
        assert_eq!(best.to_bits(), Sum(0.3).run::<8, true>().1.to_bits());
    }
}
