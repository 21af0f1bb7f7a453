//! Recipes by what a model is for: the answer to "which one do I need?".
//!
//! [`GOALS`] has a line for each purpose. [`compose`] makes a recipe for a model at hand, with the reasons for what it chose. The rules are
//! explained in `docs/choosing.md`. Must not know the machine: the caller gives the memory.

mod fit;

use super::rehearse_model;
use crate::model::{FormatId, Model, ModelError, Result};
use crate::quant::Encoding;
use crate::recipe::options::{common, gguf};
use crate::recipe::{Recipe, Target};
use crate::task::Task;
use crate::tensor::DType;
use crate::units;
use fit::{Fit, Place};

pub use fit::RuntimeMemory;

/// What a model is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Many users at once.
    Server,
    /// One GPU.
    Gpu,
    /// A computer without a large GPU.
    Laptop,
    /// A phone or a small board.
    Mobile,
    /// To keep it.
    Archive,
}

/// A purpose, as it is offered.
#[derive(Debug)]
pub(crate) struct GoalSpec {
    /// The purpose.
    pub goal: Goal,
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// What is made for it, in a few words.
    pub makes: &'static str,
    /// The memory that is assumed if none is given.
    pub memory: Memory,
}

/// The memory of the machine that a model is to run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    /// It decides nothing.
    NotNeeded,
    /// That of the first GPU of this machine.
    OfGpu,
    /// So many bytes, as usual for such devices.
    Usual(u64),
}

const GIB: u64 = 1 << 30;

/// Every purpose, in the order in which they are offered.
pub(crate) static GOALS: &[GoalSpec] = &[
    GoalSpec {
        goal: Goal::Gpu,
        name: "gpu",
        title: "one GPU, with llama.cpp or Ollama",
        makes: "the most precise GGUF that fits into its memory with the context",
        memory: Memory::OfGpu,
    },
    GoalSpec {
        goal: Goal::Laptop,
        name: "laptop",
        title: "a laptop or desktop, with Ollama, LM Studio or llama.cpp",
        makes: "a GGUF for half of its memory, with a Modelfile",
        memory: Memory::Usual(16 * GIB),
    },
    GoalSpec {
        goal: Goal::Server,
        name: "server",
        title: "a server with many users, with vLLM, SGLang or TGI",
        makes: "safetensors in 16 bits",
        memory: Memory::NotNeeded,
    },
    GoalSpec {
        goal: Goal::Mobile,
        name: "mobile",
        title: "a phone or a small ARM board, with llama.cpp",
        makes: "a small GGUF in a type that ARM cores are fast with",
        memory: Memory::Usual(8 * GIB),
    },
    GoalSpec {
        goal: Goal::Archive,
        name: "archive",
        title: "keeping and passing on",
        makes: "safetensors with every bit, and a manifest with checksums",
        memory: Memory::NotNeeded,
    },
];

/// The purpose of that name.
pub(crate) fn goal(name: &str) -> Option<&'static GoalSpec> {
    GOALS.iter().find(|g| g.name == name)
}

/// What a recipe is to keep to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// Memory of the machine it is for, in bytes.
    pub memory: Option<u64>,
    /// Tokens to see at once.
    pub context: Option<u64>,
}

impl GoalSpec {
    /// Why the memory decides nothing for this purpose; `None` where it does.
    pub(crate) fn ignores_memory(&self) -> Option<&'static str> {
        (self.goal == Goal::Archive).then_some(KEEPS)
    }

    /// Why the context decides nothing for this purpose; `None` where it does.
    pub(crate) fn ignores_context(&self) -> Option<&'static str> {
        match self.goal {
            Goal::Archive => Some(KEEPS),
            Goal::Server => Some("the context is set when the server is started"),
            Goal::Gpu | Goal::Laptop | Goal::Mobile => None,
        }
    }
}

/// Why nothing decides what an archive holds.
const KEEPS: &str = "the model is kept as it is";

/// A recipe and why it is as it is.
#[derive(Clone, Debug)]
pub(crate) struct Composed {
    /// The recipe; it has no source.
    pub recipe: Recipe,
    /// The reasons, a sentence or two each.
    pub reasons: Vec<String>,
}

/// Makes a recipe for a model and a purpose.
///
/// # Errors
/// Models that cannot be written in the format; a memory that is not known or too small.
pub(crate) fn compose(model: &Model, spec: &GoalSpec, limits: Limits) -> Result<Composed> {
    let mut composed = match spec.goal {
        Goal::Archive => archive(),
        Goal::Server => server(model, limits)?,
        Goal::Gpu => within(model, spec, limits, &fit::GPU)?,
        Goal::Laptop => within(model, spec, limits, &fit::LAPTOP)?,
        Goal::Mobile => within(model, spec, limits, &fit::MOBILE)?,
    };
    composed.recipe.name = Some(spec.name.to_owned());
    composed.recipe.description = Some(format!("For {}", spec.title));
    // The types of such an output are not in its name: next to a lone file of that format it would have the name of the source.
    let alone = model.path.is_file() && model.sidecars.0.is_empty();
    for target in composed.recipe.targets.iter_mut().filter(|t| alone && t.format == model.format) {
        target.output_name.get_or_insert_with(|| format!("{{source}}-{}", spec.name));
    }
    // What cannot be written is found now, and not when the recipe is run.
    match rehearse_model(model, &without_budgets(&composed.recipe), Task::quiet()) {
        // Where the outputs go is decided when the recipe is run, perhaps somewhere else.
        Err(e) if e.os_error().is_none_or(|e| e.kind() != std::io::ErrorKind::PermissionDenied) => Err(e),
        _ => Ok(composed),
    }
}

/// The recipe with a type in place of each budget, whose mix takes time to find.
fn without_budgets(recipe: &Recipe) -> Recipe {
    let plain = |target: &Target| {
        let mut target = target.clone();
        if target.has(&gguf::TARGET_SIZE) {
            target = target.with(&gguf::TARGET_SIZE, None);
            target.quantization = Some("q2_k".to_owned());
        }
        target
    };
    Recipe { targets: recipe.targets.iter().map(plain).collect(), ..recipe.clone() }
}

fn archive() -> Composed {
    let reasons = vec![
        "safetensors contains only tensors: loading it runs no code, and everything reads it.".to_owned(),
        "No quantization: every tensor keeps its type and its bytes.".to_owned(),
        "The manifest has a hash of every tensor and file; `remold verify` checks them years later.".to_owned(),
    ];
    let recipe = Recipe { targets: vec![Target::of(FormatId::Safetensors)], ..Recipe::default() };
    Composed { recipe, reasons }
}

fn server(model: &Model, limits: Limits) -> Result<Composed> {
    let mut target = Target::of(FormatId::Safetensors).with(&common::MAX_SHARD_SIZE, Some("5GB".to_owned()));
    let mut reasons =
        vec!["vLLM, SGLang and TGI read safetensors and are fastest with many requests at once in 16 bits.".to_owned()];
    let wide = |t: &crate::model::TensorEntry| matches!(t.encoding, Encoding::Plain(DType::F32 | DType::F64));
    let mut needed = model.tensor_bytes();
    if model.tensors.iter().any(|t| wide(t) && t.shape.rank() > 1) {
        target.quantization = Some("bf16".to_owned());
        needed = model.parameters().saturating_mul(2);
        reasons.push(
            "The model has matrices in 32 bits; these servers compute in 16 bits by default, and so it takes half."
                .to_owned(),
        );
    } else if model.tensors.iter().any(|t| matches!(t.encoding, Encoding::Block(_))) {
        reasons.push(
            "The model is quantized already: its weights are decoded, which takes more space and restores nothing. Better take the model that it was made from."
                .to_owned(),
        );
    } else {
        reasons.push("Its types are kept: they are no wider than 16 bits.".to_owned());
    }
    reasons.push("Shards of 5 GB are what the Hugging Face libraries write; they load in parallel.".to_owned());
    let types = if target.quantization.is_some() { "in 16 bits" } else { "in its types" };
    let recipe = Recipe { targets: vec![target], ..Recipe::default() };
    if let Some(memory) = limits.memory.filter(|memory| *memory >= needed) {
        reasons.push(format!(
            "The model takes {} {types}; of {} that leaves {} for the KV cache and the server.",
            units::bytes(needed),
            units::bytes(memory),
            units::bytes(memory - needed)
        ));
    }
    if let Some(memory) = limits.memory.filter(|memory| *memory < needed) {
        return Err(ModelError::request(format!(
            "the model takes {} {types}, and there are {}",
            units::bytes(needed),
            units::bytes(memory)
        ))
        .with_hint(
            "Spread it over several GPUs and give the sum of their memory, or take the goal gpu, which quantizes.",
        ));
    }
    Ok(Composed { recipe, reasons })
}

/// The most precise GGUF that fits.
fn within(model: &Model, spec: &GoalSpec, limits: Limits, place: &Place) -> Result<Composed> {
    let quantized = model.tensors.iter().find(|t| matches!(t.encoding, Encoding::Block(_)));
    if let Some(t) = quantized {
        return Err(ModelError::request(format!(
            "the model is quantized already: {} is {}",
            t.name,
            t.encoding.name()
        ))
        .with_hint("Give the model it was made from; quantizing twice loses more."));
    }
    let memory = match (limits.memory, spec.memory) {
        (Some(memory), _) | (None, Memory::Usual(memory)) => memory,
        _ => {
            return Err(ModelError::request("the memory of the GPU is not known")
                .with_hint("Give it with --memory, as in --memory 24GiB."));
        }
    };
    let fit = Fit::of(model, place, memory, limits.context)?;
    let mut reasons = Vec::new();
    if limits.memory.is_none() {
        reasons.push(format!(
            "{} GiB of memory are assumed, as is usual for such a machine; give --memory if it has another.",
            memory / GIB
        ));
    }
    reasons.extend(fit.reasons);
    let target = Target { quantization: fit.quantization, ..Target::of(FormatId::Gguf) }
        .with(&gguf::TARGET_SIZE, fit.target_size)
        .with(&gguf::CONTEXT_LENGTH, limits.context)
        .with(&gguf::MODELFILE, place.modelfile);
    Ok(Composed { recipe: Recipe { targets: vec![target], ..Recipe::default() }, reasons })
}

/// A recipe as a file: its reasons as comments above it.
pub(crate) fn to_text(composed: &Composed, about: &str) -> String {
    let mut out = String::new();
    for line in std::iter::once(about).chain(composed.reasons.iter().map(String::as_str)) {
        comment(line, &mut out);
    }
    out.push_str(&crate::recipe::to_toml(&composed.recipe));
    out
}

/// Widest line of a comment.
const COMMENT_COLUMNS: usize = 96;

fn comment(text: &str, out: &mut String) {
    let mut column = 0;
    for word in text.split_whitespace() {
        if column > 0 && column + 1 + word.chars().count() > COMMENT_COLUMNS {
            out.push('\n');
            column = 0;
        }
        out.push_str(if column == 0 { "# " } else { " " });
        column += word.chars().count() + if column == 0 { 2 } else { 1 };
        // A name may hold anything.
        out.extend(word.chars().filter(|c| !c.is_control()));
    }
    out.push('\n');
}
