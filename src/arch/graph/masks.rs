//! Attention masks as numbers that are added to the scores: 0 for what a token sees, the lowest f32 for what it does not, as transformers' eager
//! attention has them. A token of the padding sees nothing, and its scores stay finite.

use crate::graph::make::Maker;
use crate::graph::{AttrValue, Elem, ValueId};

/// Which tokens of a batch see which, before any window.
pub(super) struct Causal {
    /// Numbers of the queries in the sequence, counted with the padding: sequence × 1.
    queries: ValueId,
    /// Numbers of the keys: total.
    keys: ValueId,
    /// Query × key: the key is not later.
    earlier: ValueId,
    /// The mask that was given: batch × 1 × 1 × total.
    given: ValueId,
}

impl Causal {
    /// Of inputs: ids (batch × sequence) and a mask over past and new tokens (batch × total).
    pub(super) fn new(m: &mut Maker, ids: ValueId, mask: ValueId) -> Self {
        let (total, sequence) = (m.size(mask, 1), m.size(ids, 1));
        let (zero, one) = (m.int(0), m.int(1));
        let past = m.op("Sub", &[total, sequence], &[]);
        let keys = m.op("Range", &[zero, total, one], &[]);
        let queries = m.op("Range", &[past, total, one], &[]);
        let queries = m.unsqueeze(queries, &[-1]);
        let earlier = m.op("LessOrEqual", &[keys, queries], &[]);
        let given = m.cast(mask, Elem::Bool);
        let given = m.unsqueeze(given, &[1, 2]);
        Self { queries, keys, earlier, given }
    }

    /// The mask of layers with this window: batch × 1 × sequence × total.
    pub(super) fn mask(&self, m: &mut Maker, window: Option<u64>) -> ValueId {
        let mut seen = self.earlier;
        if let Some(window) = window {
            let window = m.int(i64::try_from(window).unwrap_or(i64::MAX));
            let oldest = m.op("Sub", &[self.queries, window], &[]);
            let near = m.op("Greater", &[self.keys, oldest], &[]);
            seen = m.op("And", &[seen, near], &[]);
        }
        let seen = m.op("And", &[seen, self.given], &[]);
        added(m, seen)
    }

    /// Positions that count the padding: batch × sequence.
    pub(super) fn positions(&self, m: &mut Maker, ids: ValueId) -> ValueId {
        let row = m.reshape(self.queries, &[1, -1]);
        let shape = m.op("Shape", &[ids], &[]);
        m.op("Expand", &[row, shape], &[])
    }
}

/// The mask of an encoder, all of whose tokens see each other: batch × 1 × sequence × sequence.
pub(super) fn both_ways(m: &mut Maker, mask: ValueId) -> ValueId {
    let seen = m.cast(mask, Elem::Bool);
    let seen = m.unsqueeze(seen, &[1, 2]);
    let one = m.ints(&[1]);
    let range = [("start", AttrValue::Int(1)), ("end", AttrValue::Int(2))];
    let sequence = m.op("Shape", &[mask], &range);
    let shape = m.op("Concat", &[one, one, sequence, one], &[("axis", AttrValue::Int(0))]);
    let added = added(m, seen);
    m.op("Expand", &[added, shape], &[])
}

fn added(m: &mut Maker, seen: ValueId) -> ValueId {
    let (zero, lowest) = (m.float(0.0), m.float(f32::MIN));
    m.op("Where", &[seen, zero, lowest], &[])
}
