//! Problems with known answers, shared by the promises.

use ansatz::prelude::*;

/// Lotka–Volterra with all four parameters.
pub struct LotkaVolterra;

impl Model for LotkaVolterra {
    fn states(&self) -> Names {
        ["prey", "predator"].into()
    }
    fn parameters(&self) -> Names {
        ["growth", "predation", "conversion", "decay"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [growth, predation, conversion, decay] = p.parameters();
        let met = u[0] * u[1];
        du[0] = growth * u[0] - predation * met;
        du[1] = conversion * met - decay * u[1];
    }
}

/// Lotka–Volterra with an unknown interaction.
pub struct Interaction {
    pub network: Mlp<2, 2>,
}

impl Interaction {
    pub fn new(activation: Activation) -> Self {
        Interaction { network: Mlp::new([5, 5, 5], activation) }
    }
}

impl Model for Interaction {
    fn states(&self) -> Names {
        ["prey", "predator"].into()
    }
    fn parameters(&self) -> Names {
        ["growth", "decay"].into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("interaction", &self.network)
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [growth, decay] = p.parameters();
        let f = p.call(&self.network, [u[0], u[1]]);
        du[0] = growth * u[0] + f[0];
        du[1] = -decay * u[1] + f[1];
    }
}

/// A neural ordinary differential equation on `u` or on its cubes.
pub struct Neural {
    pub network: Mlp<2, 2>,
    pub cubes: bool,
}

impl Model for Neural {
    fn states(&self) -> Names {
        ["x", "y"].into()
    }
    fn unknowns(&self) -> Unknowns<'_> {
        Unknowns::of("field", &self.network)
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let x = if self.cubes { [u[0].powi(3), u[1].powi(3)] } else { [u[0], u[1]] };
        du.copy_from_slice(&p.call(&self.network, x));
    }
}

/// Robertson's reactions with their rates.
pub struct Robertson;

impl Model for Robertson {
    fn states(&self) -> Names {
        ["a", "b", "c"].into()
    }
    fn parameters(&self) -> Names {
        ["k1", "k2", "k3"].into()
    }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [k1, k2, k3] = p.parameters();
        let (turned, fast) = (k1 * u[0] - k3 * u[1] * u[2], k2 * u[1] * u[1]);
        du[0] = -turned;
        du[1] = turned - fast;
        du[2] = fast;
    }
}

/// A problem of `gradients.json`: sum-of-squares loss over saved states, with its gradient.
///
/// The values were computed by forward sensitivities with DOP853 at 2.3e-14 and confirmed by reverse mode in another
/// program and by Richardson-extrapolated differences; `relative mismatch` at most 4e-12.
pub struct Reference {
    pub start: f64,
    pub initial: Vec<f64>,
    pub times: Vec<f64>,
    pub data: Vec<f64>,
    /// Weights of the states in the loss.
    pub weights: Vec<f64>,
    /// Mechanistic parameters, then weights in this library's order.
    pub parameters: Vec<f64>,
    pub loss: f64,
    pub gradient: Vec<f64>,
    pub gradient_initial: Vec<f64>,
    /// How many of `parameters` are held fixed in the reference and have no gradient there.
    pub fixed: usize,
}

impl Reference {
    /// $\sum_k \sum_i (w_i (u_i(t_k) - d_{ki}))^2$ and its derivative.
    pub fn squares(&self) -> impl FnOnce(&[f64], &mut [f64]) -> f64 + '_ {
        move |u, u_bar| {
            let n = self.weights.len();
            let mut sum = 0.0;
            for (k, (bar, (u, d))) in u_bar.iter_mut().zip(u.iter().zip(&self.data)).enumerate() {
                let w = self.weights[k % n];
                *bar = 2.0 * w * w * (u - d);
                sum += (w * (u - d)).powi(2);
            }
            sum
        }
    }
}

/// Weights stored output by output per layer become weights stored input by input.
fn reordered(weights: &[f64], layers: &[usize]) -> Vec<f64> {
    let mut out = Vec::new();
    let mut at = 0;
    for pair in layers.windows(2) {
        let (inputs, outputs) = (pair[0], pair[1]);
        for i in 0..inputs {
            out.extend((0..outputs).map(|o| weights[at + o * inputs + i]));
        }
        at += inputs * outputs;
        out.extend_from_slice(&weights[at..at + outputs]);
        at += outputs;
    }
    out
}

pub fn reference(name: &str) -> Reference {
    let text = include_str!("../reference/gradients.json");
    let all: serde_json::Value = serde_json::from_str(text).unwrap();
    let problem = &all[name];
    let list = |v: &serde_json::Value| -> Vec<f64> {
        v.as_array().map(|a| a.iter().map(|x| x.as_f64().unwrap()).collect()).unwrap_or_default()
    };
    let data: Vec<f64> = problem["data"].as_array().unwrap().iter().flat_map(list).collect();
    let layers: Vec<usize> = list(&problem["layers"]).into_iter().map(|x| x as usize).collect();
    let (theta, gradient) = (list(&problem["theta"]), list(&problem["grad_theta"]));
    let fixed = list(&problem["fixed"]);
    let (weights, gradient) =
        if layers.is_empty() { (theta, gradient) } else { (reordered(&theta, &layers), reordered(&gradient, &layers)) };
    let times = list(&problem["ts"]);
    Reference {
        start: times[0],
        initial: list(&problem["u0"]),
        times,
        data,
        weights: list(&problem["weights"]),
        fixed: fixed.len(),
        parameters: [fixed, weights].concat(),
        loss: problem["loss"].as_f64().unwrap(),
        gradient,
        gradient_initial: list(&problem["grad_u0"]),
    }
}
