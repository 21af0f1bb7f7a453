//! `ConvInteger`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::Elem;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, conv, one};

/// Schemas: ONNX 1.23, `ConvInteger`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ConvInteger",
    versions: &[Version {
        since: 10,
        inputs: "x: T1, w: T2, x_zero_point?: T1, w_zero_point?: T2",
        outputs: "y: T3",
        types: "T1 = u8 i8; T2 = u8 i8; T3 = i32",
        attributes: "auto_pad: text = NOTSET, dilations: ints, group: int = 1, kernel_shape: ints, pads: ints, strides: ints",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::convolution(c, 1)
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (x, w) = (c.tensor(0)?, c.tensor(1)?);
    let (dims, out) = conv::convolution(c, &super::q_linear_conv::operands(x, c.given(2)?, w, c.given(3)?)?)?;
    one(Tensor::ints(Elem::I32, dims, out.into_iter().map(|v| v as i128)))
}
