//! Scaling of unknown terms.

use crate::number::Real;

/// Shift and scale of a block's inputs, scale of its outputs: $y = s_y \circ B\bigl((x - m) / s_x\bigr)$.
///
/// Networks want numbers of size one; years and thousands of pelts are not. A fit sets this from the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scaling {
    pub(super) shift: Vec<f64>,
    inputs: Vec<f64>,
    /// $1 / s_x$: a multiplication in the hot path.
    inverse: Vec<f64>,
    outputs: Vec<f64>,
}

impl Scaling {
    /// Leaves numbers as they are.
    pub fn identity() -> Scaling {
        Scaling::default()
    }

    /// Inputs shifted by `shift` and divided by `inputs`, outputs multiplied by `outputs`. Scales that are zero or not
    /// finite count as one.
    pub fn new(shift: &[f64], inputs: &[f64], outputs: &[f64]) -> Scaling {
        let sound = |s: &f64| if s.is_finite() && *s != 0.0 { *s } else { 1.0 };
        let inputs: Vec<f64> = inputs.iter().map(sound).collect();
        Scaling {
            shift: shift.iter().map(|m| if m.is_finite() { *m } else { 0.0 }).collect(),
            inverse: inputs.iter().map(|s| 1.0 / s).collect(),
            inputs,
            outputs: outputs.iter().map(sound).collect(),
        }
    }

    /// Whether inputs and outputs are left as they are.
    #[inline(always)]
    pub(super) fn is_identity(&self) -> bool {
        self.shift.is_empty() && self.outputs.is_empty()
    }

    /// Shifts, input scales and output scales; empty for the identity.
    pub fn parts(&self) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        (self.shift.clone(), self.inputs.clone(), self.outputs.clone())
    }

    #[inline(always)]
    pub(crate) fn input<R: Real>(&self, i: usize, x: R) -> R {
        match (self.shift.get(i), self.inverse.get(i)) {
            (Some(m), Some(s)) => (x - *m) * *s,
            _ => x,
        }
    }

    #[inline(always)]
    pub(crate) fn output<R: Real>(&self, o: usize, y: R) -> R {
        match self.outputs.get(o) {
            Some(s) => y * *s,
            None => y,
        }
    }

    #[inline(always)]
    pub(super) fn output_scale(&self, o: usize) -> f64 {
        self.outputs.get(o).copied().unwrap_or(1.0)
    }
}
