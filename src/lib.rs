//! *An educated guess at the form of an equation, made so that the data can finish it.*
//!
//! Write the part of a model that is known, leave **unknown terms** where it is not, and point at a CSV file. `ansatz`
//! trains networks in the unknown terms (a universal differential equation), replaces each network by a formula chosen
//! on the data, and says how sure it is.
//!
//! ```text
//!  CSV ──► TimeSeries ──► Model with unknown terms ──► Fit ──► Discovery ──► Law: equations, odds, pictures, LaTeX
//! ```
//!
//! # From data to a law
//!
//! Prey grow and predators die off at known rates,
//!
//! $$ \dot x = 1.3 x + f_1(x, y), \qquad \dot y = -1.8 y + f_2(x, y), $$
//!
//! and how they meet is unknown:
//!
//! ```
//! use ansatz::prelude::*;
//!
//! /// Growth and decay are known; the interaction is not.
//! struct PredatorPrey {
//!     interaction: Mlp<2, 2>,
//! }
//!
//! impl Model for PredatorPrey {
//!     fn states(&self) -> Names {
//!         ["prey", "predator"].into()
//!     }
//!     fn parameters(&self) -> Names {
//!         ["growth", "decay"].into()
//!     }
//!     fn unknowns(&self) -> Unknowns<'_> {
//!         Unknowns::of("interaction", &self.interaction)
//!     }
//!     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
//!         let [growth, decay] = p.parameters();
//!         let f = p.call(&self.interaction, [u[0], u[1]]);
//!         du[0] = growth * u[0] + f[0];
//!         du[1] = -decay * u[1] + f[1];
//!     }
//! }
//!
//! # #[cfg(feature = "data")]
//! # fn main() -> ansatz::Result<()> {
//! let data = TimeSeries::read_csv("datasets/lotka_volterra.csv")?; // first column is time
//! let model = PredatorPrey { interaction: Mlp::new([5, 5, 5], Activation::Rbf) };
//! let fit = Fit::new(&model, &data).known([1.3, 1.8]).run()?; // a few tens of milliseconds
//! let law = Discovery::new(&fit).library(Library::polynomials(5).sines()).run()?;
//! println!("{law}");
//! // d prey/dt = 1.3 prey − 0.899(2) prey·predator   [odds …]
//! // d predator/dt = −1.8 predator + 0.806(6) prey·predator   [odds …]
//!
//! let c = law.coefficient("d prey/dt", "prey·predator").expect("the term is in the law");
//! assert!((c.value + 0.9).abs() < 0.01);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "data"))]
//! # fn main() {}
//! ```
//!
//! `0.899(2)` means 0.899 ± 0.002. The odds are the share of bootstrap replicates of the whole pipeline that find the
//! same terms. A [`Law`](discover::Law) is itself a [`Model`](model::Model): solve it, fit it again, save it, draw it.
//!
//! # Where to go
//!
//! | | |
//! |---|---|
//! | [`data`] | time series from CSV files: gaps, several trajectories, irregular times |
//! | [`model`] | mechanisms, written once for every [`number`], with unknown terms |
//! | [`network`] | the unknown terms: networks with fused derivatives |
//! | [`ode`] | solving, with dense output and errors that say what went wrong |
//! | [`problems`] | test problems with reference solutions |
//! | [`adjoint`] | exact gradients of solves, second derivatives, Jacobians of residuals |
//! | [`fit`] | training: least squares on trajectories, initial states estimated |
//! | [`discover`] | formulas for networks, chosen on the data, with odds |
//! | `plot` | pictures, SVG and PNG |
//!
//! The guide (`docs/guide.md`) explains every number printed and when not to believe it, `docs/architecture.md` is the map
//! of the code, `docs/benchmarks.md` has the measurements.
//!
//! # Features
//!
//! `data` (CSV through polars) and `plot` (pictures through plotters) are on by default; without them the crate solves,
//! fits and discovers on data from memory.
#![warn(missing_docs)]

pub mod adjoint;
pub mod data;
pub mod discover;
mod error;
pub mod fit;
pub mod model;
pub mod network;
pub mod number;
pub mod ode;
#[cfg(feature = "plot")]
pub mod plot;
pub mod problems;

pub use error::{Error, Result};

/// What most programs need: `use ansatz::prelude::*;`
pub mod prelude {
    pub use crate::data::TimeSeries;
    pub use crate::discover::{Discovery, Law, Library};
    pub use crate::fit::{Fit, Fitted, Optimizer, WeightDecay};
    pub use crate::model::{Bound, Differentiable, Model, Names, Params, System, Unknowns, from_fn};
    pub use crate::network::{Activation, Initializer, Mlp};
    pub use crate::number::{Dual, Expr, Real};
    pub use crate::ode::{Event, Method, Options, Save, Solution, Solve, SolveError, Tolerance};
}

/// The README's program is compiled and run with the documentation tests.
#[cfg(all(doctest, feature = "data", feature = "plot"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// So is the program in the guide to gradients.
#[cfg(doctest)]
#[doc = include_str!("../docs/gradients.md")]
struct Gradients;

/// So are the programs in the guide to the solvers.
#[cfg(doctest)]
#[doc = include_str!("../docs/solvers.md")]
struct Solvers;
