//! $f_u$ and $\partial f / \partial t$ of a model, for implicit methods: exact, in as few passes as its sparsity allows.

use super::Bound;
use super::layout::{FEW_LANES, LANES, Layout, Unknown, unit_tangent};
use crate::model::params::{Call, Caller, Params};
use crate::model::{Model, Sparsity};
use crate::number::{Dual, Pattern, Real, Zeros};

/// How the Jacobian of a model is evaluated.
///
/// A lane is a colour: states that never meet in an equation share one.
pub(super) struct Plan {
    /// The pattern to store, when the matrix is worth being treated as sparse.
    sparsity: Option<Sparsity>,
    /// The pattern that was found, when lanes are shared.
    found: Option<Sparsity>,
    /// Lane of each state.
    lanes: Vec<usize>,
    lane_count: usize,
    autonomous: bool,
}

/// Systems of no more states than this are small enough for a dense matrix whatever its pattern.
const ALWAYS_DENSE: usize = 32;
/// A larger matrix with more than this part of its entries is dense all the same.
const DENSE_FROM: f64 = 0.25;

impl Plan {
    pub fn sparsity(&self) -> Option<&Sparsity> {
        self.sparsity.as_ref()
    }

    pub fn is_autonomous(&self) -> bool {
        self.autonomous
    }

    /// Looks at what each derivative depends on: the states are inputs 0 to n − 1, time is input n.
    fn of(layout: &Layout<'_>, rhs: &Over<'_, Pattern>) -> Plan {
        let n = layout.states.len();
        let dense =
            |autonomous| Plan { sparsity: None, found: None, lanes: (0..n).collect(), lane_count: n, autonomous };
        let parameters = vec![Pattern::zero(); layout.parameters.len()];
        let caller = Mixer { unknowns: &layout.unknowns };
        let traced = Pattern::trace(n + 1, n, |inputs, du| {
            rhs(inputs[n], &inputs[..n], &Params::new(&parameters, &caller), du);
        });
        let Some(dependence) = traced else { return dense(false) };
        let autonomous = !dependence.indices().contains(&n);
        let (mut starts, mut columns) = (vec![0], Vec::with_capacity(dependence.indices().len()));
        for i in 0..n {
            columns.extend(dependence.of(i).iter().copied().filter(|j| *j < n));
            starts.push(columns.len());
        }
        let Ok(found) = Sparsity::from_rows(n, &starts, &columns) else { return dense(autonomous) };
        let colouring = found.colouring();
        let sparse = n > ALWAYS_DENSE && found.density() < DENSE_FROM;
        if !sparse && colouring.count.div_ceil(LANES) == n.div_ceil(LANES) {
            return dense(autonomous);
        }
        Plan {
            sparsity: sparse.then(|| found.clone()),
            found: Some(found),
            lane_count: colouring.count,
            lanes: colouring.colour,
            autonomous,
        }
    }
}

/// The right-hand side of a model over some number: `rhs(t, u, p, du)`. What is behind this pointer is compiled once for all
/// models.
pub(super) type Over<'r, R> = dyn Fn(R, &[R], &Params<R>, &mut [R]) + 'r;

impl<M: Model> Bound<'_, M> {
    pub(super) fn plan(&self) -> &Plan {
        self.plan.get_or_init(|| Plan::of(&self.layout, &|t, u, p, du| self.model.rhs(t, u, p, du)))
    }

    pub(super) fn evaluate_state_jacobian(&self, t: f64, u: &[f64], p: &[f64], values: &mut [f64]) {
        let plan = self.plan();
        if plan.lane_count <= FEW_LANES {
            let rhs: &Over<'_, Dual<FEW_LANES>> = &|t, u, p, du| self.model.rhs(t, u, p, du);
            state_jacobian(&self.layout, plan, rhs, t, u, p, values);
        } else {
            let rhs: &Over<'_, Dual<LANES>> = &|t, u, p, du| self.model.rhs(t, u, p, du);
            state_jacobian(&self.layout, plan, rhs, t, u, p, values);
        }
    }

    /// One lane would do; but few are compiled already.
    pub(super) fn evaluate_time_derivative(&self, t: f64, u: &[f64], p: &[f64], f_t: &mut [f64]) {
        with_duals::<FEW_LANES>(&self.layout, p, &mut |u_dual, parameters, du_dual| {
            for (dual, u) in u_dual.iter_mut().zip(u) {
                *dual = Dual::constant(*u);
            }
            self.model.rhs(Dual::variable(t, 0), u_dual, parameters, du_dual);
            for (d, dual) in f_t.iter_mut().zip(du_dual.iter()) {
                *d = dual.tangent[0];
            }
        });
    }
}

fn state_jacobian<const N: usize>(
    layout: &Layout<'_>,
    plan: &Plan,
    rhs: &Over<'_, Dual<N>>,
    t: f64,
    u: &[f64],
    p: &[f64],
    values: &mut [f64],
) {
    let n = layout.states.len();
    if n <= N && plan.found.is_none() {
        return small_state_jacobian(layout, rhs, t, u, p, values);
    }
    if plan.sparsity.is_none() && plan.found.is_some() {
        values.fill(0.0);
    }
    with_duals::<N>(layout, p, &mut |u_dual, parameters, du_dual| {
        let mut first = 0;
        while first < plan.lane_count {
            for ((dual, u), lane) in u_dual.iter_mut().zip(u).zip(&plan.lanes) {
                // A lane before this pass wraps around and is no lane of it.
                *dual = Dual { value: *u, tangent: unit_tangent(lane.wrapping_sub(first)) };
            }
            rhs(Dual::constant(t), u_dual, parameters, du_dual);
            let in_pass = |lane: usize| lane >= first && lane < first + N;
            match (&plan.sparsity, &plan.found) {
                (Some(sparsity), _) => {
                    for (j, lane) in plan.lanes.iter().enumerate().filter(|(_, lane)| in_pass(**lane)) {
                        let start = sparsity.starts()[j];
                        for (value, i) in values[start..].iter_mut().zip(sparsity.column(j)) {
                            *value = du_dual[*i].tangent[lane - first];
                        }
                    }
                }
                (None, Some(found)) => {
                    for (j, lane) in plan.lanes.iter().enumerate().filter(|(_, lane)| in_pass(**lane)) {
                        for i in found.column(j) {
                            values[j * n + i] = du_dual[*i].tangent[lane - first];
                        }
                    }
                }
                (None, None) => {
                    for (lane, column) in values[first * n..].chunks_exact_mut(n).take(N).enumerate() {
                        for (value, d) in column.iter_mut().zip(du_dual.iter()) {
                            *value = d.tangent[lane];
                        }
                    }
                }
            }
            first += N;
        }
    });
}

/// The same for no more states than lanes, each in a lane of its own.
fn small_state_jacobian<const N: usize>(
    layout: &Layout<'_>,
    rhs: &Over<'_, Dual<N>>,
    t: f64,
    u: &[f64],
    p: &[f64],
    values: &mut [f64],
) {
    with_duals::<N>(layout, p, &mut |u_dual, parameters, du_dual| {
        let units = const {
            let mut units = [[0.0; N]; N];
            let mut lane = 0;
            while lane < N {
                units[lane][lane] = 1.0;
                lane += 1;
            }
            units
        };
        for ((dual, u), unit) in u_dual.iter_mut().zip(u).zip(&units) {
            *dual = Dual { value: *u, tangent: *unit };
        }
        rhs(Dual::constant(t), u_dual, parameters, du_dual);
        match (values.as_chunks_mut::<N>().0.first_chunk_mut::<N>(), du_dual.first_chunk::<N>()) {
            (Some(columns), Some(rows)) if u.len() == N => {
                for (lane, column) in columns.iter_mut().enumerate() {
                    for i in 0..N {
                        column[i] = rows[i].tangent[lane];
                    }
                }
            }
            _ => {
                for (lane, column) in values.chunks_exact_mut(u.len()).enumerate() {
                    for (value, row) in column.iter_mut().zip(du_dual.iter()) {
                        *value = row.tangent[lane];
                    }
                }
            }
        }
    });
}

/// What is done with states, parameters and room for derivatives.
type Work<'w, R> = dyn FnMut(&mut [R], &Params<R>, &mut [R]) + 'w;

/// Lends dual states, parameters without tangents, and room for dual derivatives.
fn with_duals<const N: usize>(layout: &Layout<'_>, p: &[f64], work: &mut Work<'_, Dual<N>>) {
    let (n, q) = (layout.states.len(), layout.parameters.len());
    let pusher = Pusher { unknowns: &layout.unknowns, p };
    let zero = Dual::constant(0.0);
    if n <= LANES && q <= LANES {
        let (mut u_dual, mut p_dual, mut du_dual) = ([zero; LANES], [zero; LANES], [zero; LANES]);
        for (dual, p) in p_dual[..q].iter_mut().zip(p) {
            *dual = Dual::constant(*p);
        }
        return work(&mut u_dual[..n], &Params::new(&p_dual[..q], &pusher), &mut du_dual[..n]);
    }
    let mut room = Zeros::<Dual<N>>::new(2 * n + q);
    let (u_dual, room) = room.split_at_mut(n);
    let (p_dual, du_dual) = room.split_at_mut(q);
    for (dual, p) in p_dual.iter_mut().zip(p) {
        *dual = Dual::constant(*p);
    }
    work(u_dual, &Params::new(p_dual, &pusher), du_dual);
}

/// Answers calls with values and the tangents that the inputs' tangents lead to.
struct Pusher<'b, 'a> {
    unknowns: &'b [Unknown<'a>],
    p: &'b [f64],
}

impl<const N: usize> Caller<Dual<N>> for Pusher<'_, '_> {
    fn call(&self, address: usize, x: &[Dual<N>], y: &mut [Dual<N>]) -> Call<'_> {
        let Some(unknown) = self.unknowns.iter().find(|u| u.address == address) else { return Call::Unknown };
        let (block, scaling) = (unknown.block, &unknown.scaling);
        let weights = &self.p[unknown.weights..unknown.weights + block.weight_count()];
        let (inputs, outputs) = (x.len(), y.len());
        let mut room = Zeros::<f64>::new(inputs + outputs + inputs * outputs + block.tape_len());
        let (values, room) = room.split_at_mut(inputs);
        let (results, room) = room.split_at_mut(outputs);
        let (jacobian, tape) = room.split_at_mut(inputs * outputs);
        for (i, (value, x)) in values.iter_mut().zip(x).enumerate() {
            *value = scaling.input(i, x.value);
        }
        block.record(weights, values, results, tape);
        block.jacobian(weights, tape, jacobian);
        for (o, y) in y.iter_mut().enumerate() {
            let mut dual = Dual::constant(results[o]);
            for (i, x) in x.iter().enumerate() {
                let slope = jacobian[o * inputs + i];
                let x = scaling.input(i, *x);
                for (d, x) in dual.tangent.iter_mut().zip(&x.tangent) {
                    *d += slope * x;
                }
            }
            *y = scaling.output(o, dual);
        }
        Call::Done
    }
}

/// Answers calls with what depends on all inputs.
struct Mixer<'b, 'a> {
    unknowns: &'b [Unknown<'a>],
}

impl Caller<Pattern> for Mixer<'_, '_> {
    fn call(&self, address: usize, x: &[Pattern], y: &mut [Pattern]) -> Call<'_> {
        if !self.unknowns.iter().any(|u| u.address == address) {
            return Call::Unknown;
        }
        let all = x.iter().fold(Pattern::zero(), |all, x| all + *x);
        y.fill(all);
        Call::Done
    }
}
