//! `MaxRoiPool`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, math, one, shape, window};

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
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let channels = c.shape(0).and_then(|s| s.get(1).cloned()).unwrap_or_default();
    let rois = c.shape(1).and_then(|s| s.first().cloned()).unwrap_or_default();
    let pooled = c.list("pooled_shape").unwrap_or(&[]).iter().map(|n| Dim::Known(*n));
    Ok(vec![Out::shape([rois, channels].into_iter().chain(pooled).collect())])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (x, rois) = (c.tensor(0)?, c.tensor(1)?);
    let &[batch, channels, height, width] = x.dims.as_slice() else {
        return Err("its input should have 4 dimensions".to_owned());
    };
    let &[count, 5] = rois.dims.as_slice() else { return Err(format!("it has regions of {:?}", rois.dims)) };
    let pooled = window::sizes(c, "pooled_shape", 2, 1)?;
    let scale = c.float("spatial_scale", 1.0);
    let dims = [count, channels, pooled[0], pooled[1]];
    let mut out = Vec::with_capacity(c.count(&dims)?);
    let (values, regions) = (x.to_numbers()?, rois.to_numbers()?);
    for r in 0..count {
        let b = shape::index(regions[r * 5] as i64, batch)?;
        let [x0, y0, x1, y1] = [1, 2, 3, 4].map(|k| (regions[r * 5 + k] * scale).round());
        let (w, h) = ((x1 - x0 + 1.0).max(1.0) / pooled[1] as f64, (y1 - y0 + 1.0).max(1.0) / pooled[0] as f64);
        let span = |i: usize, size: f64, start: f64, n: usize| {
            let from = ((i as f64 * size).floor() + start).clamp(0.0, n as f64) as usize;
            from..((((i + 1) as f64) * size).ceil() + start).clamp(0.0, n as f64) as usize
        };
        for channel in 0..channels {
            let image = &values[(b * channels + channel) * height * width..][..height * width];
            for (i, j) in (0..pooled[0]).flat_map(|i| (0..pooled[1]).map(move |j| (i, j))) {
                let columns = span(j, w, x0, width);
                let all = span(i, h, y0, height).flat_map(|y| columns.clone().map(move |x| image[y * width + x]));
                // A region without elements is 0.
                out.push(all.reduce(math::max).unwrap_or(0.0));
            }
        }
    }
    one(Tensor::numbers(x.elem, dims, out))
}
