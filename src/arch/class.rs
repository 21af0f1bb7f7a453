//! What `config.json` says a model is: its class, its family and how many layers it has.

use super::family::Family;
use crate::model::{ModelError, Result};
use serde_json::Value;
use std::path::Path;

/// Fields that give the number of layers.
pub(crate) const LAYER_COUNT_KEYS: [&str; 4] = ["n_layers", "num_hidden_layers", "n_layer", "num_layers"];

/// The first class of `architectures`, of the text part if that names one.
pub(crate) fn hf_class(root: &Value) -> Result<&str> {
    fn first(v: &Value) -> Option<&str> {
        v.get("architectures")?.get(0)?.as_str()
    }
    root.get("text_config").and_then(first).or_else(|| first(root)).ok_or_else(|| {
        let known = super::family::infos().iter().flat_map(|f| f.hf_classes).copied().collect::<Vec<_>>().join(", ");
        ModelError::bad("no architecture is named")
            .in_file(Path::new("config.json"))
            .field("architectures")
            .with_hint(format!("Add \"architectures\": [\"…\"] with one of: {known}."))
    })
}

/// Whether transformers would fill in this family's defaults: `model_type` names it, or is left out.
pub(crate) fn names_family(root: &Value, family: &Family) -> bool {
    root.get("model_type").and_then(Value::as_str).is_none_or(|t| family.model_types.contains(&t))
}
