//! The weights of a network as constants of a graph: found by what they are for, as f32, in the form that the operators take.

use super::columns::{Pool, can_transpose, transposed};
use crate::arch::config::Config;
use crate::arch::family::{Experts, Family, Op, Rule};
use crate::arch::roles::classify;
use crate::arch::tensors::{is_unused, other_modality, plain_name, split_layer, split_suffix, with_layer};
use crate::arch::views::{shift_norm, unblocked};
use crate::graph::make::Maker;
use crate::graph::{Elem, TensorRef, ValueId};
use crate::model::{
    ConcatRows, MapRows, Model, ModelError, Name, Piece, Result, TensorData, TensorEntry, decode_piece,
};
use crate::quant::Encoding;
use crate::tensor::{DType, Shape, encode_f32};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// A tensor of the checkpoint under its own name, and what the rules of its family say of it.
struct Found {
    entry: TensorEntry,
    op: Op,
}

/// The weights of a network, and those of them that are in the graph by now.
pub(super) struct Weights {
    /// By key: GGUF's name where the rules of the family have one (`blk.0.attn_q.weight`), else the checkpoint's.
    found: HashMap<String, Found>,
    experts: HashMap<u64, ExpertTensors>,
    rules: &'static [&'static [Rule]],
    parts: Option<&'static Experts>,
    tensors: Vec<TensorEntry>,
    values: HashMap<String, ValueId>,
    origins: Map<String, Value>,
    pool: Arc<Pool>,
}

/// The tensors of one layer's experts: each matrix by number and part, or all of them in two.
#[derive(Default)]
struct ExpertTensors {
    each: HashMap<(u64, usize), TensorEntry>,
    gate_up: Option<TensorEntry>,
    down: Option<TensorEntry>,
}

/// Which matrix of an expert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExpertPart {
    Gate,
    Up,
    Down,
}

impl Weights {
    /// The weights of a model of a family.
    ///
    /// # Errors
    /// A tensor without a place in the family, or of a layer beyond the configured ones.
    pub(super) fn of_family(model: &Model, family: &'static Family, config: &Config, layers: u64) -> Result<Self> {
        let mut weights = Self::with_rules(family);
        for t in model.tensors.iter().filter(|t| !other_modality(&t.name)) {
            let Some(name) = (family.rename)(&plain_name(&t.name), config) else { continue };
            let taken = weights.take(&name, t, family) || (!is_unused(&name) && weights.take_expert(&name, t));
            if let Some(layer) = split_layer(&name).0.filter(|l| taken && *l >= layers) {
                let what = format!("layer {layer} of a model that has {layers} layers by its configuration");
                let hint = "Does config.json belong to these weights?";
                return Err(ModelError::bad(what).field(t.name.clone()).with_hint(hint));
            }
            if taken || is_unused(&name) {
                continue;
            }
            let what = format!("the tensor has no place in the architecture {}", family.info.gguf_arch);
            let hint = "Is it an adapter, or a variant of the architecture that this version does not know?";
            return Err(ModelError::unsupported(what).field(t.name.clone()).with_hint(hint));
        }
        Ok(weights)
    }

    /// The weights of a model whose names become those of a family, or keys of their own, by `key`; it leaves out what it gives `None` for.
    pub(super) fn of_names(
        model: &Model,
        family: Option<&'static Family>,
        key: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let mut weights = Self::with_rules_of(family);
        for t in &model.tensors {
            let Some(name) = key(&t.name) else { continue };
            if !family.is_some_and(|f| weights.take(&name, t, f)) {
                weights.found.insert(name, Found { entry: t.clone(), op: Op::Keep });
            }
        }
        weights
    }

    fn with_rules(family: &'static Family) -> Self {
        Self::with_rules_of(Some(family))
    }

    fn with_rules_of(family: Option<&'static Family>) -> Self {
        Self {
            found: HashMap::new(),
            experts: HashMap::new(),
            rules: family.map_or(&[], |f| f.rules),
            parts: family.and_then(|f| f.experts.as_ref()),
            tensors: Vec::new(),
            values: HashMap::new(),
            origins: Map::new(),
            pool: Arc::default(),
        }
    }

    fn take(&mut self, name: &str, tensor: &TensorEntry, family: &Family) -> bool {
        let (layer, key) = split_layer(name);
        let (stem, suffix) = split_suffix(&key);
        let Some(rule) = family.rules.iter().copied().flatten().find(|r| r.hf == stem) else { return false };
        let found = Found { entry: tensor.clone(), op: rule.op };
        self.found.insert(with_layer(rule.gguf, layer) + suffix, found);
        true
    }

    fn take_expert(&mut self, name: &str, tensor: &TensorEntry) -> bool {
        let (Some(parts), (Some(layer), key)) = (self.parts, split_layer(name)) else { return false };
        let (stem, _) = split_suffix(&key);
        let held = self.experts.entry(layer).or_default();
        match stem.rsplit_once(".experts.").map(|(_, rest)| rest) {
            Some("gate_up_proj") if parts.fused => held.gate_up = Some(tensor.clone()),
            Some("down_proj") if parts.fused => held.down = Some(tensor.clone()),
            _ => {
                let rest = stem.strip_prefix(parts.prefix).and_then(|r| r.split_once('.'));
                let place =
                    rest.and_then(|(n, part)| Some((n.parse().ok()?, parts.parts.iter().position(|p| p.0 == part)?)));
                let Some(place) = place else { return false };
                held.each.insert(place, tensor.clone());
            }
        }
        true
    }

    /// True if there is a tensor of that key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.found.contains_key(key)
    }

    /// True if the layer has experts.
    pub(super) fn has_experts(&self, layer: u64) -> bool {
        self.experts.contains_key(&layer)
    }

    /// The name of the tensor of a key in the checkpoint.
    pub(super) fn name(&self, key: &str) -> Result<&str> {
        self.find(key).map(|f| f.entry.name.as_str())
    }

    /// Dimensions of the tensor of a key, as the checkpoint has it.
    pub(super) fn shape(&self, key: &str) -> Result<&[u64]> {
        self.find(key).map(|f| &f.entry.shape.0[..])
    }

    /// The path of the module that a tensor belongs to: `model/layers.0/mlp/up_proj`.
    pub(super) fn scope(&self, key: &str) -> Result<String> {
        Ok(module_path(split_suffix(self.name(key)?).0))
    }

    fn find(&self, key: &str) -> Result<&Found> {
        self.found.get(key).ok_or_else(|| missing(&self.checkpoint_name(key)))
    }

    /// The name that a tensor of a key would have in the checkpoint: of the rules for it, the one that other tensors follow.
    fn checkpoint_name(&self, key: &str) -> String {
        let (layer, pattern) = split_layer(key);
        let (stem, suffix) = split_suffix(&pattern);
        let rules = self.rules.iter().copied().flatten().filter(|r| r.gguf == stem);
        let names: Vec<String> = rules.map(|r| with_layer(r.hf, layer) + suffix).collect();
        let begins = |name: &&String| {
            let start = name.split_once('.').map_or(name.as_str(), |(start, _)| start);
            self.found.values().any(|f| f.entry.name.split('.').any(|part| part == start))
        };
        names.iter().find(begins).or(names.first()).cloned().unwrap_or_else(|| key.to_owned())
    }

    /// The tensor as it is stored, as f32.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn plain(&mut self, m: &mut Maker, key: &str) -> Result<ValueId> {
        let found = self.find(key)?;
        let entry = as_f32(&found.entry);
        let name = found.entry.name.clone();
        Ok(self.place(m, &name, entry))
    }

    /// The weight of a norm: one added where the family stores it that way.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn norm(&mut self, m: &mut Maker, key: &str) -> Result<ValueId> {
        let found = self.find(key)?;
        if found.op != Op::PlusOne {
            return self.plain(m, key);
        }
        let name = format!("{}.plus_one", found.entry.name);
        let (origin, entry) = (found.entry.name.clone(), shift_norm(&as_f32(&found.entry), 1.0));
        self.origins.insert(name.clone(), json!({"of": &*origin, "how": "plus one"}));
        Ok(self.place(m, &name, entry))
    }

    /// The matrix that a row vector is multiplied with: inputs × outputs.
    ///
    /// # Errors
    /// There is none, or it cannot be transposed.
    pub(super) fn matrix(&mut self, m: &mut Maker, key: &str) -> Result<ValueId> {
        let found = self.find(key)?;
        // Stored that way by the family.
        if found.op == Op::Transpose {
            return self.plain(m, key);
        }
        let entry = found.entry.clone();
        self.matrix_of(m, &entry.name, &entry)
    }

    /// As [`Self::matrix`], of a tensor of another file, outputs × inputs.
    ///
    /// # Errors
    /// It cannot be transposed.
    pub(super) fn matrix_of(&mut self, m: &mut Maker, of: &str, entry: &TensorEntry) -> Result<ValueId> {
        let name = format!("{of}.T");
        if let Some(value) = self.values.get(&name) {
            return Ok(*value);
        }
        let entry = transposed(entry, &self.pool, self.tensors.len())?;
        self.origins.insert(name.clone(), json!({"of": of, "how": "transposed"}));
        Ok(self.place(m, &name, entry))
    }

    /// As [`Self::plain`], of a tensor of another file.
    pub(super) fn plain_of(&mut self, m: &mut Maker, name: &str, entry: &TensorEntry) -> ValueId {
        self.place(m, name, as_f32(entry))
    }

    /// As [`Self::matrix`], of a matrix that may be a table as well, such as an embedding that is the output matrix too: the table is in the
    /// graph once, and a node transposes it. So is a matrix that cannot be transposed in bounded memory.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn matrix_of_table(&mut self, m: &mut Maker, key: &str) -> Result<ValueId> {
        let found = self.find(key)?;
        if self.values.contains_key(found.entry.name.as_str()) || !can_transpose(&found.entry) {
            let table = self.plain(m, key)?;
            return Ok(m.transpose(table, &[1, 0]));
        }
        self.matrix(m, key)
    }

    /// One matrix of all experts of a layer, transposed: experts × inputs × outputs.
    ///
    /// # Errors
    /// An expert that is missing; matrices of different shapes.
    pub(super) fn experts(&mut self, m: &mut Maker, layer: u64, count: u64, part: ExpertPart) -> Result<ValueId> {
        let held = self.experts.get(&layer).ok_or_else(|| missing(&format!("blk.{layer}.ffn_gate_exps.weight")))?;
        let each = (0..count).map(|e| self.expert(held, layer, e, part)).collect::<Result<Vec<_>>>()?;
        let Some(first) = each.first() else { return Err(ModelError::bad("a layer of no experts")) };
        let stem = split_suffix(&first.name).0;
        // `model.layers.0.mlp.experts.0.up_proj` without the expert's number.
        let name = match stem.rsplit_once(".experts.") {
            Some((before, after)) => {
                let part = after.split_once('.').map_or(after, |(_, part)| part);
                format!("{before}.experts.{part}.weight.T")
            }
            None => format!("{stem}.T"),
        };
        let of: Vec<String> = each.iter().map(|t| t.name.to_string()).collect();
        let mut parts = Vec::with_capacity(each.len());
        for (i, t) in each.iter().enumerate() {
            if t.shape != first.shape {
                let what = format!("[{}] among experts of [{}]", t.shape, first.shape);
                return Err(ModelError::bad(what).field(t.name.clone()));
            }
            // Numbers that no other tensor has: those of the experts follow a bit that no length of the list reaches.
            let owner = (1 << 62) | (self.tensors.len() << 16) | i;
            parts.push(transposed(t, &self.pool, owner)?);
        }
        let mut dims = vec![count];
        dims.extend(&parts[0].shape.0);
        let entry = TensorEntry::new(name.as_str(), Shape(dims), DType::F32, Arc::new(ConcatRows { parts }));
        self.origins.insert(name.clone(), json!({"of": of, "how": "transposed and stacked"}));
        Ok(self.place(m, &name, entry))
    }

    /// One matrix of one expert, outputs × inputs.
    fn expert(&self, held: &ExpertTensors, layer: u64, expert: u64, part: ExpertPart) -> Result<TensorEntry> {
        let (word, fused, half) = match part {
            ExpertPart::Gate => ("ffn_gate", &held.gate_up, Some(0)),
            ExpertPart::Up => ("ffn_up", &held.gate_up, Some(1)),
            ExpertPart::Down => ("ffn_down", &held.down, None),
        };
        let parts = self.parts.map_or(&[][..], |p| p.parts);
        let number = parts.iter().position(|(_, gguf)| gguf.contains(word)).unwrap_or(0);
        if let Some(found) = held.each.get(&(expert, number)) {
            return Ok(found.clone());
        }
        let Some(all) = fused else {
            let name = parts.get(number).map_or("", |p| p.0);
            let prefix = self.parts.map_or(String::new(), |p| with_layer(p.prefix, Some(layer)));
            return Err(missing(&format!("{prefix}{expert}.{name}.weight")));
        };
        let [_, rows, cols] = all.shape.0[..] else {
            let what = format!("shape {} is not a stack of experts", all.shape);
            return Err(ModelError::bad(what).field(all.name.clone()));
        };
        let own = if half.is_some() { rows / 2 } else { rows };
        let base = expert * rows + half.unwrap_or(0) * own;
        let data = Arc::new(MapRows { inner: all.clone(), map: move |r| base + r });
        // The stack's name says which half it is.
        let stem = all.name.strip_suffix(".weight").unwrap_or(&all.name);
        let name = match part {
            ExpertPart::Gate => stem.replace("gate_up_proj", "gate_proj"),
            ExpertPart::Up => stem.replace("gate_up_proj", "up_proj"),
            ExpertPart::Down => stem.to_owned(),
        };
        Ok(TensorEntry::new(name, [own, cols], all.encoding, data))
    }

    /// The constant of a tensor, in the graph once.
    fn place(&mut self, m: &mut Maker, name: &str, entry: TensorEntry) -> ValueId {
        if let Some(value) = self.values.get(name) {
            return *value;
        }
        let at = TensorRef(u32::try_from(self.tensors.len()).unwrap_or(u32::MAX));
        let value = m.weight(name, at, Elem::F32, &entry.shape.0);
        self.tensors.push(TensorEntry { name: Name::from(name), class: classify(name), storage: None, ..entry });
        self.values.insert(name.to_owned(), value);
        value
    }

    /// The tensors in the order of their places, and what those were made of that are no parameters as they are stored.
    pub(super) fn finish(self) -> (Vec<TensorEntry>, Map<String, Value>) {
        (self.tensors, self.origins)
    }
}

/// The path of a module: dots separate modules, but numbers stay with the name before them.
pub(super) fn module_path(module: &str) -> String {
    let mut path = String::new();
    for part in module.split('.') {
        let number = part.bytes().all(|b| b.is_ascii_digit());
        match path.is_empty() {
            true => {}
            false if number => path.push('.'),
            false => path.push('/'),
        }
        path.push_str(part);
    }
    path
}

/// The path around a path.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(before, _)| before)
}

#[cold]
pub(super) fn missing(key: &str) -> ModelError {
    ModelError::bad("a tensor that the network needs is missing").field(key)
}

/// The tensor as f32, as it is if it is that.
pub(super) fn as_f32(entry: &TensorEntry) -> TensorEntry {
    if entry.encoding == Encoding::Plain(DType::F32) {
        return entry.clone();
    }
    let data = Arc::new(AsF32 { inner: unblocked(entry) });
    TensorEntry { encoding: DType::F32.into(), data, ..entry.clone() }
}

struct AsF32 {
    inner: TensorEntry,
}

impl AsF32 {
    fn decode(&self, piece: &Piece, dst: &mut [u8]) -> Result<()> {
        if self.inner.encoding == Encoding::Plain(DType::F32) {
            let mut raw = Vec::new();
            self.inner.read_piece(piece, &mut raw)?;
            dst.copy_from_slice(&raw);
            return Ok(());
        }
        let mut values = vec![0f32; dst.len() / 4];
        decode_piece(&self.inner, piece, &mut Vec::new(), &mut values)?;
        encode_f32(DType::F32, &values, dst);
        Ok(())
    }
}

impl TensorData for AsF32 {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.decode(&Piece::rows(&self.inner, rows), dst)
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.decode(&Piece::part(&self.inner, row, bytes.start / 4..bytes.end / 4), dst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_with_the_module_they_count() {
        assert_eq!(module_path("model.layers.12.self_attn.q_proj"), "model/layers.12/self_attn/q_proj");
        assert_eq!(module_path("encoder.layer.0.attention.self.query"), "encoder/layer.0/attention/self/query");
        assert_eq!(parent("model/layers.12/mlp"), "model/layers.12");
        assert_eq!(parent("lm_head"), "");
    }
}
