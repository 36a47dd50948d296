//! What a law is chosen by.

/// The extended Bayesian information criterion
///
/// $$ -2 \ln L + k \ln N + 2 \gamma \sum_e \ln \binom{C_e}{k_e}, \qquad -2 \ln L = \sum_i n_i \ln \frac{\mathrm{RSS}_i}{n_i}, $$
///
/// over the states $i$ (each with its own unknown noise) and the equations $e$ with $k_e$ of $C_e$ candidates; $N$ is the
/// number of observed numbers. The last term pays for having looked through a library.
///
/// Source: J. Chen, Z. Chen, *Extended Bayesian information criteria for model selection with large model spaces*,
/// Biometrika 95 (2008).
#[derive(Clone, Debug)]
pub(super) struct Criterion {
    /// Numbers observed of each state.
    pub counts: Vec<usize>,
    /// Candidates of each equation.
    pub candidates: Vec<usize>,
    pub gamma: f64,
}

impl Criterion {
    /// What a support costs, $k_e$ terms in equation $e$.
    pub fn penalty(&self, terms: impl Iterator<Item = usize>) -> f64 {
        let observed: usize = self.counts.iter().sum();
        let mut total = 0.0;
        for (k, c) in terms.zip(&self.candidates) {
            total += k as f64 * (observed as f64).ln() + 2.0 * self.gamma * ln_binomial(*c, k);
        }
        total
    }

    /// $-2 \ln L$ from the sum of squares of each state.
    pub fn misfit(&self, squares: &[f64]) -> f64 {
        squares
            .iter()
            .zip(&self.counts)
            .filter(|(_, n)| **n > 0)
            // A perfect fit to rounding must not win by infinity.
            .map(|(rss, n)| *n as f64 * (rss / *n as f64).max(1e-300).ln())
            .sum()
    }

    /// $-2 \ln L$ when only the total of weighted squares is known.
    pub fn misfit_of_total(&self, squares: f64) -> f64 {
        let observed: usize = self.counts.iter().sum();
        observed as f64 * (squares / observed as f64).max(1e-300).ln()
    }
}

/// $\ln \binom{n}{k}$.
fn ln_binomial(n: usize, k: usize) -> f64 {
    let k = k.min(n.saturating_sub(k));
    (0..k).map(|i| ((n - i) as f64 / (i + 1) as f64).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binomials() {
        approx::assert_relative_eq!(ln_binomial(23, 2), 253f64.ln(), max_relative = 1e-14);
        approx::assert_relative_eq!(ln_binomial(5, 5), 0.0);
        approx::assert_relative_eq!(ln_binomial(10, 7), 120f64.ln(), max_relative = 1e-14);
    }

    #[test]
    fn a_term_costs_the_logarithm_of_the_data_and_of_the_library() {
        let c = Criterion { counts: vec![31, 31], candidates: vec![23, 23], gamma: 1.0 };
        let cost = c.penalty([2, 1].into_iter()) - c.penalty([1, 1].into_iter());
        approx::assert_relative_eq!(cost, 62f64.ln() + 2.0 * (253f64 / 23.0).ln(), max_relative = 1e-12);
        // Half the squares in one of two states
        let gain = c.misfit(&[1.0, 1.0]) - c.misfit(&[0.5, 1.0]);
        approx::assert_relative_eq!(gain, 31.0 * 2f64.ln(), max_relative = 1e-12);
    }
}
