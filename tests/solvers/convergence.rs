//! Each method converges with its order, and its dense output with $\min(p, p^* + 1)$.

use crate::problems::{Turn, distance, slope, step_counts};
use ansatz::ode::explicit::*;
use ansatz::ode::implicit::esdirk::{EsdirkTableau, KenCarp4, Kvaerno5, TrBdf2};
use ansatz::ode::implicit::radau::{Radau5, Radau9, Radau13, RadauTableau};
use ansatz::ode::implicit::rosenbrock::{Rodas4, Rodas5P, Rosenbrock23, RosenbrockTableau};
use ansatz::prelude::*;

/// One method and how it is looked at.
struct Row {
    method: Method,
    /// Orders of solution and dense output by the tableau's own account.
    claimed: (usize, usize),
    order: usize,
    dense_order: usize,
    nonlinearity: f64,
    end: f64,
    /// Numbers of steps, coarse and fine, between which the slopes are taken: for the solution, for its dense output.
    steps: (usize, usize),
    dense_steps: (usize, usize),
}

/// A row of the table from a type with the constants.
macro_rules! row {
    ($method:ident, $tableau:ident, $order:expr, $dense:expr, $nonlinearity:expr, $end:expr, $steps:expr, $dense_steps:expr) => {
        Row {
            method: Method::$method,
            claimed: (<$method as $tableau>::ORDER, <$method as $tableau>::DENSE_ORDER),
            order: $order,
            dense_order: $dense,
            nonlinearity: $nonlinearity,
            end: $end,
            steps: $steps,
            dense_steps: $dense_steps,
        }
    };
}

/// Ranges are chosen by what an error of order $p$ comes to: from where the steps resolve the motion, $h \approx 1/p$
/// to $1$, down to errors of $10^{-12}$. Simplified Newton iterations on long steps need a small nonlinearity.
fn table() -> Vec<Row> {
    vec![
        row!(Euler, Tableau, 1, 1, 0.05, 6.0, (3000, 24000), (3000, 24000)),
        row!(Heun, Tableau, 2, 2, 0.05, 24.0, (600, 5000), (600, 5000)),
        row!(Rk4, Tableau, 4, 3, 0.05, 24.0, (300, 2400), (300, 2400)),
        row!(Bs3, Tableau, 3, 3, 0.05, 24.0, (400, 3200), (400, 3200)),
        row!(Tsit5, Tableau, 5, 4, 0.05, 24.0, (450, 1250), (450, 1250)),
        row!(Vern7, Tableau, 7, 7, 0.05, 24.0, (100, 230), (100, 200)),
        row!(Vern9, Tableau, 9, 9, 0.2, 48.0, (143, 250), (143, 220)),
        row!(Dop853, Tableau, 8, 7, 0.05, 24.0, (30, 160), (30, 160)),
        row!(Ssprk33, Tableau, 3, 2, 0.05, 24.0, (400, 3200), (400, 3200)),
        row!(Ssprk104, Tableau, 4, 3, 0.05, 24.0, (200, 1600), (200, 1600)),
        row!(Rosenbrock23, RosenbrockTableau, 2, 2, 0.05, 24.0, (200, 3000), (200, 3000)),
        row!(Rodas4, RosenbrockTableau, 4, 3, 0.05, 24.0, (200, 1600), (200, 1600)),
        row!(Rodas5P, RosenbrockTableau, 5, 4, 0.05, 24.0, (300, 1200), (300, 1200)),
        row!(TrBdf2, EsdirkTableau, 2, 2, 0.05, 24.0, (200, 3000), (200, 3000)),
        row!(KenCarp4, EsdirkTableau, 4, 3, 0.05, 24.0, (60, 1200), (60, 1200)),
        row!(Kvaerno5, EsdirkTableau, 5, 4, 0.05, 24.0, (80, 1000), (80, 1000)),
        row!(Radau5, RadauTableau, 5, 3, 0.05, 24.0, (80, 800), (240, 1800)),
        row!(Radau9, RadauTableau, 9, 5, 0.05, 48.0, (50, 140), (60, 280)),
        row!(Radau13, RadauTableau, 13, 7, 0.02, 48.0, (28, 48), (40, 140)),
    ]
}

/// Root mean square of the errors at the steps and at places between them.
fn errors(row: &Row, steps: usize) -> (f64, f64) {
    let model = Turn { nonlinearity: row.nonlinearity };
    let solution = Solve::new(&model, Turn::exact(0.0), 0.0, row.end)
        .method(row.method)
        .fixed_step(row.end / steps as f64)
        // How exactly implicit methods solve their equations.
        .rtol(1e-13)
        .atol(1e-13)
        .run()
        .unwrap();
    assert_eq!(solution.statistics().accepted, steps, "{:?}", row.method);
    let mean = |times: &[f64]| {
        let error = |t: &f64| distance(&solution.at(*t).unwrap(), &Turn::exact(*t)).powi(2);
        (times.iter().map(error).sum::<f64>() / times.len() as f64).sqrt()
    };
    let times = solution.times();
    let between: Vec<f64> =
        times.windows(2).flat_map(|w| [0.15, 0.4, 0.65, 0.9].map(|x| w[0] + x * (w[1] - w[0]))).collect();
    (mean(times), mean(&between))
}

#[test]
fn orders_of_the_methods_and_their_dense_outputs() {
    let mut missed = Vec::new();
    for row in table() {
        assert_eq!(row.claimed, (row.order, row.dense_order), "{:?}", row.method);
        let measured = |(coarse, fine): (usize, usize), dense: bool| {
            let points: Vec<(f64, f64)> = step_counts(coarse, fine, 5)
                .into_iter()
                .map(|n| {
                    let (at_steps, between) = errors(&row, n);
                    (row.end / n as f64, if dense { between } else { at_steps })
                })
                .collect();
            (slope(&points), points[0].1, points[4].1)
        };
        let expected = [row.order, row.order.min(row.dense_order + 1)];
        let found = [measured(row.steps, false), measured(row.dense_steps, true)];
        for ((expected, (slope, coarse, fine)), what) in
            expected.into_iter().zip(found).zip(["solution", "dense output"])
        {
            println!("{:?}, {what}: order {slope:.3} of {expected}, errors {coarse:.1e} to {fine:.1e}", row.method);
            if (slope - expected as f64).abs() > 0.15 {
                missed.push(format!("{what} of {:?}: order {slope:.3}, not {expected}", row.method));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// A multistep method of variable order has no order to see at fixed steps. Held to an error of $\tau$ a step, order $k$
/// takes steps $h \propto \tau^{1/(k+1)}$ and errs by $h^k$ at the end, as $\tau^{k/(k+1)}$. With
/// $\tau \propto \mathrm{tolerance}^{7/6}$ the exponent is $3/4 \cdot 7/6$ at order 3 and $5/6 \cdot 7/6$ at order 5.
#[test]
fn the_error_of_bdf_follows_the_tolerance() {
    let points: Vec<(f64, f64)> = (8..=20)
        .map(|k| {
            let tolerance = 10f64.powf(-0.5 * f64::from(k));
            let model = Turn { nonlinearity: 0.05 };
            let solve = Solve::new(&model, Turn::exact(0.0), 0.0, 24.0).method(Method::Bdf);
            let solution = solve.rtol(tolerance).atol(tolerance).run().unwrap();
            let errors =
                solution.times().iter().enumerate().map(|(k, t)| distance(solution.state(k), &Turn::exact(*t)));
            (tolerance, errors.fold(0.0, f64::max))
        })
        .collect();
    let exponent = slope(&points);
    println!("Bdf: error over tolerance with exponent {exponent:.3}");
    assert!(exponent > 0.875 - 0.05 && exponent < 35.0 / 36.0 + 0.05, "{exponent}: {points:?}");
}
