//! What the options of a target do to the numbers of a graph.

use super::calibrated::{self, Calibration};
use super::nodes::select;
use crate::calibrate::graph::GraphQuality;
use crate::graph::{Elem, Graph};
use crate::model::{Hint, Model, ModelError, OptionName, Remedy, Result, Warning, few};
use crate::recipe::options::graph as options;
use crate::recipe::{self, Target, meaning};
use crate::task::Task;
use crate::transform::graph::{
    BlockForm, BlockOptions, DynamicOptions, Half, HalfOptions, Kept, Report, Select, StaticOptions, quantize_blocks,
    quantize_dynamic, to_half,
};
use crate::units::{self, plural};
use std::borrow::Cow;

/// What the numbers of a graph become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    /// What they are.
    Kept,
    /// `f32`: for sources that are.
    F32,
    /// Half precision, for all nodes that can have it or for those that are selected.
    Half(Half),
    /// 8-bit weights; activations are quantized while the network runs.
    Dynamic { signed: bool },
    /// 8-bit weights, and activations whose ranges were found on data.
    Static { signed: bool },
    /// Weights in blocks of this many bits.
    Blocks(u32),
}

impl Precision {
    /// What a target asks for, and its name.
    ///
    /// # Errors
    /// Words that are none; two that contradict each other; options that belong to another precision.
    pub(super) fn of(target: &Target) -> Result<(Self, String)> {
        let quantization = target.quantization.as_deref().filter(|q| !q.eq_ignore_ascii_case("auto"));
        let precision = target.options.get(&options::PRECISION);
        let asked = match (quantization, precision.as_deref()) {
            (Some(q), Some(p))
                if !recipe::quantization_by_alias(q).eq_ignore_ascii_case(&recipe::quantization_by_alias(p)) =>
            {
                let what = format!("`quantization = {q}` and `precision = {p}` contradict each other");
                return Err(ModelError::request(what).in_option(&options::PRECISION).with_hint("Give one of them."));
            }
            (Some(q), _) => recipe::quantization_by_alias(q).to_ascii_lowercase(),
            (None, Some(p)) => recipe::quantization_by_alias(p).to_ascii_lowercase(),
            (None, None) => "auto".to_owned(),
        };
        let precision = match asked.as_str() {
            "auto" => Self::Kept,
            "f32" => Self::F32,
            "f16" | "mixed" => Self::Half(Half::F16),
            "bf16" => Self::Half(Half::Bf16),
            word @ ("int8" | "uint8" | "dynamic" | "static") => Self::integers(word, target)?,
            "int4" => Self::Blocks(4),
            _ => return Err(unknown(&asked, target)),
        };
        precision.check_options(target, asked == "mixed")?;
        Ok((precision, asked))
    }

    /// 8-bit integers: dynamic or static.
    ///
    /// # Errors
    /// A word and a mode that contradict each other; static quantization without data.
    fn integers(word: &str, target: &Target) -> Result<Self> {
        let mode = target.options.get(&options::QUANTIZATION_MODE).map(|m| m.to_ascii_lowercase());
        let signed = word != "uint8";
        let is_static = match (word, mode.as_deref()) {
            ("dynamic", Some("static")) | ("static", Some("dynamic")) => {
                let what = format!("`quantization = {word}` and another `quantization_mode` contradict each other");
                return Err(ModelError::request(what)
                    .in_option(&options::QUANTIZATION_MODE)
                    .with_hint("Give one of them."));
            }
            ("dynamic", _) | (_, Some("dynamic")) => false,
            ("static", _) | (_, Some("static")) => true,
            _ => target.options.has(&options::CALIBRATION_DATA),
        };
        if is_static && !target.options.has(&options::CALIBRATION_DATA) {
            let what = "static quantization needs data to find the ranges of activations on";
            let hint = Hint::from("Give inputs of the graph: ")
                .then(Remedy::Give("a file", OptionName::of_key(options::CALIBRATION_DATA.key.name)))
                .then("; or quantize with `dynamic`, which needs none.");
            return Err(ModelError::request(what).in_option(&options::CALIBRATION_DATA).with_hint(hint));
        }
        Ok(if is_static { Self::Static { signed } } else { Self::Dynamic { signed } })
    }

    /// Refuses options that would change nothing.
    fn check_options(self, target: &Target, mixed: bool) -> Result<()> {
        let half = matches!(self, Self::Half(_));
        let dynamic = matches!(self, Self::Dynamic { .. });
        let blocks = matches!(self, Self::Blocks(_));
        let fixed = matches!(self, Self::Static { .. });
        let same = matches!(self, Self::Kept | Self::F32);
        let o = &target.options;
        let given = [
            (o.has(&options::FP16_LAYERS), half, &options::FP16_LAYERS.key, "precision `mixed`, `f16` or `bf16`"),
            (o.has(&options::KEEP_FP32), half, &options::KEEP_FP32.key, "precision `mixed`, `f16` or `bf16`"),
            (o.has(&options::KEEP_IO), half, &options::KEEP_IO.key, "precision `mixed`, `f16` or `bf16`"),
            (o.has(&options::ONLY), dynamic || fixed || blocks, &options::ONLY.key, "a quantization to integers"),
            (o.has(&options::EXCEPT), dynamic || fixed || blocks, &options::EXCEPT.key, "a quantization to integers"),
            (o.has(&options::PER_CHANNEL), dynamic || fixed, &options::PER_CHANNEL.key, "`int8` and `uint8`"),
            (o.has(&options::REDUCE_RANGE), dynamic || fixed, &options::REDUCE_RANGE.key, "`int8` and `uint8`"),
            (o.has(&options::BLOCK_SIZE), blocks, &options::BLOCK_SIZE.key, "`int4`"),
            (o.has(&options::ACCURACY_LEVEL), blocks, &options::ACCURACY_LEVEL.key, "`int4`"),
            (o.has(&options::QUANT_FORMAT), blocks || fixed, &options::QUANT_FORMAT.key, "`int4` and `static`"),
            (
                o.has(&options::SYMMETRIC),
                dynamic || blocks,
                &options::SYMMETRIC.key,
                "`int4` and of dynamic quantization",
            ),
            (
                o.has(&options::QUANTIZATION_MODE),
                dynamic || fixed,
                &options::QUANTIZATION_MODE.key,
                "`int8` and `uint8`",
            ),
            (o.has(&options::ACTIVATION_TYPE), fixed, &options::ACTIVATION_TYPE.key, "static quantization"),
            (o.has(&options::ACTIVATION_SYMMETRIC), fixed, &options::ACTIVATION_SYMMETRIC.key, "static quantization"),
            (o.has(&options::CALIBRATION_METHOD), fixed, &options::CALIBRATION_METHOD.key, "static quantization"),
            (
                o.has(&options::CALIBRATION_PERCENTILE),
                fixed,
                &options::CALIBRATION_PERCENTILE.key,
                "static quantization",
            ),
            (o.has(&options::CALIBRATION_DATA), !same, &options::CALIBRATION_DATA.key, "a change of precision"),
            (o.has(&options::CALIBRATION_SAMPLES), !same, &options::CALIBRATION_SAMPLES.key, "a change of precision"),
        ];
        if let Some((.., key, of)) = given.iter().find(|(has, fits, ..)| *has && !fits) {
            let what = format!("`{}` is an option of {of}, which this target does not ask for", key.name);
            return Err(ModelError::request(what).in_option(OptionName::of_key(key.name)).with_hint("Leave it out."));
        }
        let form = o.get(&options::QUANT_FORMAT).map(|f| f.to_ascii_lowercase());
        if fixed && form.as_deref().is_some_and(|f| f != "qdq") {
            let what = "static quantization is written with pairs of QuantizeLinear and DequantizeLinear (`qdq`); operators on integers (`qoperator`) are not available in this version";
            let hint = "Leave it out: ONNX Runtime fuses the pairs with the operators between them.";
            return Err(ModelError::unsupported(what).in_option(&options::QUANT_FORMAT).with_hint(hint));
        }
        if blocks && form.as_deref() == Some("qoperator") {
            let what = "`quant_format = qoperator` is about static quantization";
            return Err(ModelError::request(what)
                .in_option(&options::QUANT_FORMAT)
                .with_hint("For `int4`, it is `operator` or `qdq`."));
        }
        if o.get(&options::ACTIVATION_SYMMETRIC) && o.get(&options::ACTIVATION_TYPE).as_deref() != Some("int8") {
            let what = "symmetric activations need `activation_type = int8`";
            return Err(ModelError::request(what).in_option(&options::ACTIVATION_SYMMETRIC));
        }
        if mixed && !o.has(&options::FP16_LAYERS) && !o.has(&options::KEEP_FP32) {
            let what =
                "precision `mixed` needs `fp16_layers`, the nodes that become f16, or `keep_fp32`, those that do not";
            let hint = "Both take names of nodes and tensors, operators such as MatMul, and roles; `f16` converts all that can be.";
            return Err(ModelError::request(what).in_option(&options::PRECISION).with_hint(hint));
        }
        Ok(())
    }

    /// The model in this precision, and what to say of it.
    ///
    /// # Errors
    /// Selectors that select nothing; those of the change itself; cancelled.
    pub(super) fn applied<'m>(
        self,
        model: Cow<'m, Model>,
        source: &Model,
        target: &Target,
        how: Task<'_>,
    ) -> Result<Applied<'m>> {
        let o = &target.options;
        let calibration = Calibration::of(target);
        let mut quality = None;
        let changed = match self {
            Self::Kept => return Ok(Applied { model, warnings: Vec::new(), quality: None }),
            Self::F32 => {
                check_f32(&model)?;
                return Ok(Applied { model, warnings: Vec::new(), quality: None });
            }
            Self::Static { signed } => {
                let options = StaticOptions {
                    signed_activations: o
                        .get(&options::ACTIVATION_TYPE)
                        .is_some_and(|t| t.eq_ignore_ascii_case("int8")),
                    symmetric_activations: o.get(&options::ACTIVATION_SYMMETRIC),
                    signed_weights: signed,
                    per_channel: o.get(&options::PER_CHANNEL).unwrap_or(true),
                    reduce_range: o.get(&options::REDUCE_RANGE),
                    select: integers(&model, target)?,
                };
                let calibration =
                    calibration.as_ref().ok_or_else(|| ModelError::request("there are no calibration data"))?;
                let (changed, found) = calibration.quantized(&model, source, &options, how)?;
                quality = Some(found);
                changed
            }
            Self::Half(half) => {
                let (only, except) = (&options::FP16_LAYERS, &options::KEEP_FP32);
                let select = Select { only: select(&model, target, only)?, except: select(&model, target, except)? };
                let keep_io = o.get(&options::KEEP_IO).unwrap_or(true);
                to_half(&model, &HalfOptions { half, keep_io, select }, &how)?
            }
            Self::Dynamic { signed } => {
                let options = DynamicOptions {
                    signed,
                    per_channel: o.get(&options::PER_CHANNEL).unwrap_or(true),
                    symmetric: o.get(&options::SYMMETRIC),
                    reduce_range: o.get(&options::REDUCE_RANGE),
                    select: integers(&model, target)?,
                    ..DynamicOptions::default()
                };
                quantize_dynamic(&model, &options, &how)?
            }
            Self::Blocks(bits) => {
                let qdq = o.get(&options::QUANT_FORMAT).is_some_and(|f| f.eq_ignore_ascii_case("qdq"));
                let standard = BlockOptions::default();
                let options = BlockOptions {
                    bits,
                    block: o.get(&options::BLOCK_SIZE).map_or(standard.block, |n| n as u32),
                    symmetric: o.get(&options::SYMMETRIC).unwrap_or(standard.symmetric),
                    form: if qdq { BlockForm::Qdq } else { BlockForm::Operator },
                    accuracy_level: o.get(&options::ACCURACY_LEVEL).map(|n| n as u32),
                    select: integers(&model, target)?,
                };
                quantize_blocks(&model, &options)?
            }
        };
        if changed.report.changed.is_empty() {
            return Err(nothing_changed(&changed.report));
        }
        let mut warnings = said(&changed.report);
        if quality.is_none() {
            match &calibration {
                Some(calibration) => {
                    let what = format!("{self:?} {:?}", target.options);
                    quality = Some(calibration.measured(&model, source, &changed, &what, how)?);
                }
                None if matches!(self, Self::Dynamic { .. }) => {
                    let text = "the error of the outputs was not measured: no calibration data were given";
                    warnings.push(Warning::new("graph.unmeasured", text));
                }
                None => {}
            }
        }
        warnings.extend(quality.iter().flat_map(calibrated::warnings));
        Ok(Applied { model: Cow::Owned(changed.model), warnings, quality })
    }
}

/// A model in another precision.
pub(super) struct Applied<'m> {
    /// The model.
    pub(super) model: Cow<'m, Model>,
    /// What there is to say.
    pub(super) warnings: Vec<Warning>,
    /// How far its outputs are from those of the original, where that was measured.
    pub(super) quality: Option<GraphQuality>,
}

/// The nodes that a quantization to integers is about.
fn integers(model: &Model, target: &Target) -> Result<Select> {
    Ok(Select { only: select(model, target, &options::ONLY)?, except: select(model, target, &options::EXCEPT)? })
}

fn unknown(asked: &str, target: &Target) -> ModelError {
    let known = recipe::types_of(target.format);
    let what = if recipe::known_types_of(target.format).contains(&asked) {
        format!("the quantization `{asked}` of graphs is not available in this version")
    } else {
        format!("`{asked}` is not a quantization of graphs")
    };
    let meant = match meaning::file_type(asked) {
        Some("q4_k_m") => Some("int4"),
        Some("q8_0") => Some("int8"),
        _ => None,
    };
    let near = meant.map_or_else(String::new, |m| format!("Did you mean {m}? "));
    let hint = Hint::from(near).then(format!("{} takes {}.", target.format, known.join(", ")));
    ModelError::request(what).in_option(OptionName::QUANTIZATION).with_hint(hint)
}

/// Refuses sources that have numbers of another type than `f32`.
fn check_f32(model: &Model) -> Result<()> {
    let other =
        |g: &Graph| g.constants().map(|c| c.elem).find(|e| matches!(e, Elem::F16 | Elem::BF16 | Elem::I8 | Elem::U4));
    let Some(elem) = model.graph.as_deref().and_then(other) else { return Ok(()) };
    let what = format!("the graph has constants of {elem}, and this version does not convert them to f32");
    Err(ModelError::unsupported(what).in_option(OptionName::QUANTIZATION))
}

fn nothing_changed(report: &Report) -> ModelError {
    let what = "no node of the graph can be quantized";
    let error = match report.kept.first() {
        Some(Kept { node, why, .. }) => ModelError::request(format!("{what}: {why}")).field(node.name.as_str()),
        None => ModelError::request(format!("{what}: it has no products with constant weights")),
    };
    error.with_hint(Hint::from(Remedy::Run("inspect".to_owned())).then(" lists its operators."))
}

/// What is said of a change: notes, and what stayed as it was, by reason.
fn said(report: &Report) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = report.notes.iter().map(|n| Warning::new("graph.precision", n.clone())).collect();
    let mut reasons: Vec<(&str, Vec<&Kept>)> = Vec::new();
    for kept in &report.kept {
        match reasons.iter_mut().find(|(why, _)| *why == kept.why) {
            Some((_, all)) => all.push(kept),
            None => reasons.push((&kept.why, vec![kept])),
        }
    }
    for (why, mut all) in reasons {
        all.sort_by_key(|k| std::cmp::Reverse(k.bytes));
        let names: Vec<String> = all.iter().map(|k| format!("{} ({})", k.node.name, k.node.op)).collect();
        let bytes: u64 = all.iter().map(|k| k.bytes).sum();
        let weights = if bytes == 0 { String::new() } else { format!(" with {} of weights", units::bytes(bytes)) };
        let stay = if all.len() == 1 { "stays" } else { "stay" };
        let text = format!("{}{weights} {stay} as it was: {why}: {}", plural(all.len(), "node"), few(&names));
        let text = if all.len() == 1 { text } else { text.replace(" as it was:", " as they were:") };
        warnings.push(Warning::new("graph.kept", text));
    }
    warnings
}
