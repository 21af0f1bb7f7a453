//! The exact magnitude below which elements of one or of many tensors are set to zero, found in passes over them.
//!
//! The bits of a magnitude are an integer with the order of the magnitudes. A first pass counts the upper halves of these integers, a second the
//! lower halves of those whose upper half is that of the threshold. If not all elements with that magnitude are pruned, a third pass counts them
//! in each piece, and one piece is looked at again for the last of them. Whoever needs the threshold takes part in the passes, so they have as
//! many threads as there are readers. Memory: a table of 65,536 counts for each thread, and a number for each quarter of a million elements.

use super::select::magnitude;
use crate::model::{Cut, ModelError, Result, TensorEntry};
use crate::task::locked;
use crate::transform::decode;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

/// Elements that are read at once.
const PIECE_ELEMS: u64 = 1 << 18;
/// Values of half of a magnitude.
const HALF: usize = 1 << 16;

/// `share` of `of`, rounded down.
pub(super) fn count(share: f64, of: u64) -> u64 {
    // The product may be a hair below a whole number: 0.3 × 10 is 3 and not 2.
    let exact = share * of as f64;
    let nearest = exact.round();
    let count = if (exact - nearest).abs() <= 1e-9 * exact.abs() { nearest } else { exact.floor() };
    (count as u64).min(of)
}

/// Where pruning ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Threshold {
    /// Elements of less magnitude are set to zero.
    magnitude: u32,
    /// Elements of this magnitude are set to zero before this place: number of the tensor, and of the element in it.
    ties_before: (usize, u64),
}

impl Threshold {
    const NOTHING: Self = Self { magnitude: 0, ties_before: (0, 0) };

    /// True if the element at that place is set to zero.
    pub(super) fn prunes(&self, value: f32, tensor: usize, elem: u64) -> bool {
        let m = magnitude(value);
        m < self.magnitude || (m == self.magnitude && (tensor, elem) < self.ties_before)
    }
}

/// Tensors whose elements are ranked together, and the threshold once it is known.
#[derive(Debug)]
pub(super) struct Ranking {
    tensors: Vec<(TensorEntry, Cut)>,
    /// Number of the first piece of each tensor, and of all pieces.
    first_piece: Vec<u64>,
    zeros: u64,
    passes: Mutex<Passes>,
    changed: Condvar,
    found: OnceLock<Result<Threshold, String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// Counts upper halves.
    Upper,
    /// Counts lower halves of magnitudes with this upper half; `left` of them are pruned.
    Lower { upper: u32, left: u64 },
    /// Counts elements of this magnitude in each piece; `left` of them are pruned.
    Ties { magnitude: u32, left: u64 },
}

#[derive(Debug)]
struct Passes {
    pass: Pass,
    next: u64,
    finished: u64,
    counts: Vec<u64>,
}

impl Ranking {
    /// Tensors of which `share` of the elements are pruned, in this order.
    pub(super) fn new(tensors: Vec<TensorEntry>, share: f64) -> Self {
        let tensors: Vec<_> = tensors.into_iter().map(|t| (t.clone(), Cut::of(&t, PIECE_ELEMS))).collect();
        let mut first_piece = vec![0];
        let mut elems = 0u64;
        for (tensor, cut) in &tensors {
            first_piece.push(first_piece.last().copied().unwrap_or(0) + cut.pieces());
            elems = elems.saturating_add(tensor.rows().saturating_mul(tensor.cols()));
        }
        let found = OnceLock::new();
        let zeros = count(share, elems);
        if zeros == 0 {
            let _ = found.set(Ok(Threshold::NOTHING));
        }
        let passes = Mutex::new(Passes { pass: Pass::Upper, next: 0, finished: 0, counts: Vec::new() });
        Self { tensors, first_piece, zeros, passes, changed: Condvar::new(), found }
    }

    /// How many elements are set to zero.
    pub(super) fn zeros(&self) -> u64 {
        self.zeros
    }

    /// The threshold. The first caller starts the passes; each one helps until they are done.
    ///
    /// # Errors
    /// Those of reading the tensors; every caller gets the first.
    pub(super) fn threshold(&self) -> Result<Threshold> {
        let mut work = Work::default();
        loop {
            if let Some(found) = self.found.get() {
                return found.clone().map_err(ModelError::bad);
            }
            let taken = {
                let mut passes = locked(&self.passes);
                if self.found.get().is_some() {
                    continue;
                }
                if passes.next < self.pieces() {
                    passes.next += 1;
                    Some((passes.next - 1, passes.pass))
                } else {
                    // Others are at the last pieces of the pass.
                    drop(self.changed.wait(passes).unwrap_or_else(PoisonError::into_inner));
                    None
                }
            };
            let Some((piece, pass)) = taken else { continue };
            // A panic must not leave the others waiting.
            let guard = Unfinished(self);
            let done = self.scan(piece, pass, &mut work);
            std::mem::forget(guard);
            match done {
                Ok(()) => self.finish_piece(piece, pass, &work)?,
                Err(e) => self.fail(e.to_string()),
            }
        }
    }

    fn pieces(&self) -> u64 {
        self.first_piece.last().copied().unwrap_or(0)
    }

    fn fail(&self, why: String) {
        let passes = locked(&self.passes);
        let _ = self.found.set(Err(why));
        drop(passes);
        self.changed.notify_all();
    }

    /// Number of the tensor of a piece.
    fn tensor_of(&self, piece: u64) -> usize {
        self.first_piece.partition_point(|first| *first <= piece).saturating_sub(1)
    }

    /// Decodes a piece, and calls back with its values.
    fn values<'w>(&self, piece: u64, work: &'w mut Work) -> Result<&'w [f32]> {
        let number = self.tensor_of(piece);
        let (tensor, cut) = &self.tensors[number];
        let piece = cut.piece(piece - self.first_piece[number]);
        work.values.resize(piece.elems() as usize, 0.0);
        decode(tensor, &piece, &mut work.bytes, &mut work.values)?;
        Ok(&work.values)
    }

    fn scan(&self, piece: u64, pass: Pass, work: &mut Work) -> Result<()> {
        let mut counts = std::mem::take(&mut work.counts);
        counts.clear();
        let values = self.values(piece, work)?;
        match pass {
            Pass::Upper => {
                counts.resize(HALF, 0);
                values.iter().for_each(|x| counts[(magnitude(*x) >> 16) as usize] += 1);
            }
            Pass::Lower { upper, .. } => {
                counts.resize(HALF, 0);
                let there = values.iter().map(|x| magnitude(*x)).filter(|m| m >> 16 == upper);
                there.for_each(|m| counts[(m & 0xffff) as usize] += 1);
            }
            Pass::Ties { magnitude: threshold, .. } => {
                counts.push(values.iter().filter(|x| magnitude(**x) == threshold).count() as u32);
            }
        }
        work.counts = counts;
        Ok(())
    }

    /// Adds what was counted in a piece, and ends the pass with the last one.
    fn finish_piece(&self, piece: u64, pass: Pass, work: &Work) -> Result<()> {
        let mut passes = locked(&self.passes);
        match pass {
            Pass::Ties { .. } => {
                passes.counts.resize(self.pieces() as usize, 0);
                passes.counts[piece as usize] = u64::from(work.counts.first().copied().unwrap_or(0));
            }
            Pass::Upper | Pass::Lower { .. } => {
                passes.counts.resize(HALF, 0);
                passes.counts.iter_mut().zip(&work.counts).for_each(|(sum, n)| *sum += u64::from(*n));
            }
        }
        passes.finished += 1;
        if passes.finished < self.pieces() {
            return Ok(());
        }
        match pass {
            Pass::Upper => {
                let (upper, left, _) = place_of(&passes.counts, self.zeros);
                passes.begin(Pass::Lower { upper: upper as u32, left });
            }
            Pass::Lower { upper, left } => {
                let (lower, left, there) = place_of(&passes.counts, left);
                let magnitude = upper << 16 | lower as u32;
                if left == there {
                    let ties_before = (self.tensors.len(), 0);
                    let _ = self.found.set(Ok(Threshold { magnitude, ties_before }));
                } else {
                    passes.begin(Pass::Ties { magnitude, left });
                }
            }
            Pass::Ties { magnitude, left } => {
                let (piece, left, _) = place_of(&passes.counts, left);
                let found = self.last_tie(piece as u64, magnitude, left).map_err(|e| e.to_string());
                let _ = self.found.set(found.map(|ties_before| Threshold { magnitude, ties_before }));
            }
        }
        drop(passes);
        self.changed.notify_all();
        Ok(())
    }

    /// The place behind the `nth` element of that magnitude in a piece.
    fn last_tie(&self, piece: u64, threshold: u32, nth: u64) -> Result<(usize, u64)> {
        let number = self.tensor_of(piece);
        let first = self.tensors[number].1.piece(piece - self.first_piece[number]).first_elem();
        let mut work = Work::default();
        let values = self.values(piece, &mut work)?;
        let ties = values.iter().enumerate().filter(|(_, x)| magnitude(**x) == threshold);
        let last = ties.map(|(i, _)| i as u64).nth(nth.saturating_sub(1) as usize);
        Ok((number, last.map_or(first, |i| first + i + 1)))
    }
}

impl Passes {
    fn begin(&mut self, pass: Pass) {
        *self = Self { pass, next: 0, finished: 0, counts: Vec::new() };
    }
}

/// Where the running sum of `counts` reaches `wanted`: the place, how many of it are wanted, and how many there are.
fn place_of(counts: &[u64], wanted: u64) -> (usize, u64, u64) {
    let mut left = wanted;
    for (i, n) in counts.iter().enumerate() {
        if left <= *n {
            return (i, left, *n);
        }
        left -= n;
    }
    // Not reached: all counts together are the number of elements, which `wanted` does not exceed.
    (counts.len().saturating_sub(1), 0, 0)
}

/// Buffers of a thread.
#[derive(Default)]
struct Work {
    bytes: Vec<u8>,
    values: Vec<f32>,
    counts: Vec<u32>,
}

/// A piece whose scan did not end.
struct Unfinished<'a>(&'a Ranking);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.fail("the search for the pruning threshold stopped".to_owned());
    }
}
