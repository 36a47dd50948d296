//! Where states, parameters, weights and the records of calls lie: all of a bound model that does not depend on its type.

use super::callers::Probe;
use super::scaling::Scaling;
use crate::model::params::{Params, address};
use crate::model::{ModelError, Names, nearest_name};
use crate::network::Block;
use crate::number::Zeros;
use std::cell::{Cell, RefCell};

/// The layout of a bound model.
pub(super) struct Layout<'a> {
    pub states: Names,
    pub parameters: Names,
    pub unknowns: Vec<Unknown<'a>>,
    /// The mechanistic parameters that are differentiated; the others are constants to the derivatives.
    pub free: Vec<usize>,
    /// Which unknown each call of one evaluation goes to.
    called: Vec<usize>,
    /// Where the record of each call lies.
    pub calls: Vec<Recorded>,
    /// Numbers that one row of the local Jacobian takes: lanes, filled up to whole passes.
    pub stride: usize,
    pub tape_len: usize,
    pub parameter_count: usize,
}

/// An unknown term with its place in the flat parameters.
pub(super) struct Unknown<'a> {
    pub name: String,
    pub address: usize,
    pub block: &'a dyn Block,
    pub weights: usize,
    pub scaling: Scaling,
}

/// Where the record of one call lies on the tape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded {
    pub unknown: usize,
    /// Lane of the call's first output.
    pub lane: usize,
    /// Tangents of the inputs, `inputs × stride`.
    pub tangents: usize,
    /// The outputs' values.
    pub outputs: usize,
    /// The block's own tape.
    pub block: usize,
}

/// Dual lanes per pass.
pub(super) const LANES: usize = 8;
/// A mechanism with no more lanes than this takes one narrow pass.
pub(super) const FEW_LANES: usize = 4;

/// The tangent with one in `lane`, zero everywhere when that is no lane of `N`. Cut out of a table, because numbers stored one by
/// one would stall the wide loads that follow.
#[inline(always)]
pub(super) fn unit_tangent<const N: usize>(lane: usize) -> [f64; N] {
    const ONE_AT_LANES: [f64; 2 * LANES] = {
        let mut table = [0.0; 2 * LANES];
        table[LANES - 1] = 1.0;
        table
    };
    let mut tangent = [0.0; N];
    if lane < N && N <= LANES {
        let start = LANES - 1 - lane;
        if let Some(one_at_lane) = ONE_AT_LANES[start..].first_chunk() {
            tangent = *one_at_lane;
        }
    }
    tangent
}

/// `rhs(u, p, du)`.
type RightHandSide<'r> = dyn Fn(&[f64], &Params<f64>, &mut [f64]) + 'r;

impl<'a> Layout<'a> {
    /// Lays out names and blocks; `replacement` may put others in the places of the blocks listed.
    pub fn new(
        states: Names,
        parameters: Names,
        listed: Vec<(&'a str, &'a dyn Block)>,
        replacement: &dyn Fn(usize, &'a dyn Block) -> &'a dyn Block,
    ) -> Result<Self, ModelError> {
        if states.is_empty() {
            return Err(ModelError::NoStates);
        }
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
        Ok(Layout {
            free: (0..parameters.len()).collect(),
            states,
            parameters,
            unknowns,
            called: Vec::new(),
            calls: Vec::new(),
            stride: 0,
            tape_len: 0,
            parameter_count,
        })
    }

    /// Evaluates the right-hand side once, to see what it calls and whether it does what it says.
    pub fn probe(&mut self, rhs: &RightHandSide<'_>) -> Result<(), ModelError> {
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
        rhs(&u, &Params::new(&p, &probe), &mut du);
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
        self.called = called;
        self.lay_out();
        Ok(())
    }

    /// Takes mechanistic parameters as constants.
    pub fn hold(&mut self, parameters: &[usize]) {
        self.free.retain(|j| !parameters.contains(j));
        self.lay_out();
    }

    /// Lanes of a plain record: states, free parameters, block outputs.
    pub fn lane_count(&self) -> usize {
        let outputs = self.called.iter().map(|k| self.unknowns[*k].block.outputs()).sum::<usize>();
        self.states.len() + self.free.len() + outputs
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

    /// The index of a parameter by name.
    pub fn parameter_index(&self, name: &str) -> Result<usize, ModelError> {
        self.parameters.position(name).ok_or_else(|| ModelError::UnknownName {
            kind: "parameter",
            name: name.to_string(),
            names: self.parameters.join(", "),
            nearest: nearest_name(name, self.parameters.iter().map(String::as_str)).map(str::to_string),
        })
    }

    /// Checks the length of the flat parameters.
    pub fn check_parameters(&self, found: usize) -> Result<(), ModelError> {
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

    /// How each output of each called unknown term enters the derivatives at a recorded evaluation: calls
    /// `visit(unknown, output, effect)` with one number per state, in the term's own units.
    pub fn output_effects(&self, tape: &[f64], visit: &mut dyn FnMut(usize, usize, &[f64])) {
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

    /// $\lambda^\top$ times the derivatives of a recorded evaluation, added to `u_bar` and `p_bar`.
    pub fn vjp(&self, p: &[f64], tape: &[f64], lambda: &[f64], u_bar: &mut [f64], p_bar: &mut [f64]) {
        let mut lanes = Zeros::<f64>::new(self.stride);
        for (l, row) in lambda.iter().zip(tape.chunks_exact(self.stride)) {
            for (lane, g) in lanes.iter_mut().zip(row) {
                *lane += l * g;
            }
        }
        self.pull_back(p, tape, &mut lanes, u_bar, p_bar);
    }

    /// The derivatives of a recorded evaluation times a tangent.
    pub fn jvp(&self, p: &[f64], tape: &[f64], u_dot: &[f64], p_dot: &[f64], du_dot: &mut [f64]) {
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

    /// All derivatives of a recorded evaluation.
    pub fn jacobian(&self, p: &[f64], tape: &[f64], f_u: &mut [f64], f_p: &mut [f64], stride: usize) {
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
