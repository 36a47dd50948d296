//! Euler's method.

use super::{Row, Tableau};

/// Explicit Euler: $u_+ = u + h f(t, u)$, order 1, fixed steps only.
///
/// - One evaluation a step; dense output: the straight line, order 1.
/// - Stability: real interval 2, the disk $\lvert 1 + h\lambda\rvert \le 1$. Strong stability preserving with
///   coefficient 1, the unit in which that of [`Ssprk33`](super::Ssprk33) and [`Ssprk104`](super::Ssprk104) is counted.
/// - For comparisons, for maps and models that are defined by Euler steps, and for right-hand sides with jumps.
///
/// Source: L. Euler, *Institutionum calculi integralis* I (1768), § 650; Hairer, Nørsett, Wanner, *Solving Ordinary
/// Differential Equations I*, 2nd ed., Springer 1993, section I.7.
#[derive(Clone, Copy, Debug)]
pub struct Euler;

impl Tableau for Euler {
    const ORDER: usize = 1;
    const ERROR_ORDER: usize = 0;
    const DENSE_ORDER: usize = 1;
    const STAGES: usize = 1;
    const FIRST_SAME_AS_LAST: bool = false;
    const C: &'static [f64] = &[0.0];
    const A: &'static [Row] = &[&[]];
    const B: Row = &[(0, 1.0)];
    const E: Row = &[];
    const DENSE_DEGREE: usize = 1;
    const DENSE: &'static [(usize, &'static [f64])] = &[(0, &[1.0])];
    const STABILITY: f64 = 2.0;
}
