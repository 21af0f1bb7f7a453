//! `StringSplit`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor};

/// Schemas: ONNX 1.23, `StringSplit`.
pub(super) static OPERATOR: Operator = Operator {
    name: "StringSplit",
    versions: &[Version {
        since: 20,
        inputs: "X: T1",
        outputs: "Y: T2, Z: T3",
        types: "T1 = string; T2 = string; T3 = i64",
        attributes: "delimiter: text, maxsplit: int",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let split = c.shape(0).map(|s| s.iter().cloned().chain([Dim::Unknown]).collect());
    Ok(vec![Out { shape: split, ..Out::default() }, rules::same(c)?.remove(0)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let (delimiter, most) = (c.text("delimiter", ""), c.int_attr("maxsplit").and_then(|n| usize::try_from(n).ok()));
    let parts = |s: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(s).into_owned();
        if !delimiter.is_empty() {
            return match most {
                Some(n) => text.splitn(n.saturating_add(1), delimiter).map(str::to_owned).collect(),
                None => text.split(delimiter).map(str::to_owned).collect(),
            };
        }
        // Runs of white space, and none at the ends.
        let (mut rest, mut found) = (text.trim(), Vec::new());
        while !rest.is_empty() {
            match rest.split_once(char::is_whitespace).filter(|_| most.is_none_or(|n| found.len() < n)) {
                Some((head, tail)) => {
                    found.push(head.to_owned());
                    rest = tail.trim_start();
                }
                None => {
                    found.push(rest.to_owned());
                    rest = "";
                }
            }
        }
        found
    };
    let split: Vec<Vec<String>> = x.to_strings()?.iter().map(|s| parts(s)).collect();
    let width = split.iter().map(Vec::len).max().unwrap_or(0);
    let dims = [x.dims.as_slice(), &[width]].concat();
    c.count(&dims)?;
    let counts = split.iter().map(|p| p.len() as i64).collect();
    let padded = split.into_iter().flat_map(|mut p| {
        p.resize(width, String::new());
        p.into_iter().map(|s| s.into_bytes().into_boxed_slice())
    });
    Ok(vec![Tensor::strings(dims, padded.collect()).into(), Tensor::longs(x.dims.clone(), counts).into()])
}
