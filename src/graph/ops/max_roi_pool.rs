//! `MaxRoiPool`.

use super::{Infer, Operator, Version};

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
    infer: Infer::Nothing,
};
