//! Checkpoints as operator graphs: what exporters make by tracing PyTorch is built here from the configuration, without running anything.
//!
//! [`to_graph`] takes a model under Hugging Face names (a GGUF model is brought to them first) and gives a model with a graph, whose tensors
//! are lazy views of the checkpoint's: as f32, transposed where the graph multiplies from the left, experts stacked. How a family computes is
//! the data of `arch/computation` and its tensors are found by the rules of `arch/family`; nothing about a family is said twice.
//!
//! Inputs, outputs and dimensions have the names that Optimum gives them. The numbers are those of transformers with eager attention:
//! padding on either side, sliding windows, soft caps. Names of tensors that are not a parameter as it is stored say so (`.T` for a
//! transpose), and the properties `remold.*` of the graph say what they were made of.
//!
//! Must not know file formats. Tests: `cargo test --lib arch::graph`; `tests/peers` compares with transformers in ONNX Runtime.
#![cfg_attr(not(test), allow(dead_code, reason = "the target that writes graphs, which comes next, calls it"))]

mod block;
mod columns;
mod decoder;
mod encoder;
mod experts;
mod masks;
mod parts;
mod resnet;
mod rotation;
mod sentence;
mod spec;
mod text_heads;
mod vit;
mod weights;

#[cfg(test)]
mod tests;

use super::class::{hf_class, names_family};
use super::config::Config;
use super::family::by_class;
use super::wrapped;
use crate::graph::Graph;
use crate::graph::make::Maker;
use crate::model::{Model, ModelError, Result, Warning};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use weights::Weights;

/// What the user can choose when a checkpoint becomes a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GraphOptions {
    /// A decoder takes the keys and values of earlier tokens and gives those of all tokens, so that text is made token by token. Without it, it
    /// takes whole sequences only. No effect on other networks.
    pub past: bool,
    /// Only the last hidden state, whatever head the checkpoint has, and no pooling.
    pub features: bool,
}

impl Default for GraphOptions {
    fn default() -> Self {
        Self { past: true, features: false }
    }
}

/// Version of the core operators: the first with attention, rotary embeddings and RMS norms as operators.
const OPSET: i64 = 23;
/// The first IR version that has this opset (ONNX 1.18).
const IR_VERSION: i64 = 11;

/// The model as an operator graph. Lazy: nothing is read but configuration files.
///
/// # Errors
/// A model without `config.json`; an architecture, head or variant that has no graph; tensors that are missing or do not have the shapes that
/// the configuration needs.
pub(crate) fn to_graph(model: &Model, options: &GraphOptions) -> Result<Model> {
    let converted;
    let named = if model.format.has_gguf_names() {
        super::check_complete(model)?;
        converted = super::to_hf(model)?.model;
        &converted
    } else {
        model
    };
    build(named, options).map_err(|e| e.in_file(&model.path))
}

fn build(model: &Model, options: &GraphOptions) -> Result<Model> {
    let root = model.sidecars.json_with_words("config.json")?.filter(Value::is_object).ok_or_else(|| {
        ModelError::bad("there is no config.json next to the tensors, and names of tensors alone do not say how the network computes")
            .with_hint("Put the model's config.json into the folder of the tensors, and name the folder.")
    })?;
    if let Some(quantized) = super::quantized(model) {
        return Err(quantized.refusal());
    }
    let class = hf_class(&root)?;
    let kind = root.get("model_type").and_then(Value::as_str).unwrap_or_default();
    let mut job = Job { model, root: &root, class, kind, options, warnings: Vec::new() };
    let (graph, weights) = if let Some(encoder) = encoder::find(kind, class) {
        encoder::build(&mut job, encoder)?
    } else if kind == "vit" || class.starts_with("ViTFor") || class == "ViTModel" {
        vit::build(&mut job)?
    } else if kind == "resnet" || class.starts_with("ResNet") {
        resnet::build(&mut job)?
    } else {
        decoder(&mut job)?
    };
    let mut warnings = model.warnings.clone();
    warnings.append(&mut job.warnings);
    Ok(Model { tensors: weights, graph: Some(Arc::new(graph)), warnings, unreadable: Vec::new(), ..model.clone() })
}

/// What a builder works on.
struct Job<'a> {
    model: &'a Model,
    /// `config.json`.
    root: &'a Value,
    /// The class that it names.
    class: &'a str,
    /// Its `model_type`.
    kind: &'a str,
    options: &'a GraphOptions,
    warnings: Vec<Warning>,
}

/// A graph, and the tensors that it refers to.
type Built = (Graph, Vec<crate::model::TensorEntry>);

impl Job<'_> {
    /// An empty graph that says what it is made of.
    fn maker(&self) -> Maker {
        let mut m = Maker::new(OPSET, IR_VERSION);
        m.name("main_graph");
        m.property("remold.architecture", self.class);
        m.property("remold.model_type", self.kind);
        m
    }

    /// The graph when everything is in it.
    fn finish(&self, mut m: Maker, weights: Weights) -> Result<Built> {
        let (tensors, origins) = weights.finish();
        if !origins.is_empty() {
            m.property("remold.weights", Value::Object(origins).to_string());
        }
        let graph = m.finish().map_err(|e| {
            ModelError::bad(format!("the tensors do not fit the configuration: {e}"))
                .with_hint("Does config.json belong to these weights?")
        })?;
        Ok((graph, tensors))
    }

    /// An error about a value of `config.json` that changes what the network computes and that no graph is built for.
    fn unsupported(&self, field: &str, what: impl Into<String>) -> ModelError {
        ModelError::unsupported(what.into()).in_file(Path::new("config.json")).field(field)
    }
}

fn decoder(job: &mut Job<'_>) -> Result<Built> {
    let family = by_class(job.class).map_err(|_| unknown(job.class))?;
    let mut config = Config::new(job.root.as_object().unwrap_or(&serde_json::Map::new()));
    if names_family(job.root, family) {
        (family.defaults)(&mut config);
    }
    wrapped::refuse_unmerged(job.model)?;
    super::check_complete(job.model)?;
    let unwrapped = wrapped::without_wrappers(job.model, family, &config);
    let model = unwrapped.as_ref().map_or(job.model, |(unwrapped, _)| unwrapped);
    let spec = spec::Spec::of(job, &config, family)?;
    let weights = Weights::of_family(model, family, &config, spec.layers())?;
    let built = decoder::build(job, &spec, weights)?;
    job.warnings.extend(unwrapped.map(|(_, note)| note));
    Ok(built)
}

/// The error for a class that no graph is built for.
fn unknown(class: &str) -> ModelError {
    let decoders = super::supported().iter().flat_map(|f| f.hf_classes.iter().copied());
    let decoders: Vec<&str> = decoders.filter(|c| c.ends_with("ForCausalLM") || c.ends_with("LMHeadModel")).collect();
    let near = super::family::nearest::class(class).map_or(String::new(), |c| format!("The nearest one is {c}. "));
    let encoders: Vec<&str> = encoder::KINDS.iter().map(|e| e.kind).collect();
    let hint = format!(
        "{near}Graphs are built for {}, and for models of the types {}, vit and resnet.",
        decoders.join(", "),
        encoders.join(", ")
    );
    ModelError::unsupported(format!("no graph can be built for the architecture {class}")).with_hint(hint)
}
