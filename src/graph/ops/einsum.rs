//! `Einsum`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `Einsum`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Einsum",
    versions: &[
        Version {
            since: 12,
            inputs: "Inputs+: T",
            outputs: "Output: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
            attributes: "equation!: text",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "Inputs+: T",
            outputs: "Output: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16",
            attributes: "equation!: text",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

/// Most letters of an equation that are looked at.
const MAX_TERMS: usize = 64;

fn infer(c: &Call<'_>) -> Outs {
    let equation: String = c.text("equation", "").chars().filter(|l| !l.is_whitespace()).collect();
    // With an ellipsis the shape depends on broadcasting, and nothing is said of it.
    if equation.contains('.') || equation.len() > MAX_TERMS {
        return Ok(vec![Out::unknown()]);
    }
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right.to_owned())),
        None => (equation.as_str(), None),
    };
    let mut dims: Vec<(char, Dim)> = Vec::new();
    for (i, term) in left.split(',').enumerate() {
        let Some(shape) = c.shape(i) else { return Ok(vec![Out::unknown()]) };
        if term.chars().count() != shape.len() {
            return Err(format!("the term {term:?} for {} dimensions", shape.len()));
        }
        for (letter, dim) in term.chars().zip(shape) {
            match dims.iter_mut().find(|(l, _)| *l == letter) {
                Some((_, known)) => {
                    if known.known().is_none_or(|n| n == 1) {
                        *known = dim.clone();
                    }
                }
                None => dims.push((letter, dim.clone())),
            }
        }
    }
    // Without a right side: the letters that are there once, in order.
    let right = right.unwrap_or_else(|| {
        let mut once: Vec<char> = left.chars().filter(|l| *l != ',' && left.matches(*l).count() == 1).collect();
        once.sort_unstable();
        once.into_iter().collect()
    });
    let of = |letter: char| dims.iter().find(|(l, _)| *l == letter).map(|(_, d)| d.clone());
    let shape: Option<Vec<Dim>> = right.chars().map(of).collect();
    match shape {
        Some(shape) => Ok(vec![Out::shape(shape)]),
        None => Err(format!("the equation {equation:?} has a letter on its right side only")),
    }
}
