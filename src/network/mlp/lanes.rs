//! The forward pass for several inputs at once, one in each lane.

use super::{Mlp, with_room};
use crate::network::layer::Layer;
use crate::number::simd::multiply_add;
use crate::number::{LaneKernel, dispatch_lanes};

/// Outputs that are summed at the same time: with two registers of lanes each, as many as fit.
const TOGETHER: usize = 4;

struct EvalLanes<'a, const I: usize, const O: usize> {
    mlp: &'a Mlp<I, O>,
    weights: &'a [f64],
    lanes: usize,
    x: &'a [f64],
    y: &'a mut [f64],
    room: &'a mut [f64],
}

/// Whether the processor's lanes are as many as are asked for, and the outputs are written.
pub(super) fn eval_lanes<const I: usize, const O: usize>(
    mlp: &Mlp<I, O>,
    weights: &[f64],
    lanes: usize,
    x: &[f64],
    y: &mut [f64],
) -> bool {
    with_room(2 * mlp.room * lanes, |room| dispatch_lanes(EvalLanes { mlp, weights, lanes, x, y, room }))
}

impl<const I: usize, const O: usize> LaneKernel for EvalLanes<'_, I, O> {
    type Output = bool;

    #[inline(always)]
    fn run<const N: usize, const FMA: bool>(self) -> bool {
        let EvalLanes { mlp, weights, lanes, x, y, room } = self;
        let Some((last, hidden)) = mlp.layers.split_last().filter(|_| lanes == N) else { return false };
        let (mut a, mut z) = room.split_at_mut(mlp.room * N);
        a[..I * N].copy_from_slice(&x[..I * N]);
        for layer in hidden {
            forward::<FMA, N>(layer, weights, a, z);
            mlp.activation.apply::<FMA, 0>(&mut z[..layer.outputs * N], &mut [], &mut []);
            std::mem::swap(&mut a, &mut z);
        }
        forward::<FMA, N>(last, weights, a, y);
        true
    }
}

/// $z = W x + b$ in every lane, summed in the order in which the pass for one input sums.
#[inline(always)]
fn forward<const FMA: bool, const N: usize>(layer: &Layer, weights: &[f64], x: &[f64], z: &mut [f64]) {
    let (x, _) = x[..layer.inputs * N].as_chunks::<N>();
    let (z, _) = z[..layer.outputs * N].as_chunks_mut::<N>();
    let (w, b) = weights[layer.weights..layer.weights + layer.weight_count()].split_at(layer.inputs * layer.outputs);
    let mut o = 0;
    while o + TOGETHER <= layer.outputs {
        columns::<FMA, N, TOGETHER>(w, layer.outputs, o, x, b, z);
        o += TOGETHER;
    }
    while o < layer.outputs {
        columns::<FMA, N, 1>(w, layer.outputs, o, x, b, z);
        o += 1;
    }
}

/// Outputs `o .. o + C`.
#[inline(always)]
fn columns<const FMA: bool, const N: usize, const C: usize>(
    w: &[f64],
    n: usize,
    o: usize,
    x: &[[f64; N]],
    b: &[f64],
    z: &mut [[f64; N]],
) {
    let mut sum = [[0.0; N]; C];
    for c in 0..C {
        sum[c] = [b[o + c]; N];
    }
    for (x, row) in x.iter().zip(w.chunks_exact(n)) {
        let row = &row[o..o + C];
        for c in 0..C {
            for l in 0..N {
                sum[c][l] = multiply_add::<FMA>(x[l], row[c], sum[c][l]);
            }
        }
    }
    z[o..o + C].copy_from_slice(&sum);
}

#[cfg(test)]
mod tests {
    use crate::network::{Activation, Block, Initializer, Mlp};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// Bit for bit the pass for one input, whether the lanes are the processor's or not.
    fn check<const I: usize, const O: usize>(widths: &[usize], activation: Activation) {
        let mlp = Mlp::<I, O>::new(widths, activation);
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let mut w = vec![0.0; mlp.weight_count()];
        Initializer::Glorot.fill(2, 2, &mut rng, &mut w);
        for lanes in [1, 3, 4, 8, 16] {
            let (mut x, mut y) = (vec![0.0; I * lanes], vec![f64::NAN; O * lanes]);
            Initializer::Glorot.fill(1, 1, &mut rng, &mut x);
            mlp.eval_lanes(&w, lanes, &x, &mut y);
            for l in 0..lanes {
                let (one, mut alone) = (std::array::from_fn::<f64, I, _>(|i| x[i * lanes + l]), [0.0; O]);
                mlp.eval(&w, &one, &mut alone);
                for o in 0..O {
                    assert_eq!(y[o * lanes + l].to_bits(), alone[o].to_bits(), "lane {l} of {lanes}, {activation:?}");
                }
            }
        }
    }

    #[test]
    fn every_lane_is_the_pass_for_one_input() {
        for activation in [Activation::Tanh, Activation::Rbf, Activation::Softplus, Activation::Relu] {
            check::<2, 2>(&[5, 5, 5], activation);
            check::<1, 1>(&[1], activation);
            check::<3, 1>(&[2, 3, 4, 6, 7, 8, 9], activation);
            check::<1, 3>(&[127], activation);
            check::<4, 5>(&[], activation);
        }
    }
}
