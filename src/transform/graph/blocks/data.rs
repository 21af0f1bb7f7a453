//! The integers, scales and zero points of blocks, computed when their rows are read.
//!
//! Layouts: `MatMulNBits` has the blocks of a column one after the other, `[N, blocks, bytes of a block]`, with scales `[N, blocks]` and packed zero
//! points `[N, bytes]`. `DequantizeLinear` has the matrix as it is, `[K, N]`, with scales and zero points `[blocks, N]`; integers of 4 bits are
//! packed over the whole tensor, the lower half of a byte first.

use crate::graph::Elem;
use crate::model::{ModelError, Name, Result, TensorClass, TensorData, TensorEntry};
use crate::quant::affine::{Affine, BlockBits, block_affine, quantize_block};
use crate::tensor::{DType, Shape, encode_f32};
use crate::transform::graph::matrix::{Matrix, Scratch};
use std::ops::Range;
use std::sync::Arc;

/// Elements of the matrix that are held at once.
const STRIP: u64 = 1 << 18;

/// Which way blocks lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Column after column: `MatMulNBits`.
    Columns,
    /// As the matrix lies: `DequantizeLinear`.
    Rows,
}

/// A part of what blocks are stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The integers.
    Integers,
    /// The scales.
    Scales,
    /// The zero points.
    ZeroPoints,
}

/// A matrix in blocks.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    pub(super) matrix: Matrix,
    pub(super) bits: BlockBits,
    /// Rows in a block.
    pub(super) block: u64,
    pub(super) symmetric: bool,
    pub(super) layout: Layout,
    /// Name of the matrix, for errors.
    pub(super) name: Name,
}

/// One part of the blocks, as a tensor.
#[derive(Debug)]
struct BlockRows {
    blocks: Blocks,
    part: Part,
    /// The type of scales.
    scale: DType,
    row_bytes: u64,
}

impl Blocks {
    fn count(&self) -> u64 {
        self.matrix.k.div_ceil(self.block)
    }

    /// Type, dimensions and data of a part.
    pub(super) fn tensor(&self, part: Part, float: Elem, class: TensorClass) -> (Elem, Vec<u64>, TensorEntry) {
        let (n, count, bits) = (self.matrix.n, self.count(), u64::from(self.bits.count()));
        let (elem, dims) = match (self.layout, part) {
            (Layout::Columns, Part::Integers) => (Elem::U8, vec![n, count, self.block * bits / 8]),
            (Layout::Columns, Part::Scales) => (float, vec![n, count]),
            (Layout::Columns, Part::ZeroPoints) => (Elem::U8, vec![n, (count * bits).div_ceil(8)]),
            (Layout::Rows, Part::Integers) => (self.elem(), vec![self.matrix.k, n]),
            (Layout::Rows, Part::Scales) => (float, vec![count, n]),
            (Layout::Rows, Part::ZeroPoints) => (self.elem(), vec![count, n]),
        };
        let elems = dims.iter().fold(1u64, |a, d| a.saturating_mul(*d));
        let (dtype, shape) = match elem.dtype() {
            Some(dtype) => (dtype, dims.clone()),
            None => (DType::U8, vec![elem.packed_bytes(elems).unwrap_or(u64::MAX)]),
        };
        let row_bytes = shape.last().copied().unwrap_or(0).saturating_mul(dtype.size_bytes() as u64);
        let rows = BlockRows { blocks: self.clone(), part, scale: float.dtype().unwrap_or(DType::F32), row_bytes };
        let mut entry = TensorEntry::new(self.name.clone(), Shape(shape), dtype, Arc::new(rows));
        if part == Part::Integers {
            entry.class = class;
        }
        (elem, dims, entry)
    }

    /// The type of integers where they have one of their own.
    fn elem(&self) -> Elem {
        match (self.bits, self.symmetric) {
            (BlockBits::Four, true) => Elem::I4,
            (BlockBits::Four, false) => Elem::U4,
            (BlockBits::Eight, true) => Elem::I8,
            (BlockBits::Eight, false) => Elem::U8,
        }
    }

    /// Calls `f` with (column, block, its values) of some columns and blocks, a strip of columns after the other.
    fn each(&self, ns: Range<u64>, bs: Range<u64>, mut f: impl FnMut(u64, u64, &[f32])) -> Result<()> {
        let ks = bs.start * self.block..(bs.end * self.block).min(self.matrix.k);
        let height = ks.end.saturating_sub(ks.start).max(1);
        let strip = (STRIP / height).max(1);
        let (mut scratch, mut values) = (Scratch::default(), Vec::new());
        let mut n = ns.start;
        while n < ns.end {
            let to = (n + strip).min(ns.end);
            self.matrix.columns(ks.clone(), n..to, &mut scratch, &mut values)?;
            if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
                let e = ModelError::bad(format!("the weight has the value {bad}, which no integer represents"));
                return Err(e.field(&*self.name).with_hint("Exclude the node that uses it."));
            }
            for (column, values) in (n..to).zip(values.chunks(height as usize)) {
                for (block, values) in bs.clone().zip(values.chunks(self.block as usize)) {
                    f(column, block, values);
                }
            }
            n = to;
        }
        Ok(())
    }

    fn affine(&self, values: &[f32]) -> Affine {
        block_affine(values, self.bits, self.symmetric)
    }

    /// An integer as its bits in the layout of rows, where symmetric ones are signed.
    fn signed(&self, q: u8) -> u8 {
        match (self.bits, self.symmetric) {
            (BlockBits::Four, true) => q ^ 0x08,
            (BlockBits::Eight, true) => q ^ 0x80,
            _ => q,
        }
    }
}

impl TensorData for BlockRows {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.read(rows.start * self.row_bytes, dst)
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.read(row * self.row_bytes + bytes.start, dst)
    }
}

impl BlockRows {
    /// The bytes of the tensor from `at` on.
    fn read(&self, at: u64, dst: &mut [u8]) -> Result<()> {
        match (self.blocks.layout, self.part) {
            (Layout::Columns, Part::Integers) => self.blobs(at, dst),
            (Layout::Columns, Part::Scales) => self.scales(at, dst, true),
            (Layout::Columns, Part::ZeroPoints) => self.packed_zero_points(at, dst),
            (Layout::Rows, Part::Integers) => self.elements(at, dst, self.blocks.block),
            (Layout::Rows, Part::Scales) => self.scales(at, dst, false),
            (Layout::Rows, Part::ZeroPoints) => self.elements(at, dst, 1),
        }
    }

    /// `[N, blocks, bytes]`: the blocks of whole columns, and of parts of the first and last one.
    fn blobs(&self, at: u64, dst: &mut [u8]) -> Result<()> {
        let b = &self.blocks;
        let (size, count) = (b.block * u64::from(b.bits.count()) / 8, b.count());
        let (from, to) = (at / size, (at + dst.len() as u64).div_ceil(size));
        let mut levels = vec![0u8; b.block as usize];
        let mut blob = vec![0u8; size as usize];
        for (ns, bs) in runs(from..to, count) {
            b.each(ns, bs, |n, block, values| {
                quantize_block(values, b.affine(values), b.bits, &mut levels);
                // Rows that the last block does not have are 0.
                levels[values.len()..].fill(0);
                match b.bits {
                    BlockBits::Eight => blob.copy_from_slice(&levels),
                    BlockBits::Four => {
                        for (byte, [low, high]) in blob.iter_mut().zip(levels.as_chunks().0) {
                            *byte = low | high << 4;
                        }
                    }
                }
                put(dst, at, (n * count + block) * size, &blob);
            })?;
        }
        Ok(())
    }

    /// `[N, blocks]` or `[blocks, N]`.
    fn scales(&self, at: u64, dst: &mut [u8], columns: bool) -> Result<()> {
        let (b, size) = (&self.blocks, self.scale.size_bytes() as u64);
        let (from, to) = (at / size, (at + dst.len() as u64).div_ceil(size));
        let (count, width) = (b.count(), b.matrix.n);
        let mut bytes = vec![0u8; size as usize];
        let mut one = |dst: &mut [u8], place: u64, values: &[f32]| {
            encode_f32(self.scale, &[b.affine(values).scale], &mut bytes);
            put(dst, at, place * size, &bytes);
        };
        let runs = if columns { runs(from..to, count) } else { runs(from..to, width) };
        for (outer, inner) in runs {
            if columns {
                b.each(outer, inner, |n, block, values| one(dst, n * count + block, values))?;
            } else {
                b.each(inner, outer, |n, block, values| one(dst, block * width + n, values))?;
            }
        }
        Ok(())
    }

    /// `[N, bytes]`: the zero points of the blocks of a column, two in a byte for 4 bits.
    fn packed_zero_points(&self, at: u64, dst: &mut [u8]) -> Result<()> {
        let b = &self.blocks;
        let each = 8 / u64::from(b.bits.count());
        let (count, row) = (b.count(), self.row_bytes);
        // What a byte has beyond the last block is the middle, as the reference has it.
        dst.fill(if each == 2 { 0x88 } else { 0 });
        for (ns, bytes) in runs(at..at + dst.len() as u64, row) {
            let bs = bytes.start * each..(bytes.end * each).min(count);
            b.each(ns, bs, |n, block, values| {
                let place = (n * row + block / each).checked_sub(at).and_then(|i| usize::try_from(i).ok());
                let Some(i) = place.filter(|i| *i < dst.len()) else { return };
                let byte = &mut dst[i];
                let zero = b.affine(values).zero_point as u8;
                *byte = match (each, block % 2) {
                    (2, 0) => *byte & 0xf0 | zero,
                    (2, _) => *byte & 0x0f | zero << 4,
                    _ => zero,
                };
            })?;
        }
        Ok(())
    }

    /// `[K, N]` with `height` = the block length, or zero points `[blocks, N]` with `height` = 1: integers one after the other, packed.
    fn elements(&self, at: u64, dst: &mut [u8], height: u64) -> Result<()> {
        let b = &self.blocks;
        let each = 8 / u64::from(b.bits.count());
        let width = b.matrix.n;
        let rows = if height == 1 { b.count() } else { b.matrix.k };
        let (from, to) = (at * each, ((at + dst.len() as u64) * each).min(rows * width));
        dst.fill(0);
        let mut levels = vec![0u8; b.block as usize];
        let set = |dst: &mut [u8], place: u64, q: u8| {
            if (from..to).contains(&place) {
                let i = place - from;
                dst[(i / each) as usize] |= b.signed(q) << (if each == 2 { i % 2 * 4 } else { 0 });
            }
        };
        for (rows, ns) in runs(from..to, width) {
            let bs = rows.start / height..rows.end.div_ceil(height);
            b.each(ns, bs, |n, block, values| {
                let affine = b.affine(values);
                if height == 1 {
                    set(dst, block * width + n, affine.zero_point as u8);
                    return;
                }
                quantize_block(values, affine, b.bits, &mut levels);
                for (k, q) in (block * height..).zip(&levels[..values.len()]) {
                    if rows.contains(&k) {
                        set(dst, k * width + n, *q);
                    }
                }
            })?;
        }
        Ok(())
    }
}

/// Places in a table with `width` columns, as rectangles: (rows, columns).
fn runs(places: Range<u64>, width: u64) -> Vec<(Range<u64>, Range<u64>)> {
    let mut found = Vec::new();
    let mut at = places.start;
    while at < places.end {
        let (row, col) = (at / width, at % width);
        let left = places.end - at;
        let (rows, cols) = if col == 0 && left >= width {
            (row..row + left / width, 0..width)
        } else {
            (row..row + 1, col..width.min(col + left))
        };
        at += (rows.end - rows.start) * (cols.end - cols.start);
        found.push((rows, cols));
    }
    found
}

/// Copies what lies at `place` of the tensor to `dst`, which begins at `at`, as far as they overlap.
fn put(dst: &mut [u8], at: u64, place: u64, bytes: &[u8]) {
    let skip = at.saturating_sub(place).min(bytes.len() as u64) as usize;
    let from = usize::try_from(place.saturating_sub(at)).unwrap_or(usize::MAX);
    if let Some(dst) = dst.get_mut(from..) {
        let n = dst.len().min(bytes.len() - skip);
        dst[..n].copy_from_slice(&bytes[skip..skip + n]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::ValueId;
    use crate::model::MemoryRows;
    use crate::transform::graph::draft::Weight;

    #[test]
    fn places_of_a_table_become_rectangles() {
        assert_eq!(runs(3..17, 5), [(0..1, 3..5), (1..3, 0..5), (3..4, 0..2)]);
        assert_eq!(runs(0..10, 5), [(0..2, 0..5)]);
        assert_eq!(runs(6..8, 5), [(1..2, 1..3)]);
        assert_eq!(runs(4..4, 5), []);
    }

    /// Every part in every layout: any range of bytes is that of the whole.
    #[test]
    fn any_part_of_any_tensor_is_that_of_the_whole() {
        let (k, n) = (40u64, 7u64);
        let bytes: Vec<u8> = (0..k * n).flat_map(|i| ((i as f32 * 0.7).sin() * 3.0).to_le_bytes()).collect();
        let entry = TensorEntry::new("w", [k, n], DType::F32, Arc::new(MemoryRows { bytes, row_bytes: n * 4 }));
        let weight = Weight { value: ValueId(0), entry, elem: Elem::F32, dims: vec![k, n] };
        for bits in [BlockBits::Four, BlockBits::Eight] {
            for (symmetric, layout) in
                [(true, Layout::Rows), (false, Layout::Rows), (true, Layout::Columns), (false, Layout::Columns)]
            {
                let matrix = Matrix::of(&weight).unwrap();
                let blocks = Blocks { matrix, bits, block: 16, symmetric, layout, name: "w".into() };
                for part in [Part::Integers, Part::Scales, Part::ZeroPoints] {
                    let (_, _, t) = blocks.tensor(part, Elem::F32, TensorClass::default());
                    let whole = t.read_all().unwrap();
                    let rows: Vec<u8> = (0..t.rows()).flat_map(|r| t.read(r..r + 1).unwrap()).collect();
                    assert_eq!(rows, whole, "{bits:?} {symmetric} {layout:?} {part:?}");
                    let unit = if part == Part::Scales { 4 } else { 1 };
                    let len = t.row_bytes();
                    for from in (0..len).step_by(unit) {
                        let to = (from + 3 * unit as u64).min(len);
                        let mut dst = vec![0u8; (to - from) as usize];
                        t.data.read_part(0, from..to, &mut dst).unwrap();
                        assert_eq!(dst, whole[from as usize..to as usize], "{bits:?} {layout:?} {part:?} {from}");
                    }
                }
            }
        }
    }
}
