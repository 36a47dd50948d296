//! What an integration method is to the step loop, and what a right-hand side is to a method.

use super::linear::Kind as LinearKind;
use super::linear::krylov::Preconditioner;
use super::options::Options;
use super::saved::Saved;
use super::solution::Statistics;
use crate::model::{MassMatrix, Sparsity};
use std::sync::Arc;

/// The right-hand side as a method sees it.
pub(crate) trait Rhs {
    /// $f(t, u)$ for stage `stage` of the step being attempted.
    fn eval(&mut self, stage: usize, t: f64, u: &[f64], du: &mut [f64]);
    /// $f(t, u)$ for no stage: a trial of the initial step, an estimate of stiffness.
    fn try_eval(&mut self, t: f64, u: &[f64], du: &mut [f64]);
}

/// Makes a preconditioner from $t$, $u$ and $\sigma$.
pub(crate) type Preconditioning = Arc<dyn Fn(f64, &[f64], f64) -> Preconditioner + Send + Sync>;

/// What implicit methods ask for besides.
pub(crate) trait Implicit: Rhs {
    /// Number of states.
    fn dimension(&self) -> usize;
    /// Writes $f_u(t, u)$: `n × n` column by column, or the entries of [`sparsity`](Self::sparsity) in its order.
    /// `f` is $f(t, u)$, for differences where there are no exact derivatives.
    fn jacobian(&mut self, t: f64, u: &[f64], f: &[f64], values: &mut [f64], statistics: &mut Statistics);
    /// Writes $\partial f / \partial t$; `false` when $f$ does not depend on $t$ (then nothing is written).
    fn time_derivative(&mut self, t: f64, u: &[f64], f: &[f64], f_t: &mut [f64], statistics: &mut Statistics) -> bool;
    /// Which entries of $f_u$ can differ from zero; `None`: any.
    fn sparsity(&self) -> Option<&Sparsity>;
    /// $M$ of $M \dot u = f$; `None`: the identity.
    fn mass(&self) -> Option<&MassMatrix>;
    /// The user's preconditioner for iterative solvers.
    fn preconditioning(&self) -> Option<Preconditioning> {
        None
    }
    /// Whether $f = f_I + f_E$ with an $f_E$ to be taken explicitly. Jacobian and sparsity are then those of $f_I$.
    fn is_split(&self) -> bool {
        false
    }
    /// $f_I(t, u)$ for a stage.
    fn eval_stiff(&mut self, stage: usize, t: f64, u: &[f64], du: &mut [f64]) {
        self.eval(stage, t, u, du);
    }
    /// $f_E(t, u)$, where $f$ is split.
    fn eval_nonstiff(&mut self, t: f64, u: &[f64], du: &mut [f64]) {
        let _ = (t, u);
        du.fill(0.0);
    }
}

/// The options of a solve and the counts it writes.
pub(crate) struct Context<'c> {
    pub options: &'c Options,
    pub statistics: &'c mut Statistics,
}

/// An attempted step that passed its test.
#[derive(Clone, Copy)]
pub(crate) struct Step<'s> {
    pub t: f64,
    pub h: f64,
    /// $t + h$, or the stop or the end it was meant for, exactly.
    pub t_new: f64,
    pub u: &'s [f64],
    pub u_new: &'s [f64],
}

impl Step<'_> {
    /// How far into the step a time is: 0 at its start, 1 at its end.
    #[inline(always)]
    pub fn theta(&self, t: f64) -> f64 {
        if t == self.t_new { 1.0 } else { (t - self.t) / self.h }
    }
}

/// Why an attempted step does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// Its error is too large.
    Error,
    /// The nonlinear equations of an implicit method were not solved.
    Newton,
    /// The matrix of an implicit method is singular: nothing is left to determine this component.
    Singular(usize),
    /// The right-hand side or the state is not finite in this component.
    NotFinite(usize),
    /// A state left its bounds.
    Domain,
    /// It is longer than the method can be stable with, and was not made; the fastest mode is largest in this component.
    Stability(usize),
}

/// One integration method at work: it attempts steps, chooses their size, and looks between them.
///
/// The step loop calls `start` once and after every change of the state from outside, then `attempt` and either
/// `accept` or `reject`. Between `attempt` and `accept` the interpolation serves the attempted step.
pub(crate) trait Stepper<F: ?Sized> {
    /// Power of $h$ that the error of a step goes with, for the first step's size.
    fn order(&self) -> usize;

    /// Begins at $(t, u)$, forgetting all steps before. The error is the first component that is not finite.
    fn start(&mut self, f: &mut F, t: f64, u: &[f64], cx: &mut Context) -> Result<(), usize>;

    /// $f(t, u)$ at the start of the step, known after `start` and `accept`.
    fn slope(&self) -> &[f64];

    /// Says up to which time the right-hand side may be evaluated in attempts from now on: the end of the span, or a rounding
    /// before the next jump.
    #[inline(always)]
    fn look_no_further(&mut self, limit: f64) {
        let _ = limit;
    }

    /// Attempts the step from `t` over `h` (signed), writing the state it leads to. A step that passes leads to where
    /// the right-hand side is finite.
    fn attempt(
        &mut self,
        f: &mut F,
        t: f64,
        h: f64,
        u: &[f64],
        u_new: &mut [f64],
        cx: &mut Context,
    ) -> Result<(), Rejection>;

    /// Takes the step as made and gives the size of the next one, unsigned.
    fn accept(&mut self, f: &mut F, step: &Step, cx: &mut Context) -> f64;

    /// Gives the size of the next attempt after one of size `h` that does not count.
    fn reject(&mut self, why: Rejection, h: f64, cx: &mut Context) -> f64;

    /// Says whether states between the steps will be asked for, so that their error counts too.
    fn keep_dense(&mut self, dense: bool) {
        let _ = dense;
    }

    /// The error estimate of the last attempt, by component.
    fn error(&self) -> &[f64];

    /// Whether stability, not accuracy, has limited the last steps.
    fn looks_stiff(&self) -> bool {
        false
    }

    /// Computes what [`interpolate`](Self::interpolate) needs beyond the step itself. Called any number of times.
    fn prepare(&mut self, f: &mut F, step: &Step, cx: &mut Context) {
        let _ = (f, step, cx);
    }

    /// $u(t + \theta h)$ within the last attempted step.
    fn interpolate(&self, step: &Step, theta: f64, out: &mut [f64]);

    /// Appends the rows $c_1, c_2, \dots$ of $u(t + \theta h) = u + \sum_m c_m \theta^m$.
    fn polynomial(&self, step: &Step, rows: &mut Vec<f64>);

    /// Appends what the derivative of the last attempted step needs to know of it besides its start and its length, and what
    /// is not computed again more cheaply than kept: nothing of explicit methods, the number of stages of stabilised ones, the
    /// stages of implicit ones, where a step of the BDF led to and what it did to the differences.
    fn keep_stages(&self, out: &mut Vec<f64>) {
        let _ = out;
    }

    /// Whether [`save`](Self::save) says all that the next steps depend on. Not so between steps of which the later ones are to
    /// be made with the Jacobian of an earlier one: that is not saved, and never serves long.
    fn can_be_saved(&self) -> bool {
        true
    }

    /// Appends what the next steps depend on beside time, state and size of the step. Asked for between steps.
    fn save(&self, out: &mut Vec<f64>);

    /// Takes up what a method of this kind has [saved](Self::save) when it [could](Self::can_be_saved), in a problem with `n`
    /// states: the steps from there on are the same to the bit.
    fn restore(&mut self, f: &F, n: usize, from: &mut Saved, cx: &Context);

    /// The method that made the last step.
    fn method(&self) -> super::Method;

    /// What solves the linear systems of an implicit method.
    fn linear_solver(&self) -> Option<LinearKind> {
        None
    }

    /// A bound or estimate of $\vert h \vert \rho(f_u)$ at the last accepted step; infinite where none is at hand.
    fn stiffness(&mut self, f: &F, h: f64) -> f64 {
        let _ = (f, h);
        f64::INFINITY
    }
}
