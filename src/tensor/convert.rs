//! Element conversion between raw little-endian bytes and `f32`.
//!
//! Rounding is to nearest, ties to even, as every framework does. `f32 → bf16` keeps a NaN quiet the way ggml does
//! (`GGML_FP32_TO_BF16`): the top half of the bits with the quiet bit set.

use super::DType;
use half::f16;

/// Decodes `src`, packed elements of `dtype`, into `dst` (one `f32` per element; `src.len() == dst.len() * size`).
///
/// Integers beyond 2^24 and `f64` are rounded once. Complex types give their real part.
///
/// # Panics
/// When the lengths disagree: a programming error, never caused by file contents.
pub fn decode_f32(dtype: DType, src: &[u8], dst: &mut [f32]) {
    let size = dtype.size_bytes();
    assert_eq!(src.len(), dst.len() * size, "decode_f32: {} bytes for {} elements", src.len(), dst.len());
    macro_rules! each {
        ($n:literal, $f:expr) => {{
            let (chunks, _) = src.as_chunks::<$n>();
            for (d, c) in dst.iter_mut().zip(chunks) {
                *d = $f(*c);
            }
        }};
    }
    match dtype {
        DType::F32 => each!(4, f32::from_le_bytes),
        DType::F16 => each!(2, |b| f16::from_le_bytes(b).to_f32()),
        DType::BF16 => each!(2, |b: [u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16)),
        DType::F64 => each!(8, |b| f64::from_le_bytes(b) as f32),
        DType::F8E4M3 => each!(1, |b: [u8; 1]| f8e4m3_to_f32(b[0])),
        DType::F8E5M2 => each!(1, |b: [u8; 1]| f8e5m2_to_f32(b[0])),
        DType::I64 => each!(8, |b| i64::from_le_bytes(b) as f32),
        DType::I32 => each!(4, |b| i32::from_le_bytes(b) as f32),
        DType::I16 => each!(2, |b| f32::from(i16::from_le_bytes(b))),
        DType::I8 => each!(1, |b| f32::from(i8::from_le_bytes(b))),
        DType::U64 => each!(8, |b| u64::from_le_bytes(b) as f32),
        DType::U32 => each!(4, |b| u32::from_le_bytes(b) as f32),
        DType::U16 => each!(2, |b| f32::from(u16::from_le_bytes(b))),
        DType::U8 | DType::Bool => each!(1, |b: [u8; 1]| f32::from(b[0])),
        DType::C64 => each!(8, |b: [u8; 8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
        DType::C128 => {
            each!(16, |b: [u8; 16]| { f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32 })
        }
    }
}

/// Encodes `src` as packed little-endian elements of `dtype` into `dst`. Returns false, leaving `dst` unspecified, for
/// a type that is never written from floats (integers, f8, complex).
///
/// # Panics
/// When the lengths disagree: a programming error.
pub fn encode_f32(dtype: DType, src: &[f32], dst: &mut [u8]) -> bool {
    assert_eq!(dst.len(), src.len() * dtype.size_bytes(), "encode_f32: length mismatch");
    macro_rules! each {
        ($n:literal, $f:expr) => {{
            let (chunks, _) = dst.as_chunks_mut::<$n>();
            for (c, s) in chunks.iter_mut().zip(src) {
                *c = $f(*s);
            }
        }};
    }
    match dtype {
        DType::F32 => each!(4, f32::to_le_bytes),
        DType::F64 => each!(8, |x: f32| f64::from(x).to_le_bytes()),
        DType::F16 => each!(2, |x| f16::from_f32(x).to_le_bytes()),
        DType::BF16 => each!(2, |x: f32| f32_to_bf16_bits(x).to_le_bytes()),
        _ => return false,
    }
    true
}

fn f32_to_bf16_bits(x: f32) -> u16 {
    let bits = x.to_bits();
    if bits & 0x7fff_ffff > 0x7f80_0000 {
        return ((bits >> 16) | 64) as u16;
    }
    ((bits + (0x7fff + ((bits >> 16) & 1))) >> 16) as u16
}

/// OCP 8-bit float, 4 exponent bits, 3 mantissa bits, no infinity (`float8_e4m3fn`): 0x7f and 0xff are NaN.
pub(crate) fn f8e4m3_to_f32(byte: u8) -> f32 {
    let sign = if byte & 0x80 == 0 { 1.0 } else { -1.0 };
    let (exp, man) = (i32::from((byte >> 3) & 15), f32::from(byte & 7));
    match (exp, byte & 7) {
        (15, 7) => f32::NAN,
        (0, _) => sign * man * (-9f32).exp2(),
        _ => sign * (1.0 + man / 8.0) * ((exp - 7) as f32).exp2(),
    }
}

/// OCP 8-bit float, 5 exponent bits, 2 mantissa bits: the upper half of an IEEE `f16`.
pub(crate) fn f8e5m2_to_f32(byte: u8) -> f32 {
    f16::from_bits(u16::from(byte) << 8).to_f32()
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::bf16;

    #[test]
    fn bf16_matches_the_half_crate_on_every_upper_half_and_on_ties() {
        for hi in 0..=u16::MAX {
            for lo in [0u32, 1, 0x7fff, 0x8000, 0x8001, 0xffff] {
                let x = f32::from_bits((u32::from(hi) << 16) | lo);
                if !x.is_nan() {
                    assert_eq!(f32_to_bf16_bits(x), bf16::from_f32(x).to_bits(), "{x:e}");
                }
            }
        }
        assert!(bf16::from_bits(f32_to_bf16_bits(f32::NAN)).is_nan());
    }

    #[test]
    fn f8_values_of_the_ocp_table() {
        assert_eq!(f8e4m3_to_f32(0x7e), 448.0);
        assert_eq!(f8e4m3_to_f32(0x01), 2f32.powi(-9));
        assert_eq!(f8e4m3_to_f32(0xb8), -1.0);
        assert!(f8e4m3_to_f32(0xff).is_nan());
        assert_eq!(f8e5m2_to_f32(0x7b), 57344.0);
        assert_eq!(f8e5m2_to_f32(0x7c), f32::INFINITY);
    }

    #[test]
    fn floats_survive_a_round_trip() {
        let xs = [0.0f32, -0.0, 1.5, -65504.0, 2f32.powi(-24), f32::INFINITY];
        for dtype in [DType::F32, DType::F16, DType::F64] {
            let mut bytes = vec![0u8; xs.len() * dtype.size_bytes()];
            assert!(encode_f32(dtype, &xs, &mut bytes));
            let mut back = [0f32; 6];
            decode_f32(dtype, &bytes, &mut back);
            assert_eq!(xs.map(f32::to_bits), back.map(f32::to_bits), "{dtype}");
        }
    }
}
