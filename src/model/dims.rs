//! The dimensions of a tensor as the plan lists them: most tensors of a model have one of a few shapes and share one list.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;

/// Shapes that a thread remembers at most.
const MAX_SHAPES: usize = 1024;
/// Most dimensions of a shape that is remembered.
const LONGEST: usize = 8;

thread_local! {
    static KNOWN: RefCell<HashSet<Arc<[u64]>>> = RefCell::new(HashSet::new());
}

/// Dimensions, outermost first. A clone shares them, and so do equal ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dims(Arc<[u64]>);

impl From<&[u64]> for Dims {
    fn from(dims: &[u64]) -> Self {
        if dims.len() > LONGEST {
            return Self(dims.into());
        }
        KNOWN.with_borrow_mut(|known| match known.get(dims) {
            Some(same) => Self(same.clone()),
            None => {
                let new: Arc<[u64]> = dims.into();
                if known.len() < MAX_SHAPES {
                    known.insert(new.clone());
                }
                Self(new)
            }
        })
    }
}

impl From<Vec<u64>> for Dims {
    fn from(dims: Vec<u64>) -> Self {
        dims.as_slice().into()
    }
}

impl Deref for Dims {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        &self.0
    }
}

impl Serialize for Dims {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.0.iter())
    }
}

impl<'de> Deserialize<'de> for Dims {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Vec::deserialize(d).map(|dims: Vec<u64>| dims.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shapes_share_one_list() {
        let (a, b): (Dims, Dims) = (vec![4096, 2].into(), serde_json::from_str("[4096,2]").unwrap());
        assert!(Arc::ptr_eq(&a.0, &b.0));
        assert_eq!(serde_json::to_string(&a).unwrap(), "[4096,2]");
    }
}
