//! A tensor as it would be after quantization, encoded when its rows are read.

use crate::forecast::Subject;
use crate::model::{ModelError, Piece, Result, TensorData, TensorEntry};
use crate::quant::{Effort, Encoding, quantize_rows, quantize_rows_max};
use crate::tensor::encode_f32;
use crate::transform::decode;
use std::ops::Range;
use std::sync::Arc;

/// Rows of a tensor in another type. Takes no memory of its own.
struct EncodedRows {
    subject: Subject,
    encoding: Encoding,
    effort: Effort,
}

/// The tensor of a subject in a type.
pub(super) fn encoded(subject: &Subject, encoding: Encoding, effort: Effort) -> TensorEntry {
    let data = Arc::new(EncodedRows { subject: subject.clone(), encoding, effort });
    TensorEntry { encoding, data, storage: None, ..subject.entry.clone() }
}

impl EncodedRows {
    /// Encodes rows that have the same importance of columns.
    fn encode(&self, values: &[f32], importance: Option<&[f32]>, dst: &mut [u8]) -> Result<()> {
        let entry = &self.subject.entry;
        let columns = usize::try_from(entry.cols()).unwrap_or(usize::MAX);
        let refused = |what: String| ModelError::unsupported(what).field(&entry.name);
        match self.encoding {
            Encoding::Block(ty) => match self.effort {
                Effort::Reference => quantize_rows(ty, values, columns, importance, dst).map(|_| ()),
                Effort::Max => quantize_rows_max(ty, values, columns, importance, dst).map(|_| ()),
            }
            .map_err(|e| refused(e.to_string())),
            Encoding::Plain(dtype) => {
                let fits = encode_f32(dtype, values, dst);
                fits.then_some(()).ok_or_else(|| refused(format!("it cannot be made {dtype}")))
            }
        }
    }
}

impl TensorData for EncodedRows {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let entry = &self.subject.entry;
        let columns = usize::try_from(entry.cols()).unwrap_or(usize::MAX);
        let (row_bytes, per_expert) = (self.encoding.row_bytes(entry.cols()), entry.rows() / entry.stacked().max(1));
        let row_bytes = row_bytes.and_then(|n| usize::try_from(n).ok()).unwrap_or(0).max(1);
        let count = usize::try_from(rows.end - rows.start).unwrap_or(usize::MAX);
        let (mut raw, mut values) = (Vec::new(), vec![0f32; count.saturating_mul(columns)]);
        decode(entry, &Piece::rows(entry, rows.clone()), &mut raw, &mut values)?;
        let Some(matrix) = &self.subject.importance else { return self.encode(&values, None, dst) };
        let mut row = rows.start;
        while row < rows.end {
            // Rows of one expert share its importances.
            let end = ((row / per_expert.max(1) + 1) * per_expert.max(1)).min(rows.end);
            let run = (row - rows.start) as usize..(end - rows.start) as usize;
            let importance = matrix.columns_of_row(&entry.name, columns, per_expert, row);
            let bytes = &mut dst[run.start * row_bytes..run.end * row_bytes];
            self.encode(&values[run.start * columns..run.end * columns], importance, bytes)?;
            row = end;
        }
        Ok(())
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let mut whole =
            vec![0; usize::try_from(self.encoding.row_bytes(self.subject.entry.cols()).unwrap_or(0)).unwrap_or(0)];
        self.read_rows(row..row + 1, &mut whole)?;
        let part = whole.get(bytes.start as usize..bytes.end as usize);
        dst.copy_from_slice(part.ok_or_else(|| ModelError::bad("a part beyond its row"))?);
        Ok(())
    }
}
