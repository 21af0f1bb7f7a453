//! What two sources say of one value, together.

use crate::graph::ops::Out;
use crate::graph::{Dim, ValueType};

/// What the file declares and what was inferred.
///
/// # Errors
/// A contradiction: one clause.
pub(super) fn both(declared: &ValueType, inferred: &ValueType) -> Result<ValueType, String> {
    let (ValueType::Tensor { elem: e, shape: s }, ValueType::Tensor { elem: f, shape: t }) = (declared, inferred)
    else {
        return match (declared, inferred) {
            (_, ValueType::Unknown) => Ok(declared.clone()),
            (ValueType::Unknown, _) => Ok(inferred.clone()),
            (ValueType::Tensor { .. }, _) | (_, ValueType::Tensor { .. }) => Err(format!("it is {inferred}")),
            _ => Ok(declared.clone()),
        };
    };
    let elem = match (e, f) {
        (Some(a), Some(b)) if a != b => return Err(format!("its elements are {b}")),
        (a, b) => a.or(*b),
    };
    let shape = match (s, t) {
        (Some(a), Some(b)) if a.len() != b.len() => return Err(format!("it has {} dimensions", b.len())),
        (Some(a), Some(b)) => {
            if let Some((_, n)) = a.iter().zip(b).find(|(x, y)| x.known().zip(y.known()).is_some_and(|(x, y)| x != y)) {
                return Err(format!("a dimension is {n}"));
            }
            Some(a.iter().zip(b).map(|(x, y)| better(x, y)).collect())
        }
        (a, b) => a.clone().or_else(|| b.clone()),
    };
    Ok(ValueType::Tensor { elem, shape })
}

/// A number says most, then what was inferred, which relates dimensions to each other, then the name that the file has.
fn better(declared: &Dim, inferred: &Dim) -> Dim {
    let inferred_says = declared.known().is_none() && inferred.is_some();
    if inferred_says { inferred.clone() } else { declared.clone() }
}

/// What holds for both of two outputs: those of two branches, or of a value before and after a step of a loop.
pub(super) fn either(a: &Out, b: &Out) -> Out {
    let shape = match (&a.shape, &b.shape) {
        (Some(s), Some(t)) if s.len() == t.len() => {
            Some(s.iter().zip(t).map(|(x, y)| if x.same(y) { x.clone() } else { Dim::Unknown }).collect())
        }
        _ => None,
    };
    let ints = if a.ints == b.ints { a.ints.clone() } else { None };
    let ty = if a.ty == b.ty { a.ty.clone() } else { None };
    Out { elem: if a.elem == b.elem { a.elem } else { None }, shape, ints, ty }
}
