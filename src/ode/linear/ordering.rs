//! The order in which a sparse matrix is eliminated.
//!
//! With pivots on the diagonal, the fill-in of $LU$ is that of a Cholesky factorisation of the pattern of $W +
//! W^\top$. The approximate minimum degree order of that pattern (P. R. Amestoy, T. A. Davis, I. S. Duff, SIAM J.
//! Matrix Anal. Appl. 17 (1996) 886–905) keeps it small; the elimination tree (J. W. H. Liu, ibid. 11 (1990) 134–172)
//! and the column counts (J. R. Gilbert, E. G. Ng, B. W. Peyton, ibid. 15 (1994) 1075–1091) tell what it will be,
//! in a time that is almost proportional to the entries of $W$.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::sparse::SymbolicSparseColMatRef;
use faer::sparse::linalg::amd;

/// No parent: the root of a tree.
pub const NONE: usize = usize::MAX;

/// The graph of $W + W^\top$ without loops: neighbours of `j` in `neighbours[starts[j]..starts[j + 1]]`, increasing.
#[derive(Clone, Debug)]
pub struct Graph {
    starts: Vec<usize>,
    neighbours: Vec<usize>,
}

impl Graph {
    /// From sorted compressed columns.
    pub fn new(n: usize, starts: &[usize], rows: &[usize]) -> Graph {
        // Rows of W by column, the columns in each increasing.
        let mut row_starts = vec![0; n + 1];
        for &row in rows {
            row_starts[row + 1] += 1;
        }
        for i in 0..n {
            row_starts[i + 1] += row_starts[i];
        }
        let mut next = row_starts.clone();
        let mut columns = vec![0; rows.len()];
        for j in 0..n {
            for &row in &rows[starts[j]..starts[j + 1]] {
                columns[next[row]] = j;
                next[row] += 1;
            }
        }
        let mut graph = Graph { starts: vec![0], neighbours: Vec::with_capacity(rows.len()) };
        for j in 0..n {
            let (mut a, mut b) = (&rows[starts[j]..starts[j + 1]], &columns[row_starts[j]..row_starts[j + 1]]);
            while let Some(&neighbour) = a.first().into_iter().chain(b.first()).min() {
                a = a.strip_prefix(&[neighbour]).unwrap_or(a);
                b = b.strip_prefix(&[neighbour]).unwrap_or(b);
                if neighbour != j {
                    graph.neighbours.push(neighbour);
                }
            }
            graph.starts.push(graph.neighbours.len());
        }
        graph
    }

    /// Number of vertices.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The neighbours of a vertex, increasing.
    pub fn of(&self, j: usize) -> &[usize] {
        &self.neighbours[self.starts[j]..self.starts[j + 1]]
    }
}

/// An order of elimination in which every subtree of the elimination tree stands together.
#[derive(Clone, Debug)]
pub struct Ordering {
    /// Vertex eliminated at each step.
    pub vertex: Vec<usize>,
    /// Step at which each vertex is eliminated.
    #[allow(dead_code)]
    pub step: Vec<usize>,
    /// Elimination tree: the first later step that each step changes.
    pub parent: Vec<usize>,
    /// Entries in each column of $L$ with the diagonal.
    pub count: Vec<usize>,
}

impl Ordering {
    /// Minimum degree order, in postorder of its elimination tree.
    pub fn minimum_degree(graph: &Graph) -> Ordering {
        let vertex = approximate_minimum_degree(graph);
        let parent = elimination_tree(graph, &vertex, &inverse(&vertex));
        let post = postorder(&parent);
        let vertex: Vec<usize> = post.iter().map(|&k| vertex[k]).collect();
        let place = inverse(&post);
        let parent: Vec<usize> =
            post.iter().map(|&k| if parent[k] == NONE { NONE } else { place[parent[k]] }).collect();
        let step = inverse(&vertex);
        let count = column_counts(graph, &vertex, &step, &parent);
        Ordering { vertex, step, parent, count }
    }
}

/// The inverse permutation.
pub fn inverse(order: &[usize]) -> Vec<usize> {
    let mut place = vec![0; order.len()];
    for (k, &i) in order.iter().enumerate() {
        place[i] = k;
    }
    place
}

fn approximate_minimum_degree(graph: &Graph) -> Vec<usize> {
    let n = graph.len();
    let (mut order, mut place) = (vec![0; n], vec![0; n]);
    let pattern = SymbolicSparseColMatRef::new_checked(n, n, &graph.starts, None, &graph.neighbours);
    let mut memory = MemBuffer::new(amd::order_scratch::<usize>(n, graph.neighbours.len()));
    let found = amd::order(&mut order, &mut place, pattern, amd::Control::default(), MemStack::new(&mut memory));
    // It fails only when the number of entries exceeds an integer.
    if found.is_err() { (0..n).collect() } else { order }
}

/// Liu's algorithm with path compression.
fn elimination_tree(graph: &Graph, vertex: &[usize], step: &[usize]) -> Vec<usize> {
    let mut parent = vec![NONE; vertex.len()];
    let mut ancestor = vec![NONE; vertex.len()];
    for (j, &v) in vertex.iter().enumerate() {
        for &neighbour in graph.of(v) {
            let mut i = step[neighbour];
            while i < j {
                let next = std::mem::replace(&mut ancestor[i], j);
                if next == NONE {
                    parent[i] = j;
                    break;
                }
                i = next;
            }
        }
    }
    parent
}

/// Every vertex of a forest after its children; children in increasing order.
pub fn postorder(parent: &[usize]) -> Vec<usize> {
    let n = parent.len();
    // Children as linked lists, and the roots as children of a vertex n.
    let (mut first, mut next) = (vec![NONE; n + 1], vec![NONE; n]);
    for j in (0..n).rev() {
        let above = parent[j].min(n);
        next[j] = first[above];
        first[above] = j;
    }
    let mut order = Vec::with_capacity(n);
    let mut path = vec![n];
    while let Some(&j) = path.last() {
        match first[j] {
            NONE => {
                path.pop();
                if j < n {
                    order.push(j);
                }
            }
            child => {
                first[j] = next[child];
                path.push(child);
            }
        }
    }
    order
}

/// Entries of each column of $L$, for steps in postorder.
fn column_counts(graph: &Graph, vertex: &[usize], step: &[usize], parent: &[usize]) -> Vec<usize> {
    let n = vertex.len();
    // First descendant of each step.
    let mut first: Vec<usize> = (0..n).collect();
    for j in 0..n {
        if parent[j] != NONE {
            first[parent[j]] = first[parent[j]].min(first[j]);
        }
    }
    // Row i of L is the subtree that the entries of row i span. Each of its leaves adds one to its column and to all
    // above it, less where two paths meet.
    let mut change: Vec<isize> = (0..n).map(|j| isize::from(first[j] == j)).collect();
    let mut last_leaf = vec![NONE; n];
    let mut last_first = vec![NONE; n];
    let mut ancestor: Vec<usize> = (0..n).collect();
    for j in 0..n {
        if parent[j] != NONE {
            change[parent[j]] -= 1;
        }
        for &neighbour in graph.of(vertex[j]) {
            let i = step[neighbour];
            // A leaf of the row's subtree: nothing of it has been seen below j.
            if i <= j || (last_first[i] != NONE && first[j] <= last_first[i]) {
                continue;
            }
            last_first[i] = first[j];
            change[j] += 1;
            let before = std::mem::replace(&mut last_leaf[i], j);
            if before != NONE {
                change[lowest_common_ancestor(&mut ancestor, before)] -= 1;
            }
        }
        if parent[j] != NONE {
            ancestor[j] = parent[j];
        }
    }
    for j in 0..n {
        if parent[j] != NONE {
            change[parent[j]] += change[j];
        }
    }
    change.into_iter().map(|count| count as usize).collect()
}

/// Of the step at hand and an earlier one: the top of the part of the tree above the earlier one seen so far.
fn lowest_common_ancestor(ancestor: &mut [usize], start: usize) -> usize {
    let mut top = start;
    while ancestor[top] != top {
        top = ancestor[top];
    }
    let mut j = start;
    while j != top {
        j = std::mem::replace(&mut ancestor[j], top);
    }
    top
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Plays the elimination: the neighbours of an eliminated vertex become neighbours of each other.
    fn eliminate(graph: &Graph, vertex: &[usize], step: &[usize]) -> Vec<Vec<bool>> {
        let n = graph.len();
        let mut l = vec![vec![false; n]; n];
        for j in 0..n {
            l[j][j] = true;
            for &neighbour in graph.of(vertex[j]) {
                if step[neighbour] > j {
                    l[j][step[neighbour]] = true;
                }
            }
        }
        for j in 0..n {
            let below: Vec<usize> = (j + 1..n).filter(|&i| l[j][i]).collect();
            if let Some((&parent, others)) = below.split_first() {
                for &i in others {
                    l[parent][i] = true;
                }
            }
        }
        l
    }

    #[test]
    fn tree_and_counts_are_those_of_the_elimination() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for n in [1usize, 2, 3, 7, 8, 9, 16, 17, 63, 64, 65, 127] {
            for per_column in [0, 1, 2, 4] {
                let entries: Vec<(usize, usize)> =
                    (0..per_column * n).map(|_| (rng.random_range(0..n), rng.random_range(0..n))).collect();
                let pattern = crate::model::Sparsity::from_entries(n, &entries).unwrap();
                let graph = Graph::new(n, pattern.starts(), pattern.rows());
                let ordering = Ordering::minimum_degree(&graph);
                let mut sorted = ordering.vertex.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..n).collect::<Vec<_>>());
                let l = eliminate(&graph, &ordering.vertex, &ordering.step);
                for j in 0..n {
                    let below: Vec<usize> = (j + 1..n).filter(|&i| l[j][i]).collect();
                    assert_eq!(ordering.count[j], below.len() + 1, "n = {n}, column {j}");
                    assert_eq!(ordering.parent[j], below.first().copied().unwrap_or(NONE));
                }
            }
        }
    }

    #[test]
    fn an_arrow_has_no_fill() {
        let n = 50;
        let entries: Vec<(usize, usize)> = (0..n).flat_map(|i| [(i, i), (0, i), (i, 0)]).collect();
        let pattern = crate::model::Sparsity::from_entries(n, &entries).unwrap();
        let ordering = Ordering::minimum_degree(&Graph::new(n, pattern.starts(), pattern.rows()));
        assert_eq!(ordering.count.iter().sum::<usize>(), 2 * n - 1);
    }
}
