//! At which times the right-hand side of a stage is evaluated.
//!
//! A stage beyond the end of its step, $c > 1$, may lie beyond the end of the span too, where $f$ need not be defined, or on the
//! other side of a jump. Its state is that of a solution that goes on smoothly, and so is its slope: $f(t, U)$ is then
//! extrapolated in $t$ from times at which it may be evaluated.

/// Where the right-hand side is evaluated to be extrapolated, in parts of the way that is left: Chebyshev's points, so many that
/// the error of the slope, of order four, is one of order five in a step that is made once a jump.
///
/// With one point, the end of the way, the step control has to make up for it: with a forcing that is switched, at tolerances
/// from $10^{-4}$ to $10^{-10}$, by 10 to 40 % more steps and up to 40 rejections at two jumps, where four points lead to none.
const NODES: [f64; 4] = [0.0, 0.25, 0.75, 1.0];

/// Times and weights that make up the right-hand side of a stage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StageTimes {
    times: [(f64, f64); NODES.len()],
    count: usize,
}

impl StageTimes {
    /// Of the stage at $t + c h$, if nothing may be evaluated beyond `limit`; NaN: anything.
    #[inline(always)]
    pub fn of(c: f64, t: f64, h: f64, limit: f64) -> Self {
        let (time, way) = (t + c * h, limit - t);
        if c <= 1.0 || (time - limit) * h <= 0.0 || way * h <= 0.0 || limit.is_nan() {
            return StageTimes { times: [(time, 1.0); NODES.len()], count: 1 };
        }
        let theta = (time - t) / way;
        let mut times = [(0.0, 0.0); NODES.len()];
        for (j, (node, entry)) in NODES.iter().zip(&mut times).enumerate() {
            let others = NODES.iter().enumerate().filter(|(i, _)| *i != j);
            let weight = others.map(|(_, other)| (theta - other) / (node - other)).product();
            *entry = (if *node == 1.0 { limit } else { t + node * way }, weight);
        }
        StageTimes { times, count: NODES.len() }
    }

    /// Times and weights.
    #[inline(always)]
    pub fn get(&self) -> &[(f64, f64)] {
        &self.times[..self.count]
    }
}
