//! Formulas in the making: a number that writes down what is done to it.
//!
//! An [`Expr`] is a constant or a handle into the arena of the [`Formula::trace`] it was made in, so it is `Copy` like
//! every other [`Real`]. Equal sub-expressions are stored once.

use super::Real;
use super::formula::{Formula, FormulaError, Op};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// A symbolic number: what a mechanism is evaluated with to learn its formula.
///
/// It lives inside [`Formula::trace`]; used outside of one, every operation on a non-constant gives NaN.
///
/// ```
/// use ansatz::number::{Expr, Formula, Notation, Real};
/// let formula = Formula::trace(2, |x: &[Expr]| vec![x[0].square() * x[1] * -0.9 + x[0]])?;
/// assert_eq!(Notation::text(["prey", "predator"]).formula(&formula, 0), "−0.9 prey²·predator + prey");
/// assert_eq!(formula.evaluate_one(&[2.0, 5.0]), -16.0);
/// # Ok::<(), ansatz::number::FormulaError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expr(Handle);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Handle {
    Constant(f64),
    Node { arena: u32, index: u32 },
}

/// The operations recorded so far by one `trace`.
struct Arena {
    id: u32,
    ops: Vec<Op>,
    known: HashMap<OpKey, u32>,
}

/// An operation with its floating-point constants as bits, so that it can be looked up.
type OpKey = (u8, u32, u32, u32, u64);

thread_local! {
    static ARENAS: RefCell<(u32, Vec<Arena>)> = const { RefCell::new((0, Vec::new())) };
}

/// Removes its arena when the trace ends, by a panic in the user's function too.
struct Scope;

impl Drop for Scope {
    fn drop(&mut self) {
        ARENAS.with_borrow_mut(|(_, open)| {
            open.pop();
        });
    }
}

impl Formula {
    /// Records what `function` does to `inputs` symbolic numbers.
    ///
    /// # Errors
    /// [`FormulaError::NoOutput`] when `function` returns nothing, and [`FormulaError::NotFinite`] when an output is
    /// the constant NaN or infinity, as happens when an [`Expr`] of another trace is used.
    pub fn trace(inputs: usize, function: impl FnOnce(&[Expr]) -> Vec<Expr>) -> Result<Formula, FormulaError> {
        let id = ARENAS.with_borrow_mut(|(counter, open)| {
            *counter = counter.wrapping_add(1);
            open.push(Arena { id: *counter, ops: Vec::new(), known: HashMap::new() });
            *counter
        });
        let scope = Scope;
        let arguments: Vec<Expr> = (0..inputs).map(|i| record(id, Op::Input(i as u32))).collect();
        let results = function(&arguments);
        let outputs: Vec<u32> = results
            .iter()
            .map(|result| match result.0 {
                Handle::Constant(c) => index_of(record(id, Op::Constant(c))),
                Handle::Node { arena, index } if arena == id => index,
                Handle::Node { .. } => index_of(record(id, Op::Constant(f64::NAN))),
            })
            .collect();
        let ops = ARENAS.with_borrow_mut(|(_, open)| open.last_mut().map(|a| std::mem::take(&mut a.ops)));
        drop(scope);
        Formula::from_parts(inputs, ops.unwrap_or_default(), outputs)
    }
}

fn index_of(x: Expr) -> u32 {
    match x.0 {
        Handle::Node { index, .. } => index,
        Handle::Constant(_) => 0,
    }
}

/// Adds an operation to the arena `id`, or finds it there.
fn record(id: u32, op: Op) -> Expr {
    ARENAS.with_borrow_mut(|(_, open)| {
        let Some(arena) = open.iter_mut().rev().find(|a| a.id == id) else {
            return Expr(Handle::Constant(f64::NAN));
        };
        let key = op.key();
        let index = match arena.known.get(&key) {
            Some(&index) => index,
            None => {
                let index = arena.ops.len() as u32;
                arena.ops.push(op);
                arena.known.insert(key, index);
                index
            }
        };
        Expr(Handle::Node { arena: id, index })
    })
}

impl Expr {
    fn constant(self) -> Option<f64> {
        match self.0 {
            Handle::Constant(c) => Some(c),
            Handle::Node { .. } => None,
        }
    }

    /// The index of this expression in arena `id`; constants are stored on demand.
    fn stored(self, id: u32) -> u32 {
        match self.0 {
            Handle::Constant(c) => index_of(record(id, Op::Constant(c))),
            Handle::Node { arena, index } if arena == id => index,
            Handle::Node { .. } => index_of(record(id, Op::Constant(f64::NAN))),
        }
    }

    fn unary(self, fold: impl Fn(f64) -> f64, op: impl Fn(u32) -> Op) -> Expr {
        match self.0 {
            Handle::Constant(c) => Expr(Handle::Constant(fold(c))),
            Handle::Node { arena, index } => record(arena, op(index)),
        }
    }

    fn binary(self, other: Expr, fold: impl Fn(f64, f64) -> f64, op: impl Fn(u32, u32) -> Op) -> Expr {
        match (self.0, other.0) {
            (Handle::Constant(a), Handle::Constant(b)) => Expr(Handle::Constant(fold(a, b))),
            (Handle::Node { arena, .. }, _) | (_, Handle::Node { arena, .. }) => {
                let (a, b) = (self.stored(arena), other.stored(arena));
                record(arena, op(a, b))
            }
        }
    }
}

impl Neg for Expr {
    type Output = Expr;
    fn neg(self) -> Expr {
        self.unary(|c| -c, Op::Neg)
    }
}
impl Add for Expr {
    type Output = Expr;
    fn add(self, other: Expr) -> Expr {
        match (self.constant(), other.constant()) {
            (Some(0.0), _) => other,
            (_, Some(0.0)) => self,
            _ => self.binary(other, |a, b| a + b, Op::Add),
        }
    }
}
impl Sub for Expr {
    type Output = Expr;
    fn sub(self, other: Expr) -> Expr {
        match (self.constant(), other.constant()) {
            (Some(0.0), _) => -other,
            (_, Some(0.0)) => self,
            _ => self.binary(other, |a, b| a - b, Op::Sub),
        }
    }
}
impl Mul for Expr {
    type Output = Expr;
    fn mul(self, other: Expr) -> Expr {
        match (self.constant(), other.constant()) {
            (Some(0.0), _) | (_, Some(0.0)) => Expr(Handle::Constant(0.0)),
            (Some(1.0), _) => other,
            (_, Some(1.0)) => self,
            _ => self.binary(other, |a, b| a * b, Op::Mul),
        }
    }
}
impl Div for Expr {
    type Output = Expr;
    fn div(self, other: Expr) -> Expr {
        match other.constant() {
            Some(1.0) => self,
            _ => self.binary(other, |a, b| a / b, Op::Div),
        }
    }
}

macro_rules! with_f64 {
    ($($trait:ident $method:ident $op:tt),*) => {$(
        impl $trait<f64> for Expr {
            type Output = Expr;
            fn $method(self, other: f64) -> Expr {
                self $op Expr::from_f64(other)
            }
        }
    )*};
}
with_f64!(Add add +, Sub sub -, Mul mul *, Div div /);

macro_rules! assign {
    ($($trait:ident $method:ident $op:tt),*) => {$(
        impl $trait for Expr {
            fn $method(&mut self, other: Expr) {
                *self = *self $op other;
            }
        }
    )*};
}
assign!(AddAssign add_assign +, SubAssign sub_assign -, MulAssign mul_assign *, DivAssign div_assign /);

impl Real for Expr {
    fn from_f64(x: f64) -> Expr {
        Expr(Handle::Constant(x))
    }
    fn exp(self) -> Expr {
        self.unary(f64::exp, Op::Exp)
    }
    fn exp_m1(self) -> Expr {
        self.unary(f64::exp_m1, Op::ExpM1)
    }
    fn ln(self) -> Expr {
        self.unary(f64::ln, Op::Ln)
    }
    fn ln_1p(self) -> Expr {
        self.unary(f64::ln_1p, Op::Ln1p)
    }
    fn sqrt(self) -> Expr {
        self.unary(f64::sqrt, Op::Sqrt)
    }
    fn sin(self) -> Expr {
        self.unary(f64::sin, Op::Sin)
    }
    fn cos(self) -> Expr {
        self.unary(f64::cos, Op::Cos)
    }
    fn tanh(self) -> Expr {
        self.unary(f64::tanh, Op::Tanh)
    }
    fn atan(self) -> Expr {
        self.unary(f64::atan, Op::Atan)
    }
    fn powi(self, k: i32) -> Expr {
        match k {
            0 => Expr::from_f64(1.0),
            1 => self,
            _ => self.unary(|c| Real::powi(c, k), |a| Op::Powi(a, k)),
        }
    }
    fn powf(self, a: f64) -> Expr {
        self.unary(|c| c.powf(a), |x| Op::Powf(x, a))
    }
    fn abs(self) -> Expr {
        self.unary(f64::abs, Op::Abs)
    }
    fn min(self, other: Expr) -> Expr {
        self.binary(other, Real::min, Op::Min)
    }
    fn max(self, other: Expr) -> Expr {
        self.binary(other, Real::max, Op::Max)
    }
    fn select(self, if_positive: Expr, otherwise: Expr) -> Expr {
        if let Some(c) = self.constant() {
            return c.select_expr(if_positive, otherwise);
        }
        let Handle::Node { arena, index } = self.0 else { return otherwise };
        let (a, b) = (if_positive.stored(arena), otherwise.stored(arena));
        record(arena, Op::Select(index, a, b))
    }
}

/// The branch a constant condition takes.
trait SelectExpr {
    fn select_expr(self, if_positive: Expr, otherwise: Expr) -> Expr;
}
impl SelectExpr for f64 {
    fn select_expr(self, if_positive: Expr, otherwise: Expr) -> Expr {
        if self > 0.0 { if_positive } else { otherwise }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sub_expressions_are_stored_once() {
        let f = Formula::trace(1, |x| vec![(x[0] * x[0]).sin() + (x[0] * x[0]).cos(), x[0] * x[0]]).unwrap();
        // input, product, sine, cosine, sum
        assert_eq!(f.ops().len(), 5);
    }

    #[test]
    fn nested_traces_do_not_mix() {
        let outer = Formula::trace(1, |x| {
            let inner = Formula::trace(1, |y| vec![y[0] * 3.0]).unwrap();
            let mut out = [Expr::zero()];
            inner.evaluate(x, &mut out);
            vec![out[0] + x[0]]
        })
        .unwrap();
        assert_eq!(outer.evaluate_one(&[2.0]), 8.0);
    }

    #[test]
    fn an_expression_of_another_trace_is_refused() {
        let mut stray = None;
        Formula::trace(1, |x| {
            stray = Some(x[0]);
            vec![x[0]]
        })
        .unwrap();
        let stray = stray.unwrap();
        let result = Formula::trace(1, |_| vec![stray]);
        assert_eq!(result.unwrap_err(), FormulaError::NotFinite { output: 0 });
    }
}
