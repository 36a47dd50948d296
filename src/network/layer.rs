//! One affine layer $z = W x + b$: its forward and backward kernels.
//!
//! The weights are stored input by input: all weights that leave input 1, then those of input 2, …, then the biases.
//! So both directions run along contiguous outputs. Narrow layers get a loop unrolled for their exact width.

use crate::number::simd::{axpy, dot, multiply_add};

/// Where a layer's weights and activations lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer {
    pub inputs: usize,
    pub outputs: usize,
    /// First weight of the layer in the network's flat weights.
    pub weights: usize,
    /// First kept number of the layer's input on the tape.
    pub tape: usize,
}

impl Layer {
    /// Numbers of weights and biases.
    pub fn weight_count(&self) -> usize {
        (self.inputs + 1) * self.outputs
    }

    #[inline(always)]
    fn split<'a>(&self, weights: &'a [f64]) -> (&'a [f64], &'a [f64]) {
        weights[self.weights..self.weights + self.weight_count()].split_at(self.inputs * self.outputs)
    }

    /// $z = W x + b$.
    #[inline(always)]
    pub fn forward<const FMA: bool>(&self, weights: &[f64], x: &[f64], z: &mut [f64]) {
        let (w, b) = self.split(weights);
        let (x, n) = (&x[..self.inputs], self.outputs);
        let mut o = 0;
        while o + 16 <= n {
            columns::<FMA, 16>(w, n, o, x, b, z);
            o += 16;
        }
        if o + 8 <= n {
            columns::<FMA, 8>(w, n, o, x, b, z);
            o += 8;
        }
        match n - o {
            1 => columns::<FMA, 1>(w, n, o, x, b, z),
            2 => columns::<FMA, 2>(w, n, o, x, b, z),
            3 => columns::<FMA, 3>(w, n, o, x, b, z),
            4 => columns::<FMA, 4>(w, n, o, x, b, z),
            5 => columns::<FMA, 5>(w, n, o, x, b, z),
            6 => columns::<FMA, 6>(w, n, o, x, b, z),
            7 => columns::<FMA, 7>(w, n, o, x, b, z),
            _ => {}
        }
    }

    /// $\dot z = W \dot x$, with the bias left out.
    #[inline(always)]
    pub fn push<const FMA: bool>(&self, weights: &[f64], x_dot: &[f64], z_dot: &mut [f64]) {
        let (w, _) = self.split(weights);
        z_dot[..self.outputs].fill(0.0);
        for (x, row) in x_dot.iter().zip(w.chunks_exact(self.outputs)) {
            axpy::<FMA>(*x, row, z_dot);
        }
    }

    /// Adds what moving weights do, $\dot z \leftarrow \dot z + \dot W x + \dot b$.
    #[inline(always)]
    pub fn push_weights<const FMA: bool>(&self, weights_dot: &[f64], x: &[f64], z_dot: &mut [f64]) {
        let (w_dot, b_dot) = self.split(weights_dot);
        for (x, row) in x.iter().zip(w_dot.chunks_exact(self.outputs)) {
            for (z, w) in z_dot.iter_mut().zip(row) {
                *z = multiply_add::<FMA>(*x, *w, *z);
            }
        }
        for (z, b) in z_dot.iter_mut().zip(b_dot) {
            *z += b;
        }
    }

    /// With $\delta = \bar z$: writes $\bar x = W^\top \delta$, adds $x \delta^\top$ and $\delta$ to the weights' cotangents.
    #[inline(always)]
    pub fn backward<const FMA: bool>(
        &self,
        weights: &[f64],
        x: &[f64],
        delta: &[f64],
        x_bar: &mut [f64],
        weights_bar: &mut [f64],
    ) {
        let (w, _) = self.split(weights);
        let (w_bar, b_bar) =
            weights_bar[self.weights..self.weights + self.weight_count()].split_at_mut(self.inputs * self.outputs);
        let (x, x_bar) = (&x[..self.inputs], &mut x_bar[..self.inputs]);
        match self.outputs {
            1 => rows::<FMA, 1>(w, x, delta, x_bar, w_bar, b_bar),
            2 => rows::<FMA, 2>(w, x, delta, x_bar, w_bar, b_bar),
            3 => rows::<FMA, 3>(w, x, delta, x_bar, w_bar, b_bar),
            4 => rows::<FMA, 4>(w, x, delta, x_bar, w_bar, b_bar),
            5 => rows::<FMA, 5>(w, x, delta, x_bar, w_bar, b_bar),
            6 => rows::<FMA, 6>(w, x, delta, x_bar, w_bar, b_bar),
            7 => rows::<FMA, 7>(w, x, delta, x_bar, w_bar, b_bar),
            8 => rows::<FMA, 8>(w, x, delta, x_bar, w_bar, b_bar),
            n => {
                let delta = &delta[..n];
                for (((x, x_bar), row), row_bar) in
                    x.iter().zip(x_bar).zip(w.chunks_exact(n)).zip(w_bar.chunks_exact_mut(n))
                {
                    *x_bar = dot::<FMA>(row, delta);
                    axpy::<FMA>(*x, delta, row_bar);
                }
                for (b, d) in b_bar.iter_mut().zip(delta) {
                    *b += d;
                }
            }
        }
    }

    /// What $\dot x$ and $\dot W$ add to the derivative of [`backward`](Self::backward) beside its own at $\dot\delta$: adds
    /// $\dot W^\top \delta$ to $\dot{\bar x}$ where `weights_dot` is not empty, and $\dot x \delta^\top$ to the derivative of the
    /// weights' cotangents.
    #[inline(always)]
    pub fn backward_moving<const FMA: bool>(
        &self,
        weights_dot: &[f64],
        x_dot: &[f64],
        delta: &[f64],
        x_bar_dot: &mut [f64],
        weights_bar_dot: &mut [f64],
    ) {
        let delta = &delta[..self.outputs];
        let rows =
            weights_bar_dot[self.weights..self.weights + self.inputs * self.outputs].chunks_exact_mut(self.outputs);
        for (x, row_bar) in x_dot.iter().zip(rows) {
            axpy::<FMA>(*x, delta, row_bar);
        }
        if !weights_dot.is_empty() {
            let (w_dot, _) = self.split(weights_dot);
            for (x_bar, row) in x_bar_dot.iter_mut().zip(w_dot.chunks_exact(self.outputs)) {
                *x_bar += dot::<FMA>(row, delta);
            }
        }
    }
}

/// Outputs `o .. o + C` of the forward pass.
#[inline(always)]
fn columns<const FMA: bool, const C: usize>(w: &[f64], n: usize, o: usize, x: &[f64], b: &[f64], z: &mut [f64]) {
    let mut sum = [0.0; C];
    sum.copy_from_slice(&b[o..o + C]);
    for (x, row) in x.iter().zip(w.chunks_exact(n)) {
        let row = &row[o..o + C];
        for c in 0..C {
            sum[c] = multiply_add::<FMA>(*x, row[c], sum[c]);
        }
    }
    z[o..o + C].copy_from_slice(&sum);
}

/// The backward pass of a layer with `C` outputs.
#[inline(always)]
fn rows<const FMA: bool, const C: usize>(
    w: &[f64],
    x: &[f64],
    delta: &[f64],
    x_bar: &mut [f64],
    w_bar: &mut [f64],
    b_bar: &mut [f64],
) {
    let mut d = [0.0; C];
    d.copy_from_slice(&delta[..C]);
    let (w, _) = w.as_chunks::<C>();
    let (w_bar, _) = w_bar.as_chunks_mut::<C>();
    for (((x, x_bar), row), row_bar) in x.iter().zip(x_bar).zip(w).zip(w_bar) {
        *x_bar = dot::<FMA>(row, &d);
        axpy::<FMA>(*x, &d, row_bar);
    }
    for c in 0..C {
        b_bar[c] += d[c];
    }
}
