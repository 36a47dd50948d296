use ansatz::prelude::*;
struct Lv;
impl Model for Lv {
    fn states(&self) -> Names { ["prey", "predator"].into() }
    fn parameters(&self) -> Names { ["a", "b", "c", "d"].into() }
    fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
        let [a, b, c, d] = p.parameters();
        let met = u[0] * u[1];
        du[0] = a * u[0] - b * met;
        du[1] = c * met - d * u[1];
    }
}
fn main() {
    let which = std::env::args().nth(1).unwrap();
    if which == "bugs" {
        let drug = from_fn(["amount"], |_t, u, _p, du| du[0] = -u[0]);
        for m in [Method::Tsit5, Method::Rodas5P] {
            let s = Solve::system(&drug, [1.0], 0.0, 2.0).method(m).at_times(&[0.0, 1.0], |_t, u, _p| u[0] += 1.0)
                .event(Event::new("noon", |t, _u, _p| t - 1.0).then(|_t, u, _p| u[0] += 10.0)).run().unwrap();
            println!("{m:?} ended at {:?} with {:?}; exact with all doses {}", s.times().last(), s.last(), ((2.0 * (-1f64).exp() + 11.0) * (-1f64).exp()));
        }
        let mut lost = Vec::new();
        for k in 1..2000 {
            let stop = 1.0 + k as f64 * 1e-3 * 0.777;
            let before = f64::from_bits(stop.to_bits() - 1);
            let s = Solve::system(&drug, [1.0], 0.0, 4.0).method(Method::Tsit5).at_times(&[stop], |_t, u, _p| u[0] += 1.0)
                .event(Event::new("noon", move |t, _u, _p| if t >= before { 1.0 } else { -1.0 }).then(|_t, u, _p| u[0] += 10.0)).save(Save::End).run().unwrap();
            if s.times() != [4.0] { lost.push((stop, s.times().to_vec())); }
        }
        println!("ended early: {} of 1999, {:?}", lost.len(), lost.first());
        let v = from_fn(["x"], |_t, u, _p, du| du[0] = 1.0 - u[0]);
        let s = Solve::system(&v, [0.0], 0.0, 1.0).method(Method::Rodas5P).rtol(1e-9).atol(1e-12).run().unwrap();
        println!("rodas5p from zero by differences: {:e} {}", s.last()[0] - (1.0 - (-1f64).exp()), s.statistics());
        let s = Solve::system(&drug, [1.0], 0.0, 2.0).method(Method::Rk4).run();
        println!("rk4 {:?}", s.map(|s| s.statistics().to_string()));
        return;
    }
    let lv = Bound::new(&Lv).unwrap();
    let method = if which == "tsit5" { Method::Tsit5 } else { Method::Automatic };
    let save = match std::env::args().nth(2).as_deref() { Some("end") => Save::End, Some("times") => Save::Times((0..=40).map(|k| k as f64 / 4.0).collect()), _ => Save::Steps };
    let mut sum = 0.0;
    for _ in 0..2000 {
        let s = Solve::system(&lv, [0.44249296, 4.6280594], 0.0, 10.0).parameters([1.3, 0.9, 0.8, 1.8]).rtol(1e-8).atol(1e-8).method(method).save(save.clone()).run().unwrap();
        sum += s.last()[0];
    }
    println!("{sum}");
}
