//! What is kept of a solve for the way back, within a budget.
//!
//! As long as it fits, every step is kept. From time to time a snapshot is taken of what the solve goes on from; when memory
//! ends, only the steps since the last snapshot are kept, and those before it are made once more on the way back, from snapshot
//! to snapshot. With a budget $B$ a snapshot is taken after steps of $B / 4$ bytes. Steps of $T$ bytes in all need
//! $4 T / B$ snapshots, and with snapshots of $s$ bytes about $3 B^2 / 16 s$ bytes of steps fit: the two levels of
//! A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, section 12.2, with the number of steps not known
//! before.

use super::reverse::Made;
use super::steps::Steps;
use crate::ode::{Course, Method, Stop, StopReason};

/// What was kept of a solve for its gradient; see [`DiscreteAdjoint::budget`](super::DiscreteAdjoint::budget).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpointing {
    /// Steps of the solve.
    pub steps: usize,
    /// Steps that were made a second time, on the way back: none where all of them were kept.
    pub repeated: usize,
    /// Times from which the solve could be taken up again, beside its start.
    pub snapshots: usize,
    /// Bytes taken at the same time, at most, by what counts towards the budget.
    pub bytes: usize,
}

/// What a solve goes on from, between two steps.
pub(super) struct Snapshot {
    pub course: Course,
    /// Steps before it.
    pub step: usize,
    /// Whether the method begins with the next step, and the method of the step before.
    pub begins: bool,
    pub last: Option<Method>,
    pub u: Box<[f64]>,
    /// What the method goes on from; none at the start of the solve.
    pub method: Option<Box<[f64]>>,
}

impl Snapshot {
    /// With its place in a vector that may be half empty, and what the allocator adds.
    fn bytes(&self) -> usize {
        Snapshot::size(self.u.len() + self.method.as_ref().map_or(0, |method| method.len()))
    }

    fn size(numbers: usize) -> usize {
        size_of::<Snapshot>() + 3 * size_of::<Box<Snapshot>>() + 48 + numbers * size_of::<f64>()
    }
}

/// Steps and snapshots.
#[derive(Default)]
pub(super) struct Checkpoints {
    budget: usize,
    pub steps: Steps,
    // Boxed, so that the vector that grows is a small one.
    #[allow(clippy::vec_box)]
    snapshots: Vec<Box<Snapshot>>,
    snapshot_bytes: usize,
    /// The snapshot that the steps in memory begin with.
    held: usize,
    /// Of the steps since the last snapshot: their bytes, their number, and the block they begin with.
    segment: Segment,
    /// Whether what is needed no longer fits, and steps are only counted.
    overflown: bool,
    /// Bytes of all steps and of the longest.
    all: usize,
    longest: usize,
    /// Bytes since the method could last be saved, the most that it has ever been, and the largest snapshot.
    apart: usize,
    farthest: usize,
    largest: usize,
    pub report: Checkpointing,
}

#[derive(Clone, Copy, Default)]
struct Segment {
    bytes: usize,
    steps: usize,
    block: usize,
}

/// The part of the budget after which a snapshot is taken.
const PART: usize = 4;

impl Checkpoints {
    /// Begins with the start of a solve.
    pub fn begin(&mut self, budget: usize, start: Snapshot) {
        self.steps.begin(budget);
        let steps = std::mem::take(&mut self.steps);
        *self = Checkpoints { budget, steps, ..Checkpoints::default() };
        self.snapshot_bytes = start.bytes();
        self.largest = start.bytes();
        self.snapshots.push(Box::new(start));
        self.note();
    }

    /// Bytes allocated.
    pub fn bytes(&self) -> usize {
        self.steps.bytes() + self.snapshot_bytes
    }

    fn note(&mut self) {
        self.report.bytes = self.report.bytes.max(self.bytes());
    }

    /// Keeps a step that was made for the first time.
    pub fn keep(&mut self, step: &Made, method: Method) {
        let bytes = Steps::size(step.u.len(), step.stages.len());
        self.report.steps += 1;
        self.all += bytes;
        self.longest = self.longest.max(bytes);
        self.apart += bytes;
        self.segment.bytes += bytes;
        if self.overflown {
            return;
        }
        let mut kept = self.steps.push(step, method, self.room());
        if !kept {
            self.forget_what_can_be_made_again();
            kept = self.steps.push(step, method, self.room());
        }
        self.segment.steps += 1;
        self.note();
        if !kept {
            self.overflow();
        }
    }

    /// Keeps a step that was made again. There is room, as there was for it before.
    pub fn keep_again(&mut self, step: &Made, method: Method) -> bool {
        self.report.repeated += 1;
        let mut kept = self.steps.push(step, method, self.room());
        if !kept {
            self.steps.trim();
            kept = self.steps.push(step, method, self.room());
        }
        self.note();
        kept
    }

    /// Bytes that steps may take.
    fn room(&self) -> usize {
        self.budget.saturating_sub(self.snapshot_bytes)
    }

    /// Leaves only the steps since the last snapshot, and no memory but theirs.
    fn forget_what_can_be_made_again(&mut self) {
        self.steps.forget(self.segment.block, self.steps.count() - self.segment.steps);
        self.steps.trim();
        self.segment.block = 0;
        self.held = self.snapshots.len() - 1;
    }

    /// Goes on counting.
    fn overflow(&mut self) {
        self.overflown = true;
        self.steps.clear();
        self.steps.trim();
        self.snapshots.clear();
        self.snapshot_bytes = 0;
    }

    /// Whether a snapshot is due where the method can be saved. After each step.
    pub fn is_due(&mut self, can_be_saved: bool) -> bool {
        if can_be_saved {
            self.farthest = self.farthest.max(std::mem::take(&mut self.apart));
        }
        can_be_saved && (self.overflown || self.segment.bytes >= self.budget / PART)
    }

    /// Takes a snapshot of a course, its state, and what its method goes on from.
    pub fn snapshot(&mut self, course: &Course, u: &[f64], method: &[f64], begins: bool, last: Option<Method>) {
        let bytes = Snapshot::size(u.len() + method.len());
        self.largest = self.largest.max(bytes);
        if self.overflown {
            return;
        }
        if self.bytes() + bytes > self.budget {
            self.forget_what_can_be_made_again();
        }
        if self.bytes() + bytes > self.budget {
            return self.overflow();
        }
        let (step, u, method) = (self.report.steps, u.into(), Some(method.into()));
        self.snapshots.push(Box::new(Snapshot { course: course.again(), step, begins, last, u, method }));
        self.snapshot_bytes += bytes;
        self.report.snapshots += 1;
        self.note();
        if self.held > 0 {
            self.steps.clear();
            self.held = self.snapshots.len() - 1;
        }
        self.segment = Segment { block: self.steps.seal(), ..Segment::default() };
    }

    /// The forward solve is over at this time: says whether there is a way back.
    pub fn finish(&self, t: f64) -> Result<(), Stop> {
        if !self.overflown {
            return Ok(());
        }
        let reason = StopReason::Memory { budget: self.budget, needed: self.needed() };
        Err(Stop { reason, t, h: 0.0, component: 0 })
    }

    /// A budget that is enough.
    fn needed(&self) -> usize {
        // A snapshot is taken at the next chance after a part of the budget: steps in memory, snapshots.
        let enough = |budget: usize| {
            let segment = budget / PART + self.farthest.max(self.apart) + self.longest;
            let snapshots = (self.all / (budget / PART).max(1) + 3) * self.largest;
            Steps::bound(segment, self.longest, budget) + snapshots <= budget
        };
        let mut least = 1 << 10;
        while least <= self.budget || !enough(least) {
            least += least / 16;
        }
        // Where all steps fit, few snapshots are taken beside them.
        let whole = Steps::bound(self.all, self.longest, self.all) + (PART + 4) * self.largest;
        let needed = if whole > self.budget { least.min(whole) } else { least };
        // What another way of keeping a solve may have left allocated.
        needed + needed / 32
    }

    /// When all steps in memory are swept: what to make the ones before them from, and where they lead.
    pub fn before(&mut self) -> Option<(Box<Snapshot>, Box<Snapshot>)> {
        // Steps are in memory from an earlier snapshot on: nobody needs the later ones.
        for later in self.snapshots.drain((self.held + 1).min(self.snapshots.len())..) {
            self.snapshot_bytes -= later.bytes();
        }
        if self.held == 0 {
            return None;
        }
        let (to, from) = (self.snapshots.pop()?, self.snapshots.pop()?);
        self.held -= 1;
        self.steps.seal();
        Some((from, to))
    }

    /// The steps from one snapshot to another are made again: the other one has served.
    pub fn made_again(&mut self, from: Box<Snapshot>, to: &Snapshot) {
        self.snapshot_bytes -= to.bytes();
        self.snapshots.push(from);
    }

    /// Gives all memory back.
    pub fn release(&mut self) {
        *self = Checkpoints { report: self.report, ..Checkpoints::default() };
    }
}
