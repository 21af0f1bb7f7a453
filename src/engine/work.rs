//! The units of work: source tensors cut into chunks, each with the output tensors it feeds.
//!
//! A chunk is some whole rows or, of a row that is longer than a chunk may be, a part: memory does not depend on the shapes.
//! Output tensors that come from the same source rows form one group, so a source is read once for all targets.

use crate::model::{Cut, OutputIndex, Piece, TensorEntry, TensorIndex};
use crate::plan::{self, Prepared};
use crate::quant::Encoding;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// One output tensor fed by a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Consumer {
    /// Index of the output.
    pub output: OutputIndex,
    /// Index of the tensor in the output.
    pub tensor: TensorIndex,
    /// Its number among the consumers of all groups.
    pub id: usize,
}

/// A source tensor and what it feeds. Small: a model may have a million.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// Number of this group's first chunk among all.
    first_chunk: usize,
    /// Place of its first consumer among all.
    first_consumer: u32,
}

/// All the work of a plan.
#[derive(Debug)]
pub(crate) struct Work {
    /// Source tensors in reading order.
    groups: Vec<Group>,
    /// Output tensors, group by group: (output, tensor).
    consumers: Vec<(u32, u32)>,
    /// Chunks over all groups.
    pub chunks: usize,
}

impl Work {
    /// Groups the tensors of a plan; `skip` is true for (output, tensor) pairs that are already done.
    pub(crate) fn new(prepared: &Prepared, skip: impl Fn(OutputIndex, TensorIndex) -> bool) -> Self {
        let mut by_source: HashMap<(usize, Encoding), u32> = HashMap::new();
        // (group, output, tensor); the limits of formats keep each within 32 bits.
        let mut fed: Vec<(u32, u32, u32)> = Vec::new();
        for (o, output) in prepared.outputs.iter().enumerate() {
            for (t, tensor) in output.tensors.iter().enumerate() {
                let entry = &tensor.entry;
                if entry.bytes() == 0 || skip(o.into(), t.into()) {
                    continue;
                }
                let source = Arc::as_ptr(&entry.data).cast::<()>() as usize;
                let new = by_source.len() as u32;
                let group = *by_source.entry((source, entry.encoding)).or_insert(new);
                fed.push((group, o as u32, t as u32));
            }
        }
        drop(by_source);
        fed.sort_unstable();
        let mut work = Self { groups: Vec::new(), consumers: Vec::with_capacity(fed.len()), chunks: 0 };
        for group in fed.chunk_by(|a, b| a.0 == b.0) {
            let first_consumer = work.consumers.len() as u32;
            work.consumers.extend(group.iter().map(|&(_, o, t)| (o, t)));
            work.groups.push(Group { first_consumer, first_chunk: work.chunks });
            let pieces = work.cut(prepared, work.groups.len() - 1).pieces();
            work.chunks = work.chunks.saturating_add(usize::try_from(pieces).unwrap_or(usize::MAX));
        }
        work
    }

    /// How a group is cut into chunks.
    fn cut(&self, prepared: &Prepared, group: usize) -> Cut {
        let tensor = |&(o, t): &(u32, u32)| &prepared.outputs[o as usize].tensors[t as usize];
        let fed = &self.consumers[self.fed(group)];
        let first = tensor(&fed[0]);
        plan::cut(first, fed.iter().all(|c| tensor(c).encoding == first.entry.encoding))
    }

    /// The places of a group's consumers.
    fn fed(&self, group: usize) -> Range<usize> {
        let end = self.groups.get(group + 1).map_or(self.consumers.len(), |g| g.first_consumer as usize);
        self.groups[group].first_consumer as usize..end
    }

    /// The chunks of a group.
    fn chunks_of(&self, group: usize) -> usize {
        self.groups.get(group + 1).map_or(self.chunks, |g| g.first_chunk) - self.groups[group].first_chunk
    }

    /// The group of a chunk, the chunk's number within it and what it holds. `prepared` is the plan that the work was made from.
    pub(crate) fn chunk(&self, prepared: &Prepared, number: usize) -> (usize, usize, Piece) {
        let group = self.groups.partition_point(|g| g.first_chunk <= number) - 1;
        let k = number - self.groups[group].first_chunk;
        (group, k, self.cut(prepared, group).piece(k as u64))
    }

    /// Groups: source tensors that are read.
    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The source tensor of a group.
    pub(crate) fn source<'p>(&self, prepared: &'p Prepared, group: usize) -> Option<&'p TensorEntry> {
        let first = self.consumers(group).next()?;
        Some(&prepared.outputs[first.output].tensors[first.tensor].entry)
    }

    /// The group that feeds this consumer.
    pub(crate) fn group_of(&self, id: usize) -> usize {
        self.groups.partition_point(|g| g.first_consumer as usize <= id) - 1
    }

    /// The output tensors that a group feeds.
    pub(crate) fn consumers(&self, group: usize) -> impl Iterator<Item = Consumer> + '_ {
        self.fed(group).map(|id| self.consumer(id))
    }

    /// The consumer with this number.
    pub(crate) fn consumer(&self, id: usize) -> Consumer {
        let (output, tensor) = self.consumers[id];
        Consumer { output: OutputIndex(output as usize), tensor: TensorIndex(tensor as usize), id }
    }

    /// Output tensors that need work.
    pub(crate) fn tensors(&self) -> usize {
        self.consumers.len()
    }

    /// The chunks of the group that feeds this consumer.
    pub(crate) fn chunks_for(&self, id: usize) -> usize {
        self.chunks_of(self.group_of(id))
    }

    /// Every output tensor with the number of its chunks, by id.
    pub(crate) fn all_consumers(&self) -> impl Iterator<Item = (Consumer, usize)> + '_ {
        (0..self.groups.len()).flat_map(move |g| self.consumers(g).map(move |c| (c, self.chunks_of(g))))
    }
}
