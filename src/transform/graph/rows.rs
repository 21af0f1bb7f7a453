//! Weights as integers: rows that are quantized when they are read.

use super::stats::{Channels, layout};
use crate::model::{Piece, Result, TensorData, TensorEntry};
use crate::quant::affine::{Affine, Int, quantize, quantize_each};
use crate::tensor::DType;
use crate::transform::decode;
use std::ops::Range;
use std::sync::Arc;

/// Elements that are quantized at once.
const CHUNK: u64 = 1 << 16;

/// The encoding of a tensor: one for all elements, or one for each channel along an axis.
#[derive(Clone, Debug)]
pub(super) struct Params {
    pub(super) int: Int,
    pub(super) axis: Option<usize>,
    pub(super) each: Arc<[Affine]>,
}

/// A tensor of integers that quantizes another one.
#[derive(Debug)]
struct IntRows {
    source: TensorEntry,
    params: Params,
}

/// The quantized tensor.
pub(super) fn quantized(source: &TensorEntry, params: Params) -> TensorEntry {
    let dtype = match params.int {
        Int::I8 => DType::I8,
        Int::U8 => DType::U8,
        Int::I16 => DType::I16,
        Int::U16 => DType::U16,
    };
    let class = source.class;
    let data = IntRows { source: source.clone(), params };
    let mut entry = TensorEntry::new(source.name.clone(), source.shape.clone(), dtype, Arc::new(data));
    entry.class = class;
    entry
}

impl TensorData for IntRows {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.fill(&Piece::rows(&self.source, rows), dst)
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let size = self.params.int.bytes() as u64;
        self.fill(&Piece::part(&self.source, row, bytes.start / size..bytes.end / size), dst)
    }
}

impl IntRows {
    fn fill(&self, piece: &Piece, mut dst: &mut [u8]) -> Result<()> {
        let (mut bytes, mut values) = (Vec::new(), Vec::new());
        for part in piece.split(CHUNK, true) {
            values.resize(usize::try_from(part.elems()).unwrap_or(usize::MAX), 0.0f32);
            decode(&self.source, &part, &mut bytes, &mut values)?;
            let (now, later) = dst.split_at_mut(values.len() * self.params.int.bytes());
            self.encode(&part, &values, now);
            dst = later;
        }
        Ok(())
    }

    fn encode(&self, part: &Piece, values: &[f32], dst: &mut [u8]) {
        let Params { int, axis, each } = &self.params;
        let width = usize::try_from(part.width()).unwrap_or(usize::MAX).max(1);
        let rows = values.chunks(width).zip(dst.chunks_mut(width * int.bytes()));
        match layout(&self.source.shape.0, *axis) {
            Channels::One => quantize(values, each[0], *int, dst),
            Channels::Rows { each: run, count } => {
                for (row, (values, dst)) in (part.rows.start..).zip(rows) {
                    quantize(values, each[(row / run % count) as usize], *int, dst);
                }
            }
            Channels::Columns => {
                let params = &each[part.cols.start as usize..];
                for (values, dst) in rows {
                    quantize_each(values, params, *int, dst);
                }
            }
        }
    }
}
