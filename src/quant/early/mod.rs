//! Block layouts from before GGUF: what ggml wrote from March to August 2023 under the codes that other layouts have today.
//!
//! | names | files | blocks |
//! | --- | --- | --- |
//! | `…_V1` | `ggml`, `ggmf`, `ggjt` version 1 | byte j of the nibbles holds elements 2j (low) and 2j + 1 (high) |
//! | `…_V2` | `ggjt` version 2 | nibbles as today: elements j and j + 16 |
//! | `Q4_2`, `Q4_3` | `ggjt` version 1 | 16 elements, otherwise as `…_V1` |
//! | `…_64` | builds with `LLAMA_QKK_64` | k-quants with super-blocks of 64 elements |
//!
//! Scales of `Q4_0`, `Q4_1` and `Q8_0` are `f32` in the first two, `f16` today. They are read, never written: [`repack`](fn@repack) brings a
//! block to the layout of today where one holds the same levels. Sources: `ggml.c` of llama.cpp at the commits b9fd7eee5 (nibbles,
//! 2023-05-12), 2d5db4837 (scales, 2023-05-19), 77a73403c and e0305ead3 (`Q4_2`, `Q4_3`) and 6769e944c (`LLAMA_QKK_64`).
//! Test: `cargo test --lib quant::early`, and `formats::ggml` on whole files.

mod k64;
mod nibbles;
mod repack;
mod sixteen;
mod wide;

pub(super) use k64::{Q2K64, Q3K64, Q4K64, Q5K64, Q6K64};
pub(super) use nibbles::{HALVES, PAIRS};
pub(crate) use repack::{repack, repacks_to};
pub(super) use sixteen::{Q4_2, Q4_3};
pub(super) use wide::{Q4_0Wide, Q4_1Wide, Q5_0Pairs, Q5_1Pairs, Q8_0Wide};

/// True if the scale is NaN or infinite.
#[inline(always)]
fn bad_f32(bytes: &[u8]) -> bool {
    bytes.first_chunk::<4>().is_none_or(|b| !f32::from_le_bytes(*b).is_finite())
}

/// The little-endian number at the beginning; 0 if there are fewer than four bytes, which no caller has.
#[inline(always)]
fn f32_at(bytes: &[u8]) -> f32 {
    bytes.first_chunk::<4>().map_or(0.0, |b| f32::from_le_bytes(*b))
}
