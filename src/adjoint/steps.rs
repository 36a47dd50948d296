//! The steps of a solve, written one after another into blocks of memory and read back from the last one.
//!
//! A step is the state at its start, what the method keeps of it, and its numbers, the length of the whole last. Blocks are
//! never moved nor enlarged: what is allocated is known to the byte.

use super::reverse::Made;
use crate::ode::Method;

/// Numbers of a step beside its state and its stages: time, length, method, whether the method begins with it, and how many
/// numbers there are in all.
const BESIDE: usize = 5;

/// Bytes that a block takes beside its numbers.
const BLOCK: usize = 2 * size_of::<Vec<f64>>();

/// Bytes of a usual block, at most, and its least part of what all may take.
const MOST: usize = 1 << 18;
const BLOCKS: usize = 32;

/// What a step may fill of a usual block; a longer one has a block to itself, so that no block is left with more than this part
/// empty.
const PART: usize = 8;

/// Steps in memory.
#[derive(Default)]
pub(super) struct Steps {
    blocks: Vec<Vec<f64>>,
    /// Usual blocks that are empty.
    free: Vec<Vec<f64>>,
    /// Numbers of a usual block.
    usual: usize,
    /// Whether the next step begins a block.
    sealed: bool,
    count: usize,
    bytes: usize,
}

impl Steps {
    /// Forgets all steps, for others that may take so many bytes.
    pub fn begin(&mut self, budget: usize) {
        let usual = (budget / BLOCKS).min(MOST) / size_of::<f64>();
        if std::mem::replace(&mut self.usual, usual) != usual {
            *self = Steps { usual, ..Steps::default() };
        }
        self.clear();
        if self.bytes > budget {
            self.trim();
        }
    }

    /// Steps in memory.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes allocated.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of a step.
    pub fn size(states: usize, stages: usize) -> usize {
        (states + stages + BESIDE) * size_of::<f64>()
    }

    /// The bytes that steps of so many bytes in all, the longest of so many, can take in blocks that may take `budget`.
    pub fn bound(all: usize, longest: usize, budget: usize) -> usize {
        let usual = (budget / BLOCKS).min(MOST);
        if longest > usual / PART {
            all + all / (PART - 1) + usual + (all / longest.max(1) + 2) * BLOCK
        } else {
            all + all / (PART - 1) + usual + (all / usual.max(1) + 2) * 2 * BLOCK
        }
    }

    /// Keeps a step, if it fits into blocks of so many bytes in all.
    pub fn push(&mut self, step: &Made, method: Method, room: usize) -> bool {
        let len = step.u.len() + step.stages.len() + BESIDE;
        let fits = |block: &Vec<f64>| block.capacity() - block.len() >= len;
        if self.sealed || !self.blocks.last().is_some_and(fits) {
            let usual = len <= self.usual / PART;
            let reused = if usual { self.free.pop() } else { None };
            let block = match reused {
                Some(block) => block,
                None => {
                    let capacity = if usual { self.usual } else { len };
                    let bytes = capacity * size_of::<f64>() + BLOCK;
                    if self.bytes + bytes > room {
                        return false;
                    }
                    let block = Vec::with_capacity(capacity);
                    self.bytes += allocated(&block);
                    block
                }
            };
            self.blocks.push(block);
            self.sealed = false;
        }
        if let Some(block) = self.blocks.last_mut() {
            block.extend_from_slice(step.u);
            block.extend_from_slice(step.stages);
            let method = Method::ALL.iter().position(|m| *m == method).unwrap_or(0);
            block.extend([step.t, step.h, method as f64, f64::from(step.begins), len as f64]);
        }
        self.count += 1;
        true
    }

    /// The last step, with `n` states, and its method.
    pub fn last(&self, n: usize) -> Option<(Made<'_>, Method)> {
        let block = self.blocks.last()?;
        let (rest, &[t, h, method, begins, len]) = block.split_last_chunk::<BESIDE>()?;
        let (u, stages) = rest[rest.len() + BESIDE - len as usize..].split_at(n);
        let method = Method::ALL[method as usize];
        Some((Made { t, h, u, stages, begins: begins != 0.0 }, method))
    }

    /// Forgets the last step.
    pub fn pop(&mut self) {
        if let Some(block) = self.blocks.last_mut()
            && let Some(len) = block.last().map(|len| *len as usize)
        {
            block.truncate(block.len() - len);
            self.count -= 1;
            if block.is_empty() {
                self.forget_last();
            }
        }
    }

    /// Begins a block with the next step, and says how many blocks come before it.
    pub fn seal(&mut self) -> usize {
        self.sealed = true;
        self.blocks.len()
    }

    /// Forgets the steps of so many blocks from the first on, which hold so many steps.
    pub fn forget(&mut self, blocks: usize, steps: usize) {
        for mut block in self.blocks.drain(..blocks) {
            block.clear();
            if block.capacity() == self.usual {
                self.free.push(block);
            } else {
                self.bytes -= allocated(&block);
            }
        }
        self.count -= steps;
    }

    /// Forgets all steps.
    pub fn clear(&mut self) {
        self.forget(self.blocks.len(), self.count);
    }

    /// Gives back memory that is not in use.
    pub fn trim(&mut self) {
        for block in self.free.drain(..) {
            self.bytes -= allocated(&block);
        }
    }

    fn forget_last(&mut self) {
        match self.blocks.pop() {
            Some(block) if block.capacity() == self.usual => self.free.push(block),
            Some(block) => self.bytes -= allocated(&block),
            None => {}
        }
    }
}

/// Bytes of a block.
fn allocated(block: &Vec<f64>) -> usize {
    block.capacity() * size_of::<f64>() + BLOCK
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made<'m>(t: f64, u: &'m [f64], stages: &'m [f64]) -> Made<'m> {
        Made { t, h: 0.5, u, stages, begins: t == 0.0 }
    }

    /// Steps of all lengths come back from the last to the first, and as many bytes are in use as are said to be.
    #[test]
    fn what_is_kept_comes_back() {
        let budget = 1 << 16;
        let mut steps = Steps::default();
        steps.begin(budget);
        let long: Vec<f64> = (0..300).map(f64::from).collect();
        let mut count = 0;
        let (mut all, mut longest) = (0, 0);
        loop {
            let stages = &long[..(37 * count) % 290];
            let method = Method::ALL[count % Method::ALL.len()];
            if !steps.push(&made(count as f64, &[1.0, count as f64], stages), method, budget) {
                break;
            }
            all += Steps::size(2, stages.len());
            longest = longest.max(Steps::size(2, stages.len()));
            count += 1;
        }
        assert_eq!(steps.count(), count);
        assert!(steps.bytes() <= budget && all > budget / 2, "{all} of {}", steps.bytes());
        assert!(steps.bytes() <= Steps::bound(all, longest, budget));
        for index in (0..count).rev() {
            let (step, method) = steps.last(2).unwrap();
            assert_eq!((step.t, step.h, step.begins), (index as f64, 0.5, index == 0));
            assert_eq!((step.u, step.stages), (&[1.0, index as f64][..], &long[..(37 * index) % 290]));
            assert_eq!(method, Method::ALL[index % Method::ALL.len()]);
            steps.pop();
        }
        assert!(steps.last(2).is_none());
        steps.trim();
        assert_eq!((steps.bytes(), steps.count()), (0, 0));
    }

    #[test]
    fn the_first_ones_are_forgotten() {
        let mut steps = Steps::default();
        steps.begin(1 << 16);
        for t in 0..10 {
            assert!(steps.push(&made(f64::from(t), &[0.0], &[]), Method::Tsit5, 1 << 16));
        }
        let blocks = steps.seal();
        for t in 10..15 {
            assert!(steps.push(&made(f64::from(t), &[0.0], &[]), Method::Tsit5, 1 << 16));
        }
        steps.forget(blocks, 10);
        assert_eq!(steps.count(), 5);
        for t in (10..15).rev() {
            assert_eq!(steps.last(1).unwrap().0.t, f64::from(t));
            steps.pop();
        }
        assert!(steps.last(1).is_none());
    }
}
