//! How fast methods converge where the problem is stiff: Prothero and Robinson's problem
//!
//! $$ u' = \lambda (u - \varphi(t)) + \varphi'(t), \qquad u = \varphi, \quad z = h \lambda \to -\infty. $$
//!
//! A. Prothero, A. Robinson, Mathematics of Computation 28 (1974) 145–162; Hairer & Wanner II, IV.15.

use crate::problems::{slope, step_counts};
use ansatz::prelude::*;

/// $\varphi = \sin t$.
struct ProtheroRobinson;

impl Model for ProtheroRobinson {
    fn states(&self) -> Names {
        ["u"].into()
    }
    fn parameters(&self) -> Names {
        ["lambda"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [lambda] = p.parameters();
        du[0] = lambda * (u[0] - t.sin()) + t.cos();
    }
}

const END: f64 = 4.0;

/// The largest errors at the steps and between them.
fn errors(method: Method, lambda: f64, steps: usize) -> (f64, f64) {
    let solution = Solve::new(&ProtheroRobinson, [0.0], 0.0, END)
        .parameters([lambda])
        .method(method)
        .fixed_step(END / steps as f64)
        .rtol(1e-13)
        .atol(1e-13)
        .run()
        .unwrap();
    let error = |t: f64| (solution.at(t).unwrap()[0] - t.sin()).abs();
    let largest = |times: &mut dyn Iterator<Item = f64>| times.map(error).fold(0.0, f64::max);
    let times = solution.times();
    let mut between = times.windows(2).flat_map(|w| [0.1, 0.3, 0.5, 0.7, 0.9].map(|x| w[0] + x * (w[1] - w[0])));
    (largest(&mut times.iter().copied()), largest(&mut between))
}

/// What the literature promises a method in the stiff limit.
struct Promise {
    method: Method,
    /// Classical order, seen where the problem is not stiff.
    order: usize,
    /// The error is $O(z^{-1} h^r)$, or $O(h^r)$ for a method that is not stiffly accurate.
    reduced: usize,
    stiffly_accurate: bool,
    /// The dense output's error is $O(h^d)$, whatever $\lambda$.
    dense: usize,
    /// Numbers of steps for the slopes in the stiff limit, where it begins early enough and ends above rounding.
    steps: (usize, usize),
}

/// - Radau IIA with $s$ stages: $z^{-1} h^{s+1}$, Hairer & Wanner II, table IV.15.1; between the steps the collocation
///   polynomial of degree $s$, exact at the nodes up to $z^{-1}$, so $h^{s+1}$.
/// - Stiffly accurate ESDIRK methods of stage order 2: the defect of the stages, $h^3$, arrives at the end of the step
///   divided by $z$ (the same section); their dense outputs are combinations of stages.
/// - Rosenbrock methods: with $B = (\alpha_{ij} + \gamma_{ij})$, a step solves polynomials $\varphi$ of degree $m$ exactly
///   in the limit up to $z^{-1} (e_s^T B^{-1} \alpha^m / m! - 1/(m-1)!)$. Rodas4 has a residue from $m = 2$ on, Rodas5P from
///   $m = 4$ on (G. Steinebach, BIT 63, 2023: made for it). Rosenbrock23 is not stiffly accurate: $h^2$ without $z^{-1}$.
fn promises() -> [Promise; 9] {
    let promise = |method, order, reduced, dense, steps| {
        let stiffly_accurate = method != Method::Rosenbrock23;
        Promise { method, order, reduced, stiffly_accurate, dense, steps }
    };
    [
        promise(Method::Rosenbrock23, 2, 2, 2, (32, 256)),
        promise(Method::Rodas4, 4, 2, 3, (128, 1024)),
        promise(Method::Rodas5P, 5, 4, 4, (8, 64)),
        promise(Method::TrBdf2, 2, 3, 3, (16, 256)),
        promise(Method::KenCarp4, 4, 3, 3, (16, 256)),
        promise(Method::Kvaerno5, 5, 3, 3, (16, 256)),
        promise(Method::Radau5, 5, 4, 4, (8, 128)),
        promise(Method::Radau9, 9, 6, 6, (4, 16)),
        promise(Method::Radau13, 13, 8, 8, (3, 8)),
    ]
}

/// Errors over steps of methods of high order end in rounding soon.
const ROUNDING: f64 = 3e-14;

fn measured(method: Method, lambda: impl Fn(f64) -> f64, (coarse, fine): (usize, usize), dense: bool) -> Option<f64> {
    let points: Vec<(f64, f64)> = step_counts(coarse, fine, 4)
        .into_iter()
        .map(|n| {
            let h = END / n as f64;
            let (at_steps, between) = errors(method, lambda(h), n);
            (h, if dense { between } else { at_steps })
        })
        .filter(|(_, error)| *error > ROUNDING)
        .collect();
    (points.len() >= 3).then(|| slope(&points))
}

/// For fixed $\lambda$ the error goes with $h^{r-1}/\lambda$, for fixed $z$ with $h^r$.
#[test]
fn orders_in_the_stiff_limit() {
    let mut missed = Vec::new();
    for promise in promises() {
        let Promise { method, reduced, stiffly_accurate, dense, steps, .. } = promise;
        let mut compare = |what: String, found: Option<f64>, expected: usize| {
            let Some(found) = found else { return };
            println!("{method:?}, {what}: {found:.3} of {expected}");
            if (found - expected as f64).abs() > 0.15 {
                missed.push(format!("{method:?}, {what}: order {found:.3}, not {expected}"));
            }
        };
        for lambda in [-1e4, -1e6, -1e8] {
            // With steps this short λ = −1e4 is not the limit any more.
            if lambda * END / steps.1 as f64 > -1e3 && stiffly_accurate {
                continue;
            }
            let fixed = if stiffly_accurate { reduced - 1 } else { reduced };
            compare(format!("λ = {lambda:e}"), measured(method, |_| lambda, steps, false), fixed);
            compare(format!("λ = {lambda:e}, between steps"), measured(method, |_| lambda, steps, true), dense);
        }
        compare("z = −1e4".to_string(), measured(method, |h| -1e4 / h, steps, false), reduced);
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// A stiffly accurate method becomes the more exact the stiffer the problem: the error goes with $1/\lambda$.
#[test]
fn the_stiffer_the_more_exact() {
    for promise in promises() {
        let error = |lambda| errors(promise.method, lambda, promise.steps.0).0;
        let (soft, stiff) = (error(-1e5), error(-1e6));
        let expected = if promise.stiffly_accurate { 10.0 } else { 1.0 };
        let ratio = soft / stiff;
        println!("{:?}: {ratio:.3}", promise.method);
        assert!((ratio / expected - 1.0).abs() < 0.05, "{:?}: {soft:e}, {stiff:e}", promise.method);
    }
}

/// Not stiff, the same problem is solved with the classical order. At this size the two methods of highest order have
/// too little between long steps and rounding.
#[test]
fn the_classical_order_where_the_problem_is_not_stiff() {
    for promise in promises().into_iter().filter(|p| p.order < 9) {
        let found = measured(promise.method, |_| -1.0, (32, 128), false).unwrap();
        println!("{:?}: {found:.3}", promise.method);
        assert!((found - promise.order as f64).abs() < 0.15, "{:?}: order {found}", promise.method);
    }
}

/// Whatever $\lambda$, no error is larger than the stiff limit or the classical regime lets expect: nothing grows in
/// between.
#[test]
fn no_stiffness_is_worse_than_both_ends() {
    for promise in promises() {
        for steps in [8, 32] {
            let mild = errors(promise.method, -1.0, steps).0;
            let worst = (1..=16)
                .map(|k| errors(promise.method, -(10f64.powf(0.5 * f64::from(k))), steps).0)
                .fold(0.0, f64::max);
            // Stage order at work: O(h^r) without help from z.
            let h: f64 = END / f64::from(steps as u32);
            let bound = mild.max(0.2 * h.powi(promise.reduced as i32)) + 1e-13;
            assert!(worst < bound, "{:?} in {steps} steps: {worst:e} over {bound:e}", promise.method);
        }
    }
}

/// Rodas5P solves the problem with a cubic $\varphi$ exactly for every $\lambda$, at the steps and between them; the others
/// with a linear one.
#[test]
fn polynomials_that_rosenbrock_methods_solve_exactly() {
    struct Polynomial(i32);
    impl Model for Polynomial {
        fn states(&self) -> Names {
            ["u"].into()
        }
        fn parameters(&self) -> Names {
            ["lambda"].into()
        }
        fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
            let [lambda] = p.parameters();
            du[0] = lambda * (u[0] - t.powi(self.0)) + t.powi(self.0 - 1) * f64::from(self.0);
        }
    }
    let error = |method, degree, lambda| {
        let model = Polynomial(degree);
        let solve = Solve::new(&model, [0.0], 0.0, 1.0).parameters([lambda]).method(method).fixed_step(0.125);
        let solution = solve.run().unwrap();
        let times = (0..=40).map(|k| f64::from(k) / 40.0);
        times.map(|t| (solution.at(t).unwrap()[0] - t.powi(degree)).abs()).fold(0.0, f64::max)
    };
    for (method, degree) in [(Method::Rosenbrock23, 1), (Method::Rodas4, 1), (Method::Rodas5P, 3)] {
        for lambda in [-1.0, -1e2, -1e4, -1e6, -1e8] {
            let exact = error(method, degree, lambda);
            assert!(exact < 1e-12, "{method:?}, degree {degree}, λ = {lambda:e}: {exact:e}");
            let beyond = error(method, degree + 1, lambda);
            assert!(beyond > 1e-10, "{method:?}, degree {}, λ = {lambda:e}: {beyond:e}", degree + 1);
        }
    }
}
