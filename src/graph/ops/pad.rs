//! `Pad`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;

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
