//! Reaction and diffusion on a torus.

mod reference;

use super::between::table;
use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;

/// The Brusselator with diffusion in two dimensions and a source that is switched on,
///
/// $$ u_t = B + u^2 v - (A + 1) u + c \Delta_5 u + f(x, y, t), \qquad v_t = A u - u^2 v + c \Delta_5 v, $$
///
/// on a periodic $N \times N$ grid $x_i = i / (N - 1)$, $y_j = j / (N - 1)$, $i, j = 0 … N - 1$, with
/// $c = \alpha (N - 1)^2$, the five-point sum
/// $\Delta_5 w = w_{i-1,j} + w_{i+1,j} + w_{i,j-1} + w_{i,j+1} - 4 w_{ij}$, $f = 5$ for $t \ge 1.1$ within $0.1$ of
/// $(0.3, 0.6)$, else $0$, and $u = 22 (y (1 - y))^{3/2}$, $v = 27 (x (1 - x))^{3/2}$ at $t = 0$. State
/// $(N i + j) \cdot 2$ is $u_{ij}$, the next one $v_{ij}$; up to $t = 11.5$.
///
/// Large and sparse: what a method does with its linear systems decides. The source jumps at $t = 1.1$. Catalogued
/// with $N = 32$, 2048 equations; any $N \ge 2$ may be chosen.
///
/// Source: E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, 2nd ed., 1996, section IV.10; in this
/// form (grid, parameters, diffusion) the example of DifferentialEquations.jl. Reference: collocation of order 17 in
/// 19 digits, with the diffusion solved in Fourier modes; explicit extrapolation in 19 digits agrees to 14.6 digits.
/// Both stop at the jump.
#[derive(Clone, Copy, Debug)]
pub struct Brusselator2d {
    /// Grid points $N$ in each direction.
    pub points: usize,
}

impl Default for Brusselator2d {
    fn default() -> Self {
        Brusselator2d { points: 32 }
    }
}

impl Brusselator2d {
    /// $A, B, \alpha$.
    pub const PARAMETERS: [f64; 3] = [3.4, 1.0, 10.0];
    /// The time at which the source is switched on.
    pub const JUMP: f64 = 1.1;
    /// The final time.
    pub const END: f64 = 11.5;
    /// The source's strength, centre and radius.
    const SOURCE: (f64, [f64; 2], f64) = (5.0, [0.3, 0.6], 0.1);

    /// The state at $t = 0$.
    pub fn initial(&self) -> Vec<f64> {
        let bump = |k: usize| (self.place(k) * (1.0 - self.place(k))).powf(1.5);
        (0..self.points).flat_map(|i| (0..self.points).flat_map(move |j| [22.0 * bump(j), 27.0 * bump(i)])).collect()
    }

    /// Where the $k$-th row or column lies.
    #[inline(always)]
    fn place(&self, k: usize) -> f64 {
        k as f64 / (self.points - 1) as f64
    }
}

impl Model for Brusselator2d {
    fn states(&self) -> Names {
        let n = self.points;
        let names = |i: usize| (0..n).flat_map(move |j| ["u", "v"].map(|s| format!("{s}[{i},{j}]")));
        (0..n).flat_map(names).collect::<Vec<_>>().into()
    }
    fn parameters(&self) -> Names {
        ["a", "b", "alpha"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [a, b, alpha] = p.parameters();
        let n = self.points;
        if n < 2 {
            du.fill(R::from_f64(f64::NAN));
            return;
        }
        let c = alpha * ((n - 1) * (n - 1)) as f64;
        let a1 = a + 1.0;
        let cell = |du: &mut [R], here: &[R], around: [&[R]; 4]| {
            let [north, south, west, east] = around;
            let reaction = here[0] * here[0] * here[1];
            let spread = |s: usize| (north[s] + south[s] + west[s] + east[s] - here[s] * 4.0) * c;
            du[0] = spread(0) + b + reaction - a1 * here[0];
            du[1] = spread(1) + a * here[0] - reaction;
        };
        let width = 2 * n;
        for i in 0..n {
            let line = |i: usize| &u[i * width..(i + 1) * width];
            let here = line(i);
            let north = line(if i == 0 { n - 1 } else { i - 1 });
            let south = line(if i + 1 == n { 0 } else { i + 1 });
            let out = &mut du[i * width..(i + 1) * width];
            let inner = out[2..].chunks_exact_mut(2).zip(north[2..].chunks_exact(2).zip(south[2..].chunks_exact(2)));
            for ((du, (north, south)), row) in inner.zip(here.windows(6).step_by(2)) {
                cell(du, &row[2..4], [north, south, &row[..2], &row[4..]]);
            }
            let last = width - 2;
            cell(&mut out[..2], &here[..2], [&north[..2], &south[..2], &here[last..], &here[2..4]]);
            cell(&mut out[last..], &here[last..], [&north[last..], &south[last..], &here[last - 2..last], &here[..2]]);
        }
        let (strength, [x, y], radius) = Self::SOURCE;
        // Not `t > 1.1`: at that very time the source is on.
        let source = (-t + Self::JUMP).select(R::zero(), R::from_f64(strength));
        for i in 0..n {
            let dx = self.place(i) - x;
            let rest = radius * radius - dx * dx;
            if rest < 0.0 {
                continue;
            }
            for j in 0..n {
                let dy = self.place(j) - y;
                if dy * dy <= rest {
                    du[i * width + 2 * j] += source;
                }
            }
        }
    }
}

pub(super) fn problem() -> Problem {
    Problem {
        name: "brusselator2d_32",
        title: "Brusselator 2-D, 32 × 32",
        kind: Kind::Parabolic,
        parameters: Brusselator2d::PARAMETERS.into(),
        initial: Brusselator2d::default().initial(),
        start: 0.0,
        end: Brusselator2d::END,
        atol_factor: 1.0,
        condition: 46.99,
        condition_between: Vec::new(),
        discontinuities: vec![Brusselator2d::JUMP],
        reference: Reference {
            state: reference::FINAL.into(),
            between: table(include_str!("../between/brusselator_2d.txt")),
            digits: 14.6,
            digits_between: 15.3,
            source: "collocation of order 17 and extrapolation in 19 digits",
        },
        exact: None,
        system: bind(&Brusselator2d { points: 32 }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::eval;
    use super::*;
    use std::f64::consts::TAU;

    /// A wave on the torus is an eigenfunction of the five-point sum.
    #[test]
    fn waves_diffuse_with_their_eigenvalue() {
        let model = Brusselator2d { points: 8 };
        let wave = |i: usize, j: usize| (TAU * (2.0 * i as f64 + 3.0 * j as f64) / 8.0).cos();
        let u: Vec<f64> = (0..8).flat_map(|i| (0..8).flat_map(move |j| [0.0, wave(i, j)])).collect();
        let [_, b, alpha] = Brusselator2d::PARAMETERS;
        let f = eval(&model, 0.5, &u, &Brusselator2d::PARAMETERS);
        let eigenvalue = alpha * 49.0 * (2.0 * (TAU * 2.0 / 8.0).cos() + 2.0 * (TAU * 3.0 / 8.0).cos() - 4.0);
        for (k, f) in f.chunks(2).enumerate() {
            approx::assert_abs_diff_eq!(f[0], b, epsilon = 1e-12);
            approx::assert_abs_diff_eq!(f[1], eigenvalue * wave(k / 8, k % 8), epsilon = 1e-9);
        }
    }

    /// Twenty-nine points of the grid lie within a tenth of the centre, all of them clearly inside or outside.
    #[test]
    fn the_source_is_a_disc_that_is_switched_on() {
        let model = Brusselator2d::default();
        let u = vec![0.0; 2048];
        let off = eval(&model, 1.1 - 1e-12, &u, &Brusselator2d::PARAMETERS);
        assert!(off.chunks(2).all(|f| f[0] == 1.0 && f[1] == 0.0));
        let on = eval(&model, 1.1, &u, &Brusselator2d::PARAMETERS);
        let within: Vec<usize> = (0..1024).filter(|k| on[2 * k] == 6.0).collect();
        let count_by_hand = (0..32)
            .flat_map(|i| (0..32).map(move |j| (f64::from(i) / 31.0 - 0.3).hypot(f64::from(j) / 31.0 - 0.6)))
            .filter(|r| {
                assert!((r - 0.1).abs() > 1e-6, "a point on the rim");
                *r < 0.1
            })
            .count();
        assert_eq!(within.len(), count_by_hand);
        assert!(on.chunks(2).all(|f| f[1] == 0.0 && (f[0] == 1.0 || f[0] == 6.0)));
        // The nearest point to the centre: 9/31 = 0.29, 19/31 = 0.61.
        assert!(within.contains(&(32 * 9 + 19)));
    }
}
