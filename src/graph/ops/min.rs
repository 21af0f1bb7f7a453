//! `Min`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::Dim;
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Min`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Min",
    versions: &[
        Version {
            since: 1,
            inputs: "data_0+: T",
            outputs: "min: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs: ints",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "data_0+: T",
            outputs: "min: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 8,
            inputs: "data_0+: T",
            outputs: "min: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 12,
            inputs: "data_0+: T",
            outputs: "min: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data_0+: T",
            outputs: "min: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| math::variadic(c, math::min, i128::min)),
};

fn infer(c: &Call<'_>) -> Outs {
    let pick = |a: &Dim, b: &Dim| match (a.known(), b.known()) {
        (Some(a), Some(b)) => Dim::Known(a.min(b)),
        _ if a.same(b) => a.clone(),
        _ => Dim::Unknown,
    };
    if c.inputs.len() == 2 { rules::arithmetic(c, pick) } else { rules::elementwise(c) }
}
