//! A trajectory of an ensemble is the trajectory that a solve of its own gives.

use super::*;
use crate::model::{Unknowns, from_fn};
use crate::network::{Activation, Block, Mlp};

/// A driven pendulum with a network in it: time, elementary functions, an unknown term, weights.
struct Pendulum {
    friction: Mlp<1, 1>,
}

impl Model for Pendulum {
    fn states(&self) -> Names {
        ["angle", "speed"].into()
    }
    fn parameters(&self) -> Names {
        ["frequency"].into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("friction", &self.friction)
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [frequency] = p.parameters();
        let [friction] = p.call(&self.friction, [u[1]]);
        du[0] = u[1];
        du[1] = -u[0].sin() - friction * 0.1 + (frequency * t).cos() * (-u[0] * u[0]).exp() + u[1].tanh() * 0.05;
    }
}

#[test]
fn agrees_with_solves_one_by_one() {
    let sets = lorenz_sets(21, 1);
    let times = [0.0, 0.1, 0.1, 0.73, 1.0, 2.0];
    let ensemble = lorenz(&sets, &times);
    assert_eq!((ensemble.len(), ensemble.times(), ensemble.failures().len()), (21, &times[..], 0));
    let mut steps = 0;
    for (member, p) in ensemble.members().zip(&sets) {
        let solve = || Solve::new(&Lorenz, [1.0, 0.0, 0.0], 0.0, 2.0).parameters(*p).save_at(&times);
        let (alone, tight) =
            (solve().method(Method::Tsit5).run().unwrap(), solve().rtol(1e-12).atol(1e-12).run().unwrap());
        assert_eq!(member.state(0), [1.0, 0.0, 0.0]);
        assert_eq!(member.state(1), member.state(2));
        for time in 0..times.len() {
            // Neither is nearer to the truth than local control promises: 10 κ tolerances, κ about 50 on the way to chaos.
            let error = distance(member.state(time), tight.state(time), 1e-6, 1e-8);
            let error_alone = distance(alone.state(time), tight.state(time), 1e-6, 1e-8);
            assert!(error < 500.0 && error_alone < 500.0, "{error} {error_alone} at {}", times[time]);
            // The same method with the same steps, to the digits of the controller's logarithm: a small part of that.
            assert!(distance(member.state(time), alone.state(time), 1e-6, 1e-8) < 20.0);
        }
        let (a, b) = (member.statistics(), alone.statistics());
        assert!(a.accepted.abs_diff(b.accepted) <= 1 && a.rejected_by_error.abs_diff(b.rejected_by_error) <= 1);
        assert_eq!(
            (a.rhs, b.rhs),
            (2 + 6 * (a.accepted + a.rejected_by_error), 2 + 6 * (b.accepted + b.rejected_by_error))
        );
        steps += a.accepted;
    }
    assert_eq!(ensemble.statistics().accepted, steps);
}

#[test]
fn with_time_functions_and_an_unknown_term() {
    let model = Pendulum { friction: Mlp::new([4], Activation::Tanh) };
    let bound = Bound::new(&model).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    // Initial states, frequencies and weights all differ.
    let rows: Vec<([f64; 2], Vec<f64>)> = (0..19)
        .map(|k| {
            let mut p = vec![1.0 + 0.1 * f64::from(k); 1 + model.friction.weight_count()];
            bound.initialize(&mut rng, &mut p);
            ([0.1 * f64::from(k), -0.3], p)
        })
        .collect();
    let times = [1.5, 4.0, 10.0];
    let ensemble = Ensemble::bound(&bound, 0.0, 10.0)
        .initials(rows.iter().map(|(u, _)| u))
        .parameter_sets(rows.iter().map(|(_, p)| p))
        .rtol(1e-8)
        .atol(1e-8)
        .save_at(&times)
        .run()
        .unwrap();
    assert_eq!(ensemble.members().count(), 19);
    for (member, (u, p)) in ensemble.members().zip(&rows) {
        let tight = Solve::new(&model, *u, 0.0, 10.0).parameters(p.clone()).rtol(1e-12).atol(1e-12).save_at(&times);
        let tight = tight.run().unwrap();
        assert!(distance(member.states(), tight.states(), 1e-8, 1e-8) < 100.0);
    }
}

#[test]
fn none_one_and_any_number() {
    let none: [[f64; 3]; 0] = [];
    for times in [&[][..], &[1.0]] {
        assert!(lorenz(&none, times).is_empty());
    }
    let ensemble = Ensemble::new(&BlowUp, 0.0, 1.0).initial([0.5, 0.0]).parameters([1.0]).run().unwrap();
    assert_eq!((ensemble.len(), ensemble.times()), (1, &[1.0][..]));
    approx::assert_relative_eq!(ensemble.get(0).unwrap().unwrap().last()[0], 1.0, max_relative = 1e-5);
    assert!(ensemble.get(1).is_none());
    for count in [2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100] {
        let starts: Vec<[f64; 2]> = (0..count).map(|k| [0.5 * k as f64 / count as f64, k as f64]).collect();
        let ensemble = Ensemble::new(&BlowUp, 0.0, 1.0).initials(&starts).parameters([1.0]).run().unwrap();
        assert_eq!(ensemble.members().count(), count);
        for (member, u) in ensemble.members().zip(&starts) {
            approx::assert_relative_eq!(member.last()[0], u[0] / (1.0 - u[0]), max_relative = 1e-5);
            approx::assert_relative_eq!(member.last()[1], u[1] + 1.0, max_relative = 1e-6);
        }
    }
}

#[test]
fn keeping_nothing_keeps_nothing() {
    let ensemble = lorenz(&lorenz_sets(3, 1), &[]);
    assert_eq!(ensemble.members().map(|m| m.states().len() + m.last().len()).collect::<Vec<_>>(), [0, 0, 0]);
    assert!(ensemble.statistics().accepted > 0);
}

#[test]
fn backwards_in_time_and_a_span_of_nothing() {
    let times = [0.5, 0.0, -1.0];
    let rates: Vec<[f64; 1]> = (0..13).map(|k| [0.1 * f64::from(k)]).collect();
    let ensemble = || Ensemble::new(&BlowUp, 1.0, -1.0).initial([0.5, 1.0]).parameter_sets(&rates);
    let ensemble = ensemble().save_at(&times).run().unwrap();
    for (member, [rate]) in ensemble.members().zip(&rates) {
        for (t, u) in times.iter().zip(member.column("u").unwrap()) {
            approx::assert_relative_eq!(u, 0.5 / (1.0 - rate * 0.5 * (t - 1.0)), max_relative = 1e-5);
        }
        approx::assert_relative_eq!(member.last()[1], -1.0, max_relative = 1e-6);
    }
    let ensemble = Ensemble::new(&BlowUp, 1.0, 1.0).initials([[1.0, 2.0], [3.0, 4.0]]).parameters([1.0]).run().unwrap();
    assert_eq!(ensemble.members().map(|m| m.last().to_vec()).collect::<Vec<_>>(), [[1.0, 2.0], [3.0, 4.0]]);
}

#[test]
fn a_closure_is_solved_one_by_one() {
    let closure = from_fn(["u", "clock"], |_t, u, p, du| {
        du[0] = p[0] * u[0] * u[0];
        du[1] = 1.0;
    });
    let rates = [[0.5], [4.0], [0.25]];
    let run = |ensemble: Ensemble| {
        ensemble.method(Method::Tsit5).initial([1.0, 0.0]).parameter_sets(rates).save_at(&[0.2, 1.0]).run().unwrap()
    };
    let (plain, lanes) = (run(Ensemble::system(&closure, 0.0, 1.0)), run(Ensemble::new(&BlowUp, 0.0, 1.0)));
    for (k, (plain, lanes)) in plain.results().zip(lanes.results()).enumerate() {
        match (plain, lanes) {
            (Ok(plain), Ok(lanes)) => assert!(distance(plain.states(), lanes.states(), 1e-6, 1e-8) < 1.0),
            (Err(plain), Err(lanes)) => {
                assert_eq!(k, 1);
                assert_eq!(std::mem::discriminant(plain), std::mem::discriminant(lanes));
                assert_eq!(plain.partial().unwrap().len(), lanes.partial().unwrap().len());
            }
            (plain, lanes) => panic!("{plain:?} {lanes:?}"),
        }
    }
}

/// Absolute tolerances by state count in lanes as they count alone.
#[test]
fn a_tolerance_for_each_state() {
    let sets = lorenz_sets(5, 4);
    let mut steps = Vec::new();
    for atol in [[1e-3, 1e-3, 1e-9], [1e-9, 1e-3, 1e-3], [1e-3; 3]] {
        let ensemble = Ensemble::new(&Lorenz, 0.0, 1.0).initial([1e-4, 0.0, 1e-6]).parameter_sets(&sets).atol(atol);
        let ensemble = ensemble.run().unwrap();
        for (member, p) in ensemble.members().zip(&sets) {
            let alone = Solve::new(&Lorenz, [1e-4, 0.0, 1e-6], 0.0, 1.0).parameters(*p).atol(atol).run().unwrap();
            assert!(member.statistics().accepted.abs_diff(alone.statistics().accepted) <= 1);
        }
        steps.push(ensemble.statistics().accepted);
    }
    assert!(steps[0] > steps[2] + 10 && steps[1] > steps[2] + 10 && steps[0] != steps[1], "{steps:?}");
}

/// Every method with lanes against the same method alone: orders, long rows, extra stages, DOP853's two estimates.
#[test]
fn every_method_over_lanes_is_the_method() {
    let sets = lorenz_sets(9, 12);
    let times = [0.21, 0.4, 1.0];
    let methods = [
        (Method::Heun, 1e-4),
        (Method::Bs3, 1e-5),
        (Method::Ssprk33, 1e-4),
        (Method::Ssprk104, 1e-6),
        (Method::Tsit5, 1e-6),
        (Method::Vern7, 1e-9),
        (Method::Dop853, 1e-9),
        (Method::Vern9, 1e-11),
    ];
    for (method, rtol) in methods {
        assert!(Coefficients::of(method).is_some(), "{method:?} goes one by one");
        let ensemble = Ensemble::new(&Lorenz, 0.0, 1.0).initial([1.0, 0.0, 0.0]).parameter_sets(&sets).save_at(&times);
        let ensemble = ensemble.method(method).rtol(rtol).atol(rtol).run().unwrap();
        for (member, p) in ensemble.members().zip(&sets) {
            let alone = Solve::new(&Lorenz, [1.0, 0.0, 0.0], 0.0, 1.0).parameters(*p).save_at(&times);
            let alone = alone.method(method).rtol(rtol).atol(rtol).run().unwrap();
            let distance = distance(member.states(), alone.states(), rtol, rtol);
            assert!(distance < 5.0, "{method:?}: {distance} tolerances apart");
            let (a, b) = (member.statistics(), alone.statistics());
            assert!(a.accepted.abs_diff(b.accepted) <= 1, "{method:?}: {a}; {b}");
            assert!(a.rejected_by_error.abs_diff(b.rejected_by_error) <= 1, "{method:?}: {a}; {b}");
        }
    }
}

/// What only a solve of its own can do is not lost over lanes.
#[test]
fn options_beyond_lanes_go_one_by_one() {
    let initials: Vec<[f64; 2]> = (0..5).map(|k| [0.1 * f64::from(k), 0.0]).collect();
    let options = Options { fixed_step: Some(0.25), method: Method::Tsit5, ..Options::default() };
    let ensemble = Ensemble::new(&BlowUp, 0.0, 1.0).initials(&initials).parameters([1.0]).options(options.clone());
    for (member, u) in ensemble.run().unwrap().members().zip(&initials) {
        let alone = Solve::new(&BlowUp, *u, 0.0, 1.0).parameters([1.0]).options(options.clone()).save(Save::End);
        let alone = alone.run().unwrap();
        assert_eq!((member.last(), member.statistics().accepted), (alone.last(), 4));
    }
}

/// Heat in a rod, one end of which is warm at first.
struct Rod;

impl Model for Rod {
    fn states(&self) -> Names {
        ["a", "b", "c", "d", "e", "f", "g", "h"].into()
    }
    fn parameters(&self) -> Names {
        ["conduction"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [conduction] = p.parameters();
        for i in 0..8 {
            let left = if i > 0 { u[i - 1] } else { R::zero() };
            let right = if i < 7 { u[i + 1] } else { R::zero() };
            du[i] = conduction * (left + right - u[i] * 2.0);
        }
    }
}

/// Where stability limits the steps, and the dense output of DOP853 bears less of it than they do.
#[test]
fn states_between_long_steps_are_right_over_lanes_too() {
    let (sets, times): (Vec<[f64; 1]>, _) = (
        (0..9).map(|k| [1.0 + 0.03 * f64::from(k)]).collect(),
        (1..40).map(|k| 0.5 * f64::from(k)).collect::<Vec<_>>(),
    );
    let (warm, rtol) = ([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 1e-4);
    let ensemble = Ensemble::new(&Rod, 0.0, 20.0).initial(warm).parameter_sets(&sets).save_at(&times);
    let ensemble = ensemble.method(Method::Dop853).rtol(rtol).atol(rtol).run().unwrap();
    for (member, p) in ensemble.members().zip(&sets) {
        let solve = || Solve::new(&Rod, warm, 0.0, 20.0).parameters(*p).save_at(&times);
        let tight = solve().method(Method::Vern9).rtol(1e-12).atol(1e-12).run().unwrap();
        let alone = solve().method(Method::Dop853).rtol(rtol).atol(rtol).run().unwrap();
        let apart = [member.states(), alone.states()].map(|states| distance(states, tight.states(), rtol, rtol));
        assert!(apart[0] < 3.0 && apart[1] < 3.0, "{apart:?} tolerances off");
        let (a, b) = (member.statistics(), alone.statistics());
        assert!(a.accepted.abs_diff(b.accepted) <= 1, "{a}; {b}");
    }
}
