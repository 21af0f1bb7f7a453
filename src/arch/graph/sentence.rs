//! Embeddings of sentences: the modules that sentence-transformers runs after an encoder (`modules.json`): pooling, dense layers, a norm.

use super::decoder::batch;
use super::encoder::hidden;
use super::text_heads::first_token;
use super::weights::{Weights, as_f32};
use crate::formats;
use crate::graph::make::Maker;
use crate::graph::{AttrValue, Dim, Elem, ValueId};
use crate::model::{Model, ModelError, Result, TensorEntry};
use serde_json::Value;
use std::path::{Component, Path};

/// How the states of tokens become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pooling {
    Mean,
    First,
    Max,
}

/// What comes after the pooling.
enum After {
    /// A layer: its folder, weight, bias, and whether tanh follows.
    Dense { name: String, weight: Box<TensorEntry>, bias: Option<Box<TensorEntry>>, tanh: bool },
    /// Length one.
    Normalize,
}

/// The modules of a folder of sentence-transformers.
pub(super) struct Modules {
    pooling: Pooling,
    after: Vec<After>,
}

impl Modules {
    /// Those that `modules.json` names; `None` if there is no such file.
    ///
    /// # Errors
    /// A module or an option that no graph is built for; files that are missing.
    pub(super) fn of(model: &Model) -> Result<Option<Self>> {
        const FILE: &str = "modules.json";
        let Some(modules) = model.sidecars.json(FILE)? else { return Ok(None) };
        let unsupported = |what: String| ModelError::unsupported(what).field(FILE);
        let list = modules.as_array().ok_or_else(|| ModelError::bad("not a list of modules").field(FILE))?;
        let (mut pooling, mut after) = (None, Vec::new());
        for module in list {
            let text = |key: &str| module.get(key).and_then(Value::as_str).unwrap_or_default();
            let path = text("path");
            match text("type").rsplit('.').next().unwrap_or_default() {
                "Transformer" => {}
                "Pooling" if pooling.is_none() => pooling = Some(pooling_of(model, path)?),
                "Dense" => after.push(dense(model, path)?),
                "Normalize" => after.push(After::Normalize),
                other => return Err(unsupported(format!("no graph is built for the module {other:?}"))),
            }
        }
        let pooling = pooling.ok_or_else(|| unsupported("no graph is built without a pooling module".into()))?;
        Ok(Some(Self { pooling, after }))
    }
}

/// `config.json` of a module.
fn config_of(model: &Model, path: &str) -> Result<Value> {
    let file = format!("{path}/config.json");
    model.sidecars.json(&file)?.ok_or_else(|| {
        ModelError::bad(format!("modules.json names {file}, which is not there"))
            .with_hint("Put the module's folder back beside the model.")
    })
}

fn pooling_of(model: &Model, path: &str) -> Result<Pooling> {
    let config = config_of(model, path)?;
    let modes = [
        ("pooling_mode_mean_tokens", "mean", Pooling::Mean),
        ("pooling_mode_cls_token", "cls", Pooling::First),
        ("pooling_mode_max_tokens", "max", Pooling::Max),
    ];
    let on = |key: &str| config.get(key).and_then(Value::as_bool) == Some(true);
    let said = config.get("pooling_mode").and_then(Value::as_str);
    let chosen: Vec<Pooling> = modes.iter().filter(|(k, n, _)| on(k) || said == Some(*n)).map(|m| m.2).collect();
    let others = config.as_object().into_iter().flatten().filter(|(k, _)| k.starts_with("pooling_mode_"));
    let all = others.filter(|(k, _)| on(k)).count();
    match chosen.as_slice() {
        [one] if all <= 1 => Ok(*one),
        _ => {
            let what = "no graph is built for pooling other than one of mean, cls and max";
            Err(ModelError::unsupported(what).field(format!("{path}/config.json")))
        }
    }
}

/// A dense layer with the tensors of its own folder.
fn dense(model: &Model, path: &str) -> Result<After> {
    let config = config_of(model, path)?;
    let field = format!("{path}/config.json");
    let activation = config.get("activation_function").and_then(Value::as_str).unwrap_or("Tanh");
    let tanh = match activation.rsplit('.').next().unwrap_or_default() {
        "Tanh" => true,
        "Identity" => false,
        other => {
            let what = format!("no graph is built with the activation {other:?} of a dense layer");
            return Err(ModelError::unsupported(what).field(field));
        }
    };
    // The folder is named by a file: only a plain name below the model's folder is followed.
    let plain = Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
    let root = if model.path.is_dir() { model.path.as_path() } else { model.path.parent().unwrap_or(Path::new("")) };
    if !plain || path.is_empty() {
        return Err(ModelError::bad(format!("{path:?} is not a folder of the model")).field("modules.json"));
    }
    let tensors = formats::open(&root.join(path))?;
    let find = |end: &str| tensors.tensors.iter().find(|t| t.name.ends_with(end)).map(as_f32);
    let weight = find("linear.weight").ok_or_else(|| {
        ModelError::bad("a tensor that the network needs is missing").in_file(&root.join(path)).field("linear.weight")
    })?;
    let bias = find("linear.bias").map(Box::new);
    Ok(After::Dense { name: path.to_owned(), weight: Box::new(weight), bias, tanh })
}

/// Adds the outputs: the states of all tokens, and the embedding of the sentence.
///
/// # Errors
/// Dense layers whose weight is no matrix.
pub(super) fn finish(
    m: &mut Maker,
    w: &mut Weights,
    modules: &Modules,
    x: ValueId,
    mask: ValueId,
    width: u64,
) -> Result<()> {
    let mut embedded = width;
    let mut pooled = m.at("pooling", |m| pool(m, modules.pooling, x, mask));
    for module in &modules.after {
        match module {
            After::Normalize => {
                let attributes = [("axis", AttrValue::Int(-1)), ("p", AttrValue::Int(2))];
                pooled = m.at("normalize", |m| m.op("LpNormalization", &[pooled], &attributes));
            }
            After::Dense { name, weight, bias, tanh } => {
                embedded = weight.shape.0.first().copied().unwrap_or(0);
                pooled = m.at(name, |m| -> Result<ValueId> {
                    let matrix = w.matrix_of(m, &format!("{name}.linear.weight"), weight)?;
                    let mut out = m.op("MatMul", &[pooled, matrix], &[]);
                    if let Some(bias) = bias {
                        let bias = w.plain_of(m, &format!("{name}.linear.bias"), bias);
                        out = m.op("Add", &[out, bias], &[]);
                    }
                    Ok(if *tanh { m.op("Tanh", &[out], &[]) } else { out })
                })?;
            }
        }
    }
    m.output("token_embeddings", x, Elem::F32, &hidden(width));
    m.output("sentence_embedding", pooled, Elem::F32, &[batch(), Dim::from(embedded)]);
    Ok(())
}

fn pool(m: &mut Maker, pooling: Pooling, x: ValueId, mask: ValueId) -> ValueId {
    let axis = m.ints(&[1]);
    let dropped = [("keepdims", AttrValue::Int(0))];
    match pooling {
        Pooling::First => first_token(m, x, "pooling"),
        Pooling::Mean => {
            let real = m.cast(mask, Elem::F32);
            let real = m.unsqueeze(real, &[-1]);
            let kept = m.op("Mul", &[x, real], &[]);
            let sum = m.op("ReduceSum", &[kept, axis], &dropped);
            let count = m.op("ReduceSum", &[real, axis], &dropped);
            // As sentence-transformers does, for a sequence of padding alone.
            let least = m.float(1e-9);
            let count = m.op("Max", &[count, least], &[]);
            m.op("Div", &[sum, count], &[])
        }
        Pooling::Max => {
            let real = m.cast(mask, Elem::Bool);
            let real = m.unsqueeze(real, &[-1]);
            let lowest = m.float(-1e9);
            let kept = m.op("Where", &[real, x, lowest], &[]);
            m.op("ReduceMax", &[kept, axis], &dropped)
        }
    }
}
