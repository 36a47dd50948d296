//! Activation functions, each with its first and second derivative, vectorised.

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

    /// Replaces each $z$ by $\sigma(z)$; from `ORDER` one on writes $\sigma'(z)$ to `slope`, from two on $\sigma''(z)$ to
    /// `curvature`. All lengths are multiples of four.
    #[inline(always)]
    pub(super) fn apply<const FMA: bool, const ORDER: usize>(
        self,
        z: &mut [f64],
        slope: &mut [f64],
        curvature: &mut [f64],
    ) {
        match self {
            Activation::Tanh => each::<ORDER>(z, slope, curvature, |z| {
                let t = tanh::<FMA>(z);
                let slope = 1.0 - t * t;
                (t, slope, -2.0 * t * slope)
            }),
            Activation::Sigmoid => each::<ORDER>(z, slope, curvature, |z| {
                let s = 1.0 / (1.0 + exp::<FMA>(-z));
                let slope = s * (1.0 - s);
                (s, slope, slope * (1.0 - 2.0 * s))
            }),
            Activation::Softplus => each::<ORDER>(z, slope, curvature, |z| {
                let e = exp::<FMA>(-z.abs());
                let larger = 1.0 / (1.0 + e);
                let smaller = e * larger;
                (z.max(0.0) + e.ln_1p(), if z > 0.0 { larger } else { smaller }, larger * smaller)
            }),
            Activation::Swish => each::<ORDER>(z, slope, curvature, |z| {
                let s = 1.0 / (1.0 + exp::<FMA>(-z));
                (z * s, s + z * s * (1.0 - s), s * (1.0 - s) * (2.0 + z * (1.0 - 2.0 * s)))
            }),
            Activation::Rbf => each::<ORDER>(z, slope, curvature, |z| {
                let e = exp::<FMA>(-(z * z));
                let slope = -2.0 * z * e;
                // (4z² − 2) e without z², which may be infinite where e is zero.
                (e, slope, -2.0 * (e + z * slope))
            }),
            Activation::Relu => {
                each::<ORDER>(z, slope, curvature, |z| if z > 0.0 { (z, 1.0, 0.0) } else { (0.0 * z, 0.0, 0.0) });
            }
            Activation::Identity => each::<ORDER>(z, slope, curvature, |z| (z, 1.0, 0.0)),
        }
    }
}

/// Four at a time, so that the loop becomes wide instructions.
#[inline(always)]
fn each<const ORDER: usize>(
    z: &mut [f64],
    slope: &mut [f64],
    curvature: &mut [f64],
    function: impl Fn(f64) -> (f64, f64, f64),
) {
    let (chunks, _) = z.as_chunks_mut::<4>();
    // Through local arrays: stores to several places at once would keep the loops from being vectorised.
    let (mut values, mut slopes, mut curvatures) = ([0.0; 4], [0.0; 4], [0.0; 4]);
    match ORDER {
        0 => {
            for chunk in chunks {
                for i in 0..4 {
                    values[i] = function(chunk[i]).0;
                }
                *chunk = values;
            }
        }
        1 => {
            for (chunk, slope) in chunks.iter_mut().zip(slope.as_chunks_mut::<4>().0) {
                for i in 0..4 {
                    (values[i], slopes[i], _) = function(chunk[i]);
                }
                (*chunk, *slope) = (values, slopes);
            }
        }
        _ => {
            let (slope, _) = slope.as_chunks_mut::<4>();
            let (curvature, _) = curvature.as_chunks_mut::<4>();
            for ((chunk, slope), curvature) in chunks.iter_mut().zip(slope).zip(curvature) {
                for i in 0..4 {
                    (values[i], slopes[i], curvatures[i]) = function(chunk[i]);
                }
                (*chunk, *slope, *curvature) = (values, slopes, curvatures);
            }
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

    /// The vectorised value, slope and curvature equal the generic ones, which come from the standard library and nested
    /// dual numbers.
    #[test]
    fn vectorised_equals_generic() {
        let points = [-30.0, -3.1, -1.0, -1e-3, 1e-3, 0.2, 2.7, 30.0];
        for activation in ALL {
            for fused in [false, true] {
                let (mut a, mut slope, mut curvature) = (points, [0.0; 8], [0.0; 8]);
                let (mut a_once, mut slope_once) = (points, [0.0; 8]);
                if fused {
                    activation.apply::<true, 1>(&mut a_once, &mut slope_once, &mut []);
                    activation.apply::<true, 2>(&mut a, &mut slope, &mut curvature);
                } else {
                    activation.apply::<false, 1>(&mut a_once, &mut slope_once, &mut []);
                    activation.apply::<false, 2>(&mut a, &mut slope, &mut curvature);
                }
                assert_eq!((a, slope), (a_once, slope_once), "{activation:?}");
                let mut plain = points;
                activation.apply::<true, 0>(&mut plain, &mut [], &mut []);
                for (k, z) in points.into_iter().enumerate() {
                    let Dual { value: exact, tangent: [slopes] } =
                        activation.evaluate(Dual::<1, Dual<1>>::variable(Dual::variable(z, 0), 0));
                    approx::assert_relative_eq!(a[k], exact.value, max_relative = 1e-14);
                    approx::assert_relative_eq!(plain[k], exact.value, max_relative = 1e-14);
                    approx::assert_relative_eq!(slope[k], slopes.value, max_relative = 1e-13, epsilon = 1e-15);
                    approx::assert_relative_eq!(curvature[k], slopes.tangent[0], max_relative = 1e-12, epsilon = 1e-14);
                }
            }
        }
    }

    /// Far out a curvature is zero, and none is lost to an overflow on the way.
    #[test]
    fn curvature_far_out() {
        for activation in ALL {
            let mut curvature = [f64::NAN; 4];
            activation.apply::<true, 2>(&mut [-1e200, -800.0, 800.0, 1e200], &mut [0.0; 4], &mut curvature);
            assert_eq!(curvature.map(f64::abs), [0.0; 4], "{activation:?}");
        }
    }

    #[test]
    fn a_nan_is_not_hidden() {
        for activation in ALL {
            let mut z = [f64::NAN; 4];
            activation.apply::<true, 0>(&mut z, &mut [], &mut []);
            assert!(z[0].is_nan(), "{activation:?}");
        }
    }
}
