//! `prune`: sets weights to zero.

use super::Applied;
use crate::arch;
use crate::model::{Hint, Listing, Model, ModelError, Remedy, Result, Role, TensorEntry, Warning};
use crate::recipe::Selector;
use crate::recipe::Step;
use crate::recipe::steps::{PRUNE_PATTERN, PRUNE_SCOPE, PRUNE_SELECTORS, PRUNE_SPARSITY, PrunePattern, prune_pattern};
use crate::transform::{Pruning, is_matrix, is_prunable, prune};
use crate::units;

/// The model with pruned tensors.
pub(super) fn apply(model: &Model, step: &Step) -> Result<Applied> {
    let pruning = pruning(step)?;
    if matches!(pruning, Pruning::Row(_) | Pruning::Neighbours { .. }) && arch::stores_transposed(model) {
        let what = "this model stores its matrices transposed, so a row is not what one output is computed from";
        let hint = "Convert it to GGUF first and prune that, or rank by tensor.";
        return Err(ModelError::unsupported(what).with_hint(hint));
    }
    let selectors = step.get(&PRUNE_SELECTORS);
    let chosen = chosen(model, &selectors).map_err(|e| e.about_option(&PRUNE_SELECTORS))?;
    let mut places = chosen.into_iter();
    let pruned = prune(model, pruning, |_| places.next().unwrap_or(false))?;
    let share = pruned.zeros as f64 / (pruned.elems.max(1)) as f64 * 100.0;
    let how = match pruning {
        Pruning::Tensor(_) => "ranked by tensor",
        Pruning::Row(_) => "ranked by row",
        Pruning::Model(_) => "ranked together",
        Pruning::Neighbours { .. } => "by groups of neighbours",
    };
    let what = format!(
        "{} of {} weights in {} become zero ({share:.1} %, {how})",
        units::count(pruned.zeros),
        units::count(pruned.elems),
        units::plural(pruned.tensors, "tensor")
    );
    let text = "pruned weights are stored as zeros: no output gets smaller, and types in blocks do not keep every zero";
    let warnings = vec![Warning::new("prune.not-smaller", text)];
    Ok(Applied { model: pruned.model, what, warnings })
}

fn pruning(step: &Step) -> Result<Pruning> {
    if let Some(PrunePattern::Neighbours(keep, of)) = step.get(&PRUNE_PATTERN).as_deref().and_then(prune_pattern) {
        return Ok(Pruning::Neighbours { keep, of });
    }
    let Some(share) = step.get(&PRUNE_SPARSITY) else {
        return Err(ModelError::request("the key `sparsity` is missing"));
    };
    Ok(match step.get(&PRUNE_SCOPE).as_deref() {
        Some("global") => Pruning::Model(share),
        Some("row") => Pruning::Row(share),
        _ => Pruning::Tensor(share),
    })
}

/// For each tensor of the model, whether it is pruned.
///
/// # Errors
/// A selector that is wrong, or that selects no matrix.
fn chosen(model: &Model, selectors: &[String]) -> Result<Vec<bool>> {
    if selectors.is_empty() {
        return Ok(model.tensors.iter().map(is_prunable).collect());
    }
    let mut chosen = vec![false; model.tensors.len()];
    for text in selectors {
        let selector = Selector::parse(text).map_err(ModelError::request)?;
        // A role means what is pruned by default; a name means any matrix.
        let by_role = matches!(selector, Selector::Role(_));
        let selected = |t: &TensorEntry| {
            selector.selects(t) && if by_role && is_default_role(t) { is_prunable(t) } else { is_matrix(t) }
        };
        let mut any = false;
        for (mark, tensor) in chosen.iter_mut().zip(&model.tensors) {
            let here = selected(tensor);
            any |= here;
            *mark |= here;
        }
        if !any {
            let hint = Hint::from("Tensors that are not matrices are not pruned; ")
                .then(Remedy::See(Listing::Tensors))
                .then(" lists them.");
            return Err(ModelError::request(format!("`{text}` selects no matrix of the model")).with_hint(hint));
        }
    }
    Ok(chosen)
}

/// True for a tensor of the roles that are pruned by default.
fn is_default_role(tensor: &TensorEntry) -> bool {
    matches!(tensor.role(), Role::Attention | Role::Ffn)
}
