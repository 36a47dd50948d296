//! The bits of a trajectory depend on nothing but what it was given.

use super::super::stepper::ChunkKernel;
use super::*;
use crate::number::LaneKernel;
use crate::ode::explicit::{Row, Tableau, Tsit5};

#[test]
fn bits_do_not_depend_on_threads() {
    let sets = lorenz_sets(333, 5);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| lorenz(&sets, &[0.3, 2.0]))
    };
    let one = on(1);
    assert_same(&one, &on(2));
    assert_same(&one, &on(7));
}

#[test]
fn bits_do_not_depend_on_neighbours_order_or_number() {
    let mut sets = lorenz_sets(41, 6);
    let all = lorenz(&sets, &[0.3, 2.0]);
    for (k, p) in sets.iter().enumerate() {
        let alone = lorenz(std::slice::from_ref(p), &[0.3, 2.0]);
        assert_eq!(bits(alone.get(0).unwrap().unwrap().states()), bits(all.get(k).unwrap().unwrap().states()));
        assert_eq!(alone.statistics(), all.get(k).unwrap().unwrap().statistics());
    }
    sets.reverse();
    let reversed = lorenz(&sets, &[0.3, 2.0]);
    for (a, b) in all.members().zip(reversed.members().rev()) {
        assert_eq!(bits(a.states()), bits(b.states()));
    }
    // A neighbour that fails, or is not finite from the start.
    sets[3] = [f64::NAN; 3];
    sets[20] = [10.0, 1e6, -1e3];
    let troubled = lorenz(&sets, &[0.3, 2.0]);
    assert_eq!(troubled.failures().map(|(k, _)| k).collect::<Vec<_>>(), [3, 20]);
    for member in troubled.members() {
        assert_eq!(bits(member.states()), bits(reversed.get(member.index()).unwrap().unwrap().states()));
    }
}

/// A chunk over `N` lanes, whatever the processor has.
fn over_lanes<M: Model, const N: usize, const FMA: bool>(
    model: &M,
    task: &Task,
    method: &Coefficients,
) -> EnsembleSolution {
    let bound = Bound::new(model).unwrap();
    let solve = |chunk: Chunk<'_>| Ok(ChunkKernel { bound: &bound, task, method, chunk }.run::<N, FMA>());
    task.solve_chunks(solve).unwrap()
}

fn lorenz_task(sets: &[[f64; 3]], save: Save) -> Task {
    Task {
        span: Span { start: 0.0, end: 2.0 },
        options: Options { method: Method::Tsit5, ..Options::default() },
        save,
        initial: Rows::Shared(vec![1.0, 0.0, 0.0]),
        parameters: Rows::each(sets),
        count: sets.len(),
        names: ["x", "y", "z"].map(String::from).to_vec(),
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_lanes() {
    let sets = lorenz_sets(30, 8);
    let task = lorenz_task(&sets, Save::Times(vec![0.3, 2.0]));
    let method = Coefficients::of(Method::Tsit5).unwrap();
    let eight = over_lanes::<_, 8, true>(&Lorenz, &task, &method);
    assert_same(&eight, &over_lanes::<_, 1, true>(&Lorenz, &task, &method));
    assert_same(&eight, &over_lanes::<_, 16, true>(&Lorenz, &task, &method));
    let plain = over_lanes::<_, 4, false>(&Lorenz, &task, &method);
    assert_same(&plain, &over_lanes::<_, 8, false>(&Lorenz, &task, &method));
    for (a, b) in eight.members().zip(plain.members()) {
        assert!(distance(a.states(), b.states(), 1e-6, 1e-8) < 20.0);
    }
    // What the processor chooses is one of these.
    #[cfg(target_arch = "x86_64")]
    let fma = pulp::x86::V3::try_new().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    let fma = cfg!(target_arch = "aarch64");
    let chosen = lorenz(&sets, &[0.3, 2.0]);
    assert_same(&chosen, if fma { &eight } else { &plain });
}

/// Tsit5 told otherwise: the last stage not taken for the first of the next step, and the dense output made with an extra
/// stage that is the last stage once more.
struct Disguised;

impl Tableau for Disguised {
    const ORDER: usize = 5;
    const ERROR_ORDER: usize = 5;
    const DENSE_ORDER: usize = 4;
    const STAGES: usize = 7;
    const FIRST_SAME_AS_LAST: bool = false;
    const C: &'static [f64] = &{
        let c = <Tsit5 as Tableau>::C;
        [c[0], c[1], c[2], c[3], c[4], c[5], c[6], 1.0]
    };
    const A: &'static [Row] = &{
        let a = <Tsit5 as Tableau>::A;
        [a[0], a[1], a[2], a[3], a[4], a[5], a[6], <Tsit5 as Tableau>::B]
    };
    const B: Row = <Tsit5 as Tableau>::B;
    const E: Row = <Tsit5 as Tableau>::E;
    const EXTRA: usize = 1;
    const DENSE_DEGREE: usize = 4;
    const DENSE: &'static [(usize, &'static [f64])] = &{
        let d = <Tsit5 as Tableau>::DENSE;
        [d[0], d[1], d[2], d[3], d[4], d[5], (7, d[6].1)]
    };
    const STABILITY: f64 = 3.5;
}

#[test]
fn extra_stages_and_stages_that_are_not_kept() {
    let sets = lorenz_sets(19, 9);
    let task = lorenz_task(&sets, Save::Times(vec![0.3, 0.9, 2.0]));
    let plain = over_lanes::<_, 8, true>(&Lorenz, &task, &Coefficients::of(Method::Tsit5).unwrap());
    let disguised = over_lanes::<_, 8, true>(&Lorenz, &task, &Coefficients::from_tableau::<Disguised>(Method::Tsit5));
    for (a, b) in plain.members().zip(disguised.members()) {
        assert_eq!(bits(a.states()), bits(b.states()));
        // Two at the start; then 6 or 7 an attempt, and one more for each of the steps with a time to save in it.
        let (a, b) = (a.statistics(), b.statistics());
        let attempts = a.accepted + a.rejected_by_error;
        assert_eq!((a.rhs, b.rhs), (2 + 6 * attempts, 2 + 7 * attempts + 3));
    }
    let alone = over_lanes::<_, 1, true>(&Lorenz, &task, &Coefficients::from_tableau::<Disguised>(Method::Tsit5));
    assert_same(&alone, &disguised);
}
