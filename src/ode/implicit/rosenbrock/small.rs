//! The stages of a Rosenbrock step, for systems so small that their size is best known to the compiler.
//!
//! Between the right-hand sides of two stages there are few operations: one solve and two sums. All stages are therefore one
//! kernel, written out stage by stage with the coefficients in place. States are `C` fours of numbers, of which the last
//! is filled up with zeros.
//!
//! Each stage waits for the one before, and so a solve is one product with $W^{-1}$, which is made once a step. That can leave
//! larger residuals than two triangles do, but errors of the same size, $\Vert W^{-1} \Vert \Vert b \Vert$ times that of rounding: N. J.
//! Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., section 14.1.

use super::{RosenbrockTableau, Row};
use crate::number::wide::{Wide, WideKernel};
use crate::ode::control::error_square;
use crate::ode::linear::small::SmallLu;
use crate::ode::options::Options;
use crate::ode::stepper::Implicit;
use std::marker::PhantomData;

/// Stages of the longest method.
pub(super) const MOST_STAGES: usize = 8;

/// A step of a system of `N` states, from $f(t, u)$ and the factors on.
pub(super) struct SmallStep<'s, T, F: ?Sized, const N: usize, const C: usize> {
    pub f: &'s mut F,
    pub has_mass: bool,
    pub t: f64,
    pub h: f64,
    pub u: &'s [f64; N],
    pub lu: &'s SmallLu<f64, N>,
    /// $\partial f / \partial t$, where $f$ depends on $t$.
    pub f_t: Option<&'s [f64; N]>,
    /// $U_i$.
    pub stages: &'s mut [[[f64; 4]; C]; MOST_STAGES],
    /// The right-hand side of a stage, at first $f(t, u)$.
    pub value: &'s mut [f64; N],
    pub u_new: &'s mut [f64; N],
    pub error: &'s mut [f64; N],
    pub options: &'s Options,
    pub tableau: PhantomData<T>,
}

impl<T: RosenbrockTableau, F: Implicit + ?Sized, const N: usize, const C: usize> WideKernel
    for SmallStep<'_, T, F, N, C>
{
    /// The square of the scaled error, or the stage whose right-hand side is not finite.
    type Output = Result<f64, usize>;

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) -> Result<f64, usize> {
        let (lower, upper) = self.lu.inverses();
        let mut stages = Stages::<W, T, F, N, C> {
            wide,
            w_inverse: product_of(wide, &columns(wide, upper), lower),
            u: fours(wide, self.u),
            argument: [wide.splat(0.0); C],
            inverse: 1.0 / self.h,
            step: self,
        };
        stages.evaluate::<0>()?;
        stages.evaluate::<1>()?;
        stages.evaluate::<2>()?;
        stages.evaluate::<3>()?;
        stages.evaluate::<4>()?;
        stages.evaluate::<5>()?;
        stages.evaluate::<6>()?;
        stages.evaluate::<7>()?;
        let (u_new, error) = (stages.argument_of(T::STAGES), stages.sum(T::E, [wide.splat(0.0); C]));
        let step = stages.step;
        *step.u_new = numbers(wide, u_new);
        *step.error = numbers(wide, error);
        Ok(error_square(step.options, step.error, step.u, step.u_new))
    }
}

/// The stages at work.
struct Stages<'s, W: Wide, T, F: ?Sized, const N: usize, const C: usize> {
    wide: W,
    step: SmallStep<'s, T, F, N, C>,
    /// Columns of $W^{-1}$.
    w_inverse: [[W::Four; C]; N],
    u: [W::Four; C],
    /// Where the last stage was evaluated.
    argument: [W::Four; C],
    inverse: f64,
}

impl<W: Wide, T: RosenbrockTableau, F: Implicit + ?Sized, const N: usize, const C: usize> Stages<'_, W, T, F, N, C> {
    /// $U_S$.
    #[inline(always)]
    fn evaluate<const S: usize>(&mut self) -> Result<(), usize> {
        if S >= T::STAGES {
            return Ok(());
        }
        let wide = self.wide;
        let mut known = [wide.splat(0.0); C];
        if S > 0 {
            self.argument = self.argument_of(S);
            known = self.sum(T::C[S], known);
            let step = &mut self.step;
            step.f.eval(S, step.t + T::ALPHA[S] * step.h, &numbers::<W, N, C>(wide, self.argument), step.value);
            if step.has_mass
                && let Some(mass) = step.f.mass()
            {
                let mut product = [0.0; N];
                mass.multiply(&numbers::<W, N, C>(wide, known), &mut product);
                known = fours(wide, &product);
            }
            for c in 0..C {
                known[c] = wide.multiply(known[c], wide.splat(self.inverse));
            }
        }
        if let Some(f_t) = self.step.f_t {
            let factor = wide.splat(T::GAMMA_SUM[S] * self.step.h);
            let f_t: [W::Four; C] = fours(wide, f_t);
            for c in 0..C {
                known[c] = wide.multiply_add(factor, f_t[c], known[c]);
            }
        }
        // What is known before the right-hand side is multiplied by itself: nobody waits for it.
        let y = if S > 0 || self.step.f_t.is_some() {
            self.product(&self.w_inverse, &numbers(wide, known), [wide.splat(0.0); C])
        } else {
            known
        };
        let stage = self.product(&self.w_inverse, self.step.value, y);
        for c in 0..C {
            self.step.stages[S][c] = wide.store(stage[c]);
        }
        if all_finite(wide, stage) { Ok(()) } else { Err(S) }
    }

    /// Where stage `s` is evaluated, or after the last stage the solution.
    #[inline(always)]
    fn argument_of(&self, s: usize) -> [W::Four; C] {
        let row = if s < T::STAGES { T::A[s] } else { T::M };
        if nested::<T>()[s] { self.sum(&row[row.len() - 1..], self.argument) } else { self.sum(row, self.u) }
    }

    /// $x + \sum_j a_j U_j$.
    #[inline(always)]
    fn sum(&self, row: Row, mut x: [W::Four; C]) -> [W::Four; C] {
        for (j, a) in row {
            for c in 0..C {
                let stage = self.wide.load(self.step.stages[*j][c]);
                x[c] = self.wide.multiply_add(self.wide.splat(*a), stage, x[c]);
            }
        }
        x
    }

    /// $y + A x$ for a matrix given by columns, in two strands.
    #[inline(always)]
    fn product(&self, columns: &[[W::Four; C]; N], x: &[f64; N], mut y: [W::Four; C]) -> [W::Four; C] {
        let wide = self.wide;
        let mut odd = [wide.splat(0.0); C];
        for k in 0..N {
            let strand = if k % 2 == 0 { &mut y } else { &mut odd };
            for c in 0..C {
                strand[c] = wide.multiply_add(columns[k][c], wide.splat(x[k]), strand[c]);
            }
        }
        for c in 0..C {
            y[c] = wide.add(y[c], odd[c]);
        }
        y
    }
}

/// $A B$, with $A$ given by columns.
#[inline(always)]
fn product_of<W: Wide, const N: usize, const C: usize>(
    wide: W,
    a: &[[W::Four; C]; N],
    b: &[[f64; N]; N],
) -> [[W::Four; C]; N] {
    let mut product = [[wide.splat(0.0); C]; N];
    for k in 0..N {
        for j in 0..N {
            for c in 0..C {
                product[k][c] = wide.multiply_add(a[j][c], wide.splat(b[k][j]), product[k][c]);
            }
        }
    }
    product
}

/// The first `N` numbers of fours.
#[inline(always)]
fn numbers<W: Wide, const N: usize, const C: usize>(wide: W, x: [W::Four; C]) -> [f64; N] {
    let mut numbers = [0.0; N];
    for c in 0..C {
        let four = wide.store(x[c]);
        for i in 0..4 {
            if let Some(number) = numbers.get_mut(4 * c + i) {
                *number = four[i];
            }
        }
    }
    numbers
}

/// Numbers in fours, filled up with zeros.
#[inline(always)]
fn fours<W: Wide, const N: usize, const C: usize>(wide: W, x: &[f64; N]) -> [W::Four; C] {
    let mut fours = [wide.splat(0.0); C];
    for c in 0..C {
        let mut four = [0.0; 4];
        for i in 0..4 {
            if let Some(number) = x.get(4 * c + i) {
                four[i] = *number;
            }
        }
        fours[c] = wide.load(four);
    }
    fours
}

#[inline(always)]
fn columns<W: Wide, const N: usize, const C: usize>(wide: W, matrix: &[[f64; N]; N]) -> [[W::Four; C]; N] {
    let mut columns = [[wide.splat(0.0); C]; N];
    for k in 0..N {
        columns[k] = fours(wide, &matrix[k]);
    }
    columns
}

/// Whether all numbers are: only then do their products with zero add up to zero.
#[inline(always)]
fn all_finite<W: Wide, const C: usize>(wide: W, x: [W::Four; C]) -> bool {
    let zero = wide.splat(0.0);
    let mut sum = zero;
    for c in 0..C {
        sum = wide.multiply_add(x[c], zero, sum);
    }
    let [a, b, c, d] = wide.store(sum);
    (a + b) + (c + d) == 0.0
}

/// Whether the argument of a stage, or in the end the solution, is that of the stage before and the stage itself: so in the last
/// stages of stiffly accurate methods.
#[inline(always)]
pub(super) const fn nested<T: RosenbrockTableau>() -> [bool; MOST_STAGES + 1] {
    const {
        let mut nested = [false; MOST_STAGES + 1];
        let mut s = 1;
        while s <= T::STAGES {
            let row = if s < T::STAGES { T::A[s] } else { T::M };
            nested[s] = continues(row, T::A[s - 1], s - 1);
            s += 1;
        }
        nested
    }
}

/// Whether a row is the one of the stage before, and that stage itself.
const fn continues(row: Row, before: Row, stage: usize) -> bool {
    if row.len() != before.len() + 1 || row.len() != stage + 1 {
        return false;
    }
    let mut k = 0;
    while k < before.len() {
        if row[k].0 != before[k].0 || row[k].1 != before[k].1 {
            return false;
        }
        k += 1;
    }
    row[stage].0 == stage && row[stage].1 == 1.0
}
