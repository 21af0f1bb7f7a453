//! The block formats of ggml: names, wire codes, block lengths and sizes.
//!
//! Codes and sizes: ggml's public `ggml.h` (`enum ggml_type`) and `ggml-common.h` (block structs), autumn 2026.

use std::fmt;

macro_rules! block_types {
    ($($variant:ident = $code:literal, $name:literal, $elems:literal / $bytes:literal;)*) => {
        /// A ggml block format: a row is cut into blocks of a fixed number of elements, each stored in a fixed number of bytes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(non_camel_case_types, missing_docs, reason = "the names are the field's own")]
        pub enum BlockType { $($variant,)* }

        impl BlockType {
            /// Every block format, by wire code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The `ggml_type` number used in GGUF files.
            pub const fn code(self) -> u32 { match self { $(Self::$variant => $code,)* } }

            /// The upper-case name people know: `Q4_K`.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }

            /// Elements in one block.
            pub const fn block_elems(self) -> usize { match self { $(Self::$variant => $elems,)* } }

            /// Bytes of one block.
            pub const fn block_bytes(self) -> usize { match self { $(Self::$variant => $bytes,)* } }
        }
    };
}

block_types! {
    Q4_0 = 2, "Q4_0", 32 / 18;
    Q4_1 = 3, "Q4_1", 32 / 20;
    Q5_0 = 6, "Q5_0", 32 / 22;
    Q5_1 = 7, "Q5_1", 32 / 24;
    Q8_0 = 8, "Q8_0", 32 / 34;
    Q8_1 = 9, "Q8_1", 32 / 36;
    Q2_K = 10, "Q2_K", 256 / 84;
    Q3_K = 11, "Q3_K", 256 / 110;
    Q4_K = 12, "Q4_K", 256 / 144;
    Q5_K = 13, "Q5_K", 256 / 176;
    Q6_K = 14, "Q6_K", 256 / 210;
    Q8_K = 15, "Q8_K", 256 / 292;
    IQ2_XXS = 16, "IQ2_XXS", 256 / 66;
    IQ2_XS = 17, "IQ2_XS", 256 / 74;
    IQ3_XXS = 18, "IQ3_XXS", 256 / 98;
    IQ1_S = 19, "IQ1_S", 256 / 50;
    IQ4_NL = 20, "IQ4_NL", 32 / 18;
    IQ3_S = 21, "IQ3_S", 256 / 110;
    IQ2_S = 22, "IQ2_S", 256 / 82;
    IQ4_XS = 23, "IQ4_XS", 256 / 136;
    IQ1_M = 29, "IQ1_M", 256 / 56;
    TQ1_0 = 34, "TQ1_0", 256 / 54;
    TQ2_0 = 35, "TQ2_0", 256 / 66;
    MXFP4 = 39, "MXFP4", 32 / 17;
    NVFP4 = 40, "NVFP4", 64 / 36;
    Q1_0 = 41, "Q1_0", 128 / 18;
    Q2_0 = 42, "Q2_0", 64 / 18;
}

impl BlockType {
    /// The format with this wire code.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|t| t.code() == code)
    }

    /// Inverse of [`BlockType::name`], case-insensitive.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|t| t.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for BlockType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
