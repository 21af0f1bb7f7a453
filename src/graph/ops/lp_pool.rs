//! `LpPool`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, pool};

/// Schemas: ONNX 1.23, `LpPool`.
pub(super) static OPERATOR: Operator = Operator {
    name: "LpPool",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, kernel_shape: ints, p: float = 2, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 2,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, kernel_shape!: ints, p: int = 2, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, kernel_shape!: ints, p: int = 2, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 18,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, ceil_mode: int = 0, dilations: ints, kernel_shape!: ints, p: int = 2, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "auto_pad: text = NOTSET, ceil_mode: int = 0, dilations: ints, kernel_shape!: ints, p: int = 2, pads: ints, strides: ints",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::pool(c, 1)
}

fn eval(c: &Args<'_>) -> Evaluated {
    // Version 1 has it as a float.
    let p = c.int_attr("p").map_or_else(|| c.float("p", 2.0), |p| p as f64);
    pool::pool(c, |v, _| pool::norm(v, p))
}
