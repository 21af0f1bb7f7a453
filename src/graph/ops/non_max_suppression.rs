//! `NonMaxSuppression`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `NonMaxSuppression`.
pub(super) static OPERATOR: Operator = Operator {
    name: "NonMaxSuppression",
    versions: &[
        Version {
            since: 10,
            inputs: "boxes: f32, scores: f32, max_output_boxes_per_class?: i64, iou_threshold?: f32, score_threshold?: f32",
            outputs: "selected_indices: i64",
            types: "",
            attributes: "center_point_box: int = 0",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "boxes: f32, scores: f32, max_output_boxes_per_class?: i64, iou_threshold?: f32, score_threshold?: f32",
            outputs: "selected_indices: i64",
            types: "",
            attributes: "center_point_box: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(_: &Call<'_>) -> Outs {
    Ok(vec![Out::shape(vec![Dim::Unknown, Dim::Known(3)])])
}
