//! `StringNormalizer`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one};

/// Schemas: ONNX 1.23, `StringNormalizer`.
pub(super) static OPERATOR: Operator = Operator {
    name: "StringNormalizer",
    versions: &[Version {
        since: 10,
        inputs: "X: string",
        outputs: "Y: string",
        types: "",
        attributes: "case_change_action: text = NONE, is_case_sensitive: int = 0, locale: text, stopwords: texts",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    // Words may be left out.
    let shape = c.shape(0).map(|s| match s {
        [batch, _] => vec![batch.clone(), Dim::Unknown],
        _ => vec![Dim::Unknown],
    });
    Ok(vec![Out { shape, ..Out::default() }])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let (action, sensitive) = (c.text("case_change_action", "NONE"), c.flag("is_case_sensitive", false));
    let changed = |s: &str| match action {
        "LOWER" => s.to_lowercase(),
        "UPPER" => s.to_uppercase(),
        _ => s.to_owned(),
    };
    let folded = |s: &str| if sensitive { s.to_owned() } else { s.to_lowercase() };
    let text = |s: &[u8]| String::from_utf8_lossy(s).into_owned();
    let stop: Vec<String> = c.texts("stopwords").unwrap_or(&[]).iter().map(|s| folded(&text(s))).collect();
    let words = x.to_strings()?.iter().map(|s| text(s)).filter(|s| !stop.contains(&folded(s)));
    let mut kept: Vec<Box<[u8]>> = words.map(|s| changed(&s).into_bytes().into_boxed_slice()).collect();
    if kept.is_empty() {
        kept.push(Box::default());
    }
    let n = kept.len();
    match x.dims.as_slice() {
        [_] => one(Tensor::strings([n], kept)),
        [1, _] => one(Tensor::strings([1, n], kept)),
        dims => Err(format!("its input has the shape {dims:?}, and should be [n] or [1, n]")),
    }
}
