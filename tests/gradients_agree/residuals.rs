//! Jacobians of residuals: forwards and backwards the same, and the gradient of the sum of squares.

use ansatz::Error;
use ansatz::adjoint::{GradientMethod, Loss, Residuals};
use ansatz::prelude::*;

/// A pendulum with a network for its friction.
struct Pendulum {
    friction: Mlp<1, 1>,
}

impl Model for Pendulum {
    fn states(&self) -> Names {
        ["angle", "speed"].into()
    }
    fn parameters(&self) -> Names {
        ["stiffness"].into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("friction", &self.friction)
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [stiffness] = p.parameters();
        let [friction] = p.call(&self.friction, [u[1]]);
        du[0] = u[1];
        du[1] = -stiffness * u[0].sin() - friction;
    }
}

/// Something of each time, and something of all and the parameter.
struct Mixed;

impl Residuals for Mixed {
    fn count(&self) -> usize {
        4
    }
    fn at_times<R: Real>(&self, t: &[R], u: &[&[R]], p: &[R], r: &mut [R]) {
        for (k, u) in u.iter().enumerate() {
            r[k] = u[0].sin() - t[k] * 0.1 + u[1] * p[0];
        }
        r[3] = u[0][0] * u[2][1] - p[0];
    }
}

struct Squares;

impl Loss for Squares {
    fn at_times<R: Real>(&self, t: &[R], u: &[&[R]], p: &[R]) -> R {
        let mut r = [R::zero(); 4];
        Mixed.at_times(t, u, p, &mut r);
        r.iter().fold(R::zero(), |sum, r| sum + r.square() * 0.5)
    }
}

#[test]
fn forwards_and_backwards() -> Result<(), Error> {
    use rand::SeedableRng;
    let model = Pendulum { friction: Mlp::new([4], Activation::Tanh) };
    let bound = Bound::new(&model)?;
    let mut p = vec![0.0; bound.parameter_count()];
    bound.initialize(&mut rand_chacha::ChaCha8Rng::seed_from_u64(3), &mut p);
    p[0] = 1.7;
    for method in [Method::Automatic, Method::Vern7, Method::Rodas5P, Method::Kvaerno5] {
        let problem = || {
            let solve = Solve::system(&bound, [0.8, 0.1], 0.0, 2.0).parameters(p.clone()).save_at(&[0.0, 0.7, 2.0]);
            solve.method(method).rtol(1e-8).atol(1e-8).h_max(0.01).differentiate()
        };
        let forward = problem()?.by(GradientMethod::ForwardSensitivity).jacobian(&Mixed)?;
        let reverse = problem()?.by(GradientMethod::DiscreteAdjoint).jacobian(&Mixed)?;
        let little = problem()?.by(GradientMethod::DiscreteAdjoint).budget(14_000).jacobian(&Mixed)?;
        assert_eq!((forward.columns, forward.jacobian.len()), (16, 64));
        assert_eq!(reverse.jacobian, little.jacobian);
        assert!(little.report.checkpointing.is_some_and(|kept| kept.repeated > 0), "{}", little.report);
        for (a, b) in forward.jacobian.iter().zip(&reverse.jacobian) {
            assert!((a - b).abs() < 1e-11 * (1.0 + a.abs()), "{method:?}: {a} {b}");
        }
        for (a, b) in forward.residuals.iter().zip(&reverse.residuals) {
            assert!((a - b).abs() < 1e-13, "{method:?}: {a} {b}");
        }
        let gradient = problem()?.gradient(&Squares)?;
        let both = [&gradient.parameters[..], &gradient.initial].concat();
        for (a, b) in both.iter().zip(reverse.gradient()) {
            assert!((a - b).abs() < 1e-10 * (1.0 + a.abs()), "{method:?}: {a} {b}");
        }
    }
    Ok(())
}

/// Few residuals of many numbers go back, many forwards.
#[test]
fn the_cheaper_way_is_taken() -> Result<(), Error> {
    struct One;
    impl Residuals for One {
        fn count(&self) -> usize {
            1
        }
        fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R], r: &mut [R]) {
            r[0] = u[0][0];
        }
    }
    let model = Pendulum { friction: Mlp::new([8, 8], Activation::Tanh) };
    let bound = Bound::new(&model)?;
    let p = vec![0.1; bound.parameter_count()];
    let problem =
        Solve::system(&bound, [0.8, 0.1], 0.0, 2.0).parameters(p).save_at(&[0.5, 1.0, 2.0]).differentiate()?;
    assert_eq!(problem.jacobian(&One)?.report.by, GradientMethod::DiscreteAdjoint);
    let small = Pendulum { friction: Mlp::new([2], Activation::Tanh) };
    let bound = Bound::new(&small)?;
    let p = vec![0.1; bound.parameter_count()];
    let problem =
        Solve::system(&bound, [0.8, 0.1], 0.0, 2.0).parameters(p).save_at(&[0.5, 1.0, 2.0]).differentiate()?;
    assert_eq!(problem.jacobian(&Mixed)?.report.by, GradientMethod::ForwardSensitivity);
    Ok(())
}

/// The bits do not depend on the number of threads.
#[test]
fn of_many_trajectories() -> Result<(), Error> {
    let model = Pendulum { friction: Mlp::new([4], Activation::Tanh) };
    let bound = Bound::new(&model)?;
    let p = vec![0.3; bound.parameter_count()];
    let problem = || {
        let solve = Solve::system(&bound, [0.8, 0.1], 0.0, 2.0).parameters(p.clone()).save_at(&[0.5, 1.0, 2.0]);
        solve.differentiate()
    };
    let initials: Vec<[f64; 2]> = (0..20).map(|k| [0.1 * f64::from(k), 0.2]).collect();
    let parameters = vec![p.clone(); 20];
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| problem()?.ensemble_gradient(&initials, &parameters, |_| Squares))
    };
    let (one, three) = (on(1)?, on(3)?);
    assert_eq!((one.loss.to_bits(), &one.parameters), (three.loss.to_bits(), &three.parameters));
    assert_eq!(one.members.len(), 20);
    assert!(problem()?.ensemble_gradient(&initials[..2], &parameters, |_| Squares).is_err());
    assert!(problem()?.ensemble_gradient(&[[0.0; 3]], &parameters[..1], |_| Squares).is_err());
    Ok(())
}
