//! Inputs of matrix products, rounded as ggml rounds them before it multiplies them with quantized weights.
//!
//! ggml quantizes the activations of each row to the type its dot product expects (`ggml-cpu.c`, `type_traits_cpu[].vec_dot_type`), and
//! the figures of llama.cpp contain that loss. The values here are those that its integers stand for.

use crate::quant::{BlockType, Encoding};
use crate::tensor::DType;
use half::{bf16, f16};
use serde::{Deserialize, Serialize};

/// How the inputs of matrix products are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Rounding {
    /// As they are, in f32.
    #[default]
    #[serde(rename = "exact")]
    Exact,
    /// Rounded as llama.cpp does on a CPU.
    #[serde(rename = "llama.cpp")]
    LlamaCpp,
}

impl Rounding {
    /// The name on the command line and in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::LlamaCpp => "llama.cpp",
        }
    }
}

/// The type that ggml rounds activations to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    F16,
    Bf16,
    /// 32 values with one scale of 16 bits.
    Q8_0,
    /// 256 values with one scale of 32 bits.
    Q8K,
}

fn step(weight: Encoding) -> Option<Step> {
    use BlockType as T;
    match weight {
        Encoding::Plain(DType::F16) => Some(Step::F16),
        Encoding::Plain(DType::BF16) => Some(Step::Bf16),
        Encoding::Plain(_) => None,
        Encoding::Block(
            T::Q4_0
            | T::Q4_1
            | T::Q5_0
            | T::Q5_1
            | T::Q8_0
            | T::Q8_1
            | T::IQ4_NL
            | T::MXFP4
            | T::NVFP4
            | T::Q1_0
            | T::Q2_0,
        ) => Some(Step::Q8_0),
        Encoding::Block(_) => Some(Step::Q8K),
    }
}

/// Rounds the rows of `x` as ggml does before it multiplies them with weights of this encoding. False if it leaves them as they are.
pub(super) fn round(x: &mut [f32], columns: usize, weight: Encoding) -> bool {
    let Some(step) = step(weight) else { return false };
    match step {
        Step::F16 => x.iter_mut().for_each(|v| *v = f16::from_f32(*v).to_f32()),
        Step::Bf16 => x.iter_mut().for_each(|v| *v = bf16::from_f32(*v).to_f32()),
        Step::Q8_0 => x.chunks_mut(columns.max(1)).flat_map(|row| row.chunks_mut(32)).for_each(q8_0),
        Step::Q8K => x.chunks_mut(columns.max(1)).flat_map(|row| row.chunks_mut(256)).for_each(q8_k),
    }
    true
}

/// Values of attention's cache, which llama.cpp keeps in f16.
pub(super) fn to_f16(x: &mut [f32]) {
    x.iter_mut().for_each(|v| *v = f16::from_f32(*v).to_f32());
}

fn q8_0(block: &mut [f32]) {
    let most = block.iter().fold(0f32, |m, v| m.max(v.abs()));
    let d = most / 127.0;
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    let stored = f16::from_f32(d).to_f32();
    block.iter_mut().for_each(|v| *v = (*v * inverse).round() * stored);
}

fn q8_k(block: &mut [f32]) {
    let most = block.iter().copied().fold(0f32, |m, v| if v.abs() > m.abs() { v } else { m });
    if most == 0.0 {
        return;
    }
    let inverse = -127.0 / most;
    let d = 1.0 / inverse;
    block.iter_mut().for_each(|v| *v = (*v * inverse).round_ties_even().min(127.0) * d);
}
