//! ResNets: pixels to classes or to the last feature map. Batch norms stay nodes with the parameters of the checkpoint; runtimes fold them.

use super::spec::wrong;
use super::vit::pixels;
use super::weights::Weights;
use super::{Built, Job};
use crate::arch::config::Config;
use crate::graph::make::Maker;
use crate::graph::{AttrValue, Dim, Elem, ValueId};
use crate::model::Result;
use serde_json::{Value, json};

/// Layers of a stage beyond this are those of a damaged file.
const MOST_LAYERS: u64 = 1024;

/// The graph of a ResNet.
///
/// # Errors
/// Heads and activations that no graph is built for; weights that are missing or do not fit.
pub(super) fn build(job: &mut Job<'_>) -> Result<Built> {
    let config = config(job);
    let flag = |key: &str| config.peek(key).and_then(Value::as_bool) == Some(true);
    let classes = match job.class {
        "ResNetForImageClassification" => !job.options.features,
        "ResNetModel" => false,
        _ if job.options.features => false,
        class => return Err(job.unsupported("architectures", format!("no graph is built for the head of {class}"))),
    };
    if config.peek("hidden_act").and_then(Value::as_str) != Some("relu") {
        return Err(job.unsupported("hidden_act", "no graph is built with an activation other than relu"));
    }
    let bottleneck = match config.peek("layer_type").and_then(Value::as_str) {
        Some("bottleneck") => true,
        Some("basic") => false,
        _ => return Err(job.unsupported("layer_type", "no graph is built for layers other than basic and bottleneck")),
    };
    let depths: Option<Vec<u64>> =
        config.peek("depths").and_then(Value::as_array).and_then(|d| d.iter().map(Value::as_u64).collect());
    let depths = depths.filter(|d| !d.is_empty() && d.iter().all(|n| (1..=MOST_LAYERS).contains(n)));
    let depths = depths.ok_or_else(|| wrong("depths", "not a list of numbers of layers"))?;
    let own = |name: &str| Some(name.strip_prefix("resnet.").unwrap_or(name).to_owned());
    let mut w = Weights::of_names(job.model, None, own);
    let mut m = job.maker();
    let images = pixels(&mut m);
    let mut x = convolution(&mut m, &mut w, images, "embedder.embedder", 2, true)?;
    x = m.at("resnet/embedder/pooler", |m| {
        let all = |n: i64, count: usize| AttrValue::Ints(vec![n; count]);
        m.op("MaxPool", &[x], &[("kernel_shape", all(3, 2)), ("strides", all(2, 2)), ("pads", all(1, 4))])
    });
    for (stage, depth) in depths.iter().enumerate() {
        for layer in 0..*depth {
            let reduces = layer == 0 && (stage > 0 || flag("downsample_in_first_stage"));
            let stride = if reduces { 2 } else { 1 };
            let strides: &[i64] = match (bottleneck, flag("downsample_in_bottleneck")) {
                (false, _) => &[stride, 1],
                (true, true) => &[stride, 1, 1],
                (true, false) => &[1, stride, 1],
            };
            x = block(&mut m, &mut w, x, &format!("encoder.stages.{stage}.layers.{layer}"), strides, stride)?;
        }
    }
    if classes {
        let pooled = m.at("resnet/pooler", |m| m.op("GlobalAveragePool", &[x], &[]));
        let flat = m.at("classifier", |m| m.op("Flatten", &[pooled], &[]));
        let logits = super::parts::linear(&mut m, &mut w, flat, "classifier.1")?;
        let labels = w.shape("classifier.1.weight")?.first().copied().unwrap_or(0);
        m.output("logits", logits, Elem::F32, &[Dim::symbol("batch_size"), Dim::from(labels)]);
    } else {
        let last = format!("encoder.stages.{}.layers.0.layer.{}", depths.len() - 1, if bottleneck { 2 } else { 1 });
        let channels = w.shape(&format!("{last}.convolution.weight"))?.first().copied().unwrap_or(0);
        let shape = [Dim::symbol("batch_size"), Dim::from(channels), Dim::Unknown, Dim::Unknown];
        m.output("last_hidden_state", x, Elem::F32, &shape);
    }
    job.finish(m, w)
}

/// With the defaults of the class.
fn config(job: &Job<'_>) -> Config {
    let mut config = Config::new(job.root.as_object().unwrap_or(&serde_json::Map::new()));
    config.default("depths", json!([3, 4, 6, 3]));
    config.default("layer_type", json!("bottleneck"));
    config.default("hidden_act", json!("relu"));
    config
}

/// One layer: convolutions with these strides beside a shortcut, which is a convolution where the size changes.
fn block(m: &mut Maker, w: &mut Weights, x: ValueId, key: &str, strides: &[i64], stride: i64) -> Result<ValueId> {
    let mut y = x;
    for (i, stride) in strides.iter().enumerate() {
        let last = i + 1 == strides.len();
        y = convolution(m, w, y, &format!("{key}.layer.{i}"), *stride, !last)?;
    }
    let shortcut = format!("{key}.shortcut");
    let x = match w.has(&format!("{shortcut}.convolution.weight")) {
        true => convolution(m, w, x, &shortcut, stride, false)?,
        false => x,
    };
    let scope = super::weights::module_path(key);
    Ok(m.at(&format!("resnet/{scope}"), |m| {
        let sum = m.op("Add", &[y, x], &[]);
        m.op("Relu", &[sum], &[])
    }))
}

/// A convolution with a batch norm and, if asked, a rectifier.
fn convolution(m: &mut Maker, w: &mut Weights, x: ValueId, key: &str, stride: i64, relu: bool) -> Result<ValueId> {
    let weight = format!("{key}.convolution.weight");
    let kernel: Vec<i64> = w.shape(&weight)?.iter().skip(2).map(|n| *n as i64).collect();
    let [height, width] = kernel[..] else {
        return Err(wrong(&weight, "the weight of a convolution does not have four dimensions"));
    };
    let scope = super::parts::around(w, &weight)?;
    m.at(&scope, |m| {
        let attributes = [
            ("kernel_shape", AttrValue::Ints(kernel)),
            ("pads", AttrValue::Ints(vec![height / 2, width / 2, height / 2, width / 2])),
            ("strides", AttrValue::Ints(vec![stride, stride])),
        ];
        let weight = w.plain(m, &weight)?;
        let x = m.within("convolution", |m| m.op("Conv", &[x, weight], &attributes));
        let mut inputs = vec![x];
        for part in ["weight", "bias", "running_mean", "running_var"] {
            inputs.push(w.plain(m, &format!("{key}.normalization.{part}"))?);
        }
        // PyTorch's default, which the class uses.
        let epsilon = [("epsilon", AttrValue::Float(1e-5))];
        let x = m.within("normalization", |m| m.op("BatchNormalization", &inputs, &epsilon));
        Ok(if relu { m.op("Relu", &[x], &[]) } else { x })
    })
}
