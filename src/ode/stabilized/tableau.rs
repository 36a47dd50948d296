//! The methods as the step makes them: coefficients and stability functions read off a step itself.

use super::StabilizedMethod;
use super::stepper::{Attempt, Memory, Recurrent};
use crate::ode::stepper::{Rhs, Step};

/// A method written out with all its stages.
pub struct Tableau {
    pub a: Vec<Vec<f64>>,
    pub b: Vec<f64>,
    /// Weights of the error estimate; the last belongs to $f(t + h, u_{+})$.
    pub error: Vec<f64>,
    /// Times at which the stages are evaluated.
    pub times: Vec<f64>,
    /// Weights of the dense output by power of $\theta$; the last of each belongs to $f(t + h, u_{+})$.
    pub dense: [Vec<f64>; 3],
}

/// Evaluation $k$ gives the unit vector $e_k$, so that states are sums of evaluations.
#[derive(Default)]
struct Probe {
    arguments: Vec<Vec<f64>>,
    times: Vec<f64>,
}

impl Rhs for Probe {
    fn eval(&mut self, stage: usize, t: f64, u: &[f64], du: &mut [f64]) {
        assert_eq!(stage, self.times.len(), "stages are numbered as they are evaluated");
        du.fill(0.0);
        du[stage] = 1.0;
        self.arguments.push(u.to_vec());
        self.times.push(t);
    }
    fn try_eval(&mut self, _t: f64, _u: &[f64], _du: &mut [f64]) {}
}

impl Tableau {
    /// The method with `stages` stages.
    pub fn of<T: StabilizedMethod + Recurrent>(stages: usize) -> Tableau {
        let n = stages + 1;
        let (u, mut u_new) = (vec![0.0; n], vec![0.0; n]);
        let mut memory = Memory::default();
        memory.resize::<T>(n);
        let mut probe = Probe::default();
        probe.eval(0, 0.0, &u, &mut memory.slope);
        T::prepare(stages, &mut memory);
        T::advance(&mut probe, &Attempt { t: 0.0, h: 1.0, u: &u, stages }, &mut memory, &mut u_new);
        let Probe { arguments: mut a, mut times } = probe;
        assert_eq!(a.len(), n, "a step takes as many evaluations as it has stages");
        assert_eq!(a.pop().as_ref(), Some(&u_new));
        assert_eq!(times.pop(), Some(1.0));
        let step = Step { t: 0.0, h: 1.0, t_new: 1.0, u: &u, u_new: &u_new };
        let dense = [0, 1, 2].map(|m| (0..n).map(|i| T::cubic(&step, &memory, i)[m]).collect());
        a.iter_mut().for_each(|row| row.truncate(stages));
        u_new.truncate(stages);
        Tableau { a, b: u_new, error: memory.error, times, dense }
    }
}

/// $u_i' = \lambda_i u_i$.
struct Decays(Vec<f64>);

impl Rhs for Decays {
    fn eval(&mut self, _stage: usize, _t: f64, u: &[f64], du: &mut [f64]) {
        for ((du, u), lambda) in du.iter_mut().zip(u).zip(&self.0) {
            *du = lambda * u;
        }
    }
    fn try_eval(&mut self, t: f64, u: &[f64], du: &mut [f64]) {
        self.eval(0, t, u, du);
    }
}

/// One step of length 1 from 1 of $u' = -x u$, for each of the $x$.
struct Decay {
    x: Vec<f64>,
    u: Vec<f64>,
    u_new: Vec<f64>,
    memory: Memory,
}

impl Decay {
    fn of<T: StabilizedMethod + Recurrent>(stages: usize, x: Vec<f64>) -> Decay {
        let mut f = Decays(x.iter().map(|x| -x).collect());
        let (u, mut u_new) = (vec![1.0; x.len()], vec![0.0; x.len()]);
        let mut memory = Memory::default();
        memory.resize::<T>(x.len());
        f.eval(0, 0.0, &u, &mut memory.slope);
        T::prepare(stages, &mut memory);
        T::advance(&mut f, &Attempt { t: 0.0, h: 1.0, u: &u, stages }, &mut memory, &mut u_new);
        Decay { x, u, u_new, memory }
    }
}

fn points(length: f64, count: usize) -> Vec<f64> {
    (1..=count).map(|i| length * i as f64 / count as f64).collect()
}

/// $(x, R_\theta(-x))$ at so many points up to `length`, from one step each: what the dense output gives at $\theta$.
pub fn on_the_real_axis<T: StabilizedMethod + Recurrent>(
    stages: usize,
    length: f64,
    count: usize,
    theta: f64,
) -> impl Iterator<Item = (f64, f64)> {
    let Decay { x, u, mut u_new, memory } = Decay::of::<T>(stages, points(length, count));
    if theta < 1.0 {
        let step = Step { t: 0.0, h: 1.0, t_new: 1.0, u: &u, u_new: &u_new };
        let cubic = |i| T::cubic(&step, &memory, i).into_iter().rev().fold(0.0, |sum, c| (sum + c) * theta);
        u_new = (0..count).map(|i| 1.0 + cubic(i)).collect();
    }
    x.into_iter().zip(u_new)
}

/// $(x, R(-x) - e^{-x}, E(-x))$: the error of one step and its estimate.
pub fn errors_on_the_real_axis<T: StabilizedMethod + Recurrent>(
    stages: usize,
    length: f64,
    count: usize,
) -> impl Iterator<Item = (f64, f64, f64)> {
    let Decay { x, u_new, memory, .. } = Decay::of::<T>(stages, points(length, count));
    x.into_iter().zip(u_new).zip(memory.error).map(|((x, r), e)| (x, r - (-x).exp(), e))
}
