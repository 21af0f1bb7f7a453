//! `MaxRoiPool`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `MaxRoiPool`.
pub(super) static OPERATOR: Operator = Operator {
    name: "MaxRoiPool",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T, rois: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "pooled_shape!: ints, spatial_scale: float = 1",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T, rois: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "pooled_shape!: ints, spatial_scale: float = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let channels = c.shape(0).and_then(|s| s.get(1).cloned()).unwrap_or_default();
    let rois = c.shape(1).and_then(|s| s.first().cloned()).unwrap_or_default();
    let pooled = c.list("pooled_shape").unwrap_or(&[]).iter().map(|n| Dim::Known(*n));
    Ok(vec![Out::shape([rois, channels].into_iter().chain(pooled).collect())])
}
