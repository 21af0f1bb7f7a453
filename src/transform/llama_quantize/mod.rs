//! llama-quantize's file-level behaviour as a pure function: which tensors are quantized, to which type, in which order they are written,
//! and the resulting metadata.
//!
//! Facts: `src/llama-quant.cpp` and `tools/quantize/quantize.cpp` of llama.cpp, autumn 2026. The order of decisions per tensor: may it be
//! quantized at all (`kept`); a type given for the embedding or the output; a type given by pattern; the rules of the file type (`mix`);
//! and if the row length does not fit, a fallback (`fallback`). Counters of the rules run in output order (`order`). This module does not
//! know whether this version can write an encoding; callers ask `quant::can_quantize`.

mod category;
mod fallback;
mod fallback_warnings;
#[cfg(test)]
pub(super) mod golden_tests;
mod importance;
mod kept;
mod metadata;
mod mix;
mod model_facts;
mod order;
mod request;

pub(crate) use fallback_warnings::{FALLBACK, Fallen, fallback_warnings};
pub(crate) use importance::NEED_IMATRIX;
pub(crate) use kept::{VECTORS, may_quantize};
pub(super) use order::layer as layer_of_name;
pub(crate) use request::{Choice, QuantizePlan, QuantizeRequest};

use crate::model::{Hint, Model, ModelError, OptionName, Remedy, Result, TensorEntry, Warning, few};
use crate::quant::{Encoding, repacks_to};
use crate::units::plural;
use category::Category;
use mix::Mix;
use model_facts::ModelFacts;

/// Plans the quantization of `model`, whose tensors have GGUF names and whose metadata is GGUF's.
///
/// # Errors
/// An importance matrix that is needed is missing or does not fit; a requested type that
/// does not fit a row; requantization that was not allowed; with `no_fallback`, rows that fit no block of the wanted type.
pub(crate) fn plan_quantize(model: &Model, req: &QuantizeRequest) -> Result<QuantizePlan> {
    plan_quantize_with(model, req, &TensorFacts::of(model, req.leave_output, req.keep_order))
}

/// The part that does not depend on the file type: computed once if one model is planned for several.
pub(crate) struct TensorFacts {
    /// Indices of the tensors in output order.
    order: Vec<usize>,
    /// By tensor: why it keeps its encoding, if it does.
    kept: Vec<Option<&'static str>>,
    /// By tensor: its kind.
    categories: Vec<Category>,
}

impl TensorFacts {
    /// The facts of a model for requests with these options ([`QuantizeRequest::leave_output`] and [`QuantizeRequest::keep_order`]).
    pub(crate) fn of(model: &Model, leave_output: bool, keep_order: bool) -> Self {
        let arch = model.architecture().unwrap_or_default();
        Self {
            order: match keep_order {
                true => (0..model.tensors.len()).collect(),
                false => order::output_order(&model.tensors),
            },
            kept: model.tensors.iter().map(|t| kept::reason(t, arch, leave_output)).collect(),
            categories: model.tensors.iter().map(|t| Category::of(&t.name)).collect(),
        }
    }

    /// True if the tensor of this index may get another encoding.
    pub(crate) fn may_quantize(&self, tensor: usize) -> bool {
        self.kept[tensor].is_none()
    }
}

/// As [`plan_quantize`], with facts already computed for the same model.
///
/// # Errors
/// As [`plan_quantize`].
pub(crate) fn plan_quantize_with(model: &Model, req: &QuantizeRequest, outlook: &TensorFacts) -> Result<QuantizePlan> {
    let facts = ModelFacts::of(model, req)?;
    let mut mix = Mix::new(&facts, req, outlook.categories.iter().copied());
    let mut warnings = Vec::new();
    let mut choices = Vec::with_capacity(outlook.order.len());
    for &i in &outlook.order {
        let tensor = &model.tensors[i];
        let choice = match outlook.kept[i] {
            Some(why) if !req.file_type.is_copy() => Choice::because(tensor.encoding, why),
            _ => choose(tensor, outlook.categories[i], req, &mut mix)?,
        };
        check_source(tensor, &choice, req)?;
        choices.push(choice);
    }
    let order = outlook.order.clone();
    importance::check(model, &order, &choices, req, &mut warnings)?;
    report_fallbacks(model, &order, &choices, req, &mut warnings)?;
    let metadata = metadata::output_metadata(&model.metadata, req);
    Ok(QuantizePlan { order, choices, metadata, warnings })
}

/// The encoding of one tensor that may be quantized.
fn choose(tensor: &TensorEntry, category: Category, req: &QuantizeRequest, mix: &mut Mix<'_>) -> Result<Choice> {
    let name = tensor.name.as_str();
    if req.file_type.is_copy() {
        return Ok(Choice::plain(tensor.encoding));
    }
    let by_pattern = req.tensor_types.get(name).copied();
    if category == Category::TokenEmbedding
        && let Some(encoding) = req.token_embedding_type
        // The per-layer embedding is a large table of its own: a pattern that names it has precedence.
        && !(name == "per_layer_token_embd.weight" && by_pattern.is_some())
    {
        return requested(tensor, encoding, "token embedding type given");
    }
    if category == Category::Output
        && let Some(encoding) = req.output_type
    {
        return requested(tensor, encoding, "output type given");
    }
    let Encoding::Block(base) = req.file_type.base() else {
        return Ok(Choice::plain(req.file_type.base()));
    };
    let wanted = match by_pattern {
        Some(encoding) => Choice::because(encoding, "type given for this name"),
        None if req.pure => Choice::plain(base.into()),
        None => mix.choose(base, tensor, category)?,
    };
    fallback::fit(tensor, wanted)
}

/// A type the user gave that has no shape fallback.
fn requested(tensor: &TensorEntry, encoding: Encoding, why: &'static str) -> Result<Choice> {
    if encoding.row_bytes(tensor.cols()).is_none() {
        let (block, _) = encoding.unit();
        return Err(ModelError::request(format!("rows of {} elements do not fit {encoding}", tensor.cols()))
            .field(&tensor.name)
            .with_hint(format!(
                "Choose a type whose block size divides the row; the block size of {encoding} is {block}."
            )));
    }
    Ok(Choice::because(encoding, why))
}

/// Refuses sources that cannot or should not be converted.
fn check_source(tensor: &TensorEntry, choice: &Choice, req: &QuantizeRequest) -> Result<()> {
    match tensor.encoding {
        from if from == choice.encoding => Ok(()),
        // The same levels in the layout of today.
        Encoding::Block(from) if repacks_to(from).map(Encoding::Block) == Some(choice.encoding) => Ok(()),
        Encoding::Block(from) if !req.allow_requantize => Err(ModelError::request(format!(
            "it is already {from}; requantizing it to {} is not allowed",
            choice.encoding
        ))
        .field(&tensor.name)
        .about_option(OptionName::ALLOW_REQUANTIZE)
        .with_hint(
            Hint::from("Start from the 16- or 32-bit model, or ")
                .then(Remedy::Set(OptionName::ALLOW_REQUANTIZE))
                .then(" and accept the loss."),
        )),
        Encoding::Plain(from) if !from.is_float() => {
            Err(ModelError::unsupported(format!("{from} cannot be quantized to {}", choice.encoding))
                .field(&tensor.name))
        }
        _ => Ok(()),
    }
}

fn report_fallbacks(
    model: &Model,
    order: &[usize],
    choices: &[Choice],
    req: &QuantizeRequest,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let fallen = || order.iter().zip(choices).filter_map(|(&i, c)| Some((&model.tensors[i], c, c.fallback_from?)));
    let all = fallen().map(|(tensor, choice, wanted)| Fallen { tensor, wanted, written: choice.encoding });
    warnings.extend(fallback_warnings(all));
    if req.no_fallback && fallen().next().is_some() {
        let names: Vec<&str> = fallen().map(|(t, ..)| t.name.as_str()).collect();
        let what = format!(
            "a fallback type would be needed for {} whose rows do not fit {}: {}",
            plural(names.len(), "tensor"),
            req.file_type,
            few(&names)
        );
        let hint = Hint::from(Remedy::Clear(OptionName::NO_FALLBACK))
            .then(", choose a type of 32-element blocks (Q8_0, Q5_0, Q4_0), or give types by pattern.");
        return Err(ModelError::request(what).with_hint(hint));
    }
    Ok(())
}
