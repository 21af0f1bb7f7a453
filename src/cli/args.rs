//! The arguments of every command.

use super::target_flags::TargetFlags;
use super::watch::args::WatchArgs;
use crate::plan::goals::{GOALS, GoalSpec};
use clap::{Args, Parser, Subcommand, value_parser};
use std::path::PathBuf;

/// Converts trained models to the files that runtimes load.
#[derive(Debug, Parser)]
#[command(name = "remold", about, override_usage = "remold [OPTIONS] [DIR]\n       remold [OPTIONS] <COMMAND>")]
#[command(after_help = "Without a command, `remold [DIR]` opens the workbench on a folder of models.\n\
    Exit codes: 0 success; 1 the job failed; 2 invalid request, nothing was written; 3 a check failed; 130 cancelled; 143 or 129 interrupted by \
    SIGTERM or SIGHUP (`remold jobs resume` continues the job). With several models, 1 means that some failed or were skipped.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub workbench: WorkbenchArgs,
    #[command(flatten)]
    pub global: GlobalFlags,
    /// Folder of the jobs, which users and machines may share [default: $REMOLD_JOBS, else ~/.local/state/remold/jobs]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub jobs_root: Option<PathBuf>,
}

/// What every command takes.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalFlags {
    /// Print results and errors only, no progress, notes or warnings; a conversion prints the paths of its outputs
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more: plans and conversions list every tensor with its type and the reason for it, threads and memory
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// When to use colours [default: auto, which respects NO_COLOR, CLICOLOR and CLICOLOR_FORCE]
    #[arg(long, value_name = "WHEN", value_enum, global = true, default_value = "auto", hide_default_value = true)]
    pub color: ColorWhen,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorWhen {
    Auto,
    Always,
    Never,
}

impl WorkbenchArgs {
    /// The first of these that was given, as it is called in a message.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let given = [
            (self.dir.is_some(), "a folder to open"),
            (self.theme.is_some(), "--theme"),
            (self.ascii, "--ascii"),
            (self.no_mouse, "--no-mouse"),
            (self.fresh, "--fresh"),
            (self.read_only, "--read-only"),
        ];
        given.into_iter().find_map(|(is, name)| is.then_some(name))
    }
}

impl Cli {
    /// The number of threads that a command was given, to be capped.
    pub(crate) fn threads(&mut self) -> Option<&mut usize> {
        Some(match self.command.as_mut()? {
            Command::Convert(a) => &mut a.run.threads,
            Command::Split(a) => &mut a.run.threads,
            Command::Merge(a) => &mut a.run.threads,
            Command::Run(a) => &mut a.run.threads,
            Command::Plan(a) => &mut a.threads,
            Command::Compare(a) => &mut a.threads,
            Command::Imatrix(a) => &mut a.threads,
            Command::Eval(a) => &mut a.threads,
            Command::Verify(a) => &mut a.threads,
            Command::Watch(a) => &mut a.rule.threads,
            _ => return None,
        })
    }
}

/// A size that is more than nothing.
pub(super) fn size(text: &str) -> Result<String, &'static str> {
    match crate::recipe::parse_size(text) {
        None | Some(0) => Err("write it as 4G, 500M or 4.5GiB"),
        Some(_) => Ok(text.to_owned()),
    }
}

/// The whole command tree.
pub(crate) fn command() -> clap::Command {
    // A plan has the options that change what it forecasts; the others are accepted, for the command that it prints.
    <Cli as clap::CommandFactory>::command()
        .version(super::version::short())
        .long_version(super::version::long())
        .mut_subcommand("plan", |plan| {
            super::target_flags::without_effect_on_a_forecast()
                .fold(plan, |plan, long| plan.mut_arg(long, |arg| arg.hide(true)))
        })
        // What is not in an output cannot be compared with it.
        .mut_subcommand("verify", |verify| {
            super::target_flags::of_the_runtime()
                .fold(verify, |verify, long| verify.mut_arg(long, |arg| arg.hide(true)))
        })
}

/// The commands and options that the help shows. clap's completions and manual pages list hidden ones too: commands that remold starts
/// itself, and options without effect.
pub(super) fn shown_commands() -> clap::Command {
    shown(&command()).version(super::version::short())
}

/// Commands whose hidden options have no effect.
const WITHOUT_EFFECT: [&str; 2] = ["plan", "verify"];

/// A command without what its help hides.
fn shown(all: &clap::Command) -> clap::Command {
    // Elsewhere hidden options have an effect, and others may conflict with them.
    let drops = WITHOUT_EFFECT.contains(&all.get_name());
    let is_shown = |a: &&clap::Arg| !(drops && a.is_hide_set());
    let has = |id: &clap::Id| all.get_arguments().filter(is_shown).any(|a| a.get_id() == id);
    // A group of none is left out with its arguments.
    let groups = all.get_groups().filter_map(|group| {
        let ids: Vec<clap::Id> = group.get_args().filter(|id| has(id)).cloned().collect();
        (!ids.is_empty()).then(|| clap::ArgGroup::new(group.get_id().clone()).args(ids).multiple(true))
    });
    // clap wants names that live as long as the process.
    let name: &'static str = String::leak(all.get_name().to_owned());
    let own = clap::Command::new(name)
        .args(all.get_arguments().filter(is_shown).cloned())
        .groups(groups)
        .subcommands(all.get_subcommands().filter(|c| !c.is_hide_set()).map(shown));
    let own = all.get_about().cloned().into_iter().fold(own, clap::Command::about);
    all.get_after_help().cloned().into_iter().fold(own, clap::Command::after_help)
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Workbench options")]
pub(crate) struct WorkbenchArgs {
    /// Folder of models to open in the workbench
    #[arg(value_name = "DIR", help_heading = None::<&'static str>)]
    pub dir: Option<PathBuf>,
    /// Theme of the workbench: dark, light, high-contrast, colour-blind, ansi16, mono, or a file in the themes folder
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
    /// Leave the mouse to the terminal
    #[arg(long)]
    pub no_mouse: bool,
    /// Do not restore the last session in this folder
    #[arg(long)]
    pub fresh: bool,
    /// Look only: no key writes or deletes a file, or starts or stops a job or a watcher
    #[arg(long)]
    pub read_only: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the contents of a model file or folder
    Inspect(InspectArgs),
    /// Convert a model to one or several formats
    Convert(Box<ConvertArgs>),
    /// Split a GGUF into several files
    Split(SplitArgs),
    /// Merge the files of a split GGUF into one
    Merge(MergeArgs),
    /// Forecast size, error and time of every quantization, and the best mix for a budget
    Plan(Box<PlanArgs>),
    /// Run a recipe
    Run(RunArgs),
    /// Export every checkpoint of a training run as soon as it is complete
    Watch(Box<WatchArgs>),
    /// Check that an output is unchanged since it was written, or that it matches its source
    Verify(Box<VerifyArgs>),
    /// Compare variants of a model: sizes, and the error of each tensor against a baseline
    Compare(CompareArgs),
    /// Compute, merge or show an importance matrix: how strongly each column of each weight is used on a text
    Imatrix(super::imatrix_args::ImatrixArgs),
    /// Measure what models say: perplexity on a text, and the divergence from a baseline
    Eval(EvalArgs),
    /// List, show, follow, pause, cancel, resume or clean jobs
    Jobs(JobsArgs),
    /// List, show, check or make recipes
    Recipe(RecipeArgs),
    /// Check the terminal, the machine and remold's folders, and show how to fix problems
    Doctor(DoctorArgs),
    /// List the formats, architectures and quantizations
    Formats(FormatsArgs),
    /// Show, check or print the configuration of the workbench
    Config(ConfigArgs),
    /// Print shell completions
    #[command(after_help = super::completions::INSTALL)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the values that an argument can have, for shell completions
    #[command(hide = true)]
    Complete {
        /// What is completed
        kind: super::completions::Values,
    },
    /// Print the manual page, or write the pages of all commands to a folder
    #[command(
        after_help = "`remold man | man -l -` shows the page. `remold man --dir ~/.local/share/man/man1` installs all of them, for `man remold-convert`."
    )]
    Man {
        /// Write the pages to this folder: remold.1, remold-convert.1 and so on
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Derive the shape of a chat template from stdin (started by remold itself)
    #[command(hide = true)]
    ChatShape,
    /// Run the job of a folder (started by remold itself)
    #[command(hide = true)]
    Worker {
        /// The job's folder
        dir: PathBuf,
        /// Continue from the journal
        #[arg(long)]
        resume: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub command: Option<ConfigCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show where the files are (the default)
    Path {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Check config.toml, keys.toml and the themes; exit code 2 if there is a problem
    Check,
    /// Print a commented config.toml with every default
    Default,
    /// Print the keys of every command, as lines of keys.toml
    Keys,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A model file, a model folder, or a folder of models
    pub path: PathBuf,
    /// List every tensor
    #[arg(long)]
    pub tensors: bool,
    /// List all metadata in full
    #[arg(long)]
    pub metadata: bool,
    /// Show how every field of config.json is converted
    #[arg(long)]
    pub config: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// The model: a file or a folder; several are converted one after another
    #[arg(required = true, value_name = "SRC")]
    pub src: Vec<PathBuf>,
    /// What to make: FORMAT or FORMAT:QUANT, as in gguf:q4_k_m or safetensors:bf16; may be repeated [default: what the name of the output says]
    #[arg(long, value_name = "FORMAT[:QUANT]")]
    pub to: Vec<String>,
    /// Output file, or folder for several targets or models
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Read targets and options from a recipe file or a recipe by name
    #[arg(short, long, value_name = "RECIPE")]
    pub recipe: Option<String>,
    /// Set a recipe key, as in target.context_length=4096; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Read only the tensors: no configuration, no tokenizer, no check that the model is complete
    #[arg(long)]
    pub bare: bool,
    /// Write sparse tensors of a PyTorch file in full
    #[arg(long)]
    pub densify: bool,
    /// A hyper-parameter that a ggml file from before GGUF does not store: heads, kv_heads, context, norm_epsilon, rope_base; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub hyperparameter: Vec<String>,
    /// A LoRA adapter of llama.cpp from before GGUF (ggla) to add to the model
    #[arg(long, value_name = "FILE")]
    pub lora: Option<PathBuf>,
    /// An earlier output of the same kind; tensors whose source is unchanged are copied from it instead of being encoded again
    #[arg(long, value_name = "OUTPUT")]
    pub reuse: Option<PathBuf>,
    /// A text to measure the outputs on against the source, once they are written: perplexity, divergence, tokens
    #[arg(long, value_name = "FILE")]
    pub validate: Option<PathBuf>,
    /// End with exit code 3 if this condition holds for an output, as in 'kld_mean > 0.05' (metrics: remold eval --help); may be repeated
    #[arg(long, value_name = "CONDITION")]
    pub fail_if: Vec<String>,
    /// Replace existing outputs
    #[arg(long)]
    pub force: bool,
    /// Convert even if checksums in the source do not match its bytes
    #[arg(long)]
    pub no_checksums: bool,
    #[command(flatten)]
    pub options: TargetFlags,
    #[command(flatten)]
    pub run: RunFlags,
    #[command(flatten)]
    pub many: ManyFlags,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The model: a file or a folder
    pub src: PathBuf,
    #[command(flatten)]
    pub options: TargetFlags,
    /// Count sparse tensors of a PyTorch file in full
    #[arg(long)]
    pub densify: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Threads to measure with; 0 is all cores [default: all cores]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Measure even if checksums in the source do not match its bytes
    #[arg(long)]
    pub no_checksums: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Models of different formats can be compared: the tensors of a Hugging Face folder get GGUF names first, as in a conversion.\n\
        Graphs are also run on the same inputs, and their outputs are compared; a checkpoint next to a graph becomes one first, as in a conversion. Inputs are \
        made from a seed, or read with --data. docs/compare.md says how.\n\
        With --json, there is a metric event for every figure and a tensor.finished event for every tensor of every model (output: the model's \
        position on the command line)."
)]
pub(crate) struct CompareArgs {
    /// Two to six variants of the same model: files or folders
    #[arg(required = true, value_name = "MODEL")]
    pub models: Vec<PathBuf>,
    /// The model to compare the others with [default: the source of the models, if their manifests or jobs name one; else the most precise model]
    #[arg(long, value_name = "MODEL")]
    pub baseline: Option<PathBuf>,
    /// Write the comparison to a file: .html (report with plots), .md (report), .csv (one line per tensor) or .json (everything); may be repeated
    #[arg(long, value_name = "FILE")]
    pub export: Vec<PathBuf>,
    /// Replace existing files of --export
    #[arg(long, requires = "export")]
    pub force: bool,
    /// List every tensor
    #[arg(long)]
    pub tensors: bool,
    /// Context length for the memory estimate, in tokens [default: 4096, or the context length of the models if it is shorter]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub context: Option<u64>,
    /// Also run the models on this text: perplexity, KL divergence and agreement, as remold eval measures them. For graphs, the file with their inputs: .npz, .npy or .safetensors
    #[arg(long, value_name = "FILE", group = "text")]
    pub data: Option<PathBuf>,
    /// For graphs: the size of a dimension of the inputs that are made, such as batch_size=2; may be repeated
    #[arg(long = "dim", value_name = "NAME=N", value_parser = super::compare_graphs::dimension, conflicts_with_all = ["data", "prompt"])]
    pub dims: Vec<(String, i64)>,
    /// For graphs: find the first node whose value differs, also if all outputs are within the tolerance
    #[arg(long, conflicts_with = "prompt")]
    pub bisect: bool,
    /// Tokens of a window of the text [default: 512, or the context length of the models if it is shorter]
    #[arg(long, value_name = "N", requires = "data", value_parser = value_parser!(u32).range(4..=16_777_216))]
    pub window: Option<u32>,
    /// Use only the first N windows of the text; for embedding models, the first N texts
    #[arg(long, value_name = "N", requires = "data", value_parser = value_parser!(u32).range(1..))]
    pub chunks: Option<u32>,
    /// Let the models continue this text, side by side, instead of comparing their weights
    #[arg(long, value_name = "TEXT", group = "text", conflicts_with_all = ["export", "tensors"])]
    pub prompt: Option<String>,
    /// Put the prompt into the chat template of the models, as a message of a user
    #[arg(long, requires = "prompt")]
    pub chat: bool,
    /// Tokens to continue the prompt with, at most
    #[arg(long, value_name = "N", requires = "prompt", default_value_t = 64, value_parser = value_parser!(u32).range(1..=65_536))]
    pub tokens: u32,
    /// Choose tokens at random by their probability, with logits divided by T [default: the most probable token]
    #[arg(long, value_name = "T", requires = "prompt", value_parser = positive)]
    pub temperature: Option<f64>,
    /// Seed of --temperature; for graphs, of the inputs that are made [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// List the five most probable tokens of every model at every position
    #[arg(long, requires = "prompt")]
    pub top: bool,
    /// With --data or --prompt: round the inputs of matrix products as a program does [default: exact]
    #[arg(long = "as", value_name = "PROGRAM", requires = "text")]
    pub rounding: Option<AsProgram>,
    /// Print events as JSON lines
    #[arg(long)]
    pub json: bool,
    /// Threads to compare with; 0 is all cores [default: all cores]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Compare even if checksums in the models do not match their bytes
    #[arg(long)]
    pub no_checksums: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Perplexity, KL divergence and the other figures are defined as in llama-perplexity, and so are the windows of the text. docs/eval.md says what each \
        figure means and what is usual. Models are read layer by layer: memory does not grow with the model.\n\
        Exit codes: 0 done; 1 failed; 2 invalid request; 3 a --fail-if condition holds; 130 cancelled."
)]
pub(crate) struct EvalArgs {
    /// The models: files or folders
    #[arg(required = true, value_name = "MODEL")]
    pub models: Vec<PathBuf>,
    /// The text: a UTF-8 file of at least two windows; for embedding models one text per line
    #[arg(long, value_name = "FILE", required_unless_present_any = ["logits", "speed", "hellaswag", "winogrande", "multiple_choice"])]
    pub data: Option<PathBuf>,
    /// The model to compare the others with, for instance the one they were made from
    #[arg(long, value_name = "MODEL")]
    pub baseline: Option<PathBuf>,
    /// Tokens of a window [default: 512, or the context length of the models if it is shorter]
    #[arg(short, long, value_name = "N", value_parser = value_parser!(u32).range(4..=16_777_216))]
    pub context: Option<u32>,
    /// Begin a window every N tokens and score its last N tokens, as llama-perplexity does with --ppl-stride; windows are N/2 tokens longer then
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=16_777_216))]
    pub stride: Option<u32>,
    /// Use only the first N windows; for embedding models, the first N texts
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub chunks: Option<u32>,
    /// Round the inputs of matrix products as a program does, to get its figures [default: exact]
    #[arg(long = "as", value_name = "PROGRAM")]
    pub rounding: Option<AsProgram>,
    /// Use the log-probabilities in this file as the baseline: one of llama-perplexity --kl-divergence-base, or of --save-logits. It contains the tokens of the text
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    pub logits: Option<PathBuf>,
    /// Save the log-probabilities of the baseline, or of the only model, to a file that llama-perplexity reads
    #[arg(long, value_name = "FILE", conflicts_with = "logits")]
    pub save_logits: Option<PathBuf>,
    /// HellaSwag tasks in the format of llama-perplexity --hellaswag: how often the right ending is the most probable one
    #[arg(long, value_name = "FILE")]
    pub hellaswag: Option<PathBuf>,
    /// Winogrande tasks in the format of llama-perplexity --winogrande
    #[arg(long, value_name = "FILE")]
    pub winogrande: Option<PathBuf>,
    /// Tasks in the format of llama-perplexity --multiple-choice, such as those of ARC, MMLU or TruthfulQA
    #[arg(long, value_name = "FILE")]
    pub multiple_choice: Option<PathBuf>,
    /// Use N tasks of each file, chosen as llama-perplexity chooses them; 0 for all [default: 400 of HellaSwag, else all]
    #[arg(long, value_name = "N")]
    pub tasks: Option<u32>,
    /// Also measure speed and memory: in llama.cpp, if llama-bench or llama-cli is found, and in remold's own pass
    #[arg(long)]
    pub speed: bool,
    /// The folder with the programs of llama.cpp [default: $REMOLD_LLAMA_CPP, else PATH]
    #[arg(long, value_name = "DIR", requires = "speed")]
    pub llama_cpp: Option<PathBuf>,
    /// Repetitions of each measurement of speed, of which the median is taken [default: 5]
    #[arg(long, value_name = "N", requires = "speed", value_parser = value_parser!(u32).range(1..=100))]
    pub speed_runs: Option<u32>,
    /// Exit with 3 if this holds for any model, as in 'kld_mean > 0.01'; may be repeated. --help lists the metrics
    #[arg(long, value_name = "CONDITION", long_help = super::eval::fail_if_help())]
    pub fail_if: Vec<String>,
    /// Memory for hidden states and logits, as in 1GiB [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory: Option<String>,
    /// Also list the divergence of the hidden state after every layer
    #[arg(long)]
    pub layers: bool,
    /// Print events as JSON lines
    #[arg(long)]
    pub json: bool,
    /// Run in a worker process that outlives this terminal; `remold jobs` shows the result
    #[arg(long)]
    pub detach: bool,
    /// Threads to compute with; 0 is all cores [default: all cores]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
}

/// Programs whose rounding can be reproduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AsProgram {
    /// Weights as stored, activations in f32
    Exact,
    /// llama.cpp on a CPU
    #[value(name = "llama.cpp")]
    LlamaCpp,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Every output that remold writes has a manifest next to it, NAME.remold.json, with the checksums of all its bytes.\n\
        Exit codes: 0 everything matches; 1 the output cannot be read; 2 invalid request; 3 something differs, or there is no manifest to compare the \
        bytes with."
)]
pub(crate) struct VerifyArgs {
    /// The output: a file, a folder, any file of a split GGUF, or its manifest
    pub output: PathBuf,
    /// Rebuild the output from this source, tensor by tensor and without writing, and compare; with the recipe in its manifest, or with --recipe or --to
    #[arg(long, value_name = "MODEL")]
    pub source: Option<PathBuf>,
    /// Use this target instead of the one in the manifest: FORMAT or FORMAT:QUANT, as in gguf:q4_k_m
    #[arg(long, value_name = "FORMAT[:QUANT]", requires = "source", conflicts_with = "recipe")]
    pub to: Option<String>,
    /// Use this recipe instead of the one in the manifest: a recipe file or a recipe by name
    #[arg(short, long, value_name = "RECIPE", requires = "source")]
    pub recipe: Option<String>,
    /// Set a recipe key, as in target.context_length=4096; may be repeated
    #[arg(long, value_name = "KEY=VALUE", requires = "source")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub options: TargetFlags,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Threads to check with; 0 is all cores [default: all cores]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The files are NAME-00001-of-0000N.gguf, byte for byte those of llama-gguf-split. llama.cpp loads all of them when given the first one.\n\
        To split while quantizing: `remold convert … --max-shard-size 4G`."
)]
#[command(group = clap::ArgGroup::new("limit").required(true).multiple(true))]
pub(crate) struct SplitArgs {
    /// The GGUF, or any file of a split GGUF to split again
    pub file: PathBuf,
    /// Maximum tensor data per file, as in 4G; a larger tensor gets a separate file
    #[arg(long, alias = "split-max-size", value_name = "SIZE", group = "limit", value_parser = size)]
    pub max_size: Option<String>,
    /// Maximum number of tensors per file
    #[arg(long, alias = "split-max-tensors", value_name = "N", group = "limit", value_parser = at_least_one::<u64>, conflicts_with = "max_size")]
    pub max_tensors: Option<u64>,
    /// Maximum number of whole layers per file; a tensor outside the layers stays with the tensor before it
    #[arg(long, alias = "split-max-layers", value_name = "N", group = "limit", value_parser = at_least_one::<u64>, conflicts_with_all = ["max_size", "max_tensors"])]
    pub max_layers: Option<u64>,
    /// Write only metadata to the first file
    #[arg(long, group = "limit")]
    pub no_tensor_first_split: bool,
    /// Output name without -00001-of-0000N.gguf, or a folder [default: the source's name]
    #[arg(short, long, value_name = "PREFIX")]
    pub output: Option<PathBuf>,
    /// Replace existing outputs
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub run: RunFlags,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The merged file has the bytes of the file that was split. (llama-gguf-split --merge leaves three keys of the split in it.)\n\
        The merged files are not removed."
)]
pub(crate) struct MergeArgs {
    /// Any file of the set, or all of them
    #[arg(required = true, value_name = "SHARD")]
    pub shards: Vec<PathBuf>,
    /// Output file or folder [default: NAME.gguf next to the files]
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Replace an existing output
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub run: RunFlags,
}

/// How to run.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Running")]
pub(crate) struct RunFlags {
    /// Print the plan and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print events as JSON lines
    #[arg(long)]
    pub json: bool,
    /// Run in a worker process that outlives this terminal
    #[arg(long)]
    pub detach: bool,
    /// Worker threads; 0 is all cores [default: all cores]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Do not write manifests (NAME.remold.json) next to the outputs
    #[arg(long)]
    pub no_manifest: bool,
    /// Maximum memory, as in 2GB; fewer threads run if it is low [default: 80 % of the available memory]
    #[arg(long, value_name = "SIZE")]
    pub max_memory: Option<String>,
}

/// How several models are converted.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Several models")]
pub(crate) struct ManyFlags {
    /// Convert every model in these folders and the folders below; outputs of remold and formats that cannot be read are left out
    #[arg(long)]
    pub recursive: bool,
    /// Stop at the first model that fails; if one cannot be planned, nothing is written
    #[arg(long)]
    pub fail_fast: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A recipe file, or a recipe by name
    pub recipe: String,
    /// The model, if the recipe does not name one; several are converted one after another
    #[arg(value_name = "SRC")]
    pub sources: Vec<PathBuf>,
    /// The same as SRC
    #[arg(long, value_name = "PATH", conflicts_with = "sources")]
    pub source: Option<PathBuf>,
    /// Set a recipe key; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Replace existing outputs
    #[arg(long)]
    pub force: bool,
    /// Convert even if checksums in the source do not match its bytes
    #[arg(long)]
    pub no_checksums: bool,
    #[command(flatten)]
    pub run: RunFlags,
    #[command(flatten)]
    pub many: ManyFlags,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Detached jobs and jobs of the workbench are queued: one runs at a time, or as many as REMOLD_JOBS_AT_ONCE allows. `remold convert` without \
        --detach starts immediately."
)]
pub(crate) struct JobsArgs {
    #[command(subcommand)]
    pub command: Option<JobsCommand>,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// List all jobs, newest first
    List,
    /// Show one job: details, outputs, warnings, errors and report
    Show {
        /// The job's number
        id: String,
    },
    /// Follow a job to its end
    Attach {
        /// The job's number
        id: String,
    },
    /// Stop a job and remove its unfinished files
    Cancel {
        /// The job's number
        id: String,
    },
    /// Pause a running job; the next job in the queue may run
    Pause {
        /// The job's number
        id: String,
    },
    /// Continue a paused, interrupted or lost job; start a cancelled or failed job again under the same number
    Resume {
        /// The job's number
        id: String,
    },
    /// Print a job's events and log
    Log {
        /// The job's number
        id: String,
    },
    /// Plan and run the recipe of a job again, as a new job
    Rerun {
        /// The job's number
        id: String,
        /// Replace existing outputs
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        run: RunFlags,
    },
    /// Remove the folder of an ended job; its outputs stay
    Remove {
        /// The job's number
        id: String,
    },
    /// Remove the folders of ended jobs. Jobs that were interrupted and can be continued are kept, as are all outputs
    Clean {
        /// Also remove jobs that can be continued, and their unfinished files
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 remold can run; 1 a problem keeps it from running.")]
pub(crate) struct DoctorArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FormatsArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RecipeArgs {
    #[command(subcommand)]
    pub command: RecipeCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecipeCommand {
    /// List the built-in recipes and your own
    List {
        /// Print JSON lines
        #[arg(long)]
        json: bool,
    },
    /// Print a recipe
    Show {
        /// Its name
        name: String,
    },
    /// Check a recipe file: TOML, YAML or JSON
    Check {
        /// The file
        file: PathBuf,
    },
    /// Print a commented recipe to start from: for a model and a purpose, or a template
    New(NewArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The model: a file or a folder; needs --goal
    #[arg(value_name = "MODEL", requires = "goal")]
    pub model: Option<PathBuf>,
    /// What the model is for
    #[arg(long, value_name = "GOAL", value_parser = goals(), requires = "model")]
    pub goal: Option<String>,
    /// Memory of the machine that the model will run on, as in 24GiB
    #[arg(long, value_name = "SIZE", requires = "goal", value_parser = size)]
    pub memory: Option<String>,
    /// Tokens that the model is to see at once [default: what it was trained with, up to 8192, or 4096 for mobile]
    #[arg(long, value_name = "N", requires = "goal")]
    pub context_length: Option<u64>,
    /// Write it to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The purposes, each with what is made for it.
fn goals() -> impl clap::builder::TypedValueParser<Value = String> {
    use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _};
    let value = |g: &GoalSpec| PossibleValue::new(g.name).help(format!("{}: {}", g.title, g.makes));
    PossibleValuesParser::new(GOALS.iter().map(value)).map(|s| s)
}

/// A whole number above zero.
pub(super) fn at_least_one<T: std::str::FromStr + PartialOrd + From<u8>>(text: &str) -> Result<T, String> {
    let number = text.parse::<T>().ok().filter(|n| *n >= T::from(1));
    number.ok_or_else(|| "write a whole number, at least 1".to_owned())
}

/// A number above zero.
fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0);
    number.ok_or_else(|| "write a number above zero, for instance 0.8".to_owned())
}
