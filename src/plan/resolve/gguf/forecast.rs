//! Forecasts size and error of every file type, and of mixes of the same sizes, in seconds from a sample of rows.
//!
//! Sizes are exact, errors and times are estimates. Data: a model and the options of a GGUF target → [`Forecast`].

use super::super::forecast::mark_front;
use super::super::{Chosen, Forecast, Forecasted, Heavy};
use super::file_types::{Outline, outline, outlines};
use super::overrides::Overrides;
use super::pick::Pick;
use super::{Budget, Loss, Mixer, Ready, costs, effort, forecast_many, ready};
use crate::forecast::output_db;
use crate::model::{FormatId, Model, Name, Result, TensorEntry};
use crate::plan::goals::RuntimeMemory;
use crate::plan::source;
use crate::quant::{Effort, Encoding};
use crate::recipe::Target;
use crate::recipe::options::gguf;
use crate::task::Task;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

/// Tensors that are named as the heaviest.
const HEAVY: usize = 5;

/// Measures the model and forecasts its GGUF outputs. `target` gives the options; its budget, if it has one, is met
/// with a mix.
///
/// # Errors
/// Sources that cannot become GGUF; those of measuring; a budget that is too small.
pub(crate) fn forecast(model: &Model, target: &Target, how: Task<'_>) -> Result<Forecast> {
    let budget = Budget::of(target)?.map(|b| (b, b.name(target)));
    let target =
        &target.clone().with(&gguf::TARGET_SIZE, None).with(&gguf::TARGET_BPW, None).with(&gguf::MAX_KLD, None);
    let overrides = Overrides::parse(target)?;
    source::check(model, target)?;
    costs::check_scores(target)?;
    let ready = ready(model, target)?;
    overrides.check_all_match(ready.real.iter())?;
    if ready.real.len() > forecast_many::MANY && model.format == FormatId::Gguf && budget.is_none() {
        return forecast_many::forecast(model, target, &ready, &overrides, how);
    }
    let (mut outlines, refused) = outlines(model, target, &ready, &overrides, how)?;
    let by_name: HashMap<&str, &TensorEntry> = ready.real.iter().map(|t| (t.name.as_str(), t)).collect();
    let also: Vec<(Name, Encoding)> = outlines.iter().flat_map(|o| o.lossy(&ready.real)).collect();
    let begun = Instant::now();
    let mut mixer = Mixer::measured(model, &ready, target, &overrides, &also, how)?;
    // Before the rest: it may measure whole mixes.
    let picked = match budget {
        Some((budget, name)) => {
            let plain = &Target { quantization: None, ..target.clone() };
            let pick = Pick { model, ready: &ready, target, plain, overrides: &overrides, types: &outlines };
            Some((pick.pick(&mut mixer, budget, how)?, name))
        }
        None => None,
    };
    let seconds = begun.elapsed().as_secs_f64();
    let elems = ready.model.tensors.iter().filter_map(|t| t.shape.elems()).sum();
    let pricing = Pricing { model, target, ready: &ready, overrides: &overrides, mixer, by_name, elems };
    // Without experts MXFP4_MOE is Q8_0 under another name.
    outlines.sort_by_key(|o| (o.bytes, o.name.ends_with("_MOE")));
    let mut types: Vec<Forecasted> = outlines.iter().map(|o| pricing.forecasted(o)).collect();
    mark_front(&mut types);
    let mut mixes = Vec::new();
    for t in types.iter().filter(|t| t.bits_per_weight < 16.0) {
        // A size that the candidates do not reach has no mix.
        if let Ok((_, mix)) = pricing.mixed(Budget::Bytes(t.bytes), t.name.clone(), &outlines) {
            mixes.push(mix);
        }
    }
    let choice = picked.map(|(mut picked, name)| {
        picked.outline.name = name;
        let forecasted = pricing.forecasted(&picked.outline);
        Chosen { check: picked.check, ..chosen(&picked.outline, forecasted, &pricing.by_name) }
    });
    Ok(Forecast {
        source: model.path.clone(),
        source_format: model.format,
        architecture: ready.model.architecture().map(str::to_owned),
        parameters: model.parameters(),
        source_bytes: model.tensor_bytes(),
        imatrix: target.get(&gguf::IMATRIX),
        effort: Some(effort(target)?).filter(|e| *e != Effort::Reference),
        seconds,
        types,
        mixes,
        refused,
        choice,
        divergence: pricing.mixer.basis(),
        runtime: ready.model.network.as_ref().map(|n| RuntimeMemory::of(n, target.get(&gguf::CONTEXT_LENGTH))),
        dial: Some(Arc::new(pricing.mixer.dial())),
    })
}

/// What is needed to say what an output loses.
struct Pricing<'a> {
    model: &'a Model,
    target: &'a Target,
    ready: &'a Ready,
    overrides: &'a Overrides,
    mixer: Mixer<'a>,
    /// The source's tensors.
    by_name: HashMap<&'a str, &'a TensorEntry>,
    /// Elements of the model.
    elems: u64,
}

impl Pricing<'_> {
    fn forecasted(&self, o: &Outline) -> Forecasted {
        let types = || o.types.iter().filter_map(|(name, e)| Some((*self.by_name.get(name.as_str())?, *e)));
        let loss = self.mixer.loss(types());
        let data: u64 = types().filter_map(|(t, e)| e.tensor_bytes(&t.shape)).sum();
        Forecasted {
            name: o.name.clone(),
            bytes: o.bytes,
            bits_per_weight: data as f64 * 8.0 / self.elems.max(1) as f64,
            sqnr_db: loss.sums.sqnr_db(),
            output_sqnr_db: output_db(loss.output),
            kld: self.mixer.nats(o).filter(|n| *n < super::mixer::NEVER),
            cpu_seconds: self.mixer.seconds(types()),
            fallbacks: o.fallbacks,
            heaviest: heaviest(loss),
            on_front: false,
        }
    }

    /// The mix that loses least within a budget, or the file type that does if no mix loses less.
    fn mixed(&self, budget: Budget, name: String, types: &[Outline]) -> Result<(Outline, Forecasted)> {
        let mix = self.mixer.choose(budget)?;
        let resolved = self.ready.with_types(self.target, mix.file_type, &mix.types, self.overrides)?;
        let mut chosen = outline(self.model, self.target, mix.file_type, &resolved)?;
        if let Some(better) = self.mixer.better_type(budget, &chosen, types) {
            chosen = better.clone();
        }
        chosen.name = name;
        let forecasted = self.forecasted(&chosen);
        Ok((chosen, forecasted))
    }
}

fn heaviest(mut loss: Loss<'_>) -> Vec<Heavy> {
    loss.parts.retain(|(_, _, part)| *part > 0.0);
    loss.parts.sort_by(|a, b| b.2.total_cmp(&a.2));
    loss.parts.truncate(HEAVY);
    let told = |(entry, encoding, part): &(&TensorEntry, Encoding, f64)| Heavy {
        name: entry.name.to_string(),
        encoding: encoding.to_string(),
        share: part / loss.output,
    };
    loss.parts.iter().map(told).collect()
}

fn chosen(outline: &Outline, forecast: Forecasted, by_name: &HashMap<&str, &TensorEntry>) -> Chosen {
    let mut kinds: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let matrix = |(name, e): &(Name, Encoding)| Some((by_name.get(name.as_str()).filter(|t| t.shape.rank() > 1)?, *e));
    for (tensor, e) in outline.types.iter().filter_map(matrix) {
        *kinds.entry(tensor.kind().to_owned()).or_default().entry(e.name().to_owned()).or_default() += 1;
    }
    let tensors = outline.types.iter().map(|(name, e)| (name.to_string(), e.name().to_owned())).collect();
    Chosen { forecast, kinds, tensors, check: None }
}
