//! `Pad`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;
use crate::graph::eval::{Args, Data, Eval, Evaluated, Tensor, one, shape, walk};

/// Schemas: ONNX 1.23, `Pad`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Pad",
    versions: &[
        Version {
            since: 1,
            inputs: "data: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "mode: text = constant, paddings!: ints, value: float = 0",
            deprecated: false,
        },
        Version {
            since: 2,
            inputs: "data: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "mode: text = constant, pads!: ints, value: float = 0",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "data: T, pads: i64, constant_value?: T",
            outputs: "output: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
            attributes: "mode: text = constant",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T, pads: i64, constant_value?: T",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "mode: text = constant",
            deprecated: false,
        },
        Version {
            since: 18,
            inputs: "data: T, pads: i64, constant_value?: T, axes?: Tind",
            outputs: "output: T",
            types: "T = ALL16; Tind = i32 i64",
            attributes: "mode: text = constant",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "data: T, pads: i64, constant_value?: T, axes?: Tind",
            outputs: "output: T",
            types: "T = ALL16; Tind = i32 i64",
            attributes: "mode: text = constant",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "data: T, pads: i64, constant_value?: T, axes?: Tind",
            outputs: "output: T",
            types: "T = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4; Tind = i32 i64",
            attributes: "mode: text = constant",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "data: T, pads: i64, constant_value?: T, axes?: Tind",
            outputs: "output: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4; Tind = i32 i64",
            attributes: "mode: text = constant",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "data: T, pads: i64, constant_value?: T, axes?: Tind",
            outputs: "output: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 u4; Tind = i32 i64",
            attributes: "mode: text = constant",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "data: T, pads: i64, constant_value?: T, axes?: Tind",
            outputs: "output: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 u2 u4; Tind = i32 i64",
            attributes: "mode: text = constant",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let list = c.list("pads").or_else(|| c.list("paddings"));
    let pads = list.map(|l| l.iter().map(|n| Dim::Known(*n)).collect()).or_else(|| c.ints(1).map(<[Dim]>::to_vec));
    let axes = match c.input(3) {
        None => Some((0..shape.len() as i64).collect()),
        Some(_) => c.numbers(3),
    };
    let (Some(pads), Some(axes)) = (pads, axes) else { return Ok(vec![Out::rank(shape.len())]) };
    if pads.len() != axes.len() * 2 {
        return Err(format!("{} paddings for {} axes", pads.len(), axes.len()));
    }
    let mut out = shape.to_vec();
    for (i, axis) in axes.iter().enumerate() {
        let at = axis_of(*axis, shape.len())?;
        out[at] = shape[at].plus(&pads[i]).plus(&pads[i + axes.len()]);
    }
    Ok(vec![Out::shape(out)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let pads = match c.list("paddings") {
        Some(pads) => pads.to_vec(),
        None => c.list_or_input("pads", 1)?.ok_or("its pads are missing")?,
    };
    let axes = match c.ints_if(3)? {
        Some(axes) => shape::axes(&axes, x.rank())?,
        None => (0..x.rank()).collect(),
    };
    if pads.len() != axes.len() * 2 {
        return Err(format!("it has {} pads for {} dimensions", pads.len(), axes.len()));
    }
    let (mut before, mut dims) = (vec![0i64; x.rank()], x.dims.clone());
    for (i, axis) in axes.iter().enumerate() {
        let (a, b) = (pads[i], pads[i + axes.len()]);
        before[*axis] = a;
        let size = (x.dims[*axis] as i64).saturating_add(a).saturating_add(b);
        dims[*axis] = usize::try_from(size).map_err(|_| format!("pads of {pads:?} leave nothing of {:?}", x.dims))?;
    }
    c.count(&dims)?;
    let mode = c.text("mode", "constant");
    let fill = match c.given(2)? {
        Some(t) if t.len() == 1 && t.elem == x.elem => t.clone(),
        Some(t) if t.len() > 0 => return Err(format!("it pads with {} {:?}", t.elem, t.dims)),
        _ if mode == "constant" && !matches!(*x.data, Data::Str(_)) => {
            Tensor::numbers(x.elem, [1], vec![c.float("value", 0.0)])
        }
        _ => Tensor::new(x.elem, [1], Data::zeros(x.elem, 1)),
    };
    if mode != "constant" && (0..x.rank()).any(|d| x.dims[d] == 0 && dims[d] > 0) {
        return Err("nothing cannot be continued".to_owned());
    }
    let source = |at: i64, n: i64| match mode {
        "edge" => Some(at.clamp(0, n - 1)),
        "wrap" => Some(at.rem_euclid(n)),
        "reflect" => {
            // There and back, without the ends twice.
            let period = (2 * (n - 1)).max(1);
            let at = at.rem_euclid(period);
            Some(if at < n { at } else { period - at })
        }
        _ => (0..n).contains(&at).then_some(at),
    };
    let strides = walk::strides(&x.dims);
    let mut places = Vec::new();
    walk::each_index(&dims, |index| {
        let mut place = Some(0usize);
        for (d, i) in index.iter().enumerate() {
            let at = source((*i as i64).saturating_sub(before[d]), x.dims[d] as i64);
            place = place.zip(at).map(|(p, at)| p + at as usize * strides[d] as usize);
        }
        places.push(place);
    });
    one(Tensor::new(x.elem, dims, x.data.pick_or(places.into_iter(), &fill.data)))
}
