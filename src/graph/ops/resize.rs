//! `Resize`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of, rules};

/// Schemas: ONNX 1.23, `Resize`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Resize",
    versions: &[
        Version {
            since: 10,
            inputs: "X: T, scales: f32",
            outputs: "Y: T",
            types: "T = ALL",
            attributes: "mode: text = nearest",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "X: T1, roi: T2, scales: f32, sizes?: i64",
            outputs: "Y: T1",
            types: "T1 = ALL; T2 = FLOATS",
            attributes: "coordinate_transformation_mode: text = half_pixel, cubic_coeff_a: float = -0.75, exclude_outside: int = 0, extrapolation_value: float = 0, mode: text = nearest, nearest_mode: text = round_prefer_floor",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "X: T1, roi?: T2, scales?: f32, sizes?: i64",
            outputs: "Y: T1",
            types: "T1 = ALL16; T2 = FLOATS",
            attributes: "coordinate_transformation_mode: text = half_pixel, cubic_coeff_a: float = -0.75, exclude_outside: int = 0, extrapolation_value: float = 0, mode: text = nearest, nearest_mode: text = round_prefer_floor",
            deprecated: false,
        },
        Version {
            since: 18,
            inputs: "X: T1, roi?: T2, scales?: f32, sizes?: i64",
            outputs: "Y: T1",
            types: "T1 = ALL16; T2 = FLOATS",
            attributes: "antialias: int = 0, axes: ints, coordinate_transformation_mode: text = half_pixel, cubic_coeff_a: float = -0.75, exclude_outside: int = 0, extrapolation_value: float = 0, keep_aspect_ratio_policy: text = stretch, mode: text = nearest, nearest_mode: text = round_prefer_floor",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "X: T1, roi?: T2, scales?: f32, sizes?: i64",
            outputs: "Y: T1",
            types: "T1 = ALL16; T2 = FLOATS",
            attributes: "antialias: int = 0, axes: ints, coordinate_transformation_mode: text = half_pixel, cubic_coeff_a: float = -0.75, exclude_outside: int = 0, extrapolation_value: float = 0, keep_aspect_ratio_policy: text = stretch, mode: text = nearest, nearest_mode: text = round_prefer_floor",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let sizes = if c.version() >= 11 { c.ints(3) } else { None };
    let stretch = c.text("keep_aspect_ratio_policy", "stretch") == "stretch";
    let every: Vec<i64> = (0..shape.len() as i64).collect();
    match sizes.filter(|_| stretch) {
        Some(sizes) => {
            let axes = c.list("axes").unwrap_or(&every);
            if axes.len() != sizes.len() {
                return Err(format!("{} sizes for {} axes", sizes.len(), axes.len()));
            }
            let mut out = shape.to_vec();
            for (axis, size) in axes.iter().zip(sizes) {
                out[axis_of(*axis, shape.len())?] = size.clone();
            }
            Ok(vec![Out::shape(out)])
        }
        None => {
            let factors = c.floats(if c.version() >= 11 { 2 } else { 1 }).filter(|f| !f.is_empty());
            let crop = c.text("coordinate_transformation_mode", "") == "tf_crop_and_resize";
            match factors.filter(|_| !crop && c.input(3).is_none()) {
                Some(factors) => rules::scaled(shape, factors, c.list("axes").unwrap_or(&every)),
                None => Ok(vec![Out::rank(shape.len())]),
            }
        }
    }
}
