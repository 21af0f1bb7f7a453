//! Forecasts size and error of every file type, and of mixes of the same sizes, in seconds from a sample of rows.
//!
//! Sizes are exact, errors and times are estimates. Data: a model and the options of a GGUF target → [`Forecast`].

use super::super::forecast::mark_front;
use super::super::{Chosen, Forecast, Forecasted, Heavy, Resolved, resolve};
use super::overrides::Overrides;
use super::split::trial;
use super::{Budget, Loss, Mixer, Ready, forecast_many, ready};
use crate::arch::OutType;
use crate::model::{ErrorKind, FormatId, Model, ModelError, Name, Result, TensorEntry};
use crate::plan::source;
use crate::plan::trial::layout_tensors;
use crate::quant::Encoding;
use crate::recipe::Target;
use crate::recipe::options::gguf;
use crate::task::Task;
use crate::tensor::DType;
use crate::transform::FileType;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

/// Tensors that are named as the heaviest.
const HEAVY: usize = 5;

/// A resolved file type without its metadata, which is as large as the vocabulary.
struct Outline {
    name: String,
    bytes: u64,
    types: Vec<(Name, Encoding)>,
    fallbacks: usize,
}

/// Measures the model and forecasts its GGUF outputs. `target` gives the options; its budget, if it has one, is met
/// with a mix.
///
/// # Errors
/// Sources that cannot become GGUF; those of measuring; a budget that is too small.
pub(crate) fn forecast(model: &Model, target: &Target, how: Task<'_>) -> Result<Forecast> {
    let budget = Budget::of(target)?.map(|b| (b, b.name(target)));
    let target = &target.clone().with(&gguf::TARGET_SIZE, None).with(&gguf::TARGET_BPW, None);
    let overrides = Overrides::parse(target)?;
    source::check(model, target)?;
    let ready = ready(model, target)?;
    if ready.real.len() > forecast_many::MANY && model.format == FormatId::Gguf && budget.is_none() {
        return forecast_many::forecast(model, target, &ready, &overrides, how);
    }
    let (mut outlines, refused) = outlines(model, target, &ready, &overrides, how)?;
    let by_name: HashMap<&str, &TensorEntry> = ready.real.iter().map(|t| (t.name.as_str(), t)).collect();
    let lossy = |(name, e): &&(Name, Encoding)| {
        let entry = by_name.get(name.as_str());
        entry.is_some_and(|t| t.shape.rank() > 1 && t.encoding != *e) && *e != DType::F32.into()
    };
    let also: Vec<(Name, Encoding)> = outlines.iter().flat_map(|o| &o.types).filter(lossy).cloned().collect();
    let begun = Instant::now();
    let mixer = Mixer::measured(&ready, target, &overrides, &also, how)?;
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
        if let Ok((_, mix)) = pricing.mixed(Budget::Bytes(t.bytes), t.name.clone()) {
            mixes.push(mix);
        }
    }
    let choice = match budget {
        Some((budget, name)) => {
            let (outline, forecasted) = pricing.mixed(budget, name)?;
            Some(chosen(&outline, forecasted, &pricing.by_name))
        }
        None => None,
    };
    Ok(Forecast {
        source: model.path.clone(),
        source_format: model.format,
        architecture: ready.model.architecture().map(str::to_owned),
        parameters: model.parameters(),
        source_bytes: model.tensor_bytes(),
        imatrix: target.get(&gguf::IMATRIX),
        seconds,
        types,
        mixes,
        refused,
        choice,
    })
}

/// A file type that a model cannot become, and the reason.
type RefusedType = (String, String);

/// Every file type, resolved; and those that this model cannot become.
fn outlines(
    model: &Model,
    target: &Target,
    ready: &Ready,
    overrides: &Overrides,
    how: Task<'_>,
) -> Result<(Vec<Outline>, Vec<RefusedType>)> {
    let by_converter = |t: FileType| model.format != FormatId::Gguf && OutType::parse(t.name()).is_some();
    let (mut outlines, mut refused) = (Vec::new(), Vec::new());
    let mut first_error: Option<ModelError> = None;
    for &file_type in FileType::ALL.iter().filter(|t| !t.is_copy()) {
        let resolved = if by_converter(file_type) && target.get(&gguf::PRUNE_LAYERS).is_empty() {
            let named = Target { quantization: Some(file_type.name().to_ascii_lowercase()), ..target.clone() };
            resolve(model, &named, how)
        } else {
            ready.quantized(target, file_type, overrides)
        };
        match resolved.and_then(|r| outline(model, target, file_type, &r)) {
            Ok(one) => outlines.push(one),
            Err(e) if e.kind() == ErrorKind::Io => return Err(e),
            Err(e) => {
                refused.push((file_type.name().to_owned(), e.to_string()));
                first_error.get_or_insert(e);
            }
        }
    }
    if let (true, Some(e)) = (outlines.is_empty(), first_error) {
        return Err(e);
    }
    Ok((outlines, refused))
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
            output_sqnr_db: (loss.output > 0.0).then(|| -10.0 * loss.output.log10()),
            cpu_seconds: self.mixer.seconds(types()),
            fallbacks: o.fallbacks,
            heaviest: heaviest(loss),
            on_front: false,
        }
    }

    /// The mix that loses least within a budget.
    fn mixed(&self, budget: Budget, name: String) -> Result<(Outline, Forecasted)> {
        let mix = self.mixer.choose(budget)?;
        let resolved = self.ready.with_types(self.target, mix.file_type, &mix.types, self.overrides)?;
        let outline = Outline { name, ..outline(self.model, self.target, mix.file_type, &resolved)? };
        let forecasted = self.forecasted(&outline);
        Ok((outline, forecasted))
    }
}

fn outline(model: &Model, target: &Target, file_type: FileType, resolved: &Resolved) -> Result<Outline> {
    let tensors = layout_tensors(&resolved.tensors);
    let files = trial(model, target, &tensors, &resolved.metadata)?;
    Ok(Outline {
        name: file_type.name().to_owned(),
        bytes: files.iter().map(|f| f.bytes).sum(),
        types: tensors.into_iter().map(|t| (t.name, t.encoding)).collect(),
        fallbacks: resolved.reasons.iter().filter(|r| r.fallback_from.is_some()).count(),
    })
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
    Chosen { forecast, kinds, tensors }
}
