//! Losses that are integrals over time.

use ansatz::Error;
use ansatz::adjoint::{GradientMethod, Loss};
use ansatz::prelude::*;

/// $\dot u = -k u$.
struct Decay;

impl Model for Decay {
    fn states(&self) -> Names {
        ["u"].into()
    }
    fn parameters(&self) -> Names {
        ["k"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [k] = p.parameters();
        du[0] = -k * u[0];
    }
}

/// $u(T) + \int k^2 u^2 \mathrm{d}t$.
struct Both;

impl Loss for Both {
    fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
        u[u.len() - 1][0]
    }
    fn integrand<R: Real>(&self, _t: R, u: &[R], p: &[R]) -> R {
        p[0].square() * u[0].square()
    }
}

const METHODS: [Method; 10] = [
    Method::Automatic,
    Method::Tsit5,
    Method::Vern9,
    Method::Dop853,
    Method::Rock4,
    Method::Rodas5P,
    Method::KenCarp4,
    Method::Kvaerno5,
    Method::Radau9,
    Method::Bdf,
];

#[test]
fn by_every_method() -> Result<(), Error> {
    let (k, u0, start, end) = (0.7f64, 1.3f64, 0.2, 2.2);
    let (span, last) = (end - start, u0 * (-k * (end - start)).exp());
    let value = last + 0.5 * k * (u0 * u0 - last * last);
    let by_k = -span * last + 0.5 * (u0 * u0 - last * last) + k * span * last * last;
    let by_u = last / u0 + k * u0 - k * last * last / u0;
    for method in METHODS {
        let (rtol, tolerance) = if method == Method::Bdf { (1e-11, 1e-7) } else { (1e-11, 1e-8) };
        let solve = Solve::new(&Decay, [u0], start, end).parameters([k]).rtol(rtol).atol(rtol).method(method);
        let problem = solve.save(Save::End).differentiate()?;
        let gradient = problem.gradient(&Both)?;
        for (found, expected) in [
            (gradient.loss, value),
            (gradient.parameters[0], by_k),
            (gradient.initial[0], by_u),
            // A later start is a shorter span.
            (gradient.start, k * last - k * k * last * last),
            (gradient.end, k * k * last * last),
            (gradient.times[0], -k * last),
        ] {
            assert!((found - expected).abs() < tolerance, "{method:?}: {found} {expected}");
        }
        assert!(problem.check_gradient(&Both)?.agrees());
        let refused = problem.by(GradientMethod::ForwardSensitivity).gradient(&Both);
        assert!(refused.unwrap_err().to_string().contains("by"));
    }
    Ok(())
}

/// The integral goes to the end of the span, wherever states are read.
#[test]
fn beyond_the_last_saved_time() -> Result<(), Error> {
    struct Integral;
    impl Loss for Integral {
        fn integrand<R: Real>(&self, t: R, u: &[R], _p: &[R]) -> R {
            u[0] * t
        }
    }
    struct Constant;
    impl Loss for Constant {
        fn integrand<R: Real>(&self, _t: R, _u: &[R], _p: &[R]) -> R {
            R::from_f64(3.0)
        }
    }
    let solve = || Solve::new(&Decay, [2.0], 0.0, 3.0).parameters([0.5]).rtol(1e-10).atol(1e-10).save_at(&[1.0]);
    let gradient = solve().differentiate()?.gradient(&Integral)?;
    // ∫ t u dt = u₀ (1 − (1 + k T) exp(−k T)) / k²
    let (k, t) = (0.5f64, 3.0);
    let expected = 2.0 * (1.0 - (1.0 + k * t) * (-k * t).exp()) / (k * k);
    assert!((gradient.loss - expected).abs() < 1e-9 && (gradient.initial[0] - expected / 2.0).abs() < 1e-9);
    let constant = solve().differentiate()?.gradient(&Constant)?;
    assert_eq!((constant.loss, constant.start, constant.end), (9.0, -3.0, 3.0));
    assert_eq!((constant.parameters[0], constant.initial[0]), (0.0, 0.0));
    Ok(())
}

/// In little memory the steps are made twice, and so are the integrals' derivatives: the same to the bit.
#[test]
fn in_little_memory() -> Result<(), Error> {
    for method in [Method::Vern7, Method::Rodas5P, Method::Kvaerno5, Method::Bdf] {
        let solve = || Solve::new(&Decay, [1.3], 0.0, 5.0).parameters([0.7]).method(method).rtol(1e-9).atol(1e-9);
        let all = solve().h_max(0.01).save(Save::End).differentiate()?.gradient(&Both)?;
        let little = solve().h_max(0.01).save(Save::End).differentiate()?.budget(20_000).gradient(&Both)?;
        let repeated = little.report.checkpointing.map(|kept| kept.repeated);
        assert!(repeated > Some(0), "{method:?}: {}", little.report);
        assert_eq!(
            (all.parameters, all.initial, all.loss),
            (little.parameters, little.initial, little.loss),
            "{method:?}"
        );
    }
    Ok(())
}
