//! The matrix of an implicit method, $W = \sigma M - f_u$, with the Jacobian it is made of.

use crate::ode::control::first_not_finite;
use crate::ode::linear::small::{SMALL, SmallLu};
use crate::ode::linear::{Kind, Shifted};
use crate::ode::options::Options;
use crate::ode::saved::Saved;
use crate::ode::stepper::{Context, Implicit, Preconditioning, Rejection};
use faer::c64;

/// Steps that a Jacobian may serve. CVODES, Mathematical Considerations.
const MOST_STEPS: usize = 50;

/// Shift that the initial slope is computed with, over the norm of $f_u$.
pub(crate) const INITIAL_SHIFT: f64 = 1e6;

/// Jacobian and factors, kept as long as they serve.
#[derive(Default)]
pub(crate) struct IterationMatrix {
    /// Values of $f_u$, `n × n` column by column or the entries of the sparsity.
    pub jacobian: Vec<f64>,
    factors: Option<Shifted<f64>>,
    /// Whether the Jacobian is dense and has no more than [`SMALL`] columns.
    small: bool,
    /// The first equation whose derivatives are not finite, of a Jacobian that is not small.
    not_finite: Option<usize>,
    /// Whether `jacobian` was evaluated where the step starts.
    pub current: bool,
    /// Whether it has to be evaluated before the next attempt.
    worn: bool,
    /// Steps since it was evaluated.
    age: usize,
    /// Counts the Jacobians, so that factors made of an older one are known.
    version: usize,
    /// The shift that the factors are for.
    sigma: f64,
    weights: Vec<f64>,
    /// What makes the preconditioner of an iterative solver, and time and state of the Jacobian for it.
    preconditioning: Option<Preconditioning>,
    place: (f64, Vec<f64>),
}

impl IterationMatrix {
    /// Room for the problem; whatever was known is forgotten.
    pub fn start<F: Implicit + ?Sized>(&mut self, f: &F, cx: &Context) {
        let n = f.dimension();
        let len = f.sparsity().map_or(n * n, |s| s.entry_count());
        self.jacobian.resize(len, 0.0);
        if self.factors.is_none() {
            // What cannot be had was refused before the solve began.
            self.factors = Shifted::new(n, f.sparsity(), f.mass(), cx.options.linear_solver).ok();
        }
        self.preconditioning = f.preconditioning();
        self.wear_out();
    }

    /// Appends what the next factors depend on beside the next Jacobian: the order of the pivots.
    pub fn save(&self, out: &mut Vec<f64>) {
        if let Some(factors) = &self.factors {
            factors.save_pivots(out);
        }
    }

    /// Takes up what was saved; the Jacobian has to be evaluated.
    pub fn restore<F: Implicit + ?Sized>(&mut self, f: &F, from: &mut Saved, cx: &Context) {
        self.start(f, cx);
        if let Some(factors) = &mut self.factors {
            factors.restore_pivots(from);
        }
    }

    /// Evaluates the Jacobian at $(t, u)$ with $f = f(t, u)$, unless it is the one of this place.
    pub fn evaluate<F: Implicit + ?Sized>(&mut self, f: &mut F, t: f64, u: &[f64], slope: &[f64], cx: &mut Context) {
        if !self.current {
            let n = f.dimension();
            f.jacobian(t, u, slope, &mut self.jacobian, cx.statistics);
            // What is not a number in a small matrix shows as a pivot that is none, and is looked for only then.
            self.small = n <= SMALL && f.sparsity().is_none();
            self.not_finite = match f.sparsity() {
                _ if self.small => None,
                None => first_not_finite(&self.jacobian).map(|at| at % n),
                Some(sparsity) => first_not_finite(&self.jacobian).map(|at| sparsity.rows()[at]),
            };
            self.weigh(u, cx.options);
            if self.preconditioning.is_some() {
                self.place.0 = t;
                self.place.1.clear();
                self.place.1.extend_from_slice(u);
            }
            self.current = true;
            self.worn = false;
            self.age = 0;
            self.version += 1;
            self.sigma = f64::NAN;
        }
    }

    /// Says that the Jacobian must not be used again.
    pub fn wear_out(&mut self) {
        self.current = false;
        self.worn = true;
        self.sigma = f64::NAN;
    }

    /// Whether the Jacobian has to be evaluated before the next attempt.
    pub fn is_worn(&self) -> bool {
        self.worn
    }

    /// The step is made: the Jacobian is that of a place left behind, and serves on if it did well.
    pub fn after_step(&mut self, did_well: bool) {
        self.current = false;
        self.age += 1;
        if !did_well || self.age >= MOST_STEPS {
            self.worn = true;
        }
    }

    /// $M^{-1} f$ as far as $M$ determines it: what an implicit Euler step of next to no length gives.
    pub fn initial_slope<F: Implicit + ?Sized>(
        &mut self,
        f: &mut F,
        t: f64,
        u: &[f64],
        slope: &[f64],
        out: &mut [f64],
        cx: &mut Context,
    ) {
        out.copy_from_slice(slope);
        if f.mass().is_none() {
            return;
        }
        self.evaluate(f, t, u, slope, cx);
        let norm = self.norm(f, out).max(f64::MIN_POSITIVE);
        let sigma = INITIAL_SHIFT * norm;
        out.copy_from_slice(slope);
        if self.factorize(sigma, cx).is_ok() && self.solve(out, cx).is_ok() && out.iter().all(|x| x.is_finite()) {
            out.iter_mut().for_each(|x| *x *= sigma);
        } else {
            out.fill(0.0);
        }
    }

    /// What solves the linear systems.
    pub fn kind(&self) -> Option<Kind> {
        self.factors.as_ref().map(Shifted::kind)
    }

    /// Tells an iterative solver which errors matter.
    pub fn weigh(&mut self, u: &[f64], options: &Options) {
        if matches!(self.kind(), Some(Kind::Krylov { .. })) {
            self.weights.clear();
            self.weights.extend(u.iter().enumerate().map(|(i, u)| 1.0 / (options.atol.of(i) + options.rtol * u.abs())));
            if let Some(factors) = &mut self.factors {
                factors.set_weights(&self.weights);
            }
        }
    }

    /// Factorises $\sigma M - f_u$, unless the factors are those already.
    pub fn factorize(&mut self, sigma: f64, cx: &mut Context) -> Result<(), Rejection> {
        if self.sigma == sigma {
            return Ok(());
        }
        if let Some(component) = self.not_finite {
            return Err(Rejection::NotFinite(component));
        }
        cx.statistics.factorizations += 1;
        self.sigma = f64::NAN;
        let factors = self.factors.as_mut().ok_or(Rejection::Singular(0))?;
        if let Some(prepare) = &self.preconditioning {
            factors.set_preconditioner(prepare(self.place.0, &self.place.1, sigma));
        }
        if let Err(singular) = factors.factorize(sigma, &self.jacobian) {
            let n = self.jacobian.len().isqrt();
            let not_finite = first_not_finite(&self.jacobian).filter(|_| self.small);
            return Err(not_finite.map_or(Rejection::Singular(singular.column), |at| Rejection::NotFinite(at % n)));
        }
        self.sigma = sigma;
        Ok(())
    }

    /// Factors that serve for $\sigma$, and what a solution with them is to be multiplied with: those at hand, made for
    /// $\hat\sigma$, if the two shifts differ by no more than `lag`, relatively. The factor $2 \hat\sigma / (\sigma +
    /// \hat\sigma)$ leaves of every component the part $\vert \sigma - \hat\sigma \vert / (\sigma + \hat\sigma)$ at
    /// most.
    pub fn factorize_near(&mut self, sigma: f64, lag: f64, cx: &mut Context) -> Result<f64, Rejection> {
        if (sigma / self.sigma - 1.0).abs() <= lag {
            return Ok(2.0 * self.sigma / (sigma + self.sigma));
        }
        self.factorize(sigma, cx)?;
        Ok(1.0)
    }

    /// The factors of an `N × N` matrix, where that is what there is.
    #[inline(always)]
    pub fn small<const N: usize>(&self) -> Option<&SmallLu<f64, N>> {
        self.factors.as_ref()?.small()
    }

    /// Solves with the factors in place.
    pub fn solve(&mut self, b: &mut [f64], cx: &mut Context) -> Result<(), Rejection> {
        cx.statistics.solves += 1;
        let factors = self.factors.as_mut().ok_or(Rejection::Singular(0))?;
        factors.solve(b).map_err(|_| Rejection::Newton)
    }

    /// An upper bound of the spectral radius of $f_u$: the smaller of its row and column sum norms.
    pub fn norm<F: Implicit + ?Sized>(&self, f: &F, rows: &mut [f64]) -> f64 {
        let n = rows.len();
        rows.fill(0.0);
        let mut columns: f64 = 0.0;
        for j in 0..n {
            let mut sum = 0.0;
            match f.sparsity() {
                None => {
                    for (row, x) in rows.iter_mut().zip(&self.jacobian[j * n..(j + 1) * n]) {
                        *row += x.abs();
                        sum += x.abs();
                    }
                }
                Some(sparsity) => {
                    let range = sparsity.starts()[j]..sparsity.starts()[j + 1];
                    for (i, x) in sparsity.column(j).iter().zip(&self.jacobian[range]) {
                        rows[*i] += x.abs();
                        sum += x.abs();
                    }
                }
            }
            columns = columns.max(sum);
        }
        columns.min(rows.iter().fold(0.0, |m, x| m.max(*x)))
    }
}

/// The factors of $(\alpha + \mathrm{i} \beta) M - f_u$, with the Jacobian of an [`IterationMatrix`].
#[derive(Default)]
pub(crate) struct ComplexMatrix {
    factors: Option<Shifted<c64>>,
    /// The shift and the version of the Jacobian that the factors are for.
    made_for: Option<(c64, usize)>,
}

impl ComplexMatrix {
    pub fn start<F: Implicit + ?Sized>(&mut self, f: &F, cx: &Context) {
        if self.factors.is_none() {
            self.factors = Shifted::new(f.dimension(), f.sparsity(), f.mass(), cx.options.linear_solver).ok();
        }
        self.made_for = None;
    }

    /// Appends the order of the pivots.
    pub fn save(&self, out: &mut Vec<f64>) {
        if let Some(factors) = &self.factors {
            factors.save_pivots(out);
        }
    }

    /// Takes up what was saved; there are no factors.
    pub fn restore<F: Implicit + ?Sized>(&mut self, f: &F, from: &mut Saved, cx: &Context) {
        self.start(f, cx);
        if let Some(factors) = &mut self.factors {
            factors.restore_pivots(from);
        }
    }

    /// Factorises, unless the factors are those already.
    pub fn factorize(&mut self, sigma: c64, matrix: &IterationMatrix, cx: &mut Context) -> Result<(), Rejection> {
        let wanted = Some((sigma, matrix.version));
        if self.made_for == wanted {
            return Ok(());
        }
        cx.statistics.factorizations += 1;
        self.made_for = None;
        let factors = self.factors.as_mut().ok_or(Rejection::Singular(0))?;
        factors.factorize(sigma, &matrix.jacobian).map_err(|singular| Rejection::Singular(singular.column))?;
        self.made_for = wanted;
        Ok(())
    }

    pub fn solve(&mut self, b: &mut [c64], cx: &mut Context) -> Result<(), Rejection> {
        cx.statistics.solves += 1;
        let factors = self.factors.as_mut().ok_or(Rejection::Singular(0))?;
        factors.solve(b).map_err(|_| Rejection::Newton)
    }
}
