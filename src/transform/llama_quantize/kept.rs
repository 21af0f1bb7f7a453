//! Tensors that are never quantized (`tensor_allows_quantization`): they keep their encoding.

use crate::model::TensorEntry;

/// Parts of names of tensors that keep their encoding, and why.
const PARTS: &[(&str, &str)] = &[
    ("_norm.weight", "norms are not quantized"),
    ("ffn_gate_inp.weight", "the expert router is not quantized"),
    ("ffn_gate_tid2eid.weight", "a table of expert numbers"),
    ("altup", SMALL),
    ("laurel", SMALL),
    ("per_layer_model_proj", SMALL),
    ("ssm_conv1d", SMALL),
    ("shortconv.conv.weight", SMALL),
    ("indexer.k_proj.weight", SMALL),
    ("indexer.q_proj.weight", SMALL),
    ("time_mix_first.weight", SMALL),
    ("time_mix_w0.weight", SMALL),
    ("time_mix_w1.weight", SMALL),
    ("time_mix_w2.weight", SMALL),
    ("time_mix_v0.weight", SMALL),
    ("time_mix_v1.weight", SMALL),
    ("time_mix_v2.weight", SMALL),
    ("time_mix_a0.weight", SMALL),
    ("time_mix_a1.weight", SMALL),
    ("time_mix_a2.weight", SMALL),
    ("time_mix_g1.weight", SMALL),
    ("time_mix_g2.weight", SMALL),
    ("time_mix_decay_w1.weight", SMALL),
    ("time_mix_decay_w2.weight", SMALL),
    ("time_mix_lerp_fused.weight", SMALL),
    ("attn_rel_b.weight", POSITION),
    (".position_embd", POSITION),
    ("sam.pos_embd", POSITION),
    (".rel_pos", POSITION),
    ("sam.neck.", IMAGE),
    ("sam.net_", IMAGE),
    (".patch_embd", IMAGE),
    (".patch_merger", IMAGE),
    ("a.rvq.codebook", CODEBOOK),
    ("mm.a.code_embd", CODEBOOK),
];

/// The same for the architecture `glm5-next`.
const GLM5_NEXT: &[&str] = &[
    "hc_",
    "indexer.attn_q_b",
    "indexer.attn_k",
    "indexer.proj",
    "indexer_compressor_gate",
    "indexer_compressor_ape",
    "ssm_f_a.weight",
    "ssm_f_b.weight",
    "ssm_g_a.weight",
    "ssm_g_b.weight",
    "ssm_beta.weight",
    "attn_kv_a_mqa.weight",
    "attn_k_b.weight",
    "attn_v_b.weight",
];

/// Why a vector keeps its values.
pub(crate) const VECTORS: &str = "vectors are not quantized";
const SMALL: &str = "small and sensitive";
const POSITION: &str = "positions are not quantized";
const IMAGE: &str = "image input layers are not quantized";
const CODEBOOK: &str = "audio codebooks are not quantized";

/// True if llama-quantize may give this tensor of a network of architecture `arch` another type.
pub(crate) fn may_quantize(tensor: &TensorEntry, arch: &str) -> bool {
    reason(tensor, arch, false).is_none()
}

/// Why this tensor keeps its encoding; `None` if it may be quantized.
pub(super) fn reason(tensor: &TensorEntry, arch: &str, leave_output: bool) -> Option<&'static str> {
    let name = tensor.name.as_str();
    // ggml counts dimensions up to the last (outermost) one above 1; a [1, n] tensor is a vector.
    let rank = tensor.shape.0.iter().position(|&d| d > 1).map_or(1, |i| tensor.shape.rank() - i);
    if rank < 2 {
        return Some(VECTORS);
    }
    if !name.ends_with("weight") {
        return Some("not a weight");
    }
    if matches!(name, "position_embd.weight" | "token_types.weight") {
        return Some(POSITION);
    }
    if leave_output && name == "output.weight" {
        return Some("the output is not quantized");
    }
    if arch == "glm5-next" && GLM5_NEXT.iter().any(|part| name.contains(part)) {
        return Some(SMALL);
    }
    PARTS.iter().find(|(part, _)| name.contains(part)).map(|&(_, why)| why)
}
