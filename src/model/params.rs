//! What a right-hand side gets besides time and state: parameters, and the unknown terms to call.

use crate::model::Scaling;
use crate::network::{Block, Shaped};
use crate::number::Real;

/// The parameters of one evaluation, and the way to the unknown terms.
pub struct Params<'a, R> {
    values: &'a [R],
    caller: &'a dyn Caller<R>,
}

/// How calls of unknown terms are answered in one evaluation.
///
/// There is one implementation per purpose: values, recording for derivatives, tracing the formula. Mechanisms never
/// see it; they use [`Params::call`].
pub trait Caller<R> {
    /// Answers the call of the block at `address`.
    fn call(&self, address: usize, x: &[R], y: &mut [R]) -> Call<'_>;
    /// Takes note that a mechanism asked for `asked` parameters where there is another number of them.
    fn parameter_count(&self, asked: usize) {
        let _ = asked;
    }
}

/// The answer to a call.
pub enum Call<'a> {
    /// `y` is written.
    Done,
    /// The block is to be evaluated over the number itself, with these weights and this scaling.
    Evaluate(&'a [f64], &'a Scaling),
    /// No such block.
    Unknown,
}

/// The address by which a block is recognised.
pub(crate) fn address<B: ?Sized>(block: &B) -> usize {
    std::ptr::from_ref(block).cast::<()>() as usize
}

impl<'a, R: Real> Params<'a, R> {
    /// Parameter values with the caller that answers for the unknown terms.
    #[inline(always)]
    pub fn new(values: &'a [R], caller: &'a dyn Caller<R>) -> Self {
        Params { values, caller }
    }

    /// The mechanistic parameters, in the order in which the model names them:
    /// `let [growth, decay] = p.parameters();`
    #[inline(always)]
    pub fn parameters<const N: usize>(&self) -> [R; N] {
        match self.values.try_into() {
            Ok(values) => values,
            Err(_) => {
                self.caller.parameter_count(N);
                [R::from_f64(f64::NAN); N]
            }
        }
    }

    /// The mechanistic parameters as a slice, for models whose number of parameters is data.
    #[inline(always)]
    pub fn all(&self) -> &'a [R] {
        self.values
    }

    /// Calls an unknown term: `let [a, b] = p.call(&self.interaction, [u[0], u[1]]);`
    #[inline(always)]
    pub fn call<B: Shaped<I, O>, const I: usize, const O: usize>(&self, block: &B, x: [R; I]) -> [R; O] {
        let mut y = [R::zero(); O];
        self.answer(block, &x, &mut y);
        y
    }

    #[inline(always)]
    fn answer<B: Block>(&self, block: &B, x: &[R], y: &mut [R]) {
        match self.caller.call(address(block), x, y) {
            Call::Done => {}
            Call::Evaluate(weights, scaling) => {
                let scaled: Vec<R> = x.iter().enumerate().map(|(i, x)| scaling.input(i, *x)).collect();
                block.evaluate(weights, &scaled, y);
                for (o, y) in y.iter_mut().enumerate() {
                    *y = scaling.output(o, *y);
                }
            }
            Call::Unknown => y.fill(R::from_f64(f64::NAN)),
        }
    }
}
