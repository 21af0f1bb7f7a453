//! Vision transformers: pixels to classes or to the last hidden state.

use super::encoder::{Spec, attention, hidden};
use super::parts::{activate, around, linear, norm};
use super::text_heads::first_token;
use super::weights::Weights;
use super::{Built, Job};
use crate::arch::computation::Norm;
use crate::arch::config::Config;
use crate::graph::make::Maker;
use crate::graph::{AttrValue, Dim, Elem, ValueId};
use crate::model::Result;
use serde_json::json;

/// The input of image networks, as Optimum names its dimensions.
pub(super) fn pixels(m: &mut Maker) -> ValueId {
    let shape = ["batch_size", "num_channels", "height", "width"].map(Dim::symbol);
    m.input("pixel_values", Elem::F32, &shape)
}

/// The graph of a vision transformer. Images have the size that it was made for.
///
/// # Errors
/// Heads that no graph is built for; weights that are missing or do not fit.
pub(super) fn build(job: &mut Job<'_>) -> Result<Built> {
    let config = config(job);
    let spec = Spec::of(job, &config)?;
    let classes = match job.class {
        "ViTForImageClassification" => !job.options.features,
        "ViTModel" => false,
        _ if job.options.features => false,
        class => return Err(job.unsupported("architectures", format!("no graph is built for the head of {class}"))),
    };
    let mut w = Weights::of_names(job.model, None, |name| Some(name.strip_prefix("vit.").unwrap_or(name).to_owned()));
    let mut m = job.maker();
    let images = pixels(&mut m);
    let mut x = embeddings(&mut m, &mut w, &spec, images)?;
    for layer in 0..spec.layers {
        x = block(&mut m, &mut w, &spec, x, layer)?;
    }
    x = norm(&mut m, &mut w, x, "layernorm", Norm::Layer, spec.epsilon)?;
    if classes {
        let first = first_token(&mut m, x, "classifier");
        let logits = linear(&mut m, &mut w, first, "classifier")?;
        let labels = w.shape("classifier.weight")?.first().copied().unwrap_or(0);
        m.output("logits", logits, Elem::F32, &[Dim::symbol("batch_size"), Dim::from(labels)]);
    } else {
        let [batch, _, width] = hidden(spec.width);
        let tokens = w.shape("embeddings.position_embeddings")?.get(1).copied().unwrap_or(0);
        m.output("last_hidden_state", x, Elem::F32, &[batch, Dim::from(tokens), width]);
    }
    job.finish(m, w)
}

/// With the defaults of the class.
fn config(job: &Job<'_>) -> Config {
    let mut config = Config::new(job.root.as_object().unwrap_or(&serde_json::Map::new()));
    config.default("hidden_size", json!(768));
    config.default("num_hidden_layers", json!(12));
    config.default("num_attention_heads", json!(12));
    config.default("layer_norm_eps", json!(1e-12));
    config
}

/// Patches as vectors behind the token of the class, with their positions.
fn embeddings(m: &mut Maker, w: &mut Weights, spec: &Spec, images: ValueId) -> Result<ValueId> {
    let key = "embeddings.patch_embeddings.projection.weight";
    let scope = around(w, key)?;
    let patch: Vec<i64> = w.shape(key)?.iter().skip(2).map(|n| *n as i64).collect();
    let outer = super::weights::parent(&scope).to_owned();
    let patches = m.at(&format!("{scope}/projection"), |m| -> Result<ValueId> {
        let inputs = [images, w.plain(m, key)?, w.plain(m, "embeddings.patch_embeddings.projection.bias")?];
        let attributes = [("kernel_shape", AttrValue::Ints(patch.clone())), ("strides", AttrValue::Ints(patch))];
        Ok(m.op("Conv", &inputs, &attributes))
    })?;
    m.at(&outer, |m| {
        let width = spec.width as i64;
        let patches = m.reshape(patches, &[0, width, -1]);
        let patches = m.transpose(patches, &[0, 2, 1]);
        let range = [("start", AttrValue::Int(0)), ("end", AttrValue::Int(1))];
        let batch = m.op("Shape", &[images], &range);
        let rest = m.ints(&[1, width]);
        let shape = m.op("Concat", &[batch, rest], &[("axis", AttrValue::Int(0))]);
        let class = w.plain(m, "embeddings.cls_token")?;
        let class = m.op("Expand", &[class, shape], &[]);
        let tokens = m.op("Concat", &[class, patches], &[("axis", AttrValue::Int(1))]);
        let positions = w.plain(m, "embeddings.position_embeddings")?;
        Ok(m.op("Add", &[tokens, positions], &[]))
    })
}

/// One layer: norms before each part.
fn block(m: &mut Maker, w: &mut Weights, spec: &Spec, x: ValueId, layer: u64) -> Result<ValueId> {
    let key = |part: &str| format!("encoder.layer.{layer}.{part}");
    let scope = around(w, &key("layernorm_before.weight"))?;
    let normed = norm(m, w, x, &key("layernorm_before"), Norm::Layer, spec.epsilon)?;
    let keys = ["query", "key", "value"].map(|part| key(&format!("attention.attention.{part}")));
    let attended = attention(m, w, spec, normed, None, keys)?;
    let attended = linear(m, w, attended, &key("attention.output.dense"))?;
    let x = m.at(&scope, |m| m.op("Add", &[attended, x], &[]));
    let normed = norm(m, w, x, &key("layernorm_after"), Norm::Layer, spec.epsilon)?;
    let inner = linear(m, w, normed, &key("intermediate.dense"))?;
    let inner = m.at(&format!("{scope}/intermediate"), |m| activate(m, inner, spec.activation));
    let out = linear(m, w, inner, &key("output.dense"))?;
    Ok(m.at(&scope, |m| m.op("Add", &[out, x], &[])))
}
