//! Formulas as people read them: sums of products, in text or in LaTeX, coefficients with their uncertainty.

use super::formula::{Formula, Op};
use nalgebra::DMatrix;

/// How to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Unicode text, `−0.900(4) prey·predator`.
    Text,
    /// LaTeX, `-0.900(4)\,\mathrm{prey}\,\mathrm{predator}`.
    Latex,
}

/// A number in front of a term: its value, and its standard error when it was estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficient {
    /// The value.
    pub value: f64,
    /// The standard error; `None` for a number that was known.
    pub standard_error: Option<f64>,
}

/// One term of a sum: a coefficient times a product, written out.
#[derive(Clone, Debug, PartialEq)]
pub struct Addend {
    /// The number in front.
    pub coefficient: Coefficient,
    /// The product behind it, empty for a constant term.
    pub product: String,
}

/// Names and numbers for the inputs of a [`Formula`], and a [`Style`].
///
/// ```
/// use ansatz::number::{Formula, Notation, Real};
/// let growth = Formula::trace(3, |a| vec![a[1] * a[0] - a[2] * a[0] * a[0]])?;
/// let notation = Notation::text(["N", "r", "k"]).number(1, 1.3).estimate(2, 0.0213, 0.0004);
/// assert_eq!(notation.formula(&growth, 0), "1.3 N − 0.0213(4) N²");
/// # Ok::<(), ansatz::number::FormulaError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Notation {
    names: Vec<String>,
    style: Style,
    numbers: Vec<Option<Known>>,
    covariance: DMatrix<f64>,
}

/// An input that stands for a number; `uncertain` is its row in the covariance.
#[derive(Clone, Copy, Debug)]
struct Known {
    value: f64,
    uncertain: Option<usize>,
}

/// A coefficient with its derivatives with respect to the uncertain inputs, so that errors carry over to first order.
#[derive(Clone, Debug)]
struct Scalar {
    value: f64,
    gradient: Vec<f64>,
}

impl Scalar {
    fn constant(value: f64, uncertain: usize) -> Scalar {
        Scalar { value, gradient: vec![0.0; uncertain] }
    }
    fn times(&self, other: &Scalar) -> Scalar {
        let gradient =
            self.gradient.iter().zip(&other.gradient).map(|(a, b)| a * other.value + b * self.value).collect();
        Scalar { value: self.value * other.value, gradient }
    }
    fn plus(&self, other: &Scalar) -> Scalar {
        let gradient = self.gradient.iter().zip(&other.gradient).map(|(a, b)| a + b).collect();
        Scalar { value: self.value + other.value, gradient }
    }
    fn power(&self, k: i32) -> Scalar {
        let slope = f64::from(k) * self.value.powi(k - 1);
        Scalar { value: self.value.powi(k), gradient: self.gradient.iter().map(|g| g * slope).collect() }
    }
}

/// A term under construction: a scalar times powers of operations.
#[derive(Clone, Debug)]
struct Product {
    scalar: Scalar,
    factors: Vec<(u32, i32)>,
}

impl Product {
    fn times(mut self, other: &Product) -> Product {
        self.scalar = self.scalar.times(&other.scalar);
        for &(node, power) in &other.factors {
            self.multiply(node, power);
        }
        self
    }

    fn multiply(&mut self, node: u32, power: i32) {
        match self.factors.iter_mut().find(|f| f.0 == node) {
            Some(f) => f.1 += power,
            None => self.factors.push((node, power)),
        }
        self.factors.retain(|f| f.1 != 0);
    }
}

impl Notation {
    /// Unicode text with these names of the inputs.
    pub fn text(names: impl IntoIterator<Item = impl Into<String>>) -> Notation {
        Notation::new(names, Style::Text)
    }

    /// LaTeX with these names of the inputs.
    pub fn latex(names: impl IntoIterator<Item = impl Into<String>>) -> Notation {
        Notation::new(names, Style::Latex)
    }

    /// Names of the inputs in the given style.
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>, style: Style) -> Notation {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let numbers = vec![None; names.len()];
        Notation { names, style, numbers, covariance: DMatrix::zeros(0, 0) }
    }

    /// Writes input `input` as this known number.
    pub fn number(mut self, input: usize, value: f64) -> Notation {
        if let Some(slot) = self.numbers.get_mut(input) {
            *slot = Some(Known { value, uncertain: None });
        }
        self
    }

    /// Writes input `input` as this number with its standard error.
    pub fn estimate(self, input: usize, value: f64, standard_error: f64) -> Notation {
        let covariance = DMatrix::from_element(1, 1, standard_error * standard_error);
        self.estimates(&[(input, value)], &covariance)
    }

    /// Writes several inputs as numbers with a joint covariance, in the order of its rows.
    pub fn estimates(mut self, inputs: &[(usize, f64)], covariance: &DMatrix<f64>) -> Notation {
        let (old, new) = (self.covariance.nrows(), covariance.nrows().min(inputs.len()));
        let mut joint = DMatrix::zeros(old + new, old + new);
        joint.view_mut((0, 0), (old, old)).copy_from(&self.covariance);
        joint.view_mut((old, old), (new, new)).copy_from(&covariance.view((0, 0), (new, new)));
        self.covariance = joint;
        for (row, &(input, value)) in inputs.iter().enumerate().take(new) {
            if let Some(slot) = self.numbers.get_mut(input) {
                *slot = Some(Known { value, uncertain: Some(old + row) });
            }
        }
        self
    }

    /// An output as a sum of terms; terms with equal products are put together.
    pub fn addends(&self, formula: &Formula, output: usize) -> Vec<Addend> {
        let Some(root) = formula.output_node(output) else { return Vec::new() };
        self.terms(formula, root)
            .iter()
            .map(|p| {
                let variance: f64 = (0..p.scalar.gradient.len())
                    .flat_map(|i| (0..p.scalar.gradient.len()).map(move |j| (i, j)))
                    .map(|(i, j)| p.scalar.gradient[i] * self.covariance[(i, j)] * p.scalar.gradient[j])
                    .sum();
                let estimated = p.scalar.gradient.iter().any(|g| *g != 0.0);
                Addend {
                    coefficient: Coefficient {
                        value: p.scalar.value,
                        standard_error: estimated.then(|| variance.max(0.0).sqrt()),
                    },
                    product: self.product(formula, &p.factors),
                }
            })
            .collect()
    }

    /// An output written out as a sum.
    pub fn formula(&self, formula: &Formula, output: usize) -> String {
        let addends = self.addends(formula, output);
        self.sum(&addends)
    }

    /// Terms joined with their signs; `0` when there are none.
    pub fn sum(&self, addends: &[Addend]) -> String {
        let minus = if self.style == Style::Text { "−" } else { "-" };
        let mut text = String::new();
        for a in addends {
            let negative = a.coefficient.value < 0.0;
            match (text.is_empty(), negative) {
                (true, false) => {}
                (true, true) => text.push_str(minus),
                (false, false) => text.push_str(" + "),
                (false, true) => text.push_str(&format!(" {minus} ")),
            }
            let magnitude = Coefficient { value: a.coefficient.value.abs(), ..a.coefficient };
            let one = magnitude.value == 1.0 && magnitude.standard_error.is_none();
            let number = self.number_text(magnitude);
            text.push_str(&match (one, a.product.is_empty()) {
                (_, true) => number,
                (true, false) => a.product.clone(),
                (false, false) if self.style == Style::Text => format!("{number} {}", a.product),
                (false, false) => format!("{number}\\,{}", a.product),
            });
        }
        if text.is_empty() { "0".to_string() } else { text }
    }

    /// A number with sensible digits: `0.900(4)` means 0.900 ± 0.004.
    pub fn number_text(&self, c: Coefficient) -> String {
        let (mantissa, exponent) = digits(c);
        let mantissa = match self.style {
            Style::Text => mantissa.replace('-', "−"),
            Style::Latex => mantissa,
        };
        match (exponent, self.style) {
            (0, _) => mantissa,
            (e, Style::Text) => format!("{mantissa}·10{}", superscript(e)),
            (e, Style::Latex) => format!("{mantissa}\\times 10^{{{e}}}"),
        }
    }

    fn terms(&self, formula: &Formula, node: u32) -> Vec<Product> {
        let mut terms: Vec<Product> = Vec::new();
        for mut p in self.expand(formula, node) {
            p.factors.sort_unstable();
            match terms.iter_mut().find(|t| t.factors == p.factors) {
                Some(t) => t.scalar = t.scalar.plus(&p.scalar),
                None => terms.push(p),
            }
        }
        terms.retain(|t| t.scalar.value != 0.0 || t.scalar.gradient.iter().any(|g| *g != 0.0));
        terms
    }

    fn scalar(&self, value: f64) -> Scalar {
        Scalar::constant(value, self.covariance.nrows())
    }

    fn expand(&self, f: &Formula, node: u32) -> Vec<Product> {
        let one = |factors| vec![Product { scalar: self.scalar(1.0), factors }];
        let scaled = |mut terms: Vec<Product>, s: &Scalar| {
            for t in &mut terms {
                t.scalar = t.scalar.times(s);
            }
            terms
        };
        match f.ops()[node as usize] {
            Op::Constant(c) => vec![Product { scalar: self.scalar(c), factors: Vec::new() }],
            Op::Input(k) => match self.numbers.get(k as usize).copied().flatten() {
                None => one(vec![(node, 1)]),
                Some(known) => {
                    let mut scalar = self.scalar(known.value);
                    if let Some(g) = known.uncertain.and_then(|row| scalar.gradient.get_mut(row)) {
                        *g = 1.0;
                    }
                    vec![Product { scalar, factors: Vec::new() }]
                }
            },
            Op::Neg(a) => scaled(self.expand(f, a), &self.scalar(-1.0)),
            Op::Add(a, b) => [self.expand(f, a), self.expand(f, b)].concat(),
            Op::Sub(a, b) => [self.expand(f, a), scaled(self.expand(f, b), &self.scalar(-1.0))].concat(),
            Op::Mul(a, b) => {
                let (x, y) = (self.terms(f, a), self.terms(f, b));
                let uncertain = |p: &Product| p.scalar.gradient.iter().any(|g| *g != 0.0);
                match (x.as_slice(), y.as_slice()) {
                    ([], _) | (_, []) => Vec::new(),
                    ([x], [y]) => vec![x.clone().times(y)],
                    ([x], _) if x.factors.is_empty() => scaled(y.clone(), &x.scalar),
                    (_, [y]) if y.factors.is_empty() => scaled(x.clone(), &y.scalar),
                    // An estimated number inside would lose its error: multiplied out it keeps it.
                    ([x], many) if many.iter().any(uncertain) => many.iter().map(|y| x.clone().times(y)).collect(),
                    (many, [y]) if many.iter().any(uncertain) => many.iter().map(|x| x.clone().times(y)).collect(),
                    ([x], _) => {
                        let mut p = x.clone();
                        p.multiply(b, 1);
                        vec![p]
                    }
                    (_, [y]) => {
                        let mut p = y.clone();
                        p.multiply(a, 1);
                        vec![p]
                    }
                    _ => {
                        let mut p = Product { scalar: self.scalar(1.0), factors: vec![(a, 1)] };
                        p.multiply(b, 1);
                        vec![p]
                    }
                }
            }
            Op::Div(a, b) => {
                let (x, y) = (self.terms(f, a), self.terms(f, b));
                let inverse = match y.as_slice() {
                    [y] => Product {
                        scalar: y.scalar.power(-1),
                        factors: y.factors.iter().map(|&(n, p)| (n, -p)).collect(),
                    },
                    _ => Product { scalar: self.scalar(1.0), factors: vec![(b, -1)] },
                };
                match x.as_slice() {
                    [] => Vec::new(),
                    [x] => vec![x.clone().times(&inverse)],
                    _ if inverse.factors.is_empty() => scaled(x.clone(), &inverse.scalar),
                    _ => {
                        let mut p = inverse;
                        p.multiply(a, 1);
                        vec![p]
                    }
                }
            }
            Op::Powi(a, k) => match self.terms(f, a).as_slice() {
                [x] => vec![Product {
                    scalar: x.scalar.power(k),
                    factors: x.factors.iter().map(|&(n, p)| (n, p * k)).collect(),
                }],
                _ => one(vec![(a, k)]),
            },
            _ => one(vec![(node, 1)]),
        }
    }

    fn product(&self, f: &Formula, factors: &[(u32, i32)]) -> String {
        let written = |wanted: fn(i32) -> bool| -> Vec<String> {
            factors
                .iter()
                .filter(|(_, power)| wanted(*power))
                .map(|&(node, power)| self.power(f, node, power.abs()))
                .collect()
        };
        let (above, below) = (written(|p| p > 0), written(|p| p < 0));
        match self.style {
            Style::Text => {
                let top = if above.is_empty() && !below.is_empty() { "1".to_string() } else { above.join("·") };
                match below.len() {
                    0 => top,
                    1 => format!("{top}/{}", below[0]),
                    _ => format!("{top}/({})", below.join("·")),
                }
            }
            Style::Latex => {
                let top = if above.is_empty() && !below.is_empty() { "1".to_string() } else { above.join("\\,") };
                if below.is_empty() { top } else { format!("\\frac{{{top}}}{{{}}}", below.join("\\,")) }
            }
        }
    }

    fn power(&self, f: &Formula, node: u32, power: i32) -> String {
        let base = self.factor(f, node);
        match (power, self.style) {
            (1, _) => base,
            (k, Style::Text) => format!("{base}{}", superscript(k)),
            (k, Style::Latex) => format!("{base}^{{{k}}}"),
        }
    }

    /// One factor: a name, a function of something, or a sum in parentheses.
    fn factor(&self, f: &Formula, node: u32) -> String {
        let inner = |a: u32| {
            let addends: Vec<Addend> = self
                .terms(f, a)
                .iter()
                .map(|p| Addend {
                    coefficient: Coefficient { value: p.scalar.value, standard_error: None },
                    product: self.product(f, &p.factors),
                })
                .collect();
            self.sum(&addends)
        };
        let call = |name: &str, arguments: &[u32]| {
            let listed = arguments.iter().map(|&a| inner(a)).collect::<Vec<_>>().join(", ");
            match self.style {
                Style::Text => format!("{name}({listed})"),
                Style::Latex => format!("\\operatorname{{{name}}}\\left({listed}\\right)"),
            }
        };
        match f.ops()[node as usize] {
            Op::Input(k) => {
                let name = self.names.get(k as usize).cloned().unwrap_or_else(|| format!("x{k}"));
                match self.style {
                    Style::Text => name,
                    Style::Latex => format!("\\mathrm{{{}}}", name.replace('_', "\\_")),
                }
            }
            Op::Exp(a) => call("exp", &[a]),
            Op::ExpM1(a) => call("expm1", &[a]),
            Op::Ln(a) => call("ln", &[a]),
            Op::Ln1p(a) => call("ln1p", &[a]),
            Op::Sqrt(a) => call("sqrt", &[a]),
            Op::Sin(a) => call("sin", &[a]),
            Op::Cos(a) => call("cos", &[a]),
            Op::Tanh(a) => call("tanh", &[a]),
            Op::Atan(a) => call("atan", &[a]),
            Op::Abs(a) => call("abs", &[a]),
            Op::Min(a, b) => call("min", &[a, b]),
            Op::Max(a, b) => call("max", &[a, b]),
            Op::Select(c, a, b) => call("select", &[c, a, b]),
            Op::Powf(a, p) => match self.style {
                Style::Text => format!("({})^{p}", inner(a)),
                Style::Latex => format!("\\left({}\\right)^{{{p}}}", inner(a)),
            },
            _ => match self.style {
                Style::Text => format!("({})", inner(node)),
                Style::Latex => format!("\\left({}\\right)", inner(node)),
            },
        }
    }
}

/// Mantissa (with its error in parentheses) and decimal exponent; the exponent is zero where plain digits read well.
fn digits(c: Coefficient) -> (String, i32) {
    let value = c.value;
    if value == 0.0 && c.standard_error.is_none_or(|e| e == 0.0) || !value.is_finite() {
        return (format!("{value}"), 0);
    }
    let size = |x: f64| x.abs().log10().floor() as i32;
    let error = c.standard_error.filter(|e| *e > 0.0 && e.is_finite());
    let leading = error.map_or(size(value), |e| size(e).max(if value == 0.0 { i32::MIN } else { size(value) }));
    let exponent = if (-4..6).contains(&leading) { 0 } else { leading };
    let scale = 10f64.powi(-exponent);
    match error {
        None => {
            // A known number as it was given, up to six digits.
            let decimals = (5 - (size(value) - exponent)).clamp(0, 15) as usize;
            let text = format!("{:.decimals$}", value * scale);
            let text =
                if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text };
            (text, exponent)
        }
        Some(e) => {
            let e = e * scale;
            // One digit of the error, two when it begins with 1, so that rounding never changes it by more than a quarter.
            let mut place = size(e);
            if (e / 10f64.powi(place)).round() < 2.0 {
                place -= 1;
            }
            let decimals = (-place).max(0) as usize;
            let unit = 10f64.powi(place);
            let shown = (e / unit).round() * if place > 0 { unit } else { 1.0 };
            let rounded = if place > 0 { (value * scale / unit).round() * unit } else { value * scale };
            (format!("{rounded:.decimals$}({shown:.0})"), exponent)
        }
    }
}

fn superscript(k: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let sign = if k < 0 { "⁻" } else { "" };
    let digits: String =
        k.unsigned_abs().to_string().chars().filter_map(|c| c.to_digit(10)).map(|d| DIGITS[d as usize]).collect();
    format!("{sign}{digits}")
}

#[cfg(test)]
mod tests {
    use super::super::Real;
    use super::*;

    fn number(value: f64, standard_error: Option<f64>) -> String {
        Notation::text([""; 0]).number_text(Coefficient { value, standard_error })
    }

    #[test]
    fn digits_follow_the_error() {
        assert_eq!(number(0.899731, Some(0.0041)), "0.900(4)");
        assert_eq!(number(0.899731, Some(0.0123)), "0.900(12)");
        assert_eq!(number(-1.474, Some(0.26)), "−1.5(3)");
        assert_eq!(number(1234567.0, Some(1234.0)), "1.2346(12)·10⁶");
        assert_eq!(number(12345.0, Some(1234.0)), "12300(1200)");
        assert_eq!(number(3.2e-7, Some(1e-9)), "3.200(10)·10⁻⁷");
        assert_eq!(number(0.01, Some(0.5)), "0.0(5)");
        assert_eq!(number(0.0, Some(0.5)), "0.0(5)");
        assert_eq!(number(1.3, None), "1.3");
        assert_eq!(number(2.0 / 3.0, None), "0.666667");
        assert_eq!(number(100.0, None), "100");
        assert_eq!(number(0.0, None), "0");
        assert_eq!(number(6.02e23, None), "6.02·10²³");
    }

    #[test]
    fn equal_products_are_put_together_with_their_errors() {
        // growth x + c x, both estimated, correlated
        let f = Formula::trace(3, |a| vec![a[1] * a[0] + a[2] * a[0]]).unwrap();
        let covariance = DMatrix::from_row_slice(2, 2, &[0.04, -0.03, -0.03, 0.04]);
        let n = Notation::text(["x", "growth", "c"]).estimates(&[(1, 1.0), (2, 0.5)], &covariance);
        let a = n.addends(&f, 0);
        assert_eq!(a.len(), 1);
        assert_eq!(a[0].coefficient.value, 1.5);
        // var = 0.04 + 0.04 - 2·0.03
        approx::assert_relative_eq!(a[0].coefficient.standard_error.unwrap(), 0.02f64.sqrt(), max_relative = 1e-12);
    }

    #[test]
    fn quotients_sums_and_functions() {
        let f = Formula::trace(2, |a| {
            vec![
                a[0] * 3.0 / (a[1] + 1.0),
                (a[0] + a[1]) * (a[0] - a[1]),
                (a[0] * 2.0 + 1.0).sin() * -1.0,
                a[0] / a[1] / a[1],
                (a[0] - a[0]) + 2.0,
                a[0] - a[0],
            ]
        })
        .unwrap();
        let n = Notation::text(["x", "y"]);
        let shown: Vec<String> = (0..6).map(|k| n.formula(&f, k)).collect();
        assert_eq!(shown, ["3 x/(y + 1)", "(x + y)·(x − y)", "−sin(2 x + 1)", "x/y²", "2", "0"]);
        let l = Notation::latex(["x_1", "y"]);
        assert_eq!(l.formula(&f, 3), "\\frac{\\mathrm{x\\_1}}{\\mathrm{y}^{2}}");
        assert_eq!(l.formula(&f, 2), "-\\operatorname{sin}\\left(2\\,\\mathrm{x\\_1} + 1\\right)");
    }
}
