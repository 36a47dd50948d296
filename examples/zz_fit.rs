#[path = "../tests/promises/problems.rs"]
#[allow(dead_code)]
mod problems;
use ansatz::prelude::*;
use problems::*;
use std::time::Instant;
fn main() {
    let data = TimeSeries::read_csv("datasets/lotka_volterra.csv").unwrap();
    let m = Interaction::new(Activation::Rbf);
    for seed in 0..4 {
        let t = Instant::now();
        let fit = Fit::new(&m, &data).known([1.3, 1.8]).seed(seed).run().unwrap();
        let dt = t.elapsed();
        let t = Instant::now();
        let law = Discovery::new(&fit).library(Library::polynomials(5).sines()).bootstraps(0).run().unwrap();
        println!("{dt:?} {:?}\n{law}\n{}", t.elapsed(), law.report());
    }
    let fit = Fit::new(&m, &data).known([1.3, 1.8]).run().unwrap();
    let t = Instant::now();
    let law = Discovery::new(&fit).library(Library::polynomials(5).sines()).run().unwrap();
    println!("{:?}\n{law}\n{}", t.elapsed(), law.report());
}
