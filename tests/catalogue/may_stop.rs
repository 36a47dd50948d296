//! Runs that do not reach the end.

use ansatz::prelude::Method::{self, *};

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
