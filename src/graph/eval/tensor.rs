//! Tensors in memory.

use super::round_to;
use crate::graph::Elem;
use std::sync::Arc;

/// A tensor. Clones share the elements.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor {
    /// Type of the elements.
    pub elem: Elem,
    /// Dimensions, outermost first.
    pub dims: Vec<usize>,
    /// The elements, outermost dimension first.
    pub data: Arc<Data>,
}

/// Elements. The type of the tensor says which of these it has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    /// Floats of at most 32 bits, each a value of the tensor's type.
    F32(Vec<f32>),
    /// Floats of 64 bits.
    F64(Vec<f64>),
    /// Integers and truth values; those of `u64` by their bits.
    Int(Vec<i64>),
    /// Complex numbers.
    Complex(Vec<[f64; 2]>),
    /// Strings.
    Str(Vec<Box<[u8]>>),
}

macro_rules! each_kind {
    ($data:expr, $v:ident => $body:expr) => {
        match $data {
            Data::F32($v) => Data::F32($body),
            Data::F64($v) => Data::F64($body),
            Data::Int($v) => Data::Int($body),
            Data::Complex($v) => Data::Complex($body),
            Data::Str($v) => Data::Str($body),
        }
    };
}

impl Data {
    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
            Self::Int(v) => v.len(),
            Self::Complex(v) => v.len(),
            Self::Str(v) => v.len(),
        }
    }

    /// True if a number is NaN.
    pub(crate) fn has_nan(&self) -> bool {
        match self {
            Self::F32(v) => v.iter().any(|x| x.is_nan()),
            Self::F64(v) => v.iter().any(|x| x.is_nan()),
            Self::Complex(v) => v.iter().flatten().any(|x| x.is_nan()),
            Self::Int(_) | Self::Str(_) => false,
        }
    }

    /// The elements at these places.
    pub(crate) fn pick(&self, places: impl Iterator<Item = usize>) -> Self {
        each_kind!(self, v => places.filter_map(|i| v.get(i).cloned()).collect())
    }

    /// As [`Data::pick`]; where there is no place, the first element of `fill`, which has the same type.
    pub(crate) fn pick_or(&self, places: impl Iterator<Item = Option<usize>>, fill: &Self) -> Self {
        macro_rules! with {
            ($kind:ident, $v:ident, $f:ident) => {
                Self::$kind(places.map(|i| i.map_or_else(|| $f[0].clone(), |i| $v[i].clone())).collect())
            };
        }
        match (self, fill) {
            (Self::F32(v), Self::F32(f)) => with!(F32, v, f),
            (Self::F64(v), Self::F64(f)) => with!(F64, v, f),
            (Self::Int(v), Self::Int(f)) => with!(Int, v, f),
            (Self::Complex(v), Self::Complex(f)) => with!(Complex, v, f),
            (Self::Str(v), Self::Str(f)) => with!(Str, v, f),
            _ => self.clone(),
        }
    }

    /// Puts the elements of `from`, which has the same type, to these places.
    pub(crate) fn put(&mut self, places: impl Iterator<Item = (usize, usize)>, from: &Self) {
        macro_rules! with {
            ($v:ident, $f:ident) => {
                places.for_each(|(to, at)| $v[to] = $f[at].clone())
            };
        }
        match (self, from) {
            (Self::F32(v), Self::F32(f)) => with!(v, f),
            (Self::F64(v), Self::F64(f)) => with!(v, f),
            (Self::Int(v), Self::Int(f)) => with!(v, f),
            (Self::Complex(v), Self::Complex(f)) => with!(v, f),
            (Self::Str(v), Self::Str(f)) => with!(v, f),
            _ => {}
        }
    }

    /// That many times the zero of a type.
    pub(crate) fn zeros(elem: Elem, n: usize) -> Self {
        match elem {
            Elem::F64 => Self::F64(vec![0.0; n]),
            Elem::C64 | Elem::C128 => Self::Complex(vec![[0.0; 2]; n]),
            Elem::String => Self::Str(vec![Box::default(); n]),
            e if e.is_float() => Self::F32(vec![0.0; n]),
            _ => Self::Int(vec![0; n]),
        }
    }
}

impl Tensor {
    /// A tensor of elements that fit its type and dimensions.
    pub(crate) fn new(elem: Elem, dims: impl Into<Vec<usize>>, data: Data) -> Self {
        Self { elem, dims: dims.into(), data: Arc::new(data) }
    }

    /// A tensor of numbers, rounded to its type: any type of numbers.
    pub(crate) fn numbers(elem: Elem, dims: impl Into<Vec<usize>>, values: Vec<f64>) -> Self {
        let data = match elem {
            Elem::F64 => Data::F64(values),
            e if e.is_float() => Data::F32(values.into_iter().map(|x| round_to(e, x)).collect()),
            e => Data::Int(values.into_iter().map(|x| wrap(e, x as i128)).collect()),
        };
        Self::new(elem, dims, data)
    }

    /// A tensor of integers, wrapped to its type: an integer type or truth values.
    pub(crate) fn ints(elem: Elem, dims: impl Into<Vec<usize>>, values: impl IntoIterator<Item = i128>) -> Self {
        Self::new(elem, dims, Data::Int(values.into_iter().map(|v| wrap(elem, v)).collect()))
    }

    /// A tensor of `i64`.
    pub(crate) fn longs(dims: impl Into<Vec<usize>>, values: Vec<i64>) -> Self {
        Self::new(Elem::I64, dims, Data::Int(values))
    }

    /// A tensor of truth values.
    pub(crate) fn bools(dims: impl Into<Vec<usize>>, values: impl IntoIterator<Item = bool>) -> Self {
        Self::new(Elem::Bool, dims, Data::Int(values.into_iter().map(i64::from).collect()))
    }

    /// A tensor of `f32`.
    pub(crate) fn floats(dims: impl Into<Vec<usize>>, values: Vec<f32>) -> Self {
        Self::new(Elem::F32, dims, Data::F32(values))
    }

    /// A tensor of strings.
    pub(crate) fn strings(dims: impl Into<Vec<usize>>, values: Vec<Box<[u8]>>) -> Self {
        Self::new(Elem::String, dims, Data::Str(values))
    }

    /// The same elements in other dimensions, which have as many.
    pub(crate) fn shaped(&self, dims: impl Into<Vec<usize>>) -> Self {
        Self { elem: self.elem, dims: dims.into(), data: self.data.clone() }
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    /// Number of dimensions.
    pub(crate) fn rank(&self) -> usize {
        self.dims.len()
    }

    /// The elements at these places, in these dimensions.
    pub(crate) fn picked(&self, dims: impl Into<Vec<usize>>, places: impl Iterator<Item = usize>) -> Self {
        Self::new(self.elem, dims, self.data.pick(places))
    }

    /// The elements as numbers.
    ///
    /// # Errors
    /// Strings and complex numbers.
    pub(crate) fn to_numbers(&self) -> Result<Vec<f64>, String> {
        Ok(match &*self.data {
            Data::F32(v) => v.iter().map(|x| f64::from(*x)).collect(),
            Data::F64(v) => v.clone(),
            Data::Int(v) => v.iter().map(|x| widen(self.elem, *x) as f64).collect(),
            _ => return Err(format!("a tensor of {} should be one of numbers", self.elem)),
        })
    }

    /// The elements as integers.
    ///
    /// # Errors
    /// Other types.
    pub(crate) fn to_ints(&self) -> Result<Vec<i128>, String> {
        match &*self.data {
            Data::Int(v) => Ok(v.iter().map(|x| widen(self.elem, *x)).collect()),
            _ => Err(format!("a tensor of {} should be one of integers", self.elem)),
        }
    }

    /// The elements of an integer tensor, as they are stored.
    ///
    /// # Errors
    /// Other types.
    pub(crate) fn stored_ints(&self) -> Result<&[i64], String> {
        match &*self.data {
            Data::Int(v) => Ok(v),
            _ => Err(format!("a tensor of {} should be one of integers", self.elem)),
        }
    }

    /// The elements of a tensor of strings.
    ///
    /// # Errors
    /// Other types.
    pub(crate) fn to_strings(&self) -> Result<&[Box<[u8]>], String> {
        match &*self.data {
            Data::Str(v) => Ok(v),
            _ => Err(format!("a tensor of {} should be one of strings", self.elem)),
        }
    }

    /// The only element, or the first of several, as a number.
    ///
    /// # Errors
    /// No element; strings.
    pub(crate) fn number(&self) -> Result<f64, String> {
        self.to_numbers()?.first().copied().ok_or_else(|| "an empty tensor should have one element".to_owned())
    }

    /// The same element everywhere: the first of `value`.
    pub(crate) fn filled(dims: impl Into<Vec<usize>>, value: &Self, n: usize) -> Self {
        value.picked(dims, std::iter::repeat_n(0, n))
    }
}

/// An integer as it is stored in a tensor of that type: the lowest bits of it.
pub(crate) fn wrap(elem: Elem, v: i128) -> i64 {
    match elem {
        Elem::Bool => i64::from(v != 0),
        Elem::I8 => i64::from(v as i8),
        Elem::I16 => i64::from(v as i16),
        Elem::I32 => i64::from(v as i32),
        Elem::U8 => i64::from(v as u8),
        Elem::U16 => i64::from(v as u16),
        Elem::U32 => i64::from(v as u32),
        Elem::I4 => (v as i64) << 60 >> 60,
        Elem::U4 => v as i64 & 15,
        Elem::I2 => (v as i64) << 62 >> 62,
        Elem::U2 => v as i64 & 3,
        _ => v as i64,
    }
}

/// The integer that is stored in a tensor of that type.
fn widen(elem: Elem, v: i64) -> i128 {
    if elem == Elem::U64 { i128::from(v as u64) } else { i128::from(v) }
}
