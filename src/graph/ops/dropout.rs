//! `Dropout`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor};

/// Schemas: ONNX 1.23, `Dropout`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Dropout",
    versions: &[
        Version {
            since: 1,
            inputs: "data: T",
            outputs: "output: T, mask?: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs: ints, is_test: int = 0, ratio: float = 0.5",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "data: T",
            outputs: "output: T, mask?: T",
            types: "T = FLOATS",
            attributes: "is_test: int = 0, ratio: float = 0.5",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "data: T",
            outputs: "output: T, mask?: T",
            types: "T = FLOATS",
            attributes: "ratio: float = 0.5",
            deprecated: false,
        },
        Version {
            since: 10,
            inputs: "data: T",
            outputs: "output: T, mask?: T1",
            types: "T = FLOATS; T1 = bool",
            attributes: "ratio: float = 0.5",
            deprecated: false,
        },
        Version {
            since: 12,
            inputs: "data: T, ratio?: T1, training_mode?: T2",
            outputs: "output: T, mask?: T2",
            types: "T = FLOATS; T1 = FLOATS; T2 = bool",
            attributes: "seed: int",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T, ratio?: T1, training_mode?: T2",
            outputs: "output: T, mask?: T2",
            types: "T = FLOATS16; T1 = FLOATS; T2 = bool",
            attributes: "seed: int",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "data: T, ratio?: T1, training_mode?: T2",
            outputs: "output: T, mask?: T2",
            types: "T = f16 f32 f64 bf16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz; T1 = f16 f32 f64 bf16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz; T2 = bool",
            attributes: "seed: int",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let mut out = rules::same(c)?;
    out.push(out[0].clone());
    Ok(out)
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let ratio = c.number_if(1)?.unwrap_or_else(|| c.float("ratio", 0.5));
    let training = c.int_input(2)?.unwrap_or(0) != 0 || (c.version() < 7 && !c.flag("is_test", false));
    if training && ratio != 0.0 {
        return Err("it drops random elements in training".to_owned());
    }
    Ok(vec![x.clone().into(), Tensor::bools(x.dims.clone(), vec![true; x.len()]).into()])
}
