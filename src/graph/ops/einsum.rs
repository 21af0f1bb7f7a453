//! `Einsum`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one, walk};

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
    eval: Eval::Rule(eval),
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

fn eval(c: &Args<'_>) -> Evaluated {
    let parts = c.tensors()?;
    let equation: String = c.text("equation", "").chars().filter(|x| !x.is_whitespace()).collect();
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation.as_str(), None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    if terms.len() != parts.len() {
        return Err(format!("the equation has {} terms, and the node {} inputs", terms.len(), parts.len()));
    }
    // Dimensions of an ellipsis are named by numbers, from the last one on.
    let named = |term: &str, rank: usize| -> Vec<char> {
        let letters = term.chars().filter(char::is_ascii_alphabetic).count();
        let hidden = (0..rank.saturating_sub(letters) as u32).rev().filter_map(char::from_u32);
        match term.split_once("...") {
            Some((before, behind)) => before.chars().chain(hidden).chain(behind.chars()).collect(),
            None => term.chars().collect(),
        }
    };
    let mut sizes: std::collections::BTreeMap<char, usize> = std::collections::BTreeMap::new();
    let names: Vec<Vec<char>> = terms.iter().zip(&parts).map(|(t, p)| named(t, p.rank())).collect();
    for (names, t) in names.iter().zip(&parts) {
        if names.len() != t.rank() {
            return Err(format!("the equation {equation:?} does not fit an input of {:?}", t.dims));
        }
        for (name, n) in names.iter().zip(&t.dims) {
            let known = sizes.entry(*name).or_insert(*n);
            if *known == 1 {
                *known = *n;
            }
            if *known != *n && *n != 1 {
                return Err(format!("dimension {name:?} of the equation is {known} and {n}"));
            }
        }
    }
    let hidden: Vec<char> = sizes.keys().copied().filter(|n| !n.is_ascii_alphabetic()).rev().collect();
    let out: Vec<char> = match right {
        Some(right) => match right.split_once("...") {
            Some((before, behind)) => before.chars().chain(hidden).chain(behind.chars()).collect(),
            None => right.chars().collect(),
        },
        None => {
            let once = |n: &char| n.is_ascii_alphabetic() && left.chars().filter(|x| x == n).count() == 1;
            hidden.into_iter().chain(sizes.keys().copied().filter(once)).collect()
        }
    };
    if let Some(name) = out.iter().find(|n| !sizes.contains_key(n)) {
        return Err(format!("dimension {name:?} of the result is in no term"));
    }
    let summed: Vec<char> = sizes.keys().copied().filter(|n| !out.contains(n)).collect();
    let all: Vec<char> = out.iter().chain(&summed).copied().collect();
    let of = |names: &[char]| names.iter().map(|n| sizes[n]).collect::<Vec<usize>>();
    let (dims, inner, wide) = (of(&out), of(&summed), of(&all));
    let n = c.count(&dims)?;
    let each = c.count(&inner)?;
    let steps = |names: &[char], t: &Tensor| -> Vec<isize> {
        let own = walk::strides(&t.dims);
        let step = |n: &char| {
            names.iter().zip(&t.dims).zip(&own).filter(|((m, d), _)| *m == n && **d != 1).map(|(_, s)| *s).sum()
        };
        all.iter().map(step).collect()
    };
    let mut places: Vec<walk::Places> =
        names.iter().zip(&parts).map(|(names, t)| walk::Places::new(&wide, steps(names, t), 0)).collect();
    let values: Vec<Vec<f64>> = parts.iter().map(|t| t.to_numbers()).collect::<Result<_, _>>()?;
    let mut result = Vec::with_capacity(n);
    for at in 0..n {
        if at % 1024 == 0 {
            c.going()?;
        }
        let mut sum = 0.0;
        for _ in 0..each {
            sum += values.iter().zip(&mut places).map(|(v, p)| p.next().map_or(0.0, |i| v[i])).product::<f64>();
        }
        result.push(sum);
    }
    one(Tensor::numbers(parts[0].elem, dims, result))
}
