//! Promises that hold for every problem.

use super::testing::{derivative, spread};
use super::*;
use crate::model::{Bound, Differentiable, Model, System};
use crate::ode::{Method, Save};

#[test]
fn the_catalogue_is_in_order() {
    let problems = all();
    for (problem, name) in problems.iter().zip(names()) {
        assert_eq!(problem.name, name);
        assert_eq!(find(name).unwrap().title, problem.title);
        let n = problem.dimension();
        assert_eq!(problem.initial.len(), n, "{name}");
        assert_eq!(problem.reference.state.len(), n, "{name}");
        problem.check_parameters(problem.parameters.len()).unwrap();
        assert!(problem.end > problem.start && problem.atol_factor > 0.0, "{name}");
        assert!(problem.reference.digits >= 9.0 && problem.reference.digits < 16.0, "{name}");
        assert!(problem.discontinuities.iter().all(|t| *t > problem.start && *t < problem.end), "{name}");
        let between = &problem.reference.between;
        assert!(between.iter().all(|(t, u)| *t > problem.start && *t < problem.end && u.len() == n), "{name}");
        assert!(between.is_sorted_by(|(s, _), (t, _)| s < t), "{name}");
        let digits = problem.reference.digits_between;
        assert!(if between.is_empty() { digits == 0.0 } else { (11.0..16.0).contains(&digits) }, "{name}");
        assert_eq!(between.is_empty(), problem.has_exact_solution(), "{name}");
        assert!(problem.condition >= 1.0 && problem.condition.is_finite(), "{name}");
        for (time, condition) in &problem.condition_between {
            assert!(between.iter().any(|(t, _)| t == time), "{name}: {time}");
            assert!(
                *condition > 1.01 * problem.condition && problem.condition_at(*time) == *condition,
                "{name}: {time}"
            );
        }
        assert_eq!(problem.condition_at(problem.end), problem.condition, "{name}");
        assert_eq!(problem.kind.suited_methods()[0], Method::Automatic);
        assert_eq!(problem.mass_matrix().is_some(), problem.kind == Kind::Dae, "{name}");
        assert!(!problem.reference.source.is_empty(), "{name}");
        assert_eq!(problem.error(&problem.reference.state), 0.0);
        // Somewhere is somewhere else.
        assert!(problem.error(&problem.initial) > 1e-3 || name == "arenstorf", "{name}");
    }
    assert_eq!(problems.len(), names().len());
}

#[test]
fn errors_do_not_hide() {
    let problem = find("lotka_volterra").unwrap();
    assert_eq!(problem.error(&[f64::NAN, 1.0]), f64::INFINITY);
    assert_eq!(problem.error(&[1.0]), f64::INFINITY);
    let [a, b] = [problem.reference.state[0], problem.reference.state[1]];
    approx::assert_relative_eq!(problem.error(&[a, b - 0.5]), 0.5 / (b + 1.0), max_relative = 1e-15);
    assert_eq!(problem.error_at(3.0, &[1.0, 1.0]), None);
    assert_eq!(problem.error_at(0.0, &problem.initial), Some(0.0));
}

/// A formula for the solution starts at the initial state, solves the equation, and ends at the reference, which was
/// computed without it.
#[test]
fn exact_solutions_solve() {
    let mut seen = 0;
    for problem in all() {
        let Some(exact) = problem.exact else { continue };
        seen += 1;
        for (a, b) in exact(0.0).iter().zip(&problem.initial) {
            approx::assert_abs_diff_eq!(a, b, epsilon = 1e-15);
        }
        let mut du = vec![0.0; problem.dimension()];
        for t in [0.5, 2.0, 6.3, 11.0] {
            let u = exact(t);
            problem.eval(t, &u, &problem.parameters, &mut du);
            let rate = derivative(exact, t, 2e-4);
            // Prothero and Robinson's λ multiplies the last digit of the solution.
            let noise = if problem.name == "prothero_robinson" { 1e-8 } else { 1e-11 };
            for (f, rate) in du.iter().zip(&rate) {
                assert!((f - rate).abs() < noise * (1.0 + f.abs()), "{} at {t}: {f} for {rate}", problem.name);
            }
        }
        // Rounding the initial velocity to a double moves bodies on eccentric orbits.
        let tolerance = if problem.name.starts_with("detest_d") { 1.5e-13 } else { 3e-15 };
        assert!(problem.error(&exact(problem.end)) < tolerance, "{}", problem.name);
    }
    assert_eq!(seen, 21);
}

/// Solving ever more sharply tends to the reference: what is left at a relative tolerance of 1e-12 is a small part of
/// what was there at 1e-8, and small.
#[test]
fn tsit5_tends_to_the_references() {
    for problem in all().iter().filter(|problem| problem.kind == Kind::NonStiff) {
        let error = |rtol: f64| {
            let solution = problem.solve(rtol).method(Method::Tsit5).save(Save::End).run().unwrap();
            problem.error(solution.last())
        };
        let errors = [1e-8, 1e-10, 1e-12].map(error);
        assert!(errors[1] < 1e-7 && errors[2] < 2e-9, "{}: {errors:?}", problem.name);
        assert!(errors[2] < errors[0] / 500.0, "{}: {errors:?}", problem.name);
    }
}

/// Derivatives by dual numbers against differences of order 6, relative to the size of what is differentiated.
fn agrees<M: Model>(name: &str, model: &M, t: f64, u: &[f64], p: &[f64]) {
    let bound = Bound::new(model).unwrap();
    let (n, q) = (u.len(), p.len());
    let (mut du, mut tape) = (vec![0.0; n], vec![0.0; bound.tape_len()]);
    bound.record(t, u, p, &mut du, &mut tape);
    let mut plain = vec![0.0; n];
    bound.eval(t, u, p, &mut plain);
    for (a, b) in du.iter().zip(&plain) {
        approx::assert_relative_eq!(*a, *b, max_relative = 1e-14, epsilon = 1e-300);
    }
    let (mut f_u, mut f_p) = (vec![0.0; n * n], vec![0.0; n * q.max(1)]);
    bound.jacobian(p, &tape, &mut f_u, &mut f_p, q.max(1));
    let shift = |x: &[f64], j: usize, s: f64| {
        let mut x = x.to_vec();
        x[j] *= 1.0 + s;
        x
    };
    for j in 0..n + q {
        let along = |s: f64| {
            let mut out = vec![0.0; n];
            if j < n {
                bound.eval(t, &shift(u, j, s), p, &mut out);
            } else {
                bound.eval(t, u, &shift(p, j - n, s), &mut out);
            }
            out
        };
        let differences = derivative(along, 0.0, 1e-3);
        for i in 0..n {
            let (exact, x) = if j < n { (f_u[i * n + j], u[j]) } else { (f_p[i * q + j - n], p[j - n]) };
            let noise = 1e-12 * (1..=3).map(|k| along(k as f64 * 1e-3)[i].abs()).fold(du[i].abs(), f64::max);
            assert!(
                (exact * x - differences[i]).abs() <= 1e-7 * (exact * x).abs() + noise / 1e-3,
                "{name}: ∂f{i}/∂{j} = {} by dual numbers, {} by differences",
                exact * x,
                differences[i]
            );
        }
    }
}

/// Dual numbers and differences agree on every derivative by states and parameters.
#[test]
fn dual_jacobians_are_those_of_differences() {
    let near = |scale: f64, n: usize| spread(n).iter().map(|s| scale * (0.5 + s)).collect::<Vec<f64>>();
    agrees("lotka_volterra", &LotkaVolterra, 0.0, &near(1.0, 2), &LotkaVolterra::PARAMETERS);
    agrees("lorenz", &Lorenz, 0.0, &near(5.0, 3), &Lorenz::PARAMETERS);
    agrees("pleiades", &Pleiades, 0.0, &near(3.0, 28), &[]);
    agrees("arenstorf", &Arenstorf, 0.0, &near(0.7, 4), &Arenstorf::PARAMETERS);
    agrees("robertson", &Robertson, 0.0, &[0.7, 3e-5, 0.3], &Robertson::PARAMETERS);
    agrees("van der pol", &VanDerPol, 0.0, &near(1.0, 2), &VanDerPol::PARAMETERS);
    agrees("van der pol, scaled", &VanDerPolScaled, 0.0, &near(1.0, 2), &VanDerPolScaled::PARAMETERS);
    agrees("hires", &Hires, 0.0, &near(0.1, 8), &[]);
    agrees("orego", &Orego, 0.0, &near(10.0, 3), &Orego::PARAMETERS);
    agrees("e5", &E5, 0.0, &near(1e-3, 4), &E5::PARAMETERS);
    agrees("pollution", &Pollution, 0.0, &near(0.1, 20), &Pollution::PARAMETERS);
    agrees("ring modulator", &RingModulator, 1e-4, &near(0.1, 15), &RingModulator::PARAMETERS);
    agrees("medical", &MedicalAkzoNobel { points: 6 }, 1.0, &near(1.0, 12), &MedicalAkzoNobel::PARAMETERS);
    agrees("beam", &Beam::<5>, 1.0, &near(0.3, 10), &[]);
    agrees("brusselator 1-D", &Brusselator1d { points: 5 }, 0.0, &near(1.0, 10), &Brusselator1d::PARAMETERS);
    agrees("brusselator 2-D", &Brusselator2d { points: 4 }, 2.0, &near(1.0, 32), &Brusselator2d::PARAMETERS);
    agrees("allen–cahn", &AllenCahn { points: 6 }, 0.0, &near(0.5, 6), &AllenCahn::PARAMETERS);
    agrees("prothero–robinson", &ProtheroRobinson, 1.0, &near(1.0, 1), &[-3.0]);
    agrees("chemical", &ChemicalAkzoNobel, 0.0, &near(0.1, 6), &ChemicalAkzoNobel::PARAMETERS);
    agrees("transistors", &TransistorAmplifier, 0.003, &near(0.05, 8), &TransistorAmplifier::PARAMETERS);
    agrees("detest A5", &detest::A5, 1.0, &near(2.0, 1), &[]);
    agrees("detest B4", &detest::B4, 1.0, &near(2.0, 3), &[]);
    agrees("detest C5", &detest::C5, 0.0, &detest::C5::INITIAL, &[]);
    agrees("detest D", &detest::Kepler, 0.0, &near(1.0, 4), &[]);
    agrees("detest E1", &detest::E1, 1.0, &near(1.0, 2), &[]);
    agrees("detest E3", &detest::E3, 1.0, &near(1.0, 2), &[]);
    agrees("detest E5", &detest::E5, 1.0, &near(1.0, 2), &[]);
}
