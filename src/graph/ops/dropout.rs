//! `Dropout`.

use super::{Call, Infer, Operator, Outs, Version, rules};

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
};

fn infer(c: &Call<'_>) -> Outs {
    let mut out = rules::same(c)?;
    out.push(out[0].clone());
    Ok(out)
}
