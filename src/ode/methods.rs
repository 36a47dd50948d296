//! From the name of a method to the method at work.

use super::automatic::Automatic;
use super::explicit::{Bs3, Dop853, Euler, ExplicitRk, Heun, Rk4, Ssprk33, Ssprk104, Tableau, Tsit5, Vern7, Vern9};
use super::implicit::bdf::Bdf;
use super::implicit::esdirk::{Esdirk, KenCarp4, Kvaerno5, TrBdf2};
use super::implicit::radau::{Radau, Radau5, Radau9, Radau13};
use super::implicit::rosenbrock::{Rodas4, Rodas5P, Rosenbrock, Rosenbrock23};
use super::options::Method;
use super::stabilized::{Rkc2, Rock4, Stabilized, StabilizedMethod};
use super::stepper::{Implicit, Stepper};

/// A method at work on a right-hand side of any kind.
pub(crate) type AnyStepper<'f> = Box<dyn Stepper<dyn Implicit + 'f> + 'f>;

impl Method {
    /// Whether its steps need no Jacobian.
    pub fn is_explicit(self) -> bool {
        self.stability().is_some()
    }

    /// Whether it estimates the error of its steps, so that they need not be fixed.
    pub fn is_adaptive(self) -> bool {
        !matches!(self, Method::Euler | Method::Rk4)
    }

    /// Length of an explicit method's interval of stability on the negative real axis; that of a stabilised one with all the
    /// stages it can have.
    pub(crate) fn stability(self) -> Option<f64> {
        Some(match self {
            Method::Euler => Euler::STABILITY,
            Method::Heun => Heun::STABILITY,
            Method::Rk4 => Rk4::STABILITY,
            Method::Bs3 => Bs3::STABILITY,
            Method::Tsit5 => Tsit5::STABILITY,
            Method::Vern7 => Vern7::STABILITY,
            Method::Vern9 => Vern9::STABILITY,
            Method::Dop853 => Dop853::STABILITY,
            Method::Ssprk33 => Ssprk33::STABILITY,
            Method::Ssprk104 => Ssprk104::STABILITY,
            Method::Rkc2 => Rkc2::stability(Rkc2::MOST_STAGES),
            Method::Rock4 => Rock4::stability(Rock4::MOST_STAGES),
            _ => return None,
        })
    }

    /// The method at work.
    pub(crate) fn stepper<'f>(self) -> AnyStepper<'f> {
        match self {
            Method::Automatic => Box::new(Automatic::new()),
            Method::Euler => Box::new(ExplicitRk::<Euler>::new(self)),
            Method::Heun => Box::new(ExplicitRk::<Heun>::new(self)),
            Method::Rk4 => Box::new(ExplicitRk::<Rk4>::new(self)),
            Method::Bs3 => Box::new(ExplicitRk::<Bs3>::new(self)),
            Method::Tsit5 => Box::new(ExplicitRk::<Tsit5>::new(self)),
            Method::Vern7 => Box::new(ExplicitRk::<Vern7>::new(self)),
            Method::Vern9 => Box::new(ExplicitRk::<Vern9>::new(self)),
            Method::Dop853 => Box::new(ExplicitRk::<Dop853>::new(self)),
            Method::Ssprk33 => Box::new(ExplicitRk::<Ssprk33>::new(self)),
            Method::Ssprk104 => Box::new(ExplicitRk::<Ssprk104>::new(self)),
            Method::Rkc2 => Box::new(Stabilized::<Rkc2>::new(self)),
            Method::Rock4 => Box::new(Stabilized::<Rock4>::new(self)),
            Method::Rosenbrock23 => Box::new(Rosenbrock::<Rosenbrock23>::new(self)),
            Method::Rodas4 => Box::new(Rosenbrock::<Rodas4>::new(self)),
            Method::Rodas5P => Box::new(Rosenbrock::<Rodas5P>::new(self)),
            Method::TrBdf2 => Box::new(Esdirk::<TrBdf2>::new(self)),
            Method::KenCarp4 => Box::new(Esdirk::<KenCarp4>::new(self)),
            Method::Kvaerno5 => Box::new(Esdirk::<Kvaerno5>::new(self)),
            Method::Radau5 => Box::new(Radau::<Radau5>::new(self)),
            Method::Radau9 => Box::new(Radau::<Radau9>::new(self)),
            Method::Radau13 => Box::new(Radau::<Radau13>::new(self)),
            Method::Bdf => Box::new(Bdf::new()),
        }
    }
}
