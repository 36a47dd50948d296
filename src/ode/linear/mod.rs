//! The linear systems of implicit methods: $(\sigma M - J) x = b$.
//!
//! | part | what it does |
//! |---|---|
//! | [`dense`], [`small`], [`lu`], [`block`] | dense LU, from code written for one size to blocked kernels |
//! | [`ordering`], [`fronts`], [`multifrontal`], [`pivoting`], [`sparse`] | sparse LU: order, layout, factors, and what is done when pivots are bad |
//! | [`gmres`], [`ilu`], [`krylov`] | iteration with a preconditioner |
//!
//! [`Plan`] chooses and prepares, once for a pattern; [`Shifted`] factorises and solves, any number of times.

pub mod assembly;
pub mod block;
pub mod dense;
pub mod fronts;
pub mod gmres;
pub mod ilu;
pub mod krylov;
pub mod lu;
pub mod multifrontal;
pub mod ordering;
pub mod pivoting;
pub mod scalar;
pub mod small;
pub mod sparse;

use super::saved::Saved;
use crate::model::{MassError, MassMatrix, Sparsity};
use assembly::Assembly;
use dense::{Dense, DensePlan};
use fronts::Fronts;
use krylov::{HasIterative, Iterative, Preconditioner};
use small::SmallLu;
use sparse::SparseLu;
use std::fmt;
use std::sync::Arc;

/// How an implicit method solves its linear systems $(\sigma M - J) x = b$, where $\sigma$ grows as the step shrinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinearSolver {
    /// [`Dense`](LinearSolver::Dense) for a Jacobian whose pattern is not known, for up to 32 states, and wherever the
    /// pattern leaves so little out that dense elimination takes less time; otherwise
    /// [`Sparse`](LinearSolver::Sparse). [`Krylov`](LinearSolver::Krylov) only where sparse factors would not fit into
    /// memory.
    #[default]
    Automatic,
    /// LU factorisation of the full $n \times n$ matrix with partial pivoting: $n^2$ numbers, $n^3/3$ multiplications.
    Dense,
    /// LU factorisation that stores and eliminates only what can differ from zero. Needs the Jacobian's pattern. For
    /// partial differential equations in one or two dimensions, circuits, reaction networks.
    Sparse,
    /// GMRES with the incomplete factorisation ILU(0) as preconditioner, or with one of the user's. Needs the Jacobian's
    /// pattern. Where sparse factors would not fit into memory, as for three-dimensional problems; it converges when
    /// the preconditioner is good, which takes diffusion or a small step.
    Krylov,
}

/// $\sigma M - J$ cannot be factorised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the matrix σM − J is singular or not finite: no pivot is left in column {column}; a smaller step, another initial \
     state, or (for a differential-algebraic system) equations of index 1 avoid this"
)]
pub struct Singular {
    /// The first column, counted from 0, that depends on those eliminated before it.
    pub column: usize,
}

/// A linear solver that cannot be had, or did not reach its goal.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LinearError {
    /// The pattern has another size.
    #[error("the sparsity pattern is {found} × {found}, but the model has {n} states")]
    Size {
        /// Size of the pattern.
        found: usize,
        /// Number of states.
        n: usize,
    },
    /// The mass matrix makes no sense.
    #[error(transparent)]
    Mass(#[from] MassError),
    /// The solver needs a pattern.
    #[error(
        "`LinearSolver::{solver:?}` needs to know which entries of the Jacobian can differ from zero; give the model's \
         `sparsity`, or use `LinearSolver::Dense`"
    )]
    NoPattern {
        /// What was asked for.
        solver: LinearSolver,
    },
    /// GMRES was asked for in complex arithmetic.
    #[error(
        "`LinearSolver::Krylov` is for real systems, but this method solves complex ones too; use \
         `LinearSolver::Sparse`, or a method whose stages are real such as a BDF or Rosenbrock method"
    )]
    Complex,
    /// The factors would be too large.
    #[error("sparse factors would have {entries:e} entries; use `LinearSolver::Krylov`")]
    TooLarge {
        /// Entries of $L + U$.
        entries: f64,
    },
    /// The iteration ended before the residual was small enough.
    #[error(
        "GMRES reached a residual of {residual:e} in {iterations} iterations; a better preconditioner, a smaller step or \
         `LinearSolver::Sparse` helps"
    )]
    NotConverged {
        /// Iterations done.
        iterations: usize,
        /// Weighted norm of the residual.
        residual: f64,
    },
}

/// What solves the systems of one pattern, prepared once and shared by any number of [`Shifted`], real or complex.
#[derive(Clone, Debug)]
pub struct Plan {
    n: usize,
    /// Length of a Jacobian's values.
    values: usize,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Dense(Arc<DensePlan>),
    Sparse(Arc<Assembly>, Arc<Fronts>),
    Krylov(Arc<Assembly>),
}

/// Up to this many states no pattern is looked at.
const SMALL: usize = 32;
/// Entries of sparse factors that are still made: 16 GiB of real numbers.
const MOST_ENTRIES: usize = 1 << 31;

impl Plan {
    /// Chooses and prepares a solver for `n` states, a Jacobian with this pattern (`None`: any entry may differ from
    /// zero) and this mass matrix (`None`: the unit matrix).
    ///
    /// # Errors
    /// [`LinearError`] when sizes do not agree, the mass matrix makes no sense, or the solver needs a pattern.
    pub fn new(
        n: usize,
        sparsity: Option<&Sparsity>,
        mass: Option<&MassMatrix>,
        choice: LinearSolver,
    ) -> Result<Plan, LinearError> {
        Plan::within(MOST_ENTRIES, n, sparsity, mass, choice)
    }

    /// As [`new`](Plan::new), with factors of so many entries at most.
    fn within(
        most_entries: usize,
        n: usize,
        sparsity: Option<&Sparsity>,
        mass: Option<&MassMatrix>,
        choice: LinearSolver,
    ) -> Result<Plan, LinearError> {
        if let Some(pattern) = sparsity.filter(|pattern| pattern.dimension() != n) {
            return Err(LinearError::Size { found: pattern.dimension(), n });
        }
        if let Some(mass) = mass {
            mass.check(n)?;
        }
        let way = match (choice, sparsity) {
            (LinearSolver::Dense, _) | (LinearSolver::Automatic, None) => None,
            (_, None) => return Err(LinearError::NoPattern { solver: choice }),
            (LinearSolver::Krylov, Some(pattern)) => Some(Way::Krylov(Arc::new(Assembly::new(pattern, mass)))),
            (LinearSolver::Sparse, Some(pattern)) => {
                let matrix = Assembly::new(pattern, mass);
                let fronts = Fronts::new(&matrix);
                Some(Way::Sparse(Arc::new(matrix), Arc::new(fronts)))
            }
            (LinearSolver::Automatic, Some(pattern)) => {
                if n <= SMALL || pattern.density() > 0.5 {
                    None
                } else {
                    let matrix = Assembly::new(pattern, mass);
                    let fronts = Fronts::new(&matrix);
                    (fronts.predicted_time() < dense_time(n)).then(|| Way::Sparse(Arc::new(matrix), Arc::new(fronts)))
                }
            }
        };
        let way = way.unwrap_or_else(|| Way::Dense(Arc::new(DensePlan::new(n, sparsity, mass))));
        let way = match way {
            Way::Sparse(matrix, fronts) if fronts.values > most_entries => {
                if choice == LinearSolver::Sparse {
                    return Err(LinearError::TooLarge { entries: fronts.filled as f64 });
                }
                // What does not fit into memory as factors may still be solved by iteration.
                Way::Krylov(matrix)
            }
            way => way,
        };
        Ok(Plan { n, values: sparsity.map_or(n * n, Sparsity::entry_count), way })
    }
}

/// Predicted nanoseconds of a dense factorisation and the few solves that follow, in the measure of
/// [`Fronts::predicted_time`].
fn dense_time(n: usize) -> f64 {
    let n = n as f64;
    n * n * n / 30.0 + 2.0 * n * n
}

/// Solves $(\sigma M - J) x = b$ for one $\sigma$ and $J$ after another and many $b$. `T` is `f64` or
/// [`c64`](faer::c64).
///
/// Everything is laid out when it is made; factorising and solving allocate nothing, but for the first time that sparse
/// pivots have to be taken from anywhere.
pub struct Shifted<T: HasIterative> {
    n: usize,
    values: usize,
    engine: Engine<T>,
    iterations: usize,
}

// The dense one is the hot path of small systems, and reached without a pointer.
#[allow(clippy::large_enum_variant)]
enum Engine<T: HasIterative> {
    Dense(Dense<T>),
    Sparse(Box<SparseLu<T>>),
    Krylov(Box<T::Iterative>),
}

impl<T: HasIterative> Shifted<T> {
    /// A solver of its own; see [`Plan::new`].
    ///
    /// # Errors
    /// [`LinearError`] as for [`Plan::new`] and [`Shifted::from_plan`].
    pub fn new(
        n: usize,
        sparsity: Option<&Sparsity>,
        mass: Option<&MassMatrix>,
        choice: LinearSolver,
    ) -> Result<Shifted<T>, LinearError> {
        Shifted::from_plan(&Plan::new(n, sparsity, mass, choice)?)
    }

    /// A solver after a plan.
    ///
    /// # Errors
    /// [`LinearError::Complex`] for GMRES in complex arithmetic.
    pub fn from_plan(plan: &Plan) -> Result<Shifted<T>, LinearError> {
        let engine = match &plan.way {
            Way::Dense(plan) => Engine::Dense(Dense::new(plan)),
            Way::Sparse(matrix, fronts) => {
                Engine::Sparse(Box::new(SparseLu::new(Arc::clone(matrix), Arc::clone(fronts))))
            }
            Way::Krylov(matrix) => Engine::Krylov(Box::new(T::Iterative::new(Arc::clone(matrix))?)),
        };
        Ok(Shifted { n: plan.n, values: plan.values, engine, iterations: 0 })
    }

    /// The factors of an `N × N` matrix, where that is what there is, to solve with inside of other work.
    #[inline(always)]
    pub fn small<const N: usize>(&self) -> Option<&SmallLu<T, N>> {
        match &self.engine {
            Engine::Dense(dense) => dense.small(),
            _ => None,
        }
    }

    /// Appends what the next factorisation takes over from those before: the order of the pivots, which is tried first.
    pub(crate) fn save_pivots(&self, out: &mut Vec<f64>) {
        match &self.engine {
            Engine::Dense(dense) => dense.save_pivots(out),
            Engine::Sparse(sparse) => sparse.save_pivots(out),
            Engine::Krylov(_) => {}
        }
    }

    /// Takes up what was saved; the next factors are then the same to the bit.
    pub(crate) fn restore_pivots(&mut self, from: &mut Saved) {
        match &mut self.engine {
            Engine::Dense(dense) => dense.restore_pivots(from),
            Engine::Sparse(sparse) => sparse.restore_pivots(from),
            Engine::Krylov(_) => {}
        }
    }

    /// Prepares to solve with $\sigma M - J$. `jacobian` holds $J$ column by column, or the entries of the pattern in its
    /// order.
    ///
    /// # Errors
    /// [`Singular`] with the first column that has no pivot. The factors are then of no use.
    ///
    /// # Panics
    /// When `jacobian` has another length.
    #[inline]
    pub fn factorize(&mut self, sigma: T, jacobian: &[f64]) -> Result<(), Singular> {
        assert_eq!(jacobian.len(), self.values, "values of the Jacobian");
        match &mut self.engine {
            Engine::Dense(dense) => dense.factorize(sigma, jacobian),
            Engine::Sparse(sparse) => sparse.factorize(sigma, jacobian),
            Engine::Krylov(krylov) => krylov.factorize(sigma, jacobian),
        }
        .map_err(|column| Singular { column })
    }

    /// Replaces `b` by $(\sigma M - J)^{-1} b$ for the matrix last factorised.
    ///
    /// # Errors
    /// [`LinearError::NotConverged`] from GMRES; `b` then holds the best approximation found. Direct solvers do not fail.
    ///
    /// # Panics
    /// When `b` has another length than $n$.
    #[inline]
    pub fn solve(&mut self, b: &mut [T]) -> Result<(), LinearError> {
        assert_eq!(b.len(), self.n, "length of the right-hand side");
        match &mut self.engine {
            Engine::Dense(dense) => dense.solve(b),
            Engine::Sparse(sparse) => sparse.solve(b),
            Engine::Krylov(krylov) => {
                let progress = krylov.solve(b);
                self.iterations += progress.iterations;
                if !progress.converged {
                    return Err(LinearError::NotConverged {
                        iterations: progress.iterations,
                        residual: progress.residual,
                    });
                }
            }
        }
        Ok(())
    }

    /// Sets the weights $w_i$ of the norm $\sqrt{\frac1n \sum_i (w_i r_i)^2}$ in which GMRES makes the residual small: one
    /// over the size of an error that matters, for each equation. Direct solvers take no notice.
    pub fn set_weights(&mut self, weights: &[f64]) {
        if let Engine::Krylov(krylov) = &mut self.engine {
            krylov.set_weights(weights);
        }
    }

    /// Sets when GMRES ends. Direct solvers take no notice.
    #[cfg(test)]
    pub fn set_stop(&mut self, stop: gmres::Stop) {
        if let Engine::Krylov(krylov) = &mut self.engine {
            krylov.set_stop(stop);
        }
    }

    /// Gives GMRES a preconditioner in place of ILU(0). Direct solvers take no notice.
    pub fn set_preconditioner(&mut self, preconditioner: Preconditioner) {
        if let Engine::Krylov(krylov) = &mut self.engine {
            krylov.set_preconditioner(preconditioner);
        }
    }

    /// About how many solves take the time of a sparse factorisation; none for other solvers.
    pub fn solves_per_factorization(&self) -> Option<f64> {
        match &self.engine {
            Engine::Sparse(sparse) => Some(sparse.solves_per_factorization()),
            Engine::Dense(_) | Engine::Krylov(_) => None,
        }
    }

    /// Iterations of GMRES in all solves so far; 0 for direct solvers.
    #[allow(dead_code)]
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// What is at work, for reports.
    pub fn kind(&self) -> Kind {
        match &self.engine {
            Engine::Dense(_) => Kind::Dense { n: self.n },
            Engine::Sparse(sparse) => Kind::Sparse {
                n: self.n,
                entries: sparse.entry_count(),
                pivots_from_anywhere: sparse.pivots_from_anywhere(),
            },
            Engine::Krylov(krylov) => {
                let (restart, own) = krylov.description();
                Kind::Krylov { restart, own_preconditioner: own }
            }
        }
    }
}

/// What solves a linear system. Its `Display` is for reports: `dense LU, 8 × 8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Dense LU.
    Dense {
        /// Number of states.
        n: usize,
    },
    /// Sparse LU.
    Sparse {
        /// Number of states.
        n: usize,
        /// Entries of $L + U$.
        entries: usize,
        /// Whether pivots from the diagonal blocks were not good enough.
        pivots_from_anywhere: bool,
    },
    /// GMRES.
    Krylov {
        /// Vectors kept before it starts anew.
        restart: usize,
        /// Whether the preconditioner is the user's.
        own_preconditioner: bool,
    },
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Kind::Dense { n } => write!(f, "dense LU, {n} × {n}"),
            Kind::Sparse { n, entries, pivots_from_anywhere } => {
                write!(f, "sparse LU, {n} × {n} with {entries} entries in L + U")?;
                if pivots_from_anywhere { write!(f, ", pivots from anywhere") } else { Ok(()) }
            }
            Kind::Krylov { restart, own_preconditioner: false } => write!(f, "GMRES({restart}) with ILU(0)"),
            Kind::Krylov { restart, own_preconditioner: true } => {
                write!(f, "GMRES({restart}) with the preconditioner given")
            }
        }
    }
}

#[cfg(test)]
mod tests;
