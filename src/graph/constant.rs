//! Constants: initializers and tensors in attributes. Their data is a tensor of the model, or inline where it is small.

use super::{Elem, Extra, TensorRef, Text};
use std::sync::Arc;

/// Constants in attributes with at most this many bytes are held inline. Shapes, axes, scalars and scales are; a vocabulary or a weight is not.
pub(crate) const INLINE_BYTES: u64 = 1024;
/// Constants of `f32` with at most this many elements are also held as numbers: factors of sizes have one for each dimension.
const MAX_FLOATS: u64 = 16;
/// Integer constants with at most this many elements are also held as numbers, for shape inference.
pub(crate) const MAX_INTS: u64 = 1024;

/// A constant tensor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Constant {
    /// Type of the elements.
    pub elem: Elem,
    /// Dimensions, outermost first.
    pub dims: Vec<u64>,
    /// The elements.
    pub data: ConstantData,
    /// The elements as numbers, if they are few integers or truth values.
    pub ints: Option<Arc<[i64]>>,
    /// The elements as numbers, if they are a few `f32`.
    pub floats: Option<Arc<[f32]>>,
    /// The name that the file gives to a tensor in an attribute; empty for an initializer, which has the name of its value.
    pub name: Text,
    /// Foreign fields.
    pub extra: Extra,
}

/// Where the elements of a constant are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ConstantData {
    /// In a tensor of the model, as stored there.
    Tensor(TensorRef),
    /// Here: packed little-endian elements.
    Inline(Arc<[u8]>),
    /// Strings.
    Strings(Arc<[Box<[u8]>]>),
}

/// A sparse constant: the elements that are not zero.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SparseConstant {
    /// The elements.
    pub values: Constant,
    /// Their places: either flat, `[n]`, or by dimension, `[n, rank]`.
    pub indices: Constant,
    /// Dimensions of the whole tensor.
    pub dims: Vec<u64>,
    /// Foreign fields.
    pub extra: Extra,
}

impl Constant {
    /// A one-dimensional constant of `i64`, as shapes and axes are.
    pub(crate) fn ints(values: &[i64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self {
            elem: Elem::I64,
            dims: vec![values.len() as u64],
            data: ConstantData::Inline(bytes.into()),
            ints: Some(values.into()),
            floats: None,
            name: "".into(),
            extra: Extra::new(),
        }
    }

    /// Number of elements; `None` if it overflows.
    pub(crate) fn elems(&self) -> Option<u64> {
        self.dims.iter().try_fold(1u64, |a, &d| a.checked_mul(d))
    }

    /// Bytes of the packed elements; `None` for strings.
    pub(crate) fn bytes(&self) -> Option<u64> {
        self.elem.packed_bytes(self.elems()?)
    }

    /// The tensor of the model that holds the elements.
    pub(crate) fn tensor(&self) -> Option<TensorRef> {
        if let ConstantData::Tensor(tensor) = self.data { Some(tensor) } else { None }
    }

    /// Sets the elements as numbers from the packed ones, if they are few.
    pub(crate) fn learn(&mut self, packed: &[u8]) {
        if self.elems().is_some_and(|n| n <= MAX_INTS) {
            self.ints = integers(self.elem, packed).map(Into::into);
        }
        if self.elem == Elem::F32 && self.elems().is_some_and(|n| n <= MAX_FLOATS) {
            self.floats = Some(packed.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect());
        }
    }
}

/// Packed elements of an integer type, or truth values, as numbers. `None` for other types, and for unsigned ones beyond `i64`.
fn integers(elem: Elem, packed: &[u8]) -> Option<Vec<i64>> {
    fn each<const N: usize>(packed: &[u8], of: impl Fn([u8; N]) -> i64) -> Option<Vec<i64>> {
        Some(packed.as_chunks::<N>().0.iter().map(|c| of(*c)).collect())
    }
    match elem {
        Elem::I64 => each(packed, i64::from_le_bytes),
        Elem::I32 => each(packed, |b| i32::from_le_bytes(b).into()),
        Elem::I16 => each(packed, |b| i16::from_le_bytes(b).into()),
        Elem::I8 => each(packed, |b| i8::from_le_bytes(b).into()),
        Elem::U8 | Elem::Bool => each(packed, |[b]: [u8; 1]| b.into()),
        Elem::U16 => each(packed, |b| u16::from_le_bytes(b).into()),
        Elem::U32 => each(packed, |b| u32::from_le_bytes(b).into()),
        Elem::U64 => packed.as_chunks().0.iter().map(|b| i64::try_from(u64::from_le_bytes(*b)).ok()).collect(),
        _ => None,
    }
}
