//! The Recipe tab: what is being composed and what its plan says.

use super::action::ErrorCard;
use super::input::LineEdit;
use crate::plan::Plan;
use crate::recipe::{Recipe, Source, Target};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// A ready-made target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Format name.
    pub format: &'static str,
    /// Quantization, or nothing to keep the types.
    pub quantization: Option<&'static str>,
    /// As shown.
    pub title: &'static str,
    /// When to take it, in a few words.
    pub about: &'static str,
}

const fn preset(
    format: &'static str,
    quantization: Option<&'static str>,
    title: &'static str,
    about: &'static str,
) -> Preset {
    Preset { format, quantization, title, about }
}

/// The presets, from the usual choice outwards.
pub const PRESETS: &[Preset] = &[
    preset("gguf", Some("q4_k_m"), "Q4_K_M", "the usual choice"),
    preset("gguf", Some("q5_k_m"), "Q5_K_M", "a little closer"),
    preset("gguf", Some("q6_k"), "Q6_K", "very close"),
    preset("gguf", Some("q8_0"), "Q8_0", "nearly lossless"),
    preset("gguf", Some("q3_k_m"), "Q3_K_M", "errors show"),
    preset("gguf", Some("q2_k"), "Q2_K", "the smallest"),
    preset("gguf", Some("auto"), "as stored", "no quantization"),
    preset("safetensors", None, "as stored", "to train and to serve"),
    preset("pytorch", None, "as stored", "a .pt state dict"),
];

/// Size of one preset for the source.
pub type PresetForecast = Result<(u64, f64), ErrorCard>;

/// Which part of the form has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecipePane {
    /// The presets.
    #[default]
    Presets,
    /// The options.
    Options,
}

/// The options, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Output path.
    Output,
    /// GGUF `context_length`.
    Context,
    /// GGUF type of the token embedding.
    Embedding,
    /// Replace an existing output.
    Overwrite,
}

impl Field {
    /// All, in order.
    pub const ALL: [Self; 4] = [Self::Output, Self::Context, Self::Embedding, Self::Overwrite];

    /// Label: the recipe's own key.
    pub fn label(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Context => "context_length",
            Self::Embedding => "embedding_type",
            Self::Overwrite => "overwrite",
        }
    }

    /// True for fields whose value is typed.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Output | Self::Context)
    }
}

/// Types offered for the token embedding; the first leaves it to the quantization.
const EMBEDDINGS: [&str; 6] = ["as quantization", "f32", "f16", "bf16", "q8_0", "q6_k"];

/// The Recipe tab.
#[derive(Clone, Debug, Default)]
pub struct RecipeState {
    /// The model to convert.
    pub source: Option<PathBuf>,
    /// Folder of outputs that name none.
    pub output_dir: Option<PathBuf>,
    /// Selected preset.
    pub preset: usize,
    /// Presets marked; several make several outputs from one read.
    pub marked: BTreeSet<usize>,
    /// Part with the keys.
    pub pane: RecipePane,
    /// Selected option.
    pub field: usize,
    /// Output path typed by the user.
    pub output: String,
    /// Context length typed by the user.
    pub context: String,
    /// Index into the embedding types.
    pub embedding: usize,
    /// Replace an existing output.
    pub overwrite: bool,
    /// A text option being edited.
    pub editing: Option<LineEdit>,
    /// Number of the latest plan asked for.
    pub request: u64,
    /// What the latest plan said; nothing while it is being made.
    pub plan: Option<Result<Arc<Plan>, ErrorCard>>,
    /// Number of the latest round of preset forecasts.
    pub preset_request: u64,
    /// Sizes of the presets, as they come.
    pub forecasts: Vec<Option<PresetForecast>>,
    /// First line shown of the plan's list of notes.
    pub scroll: usize,
    /// True from the start key until the job is there.
    pub starting: bool,
}

impl RecipeState {
    /// Takes a model as the source.
    pub fn set_source(&mut self, path: PathBuf) {
        if self.source.as_ref() != Some(&path) {
            let (request, preset_request) = (self.request, self.preset_request);
            let (preset, output_dir) = (self.preset, self.output_dir.take());
            *self = Self { source: Some(path), output_dir, request, preset_request, preset, ..Self::default() };
        }
    }

    /// The presets that will be written: those marked, else the selected one.
    pub fn chosen(&self) -> Vec<usize> {
        if self.marked.is_empty() { vec![self.preset] } else { self.marked.iter().copied().collect() }
    }

    /// The option the cursor is on.
    pub fn current_field(&self) -> Field {
        Field::ALL[self.field.min(Field::ALL.len() - 1)]
    }

    /// The value of an option as text; empty when it is left to its default.
    pub fn value(&self, field: Field) -> &str {
        match field {
            Field::Output => &self.output,
            Field::Context => &self.context,
            Field::Embedding => EMBEDDINGS[self.embedding.min(EMBEDDINGS.len() - 1)],
            Field::Overwrite => {
                if self.overwrite {
                    "yes"
                } else {
                    "no"
                }
            }
        }
    }

    /// Sets a text option.
    pub fn set_text(&mut self, field: Field, text: &str) {
        match field {
            Field::Output => text.trim().clone_into(&mut self.output),
            Field::Context => text.trim().clone_into(&mut self.context),
            _ => {}
        }
    }

    /// Turns a choice option by one.
    pub fn turn(&mut self, field: Field, by: i32) {
        match field {
            Field::Embedding => {
                let n = EMBEDDINGS.len() as i32;
                self.embedding = (self.embedding as i32 + by).rem_euclid(n) as usize;
            }
            Field::Overwrite => self.overwrite = !self.overwrite,
            _ => {}
        }
    }

    /// What is wrong with an option, if anything.
    pub fn field_error(&self, field: Field) -> Option<&'static str> {
        match field {
            Field::Context if !self.context.is_empty() && self.context_length().is_none() => {
                Some("a number of tokens, like 4096 or 32k")
            }
            _ => None,
        }
    }

    /// `4096`, `4 096`, `32k`.
    fn context_length(&self) -> Option<u64> {
        let text: String = self.context.chars().filter(|c| !matches!(c, ' ' | '_')).collect();
        let (digits, times) = match text.strip_suffix(['k', 'K']) {
            Some(d) => (d, 1024),
            None => (text.as_str(), 1),
        };
        digits.parse::<u64>().ok()?.checked_mul(times).filter(|n| (1..=u64::from(u32::MAX)).contains(n))
    }

    fn target(&self, preset: usize, single: bool) -> Option<Target> {
        let p = PRESETS.get(preset)?;
        let gguf = p.format == "gguf";
        let embedding = self.value(Field::Embedding);
        Some(Target {
            format: p.format.to_owned(),
            quantization: p.quantization.map(str::to_owned),
            output: (single && !self.output.is_empty()).then(|| PathBuf::from(&self.output)),
            force: self.overwrite,
            context_length: if gguf { self.context_length() } else { None },
            embedding_type: (gguf && self.embedding != 0).then(|| embedding.to_owned()),
            ..Target::default()
        })
    }

    /// The recipe as composed; nothing without a source or while an option is wrong.
    pub fn recipe(&self) -> Option<Recipe> {
        let path = self.source.clone()?;
        if Field::ALL.iter().any(|f| self.field_error(*f).is_some()) {
            return None;
        }
        let chosen = self.chosen();
        let targets = chosen.iter().filter_map(|p| self.target(*p, chosen.len() == 1)).collect();
        let source = Source { path: Some(path), format: None };
        Some(Recipe { source, targets, output_dir: self.output_dir.clone(), ..Recipe::default() })
    }

    /// One recipe for each preset, for its size only: an output that exists is no reason to refuse.
    pub fn preset_recipes(&self) -> Vec<Recipe> {
        let Some(path) = self.source.clone() else { return Vec::new() };
        let recipe = |i: usize| {
            let target = self.target(i, false).map(|t| Target { force: true, ..t });
            Recipe {
                source: Source { path: Some(path.clone()), format: None },
                targets: target.into_iter().collect(),
                output_dir: self.output_dir.clone(),
                ..Recipe::default()
            }
        };
        (0..PRESETS.len()).map(recipe).collect()
    }

    /// The sound plan, if it is there.
    pub fn ready(&self) -> Option<&Arc<Plan>> {
        self.plan.as_ref()?.as_ref().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_make_several_targets_and_options_reach_gguf_only() {
        let mut r = RecipeState::default();
        assert_eq!(r.recipe(), None);
        r.set_source("/m".into());
        r.context = "32k".into();
        r.embedding = 2;
        r.marked = [0, 7].into();
        let recipe = r.recipe().unwrap();
        assert_eq!(recipe.targets.len(), 2);
        assert_eq!(recipe.targets[0].context_length, Some(32768));
        assert_eq!(recipe.targets[0].embedding_type.as_deref(), Some("f16"));
        assert_eq!(recipe.targets[1].format, "safetensors");
        assert_eq!(recipe.targets[1].context_length, None);
        assert_eq!(recipe.targets[1].embedding_type, None);
    }

    #[test]
    fn a_wrong_context_length_makes_no_recipe() {
        let mut r = RecipeState::default();
        r.set_source("/m".into());
        for (text, fine) in
            [("4096", true), ("4 096", true), ("8k", true), ("0", false), ("many", false), ("-1", false)]
        {
            r.context = text.into();
            assert_eq!(r.recipe().is_some(), fine, "{text}");
        }
    }
}
