//! The units of work: source tensors cut into chunks, each with the output tensors it feeds.
//!
//! A chunk is some whole rows or, of a row that is longer than a chunk may be, a part: memory does not depend on the shapes.
//! Output tensors that come from the same source rows form one group, so a source is read once for all targets.

use crate::model::{Cut, Piece};
use crate::plan::{self, Prepared};
use crate::quant::Encoding;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// One output tensor fed by a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Index of the output.
    pub output: usize,
    /// Index of the tensor in the output.
    pub tensor: usize,
    /// Its number among the consumers of all groups.
    pub id: usize,
}

/// A source tensor and what it feeds. Small: a model may have a million.
#[derive(Debug)]
pub struct Group {
    /// How it is cut into chunks.
    pub cut: Cut,
    /// Its place in [`Work::consumers`].
    consumers: Range<usize>,
    /// Number of this group's first chunk among all.
    first_chunk: usize,
}

/// All the work of a plan.
#[derive(Debug)]
pub struct Work {
    /// Source tensors in reading order.
    pub groups: Vec<Group>,
    /// Output tensors, group by group: (output, tensor).
    consumers: Vec<(u32, u32)>,
    /// Chunks over all groups.
    pub chunks: usize,
}

impl Work {
    /// Groups the tensors of a plan; `skip` tells which (output, tensor) need no work any more.
    pub fn new(prepared: &Prepared, skip: impl Fn(usize, usize) -> bool) -> Self {
        let mut by_source: HashMap<(usize, Encoding), u32> = HashMap::new();
        // (group, output, tensor); the limits of formats keep each within 32 bits.
        let mut fed: Vec<(u32, u32, u32)> = Vec::new();
        for (o, output) in prepared.outputs.iter().enumerate() {
            for (t, tensor) in output.tensors.iter().enumerate() {
                let entry = &tensor.entry;
                if entry.bytes() == 0 || skip(o, t) {
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
            let tensor = |&(_, o, t): &(u32, u32, u32)| &prepared.outputs[o as usize].tensors[t as usize];
            let first = tensor(&group[0]);
            let copied = group.iter().all(|c| tensor(c).encoding == first.entry.encoding);
            let cut = plan::cut(first, copied);
            let start = work.consumers.len();
            work.consumers.extend(group.iter().map(|&(_, o, t)| (o, t)));
            work.groups.push(Group { cut, consumers: start..work.consumers.len(), first_chunk: work.chunks });
            work.chunks = work.chunks.saturating_add(usize::try_from(cut.pieces()).unwrap_or(usize::MAX));
        }
        work
    }

    /// The group of a chunk, the chunk's number within it and what it holds.
    pub fn chunk(&self, number: usize) -> (&Group, usize, Piece) {
        let g = &self.groups[self.groups.partition_point(|g| g.first_chunk <= number) - 1];
        let k = number - g.first_chunk;
        (g, k, g.cut.piece(k as u64))
    }

    /// The output tensors that a group feeds.
    pub fn consumers(&self, group: &Group) -> impl Iterator<Item = Consumer> + '_ {
        let first = group.consumers.start;
        let of = move |(i, &(output, tensor)): (usize, &(u32, u32))| Consumer {
            output: output as usize,
            tensor: tensor as usize,
            id: first + i,
        };
        self.consumers[group.consumers.clone()].iter().enumerate().map(of)
    }

    /// Every output tensor with the number of its chunks, by id.
    pub fn all_consumers(&self) -> impl Iterator<Item = (Consumer, usize)> + '_ {
        self.groups.iter().flat_map(|g| {
            let chunks = usize::try_from(g.cut.pieces()).unwrap_or(usize::MAX);
            self.consumers(g).map(move |c| (c, chunks))
        })
    }
}
