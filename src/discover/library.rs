//! Candidate terms.

use super::DiscoverError;
use crate::number::{Expr, Formula, Notation, Real};
use std::sync::Arc;

/// A set of candidate terms for an unknown function of several inputs.
///
/// ```
/// use ansatz::discover::Library;
/// use ansatz::number::Real;
/// // 1, x, y, x², x·y, y², sin(x), sin(y), and one of one's own
/// let library = Library::polynomials(2).sines().function(|x| x[0] / (x[0] + 1.0));
/// let names = library.names(&["x", "y"])?;
/// assert_eq!(names, ["1", "x", "y", "x²", "x·y", "y²", "sin(x)", "sin(y)", "x/(x + 1)"]);
/// # Ok::<(), ansatz::discover::DiscoverError>(())
/// ```
#[derive(Clone, Default)]
pub struct Library {
    parts: Vec<Part>,
}

/// A candidate written over symbolic numbers.
type Candidate = Arc<dyn Fn(&[Expr]) -> Expr + Send + Sync>;

#[derive(Clone)]
enum Part {
    Polynomials(u32),
    Sines,
    Cosines,
    Function(Candidate),
}

impl Library {
    /// No candidates yet.
    pub fn new() -> Library {
        Library::default()
    }

    /// All products of powers of the inputs up to a total degree, the constant included.
    pub fn polynomials(degree: u32) -> Library {
        Library { parts: vec![Part::Polynomials(degree)] }
    }

    /// And the sine of each input.
    pub fn sines(mut self) -> Library {
        self.parts.push(Part::Sines);
        self
    }

    /// And the cosine of each input.
    pub fn cosines(mut self) -> Library {
        self.parts.push(Part::Cosines);
        self
    }

    /// And a function of one's own, written over symbolic numbers, so that it is differentiated exactly and printed.
    pub fn function(mut self, function: impl Fn(&[Expr]) -> Expr + Send + Sync + 'static) -> Library {
        self.parts.push(Part::Function(Arc::new(function)));
        self
    }

    /// The candidates' names for inputs of these names.
    ///
    /// # Errors
    /// [`DiscoverError::Candidate`] when a function of one's own is no formula.
    pub fn names(&self, inputs: &[&str]) -> Result<Vec<String>, DiscoverError> {
        let Some(formula) = self.build(inputs.len())? else { return Ok(Vec::new()) };
        let notation = Notation::text(inputs.iter().copied());
        Ok((0..formula.outputs()).map(|c| notation.formula(&formula, c)).collect())
    }

    /// One formula with an output for each candidate, duplicates left out; `None` when there are none.
    pub(super) fn build(&self, inputs: usize) -> Result<Option<Formula>, DiscoverError> {
        let mut index = 0;
        for part in &self.parts {
            if let Part::Function(function) = part {
                index += 1;
                let alone = Formula::trace(inputs, |x| vec![function(x)]);
                alone.map_err(|e| DiscoverError::Candidate { index, reason: e.to_string() })?;
            }
        }
        let traced = Formula::trace(inputs, |x| {
            let mut terms: Vec<Expr> = Vec::new();
            for part in &self.parts {
                let more: Vec<Expr> = match part {
                    Part::Polynomials(degree) => {
                        (0..=*degree).flat_map(|d| exponents(inputs, d)).map(|e| monomial(x, &e)).collect()
                    }
                    Part::Sines => x.iter().map(|x| x.sin()).collect(),
                    Part::Cosines => x.iter().map(|x| x.cos()).collect(),
                    Part::Function(function) => vec![function(x)],
                };
                for term in more {
                    if !terms.contains(&term) {
                        terms.push(term);
                    }
                }
            }
            terms
        });
        match traced {
            Ok(formula) => Ok(Some(formula)),
            Err(crate::number::FormulaError::NoOutput) => Ok(None),
            Err(e) => Err(DiscoverError::Candidate { index, reason: e.to_string() }),
        }
    }
}

/// All exponents of total degree `degree`, the first input's falling.
fn exponents(inputs: usize, degree: u32) -> Vec<Vec<u32>> {
    match inputs {
        0 => Vec::new(),
        1 => vec![vec![degree]],
        _ => (0..=degree)
            .rev()
            .flat_map(|first| {
                exponents(inputs - 1, degree - first).into_iter().map(move |rest| [vec![first], rest].concat())
            })
            .collect(),
    }
}

fn monomial(x: &[Expr], exponents: &[u32]) -> Expr {
    x.iter().zip(exponents).fold(Expr::one(), |product, (x, e)| product * x.powi(*e as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_to_degree_five_in_two_inputs() {
        let library = Library::polynomials(5).sines();
        // 21 monomials and two sines: the library of the published study
        assert_eq!(library.names(&["prey", "predator"]).unwrap().len(), 23);
        assert_eq!(Library::polynomials(3).names(&["a", "b", "c"]).unwrap().len(), 20);
    }

    #[test]
    fn the_same_candidate_counts_once() {
        let library = Library::polynomials(2).function(|x| x[1] * x[0]).cosines();
        assert_eq!(library.names(&["x", "y"]).unwrap(), ["1", "x", "y", "x²", "x·y", "y²", "cos(x)", "cos(y)"]);
    }

    #[test]
    fn values_are_what_the_names_say() {
        let formula = Library::polynomials(2).sines().build(2).unwrap().unwrap();
        let mut values = [0.0; 8];
        formula.evaluate(&[3.0, 0.5], &mut values);
        assert_eq!(values, [1.0, 3.0, 0.5, 9.0, 1.5, 0.25, 3.0f64.sin(), 0.5f64.sin()]);
    }

    #[test]
    fn a_candidate_that_is_no_number_is_named() {
        let error = Library::polynomials(1).function(|x| x[0]).function(|_| Expr::from_f64(f64::NAN)).names(&["x"]);
        assert!(matches!(error, Err(DiscoverError::Candidate { index: 2, .. })), "{error:?}");
    }
}
