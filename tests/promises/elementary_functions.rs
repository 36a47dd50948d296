//! `exp` stays within 1 unit in the last place of the true value and `tanh` within 3, with and without fused multiply-add.
//!
//! `tests/reference/elementary_functions.json` was computed by mpmath with 60 digits: for each argument (as bits) the
//! nearest `f64` (as bits), how far the true value lies from it in units in the last place, and the binary exponent of
//! that unit. So the error is measured against the true value, not against its rounding. The points: zeros, neighbours
//! of one, odd multiples of ln 2 / 2 (where the reduction changes branch) with their neighbours, subnormal results, the
//! last finite result, random ones over the whole range, and the worst of a million random ones.

use ansatz::number::simd::{exp, tanh};

struct Point {
    x: f64,
    nearest: f64,
    offset: f64,
    unit: i32,
}

fn references(function: &str) -> Vec<Point> {
    let all: serde_json::Value = serde_json::from_str(include_str!("../reference/elementary_functions.json")).unwrap();
    let bits = |v: &serde_json::Value| f64::from_bits(u64::from_str_radix(v.as_str().unwrap(), 16).unwrap());
    let points: Vec<Point> = all[function]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| Point {
            x: bits(&row[0]),
            nearest: bits(&row[1]),
            offset: row[2].as_f64().unwrap(),
            unit: row[3].as_i64().unwrap() as i32,
        })
        .collect();
    assert!(points.len() > 400, "{function} has only {} references", points.len());
    points
}

/// 2^k, also where it is subnormal.
fn power_of_two(k: i32) -> f64 {
    if k < -1022 { f64::from_bits(1u64 << (k + 1074)) } else { f64::from_bits(((k + 1023) as u64) << 52) }
}

/// `bound` is what `number::simd` documents.
fn check(name: &str, bound: f64, function: impl Fn(f64) -> f64, points: &[Point]) {
    let error = |p: &Point| {
        let found = function(p.x);
        // The difference of neighbours is exact; an infinite or NaN result has no finite error.
        let error = ((found - p.nearest) / power_of_two(p.unit) - p.offset).abs();
        if error.is_nan() { f64::INFINITY } else { error }
    };
    let worst = points.iter().max_by(|a, b| error(a).total_cmp(&error(b))).unwrap();
    let over = points.iter().filter(|p| error(p) > bound).count();
    assert!(
        over == 0,
        "{name} is off by up to {:.3} ulp (at {:e}), over {bound} at {over} of {} points",
        error(worst),
        worst.x,
        points.len()
    );
}

#[test]
fn exp_within_one_unit_in_the_last_place_with_fma() {
    check("exp", 1.0, exp::<true>, &references("exp"));
}

#[test]
fn exp_within_one_unit_in_the_last_place_without_fma() {
    check("exp", 1.0, exp::<false>, &references("exp"));
}

#[test]
fn tanh_within_three_units_in_the_last_place_with_fma() {
    check("tanh", 3.0, tanh::<true>, &references("tanh"));
}

#[test]
fn tanh_within_three_units_in_the_last_place_without_fma() {
    check("tanh", 3.0, tanh::<false>, &references("tanh"));
}

/// At both ends of the range, and the sign of zero.
#[test]
fn the_last_finite_and_the_first_infinite_result() {
    // ln(MAX) = 709.782712893383973096…: the double below it gives a finite result, the one above it ∞.
    let below = f64::from_bits(0x4086_2e42_fefa_39ef);
    let above = f64::from_bits(0x4086_2e42_fefa_39f0);
    // e^−746 is less than a quarter of the smallest number.
    for (name, f) in [("with FMA", exp::<true> as fn(f64) -> f64), ("without FMA", exp::<false>)] {
        assert!(f(below).is_finite(), "{name}: exp({below}) = {}", f(below));
        assert_eq!(f(above), f64::INFINITY, "{name}");
        assert_eq!(f(-746.0), 0.0, "{name}");
        assert_eq!(f(f64::NEG_INFINITY), 0.0, "{name}");
        assert!(f(f64::NAN).is_nan(), "{name}");
    }
    for (name, f) in [("with FMA", tanh::<true> as fn(f64) -> f64), ("without FMA", tanh::<false>)] {
        assert_eq!(f(-0.0).to_bits(), (-0.0f64).to_bits(), "{name}");
        assert_eq!(f(f64::INFINITY), 1.0, "{name}");
        assert_eq!(f(f64::NEG_INFINITY), -1.0, "{name}");
        assert!(f(f64::NAN).is_nan(), "{name}");
        // The smallest numbers are their own tanh.
        assert_eq!(f(5e-324), 5e-324, "{name}");
        assert_eq!(f(-f64::MIN_POSITIVE), -f64::MIN_POSITIVE, "{name}");
    }
}
