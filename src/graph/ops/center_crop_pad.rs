//! `CenterCropPad`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};

/// Schemas: ONNX 1.23, `CenterCropPad`.
pub(super) static OPERATOR: Operator = Operator {
    name: "CenterCropPad",
    versions: &[Version {
        since: 18,
        inputs: "input_data: T, shape: Tind",
        outputs: "output_data: T",
        types: "T = ALL16; Tind = i32 i64",
        attributes: "axes: ints",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let every: Vec<i64> = (0..shape.len() as i64).collect();
    let (axes, mut out) = (c.list("axes").unwrap_or(&every), shape.to_vec());
    for (i, axis) in axes.iter().enumerate() {
        let size = c.ints(1).and_then(|l| l.get(i).cloned()).unwrap_or_default();
        out[axis_of(*axis, shape.len())?] = size;
    }
    Ok(vec![Out::shape(out)])
}
