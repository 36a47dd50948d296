//! Data made from a model with known parameters, shared by the promises.

use ansatz::data::Trajectory;
use ansatz::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Growth, predation, conversion and decay of the Lotka–Volterra data.
pub const RATES: [f64; 4] = [1.3, 0.9, 0.8, 1.8];

/// Three initial states.
pub fn starts() -> Vec<Vec<f64>> {
    vec![vec![0.44249296, 4.6280594], vec![2.0, 1.0], vec![1.0, 3.0]]
}

pub fn times(count: u32, end: f64) -> Vec<f64> {
    (0..count).map(|k| end * f64::from(k) / f64::from(count - 1)).collect()
}

/// One trajectory from each initial state, solved to rounding.
pub fn trajectories<M: Model>(model: &M, p: &[f64], starts: &[Vec<f64>], times: &[f64]) -> TimeSeries {
    let runs = starts.iter().enumerate().map(|(j, start)| {
        let solve = Solve::new(model, start.clone(), times[0], times[times.len() - 1]).parameters(p);
        let solution = solve.rtol(1e-13).atol(1e-13).save_at(times).run().unwrap();
        let id = if starts.len() == 1 { String::new() } else { format!("run {j}") };
        Trajectory::new(id, times, solution.states()).unwrap()
    });
    TimeSeries::from_trajectories(model.states().iter().cloned(), runs.collect()).unwrap()
}

/// [`trajectories`] with Gaussian noise, a fraction of each state's mean.
pub fn noisy<M: Model>(model: &M, p: &[f64], starts: &[Vec<f64>], times: &[f64], noise: f64, seed: u64) -> TimeSeries {
    let clean = trajectories(model, p, starts, times);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let n = clean.columns().len();
    let mean: Vec<f64> = (0..n)
        .map(|i| clean.trajectories().iter().flat_map(|t| t.column(i)).sum::<f64>() / clean.len() as f64)
        .collect();
    changed(&clean, |_, i, u| {
        let draw: f64 = StandardNormal.sample(&mut rng);
        u + noise * mean[i] * draw
    })
}

/// The data with every `every`-th number missing, the first one too.
pub fn with_gaps(data: &TimeSeries, every: usize) -> TimeSeries {
    changed(data, |at, _, u| if at % every == 0 { f64::NAN } else { u })
}

/// The data with other values, made from the running number, the column and the old value.
fn changed(data: &TimeSeries, mut change: impl FnMut(usize, usize, f64) -> f64) -> TimeSeries {
    let mut at = 0;
    let runs = data.trajectories().iter().map(|t| {
        let values: Vec<f64> = (0..t.len())
            .flat_map(|k| t.row(k).iter().copied().enumerate().collect::<Vec<_>>())
            .map(|(i, u)| {
                at += 1;
                change(at - 1, i, u)
            })
            .collect();
        Trajectory::new(t.id(), t.times(), &values).unwrap()
    });
    let runs = runs.collect();
    TimeSeries::from_trajectories(data.columns().to_vec(), runs).unwrap()
}
