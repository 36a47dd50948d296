//! A formula: a short program of elementary operations, evaluated over any number and differentiated backwards.

use super::{Real, Zeros};
use serde::{Deserialize, Serialize};

/// One operation; its operands are indices of earlier operations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Op {
    Constant(f64),
    Input(u32),
    Neg(u32),
    Add(u32, u32),
    Sub(u32, u32),
    Mul(u32, u32),
    Div(u32, u32),
    Exp(u32),
    ExpM1(u32),
    Ln(u32),
    Ln1p(u32),
    Sqrt(u32),
    Sin(u32),
    Cos(u32),
    Tanh(u32),
    Atan(u32),
    Powi(u32, i32),
    Powf(u32, f64),
    Abs(u32),
    Min(u32, u32),
    Max(u32, u32),
    Select(u32, u32, u32),
}

impl Op {
    /// A hashable identity; sums and products are the same whichever operand comes first.
    pub(super) fn key(self) -> (u8, u32, u32, u32, u64) {
        use Op::*;
        match self {
            Constant(c) => (0, 0, 0, 0, c.to_bits()),
            Input(i) => (1, i, 0, 0, 0),
            Neg(a) => (2, a, 0, 0, 0),
            Add(a, b) => (3, a.min(b), a.max(b), 0, 0),
            Sub(a, b) => (4, a, b, 0, 0),
            Mul(a, b) => (5, a.min(b), a.max(b), 0, 0),
            Div(a, b) => (6, a, b, 0, 0),
            Exp(a) => (7, a, 0, 0, 0),
            ExpM1(a) => (8, a, 0, 0, 0),
            Ln(a) => (9, a, 0, 0, 0),
            Ln1p(a) => (10, a, 0, 0, 0),
            Sqrt(a) => (11, a, 0, 0, 0),
            Sin(a) => (12, a, 0, 0, 0),
            Cos(a) => (13, a, 0, 0, 0),
            Tanh(a) => (14, a, 0, 0, 0),
            Atan(a) => (15, a, 0, 0, 0),
            Powi(a, k) => (16, a, 0, 0, k as u64),
            Powf(a, p) => (17, a, 0, 0, p.to_bits()),
            Abs(a) => (18, a, 0, 0, 0),
            Min(a, b) => (19, a, b, 0, 0),
            Max(a, b) => (20, a, b, 0, 0),
            Select(c, a, b) => (21, c, a, b, 0),
        }
    }

    /// Calls `visit` with each operand.
    pub(super) fn operands(self, mut visit: impl FnMut(u32)) {
        use Op::*;
        match self {
            Constant(_) | Input(_) => {}
            Neg(a)
            | Exp(a)
            | ExpM1(a)
            | Ln(a)
            | Ln1p(a)
            | Sqrt(a)
            | Sin(a)
            | Cos(a)
            | Tanh(a)
            | Atan(a)
            | Powi(a, _)
            | Powf(a, _)
            | Abs(a) => visit(a),
            Add(a, b) | Sub(a, b) | Mul(a, b) | Div(a, b) | Min(a, b) | Max(a, b) => {
                visit(a);
                visit(b);
            }
            Select(c, a, b) => {
                visit(c);
                visit(a);
                visit(b);
            }
        }
    }

    /// The same operation with renumbered operands.
    fn renumbered(self, at: impl Fn(u32) -> u32) -> Op {
        use Op::*;
        match self {
            Constant(_) | Input(_) => self,
            Neg(a) => Neg(at(a)),
            Add(a, b) => Add(at(a), at(b)),
            Sub(a, b) => Sub(at(a), at(b)),
            Mul(a, b) => Mul(at(a), at(b)),
            Div(a, b) => Div(at(a), at(b)),
            Exp(a) => Exp(at(a)),
            ExpM1(a) => ExpM1(at(a)),
            Ln(a) => Ln(at(a)),
            Ln1p(a) => Ln1p(at(a)),
            Sqrt(a) => Sqrt(at(a)),
            Sin(a) => Sin(at(a)),
            Cos(a) => Cos(at(a)),
            Tanh(a) => Tanh(at(a)),
            Atan(a) => Atan(at(a)),
            Powi(a, k) => Powi(at(a), k),
            Powf(a, p) => Powf(at(a), p),
            Abs(a) => Abs(at(a)),
            Min(a, b) => Min(at(a), at(b)),
            Max(a, b) => Max(at(a), at(b)),
            Select(c, a, b) => Select(at(c), at(a), at(b)),
        }
    }
}

/// What is wrong with a formula.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FormulaError {
    /// The traced function returned nothing.
    #[error("the traced function returned no expression; return at least one")]
    NoOutput,
    /// An output is a constant that is not a finite number.
    #[error(
        "expression {output} of the traced function is not a number: it divides by zero, or uses an expression \
         that was made in another trace"
    )]
    NotFinite {
        /// Index of the output.
        output: usize,
    },
    /// A stored formula refers to an operation or an input that it does not have.
    #[error(
        "operation {operation} of the stored formula refers to something that comes after it or does not exist; the file is damaged"
    )]
    Damaged {
        /// Index of the operation.
        operation: usize,
    },
}

/// A recorded function of several inputs with one or more outputs; made by [`Formula::trace`].
///
/// ```
/// use ansatz::number::{Dual, Formula, Real};
/// // Monod uptake  v x / (k + x), with inputs x, v, k
/// let monod = Formula::trace(3, |a| vec![a[1] * a[0] / (a[2] + a[0])])?;
/// assert_eq!(monod.evaluate_one(&[2.0, 3.0, 1.0]), 2.0);
/// // ... and exactly differentiated: ∂/∂x = v k / (k + x)²
/// let x = [Dual::<1>::variable(2.0, 0), Dual::constant(3.0), Dual::constant(1.0)];
/// let mut out = [Dual::constant(0.0)];
/// monod.evaluate(&x, &mut out);
/// assert!((out[0].tangent[0] - 1.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), ansatz::number::FormulaError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Formula {
    inputs: usize,
    ops: Vec<Op>,
    outputs: Vec<u32>,
}

/// A formula as read from a file, not yet checked.
#[derive(Deserialize)]
struct Stored {
    inputs: usize,
    ops: Vec<Op>,
    outputs: Vec<u32>,
}

impl TryFrom<Stored> for Formula {
    type Error = FormulaError;
    fn try_from(s: Stored) -> Result<Formula, FormulaError> {
        for (i, op) in s.ops.iter().enumerate() {
            let mut sound = !matches!(op, Op::Input(k) if *k as usize >= s.inputs);
            op.operands(|a| sound &= (a as usize) < i);
            if !sound {
                return Err(FormulaError::Damaged { operation: i });
            }
        }
        if let Some(bad) = s.outputs.iter().find(|&&o| o as usize >= s.ops.len()) {
            return Err(FormulaError::Damaged { operation: *bad as usize });
        }
        Formula::from_parts(s.inputs, s.ops, s.outputs)
    }
}

impl Formula {
    /// Keeps what the outputs need of `ops`.
    pub(super) fn from_parts(inputs: usize, ops: Vec<Op>, outputs: Vec<u32>) -> Result<Formula, FormulaError> {
        if outputs.is_empty() {
            return Err(FormulaError::NoOutput);
        }
        for (output, &at) in outputs.iter().enumerate() {
            if matches!(ops.get(at as usize), Some(Op::Constant(c)) if !c.is_finite()) {
                return Err(FormulaError::NotFinite { output });
            }
        }
        let mut spoiled = vec![false; ops.len()];
        for (i, op) in ops.iter().enumerate() {
            let mut bad = matches!(op, Op::Constant(c) if c.is_nan());
            op.operands(|a| bad |= spoiled[a as usize]);
            spoiled[i] = bad;
        }
        if let Some(output) = outputs.iter().position(|&o| spoiled[o as usize]) {
            return Err(FormulaError::NotFinite { output });
        }
        let mut needed = vec![false; ops.len()];
        for &o in &outputs {
            needed[o as usize] = true;
        }
        for i in (0..ops.len()).rev() {
            if needed[i] {
                ops[i].operands(|a| needed[a as usize] = true);
            }
        }
        let mut place = vec![0u32; ops.len()];
        let mut kept = Vec::new();
        for (i, op) in ops.iter().enumerate().filter(|(i, _)| needed[*i]) {
            place[i] = kept.len() as u32;
            kept.push(op.renumbered(|a| place[a as usize]));
        }
        let outputs = outputs.iter().map(|&o| place[o as usize]).collect();
        Ok(Formula { inputs, ops: kept, outputs })
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs.len()
    }

    pub(crate) fn ops(&self) -> &[Op] {
        &self.ops
    }

    pub(super) fn output_node(&self, output: usize) -> Option<u32> {
        self.outputs.get(output).copied()
    }

    /// Some of the outputs, with only the operations that they need. Outputs that are not there are left out.
    ///
    /// # Errors
    /// [`FormulaError::NoOutput`] when nothing is left.
    pub fn select(&self, outputs: &[usize]) -> Result<Formula, FormulaError> {
        let kept = outputs.iter().filter_map(|&o| self.outputs.get(o).copied()).collect();
        Formula::from_parts(self.inputs, self.ops.clone(), kept)
    }

    /// Whether the output depends on the input.
    pub fn depends_on(&self, output: usize, input: usize) -> bool {
        let Some(&root) = self.outputs.get(output) else { return false };
        let mut reached = vec![false; self.ops.len()];
        reached[root as usize] = true;
        for i in (0..self.ops.len()).rev().filter(|&i| i <= root as usize) {
            if reached[i] {
                if self.ops[i] == Op::Input(input as u32) {
                    return true;
                }
                self.ops[i].operands(|a| reached[a as usize] = true);
            }
        }
        false
    }

    /// All outputs at `inputs`, over any number. Missing inputs count as NaN; surplus outputs are left alone.
    pub fn evaluate<R: Real>(&self, inputs: &[R], outputs: &mut [R]) {
        let mut values = Zeros::new(self.ops.len());
        self.fill(inputs, &mut values);
        for (out, &at) in outputs.iter_mut().zip(&self.outputs) {
            *out = values[at as usize];
        }
    }

    /// The first output at `inputs`.
    pub fn evaluate_one<R: Real>(&self, inputs: &[R]) -> R {
        let mut out = [R::from_f64(f64::NAN)];
        self.evaluate(inputs, &mut out);
        out[0]
    }

    /// The value of every operation. `values` must hold [`ops`](Self::ops) entries.
    #[inline]
    pub(crate) fn fill<R: Real>(&self, inputs: &[R], values: &mut [R]) {
        for (i, op) in self.ops.iter().enumerate() {
            let v = |a: u32| values[a as usize];
            values[i] = match *op {
                Op::Constant(c) => R::from_f64(c),
                Op::Input(k) => inputs.get(k as usize).copied().unwrap_or_else(|| R::from_f64(f64::NAN)),
                Op::Neg(a) => -v(a),
                Op::Add(a, b) => v(a) + v(b),
                Op::Sub(a, b) => v(a) - v(b),
                Op::Mul(a, b) => v(a) * v(b),
                Op::Div(a, b) => v(a) / v(b),
                Op::Exp(a) => v(a).exp(),
                Op::ExpM1(a) => v(a).exp_m1(),
                Op::Ln(a) => v(a).ln(),
                Op::Ln1p(a) => v(a).ln_1p(),
                Op::Sqrt(a) => v(a).sqrt(),
                Op::Sin(a) => v(a).sin(),
                Op::Cos(a) => v(a).cos(),
                Op::Tanh(a) => v(a).tanh(),
                Op::Atan(a) => v(a).atan(),
                Op::Powi(a, k) => v(a).powi(k),
                Op::Powf(a, p) => v(a).powf(p),
                Op::Abs(a) => v(a).abs(),
                Op::Min(a, b) => v(a).min(v(b)),
                Op::Max(a, b) => v(a).max(v(b)),
                Op::Select(c, a, b) => v(c).select(v(a), v(b)),
            };
        }
    }

    /// The output's value among the values that [`fill`](Self::fill) wrote.
    #[inline]
    pub(crate) fn output_value(&self, values: &[f64], output: usize) -> f64 {
        values[self.outputs[output] as usize]
    }

    /// The value of an input among the values that [`fill`](Self::fill) wrote, where the formula reads it.
    pub(crate) fn input_value(&self, values: &[f64], input: usize) -> Option<f64> {
        let at = self.ops.iter().position(|op| *op == Op::Input(input as u32))?;
        Some(values[at])
    }

    /// Adds $J^\top \bar y$ to `input_bar`, where $\bar y$ was put on the outputs' places of `bars` with
    /// [`seed`](Self::seed). `values` come from [`fill`](Self::fill); `bars` is used up.
    #[inline]
    pub(crate) fn pull_back(&self, values: &[f64], bars: &mut [f64], input_bar: &mut [f64]) {
        for i in (0..self.ops.len()).rev() {
            let bar = bars[i];
            if bar == 0.0 {
                continue;
            }
            let v = |a: u32| values[a as usize];
            let mut add = |a: u32, amount: f64| bars[a as usize] += amount;
            match self.ops[i] {
                Op::Constant(_) => {}
                Op::Input(k) => input_bar[k as usize] += bar,
                Op::Neg(a) => add(a, -bar),
                Op::Add(a, b) => {
                    add(a, bar);
                    add(b, bar);
                }
                Op::Sub(a, b) => {
                    add(a, bar);
                    add(b, -bar);
                }
                Op::Mul(a, b) => {
                    let (x, y) = (v(a), v(b));
                    add(a, bar * y);
                    add(b, bar * x);
                }
                Op::Div(a, b) => {
                    let scaled = bar / v(b);
                    add(a, scaled);
                    add(b, -scaled * values[i]);
                }
                Op::Exp(a) => add(a, bar * values[i]),
                Op::ExpM1(a) => add(a, bar * (values[i] + 1.0)),
                Op::Ln(a) => add(a, bar / v(a)),
                Op::Ln1p(a) => add(a, bar / (1.0 + v(a))),
                Op::Sqrt(a) => add(a, bar * 0.5 / values[i]),
                Op::Sin(a) => add(a, bar * v(a).cos()),
                Op::Cos(a) => add(a, -bar * v(a).sin()),
                Op::Tanh(a) => add(a, bar * (1.0 - values[i] * values[i])),
                Op::Atan(a) => add(a, bar / (1.0 + v(a) * v(a))),
                Op::Powi(a, k) => add(a, bar * f64::from(k) * Real::powi(v(a), k - 1)),
                Op::Powf(a, p) => add(a, bar * p * v(a).powf(p - 1.0)),
                Op::Abs(a) => add(
                    a,
                    if v(a) > 0.0 {
                        bar
                    } else if v(a) < 0.0 {
                        -bar
                    } else {
                        0.0
                    },
                ),
                Op::Min(a, b) => add(if v(b) - v(a) > 0.0 { a } else { b }, bar),
                Op::Max(a, b) => add(if v(a) - v(b) > 0.0 { a } else { b }, bar),
                Op::Select(c, a, b) => add(if v(c) > 0.0 { a } else { b }, bar),
            }
        }
    }

    /// Puts the cotangent of one output into `bars` (which the caller has zeroed).
    #[inline]
    pub(crate) fn seed(&self, output: usize, bar: f64, bars: &mut [f64]) {
        bars[self.outputs[output] as usize] += bar;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dual;
    use super::*;
    use proptest::prelude::*;

    fn everything() -> Formula {
        Formula::trace(2, |x| {
            let (a, b) = (x[0], x[1]);
            vec![
                (a * b).exp() - a.ln() * b.sqrt() + (a / b).tanh() * a.sin().cos(),
                a.powi(3) * b.powf(1.3) + a.exp_m1() * b.ln_1p() - (-a).abs().atan(),
                a.min(b) * a.max(b).square() + (a - b).select(a * 2.0, b * b) - 1.5,
            ]
        })
        .unwrap()
    }

    proptest! {
        /// The backward sweep equals forward mode, operation by operation.
        #[test]
        fn pull_back_is_the_transpose_of_the_dual_derivative(a in 0.1f64..2.0, b in 0.1f64..2.0, y in prop::array::uniform3(-1.0f64..1.0)) {
            prop_assume!((a - b).abs() > 1e-6);
            let f = everything();
            let mut out = [Dual::<2>::constant(0.0); 3];
            f.evaluate(&[Dual::variable(a, 0), Dual::variable(b, 1)], &mut out);
            let mut values = vec![0.0; f.ops().len()];
            f.fill(&[a, b], &mut values);
            let mut bars = vec![0.0; f.ops().len()];
            for (k, &bar) in y.iter().enumerate() {
                prop_assert_eq!(f.output_value(&values, k), out[k].value);
                f.seed(k, bar, &mut bars);
            }
            let mut x_bar = [0.0; 2];
            f.pull_back(&values, &mut bars, &mut x_bar);
            for lane in 0..2 {
                let forward: f64 = (0..3).map(|k| y[k] * out[k].tangent[lane]).sum();
                prop_assert!((forward - x_bar[lane]).abs() < 1e-12 * (1.0 + forward.abs()), "{} {}", forward, x_bar[lane]);
            }
        }
    }

    #[test]
    fn what_the_outputs_do_not_need_is_dropped() {
        let f = Formula::trace(2, |x| {
            let _unused = x[1].exp() * 7.0;
            vec![x[0] + 1.0]
        })
        .unwrap();
        assert_eq!(f.ops().len(), 3);
        assert!(f.depends_on(0, 0) && !f.depends_on(0, 1));
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let f = everything();
        let text = serde_json::to_string(&f).unwrap();
        assert_eq!(serde_json::from_str::<Formula>(&text).unwrap(), f);
        let broken = r#"{"inputs":1,"ops":[{"Input":0},{"Neg":5}],"outputs":[1]}"#;
        let error = serde_json::from_str::<Formula>(broken).unwrap_err().to_string();
        assert!(error.contains("operation 1") && error.contains("damaged"), "{error}");
    }
}
