//! What fails says so, and takes nothing else down.

use super::*;

#[test]
fn a_trajectory_that_fails_is_named_and_takes_no_other_down() {
    let mut sets = vec![[0.5]; 37];
    sets[5] = [4.0]; // ends at t = 1/4
    sets[30] = [f64::NAN];
    let times = [0.1, 0.2, 0.5, 1.0];
    let ensemble = Ensemble::new(&BlowUp, 0.0, 1.0).initial([1.0, 0.0]).parameter_sets(&sets).save_at(&times);
    let ensemble = ensemble.method(Method::Tsit5).run().unwrap();
    for (k, result) in ensemble.results().enumerate() {
        let Ok(member) = result else { continue };
        assert_eq!(member.index(), k);
        for (time, t) in times.iter().enumerate() {
            approx::assert_relative_eq!(member.state(time)[0], 1.0 / (1.0 - 0.5 * t), max_relative = 1e-5);
            approx::assert_relative_eq!(member.state(time)[1], *t, max_relative = 1e-6);
        }
    }
    let failures: Vec<(usize, &SolveError)> = ensemble.failures().collect();
    assert_eq!(failures.iter().map(|(k, _)| *k).collect::<Vec<_>>(), [5, 30]);
    let SolveError::StepTooSmall { t, component, partial, .. } = failures[0].1 else { panic!("{}", failures[0].1) };
    approx::assert_relative_eq!(*t, 0.25, max_relative = 1e-5);
    assert_eq!(component.name, "u");
    assert_eq!(partial.times(), [0.1, 0.2]);
    approx::assert_relative_eq!(partial.state(1)[0], 1.0 / (1.0 - 0.8), max_relative = 1e-5);
    assert!(failures[0].1.to_string().contains("blows up"), "{}", failures[0].1);
    let SolveError::NotFiniteAtStart { t, component } = failures[1].1 else { panic!("{}", failures[1].1) };
    assert_eq!((*t, component.name.as_str()), (0.0, "u"));
    assert_eq!(ensemble.across("u", 3).unwrap().len(), 35);
}

/// u' = −√u, gone at t = 2√u₀; written so that it is not finite beyond.
struct Drain;

impl Model for Drain {
    fn states(&self) -> Names {
        ["level"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = -u[0].sqrt() - u[0].ln() * 0.1;
    }
}

#[test]
fn failures_are_those_of_a_solve_of_ones_own() {
    let initials = [[0.1], [1.0], [-1.0], [4.0], [2.0]];
    let ensemble = Ensemble::new(&Drain, 0.0, -40.0).initials(initials).max_steps(30).method(Method::Tsit5);
    let ensemble = ensemble.run().unwrap();
    for (result, u) in ensemble.results().zip(initials) {
        let alone = Solve::new(&Drain, u, 0.0, -40.0).max_steps(30).method(Method::Tsit5).save(Save::End).run();
        match (result, alone) {
            (Ok(member), Ok(alone)) => assert!(distance(member.last(), alone.last(), 1e-6, 1e-8) < 20.0),
            (Err(error), Err(crate::Error::Solve(alone))) => {
                assert_eq!(std::mem::discriminant(error), std::mem::discriminant(&alone), "{error} {alone}");
                approx::assert_relative_eq!(error.time().unwrap(), alone.time().unwrap(), max_relative = 1e-3);
                let counts = |error: &SolveError| error.partial().map(Solution::statistics);
                assert_eq!(counts(error), counts(&alone));
            }
            (result, alone) => panic!("{result:?} {alone:?}"),
        }
    }
    assert!(ensemble.failures().len() >= 2, "nothing failed, so nothing was compared");
}

#[test]
fn what_makes_no_sense_is_said() {
    let ensemble = || Ensemble::new(&Lorenz, 0.0, 1.0).initial([1.0, 0.0, 0.0]).parameters([10.0, 28.0, 2.0]);
    let message = |ensemble: Ensemble| ensemble.run().unwrap_err().to_string();
    let text = message(ensemble().initial([1.0, 0.0]));
    assert!(text.contains("initial state has 2 values") && text.contains("x, y, z"), "{text}");
    let text = message(ensemble().initials([vec![1.0, 0.0, 0.0], vec![1.0]]));
    assert!(text.contains("initials") && text.contains("1 values in row 1"), "{text}");
    let text = message(ensemble().initials([[1.0, 0.0]]));
    assert!(text.contains("each row of `initials` has 2 values"), "{text}");
    let text = message(ensemble().parameter_sets([[1.0, 0.0], [1.0, 2.0]]));
    assert!(text.contains("parameter vector has 2 values") && text.contains("sigma"), "{text}");
    let text = message(ensemble().initials([[1.0, 0.0, 0.0]; 3]).parameter_sets([[1.0, 0.0, 0.0]; 4]));
    assert!(text.contains("3 rows") && text.contains("has 4"), "{text}");
    let text = message(ensemble().rtol(-1.0));
    assert!(text.contains("rtol"), "{text}");
    let text = message(ensemble().save_at(&[2.0]));
    assert!(text.contains("save_at"), "{text}");
    let text = ensemble().run().unwrap().across("w", 0).unwrap_err().to_string();
    assert!(text.contains("x, y, z"), "{text}");
    let text = ensemble().run().unwrap().across("x", 1).unwrap_err().to_string();
    assert!(text.contains("time"), "{text}");
}

/// The Van der Pol oscillator, stiff where `mu` is large.
struct VanDerPol;

impl Model for VanDerPol {
    fn states(&self) -> Names {
        ["x", "v"].into()
    }
    fn parameters(&self) -> Names {
        ["mu"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [mu] = p.parameters();
        du[0] = u[1];
        du[1] = mu * (-u[0] * u[0] + 1.0) * u[1] - u[0];
    }
}

#[test]
fn what_turns_out_stiff_is_handed_over() {
    let sets: Vec<[f64; 1]> = (0..24).map(|k| if k % 7 == 3 { [1000.0] } else { [0.2 + 0.1 * f64::from(k)] }).collect();
    let ensemble = || Ensemble::new(&VanDerPol, 0.0, 20.0).initial([2.0, 0.0]).parameter_sets(&sets);
    let automatic = ensemble().run().unwrap();
    assert_eq!(automatic.members().count(), 24);
    for (member, p) in automatic.members().zip(&sets) {
        let tight = Solve::new(&VanDerPol, [2.0, 0.0], 0.0, 20.0).parameters(*p).rtol(1e-11).atol(1e-11);
        let tight = tight.save(Save::End).run().unwrap();
        assert!(distance(member.last(), tight.last(), 1e-6, 1e-8) < 200.0);
        // Only those that were handed over have seen a Jacobian.
        assert_eq!(member.statistics().jacobians > 0, p[0] == 1000.0);
        // An explicit method needs about mu t / 3.3 steps.
        assert!(member.statistics().accepted < 2000, "{}", member.statistics());
    }
    let explicit = ensemble().method(Method::Tsit5).max_steps(3000).run().unwrap();
    for (k, error) in explicit.failures() {
        let alone = Solve::new(&VanDerPol, [2.0, 0.0], 0.0, 20.0).parameters(sets[k]).method(Method::Tsit5);
        let Err(crate::Error::Solve(alone)) = alone.max_steps(3000).save(Save::End).run() else { panic!("{error}") };
        assert!(matches!((error, &alone), (SolveError::LooksStiff { .. }, SolveError::LooksStiff { .. })), "{error}");
        approx::assert_relative_eq!(error.time().unwrap(), alone.time().unwrap(), max_relative = 0.05);
    }
    assert_eq!(explicit.failures().map(|(k, _)| k).collect::<Vec<_>>(), [3, 10, 17]);
    let implicit = ensemble().method(Method::Rodas5P).run().unwrap();
    for (a, b) in implicit.members().zip(automatic.members()) {
        assert!(distance(a.last(), b.last(), 1e-6, 1e-8) < 200.0);
    }
}
