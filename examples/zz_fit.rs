#[path = "../tests/promises/problems.rs"]
#[allow(dead_code)]
mod problems;
use problems::*;
use ansatz::prelude::*;
use std::time::Instant;
fn main(){
  let data=TimeSeries::read_csv("datasets/lotka_volterra.csv").unwrap();
  let m=Interaction::new(Activation::Rbf);
  for seed in 0..8 {
    let t=Instant::now();
    let fit=Fit::new(&m,&data).known([1.3,1.8]).seed(seed).run();
    let dt=t.elapsed();
    match fit { Ok(f)=>{println!("{dt:?}\n{f}"); }, Err(e)=>println!("{e}") }
  }
}
