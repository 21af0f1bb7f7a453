//! Schemas of operators: what each version takes and gives. They are written as short texts, which are data, and parsed when they are used.
//!
//! Inputs and outputs: `X: T, B?: T, more+: T, any~*: V`. `?` marks an optional one; `+` and `*` any number of them, at least one or none; `~` that
//! their types may differ. Types: `T = f16 f32; I = i32 i64`; a name that is not listed is a type itself. Attributes: `axis: int = 0, mode!: text`; `!`
//! marks one that must be given.

use crate::graph::Elem;
use crate::graph::eval::Eval;

/// An operator.
pub(crate) struct Operator {
    /// Its name in the core domain.
    pub name: &'static str,
    /// Its versions, the oldest first.
    pub versions: &'static [Version],
    /// How shapes are inferred.
    pub infer: super::Infer,
    /// How it is evaluated.
    pub eval: Eval,
}

/// The schema of an operator from one version of the domain to the next one.
pub(crate) struct Version {
    /// First version of the domain.
    pub since: i64,
    /// Inputs.
    pub inputs: &'static str,
    /// Outputs.
    pub outputs: &'static str,
    /// Types that the names in inputs and outputs stand for.
    pub types: &'static str,
    /// Attributes.
    pub attributes: &'static str,
    /// Whether the operator must not be used from this version on.
    pub deprecated: bool,
}

/// A formal input or output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Formal {
    /// Its name.
    pub name: &'static str,
    /// Its type, or the name that stands for one.
    pub ty: &'static str,
    /// How many there may be.
    pub arity: Arity,
    /// Whether several have the same type.
    pub same_type: bool,
}

/// How many inputs or outputs a formal one stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arity {
    /// One.
    One,
    /// One or none.
    Optional,
    /// At least this many.
    Many(usize),
}

/// A formal attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FormalAttribute {
    /// Its name.
    pub name: &'static str,
    /// Its type, as [`FormalAttribute::TYPES`] has it.
    pub ty: &'static str,
    /// What it is if it is not given.
    pub default: Option<&'static str>,
    /// Whether it must be given.
    pub required: bool,
}

impl FormalAttribute {
    /// Names of the types, by ONNX's codes, from 1.
    pub(crate) const TYPES: [&'static str; 14] = [
        "float", "int", "text", "tensor", "graph", "floats", "ints", "texts", "tensors", "graphs", "sparse", "sparses",
        "type", "types",
    ];
}

impl Operator {
    /// The schema that is valid in a version of the domain.
    pub(crate) fn at(&self, version: i64) -> Option<&'static Version> {
        self.versions.iter().rev().find(|v| v.since <= version)
    }
}

impl Version {
    /// Inputs.
    pub(crate) fn inputs(&self) -> Vec<Formal> {
        formals(self.inputs)
    }

    /// Outputs.
    pub(crate) fn outputs(&self) -> Vec<Formal> {
        formals(self.outputs)
    }

    /// The types that a name stands for: the listed ones, or the name itself.
    pub(crate) fn types(&self, name: &'static str) -> Vec<&'static str> {
        let of = |line: &'static str| line.split_once(" = ").filter(|(n, _)| *n == name).map(|(_, types)| types);
        let listed = self.types.split("; ").find_map(of);
        let words = listed.map(|types| types.split(' ').flat_map(set).collect());
        words.unwrap_or_else(|| vec![name])
    }

    /// True for a name that stands for several types.
    pub(crate) fn is_variable(&self, name: &str) -> bool {
        self.types.split("; ").any(|line| line.split_once(" = ").is_some_and(|(n, _)| n == name))
    }

    /// Attributes.
    pub(crate) fn attributes(&self) -> Vec<FormalAttribute> {
        let one = |text: &'static str| {
            let (head, default) = match text.split_once(" = ") {
                Some((head, default)) => (head, Some(default)),
                None => (text, None),
            };
            let (name, ty) = head.split_once(": ")?;
            let (name, required) = name.strip_suffix('!').map_or((name, false), |n| (n, true));
            Some(FormalAttribute { name, ty, default, required })
        };
        self.attributes.split(", ").filter_map(one).collect()
    }
}

/// The formal input or output that the one at a place belongs to.
pub(crate) fn formal_at(formals: &[Formal], at: usize) -> Option<Formal> {
    let last = formals.last().filter(|f| matches!(f.arity, Arity::Many(_)));
    formals.get(at).or(last).copied()
}

fn formals(text: &'static str) -> Vec<Formal> {
    let one = |text: &'static str| {
        let (name, ty) = text.split_once(": ")?;
        let (name, arity) = match name.as_bytes().last()? {
            b'?' => (&name[..name.len() - 1], Arity::Optional),
            b'+' => (&name[..name.len() - 1], Arity::Many(1)),
            b'*' => (&name[..name.len() - 1], Arity::Many(0)),
            _ => (name, Arity::One),
        };
        let (name, same_type) = name.strip_suffix('~').map_or((name, true), |n| (n, false));
        Some(Formal { name, ty, arity, same_type })
    };
    text.split(", ").filter_map(one).collect()
}

/// Sets of types that many schemas have.
const SETS: [(&str, &str); 4] = [
    ("FLOATS", "f16 f32 f64"),
    ("FLOATS16", "bf16 f16 f32 f64"),
    ("ALL", "u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 string bool c64 c128"),
    ("ALL16", "u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 string bool c64 c128 bf16"),
];

fn set(word: &'static str) -> Vec<&'static str> {
    SETS.iter().find(|(name, _)| *name == word).map_or_else(|| vec![word], |(_, types)| types.split(' ').collect())
}

/// The element type of that name; `None` for sequences and the like.
pub(crate) fn elem(name: &str) -> Option<Elem> {
    Elem::ALL.iter().copied().find(|e| e.name() == name)
}
