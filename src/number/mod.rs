//! Numbers: the [`Real`] trait and the number types a mechanism can be evaluated with.
//!
//! A mechanism is written once, generic over [`Real`]. Swap the number and the same code gives something else:
//!
//! | number | what the mechanism gives |
//! |---|---|
//! | `f64` | values |
//! | [`Dual<N>`] | values and `N` directional derivatives, exact to rounding; nests as `Dual<M, Dual<N>>` |
//! | [`Taped`] | a value that knows how it was made: the gradient of one number of many, as a loss is |
//! | [`Lanes<N>`] | values of `N` trajectories at once, each with its own time, state and parameters |
//! | [`Pattern`] | which inputs each value depends on: the sparsity of the Jacobian |
//! | [`Expr`] | the formula itself, to print, differentiate and store |
//!
//! # What a generic mechanism looks like
//!
//! ```
//! use ansatz::number::{Dual, Real};
//!
//! fn kinetic<R: Real>(speed: R) -> R {
//!     speed * speed * 0.5 // the f64 stands on the right: `0.5 * speed` does not compile for a generic number
//! }
//!
//! assert_eq!(kinetic(3.0), 4.5);
//! let d = kinetic(Dual::<1>::variable(3.0, 0));
//! assert_eq!((d.value, d.tangent[0]), (4.5, 3.0));
//! ```
//!
//! `2.0 * x` cannot be offered for every `R`, because Rust's orphan rule forbids `impl Mul<R> for f64`; write
//! `x * 2.0`. `Real` has no ordering: formulas and lanes cannot answer `u > 0`. Use [`Real::select`],
//! [`Real::min`], [`Real::max`] and [`Real::abs`].

mod along;
mod dual;
mod expr;
mod formula;
mod lanes;
mod notation;
mod pattern;
pub mod simd;
mod taped;
pub(crate) mod wide;

pub(crate) use along::part;
pub use along::{Along, AlongMut};
pub use dual::Dual;
pub use expr::Expr;
pub use formula::{Formula, FormulaError};
pub use lanes::{LaneKernel, Lanes, dispatch_lanes};
pub use notation::{Addend, Coefficient, Notation, Style};
pub use pattern::{Dependence, Pattern};
pub use taped::Taped;

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Deref, DerefMut, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// A number that a mechanism can be evaluated with.
///
/// Implemented by `f64`, [`Dual`], [`Taped`], [`Lanes`] and [`Expr`]. All elementary functions have their usual meaning; outside their real
/// domain they give a non-finite value, which a solver takes as "not here" and answers with a smaller step.
pub trait Real:
    Copy
    + Debug
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + 'static
{
    /// The constant `x`.
    fn from_f64(x: f64) -> Self;
    /// $e^x$.
    fn exp(self) -> Self;
    /// $e^x - 1$, accurate near zero.
    fn exp_m1(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// $\ln(1 + x)$, accurate near zero.
    fn ln_1p(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// The sine.
    fn sin(self) -> Self;
    /// The cosine.
    fn cos(self) -> Self;
    /// The hyperbolic tangent.
    fn tanh(self) -> Self;
    /// The arc tangent.
    fn atan(self) -> Self;
    /// $x^k$ for a whole exponent.
    fn powi(self, k: i32) -> Self;
    /// $x^a$ for a constant exponent.
    fn powf(self, a: f64) -> Self;
    /// $|x|$; the derivative at zero is taken as zero.
    fn abs(self) -> Self;
    /// The smaller of two numbers.
    fn min(self, other: Self) -> Self;
    /// The larger of two numbers.
    fn max(self, other: Self) -> Self;
    /// `if_positive` where `self > 0`, otherwise `otherwise`.
    fn select(self, if_positive: Self, otherwise: Self) -> Self;

    /// Zero.
    #[inline(always)]
    fn zero() -> Self {
        Self::from_f64(0.0)
    }
    /// One.
    #[inline(always)]
    fn one() -> Self {
        Self::from_f64(1.0)
    }
    /// $x^2$.
    #[inline(always)]
    fn square(self) -> Self {
        self * self
    }
    /// $1/x$.
    #[inline(always)]
    fn recip(self) -> Self {
        Self::one() / self
    }
    /// The logistic function $1 / (1 + e^{-x})$.
    #[inline(always)]
    fn sigmoid(self) -> Self {
        ((-self).exp() + 1.0).recip()
    }
    /// $\ln(1 + e^x)$ without overflow.
    #[inline(always)]
    fn softplus(self) -> Self {
        self.max(Self::zero()) + (-self.abs()).exp().ln_1p()
    }
}

impl Real for f64 {
    #[inline(always)]
    fn from_f64(x: f64) -> f64 {
        x
    }
    #[inline(always)]
    fn exp(self) -> f64 {
        f64::exp(self)
    }
    #[inline(always)]
    fn exp_m1(self) -> f64 {
        f64::exp_m1(self)
    }
    #[inline(always)]
    fn ln(self) -> f64 {
        f64::ln(self)
    }
    #[inline(always)]
    fn ln_1p(self) -> f64 {
        f64::ln_1p(self)
    }
    #[inline(always)]
    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn sin(self) -> f64 {
        f64::sin(self)
    }
    #[inline(always)]
    fn cos(self) -> f64 {
        f64::cos(self)
    }
    #[inline(always)]
    fn tanh(self) -> f64 {
        f64::tanh(self)
    }
    #[inline(always)]
    fn atan(self) -> f64 {
        f64::atan(self)
    }
    #[inline(always)]
    fn powi(self, k: i32) -> f64 {
        // The same products as every other number forms, so that a formula gives the same bits in each.
        power_by_squaring(self, k)
    }
    #[inline(always)]
    fn powf(self, a: f64) -> f64 {
        f64::powf(self, a)
    }
    #[inline(always)]
    fn abs(self) -> f64 {
        f64::abs(self)
    }
    #[inline(always)]
    fn min(self, other: f64) -> f64 {
        // A NaN must not disappear: f64::min would drop it.
        if self < other || self.is_nan() { self } else { other }
    }
    #[inline(always)]
    fn max(self, other: f64) -> f64 {
        if self > other || self.is_nan() { self } else { other }
    }
    #[inline(always)]
    fn select(self, if_positive: f64, otherwise: f64) -> f64 {
        if self > 0.0 { if_positive } else { otherwise }
    }
    #[inline(always)]
    fn recip(self) -> f64 {
        1.0 / self
    }
}

/// Zeros to work in: on the stack where they are few, otherwise in a vector that this thread keeps for the next time, so
/// that large systems allocate once.
// In its box the vector goes to the pool, which keeps vectors of all types, and comes back without an allocation.
#[allow(clippy::box_collection)]
pub(crate) struct Zeros<R: Real> {
    few: [R; FEW],
    many: Option<Box<Vec<R>>>,
    len: usize,
}

const FEW: usize = 8;

/// Vectors kept for the next time, by the type of their numbers.
type Pool = Vec<(TypeId, Vec<Box<dyn Any>>)>;
thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Vec::new()) };
}

#[allow(clippy::box_collection)]
impl<R: Real> Zeros<R> {
    /// Takes `len` zeros.
    #[inline(always)]
    pub fn new(len: usize) -> Self {
        let many = if len <= FEW { None } else { Some(Self::take(len)) };
        Zeros { few: [R::zero(); FEW], many, len }
    }

    #[inline(never)]
    fn take(len: usize) -> Box<Vec<R>> {
        let kept = POOL.with_borrow_mut(|pool| {
            let (_, kept) = pool.iter_mut().find(|(number, _)| *number == TypeId::of::<R>())?;
            kept.pop()
        });
        let mut many = kept.and_then(|kept| kept.downcast::<Vec<R>>().ok()).unwrap_or_default();
        many.clear();
        many.resize(len, R::zero());
        many
    }

    #[inline(never)]
    fn keep(many: Box<Vec<R>>) {
        // While the thread ends there may be no pool any more.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            match pool.iter_mut().find(|(number, _)| *number == TypeId::of::<R>()) {
                Some((_, kept)) => kept.push(many),
                None => pool.push((TypeId::of::<R>(), vec![many])),
            }
        });
    }
}

impl<R: Real> Drop for Zeros<R> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(many) = self.many.take() {
            Self::keep(many);
        }
    }
}

impl<R: Real> Deref for Zeros<R> {
    type Target = [R];
    #[inline(always)]
    fn deref(&self) -> &[R] {
        match &self.many {
            None => &self.few[..self.len],
            Some(many) => many,
        }
    }
}

impl<R: Real> DerefMut for Zeros<R> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [R] {
        match &mut self.many {
            None => &mut self.few[..self.len],
            Some(many) => many,
        }
    }
}

/// $x^k$ by repeated squaring.
#[inline(always)]
fn power_by_squaring(x: f64, k: i32) -> f64 {
    let (mut base, mut left, mut power) = (x, k.unsigned_abs(), 1.0);
    while left > 0 {
        if left & 1 == 1 {
            power *= base;
        }
        left >>= 1;
        if left > 0 {
            base *= base;
        }
    }
    if k < 0 { 1.0 / power } else { power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_powers_match_the_standard_library() {
        for k in -6..=9 {
            for x in [-2.5, -1.0, 0.3, 1.7] {
                approx::assert_relative_eq!(Real::powi(x, k), f64::powi(x, k), max_relative = 4e-16);
            }
        }
    }

    #[test]
    fn a_nan_survives_min_and_max() {
        assert!(Real::min(f64::NAN, 1.0).is_nan());
        assert!(Real::max(f64::NAN, 1.0).is_nan());
        assert_eq!(Real::min(2.0, 1.0), 1.0);
        assert_eq!(Real::max(2.0, 1.0), 2.0);
    }

    #[test]
    fn softplus_does_not_overflow() {
        assert_eq!(Real::softplus(1000.0), 1000.0);
        assert_eq!(Real::softplus(-1000.0), 0.0);
        approx::assert_relative_eq!(Real::softplus(0.0), std::f64::consts::LN_2, max_relative = 1e-15);
    }
}
