//! Removes the prefixes that training frameworks add to tensor names.
//!
//! `torch.compile` wraps a module as `_orig_mod`, DistributedDataParallel as `module`, FSDP and activation checkpointing as
//! `_fsdp_wrapped_module` and `_checkpoint_wrapped_module`, peft as `base_model.model`; Lightning saves the names of its own
//! module (`model.…`, `net.…`). A prefix that all names share is removed if every name then has a place in the architecture;
//! otherwise the names are kept, and the error names one without a place.

use super::class::hf_class;
use super::config::Config;
use super::family::{Family, by_class};
use super::tensors::Places;
use crate::model::{Model, ModelError, Result, Warning};
use std::borrow::Cow;

/// Modules that wrap another one anywhere in the network and are never part of it.
const WRAPPERS: [&str; 3] = ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

/// Modules around the network at most: `model.base_model.model.module.` has four.
const DEPTH: usize = 8;

/// Parts of names in peft's layers while an adapter is not merged.
const ADAPTERS: [&str; 6] =
    [".base_layer.", ".lora_A.", ".lora_B.", ".lora_embedding_A", ".lora_embedding_B", ".lora_magnitude_vector"];

/// The model under the names of its architecture, and a note of what was removed; `None` if the names are right as they are,
/// cannot be fixed, or the architecture is unknown.
pub(crate) fn unwrapped(model: &Model) -> Option<(Model, Warning)> {
    let root = model.config()?;
    let family = by_class(hf_class(&root).ok()?).ok()?;
    without_wrappers(model, family, &Config::new(root.as_object()?))
}

/// As [`unwrapped`], for a family that is known.
pub(crate) fn without_wrappers(model: &Model, family: &Family, config: &Config) -> Option<(Model, Warning)> {
    let places = Places::of(family, config);
    let names: Vec<Cow<'_, str>> = model.tensors.iter().map(|t| without_parts(&t.name)).collect();
    let inner = names.iter().any(|n| matches!(n, Cow::Owned(_)));
    let shared = shared_prefix(&names);
    let ends = shared.match_indices('.').map(|(at, _)| at + 1).take(DEPTH);
    let fits = |cut: &usize| {
        let mut named = false;
        let all = names.iter().all(|n| {
            let rest = n.get(*cut..).unwrap_or_default();
            let has = places.has(rest);
            named |= has;
            has || places.leaves_out(rest)
        });
        all && named
    };
    let cut = std::iter::once(0).chain(ends).find(fits)?;
    if cut == 0 && !inner {
        return None;
    }
    let prefix = &shared[..cut];
    let what = match (cut, inner) {
        (0, _) => format!("`{}` is a wrapper that a training framework added", found(model)),
        (_, false) => {
            format!("all tensor names begin with `{prefix}`, which is not part of the names of the architecture")
        }
        (_, true) => {
            format!(
                "all tensor names begin with `{prefix}` and `{}`, which is not part of the names of the architecture",
                found(model)
            )
        }
    };
    let warning = Warning::new("tensors.wrapped", format!("{what}; it is removed from the names"));
    let tensors = model.tensors.iter().zip(&names).map(|(t, n)| t.renamed(&n[cut..])).collect();
    let mut unwrapped = Model { tensors, ..model.clone() };
    super::identify(&mut unwrapped);
    Some((unwrapped, warning))
}

/// Refuses layers of an adapter that was saved with its base and not merged into it.
///
/// # Errors
/// Naming the first such tensor.
pub(crate) fn refuse_unmerged(model: &Model) -> Result<()> {
    let Some(tensor) = model.tensors.iter().find(|t| ADAPTERS.iter().any(|a| t.name.contains(a))) else {
        return Ok(());
    };
    let hint = "Merge it with peft first: `model.merge_and_unload().save_pretrained(DIR)`; then convert DIR.";
    Err(ModelError::unsupported("the weights hold a LoRA adapter that is not merged into its base")
        .field(tensor.name.clone())
        .with_hint(hint))
}

/// The name without wrappers.
fn without_parts(name: &str) -> Cow<'_, str> {
    if !WRAPPERS.iter().any(|w| name.contains(w)) {
        return Cow::Borrowed(name);
    }
    let parts: Vec<&str> = name.split('.').filter(|p| !WRAPPERS.contains(p)).collect();
    Cow::Owned(parts.join("."))
}

/// The wrapper that all names have.
fn found(model: &Model) -> &'static str {
    let has = |w: &str| model.tensors.iter().any(|t| t.name.split('.').any(|p| p == w));
    WRAPPERS.into_iter().find(|w| has(w)).unwrap_or(WRAPPERS[0])
}

/// The common prefix of all names, up to and including a dot.
fn shared_prefix<'a>(names: &'a [Cow<'_, str>]) -> &'a str {
    let Some(first) = names.first() else { return "" };
    let mut len = first.len();
    for name in names {
        let same = first.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
        len = len.min(same);
    }
    // A dot is one byte in UTF-8, so a prefix that ends with one is made of whole characters.
    let end = first.as_bytes()[..len].iter().rposition(|b| *b == b'.').map_or(0, |at| at + 1);
    first.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_share_ends_with_a_dot() {
        let shared = |names: &[&str]| {
            let names: Vec<Cow<'_, str>> = names.iter().map(|n| Cow::Borrowed(*n)).collect();
            shared_prefix(&names).to_owned()
        };
        assert_eq!(shared(&["module.model.norm", "module.model.layers.0"]), "module.model.");
        assert_eq!(shared(&["model.norm", "module.x"]), "");
        assert_eq!(shared(&["a.é.x", "a.è.x"]), "a.");
        assert_eq!(shared(&[]), "");
    }

    #[test]
    fn wrappers_are_left_out_wherever_they_stand() {
        assert_eq!(
            without_parts("_orig_mod.model.layers.0._checkpoint_wrapped_module.mlp.up_proj.weight"),
            "model.layers.0.mlp.up_proj.weight"
        );
        assert!(matches!(without_parts("model.norm.weight"), Cow::Borrowed(_)));
        assert_eq!(without_parts("my_orig_mod.weight"), "my_orig_mod.weight");
    }
}
