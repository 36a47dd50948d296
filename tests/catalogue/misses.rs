//! Where the promise is broken, and by how much.

use ansatz::prelude::Method::{self, *};

/// A run that misses the promise.
pub struct Miss {
    pub problem: &'static str,
    pub method: Method,
    /// $e$ of the tolerance $10^{-e}$.
    pub exponent: i32,
    /// What is tolerated at the end, in multiples of the promise; 1 where it is kept.
    pub end: f64,
    /// What is tolerated between the steps.
    pub between: f64,
}

impl Miss {
    pub fn is(&self, problem: &str, method: Method, exponent: i32) -> bool {
        self.problem == problem && self.method == method && self.exponent == exponent
    }
}

const fn miss(problem: &'static str, method: Method, exponent: i32, end: f64, between: f64) -> Miss {
    Miss { problem, method, exponent, end, between }
}

/// The runs that miss it: problem, method, exponent of the tolerance, at the end, between. The numbers are the measured
/// multiples of the promise with half as much again to spare, or twice as much again where they depend on where steps
/// happen to end, rounded up. None of this is as it should be.
pub const MISSES: &[Miss] = &[
    // The BDF just before one of the jumps of the oscillator, at a loose tolerance.
    miss("vanderpol_1e6", Bdf, 4, 1.0, 3.0),
    // κ is for the error of one step, and Bs3 takes up to 50 000 on Lorenz.
    miss("lorenz", Bs3, 4, 3.0, 1.0),
    miss("lorenz", Bs3, 6, 3.0, 1.0),
    miss("lorenz", Bs3, 8, 3.0, 1.0),
    miss("lorenz", Bs3, 10, 3.0, 1.0),
    // Heat conduction, with steps as long as the stability of Dop853 allows: its dense output bears less.
    miss("detest_c3", Dop853, 4, 1.0, 8.0),
    miss("detest_c4", Dop853, 4, 1.0, 4.0),
    miss("detest_c4", Dop853, 6, 1.0, 3.0),
    // The ring modulator early on, at a tolerance too loose for KenCarp4; κ is that of the end.
    miss("ring_modulator", KenCarp4, 4, 1.0, 6.0),
];

/// Runs that may end with a typed error: problem, method, exponent of the tolerance.
pub const MAY_STOP: &[(&str, Method, i32)] = &[
    // Ten thousand oscillations in fewer than the 100 000 steps that a solve takes by default.
    ("ring_modulator", Rodas4, 6),
    ("ring_modulator", KenCarp4, 6),
    ("ring_modulator", Kvaerno5, 6),
    ("ring_modulator", Radau5, 6),
    ("ring_modulator", Bdf, 4),
    ("ring_modulator", Bdf, 6),
    // Where the output of the amplifier passes zero, its tolerance is 1e-12, which is the rounding of the inputs times the
    // amplification. The steps shrink until Newton's method fails.
    ("transistor_amplifier", Kvaerno5, 10),
    ("transistor_amplifier", Radau5, 10),
    ("transistor_amplifier", Radau9, 10),
    ("transistor_amplifier", Radau13, 10),
    // More than 100 000 steps, so that the algebraic states are right between them too.
    ("transistor_amplifier", Rodas4, 10),
];
