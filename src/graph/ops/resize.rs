//! `Resize`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of, rules};
use crate::graph::eval::sample::{Axis, Kernel};
use crate::graph::eval::{Args, Eval, Evaluated, one, sample, shape};

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
    eval: Eval::Rule(eval),
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

fn eval(c: &Args<'_>) -> Evaluated {
    let old = c.version() < 11;
    let (scales, sizes) = if old { (c.numbers(1)?, None) } else { (c.numbers(2)?, c.ints_if(3)?) };
    let roi = if old { None } else { c.numbers(1)?.filter(|r| !r.is_empty()) };
    resized(c, scales.filter(|s| !s.is_empty()), sizes.filter(|s| !s.is_empty()), roi)
}

/// Resizes by factors or to sizes.
pub(super) fn resized(
    c: &Args<'_>,
    scales: Option<Vec<f64>>,
    sizes: Option<Vec<i64>>,
    roi: Option<Vec<f64>>,
) -> Evaluated {
    let x = c.tensor(0)?;
    let axes = match c.list("axes") {
        Some(axes) => shape::axes(axes, x.rank())?,
        None => (0..x.rank()).collect(),
    };
    let n = axes.len();
    let fits =
        |len: usize| if len == n { Ok(()) } else { Err(format!("it has {len} factors or sizes for {n} dimensions")) };
    let (factors, sizes): (Vec<f64>, Vec<usize>) = match (scales, sizes) {
        (_, Some(sizes)) => {
            fits(sizes.len())?;
            let (sizes, _) = c.dims(&sizes)?;
            let each: Vec<f64> = (0..n).map(|i| sizes[i] as f64 / x.dims[axes[i]] as f64).collect();
            let common = match c.text("keep_aspect_ratio_policy", "stretch") {
                "not_larger" => Some(each.iter().copied().fold(f64::INFINITY, f64::min)),
                "not_smaller" => Some(each.iter().copied().fold(0.0, f64::max)),
                _ => None,
            };
            match common {
                Some(s) => (vec![s; n], axes.iter().map(|a| (s * x.dims[*a] as f64 + 0.5).floor() as usize).collect()),
                None => (each, sizes),
            }
        }
        (Some(scales), None) => {
            fits(scales.len())?;
            if scales.iter().any(|s| s.is_nan() || *s <= 0.0) {
                return Err(format!("its factors are {scales:?}"));
            }
            let sizes = (0..n).map(|i| (scales[i] * x.dims[axes[i]] as f64).floor() as usize).collect();
            (scales, sizes)
        }
        _ => return Err("it has neither factors nor sizes".to_owned()),
    };
    let old = c.version() < 11;
    let mode = c.text("mode", "nearest");
    let kernel = match mode {
        "nearest" => None,
        "cubic" => Some(Kernel::Cubic(c.float("cubic_coeff_a", -0.75))),
        _ => Some(Kernel::Linear),
    };
    let (mut dims, mut values) = (x.dims.clone(), x.to_numbers()?);
    for (i, a) in axes.iter().enumerate() {
        let mut to = dims.clone();
        to[*a] = sizes[i];
        c.count(&to)?;
        let part = roi.as_ref().and_then(|r| Some((*r.get(i)?, *r.get(i + n)?)));
        let whole = part.is_none_or(|p| p == (0.0, 1.0));
        if (factors[i] - 1.0).abs() < 1e-9 && sizes[i] == dims[*a] && whole {
            continue;
        }
        c.going()?;
        let axis = Axis {
            scale: factors[i],
            size: sizes[i],
            roi: part,
            mode: if old { "asymmetric" } else { c.text("coordinate_transformation_mode", "half_pixel") },
            kernel,
            nearest: if old { "floor" } else { c.text("nearest_mode", "round_prefer_floor") },
            antialias: c.flag("antialias", false),
            exclude_outside: c.flag("exclude_outside", false),
            outside: c.float("extrapolation_value", 0.0),
        };
        (dims, values) = axis.apply(&dims, *a, &values);
    }
    one(sample::rounded(x.elem, dims, values))
}
