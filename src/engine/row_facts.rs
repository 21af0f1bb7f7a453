//! What a chunk that is a part of a row must know of the whole row: found once a row, in a pass of its own over the source.

use super::work::Consumer;
use crate::model::{Piece, Result};
use crate::plan::PreparedTensor;
use crate::quant::{Effort, Encoding, MeanSquare, WholeRow, mean_weight, needs_mean_square};
use crate::transform::decode;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Elements read at a time.
const PASS_ELEMS: u64 = 64 << 10;

/// Facts by consumer and row.
#[derive(Debug, Default)]
pub(crate) struct RowFacts(Mutex<HashMap<(usize, u64), WholeRow>>);

impl RowFacts {
    /// What the encoder of a part must know of its row. `None` when `stop` became true meanwhile.
    ///
    /// # Errors
    /// Those of reading and decoding the row.
    pub(crate) fn of(
        &self,
        consumer: Consumer,
        tensor: &PreparedTensor,
        effort: Effort,
        row: u64,
        stop: impl Fn() -> bool,
    ) -> Result<Option<WholeRow>> {
        let Encoding::Block(ty) = tensor.encoding else { return Ok(Some(WholeRow::default())) };
        let Some(weights) = tensor.importance_of_row(row) else { return Ok(Some(WholeRow::default())) };
        let (of_square, of_weight) = (needs_mean_square(ty), effort == Effort::Max);
        if !of_square && !of_weight {
            return Ok(Some(WholeRow::default()));
        }
        // Held while the row is read: other threads that wait need the same row.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(facts) = known.get(&(consumer.id, row)) {
            return Ok(Some(*facts));
        }
        let mut facts = WholeRow::default();
        if of_weight {
            facts.mean_weight = mean_weight(weights);
        }
        if of_square {
            let (mut mean, mut floats, mut scratch) = (MeanSquare::default(), Vec::new(), Vec::new());
            for part in Piece::rows(&tensor.entry, row..row + 1).split(PASS_ELEMS, true) {
                if stop() {
                    return Ok(None);
                }
                floats.resize(usize::try_from(part.elems()).unwrap_or(usize::MAX), 0.0);
                decode(&tensor.entry, &part, &mut scratch, &mut floats)?;
                mean.add(&floats);
            }
            facts.mean_square = mean.value();
        }
        known.insert((consumer.id, row), facts);
        Ok(Some(facts))
    }
}
