//! What a sparse factorisation does, worked out before it sees a number.
//!
//! Columns of $L$ with the same rows form a *front*: a dense block that is eliminated by dense kernels and leaves a
//! contribution to the fronts above it (I. S. Duff, J. K. Reid, *The multifrontal solution of indefinite sparse
//! symmetric linear equations*, ACM Trans. Math. Softw. 9 (1983) 302–325). Small fronts are merged with their parents
//! where the zeros stored cost less time than the bookkeeping saved.

use super::assembly::Assembly;
use super::block::stride;
use super::ordering::{Graph, NONE, Ordering, inverse, postorder};

/// The fronts of a matrix and where everything goes.
#[derive(Clone, Debug)]
pub struct Fronts {
    /// Number of rows and columns.
    pub n: usize,
    /// Row and column of $W$ eliminated at each step.
    pub vertex: Vec<usize>,
    /// The fronts, every front after those that contribute to it.
    pub fronts: Vec<Front>,
    /// For all fronts one after another: the steps, after its own, that the front changes, increasing.
    pub rows: Vec<u32>,
    /// For all fronts one after another: where those stand in the parent front.
    pub place_in_parent: Vec<u32>,
    /// For all fronts one after another: (position in $W$, position in the front's values) of the entries of $W$ that
    /// appear in it first.
    pub entries: Vec<(u32, u32)>,
    /// Children of all fronts one after another.
    pub children: Vec<u32>,
    /// Numbers kept for the factors.
    pub values: usize,
    /// Numbers needed for contributions on their way, on each of two stacks.
    pub stacks: [usize; 2],
    /// Multiplications of a factorisation.
    pub multiplications: f64,
    /// Entries of $L + U$ with the zeros in them that are stored.
    pub filled: usize,
}

/// One front: `pivots` columns that are eliminated and `rows` that change. Its values are the square block of the
/// pivots, then the rows below it, then the transposed columns right of it.
#[derive(Clone, Debug)]
pub struct Front {
    /// First step.
    pub first: usize,
    /// Number of steps.
    pub pivots: usize,
    /// Range of [`Fronts::rows`] and [`Fronts::place_in_parent`].
    pub rows: std::ops::Range<usize>,
    /// Range of [`Fronts::entries`].
    pub entries: std::ops::Range<usize>,
    /// Range of [`Fronts::children`].
    pub children: std::ops::Range<usize>,
    /// Where its values start among all.
    pub values: usize,
    /// The stack on which its contribution is left, and where.
    pub stack: usize,
    /// Place on that stack.
    pub place: usize,
}

impl Front {
    /// Distance between the columns of the block of pivots.
    pub fn pivot_stride(&self) -> usize {
        stride(self.pivots)
    }
    /// Distance between the columns below it.
    pub fn row_stride(&self) -> usize {
        stride(self.rows.len())
    }
    /// Number of values.
    pub fn values_len(&self) -> usize {
        self.pivots * (self.pivot_stride() + 2 * self.row_stride())
    }
    /// Number of values of its contribution.
    pub fn contribution_len(&self) -> usize {
        self.rows.len() * self.row_stride()
    }
}

/// Predicted time of a front in nanoseconds, on one core of a present-day processor. Only ratios matter: whether two
/// fronts are merged.
fn predicted_time(pivots: usize, rows: usize) -> f64 {
    let (k, r) = (pivots as f64, rows as f64);
    let multiplications = k * k * k / 3.0 + k * k * r + k * r * r;
    // Entering a front, moving its numbers (its factors are read again by every solve), arithmetic.
    250.0 + r * r + 1.5 * k * (k + 2.0 * r) + multiplications / 15.0
}

impl Fronts {
    /// Predicted nanoseconds of a factorisation and the few solves that follow.
    pub fn predicted_time(&self) -> f64 {
        self.fronts.iter().map(|front| predicted_time(front.pivots, front.rows.len())).sum()
    }

    /// Orders the matrix and lays out its fronts.
    pub fn new(matrix: &Assembly) -> Fronts {
        let n = matrix.dimension();
        let graph = Graph::new(n, matrix.starts(), matrix.rows());
        let ordering = Ordering::minimum_degree(&graph);
        let groups = merged(&ordering);
        // Steps anew, so that those of a front stand together.
        let vertex: Vec<usize> = groups.columns.iter().map(|&k| ordering.vertex[k]).collect();
        let mut layout = Fronts {
            n,
            vertex,
            fronts: Vec::with_capacity(groups.starts.len() - 1),
            rows: Vec::new(),
            place_in_parent: Vec::new(),
            entries: Vec::new(),
            children: Vec::new(),
            values: 0,
            stacks: [0; 2],
            multiplications: 0.0,
            filled: 0,
        };
        let step = inverse(&layout.vertex);
        layout.find_rows(&graph, &step, &groups);
        layout.find_places(&groups);
        layout.sort_entries(matrix, &step);
        layout
    }

    /// The rows of each front: those of its columns and of its children's contributions.
    fn find_rows(&mut self, graph: &Graph, step: &[usize], groups: &Groups) {
        let count = groups.parent.len();
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); count];
        let mut seen_by = vec![NONE; self.n];
        for front in 0..count {
            let (first, end) = (groups.starts[front], groups.starts[front + 1]);
            let start = self.rows.len();
            let mut note = |row: usize, rows: &mut Vec<u32>| {
                if row >= end && seen_by[row] != front {
                    seen_by[row] = front;
                    rows.push(row as u32);
                }
            };
            for &vertex in &self.vertex[first..end] {
                for &neighbour in graph.of(vertex) {
                    note(step[neighbour], &mut self.rows);
                }
            }
            for &child in &children[front] {
                for k in self.fronts[child as usize].rows.clone() {
                    note(self.rows[k] as usize, &mut self.rows);
                }
            }
            self.rows[start..].sort_unstable();
            if groups.parent[front] != NONE {
                children[groups.parent[front]].push(front as u32);
            }
            let child_start = self.children.len();
            self.children.append(&mut children[front]);
            let mut laid_out = Front {
                first,
                pivots: end - first,
                rows: start..self.rows.len(),
                entries: 0..0,
                children: child_start..self.children.len(),
                values: self.values,
                stack: 0,
                place: 0,
            };
            laid_out.values = self.values;
            self.values += laid_out.values_len();
            let (k, r) = (laid_out.pivots as f64, laid_out.rows.len() as f64);
            self.multiplications += k * k * k / 3.0 + k * k * r + k * r * r;
            self.filled += laid_out.pivots * (laid_out.pivots + 2 * laid_out.rows.len());
            self.fronts.push(laid_out);
        }
    }

    /// Where contributions are kept, and where their rows stand in the parent.
    fn find_places(&mut self, groups: &Groups) {
        // A front's contribution and those it is made of lie on different stacks, so that one is written while the
        // others are read; on each stack, children lie on top when their parent comes.
        for front in (0..self.fronts.len()).rev() {
            if groups.parent[front] != NONE {
                self.fronts[front].stack = 1 - self.fronts[groups.parent[front]].stack;
            }
        }
        let mut top = [0; 2];
        self.place_in_parent = vec![0; self.rows.len()];
        let mut place = vec![0; self.n];
        for front in 0..self.fronts.len() {
            let Front { first, pivots, rows, children, stack, .. } = self.fronts[front].clone();
            if let Some(&lowest) = self.children[children.clone()].first() {
                top[1 - stack] = self.fronts[lowest as usize].place;
            }
            self.fronts[front].place = top[stack];
            top[stack] += self.fronts[front].contribution_len();
            self.stacks[stack] = self.stacks[stack].max(top[stack]);
            for k in 0..pivots {
                place[first + k] = k as u32;
            }
            for (k, &row) in self.rows[rows].iter().enumerate() {
                place[row as usize] = (pivots + k) as u32;
            }
            for &child in &self.children[children] {
                for k in self.fronts[child as usize].rows.clone() {
                    self.place_in_parent[k] = place[self.rows[k] as usize];
                }
            }
        }
    }

    /// The entries of $W$ by the front that takes them up.
    fn sort_entries(&mut self, matrix: &Assembly, step: &[usize]) {
        let mut front_of = vec![0; self.n];
        for (k, front) in self.fronts.iter().enumerate() {
            front_of[front.first..front.first + front.pivots].fill(k);
        }
        let places = || {
            matrix
                .starts()
                .windows(2)
                .enumerate()
                .flat_map(|(j, ends)| (ends[0]..ends[1]).map(move |k| (k, step[matrix.rows()[k]], step[j])))
        };
        let mut next = vec![0; self.fronts.len() + 1];
        for (_, row, column) in places() {
            next[front_of[row.min(column)] + 1] += 1;
        }
        for front in 0..self.fronts.len() {
            next[front + 1] += next[front];
            self.fronts[front].entries = next[front]..next[front + 1];
        }
        self.entries = vec![(0, 0); matrix.rows().len()];
        for (source, row, column) in places() {
            let index = front_of[row.min(column)];
            let front = &self.fronts[index];
            let below = |step: usize| match step - front.first {
                pivot if pivot < front.pivots => Err(pivot),
                _ => Ok(self.rows[front.rows.clone()].partition_point(|&row| (row as usize) < step)),
            };
            let (ld, rd) = (front.pivot_stride(), front.row_stride());
            let place = match (below(row), below(column)) {
                (Err(i), Err(j)) => j * ld + i,
                (Ok(i), Err(j)) => front.pivots * ld + j * rd + i,
                // A column right of the pivots is a row of the transposed block.
                (Err(i), Ok(j)) => front.pivots * (ld + rd) + i * rd + j,
                // Not possible: the front is that of the smaller of the two.
                (Ok(_), Ok(_)) => continue,
            };
            self.entries[next[index]] = (source as u32, place as u32);
            next[index] += 1;
        }
    }
}

/// Columns grouped into fronts.
struct Groups {
    /// Columns in the order in which the fronts take them.
    columns: Vec<usize>,
    /// Where each front starts in `columns`; one more at the end.
    starts: Vec<usize>,
    /// Parent front, or [`NONE`].
    parent: Vec<usize>,
}

/// Columns with the same rows together, small groups merged with their parents.
fn merged(ordering: &Ordering) -> Groups {
    let n = ordering.vertex.len();
    let (parent, count) = (&ordering.parent, &ordering.count);
    let mut child_count = vec![0u32; n];
    for &above in parent.iter().filter(|&&above| above != NONE) {
        child_count[above] += 1;
    }
    // Fundamental supernodes: a chain without branches, each column one entry shorter than the one before.
    let mut starts: Vec<usize> = Vec::new();
    let mut group_of = vec![0; n];
    for j in 0..n {
        let continues = j > 0 && parent[j - 1] == j && child_count[j] == 1 && count[j - 1] == count[j] + 1;
        if !continues {
            starts.push(j);
        }
        group_of[j] = starts.len() - 1;
    }
    let groups = starts.len();
    starts.push(n);
    let above: Vec<usize> = (0..groups)
        .map(|g| match parent[starts[g + 1] - 1] {
            NONE => NONE,
            column => group_of[column],
        })
        .collect();
    let mut pivots: Vec<usize> = (0..groups).map(|g| starts[g + 1] - starts[g]).collect();
    let rows: Vec<usize> = (0..groups).map(|g| count[starts[g]] - pivots[g]).collect();
    // Children are merged into their parent, the largest first, while that saves time.
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); groups];
    for g in 0..groups {
        if above[g] != NONE {
            children[above[g]].push(g);
        }
    }
    let mut into: Vec<usize> = (0..groups).collect();
    for g in 0..groups {
        let mut candidates = std::mem::take(&mut children[g]);
        candidates.sort_by_key(|&child| std::cmp::Reverse(rows[child] + pivots[child]));
        for child in candidates {
            let apart = predicted_time(pivots[child], rows[child]) + predicted_time(pivots[g], rows[g]);
            if predicted_time(pivots[child] + pivots[g], rows[g]) <= apart {
                into[child] = g;
                pivots[g] += pivots[child];
            }
        }
    }
    for g in (0..groups).rev() {
        into[g] = into[into[g]];
    }
    // The tree of what is left, in postorder.
    let mut place = vec![NONE; groups];
    let left: Vec<usize> = (0..groups).filter(|&g| into[g] == g).collect();
    for (k, &g) in left.iter().enumerate() {
        place[g] = k;
    }
    let parent: Vec<usize> =
        left.iter().map(|&g| if above[g] == NONE { NONE } else { place[into[above[g]]] }).collect();
    let post = postorder(&parent);
    let new = inverse(&post);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); left.len()];
    for g in 0..groups {
        members[new[place[into[g]]]].push(g);
    }
    let mut merged = Groups { columns: Vec::with_capacity(n), starts: vec![0], parent: Vec::new() };
    for (front, members) in members.iter().enumerate() {
        for &g in members {
            merged.columns.extend(starts[g]..starts[g + 1]);
        }
        merged.starts.push(merged.columns.len());
        let above = parent[post[front]];
        merged.parent.push(if above == NONE { NONE } else { new[above] });
    }
    merged
}
