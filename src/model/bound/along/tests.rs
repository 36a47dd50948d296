//! Second derivatives of models: against nested duals of the plain sums, against each other, against differences.

use super::super::{Bound, Scaling};
use crate::model::params::{Call, Caller, Params};
use crate::model::{Differentiable, Model, Names, System, Unknowns};
use crate::network::{Activation, Block, Mlp};
use crate::number::{Dual, Real};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A model whose unknown terms can be evaluated over any number, weights included.
pub(in crate::model::bound) trait Plain: Model {
    fn unknown<R: Real>(&self, k: usize, weights: &[R], x: &[R]) -> Vec<R>;
}

/// Mechanism alone, with every kind of operation, time, and eleven lanes.
struct Mechanism;

impl Model for Mechanism {
    fn states(&self) -> Names {
        ["a", "b", "c", "d", "e"].into()
    }
    fn parameters(&self) -> Names {
        ["k", "l", "m", "n", "o", "q"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [k, l, m, n, o, q] = p.parameters();
        du[0] = k * u[0] * u[1] / (l + u[0].square()) + (t * m).sin() * u[2];
        du[1] = (-(u[1] * n)).exp() * u[3].square() - (u[2].square() + 1.0).ln() * o;
        du[2] = u[4].tanh() * u[0].powi(3) - (q * u[3]).atan() + (u[1].square() + 0.5).sqrt() * t;
        du[3] = (u[0] * u[2]).cos() * k + (u[4].square() + 0.3).powf(1.7) - u[2].max(u[3]) * u[1].min(u[4] * 2.0);
        du[4] = (u[0] * l).exp_m1() * m + u[3].square().ln_1p() * u[4].abs() + u[1].select(u[2] * q, n);
    }
}

impl Plain for Mechanism {
    fn unknown<R: Real>(&self, _k: usize, _weights: &[R], _x: &[R]) -> Vec<R> {
        Vec::new()
    }
}

/// Two networks, the first called twice, the second with outputs of the first.
struct Networks {
    first: Mlp<2, 2>,
    second: Mlp<3, 1>,
}

impl Networks {
    fn new(activation: Activation) -> Self {
        Networks { first: Mlp::new([5, 3], activation), second: Mlp::new([9], activation) }
    }
}

impl Model for Networks {
    fn states(&self) -> Names {
        ["a", "b", "c"].into()
    }
    fn parameters(&self) -> Names {
        ["k", "l", "m"].into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("first", &self.first).and("second", &self.second)
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [k, l, m] = p.parameters();
        let [f, g] = p.call(&self.first, [u[0] * k, u[1]]);
        let [h] = p.call(&self.second, [f * u[2], t * g, l]);
        let [v, w] = p.call(&self.first, [h, u[2] * t.cos()]);
        du[0] = k * u[0] + f * g * t.sin() - m;
        du[1] = h * u[1] - l * v;
        du[2] = (w * m).sin() + u[0] * u[2];
    }
}

impl Plain for Networks {
    fn unknown<R: Real>(&self, k: usize, weights: &[R], x: &[R]) -> Vec<R> {
        if k == 0 { self.first.plain(weights, x) } else { self.second.plain(weights, x) }
    }
}

/// Three lanes: one narrow pass.
struct Small {
    loss: Mlp<1, 1>,
}

impl Model for Small {
    fn states(&self) -> Names {
        ["u"].into()
    }
    fn parameters(&self) -> Names {
        ["growth"].into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("loss", &self.loss)
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [growth] = p.parameters();
        let [loss] = p.call(&self.loss, [u[0] * t]);
        du[0] = growth.square() * u[0] - loss.square();
    }
}

impl Plain for Small {
    fn unknown<R: Real>(&self, _k: usize, weights: &[R], x: &[R]) -> Vec<R> {
        self.loss.plain(weights, x)
    }
}

/// Answers calls with plain sums and scaling by its definition.
struct Sums<'b, 'a, M, R> {
    bound: &'b Bound<'a, M>,
    p: &'b [R],
}

impl<M: Plain, R: Real> Caller<R> for Sums<'_, '_, M, R> {
    fn call(&self, address: usize, x: &[R], y: &mut [R]) -> Call<'_> {
        let Some(k) = self.bound.unknown_at(address) else { return Call::Unknown };
        let (shift, inputs, outputs) = self.bound.scaling_of(k).parts();
        let scaled: Vec<R> = x
            .iter()
            .enumerate()
            .map(|(i, x)| if shift.is_empty() { *x } else { (*x - shift[i]) / inputs[i] })
            .collect();
        let sums = self.bound.model.unknown(k, &self.p[self.bound.weights_of(k)], &scaled);
        for (o, (y, sum)) in y.iter_mut().zip(sums).enumerate() {
            *y = sum * outputs.get(o).copied().unwrap_or(1.0);
        }
        Call::Done
    }
}

/// A point $(t, u, p)$ with a cotangent $\lambda$; or how they move.
#[derive(Clone)]
struct Point {
    t: f64,
    u: Vec<f64>,
    p: Vec<f64>,
    lambda: Vec<f64>,
}

impl Point {
    /// Numbers between −1 and 1.
    fn some<M: Model>(bound: &Bound<'_, M>, seed: u64) -> Self {
        let mut at = seed as f64;
        let mut number = || {
            at += 1.618;
            (at * at).sin()
        };
        let t = number();
        let n = bound.dimension();
        let [u, p, lambda] = [n, bound.parameter_count(), n].map(|n| (0..n).map(|_| number()).collect());
        Point { t, u, p, lambda }
    }

    /// A place to stand: weights as they are drawn, positive parameters.
    fn place<M: Model>(bound: &Bound<'_, M>, seed: u64) -> Self {
        let mut point = Self::some(bound, seed);
        bound.initialize(&mut ChaCha8Rng::seed_from_u64(seed), &mut point.p);
        for p in &mut point.p[..bound.parameters().len()] {
            *p = 1.0 + 0.5 * *p;
        }
        point
    }

    fn at_rest(&self) -> Self {
        let zeros = |of: &[f64]| vec![0.0; of.len()];
        Point { t: 0.0, u: zeros(&self.u), p: zeros(&self.p), lambda: zeros(&self.lambda) }
    }

    fn moved(&self, along: &Point, h: f64) -> Self {
        let add = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + h * b).collect();
        Point {
            t: self.t + h * along.t,
            u: add(&self.u, &along.u),
            p: add(&self.p, &along.p),
            lambda: add(&self.lambda, &along.lambda),
        }
    }
}

/// $f$, and cotangents of states and parameters one after the other.
#[derive(Clone, Debug, PartialEq)]
struct Result {
    du: Vec<f64>,
    bar: Vec<f64>,
}

/// By `record` and `vjp`, with the tape.
fn plain<M: Model>(bound: &Bound<'_, M>, at: &Point) -> (Result, Vec<f64>) {
    let (n, q) = (bound.dimension(), bound.parameter_count());
    let mut tape = vec![0.0; bound.tape_len()];
    let (mut du, mut bar) = (vec![0.0; n], vec![0.0; n + q]);
    bound.record(at.t, &at.u, &at.p, &mut du, &mut tape);
    let (u_bar, p_bar) = bar.split_at_mut(n);
    bound.vjp(&at.p, &tape, &at.lambda, u_bar, p_bar);
    (Result { du, bar }, tape)
}

/// By `record_along` and `vjp_along`. The values must be those of `record` and `vjp`, bit for bit.
fn along<M: Model>(bound: &Bound<'_, M>, at: &Point, dot: &Point) -> Result {
    let (n, q) = (bound.dimension(), bound.parameter_count());
    let (mut tape, mut tape_dot) = (vec![0.0; bound.tape_len()], vec![0.0; bound.tape_len()]);
    let (mut du, mut du_dot) = (vec![0.0; n], vec![0.0; n]);
    let (mut bar, mut bar_dot) = (vec![0.0; n + q], vec![0.0; n + q]);
    let p = (&at.p[..], &dot.p[..]);
    bound.record_along((at.t, dot.t), (&at.u, &dot.u), p, (&mut du, &mut du_dot), (&mut tape, &mut tape_dot));
    let ((u_bar, p_bar), (u_bar_dot, p_bar_dot)) = (bar.split_at_mut(n), bar_dot.split_at_mut(n));
    bound.vjp_along(p, (&tape, &tape_dot), (&at.lambda, &dot.lambda), (u_bar, u_bar_dot), (p_bar, p_bar_dot));
    let bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let (values, plain_tape) = plain(bound, at);
    assert_eq!((bits(&du), bits(&bar), bits(&tape)), (bits(&values.du), bits(&values.bar), bits(&plain_tape)));
    Result { du: du_dot, bar: bar_dot }
}

/// Values and derivatives along the direction by nested duals, a coordinate at a time.
fn nested<M: Plain>(bound: &Bound<'_, M>, held: &[usize], at: &Point, dot: &Point) -> (Result, Result) {
    let (n, q) = (bound.dimension(), bound.parameter_count());
    let (mut values, mut dots) =
        (Result { du: vec![0.0; n], bar: vec![0.0; n + q] }, Result { du: vec![0.0; n], bar: vec![0.0; n + q] });
    for j in (0..n + q).filter(|j| !held.iter().any(|h| n + h == *j)) {
        let number = |k: usize, value: f64, dot: f64| {
            let slope = if k == j { 1.0 } else { 0.0 };
            Dual::<1, Dual<1>> { value: Dual { value, tangent: [dot] }, tangent: [Dual::constant(slope)] }
        };
        let u: Vec<_> = (0..n).map(|k| number(k, at.u[k], dot.u[k])).collect();
        let moves = |k: usize| if held.contains(&k) { 0.0 } else { dot.p[k] };
        let p: Vec<_> = (0..q).map(|k| number(n + k, at.p[k], moves(k))).collect();
        let mut du = vec![Dual::zero(); n];
        let caller = Sums { bound, p: &p };
        bound.rhs_over(number(usize::MAX, at.t, dot.t), &u, &p[..bound.parameters().len()], &caller, &mut du);
        for i in 0..n {
            (values.du[i], dots.du[i]) = (du[i].value.value, du[i].value.tangent[0]);
            let [slope] = (number(usize::MAX, at.lambda[i], dot.lambda[i]) * du[i]).tangent;
            values.bar[j] += slope.value;
            dots.bar[j] += slope.tangent[0];
        }
    }
    (values, dots)
}

fn assert_close(what: &str, a: &[f64], exact: &[f64], tolerance: f64) {
    let size = exact.iter().fold(1.0f64, |size, e| size.max(e.abs()));
    for (k, (a, e)) in a.iter().zip(exact).enumerate() {
        assert!((a - e).abs() <= tolerance * size, "{what} {k}: {a} {e}");
    }
}

/// Against a central difference $D(h)$ of `record` and `vjp`. Its error is $c h^2$, so $D(2h) - D(h)$ is three times that.
fn check_difference<M: Model>(name: &str, bound: &Bound<'_, M>, at: &Point, dot: &Point, computed: &Result) {
    let h = 1e-4;
    let difference = |h: f64| -> Vec<f64> {
        let ((ahead, _), (behind, _)) = (plain(bound, &at.moved(dot, h)), plain(bound, &at.moved(dot, -h)));
        let (ahead, behind) = (ahead.du.iter().chain(&ahead.bar), behind.du.iter().chain(&behind.bar));
        ahead.zip(behind).map(|(a, b)| (a - b) / (2.0 * h)).collect()
    };
    let (once, twice) = (difference(h), difference(2.0 * h));
    let size = once.iter().fold(1.0f64, |size, d| size.max(d.abs()));
    for (k, c) in computed.du.iter().chain(&computed.bar).enumerate() {
        let allowed = (twice[k] - once[k]).abs() + 20.0 * size * f64::EPSILON / h;
        assert!(allowed <= 1e-5 * size, "{name}: a difference that shows nothing, {allowed} of {size}");
        assert!((c - once[k]).abs() <= allowed, "{name}: {k}: {c} against the difference {}, {allowed}", once[k]);
    }
}

/// Everything that holds at every point of a model.
pub(in crate::model::bound) fn check<M: Plain>(name: &str, bound: &Bound<'_, M>, held: &[usize]) {
    for seed in 0..4 {
        let (at, dot) = (Point::place(bound, seed), Point::some(bound, 100 + seed));
        let computed = along(bound, &at, &dot);

        let (values, exact) = nested(bound, held, &at, &dot);
        let (found, tape) = plain(bound, &at);
        assert_close(&format!("{name}: f"), &found.du, &values.du, 1e-13);
        assert_close(&format!("{name}: cotangent"), &found.bar, &values.bar, 1e-12);
        assert_close(&format!("{name}: derivative of f"), &computed.du, &exact.du, 1e-12);
        assert_close(&format!("{name}: derivative of the cotangent"), &computed.bar, &exact.bar, 1e-12);

        // The derivative of f is also what the first derivatives say.
        let n = at.u.len();
        let (mut du_dot, mut f_t) = (vec![0.0; n], vec![0.0; n]);
        bound.jvp(&at.p, &tape, &dot.u, &dot.p, &mut du_dot);
        assert!(bound.time_derivative(at.t, &at.u, &at.p, &mut f_t));
        let sum: Vec<f64> = (0..n).map(|i| du_dot[i] + f_t[i] * dot.t).collect();
        assert_close(&format!("{name}: jvp"), &computed.du, &sum, 1e-12);

        // Differences move held parameters too; compare where nothing is held.
        if held.is_empty() {
            check_difference(name, bound, &at, &dot, &computed);
        }

        // aᵀ H b = bᵀ H a, with λ at rest and H that of λᵀ f.
        let rest = at.at_rest();
        let [a, b] = [200, 300].map(|s| Point { t: 0.0, lambda: rest.lambda.clone(), ..Point::some(bound, s + seed) });
        let product = |direction: &Point, by: &Point| -> f64 {
            let with = by.u.iter().chain(&by.p);
            along(bound, &at, direction).bar.iter().zip(with).map(|(h, b)| h * b).sum()
        };
        let (ab, ba) = (product(&a, &b), product(&b, &a));
        assert!((ab - ba).abs() <= 1e-12 * (1.0 + ab.abs()), "{name}: {ab} {ba}");
        assert!(ab.abs() > 1e-3, "{name}: {ab} shows nothing");

        // Nothing moves: no derivatives.
        let still = along(bound, &at, &rest);
        assert!(still.du.iter().chain(&still.bar).all(|d| *d == 0.0), "{name}: {still:?}");

        // What Rosenbrock methods need; empty is zero.
        let nothing = Point { t: 0.0, u: Vec::new(), p: Vec::new(), lambda: Vec::new() };
        let state = Point { u: dot.u.clone(), ..nothing.clone() };
        assert_eq!(along(bound, &at, &state), along(bound, &at, &Point { u: dot.u.clone(), ..rest.clone() }));
        let time = Point { t: 1.0, ..nothing };
        let computed = along(bound, &at, &time);
        let (_, exact) = nested(bound, held, &at, &Point { t: 1.0, ..rest });
        assert_close(&format!("{name}: derivative of f by time"), &computed.du, &f_t, 1e-13);
        assert_close(&format!("{name}: gradient of the derivative by time"), &computed.bar, &exact.bar, 1e-12);
    }
}

#[test]
fn of_a_mechanism_in_two_passes() {
    let mut bound = Bound::new(&Mechanism).unwrap();
    assert_eq!(bound.tape_len(), 5 * 16);
    check("mechanism", &bound, &[]);
    bound.hold(&[1, 4]);
    check("mechanism with held parameters", &bound, &[1, 4]);
}

#[test]
fn of_several_calls_with_all_activations() {
    for activation in [
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Softplus,
        Activation::Swish,
        Activation::Rbf,
        Activation::Relu,
        Activation::Identity,
    ] {
        let model = Networks::new(activation);
        let mut bound = Bound::new(&model).unwrap();
        check(&format!("{activation:?}"), &bound, &[]);
        bound.set_scaling(0, Scaling::new(&[0.3, -0.2], &[0.7, 2.5], &[1.5, 0.4]));
        bound.set_scaling(1, Scaling::new(&[0.1, 0.2, 1.0], &[1.5, 0.9, 2.0], &[3.0]));
        check(&format!("{activation:?}, scaled"), &bound, &[]);
        bound.hold(&[0, 2]);
        check(&format!("{activation:?}, scaled, with held parameters"), &bound, &[0, 2]);
    }
}

#[test]
fn in_one_narrow_pass() {
    let model = Small { loss: Mlp::new([6], Activation::Tanh) };
    let mut bound = Bound::new(&model).unwrap();
    check("small", &bound, &[]);
    bound.set_scaling(0, Scaling::new(&[2.0], &[3.0], &[0.5]));
    check("small, scaled", &bound, &[]);
    assert_eq!(bound.tape_len(), 4 + 4 + 1 + model.loss.tape_len());
}
