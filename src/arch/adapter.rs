//! Adapters: small tensors that change a base model and are not models themselves.
//!
//! Recognised by `adapter_config.json` (PEFT) and by the names that PEFT gives tensors. A full model with a leftover
//! `adapter_config.json` beside it is not an adapter.

use crate::model::{Hint, MetaValue, Model, ModelError, OptionName, Remedy};
use serde_json::Value;

/// Parts of tensor names that only PEFT's adapters have (`tuners/*/layer.py` of peft 0.17).
const PARTS: [&str; 10] = [
    "lora_A",
    "lora_B",
    "lora_embedding_A",
    "lora_embedding_B",
    "lora_magnitude_vector",
    "ia3_l",
    "base_layer",
    "modules_to_save",
    "vera_lambda_b",
    "prompt_embeddings",
];

/// The kind of adapters that ggml's script made, which are merged with an option.
const GGML_LORA: &str = "ggml LoRA";

/// Longest text shown of an adapter's configuration.
const SHOWN: usize = 120;

/// An adapter, or a model with adapters that were not merged into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Adapter {
    /// `LoRA`, or the value of `peft_type`.
    pub kind: String,
    /// The rank.
    pub rank: Option<u64>,
    /// The base model, as `adapter_config.json` names it.
    pub base: Option<String>,
    /// The base model's weights are there too.
    pub unmerged: bool,
}

impl Adapter {
    /// A short description: `LoRA, r 8, for meta-llama/Llama-3.2-1B`.
    pub(crate) fn describe(&self) -> String {
        let mut text = self.kind.clone();
        if let Some(rank) = self.rank {
            text.push_str(&format!(", r {rank}"));
        }
        if let Some(base) = &self.base {
            text.push_str(&format!(", for {base}"));
        }
        if self.unmerged {
            text.push_str(", not merged into the weights beside it");
        }
        text
    }

    /// The error that says why it is not converted, and what to do.
    pub(crate) fn refusal(&self) -> ModelError {
        let kind = &self.kind;
        let rank = self.rank.map_or_else(String::new, |r| format!(" (r {r})"));
        let base = self.base.as_ref().map_or_else(String::new, |b| format!(" for {b}"));
        let what = match self.unmerged {
            true => format!("the model holds a {kind} adapter{rank} that is not merged into its weights"),
            false => format!("this is a {kind} adapter{rank}{base}, not a model"),
        };
        if self.kind == GGML_LORA {
            let hint = Hint::from("Convert its base, and ").then(Remedy::Give("this file", OptionName::LORA)).then(".");
            return ModelError::request(what).with_hint(hint);
        }
        let load = match (&self.base, self.unmerged) {
            (Some(base), false) => format!("load {base} with peft"),
            _ => "load it with peft".to_owned(),
        };
        let hint = format!(
            "Merge it first: {load}, call `merge_and_unload()`, then `save_pretrained`, and convert the folder that makes. \
             llama.cpp's convert_lora_to_gguf.py makes a GGUF of the adapter itself; `--bare` converts its tensors alone."
        );
        ModelError::request(what).with_hint(hint)
    }
}

/// Recognises an adapter. A GGUF file says itself whether it is one.
pub(crate) fn adapter(model: &Model) -> Option<Adapter> {
    if super::early::is_lora(model) {
        let rank = model.metadata.get("ggml.lora_r").and_then(MetaValue::as_u64);
        return Some(Adapter { kind: GGML_LORA.to_owned(), rank, base: None, unmerged: false });
    }
    if model.format.has_gguf_names() {
        return None;
    }
    let config = model.sidecars.json("adapter_config.json").ok().flatten();
    let is_part = |name: &str| name.split('.').any(|p| PARTS.contains(&p) || p == "lora_E");
    let parts = model.tensors.iter().filter(|t| is_part(&t.name)).count();
    let alone = model.sidecars.has("adapter_config.json") && !model.sidecars.has("config.json");
    if parts == 0 && !alone {
        return None;
    }
    let text = |key: &str| {
        let text = config.as_ref()?.get(key)?.as_str()?;
        Some(text.chars().filter(|c| !c.is_control()).take(SHOWN).collect::<String>()).filter(|t| !t.is_empty())
    };
    let kind = match text("peft_type") {
        None => "LoRA".to_owned(),
        Some(kind) if kind.eq_ignore_ascii_case("lora") => "LoRA".to_owned(),
        Some(kind) => kind,
    };
    Some(Adapter {
        kind,
        rank: config.as_ref().and_then(|c| c.get("r")).and_then(Value::as_u64).or_else(|| rank(model)),
        base: text("base_model_name_or_path"),
        unmerged: model.tensors.iter().any(|t| t.name.split('.').any(|p| p == "base_layer")),
    })
}

/// The rank according to the tensors: the rows of an A matrix.
fn rank(model: &Model) -> Option<u64> {
    let down = model.tensors.iter().find(|t| t.shape.rank() == 2 && t.name.split('.').any(|p| p == "lora_A"))?;
    down.shape.0.first().copied()
}
