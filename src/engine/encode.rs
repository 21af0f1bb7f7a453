//! One chunk of one output tensor: encode, decode back, compare.

use super::metrics::{ErrorStats, Weighted};
use crate::model::{ModelError, Piece, Result, TensorEntry};
use crate::plan::PreparedTensor;
use crate::quant::{
    BlockType, Effort, Encoding, Noise, QuantError, WholeRow, dequantize_rows, first_bad_block, first_non_finite,
    quantize_part, quantize_part_max, quantize_rows, quantize_rows_max, repack, repacks_to,
};
use crate::tensor::{DType, decode_f32, encode_f32};
use crate::transform::decode_bytes;

/// Buffers a worker keeps between chunks.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// Source bytes.
    pub raw: Vec<u8>,
    /// Encoded bytes and their errors, by place of the consumer in its group.
    pub encoded: Vec<(Vec<u8>, ErrorStats)>,
    floats: Vec<f32>,
    decoded: Vec<f32>,
}

/// Elements that are decoded, encoded and compared before the next ones: few enough that all three steps find them in the caches
/// next to the core, which a chunk, made for reading and writing, does not fit.
const SLICE_ELEMS: u64 = 16 << 10;

/// One output of a chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    /// The tensor written.
    pub tensor: &'a PreparedTensor,
    /// How hard to search.
    pub effort: Effort,
    /// Where the chunk is a part of a row: what is known of the whole row.
    pub whole: WholeRow,
}

/// Encodes the piece of a source in `buffers.raw` for each of `outputs`, and returns the error of each.
/// An output in the encoding of the source is left out: its bytes are the source's. `finite`: the source was scanned, and all
/// its values are.
///
/// # Errors
/// Source types that cannot be decoded; values that an encoding cannot hold: NaN or infinity for block types, overflow of f16.
pub(crate) fn encode_chunk(
    source: &TensorEntry,
    outputs: &[Target<'_>],
    piece: &Piece,
    finite: bool,
    buffers: &mut Buffers,
) -> Result<()> {
    let Buffers { raw, encoded, floats, decoded } = buffers;
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let bytes_of = |encoding: Encoding, elems: u64| {
        let (unit, bytes) = encoding.unit();
        size(elems / unit * bytes)
    };
    encoded.resize_with(outputs.len().max(encoded.len()), Default::default);
    for (output, (bytes, stats)) in outputs.iter().zip(encoded.iter_mut()) {
        let encoding = output.tensor.encoding;
        bytes.resize(if encoding == source.encoding { 0 } else { bytes_of(encoding, piece.elems()) }, 0);
        *stats = ErrorStats::default();
    }
    let mut done = 0;
    for slice in piece.split(SLICE_ELEMS, false) {
        let end = done + slice.elems();
        let within = |encoding: Encoding| bytes_of(encoding, done)..bytes_of(encoding, end);
        floats.resize(size(slice.elems()), 0.0);
        let read = &raw[within(source.encoding)];
        decode_bytes(source, read, floats)?;
        let bad = if finite { None } else { first_non_finite(floats) };
        for (output, (bytes, stats)) in outputs.iter().zip(encoded.iter_mut()) {
            let encoding = output.tensor.encoding;
            if encoding != source.encoding {
                let values = Values { encoding: source.encoding, bytes: read, floats, bad };
                stats.add(&encode_slice(output, &slice, &values, &mut bytes[within(encoding)], decoded)?);
            }
        }
        done = end;
    }
    Ok(())
}

/// The values of a piece, as they are stored and decoded.
struct Values<'a> {
    encoding: Encoding,
    bytes: &'a [u8],
    floats: &'a [f32],
    /// The place of the first that is not finite.
    bad: Option<usize>,
}

/// Encodes the values of a piece into `encoded` and says how far the result is from them.
fn encode_slice(
    target: &Target<'_>,
    piece: &Piece,
    values: &Values<'_>,
    encoded: &mut [u8],
    decoded: &mut Vec<f32>,
) -> Result<ErrorStats> {
    let Values { floats, bad, .. } = *values;
    let tensor = target.tensor;
    let name = &tensor.entry.name;
    decoded.resize(floats.len(), 0.0);
    let mut noise = None;
    match tensor.encoding {
        Encoding::Plain(dtype) => {
            if dtype == DType::F16 {
                refuse_overflow(name, floats, piece)?;
            }
            if !encode_f32(dtype, floats, encoded) {
                let what = format!("{} cannot be converted to {dtype}", tensor.entry.encoding);
                return Err(ModelError::unsupported(what).field(name.as_str()));
            }
            decode_f32(dtype, encoded, decoded);
        }
        Encoding::Block(ty) => {
            if let Some(at) = bad {
                let (row, col) = piece.place(at);
                let what = format!("{} at row {row}, column {col} cannot be quantized to {ty}", floats[at]);
                let hint = "The checkpoint is damaged or diverged; keep this tensor in f32 (tensor_types) or use another checkpoint.";
                return Err(ModelError::bad(what).field(name.as_str()).with_hint(hint));
            }
            let fail = |e: QuantError| ModelError::unsupported(e.to_string()).field(name.as_str());
            // The same levels in another layout are not quantized again.
            let repacked = match values.encoding {
                Encoding::Block(early) if repacks_to(early) == Some(ty) => repack(early, values.bytes, encoded),
                _ => false,
            };
            if !repacked {
                quantize(target, ty, piece, floats, encoded, &mut noise).map_err(fail)?;
            }
            if let Some(block) = first_bad_block(ty, encoded) {
                let at = block * ty.block_elems();
                let (row, col) = piece.place(at);
                let place = format!("row {row} from column {col}");
                let (what, hint) = match tensor.importance {
                    None => (
                        format!("the values at {place} are too large for {ty}: its scale would be infinite"),
                        format!("Keep this tensor in f32 or bf16: tensor_types = {{ \"{name}\" = \"bf16\" }}."),
                    ),
                    Some(_) => (
                        format!(
                            "the values at {place}, or their importance, are too large for {ty}: its scale would not be finite"
                        ),
                        format!(
                            "Quantize it without importance, exclude_weights = [\"{name}\"], or keep it in bf16: tensor_types = {{ \"{name}\" = \"bf16\" }}."
                        ),
                    ),
                };
                return Err(ModelError::bad(what).field(name.as_str()).with_hint(hint));
            }
            dequantize_rows(ty, encoded, decoded).map_err(fail)?;
        }
    }
    Ok(ErrorStats::compare(floats, decoded).with_noise(noise).with_weighted(weighted(tensor, piece, floats, decoded)))
}

/// The sums weighted by importance, where a matrix covers the tensor.
fn weighted(tensor: &PreparedTensor, piece: &Piece, floats: &[f32], decoded: &[f32]) -> Weighted {
    let mut sums = Weighted::default();
    let width = usize::try_from(piece.width()).unwrap_or(usize::MAX).max(1);
    let start = usize::try_from(piece.cols.start).unwrap_or(usize::MAX);
    if tensor.importance.is_some() {
        for (row, (x, y)) in piece.rows.clone().zip(floats.chunks(width).zip(decoded.chunks(width))) {
            if let Some(importance) = tensor.importance_of_row(row).and_then(|w| w.get(start..)) {
                sums.add_row(x, y, importance);
            }
        }
    }
    sums
}

/// Quantizes a piece and, where more than the reference is requested, adds to `noise` what that gains.
fn quantize(
    target: &Target<'_>,
    ty: BlockType,
    piece: &Piece,
    floats: &[f32],
    encoded: &mut [u8],
    noise: &mut Option<Noise>,
) -> Result<(), QuantError> {
    let (tensor, effort) = (target.tensor, target.effort);
    let mut gained = |found: Noise| noise.get_or_insert_default().add(&found);
    let width = usize::try_from(piece.width()).unwrap_or(usize::MAX);
    if piece.is_part() {
        let start = usize::try_from(piece.cols.start).unwrap_or(usize::MAX);
        let weights = tensor.importance_of_row(piece.rows.start).and_then(|w| w.get(start..)?.get(..width));
        return match effort {
            Effort::Reference => quantize_part(ty, floats, weights, target.whole, encoded),
            Effort::Max => quantize_part_max(ty, floats, weights, target.whole, encoded).map(gained),
        };
    }
    let mut rows = |floats: &[f32], weights: Option<&[f32]>, encoded: &mut [u8]| match effort {
        Effort::Reference => quantize_rows(ty, floats, width, weights, encoded),
        Effort::Max => quantize_rows_max(ty, floats, width, weights, encoded).map(&mut gained),
    };
    if tensor.importance.is_none() {
        return rows(floats, None, encoded);
    }
    // Stacked experts have a row of weights each; a chunk may reach over several.
    let rows_each = tensor.rows_each();
    let row_bytes = width / ty.block_elems() * ty.block_bytes();
    let mut r = piece.rows.start;
    while r < piece.rows.end {
        let end = piece.rows.end.min((r / rows_each + 1) * rows_each);
        let (from, to) = ((r - piece.rows.start) as usize, (end - piece.rows.start) as usize);
        let bytes = &mut encoded[from * row_bytes..to * row_bytes];
        rows(&floats[from * width..to * width], tensor.importance_of_row(r), bytes)?;
        r = end;
    }
    Ok(())
}

/// Largest magnitude that still rounds to a finite f16: halfway between 65504 and 65536.
const F16_LIMIT: f32 = 65520.0;

fn refuse_overflow(name: &str, floats: &[f32], piece: &Piece) -> Result<()> {
    let over = |x: &f32| x.is_finite() && x.abs() >= F16_LIMIT;
    if !floats.iter().fold(false, |any, x| any | over(x)) {
        return Ok(());
    }
    let at = floats.iter().position(over).unwrap_or(0);
    let (row, col) = piece.place(at);
    let what = format!("{} at row {row}, column {col} is out of range for f16 (largest 65504)", floats[at]);
    let hint = format!(
        "Use bf16 or f32 for the output, or for this tensor alone: tensor_types = {{ \"{name}\" = \"bf16\" }}."
    );
    Err(ModelError::bad(what).field(name).with_hint(hint))
}

/// True if raw float elements hold a NaN or an infinity; false for types that cannot.
pub(crate) fn has_non_finite(encoding: Encoding, raw: &[u8]) -> bool {
    // All exponent bits set; a fold without early exit so that the compiler vectorizes it.
    let any16 = |mask: u16| {
        let (words, _) = raw.as_chunks::<2>();
        words.iter().fold(false, |any, b| any | (u16::from_le_bytes(*b) & mask == mask))
    };
    match encoding {
        Encoding::Plain(DType::BF16) => any16(0x7f80),
        Encoding::Plain(DType::F16) => any16(0x7c00),
        Encoding::Plain(DType::F32) => {
            let (words, _) = raw.as_chunks::<4>();
            words.iter().fold(false, |any, b| any | (u32::from_le_bytes(*b) & 0x7f80_0000 == 0x7f80_0000))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemoryRows;

    #[test]
    fn non_finite_values_are_seen_in_every_float_type() {
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            for (x, bad) in
                [(1.0f32, false), (f32::NAN, true), (f32::NEG_INFINITY, true), (-0.0, false), (65504.0, false)]
            {
                let mut raw = vec![0u8; 3 * dtype.size_bytes()];
                assert!(encode_f32(dtype, &[0.5, x, 0.5], &mut raw));
                assert_eq!(has_non_finite(dtype.into(), &raw), bad, "{dtype} {x}");
            }
        }
    }

    #[test]
    fn overflow_of_f16_is_refused_where_it_starts() {
        let tensor = MemoryRows::f32_vector("t", &[0.0; 2]);
        assert!(refuse_overflow("t", &[65519.0, f32::INFINITY], &Piece::rows(&tensor, 0..1)).is_ok());
        let e = refuse_overflow("t", &[0.0, 1.0, 2.0, 65520.0], &Piece::rows(&tensor, 10..12)).unwrap_err();
        assert!(e.to_string().contains("row 11, column 1"), "{e}");
    }
}
