//! Coloured records against plain ones of the same models, and against nested duals.

use super::*;
use crate::model::bound::along::{self, Moving, tests::Plain};
use crate::model::{Bound, Differentiable, Model, Names, Scaling, System, Unknowns};
use crate::network::{Activation, Mlp};
use crate::number::Real;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn numbered(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{name}{i}")).collect()
}

/// Two species on a ring, each cell with its own rates, and one rate for all.
struct Fields {
    cells: usize,
}

impl Model for Fields {
    fn states(&self) -> Names {
        [numbered("u", self.cells), numbered("v", self.cells)].concat().into()
    }
    fn parameters(&self) -> Names {
        [numbered("diffusion", self.cells), numbered("rate", self.cells), vec!["all".to_string()]].concat().into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let m = self.cells;
        let (u, v) = u.split_at(m);
        let (diffusion, rest) = p.all().split_at(m);
        let (rate, all) = rest.split_at(m);
        for i in 0..m {
            let (before, after) = (u[(i + m - 1) % m], u[(i + 1) % m]);
            du[i] = diffusion[i] * (before + after - u[i] * 2.0) + all[0] * u[i] * u[i] * v[i] - (t * rate[i]).sin();
            du[m + i] = rate[i].square() * u[i] - u[i] * u[i] * v[i];
        }
    }
}

impl Plain for Fields {
    fn unknown<R: Real>(&self, _k: usize, _weights: &[R], _x: &[R]) -> Vec<R> {
        Vec::new()
    }
}

/// A ring whose cells ask one network about their neighbours.
struct Asking {
    cells: usize,
    network: Mlp<3, 2>,
}

impl Asking {
    fn new(cells: usize) -> Self {
        Asking { cells, network: Mlp::new([4], Activation::Tanh) }
    }
}

impl Model for Asking {
    fn states(&self) -> Names {
        numbered("u", self.cells).into()
    }
    fn parameters(&self) -> Names {
        numbered("k", self.cells).into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("network", &self.network)
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let (m, k) = (self.cells, p.all());
        du.fill(R::zero());
        for i in 0..m {
            let (before, after) = ((i + m - 1) % m, (i + 1) % m);
            let [f, g] = p.call(&self.network, [u[before] * k[i], u[i] + t * 0.1, u[after]]);
            du[i] += f * k[i] - u[i].square() * u[i];
            du[after] += g * u[i];
        }
    }
}

impl Plain for Asking {
    fn unknown<R: Real>(&self, _k: usize, weights: &[R], x: &[R]) -> Vec<R> {
        self.network.plain(weights, x)
    }
}

/// A line whose cells hand what one network says to another.
struct Handing {
    cells: usize,
    first: Mlp<2, 2>,
    second: Mlp<3, 1>,
}

impl Handing {
    fn new(cells: usize) -> Self {
        Handing { cells, first: Mlp::new([3], Activation::Swish), second: Mlp::new([4], Activation::Rbf) }
    }
}

impl Model for Handing {
    fn states(&self) -> Names {
        numbered("u", self.cells).into()
    }
    fn parameters(&self) -> Names {
        numbered("k", self.cells).into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("first", &self.first).and("second", &self.second)
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let (m, k) = (self.cells, p.all());
        // What a cell gives on to the next.
        let mut flow = R::from_f64(0.3);
        for i in 0..m {
            let [f, g] = p.call(&self.first, [u[i] * k[i], flow]);
            let [h] = p.call(&self.second, [f * u[(i + 1) % m], t * g, k[i]]);
            du[i] = flow - h * k[i] + g * t.cos();
            // Every fifth cell takes nothing over: no pattern grows along the whole line.
            flow = if i % 5 == 4 { u[i] } else { h * u[i] };
        }
    }
}

impl Plain for Handing {
    fn unknown<R: Real>(&self, k: usize, weights: &[R], x: &[R]) -> Vec<R> {
        if k == 0 { self.first.plain(weights, x) } else { self.second.plain(weights, x) }
    }
}

/// Every state acts on every other.
struct Crowd {
    states: usize,
}

impl Model for Crowd {
    fn states(&self) -> Names {
        numbered("u", self.states).into()
    }
    fn parameters(&self) -> Names {
        ["k"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [k] = p.parameters();
        let all = u.iter().fold(R::zero(), |all, u| all + u.square());
        for (du, u) in du.iter_mut().zip(u) {
            *du = k * all.sin() - *u;
        }
    }
}

/// Numbers between −1 and 1.
fn wave(seed: f64, count: usize) -> Vec<f64> {
    (0..count).map(|i| (1.618 * (i as f64 + seed) * (i as f64 + seed)).sin()).collect()
}

fn assert_same(what: &str, coloured: &[f64], plain: &[f64]) {
    assert_eq!(coloured.len(), plain.len());
    let size = plain.iter().fold(0.0f64, |size, x| size.max(x.abs()));
    assert!(size > 1e-3, "{what}: nothing to compare");
    for (k, (c, p)) in coloured.iter().zip(plain).enumerate() {
        assert!((c - p).abs() <= 1e-14 * size, "{what} {k}: {c} instead of {p}");
    }
}

/// What `output_effects` tells, in one row.
fn effects(tell: impl FnOnce(&mut dyn FnMut(usize, usize, &[f64]))) -> Vec<f64> {
    let mut seen = Vec::new();
    tell(&mut |unknown, output, effect| {
        seen.extend([unknown as f64, output as f64]);
        seen.extend(effect);
    });
    seen
}

/// Everything that a record is used for, coloured and plain.
fn compare<M: Model>(name: &str, bound: &Bound<'_, M>) {
    let layout = &bound.layout;
    assert!(bound.coloured().is_some(), "{name} is not coloured");
    assert!(4 * bound.tape_len() < layout.tape_len || !layout.calls.is_empty(), "{name}: {}", bound.tape_len());
    let (n, q) = (bound.dimension(), bound.parameter_count());
    let (t, u, mut p) = (0.4, wave(0.3, n), wave(5.7, q));
    bound.initialize(&mut ChaCha8Rng::seed_from_u64(3), &mut p);
    let [u_dot, lambda, lambda_dot] = [9.1, 2.2, 3.4].map(|seed| wave(seed, n));
    let p_dot = wave(7.9, q);
    // A record writes all of its tape.
    let [mut tape, mut tape_dot] = [(); 2].map(|()| vec![f64::NAN; bound.tape_len()]);
    let [mut plain_tape, mut plain_tape_dot] = [(); 2].map(|()| vec![f64::NAN; layout.tape_len]);

    let (mut du, mut plain_du) = (vec![0.0; n], vec![0.0; n]);
    bound.record(t, &u, &p, &mut du, &mut tape);
    bound.record_lanes::<LANES>(t, &u, &p, &mut plain_du, &mut plain_tape);
    assert_same(&format!("{name}: f"), &du, &plain_du);
    let entries = bound.coloured().map_or(0, |coloured| coloured.lanes.len());
    assert!(tape[..entries].iter().all(|x| x.is_finite()));

    let [mut bar, mut plain_bar] = [(); 2].map(|()| wave(11.0, n + q));
    let (u_bar, p_bar) = bar.split_at_mut(n);
    bound.vjp(&p, &tape, &lambda, u_bar, p_bar);
    let (u_bar, p_bar) = plain_bar.split_at_mut(n);
    layout.vjp(&p, &plain_tape, &lambda, u_bar, p_bar);
    assert_same(&format!("{name}: vjp"), &bar, &plain_bar);

    bound.jvp(&p, &tape, &u_dot, &p_dot, &mut du);
    layout.jvp(&p, &plain_tape, &u_dot, &p_dot, &mut plain_du);
    assert_same(&format!("{name}: jvp"), &du, &plain_du);

    let [(mut f_u, mut f_p), (mut plain_f_u, mut plain_f_p)] =
        [(); 2].map(|()| (vec![f64::NAN; n * n], vec![7.0; n * (q + 3)]));
    bound.jacobian(&p, &tape, &mut f_u, &mut f_p, q + 3);
    layout.jacobian(&p, &plain_tape, &mut plain_f_u, &mut plain_f_p, q + 3);
    assert_same(&format!("{name}: f_u"), &f_u, &plain_f_u);
    assert_same(&format!("{name}: f_p"), &f_p, &plain_f_p);

    let seen = effects(|visit| bound.output_effects(&tape, visit));
    let plainly = effects(|visit| layout.output_effects(&plain_tape, visit));
    assert_eq!(seen, plainly, "{name}: effects");
    assert_eq!(seen.is_empty(), layout.calls.is_empty());

    let (mut du_dot, mut plain_du_dot) = (vec![0.0; n], vec![0.0; n]);
    let (at, along) = ((t, 0.7), ((&u[..], &u_dot[..]), (&p[..], &p_dot[..])));
    bound.record_along(at, along.0, along.1, (&mut du, &mut du_dot), (&mut tape, &mut tape_dot));
    along::record(
        layout,
        &|t, u, p, du: &mut [Moving<LANES>]| bound.model.rhs(t, u, p, du),
        at,
        along.0,
        along.1,
        (&mut plain_du, &mut plain_du_dot),
        (&mut plain_tape, &mut plain_tape_dot),
    );
    assert_same(&format!("{name}: f along"), &du_dot, &plain_du_dot);
    let [(mut bar, mut bar_dot), (mut plain_bar, mut plain_bar_dot)] =
        [(); 2].map(|()| (wave(12.0, n + q), wave(13.0, n + q)));
    {
        let ((u_bar, p_bar), (u_dot, p_dot)) = (bar.split_at_mut(n), bar_dot.split_at_mut(n));
        bound.vjp_along(along.1, (&tape, &tape_dot), (&lambda, &lambda_dot), (u_bar, u_dot), (p_bar, p_dot));
    }
    {
        let ((u_bar, p_bar), (u_dot, p_dot)) = (plain_bar.split_at_mut(n), plain_bar_dot.split_at_mut(n));
        let tapes = (&plain_tape[..], &plain_tape_dot[..]);
        layout.vjp_along(along.1, tapes, (&lambda, &lambda_dot), (u_bar, u_dot), (p_bar, p_dot));
    }
    assert_same(&format!("{name}: vjp along"), &bar, &plain_bar);
    assert_same(&format!("{name}: derivative of vjp"), &bar_dot, &plain_bar_dot);
}

#[test]
fn fields_of_parameters_are_as_in_a_plain_record() {
    // Also where the last colours wrap around the ring, and in one narrow or wide pass more.
    for cells in [31, 32, 33, 40] {
        let model = Fields { cells };
        let mut bound = Bound::new(&model).unwrap();
        compare(&format!("fields of {cells}"), &bound);
        bound.hold(&[0, cells, cells + 1, 2 * cells]);
        compare(&format!("fields of {cells}, some held"), &bound);
        bound.hold(&(0..2 * cells).collect::<Vec<_>>());
        if 2 * cells > ALWAYS_PLAIN {
            compare(&format!("fields of {cells}, all held"), &bound);
        }
    }
}

#[test]
fn calls_are_as_in_a_plain_record() {
    let model = Asking::new(40);
    let mut bound = Bound::new(&model).unwrap();
    compare("asking", &bound);
    bound.set_scaling(0, Scaling::new(&[0.3, -0.2, 0.1], &[0.7, 2.5, 1.1], &[1.5, 0.4]));
    compare("asking, scaled", &bound);
    bound.hold(&(0..40).step_by(3).collect::<Vec<_>>());
    compare("asking, scaled, some held", &bound);
    let model = Handing::new(45);
    let mut bound = Bound::new(&model).unwrap();
    compare("handing", &bound);
    bound.hold(&[3, 4, 40]);
    bound.set_scaling(1, Scaling::new(&[0.1, 0.2, 1.0], &[1.5, 0.9, 2.0], &[3.0]));
    compare("handing, scaled, some held", &bound);
}

#[test]
fn derivatives_are_those_of_nested_duals() {
    let model = Fields { cells: 24 };
    let mut bound = Bound::new(&model).unwrap();
    assert!(bound.coloured().is_some());
    along::tests::check("fields", &bound, &[]);
    bound.hold(&[2, 30, 48]);
    along::tests::check("fields, some held", &bound, &[2, 30, 48]);
    let model = Asking::new(20);
    let bound = Bound::new(&model).unwrap();
    assert!(bound.coloured().is_some());
    along::tests::check("asking", &bound, &[]);
    let model = Handing::new(20);
    let mut bound = Bound::new(&model).unwrap();
    bound.set_scaling(0, Scaling::new(&[0.3, -0.2], &[0.7, 2.5], &[1.5, 0.4]));
    assert!(bound.coloured().is_some());
    along::tests::check("handing", &bound, &[]);
}

#[test]
fn what_colours_do_not_help_is_recorded_plainly() {
    assert!(Bound::new(&Crowd { states: 100 }).unwrap().coloured().is_none());
    assert!(Bound::new(&Fields { cells: 15 }).unwrap().coloured().is_none());
}

#[test]
fn a_tape_grows_with_the_number_of_cells() {
    let len = |cells| Bound::new(&Fields { cells }).unwrap().tape_len();
    // u: three of u, one of v, two own rates and that for all; v: one of each, and its rate.
    assert_eq!(len(100), 100 * (7 + 3));
    assert_eq!(len(1000), 1000 * (7 + 3));
    let passes = |count| Pass::over(count).iter().map(|pass| pass.width()).collect::<Vec<_>>();
    assert_eq!([passes(0), passes(4), passes(5), passes(8)], [vec![], vec![4], vec![8], vec![8]]);
    assert_eq!([passes(9), passes(12), passes(13)], [vec![8, 4], vec![8, 4], vec![8, 8]]);
}
