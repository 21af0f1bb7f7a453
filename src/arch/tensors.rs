//! Tensors from Hugging Face names to GGUF names: applies rules, stacks experts, splits fused experts.

use super::config::Config;
use super::family::{Experts, Family, Op};
use super::views::{MapElems, interleave, shift_norm};
use crate::model::{ConcatRows, MapRows, Model, ModelError, Result, TensorEntry, Transposed, Warning};
use crate::tensor::Shape;
use crate::units::plural;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// What tensors need to know about the model.
pub(crate) struct Shapes {
    pub blocks: u64,
    pub heads: Option<u64>,
    pub heads_kv: Option<u64>,
    /// Rows of the embedding that the tokenizer names.
    pub vocabulary: Option<u64>,
    pub experts: u64,
}

/// The layer of a name (its first numeric part) and the name with `{}` in its place.
pub(crate) fn split_layer(name: &str) -> (Option<u64>, String) {
    let mut layer = None;
    let parts: Vec<&str> = name
        .split('.')
        .map(|part| {
            if layer.is_none() && !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) {
                layer = Some(part.parse().unwrap_or(u64::MAX));
                "{}"
            } else {
                part
            }
        })
        .collect();
    (layer, parts.join("."))
}

/// Splits `.weight` or `.bias` off.
pub(crate) fn split_suffix(name: &str) -> (&str, &str) {
    for suffix in [".weight", ".bias"] {
        if let Some(stem) = name.strip_suffix(suffix) {
            return (stem, suffix);
        }
    }
    (name, "")
}

/// Puts a layer into a pattern.
pub(crate) fn with_layer(pattern: &str, layer: Option<u64>) -> String {
    match layer {
        Some(layer) => pattern.replace("{}", &layer.to_string()),
        None => pattern.to_owned(),
    }
}

/// Source tensors in the converter's order: by name inside each file or in file order, depending on the format.
fn ordered(model: &Model) -> Vec<&TensorEntry> {
    let mut tensors: Vec<&TensorEntry> = model.tensors.iter().collect();
    if crate::formats::spec(model.format).and_then(|f| f.read.as_ref()).is_some_and(|r| r.by_name) {
        for run in tensors.chunk_by_mut(|a, b| a.data.file() == b.data.file()) {
            run.sort_by(|a, b| a.name.cmp(&b.name));
        }
    }
    tensors
}

/// Tensors that belong to other modalities (`TextModel.filter_tensors` of the converter).
pub(crate) fn other_modality(name: &str) -> bool {
    const STARTS: [&str; 10] = [
        "mlp",
        "vit.",
        "vpm.",
        "siglip2.",
        "conformer.",
        "merger.",
        "resampler.",
        "sound_encoder.",
        "sound_projection.",
        "speech_embeddings.",
    ];
    const INSIDE: [&str; 18] = [
        "visual.",
        "vision.",
        "audio.",
        "talker.",
        "vision_",
        "audio_",
        "token2wav.",
        "code2wav.",
        "projector.",
        "pre_mm_projector_norm",
        "image_newline",
        "view_seperator",
        "patch_embed",
        "patch_embedding",
        "patch_merger.",
        "patch_merge_mlp.",
        "model.connector.",
        "multi_modal_projector",
    ];
    STARTS.iter().any(|s| name.starts_with(s)) || INSIDE.iter().any(|s| name.contains(s))
}

/// Which names have a place in a family.
pub(crate) struct Places<'a> {
    family: &'a Family,
    config: &'a Config,
    stems: HashSet<&'static str>,
    stacks: Stacks<'a>,
}

impl<'a> Places<'a> {
    pub(crate) fn of(family: &'a Family, config: &'a Config) -> Self {
        let stems = family.rules.iter().copied().flatten().map(|r| r.hf).collect();
        let stacks = Stacks { rules: family.experts.as_ref(), count: 0, layers: BTreeMap::new() };
        Self { family, config, stems, stacks }
    }

    /// True for the name of a weight that the family has.
    pub(crate) fn has(&self, name: &str) -> bool {
        let Some(own) = self.own(name) else { return false };
        let (layer, key) = split_layer(&own);
        let (stem, _) = split_suffix(&key);
        self.stems.contains(stem) || (layer.is_some() && self.stacks.takes(stem))
    }

    /// True for the name of a tensor that a conversion leaves out.
    pub(crate) fn leaves_out(&self, name: &str) -> bool {
        self.own(name).is_none_or(|own| is_unused(&own))
    }

    /// The family's own name for it; `None` for what is left out.
    fn own(&self, name: &str) -> Option<String> {
        (!other_modality(name)).then(|| (self.family.rename)(&plain_name(name), self.config)).flatten()
    }
}

/// The name of a text model's tensor within a multi-modal model, without the part that says so.
pub(crate) fn plain_name(name: &str) -> String {
    name.replace("language_model.", "").replace("text_model.", "")
}

/// The source tensors under the family's own names, in the converter's order.
pub(crate) fn sources(
    model: &Model,
    family: &Family,
    config: &Config,
    warnings: &mut Vec<Warning>,
) -> Vec<TensorEntry> {
    let mut skipped = 0usize;
    let mut out: Vec<TensorEntry> = Vec::with_capacity(model.tensors.len());
    for tensor in ordered(model) {
        if other_modality(&tensor.name) {
            skipped += 1;
            continue;
        }
        if let Some(name) = (family.rename)(&plain_name(&tensor.name), config) {
            out.push(tensor.renamed(name));
        }
    }
    if skipped > 0 {
        let text = format!(
            "{} of vision or audio parts left out; only the text model is converted.",
            plural(skipped, "tensor")
        );
        warnings.push(Warning::new("tensors.other-modality", text));
    }
    untie(&mut out, warnings);
    out
}

/// Leaves out an output matrix that is the embedding itself, according to the pickle's shared storage.
fn untie(tensors: &mut Vec<TensorEntry>, warnings: &mut Vec<Warning>) {
    let embeddings = ["model.embed_tokens.weight", "transformer.wte.weight"];
    let embedding = tensors.iter().find(|t| embeddings.contains(&t.name.as_str()) && t.storage.is_some());
    let Some((storage, shape)) = embedding.map(|t| (t.storage, t.shape.clone())) else {
        return;
    };
    let before = tensors.len();
    tensors.retain(|t| !(t.name == "lm_head.weight" && t.storage == storage && t.shape == shape));
    if tensors.len() < before {
        let text = "The output matrix is the embedding itself and is not written twice.";
        warnings.push(Warning::about("tensors.tied", "lm_head.weight", text));
    }
}

/// Buffers that old checkpoints store and that are not weights.
pub(crate) fn is_unused(name: &str) -> bool {
    [".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq"].iter().any(|u| name.ends_with(u))
}

/// Maps every source tensor to its GGUF name and order of elements.
///
/// # Errors
/// A tensor without a place in the architecture, a layer beyond the configured ones, experts that are missing or differ.
pub(crate) fn map(sources: Vec<TensorEntry>, family: &Family, shapes: &Shapes) -> Result<Vec<TensorEntry>> {
    let mut rules = HashMap::new();
    for r in family.rules.iter().copied().flatten() {
        rules.entry(r.hf).or_insert(r);
    }
    let mut stacks = Stacks { rules: family.experts.as_ref(), count: shapes.experts, layers: BTreeMap::new() };
    let mut out = Vec::with_capacity(sources.len());
    for tensor in sources {
        if is_unused(&tensor.name) {
            continue;
        }
        let (layer, key) = split_layer(&tensor.name);
        let (stem, suffix) = split_suffix(&key);
        let known = rules.get(stem).copied();
        if let Some(layer) = layer.filter(|l| *l >= shapes.blocks && (known.is_some() || stacks.takes(stem))) {
            let what = format!("layer {layer} of a model that has {} layers by its configuration", shapes.blocks);
            let hint = "Does config.json belong to these weights?";
            return Err(ModelError::bad(what).field(tensor.name).with_hint(hint));
        }
        if let Some(rule) = known {
            let name = with_layer(rule.gguf, layer) + suffix;
            out.push(apply(rule.op, tensor, name, suffix, shapes)?);
        } else if let Some(layer) = layer.filter(|_| stacks.takes(stem)) {
            stacks.take(layer, stem, tensor, &mut out)?;
        } else {
            let what = format!("the tensor has no place in the architecture {}", family.info.gguf_arch);
            let hint = "Is it an adapter, or a variant of the architecture that this version does not know?";
            return Err(ModelError::unsupported(what).field(tensor.name).with_hint(hint));
        }
    }
    stacks.finish()?;
    Ok(out)
}

fn apply(op: Op, tensor: TensorEntry, name: String, suffix: &str, shapes: &Shapes) -> Result<TensorEntry> {
    Ok(match op {
        Op::QueryHeads => heads(tensor, shapes.heads)?.renamed(name),
        Op::KeyHeads => heads(tensor, shapes.heads_kv.or(shapes.heads))?.renamed(name),
        Op::Transpose if suffix == ".weight" => transposed(tensor)?.renamed(name),
        Op::PlusOne if suffix == ".weight" => shift_norm(&tensor, 1.0).renamed(name),
        Op::CutVocabulary => match shapes.vocabulary.filter(|v| tensor.shape.rank() == 2 && *v < tensor.shape.0[0]) {
            Some(rows) => TensorEntry { shape: Shape(vec![rows, tensor.shape.0[1]]), ..tensor.renamed(name) },
            None => tensor.renamed(name),
        },
        Op::Keep | Op::Transpose | Op::PlusOne => tensor.renamed(name),
    })
}

/// Interleaves the two halves of each head.
fn heads(tensor: TensorEntry, heads: Option<u64>) -> Result<TensorEntry> {
    let elems = if tensor.shape.rank() == 1 { tensor.cols() } else { tensor.rows() };
    let whole = |h: &u64| *h > 0 && elems > 0 && elems.is_multiple_of(h.saturating_mul(2)) && tensor.shape.rank() <= 2;
    let Some(heads) = heads.filter(whole) else {
        let what = format!("shape {} does not divide into {} heads", tensor.shape, heads.unwrap_or(0));
        return Err(ModelError::bad(what).field(tensor.name).with_hint("Does config.json belong to these weights?"));
    };
    let map = move |r| interleave(r, elems, heads);
    Ok(if tensor.shape.rank() == 1 {
        TensorEntry { data: Arc::new(MapElems { inner: tensor.clone(), map }), ..tensor }
    } else {
        TensorEntry { data: Arc::new(MapRows { inner: tensor.clone(), map }), ..tensor }
    })
}

/// The transpose of a matrix.
pub(crate) fn transposed(tensor: TensorEntry) -> Result<TensorEntry> {
    let [rows, cols] = tensor.shape.0[..] else {
        let what = format!("shape {} is not a matrix, as the architecture requires", tensor.shape);
        return Err(ModelError::bad(what).field(tensor.name));
    };
    let (name, encoding) = (tensor.name.clone(), tensor.encoding);
    Ok(TensorEntry::new(name, [cols, rows], encoding, Arc::new(Transposed { inner: tensor })))
}

/// Experts of each layer until they are all there.
struct Stacks<'a> {
    rules: Option<&'a Experts>,
    count: u64,
    layers: BTreeMap<u64, HashMap<(u64, usize), TensorEntry>>,
}

impl Stacks<'_> {
    /// Whether `stem` (a name without layer and suffix) is an expert's.
    fn takes(&self, stem: &str) -> bool {
        let Some(rules) = self.rules else { return false };
        stem.starts_with(rules.prefix) || (rules.fused && fused(stem).is_some())
    }

    /// Takes an expert's tensor; writes the layer's stacks once they are complete.
    fn take(&mut self, layer: u64, stem: &str, tensor: TensorEntry, out: &mut Vec<TensorEntry>) -> Result<()> {
        let Some(rules) = self.rules else { return Ok(()) };
        if let Some(part) = fused(stem).filter(|_| rules.fused) {
            return split_fused(rules, layer, part, tensor, out);
        }
        let rest = stem.strip_prefix(rules.prefix).and_then(|r| r.split_once('.'));
        let found = rest.and_then(|(expert, part)| {
            Some((expert.parse::<u64>().ok()?, rules.parts.iter().position(|p| p.0 == part)?))
        });
        let Some((expert, part)) = found.filter(|(e, _)| *e < self.count) else {
            let what = format!("no tensor of one of the {} experts that the configuration gives", self.count);
            return Err(ModelError::bad(what).field(tensor.name));
        };
        let held = self.layers.entry(layer).or_default();
        held.insert((expert, part), tensor);
        if held.len() as u64 == self.count * rules.parts.len() as u64 {
            let mut held = self.layers.remove(&layer).unwrap_or_default();
            for (i, (_, gguf)) in rules.parts.iter().enumerate() {
                let parts: Vec<TensorEntry> = (0..self.count).filter_map(|e| held.remove(&(e, i))).collect();
                out.push(stack(with_layer(gguf, Some(layer)) + ".weight", parts)?);
            }
        }
        Ok(())
    }

    /// Whatever is still held was never completed.
    fn finish(self) -> Result<()> {
        let (Some((layer, held)), Some(rules)) = (self.layers.first_key_value(), self.rules) else {
            return Ok(());
        };
        let missing = (0..self.count).flat_map(|e| (0..rules.parts.len()).map(move |p| (e, p)));
        let (expert, part) = missing.into_iter().find(|k| !held.contains_key(k)).unwrap_or((0, 0));
        let name = format!("{}{expert}.{}.weight", with_layer(rules.prefix, Some(*layer)), rules.parts[part].0);
        let what =
            format!("layer {layer} has {} of {} expert tensors", held.len(), self.count * rules.parts.len() as u64);
        let hint = "Is a shard missing, or does config.json belong to another model?";
        Err(ModelError::bad(format!("{what}; this one is missing")).field(name).with_hint(hint))
    }
}

/// Which fused expert tensor of transformers 5 a stem is.
fn fused(stem: &str) -> Option<&'static str> {
    match stem {
        "model.layers.{}.mlp.experts.gate_up_proj" => Some("gate_up"),
        "model.layers.{}.mlp.experts.down_proj" => Some("down"),
        _ => None,
    }
}

/// Stacks one matrix per expert into a tensor of three dimensions.
fn stack(name: String, parts: Vec<TensorEntry>) -> Result<TensorEntry> {
    let Some(first) = parts.first() else {
        return Err(ModelError::bad("no experts to stack").field(name));
    };
    if let Some(odd) = parts.iter().find(|p| p.shape != first.shape || p.encoding != first.encoding) {
        let what = format!("{} [{}] among experts of {} [{}]", odd.encoding, odd.shape, first.encoding, first.shape);
        return Err(ModelError::bad(what).field(odd.name.clone()));
    }
    let mut dims = vec![parts.len() as u64];
    dims.extend(&first.shape.0);
    Ok(TensorEntry::new(name, Shape(dims), first.encoding, Arc::new(ConcatRows { parts })))
}

/// Fused experts: `down` as it is, `gate_up` cut into gate and up along its middle dimension.
fn split_fused(rules: &Experts, layer: u64, part: &str, tensor: TensorEntry, out: &mut Vec<TensorEntry>) -> Result<()> {
    let gguf = |kind: &str| {
        let all = rules.parts.iter().map(|p| p.1);
        with_layer(all.into_iter().find(|g| g.contains(kind)).unwrap_or(kind), Some(layer)) + ".weight"
    };
    if part == "down" {
        out.push(tensor.renamed(gguf("ffn_down")));
        return Ok(());
    }
    let [experts, both, cols] = tensor.shape.0[..] else {
        return Err(ModelError::bad(format!("shape {} is not three-dimensional", tensor.shape)).field(tensor.name));
    };
    if both % 2 != 0 || both == 0 {
        return Err(ModelError::bad(format!("{both} rows do not divide into gate and up")).field(tensor.name));
    }
    let half = both / 2;
    for (kind, base) in [("ffn_gate", 0), ("ffn_up", half)] {
        let map = move |r: u64| (r / half) * both + base + r % half;
        let data = Arc::new(MapRows { inner: tensor.clone(), map });
        out.push(TensorEntry::new(gguf(kind), [experts, half, cols], tensor.encoding, data));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_at_the_first_number() {
        assert_eq!(
            split_layer("model.layers.12.mlp.experts.3.w1.weight"),
            (Some(12), "model.layers.{}.mlp.experts.3.w1.weight".into())
        );
        assert_eq!(split_layer("lm_head.weight"), (None, "lm_head.weight".into()));
        assert_eq!(split_suffix("a.b.bias"), ("a.b", ".bias"));
        assert_eq!(split_layer("x.99999999999999999999999.y").0, Some(u64::MAX));
    }
}
