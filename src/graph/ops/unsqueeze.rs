//! `Unsqueeze`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, one, shape};

/// Schemas: ONNX 1.23, `Unsqueeze`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Unsqueeze",
    versions: &[
        Version {
            since: 1,
            inputs: "data: T",
            outputs: "expanded: T",
            types: "T = ALL",
            attributes: "axes!: ints",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "data: T",
            outputs: "expanded: T",
            types: "T = ALL",
            attributes: "axes!: ints",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T, axes: i64",
            outputs: "expanded: T",
            types: "T = ALL16",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "data: T, axes: i64",
            outputs: "expanded: T",
            types: "T = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "data: T, axes: i64",
            outputs: "expanded: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "data: T, axes: i64",
            outputs: "expanded: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 u4",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "data: T, axes: i64",
            outputs: "expanded: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 u2 u4",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown().with_ints(c.ints(0).map(<[Dim]>::to_vec))]) };
    let Ok(Some(axes)) = c.list_or_input("axes", 1) else {
        let more =
            c.shape(1).and_then(|s| s.first()?.known()).and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= 64);
        return Ok(vec![more.map_or_else(Out::unknown, |n| Out::rank(shape.len() + n))]);
    };
    let rank = shape.len() + axes.len();
    if rank > 64 {
        return Ok(vec![Out::unknown()]);
    }
    let axes: Vec<usize> = axes.iter().map(|a| axis_of(*a, rank)).collect::<Result<_, _>>()?;
    let mut rest = shape.iter();
    let one = |i: usize| if axes.contains(&i) { Some(Dim::Known(1)) } else { rest.next().cloned() };
    let shape: Vec<Dim> = (0..rank).filter_map(one).collect();
    if shape.len() != rank {
        return Err("an axis is given twice".to_owned());
    }
    Ok(vec![Out::shape(shape).with_ints(c.ints(0).map(<[Dim]>::to_vec))])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let axes = c.list_or_input("axes", 1)?.ok_or("its axes are missing")?;
    let rank = x.rank() + axes.len();
    let axes = shape::axes(&axes, rank)?;
    let mut own = x.dims.iter();
    let dims: Vec<usize> =
        (0..rank).map(|d| if axes.contains(&d) { 1 } else { own.next().copied().unwrap_or(1) }).collect();
    one(x.shaped(dims))
}
