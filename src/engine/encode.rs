//! One chunk of one output tensor: encode, decode back, compare.

use super::metrics::ErrorStats;
use crate::model::{ModelError, Result, TensorEntry};
use crate::plan::PreparedTensor;
use crate::quant::{
    BlockType, Effort, Encoding, Noise, QuantError, dequantize_rows, first_bad_block, first_non_finite, quantize_rows,
    quantize_rows_max,
};
use crate::tensor::{DType, decode_f32, encode_f32};
use crate::transform::decode_bytes;
use std::ops::Range;

/// Buffers a worker keeps between chunks.
#[derive(Debug, Default)]
pub struct Buffers {
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

/// Encodes rows `rows` of a source, which stand in `buffers.raw`, for each of `outputs`, and says how far each is from them.
/// An output in the encoding of the source is left out: its bytes are the source's. `finite`: the source was looked through, and all
/// its values are.
///
/// # Errors
/// Source types that cannot be decoded; values that an encoding cannot hold: NaN or infinity for block types, overflow of f16.
pub fn encode_chunk(
    source: &TensorEntry,
    outputs: &[(&PreparedTensor, Effort)],
    rows: Range<u64>,
    finite: bool,
    buffers: &mut Buffers,
) -> Result<()> {
    let Buffers { raw, encoded, floats, decoded } = buffers;
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    encoded.resize_with(outputs.len().max(encoded.len()), Default::default);
    for ((tensor, _), (bytes, stats)) in outputs.iter().zip(encoded.iter_mut()) {
        let copied = tensor.encoding == source.encoding;
        bytes.resize(if copied { 0 } else { size((rows.end - rows.start) * row_bytes(tensor)) }, 0);
        *stats = ErrorStats::default();
    }
    let step = (SLICE_ELEMS / source.cols().max(1)).max(1);
    let mut from = rows.start;
    while from < rows.end {
        let to = rows.end.min(from + step);
        let within = |each: u64| size((from - rows.start) * each)..size((to - rows.start) * each);
        floats.resize(size((to - from) * source.cols()), 0.0);
        decode_bytes(source, &raw[within(source.row_bytes())], floats)?;
        let bad = if finite { None } else { first_non_finite(floats) };
        for ((tensor, effort), (bytes, stats)) in outputs.iter().zip(encoded.iter_mut()) {
            if tensor.encoding != source.encoding {
                let bytes = &mut bytes[within(row_bytes(tensor))];
                stats.add(&encode_slice(tensor, *effort, from..to, (floats, bad), bytes, decoded)?);
            }
        }
        from = to;
    }
    Ok(())
}

fn row_bytes(tensor: &PreparedTensor) -> u64 {
    tensor.encoding.row_bytes(tensor.entry.cols()).unwrap_or(0)
}

/// Encodes the values of rows `rows`, with the place of the first that is not finite, into `encoded` and says how far the result is
/// from them.
fn encode_slice(
    tensor: &PreparedTensor,
    effort: Effort,
    rows: Range<u64>,
    (floats, bad): (&[f32], Option<usize>),
    encoded: &mut [u8],
    decoded: &mut Vec<f32>,
) -> Result<ErrorStats> {
    let name = &tensor.entry.name;
    let cols = usize::try_from(tensor.entry.cols()).unwrap_or(usize::MAX);
    let row_bytes = row_bytes(tensor);
    decoded.resize(floats.len(), 0.0);
    let mut noise = None;
    match tensor.encoding {
        Encoding::Plain(dtype) => {
            if dtype == DType::F16 {
                refuse_overflow(name, floats, rows.start, cols)?;
            }
            if !encode_f32(dtype, floats, encoded) {
                let what = format!("{dtype} cannot be made from {}", tensor.entry.encoding);
                return Err(ModelError::unsupported(what).field(name.as_str()));
            }
            decode_f32(dtype, encoded, decoded);
        }
        Encoding::Block(ty) => {
            if let Some(at) = bad {
                let (row, col) = (rows.start + (at / cols) as u64, at % cols);
                let what = format!("{} at row {row}, column {col} cannot be quantized to {ty}", floats[at]);
                let hint = "The checkpoint is damaged or diverged; keep this tensor in f32 (tensor_types) or use another checkpoint.";
                return Err(ModelError::bad(what).field(name.as_str()).with_hint(hint));
            }
            let fail = |e: QuantError| ModelError::unsupported(e.to_string()).field(name.as_str());
            match &tensor.importance {
                None => quantize(effort, ty, floats, cols, None, encoded, &mut noise).map_err(fail)?,
                Some(importance) => {
                    // Stacked experts have a row of weights each; a chunk may reach over several.
                    let rows_each = (tensor.entry.rows() / tensor.entry.stacked().max(1)).max(1);
                    let mut r = rows.start;
                    while r < rows.end {
                        let end = rows.end.min((r / rows_each + 1) * rows_each);
                        let (from, to) = ((r - rows.start) as usize, (end - rows.start) as usize);
                        let bytes = from * row_bytes as usize..to * row_bytes as usize;
                        let weights = importance.columns_of_row(name, cols, rows_each, r);
                        let floats = &floats[from * cols..to * cols];
                        quantize(effort, ty, floats, cols, weights, &mut encoded[bytes], &mut noise).map_err(fail)?;
                        r = end;
                    }
                }
            }
            if let Some(block) = first_bad_block(ty, encoded) {
                let at = block * ty.block_elems();
                let (row, col) = (rows.start + (at / cols) as u64, at % cols);
                let place = format!("row {row}, columns {col} and on");
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
    Ok(ErrorStats::compare(floats, decoded).with_noise(noise))
}

/// Quantizes rows and, where more than the reference is asked for, adds to `noise` what that gains.
fn quantize(
    effort: Effort,
    ty: BlockType,
    floats: &[f32],
    cols: usize,
    weights: Option<&[f32]>,
    encoded: &mut [u8],
    noise: &mut Option<Noise>,
) -> Result<(), QuantError> {
    match effort {
        Effort::Reference => quantize_rows(ty, floats, cols, weights, encoded),
        Effort::Max => {
            noise.get_or_insert_default().add(&quantize_rows_max(ty, floats, cols, weights, encoded)?);
            Ok(())
        }
    }
}

/// Largest magnitude that still rounds to a finite f16: halfway between 65504 and 65536.
const F16_LIMIT: f32 = 65520.0;

fn refuse_overflow(name: &str, floats: &[f32], first_row: u64, cols: usize) -> Result<()> {
    let over = |x: &f32| x.is_finite() && x.abs() >= F16_LIMIT;
    if !floats.iter().fold(false, |any, x| any | over(x)) {
        return Ok(());
    }
    let at = floats.iter().position(over).unwrap_or(0);
    let (row, col) = (first_row + (at / cols) as u64, at % cols);
    let what = format!("{} at row {row}, column {col} is beyond f16 (largest 65504)", floats[at]);
    let hint = format!(
        "Use bf16 or f32 for the output, or for this tensor alone: tensor_types = {{ \"{name}\" = \"bf16\" }}."
    );
    Err(ModelError::bad(what).field(name).with_hint(hint))
}

/// True if raw float elements hold a NaN or an infinity; false for types that cannot.
pub fn has_non_finite(encoding: Encoding, raw: &[u8]) -> bool {
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
        assert!(refuse_overflow("t", &[65519.0, f32::INFINITY], 0, 2).is_ok());
        let e = refuse_overflow("t", &[0.0, 1.0, 2.0, 65520.0], 10, 2).unwrap_err();
        assert!(e.to_string().contains("row 11, column 1"), "{e}");
    }
}
