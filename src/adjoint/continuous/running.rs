//! The integrand of a loss, behind a pointer, so that the adjoint equations are compiled once for all losses.

use crate::adjoint::loss::{Loss, integrand};
use crate::number::{Along, AlongMut, Dual, Real, Taped, Zeros};

/// $g(t, u, p)$ with its derivatives.
pub(super) trait Running {
    /// Adds $w g_u$ to `u_bar` and $w g_p$ to `p_bar`, and gives $g$.
    fn add(&self, at: (f64, &[f64], &[f64]), weight: f64, u_bar: &mut [f64], p_bar: &mut [f64]) -> f64;
    /// Adds the derivatives of $g_u$ and $g_p$ along $(\dot t, \dot u)$.
    fn add_along(&self, t: (f64, f64), u: Along<'_>, p: &[f64], bars: AlongMut<'_>);
}

/// A loss as its integrand.
pub(super) struct IntegrandOf<'l, L: ?Sized>(pub &'l L);

impl<L: Loss + ?Sized> Running for IntegrandOf<'_, L> {
    fn add(&self, at: (f64, &[f64], &[f64]), weight: f64, u_bar: &mut [f64], p_bar: &mut [f64]) -> f64 {
        integrand(self.0, at, weight, u_bar, p_bar)
    }

    fn add_along(&self, t: (f64, f64), (u, u_dot): Along<'_>, p: &[f64], (u_bar, p_bar): AlongMut<'_>) {
        let n = u.len();
        let (mut x, mut slopes) = (Zeros::<f64>::new(n + p.len()), Zeros::<f64>::new(n + p.len()));
        x[..n].copy_from_slice(u);
        x[n..].copy_from_slice(p);
        Taped::gradient(&x, &mut slopes, |x| {
            let along = |value: Taped, dot: f64| Dual::<1, Taped> { value, tangent: [Taped::from_f64(dot)] };
            let u: Vec<_> = x[..n].iter().zip(u_dot).map(|(x, dot)| along(*x, *dot)).collect();
            let p: Vec<_> = x[n..].iter().map(|x| along(*x, 0.0)).collect();
            self.0.integrand(along(Taped::from_f64(t.0), t.1), &u, &p).tangent[0]
        });
        u_bar.iter_mut().zip(&slopes[..n]).for_each(|(bar, slope)| *bar += slope);
        p_bar.iter_mut().zip(&slopes[n..]).for_each(|(bar, slope)| *bar += slope);
    }
}
