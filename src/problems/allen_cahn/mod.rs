//! Phases that separate, and then take their time.

mod reference;

use super::between::table;
use super::names_in_blocks;
use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Differentiable, Model, Names, Params};
use crate::number::Real;
use std::f64::consts::PI;

/// The Allen–Cahn equation in one dimension,
///
/// $$ u_t = \varepsilon u_{xx} + u - u^3, \qquad u(-1, t) = -1, \quad u(1, t) = 1, \qquad
///    u(x, 0) = 0.53 x + 0.47 \sin(-\tfrac32 \pi x), $$
///
/// by central differences at $N$ interior points $x_i = -1 + 2 i / (N + 1)$. Up to $t = 70$.
///
/// After a short transient the solution seems to rest in a state with three interfaces, until at $t \approx 38$ they
/// meet in the middle, where one is left: a step control that trusts the rest too much jumps over that. Initial errors
/// grow by about $10^5$ in between. The spectrum is real, to $-4 \varepsilon / h^2 \approx -404$ for $N = 200$.
/// Catalogued with $N = 100$ and $N = 200$; any $N$ may be chosen.
///
/// Source: L. N. Trefethen, *Spectral Methods in MATLAB*, SIAM 2000, program 34; A.-K. Kassam, L. N. Trefethen,
/// *Fourth-order time-stepping for stiff PDEs*, SIAM J. Sci. Comput. 26 (2005) 1214–1233 (there on Chebyshev points).
/// Reference: collocation of order 17 and extrapolation, both in 33 digits, agree to all digits of a double from the
/// initial values as doubles; so does a Taylor series in 33 digits for $N = 200$.
#[derive(Clone, Copy, Debug)]
pub struct AllenCahn {
    /// Interior points $N$.
    pub points: usize,
}

impl Default for AllenCahn {
    fn default() -> Self {
        AllenCahn { points: 200 }
    }
}

impl AllenCahn {
    /// $\varepsilon$.
    pub const PARAMETERS: [f64; 1] = [0.01];
    /// The final time.
    pub const END: f64 = 70.0;

    /// The state at $t = 0$.
    pub fn initial(&self) -> Vec<f64> {
        let x = |i: usize| -1.0 + 2.0 * i as f64 / (self.points + 1) as f64;
        (1..=self.points).map(|i| 0.53 * x(i) + 0.47 * (-1.5 * PI * x(i)).sin()).collect()
    }
}

impl Model for AllenCahn {
    fn states(&self) -> Names {
        names_in_blocks(&["u"], self.points)
    }
    fn parameters(&self) -> Names {
        ["epsilon"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [epsilon] = p.parameters();
        let n = self.points;
        let c = epsilon * (((n + 1) * (n + 1)) as f64 / 4.0);
        let point = |before: R, here: R, after: R| c * (before - here * 2.0 + after) + here - here * here * here;
        let (low, high) = (-R::one(), R::one());
        if n == 1 {
            du[0] = point(low, u[0], high);
            return;
        }
        du[0] = point(low, u[0], u[1]);
        for (du, u) in du[1..].iter_mut().zip(u.windows(3)) {
            *du = point(u[0], u[1], u[2]);
        }
        du[n - 1] = point(u[n - 2], u[n - 1], high);
    }
}

pub(super) fn on_100_points() -> Problem {
    let initial = AllenCahn { points: 100 }.initial();
    let system = bind(&AllenCahn { points: 100 });
    let reference = Reference {
        state: reference::FINAL_100.into(),
        between: table(include_str!("../between/allen_cahn_100.txt")),
        digits: 15.5,
        digits_between: 15.5,
        source: "collocation of order 17 and extrapolation in 33 digits",
    };
    problem("allen_cahn_100", "Allen–Cahn, N = 100", initial, 1.17e5, reference, system)
}

pub(super) fn on_200_points() -> Problem {
    let initial = AllenCahn { points: 200 }.initial();
    let system = bind(&AllenCahn { points: 200 });
    let reference = Reference {
        state: reference::FINAL_200.into(),
        between: table(include_str!("../between/allen_cahn_200.txt")),
        digits: 15.5,
        digits_between: 15.5,
        source: "collocation of order 17 and extrapolation in 33 digits",
    };
    problem("allen_cahn_200", "Allen–Cahn, N = 200", initial, 1.205e5, reference, system)
}

fn problem(
    name: &'static str,
    title: &'static str,
    initial: Vec<f64>,
    condition: f64,
    reference: Reference,
    system: Box<dyn Differentiable + Send>,
) -> Problem {
    Problem {
        name,
        title,
        kind: Kind::Parabolic,
        parameters: AllenCahn::PARAMETERS.into(),
        initial,
        start: 0.0,
        end: AllenCahn::END,
        atol_factor: 1.0,
        condition,
        condition_between: Vec::new(),
        discontinuities: Vec::new(),
        reference,
        exact: None,
        system,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::eval;
    use super::*;

    /// $\tanh(x / \sqrt{2 \varepsilon})$ is a steady state of the equation on the whole line; on the grid its
    /// residual falls with the square of the spacing.
    #[test]
    fn an_interface_rests_to_second_order() {
        let residual = |points: usize| {
            let model = AllenCahn { points };
            let x = |i: usize| -1.0 + 2.0 * i as f64 / (points + 1) as f64;
            let u: Vec<f64> = (1..=points).map(|i| (x(i) / (2.0 * AllenCahn::PARAMETERS[0]).sqrt()).tanh()).collect();
            eval(&model, 0.0, &u, &AllenCahn::PARAMETERS).iter().fold(0.0f64, |m, f| m.max(f.abs()))
        };
        let ratio = residual(99) / residual(199);
        assert!((3.9..4.1).contains(&ratio), "{ratio}");
    }

    #[test]
    fn the_reference_has_one_interface_left() {
        for problem in [on_100_points(), on_200_points()] {
            let changes = |u: &[f64]| u.windows(2).filter(|u| u[0] * u[1] < 0.0).count();
            assert_eq!(changes(&problem.initial), 3);
            assert_eq!(changes(&problem.reference.state), 1);
        }
    }
}
