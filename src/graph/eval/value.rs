//! Values of any type.

use super::Tensor;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A tensor.
    Tensor(Tensor),
    /// A list.
    Sequence(Vec<Value>),
    /// An optional without a value. One with a value is that value.
    Nothing,
}

impl Value {
    /// The tensor.
    ///
    /// # Errors
    /// Other values.
    pub(crate) fn tensor(&self) -> Result<&Tensor, String> {
        match self {
            Self::Tensor(t) => Ok(t),
            Self::Sequence(_) => Err("a value is a sequence and should be a tensor".to_owned()),
            Self::Nothing => Err("a value is an empty optional and should be a tensor".to_owned()),
        }
    }

    /// The list.
    ///
    /// # Errors
    /// Other values.
    pub(crate) fn sequence(&self) -> Result<&[Value], String> {
        if let Self::Sequence(all) = self { Ok(all) } else { Err("a value should be a sequence".to_owned()) }
    }

    /// Elements of all tensors in it.
    pub(crate) fn elems(&self) -> usize {
        match self {
            Self::Tensor(t) => t.len(),
            Self::Sequence(all) => all.iter().fold(all.len(), |n, v| n.saturating_add(v.elems())),
            Self::Nothing => 0,
        }
    }
}

impl From<Tensor> for Value {
    fn from(t: Tensor) -> Self {
        Self::Tensor(t)
    }
}
