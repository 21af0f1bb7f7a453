//! `AveragePool`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, pool};

/// Schemas: ONNX 1.23, `AveragePool`.
pub(super) static OPERATOR: Operator = Operator {
    name: "AveragePool",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, kernel_shape!: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, count_include_pad: int = 0, kernel_shape!: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 10,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, ceil_mode: int = 0, count_include_pad: int = 0, kernel_shape!: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, ceil_mode: int = 0, count_include_pad: int = 0, kernel_shape!: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, ceil_mode: int = 0, count_include_pad: int = 0, dilations: ints, kernel_shape!: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "auto_pad: text = NOTSET, ceil_mode: int = 0, count_include_pad: int = 0, dilations: ints, kernel_shape!: ints, pads: ints, strides: ints",
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
    let with_padding = c.flag("count_include_pad", false);
    pool::pool(c, |v, all| v.iter().sum::<f64>() / if with_padding { all } else { v.len() } as f64)
}
