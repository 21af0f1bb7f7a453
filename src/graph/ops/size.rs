//! `Size`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Eval, Tensor, one};

/// Schemas: ONNX 1.23, `Size`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Size",
    versions: &[
        Version {
            since: 1,
            inputs: "data: T",
            outputs: "size: T1",
            types: "T = ALL; T1 = i64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T",
            outputs: "size: T1",
            types: "T = ALL16; T1 = i64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "data: T",
            outputs: "size: T1",
            types: "T = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz; T1 = i64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "data: T",
            outputs: "size: T1",
            types: "T = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4; T1 = i64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "data: T",
            outputs: "size: T1",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4; T1 = i64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "data: T",
            outputs: "size: T1",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 u4; T1 = i64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "data: T",
            outputs: "size: T1",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 u2 u4; T1 = i64",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| one(Tensor::longs([], vec![c.tensor(0)?.len() as i64]))),
};

fn infer(c: &Call<'_>) -> Outs {
    Ok(vec![Out::shape(Vec::new()).with_ints(c.shape(0).map(|s| vec![Dim::product(s)]))])
}
