//! How the elements of a stored tensor are encoded: plain or in blocks.

use super::block_type::BlockType;
use crate::tensor::{DType, Shape};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::borrow::Cow;
use std::fmt;

/// How the elements of a stored tensor are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Encoding {
    /// One packed little-endian element after the other.
    Plain(DType),
    /// ggml blocks along each row.
    Block(BlockType),
}

impl Encoding {
    /// Bytes of one row of `cols` elements; `None` if `cols` is not a multiple of the block length, or the size overflows.
    pub fn row_bytes(self, cols: u64) -> Option<u64> {
        let (elems, bytes) = self.unit();
        if !cols.is_multiple_of(elems) {
            return None;
        }
        (cols / elems).checked_mul(bytes)
    }

    /// Bytes of a whole tensor; `None` as for [`Encoding::row_bytes`].
    pub fn tensor_bytes(self, shape: &Shape) -> Option<u64> {
        shape.elems()?;
        self.row_bytes(shape.cols())?.checked_mul(shape.rows())
    }

    /// (elements, bytes) of the smallest addressable unit.
    pub(crate) fn unit(self) -> (u64, u64) {
        match self {
            Self::Plain(d) => (1, d.size_bytes() as u64),
            Self::Block(b) => (b.block_elems() as u64, b.block_bytes() as u64),
        }
    }

    /// Elements that so many bytes hold.
    pub(crate) fn elems_in(self, bytes: u64) -> u64 {
        let (elems, size) = self.unit();
        (bytes / size.max(1)).saturating_mul(elems)
    }

    /// Bits an element takes on average: 4.5 for Q4_K.
    pub fn bits_per_weight(self) -> f64 {
        let (elems, bytes) = self.unit();
        bytes as f64 * 8.0 / elems as f64
    }

    /// The `ggml_type` number, where ggml has one.
    pub(crate) fn ggml_code(self) -> Option<u32> {
        Some(match self {
            Self::Block(b) if b.is_early() => return None,
            Self::Block(b) => b.code(),
            Self::Plain(DType::F32) => 0,
            Self::Plain(DType::F16) => 1,
            Self::Plain(DType::I8) => 24,
            Self::Plain(DType::I16) => 25,
            Self::Plain(DType::I32) => 26,
            Self::Plain(DType::I64) => 27,
            Self::Plain(DType::F64) => 28,
            Self::Plain(DType::BF16) => 30,
            Self::Plain(_) => return None,
        })
    }

    /// Inverse of [`Encoding::ggml_code`].
    pub(crate) fn from_ggml_code(code: u32) -> Option<Self> {
        let plain = [DType::F32, DType::F16, DType::I8, DType::I16, DType::I32, DType::I64, DType::F64, DType::BF16];
        let plain = plain.into_iter().map(Self::Plain).find(|e| e.ggml_code() == Some(code));
        plain.or_else(|| BlockType::from_code(code).map(Self::Block))
    }

    /// The name that users know: `bf16`, `Q4_K`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain(d) => d.name(),
            Self::Block(b) => b.name(),
        }
    }

    /// Inverse of [`Encoding::name`], case-insensitive.
    pub fn parse(name: &str) -> Option<Self> {
        DType::parse(name).map(Self::Plain).or_else(|| BlockType::parse(name).map(Self::Block))
    }
}

/// `f32`, for structures that are filled in field by field.
impl Default for Encoding {
    fn default() -> Self {
        Self::Plain(DType::F32)
    }
}

impl Serialize for Encoding {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Encoding {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(d)?;
        Self::parse(&name).ok_or_else(|| D::Error::custom(format!("`{name}` is not an element type")))
    }
}

impl From<DType> for Encoding {
    fn from(d: DType) -> Self {
        Self::Plain(d)
    }
}

impl From<BlockType> for Encoding {
    fn from(b: BlockType) -> Self {
        Self::Block(b)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_rows() {
        assert_eq!(Encoding::from(BlockType::Q4_K).row_bytes(512), Some(288));
        assert_eq!(Encoding::from(BlockType::Q4_K).row_bytes(500), None);
        assert_eq!(Encoding::from(DType::BF16).tensor_bytes(&Shape::from([2, 3, 4])), Some(48));
        assert_eq!(Encoding::from(DType::F64).tensor_bytes(&Shape::from([u64::MAX, 2])), None);
    }

    #[test]
    fn codes_and_names_invert() {
        for code in 0..64 {
            if let Some(e) = Encoding::from_ggml_code(code) {
                assert_eq!(e.ggml_code(), Some(code));
                assert_eq!(Encoding::parse(e.name()), Some(e));
                assert_eq!(serde_json::to_value(e).unwrap(), e.name());
                assert_eq!(serde_json::from_value::<Encoding>(e.name().into()).unwrap(), e);
            }
        }
    }
}
