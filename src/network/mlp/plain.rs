//! The network as plain sums over any number, its weights included: what the fused passes are compared with.

use super::Mlp;
use crate::number::Real;

impl<const I: usize, const O: usize> Mlp<I, O> {
    pub(crate) fn plain<R: Real>(&self, weights: &[R], x: &[R]) -> Vec<R> {
        let mut sizes = vec![I];
        sizes.extend(&self.widths);
        sizes.push(O);
        let mut a = x.to_vec();
        let mut at = 0;
        for l in 0..sizes.len() - 1 {
            let (inputs, outputs) = (sizes[l], sizes[l + 1]);
            a = (0..outputs)
                .map(|o| {
                    let bias = weights[at + inputs * outputs + o];
                    let z = (0..inputs).fold(bias, |z, i| z + a[i] * weights[at + i * outputs + o]);
                    if l + 2 < sizes.len() { self.activation.evaluate(z) } else { z }
                })
                .collect();
            at += (inputs + 1) * outputs;
        }
        a
    }
}
