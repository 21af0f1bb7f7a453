//! `Upsample`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};
use crate::graph::AttrValue;
use crate::graph::eval::{Args, Eval, Evaluated};

/// Schemas: ONNX 1.23, `Upsample`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Upsample",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = i32 i64 f16 f32 f64 bool",
            attributes: "height_scale!: float, mode: text = nearest, width_scale!: float",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = ALL",
            attributes: "mode: text = nearest, scales!: floats",
            deprecated: false,
        },
        Version {
            since: 9,
            inputs: "X: T, scales: f32",
            outputs: "Y: T",
            types: "T = ALL",
            attributes: "mode: text = nearest",
            deprecated: false,
        },
        Version {
            since: 10,
            inputs: "X: T, scales: f32",
            outputs: "Y: T",
            types: "T = ALL",
            attributes: "mode: text = nearest",
            deprecated: true,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let every: Vec<i64> = (0..shape.len() as i64).collect();
    let attribute = c.node.attribute("scales");
    let factors = if let Some(AttrValue::Floats(f)) = attribute { Some(f.as_slice()) } else { c.floats(1) };
    match factors {
        Some(factors) => rules::scaled(shape, factors, &every),
        None => Ok(vec![Out::rank(shape.len())]),
    }
}

fn eval(c: &Args<'_>) -> Evaluated {
    let scales = match c.numbers(1)? {
        Some(scales) => scales,
        None => match c.float_list("scales") {
            // Version 1 has a factor for each of height and width.
            [] => vec![1.0, 1.0, c.float("height_scale", 1.0), c.float("width_scale", 1.0)],
            list => list.iter().map(|s| (*s).into()).collect(),
        },
    };
    super::resize::resized(c, Some(scales), None, None)
}
