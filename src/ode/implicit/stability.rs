//! What the stability functions of the methods are evaluated with.

use super::order_conditions::Matrix;
use std::ops::{Add, Div, Mul, Sub};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Complex {
    pub re: f64,
    pub im: f64,
}

impl Complex {
    pub fn new(re: f64, im: f64) -> Self {
        Complex { re, im }
    }

    pub fn norm(self) -> f64 {
        self.re.hypot(self.im)
    }
}

impl Add for Complex {
    type Output = Complex;
    fn add(self, o: Complex) -> Complex {
        Complex::new(self.re + o.re, self.im + o.im)
    }
}

impl Sub for Complex {
    type Output = Complex;
    fn sub(self, o: Complex) -> Complex {
        Complex::new(self.re - o.re, self.im - o.im)
    }
}

impl Mul for Complex {
    type Output = Complex;
    fn mul(self, o: Complex) -> Complex {
        Complex::new(self.re * o.re - self.im * o.im, self.re * o.im + self.im * o.re)
    }
}

impl Mul<f64> for Complex {
    type Output = Complex;
    fn mul(self, o: f64) -> Complex {
        Complex::new(self.re * o, self.im * o)
    }
}

impl Div for Complex {
    type Output = Complex;
    fn div(self, o: Complex) -> Complex {
        let n = o.re * o.re + o.im * o.im;
        Complex::new((self.re * o.re + self.im * o.im) / n, (self.im * o.re - self.re * o.im) / n)
    }
}

/// $R(z) = 1 + z b^T (I - z A)^{-1} 1$ for a lower triangular $A$.
pub fn runge_kutta(a: &Matrix, b: &[f64], z: Complex) -> Complex {
    let one = Complex::new(1.0, 0.0);
    let mut stages: Vec<Complex> = Vec::with_capacity(b.len());
    for i in 0..b.len() {
        let sum = (0..i).fold(one, |sum, j| sum + z * stages[j] * a[i][j]);
        stages.push(sum / (one - z * a[i][i]));
    }
    stages.iter().zip(b).fold(one, |sum, (u, b)| sum + z * *u * *b)
}

/// $|z|$ from 1e-3 to 1e6, ten per decade.
pub fn magnitudes() -> impl Iterator<Item = f64> {
    (-30..=60).map(|k| 10f64.powf(f64::from(k) / 10.0))
}
