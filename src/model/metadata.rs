//! Typed key-value metadata in insertion order (the value types of GGUF).

use indexmap::IndexMap;

/// Metadata in insertion order.
pub type Metadata = IndexMap<String, MetaValue>;

/// One metadata value, with GGUF's types.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are the types")]
pub enum MetaValue {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    Str(String),
    Array(MetaArray),
    U64(u64),
    I64(i64),
    F64(f64),
}

/// A homogeneous array. Strings are kept as bytes: GGUF token pieces need not be UTF-8.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are the types")]
pub enum MetaArray {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    F32(Vec<f32>),
    Bool(Vec<bool>),
    Str(Vec<Vec<u8>>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F64(Vec<f64>),
    /// Arrays of arrays: legal, never seen in the wild.
    Nested(Vec<MetaArray>),
}

impl MetaArray {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::I8(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::I16(v) => v.len(),
            Self::U32(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::Bool(v) => v.len(),
            Self::Str(v) => v.len(),
            Self::U64(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::F64(v) => v.len(),
            Self::Nested(v) => v.len(),
        }
    }

    /// The first elements as text, `most` at most; `string` writes the bytes of a string.
    pub(crate) fn texts(&self, most: usize, string: impl Fn(&[u8]) -> String) -> Vec<String> {
        fn of<T: ToString>(values: &[T], most: usize) -> Vec<String> {
            values.iter().take(most).map(T::to_string).collect()
        }
        match self {
            Self::U8(v) => of(v, most),
            Self::I8(v) => of(v, most),
            Self::U16(v) => of(v, most),
            Self::I16(v) => of(v, most),
            Self::U32(v) => of(v, most),
            Self::I32(v) => of(v, most),
            Self::F32(v) => of(v, most),
            Self::Bool(v) => of(v, most),
            Self::U64(v) => of(v, most),
            Self::I64(v) => of(v, most),
            Self::F64(v) => of(v, most),
            Self::Str(v) => v.iter().take(most).map(|s| string(s)).collect(),
            Self::Nested(v) => v.iter().take(most).map(|a| format!("array of {}", a.len())).collect(),
        }
    }

    /// The elements at these places, in their order; places beyond the end are passed over.
    #[must_use]
    pub(crate) fn pick(&self, places: &[usize]) -> Self {
        fn of<T: Clone>(values: &[T], places: &[usize]) -> Vec<T> {
            places.iter().filter_map(|i| values.get(*i).cloned()).collect()
        }
        match self {
            Self::U8(v) => Self::U8(of(v, places)),
            Self::I8(v) => Self::I8(of(v, places)),
            Self::U16(v) => Self::U16(of(v, places)),
            Self::I16(v) => Self::I16(of(v, places)),
            Self::U32(v) => Self::U32(of(v, places)),
            Self::I32(v) => Self::I32(of(v, places)),
            Self::F32(v) => Self::F32(of(v, places)),
            Self::Bool(v) => Self::Bool(of(v, places)),
            Self::Str(v) => Self::Str(of(v, places)),
            Self::U64(v) => Self::U64(of(v, places)),
            Self::I64(v) => Self::I64(of(v, places)),
            Self::F64(v) => Self::F64(of(v, places)),
            Self::Nested(v) => Self::Nested(of(v, places)),
        }
    }

    /// True without elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// GGUF's code of the element type.
    pub fn element_code(&self) -> u32 {
        match self {
            Self::U8(_) => 0,
            Self::I8(_) => 1,
            Self::U16(_) => 2,
            Self::I16(_) => 3,
            Self::U32(_) => 4,
            Self::I32(_) => 5,
            Self::F32(_) => 6,
            Self::Bool(_) => 7,
            Self::Str(_) => 8,
            Self::Nested(_) => 9,
            Self::U64(_) => 10,
            Self::I64(_) => 11,
            Self::F64(_) => 12,
        }
    }
}

impl MetaValue {
    /// GGUF's code of the value type.
    pub fn code(&self) -> u32 {
        match self {
            Self::U8(_) => 0,
            Self::I8(_) => 1,
            Self::U16(_) => 2,
            Self::I16(_) => 3,
            Self::U32(_) => 4,
            Self::I32(_) => 5,
            Self::F32(_) => 6,
            Self::Bool(_) => 7,
            Self::Str(_) => 8,
            Self::Array(_) => 9,
            Self::U64(_) => 10,
            Self::I64(_) => 11,
            Self::F64(_) => 12,
        }
    }

    /// GGUF's name of the value type (`u32`, `str`, `arr`).
    pub fn type_name(&self) -> &'static str {
        const NAMES: [&str; 13] =
            ["u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "str", "arr", "u64", "i64", "f64"];
        NAMES[self.code() as usize]
    }

    /// A number or a truth value as text; nothing for strings and arrays, which screens write in different ways.
    pub(crate) fn scalar_text(&self) -> Option<String> {
        Some(match self {
            Self::U8(v) => v.to_string(),
            Self::I8(v) => v.to_string(),
            Self::U16(v) => v.to_string(),
            Self::I16(v) => v.to_string(),
            Self::U32(v) => v.to_string(),
            Self::I32(v) => v.to_string(),
            Self::F32(v) => v.to_string(),
            Self::Bool(v) => v.to_string(),
            Self::U64(v) => v.to_string(),
            Self::I64(v) => v.to_string(),
            Self::F64(v) => v.to_string(),
            Self::Str(_) | Self::Array(_) => return None,
        })
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Str(s) = self { Some(s) } else { None }
    }

    /// Any non-negative integer value.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::U8(v) => Some(v.into()),
            Self::U16(v) => Some(v.into()),
            Self::U32(v) => Some(v.into()),
            Self::U64(v) => Some(v),
            Self::I8(v) => v.try_into().ok(),
            Self::I16(v) => v.try_into().ok(),
            Self::I32(v) => v.try_into().ok(),
            Self::I64(v) => v.try_into().ok(),
            _ => None,
        }
    }

    /// Any number, as a float.
    pub(crate) fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::F32(v) => Some(v.into()),
            Self::F64(v) => Some(v),
            Self::I8(v) => Some(v.into()),
            Self::I16(v) => Some(v.into()),
            Self::I32(v) => Some(v.into()),
            Self::I64(v) => Some(v as f64),
            _ => self.as_u64().map(|v| v as f64),
        }
    }
}

impl From<&str> for MetaValue {
    fn from(s: &str) -> Self {
        Self::Str(s.to_owned())
    }
}

impl From<String> for MetaValue {
    fn from(s: String) -> Self {
        Self::Str(s)
    }
}

impl From<u32> for MetaValue {
    fn from(v: u32) -> Self {
        Self::U32(v)
    }
}

impl From<f32> for MetaValue {
    fn from(v: f32) -> Self {
        Self::F32(v)
    }
}

impl From<bool> for MetaValue {
    fn from(v: bool) -> Self {
        Self::Bool(v)
    }
}

impl From<MetaArray> for MetaValue {
    fn from(v: MetaArray) -> Self {
        Self::Array(v)
    }
}
