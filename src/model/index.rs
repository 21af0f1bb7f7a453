//! Numbers of outputs and of tensors, which are easily mixed up as plain numbers.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Index, IndexMut};

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub usize);

        impl From<usize> for $name {
            fn from(number: usize) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<T> Index<$name> for [T] {
            type Output = T;

            fn index(&self, at: $name) -> &T {
                &self[at.0]
            }
        }

        impl<T> Index<$name> for Vec<T> {
            type Output = T;

            fn index(&self, at: $name) -> &T {
                &self[at.0]
            }
        }

        impl<T> IndexMut<$name> for Vec<T> {
            fn index_mut(&mut self, at: $name) -> &mut T {
                &mut self[at.0]
            }
        }
    };
}

index! {
    /// The number of an output in its plan, from 0.
    OutputIndex
}

index! {
    /// The number of a tensor in its output, from 0.
    TensorIndex
}

/// The elements of a list with their numbers.
pub(crate) fn numbered<I: From<usize>, T>(list: impl IntoIterator<Item = T>) -> impl Iterator<Item = (I, T)> {
    list.into_iter().enumerate().map(|(number, element)| (I::from(number), element))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_numbers_in_json_and_pick_elements() {
        assert_eq!(serde_json::to_string(&(OutputIndex(1), TensorIndex(20))).unwrap(), "[1,20]");
        assert_eq!(serde_json::from_str::<TensorIndex>("3").unwrap(), TensorIndex(3));
        let mut list = Vec::from(["a", "b"]);
        list[OutputIndex(0)] = "c";
        let all: Vec<(TensorIndex, &str)> = numbered(list.iter().copied()).collect();
        assert_eq!(all, [(TensorIndex(0), "c"), (TensorIndex(1), "b")]);
        assert_eq!(list[..][TensorIndex(1)], "b");
    }
}
