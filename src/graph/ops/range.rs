//! `Range`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::{Dim, MAX_INTS};

/// Schemas: ONNX 1.23, `Range`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Range",
    versions: &[
        Version {
            since: 11,
            inputs: "start: T, limit: T, delta: T",
            outputs: "output: T",
            types: "T = i16 i32 i64 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 27,
            inputs: "start: T, limit: T, delta: T",
            outputs: "output: T",
            types: "T = i16 i32 i64 f16 f32 f64 bf16",
            attributes: "stash_type: int = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let one = |at: usize| c.ints(at).and_then(|l| l.first().cloned());
    let (Some(start), Some(limit), Some(delta)) = (one(0), one(1), one(2)) else { return Ok(vec![Out::rank(1)]) };
    let n = limit.minus(&start).divided_up(&delta);
    let n = if n.known().is_some_and(|n| n < 0) { Dim::Known(0) } else { n };
    let ints = match (start.known(), delta.known(), n.known()) {
        (Some(s), Some(d), Some(n)) if n <= MAX_INTS as i64 => {
            Some((0..n).map(|i| Dim::Known(s.saturating_add(i.saturating_mul(d)))).collect())
        }
        _ => None,
    };
    Ok(vec![Out::shape(vec![n]).with_ints(ints)])
}
