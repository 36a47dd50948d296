//! Events: zero crossings of functions of the solution, found while solving.

use super::integrate::{Action, Stop, StopReason};
use super::jump::JumpSlopes;
use super::stepper::{Context, Step, Stepper};
use std::rc::Rc;

/// A function $g(t, u, p)$ whose zero crossings are looked for, and what happens at them.
///
/// A crossing is found on the dense output of each step, to rounding in $t$. Two crossings within a quarter of one step
/// may cancel and be missed: limit the step with `h_max` where that matters. Without an effect and not terminal, an
/// event is only recorded. Where several happen at one time, their effects follow in the order in which the events
/// were given.
///
/// ```
/// use ansatz::prelude::*;
/// // A ball thrown up at 10 m/s loses a fifth of its speed at every bounce.
/// let ball = from_fn(["height", "speed"], |_t, u, _p, du| {
///     du[0] = u[1];
///     du[1] = -9.81;
/// });
/// let bounce = Event::new("bounce", |_t, u, _p| u[0]).falling().then(|_t, u, _p| {
///     u[0] = 0.0;
///     u[1] *= -0.8;
/// });
/// let top = Event::new("top", |_t, u, _p| u[1]).falling();
/// let solution = Solve::system(&ball, [0.0, 10.0], 0.0, 5.0).event(bounce).event(top).run()?;
/// let bounces: Vec<f64> = solution.events("bounce").map(|e| e.t).collect();
/// assert!((bounces[0] - 20.0 / 9.81).abs() < 1e-9);
/// assert!((bounces[1] - bounces[0] - 16.0 / 9.81).abs() < 1e-9);
/// assert_eq!(solution.events("top").count(), 3);
/// # Ok::<(), ansatz::Error>(())
/// ```
#[derive(Clone)]
pub struct Event<'e> {
    pub(crate) name: String,
    function: Rc<Function<'e>>,
    crossing: Crossing,
    terminal: bool,
    effect: Option<Rc<Effect<'e>>>,
    /// Its derivatives, where it has them.
    slopes: Option<Rc<dyn JumpSlopes + 'e>>,
}

pub(crate) type Function<'e> = dyn Fn(f64, &[f64], &[f64]) -> f64 + 'e;
pub(crate) type Effect<'e> = dyn Fn(f64, &mut [f64], &[f64]) + 'e;

/// Which crossings count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Crossing {
    #[default]
    Any,
    Rising,
    Falling,
}

/// An event that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Occurrence {
    /// Index of the event, in the order in which the events were given.
    pub event: usize,
    /// When.
    pub t: f64,
    /// The state, before any effect.
    pub state: Vec<f64>,
}

impl<'e> Event<'e> {
    /// The zero crossings of `function(t, u, p)`, in both directions.
    pub fn new(name: impl Into<String>, function: impl Fn(f64, &[f64], &[f64]) -> f64 + 'e) -> Self {
        Event {
            name: name.into(),
            function: Rc::new(function),
            crossing: Crossing::Any,
            terminal: false,
            effect: None,
            slopes: None,
        }
    }

    /// Only where the function grows through zero as the solve goes on.
    pub fn rising(mut self) -> Self {
        self.crossing = Crossing::Rising;
        self
    }

    /// Only where the function falls through zero as the solve goes on.
    pub fn falling(mut self) -> Self {
        self.crossing = Crossing::Falling;
        self
    }

    /// Ends the solve there.
    pub fn terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    /// Changes the state there: `effect(t, u, p)`. The method then begins afresh. A closure has no derivatives:
    /// [`Event::of`] makes events for solves that are differentiated.
    pub fn then(mut self, effect: impl Fn(f64, &mut [f64], &[f64]) + 'e) -> Self {
        self.effect = Some(Rc::new(effect));
        self.slopes = None;
        self
    }

    /// With the derivatives of its function and its effect.
    pub(super) fn with_slopes(mut self, slopes: Rc<dyn JumpSlopes + 'e>) -> Self {
        self.slopes = Some(slopes);
        self
    }

    /// Whether it can be differentiated: it has derivatives, or changes nothing.
    pub(crate) fn is_smooth(&self) -> bool {
        self.slopes.is_some() || !self.acts()
    }

    /// Whether it has derivatives.
    pub(crate) fn has_slopes(&self) -> bool {
        self.slopes.is_some()
    }

    fn acts(&self) -> bool {
        self.terminal || self.effect.is_some()
    }
}

/// Something done to the state at given times: doses.
pub(crate) struct Preset<'e> {
    pub times: Vec<f64>,
    pub effect: Box<Effect<'e>>,
}

/// The events of a solve and what is known of them.
pub(crate) struct Events<'e> {
    events: Vec<Event<'e>>,
    presets: Vec<Preset<'e>>,
    p: Vec<f64>,
    /// Sign of each function where the step begins; zero when not known, at the start and after it happened.
    sides: Vec<f64>,
    /// The last time that each acted.
    last: Vec<Last>,
    /// Whether the sides belong to the start of a course.
    begun: bool,
    state: Vec<f64>,
    /// Those that happen at the end of the step as cut, to act there.
    due: Vec<usize>,
    /// θ and event of each crossing in the step, and the side it was on before; the sides at the end of the step.
    found: Vec<(f64, usize, f64)>,
    ends: Vec<f64>,
    pub occurred: Vec<Occurrence>,
}

/// Gives the state at $\theta$ in a step.
type Look<'l> = dyn Fn(f64, &mut [f64]) + 'l;

/// The last time that an event acted.
#[derive(Clone, Copy, Debug)]
struct Last {
    t: f64,
    /// Sign of its function before.
    side: f64,
}

/// Where a step is looked at; the first only while a side is not known.
const LOOKS: [f64; 5] = [1e-3, 0.25, 0.5, 0.75, 1.0];

/// Crossings no farther apart than this many times what can be told apart happen at one time: functions with a zero in
/// common differ by the rounding of their values. An event cannot act twice at one time.
const SAME_TIME: f64 = 64.0;
/// Nor are those told apart that are closer than this in $\theta$: dense outputs of high order, with coefficients of
/// $10^4$ that cancel, are no smoother.
const SAME_THETA: f64 = 1e-10;

impl<'e> Events<'e> {
    pub fn new(events: Vec<Event<'e>>, presets: Vec<Preset<'e>>, p: &[f64]) -> Self {
        let sides = vec![0.0; events.len()];
        let last = vec![Last { t: f64::NAN, side: 0.0 }; events.len()];
        Events {
            events,
            presets,
            p: p.to_vec(),
            sides,
            last,
            begun: false,
            state: Vec::new(),
            due: Vec::new(),
            found: Vec::new(),
            ends: Vec::new(),
            occurred: Vec::new(),
        }
    }

    /// Looks for crossings in a step: records those before the first that acts, and gives its time and $\theta$.
    pub fn locate<F: ?Sized, M: Stepper<F> + ?Sized>(
        &mut self,
        f: &mut F,
        method: &mut M,
        step: &Step,
        cx: &mut Context,
    ) -> Result<Option<(f64, f64)>, Stop> {
        if self.events.is_empty() {
            return Ok(None);
        }
        method.prepare(f, step, cx);
        let method = &*method;
        self.locate_in(step, method.slope(), &|theta, out| method.interpolate(step, theta, out), cx)
    }

    /// [`locate`](Self::locate) for a step whose states `look(θ, u)` gives, with the slope at its start: compiled once for
    /// all systems.
    fn locate_in(
        &mut self,
        step: &Step,
        slope: &[f64],
        look: &Look<'_>,
        cx: &mut Context,
    ) -> Result<Option<(f64, f64)>, Stop> {
        self.state.resize(step.u.len(), 0.0);
        self.due.clear();
        if !self.begun {
            self.begun = true;
            for (side, event) in self.sides.iter_mut().zip(&self.events) {
                *side = sign((event.function)(step.t, step.u, &self.p));
            }
        }
        self.found.clear();
        self.ends.clear();
        // The first place where a function is not a number, which matters if nothing ends the step before it.
        let mut undefined: Option<(f64, usize)> = None;
        for k in 0..self.events.len() {
            let (mut side, mut before, mut all_zero) = (self.sides[k], 0.0, self.sides[k] == 0.0);
            if side == 0.0 && self.turned_back(k, slope, step) {
                (side, all_zero) = (self.last[k].side, false);
            }
            for theta in LOOKS {
                if theta == LOOKS[0] && side != 0.0 {
                    continue;
                }
                let value = self.value(k, look, step, theta);
                if value.is_nan() {
                    undefined = undefined.filter(|(first, _)| *first <= theta).or(Some((theta, k)));
                    all_zero = false;
                    break;
                }
                let here = sign(value);
                if here == 0.0 && theta < 1.0 {
                    continue;
                }
                all_zero &= here == 0.0;
                if side != 0.0 && here != side {
                    let counts = match self.events[k].crossing {
                        Crossing::Any => true,
                        Crossing::Rising => side < 0.0,
                        Crossing::Falling => side > 0.0,
                    };
                    if counts {
                        let root = self.root(k, look, step, before, theta, side);
                        self.found.push((root, k, side));
                    }
                }
                (side, before) = (here, theta);
            }
            if all_zero && self.zero_between_looks(k, look, step) && (moves(step) || self.zero_elsewhere(k, step)) {
                return Err(Stop { reason: StopReason::EventIsZero(k), t: step.t, h: step.h.abs(), component: 0 });
            }
            self.ends.push(side);
        }
        let fault = |(theta, k): (f64, usize)| {
            let t = step.t + theta * step.h;
            Err(Stop { reason: StopReason::EventNotFinite(k), t, h: step.h.abs(), component: 0 })
        };
        if self.found.is_empty() {
            if let Some(undefined) = undefined {
                return fault(undefined);
            }
            std::mem::swap(&mut self.sides, &mut self.ends);
            return Ok(None);
        }
        let mut found = std::mem::take(&mut self.found);
        let in_order = |a: &(f64, usize, f64), b: &(f64, usize, f64)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        found.sort_unstable_by(in_order);
        let first = found.iter().find(|(_, k, _)| self.events[*k].acts()).map(|(theta, ..)| *theta);
        // What rounding cannot tell apart happens at one time: the last of them, where all have crossed.
        let acting = first.map(|first| {
            let same = first + (SAME_TIME * resolution(step)).max(SAME_THETA);
            found.iter().map(|(theta, ..)| *theta).filter(|theta| *theta <= same).fold(first, f64::max)
        });
        if let (Some(first), Some(last)) = (first, acting) {
            let together = found.iter_mut().filter(|(theta, ..)| *theta >= first && *theta <= last);
            together.for_each(|(theta, ..)| *theta = last);
            found.sort_unstable_by(in_order);
        }
        if let Some(undefined) = undefined.filter(|(theta, _)| acting.is_none_or(|acting| *theta <= acting)) {
            return fault(undefined);
        }
        let last = acting.unwrap_or(1.0);
        for &(theta, k, _) in found.iter().take_while(|(theta, ..)| *theta <= last) {
            look(theta, &mut self.state);
            let t = if theta == 1.0 { step.t_new } else { step.t + theta * step.h };
            self.occurred.push(Occurrence { event: k, t, state: self.state.clone() });
            cx.statistics.events += 1;
            if Some(theta) == acting && self.events[k].acts() {
                self.due.push(k);
            }
        }
        let Some(theta) = acting else {
            std::mem::swap(&mut self.sides, &mut self.ends);
            self.found = found;
            return Ok(None);
        };
        // The state changes where the step is cut: sides are those there, and not known of what just happened.
        look(theta, &mut self.state);
        let t = if theta == 1.0 { step.t_new } else { step.t + theta * step.h };
        for (k, side) in self.sides.iter_mut().enumerate() {
            *side = sign((self.events[k].function)(t, &self.state, &self.p));
        }
        let same = SAME_TIME * resolution(step) * step.h.abs();
        for &(_, k, before) in found.iter().filter(|(at, ..)| *at == theta) {
            if self.events[k].acts() && (t - self.last[k].t).abs() <= same {
                return Err(Stop { reason: StopReason::EventsAccumulate(k), t: step.t, h: step.h.abs(), component: 0 });
            }
            self.sides[k] = 0.0;
            self.last[k] = Last { t, side: before };
        }
        self.found = found;
        Ok(Some((t, theta)))
    }

    fn value(&mut self, k: usize, look: &Look<'_>, step: &Step, theta: f64) -> f64 {
        let t = if theta == 1.0 { step.t_new } else { step.t + theta * step.h };
        look(theta, &mut self.state);
        (self.events[k].function)(t, &self.state, &self.p)
    }

    /// Whether the function, after an event that acted, sets out for the side that it came from. It may be there for less
    /// than the first of [`LOOKS`], as a ball is between two of its last bounces.
    fn turned_back(&mut self, k: usize, slope: &[f64], step: &Step) -> bool {
        let Last { t, side: came_from } = self.last[k];
        // Only in the step that begins there; after a stop that is a rounding later.
        if came_from == 0.0 || (step.t - t).abs() > 2.0 * f64::EPSILON * t.abs() {
            return false;
        }
        let h = LOOKS[0] * step.h;
        for ((x, u), slope) in self.state.iter_mut().zip(step.u).zip(slope) {
            *x = u + h * slope;
        }
        let function = &self.events[k].function;
        sign(function(step.t + h, &self.state, &self.p) - function(step.t, step.u, &self.p)) == came_from
    }

    /// Whether the function is zero at places that no accident would choose.
    fn zero_between_looks(&mut self, k: usize, look: &Look<'_>, step: &Step) -> bool {
        [0.123, 0.617, 0.931].iter().all(|theta| self.value(k, look, step, *theta) == 0.0)
    }

    /// Whether the function is zero at other states too: where the state rests, a function of it may be zero for good
    /// reason.
    fn zero_elsewhere(&mut self, k: usize, step: &Step) -> bool {
        [0.37, -0.21, 0.83].iter().all(|shift| {
            for (i, (x, u)) in self.state.iter_mut().zip(step.u).enumerate() {
                // Not by as much for all: a function of their difference or ratio would not see that.
                *x = u + shift * (u.abs() + 1.0) * (1.0 + 0.618 * i as f64).fract().max(0.1);
            }
            (self.events[k].function)(step.t_new, &self.state, &self.p) == 0.0
        })
    }

    /// The smallest $\theta$ at which the function has left `side`, to rounding: bisection made quick by the Illinois
    /// variant of the secant method (M. Dowell, P. Jarratt, BIT 11, 1971).
    fn root(&mut self, k: usize, look: &Look<'_>, step: &Step, mut low: f64, mut high: f64, side: f64) -> f64 {
        let (mut g_low, mut g_high) = (self.value(k, look, step, low), self.value(k, look, step, high));
        let resolution = resolution(step);
        let mut moved = 0.0;
        for round in 0..200 {
            if high - low <= resolution {
                break;
            }
            let secant = high - g_high * (high - low) / (g_high - g_low);
            // Now and then the middle, so that the interval shrinks whatever the function.
            let theta = if secant > low && secant < high && round % 3 != 2 {
                secant.clamp(low + 0.25 * resolution, high - 0.25 * resolution)
            } else {
                0.5 * (low + high)
            };
            let g = self.value(k, look, step, theta);
            if sign(g) == side {
                (low, g_low) = (theta, g);
                if moved == side {
                    g_high *= 0.5;
                }
                moved = side;
            } else {
                (high, g_high) = (theta, g);
                if moved == -side {
                    g_low *= 0.5;
                }
                moved = -side;
                if g == 0.0 {
                    break;
                }
            }
        }
        high
    }

    /// The events that act at the end of the step as cut.
    pub fn due(&self) -> &[usize] {
        &self.due
    }

    /// Does to the state what one of them does.
    pub fn effect(&self, event: usize, t: f64, u: &mut [f64]) {
        if let Some(effect) = &self.events[event].effect {
            effect(t, u, &self.p);
        }
    }

    /// Whether the solve ends with it.
    pub fn is_terminal(&self, event: usize) -> bool {
        self.events[event].terminal
    }

    /// The derivatives of one of them.
    pub fn slopes(&self, event: usize) -> Option<&dyn JumpSlopes> {
        Some(&**self.events[event].slopes.as_ref()?)
    }

    /// Does what is due at `t`.
    pub fn act(&mut self, t: f64, u: &mut [f64]) -> Action {
        let mut action = Action::GoOn;
        for k in self.due.drain(..) {
            let event = &self.events[k];
            if let Some(effect) = &event.effect {
                effect(t, u, &self.p);
            }
            if event.terminal {
                action = Action::End;
            }
        }
        // After an end a dose is left to what goes on from there.
        for preset in self.presets.iter().filter(|preset| action == Action::GoOn && preset.times.contains(&t)) {
            (preset.effect)(t, u, &self.p);
        }
        self.changed(t, u);
        action
    }

    /// The state or the parameters were changed, which may have moved a function to its other side without crossing.
    pub fn changed(&mut self, t: f64, u: &[f64]) {
        for (side, event) in self.sides.iter_mut().zip(&self.events).filter(|(side, _)| **side != 0.0) {
            *side = sign((event.function)(t, u, &self.p));
        }
    }

    /// Goes on with other parameters.
    pub fn set_parameters(&mut self, p: &[f64]) {
        self.p = p.to_vec();
    }

    pub fn names(&self) -> Vec<String> {
        self.events.iter().map(|e| e.name.clone()).collect()
    }
}

/// Whether the state changes by more than a little: in a step of next to no length any function is zero that was so before.
fn moves(step: &Step) -> bool {
    let largest = |x: &mut dyn Iterator<Item = f64>| x.fold(0.0, |m: f64, x| m.max(x.abs()));
    let change = largest(&mut step.u.iter().zip(step.u_new).map(|(a, b)| b - a));
    change > 1e-6 * largest(&mut step.u.iter().chain(step.u_new).copied())
}

/// What times in this step can be told apart, in $\theta$.
fn resolution(step: &Step) -> f64 {
    (2.0 * f64::EPSILON * step.t.abs().max(step.t_new.abs()) / step.h.abs()).max(f64::EPSILON)
}

/// −1, 0 or 1; NaN counts as zero, since it is on no side.
fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        0.0
    }
}
