//! How far apart the outputs of two graphs may be, by the types that the graphs compute with.

use crate::graph::{AttrValue, Elem, Graph, Node};
use std::fmt;

/// What a graph computes with; the coarsest type that is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    Single,
    Half,
    Brain,
    /// Integers of 8 or 16 bits, or floats of 8.
    Eight,
    /// Fewer bits.
    Few,
}

/// When two outputs are near enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tolerance {
    /// The largest difference is at most this share of the largest number of the output.
    Relative(f64),
    /// The cosine similarity is at least this: outputs of quantized graphs differ in every number.
    Cosine(f64),
}

/// Operators of quantized graphs.
const QUANTIZED: [&str; 7] = [
    "QuantizeLinear",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "MatMulInteger",
    "ConvInteger",
    "MatMulNBits",
    "GatherBlockQuantized",
];

impl Tolerance {
    /// That of the coarser one of two graphs.
    ///
    /// The shares were measured on tiny models: what transformers loses in f16 is at most 3.1e-3 of the largest logit, in bf16 mostly below
    /// 3e-2, and exports in f32 differ by at most 1.6e-5. The cosine of 8 bits is what MiniLM keeps with scales for each channel.
    pub(crate) fn of(a: &Graph, b: &Graph) -> Self {
        match precision(a).max(precision(b)) {
            Precision::Single => Self::Relative(1e-4),
            Precision::Half => Self::Relative(5e-3),
            Precision::Brain => Self::Relative(3e-2),
            Precision::Eight => Self::Cosine(0.99),
            Precision::Few => Self::Cosine(0.95),
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relative(share) => write!(f, "max error at most {share:e} of the largest number"),
            Self::Cosine(least) => write!(f, "cosine at least {least}"),
        }
    }
}

fn precision(graph: &Graph) -> Precision {
    let mut worst = Precision::Single;
    let mut see = |elem: Elem, quantized: bool| {
        let found = match elem {
            Elem::F16 => Precision::Half,
            Elem::BF16 => Precision::Brain,
            // Integers are weights only in graphs that quantize; elsewhere they are indices and truth values.
            e if quantized && e.bits() < 8 && e.bits() > 0 => Precision::Few,
            e if e.is_float() && e.bits() < 8 => Precision::Few,
            e if e.is_float() && e.bits() == 8 => Precision::Eight,
            _ => return,
        };
        worst = worst.max(found);
    };
    let bodies = || std::iter::once(graph).chain(graph.functions.iter().map(|f| &f.body));
    let quantized = bodies().flat_map(|g| g.nodes.iter()).any(|(_, n)| is_quantized(n));
    graph.constants().for_each(|c| see(c.elem, quantized));
    for (_, node) in bodies().flat_map(|g| g.nodes.iter()) {
        if let ("Cast", Some(AttrValue::Int(code))) = (&*node.op, node.attribute("to")) {
            Elem::from_code(*code).into_iter().for_each(|e| see(e, quantized));
        }
        // The weights of these are packed bytes.
        if let Some(AttrValue::Int(bits)) = node.attribute("bits").filter(|_| is_quantized(node)) {
            see(if *bits < 8 { Elem::U4 } else { Elem::U8 }, true);
        }
    }
    if quantized { worst.max(Precision::Eight) } else { worst }
}

fn is_quantized(node: &Node) -> bool {
    QUANTIZED.contains(&&*node.op) || node.op.starts_with("QLinear") || node.op.starts_with("QGemm")
}
