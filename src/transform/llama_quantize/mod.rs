//! llama-quantize's file-level behaviour as a pure function: which tensors are quantized, to what, in which order they are
//! written, and what the metadata becomes.
//!
//! Facts: `src/llama-quant.cpp` and `tools/quantize/quantize.cpp` of llama.cpp, autumn 2026. Per tensor the decision goes:
//! may it be quantized at all (`kept`); a type given for the embedding or the output; a type given by pattern; the rules of
//! the file type (`mix`); and where the row length does not fit, a fallback (`fallback`). Counters of the rules run in output
//! order (`order`). Nothing here knows whether an encoding can be written by this version; callers ask `quant::can_quantize`.

mod category;
mod fallback;
#[cfg(test)]
pub(super) mod golden_tests;
mod kept;
mod metadata;
mod mix;
mod model_facts;
mod order;
mod request;

pub use request::{Choice, QuantizePlan, QuantizeRequest};

use crate::model::{Model, ModelError, Result, TensorEntry, Warning};
use crate::quant::{BlockType, Encoding};
use category::Category;
use mix::Mix;
use model_facts::ModelFacts;

/// Plans the quantization of `model`, whose tensors have GGUF names and whose metadata is GGUF's.
///
/// # Errors
/// An importance matrix that is needed is missing or does not fit; a requested type that
/// does not fit a row; requantization that was not allowed; with `no_fallback`, rows that fit no block of the wanted type.
pub fn plan_quantize(model: &Model, req: &QuantizeRequest) -> Result<QuantizePlan> {
    let facts = ModelFacts::of(&model.metadata)?;
    let order = match req.keep_order {
        true => (0..model.tensors.len()).collect(),
        false => order::output_order(&model.tensors),
    };
    let mut mix = Mix::new(&facts, req, model.tensors.iter().map(|t| t.name.as_str()));
    let mut warnings = Vec::new();
    let mut choices = Vec::with_capacity(order.len());
    for &i in &order {
        let tensor = &model.tensors[i];
        let choice = choose(tensor, req, &facts, &mut mix)?;
        check_source(tensor, &choice, req)?;
        check_imatrix(tensor, &choice, req, &mut warnings)?;
        choices.push(choice);
    }
    report_fallbacks(model, &order, &choices, req, &mut warnings)?;
    let metadata = metadata::output_metadata(&model.metadata, req);
    Ok(QuantizePlan { order, choices, metadata, warnings })
}

/// The encoding of one tensor.
fn choose(tensor: &TensorEntry, req: &QuantizeRequest, facts: &ModelFacts, mix: &mut Mix<'_>) -> Result<Choice> {
    let name = tensor.name.as_str();
    if req.file_type.is_copy() {
        return Ok(Choice::plain(tensor.encoding));
    }
    if let Some(why) = kept::reason(tensor, &facts.arch, req.leave_output) {
        return Ok(Choice::because(tensor.encoding, why));
    }
    let category = Category::of(name);
    let by_pattern = req.tensor_types.get(name).copied();
    if category == Category::TokenEmbedding
        && let Some(encoding) = req.token_embedding_type
        // The per-layer embedding is a large table of its own: a pattern that names it goes first.
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

/// A type the user gave without a shape fallback behind it.
fn requested(tensor: &TensorEntry, encoding: Encoding, why: &'static str) -> Result<Choice> {
    if encoding.row_bytes(tensor.cols()).is_none() {
        let (block, _) = encoding.unit();
        return Err(ModelError::request(format!("rows of {} elements do not fit {encoding}", tensor.cols()))
            .field(&tensor.name)
            .with_hint(format!("Choose a type whose block length divides the row; that of {encoding} is {block}.")));
    }
    Ok(Choice::because(encoding, why))
}

/// Refuses sources that cannot or should not be converted.
fn check_source(tensor: &TensorEntry, choice: &Choice, req: &QuantizeRequest) -> Result<()> {
    match tensor.encoding {
        from if from == choice.encoding => Ok(()),
        Encoding::Block(from) if !req.allow_requantize => Err(ModelError::request(format!(
            "it is {from} already; requantizing it to {} is not allowed",
            choice.encoding
        ))
        .field(&tensor.name)
        .with_hint("Start from the 16- or 32-bit model, or pass --allow-requantize and accept the loss.")),
        Encoding::Plain(from) if !from.is_float() => {
            Err(ModelError::unsupported(format!("{from} cannot be quantized to {}", choice.encoding))
                .field(&tensor.name))
        }
        _ => Ok(()),
    }
}

/// True where llama-quantize refuses to go on without importance weights.
fn requires_imatrix(name: &str, encoding: Encoding, req: &QuantizeRequest) -> bool {
    use BlockType as B;
    if matches!(name, "token_embd.weight" | "per_layer_token_embd.weight" | "output.weight") {
        return false;
    }
    match encoding {
        Encoding::Block(B::IQ3_XXS | B::IQ2_XXS | B::IQ2_XS | B::IQ2_S | B::IQ1_M | B::IQ1_S) => true,
        Encoding::Block(B::Q2_K) => req.file_type == super::FileType::Q2_K_S,
        _ => false,
    }
}

fn check_imatrix(
    tensor: &TensorEntry,
    choice: &Choice,
    req: &QuantizeRequest,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let (name, encoding) = (tensor.name.as_str(), choice.encoding);
    if encoding == tensor.encoding {
        return Ok(());
    }
    let values = req.imatrix.as_ref().and_then(|m| m.get(name));
    let Some(values) = values else {
        if requires_imatrix(name, encoding, req) {
            let what = match req.imatrix {
                None => format!("{encoding} needs an importance matrix"),
                Some(_) => format!("{encoding} needs importance values, and the matrix has none for it"),
            };
            return Err(ModelError::request(what)
                .field(name)
                .with_hint("Make one with llama-imatrix and pass it with --imatrix, or choose a larger type."));
        }
        if req.imatrix.is_some() && matches!(encoding, Encoding::Block(_)) {
            let text = format!("the importance matrix has no values for {name}; it is quantized without");
            warnings.push(Warning::about("imatrix.missing", name, text));
        }
        return Ok(());
    };
    let expected = tensor.cols().saturating_mul(tensor.stacked());
    if values.len() as u64 == expected {
        return Ok(());
    }
    let what = format!("the importance matrix has {} values for it instead of {expected}", values.len());
    if Category::of(name) == Category::TokenEmbedding {
        warnings.push(Warning::about("imatrix.size", name, format!("{what}; it is quantized without")));
        return Ok(());
    }
    Err(ModelError::request(what).field(name).with_hint("Was the importance matrix made from another model?"))
}

fn report_fallbacks(
    model: &Model,
    order: &[usize],
    choices: &[Choice],
    req: &QuantizeRequest,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let fallen = || order.iter().zip(choices).filter_map(|(&i, c)| Some((&model.tensors[i], c, c.fallback_from?)));
    for (tensor, choice, wanted) in fallen() {
        let text = format!(
            "{} has rows of {} elements, which do not fit {wanted}; it becomes {}",
            tensor.name,
            tensor.cols(),
            choice.encoding
        );
        warnings.push(Warning::about("quantize.fallback", &tensor.name, text));
    }
    if req.no_fallback && fallen().next().is_some() {
        const NAMED: usize = 8;
        let names: Vec<&str> = fallen().map(|(t, ..)| t.name.as_str()).collect();
        let mut text = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        if names.len() > NAMED {
            text.push_str(&format!(" and {} more", names.len() - NAMED));
        }
        let what = format!("{} tensors do not fit {} and would fall back: {text}", names.len(), req.file_type);
        return Err(ModelError::request(what).with_hint(
            "Leave out --no-fallback, choose a type of 32-element blocks (Q8_0, Q5_0, Q4_0), or give types by pattern.",
        ));
    }
    Ok(())
}
