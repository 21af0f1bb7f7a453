//! Adapters of `convert-lora-to-ggml.py` (`ggla`), and the tensors of a base that they change.
//!
//! `NAME.loraA` is \[in, r\], `NAME.loraB` \[out, r\]; the base gets alpha / r · B · Aᵀ added. The script kept the rows of query and key in the
//! order of Hugging Face, while the file of the base has Meta's. llama.cpp added them as they are, which gave other heads' rows to a row; here they
//! are brought to the base's order first. Names that are GGUF's already (`llama.cpp`'s `finetune`) have that order.

use super::names::gguf_name;
use super::{FAMILY, family_of};
use crate::arch::views::interleave;
use crate::model::{MapRows, MetaValue, Model, ModelError, Name, Result, TensorEntry};
use std::sync::Arc;

/// The change of one tensor of the base.
#[derive(Clone, Debug)]
pub(crate) struct LoraPair {
    /// The tensor of the base.
    pub base: Name,
    /// \[in, r\].
    pub a: TensorEntry,
    /// \[out, r\], rows in the order of the base.
    pub b: TensorEntry,
}

/// True for such an adapter.
pub(crate) fn is_lora(model: &Model) -> bool {
    model.format.is_before_gguf() && model.metadata.get(FAMILY).and_then(MetaValue::as_str) == Some("lora")
}

/// What an adapter adds to a base: the factor, and the pairs.
///
/// # Errors
/// A model that is no adapter; tensors that the base does not have, or of other sizes.
pub(crate) fn lora(base: &Model, adapter: &Model) -> Result<(f32, Vec<LoraPair>)> {
    let number = |key: &str| match adapter.metadata.get(key) {
        Some(MetaValue::I32(n)) => Some(*n),
        _ => None,
    };
    let (Some(rank), Some(alpha)) = (number("ggml.lora_r"), number("ggml.lora_alpha")) else {
        let error = ModelError::request(format!("this is {}, not an adapter of ggml's", adapter.format));
        let hint = "It takes files of convert-lora-to-ggml.py. Merge other adapters with peft before the conversion.";
        return Err(error.in_file(&adapter.path).with_hint(hint));
    };
    let mut pairs = Vec::new();
    for a in &adapter.tensors {
        let Some(stored) = a.name.strip_suffix(".loraA") else { continue };
        let bad = |what: String| ModelError::bad(what).in_file(&adapter.path).field(a.name.as_str());
        let b = adapter.tensor(&format!("{stored}.loraB")).ok_or_else(|| bad("its .loraB is missing".to_owned()))?;
        let own = family_of(base).and_then(|f| gguf_name(f, stored)).filter(|n| base.tensor(n).is_some());
        let renamed = own.is_some();
        let name = own.unwrap_or_else(|| stored.to_owned());
        let Some(target) = base.tensor(&name) else {
            let what = format!("the base has no tensor {stored}");
            return Err(bad(what).with_hint("Give the base that the adapter was trained on."));
        };
        let fits = a.shape.0 == [target.cols(), rank as u64]
            && b.shape.0 == [target.rows(), rank as u64]
            && target.shape.rank() == 2;
        if !fits {
            let what = format!("shapes {} and {} do not fit {} of the base", a.shape, b.shape, target.shape);
            return Err(bad(what).with_hint("Give the base that the adapter was trained on."));
        }
        let heads = if name.ends_with(".attn_q.weight") {
            heads(base, "head_count")
        } else if name.ends_with(".attn_k.weight") {
            heads(base, "head_count_kv")
        } else {
            None
        };
        let rows = target.rows();
        let b = match heads.filter(|h| renamed && *h > 0 && rows.is_multiple_of(2 * h)) {
            Some(heads) => {
                let data = MapRows { inner: b.clone(), map: move |r| interleave(r, rows, heads) };
                TensorEntry { data: Arc::new(data), ..b.clone() }
            }
            None => b.clone(),
        };
        pairs.push(LoraPair { base: target.name.clone(), a: a.clone(), b });
    }
    if pairs.len() * 2 != adapter.tensors.len() {
        let what = "it has tensors that are no pairs of loraA and loraB";
        return Err(ModelError::unsupported(what).in_file(&adapter.path));
    }
    Ok((alpha as f32 / rank as f32, pairs))
}

fn heads(base: &Model, key: &str) -> Option<u64> {
    let architecture = base.metadata.get("general.architecture")?.as_str()?;
    base.metadata.get(&format!("{architecture}.attention.{key}"))?.as_u64()
}
