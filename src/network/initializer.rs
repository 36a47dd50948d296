//! Initial weights.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How the weights of a layer with `fan_in` inputs and `fan_out` outputs are drawn. Biases start at zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Initializer {
    /// Uniform on $\pm\sqrt{6/(\text{fan in} + \text{fan out})}$: keeps the size of signals and gradients through smooth
    /// layers. X. Glorot, Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010.
    Glorot,
    /// Uniform on $\pm\sqrt{6/\text{fan in}}$, for `Relu` and its kin. K. He et al., *Delving deep into rectifiers*, 2015.
    He,
    /// [`Glorot`](Initializer::Glorot) times a gain. A gain below one starts an unknown term near zero, so that the
    /// first solves follow the known mechanism.
    SmallGain(f64),
}

impl Initializer {
    pub(super) fn limit(self, fan_in: usize, fan_out: usize) -> f64 {
        let glorot = (6.0 / (fan_in + fan_out).max(1) as f64).sqrt();
        match self {
            Initializer::Glorot => glorot,
            Initializer::He => (6.0 / fan_in.max(1) as f64).sqrt(),
            Initializer::SmallGain(gain) => gain * glorot,
        }
    }

    pub(super) fn fill(self, fan_in: usize, fan_out: usize, rng: &mut ChaCha8Rng, weights: &mut [f64]) {
        let limit = self.limit(fan_in, fan_out);
        for w in weights {
            *w = limit * (2.0 * rng.random::<f64>() - 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn uniform_with_the_stated_limit() {
        for init in [Initializer::Glorot, Initializer::He, Initializer::SmallGain(0.1)] {
            let mut w = vec![0.0; 20_000];
            init.fill(30, 20, &mut ChaCha8Rng::seed_from_u64(1), &mut w);
            let limit = init.limit(30, 20);
            let largest = w.iter().fold(0.0f64, |m, x| m.max(x.abs()));
            let variance = w.iter().map(|x| x * x).sum::<f64>() / w.len() as f64;
            assert!(largest <= limit && largest > 0.999 * limit);
            // A uniform variance limit²/3, here known to 1.3 % (two standard errors of 20,000 draws).
            approx::assert_relative_eq!(variance, limit * limit / 3.0, max_relative = 0.013);
        }
        assert_eq!(Initializer::Glorot.limit(30, 20), (6.0f64 / 50.0).sqrt());
        assert_eq!(Initializer::He.limit(30, 20), (6.0f64 / 30.0).sqrt());
        assert_eq!(Initializer::SmallGain(0.1).limit(30, 20), 0.1 * (6.0f64 / 50.0).sqrt());
    }

    #[test]
    fn the_seed_decides() {
        let draw = |seed| {
            let mut w = [0.0; 4];
            Initializer::Glorot.fill(2, 2, &mut ChaCha8Rng::seed_from_u64(seed), &mut w);
            w
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
