//! A model bound to its layout of parameters: the [`System`] that solvers see.
//!
//! Values take the plain path: the mechanism over `f64`, blocks by their fused `eval`. For derivatives the mechanism is
//! evaluated once over dual numbers, with one lane for each state, each mechanistic parameter and each block output.
//! A block called on the way keeps its activations and the tangents of its inputs. Then a vector–Jacobian product is
//! $\lambda^\top$ times the local Jacobian, and backwards over the few blocks called, each handing its input cotangents
//! on through the kept tangents. Nothing is taped by operation.

mod callers;
mod lanes;
mod scaling;
mod state_jacobian;

pub use lanes::LaneParameters;
pub use scaling::Scaling;

use super::params::{Caller, Params, address};
use super::{Differentiable, MassMatrix, Model, ModelError, Names, Sparsity, System, nearest_name};
use crate::network::Block;
use crate::number::{Dual, Real, Zeros};
use callers::{Plain, Probe, Recorder, Watcher};
use rand_chacha::ChaCha8Rng;
use state_jacobian::Plan;
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
    states: Names,
    parameters: Names,
    unknowns: Vec<Unknown<'a>>,
    /// The mechanistic parameters that are differentiated; the others are constants to the derivatives.
    free: Vec<usize>,
    /// Which unknown each call of one evaluation goes to.
    called: Vec<usize>,
    /// Where the record of each call lies.
    calls: Vec<Recorded>,
    /// Numbers that one row of the local Jacobian takes: lanes, filled up to whole passes.
    stride: usize,
    tape_len: usize,
    parameter_count: usize,
    /// How $f_u$ is evaluated, found out when it is first asked for.
    plan: OnceLock<Plan>,
}

/// Told of a call of an unknown term: which, with what, giving what.
pub(crate) type Visit<'v> = dyn Fn(usize, &[f64], &[f64]) + 'v;

/// An unknown term with its place in the flat parameters.
struct Unknown<'a> {
    name: String,
    address: usize,
    block: &'a dyn Block,
    weights: usize,
    scaling: Scaling,
}

/// Where the record of one call lies on the tape.
#[derive(Clone, Copy, Debug)]
struct Recorded {
    unknown: usize,
    /// Lane of the call's first output.
    lane: usize,
    /// Tangents of the inputs, `inputs × stride`.
    tangents: usize,
    /// The outputs' values.
    outputs: usize,
    /// The block's own tape.
    block: usize,
}

/// Dual lanes per pass.
const LANES: usize = 8;
/// A mechanism with no more lanes than this takes one narrow pass.
const FEW_LANES: usize = 4;

/// The tangent with one in `lane`, zero everywhere when that is no lane of `N`. Cut out of a table, because numbers stored one by
/// one would stall the wide loads that follow.
#[inline(always)]
fn unit_tangent<const N: usize>(lane: usize) -> [f64; N] {
    const ONE_AT_LANES: [f64; 2 * LANES] = {
        let mut table = [0.0; 2 * LANES];
        table[LANES - 1] = 1.0;
        table
    };
    let mut tangent = [0.0; N];
    if lane < N && N <= LANES {
        let start = LANES - 1 - lane;
        tangent.copy_from_slice(&ONE_AT_LANES[start..start + N]);
    }
    tangent
}

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
        let (states, parameters) = (model.states(), model.parameters());
        if states.is_empty() {
            return Err(ModelError::NoStates);
        }
        let listed: Vec<(&str, &dyn Block)> = model.unknowns().iter().collect();
        let names = Names::from(listed.iter().map(|(name, _)| (*name).to_string()).collect::<Vec<_>>());
        for (list, names) in [("states", &states), ("parameters", &parameters), ("unknowns", &names)] {
            if let Some(name) = names.repeated_or_empty() {
                return Err(ModelError::Name { name: name.to_string(), list });
            }
        }
        let mut parameter_count = parameters.len();
        let mut unknowns = Vec::with_capacity(listed.len());
        for (index, (name, own)) in listed.into_iter().enumerate() {
            let block = replacement(index, own);
            if let Some(fault) = block.fault() {
                return Err(ModelError::Block { name: name.to_string(), fault });
            }
            unknowns.push(Unknown {
                name: name.to_string(),
                address: address(own),
                block,
                weights: parameter_count,
                scaling: Scaling::identity(),
            });
            parameter_count += block.weight_count();
        }
        let mut bound = Bound {
            model,
            states,
            free: (0..parameters.len()).collect(),
            parameters,
            unknowns,
            called: Vec::new(),
            calls: Vec::new(),
            stride: 0,
            tape_len: 0,
            parameter_count,
            plan: OnceLock::new(),
        };
        if let Some(mass) = model.mass_matrix() {
            mass.check(bound.states.len()).map_err(ModelError::Mass)?;
        }
        bound.called = bound.probe()?;
        bound.lay_out();
        Ok(bound)
    }

    /// Evaluates the right-hand side once, to see what it calls and whether it does what it says.
    fn probe(&self) -> Result<Vec<usize>, ModelError> {
        let probe = Probe {
            unknowns: &self.unknowns,
            called: RefCell::default(),
            asked: Cell::new(None),
            stray: Cell::new(false),
        };
        // A NaN with this payload comes out of no computation: what still has it was not written.
        const UNSET: u64 = 0x7ff8_0000_dead_beef;
        let mut du = vec![f64::from_bits(UNSET); self.states.len()];
        let (u, p) = (vec![1.0; self.states.len()], vec![1.0; self.parameters.len()]);
        self.model.rhs(0.0, &u, &Params::new(&p, &probe), &mut du);
        if let Some(asked) = probe.asked.get() {
            let declared = self.parameters.len();
            return Err(ModelError::ParameterCount { asked, declared, names: self.parameters.join(", ") });
        }
        if probe.stray.get() {
            return Err(ModelError::UndeclaredBlock);
        }
        if let Some(index) = du.iter().position(|d| d.to_bits() == UNSET) {
            return Err(ModelError::DerivativeNotSet { index, state: self.states[index].clone() });
        }
        let called = probe.called.into_inner();
        if let Some(idle) = (0..self.unknowns.len()).find(|k| !called.contains(k)) {
            return Err(ModelError::UncalledBlock { name: self.unknowns[idle].name.clone() });
        }
        Ok(called)
    }

    /// Takes mechanistic parameters as constants: their derivatives are not computed and read as zero, and the
    /// evaluation for the others is cheaper.
    pub fn hold(&mut self, parameters: &[usize]) {
        self.free.retain(|j| !parameters.contains(j));
        self.lay_out();
    }

    fn lay_out(&mut self) {
        let mut lanes = self.states.len() + self.free.len();
        let first_lanes: Vec<usize> = self
            .called
            .iter()
            .map(|&k| {
                let lane = lanes;
                lanes += self.unknowns[k].block.outputs();
                lane
            })
            .collect();
        self.stride = if lanes <= FEW_LANES { FEW_LANES } else { lanes.next_multiple_of(LANES) };
        let mut at = self.states.len() * self.stride;
        self.calls = self
            .called
            .iter()
            .zip(first_lanes)
            .map(|(&unknown, lane)| {
                let block = self.unknowns[unknown].block;
                let tangents = at;
                let outputs = tangents + block.inputs() * self.stride;
                let tape = outputs + block.outputs();
                at = tape + block.tape_len();
                Recorded { unknown, lane, tangents, outputs, block: tape }
            })
            .collect();
        self.tape_len = at;
    }

    /// Names of the states.
    pub fn states(&self) -> &Names {
        &self.states
    }

    /// Names of the mechanistic parameters, the first entries of the flat parameters.
    pub fn parameters(&self) -> &Names {
        &self.parameters
    }

    /// The names of the unknown terms.
    pub fn unknowns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.unknowns.iter().map(|u| u.name.as_str())
    }

    /// Where the weights of an unknown term lie in the flat parameters.
    pub fn weights_of(&self, unknown: usize) -> std::ops::Range<usize> {
        match self.unknowns.get(unknown) {
            Some(u) => u.weights..u.weights + u.block.weight_count(),
            None => 0..0,
        }
    }

    /// Inputs and outputs of an unknown term.
    pub(crate) fn shape_of(&self, unknown: usize) -> (usize, usize) {
        let block = self.unknowns[unknown].block;
        (block.inputs(), block.outputs())
    }

    /// Sets how the inputs and outputs of an unknown term are scaled.
    pub fn set_scaling(&mut self, unknown: usize, scaling: Scaling) {
        if let Some(u) = self.unknowns.get_mut(unknown) {
            u.scaling = scaling;
        }
    }

    /// How the inputs and outputs of an unknown term are scaled.
    pub fn scaling_of(&self, unknown: usize) -> Scaling {
        self.unknowns.get(unknown).map(|u| u.scaling.clone()).unwrap_or_default()
    }

    /// Draws initial weights for all unknown terms into the flat parameters.
    pub fn initialize(&self, rng: &mut ChaCha8Rng, p: &mut [f64]) {
        for u in &self.unknowns {
            u.block.initialize(rng, &mut p[u.weights..u.weights + u.block.weight_count()]);
        }
    }

    /// The index of a parameter by name.
    ///
    /// # Errors
    /// [`ModelError::UnknownName`] with the nearest name there is.
    pub fn parameter_index(&self, name: &str) -> Result<usize, ModelError> {
        self.parameters.position(name).ok_or_else(|| ModelError::UnknownName {
            kind: "parameter",
            name: name.to_string(),
            names: self.parameters.join(", "),
            nearest: nearest_name(name, self.parameters.iter().map(String::as_str)).map(str::to_string),
        })
    }

    /// What the unknown terms were given and gave in one evaluation: calls `visit(unknown, x, y)` for each call, in
    /// the mechanism's own units.
    pub(crate) fn watch(&self, t: f64, u: &[f64], p: &[f64], visit: &Visit<'_>) {
        let watcher = Watcher { plain: self.plain(p), visit };
        let mut du = Zeros::new(self.states.len());
        self.model.rhs(t, u, &Params::new(&p[..self.parameters.len()], &watcher), &mut du);
    }

    /// How each output of each called unknown term enters the derivatives at a recorded evaluation: calls
    /// `visit(unknown, output, effect)` with one number per state, in the term's own units.
    pub(crate) fn output_effects(&self, tape: &[f64], visit: &mut dyn FnMut(usize, usize, &[f64])) {
        let n = self.states.len();
        for call in &self.calls {
            let unknown = &self.unknowns[call.unknown];
            for o in 0..unknown.block.outputs() {
                let scale = unknown.scaling.output_scale(o);
                let effect: Vec<f64> = (0..n).map(|i| tape[i * self.stride + call.lane + o] / scale).collect();
                visit(call.unknown, o, &effect);
            }
        }
    }

    /// The model evaluated over any number, calls answered by `caller`.
    pub(crate) fn rhs_over<R: Real>(&self, t: R, u: &[R], p: &[R], caller: &dyn Caller<R>, du: &mut [R]) {
        self.model.rhs(t, u, &Params::new(p, caller), du);
    }

    /// Which unknown lies at an address.
    pub(crate) fn unknown_at(&self, address: usize) -> Option<usize> {
        self.unknowns.iter().position(|u| u.address == address)
    }

    fn plain<'b>(&'b self, p: &'b [f64]) -> Plain<'b, 'a> {
        Plain { unknowns: &self.unknowns, p }
    }

    /// One recorded evaluation in passes of `N` lanes.
    #[inline(always)]
    fn record_lanes<const N: usize>(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64], tape: &mut [f64]) {
        let (n, q) = (self.states.len(), self.parameters.len());
        let mut room = Zeros::<Dual<N>>::new(2 * n + q);
        let (u_dual, room) = room.split_at_mut(n);
        let (p_dual, du_dual) = room.split_at_mut(q);
        for first in (0..self.stride).step_by(N) {
            // A lane before this pass wraps around and is no lane of it.
            for (i, (dual, u)) in u_dual.iter_mut().zip(u).enumerate() {
                *dual = Dual { value: *u, tangent: unit_tangent(i.wrapping_sub(first)) };
            }
            for (dual, p) in p_dual.iter_mut().zip(p) {
                *dual = Dual::constant(*p);
            }
            for (lane, j) in self.free.iter().enumerate() {
                p_dual[*j].tangent = unit_tangent((n + lane).wrapping_sub(first));
            }
            {
                let recorder = Recorder { bound: self, p, first, next: Cell::new(0), tape: RefCell::new(tape) };
                self.model.rhs(Dual::constant(t), u_dual, &Params::new(p_dual, &recorder), du_dual);
            }
            for (i, d) in du_dual.iter().enumerate() {
                du[i] = d.value;
                let at = i * self.stride + first;
                tape[at..at + N].copy_from_slice(&d.tangent);
            }
        }
    }

    /// Takes a cotangent of all lanes back to states and parameters.
    #[inline(always)]
    fn pull_back(&self, p: &[f64], tape: &[f64], lanes: &mut [f64], u_bar: &mut [f64], p_bar: &mut [f64]) {
        for call in self.calls.iter().rev() {
            let unknown = &self.unknowns[call.unknown];
            let (inputs, outputs) = (unknown.block.inputs(), unknown.block.outputs());
            let mut x_bar = Zeros::<f64>::new(inputs);
            let weights = unknown.weights..unknown.weights + unknown.block.weight_count();
            let kept = &tape[call.block..call.block + unknown.block.tape_len()];
            unknown.block.vjp(
                &p[weights.clone()],
                kept,
                &lanes[call.lane..call.lane + outputs],
                &mut x_bar,
                &mut p_bar[weights],
            );
            let tangents = tape[call.tangents..call.outputs].chunks_exact(self.stride);
            for (x_bar, tangent) in x_bar.iter().zip(tangents) {
                for (lane, z) in lanes.iter_mut().zip(tangent) {
                    *lane += x_bar * z;
                }
            }
        }
        let n = self.states.len();
        for (bar, lane) in u_bar.iter_mut().zip(&lanes[..n]) {
            *bar += lane;
        }
        for (j, lane) in self.free.iter().zip(&lanes[n..]) {
            p_bar[*j] += lane;
        }
    }
}

impl<M: Model> System for Bound<'_, M> {
    fn dimension(&self) -> usize {
        self.states.len()
    }

    fn check_parameters(&self, found: usize) -> Result<(), ModelError> {
        if found == self.parameter_count {
            return Ok(());
        }
        let mut names: Vec<String> = self.parameters.to_vec();
        names.extend(self.unknowns.iter().map(|u| format!("{} weights of {}", u.block.weight_count(), u.name)));
        Err(ModelError::Length {
            what: "the parameter vector",
            found,
            expected: self.parameter_count,
            names: names.join(", "),
        })
    }

    fn state_name(&self, index: usize) -> String {
        self.states.get(index).cloned().unwrap_or_else(|| format!("u[{index}]"))
    }

    #[inline(always)]
    fn eval(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64]) {
        let caller = self.plain(p);
        self.model.rhs(t, u, &Params::new(&p[..self.parameters.len()], &caller), du);
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
        self.parameter_count
    }

    fn tape_len(&self) -> usize {
        self.tape_len
    }

    fn record(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64], tape: &mut [f64]) {
        if self.stride == FEW_LANES {
            self.record_lanes::<FEW_LANES>(t, u, p, du, tape);
        } else {
            self.record_lanes::<LANES>(t, u, p, du, tape);
        }
    }

    #[inline]
    fn vjp(&self, p: &[f64], tape: &[f64], lambda: &[f64], u_bar: &mut [f64], p_bar: &mut [f64]) {
        let mut lanes = Zeros::<f64>::new(self.stride);
        for (l, row) in lambda.iter().zip(tape.chunks_exact(self.stride)) {
            for (lane, g) in lanes.iter_mut().zip(row) {
                *lane += l * g;
            }
        }
        self.pull_back(p, tape, &mut lanes, u_bar, p_bar);
    }

    fn jvp(&self, p: &[f64], tape: &[f64], u_dot: &[f64], p_dot: &[f64], du_dot: &mut [f64]) {
        let n = self.states.len();
        let mut lanes = Zeros::<f64>::new(self.stride);
        lanes[..n].copy_from_slice(u_dot);
        for (lane, j) in lanes[n..].iter_mut().zip(&self.free) {
            *lane = p_dot[*j];
        }
        for call in &self.calls {
            let unknown = &self.unknowns[call.unknown];
            let weights = unknown.weights..unknown.weights + unknown.block.weight_count();
            let mut x_dot = Zeros::<f64>::new(unknown.block.inputs());
            for (x, z) in x_dot.iter_mut().zip(tape[call.tangents..].chunks_exact(self.stride)) {
                *x = z.iter().zip(lanes.iter()).map(|(z, l)| z * l).sum();
            }
            let kept = &tape[call.block..call.block + unknown.block.tape_len()];
            let y_dot = &mut lanes[call.lane..call.lane + unknown.block.outputs()];
            unknown.block.jvp(&p[weights.clone()], kept, &x_dot, Some(&p_dot[weights]), y_dot);
        }
        for (d, row) in du_dot.iter_mut().zip(tape.chunks_exact(self.stride)) {
            *d = row.iter().zip(lanes.iter()).map(|(g, l)| g * l).sum();
        }
    }

    #[inline]
    fn jacobian(&self, p: &[f64], tape: &[f64], f_u: &mut [f64], f_p: &mut [f64], stride: usize) {
        let n = self.states.len();
        f_u.fill(0.0);
        let mut lanes = Zeros::<f64>::new(self.stride);
        for i in 0..n {
            lanes.copy_from_slice(&tape[i * self.stride..(i + 1) * self.stride]);
            let p_row = &mut f_p[i * stride..i * stride + self.parameter_count];
            p_row.fill(0.0);
            self.pull_back(p, tape, &mut lanes, &mut f_u[i * n..(i + 1) * n], p_row);
        }
    }
}
