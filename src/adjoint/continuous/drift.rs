//! How far a solution solved back is from where it came from.

use crate::ode::Component;

/// The distance of a state that was solved back in time from the one that the forward solve had there.
///
/// Going back, what was damped grows: the state solved back need not be the one from which the forward solve came, and an
/// adjoint linearised at it is wrong without anything else that would show it.
///
/// With fixed steps, too, the tolerances are what it is measured by.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Drift {
    /// When the two are farthest apart.
    pub t: f64,
    /// The state in which they are.
    pub component: Component,
    /// By how much.
    pub distance: f64,
    /// The same as a multiple of the tolerances, `atol + rtol` times the state, with the looser `rtol` of
    /// both solves.
    pub tolerances: f64,
}

impl Drift {
    /// A gradient is not given when the drift exceeds this many [`tolerances`](Self::tolerances).
    pub const ALLOWED: f64 = 1000.0;
}

impl std::fmt::Display for Drift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Drift { t, component, distance, tolerances } = self;
        write!(f, "{component} solved back to t = {t} is off by {distance:.1e}, {tolerances:.1e} times its tolerance")
    }
}

/// Measures drifts and keeps the largest.
pub(super) struct Watch {
    rtol: f64,
    atol: Vec<f64>,
    t: f64,
    component: usize,
    distance: f64,
    tolerances: f64,
}

impl Watch {
    /// In units of these tolerances.
    pub fn new(rtol: f64, atol: Vec<f64>) -> Watch {
        Watch { rtol, atol, t: f64::NAN, component: 0, distance: 0.0, tolerances: 0.0 }
    }

    /// Looks at a state solved back and the one that it should be. `false` when they are too far apart.
    pub fn measure(&mut self, t: f64, back: &[f64], forth: &[f64]) -> bool {
        for (i, (back, forth)) in back.iter().zip(forth).enumerate() {
            let distance = (back - forth).abs();
            let tolerances = distance / (self.atol[i] + self.rtol * forth.abs());
            let tolerances = if tolerances.is_nan() { f64::INFINITY } else { tolerances };
            if self.t.is_nan() || tolerances > self.tolerances {
                (self.t, self.component, self.distance, self.tolerances) = (t, i, distance, tolerances);
            }
        }
        !self.too_large()
    }

    pub fn too_large(&self) -> bool {
        self.tolerances > Drift::ALLOWED
    }

    /// The largest drift, if any was measured.
    pub fn worst(&self, name: impl FnOnce(usize) -> String) -> Option<Drift> {
        (!self.t.is_nan()).then(|| Drift {
            t: self.t,
            component: Component { index: self.component, name: name(self.component) },
            distance: self.distance,
            tolerances: self.tolerances,
        })
    }
}
