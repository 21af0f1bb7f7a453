//! Which tensors need importance values, and whether the matrix has the right ones (`tensor_requires_imatrix` and the main loop of
//! `llama_model_quantize_impl`). llama-quantize stops at the first tensor; here all of them are reported at once.

use super::category::Category;
use super::{Choice, QuantizeRequest};
use crate::model::{Hint, Model, ModelError, OptionName, Remedy, Result, TensorEntry, Warning, few};
use crate::quant::{BlockType as B, Encoding, uses_imatrix};
use crate::transform::FileType;

/// The formats that llama-quantize makes only with importance values, smallest first.
pub(crate) const NEED_IMATRIX: [B; 6] = [B::IQ1_S, B::IQ1_M, B::IQ2_XXS, B::IQ2_XS, B::IQ2_S, B::IQ3_XXS];

/// True where llama-quantize refuses to continue without importance weights.
fn requires(name: &str, encoding: Encoding, req: &QuantizeRequest) -> bool {
    if matches!(name, "token_embd.weight" | "per_layer_token_embd.weight" | "output.weight") {
        return false;
    }
    match encoding {
        Encoding::Block(B::Q2_K) => req.file_type == FileType::Q2_K_S,
        Encoding::Block(b) => NEED_IMATRIX.contains(&b),
        Encoding::Plain(_) => false,
    }
}

/// Checks the planned tensors against the importance matrix.
///
/// # Errors
/// Tensors that need values and have none; entries whose number of values differs from their tensor's columns.
pub(super) fn check(
    model: &Model,
    order: &[usize],
    choices: &[Choice],
    req: &QuantizeRequest,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let made: Vec<(&TensorEntry, Encoding)> = order
        .iter()
        .zip(choices)
        .map(|(i, c)| (&model.tensors[*i], c.encoding))
        .filter(|(t, encoding)| t.encoding != *encoding)
        .collect();
    let values = |t: &TensorEntry| req.imatrix.as_ref().and_then(|m| m.get(&t.name));
    let lacking: Vec<_> = made.iter().filter(|(t, e)| values(t).is_none() && requires(&t.name, *e, req)).collect();
    if !lacking.is_empty() {
        return Err(needed(&lacking, req));
    }
    let mut wrong = Vec::new();
    for (tensor, encoding) in &made {
        let name = tensor.name.as_str();
        let expected = tensor.cols().saturating_mul(tensor.stacked());
        match values(tensor) {
            Some(v) if v.len() as u64 == expected => {}
            Some(v) => {
                let what = format!("{} values instead of {expected}", v.len());
                if Category::of(name) == Category::TokenEmbedding {
                    let text = format!("the importance matrix has {what} for {name}, which is quantized without it");
                    warnings.push(Warning::about("imatrix.size", name, text));
                } else if matches!(encoding, Encoding::Block(_)) {
                    wrong.push((name, what));
                }
            }
            None => {}
        }
    }
    if let Some((name, what)) = wrong.first() {
        let what = match wrong.len() {
            1 => format!("the importance matrix has {what} for it"),
            n => format!("the importance matrix has {what} for it; the sizes of {n} tensors differ"),
        };
        return Err(ModelError::request(what)
            .field(*name)
            .with_hint("Was the importance matrix made from another model?"));
    }
    let uses = |e: &Encoding| matches!(e, Encoding::Block(b) if uses_imatrix(*b));
    let without: Vec<&str> =
        made.iter().filter(|(t, e)| uses(e) && values(t).is_none()).map(|(t, _)| t.name.as_str()).collect();
    if req.imatrix.is_some() && !without.is_empty() {
        let text = match &without[..] {
            [one] => format!("the importance matrix has no values for {one}, which is quantized without it"),
            many => format!(
                "the importance matrix has no values for {} tensors, which are quantized without it: {}",
                many.len(),
                few(many)
            ),
        };
        warnings.push(Warning::new("imatrix.missing", text));
    }
    Ok(())
}

/// The error for tensors that need values.
fn needed(lacking: &[&(&TensorEntry, Encoding)], req: &QuantizeRequest) -> ModelError {
    let names: Vec<&str> = lacking.iter().map(|(t, _)| t.name.as_str()).collect();
    let mut types: Vec<String> = lacking.iter().map(|(_, e)| e.to_string()).collect();
    types.sort();
    types.dedup();
    let (types, names, n) = (types.join(" and "), few(&names), names.len());
    let tensors = if n == 1 { "tensor" } else { "tensors" };
    let (what, hint) = match req.imatrix {
        None => (
            match req.tensor_types.is_empty() {
                true => {
                    format!("{} needs an importance matrix: {n} {tensors} would become {types}: {names}", req.file_type)
                }
                // The file type need not be to blame.
                false => format!("{types} needs an importance matrix, and {n} {tensors} would have it: {names}"),
            },
            Hint::from("Compute one with `remold imatrix` and ")
                .then(Remedy::Give("it", OptionName::IMATRIX))
                .then(", or choose a larger type."),
        ),
        Some(_) => (
            format!("the importance matrix has no values for {n} {tensors} that would become {types}: {names}"),
            "Compute the matrix from this model and more text, or give these tensors a larger type (tensor_types)."
                .into(),
        ),
    };
    ModelError::request(what).in_option(OptionName::IMATRIX).with_hint(hint)
}
