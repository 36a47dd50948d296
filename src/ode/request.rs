//! What is asked of a solve, and whether it makes sense for the system.

use super::SolveError;
use super::events::{Event, Events, Preset};
use super::integrate::Span;
use super::keep::{Integrand, Keeper};
use super::linear::{LinearSolver, Plan, Shifted};
use super::options::{Bounds, Method, Options, Save};
use super::problem::PreconditionerMaker;
use crate::model::{ModelError, Sparsity, System};
use std::ops::Deref;

/// A system that was made here, or lent.
pub(crate) enum Held<'a, S: ?Sized> {
    Own(Box<S>),
    Lent(&'a S),
}

impl<S: ?Sized> Deref for Held<'_, S> {
    type Target = S;
    fn deref(&self) -> &S {
        match self {
            Held::Own(system) => system,
            Held::Lent(system) => system,
        }
    }
}

impl<'a, S: System> Held<'a, S> {
    /// The same, of whatever type.
    pub fn erase(self) -> Held<'a, dyn System + 'a> {
        match self {
            Held::Own(system) => Held::Own(system),
            Held::Lent(system) => Held::Lent(system),
        }
    }
}

/// An initial-value problem but for its system.
pub(crate) struct Request<'a> {
    /// The initial state.
    pub u: Vec<f64>,
    pub span: Span,
    pub parameters: Vec<f64>,
    pub options: Options,
    pub save: Save,
    pub events: Vec<Event<'a>>,
    pub presets: Vec<Preset<'a>>,
    pub integrands: Vec<Integrand<'a>>,
    /// Bounds of states by name; an empty name stands for all.
    pub bounds: Vec<(String, f64, f64)>,
    pub preconditioner: Option<PreconditionerMaker>,
    /// Whether algebraic states are to be computed where they do not fulfil their equations.
    pub mends: bool,
    /// Names of the states, known after the check.
    pub names: Vec<String>,
}

impl<'a> Request<'a> {
    pub fn new(u: Vec<f64>, span: Span) -> Self {
        Request {
            u,
            span,
            parameters: Vec::new(),
            options: Options::default(),
            save: Save::default(),
            events: Vec::new(),
            presets: Vec::new(),
            integrands: Vec::new(),
            bounds: Vec::new(),
            preconditioner: None,
            mends: false,
            names: Vec::new(),
        }
    }

    /// Checks everything against the system, and puts names of states and times of doses where the options want them.
    pub fn check(&mut self, system: &dyn System) -> crate::Result<()> {
        let n = system.dimension();
        if n == 0 {
            return Err(ModelError::NoStates.into());
        }
        self.names = (0..n).map(|i| system.state_name(i)).collect();
        system.check_parameters(self.parameters.len())?;
        check_state("the initial state", &self.u, &self.names)?;
        self.place_bounds()?;
        for preset in &self.presets {
            if let Some(t) = preset.times.iter().find(|t| !t.is_finite()) {
                return Err(SolveError::Argument {
                    argument: "at_times",
                    problem: format!("has {t}"),
                    advice: "give finite times".to_string(),
                }
                .into());
            }
            self.options.discontinuities.extend_from_slice(&preset.times);
        }
        let forward = if self.span.end >= self.span.start { 1.0 } else { -1.0 };
        self.options.discontinuities.sort_by(|a, b| (a * forward).total_cmp(&(b * forward)));
        self.options.discontinuities.dedup();
        self.options.check(n)?;
        check_span(self.span, &self.save)?;
        check_mass(system, self.options.method)?;
        check_linear_solver(system, &self.options)?;
        if self.preconditioner.is_some() && self.options.linear_solver != LinearSolver::Krylov {
            return Err(SolveError::Argument {
                argument: "preconditioner",
                problem: format!(
                    "is given for `LinearSolver::{:?}`, which does not iterate",
                    self.options.linear_solver
                ),
                advice: "add `.linear_solver(LinearSolver::Krylov)`, or leave it out".to_string(),
            }
            .into());
        }
        Ok(())
    }

    /// Whether states between the steps are asked for.
    pub fn looks_between(&self) -> bool {
        let saves = match &self.save {
            Save::Steps => true,
            Save::Times(times) => !times.is_empty(),
            Save::End => false,
        };
        saves || !self.events.is_empty() || !self.integrands.is_empty()
    }

    /// What keeps the solution, which begins with `u`.
    pub(super) fn keeper(self, u: &[f64]) -> Keeper<'a> {
        let events = Events::new(self.events, self.presets, &self.parameters);
        Keeper::new(self.names, self.save, self.span.start, u, &self.parameters, events, self.integrands)
    }

    fn place_bounds(&mut self) -> Result<(), SolveError> {
        for (name, lower, upper) in &self.bounds {
            let states: Vec<usize> =
                (0..self.names.len()).filter(|i| name.is_empty() || self.names[*i] == *name).collect();
            if states.is_empty() {
                return Err(SolveError::Argument {
                    argument: "bounds",
                    problem: format!("are given for `{name}`, which is not a state"),
                    advice: format!("the states are [{}]", self.names.join(", ")),
                });
            }
            self.options.bounds.extend(states.iter().map(|s| Bounds { state: *s, lower: *lower, upper: *upper }));
        }
        Ok(())
    }
}

/// Times must be finite, and the times to save ordered and within the span.
pub(super) fn check_span(span: Span, save: &Save) -> Result<(), SolveError> {
    let fault = |argument, problem: String, advice: &str| {
        Err(SolveError::Argument { argument, problem, advice: advice.to_string() })
    };
    let Span { start, end } = span;
    for (argument, t) in [("start", start), ("end", end)] {
        if !t.is_finite() {
            return fault(argument, format!("is {t}"), "give a finite time");
        }
    }
    if let Save::Times(times) = save {
        let forward = if end >= start { 1.0 } else { -1.0 };
        let outside = |t: f64| !((t - start) * forward >= 0.0 && (end - t) * forward >= 0.0);
        if let Some(t) = times.iter().find(|t| outside(**t)) {
            let problem = format!("has the time {t} outside of {start} … {end}");
            return fault("save_at", problem, "save only within the span");
        }
        if let Some(pair) = times.windows(2).find(|w| (w[1] - w[0]) * forward < 0.0) {
            let problem = format!("has {} after {}", pair[1], pair[0]);
            return fault("save_at", problem, "order the times as they are reached");
        }
    }
    Ok(())
}

/// A state must have a number for each name.
pub(super) fn check_state(what: &'static str, u: &[f64], names: &[String]) -> Result<(), ModelError> {
    if u.len() == names.len() {
        return Ok(());
    }
    let (found, expected) = (u.len(), names.len());
    Err(ModelError::Length { what, found, expected, names: names.join(", ") })
}

/// The mass matrix must fit, and the method must know what to do with one.
pub(super) fn check_mass(system: &dyn System, method: Method) -> crate::Result<()> {
    let Some(mass) = system.mass_matrix() else { return Ok(()) };
    mass.check(system.dimension()).map_err(ModelError::Mass)?;
    if system.split().is_some() && !mass.is_identity() {
        return Err(ModelError::SplitMass.into());
    }
    if mass.is_identity() || !method.is_explicit() {
        return Ok(());
    }
    Err(SolveError::Argument {
        argument: "method",
        problem: format!("is {method:?}, an explicit method, which cannot solve M u' = f with a mass matrix M"),
        advice: "take an implicit one (`Method::Rodas5P`, `Kvaerno5`, `Radau5`, `Bdf`), or leave the choice to \
                 `Method::Automatic`"
            .to_string(),
    }
    .into())
}

/// An implicit method must be able to have the linear solver that was asked for.
pub(super) fn check_linear_solver(system: &dyn System, options: &Options) -> Result<(), SolveError> {
    if options.method.is_explicit() {
        return Ok(());
    }
    let split = matches!(options.method, Method::KenCarp4 | Method::Automatic);
    let system = system.split().filter(|_| split).map_or(system, |(stiff, _)| stiff);
    let n = system.dimension();
    if let Some(found) = system.sparsity().map(Sparsity::dimension).filter(|found| *found != n) {
        return Err(SolveError::Argument {
            argument: "system",
            problem: format!("has {n} states and the sparsity of {found}"),
            advice: "let `System::sparsity` give a pattern with a row and a column for each state".to_string(),
        });
    }
    let complex = matches!(options.method, Method::Radau5 | Method::Radau9 | Method::Radau13);
    // By itself the choice is one that can be had, except of GMRES for the complex systems of Radau methods.
    if options.linear_solver == LinearSolver::Automatic && !(complex && system.sparsity().is_some()) {
        return Ok(());
    }
    let (n, mass) = (system.dimension(), system.mass_matrix());
    let plan = Plan::new(n, system.sparsity(), mass.as_ref(), options.linear_solver);
    let fault = match plan {
        Ok(plan) if complex => Shifted::<faer::c64>::from_plan(&plan).err(),
        Ok(_) => None,
        Err(fault) => Some(fault),
    };
    fault.map_or(Ok(()), |fault| {
        let advice = match options.linear_solver {
            LinearSolver::Automatic => {
                "factors would not fit into memory; take a method whose systems are real, such as `Method::Bdf`"
            }
            _ => "leave it at `LinearSolver::Automatic`, or give what it needs",
        };
        let advice = advice.to_string();
        Err(SolveError::Argument { argument: "linear_solver", problem: format!("cannot be had: {fault}"), advice })
    })
}
