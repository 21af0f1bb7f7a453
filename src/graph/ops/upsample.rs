//! `Upsample`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};
use crate::graph::AttrValue;

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
