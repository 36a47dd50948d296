//! Class C: moderate systems.

use super::{known_between, problem};
use crate::model::{Model, Names, Params};
use crate::number::Real;
use crate::problems::between::table;
use crate::problems::{Problem, names_in_blocks, names_interleaved};
use std::f64::consts::PI;

/// C1, a radioactive decay chain: $\dot y_1 = -y_1$, $\dot y_i = y_{i-1} - y_i$ for $i = 2 … 9$, $\dot y_{10} = y_9$
/// from $(1, 0, …, 0)$, so $y_i = t^{i-1} e^{-t} / (i-1)!$ for $i \le 9$; the sum is one.
#[derive(Clone, Copy, Debug, Default)]
pub struct C1;

/// C2, another one: $\dot y_1 = -y_1$, $\dot y_i = (i - 1) y_{i-1} - i y_i$ for $i = 2 … 9$, $\dot y_{10} = 9 y_9$
/// from $(1, 0, …, 0)$, so $y_i = e^{-t} (1 - e^{-t})^{i-1}$ for $i \le 9$ and $y_{10} = (1 - e^{-t})^9$.
#[derive(Clone, Copy, Debug, Default)]
pub struct C2;

/// C3, heat conduction by the method of lines: $\dot y_i = y_{i-1} - 2 y_i + y_{i+1}$ for $i = 1 … 10$ with zeros
/// beyond the ends, from $(1, 0, …, 0)$. The solution is a sum of ten sine waves.
#[derive(Clone, Copy, Debug, Default)]
pub struct C3;

/// C4, as [`C3`] with 51 equations.
#[derive(Clone, Copy, Debug, Default)]
pub struct C4;

/// C5, the five outer planets Jupiter, Saturn, Uranus, Neptune and Pluto about the sun,
///
/// $$ \ddot r_j = k_2 \Bigl( -(m_0 + m_j) \frac{r_j}{|r_j|^3} + \sum_{k \ne j} m_k
///    \Bigl( \frac{r_k - r_j}{|r_k - r_j|^3} - \frac{r_k}{|r_k|^3} \Bigr) \Bigr) , $$
///
/// $m_0$ the sun's mass with that of the inner planets. Distances in astronomical units, time in units of 100 days:
/// the 2000 days to $t = 20$ are half a year of Jupiter. States $x_1, y_1, z_1, …, z_5$ and their derivatives.
#[derive(Clone, Copy, Debug, Default)]
pub struct C5;

/// One at the first place, zeros elsewhere.
const fn first<const N: usize>() -> [f64; N] {
    let mut state = [0.0; N];
    state[0] = 1.0;
    state
}

impl C1 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 10] = first();
}

impl C2 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 10] = first();
}

impl C3 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 10] = first();
}

impl C4 {
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 51] = first();
}

impl C5 {
    /// $k_2$, the constant of gravity.
    pub const GRAVITY: f64 = 2.95912208286;
    /// $m_0$, the mass of the sun and the inner planets.
    pub const SUN: f64 = 1.00000597682;
    /// The masses $m_1 … m_5$ of the planets.
    pub const MASSES: [f64; 5] =
        [0.954_786_104_043e-3, 0.285_583_733_151e-3, 0.437_273_164_546e-4, 0.517_759_138_449e-4, 0.277_777_777_778e-5];
    /// The state at $t = 0$.
    pub const INITIAL: [f64; 30] = [
        3.42947415189,
        3.35386959711,
        1.35494901715, //
        6.64145542550,
        5.97156957878,
        2.18231499728, //
        11.2630437207,
        14.6952576794,
        6.27960525067, //
        -30.1552268759,
        1.65699966404,
        1.43785752721, //
        -21.1238353380,
        28.4465098142,
        15.3882659679, //
        -0.557160570446,
        0.505696783289,
        0.230578543901, //
        -0.415570776342,
        0.365682722812,
        0.169143213293, //
        -0.325325669158,
        0.189706021964,
        0.0877265322780, //
        -0.0240476254170,
        -0.287659532608,
        -0.117219543175, //
        -0.176860753121,
        -0.216393453025,
        -0.0148647893090,
    ];
}

impl Model for C1 {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 10)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let mut fed = R::zero();
        for i in 0..9 {
            du[i] = fed - u[i];
            fed = u[i];
        }
        du[9] = fed;
    }
}

impl Model for C2 {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 10)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let mut fed = R::zero();
        for i in 0..9 {
            let lost = u[i] * (i + 1) as f64;
            du[i] = fed - lost;
            fed = lost;
        }
        du[9] = fed;
    }
}

/// $u_{i-1} - 2 u_i + u_{i+1}$ with zeros beyond the ends.
#[inline(always)]
fn second_difference<R: Real>(u: &[R], du: &mut [R]) {
    let mut before = R::zero();
    for i in 0..u.len() {
        let after = if i + 1 < u.len() { u[i + 1] } else { R::zero() };
        du[i] = before - u[i] * 2.0 + after;
        before = u[i];
    }
}

impl Model for C3 {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 10)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        second_difference(u, du);
    }
}

impl Model for C4 {
    fn states(&self) -> Names {
        names_in_blocks(&["y"], 51)
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        second_difference(u, du);
    }
}

impl Model for C5 {
    fn states(&self) -> Names {
        let names = [names_interleaved(&["x", "y", "z"], 5), names_interleaved(&["vx", "vy", "vz"], 5)];
        names.iter().flat_map(|names| names.iter().cloned()).collect::<Vec<_>>().into()
    }
    #[inline(always)]
    fn rhs<R: Real>(&self, _t: R, u: &[R], _p: &Params<R>, du: &mut [R]) {
        let (Some((position, velocity)), Some((rate, acceleration))) =
            (u.split_at_checked(15), du.split_at_mut_checked(15))
        else {
            return;
        };
        rate.copy_from_slice(velocity);
        let pull = |x: R, y: R, z: R| {
            let r2 = x * x + y * y + z * z;
            (r2 * r2.sqrt()).recip()
        };
        // What the planets do to the sun they seem to do to each other, seen from it.
        let mut sun = [R::zero(); 3];
        for (r, (a, m)) in position.chunks_exact(3).zip(acceleration.chunks_exact_mut(3).zip(Self::MASSES)) {
            let toward_sun = pull(r[0], r[1], r[2]);
            for i in 0..3 {
                let towards = r[i] * toward_sun;
                a[i] = towards * -Self::SUN;
                sun[i] += towards * m;
            }
        }
        for j in 0..5 {
            for k in j + 1..5 {
                let d: [R; 3] = std::array::from_fn(|i| position[3 * k + i] - position[3 * j + i]);
                let between = pull(d[0], d[1], d[2]);
                for i in 0..3 {
                    let towards = d[i] * between;
                    acceleration[3 * j + i] += towards * Self::MASSES[k];
                    acceleration[3 * k + i] -= towards * Self::MASSES[j];
                }
            }
        }
        for a in acceleration.chunks_exact_mut(3) {
            for i in 0..3 {
                a[i] = (a[i] - sun[i]) * Self::GRAVITY;
            }
        }
    }
}

pub(in crate::problems) fn c1() -> Problem {
    let exact = |t: f64| {
        let mut terms: Vec<f64> = Vec::with_capacity(10);
        let mut term = (-t).exp();
        for k in 1..10 {
            terms.push(term);
            term *= t / f64::from(k);
        }
        // The rest of the series: one minus the sum would cancel.
        let (mut rest, mut k) = (0.0, 9.0);
        while term > 1e-20 * rest {
            rest += term;
            k += 1.0;
            term *= t / k;
        }
        terms.push(rest);
        terms
    };
    let state = [
        2.061153622438558e-09,
        4.122307244877116e-08,
        4.122307244877116e-07,
        2.7482048299180773e-06,
        1.3741024149590386e-05,
        5.496409659836154e-05,
        0.0001832136553278718,
        0.0005234675866510623,
        0.0013086689666276558,
        0.997912740950865,
    ];
    problem("detest_c1", "DETEST C1, decay chain", &C1, &C1::INITIAL, 5.503, &state, Some(exact))
}

pub(in crate::problems) fn c2() -> Problem {
    let exact = |t: f64| {
        let gone = -(-t).exp_m1();
        (0..9).map(|i| (-t).exp() * gone.powi(i)).chain([gone.powi(9)]).collect()
    };
    let state = [
        2.061153622438558e-09,
        2.0611536181902037e-09,
        2.061153613941849e-09,
        2.061153609693495e-09,
        2.061153605445141e-09,
        2.061153601196787e-09,
        2.0611535969484323e-09,
        2.061153592700078e-09,
        2.061153588451724e-09,
        0.9999999814496175,
    ];
    problem("detest_c2", "DETEST C2, decay chain", &C2, &C2::INITIAL, 5.5, &state, Some(exact))
}

/// $y_i = \frac2{n+1} \sum_k \sin \frac{k \pi}{n+1} \sin \frac{i k \pi}{n+1} e^{-4 t \sin^2 \frac{k \pi}{2 (n+1)}}$.
fn heat(n: usize, t: f64) -> Vec<f64> {
    let angle = PI / (n + 1) as f64;
    let wave = |i: usize, k: usize| {
        let decay = 4.0 * (k as f64 * angle / 2.0).sin().powi(2);
        // The product i k is reduced to a full turn while it is whole.
        (k as f64 * angle).sin() * ((i * k % (2 * (n + 1))) as f64 * angle).sin() * (-decay * t).exp()
    };
    (1..=n).map(|i| 2.0 / (n + 1) as f64 * (1..=n).map(|k| wave(i, k)).sum::<f64>()).collect()
}

pub(in crate::problems) fn c3() -> Problem {
    let state = [
        0.0029481192110226992,
        0.005635380154845296,
        0.007829072515927038,
        0.009348257908595597,
        0.010079436103019805,
        0.009982674171429489,
        0.009088693332765333,
        0.007489115195185085,
        0.005322964130952675,
        0.0027624343790295146,
    ];
    problem("detest_c3", "DETEST C3, heat, 10 points", &C3, &C3::INITIAL, 1.0, &state, Some(|t| heat(10, t)))
}

pub(in crate::problems) fn c4() -> Problem {
    let state = [
        0.003124111453722103,
        0.006015416842151323,
        0.00847002183484361,
        0.010336829317333924,
        0.011532495728739203,
        0.012045495257379123,
        0.011929570680152192,
        0.011288832071111289,
        0.01025804501390988,
        0.00898201758193417,
        0.007597500902492728,
        0.006219920556825367,
        0.004935916341009462,
        0.003801432544256305,
        0.00284421367758792,
        0.0020691233942225834,
        0.0014646872828437804,
        0.001009545263941004,
        0.0006779354330226245,
        0.00044378152691182426,
        0.00028332645429390634,
        0.00017650057987970974,
        0.000107334259269755,
        6.374497601779555e-05,
        3.6986453097054486e-05,
        2.097466832644101e-05,
        1.1629567104123481e-05,
        6.306710405778984e-06,
        3.3462864308642114e-06,
        1.737760074181166e-06,
        8.83536690425763e-07,
        4.39952041112023e-07,
        2.1461818971516788e-07,
        1.0259812116573905e-07,
        4.8078640688165e-08,
        2.2091751525026646e-08,
        9.956251263332034e-09,
        4.402193653863075e-09,
        1.910149382259889e-09,
        8.13589292167481e-10,
        3.402477118567461e-10,
        1.3974856174900842e-10,
        5.638575302337239e-11,
        2.235459707341519e-11,
        8.710498031903506e-12,
        3.3365542723879094e-12,
        1.2566795659787626e-12,
        4.654359042757128e-13,
        1.6935591399749388e-13,
        5.996593788386712e-14,
        1.8913306910279898e-14,
    ];
    problem("detest_c4", "DETEST C4, heat, 51 points", &C4, &C4::INITIAL, 1.0, &state, Some(|t| heat(51, t)))
}

pub(in crate::problems) fn c5() -> Problem {
    let state = [
        -4.792730224323636,
        -2.4205507254490213,
        -0.9212509306015115,
        -4.217310404035214,
        7.356202947498969,
        3.223785985421211,
        4.0355594432622715,
        17.19865528670555,
        7.478910794233703,
        -29.987593263248442,
        -4.107310937550929,
        -0.9277008321754407,
        -24.42125302518483,
        23.814590457465542,
        14.920963069513588,
        0.3499208963063996,
        -0.5748487687912803,
        -0.25516940208791444,
        -0.5237040978903326,
        -0.2493000463579663,
        -0.0804534164204447,
        -0.38752892373341097,
        0.05648603288767891,
        0.030236064721433416,
        0.04133856546712447,
        -0.2862393029841379,
        -0.11830324051362069,
        -0.15119864573592057,
        -0.24600688943187654,
        -0.03189687411323877,
    ];
    let between = table(include_str!("../between/detest_c5.txt"));
    known_between(
        problem("detest_c5", "DETEST C5, five planets", &C5, &C5::INITIAL, 32.23, &state, None),
        between,
        vec![(15.83, 82.29)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Energy and angular momentum in the frame of the centre of mass.
    fn invariants(u: &[f64]) -> [f64; 4] {
        let masses: Vec<f64> = [C5::SUN].into_iter().chain(C5::MASSES).collect();
        let total: f64 = masses.iter().sum();
        let bodies = |at: usize| -> Vec<[f64; 3]> {
            let seen: Vec<[f64; 3]> =
                [[0.0; 3]].into_iter().chain(u[at..at + 15].chunks(3).map(|c| [c[0], c[1], c[2]])).collect();
            let centre: [f64; 3] =
                std::array::from_fn(|i| seen.iter().zip(&masses).map(|(x, m)| m * x[i]).sum::<f64>() / total);
            seen.iter().map(|x| std::array::from_fn(|i| x[i] - centre[i])).collect()
        };
        let (x, v) = (bodies(0), bodies(15));
        let mut energy = 0.0;
        let mut momentum = [0.0; 3];
        for j in 0..6 {
            energy += masses[j] * v[j].iter().map(|v| v * v).sum::<f64>() / 2.0;
            for k in 0..j {
                let d = (0..3).map(|i| (x[j][i] - x[k][i]).powi(2)).sum::<f64>().sqrt();
                energy -= C5::GRAVITY * masses[j] * masses[k] / d;
            }
            for i in 0..3 {
                let (a, b) = ((i + 1) % 3, (i + 2) % 3);
                momentum[i] += masses[j] * (x[j][a] * v[j][b] - x[j][b] * v[j][a]);
            }
        }
        [energy, momentum[0], momentum[1], momentum[2]]
    }

    #[test]
    fn the_planets_keep_energy_and_angular_momentum() {
        let reference = c5().reference;
        for state in reference.between.iter().map(|(_, state)| state).chain([&reference.state]) {
            for (a, b) in invariants(&C5::INITIAL).iter().zip(invariants(state)) {
                approx::assert_relative_eq!(*a, b, max_relative = 1e-13);
            }
        }
    }

    #[test]
    fn nothing_is_lost() {
        for problem in [c1(), c2()] {
            approx::assert_relative_eq!(problem.reference.state.iter().sum::<f64>(), 1.0, max_relative = 3e-16);
        }
    }
}
