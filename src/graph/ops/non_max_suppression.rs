//! `NonMaxSuppression`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one};

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
    eval: Eval::Rule(eval),
};

fn infer(_: &Call<'_>) -> Outs {
    Ok(vec![Out::shape(vec![Dim::Unknown, Dim::Known(3)])])
}

/// A box as its lower and upper corners.
fn corners(b: &[f64], center: bool) -> [f64; 4] {
    if center {
        let (w, h) = (b[2] / 2.0, b[3] / 2.0);
        [b[1] - h, b[0] - w, b[1] + h, b[0] + w]
    } else {
        [b[0].min(b[2]), b[1].min(b[3]), b[0].max(b[2]), b[1].max(b[3])]
    }
}

/// Intersection over union.
fn overlap(a: [f64; 4], b: [f64; 4]) -> f64 {
    let side = |d: usize| (a[d + 2].min(b[d + 2]) - a[d].max(b[d])).max(0.0);
    let area = |x: [f64; 4]| (x[2] - x[0]) * (x[3] - x[1]);
    let common = side(0) * side(1);
    let union = area(a) + area(b) - common;
    if common > 0.0 && area(a) > 0.0 && area(b) > 0.0 && union > 0.0 { common / union } else { 0.0 }
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (boxes, scores) = (c.tensor(0)?, c.tensor(1)?);
    let (&[batch, count, 4], &[b2, classes, c2]) = (boxes.dims.as_slice(), scores.dims.as_slice()) else {
        return Err(format!("boxes of {:?} and scores of {:?} do not fit each other", boxes.dims, scores.dims));
    };
    if b2 != batch || c2 != count {
        return Err(format!("boxes of {:?} and scores of {:?} do not fit each other", boxes.dims, scores.dims));
    }
    let most = c.int_input(2)?.unwrap_or(0).max(0) as usize;
    let (limit, least) = (c.number_if(3)?.unwrap_or(0.0), c.number_if(4)?);
    let center = c.flag("center_point_box", false);
    let (b, s) = (boxes.to_numbers()?, scores.to_numbers()?);
    let mut found = Vec::new();
    for (image, class) in (0..batch).flat_map(|i| (0..classes).map(move |k| (i, k))) {
        let own = &s[(image * classes + class) * count..][..count];
        let mut order: Vec<usize> = (0..count).filter(|i| least.is_none_or(|l| own[*i] > l)).collect();
        order.sort_by(|i, j| own[*j].total_cmp(&own[*i]));
        let mut kept: Vec<[f64; 4]> = Vec::new();
        for i in order {
            c.going()?;
            if kept.len() >= most {
                break;
            }
            let this = corners(&b[(image * count + i) * 4..][..4], center);
            if kept.iter().all(|other| overlap(this, *other) <= limit) {
                kept.push(this);
                found.extend([image as i64, class as i64, i as i64]);
            }
        }
    }
    one(Tensor::longs([found.len() / 3, 3], found))
}
