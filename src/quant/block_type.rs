//! The block formats of ggml: names, wire codes, block lengths, sizes and functions, in one table.
//!
//! A new format is a file with a [`Codec`](super::codec::Codec) and a line in the table. Codes and sizes: ggml's public
//! `ggml.h` (`enum ggml_type`) and `ggml-common.h` (block structs), autumn 2026.

use super::codec::Functions;
use super::early::{self, HALVES, PAIRS};
use super::{fp4, iq, k, legacy, low_bit};
use std::fmt;

/// Codes from here on are of layouts from before GGUF. They are in no file.
const FIRST_EARLY: u32 = 1000;

/// A line of the table.
struct Entry {
    code: u32,
    name: &'static str,
    elems: usize,
    bytes: usize,
    /// `None` for formats that no file contains: they are known by size alone.
    functions: Option<Functions>,
}

/// Each line: name = wire code, elements / bytes of a block, codec.
macro_rules! block_types {
    ($($name:ident = $code:literal, $elems:literal / $bytes:literal $(, $codec:ty)?;)*) => {
        /// A ggml block format: a row is cut into blocks of a fixed number of elements, each stored in a fixed number of bytes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(non_camel_case_types, missing_docs, reason = "the names are those of ggml")]
        pub enum BlockType { $($name,)* }

        /// Indexed by [`BlockType`].
        const TABLE: &[Entry] = &[$(
            Entry {
                code: $code,
                name: stringify!($name),
                elems: $elems,
                bytes: $bytes,
                functions: block_types!(@functions $elems $bytes $($codec)?),
            },
        )*];

        impl BlockType {
            /// Every block format, by wire code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
    (@functions $elems:literal $bytes:literal) => { None };
    (@functions $elems:literal $bytes:literal $codec:ty) => { Some(Functions::of::<$codec, $elems, $bytes>()) };
}

block_types! {
    Q4_0 = 2, 32 / 18, legacy::Symmetric<4, 18>;
    Q4_1 = 3, 32 / 20, legacy::Affine<4, 20>;
    Q5_0 = 6, 32 / 22, legacy::Symmetric<5, 22>;
    Q5_1 = 7, 32 / 24, legacy::Affine<5, 24>;
    Q8_0 = 8, 32 / 34, legacy::Q8_0;
    Q8_1 = 9, 32 / 36;
    Q2_K = 10, 256 / 84, k::Q2K;
    Q3_K = 11, 256 / 110, k::Q3K;
    Q4_K = 12, 256 / 144, k::WithMin<4, 144>;
    Q5_K = 13, 256 / 176, k::WithMin<5, 176>;
    Q6_K = 14, 256 / 210, k::Q6K;
    Q8_K = 15, 256 / 292;
    IQ2_XXS = 16, 256 / 66, iq::Iq2Xxs;
    IQ2_XS = 17, 256 / 74, iq::Iq2Xs;
    IQ3_XXS = 18, 256 / 98, iq::Iq3Xxs;
    IQ1_S = 19, 256 / 50, iq::Iq1S;
    IQ4_NL = 20, 32 / 18, iq::Iq4Nl;
    IQ3_S = 21, 256 / 110, iq::Iq3S;
    IQ2_S = 22, 256 / 82, iq::Iq2S;
    IQ4_XS = 23, 256 / 136, iq::Iq4Xs;
    IQ1_M = 29, 256 / 56, iq::Iq1M;
    TQ1_0 = 34, 256 / 54, low_bit::Tq1;
    TQ2_0 = 35, 256 / 66, low_bit::Tq2;
    MXFP4 = 39, 32 / 17, fp4::Mxfp4;
    NVFP4 = 40, 64 / 36, fp4::Nvfp4;
    Q1_0 = 41, 128 / 18, low_bit::Q1_0;
    Q2_0 = 42, 64 / 18, low_bit::Q2_0;
    // Layouts from before GGUF (`early`). No file has these codes: the layout of a file follows from its version.
    Q4_0_V1 = 1000, 32 / 20, early::Q4_0Wide<PAIRS>;
    Q4_0_V2 = 1001, 32 / 20, early::Q4_0Wide<HALVES>;
    Q4_1_V1 = 1002, 32 / 24, early::Q4_1Wide<PAIRS>;
    Q4_1_V2 = 1003, 32 / 24, early::Q4_1Wide<HALVES>;
    Q4_2 = 1004, 16 / 10, early::Q4_2;
    Q4_3 = 1005, 16 / 12, early::Q4_3;
    Q5_0_V1 = 1006, 32 / 22, early::Q5_0Pairs;
    Q5_1_V1 = 1007, 32 / 24, early::Q5_1Pairs;
    Q8_0_V1 = 1008, 32 / 36, early::Q8_0Wide;
    Q2_K_64 = 1010, 64 / 24, early::Q2K64;
    Q3_K_64 = 1011, 64 / 28, early::Q3K64;
    Q4_K_64 = 1012, 64 / 38, early::Q4K64;
    Q5_K_64 = 1013, 64 / 46, early::Q5K64;
    Q6_K_64 = 1014, 64 / 54, early::Q6K64;
}

impl BlockType {
    const fn entry(self) -> &'static Entry {
        &TABLE[self as usize]
    }

    /// The `ggml_type` number used in GGUF files; a number of remold's own for layouts from before GGUF ([`BlockType::is_early`]).
    pub const fn code(self) -> u32 {
        self.entry().code
    }

    /// True for layouts from before GGUF, which no GGUF file can hold. They are read, never written.
    pub(crate) const fn is_early(self) -> bool {
        self.code() >= FIRST_EARLY
    }

    /// The upper-case name that users know: `Q4_K`.
    pub const fn name(self) -> &'static str {
        self.entry().name
    }

    /// Elements in one block.
    pub const fn block_elems(self) -> usize {
        self.entry().elems
    }

    /// Bytes of one block.
    pub const fn block_bytes(self) -> usize {
        self.entry().bytes
    }

    /// The functions of the format, if it can be read and written.
    pub(in crate::quant) const fn functions(self) -> Option<&'static Functions> {
        self.entry().functions.as_ref()
    }

    /// The format with this wire code.
    pub(crate) fn from_code(code: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|t| t.code() == code && !t.is_early())
    }

    /// Inverse of [`BlockType::name`], case-insensitive.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|t| t.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for BlockType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_rise_and_names_invert() {
        assert!(BlockType::ALL.is_sorted_by_key(|t| t.code()));
        for &ty in BlockType::ALL {
            assert_eq!(BlockType::from_code(ty.code()), (!ty.is_early()).then_some(ty));
            assert_eq!(BlockType::parse(&ty.name().to_lowercase()), Some(ty));
        }
    }
}
