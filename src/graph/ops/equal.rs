//! `Equal`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::Dim;
use crate::graph::eval::{Eval, math};
use std::cmp::Ordering;

/// Schemas: ONNX 1.23, `Equal`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Equal",
    versions: &[
        Version {
            since: 1,
            inputs: "A: T, B: T",
            outputs: "C: T1",
            types: "T = i32 i64 bool; T1 = bool",
            attributes: "axis: int, broadcast: int = 0",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "A: T, B: T",
            outputs: "C: T1",
            types: "T = i32 i64 bool; T1 = bool",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "A: T, B: T",
            outputs: "C: T1",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bool; T1 = bool",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "A: T, B: T",
            outputs: "C: T1",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool; T1 = bool",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "A: T, B: T",
            outputs: "C: T1",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool string; T1 = bool",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| math::compare(c, |o| o == Some(Ordering::Equal))),
};

fn infer(c: &Call<'_>) -> Outs {
    let equal = |a: &Dim, b: &Dim| {
        let negative = |d: &Dim| d.known().is_some_and(|n| n < 0);
        let apart = a.differs(b) || (a.is_natural() && negative(b)) || (negative(a) && b.is_natural());
        rules::truth(if a.same(b) { Some(true) } else { apart.then_some(false) })
    };
    rules::arithmetic(c, equal)
}
