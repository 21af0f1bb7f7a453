//! The encoders in lanes: many blocks at a time, to the same bytes.
//!
//! The reference's sums run in index order inside a sub-block, and sub-blocks are independent of each other. So **lane =
//! sub-block, loop = element**: each lane does exactly the scalar code's operations in its order. The scalar code (`search`, the
//! format files) is the definition and the oracle of the tests here. Where a group of elements is chosen from a list of grid
//! points, lane = point, or lane = candidate scale. Where hardly any element changes (Q3_K), lane = element. Formats without sums are compiled for the wider registers, with lanes inside a block. Never fused
//! multiply-add: no kernel uses it, and the compiler does not contract.
//!
//! `lanes` defines what lanes can do, `x86` is AVX2 and AVX-512 and the only place with `unsafe`, `portable` is for all other
//! machines, `affine`, `positive` and `symmetric` are the searches, `level` chooses the instruction set
//! (`REMOLD_ISA=scalar|portable|avx2|avx512` forces downward; on aarch64 `portable` is named `neon`). The drivers
//! (gathering sub-blocks, finishing blocks) are in the format files. Test with `cargo test quant::simd`.
#![allow(clippy::needless_range_loop, reason = "several arrays are indexed in step")]

mod affine;
mod lanes;
mod level;
mod nearest;
mod portable;
mod positive;
mod symmetric;
#[cfg(test)]
pub(super) mod tests;
mod transpose;
pub(super) mod within;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(super) use affine::affine;
pub(super) use lanes::{Isa, Kernel, Lanes, MAX_LANES, Sixteen};
pub(super) use level::{Level, at_best, best, names, run};
pub(super) use nearest::{MAGIC, levels_anywhere, within as all_small};
pub(super) use portable::Portable;
pub(super) use positive::positive;
pub(super) use symmetric::{signed_max_abs, symmetric, symmetric_3bit, symmetric_of_one};
pub(super) use transpose::{numbers, transpose};
