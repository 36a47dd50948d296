//! Class E: equations of second order, $y_2 = \dot y_1$.

use super::{known_between, problem};
use crate::model::{Model, Names, Params};
use crate::number::Real;
use crate::problems::{Problem, names_in_blocks};
use std::f64::consts::PI;

/// E1, derived from Bessel's equation of order one half, with $x = t + 1$: $\dot y_1 = y_2$,
/// $\dot y_2 = -\bigl(y_2 / x + (1 - \tfrac14 / x^2) y_1\bigr)$, so $y_1 = J_{1/2}(x) = \sqrt{2 / (\pi x)} \sin x$.
#[derive(Clone, Copy, Debug, Default)]
pub struct E1;

/// E2, derived from Van der Pol's equation: $\dot y_1 = y_2$, $\dot y_2 = (1 - y_1^2) y_2 - y_1$ from $(2, 0)$.
#[derive(Clone, Copy, Debug, Default)]
pub struct E2;

/// E3, derived from Duffing's equation: $\dot y_1 = y_2$, $\dot y_2 = y_1^3 / 6 - y_1 + 2 \sin 2.78535 t$ from
/// $(0, 0)$.
#[derive(Clone, Copy, Debug, Default)]
pub struct E3;

/// E4, derived from the equation of a falling body: $\dot y_1 = y_2$, $\dot y_2 = 0.032 - 0.4 y_2^2$ from $(30, 0)$,
/// so $y_2 = \sqrt{0.08} \tanh \sqrt{0.0128} t$ and $y_1 = 30 + 2.5 \ln \cosh \sqrt{0.0128} t$.
#[derive(Clone, Copy, Debug, Default)]
pub struct E4;

/// E5, derived from a linear pursuit equation: $\dot y_1 = y_2$, $\dot y_2 = \sqrt{1 + y_2^2} / (25 - t)$ from
/// $(0, 0)$, so with $s = 25 / (25 - t)$ $y_2 = (s - 1/s) / 2$ and $y_1 = 12.5 \ln s - t / 2 + t^2 / 100$.
#[derive(Clone, Copy, Debug, Default)]
pub struct E5;

impl E1 {
    /// The state at $t = 0$: $J_{1/2}(1)$ and its derivative.
    pub const INITIAL: [f64; 2] = [0.671_396_707_141_803, 0.095_400_514_447_474_46];
}

impl E2 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 2] = [2.0, 0.0];
}

impl E3 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 2] = [0.0, 0.0];
}

impl E4 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 2] = [30.0, 0.0];
}

impl E5 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 2] = [0.0, 0.0];
}

impl Model for E1 {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 2)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let inverse = (t + 1.0).recip();
        du[0] = u[1];
        du[1] = -(u[1] * inverse + (inverse * inverse * -0.25 + 1.0) * u[0]);
    }
}

impl Model for E2 {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 2)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = u[1];
        du[1] = (-u[0] * u[0] + 1.0) * u[1] - u[0];
    }
}

impl Model for E3 {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 2)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = u[1];
        du[1] = u[0] * u[0] * u[0] / 6.0 - u[0] + (t * 2.78535).sin() * 2.0;
    }
}

impl Model for E4 {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 2)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = u[1];
        du[1] = u[1] * u[1] * -0.4 + 0.032;
    }
}

impl Model for E5 {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 2)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        du[0] = u[1];
        du[1] = (u[1] * u[1] + 1.0).sqrt() / (-t + 25.0);
    }
}

pub(in crate::problems) fn e1() -> Problem {
    let exact = |t: f64| {
        let x = t + 1.0;
        let (size, (sine, cosine)) = ((2.0 / (PI * x)).sqrt(), x.sin_cos());
        vec![size * sine, size * (cosine - sine / (2.0 * x))]
    };
    problem(
        "detest_e1",
        "DETEST E1, Bessel",
        &E1,
        &E1::INITIAL,
        1.381,
        &[0.14567236007282466, -0.09883500195574578],
        Some(exact),
    )
}

pub(in crate::problems) fn e2() -> Problem {
    let state = [2.0081497621749484, -0.04250887527320215];
    let between = vec![
        (2.41, vec![-0.6014285531554346, -2.6285506956527547]),
        (16.37, vec![-1.9068822656787683, -0.8348743311466098]),
    ];
    known_between(
        problem("detest_e2", "DETEST E2, Van der Pol", &E2, &E2::INITIAL, 8.746, &state, None),
        between,
        vec![(16.37, 10.86)],
    )
}

pub(in crate::problems) fn e3() -> Problem {
    let state = [-0.10041788586472507, 0.2411400132095934];
    let between = vec![
        (8.37, vec![1.1340100711360412, 0.27644515477058196]),
        (16.43, vec![0.1522729974383058, -0.546048232332293]),
    ];
    known_between(
        problem("detest_e3", "DETEST E3, Duffing", &E3, &E3::INITIAL, 12.92, &state, None),
        between,
        Vec::new(),
    )
}

pub(in crate::problems) fn e4() -> Problem {
    let exact = |t: f64| {
        let s = 0.0128f64.sqrt() * t;
        vec![30.0 + 2.5 * s.cosh().ln(), 0.08f64.sqrt() * s.tanh()]
    };
    let state = [33.95091444646556, 0.2767822659672868];
    problem("detest_e4", "DETEST E4, falling body", &E4, &E4::INITIAL, 1.134, &state, Some(exact))
}

pub(in crate::problems) fn e5() -> Problem {
    let exact = |t: f64| {
        let s = 25.0 / (25.0 - t);
        vec![12.5 * s.ln() - t / 2.0 + t * t / 100.0, (s - 1.0 / s) / 2.0]
    };
    let state = [14.117973905426254, 2.4];
    problem("detest_e5", "DETEST E5, pursuit", &E5, &E5::INITIAL, 1.795, &state, Some(exact))
}
