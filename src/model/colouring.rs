//! Columns of a sparse Jacobian that one directional derivative can find together.
//!
//! A. R. Curtis, M. J. D. Powell, J. K. Reid, *On the estimation of sparse Jacobian matrices*, J. Inst. Math. Appl. 13
//! (1974) 117–119. Columns that have no row in common can share a direction: each entry of $J (e_j + e_k + \dots)$ then
//! belongs to one column only. Finding the fewest groups is colouring the graph in which two columns are neighbours if
//! they meet in a row (T. F. Coleman, J. J. Moré, SIAM J. Numer. Anal. 20 (1983) 187–209), so greedy orders have to do.

use super::sparsity::Sparsity;

/// Groups of columns that never meet in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colouring {
    /// The colour of each column, from 0.
    pub colour: Vec<usize>,
    /// Number of colours: directional derivatives needed for the whole Jacobian.
    pub count: usize,
}

/// Steps (columns met through rows) above which nothing better than one colour for each column is looked for.
const MOST_WORK: usize = 2_000_000_000;
/// Rounds that look for fewer colours.
const ROUNDS: usize = 5;

impl Sparsity {
    /// Colours the columns so that no two of one colour meet in a row.
    ///
    /// Greedy, in the best of three orders: columns as they stand, which is hard to beat on a grid; neighbours one after
    /// another, for grids that are numbered at random; those that meet most others first. A few more rounds take the colours found one after another, which never needs more of them
    /// and often fewer (J. C. Culberson, *Iterated greedy graph coloring and the difficulty landscape*, University of
    /// Alberta TR 92-07, 1992). The fullest row's number of entries is a lower bound. The work is a small multiple of
    /// the sum of squares of the row lengths; with rows so full that this passes 2·10⁹, every column gets its own.
    pub fn colouring(&self) -> Colouring {
        let n = self.dimension();
        let by_row = self.transpose();
        let fullest = by_row.columns().map(<[usize]>::len).max().unwrap_or(0);
        let work = by_row.columns().fold(0usize, |sum, row| sum.saturating_add(row.len().saturating_mul(row.len())));
        if fullest == n || work > MOST_WORK {
            return Colouring { colour: (0..n).collect(), count: n };
        }
        let mut best = self.greedy(&by_row, 0..n);
        for order in [Self::neighbours_next, Self::fullest_first] {
            if best.count > fullest {
                let ordered = self.greedy(&by_row, order(self, &by_row).into_iter());
                if ordered.count < best.count {
                    best = ordered;
                }
            }
        }
        for round in 0..ROUNDS {
            if best.count == fullest {
                break;
            }
            best = self.greedy(&by_row, best.by_colour(round).into_iter());
        }
        best
    }

    /// The columns that meet most others first.
    fn fullest_first(&self, by_row: &Sparsity) -> Vec<usize> {
        let meets = |j: usize| self.column(j).iter().map(|&row| by_row.column(row).len()).sum::<usize>();
        let degree: Vec<usize> = (0..self.dimension()).map(meets).collect();
        let mut order: Vec<usize> = (0..self.dimension()).collect();
        order.sort_by_key(|&j| std::cmp::Reverse(degree[j]));
        order
    }

    /// The columns breadth first: after each state those that it acts on and those that act on it.
    fn neighbours_next(&self, by_row: &Sparsity) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.dimension());
        let mut found = vec![false; self.dimension()];
        for start in 0..self.dimension() {
            let mut next = order.len();
            if !std::mem::replace(&mut found[start], true) {
                order.push(start);
            }
            while let Some(&j) = order.get(next) {
                next += 1;
                for &neighbour in self.column(j).iter().chain(by_row.column(j)) {
                    if !std::mem::replace(&mut found[neighbour], true) {
                        order.push(neighbour);
                    }
                }
            }
        }
        order
    }

    /// Gives each column in turn the first colour that no column it meets has.
    fn greedy(&self, by_row: &Sparsity, order: impl Iterator<Item = usize>) -> Colouring {
        const NONE: usize = usize::MAX;
        let mut colour = vec![NONE; self.dimension()];
        // The column that last saw this colour on a neighbour.
        let mut seen_by: Vec<usize> = Vec::new();
        for j in order {
            for &row in self.column(j) {
                for &other in by_row.column(row) {
                    if let Some(seen) = seen_by.get_mut(colour[other]) {
                        *seen = j;
                    }
                }
            }
            colour[j] = seen_by.iter().position(|&column| column != j).unwrap_or(seen_by.len());
            if colour[j] == seen_by.len() {
                seen_by.push(NONE);
            }
        }
        Colouring { colour, count: seen_by.len() }
    }
}

impl Colouring {
    /// The columns colour after colour: the last colour first in even rounds, the rarest first in odd ones.
    fn by_colour(&self, round: usize) -> Vec<usize> {
        let mut size = vec![0; self.count];
        for &colour in &self.colour {
            size[colour] += 1;
        }
        let mut colours: Vec<usize> = (0..self.count).rev().collect();
        if round % 2 == 1 {
            colours.sort_by_key(|&colour| size[colour]);
        }
        // Counting sort of the columns.
        let mut next = vec![0; self.count];
        let mut place = 0;
        for colour in colours {
            next[colour] = place;
            place += size[colour];
        }
        let mut order = vec![0; self.colour.len()];
        for (j, &colour) in self.colour.iter().enumerate() {
            order[next[colour]] = j;
            next[colour] += 1;
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Straight from the definition: in no row do two columns of one colour meet.
    fn assert_valid(pattern: &Sparsity, colouring: &Colouring) {
        let n = pattern.dimension();
        assert_eq!(colouring.colour.len(), n);
        assert!(colouring.colour.iter().all(|&c| c < colouring.count));
        for row in 0..n {
            let mut taken = vec![false; colouring.count];
            for j in (0..n).filter(|&j| pattern.position(row, j).is_some()) {
                assert!(!std::mem::replace(&mut taken[colouring.colour[j]], true), "row {row}, column {j}");
            }
        }
    }

    #[test]
    fn random_patterns_are_coloured_validly_and_alike_every_time() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for n in [0, 1, 2, 3, 7, 8, 9, 16, 17, 63, 64, 65, 127, 257] {
            for per_column in [0, 1, 3, 8] {
                let entries: Vec<(usize, usize)> =
                    (0..per_column * n).map(|_| (rng.random_range(0..n), rng.random_range(0..n))).collect();
                let pattern = Sparsity::from_entries(n, &entries).unwrap();
                let colouring = pattern.colouring();
                assert_valid(&pattern, &colouring);
                let fullest = pattern.transpose().columns().map(<[usize]>::len).max().unwrap_or(0);
                assert!(colouring.count >= fullest);
                assert_eq!(colouring, pattern.colouring());
            }
        }
    }

    #[test]
    fn known_numbers_of_colours() {
        assert_eq!(Sparsity::diagonal(9).colouring().count, 1);
        assert_eq!(Sparsity::banded(100, 1, 1).colouring().count, 3);
        assert_eq!(Sparsity::banded(100, 2, 4).colouring().count, 7);
        assert_eq!(Sparsity::dense(20).colouring().count, 20);
        assert_eq!(Sparsity::dense(0).colouring().count, 0);
        // An arrow: full first column and diagonal need two, full first row needs one for each column.
        let arrow: Vec<(usize, usize)> = (0..50).flat_map(|i| [(i, i), (i, 0)]).collect();
        assert_eq!(Sparsity::from_entries(50, &arrow).unwrap().colouring().count, 2);
        assert_eq!(Sparsity::from_entries(50, &arrow).unwrap().transpose().colouring().count, 50);
    }

    #[test]
    fn a_bad_order_of_the_columns_is_overcome() {
        // Three colours suffice for a line of cells; in shuffled order the first colour that fits needs more.
        let n = 500;
        let mut place: Vec<usize> = (0..n).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for i in (1..n).rev() {
            place.swap(i, rng.random_range(0..=i));
        }
        let line = Sparsity::banded(n, 1, 1);
        let entries: Vec<(usize, usize)> =
            (0..n).flat_map(|j| line.column(j).iter().map(|&i| (place[i], place[j])).collect::<Vec<_>>()).collect();
        let pattern = Sparsity::from_entries(n, &entries).unwrap();
        let natural = pattern.greedy(&pattern.transpose(), 0..n);
        let colouring = pattern.colouring();
        assert_valid(&pattern, &colouring);
        assert_eq!((colouring.count, natural.count), (3, 5));
    }
}
