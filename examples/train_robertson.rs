//! Training a stiff model: Robertson's three rates from data, each started a factor of 1000 off.
//!
//! `cargo run --release --example train_robertson`
//!
//! Three species are observed ten times a decade from 1e-4 to 1e5, with noise of 1 % of each species' size. The rates differ by
//! nine orders of magnitude, so that the model has their logarithms for parameters: a factor of 1000 is then a step like any
//! other. Far from the data the model is as stiff as near them, or stiffer; the default method sees to that, and sensitivities
//! go through whatever it takes.

use ansatz::adjoint::ForwardSensitivity;
use ansatz::ode::SolveError;
use ansatz::prelude::*;
use nalgebra::{Matrix3, Vector3};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::time::Instant;

struct Robertson;

impl Model for Robertson {
    fn states(&self) -> Names {
        ["A", "B", "C"].into()
    }
    fn parameters(&self) -> Names {
        ["ln k1", "ln k2", "ln k3"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [k1, k2, k3] = p.parameters().map(R::exp);
        let net = k1 * u[0] - k3 * u[1] * u[2];
        let fast = k2 * u[1] * u[1];
        du[0] = -net;
        du[1] = net - fast;
        du[2] = fast;
    }
}

const START: [f64; 3] = [1.0, 0.0, 0.0];
const RATES: [f64; 3] = [0.04, 3e7, 1e4];
/// The largest amount of each species.
const SIZES: [f64; 3] = [1.0, 3.6e-5, 1.0];
const NOISE: f64 = 0.01;
const SEEDS: u64 = 10;

/// Sum of squares, gradient and Gauss–Newton matrix.
type Normal = (f64, Vector3<f64>, Matrix3<f64>);

struct Misfit<'a> {
    sensitivity: ForwardSensitivity<'a, Bound<'a, Robertson>>,
    times: &'a [f64],
    data: &'a [f64],
}

impl Misfit<'_> {
    fn at(&mut self, p: &Vector3<f64>) -> Result<Normal, SolveError> {
        self.sensitivity.solve(0.0, &START, p.as_slice(), self.times)?;
        let (mut squares, mut gradient, mut matrix) = (0.0, Vector3::zeros(), Matrix3::zeros());
        for (at, (state, data)) in self.sensitivity.states().iter().zip(self.data).enumerate() {
            let weight = 1.0 / (NOISE * SIZES[at % 3]);
            let residual = weight * (state - data);
            let row = Vector3::from_column_slice(&self.sensitivity.row(at / 3, at % 3)[..3]) * weight;
            squares += residual * residual;
            gradient += row * residual;
            matrix += row * row.transpose();
        }
        Ok((squares, gradient, matrix))
    }

    /// Levenberg and Marquardt's method. A point that cannot be solved is one that does not improve.
    fn train(&mut self, mut p: Vector3<f64>) -> Result<(Vector3<f64>, f64, usize), SolveError> {
        let mut here = self.at(&p)?;
        let (mut damping, mut steps) = (1e-2, 0);
        while damping < 1e12 && steps < 200 {
            steps += 1;
            let (squares, gradient, matrix) = here;
            let damped = matrix + Matrix3::from_diagonal(&matrix.diagonal().map(|d| damping * d.max(1.0)));
            let Some(step) = damped.cholesky().map(|factors| -factors.solve(&gradient)) else { break };
            match self.at(&(p + step)) {
                Ok(there) if there.0 < squares => {
                    (p, here) = (p + step, there);
                    damping *= 0.2;
                    if squares - here.0 < 1e-6 * squares {
                        break;
                    }
                }
                _ => damping *= 5.0,
            }
        }
        Ok((p, here.0, steps))
    }
}

fn main() -> ansatz::Result<()> {
    let times: Vec<f64> = (0..=90).map(|k| 10f64.powf(-4.0 + 0.1 * f64::from(k))).collect();
    let atol = |rtol: f64| SIZES.map(|size| rtol * size).to_vec();
    let solve = Solve::new(&Robertson, START, 0.0, 1e5).parameters(RATES.map(f64::ln)).rtol(1e-9).atol(atol(1e-9));
    let truth = solve.save_at(&times).run()?;
    let bound = Bound::new(&Robertson)?;
    println!("seed  start               k1      k2       k3       worst  chi²  steps  time");
    for seed in 0..SEEDS {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut noise = || -> f64 { StandardNormal.sample(&mut rng) };
        let mut data = Vec::new();
        for k in 0..times.len() {
            data.extend(truth.state(k).iter().zip(SIZES).map(|(u, size)| u + NOISE * size * noise()));
        }
        for (start, factors) in [("×1000 ÷1000 ×1000", [1e3, 1e-3, 1e3]), ("÷1000 ×1000 ÷1000", [1e-3, 1e3, 1e-3])]
        {
            let began = Instant::now();
            let options = Options { atol: Tolerance::Each(atol(1e-6)), ..Options::default() };
            let sensitivity = ForwardSensitivity::new(&bound, options);
            let mut misfit = Misfit { sensitivity, times: &times, data: &data };
            let (p, squares, steps) = misfit.train(Vector3::from_fn(|i, _| (RATES[i] * factors[i]).ln()))?;
            let seconds = began.elapsed().as_secs_f64();
            let rates = p.map(f64::exp);
            let worst = rates.iter().zip(RATES).map(|(found, k)| (found / k - 1.0).abs()).fold(0.0, f64::max);
            println!(
                "{seed:4}  {start}  {:.4}  {:.2e}  {:.2e}  {:4.1} %  {:.2}  {steps:5}  {seconds:.3} s",
                rates[0],
                rates[1],
                rates[2],
                100.0 * worst,
                squares / data.len() as f64,
            );
        }
    }
    Ok(())
}
