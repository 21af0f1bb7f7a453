//! What a block format implements ([`Codec`]), and its functions as the table of block types keeps them ([`Functions`]).
//!
//! A format is a unit struct in its own file. `block_type` lists it in the table; nothing else names it.

use super::blocks::Rows;
use super::number::{from_f16, to_f16};
use super::simd::{Isa, Kernel, Level, run};
use std::marker::PhantomData;

/// What importance weights mean to a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::quant) enum Importance {
    /// They change nothing.
    Ignored,
    /// They may change the bytes; the format can be written without them.
    Used,
    /// The format cannot be written without them.
    Required,
}

/// A block format: `N` elements in `B` bytes.
///
/// Mark every function that runs with an instruction set `#[inline(always)]`: only then is it compiled for that set.
pub(in crate::quant) trait Codec<const N: usize, const B: usize> {
    /// False for layouts that are only read: their [`Codec::encode`] is never called.
    const WRITES: bool = true;

    /// What importance weights mean.
    const IMPORTANCE: Importance = Importance::Used;

    /// True if encoding with importance weights needs the mean square of the whole row.
    const NEEDS_MEAN_SQUARE: bool = false;

    /// Byte offsets of the little-endian `f16` scales and minimums in a block.
    const F16_SCALES: &'static [usize];

    /// True if decoding is faster when compiled for the instruction set (measured with `cargo bench --bench quantize`), as it is with a
    /// [`Codec::decode_lanes`] of its own.
    const DECODES_IN_LANES: bool = false;

    /// Encodes rows one block after the other. This is the definition of the format's bytes.
    fn encode(rows: Rows<'_>);

    /// Encodes finite rows with an instruction set, to the same bytes as [`Codec::encode`].
    #[inline(always)]
    fn encode_lanes<I: Isa>(_s: I, rows: Rows<'_>) {
        Self::encode(rows);
    }

    /// Decodes a block.
    fn decode_block(block: &[u8; B], out: &mut [f32; N]);

    /// Decodes a block with sixteen lanes, to the same numbers as [`Codec::decode_block`].
    #[inline(always)]
    fn decode_lanes<I: Isa>(_s: I, block: &[u8; B], out: &mut [f32; N]) {
        // A copy cannot overlap the elements, so the compiler can work on many of them at a time.
        let block = *block;
        Self::decode_block(&block, out);
    }

    /// Replaces the blocks in `rows.dst`, which [`Codec::encode`] wrote, by blocks of less error (`effort = "max"`).
    #[inline(always)]
    fn search<I: Isa>(_s: I, _rows: Rows<'_>) {}

    /// True if a scale or minimum of the block is NaN or infinite.
    #[inline(always)]
    fn has_bad_scale(block: &[u8; B]) -> bool {
        const EXPONENT: u8 = 0x7c;
        Self::F16_SCALES.iter().fold(false, |bad, &at| bad | (block[at + 1] & EXPONENT == EXPONENT))
    }

    /// Multiplies the scales and minimums of the block by `factor`, where the format can store the result precisely enough.
    #[inline(always)]
    fn multiply_scales(block: &mut [u8; B], factor: f32) {
        for &at in Self::F16_SCALES {
            let scale = from_f16([block[at], block[at + 1]]) * factor;
            block[at..at + 2].copy_from_slice(&to_f16(scale));
        }
    }
}

/// The functions and facts of one format. Callers check lengths.
pub(in crate::quant) struct Functions {
    /// Encodes whole rows with an instruction set; above [`Level::Scalar`] the rows must be finite.
    pub(in crate::quant) encode: fn(Level, Rows<'_>),
    /// Decodes any number of blocks.
    pub(in crate::quant) decode: fn(Level, &[u8], &mut [f32]),
    /// Lowers the error of encoded rows; see [`Codec::search`].
    pub(in crate::quant) search: fn(Level, Rows<'_>),
    /// The index of the first block for which [`Codec::has_bad_scale`] is true.
    pub(in crate::quant) first_bad_block: fn(&[u8]) -> Option<usize>,
    /// See [`Codec::multiply_scales`]; takes one block.
    pub(in crate::quant) multiply_scales: fn(&mut [u8], f32),
    /// See [`Codec::WRITES`].
    pub(in crate::quant) writes: bool,
    /// See [`Codec::IMPORTANCE`].
    pub(in crate::quant) importance: Importance,
    /// See [`Codec::NEEDS_MEAN_SQUARE`].
    pub(in crate::quant) needs_mean_square: bool,
    /// See [`Codec::F16_SCALES`].
    #[cfg_attr(not(test), allow(dead_code, reason = "for the tests of `validate`"))]
    pub(in crate::quant) f16_scales: &'static [usize],
}

impl Functions {
    /// The functions of the format `T`.
    pub(in crate::quant) const fn of<T: Codec<N, B>, const N: usize, const B: usize>() -> Self {
        Self {
            encode: encode::<T, N, B>,
            decode: decode::<T, N, B>,
            search: |level, rows| run(level, Search::<T, N, B>(rows, PhantomData)),
            first_bad_block: |bytes| bytes.as_chunks::<B>().0.iter().position(T::has_bad_scale),
            multiply_scales: multiply_scales::<T, N, B>,
            writes: T::WRITES,
            importance: T::IMPORTANCE,
            needs_mean_square: T::NEEDS_MEAN_SQUARE,
            f16_scales: T::F16_SCALES,
        }
    }
}

fn encode<T: Codec<N, B>, const N: usize, const B: usize>(level: Level, rows: Rows<'_>) {
    match level {
        Level::Scalar => T::encode(rows),
        level => run(level, Encode::<T, N, B>(rows, PhantomData)),
    }
}

fn decode<T: Codec<N, B>, const N: usize, const B: usize>(level: Level, src: &[u8], dst: &mut [f32]) {
    if T::DECODES_IN_LANES && !matches!(level, Level::Scalar) {
        run(level, Decode::<T, N, B>(src, dst, PhantomData));
    } else {
        decode_blocks(src, dst, T::decode_block);
    }
}

/// Calls `decode` for each block of `B` bytes and `N` elements.
#[inline(always)]
fn decode_blocks<const N: usize, const B: usize>(
    src: &[u8],
    dst: &mut [f32],
    decode: impl Fn(&[u8; B], &mut [f32; N]),
) {
    for (block, out) in src.as_chunks::<B>().0.iter().zip(dst.as_chunks_mut::<N>().0) {
        // A copy cannot overlap the elements, so the compiler can work on many of them at a time.
        let block = *block;
        decode(&block, out);
    }
}

fn multiply_scales<T: Codec<N, B>, const N: usize, const B: usize>(block: &mut [u8], factor: f32) {
    if let Some(block) = block.first_chunk_mut() {
        T::multiply_scales(block, factor);
    }
}

struct Encode<'a, T, const N: usize, const B: usize>(Rows<'a>, PhantomData<T>);

impl<T: Codec<N, B>, const N: usize, const B: usize> Kernel for Encode<'_, T, N, B> {
    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        T::encode_lanes(isa, self.0);
    }
}

struct Decode<'a, T, const N: usize, const B: usize>(&'a [u8], &'a mut [f32], PhantomData<T>);

impl<T: Codec<N, B>, const N: usize, const B: usize> Kernel for Decode<'_, T, N, B> {
    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        // The decoder is called by name: one that is passed as a function is compiled without the instruction set.
        for (block, out) in self.0.as_chunks::<B>().0.iter().zip(self.1.as_chunks_mut::<N>().0) {
            T::decode_lanes(isa.near(), block, out);
        }
    }
}

struct Search<'a, T, const N: usize, const B: usize>(Rows<'a>, PhantomData<T>);

impl<T: Codec<N, B>, const N: usize, const B: usize> Kernel for Search<'_, T, N, B> {
    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        T::search(isa, self.0);
    }
}
