//! Candidate terms as a block: what stands where a network was.

use crate::model::Scaling;
use crate::network::Block;
use crate::number::{Dual, Formula, Real, Zeros};
use rand_chacha::ChaCha8Rng;

/// $y_o = \sum_k w_k \varphi_{c_k}(x)$ over the active terms $k$ of output $o$.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// One output per active term.
    formula: Formula,
    /// The output that each term belongs to.
    outputs_of: Vec<usize>,
    outputs: usize,
    empty: bool,
}

impl Terms {
    /// The `active` terms, pairs of output and candidate.
    pub fn new(candidates: &Formula, outputs: usize, active: &[(usize, usize)]) -> Terms {
        let chosen: Vec<usize> = active.iter().map(|a| a.1).collect();
        let selected = candidates.select(&chosen);
        Terms {
            empty: selected.is_err(),
            formula: selected.unwrap_or_else(|_| candidates.clone()),
            outputs_of: active.iter().map(|a| a.0).collect(),
            outputs,
        }
    }

    fn kept(&self) -> usize {
        if self.empty { 0 } else { self.formula.ops().len() }
    }

    /// All outputs with coefficients of any number.
    pub fn combine<R: Real>(&self, coefficients: &[R], x: &[R], y: &mut [R]) {
        y.fill(R::zero());
        if self.empty {
            return;
        }
        let mut values = Zeros::new(self.outputs_of.len());
        self.formula.evaluate(x, &mut values);
        for ((o, w), v) in self.outputs_of.iter().zip(coefficients).zip(values.iter()) {
            y[*o] += *w * *v;
        }
    }
}

impl Block for Terms {
    fn inputs(&self) -> usize {
        self.formula.inputs()
    }
    fn outputs(&self) -> usize {
        self.outputs
    }
    fn weight_count(&self) -> usize {
        self.outputs_of.len()
    }
    fn tape_len(&self) -> usize {
        self.kept()
    }
    fn initialize(&self, _rng: &mut ChaCha8Rng, weights: &mut [f64]) {
        weights.fill(0.0);
    }

    fn eval(&self, weights: &[f64], x: &[f64], y: &mut [f64]) {
        self.record(weights, x, y, &mut Zeros::new(self.kept()));
    }

    fn record(&self, weights: &[f64], x: &[f64], y: &mut [f64], tape: &mut [f64]) {
        y[..self.outputs].fill(0.0);
        if self.empty {
            return;
        }
        self.formula.fill(x, tape);
        for (k, (o, w)) in self.outputs_of.iter().zip(weights).enumerate() {
            y[*o] += w * self.formula.output_value(tape, k);
        }
    }

    fn jvp(&self, weights: &[f64], tape: &[f64], x_dot: &[f64], weights_dot: Option<&[f64]>, y_dot: &mut [f64]) {
        y_dot[..self.outputs].fill(0.0);
        if self.empty {
            return;
        }
        // The inputs stand on the tape where the formula reads them; a term's tangent needs their values again.
        let mut x = vec![Dual::<1>::constant(0.0); self.formula.inputs()];
        for (i, x) in x.iter_mut().enumerate() {
            x.value = self.formula.input_value(tape, i).unwrap_or(0.0);
            x.tangent[0] = x_dot[i];
        }
        let mut values = vec![Dual::<1>::constant(0.0); self.outputs_of.len()];
        self.formula.evaluate(&x, &mut values);
        for (k, (o, w)) in self.outputs_of.iter().zip(weights).enumerate() {
            y_dot[*o] += w * values[k].tangent[0] + weights_dot.map_or(0.0, |d| d[k] * values[k].value);
        }
    }

    fn vjp(&self, weights: &[f64], tape: &[f64], y_bar: &[f64], x_bar: &mut [f64], weights_bar: &mut [f64]) {
        if self.empty {
            return;
        }
        let mut bars = Zeros::new(self.kept());
        let mut moving = false;
        for (k, (o, w)) in self.outputs_of.iter().zip(weights).enumerate() {
            weights_bar[k] += y_bar[*o] * self.formula.output_value(tape, k);
            if *w != 0.0 && y_bar[*o] != 0.0 {
                self.formula.seed(k, y_bar[*o] * w, &mut bars);
                moving = true;
            }
        }
        if moving {
            self.formula.pull_back(tape, &mut bars, x_bar);
        }
    }

    fn evaluate<R: Real>(&self, weights: &[f64], x: &[R], y: &mut [R]) {
        let coefficients: Vec<R> = weights.iter().map(|w| R::from_f64(*w)).collect();
        self.combine(&coefficients, x, y);
    }
}

/// A fitted network times a number, plus candidate terms: $y = \alpha N(x) + \sum_k w_k \varphi_k(x)$, weights
/// $(\alpha, w)$. At $\alpha = 1$, $w = 0$ it is the network, and its derivatives say what trading the network for terms
/// does to the trajectory.
pub(super) struct Blend<'a> {
    pub network: &'a dyn Block,
    pub weights: &'a [f64],
    pub scaling: Scaling,
    pub terms: Terms,
}

impl Blend<'_> {
    fn scaled(&self, x: &[f64]) -> Zeros<f64> {
        let mut scaled = Zeros::new(x.len());
        for (i, (s, x)) in scaled.iter_mut().zip(x).enumerate() {
            *s = self.scaling.input(i, *x);
        }
        scaled
    }
}

impl Block for Blend<'_> {
    fn inputs(&self) -> usize {
        self.network.inputs()
    }
    fn outputs(&self) -> usize {
        self.network.outputs()
    }
    fn weight_count(&self) -> usize {
        1 + self.terms.weight_count()
    }
    fn tape_len(&self) -> usize {
        self.network.tape_len() + self.outputs() + self.terms.tape_len()
    }
    fn initialize(&self, _rng: &mut ChaCha8Rng, weights: &mut [f64]) {
        weights.fill(0.0);
        weights[0] = 1.0;
    }
    fn eval(&self, weights: &[f64], x: &[f64], y: &mut [f64]) {
        let mut tape = vec![0.0; self.tape_len()];
        self.record(weights, x, y, &mut tape);
    }

    fn record(&self, weights: &[f64], x: &[f64], y: &mut [f64], tape: &mut [f64]) {
        let (of_network, rest) = tape.split_at_mut(self.network.tape_len());
        let (network, of_terms) = rest.split_at_mut(self.outputs());
        self.network.record(self.weights, &self.scaled(x), network, of_network);
        for (o, v) in network.iter_mut().enumerate() {
            *v = self.scaling.output(o, *v);
        }
        self.terms.record(&weights[1..], x, y, of_terms);
        for (y, v) in y.iter_mut().zip(network.iter()) {
            *y += weights[0] * v;
        }
    }

    fn jvp(&self, weights: &[f64], tape: &[f64], x_dot: &[f64], weights_dot: Option<&[f64]>, y_dot: &mut [f64]) {
        let (of_network, rest) = tape.split_at(self.network.tape_len());
        let (network, of_terms) = rest.split_at(self.outputs());
        let scaled: Vec<f64> =
            x_dot.iter().enumerate().map(|(i, d)| self.scaling.input(i, *d) - self.scaling.input(i, 0.0)).collect();
        let mut through = vec![0.0; self.outputs()];
        self.network.jvp(self.weights, of_network, &scaled, None, &mut through);
        self.terms.jvp(&weights[1..], of_terms, x_dot, weights_dot.map(|d| &d[1..]), y_dot);
        for (o, y) in y_dot.iter_mut().enumerate() {
            *y += weights[0] * self.scaling.output(o, through[o]) + weights_dot.map_or(0.0, |d| d[0] * network[o]);
        }
    }

    fn vjp(&self, weights: &[f64], tape: &[f64], y_bar: &[f64], x_bar: &mut [f64], weights_bar: &mut [f64]) {
        let (of_network, rest) = tape.split_at(self.network.tape_len());
        let (network, of_terms) = rest.split_at(self.outputs());
        self.terms.vjp(&weights[1..], of_terms, y_bar, x_bar, &mut weights_bar[1..]);
        weights_bar[0] += y_bar.iter().zip(network).map(|(a, b)| a * b).sum::<f64>();
        let seeds: Vec<f64> = y_bar.iter().enumerate().map(|(o, b)| weights[0] * self.scaling.output(o, *b)).collect();
        let mut scaled_bar = vec![0.0; self.inputs()];
        let mut unused = vec![0.0; self.network.weight_count()];
        self.network.vjp(self.weights, of_network, &seeds, &mut scaled_bar, &mut unused);
        for (i, (x, s)) in x_bar.iter_mut().zip(&scaled_bar).enumerate() {
            *x += s * (self.scaling.input(i, 1.0) - self.scaling.input(i, 0.0));
        }
    }

    /// Never asked for: a blend only serves a linearisation, which is recorded.
    fn evaluate<R: Real>(&self, _weights: &[f64], _x: &[R], y: &mut [R]) {
        y.fill(R::from_f64(f64::NAN));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Library;
    use super::*;
    use crate::network::{Activation, Mlp};
    use rand::SeedableRng;

    /// jvp against a central difference, vjp against jvp.
    fn check(block: &dyn Block, weights: &[f64]) {
        let (i, o, n) = (block.inputs(), block.outputs(), block.weight_count());
        let x: Vec<f64> = (0..i).map(|k| 0.7 + 0.4 * k as f64).collect();
        let x_dot: Vec<f64> = (0..i).map(|k| 1.0 - 0.6 * k as f64).collect();
        let w_dot: Vec<f64> = (0..n).map(|k| (k as f64 * 1.3).cos()).collect();
        let mut tape = vec![0.0; block.tape_len()];
        let (mut y, mut y_dot, mut plain) = (vec![0.0; o], vec![0.0; o], vec![0.0; o]);
        block.record(weights, &x, &mut y, &mut tape);
        block.eval(weights, &x, &mut plain);
        assert_eq!(y, plain);
        block.jvp(weights, &tape, &x_dot, Some(&w_dot), &mut y_dot);
        let moved = |h: f64| {
            let x: Vec<f64> = x.iter().zip(&x_dot).map(|(a, b)| a + h * b).collect();
            let w: Vec<f64> = weights.iter().zip(&w_dot).map(|(a, b)| a + h * b).collect();
            let mut y = vec![0.0; o];
            block.eval(&w, &x, &mut y);
            y
        };
        let (ahead, behind) = (moved(1e-5), moved(-1e-5));
        for k in 0..o {
            approx::assert_relative_eq!(y_dot[k], (ahead[k] - behind[k]) / 2e-5, max_relative = 1e-8, epsilon = 1e-9);
        }
        let y_bar: Vec<f64> = (0..o).map(|k| 1.0 + k as f64).collect();
        let (mut x_bar, mut w_bar) = (vec![0.0; i], vec![0.0; n]);
        block.vjp(weights, &tape, &y_bar, &mut x_bar, &mut w_bar);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        approx::assert_relative_eq!(
            dot(&y_bar, &y_dot),
            dot(&x_bar, &x_dot) + dot(&w_bar, &w_dot),
            max_relative = 1e-12
        );
    }

    #[test]
    fn derivatives_of_terms_and_of_a_blend() {
        let candidates = Library::polynomials(3).sines().build(2).unwrap().unwrap();
        let active = [(0, 4), (0, 10), (1, 0), (1, 4), (1, 7)];
        let terms = Terms::new(&candidates, 2, &active);
        check(&terms, &[0.5, -1.2, 0.3, 2.0, 0.0]);
        let network = Mlp::<2, 2>::new([5, 3], Activation::Tanh);
        let mut weights = vec![0.0; network.weight_count()];
        network.initialize(&mut ChaCha8Rng::seed_from_u64(1), &mut weights);
        let scaling = Scaling::new(&[0.5, -2.0], &[3.0, 0.2], &[2.0, 7.0]);
        check(&Blend { network: &network, weights: &weights, scaling, terms }, &[0.8, 0.5, -1.2, 0.3, 2.0, 0.1]);
    }

    #[test]
    fn no_terms_give_zero() {
        let candidates = Library::polynomials(1).build(1).unwrap().unwrap();
        let terms = Terms::new(&candidates, 2, &[]);
        let mut y = [7.0; 2];
        terms.eval(&[], &[3.0], &mut y);
        assert_eq!(y, [0.0; 2]);
    }
}
