//! `Conv`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, conv, one};

/// Schemas: ONNX 1.23, `Conv`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Conv",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T, W: T, B?: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, dilations: ints, group: int = 1, kernel_shape: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "X: T, W: T, B?: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, dilations: ints, group: int = 1, kernel_shape: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T, W: T, B?: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "auto_pad: text = NOTSET, dilations: ints, group: int = 1, kernel_shape: ints, pads: ints, strides: ints",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::convolution(c, 1)
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let (dims, mut out) = conv::convolution(c, &conv::Operands::new(x, c.tensor(1)?)?)?;
    conv::add_bias(&dims, &mut out, c.numbers(2)?)?;
    one(Tensor::numbers(x.elem, dims, out))
}
