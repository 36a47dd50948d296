//! The Brusselator in two dimensions with fields of parameters: a gradient by twice as many parameters as there are states.
//!
//! That of the adjoint benchmarks of SciMLBenchmarks.jl (`benchmarks/AdjointDifferentiation/BrussScaling.jmd`), after Y. Ma,
//! V. Dixit, M. Innes, X. Guo, C. Rackauckas, *A Comparison of Automatic Differentiation and Continuous Sensitivity Analysis
//! for Derivatives of Differential Equation Solutions*, IEEE HPEC 2021.

use ansatz::prelude::*;

/// On a periodic $N \times N$ grid $x_i = i / (N - 1)$, $y_j = j / (N - 1)$, $i, j = 0 … N - 1$, with
/// $\Delta_5 w = (w_{i-1,j} + w_{i+1,j} + w_{i,j-1} + w_{i,j+1} - 4 w_{ij}) (N - 1)^2$,
///
/// $$ u_t = B_{ij} + u^2 v - (A_{ij} + 1) u + \alpha^u_{ij} \Delta_5 u + f, \qquad
/// v_t = A_{ij} u - u^2 v + \alpha^v_{ij} \Delta_5 v , $$
///
/// $f = 5$ for $t \ge 1.1$ within $0.1$ of $(0.3, 0.6)$, else $0$. All $u$, then all $v$, $i$ running fastest; parameters are
/// $A$, $B$, $\alpha^u$, $\alpha^v$ in the same order: $2 N^2$ states, $4 N^2$ parameters.
pub struct BrusselatorFields {
    pub points: usize,
}

impl BrusselatorFields {
    /// $u = 22 (y (1 - y))^{3/2}$, $v = 27 (x (1 - x))^{3/2}$.
    pub fn initial(&self) -> Vec<f64> {
        let n = self.points;
        let bump = |k: usize| (self.place(k) * (1.0 - self.place(k))).powf(1.5);
        let u = (0..n * n).map(|c| 22.0 * bump(c / n));
        let v = (0..n * n).map(|c| 27.0 * bump(c % n));
        u.chain(v).collect()
    }

    /// $A = 3.4$, $B = 1$, $\alpha = 10$ everywhere.
    pub fn values(&self) -> Vec<f64> {
        let cells = self.points * self.points;
        [(3.4, cells), (1.0, cells), (10.0, 2 * cells)].iter().flat_map(|(p, count)| vec![*p; *count]).collect()
    }

    /// $0, 0.1, …, 1$.
    pub fn times() -> Vec<f64> {
        (0..=10).map(|k| f64::from(k) / 10.0).collect()
    }

    /// $\sum \frac12 (1 - u)^2$ over all states at all times, and its derivative.
    pub fn loss(states: &[f64], bar: &mut [f64]) -> f64 {
        for (bar, u) in bar.iter_mut().zip(states) {
            *bar = u - 1.0;
        }
        states.iter().map(|u| 0.5 * (1.0 - u).powi(2)).sum()
    }

    /// The tolerances of the benchmark are 1e-7, relative, and 1e-5, absolute.
    pub fn options(method: Method, rtol: f64, atol: f64) -> Options {
        Options { method, rtol, atol: atol.into(), max_steps: Some(1_000_000), ..Options::default() }
    }

    fn place(&self, k: usize) -> f64 {
        k as f64 / (self.points - 1) as f64
    }
}

impl Model for BrusselatorFields {
    fn states(&self) -> Names {
        let names = |s: &'static str| (0..self.points * self.points).map(move |c| format!("{s}{c}"));
        names("u").chain(names("v")).collect::<Vec<_>>().into()
    }
    fn parameters(&self) -> Names {
        let names = |s: &'static str| (0..self.points * self.points).map(move |c| format!("{s}{c}"));
        ["a", "b", "alpha_u", "alpha_v"].into_iter().flat_map(names).collect::<Vec<_>>().into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let n = self.points;
        let cells = n * n;
        let (u, v) = u.split_at(cells);
        let (a, rest) = p.all().split_at(cells);
        let (b, rest) = rest.split_at(cells);
        let (alpha_u, alpha_v) = rest.split_at(cells);
        let (du, dv) = du.split_at_mut(cells);
        let inverse = ((n - 1) * (n - 1)) as f64;
        // Not `t > 1.1`: at that very time the source is on.
        let source = (-t + 1.1).select(R::zero(), R::from_f64(5.0));
        for j in 0..n {
            let (below, above) = (if j == 0 { n - 1 } else { j - 1 }, if j + 1 == n { 0 } else { j + 1 });
            for i in 0..n {
                let (left, right) = (if i == 0 { n - 1 } else { i - 1 }, if i + 1 == n { 0 } else { i + 1 });
                let c = i + n * j;
                let around = [left + n * j, right + n * j, i + n * above, i + n * below];
                let laplace =
                    |w: &[R]| (w[around[0]] + w[around[1]] + w[around[2]] + w[around[3]] - w[c] * 4.0) * inverse;
                let reaction = u[c] * u[c] * v[c];
                du[c] = alpha_u[c] * laplace(u) + b[c] + reaction - (a[c] + 1.0) * u[c];
                dv[c] = alpha_v[c] * laplace(v) + a[c] * u[c] - reaction;
                if (self.place(i) - 0.3).powi(2) + (self.place(j) - 0.6).powi(2) <= 0.01 {
                    du[c] += source;
                }
            }
        }
    }
}
