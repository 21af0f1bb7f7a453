//! Whether a checkpoint is the complete network that its configuration describes: every tensor that the family's rules
//! require exists, and every shape agrees with the hyper-parameters.
//!
//! Reads names and shapes only. Unknown sizes (a field that is missing and has no default, sizes that differ from layer to
//! layer) are not checked. Names that the family does not know are handled by the conversion.

mod faults;
mod sizes;
mod slots;

use super::back::Meta;
use super::class::{LAYER_COUNT_KEYS, hf_class, names_family};
use super::config::Config;
use super::family::{Bias, Dim, Experts, FAMILIES, Family, Need, Network, Op, Rule, by_class};
use super::tensors::{is_unused, other_modality, plain_name, split_layer, split_suffix, with_layer};
use crate::model::{MetaValue, Model, Result};
use crate::tensor::Shape;
use faults::Faults;
use sizes::{Size, Sizes};
use slots::{FUSED, Side, Slot, slots};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Names of modules remembered to find out how a checkpoint spells its tensors; an architecture has a few dozen.
const MAX_MODULES: usize = 1024;

/// What was seen of a layer.
#[derive(Default)]
struct Layer {
    /// Number and part of each expert matrix.
    experts: Vec<(u64, usize)>,
    fused: bool,
    routed: bool,
    dense: bool,
}

/// Refuses a model whose tensors are not those that its configuration describes. A model of an unknown architecture, or one
/// whose tensors have none of the family's names, is not judged.
///
/// # Errors
/// A bad-file error that names the missing tensors and those that have other shapes (the first 20 of each, and how many
/// there are).
pub(super) fn check(model: &Model) -> Result<()> {
    if model.format.has_gguf_names() { check_gguf(model) } else { check_hugging_face(model) }
}

fn check_hugging_face(model: &Model) -> Result<()> {
    // Errors of the configuration itself are reported where it is used.
    let Some(root) = model.config().filter(serde_json::Value::is_object) else { return Ok(()) };
    let Ok(class) = hf_class(&root) else { return Ok(()) };
    let Ok(family) = by_class(class) else { return Ok(()) };
    let mut config = Config::new(root.as_object().unwrap_or(&serde_json::Map::new()));
    if names_family(&root, family) {
        (family.defaults)(&mut config);
    }
    let Some((field, blocks)) = LAYER_COUNT_KEYS.iter().find_map(|f| Some((f, config.peek_uint(f)?))) else {
        return Ok(());
    };
    let network = Network { class, config: &config };
    let mut tensors: HashMap<String, &Shape> = HashMap::new();
    for t in model.tensors.iter().filter(|t| !other_modality(&t.name)) {
        if let Some(name) = (family.rename)(&plain_name(&t.name), &config) {
            tensors.insert(name, &t.shape);
        }
    }
    let check = Check {
        family,
        side: Side::HuggingFace,
        network: Some(&network),
        sizes: Sizes::of_config(&config, family),
        blocks,
        tensors,
    };
    check.run(class, "config.json", &format!("{field} {blocks}"))
}

fn check_gguf(model: &Model) -> Result<()> {
    // Adapters, projectors and importance matrices are GGUF files too.
    if model.metadata.get("general.type").and_then(MetaValue::as_str).is_some_and(|t| t != "model") {
        return Ok(());
    }
    let Some(arch) = model.metadata.get("general.architecture").and_then(MetaValue::as_str) else { return Ok(()) };
    let meta = Meta { arch, model };
    let mixture = meta.uint("expert_count").ok().flatten().is_some_and(|n| n > 0);
    let mut families = FAMILIES.iter().filter(|f| f.info.gguf_arch == arch);
    let Some(family) = families.find(|f| f.experts.is_some() == mixture) else { return Ok(()) };
    let Some(blocks) = meta.uint("block_count").ok().flatten() else { return Ok(()) };
    let tensors = model.tensors.iter().map(|t| (t.name.to_string(), &t.shape)).collect();
    let sizes = Sizes::of_gguf(model, arch);
    let check = Check { family, side: Side::Gguf, network: None, sizes, blocks, tensors };
    check.run(arch, "the metadata", &format!("{arch}.block_count {blocks}"))
}

/// One network against its family's rules.
struct Check<'a> {
    family: &'static Family,
    side: Side,
    /// What determines which tensors exist; GGUF metadata does not say.
    network: Option<&'a Network<'a>>,
    sizes: Sizes,
    blocks: u64,
    tensors: HashMap<String, &'a Shape>,
}

impl Check<'_> {
    fn run(&self, arch: &str, source: &str, layers: &str) -> Result<()> {
        let mut slots = slots(self.family, self.side);
        let mut faults = Faults::default();
        let (seen, known) = self.seen(&mut slots, &mut faults);
        if !known {
            return Ok(());
        }
        for slot in slots.iter().filter(|s| !self.pattern(s.rules[0]).contains("{}")) {
            self.slot(slot, None, true, &mut faults);
        }
        let present = seen.range(..self.blocks);
        for (&n, layer) in present.clone() {
            self.layer(&slots, n, layer, &mut faults);
        }
        let absent = self.blocks.saturating_sub(present.count() as u64);
        if absent > 0 {
            self.absent(&slots, &seen, absent, &mut faults);
        }
        faults.into_error(arch, source, layers)
    }

    fn pattern(&self, rule: &Rule) -> &'static str {
        if self.side == Side::HuggingFace { rule.hf } else { rule.gguf }
    }

    /// The tensors found in each layer, and whether any name is the family's. Finds the spelling of each slot.
    fn seen(&self, slots: &mut [Slot], faults: &mut Faults) -> (BTreeMap<u64, Layer>, bool) {
        let rules: HashMap<&str, &Rule> = slots.iter().flat_map(|s| &s.rules).map(|r| (self.pattern(r), *r)).collect();
        let mut seen: BTreeMap<u64, Layer> = BTreeMap::new();
        let mut known = false;
        let mut modules: HashSet<String> = HashSet::new();
        for name in self.tensors.keys() {
            let (layer, key) = split_layer(name);
            let (stem, _) = split_suffix(&key);
            if modules.len() < MAX_MODULES {
                modules.insert(stem.rsplit_once('.').map_or(stem, |(module, _)| module).to_owned());
            }
            let rule = rules.get(stem);
            let part = self.family.experts.as_ref().and_then(|e| self.expert_part(e, stem));
            if rule.is_some() || part.is_some() {
                known = true;
            } else if !is_unused(name) {
                faults.stranger(name);
            }
            let Some(layer) = layer.filter(|_| rule.is_some() || part.is_some()) else { continue };
            let layer = seen.entry(layer).or_default();
            match part {
                Some(Part::One(expert, part)) => layer.experts.push((expert, part)),
                Some(Part::All) => layer.fused = true,
                None => {}
            }
            match rule.map(|r| r.need) {
                Some(Need::Dense) => layer.dense = true,
                Some(Need::Sparse) => layer.routed = true,
                _ => {}
            }
        }
        seen.values_mut().for_each(|layer| layer.experts.sort_unstable());
        for slot in slots.iter_mut().filter(|s| s.rules.len() > 1) {
            let module = |rule: &&&'static Rule| {
                let module = self.pattern(rule).rsplit_once('.').map_or("", |(module, _)| module);
                modules.iter().any(|m| m.starts_with(module))
            };
            slot.spelling = slot.rules.iter().find(module).copied().unwrap_or(slot.spelling);
        }
        (seen, known)
    }

    /// Whether a name (without layer and suffix) is one expert's, or that of all experts of a layer.
    fn expert_part(&self, experts: &Experts, stem: &str) -> Option<Part> {
        if self.side == Side::Gguf {
            return experts.parts.iter().any(|p| p.1 == stem).then_some(Part::All);
        }
        if experts.fused && FUSED.iter().any(|f| f.0 == stem) {
            return Some(Part::All);
        }
        let (number, part) = stem.strip_prefix(experts.prefix)?.split_once('.')?;
        let number: u64 = number.parse().ok().filter(|n| *n < self.sizes.experts())?;
        Some(Part::One(number, experts.parts.iter().position(|p| p.0 == part)?))
    }

    fn layer(&self, slots: &[Slot], n: u64, layer: &Layer, faults: &mut Faults) {
        let experts = self.family.experts.as_ref();
        let plain = layer.dense && layer.experts.is_empty() && !layer.fused && !layer.routed;
        let sparse = experts.is_some_and(|e| !(e.dense_layers && plain));
        for slot in slots.iter().filter(|s| self.pattern(s.rules[0]).contains("{}")) {
            let wanted = match slot.rules[0].need {
                Need::Dense => !sparse,
                Need::Sparse => sparse,
                _ => true,
            };
            self.slot(slot, Some(n), wanted, faults);
        }
        if let Some(experts) = experts.filter(|_| sparse) {
            self.experts(experts, n, layer, faults);
        }
    }

    /// One tensor under any of its names: it exists if required, and has the right shape.
    fn slot(&self, slot: &Slot, layer: Option<u64>, wanted: bool, faults: &mut Faults) {
        let weight = slot.rules.iter().find_map(|rule| {
            let name = with_layer(self.pattern(rule), layer) + ".weight";
            Some((*rule, self.tensors.get(&name)?, name))
        });
        let rule = match weight {
            Some((rule, shape, name)) => {
                self.shape(&name, shape, &self.oriented(rule), faults);
                rule
            }
            None => {
                let rule = slot.spelling;
                if wanted && self.needs(rule) && !self.replaced(rule, layer) {
                    faults.missing.add(|| with_layer(self.pattern(rule), layer) + ".weight");
                }
                rule
            }
        };
        let bias = with_layer(self.pattern(rule), layer) + ".bias";
        match self.tensors.get(&bias) {
            Some(shape) => {
                let dim = if rule.op == Op::Transpose { rule.shape.last() } else { rule.shape.first() };
                self.shape(&bias, shape, dim.map_or(&[], std::slice::from_ref), faults);
            }
            None => {
                let always = match rule.bias {
                    Bias::Optional => false,
                    Bias::Always => true,
                    Bias::If(has) => self.network.is_some_and(has),
                };
                if always && wanted && self.needs(rule) && !self.replaced(rule, layer) {
                    faults.missing.add(|| bias);
                }
            }
        }
    }

    /// Whether this network has the tensor.
    fn needs(&self, rule: &Rule) -> bool {
        match rule.need {
            Need::Always | Need::Dense | Need::Sparse => true,
            Need::If(has) => self.network.is_some_and(has),
        }
    }

    /// llama.cpp also loads query, key and value as one tensor, or as three where the architecture has one.
    fn replaced(&self, rule: &Rule, layer: Option<u64>) -> bool {
        let there = |stem: &str| self.tensors.contains_key(&(with_layer(stem, layer) + ".weight"));
        self.side == Side::Gguf
            && match rule.gguf {
                "blk.{}.attn_q" | "blk.{}.attn_k" | "blk.{}.attn_v" => there("blk.{}.attn_qkv"),
                "blk.{}.attn_qkv" => there("blk.{}.attn_q"),
                _ => false,
            }
    }

    /// The dimensions of a weight as this side stores it.
    fn oriented(&self, rule: &Rule) -> Vec<Dim> {
        let mut dims = rule.shape.to_vec();
        if self.side == Side::Gguf && rule.op == Op::Transpose {
            dims.reverse();
        }
        dims
    }

    fn shape(&self, name: &str, is: &Shape, dims: &[Dim], faults: &mut Faults) {
        if dims.is_empty() {
            return;
        }
        let sizes: Vec<Option<Size>> = dims.iter().map(|d| self.sizes.get(*d)).collect();
        let wrong = |(i, size): (usize, &Option<Size>)| {
            let size = size.as_ref()?;
            (is.0.get(i) != Some(&size.value)).then(|| size.fields.clone())
        };
        let fields: Vec<String> = sizes.iter().enumerate().filter_map(wrong).flatten().collect();
        if is.rank() != dims.len() || !fields.is_empty() {
            let expected: Vec<Option<u64>> = sizes.iter().map(|s| s.as_ref().map(|s| s.value)).collect();
            faults.shape(name, is, &expected, fields);
        }
    }

    /// The experts of one layer: one matrix each, or fused as transformers 5 and GGUF store them.
    fn experts(&self, experts: &Experts, n: u64, layer: &Layer, faults: &mut Faults) {
        let fused: Vec<(String, Vec<Dim>)> = if self.side == Side::Gguf {
            let stack = |(part, shape): (&(&str, &str), &&[Dim])| {
                let dims = std::iter::once(Dim::Experts).chain(shape.iter().copied()).collect();
                (with_layer(part.1, Some(n)) + ".weight", dims)
            };
            experts.parts.iter().zip(experts.shapes).map(stack).collect()
        } else if layer.fused && layer.experts.is_empty() {
            FUSED.iter().map(|(stem, dims)| (with_layer(stem, Some(n)), dims.to_vec())).collect()
        } else {
            self.single_experts(experts, n, layer, faults);
            return;
        };
        for (name, dims) in fused {
            match self.tensors.get(&name) {
                Some(shape) => self.shape(&name, shape, &dims, faults),
                None => faults.missing.add(|| name),
            }
        }
    }

    fn single_experts(&self, experts: &Experts, n: u64, layer: &Layer, faults: &mut Faults) {
        let prefix = with_layer(experts.prefix, Some(n));
        let name = |expert: u64, part: usize| format!("{prefix}{expert}.{}.weight", experts.parts[part].0);
        for &(expert, part) in &layer.experts {
            let name = name(expert, part);
            if let Some(shape) = self.tensors.get(&name) {
                self.shape(&name, shape, experts.shapes.get(part).copied().unwrap_or(&[]), faults);
            }
        }
        let held: HashSet<(u64, usize)> = layer.experts.iter().copied().collect();
        let all = self.sizes.experts().saturating_mul(experts.parts.len() as u64);
        let mut missing = all.saturating_sub(held.len() as u64);
        // At most as many steps as experts exist and as fit in the list, whatever number the configuration gives.
        let names = (0..self.sizes.experts()).flat_map(|e| (0..experts.parts.len()).map(move |p| (e, p)));
        for (expert, part) in names.filter(|k| !held.contains(k)) {
            if missing == 0 || faults.missing.is_full() {
                break;
            }
            missing -= 1;
            faults.missing.add(|| name(expert, part));
        }
        faults.missing.add_unnamed(missing);
    }

    /// Layers without any tensor: named as far as they fit in the list, the rest counted.
    fn absent(&self, slots: &[Slot], seen: &BTreeMap<u64, Layer>, absent: u64, faults: &mut Faults) {
        let mut left = absent;
        let mut each = 0;
        let (mut first, mut last) = (None, 0);
        // Stops at the latest after the existing layers and as many as fit in the list.
        for n in (0..self.blocks).filter(|n| !seen.contains_key(n)) {
            first.get_or_insert(n);
            last = n;
            if faults.missing.is_full() && each > 0 {
                break;
            }
            let mut one = Faults::default();
            self.layer(slots, n, &Layer::default(), &mut one);
            each = one.missing.count();
            faults.missing.append(one.missing);
            left -= 1;
            if left == 0 {
                break;
            }
        }
        faults.missing.add_unnamed(left.saturating_mul(each));
        if left > 0 {
            // The very last one, searched from the end.
            last = (0..self.blocks).rev().find(|n| !seen.contains_key(n)).unwrap_or(last);
        }
        faults.empty_layers = first.map(|first| (first, last, absent));
    }
}

/// What a tensor holds of a layer's experts.
enum Part {
    /// One matrix: the expert's number and which of the parts.
    One(u64, usize),
    /// One part of all experts.
    All,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_know_the_shape_of_every_tensor() {
        for family in FAMILIES {
            for rule in family.rules.iter().copied().flatten() {
                assert!(!rule.shape.is_empty(), "{}: {} has no shape", family.info.gguf_arch, rule.hf);
            }
            if let Some(experts) = &family.experts {
                assert_eq!(experts.parts.len(), experts.shapes.len(), "{}", family.info.gguf_arch);
            }
        }
    }
}
