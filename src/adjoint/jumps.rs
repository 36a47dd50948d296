//! Back over events that change the state.
//!
//! At an event at $t$ with the function $g$ the state $u_-$ becomes $u_+ = r(t, u_-, p)$. Both sides of it move along with the
//! time, which depends on state and parameters:
//!
//! $$ \mathrm{d} t = - \frac{g_u \mathrm{d} u_- + g_p \mathrm{d} p}{\dot g}, \qquad \dot g = g_t + g_u \dot u_- . $$
//!
//! With the cotangent $\lambda$ of $u_+$, and the change of the loss with the time of the event,
//!
//! $$ \tau = \lambda^\top (r_t + r_u \dot u_- - \dot u_+), \qquad
//! \lambda_- = r_u^\top \lambda - \frac{\tau}{\dot g} g_u, \qquad
//! \bar p \mathrel{+}= r_p^\top \lambda - \frac{\tau}{\dot g} g_p . $$
//!
//! An integral along the way adds the difference of its integrands to $\tau$. Where the solve ends there is nothing after:
//! $\dot u_+ = 0$, and $\tau$ has the derivative of the loss by the time of its end.
//!
//! Source: B. Serban, A. C. Hindmarsh, *CVODES*, 2005; P. I. Barton, C. K. Lee, *ACM Trans. Model. Comput. Simul.* 12 (2002).

use super::reverse::Bars;
use crate::model::Differentiable;
use crate::ode::Events;

/// Events that acted at one time.
#[derive(Clone, Debug)]
pub(super) struct Jump {
    /// The step at whose end, as cut, they acted, and where it was cut.
    pub step: usize,
    pub theta: f64,
    pub t: f64,
    /// The state before.
    pub u: Vec<f64>,
    /// Which, in their order.
    pub due: Vec<usize>,
}

/// What is integrated along the way: $g$, with its derivatives times a weight added to the cotangents of states and parameters.
pub(super) trait Running {
    fn slopes(&self, t: f64, u: &[f64], weight: f64, u_bar: &mut [f64], p_bar: &mut [f64]) -> f64;
}

impl Jump {
    /// Takes the cotangent of the state after the events in `bars` to that of the state before. `time_bar` is the derivative of
    /// the loss by the time of an end. Fails with an event whose function does not cross zero but touches it.
    pub fn back(
        &self,
        system: &dyn Differentiable,
        p: &[f64],
        events: &Events,
        running: Option<&dyn Running>,
        time_bar: f64,
        bars: &mut Bars,
    ) -> Result<(), usize> {
        let (n, q) = (self.u.len(), p.len());
        let rate = |u: &[f64]| {
            let mut rate = vec![0.0; n];
            system.eval(self.t, u, p, &mut rate);
            rate
        };
        let integrand = |u: &[f64]| {
            let (mut u_bar, mut p_bar) = (vec![0.0; n], vec![0.0; q]);
            running.map_or(0.0, |running| running.slopes(self.t, u, 0.0, &mut u_bar, &mut p_bar))
        };
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut states = vec![self.u.clone()];
        for k in &self.due {
            let mut after = states[states.len() - 1].clone();
            events.effect(*k, self.t, &mut after);
            states.push(after);
        }
        let (mut u_bar, mut p_bar, mut g_u, mut g_p) = (vec![0.0; n], vec![0.0; q], vec![0.0; n], vec![0.0; q]);
        for (i, k) in self.due.iter().enumerate().rev() {
            // What has no derivatives was refused before the solve.
            let Some(slopes) = events.slopes(*k) else { continue };
            let at = (self.t, &states[i][..], p);
            let before = rate(&states[i]);
            let r_t = slopes.effect_back(at, &bars.u, &mut u_bar, &mut p_bar);
            let mut tau = r_t + dot(&u_bar, &before) + integrand(&states[i]);
            tau += if events.is_terminal(*k) {
                time_bar
            } else {
                -dot(&bars.u, &rate(&states[i + 1])) - integrand(&states[i + 1])
            };
            let g_t = slopes.function_slopes(at, &mut g_u, &mut g_p);
            let speed = g_t + dot(&g_u, &before);
            if speed == 0.0 || !speed.is_finite() {
                return Err(*k);
            }
            let moved = tau / speed;
            for ((bar, r), g) in bars.u.iter_mut().zip(&u_bar).zip(&g_u) {
                *bar = r - moved * g;
            }
            for ((bar, r), g) in bars.p.iter_mut().zip(&p_bar).zip(&g_p) {
                *bar += r - moved * g;
            }
        }
        Ok(())
    }
}
