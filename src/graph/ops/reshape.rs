//! `Reshape`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, one};

/// Schemas: ONNX 1.23, `Reshape`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Reshape",
    versions: &[
        Version {
            since: 1,
            inputs: "data: T",
            outputs: "reshaped: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs: ints, shape: ints",
            deprecated: false,
        },
        Version {
            since: 5,
            inputs: "data: T, shape: i64",
            outputs: "reshaped: T",
            types: "T = ALL",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T, shape: i64",
            outputs: "reshaped: T",
            types: "T = ALL16",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 14,
            inputs: "data: T, shape: i64",
            outputs: "reshaped: T",
            types: "T = ALL16",
            attributes: "allowzero: int = 0",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "data: T, shape: i64",
            outputs: "reshaped: T",
            types: "T = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz",
            attributes: "allowzero: int = 0",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "data: T, shape: i64",
            outputs: "reshaped: T",
            types: "T = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "allowzero: int = 0",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "data: T, shape: i64",
            outputs: "reshaped: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "allowzero: int = 0",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "data: T, shape: i64",
            outputs: "reshaped: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 u4",
            attributes: "allowzero: int = 0",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "data: T, shape: i64",
            outputs: "reshaped: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 u2 u4",
            attributes: "allowzero: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let attribute = c.list("shape").map(|l| l.iter().map(|n| Dim::Known(*n)).collect());
    let Some(wanted) = attribute.or_else(|| rules::shape_from(c, 1)) else { return Ok(vec![Out::unknown()]) };
    let input = c.shape(0);
    let keep_zero = c.int("allowzero", 0) == 0;
    let mut shape = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (i, dim) in wanted.iter().enumerate() {
        shape.push(match dim.known() {
            Some(0) if keep_zero => match input {
                Some(input) => input
                    .get(i)
                    .cloned()
                    .ok_or(format!("dimension {i} is that of the input, which has {}", input.len()))?,
                None => Dim::Unknown,
            },
            Some(-1) if open.is_some() => return Err("two dimensions of the new shape are -1".to_owned()),
            Some(-1) => {
                open = Some(i);
                Dim::Known(1)
            }
            Some(n) if n < 0 => return Err(format!("a dimension of the new shape is {n}")),
            _ => dim.clone(),
        });
    }
    if let Some(input) = input {
        let (all, given) = (Dim::product(input), Dim::product(&shape));
        match open {
            Some(i) => {
                if let (Some(a), Some(b)) = (all.known(), given.known())
                    && b != 0
                    && a % b != 0
                {
                    return Err(format!("{a} elements cannot have the shape {}", text(&wanted)));
                }
                shape[i] = all.divided_exactly(&given);
            }
            None if all.differs(&given) => {
                return Err(format!("{all} elements cannot have the shape {}", text(&wanted)));
            }
            None => {}
        }
    } else if let Some(i) = open {
        shape[i] = Dim::Unknown;
    }
    Ok(vec![Out::shape(shape).with_ints(c.ints(0).map(<[Dim]>::to_vec))])
}

fn text(shape: &[Dim]) -> String {
    let dims: Vec<String> = shape.iter().map(Dim::to_string).collect();
    format!("[{}]", dims.join(", "))
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let wanted = c.list_or_input("shape", 1)?.ok_or("its shape is missing")?;
    let bad = || format!("{:?} cannot have the shape {wanted:?}", x.dims);
    let keep_zero = c.flag("allowzero", false);
    let mut dims = Vec::new();
    let mut open = None;
    for (i, d) in wanted.iter().enumerate() {
        dims.push(match *d {
            0 if !keep_zero => *x.dims.get(i).ok_or_else(bad)?,
            -1 if open.is_none() => {
                open = Some(i);
                1
            }
            d => usize::try_from(d).map_err(|_| bad())?,
        });
    }
    let n = c.count(&dims)?;
    if let Some(i) = open {
        dims[i] = x.len().checked_div(n).unwrap_or(0);
    }
    if c.count(&dims)? != x.len() {
        return Err(bad());
    }
    one(x.shaped(dims))
}
