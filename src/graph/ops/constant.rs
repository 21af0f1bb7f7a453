//! `Constant`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one};
use crate::graph::{AttrValue, Dim, Elem, ints_of};

/// Schemas: ONNX 1.23, `Constant`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Constant",
    versions: &[
        Version {
            since: 1,
            inputs: "",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "value!: tensor",
            deprecated: false,
        },
        Version {
            since: 9,
            inputs: "",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "value!: tensor",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "sparse_value: sparse, value: tensor",
            deprecated: false,
        },
        Version {
            since: 12,
            inputs: "",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "sparse_value: sparse, value: tensor, value_float: float, value_floats: floats, value_int: int, value_ints: ints, value_string: text, value_strings: texts",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "sparse_value: sparse, value: tensor, value_float: float, value_floats: floats, value_int: int, value_ints: ints, value_string: text, value_strings: texts",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "",
            outputs: "output: T",
            types: "T = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz",
            attributes: "sparse_value: sparse, value: tensor, value_float: float, value_floats: floats, value_int: int, value_ints: ints, value_string: text, value_strings: texts",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "",
            outputs: "output: T",
            types: "T = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "sparse_value: sparse, value: tensor, value_float: float, value_floats: floats, value_int: int, value_ints: ints, value_string: text, value_strings: texts",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "",
            outputs: "output: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "sparse_value: sparse, value: tensor, value_float: float, value_floats: floats, value_int: int, value_ints: ints, value_string: text, value_strings: texts",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "",
            outputs: "output: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 u4",
            attributes: "sparse_value: sparse, value: tensor, value_float: float, value_floats: floats, value_int: int, value_ints: ints, value_string: text, value_strings: texts",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "",
            outputs: "output: T",
            types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 u2 u4",
            attributes: "sparse_value: sparse, value: tensor, value_float: float, value_floats: floats, value_int: int, value_ints: ints, value_string: text, value_strings: texts",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let vector = |n: usize| vec![Dim::from(n as u64)];
    let out = match c.node.attributes.iter().map(|a| (&*a.name, &a.value)).next() {
        Some(("value", AttrValue::Tensor(t))) => {
            Out::shape(t.dims.iter().map(|d| Dim::from(*d)).collect()).of(t.elem).with_ints(ints_of(t))
        }
        Some(("value_int", AttrValue::Int(n))) => {
            Out::shape(Vec::new()).of(Elem::I64).with_ints(Some(vec![Dim::Known(*n)]))
        }
        Some(("value_ints", AttrValue::Ints(n))) => {
            let ints = n.iter().map(|n| Dim::Known(*n)).collect();
            Out::shape(vector(n.len())).of(Elem::I64).with_ints(Some(ints))
        }
        Some(("value_float", AttrValue::Float(_))) => Out::shape(Vec::new()).of(Elem::F32),
        Some(("value_floats", AttrValue::Floats(n))) => Out::shape(vector(n.len())).of(Elem::F32),
        Some(("value_string", AttrValue::Str(_))) => Out::shape(Vec::new()).of(Elem::String),
        Some(("value_strings", AttrValue::Strs(n))) => Out::shape(vector(n.len())).of(Elem::String),
        Some(("sparse_value", AttrValue::Sparse(s))) => {
            Out::shape(s.dims.iter().map(|d| Dim::from(*d)).collect()).of(s.values.elem)
        }
        _ => Out::unknown(),
    };
    Ok(vec![out])
}

fn eval(c: &Args<'_>) -> Evaluated {
    if let Some(t) = c.tensor_attr("value")?.or(c.tensor_attr("sparse_value")?) {
        return one(t);
    }
    if let Some(v) = c.int_attr("value_int") {
        return one(Tensor::longs([], vec![v]));
    }
    if let Some(v) = c.list("value_ints") {
        return one(Tensor::longs([v.len()], v.to_vec()));
    }
    if let Some(v) = c.float_attr("value_float") {
        return one(Tensor::numbers(Elem::F32, [], vec![v]));
    }
    if let Some(v) = c.texts("value_strings") {
        return one(Tensor::strings([v.len()], v.to_vec()));
    }
    match c.node.attribute("value_string") {
        Some(AttrValue::Str(v)) => one(Tensor::strings([], vec![v.clone()])),
        _ => {
            let v = c.float_list("value_floats").to_vec();
            one(Tensor::floats([v.len()], v))
        }
    }
}
