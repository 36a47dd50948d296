//! Scales of an unknown term's inputs and outputs, read off the data, so that years and thousands of pelts work.

use super::observations::{Observations, Point};
use crate::model::{Bound, Differentiable, Model, Scaling, System};
use std::cell::RefCell;

/// Sets the scaling of every unknown term: inputs by their mean and standard deviation over the observed states, outputs
/// by the size that the slopes of the data ask of them.
pub(super) fn scale_unknowns<M: Model>(bound: &mut Bound<'_, M>, observations: &Observations, point: &Point) {
    let unknowns = bound.unknowns().len();
    if unknowns == 0 {
        return;
    }
    let n = bound.dimension();
    // With zero weights every network gives zero: what is left is the known mechanism.
    let mut p = point.parameters.clone();
    for k in 0..unknowns {
        for w in bound.weights_of(k) {
            p[w] = 0.0;
        }
    }
    let inputs: RefCell<Vec<Vec<Vec<f64>>>> = RefCell::new(vec![Vec::new(); unknowns]);
    let mut outputs: Vec<Vec<Vec<f64>>> = (0..unknowns).map(|k| vec![Vec::new(); bound.shape_of(k).1]).collect();
    let mut tape = vec![0.0; bound.tape_len()];
    let mut du = vec![0.0; n];
    for seen in &observations.trajectories {
        let values = filled(&seen.times, &seen.values, n);
        let rows: Vec<(f64, &[f64])> = seen.times.iter().copied().zip(values.chunks_exact(n)).collect();
        for (t, row) in &rows {
            bound.watch(*t, row, &p, &|k, x, _| {
                if x.iter().all(|x| x.is_finite()) {
                    inputs.borrow_mut()[k].push(x.to_vec());
                }
            });
        }
        for pair in rows.windows(2) {
            let ((t0, u0), (t1, u1)) = (pair[0], pair[1]);
            let middle: Vec<f64> = u0.iter().zip(u1).map(|(a, b)| 0.5 * (a + b)).collect();
            bound.record(0.5 * (t0 + t1), &middle, &p, &mut du, &mut tape);
            let missing: Vec<f64> = (0..n).map(|i| (u1[i] - u0[i]) / (t1 - t0) - du[i]).collect();
            bound.output_effects(&tape, &mut |k, o, effect| {
                let size: f64 = effect.iter().map(|g| g * g).sum();
                let wanted: f64 = effect.iter().zip(&missing).map(|(g, r)| g * r).sum::<f64>() / size;
                if wanted.is_finite() {
                    outputs[k][o].push(wanted);
                }
            });
        }
    }
    for (k, (inputs, outputs)) in inputs.into_inner().into_iter().zip(outputs).enumerate() {
        let width = bound.shape_of(k).0;
        let column = |i: usize| inputs.iter().map(move |x| x[i]);
        let count = inputs.len().max(1) as f64;
        let means: Vec<f64> = (0..width).map(|i| column(i).sum::<f64>() / count).collect();
        let deviations: Vec<f64> =
            (0..width).map(|i| (column(i).map(|x| (x - means[i]).powi(2)).sum::<f64>() / count).sqrt()).collect();
        let sizes: Vec<f64> =
            outputs.iter().map(|b| (b.iter().map(|b| b * b).sum::<f64>() / b.len().max(1) as f64).sqrt()).collect();
        bound.set_scaling(k, Scaling::new(&means, &deviations, &sizes));
    }
}

/// The values with gaps bridged by straight lines, and by the nearest value at the ends: good enough for sizes.
fn filled(times: &[f64], values: &[f64], n: usize) -> Vec<f64> {
    let mut filled = values.to_vec();
    for i in 0..n {
        let known: Vec<(f64, f64)> = times
            .iter()
            .zip(values[i..].iter().step_by(n))
            .filter(|(_, x)| !x.is_nan())
            .map(|(t, x)| (*t, *x))
            .collect();
        for (t, x) in times.iter().zip(filled[i..].iter_mut().step_by(n)).filter(|(_, x)| x.is_nan()) {
            let after = known.partition_point(|(s, _)| s < t);
            *x = match (known.get(after.wrapping_sub(1)), known.get(after)) {
                (Some((t0, x0)), Some((t1, x1))) => x0 + (x1 - x0) * (t - t0) / (t1 - t0),
                (Some((_, x)), None) | (None, Some((_, x))) => *x,
                (None, None) => 0.0,
            };
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_bridged() {
        let gap = f64::NAN;
        let values = [gap, 1.0, 2.0, gap, gap, 3.0, 6.0, gap];
        assert_eq!(
            filled(&[0.0, 1.0, 3.0, 5.0], &values, 2),
            [2.0, 1.0, 2.0, 1.0 + 2.0 * (1.0 - 0.0) / 3.0, 4.0, 3.0, 6.0, 3.0]
        );
    }
}
