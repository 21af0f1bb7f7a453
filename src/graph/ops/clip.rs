//! `Clip`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, math, one};

/// Schemas: ONNX 1.23, `Clip`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Clip",
    versions: &[
        Version {
            since: 1,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs: ints, max: float, min: float",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "max: float = 3.4028235e+38, min: float = -3.4028235e+38",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "input: T, min?: T, max?: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 12,
            inputs: "input: T, min?: T, max?: T",
            outputs: "output: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T, min?: T, max?: T",
            outputs: "output: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let bound = |at: usize, name: &str| {
        c.given(at).map(|t| {
            t.filter(|t| t.len() > 0)
                .cloned()
                .or_else(|| c.float_attr(name).map(|v| Tensor::numbers(x.elem, [], vec![v])))
        })
    };
    let mut out = x.clone();
    if let Some(low) = bound(1, "min")? {
        out = math::arithmetic(c, &out, &low.shaped([]), |x, l| if x < l { l } else { x }, i128::max)?;
    }
    if let Some(high) = bound(2, "max")? {
        out = math::arithmetic(c, &out, &high.shaped([]), |x, h| if x > h { h } else { x }, i128::min)?;
    }
    one(out)
}
