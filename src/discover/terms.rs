//! Candidate terms as a block: what stands where a network was.

use crate::model::Scaling;
use crate::network::Block;
use crate::number::{Along, AlongMut, Dual, Formula, Real, Zeros, part};
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

    fn record_along(&self, weights: Along<'_>, x: Along<'_>, y: AlongMut<'_>, tape: AlongMut<'_>) {
        y.0[..self.outputs].fill(0.0);
        y.1[..self.outputs].fill(0.0);
        if self.empty {
            return;
        }
        let mut inputs = Zeros::<Dual<1>>::new(self.formula.inputs());
        for (i, (value, dot)) in inputs.iter_mut().zip(x.0.iter().zip(x.1)) {
            *i = Dual { value: *value, tangent: [*dot] };
        }
        let mut values = Zeros::<Dual<1>>::new(self.kept());
        self.formula.fill(&inputs, &mut values);
        for ((value, dot), dual) in tape.0.iter_mut().zip(tape.1.iter_mut()).zip(values.iter()) {
            (*value, *dot) = (dual.value, dual.tangent[0]);
        }
        for (k, (o, w)) in self.outputs_of.iter().zip(weights.0).enumerate() {
            let (value, dot) = (self.formula.output_value(tape.0, k), self.formula.output_value(tape.1, k));
            y.0[*o] += w * value;
            y.1[*o] += w * dot + weights.1.get(k).map_or(0.0, |w_dot| w_dot * value);
        }
    }

    /// The derivative by forward mode, once per input: terms have few.
    fn vjp_along(
        &self,
        weights: Along<'_>,
        tape: Along<'_>,
        y_bar: Along<'_>,
        x_bar: AlongMut<'_>,
        weights_bar: AlongMut<'_>,
    ) {
        if self.empty {
            return;
        }
        self.vjp(weights.0, tape.0, y_bar.0, x_bar.0, weights_bar.0);
        let mut x = Zeros::<Dual<1, Dual<1>>>::new(self.formula.inputs());
        for (i, x) in x.iter_mut().enumerate() {
            let read = |tape: &[f64]| self.formula.input_value(tape, i).unwrap_or(0.0);
            x.value = Dual { value: read(tape.0), tangent: [read(tape.1)] };
        }
        let mut seeds = Zeros::<Dual<1>>::new(self.outputs_of.len());
        for (k, (o, w)) in self.outputs_of.iter().zip(weights.0).enumerate() {
            let w = Dual::<1> { value: *w, tangent: [weights.1.get(k).copied().unwrap_or(0.0)] };
            let bar = Dual { value: y_bar.0[*o], tangent: [y_bar.1[*o]] };
            seeds[k] = w * bar;
            let term =
                Dual { value: self.formula.output_value(tape.0, k), tangent: [self.formula.output_value(tape.1, k)] };
            weights_bar.1[k] += (bar * term).tangent[0];
        }
        let mut values = Zeros::new(self.outputs_of.len());
        for i in 0..x.len() {
            x[i].tangent[0].value = 1.0;
            self.formula.evaluate(&x, &mut values);
            x[i].tangent[0].value = 0.0;
            for (seed, term) in seeds.iter().zip(values.iter()) {
                // As in `vjp`: a term that is not there adds nothing, even where its slope is infinite.
                if seed.value != 0.0 || seed.tangent[0] != 0.0 {
                    x_bar.1[i] += (*seed * term.tangent[0]).tangent[0];
                }
            }
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

    /// What a scaled input changes by when the input changes by one.
    fn input_slope(&self, i: usize) -> f64 {
        self.scaling.input(i, 1.0) - self.scaling.input(i, 0.0)
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
            *x += s * self.input_slope(i);
        }
    }

    fn record_along(&self, weights: Along<'_>, x: Along<'_>, y: AlongMut<'_>, tape: AlongMut<'_>) {
        let (of_network, rest) = tape.0.split_at_mut(self.network.tape_len());
        let (network, of_terms) = rest.split_at_mut(self.outputs());
        let (of_network_dot, rest_dot) = tape.1.split_at_mut(self.network.tape_len());
        let (network_dot, of_terms_dot) = rest_dot.split_at_mut(self.outputs());
        let mut scaled_dot = Zeros::<f64>::new(x.1.len());
        for (i, (s, x)) in scaled_dot.iter_mut().zip(x.1).enumerate() {
            *s = x * self.input_slope(i);
        }
        self.network.record_along(
            (self.weights, &[]),
            (&self.scaled(x.0), &scaled_dot),
            (network, network_dot),
            (of_network, of_network_dot),
        );
        for (o, (v, dot)) in network.iter_mut().zip(network_dot.iter_mut()).enumerate() {
            (*v, *dot) = (self.scaling.output(o, *v), self.scaling.output(o, *dot));
        }
        let of_term_weights = part(weights, 1..self.weight_count());
        self.terms.record_along(of_term_weights, x, (y.0, y.1), (of_terms, of_terms_dot));
        let alpha_dot = weights.1.first().copied().unwrap_or(0.0);
        for o in 0..self.outputs() {
            y.0[o] += weights.0[0] * network[o];
            y.1[o] += weights.0[0] * network_dot[o] + alpha_dot * network[o];
        }
    }

    fn vjp_along(
        &self,
        weights: Along<'_>,
        tape: Along<'_>,
        y_bar: Along<'_>,
        x_bar: AlongMut<'_>,
        weights_bar: AlongMut<'_>,
    ) {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let after_network = self.network.tape_len();
        let (network, network_dot) = part(tape, after_network..after_network + outputs);
        self.terms.vjp_along(
            part(weights, 1..self.weight_count()),
            part(tape, after_network + outputs..self.tape_len()),
            y_bar,
            (x_bar.0, x_bar.1),
            (&mut weights_bar.0[1..], &mut weights_bar.1[1..]),
        );
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        weights_bar.0[0] += product(y_bar.0, network);
        weights_bar.1[0] += product(y_bar.1, network) + product(y_bar.0, network_dot);
        let (alpha, alpha_dot) = (weights.0[0], weights.1.first().copied().unwrap_or(0.0));
        let (mut seeds, mut seeds_dot) = (Zeros::<f64>::new(outputs), Zeros::<f64>::new(outputs));
        for o in 0..outputs {
            seeds[o] = alpha * self.scaling.output(o, y_bar.0[o]);
            seeds_dot[o] = self.scaling.output(o, alpha * y_bar.1[o] + alpha_dot * y_bar.0[o]);
        }
        let (mut bar, mut bar_dot) = (Zeros::<f64>::new(inputs), Zeros::<f64>::new(inputs));
        let mut unused = Zeros::<f64>::new(2 * self.network.weight_count());
        let (unused, unused_dot) = unused.split_at_mut(self.network.weight_count());
        self.network.vjp_along(
            (self.weights, &[]),
            part(tape, 0..after_network),
            (&seeds, &seeds_dot),
            (&mut bar, &mut bar_dot),
            (unused, unused_dot),
        );
        for i in 0..inputs {
            x_bar.0[i] += bar[i] * self.input_slope(i);
            x_bar.1[i] += bar_dot[i] * self.input_slope(i);
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
        check_along(block, weights, [&x, &x_dot], &w_dot, &y_bar);
    }

    /// The passes along a direction: values to the bit, derivatives against central differences of `record` and `vjp`.
    fn check_along(block: &dyn Block, weights: &[f64], [x, x_dot]: [&[f64]; 2], w_dot: &[f64], y_bar: &[f64]) {
        let (i, o, n) = (block.inputs(), block.outputs(), block.weight_count());
        let y_bar_dot: Vec<f64> = (0..o).map(|k| 0.3 - k as f64).collect();
        // Outputs, tape and cotangents, one after the other, at a distance from the point.
        let plain = |h: f64, w_dot: &[f64]| {
            let moved = |a: &[f64], dot: &[f64]| -> Vec<f64> {
                a.iter().enumerate().map(|(k, a)| a + h * dot.get(k).unwrap_or(&0.0)).collect()
            };
            let (x, w, y_bar) = (moved(x, x_dot), moved(weights, w_dot), moved(y_bar, &y_bar_dot));
            let mut all = vec![0.0; o + block.tape_len() + i + n];
            let (y, rest) = all.split_at_mut(o);
            let (tape, bars) = rest.split_at_mut(block.tape_len());
            let (x_bar, w_bar) = bars.split_at_mut(i);
            block.record(&w, &x, y, tape);
            block.vjp(&w, tape, &y_bar, x_bar, w_bar);
            all
        };
        for w_dot in [w_dot, &[]] {
            let (mut all, mut all_dot) = (plain(0.0, &[]), plain(0.0, &[]));
            all[o + block.tape_len()..].fill(0.0);
            all_dot[o + block.tape_len()..].fill(0.0);
            {
                let ((y, rest), (y_dot, rest_dot)) = (all.split_at_mut(o), all_dot.split_at_mut(o));
                let (tape, bars) = rest.split_at_mut(block.tape_len());
                let (tape_dot, bars_dot) = rest_dot.split_at_mut(block.tape_len());
                let ((x_bar, w_bar), (x_bar_dot, w_bar_dot)) = (bars.split_at_mut(i), bars_dot.split_at_mut(i));
                block.record_along((weights, w_dot), (x, x_dot), (y, y_dot), (tape, tape_dot));
                block.vjp_along(
                    (weights, w_dot),
                    (tape, tape_dot),
                    (y_bar, &y_bar_dot),
                    (x_bar, x_bar_dot),
                    (w_bar, w_bar_dot),
                );
            }
            assert_eq!(all, plain(0.0, w_dot));
            let h = 1e-5;
            let (ahead, behind) = (plain(h, w_dot), plain(-h, w_dot));
            for k in (0..all.len()).filter(|k| !(o..o + block.tape_len()).contains(k)) {
                let difference = (ahead[k] - behind[k]) / (2.0 * h);
                approx::assert_relative_eq!(all_dot[k], difference, max_relative = 1e-8, epsilon = 1e-8);
            }
        }
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
