//! `RoiAlign`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `RoiAlign`.
pub(super) static OPERATOR: Operator = Operator {
    name: "RoiAlign",
    versions: &[
        Version {
            since: 10,
            inputs: "X: T1, rois: T1, batch_indices: T2",
            outputs: "Y: T1",
            types: "T1 = FLOATS; T2 = i64",
            attributes: "mode: text = avg, output_height: int = 1, output_width: int = 1, sampling_ratio: int = 0, spatial_scale: float = 1",
            deprecated: false,
        },
        Version {
            since: 16,
            inputs: "X: T1, rois: T1, batch_indices: T2",
            outputs: "Y: T1",
            types: "T1 = FLOATS; T2 = i64",
            attributes: "coordinate_transformation_mode: text = half_pixel, mode: text = avg, output_height: int = 1, output_width: int = 1, sampling_ratio: int = 0, spatial_scale: float = 1",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T1, rois: T1, batch_indices: T2",
            outputs: "Y: T1",
            types: "T1 = FLOATS16; T2 = i64",
            attributes: "coordinate_transformation_mode: text = half_pixel, mode: text = avg, output_height: int = 1, output_width: int = 1, sampling_ratio: int = 0, spatial_scale: float = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let channels = c.shape(0).and_then(|s| s.get(1).cloned()).unwrap_or_default();
    let rois = c.shape(1).and_then(|s| s.first().cloned()).unwrap_or_default();
    let size = |name: &str| Dim::Known(c.int(name, 1));
    Ok(vec![Out::shape(vec![rois, channels, size("output_height"), size("output_width")])])
}
