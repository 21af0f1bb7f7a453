//! `QLinearConv`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, conv, one, quantize};

/// Schemas: ONNX 1.23, `QLinearConv`.
pub(super) static OPERATOR: Operator = Operator {
    name: "QLinearConv",
    versions: &[Version {
        since: 10,
        inputs: "x: T1, x_scale: f32, x_zero_point: T1, w: T2, w_scale: f32, w_zero_point: T2, y_scale: f32, y_zero_point: T3, B?: T4",
        outputs: "y: T3",
        types: "T1 = u8 i8; T2 = u8 i8; T3 = u8 i8; T4 = i32",
        attributes: "auto_pad: text = NOTSET, dilations: ints, group: int = 1, kernel_shape: ints, pads: ints, strides: ints",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    Ok(vec![rules::convolution(c, 3)?.remove(0).of(c.elem(7))])
}

/// Input and weights without their zero points; that of the weights may be one for each output channel.
pub(super) fn operands(
    x: &Tensor,
    x_zero: Option<&Tensor>,
    w: &Tensor,
    w_zero: Option<&Tensor>,
) -> Result<conv::Operands, String> {
    let numbers = |v: Vec<i128>| v.into_iter().map(|v| v as f64).collect();
    Ok(conv::Operands {
        x: numbers(quantize::centered(x, x_zero, x.rank())?),
        x_dims: x.dims.clone(),
        w: numbers(quantize::centered(w, w_zero, w.rank())?),
        w_dims: w.dims.clone(),
    })
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (x, w, zero) = (c.tensor(0)?, c.tensor(3)?, c.tensor(7)?);
    let (dims, mut out) = conv::convolution(c, &operands(x, c.given(2)?, w, c.given(5)?)?)?;
    conv::add_bias(&dims, &mut out, c.numbers(8)?)?;
    let (x_scale, w_scale, y_scale) = (c.tensor(1)?.number()?, c.tensor(4)?.to_numbers()?, c.tensor(6)?.number()?);
    if w_scale.len() != 1 && w_scale.len() != dims[1] {
        return Err(format!("it has {} scales for {} channels", w_scale.len(), dims[1]));
    }
    let plane: usize = dims[2..].iter().product();
    let z = zero.number()?;
    let one_of = |(at, v): (usize, f64)| {
        let channel = at / plane.max(1) % dims[1];
        let w_scale = w_scale[if w_scale.len() == 1 { 0 } else { channel }];
        // Engines compute the factor in single precision.
        let by = (x_scale as f32 * w_scale as f32) / y_scale as f32;
        quantize::nearest(zero.elem, v * f64::from(by), z)
    };
    let values: Vec<i128> = out.into_iter().enumerate().map(one_of).collect();
    one(Tensor::ints(zero.elem, dims.clone(), values))
}
