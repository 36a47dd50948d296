//! Reverse mode: a number that writes down how it was made, so that one sweep back gives the derivatives with respect to all
//! inputs.
//!
//! A [`Taped`] is a value and a place on the tape of its thread, so that it is `Copy` like every other [`Real`]. For each
//! operation the tape holds the places of its operands and the partial derivatives. Going back over it, with $\bar x$ the derivative
//! of the result with respect to $x$,
//!
//! $$ \bar x_j \mathrel{+}= \frac{\partial x_i}{\partial x_j} \bar x_i . $$
//!
//! Source: A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, chapter 3.2.

use super::{Real, Zeros};
use std::cell::RefCell;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// A number of a function with many inputs and one result, whose gradient is wanted.
///
/// It lives inside [`Taped::gradient`]; outside of it, and for a gradient inside of another one, it is a constant.
///
/// ```
/// use ansatz::number::{Real, Taped};
/// let mut gradient = [0.0; 3];
/// let value = Taped::gradient(&[1.0, 2.0, 3.0], &mut gradient, |x| x[0] * x[1] + x[2].powi(2));
/// assert_eq!((value, gradient), (11.0, [2.0, 1.0, 6.0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taped {
    /// The value.
    pub value: f64,
    /// Place on the tape; [`CONSTANT`]: none.
    place: u32,
}

const CONSTANT: u32 = u32::MAX;

/// How one number was made: the places of two operands, and the partial derivatives.
#[derive(Clone, Copy, Debug)]
struct Node {
    operands: [u32; 2],
    partials: [f64; 2],
}

const INPUT: Node = Node { operands: [CONSTANT; 2], partials: [0.0; 2] };

thread_local! {
    static TAPE: RefCell<Vec<Node>> = const { RefCell::new(Vec::new()) };
}

/// Takes what was written since from the tape, when a panic leaves the user's function, too.
struct Scope {
    begin: usize,
}

impl Drop for Scope {
    fn drop(&mut self) {
        TAPE.with_borrow_mut(|tape| tape.truncate(self.begin));
    }
}

impl Taped {
    /// Evaluates `f` at `x`, writes its derivatives with respect to all of `x` to `gradient`, and gives its value.
    pub fn gradient(x: &[f64], gradient: &mut [f64], f: impl FnOnce(&[Taped]) -> Taped) -> f64 {
        let mut value = 0.0;
        let visit = |_: usize, found: f64, row: &[f64]| {
            value = found;
            gradient.iter_mut().zip(row).for_each(|(g, x)| *g = *x);
        };
        Taped::rows(x, 1, |x, y| y[0] = f(x), visit);
        value
    }

    /// The same for `count` results, which `f` writes: calls `visit(i, value, row)` for each, with its derivatives with respect to
    /// all of `x`. One evaluation, and a sweep for each result.
    pub fn rows(
        x: &[f64],
        count: usize,
        f: impl FnOnce(&[Taped], &mut [Taped]),
        mut visit: impl FnMut(usize, f64, &[f64]),
    ) {
        let mut inputs = Zeros::<Taped>::new(x.len());
        let scope = TAPE.with_borrow_mut(|tape| {
            let begin = tape.len();
            tape.resize(begin + x.len(), INPUT);
            Scope { begin }
        });
        for (i, (input, x)) in inputs.iter_mut().zip(x).enumerate() {
            *input = Taped { value: *x, place: place(scope.begin + i) };
        }
        let mut results = Zeros::<Taped>::new(count);
        f(&inputs, &mut results);
        let mut bars = Zeros::<f64>::new(TAPE.with_borrow(|tape| tape.len() - scope.begin));
        for (i, result) in results.iter().enumerate() {
            bars.fill(0.0);
            TAPE.with_borrow(|tape| result.sweep(&tape[scope.begin..], scope.begin, x.len(), &mut bars));
            visit(i, result.value, &bars[..x.len()]);
        }
    }

    /// Sweeps back over a part of a tape that begins at a place, down to its inputs.
    fn sweep(self, tape: &[Node], begin: usize, inputs: usize, bars: &mut [f64]) {
        {
            if let Some(bar) = (self.place as usize).checked_sub(begin).and_then(|i| bars.get_mut(i)) {
                *bar = 1.0;
            }
            for (i, node) in tape.iter().enumerate().skip(inputs).rev() {
                let bar = bars[i];
                if bar != 0.0 {
                    for (operand, partial) in node.operands.iter().zip(node.partials) {
                        // A number of the gradient around this one is a constant here.
                        let inside = (*operand as usize).checked_sub(begin);
                        if let Some(operand) = inside.and_then(|j| bars.get_mut(j)) {
                            *operand += partial * bar;
                        }
                    }
                }
            }
        }
    }

    #[inline]
    fn unary(self, value: f64, partial: f64) -> Taped {
        if self.place == CONSTANT {
            return Taped { value, place: CONSTANT };
        }
        write(value, Node { operands: [self.place, CONSTANT], partials: [partial, 0.0] })
    }

    #[inline]
    fn binary(self, other: Taped, value: f64, partials: [f64; 2]) -> Taped {
        if self.place == CONSTANT && other.place == CONSTANT {
            return Taped { value, place: CONSTANT };
        }
        write(value, Node { operands: [self.place, other.place], partials })
    }
}

/// More places than a `u32` counts would be 100 GB of tape.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(CONSTANT)
}

fn write(value: f64, node: Node) -> Taped {
    TAPE.with_borrow_mut(|tape| {
        tape.push(node);
        Taped { value, place: place(tape.len() - 1) }
    })
}

impl Neg for Taped {
    type Output = Taped;
    fn neg(self) -> Taped {
        self.unary(-self.value, -1.0)
    }
}

impl Add for Taped {
    type Output = Taped;
    fn add(self, other: Taped) -> Taped {
        self.binary(other, self.value + other.value, [1.0, 1.0])
    }
}

impl Sub for Taped {
    type Output = Taped;
    fn sub(self, other: Taped) -> Taped {
        self.binary(other, self.value - other.value, [1.0, -1.0])
    }
}

impl Mul for Taped {
    type Output = Taped;
    fn mul(self, other: Taped) -> Taped {
        self.binary(other, self.value * other.value, [other.value, self.value])
    }
}

impl Div for Taped {
    type Output = Taped;
    fn div(self, other: Taped) -> Taped {
        let quotient = self.value / other.value;
        self.binary(other, quotient, [1.0 / other.value, -quotient / other.value])
    }
}

impl Add<f64> for Taped {
    type Output = Taped;
    fn add(self, other: f64) -> Taped {
        Taped { value: self.value + other, ..self }
    }
}

impl Sub<f64> for Taped {
    type Output = Taped;
    fn sub(self, other: f64) -> Taped {
        Taped { value: self.value - other, ..self }
    }
}

impl Mul<f64> for Taped {
    type Output = Taped;
    fn mul(self, other: f64) -> Taped {
        self.unary(self.value * other, other)
    }
}

impl Div<f64> for Taped {
    type Output = Taped;
    fn div(self, other: f64) -> Taped {
        self.unary(self.value / other, 1.0 / other)
    }
}

macro_rules! assign {
    ($($trait:ident $method:ident $op:tt),*) => {$(
        impl $trait for Taped {
            fn $method(&mut self, other: Taped) {
                *self = *self $op other;
            }
        }
    )*};
}
assign!(AddAssign add_assign +, SubAssign sub_assign -, MulAssign mul_assign *, DivAssign div_assign /);

impl Real for Taped {
    fn from_f64(value: f64) -> Taped {
        Taped { value, place: CONSTANT }
    }
    fn exp(self) -> Taped {
        let e = self.value.exp();
        self.unary(e, e)
    }
    fn exp_m1(self) -> Taped {
        self.unary(self.value.exp_m1(), self.value.exp())
    }
    fn ln(self) -> Taped {
        self.unary(self.value.ln(), 1.0 / self.value)
    }
    fn ln_1p(self) -> Taped {
        self.unary(self.value.ln_1p(), 1.0 / (self.value + 1.0))
    }
    fn sqrt(self) -> Taped {
        let root = self.value.sqrt();
        self.unary(root, 0.5 / root)
    }
    fn sin(self) -> Taped {
        self.unary(self.value.sin(), self.value.cos())
    }
    fn cos(self) -> Taped {
        self.unary(self.value.cos(), -self.value.sin())
    }
    fn tanh(self) -> Taped {
        let t = self.value.tanh();
        self.unary(t, 1.0 - t * t)
    }
    fn atan(self) -> Taped {
        self.unary(self.value.atan(), 1.0 / (self.value * self.value + 1.0))
    }
    fn powi(self, k: i32) -> Taped {
        match k {
            0 => Taped::one(),
            1 => self,
            _ => self.unary(Real::powi(self.value, k), f64::from(k) * Real::powi(self.value, k - 1)),
        }
    }
    fn powf(self, a: f64) -> Taped {
        self.unary(self.value.powf(a), a * self.value.powf(a - 1.0))
    }
    fn abs(self) -> Taped {
        let sign = if self.value > 0.0 {
            1.0
        } else if self.value < 0.0 {
            -1.0
        } else {
            0.0
        };
        self.unary(self.value.abs(), sign)
    }
    fn min(self, other: Taped) -> Taped {
        if self.value < other.value || self.value.is_nan() { self } else { other }
    }
    fn max(self, other: Taped) -> Taped {
        if self.value > other.value || self.value.is_nan() { self } else { other }
    }
    fn select(self, if_positive: Taped, otherwise: Taped) -> Taped {
        if self.value > 0.0 { if_positive } else { otherwise }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Dual;

    /// Something of everything, of four numbers.
    fn mixture<R: Real>(x: &[R]) -> R {
        let [a, b, c, d] = [x[0], x[1], x[2], x[3]];
        let mut y = (a * b).exp() - (c / d).ln() * 2.0 + (a.square() + 1.0).sqrt();
        y += a.sin() * b.cos() / (c.tanh() + 3.0) - (-d).atan();
        y -= a.powi(3) * b.powi(-2) + c.powf(1.7) + (a - b).abs() + a.exp_m1() * d.ln_1p();
        y *= a.min(b) + c.max(d) + (a - c).select(a, c * d) + d.sigmoid() - a.softplus();
        y /= b + c - 0.25;
        y / 3.0 + R::from_f64(1.5)
    }

    /// Against dual numbers, which are tested against differences.
    #[test]
    fn gradients_are_those_of_dual_numbers() {
        for x in [[0.3, 1.2, 0.7, 2.1], [1.4, 0.2, 2.2, 0.9], [-0.6, 0.8, 1.1, 1.3]] {
            let mut gradient = [0.0; 4];
            let value = Taped::gradient(&x, &mut gradient, mixture);
            let dual: [Dual<4>; 4] = std::array::from_fn(|i| Dual::variable(x[i], i));
            let exact = mixture(&dual);
            approx::assert_relative_eq!(value, exact.value, max_relative = 1e-15);
            for (g, exact) in gradient.iter().zip(exact.tangent) {
                approx::assert_relative_eq!(*g, exact, max_relative = 1e-13);
            }
        }
    }

    /// The tangent of a dual number of taped ones has the product with the Hessian as gradient.
    #[test]
    fn second_derivatives_from_taped_duals() {
        let (x, v) = ([0.3, 1.2, 0.7, 2.1], [0.5, -1.0, 0.25, 2.0]);
        let mut product = [0.0; 4];
        Taped::gradient(&x, &mut product, |x| {
            let along: [Dual<1, Taped>; 4] =
                std::array::from_fn(|i| Dual { value: x[i], tangent: [Taped::from_f64(v[i])] });
            mixture(&along).tangent[0]
        });
        for i in 0..4 {
            let nested: [Dual<1, Dual<1>>; 4] = std::array::from_fn(|j| Dual {
                value: if i == j { Dual::variable(x[j], 0) } else { Dual::constant(x[j]) },
                tangent: [Dual::constant(v[j])],
            });
            approx::assert_relative_eq!(product[i], mixture(&nested).tangent[0].tangent[0], max_relative = 1e-12);
        }
    }

    #[test]
    fn a_gradient_inside_of_another_takes_its_numbers_as_constants() {
        let (mut outer, mut inner) = ([0.0; 1], [0.0; 1]);
        let value = Taped::gradient(&[3.0], &mut outer, |x| {
            Taped::gradient(&[5.0], &mut inner, |y| y[0] * x[0]);
            x[0] * x[0]
        });
        assert_eq!((value, outer, inner), (9.0, [6.0], [3.0]));
        let constant = Taped::gradient(&[3.0], &mut outer, |_| Taped::from_f64(2.0));
        assert_eq!((constant, outer), (2.0, [0.0]));
    }
}
