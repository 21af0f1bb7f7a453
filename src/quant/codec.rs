//! The table from a block format to the functions that write and read it.

use super::{BlockType, fp4, iq, k, legacy, low_bit};

/// Encodes one row: elements, importance weights of the same length, bytes. Lengths are checked by the caller.
pub(super) type EncodeRow = fn(&[f32], Option<&[f32]>, &mut [u8]);

/// Decodes any number of blocks. Lengths are checked by the caller.
pub(super) type Decode = fn(&[u8], &mut [f32]);

/// The functions of one format.
pub(super) struct Codec {
    /// Writes a row; `None` where only reading is implemented.
    pub(super) encode_row: Option<EncodeRow>,
    /// Reads blocks.
    pub(super) decode: Decode,
}

/// The functions of `ty`, if it is implemented.
pub(super) fn codec(ty: BlockType) -> Option<Codec> {
    use BlockType as B;
    let (encode, decode): (EncodeRow, Decode) = match ty {
        B::Q4_0 => (legacy::q4_0::encode_row, legacy::q4_0::decode),
        B::Q4_1 => (legacy::q4_1::encode_row, legacy::q4_1::decode),
        B::Q5_0 => (legacy::q5_0::encode_row, legacy::q5_0::decode),
        B::Q5_1 => (legacy::q5_1::encode_row, legacy::q5_1::decode),
        B::Q8_0 => (legacy::q8_0::encode_row, legacy::q8_0::decode),
        B::Q2_K => (k::q2::encode_row, k::q2::decode),
        B::Q3_K => (k::q3::encode_row, k::q3::decode),
        B::Q4_K => (k::q4::encode_row, k::q4::decode),
        B::Q5_K => (k::q5::encode_row, k::q5::decode),
        B::Q6_K => (k::q6::encode_row, k::q6::decode),
        B::IQ1_S => (iq::iq1::encode_row_s, iq::iq1::decode_s),
        B::IQ1_M => (iq::iq1::encode_row_m, iq::iq1::decode_m),
        B::IQ2_XXS => (iq::iq2::encode_row_xxs, iq::iq2::decode_xxs),
        B::IQ2_XS => (iq::iq2::encode_row_xs, iq::iq2::decode_xs),
        B::IQ2_S => (iq::iq2::encode_row_s, iq::iq2::decode_s),
        B::IQ3_XXS => (iq::iq3::encode_row_xxs, iq::iq3::decode_xxs),
        B::IQ3_S => (iq::iq3::encode_row_s, iq::iq3::decode_s),
        B::IQ4_NL => (iq::iq4_nl::encode_row, iq::iq4_nl::decode),
        B::IQ4_XS => (iq::iq4_xs::encode_row, iq::iq4_xs::decode),
        B::MXFP4 => (fp4::mxfp4::encode_row, fp4::mxfp4::decode),
        B::NVFP4 => (fp4::nvfp4::encode_row, fp4::nvfp4::decode),
        B::Q1_0 => (low_bit::q1_0::encode_row, low_bit::q1_0::decode),
        B::Q2_0 => (low_bit::q2_0::encode_row, low_bit::q2_0::decode),
        B::TQ1_0 => (low_bit::tq1_0::encode_row, low_bit::tq1_0::decode),
        B::TQ2_0 => (low_bit::tq2_0::encode_row, low_bit::tq2_0::decode),
        _ => return None,
    };
    Some(Codec { encode_row: Some(encode), decode })
}

/// Decodes a format that profits from wider registers: inlined, it is compiled for the caller's instruction set.
#[inline(always)]
pub(super) fn decode_inline(ty: BlockType, src: &[u8], dst: &mut [f32]) {
    use BlockType as B;
    match ty {
        B::Q4_0 => legacy::q4_0::decode(src, dst),
        B::Q4_1 => legacy::q4_1::decode(src, dst),
        B::Q5_0 => legacy::q5_0::decode(src, dst),
        B::Q5_1 => legacy::q5_1::decode(src, dst),
        B::Q8_0 => legacy::q8_0::decode(src, dst),
        B::Q2_K => k::q2::decode(src, dst),
        B::Q3_K => k::q3::decode(src, dst),
        B::Q4_K => k::q4::decode(src, dst),
        B::Q5_K => k::q5::decode(src, dst),
        B::Q6_K => k::q6::decode(src, dst),
        B::MXFP4 => fp4::mxfp4::decode(src, dst),
        B::NVFP4 => fp4::nvfp4::decode(src, dst),
        B::Q1_0 => low_bit::q1_0::decode(src, dst),
        B::Q2_0 => low_bit::q2_0::decode(src, dst),
        B::TQ2_0 => low_bit::tq2_0::decode(src, dst),
        B::IQ4_NL => iq::iq4_nl::decode(src, dst),
        B::IQ4_XS => iq::iq4_xs::decode(src, dst),
        _ => unreachable!("no decoder in lanes"),
    }
}

/// Calls `f` on each block of `N` elements and `B` bytes, with its importance weights where there are some.
#[inline(always)]
pub(super) fn encode_blocks<const N: usize, const B: usize>(
    x: &[f32],
    weights: Option<&[f32]>,
    dst: &mut [u8],
    mut f: impl FnMut(&[f32; N], Option<&[f32; N]>, &mut [u8; B]),
) {
    let (blocks, _) = x.as_chunks::<N>();
    let (out, _) = dst.as_chunks_mut::<B>();
    match weights {
        None => blocks.iter().zip(out).for_each(|(x, out)| f(x, None, out)),
        Some(w) => {
            let (w, _) = w.as_chunks::<N>();
            blocks.iter().zip(w).zip(out).for_each(|((x, w), out)| f(x, Some(w), out));
        }
    }
}

/// Calls `f` on each block of `B` bytes and `N` elements.
#[inline(always)]
pub(super) fn decode_blocks<const B: usize, const N: usize>(
    src: &[u8],
    dst: &mut [f32],
    mut f: impl FnMut(&[u8; B], &mut [f32; N]),
) {
    let (blocks, _) = src.as_chunks::<B>();
    let (out, _) = dst.as_chunks_mut::<N>();
    for (b, out) in blocks.iter().zip(out) {
        // A copy cannot overlap the elements, which lets the compiler work on many of them at a time.
        let b = *b;
        f(&b, out);
    }
}
