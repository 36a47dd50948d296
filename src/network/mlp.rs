//! The multilayer perceptron, with forward, tangent and adjoint passes fused.

mod along;
mod lanes;
#[cfg(test)]
mod plain;

use super::layer::Layer;
use super::{Activation, Block, Initializer, Shaped, eval_lane_by_lane};
use crate::number::simd::{Kernel, dispatch};
use crate::number::{Along, AlongMut, Real};
use rand_chacha::ChaCha8Rng;
use std::cell::RefCell;

/// A network of `I` inputs, hidden layers of given widths, and `O` linear outputs:
///
/// $$ a_0 = x, \qquad a_l = \sigma(W_l a_{l-1} + b_l), \qquad y = W_L a_{L-1} + b_L. $$
///
/// The weights lie flat: for each layer the matrix input by input, then the biases.
///
/// ```
/// use ansatz::network::{Activation, Block, Mlp};
/// let network = Mlp::<2, 2>::new([5, 5, 5], Activation::Rbf);
/// assert_eq!(network.weight_count(), 87);
/// ```
#[derive(Clone, Debug)]
pub struct Mlp<const I: usize, const O: usize> {
    widths: Vec<usize>,
    activation: Activation,
    initializer: Initializer,
    layers: Vec<Layer>,
    weight_count: usize,
    tape_len: usize,
    /// Room for one vector of activations: the widest layer, in fours.
    room: usize,
}

/// The next multiple of four: activations are worked on four at a time.
fn in_fours(n: usize) -> usize {
    n.next_multiple_of(4)
}

impl<const I: usize, const O: usize> Mlp<I, O> {
    /// Hidden layers of the given widths, all with one activation; Glorot weights.
    pub fn new(widths: impl Into<Vec<usize>>, activation: Activation) -> Self {
        let widths: Vec<usize> = widths.into();
        let mut sizes = vec![I];
        sizes.extend(&widths);
        sizes.push(O);
        let (mut weights, mut tape) = (0, 0);
        let layers = sizes
            .windows(2)
            .map(|pair| {
                let layer = Layer { inputs: pair[0], outputs: pair[1], weights, tape };
                weights += layer.weight_count();
                // A layer keeps its input; the input of all but the first is an activation, kept with its slope.
                tape += in_fours(pair[0]) * if tape == 0 { 1 } else { 2 };
                layer
            })
            .collect();
        let room = in_fours(sizes.iter().copied().max().unwrap_or(0));
        Mlp {
            widths,
            activation,
            initializer: Initializer::Glorot,
            layers,
            weight_count: weights,
            tape_len: tape,
            room,
        }
    }

    /// Draws the initial weights in another way.
    pub fn initializer(mut self, initializer: Initializer) -> Self {
        self.initializer = initializer;
        self
    }

    /// Widths of the hidden layers.
    pub fn widths(&self) -> &[usize] {
        &self.widths
    }

    /// The activation of the hidden layers.
    pub fn activation(&self) -> Activation {
        self.activation
    }
}

impl<const I: usize, const O: usize> Shaped<I, O> for Mlp<I, O> {}

impl<const I: usize, const O: usize> Block for Mlp<I, O> {
    fn inputs(&self) -> usize {
        I
    }
    fn outputs(&self) -> usize {
        O
    }
    fn weight_count(&self) -> usize {
        self.weight_count
    }
    fn tape_len(&self) -> usize {
        self.tape_len
    }

    fn fault(&self) -> Option<String> {
        if I == 0 || O == 0 {
            return Some(format!("a network needs at least one input and one output, this one has {I} and {O}"));
        }
        let zero = self.widths.iter().position(|&w| w == 0)?;
        Some(format!("hidden layer {} of the network has width 0; give every layer at least one unit", zero + 1))
    }

    fn initialize(&self, rng: &mut ChaCha8Rng, weights: &mut [f64]) {
        for layer in &self.layers {
            let (w, b) =
                weights[layer.weights..layer.weights + layer.weight_count()].split_at_mut(layer.inputs * layer.outputs);
            self.initializer.fill(layer.inputs, layer.outputs, rng, w);
            b.fill(0.0);
        }
    }

    fn eval(&self, weights: &[f64], x: &[f64], y: &mut [f64]) {
        with_room(
            2 * self.room,
            #[inline(always)]
            |room| dispatch(Eval { mlp: self, weights, x, y, room }),
        );
    }

    fn eval_lanes(&self, weights: &[f64], lanes: usize, x: &[f64], y: &mut [f64]) {
        if !lanes::eval_lanes(self, weights, lanes, x, y) {
            eval_lane_by_lane(self, weights, lanes, x, y);
        }
    }

    fn record(&self, weights: &[f64], x: &[f64], y: &mut [f64], tape: &mut [f64]) {
        dispatch(Record { mlp: self, weights, x, y, tape });
    }

    fn jvp(&self, weights: &[f64], tape: &[f64], x_dot: &[f64], weights_dot: Option<&[f64]>, y_dot: &mut [f64]) {
        with_room(
            2 * self.room,
            #[inline(always)]
            |room| dispatch(Jvp { mlp: self, weights, tape, x_dot, weights_dot, y_dot, room }),
        );
    }

    fn vjp(&self, weights: &[f64], tape: &[f64], y_bar: &[f64], x_bar: &mut [f64], weights_bar: &mut [f64]) {
        with_room(
            2 * self.room,
            #[inline(always)]
            |room| dispatch(Vjp { mlp: self, weights, tape, y_bar, x_bar, weights_bar, room }),
        );
    }

    fn record_along(&self, weights: Along<'_>, x: Along<'_>, y: AlongMut<'_>, tape: AlongMut<'_>) {
        along::record(self, weights, x, y, tape);
    }

    fn vjp_along(
        &self,
        weights: Along<'_>,
        tape: Along<'_>,
        y_bar: Along<'_>,
        x_bar: AlongMut<'_>,
        weights_bar: AlongMut<'_>,
    ) {
        along::vjp(self, weights, tape, y_bar, x_bar, weights_bar);
    }

    fn evaluate<R: Real>(&self, weights: &[f64], x: &[R], y: &mut [R]) {
        let mut input = x.to_vec();
        for (l, layer) in self.layers.iter().enumerate() {
            let (w, b) =
                weights[layer.weights..layer.weights + layer.weight_count()].split_at(layer.inputs * layer.outputs);
            let output: Vec<R> = (0..layer.outputs)
                .map(|o| {
                    let z =
                        input.iter().enumerate().fold(R::from_f64(b[o]), |z, (i, x)| z + *x * w[i * layer.outputs + o]);
                    if l + 1 < self.layers.len() { self.activation.evaluate(z) } else { z }
                })
                .collect();
            input = output;
        }
        for (y, z) in y.iter_mut().zip(input) {
            *y = z;
        }
    }
}

/// Lends zeroed working memory: the stack for narrow networks, otherwise memory that the thread keeps.
#[inline(always)]
fn with_room<T>(len: usize, work: impl FnOnce(&mut [f64]) -> T) -> T {
    thread_local! {
        static ROOM: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
    }
    match len {
        0..=16 => work(&mut [0.0; 16][..len]),
        17..=64 => work(&mut [0.0; 64][..len]),
        _ => {
            let mut room = ROOM.take();
            room.clear();
            room.resize(len, 0.0);
            let result = work(&mut room);
            ROOM.set(room);
            result
        }
    }
}

struct Eval<'a, const I: usize, const O: usize> {
    mlp: &'a Mlp<I, O>,
    weights: &'a [f64],
    x: &'a [f64],
    y: &'a mut [f64],
    room: &'a mut [f64],
}

impl<const I: usize, const O: usize> Kernel for Eval<'_, I, O> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Eval { mlp, weights, x, y, room } = self;
        let Some((last, hidden)) = mlp.layers.split_last() else { return };
        let (mut a, mut z) = room.split_at_mut(mlp.room);
        a[..I].copy_from_slice(&x[..I]);
        for layer in hidden {
            layer.forward::<FMA>(weights, a, z);
            let z4 = &mut z[..in_fours(layer.outputs)];
            mlp.activation.apply::<FMA, 0>(z4, &mut [], &mut []);
            std::mem::swap(&mut a, &mut z);
        }
        last.forward::<FMA>(weights, a, y);
    }
}

struct Record<'a, const I: usize, const O: usize> {
    mlp: &'a Mlp<I, O>,
    weights: &'a [f64],
    x: &'a [f64],
    y: &'a mut [f64],
    tape: &'a mut [f64],
}

impl<const I: usize, const O: usize> Kernel for Record<'_, I, O> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Record { mlp, weights, x, y, tape } = self;
        let Some((last, hidden)) = mlp.layers.split_last() else { return };
        tape[..I].copy_from_slice(&x[..I]);
        for (layer, next) in hidden.iter().zip(&mlp.layers[1..]) {
            let (before, after) = tape.split_at_mut(next.tape);
            let (z, slope) = after.split_at_mut(in_fours(layer.outputs));
            layer.forward::<FMA>(weights, &before[layer.tape..], z);
            // What stands past the layer's width is old and finite; it is worked on in fours and never read.
            mlp.activation.apply::<FMA, 1>(z, &mut slope[..in_fours(layer.outputs)], &mut []);
        }
        last.forward::<FMA>(weights, &tape[last.tape..], y);
    }
}

struct Jvp<'a, const I: usize, const O: usize> {
    mlp: &'a Mlp<I, O>,
    weights: &'a [f64],
    tape: &'a [f64],
    x_dot: &'a [f64],
    weights_dot: Option<&'a [f64]>,
    y_dot: &'a mut [f64],
    room: &'a mut [f64],
}

impl<const I: usize, const O: usize> Kernel for Jvp<'_, I, O> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Jvp { mlp, weights, tape, x_dot, weights_dot, y_dot, room } = self;
        let (mut a_dot, mut z_dot) = room.split_at_mut(mlp.room);
        a_dot[..I].copy_from_slice(&x_dot[..I]);
        for (l, layer) in mlp.layers.iter().enumerate() {
            layer.push::<FMA>(weights, &a_dot[..layer.inputs], z_dot);
            if let Some(w_dot) = weights_dot {
                layer.push_weights::<FMA>(w_dot, &tape[layer.tape..], z_dot);
            }
            match mlp.layers.get(l + 1) {
                Some(next) => {
                    let slope = &tape[next.tape + in_fours(layer.outputs)..];
                    for (z, s) in z_dot[..layer.outputs].iter_mut().zip(slope) {
                        *z *= s;
                    }
                    std::mem::swap(&mut a_dot, &mut z_dot);
                }
                None => y_dot[..O].copy_from_slice(&z_dot[..O]),
            }
        }
    }
}

struct Vjp<'a, const I: usize, const O: usize> {
    mlp: &'a Mlp<I, O>,
    weights: &'a [f64],
    tape: &'a [f64],
    y_bar: &'a [f64],
    x_bar: &'a mut [f64],
    weights_bar: &'a mut [f64],
    room: &'a mut [f64],
}

impl<const I: usize, const O: usize> Kernel for Vjp<'_, I, O> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Vjp { mlp, weights, tape, y_bar, x_bar, weights_bar, room } = self;
        let (mut delta, mut a_bar) = room.split_at_mut(mlp.room);
        delta[..O].copy_from_slice(&y_bar[..O]);
        for (l, layer) in mlp.layers.iter().enumerate().rev() {
            layer.backward::<FMA>(weights, &tape[layer.tape..], delta, a_bar, weights_bar);
            if l > 0 {
                let slope = &tape[layer.tape + in_fours(layer.inputs)..];
                for (a, s) in a_bar[..layer.inputs].iter_mut().zip(slope) {
                    *a *= s;
                }
            }
            std::mem::swap(&mut delta, &mut a_bar);
        }
        for (x, d) in x_bar[..I].iter_mut().zip(delta.iter()) {
            *x += d;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Dual;
    use proptest::prelude::*;
    use rand::SeedableRng;

    fn check<const I: usize, const O: usize>(widths: &[usize], activation: Activation, seed: u64) {
        let mlp = Mlp::<I, O>::new(widths, activation);
        let n = mlp.weight_count();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut w, mut w_dot) = (vec![0.0; n], vec![0.0; n]);
        Initializer::Glorot.fill(3, 3, &mut rng, &mut w);
        Initializer::Glorot.fill(3, 3, &mut rng, &mut w_dot);
        let (mut x, mut x_dot, mut y_bar) = ([0.0; I], [0.0; I], [0.0; O]);
        for v in [&mut x[..], &mut x_dot[..], &mut y_bar[..]] {
            Initializer::Glorot.fill(3, 3, &mut rng, v);
        }

        // Independent of the fused passes: plain sums over dual numbers, the weights' direction included.
        let dual = |value, dot| Dual::<1> { value, tangent: [dot] };
        let duals = |values: &[f64], dots: &[f64]| -> Vec<Dual<1>> {
            values.iter().zip(dots).map(|(value, dot)| dual(*value, *dot)).collect()
        };
        let a = mlp.plain(&duals(&w, &w_dot), &duals(&x, &x_dot));

        let (mut y, mut kept, mut y_dot) = ([0.0; O], [0.0; O], [0.0; O]);
        let mut tape = vec![0.0; mlp.tape_len()];
        mlp.eval(&w, &x, &mut y);
        mlp.record(&w, &x, &mut kept, &mut tape);
        mlp.jvp(&w, &tape, &x_dot, Some(&w_dot), &mut y_dot);
        for o in 0..O {
            assert_eq!(y[o], kept[o]);
            approx::assert_relative_eq!(y[o], a[o].value, max_relative = 1e-12, epsilon = 1e-13);
            approx::assert_relative_eq!(y_dot[o], a[o].tangent[0], max_relative = 1e-12, epsilon = 1e-12);
        }

        // ⟨ȳ, J v⟩ = ⟨Jᵀ ȳ, v⟩; and what was there before is added to, not lost.
        let (mut x_bar, mut w_bar) = ([1.0; I], vec![1.0; n]);
        mlp.vjp(&w, &tape, &y_bar, &mut x_bar, &mut w_bar);
        let forward: f64 = y_bar.iter().zip(&y_dot).map(|(a, b)| a * b).sum();
        let backward: f64 = x_bar.iter().zip(&x_dot).map(|(a, b)| (a - 1.0) * b).sum::<f64>()
            + w_bar.iter().zip(&w_dot).map(|(a, b)| (a - 1.0) * b).sum::<f64>();
        approx::assert_relative_eq!(forward, backward, max_relative = 1e-11, epsilon = 1e-12);

        let mut jacobian = vec![0.0; I * O];
        mlp.jacobian(&w, &tape, &mut jacobian);
        mlp.jvp(&w, &tape, &x_dot, None, &mut y_dot);
        for o in 0..O {
            let product: f64 = (0..I).map(|i| jacobian[o * I + i] * x_dot[i]).sum();
            approx::assert_relative_eq!(product, y_dot[o], max_relative = 1e-12, epsilon = 1e-13);
        }

        let mut generic = [0.0; O];
        mlp.evaluate(&w, &x, &mut generic);
        for o in 0..O {
            approx::assert_relative_eq!(generic[o], y[o], max_relative = 1e-12, epsilon = 1e-13);
        }
    }

    #[test]
    fn awkward_widths() {
        for activation in [Activation::Tanh, Activation::Rbf, Activation::Swish] {
            check::<2, 2>(&[5, 5, 5], activation, 1);
            check::<1, 1>(&[1], activation, 2);
            check::<3, 1>(&[2, 3, 4, 6, 7, 8, 9], activation, 3);
            check::<1, 3>(&[127], activation, 4);
            check::<9, 17>(&[33, 15], activation, 5);
            check::<4, 4>(&[], activation, 6);
            check::<2, 2>(&[257], activation, 7);
        }
    }

    proptest! {
        #[test]
        fn any_seed(seed in 0u64..1000, a in 1usize..20, b in 1usize..20) {
            check::<3, 2>(&[a, b], Activation::Sigmoid, seed);
        }
    }

    #[test]
    fn a_layer_without_units_is_named() {
        let fault = Mlp::<2, 1>::new([4, 0], Activation::Tanh).fault().unwrap();
        assert!(fault.contains("hidden layer 2") && fault.contains("width 0"), "{fault}");
        assert_eq!(Mlp::<2, 1>::new([4], Activation::Tanh).fault(), None);
    }
}
