//! Removes layers from a model with the names and the configuration of Hugging Face.
//!
//! `config.json` gets the new number of layers, and its lists with a value or a number for each layer follow. Test with
//! `cargo test prune_layers`.

use super::{kept_layers, several_stacks};
use crate::arch::{LAYER_COUNT_KEYS, layer_span};
use crate::model::{Model, ModelError, Result, Sidecar, Warning, python_json};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

const CONFIG: &str = "config.json";

/// Lists in `config.json` with a value for each layer (`configuration_*.py` of transformers 4.57).
const PER_LAYER: &[&str] =
    &["layer_types", "attention_layers", "no_rope_layers", "layers_block_type", "mlp_layer_types"];

/// Lists of layer numbers.
const NUMBERS: &[&str] = &["mlp_only_layers", "cross_attention_layers", "global_attn_layers"];

/// How many layers from the first on are of another kind.
const LEADING: &[&str] = &["first_k_dense_replace", "max_window_layers"];

/// Every how many layers another kind comes: removing a layer moves the ones behind it out of step.
const PERIODS: &[&str] = &[
    "sliding_window_pattern",
    "_sliding_window_pattern",
    "full_attention_interval",
    "decoder_sparse_step",
    "moe_layer_freq",
    "interleave_moe_layer_step",
    "attn_layer_period",
    "expert_layer_period",
    "no_rope_layer_interval",
    "global_attn_every_n_layers",
    "attn_every_n_layers",
];

/// Lists of other forms that describe layers.
const OTHER_LISTS: &[&str] = &["attention_types", "attn_layer_indices", "layer_block_map", "layers_per_block"];

/// Architectures whose runtimes derive the kind of attention from the layer's number, with or without a key that says so.
const ALTERNATING: &[&str] = &["gemma2", "gemma3", "gemma3_text", "cohere2"];

/// Removes `layers`; tensors are those of the source under new names.
pub(super) fn prune_layers(model: &Model, layers: &BTreeSet<u32>) -> Result<(Model, BTreeMap<u32, u32>, Vec<Warning>)> {
    let mut stack: Option<&str> = None;
    let mut there = BTreeSet::new();
    for t in &model.tensors {
        let Some((layer, digits)) = layer_span(&t.name) else { continue };
        let before = t.name.as_str().get(..digits.start).unwrap_or_default();
        if *stack.get_or_insert(before) != before {
            return Err(several_stacks(&t.name));
        }
        there.insert(layer);
    }
    let kept = kept_layers(&there, layers)?;
    let new: BTreeMap<u32, u32> = kept.iter().map(|(new, old)| (*old, *new)).collect();
    let mut pruned = model.clone();
    pruned.tensors = Vec::with_capacity(model.tensors.len());
    for t in &model.tensors {
        match layer_span(&t.name) {
            None => pruned.tensors.push(t.clone()),
            Some((layer, digits)) => {
                let Some(number) = new.get(&layer) else { continue };
                let mut name = t.name.as_str().to_owned();
                name.replace_range(digits, &number.to_string());
                pruned.tensors.push(t.renamed(name));
            }
        }
    }
    let mut warnings = Vec::new();
    if let Some(config) = model.sidecars.read(CONFIG)? {
        let mut outcome = Ok(());
        let edited =
            python_json::edit(&config, |config| outcome = follow(config, &there, layers, &kept, &mut warnings));
        outcome?;
        let bytes = edited.map_err(|e| ModelError::bad(format!("not valid JSON: {e}")).field(CONFIG))?;
        pruned.sidecars.0.insert(CONFIG.to_owned(), Sidecar::Bytes(bytes));
    }
    crate::arch::identify(&mut pruned);
    Ok((pruned, kept, warnings))
}

/// Makes a configuration say what is left. Models of several parts keep that of the language model in `text_config`.
fn follow(
    config: &mut Value,
    there: &BTreeSet<u32>,
    layers: &BTreeSet<u32>,
    kept: &BTreeMap<u32, u32>,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let Value::Object(root) = config else { return Ok(()) };
    let counted = |map: &Map<String, Value>| LAYER_COUNT_KEYS.iter().any(|k| map.contains_key(*k));
    let inner = !counted(root) && root.get("text_config").and_then(Value::as_object).is_some_and(counted);
    let map = match root.get_mut("text_config") {
        Some(Value::Object(text)) if inner => text,
        _ => root,
    };
    let declared = LAYER_COUNT_KEYS.iter().find_map(|k| map.get(*k)?.as_u64());
    if let Some(n) = declared.filter(|n| *n != there.len() as u64) {
        let what = format!("it says that there are {n} layers, and the tensors have {}", there.len());
        return Err(ModelError::bad(what).field(CONFIG).with_hint("Keep all layers of this model."));
    }
    let left = Value::from(kept.len());
    match LAYER_COUNT_KEYS.iter().filter(|k| map.contains_key(**k)).collect::<Vec<_>>().as_slice() {
        [] => drop(map.insert("num_hidden_layers".to_owned(), left)),
        keys => keys.iter().for_each(|k| drop(map.insert((**k).to_owned(), left.clone()))),
    }
    let shifts = kept.iter().any(|(now, before)| now != before);
    if shifts {
        check_kinds(map)?;
    }
    let mut kinds = BTreeSet::new();
    for key in PER_LAYER {
        let Some(Value::Array(values)) = map.get_mut(*key) else { continue };
        if values.len() != there.len() {
            continue;
        }
        kinds.extend(values.iter().map(Value::to_string));
        let old = std::mem::take(values).into_iter().zip(there);
        *values = old.filter(|(_, n)| !layers.contains(n)).map(|(v, _)| v).collect();
    }
    for key in NUMBERS {
        let Some(Value::Array(values)) = map.get_mut(*key) else { continue };
        let old: Vec<u64> = values.iter().filter_map(Value::as_u64).collect();
        *values = kept.iter().filter(|(_, o)| old.contains(&u64::from(**o))).map(|(n, _)| Value::from(*n)).collect();
    }
    for key in LEADING {
        let Some(n) = map.get(*key).and_then(Value::as_u64) else { continue };
        let gone = layers.iter().filter(|l| u64::from(**l) < n).count() as u64;
        map.insert((*key).to_owned(), Value::from(n - gone));
    }
    let alternating = map.get("model_type").and_then(Value::as_str).is_some_and(|t| ALTERNATING.contains(&t));
    if shifts && (kinds.len() > 1 || alternating) {
        warnings.push(super::kinds_by_number());
    }
    Ok(())
}

/// Refuses configurations that decide the kind of a layer by its number in a way that does not follow when layers move up.
fn check_kinds(map: &Map<String, Value>) -> Result<()> {
    let listed = map.contains_key("layer_types");
    let attention = |key: &str| key.contains("sliding") || key.contains("attention") || key.contains("rope");
    let period = PERIODS.iter().find(|k| {
        let counts = map.get(**k).and_then(Value::as_u64).is_some_and(|n| n > 1);
        counts && !(listed && attention(k))
    });
    if let Some(key) = period.or_else(|| OTHER_LISTS.iter().find(|k| map.contains_key(**k))) {
        let what = format!("`{key}` decides the kind of a layer by its number, and layers would move up");
        let hint = "Remove only the last layers of this model.";
        return Err(ModelError::unsupported(what).field(CONFIG).with_hint(hint));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::{DType, Shape};
    use crate::transform::llama_quantize::golden_tests::fake_model;

    fn model(names: &[&str], config: &str) -> Model {
        let tensors = names.iter().map(|n| ((*n).to_owned(), DType::F32.into(), Shape::from([4]))).collect();
        let mut model = fake_model(crate::model::Metadata::new(), tensors);
        model.sidecars.0.insert(CONFIG.to_owned(), Sidecar::Bytes(config.as_bytes().to_vec()));
        model
    }

    fn set(layers: &[u32]) -> BTreeSet<u32> {
        layers.iter().copied().collect()
    }

    const NAMES: &[&str] = &[
        "model.embed_tokens.weight",
        "model.layers.0.mlp.experts.3.w1.weight",
        "model.layers.1.self_attn.q_proj.weight",
        "model.layers.2.self_attn.q_proj.weight",
    ];

    #[test]
    fn names_and_configuration_follow() {
        let config = r#"{"num_hidden_layers": 3, "layer_types": ["a", "b", "a"], "mlp_only_layers": [0, 2], "max_window_layers": 2}"#;
        let (pruned, _, warnings) = prune_layers(&model(NAMES, config), &set(&[1])).unwrap();
        let names: Vec<&str> = pruned.tensors.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, [NAMES[0], NAMES[1], "model.layers.1.self_attn.q_proj.weight"]);
        let config = pruned.config().unwrap();
        let expected = serde_json::json!({"num_hidden_layers": 2, "layer_types": ["a", "a"], "mlp_only_layers": [0, 1], "max_window_layers": 1});
        assert_eq!(config, expected);
        assert_eq!(pruned.tensors[2].layer(), Some(1));
        assert!(pruned.network.is_none_or(|n| n.layers == Some(2)));
        assert_eq!(warnings.iter().map(|w| w.code.as_str()).collect::<Vec<_>>(), ["prune.layer-kinds"]);
    }

    #[test]
    fn what_cannot_be_left_out_is_refused() {
        let config = r#"{"n_layer": 3}"#;
        for (layers, part) in [(&[3][..], "no layer 3; its layers are 0 to 2"), (&[0, 1, 2], "no layer would be left")]
        {
            let e = prune_layers(&model(NAMES, config), &set(layers)).unwrap_err();
            assert!(e.to_string().contains(part) && e.hint().is_some(), "{e}");
        }
        let e = prune_layers(&model(NAMES, r#"{"n_layer": 4}"#), &set(&[0])).unwrap_err();
        assert!(e.to_string().contains("4 layers, and the tensors have 3"), "{e}");
        let e = prune_layers(&model(NAMES, r#"{"n_layer": 3, "decoder_sparse_step": 2}"#), &set(&[0])).unwrap_err();
        assert!(e.to_string().contains("decoder_sparse_step"), "{e}");
        prune_layers(&model(NAMES, r#"{"n_layer": 3, "decoder_sparse_step": 2}"#), &set(&[2])).unwrap();
        let two = ["encoder.block.0.layer.0.SelfAttention.q.weight", "decoder.block.0.layer.0.SelfAttention.q.weight"];
        assert!(prune_layers(&model(&two, config), &set(&[0])).is_err());
    }
}
