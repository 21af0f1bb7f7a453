//! `DynamicQuantizeLinear`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};
use crate::graph::Elem;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, quantize};

/// Schemas: ONNX 1.23, `DynamicQuantizeLinear`.
pub(super) static OPERATOR: Operator = Operator {
    name: "DynamicQuantizeLinear",
    versions: &[Version {
        since: 11,
        inputs: "x: T1",
        outputs: "y: T2, y_scale: f32, y_zero_point: T2",
        types: "T1 = f32; T2 = u8",
        attributes: "",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    Ok(vec![rules::same(c)?.remove(0), Out::shape(Vec::new()), Out::shape(Vec::new())])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let values = x.to_numbers()?;
    let low = values.iter().copied().fold(0.0, f64::min) as f32;
    let high = values.iter().copied().fold(0.0, f64::max) as f32;
    let scale = (high - low) / 255.0;
    let scale = if scale == 0.0 { 1.0 } else { scale };
    let zero = f64::from((-low / scale).clamp(0.0, 255.0).round_ties_even());
    let divided = values.iter().map(|v| f64::from(*v as f32 / scale));
    let y = divided.map(|q| quantize::nearest(Elem::U8, q, zero)).collect::<Vec<_>>();
    Ok(vec![
        Tensor::ints(Elem::U8, x.dims.clone(), y).into(),
        Tensor::floats([], vec![scale]).into(),
        Tensor::ints(Elem::U8, [], [zero as i128]).into(),
    ])
}
