//! The types that a budget may give to a tensor, and which tensors must have the same one.

use crate::model::{TensorEntry, TensorKind};
use crate::quant::{BlockType as B, Encoding};
use crate::tensor::DType;
use crate::transform::NEED_IMATRIX;

/// Block formats for rows of whole super-blocks, smallest first. Of formats of one size the better one is found by
/// measuring; those that are never better than their neighbours (Q4_0, Q5_0, …) are left out, which also keeps to the
/// formats that every backend computes fast.
const SUPER_BLOCKS: [B; 8] = [B::Q2_K, B::Q3_K, B::IQ3_S, B::IQ4_XS, B::Q4_K, B::Q5_K, B::Q6_K, B::Q8_0];

/// Block formats for rows that are not multiples of 256, smallest first.
const SMALL_BLOCKS: [B; 6] = [B::IQ4_NL, B::Q4_0, B::Q4_1, B::Q5_0, B::Q5_1, B::Q8_0];

/// Fewest bits of the output matrix, and of an embedding that is the output too: its error goes straight into every logit.
const OUTPUT_FLOOR: f64 = 4.25;

/// Fewest bits of an embedding: its error is in every layer above.
const EMBEDDING_FLOOR: f64 = 2.6;

/// What decides which types a tensor may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidates<'a> {
    /// Elements of a row.
    pub cols: u64,
    /// The type it has in the source, when GGUF can hold it.
    pub source: Encoding,
    /// The importance matrix covers it.
    pub importance: bool,
    /// It is the output matrix, or the embedding of a model whose output is tied to it.
    pub output: bool,
    /// It is an embedding.
    pub embedding: bool,
    /// The only types that the user allows; empty: all.
    pub only: &'a [Encoding],
}

impl Candidates<'_> {
    /// The types, smallest first.
    pub(crate) fn types(&self) -> Vec<Encoding> {
        let floor = if self.output {
            OUTPUT_FLOOR
        } else if self.embedding {
            EMBEDDING_FLOOR
        } else {
            0.0
        };
        let blocks: Vec<B> = match self.cols.is_multiple_of(256) {
            true => NEED_IMATRIX.into_iter().filter(|_| self.importance).chain(SUPER_BLOCKS).collect(),
            false => SMALL_BLOCKS.to_vec(),
        };
        let named = self.only.iter().copied().filter(|e| matches!(e, Encoding::Block(_)));
        let named = named.filter(|e| self.importance || !matches!(e, Encoding::Block(b) if NEED_IMATRIX.contains(b)));
        let mut all: Vec<Encoding> =
            if self.only.is_empty() { blocks.into_iter().map(Encoding::from).collect() } else { named.collect() };
        all.retain(|e| e.bits_per_weight() >= floor && e.row_bytes(self.cols).is_some());
        // What needs no quantizing: the source's own type, and 16 bits of a wider one.
        let plain = if matches!(self.source, Encoding::Plain(DType::BF16)) { DType::BF16 } else { DType::F16 };
        let wide = [plain.into(), self.source].into_iter().filter(|e| self.wanted(*e));
        all.extend(wide.filter(|e| e.bits_per_weight() <= self.source.bits_per_weight() || *e == plain.into()));
        all.sort_by(|a, b| a.bits_per_weight().total_cmp(&b.bits_per_weight()).then(a.cmp(b)));
        all.dedup();
        all
    }

    fn wanted(&self, e: Encoding) -> bool {
        self.only.is_empty() || self.only.contains(&e)
    }
}

/// The kind under which a tensor of this kind is one with its neighbours in the layer: runtimes compute the gate and the up
/// projection in one kernel, and queries and keys from one input, when both have the same type.
pub(crate) fn fused_with(tensor: &TensorEntry) -> &str {
    use TensorKind as K;
    match tensor.class.kind {
        Some(K::FfnGate | K::FfnUp) => "ffn_gate_up",
        Some(K::FfnGateExps | K::FfnUpExps) => "ffn_gate_up_exps",
        Some(K::FfnGateShexp | K::FfnUpShexp) => "ffn_gate_up_shexp",
        Some(K::AttnQ | K::AttnK) => "attn_qk",
        _ => tensor.kind(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cols: u64) -> Candidates<'static> {
        let source = DType::BF16.into();
        Candidates { cols, source, importance: false, output: false, embedding: false, only: &[] }
    }

    #[test]
    fn types_fit_the_rows_and_keep_to_the_floors() {
        let names = |c: Candidates<'_>| c.types().iter().map(|e| e.name()).collect::<Vec<_>>().join(" ");
        assert_eq!(names(of(512)), "Q2_K Q3_K IQ3_S IQ4_XS Q4_K Q5_K Q6_K Q8_0 bf16");
        assert_eq!(names(of(96)), "Q4_0 IQ4_NL Q4_1 Q5_0 Q5_1 Q8_0 bf16");
        assert_eq!(names(of(100)), "bf16");
        assert!(names(Candidates { importance: true, ..of(512) }).starts_with("IQ1_S IQ1_M IQ2_XXS"));
        let output = Candidates { output: true, embedding: true, importance: true, ..of(512) };
        assert!(names(output).starts_with("IQ4_XS Q4_K"));
        assert!(names(Candidates { embedding: true, importance: true, ..of(512) }).starts_with("Q2_K"));
        let only = [B::Q4_K.into(), B::Q6_K.into(), B::IQ2_XXS.into()];
        assert_eq!(names(Candidates { only: &only, ..of(512) }), "Q4_K Q6_K");
        let f32 = Candidates { source: DType::F32.into(), ..of(512) };
        assert!(names(f32).ends_with("Q8_0 f16 f32"));
        let again = Candidates { source: B::Q6_K.into(), ..of(512) };
        assert!(names(again).ends_with("Q5_K Q6_K Q8_0 f16"));
    }
}
