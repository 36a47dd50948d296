//! What a law is chosen by.

/// The extended Bayesian information criterion
///
/// $$ -2 \ln L + k \ln N \frac{N}{N - k - 2} + 2 \gamma \sum_u \pi_u, \qquad
/// -2 \ln L = \sum_i (n_i - m) \ln \frac{\mathrm{RSS}_i}{n_i}, $$
///
/// over the states $i$, each with $n_i$ observations and its own unknown noise. $N = \sum n_i$; $k$ counts coefficients,
/// estimated parameters and initial values, and the fraction corrects for few data. The $m$ initial values of a state,
/// one per trajectory, are integrated out, as in restricted likelihood.
///
/// $\pi_u$ is the price for having looked through a library. The equations $e$ of an unknown term with $k_e$ of $C$
/// candidates cost $\pi_u = \sum_e \ln \binom{C}{k_e}$ (from half of the candidates on, the largest binomial: to take them
/// all must not be free). When the $q > 1$ outputs of one unknown term have the *same*
/// terms, all but the first cost half: $\pi_u = \tfrac{q+1}{2} \ln \binom{C}{k}$. One interaction that enters several
/// equations (predation, a reaction, an infection) is the likeliest reason for them to share a network, and it takes
/// fewer words to say.
///
/// Source: J. Chen, Z. Chen, *Extended Bayesian information criteria for model selection with large model spaces*,
/// Biometrika 95 (2008); the correction for few data after A. D. R. McQuarrie, *A small-sample correction for the Schwarz
/// SIC model selection criterion*, Statistics & Probability Letters 44 (1999). The lower price of a shared interaction is this library's; `docs/benchmarks.md` has what it
/// does where the interaction is shared, and where it is not.
#[derive(Clone, Debug)]
pub(super) struct Criterion {
    /// Numbers observed of each state.
    pub counts: Vec<usize>,
    pub trajectories: usize,
    /// Estimated mechanistic parameters.
    pub mechanistic: usize,
    /// Candidates of each equation.
    pub candidates: Vec<usize>,
    /// The unknown term that each equation belongs to.
    pub unknowns: Vec<usize>,
    pub gamma: f64,
    /// Whether outputs of one unknown term with the same terms cost less.
    pub shared: bool,
}

impl Criterion {
    /// What a support costs.
    pub fn penalty(&self, support: &[Vec<usize>]) -> f64 {
        let observed: usize = self.counts.iter().sum();
        let terms: usize = support.iter().map(Vec::len).sum();
        let mut price = 0.0;
        let mut e = 0;
        while e < support.len() {
            let outputs = self.unknowns[e..].iter().take_while(|u| **u == self.unknowns[e]).count();
            let group = e..e + outputs;
            let alike = self.shared && outputs > 1 && support[group.clone()].windows(2).all(|pair| pair[0] == pair[1]);
            price += if alike {
                0.5 * (outputs as f64 + 1.0) * ln_binomial(self.candidates[e], support[e].len())
            } else {
                group.map(|e| ln_binomial(self.candidates[e], support[e].len())).sum()
            };
            e += outputs;
        }
        let estimated = terms + self.mechanistic + self.trajectories * self.counts.len();
        let few = observed as f64 / (observed as f64 - estimated as f64 - 2.0);
        if few < 0.0 {
            return f64::INFINITY;
        }
        estimated as f64 * (observed as f64).ln() * few + 2.0 * self.gamma * price
    }

    /// $-2 \ln L$ from the sum of squares of each state.
    pub fn misfit(&self, squares: &[f64]) -> f64 {
        squares
            .iter()
            .zip(&self.counts)
            .filter(|(_, n)| **n > 0)
            // A perfect fit to rounding must not win by infinity.
            .map(|(rss, n)| n.saturating_sub(self.trajectories) as f64 * (rss / *n as f64).max(1e-300).ln())
            .sum()
    }

    /// $-2 \ln L$ when only the total of weighted squares is known.
    pub fn misfit_of_total(&self, squares: f64) -> f64 {
        let observed: usize = self.counts.iter().sum();
        let left = observed.saturating_sub(self.trajectories * self.counts.len());
        left as f64 * (squares / observed as f64).max(1e-300).ln()
    }
}

/// $\ln \binom{n}{k}$, from $k = n/2$ on the largest of them.
fn ln_binomial(n: usize, k: usize) -> f64 {
    let k = k.min(n / 2);
    (0..k).map(|i| ((n - i) as f64 / (i + 1) as f64).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn criterion(unknowns: &[usize]) -> Criterion {
        Criterion {
            counts: vec![31, 31],
            trajectories: 1,
            mechanistic: 0,
            candidates: vec![23; unknowns.len()],
            unknowns: unknowns.to_vec(),
            gamma: 1.0,
            shared: true,
        }
    }

    #[test]
    fn binomials() {
        approx::assert_relative_eq!(ln_binomial(23, 2), 253f64.ln(), max_relative = 1e-14);
        approx::assert_relative_eq!(ln_binomial(10, 3), 120f64.ln(), max_relative = 1e-14);
        // All of them cost as much as half of them.
        approx::assert_relative_eq!(ln_binomial(6, 6), 20f64.ln(), max_relative = 1e-14);
        assert_eq!(ln_binomial(6, 0), 0.0);
    }

    /// $k \ln N \cdot N / (N - k - 2)$ with 62 observations and two initial values.
    fn schwarz(terms: f64) -> f64 {
        (terms + 2.0) * 62f64.ln() * 62.0 / (62.0 - terms - 4.0)
    }

    #[test]
    fn a_term_costs_the_logarithm_of_the_data_and_of_the_library() {
        let c = criterion(&[0, 0]);
        let cost = c.penalty(&[vec![4, 5], vec![7]]) - c.penalty(&[vec![4], vec![7]]);
        let expected = schwarz(3.0) - schwarz(2.0) + 2.0 * (253f64 / 23.0).ln();
        approx::assert_relative_eq!(cost, expected, max_relative = 1e-12);
        // Half the squares in one of two states
        let gain = c.misfit(&[1.0, 1.0]) - c.misfit(&[0.5, 1.0]);
        approx::assert_relative_eq!(gain, 30.0 * 2f64.ln(), max_relative = 1e-12);
    }

    #[test]
    fn one_interaction_in_two_equations_costs_one_and_a_half() {
        let c = criterion(&[0, 0]);
        let shared = c.penalty(&[vec![4], vec![4]]);
        approx::assert_relative_eq!(shared, schwarz(2.0) + 2.0 * 1.5 * 23f64.ln(), max_relative = 1e-12);
        let plain = Criterion { shared: false, ..criterion(&[0, 0]) }.penalty(&[vec![4], vec![4]]);
        approx::assert_relative_eq!(plain, schwarz(2.0) + 2.0 * 2.0 * 23f64.ln(), max_relative = 1e-12);
        // Two networks are two unknowns, each with its own price.
        let apart = criterion(&[0, 1]).penalty(&[vec![4], vec![4]]);
        approx::assert_relative_eq!(apart, schwarz(2.0) + 2.0 * 2.0 * 23f64.ln(), max_relative = 1e-12);
    }

    #[test]
    fn more_numbers_than_data_are_out_of_the_question() {
        let mut c = criterion(&[0]);
        c.counts = vec![4, 4];
        assert_eq!(c.penalty(&[vec![0, 1, 2, 3, 4, 5]]), f64::INFINITY);
    }
}
