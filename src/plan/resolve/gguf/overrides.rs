//! The user's own types for tensors: `embedding_type`, `output_type` and `tensor_types`.

use crate::model::{Hint, Listing, ModelError, OptionPath, Remedy, Result, TensorEntry, Warning, few};
use crate::plan::resolve::parse_encoding;
use crate::quant::Encoding;
use crate::recipe::options::{TargetOption, gguf};
use crate::recipe::{Selector, Target};

/// The overrides of one target, parsed.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    /// Type of the token embedding.
    pub embedding: Option<Encoding>,
    /// Type of the output matrix.
    pub output: Option<Encoding>,
    rules: Vec<(Selector, String, Encoding)>,
}

impl Overrides {
    /// Parses a target's overrides.
    ///
    /// # Errors
    /// Unknown types and selectors that do not parse.
    pub(crate) fn parse(target: &Target) -> Result<Self> {
        let named = |option: &TargetOption<Option<String>>| {
            let name = target.get(option);
            name.as_deref().map(|n| parse_encoding(option, n)).transpose()
        };
        let entry = |pattern: &str| OptionPath::entry(&gguf::TENSOR_TYPES, pattern);
        let mut rules = Vec::new();
        for (pattern, name) in &target.get(&gguf::TENSOR_TYPES) {
            let selector =
                Selector::parse(pattern).map_err(|e| ModelError::request(e.to_string()).in_option(entry(pattern)))?;
            rules.push((selector, pattern.clone(), parse_encoding(entry(pattern), name)?));
        }
        Ok(Self { embedding: named(&gguf::EMBEDDING_TYPE)?, output: named(&gguf::OUTPUT_TYPE)?, rules })
    }

    /// The rule for a tensor: the first that matches wins.
    pub(crate) fn rule(&self, tensor: &TensorEntry) -> Option<Encoding> {
        self.rules.iter().find(|(s, _, _)| s.selects(tensor)).map(|(_, _, e)| *e)
    }

    /// Warns of roles whose word is also part of the names of other tensors, which llama-quantize would match too.
    pub(crate) fn ambiguous<'a>(&self, tensors: impl Iterator<Item = &'a TensorEntry> + Clone) -> Vec<Warning> {
        let mut out = Vec::new();
        for (selector, word, _) in &self.rules {
            let Selector::Role(role) = selector else { continue };
            let others = tensors.clone().filter(|t| t.name.contains(role.name()) && t.role() != *role);
            let others: Vec<&str> = others.map(|t| t.name.as_str()).collect();
            if !others.is_empty() {
                let text = format!(
                    "`{word}` means the role; for the tensors that have it in their name, as llama-quantize takes it, write `re:{word}`: {}",
                    few(&others)
                );
                out.push(Warning::new("tensor_types.role", text));
            }
        }
        out
    }

    /// Refuses rules that match none of the tensors.
    ///
    /// # Errors
    /// A bad-request error that names the pattern and a few tensors it could have meant.
    pub(crate) fn check_all_match<'a>(&self, tensors: impl Iterator<Item = &'a TensorEntry> + Clone) -> Result<()> {
        for (selector, pattern, _) in &self.rules {
            if !tensors.clone().any(|t| selector.selects(t)) {
                let some: Vec<&str> = tensors.clone().take(4).map(|t| t.name.as_str()).collect();
                let what = format!("the pattern `{pattern}` matches no tensor");
                let mut hint = Hint::from(format!("Names look like {}; ", some.join(", ")))
                    .then(Remedy::See(Listing::Tensors))
                    .then(" lists them all.");
                if matches!(selector, Selector::Glob(_)) {
                    hint = hint.then(format!(
                        " A pattern with `*` must match the whole name; the regular expression is `re:{pattern}`."
                    ));
                }
                return Err(ModelError::request(what).in_option(&gguf::TENSOR_TYPES).with_hint(hint));
            }
        }
        Ok(())
    }
}
