//! Samples from texts: each line becomes the inputs of a language model or an encoder.

use super::Sample;
use super::inputs::{Input, listed};
use crate::arch::vocab::Runner;
use crate::graph::Elem;
use crate::graph::eval::Tensor;
use crate::model::{Model, ModelError, Result, Sidecar, Sidecars};
use crate::quality::read_text;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Tokens of a sample at most.
const TOKENS: usize = 128;
/// Files that make a tokenizer.
const FILES: [&str; 8] = [
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "config.json",
    "special_tokens_map.json",
];

/// Texts as tokens.
pub(super) struct Texts {
    /// The tokens of each.
    pub(super) all: Vec<Vec<u32>>,
    inputs: Vec<Input>,
    /// Tokens that every sample has, where the graph says so.
    width: Option<usize>,
}

impl Texts {
    /// The lines of a file that are not empty, as tokens of the tokenizer of the model or of the files beside it.
    ///
    /// # Errors
    /// A graph that does not take tokens, no tokenizer, a file that is not text.
    pub(super) fn open(path: &Path, model: &Model, inputs: &[Input]) -> Result<Self> {
        let Some(ids) = inputs.iter().find(|i| &*i.name == "input_ids" && is_integer(i.elem)) else {
            let what = "the file is read as text, and the graph has no input \"input_ids\" for tokens";
            let hint = format!(
                "The graph takes {}. Save arrays of these names as .npz, .npy or .safetensors.",
                listed(inputs)
            );
            return Err(ModelError::request(what).in_file(path).with_hint(hint));
        };
        let known = ["input_ids", "attention_mask", "token_type_ids", "position_ids"];
        let other = |i: &&Input| i.needed && !i.is_past() && !(known.contains(&&*i.name) && is_integer(i.elem));
        if let Some(other) = inputs.iter().find(other) {
            let what = format!("a text gives nothing for the input {:?}", other.name);
            let hint = format!(
                "The graph takes {}. Save arrays of these names as .npz, .npy or .safetensors.",
                listed(inputs)
            );
            return Err(ModelError::request(what).in_file(path).with_hint(hint));
        }
        let width = ids.dims.as_ref().and_then(|d| d.get(1)?.known()).and_then(|n| usize::try_from(n).ok());
        let runner = runner(model)?;
        let text = read_text(path)?;
        let mut all = Vec::new();
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let tokens = runner.framed_ids(line, width.unwrap_or(TOKENS))?;
            if !tokens.is_empty() {
                all.push(tokens);
            }
        }
        if all.is_empty() {
            return Err(ModelError::request("the text has no tokens").in_file(path));
        }
        Ok(Self { all, inputs: inputs.to_vec(), width })
    }

    /// A hash of the tokens.
    pub(super) fn identity(&self) -> String {
        let mut hash = Sha256::new();
        for tokens in &self.all {
            hash.update((tokens.len() as u64).to_le_bytes());
            tokens.iter().for_each(|t| hash.update(t.to_le_bytes()));
        }
        hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The inputs for a text.
    pub(super) fn sample(&self, at: usize) -> Sample {
        let tokens = self.all.get(at).map(Vec::as_slice).unwrap_or_default();
        let (n, width) = (tokens.len(), self.width.unwrap_or(tokens.len()));
        let mut sample = Sample::new();
        for input in &self.inputs {
            let of = |i: usize| match &*input.name {
                "input_ids" => tokens.get(i).map_or(0, |t| i128::from(*t)),
                "attention_mask" => i128::from(i < n),
                "position_ids" => i as i128,
                _ => 0,
            };
            if is_integer(input.elem) && !input.is_past() {
                sample.push((input.name.clone(), Tensor::ints(input.elem, [1, width], (0..width).map(of)).into()));
            }
        }
        sample
    }
}

fn is_integer(elem: Elem) -> bool {
    matches!(elem, Elem::I64 | Elem::I32)
}

/// The tokenizer of a model, or that of the files beside a graph: in its folder or, for a folder `onnx`, in the one above.
fn runner(model: &Model) -> Result<Runner> {
    if FILES[..5].iter().any(|name| model.sidecars.has(name)) {
        return Ok(Runner::of(model)?.without_control_tokens());
    }
    let folder = model.path.parent().unwrap_or(Path::new(""));
    let above = folder.parent().filter(|_| !folder.as_os_str().is_empty());
    for folder in [Some(folder), above].into_iter().flatten() {
        let there = FILES.iter().filter(|name| folder.join(name).is_file());
        let sidecars: Sidecars =
            Sidecars(there.map(|name| ((*name).to_owned(), Sidecar::File(folder.join(name)))).collect());
        if FILES[..5].iter().any(|name| *name != "tokenizer_config.json" && sidecars.has(name)) {
            let beside = Model { sidecars, ..model.clone() };
            return Ok(Runner::of(&beside)?.without_control_tokens());
        }
    }
    let hint = "Put tokenizer.json into the folder of the model, or give arrays of tokens as .npz.";
    Err(ModelError::request("there is no tokenizer beside the model to make tokens of the text")
        .in_file(&model.path)
        .with_hint(hint))
}
