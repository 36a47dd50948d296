//! Problems on which the method used to fail, and the errors that a tolerance has to lead to.

use crate::ode::{Method, Save};
use crate::problems;

/// The error at the end over rtol, and the attempts whose error was too large per step.
fn solved(name: &str, rtol: f64) -> (f64, f64) {
    let problem = problems::find(name).unwrap();
    let solution = problem.solve(rtol).method(Method::Bdf).save(Save::End).run().unwrap();
    let statistics = solution.statistics();
    (problem.error(solution.last()) / rtol, statistics.rejected_by_error as f64 / statistics.accepted as f64)
}

/// Algebraic equations behind an exponential: neither are the points off them by more than the next step can bear, nor
/// does noise in their high differences keep the order where it is and drive the step to nothing. A spiral that just
/// ends in time shows in its rejections.
#[test]
fn the_transistor_amplifier_is_solved_at_all_tolerances() {
    for k in 6..=20 {
        let rtol = 10f64.powf(-0.5 * f64::from(k));
        let (error, rejected) = solved("transistor_amplifier", rtol);
        println!("rtol {rtol:.1e}: error {error:.2} rtol, {rejected:.3} rejections a step");
        assert!(
            error < 5.0 && rejected < 0.1,
            "rtol {rtol:.1e}: error {error:.2} rtol, {rejected:.3} rejections a step"
        );
    }
}

#[test]
fn small_stiff_problems_err_by_what_the_tolerance_says() {
    let names = ["hires", "vanderpol_1e6", "robertson_1e5", "robertson_1e11", "e5", "pollu", "chemical_akzo_nobel"];
    for name in names {
        // E5 ends with 1e-16 of what it began with: at 1e-12 rounding decides, and its errors at tolerances next to each other go
        // from 1 to 50 of them.
        let sharpest = if name == "e5" { 1e-11 } else { 1e-12 };
        for rtol in [1e-4, 1e-6, 1e-8, 1e-10, sharpest] {
            let (error, rejected) = solved(name, rtol);
            println!("{name}, rtol {rtol:e}: error {error:.2} rtol, {rejected:.3} rejections a step");
            assert!(error < 10.0 && rejected < 0.1, "{name}, rtol {rtol:e}: {error:.2}, {rejected:.3}");
        }
    }
}

/// Where a problem magnifies errors, it does so by about the same at all tolerances.
#[test]
fn the_error_goes_with_the_tolerance() {
    for (name, most) in [("orego", 30.0), ("vanderpol_1e3", 50.0), ("brusselator1d_100", 5.0)] {
        for rtol in [1e-4, 1e-6, 1e-8, 1e-10] {
            let (error, _) = solved(name, rtol);
            println!("{name}, rtol {rtol:e}: error {error:.2} rtol");
            assert!(error < most, "{name}, rtol {rtol:e}: error {error:.2} rtol");
        }
    }
}
