//! `Squeeze`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, one, shape};

/// Schemas: ONNX 1.23, `Squeeze`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Squeeze",
    versions: &[
        Version {
            since: 1,
            inputs: "data: T",
            outputs: "squeezed: T",
            types: "T = ALL",
            attributes: "axes: ints",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "data: T",
            outputs: "squeezed: T",
            types: "T = ALL",
            attributes: "axes: ints",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T, axes?: i64",
            outputs: "squeezed: T",
            types: "T = ALL16",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "data: T, axes?: i64",
            outputs: "squeezed: T",
            types: "T = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "data: T, axes?: i64",
            outputs: "squeezed: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "data: T, axes?: i64",
            outputs: "squeezed: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 u4",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "data: T, axes?: i64",
            outputs: "squeezed: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 u2 u4",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let ints = c.ints(0).map(<[Dim]>::to_vec);
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown().with_ints(ints)]) };
    let Ok(axes) = c.list_or_input("axes", 1) else { return Ok(vec![Out::unknown()]) };
    let kept = match axes {
        Some(axes) => {
            let axes: Vec<usize> = axes.iter().map(|a| axis_of(*a, shape.len())).collect::<Result<_, _>>()?;
            if let Some(i) = axes.iter().find(|i| shape[**i].known().is_some_and(|n| n != 1)) {
                return Err(format!("dimension {i} has {} elements and cannot be removed", shape[*i]));
            }
            shape.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, d)| d.clone()).collect()
        }
        // Without axes, whether a dimension is removed is known for numbers only.
        None if shape.iter().all(|d| d.known().is_some()) => {
            shape.iter().filter(|d| d.known() != Some(1)).cloned().collect()
        }
        None => return Ok(vec![Out::unknown().with_ints(ints)]),
    };
    Ok(vec![Out::shape(kept).with_ints(ints)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let axes = match c.list_or_input("axes", 1)? {
        Some(axes) => shape::axes(&axes, x.rank())?,
        None => (0..x.rank()).filter(|d| x.dims[*d] == 1).collect(),
    };
    if axes.iter().any(|a| x.dims[*a] != 1) {
        return Err(format!("it removes a dimension of {:?} that is not 1", x.dims));
    }
    let dims: Vec<usize> = (0..x.rank()).filter(|d| !axes.contains(d)).map(|d| x.dims[d]).collect();
    one(x.shaped(dims))
}
