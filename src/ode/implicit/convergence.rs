//! Orders seen in a computation: fixed steps on a nonlinear, non-autonomous system and on an equation of index 1.

pub type Vector = [f64; 2];

/// $M u' = f(t, u)$ in two components with $M = \mathrm{diag}(1, \mu)$.
pub struct Problem {
    pub mass: f64,
    pub exact: fn(f64) -> Vector,
    /// $(u'(0), v'(0))$.
    pub initial_slope: Vector,
    pub f: fn(f64, Vector) -> Vector,
    pub f_u: fn(f64, Vector) -> [Vector; 2],
    pub f_t: fn(f64, Vector) -> Vector,
}

/// $u' = \cos t \cdot u^2 v$, $v' = -\cos t \cdot v^2 u$; solution $(e^{\sin t}, e^{-\sin t})$.
pub const ORDINARY: Problem = Problem {
    mass: 1.0,
    exact: |t| [t.sin().exp(), (-t.sin()).exp()],
    initial_slope: [1.0, -1.0],
    f: |t, [u, v]| [t.cos() * u * u * v, -t.cos() * v * v * u],
    f_u: |t, [u, v]| {
        let c = t.cos();
        [[2.0 * c * u * v, c * u * u], [-c * v * v, -2.0 * c * u * v]]
    },
    f_t: |t, [u, v]| [-t.sin() * u * u * v, t.sin() * v * v * u],
};

/// $u' = \cos t \cdot u^2 e^{t/2 - v}$, $0 = e^v - u e^{t/2}$; solution $(e^{\sin t}, \sin t + t/2)$.
pub const INDEX_ONE: Problem = Problem {
    mass: 0.0,
    exact: |t| [t.sin().exp(), t.sin() + 0.5 * t],
    // The second is free, see the module on ESDIRK methods.
    initial_slope: [1.0, 0.0],
    f: |t, [u, v]| [t.cos() * u * u * (0.5 * t - v).exp(), v.exp() - u * (0.5 * t).exp()],
    f_u: |t, [u, v]| {
        let c = t.cos() * u * (0.5 * t - v).exp();
        [[2.0 * c, -c * u], [-(0.5 * t).exp(), v.exp()]]
    },
    f_t: |t, [u, v]| [(0.5 * t.cos() - t.sin()) * u * u * (0.5 * t - v).exp(), -0.5 * u * (0.5 * t).exp()],
};

pub fn solve(a: [Vector; 2], r: Vector) -> Vector {
    let d = a[0][0] * a[1][1] - a[0][1] * a[1][0];
    [(r[0] * a[1][1] - r[1] * a[0][1]) / d, (r[1] * a[0][0] - r[0] * a[1][0]) / d]
}

/// $u + \sum_j a_j x_j$.
pub fn combine(u: Vector, row: &[(usize, f64)], x: &[Vector]) -> Vector {
    row.iter().fold(u, |sum, &(j, a)| [sum[0] + a * x[j][0], sum[1] + a * x[j][1]])
}

/// $(M/(h\gamma) - f_u)$ at a point.
pub fn iteration_matrix(problem: &Problem, t: f64, u: Vector, h_gamma: f64) -> [Vector; 2] {
    let mut matrix = (problem.f_u)(t, u).map(|row| row.map(|x| -x));
    matrix[0][0] += 1.0 / h_gamma;
    matrix[1][1] += problem.mass / h_gamma;
    matrix
}

/// Where between the steps the dense output is looked at.
pub const THETAS: [f64; 4] = [0.2, 0.4, 0.6, 0.8];

/// What a step gives: the solution, the error estimate, and the dense output at [`THETAS`].
pub struct Step {
    pub solution: Vector,
    pub estimate: Vector,
    pub dense: [Vector; 4],
}

/// Greatest errors by component over $[0, 1.2]$ at the steps and between them, and the estimate of the
/// step at 0.6.
struct Errors {
    solution: Vector,
    dense: Vector,
    estimate: Vector,
}

fn errors(problem: &Problem, steps: usize, embedded: bool, mut step: impl FnMut(f64, Vector, f64) -> Step) -> Errors {
    let h = 1.2 / steps as f64;
    let mut u = (problem.exact)(0.0);
    let mut found = Errors { solution: [0.0; 2], dense: [0.0; 2], estimate: [0.0; 2] };
    let note = |errors: &mut Vector, u: Vector, t: f64| {
        let e = (problem.exact)(t);
        *errors = [0, 1].map(|k| errors[k].max((u[k] - e[k]).abs()));
    };
    for n in 0..steps {
        let t = h * n as f64;
        let made = step(t, u, h);
        for (theta, u) in THETAS.iter().zip(made.dense) {
            note(&mut found.dense, u, t + theta * h);
        }
        if n == steps / 2 {
            found.estimate = made.estimate.map(f64::abs);
        }
        let keep = if embedded { 1.0 } else { 0.0 };
        u = [0, 1].map(|k| made.solution[k] - keep * made.estimate[k]);
        note(&mut found.solution, u, t + h);
    }
    found
}

/// Expected orders by component.
pub struct Expected {
    pub solution: Vector,
    /// Of the embedded method carried on; `None` where that makes no sense.
    pub embedded: Option<Vector>,
    pub dense: Vector,
    pub estimate: Vector,
}

/// The orders seen from `steps` to twice as many are those expected within 0.15. `stepper` makes what makes steps.
pub fn check<S>(problem: &Problem, steps: usize, expected: Expected, stepper: impl Fn() -> S)
where
    S: FnMut(f64, Vector, f64) -> Step,
{
    let [coarse, fine] = [steps, 2 * steps].map(|n| errors(problem, n, false, stepper()));
    let compare = |what: &str, coarse: Vector, fine: Vector, expected: Vector| {
        for k in 0..2 {
            let order = (coarse[k] / fine[k]).log2();
            assert!((order - expected[k]).abs() < 0.15, "{what}, component {k}: {order} in place of {}", expected[k]);
        }
    };
    compare("solution", coarse.solution, fine.solution, expected.solution);
    compare("dense output", coarse.dense, fine.dense, expected.dense);
    compare("estimate", coarse.estimate, fine.estimate, expected.estimate);
    if let Some(orders) = expected.embedded {
        let [coarse, fine] = [steps, 2 * steps].map(|n| errors(problem, n, true, stepper()));
        compare("embedded solution", coarse.solution, fine.solution, orders);
    }
}
