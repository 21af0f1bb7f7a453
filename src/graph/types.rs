//! Types of values.

use super::{Dim, Elem, Text};
use std::fmt;

/// The type of a value, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ValueType {
    /// Nothing is known.
    #[default]
    Unknown,
    /// A tensor.
    Tensor {
        /// Type of the elements, if known.
        elem: Option<Elem>,
        /// Dimensions, outermost first, if the rank is known.
        shape: Option<Vec<Dim>>,
    },
    /// A sparse tensor.
    Sparse {
        /// Type of the elements, if known.
        elem: Option<Elem>,
        /// Dimensions, if the rank is known.
        shape: Option<Vec<Dim>>,
    },
    /// A list of values of one type.
    Sequence(Box<ValueType>),
    /// A value or none.
    Optional(Box<ValueType>),
    /// A map.
    Map {
        /// Type of the keys, if known.
        key: Option<Elem>,
        /// Type of the values.
        value: Box<ValueType>,
    },
    /// A type that only its domain knows.
    Opaque {
        /// The domain.
        domain: Text,
        /// The name in it.
        name: Text,
    },
}

impl ValueType {
    /// A tensor with known elements and shape.
    pub(crate) fn tensor(elem: Elem, shape: impl IntoIterator<Item = Dim>) -> Self {
        Self::Tensor { elem: Some(elem), shape: Some(shape.into_iter().collect()) }
    }

    /// Type of the elements, of a tensor for which it is known.
    pub(crate) fn elem(&self) -> Option<Elem> {
        if let Self::Tensor { elem, .. } = self { *elem } else { None }
    }

    /// Dimensions, of a tensor for which the rank is known.
    pub(crate) fn shape(&self) -> Option<&[Dim]> {
        if let Self::Tensor { shape, .. } = self { shape.as_deref() } else { None }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elem_name = |e: &Option<Elem>| e.map_or("?", Elem::name);
        match self {
            Self::Unknown => f.write_str("?"),
            Self::Tensor { elem, shape } | Self::Sparse { elem, shape } => {
                if matches!(self, Self::Sparse { .. }) {
                    f.write_str("sparse ")?;
                }
                f.write_str(elem_name(elem))?;
                let Some(shape) = shape else { return Ok(()) };
                let dims: Vec<String> = shape.iter().map(Dim::to_string).collect();
                write!(f, " [{}]", dims.join(", "))
            }
            Self::Sequence(of) => write!(f, "sequence of {of}"),
            Self::Optional(of) => write!(f, "optional {of}"),
            Self::Map { key, value } => write!(f, "map of {} to {value}", elem_name(key)),
            Self::Opaque { domain, name } if domain.is_empty() => write!(f, "opaque {name}"),
            Self::Opaque { domain, name } => write!(f, "opaque {domain}.{name}"),
        }
    }
}
