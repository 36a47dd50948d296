//! Heun's method of order 2, with Euler's inside.

use super::{Row, Tableau};

/// Explicit Runge–Kutta 2(1): the trapezoidal rule with an Euler step for the end.
///
/// - Order 2, two evaluations a step. Error estimate: the difference to Euler's step, order 1.
/// - Dense output of order 2 from the stages alone: the parabola through $u$ with slopes $k_1$ at the start and $k_2$
///   at the end.
/// - Stability: real interval 2. Strong stability preserving with coefficient 1, dense output included.
/// - For low accuracy, for right-hand sides that are only piecewise smooth, and as the deterministic twin of the
///   stochastic Heun method.
///
/// Source: K. Heun, *Neue Methoden zur approximativen Integration der Differentialgleichungen einer unabhängigen
/// Veränderlichen*, Zeitschrift für Mathematik und Physik 45 (1900) 23–38; Hairer, Nørsett, Wanner, *Solving Ordinary
/// Differential Equations I*, 2nd ed., Springer 1993, section II.1.
#[derive(Clone, Copy, Debug)]
pub struct Heun;

impl Tableau for Heun {
    const ORDER: usize = 2;
    const ERROR_ORDER: usize = 2;
    const DENSE_ORDER: usize = 2;
    const STAGES: usize = 2;
    const FIRST_SAME_AS_LAST: bool = false;
    const C: &'static [f64] = &[0.0, 1.0];
    const A: &'static [Row] = &[&[], &[(0, 1.0)]];
    const B: Row = &[(0, 0.5), (1, 0.5)];
    const E: Row = &[(0, -0.5), (1, 0.5)];
    const DENSE_DEGREE: usize = 2;
    const DENSE: &'static [(usize, &'static [f64])] = &[(0, &[1.0, -0.5]), (1, &[0.0, 0.5])];
    const STABILITY: f64 = 2.0;
}
