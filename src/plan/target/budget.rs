//! A budget instead of a type: which type each tensor gets so that the file has at most the bytes asked for and loses least.
//!
//! The tensors that llama-quantize would quantize, and for which the user named no type, are measured in every candidate
//! type (`forecast`); [`forecast::choose`] picks; the choices then go to the planner of llama-quantize as types by name.

use super::super::overrides::{Overrides, parse_encoding};
use crate::arch::{Role, classify};
use crate::forecast::{self, Candidates, Choice, Group, Measuring, Scores, Subject, Surroundings, fused_with};
use crate::formats::{self, LayoutRequest, LayoutTensor};
use crate::model::{FormatId, Metadata, Model, ModelError, Result, Sidecars, TensorEntry};
use crate::quant::{BlockType, Encoding};
use crate::recipe::{Target, parse_size};
use crate::transform::{FileType, Imatrix, QuantizeRequest, kept_because, plan_quantize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Why a tensor has the type that a budget gave it.
pub(super) const BECAUSE: &str = "chosen for the budget";

/// What the file may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Budget {
    /// Bytes of the whole file, or of all files of a split.
    Bytes(u64),
    /// Bits for each weight, over all tensors.
    BitsPerWeight(f64),
}

impl Budget {
    /// The budget of a target, if it has one.
    ///
    /// # Errors
    /// Two budgets; a budget and a type; a size that is none.
    pub(super) fn of(target: &Target) -> Result<Option<Self>> {
        let budget = match (&target.target_size, target.target_bpw) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                let hint = "Give the size, or the bits for each weight.";
                return Err(ModelError::request("two budgets: target_size and target_bpw").with_hint(hint));
            }
            (Some(text), None) => {
                let bytes = parse_size(text).filter(|&n| n > 0);
                Self::Bytes(bytes.ok_or_else(|| {
                    let what = format!("`{text}` is no size");
                    ModelError::request(what).field("target_size").with_hint("Write it as 760MB or 4.5GiB.")
                })?)
            }
            (None, Some(bits)) if bits.is_finite() && bits > 0.0 => Self::BitsPerWeight(bits),
            (None, Some(bits)) => {
                let what = format!("{bits} bits for each weight");
                return Err(ModelError::request(what).field("target_bpw").with_hint("Write it as 4.25."));
            }
        };
        match target.quantization.as_deref() {
            None => Ok(Some(budget)),
            Some(q) if q.eq_ignore_ascii_case("auto") => Ok(Some(budget)),
            Some(q) => Err(ModelError::request(format!("a type ({q}) and a budget for one target"))
                .field("quantization")
                .with_hint("A budget chooses the types: leave out the type, as in `--to gguf --target-bpw 4.25`.")),
        }
    }

    /// Its name in plans and in the names of files.
    pub(super) fn name(self, target: &Target) -> String {
        match self {
            Self::Bytes(n) => target.target_size.as_deref().map_or_else(|| n.to_string(), |t| t.replace(' ', "")),
            Self::BitsPerWeight(bits) => format!("{bits}bpw"),
        }
    }
}

/// A model on its way to GGUF that types are to be chosen for.
pub(super) struct Choosing<'a> {
    /// The tensors as the planner sees them: their GGUF names and the encodings of the conversion.
    pub model: &'a Model,
    /// The same tensors with the encodings that their rows really have.
    pub real: &'a Model,
    /// The target.
    pub target: &'a Target,
    /// The user's own types.
    pub overrides: &'a Overrides,
    /// The importance matrix.
    pub imatrix: Option<&'a Arc<Imatrix>>,
}

/// A tensor that a type is chosen for.
struct Open<'a> {
    entry: &'a TensorEntry,
    subject: Subject,
    types: Vec<Encoding>,
    group: (Option<u32>, String),
    sensitivity: f64,
}

impl<'a> Choosing<'a> {
    /// The file type to declare and the type of every tensor that was open.
    ///
    /// # Errors
    /// Those of reading; a budget below what is possible.
    pub(super) fn types(&self, budget: Budget, how: Measuring<'_>) -> Result<(FileType, HashMap<String, Encoding>)> {
        let open = self.open()?;
        let mut scores = Scores::open(&forecast::scores_root(), &self.real.path);
        let wanted: Vec<(&Subject, Vec<Encoding>)> = open
            .iter()
            .map(|t| (&t.subject, t.types.iter().copied().filter(|e| *e != t.entry.encoding).collect()))
            .collect();
        scores.measure(&wanted, how)?;
        let groups = grouped(&open, &scores);
        let options: Vec<Group> = groups.iter().map(|g| Group { options: g.options(&open, &scores) }).collect();
        let base = self.base_bytes(&open)?;
        let mut limit = match budget {
            Budget::Bytes(n) => n,
            Budget::BitsPerWeight(bits) => {
                let elems: u64 = self.model.tensors.iter().filter_map(|t| t.shape.elems()).sum();
                (bits * elems as f64 / 8.0) as u64
            }
        };
        let asked = limit;
        // Padding and the tables of a split file are known only once the types are: a second round takes them off.
        for _ in 0..8 {
            let fixed = base.of(budget);
            let room = limit.checked_sub(fixed);
            let chosen = room
                .ok_or(0)
                .and_then(|room| forecast::choose(&options, room).map_err(|over| over.least))
                .map_err(|least| self.too_small(budget, asked, fixed + least))?;
            let mut types = HashMap::new();
            for (group, &o) in groups.iter().zip(&chosen) {
                types.extend(group.members.iter().map(|&t| (open[t].entry.name.clone(), group.types[o])));
            }
            let file_type = nearest_file_type(&open, &types);
            let bytes = match budget {
                Budget::Bytes(_) => self.file_bytes(file_type, &types)?,
                Budget::BitsPerWeight(_) => asked,
            };
            if bytes <= asked {
                return Ok((file_type, types));
            }
            limit = limit.saturating_sub(bytes - asked);
        }
        Err(self.too_small(budget, asked, asked))
    }

    /// The tensors to choose for.
    fn open(&self) -> Result<Vec<Open<'a>>> {
        let around = Surroundings::of(self.model.tensors.iter().map(|t| t.name.as_str()));
        let only: Vec<Encoding> =
            self.target.budget_types.iter().map(|t| parse_encoding("budget_types", t)).collect::<Result<_>>()?;
        let mut open = Vec::new();
        for (at, entry) in self.model.tensors.iter().enumerate() {
            let name = entry.name.as_str();
            let named = self.overrides.rule(name).is_some()
                || (name == "output.weight" && self.overrides.output.is_some())
                || (matches!(name, "token_embd.weight" | "per_layer_token_embd.weight")
                    && self.overrides.embedding.is_some());
            let kept = kept_because(entry, &self.model.metadata, self.target.leave_output).is_some();
            if named || kept || matches!(entry.encoding, Encoding::Plain(d) if !d.is_float()) {
                continue;
            }
            let importance = self.imatrix.filter(|m| covers(m, entry)).cloned();
            let what = classify(name);
            let candidates = Candidates {
                cols: entry.cols(),
                source: entry.encoding,
                importance: importance.is_some(),
                output: what.role == Role::Output || (around.tied && name == "token_embd.weight"),
                embedding: what.role == Role::Embedding,
                only: &only,
            };
            let types = candidates.types();
            if types.is_empty() {
                let what = format!("none of the types in budget_types fits rows of {} elements", entry.cols());
                return Err(ModelError::request(what)
                    .field(name)
                    .with_hint("Add a type of 32-element blocks, q8_0 or f16."));
            }
            let real = self.real.tensors.get(at).filter(|t| t.name == name).or_else(|| self.real.tensor(name));
            let subject = Subject { entry: real.unwrap_or(entry).clone(), importance };
            let group = (what.layer, fused_with(&what.kind).to_owned());
            let sensitivity = around.sensitivity(name);
            open.push(Open { entry, subject, types, group, sensitivity });
        }
        Ok(open)
    }

    fn request(&self, file_type: FileType, types: HashMap<String, Encoding>) -> QuantizeRequest {
        QuantizeRequest {
            imatrix: self.imatrix.cloned(),
            token_embedding_type: self.overrides.embedding,
            output_type: self.overrides.output,
            tensor_types: types,
            leave_output: self.target.leave_output,
            allow_requantize: self.target.allow_requantize,
            ..QuantizeRequest::new(file_type)
        }
    }

    /// Every tensor's type, those that are not open to choice included.
    fn laid_out(
        &self,
        file_type: FileType,
        types: &HashMap<String, Encoding>,
    ) -> Result<(Vec<LayoutTensor>, Metadata)> {
        let mut all = types.clone();
        let named = |t: &TensorEntry| self.overrides.rule(&t.name).map(|e| (t.name.clone(), e));
        all.extend(self.model.tensors.iter().filter_map(named));
        let plan = plan_quantize(self.model, &self.request(file_type, all))?;
        let tensor = |(&i, c): (&usize, &crate::transform::Choice)| {
            let entry = &self.model.tensors[i];
            LayoutTensor { name: entry.name.clone(), shape: entry.shape.clone(), encoding: c.encoding }
        };
        Ok((plan.order.iter().zip(&plan.choices).map(tensor).collect(), plan.metadata))
    }

    /// Bytes of the file or files with these types.
    fn file_bytes(&self, file_type: FileType, types: &HashMap<String, Encoding>) -> Result<u64> {
        let (tensors, metadata) = self.laid_out(file_type, types)?;
        let Some(layout) = formats::spec(FormatId::Gguf).and_then(|s| s.layout) else { return Ok(0) };
        let request = LayoutRequest {
            path: Path::new("model.gguf"),
            tensors: &tensors,
            metadata: &metadata,
            sidecars: &Sidecars::default(),
            max_shard_bytes: None,
        };
        Ok(layout(&request)?.iter().map(|f| f.bytes).sum())
    }

    /// What stands in the file whatever is chosen.
    fn base_bytes(&self, open: &[Open<'_>]) -> Result<Base> {
        let at_source: HashMap<String, Encoding> =
            open.iter().map(|t| (t.entry.name.clone(), t.entry.encoding)).collect();
        let (tensors, _) = self.laid_out(FileType::Q8_0, &at_source)?;
        let chosen: u64 = open.iter().map(|t| t.entry.bytes()).sum();
        let data: u64 = tensors.iter().filter_map(|t| t.encoding.tensor_bytes(&t.shape)).sum();
        let file = self.file_bytes(FileType::Q8_0, &at_source)?;
        Ok(Base { data: data.saturating_sub(chosen), file: file.saturating_sub(chosen) })
    }

    fn too_small(&self, budget: Budget, asked: u64, least: u64) -> ModelError {
        let with = if self.imatrix.is_some() { "" } else { " without an importance matrix" };
        let what = match budget {
            Budget::Bytes(_) => format!("{asked} bytes are too few: this model needs {least} at least{with}"),
            Budget::BitsPerWeight(bits) => {
                let least = bits * least as f64 / asked.max(1) as f64;
                format!("{bits} bits for each weight are too few: this model needs {least:.2} at least{with}")
            }
        };
        let hint = match self.imatrix {
            None => {
                "Raise the budget, or give an importance matrix (--imatrix), which allows the types below three bits."
            }
            Some(_) => "Raise the budget; `remold plan` shows what can be had.",
        };
        ModelError::request(what)
            .field(if matches!(budget, Budget::Bytes(_)) { "target_size" } else { "target_bpw" })
            .with_hint(hint)
    }
}

/// True if the matrix has the values that the tensor needs.
fn covers(imatrix: &Imatrix, entry: &TensorEntry) -> bool {
    imatrix.get(&entry.name).is_some_and(|v| v.len() as u64 == entry.cols().saturating_mul(entry.stacked()))
}

/// Bytes that no choice changes.
struct Base {
    /// Of tensor data.
    data: u64,
    /// Of the file: header, padding and tensor data.
    file: u64,
}

impl Base {
    fn of(&self, budget: Budget) -> u64 {
        if matches!(budget, Budget::Bytes(_)) { self.file } else { self.data }
    }
}

/// Tensors of one type.
struct Tied {
    members: Vec<usize>,
    types: Vec<Encoding>,
}

impl Tied {
    fn options(&self, open: &[Open<'_>], scores: &Scores) -> Vec<Choice> {
        let option = |&e: &Encoding| {
            let bytes = self.members.iter().filter_map(|&t| e.tensor_bytes(&open[t].entry.shape)).sum();
            let cost = self.members.iter().map(|&t| cost(&open[t], e, scores)).sum();
            Choice { bytes, cost }
        };
        self.types.iter().map(option).collect()
    }
}

/// What a tensor costs in a type.
fn cost(t: &Open<'_>, e: Encoding, scores: &Scores) -> f64 {
    if e == t.entry.encoding {
        return 0.0;
    }
    scores.get(&t.entry.name, e).map_or(f64::MAX / 1e6, |s| t.sensitivity * s.relative())
}

fn grouped(open: &[Open<'_>], scores: &Scores) -> Vec<Tied> {
    let mut by: BTreeMap<&(Option<u32>, String), Vec<usize>> = BTreeMap::new();
    for (i, t) in open.iter().enumerate() {
        by.entry(&t.group).or_default().push(i);
    }
    let mut out = Vec::new();
    for members in by.into_values() {
        let can = |t: usize, e: Encoding| {
            open[t].types.contains(&e) && (e == open[t].entry.encoding || scores.get(&open[t].entry.name, e).is_some())
        };
        let shared = |members: &[usize]| -> Vec<Encoding> {
            let first = open[members[0]].types.iter().copied();
            first.filter(|e| members.iter().all(|&t| can(t, *e))).collect()
        };
        let types = shared(&members);
        if types.is_empty() {
            // Rows of different lengths may have no type in common: each goes alone.
            out.extend(members.iter().map(|&t| Tied { members: vec![t], types: shared(&[t]) }));
        } else {
            out.push(Tied { members, types });
        }
    }
    out.retain(|g| !g.types.is_empty());
    out
}

/// The file type to declare: the one whose base type most of the weights have.
fn nearest_file_type(open: &[Open<'_>], types: &HashMap<String, Encoding>) -> FileType {
    let mut elems: BTreeMap<Encoding, u64> = BTreeMap::new();
    for t in open {
        if let Some(e @ Encoding::Block(_)) = types.get(&t.entry.name) {
            *elems.entry(*e).or_default() += t.entry.shape.elems().unwrap_or(0);
        }
    }
    let most = elems.into_iter().max_by_key(|(_, n)| *n).map_or(BlockType::Q8_0.into(), |(e, _)| e);
    let medium = [FileType::Q3_K_M, FileType::Q4_K_M, FileType::Q5_K_M];
    let mut all = medium.iter().chain(FileType::ALL);
    all.find(|f| f.base() == most).copied().unwrap_or(FileType::Q8_0)
}
