//! Activation functions, each with its derivative, vectorised.

use crate::number::Real;
use crate::number::simd::{exp, tanh};
use serde::{Deserialize, Serialize};

/// The nonlinearity between the layers of an [`Mlp`](super::Mlp).
///
/// | | $\sigma(z)$ | when |
/// |---|---|---|
/// | `Tanh` | $\tanh z$ | the usual choice for smooth right-hand sides |
/// | `Sigmoid` | $1/(1+e^{-z})$ | saturating responses |
/// | `Softplus` | $\ln(1+e^z)$ | growth without a ceiling, smooth |
/// | `Swish` | $z/(1+e^{-z})$ | deeper networks |
/// | `Rbf` | $e^{-z^2}$ | local features; the published Lotka–Volterra study uses it |
/// | `Relu` | $\max(0, z)$ | not smooth: it breaks the order of a solver; there for comparison |
/// | `Identity` | $z$ | linear maps |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// $\tanh z$.
    Tanh,
    /// $1 / (1 + e^{-z})$.
    Sigmoid,
    /// $\ln(1 + e^z)$.
    Softplus,
    /// $z / (1 + e^{-z})$.
    Swish,
    /// $e^{-z^2}$.
    Rbf,
    /// $\max(0, z)$.
    Relu,
    /// $z$.
    Identity,
}

impl Activation {
    /// $\sigma(z)$ over any number.
    pub fn evaluate<R: Real>(self, z: R) -> R {
        match self {
            Activation::Tanh => z.tanh(),
            Activation::Sigmoid => z.sigmoid(),
            Activation::Softplus => z.softplus(),
            Activation::Swish => z * z.sigmoid(),
            Activation::Rbf => (-(z * z)).exp(),
            Activation::Relu => z.max(R::zero()),
            Activation::Identity => z,
        }
    }

    /// Replaces each $z$ by $\sigma(z)$ and, if asked, writes $\sigma'(z)$ to `slope`. Both lengths are multiples of four.
    #[inline(always)]
    pub(super) fn apply<const FMA: bool, const SLOPE: bool>(self, z: &mut [f64], slope: &mut [f64]) {
        match self {
            Activation::Tanh => each::<SLOPE>(z, slope, |z| {
                let t = tanh::<FMA>(z);
                (t, 1.0 - t * t)
            }),
            Activation::Sigmoid => each::<SLOPE>(z, slope, |z| {
                let s = 1.0 / (1.0 + exp::<FMA>(-z));
                (s, s * (1.0 - s))
            }),
            Activation::Softplus => each::<SLOPE>(z, slope, |z| {
                let e = exp::<FMA>(-z.abs());
                let larger = 1.0 / (1.0 + e);
                (z.max(0.0) + e.ln_1p(), if z > 0.0 { larger } else { e * larger })
            }),
            Activation::Swish => each::<SLOPE>(z, slope, |z| {
                let s = 1.0 / (1.0 + exp::<FMA>(-z));
                (z * s, s + z * s * (1.0 - s))
            }),
            Activation::Rbf => each::<SLOPE>(z, slope, |z| {
                let e = exp::<FMA>(-(z * z));
                (e, -2.0 * z * e)
            }),
            Activation::Relu => each::<SLOPE>(z, slope, |z| if z > 0.0 { (z, 1.0) } else { (0.0 * z, 0.0) }),
            Activation::Identity => each::<SLOPE>(z, slope, |z| (z, 1.0)),
        }
    }
}

/// Four at a time, so that the loop becomes wide instructions.
#[inline(always)]
fn each<const SLOPE: bool>(z: &mut [f64], slope: &mut [f64], function: impl Fn(f64) -> (f64, f64)) {
    let (chunks, _) = z.as_chunks_mut::<4>();
    if SLOPE {
        let (slopes, _) = slope.as_chunks_mut::<4>();
        for (chunk, slope) in chunks.iter_mut().zip(slopes) {
            // Through local arrays: stores to two places at once would keep the loop from being vectorised.
            let (mut values, mut slopes) = ([0.0; 4], [0.0; 4]);
            for i in 0..4 {
                (values[i], slopes[i]) = function(chunk[i]);
            }
            (*chunk, *slope) = (values, slopes);
        }
    } else {
        for chunk in chunks {
            let mut values = [0.0; 4];
            for i in 0..4 {
                values[i] = function(chunk[i]).0;
            }
            *chunk = values;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Dual;

    pub(crate) const ALL: [Activation; 7] = [
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Softplus,
        Activation::Swish,
        Activation::Rbf,
        Activation::Relu,
        Activation::Identity,
    ];

    /// The vectorised value and slope equal the generic ones, which come from the standard library and dual numbers.
    #[test]
    fn vectorised_equals_generic() {
        let points = [-30.0, -3.1, -1.0, -1e-3, 1e-3, 0.2, 2.7, 30.0];
        for activation in ALL {
            for fused in [false, true] {
                let (mut a, mut slope) = (points, [0.0; 8]);
                if fused {
                    activation.apply::<true, true>(&mut a, &mut slope);
                } else {
                    activation.apply::<false, true>(&mut a, &mut slope);
                }
                let mut plain = points;
                activation.apply::<true, false>(&mut plain, &mut []);
                for (k, z) in points.into_iter().enumerate() {
                    let exact = activation.evaluate(Dual::<1>::variable(z, 0));
                    approx::assert_relative_eq!(a[k], exact.value, max_relative = 1e-14);
                    approx::assert_relative_eq!(plain[k], exact.value, max_relative = 1e-14);
                    approx::assert_relative_eq!(slope[k], exact.tangent[0], max_relative = 1e-13, epsilon = 1e-15);
                }
            }
        }
    }

    #[test]
    fn a_nan_is_not_hidden() {
        for activation in ALL {
            let mut z = [f64::NAN; 4];
            activation.apply::<true, false>(&mut z, &mut []);
            assert!(z[0].is_nan(), "{activation:?}");
        }
    }
}
