//! Odds by parametric bootstrap: the whole pipeline on replicates of the data.
//!
//! A replicate is the fitted trajectory plus fresh noise, $\hat\sigma_i$ from the residuals corrected for the numbers that
//! the fit determined; gaps stay gaps. On each the network is fitted again, from the fitted weights, and the law is
//! searched again.

use super::search::{Search, Support};
use crate::fit::{Fitted, Observations, fit};
use crate::model::Model;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// What the replicates selected.
#[derive(Clone, Debug, Default)]
pub(super) struct Votes {
    pub replicates: usize,
    pub failed: usize,
    supports: Vec<Support>,
}

impl Votes {
    fn count(&self, wanted: impl Fn(&Support) -> bool) -> f64 {
        self.supports.iter().filter(|s| wanted(s)).count() as f64 / self.replicates.max(1) as f64
    }

    /// Share of replicates that select a candidate.
    pub fn share(&self, equation: usize, candidate: usize) -> f64 {
        self.count(|s| s[equation].contains(&candidate))
    }

    /// Share with exactly this support.
    pub fn exact(&self, support: &Support) -> f64 {
        self.count(|s| s == support)
    }

    /// Share with exactly this support in some of the equations.
    pub fn exact_in(&self, support: &Support, equations: &[usize]) -> f64 {
        self.count(|s| equations.iter().all(|e| s[*e] == support[*e]))
    }
}

/// Runs the replicates, in parallel; replicate `b` has its own random stream, so the number of threads changes nothing.
pub(super) fn replicate<M: Model>(
    search: &Search<'_, '_, M>,
    fitted: &Fitted<'_, M>,
    replicates: usize,
    seed: u64,
) -> Votes {
    let supports: Vec<Option<Support>> = (0..replicates)
        .into_par_iter()
        .map(|b| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(1 + b as u64);
            let observations = resampled(&fitted.observations, &fitted.fitting.states, &fitted.sigma, &mut rng);
            let mut settings = fitted.settings.clone();
            settings.grow = false;
            let start = fitted.fitting.point.clone();
            let layout = fitted.layout.clone();
            let scale = &fitted.observations.scale;
            let again = fit(&fitted.bound, &observations, layout, scale, &settings, start, &mut |_| {}).ok()?;
            let sigma = crate::fit::noise(&observations, &again);
            let (found, _) = search.run(&observations, &again.point, &again.states, &sigma);
            found.map(|f| f.best.support)
        })
        .collect();
    let failed = supports.iter().filter(|s| s.is_none()).count();
    Votes { replicates, failed, supports: supports.into_iter().flatten().collect() }
}

/// The fitted states with fresh noise where something was observed.
fn resampled(observations: &Observations, states: &[Vec<f64>], sigma: &[f64], rng: &mut ChaCha8Rng) -> Observations {
    let mut fresh = observations.clone();
    let n = sigma.len();
    for (seen, states) in fresh.trajectories.iter_mut().zip(states) {
        for (at, (d, u)) in seen.values.iter_mut().zip(states).enumerate().filter(|(_, (d, _))| !d.is_nan()) {
            let noise: f64 = StandardNormal.sample(rng);
            *d = u + sigma[at % n] * noise;
        }
    }
    fresh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_count_all_replicates() {
        let votes = Votes {
            replicates: 4,
            failed: 1,
            supports: vec![vec![vec![1], vec![2]], vec![vec![1, 3], vec![2]], vec![vec![1], vec![2]]],
        };
        assert_eq!(votes.share(0, 1), 0.75);
        assert_eq!(votes.share(0, 3), 0.25);
        assert_eq!(votes.exact(&vec![vec![1], vec![2]]), 0.5);
        assert_eq!(votes.exact_in(&vec![vec![1], vec![2]], &[1]), 0.75);
    }
}
