//! Three chemicals on three time scales.

use super::problem::{Kind, Problem, Reference, bind};
use crate::model::{Model, Names, Params};
use crate::number::Real;

/// Robertson's autocatalytic reactions, $A \to B$ slowly, $2B \to B + C$ very fast, $B + C \to A + C$ fast:
///
/// $$ \dot y_1 = -k_1 y_1 + k_3 y_2 y_3, \qquad \dot y_2 = k_1 y_1 - k_3 y_2 y_3 - k_2 y_2^2, \qquad
///    \dot y_3 = k_2 y_2^2 . $$
///
/// The classic stiff problem: $y_2$ never exceeds $4 \cdot 10^{-5}$, and what it does over eleven decades of time
/// needs an absolute tolerance of its size. The sum is conserved. For large times $k_1 y_1$ and $k_3 y_2 y_3$ cancel
/// to many digits, so their difference is formed once. Dimensionless, from $(1, 0, 0)$, up to $10^5$ and up to
/// $10^{11}$.
///
/// Source: H. H. Robertson, *The solution of a set of reaction rate equations*, in J. Walsh (ed.), *Numerical
/// Analysis: An Introduction*, 1966, 178–182; E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, 2nd
/// ed., 1996, section IV.10; *Test Set for IVP Solvers*, release 2.4, 2008, `rober`. Reference: collocation of order
/// 17 and extrapolated implicit Euler, both in 33 digits, agree to all digits of a double; the test set's reference
/// at $10^{11}$ agrees to 13.7 digits. The two agree as well at the times between.
#[derive(Clone, Copy, Debug, Default)]
pub struct Robertson;

impl Robertson {
    /// $k_1, k_2, k_3$.
    pub const PARAMETERS: [f64; 3] = [0.04, 3e7, 1e4];
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 3] = [1.0, 0.0, 0.0];
}

impl Model for Robertson {
    fn states(&self) -> Names {
        ["y1", "y2", "y3"].into()
    }
    fn parameters(&self) -> Names {
        ["k1", "k2", "k3"].into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [k1, k2, k3] = p.parameters();
        let net = k1 * u[0] - k3 * u[1] * u[2];
        let fast = k2 * u[1] * u[1];
        du[0] = -net;
        du[1] = net - fast;
        du[2] = fast;
    }
}

fn problem(
    name: &'static str,
    title: &'static str,
    end: f64,
    atol_factor: f64,
    condition: f64,
    reference: Reference,
) -> Problem {
    Problem {
        name,
        title,
        kind: Kind::Stiff,
        parameters: Robertson::PARAMETERS.into(),
        initial: Robertson::INITIAL.into(),
        start: 0.0,
        end,
        atol_factor,
        condition,
        condition_between: Vec::new(),
        discontinuities: Vec::new(),
        reference,
        exact: None,
        system: bind(&Robertson),
    }
}

pub(super) fn to_1e5() -> Problem {
    let reference = Reference {
        state: vec![0.017865921142099464, 7.274751468436319e-08, 0.9821340061103858],
        between: with_decades(&TO_1E5, 1e5),
        digits: 15.5,
        digits_between: 15.5,
        source: "collocation of order 17 and extrapolated implicit Euler in 33 digits, Test Set for IVP Solvers",
    };
    problem("robertson_1e5", "Robertson to 1e5", 1e5, 1e-6, 1.887, reference)
}

pub(super) fn to_1e11() -> Problem {
    let reference = Reference {
        state: vec![2.083340149701294e-08, 8.333360770334784e-14, 0.9999999791665152],
        between: with_decades(&TO_1E11, 1e11),
        digits: 15.5,
        digits_between: 15.5,
        source: "collocation of order 17 and extrapolated implicit Euler in 33 digits, Test Set for IVP Solvers",
    };
    problem("robertson_1e11", "Robertson to 1e11", 1e11, 1e-10, 1.99, reference)
}

/// These states and those at the powers of ten before `end`, in the order of time.
fn with_decades(states: &[(f64, [f64; 3])], end: f64) -> Vec<(f64, Vec<f64>)> {
    let mut all: Vec<_> =
        states.iter().chain(&DECADES).filter(|(t, _)| *t < end).map(|(t, u)| (*t, u.to_vec())).collect();
    all.sort_by(|(s, _), (t, _)| s.total_cmp(t));
    all
}

const TO_1E5: [(f64, [f64; 3]); 5] = [
    (0.00037, [0.9999852001176848, 1.4039378872672709e-05, 7.605034425437119e-07]),
    (0.023, [0.9990839654171207, 3.635512705525325e-05, 0.0008796794558239639]),
    (1.9, [0.9438244345386111, 2.7331357371117596e-05, 0.05614823410401781]),
    (41.7, [0.7116005432038981, 9.023061275341636e-06, 0.2883904337348266]),
    (2713.0, [0.22237113482692286, 1.1388401724778261e-06, 0.7776277263329047]),
];
const TO_1E11: [(f64, [f64; 3]); 5] = [
    (0.00043, [0.99998280016475, 1.6031338165586665e-05, 1.1684970843238069e-06]),
    (0.071, [0.9971992121332856, 3.6009032418991117e-05, 0.002764778834295413]),
    (53.7, [0.6853857133962911, 8.090112794543906e-06, 0.3146061964909144]),
    (83000.0, [0.02105661602655152, 8.601547034545313e-08, 0.9789432979579782]),
    (310000000.0, [6.719394125374044e-06, 2.6877754937214754e-11, 0.9999932805789968]),
];
const DECADES: [(f64, [f64; 3]); 12] = [
    (0.1, [0.9960777474424568, 3.5804372350422405e-05, 0.0038864481851928153]),
    (1.0, [0.9664597373330035, 3.074626578578675e-05, 0.033509516401210714]),
    (10.0, [0.8413699238414729, 1.6233909379904724e-05, 0.15861384224914718]),
    (100.0, [0.6172348823960877, 6.153591274639123e-06, 0.3827589640126376]),
    (1000.0, [0.3368745306607069, 2.0137023182613927e-06, 0.6631234556369748]),
    (10000.0, [0.10730042853780404, 4.800166972571659e-07, 0.8926990914454987]),
    (1e5, [0.017865921142099464, 7.274751468436319e-08, 0.9821340061103858]),
    (1e6, [0.0020314839249734153, 8.142277783356162e-09, 0.9979685079327488]),
    (1e7, [0.00020760934390163957, 8.306077485067612e-10, 0.9997923898254906]),
    (1e8, [2.0824175121794604e-05, 8.329841429908958e-11, 0.9999791757415798]),
    (1e9, [2.083229471647004e-06, 8.332935037760725e-12, 0.9999979167621954]),
    (1e10, [2.083328471883088e-07, 8.333315602809501e-13, 0.9999997916663195]),
];

#[cfg(test)]
mod tests {
    use super::super::testing::eval;
    use super::*;

    #[test]
    fn the_sum_is_conserved() {
        let f = eval(&Robertson, 0.0, &[0.7, 3e-5, 0.3], &Robertson::PARAMETERS);
        assert!(f.iter().sum::<f64>().abs() < 1e-17);
        for problem in [to_1e5(), to_1e11()] {
            for (t, u) in problem.reference.between.iter().chain([&(problem.end, problem.reference.state.clone())]) {
                approx::assert_relative_eq!(u.iter().sum::<f64>(), 1.0, max_relative = 2e-15);
                // Past the first second y₂ is in equilibrium with the others up to its slow change.
                if *t < 0.1 {
                    continue;
                }
                let [k1, k2, k3] = Robertson::PARAMETERS;
                let (a, b, c) = (k2, k3 * u[2], -k1 * u[0]);
                let equilibrium = -2.0 * c / (b + (b * b - 4.0 * a * c).sqrt());
                approx::assert_relative_eq!(u[1], equilibrium, max_relative = 2e-3 / t.max(1.0).sqrt());
            }
        }
    }

    /// The table in the tests of diffrax (P. Kidger, 2021; `test_rober`), computed with an ESDIRK method at
    /// $10^{-20}$, and the check value of SUNDIALS' example `cvRoberts_dns`, which has six digits.
    #[test]
    fn values_of_others() {
        let diffrax = [
            (0.1, [9.9607774744245892e-1, 3.5804372350422432e-5, 3.8864481851928275e-3]),
            (1.0, [9.6645973733301294e-1, 3.0746265785786866e-5, 3.3509516401211095e-2]),
            (10.0, [8.4136992384147014e-1, 1.6233909379904643e-5, 1.5861384224914774e-1]),
            (100.0, [6.1723488239606716e-1, 6.1535912746388841e-6, 3.8275896401264059e-1]),
        ];
        for (t, u) in diffrax {
            for (a, b) in to_1e5().solution_at(t).unwrap().iter().zip(u) {
                approx::assert_relative_eq!(*a, b, max_relative = 2e-12);
            }
        }
        // Late, y₁ is proportional to 1/t up to a relative correction of that size.
        let sundials = 5.2083495894337328e-8;
        approx::assert_relative_eq!(to_1e11().solution_at(1e10).unwrap()[0] / 4.0, sundials, max_relative = 1e-5);
    }
}
