//! `BitShift`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, math, one};

/// Schemas: ONNX 1.23, `BitShift`.
pub(super) static OPERATOR: Operator = Operator {
    name: "BitShift",
    versions: &[
        Version {
            since: 11,
            inputs: "X: T, Y: T",
            outputs: "Z: T",
            types: "T = u8 u16 u32 u64",
            attributes: "direction!: text",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "X: T, Y: T",
            outputs: "Z: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64",
            attributes: "direction!: text",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::elementwise),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let (a, b) = math::pair(c)?;
    let bits = i128::from(a.elem.bits());
    let left = c.text("direction", "") == "LEFT";
    let shift = move |x: i128, by: i128| match (left, (0..bits).contains(&by)) {
        (true, true) => x << by,
        (true, false) => 0,
        (false, true) => x >> by,
        (false, false) => {
            if x < 0 {
                -1
            } else {
                0
            }
        }
    };
    one(math::arithmetic(c, a, &b, |x, _| x, shift)?)
}
