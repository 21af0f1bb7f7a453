//! GGUF → Hugging Face, the complete conversion.

use super::back::Meta;
use super::family::{Experts, FAMILIES, Family, Op, nearest};
use super::tensors::{split_layer, split_suffix, transposed, with_layer};
use super::types::HfModel;
use super::views::{MapElems, deinterleave, shift_norm, unblocked};
use super::vocab::restore_sidecars;
use crate::model::{
    ErrorKind, MapRows, MetaValue, Metadata, Model, ModelError, Result, Sidecar, Sidecars, TensorEntry, Warning,
};
use crate::quant::Encoding;
use crate::tensor::{DType, Shape};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Tensors that are made from the configuration and go back into it.
const GENERATED: [&str; 3] = ["rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"];

/// See [`super::to_hf()`].
pub(crate) fn convert(model: &Model) -> Result<HfModel> {
    let arch = model.metadata.get("general.architecture").and_then(MetaValue::as_str).ok_or_else(|| {
        ModelError::bad("no architecture is named").in_file(&model.path).field("general.architecture")
    })?;
    let meta = Meta { arch, model };
    let family =
        FAMILIES.iter().find(|f| f.info.gguf_arch == arch && (f.claims)(&meta)).ok_or_else(|| unknown(arch))?;
    let mut config = (family.config)(&meta)?;
    config.insert("use_cache".into(), true.into());
    let mut warnings = model.warnings.clone();
    let mut sidecars = match restore_sidecars(&model.metadata) {
        Ok(sidecars) => sidecars,
        Err(e) if e.kind() == ErrorKind::Unsupported => {
            let text = format!("The tokenizer cannot be restored: {e}. Take it from the original model.");
            warnings.push(Warning::new("vocab.not-restored", text));
            Sidecars::default()
        }
        Err(e) => return Err(e.in_file(&model.path)),
    };
    let pretty = |v: &Value| serde_json::to_vec_pretty(v).unwrap_or_default();
    let generation = generation(&model.metadata, &config);
    sidecars.0.insert("config.json".to_owned(), Sidecar::Bytes(pretty(&Value::Object(config))));
    if let Some(generation) = generation {
        sidecars.0.insert("generation_config.json".to_owned(), Sidecar::Bytes(pretty(&generation)));
    }
    let (tensors, encodings) = map(&meta, family)?.into_iter().unzip();
    let mut converted = Model { tensors, metadata: Metadata::new(), sidecars, warnings, ..model.clone() };
    super::identify(&mut converted);
    Ok(HfModel { model: converted, encodings })
}

fn unknown(arch: &str) -> ModelError {
    let mut known: Vec<&str> = FAMILIES.iter().map(|f| f.info.gguf_arch).collect();
    known.dedup();
    let near = nearest::gguf_arch(arch).map_or(String::new(), |a| format!("The nearest one is {a}. "));
    ModelError::unsupported(format!("the architecture {arch} is not supported"))
        .field("general.architecture")
        .with_hint(format!("{near}Supported are: {}.", known.join(", ")))
}

/// The plain type a tensor is written in: its own, f16 for blocks.
fn plain(encoding: Encoding) -> Encoding {
    match encoding {
        Encoding::Plain(_) => encoding,
        Encoding::Block(_) => DType::F16.into(),
    }
}

/// `generation_config.json`: special tokens and the sampling advice of the file. Encoders have none.
fn generation(md: &Metadata, config: &Map<String, Value>) -> Option<Value> {
    const SAMPLING: [(&str, &str); 5] = [
        ("top_k", "top_k"),
        ("top_p", "top_p"),
        ("min_p", "min_p"),
        ("temp", "temperature"),
        ("penalty_repeat", "repetition_penalty"),
    ];
    if md.get("bert.block_count").is_some() {
        return None;
    }
    let mut out = Map::new();
    for key in ["bos_token_id", "eos_token_id", "pad_token_id"] {
        if let Some(id) = config.get(key) {
            out.insert(key.into(), id.clone());
        }
    }
    let mut sampled = false;
    for (key, field) in SAMPLING {
        let value = match md.get(&format!("general.sampling.{key}")) {
            Some(MetaValue::F32(f)) => f.to_string().parse::<f64>().ok().map(Value::from),
            Some(v) => v.as_u64().map(Value::from),
            None => None,
        };
        if let Some(value) = value {
            sampled |= key != "penalty_repeat";
            out.insert(field.into(), value);
        }
    }
    if sampled {
        out.insert("do_sample".into(), true.into());
    }
    Some(Value::Object(out))
}

/// Maps every GGUF tensor back, each with the type to write it in.
fn map(meta: &Meta<'_>, family: &Family) -> Result<Vec<(TensorEntry, Encoding)>> {
    let mut rules = HashMap::new();
    for r in family.rules.iter().copied().flatten() {
        rules.entry(r.gguf).or_insert(r);
    }
    let heads = meta.uint("attention.head_count")?;
    let heads_kv = meta.uint("attention.head_count_kv")?.or(heads);
    let mut out = Vec::with_capacity(meta.model.tensors.len());
    for tensor in meta.model.tensors.iter().filter(|t| !GENERATED.contains(&t.name.as_str())) {
        let (layer, key) = split_layer(&tensor.name);
        let (stem, suffix) = split_suffix(&key);
        if let Some(rule) = rules.get(stem) {
            let name = with_layer(rule.hf, layer) + suffix;
            let entry = undo(rule.op, tensor, suffix, heads, heads_kv)?.renamed(name);
            out.push((entry, plain(tensor.encoding)));
        } else if let Some((experts, part)) = expert_part(family, stem) {
            unstack(experts, part, layer, tensor, &mut out)?;
        } else {
            let what = format!("the tensor has no place in the architecture {}", meta.arch);
            return Err(ModelError::unsupported(what).in_file(&meta.model.path).field(tensor.name.clone()));
        }
    }
    Ok(out)
}

fn undo(op: Op, t: &TensorEntry, suffix: &str, heads: Option<u64>, heads_kv: Option<u64>) -> Result<TensorEntry> {
    Ok(match op {
        Op::QueryHeads => halves(t, heads)?,
        Op::KeyHeads => halves(t, heads_kv)?,
        Op::Transpose if suffix == ".weight" => transposed(unblocked(t))?,
        Op::PlusOne if suffix == ".weight" => shift_norm(&unblocked(t), -1.0),
        Op::Keep | Op::Transpose | Op::PlusOne | Op::CutVocabulary => t.clone(),
    })
}

/// Splits the interleaved pairs of each head into halves again.
fn halves(t: &TensorEntry, heads: Option<u64>) -> Result<TensorEntry> {
    let elems = if t.shape.rank() == 1 { t.cols() } else { t.rows() };
    let whole = |h: &u64| *h > 0 && elems > 0 && elems.is_multiple_of(h.saturating_mul(2)) && t.shape.rank() <= 2;
    let Some(heads) = heads.filter(whole) else {
        let what = format!("shape {} does not divide into {} heads", t.shape, heads.unwrap_or(0));
        return Err(ModelError::bad(what).field(t.name.clone()));
    };
    let map = move |r| deinterleave(r, elems, heads);
    Ok(if t.shape.rank() == 1 {
        TensorEntry { data: Arc::new(MapElems { inner: t.clone(), map }), ..t.clone() }
    } else {
        TensorEntry { data: Arc::new(MapRows { inner: t.clone(), map }), ..t.clone() }
    })
}

fn expert_part(family: &Family, stem: &str) -> Option<(&'static Experts, &'static str)> {
    let family = FAMILIES.iter().copied().find(|f| std::ptr::eq(*f, family))?;
    let experts = family.experts.as_ref()?;
    experts.parts.iter().find(|p| p.1 == stem).map(|p| (experts, p.0))
}

/// Splits stacked experts into one matrix per expert again.
fn unstack(
    e: &Experts,
    part: &str,
    layer: Option<u64>,
    t: &TensorEntry,
    out: &mut Vec<(TensorEntry, Encoding)>,
) -> Result<()> {
    /// No model has more experts in a layer.
    const MAX_EXPERTS: u64 = 4096;
    let [count, rows, cols] = t.shape.0[..] else {
        return Err(ModelError::bad(format!("shape {} is not a stack of experts", t.shape)).field(t.name.clone()));
    };
    if count > MAX_EXPERTS {
        return Err(
            ModelError::limit(format!("{count} experts are more than the {MAX_EXPERTS} allowed")).field(t.name.clone())
        );
    }
    for i in 0..count {
        let name = format!("{}{i}.{part}.weight", with_layer(e.prefix, layer));
        let data = Arc::new(MapRows { inner: t.clone(), map: move |r| i * rows + r });
        out.push((TensorEntry::new(name, Shape(vec![rows, cols]), t.encoding, data), plain(t.encoding)));
    }
    Ok(())
}
