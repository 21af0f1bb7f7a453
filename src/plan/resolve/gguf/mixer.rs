//! Which type each tensor gets, so that a file keeps to a budget and loses least.
//!
//! The tensors that llama-quantize would quantize, and for which the user named no type, are measured in every candidate
//! type (`forecast`); [`forecast::choose`] picks; the choices go to the planner of llama-quantize as types by name.

use super::super::{Resolved, parse_encoding};
use super::budget::Budget;
use super::costs::Costs;
use super::effort;
use super::file_types::Outline;
use super::overrides::Overrides;
use super::ready::Ready;
use super::split::trial;
use super::within::holds;
use crate::forecast::divergence::{Checked, Tempering};
use crate::forecast::{self, Candidates, Choice, Group, Score, Scores, Subject, Surroundings, fused_with};
use crate::formats::LayoutTensor;
use crate::model::{Hint, Listing, Model, ModelError, Name, OptionName, Remedy, Result, Role, TensorEntry, Warning};
use crate::plan::resolve::{Dial, DialOption, DialPart};
use crate::plan::{PredictedDivergence, PreparedTensor};
use crate::quant::{BlockType, Encoding};
use crate::recipe::Target;
use crate::recipe::options::gguf;
use crate::task::Task;
use crate::tensor::DType;
use crate::transform::{FileType, may_quantize, plan_quantize};
use crate::units::{bytes, bytes_at_least};
use std::collections::{BTreeMap, HashMap};

/// Cost of a type that could not be measured: never chosen where there is another.
pub(super) const NEVER: f64 = 1e300;

/// Rounds of taking off what padding and split tables cost; each one leaves less.
const ROUNDS: usize = 8;

/// A model whose tensors are measured, for any number of budgets.
pub(in crate::plan) struct Mixer<'a> {
    ready: &'a Ready,
    target: &'a Target,
    overrides: &'a Overrides,
    open: Vec<Open<'a>>,
    groups: Vec<Tied>,
    options: Vec<Group>,
    scores: Scores,
    around: Surroundings,
    base: Base,
    /// The types that the user allows; empty: all.
    only: Vec<Encoding>,
    /// What types cost the network, where that was measured.
    costs: Option<Costs>,
}

/// What was chosen.
#[derive(Clone)]
pub(in crate::plan) struct Mix {
    /// The file type to declare.
    pub file_type: FileType,
    /// The type of every tensor that was open.
    pub types: HashMap<Name, Encoding>,
    /// When the budget could not be used up.
    pub warning: Option<Warning>,
}

/// A tensor that a type is chosen for.
struct Open<'a> {
    entry: &'a TensorEntry,
    types: Vec<Encoding>,
    group: Place,
}

/// Layer, and the kind under which tensors are computed together.
type Place = (Option<u32>, String);

impl<'a> Mixer<'a> {
    /// Measures the candidates of every open tensor, and of `also` tensors by name the types given there.
    ///
    /// # Errors
    /// Those of reading; types in `budget_types` that do not exist or do not fit.
    pub(in crate::plan) fn measured(
        model: &Model,
        ready: &'a Ready,
        target: &'a Target,
        overrides: &'a Overrides,
        also: &[(Name, Encoding)],
        how: Task<'_>,
    ) -> Result<Self> {
        let around = Surroundings::of(&ready.model.tensors);
        let only = budget_types(target)?;
        let open = open(ready, target, overrides, around, &only)?;
        let mut wanted: BTreeMap<&str, Vec<Encoding>> = BTreeMap::new();
        for t in &open {
            let measured = t.types.iter().copied().filter(|e| *e != t.entry.encoding);
            wanted.insert(&t.entry.name, measured.collect());
        }
        for (name, encoding) in also {
            wanted.entry(name).or_default().push(*encoding);
        }
        let subjects: Vec<(Subject, Vec<Encoding>)> = ready
            .real
            .iter()
            .filter_map(|t| {
                let mut types = wanted.remove(t.name.as_str())?;
                // Without loss, and cheap: gives the signal of tensors that keep their type.
                types.push(DType::F32.into());
                types.sort_unstable();
                types.dedup();
                let importance = ready.imatrix.clone().filter(|m| m.covers(t));
                Some((Subject { entry: t.clone(), importance }, types))
            })
            .collect();
        let mut scores = Scores::open(&forecast::scores_root(), &ready.model.path, effort(target)?);
        scores.measure(&subjects, how)?;
        let chosen_from: Vec<(Subject, Vec<Encoding>)> = open
            .iter()
            .map(|t| {
                let importance = ready.imatrix.clone().filter(|m| m.covers(t.entry));
                let blocks =
                    t.types.iter().copied().filter(|e| matches!(e, Encoding::Block(_)) && *e != t.entry.encoding);
                (Subject { entry: t.entry.clone(), importance }, blocks.collect())
            })
            .collect();
        let costs = Costs::measured(model, ready, target, &chosen_from, &scores, how)?;
        let groups = grouped(&open, |name, e| scores.get(name, e).is_some(), costs.is_none());
        let (options, base) = (Vec::new(), Base::default());
        let mut mixer = Self { ready, target, overrides, open, groups, options, scores, around, base, only, costs };
        mixer.base = mixer.base_bytes()?;
        mixer.options = mixer.groups.iter().map(|g| Group { options: mixer.options_of(g) }).collect();
        Ok(mixer)
    }

    /// The mix for a budget.
    ///
    /// # Errors
    /// A budget below what is possible.
    pub(in crate::plan) fn choose(&self, budget: Budget) -> Result<Mix> {
        self.choose_from(&self.options, budget)
    }

    /// The mix for a budget, under an assumption on how far the measured costs can be trusted.
    ///
    /// # Errors
    /// As [`Mixer::choose`].
    pub(in crate::plan) fn choose_tempered(&self, budget: Budget, tempering: Tempering) -> Result<Mix> {
        let Some(costs) = &self.costs else { return self.choose(budget) };
        let cost = |t: &Open<'_>, e: Encoding| {
            let score = self.scores.get(&t.entry.name, e).filter(|_| e != t.entry.encoding);
            let tempered = score.and_then(|s| costs.tempered(tempering, t.entry, e, s));
            tempered.filter(|c| c.is_finite()).unwrap_or_else(|| self.cost(t, e))
        };
        let options: Vec<Group> = self.groups.iter().map(|g| Group { options: self.options_with(g, cost) }).collect();
        match budget {
            // The sum of tempered costs is no divergence: what is kept to is the size of the mix that keeps it.
            Budget::Divergence(_) => {
                let plain = self.choose(budget)?;
                let limit = self.file_bytes(plain.file_type, &plain.types)?;
                self.choose_from(&options, Budget::Bytes(limit))
            }
            _ => self.choose_from(&options, budget),
        }
    }

    fn choose_from(&self, options: &[Group], budget: Budget) -> Result<Mix> {
        let fixed = if matches!(budget, Budget::Bytes(_)) { self.base.file } else { self.base.data };
        let asked = match budget {
            Budget::Bytes(n) => n,
            Budget::BitsPerWeight(bits) => (bits * self.elems() as f64 / 8.0) as u64,
            Budget::Divergence(nats) => return self.smallest(nats),
        };
        let (mut limit, mut needed) = (asked, asked);
        // Padding and the tables of a split file are known only with the types: a second round takes them off.
        for _ in 0..ROUNDS {
            let chosen = forecast::choose(options, limit.saturating_sub(fixed))
                .map_err(|over| self.too_small(budget, fixed + over.least))?;
            let types = self.types_of(&chosen);
            let file_type = nearest_file_type(&self.open, &types);
            let bytes = match budget {
                Budget::Bytes(_) => self.file_bytes(file_type, &types)?,
                Budget::BitsPerWeight(_) | Budget::Divergence(_) => fixed + data_bytes(&self.open, &types),
            };
            if bytes <= asked {
                return Ok(Mix { file_type, warning: self.left_over(options, bytes, asked, &chosen), types });
            }
            limit = limit.saturating_sub(bytes - asked);
            needed = bytes;
        }
        Err(self.too_small(budget, needed))
    }

    fn types_of(&self, chosen: &[usize]) -> HashMap<Name, Encoding> {
        let members = |(group, &o): (&'_ Tied, &usize)| -> Vec<(Name, Encoding)> {
            group.members.iter().map(|&t| (self.open[t].entry.name.clone(), group.types[o])).collect()
        };
        self.groups.iter().zip(chosen).flat_map(members).collect()
    }

    /// The mix of fewest bytes that costs at most so many nats.
    ///
    /// # Errors
    /// No costs were measured; less than the best types cost.
    fn smallest(&self, nats: f64) -> Result<Mix> {
        if self.costs.is_none() {
            return Err(ModelError::request(
                "a limit of the divergence needs a measure of what each type costs the network",
            )
            .in_option(&gguf::MAX_KLD)
            .with_hint("Add budget_data (a text, `--data`), or scores (a file that was measured before)."));
        }
        let cost = |chosen: &[usize]| -> f64 { self.options.iter().zip(chosen).map(|(g, &o)| g.options[o].cost).sum() };
        let sum = |of: fn(u64, u64) -> u64, start: u64| -> u64 {
            let each = self.options.iter().map(|g| g.options.iter().map(|o| o.bytes).fold(start, of));
            each.fold(0, u64::saturating_add)
        };
        let (mut low, mut high) = (sum(u64::min, u64::MAX), sum(u64::max, 0));
        let mut best = forecast::choose(&self.options, high).unwrap_or_default();
        if cost(&best) > nats {
            let what = format!(
                "{nats} nats are too few: the best types of this model cost {}",
                crate::units::figure(cost(&best))
            );
            return Err(ModelError::request(what).in_option(&gguf::MAX_KLD).with_hint("Allow more."));
        }
        while low < high {
            let middle = low + (high - low) / 2;
            match forecast::choose(&self.options, middle) {
                Ok(chosen) if cost(&chosen) <= nats => (high, best) = (middle, chosen),
                _ => low = middle + 1,
            }
        }
        let types = self.types_of(&best);
        Ok(Mix { file_type: nearest_file_type(&self.open, &types), types, warning: None })
    }

    /// What the types of an output are expected to cost; `None` if it was not measured.
    pub(in crate::plan) fn prediction(&self, resolved: &Resolved) -> Option<PredictedDivergence> {
        let costs = self.costs.as_ref()?;
        let by_name: HashMap<&str, &Open<'_>> = self.open.iter().map(|t| (t.entry.name.as_str(), t)).collect();
        let open = |t: &PreparedTensor| Some((*by_name.get(t.entry.name.as_str())?, t.encoding));
        let nats = resolved.tensors.iter().filter_map(open).map(|(t, e)| self.cost(t, e)).sum();
        Some(costs.prediction(nats))
    }

    /// The file type within the budget that loses less than `mix`, if there is one: the best of them. Groups of tensors that must have one
    /// type, floors and the list of candidates keep a mix from what a file type may do.
    pub(in crate::plan) fn better_type<'o>(
        &self,
        budget: Budget,
        mix: &Outline,
        types: &'o [Outline],
    ) -> Option<&'o Outline> {
        if let Budget::Divergence(nats) = budget {
            let keeps = |o: &&Outline| self.is_allowed(o) && o.bytes < mix.bytes && self.expected(o) <= nats;
            return types.iter().filter(keeps).min_by_key(|o| o.bytes);
        }
        let best = self.fitting(budget, types).into_iter().next()?;
        (self.expected(best) < self.expected(mix)).then_some(best)
    }

    /// The file types that keep to a budget, by what they are expected to lose, the best first.
    pub(in crate::plan) fn fitting<'o>(&self, budget: Budget, types: &'o [Outline]) -> Vec<&'o Outline> {
        let keeps = |o: &&Outline| holds(budget, o, &self.ready.model);
        let fits = types.iter().filter(|o| self.is_allowed(o)).filter(keeps);
        let mut fits: Vec<(f64, &Outline)> = fits.map(|o| (self.expected(o), o)).collect();
        fits.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.bytes.cmp(&b.1.bytes)));
        fits.into_iter().map(|(_, o)| o).collect()
    }

    /// What types are expected to lose, by the measure that mixes are chosen by.
    fn expected(&self, outline: &Outline) -> f64 {
        if let Some(nats) = self.nats(outline) {
            return nats;
        }
        let by_name: HashMap<&str, &TensorEntry> = self.ready.real.iter().map(|t| (t.name.as_str(), t)).collect();
        let types = outline.types.iter().filter_map(|(name, e)| Some((*by_name.get(name.as_str())?, *e)));
        self.loss(types).output
    }

    /// The divergence that types are expected to cost, in nats; `None` where no costs were measured.
    pub(in crate::plan) fn nats(&self, outline: &Outline) -> Option<f64> {
        self.costs.as_ref()?;
        let open: HashMap<&str, &Open<'_>> = self.open.iter().map(|t| (t.entry.name.as_str(), t)).collect();
        let types = outline.types.iter().filter_map(|(name, e)| Some((*open.get(name.as_str())?, *e)));
        Some(types.map(|(t, e)| self.cost(t, e)).sum())
    }

    /// Mixes of any size, without measuring.
    pub(in crate::plan) fn dial(&self) -> Dial {
        let option = |group: &Tied, e: Encoding, choice: &Choice| {
            let noise = group.members.iter().filter_map(|&t| {
                let entry = self.open[t].entry;
                let score = self.scores.get(&entry.name, e).filter(|_| e != entry.encoding)?;
                Some(self.around.sensitivity(entry) * score.relative())
            });
            DialOption { encoding: e, bytes: choice.bytes, cost: choice.cost, noise: noise.sum() }
        };
        let tensor = |&t: &usize| {
            let entry = self.open[t].entry;
            (entry.kind().to_owned(), entry.layer(), entry.shape.elems().unwrap_or(0))
        };
        let part = |(tied, group): (&Tied, &Group)| DialPart {
            tensors: tied.members.iter().map(tensor).collect(),
            options: tied.types.iter().zip(&group.options).map(|(e, c)| option(tied, *e, c)).collect(),
        };
        Dial {
            parts: self.groups.iter().zip(&self.options).map(part).collect(),
            fixed_bytes: self.base.file,
            fixed_data: self.base.data,
            elems: self.elems(),
            in_nats: self.costs.is_some(),
        }
    }

    /// What the costs were measured on: the prediction of no loss.
    pub(in crate::plan) fn basis(&self) -> Option<PredictedDivergence> {
        self.costs.as_ref().map(|c| c.prediction(0.0))
    }

    /// The text that choices are compared on, in words, and its tokens.
    pub(in crate::plan) fn check_text(&self) -> Option<(String, usize)> {
        self.costs.as_ref()?.check_text()
    }

    /// Measures whole choices of types on the text for it, as [`Costs::check`].
    ///
    /// # Errors
    /// Those of the forward pass; cancelled.
    pub(in crate::plan) fn check(
        &mut self,
        model: &Model,
        choices: &[&Outline],
        how: Task<'_>,
    ) -> Result<Vec<Option<Checked>>> {
        let Some(costs) = &mut self.costs else { return Ok(vec![None; choices.len()]) };
        let by_name: HashMap<&str, &TensorEntry> = self.ready.real.iter().map(|t| (t.name.as_str(), t)).collect();
        let imatrix = &self.ready.imatrix;
        let change = |(name, e): &(Name, Encoding)| {
            let entry = *by_name.get(name.as_str())?;
            let is_float = |e: Encoding| !matches!(e, Encoding::Plain(d) if !d.is_float());
            let lossy = entry.encoding != *e && *e != DType::F32.into() && is_float(*e) && is_float(entry.encoding);
            let importance = imatrix.clone().filter(|m| m.covers(entry));
            lossy.then(|| (Subject { entry: entry.clone(), importance }, *e))
        };
        let changes = |o: &&Outline| {
            let mut all: Vec<(Subject, Encoding)> = o.types.iter().filter_map(change).collect();
            all.sort_by(|a, b| a.0.entry.name.cmp(&b.0.entry.name));
            all
        };
        let choices = choices.iter().map(changes).collect();
        let scores = &self.scores;
        costs.check((model, self.ready), choices, &|t| scores.hash(t).map(str::to_owned), how)
    }

    /// True if every open tensor has one of the types that the user allows.
    fn is_allowed(&self, outline: &Outline) -> bool {
        if self.only.is_empty() {
            return true;
        }
        let types: HashMap<&str, Encoding> = outline.types.iter().map(|(name, e)| (name.as_str(), *e)).collect();
        self.open.iter().all(|t| types.get(t.entry.name.as_str()).is_none_or(|e| self.only.contains(e)))
    }

    /// What is lost when tensors have these types. What was not measured counts as without loss.
    pub(in crate::plan) fn loss<'t>(&self, types: impl Iterator<Item = (&'t TensorEntry, Encoding)>) -> Loss<'t> {
        let mut loss = Loss::default();
        for (entry, encoding) in types {
            let lossless = DType::F32.into();
            let measured = if encoding == entry.encoding { lossless } else { encoding };
            let score = self.scores.get(&entry.name, measured).or_else(|| self.scores.get(&entry.name, lossless));
            if let Some(score) = score {
                let part = self.around.sensitivity(entry) * score.relative();
                loss.output += part;
                loss.sums.add_tensor(score);
                loss.parts.push((entry, encoding, part));
            }
        }
        loss
    }

    /// CPU seconds to encode tensors in these types, as measured on this machine.
    pub(in crate::plan) fn seconds<'t>(&self, types: impl Iterator<Item = (&'t TensorEntry, Encoding)>) -> f64 {
        let time = |(entry, encoding): (&TensorEntry, Encoding)| {
            let each = if encoding == entry.encoding { None } else { self.scores.nanoseconds(encoding) };
            each.unwrap_or(0.0) * entry.shape.elems().unwrap_or(0) as f64 / 1e9
        };
        types.map(time).sum()
    }

    fn elems(&self) -> u64 {
        self.ready.model.tensors.iter().filter_map(|t| t.shape.elems()).sum()
    }

    fn options_of(&self, group: &Tied) -> Vec<Choice> {
        self.options_with(group, |t, e| self.cost(t, e))
    }

    fn options_with(&self, group: &Tied, cost: impl Fn(&Open<'a>, Encoding) -> f64) -> Vec<Choice> {
        let option = |&e: &Encoding| Choice {
            bytes: group.members.iter().filter_map(|&t| e.tensor_bytes(&self.open[t].entry.shape)).sum(),
            cost: group.members.iter().map(|&t| cost(&self.open[t], e)).sum(),
        };
        group.types.iter().map(option).collect()
    }

    /// What a tensor costs in a type.
    fn cost(&self, t: &Open<'_>, e: Encoding) -> f64 {
        if e == t.entry.encoding {
            return 0.0;
        }
        let Some(score) = self.scores.get(&t.entry.name, e) else { return NEVER };
        match &self.costs {
            Some(costs) => costs.of(t.entry, e, score).unwrap_or(NEVER),
            None => self.around.sensitivity(t.entry) * score.relative(),
        }
    }

    fn file_bytes(&self, file_type: FileType, types: &HashMap<Name, Encoding>) -> Result<u64> {
        laid_out(self.ready, self.target, self.overrides, file_type, types).map(|(_, bytes)| bytes)
    }

    fn base_bytes(&self) -> Result<Base> {
        Base::of(self.ready, self.target, self.overrides, &self.open, &self.groups)
    }

    fn left_over(&self, options: &[Group], used: u64, asked: u64, chosen: &[usize]) -> Option<Warning> {
        let best = |(g, &o): (&Group, &usize)| g.options.iter().all(|c| c.cost >= g.options[o].cost);
        let text = format!("the budget is larger than the model can use: {} of {}", bytes(used), bytes(asked));
        let used_up = used as f64 > 0.995 * asked as f64;
        (!used_up && options.iter().zip(chosen).all(best)).then(|| Warning::new("budget.left-over", text))
    }

    fn too_small(&self, budget: Budget, least: u64) -> ModelError {
        let with = if self.ready.imatrix.is_some() { "" } else { " without an importance matrix" };
        let (field, what) = match budget {
            Budget::Bytes(n) => {
                let (n, least) = (bytes(n), bytes_at_least(least));
                (
                    OptionName::from(&gguf::TARGET_SIZE),
                    format!("{n} is too small: a mix of this model needs at least {least}{with}"),
                )
            }
            Budget::BitsPerWeight(bits) => {
                // Rounded up, so that asking for it is enough.
                let least = (least as f64 * 8.0 / self.elems().max(1) as f64 * 100.0).ceil() / 100.0;
                (
                    OptionName::from(&gguf::TARGET_BPW),
                    format!("{bits} bits per weight are too few: a mix of this model needs at least {least:.2}{with}"),
                )
            }
            Budget::Divergence(nats) => {
                (OptionName::from(&gguf::MAX_KLD), format!("{nats} nats are too few for this model"))
            }
        };
        let hint = match (&self.ready.imatrix, self.target.get(&gguf::BUDGET_TYPES).is_empty()) {
            (_, false) => "Raise the budget, or allow smaller types in budget_types.".into(),
            (None, _) => Hint::from("Raise the budget, or give an importance matrix")
                .then(Remedy::Aside(OptionName::IMATRIX))
                .then(", which allows smaller types."),
            (Some(_), _) => {
                Hint::from("Raise the budget; ").then(Remedy::See(Listing::Budgets)).then(" shows what is possible.")
            }
        };
        ModelError::request(what).in_option(field).with_hint(hint)
    }
}

/// What is lost with one choice of types.
#[derive(Default)]
pub(in crate::plan) struct Loss<'t> {
    /// The estimated error of the logits relative to their signal.
    pub output: f64,
    /// The sums over all measured tensors.
    pub sums: Score,
    /// Each tensor's part of `output`.
    pub parts: Vec<(&'t TensorEntry, Encoding, f64)>,
}

/// Bytes that no choice changes.
#[derive(Clone, Copy, Default)]
struct Base {
    /// Of tensor data.
    data: u64,
    /// Of the file: header, padding and tensor data.
    file: u64,
}

impl Base {
    /// The part of the file that does not depend on the choices.
    fn of(ready: &Ready, target: &Target, overrides: &Overrides, open: &[Open<'_>], groups: &[Tied]) -> Result<Self> {
        // Any choice shows it.
        let any = types_by_name(open, groups, |g| g.types[0]);
        let chosen = data_bytes(open, &any);
        let (tensors, file) = laid_out(ready, target, overrides, FileType::Q8_0, &any)?;
        let data: u64 = tensors.iter().filter_map(|t| t.encoding.tensor_bytes(&t.shape)).sum();
        Ok(Self { data: data.saturating_sub(chosen), file: file.saturating_sub(chosen) })
    }
}

/// The size of the smallest file that a mix can have: every budget of at least so many bytes can be met. Nothing is measured.
///
/// # Errors
/// As [`Mixer::measured`], except those of reading.
pub(super) fn least_bytes(ready: &Ready, target: &Target, overrides: &Overrides) -> Result<u64> {
    let around = Surroundings::of(&ready.model.tensors);
    let open = open(ready, target, overrides, around, &budget_types(target)?)?;
    let groups = grouped(&open, |_, _| true, true);
    let size = |group: &Tied, e: Encoding| -> u64 {
        group.members.iter().filter_map(|&t| e.tensor_bytes(&open[t].entry.shape)).sum()
    };
    let smallest = |group: &Tied| group.types.iter().copied().min_by_key(|e| size(group, *e)).unwrap_or(group.types[0]);
    let types = types_by_name(&open, &groups, smallest);
    let base = Base::of(ready, target, overrides, &open, &groups)?;
    let (_, whole) = laid_out(ready, target, overrides, nearest_file_type(&open, &types), &types)?;
    Ok(whole.max(base.file + data_bytes(&open, &types)))
}

/// A type for each open tensor, from one for each group.
fn types_by_name(open: &[Open<'_>], groups: &[Tied], of: impl Fn(&Tied) -> Encoding) -> HashMap<Name, Encoding> {
    let each = groups.iter().flat_map(|g| {
        let e = of(g);
        g.members.iter().map(move |&t| (open[t].entry.name.clone(), e))
    });
    each.collect()
}

/// Bytes of the open tensors in these types.
fn data_bytes(open: &[Open<'_>], types: &HashMap<Name, Encoding>) -> u64 {
    let bytes = |t: &Open<'_>| types.get(&t.entry.name)?.tensor_bytes(&t.entry.shape);
    open.iter().filter_map(bytes).sum()
}

/// Every tensor and the bytes of the file or files with these types.
fn laid_out(
    ready: &Ready,
    target: &Target,
    overrides: &Overrides,
    file_type: FileType,
    types: &HashMap<Name, Encoding>,
) -> Result<(Vec<LayoutTensor>, u64)> {
    let request = ready.request(target, file_type, types, overrides)?;
    let plan = plan_quantize(&ready.model, &request)?;
    let tensor = |(&i, c): (&usize, &crate::transform::Choice)| {
        let entry = &ready.model.tensors[i];
        LayoutTensor {
            name: entry.name.clone(),
            shape: entry.shape.clone(),
            encoding: c.encoding,
            layer: entry.layer(),
        }
    };
    let tensors: Vec<LayoutTensor> = plan.order.iter().zip(&plan.choices).map(tensor).collect();
    let files = trial(&ready.model, target, &tensors, &plan.metadata)?;
    let bytes = files.iter().map(|f| f.bytes).sum();
    Ok((tensors, bytes))
}

/// Tensors of one type.
struct Tied {
    members: Vec<usize>,
    types: Vec<Encoding>,
}

/// The only types that the user allows; empty: all.
fn budget_types(target: &Target) -> Result<Vec<Encoding>> {
    target.get(&gguf::BUDGET_TYPES).iter().map(|t| parse_encoding(&gguf::BUDGET_TYPES, t)).collect()
}

/// The tensors to choose for.
fn open<'a>(
    ready: &'a Ready,
    target: &Target,
    overrides: &Overrides,
    around: Surroundings,
    only: &[Encoding],
) -> Result<Vec<Open<'a>>> {
    let arch = ready.model.architecture().unwrap_or_default();
    let mut open = Vec::new();
    for (entry, real) in ready.model.tensors.iter().zip(&ready.real) {
        let name = entry.name.as_str();
        let embedding = matches!(name, "token_embd.weight" | "per_layer_token_embd.weight");
        let named = overrides.rule(entry).is_some()
            || (name == "output.weight" && (overrides.output.is_some() || target.get(&gguf::LEAVE_OUTPUT)))
            || (embedding && overrides.embedding.is_some());
        if named || !may_quantize(entry, arch) || matches!(entry.encoding, Encoding::Plain(d) if !d.is_float()) {
            continue;
        }
        let candidates = Candidates {
            cols: entry.cols(),
            // A 16-bit checkpoint keeps its 16 bits at most, also where the planner sees its f32 conversion.
            source: real.encoding,
            importance: ready.imatrix.as_ref().is_some_and(|m| m.covers(entry)),
            output: entry.role() == Role::Output || (around.tied && name == "token_embd.weight"),
            embedding: entry.role() == Role::Embedding,
            only,
        };
        let types = candidates.types();
        if types.is_empty() {
            let what = format!("none of the types in budget_types fits its rows of {} elements", entry.cols());
            let hint = "Add a type of 32-element blocks (q8_0) or f16.";
            return Err(ModelError::request(what).field(name).with_hint(hint));
        }
        open.push(Open { entry: real, types, group: (entry.layer(), fused_with(entry).to_owned()) });
    }
    Ok(open)
}

/// Groups of tensors with the types that all members of a group can have. `known` says which types were measured. Tensors that runtimes
/// compute together are tied, unless what each of them costs was measured: then the better types are worth more.
fn grouped(open: &[Open<'_>], known: impl Fn(&str, Encoding) -> bool, tied: bool) -> Vec<Tied> {
    let mut by: BTreeMap<(&Place, usize), Vec<usize>> = BTreeMap::new();
    for (i, t) in open.iter().enumerate() {
        by.entry((&t.group, if tied { 0 } else { i })).or_default().push(i);
    }
    let can = |t: usize, e: Encoding| {
        open[t].types.contains(&e) && (e == open[t].entry.encoding || known(&open[t].entry.name, e))
    };
    let shared = |members: &[usize]| -> Vec<Encoding> {
        let first = open[members[0]].types.iter().copied();
        first.filter(|e| members.iter().all(|&t| can(t, *e))).collect()
    };
    let mut out = Vec::new();
    for members in by.into_values() {
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
fn nearest_file_type(open: &[Open<'_>], types: &HashMap<Name, Encoding>) -> FileType {
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
