//! Random models, methods, patterns of saved times and losses, by a fixed list of seeds.

use ansatz::Error;
use ansatz::adjoint::{GradientMethod, Loss, LossGradient};
use ansatz::ode::SolveError;
use ansatz::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Damped states that drive each other, some of them through a network, with forces that depend on time:
/// $\dot u_i = -d_i u_i - p_a u_i^3 + \sum_j c_{ij} \sin(u_j + p_b) + e_i \cos(p_c t)$.
struct Random {
    damping: Vec<f64>,
    coupling: Vec<f64>,
    force: Vec<f64>,
    /// Index of each parameter that enters; there may be more that do not.
    role: [usize; 3],
    parameters: usize,
    network: Mlp<1, 1>,
    has_network: bool,
}

impl Model for Random {
    fn states(&self) -> Names {
        Names::from((0..self.damping.len()).map(|i| format!("u{i}")).collect::<Vec<_>>())
    }
    fn parameters(&self) -> Names {
        Names::from((0..self.parameters).map(|i| format!("p{i}")).collect::<Vec<_>>())
    }
    fn unknowns(&self) -> Unknowns<'_> {
        if self.has_network { Unknowns::of("drive", &self.network) } else { Unknowns::none() }
    }
    fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let n = u.len();
        let [a, b, c] = self.role.map(|i| p.all()[i]);
        for i in 0..n {
            du[i] = (c * t).cos() * self.force[i] - u[i] * self.damping[i] - a * u[i].powi(3);
            for j in 0..n {
                du[i] += (u[j] + b).sin() * self.coupling[i * n + j];
            }
        }
        if self.has_network {
            let [drive] = p.call(&self.network, [u[0]]);
            du[n - 1] += drive;
        }
    }
}

/// Weights for the squares and the sines of all states at all times, and for a parameter.
struct Weighted {
    squares: Vec<f64>,
    sines: Vec<f64>,
}

impl Loss for Weighted {
    fn at_times<R: Real>(&self, t: &[R], u: &[&[R]], p: &[R]) -> R {
        let mut sum = p[0].square() * 0.1;
        for (k, (t, u)) in t.iter().zip(u).enumerate() {
            for (i, u) in u.iter().enumerate() {
                let at = (k * 7 + i) % self.squares.len();
                sum += u.square() * self.squares[at] + (*u + *t).sin() * self.sines[at];
            }
        }
        sum
    }
}

const SEEDS: std::ops::Range<u64> = 0..60;
/// Order at least four, so that tight tolerances are in reach.
const METHODS: [Method; 14] = [
    Method::Automatic,
    Method::Tsit5,
    Method::Vern7,
    Method::Vern9,
    Method::Dop853,
    Method::Rock4,
    Method::Rodas4,
    Method::Rodas5P,
    Method::KenCarp4,
    Method::Kvaerno5,
    Method::Radau5,
    Method::Radau9,
    Method::Radau13,
    Method::Bdf,
];

#[test]
fn any_model_method_pattern_and_loss() -> Result<(), Error> {
    let (mut refused, mut compared) = (0, 0);
    for seed in SEEDS {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let n = rng.random_range(1..=5);
        let parameters = rng.random_range(3..=7);
        // Some are stiff.
        let stiff: f64 = if seed % 3 == 0 { 1e3 } else { 1.0 };
        let mut draw = |count: usize, low: f64, high: f64| -> Vec<f64> {
            (0..count).map(|_| rng.random_range(low..high)).collect()
        };
        let model = Random {
            damping: draw(n, 0.3, 2.0)
                .into_iter()
                .enumerate()
                .map(|(i, d)| if i == 0 { d * stiff } else { d })
                .collect(),
            coupling: draw(n * n, -1.0, 1.0),
            force: draw(n, -1.0, 1.0),
            role: [0, parameters / 2, parameters - 1],
            parameters,
            network: Mlp::new([4], Activation::Tanh),
            has_network: seed % 2 == 1,
        };
        let initial = draw(n, -1.0, 1.0);
        let loss = Weighted { squares: draw(11, -1.0, 1.0), sines: draw(11, -1.0, 1.0) };
        let bound = Bound::new(&model)?;
        let mut p = vec![0.0; bound.parameter_count()];
        let mechanistic = draw(parameters, 0.2, 1.5);
        bound.initialize(&mut rng, &mut p);
        p[..parameters].copy_from_slice(&mechanistic);
        // From none but the end to many, with the start, the end and the same time twice among them; and backwards, not so far
        // that the cubes, which then drive, blow up.
        let (start, end) = if seed % 5 == 4 && stiff == 1.0 { (0.1, -0.05) } else { (-0.1, 1.4) };
        let count = [1, 2, 5, 40][rng.random_range(0..4)];
        let mut parts: Vec<f64> = (0..count).map(|_| rng.random_range(0.0..1.0)).collect();
        if rng.random_bool(0.5) {
            parts[0] = 0.0;
        }
        if rng.random_bool(0.5) {
            parts[count - 1] = 1.0;
        }
        if rng.random_bool(0.3) {
            parts.push(parts[0]);
        }
        parts.sort_by(f64::total_cmp);
        let times: Vec<f64> = parts.iter().map(|part| start * (1.0 - part) + end * part).collect();
        let problem = |method: Method, rtol: f64| {
            let solve = Solve::system(&bound, initial.clone(), start, end).parameters(p.clone()).save_at(&times);
            solve.method(method).rtol(rtol).atol(rtol).max_steps(1_000_000).differentiate()
        };
        let reference = problem(if stiff > 1.0 { Method::Radau13 } else { Method::Vern9 }, 1e-13)?.gradient(&loss)?;
        let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let all = |g: &LossGradient| [&g.parameters[..], &g.initial].concat();
        let scale = norm(&all(&reference)).max(1e-3);
        let method = METHODS[seed as usize % METHODS.len()];
        let found = match problem(method, 1e-10)?.gradient(&loss) {
            Err(Error::Solve(SolveError::StiffForDerivatives { .. })) if stiff > 1.0 && method.is_explicit() => {
                refused += 1;
                continue;
            }
            found => found?,
        };
        let apart: Vec<f64> = all(&found).iter().zip(all(&reference)).map(|(a, b)| a - b).collect();
        let tolerance = if method == Method::Bdf { 1e-6 } else { 1e-7 };
        assert!(norm(&apart) <= tolerance * scale, "seed {seed}, {method:?}: {:e}", norm(&apart) / scale);
        // What enters nowhere but in the loss has no other gradient.
        for (i, g) in found.parameters[..parameters].iter().enumerate() {
            assert!(model.role.contains(&i) || i == 0 || *g == 0.0, "seed {seed}: parameter {i}");
        }
        // Forwards to rounding, where the method has it.
        let forward = problem(method, 1e-7)?.by(GradientMethod::ForwardSensitivity).gradient(&loss);
        let reverse = problem(method, 1e-7)?.gradient(&loss);
        if let (Ok(forward), Ok(reverse)) = (forward, reverse) {
            compared += 1;
            let apart: Vec<f64> = all(&forward).iter().zip(all(&reverse)).map(|(a, b)| a - b).collect();
            assert!(norm(&apart) <= 1e-9 * scale, "seed {seed}, {method:?} forwards: {:e}", norm(&apart) / scale);
        }
    }
    assert!(refused < 15 && compared > 20, "{refused} refused, {compared} compared with forward sensitivities");
    Ok(())
}
