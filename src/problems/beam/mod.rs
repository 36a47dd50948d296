//! An elastic beam.

mod reference;

use super::between::table;
use super::names_in_blocks;
use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;
use std::f64::consts::PI;

/// The beam: an elastic, inextensible, thin beam of length one, clamped at one end, pulled at the other by
/// $F_u = -\varphi$, $F_v = \varphi$ with $\varphi(t) = \tfrac32 \sin^2 t$ until $t = \pi$, then zero. With the
/// angles $\theta_l$ of $N$ segments,
///
/// $$ \ddot\theta = C v + D w, \qquad C w = D v + \dot\theta^2, $$
/// $$ v_l = N^4 (\theta_{l-1} - 2 \theta_l + \theta_{l+1}) + N^2 (F_v \cos \theta_l - F_u \sin \theta_l), \qquad
///    \theta_0 = -\theta_1, \quad \theta_{N+1} = \theta_N, $$
///
/// where $C$ is tridiagonal with $1, 2, …, 2, 3$ on the diagonal and $-\cos(\theta_l - \theta_{l \pm 1})$ beside it,
/// and $D$ has $-\sin(\theta_l - \theta_{l \pm 1})$ there. $C + i D$ is the inverse of the matrix with entries
/// $(N + \tfrac12 - \max(l, k)) e^{i (\theta_l - \theta_k)}$ in Lagrange's equations, so an evaluation costs of the
/// order of $N$ operations.
///
/// States $\theta_1 … \theta_N, \dot\theta_1 … \dot\theta_N$, all from zero, up to $t = 5$. Its Jacobian is dense and
/// its eigenvalues lie on the imaginary axis up to about $6400 i$: methods that are not A-stable take tens of
/// thousands of steps, others a hundred. Catalogued with $N = 40$, 80 equations.
///
/// Source: E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, 2nd ed., 1996, section IV.1; *Test Set
/// for IVP Solvers*, release 2.4, 2008, `beam`. Reference: extrapolation of order 28 in 33 digits, which agrees with
/// a Gauss collocation of order 24 in 19 digits to 13.2 digits. The test set's angles agree to $6 \cdot 10^{-14}$,
/// its velocities to $7 \cdot 10^{-11}$: they carry the rounding of $N^4 \theta$ in doubles, below which no solver in
/// doubles gets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beam<const N: usize>;

impl<const N: usize> Beam<N> {
    /// The time at which the force ends; its second derivative jumps there.
    pub const FORCE_ENDS: f64 = PI;
    /// The final time.
    pub const END: f64 = 5.0;

    /// The state at $t = 0$.
    pub fn initial(&self) -> Vec<f64> {
        vec![0.0; 2 * N]
    }
}

impl<const N: usize> Model for Beam<N> {
    fn states(&self) -> Names {
        names_in_blocks(&["theta", "omega"], N)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let (Some((angle, velocity)), Some((rate, acceleration))) = (u.split_at_checked(N), du.split_at_mut_checked(N))
        else {
            return;
        };
        rate.copy_from_slice(velocity);
        if N < 2 {
            acceleration.fill(R::from_f64(f64::NAN));
            return;
        }
        let n2 = (N * N) as f64;
        let sine = t.sin();
        let force = (-t + PI).select(sine * sine * (1.5 * n2), R::zero());

        let mut v = [R::zero(); N];
        let mut before = -angle[0];
        for l in 0..N {
            let here = angle[l];
            let after = if l + 1 < N { angle[l + 1] } else { here };
            v[l] = (before - here * 2.0 + after) * (n2 * n2) + force * (here.cos() + here.sin());
            before = here;
        }
        // Of the joint between segments l and l + 1.
        let (mut cosine, mut sine) = ([R::zero(); N], [R::zero(); N]);
        for l in 0..N - 1 {
            let bend = angle[l + 1] - angle[l];
            (cosine[l], sine[l]) = (bend.cos(), bend.sin());
        }
        // C w = D v + θ'², eliminated from the free end, where the diagonal is largest.
        let (mut w, mut pivot) = ([R::zero(); N], [R::zero(); N]);
        let mut multiplier = R::zero();
        for l in (0..N).rev() {
            let mut right = velocity[l] * velocity[l];
            if l + 1 < N {
                right += sine[l] * v[l + 1];
            }
            if l > 0 {
                right -= sine[l - 1] * v[l - 1];
            }
            pivot[l] = R::from_f64(diagonal::<N>(l));
            if l + 1 < N {
                pivot[l] -= multiplier * cosine[l];
                right += multiplier * w[l + 1];
            }
            w[l] = right;
            if l > 0 {
                multiplier = cosine[l - 1] / pivot[l];
            }
        }
        w[0] /= pivot[0];
        for l in 1..N {
            w[l] = (w[l] + cosine[l - 1] * w[l - 1]) / pivot[l];
        }
        for l in 0..N {
            let mut sum = v[l] * diagonal::<N>(l);
            if l > 0 {
                sum -= cosine[l - 1] * v[l - 1] + sine[l - 1] * w[l - 1];
            }
            if l + 1 < N {
                sum += sine[l] * w[l + 1] - cosine[l] * v[l + 1];
            }
            acceleration[l] = sum;
        }
    }
}

/// The diagonal of $C$.
#[inline(always)]
fn diagonal<const N: usize>(l: usize) -> f64 {
    if l == 0 {
        1.0
    } else if l + 1 == N {
        3.0
    } else {
        2.0
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "beam_40",
        title: "Beam, N = 40",
        kind: Kind::Stiff,
        parameters: Vec::new(),
        initial: Beam::<40>.initial(),
        start: 0.0,
        end: Beam::<40>::END,
        atol_factor: 0.1,
        condition: 100700.0,
        condition_between: Vec::new(),
        discontinuities: vec![Beam::<40>::FORCE_ENDS],
        reference: Reference {
            state: reference::FINAL.into(),
            between: table(include_str!("../between/beam.txt")),
            digits: 13.2,
            digits_between: 11.8,
            source: "extrapolation in 33 digits, Gauss collocation in 19, Test Set for IVP Solvers",
        },
        exact: None,
        system: bind(&Beam::<40>),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{eval, spread};
    use super::*;

    /// The equations before the matrices were inverted:
    /// $\sum_k g_{lk} \cos(\theta_l - \theta_k) \ddot\theta_k = v_l - \sum_k g_{lk} \sin(\theta_l - \theta_k) \dot\theta_k^2$
    /// with $g_{lk} = N + \tfrac12 - \max(l, k)$.
    #[test]
    fn it_solves_lagranges_equations() {
        const N: usize = 7;
        let y: Vec<f64> = spread(2 * N).iter().map(|y| y - 0.4).collect();
        let (theta, omega) = y.split_at(N);
        for t in [1.2, 4.0] {
            let f = eval(&Beam::<N>, t, &y, &[]);
            assert_eq!(f[..N], *omega);
            let phi = if t < PI { 1.5 * f64::sin(t).powi(2) } else { 0.0 };
            let n = N as f64;
            for l in 0..N {
                let before = if l == 0 { -theta[0] } else { theta[l - 1] };
                let after = if l + 1 == N { theta[l] } else { theta[l + 1] };
                let v = n.powi(4) * (before - 2.0 * theta[l] + after)
                    + n.powi(2) * (phi * theta[l].cos() + phi * theta[l].sin());
                let mut residual = -v;
                for k in 0..N {
                    let g = n - 0.5 - l.max(k) as f64;
                    residual += g * (theta[l] - theta[k]).cos() * f[N + k];
                    residual += g * (theta[l] - theta[k]).sin() * omega[k] * omega[k];
                }
                assert!(residual.abs() < 1e-9, "{l}: {residual:e} of {v:e}");
            }
        }
    }

    #[test]
    fn the_test_set_agrees() {
        let state = problem().reference.state;
        let published = [
            (10, -0.9119134654647947e-1),
            (20, -0.1483595472463012),
            (30, -0.1725821847462537),
            (40, -0.1767201761075488),
            (41, 0.3747362681329794e-1),
            (60, 0.9868747821728363),
            (80, 0.1186724615113034e1),
        ];
        for (component, value) in published {
            // Its velocities carry the rounding of n⁴ θ in doubles, its angles do not.
            let epsilon = if component <= 40 { 1e-13 } else { 1e-10 };
            approx::assert_abs_diff_eq!(state[component - 1], value, epsilon = epsilon);
        }
    }
}
