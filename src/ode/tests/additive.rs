//! Sums of a stiff and a non-stiff part.

use crate::model::{Bound, MassMatrix, Model, Names, Params, Split, from_fn};
use crate::number::Real;
use crate::ode::{Method, Save, Solve, SolveError};
use crate::{Error, model::ModelError};

/// $\dot x = -\lambda (x - y^2)$ and $\dot y = 0$, by itself.
struct Relaxation {
    rate: f64,
}

impl Model for Relaxation {
    fn states(&self) -> Names {
        ["x", "y"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = (u[0] - u[1] * u[1]) * -self.rate;
        du[1] = R::zero();
    }
}

/// The rest: $\dot x = 2 y \dot y$, $\dot y = -y \cos t$, so that $y = e^{-\sin t}$ and $x = y^2$ for any $\lambda$.
struct Rest;

impl Model for Rest {
    fn states(&self) -> Names {
        ["x", "y"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[1] = u[1] * -t.cos();
        du[0] = u[1] * du[1] * 2.0;
    }
}

fn exact(t: f64) -> [f64; 2] {
    let y = (-t.sin()).exp();
    [y * y, y]
}

fn error(solution: &[f64], t: f64) -> f64 {
    exact(t).iter().zip(solution).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Order 4, and 3 between the steps, with a Jacobian of the stiff part alone.
#[test]
fn kennedy_and_carpenters_pair_is_of_order_four() {
    let (relaxation, rest) = (Relaxation { rate: 2.0 }, Rest);
    let (stiff, nonstiff) = (Bound::new(&relaxation).unwrap(), Bound::new(&rest).unwrap());
    let split = Split::new(&stiff, &nonstiff).unwrap();
    let errors = |steps: u32| {
        let h = 4.0 / f64::from(steps);
        let solve = Solve::system(&split, exact(0.0), 0.0, 4.0).method(Method::KenCarp4).fixed_step(h);
        let solution = solve.rtol(1e-12).atol(1e-12).run().unwrap();
        let between = (0..steps).map(|k| (f64::from(k) + 0.37) * h);
        let dense = between.map(|t| error(&solution.at(t).unwrap(), t)).fold(0.0, f64::max);
        (error(solution.last(), 4.0), dense)
    };
    let (coarse, fine) = (errors(80), errors(320));
    let order = |coarse: f64, fine: f64| (coarse / fine).log2() / 2.0;
    assert!((order(coarse.0, fine.0) - 4.0).abs() < 0.15, "{} {coarse:?} {fine:?}", order(coarse.0, fine.0));
    assert!((order(coarse.1, fine.1) - 4.0).abs() < 0.15, "{} {coarse:?} {fine:?}", order(coarse.1, fine.1));
}

/// However stiff the one part, the steps are those of the other, and the tolerance is met.
#[test]
fn stiffness_of_the_implicit_part_costs_no_steps() {
    let rest = Rest;
    let nonstiff = Bound::new(&rest).unwrap();
    let mut steps = Vec::new();
    for rate in [1e3, 1e5, 1e7] {
        let relaxation = Relaxation { rate };
        let stiff = Bound::new(&relaxation).unwrap();
        let split = Split::new(&stiff, &nonstiff).unwrap();
        for method in [Method::KenCarp4, Method::Automatic] {
            let solve = Solve::system(&split, exact(0.0), 0.0, 4.0).method(method).rtol(1e-6).atol(1e-6);
            let solution = solve.save(Save::End).run().unwrap();
            assert!(error(solution.last(), 4.0) < 1e-5, "{method:?} at {rate:e}: {:e}", error(solution.last(), 4.0));
            assert_eq!(solution.methods().last().unwrap().1, Method::KenCarp4, "{rate:e}");
            if method == Method::KenCarp4 {
                steps.push(solution.statistics().accepted);
            }
        }
        // Other methods solve the sum, with its own Jacobian; ten times the tolerance of a state of size four.
        let solve = Solve::system(&split, exact(0.0), 0.0, 4.0).method(Method::Rodas5P).rtol(1e-6).atol(1e-6);
        assert!(error(solve.run().unwrap().last(), 4.0) < 5e-5);
    }
    assert!(steps.iter().max().unwrap() < &(3 * steps.iter().min().unwrap()), "{steps:?}");
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let (one, two) =
        (from_fn(["x"], |_t, u, _p, du| du[0] = -u[0]), from_fn(["x", "y"], |_t, _u, _p, du| du.fill(0.0)));
    assert!(matches!(Split::new(&one, &two), Err(ModelError::Length { found: 2, expected: 1, .. })));
    struct Massive;
    impl Model for Massive {
        fn states(&self) -> Names {
            ["x"].into()
        }
        fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
            du[0] = -u[0];
        }
        fn mass_matrix(&self) -> Option<MassMatrix> {
            Some(MassMatrix::diagonal([2.0]))
        }
    }
    let massive = Bound::new(&Massive).unwrap();
    assert!(matches!(Split::new(&massive, &one), Err(ModelError::SplitMass)));
    // A non-stiff part that is not finite is named.
    let wall = from_fn(["x"], |_t, u, _p, du| du[0] = -(u[0] - 0.5).sqrt());
    let split = Split::new(&one, &wall).unwrap();
    match Solve::system(&split, [1.0], 0.0, 9.0).method(Method::KenCarp4).run().unwrap_err() {
        Error::Solve(SolveError::NotFinite { component, .. } | SolveError::StepTooSmall { component, .. }) => {
            assert_eq!(component.name, "x");
        }
        other => panic!("{other}"),
    }
}
