//! `PRelu`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, math, norm, one};

/// Schemas: ONNX 1.23, `PRelu`.
pub(super) static OPERATOR: Operator = Operator {
    name: "PRelu",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T, slope: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs: ints",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "X: T, slope: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "X: T, slope: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 9,
            inputs: "X: T, slope: T",
            outputs: "Y: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 16,
            inputs: "X: T, slope: T",
            outputs: "Y: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64 bf16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let mut slope = c.tensor(1)?.clone();
    if c.version() < 7 && slope.rank() == 1 && slope.len() > 1 && x.rank() > 2 {
        slope = norm::per_channel(&slope, &x.dims)?;
    }
    one(math::arithmetic(
        c,
        x,
        &slope,
        |x, s| if x < 0.0 { x * s } else { x },
        |x, s| if x < 0 { x.wrapping_mul(s) } else { x },
    )?)
}
