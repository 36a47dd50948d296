//! The way back: the adjoint equations from the end of the span to its start, with jumps at the saved times.

use super::drift::Watch;
use super::equations::Equations;
use super::quadrature::Quadrature;
use crate::adjoint::start::put_in_order;
use crate::ode::{
    Action, Context, Implicit, Kept, Observer, Options, Solution, SolveError, Span, Statistics, Step, Stepper, Stop,
    StopReason, Workspace, failure, integrate,
};

/// What happens at a saved time, going back.
pub(super) struct Jump {
    pub t: f64,
    /// $M^{-\top}$ times the derivative of the loss by the state there, which $\lambda$ takes up.
    pub lambda: Vec<f64>,
    /// The state there, with which a solution solved back begins again.
    pub state: Vec<f64>,
}

/// What goes along on the way back.
#[derive(Default)]
pub(super) struct Companions<'c, 's> {
    pub quadrature: Option<&'c mut Quadrature<'s>>,
    pub watch: Option<&'c mut Watch>,
}

/// Solves from `y` at the start of `span`, the later end of the forward solve, to its end. Jumps are those in between, in the
/// order in which they are reached.
pub(super) fn go_back<'s>(
    mut equations: Equations<'s>,
    mut options: Options,
    span: Span,
    y: &mut [f64],
    jumps: &[Jump],
    companions: Companions<'_, 's>,
) -> Result<Statistics, SolveError> {
    options.discontinuities.extend(jumps.iter().map(|jump| jump.t));
    put_in_order(&mut options, span);
    let names = equations.names();
    let mut method = options.method.stepper();
    // Without a quadrature nobody looks between the steps.
    method.keep_dense(companions.quadrature.is_some());
    let (n, carried) = (equations.layout().n, equations.layout().carried());
    let mut observer = Observed { equations: &mut equations, n, carried, jumps, next: 0, companions };
    let (mut work, mut statistics) = (Workspace::default(), Statistics::default());
    match integrate(&mut *method, &mut observer, &options, span, y, &mut work, &mut statistics) {
        Ok(()) => Ok(statistics),
        Err(stop) => {
            let partial = Solution::of(names, &[], &[], statistics);
            Err(failure(stop, &options, span, partial, y))
        }
    }
}

struct Observed<'r, 'c, 's> {
    equations: &'r mut (dyn Implicit + 's),
    n: usize,
    /// Where a solution that is carried along begins.
    carried: usize,
    jumps: &'r [Jump],
    next: usize,
    companions: Companions<'c, 's>,
}

impl<'s, M: Stepper<dyn Implicit + 's> + ?Sized> Observer<M> for Observed<'_, '_, 's> {
    type F = dyn Implicit + 's;

    fn rhs(&mut self) -> &mut (dyn Implicit + 's) {
        self.equations
    }

    fn accepted(&mut self, method: &mut M, step: &Step, _kept: &Kept, cx: &mut Context) {
        if let Some(quadrature) = &mut self.companions.quadrature {
            method.prepare(self.equations, step, cx);
            quadrature.add(step, method.order(), &|theta, lambda| method.interpolate(step, theta, lambda));
        }
    }

    fn act(&mut self, t: f64, y: &mut [f64], _cx: &mut Context) -> Result<Action, Stop> {
        // Where the right-hand side jumps nothing happens to its adjoint.
        let Some(jump) = self.jumps.get(self.next).filter(|jump| jump.t == t) else { return Ok(Action::GoOn) };
        self.next += 1;
        y[..self.n].iter_mut().zip(&jump.lambda).for_each(|(lambda, jump)| *lambda += jump);
        if let Some(watch) = &mut self.companions.watch {
            let u = &mut y[self.carried..];
            if !watch.measure(t, u, &jump.state) {
                return Err(Stop { reason: StopReason::NotFinite, t, h: 0.0, component: self.carried });
            }
            u.copy_from_slice(&jump.state);
        }
        Ok(Action::GoOn)
    }
}
