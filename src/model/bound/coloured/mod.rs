//! Records of large systems: the local Jacobian without its zeros, found in as few lanes as its sparsity allows.
//!
//! A plain record has a lane for each state, each free parameter and each block output, $n$ rows of which are kept for every
//! evaluation: hopeless where each cell of a grid has parameters of its own. Here columns of
//!
//! $$ \begin{pmatrix} f_u & f_p & f_y \\ x_u & x_p & x_y \end{pmatrix}, $$
//!
//! the derivatives of $f$ and of all block inputs $x$ by states, parameters and block outputs $y$, share a lane where no row
//! has entries in both (see [`Sparsity::colouring`]), and the tape keeps the entries that can differ from zero. What a product
//! costs is proportional to their number.
//!
//! The pattern is that of a [trace](Pattern::trace) and right where that is: a side taken by an ordinary `if`, other than by
//! what the model itself holds, is taken for good.

mod products;
mod record;

#[cfg(test)]
mod tests;

use super::layout::{FEW_LANES, LANES, Layout};
use super::state_jacobian::Over;
use crate::model::Sparsity;
use crate::model::params::{Call, Caller, Params};
use crate::number::{Pattern, Real};
use std::cell::{Cell, RefCell};

/// With no more lanes than this, nothing is gained worth looking for.
pub(super) const ALWAYS_PLAIN: usize = 64;

/// How a large system is recorded.
pub(super) struct Coloured {
    /// Colour of each lane of the plain record: states, free parameters, block outputs.
    colours: Vec<usize>,
    passes: Vec<Pass>,
    /// Where on the tape the entries begin of each row in each pass: row after row, pass after pass, and the end.
    bounds: Vec<usize>,
    /// The lane that each entry is the derivative by.
    lanes: Vec<u32>,
    /// Where in its pass each entry stands.
    places: Vec<u8>,
    calls: Vec<Recorded>,
    pub tape_len: usize,
}

/// Colours that are evaluated together.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pass {
    first: usize,
    /// No more than [`FEW_LANES`].
    narrow: bool,
}

impl Pass {
    /// Passes for so many colours.
    fn over(colours: usize) -> Vec<Pass> {
        (0..colours).step_by(LANES).map(|first| Pass { first, narrow: colours - first <= FEW_LANES }).collect()
    }

    fn width(self) -> usize {
        if self.narrow { FEW_LANES } else { LANES }
    }
}

/// Where the record of one call lies.
#[derive(Clone, Copy, Debug)]
struct Recorded {
    unknown: usize,
    /// Lane of the call's first output.
    lane: usize,
    /// Row of its first input.
    row: usize,
    /// The outputs' values on the tape.
    outputs: usize,
    /// The block's own tape.
    block: usize,
}

impl Coloured {
    /// Looks at what all rows depend on. None where a plain record is not much larger, or the pattern is not to be had.
    pub fn of(layout: &Layout<'_>, rhs: &Over<'_, Pattern>) -> Option<Coloured> {
        let n = layout.states.len();
        let lanes = layout.lane_count();
        let mut row = n;
        let mut calls: Vec<Recorded> = Vec::with_capacity(layout.calls.len());
        for call in &layout.calls {
            calls.push(Recorded { unknown: call.unknown, lane: call.lane, row, outputs: 0, block: 0 });
            row += layout.unknowns[call.unknown].block.inputs();
        }
        let rows = row;
        let dependence = Pattern::trace(lanes, rows, |inputs, results| {
            let mut parameters = vec![Pattern::zero(); layout.parameters.len()];
            for (j, input) in layout.free.iter().zip(&inputs[n..]) {
                parameters[*j] = *input;
            }
            let (du, x) = results.split_at_mut(n);
            let tracer = Tracer { layout, calls: &calls, inputs, next: Cell::new(0), x: RefCell::new(x) };
            rhs(Pattern::zero(), &inputs[..n], &Params::new(&parameters, &tracer), du);
        })?;
        // The colouring is of square patterns: rows or columns without entries are added.
        let size = lanes.max(rows);
        let mut starts = dependence.starts().to_vec();
        starts.resize(size + 1, dependence.indices().len());
        let colouring = Sparsity::from_rows(size, &starts, dependence.indices()).ok()?.colouring();
        let passes = Pass::over(colouring.count);
        let width: usize = passes.iter().map(|pass| pass.width()).sum();
        let entries = dependence.indices().len();
        if 2 * width > layout.stride || 4 * entries > rows * layout.stride || u32::try_from(lanes).is_err() {
            return None;
        }
        let mut coloured = Coloured {
            colours: colouring.colour,
            bounds: vec![0],
            lanes: Vec::with_capacity(entries),
            places: Vec::with_capacity(entries),
            calls,
            tape_len: entries,
            passes,
        };
        coloured.colours.truncate(lanes);
        for row in 0..rows {
            let mut columns = dependence.of(row).to_vec();
            columns.sort_by_key(|column| coloured.colours[*column]);
            let mut columns = columns.into_iter().peekable();
            for pass in &coloured.passes {
                while let Some(column) = columns.next_if(|column| coloured.colours[*column] < pass.first + LANES) {
                    coloured.lanes.push(column as u32);
                    coloured.places.push((coloured.colours[column] - pass.first) as u8);
                }
                coloured.bounds.push(coloured.lanes.len());
            }
        }
        for call in &mut coloured.calls {
            let block = layout.unknowns[call.unknown].block;
            call.outputs = coloured.tape_len;
            call.block = call.outputs + block.outputs();
            coloured.tape_len = call.block + block.tape_len();
        }
        Some(coloured)
    }

    /// Where on the tape the entries of a row lie.
    #[inline(always)]
    fn row(&self, row: usize) -> std::ops::Range<usize> {
        let passes = self.passes.len();
        self.bounds[row * passes]..self.bounds[(row + 1) * passes]
    }
}

/// Answers calls with what depends on the outputs alone, and notes what the inputs depend on.
struct Tracer<'b, 'a> {
    layout: &'b Layout<'a>,
    calls: &'b [Recorded],
    /// A pattern for each lane.
    inputs: &'b [Pattern],
    next: Cell<usize>,
    x: RefCell<&'b mut [Pattern]>,
}

impl Caller<Pattern> for Tracer<'_, '_> {
    fn call(&self, address: usize, x: &[Pattern], y: &mut [Pattern]) -> Call<'_> {
        let index = self.next.replace(self.next.get() + 1);
        let Some(call) = self.calls.get(index) else { return Call::Unknown };
        if self.layout.unknowns[call.unknown].address != address {
            return Call::Unknown;
        }
        let first = call.row - self.layout.states.len();
        self.x.borrow_mut()[first..first + x.len()].copy_from_slice(x);
        y.copy_from_slice(&self.inputs[call.lane..call.lane + y.len()]);
        Call::Done
    }
}
