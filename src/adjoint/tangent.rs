//! A system together with its derivative along a direction, and products with Hessians.
//!
//! With $\dot u = f(t, u, p)$ goes, along a direction $v$ in $(p, u_0)$,
//!
//! $$ \dot w = f_u w + f_p v_p, \qquad w(t_0) = v_u . $$
//!
//! The loss changes along $v$ by $\ell_u w + \ell_p v_p$, and the gradient of that number is the product of the Hessian with $v$:
//! forward over reverse, by the reverse sweep of whatever method. What the sweep asks of the two equations together is
//! [`vjp_along`](crate::model::Differentiable::vjp_along) of the one: with cotangents $\lambda$ of $\dot u$ and $\mu$ of $\dot w$,
//!
//! $$ \bar u = f_u^\top \lambda + (f_{uu} w + f_{up} v_p)^\top \mu, \qquad \bar w = f_u^\top \mu . $$
//!
//! Source: A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, chapter 5.

use super::derivatives::Derivatives;
use super::discrete::DiscreteAdjoint;
use super::loss::{Loss, Points};
use crate::model::{Differentiable, MassMatrix, ModelError, Sparsity, System};
use crate::number::{Along, AlongMut, Dual, Real, Zeros};
use crate::ode::{Held, Method, Solve, SolveError, Tolerance};

/// A product with the second derivatives of a loss.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HessianProduct {
    /// The derivative of the loss along the direction.
    pub slope: f64,
    /// The part of the product that belongs to the parameters.
    pub parameters: Vec<f64>,
    /// The part that belongs to the initial state.
    pub initial: Vec<f64>,
}

/// $(u, w)$ as one system.
struct Tangent<'s> {
    system: &'s dyn Differentiable,
    /// $v_p$.
    along: Vec<f64>,
    sparsity: Option<Sparsity>,
}

/// Told of a row of four matrices.
type Visit<'v> = dyn FnMut(usize, [&[f64]; 4]) + 'v;

impl<'s> Tangent<'s> {
    fn new(system: &'s dyn Differentiable, along: Vec<f64>) -> Self {
        let n = system.dimension();
        // The derivative of an equation along a direction has the states that the equation has.
        let sparsity = system.sparsity().and_then(|sparsity| {
            let (mut starts, mut rows) = (vec![0], Vec::with_capacity(3 * sparsity.entry_count()));
            for column in sparsity.columns() {
                rows.extend(column.iter().copied().chain(column.iter().map(|i| n + i)));
                starts.push(rows.len());
            }
            for column in sparsity.columns() {
                rows.extend(column.iter().map(|i| n + i));
                starts.push(rows.len());
            }
            Sparsity::from_columns(2 * n, &starts, &rows).ok()
        });
        Tangent { system, along, sparsity }
    }

    /// Rows of the Jacobians: calls `visit(i, [f_u, f_uu w + f_up v, f_p, f_pu w + f_pp v])`.
    fn rows(&self, p: &[f64], tape: &[f64], visit: &mut Visit<'_>) {
        let (n, q) = (self.system.dimension(), self.system.parameter_count());
        let (of_value, of_dot) = tape.split_at(tape.len() / 2);
        let mut room = Zeros::<f64>::new(3 * n + 2 * q);
        let (unit, room) = room.split_at_mut(n);
        for i in 0..n {
            room.fill(0.0);
            let (of_u, of_p) = room.split_at_mut(2 * n);
            let ((u, u_dot), (p_row, p_dot)) = (of_u.split_at_mut(n), of_p.split_at_mut(q));
            unit[i] = 1.0;
            self.system.vjp_along(
                (p, &self.along),
                (of_value, of_dot),
                (unit, &[]),
                (&mut *u, &mut *u_dot),
                (&mut *p_row, &mut *p_dot),
            );
            unit[i] = 0.0;
            visit(i, [u, u_dot, p_row, p_dot]);
        }
    }
}

impl System for Tangent<'_> {
    fn dimension(&self) -> usize {
        2 * self.system.dimension()
    }
    fn check_parameters(&self, length: usize) -> Result<(), ModelError> {
        self.system.check_parameters(length)
    }
    fn state_name(&self, index: usize) -> String {
        let n = self.system.dimension();
        if index < n { self.system.state_name(index) } else { format!("∂{}", self.system.state_name(index - n)) }
    }
    fn eval(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64]) {
        let mut tape = Zeros::<f64>::new(self.tape_len());
        self.record(t, u, p, du, &mut tape);
    }
    fn sparsity(&self) -> Option<&Sparsity> {
        self.sparsity.as_ref()
    }
    fn state_jacobian(&self, t: f64, u: &[f64], p: &[f64], values: &mut [f64]) -> bool {
        let n = self.system.dimension();
        let mut room = Zeros::<f64>::new(2 * n + self.tape_len());
        let (du, tape) = room.split_at_mut(2 * n);
        self.record(t, u, p, du, tape);
        values.fill(0.0);
        self.rows(p, tape, &mut |i, [f_u, second, _, _]| {
            for j in 0..n {
                let entries = [(i, j, f_u[j]), (n + i, j, second[j]), (n + i, n + j, f_u[j])];
                for (row, column, value) in entries {
                    let at = match &self.sparsity {
                        None => Some(column * 2 * n + row),
                        Some(sparsity) => sparsity.position(row, column),
                    };
                    if let Some(entry) = at.and_then(|at| values.get_mut(at)) {
                        *entry = value;
                    }
                }
            }
        });
        true
    }
    fn is_autonomous(&self) -> bool {
        self.system.is_autonomous()
    }
    fn mass_matrix(&self) -> Option<MassMatrix> {
        let (mass, n) = (self.system.mass_matrix()?, self.system.dimension());
        let twice = mass.entries().iter().flat_map(|&(i, j, value)| [(i, j, value), (n + i, n + j, value)]);
        Some(MassMatrix::from_entries(2 * n, &twice.collect::<Vec<_>>()))
    }
}

/// What would need third derivatives is not asked for by the methods that [`through`] chooses, and is not a number.
impl Differentiable for Tangent<'_> {
    fn parameter_count(&self) -> usize {
        self.system.parameter_count()
    }
    fn tape_len(&self) -> usize {
        2 * self.system.tape_len()
    }
    fn record(&self, t: f64, u: &[f64], p: &[f64], du: &mut [f64], tape: &mut [f64]) {
        let n = self.system.dimension();
        let (tape, tape_dot) = tape.split_at_mut(self.system.tape_len());
        let (u, w) = u.split_at(n);
        let (du, dw) = du.split_at_mut(n);
        self.system.record_along((t, 0.0), (u, w), (p, &self.along), (du, dw), (tape, tape_dot));
    }
    fn vjp(&self, p: &[f64], tape: &[f64], lambda: &[f64], u_bar: &mut [f64], p_bar: &mut [f64]) {
        let (n, q) = (self.system.dimension(), p.len());
        let (tape, tape_dot) = tape.split_at(tape.len() / 2);
        let (lambda, mu) = lambda.split_at(n);
        let (u_bar, w_bar) = u_bar.split_at_mut(n);
        // What the direction in the parameters contributes is not wanted: it is fixed.
        let mut of_direction = Zeros::<f64>::new(q);
        self.system.vjp_along(
            (p, &self.along),
            (tape, tape_dot),
            (mu, lambda),
            (w_bar, u_bar),
            (&mut of_direction, p_bar),
        );
    }
    fn jvp(&self, p: &[f64], tape: &[f64], u_dot: &[f64], p_dot: &[f64], du_dot: &mut [f64]) {
        let n = self.system.dimension();
        let product = |row: &[f64], x: &[f64]| row.iter().zip(x).map(|(a, x)| a * x).sum::<f64>();
        self.rows(p, tape, &mut |i, [f_u, second, f_p, mixed]| {
            du_dot[i] = product(f_u, u_dot) + product(f_p, p_dot);
            du_dot[n + i] = product(second, u_dot) + product(f_u, &u_dot[n..]) + product(mixed, p_dot);
        });
    }
    fn jacobian(&self, p: &[f64], tape: &[f64], f_u: &mut [f64], f_p: &mut [f64], stride: usize) {
        let n = self.system.dimension();
        f_u.fill(0.0);
        self.rows(p, tape, &mut |i, [row, second, of_p, mixed]| {
            f_u[i * 2 * n..][..n].copy_from_slice(row);
            f_u[(n + i) * 2 * n..][..n].copy_from_slice(second);
            f_u[(n + i) * 2 * n + n..][..n].copy_from_slice(row);
            f_p[i * stride..][..of_p.len()].copy_from_slice(of_p);
            f_p[(n + i) * stride..][..of_p.len()].copy_from_slice(mixed);
        });
    }
    fn record_along(&self, _: (f64, f64), _: Along<'_>, _: Along<'_>, du: AlongMut<'_>, tape: AlongMut<'_>) {
        for numbers in [du.0, du.1, tape.0, tape.1] {
            numbers.fill(f64::NAN);
        }
    }
    fn vjp_along(&self, _: Along<'_>, _: Along<'_>, _: Along<'_>, u_bar: AlongMut<'_>, p_bar: AlongMut<'_>) {
        for numbers in [u_bar.0, u_bar.1, p_bar.0, p_bar.1] {
            numbers.fill(f64::NAN);
        }
    }
}

/// The derivative of a loss along $v$, as a loss of $(u, w)$.
struct Slope<'l, L: ?Sized> {
    loss: &'l L,
    along: &'l [f64],
}

impl<L: Loss + ?Sized> Slope<'_, L> {
    fn pairs<R: Real>(values: &[R], tangents: impl Iterator<Item = R>) -> Vec<Dual<1, R>> {
        values.iter().zip(tangents).map(|(value, tangent)| Dual { value: *value, tangent: [tangent] }).collect()
    }
    fn state<R: Real>(u: &[R]) -> Vec<Dual<1, R>> {
        let (u, w) = u.split_at(u.len() / 2);
        Self::pairs(u, w.iter().copied())
    }
    fn parameters<R: Real>(&self, p: &[R]) -> Vec<Dual<1, R>> {
        Self::pairs(p, self.along.iter().map(|v| R::from_f64(*v)))
    }
}

impl<L: Loss + ?Sized> Loss for Slope<'_, L> {
    fn at_times<R: Real>(&self, t: &[R], u: &[&[R]], p: &[R]) -> R {
        let states: Vec<Vec<Dual<1, R>>> = u.iter().map(|u| Self::state(u)).collect();
        let rows: Vec<&[Dual<1, R>]> = states.iter().map(Vec::as_slice).collect();
        let t: Vec<Dual<1, R>> = t.iter().map(|t| Dual::constant(*t)).collect();
        self.loss.at_times(&t, &rows, &self.parameters(p)).tangent[0]
    }
    fn integrand<R: Real>(&self, t: R, u: &[R], p: &[R]) -> R {
        self.loss.integrand(Dual::constant(t), &Self::state(u), &self.parameters(p)).tangent[0]
    }
}

/// The method to go through: none that has derivatives of $f$ in its formulas, since those of a tangent are second ones and
/// their derivatives third ones.
fn through(asked: Method, used: &[Method], has_mass: bool) -> Result<Method, SolveError> {
    let fits = |method: Method| match method {
        Method::Rosenbrock23 | Method::Rodas4 | Method::Rodas5P => false,
        Method::TrBdf2 | Method::KenCarp4 | Method::Kvaerno5 | Method::Bdf => !has_mass,
        _ => true,
    };
    match asked {
        Method::Automatic if has_mass => Ok(Method::Radau5),
        Method::Automatic if used.iter().all(|method| method.is_explicit()) => Ok(Method::Tsit5),
        Method::Automatic => Ok(Method::Kvaerno5),
        method if fits(method) => Ok(method),
        method => Err(SolveError::Argument {
            argument: "method",
            problem: format!(
                "is {method:?}, through which second derivatives of a loss would need third ones of the model"
            ),
            advice: format!(
                "take {}",
                if has_mass { "`Method::Radau5`" } else { "`Method::Kvaerno5` or `Method::Radau5`" }
            ),
        }),
    }
}

impl<S: Differentiable> Derivatives<'_, S> {
    /// The product of the Hessian of a loss with a direction in parameters and initial state,
    /// $\nabla^2 L  v$: what Newton's method for a fit and the curvature along a direction need. One solve of twice as many
    /// equations and one sweep back, whatever the number of parameters.
    ///
    /// The model must have second derivatives. Errors are controlled in the tangents as in the states. `Method::Automatic` takes
    /// Tsit5 where nothing is stiff, otherwise Kvaerno5, with a mass matrix Radau5.
    ///
    /// ```
    /// use ansatz::adjoint::Loss;
    /// use ansatz::prelude::*;
    /// # struct Decay;
    /// # impl Model for Decay {
    /// #     fn states(&self) -> Names { ["u"].into() }
    /// #     fn parameters(&self) -> Names { ["rate"].into() }
    /// #     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
    /// #         let [rate] = p.parameters();
    /// #         du[0] = -rate * u[0];
    /// #     }
    /// # }
    /// struct Left;
    /// impl Loss for Left {
    ///     fn at_times<R: Real>(&self, _t: &[R], u: &[&[R]], _p: &[R]) -> R {
    ///         u[0][0]
    ///     }
    /// }
    /// // u(2) = u₀ exp(−2 rate): ∂²/∂rate² = 4 u, ∂²/∂rate∂u₀ = −2 u / u₀
    /// let problem = Solve::new(&Decay, [3.0], 0.0, 2.0).parameters([0.5]).rtol(1e-10).save(Save::End).differentiate()?;
    /// let product = problem.hessian_product(&Left, &[1.0], &[0.0])?;
    /// let u = 3.0 * (-1.0f64).exp();
    /// assert!((product.parameters[0] - 4.0 * u).abs() < 1e-7);
    /// assert!((product.initial[0] + 2.0 * u / 3.0).abs() < 1e-7);
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`SolveError::Argument`] for a direction of another length and for methods that would need third derivatives; the
    /// [`SolveError`] of the solve.
    pub fn hessian_product<L: Loss + ?Sized>(
        &self,
        loss: &L,
        parameters: &[f64],
        initial: &[f64],
    ) -> crate::Result<HessianProduct> {
        let n = self.initial.len();
        let (tangent, scale, method) = self.tangent(loss, parameters, initial)?;
        let along: Vec<f64> = tangent.along.clone();
        let start = [self.initial.clone(), initial.iter().map(|v| v / scale).collect()].concat();
        let problem = Derivatives {
            system: Held::Lent(&tangent),
            initial: start,
            options: self.twice(method),
            p: self.p.clone(),
            span: self.span,
            times: self.times.clone(),
            by: super::report::GradientMethod::DiscreteAdjoint,
            budget: self.budget,
            events: Vec::new(),
            backwards: Default::default(),
        };
        let mut gradient = problem.gradient(&Slope { loss, along: &along })?;
        gradient.initial.truncate(n);
        for x in gradient.parameters.iter_mut().chain(&mut gradient.initial) {
            *x *= scale;
        }
        Ok(HessianProduct { slope: gradient.loss * scale, parameters: gradient.parameters, initial: gradient.initial })
    }

    /// The product of the Gauss–Newton matrix with a direction,
    /// $J^\top \ell'' J v$ with $J = \partial(u(t_1), \dots, p) / \partial(p, u_0)$ and the second derivatives $\ell''$ of the loss with
    /// respect to the saved states and the parameters: what is left of the Hessian where residuals are small, and never
    /// indefinite when $\ell$ is convex. No second derivatives of the model, and any method. Integrals are left out.
    ///
    /// # Errors
    /// As [`hessian_product`](Self::hessian_product).
    pub fn gauss_newton_product<L: Loss + ?Sized>(
        &self,
        loss: &L,
        parameters: &[f64],
        initial: &[f64],
    ) -> crate::Result<HessianProduct> {
        let n = self.initial.len();
        let (tangent, scale, method) = self.tangent(loss, parameters, initial)?;
        let start = [self.initial.clone(), initial.iter().map(|v| v / scale).collect()].concat();
        let forward = Solve::system(&tangent, start, self.span.start, self.span.end)
            .parameters(self.p.clone())
            .options(self.twice(method))
            .save_at(&self.times)
            .run()?;
        let mut w = Vec::with_capacity(n * self.times.len());
        for k in 0..self.times.len() {
            w.extend_from_slice(&forward.state(k)[n..]);
        }
        let mut adjoint = DiscreteAdjoint::new(&*self.system, self.options.clone()).budget(self.budget);
        let (mut direct, mut slope) = (Vec::new(), 0.0);
        let gradient = adjoint.gradient(self.span.start, &self.initial, &self.p, &self.times, |u, seeds| {
            let points = Points { t: &self.times, u, p: &self.p };
            let curved = points.slopes_along(loss, &w, &tangent.along);
            seeds.copy_from_slice(curved.states());
            direct = curved.parameters().to_vec();
            let (value, slopes) = points.slopes(loss);
            slope = super::derivatives::dot(slopes.states(), &w)
                + super::derivatives::dot(slopes.parameters(), &tangent.along);
            value
        })?;
        Ok(HessianProduct {
            slope: slope * scale,
            parameters: gradient.parameters.iter().zip(&direct).map(|(a, b)| scale * (a + b)).collect(),
            initial: gradient.initial.iter().map(|x| scale * x).collect(),
        })
    }

    /// The system with its tangent along a direction divided by a number, which makes it about as large as what it is a
    /// direction of; that number; and the method to take.
    fn tangent<L: Loss + ?Sized>(
        &self,
        loss: &L,
        parameters: &[f64],
        initial: &[f64],
    ) -> crate::Result<(Tangent<'_>, f64, Method)> {
        let fault = |argument, found: usize, expected: usize| SolveError::Argument {
            argument,
            problem: format!("has {found} values"),
            advice: format!("give {expected}"),
        };
        if parameters.len() != self.p.len() {
            return Err(fault("parameters", parameters.len(), self.p.len()).into());
        }
        if initial.len() != self.initial.len() {
            return Err(fault("initial", initial.len(), self.initial.len()).into());
        }
        if !self.events.is_empty() {
            return Err(SolveError::Argument {
                argument: "event",
                problem: "has no second derivatives".to_string(),
                advice: "end the solve there and begin another".to_string(),
            }
            .into());
        }
        let has_mass = self.system.mass_matrix().is_some_and(|mass| !mass.is_identity());
        let used = match self.options.method {
            Method::Automatic if !has_mass => self.gradient(loss)?.report.through,
            _ => Vec::new(),
        };
        let method = through(self.options.method, &used, has_mass)?;
        let size = |x: &[f64]| x.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        let relative = |v: &[f64], x: &[f64]| size(v) / if size(x) > 0.0 { size(x) } else { 1.0 };
        let scale = relative(parameters, &self.p).max(relative(initial, &self.initial));
        let scale = if scale > 0.0 && scale.is_finite() { scale } else { 1.0 };
        let along = parameters.iter().map(|v| v / scale).collect();
        Ok((Tangent::new(&*self.system, along), scale, method))
    }

    /// The options for states and tangents.
    fn twice(&self, method: Method) -> crate::ode::Options {
        let atol = match &self.options.atol {
            Tolerance::Scalar(atol) => Tolerance::Scalar(*atol),
            Tolerance::Each(atol) => Tolerance::Each([&atol[..], atol].concat()),
        };
        crate::ode::Options { method, atol, ..self.options.clone() }
    }
}
