//! What `[validate]` of a recipe asks for, checked against the source before anything is written.
//!
//! Outputs are evaluated with the source as the baseline once they are published. An output can be evaluated on a text if it has the network's
//! configuration and a vocabulary: a GGUF file with its tokenizer, or a folder with `config.json`. Outputs that are graphs are run on arrays.

use super::{PlannedOutput, PreparedOutput};
use crate::formats::samples;
use crate::forward::Rounding;
use crate::model::{FormatId, Model, ModelError, Result};
use crate::quality::{self, Condition, DEFAULT_MEMORY, Evaluation};
use crate::recipe::{Recipe, Validate};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Least memory for an evaluation, whatever the recipe allows.
const LEAST_MEMORY: u64 = 64 << 20;

/// The evaluation of the outputs once they are published.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedValidation {
    /// The text; for graphs the file with the inputs, which are made from a seed without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// True if the outputs are graphs, which are run on the same inputs as the source.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub graphs: bool,
    /// The format that the source is read as, where the recipe says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_format: Option<FormatId>,
    /// Conditions under which a check fails: `kld_mean > 0.05`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fail_if: Vec<String>,
    /// Tokens of a window, if the recipe says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<usize>,
    /// Windows to measure at most; 0 for all.
    #[serde(default)]
    pub chunks: usize,
    /// How activations are rounded: `exact` or `llama.cpp`.
    pub mode: String,
    /// Memory to stay within, beside the weights at work, bytes.
    pub memory_bytes: u64,
}

impl PlannedValidation {
    /// What a recipe asks for. `memory` is what it allows; `graphs`: the outputs are graphs.
    ///
    /// # Errors
    /// No text for models that are no graphs; settings of texts for graphs; a condition that is none.
    fn of(asked: &Validate, recipe: &Recipe, memory: Option<u64>, graphs: bool) -> Result<Self> {
        let data = asked.data.clone();
        if data.is_none() && !graphs {
            let hint = "Name a text file as `data` of [validate], or remove the table.";
            return Err(ModelError::request("[validate] names no text to measure the outputs on").with_hint(hint));
        }
        let of_texts = [
            ("context", asked.context.is_some()),
            ("chunks", asked.chunks.is_some()),
            ("as", asked.rounding.is_some()),
        ];
        if let Some((key, _)) = of_texts.into_iter().find(|(_, given)| graphs && *given) {
            let what = "it is about texts, and the outputs are graphs, which are run on arrays";
            return Err(ModelError::request(what).field(format!("validate.{key}")).with_hint("Leave it out."));
        }
        let condition = |(metric, condition): (&String, &String)| {
            let parsed = Condition::parse(&format!("{metric} {condition}"));
            parsed.map(|c| c.to_string()).map_err(|e| e.field(format!("validate.fail_if.{metric}")))
        };
        let number = |n: Option<u64>| n.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let rounded = asked.rounding.as_deref().is_some_and(|r| r.eq_ignore_ascii_case(Rounding::LlamaCpp.name()));
        let mode = if rounded { Rounding::LlamaCpp } else { Rounding::Exact };
        Ok(Self {
            data,
            graphs,
            source_format: recipe.source.format,
            fail_if: asked.fail_if.iter().map(condition).collect::<Result<_>>()?,
            context: number(asked.context),
            chunks: number(asked.chunks).unwrap_or(0),
            mode: mode.name().to_owned(),
            memory_bytes: memory.unwrap_or(DEFAULT_MEMORY).clamp(LEAST_MEMORY, DEFAULT_MEMORY),
        })
    }

    /// The evaluation of `outputs` against `source`.
    pub(crate) fn evaluation(&self, source: &Path, outputs: Vec<PathBuf>) -> Evaluation {
        let rounded = self.mode == Rounding::LlamaCpp.name();
        Evaluation {
            baseline: Some(source.to_owned()),
            baseline_format: self.source_format,
            data: self.data.clone(),
            context: self.context,
            chunks: self.chunks,
            rounding: if rounded { Rounding::LlamaCpp } else { Rounding::Exact },
            memory: self.memory_bytes,
            ..Evaluation::of(outputs)
        }
    }

    /// The conditions.
    ///
    /// # Errors
    /// One that this version does not know.
    pub(crate) fn conditions(&self) -> Result<Vec<Condition>> {
        self.fail_if.iter().map(|text| Condition::parse(text)).collect()
    }
}

/// Plans the evaluation that a recipe asks for; `None` if it asks for none. `source` is the model as it was opened.
///
/// # Errors
/// A request that cannot be fulfilled: a text that cannot be used, a source or an output that cannot be evaluated, a metric that is not
/// measured.
pub(super) fn plan(
    recipe: &Recipe,
    source: &Model,
    outputs: &[PlannedOutput],
    prepared: &[PreparedOutput],
    memory: Option<u64>,
) -> Result<Option<PlannedValidation>> {
    let Some(asked) = &recipe.validate else { return Ok(None) };
    let graphs = !prepared.is_empty() && prepared.iter().all(|p| p.graph.is_some());
    let planned = PlannedValidation::of(asked, recipe, memory, graphs)?;
    if !source.unreadable.is_empty() {
        let what = "the outputs cannot be evaluated against a source with sparse tensors";
        let hint = "Remove [validate], and evaluate the outputs with `remold eval`.";
        return Err(ModelError::request(what).in_file(&source.path).with_hint(hint));
    }
    if graphs {
        if let Some(file) = &planned.data {
            samples::open(file)?;
        }
        quality::check_graph_conditions(&planned.conditions()?)?;
        return Ok(Some(planned));
    }
    let request = planned.evaluation(&source.path, Vec::new());
    quality::check_source(source, &request, &planned.conditions()?)?;
    for (output, prepared) in outputs.iter().zip(prepared) {
        check_output(output, prepared)?;
    }
    Ok(Some(planned))
}

fn check_output(output: &PlannedOutput, prepared: &PreparedOutput) -> Result<()> {
    let has_config = output.folder && output.files.iter().any(|(path, _)| path.ends_with("config.json"));
    let missing = match (output.format.has_gguf_names(), has_config) {
        (true, _) if prepared.metadata.contains_key("tokenizer.ggml.tokens") => return Ok(()),
        (false, true) => return Ok(()),
        (true, _) => "no tokenizer",
        (false, false) => "no configuration and no tokenizer",
    };
    let what = format!("this output will have {missing}, so it cannot be evaluated");
    let hint = "Remove [validate] (--validate), or write a GGUF or a Hugging Face folder. Graphs are evaluated in recipes that write nothing else.";
    Err(ModelError::request(what).in_file(&output.path).with_hint(hint))
}

/// The path under which a published output is opened: its folder, or the first of its files.
pub(crate) fn openable(output: &PlannedOutput) -> &Path {
    match output.files.first() {
        Some((first, _)) if !output.folder => first,
        _ => &output.path,
    }
}
