//! The file types of llama-quantize: names, numbers and the encoding most tensors get.
//!
//! Source: `enum llama_ftype` in `llama.h`, `QUANT_OPTIONS` in `quantize.cpp`, `llama_ftype_get_default_type`, autumn 2026.

use crate::quant::{BlockType, Encoding};
use crate::tensor::DType;
use std::fmt;

macro_rules! file_types {
    ($($variant:ident = $id:literal, $name:literal, $base:expr;)*) => {
        /// A named recipe for a whole GGUF file: a base encoding and rules for the tensors that deviate from it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(non_camel_case_types, missing_docs, reason = "names of the field")]
        pub enum FileType { $($variant,)* }

        impl FileType {
            /// Every file type, fewest bits first, as llama-quantize lists them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The `LLAMA_FTYPE` number, stored as `general.file_type`.
            pub(crate) const fn id(self) -> u32 { match self { $(Self::$variant => $id,)* } }

            /// The upper-case name: `Q4_K_M`.
            pub(crate) const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }

            /// The encoding of a tensor that no rule matches.
            pub const fn base(self) -> Encoding { match self { $(Self::$variant => $base,)* } }
        }
    };
}

const fn block(b: BlockType) -> Encoding {
    Encoding::Block(b)
}

file_types! {
    Q1_0 = 40, "Q1_0", block(BlockType::Q1_0);
    Q2_0 = 41, "Q2_0", block(BlockType::Q2_0);
    Q4_0 = 2, "Q4_0", block(BlockType::Q4_0);
    Q4_1 = 3, "Q4_1", block(BlockType::Q4_1);
    MXFP4_MOE = 38, "MXFP4_MOE", block(BlockType::MXFP4);
    Q5_0 = 8, "Q5_0", block(BlockType::Q5_0);
    Q5_1 = 9, "Q5_1", block(BlockType::Q5_1);
    IQ2_XXS = 19, "IQ2_XXS", block(BlockType::IQ2_XXS);
    IQ2_XS = 20, "IQ2_XS", block(BlockType::IQ2_XS);
    IQ2_S = 28, "IQ2_S", block(BlockType::IQ2_XS);
    IQ2_M = 29, "IQ2_M", block(BlockType::IQ2_S);
    IQ1_S = 24, "IQ1_S", block(BlockType::IQ1_S);
    IQ1_M = 31, "IQ1_M", block(BlockType::IQ1_M);
    TQ1_0 = 36, "TQ1_0", block(BlockType::TQ1_0);
    TQ2_0 = 37, "TQ2_0", block(BlockType::TQ2_0);
    Q2_K = 10, "Q2_K", block(BlockType::Q2_K);
    Q2_K_S = 21, "Q2_K_S", block(BlockType::Q2_K);
    IQ3_XXS = 23, "IQ3_XXS", block(BlockType::IQ3_XXS);
    IQ3_S = 26, "IQ3_S", block(BlockType::IQ3_S);
    IQ3_M = 27, "IQ3_M", block(BlockType::IQ3_S);
    IQ3_XS = 22, "IQ3_XS", block(BlockType::IQ3_S);
    Q3_K_S = 11, "Q3_K_S", block(BlockType::Q3_K);
    Q3_K_M = 12, "Q3_K_M", block(BlockType::Q3_K);
    Q3_K_L = 13, "Q3_K_L", block(BlockType::Q3_K);
    IQ4_NL = 25, "IQ4_NL", block(BlockType::IQ4_NL);
    IQ4_XS = 30, "IQ4_XS", block(BlockType::IQ4_XS);
    Q4_K_S = 14, "Q4_K_S", block(BlockType::Q4_K);
    Q4_K_M = 15, "Q4_K_M", block(BlockType::Q4_K);
    Q5_K_S = 16, "Q5_K_S", block(BlockType::Q5_K);
    Q5_K_M = 17, "Q5_K_M", block(BlockType::Q5_K);
    Q6_K = 18, "Q6_K", block(BlockType::Q6_K);
    Q8_0 = 7, "Q8_0", block(BlockType::Q8_0);
    F16 = 1, "F16", Encoding::Plain(DType::F16);
    BF16 = 32, "BF16", Encoding::Plain(DType::BF16);
    F32 = 0, "F32", Encoding::Plain(DType::F32);
    Copy = 0, "COPY", Encoding::Plain(DType::F32);
}

/// Other names llama-quantize accepts.
const ALIASES: [(&str, FileType); 3] =
    [("Q3_K", FileType::Q3_K_M), ("Q4_K", FileType::Q4_K_M), ("Q5_K", FileType::Q5_K_M)];

impl FileType {
    /// The file type of this name, alias or number; case-insensitive.
    pub fn parse(name: &str) -> Option<Self> {
        let named = Self::ALL.iter().map(|t| (t.name(), *t)).chain(ALIASES);
        let mut named = named.filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.next().map(|(_, t)| t).or_else(|| Self::from_id(name.parse().ok()?))
    }

    /// The file type of this number.
    pub(crate) fn from_id(id: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|t| t.id() == id)
    }

    /// True for `COPY`, which keeps every tensor as it is.
    pub(crate) fn is_copy(self) -> bool {
        self == Self::Copy
    }
}

impl fmt::Display for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_aliases_and_numbers_parse() {
        for &t in FileType::ALL {
            assert_eq!(FileType::parse(&t.name().to_lowercase()), Some(t));
            if !t.is_copy() {
                assert_eq!(FileType::parse(&t.id().to_string()), Some(t));
            }
        }
        assert_eq!(FileType::parse("q4_k"), Some(FileType::Q4_K_M));
        assert_eq!(FileType::parse("Q9"), None);
        assert_eq!(FileType::parse("33"), None);
    }
}
