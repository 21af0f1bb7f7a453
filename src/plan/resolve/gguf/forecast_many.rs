//! The forecast of a GGUF of very many tensors, in time and memory that grow with their number alone.
//!
//! Each file type is planned in full, so sizes are exact; of the plan only sums over classes of tensors are kept. A class is what has one
//! role and takes the same block formats; of each class a few tensors are measured, and the others are taken to lose as much for each
//! element. Mixes are left out.

use super::super::forecast::mark_front;
use super::super::{Forecast, Forecasted, Heavy};
use super::Ready;
use super::effort;
use super::file_types::for_each_type;
use super::overrides::Overrides;
use super::split::trial;
use crate::forecast::{self, Score, Scores, Subject, Surroundings};
use crate::formats::{LayoutTensor, gguf as gguf_file};
use crate::model::{MetaValue, Metadata, Model, Result, Role};
use crate::quant::{Effort, Encoding};
use crate::recipe::Target;
use crate::recipe::options::{common, gguf};
use crate::task::Task;
use crate::tensor::DType;
use crate::transform::{FileType, TensorFacts, plan_quantize_with};
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

/// Models of more tensors than this are forecast here. No published GGUF has so many.
pub(super) const MANY: usize = 1 << 16;
/// Tensors that are measured of each class.
const MEASURED: usize = 64;
/// Tensors that are named as the heaviest.
const HEAVY: usize = 5;

/// What tensors have in common that a type is taken to do the same to: their role, and the blocks that divide their rows.
type Class = (Role, u8);

/// The entry in the list of classes of a tensor that cannot be quantized.
const FIXED: u8 = u8::MAX;

/// The tensors of one class that a file type gives one encoding.
#[derive(Default)]
struct Tally {
    sensitivity: f64,
    elems: u64,
    /// The most sensitive ones: (sensitivity, index), the first the most.
    heavy: Vec<(f64, usize)>,
}

/// A file type as far as it is known before anything is measured.
struct Outline {
    name: &'static str,
    bytes: u64,
    data: u64,
    fallbacks: usize,
    tallies: BTreeMap<(u8, Encoding), Tally>,
}

/// What an encoding does to the values of a class: sums for each element, and the mean share of noise.
#[derive(Clone, Copy, Default)]
struct Loss {
    score: Score,
    elems: u64,
    relative: f64,
    count: usize,
}

/// The tensors of a model, sorted into classes.
struct Classes {
    classes: Vec<Class>,
    /// By tensor: its class, or [`FIXED`].
    of: Vec<u8>,
    around: Surroundings,
}

impl Classes {
    fn of(ready: &Ready, outlook: &TensorFacts) -> Self {
        let tensors = &ready.model.tensors;
        let around = Surroundings::of(tensors);
        let mut classes: Vec<Class> = Vec::new();
        let mut class_of = |i: usize| {
            let t = &tensors[i];
            if !outlook.may_quantize(i) || matches!(t.encoding, Encoding::Plain(d) if !d.is_float()) {
                return FIXED;
            }
            let blocks = [256, 64, 32].iter().position(|n| t.cols().is_multiple_of(*n)).map_or(3, |p| p as u8);
            let class = (t.role(), blocks);
            let at = classes.iter().position(|c| *c == class).unwrap_or_else(|| {
                classes.push(class);
                classes.len() - 1
            });
            // Six roles and four lengths of blocks.
            at as u8
        };
        let of = (0..tensors.len()).map(&mut class_of).collect();
        Self { classes, of, around }
    }

    /// Some tensors of each class, spread evenly over it, with their class.
    fn sample(&self) -> Vec<(usize, u8)> {
        let mut counts = vec![0usize; self.classes.len()];
        let known = || self.of.iter().enumerate().filter(|(_, c)| **c != FIXED);
        known().for_each(|(_, c)| counts[usize::from(*c)] += 1);
        let mut seen = vec![0usize; self.classes.len()];
        let taken = known().filter(|(_, c)| {
            let c = usize::from(**c);
            let (n, all) = (seen[c], counts[c]);
            seen[c] += 1;
            let wanted = all.min(MEASURED);
            n * wanted / all != (n + 1) * wanted / all
        });
        taken.map(|(i, c)| (i, *c)).collect()
    }
}

/// As `forecast` of the format, without a budget and without mixes.
///
/// # Errors
/// As there.
pub(super) fn forecast(
    model: &Model,
    target: &Target,
    ready: &Ready,
    overrides: &Overrides,
    how: Task<'_>,
) -> Result<Forecast> {
    let outlook = TensorFacts::of(&ready.model, target.get(&gguf::LEAVE_OUTPUT), target.get(&gguf::KEEP_SPLIT));
    let classes = Classes::of(ready, &outlook);
    let (mut outlines, refused) =
        for_each_type(how, |file_type| outline(target, ready, overrides, file_type, &outlook, &classes))?;
    let begun = Instant::now();
    let mut scores = Scores::open(&forecast::scores_root(), &ready.model.path, effort(target)?);
    let losses = measure(ready, &classes, &outlines, &mut scores, how)?;
    let seconds = begun.elapsed().as_secs_f64();
    // Without experts MXFP4_MOE is Q8_0 under another name.
    outlines.sort_by_key(|o| (o.bytes, o.name.ends_with("_MOE")));
    let elems: u64 = ready.model.tensors.iter().filter_map(|t| t.shape.elems()).sum();
    let mut types: Vec<Forecasted> = outlines.iter().map(|o| forecasted(o, ready, &losses, &scores, elems)).collect();
    mark_front(&mut types);
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
        mixes: Vec::new(),
        refused,
        choice: None,
        divergence: None,
        runtime: None,
        dial: None,
    })
}

fn outline(
    target: &Target,
    ready: &Ready,
    overrides: &Overrides,
    file_type: FileType,
    outlook: &TensorFacts,
    classes: &Classes,
) -> Result<Outline> {
    let request = ready.request(target, file_type, &HashMap::new(), overrides)?;
    let plan = plan_quantize_with(&ready.model, &request, outlook)?;
    let mut tallies: BTreeMap<(u8, Encoding), Tally> = BTreeMap::new();
    let (mut data, mut fallbacks) = (0u64, 0);
    for (&i, choice) in plan.order.iter().zip(&plan.choices) {
        let t = &ready.model.tensors[i];
        data = data.saturating_add(choice.encoding.tensor_bytes(&t.shape).unwrap_or(0));
        fallbacks += usize::from(choice.fallback_from.is_some());
        let class = classes.of[i];
        if class == FIXED {
            continue;
        }
        // The source's own encoding loses nothing.
        let encoding = if choice.encoding == t.encoding { DType::F32.into() } else { choice.encoding };
        let tally = tallies.entry((class, encoding)).or_default();
        let sensitivity = classes.around.sensitivity(t);
        tally.sensitivity += sensitivity;
        tally.elems = tally.elems.saturating_add(t.shape.elems().unwrap_or(0));
        if tally.heavy.len() < HEAVY || tally.heavy.last().is_some_and(|h| h.0 < sensitivity) {
            let at = tally.heavy.partition_point(|h| h.0 >= sensitivity);
            tally.heavy.insert(at, (sensitivity, i));
            tally.heavy.truncate(HEAVY);
        }
    }
    let encodings = plan.order.iter().zip(plan.choices.iter().map(|c| c.encoding));
    let bytes = size(target, ready, &plan.metadata, encodings)?;
    Ok(Outline { name: file_type.name(), bytes, data, fallbacks, tallies })
}

/// Bytes of the file or files. Without a split this follows from the bytes of each tensor and of its entry in the header.
fn size<'p>(
    target: &Target,
    ready: &Ready,
    metadata: &Metadata,
    encodings: impl Iterator<Item = (&'p usize, Encoding)>,
) -> Result<u64> {
    let tensor = |(i, encoding): (&usize, Encoding)| {
        let t = &ready.model.tensors[*i];
        LayoutTensor { name: t.name.clone(), shape: t.shape.clone(), encoding, layer: t.layer() }
    };
    let split = target.has(&common::MAX_SHARD_SIZE)
        || target.has(&gguf::SPLIT_MAX_TENSORS)
        || target.has(&gguf::SPLIT_MAX_LAYERS)
        || target.get(&gguf::KEEP_SPLIT)
        || target.get(&gguf::NO_TENSOR_FIRST_SPLIT);
    if split {
        let tensors: Vec<LayoutTensor> = encodings.map(tensor).collect();
        return trial(&ready.model, target, &tensors, metadata).map(|files| files.iter().map(|f| f.bytes).sum());
    }
    let without = trial(&ready.model, target, &[], metadata)?;
    let mut header: u64 = without.iter().map(|f| f.bytes).sum();
    let alignment =
        metadata.get(gguf_file::ALIGNMENT_KEY).and_then(MetaValue::as_u64).unwrap_or(gguf_file::DEFAULT_ALIGNMENT);
    let mut data = 0u64;
    for one in encodings.map(tensor) {
        let (entry, bytes) = gguf_file::tensor_bytes(&one)?;
        header += entry;
        data = data.saturating_add(bytes.next_multiple_of(alignment));
    }
    Ok(header.next_multiple_of(alignment).saturating_add(data))
}

/// Measures some tensors of each class in every encoding that the class has in an outline.
fn measure(
    ready: &Ready,
    classes: &Classes,
    outlines: &[Outline],
    scores: &mut Scores,
    how: Task<'_>,
) -> Result<BTreeMap<(u8, Encoding), Loss>> {
    let lossless: Encoding = DType::F32.into();
    let mut wanted: BTreeMap<u8, Vec<Encoding>> = BTreeMap::new();
    for (class, encoding) in outlines.iter().flat_map(|o| o.tallies.keys()) {
        let list = wanted.entry(*class).or_insert_with(|| vec![lossless]);
        if !list.contains(encoding) {
            list.push(*encoding);
        }
    }
    let sample: Vec<(usize, u8)> = classes.sample().into_iter().filter(|(_, c)| wanted.contains_key(c)).collect();
    let subject = |(i, class): &(usize, u8)| {
        let entry = ready.real[*i].clone();
        let importance = ready.imatrix.clone().filter(|m| m.covers(&entry));
        (Subject { entry, importance }, wanted.get(class).cloned().unwrap_or_default())
    };
    let subjects: Vec<(Subject, Vec<Encoding>)> = sample.iter().map(subject).collect();
    scores.measure(&subjects, how)?;
    let mut losses: BTreeMap<(u8, Encoding), Loss> = BTreeMap::new();
    for ((_, class), (subject, types)) in sample.iter().zip(&subjects) {
        for encoding in types {
            if let Some(score) = scores.get(&subject.entry.name, *encoding) {
                let loss = losses.entry((*class, *encoding)).or_default();
                loss.score.add(score);
                loss.elems += subject.entry.shape.elems().unwrap_or(0);
                loss.relative += score.relative();
                loss.count += 1;
            }
        }
    }
    Ok(losses)
}

fn forecasted(
    o: &Outline,
    ready: &Ready,
    losses: &BTreeMap<(u8, Encoding), Loss>,
    scores: &Scores,
    elems: u64,
) -> Forecasted {
    let (mut sums, mut output, mut cpu_seconds) = (Score::default(), 0.0, 0.0);
    let mut heavy: Vec<(f64, usize, Encoding)> = Vec::new();
    for (key, tally) in &o.tallies {
        let Some(loss) = losses.get(key) else { continue };
        let (mean, share) = (loss.relative / loss.count.max(1) as f64, tally.elems as f64 / loss.elems.max(1) as f64);
        sums.add_tensor(&loss.score.times(share));
        output += tally.sensitivity * mean;
        heavy.extend(tally.heavy.iter().map(|(s, i)| (s * mean, *i, key.1)));
        if key.1 != DType::F32.into() {
            cpu_seconds += scores.nanoseconds(key.1).unwrap_or(0.0) * tally.elems as f64 / 1e9;
        }
    }
    heavy.retain(|h| h.0 > 0.0);
    heavy.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    heavy.truncate(HEAVY);
    let named = |(part, i, encoding): &(f64, usize, Encoding)| Heavy {
        name: ready.real[*i].name.to_string(),
        encoding: encoding.to_string(),
        share: part / output,
    };
    Forecasted {
        name: o.name.to_owned(),
        bytes: o.bytes,
        bits_per_weight: o.data as f64 * 8.0 / elems.max(1) as f64,
        sqnr_db: sums.sqnr_db(),
        output_sqnr_db: forecast::output_db(output),
        kld: None,
        cpu_seconds,
        fallbacks: o.fallbacks,
        heaviest: heavy.iter().map(named).collect(),
        on_front: false,
    }
}
