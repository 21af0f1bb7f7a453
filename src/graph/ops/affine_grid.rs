//! `AffineGrid`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `AffineGrid`.
pub(super) static OPERATOR: Operator = Operator {
    name: "AffineGrid",
    versions: &[Version {
        since: 20,
        inputs: "theta: T1, size: T2",
        outputs: "grid: T1",
        types: "T1 = FLOATS16; T2 = i64",
        attributes: "align_corners: int = 0",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(size) = c.ints(1) else { return Ok(vec![Out::unknown()]) };
    let [batch, _, spatial @ ..] = size else { return Err(format!("a size of {} dimensions", size.len())) };
    let mut shape = vec![batch.clone()];
    shape.extend_from_slice(spatial);
    shape.push(Dim::from(spatial.len() as u64));
    Ok(vec![Out::shape(shape)])
}
