//! Attributes of nodes.

use super::{Constant, Declared, Extra, RegionId, SparseConstant, Text, ValueType};

/// A named attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attribute {
    /// Its name.
    pub name: Text,
    /// Its value.
    pub value: AttrValue,
    /// Foreign fields.
    pub extra: Extra,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AttrValue {
    /// A float.
    Float(f32),
    /// An integer.
    Int(i64),
    /// Text; bytes, because files hold other things than UTF-8 in it.
    Str(Box<[u8]>),
    /// A tensor.
    Tensor(Box<Constant>),
    /// A nested region: the body of a loop, a branch.
    Region(RegionId),
    /// A sparse tensor.
    Sparse(Box<SparseConstant>),
    /// A type.
    Type(Box<TypeAttr>),
    /// Floats.
    Floats(Vec<f32>),
    /// Integers.
    Ints(Vec<i64>),
    /// Texts.
    Strs(Vec<Box<[u8]>>),
    /// Tensors.
    Tensors(Vec<Constant>),
    /// Nested regions.
    Regions(Vec<RegionId>),
    /// Sparse tensors.
    Sparses(Vec<SparseConstant>),
    /// Types.
    Types(Vec<TypeAttr>),
    /// In the body of a function: the attribute of that name of the call. The code is ONNX's of the attribute's type.
    Reference {
        /// Name of the attribute of the function.
        of: Text,
        /// Code of its type.
        code: i64,
    },
    /// None of these; the foreign fields have what the file says. The code is ONNX's.
    Other {
        /// Code of its type.
        code: i64,
    },
}

/// A type as the value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TypeAttr {
    /// The type.
    pub ty: ValueType,
    /// How the file spelled it, where that says more.
    pub declared: Option<Declared>,
}

impl Attribute {
    /// An attribute without foreign fields.
    pub(crate) fn new(name: &str, value: AttrValue) -> Self {
        Self { name: name.into(), value, extra: Extra::new() }
    }
}

impl AttrValue {
    /// The constants in it.
    pub(crate) fn constants(&self) -> Vec<&Constant> {
        match self {
            Self::Tensor(c) => vec![c],
            Self::Tensors(all) => all.iter().collect(),
            Self::Sparse(s) => vec![&s.values, &s.indices],
            Self::Sparses(all) => all.iter().flat_map(|s| [&s.values, &s.indices]).collect(),
            _ => Vec::new(),
        }
    }

    /// The nested regions in it.
    pub(crate) fn regions(&self) -> &[RegionId] {
        match self {
            Self::Region(r) => std::slice::from_ref(r),
            Self::Regions(all) => all,
            _ => &[],
        }
    }
}
