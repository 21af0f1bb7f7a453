//! Opens the importance matrix of a target, applies `include_weights` and `exclude_weights`, and refuses that of another model.

use crate::arch;
use crate::model::{
    Hint, Model, ModelError, OptionName, Remedy, Result, Role, TensorEntry, few, open_request_file, read_request_file,
};
use crate::plan::ImatrixCoverage;
use crate::recipe::options::gguf;
use crate::recipe::{Selector, Target};
use crate::transform::{Imatrix, MAX_IMATRIX_BYTES};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// The matrix of a target and what there is to say of it so far. The matrix is `None` when no entry is left.
///
/// # Errors
/// A file that is none or was made from another model; filters that match no entry.
pub(crate) fn open(model: &Model, target: &Target) -> Result<Option<(Option<Imatrix>, ImatrixCoverage)>> {
    let Some(path) = target.get(&gguf::IMATRIX) else { return Ok(None) };
    let path = path.as_path();
    let mut matrix = follow_layers(read(path)?, model);
    if let Some(name) = target.get(&gguf::IMATRIX_NAME) {
        matrix.file = name;
    }
    let mut coverage = ImatrixCoverage {
        file: path.to_owned(),
        dataset: matrix.dataset.clone(),
        chunks: matrix.chunks,
        entries: matrix.entries.len(),
        ..ImatrixCoverage::default()
    };
    let tensors: HashMap<&str, &TensorEntry> = model.tensors.iter().map(|t| (t.name.as_str(), t)).collect();
    let unmatched = matrix.entries.keys().filter(|name| !tensors.contains_key(name.as_str()));
    coverage.unmatched = unmatched.cloned().collect();
    if coverage.unmatched.len() * 2 > coverage.entries {
        let (n, all) = (coverage.unmatched.len(), coverage.entries);
        let what = format!(
            "{n} of the {all} entries of this importance matrix name tensors that the model does not have: {}",
            few(&coverage.unmatched)
        );
        let hint = "It was made from another model; make one from this model with `remold imatrix`.";
        return Err(ModelError::request(what).in_file(path).with_hint(hint));
    }
    for (option, texts) in filters(target) {
        let meant = Meant::parse(option, &texts, &matrix, &tensors)?;
        matrix.retain(|name| meant.matches(name) == (option == "include_weights"));
    }
    coverage.left_out = coverage.entries - matrix.entries.len();
    Ok(Some((Some(matrix).filter(|m| !m.entries.is_empty()), coverage)))
}

/// The matrix under the numbers that layers have after the steps of the recipe.
fn follow_layers(matrix: Imatrix, model: &Model) -> Imatrix {
    if model.layer_origins.is_empty() {
        return matrix;
    }
    let now: HashMap<u32, u32> = model.layer_origins.iter().map(|(now, before)| (*before, *now)).collect();
    matrix.renamed(|name| {
        let Some((layer, digits)) = arch::layer_span(name) else { return Some(name.to_owned()) };
        let mut name = name.to_owned();
        name.replace_range(digits, &now.get(&layer)?.to_string());
        Some(name)
    })
}

/// Refuses filters without a matrix to choose from, and both at once, whatever the target becomes.
///
/// # Errors
/// As said.
pub(crate) fn check_filters(target: &Target) -> Result<()> {
    let mut used = filters(target);
    match (used.next(), used.next()) {
        (Some(_), Some(_)) => Err(ModelError::request("include_weights and exclude_weights cannot be used together")
            .with_hint("Keep one of them: what is not included is excluded.")),
        (Some((option, _)), None) if !target.has(&gguf::IMATRIX) => {
            Err(ModelError::request("there is no importance matrix to choose from")
                .in_option(OptionName::of_key(option))
                .with_hint(
                    Hint::from(Remedy::Give("one", OptionName::IMATRIX))
                        .then(", or ")
                        .then(Remedy::ClearThis)
                        .then("."),
                ))
        }
        _ => Ok(()),
    }
}

/// The filters a target has, by option.
fn filters(target: &Target) -> impl Iterator<Item = (&'static str, Vec<String>)> {
    [&gguf::INCLUDE_WEIGHTS, &gguf::EXCLUDE_WEIGHTS]
        .map(|option| (option.key.name, target.get(option)))
        .into_iter()
        .filter(|(_, texts)| !texts.is_empty())
}

/// Opens an importance matrix: llama.cpp's GGUF form or its older `.dat` form.
fn read(path: &Path) -> Result<Imatrix> {
    let name = path.display().to_string();
    let mut magic = [0u8; 4];
    let is_gguf = open_request_file(path)?.read_exact(&mut magic).is_ok() && &magic == b"GGUF";
    if is_gguf {
        return Imatrix::from_model(&arch::open(path)?, &name).map_err(|e| e.in_file(path));
    }
    Imatrix::parse_dat(&read_request_file(path, MAX_IMATRIX_BYTES)?, &name).map_err(|e| e.in_file(path))
}

/// The entries a filter means.
struct Meant<'a> {
    /// Plain texts that are part of some name: searched in the name, as llama-quantize does.
    parts: Vec<&'a str>,
    selectors: Vec<Selector>,
    /// The tensors of the model, by name.
    tensors: &'a HashMap<&'a str, &'a TensorEntry>,
}

impl<'a> Meant<'a> {
    fn parse(
        option: &'static str,
        texts: &'a [String],
        matrix: &Imatrix,
        tensors: &'a HashMap<&'a str, &'a TensorEntry>,
    ) -> Result<Self> {
        let mut meant = Meant { parts: Vec::new(), selectors: Vec::new(), tensors };
        for text in texts {
            if !text.trim().is_empty() && matrix.entries.keys().any(|name| name.contains(text.as_str())) {
                meant.parts.push(text);
                continue;
            }
            let selector =
                Selector::parse(text).map_err(|e| ModelError::request(e).in_option(OptionName::of_key(option)))?;
            if !matrix.entries.keys().any(|name| meant.selected(&selector, name)) {
                let some: Vec<&String> = matrix.entries.keys().take(4).collect();
                let what = format!("`{text}` matches no entry of the importance matrix");
                return Err(ModelError::request(what)
                    .in_option(OptionName::of_key(option))
                    .with_hint(format!("Its entries look like {}.", few(&some))));
            }
            meant.selectors.push(selector);
        }
        Ok(meant)
    }

    fn matches(&self, name: &str) -> bool {
        self.parts.iter().any(|part| name.contains(part)) || self.selectors.iter().any(|s| self.selected(s, name))
    }

    /// An entry of a tensor that the model does not have is known by its name alone.
    fn selected(&self, selector: &Selector, name: &str) -> bool {
        match self.tensors.get(name) {
            Some(tensor) => selector.selects(tensor),
            None => selector.matches(name, Role::Other, ""),
        }
    }
}
