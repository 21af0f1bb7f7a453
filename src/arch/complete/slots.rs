//! The rules of a family as a check uses them: one slot for each tensor, whatever its spellings.

use crate::arch::family::{Dim, Family, Rule};

/// Whose names and orientation the tensors have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    HuggingFace,
    Gguf,
}

/// Rules that lead to one GGUF name: different spellings of one tensor.
pub(super) struct Slot {
    pub rules: Vec<&'static Rule>,
    /// The spelling that the checkpoint's other tensors use.
    pub spelling: &'static Rule,
}

/// Fused experts as transformers 5 stores them, without a suffix.
pub(super) const FUSED: [(&str, &[Dim]); 2] = [
    ("model.layers.{}.mlp.experts.gate_up_proj", &[Dim::Experts, Dim::DoubleExpertInner, Dim::Width]),
    ("model.layers.{}.mlp.experts.down_proj", &[Dim::Experts, Dim::Width, Dim::ExpertInner]),
];

/// The family's rules by GGUF name, in order. In GGUF there is one spelling.
pub(super) fn slots(family: &'static Family, side: Side) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for rule in family.rules.iter().copied().flatten() {
        let known = slots.iter_mut().find(|s| s.rules[0].gguf == rule.gguf);
        match known {
            Some(_) if side == Side::Gguf => {}
            Some(slot) if slot.rules.iter().any(|r| r.hf == rule.hf) => {}
            Some(slot) => slot.rules.push(rule),
            None => slots.push(Slot { rules: vec![rule], spelling: rule }),
        }
    }
    slots
}
