//! `RegexFullMatch`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one};

/// Schemas: ONNX 1.23, `RegexFullMatch`.
pub(super) static OPERATOR: Operator = Operator {
    name: "RegexFullMatch",
    versions: &[Version {
        since: 20,
        inputs: "X: T1",
        outputs: "Y: T2",
        types: "T1 = string; T2 = bool",
        attributes: "pattern: text",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let pattern = regex::Regex::new(&format!("^(?:{})$", c.text("pattern", "")))
        .map_err(|e| format!("its pattern is wrong: {e}"))?;
    let matches = |s: &[u8]| std::str::from_utf8(s).is_ok_and(|s| pattern.is_match(s));
    one(Tensor::bools(x.dims.clone(), x.to_strings()?.iter().map(|s| matches(s))))
}
