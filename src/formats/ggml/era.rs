//! What a type code means: the layout of blocks changed three times under the same codes.

use super::container::Container;
use crate::quant::{BlockType, Encoding};
use crate::tensor::DType;

/// The layout of a file's blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// `f32` scales; nibbles in pairs (`ggml`, `ggmf`, `ggjt` 1).
    Pairs,
    /// `f32` scales; nibbles in halves (`ggjt` 2).
    Halves,
    /// `f16` scales (`ggjt` 3): the blocks of today.
    Today,
    /// As [`Era::Today`], with super-blocks of 64 elements.
    Today64,
}

impl Era {
    /// The layouts that a file may have, the likelier first. `ftype` counts where it holds the version of the quantization.
    pub(super) fn candidates(container: Container, versioned_type: bool, ftype: i64) -> &'static [Self] {
        let version = match container {
            Container::Plain if versioned_type => ftype / 1000,
            Container::Plain | Container::Scored | Container::Aligned(1) => 0,
            Container::Aligned(2) => 1,
            _ => 2,
        };
        match version {
            0 => &[Self::Pairs],
            1 => &[Self::Halves],
            _ => &[Self::Today, Self::Today64],
        }
    }

    /// The encoding of a type code; `None` for codes that no file of the era has. `q8_as_6`: the header says `Q8_0`, which had the code 6 on
    /// 2023-04-25 (7a32fcb3b to 574406dc7).
    pub(super) fn encoding(self, code: i32, q8_as_6: bool) -> Option<Encoding> {
        use BlockType as B;
        let early = |pairs, halves, today| match self {
            Self::Pairs => pairs,
            Self::Halves => halves,
            Self::Today | Self::Today64 => today,
        };
        let k = |today, small| match self {
            Self::Pairs | Self::Halves => None,
            Self::Today => Some(today),
            Self::Today64 => Some(small),
        };
        let pairs = |ty| (self == Self::Pairs).then_some(ty);
        let block = match code {
            0 => return Some(DType::F32.into()),
            1 => return Some(DType::F16.into()),
            2 => early(B::Q4_0_V1, B::Q4_0_V2, B::Q4_0),
            3 => early(B::Q4_1_V1, B::Q4_1_V2, B::Q4_1),
            4 => pairs(B::Q4_2)?,
            5 => pairs(B::Q4_3)?,
            6 if q8_as_6 && self == Self::Pairs => B::Q8_0_V1,
            6 => early(B::Q5_0_V1, B::Q5_0, B::Q5_0),
            7 => early(B::Q5_1_V1, B::Q5_1, B::Q5_1),
            8 => early(B::Q8_0_V1, B::Q8_0_V1, B::Q8_0),
            10 => k(B::Q2_K, B::Q2_K_64)?,
            11 => k(B::Q3_K, B::Q3_K_64)?,
            12 => k(B::Q4_K, B::Q4_K_64)?,
            13 => k(B::Q5_K, B::Q5_K_64)?,
            14 => k(B::Q6_K, B::Q6_K_64)?,
            _ => return None,
        };
        Some(block.into())
    }

    /// The layout in words.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Pairs => "f32 scales, nibbles in pairs",
            Self::Halves => "f32 scales, nibbles in halves",
            Self::Today => "as in GGUF",
            Self::Today64 => "as in GGUF, k-quants with super-blocks of 64",
        }
    }
}
