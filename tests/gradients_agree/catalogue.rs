//! Gradients through the whole catalogue of problems: methods that have nothing in common agree on them within ten times the
//! error that is promised of their solutions, κ times the tolerance.
//!
//! By parameters all of them but three, [`APART`]; by initial states those of problems that are not stiff. A change of the initial state of a stiff
//! problem leads off the slow manifold, into a transient that the steps of the solve do not resolve, since the solution itself has
//! none: methods damp it in their own ways (1 % apart for Van der Pol's equation with μ = 10⁶, where x jumps back), and the beam's
//! fast oscillations, too.

use ansatz::adjoint::Loss;
use ansatz::prelude::*;
use ansatz::problems::{self, Kind, Problem};

/// A relative change of every component of the final state, each with a weight of its own.
struct Weighted<'p>(&'p Problem);

impl Loss for Weighted<'_> {
    fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
        let size = |r: f64| r.abs() + self.0.atol_factor;
        let terms = u[u.len() - 1].iter().zip(&self.0.reference.state).enumerate();
        terms.fold(R::zero(), |sum, (i, (u, r))| sum + *u * ((1.0 + i as f64).sin() / size(*r)))
    }
}

/// What relative changes of parameters and initial states make of the loss.
fn find(problem: &Problem, method: Method, rtol: f64) -> ansatz::Result<Vec<f64>> {
    let derivatives = problem.solve(rtol).method(method).save(Save::End).differentiate()?;
    let gradient = derivatives.gradient(&Weighted(problem))?;
    let by_p = gradient.parameters.iter().zip(&problem.parameters).map(|(g, p)| g * p);
    let by_u = gradient.initial.iter().zip(&problem.initial).map(|(g, u)| g * (u.abs() + problem.atol_factor));
    let wanted = if problem.kind == Kind::NonStiff { usize::MAX } else { problem.parameters.len() };
    Ok(by_p.chain(by_u).take(wanted).collect())
}

/// Where the steps that control the error of the solution do not control that of its derivative: before a relaxation jumps, the
/// derivative grows while the solution rests, and the steps are long. How far apart the methods may be there.
const APART: [(&str, f64); 3] = [("vanderpol_1e3", 3e-2), ("vanderpol_1e6", 1e-5), ("brusselator1d_100", 1e-6)];

/// Beyond the limit of 100 000 steps at this tolerance; and of 2048 states, of which the tests of large systems have a smaller one.
const LEFT_OUT: [&str; 2] = ["ring_modulator", "brusselator2d_32"];

#[test]
fn methods_agree_as_far_as_solutions_do() {
    let rtol = 1e-8;
    let (mut compared, mut refused, mut broken) = (0, Vec::new(), Vec::<String>::new());
    for problem in problems::all().iter().filter(|problem| !LEFT_OUT.contains(&problem.name)) {
        if problem.kind != Kind::NonStiff && problem.parameters.is_empty() {
            continue;
        }
        let methods = match problem.kind {
            Kind::NonStiff => [Method::Vern7, Method::Dop853, Method::Vern9],
            Kind::Parabolic => [Method::Rodas5P, Method::Radau5, Method::Rock4],
            _ => [Method::Rodas5P, Method::Radau5, Method::Kvaerno5],
        };
        let mut found: Vec<(Method, Vec<f64>)> = Vec::new();
        for method in methods {
            match find(problem, method, rtol) {
                Ok(gradient) => found.push((method, gradient)),
                Err(error) => refused.push(format!("{}, {method:?}: {error}", problem.name)),
            }
        }
        // The loss is of the size of a relative change: next to nothing is next to nothing of that.
        let size = found.iter().flat_map(|(_, gradient)| gradient).fold(1.0f64, |m, g| m.max(g.abs()));
        for (i, (a, one)) in found.iter().enumerate() {
            for (b, other) in &found[..i] {
                let apart = one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / size;
                let known = APART.iter().find(|(name, _)| *name == problem.name).map(|(_, apart)| *apart);
                let allowed = known.unwrap_or(10.0 * problem.condition * rtol);
                println!("{:<24} {a:?} {b:?}: {apart:.1e} of {allowed:.1e}", problem.name);
                if apart > allowed {
                    broken.push(format!("{}, {a:?} and {b:?}: {apart:.1e} apart, allowed {allowed:.1e}", problem.name));
                }
                compared += 1;
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    // One problem is stiff enough for stability to limit the steps of two explicit methods.
    let expected = |error: &String| error.starts_with("detest_c2, Vern") && error.contains("looks stiff");
    assert!(refused.iter().all(expected), "{refused:?}");
    assert!(compared > 100, "{compared}");
}
