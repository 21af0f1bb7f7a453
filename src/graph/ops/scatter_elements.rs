//! `ScatterElements`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Data, Eval, Evaluated, Tensor, math, one, shape, walk};

/// Schemas: ONNX 1.23, `ScatterElements`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ScatterElements",
    versions: &[
        Version {
            since: 11,
            inputs: "data: T, indices: Tind, updates: T",
            outputs: "output: T",
            types: "T = ALL; Tind = i32 i64",
            attributes: "axis: int = 0",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T, indices: Tind, updates: T",
            outputs: "output: T",
            types: "T = ALL16; Tind = i32 i64",
            attributes: "axis: int = 0",
            deprecated: false,
        },
        Version {
            since: 16,
            inputs: "data: T, indices: Tind, updates: T",
            outputs: "output: T",
            types: "T = ALL16; Tind = i32 i64",
            attributes: "axis: int = 0, reduction: text = none",
            deprecated: false,
        },
        Version {
            since: 18,
            inputs: "data: T, indices: Tind, updates: T",
            outputs: "output: T",
            types: "T = ALL16; Tind = i32 i64",
            attributes: "axis: int = 0, reduction: text = none",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

/// For each index along an axis the place of the element it means.
pub(super) fn places(x: &Tensor, at: &Tensor, axis: usize) -> Result<Vec<usize>, String> {
    let fits = at.rank() == x.rank() && (0..x.rank()).all(|d| d == axis || at.dims[d] <= x.dims[d]);
    if !fits {
        return Err(format!("indices of {:?} do not fit a tensor of {:?}", at.dims, x.dims));
    }
    let (strides, indices) = (walk::strides(&x.dims), at.stored_ints()?);
    let mut places = Vec::with_capacity(indices.len());
    walk::try_each_index(&at.dims, |index| {
        let own = shape::index(indices[places.len()], x.dims[axis])?;
        let one = |(d, i): (usize, &usize)| if d == axis { own } else { *i } * strides[d] as usize;
        places.push(index.iter().enumerate().map(one).sum());
        Ok(())
    })?;
    Ok(places)
}

/// Elements put to places, or combined with what is there.
pub(super) fn scattered(c: &Args<'_>, x: &Tensor, places: &[usize], updates: &Tensor) -> Evaluated {
    if updates.elem != x.elem || updates.len() != places.len() {
        return Err(format!("updates of {} {:?} do not fit", updates.elem, updates.dims));
    }
    let reduction = c.text("reduction", "none");
    if reduction == "none" {
        let mut out = x.clone();
        std::sync::Arc::make_mut(&mut out.data).put(places.iter().copied().zip(0..), &updates.data);
        return one(out);
    }
    if matches!(*x.data, Data::Int(_)) {
        let (mut out, from) = (x.to_ints()?, updates.to_ints()?);
        for (to, v) in places.iter().zip(from) {
            out[*to] = match reduction {
                "add" => out[*to] + v,
                "mul" => i128::from(crate::graph::eval::wrap(x.elem, out[*to].wrapping_mul(v))),
                "max" => out[*to].max(v),
                _ => out[*to].min(v),
            };
        }
        return one(Tensor::ints(x.elem, x.dims.clone(), out));
    }
    let (mut out, from) = (x.to_numbers()?, updates.to_numbers()?);
    for (to, v) in places.iter().zip(from) {
        out[*to] = match reduction {
            "add" => out[*to] + v,
            "mul" => out[*to] * v,
            "max" => math::max(out[*to], v),
            _ => math::min(out[*to], v),
        };
    }
    one(Tensor::numbers(x.elem, x.dims.clone(), out))
}

pub(super) fn eval(c: &Args<'_>) -> Evaluated {
    let (x, at) = (c.tensor(0)?, c.tensor(1)?);
    let axis = c.axis(0, x.rank())?;
    scattered(c, x, &places(x, at, axis)?, c.tensor(2)?)
}
