//! Blocks: the parts of a model with many weights and derivatives fused by hand.
//!
//! A mechanism has ten operations, a network a thousand. So a mechanism is differentiated by swapping its number
//! ([`crate::number`]), and a network by the rules of a [`Block`], which keep what the forward pass computed.
//!
//! Every block speaks the same verbs: [`eval`](Block::eval), [`record`](Block::record) (evaluate and keep),
//! [`jvp`](Block::jvp), [`vjp`](Block::vjp), [`jacobian`](Block::jacobian), and for second derivatives
//! [`record_along`](Block::record_along), [`vjp_along`](Block::vjp_along).

mod activation;
mod initializer;
mod layer;
mod mlp;

pub use activation::Activation;
pub use initializer::Initializer;
pub use mlp::Mlp;

use crate::number::{Along, AlongMut, Real, Zeros};
use rand_chacha::ChaCha8Rng;

/// A function $y = B(x; w)$ with many weights $w$ and fused derivatives.
///
/// `record` writes what the derivatives need onto a tape of [`tape_len`](Block::tape_len) numbers; `jvp`, `vjp` and
/// `jacobian` read it. Slices have the lengths that `inputs`, `outputs`, `weight_count` and `tape_len` state.
pub trait Block: Send + Sync {
    /// Number of inputs.
    fn inputs(&self) -> usize;
    /// Number of outputs.
    fn outputs(&self) -> usize;
    /// Number of weights.
    fn weight_count(&self) -> usize;
    /// Numbers kept per recorded evaluation.
    fn tape_len(&self) -> usize;
    /// What is wrong with the block as it was put together, if anything.
    fn fault(&self) -> Option<String> {
        None
    }
    /// Draws initial weights.
    fn initialize(&self, rng: &mut ChaCha8Rng, weights: &mut [f64]);
    /// $y = B(x; w)$.
    fn eval(&self, weights: &[f64], x: &[f64], y: &mut [f64]);
    /// $y = B(x; w)$ of several inputs at once: input `i` of lane `l` is `x[i * lanes + l]`, and outputs likewise. Each lane
    /// has the bits that [`eval`](Block::eval) gives it.
    fn eval_lanes(&self, weights: &[f64], lanes: usize, x: &[f64], y: &mut [f64]) {
        eval_lane_by_lane(self, weights, lanes, x, y);
    }
    /// $y = B(x; w)$, keeping on `tape` what the derivatives need.
    fn record(&self, weights: &[f64], x: &[f64], y: &mut [f64], tape: &mut [f64]);
    /// $\dot y = \partial_x B \dot x + \partial_w B \dot w$; without `weights_dot`, $\dot w = 0$.
    fn jvp(&self, weights: &[f64], tape: &[f64], x_dot: &[f64], weights_dot: Option<&[f64]>, y_dot: &mut [f64]);
    /// Adds $(\partial_x B)^\top \bar y$ to `x_bar` and $(\partial_w B)^\top \bar y$ to `weights_bar`.
    fn vjp(&self, weights: &[f64], tape: &[f64], y_bar: &[f64], x_bar: &mut [f64], weights_bar: &mut [f64]);
    /// $\partial_x B$, row by row (`outputs × inputs`).
    fn jacobian(&self, weights: &[f64], tape: &[f64], jacobian: &mut [f64]) {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let (mut x_dot, mut y_dot) = (Zeros::<f64>::new(inputs), Zeros::<f64>::new(outputs));
        for j in 0..inputs {
            x_dot[j] = 1.0;
            self.jvp(weights, tape, &x_dot, None, &mut y_dot);
            x_dot[j] = 0.0;
            for (i, v) in y_dot.iter().enumerate() {
                jacobian[i * inputs + j] = *v;
            }
        }
    }
    /// [`record`](Block::record) and its derivative along a direction $(\dot w, \dot x)$: the values come out as `record`
    /// writes them, and beside each, on the tape too, its derivative. An empty derivative of `weights` stands for zero.
    fn record_along(&self, weights: Along<'_>, x: Along<'_>, y: AlongMut<'_>, tape: AlongMut<'_>);
    /// [`vjp`](Block::vjp) and its derivative along the direction that `tape` was recorded along, $\bar y$ moving with
    /// $\dot{\bar y}$: adds $(\partial_x B)^\top \bar y$ and
    /// $\frac{d}{d\epsilon} (\partial_x B)^\top (\bar y + \epsilon \dot{\bar y})$ to the parts of `x_bar`, and the same for
    /// the weights to `weights_bar`. An empty derivative of `weights` stands for zero, as it was recorded.
    fn vjp_along(
        &self,
        weights: Along<'_>,
        tape: Along<'_>,
        y_bar: Along<'_>,
        x_bar: AlongMut<'_>,
        weights_bar: AlongMut<'_>,
    );
    /// $y = B(x; w)$ over any number, without fused derivatives.
    fn evaluate<R: Real>(&self, weights: &[f64], x: &[R], y: &mut [R])
    where
        Self: Sized;
}

/// [`Block::eval_lanes`] for blocks that have nothing better.
fn eval_lane_by_lane<B: Block + ?Sized>(block: &B, weights: &[f64], lanes: usize, x: &[f64], y: &mut [f64]) {
    let (mut x_lane, mut y_lane) = (Zeros::<f64>::new(block.inputs()), Zeros::<f64>::new(block.outputs()));
    for l in 0..lanes {
        for (i, x_lane) in x_lane.iter_mut().enumerate() {
            *x_lane = x[i * lanes + l];
        }
        block.eval(weights, &x_lane, &mut y_lane);
        for (o, y_lane) in y_lane.iter().enumerate() {
            y[o * lanes + l] = *y_lane;
        }
    }
}

/// A block with `I` inputs and `O` outputs known to the compiler, so that a call takes and returns arrays.
pub trait Shaped<const I: usize, const O: usize>: Block {}
