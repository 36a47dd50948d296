//! The passes for derivatives, differentiated along a direction: forward over reverse.
//!
//! With $z = W a + b$ the recording pass goes on with
//!
//! $$ \dot z = W \dot a + \dot W a + \dot b, \qquad \dot\sigma = \sigma'(z) \dot z, \qquad \dot\sigma' = \sigma''(z) \dot z, $$
//!
//! and the adjoint pass, $\bar a = W^\top \delta$, $\bar W = \delta a^\top$, $\delta = \sigma' \bar a$ of the layer before, with
//!
//! $$ \dot{\bar a} = W^\top \dot\delta + \dot W^\top \delta, \qquad
//! \dot{\bar W} = \dot\delta a^\top + \delta \dot a^\top, \qquad
//! \dot\delta = \sigma' \dot{\bar a} + \dot\sigma' \bar a. $$
//!
//! Source: B. A. Pearlmutter, *Fast exact multiplication by the Hessian*, Neural Computation 6 (1994) 147–160.

use super::{Mlp, in_fours, with_room};
use crate::number::simd::{Kernel, dispatch};
use crate::number::{Along, AlongMut};

pub(super) fn record<const I: usize, const O: usize>(
    mlp: &Mlp<I, O>,
    weights: Along<'_>,
    x: Along<'_>,
    y: AlongMut<'_>,
    tape: AlongMut<'_>,
) {
    dispatch(RecordAlong { mlp, weights, x, y, tape });
}

pub(super) fn vjp<const I: usize, const O: usize>(
    mlp: &Mlp<I, O>,
    weights: Along<'_>,
    tape: Along<'_>,
    y_bar: Along<'_>,
    x_bar: AlongMut<'_>,
    weights_bar: AlongMut<'_>,
) {
    with_room(
        4 * mlp.room,
        #[inline(always)]
        |room| dispatch(VjpAlong { mlp, weights, tape, y_bar, x_bar, weights_bar, room }),
    );
}

struct RecordAlong<'a, const I: usize, const O: usize> {
    mlp: &'a Mlp<I, O>,
    weights: Along<'a>,
    x: Along<'a>,
    y: AlongMut<'a>,
    tape: AlongMut<'a>,
}

impl<const I: usize, const O: usize> Kernel for RecordAlong<'_, I, O> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let RecordAlong { mlp, weights: (weights, weights_dot), x, y, tape: (tape, tape_dot) } = self;
        let Some((last, hidden)) = mlp.layers.split_last() else { return };
        tape[..I].copy_from_slice(&x.0[..I]);
        tape_dot[..I].copy_from_slice(&x.1[..I]);
        for (layer, next) in hidden.iter().zip(&mlp.layers[1..]) {
            let (before, after) = tape.split_at_mut(next.tape);
            let (before_dot, after_dot) = tape_dot.split_at_mut(next.tape);
            let (a, a_dot) = (&before[layer.tape..], &before_dot[layer.tape..]);
            let width = in_fours(layer.outputs);
            let (z, slope) = after.split_at_mut(width);
            let (z_dot, slope_dot) = after_dot.split_at_mut(width);
            layer.forward::<FMA>(weights, a, z);
            layer.push::<FMA>(weights, &a_dot[..layer.inputs], z_dot);
            if !weights_dot.is_empty() {
                layer.push_weights::<FMA>(weights_dot, a, z_dot);
            }
            mlp.activation.apply::<FMA, 2>(z, &mut slope[..width], &mut slope_dot[..width]);
            for ((z, slope_dot), slope) in z_dot[..layer.outputs].iter_mut().zip(slope_dot).zip(slope.iter()) {
                *slope_dot *= *z;
                *z *= slope;
            }
        }
        let (a, a_dot) = (&tape[last.tape..], &tape_dot[last.tape..]);
        last.forward::<FMA>(weights, a, y.0);
        last.push::<FMA>(weights, &a_dot[..last.inputs], y.1);
        if !weights_dot.is_empty() {
            last.push_weights::<FMA>(weights_dot, a, y.1);
        }
    }
}

struct VjpAlong<'a, const I: usize, const O: usize> {
    mlp: &'a Mlp<I, O>,
    weights: Along<'a>,
    tape: Along<'a>,
    y_bar: Along<'a>,
    x_bar: AlongMut<'a>,
    weights_bar: AlongMut<'a>,
    room: &'a mut [f64],
}

impl<const I: usize, const O: usize> Kernel for VjpAlong<'_, I, O> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let VjpAlong { mlp, weights: (weights, weights_dot), tape: (tape, tape_dot), y_bar, x_bar, weights_bar, room } =
            self;
        let (room, room_dot) = room.split_at_mut(2 * mlp.room);
        let (mut delta, mut a_bar) = room.split_at_mut(mlp.room);
        let (mut delta_dot, mut a_bar_dot) = room_dot.split_at_mut(mlp.room);
        delta[..O].copy_from_slice(&y_bar.0[..O]);
        delta_dot[..O].copy_from_slice(&y_bar.1[..O]);
        for (l, layer) in mlp.layers.iter().enumerate().rev() {
            let (a, a_dot) = (&tape[layer.tape..], &tape_dot[layer.tape..]);
            layer.backward::<FMA>(weights, a, delta, a_bar, weights_bar.0);
            layer.backward::<FMA>(weights, a, delta_dot, a_bar_dot, weights_bar.1);
            layer.backward_moving::<FMA>(weights_dot, a_dot, delta, a_bar_dot, weights_bar.1);
            if l > 0 {
                let width = in_fours(layer.inputs);
                let slopes = a[width..].iter().zip(&a_dot[width..]);
                let bars = a_bar[..layer.inputs].iter_mut().zip(a_bar_dot.iter_mut());
                for ((bar, bar_dot), (slope, slope_dot)) in bars.zip(slopes) {
                    *bar_dot = *bar_dot * slope + *bar * slope_dot;
                    *bar *= slope;
                }
            }
            std::mem::swap(&mut delta, &mut a_bar);
            std::mem::swap(&mut delta_dot, &mut a_bar_dot);
        }
        for (x, d) in x_bar.0[..I].iter_mut().zip(delta.iter()) {
            *x += d;
        }
        for (x, d) in x_bar.1[..I].iter_mut().zip(delta_dot.iter()) {
            *x += d;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::network::{Activation, Block, Initializer, Mlp};
    use crate::number::{Dual, Real};
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const ALL: [Activation; 7] = [
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Softplus,
        Activation::Swish,
        Activation::Rbf,
        Activation::Relu,
        Activation::Identity,
    ];

    /// A point, a direction, and how the cotangent moves.
    struct Case<const I: usize, const O: usize> {
        mlp: Mlp<I, O>,
        w: Vec<f64>,
        x: Vec<f64>,
        y_bar: Vec<f64>,
        w_dot: Vec<f64>,
        x_dot: Vec<f64>,
        y_bar_dot: Vec<f64>,
    }

    impl<const I: usize, const O: usize> Case<I, O> {
        fn new(widths: &[usize], activation: Activation, seed: u64) -> Self {
            let mlp = Mlp::<I, O>::new(widths, activation);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut draw = |n: usize| {
                let mut numbers = vec![0.0; n];
                Initializer::Glorot.fill(3, 3, &mut rng, &mut numbers);
                numbers
            };
            let n = mlp.weight_count();
            let [(w, w_dot), (x, x_dot), (y_bar, y_bar_dot)] = [n, I, O].map(|n| (draw(n), draw(n)));
            Case { mlp, w, x, y_bar, w_dot, x_dot, y_bar_dot }
        }

        /// Cotangents of the inputs, then of the weights, and the derivatives of both; added to ones.
        fn fused(&self, weights_dot: &[f64]) -> (Vec<f64>, Vec<f64>) {
            let (mlp, n) = (&self.mlp, self.w.len());
            let (mut tape, mut tape_dot) = (vec![0.0; mlp.tape_len()], vec![0.0; mlp.tape_len()]);
            let (mut y, mut y_dot) = ([0.0; O], [0.0; O]);
            mlp.record_along(
                (&self.w, weights_dot),
                (&self.x, &self.x_dot),
                (&mut y, &mut y_dot),
                (&mut tape, &mut tape_dot),
            );

            // The values are those of the plain passes, bit for bit, and the derivative of the outputs is that of `jvp`.
            let (mut plain_tape, mut plain, mut plain_dot) = (vec![0.0; mlp.tape_len()], [0.0; O], [0.0; O]);
            mlp.record(&self.w, &self.x, &mut plain, &mut plain_tape);
            assert_eq!((y, &tape), (plain, &plain_tape));
            let w_dot = Some(weights_dot).filter(|w| !w.is_empty());
            mlp.jvp(&self.w, &tape, &self.x_dot, w_dot, &mut plain_dot);
            assert_eq!(y_dot, plain_dot);

            let (mut bar, mut bar_dot, mut plain_bar) = (vec![1.0; I + n], vec![1.0; I + n], vec![1.0; I + n]);
            let ((x_bar, w_bar), (x_bar_dot, w_bar_dot)) = (bar.split_at_mut(I), bar_dot.split_at_mut(I));
            mlp.vjp_along(
                (&self.w, weights_dot),
                (&tape, &tape_dot),
                (&self.y_bar, &self.y_bar_dot),
                (x_bar, x_bar_dot),
                (w_bar, w_bar_dot),
            );
            let (x_bar, w_bar) = plain_bar.split_at_mut(I);
            mlp.vjp(&self.w, &tape, &self.y_bar, x_bar, w_bar);
            assert_eq!(bar, plain_bar);
            (bar, bar_dot)
        }

        /// The same by plain sums over nested duals, a coordinate at a time; added to zeros.
        fn nested(&self) -> (Vec<f64>, Vec<f64>) {
            let n = self.w.len();
            (0..I + n)
                .map(|j| {
                    let number = |k: usize, value: f64, dot: f64| {
                        let slope = if k == j { 1.0 } else { 0.0 };
                        Dual::<1, Dual<1>> { value: Dual { value, tangent: [dot] }, tangent: [Dual::constant(slope)] }
                    };
                    let x: Vec<_> = (0..I).map(|k| number(k, self.x[k], self.x_dot[k])).collect();
                    let w: Vec<_> = (0..n).map(|k| number(I + k, self.w[k], self.w_dot[k])).collect();
                    let y = self.mlp.plain(&w, &x);
                    let [slope] = (0..O)
                        .map(|o| number(usize::MAX, self.y_bar[o], self.y_bar_dot[o]) * y[o])
                        .fold(Dual::zero(), |sum, y| sum + y)
                        .tangent;
                    (slope.value, slope.tangent[0])
                })
                .unzip()
        }
    }

    fn assert_close(what: &str, added_to_ones: &[f64], exact: &[f64]) {
        let size = exact.iter().fold(1.0f64, |size, e| size.max(e.abs()));
        for (k, (a, e)) in added_to_ones.iter().zip(exact).enumerate() {
            assert!((a - 1.0 - e).abs() <= 1e-12 * size, "{what} {k}: {} {e}", a - 1.0);
        }
    }

    fn check<const I: usize, const O: usize>(widths: &[usize], activation: Activation, seed: u64) {
        let mut case = Case::<I, O>::new(widths, activation, seed);
        let (bar, bar_dot) = case.fused(&case.w_dot);
        let (exact, exact_dot) = case.nested();
        assert_close("cotangent", &bar, &exact);
        assert_close("its derivative", &bar_dot, &exact_dot);
        // An empty direction of the weights is one of zeros.
        let still = vec![0.0; case.w.len()];
        assert_eq!(case.fused(&[]), case.fused(&still));
        // Nothing moves: no derivative.
        case.x_dot.fill(0.0);
        case.y_bar_dot.fill(0.0);
        assert_eq!(case.fused(&still).1, vec![1.0; I + still.len()]);
    }

    #[test]
    fn awkward_widths() {
        for activation in ALL {
            check::<2, 2>(&[5, 5, 5], activation, 1);
            check::<1, 1>(&[1], activation, 2);
            check::<3, 1>(&[2, 3, 4, 6, 7, 8, 9], activation, 3);
            check::<1, 3>(&[127], activation, 4);
            check::<4, 4>(&[], activation, 6);
        }
        check::<9, 17>(&[33, 15], Activation::Swish, 5);
        check::<2, 2>(&[257], Activation::Softplus, 7);
    }

    proptest! {
        #[test]
        fn any_seed(seed in 0u64..1000, a in 1usize..12, b in 1usize..12, k in 0usize..7) {
            check::<3, 2>(&[a, b], ALL[k], seed);
        }
    }
}
