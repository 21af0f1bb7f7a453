//! Shapes, outermost dimension first (the order of PyTorch, safetensors and NumPy).

use std::fmt;

/// Dimensions of a tensor, outermost first. GGUF stores the reverse order; its reader and writer reverse it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Shape(pub Vec<u64>);

impl Shape {
    /// Number of elements; `None` when the product does not fit `u64`. A scalar has one.
    pub fn elems(&self) -> Option<u64> {
        self.0.iter().try_fold(1u64, |a, &d| a.checked_mul(d))
    }

    /// Length of the innermost dimension: the elements of one row. A scalar has one.
    pub fn cols(&self) -> u64 {
        self.0.last().copied().unwrap_or(1)
    }

    /// Number of rows: the product of every dimension but the innermost (saturating). A vector or scalar has one.
    pub(crate) fn rows(&self) -> u64 {
        match self.0.split_last() {
            Some((_, outer)) => outer.iter().fold(1u64, |a, &d| a.saturating_mul(d)),
            None => 1,
        }
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.0.len()
    }
}

impl<const N: usize> From<[u64; N]> for Shape {
    fn from(dims: [u64; N]) -> Self {
        Self(dims.to_vec())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.pad("scalar");
        }
        let text: Vec<String> = self.0.iter().map(u64::to_string).collect();
        f.pad(&text.join(" × "))
    }
}
