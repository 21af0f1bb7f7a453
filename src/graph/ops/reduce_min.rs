//! `ReduceMin`.

use super::{Infer, Operator, Version, rules};
use crate::graph::Elem;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, math, one, quantize, reduce};

/// Schemas: ONNX 1.23, `ReduceMin`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ReduceMin",
    versions: &[
        Version {
            since: 1,
            inputs: "data: T",
            outputs: "reduced: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64",
            attributes: "axes: ints, keepdims: int = 1",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "data: T",
            outputs: "reduced: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64",
            attributes: "axes: ints, keepdims: int = 1",
            deprecated: false,
        },
        Version {
            since: 12,
            inputs: "data: T",
            outputs: "reduced: T",
            types: "T = u8 u32 u64 i8 i32 i64 f16 f32 f64",
            attributes: "axes: ints, keepdims: int = 1",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T",
            outputs: "reduced: T",
            types: "T = u8 u32 u64 i8 i32 i64 f16 f32 f64 bf16",
            attributes: "axes: ints, keepdims: int = 1",
            deprecated: false,
        },
        Version {
            since: 18,
            inputs: "data: T, axes?: i64",
            outputs: "reduced: T",
            types: "T = u8 u32 u64 i8 i32 i64 f16 f32 f64 bf16",
            attributes: "keepdims: int = 1, noop_with_empty_axes: int = 0",
            deprecated: false,
        },
        Version {
            since: 20,
            inputs: "data: T, axes?: i64",
            outputs: "reduced: T",
            types: "T = u8 u32 u64 i8 i32 i64 f16 f32 f64 bf16 bool",
            attributes: "keepdims: int = 1, noop_with_empty_axes: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::reduce),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    // The minimum of nothing is the highest value.
    if x.len() == 0 && !x.elem.is_float() {
        let highest = if x.elem == Elem::Bool { 1 } else { quantize::range(x.elem).1 };
        let ones = reduce::reduce(c, |_| 0.0, |_| 0)?;
        let t = ones[0].tensor()?;
        return one(Tensor::ints(t.elem, t.dims.clone(), vec![highest; t.len()]));
    }
    reduce::reduce(c, |v| v.iter().copied().fold(f64::INFINITY, math::min), |v| v.iter().copied().min().unwrap_or(0))
}
