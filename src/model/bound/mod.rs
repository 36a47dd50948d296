//! A model bound to its layout of parameters: the [`System`] that solvers see.
//!
//! Values take the plain path: the mechanism over `f64`, blocks by their fused `eval`. For derivatives the mechanism is
//! evaluated once over dual numbers, with one lane for each state, each mechanistic parameter and each block output.
//! A block called on the way keeps its activations and the tangents of its inputs. Then a vector–Jacobian product is
//! $\lambda^\top$ times the local Jacobian, and backwards over the few blocks called, each handing its input cotangents
//! on through the kept tangents. Nothing is taped by operation.
//!
//! In large systems lanes are shared: what every derivative and every block input depends on is traced once, and states,
//! parameters and block outputs that never meet in one of them take one lane (see [`coloured`]). An evaluation recorded for
//! derivatives then costs a few plain ones however many cells and parameters there are, and a tape has as many numbers as
//! the local Jacobian has entries that can differ from zero.

mod along;
mod callers;
mod coloured;
mod lanes;
mod layout;
mod scaling;
mod state_jacobian;

pub use lanes::LaneParameters;
pub use scaling::Scaling;

use super::params::{Caller, Params};
use super::{Differentiable, MassMatrix, Model, ModelError, Names, Sparsity, System};
use crate::network::Block;
use crate::number::{Along, AlongMut, Dual, Real, Zeros};
use callers::{Plain, Recorder, Watcher};
use coloured::{ALWAYS_PLAIN, Coloured};
use layout::{FEW_LANES, LANES, Layout, unit_tangent};
use rand_chacha::ChaCha8Rng;
use state_jacobian::{Over, Plan};
use std::cell::{Cell, RefCell};
use std::sync::OnceLock;

/// A model with the layout of its flat parameters: the mechanistic ones first, then each unknown term's weights.
///
/// ```
/// use ansatz::prelude::*;
/// struct Decay;
/// impl Model for Decay {
///     fn states(&self) -> Names { ["u"].into() }
///     fn parameters(&self) -> Names { ["rate"].into() }
///     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
///         let [rate] = p.parameters();
///         du[0] = -rate * u[0];
///     }
/// }
/// let bound = Bound::new(&Decay)?;
/// let mut du = [0.0];
/// bound.eval(0.0, &[3.0], &[2.0], &mut du);
/// assert_eq!(du, [-6.0]);
/// # Ok::<(), ansatz::Error>(())
/// ```
pub struct Bound<'a, M> {
    model: &'a M,
    layout: Layout<'a>,
    /// How $f_u$ is evaluated, found out when it is first asked for.
    plan: OnceLock<Plan>,
    /// How a large model is recorded, if not plainly; found out when first asked for.
    coloured: OnceLock<Option<Coloured>>,
}

/// Told of a call of an unknown term: which, with what, giving what.
pub(crate) type Visit<'v> = dyn Fn(usize, &[f64], &[f64]) + 'v;

impl<'a, M: Model> Bound<'a, M> {
    /// Lays out a model, trying its right-hand side once.
    ///
    /// # Errors
    /// [`ModelError`] when names, parameters, unknown terms and right-hand side do not fit together.
    pub fn new(model: &'a M) -> Result<Self, ModelError> {
        Self::with_blocks(model, |_, block| block)
    }

    /// Lays out a model with other blocks in the places of its unknown terms: how a law tries candidate terms where a
    /// network was.
    pub(crate) fn with_blocks(
        model: &'a M,
        replacement: impl Fn(usize, &'a dyn Block) -> &'a dyn Block,
    ) -> Result<Self, ModelError> {
        let listed = model.unknowns().iter().collect();
        let mut layout = Layout::new(model.states(), model.parameters(), listed, &replacement)?;
        if let Some(mass) = model.mass_matrix() {
            mass.check(layout.states.len()).map_err(ModelError::Mass)?;
        }
        layout.probe(&|u, p, du| model.rhs(0.0, u, p, du))?;
        Ok(Bound { model, layout, plan: OnceLock::new(), coloured: OnceLock::new() })
    }

    /// Takes mechanistic parameters as constants: their derivatives are not computed and read as zero, no direction
    /// moves them, and the evaluation for the others is cheaper.
    pub fn hold(&mut self, parameters: &[usize]) {
        self.layout.hold(parameters);
        self.coloured = OnceLock::new();
    }

    /// Names of the states.
    pub fn states(&self) -> &Names {
        &self.layout.states
    }

    /// Names of the mechanistic parameters, the first entries of the flat parameters.
    pub fn parameters(&self) -> &Names {
        &self.layout.parameters
    }

    /// The names of the unknown terms.
    pub fn unknowns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.layout.unknowns.iter().map(|u| u.name.as_str())
    }

    /// Where the weights of an unknown term lie in the flat parameters.
    pub fn weights_of(&self, unknown: usize) -> std::ops::Range<usize> {
        match self.layout.unknowns.get(unknown) {
            Some(u) => u.weights..u.weights + u.block.weight_count(),
            None => 0..0,
        }
    }

    /// Inputs and outputs of an unknown term.
    pub(crate) fn shape_of(&self, unknown: usize) -> (usize, usize) {
        let block = self.layout.unknowns[unknown].block;
        (block.inputs(), block.outputs())
    }

    /// Sets how the inputs and outputs of an unknown term are scaled.
    pub fn set_scaling(&mut self, unknown: usize, scaling: Scaling) {
        if let Some(u) = self.layout.unknowns.get_mut(unknown) {
            u.scaling = scaling;
        }
    }

    /// How the inputs and outputs of an unknown term are scaled.
    pub fn scaling_of(&self, unknown: usize) -> Scaling {
        self.layout.unknowns.get(unknown).map(|u| u.scaling.clone()).unwrap_or_default()
    }

    /// Draws initial weights for all unknown terms into the flat parameters.
    pub fn initialize(&self, rng: &mut ChaCha8Rng, p: &mut [f64]) {
        for u in &self.layout.unknowns {
            u.block.initialize(rng, &mut p[u.weights..u.weights + u.block.weight_count()]);
        }
    }

    /// The index of a parameter by name.
    ///
    /// # Errors
    /// [`ModelError::UnknownName`] with the nearest name there is.
    pub fn parameter_index(&self, name: &str) -> Result<usize, ModelError> {
        self.layout.parameter_index(name)
    }

    /// What the unknown terms were given and gave in one evaluation: calls `visit(unknown, x, y)` for each call, in
    /// the mechanism's own units.
    pub(crate) fn watch(&self, t: f64, u: &[f64], p: &[f64], visit: &Visit<'_>) {
        let watcher = Watcher { plain: self.plain(p), visit };
        let mut du = Zeros::new(self.layout.states.len());
        self.model.rhs(t, u, &Params::new(&p[..self.layout.parameters.len()], &watcher), &mut du);
    }

    /// How each output of each called unknown term enters the derivatives at a recorded evaluation: calls
    /// `visit(unknown, output, effect)` with one number per state, in the term's own units.
    pub(crate) fn output_effects(&self, tape: &[f64], visit: &mut dyn FnMut(usize, usize, &[f64])) {
        match self.coloured() {
            None => self.layout.output_effects(tape, visit),
            Some(coloured) => coloured.output_effects(&self.layout, tape, visit),
        }
    }

    /// The model evaluated over any number, calls answered by `caller`.
    pub(crate) fn rhs_over<R: Real>(&self, t: R, u: &[R], p: &[R], caller: &dyn Caller<R>, du: &mut [R]) {
        self.model.rhs(t, u, &Params::new(p, caller), du);
    }

    /// Which unknown lies at an address.
    pub(crate) fn unknown_at(&self, address: usize) -> Option<usize> {
        self.layout.unknowns.iter().position(|u| u.address == address)
    }

    fn plain<'b>(&'b self, p: &'b [f64]) -> Plain<'b, 'a> {
        Plain { unknowns: &self.layout.unknowns, p }
    }

    /// How the model is recorded, if not plainly.
    #[inline(always)]
    fn coloured(&self) -> Option<&Coloured> {
        if self.layout.stride <= ALWAYS_PLAIN { None } else { self.colour() }
    }

    #[cold]
    fn colour(&self) -> Option<&Coloured> {
        let coloured = || Coloured::of(&self.layout, &|t, u, p, du| self.model.rhs(t, u, p, du));
        self.coloured.get_or_init(coloured).as_ref()
    }

    /// One recorded evaluation in passes of `N` lanes.
    #[inline(always)]
    fn record_lanes<const N: usize>(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64], tape: &mut [f64]) {
        let (n, q) = (self.layout.states.len(), self.layout.parameters.len());
        let mut room = Zeros::<Dual<N>>::new(2 * n + q);
        let (u_dual, room) = room.split_at_mut(n);
        let (p_dual, du_dual) = room.split_at_mut(q);
        let mut first = 0;
        while first < self.layout.stride {
            // A lane before this pass wraps around and is no lane of it.
            for (i, (dual, u)) in u_dual.iter_mut().zip(u).enumerate() {
                *dual = Dual { value: *u, tangent: unit_tangent(i.wrapping_sub(first)) };
            }
            for (dual, p) in p_dual.iter_mut().zip(p) {
                *dual = Dual::constant(*p);
            }
            for (lane, j) in self.layout.free.iter().enumerate() {
                p_dual[*j].tangent = unit_tangent((n + lane).wrapping_sub(first));
            }
            {
                let recorder =
                    Recorder { layout: &self.layout, p, first, next: Cell::new(0), tape: RefCell::new(tape) };
                self.model.rhs(Dual::constant(t), u_dual, &Params::new(p_dual, &recorder), du_dual);
            }
            for (i, d) in du_dual.iter().enumerate() {
                du[i] = d.value;
                let at = i * self.layout.stride + first;
                tape[at..at + N].copy_from_slice(&d.tangent);
            }
            first += N;
        }
    }
}

impl<M: Model> System for Bound<'_, M> {
    fn dimension(&self) -> usize {
        self.layout.states.len()
    }

    fn check_parameters(&self, found: usize) -> Result<(), ModelError> {
        self.layout.check_parameters(found)
    }

    fn state_name(&self, index: usize) -> String {
        self.layout.states.get(index).cloned().unwrap_or_else(|| format!("u[{index}]"))
    }

    #[inline(always)]
    fn eval(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64]) {
        let caller = self.plain(p);
        self.model.rhs(t, u, &Params::new(&p[..self.layout.parameters.len()], &caller), du);
    }

    fn sparsity(&self) -> Option<&Sparsity> {
        self.plan().sparsity()
    }

    fn state_jacobian(&self, t: f64, u: &[f64], p: &[f64], values: &mut [f64]) -> bool {
        self.evaluate_state_jacobian(t, u, p, values);
        true
    }

    fn is_autonomous(&self) -> bool {
        self.plan().is_autonomous()
    }

    fn time_derivative(&self, t: f64, u: &[f64], p: &[f64], f_t: &mut [f64]) -> bool {
        self.evaluate_time_derivative(t, u, p, f_t);
        true
    }

    fn mass_matrix(&self) -> Option<MassMatrix> {
        self.model.mass_matrix()
    }
}

impl<M: Model> Differentiable for Bound<'_, M> {
    fn parameter_count(&self) -> usize {
        self.layout.parameter_count
    }

    fn tape_len(&self) -> usize {
        self.coloured().map_or(self.layout.tape_len, |coloured| coloured.tape_len)
    }

    fn record(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64], tape: &mut [f64]) {
        if self.layout.stride == FEW_LANES {
            self.record_lanes::<FEW_LANES>(t, u, p, du, tape);
        } else if let Some(coloured) = self.coloured() {
            let wide: &Over<'_, Dual<LANES>> = &|t, u, p, du| self.model.rhs(t, u, p, du);
            let narrow: &Over<'_, Dual<FEW_LANES>> = &|t, u, p, du| self.model.rhs(t, u, p, du);
            coloured.record(&self.layout, wide, narrow, (t, u, p), du, tape);
        } else {
            self.record_lanes::<LANES>(t, u, p, du, tape);
        }
    }

    fn vjp(&self, p: &[f64], tape: &[f64], lambda: &[f64], u_bar: &mut [f64], p_bar: &mut [f64]) {
        match self.coloured() {
            None => self.layout.vjp(p, tape, lambda, u_bar, p_bar),
            Some(coloured) => coloured.vjp(&self.layout, (p, tape), lambda, u_bar, p_bar),
        }
    }

    fn jvp(&self, p: &[f64], tape: &[f64], u_dot: &[f64], p_dot: &[f64], du_dot: &mut [f64]) {
        match self.coloured() {
            None => self.layout.jvp(p, tape, u_dot, p_dot, du_dot),
            Some(coloured) => coloured.jvp(&self.layout, (p, tape), u_dot, p_dot, du_dot),
        }
    }

    fn jacobian(&self, p: &[f64], tape: &[f64], f_u: &mut [f64], f_p: &mut [f64], stride: usize) {
        match self.coloured() {
            None => self.layout.jacobian(p, tape, f_u, f_p, stride),
            Some(coloured) => coloured.jacobian(&self.layout, (p, tape), f_u, f_p, stride),
        }
    }

    fn record_along(&self, t: (f64, f64), u: Along<'_>, p: Along<'_>, du: AlongMut<'_>, tape: AlongMut<'_>) {
        self.evaluate_record_along(t, u, p, du, tape);
    }

    fn vjp_along(&self, p: Along<'_>, tape: Along<'_>, lambda: Along<'_>, u_bar: AlongMut<'_>, p_bar: AlongMut<'_>) {
        match self.coloured() {
            None => self.layout.vjp_along(p, tape, lambda, u_bar, p_bar),
            Some(coloured) => coloured.vjp_along(&self.layout, (p, tape), lambda, u_bar, p_bar),
        }
    }
}
