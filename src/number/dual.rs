//! Dual numbers: a value and `N` directional derivatives carried through every operation.
//!
//! $x + \sum_k \dot x_k \varepsilon_k$ with $\varepsilon_j\varepsilon_k = 0$, so $f(x + \dot x\varepsilon) = f(x) +
//! f'(x) \dot x \varepsilon$. Exact to rounding. `Dual<M, Dual<N>>` carries second derivatives.
//!
//! Source: A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, chapter 3.

use super::Real;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// A number with `N` tangents. See the [module](crate::number) for what it is for.
///
/// ```
/// use ansatz::number::{Dual, Real};
/// // f(x, y) = x² y at (3, 2): ∂f/∂x = 12, ∂f/∂y = 9
/// let (x, y) = (Dual::<2>::variable(3.0, 0), Dual::<2>::variable(2.0, 1));
/// let f = x * x * y;
/// assert_eq!((f.value, f.tangent), (18.0, [12.0, 9.0]));
///
/// // Nested once more: d²(x³)/dx² = 6x
/// let x = Dual::<1, Dual<1>>::variable(Dual::variable(2.0, 0), 0);
/// assert_eq!(x.powi(3).tangent[0].tangent[0], 12.0);
/// ```
// The tangents stand first, so that copies load them in the same pieces in which they were stored; otherwise every copy
// waits for the stores to reach memory (a third of the time of a recorded evaluation).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dual<const N: usize, T = f64> {
    /// The derivative in each of the `N` directions.
    pub tangent: [T; N],
    /// The value.
    pub value: T,
}

impl<const N: usize, T: Real> Dual<N, T> {
    /// A constant: all tangents zero.
    #[inline(always)]
    pub fn constant(value: T) -> Self {
        Dual { value, tangent: [T::zero(); N] }
    }

    /// The independent variable of direction `lane`: that tangent is one. A lane past the last gives a constant.
    #[inline(always)]
    pub fn variable(value: T, lane: usize) -> Self {
        Dual { value, tangent: std::array::from_fn(|k| if k == lane { T::one() } else { T::zero() }) }
    }

    /// $f(x)$ from its value and its derivative at `self.value`.
    #[inline(always)]
    fn chain(self, value: T, derivative: T) -> Self {
        let mut tangent = self.tangent;
        for d in &mut tangent {
            *d *= derivative;
        }
        Dual { value, tangent }
    }
}

impl<const N: usize, T: Real> Neg for Dual<N, T> {
    type Output = Self;
    #[inline(always)]
    fn neg(mut self) -> Self {
        self.value = -self.value;
        for d in &mut self.tangent {
            *d = -*d;
        }
        self
    }
}

impl<const N: usize, T: Real> Add for Dual<N, T> {
    type Output = Self;
    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        self.value += other.value;
        for (a, b) in self.tangent.iter_mut().zip(other.tangent) {
            *a += b;
        }
        self
    }
}

impl<const N: usize, T: Real> Sub for Dual<N, T> {
    type Output = Self;
    #[inline(always)]
    fn sub(mut self, other: Self) -> Self {
        self.value -= other.value;
        for (a, b) in self.tangent.iter_mut().zip(other.tangent) {
            *a -= b;
        }
        self
    }
}

impl<const N: usize, T: Real> Mul for Dual<N, T> {
    type Output = Self;
    #[inline(always)]
    fn mul(mut self, other: Self) -> Self {
        for (a, b) in self.tangent.iter_mut().zip(other.tangent) {
            *a = *a * other.value + b * self.value;
        }
        self.value *= other.value;
        self
    }
}

impl<const N: usize, T: Real> Div for Dual<N, T> {
    type Output = Self;
    #[inline(always)]
    fn div(mut self, other: Self) -> Self {
        let quotient = self.value / other.value;
        let scale = other.value.recip();
        for (a, b) in self.tangent.iter_mut().zip(other.tangent) {
            *a = (*a - b * quotient) * scale;
        }
        self.value = quotient;
        self
    }
}

impl<const N: usize, T: Real> Add<f64> for Dual<N, T> {
    type Output = Self;
    #[inline(always)]
    fn add(mut self, other: f64) -> Self {
        self.value = self.value + other;
        self
    }
}

impl<const N: usize, T: Real> Sub<f64> for Dual<N, T> {
    type Output = Self;
    #[inline(always)]
    fn sub(mut self, other: f64) -> Self {
        self.value = self.value - other;
        self
    }
}

impl<const N: usize, T: Real> Mul<f64> for Dual<N, T> {
    type Output = Self;
    #[inline(always)]
    fn mul(mut self, other: f64) -> Self {
        self.value = self.value * other;
        for d in &mut self.tangent {
            *d = *d * other;
        }
        self
    }
}

impl<const N: usize, T: Real> Div<f64> for Dual<N, T> {
    type Output = Self;
    #[inline(always)]
    fn div(mut self, other: f64) -> Self {
        self.value = self.value / other;
        for d in &mut self.tangent {
            *d = *d / other;
        }
        self
    }
}

macro_rules! assign {
    ($($trait:ident $method:ident $op:tt),*) => {$(
        impl<const N: usize, T: Real> $trait for Dual<N, T> {
            #[inline(always)]
            fn $method(&mut self, other: Self) {
                *self = *self $op other;
            }
        }
    )*};
}
assign!(AddAssign add_assign +, SubAssign sub_assign -, MulAssign mul_assign *, DivAssign div_assign /);

impl<const N: usize, T: Real> Real for Dual<N, T> {
    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        Self::constant(T::from_f64(x))
    }
    #[inline(always)]
    fn exp(self) -> Self {
        let e = self.value.exp();
        self.chain(e, e)
    }
    #[inline(always)]
    fn exp_m1(self) -> Self {
        let e = self.value.exp_m1();
        self.chain(e, e + 1.0)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        self.chain(self.value.ln(), self.value.recip())
    }
    #[inline(always)]
    fn ln_1p(self) -> Self {
        self.chain(self.value.ln_1p(), (self.value + 1.0).recip())
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, (root * 2.0).recip())
    }
    #[inline(always)]
    fn sin(self) -> Self {
        self.chain(self.value.sin(), self.value.cos())
    }
    #[inline(always)]
    fn cos(self) -> Self {
        self.chain(self.value.cos(), -self.value.sin())
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        let t = self.value.tanh();
        self.chain(t, T::one() - t * t)
    }
    #[inline(always)]
    fn atan(self) -> Self {
        self.chain(self.value.atan(), (self.value * self.value + 1.0).recip())
    }
    #[inline(always)]
    fn powi(self, k: i32) -> Self {
        match k {
            0 => Self::one(),
            1 => self,
            _ => self.chain(self.value.powi(k), self.value.powi(k - 1) * f64::from(k)),
        }
    }
    #[inline(always)]
    fn powf(self, a: f64) -> Self {
        self.chain(self.value.powf(a), self.value.powf(a - 1.0) * a)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        let one = T::one();
        let sign = self.value.select(one, (-self.value).select(-one, T::zero()));
        self.chain(self.value.abs(), sign)
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        (other - self).value.pick(self, other)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        (self - other).value.pick(self, other)
    }
    #[inline(always)]
    fn select(self, if_positive: Self, otherwise: Self) -> Self {
        self.value.pick(if_positive, otherwise)
    }
}

/// Choosing between two dual numbers by the sign of a plain one.
trait Pick: Real {
    #[inline(always)]
    fn pick<const N: usize>(self, if_positive: Dual<N, Self>, otherwise: Dual<N, Self>) -> Dual<N, Self> {
        let mut chosen = otherwise;
        chosen.value = self.select(if_positive.value, otherwise.value);
        for (c, a) in chosen.tangent.iter_mut().zip(if_positive.tangent) {
            *c = self.select(a, *c);
        }
        chosen
    }
}
impl<T: Real> Pick for T {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The complex-step idea done with reals: a central difference with one Richardson step, good to about 1e-10.
    fn slope(f: impl Fn(f64) -> f64, x: f64) -> f64 {
        let central = |h: f64| (f(x + h) - f(x - h)) / (2.0 * h);
        let h = 1e-3;
        (4.0 * central(h / 2.0) - central(h)) / 3.0
    }

    macro_rules! elementary {
        ($($name:ident: $x:expr, |$v:ident| $f:expr;)*) => {
            #[test]
            fn derivatives_of_elementary_functions() {$(
                fn $name<R: Real>($v: R) -> R { $f }
                for x in $x {
                    let d = $name(Dual::<1>::variable(x, 0));
                    assert_eq!(d.value, $name(x), "value of {} at {x}", stringify!($name));
                    approx::assert_relative_eq!(d.tangent[0], slope($name::<f64>, x), max_relative = 2e-9, epsilon = 2e-10);
                }
            )*}
        };
    }
    elementary! {
        exp: [-1.0, 0.4], |x| x.exp();
        exp_m1: [-1.0, 0.4], |x| x.exp_m1();
        ln: [0.4, 3.0], |x| x.ln();
        ln_1p: [-0.4, 3.0], |x| x.ln_1p();
        sqrt: [0.4, 3.0], |x| x.sqrt();
        sin: [-0.4, 3.0], |x| x.sin();
        cos: [-0.4, 3.0], |x| x.cos();
        tanh: [-0.4, 1.5], |x| x.tanh();
        atan: [-0.4, 1.5], |x| x.atan();
        cube: [-0.4, 1.5], |x| x.powi(3);
        inverse_square: [-0.4, 1.5], |x| x.powi(-2);
        power: [0.4, 1.5], |x| x.powf(1.7);
        abs: [-0.4, 1.5], |x| x.abs();
        sigmoid: [-0.4, 1.5], |x| x.sigmoid();
        softplus: [-0.4, 1.5], |x| x.softplus();
        quotient: [0.4, 1.5], |x| (x * 2.0 - 1.0) / (x * x + 1.0);
        smaller: [0.4, 1.5], |x| x.min(R::one());
        larger: [0.4, 1.5], |x| (x * x).max(x);
        chosen: [-0.4, 1.5], |x| x.select(x * 3.0, x * x);
    }

    proptest! {
        /// Mixed second derivatives from nested duals are symmetric and equal the hand-made ones.
        #[test]
        fn nested_duals_give_second_derivatives(x in 0.2f64..2.0, y in 0.2f64..2.0) {
            type D2 = Dual<2, Dual<2>>;
            let f = |x: D2, y: D2| (x * y).sin() * x.exp();
            let h = f(
                D2::variable(Dual::variable(x, 0), 0),
                D2::variable(Dual::variable(y, 1), 1),
            );
            let hxy = h.tangent[0].tangent[1];
            let hyx = h.tangent[1].tangent[0];
            let exact = x.exp() * (x * (x * y).cos() + (x * y).cos() - x * y * (x * y).sin());
            prop_assert!((hxy - hyx).abs() <= 1e-13 * (1.0 + hxy.abs()));
            prop_assert!((hxy - exact).abs() <= 1e-12 * (1.0 + exact.abs()), "{hxy} {exact}");
        }
    }
}
