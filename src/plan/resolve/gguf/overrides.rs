//! The user's own types for tensors: `embedding_type`, `output_type`, `tensor_types`, and those of another file (`like`).

use crate::arch;
use crate::model::{
    FormatId, Hint, Listing, MetaValue, ModelError, OptionPath, Remedy, Result, TensorEntry, Warning, few,
};
use crate::plan::resolve::parse_encoding;
use crate::quant::Encoding;
use crate::recipe::options::{TargetOption, gguf};
use crate::recipe::{Selector, Target};
use crate::transform::FileType;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The overrides of one target, parsed.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    /// Type of the token embedding.
    pub embedding: Option<Encoding>,
    /// Type of the output matrix.
    pub output: Option<Encoding>,
    rules: Vec<(Selector, String, Encoding)>,
    like: Option<Like>,
}

/// The types of another file.
#[derive(Debug)]
struct Like {
    file: PathBuf,
    /// The file type that it declares.
    file_type: Option<FileType>,
    /// The architecture of its network.
    architecture: Option<String>,
    /// Of its matrices, by name.
    types: HashMap<String, Encoding>,
}

impl Like {
    /// Reads the header of a GGUF.
    fn open(path: &Path) -> Result<Self> {
        let model = arch::open(path).map_err(|e| e.in_option(&gguf::LIKE))?;
        if model.format != FormatId::Gguf {
            let what = format!("types can be copied from a GGUF only, and this is {}", model.format);
            return Err(ModelError::request(what).in_file(path).in_option(&gguf::LIKE));
        }
        let id = model.metadata.get("general.file_type").and_then(MetaValue::as_u64);
        let file_type = id.and_then(|id| FileType::from_id(u32::try_from(id).ok()?));
        let matrices = model.tensors.iter().filter(|t| t.shape.rank() > 1);
        let types = matrices.map(|t| (t.name.to_string(), t.encoding)).collect();
        let architecture = model.architecture().map(str::to_owned);
        Ok(Self { file: path.to_owned(), file_type, architecture, types })
    }
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
        let like = target.get(&gguf::LIKE).as_deref().map(Like::open).transpose()?;
        Ok(Self { embedding: named(&gguf::EMBEDDING_TYPE)?, output: named(&gguf::OUTPUT_TYPE)?, rules, like })
    }

    /// The file type to declare for the types of another file: the one that it declares.
    pub(crate) fn file_type_of_like(&self) -> Option<FileType> {
        self.like.as_ref().map(|l| l.file_type.filter(|t| !t.is_copy()).unwrap_or(FileType::Q8_0))
    }

    /// The rule for a tensor: the first that matches wins.
    pub(crate) fn rule(&self, tensor: &TensorEntry) -> Option<Encoding> {
        let named = self.rules.iter().find(|(s, _, _)| s.selects(tensor)).map(|(_, _, e)| *e);
        named.or_else(|| self.like.as_ref()?.types.get(tensor.name.as_str()).copied())
    }

    /// Says which matrices have no counterpart in the file whose types are copied.
    ///
    /// # Errors
    /// None has; another architecture.
    pub(crate) fn check_like<'a>(
        &self,
        tensors: impl Iterator<Item = &'a TensorEntry>,
        architecture: Option<&str>,
    ) -> Result<Option<Warning>> {
        let Some(like) = &self.like else { return Ok(None) };
        if let (Some(there), Some(here)) = (like.architecture.as_deref(), architecture)
            && there != here
        {
            return Err(ModelError::request(format!("it is a {there}, and this model is a {here}: no types to copy"))
                .in_file(&like.file)
                .in_option(&gguf::LIKE)
                .with_hint("Give a GGUF of a model of the same architecture."));
        }
        let matrices: Vec<&str> = tensors.filter(|t| t.shape.rank() > 1).map(|t| t.name.as_str()).collect();
        let missing: Vec<&str> = matrices.iter().copied().filter(|name| !like.types.contains_key(*name)).collect();
        if missing.len() == matrices.len() {
            return Err(ModelError::request("none of its tensors is in this model, so there are no types to copy")
                .in_file(&like.file)
                .in_option(&gguf::LIKE)
                .with_hint("Give a GGUF of a model of the same architecture."));
        }
        Ok((!missing.is_empty()).then(|| {
            let file = like.file.display();
            let text = format!("{} of {} matrices are not in {file}: {}", missing.len(), matrices.len(), few(&missing));
            Warning::new("like.missing", text)
        }))
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
