//! The units of work: source tensors cut into chunks, each with the output tensors it feeds.
//!
//! A chunk is some whole rows or, of a row that is longer than a chunk may be, a part: memory does not depend on the shapes.
//! Output tensors that come from the same source rows form one group, so a source is read once for all targets.

use super::row_facts::RowFacts;
use crate::model::{Cut, Piece};
use crate::plan::Prepared;
use crate::quant::Encoding;
use std::collections::HashMap;
use std::sync::Arc;

/// Elements in a chunk that is decoded: 1 MiB as `f32`, so that source, floats, encoding and check fit the L2 and L3 caches.
const CHUNK_ELEMS: u64 = 256 << 10;
/// Bytes in a chunk that is copied.
const CHUNK_COPY_BYTES: u64 = 2 << 20;

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

/// A source tensor and what it feeds.
#[derive(Debug)]
pub struct Group {
    /// Output tensors fed.
    pub consumers: Vec<Consumer>,
    /// How it is cut into chunks.
    pub cut: Cut,
    /// What its chunks must know of the rows they are parts of.
    pub facts: RowFacts,
    /// Number of this group's first chunk among all.
    pub first_chunk: usize,
    /// Number of chunks.
    pub chunks: usize,
}

/// All the work of a plan.
#[derive(Debug)]
pub struct Work {
    /// Source tensors in reading order.
    pub groups: Vec<Group>,
    /// Chunks over all groups.
    pub chunks: usize,
}

impl Work {
    /// Groups the tensors of a plan; `skip` tells which (output, tensor) need no work any more.
    pub fn new(prepared: &Prepared, skip: impl Fn(usize, usize) -> bool) -> Self {
        let mut by_source: HashMap<(usize, Encoding), usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut consumers = 0;
        for (o, output) in prepared.outputs.iter().enumerate() {
            for (t, tensor) in output.tensors.iter().enumerate() {
                let entry = &tensor.entry;
                if entry.bytes() == 0 || skip(o, t) {
                    continue;
                }
                let source = Arc::as_ptr(&entry.data).cast::<()>() as usize;
                let index = *by_source.entry((source, entry.encoding)).or_insert_with(|| {
                    groups.push(Group {
                        consumers: Vec::new(),
                        cut: Cut::of(entry, CHUNK_ELEMS),
                        facts: RowFacts::default(),
                        first_chunk: 0,
                        chunks: 0,
                    });
                    groups.len() - 1
                });
                groups[index].consumers.push(Consumer { output: o, tensor: t, id: consumers });
                consumers += 1;
            }
        }
        let mut chunks = 0;
        for g in &mut groups {
            let entry = |c: &Consumer| &prepared.outputs[c.output].tensors[c.tensor];
            let first = &entry(&g.consumers[0]).entry;
            let copied = g.consumers.iter().all(|c| entry(c).encoding == first.encoding);
            let (elems, bytes) = first.encoding.unit();
            g.cut = Cut::of(first, if copied { CHUNK_COPY_BYTES / bytes * elems } else { CHUNK_ELEMS });
            g.first_chunk = chunks;
            g.chunks = usize::try_from(g.cut.pieces()).unwrap_or(usize::MAX);
            chunks += g.chunks;
        }
        Self { groups, chunks }
    }

    /// The group of a chunk, the chunk's number within it and what it holds.
    pub fn chunk(&self, number: usize) -> (&Group, usize, Piece) {
        let g = &self.groups[self.groups.partition_point(|g| g.first_chunk <= number) - 1];
        let k = number - g.first_chunk;
        (g, k, g.cut.piece(k as u64))
    }
}
