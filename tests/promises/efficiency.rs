//! How many steps and right-hand sides solves take. No promise of its own, but a loss of efficiency shows here first:
//! look at a change before accepting it.

use crate::problems::{Interaction, LotkaVolterra};
use ansatz::prelude::*;

fn counts<S: System>(solve: Solve<'_, S>) -> String {
    solve.run().unwrap().statistics().to_string()
}

#[test]
fn lotka_volterra_at_two_tolerances() {
    let solve = |tol: f64| {
        let solve = Solve::new(&LotkaVolterra, [0.44249296, 4.6280594], 0.0, 10.0);
        solve.parameters([1.3, 0.9, 0.8, 1.8]).method(Method::Tsit5).rtol(tol).atol(tol)
    };
    insta::assert_snapshot!(counts(solve(1e-6)), @"81 steps, 524 right-hand sides, 6 rejected by error");
    insta::assert_snapshot!(counts(solve(1e-10)), @"485 steps, 2912 right-hand sides");
}

/// The Arenstorf orbit of Hairer, Nørsett, Wanner I, II.0: three close approaches, where steps must shrink quickly.
#[test]
fn arenstorf_orbit() {
    let orbit = from_fn(["x", "y", "vx", "vy"], |_t, u, _p, du| {
        let (near, far) = (0.012277471, 1.0 - 0.012277471);
        let cubed = |x: f64| (x * x + u[1] * u[1]).powf(1.5);
        let (a, b) = (cubed(u[0] + near), cubed(u[0] - far));
        du[0] = u[2];
        du[1] = u[3];
        du[2] = u[0] + 2.0 * u[3] - far * (u[0] + near) / a - near * (u[0] - far) / b;
        du[3] = u[1] - 2.0 * u[2] - far * u[1] / a - near * u[1] / b;
    });
    let start = [0.994, 0.0, 0.0, -2.001_585_106_379_082_5];
    let period = 17.065_216_560_157_964;
    let solution = Solve::system(&orbit, start, 0.0, period).method(Method::Tsit5).rtol(1e-9).atol(1e-9).run().unwrap();
    // Closed, as far as this tolerance reaches on an orbit that magnifies errors a thousandfold and more.
    let gap = (solution.last()[0] - 0.994).hypot(solution.last()[1]);
    assert!(gap < 1e-2, "the orbit does not close: {gap:e}");
    insta::assert_snapshot!(solution.statistics().to_string(), @"658 steps, 3950 right-hand sides");
}

/// Van der Pol with μ = 20: mildly stiff, so that stability limits the explicit method for most of the way.
fn van_der_pol() -> impl System {
    from_fn(["x", "v"], |_t, u, _p, du| {
        du[0] = u[1];
        du[1] = 20.0 * (1.0 - u[0] * u[0]) * u[1] - u[0];
    })
}

#[test]
fn van_der_pol_where_stability_limits_the_step() {
    insta::assert_snapshot!(counts(Solve::system(&van_der_pol(), [2.0, 0.0], 0.0, 40.0).method(Method::Tsit5).rtol(1e-5).atol(1e-5)), @"512 steps, 3170 right-hand sides, 16 rejected by error");
}

#[test]
fn an_unknown_interaction() {
    let model = Interaction::new(Activation::Rbf);
    let reference = crate::problems::reference("ude_lv_rbf");
    let end = reference.times[reference.times.len() - 1];
    let solve = Solve::new(&model, reference.initial, reference.start, end).parameters(reference.parameters);
    insta::assert_snapshot!(counts(solve), @"27 steps, 164 right-hand sides");
}
