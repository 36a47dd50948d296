//! Weighted sums of stages over lanes.

use crate::number::Lanes;

/// $y_i = b_i + h \sum_j a_j k_{ji}$.
#[inline(always)]
pub(super) fn combine<const FMA: bool, const N: usize>(
    row: &[(usize, f64)],
    k: &[Lanes<N>],
    h: &Lanes<N>,
    base: &[Lanes<N>],
    y: &mut [Lanes<N>],
) {
    match row.len() {
        1 => combine_terms::<1, FMA, N>(row, k, h, base, y),
        2 => combine_terms::<2, FMA, N>(row, k, h, base, y),
        3 => combine_terms::<3, FMA, N>(row, k, h, base, y),
        4 => combine_terms::<4, FMA, N>(row, k, h, base, y),
        5 => combine_terms::<5, FMA, N>(row, k, h, base, y),
        6 => combine_terms::<6, FMA, N>(row, k, h, base, y),
        7 => combine_terms::<7, FMA, N>(row, k, h, base, y),
        _ => {
            let n = y.len();
            for i in 0..n {
                let mut sum = Lanes::splat(0.0);
                for (j, a) in row {
                    sum = Lanes::splat(*a).multiply_add::<FMA>(k[j * n + i], sum);
                }
                y[i] = h.multiply_add::<FMA>(sum, base[i]);
            }
        }
    }
}

/// [`combine`] with a number of terms that the compiler knows.
#[inline(always)]
fn combine_terms<const J: usize, const FMA: bool, const N: usize>(
    row: &[(usize, f64)],
    k: &[Lanes<N>],
    h: &Lanes<N>,
    base: &[Lanes<N>],
    y: &mut [Lanes<N>],
) {
    let n = y.len();
    let base = &base[..n];
    let terms: [(f64, &[Lanes<N>]); J] = std::array::from_fn(|j| (row[j].1, &k[row[j].0 * n..][..n]));
    for i in 0..n {
        let mut sum = Lanes::splat(0.0);
        for (j, (a, k)) in terms.iter().enumerate() {
            let a = Lanes::splat(*a);
            sum = if j == 0 { a * k[i] } else { a.multiply_add::<FMA>(k[i], sum) };
        }
        y[i] = h.multiply_add::<FMA>(sum, base[i]);
    }
}
