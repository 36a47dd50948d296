//! Systems and a loss.

pub use crate::adjoint::reverse::frozen::{Pushed, loss};
use crate::model::MassMatrix;
use crate::prelude::*;

/// The pendulum of [`Pushed`], heavier, with masses that move together.
pub struct Coupled;

impl Model for Coupled {
    fn states(&self) -> Names {
        ["angle", "speed"].into()
    }
    fn parameters(&self) -> Names {
        ["stiffness", "friction", "push"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        Pushed.rhs(t, u, p, du);
        du[0] += u[0] * u[1];
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::from_entries(2, &[(0, 0, 2.0), (0, 1, 0.5), (1, 0, -0.3), (1, 1, 1.5)]))
    }
}

/// The same with an algebraic equation for the force, nonlinear in it.
pub struct WithForce;

impl Model for WithForce {
    fn states(&self) -> Names {
        ["angle", "speed", "force"].into()
    }
    fn parameters(&self) -> Names {
        ["stiffness", "friction", "push"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [stiffness, friction, push] = p.parameters();
        let force = -stiffness * u[0].sin() - friction * u[1] * u[1] * u[1] + push * push * (t * 2.0).cos();
        du[0] = u[1] * 2.0 + u[2] + u[1] * u[1] * u[1];
        du[1] = u[2] + u[1] * u[1] * u[2];
        du[2] = force - u[2] - u[2] * u[2] * u[2];
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        Some(MassMatrix::from_entries(3, &[(0, 0, 2.0), (0, 1, 1.0), (1, 1, 1.0)]))
    }
}

impl WithForce {
    /// The state at time zero with this angle and speed, to the last bits.
    pub fn at(angle: f64, speed: f64, p: &[f64]) -> Vec<f64> {
        let force = -p[0] * angle.sin() - p[1] * speed.powi(3) + p[2] * p[2];
        let mut x = force;
        for _ in 0..50 {
            x -= (x + x.powi(3) - force) / (1.0 + 3.0 * x * x);
        }
        vec![angle, speed, x]
    }
}

/// Relaxation oscillations with steep ends, which make steps fail, pushed by something that depends on time.
pub struct Relaxing;

impl Model for Relaxing {
    fn states(&self) -> Names {
        ["position", "speed"].into()
    }
    fn parameters(&self) -> Names {
        ["damping", "push", "stiffness"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [damping, push, stiffness] = p.parameters();
        du[0] = u[1];
        du[1] = (damping * damping * 40.0) * (-u[0] * u[0] + 1.0) * u[1] - stiffness * u[0] + push * push * t.sin();
    }
}

/// The pendulum under a push that changes sign out of the blue, over and over: many attempts fail there.
pub struct Knocked;

impl Model for Knocked {
    fn states(&self) -> Names {
        ["angle", "speed"].into()
    }
    fn parameters(&self) -> Names {
        ["stiffness", "friction", "push"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [_, _, push] = p.parameters();
        Pushed.rhs(t, u, p, du);
        du[1] += push * u[0].cos() * ((t * 9.0).sin() * 1e9).tanh();
    }
}

/// A row of cells that exchange what they hold, with capacities shared by neighbours; the last follows the first at once.
pub struct Cells;

pub const CELLS: usize = 70;

impl Model for Cells {
    fn states(&self) -> Names {
        (0..CELLS).map(|i| format!("cell_{i}")).collect::<Vec<_>>().into()
    }
    fn parameters(&self) -> Names {
        ["exchange", "loss", "source"].into()
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [exchange, loss, source] = p.parameters();
        for i in 0..CELLS - 1 {
            let (left, right) = (u[i.saturating_sub(1)], u[(i + 1).min(CELLS - 2)]);
            du[i] = exchange * 100.0 * (left - u[i] * 2.0 + right) - loss * u[i] * u[i] * u[i];
        }
        du[0] += source * source * (t * 3.0).cos() + u[CELLS - 1] * u[0];
        du[CELLS - 1] = u[0] * loss + source - u[CELLS - 1];
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        let own = (0..CELLS - 1).map(|i| (i, i, 1.0 + 0.01 * i as f64));
        let shared = (1..CELLS - 1).map(|i| (i, i - 1, 0.3));
        Some(MassMatrix::from_entries(CELLS, &own.chain(shared).collect::<Vec<_>>()))
    }
}

impl Cells {
    /// A state at time zero.
    pub fn at(u: &[f64], p: &[f64]) -> Vec<f64> {
        let mut state: Vec<f64> = (0..CELLS).map(|i| u[0] + u[1] * (0.1 * i as f64).sin()).collect();
        state[CELLS - 1] = state[0] * p[1] + p[2];
        state
    }
}

/// Robertson's reactions.
pub struct Robertson;

impl Model for Robertson {
    fn states(&self) -> Names {
        ["a", "b", "c"].into()
    }
    fn parameters(&self) -> Names {
        ["k1", "k2", "k3"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [k1, k2, k3] = p.parameters();
        let (turned, fast) = (k1 * u[0] - k3 * u[1] * u[2], k2 * u[1] * u[1]);
        du[0] = -turned;
        du[1] = turned - fast;
        du[2] = fast;
    }
}

pub fn as_given(u: &[f64], _p: &[f64]) -> Vec<f64> {
    u.to_vec()
}

pub fn with_force(u: &[f64], p: &[f64]) -> Vec<f64> {
    WithForce::at(u[0], u[1], p)
}

pub const P: [f64; 3] = [1.7, 0.3, 0.9];
