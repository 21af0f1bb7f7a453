//! `RoiAlign`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one, shape};

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
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let channels = c.shape(0).and_then(|s| s.get(1).cloned()).unwrap_or_default();
    let rois = c.shape(1).and_then(|s| s.first().cloned()).unwrap_or_default();
    let size = |name: &str| Dim::Known(c.int(name, 1));
    Ok(vec![Out::shape(vec![rois, channels, size("output_height"), size("output_width")])])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (x, rois, batches) = (c.tensor(0)?, c.tensor(1)?, c.ints(2)?);
    let &[batch, channels, height, width] = x.dims.as_slice() else {
        return Err("its input should have 4 dimensions".to_owned());
    };
    if height * width == 0 {
        return Err(format!("its input has the shape {:?}", x.dims));
    }
    if rois.dims != [batches.len(), 4] {
        return Err(format!("it has regions of {:?} and {} batches", rois.dims, batches.len()));
    }
    let size = |name: &str, default: i64| {
        usize::try_from(c.int(name, default)).map_err(|_| format!("its attribute {name:?} is negative"))
    };
    let (rows, columns, ratio) = (size("output_height", 1)?, size("output_width", 1)?, size("sampling_ratio", 0)?);
    let scale = c.float("spatial_scale", 1.0);
    let half = c.version() >= 16 && c.text("coordinate_transformation_mode", "half_pixel") == "half_pixel";
    let largest = c.text("mode", "avg") == "max";
    let dims = [batches.len(), channels, rows, columns];
    let mut out = Vec::with_capacity(c.count(&dims)?);
    let (values, regions) = (x.to_numbers()?, rois.to_numbers()?);
    for (r, b) in batches.iter().enumerate() {
        let b = shape::index(*b, batch)?;
        let shift = if half { 0.5 } else { 0.0 };
        let [x0, y0, x1, y1] = [0, 1, 2, 3].map(|k| regions[r * 4 + k] * scale - shift);
        let least = if half { f64::NEG_INFINITY } else { 1.0 };
        let (h, w) = ((y1 - y0).max(least) / rows as f64, (x1 - x0).max(least) / columns as f64);
        let samples = |size: f64| if ratio > 0 { ratio } else { size.ceil().clamp(1.0, 1e6) as usize };
        let (down, right) = (samples(h), samples(w));
        c.count(&[rows, columns, down, right])?;
        for channel in 0..channels {
            c.going()?;
            let image = &values[(b * channels + channel) * height * width..][..height * width];
            for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                let (mut sum, mut top) = (0.0, f64::NEG_INFINITY);
                for (u, v) in (0..down).flat_map(|u| (0..right).map(move |v| (u, v))) {
                    let y = y0 + (i as f64 + (u as f64 + 0.5) / down as f64) * h;
                    let x = x0 + (j as f64 + (v as f64 + 0.5) / right as f64) * w;
                    let inside = (-1.0..=height as f64).contains(&y) && (-1.0..=width as f64).contains(&x);
                    let place = [y.clamp(0.0, height as f64 - 1.0), x.clamp(0.0, width as f64 - 1.0)];
                    if inside {
                        let parts = weighted(image, width, place);
                        sum += parts.iter().sum::<f64>();
                        // The largest of the weighted elements, not of their sums: so the reference and ONNX Runtime have it.
                        top = parts.into_iter().fold(top, f64::max);
                    } else {
                        top = top.max(0.0);
                    }
                }
                out.push(if largest { top } else { sum / (down * right) as f64 });
            }
        }
    }
    one(Tensor::numbers(x.elem, dims, out))
}

/// The four elements around a place within an image, with their weights.
fn weighted(image: &[f64], width: usize, [y, x]: [f64; 2]) -> [f64; 4] {
    let (top, left) = (y.floor(), x.floor());
    let (down, right) = (y - top, x - left);
    let rows = image.len() / width;
    let at = |i: f64, j: f64| image[(i as usize).min(rows - 1) * width + (j as usize).min(width - 1)];
    [
        (1.0 - down) * (1.0 - right) * at(top, left),
        (1.0 - down) * right * at(top, left + 1.0),
        down * (1.0 - right) * at(top + 1.0, left),
        down * right * at(top + 1.0, left + 1.0),
    ]
}
