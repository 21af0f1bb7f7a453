//! `CenterCropPad`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::eval::{Args, Data, Eval, Evaluated, Tensor, one, shape, walk};

/// Schemas: ONNX 1.23, `CenterCropPad`.
pub(super) static OPERATOR: Operator = Operator {
    name: "CenterCropPad",
    versions: &[Version {
        since: 18,
        inputs: "input_data: T, shape: Tind",
        outputs: "output_data: T",
        types: "T = ALL16; Tind = i32 i64",
        attributes: "axes: ints",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let every: Vec<i64> = (0..shape.len() as i64).collect();
    let (axes, mut out) = (c.list("axes").unwrap_or(&every), shape.to_vec());
    for (i, axis) in axes.iter().enumerate() {
        let size = c.ints(1).and_then(|l| l.get(i).cloned()).unwrap_or_default();
        out[axis_of(*axis, shape.len())?] = size;
    }
    Ok(vec![Out::shape(out)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let (wanted, _) = c.dims(&c.ints(1)?)?;
    let axes = match c.list("axes") {
        Some(axes) => shape::axes(axes, x.rank())?,
        None => (0..x.rank()).collect(),
    };
    if axes.len() != wanted.len() {
        return Err(format!("it has {} sizes for {} dimensions", wanted.len(), axes.len()));
    }
    let (mut dims, mut shift) = (x.dims.clone(), vec![0i64; x.rank()]);
    for (axis, size) in axes.iter().zip(wanted) {
        // What is cut off or added is half before; the larger half comes behind.
        let (n, size_i) = (x.dims[*axis] as i64, size as i64);
        shift[*axis] = if n >= size_i { (n - size_i) / 2 } else { -((size_i - n) / 2) };
        dims[*axis] = size;
    }
    c.count(&dims)?;
    let strides = walk::strides(&x.dims);
    let mut places = Vec::new();
    walk::each_index(&dims, |index| {
        let mut place = Some(0usize);
        for (d, i) in index.iter().enumerate() {
            let at = usize::try_from(*i as i64 + shift[d]).ok().filter(|at| *at < x.dims[d]);
            place = place.zip(at).map(|(p, at)| p + at * strides[d] as usize);
        }
        places.push(place);
    });
    one(Tensor::new(x.elem, dims, x.data.pick_or(places.into_iter(), &Data::zeros(x.elem, 1))))
}
