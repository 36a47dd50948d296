//! Sparse $P W Q = L U$ with pivots from anywhere in a column.
//!
//! The left-looking method of J. R. Gilbert and T. Peierls (*Sparse partial pivoting in time proportional to arithmetic
//! operations*, SIAM J. Sci. Stat. Comput. 9 (1988) 862–874): each column is solved against the factors so far, and only
//! the entries that can be reached from its own are touched. It is slower than fronts and makes more fill-in, and it
//! copes with every regular matrix, such as those of differential-algebraic systems with zeros on the diagonal.

use super::assembly::Assembly;
use super::scalar::{Scalar, divides};

/// The diagonal entry is the pivot when it has this share of the largest, since the order of the columns counts on it.
const ENOUGH: f64 = 0.1;

const NONE: u32 = u32::MAX;

/// Columns of a triangular factor, one after another.
#[derive(Clone, Debug, Default)]
struct Columns<T> {
    starts: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<T>,
}

impl<T: Scalar> Columns<T> {
    fn clear(&mut self) {
        self.starts.clear();
        self.starts.push(0);
        self.indices.clear();
        self.values.clear();
    }
    fn push(&mut self, index: u32, value: T) {
        self.indices.push(index);
        self.values.push(value);
    }
    fn finish_column(&mut self) {
        self.starts.push(self.indices.len());
    }
    fn of(&self, k: usize) -> impl Iterator<Item = (usize, T)> {
        let range = self.starts[k]..self.starts[k + 1];
        self.indices[range.clone()].iter().map(|&i| i as usize).zip(self.values[range].iter().copied())
    }
}

/// The factors and the memory to make them. What the factors need grows on demand.
#[derive(Clone, Debug)]
pub struct PivotingLu<T> {
    /// Column eliminated at each step.
    column: Vec<usize>,
    /// Pivot row of each step, and step at which each row is the pivot row.
    row: Vec<u32>,
    step: Vec<u32>,
    /// Below the unit diagonal; indices are rows.
    lower: Columns<T>,
    /// Above the diagonal; indices are steps.
    upper: Columns<T>,
    reciprocal: Vec<T>,
    /// Rows are scaled to a largest entry of one, so that pivots can be compared.
    scale: Vec<f64>,
    x: Vec<T>,
    /// Rows that the column at hand reaches, in an order in which they can be eliminated.
    reached: Vec<u32>,
    /// Step that last reached each row.
    reached_by: Vec<u32>,
    /// Rows on the way to the one being looked at, and how far the columns of those have been followed.
    path: Vec<(u32, usize)>,
}

impl<T: Scalar> PivotingLu<T> {
    /// Memory for a matrix whose columns are eliminated in this order.
    pub fn new(column: &[usize]) -> PivotingLu<T> {
        let n = column.len();
        PivotingLu {
            column: column.to_vec(),
            row: vec![NONE; n],
            step: vec![NONE; n],
            lower: Columns::default(),
            upper: Columns::default(),
            reciprocal: vec![T::ZERO; n],
            scale: vec![1.0; n],
            x: vec![T::ZERO; n],
            reached: Vec::with_capacity(n),
            reached_by: vec![NONE; n],
            path: Vec::with_capacity(n),
        }
    }

    /// Entries of $L + U$.
    pub fn entry_count(&self) -> usize {
        self.lower.indices.len() + self.upper.indices.len() + self.row.len()
    }

    /// Factorises the matrix with these values. Fails with the column in which no pivot is left.
    pub fn factorize(&mut self, matrix: &Assembly, values: &[T]) -> Result<(), usize> {
        self.scale_rows(matrix, values);
        self.lower.clear();
        self.upper.clear();
        self.step.fill(NONE);
        self.reached_by.fill(NONE);
        self.x.fill(T::ZERO);
        for k in 0..self.column.len() {
            let entries = matrix.starts()[self.column[k]]..matrix.starts()[self.column[k] + 1];
            let rows = &matrix.rows()[entries.clone()];
            self.reach(k, rows);
            for (&row, value) in rows.iter().zip(&values[entries]) {
                self.x[row] = value.scaled(self.scale[row]);
            }
            self.eliminate();
            let pivot = self.pivot(k).ok_or(self.column[k])?;
            self.divide(k, pivot);
        }
        Ok(())
    }

    fn scale_rows(&mut self, matrix: &Assembly, values: &[T]) {
        self.scale.fill(0.0);
        for (&row, value) in matrix.rows().iter().zip(values) {
            let size = value.magnitude();
            self.scale[row] = if size > self.scale[row] { size } else { self.scale[row] };
        }
        for scale in &mut self.scale {
            *scale = if divides(*scale) { 1.0 / *scale } else { 1.0 };
        }
    }

    /// Finds the rows that are not zero after elimination: those of the column, and those below each pivot row found.
    /// Leaves them in `reached` with pivot rows after all rows that they depend on when read backwards.
    fn reach(&mut self, k: usize, rows: &[usize]) {
        self.reached.clear();
        for &start in rows {
            if self.reached_by[start] == k as u32 {
                continue;
            }
            self.reached_by[start] = k as u32;
            self.path.push((start as u32, self.first_below(start)));
            while let Some((row, next)) = self.path.last_mut() {
                let (row, followed) = (*row as usize, *next);
                let end = match self.step[row] {
                    NONE => 0,
                    step => self.lower.starts[step as usize + 1],
                };
                if followed >= end {
                    self.path.pop();
                    self.reached.push(row as u32);
                    continue;
                }
                *next += 1;
                let below = self.lower.indices[followed] as usize;
                if self.reached_by[below] != k as u32 {
                    self.reached_by[below] = k as u32;
                    self.path.push((below as u32, self.first_below(below)));
                }
            }
        }
    }

    fn first_below(&self, row: usize) -> usize {
        match self.step[row] {
            NONE => 0,
            step => self.lower.starts[step as usize],
        }
    }

    fn eliminate(&mut self) {
        for &row in self.reached.iter().rev() {
            let step = self.step[row as usize];
            if step != NONE {
                let u = self.x[row as usize];
                // Entries of the pattern that happen to be zero are left out.
                if u == T::ZERO {
                    continue;
                }
                self.upper.push(step, u);
                for (below, l) in self.lower.of(step as usize) {
                    self.x[below] = T::less::<false>(self.x[below], l, u);
                }
            }
        }
        self.upper.finish_column();
    }

    /// The row of the largest entry that is left, or that of the diagonal if it is nearly as large.
    fn pivot(&self, k: usize) -> Option<usize> {
        let mut largest = (0.0, None);
        for &row in self.reached.iter().filter(|&&row| self.step[row as usize] == NONE) {
            let size = self.x[row as usize].magnitude();
            if size > largest.0 || size.is_nan() {
                largest = (size, Some(row as usize));
            }
        }
        let diagonal = self.column[k];
        if self.reached_by[diagonal] == k as u32
            && self.step[diagonal] == NONE
            && self.x[diagonal].magnitude() >= ENOUGH * largest.0
        {
            largest = (self.x[diagonal].magnitude(), Some(diagonal));
        }
        largest.1.filter(|_| divides(largest.0))
    }

    fn divide(&mut self, k: usize, pivot: usize) {
        let reciprocal = self.x[pivot].reciprocal();
        self.reciprocal[k] = reciprocal;
        for &row in &self.reached {
            let x = std::mem::replace(&mut self.x[row as usize], T::ZERO);
            if self.step[row as usize] == NONE && row as usize != pivot && x != T::ZERO {
                self.lower.push(row, x * reciprocal);
            }
        }
        self.lower.finish_column();
        self.row[k] = pivot as u32;
        self.step[pivot] = k as u32;
    }

    /// Replaces `b` by $W^{-1} b$.
    pub fn solve(&mut self, b: &mut [T]) {
        for (b, &scale) in b.iter_mut().zip(&self.scale) {
            *b = b.scaled(scale);
        }
        for (k, &row) in self.row.iter().enumerate() {
            let x = b[row as usize];
            self.x[k] = x;
            for (below, l) in self.lower.of(k) {
                b[below] = T::less::<false>(b[below], l, x);
            }
        }
        for k in (0..self.column.len()).rev() {
            let x = self.x[k] * self.reciprocal[k];
            b[self.column[k]] = x;
            for (above, u) in self.upper.of(k) {
                self.x[above] = T::less::<false>(self.x[above], u, x);
            }
        }
        self.x.fill(T::ZERO);
    }
}
